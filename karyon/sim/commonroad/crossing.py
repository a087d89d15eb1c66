"""A crossing, and the traffic on it, of a CommonRoad file: as seen by the car that is replaced.

Each recorded car has a path of its own, on which it was recorded, straight on before and behind that. Conflict zones
are those between the path of ours and each other one that comes from another arm; two recorded cars have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi
from pathlib import Path as File

import numpy as np
from numpy.typing import NDArray

from karyon.sim.commonroad import file
from karyon.sim.commonroad.file import Lanelet, Track, fault
from karyon.sim.commonroad.tracks import OURS, looked_up, nearest, resampled, smoothed, span, times_of
from karyon.sim.documents import InputError
from karyon.sim.roads.crossing import ARMS, Crossing
from karyon.sim.roads.paths import Path, Paths

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LINE = 200.0  # m, arc length of all stop lines
BACK, ONWARDS = 150.0, 200.0  # m that a path goes on straight before and behind what is recorded
SEEN_BACK, SEEN_ON = 30.0, 40.0  # m of that on which two paths may claim the same ground
BEFORE = 2.0  # m from a stop line to what it guards
SAMPLE = 0.25  # m between two points of a path of which the distance is taken
MOVED = 0.5  # m: points of a track that are nearer to each other say nothing of its direction
ACROSS = 0.87  # cosine of 30°: a lanelet that leads further aside than that crosses
OTHER_ARM = 0.25 * pi  # rad, between two cars that come from different arms
APPROACH = 20.0  # m before a zone: there it shows from which arm one comes
CLEARANCE = 0.4  # m, that a car keeps clear of besides its width, as at all crossings


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """All cars at one instant (car,): arc length of the front bumper on its path, m, and how that changes."""

    here: Booleans
    s: Floats
    speed: Floats
    acceleration: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What a scenario needs of a file in which car `numbers[OURS]` is replaced.

    road           path i is that of car i
    length, width  of the cars, m
    goal           m behind the line, where the lane begins in which ours leaves the crossing
    reached        s after its first instant: the front of the replaced car was there; None: not within the recording
    duration       s, from its first instant to the last one of the recording
    limit          m/s: the speed limit on its way, or its highest speed if that was more
    table          (quantity, tick, car), NaN where a car is not recorded; `first` (s) is the time of the first tick
    """

    road: Crossing
    numbers: Integers
    length: Floats
    width: Floats
    goal: float
    reached: float | None
    duration: float
    limit: float
    left_out: int
    table: Floats
    first: float

    def at(self, time: float) -> Motion:
        """The traffic at `time` (s) after the first instant of the replaced car; beyond it all go straight on."""
        here, (s, speed, acceleration) = looked_up(self.table, self.first, time)
        return Motion(here, s, speed, acceleration)


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """The path of a track: points at each metre (point, 2), and where on it the track is (instant,), m."""

    points: Floats
    place: Floats


@lru_cache(maxsize=4)
def scene(path: File, replaced: int, lead_in: float, lead_out: float, most: int) -> Scene:
    """The crossing on the way of a car, and at most `most` cars. Raises InputError."""
    recording = file.read(path)
    track = recording.track(replaced)
    chosen, left_out = nearest(recording, track, most)
    ways = [_way(each, recording.step) for each in chosen]
    crossed = _crossed(recording.lanelets, ways[OURS])
    if crossed is None:
        raise InputError([fault(path, f"car {replaced} crosses no lane within the recording: it has no crossing")])
    if crossed[1] > _seen(ways[OURS])[1] - 1.0:
        raise InputError([fault(path, f"car {replaced} does not come out of its crossing: that has no exit for it")])
    length, width = (np.array([getattr(each, name) for each in chosen]) for name in ("length", "width"))
    road, offsets = _road(ways, width, *crossed)
    times = times_of(recording, track, lead_in, lead_out)
    fronts = offsets + 0.5 * length  # from the middle of each car
    spans = [span(recording, each, track) for each in chosen]
    tables = [_sampled(*each, times) for each in zip(ways, fronts, spans, strict=True)]
    table = np.stack(tables, axis=2)
    if wrong := list(_without_length(road, chosen)):
        raise InputError([fault(path, each) for each in wrong])
    goal = crossed[1] - crossed[0] + BEFORE
    within = times <= (track.last - track.first) * recording.step
    there = (table[0, :, OURS] >= LINE + goal) & within
    return Scene(
        road=road,
        numbers=np.array([each.number for each in chosen]),
        length=length,
        width=width,
        goal=goal,
        reached=float(times[there.argmax()]) if there.any() else None,
        duration=(recording.steps - track.first) * recording.step,
        limit=max(_limit(recording.lanelets, ways[OURS]), float(table[1, within, OURS].max())),
        left_out=left_out,
        table=table,
        first=-lead_in,
    )


