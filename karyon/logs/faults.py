"""The faults of a log: all are counted, the first few kept, so that memory stays bounded."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from karyon.sim.documents import Fault, InputError, Source

FAULTS_SHOWN = 10


class LogError(InputError):
    """A log that cannot be used, or not as asked; `str` has the first 10 faults and how many more there are.

    faults   the first ones, in the order in which they were found
    count    how many there are
    """

    def __init__(self, faults: Iterable[Fault], count: int = 0) -> None:
        super().__init__(faults)
        self.count = max(count, len(self.faults))

    def __str__(self) -> str:
        shown = self.faults[:FAULTS_SHOWN]
        hidden = self.count - len(shown)
        return "\n".join([*map(str, shown), *([f"... and {hidden} more"] if hidden else [])])


class Faults:
    """Collects the faults of one log."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._first: list[Fault] = []
        self.count = 0

    def in_line(self, line: int, text: str, span: tuple[int, int], message: str, hint: str = "") -> None:
        """A fault of text[span] of a line."""
        self.count += 1
        if len(self._first) < FAULTS_SHOWN:
            source = Source(self._path, text.replace("\r", "\ufffd").replace("\n", "\ufffd"))
            self._first.append(replace(source.fault(*span, message, hint), line=line))

    def in_file(self, line: int | None, message: str, hint: str = "") -> None:
        """A fault of a line that there is no text of, or of the file as a whole."""
        self.count += 1
        if len(self._first) < FAULTS_SHOWN:
            self._first.append(Fault(self._path, line, 1 if line else None, 0, message, hint))

    def error(self) -> LogError:
        """All of them, at least one."""
        return LogError(self._first, self.count)
