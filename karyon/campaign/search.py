"""The search of a plan for its worst runs: `karyon search`.

First a violation, with few runs, from near misses (`worst`); then how rare they are (`rare`); then the worst one with
all of its fault left out that is not needed (`shrink`). What a search finds is no sample: only its rate is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.campaign import rare, rows, sampling, worst
from karyon.campaign.choices import Between, Varied
from karyon.campaign.folder import CampaignError, identity, write
from karyon.campaign.plan import Plan, Run
from karyon.campaign.shrink import shrink
from karyon.kernel import quantities
from karyon.sim import documents, kinds
from karyon.sim.documents import Keys

Floats = NDArray[np.float64]
Compute = Callable[[Sequence[Run]], pa.Table]
Progress = Callable[[int, int], bool]

JUST_HELD = 1e-9  # margin, at least, of a run that has broken nothing
SIDE_BY_SIDE = 1000  # runs at once, at most
DESCENTS = 0.1  # share of the runs that may go into the first violation
NAMED = 5  # of the worst runs
NEARER = 5  # power of how far instants are apart: half of them by a thirtieth of the span at most
INSTANTS = frozenset({"onset", "time", "first"})
FAULTS = "faults"
HARMLESS = {  # what a quantity of a fault is when the fault does nothing; of others there is no such value
    "amplitude": 0.0,
    "rate": 0.0,
    "factor": 1.0,
    "sigma": 0.0,
    "probability": 0.0,
    "delay": 0.0,
    "offset": 0.0,
    "duration": 0.0,
    "count": 0.0,
}


class Asked:
    """Runs of a plan, numbered as they are asked for.

    The first coordinate of a point chooses the stratum, each by its weight in the world, where there are several; the
    others are what varies in it, as many as it has.

    ends         upper ends of the strata along the first coordinate; None: there is one stratum
    dimensions   of a point
    compute      the rows of runs; on this process, if nothing is said
    """

    def __init__(self, plan: Plan, seed: int, compute: Compute | None = None) -> None:
        self._plan, self._seed = plan, seed
        self._compute = compute or partial(_rows, plan)
        self.ends = np.cumsum([one.weight for one in plan.strata]) if len(plan.strata) > 1 else None
        self._first = 0 if self.ends is None else 1
        self.dimensions = self._first + max(len((*one.varied, *plan.varied)) for one in plan.strata)
        self._instants = [_instants((*one.varied, *plan.varied), self._first) for one in plan.strata]
        self.runs: list[Run] = []
        self._points: list[Floats] = []
        self._goals: list[Floats] = []

    def margins(self, points: Floats) -> Floats:
        """How far each of the runs at these points (point, d) was from breaking a safety goal; at most 0: it broke one.

        Each run has a seed of its own. NaN: it crashed, or did not end in time.
        """
        return self._least(self.goals(points))

    def goals(self, points: Floats) -> Floats:
        """The same for each goal (point, goal); the most that is told where nothing watches it."""
        number = len(self.runs)
        return self._made(points, sampling.seeds(self._seed, number, number + len(points)).tolist())

    def met(self, points: Floats) -> Floats:
        """The same of points whose instants have been brought together."""
        return self.goals(self._together(points))

    def alike(self, run: int, points: Floats) -> Floats:
        """The margins of runs with the seed of this one: so that no chance is between them."""
        return self._least(self._made(points, [self.runs[run].seed] * len(points)))

    def all(self) -> tuple[Floats, Floats]:
        """Points (run, d) and margins (run,) of all runs."""
        return np.concatenate(self._points), self._least(np.concatenate(self._goals))

    def harmless(self, run: int) -> Floats:
        """Coordinates at which what varies of this run's faults does nothing; NaN: it has none such (d,)."""
        found = np.full(self.dimensions, np.nan)
        for place, varied in enumerate((*self.runs[run].stratum.varied, *self._plan.varied), start=self._first):
            found[place] = _harmless(varied)
        return found

    def _made(self, points: Floats, seeds: Sequence[int]) -> Floats:
        most = min(SIDE_BY_SIDE, self._plan.kind.batch)
        for start in range(0, len(points), most):
            end, number = min(start + most, len(points)), len(self.runs)
            each = zip(seeds[start:end], points[start:end].tolist(), strict=True)
            asked = [self._run(number + place, *one) for place, one in enumerate(each)]
            table = self._compute(asked)
            self.runs += asked
            self._points.append(points[start:end])
            self._goals.append(_goals(self._plan, table))
        return np.concatenate(self._goals)[len(self.runs) - len(points) :]

    def _together(self, points: Floats) -> Floats:
        """The points with their instants near the first: half of them within a thirtieth of the span of both.

        Most of what goes wrong needs two things at once, such as a fault as the car ahead brakes; drawn apart, they
        seldom meet. An instant can still be anywhere in its range.
        """
        moved, stratum = points.copy(), self._stratum_of(points)
        for order, instants in enumerate(self._instants):
            mine = stratum == order
            for one in instants[1:]:
                first, last = min(instants[0].first, one.first), max(instants[0].last, one.last)
                anchor = instants[0].at(points[mine, instants[0].place])
                when = anchor + (2.0 * points[mine, one.place] - 1.0) ** NEARER * (last - first)
                moved[mine, one.place] = np.clip((when - one.first) / (one.last - one.first), 0.0, worst.LAST)
        return moved

    def _least(self, goals: Floats) -> Floats:
        """Margins of runs (run,) by those of their goals (run, goal)."""
        return np.asarray(np.minimum(goals.min(axis=1), self._plan.kind.worth))

    def _stratum_of(self, points: Floats) -> NDArray[np.int64]:
        """Place of the stratum of each point (point, d) in the plan."""
        if self.ends is None:
            return np.zeros(len(points), dtype=np.int64)
        return np.searchsorted(self.ends[:-1], points[:, 0], side="right")

    def _run(self, number: int, seed: int, point: Sequence[float]) -> Run:
        order = int(self._stratum_of(np.array([point]))[0])
        varied = len((*self._plan.strata[order].varied, *self._plan.varied))
        return self._plan.at(order, number, seed, point[self._first : self._first + varied])


