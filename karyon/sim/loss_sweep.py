"""What lost messages cost a platoon: with the kernel, and with systems that cooperate always, or never.

Every point is many runs of the scenario `platoon` side by side, the same seeds at each; one batch has one loss.
"""

import csv
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from karyon.sim.run import FUNCTION, simulate
from karyon.sim.scenario import read

SCENARIO = "platoon"
KERNEL, ALWAYS, NEVER = SYSTEMS = ("kernel", "always cooperative", "never cooperative")
SETTINGS = {KERNEL: (), ALWAYS: ("kernel.enabled=false",), NEVER: ("acc.max_los=1",)}
UNDISTURBED, BRAKES = SITUATIONS = ("undisturbed", "the leader brakes")
BRAKING = ("leader.speed=[[0, 27], [30, 3], [50, 27]]", "leader.deceleration=6")  # s, m/s; m/s2: as hard as declared
LEVELS = 4
RESAMPLES = 10_000
BAND = (2.5, 97.5)  # percentiles
WORKERS = 2  # processes


@dataclass(frozen=True, slots=True)
class Plan:
    """Which points, and how many runs of each; `duration` in s by situation."""

    losses: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
    seeds: tuple[int, ...] = tuple(range(1, 31))
    durations: tuple[float, ...] = (120.0, 60.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean of runs, and the band in which the mean is with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """Runs of one system in one situation at one loss (0..1).

    runs, collided, violated   how many there are; how many had a collision; how many broke any safety goal
    time_gap, throughput       s; vehicles per hour
    shares                     of the time, per level of service from 0
    longest_disagreement       rounds, the longest in any run; None: the system agrees on nothing
    """

    situation: str
    system: str
    loss: float
    runs: int
    collided: int
    violated: int
    time_gap: Estimate
    throughput: Estimate
    shares: tuple[Estimate, ...]
    longest_disagreement: int | None


def sweep(plan: Plan, progress: Callable[[int, int], None] | None = None) -> list[Point]:
    """All points, in order of situation, system and loss; `progress` is told how many are done, and of how many.

    On two processes at most; what comes out depends on neither.
    """
    tasks = list(product(SITUATIONS, SYSTEMS, plan.losses))
    points = []
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        for point in pool.map(_point, [plan] * len(tasks), *zip(*tasks, strict=True)):
            points.append(point)
            if progress is not None:
                progress(len(points), len(tasks))
    return points


def write(points: Sequence[Point], path: Path) -> None:
    """The points as CSV: a line each; units are in the names of the columns, shares and losses from 0 to 1."""
    rows = [dict(_cells(point)) for point in points]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def load(path: Path) -> list[Point]:
    """The points in a file that `write` has written."""
    with path.open(newline="", encoding="utf-8") as file:
        return [_read(row) for row in csv.DictReader(file)]


def _point(plan: Plan, situation: str, system: str, loss: float) -> Point:
    duration = plan.durations[SITUATIONS.index(situation)]
    settings = [f"duration={duration}", f"radio.loss={loss}", *SETTINGS[system]]
    settings += BRAKING if situation == BRAKES else ()
    runs = [read(SCENARIO, settings, seed) for seed in plan.seeds]
    summaries = [result.summary for result in simulate(runs, [None] * len(runs))]
    functions = [summary["functions"][FUNCTION] for summary in summaries]
    return Point(
        situation=situation,
        system=system,
        loss=loss,
        runs=len(runs),
        collided=sum(summary["collisions"] > 0 for summary in summaries),
        violated=sum(any(goal["violated"] for goal in summary["safety_goals"].values()) for summary in summaries),
        time_gap=estimate([summary["mean_time_gap"] for summary in summaries]),
        throughput=estimate([summary["metrics"]["throughput"] for summary in summaries]),
        shares=tuple(_share(functions, level) for level in range(LEVELS)),
        longest_disagreement=max(one["worst_disagreement"] for one in functions) if system == KERNEL else None,
    )


def _share(functions: Sequence[Mapping[str, Any]], level: int) -> Estimate:
    """A level that a system does not have takes no time."""
    return estimate([one["los_share"].get(str(level), 0.0) for one in functions])


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of independent runs and its 95 % band, by bootstrap: percentiles of the means of as many runs, drawn anew.

    [Efron & Tibshirani 1993, ch. 13]
    """
    runs = np.array(values)
    drawn = np.random.Generator(np.random.Philox(0)).integers(len(runs), size=(RESAMPLES, len(runs)))
    low, high = np.percentile(runs[drawn].mean(axis=1), BAND)
    return Estimate(float(runs.mean()), float(low), float(high))


def _cells(point: Point) -> Iterator[tuple[str, Any]]:
    told = {"time_gap_s": point.time_gap, "throughput_veh_per_h": point.throughput}
    told |= {f"los_{level}": share for level, share in enumerate(point.shares)}
    for name in ("situation", "system", "loss", "runs", "collided", "violated", "longest_disagreement"):
        yield name, getattr(point, name)
    for name, one in told.items():
        for kind, value in asdict(one).items():
            yield f"{name}_{kind}", f"{value:.6g}"


def _read(row: Mapping[str, str]) -> Point:
    def one(name: str) -> Estimate:
        return Estimate(*(float(row[f"{name}_{kind.name}"]) for kind in fields(Estimate)))

    return Point(
        situation=row["situation"],
        system=row["system"],
        loss=float(row["loss"]),
        runs=int(row["runs"]),
        collided=int(row["collided"]),
        violated=int(row["violated"]),
        time_gap=one("time_gap_s"),
        throughput=one("throughput_veh_per_h"),
        shares=tuple(one(f"los_{level}") for level in range(LEVELS)),
        longest_disagreement=int(row["longest_disagreement"]) if row["longest_disagreement"] else None,
    )
