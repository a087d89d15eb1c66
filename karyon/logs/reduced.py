"""A judged log of any length as so many columns of a picture: in each the least, the most, and every alarm.

    Axis                time as columns
    Lowest, Extremes    the lowest value of each column and its time; the same of both sides
    Lowered             which detectors lowered a sample of the column, and which of them with an alarm
    signals, messages   the reductions of a judged log, in two passes over its blocks and bounded memory

Nothing is averaged away: an alarm of one sample among millions leaves its mark in the column where it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.logs.judging import CALLED, Tally
from karyon.logs.tables import Block, LogError
from karyon.perception.sensors import Booleans, Floats

Integers = NDArray[np.int64]

COLUMNS = 1128  # pixels of a panel: 5.64 inches at 200 dots per inch
NAMES_MAX = 62  # detectors that are told apart: bits of a whole number


@dataclass(slots=True)
class Axis:
    """The time axis, s: from the first row to the last."""

    begin: float = inf
    end: float = -inf
    rows: int = 0
    last: float = -inf

    @property
    def width(self) -> float:
        """Of a column, s."""
        return (self.end - self.begin) / COLUMNS if self.end > self.begin else 1.0 / COLUMNS

    @property
    def edges(self) -> Floats:
        """Where the columns begin, and where the last one ends (COLUMNS + 1,)."""
        return np.asarray(self.begin + self.width * np.arange(COLUMNS + 1), dtype=np.float64)

    def rising(self, time: Floats) -> Floats:
        """Time of each row (row,), that of the row before where it is missing or goes back; keeps the last one."""
        rising = np.fmax.accumulate(np.concatenate([[self.last], time]))[1:]
        self.last = float(rising[-1]) if len(rising) else self.last
        return np.asarray(np.where(np.isfinite(rising), rising, self.begin), dtype=np.float64)

    def measure(self, time: Floats) -> None:
        """Make room for more rows."""
        known = time[np.isfinite(time)]
        self.rows += len(time)
        self.begin = min(self.begin, float(known.min(initial=inf)))
        self.end = max(self.end, float(known.max(initial=-inf)))

    def column(self, time: Floats) -> Integers:
        """Column of each row (row,); the first one of a row without a time."""
        passed = np.where(np.isfinite(time), time - self.begin, 0.0)
        return np.clip((passed / self.width).astype(np.int64), 0, COLUMNS - 1)

    def again(self) -> "Axis":
        """The same axis for another pass."""
        return Axis(self.begin, self.end, self.rows)


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of a block that fall in one column: the columns, and the first row of each (part,)."""

    column: Integers
    start: Integers
    rows: int

    @classmethod
    def of(cls, column: Integers) -> "Parts":
        """Of rows with these columns (row,), which never fall."""
        start = np.flatnonzero(np.diff(column, prepend=-1))
        return cls(column[start], start, len(column))

    def spread(self, found: NDArray[np.generic]) -> NDArray[np.generic]:
        """What holds for a part, for each of its rows."""
        return np.repeat(found, np.diff(self.start, append=self.rows))


@dataclass(slots=True)
class Lowest:
    """The lowest value of each column, inf where there is none, and its time (COLUMNS,)."""

    value: Floats = field(default_factory=lambda: np.full(COLUMNS, inf))
    time: Floats = field(default_factory=lambda: np.full(COLUMNS, np.nan))

    def add(self, parts: Parts, time: Floats, value: Floats) -> None:
        """Take in the rows of a block; NaN is no value."""
        filled = np.where(np.isnan(value), inf, value)
        low = np.minimum.reduceat(filled, parts.start)
        place = np.where(filled == parts.spread(low), np.arange(parts.rows), parts.rows)
        at = np.minimum.reduceat(place, parts.start)
        is_lower = low < self.value[parts.column]
        column = parts.column[is_lower]
        self.value[column], self.time[column] = low[is_lower], time[at[is_lower]]


@dataclass(slots=True)
class Extremes:
    """The lowest and the highest value of each column."""

    lowest: Lowest = field(default_factory=Lowest)
    negated: Lowest = field(default_factory=Lowest)

    def add(self, parts: Parts, time: Floats, value: Floats) -> None:
        """Take in the rows of a block; NaN is no value."""
        self.lowest.add(parts, time, value)
        self.negated.add(parts, time, -value)

    @property
    def any(self) -> Booleans:
        """Which columns have a value."""
        return self.lowest.value < inf

    @property
    def low(self) -> Floats:
        """NaN where there is no value."""
        return np.where(self.any, self.lowest.value, np.nan)

    @property
    def high(self) -> Floats:
        """NaN where there is no value."""
        return np.where(self.any, -self.negated.value, np.nan)

    def points(self) -> tuple[Integers, Floats, Floats]:
        """Column, time and value of both extremes of each column, in order of time."""
        (column,) = np.nonzero(self.any)
        time = np.stack([self.lowest.time[column], self.negated.time[column]], axis=1)
        value = np.stack([self.low[column], self.high[column]], axis=1)
        order = np.argsort(time, axis=1, kind="stable")
        time, value = (np.take_along_axis(each, order, axis=1).ravel() for each in (time, value))
        return np.repeat(column, 2), time, value


