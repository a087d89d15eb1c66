"""What is left of a fault still violates, and nothing of it can be left out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from karyon.campaign.shrink import FRACTIONS, NEAR, shrink

SHARES = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3)


def by_area(needed):
    """Violates when what is left, weighted, is enough: any quantity may stand in for another."""
    return lambda values: values @ np.array([3.0, 1.0, 0.5]) >= needed


@given(values=SHARES, harmless=SHARES, share=st.floats(0.0, 1.0))
def test_nothing_can_go_a_sixteenth_nearer_to_harmless(values, harmless, share):
    values, harmless = np.array(values), np.array(harmless)
    weights = np.array([3.0, 1.0, 0.5])

    def violates(candidates):
        return np.abs(candidates - harmless) @ weights >= share * (np.abs(values - harmless) @ weights)

    found = shrink(values, harmless, violates)
    assert violates(found[None])[0]
    assert (np.abs(found - harmless) <= np.abs(values - harmless) + 1e-12).all()
    for one in np.flatnonzero(np.abs(harmless - found) > NEAR):
        nearer = found.copy()
        nearer[one] += FRACTIONS.min() * (harmless - found)[one]
        assert not violates(nearer[None])[0]


def test_what_is_not_needed_goes_altogether():
    found = shrink(np.array([0.9, 0.8, 0.7]), np.zeros(3), lambda values: values[:, 1] >= 0.3)
    assert found[0] == found[2] == 0.0
    assert 0.3 <= found[1] < 0.3 * 16 / 15


def test_what_stays_stays():
    found = shrink(np.array([0.9, 0.8]), np.array([np.nan, 0.0]), lambda values: values[:, 1] >= 0.3)
    assert found[0] == 0.9


def test_harmless_may_be_at_either_end_or_between():
    found = shrink(
        np.array([0.0, 0.9]), np.array([1.0, 0.5]), lambda values: (values[:, 0] <= 0.25) & (values[:, 1] >= 0.6)
    )
    assert 0.2 < found[0] <= 0.25
    assert 0.6 <= found[1] < 0.61


def test_the_steps_are_the_same_each_time():
    asked = []

    def violates(candidates):
        asked.append(candidates)
        return by_area(1.2)(candidates)

    found = [shrink(np.ones(3), np.zeros(3), violates) for _ in range(2)]
    half = len(asked) // 2
    assert np.array_equal(*found)
    assert all(map(np.array_equal, asked[:half], asked[half:]))
