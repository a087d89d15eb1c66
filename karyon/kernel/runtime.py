"""Run-time safety information, and what a rule says about it.

Everything the kernel knows of the outside is in `SafetyInformation`: preallocated arrays, one column per row (one
vehicle in one run). A rule over absent data is *unknown*; its `Verdict` is therefore two Boolean arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard, assert_never

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import BooleanTable, FloatTable, each, isfinite, maximum, minimum
from karyon.kernel.rules import (
    HIGHEST_LEVEL,
    Age,
    Alive,
    And,
    AtLeast,
    Cooperation,
    Not,
    Or,
    Rule,
    Spread,
    Validity,
    Within,
)

if TYPE_CHECKING:
    from karyon.kernel.design import Design

Floats: TypeAlias = NDArray[np.float64]
Ticks: TypeAlias = NDArray[np.int64]
Levels: TypeAlias = NDArray[np.int8]
Indices: TypeAlias = NDArray[np.int16]
Booleans: TypeAlias = NDArray[np.bool_]
Given: TypeAlias = Any
"""What a caller hands in: whatever it is, it never makes the kernel raise."""

ABSENT = -(2**63)
"""Time of a measurement or heartbeat that does not exist."""

LATEST = 2**63 - 1
"""Latest time that int64 can say, ns."""

NANOSECONDS = 1e9
"""Nanoseconds in a second. Divide by it: `300_000_000 / 1e9` is exactly the limit 0.3, `* 1e-9` is above it."""

EVERYWHERE = np.array(True)
"""A mask of all rows."""

WIDEST = 8
"""Bytes of the widest number taken: a longer float does not fit into float64."""

KNOWN = ("value", "validity", "spread", "time", "clock_offset", "beats", "cooperation")
"""What `SafetyInformation` has of each row."""


class SafetyInformation:
    """What the kernel sees: per row the latest of every signal, component and peer of a design.

    value         f8 (signal, row), SI; NaN or infinite: absent
    validity      f8 (signal, row), 0..1; anything else: unknown
    spread        f8 (signal, row), half-width of the uncertainty interval, SI, >= 0; anything else: unknown
    time          i8 (signal, row), ns, time of measurement (not of arrival); ABSENT: none
    clock_offset  f8 (signal, row), s, bound on the offset of the source's clock; negative or not finite: absent
    beats         i8 (component, row), ns, time of the last heartbeat; ABSENT: never
    cooperation   int8 (peer, row), level of service agreed for the present round; -1: none

    Nothing here raises on what it is given, and nothing grows.
    """

    def __init__(self, design: Design, rows: int) -> None:
        self.rows = rows
        self.signals = {signal.name: index for index, signal in enumerate(design.signals)}
        self.components = {component.name: index for index, component in enumerate(design.components)}
        self.peers = {peer: index for index, peer in enumerate(design.peers)}
        self.deadlines = np.array([float(component.deadline) for component in design.components])
        shape = (len(self.signals), rows)
        self.value: Floats = np.full(shape, np.nan)
        self.validity: Floats = np.zeros(shape)
        self.spread: Floats = np.zeros(shape)
        self.time: Ticks = np.full(shape, np.int64(ABSENT))
        self.clock_offset: Floats = np.zeros(shape)
        self.beats: Ticks = np.full((len(self.components), rows), np.int64(ABSENT))
        self.cooperation: Levels = np.full((len(self.peers), rows), np.int8(-1))

    def see(
        self,
        signal: str,
        value: Given,
        time: Given,
        validity: Given = 1.0,
        spread: Given = 0.0,
        clock_offset: Given = 0.0,
    ) -> bool:
        """Take the latest of one signal for all rows; every argument is a number or an array (row,).

        value, spread in SI, time in integer ns, validity 0..1, clock_offset in s. Returns True when taken. A signal
        that the design does not know is ignored. Anything that is no number (text, None, Booleans, complex or masked
        arrays; for the time also floats, because a float cannot hold ns) or does not fit (row,) makes the signal
        absent in all rows. Never raises.
        """
        index = _index(self.signals, signal)
        if index is None:
            return False
        ticks: Any = time
        reals: list[Any] = [value, validity, spread, clock_offset]
        if not _are_plain(time, reals):
            ticks, reals = _ticks(time, self.rows), [_reals(given, self.rows) for given in reals]
            if ticks is None or any(real is None for real in reals):
                self._forget(index)
                return False
        self.value[index], self.validity[index], self.spread[index], self.clock_offset[index] = reals
        self.time[index] = ticks
        return True

    def see_all(
        self,
        signals: Sequence[str],
        value: Given,
        time: Given,
        validity: Given = 1.0,
        spread: Given = 0.0,
        clock_offset: Given = 0.0,
    ) -> bool:
        """As `see` of several signals, in less time: arrays (signal, row), or what fits all. Returns True when taken.

        Signals that the design does not know are ignored. What is not of the types that are kept, float64 and int64,
        makes all of these signals absent. Never raises.
        """
        indices = [_index(self.signals, signal) for signal in signals]
        rows = [row for row, index in enumerate(indices) if index is not None]
        known = [index for index in indices if index is not None]
        reals = (value, validity, spread, clock_offset)
        shape = (len(indices), self.rows)
        if not (_is_plain(time, np.int64, shape) and all(_is_real(each, shape) for each in reals)):
            for index in known:
                self._forget(index)
            return False
        kept = (self.value, self.validity, self.spread, self.clock_offset, self.time)
        places, whole = _together(known), len(known) == len(indices)
        for array, given in zip(kept, (*reals, time), strict=True):
            array[places] = given if whole or isinstance(given, float) else given[rows]
        return True

    def forget(self, signal: str) -> bool:
        """Make a signal absent in all rows. Returns whether the design knows it. Never raises."""
        index = _index(self.signals, signal)
        if index is None:
            return False
        self._forget(index)
        return True

    def beat(self, component: str, time: Given, rows_mask: Given = True) -> bool:
        """Take a heartbeat of a component: time in integer ns, a number or an array (row,); rows_mask Boolean (row,).

        Returns True when taken. A heartbeat that cannot be read is none: the component is absent in all rows from
        then on until the next one. A component that the design does not know is ignored. Never raises.
        """
        index = _index(self.components, component)
        if index is None:
            return False
        ticks = _ticks(time, self.rows)
        mask = EVERYWHERE if rows_mask is True else mask_or_none(rows_mask, self.rows)
        if ticks is None or mask is None:
            self.beats[index] = ABSENT
            return False
        np.copyto(self.beats[index], ticks, where=mask)
        return True

    def agree(self, peer: str, level: Given) -> bool:
        """Take the level of service that a peer has agreed to: whole number 0..127 or an array of them (row,).

        Returns True when taken. Any other number makes the peer absent in that row, anything else in all rows. A peer
        that the design does not know is ignored. Never raises.
        """
        index = _index(self.peers, peer)
        if index is None:
            return False
        ticks = _ticks(level, self.rows)
        agreed = -1 if ticks is None else np.where((ticks >= 0) & (ticks <= HIGHEST_LEVEL), ticks, -1)
        np.copyto(self.cooperation[index], agreed)
        return ticks is not None

    def present(self, signal: str, now: int) -> Booleans:
        """Rows (row,) that have a finite value with a time of measurement that is not in the future.

        The source's clock may run ahead by the bound on its offset: now - time >= -clock_offset.
        """
        index = self.signals.get(signal)
        if index is None:
            return np.zeros(self.rows, dtype=np.bool_)
        offset = self.clock_offset[index]
        bounded = (offset >= 0.0) & np.isfinite(offset)
        measured = np.isfinite(self.value[index]) & (self.time[index] != ABSENT)
        present: Booleans = measured & bounded & (self._since(index, now) >= 0.0)
        return present

    def age(self, signal: str, now: int) -> Floats:
        """Age (row,) in s, bound on the clock offset added; infinite where the signal is absent."""
        index = self.signals.get(signal)
        if index is None:
            return np.full(self.rows, np.inf)
        return np.where(self.present(signal, now), self._since(index, now), np.inf)

    def _since(self, index: int, now: int) -> Floats:
        """Time since the measurement in s, bound on the clock offset added; of no meaning where there is none."""
        with np.errstate(invalid="ignore"):  # a signalling NaN is absent data like any other
            age: Floats = age_of(self.time[index], self.clock_offset[index], Now.at(now))
        return age

    def of_rows(self, rows: Ticks) -> SafetyInformation:
        """A copy of what is known of these rows. Raises IndexError."""
        return self.holding(len(rows), [array[:, rows] for array in self.known])

    @property
    def known(self) -> list[NDArray[Any]]:
        """The arrays themselves, in the order of `KNOWN`."""
        return [getattr(self, name) for name in KNOWN]

    def holding(self, rows: int, known: Sequence[NDArray[Any]]) -> SafetyInformation:
        """Of the same design, other arrays, in the order of `KNOWN`."""
        own = copy(self)
        own.rows = rows
        for name, array in zip(KNOWN, known, strict=True):
            setattr(own, name, array)
        return own

    def _forget(self, index: int) -> None:
        np.copyto(self.value[index], np.nan)
        self.time[index] = ABSENT


@dataclass(frozen=True, slots=True)
class Verdict:
    """Truth of a rule in every row, as two Boolean arrays (row,): certain <= truth <= possible."""

    certain: Booleans
    possible: Booleans


def verdict(rule: Rule, seen: SafetyInformation, now: int) -> Verdict:  # noqa: PLR0911 (a case per term)
    """Truth of `rule` in every row at `now` (ns): the plain interpreter, the meaning of every term in one place.

    A level is admitted by `certain` alone, so absent data never admits one, not even under `not`. A name that the
    design does not know is absent. Never raises.
    """
    match rule:
        case Validity(signal, minimum):
            validity = _row(seen.validity, seen.signals.get(signal), seen.rows)
            known = seen.present(signal, now) & (validity >= 0.0) & (validity <= 1.0)
            return _leaf(known, validity >= minimum)
        case Age(signal, limit):
            return _leaf(seen.present(signal, now), seen.age(signal, now) <= limit)
        case Spread(signal, limit):
            spread = _row(seen.spread, seen.signals.get(signal), seen.rows)
            return _leaf(seen.present(signal, now) & (spread >= 0.0) & (spread < np.inf), spread <= limit)
        case Within(signal, low, high):
            value = _row(seen.value, seen.signals.get(signal), seen.rows)
            return _leaf(seen.present(signal, now), (low <= value) & (value <= high))
        case Alive(component):
            return _alive(component, seen, now)
        case Cooperation(peer, level):
            agreed = _row(seen.cooperation, seen.peers.get(peer), seen.rows)
            return _leaf(agreed >= 0, agreed >= level)
        case Not(term):
            inner = verdict(term, seen, now)
            return Verdict(certain=~inner.possible, possible=~inner.certain)
        case And(terms):
            return _at_least(len(terms), terms, seen, now)
        case Or(terms):
            return _at_least(1, terms, seen, now)
        case AtLeast(k, terms):
            return _at_least(k, terms, seen, now)
        case _:
            assert_never(rule)


def _leaf(known: Booleans, truth: Booleans) -> Verdict:
    return Verdict(certain=known & truth, possible=~known | truth)


def _at_least(k: int, terms: tuple[Rule, ...], seen: SafetyInformation, now: int) -> Verdict:
    verdicts = [verdict(term, seen, now) for term in terms]
    certain = np.sum([each.certain for each in verdicts], axis=0)
    possible = np.sum([each.possible for each in verdicts], axis=0)
    return Verdict(certain=certain >= k, possible=possible >= k)


def _alive(component: str, seen: SafetyInformation, now: int) -> Verdict:
    index = seen.components.get(component)
    if index is None:
        return _leaf(np.zeros(seen.rows, dtype=np.bool_), np.zeros(seen.rows, dtype=np.bool_))
    beats = seen.beats[index]
    silence = since(beats, Now.at(now))
    return _leaf(is_heard(beats, silence), silence <= seen.deadlines[index])


def _row(table: NDArray[Any], index: int | None, rows: int) -> NDArray[Any]:
    return np.full(rows, np.nan) if index is None else table[index]


class Now(NamedTuple):
    """The time of a cycle in ns, and between which times its distance from it fits into int64."""

    time: int
    earliest: int
    latest: int

    @classmethod
    def at(cls, time: int) -> Now:
        """`time` in int64."""
        return cls(time, time - LATEST, LATEST) if time >= 0 else cls(time, ABSENT, time - ABSENT)


def since(time: Any, now: Now) -> Any:
    """Time since then in s, both held at the ends of int64 where their difference does not fit, not wrapped around."""
    return (now.time - minimum(maximum(time, now.earliest), now.latest)) / NANOSECONDS


def age_of(time: Any, clock_offset: Any, now: Now) -> Any:
    """Age in s, the bound on the clock offset added, of use where `is_present`. As `SafetyInformation.age`."""
    return since(time, now) + clock_offset


def is_present(value: Any, time: Any, clock_offset: Any, age: Any) -> Any:
    """Whether there is a finite value whose time of measurement is not in the future. As `.present`."""
    # elapsed time is finite, so the age is finite where the bound on the clock offset is
    is_timed = (age >= 0.0) & isfinite(age) & (clock_offset >= 0.0) & (time != ABSENT)
    return is_timed & isfinite(value)


def is_heard(beat: Any, silence: Any) -> Any:
    """Whether a heartbeat was seen that is not in the future; `silence` is the time since it in s."""
    return (silence >= 0.0) & (beat != ABSENT)


class Freshness(NamedTuple):
    """Presence and age of everything seen: what the rules are given.

    present  (signal, row); age  s (signal, row), of use where present
    heard    (component, row): a heartbeat was seen and is not in the future
    silence  s (component, row), since that heartbeat, of use where heard
    """

    present: BooleanTable
    age: FloatTable
    heard: BooleanTable
    silence: FloatTable


def freshness(seen: Any, now: Now) -> Freshness:
    """Of what `SafetyInformation` holds, or of as much of it as there is in a row."""
    age = each(age_of, seen.time, seen.clock_offset, now)
    present = each(is_present, seen.value, seen.time, seen.clock_offset, age)
    silence = each(since, seen.beats, now)
    return Freshness(present, age, each(is_heard, seen.beats, silence), silence)


def time_or_none(given: Given) -> int | None:
    """`given` as a time in ns when it is an integer that int64 can hold and that is not ABSENT. Never raises."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        return None
    time = int(given)
    return time if ABSENT < time <= LATEST else None


