"""Which nominal components run: `crash`, `hang` and `slow` of perception, control, radio, row by row: a formula."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from math import ceil, nan
from typing import Any, NamedTuple

import numpy as np

from karyon.compiled import written
from karyon.kernel.elementwise import Compiler, FloatTable, TimeTable, anywhere, each, floor, where
from karyon.kernel.runtime import Booleans
from karyon.perception.sensors import NEVER
from karyon.sim.faults import Placed, union


class Failing(NamedTuple):
    """Faults of a component in each row, as many as of any row, from onset to end, ns (fault of the row, row).

    factor   a slow component runs in one of so many cycles; NaN: in none
    """

    onset: TimeTable
    end: TimeTable
    factor: FloatTable


class Skipped(NamedTuple):
    """Cycles so far in which the component did not run for a fault (fault of the row, row)."""

    cycles: TimeTable


class Cycle(NamedTuple):
    """After a cycle began: in which rows the component runs, and is down (row,)."""

    skipped: Skipped
    running: Booleans
    down: Booleans


def begin(here: Skipped, failing: Failing, now: int, number: int) -> Cycle:
    """Cycle `number` of the component begins at `now` (ns)."""
    skips = each(_skips, failing.onset, failing.end, failing.factor, now, number)
    down = anywhere(skips)
    return Cycle(Skipped(each(_counted, here.cycles, skips)), ~down, down)


def _skips(onset: Any, end: Any, factor: Any, now: int, number: int) -> Any:
    is_turn = floor(number / factor) * factor == number
    return (onset <= now) & (now < end) & ~is_turn


def _counted(count: Any, skips: Any) -> Any:
    return where(skips, count + 1, count)


class Components:
    """The faults of the components of a batch."""

    def __init__(self, faults: Sequence[Placed], rows: int, names: Sequence[str]) -> None:
        of_each = {name: [one for one in faults if one.fault.component == name] for name in names}
        self._failing = {name: _Component(members, rows) for name, members in of_each.items() if members}

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        for one in self._failing.values():
            one.quicken(in_place)

    def running(self, name: str, now: int, number: int) -> Booleans | None:
        """Rows in which the component runs in this cycle, None: in all of them, and compiled, it never fails."""
        if name not in self._failing:
            return None
        cycle = self._failing[name].begin(now, number)
        return None if cycle is None else cycle.running

    def down(self, name: str) -> Booleans:
        """Rows in which it did not, as told last, where it did not in all."""
        return self._failing[name].cycle.down

    @property
    def skipped(self) -> dict[tuple[int, int], int]:
        """Cycles so far in which a component did not run, by (run, index of the fault)."""
        found = Counter[tuple[int, int]]()
        for one in self._failing.values():
            found.update(one.skipped)
        return dict(found)


class _Component:
    """One that fails at some time in some row; `cycle`: the last one that was told."""

    cycle: Cycle

    def __init__(self, members: Sequence[Placed], rows: int) -> None:
        of_row: dict[int, list[Placed]] = defaultdict(list)
        for one in members:
            of_row[one.row].append(one)
        shape = max(map(len, of_row.values())), rows
        never = np.full(shape, NEVER)
        self._failing, self._skipped = (
            Failing(never, never.copy(), np.full(shape, nan)),
            Skipped(np.zeros(shape, dtype=np.int64)),
        )
        self._place = {(at, row): one.place for row, found in of_row.items() for at, one in enumerate(found)}
        for row, found in of_row.items():
            for at, one in enumerate(found):
                self._failing.onset[at, row], self._failing.end[at, row] = one.onset, one.end
                if one.fault.mode == "slow":
                    self._failing.factor[at, row] = ceil(one.fault.parameters["factor"])
        self._begin, self._is_quick = written(begin), False

    def quicken(self, in_place: Compiler) -> None:
        self._begin, self._is_quick = in_place(begin), True

    def begin(self, now: int, number: int) -> Cycle | None:
        opens, closes = self._windows
        if not (self._is_quick or ((opens <= now) & (now < closes)).any()):
            return None
        self.cycle = self._begin(self._skipped, self._failing, now, number)
        return self.cycle if self._is_quick or np.count_nonzero(self.cycle.down) else None

    @cached_property
    def _windows(self) -> Any:
        """From when to when one is open (2, window), ns."""
        return union(self._failing.onset.ravel(), self._failing.end.ravel())

    @property
    def skipped(self) -> Counter[tuple[int, int]]:
        found = Counter[tuple[int, int]]()
        for at, place in self._place.items():
            found[place] += int(self._skipped.cycles[at])
        return found
