"""What all cars are told to do in a cycle: who may go, who is bound to it, and how they drive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from karyon.control.crossing import behind, through_slot, to_speed, to_stop, travel_time
from karyon.cooperation.intersection import BASE
from karyon.kernel.design import Function
from karyon.sim.intersection import right_of_way
from karyon.sim.intersection.agreement import LATE, A, Agreement, B, is_fast_enough
from karyon.sim.intersection.right_of_way import AT_LINE, STANDS, Coming, Tables
from karyon.sim.intersection.sight import SIDES, Ahead, ahead, nearest
from karyon.sim.intersection.world import World
from karyon.sim.roads.crossing import ARMS

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HARDEST = 6.0  # m/s2
STANDSTILL, BEFORE_LINE = 2.0, 0.8  # m, to the car ahead and to the line
GENTLE = 2.0  # m/s2, towards the line
NEAR = 60.0  # m, from where on level 0 is slow, and gaps are looked for


class Driving:
    """Levels of service as laws; arrays (run, car).

    since   s, from when on each stands at its line; inf: it does not
    order   s, when each was bound; NaN: it is not
    front   the car ahead of each, as it truly is
    """

    def __init__(self, world: World, tables: Tables, agreement: Agreement, function: Function, sight: float) -> None:
        self._world, self._tables, self._agreement, self._range = world, tables, agreement, sight
        numbers = [level.controller for level in function.levels]
        self._time_gap = np.array([float(each.get("time_gap", 1.5)) for each in numbers])
        self._margin = np.array([float(each.get("margin", 0.8)) for each in numbers])
        self._cautious = min(float(numbers[0].get("speed_max", world.limit)), world.limit)
        self.since = np.full(world.s.shape, np.inf)
        self.order = np.full(world.s.shape, np.nan)
        self.front: Ahead = ahead(world)

    def command(self, time: float, seen: Floats, level: Integers) -> Floats:
        """Command in m/s² of each car at `time` (s); `seen` (signal, run, car) as `karyon.perception.crossing` has it.

        At level 0 none of `seen` is used, but what is seen near by: the line, the car ahead, who stands at other lines.
        """
        world = self._world
        self.front = ahead(world)
        doubtful = level == 0
        distance = np.where(doubtful, world.distance, world.road.line - seen[3])
        speed = np.where(doubtful, world.speed, seen[2])
        gap = np.where(doubtful, self.front.gap, np.where(seen[0] >= self._range, np.inf, seen[0]))
        ahead_speed = np.maximum(np.where(doubtful, self.front.speed, seen[2] + seen[1]), 0.0)
        self._note_standing(time)
        coming = self._coming(seen, doubtful)
        by_gap = self._may_go(time, distance, speed, level, coming)
        by_slot = self._has_slot(time, distance, speed, level)
        self._bind(time, distance, speed, level, by_gap, by_slot)

        follow = behind(
            np.where(np.isfinite(gap), gap, 1e3), speed, ahead_speed, self._time_gap[level], STANDSTILL, HARDEST
        )
        held = self._towards_line(time, distance, speed, level, by_gap, by_slot)
        free = self._across(speed)
        return np.asarray(np.minimum(follow, np.where(self._agreement.bound, free, held)))

    def _note_standing(self, time: float) -> None:
        world = self._world
        stands = world.before & (world.distance < AT_LINE) & (world.speed < STANDS)
        self.since = np.where(stands, np.minimum(self.since, time), np.inf)

    def _coming(self, seen: Floats, doubtful: Booleans) -> Coming:
        """What comes on the other arms, by own sensors, or near by at level 0 (side, run, car)."""
        arms, world = nearest(self._world), self._world
        sides = (world.arm[None] + np.array(SIDES)[:, None, None]) % ARMS
        runs = np.arange(world.runs)[None, :, None]
        near = np.minimum(arms.distance[runs, sides], self._range), arms.speed[runs, sides]
        measured = seen[[4, 6, 8]], seen[[5, 7, 9]]
        distance, speed = (np.where(doubtful, true, mine) for true, mine in zip(near, measured, strict=True))
        return Coming(distance, np.maximum(speed, 0.0))

    def _may_go(self, time: float, distance: Floats, speed: Floats, level: Integers, coming: Coming) -> Booleans:
        """Who may go by what it sees, at the levels below slots."""
        world = self._world
        may = world.first_in_lane() & (level < BASE) & ~self._blocked() & (distance < NEAR)
        if not may.any():
            return may
        strict = level == 0
        may &= right_of_way.by_gaps(
            world, self._tables, coming, distance, speed, self.since, margin=self._margin[level], must_stand=strict, a=A
        )
        may &= right_of_way.clear_inside(world, self._tables, self._agreement.bound, distance, speed, level < BASE, A)
        return may & ~self._agreement.grants_in_the_way(time, distance, speed)

    def _has_slot(self, time: float, distance: Floats, speed: Floats, level: Integers) -> Booleans:
        """Whose slot is confirmed by all, and can be used: its zones will be free, and it is in time."""
        agreement = self._agreement
        return np.asarray(agreement.confirmed & (level >= BASE) & ~self._blocked() & self._world.before)

    def _line_speed(self) -> Floats:
        """Speed in m/s that the own slot has at the line; 0: from a stand, or there is no slot."""
        kind = self._agreement.slot.kind
        known = np.where(np.isfinite(kind), kind, 0.0).astype(np.int64)
        return np.asarray(self._agreement.windows.speeds[known, self._world.path])

    def _blocked(self) -> Booleans:
        """Whose path is walked across."""
        world = self._world
        runs = np.arange(world.runs)[:, None]
        return np.asarray(world.blocked[runs, world.arm] | world.blocked[runs, world.road.leaves[world.path]])

    def _bind(
        self, time: float, distance: Floats, speed: Floats, level: Integers, by_gap: Booleans, by_slot: Booleans
    ) -> None:
        world, agreement = self._world, self._agreement
        slipped = world.inside & ~agreement.bound  # whoever is over the line must get out of the crossing
        if not (by_gap | by_slot | slipped).any():
            return
        at_point = right_of_way.is_bound(distance, speed) | np.isfinite(self.since)
        left = agreement.slot.time - time
        line_speed = self._line_speed()
        arrives = travel_time(distance, speed, A, np.maximum(line_speed, 0.5))
        moving = (np.abs(arrives - left) <= LATE) & is_fast_enough(distance, speed, line_speed)
        in_time = by_slot & np.where(line_speed > 0.0, moving, (left <= 0.05) & (distance < AT_LINE))
        goes = (by_gap | in_time) & at_point & ~agreement.bound
        if (goes & by_slot).any():
            goes &= ~by_slot | right_of_way.clear_inside(
                world, self._tables, agreement.bound, distance, speed, ~by_slot, A
            )
        goes |= slipped
        if goes.any():
            agreement.bind(goes, time + travel_time(distance, speed, A, world.top))
            self.order = np.where(goes, time, self.order)

    def _towards_line(
        self, time: float, distance: Floats, speed: Floats, level: Integers, by_gap: Booleans, by_slot: Booleans
    ) -> Floats:
        """Who is not bound can stop at the line, and does, unless it may go."""
        world, agreement = self._world, self._agreement
        limit = np.where((level == 0) & (distance < NEAR), self._cautious, world.limit)
        slowing = np.sqrt(world.top * world.top + 2.0 * B * np.maximum(distance, 0.0))
        cruise = to_speed(speed, np.minimum(limit, slowing), A, 3.0)
        waits = (level >= BASE) & np.isnan(agreement.slot.time)
        hold = np.where(waits, agreement.windows.run_up(world.path), BEFORE_LINE)
        stop = to_stop(distance - np.where(distance > hold, hold, BEFORE_LINE), speed, GENTLE, HARDEST)
        line_speed = self._line_speed()
        has = np.isfinite(agreement.slot.time) & (level >= BASE)
        left = np.where(has, agreement.slot.time - time, 0.0)
        slot = through_slot(distance, speed, left, line_speed, A, B, world.limit)
        decides_later = ~right_of_way.is_bound(distance, speed)  # who is not bound by then brakes, and still stops
        goes = (by_gap | (by_slot & (line_speed > 0.0))) & decides_later
        held = np.where(goes, cruise, np.minimum(cruise, stop))
        return np.asarray(np.where(has & (line_speed > 0.0), np.minimum(held, slot), held))

    def _across(self, speed: Floats) -> Floats:
        """Who is bound crosses, lets those pass who were bound before, and speeds up behind."""
        world = self._world
        inside = -world.distance < world.road.inside[world.path]
        slowing = np.sqrt(world.top * world.top + 2.0 * B * np.maximum(world.distance, 0.0))
        cruise = to_speed(speed, np.where(inside, np.minimum(slowing, world.limit), world.limit), A, 3.0)
        way, fast = right_of_way.way_inside(world, self._tables, self.order)
        gives_way = to_speed(speed, np.minimum(fast, world.limit), A, 4.0)
        held = to_stop(np.where(np.isfinite(way), way - 0.5, 1e4), speed, 4.5, HARDEST)
        return np.asarray(np.minimum(np.minimum(cruise, gives_way), held))