def _together(indices: Sequence[int]) -> slice | Sequence[int]:
    """The same places, as a slice if they follow each other: nothing is gathered and scattered then."""
    begin, end = (indices[0], indices[-1] + 1) if indices else (0, 0)
    return slice(begin, end) if list(indices) == list(range(begin, end)) else indices


def _are_plain(time: Given, reals: list[Given]) -> bool:
    """Whether these are Python's own numbers, as of one vehicle alone, at a time that int64 can hold."""
    return type(time) is int and ABSENT <= time <= LATEST and all(type(real) is float for real in reals)


def _index(names: dict[str, int], name: Given) -> int | None:
    return names.get(name) if isinstance(name, str) else None


def _reals(given: Given, rows: int) -> Floats | float | None:
    """Numbers as float64, a scalar or of a shape that fits (row,); None when they are not. Never raises."""
    if _is_real(given, (rows,)):
        return given
    array = _array(given, rows, ("i", "u", "f"))
    if array is None or array.dtype == np.float64:
        return array
    with np.errstate(invalid="ignore"):  # a signalling NaN is absent data like any other
        return np.asarray(array, dtype=np.float64)


def _ticks(given: Given, rows: int) -> Ticks | None:
    """Integers that int64 holds; ABSENT where one does not fit; None when they are no integers. Never raises."""
    if _is_plain(given, np.int64, (rows,)):
        return given
    if type(given) is int and ABSENT <= given <= LATEST:
        return np.array(given)
    array = _array(given, rows, ("i", "u"))
    if array is None:
        return None
    return np.where(array > LATEST, ABSENT, array.astype(np.int64))


