"""The true state of all cars of all runs at a crossing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import seconds
from karyon.sim.intersection.scenario import CLEARANCE, Scenario
from karyon.sim.intersection.traffic import Traffic
from karyon.sim.roads.crossing import ARMS, Crossing, crossing
from karyon.sim.vehicle import move

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LATERAL = 3.0  # m/s2, of a turn
STRAIGHT = 11.0  # m/s, across the crossing
ENTRY_GAP, ENTRY_BRAKING = 6.0, 2.5  # m, m/s2: one appears where it can still follow the last one


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some cars of each run, one behind the other in order of arrival; as many in every run.

    number   of each (run, place): `place` counts from the first of them
    cars     where they are in arrays (run, car)
    pairs    where pairs of them are in arrays (run, car, other)
    """

    number: Integers
    cars: tuple[Integers, Integers]
    pairs: tuple[Integers, Integers, Integers]

    @classmethod
    def of(cls, here: Booleans) -> Part:
        """From the first car that is here (run, car) to the last one, and in runs with fewer some beside them."""
        runs, cars = here.shape
        first = here.argmax(axis=1)
        last = np.where(here.any(axis=1), cars - 1 - here[:, ::-1].argmax(axis=1), 0)
        width = int((last - first).max()) + 1
        number = np.minimum(first, cars - width)[:, None] + np.arange(width)
        run = np.arange(runs)[:, None]
        return cls(number, (run, number), (run[:, :, None], number[:, :, None], number[:, None, :]))

    def at(self, place: Integers) -> Integers:
        """Numbers of the cars at these places (run, any)."""
        return np.take_along_axis(self.number, place, axis=1)


