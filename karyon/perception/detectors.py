"""Failure detectors: elementwise formulas with explicit state, and what each promises.

State goes in and comes out; arguments are scalars or arrays that broadcast; a sample that is not `fresh` changes
nothing; nothing raises, and a NaN sample is the caller's to leave out (`fresh` False). Amplitudes are in the signal's
unit; `validity.of_amplitude` turns them into validity.
"""

from dataclasses import dataclass
from functools import cache
from math import ceil, exp, inf, log, log1p, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import at_least, at_most, maximum, where
from karyon.perception.validity import amplitude_at

Floats = NDArray[np.float64]

SHARE = 0.2  # weight of a sample in the average of a residual
MISSED = 1e-6  # share of failures that may take longer than a stated detection time
MISSED_SIGMAS = -NormalDist().inv_cdf(MISSED)
MOST_SAMPLES = 200  # after which a growing error counts as not seen
SLOW_STEP = 0.1
SLOW_PARTS = [SLOW_STEP * step for step in range(-70, 71)]  # in sigma: the integral over the slow part
PHASES = [phase / 10 for phase in range(10)]  # of the growth of an error against the samples, in periods
SETTLED = 20  # samples after which a reference is better known than what it is compared with
STUCK_AFTER = 4  # equal samples in a row; two noisy samples are equal with a probability below 1e-12


def outside(value: Any, low: Any, high: Any) -> Floats:
    """Range check: how far `value` lies outside of [low, high], which are numbers; NaN for NaN."""
    beyond: Floats = abs(value - at_most(high, at_least(low, value)))
    return beyond


def beyond_rate(change: Any, step: Any, rate_limit: Any, noise: Any) -> Any:
    """Rate check: how far a change exceeds what physics and noise allow in `step` s.

    change       difference of two samples, in the signal's unit
    rate_limit   largest physical rate, unit per s
    noise        what the noise of two samples may add, in the unit
    """
    return maximum(0.0, abs(change) - rate_limit * step - noise)


def spike(first: Any, second: Any, third: Any) -> Any:
    """Spike check: how far `second` of three samples in a row stands out from both others; 0 for NaN."""
    up, down = second - first, second - third
    return where(up * down > 0.0, at_most(abs(up), abs(down)), 0.0)


def plausible_stamp(time: Any, previous: Any, now: Any) -> Any:
    """Time stamp check: a new sample is younger than the one before it and not from the future; integers, ns."""
    return (time > previous) & (time <= now)


def repeats(count: Any, value: Any, previous: Any, fresh: Any) -> Any:
    """Stuck-at check: fresh samples in a row that equal the one before them exactly; `STUCK_AFTER` are an alarm."""
    return where(fresh, where(value == previous, count + 1.0, 0.0), count)


def smoothed(average: Any, sample: Any, share: Any, fresh: Any) -> Any:
    """Exponentially weighted average: moves by `share` of the distance towards each fresh sample. [Roberts 1959]"""
    return where(fresh, average + share * (sample - average), average)


def reckon(
    reference: Any, smooth: Any, value: Any, advance: Any, fresh: Any, doubted: Any, leak: Any, share: Any
) -> tuple[Any, Any, Any]:
    """Dead reckoning: a value against its own past carried on by its measured rate.

        reference <- reference + advance + leak * residual     with residual = value - reference
        smooth    <- smooth + share * (residual - smooth)

    reference, smooth   state: the reckoned value, the residual's average
    value               sample, extrapolated to now
    advance             measured rate times the time since the last call, in the value's unit
    doubted             while True the reference does not follow the value: a failure cannot teach it
    leak                share of the residual that a fresh sample moves the reference
    Returns the new reference and average, and the residual of this sample (the last one is the caller's to keep).
    """
    reference = reference + advance
    residual = value - reference
    smooth = smoothed(smooth, residual, share, fresh)
    reference = reference + where(fresh & ~doubted, leak * residual, 0.0)
    return reference, smooth, residual


def settling(samples: Any, leak: Any) -> Any:
    """Share of the residual that moves a reference which rests on `samples` samples: their mean, then `leak`.

    A reference that began with one unlucky sample would else be wrong by its noise for as long as it remembers.
    """
    return where(samples < SETTLED, at_least(leak, 1.0 / (samples + 1.0)), leak)


