"""Who may go by what is seen alone: all-way stop (level 0), gaps (level 1); and who gives way inside the crossing.

One that can still stop at its line by `STOPS` does, where another one stands at its line: so a car binds itself only
where it could not stop by `BINDS` any more, and the two never overlap. All that is not certain keeps a car at its line.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.control.crossing import travel_time
from karyon.sim.intersection.world import World
from karyon.sim.roads.crossing import ARMS

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STOPS, BINDS = 3.0, 3.2  # m/s2
REACTION = 0.4  # s, from what is seen to what the brakes do about it
STANDS, AT_LINE = 0.3, 2.5  # m/s, m: who stands at its line
SETS_OFF = 1.6  # m/s2, of one that crosses: counted on for those inside
SPARE = 0.3  # s, between two in one zone, at least
BRAKES = -2.5  # m/s2, of one that is not only slowing down for its turn
HARDEST = 2.5  # m/s2, of another one that comes, at worst


class Tables:
    """Per pair of paths, as seen by a car on the first: what its pairs are looked up in (path, other path).

    An arm's column has the least or most of its three paths: nobody knows from its place where one wants to go.
    """

    def __init__(self, world: World) -> None:
        road = world.road
        by_arm = [road.arm == arm for arm in range(ARMS)]
        self.conflicts, self.begins = road.conflicts, road.begins
        self.clear = road.ends + world.lengths  # m behind the line at which the front is when the rear is out
        self.arm_conflicts = np.stack([road.conflicts[:, arm].any(axis=1) for arm in by_arm], axis=1)
        self.arm_clear = np.stack([self.clear[:, arm].max(axis=1, initial=-np.inf) for arm in by_arm], axis=1)  # mine
        self.arm_begins = np.stack(
            [road.begins.T[:, arm].min(axis=1, initial=np.inf) for arm in by_arm], axis=1
        )  # theirs


class Coming(NamedTuple):
    """Of the next car on each of the three other arms: distance to its line (m), speed (m/s), (side, run, car)."""

    distance: Floats
    speed: Floats


def can_stop(distance: Floats, speed: Floats) -> Booleans:
    """Whether one that comes can, and therefore will, stop at its line."""
    return np.asarray(distance > speed * speed / (2.0 * STOPS) + 1.05 * REACTION * speed + 0.4)


def is_bound(distance: Floats, speed: Floats) -> Booleans:
    """Whether one that may go must decide now: a cycle later it could not stop gently any more."""
    return np.asarray(distance <= speed * speed / (2.0 * BINDS) + REACTION * speed + 0.2)


def by_gaps(
    world: World,
    tables: Tables,
    coming: Coming,
    distance: Floats,
    speed: Floats,
    since: Floats,
    *,
    margin: Floats,
    must_stand: Booleans,
    a: float,
) -> Booleans:
    """Who may go because of what comes on the other arms (run, car).

    coming           as the car sees it
    distance, speed  own, as measured, m and m/s
    since            s, from when on each stands at its line; inf: it does not
    margin           s, between being out of the way and the earliest that another one can be there
    must_stand       it goes only after having stood: level 0
    """
    runs = np.arange(world.runs)[:, None]
    stands = np.isfinite(since)
    may = np.where(must_stand, stands, True)
    first = _first_standing(world, since)
    for index, further in enumerate((3, 2, 1)):
        arm = (world.arm + further) % ARMS
        crosses = tables.arm_conflicts[world.path, arm]
        theirs, speed_of_them = coming.distance[index], coming.speed[index]
        out = travel_time(distance + tables.arm_clear[world.path, arm], speed, a, world.top)
        begins = np.where(crosses, tables.arm_begins[world.path, arm], 0.0)
        there = travel_time(theirs + begins, speed_of_them, HARDEST, world.limit)
        gap = there > out + margin
        their_turn = first[runs, arm]
        waits_for_us = (their_turn > since) | ((their_turn == since) & (world.arm < arm))
        standing = np.isfinite(their_turn)
        comes_to_stand = can_stop(theirs, speed_of_them) & (theirs > AT_LINE)  # who moves at its line has set off
        yields = stands & np.where(standing, waits_for_us, comes_to_stand)
        may &= ~crosses | yields | (gap & ~standing)
    return np.asarray(may)


def clear_inside(
    world: World, tables: Tables, bound: Booleans, distance: Floats, speed: Floats, strict: Booleans, a: float
) -> Booleans:
    """Who finds the zones on its path free, or about to be (run, car); `strict`: they are free already.

    bound   who is in the crossing, or cannot stop before it any more (run, car)
    """
    part = world.part
    path, there = world.path[part.cars], (world.inside | (bound & world.before))[part.cars]
    conflicts = tables.conflicts[path[:, :, None], path[:, None, :]] & there[:, None, :]
    to_leave, left = _leaving(world, tables)
    blocks = conflicts & (to_leave > 0.0) & ~np.eye(path.shape[1], dtype=bool)
    begins = np.where(conflicts, tables.begins[path[:, :, None], path[:, None, :]], 0.0)
    arrives = travel_time(
        begins + distance[part.cars][:, :, None], speed[part.cars][:, :, None], a, world.top[part.cars][:, :, None]
    )
    blocks &= strict[part.cars][:, :, None] | (left + SPARE > arrives)
    free = np.ones(world.s.shape, dtype=bool)
    free[part.cars] = ~blocks.any(axis=2)
    return free


def way_inside(world: World, tables: Tables, order: Floats) -> tuple[Floats, Floats]:
    """How far each car that is bound may go (m), and how fast (m/s), to let those pass who were bound before.

    order   s, when each was bound; NaN: not. Whoever is in a zone already goes on
    Answers (run, car), inf: as it likes.
    """
    part = world.part
    path, rank, here = world.path[part.cars], order[part.cars], world.here[part.cars]
    number = np.arange(rank.shape[1])
    theirs, mine = rank[:, None, :], rank[:, :, None]
    first = (theirs < mine) | ((theirs == mine) & (number[None, None, :] < number[None, :, None]))
    conflicts = tables.conflicts[path[:, :, None], path[:, None, :]] & here[:, None, :] & here[:, :, None]
    begins = (
        np.where(conflicts, tables.begins[path[:, :, None], path[:, None, :]], 0.0)
        + world.distance[part.cars][:, :, None]
    )
    to_leave, left = _leaving(world, tables)
    must_wait = conflicts & first & (begins > 0.0) & (to_leave > 0.0)
    must_wait &= left + 0.1 > begins / np.maximum(world.speed[part.cars][:, :, None], 0.5)
    way, fast = np.full((2, *world.s.shape), np.inf)
    way[part.cars] = np.where(must_wait, begins, np.inf).min(axis=2)
    fast[part.cars] = np.where(must_wait, begins / np.maximum(left + 0.1, 0.1), np.inf).min(axis=2)
    return way, fast


def _leaving(world: World, tables: Tables) -> tuple[Floats, Floats]:
    """How far each other car is from being out of the own way, m, and for how long, s (run, car, other) of `part`.

    One that brakes is not counted on: as if it went on at half its speed.
    """
    part = world.part
    path, speed = world.path[part.cars], world.speed[part.cars][:, None]
    to_leave = tables.clear[path[:, None, :], path[:, :, None]] + world.distance[part.cars][:, None]
    soon = travel_time(to_leave, speed, SETS_OFF, world.top[part.cars][:, None])
    late = np.maximum(to_leave, 0.0) / np.maximum(0.5 * speed, 0.3)
    return to_leave, np.where(world.acceleration[part.cars][:, None] < BRAKES, late, soon)


def _first_standing(world: World, since: Floats) -> Floats:
    """Per arm, from when on the one that is next at its line stands there, s; inf: it does not (run, arm)."""
    return np.stack(
        [np.where((world.arm == arm) & world.before, since, np.inf).min(axis=1) for arm in range(ARMS)], axis=1
    )
