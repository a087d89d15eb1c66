"""On which rows faults of a crossing act, and what liars say."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import nanoseconds
from karyon.sim.faults import Placed
from karyon.sim.intersection.scenario import Scenario
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def placed(scenarios: Sequence[Scenario]) -> list[Placed]:
    """All faults of all runs, one entry per row that they act on."""
    found = []
    for run, scenario in enumerate(scenarios):
        cars = scenario.vehicles
        for index, fault in enumerate(scenario.faults):
            onset = nanoseconds(fault.onset)
            last = fault.onset + (inf if fault.duration is None else fault.duration)
            end = nanoseconds(min(last, scenario.duration + 1.0))
            for vehicle in range(cars) if fault.vehicle == "all" else [int(fault.vehicle)]:
                draws = stream(scenario.seed, Purpose.FAULTS + index * 100_000 + vehicle)
                found.append(Placed(fault, vehicle, run * cars + vehicle, onset, end, draws, (run, index)))
    return found


def said_wrongly(
    liars: Sequence[Placed], now: int, place: Floats, speed: Floats, level: Integers, top: int
) -> tuple[Floats, Floats, Integers]:
    """Place (m), speed (m/s) and level that all say at `now` (ns), lies among them (run, car)."""
    acting = [one for one in liars if one.onset <= now < one.end]
    if not acting:
        return place, speed, level
    place, speed, level = place.copy(), speed.copy(), level.copy()
    for one in acting:
        parameters, mode = one.fault.parameters, one.fault.mode
        if mode == "wrong_position":
            place.ravel()[one.row] += parameters["offset"]
        elif mode == "wrong_speed":
            speed.ravel()[one.row] += parameters["offset"]
        else:
            level.ravel()[one.row] = top if mode == "lie_high" else 0
    return place, speed, level
