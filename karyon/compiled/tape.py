"""What a period of a simulation comes to, played again without Python between: see `Tape`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from time import thread_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.compiled.journal import Journal
from karyon.compiled.numbers import address_of
from karyon.compiled.player import ASK, NOTE, PICK, PUT, READ, SKIP, WRITE, call, play
from karyon.compiled.template import LOOPS
from karyon.kernel.elementwise import Reaction, react

if TYPE_CHECKING:
    from karyon.compiled.placed import Arrays
    from karyon.compiled.random_numbers import Drawing

Words = NDArray[np.int64]
ALWAYS = np.ones(1, dtype=bool)  # for what is done at each time, in answer to nothing
BYTES = 8  # of a word
DRAWN, NOTED, COPIED = "random numbers", "asks and notes", "copies"  # what calls do besides formulas


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

    kind        address of a loop, or one of `ASK`, `NOTE`, `READ`, `WRITE`, `SKIP`, `PICK`, `PUT`
    addresses   that it is handed
    own         numbers among them, by the place of their address: those that there were then, as words
    reaction    of an `ASK`, to what is found, and of a `NOTE` for which there is no room; its time is the first number
    keeps       arrays that lie at the addresses
    """

    kind: int
    rows: int
    addresses: Words
    own: dict[int, Words]
    reaction: Reaction | None = None
    keeps: Any = None


class Tape:
    """Compiled loops, and what they do in a period, one after the other: recorded, and played again.

    Two periods are recorded. What differs between them are numbers that grow with time, by as much in each period; all
    else must be the same, or nothing is played. Whoever is recorded does nothing with arrays in a period but by loops
    that were compiled for this tape, by `take`, `keep`, `mark`, `note`, `pick`, `put`, or answering what `react` finds.

    version   another one when a loop is handed an array that it has not seen
    """

    def __init__(self) -> None:
        self.version = 0
        self.is_off = True  # nothing is recorded
        self._calls, self._is_whole = list[Call](), True

    def run(self, loop: Arrays | Drawing) -> None:
        """Call a loop, and note that while this is recorded."""
        call()(loop.kind, loop.addresses.ctypes.data, loop.rows)
        if not self.is_off:
            self._calls.append(loop.recorded())

    def react(self, found: NDArray[np.bool_], now: int, reaction: Reaction) -> None:
        """Where something is so in any row (row,), what follows from that at `now` (ns)."""
        if not self.is_off:
            told = np.array([address_of(found), 0])
            self._calls.append(Call(ASK, found.size, told, {1: np.array([now])}, reaction, found))
        react(found, now, reaction)

    def note(
        self, found: NDArray[np.bool_], journal: Journal, told: Sequence[NDArray[Any]], now: int, *numbers: int
    ) -> None:
        """Where something is so in any row (row,), write into a journal what is told of that row, and the numbers."""

        def write(now: int) -> None:
            journal.write(found, told, [now, *(now + each - times[0] for each in times[1:])])

        times = now, *numbers
        write(now)
        if not self.is_off:
            addresses = np.array([address_of(found), 0, *journal.addresses(told)])
            self._calls.append(Call(NOTE, found.size, addresses, {1: np.array(times)}, write, (found, told, journal)))

    def take(self, ring: Ring, into: NDArray[Any]) -> None:
        """Copy the next slot into an array without gaps."""
        self._copy(READ, ring, [into])

    def keep(self, ring: Ring, given: Sequence[NDArray[Any]]) -> None:
        """Copy arrays without gaps into the next slot; after the last slot comes the first."""
        self._copy(WRITE, ring, given)

    def mark(self, ring: Ring, number: int) -> None:
        """Put a number that grows with time into the next slot."""
        self._copy(WRITE, ring, [np.array([number])], is_own=True)

    def pick(self, table: NDArray[Any], level: Words, row: Words, into: NDArray[Any]) -> None:
        """Copy what stands at places of a table (level, row): `level` and `into` (field, place), `row` (place,).

        Nothing has gaps within a row; of words of 8 bytes, or of bytes.
        """
        into[:] = table[level, row]
        self._note_places(PICK, table, level, row, into)

    def put(self, values: NDArray[Any], table: NDArray[Any], level: Words, row: Words) -> None:
        """The other way round, where the row is not below 0; `values` as `into`, or (place,)."""
        by_field = values.reshape(level.shape) if values.ndim == 1 else values
        at = np.flatnonzero(row >= 0)
        table[level[:, at], row[at]] = by_field[:, at]
        self._note_places(PUT, table, level, row, by_field)

    def _note_places(self, kind: int, table: NDArray[Any], level: Words, row: Words, by_field: NDArray[Any]) -> None:
        if self.is_off:
            return
        to_next = table.strides[0] // table.itemsize
        for of_field, values in zip(level, by_field, strict=True):
            told = [address_of(table), to_next, *map(address_of, (of_field, row, values))]
            of_size = kind if table.itemsize == BYTES else kind - 1
            self._calls.append(Call(of_size, len(row), np.array(told), {}, keeps=(table, level, row, by_field)))

    @contextmanager
    def during(self, windows: Words, now: int) -> Iterator[None]:
        """What is done within is to be played while a window is open alone: begin and end (2, window), ns."""
        at = len(self._calls)
        yield
        if not self.is_off:
            told = np.array([address_of(windows), 0, len(self._calls) - at])
            self._calls.insert(at, Call(SKIP, windows.shape[1], told, {1: np.array([now])}, keeps=windows))

    def fail(self) -> None:
        """What is done now cannot be played."""
        self._is_whole = False

    def record(self) -> None:
        """Begin to record."""
        self.is_off, self._calls, self._is_whole = False, [], True

    def recorded(self) -> list[Call]:
        """What was recorded; nothing, where that cannot be played."""
        calls, self._calls, self.is_off = self._calls, [], True
        return calls if self._is_whole else []

    def _copy(self, kind: int, ring: Ring, arrays: Sequence[NDArray[Any]], *, is_own: bool = False) -> None:
        slot = ring.slots[int(ring.place[0])].reshape(len(arrays), -1)
        for number, (own, given) in enumerate(zip(slot, arrays, strict=True)):
            one, other = (given.reshape(-1), own) if kind == READ else (own, given.reshape(-1))
            one[:] = other
            if not self.is_off:
                told = _told(ring, number * own.nbytes, given, is_last=number == len(arrays) - 1)
                of_own = {4: given.copy()} if is_own else {}
                self._calls.append(Call(kind, own.nbytes, np.array(told), of_own, keeps=(ring, given)))
        ring.place[0] = (ring.place[0] + 1) % len(ring.slots)