def _without_length(road: Crossing, cars: Sequence[Track]) -> Iterator[str]:
    """Of each zone of ours with another car that ends before it begins, what is wrong: ours would not wait for it."""
    for other in map(int, np.flatnonzero(np.isfinite(road.begins[OURS]) & ~road.conflicts[OURS])):
        names = f"car {cars[other].number} and car {cars[OURS].number}, which is replaced,"
        yield f"the conflict zone of {names} has no length behind the stop line: they meet before the crossing"


def crossing_cars(path: File) -> list[int]:
    """The cars of a file that reach, within it, the lane in which they leave a crossing. Raises InputError."""
    recording, found = file.read(path), []
    for track in recording.tracks:
        way = _way(track, recording.step)
        crossed = _crossed(recording.lanelets, way)
        if crossed is not None and way.place[0] < crossed[0] and way.place[-1] + 0.5 * track.length >= crossed[1]:
            found.append(track.number)
    return found


def _way(track: Track, step: float) -> _Way:
    """The path of a track, smoothed, straight on at both ends."""
    times = np.arange(len(track.x), dtype=np.float64) * step
    places = np.stack([smoothed(times, each, times)[0] for each in (track.x, track.y)], axis=1)
    kept = [0]
    for index in range(1, len(places)):
        if np.hypot(*(places[index] - places[kept[-1]])) >= MOVED:
            kept.append(index)
    line = places[kept]
    moves = len(line) > 2
    first, last = (line[1] - line[0], line[-1] - line[-2]) if moves else (_ahead(track, 0), _ahead(track, -1))
    first, last = (each / np.hypot(*each) for each in (first, last))
    whole = np.concatenate([[line[0] - BACK * first], line, [line[-1] + ONWARDS * last]])
    at = BACK + np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    beyond = np.maximum((places - line[-1]) @ last, 0.0) * (np.arange(len(places)) >= kept[-1])
    return _Way(resampled(whole), np.interp(np.arange(len(places)), kept, at) + beyond)


def _ahead(track: Track, at: int) -> Floats:
    return np.array([np.cos(track.heading[at]), np.sin(track.heading[at])])


def _crossed(lanelets: tuple[Lanelet, ...], way: _Way) -> tuple[float, float] | None:
    """Where on its way a car comes into lanes that lead across, and where out of the last of them, m; None: nowhere."""
    at = np.arange(*_seen(way))
    points, steps = way.points[at], way.points[at + 1] - way.points[at]
    across = np.zeros(len(at), dtype=bool)
    for lanelet in lanelets:
        inside = np.flatnonzero(_inside(points, np.concatenate([lanelet.left, lanelet.right[::-1]])))
        if len(inside):
            line = resampled(lanelet.middle)
            near = np.hypot(*(points[inside, None] - line[None]).transpose(2, 0, 1)).argmin(axis=1)
            near = np.clip(near, 0, len(line) - 2)
            lead = line[near + 1] - line[near]
            cosine = (lead * steps[inside]).sum(axis=1) / (np.hypot(*lead.T) * np.hypot(*steps[inside].T) + 1e-9)
            across[inside[cosine < ACROSS]] = True
    found = np.flatnonzero(across)
    return (float(at[found[0]]), float(at[found[-1]] + 1)) if len(found) else None


def _seen(way: _Way) -> tuple[int, int]:
    """From which metre to which one a way is looked at for what it crosses."""
    begin, end = way.place[0] - SEEN_BACK, way.place[-1] + SEEN_ON
    return max(int(begin), 0), min(int(end), len(way.points) - 2)


