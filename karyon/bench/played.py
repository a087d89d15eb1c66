"""`karyon bench --part played`: where the time of a step goes that is played, by compiled loop and number of rows.

Each call on the tape is played by itself, and timed, for as long as it is from one fault to the next. What the quickest
of them takes is what timing takes, and is taken off each: of few rows little is left, a hint. The formulas that alter
samples are played while something fails alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from karyon import compiled
from karyon.bench.chain import FAULT_EVERY, PERIOD, STEPS, WARM_UP, batch, begun
from karyon.installation import machine
from karyon.perception.sensors import nanoseconds

ROWS = (10, 100, 1_000, 4_000)  # up to as many as go side by side
LEAST = 0.02  # share of a step: what takes less at any size is told together
REST = "the rest"


def measure() -> dict[str, Any]:
    """µs of a step by number of rows; nothing where the extra `fast` is not installed."""
    rows = ROWS if compiled.is_installed() else ()
    return {"machine": machine(), "period": PERIOD, "rows": [_loops(each) for each in rows]}


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"µs of a step that is played, by what takes it   {measured['machine']}"
    yield f"{'':32}" + "".join(f"{one['rows']:11,}" for one in measured["rows"])
    for name, taken in table(measured):
        yield f"{name:32}" + "".join(f"{each:11,.2f}" for each in taken)


def table(measured: Mapping[str, Any]) -> Iterator[tuple[str, list[float]]]:
    """µs of a step at each number of rows, by name; what takes most of many rows first, and the rest last."""
    loops = [one["loops"] for one in measured["rows"]]
    told = {name for one in loops for name, taken in one.items() if taken >= LEAST * sum(one.values())}
    for name in sorted(told, key=lambda name: -loops[-1][name]):
        yield name, [one[name] for one in loops]
    yield REST, [sum(taken for name, taken in one.items() if name not in told) for one in loops]


def _loops(rows: int) -> dict[str, Any]:
    simulation = begun(*batch(rows, STEPS))
    simulation.env.run(until=nanoseconds(WARM_UP))
    taken = simulation.steady.timed(nanoseconds(WARM_UP), nanoseconds(FAULT_EVERY))
    return {"rows": rows, "loops": {name: 1e6 * PERIOD * seconds for name, seconds in taken.items()}}
