"""`karyon bench`: the whole chain, once per 0.1 s step, at several numbers of rows; in CPU time of one core."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from karyon.kernel import Design
from karyon.sim.engine import Simulation
from karyon.sim.run import trajectory
from karyon.sim.scenario import Scenario, read

ROWS = (10, 1_000, 10_000)
REPETITIONS = 5
PERIOD = 0.1  # s
STEPS = {10: 512, 1_000: 256, 10_000: 256}  # by rows: noise is drawn for 256 steps at once


def measure() -> dict[str, Any]:
    """Vehicle-steps per second, every row a follower behind a leader of its own: median, lowest, highest."""
    return {
        "machine": machine(),
        "period": PERIOD,
        "rows": [_measured(rows) for rows in ROWS],
    }


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"whole chain once per {measured['period']:g} s step   {measured['machine']}"
    for one in measured["rows"]:
        spread = f"{one['lowest']:,.0f} to {one['highest']:,.0f} in {REPETITIONS} repetitions"
        yield f"{one['rows']:7,} rows   {one['vehicle_steps_per_second']:12,.0f} vehicle-steps/s   ({spread})"


def _measured(rows: int) -> dict[str, Any]:
    ours = chain(rows)
    speeds = [ours() for _ in range(REPETITIONS + 1)][1:]  # the first warms up
    return {
        "rows": rows,
        "vehicle_steps_per_second": statistics.median(speeds),
        "lowest": min(speeds),
        "highest": max(speeds),
    }


def chain(rows: int) -> Callable[[], float]:
    """What measures the speed of the whole chain in so many rows, in vehicle-steps/s, each time that it is called."""
    scenario, design = _stepped(STEPS[rows] * PERIOD)
    scenarios = [scenario.model_copy(update={"seed": seed}) for seed in range(rows)]
    return partial(_speed, scenarios, design)


def _stepped(duration: float) -> tuple[Scenario, Design]:
    """A scenario of `duration` s and its design in which everything has a cycle of `PERIOD`."""
    settings = (f"duration={duration}", f"radio.period={PERIOD}", "faults.0.onset=0.5", "faults.0.duration=1")
    loaded = read("acc_radar_drift", settings)
    sensors = {name: getattr(loaded.scenario.sensors, name) for name in type(loaded.scenario.sensors).model_fields}
    slower = loaded.scenario.sensors.model_copy(
        update={name: sensor.model_copy(update={"period": PERIOD}) for name, sensor in sensors.items()}
    )
    timing = replace(loaded.design.timing, perception_period=PERIOD, kernel_period=PERIOD, control_period=PERIOD)
    return loaded.scenario.model_copy(update={"sensors": slower}), replace(loaded.design, timing=timing)


def _speed(scenarios: Sequence[Scenario], design: Design) -> float:
    rows, track = len(scenarios), trajectory(scenarios[0])[0]
    simulation = Simulation(scenarios, design, [track] * rows, [None] * rows)
    simulation.quicken()
    started = time.process_time()
    simulation.run()
    return rows * STEPS[rows] / (time.process_time() - started)


def machine() -> str:
    """What measures: processor, cores, Python and NumPy, in one line."""
    cores = f"{platform.machine()}, {os.cpu_count()} cores"
    return f"{cores}, Python {platform.python_version()}, NumPy {np.__version__}"