@dataclass(slots=True)
class Lowered:
    """Which detectors lowered a sample of each column, and which did so in an alarm, by the bits of `names`."""

    names: list[str] = field(default_factory=list)
    lowered: Integers = field(default_factory=lambda: np.zeros(COLUMNS, dtype=np.int64))
    alarmed: Integers = field(default_factory=lambda: np.zeros(COLUMNS, dtype=np.int64))

    def add(self, parts: Parts, detectors: pa.ChunkedArray, low: Booleans) -> None:
        """Take in the detectors (row,), `;` between their names, and whether the row is part of an alarm."""
        coded = detectors.fill_null("").combine_chunks().dictionary_encode()
        bits = np.array([self._bits(text) for text in coded.dictionary.to_pylist()], dtype=np.int64)
        mask = bits[coded.indices.to_numpy(zero_copy_only=False)] if len(bits) else np.zeros(parts.rows, np.int64)
        self.lowered[parts.column] |= np.bitwise_or.reduceat(mask, parts.start)
        self.alarmed[parts.column] |= np.bitwise_or.reduceat(np.where(low, mask, 0), parts.start)

    def of(self, name: str) -> tuple[Booleans, Booleans]:
        """Columns in which the detector lowered a sample, and those where it did so in an alarm."""
        bit = 1 << self.names.index(name)
        return (self.lowered & bit) > 0, (self.alarmed & bit) > 0

    def _bits(self, text: str | None) -> int:
        mask = 0
        for name in (text or "").split(";"):
            if name and name not in self.names and len(self.names) < NAMES_MAX:
                self.names.append(name)
            mask |= 1 << self.names.index(name) if name in self.names else 0
        return mask


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows of a log and what was judged of them: a block as it was judged, the recorded values, and a table."""

    block: Block
    recorded: Floats
    judged: pa.Table


@dataclass(slots=True)
class Signal:
    """A signal in columns.

    values     as they were judged, in the signal's unit
    recorded   the healthy ones where failures were put into the log
    alarmed    those of samples below validity CALLED
    validity   of all rows, also of those without a sample
    rows       whether there is any; failing: whether the sample of one is not healthy (COLUMNS,)

    A row whose time goes back is where the one before it is.
    """

    tally: Tally
    values: Extremes = field(default_factory=Extremes)
    recorded: Extremes = field(default_factory=Extremes)
    alarmed: Extremes = field(default_factory=Extremes)
    validity: Lowest = field(default_factory=Lowest)
    lowered: Lowered = field(default_factory=Lowered)
    rows: Booleans = field(default_factory=lambda: np.zeros(COLUMNS, dtype=bool))
    failing: Booleans = field(default_factory=lambda: np.zeros(COLUMNS, dtype=bool))

    def add(self, parts: Parts, time: Floats, seen: Seen, place: int) -> None:
        """Take in the rows of a block, in which this is signal number `place`."""
        name, value = self.tally.name, seen.block.values[place]
        validity = numbers(seen.judged[f"{name}_validity"])
        low = validity < CALLED
        self.values.add(parts, time, value)
        self.alarmed.add(parts, time, np.where(low, value, np.nan))
        self.validity.add(parts, time, validity)
        self.lowered.add(parts, seen.judged[f"{name}_detectors"], low)
        self.rows[parts.column] = True
        if f"{name}_fault" in seen.judged.column_names:
            failing = numbers(seen.judged[f"{name}_fault"]) > 0
            self.recorded.add(parts, time, seen.recorded[place])
            self.failing[parts.column] |= np.logical_or.reduceat(failing, parts.start)


def numbers(column: pa.ChunkedArray) -> Floats:
    """A column of a judged file, NaN where it is empty (row,)."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def signals(
    passes: Callable[[], Iterable[Seen]], limits: dict[str, float], most: int
) -> tuple[Axis, list[Tally], list[Signal]]:
    """The time axis, what became of all signals, and the reductions of those `most` with the most alarms.

    `passes` goes through the log from its first row each time it is called; `limits` are the age limits by name.
    """
    axis, tallies = Axis(), [Tally(name, limit) for name, limit in limits.items()]
    for seen in _until_fault(passes()):
        axis.measure(seen.block.time)
        for place, tally in enumerate(tallies):
            _count(tally, seen, place)
    chosen = sorted(sorted(range(len(tallies)), key=lambda place: -tallies[place].alarms)[:most])
    found = {place: Signal(tallies[place]) for place in chosen}
    again = axis.again()
    for seen in _until_fault(passes()):
        time = again.rising(seen.block.time)
        parts = Parts.of(axis.column(time))
        for place, signal in found.items():
            signal.add(parts, time, seen, place)
    return axis, tallies, list(found.values())


