"""Which signals and messages are late, and when something last came, however old: a formula."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import BooleanTable, Compiler, TimeColumn, TimeTable, each, where
from karyon.perception.sensors import Samples

LONG_AGO = np.iinfo(np.int64).min // 2  # ns


class Came(NamedTuple):
    """What came since the last look, or was due: tables (signal, row); the time of measurement in ns."""

    due: BooleanTable
    fresh: BooleanTable
    time: TimeTable


class Waiting(NamedTuple):
    """Of each signal (signal, row): whether it is late, and when something last came, ns."""

    late: BooleanTable
    arrived: TimeTable


class Waited(NamedTuple):
    """After one look."""

    waiting: Waiting


def wait(before: Waiting, came: Came, now: int, limits: TimeColumn) -> Waited:
    """A signal is late from when a measurement was due and did not come, to the next that is no older than its limit.

    limits   ns
    """
    late = each(_late, before.late, came.due, came.fresh, came.time, now, limits)
    return Waited(Waiting(late, each(_arrived, before.arrived, came.fresh, now)))


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
        self._counts, self._limits, self._wait = counts, limits[:, None], wait
        nowhere = np.zeros((3, *shape), dtype=bool)
        self.due, fresh, late = nowhere
        self._came = Came(self.due, fresh, np.zeros(shape, dtype=np.int64))
        self.waiting = Waiting(late, np.full(shape, LONG_AGO))

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._wait = in_place(wait)

    def look(self, now: int, came: Sequence[Samples]) -> None:
        """One look at what came of each source at `now` (ns)."""
        begin = 0
        for samples, count in zip(came, self._counts, strict=True):
            end = begin + count
            self._came.fresh[begin:end], self._came.time[begin:end] = samples.fresh[:count], samples.time[:count]
            begin = end
        self.waiting = self._wait(self.waiting, self._came, now, self._limits).waiting
