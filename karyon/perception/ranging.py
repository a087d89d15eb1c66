"""Ranges to points whose place is known: each is judged by where all the others say that the carrier is.

An ultra-wideband radio ranges to its anchors in turn, a receiver to its satellites: one range alone says nothing of its
own error, but all of them meet in one place. A filter for position and velocity carries that place along; a range that
is not obstructed differs from it by noise, an obstructed one is longer, never shorter: light takes a detour.

    healthy      error = usual offset + N(0, noise)
    obstructed   error = usual offset + detour, the detour half-normal

Each range moves the place by as much as it is likely to be healthy, as probabilistic data association does [Bar-Shalom,
Daum & Huang 2009, IEEE Control Systems 29(6)]; its validity is the probability that its error is tolerable.
"""

from collections import deque
from dataclasses import dataclass
from math import erf, exp, isfinite, pi, sqrt

import numpy as np

from karyon.perception.sensors import Floats

OBSTRUCTED = 0.1  # share of the ranges, before anything is known of them
LATEST = 12  # ranges from which the place is found when it is not known
LOST = 6.0  # ranges in a row, that are hardly healthy, after which the place is not known any more
STEPS = 15  # of Gauss and Newton
UNKNOWN = 10.0  # standard deviation of a place that is not known, in what it may be off when it is
GAP = 10.0  # s without a range, after which the place is not known any more
HARDLY = 0.5  # probability of health
ABSURD = 1e10  # m, s: farther and later than anything


@dataclass(frozen=True, slots=True)
class Ranged:
    """What is known of the ranges; all in m, but for `acceleration` in m/s².

    noise          standard deviation of a range that is not obstructed
    offset         its usual error
    detour         usual size of the detour of an obstructed one
    tolerated      error that the function tolerates
    acceleration   usual acceleration of the carrier
    """

    noise: float
    offset: float
    detour: float
    tolerated: float
    acceleration: float


