"""Failure modes of a sensor or a message as formulas: one definition for simulation, recorded logs and a broker.

    offset drift scale noise outlier stuck_at quantisation saturation ghost swap lateness stamped_later
        elementwise formulas of one sample in the signal's unit: scalars or arrays that broadcast, NaN stays NaN
    omission reordering freeze held flooded
        formulas over a stretch (..., sample): which sample is lost, late, shown again or added

*When* and *on whom* a failure acts is the business of whoever calls a formula, and so are random numbers: they come in
as arguments.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import isnan, maximum, minimum, rint, where

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

LATEST = 6.0  # sigma: how late a sample of random lateness is at most


def offset(value: Any, amplitude: Any) -> Any:
    """Constant error of `amplitude`, in the signal's unit; also `wrong_position` and `wrong_speed` of a message."""
    return value + amplitude


def drift(value: Any, rate: Any, elapsed: Any) -> Any:
    """Error that grows by `rate` (signal's unit per s) for `elapsed` s; `ramp` is the same, slow and with intent."""
    return value + rate * elapsed


def scale(value: Any, factor: Any) -> Any:
    """Wrong gain: the value times `factor`."""
    return value * factor


def noise(value: Any, sigma: Any, normal: Any) -> Any:
    """Added white noise of standard deviation `sigma`; `normal` are draws of N(0, 1)."""
    return value + sigma * normal


def outlier(value: Any, amplitude: Any, probability: Any, uniform: Any) -> Any:
    """A spike of `amplitude`, up or down alike, in a share `probability` of the samples; `uniform` in [0, 1)."""
    half = 0.5 * probability
    spike = where(uniform < half, -amplitude, where(uniform < probability, amplitude, 0.0))
    return value + spike


def stuck_at(value: Any, held: Any) -> Any:
    """One value for ever, freshly stamped: `held`; `missed` is stuck at what a sensor says that sees nothing."""
    return where(isnan(value), value, held)


def quantisation(value: Any, step: Any) -> Any:
    """Rounded to the nearest multiple of `step` > 0, halfway to the even one."""
    return rint(value / step) * step


def saturation(value: Any, low: Any, high: Any) -> Any:
    """Clipped to [low, high]; -inf and inf leave a side open."""
    return minimum(maximum(value, low), high)


def ghost(value: Any, distance: Any) -> Any:
    """An object that is not there, at `distance`: the sensor tells the nearest one."""
    return minimum(value, distance)


def swap(value: Any, other: Any) -> Any:
    """Handed over to another object, whose value is `other`; where there is no other (NaN) the object is kept."""
    return where(isnan(value) | isnan(other), value, other)


def lateness(delay: Any, sigma: Any = 0.0, normal: Any = 0.0) -> Any:
    """By how many s a sample arrives late: `delay`, fixed, plus a random part of `sigma`; `jitter` is this part alone.

    The random part is |N(0, sigma)|, at most `LATEST` sigma; `normal` are draws of N(0, 1).
    """
    return delay + sigma * minimum(abs(normal), LATEST)


def whole_nanoseconds(late: Any) -> Any:
    """`late` in s, as ns."""
    return rint(late * 1e9)


def omission(uniform: Floats, probability: float, burst: float = 1.0) -> Booleans:
    """Which samples of a stretch are lost, singly or in bursts. [Gilbert 1960; Elliott 1963]

    Two states: in the bad one every sample is lost, in the good one none. The stretch begins in the steady state.

        bad  -> bad   with probability s = max(probability, 1 - 1 / burst)
        good -> bad   with probability (1 - s) probability / (1 - probability)

    uniform       draws in [0, 1), (..., sample)
    probability   share of samples lost, 0..1
    burst         mean number of samples lost in a row, >= 1; 1 / (1 - probability) and less: each is lost independently
    """
    stay = max(probability, 1.0 - 1.0 / burst)
    enter = probability * ((1.0 - stay) / max(1.0 - probability, np.finfo(float).tiny))
    bad = uniform < enter
    bad[..., :1] = uniform[..., :1] < probability
    settled = (uniform < enter) | (uniform >= stay)  # whatever the state before; between the two the state is kept
    return np.take_along_axis(bad, _last(settled, otherwise=0), axis=-1)


def reordering(arrival: NDArray[Any], uniform: Floats, probability: float) -> NDArray[Any]:
    """Arrival times of a stretch in which a share `probability` of the samples is overtaken.

    An overtaken sample comes after the next one that is not, midway to the sample after that. One with no such next
    sample arrives as it would. arrival (..., sample), ascending; uniform in [0, 1), (..., sample).
    """
    last = arrival.shape[-1] - 1
    if last < 1:
        return arrival
    overtaken = uniform < probability
    following = last - _last(~overtaken[..., ::-1], otherwise=-1)[..., ::-1]
    intervals = np.diff(arrival, axis=-1)
    halves = (np.concatenate([intervals, intervals[..., -1:]], axis=-1) / 2).astype(arrival.dtype)
    late = np.take_along_axis(arrival + halves, np.minimum(following, last), axis=-1)
    return np.where(overtaken & (following <= last), late, arrival)


def freeze(value: Floats, time: NDArray[Any], delay: Any) -> Floats:
    """Old content, noise and all, freshly stamped: what was measured `delay` ago or last before that; also `replay`.

    value (..., sample), NaN: lost, shown neither now nor later. time (..., sample), ascending, in the unit of `delay`.
    A sample from before which nothing is known stays what it is.
    """
    before = _newest_until(time, time - delay)
    measured = _last(~np.isnan(value), otherwise=-1)
    old = np.where(before < 0, -1, np.take_along_axis(measured, np.maximum(before, 0), axis=-1))
    return np.where(old < 0, value, stuck_at(value, np.take_along_axis(value, np.maximum(old, 0), axis=-1)))


def held(value: Floats, before: Booleans) -> Floats:
    """The value (..., 1) at which a signal is stuck: its last one `before` the onset, or its first if there is none.

    value (..., sample), NaN: lost; before (..., sample), True up to the onset.
    """
    measured, end = ~np.isnan(value), value.shape[-1] - 1
    last = _last(measured & before, otherwise=-1)[..., -1:]
    first = end - _last(measured[..., ::-1], otherwise=0)[..., -1:]
    return np.take_along_axis(value, np.where(last < 0, first, last), axis=-1)


def flooded(elapsed: Any, rate: Any, duration: Any) -> Integers:
    """How many messages a flooder has sent `elapsed` s after its onset: one every 1/`rate` s, for `duration` s."""
    return np.asarray(np.floor(rate * np.clip(elapsed, 0.0, duration)).astype(np.int64))


def stamped_later(time: Integers, late: Any) -> Integers:
    """`time` in ns, `late` s later."""
    return np.asarray(time + np.asarray(whole_nanoseconds(late)).astype(np.int64))


def _last(marked: Booleans, otherwise: int) -> Integers:
    """Index of the last marked sample up to each one (..., sample); `otherwise` where there is none."""
    places = np.where(marked, np.arange(marked.shape[-1]), otherwise)
    return np.asarray(np.maximum.accumulate(places, axis=-1))


def _newest_until(time: NDArray[Any], limit: NDArray[Any]) -> Integers:
    """Index of the last sample taken at `limit` or before (..., sample); -1 where there is none."""
    order = np.argsort(np.concatenate([time, limit], axis=-1), axis=-1, kind="stable")  # a sample before an equal limit
    taken = np.cumsum(order < time.shape[-1], axis=-1)
    count = np.empty_like(taken)
    np.put_along_axis(count, order, taken, axis=-1)
    return np.asarray(count[..., time.shape[-1] :] - 1)
