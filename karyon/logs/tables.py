"""Recorded logs, CSV or JSON lines, plain or gzipped, as a stream of blocks of columns in constant memory.

    with open_log("drive.csv.gz") as log:
        for block in log.blocks(["can_speed", "gps_speed"], Stamps("time", "ms")):
            block.time, block.values

Rows keep their order; time stamps that repeat or go back are left for others to judge. Nothing is repaired in silence:
of a bad log the blocks before its first fault are delivered, then all faults are told at once.
"""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.logs import arrow
from karyon.logs.cells import CellError, Clock, Floats, Labels, Numbers, Samples, Stamps
from karyon.logs.faults import Faults, LogError
from karyon.logs.layouts import BOM, Delimited, HeadError, LineError, Objects, line_text
from karyon.logs.pieces import Piece, pieces
from karyon.sim import text_files
from karyon.sim.documents import quoted, suggestion
from karyon.sim.text_files import UnusableError

__all__ = ["Block", "Log", "LogError", "Samples", "Stamps", "open_log"]

HEAD = 100  # rows that are read one by one, which settles what numbers and times look like
NAMES_SHOWN = 16
FOREIGN = {  # first bytes of what is often taken for a log
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"PAR1": "a Parquet file",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\xff\xfe": "text in UTF-16 (save it as UTF-8)",
    b"\xfe\xff": "text in UTF-16 (save it as UTF-8)",
    b"<": "XML or HTML",
}
ARROW = {"number": arrow.NUMBER, "date-time": arrow.DATE_TIME, "zoned date-time": arrow.ZONED_DATE_TIME}

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows of a log, in the order of the file.

    first_row  number of the first row in the log, from 0
    lines      number of each row's line, from 1, (row,)
    time       in s, NaN where missing; date-times since 1970 in UTC, (row,)
    values     as in the log, finite, NaN where missing, (column, row)
    codes      texts as indices into `labels`, -1 where missing, (text column, row)
    labels     the different texts of each text column so far; grows with the blocks that follow
    """

    first_row: int
    lines: Ints
    time: Floats
    values: Floats
    codes: Ints
    labels: tuple[Sequence[str], ...]

    def part(self, first: int, last: int) -> "Block":
        """The rows from `first` on, `last` not among them, counted from the first of the block."""
        rows = slice(first, last)
        lines, time, values, codes = self.lines[rows], self.time[rows], self.values[:, rows], self.codes[:, rows]
        return Block(self.first_row + first, lines, time, values, codes, self.labels)


def open_log(path: str | Path) -> "Log":
    """Open a log and see what columns it has. Raises LogError: no such file, empty, neither CSV nor JSON lines, ..."""
    return Log(Path(path))


class Log:
    """An open log; a context manager.

    path   the file
    kind   `csv` (cells between separators) or `json` (lines of JSON), by content
    names  of the columns: of CSV the line of names (OpenACC's begins with `Time`), of JSON the keys of the first
           objects, with those inside lists and objects as in `pos.0` and `core.speed`
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        faults = Faults(path)
        try:
            self._stream = text_files.opened(path)
            self._size = path.stat().st_size
        except (UnusableError, OSError) as error:
            raise _ended(faults, error) from error
        try:
            self._layout = _layout(next(pieces(self._stream), Piece(1, b"")))
        except (UnusableError, OSError, HeadError) as error:
            self.close()
            raise _ended(faults, error) from error
        self.kind: Literal["csv", "json"] = "csv" if isinstance(self._layout, Delimited) else "json"
        self.names = self._layout.names

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def share(self) -> float:
        """Share of the file's bytes that are read, 0..1."""
        return min(1.0, os.lseek(self._stream.fileno(), 0, os.SEEK_CUR) / max(1, self._size))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def blocks(self, columns: Sequence[str], time: Stamps | Samples, texts: Sequence[str] = ()) -> Iterator[Block]:
        """All rows from the first one on, each time it is called; earlier iterators of this log are then spent.

        columns  of numbers; true and false are 1 and 0
        texts    columns of texts, such as who sent a message; a number counts as the text that it is in the log

        Raises LogError at once where columns are not there, or not the only ones of their name. Iterating raises
        LogError with all faults of the file after the blocks before the first one, also where it has no row.
        """
        in_time = [time.column] if time.column is not None else []
        self._check([*in_time, *columns, *texts])
        return _Reading(self.path, self._layout, time, columns, texts).blocks(self._stream)

    def _check(self, wanted: Sequence[str]) -> None:
        faults = Faults(self.path)
        for name in dict.fromkeys(wanted):
            if self.names.count(name) != 1:
                self._refuse(name, faults)
        if faults.count:
            raise faults.error()

    def _refuse(self, name: str, faults: Faults) -> None:
        """Say that a column is not there, or there more than once."""
        if name in self.names:
            last = len(self.names) - 1 - self.names[::-1].index(name)
            message, hint = f"{self.names.count(name)} columns are called {quoted(name)}, expected one", ""
        else:
            inner = [each for each in self.names if each.startswith(f"{name}.")]
            near = inner[0] if inner else suggestion(name, self.names)
            last = self.names.index(near) if near else 0
            listed = ", ".join(map(quoted, self.names[:NAMES_SHOWN]))
            hint = f"did you mean {quoted(near)}?" if near else f"there are {listed}"
            hint += " and more" if not near and len(self.names) > NAMES_SHOWN else ""
            message = f"has no column {quoted(name)}"
        if isinstance(self._layout, Delimited):
            span = self._layout.span(self._layout.head, last)
            faults.in_line(self._layout.line, self._layout.head, span, message, hint)
        else:
            faults.in_file(None, message, hint)


def _layout(first: Piece) -> Delimited | Objects:
    """The layout of the file that begins so. Raises UnusableError, HeadError."""
    begin = first.content.removeprefix(BOM).lstrip()
    if not begin:
        raise UnusableError(None, "is empty")
    for magic, what in FOREIGN.items():
        if begin.startswith(magic):
            raise UnusableError(None, f"is {what}, expected CSV or lines of JSON, plain or gzipped")
    return Objects.of(first) if begin[:1] in b"{[" else Delimited.of(first)


def _ended(faults: Faults, error: UnusableError | OSError | HeadError) -> LogError:
    """The faults of a log, with what ended its reading as the last one."""
    if isinstance(error, HeadError):
        faults.in_line(error.line, error.text, error.fault.span, error.fault.message, error.fault.hint)
    elif isinstance(error, UnusableError):
        faults.in_file(error.line, error.message)
    else:
        faults.in_file(None, f"cannot be read: {error.strerror or error}")
    return faults.error()


@dataclass(frozen=True, slots=True)
class _Role:
    """What a column is read for: its index and name, and what reads a cell of it (name, cell, line)."""

    column: int
    name: str
    read: Callable[[str, object, int], float]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows as they were read: lines (row,), time stamps (row,), values and codes (column, row)."""

    lines: Ints
    stamps: Floats
    values: Floats
    codes: Ints


class _Reading:
    """One pass over a log, and what is known of it so far."""

    def __init__(
        self,
        path: Path,
        layout: Delimited | Objects,
        time: Stamps | Samples,
        columns: Sequence[str],
        texts: Sequence[str],
    ) -> None:
        self._layout = layout
        self._faults = Faults(path)
        self._row = 0
        has_one_mark = isinstance(layout, Objects) or layout.separator == ","
        self._numbers = Numbers("." if has_one_mark else None)
        self._clock = Clock(time, self._numbers)
        self._labels = [Labels() for _ in texts]
        in_time = [] if time.column is None else [time.column]
        self._time = [_Role(layout.names.index(name), name, self._clock.read) for name in in_time]
        self._columns = [_Role(layout.names.index(name), name, self._numbers.read) for name in columns]
        self._texts = [
            _Role(layout.names.index(name), name, known.read) for name, known in zip(texts, self._labels, strict=True)
        ]

    def blocks(self, stream: text_files.Stream) -> Iterator[Block]:
        """All blocks. Raises LogError."""
        try:
            stream.seek(0)
            for piece in chain.from_iterable(map(self._parts, pieces(stream))):
                is_sound = not self._faults.count
                block = self._block(piece)
                if len(block.lines) and is_sound:
                    yield block
        except (UnusableError, OSError) as error:
            raise _ended(self._faults, error) from error
        if not self._row and not self._faults.count:
            self._faults.in_file(self._layout.line or None, "has names of columns and no row")
        if self._faults.count:
            raise self._faults.error()

    def _parts(self, piece: Piece) -> list[Piece]:
        """A piece; of the first one what follows the names, in two parts."""
        return [piece] if piece.line > 1 else list(piece.split(self._layout.line)[1].split(HEAD))

    def _block(self, piece: Piece) -> Block:
        rows = self._many(piece)
        if rows is None:
            rows = self._one_by_one(piece)
        first, self._row = self._row, self._row + len(rows.lines)
        stamps = rows.stamps if self._time else np.arange(first, self._row, dtype=np.float64)
        labels = tuple(known.names for known in self._labels)
        return Block(first, rows.lines, self._clock.seconds(stamps), rows.values, rows.codes, labels)

    def _many(self, piece: Piece) -> _Rows | None:
        """All rows at once; None where they need a closer look."""
        layout, mark = self._layout, self._numbers.mark
        types = self._types()
        if isinstance(layout, Objects) or layout.separator is None or types is None:
            return None
        if mark is None and (b"." in piece.content or b"," in piece.content):
            return None
        table = arrow.rows(piece, layout.separator, len(layout.names), types, mark or ".")
        if table is None:
            return None
        is_number = self._clock.kind in ("number", None)
        read = arrow.numbers if is_number else arrow.seconds
        stamps = [read(table[str(role.column)]) for role in self._time]
        values = [arrow.numbers(table[str(role.column)]) for role in self._columns]
        found = [each for each in (*stamps, *values) if each is not None]
        if len(found) < len(stamps) + len(values):
            return None
        codes = arrow.codes([table[str(role.column)] for role in self._texts], self._labels)
        if codes is None:
            return None
        lines = np.arange(piece.line, piece.line + table.num_rows)
        return _rows(lines, found[: len(stamps)], found[len(stamps) :], codes)

    def _types(self) -> dict[int, pa.DataType] | None:
        """What Arrow shall read, by column; None where that is not known yet, or one column is read in two ways."""
        if self._time and self._clock.kind is None:
            return None
        wanted = [
            *((role.column, ARROW[self._clock.kind or "number"]) for role in self._time),
            *((role.column, arrow.NUMBER) for role in self._columns),
            *((role.column, arrow.TEXT) for role in self._texts),
        ]
        types = dict(wanted)
        return types if all(types[column] == kind for column, kind in wanted) else None

    def _one_by_one(self, piece: Piece) -> _Rows:
        """All rows before the first fault, line by line; faults are recorded, also those that follow."""
        roles = [*self._time, *self._columns, *self._texts]
        wanted = [role.column for role in roles]
        lines = array("q")
        cells: list[list[float]] = [[] for _ in roles]
        sound, before = 0, self._faults.count
        for line, text in self._lines(piece):
            try:
                found = self._layout.cells(text, wanted)
            except LineError as error:
                self._faults.in_line(line, text, error.span, error.message, error.hint)
                continue
            lines.append(line)
            for role, cell, into in zip(roles, found, cells, strict=True):
                try:
                    into.append(role.read(role.name, cell, line))
                except CellError as error:
                    into.append(-1)
                    self._faults.in_line(line, text, self._layout.span(text, role.column), error.message, error.hint)
            sound += self._faults.count == before
        first, last = len(self._time), len(self._time) + len(self._columns)
        cells = [each[:sound] for each in cells]
        return _rows(lines[:sound], cells[:first], cells[first:last], cells[last:])

    def _lines(self, piece: Piece) -> Iterator[tuple[int, str]]:
        """Number and text of the lines that are not blank; what is not text is a fault."""
        for line, raw in piece.lines():
            try:
                text = line_text(line, raw)
            except LineError as error:
                self._faults.in_line(line, raw.decode(errors="replace"), error.span, error.message, error.hint)
                continue
            if not self._layout.is_blank(text):
                yield line, text


def _rows(
    lines: Sequence[int] | Ints,
    stamps: Sequence[Sequence[float] | Floats],
    values: Sequence[Sequence[float] | Floats],
    codes: Sequence[Sequence[float] | Ints],
) -> _Rows:
    count = len(lines)
    return _Rows(
        np.asarray(lines, np.int64),
        np.asarray(stamps[0] if stamps else [], np.float64),
        np.array(values, np.float64).reshape(len(values), count),
        np.array(codes, np.int64).reshape(len(codes), count),
    )
