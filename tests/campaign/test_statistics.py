"""Intervals against SciPy and against what they promise, counted over all outcomes there can be, not over a sample."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from karyon.campaign.statistics import (
    Verdict,
    claim,
    clopper_pearson,
    confidence_sequence,
    mcnemar,
    paired_difference,
    runs_without_violation,
    weighted_rate,
)

RATES = st.one_of(st.floats(0.0, 1.0), st.floats(0.0, 0.05), st.floats(0.95, 1.0))


@given(runs=st.integers(1, 3000), share=st.floats(0.0, 1.0), confidence=st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_clopper_pearson_is_that_of_scipy(runs, share, confidence):
    violations = round(share * runs)
    expected = stats.binomtest(violations, runs).proportion_ci(confidence, "exact")
    low, high = clopper_pearson(violations, runs, confidence)
    np.testing.assert_allclose([low, high], expected, rtol=1e-9, atol=1e-15)


def test_intervals_of_many_counts_are_those_of_each():
    violations, runs = np.array([[0], [3]]), np.array([10, 2000])
    for interval in (clopper_pearson, confidence_sequence):
        low, high = interval(violations, runs)
        for place, (k, n) in enumerate(product([0, 3], [10, 2000])):
            assert (low.flat[place], high.flat[place]) == interval(k, n)


def outcomes(runs, rates):
    """All outcomes of some strata: the violations of each, and their probability."""
    for counts in product(*(range(n + 1) for n in runs)):
        yield counts, np.prod([stats.binom.pmf(k, n, p) for k, n, p in zip(counts, runs, rates, strict=True)])


PLANS = {
    "in proportion": ((4, 8), (1 / 3, 2 / 3)),
    "most runs where the least share is": ((10, 3), (0.1, 0.9)),
    "three strata": ((2, 5, 4), (0.5, 0.3, 0.2)),
}
INTERVALS = {
    name: {counts: weighted_rate(counts, runs, shares, 0.9) for counts in product(*(range(n + 1) for n in runs))}
    for name, (runs, shares) in PLANS.items()
}


@pytest.mark.parametrize("plan", PLANS)
@settings(max_examples=60)
@given(rates=st.lists(RATES, min_size=3, max_size=3))
def test_the_weighted_interval_misses_the_rate_no_more_often_than_stated(plan, rates):
    """Either end by itself; the probability is a sum over all outcomes."""
    runs, shares = PLANS[plan]
    truth = float(np.dot(shares, rates[: len(runs)]))
    too_high = too_low = 0.0
    for counts, probability in outcomes(runs, rates[: len(runs)]):
        found = INTERVALS[plan][counts]
        too_high += probability * (found.low > truth + 1e-12)
        too_low += probability * (found.high < truth - 1e-12)
    assert max(too_high, too_low) <= 0.05 + 1e-12


def test_one_violation_in_one_of_two_strata_is_no_more_likely_than_the_lower_end_says():
    """All of the rate in the smaller stratum: there the interval of the total alone would be a little too high."""
    low = INTERVALS["in proportion"][1, 0].low
    violating = 1 - (1 - 3 * low) ** 4
    assert 0.049 < violating <= 0.05
    assert INTERVALS["in proportion"][3, 8].high == pytest.approx(1 - low)


def test_the_weighted_interval_does_not_widen_with_the_number_of_strata():
    """Why it is no sum of the intervals of the strata, each at 1 - 0.05 / 12: that is twenty times as wide."""
    found = weighted_rate((0,) * 12, (250,) * 11 + (251,), (1 / 12,) * 12)
    assert found.high == pytest.approx(clopper_pearson(0, 3000)[1], rel=1e-2)
    assert clopper_pearson(0, 250, 1 - 0.05 / 12)[1] > 19 * found.high


@given(
    runs=st.lists(st.integers(1, 2000), min_size=1, max_size=5),
    weights=st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5),
    hits=st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5),
)
def test_the_weighted_interval_holds_its_value_and_mirrors(runs, weights, hits):
    """Runs that hold instead of those that violate give the mirrored interval."""
    shares = np.array(weights[: len(runs)]) / sum(weights[: len(runs)])
    violations = np.array([round(n * hit) for n, hit in zip(runs, hits, strict=False)])
    found = weighted_rate(violations, runs, shares)
    mirrored = weighted_rate(np.array(runs) - violations, runs, shares)
    assert 0.0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1.0
    np.testing.assert_allclose([found.low, found.high], [1 - mirrored.high, 1 - mirrored.low], atol=1e-9)


def test_without_violations_the_weighted_interval_is_as_short_as_that_of_the_total():
    """Chernoff's bound is exact there: one run more in a stratum, and the other method, make no odds."""
    in_proportion = weighted_rate([0, 0, 0], [200, 300, 500], [0.2, 0.3, 0.5])
    other = weighted_rate([0, 0, 0], [200, 300, 501], [0.2, 0.3, 0.5])
    assert (in_proportion.low, other.low) == (0.0, 0.0)
    assert other.high == pytest.approx(in_proportion.high, rel=2e-3)
    assert in_proportion.high == pytest.approx(3.6889 / 1000, rel=2e-3)


