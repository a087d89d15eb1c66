"""Measured delays and losses, played to every link from a place of its own.

delays   a table with a line of names: `time` and `delay` in s, or `time_ms` (also `pub_ms`) and `delay_ms`
         [CICV5G, doi 10.5281/zenodo.17475688, has the latter]
losses   a table of what was received, without names: the first column of whole numbers is the sequence number;
         what is missing between two of them was lost. A number below the one before begins a new series. A row
         whose number cannot be read, or is `JUMP` or more above the one before, was not received: radios garble
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from karyon.perception.sensors import nanoseconds
from karyon.sim import text_files
from karyon.sim.channel.links import Air, Booleans, Floats, Integers, LinkModel, Links
from karyon.sim.recordings import RecordingError
from karyon.sim.streams import Purpose
from karyon.sim.text_files import UnusableError

if TYPE_CHECKING:
    from karyon.sim.channel import fields

TIMES = {"time": 1.0, "time_ms": 1e-3, "pub_ms": 1e-3}  # names of columns, in s
DELAYS = {"delay": 1.0, "delay_ms": 1e-3}
DELAY_MAX = 3600.0  # s
JUMP = 100  # messages
LEAST = 10  # samples of a trace
BYTES_MAX = 100_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Delays:
    """A delay in s for what is sent from each time on; times in s, rising from 0 (sample,)."""

    time: Floats
    delay: Floats


class ReplayedDelays(LinkModel):
    """The delay that the trace has for the moment of sending; each link begins elsewhere, and at its end anew.

    least   ns that every message takes; what it takes beyond is its delay
    """

    purpose = Purpose.REPLAYED_DELAYS

    def __init__(self, links: Links, seeds: Sequence[int], trace: Delays) -> None:
        super().__init__(links, seeds)
        least = float(trace.delay.min())
        self.least = nanoseconds(least)
        self._time, self._beyond = trace.time, trace.delay - least
        self._begin = self.uniform().astype(np.float64) * trace.time[-1]

    def delay(self, air: Air) -> Floats:
        """As measured, less the least."""
        time = np.mod(self._begin + air.now / 1e9, self._time[-1])
        return np.asarray(self._beyond[np.searchsorted(self._time, time, side="right") - 1])


class ReplayedLosses(LinkModel):
    """Message by message what the trace has lost; each link begins elsewhere, and at its end anew."""

    purpose = Purpose.REPLAYED_LOSSES

    def __init__(self, links: Links, seeds: Sequence[int], trace: Booleans) -> None:
        """`trace`: whether each message was lost, in the order in which they were sent."""
        super().__init__(links, seeds)
        self._trace = trace
        self._next: Integers = np.floor(self.uniform().astype(np.float64) * len(trace)).astype(np.int64)

    def loss(self, air: Air) -> Floats:
        """1 where the trace has lost it, else 0."""
        lost = self._trace[self._next]
        self._next = (self._next + 1) % len(self._trace)
        return np.asarray(lost, dtype=np.float64)


def traces(settings: fields.Replay | None) -> tuple[Delays | None, Booleans | None]:
    """The delays and the losses that a scenario names, None for what it does not. Raises RecordingError."""
    if settings is None:
        return None, None
    return (
        None if settings.delays is None else delays(Path(settings.delays)),
        None if settings.losses is None else losses(Path(settings.losses)),
    )


@lru_cache(maxsize=8)
def delays(path: Path) -> Delays:
    """The delays in a file. Raises RecordingError."""
    lines = _lines(path)
    names = [name.strip() for name in lines[0]]
    time, time_unit = _column(path, names, TIMES)
    delay, delay_unit = _column(path, names, DELAYS)
    found, faults = [], []
    for number, cells in enumerate(lines[1:], 2):
        try:
            found.append((float(cells[time]) * time_unit, float(cells[delay]) * delay_unit))
        except (ValueError, IndexError):
            faults.append((number, "has no number for time and delay"))
            continue
        if not 0.0 <= found[-1][1] <= DELAY_MAX:
            faults.append((number, f"has a delay of {found[-1][1]:g} s, expected 0 to {DELAY_MAX:g} s"))
        if not (isfinite(found[-1][0]) and (len(found) == 1 or found[-1][0] > found[-2][0])):
            faults.append((number, "is not later than the line before"))
    if faults or len(found) < LEAST:
        raise RecordingError(path, faults[:LEAST] or [(None, f"has {len(found)} delays, expected {LEAST} or more")])
    table = np.array(found)
    return Delays(table[:, 0] - table[0, 0], table[:, 1])


@lru_cache(maxsize=8)
def losses(path: Path) -> Booleans:
    """What was lost of the messages between the first and the last that a file has (message,). RecordingError."""
    numbers = _numbers(path, _lines(path))
    lost: list[bool] = [False] if numbers else []
    for before, number in pairwise(numbers):
        lost += [True] * max(number - before - 1, 0) + [False]
    if len(lost) < LEAST:
        raise RecordingError(path, [(None, f"has {len(lost)} messages, expected {LEAST} or more")])
    return np.array(lost)


def _numbers(path: Path, lines: Sequence[Sequence[str]]) -> list[int]:
    """The sequence numbers received, without what is garbled."""
    opening = lines[: text_files.OPENING]
    counts = [sum(_is_number(cells, column) for cells in opening) for column in range(max(map(len, opening)))]
    if not any(counts):
        raise RecordingError(path, [(1, "has no column of sequence numbers, which are whole numbers")])
    column = next(at for at, count in enumerate(counts) if 2 * count > len(opening))
    numbers: list[int] = []
    for cells in lines:
        if _is_number(cells, column) and not (numbers and numbers[-1] + JUMP <= int(cells[column])):
            numbers.append(int(cells[column]))
    return numbers


def _is_number(cells: Sequence[str], column: int) -> bool:
    return len(cells) > column and cells[column].strip().isdecimal() and len(cells[column]) <= 18


def _column(path: Path, names: Sequence[str], units: dict[str, float]) -> tuple[int, float]:
    known = [name for name in units if name in names]
    if not known:
        raise RecordingError(path, [(1, f"has no column `{'`, `'.join(units)}`; it has {', '.join(names[:20])}")])
    return names.index(known[0]), units[known[0]]


def _lines(path: Path) -> list[list[str]]:
    """The rows of a table of text; what is no text counts as garbled. RecordingError."""
    try:
        with text_files.opened(path) as stream:
            raw = text_files.unpacked(stream.read, BYTES_MAX + 1, 1)
    except UnusableError as error:
        raise RecordingError(path, [(error.line, error.message)]) from error
    except OSError as error:
        raise RecordingError(path, [(None, f"cannot be read: {error.strerror or error}")]) from error
    if len(raw) > BYTES_MAX:
        raise RecordingError(path, [(None, f"goes on past {BYTES_MAX} bytes (unpacked): too large")])
    lines = raw.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\0", "\ufffd").splitlines()
    if not lines:
        raise RecordingError(path, [(None, "is empty")])
    return list(csv.reader(lines, delimiter=text_files.separator(lines[0]), quoting=csv.QUOTE_NONE))