def _told(ring: Ring, offset: int, array: NDArray[Any], *, is_last: bool) -> list[int]:
    """Of a ring its place, its slots, how many, how far they are apart; an array; whether the next slot comes next."""
    slots = ring.slots
    return [address_of(ring.place), address_of(slots) + offset, len(slots), slots[0].nbytes, address_of(array), is_last]


class Program:
    """What two periods have in common, and how it grows with time."""

    def __init__(self, calls: Sequence[Call], numbers: Words, growth: Words) -> None:
        """`numbers` of the second period."""
        self._calls, self._numbers, self._growth, self._now = calls, numbers, growth, numbers.copy()
        self._begins = np.array([0, *accumulate(len(one.addresses) for one in calls)])[:-1]
        self._addresses = np.concatenate([one.addresses for one in calls])
        self._times: dict[int, int] = {}  # of what is asked, where its time is
        at = 0
        for number, (begin, one) in enumerate(zip(self._begins.tolist(), calls, strict=True)):
            for place, words in one.own.items():
                self._addresses[begin + place] = address_of(self._now) + self._now.itemsize * at
                self._times[number] = at
                at += len(words)
        kinds, rows = np.array([one.kind for one in calls]), np.array([one.rows for one in calls])
        self._told = kinds, rows, self._begins, self._addresses, self._now, self._growth

    @classmethod
    def of(cls, one: Sequence[Call], other: Sequence[Call]) -> Program | None:
        """Of two periods, one after the other; None: they are not alike."""
        if not one or len(one) != len(other) or not all(map(_are_alike, one, other)):
            return None
        before, after = (
            np.concatenate([words for call in calls for words in call.own.values()]) for calls in (one, other)
        )
        return cls(other, after, after - before)

    def play(self, since: int, periods: int) -> None:
        """Play so many periods, the first of them `since` periods after the second that was recorded, 1 the next."""
        self._now[:] = self._numbers + since * self._growth
        done, end = 0, periods * len(self._calls)
        while done < end:
            done = self._played(done, end)

    def timed(self, since: int, periods: int) -> Mapping[str, float]:
        """The same, one call after the other: how much CPU time each took in all, in s, by the name of its formula.

        As much is taken off each call as the quickest of them took on average: that is what timing takes.
        """
        self._now[:] = self._numbers + since * self._growth
        count, done = len(self._calls), 0
        taken, times = np.zeros(count), np.zeros(count)
        while done < periods * count:
            number, started = done % count, thread_time()
            done = self._played(done, done + 1)
            taken[number] += thread_time() - started
            times[number] += 1
        least = float((taken / np.maximum(times, 1.0))[times > 0.0].min())
        names = {ASK: NOTED, NOTE: NOTED} | {one.address: file.stem.rpartition("_")[0] for file, one in LOOPS.items()}
        found: defaultdict[str, float] = defaultdict(float)
        for one, seconds in zip(self._calls, taken - times * least, strict=True):
            found[names.get(one.kind, DRAWN if one.kind > 0 else COPIED)] += seconds
        return found

    def _played(self, done: int, end: int) -> int:
        """Play on, from a number of calls that are done to another one, or to one that asks; answers how many are."""
        done = play()(*self._told, done, end)
        if done < end:
            number = done % len(self._calls)
            reaction = self._calls[number].reaction
            assert reaction is not None
            reaction(int(self._now[self._times[number]]))
            done += 1
            if done % len(self._calls) == 0:
                self._now += self._growth
        return int(done)


def _are_alike(one: Call, other: Call) -> bool:
    is_same = (one.kind, one.rows, one.own.keys()) == (other.kind, other.rows, other.own.keys())
    given, given_then = (np.delete(each.addresses, [*each.own]) for each in (one, other))
    return is_same and np.array_equal(given, given_then)
