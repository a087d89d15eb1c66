"""Validity of what a car sees at a crossing: each distance is held against the speed that must have changed it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import where
from karyon.perception import validity
from karyon.perception.sensors import NEVER, Samples, seconds, since

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

SIGNALS = (
    "front.distance",
    "front.relative_speed",
    "own.speed",
    "own.position",
    "zone.left.distance",
    "zone.left.speed",
    "zone.opposite.distance",
    "zone.opposite.speed",
    "zone.right.distance",
    "zone.right.speed",
)
PLACES, RATES = (0, 3, 4, 6, 8), (1, 2, 5, 7, 9)  # a distance, and the speed that changes it, signal by signal
SIGNS = np.array([1.0, 1.0, -1.0, -1.0, -1.0])[:, None]  # of the change: one that comes nearer has a positive speed
JUMP = 2.0  # m/s, by which no speed changes from one sample to the next: 8 m/s2 and its noise are less
REPEATED = 3  # equal samples in a row of a signal that has noise


class Seen(NamedTuple):
    """What is known of each signal (signal, row): the newest value, its time (ns) and its validity."""

    value: Floats
    time: Integers
    validity: Floats


class Sight:
    """State of the checks of all rows.

    total   m, by how much each distance has changed more than its speed says, since its object was first seen; it is
            not forgotten: an offset shows in its jump, a drift in its growth, and the reverse jump takes it back
    """

    def __init__(self, rows: int, tolerated: float, age_limit: float) -> None:
        """tolerated: m, `total` from which on neither distance nor speed is believed; age_limit: s."""
        shape = (len(SIGNALS), rows)
        self._tolerated, self._age_limit = tolerated, age_limit
        self._value, self._time = np.full(shape, np.nan), np.full(shape, NEVER, dtype=np.int64)
        self._repeated = np.zeros(shape)
        self.total = np.zeros((len(PLACES), rows))
        self._jumped = np.zeros((len(RATES), rows), dtype=bool)

    def update(self, now: int, came: Samples, renewed: Booleans, nothing: Booleans) -> Seen:
        """Take the samples that came by `now` (ns).

        renewed  another object than before, or none, is what a distance is about (distance, row)
        nothing  there is nothing within range, of which a sensor repeats the range itself (distance, row)
        """
        fresh = came.fresh & (abs(came.value) < np.inf) & (came.time > self._time) & (came.time <= now)
        value, time = where(fresh, came.value, self._value), where(fresh, came.time, self._time)
        self._repeated = where(fresh, where(came.value == self._value, self._repeated + 1.0, 0.0), self._repeated)
        places, rates = list(PLACES), list(RATES)
        step = where(fresh[places] & (self._time[places] != NEVER), seconds(time[places], self._time[places]), 0.0)
        expected = SIGNS * 0.5 * (value[rates] + self._value[rates]) * step
        change = value[places] - self._value[places] - expected
        known = fresh[places] & (abs(change) < np.inf)
        forgotten = renewed & (abs(self.total) <= self._tolerated)  # who is doubted is so of the next object, too
        self.total = where(forgotten, 0.0, self.total + where(known & ~renewed, change, 0.0))
        jumps = (abs(value[rates] - self._value[rates]) > JUMP) & ~renewed
        self._jumped = where(fresh[rates], jumps, self._jumped)
        self._value, self._time = value, time
        return Seen(value, time, self._believed(now, nothing))

    def _believed(self, now: int, nothing: Booleans) -> Floats:
        doubted = np.zeros(self._value.shape, dtype=bool)
        inconsistent = abs(self.total) > self._tolerated
        places, rates = list(PLACES), list(RATES)
        doubted[places] |= inconsistent
        doubted[rates] |= inconsistent | self._jumped
        stuck = self._repeated >= REPEATED
        stuck[places] &= ~nothing
        stuck[rates] &= ~nothing
        fresh_enough = validity.of_age(since(now, self._time), self._age_limit)
        return np.asarray(where(doubted | stuck, 0.0, fresh_enough))


def detection_time(mode: str, unit: Any, period: float, tolerated: float, amplitude: float) -> float:
    """Longest time in s from when a signal is wrong by more than `amplitude` to when it is doubted.

    tolerated   m, as in `Sight`; a wrong speed shows once it has moved its distance so far
    """
    if mode == "stuck_at":
        return (REPEATED + 1) * period
    return period if unit == "m" else tolerated / amplitude + period
