"""A violation with few runs: CMA-ES goes down the margin from where runs drawn at random came nearest.

[Hansen 2016, The CMA evolution strategy: a tutorial]. Needs the extra `search` (cma). It finds one violation, and
says nothing of how rare such are: that is for `rare`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Margins = Callable[[Floats], Floats]

DRAWN = 32  # runs of a batch that are drawn at random, evenly
DESCENTS = 3  # that go on from batch to batch
SIZE = 5  # runs of a batch that a descent makes
STEP = 0.2  # standard deviation of a first generation; a coordinate spans 1
TRIED = 3  # generations that a descent has, at least
REACH = 10  # generations within which it must come to a violation, as fast as it has gone down so far
LEAST = 1e-4  # m, of the spread of a margin that random runs all have alike
FEW = 10.0  # percent of the random runs that are said to be near
LAST = float(np.nextafter(1.0, 0.0))
UNKNOWN = 1e9  # margin of a run that came to nothing: CMA-ES needs a number


def find(margins: Margins, dimensions: int, seed: int, runs: int, ends: Floats | None = None) -> tuple[Floats, Floats]:
    """All runs until one violates, or all `runs` without: points of the unit cube (run, d), their margins (run, goal).

    margins   of a batch of points (point, d) to each safety goal (point, goal): at most 0, it violates; NaN, it came to
              nothing. A descent goes down the margin to one goal: of another one, that all runs come near, it would see
              nothing else.
    ends      where the first coordinate is a choice: the upper ends of its parts. A descent stays in its part, and two
              that go on have not the same part and goal.
    Each batch has random runs, too, from the nearest of which descents begin. How near a run is counts by how much of
    an exception that is among the random runs: margins to different goals are compared by nothing else. A descent goes
    on while it would soon be there, as fast as it goes down: most ways down end where a run that holds ends, too.
    The last batch is the one in which a run violates. Raises ModuleNotFoundError without cma.
    """
    made, rng = _Made(margins, dimensions, runs), stream(seed, Purpose.DESCENT)
    drawn, descents, tried = np.empty((0, 0)), list[_Descent](), Counter[tuple[int, int]]()
    while True:
        more = _spread(dimensions, rng)
        found = made(np.vstack([more, *(one.ask() for one in descents)]))
        if made.is_over:
            return made.points, made.margins
        of_random, *of_descents = np.split(found, range(DRAWN, len(found), SIZE))
        known = np.where(np.isnan(of_random), UNKNOWN, of_random)
        drawn = np.vstack([drawn, known]) if len(drawn) else known
        middle, near = (np.percentile(drawn, share, axis=0) for share in (50.0, FEW))
        spread = np.maximum(middle - near, LEAST)
        for one, told in zip(descents, of_descents, strict=True):
            one.tell(told)
        tried.update((one.goal, one.part) for one in descents if one.is_stuck)
        begun = [_Descent(*start, ends, rng) for start in _starts(more, of_random)]
        descents = _best([one for one in descents if not one.is_stuck], begun, tried, middle, spread)


def _starts(points: Floats, margins: Floats) -> Iterator[tuple[Floats, int, float]]:
    """Of the points the nearest to each goal: where a descent may begin, its goal, and its margin."""
    for goal, of_goal in enumerate(margins.T):
        order = np.argsort(of_goal, kind="stable")[:DESCENTS]
        yield from ((points[one], goal, float(of_goal[one])) for one in order if np.isfinite(of_goal[one]))


def _best(
    going: Sequence[_Descent],
    begun: Sequence[_Descent],
    tried: Counter[tuple[int, int]],
    middle: Floats,
    spread: Floats,
) -> list[_Descent]:
    """Those that go on, and of new ones the nearest to break their goal, for what is usual.

    Of one part and goal one alone, and first where the fewest have come to nothing.
    """
    found = {(one.goal, one.part): one for one in going}
    order = sorted(
        begun, key=lambda one: (tried[one.goal, one.part], (one.least - middle[one.goal]) / spread[one.goal])
    )
    for one in order:
        found.setdefault((one.goal, one.part), one)
    return list(found.values())[:DESCENTS]


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


class _Descent:
    """CMA-ES from one point towards breaking one goal. Where the first coordinate is a choice, it stays.

    part    that it stays in; 0 where there is no choice
    least   margin so far
    """

    def __init__(self, start: Floats, goal: int, margin: float, ends: Floats | None, rng: np.random.Generator) -> None:
        import cma  # noqa: PLC0415  an extra

        options = {
            "bounds": [0.0, LAST],
            "popsize": SIZE,
            "randn": lambda *shape: rng.standard_normal(shape),
            "seed": np.nan,  # leave NumPy's global generator alone
            "verbose": -9,
        }
        held = 0 if ends is None else 1
        self.goal, self.least, self._first, self._generations = goal, margin, margin, 0
        self.part = 0 if ends is None else int(np.searchsorted(ends[:-1], start[0], side="right"))
        self._held, self._free = start[:held], len(start) - held
        padded = [*start[held:], *[0.5] * (2 - self._free)]  # it asks for two dimensions
        self._strategy = cma.CMAEvolutionStrategy(padded, STEP, options)
        self._asked: list[Floats] = []

    @property
    def is_stuck(self) -> bool:
        """Whether there is no point in going on: as fast as it has gone down, it would not be there soon."""
        pace = (self._first - self.least) / max(self._generations, 1)
        return (self._generations >= TRIED and self.least > REACH * pace) or bool(self._strategy.stop())

    def ask(self) -> Floats:
        """Points of the next generation (point, d)."""
        self._asked = self._strategy.ask()
        moved = np.array(self._asked)[:, : self._free]
        return np.hstack([np.tile(self._held, (len(moved), 1)), moved])

    def tell(self, margins: Floats) -> None:
        """What came of them (point, goal)."""
        values = np.where(np.isfinite(margins[:, self.goal]), margins[:, self.goal], UNKNOWN)
        self._strategy.tell(self._asked, values.tolist())
        self._generations += 1
        self.least = min(self.least, float(values.min()))
