"""Abstract sensors: every source yields value, spread, validity and time of measurement, whatever its nature."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from karyon.kernel.elementwise import where
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


def stacked(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays (row,) as one (of these, row): the same memory where they lie side by side at equal distances."""
    first, second = arrays[:2]
    step = second.ctypes.data - first.ctypes.data
    places = [each.ctypes.data for each in arrays]
    is_of_one = first.base is not None and all(each.base is first.base for each in arrays)
    if is_of_one and step > 0 and places == [*range(places[0], places[-1] + 1, step)]:
        return as_strided(first, (len(arrays), first.size), (step, *first.strides))
    return np.stack(arrays)


class Sample(NamedTuple):
    """What arrived of one signal since the last look, as `Samples` has it."""

    value: Floats
    time: Times
    fresh: Booleans


class Newest(NamedTuple):
    """The newest believable sample of a signal: state of an abstract sensor, of any shape.

    fresh     it came with the last look
    stamped   the last sample that arrived had a time that can be
    """

    value: Floats
    time: Times  # ns
    fresh: Booleans
    stamped: Booleans

    @classmethod
    def of(cls, shape: int | tuple[int, ...]) -> "Newest":
        """Nothing seen yet."""
        never = np.full(shape, NEVER, dtype=np.int64)
        return cls(np.full(shape, np.nan), never, np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool))


class Before(NamedTuple):
    """What is remembered of the samples before the newest one, of any shape.

    value      of the one before
    step       s between the two
    repeated   samples in a row that equal the one before them exactly
    """

    value: Floats
    step: Floats
    repeated: Floats

    @classmethod
    def of(cls, shape: int | tuple[int, ...]) -> "Before":
        """Nothing seen yet."""
        return cls(np.full(shape, np.nan), np.zeros(shape), np.zeros(shape))


def taken(newest: Newest, came: Sample, now: Any) -> Newest:
    """The newest sample after one more look at `now` (ns).

    Lost ones (NaN, infinite) and implausible time stamps leave the value alone.
    """
    return dated(newest, came, came.fresh & (abs(came.value) < inf), now)


def dated(newest: Newest, came: Sample, believable: Any, now: Any) -> Newest:
    """The same of samples of which it is known where the value can be believed."""
    plausible = detectors.plausible_stamp(came.time, newest.time, now)
    fresh = believable & plausible
    return Newest(
        value=where(fresh, came.value, newest.value),
        time=where(fresh, came.time, newest.time),
        fresh=fresh,
        stamped=where(came.fresh, plausible, newest.stamped),
    )


def passed(before: Before, last: Newest, newest: Newest) -> Before:
    """The samples before the newest one, which was `last` until this look."""
    return Before(
        value=where(newest.fresh, last.value, before.value),
        step=step_of(before.step, last, newest),
        repeated=detectors.repeats(before.repeated, newest.value, last.value, newest.fresh),
    )


def step_of(step: Any, last: Newest, newest: Newest) -> Any:
    """Time in s between a fresh sample and the one before it; the last such `step` where there is none."""
    seen = last.time != NEVER
    return where(newest.fresh & seen, seconds(newest.time, last.time), step)


def seconds(later: Any, earlier: Any) -> Any:
    """Difference of two times in ns, in s: subtracted as integers, then divided, so that round times stay round."""
    return (later - earlier) / 1e9


def since(now: Any, time: Any) -> Any:
    """Seconds from each `time` to `now`, both ns; inf from `NEVER`, where their difference overflows."""
    return where(time != NEVER, seconds(now, time), inf)


def nanoseconds(duration: float) -> int:
    """A duration in s, in ns."""
    return round(duration * 1e9)
