"""Signals of a healthy log that leap together: either an event in the world shows in them, or they share a part."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp

import numpy as np

from karyon.logs.cells import Floats
from karyon.logs.learn_relations import Related
from karyon.logs.learn_signals import Learnt, surprises
from karyon.perception.hypotheses import SURPRISE
from karyon.perception.sensors import Booleans

BY_CHANCE = 1e-3  # probability of as many coincidences, above which they say nothing
SHARE = 0.3  # least share of the leaps of the rarer one that come together
RARE = 0.05  # largest share of the samples that are leaps: else leaping is what the signal does


@dataclass(frozen=True, slots=True)
class Together:
    """Two signals, by their place, that leapt in the same sample `times`, of `leaps` of the one that leaps less."""

    signals: tuple[int, int]
    times: int
    leaps: int


def together(signals: Sequence[Learnt], relations: Sequence[Related], columns: Floats) -> list[Together]:
    """The pairs among the signals, whose columns are (signal, row); what measures the same is no pair."""
    related = {frozenset((each.signal, each.source)) for each in relations}
    leaps = [_leaps(signal, column) for signal, column in zip(signals, columns, strict=True)]
    rare = [place for place, leap in enumerate(leaps) if 0 < leap.sum() <= RARE * leap.size]
    pairs = (pair for pair in combinations(rare, 2) if frozenset(pair) not in related)
    found = (_counted(pair, leaps) for pair in pairs)
    return [each for each in found if each is not None]


def _leaps(signal: Learnt, column: Floats) -> Booleans:
    """Samples (row,) that the chain takes for a leap."""
    there = np.isfinite(column)
    leaps = np.zeros(column.size, dtype=bool)
    paced = column[there] if signal.every > 1 else column
    leaping = np.abs(surprises(paced, inertia=signal.inertia)) > SURPRISE * signal.noise  # NaN: no leap
    leaps[there if signal.every > 1 else slice(None)] = leaping
    return leaps


def _counted(pair: tuple[int, int], leaps: Sequence[Booleans]) -> Together | None:
    """The pair, where its leaps come together more often than by chance."""
    one, other = (leaps[place] for place in pair)
    times, rarer = int(np.sum(one & other)), int(min(one.sum(), other.sum()))
    chance = _at_least(times, float(one.sum()) * float(other.sum()) / one.size)
    return Together(pair, times, rarer) if times >= SHARE * rarer and chance < BY_CHANCE else None


def _at_least(times: int, expected: float) -> float:
    """Probability of that many coincidences or more. [Poisson]"""
    term, fewer = exp(-expected), 0.0
    for count in range(times):
        fewer += term
        term *= expected / (count + 1)
    return 1.0 - fewer
