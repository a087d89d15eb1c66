"""What a cell of a log means: a number, a time, or who sent a message.

Each reader takes one cell after another, knows what the ones before it were like, and raises CellError with what is
wrong with this one. A cell is a text, or what JSON has in its place.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from karyon.sim.documents import quoted

Floats = NDArray[np.float64]

MISSING = frozenset({"", "-", "na", "n/a", "nan", "-nan", "none", "null"})
"""Texts in lower case that stand for a lost sample."""

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Units of time stamps, per second."""

LABELS_MAX = 2**20  # different senders

NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:([.,])[0-9]*)?|([.,])[0-9]+)(?:[eE][-+]?[0-9]+)?")
GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:[.,' _\u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]*)?")
DATE_TIME = re.compile(
    r"""(?P<year>[0-9]{4}) (?P<dash>[-/]) (?P<month>[0-9]{2}) (?P=dash) (?P<day>[0-9]{2})
    (?: [Tt\ ] (?P<hour>[0-9]{2})
        (?: : (?P<minute>[0-9]{2}) (?: : (?P<second>[0-9]{2}) (?: [.,] (?P<fraction>[0-9]{1,9}) [0-9]* )? )? )?
        (?: \ ? (?P<zone> [Zz] | [-+][0-9]{2} (?: :? [0-9]{2} )? ) )?
    )?""",
    re.VERBOSE,
)
EPOCH = datetime(1970, 1, 1)
KINDS = {
    "number": "a number",
    "date-time": "a date-time without time zone",
    "zoned date-time": "a date-time with time zone",
}
MARKS = {".": "a decimal point", ",": "a decimal comma"}


class CellError(ValueError):
    """What is wrong with a cell, and what to do about it (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Numbers:
    """Reads numbers of one style: all of a file with decimal points, or all with decimal commas."""

    def __init__(self, mark: str | None) -> None:
        """`mark` is the only one there can be; None: that of the first number that has one."""
        self.mark = mark
        self._line: int | None = None

    def read(self, name: str, cell: object, line: int, expected: str = "a number") -> float:
        """The number; NaN for a lost sample, 1 and 0 for true and false. CellError for everything else."""
        if isinstance(cell, str):
            return self._text(name, cell.strip(), line, expected)
        if cell is None:
            return math.nan
        if not isinstance(cell, int | float):
            raise CellError(f"{quoted(name)} is a {_kind(cell)}, expected {expected}")
        try:
            return _finite(name, float(cell), expected)
        except OverflowError:
            return _finite(name, math.inf, expected)

    def _text(self, name: str, text: str, line: int, expected: str) -> float:
        if found := NUMBER.fullmatch(text):
            if mark := found[1] or found[2]:
                self._settle(name, text, mark, line)
            return _finite(name, float(text.replace(",", ".")), expected)
        lower = text.lower()
        if lower in MISSING:
            return math.nan
        if lower in ("true", "false"):
            return 1.0 if lower == "true" else 0.0
        if GROUPED.fullmatch(text):
            raise CellError(f"{quoted(name)} is {quoted(text)}, expected {expected} without thousands separators")
        raise CellError(f"{quoted(name)} is {quoted(text)}, expected {expected}")

    def _settle(self, name: str, text: str, mark: str, line: int) -> None:
        if self.mark is None:
            self.mark, self._line = mark, line
        if mark == self.mark:
            return
        as_before = f" as in line {self._line}" if self._line else ""
        hint = "" if self._line else "decimal commas need semicolons or tabs between the cells"
        raise CellError(f"{quoted(name)} is {quoted(text)}, expected {MARKS[self.mark]}{as_before}", hint)


def _finite(name: str, number: float, expected: str) -> float:
    if math.isinf(number):
        raise CellError(f"{quoted(name)} is too large for a number, expected {expected}")
    return math.nan if math.isnan(number) else number


def _kind(cell: object) -> str:
    return "list" if isinstance(cell, list) else "mapping"


@dataclass(frozen=True, slots=True)
class Stamps:
    """Time stamps in a column: numbers in `unit` (s, ms, us, ns), or ISO 8601 texts, which no unit concerns."""

    column: str
    unit: str = "s"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit of time stamps is {self.unit!r}, expected one of {', '.join(UNITS)}")


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples `period` (s) apart, numbered in a column from any number on; without one, each row is the next sample."""

    period: float
    column: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.period < math.inf:
            raise ValueError(f"period of samples is {self.period!r} s, expected a finite time above 0")


class Clock:
    """Reads time stamps of one kind: all of a file numbers, or all date-times, with a time zone or all without.

    kind   `number`, `date-time` (without zone: taken as UTC) or `zoned date-time`; None before the first one
    """

    def __init__(self, how: Stamps | Samples, numbers: Numbers) -> None:
        self._how = how
        self._numbers = numbers
        self._line = 0
        self.kind: str | None = None

    def read(self, name: str, cell: object, line: int) -> float:
        """A time stamp, to be converted by `seconds`; NaN for a missing one. Raises CellError."""
        found = DATE_TIME.fullmatch(cell.strip()) if isinstance(cell, str) and isinstance(self._how, Stamps) else None
        if found:
            seconds = _seconds(name, found)
            self._settle(name, found[0], "zoned date-time" if found["zone"] else "date-time", line)
            return seconds
        number = self._numbers.read(name, cell, line, self._expected())
        if not math.isnan(number):
            self._settle(name, str(cell).strip(), "number", line)
        return number

    def seconds(self, stamps: Floats) -> Floats:
        """Time stamps (row,) as they were read, in s."""
        if isinstance(self._how, Samples):
            return stamps * self._how.period
        return stamps / UNITS[self._how.unit] if self.kind == "number" else stamps

    def _expected(self) -> str:
        if self.kind is not None:
            return f"{KINDS[self.kind]} as in line {self._line}"
        if isinstance(self._how, Samples):
            return "the number of a sample"
        return f"a time in {self._how.unit} or a date-time such as 2026-01-31T12:00:00Z"

    def _settle(self, name: str, text: str, kind: str, line: int) -> None:
        if self.kind is None:
            self.kind, self._line = kind, line
        if kind != self.kind:
            raise CellError(f"{quoted(name)} is {quoted(text)}, expected {self._expected()}")


def _seconds(name: str, found: re.Match[str]) -> float:
    """Seconds since 1970 in UTC, cut to nanoseconds. CellError where there is no such date or time."""
    zone = (found["zone"] or "Z").replace(":", "").upper()
    offset = 0 if zone == "Z" else int(zone[1:3]) * 60 + int(zone[3:] or 0)
    parts = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(found[part] or 0) for part in parts)
    try:
        local = datetime(year, month, day, hour, minute, second) - EPOCH
    except ValueError as error:
        raise CellError(f"{quoted(name)} is {quoted(found[0])}, which is no date and time: {error}") from error
    if offset >= 24 * 60 or int(zone[3:] or 0) >= 60:
        raise CellError(f"{quoted(name)} is {quoted(found[0])}, which has no possible time zone")
    whole = local.days * 86400 + local.seconds - (-offset if zone[0] == "-" else offset) * 60
    return whole + int((found["fraction"] or "0").ljust(9, "0")) / 1e9


class Labels:
    """Numbers the texts of a column, such as senders, in the order in which they appear.

    names   the texts by number; grows while the log is read
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def read(self, name: str, cell: object, _line: int) -> int:
        """Number of the text, -1 for an empty one. CellError for a list, a mapping, and one text too many."""
        if isinstance(cell, list | dict):
            raise CellError(f"{quoted(name)} is a {_kind(cell)}, expected a text or a number")
        text = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell).strip()
        if not text:
            return -1
        if not text.isascii():  # JSON can hold halves of characters, which no file can
            text = text.encode(errors="replace").decode()
        code = self._codes.setdefault(text, len(self.names))
        if code == len(self.names):
            if code == LABELS_MAX:
                del self._codes[text]
                raise CellError(f"{quoted(name)} has more than {LABELS_MAX} different texts before this one")
            self.names.append(text)
        return code
