"""Lanes side by side, and the traffic on them, of a CommonRoad file: as seen by the car that is replaced.

Lanelets in a row make a lane; the lane in which the replaced car begins leads, and all places are taken along it. Every
recorded track is a smoothing spline along the road and across it, so that place, speed and acceleration belong
together: recorded speeds are off by several m/s from how the recorded places change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from karyon.sim.commonroad import file
from karyon.sim.commonroad.file import Lanelet, Recording, Track, fault
from karyon.sim.commonroad.tracks import OURS, TICK, looked_up, nearest, resampled, smoothed, span, times_of
from karyon.sim.documents import InputError
from karyon.sim.lanes.road import Road

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BEFORE, BEHIND = 300.0, 1000.0  # m of straight road before and behind what is recorded
SMOOTH = 8.0  # m, over which the middle of a lane is smoothed: its points make corners
TURNS = 0.52  # rad, 30°: a car that turns by more than that does so at a crossing
ALIKE = 0.5  # cosine of the angle between two lanes of one direction, at least
BESIDE = 30.0  # m: a lane further aside is another road
OFF = 1.0  # m beside its lane: so far a recorded car may be
ASIDE, DRIFT = 0.8, 0.6  # m from the middle of its lane, m/s: a car that is further out, or faster, moves over
SLOW = 2.0  # m/s: below it the heading of a car is not that of its motion


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """All cars at one instant (car,): place along and across the road, m, and what follows from its change.

    here     it is recorded at this time
    across   sine of its heading against the road
    """

    here: Booleans
    s: Floats
    d: Floats
    speed: Floats
    across: Floats
    acceleration: Floats


class LaneletRoad(Road):
    """Lanes of any width, along the one whose middle is `points` (point, 2)."""

    def __init__(self, points: Floats) -> None:
        curvature, begin = _curvature(points)
        self.lanes, self.width = 0, 0.0
        place = np.arange(len(curvature), dtype=float)
        self._lay(place, curvature, place[-1], begin)
        self._right, self._left = np.empty((2, 0, len(self._x)))

    def widen(self, bounds: Sequence[tuple[Floats, Floats]]) -> None:
        """Give the road its lanes: from the right to the left the right and left bound of each, m (point, 2) in (s, d).

        Before and behind its points a lane goes on as it begins and ends.
        """
        at = np.arange(len(self._x), dtype=float)
        self._right, self._left = (np.stack([np.interp(at, *pair[side].T) for pair in bounds]) for side in (0, 1))
        self.lanes, self.width = len(bounds), float(np.median(self._left - self._right))

    def places(self, points: Floats) -> Floats:
        """Where points in the plane are along the road: (point, 2) in m to (s, d)."""
        away = np.hypot(points[:, :1] - self._x, points[:, 1:] - self._y)
        s = away.argmin(axis=1).astype(float)
        for _ in range(4):  # Newton's method on the distance along the road
            x, y, heading = self.plane(s, np.zeros_like(s))
            cos, sin = np.cos(heading), np.sin(heading)
            dx, dy = points[:, 0] - x, points[:, 1] - y
            d = dy * cos - dx * sin
            s = s + (dx * cos + dy * sin) / np.maximum(1.0 - self.curvature(s) * d, 0.2)
        return np.stack([s, d], axis=1)

    def middle(self, lane: Integers, s: Floats) -> Floats:
        """d of the middle of each lane at s, m."""
        return np.asarray(0.5 * (self._at(self._left, lane, s) + self._at(self._right, lane, s)))

    def half(self, lane: Integers, s: Floats) -> Floats:
        """Half of the width of each lane at s, m."""
        return np.asarray(0.5 * (self._at(self._left, lane, s) - self._at(self._right, lane, s)))

    def slope(self, lane: Integers, s: Floats) -> Floats:
        """By how much the middle of each lane moves to the left along the road, m per m."""
        return np.asarray(0.5 * (self.middle(lane, s + 1.0) - self.middle(lane, s - 1.0)))

    def lane(self, d: Floats, s: Floats) -> Integers:
        """The lane whose middle is nearest."""
        lanes = np.arange(self.lanes)[:, None]
        return np.asarray(np.abs(d - self.middle(lanes, s)).argmin(axis=0), dtype=np.int64)

    def _at(self, table: Floats, lane: Integers, s: Floats) -> Floats:
        """A table (lane, metre) at places, linear between metres."""
        place = np.clip(s, 0.0, table.shape[1] - 1.001)
        metre = place.astype(np.int64)
        share = place - metre
        return np.asarray((1.0 - share) * table[lane, metre] + share * table[lane, metre + 1])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What a scenario needs of a file in which car `numbers[OURS]` is replaced.

    numbers        of the cars, as in the file; `length`, `width` in m (car,)
    home, goal     lane in which the replaced car begins, and ends
    under_way      it moves over already at its first instant
    end            m along the road, where the goal lane ends
    duration       s, from its first instant to the last one of the recording
    reached        s after its first instant: it is in the goal lane for good
    set_speed      m/s, the highest that it drove
    table          (quantity, tick, car), NaN where a car is not recorded; `first` (s) is the time of the first tick
    """

    road: LaneletRoad
    numbers: Integers
    length: Floats
    width: Floats
    home: int
    goal: int
    under_way: bool
    end: float
    duration: float
    reached: float
    set_speed: float
    left_out: int
    table: Floats
    first: float

    def at(self, time: float) -> Motion:
        """The traffic at `time` (s) after the first instant of the replaced car; beyond it all go straight on."""
        here, (s, d, speed, across, acceleration) = looked_up(self.table, self.first, time)
        return Motion(here, s, d, speed, across, acceleration)


