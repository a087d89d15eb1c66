"""Measuring in turn: A B A B, and what is told of the repetitions. The first round warms up, and is not counted."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

REPETITIONS = 5
FEW = 3  # of what has so much to do that its times differ little
MUCH = 10_000  # rows


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, lowest and highest of the repetitions."""

    median: float
    lowest: float
    highest: float


def in_turn(measured: Mapping[str, Callable[[], float]], rows: int = 1) -> dict[str, Spread]:
    """All of `measured`, one after the other, again and again; `rows` says how much each has to do."""
    repetitions = min(FEW, REPETITIONS) if rows >= MUCH else REPETITIONS
    rounds = [{name: measure() for name, measure in measured.items()} for _ in range(1 + repetitions)]
    return {name: spread_of([one[name] for one in rounds[1:]]) for name in measured}


def spread_of(found: list[float]) -> Spread:
    """Of what was found, at least one."""
    return Spread(statistics.median(found), min(found), max(found))
