"""What another vehicle says of itself: each field of its messages is held against the others.

    track        position, speed   each against its own past carried on by the next field
    intention    acceleration      against the intended acceleration after the lag of a vehicle

What all fields tell in concert, nothing here can see: that takes a sensor of one's own.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from karyon.kernel.elementwise import (
    Compiler,
    Reacting,
    at_least,
    at_most,
    isnan,
    maximum,
    react,
    where,
)
from karyon.perception import detectors
from karyon.perception.detectors import SHARE, ResidualGate, leak_of, wander_of
from karyon.perception.reckoning import AGREEMENT, Limits, Reckoned, agreed, reckoned, restored, within
from karyon.perception.sensors import (
    NEVER,
    Booleans,
    Floats,
    Newest,
    Sample,
    Samples,
    Times,
    dated,
    seconds,
    step_of,
)

MESSAGE = ("position", "speed", "acceleration", "intended_acceleration")
M_POSITION, M_SPEED, M_ACCELERATION, M_INTENDED = range(4)
WITNESS = ("front_distance", "front_speed")  # what the sender's own sensors say of the car ahead of it; NaN: nothing
CONTENT = (*MESSAGE, *WITNESS)
W_DISTANCE, W_SPEED = range(4, 6)

STANDSTILL = 0.5  # m/s: a car that is slower may stand, and what its speed shows be noise
GONE = 0.5  # s without a message after which the next one begins anew
INTENDED_JERK = 60.0  # m/s³: no intention changes faster, emergencies included
STRONGEST = 12.0  # m/s²: no car speeds up or brakes harder
INTENTION_MISMATCH = 0.5  # m/s²: a command is no exact inverse of a recorded motion
FARTHEST, FASTEST, HARDEST = 1e7, 120.0, 20.0  # m, m/s, m/s²: what is beyond is no vehicle


@dataclass(frozen=True, slots=True)
class SenderNoise:
    """Noise of what the sender measures (1 sigma), and how it moves; SI units."""

    position: float
    speed: float
    acceleration: float
    period: float
    lag: float  # s, from a command to the acceleration


class SenderChecks:
    """The gates of one sender's messages: pure design-time data."""

    def __init__(self, noise: SenderNoise, tolerated: tuple[float, float, float]) -> None:
        """`tolerated`: failure amplitudes of position, speed and acceleration."""
        n = noise
        position, speed, acceleration = tolerated
        self.position = ResidualGate(n.position, wander_of(n.speed, n.period, 30.0), position, n.period, memory=30.0)
        self.speed = ResidualGate(n.speed, wander_of(n.acceleration, n.period, 8.0), speed, n.period, memory=8.0)
        self.intention = ResidualGate(sqrt(n.acceleration**2 + INTENTION_MISMATCH**2), 0.0, acceleration, n.period)


class Heard(NamedTuple):
    """All that is remembered of one sender: arrays (row,)."""

    position: Newest
    speed: Newest
    acceleration: Newest
    intended: Newest
    earlier: Floats  # the intended acceleration before that
    step: Floats  # s between the last two messages
    whole: Booleans
    place: Reckoned  # position, carried on by speed
    pace: Reckoned  # speed, carried on by acceleration
    least: Floats  # acceleration that its intentions can have led to
    largest: Floats
    smooth: Floats  # how far beyond its acceleration is, averaged

    @classmethod
    def of(cls, rows: int) -> "Heard":
        """Nothing heard yet."""
        return cls(
            position=Newest.of(rows),
            speed=Newest.of(rows),
            acceleration=Newest.of(rows),
            intended=Newest.of(rows),
            earlier=np.full(rows, np.nan),
            step=np.zeros(rows),
            whole=np.ones(rows, dtype=bool),
            place=Reckoned.of(rows),
            pace=Reckoned.of(rows),
            least=np.zeros(rows),
            largest=np.zeros(rows),
            smooth=np.zeros(rows),
        )


class Message(NamedTuple):
    """What came of one sender's messages since the last look: arrays (row,).

    fading   share of an acceleration that is left of what it was when the last message was sent
    """

    position: Sample
    speed: Sample
    acceleration: Sample
    intended: Sample
    fading: Floats


class Limited(NamedTuple):
    """What the checks of a sender's messages know of it, in SI units."""

    place: Limits
    pace: Limits
    intention: Limits
    place_leak: float
    pace_leak: float
    tolerated_place: float
    speed_noise: float  # of two messages
    acceleration_noise: float


class Listened(NamedTuple):
    """What is remembered of a sender after a look, and the validity of its newest message by its fields alone."""

    heard: Heard
    validity: Floats