@lru_cache(maxsize=4)
def scene(path: Path, replaced: int, lead_in: float, lead_out: float, most: int) -> Scene:
    """The lanes of a file and at most `most` cars on them, those nearest to the replaced one. Raises InputError."""
    recording = file.read(path)
    track = recording.track(replaced)
    road, around = _road(path, _lanelet_at(recording.lanelets, track))
    chosen, left_out = nearest(recording, track, most)
    times = times_of(recording, track, lead_in, lead_out)
    tables = [_sampled(road, each, recording, track, times) for each in chosen]
    table = np.stack(tables, axis=2)
    first, last = _lanes_of(path, track)
    if first is None or last is None:
        where = "begins" if first is None else "ends"
        raise InputError([fault(path, f"car {replaced} {where} beside all lanes: its path leaves the road")])
    if (turn := _turn(track)) > TURNS:
        raise InputError([fault(path, f"car {replaced} turns by {np.degrees(turn):.0f}°: that is no change of lanes")])
    mine = table[:, :, OURS]
    ticks = np.flatnonzero(np.isfinite(mine[0]) & (times <= (track.last - track.first) * recording.step))
    inside = road.lane(mine[1, ticks], mine[0, ticks]) == last
    reached = times[ticks[np.flatnonzero(~inside)[-1] + 1]] if (~inside).any() else 0.0
    return Scene(
        road=road,
        numbers=np.array([each.number for each in chosen]),
        length=np.array([each.length for each in chosen]),
        width=np.array([each.width for each in chosen]),
        home=first,
        goal=last,
        under_way=first != last and _moves_over(road, first, mine[:, round(lead_in / TICK)]),
        end=around[last][1],
        duration=(recording.steps - track.first) * recording.step,
        reached=float(max(reached, 0.0)),
        set_speed=float(mine[2, ticks].max()),
        left_out=left_out,
        table=table,
        first=-lead_in,
    )


