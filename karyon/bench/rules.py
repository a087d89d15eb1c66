"""The rules of one level of service, evaluated by the kernel, and told as a formula to monitors of temporal logic.

The level is the highest of the shipped design of ACC: its rules, with those of the levels below, have held for its
dwell time, and those of the level below it for one cycle longer, as levels are taken one by one. All are given the same
data: the kernel in the tables that it reads, a monitor as validity and age of each signal, which the kernel computes.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon import compiled
from karyon.bench.beside import KARYON, PEER, Measured
from karyon.kernel import Kernel
from karyon.kernel.design import Design, Function
from karyon.kernel.elementwise import Compiler
from karyon.kernel.rules import Age, Alive, Rule, Validity, Within
from karyon.kernel.runtime import NANOSECONDS, Now
from karyon.sim.scenario import read
from karyon.sim.streams import stream

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

CYCLE = 50_000_000  # ns
AGES = 8008  # purpose of random numbers
FRESH = 40_000_000  # ns: data is younger than that
STALE = 2_000_000_000  # ns: added to the age of what fails
FAILING = 0.01  # share of cycles in which one signal of a row is late
SPEED = 25.0  # m/s: within all ranges

Answer = Callable[[int], Booleans]
"""Whether the highest level is admitted in each row, in the cycle of that number; cycles are asked for in order."""


class Given:
    """What is known at each of `instants` in so many rows, and then the same again and again.

    validity   (instant, signal, row)
    lag        age of each signal, then of each heartbeat, ns (instant, place, row)
    """

    def __init__(self, design: Design, rows: int, instants: int) -> None:
        draw = stream(0, AGES)
        self.instants, self.rows, places = instants, rows, len(design.signals) + len(design.components)
        self.signals = len(design.signals)
        self.lag = draw.integers(1, FRESH, (instants, places, rows))
        self.validity = 0.9 + 0.1 * draw.random((instants, self.signals, rows))
        failing, late = draw.random((instants, rows)) < FAILING, draw.integers(places, size=(instants, rows))
        instant, row = np.nonzero(failing)
        self.lag[instant, late[failing], row] += STALE


class Ours:
    """The kernel, on what is given."""

    def __init__(self, design: Design, given: Given, in_place: Compiler | None) -> None:
        """`in_place`: of the extra `fast`, None: NumPy alone."""
        self._kernel, self._given, self._name = Kernel(design, given.rows), given, design.functions[0].name
        self._top = len(design.functions[0].levels) - 1
        self._kernel.seen.value[:] = SPEED
        if in_place is not None:
            self._kernel.quicken(in_place)

    def tell(self, cycle: int) -> int:
        """Write what is known in that cycle into what the kernel sees; the time, ns."""
        given, seen, now = self._given, self._kernel.seen, (cycle + 1) * CYCLE
        instant = cycle % given.instants
        seen.validity[:] = given.validity[instant]
        seen.time[:] = now - given.lag[instant, : given.signals]
        seen.beats[:] = now - given.lag[instant, given.signals :]
        return now

    def step(self, now: int) -> None:
        """What is measured: `Kernel.step`."""
        self._kernel.step(now)

    def evaluate(self, now: int) -> None:
        """What is measured, without what the kernel looks at before it: ages, rules, dwell and decision alone."""
        function = self._kernel._functions[0]
        told = Now.at(now), function._safe_anywhere, function.manager.limits
        function._run(function._state, function._seen, *told)

    def answer(self, cycle: int) -> Booleans:
        """See `Answer`."""
        decision = self._kernel.step(self.tell(cycle))[self._name]
        return np.asarray(decision.level == self._top)


def formula(design: Design, atom: str) -> str:
    """The highest level in past-time temporal logic, by cycles; `atom` is what a comparison stands in, as `({})`."""
    function = design.functions[0]
    dwell = round(function.levels[-1].dwell * NANOSECONDS) // CYCLE
    whole, below = (
        " and ".join(_comparisons(design, function.rules[:end], atom)) for end in (function.ends[-1], function.ends[-2])
    )
    return f"(historically[0:{dwell}]({whole})) and (historically[1:{dwell + 1}]({below}))"


def _comparisons(design: Design, rules: Sequence[Rule], atom: str) -> Iterator[str]:
    signals = [signal.name for signal in design.signals]
    components = {component.name: component for component in design.components}
    for rule in rules:
        match rule:
            case Validity(signal, least):
                yield atom.format(f"v{signals.index(signal)} >= {least}")
            case Age(signal, limit):
                yield atom.format(f"a{signals.index(signal)} <= {limit}")
            case Alive(component):
                place = len(signals) + list(components).index(component)
                yield atom.format(f"a{place} <= {float(components[component].deadline)}")
            case Within(signal, low, high):
                yield atom.format(f"x{signals.index(signal)} >= {low}")
                yield atom.format(f"x{signals.index(signal)} <= {high}")
            case _:
                raise TypeError(f"no formula is made of {rule}")


def samples(design: Design, given: Given, text: str) -> list[list[dict[str, float]]]:
    """What a monitor of `text` is given: by instant and row the numbers that it speaks of, by name."""
    names = sorted(set(re.findall(r"\b[vax]\d+\b", text)))
    found = []
    for instant in range(given.instants):
        ages = given.lag[instant] / NANOSECONDS
        tables: Mapping[str, Floats] = {"v": given.validity[instant], "a": ages, "x": np.full(ages.shape, SPEED)}
        columns = [tables[name[0]][int(name[1:])].tolist() for name in names]
        found.append([dict(zip(names, numbers, strict=True)) for numbers in zip(*columns, strict=True)])
    return found


@contextmanager
def beside(
    rows: int, instants: int, atom: str, monitor: Callable[[str, list[list[dict[str, float]]]], Answer]
) -> Iterator[Measured]:
    """Evaluations/s of the kernel and of a monitor for each row, once both have given the same answers.

    monitor   of a formula and what its rows are given at each instant
    """
    design = read("acc_radar_drift").design
    given = Given(design, rows, instants)
    text = formula(design, atom)
    theirs = monitor(text, samples(design, given, text))
    plain = Ours(design, given, None)
    is_fast = compiled.is_installed()
    ours = Ours(design, given, compiled.in_place) if is_fast else plain
    agree(design.functions[0], [ours.answer, theirs, *([plain.answer] if is_fast else [])], instants)
    measured = {
        KARYON: partial(_kernel_speed, ours, ours.step, _Cycles(instants)),
        PEER: partial(_speed, theirs, rows, _Cycles(instants)),
        "formula": partial(_kernel_speed, ours, ours.evaluate, _Cycles(instants)),
    }
    if is_fast:
        measured["without_fast"] = partial(_kernel_speed, plain, plain.step, _Cycles(instants))
    yield measured


def agree(function: Function, answers: Sequence[Answer], instants: int) -> None:
    """Raises RuntimeError where they differ from the first, from where the dwell time has passed."""
    begin = round(function.levels[-1].dwell * NANOSECONDS) // CYCLE + 2
    admitted = []
    for cycle in range(instants):
        first, *others = (answer(cycle) for answer in answers)
        if cycle >= begin and not all((other == first).all() for other in others):
            raise RuntimeError(f"different answers in cycle {cycle}: {first} and {others}")
        admitted.append(bool(first.any()))
    if all(admitted) or not any(admitted[begin:]):
        raise RuntimeError("the answer is always the same: the data shows nothing")


class _Cycles:
    """The numbers of the cycles of one repetition; time goes on from one to the next."""

    def __init__(self, instants: int) -> None:
        self._next, self._instants = instants, instants

    def __call__(self) -> range:
        begin, self._next = self._next, self._next + self._instants
        return range(begin, self._next)


def _kernel_speed(ours: Ours, act: Callable[[int], Any], cycles: _Cycles) -> float:
    """Evaluations/s; what is known is written down before, as a monitor is handed dictionaries that are made before."""
    taken = 0
    for cycle in (numbers := cycles()):
        now = ours.tell(cycle)
        started = time.perf_counter_ns()
        act(now)
        taken += time.perf_counter_ns() - started
    return len(numbers) * ours._given.rows * NANOSECONDS / taken


def _speed(answer: Answer, rows: int, cycles: _Cycles) -> float:
    taken = 0
    for cycle in (numbers := cycles()):
        started = time.perf_counter_ns()
        answer(cycle)
        taken += time.perf_counter_ns() - started
    return len(numbers) * rows * NANOSECONDS / taken
