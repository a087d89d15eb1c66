"""A file as pieces of whole lines of about 1 MiB: what is read, decoded and judged at once."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from karyon.sim.text_files import Stream, UnusableError, unpacked

PIECE = 2**20  # bytes from which on a piece is handed on
LINE_MAX = 2**20  # bytes of a line, its end counted


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines: the number of the first, from 1, and their bytes."""

    line: int
    content: bytes

    def count(self) -> int:
        """How many lines there are; the last one of a file may lack its end."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n") and bool(self.content))

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of each line, without its end (LF or CR LF)."""
        for line, raw in enumerate(io.BytesIO(self.content), self.line):
            yield line, raw.removesuffix(b"\n").removesuffix(b"\r")

    def split(self, lines: int) -> tuple["Piece", "Piece"]:
        """The first `lines` lines, and the others."""
        end = sum(map(len, islice(io.BytesIO(self.content), lines)))
        return Piece(self.line, self.content[:end]), Piece(self.line + lines, self.content[end:])


def pieces(stream: Stream) -> Iterator[Piece]:
    """The lines of a stream from where it stands. What is whole before a fault is handed on before the fault.

    Raises UnusableError where the packed file is cut off or damaged, or a line is longer than LINE_MAX, and OSError.
    """
    line, rest, ended = 1, b"", False
    while not ended:
        content, ended, failure = _gathered(stream, rest, line)
        end = len(content) if ended and failure is None else content.rfind(b"\n") + 1
        fitting = _fitting(content[:end])
        if fitting:
            piece = Piece(line, content[:fitting])
            line += piece.count()
            yield piece
        rest = content[end:]
        if fitting < end or len(rest) >= LINE_MAX:
            raise UnusableError(line, f"is longer than {LINE_MAX} bytes: not a line of a log")
        if isinstance(failure, UnusableError):
            raise UnusableError(line, failure.message) from failure
        if failure is not None:
            raise failure


def _gathered(stream: Stream, rest: bytes, line: int) -> tuple[bytes, bool, Exception | None]:
    """`rest` and about a piece that follows, whether the stream has ended, and why before its end."""
    parts, length = [rest], 0
    try:
        while length < PIECE:
            # One read at a time: what precedes the damage of a packed file must not be lost with it.
            part = unpacked(stream.read1, PIECE, line)
            if not part:
                return b"".join(parts), True, None
            parts.append(part)
            length += len(part)
    except (UnusableError, OSError) as failure:
        return b"".join(parts), True, failure
    return b"".join(parts), False, None


def _fitting(content: bytes) -> int:
    """Length of the lines before the first that is longer than LINE_MAX."""
    start = 0
    while len(content) - start > LINE_MAX:
        end = content.rfind(b"\n", start, start + LINE_MAX)
        if end < 0:
            break
        start = end + 1
    return start if len(content) - start > LINE_MAX else len(content)
