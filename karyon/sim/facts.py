"""Run-time safety information as perception of the simulation has it, in the places where the kernel reads it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
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


class Information(NamedTuple):
    """Where the kernel reads what perception says: of nothing that a design does not declare.

    own             signals
    fields, whole   of the message of a sender, and that as one thing
    radio, looks    when the components were last heard to run, ns (0 or 1, row)
    """

    own: Known
    fields: Known
    whole: Known
    radio: TimeTable
    looks: TimeTable


class Told(NamedTuple):
    """After it was written."""

    information: Information


def tell(
    here: Information,
    own: Known,
    fields: FloatTable,
    whole: FloatTable,
    sent: Ticks,
    validity: Floats,
    listening: Booleans,
    looking: Booleans,
    now: int,
) -> Told:
    """What own sensors say, and a sender: all of it was `sent` then (ns), and is as valid (row,).

    listening, looking   where the radio, and perception, have run at `now` (ns)
    """
    return Told(
        Information(
            own,
            Known(fields, each(_new, here.fields.time, sent), each(_new, here.fields.validity, validity)),
            Known(whole, each(_new, here.whole.time, sent), each(_new, here.whole.validity, validity)),
            each(_beaten, here.radio, listening, now),
            each(_beaten, here.looks, looking, now),
        )
    )


def _new(_: Any, new: Any) -> Any:
    return new


def _beaten(before: Any, running: Any, now: int) -> Any:
    return where(running, now, before)


class Beating(NamedTuple):
    """When a component was last heard to run, ns (row,)."""

    time: Ticks


class Beaten(NamedTuple):
    """After it has run."""

    beating: Beating


def beat(here: Beating, running: Booleans, now: int) -> Beaten:
    """It has run at `now` (ns) in these rows."""
    return Beaten(Beating(_beaten(here.time, running, now)))


class Facts:
    """Writes into what the kernel sees, each cycle, what is of the right types: so nothing is looked at again.

    The kernel's own `see` takes anything from anybody. What never changes, the spread of a signal and the offset of its
    clock, is told once.
    """

    def __init__(self, seen: SafetyInformation, senders: Sequence[str], clock_offset: float) -> None:
        """`clock_offset` of the senders, s."""
        self._seen, self._offset = seen, clock_offset
        self._parts = [part for place, sender in enumerate(senders) for part in _parts(seen, place, sender)]
        self._everywhere = np.ones(seen.rows, dtype=bool)
        self._control = [Beating(seen.beats[place]) for name, place in seen.components.items() if name == "control"]
        self._told: tuple[Any, ...] = ()
        self.quicken(written)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self._tell: list[Callable[..., Told]] = [in_place(tell) for _ in self._parts]
        self._beat = [in_place(beat) for _ in self._control]

    def tell(
        self,
        now: int,
        seen: Seen,
        told: Sequence[Message],
        listening: Booleans | None = None,
        looking: Booleans | None = None,
    ) -> None:
        """What is said, and where the radio and perception run at `now` (ns), None: in all rows."""
        given = seen, *told
        if any(one is not other for one, other in zip_longest(given, self._told)):  # or else in the same arrays
            if not self._told:
                self._spread_out(seen, told)
            self._told = given
            self._given = [part.given(seen, told[part.sender]) for part in self._parts]
        heard, looks = (self._everywhere if one is None else one for one in (listening, looking))
        for write, part, said in zip(self._tell, self._parts, self._given, strict=True):
            write(part.here, *said, heard, looks, now)

    def _spread_out(self, seen: Seen, told: Sequence[Message]) -> None:
        """Of all signals how uncertain they are, and their clocks."""
        known = self._seen
        for part in self._parts:
            (own, of_own), (fields, of_fields), (whole, _) = part.places
            known.spread[own], known.clock_offset[own] = seen.spread[of_own], 0.0
            known.spread[fields], known.clock_offset[fields] = told[part.sender].spread[of_fields], self._offset
            known.spread[whole], known.clock_offset[whole] = 0.0, self._offset

    def beat(self, now: int, running: Booleans | None) -> None:
        """The controllers have run at `now` (ns) in these rows (row,), None: in all."""
        for write, beating in zip(self._beat, self._control, strict=True):
            write(beating, self._everywhere if running is None else running, now)


class _Part(NamedTuple):
    """Signals that follow each other, where the kernel has them, and in what is told of them.

    sender   of whose message: its place among all
    places   slices, ours and theirs: of own signals, of the fields of the message, of that as one thing
    here     where the kernel has them
    """

    sender: int
    places: Sequence[tuple[slice, slice]]
    here: Information

    def given(self, seen: Seen, told: Message) -> tuple[Any, ...]:
        """What is told of them, as `tell` takes it."""
        own, fields, whole = (theirs for _, theirs in self.places)
        known = Known(seen.value[own], seen.time[own], seen.validity[own])
        return known, told.value[fields], told.value[whole], told.time, told.validity


NOWHERE = slice(0), slice(0)


def _parts(seen: SafetyInformation, sender: int, name: str) -> Iterator[_Part]:
    """What a design declares of the message of one sender, and with the first of the own signals and components."""
    subjects = OWN if sender == 0 else (), [f"{name}.{field}" for field in MESSAGE], [name]
    components = {} if sender else seen.components
    for places in zip_longest(*(_places(seen, names) or [NOWHERE] for names in subjects), fillvalue=NOWHERE):
        own, fields, whole = (Known(seen.value[at], seen.time[at], seen.validity[at]) for at, _ in places)
        radio, looks = (
            seen.beats[components[name] :][:1] if name in components else seen.beats[:0]
            for name in ("radio", "perception")
        )
        yield _Part(sender, places, Information(own, fields, whole, radio, looks))


def _places(seen: SafetyInformation, names: Sequence[str]) -> list[tuple[slice, slice]]:
    """Where the kernel has signals, and where they are among the names: those that follow each other as one."""
    known = [(seen.signals[name], at) for at, name in enumerate(names) if name in seen.signals]
    return [(slice(ours, ours + n), slice(theirs, theirs + n)) for ours, theirs, n in _together(known)]


def _together(known: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Pairs of places, those that follow each other as one: the first of them, and how many."""
    found: list[tuple[int, int, int]] = []
    for ours, theirs in known:
        if found and (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]) == (ours, theirs):
            found[-1] = (*found[-1][:2], found[-1][2] + 1)
        else:
            found.append((ours, theirs, 1))
    return found
