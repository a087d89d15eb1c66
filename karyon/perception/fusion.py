"""Fusion of several sources of one quantity into an abstract reliable sensor, which names the source that is wrong.

Arrays (source, row), sources of any order. Each source says (value, spread, validity): the spread is the half-width of
the interval that the true value is in, whatever share of a healthy source's errors that means, as long as it means the
same for all. A source is *counted* where its interval is finite, its spread is not negative, and its validity is above
0; the others are absent and neither speak nor are named. Nothing raises, and where nothing can be said value and spread
are NaN and the validity is 0.

    marzullo, brooks_iyengar     intervals, of which at most so many are faulty: no lie within that number harms
    covariance_intersection      errors correlated, nobody knows how much; scalars, and vectors; a majority outvotes
    weighted_mean                errors independent: narrower than any source; a majority outvotes a liar

**Validity.** [after Brade, Zug, Kaiser 2013: product of independent detectors, maximum of alternatives] Let v be the
validities of independent sources that support one value. That all of a group are right is their product; that some
group of k is right, all such groups being alternatives, is `at_least(k, v)`.

    intervals       at_least(faults + 1, v) of the sources that share a point, at the best point that can be true
    weighted mean   at_least(1, v) of the sources used that contradict none of the others used
    covariance      the least v of the sources with a weight: without independence, agreement proves nothing

Each is monotone in the validity of every counted source; it exceeds the most valid input only where independent sources
agree. For intervals no `faults` liars can lend their validity (they are one too few) or take that of the others away.
When a source begins to count (validity 0 to above 0) the validity does not fall either, as long as the source takes no
possible point away and contradicts nobody; but the least of several may. Who would rather lose a weak source than have
no more validity than it has gives it the validity 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

ITERATIONS = 60  # of the weights of a covariance intersection
NEGLIGIBLE = 1e-3  # weight below which a source has none


@dataclass(frozen=True, slots=True)
class Fused:
    """What the sources say together.

    value      in their unit (row,); NaN where nothing can be said
    spread     half-width of its interval (row,); NaN where nothing can be said
    validity   0..1 (row,)
    faulty     True for a counted source that is wrong, by what the function assumes of the others (source, row)
    """

    value: Floats
    spread: Floats
    validity: Floats
    faulty: Booleans


@dataclass(frozen=True, slots=True)
class FusedVector:
    """What the sources say together of a vector; as `Fused`, with a covariance in place of the spread.

    value        (component, row)
    covariance   bound on the covariance of its error (component, component, row)
    """

    value: Floats
    covariance: Floats
    validity: Floats
    faulty: Booleans


@np.errstate(all="ignore")
def marzullo(value: Any, spread: Any, validity: Any, faults: int) -> Fused:
    """Fault-tolerant interval fusion: the middle of what can be true if at most `faults` sources are faulty.

    [Marzullo 1990; Chew and Marzullo 1991] The fused interval reaches from the least to the greatest point that all
    but `faults` of the counted intervals share. If no more lie, the true value is in it, it lies within the hull of the
    true intervals, and a source is named that it does not meet. Where fewer than 2 `faults` + 1 sources count, or no
    point is shared by enough of them (more lie than was assumed), nothing can be said and nobody is named.

    value, spread, validity   (source, row)
    faults                    largest number of counted sources that lie, >= 0; 1 takes 3 sources
    """
    shared = _shared(value, spread, validity, faults)
    return _from(shared, 0.5 * shared.low + 0.5 * shared.high)


@np.errstate(all="ignore")
def brooks_iyengar(value: Any, spread: Any, validity: Any, faults: int) -> Fused:
    """As `marzullo`, but the value is the mean of the middles of all regions, weighted by how many sources share them.

    [Brooks and Iyengar 1996; Ao et al. 2016] A region lies between two neighbouring ends of intervals and is shared by
    all but `faults` of the counted ones; where only single points are, the value is Marzullo's. The spread reaches from
    the value to the farther end of the fused interval.
    """
    shared = _shared(value, spread, validity, faults)
    ends = np.sort(np.concatenate([shared.lows, shared.highs]), axis=0)
    total, weights = np.zeros(ends.shape[1:]), np.zeros(ends.shape[1:])
    for left, right in pairwise(ends):  # ends of absent sources are NaN and sorted last
        sharing = _count((shared.lows <= left) & (right <= shared.highs))
        weight = np.where((sharing >= shared.quorum) & (right > left), sharing, 0)
        total += np.where(weight > 0, weight * (0.5 * left + 0.5 * right), 0.0)
        weights += weight
    middle = np.where(weights > 0, total / np.maximum(weights, 1.0), 0.5 * shared.low + 0.5 * shared.high)
    return _from(shared, np.minimum(np.maximum(middle, shared.low), shared.high))


@np.errstate(all="ignore")
def weighted_mean(value: Any, spread: Any, validity: Any) -> Fused:
    """Mean weighted by validity / spread², for sources with independent errors. [Cochran 1937]

    A source of validity v counts as one whose variance is 1/v times as large. Named, and left out, is a source that
    contradicts at least half of the counted ones: their distance exceeds the root of the sum of their squared spreads.
    Of two that contradict each other both are, and nothing can be said. A spread of 0 is no spread: not counted.

    value, spread, validity   (source, row)
    """
    value, spread, validity, counted = _counted(value, spread, validity)
    counted &= spread > 0.0
    distance = np.abs(value[:, None] - value[None])
    contradicted = distance > np.sqrt(spread[:, None] * spread[:, None] + spread[None] * spread[None])
    faulty = _outvoted(contradicted, counted)
    used = counted & ~faulty
    least = _least(spread, used)
    share = np.where(used, least / spread, 0.0)  # 1 for the narrowest: nothing overflows
    weight = validity * share * share
    total = _sum(weight)
    mean, width = _sum(weight * value) / total, least / np.sqrt(total)
    supports = used & ~(contradicted & used[None]).any(axis=1)
    return _said(_count(used) > 0, mean, width, at_least(1, np.where(supports, validity, 0.0)), faulty)


@np.errstate(all="ignore")
def covariance_intersection(value: Any, spread: Any, validity: Any) -> Fused:
    """Fusion that stays consistent whatever the correlation of the errors: of scalars, the narrowest source.

    [Julier and Uhlmann 1997] No mixture of scalars is narrower than the narrowest one; equally narrow ones have equal
    weights. What the others are for: a source is named, and left out, whose interval is disjoint from those of at least
    half of the counted ones. Of two that contradict each other both are. A spread of 0 is no spread: not counted.

    value, spread, validity   (source, row)
    """
    value, spread, validity, counted = _counted(value, spread, validity)
    counted &= spread > 0.0
    contradicted = np.abs(value[:, None] - value[None]) > spread[:, None] + spread[None]
    faulty = _outvoted(contradicted, counted)
    used = counted & ~faulty
    least = _least(spread, used)
    narrowest = used & (spread == least)
    mean = _sum(np.where(narrowest, value, 0.0)) / _count(narrowest)
    return _said(_count(used) > 0, mean, least, _least(validity, narrowest), faulty)


@np.errstate(all="ignore")
def covariance_intersection_of_vectors(value: Any, covariance: Any, validity: Any) -> FusedVector:
    """Fusion of vectors that stays consistent whatever the correlation of their errors. [Julier and Uhlmann 1997]

        P^-1 = sum of w_i P_i^-1    x = P (sum of w_i P_i^-1 x_i)    w_i >= 0, their sum 1

    The weights make det P least, nearly: w_i <- w_i tr(P P_i^-1) / components, `ITERATIONS` times from equal ones
    [Titterington 1976]; any weights are consistent. A source is named, and left out, whose ellipsoid is certainly
    disjoint from those of at least half of the counted ones: d' (2 P_i + 2 P_j)^-1 d > 1, d being their distance.

    value        (source, component, row), 1 to 3 components; finite in all of them, or the source is absent
    covariance   (source, component, component, row), of the ellipsoid that the true value is in, in the sense in which
                 a spread squared is one; a source counts only where its symmetric part is positive definite
    validity     (source, row)
    """
    value, covariance, information, validity, counted = _counted_vectors(value, covariance, validity)
    faulty = _outvoted(_disjoint(value, covariance), counted)
    used = counted & ~faulty
    weight = _weights(information, used)
    fused = _inverse(_sum(weight[:, None, None] * information))
    mean = _product(fused, _sum(weight[:, None] * _product(information, value)))
    some = (_count(used) > 0) & np.isfinite(mean).all(axis=0) & np.isfinite(fused).all(axis=(0, 1))
    return FusedVector(
        value=np.where(some, mean, np.nan),
        covariance=np.where(some, fused, np.nan),
        validity=np.where(some, _least(validity, weight > 0.0), 0.0),
        faulty=faulty,
    )


def at_least(number: int, validity: Floats) -> Floats:
    """Validity of what at least `number` of independent sources support (row,); validity (source, row), 0..1.

    1 for number 0, the product for as many as there are, 0 for more; monotone in each. The sources are sorted first, so
    that even the rounding does not depend on their order.
    """
    reached = [np.ones(validity.shape[1:])] + [np.zeros(validity.shape[1:])] * number
    for one in np.sort(validity, axis=0):
        for needed in range(number, 0, -1):
            more = one * (reached[needed - 1] - reached[needed])
            reached[needed] = np.minimum(reached[needed] + more, 1.0)
    return reached[number]


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all but some of the counted intervals share; (source, row) and (row,)."""

    lows: Floats  # NaN: not counted
    highs: Floats
    quorum: Integers  # how many must share a point
    low: Floats  # NaN: no point is shared by so many
    high: Floats
    validity: Floats


