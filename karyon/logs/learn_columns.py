"""The columns of a log of which nobody said yet what they are: which one is the time, which ones can be signals."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from karyon.logs.cells import DATE_TIME, MISSING, NUMBER, Floats, Samples, Stamps
from karyon.logs.tables import Log, open_log

ROWS_MAX = 1_000_000
CELLS_MAX = 8_000_000  # 64 MB of numbers; a log of many columns is read less far
NAME_MAX = 256
LARGEST = 1e11  # beyond it a range does not fit into a sensors file
SAMPLES_MIN = 50  # of a column from which anything is learnt
COUNTS_MAX = 8  # different whole numbers that are rather labels or counts than measured values

RISING = 0.95  # share of the steps of a time that are forward
REPEATED_MAX = 0.05  # share of time stamps that repeat, above which rows are counted instead
PERIOD_GUESS = 0.1  # s, where nothing tells it: most logs of vehicles have it
PERIOD_MAX = 86_400.0  # s, of a sensors file
TIME_NAMES = frozenset(
    ("t", "ts", "time", "times", "timestamp", "timestamps", "stamp", "epoch", "datetime", "date", "utc", "gpst", "tow")
)
UNIT_NAMES: dict[str, "TimeUnit"] = {"s": "s", "sec": "s", "seconds": "s", "ms": "ms", "us": "us", "ns": "ns"}
LABEL_NAMES = frozenset(
    (
        "id",
        "ids",
        "index",
        "idx",
        "row",
        "type",
        "kind",
        "class",
        "label",
        "sender",
        "receiver",
        "vehicle",
        "veh",
        "sat",
    )
)

TimeUnit = Literal["s", "ms", "us", "ns", "samples"]


@dataclass(frozen=True, slots=True)
class Timing:
    """How a log tells the time.

    column     of the time stamps; None: rows are `period` apart
    unit       of its numbers; None: date-times
    period     s between two rows
    is_sure    whether the period was measured; otherwise the unit or the period is a guess
    remark     how it was found
    """

    column: str | None
    unit: TimeUnit | None
    period: float
    is_sure: bool
    remark: str


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What a log holds.

    names, values   of the columns that can be signals; values (column, row), NaN where missing
    left_out        the other ones, and why
    complete        whether these are all rows of the log
    """

    names: tuple[str, ...]
    values: Floats
    timing: Timing
    complete: bool
    left_out: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> Columns:
    """The first rows of a log, as many as memory allows. Raises LogError."""
    left_out: dict[str, str] = {}
    with open_log(path) as log:
        numeric, dated = _kinds(log, left_out)
        times, values, complete = _cells(log, numeric, dated)
    timing = _of_dates(dated, times) if dated else _of_numbers(numeric, values)
    kept = [place for place, name in enumerate(numeric) if name != timing.column]
    for place in list(kept):
        if reason := _is_no_signal(numeric[place], values[place]):
            left_out[numeric[place]] = reason
            kept.remove(place)
    return Columns(tuple(numeric[place] for place in kept), values[kept], timing, complete, left_out)