def ever(is_told, rate, runs):
    """Probability that a campaign of violations of this rate is ever told something, when it looks after each run.

    is_told     for a number of runs n, per violations 0..n
    Campaigns that were told are taken out, all others go on: exact.
    """
    campaigns, told = np.array([1.0]), 0.0
    for n in range(1, runs + 1):
        campaigns = np.append(campaigns * (1 - rate), 0.0) + np.append(0.0, campaigns * rate)
        out = is_told(n)
        told += campaigns[out].sum()
        campaigns[out] = 0.0
    return told


def misses(interval, rate):
    def is_told(n):
        low, high = interval(np.arange(n + 1), n)
        return (rate < low) | (high < rate)

    return is_told


@pytest.mark.parametrize("rate", [0.003, 0.05, 0.5])
def test_a_confidence_sequence_holds_when_one_looks_after_each_run_and_clopper_pearson_does_not(rate):
    assert ever(misses(confidence_sequence, rate), rate, 700) <= 0.05
    assert ever(misses(clopper_pearson, rate), rate, 700) > 0.075


@given(rate=RATES)
@settings(max_examples=20)
def test_a_confidence_sequence_holds_for_any_rate(rate):
    assert ever(misses(confidence_sequence, rate), rate, 100) <= 0.05


@given(rates=st.lists(RATES, min_size=3, max_size=3))
@settings(max_examples=20)
def test_a_confidence_sequence_holds_after_rounds_of_strata(rates):
    """Three strata of the same share, one run of each in a round."""
    rate, campaigns, missed = float(np.mean(rates)), np.array([1.0]), 0.0
    for round_ in range(1, 50):
        for one in rates:
            campaigns = np.append(campaigns * (1 - one), 0.0) + np.append(0.0, campaigns * one)
        out = misses(confidence_sequence, rate)(3 * round_)
        missed += campaigns[out].sum()
        campaigns[out] = 0.0
    assert missed <= 0.05


def test_a_confidence_sequence_is_less_than_twice_as_wide_as_clopper_pearson():
    fixed, sequence = (interval(100, 10_000) for interval in (clopper_pearson, confidence_sequence))
    assert fixed[1] - fixed[0] < sequence[1] - sequence[0] < 2.0 * (fixed[1] - fixed[0])


def naive(violations, runs, limit):
    low, high = clopper_pearson(violations, runs, 0.9)
    return Verdict.SHOWN if high < limit else Verdict.REFUTED if low > limit else Verdict.OPEN


def says(verdict, ask, limit):
    """No more violations than a hundred: more are refuted by either long before."""
    return lambda n: np.array([k <= 100 and ask(k, n, limit) == verdict for k in range(n + 1)])


