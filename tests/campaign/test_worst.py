"""A descent finds what runs drawn at random would seldom hit, with a twentieth of the runs."""

import numpy as np
import pytest

from karyon.campaign import worst

ENDS = np.array([0.5, 0.9, 1.0])


def bowl(points):
    """Violates in a ball of radius 0.04 in five dimensions: 5.4e-7 of all."""
    return np.sqrt(((points - 0.7) ** 2).sum(axis=1))[:, None] - 0.04


def in_one_part(points):
    """A bowl in the last part only, another one that never violates in the others."""
    depth = np.where(points[:, 0] >= 0.9, 0.05, -0.05)
    return (np.sqrt(((points[:, 1:] - 0.2) ** 2).sum(axis=1)) - depth)[:, None]


@pytest.mark.parametrize("seed", range(5))
def test_a_violation_is_found_where_a_million_runs_would_not_hit_it(seed):
    points, margins = worst.find(bowl, 5, seed, runs=3_000)
    assert margins.min() <= 0.0
    assert np.array_equal(margins, bowl(points))


def test_a_violation_is_found_in_the_one_part_that_has_any():
    """That part is a tenth of all, and where the margin is least at first says nothing of it."""
    points, margins = worst.find(in_one_part, 4, seed=2, runs=3_000, ends=ENDS)
    assert margins.min() <= 0.0
    assert points[margins[:, 0].argmin(), 0] >= 0.9


def test_a_descent_stays_in_the_part_where_it_began():
    points, _ = worst.find(in_one_part, 4, seed=2, runs=worst.DRAWN + 6 * (worst.DRAWN + 3 * worst.SIZE), ends=ENDS)
    first, times = np.unique(points[:, 0], return_counts=True)
    descents = times > 1
    assert set(times[descents] % worst.SIZE) == {1}  # the random run where it began, and its generations
    parts = np.searchsorted(ENDS, first[descents])
    assert len(set(parts)) > 1


@pytest.mark.parametrize("dimensions", [1, 2])
def test_one_dimension_and_two_are_enough(dimensions):
    _, margins = worst.find(lambda points: np.abs(points[:, -1:] - 0.31) - 1e-4, dimensions, 0, runs=2_000)
    assert margins.min() <= 0.0


def test_no_more_runs_are_made_than_may_be():
    points, margins = worst.find(lambda points: 1.0 + points.sum(axis=1, keepdims=True), 3, seed=0, runs=333)
    assert points.shape == (333, 3)
    assert margins.shape == (333, 1)


def test_runs_that_came_to_nothing_are_passed_over():
    def margins(points):
        return np.where(points[:, 1:2] < 0.5, np.nan, bowl(points))

    assert np.nanmin(worst.find(margins, 5, seed=1, runs=5_000)[1]) <= 0.0


def test_the_same_seed_makes_the_same_runs_and_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002  the very one
    one, again, other = (worst.find(bowl, 5, seed, runs=400)[0] for seed in (4, 4, 5))
    assert np.array_equal(one, again)
    assert not np.array_equal(one[:10], other[:10])
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_a_descent_goes_down_the_margin_of_one_goal_where_all_runs_come_near_another():
    """The nearest runs of all are near a goal that no run breaks."""

    def margins(points):
        return np.column_stack([0.01 + 0.01 * points[:, 0], bowl(points)[:, 0]])

    points, found = worst.find(margins, 5, seed=3, runs=3_000)
    assert found[:, 1].min() <= 0.0 < found[:, 0].min()
    assert np.array_equal(found, margins(points))
