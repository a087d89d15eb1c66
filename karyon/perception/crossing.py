"""Validity of what a car sees at a crossing: each distance is held against the speed that must have changed it.

Own speed is held against own acceleration, too: speed and place that are wrong alike do not show in each other.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import minimum, where
from karyon.perception import validity
from karyon.perception.detectors import ResidualGate, leak_of, wander_of
from karyon.perception.reckoning import DOUBT, Limits, Reckoned, reckoned
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
    "own.acceleration",
)
PLACES, RATES = (0, 3, 4, 6, 8), (1, 2, 5, 7, 9)  # a distance, and the speed that changes it, signal by signal
SPEED, ACCELERATION = SIGNALS.index("own.speed"), SIGNALS.index("own.acceleration")
SIGNS = np.array([1.0, 1.0, -1.0, -1.0, -1.0])[:, None]  # of the change: one that comes nearer has a positive speed
JUMP = 2.0  # m/s, by which no speed changes from one sample to the next: 8 m/s2 and its noise are less
FADING = np.array([50.0, np.inf, 50.0, 50.0, 50.0])[:, None]  # s, of each distance; the own one has little noise
CONFIRMS = 3.0  # s without a doubt after which what was doubted is believed again: two failures may cancel out
CARRIED = 0.5  # s without a sample over which a distance is carried on by its speed; braking puts it off by 0.5 m
FOLLOWED = 0.15  # s without a sample over which own speed is carried on, and another object is seen to come
MEMORY = 20.0  # s, over which noise of own acceleration adds up in own speed
REPEATED = 3  # equal samples in a row of a signal that has noise


class Seen(NamedTuple):
    """What is known of each signal (signal, row): the newest value, its time (ns) and its validity."""

    value: Floats
    time: Integers
    validity: Floats


def pace_gate(speed: float, acceleration: float, tolerated: float, period: float) -> ResidualGate:
    """The gate of own speed against own acceleration: noise (1 sigma) of both, tolerated speed in m/s, period in s."""
    wander = wander_of(acceleration, period, MEMORY)
    return ResidualGate(speed, wander, tolerated, period, memory=MEMORY)


class Sight:
    """State of the checks of all rows.

    total   m, by how much each distance has changed more than the speeds of its objects say, since its first sample: an
            offset shows in its jump, a drift in its growth; the reverse jump takes it back, if what follows bears it
            out, and a growth the other way does not. What is not doubted of other cars fades, as noise of their speeds
            adds up; what is doubted never does

    A distance that begins anew has no past to be held against: it was not measured for a while, or another object came
    meanwhile. It is not believed until it has shown that there is nothing, which no wrong one does.
    """

    DEPTH = 8  # instants; a sample that is older is of no use to any rule, and not taken

    def __init__(self, rows: int, tolerated: float, age_limit: float, reach: float, pace: ResidualGate) -> None:
        """tolerated: m, `total` from which on neither distance nor speed is believed; age_limit: s.

        reach   m, how far the sensor sees: what it says where there is nothing
        pace    of own speed against own acceleration, as `pace_gate` has it
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
        self._jumped, self._inconsistent, self._unproven = np.zeros((3, len(PLACES), rows), dtype=bool)
        self._consistent = np.full((len(PLACES), rows), CONFIRMS)  # s for which distance and speed have agreed
        self._limits, self._leak = Limits.of(pace), leak_of(pace.period, pace.memory)
        self._pace, self._anchored = Reckoned.of(rows), np.zeros(rows, dtype=bool)
        self._pace_says = np.ones(rows)

    def update(self, now: int, came: Samples, renewed: Booleans, further: Floats, begins: Booleans) -> Seen:
        """Take the samples that came by `now` (ns).

        renewed  another object than before, or none, is what a distance is about (distance, row)
        further  m, how much further away the sensor had that one at the last instant than the one it told of, as it
                 follows all that it sees; NaN: it had not seen it; 0 where it is the same (distance, row)
        begins   a car comes from afar, where its checks have run (row,)
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
        change = where(taken & ~self._unchecked & (abs(change) < np.inf), change, 0.0)
        self.total = fading * self.total + change
        self._judge(step, change)
        self._prove(taken & ~begins, since(time[places], self._time[places]), value)
        self._was, self._unchecked = where(taken, moved, self._was), self._unchecked & ~taken
        jumps = (abs(value[rates] - self._value[rates]) > JUMP) & ~renewed
        self._jumped = where(fresh[rates], jumps, self._jumped)
        self._value, self._time = value, time
        self._keep_pace(now, step, fresh[SPEED] & fresh[ACCELERATION])
        return Seen(value, time, self._believed(now))

    def _judge(self, step: float, change: Floats) -> None:
        """Doubt what is off, until it has jumped back and agreed for a while; `change` m, since the last sample."""
        off = abs(self.total) > self._tolerated
        jumps_back = abs(change) > 0.5 * self._tolerated
        self._inconsistent = off | (self._inconsistent & ~jumps_back)
        self._consistent = where(self._inconsistent, 0.0, minimum(self._consistent + step, CONFIRMS))

    def _prove(self, taken: Booleans, silent: Floats, value: Floats) -> None:
        """Tell distances without a past; `taken` (distance, row) are samples `silent` s after the ones before them."""
        nothing = (value[list(PLACES)] == self._reach) & (value[list(RATES)] == 0.0)
        self._unproven |= taken & (silent > where(self._unchecked, FOLLOWED, CARRIED))
        self._unproven &= ~nothing

    def _keep_pace(self, now: int, step: float, fresh: Booleans) -> None:
        """Hold own speed against its past, carried on by own acceleration; `fresh`: both have come (row,)."""
        age = since(now, self._time[[SPEED, ACCELERATION]])
        before, acceleration = self._pace, where(age[1] < np.inf, self._value[ACCELERATION], 0.0)
        anchored = self._anchored & (before.doubted | (age <= FOLLOWED).all(axis=0))
        value = self._value[SPEED] + acceleration * where(age[0] < np.inf, age[0], 0.0)
        after, says, _ = reckoned(
            before, value, step * acceleration, fresh, fresh & ~anchored, self._leak, self._limits
        )
        self._anchored = anchored | fresh
        self._pace = after._replace(doubted=after.doubted & self._anchored)
        self._pace_says = says

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
        doubted[places] |= inconsistent | self._unproven
        doubted[rates] |= inconsistent | self._jumped
        doubted[SPEED] |= self._pace_says < DOUBT
        nothing = self._value[places] == self._reach
        somebody = nothing & (abs(self._value[rates]) > 0.0)  # of nobody the speed is 0
        doubted[places] |= somebody
        doubted[rates] |= somebody
        stuck = self._repeated >= REPEATED
        stuck[places] &= ~nothing
        stuck[rates] &= ~nothing
        fresh_enough = validity.of_age(since(now, self._time), self._age_limit)
        return np.asarray(where(doubted | stuck, 0.0, fresh_enough))
