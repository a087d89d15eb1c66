"""What another vehicle says of itself: each field of its messages is held against the others.

    track        position, speed   each against its own past carried on by the next field
    intention    acceleration      against the intended acceleration after the lag of a vehicle

What all fields tell in concert, nothing here can see: that takes a sensor of one's own.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from karyon.perception import detectors
from karyon.perception.detectors import SHARE, ResidualGate, leak_of, wander_of
from karyon.perception.reckoning import Limits, Reckoned, column
from karyon.perception.sensors import Booleans, Floats, Newest, Samples, Times

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
LARGEST = np.array([1e7, 120.0, 20.0, 20.0])[:, None]  # of each field: what is beyond is no vehicle


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


@dataclass(slots=True)
class Heard:
    """All that is remembered of one sender; arrays (field, row), (check, row) or (row,)."""

    message: Newest
    whole: Booleans
    tracked: Reckoned
    intended: Floats  # acceleration that its intentions can have led to: least and largest
    intention_smooth: Floats

    @classmethod
    def of(cls, rows: int) -> "Heard":
        """Nothing heard yet."""
        zero, two = np.zeros(rows), np.zeros((2, rows))
        message = Newest.of((len(MESSAGE), rows))
        return cls(message, np.ones(rows, dtype=bool), Reckoned.of((2, rows)), two, zero)

    @property
    def sane(self) -> Floats:
        """1 where the newest message was complete, possible and stamped plausibly, else 0 (row,)."""
        return np.where(self.whole & self.message.stamped.all(axis=0), 1.0, 0.0)


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


class Sender:
    """Judges the messages of one sender per row by themselves."""

    def __init__(self, noise: SenderNoise, checks: SenderChecks) -> None:
        self._lag, self._tolerated_place = noise.lag, checks.position.tolerated
        self._rate_noise = 8.0 * np.array([noise.speed, noise.acceleration])[:, None]
        tracks = (checks.position, checks.speed)
        self._limits, self._leak = Limits(*tracks), column(leak_of(gate.period, gate.memory) for gate in tracks)
        self._intention_limits = Limits(checks.intention)

    def hear(self, now: int, before: Heard, samples: Samples) -> tuple[Heard, Floats]:
        """What is remembered after this look, and the validity by the fields against each other (row,)."""
        came = samples.fresh[0]
        whole = (np.abs(samples.value) <= LARGEST).all(axis=0)  # False for NaN
        message = before.message.take(Samples(samples.value, samples.time, samples.fresh & whole), now)
        old, fresh, step = before.message.value, message.fresh[0], message.step[0]
        first = np.isnan(old[0])
        gone = first | (step > GONE)
        jumped = np.stack([self._jumped(before, message.value, step), np.zeros_like(gone)])
        anchor = fresh & (first | (gone & ~before.tracked.doubted & ~jumped))
        advance = np.where(fresh & ~first, self._advance(before, message.value, step), 0.0)
        tracked, judged, _ = before.tracked.next(message.value[:2], advance, fresh, anchor, self._leak, self._limits)
        intended = self._intended(before, message, fresh, anchor[0])
        intention_smooth, intention = self._intention(before, message, intended, fresh & ~anchor[0], fresh)
        after = Heard(message, np.where(came, whole, before.whole), tracked, intended, intention_smooth)
        return after, np.asarray(judged[0] * judged[1] * intention)

    def _advance(self, before: Heard, value: Floats, step: Floats) -> Floats:
        """How far position and speed have come since the last message, by the mean of old and new rate.

        The rate may have changed at any time between the two: what is not certain of the way is no residual. A speed
        that is doubted carries nothing on: the reckoned one does, so that the position is known when the lie ends.
        """
        rates, old = value[[M_SPEED, M_ACCELERATION]], before.message.value[[M_SPEED, M_ACCELERATION]]
        doubted, reckoned = before.tracked.doubted[1], before.tracked.reference[1]
        gained = 0.5 * step * (rates[1] + old[1])
        rates[0] = np.where(doubted, reckoned + gained, rates[0])
        old[0] = np.where(doubted, reckoned, old[0])
        advance = 0.5 * step * (rates + old)
        turned = np.maximum(np.abs(rates - old) - self._rate_noise, 0.0)
        slack = np.where(before.tracked.doubted, 0.0, 0.5 * step * turned)
        return advance + np.minimum(np.maximum(value[:2] - before.tracked.reference - advance, -slack), slack)

    def _jumped(self, before: Heard, value: Floats, step: Floats) -> Booleans:
        """Where the sender is, it cannot have got to since its last message, however it drove; False for NaN (row,)."""
        old = before.message.value
        way = value[M_POSITION] - old[M_POSITION] - 0.5 * step * (value[M_SPEED] + old[M_SPEED])
        return np.asarray(np.abs(way) > self._tolerated_place + 0.25 * STRONGEST * step * step)

    def _intended(self, before: Heard, message: Newest, fresh: Booleans, anchor: Booleans) -> Floats:
        """Acceleration that the intentions can have led to, after the lag of a vehicle (least and largest, row).

        The command may have changed at any time between two messages: what it may have led to is an interval that
        holds the truth whenever both messages do. [interval observer: Gouzé, Rapaport, Hadj-Sadok 2000]
        """
        new, old = message.value[M_INTENDED], before.message.value[M_INTENDED]
        left = np.exp(-message.step[0] / self._lag)
        commands = np.stack([np.fmin(new, old), np.fmax(new, old)])
        followed = commands + left * (before.intended - commands)
        stands = message.value[M_SPEED] < STANDSTILL
        followed[1] = np.where(stands, np.maximum(followed[1], 0.0), followed[1])  # it brakes, and yet does not slow
        return np.where(anchor, message.value[M_ACCELERATION], np.where(fresh, followed, before.intended))

    def _intention(
        self, before: Heard, message: Newest, intended: Floats, compared: Booleans, fresh: Booleans
    ) -> tuple[Floats, Floats]:
        """Received acceleration against the interval: the average of what is beyond, and validity (row,)."""
        received, new = message.value[M_ACCELERATION], message.value[M_INTENDED]
        old, older = before.message.value[M_INTENDED], before.message.previous[M_INTENDED]
        residual = received - np.minimum(np.maximum(received, intended[0]), intended[1])
        residual = np.where(compared, residual, 0.0)
        smooth = detectors.smoothed(before.intention_smooth, residual, SHARE, fresh)
        sudden = np.abs(new - old) - INTENDED_JERK * message.step[0]
        spike = np.where(compared, np.fmax(detectors.spike(older, old, new), sudden), 0.0)
        return smooth, self._intention_limits.validity(np.maximum(np.abs(residual), spike), smooth)
