"""A violation with few runs: CMA-ES goes down the margin from where runs drawn at random came nearest.

[Hansen 2016, The CMA evolution strategy: a tutorial]. Needs the extra `search` (cma). It finds one violation, and
says nothing of how rare such are: that is for `rare`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Margins = Callable[[Floats], Floats]

DRAWN = 64  # runs drawn at random before each round of descents
STARTS = 6  # descents of a round, from the nearest misses; they advance side by side, as few runs take long
KEPT = 2  # generations after which the better half of the descents goes on
STEP = 0.2  # standard deviation of a first generation; a coordinate spans 1
PATIENCE = 5  # generations without a lower margin, after which a round ends
LEAST = 1e-3  # what counts as lower
LAST = float(np.nextafter(1.0, 0.0))
UNKNOWN = 1e9  # margin of a run that came to nothing: CMA-ES needs a number


def find(margins: Margins, dimensions: int, seed: int, runs: int, ends: Floats | None = None) -> tuple[Floats, Floats]:
    """All runs until one violates, or all `runs` without: points of the unit cube (run, d), their margins (run,).

    margins   of a batch of points (point, d): at most 0, it violates; NaN, it came to nothing
    ends      where the first coordinate is a choice: the upper ends of its parts. A descent stays in its part, and a
              round has one start in each at most.
    The last batch is the one in which a run violates. Raises ModuleNotFoundError without cma.
    """
    made, rng = _Made(margins, dimensions, runs), stream(seed, Purpose.DESCENT)
    drawn, known = np.empty((0, dimensions)), np.empty(0)
    while not made.is_over:
        more = rng.random((DRAWN, dimensions))
        found = made(more)
        drawn, known = np.concatenate([drawn, more[: len(found)]]), np.concatenate([known, found])
        nearest = _nearest(drawn, known, ends)
        _descend(made, [_Descent(drawn[one], 0 if ends is None else 1, rng) for one in nearest])
        drawn, known = np.delete(drawn, nearest, axis=0), np.delete(known, nearest)
    return made.points, made.margins


class _Made:
    """The runs that were made; no more than there may be."""

    def __init__(self, margins: Margins, dimensions: int, runs: int) -> None:
        self._margins, self._runs = margins, runs
        self.points, self.margins = np.empty((0, dimensions)), np.empty(0)

    @property
    def is_over(self) -> bool:
        return len(self.points) == self._runs or bool((self.margins <= 0.0).any())

    def __call__(self, points: Floats) -> Floats:
        """Margins of as many of the points as may still be asked for."""
        asked = points[: self._runs - len(self.points)]
        found = self._margins(asked)
        self.points, self.margins = np.concatenate([self.points, asked]), np.concatenate([self.margins, found])
        return found


def _nearest(points: Floats, margins: Floats, ends: Floats | None) -> NDArray[np.int64]:
    """Which points have the least margin, of each part one."""
    order = np.argsort(margins, kind="stable")
    if ends is not None:
        _, first = np.unique(np.searchsorted(ends[:-1], points[order, 0], side="right"), return_index=True)
        order = order[np.sort(first)]
    return order[:STARTS]


def _descend(made: _Made, descents: list[_Descent]) -> None:
    """Descents side by side, fewer and fewer, until a run violates, no more may be made, or none comes nearer."""
    least, waited, generation = np.inf, 0, 0
    while waited < PATIENCE and not all(one.is_stuck for one in descents):
        found = made(np.vstack([one.ask() for one in descents]))
        if made.is_over:
            return
        for one, told in zip(descents, np.split(found, np.cumsum([one.size for one in descents])[:-1]), strict=True):
            one.tell(told)
        generation += 1
        if generation % KEPT == 0:
            descents = sorted(descents, key=lambda one: one.least)[: max(1, len(descents) // 2)]
        nearest = min(one.least for one in descents)
        waited = 0 if nearest < least - LEAST else waited + 1
        least = min(least, nearest)


class _Descent:
    """CMA-ES from one point, the first `held` coordinates of which stay."""

    def __init__(self, start: Floats, held: int, rng: np.random.Generator) -> None:
        import cma  # noqa: PLC0415  an extra

        options = {
            "bounds": [0.0, LAST],
            "randn": lambda *shape: rng.standard_normal(shape),
            "seed": np.nan,  # leave NumPy's global generator alone
            "verbose": -9,
        }
        self._held, self._free, self.least = start[:held], len(start) - held, np.inf
        padded = [*start[held:], *[0.5] * (2 - self._free)]  # it asks for two dimensions
        self._strategy = cma.CMAEvolutionStrategy(padded, STEP, options)
        self._asked: list[Floats] = []
        self.size = int(self._strategy.popsize)

    @property
    def is_stuck(self) -> bool:
        """Whether CMA-ES itself sees no point in going on."""
        return bool(self._strategy.stop())

    def ask(self) -> Floats:
        """Points of the next generation (point, d)."""
        self._asked = self._strategy.ask()
        moved = np.array(self._asked)[:, : self._free]
        return np.hstack([np.tile(self._held, (len(moved), 1)), moved])

    def tell(self, margins: Floats) -> None:
        """What came of them."""
        values = np.where(np.isnan(margins), UNKNOWN, margins)
        self._strategy.tell(self._asked, values.tolist())
        self.least = min(self.least, float(values.min()))
