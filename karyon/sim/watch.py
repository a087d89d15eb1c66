"""What is watched in every run, at every step: collisions, safe distance, and how long bad data kept command.

A signal is *bad* while the value that control would use is wrong by more than the tolerated amplitude, or while a
measurement that was due is missing; a component while it is down. A row is *exposed* to it while a level of service
whose rules name it has command. An exposure that a switch ends is a switch latency; one that outlasts the bound
violates the safety case, and its latency runs to the end of the fault. [safety model, sec. 1]
"""

import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from karyon.compiled import Ring, Tape
from karyon.kernel.elementwise import (
    BooleanTable,
    Column,
    Compiler,
    FloatTable,
    TimeTable,
    anywhere,
    at_least,
    each,
    least,
    maximum,
    minimum,
    where,
)
from karyon.kernel.runtime import Booleans, Floats
from karyon.kernel.runtime import Ticks as Integers
from karyon.perception.sensors import seconds

NONE = 2**63 - 1  # ns


@dataclass(frozen=True, slots=True)
class Latency:
    """One exposure that ended: of which item, in which row, when it began, how long it lasted (s), whether switched."""

    item: int
    row: int
    since: int
    seconds: float
    switched: bool


class Truth:
    """What was true when a measurement was made, which may be some time ago (signal, row).

    Kept for `DEPTH` instants: an older measurement is late by any rule, and not also called wrong.
    """

    DEPTH = 16

    def __init__(self, signals: int, rows: int, tape: Tape | None = None) -> None:
        """`tape`: that may record what is kept."""
        self._times = np.full(self.DEPTH, NONE, dtype=np.int64)
        self._values = np.full((self.DEPTH, signals, rows), np.nan)
        self._rings, self._tape = (Ring(self._times[:, None]), Ring(self._values)), tape or Tape()

    @property
    def newest(self) -> int:
        """The last instant that was kept, ns."""
        return int(self._times[self._last])

    def keep(self, now: int, true: Floats) -> None:
        """What is true at `now` (signal, row)."""
        times, values = self._rings
        self._tape.mark(times, now)
        self._tape.keep(values, [*true])

    @property
    def _last(self) -> int:
        """Where the newest is."""
        return (int(self._rings[1].place[0]) - 1) % self.DEPTH

    def at(self, time: Integers) -> Floats:
        """What was true at each `time` (signal, row); NaN where it is not known any more.

        Most ask for the newest instant; only the others are looked for.
        """
        found: Floats = self._values[self._last].copy()
        signal, row = np.nonzero(time != self.newest)
        if len(row):
            slot, is_known = self._slots(time[signal, row])
            found[signal, row] = np.where(is_known, self._values[slot, signal, row], np.nan)
        return found

    def said(self, time: Integers, asked: Booleans, rows: Integers) -> Floats:
        """What was true of these rows, at a `time` of each (of `rows`,): (signal, of `rows`).

        asked   of which the time counts; of the others it is what was true at the newest instant
        """
        found: Floats = np.take(self._values[self._last], rows, axis=1)
        places = np.flatnonzero(asked & (time != self.newest))
        if len(places):
            slot, is_known = self._slots(time[places])
            found[:, places] = np.where(is_known, self._values[slot, :, rows[places]].T, np.nan)
        return found

    def _slots(self, wanted: Integers) -> tuple[Integers, Booleans]:
        """Where each instant is kept, and whether it is."""
        order = np.argsort(self._times)  # one that was never kept is later than all
        times = self._times[order]
        place = np.minimum(np.searchsorted(times, wanted), self.DEPTH - 1)
        return order[place], times[place] == wanted


class Exposed(NamedTuple):
    """State of the exposures to each item."""

    since: TimeTable  # ns, `NONE`: not exposed
    worst: FloatTable  # s, of those that are counted
    overdue: BooleanTable  # beyond its bound at any time


class Ended(NamedTuple):
    """After one step: the state, and the exposures that have ended and count; when they began, and how long, s.

    began   when the first of those began that a switch has ended, `NONE`: no switch has ended any
    """

    exposed: Exposed
    counted: BooleanTable
    since: TimeTable
    lasted: FloatTable
    late: Booleans  # beyond the bound of any item
    is_counted: Booleans  # of any item
    began: Integers


def expose(
    before: Exposed,
    now: int,
    bad: BooleanTable,
    level: Integers,
    level_since: Integers,
    guards: Column,
    bounds: FloatTable,
) -> Ended:
    """One step of `Exposure`."""
    inside = each(_is_inside, guards, level)
    exposed = each(operator.and_, bad, inside)
    lasted = each(_lasted, before.since, inside, now, level_since)
    over = each(_is_over, before.since, lasted, bounds)
    counted = each(_is_counted, before.since, exposed, inside, over)
    worst = each(_worst, before.worst, lasted, counted, exposed, over)
    overdue = each(operator.or_, before.overdue, over)
    since = each(_since, before.since, exposed, now)
    began = least(each(_began, before.since, counted, inside), NONE)
    exposed_now = Exposed(since, worst, overdue)
    return Ended(exposed_now, counted, before.since, lasted, anywhere(overdue), anywhere(counted), began)


class Handling(NamedTuple):
    """State of the exposures; since when each row handles a fault, ns, `NONE`: none; how long it did at most, s."""

    exposed: Exposed
    since: Integers
    longest: Floats


