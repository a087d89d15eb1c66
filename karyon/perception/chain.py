"""The default chain: samples of several signals in, the validity of each out, instant by instant.

    range, time stamp    a sample that physics or its own clock forbids is not believed
    hypotheses           jump, drift and stuck-at, against the past and against independent sources
    ageing               what is missing loses its validity with time

Everything is arrays (signal, row): one instant of one log, or of a thousand. State is bounded; nothing raises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Protocol

import numpy as np

from karyon.kernel.elementwise import Compiler
from karyon.perception import hypotheses
from karyon.perception.additional import Additional, Opinions
from karyon.perception.events import Events
from karyon.perception.hypotheses import Expected
from karyon.perception.residuals import Relation, Residuals
from karyon.perception.sensors import Booleans, Floats
from karyon.perception.signals import Signal
from karyon.perception.verdict import (
    ABSURD,
    Came,
    Compared,
    Judgement,
    Known,
    Track,
    answered,
    arrival,
    is_compared,
    judge,
    prepared,
    verdict,
)

FINE = 0.01  # resolution of samples in their noise, where it is not known
LEAP = 100.0  # periods: a gap, unless the next time stamp takes it back

DETECTORS = ("time_stamp", "range", "timeout", "jump", "drift", "stuck_at")


class Series(Protocol):
    """`judge` for one sample after the other of one log, as `karyon.compiled` makes it."""

    def __call__(self, track: Track, came: Came, known: Known) -> Judgement | None:
        """Arrays (signal, sample), and the track after the last one; None where it cannot run."""


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
        self._known = _known(signals, period, rows)
        self._residuals = Residuals(relations, period, shape)
        self._events = Events(events, shape)
        self._opinions = Opinions(additional, signals, relations, period, rows)
        self._is_alone = not (relations or events or additional)
        self._judge, self._verdict = judge, verdict
        self._series: Series | None = None
        self._time = np.full(rows, nan)  # of the last instant, s
        self._before_leap = np.full(rows, nan)  # the instant before, where the last one was far ahead of it
        begun = hypotheses.begun(np.zeros(shape), self._known.expected)
        self._track = Track(begun, np.full(shape, -inf), np.zeros(shape))

    def quicken(self, compiled: Compiler, in_series: Callable[..., Series] | None = None) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        if self._is_alone:
            self._judge = compiled(judge)
            self._series = in_series(judge) if in_series else None
        else:
            self._verdict = compiled(verdict)

    def step(self, time: Floats, value: Floats) -> Judged:
        """Validity at one more instant.

        time    s (row,); one that does not rise is no instant, and none of its samples is believed
        value   in each signal's unit (signal, row); not finite: no sample
        """
        stamped = self._stamped(time)
        self._time = np.where(stamped, time, self._time)
        came = Came(value, *(np.repeat(each[None], len(value), axis=0) for each in (self._time, stamped)))
        said, others = (self._judge(self._track, came, self._known), {}) if self._is_alone else self._together(came)
        self._track = said.track
        return Judged(said.validity, said.age, {name: getattr(said, name) for name in DETECTORS} | others)

    def steps(self, time: Floats, value: Floats) -> Judged:
        """As `step`, of one log at many instants: arrays (signal, instant); `time` (instant,)."""
        if said := self._in_series(time, value):
            return Judged(said.validity, said.age, {name: getattr(said, name) for name in DETECTORS})
        all_said = [self.step(time[at : at + 1], value[:, at : at + 1]) for at in range(time.size)]
        names = all_said[0].lowered
        return Judged(
            np.concatenate([each.validity for each in all_said], axis=1),
            np.concatenate([each.age for each in all_said], axis=1),
            {name: np.concatenate([each.lowered[name] for each in all_said], axis=1) for name in names},
        )

    def _in_series(self, time: Floats, value: Floats) -> Judgement | None:
        """All at once, where every time stamp counts without a further look; else None, and nothing has changed."""
        if self._series is None:
            return None
        steps = np.diff(np.concatenate([self._time, time]))
        steps = steps[1:] if np.isnan(self._time[0]) else steps
        if not ((steps > 0.0) & (steps <= LEAP * self._period)).all() or not (np.abs(time) < ABSURD).all():
            return None
        now = np.repeat(time[None], len(value), axis=0)
        said = self._series(self._track, Came(value, now, np.ones(value.shape, dtype=bool)), self._known)
        if said is not None:
            self._track, self._time, self._before_leap = said.track, time[-1:].copy(), np.full(1, nan)
        return said

    def _together(self, came: Came) -> tuple[Judgement, dict[str, Booleans]]:
        """As `judge`, with what signals and further detectors say of each other."""
        track, known = self._track, self._known
        arrived = arrival(track, came, known)
        is_new = (arrived.missed > 0.0) | arrived.anew
        before = prepared(track.belief, came.value, arrived, known.expected) if is_new.any() else track.belief
        compared = is_compared(arrived, known)
        value = np.where(arrived.sample, came.value, before.value)
        shown = self._events.shown(before, value, compared)
        common = (self._residuals.common(before, value) & compared) | shown
        companion = self._residuals.before(before, np.where(arrived.sample, came.value, nan), common)
        said = self._verdict(before, Compared(came.value, arrived.sample, compared, common), companion, known)
        self._residuals.after(said.belief, companion, common)
        opinion = self._opinions.step(came.now[0], came.value, arrived.sample, companion)
        least = np.minimum(said.validity, opinion.least)
        if opinion.anew.any():
            said = said._replace(
                belief=hypotheses.chosen(opinion.anew, hypotheses.begun(value, known.expected), said.belief)
            )
        return answered(track, came, arrived.sample, said, least, known), opinion.lowered

    def _stamped(self, time: Floats) -> Booleans:
        """Where a time stamp rises (row,); after a leap of the clock also where it goes on as before the leap."""
        finite = np.abs(time) < ABSURD
        undone = finite & (time <= self._time) & (time > self._before_leap)
        stamped = finite & (~(time <= self._time) | undone)
        leapt = stamped & ~undone & (time - self._time > LEAP * self._period)
        if undone.any():
            sampled = np.where(undone, np.minimum(self._track.sampled, self._before_leap), self._track.sampled)
            self._track = self._track._replace(sampled=sampled)
        self._before_leap = np.where(leapt, self._time, np.where(stamped, nan, self._before_leap))
        return stamped


def _column(signals: Sequence[Signal], name: str) -> Floats:
    return np.array([getattr(signal, name) for signal in signals])[:, None]


def _known(signals: Sequence[Signal], period: float, rows: int) -> Known:
    """What is known of each signal, for each of its samples; `period` in s is that of the log."""
    own, noise, resolution = (_column(signals, name) for name in ("period", "noise", "resolution"))
    every = np.where(own > 0.0, own, period)
    expected = Expected(
        noise=noise,
        inertia=_column(signals, "inertia").astype(float),
        rest=_column(signals, "rest"),
        bridged=_column(signals, "bridged") / every,
        resolution=np.where(resolution > 0.0, resolution, FINE * noise),
        low=_column(signals, "low"),
        high=_column(signals, "high"),
    )
    others = (_column(signals, "tolerated"), every, _column(signals, "age_limit"), _column(signals, "series"))
    return Known(
        Expected(*(np.repeat(each, rows, axis=1) for each in expected)),
        *(np.repeat(each, rows, axis=1) for each in others),
    )