def _shared(value: Any, spread: Any, validity: Any, faults: int) -> _Shared:
    value, spread, validity, counted = _counted(value, spread, validity)
    lows, highs = np.where(counted, value - spread, np.nan), np.where(counted, value + spread, np.nan)
    number = _count(counted)
    enough, quorum = number >= 2 * faults + 1, number - faults  # fewer than 0 faults: no quorum is reached
    at_low, at_high = _covers(lows, highs, lows), _covers(lows, highs, highs)
    low_possible = enough & (_count(at_low) >= quorum)
    high_possible = enough & (_count(at_high) >= quorum)
    low = np.min(np.where(low_possible, lows, np.inf), axis=0, initial=np.inf)
    high = np.max(np.where(high_possible, highs, -np.inf), axis=0, initial=-np.inf)
    witnesses = min(max(faults, 0), len(lows)) + 1
    supported = at_least(witnesses, np.where(at_low, validity[:, None], 0.0))
    return _Shared(
        lows=lows,
        highs=highs,
        quorum=quorum,
        low=np.where(low <= high, low, np.nan),
        high=np.where(low <= high, high, np.nan),
        validity=np.max(np.where(low_possible, supported, 0.0), axis=0, initial=0.0),
    )


def _covers(lows: Floats, highs: Floats, points: Floats) -> Booleans:
    """Whether the interval of a source covers the point of another (source, other, row)."""
    return np.asarray((lows[:, None] <= points[None]) & (points[None] <= highs[:, None]))