class Handled(NamedTuple):
    """After one step: the state, and what has happened, as `Ended` has it.

    outlasts   where bad data has begun to have command for longer than its bound (row,)
    """

    handling: Handling
    counted: BooleanTable
    lasted: FloatTable
    is_counted: Booleans
    outlasts: Booleans


def handle(
    before: Handling,
    now: int,
    bad: BooleanTable,
    level: Integers,
    level_since: Integers,
    guards: Column,
    bounds: FloatTable,
    is_safe: Booleans,
) -> Handled:
    """One step of exposures. A fault is handled once the state is safe at the level that was switched to."""
    ended = expose(before.exposed, now, bad, level, level_since, guards, bounds)
    since = minimum(before.since, ended.began)
    waits = since != NONE
    lasts = seconds(maximum(level_since, now), where(waits, since, now))
    longest = where(waits, maximum(before.longest, lasts), before.longest)
    state = Handling(ended.exposed, where(waits & is_safe, NONE, since), longest)
    outlasts = ended.late & ~anywhere(before.exposed.overdue)
    return Handled(state, ended.counted, ended.lasted, ended.is_counted, outlasts)


def _is_inside(guard: Any, level: Any) -> Any:
    return level >= guard


def _lasted(since: Any, inside: Any, now: int, level_since: Any) -> Any:
    return seconds(where(inside, now, level_since), minimum(since, now))


def _is_over(since: Any, lasted: Any, bound: Any) -> Any:
    return (since != NONE) & (lasted > bound)


def _is_counted(since: Any, exposed: Any, inside: Any, over: Any) -> Any:
    return (since != NONE) & ~exposed & (~inside | over)


def _worst(worst: Any, lasted: Any, counted: Any, exposed: Any, over: Any) -> Any:
    return where(counted | (exposed & over), at_least(worst, lasted), worst)


def _began(since: Any, counted: Any, inside: Any) -> Any:
    return where(counted & ~inside, since, NONE)


def _since(since: Any, exposed: Any, now: int) -> Any:
    return where(exposed, minimum(since, now), NONE)


class Exposure:
    """Exposures of `rows` to guarded items (signals and components).

    guards   per item the lowest level whose rules name it: below it the item does no harm
    bounds   s, per item and row (item, row); `bounds[item, row]` may be set when a fault begins
    """

    def __init__(self, guards: Integers, bounds: Floats) -> None:
        self.bounds = np.ascontiguousarray(bounds)
        self._guards = guards[:, None].astype(float)
        shape = bounds.shape
        self._state = Exposed(np.full(shape, NONE), np.zeros(shape), np.zeros(shape, dtype=bool))
        self._ended: tuple[Ended, Integers]

    @property
    def worst(self) -> Floats:
        """Of the exposures that count so far (item, row), s."""
        return self._state.worst

    @property
    def overdue(self) -> Booleans:
        """Which were beyond their bound at any time (item, row)."""
        return self._state.overdue

    def update(self, now: int, bad: Booleans, level: Integers, level_since: Integers) -> Ended:
        """One step: which items are bad (item, row), the level in command and since when (row,)."""
        ended = expose(self._state, now, bad, level, level_since, self._guards, self.bounds)
        self._state, self._ended = ended.exposed, (ended, level)
        return ended

    def switched(self, level: Integers) -> Booleans:
        """Whether a row at this level (entry,) is not exposed to an item any more (item, entry)."""
        return np.asarray(level < self._guards)

    def ended(self) -> list[Latency]:
        """The exposures that a switch, or the end of the failure after its bound, has ended in the last step."""
        ended, level = self._ended
        switched = self.switched(level)
        return [
            Latency(int(i), int(r), int(ended.since[i, r]), float(ended.lasted[i, r]), bool(switched[i, r]))
            for i, r in zip(*np.nonzero(ended.counted), strict=True)
        ]

    def left(self, rows: slice) -> float:
        """Least share of its bound that an exposure has left in these rows when it ended: 1, and below 0 beyond it."""
        bounds = self.bounds[:, rows]
        used = self.worst[:, rows] / np.where(np.isfinite(bounds), bounds, np.inf)
        return float((1.0 - used).min(initial=1.0))

    def close(self, now: int) -> None:
        """The run ends: exposures that still run are counted when they are over their bound."""
        nothing = np.zeros(self.bounds.shape, dtype=bool)
        rows = self.bounds.shape[-1]
        everywhere = np.full(rows, np.iinfo(np.int64).max)
        self.update(now, nothing, everywhere, np.full(rows, now))


class Handlings(Exposure):
    """Exposures, and how long it took to handle the faults behind them."""

    def __init__(self, guards: Integers, bounds: Floats) -> None:
        super().__init__(guards, bounds)
        rows = bounds.shape[-1]
        self._handling, self._handle = Handling(self._state, np.full(rows, NONE), np.zeros(rows)), handle

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        if len(self._guards):
            self._handle = in_place(handle)

    @property
    def longest(self) -> Floats:
        """Of each row (row,), s."""
        return self._handling.longest

    def step(self, now: int, bad: Booleans, level: Integers, level_since: Integers, is_safe: Booleans) -> Handled:
        """As `update`; `is_safe`: whether the state is, at the level in command (row,)."""
        handled = self._handle(self._handling, now, bad, level, level_since, self._guards, self.bounds, is_safe)
        self._handling, self._state = handled.handling, handled.handling.exposed
        return handled
