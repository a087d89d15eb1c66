"""What a merge costs all cars by the highest level allowed: python -m karyon.sim.lanes.merging docs

Runs of the scenario `merge` on the same seeds at each level, and with a lane that does not end, where nobody has to
change. How much speed cars take off by braking, beyond what they do there, is what the merging costs. That of the cars
on the lanes that go on is imposed by those on the ramp; that of the latter is their own, or of who waits behind them.
Intervals are those of 4,000 bootstrap samples of the seeds, 95 %. Writes `lane_change_merge.csv`.
"""

import csv
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.sim import kinds
from karyon.sim.lanes.scenario import FUNCTION

Floats = NDArray[np.float64]

LEVELS, RUNS, SAMPLES = (1, 2, 3), 40, 4000
TRAFFIC = {12: [], 24: ["vehicles=24", "duration=90"]}  # cars, and what else of the shipped scenario is set
NOBODY_MUST = ["road.lane_end=null", f"{FUNCTION}.max_los=0"]
RAMP = 0  # the lane that ends in `merge`
COLUMNS = ("vehicles", "level", "wanted", "done", "wait", "imposed", "whole")


def measured(settings: list[str], runs: int) -> dict[str, Floats]:
    """Of each run (run,): m/s braked on lanes that go on and on the ramp, changes wanted and done, mean wait (s)."""
    with TemporaryDirectory() as folder:
        places = [Path(folder) / str(seed) for seed in range(runs)]
        batch = [kinds.read("merge", settings, seed) for seed in range(runs)]
        metrics = [result.summary["metrics"] for result in kinds.simulate(batch, places)]
        through, ramp = np.array([braked(place) for place in places]).T
    names = {"wanted": "lane_changes_wanted", "done": "lane_changes_done", "wait": "lane_change_mean_wait"}
    found = {ours: np.array([float(each[theirs]) for each in metrics]) for ours, theirs in names.items()}
    return {"through": through, "ramp": ramp, **found}


def braked(folder: Path) -> tuple[float, float]:
    """Speed that cars took off in a run, m/s: of those that began on lanes that go on, and on the ramp."""
    table = parquet.read_table(folder / "trace.parquet", columns=["vehicle", "speed", "lane"])
    vehicle, speed, lane = (table[name].to_numpy() for name in table.column_names)
    speed = speed.reshape(-1, vehicle.max() + 1)
    lost = np.maximum(0.0, -np.diff(speed, axis=0)).sum(axis=0)
    is_ramp = lane[: speed.shape[1]] == RAMP
    return float(lost[~is_ramp].sum()), float(lost[is_ramp].sum())


def per_change(cost: Floats, done: Floats) -> str:
    """Mean cost of a change, and its interval."""
    drawn = np.random.default_rng(0).integers(0, len(cost), (SAMPLES, len(cost)))
    low, high = np.quantile(cost[drawn].sum(axis=1) / done[drawn].sum(axis=1), [0.025, 0.975])
    return f"{cost.sum() / done.sum():.1f} ({low:.1f} to {high:.1f})"


def rows(vehicles: int, settings: list[str], runs: int) -> list[dict[str, object]]:
    """The table of one traffic, a row for each level."""
    alone, found = measured([*settings, *NOBODY_MUST], runs), []
    for level in LEVELS:
        at = measured([*settings, f"{FUNCTION}.max_los={level}"], runs)
        imposed, own = at["through"] - alone["through"], at["ramp"] - alone["ramp"]
        found.append(
            {
                "vehicles": vehicles,
                "level": level,
                "wanted": int(at["wanted"].sum()),
                "done": int(at["done"].sum()),
                "wait": per_change(at["wait"], np.ones(runs)),
                "imposed": per_change(imposed, at["done"]),
                "whole": per_change(imposed + own, at["done"]),
            }
        )
    return found


if __name__ == "__main__":
    with (Path(sys.argv[1]) / "lane_change_merge.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for cars, given in TRAFFIC.items():
            writer.writerows(rows(cars, given, RUNS))
