"""What independent sources say of each other: residual generators over a short history of all signals.

A source may be ahead of the signal that it is compared with: in real cars GPS and wheel speed differ by more than a
second, so the value of one now stands beside the value of the other then. Of the two, the one that is late is judged by
the one that was ahead and has been judged already; and the one ahead learns in hindsight what the other thought of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import nan

import numpy as np

from karyon.perception.hypotheses import (
    NOISE_SHARE,
    SURPRISE,
    Belief,
    Companion,
    error_of,
    innovation,
    leaps,
    likelihood_ratio,
    nobody,
)
from karyon.perception.sensors import Booleans, Floats

AGREEING = 8.0  # most that one sample of a source that agrees does for health, as a factor
LEARNING = 0.003  # weight of a sample in the usual offset between two sources
NOISIER = 2.5  # how far the residual of a manoeuvre exceeds the least
ALIKE = 0.35  # share by which two jumps may differ and still be the same
HALF_WINDOW = 2  # samples on either side over which a source is differentiated


class Kind(Enum):
    """How a signal follows from its source."""

    SAME = "same_as"
    RATE = "rate_of"
    INTEGRAL = "integral_of"


@dataclass(frozen=True, slots=True)
class Relation:
    """A signal and the independent source that it is compared with, both by their place among the signals.

    shift      samples by which the source is ahead, >= 0
    noise      standard deviation of a healthy residual, in the signal's unit
    accuses    whether a residual alone makes the signal doubtful: physics checks its level
    scale      by which the source is multiplied: the two may be in different units, or one be gauged otherwise
    """

    signal: int
    source: int
    kind: Kind
    shift: int
    noise: float
    accuses: bool = False
    scale: float = 1.0

    @property
    def lag(self) -> int:
        """Samples since the middle of what is taken from the source; a window around it must be over."""
        return max(self.shift, HALF_WINDOW) if self.kind is Kind.RATE else self.shift


class Residuals:
    """Compares signals over time: state for (signal, row), one `before` and one `after` per sample."""

    def __init__(self, relations: Sequence[Relation], period: float, shape: tuple[int, int]) -> None:
        """At most one relation per signal; `period` in s."""
        self._shape, self._period = shape, period
        self._at = np.array([relation.signal for relation in relations], dtype=np.int64)
        self._source = np.array([relation.source for relation in relations], dtype=np.int64)
        self._lag = np.array([relation.lag for relation in relations], dtype=np.int64)
        self._is_rate, self._is_integral, self._is_same = (
            np.array([relation.kind is kind for relation in relations], dtype=bool)[:, None]
            for kind in (Kind.RATE, Kind.INTEGRAL, Kind.SAME)
        )
        self._half = np.where(self._is_rate[:, 0], HALF_WINDOW, 0)
        self._least_noise = np.array([relation.noise for relation in relations])[:, None]
        self._scale = np.array([relation.scale for relation in relations])[:, None]
        accuses = {relation.signal for relation in relations if relation.accuses}
        signals, rows = shape
        self._accusation = np.repeat([[float(place in accuses)] for place in range(signals)], rows, axis=1)
        self._agreement = np.full(shape, AGREEING)
        self._nothing = Companion(*(np.full(shape, one) for one in nobody()))
        self._of = np.zeros(signals, dtype=np.int64)  # the relation of each signal
        self._of[self._at] = np.arange(len(relations))
        self._related = np.isin(np.arange(signals), self._at)[:, None]
        slots = 1 + int(self._lag.max(initial=0)) + HALF_WINDOW
        self._values = np.full((slots, *shape), nan)
        self._errors = np.zeros((slots, *shape))
        self._run = np.zeros((slots, *shape), dtype=np.int64)  # healthy samples in a row, up to this slot
        self._world = np.zeros((slots, rows), dtype=np.int64)  # how often the world has jumped
        self._now = 0
        self._offset = np.zeros((len(relations), rows))
        self._noise = np.repeat(self._least_noise, rows, axis=1)
        self._said = np.full((len(relations), rows), nan)
        self._known = np.zeros((len(relations), rows), dtype=bool)
        self._doubted = np.zeros(shape, dtype=np.int64)  # samples in a row

    def common(self, belief: Belief, value: Floats) -> Booleans:
        """Where two sources of the same quantity jump alike at once: the world did, or the log (signal, row)."""
        jump = innovation(belief, value)
        leaping = leaps(belief, jump)
        one, other = jump[self._at], self._scale * jump[self._source]
        alike = (one * other > 0.0) & (np.abs(one - other) < ALIKE * np.abs(one))
        both = self._is_same & leaping[self._at] & leaping[self._source] & alike
        found = np.zeros(self._shape, dtype=bool)
        np.logical_or.at(found, self._at, both)
        np.logical_or.at(found, self._source, both)
        return found

    def before(self, belief: Belief, value: Floats, common: Booleans) -> Companion:
        """What the history says of the samples that came now (signal, row); NaN for one that is missing."""
        self._now += 1
        if not self._at.size:
            return self._nothing
        self._values[self._at_slot(0)] = value
        self._world[self._at_slot(0)] = self._world[self._at_slot(1)] + common.any(axis=0)
        self._presume(belief, value)
        said, known = self._said_now()
        compared = known & ~self._is_integral
        led = compared & self._known & ~common[self._at]
        advance = np.where(led, said - self._said, 0.0)
        integral = self._is_integral & known
        residual = value[self._at] - said - self._offset
        measured = compared & np.isfinite(residual)
        self._said, self._known = said, compared
        of, related = self._of, self._related
        return Companion(
            advance=np.where(integral, self._period * said, advance)[of],
            leads=(led | integral)[of] & related,
            residual=np.where(measured, residual, 0.0)[of],
            compares=measured[of] & related,
            noise=self._noise[of],
            agreement=self._agreement,
            accusation=self._accusation,
            hindsight=self._hindsight(value),
        )

    def after(self, belief: Belief, companion: Companion, common: Booleans) -> None:
        """Remember what became of the samples, and learn the usual offset and noise of calm ones."""
        if not self._at.size:
            return
        healthy = belief.healthy > 0.5
        seen = np.isfinite(self._values[self._at_slot(0)])
        run = np.where(common, 0, self._run[self._at_slot(1)])
        self._run[self._at_slot(0)] = np.where(healthy & seen, run + 1, 0)
        self._errors[self._at_slot(0)] = np.where(healthy, 0.0, error_of(belief))
        self._doubted = np.where(healthy, 0, self._doubted + 1)
        calm = (companion.compares & (belief.healthy > 0.9))[self._at]
        residual = companion.residual[self._at]
        step = LEARNING * np.minimum(np.maximum(residual, -self._noise), self._noise)
        self._offset = np.where(calm, self._offset + step, self._offset)
        size = np.minimum(1.25 * np.abs(residual), 2.0 * self._noise)
        noise = self._noise + NOISE_SHARE * (size - self._noise)
        least = self._least_noise
        self._noise = np.where(calm, np.minimum(np.maximum(noise, least), NOISIER * least), self._noise)

    def _at_slot(self, ago: int) -> int:
        return (self._now - ago) % len(self._values)

    def _presume(self, belief: Belief, value: Floats) -> None:
        """A sample of now counts as healthy for the others if its signal was and it is no surprise."""
        calm = np.abs(innovation(belief, value)) < SURPRISE * belief.noise
        run = self._run[self._at_slot(1)]
        self._run[self._at_slot(0)] = np.where((belief.healthy > 0.5) & calm, run + 1, 0)

    def _said_now(self) -> tuple[Floats, Booleans]:
        """Value of each signal by its source, and where it is known (relation, row)."""
        newest, oldest = (self._now - self._lag + side * self._half for side in (1, -1))
        slots = len(self._values)
        late, early = self._values[newest % slots, self._source], self._values[oldest % slots, self._source]
        slope = (late - early) / (2.0 * HALF_WINDOW * self._period)
        said = self._scale * np.where(self._is_rate, slope, late)
        unbroken = self._run[newest % slots, self._source] > 2 * self._half[:, None]
        same_world = self._world[oldest % slots] == self._world[self._at_slot(0)]
        begun = (oldest >= 1)[:, None]
        return np.where(np.isfinite(said), said, 0.0), unbroken & same_world & begun & np.isfinite(said)

    def _hindsight(self, value: Floats) -> Floats:
        """How much likelier the signals that a source leads make it that the source was healthy then (signal, row)."""
        ratio = np.ones(self._shape)
        if not self._is_same.any():
            return ratio
        then = (self._now - self._lag) % len(self._values)
        error = self._scale * self._errors[then, self._source]
        residual = value[self._at] - self._scale * self._values[then, self._source] - self._offset
        same_world = self._world[then] == self._world[self._at_slot(0)]
        comparable = self._is_same & same_world & np.isfinite(residual) & (self._now > self._lag)[:, None]
        residual = np.where(comparable, residual, 0.0)
        cleared = np.maximum(likelihood_ratio(residual, residual + error, self._noise, AGREEING), 1.0)
        late = comparable & (self._doubted[self._source] >= self._lag[:, None]) & (error != 0.0)
        # Two that are both in doubt and agree are not both wrong in the same way.
        pair = comparable & (self._run[then, self._source] == 0) & (np.abs(residual) < 2.0 * self._noise)
        np.multiply.at(ratio, self._source, np.where(late, cleared, 1.0))
        np.multiply.at(ratio, self._at, np.where(pair, 0.5 * AGREEING, 1.0))
        return ratio
