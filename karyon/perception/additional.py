"""Detectors that a sensors file adds to the default chain: built in, or a user's own by its import path.

Each gives one more opinion on one signal, in many logs side by side; the validity of a sample is that of the least
favourable opinion. What they promise stands in `claims`, what every one has to keep in `karyon.perception.contract`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from karyon.perception import detectors, validity
from karyon.perception.hypotheses import RATE_SHARE, Companion
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import Booleans, Floats
from karyon.perception.signals import Signal

LOUD = 4.0  # standard deviations of the surprise of a sample, beyond which it counts as a loud one
WINDOW = 16  # samples among which the loud ones are counted
FEW, MANY = 4, 12  # loud ones with which a signal is still calm, and certainly noisy
SIZE_SHARE = 0.15  # weight of a sample in the average of surprises
ONE, WHOLE_WINDOW = np.uint64(1), np.uint64(2**WINDOW - 1)
CUSUM_RUN = 1e7  # samples between two false alarms of the cumulative sum
OVERSHOOT = 1.166  # standard deviations by which a random walk passes its limit. [Siegmund 1985, eq. 2.56]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a signal in many logs: arrays (row,).

    time       s, of the row of the log
    value      in the signal's unit, NaN where none came
    fresh      True where one came
    residual   value minus what the signal's relation says, its usual offset taken off; NaN where nothing is said
    noise      standard deviation of a healthy residual
    """

    time: Floats
    value: Floats
    fresh: Booleans
    residual: Floats
    noise: Floats


class Detector(Protocol):
    """One more opinion on a signal. It is made with the signal, the period of the log in s and the number of logs."""

    def step(self, sample: Sample) -> Floats:
        """Validity 0..1 of one more sample (row,)."""


Factory = Callable[[Signal, float, int], Detector]


@dataclass(frozen=True, slots=True)
class Additional:
    """A detector to be made: its name in what lowered a sample, the place of its signal, and its class."""

    name: str
    signal: int
    factory: Factory


class Opinions:
    """All additional detectors of a chain. One that fails vouches for nothing: its opinion is 0."""

    def __init__(self, additional: Sequence[Additional], signals: Sequence[Signal], period: float, rows: int) -> None:
        """`signals` are those of the chain, in its order."""
        self._shape = (len(signals), rows)
        self._all = [(each, each.factory(signals[each.signal], period, rows)) for each in additional]

    def step(
        self, time: Floats, value: Floats, fresh: Booleans, companion: Companion
    ) -> tuple[Floats, dict[str, Booleans]]:
        """The least favourable opinion on each sample (signal, row), and per name where one lowered validity."""
        least = np.ones(self._shape)
        lowered: dict[str, Booleans] = {}
        for each, detector in self._all:
            at = each.signal
            said = np.where(companion.compares[at], companion.residual[at], np.nan)
            noise = np.broadcast_to(companion.noise, self._shape)[at]
            sample = Sample(time, np.where(fresh[at], value[at], np.nan), fresh[at], said, noise)
            opinion = np.where(fresh[at], _opinion(detector, sample), 1.0)
            least[at] = np.minimum(least[at], opinion)
            lowered.setdefault(each.name, np.zeros(self._shape, dtype=bool))[at] |= opinion < DOUBT
        return least, lowered


def _opinion(detector: Detector, sample: Sample) -> Floats:
    """What the detector says (row,); 0 where it says no validity, and everywhere when it fails."""
    nothing = np.zeros(sample.time.shape)
    try:
        said = np.asarray(detector.step(sample), dtype=np.float64)
    except Exception:  # a user's own may fail in any way, and safety does not hang on it
        return nothing
    return np.where((said >= 0.0) & (said <= 1.0), said, 0.0) if said.shape == nothing.shape else nothing


class Rate:
    """A change that physics forbids: `rate_limit` of the signal, per s. Hard, but for the noise of both samples."""

    def __init__(self, signal: Signal, period: float, rows: int) -> None:
        self._signal, self._period = signal, period
        self._last, self._time = np.full(rows, np.nan), np.full(rows, np.nan)

    def step(self, sample: Sample) -> Floats:
        """Validity of the change since the last sample; what lies between is time that has passed."""
        elapsed = np.maximum(sample.time - self._time, self._period)
        change = sample.value - self._last
        beyond = detectors.beyond_rate(change, elapsed, self._signal.rate_limit, LOUD * self._signal.noise)
        self._last = np.where(sample.fresh, sample.value, self._last)
        self._time = np.where(sample.fresh, sample.time, self._time)
        opinion = validity.of_amplitude(beyond, 0.0, self._signal.tolerated)
        return np.where(sample.fresh & np.isfinite(change), opinion, 1.0)