@dataclass(frozen=True, slots=True)
class Told:
    """What a sender says and how far it may be believed: value and spread (field, row), the rest (row,).

    time   of measurement, ns; `NEVER` before the first message
    fresh  it came since the last look
    """

    value: Floats
    spread: Floats
    time: Times
    fresh: Booleans
    validity: Floats


def hear(before: Heard, came: Message, now: int, known: Limited) -> Listened:
    """Judges the newest message of one sender by itself, at `now` (ns)."""
    whole = _is_whole(came)
    position = _dated(before.position, came.position, whole, now)
    speed = _dated(before.speed, came.speed, whole, now)
    acceleration = _dated(before.acceleration, came.acceleration, whole, now)
    intended = _dated(before.intended, came.intended, whole, now)
    fresh, step = position.fresh, step_of(before.step, before.position, position)
    first = isnan(before.position.value)
    gone = first | (step > GONE)
    jumped = _jumped(before, position, speed, step, known.tolerated_place)
    anchor = fresh & (first | (gone & ~before.place.doubted & ~jumped))
    begins = fresh & (first | (gone & ~before.pace.doubted))
    way = where(fresh & ~first, _way(before, position, speed, acceleration, step, known), 0.0)
    gain = where(fresh & ~first, _gain(before, speed, acceleration, step, known), 0.0)
    place, placed, _ = reckoned(before.place, position.value, way, fresh, anchor, known.place_leak, known.place)
    pace, paced, _ = reckoned(before.pace, speed.value, gain, fresh, begins, known.pace_leak, known.pace)
    least, largest = _followed(before, intended, speed, came.fading)
    least = where(anchor, acceleration.value, where(fresh, least, before.least))
    largest = where(anchor, acceleration.value, where(fresh, largest, before.largest))
    beyond = acceleration.value - _between(acceleration.value, least, largest)
    beyond = where(fresh & ~anchor, beyond, 0.0)
    smooth = detectors.smoothed(before.smooth, beyond, SHARE, fresh)
    spike = where(fresh & ~anchor, _spike(before, intended, step), 0.0)
    intention = within(known.intention, at_least(spike, abs(beyond)), smooth)
    heard = Heard(
        position=position,
        speed=speed,
        acceleration=acceleration,
        intended=intended,
        earlier=where(intended.fresh, before.intended.value, before.earlier),
        step=step,
        whole=where(came.position.fresh, whole, before.whole),
        place=place,
        pace=pace,
        least=least,
        largest=largest,
        smooth=smooth,
    )
    return Listened(heard, placed * paced * intention)


def sane(heard: Heard) -> Any:
    """1 where the newest message was complete, possible and stamped plausibly, else 0."""
    stamped = heard.position.stamped & heard.speed.stamped & heard.acceleration.stamped & heard.intended.stamped
    return where(heard.whole & stamped, 1.0, 0.0)


def confirmed(heard: Heard, place_agrees: Any, pace_agrees: Any, dt: Any) -> Heard:
    """What is remembered, after an independent source has agreed with position and speed `dt` s more, or not."""
    place_for, pace_for = agreed(heard.place, place_agrees, dt), agreed(heard.pace, pace_agrees, dt)
    return Heard(
        position=heard.position,
        speed=heard.speed,
        acceleration=heard.acceleration,
        intended=heard.intended,
        earlier=heard.earlier,
        step=heard.step,
        whole=heard.whole,
        place=restored(heard.place, place_for >= AGREEMENT, heard.position.value, place_for),
        pace=restored(heard.pace, pace_for >= AGREEMENT, heard.speed.value, pace_for),
        least=heard.least,
        largest=heard.largest,
        smooth=heard.smooth,
    )


def _is_whole(came: Message) -> Any:
    """All fields are there, and of a vehicle; False for NaN."""
    motion = (abs(came.position.value) <= FARTHEST) & (abs(came.speed.value) <= FASTEST)
    driven = (abs(came.acceleration.value) <= HARDEST) & (abs(came.intended.value) <= HARDEST)
    return motion & driven


def _dated(newest: Newest, came: Sample, whole: Any, now: Any) -> Newest:
    """A field of a message, of which nothing is taken if it is not whole."""
    fresh = came.fresh & whole
    return dated(newest, Sample(came.value, came.time, fresh), fresh, now)


def _way(before: Heard, position: Newest, speed: Newest, acceleration: Newest, step: Any, known: Limited) -> Any:
    """How far the position has come since the last message.

    A speed that is doubted carries nothing on: the reckoned one does, so that the position is known when the lie ends.
    """
    doubted, reference = before.pace.doubted, before.pace.reference
    gained = 0.5 * step * (acceleration.value + before.acceleration.value)
    new, old = where(doubted, reference + gained, speed.value), where(doubted, reference, before.speed.value)
    return _advance(before.place, position.value, new, old, step, known.speed_noise)