def _from(shared: _Shared, value: Floats) -> Fused:
    spread = np.maximum(shared.high - value, value - shared.low)
    faulty = (shared.highs < shared.low) | (shared.lows > shared.high)
    return _said(shared.low <= shared.high, value, spread, shared.validity, faulty)


def _said(some: Any, value: Floats, spread: Floats, validity: Floats, faulty: Booleans) -> Fused:
    """What is finite is said; elsewhere nothing is."""
    some = some & np.isfinite(value) & np.isfinite(spread)
    return Fused(
        value=np.where(some, value, np.nan),
        spread=np.where(some, spread, np.nan),
        validity=np.where(some, validity, 0.0),
        faulty=faulty,
    )


def _counted(value: Any, spread: Any, validity: Any) -> tuple[Floats, Floats, Floats, Booleans]:
    """Value, spread and validity (source, row); 0, 1 and 0 where a source is absent; and where it is not."""
    arrays = (np.asarray(each, dtype=float) for each in (value, spread, validity))
    value, spread, validity = np.broadcast_arrays(*arrays)
    finite = (np.abs(value - spread) < np.inf) & (np.abs(value + spread) < np.inf)
    counted = finite & (spread >= 0.0) & (validity > 0.0) & (validity < np.inf)
    validity = np.where(counted, np.minimum(validity, 1.0), 0.0)
    return np.where(counted, value, 0.0), np.where(counted, spread, 1.0), validity, counted