@dataclass(frozen=True, slots=True)
class ResidualGate:
    """Limits on a residual and on its average, and how soon they see a failure of a given size.

    sigma       standard deviation of one healthy residual, in the signal's unit
    wander      standard deviation of the slow part that averaging does not remove (random walk of a reckoned value)
    tolerated   failure amplitude that the function tolerates
    period      s between samples
    share       weight of a sample in the average (0..1]
    memory      s after which a reckoned reference has followed the value; inf: the reference is independent

    Sees offset, outlier, noise (single samples) and drift, ramp, scale, stuck-at, freeze, saturation (their growth),
    from `tolerated` on. A healthy Gaussian residual stays inside `band` up to 5 sigma, its average inside `smooth_band`
    up to 3.5: beyond that validity falls, and an alarm (validity below 0.8) lies 4 to 7 sigma out.
    """

    sigma: float
    wander: float
    tolerated: float
    period: float
    share: float = SHARE
    memory: float = inf

    @property
    def smooth_sigma(self) -> float:
        """Standard deviation of the average of healthy residuals. [Montgomery 2013, eq. 9.25]"""
        return sqrt(self.sigma**2 * self.share / (2.0 - self.share) + self.wander**2)

    @property
    def band(self) -> float:
        """Residual of one sample up to which validity is 1: 5 sigma, but never more than 0.95 of the tolerated."""
        return min(5.0 * sqrt(self.sigma**2 + self.wander**2), 0.95 * self.tolerated)

    @property
    def smooth_band(self) -> float:
        """Average residual up to which validity is 1: 3.5 sigma, but never more than half of the tolerated."""
        return min(3.5 * self.smooth_sigma, 0.5 * self.tolerated)

    def step_time(self, minimum: float) -> float:
        """Detection time in s of a step of the tolerated amplitude, quantile 1 - 10^-6, for `validity >= minimum`.

        The sample that brings the step counts as instant 0. Single samples miss independently, but for the slow part
        of the noise, which they share; the average needs n samples until tolerated (1 - (1 - share)^n) clears its
        gate by the quantile of its noise.
        """
        gate = amplitude_at(minimum, self.smooth_band, self.tolerated) + MISSED_SIGMAS * self.smooth_sigma
        average = ceil(log1p(-gate / self.tolerated) / log(1.0 - self.share)) if gate < self.tolerated else inf
        return (min(_single_samples(self, minimum), average) - 1) * self.period

    def ramp_time(self, rate: float, minimum: float) -> float:
        """Detection time in s of an error that grows by `rate` per s, from the sample that passes `tolerated`.

        The recursion of `reckon` on the error alone, until it clears the gate by the quantile of its noise, for the
        worst of ten phases of the growth against the samples. inf: the reference follows too fast, a stated gap.
        """
        late = _ramp_samples(self, rate, minimum) - np.array([self.passed(rate, phase) for phase in PHASES])
        return float(np.maximum(late, 0.0).max()) * self.period

    def growth_time(self, rate: float, minimum: float) -> float:
        """As `ramp_time`, but from the first sample that the growing error has changed."""
        return float(_ramp_samples(self, rate, minimum).max()) * self.period

    def passed(self, rate: float, phase: float) -> int:
        """The sample at which a ramp passes the tolerated amplitude; `phase` is its age at sample 0, in periods."""
        return ceil(self.tolerated / (rate * self.period) - phase)

    def seen(self, rate: float, phase: float, single: float, average: float) -> float:
        """The sample of a ramp of which it, or the average, clears its gate; inf: none."""
        leak = 0.0 if self.memory == inf else leak_of(self.period, self.memory)
        followed = smooth = 0.0
        for sample in range(self.passed(rate, phase) + MOST_SAMPLES):
            residual = rate * self.period * (sample + phase) - followed
            smooth += self.share * (residual - smooth)
            followed += leak * residual
            if residual >= single or smooth >= average:
                return sample
        return inf


@cache
def _single_samples(gate: ResidualGate, minimum: float) -> float:
    """Samples after which no more than `MISSED` of the steps has stayed below the gate of single samples."""
    limit, share = amplitude_at(minimum, gate.band, gate.tolerated), NormalDist()
    missed = [share.cdf((limit - gate.tolerated - gate.wander * slow) / gate.sigma) for slow in SLOW_PARTS]
    for samples in range(1, MOST_SAMPLES):
        expected = sum(
            share.pdf(slow) * SLOW_STEP * miss**samples for slow, miss in zip(SLOW_PARTS, missed, strict=True)
        )
        if expected <= MISSED:
            return samples
    return inf


@cache
def _ramp_samples(gate: ResidualGate, rate: float, minimum: float) -> Floats:
    """The sample at which a ramp is seen, per phase (phase,)."""
    single = amplitude_at(minimum, gate.band, gate.tolerated) + MISSED_SIGMAS * gate.sigma
    average = amplitude_at(minimum, gate.smooth_band, gate.tolerated) + MISSED_SIGMAS * gate.smooth_sigma
    return np.array([gate.seen(rate, phase, single, average) for phase in PHASES])


def wander_of(rate_sigma: float, period: float, memory: float) -> float:
    """Standard deviation of a reckoned reference: white rate noise summed over `memory`. [Ornstein-Uhlenbeck]"""
    return rate_sigma * sqrt(period * memory / 2.0)


def leak_of(period: float, memory: float) -> float:
    """Share of the residual that each sample moves the reference so that it forgets within `memory` s."""
    return 1.0 - exp(-period / memory)
