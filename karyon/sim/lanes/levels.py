"""What each level of service is worth to who changes lanes, and to the others: python -m karyon.sim.lanes.levels docs

Three studies, each on the same seeds with no higher level than that: the shipped scenarios `lane_change` and `merge`
with their whole demand, and single changes, one in each run, of which the same run without a change is known. Writes
`lane_change.csv`, `lane_change_pairs.csv` and `lane_change.png`.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import nanoseconds
from karyon.sim import kinds
from karyon.sim.lanes.scenario import FUNCTION
from karyon.sim.lanes.simulation import Simulation

Floats = NDArray[np.float64]

LEVELS, RUNS, PAIRS = (0, 1, 2, 3), 30, 100
SINGLE = ("lane_change.waves={first: 6 s, every: 1000 s, cars: 1}", "lane_change.max_los={}")
STEP, SETTLED = 0.1, 5.0  # s: between two looks, and until all have found their distance
COLUMNS = ("scenario", "level", "wanted", "done", "turned_back", "mean_wait", "longest_wait", "braked", "broken")
PAIRED = ("level", "pairs", "wait", "wait_alone", "braked", "braked_alone", "hardest", "hardest_alone")


@dataclass(frozen=True, slots=True)
class Seen:
    """Runs of one level: their summaries and events, and the braking of each car, m/s² (instant, run, vehicle)."""

    summaries: list[dict[str, Any]]
    events: list[list[dict[str, Any]]]
    braking: Floats


def seen(scenario: str, settings: Sequence[str], runs: int) -> Seen:
    """Runs of seeds 0 to `runs` - 1."""
    kept: list[Floats] = []

    def look(simulation: Simulation) -> Iterator[Any]:
        yield simulation.env.timeout(nanoseconds(SETTLED))
        while True:
            kept.append(np.maximum(0.0, -simulation.world.acceleration))
            yield simulation.env.timeout(nanoseconds(STEP))

    batch = [kinds.read(scenario, settings, seed) for seed in range(runs)]
    results = kinds.simulate(batch, [None] * runs, attend=lambda simulation: simulation.env.process(look(simulation)))
    braking = np.array(kept).reshape(len(kept), runs, -1)
    return Seen([result.summary for result in results], [result.events for result in results], braking)


def of_demand(scenario: str, level: int, runs: int) -> dict[str, Any]:
    """A scenario with no level above `level`, as one row of the table."""
    found = seen(scenario, [f"{FUNCTION}.max_los={level}"], runs)
    metrics = [summary["metrics"] for summary in found.summaries]
    wanted, done = (sum(each[f"lane_changes_{name}"] for each in metrics) for name in ("wanted", "done"))
    waits = sum(each["lane_change_mean_wait"] * each["lane_changes_wanted"] for each in metrics)
    return {
        "scenario": scenario,
        "level": level,
        "wanted": wanted,
        "done": done,
        "turned_back": sum(each["lane_changes_turned_back"] for each in metrics),
        "mean_wait": waits / wanted,
        "longest_wait": max(each["lane_change_longest_wait"] for each in metrics),
        "braked": STEP * float(found.braking.sum()) / done if done else float("nan"),
        "broken": sum(goal["violations"] for one in found.summaries for goal in one["safety_goals"].values()),
    }


def pairs(runs: int) -> list[dict[str, Any]]:
    """Single changes at each level above 1 beside the same ones at level 1, where both were done: means, intervals."""
    found = [seen("lane_change", [SINGLE[0], SINGLE[1].format(level)], runs) for level in LEVELS]
    costs = [_costs(one, found[0]) for one in found]
    rows = []
    for level in LEVELS[2:]:
        both = sorted(set(costs[level]) & set(costs[1]))
        together, alone = (np.array([costs[each][run] for run in both]).T for each in (level, 1))
        row: dict[str, Any] = {"level": level, "pairs": len(both)}
        for index, name in enumerate(("wait", "braked", "hardest")):
            row[name], row[f"{name}_alone"] = _interval(together[index]), _interval(alone[index])
        rows.append({name: row[name] for name in PAIRED})
    return rows


def _costs(one: Seen, without: Seen) -> dict[int, tuple[float, float, float]]:
    """By run in which the change was done: its wait in s; what the others braked more than without it, and how hard.

    The first is the speed in m/s that all of them together lost by it, the second the most of any at any time, m/s².
    """
    found = {}
    for run, events in enumerate(one.events):
        for event in (each for each in events if "wait" in each):
            braking, usual = (np.delete(each.braking[:, run], event["vehicle"], axis=1) for each in (one, without))
            found[run] = event["wait"], STEP * float((braking - usual).sum()), float((braking - usual).max())
    return found


def _interval(values: Floats) -> str:
    """Mean and 95 % interval, in words."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.2f} ± {half:.2f}"


def write(rows: list[dict[str, Any]], paired: list[dict[str, Any]], folder: Path) -> None:
    """The tables and their figure."""
    for name, columns, table in (("lane_change", COLUMNS, rows), ("lane_change_pairs", PAIRED, paired)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _plain(value) for name, value in row.items()} for row in table)
    draw(rows, folder / "lane_change.png")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Wait and braking of each level, side by side."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib is slow to load, and may be absent

    from karyon.sim.view import page  # noqa: PLC0415

    with page.styled():
        figure = Figure(figsize=(page.WIDTH, 2.4))
        waiting, braking = figure.subplots(1, 2)
        names = [f"LoS {level}" for level in LEVELS]
        for panel, name, title in (
            (waiting, "mean_wait", "From wish to arrival: mean (s)"),
            (braking, "braked", "Speed lost to braking, all cars (m/s per change)"),
        ):
            for place, scenario in enumerate(("lane_change", "merge")):
                values = [row[name] for row in rows if row["scenario"] == scenario]
                at = np.arange(len(names)) + 0.4 * place - 0.2
                heights = [0.0 if np.isnan(value) else value for value in values]
                colour = page.OURS if place else page.GREY
                bars = panel.bar(at, heights, color=colour, width=0.38, label=scenario)
                panel.bar_label(bars, ["–" if np.isnan(value) else f"{value:.3g}" for value in values], padding=2)
            panel.set_xticks(range(len(names)), names)
            panel.set_title(title)
            panel.margins(y=0.15)
        waiting.legend(frameon=False)
        figure.tight_layout()
        page.write(path, page.rendered(figure, "png"))


def _plain(value: Any) -> Any:
    return f"{value:.3f}" if isinstance(value, float) else value


if __name__ == "__main__":
    demand = [of_demand(name, level, RUNS) for name in ("lane_change", "merge") for level in LEVELS]
    write(demand, pairs(PAIRS), Path(sys.argv[1]))
