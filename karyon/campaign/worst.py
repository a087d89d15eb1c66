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

DRAWN = 64  # runs drawn at random before each round of descents, evenly
STARTS = 8  # descents of a round, from the nearest misses; they advance side by side, as few runs take long
KEPT = 2  # generations after which the better half of the descents goes on
STEP = 0.2  # standard deviation of a first generation; a coordinate spans 1
PATIENCE = 5  # generations without a lower margin, after which a round ends
LEAST = 1e-3  # what counts as lower, of the margin at the start
LAST = float(np.nextafter(1.0, 0.0))
UNKNOWN = 1e9  # margin of a run that came to nothing: CMA-ES needs a number


def find(margins: Margins, dimensions: int, seed: int, runs: int, ends: Floats | None = None) -> tuple[Floats, Floats]:
    """All runs until one violates, or all `runs` without: points of the unit cube (run, d), their margins (run, goal).

    margins   of a batch of points (point, d) to each safety goal (point, goal): at most 0, it violates; NaN, it came to
              nothing. A descent goes down the margin to one goal: of another one, that all runs come near, it would see
              nothing else.
    ends      where the first coordinate is a choice: the upper ends of its parts. A descent stays in its part, and a
              round has for each goal one start in each at most.
    The last batch is the one in which a run violates. Raises ModuleNotFoundError without cma.
    """
    made, rng = _Made(margins, dimensions, runs), stream(seed, Purpose.DESCENT)
    drawn, known = np.empty((0, dimensions)), np.empty((0, 0))
    while not made.is_over:
        more = _spread(dimensions, rng)
        found = made(more)
        drawn = np.concatenate([drawn, more[: len(found)]])
        known = np.concatenate([known, found]) if len(known) else found.copy()
        nearest = _nearest(drawn, known, ends)
        held = 0 if ends is None else 1
        _descend(made, [_Descent(drawn[one], held, goal, known[one, goal], rng) for one, goal in nearest])
        for one, goal in nearest:
            known[one, goal] = np.nan  # a later round does not begin there again
    return made.points, made.margins


def _spread(dimensions: int, rng: np.random.Generator) -> Floats:
    """Points drawn at random, of which each `DRAWN`-th of each coordinate has one: a Latin hypercube (point, d)."""
    cells = rng.permuted(np.tile(np.arange(DRAWN), (dimensions, 1)), axis=1).T
    return np.asarray((cells + rng.random((DRAWN, dimensions))) / DRAWN)


class _Made:
    """The runs that were made; no more than there may be."""

    def __init__(self, margins: Margins, dimensions: int, runs: int) -> None:
        self._margins, self._runs = margins, runs
        self._dimensions = dimensions
        self._points: list[Floats] = []
        self._found: list[Floats] = []

    @property
    def points(self) -> Floats:
        """Of all runs (run, d)."""
        return np.concatenate([np.empty((0, self._dimensions)), *self._points])

    @property
    def margins(self) -> Floats:
        """Of all runs (run, goal)."""
        return np.concatenate(self._found)

    @property
    def is_over(self) -> bool:
        """Whether a run of the last batch violates, or no more may be made."""
        made = sum(map(len, self._points))
        return made == self._runs or (made > 0 and bool((self._found[-1] <= 0.0).any()))

    def __call__(self, points: Floats) -> Floats:
        """Margins of as many of the points as may still be asked for."""
        asked = points[: self._runs - sum(map(len, self._points))]
        found = self._margins(asked)
        self._points.append(asked)
        self._found.append(found)
        return found


def _nearest(points: Floats, margins: Floats, ends: Floats | None) -> list[tuple[int, int]]:
    """Where to begin, and the goal to break: the points nearest to each goal in turn, of each part one."""
    parts = None if ends is None else np.searchsorted(ends[:-1], points[:, 0], side="right")
    ranked = [_in_order(of_goal, parts) for of_goal in margins.T]
    turns = [
        (int(order[turn]), goal) for turn in range(STARTS) for goal, order in enumerate(ranked) if turn < len(order)
    ]
    return turns[:STARTS]


def _in_order(margins: Floats, parts: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Points by their margin, of each part the first one alone; none without a margin."""
    order = np.argsort(margins, kind="stable")
    order = order[np.isfinite(margins[order])]
    if parts is not None:
        _, first = np.unique(parts[order], return_index=True)
        order = order[np.sort(first)]
    return order


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
            descents = sorted(descents, key=lambda one: one.left)[: max(1, len(descents) // 2)]
        nearest = min(one.left for one in descents)
        waited = 0 if nearest < least - LEAST else waited + 1
        least = min(least, nearest)


class _Descent:
    """CMA-ES from one point towards breaking one goal; the first `held` coordinates stay.

    left   of the margin at the start, the share that is left at the least
    """

    def __init__(self, start: Floats, held: int, goal: int, margin: float, rng: np.random.Generator) -> None:
        import cma  # noqa: PLC0415  an extra

        options = {
            "bounds": [0.0, LAST],
            "randn": lambda *shape: rng.standard_normal(shape),
            "seed": np.nan,  # leave NumPy's global generator alone
            "verbose": -9,
        }
        self._held, self._free = start[:held], len(start) - held
        self._goal, self._margin, self.left = goal, margin, 1.0
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
        """What came of them (point, goal)."""
        values = np.where(np.isfinite(margins[:, self._goal]), margins[:, self._goal], UNKNOWN)
        self._strategy.tell(self._asked, values.tolist())
        self.left = min(self.left, float(values.min()) / self._margin)
