"""What is to be seen at an instant of a run, live or recorded: numbers, nothing that is drawn or decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from karyon.control import rss
from karyon.sim.view import happenings
from karyon.sim.view.about import About
from karyon.sim.view.folder import EVENTS, RunError
from karyon.sim.view.happenings import Happening, Span
from karyon.sim.view.links import NO_ONE, Wanted
from karyon.sim.view.rows import Booleans, Floats, Integers, Rows

HISTORY = 30.0  # s that strips look back
SOON = 1.0  # s within which the next instant is looked for
RECENT, RECENT_AIR = 0.5, 1.0  # s: a link is shown by its last message in this time
NO_LEVEL, NOT_THERE = -1, -2
DRAWN = ("x", "y", "heading", "length", "width")
LEADER = 0  # vehicle of a platoon
RELATIVE = "front.relative_speed_true"  # column: speed of the car ahead less own speed
AHEAD_MOST = 3.0  # s for which a message is carried on at the speed that it says


class Source(Protocol):
    """A run, recorded or going on."""

    @property
    def about(self) -> About:
        """What runs, or ran."""

    @property
    def happenings(self) -> Sequence[Happening]:
        """Its events, as far as there are any yet, in order of time."""

    @property
    def begin(self) -> float:
        """Of what can be shown, s."""

    @property
    def end(self) -> float:
        """Of what can be shown, s."""

    @property
    def notes(self) -> Sequence[str]:
        """What to say beside the events."""

    def parts(self, begin: float, end: float) -> list[Rows]:
        """What was recorded between (s), in parts that follow each other."""

    def messages(self, begin: float, end: float, wanted: Wanted) -> tuple[Integers, Integers, Floats]:
        """Of what was sent between (s), in order, as far as it is wanted: sender, receiver, arrival (s; NaN: lost)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cars:
    """All vehicles at the instant; arrays (car,), in SI.

    x               of the front bumper, along the road
    ahead           place in these arrays of the car ahead in the lane, -1: none
    level           of service, -1: it has none
    gap             to the car ahead, NaN: none
    safe_distance   RSS, at the reaction time of the level in command; NaN: not known
    measured        `front.distance`, NaN: none
    is_failing      whether a fault acts on it
    leader          vehicle that heads its group, itself where it heads one; -1: it is in none
    """

    vehicle: Integers
    x: Floats
    y: Floats
    heading: Floats
    length: Floats
    width: Floats
    speed: Floats
    lane: Integers
    ahead: Integers
    level: Integers
    gap: Floats
    safe_distance: Floats
    measured: Floats
    is_failing: Booleans
    leader: Integers

    def place(self, vehicle: int) -> int:
        """Where the vehicle is in these arrays, -1: nowhere."""
        found = np.flatnonzero(self.vehicle == vehicle)
        return int(found[0]) if len(found) else -1


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Who spoke to whom: to the selected vehicle, and everyone to the one behind (link,).

    is_heard   whether the last message came, of those that are not under way
    """

    sender: Integers
    receiver: Integers
    is_heard: Booleans


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Switches and violations of the run, for the scrub bar (mark,): time (s), new level, whether service was lost.

    level   -1: a violation
    """

    time: Floats
    level: Integers
    is_drop: Booleans


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The selected vehicle until now; arrays (instant,), in SI. `columns` are those of the trace."""

    time: Floats
    columns: Mapping[str, Floats]
    speed: Floats
    level: Integers
    speed_ahead: Floats
    safe_distance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Air:
    """All aircraft until now; m, m/s.

    time     s (instant,)
    place    x, y, z (axis, instant, aircraft)
    velocity to the east and to the north now (axis, aircraft)
    climb    now (aircraft,)
    """

    time: Floats
    place: Floats
    velocity: Floats
    climb: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A run at `time`, s.

    begin, end   s, of what can be shown
    selected     vehicle, and its place in `cars`
    values       columns of the trace of the selected vehicle, NaN: absent
    told         where a message puts its sender now (m), by the signal's name
    levels       of all vehicles over `levels_time` (instant, car), -1: none, -2: not there yet
    past         how many of `happenings` have happened
    """

    about: About
    time: float
    begin: float
    end: float
    notes: Sequence[str]
    cars: Cars
    selected: int
    place: int
    values: Mapping[str, float]
    told: Mapping[str, float]
    links: Links
    history: History
    levels: Integers
    levels_time: Floats
    happenings: Sequence[Happening]
    past: int
    faults: Sequence[Span]
    marks: Marks
    air: Air | None

    @property
    def signals(self) -> Sequence[str]:
        """Those that the selected vehicle has: an aircraft is no traffic to itself."""
        return [name for name in self.about.signals if not name.startswith(f"traffic.{self.selected}.")]

    @property
    def has_events(self) -> bool:
        """Whether it is known what has happened."""
        return not any(note.startswith(EVENTS) for note in self.notes)


