"""Abstract sensors: every source yields value, spread, validity and time of measurement, whatever its nature."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.perception import detectors

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Times = NDArray[np.int64]

NEVER = np.iinfo(np.int64).min  # time of a measurement that has not come yet


@dataclass(slots=True)
class Samples:
    """What arrived since the last look, newest only; arrays (signal, row), or (field, row) and (row,) for a message.

    value   in the signal's unit, any number
    time    of measurement, ns; `NEVER` before the first
    fresh   True where a new sample arrived
    """

    value: Floats
    time: Times
    fresh: Booleans


@dataclass(slots=True)
class Newest:
    """The newest believable sample of each signal and the one before: state of the abstract sensors (signal, row)."""

    value: Floats
    time: Times
    previous: Floats
    step: Floats
    repeated: NDArray[np.int64]
    fresh: Booleans
    stamped: Booleans

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "Newest":
        """Nothing seen yet."""
        return cls(
            value=np.full(shape, np.nan),
            time=np.full(shape, NEVER, dtype=np.int64),
            previous=np.full(shape, np.nan),
            step=np.zeros(shape),
            repeated=np.zeros(shape, dtype=np.int64),
            fresh=np.zeros(shape, dtype=bool),
            stamped=np.ones(shape, dtype=bool),
        )

    def take(self, samples: Samples, now: int) -> "Newest":
        """The state after new samples: lost ones (NaN, infinite) and implausible time stamps leave the value alone."""
        arrived = samples.fresh & (np.abs(samples.value) < np.inf)
        plausible = detectors.plausible_stamp(samples.time, self.time, now)
        fresh = arrived & plausible
        seen = self.time != NEVER
        return Newest(
            value=np.where(fresh, samples.value, self.value),
            time=np.where(fresh, samples.time, self.time),
            previous=np.where(fresh, self.value, self.previous),
            step=np.where(fresh & seen, seconds(samples.time, np.where(seen, self.time, samples.time)), self.step),
            repeated=detectors.repeats(self.repeated, samples.value, self.value, fresh),
            fresh=fresh,
            stamped=np.where(samples.fresh, plausible, self.stamped),
        )

    def age(self, now: int) -> Floats:
        """Seconds since the measurement; inf where there was none."""
        return since(now, self.time)


def seconds(later: Any, earlier: Any) -> Floats:
    """Difference of two times in ns, in s: subtracted as integers, then divided, so that round times stay round."""
    return np.asarray((later - earlier) / 1e9)


def since(now: int, time: Times) -> Floats:
    """Seconds from each `time` to `now`, both ns; inf from `NEVER`."""
    known = time != NEVER
    return np.where(known, seconds(now, np.where(known, time, now)), np.inf)


def nanoseconds(duration: float) -> int:
    """A duration in s, in ns."""
    return round(duration * 1e9)