def _counted_vectors(value: Any, covariance: Any, validity: Any) -> tuple[Floats, Floats, Floats, Floats, Booleans]:
    """Value, covariance, its inverse, and validity; 0, the identity, 0 and 0 where one is absent; and where not."""
    value, covariance, validity = (np.asarray(each, dtype=float) for each in (value, covariance, validity))
    covariance = 0.5 * covariance + 0.5 * np.swapaxes(covariance, 1, 2)
    information = _inverse(covariance)
    counted = (
        np.isfinite(value).all(axis=1)
        & _definite(covariance)
        & _definite(information)
        & (validity > 0.0)
        & (validity < np.inf)
    )
    identity = np.eye(value.shape[1])[:, :, None]
    return (
        np.where(counted[:, None], value, 0.0),
        np.where(counted[:, None, None], covariance, identity),
        np.where(counted[:, None, None], information, 0.0),
        np.where(counted, np.minimum(validity, 1.0), 0.0),
        counted,
    )


def _outvoted(contradicted: Booleans, counted: Booleans) -> Booleans:
    """Counted sources that contradict at least half of the counted ones; `contradicted` is (source, source, row).

    Votes have equal weights: a liar can say that it is valid, but not that it is many.
    """
    contradictions = _count(contradicted & counted[:, None] & counted[None])
    return counted & (2 * contradictions >= _count(counted))


def _disjoint(value: Floats, covariance: Floats) -> Booleans:
    """Pairs of sources whose ellipsoids certainly have no point in common (source, source, row)."""
    distance = value[:, None] - value[None]
    scaled = _product(_inverse(2.0 * covariance[:, None] + 2.0 * covariance[None]), distance)
    return np.asarray(_total(distance[:, :, each] * scaled[:, :, each] for each in range(value.shape[1])) > 1.0)


def _weights(information: Floats, used: Booleans) -> Floats:
    """Weights of the sources (source, row) with nearly the least determinant of the fused covariance."""
    components = range(information.shape[1])
    weight = used / np.maximum(_count(used), 1)
    for _ in range(ITERATIONS):
        fused = _inverse(_sum(weight[:, None, None] * information))
        trace = _total(fused[one, two] * information[:, one, two] for one in components for two in components)
        weight = np.where(used, weight * trace / len(components), 0.0)
    weight = np.where(weight < NEGLIGIBLE, 0.0, weight)
    return np.asarray(weight / np.maximum(_sum(weight), NEGLIGIBLE))


def _inverse(matrix: Floats) -> Floats:
    """Inverse of symmetric matrices (..., component, component, row) of 1 to 3 components, by cofactors."""
    cofactors, determinant = _cofactors(matrix), _determinant(matrix)
    return np.stack([np.stack([each / determinant for each in line], axis=-2) for line in cofactors], axis=-3)


def _determinant(matrix: Floats) -> Floats:
    return _total(matrix[..., 0, each, :] * _cofactors(matrix)[0][each] for each in _components(matrix))


def _cofactors(matrix: Floats) -> list[list[Floats]]:
    m = np.moveaxis(matrix, (-3, -2), (0, 1))
    match len(m):
        case 1:
            return [[np.ones_like(m[0, 0])]]
        case 2:
            return [[m[1, 1], -m[0, 1]], [-m[1, 0], m[0, 0]]]
        case _:
            after = ((1, 2), (2, 0), (0, 1))
            return [[m[i, k] * m[j, n] - m[i, n] * m[j, k] for k, n in after] for i, j in after]


def _definite(matrix: Floats) -> Booleans:
    """Whether symmetric matrices are positive definite: all leading minors are. [Sylvester]"""
    minors = [_determinant(matrix[..., : size + 1, : size + 1, :]) for size in _components(matrix)]
    return np.asarray(np.all([(minor > 0.0) & (minor < np.inf) for minor in minors], axis=0))


def _components(matrix: Floats) -> range:
    return range(matrix.shape[-2])


def _product(matrix: Floats, vector: Floats) -> Floats:
    """Matrix (..., component, component, row) times vector (..., component, row)."""
    return _total(matrix[..., :, each, :] * vector[..., each, None, :] for each in _components(matrix))


def _total(parts: Iterable[Floats]) -> Floats:
    """Sum from the first to the last: the same bits for a row alone and among others."""
    return reduce(add, parts)


def _sum(parts: Floats) -> Floats:
    """Sum over the sources, the smallest first: the same bits in any order of the sources."""
    return _total([np.zeros(parts.shape[1:]), *np.sort(parts, axis=0)])


def _least(numbers: Floats, among: Booleans) -> Floats:
    """The least of some sources; inf where there is none."""
    return np.asarray(np.min(np.where(among, numbers, np.inf), axis=0, initial=np.inf))


def _count(sources: Booleans) -> Integers:
    return np.asarray(sources.sum(axis=0, dtype=np.int64))
