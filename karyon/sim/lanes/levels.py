"""What each level of service is worth to who changes lanes, and to the others: python -m karyon.sim.lanes.levels docs

Runs of the shipped scenario on the same seeds, each time with no higher level than that: wait from wish to arrival,
the hardest braking of who drives behind, or has made room, and the speed that all cars together take off by braking,
beyond what they do at level 0, where nobody changes. Writes `lane_change.csv` and `lane_change.png`.
"""

import csv
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.sim import kinds
from karyon.sim.lanes.merging import braked, per_change
from karyon.sim.lanes.scenario import FUNCTION

Floats = NDArray[np.float64]

LEVELS, RUNS = (0, 1, 2, 3), 30
COLUMNS = (
    "level",
    "wanted",
    "done",
    "turned_back",
    "mean_wait",
    "longest_wait",
    "mean_braking",
    "worst_braking",
    "whole",
    "broken",
)


def table(runs: int) -> list[dict[str, Any]]:
    """The table, a row for each level."""
    found, alone = [], np.zeros(runs)
    for level in LEVELS:
        summaries, whole = measured(level, runs)
        alone = whole if level == 0 else alone
        found.append(row(level, summaries, whole - alone))
    return found


def measured(level: int, runs: int) -> tuple[list[dict[str, Any]], Floats]:
    """Runs of seeds 0 to `runs` - 1 with no level above `level`: summaries, and m/s that all cars braked (run,)."""
    settings = [f"{FUNCTION}.max_los={level}"]
    with TemporaryDirectory() as folder:
        places = [Path(folder) / str(seed) for seed in range(runs)]
        batch = [kinds.read("lane_change", settings, seed) for seed in range(runs)]
        summaries = [result.summary for result in kinds.simulate(batch, places)]
        return summaries, np.array([sum(braked(place)) for place in places])


def row(level: int, summaries: list[dict[str, Any]], whole: Floats) -> dict[str, Any]:
    """One level's runs as a row of the table; `whole`: m/s that all cars braked beyond level 0 (run,)."""
    metrics = [summary["metrics"] for summary in summaries]
    wanted, done = (sum(each[f"lane_changes_{name}"] for each in metrics) for name in ("wanted", "done"))
    waits = sum(each["lane_change_mean_wait"] * each["lane_changes_wanted"] for each in metrics)
    braking = sum(each["imposed_braking_mean"] * each["lane_changes_done"] for each in metrics)
    broken = sum(goal["violations"] for summary in summaries for goal in summary["safety_goals"].values())
    return {
        "level": level,
        "wanted": wanted,
        "done": done,
        "turned_back": sum(each["lane_changes_turned_back"] for each in metrics),
        "mean_wait": waits / wanted,
        "longest_wait": max(each["lane_change_longest_wait"] for each in metrics),
        "mean_braking": braking / done if done else float("nan"),
        "worst_braking": max(each["imposed_braking_max"] for each in metrics),
        "whole": per_change(whole, np.array([float(each["lane_changes_done"]) for each in metrics])) if done else "",
        "broken": broken,
    }


def write(rows: list[dict[str, Any]], folder: Path) -> None:
    """The table and its figure."""
    with (folder / "lane_change.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    draw(rows, folder / "lane_change.png")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Wait and braking of each level, side by side."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib is slow to load, and may be absent

    from karyon.sim.view import page  # noqa: PLC0415

    with page.styled():
        figure = Figure(figsize=(page.WIDTH, 2.4))
        waiting, braking = figure.subplots(1, 2)
        names = [f"LoS {row['level']}" for row in rows]
        for panel, name, title in (
            (waiting, "mean_wait", "From wish to arrival: mean (s)"),
            (braking, "mean_braking", "Hardest braking imposed: mean (m/s²)"),
        ):
            values = [row[name] for row in rows]
            bars = panel.bar(names, [0.0 if np.isnan(value) else value for value in values], color=page.OURS, width=0.6)
            panel.bar_label(bars, ["nobody" if np.isnan(value) else f"{value:.2g}" for value in values], padding=2)
            panel.set_title(title)
            panel.margins(y=0.15)
        figure.tight_layout()
        page.write(path, page.rendered(figure, "png"))


def _plain(value: Any) -> Any:
    return f"{value:.3f}" if isinstance(value, float) else value


if __name__ == "__main__":
    write(table(RUNS), Path(sys.argv[1]))
