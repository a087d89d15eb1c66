"""A crossing of two roads: four arms, from each a path to the left, straight on and to the right; who is in whose way.

Cars keep to the right. Arm 0 comes from the south, 1 from the east, 2 from the north, 3 from the west; path
3 * arm + turn comes from that arm and leaves to the left (turn 0), straight on (1), to the right (2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from karyon.sim.roads.paths import Path, Paths, turned

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

ARMS, TURNS = 4, ("left", "straight", "right")
SAMPLE = 0.25  # m between two points of a path of which the distance is taken


@dataclass(frozen=True, slots=True)
class Layout:
    """Lengths in m.

    lane       width of a lane; each arm has one towards the crossing and one away from it
    approach   from where cars appear to the stop line
    exit       from the crossing to where they are out of sight
    corner     radius of the kerb between two arms
    """

    lane: float
    approach: float
    exit: float
    corner: float

    @property
    def half(self) -> float:
        """From the middle of the crossing to a stop line, m."""
        return self.lane + self.corner


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """The paths of a crossing and their conflict zones; arrays (path,) or (path, other path).

    line      arc length of the stop line, m: the same on each path
    inside    m from the line to the beginning of the lane in which a path leaves (path,)
    arm       it comes from; `leaves`: it leaves by (path,)
    radius    of the turn, m; inf straight on (path,)
    conflicts whether the two claim the same ground, and come from different arms
    begins    m behind the line at which a front bumper enters the zone with the other; inf where there is none
    ends      m behind the line at which a rear bumper has left it; -inf where there is none
    parts     of two paths from one arm: m behind the line from which on a rear bumper is out of the other's way
    """

    paths: Paths
    line: float
    inside: Floats
    arm: Integers
    leaves: Integers
    radius: Floats
    conflicts: Booleans
    begins: Floats
    ends: Floats
    parts: Floats

    @property
    def length(self) -> Floats:
        """Arc length at which a path is out of sight, m (path,)."""
        return np.array([path.length for path in self.paths.each])


def crossing(layout: Layout, width: float) -> Crossing:
    """The crossing for vehicles that claim `width` (m), what they keep clear of on both sides included."""
    paths = Paths(tuple(_path(layout, arm, turn) for arm in range(ARMS) for turn in range(3)))
    count = len(paths.each)
    arm, turn = np.divmod(np.arange(count), 3)
    inside = np.array([path.length - layout.approach - layout.exit for path in paths.each])
    begins, ends, parts = np.full((count, count), np.inf), np.full((count, count), -np.inf), np.zeros((count, count))
    leaves = (arm + np.array([3, 2, 1])[turn]) % ARMS
    for one in range(count):
        for other in range(count):
            near = _near(paths, layout, one, other, width) - layout.approach
            if arm[one] == arm[other]:
                parts[one, other] = np.inf if one == other else near.max()
            elif len(near):
                begins[one, other], ends[one, other] = near[0], min(near[-1] + SAMPLE, inside[one])
    radius = np.array([layout.corner + 1.5 * layout.lane, np.inf, layout.corner + 0.5 * layout.lane])[turn]
    conflicts = begins < ends
    return Crossing(paths, layout.approach, inside, arm, leaves, radius, conflicts, begins, ends, parts)


def outlines(road: Crossing, width: float) -> dict[tuple[int, int], Floats]:
    """Outline of each conflict zone in m (point, 2), by its two paths, the lower number first: what a window draws."""
    found = {}
    for one, other in zip(*np.nonzero(np.triu(road.conflicts)), strict=True):
        s = road.line + np.arange(road.begins[one, other], road.ends[one, other] + SAMPLE, 4 * SAMPLE)
        x, y, heading = road.paths.each[one].at(s)
        aside = np.linspace(-0.5 * width, 0.5 * width, 15)[:, None]
        points = np.stack([(x - aside * np.sin(heading)).ravel(), (y + aside * np.cos(heading)).ravel()], axis=1)
        u = road.line + np.arange(road.begins[other, one], road.ends[other, one] + SAMPLE, 4 * SAMPLE)
        theirs = np.stack(road.paths.each[other].at(u)[:2], axis=1)
        shared = points[(np.hypot(*(points[:, None] - theirs[None]).transpose(2, 0, 1)).min(axis=1) <= 0.5 * width)]
        if len(shared) > 2:
            found[int(one), int(other)] = shared[ConvexHull(shared).vertices]
    return found


def polylines(road: Crossing, step: float = 1.0) -> list[Floats]:
    """The middle of each path in m (point, 2), a point every `step` metres: what a window draws."""
    lines = []
    for path in road.paths.each:
        x, y, _ = path.at(np.append(np.arange(0.0, path.length, step), path.length))
        lines.append(np.stack([x, y], axis=1))
    return lines


def _path(layout: Layout, arm: int, turn: int) -> Path:
    inner, outer = layout.corner + 0.5 * layout.lane, layout.corner + 1.5 * layout.lane
    middle = ((0.5 * pi * outer, 1.0 / outer), (2.0 * layout.half, 0.0), (0.5 * pi * inner, -1.0 / inner))[turn]
    begin = turned((0.5 * layout.lane, -layout.half - layout.approach), 0.5 * pi * arm)
    return Path.of(begin, 0.5 * pi * (arm + 1), [(layout.approach, 0.0), middle, (layout.exit, 0.0)])


def _near(paths: Paths, layout: Layout, one: int, other: int, width: float) -> Floats:
    """Arc lengths of `one` nearer than `width` to the middle of `other`, in the crossing and just behind it."""
    places = []
    for path in (paths.each[one], paths.each[other]):
        s = np.arange(layout.approach, path.length - layout.exit + 2.0 * layout.corner, SAMPLE)
        places.append((s, np.stack(path.at(s)[:2], axis=1)))
    (s, mine), (_, theirs) = places
    distance = np.hypot(*(mine[:, None] - theirs[None]).transpose(2, 0, 1)).min(axis=1)
    return np.asarray(s[distance < width])
