"""A stretch of a trace: rows of consecutive instants, whose columns are read when they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Columns = Mapping[str, NDArray[Any]]


class Lazy(Mapping[str, NDArray[Any]]):
    """Columns by name, each read once, when it is first asked for."""

    def __init__(self, names: Sequence[str], read: Callable[[str], NDArray[Any]]) -> None:
        self._names, self._read = dict.fromkeys(names), read
        self._kept: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._kept:
            self._kept[name] = self._read(name)
        return self._kept[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive instants.

    time      of each instant, s, rising (instant,)
    start     first row of each instant, and the number of rows (instant + 1,): how many vehicles there are may change
    columns   of the trace (row,), NaN: absent
    """

    time: Floats
    start: Integers
    columns: Columns

    @classmethod
    def of(cls, time: Floats, columns: Columns) -> "Rows":
        """From the time of each row (row,)."""
        first = np.flatnonzero(np.diff(time, prepend=-np.inf))
        return cls(time[first], np.append(first, len(time)), columns)

    def between(self, begin: float, end: float) -> "Rows":
        """The instants from `begin` to `end` (s), both counted."""
        low, high = np.searchsorted(self.time, begin), np.searchsorted(self.time, end, side="right")
        return self.part(int(low), int(high))

    def part(self, low: int, high: int) -> "Rows":
        """The instants from the one numbered `low` to the one before `high`."""
        high = max(low, high)
        first, last = int(self.start[low]), int(self.start[high])
        columns = Lazy(list(self.columns), lambda name: self.columns[name][first:last])
        return Rows(self.time[low:high], self.start[low : high + 1] - first, columns)

    def of_vehicle(self, vehicle: int) -> "Rows":
        """The instants at which it was there, one row each."""
        mine = np.flatnonzero(self.columns["vehicle"] == vehicle)
        instant = np.searchsorted(self.start, mine, side="right") - 1
        columns = Lazy(list(self.columns), lambda name: self.columns[name][mine])
        return Rows(self.time[instant], np.arange(len(mine) + 1), columns)

    @staticmethod
    def joined(parts: Sequence["Rows"]) -> "Rows":
        """One after the other; at least one."""
        if len(parts) == 1:
            return parts[0]
        before = np.cumsum([0, *(int(part.start[-1]) for part in parts)])
        starts = [part.start[:-1] + offset for part, offset in zip(parts, before, strict=False)]
        columns = Lazy(list(parts[0].columns), partial(_joined, parts))
        return Rows(
            np.concatenate([part.time for part in parts]), np.append(np.concatenate(starts), before[-1]), columns
        )


def _joined(parts: Sequence[Rows], name: str) -> NDArray[Any]:
    return np.concatenate([part.columns[name] for part in parts])
