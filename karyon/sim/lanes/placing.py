"""The faults of all scenarios of a batch, on their cars."""

from collections.abc import Sequence
from math import inf

from karyon.perception.sensors import nanoseconds
from karyon.sim.faults import Placed, draws_of
from karyon.sim.lanes.scenario import LaneChangeScenario
from karyon.sim.streams import stream


def placed(scenarios: Sequence[LaneChangeScenario]) -> list[Placed]:
    """One entry per car that a fault acts on; its row is the car, run * vehicles + vehicle."""
    found = []
    for run, scenario in enumerate(scenarios):
        for index, fault in enumerate(scenario.faults):
            vehicles = range(scenario.vehicles) if fault.vehicle == "all" else [int(fault.vehicle)]
            onset = nanoseconds(fault.onset)
            lasts = inf if fault.duration is None else fault.duration
            end = nanoseconds(min(fault.onset + lasts, scenario.duration + 1.0))
            for vehicle in vehicles:
                draws = stream(scenario.seed, draws_of(index, vehicle))
                row = run * scenario.vehicles + vehicle
                found.append(Placed(fault, vehicle, row, onset, end, draws, (run, index)))
    return found
