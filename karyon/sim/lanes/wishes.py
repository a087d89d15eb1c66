"""Who wishes to change lanes, when, and where to: as the scenario says, or drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from karyon.perception.sensors import nanoseconds
from karyon.sim.lanes.scenario import LATEST, LaneChangeScenario, Waves
from karyon.sim.streams import Purpose, stream


@dataclass(frozen=True, slots=True)
class Call:
    """At `time` (ns) cars of a run may wish.

    order   cars, the first `count` of those that have no wish get one
    lane    where to; None: to a side, which `left` says where there are both
    left    of each car in `order`: to the left
    """

    time: int
    run: int
    order: Sequence[int]
    count: int
    lane: int | None
    left: Sequence[bool]


def calls(scenarios: Sequence[LaneChangeScenario]) -> Iterator[Call]:
    """All calls of all runs, in order of time within each run."""
    for run, scenario in enumerate(scenarios):
        wishes = scenario.lane_change.wishes
        if wishes is not None:
            for wish in sorted(wishes, key=lambda each: each.time):
                yield Call(nanoseconds(wish.time), run, [wish.vehicle], 1, wish.lane, [True])
        else:
            yield from _drawn(run, scenario, scenario.lane_change.waves or Waves())


def _drawn(run: int, scenario: LaneChangeScenario, waves: Waves) -> Iterator[Call]:
    draws = stream(scenario.seed, Purpose.WISHES)
    time = waves.first
    while time <= scenario.duration - LATEST:
        order, left = draws.permutation(scenario.vehicles), draws.random(scenario.vehicles) < 0.5
        yield Call(nanoseconds(time), run, order.tolist(), waves.cars, None, left.tolist())
        time += waves.every


def side(lane: int, lanes: int, left: bool) -> int:
    """The lane beside `lane`, to the left or the right where there are both."""
    if lane == 0:
        return 1
    if lane == lanes - 1:
        return lane - 1
    return lane + 1 if left else lane - 1


def bits(members: np.ndarray) -> np.ndarray:
    """The set of those that are members (..., vehicle), as bits (...)."""
    return np.asarray((members.astype(np.int64) << np.arange(members.shape[-1])).sum(axis=-1))
