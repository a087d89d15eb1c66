"""A small share of the random runs of a crossing; `tests.sim.random_crossings` is for thousands."""

from tests.sim.random_crossings import broken


def test_nothing_breaks_in_random_crossings():
    """Loss, sensors that are wrong, components that are down, liars: no safety goal is violated."""
    assert broken(70, 73) == []
