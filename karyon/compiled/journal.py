"""What was so where something was found, noted row by row for who reads it later: see `Journal`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.compiled.numbers import address_of

LEAST = 1024  # entries


class Entries(NamedTuple):
    """What was noted, in the order of time, at the same time by row: `told` as it was given, but (..., entry).

    numbers   the first of them is the time, ns (number, entry)
    """

    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    told: tuple[NDArray[Any], ...]


class Journal:
    """Entries until somebody reads them: when it is full, or when it is asked to."""

    def __init__(self, read: Callable[[Entries], None], rows: int, least: int = 0) -> None:
        """`read` takes copies. `least`: for how many entries there is room at least."""
        self._read, self.room = read, max(LEAST, least, 2 * rows)
        self._count = np.zeros(1, dtype=np.int64)
        self._entries: Entries | None = None

    def write(self, found: NDArray[np.bool_], told: Sequence[NDArray[Any]], numbers: Sequence[int]) -> None:
        """Note what is `told` (row,) or (..., row) of each row where something is `found` (row,)."""
        if self._entries is None:
            self._entries = self._blank(told, len(numbers))
        rows = np.flatnonzero(found)
        if self._count[0] + len(found) > self.room:  # what plays does not count before it writes
            self.settle()
        at = slice(self._count[0], self._count[0] + len(rows))
        self._entries.rows[at] = rows
        self._entries.numbers[:, at] = np.array(numbers)[:, None]
        for own, given in zip(self._entries.told, told, strict=True):
            own[..., at] = given[..., rows]
        self._count[0] = at.stop

    def settle(self) -> None:
        """Have all be read that is noted."""
        count = int(self._count[0])
        if self._entries is None or not count:
            return
        rows, numbers, told = self._entries
        self._count[0] = 0
        self._read(
            Entries(rows[:count].copy(), numbers[:, :count].copy(), tuple(each[..., :count].copy() for each in told))
        )

    def addresses(self, told: Sequence[NDArray[Any]]) -> list[int]:
        """For what plays, after something was written: what `player.write` is told.

        Of the count, the room, of rows, of numbers and how many, how many columns; and of each column, where it is,
        where it goes, and how many bytes a number has.
        """
        assert self._entries is not None
        rows, numbers, own = self._entries
        columns = [
            (address_of(one), address_of(other), one.itemsize)
            for given, into in zip(told, own, strict=True)
            for one, other in zip(_flat(given), _flat(into), strict=True)
        ]
        head = [address_of(self._count), self.room, address_of(rows), address_of(numbers), len(numbers), len(columns)]
        return [*head, *(each for column in columns for each in column)]

    def _blank(self, told: Sequence[NDArray[Any]], numbers: int) -> Entries:
        return Entries(
            np.zeros(self.room, dtype=np.int64),
            np.zeros((numbers, self.room), dtype=np.int64),
            tuple(np.zeros((*each.shape[:-1], self.room), dtype=each.dtype) for each in told),
        )


def _flat(array: NDArray[Any]) -> Sequence[NDArray[Any]]:
    """Rows of a table, or the array itself."""
    return [*array] if array.ndim > 1 else [array]
