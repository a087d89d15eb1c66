"""The gate that every message from the air goes through: what is not sound is refused, by reason, and counted.

For all links at once: an array has a place for each, of any shape, and each place at most one message at a time. A
message is refused for the first of these that holds (`Reason`):

    malformed       it cannot be read
    oversized       longer than any message that we know
    wrong_version   of another protocol
    no_position     position or speed is not told, or no finite number
    future          measured later than now, by more than the bound on the offset of two clocks
    replayed        too old, of another round than its time, or sent before one that came already; an old copy
    duplicate       the newest once more
    collision       of two who use one id, or of somebody who uses ours. Two contradict each other again and again: by
                    places too far from each other, by counters out of step with time. Nobody can tell who is who: both
                    are refused until `DISPUTE` has passed without a contradiction. A single one is a jump, and goes to
                    those who judge content, who remember it
    flooding        more than `RATE` a period, after a reserve of `BURST`
    crowded         of more senders than there is room for

Times are ms since 2004-01-01 TAI, counters have 16 bits and wrap. A refused message says nothing to anybody: so each
reason costs service at most. (Who stamps old content anew under its own id is none of its business, but of what judges
content: `karyon.perception`, and the echoes of `karyon.cooperation.agreement`.)
"""

from dataclasses import dataclass
from enum import IntEnum
from math import inf

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.cam import VERSION, Integers, time_of
from karyon.kernel.runtime import Booleans, Floats


class Reason(IntEnum):
    """Why a message is refused; the order is that of the docstring above."""

    NOTHING = -1  # no message came
    ACCEPTED = 0
    MALFORMED = 1
    OVERSIZED = 2
    WRONG_VERSION = 3
    NO_POSITION = 4
    FUTURE = 5
    REPLAYED = 6
    DUPLICATE = 7
    COLLISION = 8
    FLOODING = 9
    CROWDED = 10


ROOM = 64  # senders that a vehicle keeps apart, made-up ones included; in a longer file all of its members
SIZE_MAX = 1400  # bytes: what a packet over 802.11p carries
AGE_MAX = 1000  # ms: T_GenCamMax, an older message has a successor
DISPUTE = 2000  # ms without a contradiction, after which one sender alone uses an id
FORGET = 10_000  # ms of silence after which an id may begin anew; counters need 55 min to wrap
RATE, BURST = 2.0, 5.0  # messages a period of the sender, messages
FASTEST, SLACK = 120.0, 30.0  # m/s, m: whoever is farther than that is somebody else
NEVER = -(2**60)  # ms


@dataclass(frozen=True, slots=True)
class Headers:
    """What the gate looks at, arrays of the gate's shape or such that broadcast to it; position (2, ...) in m.

    came      a message came at this place
    own       it comes with the receiver's own id
    time      generationDeltaTime; `round` since 2004-01-01 TAI
    """

    came: Booleans
    version: Integers
    size: Integers
    counter: Integers
    time: Integers
    round: Integers
    position: Floats
    speed: Floats
    own: Booleans | bool = False