def _inside(points: Floats, polygon: Floats) -> Booleans:
    """Which points are inside of a polygon: a line from each to the right crosses its edge an odd number of times."""
    begin, end = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    between = (begin[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == begin[:, 1], 1.0, end[:, 1] - begin[:, 1])
    meets = begin[:, 0] + (y - begin[:, 1]) / rise * (end[:, 0] - begin[:, 0])
    return np.asarray((between & (x < meets)).sum(axis=1) % 2 == 1)


def _limit(lanelets: tuple[Lanelet, ...], way: _Way) -> float:
    """Lowest speed limit where a car begins, m/s; 0: none is said."""
    place = way.points[round(way.place[0])][None]
    limits = [
        each.speed_limit
        for each in lanelets
        if each.speed_limit is not None and _inside(place, np.concatenate([each.left, each.right[::-1]]))[0]
    ]
    return min(limits, default=0.0)


def _road(ways: list[_Way], width: Floats, begin: float, end: float) -> tuple[Crossing, Floats]:
    """The crossing of all ways, and what is added to the arc length of each so that all lines are at `LINE`.

    Ours crosses from `begin` to `end`, m. The line of another car is where the zone with ours begins; of one that has
    none it is at its first point, so that it never waits there.
    """
    count, zones = len(ways), [_zone(ways[OURS], way, width[OURS], each) for way, each in zip(ways, width, strict=True)]
    first = [begin if zone is None else zone[2] for zone in zones]  # m, that it claims of the crossing
    offsets = LINE - np.array(first) + BEFORE
    offsets[[zone is None for zone in zones]] = LINE + BACK
    offsets[OURS] = LINE - begin + BEFORE
    begins, ends = np.full((count, count), np.inf), np.full((count, count), -np.inf)
    for other, zone in enumerate(zones):
        if zone is not None:
            begins[OURS, other], ends[OURS, other] = zone[0] + offsets[OURS] - LINE, zone[1] + offsets[OURS] - LINE
            begins[other, OURS], ends[other, OURS] = zone[2] + offsets[other] - LINE, zone[3] + offsets[other] - LINE
    begins[OURS] = np.maximum(begins[OURS], 0.0)
    paths = Paths(tuple(_path(way, offset) for way, offset in zip(ways, offsets, strict=True)))
    inside = np.full(count, end - begin + BEFORE)
    come = [
        _heading(way, (begin if zone is None else zone[2]) - APPROACH) for way, zone in zip(ways, zones, strict=True)
    ]
    turned = np.array(come) - _heading(ways[OURS], begin - APPROACH)
    leaves = np.array([_heading(way, way.place[-1] + SEEN_ON) for way in ways]) - come[OURS]
    quarter = 0.5 * pi
    arm = np.where([zone is None for zone in zones], 0, np.round(turned / quarter).astype(np.int64) % ARMS)
    arm = np.where((arm == 0) & [zone is not None for zone in zones], _side(turned), arm)
    part = np.zeros((count, count))
    made = Crossing(
        paths=paths,
        line=LINE,
        inside=inside,
        arm=arm,
        lane=arm,
        lanes=ARMS,
        leaves=np.round(leaves / quarter - 2.0).astype(np.int64) % ARMS,
        radius=np.array([_radius(way) for way in ways]),
        conflicts=begins < ends,
        begins=begins,
        ends=ends,
        parts=part,
    )
    return made, offsets


def _side(turned: Floats) -> Integers:
    """The arm of one that comes from a little aside: that to the right, or to the left."""
    return np.where(np.sin(turned) > 0.0, 1, 3)


def _zone(own: _Way, other: _Way, own_width: float, width: float) -> tuple[float, float, float, float] | None:
    """From where to where on each of two ways the other one is too near, m; None: nowhere, or from one arm."""
    if own is other:
        return None
    (s, mine), (u, theirs) = (_sampled_way(way) for way in (own, other))
    away = np.hypot(*(mine[:, None] - theirs[None]).transpose(2, 0, 1))
    near = away < 0.5 * (own_width + width) + CLEARANCE
    if not near.any():
        return None
    on_own, on_other = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    begin, their_begin = float(s[on_own[0]]), float(u[on_other[0]])
    apart = _heading(own, begin - APPROACH) - _heading(other, their_begin - APPROACH)
    if abs((apart + pi) % (2.0 * pi) - pi) < OTHER_ARM:
        return None
    return begin, float(s[on_own[-1]]) + SAMPLE, their_begin, float(u[on_other[-1]]) + SAMPLE


def _sampled_way(way: _Way) -> tuple[Floats, Floats]:
    last = len(way.points) - 1.0
    s = np.arange(max(way.place[0] - SEEN_BACK, 0.0), min(way.place[-1] + SEEN_ON, last), SAMPLE)
    metres = np.arange(len(way.points))
    return s, np.stack([np.interp(s, metres, way.points[:, axis]) for axis in (0, 1)], axis=1)


def _heading(way: _Way, place: float) -> float:
    at = int(np.clip(place, 0, len(way.points) - 2))
    return float(np.arctan2(*(way.points[at + 1] - way.points[at])[::-1]))


def _radius(way: _Way) -> float:
    """Of the sharpest turn over 10 m, m."""
    headings = np.unwrap(np.arctan2(*np.diff(way.points, axis=0).T[::-1]))
    turns = np.abs(headings[10:] - headings[:-10]) / 10.0
    return float(1.0 / max(turns.max(), 1e-6))


def _path(way: _Way, offset: float) -> Path:
    """Straight metres, the same number of them for all."""
    points = way.points[: _pieces() + 1]
    missing = _pieces() + 1 - len(points)
    step = points[-1] - points[-2]
    points = np.concatenate([points, points[-1] + np.arange(1, missing + 1)[:, None] * step]) if missing > 0 else points
    steps = np.diff(points, axis=0)
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    start = offset + np.arange(len(steps), dtype=np.float64)
    return Path(start, points[:-1, 0], points[:-1, 1], heading, np.zeros(len(steps)), float(start[-1] + 1.0))


def _pieces() -> int:
    return int(BACK + ONWARDS) + 400  # m: nobody is recorded for longer


def _sampled(way: _Way, offset: float, spanned: tuple[Floats, float, float], times: Floats) -> Floats:
    """Place on its way and `offset` (m) more, speed, acceleration of a track at `times`; `spanned` as `span` has it."""
    own, begins, ends = spanned
    there = (times >= begins) & (times <= ends)
    inside = np.clip(times, max(own[0], 0.0), own[-1])
    place, speed, change = smoothed(own, way.place, inside)
    speed = np.maximum(speed, 0.0)
    return np.where(there, np.stack([offset + place + speed * (times - inside), speed, change]), np.nan)
