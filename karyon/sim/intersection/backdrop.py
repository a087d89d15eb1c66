"""The crossing as a picture shows it: two roads, their stop lines, and the conflict zones of the paths."""

from collections.abc import Mapping
from math import pi
from pathlib import Path
from typing import Any

import numpy as np

from karyon.sim.backdrop import Backdrop, Floats
from karyon.sim.commonroad import ground
from karyon.sim.intersection.scenario import Scenario
from karyon.sim.roads.crossing import ARMS, TURNS, Layout, crossing, outlines

AROUND = 30.0  # m of each arm that a picture shows
KERB = 9  # points of a corner
DASH, DASH_EVERY = 3.0, 9.0  # m


def backdrop(data: Mapping[str, Any]) -> Backdrop:
    """Of the scenario with this data."""
    scenario = Scenario.model_validate(data)
    if scenario.recorded is not None:
        return ground.backdrop(Path(scenario.recorded.file))
    layout = scenario.road.layout
    zones = outlines(crossing(layout, scenario.vehicle.width), scenario.vehicle.width)
    lines = [_edge(layout), _stop_line(layout), *_turning_lane(layout)]
    dashes = [_turned(_dashes(layout), arm) for arm in range(ARMS)]
    reach = layout.half + AROUND
    return Backdrop(
        ground=[np.concatenate([_turned(_edge(layout), arm) for arm in range(ARMS)])],
        lines=[_turned(each, arm) for arm in range(ARMS) for each in lines],
        dashes=np.concatenate(dashes),
        zones={f"{_named(one)}, {_named(other)}": outline for (one, other), outline in zones.items()},
        shown=(-reach, reach, -reach, reach),
    )


def _edge(layout: Layout) -> Floats:
    """The right kerb of the southern arm from afar to the corner, and along it to the eastern one (point, 2)."""
    far = layout.half + max(layout.approach, layout.exit)
    angle = np.linspace(pi, 0.5 * pi, KERB)
    corner = layout.half + layout.corner * np.stack([np.cos(angle), -1.0 + 0.0 * angle], axis=1)
    corner[:, 1] = -layout.half + layout.corner * np.sin(angle)
    return np.concatenate([[[layout.edge, -far]], corner, [[far, -layout.edge]]])


def _middle(layout: Layout) -> float:
    """Left edge of the lanes that come from the south, m."""
    return layout.edge - (2.0 if layout.turning else 1.0) * layout.lane


def _stop_line(layout: Layout) -> Floats:
    return np.array([[_middle(layout), -layout.half], [layout.edge, -layout.half]])


def _turning_lane(layout: Layout) -> list[Floats]:
    """Of the southern arm: left edge of the lane of those who turn left, and the right edge of what is before it."""
    if not layout.turning:
        return []
    begins, full = layout.half + layout.turning + layout.taper, layout.half + layout.turning
    left, right = _middle(layout), _middle(layout) + layout.lane
    far = layout.half + max(layout.approach, layout.exit)
    return [
        np.array([[left, -layout.half], [left, -far]]),
        np.array([[left, -full], [right, -begins], [right, -far]]),
    ]


def _dashes(layout: Layout) -> Floats:
    """Left of the lane of all on the southern arm (dash, 2, 2): to the ones who turn left, or who come from there."""
    far = layout.turning or max(layout.approach, layout.exit)
    begins = np.arange(layout.half, layout.half + far, DASH_EVERY)
    beside = np.full(len(begins), layout.edge - layout.lane)
    return np.stack([np.stack([beside, -begins - along], axis=1) for along in (0.0, DASH)], axis=1)


def _turned(points: Floats, arm: int) -> Floats:
    """From the southern arm to another one."""
    cos, sin = (round(each) for each in (np.cos(0.5 * pi * arm), np.sin(0.5 * pi * arm)))
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]], dtype=float))


def _named(path: int) -> str:
    arm, turn = divmod(path, len(TURNS))
    return f"{('south', 'east', 'north', 'west')[arm]} {TURNS[turn]}"
