"""The default chain: samples of several signals in, the validity of each out, instant by instant.

    range, time stamp    a sample that physics or its own clock forbids is not believed
    hypotheses           jump, drift and stuck-at, against the past and against independent sources
    ageing               what is missing loses its validity with time

Everything is arrays (signal, row): one instant of one log, or of a thousand. State is bounded; nothing raises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from karyon.perception import detectors, hypotheses, validity
from karyon.perception.additional import Additional, Opinions
from karyon.perception.events import Events
from karyon.perception.hypotheses import SILENT, Belief, Companion, Expected
from karyon.perception.reckoning import DOUBT
from karyon.perception.residuals import Relation, Residuals
from karyon.perception.sensors import Booleans, Floats
from karyon.perception.signals import Signal

ABSURD = 1e100  # a number that is none, in any unit
FINE = 0.01  # resolution of samples in their noise, where it is not known
LEAP = 100.0  # periods: a gap, unless the next time stamp takes it back

DETECTORS = ("time_stamp", "range", "timeout", "jump", "drift", "stuck_at")


@dataclass(frozen=True, slots=True)
class Judged:
    """What the chain says at one instant: arrays (signal, row), and per name of a detector where it lowered."""

    validity: Floats
    age: Floats  # s since the last sample, inf before the first
    lowered: dict[str, Booleans]


class Chain:
    """Judges `rows` logs of the same signals side by side."""

    def __init__(
        self,
        signals: Sequence[Signal],
        relations: Sequence[Relation],
        period: float,
        rows: int = 1,
        events: Sequence[Sequence[int]] = (),
        additional: Sequence[Additional] = (),
    ) -> None:
        """`period` in s is that of the log: one instant after the other, samples may be missing.

        events       groups of signals, by their place, in which an event in the world shows at once: see `Events`
        additional   further detectors, each of one signal
        """
        shape = (len(signals), rows)
        self._period = period
        self._low, self._high = _column(signals, "low"), _column(signals, "high")
        self._tolerated, self._age_limit = _column(signals, "tolerated"), _column(signals, "age_limit")
        inertia = _column(signals, "inertia").astype(float)
        self._series = _column(signals, "series")
        own = _column(signals, "period")
        self._every = np.where(own > 0.0, own, period)  # s between two samples of a signal
        bridged = _column(signals, "bridged") / self._every
        noise, rest = _column(signals, "noise"), _column(signals, "rest")
        resolution = _column(signals, "resolution")
        resolution = np.where(resolution > 0.0, resolution, FINE * noise)
        self._expected = Expected(noise, inertia, rest, bridged, resolution, self._low, self._high)
        self._belief = Belief.of(np.zeros(shape), self._expected)
        self._residuals = Residuals(relations, period, shape)
        self._events = Events(events, shape)
        self._opinions = Opinions(additional, signals, period, rows)
        self._companion = Companion.none(shape)
        self._time = np.full(rows, nan)  # of the last instant, s
        self._before_leap = np.full(rows, nan)  # the instant before, where the last one was far ahead of it
        self._sampled = np.full(shape, -inf)  # time of the last sample
        self._validity = np.zeros(shape)  # of the last sample, when it came

    def step(self, time: Floats, value: Floats) -> Judged:
        """Validity at one more instant.

        time    s (row,); one that does not rise is no instant, and none of its samples is believed
        value   in each signal's unit (signal, row); not finite: no sample
        """
        stamped = self._stamped(time)
        outside = np.minimum(detectors.outside(value, self._low, self._high), ABSURD)
        within = validity.of_amplitude(outside, 0.0, self._tolerated)
        sample = (np.abs(value) < ABSURD) & stamped
        now = np.where(stamped, time, self._time)
        believed = self._believe(now, value, sample)
        arrived = np.isfinite(value)
        own = np.where(sample, np.minimum(within, believed), 0.0)
        opinion, others = self._opinions.step(now, value, sample, self._companion)
        judged = np.minimum(own, opinion)
        self._sampled = np.where(sample, now, self._sampled)
        self._validity = np.where(arrived, judged, self._validity)
        age = np.where(self._sampled > -inf, now - self._sampled, inf)
        aged = np.minimum(self._validity, validity.of_age(np.minimum(age, self._age_limit), self._age_limit))
        self._time = now
        doubted = arrived & (own < DOUBT) & stamped & ~(outside > 0.0)
        lowered = self._lowered(arrived, stamped, outside > 0.0, age, doubted)
        return Judged(np.where(arrived, judged, aged), age, lowered | others)

    def _stamped(self, time: Floats) -> Booleans:
        """Where a time stamp rises (row,); after a leap of the clock also where it goes on as before the leap."""
        finite = np.abs(time) < ABSURD
        undone = finite & (time <= self._time) & (time > self._before_leap)
        stamped = finite & (~(time <= self._time) | undone)
        leapt = stamped & ~undone & (time - self._time > LEAP * self._period)
        self._sampled = np.where(undone, np.minimum(self._sampled, self._before_leap), self._sampled)
        self._before_leap = np.where(leapt, self._time, np.where(stamped, nan, self._before_leap))
        return stamped

    def _believe(self, now: Floats, value: Floats, sample: Booleans) -> Floats:
        """Takes the samples into the belief; validity by the hypotheses (signal, row)."""
        first = sample & (self._sampled == -inf)
        missed = np.where(sample & ~first, np.round((now - self._sampled) / self._every) - 1.0, 0.0)
        missed = np.maximum(missed, 0.0)
        late = missed * self._every >= self._age_limit
        # After a long silence a healthy signal begins anew; one in doubt stays in doubt (safety model, section 2).
        anew = first | (sample & late & (self._belief.healthy > 0.5))
        before = self._belief.coasted(missed) if missed.any() else self._belief
        if anew.any():
            before = Belief.of(np.where(anew, value, 0.0), self._expected).where(anew, before)
        compared = sample & ~anew & self._series
        after = self._compared(before, np.where(sample, value, before.value), compared, sample)
        self._belief = after if compared.all() else after.where(compared, before.where(anew, self._belief))
        failed = 1.0 - self._belief.healthy
        harm = 1.0 - validity.of_amplitude(self._belief.amplitude(self._expected), 0.0, self._tolerated)
        return 1.0 - failed * harm

    def _compared(self, before: Belief, value: Floats, compared: Booleans, sample: Booleans) -> Belief:
        """The belief after samples that can be compared with the ones before them, and with other signals."""
        shown = self._events.shown(before, value, compared)
        common = (self._residuals.common(before, value) & compared) | shown
        companion = self._residuals.before(before, np.where(sample, value, nan), common)
        after = hypotheses.step(before, value, common, companion, self._expected)
        self._companion = companion
        self._residuals.after(after.where(compared, before) if not compared.all() else after, companion, common)
        return after

    def _lowered(
        self, arrived: Booleans, stamped: Booleans, outside: Booleans, age: Floats, doubted: Booleans
    ) -> dict[str, Booleans]:
        belief = self._belief
        loose = belief.loose > belief.offset
        stuck = doubted & loose & (belief.quiet >= SILENT) & (np.abs(belief.change) < self._expected.noise)
        drifted = doubted & loose & ~stuck & (belief.crept | (belief.quiet >= SILENT))
        return {
            "time_stamp": arrived & ~stamped,
            "range": arrived & stamped & outside,
            "timeout": ~arrived & (age >= 0.5 * self._age_limit),
            "jump": doubted & ~stuck & ~drifted,
            "drift": drifted,
            "stuck_at": stuck,
        }


def _column(signals: Sequence[Signal], name: str) -> Floats:
    return np.array([getattr(signal, name) for signal in signals])[:, None]
