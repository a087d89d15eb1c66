"""Why a level of service was taken, in words: rule, input, value and limit.

A comparison that is shown is true as it is shown: numbers are rounded to as many digits as that takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from operator import ge, gt, le, lt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.design import Function
from karyon.kernel.grammar import duration, text
from karyon.kernel.rules import (
    Age,
    Alive,
    And,
    AtLeast,
    Leaf,
    Not,
    Or,
    Rule,
    Spread,
    Validity,
    Within,
)
from karyon.kernel.runtime import ABSENT, NANOSECONDS, SafetyInformation, verdict

HOLDS = {"<": lt, "≤": le, ">": gt, "≥": ge}
MOST_DECIMALS = 15
LONGEST = 1e9
"""Numbers from here on are shown in full."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the kernel knew of one row in one step.

    seen      safety information of this row alone
    now       time of the step, ns
    ever      signals that were present at least once since reset
    units     unit of each signal
    """

    seen: SafetyInformation
    now: int
    ever: frozenset[str]
    units: Mapping[str, str]

    def number(self, quantity: str, signal: str) -> float:
        """`value`, `validity` or `spread` of a signal."""
        return float(getattr(self.seen, quantity)[self.seen.signals[signal], 0])

    def absence(self, signal: str) -> str:
        """Why a signal is not present, "" when it is."""
        index = self.seen.signals[signal]
        time, offset = int(self.seen.time[index, 0]), float(self.seen.clock_offset[index, 0])
        if self.seen.present(signal, self.now)[0]:
            return ""
        if time == ABSENT:
            return "no measurement"
        if not isfinite(self.number("value", signal)):
            return "its value is no number"
        if not (isfinite(offset) and offset >= 0.0):
            return "no bound on the offset of its clock"
        return f"its time is {_seconds((time - self.now) / NANOSECONDS)} in the future"


class Basis(NamedTuple):
    """What a decision rests on (..., row), as `SafetyInformation`, `Managed` and `Decision` have it.

    ever   signals that were present since reset (signal, row)
    """

    value: NDArray[np.float64]
    validity: NDArray[np.float64]
    spread: NDArray[np.float64]
    time: NDArray[np.int64]
    clock_offset: NDArray[np.float64]
    beats: NDArray[np.int64]
    cooperation: NDArray[np.int8]
    ever: NDArray[np.bool_]
    holds_since: NDArray[np.int64]
    deciding: NDArray[np.int16]

    def of_rows(self, rows: NDArray[np.int64]) -> Basis:
        """A copy, of these rows. Raises IndexError."""
        return Basis._make(each[..., rows] for each in self)

    def at(self, now: NDArray[np.int64]) -> Basis:
        """As if the time of each row, `now` (row,) in ns, were 0: so rows of different times are judged together."""
        return self._replace(
            time=_moved(self.time, now), beats=_moved(self.beats, now), holds_since=self.holds_since - now
        )


def _moved(time: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.int64]:
    earliest = ABSENT + 1 + np.maximum(now, 0)  # what is further away is as far as int64 goes
    return np.where(time == ABSENT, ABSENT, np.maximum(time, earliest) - now)


@dataclass(frozen=True, slots=True)
class Causes:
    """Why rows changed their level in one step of the kernel, not yet in words; arrays (change,).

    held_since      ns, from when on the rules of the level that was taken have held
    deciding        index of the rule that decided, as in `Decision`
    is_timed        the kernel was given a time
    seen, ever      what was known of these rows, and which signals were ever present in them (signal, change)
    """

    function: Function
    level_from: NDArray[np.integer]
    level_to: NDArray[np.integer]
    held_since: NDArray[np.int64]
    deciding: NDArray[np.int16]
    is_timed: bool
    now: int
    seen: SafetyInformation
    ever: NDArray[np.bool_]
    units: Mapping[str, str]

    def text(self, change: int) -> str:
        """The words for one of the changes."""
        before, after = int(self.level_from[change]), int(self.level_to[change])
        said = f"LoS {before} → {after}: " if before != after else f"LoS {after}: "
        if not self.is_timed:
            return said + "the time that the kernel was given is no time"
        if after > before:
            return said + held_for(after, (self.now - int(self.held_since[change])) / NANOSECONDS)
        decided = int(self.deciding[change])
        if decided < 0:
            return said + "no rule decided this"
        return said + reason(self.function.rules[decided], self._row(change))

    def _row(self, change: int) -> Row:
        ever = frozenset(name for name, index in self.seen.signals.items() if self.ever[index, change])
        return Row(self.seen.of_rows(np.array([change])), self.now, ever, self.units)


def held_for(level: int, held: float) -> str:
    """Why a level was taken: `held` is how long (s) its rules have held."""
    return f"rules of LoS {level} held for {_seconds(held)}"


def reason(rule: Rule, row: Row) -> str:
    """Why `rule` is not certain in `row`; where it is (newer data came in since), that it did not hold."""
    if verdict(rule, row.seen, row.now).certain[0]:
        return f"{text(rule)} did not hold"
    return _against(rule, row)


def _against(rule: Rule, row: Row, *, negated: bool = False) -> str:
    """What speaks against `rule`, or against its negation, which is not certain in `row`."""
    match rule:
        case Not(term):
            return _against(term, row, negated=not negated)
        case And(terms):
            return _too_few(len(terms) if not negated else 1, terms, row, negated=negated)
        case Or(terms):
            return _too_few(1 if not negated else len(terms), terms, row, negated=negated)
        case AtLeast(k, terms):
            return _too_few(k if not negated else len(terms) - k + 1, terms, row, negated=negated)
        case _:
            return _leaf(rule, row, negated=negated)


def _too_few(needed: int, terms: tuple[Rule, ...], row: Row, *, negated: bool) -> str:
    """Of `terms` (or their negations) fewer than `needed` are certain."""
    open_terms = [term for term in terms if not verdict(Not(term) if negated else term, row.seen, row.now).certain[0]]
    if needed == len(terms):
        return _against(open_terms[0], row, negated=negated)
    reasons = " and ".join(_against(term, row, negated=negated) for term in open_terms)
    if needed == 1:
        return reasons
    return f"{len(terms) - len(open_terms)} of {len(terms)} hold, {needed} needed: {reasons}"


def _leaf(leaf: Leaf, row: Row, *, negated: bool) -> str:
    match leaf:
        case Validity(signal, minimum):
            shown = _compared(row.number("validity", signal), "≥" if negated else "<", minimum, decimals=2)
            return _of_signal("validity", signal, f"validity of {signal} {shown}", row)
        case Age(signal, limit):
            age = float(row.seen.age(signal, row.now)[0])
            return _of_signal("age", signal, f"age of {signal} {_times(age, '≤' if negated else '>', limit)}", row)
        case Spread(signal, limit):
            shown = _compared(row.number("spread", signal), "≤" if negated else ">", limit, row.units[signal])
            return _of_signal("spread", signal, f"spread of {signal} {shown}", row)
        case Within(signal, low, high):
            return _of_signal("value", signal, _range(signal, low, high, row, negated=negated), row)
        case Alive(component):
            return _heartbeat(component, row, negated=negated)
        case _:  # Cooperation: mypy finds no peer in any other
            return _agreement(leaf.peer, leaf.level, row, negated=negated)


def _of_signal(quantity: str, signal: str, known: str, row: Row) -> str:
    if signal not in row.ever:
        return f"{signal} was never seen"
    why = row.absence(signal) or _unusable(quantity, signal, row)
    return f"{quantity} of {signal} unknown ({why})" if why else known


def _unusable(quantity: str, signal: str, row: Row) -> str:
    if quantity == "validity" and not 0.0 <= row.number("validity", signal) <= 1.0:
        return "not from 0 to 1"
    if quantity == "spread" and not (row.number("spread", signal) >= 0.0 and isfinite(row.number("spread", signal))):
        return "not a finite number of at least 0"
    return ""


def _range(signal: str, low: float, high: float, row: Row, *, negated: bool) -> str:
    value, unit = row.number("value", signal), row.units[signal]
    if negated:
        return f"{signal} {_compared(value, '≥', low, unit)} and {_compared(value, '≤', high, unit)}"
    sign, limit = ("<", low) if value < low else (">", high)
    return f"{signal} {_compared(value, sign, limit, unit)}"


def _heartbeat(component: str, row: Row, *, negated: bool) -> str:
    index = row.seen.components[component]
    beat, deadline = int(row.seen.beats[index, 0]), float(row.seen.deadlines[index])
    if beat == ABSENT:
        return f"{component} never gave a heartbeat"
    silence = (row.now - beat) / NANOSECONDS
    if silence < 0.0:
        return f"the heartbeat of {component} is {_seconds(-silence)} in the future"
    if negated:
        return f"{component} gave a heartbeat {_times(silence, '≤', deadline)} ago"
    return f"{component} gave no heartbeat for {_times(silence, '>', deadline)}"


def _agreement(peer: str, level: int, row: Row, *, negated: bool) -> str:
    agreed = int(row.seen.cooperation[row.seen.peers[peer], 0])
    if agreed < 0:
        return f"{peer} has agreed to nothing"
    return f"cooperation of {peer} {agreed} {'≥' if negated else '<'} {level}"


def _times(time: float, sign: str, limit: float) -> str:
    """A time beside its limit, both in s."""
    if max(time, limit) < 1.0:
        return _compared(time * 1e3, sign, limit * 1e3, "ms", decimals=0)
    return _compared(time, sign, limit, "s", decimals=2)


def _compared(found: float, sign: str, limit: float, unit: str = "1", *, decimals: int = 1) -> str:
    """`found sign limit` with the fewest digits that keep the limit as written and the comparison true."""
    holds, tail = HOLDS[sign], f" {unit}" if unit != "1" else ""
    fewest = max(decimals, _decimals(limit))
    most = MOST_DECIMALS if max(abs(found), abs(limit)) < LONGEST else 0
    for digits in range(fewest, most + 1):
        left, right = f"{found:.{digits}f}", f"{limit:.{digits}f}"
        if holds(float(left), float(right)) and (float(left) == float(right)) == (found == limit):
            return f"{left}{tail} {sign} {right}{tail}"
    return f"{found!r}{tail} {sign} {limit!r}{tail}"


def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _seconds(seconds: float) -> str:
    return duration(round(seconds, 9))
