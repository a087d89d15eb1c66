"""Text files from anywhere, plain or gzipped: their bytes, and what every table in them has in common.

Used by what reads one recording (`karyon.sim.recordings`) and by what reads logs of any length (`karyon.logs`).
"""

import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

OPENING = 20  # lines among which OpenACC's line of names is looked for

Stream = io.BufferedReader | gzip.GzipFile


class UnusableError(Exception):
    """Ends the reading of a file; the line is None where there is none."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(line, message)
        self.line = line
        self.message = message


class NotTextError(Exception):
    """A line that is not text: index of the byte, what is wrong, and what to do about it (may be empty)."""

    def __init__(self, at: int, message: str, hint: str = "") -> None:
        super().__init__(at, message)
        self.at = at
        self.message = message
        self.hint = hint


def opened(path: Path) -> Stream:
    """The bytes of a file, unpacked; whether it is packed, its first bytes say. Raises UnusableError and OSError."""
    if not path.exists():
        raise UnusableError(None, "there is no such file")
    if not path.is_file():
        kind = "a directory" if path.is_dir() else "a device or a pipe"
        raise UnusableError(None, f"is {kind}, expected a file")
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.GzipFile(path) if packed else path.open("rb")


def unpacked(read: Callable[[int], bytes], size: int, line: int) -> bytes:
    """What a method of the stream reads. UnusableError at `line` where the packed file is cut off or damaged."""
    try:
        return read(size)
    except EOFError as error:
        raise UnusableError(line, "the gzip file is cut off here") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnusableError(line, "the gzip file is damaged here") from error


def decoded(line: bytes) -> str:
    """A line as text. Raises NotTextError."""
    if b"\0" in line:
        hint = "it looks like UTF-16: save the file as UTF-8" if 3 * line.count(b"\0") > len(line) else ""
        raise NotTextError(line.index(b"\0"), "is not text: it has a zero byte", hint)
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        message = f"is not text in UTF-8: byte {error.start + 1} is 0x{line[error.start]:02x}"
        raise NotTextError(error.start, message, "save the file as UTF-8") from error


def separator(first_line: str) -> str:
    """What stands between the cells of a table. A semicolon: spreadsheets in half of Europe, and SUMO's tools."""
    return max(",;\t", key=first_line.count)


def openacc_names(opening: Sequence[tuple[int, Sequence[str]]]) -> int | None:
    """Index of OpenACC's line of names, which follows on lines about the recording as a whole.

    opening   line number and cells of the first lines of a table, at least one
    None: this is not OpenACC's. UnusableError: it is, and the names are not there.
    """
    if not any(cells[0].strip() == "Vehicle_order" for _, cells in opening):
        return None
    for index, (_, cells) in enumerate(opening):
        if cells[0].strip() == "Time":
            return index
    message = f"none of the first {len(opening)} lines has the names of OpenACC's columns (`Time`, `Speed1`, ...)"
    raise UnusableError(opening[-1][0], message)
