"""Validity of every sample or message of a log, block by block, in the order of its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf, nan
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon import compiled
from karyon.logs import inject_options
from karyon.logs.faults import Faults
from karyon.logs.fused import Fusion
from karyon.logs.inject import Change, Injected
from karyon.logs.sensors_file import Beside, Bound, Fields, MessageLog, Signals
from karyon.logs.tables import NAMES_SHOWN, Block, Log, LogError, Stamps
from karyon.perception.chain import DETECTORS, Chain
from karyon.perception.messages import Memory, Messages, judge
from karyon.perception.ranging import Ranged, Ranging
from karyon.perception.reception import Reception
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import Booleans, Floats
from karyon.sim.documents import quoted

CALLED = 0.5  # validity below which a sample counts as an alarm
PART = 5000  # rows that are judged before they are written: what may be lost when someone cannot wait
OWN_AGE = 2.0  # s for which the receiver's own position is carried on by its speed


@dataclass(slots=True)
class Tally:
    """What became of one signal, or of all messages.

    samples    that were present
    alarms     stretches of samples below CALLED
    low        samples below CALLED
    first      time and detectors of the first alarm
    silences   times without a sample for longer than `age_limit`
    longest    of these, s
    """

    name: str
    age_limit: float = inf
    samples: int = 0
    alarms: int = 0
    low: int = 0
    first: tuple[float, str] | None = None
    silences: int = 0
    longest: float = 0.0
    _is_low: bool = field(default=False)
    _last: float = field(default=nan)  # time of the last sample
    _silent: bool = field(default=False)  # counted already

    def add(self, time: Floats, validity: Floats, present: Booleans, detectors: NDArray[np.object_]) -> None:
        """Count the samples of a block (row,)."""
        low = (validity < CALLED)[present]
        begins = low & ~np.concatenate([[self._is_low], low[:-1]])
        if self.first is None and begins.any():
            at = np.flatnonzero(present)[np.argmax(begins)]
            self.first = float(time[at]), str(detectors[at])
        self.samples, self.low = self.samples + low.size, self.low + int(low.sum())
        self.alarms += int(begins.sum())
        self._is_low = bool(low[-1]) if low.size else self._is_low
        self._listen(time, present)

    def _listen(self, time: Floats, present: Booleans) -> None:
        """Count the silences that end in these rows, and the one that lasts beyond them."""
        heard = time[present & np.isfinite(time)]
        gaps = np.diff(np.concatenate([[self._last], heard]))
        silent = gaps[gaps > self.age_limit]
        self.silences += silent.size - (self._silent and bool(heard.size))
        self._last, self._silent = (float(heard[-1]), False) if heard.size else (self._last, self._silent)
        known = time[np.isfinite(time)]
        lasting = float(known[-1]) - self._last if known.size else 0.0
        if lasting > self.age_limit and not self._silent:
            self.silences, self._silent = self.silences + 1, True
        self.longest = max([self.longest, *silent, lasting if self._silent else 0.0])


class Judge(Protocol):
    """Turns the blocks of a log into tables of judgements; `changes` is what failures put into it did."""

    schema: pa.Schema
    tallies: list[Tally]
    changes: list[Change]
    senders: dict[str, tuple[int, int]]  # messages of each, and those below CALLED
    period: float  # s, of the log by its description; 0: none

    def tables(self) -> Iterator[pa.Table]:
        """One table per block, with a row per row of the log that counts."""


def _judge_of(beside: Beside) -> Ranging | Reception:
    known = beside.known
    return Ranging(known, len(beside.columns)) if isinstance(known, Ranged) else known


class SignalJudge:
    """Judges samples: columns `time`, and of each signal its validity, its age and the detectors that lowered it.

    Of an abstract sensor there is its value, too, and in place of detectors the signals that are wrong.

    With failures put into the log there is also a column of each signal that is 1 where its sample is not healthy.
    """

    def __init__(self, log: Log, described: Signals, inject: Sequence[str] = (), seed: int = 0) -> None:
        """Raises LogError where the log has none of the signals, InputError with all faults of the options `inject`."""
        self._bound: Bound = described.bound(log.names)
        if not self._bound.signals:
            raise _without_signals(log, described)
        bound = self._bound
        self._chain = Chain(
            bound.signals, bound.relations, bound.period, events=bound.events, additional=bound.additional
        )
        names = tuple(dict.fromkeys(each.name for each in bound.additional))
        beside = [column for each in bound.beside for column in each.columns]
        self._beside = [(each, _judge_of(each)) for each in bound.beside]
        self._detectors = (*DETECTORS, *names, *dict.fromkeys(each.detector for each in bound.beside))
        tolerated = np.array([signal.tolerated for signal in bound.signals])
        self._fused = [(each, Fusion(each, tolerated)) for each in bound.fused]
        self.tallies = [Tally(signal.name, signal.age_limit) for signal in bound.signals]
        self.tallies += [Tally(each.name) for each in bound.fused]
        blocks = log.blocks([*bound.columns, *beside], described.stamps())
        put = inject_options.read(inject, described, self._bound)
        self._injected = Injected(blocks, put, len(bound.signals), seed)
        self.changes = self._injected.changes
        self.senders: dict[str, tuple[int, int]] = {}
        self.period = bound.period if described.time else 0.0
        self._has_labels = bool(put)
        fields = [pa.field("time", pa.float64())]
        for signal in self._bound.signals:
            fields += [
                pa.field(f"{signal.name}_validity", pa.float64()),
                pa.field(f"{signal.name}_age", pa.float64()),
                pa.field(f"{signal.name}_detectors", pa.string()),
                *([pa.field(f"{signal.name}_fault", pa.int8())] if put else []),
            ]
        for sensor in bound.fused:
            columns = {"value": pa.float64(), "validity": pa.float64(), "age": pa.float64(), "detectors": pa.string()}
            fields += [pa.field(f"{sensor.name}_{what}", kind) for what, kind in columns.items()]
        self.schema = pa.schema(fields)

    def tables(self) -> Iterator[pa.Table]:
        """One table per block. Raises LogError; InputError where a failure begins after the end of the log."""
        rows, is_slow = 0, compiled.is_installed()
        for block, label in self._injected:
            for first in range(0, len(block.time), PART):
                if is_slow and rows >= PART:  # a log that is longer is worth the time of compiling
                    self._chain.quicken(compiled.compiled, compiled.in_series)
                    is_slow = False
                part = block.part(first, first + PART)
                rows += len(part.time)
                yield self._judged(part, label[:, first : first + PART])

    def _judged(self, block: Block, label: Booleans) -> pa.Table:
        signals = len(self._bound.signals)
        values, beside = block.values[:signals], block.values[signals:]
        validity, age, lowered = self._chained(block.time, values)
        for each, judge_of_it in self._beside:
            columns, beside = beside[: len(each.columns)], beside[len(each.columns) :]
            opinion = judge_of_it.opinions(block.time, values[each.signal], columns)
            validity[each.signal] = np.fmin(validity[each.signal], opinion)
            lowered[self._detectors.index(each.detector), each.signal] |= opinion < DOUBT
        arrays = [pa.array(block.time, from_pandas=True)]
        for signal, tally in enumerate(self.tallies[:signals]):
            detectors = _names(lowered[:, signal], self._detectors)
            tally.add(block.time, validity[signal], np.isfinite(values[signal]), detectors)
            arrays += [
                pa.array(np.round(validity[signal], 6)),
                pa.array(np.round(age[signal], 6)),
                pa.array(detectors, pa.string()),
                *([pa.array(label[signal], pa.int8())] if self._has_labels else []),
            ]
        arrays += self._together(block.time, values, validity, age)
        return pa.table(arrays, schema=self.schema)

    def _together(self, time: Floats, values: Floats, validity: Floats, age: Floats) -> Iterator[pa.Array]:
        """The columns of the abstract sensors."""
        for (sensor, fusion), tally in zip(self._fused, self.tallies[len(self._bound.signals) :], strict=True):
            fused, oldest = fusion.step(values, validity, age)
            named = _names(fused.faulty, [self._bound.signals[each].name for each in sensor.signals])
            tally.add(time, fused.validity, fusion.came(values), named)
            yield pa.array(fused.value, from_pandas=True)
            yield from (pa.array(np.round(each, 6)) for each in (fused.validity, oldest))
            yield pa.array(named, pa.string())

    def _chained(self, time: Floats, values: Floats) -> tuple[Floats, Floats, Booleans]:
        """Validity and age (signal, row) by the chain, and where each detector lowered it (detector, signal, row)."""
        judged = self._chain.steps(time, values)
        lowered = np.zeros((len(self._detectors), *values.shape), dtype=bool)
        lowered[: len(judged.lowered)] = list(judged.lowered.values())
        return judged.validity, judged.age, lowered


class MessageJudge:
    """Judges messages: columns `time`, `sender`, `validity`, `detectors`, one row per message received."""

    schema = pa.schema(
        [("time", pa.float64()), ("sender", pa.string()), ("validity", pa.float64()), ("detectors", pa.string())]
    )

    def __init__(self, log: Log, described: MessageLog) -> None:
        self._log, self._described = log, described
        self._names = described.layout(log.names)
        self._rows = described.rows if described.rows and described.rows.column in log.names else None
        self._memory, self._own = Memory.empty(), _Own()
        self.tallies = [Tally("messages")]
        self.changes: list[Change] = []
        self.senders: dict[str, tuple[int, int]] = {}
        self.period = 0.0

    def tables(self) -> Iterator[pa.Table]:
        """One table per block. Raises LogError."""
        names = self._names
        columns = list(dict.fromkeys(_numbers(names) + ([self._rows.column] if self._rows else [])))
        texts = [name for name in (names.sender, names.receiver, names.pseudonym) if name is not None]
        for block in self._log.blocks(columns, Stamps(names.received), texts):
            yield self._judged(block, dict(zip(columns, block.values, strict=True)), texts)

    def _judged(self, block: Block, values: dict[str, Floats], texts: list[str]) -> pa.Table:
        kind = values[self._rows.column] if self._rows else None
        is_message = np.ones(len(block.time), dtype=bool) if kind is None else kind == self._rows_of("message")
        messages = self._messages(block, values, texts)
        if kind is not None and self._rows_of("own") is not None:
            own = self._own.at(kind == self._rows_of("own"), messages)
            messages = replace(messages, own=own)
        kept = _chosen(messages, is_message)
        self._memory, judgement = judge(self._memory, kept, self._described.plausibility())
        detectors = np.array(judgement.detectors(), dtype=object)
        self.tallies[0].add(kept.received, judgement.validity, np.ones(len(kept), dtype=bool), detectors)
        labels = np.array([*block.labels[0], None], dtype=object)
        self._count(labels, kept.sender, judgement.validity < CALLED)
        return pa.table(
            [
                pa.array(kept.received, from_pandas=True),
                pa.array(labels[kept.sender], pa.string()),
                pa.array(np.round(judgement.validity, 6)),
                pa.array(detectors, pa.string()),
            ],
            schema=self.schema,
        )

    def _count(self, labels: NDArray[np.object_], sender: NDArray[np.int64], low: Booleans) -> None:
        """Count the messages of each sender, a code (message,), and those that are low."""
        codes, which = np.unique(sender, return_inverse=True)
        counted = zip(labels[codes], np.bincount(which), np.bincount(which, weights=low), strict=True)
        for name, messages, lows in counted:
            before, low_before = self.senders.get(str(name), (0, 0))
            self.senders[str(name)] = before + int(messages), low_before + int(lows)

    def _rows_of(self, what: str) -> float | None:
        value = getattr(self._described.rows, what)
        return None if value is None else float(value)

    def _messages(self, block: Block, values: dict[str, Floats], texts: list[str]) -> Messages:
        names = self._names
        code = dict(zip(texts, block.codes, strict=True))
        nobody = np.zeros(len(block.time), dtype=np.int64)
        return Messages(
            receiver=code[names.receiver] if names.receiver else nobody,
            sender=code[names.sender],
            received=block.time,
            sent=values[names.sent],
            position=_vector(values, names.position),
            velocity=_vector(values, names.velocity),
            acceleration=_vector(values, names.acceleration) if names.acceleration else None,
            heading=_unit(_vector(values, names.heading)) if names.heading else None,
            counter=values[names.counter] if names.counter else None,
            pseudonym=code[names.pseudonym].astype(np.float64) if names.pseudonym else None,
        )


class _Own:
    """The receivers' own positions: the last one of each, carried on by its speed for OWN_AGE."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, Floats, Floats]] = {}

    def at(self, is_own: Booleans, rows: Messages) -> Floats:
        """Position of the receiver at each row (2, row), NaN where it is not known; `is_own` marks its records."""
        found = np.full((2, len(rows)), np.nan)
        for receiver in np.unique(rows.receiver):
            mine = rows.receiver == receiver
            own = np.flatnonzero(mine & is_own)
            at = np.flatnonzero(mine)
            before = np.searchsorted(own, at, side="right") - 1
            time, position, velocity = self._records(int(receiver), rows, own)
            age = rows.received[at] - time[before + 1]
            carried = position[:, before + 1] + velocity[:, before + 1] * age
            found[:, at] = np.where((age >= 0.0) & (age <= OWN_AGE), carried, np.nan)
            self._last[int(receiver)] = time[-1], position[:, -1], velocity[:, -1]
        return found

    def _records(self, receiver: int, rows: Messages, own: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """Time, position and velocity of the last record before these rows and of those among them."""
        nowhere = np.full(2, np.nan)
        time, position, velocity = self._last.get(receiver, (np.nan, nowhere, nowhere))
        return (
            np.concatenate([[time], rows.received[own]]),
            np.concatenate([position[:, None], rows.position[:, own]], axis=1),
            np.concatenate([velocity[:, None], rows.velocity[:, own]], axis=1),
        )


def _names(lowered: Booleans, names: Sequence[str]) -> NDArray[np.object_]:
    """The names of the detectors that lowered each sample (row,), joined by `;`; `lowered` is (detector, row)."""
    code = np.zeros(lowered.shape[1], dtype=np.int64)
    for each in lowered[lowered.any(axis=1)]:  # few of them: sorting numbers is ten times as fast as sorting columns
        code = np.unique(2 * code + each, return_inverse=True)[1]
    _, first, kind = np.unique(code, return_index=True, return_inverse=True)
    texts = [";".join(name for name, is_one in zip(names, each, strict=True) if is_one) for each in lowered[:, first].T]
    return np.array(texts, dtype=object)[kind]


def _without_signals(log: Log, described: Signals) -> LogError:
    faults = Faults(log.path)
    wanted = ", ".join(quoted(entry.column or name) for name, entry in described.signals.items())
    there = ", ".join(map(quoted, log.names[:NAMES_SHOWN]))
    faults.in_file(None, f"has none of the columns that the sensors file describes ({wanted})", f"there are {there}")
    return faults.error()


def _chosen(messages: Messages, which: Booleans) -> Messages:
    """Some of the messages, in their order."""
    names = (each for each in messages.__dataclass_fields__ if getattr(messages, each) is not None)
    return replace(messages, **{name: getattr(messages, name)[..., which] for name in names})


def _numbers(names: Fields) -> list[str]:
    """Columns of numbers."""
    vectors = [names.position, names.velocity, names.acceleration, names.heading]
    found = [names.sent, *(column for vector in vectors if vector for column in vector)]
    return [*found, *([names.counter] if names.counter else [])]


def _vector(values: dict[str, Floats], columns: tuple[str, str]) -> Floats:
    return np.stack([values[column] for column in columns])


def _unit(vector: Floats) -> Floats:
    """Directions of length 1; NaN for none."""
    length = np.sqrt(vector[0] * vector[0] + vector[1] * vector[1])
    return vector / np.where(length > 0.0, length, np.nan)
