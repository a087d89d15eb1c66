"""The search of a plan: its points are runs, what it has found runs again, and the smallest fault is smaller."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from karyon.campaign import plan_file, rows, sampling, screen, search
from karyon.campaign.folder import CampaignError, identity
from karyon.sim.run import simulate
from karyon.sim.scenario import read as read_scenario
from tests.campaign.plans import SHORT, read, unhurt
from tests.campaign.test_command import karyon

UNGUARDED = """\
scenario: acc_profile
settings:
  duration: 10 s
  kernel: {enabled: false}
  leader: {speed: [[0 s, 25 m/s], [{between: [2 s, 4 s]}, 0 m/s]], deceleration: 6}
design: {signals: {front.distance: {tolerated: 1.4}}}
strata:
  - name: offset
    settings:
      faults:
        - {vehicle: 1, signal: front.distance, mode: offset, amplitude: {between: [-10 m, 60 m]}, onset: 1 s,
           duration: {between: [4, 9]}}
  - name: scaled
    share: 3
    settings:
      faults:
        - {vehicle: 1, signal: front.distance, mode: scale, factor: {between: [0.5, 4], scale: log}, onset: 1 s,
           duration: {between: [4 s, 9 s]}}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return read(tmp_path_factory.mktemp("plan"), UNGUARDED)


@pytest.fixture(scope="module")
def searched(plan, tmp_path_factory):
    """A search of 400 runs, and its folder."""
    folder = tmp_path_factory.mktemp("searched")
    return search.run(plan, 400, 3, folder, lambda done, wanted: done <= wanted), folder


def test_the_first_coordinate_is_the_stratum_and_the_others_are_what_varies(plan):
    asked = search.Asked(plan, seed=1)
    assert asked.dimensions == 4
    points = np.array([[0.24, 0.5, 1 / 7, 0.0], [0.26, 0.0, 1 / 3, 1.0]])
    asked.margins(points)
    offset, scaled = asked.runs
    assert (offset.stratum.name, offset.values) == ("offset", (3.0, 0.0, 4.0))
    assert (scaled.stratum.name, scaled.values) == ("scaled", (2.0, pytest.approx(1.0), 9.0))
    assert [offset.seed, scaled.seed] == sampling.seeds(1, 0, 2).tolist()
    assert asked.harmless(0) == pytest.approx([np.nan, np.nan, 1 / 7, 0.0], nan_ok=True)
    assert asked.harmless(1) == pytest.approx([np.nan, np.nan, 1 / 3, 0.0], nan_ok=True)


def test_a_margin_is_that_of_its_row_and_at_most_0_where_a_goal_is_broken(plan):
    asked = search.Asked(plan, seed=1)
    points = np.random.Generator(np.random.Philox(2)).random((24, asked.dimensions))
    margins = asked.margins(points)
    table = rows.table(plan, asked.runs).to_pylist()
    assert 3 <= sum(row["violated"] for row in table) <= 21
    for margin, row in zip(margins, table, strict=True):
        assert (margin <= 0.0) == row["violated"]
        assert margin == pytest.approx(row["margin"], abs=2 * search.JUST_HELD)


def test_runs_alike_have_one_seed(plan):
    asked = search.Asked(plan, seed=1)
    points = np.full((3, asked.dimensions), 0.4)
    asked.margins(points)
    first, *others = asked.alike(1, points)
    assert {run.seed for run in asked.runs[3:]} == {asked.runs[1].seed}
    assert others == [first, first]


def test_it_says_how_many_violate_and_how_rare_that_is(plan, searched):
    """About as often as in a hundred runs drawn at random."""
    summary, folder = searched
    assert json.loads((folder / "search.json").read_text()) == summary
    again = plan_file.read(folder / "plan.yaml", name=plan.name, beside=plan.folder)
    assert summary.items() >= identity(again, 3).items()
    assert summary["runs"] == 400
    assert 0 < summary["violations"] < 400
    assert summary["interval"][0] < summary["rate"] < summary["interval"][1]


