"""How rare a violation is that runs drawn at random would hardly ever hit, and the worst runs found on the way.

A point of the unit cube (d,) is a run; `margins` says how far each run of a batch was from violating anything, at most
0 where it did. In here the coordinates are standard normal, so the population is densest around 0.

Two stages. Subset simulation climbs from level to level of the margin until its points violate [Au & Beck 2001; chains
by conditional sampling that adapts, Papaioannou et al. 2015]. Those points depend on each other, and how far off a rate
from them is nobody can tell; they only say *where* to look. So it is done twice, and then fresh points are drawn there,
independent of each other, and weighted by how much denser they lie than in the population [importance sampling from a
mixture, Hesterberg 1995; Owen & Zhou 2000]. The rate is the mean weight of those that violate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy import special

from karyon.campaign.statistics import Estimate, clopper_pearson
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Margins = Callable[[Floats], Floats]

CLIMBS = 2
LEVEL = 20  # a level of a climb has a twentieth of all runs
PASSED = 0.1  # share of a level from which the next one starts
ACCEPTED = 0.44  # share of the steps of a chain that is best taken [Gelman et al. 1996]
STEP = 0.6  # of a chain at first, in standard deviations of the points from which a level starts
FRESH = 0.35  # share of all runs that is kept for fresh points, at least
CENTRES = 500  # of a density, at most
BLOCK = 4096  # points whose density is computed at once
WIDENED = 1.1  # a normal density fitted to points that violate, so that it reaches those at the rim
TRUSTED, FACTOR = 50.0, 3.0  # fresh runs that must count; else the interval goes to this factor of what the climbs say
LAST = np.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    rate              with an interval for what the climbs have reached; without a violation: of runs drawn at random
    points, margins   all runs in the order in which they were made (run, d), (run,)
    effective         fresh runs of equal weight that would say as much; below 50 the rate is of the right order only
    climbed           the rates of the climbs, 0 where one has found no violation
    """

    rate: Estimate
    points: Floats
    margins: Floats
    effective: float
    climbed: tuple[float, ...]

    def worst(self, number: int) -> Integers:
        """The runs of least margin, the least first."""
        return np.argsort(self.margins, kind="stable")[:number]


