"""`karyon bench --part stages`: where the time of a step goes, at several numbers of rows.

Methods of a simulation and of its parts are timed from outside, by their names; what is not there under its name is
left out. A part is told under the cycle that called it, whose time has that of its parts in it. Timing a call takes
half a microsecond, so many short ones count too much. Nothing is played again: see `karyon.compiled.Tape`.
"""

import sys
import time
import timeit
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from operator import attrgetter
from types import FrameType
from typing import Any

import numpy as np

from karyon.bench.chain import EVERY, PERIOD, batch, begun
from karyon.installation import machine
from karyon.sim.engine import Simulation

CYCLES = (
    "_actuate",
    "_send",
    "_perceive",
    "_decide",
    "_control",
    "_watch",
)  # of a simulation, in their order
PARTS = (  # where they are in a simulation
    *("world.advance", "world.drive", "components.running", "messages.compose", "channel.send", "sensors.measure"),
    *("injector.own", "injector.message", "channel.receive", "channel.of_car_ahead", "lateness.look"),
    *("perception.update", "perception._look", "_facts.tell", "log.judged", "kernel.step"),
    *("log.switched", "cruise.update", "cruise._drive", "metrics.step", "metrics._watch", "metrics._expose"),
)
STEPS = 256
WARM_UP = 1.0  # s of the simulation that are not counted: what is compiled is loaded then
COUNTED = 1.0  # s in which calls are counted
FLOOR_CALLS = 20_000
COPIED = 200_000_000  # bytes: more than a cache holds
REST = "clock and the rest"

Path = tuple[str, ...]


class Timers:
    """Time in ns by the path of names of what was wrapped: who called whom."""

    def __init__(self) -> None:
        self.taken: Counter[Path] = Counter()
        self._path: Path = ()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""
        clock = time.perf_counter_ns

        @wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            outer, self._path = self._path, (*self._path, name)
            started = clock()
            try:
                return function(*arguments, **named)
            finally:
                self.taken[self._path] += clock() - started
                self._path = outer

        return run

    def wrap(self, root: object, place: str) -> None:
        """Time a method, by its dotted place from an object, from now on; if there is one."""
        owner, _, attribute = place.rpartition(".")
        try:
            holder = attrgetter(owner)(root) if owner else root
            setattr(holder, attribute, self.timed(place, getattr(holder, attribute)))
        except AttributeError:
            return


def measure() -> dict[str, Any]:
    """µs of a step by number of rows: of each cycle, and of the parts within it."""
    return {
        "machine": machine(),
        "period": PERIOD,
        "floor": floor(),
        "calls": calls(EVERY[0]),
        "rows": [_stages(rows) for rows in EVERY],
    }


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"µs of a step by what takes it, with what timing it takes   {measured['machine']}"
    sizes = measured["rows"]
    yield f"{'':32}" + "".join(f"{one['rows']:11,}" for one in sizes)
    for name in dict.fromkeys(name for one in sizes for name in one["stages"]):
        yield f"{_shown(name):32}" + "".join(f"{one['stages'].get(name, 0.0):11,.1f}" for one in sizes)
    yield f"{'whole step':32}" + "".join(f"{one['step']:11,.1f}" for one in sizes)
    counts = ", ".join(f"{count:,.0f} of {language}" for language, count in measured["calls"].items())
    yield f"calls a step at {sizes[0]['rows']} rows: {counts}; operators are not counted"
    yield floor_told(measured["floor"])


def floor_told(found: Mapping[str, float]) -> str:
    """The same for a reader."""
    return (
        f"No array operation takes less than {found['call']:.2f} µs (two arrays of one number added into a third), and "
        f"numbers that no cache holds are read and written at {found['gigabytes_per_second']:.1f} GB/s."
    )


def floor() -> dict[str, float]:
    """What an array operation takes at least, µs, and how fast memory is copied, read and written both counted."""
    one, other, out = (np.ones(1) for _ in range(3))
    source = np.ones(COPIED // 8)
    target = np.ones_like(source)
    call, copy = (lambda: np.add(one, other, out=out)), (lambda: np.copyto(target, source))
    return {
        "call": 1e6 * min(timeit.repeat(call, number=FLOOR_CALLS)) / FLOOR_CALLS,
        "gigabytes_per_second": 2.0 * COPIED / min(timeit.repeat(copy, number=1)) / 1e9,
    }


def _shown(name: str) -> str:
    *outer, own = name.split("/")
    return "  " * len(outer) + own.removeprefix("_")


def _stages(rows: int) -> dict[str, Any]:
    timers, started = Timers(), 0.0

    def warm(_: float) -> bool:
        nonlocal started
        if not started:
            timers.taken.clear()
            started = time.perf_counter()
        return True

    simulation = _watched(rows, timers)
    simulation.run(warm, WARM_UP)
    whole = 1e6 * (time.perf_counter() - started)
    steps = STEPS - round(WARM_UP / PERIOD)
    return {"rows": rows, "step": whole / steps, "stages": _told(timers.taken, whole, steps)}


def _told(taken: Mapping[Path, int], whole: float, steps: int) -> dict[str, float]:
    """µs of a step, by names joined with `/`, each after what it is in."""
    order = {name: place for place, name in enumerate((*CYCLES, *PARTS))}
    paths = sorted(taken, key=lambda path: [order[name] for name in path])
    known = sum(taken[path] for path in paths if len(path) == 1) / 1e3
    return {"/".join(path): taken[path] / 1e3 / steps for path in paths} | {REST: (whole - known) / steps}


def _watched(rows: int, timers: Timers) -> Simulation:
    cycles = {name: timers.timed(name, getattr(Simulation, name)) for name in CYCLES if hasattr(Simulation, name)}
    simulation = begun(*batch(rows, STEPS), kind=type("Watched", (Simulation,), cycles))
    simulation.steady.rest()
    for place in PARTS:
        timers.wrap(simulation, place)
    return simulation


def calls(rows: int) -> dict[str, float]:
    """Calls of functions of Python and of C in a step: what few rows pay for."""
    found: Counter[str] = Counter()

    def count(_: FrameType, event: str, __: Any) -> None:
        found[event] += 1

    def begin(simulated: float) -> bool:
        sys.setprofile(count if simulated < WARM_UP + COUNTED else None)
        return simulated < WARM_UP + COUNTED

    try:
        simulation = begun(*batch(rows, STEPS))
        simulation.steady.rest()
        simulation.run(begin, WARM_UP)
    finally:
        sys.setprofile(None)
    steps = COUNTED / PERIOD
    return {"python": found["call"] / steps, "c": found["c_call"] / steps}