def changes(path: Path) -> list[int]:
    """The cars of a file that end in another lane than they begin in. Raises InputError."""
    lanes = {track.number: _lanes_of(path, track) for track in file.read(path).tracks if _turn(track) <= TURNS}
    return [number for number, (first, last) in lanes.items() if None not in (first, last) and first != last]


def _moves_over(road: LaneletRoad, lane: int, state: Floats) -> bool:
    """Whether a car, of which `_sampled` has this state, is out of the middle of its lane, or moves out of it."""
    s, d, speed, across, _ = state
    number, place = np.array([lane]), np.array([s])
    drift = across * speed - road.slope(number, place)[0] * speed
    return bool(abs(d - road.middle(number, place)[0]) > ASIDE or abs(drift) > DRIFT)


def road_of(path: Path, track: Track) -> LaneletRoad:
    """The lanes along the one in which a car begins. Raises InputError."""
    return _road(path, _lanelet_at(file.read(path).lanelets, track))[0]


def _lanes_of(path: Path, track: Track) -> tuple[int | None, int | None]:
    """The lanes in which a car begins and ends, along the one in which it begins; None: beside all of them."""
    road, around = _road(path, _lanelet_at(file.read(path).lanelets, track))
    ends = road.places(np.array([[track.x[at], track.y[at]] for at in (0, -1)]))
    first, last = (_lane(road, around, place) for place in ends)
    return first, last


def _turn(track: Track) -> float:
    """By how much a car has turned in the end, rad."""
    return float(abs(track.heading[-1] - track.heading[0]))


def _curvature(points: Floats) -> tuple[Floats, tuple[float, float, float]]:
    """Curvature at each metre of a smoothed line that goes straight on at both ends; and where, and how, it begins."""
    first, last = points[1] - points[0], points[-1] - points[-2]
    first, last = first / np.hypot(*first), last / np.hypot(*last)
    line = np.concatenate([[points[0] - BEFORE * first], points, [points[-1] + BEHIND * last]])
    even = resampled(line)
    smooth = resampled(gaussian_filter1d(even, SMOOTH, axis=0, mode="nearest")[int(4 * SMOOTH) : -int(4 * SMOOTH)])
    step = np.diff(smooth, axis=0)
    heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    turn = np.diff(heading)
    curvature = np.concatenate([[0.0], turn, [0.0]])
    return curvature, (float(smooth[0, 0]), float(smooth[0, 1]), float(heading[0]))


@lru_cache(maxsize=64)
def _road(path: Path, home: Lanelet) -> tuple[LaneletRoad, list[tuple[float, float]]]:
    """The road along the lane of a lanelet, and from where to where (s, m) each of its lanes is drawn."""
    recording = file.read(path)
    known = {each.number: each for each in recording.lanelets}
    own = _chain(home, known)
    road = LaneletRoad(_joined([each.middle for each in own]))
    chains, used = [own], {each.number for each in own}
    for lanelet in recording.lanelets:
        if lanelet.number not in used:
            chain = [each for each in _chain(lanelet, known) if each.number not in used]
            used |= {each.number for each in chain}
            chains.append(chain)
    lanes = [found for chain in chains if (found := _bounds(road, chain)) is not None]
    lanes.sort(key=lambda pair: float(np.median(np.concatenate(pair)[:, 1])))
    road.widen(lanes)
    return road, [(float(right[0, 0]), float(right[-1, 0])) for right, _ in lanes]


def _lanelet_at(lanelets: Sequence[Lanelet], track: Track) -> Lanelet:
    """The lanelet nearest to the beginning of a track, of those that lead in its direction."""
    place = np.array([track.x[0], track.y[0]])
    heading = np.array([np.cos(track.heading[0]), np.sin(track.heading[0])])
    found = []
    for lanelet in lanelets:
        line = resampled(lanelet.middle) if len(lanelet.middle) > 1 else lanelet.middle
        if len(line) < 2:
            continue
        away = np.hypot(*(line - place).T)
        nearest = min(int(away.argmin()), len(line) - 2)
        step = line[nearest + 1] - line[nearest]
        found.append((float(away.min()) + 1e3 * (step @ heading < ALIKE), lanelet.number, lanelet))
    return min(found, key=lambda each: each[:2])[2]


