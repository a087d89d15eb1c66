"""The LoS manager: which level of service each row has, given which levels its rules admit.

Down at once, up one level at a time after the dwell. All arrays have `row` as last axis and are written in place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.design import Function
from karyon.kernel.elementwise import (
    BooleanTable,
    IndexColumn,
    LevelColumn,
    TimeColumn,
    TimeTable,
    anywhere,
    each,
    minimum,
    where,
)
from karyon.kernel.runtime import ABSENT, LATEST, NANOSECONDS, Booleans, Indices, Levels, Ticks


@dataclass(frozen=True, slots=True)
class Decision:
    """What the kernel decided for one function; the arrays belong to the kernel and are overwritten by its next step.

    level        int8 (row,), level of service now
    previous     int8 (row,), level before this step
    initialised  Boolean (row,); until then the level is 0 and the row in state `init`
    deciding     int16 (row,), index in `Function.rules` of the rule that blocks the next level now; where none does,
                 of the rule that decided the last downgrade since reset; -1: none
    trusted      per signal that the rules name a Boolean (row,): all rules that speak of this signal alone are certain;
                 False for a signal that no rule speaks of alone
    """

    level: Levels
    previous: Levels
    initialised: Booleans
    deciding: Indices
    trusted: dict[str, Booleans]


@dataclass(frozen=True, slots=True)
class FirstCause:
    """The first downgrade since reset, latched: rule index int16 (row,), -1: none; time i8 (row,), ABSENT: none."""

    rule: Indices
    time: Ticks


class Managed(NamedTuple):
    """State of one function in all rows: what `Decision` and `FirstCause` hold, and per upper level (level - 1, row):

    held, holds_since   whether its rules have held without a break, and since when, ns
    """

    previous: Levels
    level: Levels
    initialised: Booleans
    deciding: Indices
    downgraded_by: Indices
    cause: Indices
    caused: Ticks
    held: BooleanTable
    holds_since: TimeTable


class Limits(NamedTuple):
    """What a function's design says of its upper levels, as columns (level - 1, 1), and the number of its levels."""

    ends: IndexColumn  # rules up to that level
    below: LevelColumn  # the level from which it is reached
    dwells: TimeColumn  # ns, for which its rules must have held
    never_by: TimeColumn  # ns, until when no dwell can be over, as time begins at ABSENT
    levels: int


def decided(
    before: Managed,
    now: int,
    admissible: Levels,
    first: Indices,
    ready: Booleans,
    safe: BooleanTable,
    limits: Limits,
) -> Managed:
    """One step at `now` (ns).

    admissible  highest level whose cumulative rules are certain
    first       index of the first rule that is not certain, the number of rules where all are
    ready       every signal that the rules name was seen since reset
    safe        the command is inside the safe set of that level (level, row)
    """
    initialised = before.initialised | ready
    held = each(_holds, limits.ends, first)
    holds_since = each(_holds_since, before.holds_since, held, before.held, now)
    held_by = each(_held_by, limits.dwells, limits.never_by, now)
    raised = each(_may_rise, held, limits.below, before.level, holds_since, held_by, safe[1:])
    up = anywhere(raised) & initialised
    lowered = admissible < before.level
    downgraded_by = where(lowered, first, before.downgraded_by)
    is_first = lowered & (before.cause < 0)
    level = minimum(before.level, admissible) + up
    blocked = (admissible == level) & (admissible < limits.levels - 1)
    return Managed(
        level=level,
        previous=before.level,
        initialised=initialised,
        deciding=where(blocked, first, downgraded_by),
        downgraded_by=downgraded_by,
        cause=where(is_first, first, before.cause),
        caused=where(is_first, now, before.caused),
        held=held,
        holds_since=holds_since,
    )


def _holds(end: Any, first: Any) -> Any:
    return first >= end


def _holds_since(since: Any, holds: Any, held: Any, now: int) -> Any:
    return where(held, since, where(holds, now, since))


def _held_by(dwell: Any, never_by: Any, now: int) -> Any:
    """Since when rules must have held at `now` for their dwell to be over; now - holds_since may not fit into int64."""
    return where(now > never_by, now - dwell, ABSENT)


