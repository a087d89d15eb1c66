"""Which nominal components run: `crash`, `hang` and `slow` of perception, control, radio, row by row: formulas."""

from collections import Counter
from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from karyon.compiled import Tape, written
from karyon.kernel.elementwise import Compiler, floor, where
from karyon.kernel.runtime import Booleans, Floats, Ticks
from karyon.sim.failing import NOWHERE
from karyon.sim.faults import Placed, union


class Failing(NamedTuple):
    """Faults of a component, each on a row, from onset to end, ns (member,).

    factor   a slow component runs in one of so many cycles; NaN: in none
    """

    row: Ticks
    onset: Ticks
    end: Ticks
    factor: Floats


class Skipped(NamedTuple):
    """Cycles so far in which the component did not run for a fault (member,)."""

    cycles: Ticks


class Skips(NamedTuple):
    """After a cycle began: which faults keep it from running; the rows of these, `NOWHERE` of the others (member,)."""

    skipped: Skipped
    row: Ticks
    is_down: Booleans


def skip(before: Skipped, failing: Failing, now: int, number: int) -> Skips:
    """Cycle `number` of the component begins at `now` (ns)."""
    is_turn = floor(number / failing.factor) * failing.factor == number
    skips = (failing.onset <= now) & (now < failing.end) & ~is_turn
    return Skips(Skipped(where(skips, before.cycles + 1, before.cycles)), where(skips, failing.row, NOWHERE), skips)


class Down(NamedTuple):
    """Where the component is down (row,)."""

    is_down: Booleans


class Up(NamedTuple):
    """After it is down nowhere."""

    down: Down


def rise(here: Down) -> Up:
    """Nothing is known yet of this cycle."""
    return Up(Down(here.is_down & False))


class Running(NamedTuple):
    """Where the component runs (row,)."""

    running: Booleans


def run(down: Booleans) -> Running:
    """Where it is not down."""
    return Running(~down)


class Components:
    """The faults of the components of a batch."""

    def __init__(self, faults: Sequence[Placed], rows: int, names: Sequence[str], tape: Tape | None = None) -> None:
        """`tape`: that may record which ones run."""
        of_each = {name: [one for one in faults if one.fault.component == name] for name in names}
        self._failing = {
            name: _Component(members, rows, tape or Tape()) for name, members in of_each.items() if members
        }

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        for one in self._failing.values():
            one.quicken(in_place)

    def running(self, name: str, now: int, number: int) -> Booleans | None:
        """Rows in which the component runs in this cycle, None: in all of them, and compiled, it never fails."""
        return self._failing[name].running(now, number) if self.can_fail(name) else None

    def can_fail(self, name: str) -> bool:
        """Whether the component fails at some time in some row."""
        return name in self._failing

    def down(self, name: str) -> Booleans:
        """Rows in which it did not, as told last, where it did not in all."""
        return self._failing[name].down.is_down

    @property
    def skipped(self) -> dict[tuple[int, int], int]:
        """Cycles so far in which a component did not run, by (run, index of the fault)."""
        found = Counter[tuple[int, int]]()
        for one in self._failing.values():
            for member, count in zip(one.members, one.skipped.cycles.tolist(), strict=True):
                found[member.place] += count
        return dict(found)


class _Component:
    """One that fails at some time in some row."""

    def __init__(self, members: Sequence[Placed], rows: int, tape: Tape) -> None:
        self.members, self._tape = members, tape
        factors = [one.fault.parameters["factor"] if one.fault.mode == "slow" else nan for one in members]
        self._failing = Failing(
            row=np.array([one.row for one in members]),
            onset=np.array([one.onset for one in members]),
            end=np.array([one.end for one in members]),
            factor=np.ceil(factors),
        )
        self._windows = union(self._failing.onset, self._failing.end)
        self.skipped, self._level = (
            Skipped(np.zeros(len(members), dtype=np.int64)),
            np.zeros((1, len(members)), dtype=np.int64),
        )
        self._is_down = np.zeros((1, rows), dtype=bool)
        self.down = Down(self._is_down[0])
        self._skip, self._rise, self._run, self._is_quick = skip, written(rise), run, False

    def quicken(self, in_place: Compiler) -> None:
        self._skip, self._rise, self._run, self._is_quick = in_place(skip), in_place(rise), in_place(run), True

    def running(self, now: int, number: int) -> Booleans | None:
        opens, closes = self._windows
        if not (self._is_quick or ((opens <= now) & (now < closes)).any()):
            return None
        skips = self._skip(self.skipped, self._failing, now, number)
        self.skipped = skips.skipped
        self._rise(self.down)
        self._tape.put(skips.is_down, self._is_down, self._level, skips.row)
        if not (self._is_quick or np.count_nonzero(skips.is_down)):
            return None
        return self._run(self.down.is_down).running
