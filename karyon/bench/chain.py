"""`karyon bench`: the whole chain, once per 0.1 s step, at several numbers of rows; in CPU time of one core.

Every row is a run of its own. They advance side by side as those of a campaign do (`Kind.side_by_side`): up to 4,000 at
once, and one simulation after the other where there are more. All sizes have the same scenario, in which a fault takes
one second in `FAULT_EVERY`; it is longer where the rows are few.

What is recorded is what a campaign leaves, on disk: of one run in `RECORDED` all of its trace, messages and events, and
the summary of every run. Timed is what comes after `WARM_UP`, in which loops are bound to their arrays and two periods
are recorded, as SUMO is timed after it has read its road, until all files are closed.
"""

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from karyon import compiled
from karyon.bench.turns import Spread, in_turn
from karyon.installation import machine
from karyon.kernel import Design
from karyon.perception.sensors import nanoseconds
from karyon.sim.engine import Simulation
from karyon.sim.kinds import KINDS
from karyon.sim.recorder import write_events, write_summary
from karyon.sim.run import trajectory
from karyon.sim.scenario import Scenario, read

ROWS = (10, 1_000, 10_000)
EVERY = (1, 10, 100, 1_000, 10_000, 100_000)  # rows at which the cost of a step is told
LINEAR_FROM = 100  # rows: below that a step costs its calls, not its rows
MANY = 100_000  # rows, of which a repetition takes a minute: none of them in NumPy alone
PERIOD = 0.1  # s
NAMES = ("karyon", "without_fast")  # of what is measured: as installed, and as if without the extra `fast`
STEPS = 2_040  # with four faults: a repetition of 10,000 rows takes some eight seconds
LONGER, FEW = 10, 100  # times as many steps up to so many rows: a repetition takes a tenth of a second at least
FEWER = 510  # steps, with one fault: in NumPy alone
FAULT_EVERY = 51.0  # s: for a second the radar drifts
WARM_UP = 8.0  # s
RECORDED = 100  # runs, of which the first has a trace
SELDOM = 1.0  # s between its instants at most, where there are fewer runs than that


def measure() -> dict[str, Any]:
    """Vehicle-steps per second, every row a follower behind a leader of its own: median, lowest, highest."""
    rows = [{"rows": rows} | _told(in_turn({"it": chain(rows)}, rows)["it"]) for rows in ROWS]
    return {"machine": machine(), "period": PERIOD, "rows": rows}


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"whole chain once per {measured['period']:g} s step   {measured['machine']}"
    for one in measured["rows"]:
        spread = f"{one['lowest']:,.0f} to {one['highest']:,.0f}"
        yield f"{one['rows']:7,} rows   {one['vehicle_steps_per_second']:12,.0f} vehicle-steps/s   ({spread})"


def _told(speed: Spread) -> dict[str, float]:
    return {"vehicle_steps_per_second": speed.median, "lowest": speed.lowest, "highest": speed.highest}


def measure_scale() -> dict[str, Any]:
    """CPU time of a step in µs against rows, as installed and without the extra `fast`, and slopes in log-log scale.

    A slope is fitted from `LINEAR_FROM` rows on: 1 where twice the rows cost twice the time.
    """
    found = [_cost(rows) for rows in EVERY]
    names = [name for name in NAMES if name in found[0]]
    return {
        "machine": machine(),
        "period": PERIOD,
        "rows": found,
        "slopes": {name: slope([(one["rows"], one[name]) for one in found if name in one]) for name in names},
    }