class Eye:
    """Looks at a run; what does not change from one picture to the next is kept."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._reaction = np.array([*source.about.reaction_times, np.nan])  # the last: of no level
        self._kept: tuple[object, ...] = ()
        self._history: tuple[History, Integers, Floats] | None = None
        self._spans: list[Span] = []
        self._marks = _marks([])
        self._groups = _groups([])
        self._told_of = -1

    def look(self, time: float, selected: int) -> Scene:
        """The run at `time` (s), or at the next instant that there is; another vehicle where there is none such."""
        source = self.source
        time = min(max(time, source.begin), source.end)
        parts = source.parts(time - HISTORY, time + SOON)
        now, following = _instants(parts, time)
        cars = self._cars(now, following, time)
        place = max(cars.place(selected), 0)
        selected = int(cars.vehicle[place])
        history, levels, levels_time = self._past(parts, now, selected, cars)
        values = {name: float(now.columns[name][place]) for name in now.columns}
        return Scene(
            about=source.about,
            time=time,
            begin=source.begin,
            end=source.end,
            notes=source.notes,
            cars=cars,
            selected=selected,
            place=place,
            values=values,
            told=_told(values, time - float(now.time[0])),
            links=self._links(time, selected, cars),
            history=history,
            levels=levels,
            levels_time=levels_time,
            happenings=source.happenings,
            past=happenings.until(source.happenings, time),
            faults=self._faults(),
            marks=self._marks,
            air=self._air(parts, now) if self.source.about.is_air else None,
        )

    def _air(self, parts: list[Rows], now: Rows) -> Air:
        until = Rows.joined([part.between(-np.inf, float(now.time[0])) for part in parts])
        aircraft = len(now.columns["vehicle"])
        place = np.array([until.columns[name].reshape(-1, aircraft) for name in ("x", "y", "z")])
        heading, speed = now.columns["heading"], now.columns["speed"]
        velocity = speed * np.array([np.cos(heading), np.sin(heading)])
        return Air(until.time, place, velocity, now.columns["climb"])

    def _cars(self, now: Rows, following: Rows | None, time: float) -> Cars:
        columns = now.columns
        x, y, heading = (columns[name].astype(float) for name in ("x", "y", "heading"))
        if following is not None and np.array_equal(following.columns["vehicle"], columns["vehicle"]):
            share = (time - now.time[0]) / (following.time[0] - now.time[0])
            x, y, heading = (
                each + share * (following.columns[name] - each)
                for name, each in (("x", x), ("y", y), ("heading", heading))
            )
        lane, speed = columns["lane"].astype(np.int64), self._speed(columns)
        ahead = _ahead(x, lane) if self.source.about.backdrop is None else np.full(len(x), NO_ONE)
        level = self._level(columns)
        vehicle = columns["vehicle"].astype(np.int64)
        self._must_be_sound(columns, level, float(now.time[0]))
        failing = {one.vehicle for one in self._faults() if one.begin <= time < one.end}
        return Cars(
            vehicle=vehicle,
            x=x,
            y=y,
            heading=heading,
            length=columns["length"],
            width=columns["width"],
            speed=speed,
            lane=lane,
            ahead=ahead,
            level=level,
            gap=columns["gap"],
            safe_distance=np.where(ahead < 0, np.nan, self._safe(speed, speed[ahead], level)),
            measured=columns.get("front.distance", np.full(len(x), np.nan)),
            is_failing=np.isin(vehicle, list(failing)),
            leader=self._leaders(vehicle, time),
        )

    def _speed(self, columns: Mapping[str, NDArray[Any]]) -> Floats:
        """Own speeds (row,), NaN: of a real car, of which nobody knows it."""
        speed = columns["speed"]
        if not self.source.about.is_bench or "own.speed_true" not in columns:
            return np.asarray(speed)
        return np.where(np.isnan(columns["own.speed_true"]), np.nan, speed)

    def _must_be_sound(self, columns: Mapping[str, NDArray[Any]], level: Integers, time: float) -> None:
        """Raises RunError for what cannot be drawn."""
        for name in DRAWN:
            if not np.isfinite(columns[name]).all():
                raise RunError(f"{name} of a vehicle at {time:g} s is no number: the recording is damaged")
        highest = len(self.source.about.level_names) - 1
        if highest >= 0 and level.max(initial=0) > highest:
            raise RunError(f"a vehicle is on LoS {level.max()} at {time:g} s, which the safety design does not have")

    def _leaders(self, vehicle: Integers, time: float) -> Integers:
        """Who heads the group of each of these vehicles."""
        when, member, leader = self._groups
        past = int(np.searchsorted(when, time, side="right"))
        found = np.full(int(max(vehicle.max(), member[:past].max(initial=0), leader[:past].max(initial=0))) + 1, NO_ONE)
        found[leader[:past]] = leader[:past]  # who heads others is not told when it always did
        found[member[:past]] = leader[:past]  # the last one that was told holds
        return found[vehicle]

    def _safe(self, speed: Floats, speed_ahead: Floats, level: Integers) -> Floats:
        known = np.minimum(level, len(self._reaction) - 1)
        return np.asarray(rss.safe_distance(speed, speed_ahead, self._reaction[known], self.source.about.braking))

    def _past(self, parts: list[Rows], now: Rows, selected: int, cars: Cars) -> tuple[History, Integers, Floats]:
        """What strips show, anew where the instant, or the vehicle, is another."""
        front = int(cars.vehicle[cars.ahead[cars.place(selected)]]) if cars.ahead[cars.place(selected)] >= 0 else -1
        key = (float(now.time[0]), selected, front)
        if self._history is None or key != self._kept:
            until = [part.between(-np.inf, key[0]) for part in parts]
            self._kept, self._history = key, (self._of(until, selected, front), *self._levels(until, cars.vehicle))
        return self._history

    def _of(self, parts: list[Rows], selected: int, front: int) -> History:
        own = Rows.joined([part.of_vehicle(selected) for part in parts])
        level, speed = self._level(own.columns), self._speed(own.columns)
        speed_ahead = np.full(len(own.time), np.nan)
        if front >= 0:
            other = Rows.joined([part.of_vehicle(front) for part in parts])
            speed_ahead = np.interp(own.time, other.time, other.columns["speed"], left=np.nan)
        if RELATIVE in own.columns:  # of whoever was ahead then
            is_near = own.columns["gap"] < self.source.about.sensor_range
            speed_ahead = np.where(is_near, speed + own.columns[RELATIVE], speed_ahead)
        return History(own.time, own.columns, speed, level, speed_ahead, self._safe(speed, speed_ahead, level))

    def _links(self, time: float, selected: int, cars: Cars) -> Links:
        front = np.full(int(cars.vehicle.max()) + 1, NO_ONE)
        front[cars.vehicle] = np.where(cars.ahead < 0, NO_ONE, cars.vehicle[cars.ahead])
        wanted = Wanted(selected, front)
        recent = RECENT_AIR if self.source.about.is_air else RECENT
        sender, receiver, arrived = self.source.messages(time - recent, time, wanted)
        shown = np.flatnonzero(~(arrived > time))[::-1]  # the last one first
        size = int(receiver.max(initial=0)) + 1
        _, last = np.unique(sender[shown] * size + receiver[shown], return_index=True)
        chosen = shown[last]
        return Links(sender[chosen], receiver[chosen], ~np.isnan(arrived[chosen]))

    def _faults(self) -> list[Span]:
        if len(self.source.happenings) != self._told_of:
            self._told_of = len(self.source.happenings)
            self._spans = list(happenings.spans(self.source.happenings))
            self._marks = _marks(self.source.happenings)
            self._groups = _groups(self.source.happenings)
        return self._spans

    def _level(self, columns: Mapping[str, NDArray[np.generic]]) -> Integers:
        """Levels (row,), `NO_LEVEL` where there is none."""
        name = f"los_{self.source.about.function}"
        if name not in columns:
            return np.full(len(columns["vehicle"]), NO_LEVEL)
        level = columns[name].astype(float)
        return np.where(np.isnan(level), NO_LEVEL, level).astype(np.int64)

    def _levels(self, parts: list[Rows], vehicles: Integers) -> tuple[Integers, Floats]:
        """Levels of these vehicles over time (instant, car)."""
        tables = []
        for part in parts:
            table = np.full((len(part.time), len(vehicles)), NOT_THERE, dtype=np.int64)
            vehicle, level = part.columns["vehicle"].astype(np.int64), self._level(part.columns)
            instant = np.repeat(np.arange(len(part.time)), np.diff(part.start))
            where = np.full(max(int(vehicle.max(initial=0)), int(vehicles.max())) + 1, -1)
            where[vehicles] = np.arange(len(vehicles))
            known = where[vehicle] >= 0
            table[instant[known], where[vehicle][known]] = level[known]
            tables.append(table)
        return np.concatenate(tables), np.concatenate([part.time for part in parts])


def _marks(events: Sequence[Happening]) -> Marks:
    marked = [each for each in events if each.kind in (happenings.SWITCH, happenings.VIOLATION)]
    return Marks(
        np.array([each.time for each in marked]),
        np.array([each.after for each in marked], dtype=np.int64),
        np.array([each.is_drop for each in marked], dtype=bool),
    )


def _groups(events: Sequence[Happening]) -> tuple[Floats, Integers, Integers]:
    """When (s) which vehicle came into whose group, in order of time (event,)."""
    told = [each for each in events if each.kind == happenings.GROUP]
    vehicle, leader = (
        np.array([getattr(each, name) for each in told], dtype=np.int64) for name in ("vehicle", "leader")
    )
    return np.array([each.time for each in told]), vehicle, leader


def _instants(parts: list[Rows], time: float) -> tuple[Rows, Rows | None]:
    """The last instant until `time`, or else the first one; and the one after it, where there is one."""
    found = [part.part(index, index + 1) for part in parts for index in _near(part, time)]
    before = [rows for rows in found if rows.time[0] <= time]
    after = [rows for rows in found if rows.time[0] > time]
    return (before[-1] if before else after.pop(0)), (after[0] if after else None)


def _near(part: Rows, time: float) -> range:
    place = int(np.searchsorted(part.time, time, side="right"))
    return range(max(place - 1, 0), min(place + 1, len(part.time)))


def _ahead(x: Floats, lane: Integers) -> Integers:
    """Place of the next car ahead in the same lane, -1: none."""
    order = np.lexsort((-x, lane))
    ahead = np.full(len(x), -1)
    same = lane[order[1:]] == lane[order[:-1]]
    ahead[order[1:][same]] = order[:-1][same]
    return ahead


def _told(values: Mapping[str, float], since: float) -> dict[str, float]:
    """Where each message that was heard puts its sender, `since` s later: carried on at the speed that it says."""
    found = {}
    for name in values:
        source = name.removesuffix(".position")
        age = values.get(f"{source}_age", np.nan)
        if name.endswith(".position") and age <= AHEAD_MOST and np.isfinite(values[name]):
            found[source] = values[name] + values.get(f"{source}.speed", 0.0) * (age + since)
    return found