def _is_plain(given: Given, kind: type, shape: tuple[int, ...]) -> TypeGuard[NDArray[Any]]:
    """Whether it is what is kept already: no more is asked of what comes in each cycle."""
    return type(given) is np.ndarray and given.dtype == kind and given.shape == shape


def _is_real(given: Given, shape: tuple[int, ...]) -> TypeGuard[NDArray[Any] | float]:
    return isinstance(given, float) or _is_plain(given, np.float64, shape)


def mask_or_none(given: Given, rows: int) -> Booleans | None:
    """`given` as a Boolean array that fits (row,), or None. Never raises."""
    if _is_plain(given, np.bool_, (rows,)):
        return given
    return _array(given, rows, ("b",))


def _array(given: Given, rows: int, kinds: tuple[str, ...]) -> NDArray[Any] | None:
    """`given` as an array of one of the dtype kinds that fits (row,), or None. Never raises."""
    # other array types (masked, with units) hide what a plain view of their numbers would take for a measurement
    if not isinstance(given, int | float | list | tuple | np.number) and type(given) is not np.ndarray:
        return None
    try:
        array = np.asarray(given)
    except Exception:  # whatever an object inside a list raises when asked for its number: it is no number
        return None
    fits = array.shape in ((), (1,), (rows,)) and array.itemsize <= WIDEST
    return array if fits and array.dtype.kind in kinds else None
