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
from karyon.perception.residuals import Kind, Relation
from karyon.perception.sensors import Booleans, Floats
from karyon.perception.signals import Signal

LOUD = 4.0  # standard deviations of the surprise of a sample, beyond which it counts as a loud one
WINDOW = 16  # samples among which the loud ones are counted
FEW, MANY = 4, 12  # loud ones with which a signal is still calm, and certainly noisy
SIZE_SHARE = 0.15  # weight of a sample in the average of surprises
ONE, WHOLE_WINDOW = np.uint64(1), np.uint64(2**WINDOW - 1)
CUSUM_RUN = 1e7  # samples between two false alarms of the cumulative sum
OVERSHOOT = 1.166  # standard deviations by which a random walk passes its limit. [Siegmund 1985, eq. 2.56]
NEVER = 5.5  # standard deviations beyond which one healthy sample in 26 million lies
BRAKING = 10.0  # m/s², by which a relative speed changes at most; what it adds to the noise of a distance is small
SETTLING = 10  # samples in which distance and rate of a new object have to agree
KNOWN, APPEARED, HANDED_OVER, UNEXPLAINED = 0.0, 1.0, 2.0, 3.0  # what became of an object; the later, the worse


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a signal in many logs: arrays (row,).

    time         s, of the row of the log
    value        in the signal's unit, NaN where none came
    fresh        True where one came
    residual     value minus what the signal's relation says, its usual offset taken off; NaN where nothing is said
    noise        standard deviation of a healthy residual
    rate         of the signal as the source of which it is the integral measured it, per s; NaN where none came
    rate_noise   standard deviation of a rate against what the ones before predict
    """

    time: Floats
    value: Floats
    fresh: Booleans
    residual: Floats
    noise: Floats
    rate: Floats
    rate_noise: Floats


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


@dataclass(frozen=True, slots=True)
class Said:
    """What additional detectors say: arrays (signal, row).

    least     the least favourable opinion on each sample
    lowered   per name of a detector where it lowered the validity
    anew      another object from here on: what was known of the signal was of the one before
    """

    least: Floats
    lowered: dict[str, Booleans]
    anew: Booleans


class Opinions:
    """All additional detectors of a chain. One that fails vouches for nothing: its opinion is 0."""

    def __init__(
        self,
        additional: Sequence[Additional],
        signals: Sequence[Signal],
        relations: Sequence[Relation],
        period: float,
        rows: int,
    ) -> None:
        """`signals` and `relations` are those of the chain, in its order."""
        self._shape = (len(signals), rows)
        self._signals = signals
        self._rates = {relation.signal: relation for relation in relations if relation.kind is Kind.INTEGRAL}
        self._all = [(each, each.factory(signals[each.signal], period, rows)) for each in additional]

    def step(self, time: Floats, value: Floats, fresh: Booleans, companion: Companion) -> Said:
        """What they say of one more sample of each signal; `value` and `fresh` (signal, row)."""
        said = Said(np.ones(self._shape), {}, np.zeros(self._shape, dtype=bool))
        for each, detector in self._all:
            at = each.signal
            sample = self._sample(at, time, value, fresh, companion)
            opinion = np.where(fresh[at], _opinion(detector, sample), 1.0)
            said.least[at] = np.minimum(said.least[at], opinion)
            said.lowered.setdefault(each.name, np.zeros(self._shape, dtype=bool))[at] |= opinion < DOUBT
            if isinstance(detector, Track):  # no detector of a user's own makes the chain forget
                said.anew[[at, *([self._rates[at].source] if at in self._rates else [])]] |= detector.anew
        return said

    def _sample(self, at: int, time: Floats, value: Floats, fresh: Booleans, companion: Companion) -> Sample:
        residual = np.where(companion.compares[at], companion.residual[at], np.nan)
        noise = np.broadcast_to(companion.noise, self._shape)[at]
        rate, rate_noise = np.full(time.shape, np.nan), np.full(time.shape, np.nan)
        if relation := self._rates.get(at):
            rate = np.where(fresh[relation.source], relation.scale * value[relation.source], np.nan)
            rate_noise = np.full(time.shape, relation.scale * self._signals[relation.source].noise)
        return Sample(time, np.where(fresh[at], value[at], np.nan), fresh[at], residual, noise, rate, rate_noise)


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


class Track:
    """The object of a radar's track is another one, or came out of nowhere: a distance in m against its measured rate.

        error = distance - last distance - elapsed * mean of this and the last rate

    Sees: an error beyond `track_limit`, and an object that is there after a silence (of `age_limit`, or since the log
    began) nearer than anything could have come from the end of the range in a period. Then nothing is known of it,
    validity 0, until distance and rate have agreed for `SETTLING` samples, one by one and in sum. But time alone does
    not show that another object is real: where the distance broke and the rate went on as if nothing were (an offset,
    a ghost in the distance only), it stays in doubt until the distance breaks back. Where the rate, measured by other
    means than the distance, changed hands in the same sample, it is another object and no failure: once settled, `anew`
    tells the chain to forget what it held against it.

    Does not see: a hand-over to an object within `track_limit` of the old one; a ghost whose rate fits its distance for
    as long as that, as a reflection has it (an independent source of the distance does); and a hand-over to an object
    of the same rate stays in doubt until another one in which the rate turns.
    """

    def __init__(self, signal: Signal, period: float, rows: int) -> None:
        self._signal, self._period = signal, period
        self._begun, self._time = np.full(rows, np.nan), np.full(rows, np.nan)
        self._last, self._rate = np.full(rows, np.nan), np.full(rows, np.nan)
        self._object = np.full(rows, KNOWN)
        self._offset = np.zeros(rows)  # what is unexplained of the distance, in sum
        self._sum, self._agreed = np.zeros(rows), np.zeros(rows)  # of errors of a new object, and its samples
        self.anew = np.zeros(rows, dtype=bool)

    def step(self, sample: Sample) -> Floats:
        """Validity 0 from the sample in which an object is not the known one until it has settled."""
        elapsed, rate, error = self._moved(sample)
        broke, appeared, turned = self._broken(sample, elapsed, rate, error)
        settling = self._object
        self._object = np.where(appeared, np.maximum(settling, APPEARED), settling)
        self._object = np.where(broke, UNEXPLAINED, self._object)
        self._object = np.where((broke | appeared) & turned, HANDED_OVER, self._object)
        self._return(sample, broke, error)
        self._settle(sample, broke | appeared, error)
        self._last = np.where(sample.fresh, sample.value, self._last)
        self._time = np.where(sample.fresh, sample.time, self._time)
        self._rate = np.where(sample.fresh, rate, self._rate)
        return np.where(sample.fresh & (self._object != KNOWN), 0.0, 1.0)

    def _moved(self, sample: Sample) -> tuple[Floats, Floats, Floats]:
        """Time since the last sample, the rate, and the error of the distance; NaN where there was none before."""
        self._begun = np.where(np.isnan(self._begun), sample.time, self._begun)
        elapsed = np.maximum(sample.time - self._time, self._period)
        rate = np.where(np.isfinite(sample.rate), sample.rate, self._rate)
        return elapsed, rate, sample.value - self._last - elapsed * (0.5 * rate + 0.5 * self._rate)

    def _broken(
        self, sample: Sample, elapsed: Floats, rate: Floats, error: Floats
    ) -> tuple[Booleans, Booleans, Booleans]:
        """Where the distance breaks, where an object is out of nowhere, and where its rate is not that of before."""
        signal = self._signal
        heard = np.where(np.isnan(self._time), sample.time - self._begun, elapsed)
        silent = heard > signal.age_limit
        reach = signal.high + np.minimum(rate, 0.0) * self._period - NEVER * sample.noise
        appeared = sample.fresh & silent & ~(sample.value >= reach)
        limit = track_limit(signal.tolerated, sample.noise, elapsed)
        broke = sample.fresh & ~silent & (np.abs(error) > limit)
        turn = NEVER * sample.rate_noise + BRAKING * (elapsed - self._period)
        return broke, appeared, np.abs(rate - self._rate) > turn

    def _return(self, sample: Sample, broke: Booleans, error: Floats) -> None:
        """A distance that breaks back to where it would be: the object of before, as if it had just appeared."""
        unexplained = self._object == UNEXPLAINED
        self._offset = np.where(unexplained, self._offset + np.where(broke, error, 0.0), 0.0)
        limit = track_limit(self._signal.tolerated, sample.noise, self._period)
        self._object = np.where(broke & unexplained & (np.abs(self._offset) <= limit), APPEARED, self._object)

    def _settle(self, sample: Sample, begins: Booleans, error: Floats) -> None:
        """Count the samples in which a new object agrees with its rate."""
        known = sample.fresh & np.isfinite(error) & np.isfinite(sample.rate)
        total = np.where(begins, 0.0, self._sum + np.where(known, error, 0.0))
        begins = begins | (np.abs(total) > NEVER * sample.noise)
        self._sum = np.where(begins, 0.0, total)
        self._agreed = np.where(begins, 0.0, np.minimum(self._agreed + known, SETTLING))
        settled = (self._agreed >= SETTLING) & ((self._object == APPEARED) | (self._object == HANDED_OVER))
        self.anew = settled & (self._object == HANDED_OVER)
        self._object = np.where(settled, KNOWN, self._object)


def track_limit(tolerated: float, noise: Floats, elapsed: Floats | float) -> Floats:
    """Error of a distance in m against its rate that no object makes by its motion, `elapsed` s after the last one."""
    return np.asarray(np.maximum(NEVER * noise, 0.5 * tolerated) + 0.5 * BRAKING * elapsed * elapsed)


def cusum_limit(slack: float, noise: Floats) -> Floats:
    """Limit of a two-sided cumulative sum that healthy residuals pass once in `CUSUM_RUN` samples, in their unit.

    Siegmund's approximation, solved for the limit where it is large: run length of one side
    exp(2 k b) / (2 k^2) in standard deviations, b the limit and its overshoot.
    """
    k = slack / noise
    b = np.log(np.maximum(4.0 * CUSUM_RUN * k * k, 2.0)) / (2.0 * k)
    return np.asarray(np.maximum(b - OVERSHOOT, 1.0) * noise)


BUILT_IN: Mapping[str, Factory] = {"rate": Rate, "noise": Noise, "cusum": Cusum, "counter": Counter, "track": Track}