def estimate(margins: Margins, dimensions: int, seed: int, runs: int = 20_000, confidence: float = 0.95) -> Found:
    """The rate of violations among points drawn evenly from the unit cube, by at most `runs` runs, 400 at least.

    margins    of a batch of points (point, dimension); NaN, a run that came to nothing, counts as one that holds.
               It may differ when asked again, as long as it does not depend on what was asked before.
    The lower end holds. So does the upper one for regions that the climbs have reached; it leaves room for others that
    are so small that both climbs would have missed them once in twenty times. It does not hold for a region that no
    slope of the margin leads to and that is too rare to be hit at random.
    """
    asked, rng = _Asked(margins), stream(seed, Purpose.SEARCH)
    each = int((1.0 - FRESH) * runs) // CLIMBS
    climbs = [_climb(asked, dimensions, rng, runs // LEVEL, each) for _ in range(CLIMBS)]
    climbed = tuple(one.rate for one in climbs)
    violating = np.concatenate([one.points for one in climbs])
    if not len(violating):
        high = float(clopper_pearson(0, CLIMBS * (runs // LEVEL), confidence)[1])
        return Found(Estimate(0.0, 0.0, high), *asked.all(), 0.0, climbed)
    weights = _weights(asked, violating, rng, runs - asked.runs)
    lineages = sum(_effective(np.unique(one.ancestors, return_counts=True)[1]) for one in climbs)
    rate = _interval(weights, lineages, climbed, confidence)
    return Found(rate, *asked.all(), _effective(weights), climbed)


class _Asked:
    """All runs so far."""

    def __init__(self, margins: Margins) -> None:
        self._margins = margins
        self._points: list[Floats] = []
        self._found: list[Floats] = []
        self.runs = 0

    def __call__(self, z: Floats) -> Floats:
        """Margins of standard normal points."""
        self._points.append(np.minimum(special.ndtr(z), LAST))
        found = self._margins(self._points[-1])
        self._found.append(np.where(np.isnan(found), np.inf, found))
        self.runs += len(z)
        return self._found[-1]

    def all(self) -> tuple[Floats, Floats]:
        return np.concatenate(self._points), np.concatenate(self._found)


@dataclass(frozen=True, slots=True)
class _Climb:
    """Violating points (point, d), which of the first points each descends from, and the rate by subset simulation."""

    points: Floats
    ancestors: Integers
    rate: float


def _climb(asked: _Asked, dimensions: int, rng: np.random.Generator, size: int, runs: int) -> _Climb:
    """Levels of `size` points until a tenth of one violates, `runs` are used up, or no point is better than a level."""
    z, ancestors, passed, level, step = rng.standard_normal((size, dimensions)), np.arange(size), 1.0, np.inf, STEP
    margin, end = asked(z), asked.runs - size + runs
    while True:
        violates = margin <= 0.0
        better = _next_level(margin, level)
        if violates.mean() >= PASSED or asked.runs + size > end or better is None:
            return _Climb(z[violates], ancestors[violates], passed * float(violates.mean()))
        level, inside = better, np.flatnonzero(margin <= better)
        passed *= len(inside) / len(z)
        chains = int(PASSED * size)
        start = rng.permutation(inside)[:chains] if len(inside) >= chains else rng.choice(inside, chains)
        z, margin, step = _walk(asked, z[start], margin[start], level, size // chains - 1, step, rng)
        ancestors = np.tile(ancestors[start], size // chains)


def _next_level(margin: Floats, level: float) -> float | None:
    """The margin that a tenth of the points does not exceed, but less than the last and the largest; None: none is."""
    below = margin[margin < min(level, margin.max())]
    tenth = int(PASSED * len(margin)) - 1
    return float(min(np.partition(margin, tenth)[tenth], below.max())) if len(below) else None


def _walk(
    asked: _Asked, z: Floats, margin: Floats, level: float, steps: int, step: float, rng: np.random.Generator
) -> tuple[Floats, Floats, float]:
    """Chains (chain, d) that stay within a level, with their start, and the step that suits them.

    z' <- sqrt(1 - s^2) z + s * normal,    taken where its margin is within the level
    """
    scale = z.std(axis=0)
    scale[scale == 0.0] = 1.0
    visited, found = [z], [margin]
    for number in range(1, steps + 1):
        size = np.minimum(1.0, step * scale)
        proposed = np.sqrt(1.0 - size**2) * z + size * rng.standard_normal(z.shape)
        there = asked(proposed)
        taken = there <= level
        z, margin = np.where(taken[:, None], proposed, z), np.where(taken, there, margin)
        visited.append(z)
        found.append(margin)
        step *= float(np.exp((taken.mean() - ACCEPTED) / np.sqrt(number)))
    return np.concatenate(visited), np.concatenate(found), step


def _weights(asked: _Asked, violating: Floats, rng: np.random.Generator, runs: int) -> Floats:
    """Density of the population over that of fresh points, 0 where they hold (run,)."""
    densities = _densities(violating, rng.permutation(len(violating))[:CENTRES])
    drawn = []
    for each, (centres, shape) in enumerate(densities):
        number = (runs + each) // len(densities)
        noise = rng.standard_normal((number, len(shape)))
        drawn.append(centres[rng.integers(len(centres), size=number)] + noise @ shape.T)
    z = np.concatenate(drawn)
    blocks = [z[start : start + BLOCK] for start in range(0, len(z), BLOCK)]
    mixed = np.concatenate([special.logsumexp([_log_density(z, *one) for one in densities], axis=0) for z in blocks])
    population = _log_density(z, np.zeros((1, z.shape[1])), np.eye(z.shape[1]))
    return np.where(asked(z) <= 0.0, np.exp(population - mixed + log(len(densities))), 0.0)


def _densities(points: Floats, chosen: Integers) -> list[tuple[Floats, Floats]]:
    """Normal mixtures around violating points: centres (centre, d), and a root of their common covariance (d, d).

    - around each of the chosen, as wide as the population, and drawn in where the points are no wider than that
    - one normal density of the points' mean and covariance, no narrower than the population
    - around each of the chosen, as wide as Silverman's rule says
    - one normal density of the points' mean and covariance
    As wide as the population, weights are of finite spread; the others are for regions that are narrow.
    """
    number, dimensions = points.shape
    unit, mean = np.eye(dimensions), points.mean(axis=0, keepdims=True)
    squares, axes = np.linalg.eigh(points.T @ points / number)
    drawn_in = points @ (axes * np.sqrt(np.maximum(0.0, 1.0 - 1.0 / np.maximum(squares, 1e-12)))) @ axes.T
    variances, axes = np.linalg.eigh((points - mean).T @ (points - mean) / number)
    variances = np.maximum(variances, 1e-6 * variances.max() + 1e-12)
    narrow = axes * np.sqrt(variances)
    silverman = (4.0 / ((dimensions + 2.0) * len(chosen))) ** (1.0 / (dimensions + 4.0))
    return [
        (drawn_in[chosen], unit),
        (mean, axes * np.sqrt(np.maximum(variances, 1.0))),
        (points[chosen], silverman * narrow),
        (mean, WIDENED * narrow),
    ]


def _log_density(z: Floats, centres: Floats, shape: Floats) -> Floats:
    """Log of the mean of normal densities, (2 pi)^(d / 2) left out, at points (point,)."""
    whitened, around = np.linalg.solve(shape, z.T).T, np.linalg.solve(shape, centres.T).T
    squares = (whitened**2).sum(axis=1)[:, None] - 2.0 * whitened @ around.T + (around**2).sum(axis=1)
    nearest = squares.min(axis=1)
    mean = np.exp(-0.5 * (squares - nearest[:, None])).mean(axis=1)
    return np.asarray(np.log(mean) - 0.5 * nearest - np.linalg.slogdet(shape)[1])


def _interval(weights: Floats, lineages: float, climbed: tuple[float, ...], confidence: float) -> Estimate:
    """Of the mean weight, as if that were log-normal, and with room for what none of the lineages has reached:

    a share of the rate of 1 - (1 - confidence)^(1 / lineages)
    """
    mean, effective = float(weights.mean()), _effective(weights)
    if mean == 0.0:
        return Estimate(0.0, 0.0, min(1.0, FACTOR * max(climbed)))
    spread = np.sqrt(np.log1p(1.0 / effective - 1.0 / len(weights)))
    factor = float(np.exp(special.ndtri((1.0 + confidence) / 2.0) * spread))
    low, high = mean / factor, mean * factor / (1.0 - confidence) ** (1.0 / lineages)
    if effective < TRUSTED:
        low, high = min(low, min(climbed) / FACTOR), max(high, max(climbed) * FACTOR)
    return Estimate(mean, low, min(high, 1.0))


def _effective(weights: NDArray[np.generic]) -> float:
    """How many of equal weight would say as much. [Kish 1965]"""
    total, squares = float(weights.sum()), float((np.asarray(weights, dtype=float) ** 2).sum())
    return total * total / squares if squares > 0.0 else 0.0
