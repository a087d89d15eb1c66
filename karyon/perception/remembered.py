"""What the perception of car following knows, remembers, is told and answers: named tuples of arrays (row,).

The formulas of `karyon.perception.crosscheck` take and give them; `following` makes them.
"""

from math import inf
from typing import NamedTuple

import numpy as np

from karyon.perception.received import Heard, Limited
from karyon.perception.reckoning import Limits, Reckoned
from karyon.perception.sensors import NEVER, Before, Booleans, Floats, Newest, Sample, Times


class SignalLimits(NamedTuple):
    """What an own signal may be by itself, in its unit and s."""

    low: float
    high: float
    rate: float
    rate_noise: float  # of two samples
    stuck_after: float  # samples in a row that are equal; inf: a healthy one may stay as it is
    tolerated: float
    age: float


class Floors(NamedTuple):
    """The least validity that each check answers: 0, but 1 if it is silent."""

    sanity: float
    radar: float
    closing: float
    wheel: float
    place: float
    road: float
    apart: float
    noise: float
    track: float


class Known(NamedTuple):
    """Design-time data: what is known of sensors and sender; SI units."""

    distance: SignalLimits
    relative: SignalLimits
    speed: SignalLimits
    acceleration: SignalLimits
    position: SignalLimits
    message_age: float
    sender: Limited
    radar: Limits
    closing: Limits
    wheel: Limits
    place: Limits
    road: Limits
    radar_leak: float
    wheel_leak: float
    place_leak: float
    range: float
    vehicle_length: float
    vehicle_lag: float
    message_period: float
    position_bias: float  # of both receivers together, at most
    tolerated_place: float  # of the sender's position
    floors: Floors


class Sensed(NamedTuple):
    """An own signal: its newest sample, and those before."""

    newest: Newest
    before: Before

    @classmethod
    def of(cls, rows: int) -> "Sensed":
        """Nothing seen yet."""
        return cls(Newest.of(rows), Before.of(rows))


class Carried(NamedTuple):
    """A value carried on by its rate: the check of two own signals against each other."""

    reckoned: Reckoned
    rate: Floats
    anchored: Booleans

    @classmethod
    def of(cls, rows: int) -> "Carried":
        """Nothing seen yet."""
        return cls(Reckoned.of(rows), np.zeros(rows), np.zeros(rows, dtype=bool))


class Validities(NamedTuple):
    """Of each own signal, and of the message."""

    distance: Floats
    relative: Floats
    speed: Floats
    acceleration: Floats
    position: Floats
    message: Floats


class White(NamedTuple):
    """Variance of what is white in a residual of each of these signals."""

    distance: Floats
    relative: Floats
    speed: Floats


class State(NamedTuple):
    """All that perception remembers: arrays (row,)."""

    ran: Times  # ns, when this row was last judged
    distance: Sensed
    relative: Sensed
    speed: Sensed
    acceleration: Sensed
    position: Sensed
    heard: Heard
    radar: Carried  # distance by relative speed
    wheel: Carried  # own speed by own acceleration
    place: Carried  # own position by own speed
    closing_smooth: Floats
    road_smooth: Floats
    apart: Floats  # m, smoothed difference of the two receivers
    usual: Floats  # m, what it usually is
    usual_for: Floats  # s for which that was learned
    white: White
    place_agreed: Floats
    radar_quiet: Floats
    since_jump: Floats  # s since relative speed has last changed as no car can
    handed_over: Booleans  # the radar has told of another object, and not yet measured it
    further: Floats  # m, by which that one was further away than the one before; NaN: it was not tracked before
    anew: Booleans  # what it sees since perception or its samples were gone has no past and no other witness yet
    unproven: Booleans  # and it is another object, or who is heard has been elsewhere
    untracked: Booleans  # it came while the radar was doubted: no past of its own restores it
    was_doubted: Booleans  # the radar, at any time: who acquitted it did so of one object
    unmoved: Floats  # s since the radar told of another object and its distance stayed as it was, for no known reason
    unknown_front: Booleans  # what the radar sees may be another one than who is heard
    recognised: Floats  # s for which it has agreed with what is heard
    speed_heard: Booleans  # received less relative speed is another source of own speed
    judged: Validities  # but for the age

    @classmethod
    def of(cls, rows: int) -> "State":
        """Nothing seen yet."""

        def numbers() -> Floats:
            return np.zeros(rows)

        def nowhere() -> Booleans:
            return np.zeros(rows, dtype=bool)

        return cls(
            ran=np.full(rows, NEVER),
            distance=Sensed.of(rows),
            relative=Sensed.of(rows),
            speed=Sensed.of(rows),
            acceleration=Sensed.of(rows),
            position=Sensed.of(rows),
            heard=Heard.of(rows),
            radar=Carried.of(rows),
            wheel=Carried.of(rows),
            place=Carried.of(rows),
            closing_smooth=numbers(),
            road_smooth=numbers(),
            apart=numbers(),
            usual=numbers(),
            usual_for=numbers(),
            white=White(numbers(), numbers(), numbers()),
            place_agreed=numbers(),
            radar_quiet=numbers(),
            since_jump=np.full(rows, inf),
            handed_over=nowhere(),
            further=numbers(),
            anew=nowhere(),
            unproven=nowhere(),
            untracked=nowhere(),
            was_doubted=nowhere(),
            unmoved=np.full(rows, inf),
            unknown_front=nowhere(),
            recognised=numbers(),
            speed_heard=nowhere(),
            judged=Validities(*(numbers() for _ in Validities._fields)),
        )


class Measured(NamedTuple):
    """What came of own sensors since the last look.

    handed_over   the radar has seen another object come from the side, or the one before go there
    further       m, by which that one was further away at the last instant, as the radar tracked both; NaN: it did not
    """

    distance: Sample
    relative: Sample
    speed: Sample
    acceleration: Sample
    position: Sample
    handed_over: Booleans
    further: Floats


class Answer(NamedTuple):
    """What is believed now; see `karyon.perception.following.Seen`."""

    validity: Validities
    speed_bound: Floats
    speed_known: Booleans
    gap: Floats


class Look(NamedTuple):
    """What comes of one look: what is remembered, and what is believed."""

    state: State
    answer: Answer
