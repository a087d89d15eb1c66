"""Failures put into a recorded log on its way to the judge, block by block, in bounded memory.

    put = inject_options.read(["signal: gps_speed, mode: offset, onset: 40, amplitude: 3"], described, bound)
    for block, label in Injected(log.blocks(...), put, signals=3, seed=7):
        block.values, label             # the doctored samples, and which of them are not the healthy ones

The formulas are those of `karyon.perception.failures`, given as much of the past as they need, so that the result does
not depend on where the log is cut into blocks. What a table of rows can show of them:

    values      every mode that changes what a sample says, from `offset` to `freeze` and `swap`
    omission    a lost sample is a missing cell
    delay       and `jitter`: a sample is in the first row at whose time it has arrived, the newest arrival of a row in
                its cell, and the cell of a row at which none arrives is missing
    clocks      `clock_offset` and `clock_drift` change the time stamp of the row, which all signals share

`reordering`, `duplication`, `sybil` and `flooding` are refused (`inject_options.UNSHOWN`). Failures act in their order,
each on what the one before it left; the window of each is told by the time stamps as they were recorded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from karyon.logs.inject_options import STALE, Put
from karyon.logs.tables import Block
from karyon.perception.failures import omission
from karyon.perception.injection import CENTURY, MODES, Doctored, injected
from karyon.perception.sensors import Booleans, Floats, nanoseconds
from karyon.sim.documents import InputError
from karyon.sim.streams import Purpose, stream

Integers = NDArray[np.int64]

LATE = ("delay", "jitter")  # modes that move samples to later rows


@dataclass(slots=True)
class Change:
    """What a failure did: how many samples of `signal` it changed, time of the first and of the last, s of the log."""

    signal: str
    mode: str
    samples: int = 0
    first: float = inf
    last: float = -inf

    def add(self, time: Floats, label: Booleans) -> None:
        """Count the changed samples of a block (row,), (..., row)."""
        self.samples += int(label.sum())
        at = time[label.any(axis=0) if label.ndim > 1 else label]
        self.first = min(self.first, float(np.fmin.reduce(at, initial=inf)))
        self.last = max(self.last, float(np.fmax.reduce(at, initial=-inf)))


def lines(changes: Sequence[Change], begin: float) -> Iterator[str]:
    """What the failures did, for the screen; `begin` is the time of the first row, s."""
    for change in changes:
        if change.samples:
            span = f"from {change.first - begin:.1f} to {change.last - begin:.1f} s"
            told = f"{change.samples} sample{'s' if change.samples != 1 else ''} changed, {span}"
        else:
            told = "NO SAMPLE CHANGED: the log is as it was"
        yield f"   {change.signal}   {change.mode} put in   {told}"


class Injected:
    """The blocks of a log with failures in them, each with labels (signal, row): True where a sample is not healthy.

    changes   what each failure did so far
    """

    def __init__(self, blocks: Iterable[Block], put: Sequence[Put], signals: int, seed: int) -> None:
        """`signals`: how many of the blocks' values are signals, the first ones.

        Random draws follow from `seed` and the place of the failure.
        """
        self._blocks, self._put, self._signals = blocks, put, signals
        self._failing = [_Late(one, seed) if one.failure.mode in LATE else _Failing(one, seed) for one in put]
        self._ticks = _Ticks()
        self.changes = [Change(one.name, one.failure.mode) for one in put]

    def __iter__(self) -> Iterator[tuple[Block, Booleans]]:
        """Blocks and labels. Raises InputError after the last one where a failure begins after the end of the log."""
        for block in self._blocks:
            yield self._doctored(block)
        late = [one for one in self._put if nanoseconds(one.failure.onset) > self._ticks.last]
        if late:
            end = f"onset is after the end of the log, at {self._ticks.last / 1e9:g} s"
            raise InputError([one.onset_at.fault(end) for one in late])

    def _doctored(self, block: Block) -> tuple[Block, Booleans]:
        now, time = self._ticks.at(block.time), block.time
        values, label = block.values.copy(), np.zeros((self._signals, len(now)), dtype=bool)
        for one, failing, change in zip(self._put, self._failing, self.changes, strict=True):
            if one.signal is None:
                time, late = failing.stamps(now, time)
                changed = late & np.isfinite(block.values[: self._signals])
                label |= changed
            else:
                other = None if one.other is None else block.values[one.other]
                values[one.signal], changed = failing.take(now, values[one.signal], other)
                label[one.signal] |= changed
            change.add(block.time, changed)
        return replace(block, time=time, values=values), label


class _Ticks:
    """Times of rows as failures need them: whole ns since the first one that is known, never backwards."""

    def __init__(self) -> None:
        self._start: float | None = None
        self.last = 0

    def at(self, time: Floats) -> Integers:
        """ns of each row (row,); of one without a time, or with one that goes back, that of the row before."""
        known = time[np.isfinite(time)]
        if self._start is None and known.size:
            self._start = float(known[0])
        passed = np.where(np.isfinite(time), time - (self._start or 0.0), 0.0)
        ticks = np.rint(np.clip(passed, 0.0, CENTURY) * 1e9).astype(np.int64)
        rising = np.maximum.accumulate(np.concatenate([[self.last], ticks]))[1:]
        self.last = int(rising[-1]) if rising.size else self.last
        return np.asarray(rising)


@dataclass(frozen=True, slots=True)
class _Past:
    """Samples before a block that its formula needs: ns, values, random numbers, arrays (sample,)."""

    time: Integers
    value: Floats
    draws: Floats

    @classmethod
    def none(cls) -> "_Past":
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))

    def with_block(self, time: Integers, value: Floats, draws: Floats | None) -> "_Past":
        drawn = np.zeros(len(time)) if draws is None else draws
        return _Past(
            np.concatenate([self.time, time]),
            np.concatenate([self.value, value]),
            np.concatenate([self.draws, drawn]),
        )

    def chosen(self, which: Integers | slice) -> "_Past":
        return _Past(self.time[which], self.value[which], self.draws[which])


class _Failing:
    """One failure on its way through the log, and what of the past it still needs."""

    def __init__(self, put: Put, seed: int) -> None:
        self._failure = put.failure
        self._draws = stream(seed, Purpose.FAULTS + put.index)
        self._past = _Past.none()

    def take(self, now: Integers, value: Floats, other: Floats | None) -> tuple[Floats, Booleans]:
        """The samples of the next rows with the failure in them, and which are changed (row,)."""
        doctored = self._doctored(now, value, other)
        return doctored.value, doctored.changed

    def stamps(self, now: Integers, time: Floats) -> tuple[Floats, Booleans]:
        """The time stamps (s) of the next rows as a failing clock gives them, and which are changed (row,)."""
        wrong = self._doctored(now, np.zeros(len(now)), None).stamp - now
        return np.where(wrong != 0, time + wrong / 1e9, time), wrong != 0

    def _doctored(self, now: Integers, value: Floats, other: Floats | None) -> Doctored:
        draws = self._failure.drawn(self._draws, len(now))
        all_of_it = self._past.with_block(now, value, draws)
        before = len(self._past.time)
        others = None if other is None else np.concatenate([np.full(before, np.nan), other])
        found = injected(
            all_of_it.time,
            all_of_it.value,
            self._failure,
            None if MODES[self._failure.mode].draws == "none" else all_of_it.draws,
            other=others,
            start=0,
        )
        self._past = self._needed(all_of_it)
        return _without(found, before)

    def _needed(self, seen: _Past) -> _Past:
        """What of the samples so far the next block needs."""
        onset = nanoseconds(self._failure.onset)
        measured = np.flatnonzero(~np.isnan(seen.value))
        match self._failure.mode:
            case "stuck_at":  # the last one before the onset, or the first one
                earlier = measured[seen.time[measured] < onset]
                return seen.chosen(earlier[-1:] if len(earlier) else measured[:1])
            case mode if mode in STALE and len(seen.time):
                shown = max(int(seen.time[-1]), onset) - nanoseconds(self._failure.parameters["delay"])
                newest = np.searchsorted(seen.time[measured], shown, side="right") - 1
                return seen.chosen(measured[max(int(newest), 0) :])
            case "omission" if len(seen.time):
                return self._state(seen)
            case _:
                return _Past.none()

    def _state(self, seen: _Past) -> _Past:
        """A sample that was lost anyway, with the random number that leads to the state after the last one."""
        parameters = self._failure.parameters
        lost = omission(seen.draws, parameters["probability"], parameters["burst"])[-1]
        return _Past(seen.time[-1:], np.array([np.nan]), np.array([0.0 if lost else 1.0]))


class _Late(_Failing):
    """`delay` and `jitter`: what has not arrived yet waits for its row."""

    def __init__(self, put: Put, seed: int) -> None:
        super().__init__(put, seed)
        self._arrival, self._value = np.zeros(0, dtype=np.int64), np.zeros(0)  # of what waits, as it was taken

    def take(self, now: Integers, value: Floats, other: Floats | None) -> tuple[Floats, Booleans]:
        """The samples that arrive at the next rows, and which rows show another one than their own, or none (row,)."""
        doctored = self._doctored(now, value, other)
        late = doctored.present & (doctored.arrival > now)
        arrival = np.concatenate([self._arrival, doctored.arrival[late]])
        waiting = np.concatenate([self._value, value[late]])
        row = np.searchsorted(now, arrival)
        order = np.argsort(arrival, kind="stable")
        order = order[row[order] < len(now)]
        newest = np.full(len(now), -1)
        newest[row[order]] = order  # of two in a row the later one stays
        arrived, own = newest >= 0, doctored.present & ~late
        shown = np.full(len(now), np.nan)
        shown[arrived] = waiting[newest[arrived]]
        self._arrival, self._value = arrival[row == len(now)], waiting[row == len(now)]
        return np.where(own, value, shown), ~own & (arrived | doctored.present)


def _without(doctored: Doctored, before: int) -> Doctored:
    """Without the samples before the block; of what can be put in a log, nothing is added."""
    names = ("value", "stamp", "arrival", "present", "changed", "label")
    return replace(doctored, **{name: getattr(doctored, name)[before:] for name in names})