def _goals(plan: Plan, table: pa.Table) -> Floats:
    """Margins of the runs (run, goal): at most 0 where the goal was broken, and nowhere else."""
    broken, least = (table[name].to_numpy(zero_copy_only=False) for name in ("violated", "margin"))
    found = np.column_stack(
        [table[name].to_numpy(zero_copy_only=False).astype(float) for name in rows.margins_of(plan)]
    )
    found[np.isnan(found) & ~np.isnan(least)[:, None]] = plan.kind.worth
    return np.where(broken.astype(bool)[:, None], found, np.maximum(found, JUST_HELD))


def _rows(plan: Plan, runs: Sequence[Run]) -> pa.Table:
    """The rows of these runs; those that do not end in time are found by halves."""
    try:
        return rows.table(plan, runs)
    except rows.TooLongError:
        if len(runs) == 1:
            return rows.as_table(plan, [rows.failed(plan, runs[0], rows.HUNG, "did not end in time")])
        half = len(runs) // 2
        return pa.concat_tables([_rows(plan, runs[:half]), _rows(plan, runs[half:])])


@dataclass(frozen=True)
class Instant:
    """A coordinate that says when something happens: its place in a point, and its range in s."""

    place: int
    first: float
    last: float

    def at(self, share: Floats) -> Floats:
        """Time, s, at `share` (0..1) of its range."""
        return self.first + share * (self.last - self.first)


def _instants(varied: Sequence[Varied], first: int) -> list[Instant]:
    """Those of what varies, of which the first one is coordinate `first`."""
    found = []
    for place, one in enumerate(varied, start=first):
        if isinstance(one.choice, Between) and one.choice.scale == "linear" and _is_instant(one.path):
            begin, end = (quantities.to_si(repr(each), one.choice.unit, None) for each in one.choice.ends)
            found.append(Instant(place, begin, end))
    return found


