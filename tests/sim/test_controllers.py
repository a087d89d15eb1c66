"""Which law drives the cooperative levels: chosen in a scenario or a safety design, ours or a user's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from karyon.kernel import Design
from karyon.sim import controllers
from karyon.sim.documents import InputError
from karyon.sim.run import simulate
from karyon.sim.safety_file import read_design
from karyon.sim.scenario import dump, read
from tests.blocks import blocks, files

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/controllers.md").read_text("utf-8")
SHELL = [block.text for block in blocks(PAGE) if block.language == "sh"]
BAD = """
import numpy as np

class Mean:
    def acceleration(self, seen, command, response, step):
        return seen.relative_speed.mean() + 0.0 * command

class Full:
    def acceleration(self, seen, command, response, step):
        return np.full(seen.gap.shape, 3.0)

class Wild:
    def acceleration(self, seen, command, response, step):
        return 20.0 * np.sin(1e4 * seen.gap + 1e3 * seen.speed)

class Heavy:
    def __init__(self, mass):
        pass
"""


@pytest.fixture
def own_laws(tmp_path, monkeypatch):
    """The current folder holds the law of the page, and some that are no good."""
    (tmp_path / "my_laws.py").write_text(files("controllers.md")["my_laws.py"], "utf-8")
    (tmp_path / "bad_laws.py").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("my_laws", "bad_laws"):
        sys.modules.pop(name, None)


def summary(*overrides):
    (result,) = simulate([read("platoon", ["duration=30", *overrides], 7)], [None])
    return result.summary


@pytest.fixture(scope="module")
def usual():
    """The platoon with the law of its design."""
    return summary()


def refusal(law):
    with pytest.raises(InputError) as raised:
        read("platoon", [f"acc.controller={law}"])
    (fault,) = raised.value.faults
    return fault.message, fault.hint


def levels(design):
    return [dict(level.controller) for level in design.function("acc").levels]


def test_a_scenario_chooses_the_law_of_the_levels_that_cooperate():
    """Numbers that mean the same to any law stay; those of the law that was there go with it."""
    before, after = levels(read("platoon").design), levels(read("platoon", ["acc.controller=path"]).design)
    assert after[:2] == before[:2]
    assert after[2] == {"law": "path", "time_gap": 0.9, "closing": 1.0}
    assert after[3] == before[3]  # is that law, with numbers of its own
    assert levels(read("platoon", ["acc.controller=ploeg"]).design)[3] == {
        "law": "ploeg",
        "time_gap": 0.5,
        "closing": 1.0,
    }
    assert before[3] == {"law": "path", "time_gap": 0.5, "closing": 1.0, "leader_share": 0.5, "bandwidth": 1.0}


def test_naming_the_law_that_is_there_changes_nothing():
    before, after = levels(read("platoon").design), levels(read("platoon", ["acc.controller=path"]).design)
    assert after[3:] == before[3:]
    after = levels(read("platoon", ["acc.controller=ploeg"]).design)
    assert after[:3] == [*before[:2], before[2] | {"law": "ploeg"}]


@pytest.mark.parametrize("law", ["path", "ploeg", "my_laws:Elastic"])
def test_another_law_drives_the_platoon_as_safely_and_as_near(law, own_laws, usual):
    found = summary(f"acc.controller={law}")
    assert found["min_gap"] != usual["min_gap"]
    assert found["collisions"] == 0
    assert not any(goal["violated"] for goal in found["safety_goals"].values())
    assert found["mean_time_gap"] == pytest.approx(usual["mean_time_gap"], abs=0.1)
    assert found["functions"]["acc"]["los_share"]["3"] > 0.85


def test_the_scenario_as_run_drives_the_same_law_again(own_laws):
    loaded = read("platoon", ["acc.controller=path"])
    (own_laws / "again.yaml").write_text(dump(loaded))
    assert read(own_laws / "again.yaml").design == loaded.design


@pytest.mark.parametrize(
    ("law", "said", "hint"),
    [
        ("pth", "names no law: pth", "did you mean `path`?"),
        ("human", "names no law: human", "there are ploeg, path, and your own as `module:Class`"),
        ("no_such:Law", "cannot be loaded: No module named 'no_such'", "modules are looked for"),
        ("my_laws:Elastik", "names `Elastik`, which my_laws has not", "did you mean `Elastic`?"),
        ("my_laws:__name__", "names `__name__`, which is no class", ""),
        ("builtins:dict", "names `dict`, which is no class", ""),
        ("bad_laws:Heavy", "`controller.mass` is missing", ""),
        ("bad_laws:Mean", "breaks what a law has to keep: it answers otherwise", "see docs/controllers.md"),
    ],
)  # fmt: skip
def test_a_law_that_cannot_drive_is_refused(law, said, hint, own_laws):
    message, found = refusal(law)
    assert message.startswith(f"acc.controller {said}")
    assert found.startswith(hint)


@pytest.mark.parametrize("law", ["Full", "Wild"])
def test_no_law_makes_a_platoon_unsafe(law, own_laws):
    """Full power, or nonsense, with noise and loss, while the leader brakes as hard as all have declared."""
    brakes = ["leader.speed=[[0, 27], [20, 3], [35, 27]]", "leader.deceleration=6", "radio.loss=0.3", "duration=40"]
    runs = [read("platoon", [*brakes, f"acc.controller=bad_laws:{law}"], seed) for seed in (1, 2)]
    for result in simulate(runs, [None] * len(runs)):
        assert result.summary["collisions"] == 0
        assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
        assert result.summary["functions"]["acc"]["los_share"]["3"] > 0.1


@pytest.mark.parametrize("block", SHELL)
def test_the_page_does_what_it_says(block, own_laws):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(["sh", "-ec", block], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no collision" in done.stdout


def test_the_command_refuses_it_with_exit_code_2(own_laws):
    command = [sys.executable, "-m", "karyon", "run", "platoon", "--set", "acc.controller=bad_laws:Mean"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "breaks what a law has to keep" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_one_is_told_of_a_law_that_will_not_drive():
    assert (
        "acc.controller drives nothing: it is of LoS 2 and above"
        in read("platoon", ["acc.controller=path", "acc.max_los=1"]).warnings
    )


def design_with(tmp_path, controller, level=3):
    text = (ROOT / "scenarios/safety/platoon.yaml").read_text("utf-8")
    found = list(re.finditer(r"controller: \{.*?\}", text))[level]
    path = tmp_path / "design.yaml"
    path.write_text(text[: found.start()] + f"controller: {{{controller}}}" + text[found.end() :])
    return path


def test_a_design_chooses_the_law_of_a_level_with_its_numbers(tmp_path, own_laws):
    chosen = "law: 'my_laws:Elastic', time_gap: 0.5, stiffness: 0.4, speed_max: 30"
    design = read_design(design_with(tmp_path, chosen))
    assert isinstance(design, Design)
    law = controllers.numbers(design.function("acc").levels[3])["law"]
    assert law.__name__ == "Elastic"
    assert list(controllers.faults(design)) == []


@pytest.mark.parametrize(
    ("controller", "level", "said"),
    [
        ("law: path, time_gap: 0.5, bandwith: 0.4", 3, "unknown number `bandwith` of path"),
        ("law: path, time_gap: 0.5, gain: 0.4", 3, "unknown number `gain` of path"),
        ("law: path, time_gap: 0.5, damping: 0.7", 3, "expected a number from 1, found 0.7"),
        ("law: path, time_gap: 0.5, leader_share: 1.5", 3, "expected a number from 0 to 1, found 1.5"),
        ("law: path, time_gap: 0.2", 3, "expected more than the reaction time of 0.25 s, found 0.2"),
        ("law: path", 3, "`controller.time_gap` is missing"),
        ("law: plog, time_gap: 0.5", 3, "names no law: plog"),
        ("law: path, time_gap: 1.4", 1, "LoS 0 and 1 have a law of their own: `law` is of LoS 2 and above"),
    ],
)
def test_a_level_is_told_what_its_law_does_not_take(controller, level, said, tmp_path):
    with pytest.raises(InputError) as raised:
        read_design(design_with(tmp_path, controller, level))
    (fault,) = raised.value.faults
    assert said in fault.message
