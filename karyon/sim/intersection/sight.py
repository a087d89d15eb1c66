"""What cars see at a crossing: who is ahead, who comes on the other arms, and who else is around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.control.crossing import travel_time
from karyon.perception.crossing import SIGNALS
from karyon.perception.sensors import Samples, seconds
from karyon.sim.intersection.right_of_way import HARDEST
from karyon.sim.intersection.scenario import Scenario
from karyon.sim.intersection.world import World
from karyon.sim.roads.crossing import ARMS
from karyon.sim.streams import NormalBlocks, Purpose

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOBODY = -1
SEEN = (0, 4, 6, 8)  # distances of other cars, among the signals
SIDES = (3, 2, 1)  # arms to the left, opposite, to the right: so many further, counted against the clock


class Ahead(NamedTuple):
    """The car ahead of each, in its lane or in the one it leaves by: gap (m), its speed (m/s), who it is (run, car)."""

    gap: Floats
    speed: Floats
    who: Integers


class Nearest(NamedTuple):
    """Of each arm the car that is next at its line: distance (m), speed (m/s), who it is (run, arm).

    Of the next of each of its lanes, the one that can be there first.
    """

    distance: Floats
    speed: Floats
    who: Integers


def ahead(world: World) -> Ahead:
    """The nearest car that is in the way, until its rear is out of the way of this one's path; inf: nobody."""
    part, gap = world.part, world.gaps()
    speed = world.speed[part.cars]
    first = gap.argmin(axis=2)
    nearest = np.take_along_axis(gap, first[:, :, None], axis=2)[:, :, 0]
    found = np.isfinite(nearest)
    whole = Ahead(np.full(world.s.shape, np.inf), np.zeros(world.s.shape), np.full(world.s.shape, NOBODY))
    whole.gap[part.cars], whole.who[part.cars] = nearest, np.where(found, part.at(first), NOBODY)
    whole.speed[part.cars] = np.where(found, np.take_along_axis(speed, first, axis=1), 0.0)
    return whole