class Gate:
    """State of all places: what the newest sound message said, and how much each sender may still say."""

    def __init__(
        self, shape: tuple[int, ...], round_length: int = 500, clock_offset: int = 10, period: float = 100
    ) -> None:
        """All in ms: `clock_offset` bounds the offset of two clocks, `period` lies between two messages of a sender."""
        self._rate = RATE / period
        self._round, self._offset = round_length, clock_offset
        self._time = np.full(shape, NEVER, dtype=np.int64)
        self._counter = np.zeros(shape, dtype=np.int64)
        self._position = np.zeros((2, *shape))
        self._contradicted = np.full(shape, NEVER, dtype=np.int64)
        self._disputed = np.full(shape, NEVER, dtype=np.int64)
        self._reserve = np.full(shape, BURST)
        self._filled = NEVER

    def judge(self, now: int, came: Headers) -> NDArray[np.int8]:
        """Reason for each place at `now` in ms, `ACCEPTED`, or `NOTHING` where no message came. Never raises."""
        time, counter = time_of(came.time, now), came.counter & 0xFFFF
        unsound, reason = self._unsound(now, came, time)
        known = self._time > now - FORGET
        later = time > self._time
        ahead = (counter - self._counter) & 0xFFFF
        higher = (ahead > 0) & (ahead < 0x8000)
        duplicate = known & (time == self._time) & (ahead == 0)
        replayed = known & ~later & ~higher & ~duplicate
        sound = came.came & ~unsound & ~duplicate & ~replayed
        contradicts = sound & known & ((later != higher) | self._elsewhere(time, came.position))
        again = contradicts & (self._contradicted > now - DISPUTE)
        self._contradicted = np.where(contradicts, now, self._contradicted)
        self._disputed = np.where(again, now, self._disputed)
        disputed = sound & ((self._disputed > now - DISPUTE) | came.own)
        self._remember(sound, time, counter, came.position)
        flooding = self.take(now, (sound & ~disputed).astype(np.int64)) > 0
        later_reasons = (
            (replayed, Reason.REPLAYED),
            (duplicate, Reason.DUPLICATE),
            (disputed, Reason.COLLISION),
            (flooding, Reason.FLOODING),
        )
        for holds, number in later_reasons:
            reason = np.where(holds & (reason == Reason.ACCEPTED), np.int8(number), reason)
        return np.where(came.came, reason, np.int8(Reason.NOTHING))

    def take(self, now: int, count: Integers) -> Integers:
        """How many of `count` further sound messages at each place are refused as flooding at `now` in ms.

        What is refused counts, too: who floods is not heard until it has been quiet for some periods.
        """
        elapsed = min(max(now - self._filled, 0), FORGET)
        self._filled = now
        filled = np.minimum(BURST, self._reserve + self._rate * elapsed)
        self._reserve = np.maximum(filled - count, -BURST)
        return np.asarray(count - np.clip(np.floor(filled), 0, count)).astype(np.int64)

    def _unsound(self, now: int, came: Headers, time: Integers) -> tuple[Booleans, NDArray[np.int8]]:
        """What is wrong with a message whatever came before it."""
        silent = ~(np.isfinite(came.position).all(axis=0) & np.isfinite(came.speed))
        stale = (time < now - AGE_MAX) | (time // self._round != came.round)
        found = (
            (came.size > SIZE_MAX, Reason.OVERSIZED),
            (came.version != VERSION, Reason.WRONG_VERSION),
            (silent, Reason.NO_POSITION),
            (time > now + self._offset, Reason.FUTURE),
            (stale, Reason.REPLAYED),
        )
        reason = np.asarray(np.int8(Reason.ACCEPTED))  # it takes the shape of what is told, often one number for all
        for holds, number in found:
            reason = np.where(holds & (reason == Reason.ACCEPTED), np.int8(number), reason)
        return reason != Reason.ACCEPTED, reason

    def _elsewhere(self, time: Integers, position: Floats) -> Booleans:
        """Farther from the message before than any vehicle goes in that time."""
        reach = FASTEST * np.abs(time - self._time) / 1000.0 + SLACK
        away = np.abs(np.where(np.abs(position) < inf, position, 0.0) - self._position)
        return np.asarray(np.maximum(away[0], away[1]) > reach)

    def _remember(self, sound: Booleans, time: Integers, counter: Integers, position: Floats) -> None:
        self._time = np.where(sound, time, self._time)
        self._counter = np.where(sound, counter, self._counter)
        self._position = np.where(sound, position, self._position)

    def forget(self, who: Booleans) -> None:
        """Places that begin anew: a receiver whose computer has crashed, or another sender (any shape)."""
        self._time = np.where(who, NEVER, self._time)
        self._contradicted = np.where(who, NEVER, self._contradicted)
        self._disputed = np.where(who, NEVER, self._disputed)
        self._reserve = np.where(who, BURST, self._reserve)