class Ranging:
    """Judges the ranges of one carrier, one after the other. Nothing raises; what is not finite is no range."""

    def __init__(self, ranged: Ranged, dimensions: int) -> None:
        """`dimensions` of the place, 2 or 3."""
        self._ranged, self.dimensions = ranged, dimensions
        self._state = np.zeros(2 * dimensions)  # position, velocity
        self._covariance = np.eye(2 * dimensions)
        self._time = -np.inf
        self._latest: deque[tuple[Floats, float]] = deque(maxlen=LATEST)
        self._is_known, self._doubts = False, 0.0

    def step(self, time: float, distance: float, place: Floats) -> float:
        """Validity of one range, `distance` in m at `time` in s, to a `place` (dimension,)."""
        numbers = (time, distance, *place)
        if not all(isfinite(number) and abs(number) < ABSURD for number in numbers) or time < self._time:
            return 0.0
        self._carry(time)
        self._latest.append((place, distance))
        if not self._is_known:
            self._find()
            return self._prior()
        return self._judge(distance, place)

    def opinions(self, time: Floats, values: Floats, columns: Floats) -> Floats:
        """Validity of the ranges `values` (row,), NaN where there is none; `columns` (dimension, row): the places."""
        opinion = np.full(time.size, np.nan)
        for row in np.flatnonzero(np.isfinite(values)):
            opinion[row] = self.step(float(time[row]), float(values[row]), columns[:, row])
        return opinion

    def _carry(self, time: float) -> None:
        """The place at a later time. [Bar-Shalom, Li & Kirubarajan 2001, sec. 6.2.3: white noise acceleration]"""
        elapsed = time - self._time
        self._time = time
        if elapsed > GAP:
            self._is_known = False
            self._latest.clear()
        if not self._is_known:
            return
        identity = np.eye(self.dimensions)
        move = np.block([[identity, elapsed * identity], [0.0 * identity, identity]])
        push = np.vstack([0.5 * elapsed**2 * identity, elapsed * identity]) * self._ranged.acceleration
        self._state = move @ self._state
        self._covariance = move @ self._covariance @ move.T + push @ push.T

    def _judge(self, distance: float, place: Floats) -> float:
        """Validity by the innovation, and the place after it."""
        ranged = self._ranged
        away = self._state[: self.dimensions] - place
        expected = max(float(np.sqrt(away @ away)), 1e-9)
        slope = np.concatenate([away / expected, np.zeros(self.dimensions)])
        reach = self._covariance @ slope
        vague = float(slope @ reach)  # variance of what is expected
        innovation = distance - ranged.offset - expected
        healthy = self._healthy(innovation, vague)
        variance = vague + ranged.noise**2
        gain = reach / variance
        self._state = self._state + healthy * innovation * gain
        spread = healthy * (1.0 - healthy) * innovation**2
        self._covariance = self._covariance + (spread - healthy * variance) * np.outer(gain, gain)
        self._doubts = self._doubts + 1.0 if healthy < HARDLY else 0.0
        self._is_known = self._doubts < LOST
        return self._tolerable(innovation, vague, healthy)

    def _healthy(self, innovation: float, vague: float) -> float:
        """Probability that the range is not obstructed."""
        ranged = self._ranged
        straight = (1.0 - OBSTRUCTED) * _density(innovation, vague + ranged.noise**2)
        wide = vague + ranged.noise**2 + ranged.detour**2
        # the sum of a normal and a half-normal variable [Azzalini 1985: skew-normal]
        skew = ranged.detour / sqrt(vague + ranged.noise**2)
        longer = 2.0 * _density(innovation, wide) * _below(skew * innovation / sqrt(wide))
        detoured = OBSTRUCTED * longer
        return straight / (straight + detoured) if straight + detoured > 0.0 else 0.0

    def _tolerable(self, innovation: float, vague: float, healthy: float) -> float:
        """Probability that the error is tolerable, by what is then known of it."""
        ranged = self._ranged
        straight = self._within(innovation, vague, ranged.noise**2)
        detoured = self._within(innovation, vague, ranged.noise**2 + ranged.detour**2)
        return healthy * straight + (1.0 - healthy) * detoured

    def _within(self, innovation: float, vague: float, variance: float) -> float:
        """The same for an error of this variance."""
        mean = self._ranged.offset + innovation * variance / (variance + vague)
        sigma = max(sqrt(variance * vague / (variance + vague)), 1e-9)
        tolerated = self._ranged.tolerated
        return _below((tolerated - mean) / sigma) - _below((-tolerated - mean) / sigma)

    def _prior(self) -> float:
        """Validity of a range of which nothing is known yet."""
        return self._tolerable(0.0, 1e6 * self._ranged.detour**2, 1.0 - OBSTRUCTED)

    def _find(self) -> None:
        """Where the latest ranges meet, once there are enough of them. [Gauss & Newton]"""
        places = np.array([place for place, _ in self._latest])
        if len(np.unique(places, axis=0)) <= self.dimensions:
            return
        distances = np.array([distance for _, distance in self._latest]) - self._ranged.offset
        at = places.mean(axis=0)
        for _ in range(STEPS):
            away = at - places
            expected = np.maximum(np.sqrt((away * away).sum(axis=1)), 1e-9)
            step, *_ = np.linalg.lstsq(away / expected[:, None], distances - expected, rcond=None)
            at = at + step
        self._is_known = bool(np.isfinite(at).all())
        self._doubts = 0.0
        sigma = np.repeat([UNKNOWN * self._ranged.noise, self._ranged.acceleration], self.dimensions)
        self._state = np.concatenate([at, np.zeros(self.dimensions)])
        self._covariance = np.diag(sigma**2)


def _density(error: float, variance: float) -> float:
    return exp(-0.5 * error * error / variance) / sqrt(2.0 * pi * variance)


def _below(sigmas: float) -> float:
    """Share of a normal variable below."""
    return 0.5 * (1.0 + erf(sigmas / sqrt(2.0)))
