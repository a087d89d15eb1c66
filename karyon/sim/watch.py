"""What is watched in every run, at every step: collisions, safe distance, and how long bad data kept command.

A signal is *bad* while the value that control would use is wrong by more than the tolerated amplitude, or while a
measurement that was due is missing; a component while it is down. A row is *exposed* to it while a level of service
whose rules name it has command. An exposure that a switch ends is a switch latency; one that outlasts the bound
violates the safety case, and its latency runs to the end of the fault. [safety model, sec. 1]
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.control import rss
from karyon.perception.sensors import seconds

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

NONE = np.iinfo(np.int64).max


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

    def __init__(self, signals: int, rows: int) -> None:
        self._times = np.full(self.DEPTH, NONE, dtype=np.int64)
        self._values = np.full((self.DEPTH, signals, rows), np.nan)
        self._count = 0

    def keep(self, now: int, true: Floats) -> None:
        """What is true at `now` (signal, row)."""
        slot = self._count % self.DEPTH
        self._times[slot], self._values[slot] = now, true
        self._count += 1

    def at(self, time: Integers, rows: Integers | slice = slice(None)) -> Floats:
        """What was true of these rows at each `time` (signal, of `rows`); NaN where it is not known any more.

        Most ask for the newest instant; only the others are looked for.
        """
        newest = (self._count - 1) % self.DEPTH
        found = np.where(time == self._times[newest], self._values[newest][:, rows], np.nan)
        signal, row = np.nonzero(time != self._times[newest])
        if len(row):
            order = np.argsort(self._times)  # one that was never kept is later than all
            times, wanted = self._times[order], time[signal, row]
            place = np.minimum(np.searchsorted(times, wanted), self.DEPTH - 1)
            car = row if isinstance(rows, slice) else rows[row]
            kept = self._values[order[place], signal, car]
            found[signal, row] = np.where(times[place] == wanted, kept, np.nan)
        return found


class Exposure:
    """Exposures of `rows` to guarded items (signals and components).

    guards   per item the lowest level whose rules name it: below it the item does no harm
    bounds   s, per item and row (item, row); `bounds[item, row]` may be set when a fault begins
    """

    def __init__(self, guards: Integers, bounds: Floats) -> None:
        self.bounds = bounds
        self._guards = guards[:, None]
        shape = bounds.shape
        self._since = np.full(shape, NONE, dtype=np.int64)
        self.worst = np.zeros(shape)
        self.overdue = np.zeros(shape, dtype=bool)

    def update(self, now: int, bad: Booleans, level: Integers, level_since: Integers) -> list[Latency]:
        """One step: which items are bad (item, row), the level in command and since when (row,).

        Returns the exposures that a switch, or the end of the failure after its bound, has ended.
        """
        inside = level >= self._guards
        exposed = bad & inside
        running = self._since != NONE
        ended = running & ~exposed
        lasted = seconds(np.where(inside, now, level_since), np.where(running, self._since, now))
        over = running & (lasted > self.bounds)
        self.overdue |= over
        counted = ended & (~inside | over)
        self.worst = np.where(counted | (exposed & over), np.maximum(self.worst, lasted), self.worst)
        found = [
            Latency(int(i), int(r), int(self._since[i, r]), float(lasted[i, r]), not bool(inside[i, r]))
            for i, r in zip(*np.nonzero(counted), strict=True)
        ]
        self._since = np.where(exposed, np.where(running, self._since, now), NONE)
        return found

    def left(self, rows: slice) -> float:
        """Least share of its bound that an exposure has left in these rows when it ended: 1, and below 0 beyond it."""
        bounds = self.bounds[:, rows]
        used = self.worst[:, rows] / np.where(np.isfinite(bounds), bounds, np.inf)
        return float((1.0 - used).min(initial=1.0))

    def close(self, now: int) -> list[Latency]:
        """The run ends: exposures that still run are counted when they are over their bound."""
        nothing = np.zeros(self._since.shape, dtype=bool)
        rows = self.bounds.shape[-1]
        everywhere = np.full(rows, np.iinfo(np.int64).max)
        return self.update(now, nothing, everywhere, np.full(rows, now))


class Distance:
    """Gap against collision and the RSS distance of the level in command (row,)."""

    def __init__(self, reaction_times: Floats, braking: float, rows: int) -> None:
        self._reaction_times, self._braking = reaction_times, braking
        self.reaction = np.full(rows, reaction_times[0])
        self.margin = np.full(rows, np.inf)
        self.safe_at_level = np.ones(rows, dtype=bool)

    def update(self, gap: Floats, speed: Floats, front_speed: Floats, level: Integers) -> None:
        """RSS margin in m: at the level's technical reaction time, the old one until the lower level's safe state."""
        wanted = self._reaction_times[level]
        at_level = gap - rss.safe_distance(speed, front_speed, wanted, self._braking)
        self.safe_at_level = at_level >= 0.0
        self.reaction = np.where(self.safe_at_level | (wanted < self.reaction), wanted, self.reaction)
        self.margin = gap - rss.safe_distance(speed, front_speed, self.reaction, self._braking)


class Blame:
    """Gaps below the safe distance that the car behind is not to blame for: another one has cut in (row,).

    Who cuts in is to blame for the distance that it leaves; who is behind it, for a wrong answer. It has its reaction
    time, and from then on the margin must grow until it is none below 0. [Shalev-Shwartz et al. 2017, sec. 3.5, 3.6]
    """

    def __init__(self, rows: int) -> None:
        self._since = np.full(rows, NONE, dtype=np.int64)
        self._before = np.zeros(rows)
        self._is_begun = False  # anywhere, at any time

    def begin(self, now: int, rows: Integers) -> None:
        """A car has cut in before these at `now` (ns)."""
        self._since[rows] = now
        self._is_begun |= len(rows) > 0

    def excused(self, now: int, margin: Floats, reaction_time: Floats) -> Booleans:
        """Where a negative margin (m) is not one's own fault; `reaction_time` in s, of the level in command (row,)."""
        before, self._before = self._before, margin
        if not self._is_begun:
            return np.zeros(margin.shape, dtype=bool)
        begun = self._since != NONE
        waits = seconds(now, np.where(begun, self._since, now)) <= reaction_time
        answers = (margin < 0.0) & (margin > before)
        excused = begun & (waits | answers)
        self._since = np.where(excused, self._since, NONE)
        return np.asarray(excused)