class Noise:
    """More noise than the sensor has: many samples in a short time that the ones before them do not explain.

    Counting loud samples instead of averaging squares leaves a single jump to the detector of jumps.
    """

    def __init__(self, signal: Signal, period: float, rows: int) -> None:
        self._signal = signal
        self._last, self._rate = np.full(rows, np.nan), np.zeros(rows)
        self._loud = np.zeros(rows, dtype=np.uint64)  # one bit per sample
        self._size = np.zeros(rows)

    def step(self, sample: Sample) -> Floats:
        """Validity by the share of loud samples, and by how large the surprises are in what is tolerated."""
        signal = self._signal
        surprise = sample.value - self._last - self._rate
        known = sample.fresh & np.isfinite(surprise)
        size = np.minimum(np.abs(np.where(known, surprise, 0.0)), 2.0 * signal.tolerated)
        loud = ((self._loud << ONE) | (size > LOUD * signal.noise)) & WHOLE_WINDOW
        self._loud = np.where(known, loud, self._loud)
        self._size = detectors.smoothed(self._size, size, SIZE_SHARE, known)
        rate = self._rate + (RATE_SHARE * surprise if signal.inertia else 0.0)
        self._rate = np.where(known, rate, self._rate)
        self._last = np.where(sample.fresh, sample.value, self._last)
        noisy = 1.0 - validity.of_amplitude(np.bitwise_count(self._loud), FEW, MANY)
        harm = 1.0 - validity.of_amplitude(self._size, 0.0, signal.tolerated)
        return np.asarray(1.0 - noisy * harm)


class Cusum:
    """A slow change of a signal against its relation: the cumulative sum of the residual, both ways. [Page 1954]

        up <- max(0, up + residual - k)        with k half of the tolerated amplitude

    The limit is the one that independent Gaussian residuals pass once in `CUSUM_RUN` samples. [Siegmund 1985]
    """

    def __init__(self, signal: Signal, period: float, rows: int) -> None:
        self._slack = 0.5 * signal.tolerated
        self._up, self._down = np.zeros(rows), np.zeros(rows)

    def step(self, sample: Sample) -> Floats:
        """Validity 1 up to half of the limit, 0 from one and a half on."""
        limit = cusum_limit(self._slack, sample.noise)
        known = sample.fresh & np.isfinite(sample.residual)
        residual = np.where(known, sample.residual, 0.0)
        self._up = np.where(known, np.clip(self._up + residual - self._slack, 0.0, 2.0 * limit), self._up)
        self._down = np.where(known, np.clip(self._down - residual - self._slack, 0.0, 2.0 * limit), self._down)
        return validity.of_amplitude(np.maximum(self._up, self._down), 0.5 * limit, 1.5 * limit)


class Counter:
    """A counter that goes up by one with each sample; after the end of its range it begins anew."""

    def __init__(self, signal: Signal, period: float, rows: int) -> None:
        self._signal = signal
        self._next = np.full(rows, np.nan)

    def step(self, sample: Sample) -> Floats:
        """Validity by the numbers that are missing, or stand there twice."""
        signal = self._signal
        wrong = np.where(sample.fresh & np.isfinite(self._next), np.abs(sample.value - self._next), 0.0)
        following = np.where(sample.value >= signal.high, signal.low, sample.value + 1.0)
        self._next = np.where(sample.fresh, following, self._next)
        return validity.of_amplitude(wrong, 0.0, signal.tolerated)


def cusum_limit(slack: float, noise: Floats) -> Floats:
    """Limit of a two-sided cumulative sum that healthy residuals pass once in `CUSUM_RUN` samples, in their unit.

    Siegmund's approximation, solved for the limit where it is large: run length of one side
    exp(2 k b) / (2 k^2) in standard deviations, b the limit and its overshoot.
    """
    k = slack / noise
    b = np.log(np.maximum(4.0 * CUSUM_RUN * k * k, 2.0)) / (2.0 * k)
    return np.asarray(np.maximum(b - OVERSHOOT, 1.0) * noise)


BUILT_IN: Mapping[str, Factory] = {"rate": Rate, "noise": Noise, "cusum": Cusum, "counter": Counter}
