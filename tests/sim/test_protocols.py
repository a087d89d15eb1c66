"""By which protocol a platoon agrees: ours, or a user's own, which cannot raise a level above what was said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from karyon.sim.documents import InputError
from karyon.sim.run import simulate
from karyon.sim.scenario import dump, read
from tests.blocks import blocks, files

PAGE = (Path(__file__).parents[2] / "docs/agreement.md").read_text("utf-8")
PROGRAMS = [(block.language, block.text) for block in blocks(PAGE) if not block.title]
LATE = 60  # rounds, later than any trial: half a second each
OTHERS = f"""
import numpy as np
from my_protocol import AllOrNone


class High(AllOrNone):
    def listen(self, heard, came):
        return np.where(super().listen(heard, came) > self.base, 3, self.base)


class Later(AllOrNone):
    rounds = 0

    def listen(self, heard, came):
        self.rounds += 1
        levels = super().listen(heard, came)
        return self.answer(levels) if self.rounds > {LATE} else levels


class FailsLater(Later):
    def answer(self, levels):
        raise KeyError("lost")


class HighLater(Later):
    def answer(self, levels):
        return np.where(np.arange(self.members)[:, None] == 3, 7, levels)
"""


@pytest.fixture
def own_protocols(tmp_path, monkeypatch):
    """The current folder holds the protocol of the page, and some that are no good."""
    (tmp_path / "my_protocol.py").write_text(files("agreement.md")["my_protocol.py"], "utf-8")
    (tmp_path / "others.py").write_text(OTHERS, "utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("my_protocol", "others"):
        sys.modules.pop(name, None)


def run(*overrides, seconds=33):
    (result,) = simulate([read("platoon", [f"duration={seconds}", *overrides], 7)], [None])
    assert result.summary["collisions"] == 0
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
    return result


def agreements(result):
    return [event for event in result.events if event["kind"] == "agreement"]


@pytest.mark.parametrize("loss", [0.0, 0.2, 1.0])
def test_the_protocol_of_the_manual_drives_the_platoon(own_protocols, loss):
    result = run("acc.agreement=my_protocol:AllOrNone", f"radio.loss={loss}")
    acc = result.summary["functions"]["acc"]
    assert acc["worst_disagreement"] <= 1
    assert agreements(result) == []
    assert acc["los_share"]["3"] > 0.85 if loss == 0.0 else acc["los_share"]["3"] < 0.95


def test_without_splits_all_fall_for_one(own_protocols):
    """That is what it does otherwise than ours."""
    fault = "faults=[{vehicle: 4, signal: front.distance, mode: omission, onset: 12, duration: 5}]"
    fallen = {
        name: {event["vehicle"] for event in run(*chosen, fault, seconds=18).events if event.get("from") == 3}
        for name, chosen in {"ours": [], "manual": ["acc.agreement=my_protocol:AllOrNone"]}.items()
    }
    assert fallen["ours"] < fallen["manual"] == set(range(1, 8))


def test_a_protocol_that_fails_in_a_run_ends_cooperation_and_not_the_run(own_protocols):
    result = run("acc.agreement=others:FailsLater")
    (event,) = agreements(result)
    said = "no cooperation from here on: the agreement protocol raised KeyError: 'lost'"
    assert (event["text"], event["breach"]) == (said, "error")
    assert event["time"] == pytest.approx((LATE + 1) / 2, abs=0.11)
    falls = [one for one in result.events if one["kind"] == "los" and one["time"] >= event["time"]]
    assert {one["vehicle"] for one in falls if (one["from"], one["to"]) == (3, 2)} == set(range(1, 8))
    assert not any(one["to"] == 3 for one in falls)
    assert result.summary["functions"]["acc"]["worst_disagreement"] <= 1


def test_a_car_whose_protocol_answers_too_much_does_not_cooperate_and_is_counted(own_protocols):
    result = run("acc.agreement=others:HighLater", seconds=42)
    told = agreements(result)
    assert {event["vehicle"] for event in told} == {3}
    assert {event["breach"] for event in told} == {"no_level"}
    assert [event["time"] for event in told] == [40.0, 42.0]
    assert sum(event["count"] for event in told) > 10
    assert told[0]["text"].startswith("no cooperation in ")
    assert result.summary["functions"]["acc"]["worst_disagreement"] <= 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("my_protocol", "acc.agreement names no protocol: my_protocol"),
        ("no_such:One", "acc.agreement cannot be loaded: No module named 'no_such'"),
        ("my_protocol:AllOrNon", "did you mean `AllOrNone`?"),
        ("my_protocol:np", "names `np`, which is no Protocol"),
        ("my_protocol:np", "derive it from Protocol, see docs/agreement.md"),
        ("others:High", "breaks what a protocol has to keep: it proposes or agrees to what is no level"),
        ("others:High", "see docs/agreement.md"),
    ],
)
def test_a_protocol_that_cannot_be_used_is_refused_where_it_is_named(own_protocols, path, said):
    with pytest.raises(InputError) as error:
        read("platoon", [f"acc.agreement={path}"])
    assert said in str(error.value)
    assert f"--set acc.agreement={path}" in str(error.value)


def test_one_is_told_of_a_protocol_that_is_not_asked(own_protocols):
    warnings = read("platoon", ["acc.agreement=my_protocol:AllOrNone", "acc.max_los=2"]).warnings
    assert "acc.agreement agrees on nothing: no level asks what a platoon has agreed to" in warnings


def test_the_scenario_as_run_names_it_again(own_protocols):
    loaded = read("platoon", ["acc.agreement=my_protocol:AllOrNone"])
    (own_protocols / "again.yaml").write_text(dump(loaded))
    assert read(own_protocols / "again.yaml").scenario == loaded.scenario


@pytest.mark.parametrize(("language", "text"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_page_does_what_it_says(own_protocols, language, text):
    command = {"sh": ["sh", "-ec", text], "python": [sys.executable, "-c", text]}[language]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no collision" in done.stdout or language == "python"
