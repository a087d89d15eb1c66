"""Who comes to the crossing, when, and where to: drawn once per run from a stream of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.sim.intersection.scenario import Scenario
from karyon.sim.roads.crossing import TURNS
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Cars in order of arrival (run, car).

    time       s, when it would appear if its lane were free
    path       number of its path
    silent     it has no radio
    emergency  it has priority
    """

    time: Floats
    path: Integers
    silent: Booleans
    emergency: Booleans

    @classmethod
    def of(cls, scenarios: Sequence[Scenario]) -> "Traffic":
        """Of all runs. Given how many come, a Poisson process has their times uniform. [Ross 2014, sec. 5.3]"""
        drawn = [_drawn(each) for each in scenarios]
        return cls(*(np.stack(column) for column in zip(*drawn, strict=True)))


def _drawn(scenario: Scenario) -> tuple[Floats, Integers, Booleans, Booleans]:
    draws, special = stream(scenario.seed, Purpose.TRAFFIC), scenario.emergencies
    count = scenario.vehicles - len(special)
    time = np.concatenate([draws.random(count) * scenario.duration, [one.time for one in special]])
    arms, turns = (np.cumsum(shares) / np.sum(shares) for shares in (scenario.demand.arms, scenario.demand.turns))
    arm = np.searchsorted(arms[:-1], draws.random(count), side="right")
    turn = np.searchsorted(turns[:-1], draws.random(count), side="right")
    path = np.concatenate([3 * arm + turn, [3 * one.arm + TURNS.index(one.turn) for one in special]]).astype(np.int64)
    silent = np.concatenate([draws.random(count) < scenario.demand.silent, np.zeros(len(special), dtype=bool)])
    emergency = np.arange(scenario.vehicles) >= count
    order = np.argsort(time, kind="stable")
    return time[order], path[order], silent[order], emergency[order]