def tokens(name: str) -> list[str]:
    """The words of a name in lower case: `rcvTime` is rcv and time, `can_speed_mps` can, speed and mps."""
    return re.findall(r"[a-z]+[0-9]*|[0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def _kinds(log: Log, left_out: dict[str, str]) -> tuple[list[str], str | None]:
    """Names of the columns of numbers, and of the first column of date-times that rise."""
    unique = [name for name in log.names if _is_usable(name, log.names, left_out)]
    if not unique:
        return [], None
    block = max(_first(log, unique), key=lambda each: len(each.lines))
    numeric, dated = [], None
    for place, name in enumerate(unique):
        codes, labels = block.codes[place], block.labels[place]
        texts = [labels[code] for code in np.unique(codes[codes >= 0])]
        kind = _kind([text for text in texts if text.lower() not in MISSING])
        if kind == "number":
            numeric.append(name)
        elif kind == "date-time" and dated is None and _is_rising_text(codes, labels):
            dated = name
        else:
            left_out[name] = {"": "empty", "date-time": "a date-time that does not rise"}.get(kind, "text")
    return numeric, dated


def _first(log: Log, names: Sequence[str]) -> "list[_Block]":
    found = []
    for block in log.blocks([], Samples(1.0), names):
        found.append(_Block(block.lines, block.codes, tuple(tuple(each) for each in block.labels)))
        if len(found) == 2:
            break
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some first rows as texts: what `tables.Block` has of them, kept from growing."""

    lines: NDArray[np.int64]
    codes: NDArray[np.int64]
    labels: tuple[tuple[str, ...], ...]


def _is_usable(name: str, names: Sequence[str], left_out: dict[str, str]) -> bool:
    if names.count(name) > 1:
        left_out[name] = "several columns have this name"
    elif not name or "{k}" in name or not name.isprintable() or len(name) > NAME_MAX:
        left_out[name] = "a name that a sensors file cannot have"
    return name not in left_out


def _kind(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    if all(NUMBER.fullmatch(text) or text.lower() in ("true", "false") for text in texts):
        return "number"
    return "date-time" if all(DATE_TIME.fullmatch(text) for text in texts) else "text"


def _is_rising_text(codes: NDArray[np.int64], labels: Sequence[str]) -> bool:
    """Whether texts come in an order in which few return: labels are numbered as they appear."""
    there = codes[codes >= 0]
    return bool(there.size < 2 or np.mean(np.diff(there) >= 0) >= RISING)


def _cells(log: Log, numeric: Sequence[str], dated: str | None) -> tuple[Floats, Floats, bool]:
    """Time (row,), values (column, row), and whether these are all."""
    most = min(ROWS_MAX, CELLS_MAX // max(len(numeric), 1))
    times, values, rows = [], [], 0
    for block in log.blocks(numeric, Stamps(dated) if dated else Samples(1.0)):
        times.append(block.time)
        values.append(block.values)
        rows += len(block.time)
        if rows > most:
            break
    return np.concatenate(times)[:most], np.concatenate(values, axis=1)[:, :most], rows <= most


def _of_dates(name: str | None, times: Floats) -> Timing:
    return _measured(name, None, times, "date-times")


def _of_numbers(names: Sequence[str], values: Floats) -> Timing:
    """The column that is the time, or none."""
    place = _time_column(names, values)
    if place is None:
        return Timing(None, "samples", PERIOD_GUESS, False, "no column is a time, rows count")
    name, stamps = names[place], values[place]
    unit, why = _time_unit(name, stamps)
    if unit == "samples":
        return Timing(name, unit, PERIOD_GUESS, False, why)
    factor = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    return _measured(name, unit, stamps / factor, why)


def _time_column(names: Sequence[str], values: Floats) -> int | None:
    """Of the columns that rise the first with the name of a time, else the first that is as even as a clock."""
    rising = [place for place in range(len(names)) if _is_rising(values[place])]
    named = [place for place in rising if _is_named_time(names[place])]
    even = [place for place in rising if _is_even(values[place])]
    better = [place for place in named if not _is_count(values[place])]
    return next(iter([*better, *named, *even]), None)


def _is_rising(column: Floats) -> bool:
    there = column[np.isfinite(column)]
    steps = np.diff(there)
    is_mostly_there = there.size >= max(0.95 * column.size, 3)
    return bool(is_mostly_there and np.mean(steps >= 0.0) >= RISING and there[-1] > there[0])


def _is_named_time(name: str) -> bool:
    words = tokens(name)
    return bool(TIME_NAMES & set(words)) or name.lower().endswith(("time", "timestamp", "seconds"))


def _is_even(column: Floats) -> bool:
    steps = np.diff(column[np.isfinite(column)])
    middle = float(np.median(steps))
    return middle > 0.0 and float(np.mean(np.abs(steps - middle) <= 0.1 * middle)) > 0.9


def _is_count(column: Floats) -> bool:
    """Whether the numbers are those of samples: 0, 1, 2, ... from anywhere below a date."""
    there = column[np.isfinite(column)]
    return bool(np.mean(np.diff(there) == 1.0) > 0.9 and np.all(there == np.round(there)) and there[0] < 1e8)


def _time_unit(name: str, stamps: Floats) -> tuple[TimeUnit, str]:
    words = tokens(name)
    if words and words[-1] in UNIT_NAMES and words[-1] != name.lower():
        return UNIT_NAMES[words[-1]], "unit by its name"
    if _is_count(stamps) and not {"t", "time", "tow", "gpst"} & set(words):
        return "samples", "it counts samples"
    there = stamps[np.isfinite(stamps)]
    for least, unit in ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (9e8, "s")):
        if least < there[0] < 100.0 * least:
            return UNIT_NAMES[unit], "unit by its size, as it counts from 1970"
    return _unit_of_step(float(np.median(np.diff(there))), bool(np.all(there == np.round(there))))


def _unit_of_step(step: float, is_whole: bool) -> tuple[TimeUnit, str]:
    """Sensors are read every millisecond to every few seconds; whole numbers with larger steps are of smaller units."""
    units: tuple[tuple[float, TimeUnit], ...] = ((5.0, "s"), (5e3, "ms"), (5e6, "us"))
    if not is_whole:
        return "s", "unit by its steps"
    return next((unit for limit, unit in units if step < limit), "ns"), "unit by its steps, check it"


def _measured(column: str | None, unit: TimeUnit | None, seconds: Floats, why: str) -> Timing:
    """The period from the times; rows are counted where the stamps are too coarse to tell them apart."""
    steps = np.diff(seconds[np.isfinite(seconds)])
    if not steps.size or not np.any(steps > 0.0):
        return Timing(None, "samples", PERIOD_GUESS, False, "too few times, rows count")
    repeated = float(np.mean(steps <= 0.0))
    if repeated > REPEATED_MAX:
        mean = _rounded_period(max(float(np.sum(steps)), 1e-3) / steps.size)
        said = f"{100 * repeated:.0f} % of the times repeat or go back: rows count, a mean step apart"
        return Timing(None, "samples", mean, True, said)
    period = _rounded_period(float(np.median(steps[steps > 0.0])))
    off = float(np.mean(np.abs(steps - period) > 0.25 * period))
    return Timing(column, unit, period, True, f"{why}; median step, {100 * off:.2g} % of the steps are off it")


def _rounded_period(period: float) -> float:
    return float(f"{min(max(period, 1e-6), PERIOD_MAX):.3g}")


def _is_no_signal(name: str, column: Floats) -> str:
    """Why a column cannot be a signal; empty where it can."""
    there = column[np.isfinite(column)]
    if there.size < SAMPLES_MIN:
        return f"{there.size} samples, {SAMPLES_MIN} are needed"
    different = np.unique(there)
    is_whole = bool(np.all(different == np.round(different)))
    reasons = (
        (different.size == 1, f"always {different[0]:g}"),
        (float(np.abs(different).max()) > LARGEST, "its numbers are too large"),
        (different.size == 2, "only two values: a label"),
        (is_whole and different.size <= COUNTS_MAX, f"only {different.size} whole numbers: a label or a count"),
        (is_whole and bool(LABEL_NAMES & set(tokens(name))), "whole numbers that name something"),
        (_is_rising(column) and (_is_named_time(name) or _is_count(column)), "another time or count"),
    )
    return next((reason for holds, reason in reasons if holds), "")
