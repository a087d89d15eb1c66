"""How runs are spread: evenly, as stated, and each the same whatever it is computed with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from karyon.campaign import sampling

METHODS = ("random", "sobol", "latin_hypercube")


@given(
    shares=st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30),
    number=st.integers(1, 3000),
)
def test_runs_are_shared_out_as_stated_to_within_a_few(shares, number):
    where = sampling.allotted(shares, number)
    counts = np.bincount(where, minlength=len(shares))
    assert np.abs(counts - number * np.array(shares) / np.sum(shares)).max() <= 8.0
    assert (sampling.allotted(shares, 2 * number)[:number] == where).all()


@pytest.mark.parametrize("method", METHODS)
@given(dimensions=st.integers(1, 12), first=st.integers(0, 90), size=st.integers(1, 10), seed=st.integers(0, 2**63 - 1))
def test_a_point_does_not_depend_on_those_it_is_drawn_with(method, dimensions, first, size, seed):
    whole = sampling.points(method, dimensions, seed, 1, 100, 0, 100)
    part = sampling.points(method, dimensions, seed, 1, 100, first, first + size)
    assert (whole[first : first + size] == part).all()
    assert ((whole >= 0.0) & (whole < 1.0)).all()


@pytest.mark.parametrize("method", METHODS)
def test_points_of_other_seeds_and_strata_are_others(method):
    drawn = [sampling.points(method, 3, seed, stratum, 16, 0, 16) for seed in (1, 2) for stratum in (0, 1)]
    assert len({points.tobytes() for points in drawn}) == 4


@pytest.mark.parametrize("method", ["sobol", "latin_hypercube"])
def test_points_are_more_even_than_random_ones(method):
    even = qmc.discrepancy(sampling.points(method, 2, 5, 0, 256, 0, 256))
    assert even < 0.3 * qmc.discrepancy(sampling.points("random", 2, 5, 0, 256, 0, 256))


def test_random_points_are_uniform_and_independent():
    points = sampling.points("random", 5, 7, 0, 20_000, 0, 20_000)
    assert np.abs(points.mean(axis=0) - 0.5).max() < 0.01  # 5 sigma of a mean
    assert np.abs(np.corrcoef(points.T) - np.eye(5)).max() < 0.036


@given(first=st.integers(0, 500), size=st.integers(1, 20))
def test_the_seed_of_a_run_is_its_own(first, size):
    whole = sampling.seeds(5, 0, 600)
    assert (sampling.seeds(5, first, first + size) == whole[first : first + size]).all()
    assert len(set(whole.tolist())) == 600
    assert (whole >= 0).all()
