import numpy as np
import pytest

from karyon.flight.adsb import ACCURACY, INTEGRITY, stated_sigma


def test_each_category_is_better_than_the_one_before():
    for bounds in (ACCURACY, INTEGRITY):
        assert len(bounds) == 12 and np.isinf(bounds[0]) and (np.diff(bounds[1:]) < 0.0).all()
    assert (INTEGRITY[1:] > ACCURACY[1:]).all()  # nothing is contained within less than 95 % of it is


def test_ninety_five_of_a_hundred_positions_are_within_the_stated_accuracy():
    offsets = np.random.default_rng(1).normal(0.0, stated_sigma(8), (2, 200_000))
    assert np.mean(np.hypot(*offsets) <= ACCURACY[8]) == pytest.approx(0.95, abs=0.002)
