"""A share of the random runs of a platoon: nobody collides, every goal holds, nobody is apart for longer than a round.

`KARYON_RANDOM_RUNS` says how many, from seed 0; all of them take minutes: `python -m tests.sim.random_platoons 0 2000`.
"""

import os

import pytest

from tests.sim.random_platoons import batches, wrongs
from tests.sim.random_runs import broken, replay

RUNS = int(os.environ.get("KARYON_RANDOM_RUNS", "100"))
HELD = {"no collision": {"violated": False, "violations": 0}, "RSS distance kept": {"violated": False, "violations": 0}}


@pytest.mark.parametrize("batch", list(batches(0, RUNS)), ids=lambda batch: f"from seed {batch[0][1]}")
def test_random_runs_break_nothing(batch):
    """Loss, bursts, failures, lies, and a leader that brakes as hard as all have declared."""
    found = broken("platoon", batch, wrongs)
    assert not [f"{'; '.join(wrong)}: {replay('platoon', given, seed)}" for seed, given, wrong in found]


def summary(**changed):
    """Of a run in which all is well, but for what is changed."""
    acc = {"worst_disagreement": 1, "worst_switch_latency": 0.1, "switch_bound": 0.3}
    return {"functions": {"acc": acc | changed.pop("acc", {})}, "safety_goals": HELD | changed}


def test_what_breaks_is_told():
    assert wrongs(summary()) == []
    assert wrongs(summary(acc={"worst_disagreement": 2})) == ["2 rounds apart"]
    told = wrongs(summary(**{"no collision": {"violated": True, "violations": 3}}))
    assert told == ["not held: no collision 3 times (0.100 s of 0.300 s)"]


def test_a_run_follows_from_its_seed_alone():
    """Whatever range it is asked for with; and the runs of a batch are as different as they may be."""
    whole = [run for batch in batches(0, 60) for run in batch]
    assert [seed for _, seed in whole] == list(range(60))
    assert [run for batch in batches(30, 31) for run in batch] == whole[30:31]
    assert len({str(given) for given, _ in whole}) == 60
