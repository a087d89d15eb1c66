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
    road = scenario.road
    layout = Layout(road.lane, road.approach, road.exit, road.corner)
    zones = outlines(crossing(layout, scenario.vehicle.width), scenario.vehicle.width)
    arms = [_turned(np.array(each), arm) for arm in range(ARMS) for each in (_edge(layout), _stop_line(layout))]
    dashes = [_turned(_dashes(layout), arm) for arm in range(ARMS)]
    reach = layout.half + AROUND
    return Backdrop(
        ground=[np.concatenate([_turned(_edge(layout), arm) for arm in range(ARMS)])],
        lines=arms,
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
    return np.concatenate([[[layout.lane, -far]], corner, [[far, -layout.lane]]])


def _stop_line(layout: Layout) -> Floats:
    return np.array([[0.0, -layout.half], [layout.lane, -layout.half]])


def _dashes(layout: Layout) -> Floats:
    """Between the two lanes of the southern arm (dash, 2, 2)."""
    begins = np.arange(layout.half, layout.half + max(layout.approach, layout.exit), DASH_EVERY)
    ends = np.stack([-begins, -begins - DASH], axis=1)
    return np.stack([np.zeros_like(ends), ends], axis=2)


def _turned(points: Floats, arm: int) -> Floats:
    """From the southern arm to another one."""
    cos, sin = (round(each) for each in (np.cos(0.5 * pi * arm), np.sin(0.5 * pi * arm)))
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]], dtype=float))


def _named(path: int) -> str:
    arm, turn = divmod(path, len(TURNS))
    return f"{('south', 'east', 'north', 'west')[arm]} {TURNS[turn]}"
