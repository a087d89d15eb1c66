"""Run-time safety information as perception of the simulation has it, in the places where the kernel reads it."""

from collections.abc import Sequence

import numpy as np

from karyon.kernel.runtime import SafetyInformation
from karyon.perception.following import OWN, Seen
from karyon.perception.received import MESSAGE, Told


class Facts:
    """Writes into what the kernel sees, each cycle, what is of the right types: so nothing is looked at again.

    The kernel's own `see` takes anything from anybody. What never changes, the spread of a signal and the offset of its
    clock, is told once.
    """

    def __init__(self, seen: SafetyInformation, senders: Sequence[str], clock_offset: float) -> None:
        """`clock_offset` of the senders, s."""
        self._seen, self._offset = seen, clock_offset
        self._own = _places(seen, OWN)
        self._fields = {sender: _places(seen, [f"{sender}.{field}" for field in MESSAGE]) for sender in senders}
        self._whole = {sender: _places(seen, [sender]) for sender in senders}
        self._spread: dict[str, object] = {}

    def own(self, told: Seen) -> None:
        """What own sensors say."""
        ours, theirs = self._own
        seen = self._seen
        seen.value[ours], seen.time[ours], seen.validity[ours] = (
            each[theirs] for each in (told.value, told.time, told.validity)
        )
        if self._spread.get("") is not told.spread:
            self._spread[""] = told.spread
            seen.spread[ours], seen.clock_offset[ours] = told.spread[theirs], 0.0

    def message(self, sender: str, told: Told) -> None:
        """What a sender says: as one thing, and field by field."""
        seen, (ours, theirs), (whole, its) = self._seen, self._fields[sender], self._whole[sender]
        seen.value[ours], seen.value[whole] = told.value[theirs], told.value[its]
        for places in (ours, whole):
            seen.time[places], seen.validity[places] = told.time, told.validity
        if self._spread.get(sender) is not told.spread:
            self._spread[sender] = told.spread
            seen.spread[ours], seen.spread[whole] = told.spread[theirs], 0.0
            seen.clock_offset[ours] = seen.clock_offset[whole] = self._offset

    def beat(self, component: str, now: int, running: np.ndarray | None) -> None:
        """A component has run at `now` (ns) in these rows (row,), None: in all."""
        place = self._seen.components.get(component)
        if place is not None:
            np.copyto(self._seen.beats[place], now, where=True if running is None else running)


def _places(seen: SafetyInformation, names: Sequence[str]) -> tuple[slice | np.ndarray, slice | np.ndarray]:
    """Where the kernel has these signals, as far as a design declares them, and where they are among the names."""
    known = [(seen.signals[name], at) for at, name in enumerate(names) if name in seen.signals]
    ours, theirs = np.array(known, dtype=np.intp).reshape(-1, 2).T
    return _together(ours), _together(theirs)


def _together(places: np.ndarray) -> slice | np.ndarray:
    """The same places, as a slice if they follow each other: nothing is gathered and scattered then."""
    begin = int(places[0]) if len(places) else 0
    is_one = bool((places == np.arange(begin, begin + len(places))).all())
    return slice(begin, begin + len(places)) if is_one else places
