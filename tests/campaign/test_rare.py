"""A search tells how rare a violation is, held against rates in closed form and against OpenTURNS."""

import numpy as np
import pytest
from scipy import special

from karyon.campaign.rare import estimate
from tests.campaign.rare_cases import CASES, RATE, away

SEEDS = 30
HELD = (
    "a plane, d = 2",
    "a plane, d = 10",
    "two planes, opposite, d = 5",
    "two planes, at right angles, 5 % in one, d = 10",
    "2 narrow bands, d = 10",
)


@pytest.mark.parametrize("name", HELD)
def test_the_interval_has_the_rate_and_is_of_use(name):
    """Of thirty seeds, nine in ten at least."""
    case = CASES[name]
    found = [estimate(case.margins, case.dimensions, seed) for seed in range(SEEDS)]
    assert sum(one.rate.low <= RATE <= one.rate.high for one in found) >= 27
    assert np.median([one.rate.high / one.rate.low for one in found]) < 2.0
    assert all(len(one.points) <= 20_000 for one in found)


def two_steps(points):
    """A fifth violates; nothing is near to it."""
    return np.where(points[:, 0] < 0.2, -1.0, 1.0)


def test_what_is_not_rare_is_found_as_well():
    found = estimate(two_steps, 2, seed=1, runs=2_000)
    assert found.rate.low < 0.2 < found.rate.high < 0.3


def test_the_same_seed_makes_the_same_runs():
    case = CASES["a plane, d = 2"]
    one, again, other = (estimate(case.margins, 2, seed, runs=2_000) for seed in (3, 3, 4))
    assert np.array_equal(one.points, again.points)
    assert one.rate == again.rate != other.rate


def test_all_runs_are_kept_in_their_order_and_the_worst_are_those_of_least_margin():
    asked = []

    def margins(points):
        asked.append(points)
        return 0.01 - points.prod(axis=1)

    found = estimate(margins, 3, seed=0, runs=1_000)
    assert np.array_equal(found.points, np.concatenate(asked))
    assert len(found.points) == 1_000
    assert found.points.min() >= 0.0
    assert found.points.max() < 1.0
    assert np.array_equal(found.margins[found.worst(5)], np.sort(0.01 - found.points.prod(axis=1))[:5])


@pytest.mark.parametrize("margin", [1.0, np.nan])
def test_without_a_violation_and_with_no_slope_the_rate_is_what_random_runs_say(margin):
    """Both climbs end after their first level, and the rest of the runs is left unused."""
    found = estimate(lambda points: np.full(len(points), margin), 2, seed=0, runs=2_000)
    assert (found.rate.value, found.rate.low) == (0.0, 0.0)
    assert found.rate.high == pytest.approx(3.69 / 200, rel=0.02)
    assert len(found.points) == 200
    assert found.climbed == (0.0, 0.0)


def test_runs_that_came_to_nothing_do_not_violate():
    """Half of them, at random as to the margin: half of the rate is left."""

    def margins(points):
        return np.where(points[:, 1] < 0.5, np.nan, away(RATE) - special.ndtri(points[:, 0]))

    found = estimate(margins, 2, seed=0)
    assert found.rate.low < RATE / 2 < found.rate.high < 3 * found.rate.low


def test_where_few_fresh_runs_count_the_interval_says_so():
    """A sphere in ten dimensions has too many directions: the interval is wide, and has the rate all the same."""
    case = CASES["a sphere, d = 10"]
    found = [estimate(case.margins, 10, seed) for seed in range(4)]
    poor = [one for one in found if one.effective < 50]
    assert len(poor) >= 2
    assert all(one.rate.high / one.rate.low > 9.0 for one in poor)
    assert all(one.rate.low < RATE < one.rate.high for one in found)


@pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning")
def test_openturns_finds_the_same_rate():
    """Four regions whose rate has no closed form [Waarts 2000], by directional sampling: another method altogether."""
    import openturns as ot

    formulas = [
        "4.5 + 0.1 * (x - y)^2 - (x + y) / sqrt(2)",
        "4.5 + 0.1 * (x - y)^2 + (x + y) / sqrt(2)",
        "x - y + 9.5 / sqrt(2)",
        "y - x + 9.5 / sqrt(2)",
    ]
    event = ot.ThresholdEvent(
        ot.CompositeRandomVector(
            ot.SymbolicFunction(["x", "y"], [f"min({', '.join(formulas)})"]), ot.RandomVector(ot.Normal(2))
        ),
        ot.LessOrEqual(),
        0.0,
    )
    ot.RandomGenerator.SetSeed(1)
    oracle = ot.DirectionalSampling(event)
    oracle.setMaximumOuterSampling(3_000)
    oracle.setMaximumCoefficientOfVariation(0.01)
    oracle.run()
    expected = oracle.getResult()

    def margins(points):
        x, y = special.ndtri(points).T
        curved = 4.5 + 0.1 * (x - y) ** 2
        along, across = (x + y) / np.sqrt(2), x - y
        return np.minimum(curved - np.abs(along), 9.5 / np.sqrt(2) - np.abs(across))

    slack = 3.0 * expected.getCoefficientOfVariation()
    found = estimate(margins, 2, seed=2).rate
    assert found.low * (1 - slack) < expected.getProbabilityEstimate() < found.high * (1 + slack)
    assert found.value == pytest.approx(expected.getProbabilityEstimate(), rel=0.1)