def nearest(world: World) -> Nearest:
    """Who is next at the line of each arm."""
    part = world.part
    lanes = np.arange(world.road.lanes)[None, :, None]
    comes = world.before[part.cars][:, None] & (world.lane[part.cars][:, None] == lanes)
    distance = np.where(comes, world.distance[part.cars][:, None], np.inf)
    who = distance.argmin(axis=2)
    near = distance.min(axis=2)
    found = np.isfinite(near)
    speed = np.where(found, np.take_along_axis(world.speed[part.cars], who, axis=1), 0.0)
    soonest = travel_time(near, speed, HARDEST, world.limit).reshape(world.runs, ARMS, -1).argmin(axis=2)
    lane = soonest + np.arange(ARMS) * (world.road.lanes // ARMS)
    who = np.where(found, part.at(who), NOBODY)
    return Nearest(*(np.take_along_axis(each, lane, axis=1) for each in (near, speed, who)))


class Look(NamedTuple):
    """What there is to see at an instant.

    true     of each signal (signal, row)
    renewed  another object than before (5, row): of front, own place, left, opposite, right; of the own place never
    further  m, how much further away that one was at the last instant than the one before; NaN: it was not there
    nothing  there is no object (5, row)
    """

    true: Floats
    renewed: Booleans
    further: Floats
    nothing: Booleans


class Eyes:
    """Sensors of every car; what is beyond their range is seen as nothing at the range, 0 m/s."""

    def __init__(self, scenarios: Sequence[Scenario], world: World) -> None:
        sight = scenarios[0].sight
        self.range, self._world = sight.range, world
        near, fast = sight.distance_sigma, sight.speed_sigma
        sigma = [near, fast, sight.own_speed_sigma, sight.position_sigma, *(near, fast) * 3, sight.acceleration_sigma]
        self._sigma = np.array(sigma)[:, None]
        seeds = [each.seed for each in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.SENSORS, len(SIGNALS) - 1, world.cars)
        self._inertial_noise = NormalBlocks(seeds, Purpose.INERTIA, 1, world.cars)
        rows = world.runs * world.cars
        self._objects = np.full((len(SEEN), rows), NOBODY)
        self._distances = np.full((len(SEEN), rows), np.nan)
        self._places = np.full(world.s.shape, np.nan)
        self._instant, self._speeds = world.now, world.speed

    def look(self) -> Look:
        """At all cars as they are now."""
        world = self._world
        front, arms = ahead(world), nearest(world)
        sides = (world.arm[None] + np.array(SIDES)[:, None, None]) % ARMS  # (side, run, car)
        runs = np.arange(world.runs)[None, :, None]
        who = arms.who[runs, sides]
        distance, speed = arms.distance[runs, sides], arms.speed[runs, sides]
        seen = (who != NOBODY) & (self._apart(who) <= self.range)
        who = np.where(seen, who, NOBODY)
        far = front.gap >= self.range
        true = [
            np.where(far, self.range, front.gap),
            np.where(far, 0.0, front.speed - world.speed),
            world.speed,
            world.s,
        ]
        for side in range(3):
            true += [np.where(seen[side], distance[side], self.range), np.where(seen[side], speed[side], 0.0)]
        true.append(self._acceleration())
        objects = np.concatenate([np.where(far, NOBODY, front.who)[None], who])
        return self._compared(np.stack([each.ravel() for each in true]), objects)

    def _acceleration(self) -> Floats:
        """Mean of own acceleration since the last instant, m/s², as an inertial unit adds it up (run, car)."""
        world = self._world
        step = float(seconds(world.now, self._instant))
        gained = (world.speed - self._speeds) / step if step else world.acceleration
        self._instant, self._speeds = world.now, world.speed
        return np.asarray(gained)

    def _compared(self, true: Floats, objects: Integers) -> Look:
        """With what there was at the last instant; `objects` of front, left, opposite, right (4, run, car)."""
        world = self._world
        distances = true[list(SEEN)]
        moved = np.where(world.here, world.s - self._places, np.nan)  # m, since the last instant
        runs = np.arange(world.runs)[None, :, None]
        theirs = np.where(objects == NOBODY, 0.0, moved[runs, objects])
        theirs[0] = np.where(objects[0] == NOBODY, 0.0, moved - theirs[0])  # a gap grows by what the one ahead moves
        objects = objects.reshape(len(SEEN), -1)
        renewed, nothing = objects != self._objects, objects == NOBODY
        further = np.where(renewed, distances + theirs.reshape(distances.shape) - self._distances, 0.0)
        self._objects, self._distances = objects, distances
        self._places = np.where(world.here, world.s, np.nan)
        return Look(true, _with_own(renewed), _with_own(further), _with_own(nothing))

    def measure(self, now: int, true: Floats, nothing: Booleans) -> Samples:
        """New samples at `now` (ns), of cars that are here."""
        noise = self._sigma * np.concatenate([self._noise.next(), self._inertial_noise.next()])
        silent = np.zeros(true.shape, dtype=bool)
        silent[[0, 4, 6, 8]] = silent[[1, 5, 7, 9]] = nothing[[0, 2, 3, 4]]
        value = true + np.where(silent, 0.0, noise)
        fresh = np.broadcast_to(self._world.here.ravel(), true.shape).copy()
        return Samples(value, np.full(true.shape, now, dtype=np.int64), fresh)

    def visible(self) -> Booleans:
        """Whom each car of `world.part` sees, of those that are not out of the crossing yet (run, car, other)."""
        world = self._world
        part = world.part
        x, y, _ = (each[part.cars] for each in world.place)
        near = np.hypot(x[:, :, None] - x[:, None, :], y[:, :, None] - y[:, None, :]) <= self.range
        matters = (world.before | world.inside)[part.cars]
        return np.asarray(
            near & matters[:, None, :] & world.here[part.cars][:, :, None] & ~np.eye(near.shape[1], dtype=bool)
        )

    def _apart(self, who: Integers) -> Floats:
        """Distance in m from each car to another one (side, run, car)."""
        x, y, _ = self._world.place
        runs = np.arange(self._world.runs)[None, :, None]
        return np.asarray(np.hypot(x - x[runs, who], y - y[runs, who]))


def _with_own(of_others: NDArray[Any]) -> NDArray[Any]:
    """Of the five distances, of which the own place is the second: 0 there."""
    return np.insert(of_others, 1, 0, axis=0)