def _chain(lanelet: Lanelet, known: dict[int, Lanelet]) -> list[Lanelet]:
    """The lanelets of its lane: before and behind it the straightest."""
    chain = [lanelet]
    for forwards in (True, False):
        while True:
            end = chain[-1] if forwards else chain[0]
            numbers = end.successors if forwards else end.predecessors
            options = [known[each] for each in numbers if each in known and known[each] not in chain]
            if not options:
                break
            best = max(options, key=lambda each: _straight(end, each) if forwards else _straight(each, end))
            chain = [*chain, best] if forwards else [best, *chain]
    return chain


def _straight(one: Lanelet, other: Lanelet) -> float:
    """Cosine of the angle between the end of one lanelet and that of the other."""
    steps = [each.middle[-1] - each.middle[-2] for each in (one, other)]
    lengths = [float(np.hypot(*step)) or 1.0 for step in steps]
    return float(steps[0] @ steps[1]) / (lengths[0] * lengths[1])


def _joined(lines: Sequence[Floats]) -> Floats:
    """Lines behind each other, without the points that two have in common."""
    whole = np.concatenate(lines)
    return np.asarray(whole[np.append(True, np.hypot(*np.diff(whole, axis=0).T) > 1e-3)])


def _bounds(road: LaneletRoad, chain: Sequence[Lanelet]) -> tuple[Floats, Floats] | None:
    """Right and left bound of a lane along the road; None: it leads elsewhere."""
    right, left = (
        road.places(resampled(_joined([getattr(each, side) for each in chain]))) for side in ("right", "left")
    )
    if len(right) < 2 or len(left) < 2:
        return None
    middle = 0.5 * (right[len(right) // 2] + left[len(left) // 2])
    along = right[-1, 0] - right[0, 0]
    length = float(np.hypot(*np.diff(right, axis=0).T).sum())
    is_beside = abs(middle[1]) <= BESIDE and along >= ALIKE * length
    return (_rising(right), _rising(left)) if is_beside else None


def _rising(line: Floats) -> Floats:
    """The points of a line that lead forwards."""
    return np.asarray(line[np.append(True, np.diff(np.maximum.accumulate(line[:, 0])) > 0.0)])


def _sampled(road: LaneletRoad, track: Track, recording: Recording, replaced: Track, times: Floats) -> Floats:
    """The track at `times` (s after the first instant of the replaced one): s, d, speed, across, acceleration."""
    own, begins, ends = span(recording, track, replaced)
    place = road.places(np.stack([track.x, track.y], axis=1))
    there = (times >= begins) & (times <= ends)
    inside = np.clip(times, max(own[0], 0.0), own[-1])
    (s, rate, change), (d, aside, _) = (smoothed(own, place[:, axis], inside) for axis in (0, 1))
    s, d = s + rate * (times - inside), d + aside * (times - inside)
    share = 1.0 - road.curvature(s) * d
    along = np.maximum(rate * share, 0.0)
    speed = np.hypot(along, aside)
    across = np.clip(aside / np.maximum(speed, SLOW), -0.9, 0.9)
    return np.where(there, np.stack([s, d, speed, across, change * share]), np.nan)


def _lane(road: LaneletRoad, around: list[tuple[float, float]], place: Floats) -> int | None:
    """The lane that is at a place, None: none is."""
    s, d = place
    lane = int(road.lane(np.array([d]), np.array([s]))[0])
    number = np.array([lane])
    off = abs(d - float(road.middle(number, place[:1])[0])) - float(road.half(number, place[:1])[0])
    return lane if off <= OFF and around[lane][0] - 10.0 <= s <= around[lane][1] + 10.0 else None
