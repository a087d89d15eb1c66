"""A crossing of two roads: four arms, from each a path to the left, straight on and to the right; who is in whose way.

Cars keep to the right. Arm 0 comes from the south, 1 from the east, 2 from the north, 3 from the west; path
3 * arm + turn comes from that arm and leaves to the left (turn 0), straight on (1), to the right (2).

Where who turns left has a lane of its own, it lies on the middle of the road, between the lanes of the two directions:

    begin ---- straight ---- taper ---- turning lane ---- stop line        the whole of it is the approach
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, pi, sin

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from karyon.sim.roads.paths import Path, Paths, turned

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

ARMS, TURNS = 4, ("left", "straight", "right")
SAMPLE = 0.25  # m between two points of a path of which the distance is taken
TAPER = 70.0  # m, radius of the two bends into a turning lane: 2.8 m/s2 at 50 km/h


@dataclass(frozen=True, slots=True)
class Layout:
    """Lengths in m.

    lane       width of a lane; each arm has one towards the crossing and one away from it
    approach   from where cars appear to the stop line
    exit       from the crossing to where they are out of sight
    corner     radius of the kerb between two arms
    turning    length of a lane before the stop line for those who turn left; 0: all come in one lane
    """

    lane: float
    approach: float
    exit: float
    corner: float
    turning: float = 0.0

    @property
    def through(self) -> float:
        """From the middle of a road to the middle of its lanes for those who go straight on, m."""
        return self.lane if self.turning else 0.5 * self.lane

    @property
    def edge(self) -> float:
        """From the middle of a road to its kerb, m."""
        return self.through + 0.5 * self.lane

    @property
    def half(self) -> float:
        """From the middle of the crossing to a stop line, m."""
        return self.edge + self.corner

    @property
    def taper(self) -> float:
        """Length of the way from the lane of all into the one of those who turn left, m; 0: there is none."""
        return 2.0 * TAPER * self._bend if self.turning else 0.0

    @property
    def _bend(self) -> float:
        """By which a car turns to leave its lane, rad, and turns back again."""
        return acos(1.0 - self.through / (2.0 * TAPER))

    @property
    def begins(self) -> float:
        """Arc length at which the lane of those who turn left begins to leave the other one, m."""
        return self.approach - self.turning - self.taper


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """The paths of a crossing and their conflict zones; arrays (path,) or (path, other path).

    line      arc length of the stop line, m: the same on each path
    inside    m from the line to the beginning of the lane in which a path leaves (path,)
    arm       it comes from; `leaves`: it leaves by (path,)
    lane      it has at its stop line (path,); an arm has as many as each other one, and those of arm 0 come first
    lanes     of all arms
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
    lane: Integers
    lanes: int
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
            begin = layout.begins if arm[one] == arm[other] and layout.turning else layout.approach
            near = _near(paths, layout, one, other, width, begin) - layout.approach
            if arm[one] == arm[other]:
                parts[one, other] = np.inf if one == other else near.max()
            elif len(near):
                begins[one, other], ends[one, other] = near[0], min(near[-1] + SAMPLE, inside[one])
    radius = np.array([_outer(layout), np.inf, layout.corner + 0.5 * layout.lane])[turn]
    conflicts = begins < ends
    lane, lanes = (2 * arm + (turn == 0), 2 * ARMS) if layout.turning else (arm, ARMS)
    return Crossing(paths, layout.approach, inside, arm, lane, lanes, leaves, radius, conflicts, begins, ends, parts)


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
    inner, outer = layout.corner + 0.5 * layout.lane, _outer(layout)
    middle = ((0.5 * pi * outer, 1.0 / outer), (2.0 * layout.half, 0.0), (0.5 * pi * inner, -1.0 / inner))[turn]
    straight, pieces = layout.approach, [(layout.approach, 0.0), middle]
    if layout.turning:
        bends, length = turn == 0, 0.5 * layout.taper
        straight -= layout.taper - 2.0 * TAPER * sin(length / TAPER) if bends else 0.0
        bend = 1.0 / TAPER if bends else 0.0
        pieces = [(layout.begins, 0.0), (length, bend), (length, -bend), (layout.turning, 0.0)]
        half = (0.5 * middle[0], middle[1])  # all paths have as many pieces
        pieces += [(layout.through, 0.0), middle] if bends else [half, half]
    begin = turned((layout.through, -layout.half - straight), 0.5 * pi * arm)
    return Path.of(begin, 0.5 * pi * (arm + 1), [*pieces, (layout.exit, 0.0)])


def _outer(layout: Layout) -> float:
    """Radius of a left turn, m: from a lane on the middle of the road one goes straight on first."""
    return layout.half + (0.0 if layout.turning else layout.through)


def _near(paths: Paths, layout: Layout, one: int, other: int, width: float, begin: float) -> Floats:
    """Arc lengths of `one` nearer than `width` to the middle of `other`, from `begin` to just behind the crossing."""
    places = []
    for path in (paths.each[one], paths.each[other]):
        s = np.arange(begin, path.length - layout.exit + 2.0 * layout.corner, SAMPLE)
        places.append((s, np.stack(path.at(s)[:2], axis=1)))
    (s, mine), (_, theirs) = places
    distance = np.hypot(*(mine[:, None] - theirs[None]).transpose(2, 0, 1)).min(axis=1)
    return np.asarray(s[distance < width])
