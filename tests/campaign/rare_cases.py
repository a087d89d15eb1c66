"""Violations of which the rate is known in closed form, one in a million, and how well a search finds it.

    python -m tests.campaign.rare_cases 100

searches each case by as many seeds, and prints a line for each: in how many the interval has the rate, upper end over
lower end (median), median estimate, fewest fresh runs that counted, most runs.

Margins are functions of standard normal coordinates z, made of even ones. With the last cases a search has trouble.
"""

import sys
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from karyon.campaign.rare import estimate

RATE = 1e-6


@dataclass(frozen=True)
class Case:
    dimensions: int
    margin: object

    def margins(self, points):
        return self.margin(special.ndtri(points))


def away(rate):
    """How far from 0 a standard normal number is beyond which there is this rate."""
    return -special.ndtri(rate)


def plane(dimensions):
    """Beyond a plane that lies askew."""
    return Case(dimensions, lambda z: away(RATE) - z.sum(axis=1) / np.sqrt(dimensions))


def opposite(dimensions, share=0.5):
    """Beyond either of two planes, one on each side: this share of the rate is in one of them."""
    near, far = away(RATE * (1 - share)), away(RATE * share)

    def margin(z):
        along = z.sum(axis=1) / np.sqrt(dimensions)
        return np.minimum(near - along, far + along)

    return Case(dimensions, margin)


def corner(dimensions, share=0.5):
    """Beyond either of two planes at right angles. What they share, a rate of 2.5e-13, is not counted twice."""
    one, other = away(RATE * (1 - share)), away(RATE * share)
    return Case(dimensions, lambda z: np.minimum(one - z[:, 0], other - z[:, 1]))


def sphere(dimensions):
    """Beyond a sphere: whatever the direction."""
    radius = np.sqrt(stats.chi2.isf(RATE, dimensions))
    return Case(dimensions, lambda z: radius - np.sqrt((z**2).sum(axis=1)))


def box(narrow, dimensions):
    """Where each of some coordinates is in a narrow band, as when a fault must come at the right moment."""
    width = RATE ** (1 / narrow)
    low, high = special.ndtri(0.7 - width / 2), special.ndtri(0.7 + width / 2)
    return Case(dimensions, lambda z: (np.abs(z[:, :narrow] - (low + high) / 2) - (high - low) / 2).max(axis=1))


def chance(dimensions, share):
    """A plane, and this share of the variance is not in the point: the run has random numbers of its own."""
    rng = np.random.Generator(np.random.Philox(9))

    def margin(z):
        along = z.sum(axis=1) / np.sqrt(dimensions)
        return away(RATE) - np.sqrt(1 - share) * along - np.sqrt(share) * rng.standard_normal(len(z))

    return Case(dimensions, margin)


def stairs(dimensions):
    """A plane, and a margin that takes few values."""
    return Case(dimensions, lambda z: np.ceil(2 * (away(RATE) - z[:, 0])) / 2)


def hidden():
    """Half of the rate beyond a plane, half in a small box to which nothing leads before one is near."""
    width = np.sqrt(RATE / 2)
    low, high = special.ndtri(0.1 - width / 2), special.ndtri(0.1 + width / 2)

    def margin(z):
        into_box = (np.abs(z - (low + high) / 2) - (high - low) / 2).max(axis=1)
        return np.minimum(away(RATE / 2) - z[:, 0], 4 * into_box)

    return Case(2, margin)


def cliff():
    """A plane, and a margin that says nothing but whether it violates."""
    return Case(2, lambda z: np.where(z[:, 0] > away(RATE), -1.0, 1.0))


CASES = {
    **{f"a plane, d = {d}": plane(d) for d in (1, 2, 5, 10, 20)},
    **{f"two planes, opposite, d = {d}": opposite(d) for d in (2, 5, 10)},
    **{f"two planes, at right angles, d = {d}": corner(d) for d in (2, 10)},
    "two planes, at right angles, 5 % in one, d = 10": corner(10, 0.05),
    **{f"a sphere, d = {d}": sphere(d) for d in (2, 3, 5, 10)},
    **{f"{k} narrow bands, d = {d}": box(k, d) for k, d in ((2, 2), (3, 3), (3, 8), (2, 10))},
    "a plane and a tenth of chance, d = 3": chance(3, 0.1),
    "a plane in stairs, d = 3": stairs(3),
}
BEYOND = {
    **{f"two planes, opposite, {share:.0%} in one, d = 3": opposite(3, share) for share in (0.2, 0.05)},
    "a plane and a hidden box, d = 2": hidden(),
    "a plane and a half of chance, d = 3": chance(3, 0.5),
    "a cliff, d = 2": cliff(),
}


def line(case, seeds):
    found = [estimate(case.margins, case.dimensions, seed) for seed in seeds]
    covered = sum(one.rate.low <= RATE <= one.rate.high for one in found)
    with np.errstate(divide="ignore"):
        ratio = np.median(np.divide([one.rate.high for one in found], [one.rate.low for one in found]))
    value = np.median([one.rate.value for one in found])
    counted, most = min(one.effective for one in found), max(len(one.points) for one in found)
    return f"{covered} of {len(found)}, {ratio:.2f}, {value:.3g}, {counted:.0f}, {most}"


if __name__ == "__main__":
    for name, case in (CASES | BEYOND).items():
        print(f"{name}: {line(case, range(int(sys.argv[1])))}", flush=True)
