"""The safety kernel: reads run-time safety information, evaluates the rules, decides the level of service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.design import Design
from karyon.kernel.explanation import Causes
from karyon.kernel.formula import generate
from karyon.kernel.manager import Decision, FirstCause, Manager
from karyon.kernel.runtime import ABSENT, Booleans, Freshness, Given, SafetyInformation, mask_or_none, time_or_none


class Kernel:
    """All functions of a design in any number of rows; one row is one vehicle in one run.

    Write what is known into `seen`, then call `step` once per kernel period. The kernel reads no clock, allocates
    nothing that grows with time, and neither `seen` nor `step` raises, whatever they are given.

    Building one raises KeyError when a rule names what the design does not declare (`Design.parse` refuses that
    before), ValueError or TypeError when `rows` is no number of rows.
    """

    def __init__(self, design: Design, rows: int) -> None:
        self.design = design
        self.rows = rows
        self.seen = SafetyInformation(design, rows)
        self._fresh = Freshness(self.seen)
        self._ever: Booleans = np.zeros(self.seen.time.shape, dtype=np.bool_)
        self._functions = [_Function(self, index) for index in range(len(design.functions))]
        self._decisions = {each.manager.function.name: each.manager.decision for each in self._functions}
        self._now = np.array(np.int64(ABSENT))
        self._distrusted = np.array(False)
        self._units = {signal.name: signal.unit for signal in design.signals}

    def step(self, now: Given, safe: Given = None) -> dict[str, Decision]:
        """Decide at `now` (integer ns) the level of service of every function in every row.

        safe   per function a Boolean array (level, row): the command is inside the safe set of that level. A function
               that is missing, or whose array has another shape or type, is safe nowhere and rises to no level;
               left out altogether: there are no safe sets, and they hold no level back
        A `now` that is no integer, or that int64 cannot hold, makes all data unknown: level 0. Never raises.
        """
        time = time_or_none(now)
        self._distrusted[...] = time is None
        if time is None:
            self._distrust()
            return self._decisions
        self._fresh.update(time)
        self._ever |= self._fresh.present
        restart = time < self._now
        for function in self._functions:
            function.step(time, safe, restart=bool(restart))
        self._now[...] = time
        return self._decisions

    def reset(self, rows_mask: Given = True) -> None:
        """Put rows (Boolean mask (row,)) into state init, as at the start; what `seen` holds stays.

        Raises ValueError when the mask does not fit.
        """
        mask = mask_or_none(rows_mask, self.rows)
        if mask is None:
            raise ValueError(f"expected a Boolean mask of {self.rows} rows")
        mask = np.broadcast_to(mask, (self.rows,))
        np.copyto(self._ever, False, where=mask)
        for function in self._functions:
            function.manager.reset(mask)

    def first_cause(self, function: str) -> FirstCause:
        """Rule and time of the first downgrade since reset, per row. Raises KeyError."""
        return self._manager(function).first_cause

    def explain(self, function: str, row: int, level_from: int, level_to: int) -> str:
        """Why the level of `function` in `row` went from `level_from` to `level_to` in the last step, in words.

        Reads what `seen` holds: ask before newer data is written. Raises KeyError, IndexError.
        """
        return self.causes(function, np.array([row]), np.array([level_from]), np.array([level_to])).text(0)

    def causes(self, function: str, rows: Given, level_from: Given, level_to: Given) -> Causes:
        """As `explain` of several rows, to be put into words later: what decided about each is copied.

        Integer arrays (change,). Raises KeyError, IndexError.
        """
        manager = self._manager(function)
        below = np.minimum(np.maximum(level_to, 1), len(manager.function.levels) - 1) - 1
        since = manager.holds_since[below, rows] if len(manager.holds_since) else np.zeros(len(rows), dtype=np.int64)
        return Causes(
            function=manager.function,
            level_from=np.asarray(level_from),
            level_to=np.asarray(level_to),
            held_since=since,
            deciding=manager.decision.deciding[rows],
            is_timed=not self._distrusted,
            now=int(self._now),
            seen=self.seen.of_rows(rows),
            ever=self._ever[:, rows],
            units=self._units,
        )

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all state, by name."""
        return {name: array.copy() for name, array in self._state().items()}

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Take back the state of `snapshot`. Raises ValueError, and changes nothing, when it is of another kernel."""
        state = self._state()
        if snapshot.keys() != state.keys():
            raise ValueError("the snapshot is of another design")
        for name, array in state.items():
            saved = snapshot[name]
            if not isinstance(saved, np.ndarray) or (saved.shape, saved.dtype) != (array.shape, array.dtype):
                raise ValueError(f"the snapshot is of another number of rows or another version: {name}")
        for name, array in state.items():
            np.copyto(array, snapshot[name])

    def _distrust(self) -> None:
        for function in self._functions:
            function.manager.distrust(int(self._now))

    def _manager(self, name: str) -> Manager:
        return {each.manager.function.name: each.manager for each in self._functions}[name]

    def _state(self) -> dict[str, NDArray[Any]]:
        seen = self.seen
        state: dict[str, NDArray[Any]] = {
            "now": self._now,
            "distrusted": self._distrusted,
            "ever": self._ever,
            "seen.value": seen.value,
            "seen.validity": seen.validity,
            "seen.spread": seen.spread,
            "seen.time": seen.time,
            "seen.clock_offset": seen.clock_offset,
            "seen.beats": seen.beats,
            "seen.cooperation": seen.cooperation,
        }
        for each in self._functions:
            prefix = f"function.{each.manager.function.name}."
            state |= {prefix + name: array for name, array in each.manager.state().items()}
        return state


class _Function:
    """One function of the kernel: its formula, bound to the arrays it reads, and its LoS manager."""

    def __init__(self, kernel: Kernel, index: int) -> None:
        function = kernel.design.functions[index]
        self.formula = generate(function, kernel.design)
        self.manager = Manager(function, kernel.rows)
        sources = (kernel._fresh, kernel.seen)
        self._arguments = [_source(quantity, sources)[row] for quantity, row in self.formula.inputs]
        self._trusted = [self.manager.decision.trusted[signal] for signal in self.formula.trusted]
        self._ever = [kernel._ever[kernel.seen.signals[signal]] for signal in function.signals]
        self._ready: Booleans = np.zeros(kernel.rows, dtype=np.bool_)
        self._shape = (len(function.levels), kernel.rows)

    def step(self, now: int, safe: Given, *, restart: bool) -> None:
        admissible, first, *trusted = self.formula.admit(*self._arguments)
        for index, computed in enumerate(trusted):
            np.copyto(self._trusted[index], computed)
        self._ready.fill(True)
        for ever in self._ever:
            self._ready &= ever
        self.manager.decide(now, admissible, first, self._ready, self._safe_set(safe), restart=restart)

    def _safe_set(self, safe: Given) -> Booleans | None:
        if safe is None:
            return None
        given = safe.get(self.manager.function.name) if isinstance(safe, Mapping) else None
        fits = type(given) is np.ndarray and given.shape == self._shape and given.dtype == np.bool_
        return given if fits else np.zeros(self._shape, dtype=np.bool_)


def _source(quantity: str, sources: tuple[object, ...]) -> NDArray[Any]:
    array: NDArray[Any] = next(getattr(source, quantity) for source in sources if hasattr(source, quantity))
    return array
