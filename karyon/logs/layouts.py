"""How the lines of a log are laid out: cells between separators (CSV), or one JSON object per line."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from karyon.logs.pieces import Piece
from karyon.sim import text_files
from karyon.sim.text_files import NotTextError, decoded

RECORDS = 1000  # lines of JSON in which names are looked for
NAMES_MAX = 10_000
DEPTH_MAX = 16
COMMENTS = ("#", "//", "%")  # how lines begin that are for people
UNCOMMENTED = "a log has no comments: leave out such lines"
BOM = b"\xef\xbb\xbf"  # the byte order mark that some programs put first in a file

VALUE = re.compile("[-+]?[0-9.][-+0-9.,:/ TZeE]*")  # what is a number, a date or a time, and no name

Way = tuple[str | int, ...]


class LineError(Exception):
    """What is wrong with a line as a whole, and where in it."""

    def __init__(self, span: tuple[int, int], message: str, hint: str = "") -> None:
        super().__init__(message)
        self.span = span
        self.message = message
        self.hint = hint


class HeadError(Exception):
    """What is wrong with the line that says what the columns are; `text` is that line."""

    def __init__(self, line: int, text: str, fault: LineError) -> None:
        super().__init__(fault.message)
        self.line = line
        self.text = text
        self.fault = fault


class Delimited:
    """Cells between separators, the names of the columns in a line before them.

    names       one per column
    separator   None: any number of blanks and tabs
    line, head  number and text of the line of names
    """

    def __init__(self, line: int, head: str, separator: str | None) -> None:
        self.line = line
        self.head = head
        self.separator = separator
        self.names = tuple(name.strip() for name in self._split(head))

    @classmethod
    def of(cls, piece: Piece) -> "Delimited":
        """The layout of the file that begins with `piece`, which has a line that is not blank.

        Raises HeadError and UnusableError.
        """
        opening = list(_opening(piece, text_files.OPENING))
        separator = _separator(opening[0][2], opening[1][2] if len(opening) > 1 else "")
        rows = [(number, text.split(separator)) for number, _, text in opening]
        line, raw, shown = opening[text_files.openacc_names(rows) or 0]
        try:
            layout = cls(line, line_text(line, raw), separator)
            layout._check_names()
            layout._check_comment([len(cells) for _, cells in rows[1:]])
        except LineError as error:
            raise HeadError(line, shown, error) from error
        return layout

    def is_blank(self, text: str) -> bool:
        """Whether a line holds no row. One of separators alone does: a row in which everything is missing."""
        return not text.strip() and (self.separator is None or self.separator not in text)

    def cells(self, text: str, columns: Sequence[int]) -> list[object]:
        """The cells of some columns of a line. Raises LineError."""
        if "\r" in text:
            at = text.index("\r")
            raise LineError((at, at + 1), "a carriage return is out of place", "lines end with LF or CR LF")
        cells = self._split(text)
        expected = len(self.names)
        if len(cells) < expected and text.lstrip().startswith(COMMENTS):
            raise LineError((0, len(text)), "is a comment, expected a row", UNCOMMENTED)
        if len(cells) < expected:
            counted = f"{len(cells)} cell{'s' if len(cells) != 1 else ''}"
            message = f"has {counted}, expected {expected} as there are names"
            raise LineError((len(text), len(text) + 1), message, "is it cut off?")
        if any(cell.strip() for cell in cells[expected:]):
            message = f"has {len(cells)} cells, expected {expected} as there are names"
            raise LineError((self.span(text, expected)[0], len(text)), message, "a separator in a number?")
        return [cells[column] for column in columns]

    def span(self, text: str, column: int) -> tuple[int, int]:
        """Where the cell of a column is in a line."""
        for index, (start, end) in enumerate(self._spans(text)):
            if index == column:
                inner = text[start:end]
                return start + len(inner) - len(inner.lstrip()), max(start + 1, start + len(inner.rstrip()))
        return len(text), len(text) + 1

    def _split(self, text: str) -> list[str]:
        if self.separator is None or '"' not in text:
            return text.split(self.separator)
        try:
            return next(csv.reader([text], delimiter=self.separator, strict=True, skipinitialspace=True))
        except csv.Error as error:
            at = text.index('"')
            raise LineError((at, len(text)), "a quotation mark is out of place", "a row is one line") from error

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        if self.separator is None:
            yield from (found.span() for found in re.finditer(r"\S+", text))
            return
        mark = re.escape(self.separator)
        cell = re.compile(rf' *"(?:[^"]|"")*"[^{mark}]*|[^{mark}]*')
        start = 0
        while start <= len(text) and (found := cell.match(text, start)):
            yield found.span()
            start = found.end() + 1

    def _check_comment(self, following: Sequence[int]) -> None:
        """A first line that names nothing: those after it have more cells. Names may begin with such a mark."""
        if self.head.startswith(COMMENTS) and max(following, default=0) > len(self.names):
            raise LineError((0, len(self.head)), "is a comment, expected the names of the columns", UNCOMMENTED)

    def _check_names(self) -> None:
        if all(VALUE.fullmatch(name) for name in self.names if name):
            hint = "put a line such as `time,speed` first"
            raise LineError((0, len(self.head)), "has values, expected the names of the columns", hint)


def _opening(piece: Piece, count: int) -> Iterator[tuple[int, bytes, str]]:
    """Number, bytes and text of the first lines that are not blank; what is not text in them is replaced."""
    lines = ((line, raw) for line, raw in piece.lines() if raw.removeprefix(BOM if line == 1 else b"").strip())
    for number, raw in islice(lines, count):
        yield number, raw, without_mark(raw.decode(errors="replace"), number)


def line_text(line: int, raw: bytes) -> str:
    """The text of a line. Raises LineError."""
    try:
        return without_mark(decoded(raw), line)
    except NotTextError as error:
        at = len(raw[: error.at].decode(errors="replace"))
        raise LineError((at, at + 1), error.message, error.hint) from error


def without_mark(text: str, line: int) -> str:
    """A line without the byte order mark of a file."""
    return text.removeprefix("\ufeff") if line == 1 else text


def _separator(first: str, second: str) -> str | None:
    """What stands between the cells: blanks only where there is nothing else, and in the row below, too."""
    has_none = not any(mark in first for mark in ",;\t")
    return None if has_none and len(first.split()) > 1 and len(second.split()) > 1 else text_files.separator(first)


class Objects:
    """One JSON object per line; a column is the way to a value, as in `pos.0` for {"pos": [7.0, 3.5]}.

    names   of all values in the first objects, in the order in which they appear
    """

    line = 0

    def __init__(self, ways: Sequence[Way]) -> None:
        self._ways = tuple(ways)
        self.names = tuple(".".join(map(str, path)) for path in ways)

    @classmethod
    def of(cls, piece: Piece) -> "Objects":
        """The layout of the file that begins with `piece`. HeadError where none of the first lines is an object."""
        ways: dict[Way, None] = {}
        fault = None
        for number, _, text in _opening(piece, RECORDS):
            try:
                ways |= dict.fromkeys(_leaves(_object(text), ()))
            except LineError as error:
                fault = fault or HeadError(number, text, error)
        if fault and not ways:
            raise fault
        return cls(list(islice(ways, NAMES_MAX)))

    def is_blank(self, text: str) -> bool:
        """Whether a line holds no object."""
        return not text.strip()

    def cells(self, text: str, columns: Sequence[int]) -> list[object]:
        """The values of some columns of a line; None where there is none. Raises LineError."""
        record = _object(text)
        return [_at(record, self._ways[column]) for column in columns]

    def span(self, text: str, column: int) -> tuple[int, int]:
        """About where the value of a column is in a line: what follows its key."""
        start = 0
        for key in self._ways[column]:
            if isinstance(key, str):
                start = max(start, text.find(json.dumps(key, ensure_ascii=False), start))
        found = re.compile(r'"(?:[^"\\]|\\.)*"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\]]*)').match(text, start)
        return found.span(1) if found else (start, start + 1)


def _object(text: str) -> dict[str, object]:
    """The JSON object of a line. Raises LineError."""
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise LineError((error.pos, error.pos + 1), message, "expected one JSON object per line") from error
    except RecursionError as error:
        raise LineError((0, 1), "is nested too deeply") from error
    except ValueError as error:  # whole numbers of thousands of digits
        raise LineError((0, 1), "has a number of too many digits") from error
    if not isinstance(record, dict):
        kind = "a list" if isinstance(record, list) else "a single value"
        raise LineError((0, len(text)), f"is {kind}, expected one JSON object per line")
    return record


def _leaves(value: object, path: Way) -> Iterator[Way]:
    """The ways to all plain values in `value`."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if entries is None:
        yield path
    elif len(path) < DEPTH_MAX:
        for key, inner in entries:
            yield from _leaves(inner, (*path, key))


def _at(record: object, path: Way) -> object:
    for key in path:
        if isinstance(record, dict):
            record = record.get(key)
        elif isinstance(record, list) and isinstance(key, int) and key < len(record):
            record = record[key]
        else:
            return None
    return record
