"""The true state of all cars of all runs: what sensors measure and metrics judge."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import Compiler
from karyon.perception.sensors import seconds
from karyon.sim.leaders import Leaders
from karyon.sim.scenario import Scenario
from karyon.sim.strangers import Strangers
from karyon.sim.vehicle import Motion, Step, moved

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


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
        self.speed = np.repeat(speed, self.vehicles)
        spacing = self.vehicle.length + 2.0 + np.array([s.start.time_gap for s in scenarios]) * speed
        self.position = np.repeat(position, self.vehicles) - np.repeat(spacing, self.vehicles) * (cars % self.vehicles)
        self.apart = self._fall_back(scenarios, spacing - self.vehicle.length)
        self.acceleration = np.repeat(acceleration, self.vehicles) * (cars % self.vehicles == 0)
        self.command = np.zeros(cars.shape)
        self.intended = np.zeros(cars.shape)
        self.now = 0
        self._of_now: dict[str, Floats] = {}  # what was asked for since the cars have moved
        self._step, self._move = Step.of(0.0, self.vehicle.lag, self.vehicle.friction), moved
        self._lead(0)
        self.strangers = Strangers(scenarios)

    def _fall_back(self, scenarios: Sequence[Scenario], gap: Floats) -> Booleans:
        """Those who come from behind (row,), moved to where they begin with all behind them; `gap` of others (run,)."""
        farther = np.zeros((self.runs, self.vehicles))
        for run, each in enumerate(scenarios):
            for one in each.start.apart:
                farther[run, one.vehicle] = one.gap - gap[run]
        self.position = self.position - farther.cumsum(axis=1).ravel()
        return np.asarray(farther.ravel()[self.own] != 0.0)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._move = in_place(moved)

    def advance(self, now: int) -> None:
        """Move every car to `now` (ns) under the command in force."""
        if now == self.now:
            return
        step = float(seconds(now, self.now))
        if step != self._step.step:
            self._step = Step.of(step, self.vehicle.lag, self.vehicle.friction)
        before = Motion(self.position, self.speed, self.acceleration)
        self.position, self.speed, self.acceleration = self._move(before, self.command, self._step).motion
        self.now = now
        self._of_now.clear()
        self._lead(now)
        if len(self.strangers):
            self.strangers.advance(now, step, self)

    def steer(self, acceleration: float) -> None:
        """What the driver of the leader asks for, m/s²: as far as the leader can, and not beyond the set speed."""
        lead = self.leading
        wanted = min(max(acceleration, self._least), self._most)
        self.command[lead] = np.where(self.speed[lead] < self._top, wanted, min(wanted, 0.0))

    def drive(self, command: Floats) -> None:
        """Put the commands (row,) into force. An actuator ignores one that is not finite and holds the last."""
        kept = np.where(np.isfinite(command), command, self.command.take(self.own))
        self.command[self.own] = self.intended[self.own] = kept

    @property
    def gap(self) -> Floats:
        """Bumper to bumper to what is ahead in m (row,); negative: overlapping."""
        if "gap" not in self._of_now:
            front = self._ahead(self.position, self.strangers.position)
            self._of_now["gap"] = front - self.vehicle.length - self.position.take(self.own)
        return self._of_now["gap"]

    @property
    def own_speed(self) -> Floats:
        """In m/s (row,)."""
        if "own_speed" not in self._of_now:
            self._of_now["own_speed"] = self.speed.take(self.own)
        return self._of_now["own_speed"]

    @property
    def front_speed(self) -> Floats:
        """Speed of what is ahead in m/s (row,)."""
        if "front_speed" not in self._of_now:
            self._of_now["front_speed"] = self._ahead(self.speed, self.strangers.speed)
        return self._of_now["front_speed"]

    @property
    def relative_speed(self) -> Floats:
        """Speed of what is ahead less own speed in m/s (row,)."""
        return np.asarray(self.front_speed - self.own_speed)

    def _ahead(self, of_cars: Floats, of_strangers: Floats) -> Floats:
        """Of the car ahead, or of the stranger before it (row,)."""
        found: Floats = of_cars.take(self.ahead)
        if len(self.strangers):
            found[self.strangers.rows] = of_strangers[self.strangers.present]
        return found

    def _lead(self, now: int) -> None:
        lead = slice(0, None, self.vehicles)
        if self._is_driven and now > 0:
            self.intended[lead] = self.command[lead]
            return
        self.position[lead], self.speed[lead], self.acceleration[lead], intended = self.leaders.motion(now)
        self.intended[lead] = self.command[lead] = intended
