"""`karyon bench --part memory`: what a row and a run take of the memory, and what recording them costs.

Memory is the highest of a process of its own, of batches of two sizes: their difference by that of their runs, so that
the program itself does not count. What recording costs is what the same runs take longer than without it, beside
Parquet alone writing the same tables of the trace.
"""

import multiprocessing
import re
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyarrow import parquet

from karyon.bench.turns import in_turn
from karyon.installation import machine
from karyon.sim.engine import Simulation
from karyon.sim.recorder import format_of
from karyon.sim.run import trajectory
from karyon.sim.scenario import read

SPAWN = multiprocessing.get_context("spawn")
STATUS = Path("/proc/self/status")
RUNS = {"acc_profile": (500, 4_000), "platoon": (100, 800)}  # by scenario: batches of these sizes
SECONDS = 20  # of a run: longer ones take no more, as noise is drawn for 256 samples at once
RECORDED, PERIODS = 100, ("50 ms", "1 s")  # runs side by side; time between recorded instants
WHOLE = 60  # s, of a recorded run


def measure() -> dict[str, Any]:
    """Bytes per run and per row, by scenario; rows of the trace that are recorded per second, by how often."""
    return {
        "machine": machine(),
        "memory": [_memory(scenario, *runs) for scenario, runs in RUNS.items()],
        "recording": [_recording(period) for period in PERIODS],
    }


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"memory and recording   {measured['machine']}"
    for one in measured["memory"]:
        each = f"{one['bytes_per_run'] / 1e3:,.0f} kB a run, {one['bytes_per_row'] / 1e3:,.0f} kB a row"
        yield f"{one['scenario']:16} {each} ({one['rows_per_run']} rows)"
    for one in measured["recording"]:
        speed = f"{one['rows_per_second']:,.0f} rows/s (Parquet alone {one['parquet_rows_per_second']:,.0f})"
        yield f"record.period {one['period']:6} {speed}   {one['rows']:,} rows, {one['bytes_per_row']:.0f} bytes each"


def _memory(scenario: str, few: int, many: int) -> dict[str, Any]:
    with SPAWN.Pool(1, maxtasksperchild=1) as pool:
        (rows, less), (_, more) = pool.starmap(highest, [(scenario, few), (scenario, many)], chunksize=1)
    per_run = (more - less) / (many - few)
    return {
        "scenario": scenario,
        "rows_per_run": rows // few,
        "bytes_per_run": per_run,
        "bytes_per_row": per_run / (rows // few),
    }


def highest(scenario: str, runs: int) -> tuple[int, int]:
    """Rows of so many runs side by side, and the most memory that this process has had, in bytes."""
    simulation = _begun(scenario, runs, SECONDS, ())
    simulation.run()
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return simulation.rows, 1024 * int(found[1]) if found else 0


def _begun(scenario: str, runs: int, seconds: int, settings: tuple[str, ...], folder: Path | None = None) -> Simulation:
    loaded = read(scenario, (f"duration={seconds}", *settings))
    scenarios = [loaded.scenario.model_copy(update={"seed": seed}) for seed in range(runs)]
    folders = [None if folder is None else folder / str(run) for run in range(runs)]
    for each in filter(None, folders):
        each.mkdir(exist_ok=True)
    return Simulation(scenarios, loaded.design, [trajectory(loaded.scenario)[0]] * runs, folders)


def _recording(period: str) -> dict[str, Any]:
    """Of runs of car following, every so often."""
    with TemporaryDirectory() as folder:
        runs = Path(folder)
        both = {"recorder": partial(_recorded, runs, period), "parquet": partial(_rewritten, runs)}
        found = in_turn(both)
        rows = _rows(runs)
        return {
            "period": period,
            "rows": rows,
            "rows_per_second": found["recorder"].median,
            "parquet_rows_per_second": found["parquet"].median,
            "bytes_per_row": sum(trace.stat().st_size for trace in _traces(runs)) / rows,
        }


def _recorded(runs: Path, period: str) -> float:
    """Rows/s of the recorder, which leaves its traces there; its messages take some of the time, and are no rows."""
    taken = [_run(period, folder) for folder in (None, runs)]
    return _rows(runs) / max(taken[1] - taken[0], 1e-9)


def _run(period: str, folder: Path | None) -> float:
    """CPU time of all runs, s."""
    simulation = _begun("acc_profile", RECORDED, WHOLE, (f"record.period={period}",), folder)
    started = time.process_time()
    simulation.run()
    simulation.close()
    return time.process_time() - started


def _rewritten(runs: Path) -> float:
    """Rows/s that Parquet alone writes of the same tables."""
    tables = [parquet.read_table(trace) for trace in _traces(runs)]
    started = time.process_time()
    for table in tables:
        parquet.write_table(table, runs / "again.parquet", **format_of(table.schema))
    return _rows(runs) / (time.process_time() - started)


def _rows(runs: Path) -> int:
    return sum(int(parquet.read_metadata(trace).num_rows) for trace in _traces(runs))


def _traces(runs: Path) -> list[Path]:
    return sorted(runs.glob("*/trace.parquet"))
