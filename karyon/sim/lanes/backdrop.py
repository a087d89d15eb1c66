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
TAPER = 30.0  # m in which a lane that has ended narrows to nothing
DASH, DASH_EVERY = 6.0, 18.0  # m


def backdrop(data: Mapping[str, Any]) -> Backdrop:
    """Of the scenario with this data."""
    scenario = LaneChangeScenario.model_validate(data)
    if scenario.recorded is not None:
        return ground.backdrop(Path(scenario.recorded.file))
    road = Road.of(scenario)
    places = np.arange(-BEFORE, road.length + BEHIND, STEP)
    right, left = (_line(road, places, d) for d in _edges(road, places))
    starts = np.arange(0.0, road.length, DASH_EVERY)
    between = (np.arange(1, road.lanes) - 0.5) * road.width
    dashes = [np.stack([_line(road, starts + by, d) for by in (0.0, DASH)], axis=1) for d in between]
    strokes = np.concatenate([np.empty((0, 2, 2)), *dashes])
    return Backdrop([np.concatenate([right, left[::-1]])], [right, left, *_barrier(road, places)], strokes)


def _edges(road: Road, places: Floats) -> tuple[Floats, Floats]:
    """Right and left edge of the road, d in m; where a lane ends it tapers off."""
    right, left = np.full_like(places, -0.5), np.full_like(places, road.lanes - 0.5)
    if road.end is not None:
        narrower = np.clip((places - road.end.at) / TAPER, 0.0, 1.0)
        right, left = (right + narrower, left) if road.end.lane == 0 else (right, left - narrower)
    return road.width * right, road.width * left


def _barrier(road: Road, places: Floats) -> list[Floats]:
    """The line between an on-ramp and the road, as far as it must not be crossed."""
    if road.end is None or road.end.opens <= 0.0:
        return []
    beside = places[places <= road.end.opens]
    return [_line(road, beside, (0.5 if road.end.lane == 0 else road.lanes - 1.5) * road.width)]


def _line(road: Road, s: Floats, d: Floats | float) -> Floats:
    """Places in the plane (place, 2)."""
    x, y, _ = road.plane(s, np.full_like(s, d))
    return np.stack([x, y], axis=1)
