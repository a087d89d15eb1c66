"""The true state of all cars of all runs: what sensors measure and metrics judge."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import written
from karyon.kernel.elementwise import Compiler, Whole, blank, isfinite, pick, where
from karyon.kernel.runtime import Ticks
from karyon.perception.sensors import seconds
from karyon.sim.leaders import Leaders, Leading
from karyon.sim.scenario import Scenario
from karyon.sim.strangers import Strangers
from karyon.sim.vehicle import Motion, Step, moved

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Cars(NamedTuple):
    """How all cars move (car,), SI units."""

    position: Floats
    speed: Floats
    acceleration: Floats
    intended: Floats  # the acceleration that they tell others of
    command: Floats


class Rolled(NamedTuple):
    """After a step."""

    cars: Cars


def roll(here: Cars, by: Step, led: Leading, leader: Ticks, leads: Booleans) -> Rolled:
    """A step of all cars: those that follow move under their command, those that lead are where their `leader` is."""
    motion = moved(Motion(here.position, here.speed, here.acceleration), here.command, by).motion
    intended = pick(led.intended, leader)
    return Rolled(
        Cars(
            position=where(leads, pick(led.position, leader), motion.position),
            speed=where(leads, pick(led.speed, leader), motion.speed),
            acceleration=where(leads, pick(led.acceleration, leader), motion.acceleration),
            intended=where(leads, intended, here.intended),
            command=where(leads, intended, here.command),
        )
    )


class Ordered(NamedTuple):
    """What cars do, and what they tell that they intend (car,), m/s²."""

    intended: Floats
    command: Floats


class Obeyed(NamedTuple):
    """After commands have come into force."""

    ordered: Ordered


def obey(here: Ordered, command: Whole, row: Ticks, leads: Booleans) -> Obeyed:
    """Commands (row,) come into force. An actuator ignores one that is not finite and holds the last."""
    new = pick(command, row)
    kept = where(isfinite(new), new, here.command)
    return Obeyed(Ordered(where(leads, here.intended, kept), where(leads, here.command, kept)))


class Moving(NamedTuple):
    """How all cars move, to be looked up (car,)."""

    position: Whole
    speed: Whole
    acceleration: Whole


class Facing(NamedTuple):
    """What each row has ahead of it, and how it moves itself (row,), SI units."""

    gap: Floats  # bumper to bumper; negative: overlapping
    front_speed: Floats
    speed: Floats
    acceleration: Floats
    position: Floats


class Faced(NamedTuple):
    """At an instant."""

    facing: Facing


def face(moving: Moving, own: Ticks, ahead: Ticks, length: float) -> Faced:
    """What each row has of its own car, and of the one `ahead` of it."""
    position = pick(moving.position, own)
    return Faced(
        Facing(
            gap=pick(moving.position, ahead) - length - position,
            front_speed=pick(moving.speed, ahead),
            speed=pick(moving.speed, own),
            acceleration=pick(moving.acceleration, own),
            position=position,
        )
    )


class World:
    """Cars in file, one file per run; arrays (car,) with car = run * vehicles + vehicle, vehicle 0 the leader.

    A follower is a `row`: `own` and `ahead` are the cars of each row and of the car ahead of it in the file, between
    which one of the `strangers` may be. Position is that of the front bumper, in m along the lane.
    """

    def __init__(self, scenarios: Sequence[Scenario], leaders: Leaders) -> None:
        first = scenarios[0]
        self._is_driven = first.leader.driver is not None
        self._top, self._most, self._least = first.acc.set_speed, first.leader.acceleration, -first.leader.deceleration
        self.leaders, self.vehicle, self.vehicles, self.runs = leaders, first.vehicle, first.vehicles, len(scenarios)
        cars = np.arange(self.runs * self.vehicles)
        self.leading = cars[:: self.vehicles]
        self.own = cars[cars % self.vehicles != 0]
        self.ahead = self.own - 1
        position, speed, acceleration = leaders.at(0)
        self.cars = Cars(*blank(len(Cars._fields), len(cars), np.float64))
        self.position, self.speed, self.acceleration, self.intended, self.command = self.cars
        self.speed[:] = np.repeat(speed, self.vehicles)
        spacing = self.vehicle.length + 2.0 + np.array([s.start.time_gap for s in scenarios]) * speed
        place = cars % self.vehicles
        self.position[:] = np.repeat(position, self.vehicles) - np.repeat(spacing, self.vehicles) * place
        self.apart = self._fall_back(scenarios, spacing - self.vehicle.length)
        self.acceleration[:] = np.repeat(acceleration, self.vehicles) * (place == 0)
        self.now = 0
        self._facing: Facing | None = None  # until the cars move again
        self._steps: dict[float, Step] = {}
        self._is_first = place == 0
        self._leads = self._is_first & (not self._is_driven)
        self._leader = np.repeat(leaders.leader, self.vehicles)
        self._row = np.maximum(cars - cars // self.vehicles - 1, 0)  # of a car that follows
        self._moving, self._ordered = Moving(*self.cars[:3]), Ordered(self.intended, self.command)
        self._roll, self._obey, self._face = written(roll), written(obey), face
        self.strangers = Strangers(scenarios)
        self.intended[self.leading] = self.command[self.leading] = leaders.intended(0)

    def _fall_back(self, scenarios: Sequence[Scenario], gap: Floats) -> Booleans:
        """Those who come from behind (row,), moved to where they begin with all behind them; `gap` of others (run,)."""
        farther = np.zeros((self.runs, self.vehicles))
        for run, each in enumerate(scenarios):
            for one in each.start.apart:
                farther[run, one.vehicle] = one.gap - gap[run]
        self.position -= farther.cumsum(axis=1).ravel()
        return np.asarray(farther.ravel()[self.own] != 0.0)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self.leaders.quicken(in_place)
        self._roll, self._obey, self._face = in_place(roll), in_place(obey), in_place(face)

    def advance(self, now: int) -> None:
        """Move every car to `now` (ns) under the command in force."""
        if now == self.now:
            return
        step = float(seconds(now, self.now))
        if step not in self._steps:
            self._steps[step] = Step.of(step, self.vehicle.lag, self.vehicle.friction)
        self.now, self._facing = now, None
        self._roll(self.cars, self._steps[step], self.leaders.motion(now), self._leader, self._leads)
        if self._is_driven:
            self.intended[self.leading] = self.command[self.leading]
        if len(self.strangers):
            self.strangers.advance(now, step, self)

    def carry_on(self, by: int) -> None:
        """Time has been played, `by` ns: who looked meanwhile, in answer to what was found, has seen what was then."""
        self.now, self._facing = self.now + by, None

    def steer(self, acceleration: float) -> None:
        """What the driver of the leader asks for, m/s²: as far as the leader can, and not beyond the set speed."""
        lead = self.leading
        wanted = min(max(acceleration, self._least), self._most)
        self.command[lead] = np.where(self.speed[lead] < self._top, wanted, min(wanted, 0.0))

    def drive(self, command: Floats) -> None:
        """Put the commands (row,) into force. An actuator ignores one that is not finite and holds the last."""
        self._obey(self._ordered, command, self._row, self._is_first)

    @property
    def facing(self) -> Facing:
        """What each row has ahead of it, be it a car of the file or one that has cut in."""
        if self._facing is None:
            self._facing = facing = self._face(self._moving, self.own, self.ahead, self.vehicle.length).facing
            strangers = self.strangers
            if len(strangers):
                rows, present = strangers.rows, strangers.present
                facing.gap[rows] = strangers.position[present] - self.vehicle.length - facing.position[rows]
                facing.front_speed[rows] = strangers.speed[present]
        return self._facing

    @property
    def gap(self) -> Floats:
        """Bumper to bumper to what is ahead in m (row,); negative: overlapping."""
        return self.facing.gap

    @property
    def own_speed(self) -> Floats:
        """In m/s (row,)."""
        return self.facing.speed

    @property
    def front_speed(self) -> Floats:
        """Speed of what is ahead in m/s (row,)."""
        return self.facing.front_speed