class World:
    """Cars on paths; arrays (run, car), cars in order of arrival. `s` is the arc length of the front bumper, in m.

    here     has appeared, and is not out of sight yet
    part     the cars between which there is anyone here: pairs are computed of these alone
    top      speed across the crossing on its path, m/s
    entered, passed, left   s, when it appeared, its front crossed its stop line, it was out of sight; NaN: not yet
    blocked  an arm on which somebody walks (run, arm)
    length, width   of each car, m (car,)
    ours     which ones are judged: of recorded traffic only one is ours (car,); and from when on, `begins` (ns)
    """

    begins = 0

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        first = scenarios[0]
        self.scenarios, self.vehicle, self.limit = scenarios, first.vehicle, first.road.speed_limit
        self.road, self.traffic = self._drawn(scenarios)
        self.path = self.traffic.path
        self.arm, self.lane = self.road.arm[self.path], self.road.lane[self.path]
        self.runs, self.cars = self.path.shape
        self.ours = np.ones(self.cars, dtype=bool)
        self.length, self.width = np.full(self.cars, self.vehicle.length), np.full(self.cars, self.vehicle.width)
        self.path_top = np.minimum(np.sqrt(LATERAL * np.minimum(self.road.radius, 1e6)), min(STRAIGHT, self.limit))
        self.top = self.path_top[self.path]
        shape = self.path.shape
        self.s, self.speed, self.acceleration = np.zeros((3, *shape))
        self.command = np.zeros(shape)
        self.appeared, self.here = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.entered, self.passed, self.left = np.full((3, *shape), np.nan)
        self.part = Part.of(self.here)
        self.now = 0
        self._placed: tuple[tuple[int, Part], tuple[Floats, Floats, Floats]] | None = None
        self._end = self.road.length[self.path]
        self._ends = np.where(self.road.conflicts, self.road.ends, 0.0).max(axis=1)[self.path]
        self.blocked = np.zeros((self.runs, ARMS), dtype=bool)
        self._walks = [
            _Walk(run, one.arm, one.time, one.duration)
            for run, each in enumerate(scenarios)
            for one in each.pedestrians
        ]

    def _drawn(self, scenarios: Sequence[Scenario]) -> tuple[Crossing, Traffic]:
        """The crossing, and who comes."""
        return crossing(scenarios[0].road.layout, self.vehicle.width + CLEARANCE), Traffic.of(scenarios)

    @property
    def lengths(self) -> Floats:
        """Of the cars that drive on each path, m (path, 1), or the same for all (1, 1)."""
        return np.full((1, 1), self.vehicle.length)

    @property
    def distance(self) -> Floats:
        """From the front bumper to the stop line in m, negative behind it (run, car)."""
        return np.asarray(self.road.line - self.s)

    @property
    def rear(self) -> Floats:
        """How far the rear bumper is behind the stop line, m (run, car)."""
        return np.asarray(self.s - self.road.line - self.length)

    @property
    def before(self) -> Booleans:
        """Who is here and has not crossed its stop line (run, car)."""
        return np.asarray(self.here & (self.s < self.road.line))

    def first_in_lane(self) -> Booleans:
        """Who is the first before the stop line of its lane (run, car)."""
        first = np.zeros(self.s.shape, dtype=bool)
        for lane in range(self.road.lanes):
            mine = self.before & (self.lane == lane)
            first |= mine & (self.s >= np.where(mine, self.s, -np.inf).max(axis=1)[:, None])
        return first

    @property
    def inside(self) -> Booleans:
        """Who is here, behind its stop line, and not out of all zones (run, car)."""
        return np.asarray(self.here & (self.s >= self.road.line) & (self.rear < self._ends))

    @property
    def place(self) -> tuple[Floats, Floats, Floats]:
        """Place of the front bumper in m and heading of the body in rad (run, car): its rear follows on the path."""
        if self._placed is not None and self._placed[0] == (self.now, self.part):
            return self._placed[1]
        self._placed = (self.now, self.part), self._place()
        return self._placed[1]

    def _place(self) -> tuple[Floats, Floats, Floats]:
        path = self.path.ravel()
        x, y, _ = self.road.paths.at(path, self.s.ravel())
        behind_x, behind_y, _ = self.road.paths.at(path, (self.s - self.length).ravel())
        shape = self.s.shape
        return x.reshape(shape), y.reshape(shape), np.arctan2(y - behind_y, x - behind_x).reshape(shape)

    def gaps(self) -> Floats:
        """From each car to each other one in its way, m bumper to bumper, until that is out of it (run, car, other).

        Of the cars of `part`; inf: it is in nobody's way.
        """
        part, road = self.part, self.road
        s, path, arm, here = (each[part.cars] for each in (self.s, self.path, self.arm, self.here))
        rear = self.rear[part.cars]
        number = np.arange(s.shape[1])
        further = (s[:, None, :] > s[:, :, None]) | ((s[:, None, :] == s[:, :, None]) & (number < number[:, None]))
        same_arm = arm[:, :, None] == arm[:, None, :]
        in_lane = same_arm & further & (rear[:, None, :] < road.parts[path[:, None, :], path[:, :, None]])
        leaves = road.leaves[path]
        out = s - road.line - road.inside[path]  # behind the crossing, m
        joins = (leaves[:, :, None] == leaves[:, None, :]) & (out[:, None, :] >= 0.0)
        joins &= (out[:, None, :] > out[:, :, None]) & ~same_arm
        gap = np.where(in_lane, s[:, None, :] - s[:, :, None], np.inf)
        gap = np.where(joins, out[:, None, :] - out[:, :, None], gap) - self.vehicle.length
        return np.where(here[:, None, :] & here[:, :, None], gap, np.inf)

    def advance(self, now: int) -> None:
        """Move every car to `now` (ns) under the command in force."""
        if now == self.now:
            return
        step = float(seconds(now, self.now))
        s, speed, acceleration = move(
            self.s, self.speed, self.acceleration, self.command, step, self.vehicle.lag, self.vehicle.friction
        )
        crosses = self.here & (self.s < self.road.line) & (s >= self.road.line)
        self.s, self.speed = np.where(self.here, s, self.s), np.where(self.here, speed, self.speed)
        self.acceleration = np.where(self.here, acceleration, self.acceleration)
        self.now, time = now, float(seconds(now, 0))
        self.passed = np.where(crosses, time, self.passed)
        gone = self.here & (self.s >= self._end)
        self.left = np.where(gone, time, self.left)
        self.here &= ~gone

    def admit(self) -> None:
        """Let those appear whose time has come and whose lane is free: one per arm at an instant."""
        now = float(seconds(self.now, 0))
        waiting = ~self.appeared & (self.traffic.time <= now)
        for arm in range(ARMS):
            mine = self.arm == arm
            comes = waiting & mine
            next_one = comes & (np.cumsum(comes, axis=1) == 1)
            last = np.where(self.here & mine, self.s, np.inf).min(axis=1)
            slowest = np.where(self.here & mine & (self.s == last[:, None]), self.speed, np.inf).min(axis=1)
            gap = last - self.vehicle.length
            room = np.maximum(gap - ENTRY_GAP, 0.0)
            speed = np.minimum(self.limit, np.sqrt(np.minimum(slowest, self.limit) ** 2 + 2.0 * ENTRY_BRAKING * room))
            enters = next_one & (gap >= ENTRY_GAP)[:, None]
            self.speed = np.where(enters, speed[:, None], self.speed)
            self.appeared |= enters
            self.here |= enters
            self.entered = np.where(enters, now, self.entered)
        self._placed = None
        self.part = Part.of(self.here)

    def walk(self, bound: Booleans) -> None:
        """Pedestrians set out once nobody who is `bound` (run, car) will drive where they walk, and arrive."""
        now = float(seconds(self.now, 0))
        there = bound & self.here & (self.rear < self._ends)
        for walk in self._walks:
            busy = there[walk.run] & ((self.arm == walk.arm) | (self.road.leaves[self.path] == walk.arm))[walk.run]
            if walk.since is None and now >= walk.time and not busy.any():
                walk.since = now
        self.blocked[:] = False
        for walk in self._walks:
            if walk.since is not None and now < walk.since + walk.duration:
                self.blocked[walk.run, walk.arm] = True


@dataclass(slots=True)
class _Walk:
    """A pedestrian of one run; `since` (s): on the way."""

    run: int
    arm: int
    time: float
    duration: float
    since: float | None = None