def _may_rise(held: Any, below: Any, level: Any, since: Any, held_by: Any, is_safe: Any) -> Any:
    """Rows that go up to a level: its rules have held for its dwell, and its set is safe."""
    return held & (level == below) & (since <= held_by) & is_safe


def _column(times: Iterable[int]) -> TimeColumn:
    return np.array([*times], dtype=np.int64)[:, np.newaxis]


class Manager:
    """State of one function in all rows, and what it begins with."""

    def __init__(self, function: Function, rows: int, trusted: Sequence[str]) -> None:
        """`trusted`: signals whose trust is told, see `Formula`."""
        self.function = function
        upper = function.levels[1:]
        self.trusted: Booleans = np.zeros((len(trusted), rows), dtype=np.bool_)
        told = dict(zip(trusted, self.trusted, strict=True))
        self.decision = Decision(
            level=np.zeros(rows, dtype=np.int8),
            previous=np.zeros(rows, dtype=np.int8),
            initialised=np.zeros(rows, dtype=np.bool_),
            deciding=np.full(rows, -1, dtype=np.int16),
            trusted={
                signal: told[signal] if signal in told else np.zeros(rows, dtype=np.bool_)
                for signal in function.signals
            },
        )
        self.first_cause = FirstCause(np.full(rows, -1, dtype=np.int16), np.full(rows, np.int64(ABSENT)))
        self.managed = Managed(
            level=self.decision.level,
            previous=self.decision.previous,
            initialised=self.decision.initialised,
            deciding=self.decision.deciding,
            downgraded_by=np.full(rows, -1, dtype=np.int16),
            cause=self.first_cause.rule,
            caused=self.first_cause.time,
            held=np.zeros((len(upper), rows), dtype=np.bool_),
            holds_since=np.zeros((len(upper), rows), dtype=np.int64),
        )
        dwells = [round(level.dwell * NANOSECONDS) for level in upper]  # of 292 years and more: for ever
        self.limits = Limits(
            ends=np.array(function.ends[1:], dtype=np.int16)[:, np.newaxis],
            below=np.arange(len(upper), dtype=np.int8)[:, np.newaxis],
            dwells=_column(min(dwell, LATEST) for dwell in dwells),
            never_by=_column(ABSENT + max(dwell - 1, 0) if dwell <= LATEST else LATEST for dwell in dwells),
            levels=len(function.levels),
        )

    def forget_held(self) -> None:
        """Time went backwards: what held so far counts from now on."""
        self.managed.held.fill(False)

    def distrust(self, time: int) -> None:
        """All rows to level 0 because `now` was no time: nothing is certain. `time` (ns) is the last that was one."""
        rows = len(self.decision.level)
        nothing, first = np.zeros(rows, dtype=np.int8), np.zeros(rows, dtype=np.int16)
        nowhere = np.zeros(rows, dtype=np.bool_)
        safe = np.zeros((self.limits.levels, rows), dtype=np.bool_)
        after = decided(self.managed, time, nothing, first, nowhere, safe, self.limits)
        self.take(after._replace(held=np.zeros_like(self.managed.held), holds_since=self.managed.holds_since))
        self.trusted.fill(False)

    def take(self, after: Managed) -> None:
        """Go on with this state."""
        # in this order: what is the level before may be the very array that the level after is written to
        for own, new in cast("Iterable[tuple[NDArray[Any], NDArray[Any]]]", zip(self.managed, after, strict=True)):
            np.copyto(own, new)

    def reset(self, rows: Booleans) -> None:
        """Put rows, a Boolean (row,), into state init: nothing seen, nothing held, no cause latched."""
        own = self.managed
        for array in (own.level, own.previous, own.initialised, *self.trusted, *own.held):
            array[rows] = 0
        for array in (own.deciding, own.downgraded_by, own.cause):
            array[rows] = -1
        own.caused[rows] = ABSENT

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All arrays that carry over to the next step, by name. Not copies."""
        own = self.managed
        trusted = {f"trusted.{signal}": array for signal, array in self.decision.trusted.items()}
        return {
            "level": own.level,
            "previous": own.previous,
            "initialised": own.initialised,
            "deciding": own.deciding,
            "downgraded_by": own.downgraded_by,
            "first_cause.rule": own.cause,
            "first_cause.time": own.caused,
            "held": own.held,
            "holds_since": own.holds_since,
            **trusted,
        }
