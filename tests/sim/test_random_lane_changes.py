"""A share of the random runs of lane changes: nobody collides, every goal holds.

`KARYON_RANDOM_RUNS` says how many, from seed 0: `python -m tests.sim.random_lane_changes 0 10000` takes an hour.
"""

import os

import pytest

from tests.sim.random_lane_changes import batches, wrongs
from tests.sim.random_runs import broken, replay

RUNS = int(os.environ.get("KARYON_RANDOM_RUNS", "10"))


@pytest.mark.parametrize("batch", list(batches(0, RUNS)), ids=lambda batch: f"from seed {batch[0][1]}")
def test_random_runs_break_nothing(batch):
    """Loss, delays, failing sensors, a radio that goes silent, and a liar."""
    found = broken("lane_change", batch, wrongs)
    assert not [f"{'; '.join(wrong)}: {replay('lane_change', given, seed)}" for seed, given, wrong in found]


def test_what_breaks_is_told():
    """A goal, and a switch beyond its bound; nothing of a run in which all is well."""
    functions = {"acc": {"worst_switch_latency": 0.2, "switch_bound": 0.3}}
    goals = {"no collision": {"violated": False, "violations": 0}}
    assert wrongs({"functions": functions, "safety_goals": goals}) == []
    late = {"acc": {"worst_switch_latency": 0.4, "switch_bound": 0.3}}
    hit = {"no collision": {"violated": True, "violations": 2}}
    assert wrongs({"functions": late, "safety_goals": hit}) == [
        "not held: no collision 2 times",
        "acc switched in 0.400 s of 0.300 s",
    ]


def test_a_run_follows_from_its_seed_alone():
    """Whatever range it is asked for with."""
    whole = [run for batch in batches(0, 120) for run in batch]
    assert [seed for _, seed in whole] == list(range(120))
    assert [run for batch in batches(60, 61) for run in batch] == whole[60:61]
