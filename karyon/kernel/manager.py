"""The LoS manager: which level of service each row has, given which levels its rules admit.

Down at once, up one level at a time after the dwell. All arrays have `row` as last axis and are written in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.design import Function
from karyon.kernel.runtime import ABSENT, NANOSECONDS, Booleans, Indices, Levels, Ticks


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


class Manager:
    """State of one function in all rows, and the step from one kernel cycle to the next."""

    def __init__(self, function: Function, rows: int) -> None:
        self.function = function
        upper = function.levels[1:]
        self.decision = Decision(
            level=np.zeros(rows, dtype=np.int8),
            previous=np.zeros(rows, dtype=np.int8),
            initialised=np.zeros(rows, dtype=np.bool_),
            deciding=np.full(rows, -1, dtype=np.int16),
            trusted={signal: np.zeros(rows, dtype=np.bool_) for signal in function.signals},
        )
        self.first_cause = FirstCause(np.full(rows, -1, dtype=np.int16), np.full(rows, np.int64(ABSENT)))
        self.downgraded_by = np.full(rows, -1, dtype=np.int16)
        self.held = np.zeros((len(upper), rows), dtype=np.bool_)
        self.holds_since = np.zeros((len(upper), rows), dtype=np.int64)
        # of the types that they are compared with: other types take several times as long
        self._ends = np.array([np.int16(end) for end in function.ends[1:]])[:, np.newaxis]
        self._below = np.array([np.int8(level) for level in range(len(upper))])[:, np.newaxis]
        self._dwells = [round(level.dwell * NANOSECONDS) for level in upper]

    def decide(
        self, now: int, admissible: Levels, first: Indices, ready: Booleans, safe: Booleans | None, *, restart: bool
    ) -> None:
        """One step at `now` (ns).

        admissible  int8 (row,), highest level whose cumulative rules are certain
        first       int16 (row,), index of the first rule that is not certain, the number of rules where all are
        ready       Boolean (row,): every signal that the rules name was seen since reset
        safe        Boolean (level, row): the command is inside the safe set of that level; None: there are no such sets
        restart     time went backwards: what held so far counts from `now`
        """
        decision = self.decision
        np.copyto(decision.previous, decision.level)
        np.logical_or(decision.initialised, ready, out=decision.initialised)
        if restart:
            np.copyto(self.held, False)
        self._hold(now, first)
        raised = self._may_rise(now, safe)
        self._lower(now, admissible, first)
        np.add(decision.level, raised, out=decision.level)
        self._name_deciding(admissible, first)

    def distrust(self, time: int) -> None:
        """All rows to level 0 because `now` was no time: nothing is certain. `time` (ns) is the last that was one."""
        decision = self.decision
        nothing = np.zeros(decision.level.shape, dtype=np.int8)
        first = np.zeros(decision.level.shape, dtype=np.int16)
        np.copyto(decision.previous, decision.level)
        self._lower(time, nothing, first)
        self._name_deciding(nothing, first)
        for array in (self.held, *decision.trusted.values()):
            np.copyto(array, False)

    def reset(self, rows: Booleans) -> None:
        """Put rows, a Boolean (row,), into state init: nothing seen, nothing held, no cause latched."""
        decision = self.decision
        for array in (decision.level, decision.previous, decision.initialised, *decision.trusted.values(), *self.held):
            array[rows] = 0
        for array in (decision.deciding, self.downgraded_by, self.first_cause.rule):
            array[rows] = -1
        self.first_cause.time[rows] = ABSENT

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All arrays that carry over to the next step, by name. Not copies."""
        decision = self.decision
        trusted = {f"trusted.{signal}": array for signal, array in decision.trusted.items()}
        return {
            "level": decision.level,
            "previous": decision.previous,
            "initialised": decision.initialised,
            "deciding": decision.deciding,
            "downgraded_by": self.downgraded_by,
            "first_cause.rule": self.first_cause.rule,
            "first_cause.time": self.first_cause.time,
            "held": self.held,
            "holds_since": self.holds_since,
            **trusted,
        }

    def _hold(self, now: int, first: Indices) -> None:
        """Note since when the rules of each level have held without a break."""
        certain = first >= self._ends
        np.copyto(self.holds_since, now, where=certain > self.held)
        np.copyto(self.held, certain)

    def _may_rise(self, now: int, safe: Booleans | None) -> Booleans:
        """Rows that go up by one: initialised, and the next level's rules have held for its dwell, its set is safe."""
        raised = self.held & (self.decision.previous == self._below)
        for level, dwell in enumerate(self._dwells):
            # compared like this because now - holds_since may not fit into int64
            raised[level] &= self.holds_since[level] <= max(now - dwell, ABSENT)
        if safe is not None:
            raised &= safe[1:]
        up: Booleans = raised.any(axis=0)
        up &= self.decision.initialised
        return up

    def _lower(self, now: int, admissible: Levels, first: Indices) -> None:
        decision = self.decision
        lowered = admissible < decision.level
        np.minimum(decision.level, admissible, out=decision.level)
        np.copyto(self.downgraded_by, first, where=lowered)
        lowered &= self.first_cause.rule < 0
        np.copyto(self.first_cause.rule, first, where=lowered)
        np.copyto(self.first_cause.time, now, where=lowered)

    def _name_deciding(self, admissible: Levels, first: Indices) -> None:
        decision = self.decision
        blocked = admissible == decision.level
        blocked &= admissible < len(self.function.levels) - 1
        np.copyto(decision.deciding, self.downgraded_by)
        np.copyto(decision.deciding, first, where=blocked)
