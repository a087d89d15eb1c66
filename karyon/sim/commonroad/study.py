"""Every car that recordings let one replace, in turn replaced by ours: python -m karyon.sim.commonroad.study FOLDER OUT

FOLDER has CommonRoad files. Of each, all cars that change lanes, and all that cross, are replaced, on several seeds.
Writes `recorded_traffic.csv` and `recorded_traffic.png`; ends with 1 where ours has broken a goal or not arrived.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.sim import kinds
from karyon.sim.commonroad import crossing, lanes
from karyon.sim.documents import InputError
from karyon.sim.scenario import Loaded

Floats = NDArray[np.float64]

SEEDS = (0, 1, 2, 3, 4)
SHOWN = 4  # cars of a kind in the figure


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one replaced car over all seeds: the worst of them; times in s from where ours begins.

    recorded_reached   the replaced car was in its goal lane, or in the lane by which it left the crossing
    reached            the last of ours was; None: not all were
    broken             goals that ours has broken, at any seed
    forced             what others have forced, in words, of any seed
    """

    file: str
    kind: str
    car: int
    recorded_reached: float
    reached: float | None
    smallest_gap: float | None
    level: int
    broken: str
    forced: str


def outcomes(path: Path, seeds: Sequence[int] = SEEDS) -> Iterator[Outcome]:
    """Of each car of a file that can be judged. Raises InputError."""
    for kind, numbers in (("lane_change", _changing(path)), ("intersection", crossing.crossing_cars(path))):
        for number in numbers:
            yield outcome(path, kind, number, seeds)


def outcome(path: Path, kind: str, number: int, seeds: Sequence[int]) -> Outcome:
    """Of one car of a file."""
    runs = kinds.simulate([_read(path, kind, number, seed) for seed in seeds], [None] * len(seeds))
    metrics = [run.summary["metrics"] for run in runs]
    reached = [each["reached"] for each in metrics]
    gaps = [run.summary["min_gap"] for run in runs if run.summary["min_gap"] is not None]
    shares = [run.summary["functions"][kind]["los_share"] for run in runs]
    goals = [(name, goal) for run in runs for name, goal in run.summary["safety_goals"].items()]
    forced = {event["text"]: None for run in runs for event in run.events if event["kind"] == "forced"}
    return Outcome(
        file=path.name,
        kind=kind,
        car=number,
        recorded_reached=round(metrics[0]["recorded_reached"], 2),
        reached=None if None in reached else round(max(reached), 2),
        smallest_gap=round(min(gaps), 2) if gaps else None,
        level=max(int(level) for share in shares for level, part in share.items() if part > 0.5),
        broken="; ".join(dict.fromkeys(name for name, goal in goals if goal["violated"])),
        forced="; ".join(forced),
    )


def _read(path: Path, kind: str, number: int, seed: int) -> Loaded[Any]:
    """The shipped design of this kind, in the recorded traffic."""
    with TemporaryDirectory() as folder:
        scenario = Path(folder) / f"{kind}.yaml"
        recorded = f"recorded: {{file: '{path.resolve()}', replace: {number}}}"
        scenario.write_text(f"kind: {kind}\n{recorded}\nsafety: safety/{kind}.yaml\n", "utf-8")
        return kinds.read(scenario, seed=seed)


def _changing(path: Path) -> list[int]:
    """The cars that change lanes, and begin to do so within the recording."""
    return [number for number in lanes.changes(path) if not lanes.scene(path, number, 0.0, 0.0, 1).under_way]


def drawn(folder: Path, found: Sequence[Outcome]) -> Any:
    """The figure of the way of some cars to their goal, as recorded and as ours."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)

    shown = [[one for one in found if one.kind == kind][:SHOWN] for kind in ("lane_change", "intersection")]
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    panels = figure.subplots(1, 2)
    for panel, cars, label in zip(panels, shown, ("to the goal lane (m)", "to the lane out (m)"), strict=True):
        for index, one in enumerate(cars):
            recorded, ours = _ways(folder / one.file, one)
            colour = f"C{index}"
            panel.plot(*recorded, color=colour, linewidth=2.5, alpha=0.35)
            panel.plot(*ours, color=colour, linewidth=1.0, label=f"car {one.car}")
        panel.axhline(0.0, color="black", linewidth=0.6)
        panel.set(xlabel="time (s)", ylabel=label)
        if cars:
            panel.legend(frameon=False, fontsize=7)
    panels[0].set_title("Lane changes: broad as recorded, thin ours", fontsize=9, loc="left")
    panels[1].set_title("Crossings", fontsize=9, loc="left")
    return figure


def _ways(path: Path, one: Outcome) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Time (s) and what is left to the goal (m), of the replaced car and of ours."""
    with TemporaryDirectory() as folder:
        loaded = _read(path, one.kind, one.car, SEEDS[0])
        kinds.simulate([loaded], [Path(folder)])
        rows = parquet.read_table(Path(folder) / "trace.parquet", filters=[("vehicle", "=", 0)])
    begins, columns = loaded.scenario.recorded.lead_in, {name: rows[name].to_numpy() for name in rows.column_names}
    time = columns["time"] - begins
    if one.kind == "lane_change":
        scene = lanes.scene(path, one.car, begins, loaded.scenario.recorded.lead_out, 50)
        left = _aside(scene, columns["along"], columns["lateral"])
        motion = [scene.at(each) for each in time]
        known = np.array([each.here[0] for each in motion])
        recorded = _aside(scene, *(np.array([getattr(each, name)[0] for each in motion]) for name in ("s", "d")))
    else:
        there = crossing.scene(path, one.car, begins, loaded.scenario.recorded.lead_out, 100)
        goal = crossing.LINE + there.goal
        left, moves = goal - columns["s"], [there.at(each) for each in time]
        known = np.array([each.here[0] for each in moves])
        recorded = goal - np.array([each.s[0] for each in moves])
    shown = time >= 0.0
    return (time[known & shown], recorded[known & shown]), (time[shown], left[shown])


def _aside(scene: lanes.Scene, s: Floats, d: Floats) -> Floats:
    """How far a place is beside the middle of the goal lane, m."""
    goal = np.full(len(s), scene.goal)
    return np.abs(d - scene.road.middle(goal, s))


def main(arguments: Sequence[str]) -> int:
    """The study of all files of a folder, into another one."""
    folder, out = (Path(each) for each in arguments)
    found: list[Outcome] = []
    for path in sorted(folder.glob("*.xml*")):
        try:
            for one in outcomes(path):
                found.append(one)
                print(*(f"{name}={value}" for name, value in asdict(one).items()), flush=True)
        except InputError as error:
            print(error, file=sys.stderr)
    with (out / "recorded_traffic.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [each.name for each in fields(Outcome)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in found)
    drawn(folder, found).savefig(out / "recorded_traffic.png", dpi=150)
    return int(any(one.broken or one.reached is None for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
