"""`karyon bench --part kernel`: how long one cycle of the kernel takes with one vehicle, and whether its memory grows.

In each cycle a caller writes ten signals, three heartbeats and what a peer has agreed to, as any program would by the
kernel's own methods, and asks for the level of service, of which there are four. That is measured from outside, with
garbage collection on: by the clock on the wall, and in CPU time, which others on the machine do not add to.
"""

import gc
import resource
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon import compiled
from karyon.installation import machine
from karyon.kernel import Design, Kernel
from karyon.sim.streams import stream

CYCLES = 1_000_000  # in Python and NumPy
CYCLES_FAST = 100_000  # with the extra `fast`, for comparison
WARM_UP = 10_000  # cycles
TRACED = 20_000  # cycles of which every allocation is counted: that takes longer, so they are not timed
PERIOD = 10_000_000  # ns
FAILING = 0.01  # share of cycles in which one signal is not valid: levels go up and down
VALIDITIES = 8009  # purpose of random numbers
GOAL = 200.0  # µs, 99.9 % of cycles
QUANTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
STATM = Path("/proc/self/statm")

UNITS = ("m", "m/s", "m/s", "m/s2", "m", "m", "m/s", "m/s2", "m/s2", "m")
TIMES = ("perception_period", "kernel_period", "kernel_execution", "control_period", "actuator_delay")
DEADLINES = {"perception": "50 ms", "control": "50 ms", "radio": "100 ms"}
LEVELS = (
    (),
    (
        *(said for n in range(3) for said in (f"validity(a{n}) >= 0.8", f"age(a{n}) <= 50 ms")),
        *("validity(a3) >= 0.8", "alive(perception)", "alive(control)", "within(a2, -1 m/s, 50 m/s)"),
    ),
    (
        *("validity(a4) >= 0.8", "age(a4) <= 100 ms", "alive(radio)"),
        "at_least(2, validity(a5) >= 0.5, validity(a6) >= 0.5, validity(a7) >= 0.5)",
    ),
    ("cooperation(platoon) >= 3", "validity(a8) >= 0.8 or validity(a9) >= 0.8", "age(a8) <= 100 ms"),
)

Nanoseconds = NDArray[np.int64]
Cycle = Callable[[int], object]


def measure() -> dict[str, Any]:
    """Times of a cycle in µs, and by how much the memory grew, in bytes."""
    found = {"numpy": _measured(cycle_of(None), CYCLES)}
    if compiled.is_installed():
        found["fast"] = _measured(cycle_of(compiled.in_place), CYCLES_FAST)
    return {"machine": machine(), "signals": len(UNITS), "levels": len(LEVELS), "goal": GOAL, "cycles": found}


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    about = f"{measured['signals']} signals, {measured['levels']} levels, one vehicle"
    yield f"one cycle of the kernel, {about}   {measured['machine']}"
    for name, one in measured["cycles"].items():
        for clock, found in (("wall", one), ("CPU", one["cpu"])):
            times = "   ".join(f"{key} {found[key]:,.1f} µs" for key in QUANTILES)
            yield f"{name:6} {one['cycles']:9,} cycles   {clock:4}   {times}"
        grown = (
            f"memory {one['rss_growth']:+,} bytes, allocated and kept {one['traced_growth']:+,} in {TRACED:,} cycles"
        )
        yield f"{'':6} {grown}; collections {one['collections']:,}; interrupted {one['interrupted']:,} times"


def cycle_of(in_place: Any) -> Cycle:
    """One cycle by its number, of a kernel in NumPy (None), or compiled."""
    kernel = Kernel(design(), 1)
    if in_place is not None:
        kernel.quicken(in_place)
    seen, names = kernel.seen, [f"a{number}" for number in range(len(UNITS))]
    draw = stream(0, VALIDITIES)
    failing = np.where(draw.random(1_000) < FAILING, draw.integers(len(UNITS), size=1_000), -1).tolist()

    def cycle(number: int) -> object:
        now, fails = number * PERIOD, failing[number % len(failing)]
        for place, name in enumerate(names):
            seen.see(name, 20.0, now, 0.3 if place == fails else 0.95)
        for component in DEADLINES:
            seen.beat(component, now)
        seen.agree("platoon", 3)
        return kernel.step(now)

    return cycle


def design() -> Design:
    """Ten signals, four levels, rules of every kind."""
    levels = [
        {"name": f"level {level}"} | ({"dwell": "100 ms", "rules": list(rules)} if rules else {})
        for level, rules in enumerate(LEVELS)
    ]
    mapping = {
        "name": "bench",
        "timing": dict.fromkeys(TIMES, "10 ms"),
        "components": {name: {"deadline": deadline} for name, deadline in DEADLINES.items()},
        "peers": ["platoon"],
        "signals": {f"a{number}": {"unit": unit} for number, unit in enumerate(UNITS)},
        "functions": {"acc": {"levels": levels}},
    }
    return Design.parse(mapping)


def _measured(cycle: Cycle, cycles: int) -> dict[str, Any]:
    if not gc.isenabled():
        raise RuntimeError("garbage collection is off: what is measured would be too good")
    taken = np.ones((2, cycles), dtype=np.int64)  # written on now, or else it would grow as it is filled
    for number in range(WARM_UP):
        cycle(number)
    collections, interrupted, memory = _collections(), _interrupted(), _memory()
    _time(cycle, WARM_UP, taken)
    memory = _memory() - memory  # before the quantiles: these take some
    return {
        "cycles": cycles,
        **_told(taken[0]),
        "cpu": _told(taken[1]),
        "rss_growth": memory,
        "collections": _collections() - collections,
        "interrupted": _interrupted() - interrupted,
        "traced_growth": _traced_growth(cycle, WARM_UP + cycles),
    }


def _time(cycle: Cycle, first: int, taken: Nanoseconds) -> None:
    wall, cpu = time.perf_counter_ns, time.thread_time_ns
    for place in range(taken.shape[1]):
        used, started = cpu(), wall()
        cycle(first + place)
        taken[0, place] = wall() - started
        taken[1, place] = cpu() - used


def _told(taken: Nanoseconds) -> dict[str, float]:
    """Quantiles in µs."""
    microseconds = np.percentile(taken, list(QUANTILES.values())) / 1e3
    return dict(zip(QUANTILES, microseconds.tolist(), strict=True))


def _traced_growth(cycle: Cycle, first: int) -> int:
    """Bytes that more cycles have allocated and not given back."""
    tracemalloc.start()
    try:
        for number in range(first, first + TRACED):
            if number == first + TRACED // 2:
                gc.collect()
                before, _ = tracemalloc.get_traced_memory()
            cycle(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def _memory() -> int:
    """Of this process, bytes; 0 where nobody tells."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize() if STATM.exists() else 0


def _collections() -> int:
    return sum(int(generation["collections"]) for generation in gc.get_stats())


def _interrupted() -> int:
    """How often another process was given our core."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
