"""The road of a lane change as a picture shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from karyon.sim.backdrop import Backdrop, Floats
from karyon.sim.commonroad import ground
from karyon.sim.lanes.road import Road
from karyon.sim.lanes.scenario import LaneChangeScenario

STEP = 5.0  # m along the road between two points of an edge
BEFORE, BEHIND = 100.0, 500.0  # m of road before its beginning, and behind what is known of it
DASH, DASH_EVERY = 6.0, 18.0  # m


def backdrop(data: Mapping[str, Any]) -> Backdrop:
    """Of the scenario with this data."""
    scenario = LaneChangeScenario.model_validate(data)
    if scenario.recorded is not None:
        return ground.backdrop(Path(scenario.recorded.file))
    road = Road.of(scenario)
    places = np.arange(-BEFORE, road.length + BEHIND, STEP)
    half = 0.5 * road.width
    right, left = (_line(road, places, d) for d in (-half, (road.lanes - 0.5) * road.width))
    starts = np.arange(0.0, road.length, DASH_EVERY)
    between = (np.arange(1, road.lanes) - 0.5) * road.width
    dashes = [np.stack([_line(road, starts + by, d) for by in (0.0, DASH)], axis=1) for d in between]
    strokes = np.concatenate([np.empty((0, 2, 2)), *dashes])
    return Backdrop([np.concatenate([right, left[::-1]])], [right, left], strokes)


def _line(road: Road, s: Floats, d: float) -> Floats:
    """Places in the plane (place, 2)."""
    x, y, _ = road.plane(s, np.full_like(s, d))
    return np.stack([x, y], axis=1)
