"""The safety kernel: reads run-time safety information, evaluates the rules, decides the level of service."""

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.design import Design
from karyon.kernel.elementwise import (
    BooleanTable,
    Compiler,
    FloatTable,
    LevelTable,
    TimeTable,
    each,
)
from karyon.kernel.explanation import Basis, Causes
from karyon.kernel.formula import SOURCES, generate
from karyon.kernel.manager import Decision, FirstCause, Limits, Managed, Manager, decided
from karyon.kernel.runtime import (
    ABSENT,
    KNOWN,
    Booleans,
    Given,
    Now,
    SafetyInformation,
    freshness,
    mask_or_none,
    time_or_none,
)
from karyon.kernel.single import of_one


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
        self._ever: Booleans = np.zeros(self.seen.time.shape, dtype=np.bool_)
        self._functions = [_Function(self, index) for index in range(len(design.functions))]
        self._decisions = {one.manager.function.name: one.manager.decision for one in self._functions}
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
        restart = time < self._now.item()
        for function in self._functions:
            function.step(time, safe, restart=restart)
        self._now[...] = time
        return self._decisions

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas, as `karyon.compiled` has them: the same decisions."""
        for function in self._functions:
            function.quicken(in_place)

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
        return self.causes_of(function, self.basis(function).of_rows(rows), level_from, level_to, int(self._now))

    def basis(self, function: str) -> Basis:
        """What the last step of a function rests on, where it lies, and only until the next one. Raises KeyError."""
        manager = self._manager(function)
        own = self._ever, manager.managed.holds_since, manager.decision.deciding
        return Basis._make([*self.seen.known, *own])

    def causes_of(self, function: str, basis: Basis, level_from: Given, level_to: Given, now: int) -> Causes:
        """As `causes`, of what was the `basis` (..., change) at `now` (ns). Raises KeyError."""
        owner, holds_since = self._manager(function).function, basis.holds_since
        below = np.minimum(np.maximum(level_to, 1), len(owner.levels) - 1) - 1
        changes = np.arange(len(basis.deciding))
        return Causes(
            function=owner,
            level_from=np.asarray(level_from),
            level_to=np.asarray(level_to),
            held_since=holds_since[below, changes] if len(holds_since) else np.zeros(len(changes), dtype=np.int64),
            deciding=basis.deciding,
            is_timed=not self._distrusted,
            now=now,
            seen=self.seen.holding(len(changes), basis[: len(KNOWN)]),
            ever=basis.ever,
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
        return {one.manager.function.name: one.manager for one in self._functions}[name]

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
        for function in self._functions:
            prefix = f"function.{function.manager.function.name}."
            state |= {prefix + name: array for name, array in function.manager.state().items()}
        return state


class Seen(NamedTuple):
    """What a cycle reads: as the arrays of `SafetyInformation`."""

    value: FloatTable
    validity: FloatTable
    spread: FloatTable
    time: TimeTable
    clock_offset: FloatTable
    beats: TimeTable
    cooperation: LevelTable


class State(NamedTuple):
    """What a cycle writes on."""

    managed: Managed
    ever: BooleanTable  # signals that were present since reset (signal, row)
    trusted: BooleanTable  # signals of the formula, as in `Decision` (signal, row)


class Cycled(NamedTuple):
    """After a cycle."""

    state: State


@lru_cache(maxsize=SOURCES)
def _cycle_with(rules: Callable[..., Any]) -> Callable[..., Cycled]:
    """The cycle of the function whose `rules` judge so, which is told as a global name: so it can be compiled."""

    def cycle(before: State, seen: Seen, now: Now, safe: BooleanTable, limits: Limits) -> Cycled:
        """One cycle of one function."""
        fresh = freshness(seen, now)
        ever = each(operator.or_, before.ever, fresh.present)
        admissible, first, ready, trusted = judge(  # type: ignore[name-defined]  # noqa: F821
            seen.value,
            seen.validity,
            seen.spread,
            fresh.present,
            fresh.age,
            fresh.heard,
            fresh.silence,
            seen.cooperation,
            ever,
        )
        managed = decided(before.managed, now.time, admissible, first, ready, safe, limits)
        return Cycled(State(managed, ever, trusted))

    own = FunctionType(cycle.__code__, globals() | {"judge": rules}, cycle.__name__)
    own.__annotations__ = cycle.__annotations__
    return own


def _quiet(cycle: Callable[..., Cycled]) -> Callable[..., Cycled]:
    """The cycle, to which a signalling NaN is absent data like any other."""

    def run(*given: Any) -> Cycled:
        with np.errstate(invalid="ignore"):
            return cycle(*given)

    return run


class _Function:
    """One function of the kernel: its formula, and its LoS manager."""

    def __init__(self, kernel: Kernel, index: int) -> None:
        function, seen = kernel.design.functions[index], kernel.seen
        formula = generate(function, kernel.design)
        self.manager = Manager(function, kernel.rows, formula.trusted)
        self._cycle = _cycle_with(formula.judge)
        self._run = _quiet(self._cycle) if kernel.rows > 1 else of_one(self._cycle)
        self._seen = Seen(
            seen.value, seen.validity, seen.spread, seen.time, seen.clock_offset, seen.beats, seen.cooperation
        )
        self._state = State(self.manager.managed, kernel._ever, self.manager.trusted)
        self._shape = (len(function.levels), kernel.rows)
        self._safe_anywhere = np.ones(self._shape, dtype=np.bool_)

    def quicken(self, in_place: Compiler) -> None:
        """Go on compiled."""
        self._run = in_place(self._cycle)

    def step(self, now: int, safe: Given, *, restart: bool) -> None:
        """One cycle at `now` (ns); `restart`: time went backwards."""
        if restart:
            self.manager.forget_held()
        after = self._run(self._state, self._seen, Now.at(now), self._safe_set(safe), self.manager.limits).state
        if after is not self._state:
            self.manager.take(after.managed)
            np.copyto(self._state.ever, after.ever)
            for own, new in zip(self._state.trusted, after.trusted, strict=True):
                np.copyto(own, new)

    def _safe_set(self, safe: Given) -> Booleans:
        if safe is None:
            return self._safe_anywhere
        given: Any = safe.get(self.manager.function.name) if isinstance(safe, Mapping) else None
        fits = type(given) is np.ndarray and given.shape == self._shape and given.dtype == np.bool_
        return given if fits else np.zeros(self._shape, dtype=np.bool_)
