"""A recorded run at any instant: only the row groups that are looked at are read."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.sim.view import happenings
from karyon.sim.view.about import About, about_folder
from karyon.sim.view.happenings import Happening
from karyon.sim.view.links import Wanted
from karyon.sim.view.recorded import EVENTS, TRACE, RunError, must_be_numbers, must_be_there
from karyon.sim.view.rows import Floats, Integers, Lazy, Rows

MESSAGES = "messages.parquet"
NEEDED = ("time", "vehicle", "x", "y", "heading", "length", "width", "speed", "lane", "gap")
LINKS = ("sender", "receiver", "sent", "arrived")
GROUPS_KEPT = 4  # row groups of a file, each of some 10 MB


class Table:
    """A Parquet file whose row groups follow each other in one column, the time."""

    def __init__(self, path: Path, key: str, needed: Sequence[str]) -> None:
        """Raises RunError."""
        must_be_there(path)
        self._path, self._key = path, key
        try:
            self._file = parquet.ParquetFile(path, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise RunError(f"{path}: is damaged or cut off, run the scenario again: {said}") from None
        schema = self._file.schema_arrow
        for name in needed:
            must_be_numbers(name, schema, path)
        numbers = [f.name for f in schema if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
        self.names = numbers
        self.begins, self.ends = self._spans(schema.names.index(key))
        self._group = lru_cache(GROUPS_KEPT)(self._read_group)

    def rows(self, begin: float, end: float) -> list[Rows]:
        """What was between (s), as one part per row group; both ends counted. Raises RunError."""
        touched = np.flatnonzero((self.ends >= begin) & (self.begins <= end))
        return [self._group(int(group)).between(begin, end) for group in touched]

    def _spans(self, column: int) -> tuple[Floats, Floats]:
        """When each row group begins and ends."""
        groups = [self._file.metadata.row_group(index) for index in range(self._file.metadata.num_row_groups)]
        told = [group.column(column).statistics for group in groups if group.num_rows]
        if any(each is None or not each.has_min_max for each in told):
            raise RunError(f"{self._path}: does not say when its row groups begin and end")
        return np.array([each.min for each in told], dtype=float), np.array([each.max for each in told], dtype=float)

    def _read_group(self, group: int) -> Rows:
        def read(name: str) -> NDArray[Any]:
            try:
                column = self._file.read_row_group(group, columns=[name]).column(0)
            except (pa.ArrowException, OSError) as error:
                said = str(error).splitlines()[0]
                raise RunError(f"{self._path}: row group {group + 1} cannot be read: {said}") from None
            return np.asarray(column.to_numpy())

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
        if not folder.is_dir():
            raise RunError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
        self._trace = Table(folder / TRACE, "time", NEEDED)
        if not len(self._trace.begins):
            raise RunError(f"{folder / TRACE}: holds no instant: the run ended before the first one was recorded")
        self._messages = Table(folder / MESSAGES, "sent", LINKS) if (folder / MESSAGES).is_file() else None
        self.begin, self.end = float(self._trace.begins[0]), float(self._trace.ends[-1])
        self.about: About = about_folder(folder, self._trace.names)
        self.notes: tuple[str, ...] = ()
        if (folder / EVENTS).is_file():
            self.happenings: list[Happening] = happenings.read(folder / EVENTS)
        else:
            self.happenings = []
            self.notes = (f"{EVENTS} is not there: faults, switches and violations are not shown",)

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
