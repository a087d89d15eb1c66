"""What a period of a simulation comes to, played again without Python between: see `Tape`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.compiled.numbers import address_of
from karyon.compiled.player import HALT, READ, WRITE, call, play

if TYPE_CHECKING:
    from karyon.compiled.placed import Arrays

Words = NDArray[np.int64]


class Ring:
    """Slots (slot, ...) of which one is used after the other; `place` (1,) is the next one."""

    def __init__(self, slots: NDArray[Any]) -> None:
        """Without gaps."""
        self.slots, self.place = slots, np.zeros(1, dtype=np.int64)

    @property
    def left(self) -> int:
        """Slots to the end."""
        return len(self.slots) - int(self.place[0])


@dataclass(frozen=True, slots=True)
class Call:
    """Something that was done once.

    kind        address of a loop, or one of `HALT`, `READ`, `WRITE`
    addresses   that it is handed
    own         numbers among them, by the place of their address: those that there were then, as words
    """

    kind: int
    rows: int
    addresses: Words
    own: dict[int, Words]


class _Mode(Enum):
    OFF = auto()
    RECORDING = auto()
    PASSING = auto()  # over what was played already


class Tape:
    """Compiled loops, and what they do in a period, one after the other: recorded, and played again.

    Two periods are recorded. What differs between them are numbers that grow with time, by as much in each period; all
    else must be the same, or nothing is played. Whoever is recorded does nothing with arrays but by loops that were
    compiled for this tape, by `take`, `keep` and `mark`, and by asking `halts`.

    Playing ends where something is found that `halts` asks for. Then `pass_over` lets the Python that was recorded do
    that period again, without any of what was played, up to there.
    """

    def __init__(self) -> None:
        self._mode, self._calls, self._is_whole = _Mode.OFF, list[Call](), True
        self._at = self._to = 0

    @property
    def is_off(self) -> bool:
        """Whether loops are called, and nothing else."""
        return self._mode is _Mode.OFF

    def run(self, loop: Arrays) -> None:
        """Call a loop."""
        if not self._passes():
            call()(loop.kind, loop.addresses.ctypes.data, loop.rows)
            if self._mode is _Mode.RECORDING:
                self._calls.append(loop.recorded())

    def halts(self, found: NDArray[np.bool_]) -> bool:
        """Whether it is so anywhere (row,): what follows from that is not played."""
        if self._mode is _Mode.PASSING and self._at == self._to:
            self._mode = _Mode.OFF
        if self._passes():
            return False
        is_found = bool(np.count_nonzero(found))
        if self._mode is _Mode.RECORDING:
            self._calls.append(Call(HALT, found.size, np.array([address_of(found)]), {}))
            self._is_whole &= not is_found
        return is_found

    def take(self, ring: Ring, into: NDArray[Any]) -> None:
        """Copy the next slot into an array without gaps."""
        self._copy(READ, ring, [into])

    def keep(self, ring: Ring, given: Sequence[NDArray[Any]]) -> None:
        """Copy arrays without gaps into the next slot; after the last slot comes the first."""
        self._copy(WRITE, ring, given)

    def mark(self, ring: Ring, number: int) -> None:
        """Put a number that grows with time into the next slot."""
        self._copy(WRITE, ring, [np.array([number])], is_own=True)

    def fail(self) -> None:
        """What is done now cannot be played."""
        self._is_whole = False

    def record(self) -> None:
        """Begin to record."""
        self._mode, self._calls, self._is_whole = _Mode.RECORDING, [], True

    def recorded(self) -> list[Call]:
        """What was recorded; nothing, where that cannot be played."""
        self._mode = _Mode.OFF
        return self._calls if self._is_whole else []

    def pass_over(self, calls: int) -> None:
        """Do nothing for so many calls, behind which `halts` is asked."""
        self._mode, self._at, self._to = _Mode.PASSING, 0, calls

    def _copy(self, kind: int, ring: Ring, arrays: Sequence[NDArray[Any]], *, is_own: bool = False) -> None:
        if self._passes(len(arrays)):
            return
        slot = ring.slots[int(ring.place[0])].reshape(len(arrays), -1)
        for own, given in zip(slot, arrays, strict=True):
            one, other = (given.reshape(-1), own) if kind == READ else (own, given.reshape(-1))
            one[:] = other
        if self._mode is _Mode.RECORDING:
            for number, given in enumerate(arrays):
                after = number == len(arrays) - 1
                told = [*_told(ring, slot, number), address_of(given), after]
                self._calls.append(Call(kind, slot[0].nbytes, np.array(told), {4: given.copy()} if is_own else {}))
        ring.place[0] = (ring.place[0] + 1) % len(ring.slots)

    def _passes(self, calls: int = 1) -> bool:
        """Whether this was done already."""
        if self._mode is not _Mode.PASSING:
            return False
        self._at += calls
        if self._at > self._to:
            raise RuntimeError("a period was passed over that is another one than was recorded")
        return True


def _told(ring: Ring, slot: NDArray[Any], number: int) -> list[int]:
    """Where a ring has its place, its slots, how many, and how far from each other, in bytes."""
    begin = address_of(ring.slots) + number * slot[0].nbytes
    return [address_of(ring.place), begin, len(ring.slots), ring.slots[0].nbytes]


class Program:
    """What two periods have in common, and how it moves with time."""

    def __init__(self, calls: Sequence[Call], addresses: Words, numbers: Words, growth: Words) -> None:
        self._kinds = np.array([one.kind for one in calls])
        self._rows = np.array([one.rows for one in calls])
        self._begins = np.array([0, *accumulate(len(one.addresses) for one in calls)])[:-1]
        self._addresses, self._numbers, self._growth = addresses, numbers, growth
        self._now = numbers.copy()
        offset = address_of(self._now)
        for place, at in self._places(calls):
            self._addresses[place] = offset + 8 * at
        self._calls = calls  # whose arrays have to stay

    @classmethod
    def of(cls, one: Sequence[Call], other: Sequence[Call]) -> Program | None:
        """Of two periods, one after the other; None: they are not alike."""
        if not one or len(one) != len(other) or not all(map(_are_alike, one, other)):
            return None
        before, after = (np.concatenate([np.zeros(0, np.int64), *_numbers(calls)]) for calls in (one, other))
        return cls(other, np.concatenate([call.addresses for call in other]), after, after - before)

    def _places(self, calls: Sequence[Call]) -> list[tuple[int, int]]:
        """Which addresses are of its own numbers, and where these begin."""
        found, at = [], 0
        for begin, one in zip(self._begins.tolist(), calls, strict=True):
            for place, words in one.own.items():
                found.append((begin + place, at))
                at += len(words)
        return found

    def play(self, since: int, periods: int) -> tuple[int, int]:
        """Play so many periods, the first of them `since` periods after the second that was recorded, 1 the next.

        Answers how many were played whole, and how many calls of the one that is not.
        """
        self._now[:] = self._numbers + since * self._growth
        done = play()(
            self._kinds, self._rows, self._begins, self._addresses, self._now, self._growth, periods
        )
        return divmod(done, len(self._kinds))


def _numbers(calls: Sequence[Call]) -> list[Words]:
    return [words for one in calls for words in one.own.values()]


def _are_alike(one: Call, other: Call) -> bool:
    return (
        (one.kind, one.rows, one.own.keys()) == (other.kind, other.rows, other.own.keys())
        and np.array_equal(np.delete(one.addresses, [*one.own]), np.delete(other.addresses, [*other.own]))
    )
