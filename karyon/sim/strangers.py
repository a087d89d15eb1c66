"""Cars that cut in and do not communicate: when there is room, how they drive, and when they leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from karyon.control import limits, rss
from karyon.control.cruise import TimeGap
from karyon.control.situation import Situation
from karyon.perception.sensors import nanoseconds
from karyon.sim.vehicle import move

if TYPE_CHECKING:
    from karyon.sim.scenario import Scenario
    from karyon.sim.world import World

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
TIME_GAP = 1.0  # s: what such a driver keeps in the end
CLOSING = 1.0  # m/s by which it falls back to that
REACTION = 0.1  # s: it looks closely while it cuts in
MARGIN = 1.0  # m that it leaves of what it sees
BARRIER_GAIN = 4.0  # 1/s


class Strangers:
    """All cars that cut in, of all runs; arrays (stranger,).

    A driver waits beside the lane until the gap is long enough: for the distance that it means to leave behind it, its
    own length, and the safe distance to the car ahead of it. It follows that car as anyone does, at last one second
    behind it, and sees it without error: its own failures are nobody's subject here.

    row, run, number       the follower behind it; its run in the batch; its place in that scenario's `cut_ins`
    present                in the lane
    position, speed, acceleration, command   as those of `World`
    entered                ns, when it came; `NEVER` before
    changed                came or left since `settled` was called
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        planned = [(run, number, one) for run, each in enumerate(scenarios) for number, one in enumerate(each.cut_ins)]
        first = scenarios[0]
        self._vehicle, self._set_speed, followers = first.vehicle, first.acc.set_speed, first.vehicles - 1
        self.run = np.array([run for run, _, _ in planned], dtype=np.int64)
        self.number = np.array([number for _, number, _ in planned], dtype=np.int64)
        self.row = np.array([run * followers + one.ahead_of - 1 for run, _, one in planned], dtype=np.int64)
        self._begin = np.array([nanoseconds(one.time) for _, _, one in planned], dtype=np.int64)
        ends = [NEVER if one.duration is None else nanoseconds(one.end) for _, _, one in planned]
        self._end = np.array(ends, dtype=np.int64)
        self._gap = np.array([one.gap for _, _, one in planned])
        self._relative_speed = np.array([one.relative_speed for _, _, one in planned])
        self._law = TimeGap(time_gap=TIME_GAP, reaction_time=REACTION, closing=CLOSING)
        shape = len(planned)
        self.present, self.changed = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.entered = np.full(shape, NEVER)
        self.position, self.speed, self.acceleration, self.command = np.zeros((4, shape))

    def __len__(self) -> int:
        return len(self.row)

    @property
    def rows(self) -> Integers:
        """The followers that have a stranger ahead of them now."""
        return self.row[self.present]

    def advance(self, now: int, step: float, world: World) -> None:
        """`step` s later, at `now` (ns), when the cars of the world are where they are now."""
        vehicle = self._vehicle
        self.position, self.speed, self.acceleration = move(
            self.position, self.speed, self.acceleration, self.command, step, vehicle.lag, vehicle.friction
        )
        self._come_and_go(now, world)
        self.command = np.where(self.present, self._wanted(world), 0.0)

    def settled(self) -> Integers:
        """Which have come or left since this was asked last."""
        found = np.flatnonzero(self.changed)
        self.changed[:] = False
        return found

    def _come_and_go(self, now: int, world: World) -> None:
        own, ahead = world.own[self.row], world.ahead[self.row]
        length = self._vehicle.length
        position = world.position[own] + self._gap + length
        speed = np.maximum(0.0, world.speed[own] + self._relative_speed)
        room = world.position[ahead] - length - position - MARGIN
        fits = room >= rss.safe_distance(speed, world.speed[ahead], REACTION, self._vehicle.braking)
        comes = (self.entered == NEVER) & (self._begin <= now) & (now < self._end) & fits
        leaves = self.present & (now >= self._end)
        self.position = np.where(comes, position, self.position)
        self.speed = np.where(comes, speed, self.speed)
        self.acceleration = np.where(comes, 0.0, self.acceleration)
        self.entered = np.where(comes, now, self.entered)
        self.present = (self.present | comes) & ~leaves
        self.changed = self.changed | comes | leaves

    def _wanted(self, world: World) -> Floats:
        """The driver's command in m/s²: a time-gap law within a barrier on the safe distance, in full knowledge.

        Nobody brakes harder than `vehicle.braking`: on that all rely, whoever drives ahead of them.
        """
        ahead = world.ahead[self.row]
        gap = world.position[ahead] - self._vehicle.length - self.position
        relative_speed = world.speed[ahead] - self.speed
        unknown = np.full(gap.shape, np.nan)
        seen = Situation(
            gap=gap,
            speed=self.speed,
            relative_speed=relative_speed,
            road_open=np.zeros(gap.shape, dtype=bool),
            front_command=unknown,
            front_speed=unknown,
            leader_command=unknown,
            leader_acceleration=unknown,
            leader_speed=unknown,
            set_speed=np.full(gap.shape, self._set_speed),
        )
        braking = self._vehicle.braking
        margin = gap - MARGIN - rss.safe_distance(self.speed, world.speed[ahead], REACTION, braking)
        bound = rss.acceleration_limit(
            margin, self.speed, relative_speed, world.acceleration[ahead], REACTION, braking, BARRIER_GAIN
        )
        wanted = np.minimum(np.minimum(self._law.acceleration(seen), bound), limits.acceleration(self.speed))
        return np.asarray(np.maximum(wanted, -braking))
