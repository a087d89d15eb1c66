"""Runs of a plan by points of the unit cube: what a search asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.campaign import rows, sampling
from karyon.campaign.plan import Plan, Run

Floats = NDArray[np.float64]
Compute = Callable[[Sequence[Run]], pa.Table]

JUST_HELD = 1e-9  # margin, at least, of a run that has broken nothing
SIDE_BY_SIDE = 1000  # runs at once, at most


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
        self._compute = compute or partial(rows.table, plan)
        self.ends = np.cumsum([one.weight for one in plan.strata]) if len(plan.strata) > 1 else None
        self._first = 0 if self.ends is None else 1
        self.dimensions = self._first + max(len((*one.varied, *plan.varied)) for one in plan.strata)
        self.runs: list[Run] = []

    def margins(self, points: Floats) -> Floats:
        """How far each of the runs at these points (point, d) was from breaking a safety goal; at most 0: it broke one.

        NaN: it crashed, or did not end in time.
        """
        found = [self._margins(points[start : start + SIDE_BY_SIDE]) for start in range(0, len(points), SIDE_BY_SIDE)]
        return np.concatenate(found)

    def _margins(self, points: Floats) -> Floats:
        number = len(self.runs)
        seeds = sampling.seeds(self._seed, number, number + len(points)).tolist()
        asked = [self._run(number + place, seeds[place], point) for place, point in enumerate(points.tolist())]
        self.runs += asked
        table = self._compute(asked)
        margin = table["margin"].to_numpy(zero_copy_only=False).astype(float)
        broken = table["violated"].to_numpy(zero_copy_only=False).astype(bool)
        return np.asarray(np.where(broken, np.minimum(margin, 0.0), np.maximum(margin, JUST_HELD)))

    def _run(self, number: int, seed: int, point: Sequence[float]) -> Run:
        order = 0 if self.ends is None else int(np.searchsorted(self.ends[:-1], point[0], side="right"))
        varied = len((*self._plan.strata[order].varied, *self._plan.varied))
        return self._plan.at(order, number, seed, point[self._first : self._first + varied])
