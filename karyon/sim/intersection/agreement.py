"""Slots among the cars of all runs: what they know of each other, which slots they choose, and who hands them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.control.crossing import travel_time
from karyon.cooperation import intersection as protocol
from karyon.cooperation.intersection import BASE, HEARD, NOBODY, Post, Slots
from karyon.perception.sensors import NEVER, seconds
from karyon.sim.intersection.right_of_way import AT_LINE, Tables
from karyon.sim.intersection.world import World

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

A, B = 2.0, 2.0  # m/s2, of one that keeps to a slot
SOFT = 1.5  # m/s2, by which it gets there at the earliest
SLACK = 0.6  # s, for what it has to follow
NOTICE = 1.0  # s, from when a slot is proposed to the earliest that it can be used
HORIZON = 9.0  # s, from now to the latest slot that is given: one that is missed is soon made up for
HEADWAY = 1.9  # s, between two of one lane
LATE = 0.35  # s, by which a car may miss its slot
LINE_SPEEDS = (0.0, 4.0, 7.5, np.inf)  # m/s at the line, at most the speed of the path: the classes of slots
MERGE = 0.6  # s more between two that leave by one arm
CREDIT = 0.5  # s by which a slot may be later, per second that its car has been there longer
FORGOTTEN = 1.0  # s, after which a proposal that its car has not taken is off
REACH = 100.0  # m before the line, from where on a car has a say in the level of all
OVER = 1.5  # s, after its car should have left, from which on a slot binds nobody any more


class Windows:
    """When a car with a slot is in a zone, and how far apart two of one lane must be: s from their times at the line.

    By class and path: `enters`, `leaves` (class, path, other path), `all_left` (class, path), `headway` (class ahead,
    path ahead, class, path).
    """

    def __init__(self, world: World, tables: Tables) -> None:
        top, road, length = world.path_top, world.road, world.vehicle.length
        self.speeds = np.minimum(np.array(LINE_SPEEDS)[:, None], top)  # m/s (class, path)
        speed = self.speeds[:, :, None]
        begins = np.where(tables.conflicts, tables.begins, 0.0)
        clear = np.where(tables.conflicts, tables.clear, 0.0)
        merges = tables.conflicts & (road.leaves[:, None] == road.leaves[None])
        self.enters = travel_time(begins[None], speed, A, top[None, :, None])
        self.leaves = travel_time(clear[None], speed, A, top[None, :, None]) + np.where(merges, MERGE, 0.0)
        self.all_left = travel_time(clear.max(axis=1), self.speeds, SOFT, top)
        apart = np.where(np.isfinite(road.parts), road.parts, road.inside[:, None])
        first = travel_time(apart[None] + length, speed, A, top[None, :, None])  # (class ahead, path ahead, path)
        second = travel_time(apart[None], speed, A, top[None, :, None])  # (class, path, path ahead)
        late = first[:, :, None, :] - second.transpose(2, 0, 1)[None]
        slow = np.minimum(self.speeds[:, :, None, None], self.speeds[None, None])
        self.headway = np.maximum(np.maximum(late + 0.9, 1.0 + (length + 2.0) / np.maximum(slow, 4.0)), HEADWAY)

    def earliest(self, distance: Floats, speed: Floats, line_speed: Floats, limit: float) -> Floats:
        """Time in s to the line, `distance` (m) away, for one that is slow enough for the crossing when it is there."""
        fastest = np.maximum(np.minimum(np.sqrt(speed * speed + SOFT * np.maximum(distance, 0.0)), limit), speed)
        slowing = np.maximum(fastest - line_speed, 0.0)
        return np.asarray(
            travel_time(distance, speed, SOFT, limit) + slowing * slowing / (2.0 * B * np.maximum(fastest, 0.1)) + SLACK
        )

    def run_up(self, path: Integers) -> Floats:
        """Where one waits for a slot, m before the line: there is room for the second fastest class."""
        return np.asarray(self.speeds[-2, path] ** 2 / (2.0 * A) + 3.5)

    def best_class(self, distance: Floats, speed: Floats, path: Integers) -> Integers:
        """The fastest class for which there is room to stop before, and to run up again."""
        room = distance - speed * speed / (2.0 * B) - 3.0
        return np.asarray((self.speeds[:, path] ** 2 / (2.0 * A) <= room)[1:].sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What each car of `World.part` knows of each other one (run, car, other): what it said, and whether it counts."""

    said: dict[str, Floats]
    number: Integers
    heard: Booleans
    around: Booleans
    slot: Slots
    path: Integers


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the coordinator of each run knows of all of `World.part` (run, car); `has`: there is one (run,).

    waits   has no slot; `wants`: would take one
    """

    has: Booleans
    slot: Slots
    place: Floats
    speed: Floats
    path: Integers
    since: Floats
    waits: Booleans
    wants: Booleans


class Agreement:
    """The protocol in all cars; arrays (run, car), of pairs (run, car, other) of `World.part`.

    slot        own, of each car
    bound       it cannot stop before the line any more, and uses its slot
    confirmed   granted by all who are asked
    level       that each may act on
    coordinator  whom each takes for it, NOBODY: none is heard
    """

    def __init__(self, world: World, tables: Tables, margins: Sequence[float], period: int) -> None:
        """margins: s between two cars in one zone, by level; period: of the radio, ns."""
        self._world, self._tables, self._period = world, tables, period
        self.windows, self._margins = Windows(world, tables), np.array(margins)
        shape = (world.runs, world.cars)
        self._post = Post(*shape)
        self._granted = Slots(*np.full((2, *shape, world.cars), np.nan))
        self.slot, self._plan = Slots(*np.full((2, *shape), np.nan)), Slots(*np.full((2, *shape), np.nan))
        self._planned, self._planner = np.full(shape, -np.inf), np.full(world.runs, NOBODY)
        self.bound, self.confirmed, self._can = np.zeros((3, *shape), dtype=bool)
        self.coordinator = np.full(shape, NOBODY)
        self.level = np.zeros(shape, dtype=np.int64)
        self._number, self._chosen = 0, np.zeros(shape, dtype=np.int64)  # of transmissions; when the slot was chosen

    def step(
        self,
        now: int,
        sent: Integers,
        visible: Booleans,
        believed: Booleans,
        new: Booleans,
        level: Integers,
        runs: Booleans,
    ) -> None:
        """Once per period of the radio, before all send at `now` (ns).

        sent      when the newest message that has arrived was sent, ns, `NEVER`: none (run, car, other)
        visible   who sees whom; `believed`: what one says agrees with what is seen of it; `new`: has come into sight
                  just now (run, car, other) of `part`
        level     that the own rules admit (run, car)
        runs      whose coordinator runs (run, car)
        """
        part, time = self._world.part, float(seconds(now, 0))
        known, mine = self._known(now, sent, visible, believed), level[part.cars]
        here = self._world.here[part.cars]
        self._keep(time, known)
        granted = self._granted_me(known)
        in_the_way = self._in_the_way(known, mine)
        gone = protocol.gives_up(in_the_way, self._has_more_right(known), granted, self.bound[part.cars])
        gone |= ((mine < BASE) | self._is_missed(time) | self._is_overtaken(known)) & ~self.bound[part.cars]
        self._set_slot(self._own().where(here & ~gone))
        self._elect(known, mine, runs[part.cars] & here)
        self._choose(time, known, mine)
        in_the_way = self._in_the_way(known, mine)
        self._set_granted(protocol.given(self._grants(), known.slot, known.heard, in_the_way))
        arm = self._world.arm[part.cars][:, :, None] == self._world.arm[part.cars][:, None]
        crosses = self._tables.conflicts[self._world.path[part.cars][:, :, None], known.path] | ~known.heard
        asked = known.around & crosses & ~arm
        self.confirmed[:] = False
        self.confirmed[part.cars] = protocol.confirmed(self._own(), self._granted_me(known), asked)
        self.level[:] = np.minimum(level, BASE)
        near = (self._world.distance <= REACH)[part.cars][:, None] & (known.heard | ~new)
        self.level[part.cars] = protocol.agreed(mine, known.said["level"], known.heard, known.around & near)

    def agrees(self, sent: Integers, visible: Booleans, limit: float) -> Booleans:
        """Of whom the place that it has said, driven on at the speed, is within `limit` (m) of where it is seen.

        `sent` and `visible` as of `step`; one that is not seen is believed. Answers (run, car, other) of `part`.
        """
        world, part = self._world, self._world.part
        newest = sent[part.pairs]
        known = newest != NEVER
        said = self._post.said(np.where(known, newest, 0) // self._period, part.number, ("place", "speed"))
        since = seconds(world.now, np.where(known, newest, world.now))
        place, speed = said["place"] + said["speed"] * since, said["speed"]
        tolerated = limit + 4.0 * since
        off = (np.abs(place - world.s[part.cars][:, None]) > tolerated) | (
            np.abs(speed - world.speed[part.cars][:, None]) > tolerated
        )
        return np.asarray(~(known & visible & (since <= HEARD) & off))

    def send(self, place: Floats, speed: Floats, level: Integers) -> None:
        """Keep what all say: their place (m), speed (m/s) and the level that they propose (run, car)."""
        said = {
            "place": place,
            "speed": speed,
            "path": self._world.path,
            "level": level,
            "coordinates": self._can,
            "since": self._world.entered - 1e4 * self._world.traffic.emergency,  # one that has priority was there first
            "slot": self.slot.time,
            "kind": self.slot.kind,
            "plan": self._plan.time,
            "plan_kind": self._plan.kind,
        }
        self._post.send(self._number, said, self._granted)
        self._number += 1

    def bind(self, who: Booleans, time: Floats) -> None:
        """Who goes now is bound; one without a slot says the one that it takes, at the line at `time` (s)."""
        world = self._world
        kind = (self.windows.speeds[:, world.path] <= world.speed + 0.1).sum(axis=0) - 1
        taken = Slots(time, np.maximum(kind, 0).astype(float)).where(who & np.isnan(self.slot.time))
        self.slot = self.slot.or_else(taken)
        self.bound |= who

    def grants_in_the_way(self, time: float, distance: Floats, speed: Floats) -> Booleans:
        """Whose crossing from now on, at `distance` (m) from the line, meets a slot that it has granted (run, car)."""
        world, part, windows = self._world, self._world.part, self.windows
        granted, mine, theirs = self._grants(), world.path[part.cars][:, :, None], world.path[part.cars][:, None]
        kind, conflicts = _whole(granted.kind), self._tables.conflicts[mine, theirs]
        enters = granted.time + windows.enters[kind, theirs, mine]
        leaves = granted.time + windows.leaves[kind, theirs, mine]
        out = np.where(conflicts, self._tables.clear[mine, theirs], 0.0) + distance[part.cars][:, :, None]
        done = time + travel_time(out, speed[part.cars][:, :, None], SOFT, world.top[part.cars][:, :, None])
        there = (world.before | world.inside)[part.cars][:, None]
        found = np.zeros(world.s.shape, dtype=bool)
        found[part.cars] = (conflicts & there & (done + self._margins[BASE] > enters) & (time < leaves)).any(axis=2)
        return found

    def _known(self, now: int, sent: Integers, visible: Booleans, believed: Booleans) -> _Known:
        world, part = self._world, self._world.part
        newest = sent[part.pairs]
        known = (newest != NEVER) & world.here[part.cars][:, :, None] & world.here[part.cars][:, None]
        number = np.where(known, newest, 0) // self._period
        not_self = ~np.eye(newest.shape[1], dtype=bool)
        heard = known & (seconds(now, np.where(known, newest, now)) <= HEARD) & believed & not_self
        said = self._post.said(number, part.number)
        matters = (world.before | world.inside)[part.cars][:, None]
        around = (visible | (heard & matters)) & not_self & world.here[part.cars][:, :, None]
        path = np.where(heard, _whole(said["path"]), world.path[part.cars][:, :, None])
        return _Known(said, number, heard, around, Slots(said["slot"], said["kind"]), path)

    def _keep(self, time: float, known: _Known) -> None:
        granted = self._grants()
        path = self._world.path[self._world.part.cars][:, None]
        end = granted.time + self.windows.all_left[_whole(granted.kind), path] + OVER
        self._set_granted(protocol.kept(granted, known.slot, known.heard, over=time > end))

    def _in_the_way(self, known: _Known, level: Integers) -> Booleans:
        """Whether the slot that another one says meets the own one, in a zone or in the lane (run, car, other)."""
        world, part, windows = self._world, self._world.part, self.windows
        own, path, margin = self._own(), world.path[part.cars][:, :, None], self._margins[level][:, :, None]
        time, kind = own.time[:, :, None], _whole(own.kind)[:, :, None]
        their_kind, theirs = _whole(known.slot.kind), known.path
        meets = (
            time + windows.enters[kind, path, theirs]
            < known.slot.time + windows.leaves[their_kind, theirs, path] + margin
        )
        meets &= (
            known.slot.time + windows.enters[their_kind, theirs, path]
            < time + windows.leaves[kind, path, theirs] + margin
        )
        return np.asarray(known.heard & self._tables.conflicts[path, theirs] & meets)

    def _has_more_right(self, known: _Known) -> Booleans:
        """Whether another one was there before (run, car, other); among equals the one with the lower number."""
        mine, theirs = self._since()[:, :, None], known.said["since"]
        number = np.arange(mine.shape[1])
        return np.asarray((theirs < mine) | ((theirs == mine) & (number < number[:, None])[None]))

    def _since(self) -> Floats:
        part = self._world.part
        return np.asarray(self._world.entered[part.cars] - 1e4 * self._world.traffic.emergency[part.cars])

    def _is_missed(self, time: float) -> Booleans:
        world, part, slot = self._world, self._world.part, self._own()
        ahead = world.distance[part.cars] - np.where(
            slot.kind == 0.0, AT_LINE, 0.0
        )  # who starts from there has arrived
        soonest = travel_time(ahead, world.speed[part.cars], A, world.limit)
        line_speed = self.windows.speeds[_whole(slot.kind), world.path[part.cars]]
        slow = ~is_fast_enough(world.distance[part.cars], world.speed[part.cars], line_speed)
        return np.asarray((time + soonest > slot.time + LATE) | (slow & ~np.isnan(slot.time)))

    def _is_overtaken(self, known: _Known) -> Booleans:
        """Whose slot is before the one of a car ahead of it in its lane, or that one has none (run, car)."""
        world, part, own = self._world, self._world.part, self._own()
        lane = world.lane[part.cars][:, :, None] == world.lane[part.cars][:, None]
        ahead = (
            lane
            & world.before[part.cars][:, None]
            & (world.s[part.cars][:, None] > world.s[part.cars][:, :, None])
            & known.heard
        )
        kind, mine = _whole(own.kind)[:, :, None], world.path[part.cars][:, :, None]
        follows = known.slot.time + 0.9 * self.windows.headway[_whole(known.slot.kind), known.path, kind, mine]
        return np.asarray((ahead & ~(follows <= own.time[:, :, None])).any(axis=2))

    def _elect(self, known: _Known, level: Integers, runs: Booleans) -> None:
        part = self._world.part
        can = runs & (level >= BASE)
        chosen = protocol.elected(known.heard, known.said["coordinates"] > 0.5, can)
        self._can[:], self.coordinator[:] = False, NOBODY
        self._can[part.cars] = can
        self.coordinator[part.cars] = np.where(chosen == NOBODY, NOBODY, part.at(np.maximum(chosen, 0)))

    def _choose(self, time: float, known: _Known, level: Integers) -> None:
        """Own slots: proposed by the coordinator at level 3, chosen behind all others at level 2."""
        self._propose(time, known, level)
        own = self._own()
        free = np.isnan(own.time) & self._world.before[self._world.part.cars]
        proposed = self._told(known).where(free & (level > BASE))
        late = time + self._earliest(proposed.kind) > proposed.time + LATE
        behind = self._behind_all(time, known).where(free & (level == BASE))
        self._set_slot(own.or_else(proposed.where(~late)).or_else(behind))

    def _told(self, known: _Known) -> Slots:
        """What the coordinator has proposed to each, as far as it was heard (run, car)."""
        part = self._world.part
        chosen = self.coordinator[part.cars]
        itself = chosen == part.number
        place = np.maximum(chosen - part.number[:, :1], 0)[:, :, None]
        number = np.take_along_axis(known.number, place, axis=2)[:, :, 0]
        told = self._post.told_by(number, part.number).where((chosen != NOBODY) & ~itself)
        own_plan = Slots(self._plan.time[part.cars], self._plan.kind[part.cars]).where(itself)
        return told.or_else(own_plan)

    def _earliest(self, kind: Floats) -> Floats:
        world, part = self._world, self._world.part
        line_speed = self.windows.speeds[_whole(kind), world.path[part.cars]]
        return self.windows.earliest(world.distance[part.cars], world.speed[part.cars], line_speed, world.limit)

    def _behind_all(self, time: float, known: _Known) -> Slots:
        """The first slot behind all that a car knows of, none as long as one ahead of it in its lane has none."""
        world, part, windows = self._world, self._world.part, self.windows
        path, distance, speed = world.path[part.cars], world.distance[part.cars], world.speed[part.cars]
        kind = windows.best_class(distance, speed, path)
        soonest = time + np.maximum(self._earliest(kind.astype(float)), NOTICE)
        mine, theirs, their_kind = path[:, :, None], known.path, _whole(known.slot.kind)
        has = known.heard & ~np.isnan(known.slot.time)
        free = known.slot.time + windows.leaves[their_kind, theirs, mine] + self._margins[BASE]
        free = free - windows.enters[kind[:, :, None], mine, theirs]
        crossing = np.where(has & self._tables.conflicts[mine, theirs], free, -np.inf)
        lane = world.lane[part.cars][:, :, None] == world.lane[part.cars][:, None]
        ahead = lane & world.before[part.cars][:, None] & (world.s[part.cars][:, None] > world.s[part.cars][:, :, None])
        follows = known.slot.time + windows.headway[their_kind, theirs, kind[:, :, None], mine]
        in_lane = np.where(
            has & lane & (world.s[part.cars][:, None] > world.s[part.cars][:, :, None]), follows, -np.inf
        )
        earliest = np.maximum(soonest, np.maximum(crossing, in_lane).max(axis=2))
        return Slots(earliest, kind.astype(float)).where(~(ahead & ~has).any(axis=2) & (earliest <= time + HORIZON))

    def _propose(self, time: float, known: _Known, level: Integers) -> None:
        """The coordinator of each run proposes a slot to one car: the earliest that fits, less a credit for waiting."""
        part, runs = self._world.part, np.arange(self._world.runs)
        view = self._view(time, known, level)
        first, able = self._first_waiting(view)
        at = runs[:, None]
        path, distance = view.path[at, first], self._world.road.line - view.place[at, first]
        kind = self.windows.best_class(distance, view.speed[at, first], path)
        line_speed = self.windows.speeds[kind, path]
        soonest = self.windows.earliest(distance, view.speed[at, first], line_speed, self._world.limit)
        best = self._fitting(view, time + np.maximum(soonest, NOTICE), kind, path)
        score = np.where(able & (best <= time + HORIZON), best + CREDIT * view.since[at, first], np.inf)
        winner = score.argmin(axis=1)
        found = np.isfinite(score[runs, winner])
        car = part.number[runs, first[runs, winner]]
        self._plan.time[runs[found], car[found]] = best[runs, winner][found]
        self._plan.kind[runs[found], car[found]] = kind[runs, winner][found]
        self._planned[runs[found], car[found]] = time

    def _view(self, time: float, known: _Known, level: Integers) -> _View:
        """What the coordinator of each run knows; what it has proposed counts as a slot until its car says one."""
        world, part, runs, own = self._world, self._world.part, np.arange(self._world.runs), self._own()
        cars = part.number
        acts = self.coordinator[part.cars] == cars
        who = np.where(acts.any(axis=1), acts.argmax(axis=1), NOBODY)
        planner = np.where(who == NOBODY, NOBODY, cars[runs, who])
        fresh = (time - self._planned <= FORGOTTEN) & (planner == self._planner)[:, None]
        self._planner = planner
        itself = np.arange(cars.shape[1]) == who[:, None]

        def told(mine: Floats, name: str) -> Floats:
            return np.where(itself, mine, known.said[name][runs, who])

        heard = known.heard[runs, who] | itself
        slot = Slots(told(own.time, "slot"), told(own.kind, "kind")).where(heard)
        fresh[part.cars] &= np.isnan(slot.time)
        self._plan = self._plan.where(fresh)
        slot = slot.or_else(Slots(self._plan.time[part.cars], self._plan.kind[part.cars]))
        return _View(
            has=who != NOBODY,
            slot=slot,
            place=told(world.s[part.cars], "place"),
            speed=told(world.speed[part.cars], "speed"),
            path=np.where(itself, world.path[part.cars], known.path[runs, who]),
            since=told(self._since(), "since"),
            waits=heard & np.isnan(slot.time),
            wants=told(level.astype(float), "level") > BASE,
        )

    def _first_waiting(self, view: _View) -> tuple[Integers, Booleans]:
        """Of each lane the first that has no slot, and whether it would take one (run, lane)."""
        road = self._world.road
        waits = view.waits & (view.place < road.line)
        mine = waits[:, None, :] & (road.lane[view.path][:, None, :] == np.arange(road.lanes)[None, :, None])
        first = np.where(mine, view.place[:, None, :], -np.inf).argmax(axis=2)
        wants = np.take_along_axis(view.wants, first, axis=1)
        return first, mine.any(axis=2) & wants & view.has[:, None]

    def _fitting(self, view: _View, soonest: Floats, kind: Integers, path: Integers) -> Floats:
        """The earliest time from `soonest` on that meets no other slot (run, lane): then, or as soon as one is over."""
        windows, slot = self.windows, view.slot
        has = ~np.isnan(slot.time)[:, None, :]
        their_kind, theirs = _whole(slot.kind)[:, None, :], view.path[:, None, :]
        kinds, paths = kind[:, :, None], path[:, :, None]
        road = self._world.road
        lane = has & (road.lane[theirs] == np.arange(road.lanes)[None, :, None])
        follows = slot.time[:, None, :] + windows.headway[their_kind, theirs, kinds, paths]
        soonest = np.maximum(soonest, np.where(lane, follows, -np.inf).max(axis=2))[:, :, None]
        crosses, margin = has & self._tables.conflicts[paths, theirs], self._margins[-1]
        opens = slot.time[:, None, :] + windows.leaves[their_kind, theirs, paths] + margin
        opens = opens - windows.enters[kinds, paths, theirs]
        closes = slot.time[:, None, :] + windows.enters[their_kind, theirs, paths] - margin
        closes = closes - windows.leaves[kinds, paths, theirs]
        tried = np.concatenate([soonest, np.where(crosses, opens + 1e-6, np.inf)], axis=2)
        meets = crosses[:, :, None, :] & (tried[:, :, :, None] < opens[:, :, None, :])
        meets &= tried[:, :, :, None] > closes[:, :, None, :]
        fits = ~meets.any(axis=3) & (tried >= soonest)
        return np.asarray(np.where(fits, tried, np.inf).min(axis=2))

    def _granted_me(self, known: _Known) -> Booleans:
        own = self._own()
        mine = Slots(own.time[:, :, None], own.kind[:, :, None])
        since = (
            known.number > self._chosen[self._world.part.cars][:, :, None]
        )  # older words may be of the same slot, given up
        return np.asarray(self._post.granted(known.number, self._world.part.number).equal(mine) & known.heard & since)

    def _own(self) -> Slots:
        part = self._world.part
        return Slots(self.slot.time[part.cars], self.slot.kind[part.cars])

    def _set_slot(self, slot: Slots) -> None:
        part = self._world.part
        new = ~np.isnan(slot.time) & ~slot.equal(self._own())
        self._chosen[part.cars] = np.where(new, self._number, self._chosen[part.cars])
        self.slot = Slots(self.slot.time.copy(), self.slot.kind.copy())
        self.slot.time[part.cars], self.slot.kind[part.cars] = slot.time, slot.kind

    def _grants(self) -> Slots:
        part = self._world.part
        return Slots(self._granted.time[part.pairs], self._granted.kind[part.pairs])

    def _set_granted(self, granted: Slots) -> None:
        part = self._world.part
        self._granted.time[part.pairs], self._granted.kind[part.pairs] = granted.time, granted.kind


def is_fast_enough(distance: Floats, speed: Floats, line_speed: Floats) -> Booleans:
    """Whether one can still have the speed of its slot at the line, or nearly; what is in m and m/s."""
    reached = np.sqrt(speed * speed + 2.0 * A * np.maximum(distance, 0.0))
    return np.asarray(reached >= line_speed - 1.0)


def _whole(kind: Floats) -> Integers:
    """A class or path as an index; 0 where there is none."""
    return np.where(np.isfinite(kind), kind, 0.0).astype(np.int64)
