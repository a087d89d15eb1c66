"""The air as a picture shows it: the routes of the aircraft, straight on from where each begins."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from karyon.sim.backdrop import Backdrop
from karyon.sim.flight.scenario import FlightScenario
from karyon.sim.flight.world import starts

AROUND = 1200.0  # m around all aircraft that a picture shows


def backdrop(data: Mapping[str, Any]) -> Backdrop:
    """Of the scenario with this data."""
    scenario = FlightScenario.model_validate(data)
    is_recorded = scenario.intruder is not None
    routes = []
    for x, y, _, east, north, speed in starts(scenario)[int(is_recorded) :]:
        ahead = speed * scenario.duration
        routes.append(np.array([[x, y], [x + ahead * east, y + ahead * north]]))
    return Backdrop(ground=(), lines=routes, around=AROUND)
