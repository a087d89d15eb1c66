"""Measures of criticality of the cars of a CommonRoad file, each with respect to one other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from karyon.sim import criticality
from karyon.sim.boxes import Boxes
from karyon.sim.commonroad import file, lanes
from karyon.sim.commonroad.file import Track

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

ACCELERATION = 11.5  # m/s² that a car reaches at most: BMW 320i [Althoff & Würsching 2020, vehicle models, table 2]


@dataclass(frozen=True, slots=True)
class Measures:
    """Of a car at an instant: as `karyon.sim.criticality` has them, in s, m and s²; inf: never, or nobody."""

    ttc_star: float
    ttb: float
    thw: float
    wttc: float
    ttce: float
    tet: float
    tit: float
    headway: float


def measured(path: Path, own: int, other: int, at: int = 0) -> Measures:
    """The car `own` of a file with respect to `other`, moving or standing, from step `at` on. Raises InputError.

    Who shares no lane with the car is not ahead of it. KeyError: there is no such car at this step.
    """
    recording = file.read(path)
    mine = _from(_found(recording.tracks, own), at)
    theirs = _along(_found((*recording.tracks, *recording.standing), other), at, len(mine.x))
    step, (box, their_box) = recording.step, (_boxes(mine), _boxes(theirs))
    road = lanes.road_of(path, mine)
    (s, _), (u, _) = (road.places(np.stack([one.x, one.y], axis=1)).T for one in (mine, theirs))
    front, rear = s + 0.5 * mine.length, u - 0.5 * theirs.length
    shared: Booleans = np.any(_covered(road, mine) & _covered(road, theirs), axis=1)
    gap = np.where(shared, criticality.headway(front, rear), np.inf)
    speeds = np.stack([one.speed for one in (mine, theirs)])
    changes = np.gradient(speeds, step, axis=1)
    times = criticality.time_to_collision(gap, speeds[1] - speeds[0], changes[1] - changes[0])
    velocity = mine.speed[:, None] * np.stack([np.cos(mine.heading), np.sin(mine.heading)], axis=1)
    their_velocity = theirs.speed[0] * np.array([np.cos(theirs.heading[0]), np.sin(theirs.heading[0])])
    return Measures(
        ttc_star=criticality.time_to_collision_of_path(box, their_box, step),
        ttb=criticality.time_to_brake(box, velocity, their_box, step),
        thw=criticality.time_headway(front, float(rear[0]), step) if shared[0] else np.inf,
        wttc=criticality.worst_time_to_collision(
            (float(theirs.x[0] - mine.x[0]), float(theirs.y[0] - mine.y[0])),
            tuple(their_velocity - velocity[0]),
            sum(criticality.disc(one.length, one.width) for one in (mine, theirs)),
            ACCELERATION * (2 if _moves(theirs) else 1),
        ),
        ttce=criticality.time_to_closest_encounter(box, their_box, step),
        tet=criticality.time_exposed(times, step),
        tit=criticality.time_integrated(times, step),
        headway=float(gap[0]),
    )


def _found(tracks: tuple[Track, ...], number: int) -> Track:
    found = next((track for track in tracks if track.number == number), None)
    if found is None:
        raise KeyError(number)
    return found


def _from(track: Track, at: int) -> Track:
    """What is left of a track from step `at` on."""
    return _along(track, at, track.last - at + 1)


def _along(track: Track, at: int, count: int) -> Track:
    """The track at `count` steps from `at` on; what stands, and what is not recorded any more, stays where it is."""
    steps = np.clip(np.arange(at, at + count) - track.first, 0, len(track.x) - 1)
    if count < 1 or (_moves(track) and not track.first <= at <= track.last):
        raise KeyError(track.number)
    moved = (getattr(track, name)[steps] for name in ("x", "y", "heading", "speed"))
    return Track(track.number, track.kind, track.length, track.width, at, *moved)


def _moves(track: Track) -> bool:
    return bool((track.speed > 0.0).any())


def _boxes(track: Track) -> Boxes:
    return Boxes(track.x, track.y, np.cos(track.heading), np.sin(track.heading), track.length, track.width)


def _covered(road: lanes.LaneletRoad, track: Track) -> Booleans:
    """The lanes in which the body is (instant, lane)."""
    s, d = road.places(np.stack([track.x, track.y], axis=1)).T
    _, _, heading = road.plane(s, d)
    lean = track.heading - heading
    half = 0.5 * (track.width * np.abs(np.cos(lean)) + track.length * np.abs(np.sin(lean)))
    number, place = np.arange(road.lanes)[None], s[:, None]
    return np.asarray(np.abs(d[:, None] - road.middle(number, place)) < road.half(number, place) + half[:, None])