def test_the_rate_is_that_of_runs_drawn_at_random(plan, searched):
    low, high = searched[0]["interval"]
    asked = search.Asked(plan, seed=9)
    share = (asked.margins(np.random.Generator(np.random.Philox(5)).random((200, 4))) <= 0.0).mean()
    assert low - 0.1 < share < high + 0.1


def test_what_was_found_runs_again_from_its_file(searched):
    """The plan alters the design: that is written, too."""
    summary, _ = searched
    for found in (*summary["worst"][:2], summary["smallest"]):
        *_, file = found["command"].split()
        loaded = read_scenario(file)
        assert next(one.tolerated for one in loaded.design.signals if one.name == "front.distance") == 1.4
        (result,) = simulate([loaded], [None])
        assert any(goal["violated"] for goal in result.summary["safety_goals"].values())


def test_the_smallest_fault_is_smaller_than_the_worst(searched):
    summary, _ = searched
    worst, smallest = summary["worst"][0]["values"], summary["smallest"]["values"]
    assert summary["smallest"]["margin"] <= 0.0 < summary["runs_of_shrinking"]
    quantity = next(name for name in worst if name.endswith(("amplitude", "factor")))
    harmless = 1.0 if quantity.endswith("factor") else 0.0
    left, before = (abs(float(str(each[quantity]).split()[0]) - harmless) for each in (smallest, worst))
    assert left < 0.8 * before


def test_a_search_can_be_ended(plan, tmp_path):
    with pytest.raises(CampaignError, match="ended after 0 of 400 runs"):
        search.run(plan, 400, 3, tmp_path, lambda done, wanted: False)


def test_the_screen_says_what_was_found(searched):
    summary, folder = searched
    said = list(screen.of_search(summary, folder))
    assert said[0].endswith("400 runs searched, seed 3")
    assert f"{summary['rate']:.2g}" in said[2]
    assert f"karyon run {folder}/smallest.yaml" in "\n".join(said)


def test_the_screen_says_when_nothing_was_found(searched):
    nothing = {"first_violation": None, "violations": 0, "rate": 0.0, "interval": [0.0, 0.02], "smallest": None}
    said = list(screen.of_search(searched[0] | nothing, Path("out")))
    assert said[1] == "no run violates"
    assert said[2] == "rate   0 (0 to 0.02, 95 %)   as the runs drawn at random say"


def test_too_few_runs_are_refused_and_a_plan_that_is_not_there(tmp_path):
    assert karyon(tmp_path, "search", "nowhere").returncode == 2
    refused = karyon(tmp_path, "search", "acc_faults", "--runs", "10")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_two_instants_are_brought_together_and_can_still_be_anywhere(tmp_path):
    """Onset of a fault and braking of the leader: half of them within a thirtieth of the span of both."""
    text = SHORT.replace("[[0 s, 25 m/s], [1 s,", "[[0 s, 25 m/s], [{between: [0.5 s, 2.5 s]},")
    plan = read(tmp_path, text)
    asked = search.Asked(plan, 1, partial(unhurt, plan))
    points = np.random.Generator(np.random.Philox(3)).random((2000, asked.dimensions))
    points[:, 0] = 0.1  # all of the first stratum
    asked.met(points)
    onset, braking = (np.array([_seconds(run, name) for run in asked.runs]) for name in ("onset", "speed[1][0]"))
    can_meet = braking < 1.5
    assert 0.45 < (np.abs(onset - braking) < 2.0 / 30)[can_meet].mean() < 0.6
    for when, first, last in ((onset, 0.5, 1.5), (braking, 0.5, 2.5)):
        assert first == pytest.approx(when.min(), abs=0.02)
        assert last == pytest.approx(when.max(), abs=0.02)


def _seconds(run, name):
    """What varies of a run and is called so, in s."""
    (found,) = (
        one.told(one.written(value))
        for one, value in zip(run.stratum.varied, run.of_scenario, strict=True)
        if one.name.endswith(name)
    )
    return found