def _count(tally: Tally, seen: Seen, place: int) -> None:
    detectors = np.zeros(0, dtype=object)
    if tally.first is None:
        detectors = seen.judged[f"{tally.name}_detectors"].to_numpy()
    validity = numbers(seen.judged[f"{tally.name}_validity"])
    tally.add(seen.block.time, validity, np.isfinite(seen.block.values[place]), detectors)


def _until_fault(passing: Iterable[Seen]) -> Iterator[Seen]:
    """What comes before the fault with which a log may end: it was told when the log was judged."""
    try:
        for seen in passing:
            if len(seen.block.time):
                yield seen
    except LogError:
        return


@dataclass(slots=True)
class Sender:
    """The messages of a sender in columns: their number, and the lowest validity (COLUMNS,)."""

    name: str
    messages: int = 0
    low: int = 0
    validity: Lowest = field(default_factory=Lowest)


@dataclass(slots=True)
class Traffic:
    """All messages in columns: how many, how many of them below CALLED (COLUMNS,), and which checks lowered them.

    checks   messages that each check lowered in an alarm
    """

    messages: Integers = field(default_factory=lambda: np.zeros(COLUMNS, dtype=np.int64))
    low: Integers = field(default_factory=lambda: np.zeros(COLUMNS, dtype=np.int64))
    lowered: Lowered = field(default_factory=Lowered)
    checks: dict[str, int] = field(default_factory=dict)

    def add(self, parts: Parts, detectors: pa.ChunkedArray, low: Booleans) -> None:
        """Take in the messages of a part of the file."""
        self.messages[parts.column] += np.add.reduceat(np.ones(parts.rows, dtype=np.int64), parts.start)
        self.low[parts.column] += np.add.reduceat(low.astype(np.int64), parts.start)
        self.lowered.add(parts, detectors, low)
        counted = detectors.combine_chunks().filter(pa.array(low)).value_counts()
        for each in counted.to_pylist():
            for name in filter(None, (each["values"] or "").split(";")):
                self.checks[name] = self.checks.get(name, 0) + each["counts"]


def messages(
    passes: Callable[[], Iterable[pa.Table]], most: int
) -> tuple[Axis, dict[str, tuple[int, int]], list[Sender], Traffic]:
    """The time axis, messages and those below CALLED by sender, the reductions of those `most` senders with the most of
    the latter, and of all messages.

    `passes` goes through the judged file from its first row each time it is called.
    """
    axis, counts = Axis(), dict[str, tuple[int, int]]()
    for table in passes():
        axis.measure(numbers(table["time"]))
        low = numbers(table["validity"]) < CALLED
        for name, mine in _by_sender(table):
            before = counts.get(name, (0, 0))
            counts[name] = before[0] + len(mine), before[1] + int(low[mine].sum())
    chosen = sorted(counts, key=lambda name: (-counts[name][1], -counts[name][0]))[:most]
    found = {name: Sender(name, *counts[name]) for name in chosen}
    traffic = Traffic()
    for part in passes():
        table = part.take(np.argsort(axis.column(numbers(part["time"])), kind="stable"))
        time, validity = numbers(table["time"]), numbers(table["validity"])
        column = axis.column(time)
        traffic.add(Parts.of(column), table["detectors"], validity < CALLED)
        for name, mine in _by_sender(table):
            if name in found:
                found[name].validity.add(Parts.of(column[mine]), time[mine], validity[mine])
    return axis, counts, list(found.values()), traffic


def _by_sender(table: pa.Table) -> Iterator[tuple[str, Integers]]:
    """Each sender, and the rows with its messages."""
    coded = table["sender"].combine_chunks().dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order], append=-2)) + 1
    for mine in np.split(order, ends[:-1]):
        code = int(codes[mine[0]]) if len(mine) else -1
        yield ("nobody" if code < 0 else str(coded.dictionary[code].as_py())), mine
