"""What runs say of a rate: intervals that hold, rules of stopping that do not cheat, and two designs compared.

A rate is the probability that a run violates something; runs are independent draws from one population, or from the
strata of one. `confidence` is a share (0.95 for 95 %), at least 0.5. Counts are 0 <= violations <= runs and runs >= 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log, log1p

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]

HALVINGS = 100  # of an interval within [0, 1]: to the last bit of rates down to 1e-14
TILTS, TILT_MAX = 400, 30.0  # how many of Chernoff's exponents are tried; beyond it exp(-30) counts as nothing
RESAMPLES = 2_000
DRAWS_MAX = 2**22  # indices at once: 32 MB, however many pairs there are


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate or a mean, and the interval that has it with the stated confidence."""

    value: float
    low: float
    high: float


class Verdict(StrEnum):
    """What the runs so far say of a claim `rate < limit`."""

    OPEN = "open"
    SHOWN = "shown"
    REFUTED = "refuted"


def clopper_pearson(violations: ArrayLike, runs: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper end of a rate, two-sided, for any shapes that broadcast. [Clopper & Pearson 1934]

    Covers whatever the rate is, when the number of runs was fixed before the first: who looks again and again, and
    stops when pleased, needs `confidence_sequence`.
    """
    k, n = np.broadcast_arrays(np.asarray(violations, dtype=float), np.asarray(runs, dtype=float))
    half = (1.0 - confidence) / 2.0
    low = np.where(k > 0.0, special.betaincinv(np.maximum(k, 1.0), n - k + 1.0, half), 0.0)
    high = np.where(k < n, special.betaincinv(k + 1.0, np.maximum(n - k, 1.0), 1.0 - half), 1.0)
    return low, high


def weighted_rate(violations: ArrayLike, runs: ArrayLike, shares: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Rate of a population of which each stratum (stratum,) is a known share; the shares add up to 1.

        value <- sum over strata of share * violations / runs

    Runs in proportion to the shares: the interval of their total, as if all were drawn from the whole population, for
    strata make a total less uncertain and never more [Hoeffding 1956, theorem 4; it leaves out the lower end of one
    violation and the upper end of all but one, where Markov's inequality serves]. Else: Chernoff's bound on the
    weighted sum, for that division of the rate among the strata for which it is weakest. Both cover whatever the rates
    are, and neither widens with the number of strata, as a sum of their intervals does.
    """
    k, n, share = (np.asarray(given, dtype=float) for given in (violations, runs, shares))
    value = float((share * k / n).sum())
    if np.allclose(n, share * n.sum(), rtol=1e-9, atol=0.0):
        return _of_total(float(k.sum()), float(n.sum()), confidence)
    error = (1.0 - confidence) / 2.0
    low = 1.0 - _highest(1.0 - value, n, share, error) if k.any() else 0.0
    return Estimate(value, low, _highest(value, n, share, error) if (k < n).any() else 1.0)


def _of_total(k: float, n: float, confidence: float) -> Estimate:
    low, high = map(float, clopper_pearson(k, n, confidence))
    markov = (1.0 - confidence) / 2.0 / n
    return Estimate(k / n, min(low, markov) if k == 1.0 else low, max(high, 1.0 - markov) if k == n - 1.0 else high)


def _highest(value: float, n: Floats, share: Floats, error: float) -> float:
    """The largest rate at which a weighted sum as low as `value` is as likely as `error`, by Chernoff's bound.

    Every exponent gives a bound that holds; the least of all is taken.
    """
    per_run = share / n
    coarse = np.geomspace(1e-6 / per_run.max(), TILT_MAX / per_run.min(), TILTS)
    best = int(_highest_by(coarse, value, n, share, error).argmin())
    fine = np.geomspace(coarse[max(best - 1, 0)], coarse[min(best + 1, TILTS - 1)], TILTS)
    return min(1.0, float(_highest_by(fine, value, n, share, error).min()))


def _highest_by(tilt: Floats, value: float, n: Floats, share: Floats, error: float) -> Floats:
    """The same for each exponent (tilt,): the largest rate = share * p with p (stratum,) within [0, 1] and

        tilt * value + sum of n log(1 - p c) >= log(error),    c = 1 - exp(-tilt * share / n)

    Concave in p, so each p is 1 / c - n / (level * share), clipped, at the one level where both sides are equal.
    """
    c = -np.expm1(-np.minimum(tilt[:, None] * share / n, TILT_MAX))
    least = log(error) - tilt * value

    def rates(level: Floats) -> Floats:
        return np.clip(1.0 / c - n / (level[:, None] * share), 0.0, 1.0)

    low, high = (n * c / share).min(axis=1), (n * c / (share * (1.0 - c))).max(axis=1)
    for _ in range(HALVINGS):
        level = np.sqrt(low) * np.sqrt(high)
        is_met = (n * np.log1p(-rates(level) * c)).sum(axis=1) >= least
        low, high = np.where(is_met, level, low), np.where(is_met, high, level)
    return np.asarray((share * rates(high)).sum(axis=1))


def confidence_sequence(violations: ArrayLike, runs: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper end of a rate that hold for all numbers of runs at once, two-sided; shapes broadcast.

        rates p with    B(k + 1/2, n - k + 1/2) / B(1/2, 1/2)  <  p^k (1 - p)^(n - k) / (1 - confidence)

    So one may look after each run, and stop whenever one likes: the ratio of both sides is a martingale for the true
    rate, and seldom ever that large [Ville 1939; Robbins 1970; Howard et al. 2021]. Runs in rounds that have the strata
    in proportion to their shares serve as well, when looked at after whole rounds.
    """
    k, n = np.broadcast_arrays(np.asarray(violations, dtype=float), np.asarray(runs, dtype=float))
    mixed = special.betaln(k + 0.5, n - k + 0.5) - special.betaln(0.5, 0.5) + log(1.0 - confidence)

    def is_inside(rate: Floats) -> NDArray[np.bool_]:
        return np.asarray(special.xlogy(k, rate) + special.xlog1py(n - k, -rate) > mixed)

    return _end(k / n, np.zeros(k.shape), is_inside), _end(k / n, np.ones(k.shape), is_inside)


def _end(inside: Floats, outside: Floats, is_inside: Callable[[Floats], NDArray[np.bool_]]) -> Floats:
    """Between a rate inside and the bound of all rates: the bound itself, or the last that is not inside."""
    bound, is_all = outside, is_inside(outside)
    for _ in range(HALVINGS):
        middle = 0.5 * (inside + outside)
        found = is_inside(middle)
        inside, outside = np.where(found, middle, inside), np.where(found, outside, middle)
    return np.where(is_all, bound, outside)


def claim(violations: int, runs: int, limit: float, confidence: float = 0.95) -> Verdict:
    """Whether the runs so far show `rate < limit`, or refute it; asked after any run, as often as one likes.

    Each answer is wrong with probability 1 - confidence at most, over all runs that will ever be made: the likelihood
    of the runs, mixed over rates below (above) the limit, against that at the limit, is a supermartingale when the rate
    is above (below) it. [Ville 1939; Wald 1945; Robbins 1970]. The mixtures are q^(-1/2) below and 1 / q above: without
    a violation, 3.8 / limit runs show it at 95 %, where `runs_without_violation` asks for 3.0 / limit.
    """
    k, n = violations, runs
    at_limit = k * log(limit) + (n - k) * log1p(-limit)
    below = _log_beta(k + 0.5, n - k + 1.0, special.betainc(k + 0.5, n - k + 1.0, limit)) - log(2.0) - 0.5 * log(limit)
    if below - at_limit >= -log(1.0 - confidence):
        return Verdict.SHOWN
    if k == 0:
        return Verdict.OPEN
    above = _log_beta(k, n - k + 1.0, special.betaincc(k, n - k + 1.0, limit)) - log(-log(limit))
    return Verdict.REFUTED if above - at_limit >= -log(1.0 - confidence) else Verdict.OPEN


def _log_beta(a: float, b: float, share: float) -> float:
    """Log of this share of the beta function."""
    return float(special.betaln(a, b)) + log(share) if share > 0.0 else -np.inf


def runs_without_violation(limit: float, confidence: float = 0.95) -> int:
    """How many runs show `rate < limit` if none violates: the fixed plan, which one violation ends without a result.

    (1 - limit)^runs <= 1 - confidence        [the rule of three: 3 / limit at 95 %; Hanley & Lippman-Hand 1983]
    """
    return ceil(log(1.0 - confidence) / log1p(-limit))


def mcnemar(only_first: ArrayLike, only_second: ArrayLike) -> Floats:
    """p-value of "both designs violate as often", from the pairs in which one alone does. Exact. [McNemar 1947]

    Two-sided, for any shapes that broadcast; 1 where no pair differs.
    """
    first, second = np.asarray(only_first, dtype=np.int64), np.asarray(only_second, dtype=np.int64)
    return np.asarray(np.minimum(1.0, 2.0 * special.bdtr(np.minimum(first, second), first + second, 0.5)))


def paired_difference(first: ArrayLike, second: ArrayLike, seed: int, confidence: float = 0.95) -> Estimate:
    """Mean of second - first over pairs (pair,), and its BCa bootstrap interval. [Efron 1987]

    Finite values; pairs that lack one are the caller's to leave out. A few tens of pairs at least: with fewer, or where
    few pairs differ, the interval is too narrow.
    """
    differences = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    mean = float(differences.mean())
    deviation = differences - mean
    spread = float((deviation**2).sum())
    if spread == 0.0:
        return Estimate(mean, mean, mean)
    means = np.sort(_resampled(differences, seed))
    below = (np.searchsorted(means, mean, "left") + np.searchsorted(means, mean, "right")) / 2.0 / RESAMPLES
    bias = special.ndtri(np.clip(below, 0.5 / RESAMPLES, 1.0 - 0.5 / RESAMPLES))
    skew = float((deviation**3).sum()) / (6.0 * spread**1.5)
    ends = bias + special.ndtri(np.array([(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]))
    low, high = np.quantile(means, special.ndtr(bias + ends / (1.0 - skew * ends)))
    return Estimate(mean, float(low), float(high))


def _resampled(values: Floats, seed: int) -> Floats:
    """Means of as many values drawn anew (resample,)."""
    rng, rows = stream(seed, Purpose.BOOTSTRAP), max(1, DRAWS_MAX // len(values))
    blocks = [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
    return np.concatenate([values[rng.integers(len(values), size=(n, len(values)))].mean(axis=1) for n in blocks])
