"""What is watched in every run, at every step: collisions, safe distance, and how long bad data kept command.

A signal is *bad* while the value that control would use is wrong by more than the tolerated amplitude, or while a
measurement that was due is missing; a component while it is down. A row is *exposed* to it while a level of service
whose rules name it has command. An exposure that a switch ends is a switch latency; one that outlasts the bound
violates the safety case, and its latency runs to the end of the fault. [safety model, sec. 1]
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from karyon.compiled import Ring, Tape
from karyon.control import rss
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
    minimum,
    of_design,
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

    def said(self, time: Integers, asked: Booleans, rows: Integers, out: Floats) -> None:
        """Puts into `out` (signal, of `rows`) what was true of these rows, at a `time` of each (of `rows`,).

        asked   of which the time counts; of the others it is what was true at the newest instant
        """
        np.take(self._values[self._last], rows, axis=1, out=out, mode="clip")
        places = np.flatnonzero(asked & (time != self.newest))
        if len(places):
            slot, is_known = self._slots(time[places])
            out[:, places] = np.where(is_known, self._values[slot, :, rows[places]].T, np.nan)

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
    exposed = each(_both, bad, inside)
    lasted = each(_lasted, before.since, inside, now, level_since)
    over = each(_is_over, before.since, lasted, bounds)
    counted = each(_is_counted, before.since, exposed, inside, over)
    worst = each(_worst, before.worst, lasted, counted, exposed, over)
    overdue = each(_either, before.overdue, over)
    since = each(_since, before.since, exposed, now)
    began = least(each(_began, before.since, counted, inside), NONE)
    exposed_now = Exposed(since, worst, overdue)
    return Ended(exposed_now, counted, before.since, lasted, anywhere(overdue), anywhere(counted), began)


def _is_inside(guard: Any, level: Any) -> Any:
    return level >= guard


def _both(one: Any, other: Any) -> Any:
    return one & other


def _either(one: Any, other: Any) -> Any:
    return one | other


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
        self._expose = expose
        self._ended: tuple[Ended, Integers]

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        if len(self._guards):
            self._expose = in_place(expose)

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
        ended = self._expose(self._state, now, bad, level, level_since, self._guards, self.bounds)
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


class Margins(NamedTuple):
    """Gap beyond the RSS distance (row,)."""

    reaction: Floats  # s, for which it is kept
    margin: Floats  # m
    safe_at_level: Booleans  # at the reaction time of the level in command


class Kept(NamedTuple):
    """After one step."""

    margins: Margins


def keep(
    before: Margins, gap: Floats, speed: Floats, front_speed: Floats, level: Integers, reactions: Column, braking: float
) -> Kept:
    """One step of `Distance`."""
    wanted = of_design(level, reactions)
    safe = gap - rss.safe_distance(speed, front_speed, wanted, braking) >= 0.0
    reaction = where(safe | (wanted < before.reaction), wanted, before.reaction)
    return Kept(Margins(reaction, gap - rss.safe_distance(speed, front_speed, reaction, braking), safe))


class Distance:
    """Gap against collision and the RSS distance of the level in command (row,)."""

    def __init__(self, reaction_times: Floats, braking: float, rows: int) -> None:
        self._reaction_times, self._braking = reaction_times[:, None], braking
        self._keep = keep
        self._margins = Margins(np.full(rows, reaction_times[0]), np.full(rows, np.inf), np.ones(rows, dtype=bool))

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._keep = in_place(keep)

    @property
    def reaction(self) -> Floats:
        """Reaction time in s for which the margin is kept (row,)."""
        return self._margins.reaction

    @property
    def margin(self) -> Floats:
        """In m (row,)."""
        return self._margins.margin

    @property
    def safe_at_level(self) -> Booleans:
        """Whether there would be one at the reaction time of the level in command (row,)."""
        return self._margins.safe_at_level

    def update(self, gap: Floats, speed: Floats, front_speed: Floats, level: Integers) -> None:
        """RSS margin in m: at the level's technical reaction time, the old one until the lower level's safe state."""
        told = gap, speed, front_speed, level, self._reaction_times, self._braking
        self._margins = self._keep(self._margins, *told).margins


class Blame:
    """Gaps below the safe distance that the car behind is not to blame for: another one has cut in (row,).

    Who cuts in is to blame for the distance that it leaves; who is behind it, for a wrong answer. It has its reaction
    time, and from then on the margin must grow until it is none below 0. [Shalev-Shwartz et al. 2017, sec. 3.5, 3.6]
    """

    def __init__(self, rows: int, *, can_begin: bool) -> None:
        """`can_begin`: another one may cut in."""
        self._since = np.full(rows, NONE, dtype=np.int64)
        self._before, self._nobody = np.zeros(rows), np.zeros(rows, dtype=bool)
        self._can_begin, self._is_begun = can_begin, False  # anywhere, at any time

    def begin(self, now: int, rows: Integers) -> None:
        """A car has cut in before these at `now` (ns)."""
        self._since[rows] = now
        self._is_begun |= len(rows) > 0

    def excused(self, now: int, margin: Floats, reaction_time: Floats) -> Booleans:
        """Where a negative margin (m) is not one's own fault; `reaction_time` in s, of the level in command (row,)."""
        if not self._can_begin:
            return self._nobody
        before, self._before = self._before, margin.copy()
        if not self._is_begun:
            return self._nobody
        begun = self._since != NONE
        waits = seconds(now, np.where(begun, self._since, now)) <= reaction_time
        answers = (margin < 0.0) & (margin > before)
        excused = begun & (waits | answers)
        self._since = np.where(excused, self._since, NONE)
        return np.asarray(excused)