def _cost(rows: int) -> dict[str, Any]:
    measured = ours(rows) if rows < MANY else {NAMES[0]: chain(rows)}
    speeds = in_turn(measured, rows)
    costs = {name: 1e6 * rows / speed.median for name, speed in speeds.items()}
    spreads = {name: [1e6 * rows / speed.highest, 1e6 * rows / speed.lowest] for name, speed in speeds.items()}
    return {"rows": rows, **costs, "spread": spreads}


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Of log cost against log rows, least squares over the points from `LINEAR_FROM` rows on; None: too few."""
    linear = [(math.log(rows), math.log(cost)) for rows, cost in points if rows >= LINEAR_FROM]
    return statistics.linear_regression(*zip(*linear, strict=True)).slope if len(linear) > 1 else None


def scale_lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"CPU time of a step of the whole chain   {measured['machine']}"
    for one in measured["rows"]:
        costs = (f"{name} {one[name]:12,.0f} µs" for name in NAMES if name in one)
        yield f"{one['rows']:7,} rows   " + "   ".join(costs)
    for name, found in measured["slopes"].items():
        if found is not None:
            yield f"log-log slope from {LINEAR_FROM} rows on, {name}: {found:.2f}"


def chain(rows: int, *, is_compiled: bool = True) -> Callable[[], float]:
    """What measures the speed of the whole chain in so many rows, in vehicle-steps/s, each time that it is called."""
    steps = LONGER * STEPS if rows <= FEW else STEPS
    if not is_compiled:
        steps = min(STEPS, FEWER)
    return partial(_speed, *batch(rows, steps), steps, is_compiled=is_compiled)


def ours(rows: int) -> dict[str, Callable[[], float]]:
    """The same as `chain`, and without the extra `fast` where that is installed; by the names that JSON has."""
    plain = {NAMES[1]: chain(rows, is_compiled=False)} if compiled.is_installed() else {}
    return {NAMES[0]: chain(rows)} | plain


def batch(rows: int, steps: int) -> tuple[list[Scenario], Design]:
    """Scenarios of so many rows and steps, and their design, in which everything has a cycle of `PERIOD`."""
    scenario, design = _stepped(steps * PERIOD, min(SELDOM, PERIOD * max(1, RECORDED // rows)))
    return [scenario.model_copy(update={"seed": seed}) for seed in range(rows)], design


def _stepped(duration: float, recorded: float) -> tuple[Scenario, Design]:
    """A scenario of `duration` s and its design in which everything has a cycle of `PERIOD`, `recorded` so often, s."""
    onsets = (FAULT_EVERY * (0.5 + number) for number in range(round(duration / FAULT_EVERY)))
    drift = "vehicle: 1, signal: front.distance, mode: drift, rate: 1.5, duration: 1"
    faults = ", ".join(f"{{{drift}, onset: {onset:.1f}}}" for onset in onsets)
    periods = f"radio.period={PERIOD}", f"record.period={recorded}"
    loaded = read("acc_radar_drift", (f"duration={duration}", *periods, f"faults=[{faults}]"))
    sensors = {name: getattr(loaded.scenario.sensors, name) for name in type(loaded.scenario.sensors).model_fields}
    slower = loaded.scenario.sensors.model_copy(
        update={name: sensor.model_copy(update={"period": PERIOD}) for name, sensor in sensors.items()}
    )
    timing = replace(loaded.design.timing, perception_period=PERIOD, kernel_period=PERIOD, control_period=PERIOD)
    return loaded.scenario.model_copy(update={"sensors": slower}), replace(loaded.design, timing=timing)


def begun(
    scenarios: Sequence[Scenario],
    design: Design,
    kind: type[Simulation] = Simulation,
    folders: Sequence[Path | None] = (),
) -> Simulation:
    """Their simulation before its first step, compiled where the extra `fast` is installed."""
    rows, track = len(scenarios), trajectory(scenarios[0])[0]
    simulation = kind(scenarios, design, [track] * rows, folders or [None] * rows)
    simulation.quicken()
    return simulation


def _speed(scenarios: Sequence[Scenario], design: Design, steps: int, *, is_compiled: bool) -> float:
    taken, most = 0.0, KINDS["acc"].side_by_side(len(scenarios))
    with nullcontext() if is_compiled else without_fast(), TemporaryDirectory() as root:
        for begin in range(0, len(scenarios), most):
            side_by_side = scenarios[begin : begin + most]
            folders = [
                Path(root) / str(begin + run) if run % RECORDED == 0 else None for run in range(len(side_by_side))
            ]
            for each in filter(None, folders):
                each.mkdir()
            simulation = begun(side_by_side, design, folders=folders)
            simulation.env.run(until=nanoseconds(WARM_UP))
            started = time.process_time()
            simulation.run()
            _leave(simulation, folders)
            taken += time.process_time() - started
    return len(scenarios) * (steps - round(WARM_UP / PERIOD)) / taken


def _leave(simulation: Simulation, folders: Sequence[Path | None]) -> None:
    """Finish what was recorded, and sum up every run."""
    simulation.close()
    for run, folder in enumerate(folders):
        summary = simulation.metrics.summary(run)
        if folder:
            write_summary(folder / "summary.json", summary)
            write_events(folder / "events.jsonl", simulation.log.events[run])


@contextmanager
def without_fast() -> Iterator[None]:
    """As where the extra `fast` is not installed."""
    kept = sys.modules.get("numba")
    sys.modules["numba"] = None  # type: ignore[assignment]  # whoever looks for it finds that there is none
    try:
        yield
    finally:
        del sys.modules["numba"]
        if kept is not None:
            sys.modules["numba"] = kept
