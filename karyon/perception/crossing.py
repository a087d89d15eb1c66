"""Validity of what a car sees at a crossing: each distance is held against the speed that must have changed it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import minimum, where
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
FADING = np.array([50.0, np.inf, 50.0, 50.0, 50.0])[:, None]  # s, of each distance; the own one has little noise
CONFIRMS = 3.0  # s without a doubt after which what was doubted is believed again: two failures may cancel out
REPEATED = 3  # equal samples in a row of a signal that has noise


class Seen(NamedTuple):
    """What is known of each signal (signal, row): the newest value, its time (ns) and its validity."""

    value: Floats
    time: Integers
    validity: Floats


class Sight:
    """State of the checks of all rows.

    total   m, by how much each distance has changed more than the speeds of its objects say, since its first sample: an
            offset shows in its jump, a drift in its growth; the reverse jump takes it back, if what follows bears it
            out. What is not doubted of other cars fades, as noise of their speeds adds up; what is doubted never does
    """

    DEPTH = 8  # instants; a sample that is older is of no use to any rule, and not taken

    def __init__(self, rows: int, tolerated: float, age_limit: float, reach: float) -> None:
        """tolerated: m, `total` from which on neither distance nor speed is believed; age_limit: s.

        reach   m, how far the sensor sees: what it says where there is nothing
        """
        shape = (len(SIGNALS), rows)
        self._tolerated, self._age_limit = tolerated, age_limit
        self._reach = np.array([np.nan if SIGNALS[one] == "own.position" else reach for one in PLACES])[:, None]
        self._value, self._time = np.full(shape, np.nan), np.full(shape, NEVER, dtype=np.int64)
        self._repeated = np.zeros(shape)
        self.total, self._was = np.zeros((2, len(PLACES), rows))
        self._moved = np.zeros((self.DEPTH, len(PLACES), rows))
        self._instants = np.full(self.DEPTH, NEVER, dtype=np.int64)
        self._unchecked = np.ones((len(PLACES), rows), dtype=bool)  # nothing is known to compare the next sample with
        self._jumped = np.zeros((len(RATES), rows), dtype=bool)
        self._consistent = np.full((len(PLACES), rows), CONFIRMS)  # s for which distance and speed have agreed

    def update(self, now: int, came: Samples, renewed: Booleans, further: Floats) -> Seen:
        """Take the samples that came by `now` (ns).

        renewed  another object than before, or none, is what a distance is about (distance, row)
        further  m, how much further away the sensor had that one at the last instant than the one it told of, as it
                 follows all that it sees; NaN: it had not seen it; 0 where it is the same (distance, row)
        """
        places, rates = list(PLACES), list(RATES)
        recent = came.time >= self._instants.min()
        fresh = came.fresh & (abs(came.value) < np.inf) & (came.time > self._time) & (came.time <= now) & recent
        value, time = where(fresh, came.value, self._value), where(fresh, came.time, self._time)
        self._repeated = where(fresh, where(came.value == self._value, self._repeated + 1.0, 0.0), self._repeated)
        step = self._step(now)
        fading = where(abs(self.total) <= self._tolerated, 1.0 - step / FADING, 1.0)
        self._unchecked |= renewed & ~(abs(further) < np.inf)
        moved = self._move(now, step, value[rates], renewed, further, time[places])
        change = value[places] - self._value[places] - (moved - self._was)
        taken = fresh[places]
        self.total = fading * self.total + where(taken & ~self._unchecked & (abs(change) < np.inf), change, 0.0)
        agree = abs(self.total) <= self._tolerated
        self._consistent = where(agree, minimum(self._consistent + step, CONFIRMS), 0.0)
        self._was, self._unchecked = where(taken, moved, self._was), self._unchecked & ~taken
        jumps = (abs(value[rates] - self._value[rates]) > JUMP) & ~renewed
        self._jumped = where(fresh[rates], jumps, self._jumped)
        self._value, self._time = value, time
        return Seen(value, time, self._believed(now))

    def _step(self, now: int) -> float:
        """Since the last instant, s; 0: this is the first."""
        last = self._instants.max()
        return float(seconds(now, last)) if last != NEVER else 0.0

    def _move(self, now: int, step: float, rate: Floats, renewed: Booleans, further: Floats, time: Integers) -> Floats:
        """How far each distance should have changed since the first instant, m, up to `time` (ns, distance, row).

        step   s, since the last instant; the others as of `update`
        """
        newest = int(self._instants.argmax())
        before = where(renewed, rate, self._value[list(RATES)])
        change = SIGNS * 0.5 * (rate + before) * step + where(abs(further) < np.inf, further, 0.0)
        slot = (newest + 1) % self.DEPTH
        self._moved[slot] = self._moved[newest] + where(abs(change) < np.inf, change, 0.0)
        self._instants[slot] = now
        instants = self._instants[:, None, None]
        then = where(instants <= time, instants, NEVER).argmax(axis=0)
        return np.asarray(np.take_along_axis(self._moved, then[None], axis=0)[0])

    def _believed(self, now: int) -> Floats:
        doubted = np.zeros(self._value.shape, dtype=bool)
        inconsistent = self._consistent < CONFIRMS
        places, rates = list(PLACES), list(RATES)
        doubted[places] |= inconsistent
        doubted[rates] |= inconsistent | self._jumped
        nothing = self._value[places] == self._reach
        somebody = nothing & (abs(self._value[rates]) > 0.0)  # of nobody the speed is 0
        doubted[places] |= somebody
        doubted[rates] |= somebody
        stuck = self._repeated >= REPEATED
        stuck[places] &= ~nothing
        stuck[rates] &= ~nothing
        fresh_enough = validity.of_age(since(now, self._time), self._age_limit)
        return np.asarray(where(doubted | stuck, 0.0, fresh_enough))