@pytest.mark.parametrize("verdict", [Verdict.SHOWN, Verdict.REFUTED])
def test_a_claim_is_wrongly_decided_in_one_of_twenty_campaigns_at_most_however_often_one_looks(verdict):
    """At the limit, the hardest of the rates for which the verdict is wrong; asked naively, it fails."""
    limit = 0.02
    assert ever(says(verdict, claim, limit), limit, 600) <= 0.05
    assert ever(says(verdict, naive, limit), limit, 600) > 0.07


@given(rate=st.floats(0.02, 0.3))
@settings(max_examples=5)
def test_no_rate_above_the_limit_is_easier_to_show(rate):
    assert ever(says(Verdict.SHOWN, claim, 0.02), rate, 250) <= 0.05


@given(limit=st.floats(1e-9, 0.3), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_fixed_plan_is_the_least_that_shows_the_claim(limit, confidence):
    runs = runs_without_violation(limit, confidence)
    too_few = np.log1p(-limit) * (runs - 1)
    assert np.log1p(-limit) * runs <= np.log(1 - confidence) * (1 - 1e-12)
    assert too_few > np.log(1 - confidence) * (1 + 1e-12)
    assert clopper_pearson(0, runs, 2 * confidence - 1)[1] <= limit * (1 + 1e-9)


@pytest.mark.parametrize("limit", [1e-2, 1e-4, 1e-8])
def test_without_a_violation_a_claim_is_shown_by_a_quarter_more_runs_than_the_fixed_plan(limit):
    planned = runs_without_violation(limit)
    assert claim(0, planned, limit) == Verdict.OPEN
    assert claim(0, int(1.28 * planned), limit) == Verdict.SHOWN


@pytest.mark.parametrize(("violations", "verdict"), [(0, "shown"), (4, "open"), (30, "refuted")])
def test_a_claim_can_be_shown_open_and_refuted(violations, verdict):
    assert claim(violations, 60_000, 1e-4) == verdict


@given(first=st.integers(0, 500), second=st.integers(0, 500))
def test_mcnemar_is_the_exact_binomial_test(first, second):
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_a_paired_difference_is_that_of_scipy():
    """Of lopsided pairs, ends averaged over eight seeds: what a share of 2,000 draws leaves open is averaged out."""
    rng = np.random.Generator(np.random.Philox(3))
    first, second = rng.normal(size=40), rng.exponential(size=40) ** 3
    found = [paired_difference(first, second, seed) for seed in range(8)]
    expected = stats.bootstrap((second - first,), np.mean, n_resamples=20_000, rng=rng).confidence_interval
    ends = np.mean([(one.low, one.high) for one in found], axis=0)
    np.testing.assert_allclose(ends, expected, atol=0.05 * (expected.high - expected.low))
    assert found[0].value == pytest.approx((second - first).mean())


def test_a_paired_difference_is_skewed_as_its_pairs_are():
    found = paired_difference(np.zeros(50), np.random.Generator(np.random.Philox(1)).exponential(size=50) ** 2, seed=0)
    assert found.high - found.value > 1.3 * (found.value - found.low)


def test_a_paired_difference_covers():
    """Of 400 sets of 40 pairs, drawn from a lopsided population: a little less than stated, as is known of it."""
    rng, covered = np.random.Generator(np.random.Philox(11)), 0
    for seed in range(400):
        found = paired_difference(rng.exponential(size=40), rng.exponential(size=40) + 0.5, seed)
        covered += found.low <= 0.5 <= found.high
    assert covered >= 0.91 * 400


def test_a_paired_difference_depends_on_its_seed_and_on_nothing_else():
    first, second = np.arange(30.0), np.arange(30.0) ** 1.2
    assert paired_difference(first, second, 1) == paired_difference(first, second, 1)
    assert paired_difference(first, second, 1) != paired_difference(first, second, 2)


def test_pairs_that_all_differ_alike_leave_no_doubt():
    found = paired_difference([1.0, 2.0, 3.0], [1.5, 2.5, 3.5], seed=0)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
