"""A recorded run at any instant: only the row groups that are looked at are read."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.sim.view import happenings
from karyon.sim.view.about import About, about_folder
from karyon.sim.view.folder import (
    EVENTS,
    MESSAGES,
    TRACE,
    RunError,
    filled,
    judged,
    names_of_numbers,
    opened,
    readable,
    spans,
)
from karyon.sim.view.happenings import Happening
from karyon.sim.view.links import Wanted
from karyon.sim.view.rows import Floats, Integers, Lazy, Rows

GROUPS_KEPT = 4  # row groups of a file, each of some 10 MB


class Table:
    """A Parquet file whose row groups follow each other in one column, the time."""

    def __init__(self, path: Path, key: str) -> None:
        """Raises RunError."""
        self._path, self._key = path, key
        self._file = opened(path)
        self.names = names_of_numbers(self._file.schema_arrow)
        self.begins, self.ends = spans(self._file, key, path)
        self._filled = filled(self._file)
        self._group = lru_cache(GROUPS_KEPT)(self._read_group)

    def rows(self, begin: float, end: float) -> list[Rows]:
        """What was between (s), as one part per row group; both ends counted. Raises RunError."""
        touched = np.flatnonzero((self.ends >= begin) & (self.begins <= end))
        return [self._group(self._filled[span]).between(begin, end) for span in touched]

    def _read_group(self, group: int) -> Rows:
        def read(name: str) -> NDArray[Any]:
            with readable(self._path, f"row group {group + 1} "):
                return np.asarray(self._file.read_row_group(group, columns=[name]).column(0).to_numpy())

        time = read(self._key)
        if not (np.diff(time) >= 0.0).all():
            raise RunError(f"{self._path}: its {self._key} does not always go on")
        return Rows.of(time, Lazy(self.names, read))


class Recording:
    """A run's folder.

    about        what ran
    happenings   all of its events, in order of time
    begin, end   of what was recorded, s
    """

    def __init__(self, folder: Path) -> None:
        """Raises RunError, which names the file."""
        self.notes = judged(folder)
        self._trace = Table(folder / TRACE, "time")
        self._messages = Table(folder / MESSAGES, "sent") if (folder / MESSAGES).is_file() else None
        self.begin, self.end = float(self._trace.begins[0]), float(self._trace.ends[-1])
        self.about: About = about_folder(folder, self._trace.names)
        self.happenings: list[Happening] = happenings.read(folder / EVENTS) if (folder / EVENTS).is_file() else []

    def parts(self, begin: float, end: float) -> list[Rows]:
        """What was recorded between (s), in parts that follow each other. Raises RunError."""
        return self._trace.rows(begin, end)

    def messages(self, begin: float, end: float, wanted: Wanted) -> tuple[Integers, Integers, Floats]:
        """Of what was sent between (s), as far as it is wanted: sender, receiver, arrival (s; NaN: lost).

        Raises RunError.
        """
        parts = [] if self._messages is None else self._messages.rows(begin, end)
        columns = [[part.columns[name] for part in parts] for name in ("sender", "receiver", "arrived")]
        sender, receiver, arrived = (np.concatenate([np.empty(0), *each]) for each in columns)
        shown = wanted.of(sender.astype(np.int64), receiver.astype(np.int64))
        return sender[shown].astype(np.int64), receiver[shown].astype(np.int64), arrived[shown]
