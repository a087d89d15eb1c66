"""A small share of the random runs of a crossing; `tests.sim.random_crossings` is for thousands."""

from tests.sim.random_crossings import batches, wrongs
from tests.sim.random_runs import broken, replay


def test_nothing_breaks_in_random_crossings():
    """Loss, sensors that are wrong, components that are down, liars: no safety goal is violated."""
    (batch,) = batches(70, 73)
    found = broken("intersection", batch, wrongs)
    assert not [f"{'; '.join(wrong)}: {replay('intersection', given, seed)}" for seed, given, wrong in found]
