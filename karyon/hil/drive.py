"""What car 2 of a recorded drive would measure: its gap to car 1, their relative speed, its own speed (OpenACC)."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from karyon.perception.sensors import Booleans, Floats
from karyon.sim import text_files
from karyon.sim.recordings import FAULTS_SHOWN, ROWS_MAX, RecordingError
from karyon.sim.text_files import OPENING, NotTextError, UnusableError

NAMES = ("Time", "Speed1", "Speed2", "IVS1")
SIGNALS = ("front.distance", "front.relative_speed", "own.speed")
SI = ("m", "m/s", "m/s")
HAND_LASTS, HAND_PERIOD, HAND_SIGMA = 120.0, 0.06, 0.003  # s, s, m: as of an HC-SR04


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """Arrays over instants: `time` in s from 0, rising; `value` in SI (signal, instant), NaN where there is none."""

    time: Floats
    value: Floats

    @property
    def period(self) -> float:
        """The usual time between two instants, s."""
        return float(np.median(np.diff(self.time)))

    @property
    def signals(self) -> list[str]:
        """Those that are measured at all."""
        return [signal for signal, known in zip(SIGNALS, self.known, strict=True) if known.any()]

    @property
    def known(self) -> Booleans:
        """Where there is a sample (signal, instant)."""
        return np.isfinite(self.value)


def hand() -> Drive:
    """A hand that is held before a desk sensor, and moved to and fro by 10 cm in 8 s, for two minutes."""
    time = np.arange(0.0, HAND_LASTS, HAND_PERIOD)
    noise = HAND_SIGMA * np.random.Generator(np.random.Philox(0)).standard_normal(len(time))
    distance = 0.9 + 0.05 * np.cos(2.0 * np.pi * time / 8.0) + noise
    nothing = np.full(len(time), np.nan)
    return Drive(time, np.stack([distance, nothing, nothing]))


def read(path: Path) -> Drive:
    """The drive in a file of OpenACC, plain or gzipped. Raises RecordingError with its faults."""
    try:
        with text_files.opened(path) as stream:
            rows, faults = _numbers(_lines(stream))
    except UnusableError as error:
        raise RecordingError(path, [(error.line, error.message)]) from error
    except OSError as error:
        raise RecordingError(path, [(None, f"cannot be read: {error.strerror or error}")]) from error
    if faults:
        raise RecordingError(path, faults[:FAULTS_SHOWN], max(0, len(faults) - FAULTS_SHOWN))
    if len(rows) < 2:
        raise RecordingError(path, [(None, f"has {len(rows)} rows, expected at least 2")])
    time, leading, own, gap = np.array(rows).T
    return Drive(time - time[0], np.stack([gap, leading - own, own]))


def _lines(stream: text_files.Stream) -> list[str]:
    lines: list[str] = []
    while raw := text_files.unpacked(stream.readline, 2**16, len(lines) + 1):
        try:
            lines.append(text_files.decoded(raw))
        except NotTextError as error:
            raise UnusableError(len(lines) + 1, error.message) from error
        if len(lines) > ROWS_MAX:
            raise UnusableError(len(lines), f"has more than {ROWS_MAX} lines: too many")
    return lines


def _numbers(lines: list[str]) -> tuple[list[list[float]], list[tuple[int | None, str]]]:
    """Time, both speeds and the gap of each row, and what is wrong, by line."""
    table = list(csv.reader(lines))
    opening = [(number, cells) for number, cells in enumerate(table[:OPENING], 1) if cells]
    start = text_files.openacc_names(opening) if opening else None
    if start is None:
        raise UnusableError(1, "is not a drive in OpenACC's format: there is no line `Vehicle_order,...`")
    line, names = opening[start][0], [name.strip() for name in opening[start][1]]
    if missing := [name for name in NAMES if name not in names]:
        raise UnusableError(line, f"has no column {', '.join(missing)}: a device needs {', '.join(NAMES)}")
    places = [names.index(name) for name in NAMES]
    rows: list[list[float]] = []
    faults: list[tuple[int | None, str]] = []
    for number, cells in enumerate(table[line:], line + 1):
        try:
            row = [_number(cells[place]) for place in places]
        except (ValueError, IndexError):
            faults.append((number, f"expected numbers, or nothing, in {', '.join(NAMES)}"))
            continue
        if not math.isfinite(row[0]) or (rows and row[0] <= rows[-1][0]):
            faults.append((number, f"time does not rise here: {cells[places[0]][:20]}"))
            continue
        rows.append(row)
    return rows, faults


def _number(cell: str) -> float:
    return float(cell) if cell.strip() else math.nan