def _is_instant(path: Keys) -> bool:
    """Whether the value at `path` of a scenario is a time on its clock; in the profile of a speed it is the first."""
    return path[-1] in INSTANTS or (path[-1] == 0 and path[-3:-2] == ("speed",))


def _harmless(varied: Varied) -> float:
    """Where on its way (0..1) a quantity of a fault does nothing, or the least."""
    choice, value = varied.choice, HARMLESS.get(str(varied.path[-1]), np.nan)
    if varied.path[0] != FAULTS or not isinstance(choice, Between) or np.isnan(value):
        return np.nan
    low, high = choice.ends
    if choice.scale == "log":
        low, high, value = log(low), log(high), log(max(value, low))
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def run(plan: Plan, runs: int, seed: int, out: Path, progress: Progress) -> dict[str, Any]:
    """Search a plan by `runs` runs, and a few more for the smallest fault; what is found is written below `out`.

    `progress` is told how many runs were made, of how many, and ends the search by answering False.
    Raises CampaignError, OSError.
    """
    asked: Asked

    def compute(batch: Sequence[Run]) -> pa.Table:
        if not progress(len(asked.runs), max(runs, len(asked.runs))):
            raise CampaignError(
                f"the search was ended after {len(asked.runs)} of {runs} runs: it has found nothing yet"
            )
        return _rows(plan, batch)

    asked = Asked(plan, seed, compute)
    worst.find(asked.met, asked.dimensions, seed, int(DESCENTS * runs), asked.ends)
    first = len(asked.runs)
    found = rare.estimate(asked.margins, asked.dimensions, seed, runs - first)
    made = len(asked.runs)
    points, margins = asked.all()
    order = np.argsort(margins, kind="stable")[:NAMED].tolist()
    named = [_named(plan, asked.runs[one], float(margins[one]), out / f"worst_{n}") for n, one in enumerate(order, 1)]
    smallest = None
    if margins[order[0]] <= 0.0:
        small = shrink(points[order[0]], asked.harmless(order[0]), lambda tried: asked.alike(order[0], tried) <= 0.0)
        (margin,) = asked.alike(order[0], small[None])
        smallest = _named(plan, asked.runs[-1], float(margin), out / "smallest")
    violating = np.flatnonzero(margins <= 0.0)
    summary = {
        "plan": plan.name,
        **identity(plan, seed),
        "runs": made,
        "runs_of_shrinking": len(asked.runs) - made,
        "first_violation": int(violating[0]) if len(violating) else None,
        "violations": len(violating),
        "came_to_nothing": int(np.isnan(margins).sum()),
        "rate": found.rate.value,
        "interval": [found.rate.low, found.rate.high],
        "effective": found.effective,
        "climbed": list(found.climbed),
        "worst": named,
        "smallest": smallest,
    }
    write(out / "plan.yaml", plan.text.encode())
    write(out / "search.json", json.dumps(summary, indent=2, ensure_ascii=False).encode())
    return summary


def _named(plan: Plan, run: Run, margin: float, path: Path) -> dict[str, Any]:
    """What a run is, and the command that runs it again; writes its scenario, and a design that the plan alters."""
    scenario, file = run.scenario(), path.with_suffix(".yaml")
    design = plan.design_data(run.of_design)
    if design != documents.load(Path(scenario.safety)).data:
        altered = path.with_name(f"{path.name}_design.yaml").resolve()
        write(altered, json.dumps(design, indent=1, ensure_ascii=False).encode())
        scenario = scenario.model_copy(update={"safety": str(altered)})
    write(file, kinds.dump(replace(plan.loaded, scenario=scenario, name=f"{plan.name}, {path.name}")).encode())
    varied = (*run.stratum.varied, *plan.varied)
    return {
        "stratum": run.stratum.name,
        "seed": run.seed,
        "margin": margin,
        "values": {one.name: one.written(value) for one, value in zip(varied, run.values, strict=True)},
        "command": f"karyon run {file}",
    }
