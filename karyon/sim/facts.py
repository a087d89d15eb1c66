"""Run-time safety information as perception of the simulation has it, in the places where the kernel reads it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from karyon.compiled import written
from karyon.kernel.elementwise import Compiler, FloatTable, TimeTable, each, where
from karyon.kernel.runtime import Booleans, Floats, SafetyInformation, Ticks
from karyon.perception.following import OWN, Seen
from karyon.perception.received import MESSAGE
from karyon.perception.received import Told as Message


class Known(NamedTuple):
    """What the kernel sees of some signals (signal, row)."""

    value: FloatTable
    time: TimeTable
    validity: FloatTable


class Told(NamedTuple):
    """After it was written."""

    known: Known


def tell(here: Known, value: FloatTable, time: TimeTable, validity: FloatTable) -> Told:
    """What is said of each signal (signal, row)."""
    return Told(Known(value, time, validity))


def tell_alike(here: Known, value: FloatTable, time: Ticks, validity: Floats) -> Told:
    """What is said of each signal (signal, row), at the same time of all, and as valid (row,)."""
    return Told(Known(value, each(_new, here.time, time), each(_new, here.validity, validity)))


def _new(_: Any, new: Any) -> Any:
    return new


class Beating(NamedTuple):
    """When a component was last heard to run, ns (row,)."""

    time: Ticks


class Beaten(NamedTuple):
    """After it has run."""

    beating: Beating


def beat(here: Beating, running: Booleans, now: int) -> Beaten:
    """It has run at `now` (ns) in these rows."""
    return Beaten(Beating(where(running, now, here.time)))


class Facts:
    """Writes into what the kernel sees, each cycle, what is of the right types: so nothing is looked at again.

    The kernel's own `see` takes anything from anybody. What never changes, the spread of a signal and the offset of its
    clock, is told once.
    """

    def __init__(self, seen: SafetyInformation, senders: Sequence[str], clock_offset: float) -> None:
        """`clock_offset` of the senders, s."""
        self._seen, self._offset = seen, clock_offset
        self._own = _Subject(seen, OWN, tell)
        fields = {sender: [f"{sender}.{field}" for field in MESSAGE] for sender in senders}
        self._fields = {sender: _Subject(seen, names, tell_alike) for sender, names in fields.items()}
        self._whole = {sender: _Subject(seen, [sender], tell_alike) for sender in senders}
        self._everywhere = np.ones(seen.rows, dtype=bool)
        self._beating = {name: Beating(seen.beats[place]) for name, place in seen.components.items()}
        self.quicken(written)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        for subject in (self._own, *self._fields.values(), *self._whole.values()):
            subject.quicken(in_place)
        self._beat = {name: in_place(beat) for name in self._beating}

    def own(self, told: Seen) -> None:
        """What own sensors say."""
        self._own.tell(told, told.spread, 0.0)

    def message(self, sender: str, told: Message) -> None:
        """What a sender says: as one thing, and field by field."""
        self._fields[sender].tell(told, told.spread, self._offset)
        self._whole[sender].tell(told, None, self._offset)

    def beat(self, component: str, now: int, running: np.ndarray | None) -> None:
        """A component has run at `now` (ns) in these rows (row,), None: in all."""
        if component in self._beat:
            self._beat[component](self._beating[component], self._everywhere if running is None else running, now)


class _Subject:
    """Signals of which the same says something, as far as a design declares them."""

    def __init__(self, seen: SafetyInformation, names: Sequence[str], formula: Callable[..., Told]) -> None:
        self._seen, self._formula = seen, formula
        known = [(seen.signals[name], at) for at, name in enumerate(names) if name in seen.signals]
        self._places = [(slice(ours, ours + n), slice(theirs, theirs + n)) for ours, theirs, n in _together(known)]
        self._known = [Known(seen.value[at], seen.time[at], seen.validity[at]) for at, _ in self._places]
        self._told: Any = None
        self._spread: Any = None

    def quicken(self, in_place: Compiler) -> None:
        self._tell = [in_place(self._formula) for _ in self._places]

    def tell(self, told: Seen | Message, spread: Floats | None, clock_offset: float) -> None:
        """What is told; its spread, None being none, and the offset of its clock in s never change."""
        if told is not self._told:
            self._told = told
            self._given = [_part(told, theirs) for _, theirs in self._places]
            if self._spread is not spread or spread is None:
                self._spread = spread
                for ours, theirs in self._places:
                    self._seen.spread[ours] = 0.0 if spread is None else spread[theirs]
                    self._seen.clock_offset[ours] = clock_offset
        for write, known, given in zip(self._tell, self._known, self._given, strict=True):
            write(known, *given)


def _part(told: Seen | Message, theirs: slice) -> tuple[Any, ...]:
    """Value, time and validity of some signals."""
    if told.validity.ndim > 1:
        return told.value[theirs], told.time[theirs], told.validity[theirs]
    return told.value[theirs], told.time, told.validity


def _together(known: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Pairs of places, those that follow each other as one: the first of them, and how many."""
    found: list[tuple[int, int, int]] = []
    for ours, theirs in known:
        if found and (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]) == (ours, theirs):
            found[-1] = (*found[-1][:2], found[-1][2] + 1)
        else:
            found.append((ours, theirs, 1))
    return found
