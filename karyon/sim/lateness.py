"""Which signals and messages are late, and when something last came, however old: a formula."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import written
from karyon.kernel.elementwise import BooleanTable, Compiler, TimeColumn, TimeTable, each, where
from karyon.kernel.runtime import Booleans
from karyon.perception.sensors import Samples

LONG_AGO = np.iinfo(np.int64).min // 2  # ns


class Waiting(NamedTuple):
    """Of each signal (signal, row): whether it is late, and when something last came, ns."""

    late: BooleanTable
    arrived: TimeTable


class Waited(NamedTuple):
    """After one look."""

    waiting: Waiting


def wait(
    here: Waiting, due: BooleanTable, fresh: BooleanTable, time: TimeTable, now: int, limits: TimeColumn
) -> Waited:
    """A signal is late from when a measurement was due and did not come, to the next that is no older than its limit.

    due, fresh, time   of which one was due now, or came, and the time of that measurement, ns (signal, row)
    limits             ns
    """
    late = each(_late, here.late, due, fresh, time, now, limits)
    return Waited(Waiting(late, each(_arrived, here.arrived, fresh, now)))


class Late(NamedTuple):
    """Whether each signal is late (signal, row)."""

    late: BooleanTable


class Missed(NamedTuple):
    """After nobody has looked in some rows."""

    late: Late


def miss(here: Late, down: Booleans) -> Missed:
    """Where perception is `down`, all is late."""
    return Missed(Late(each(operator.or_, here.late, down)))


def _late(late: Any, due: Any, fresh: Any, time: Any, now: int, limit: Any) -> Any:
    return (late | due) & ~(fresh & (now - time <= limit))


def _arrived(before: Any, fresh: Any, now: int) -> Any:
    return where(fresh, now, before)


class Lateness:
    """Of own signals first, then of the message of each sender as a whole (signal, row).

    due       to be written before a look: a measurement was due in this cycle, or a message
    waiting   what is known since the last look
    """

    def __init__(self, counts: Sequence[int], limits: NDArray[np.int64], rows: int) -> None:
        """`counts`: rows of samples that are looked at, of each source; `limits` of all of these in ns (signal,)."""
        shape = len(limits), rows
        self.due = np.zeros(shape, dtype=bool)
        self.waiting = Waiting(np.zeros(shape, dtype=bool), np.full(shape, LONG_AGO))
        ends = np.cumsum(counts)
        parts = [slice(end - count, end) for count, end in zip(counts, ends, strict=True)]
        self._parts = [
            (self.due[one], limits[one, None], Waiting(self.waiting.late[one], self.waiting.arrived[one]))
            for one in parts
        ]
        self._late = Late(self.waiting.late)
        self._seen: list[tuple[Samples, BooleanTable, TimeTable]] = []
        self.quicken(written)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self._waits, self._miss = [in_place(wait) for _ in self._parts], in_place(miss)

    def look(self, now: int, came: Sequence[Samples]) -> None:
        """One look at what came of each source at `now` (ns)."""
        if [id(each) for each, _, _ in self._seen] != [*map(id, came)]:
            counts = (len(due) for due, _, _ in self._parts)
            self._seen = [(one, one.fresh[:n], one.time[:n]) for one, n in zip(came, counts, strict=True)]
        for wait_for, (due, limits, waiting), (_, fresh, time) in zip(
            self._waits, self._parts, self._seen, strict=True
        ):
            wait_for(waiting, due, fresh, time, now, limits)

    def miss(self, down: NDArray[np.bool_]) -> None:
        """In these rows (row,) nobody has looked."""
        self._miss(self._late, down)
