"""Slow, obvious scalars: what several sources say together, for one row, from the definition.

Sources are lists of (value, spread, validity), all of them counted. Numbers are carried as fractions. Nothing is sorted
or swept: every group of sources, and every way of being right and wrong, is looked at.
"""

from fractions import Fraction
from itertools import combinations, product
from math import isfinite

Source = tuple[float, float, float]
Interval = tuple[Fraction, Fraction]


def present(sources: list[Source]) -> list[int]:
    """Indices of the sources that say something."""
    return [
        index
        for index, (value, spread, validity) in enumerate(sources)
        if all(map(isfinite, (value - spread, value + spread, validity))) and spread >= 0 and validity > 0
    ]


def interval(source: Source) -> Interval:
    value, spread, _ = map(Fraction, source)
    return value - spread, value + spread


def probability(chances: list[Fraction], least: int) -> Fraction:
    """That at least so many of independent events happen, summed over all that can happen."""
    total = Fraction(0)
    for happened in product([True, False], repeat=len(chances)):
        if sum(happened) >= least:
            chance = Fraction(1)
            for each, one in zip(happened, chances, strict=True):
                chance *= one if each else 1 - one
            total += chance
    return total


def meetings(sources: list[Source], faults: int) -> list[Interval]:
    """What the sources of each group that leaves out `faults` of them have in common."""
    found = []
    for group in combinations(map(interval, sources), len(sources) - faults):
        low, high = max(low for low, _ in group), min(high for _, high in group)
        found += [(low, high)] if low <= high else []
    return found


def possible(sources: list[Source], faults: int) -> Interval | None:
    """From the least to the greatest value that is true if exactly some such group is right."""
    if len(sources) < 2 * faults + 1 or not (found := meetings(sources, faults)):
        return None
    return min(low for low, _ in found), max(high for _, high in found)


def support(sources: list[Source], faults: int) -> Fraction:
    """Of all that can be true: the best chance that more than `faults` of those who say so are right."""
    chances = [Fraction(0)]
    for low, _ in meetings(sources, faults):
        chances.append(probability([Fraction(v) for x, s, v in sources if abs(Fraction(x) - low) <= s], faults + 1))
    return max(chances)


def weighted_middle(sources: list[Source], faults: int) -> Fraction | None:
    """Mean of the middles of all regions that enough sources share, each counted once for each of these."""
    middles = []
    ends = sorted({end for source in sources for end in interval(source)})
    for left in ends:
        right = min((end for end in ends if end > left), default=left)
        middle = (left + right) / 2
        sharing = [low for low, high in map(interval, sources) if low <= middle <= high]
        if right > left and len(sharing) >= len(sources) - faults:
            middles += [middle] * len(sharing)
    return sum(middles, Fraction(0)) / len(middles) if middles else None


def contradict(one: Source, other: Source, correlated: bool) -> bool:
    """Whether two sources are farther apart than their spreads explain."""
    distance, first, second = abs(Fraction(one[0]) - Fraction(other[0])), Fraction(one[1]), Fraction(other[1])
    return distance > first + second if correlated else distance**2 > first**2 + second**2


def outvoted(sources: list[Source], correlated: bool) -> list[bool]:
    """Sources that no majority agrees with, themselves included."""
    return [2 * sum(not contradict(one, other, correlated) for other in sources) <= len(sources) for one in sources]


def mean(sources: list[Source]) -> tuple[Fraction, Fraction]:
    """Mean of copies: a source that is twice as valid, or whose variance is half, is there twice. And its variance."""
    weights = [Fraction(validity) / Fraction(spread) ** 2 for _, spread, validity in sources]
    values = [Fraction(value) for value, _, _ in sources]
    return sum(w * x for w, x in zip(weights, values, strict=True)) / sum(weights), 1 / sum(weights)