def _gain(before: Heard, speed: Newest, acceleration: Newest, step: Any, known: Limited) -> Any:
    """How far the speed has come since the last message."""
    new, old = acceleration.value, before.acceleration.value
    return _advance(before.pace, speed.value, new, old, step, known.acceleration_noise)


def _advance(track: Reckoned, value: Any, new: Any, old: Any, step: Any, noise: Any) -> Any:
    """How far a value has come in `step` s, by the mean of old and new rate.

    The rate may have changed at any time between the two: what is not certain of the way is no residual.
    """
    advance = 0.5 * step * (new + old)
    turned = maximum(0.0, abs(new - old) - noise)
    slack = where(track.doubted, 0.0, 0.5 * step * turned)
    return advance + at_most(slack, at_least(-slack, value - track.reference - advance))


def _jumped(before: Heard, position: Newest, speed: Newest, step: Any, tolerated: Any) -> Any:
    """Where the sender is, it cannot have got to since its last message, however it drove; False for NaN."""
    way = position.value - before.position.value - 0.5 * step * (speed.value + before.speed.value)
    return abs(way) > tolerated + 0.25 * STRONGEST * step * step


def _followed(before: Heard, intended: Newest, speed: Newest, fading: Any) -> tuple[Any, Any]:
    """Least and largest acceleration that the intentions can have led to, after the lag of a vehicle.

    The command may have changed at any time between two messages: what it may have led to is an interval that
    holds the truth whenever both messages do. [interval observer: Gouzé, Rapaport, Hadj-Sadok 2000]
    """
    new, old = intended.value, before.intended.value  # NaN: there was none before
    low, high = where(old < new, old, new), where(old > new, old, new)
    least, largest = low + fading * (before.least - low), high + fading * (before.largest - high)
    stands = speed.value < STANDSTILL  # it brakes, and yet does not slow
    return least, where(stands, maximum(largest, 0.0), largest)


def _between(value: Any, low: Any, high: Any) -> Any:
    """The value, or the limit that it is beyond; NaN where both limits are."""
    raised = where(value > low, value, low)
    return where(raised < high, raised, high)


def _spike(before: Heard, intended: Newest, step: Any) -> Any:
    """How far an intention stands out from those around it, or has changed faster than any does."""
    new, old = intended.value, before.intended.value
    spike, jump = detectors.spike(before.earlier, old, new), abs(new - old) - INTENDED_JERK * step
    return where(jump > spike, jump, spike)


class Pausing(NamedTuple):
    """How long ago the message before the newest one was sent, s (row,)."""

    step: Floats


class Paused(NamedTuple):
    """After a look: the same, and where it is not what it was."""

    pausing: Pausing
    differs: Booleans


def pause(before: Pausing, position: Sample, last: Times) -> Paused:
    """Of a message that has come, and the time of the one before it, ns."""
    known = last != NEVER
    step = maximum(seconds(position.time, where(known, last, position.time)), 0.0)
    new = where(position.fresh, step, before.step)
    return Paused(Pausing(new), new != before.step)


class Sender:
    """What is known of the senders of all rows, and what a message is made of before it is judged."""

    def __init__(self, noise: SenderNoise, checks: SenderChecks, rows: int) -> None:
        self._lag, self._fading = noise.lag, np.ones(rows)
        self._pause, self._pausing = pause, Pausing(np.zeros(rows))
        self._react: Reacting = react
        self.known = Limited(
            place=Limits.of(checks.position),
            pace=Limits.of(checks.speed),
            intention=Limits.of(checks.intention),
            place_leak=leak_of(checks.position.period, checks.position.memory),
            pace_leak=leak_of(checks.speed.period, checks.speed.memory),
            tolerated_place=checks.position.tolerated,
            speed_noise=8.0 * noise.speed,
            acceleration_noise=8.0 * noise.acceleration,
        )

    def message(self, before: Heard, came: Samples, now: int) -> Message:
        """What came, field by field."""
        message = self.message_of(came)
        self.fade(before, message.position, now)
        return message

    def message_of(self, came: Samples) -> Message:
        """The same, but for its `fading`, which is that of the last call of `fade`."""
        position, speed, acceleration, intended = map(Sample, came.value, came.time, came.fresh)
        return Message(position, speed, acceleration, intended, self._fading)

    def quicken(self, in_place: Compiler, reacting: Reacting) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._pause, self._react = in_place(pause), reacting

    def fade(self, before: Heard, position: Sample, now: int) -> None:
        """The fading of messages, when this has come at `now` (ns). Compiled, the exponential would have other bits."""
        after = self._pause(self._pausing, position, before.position.time)
        self._pausing = after.pausing
        self._react(after.differs, now, self._fade)

    def _fade(self, _: int) -> None:
        np.exp(-self._pausing.step / self._lag, out=self._fading)
