"""Failure modes of a sensor: one definition for simulation, recorded logs and devices on a broker.

Each is an elementwise formula over samples in the signal's unit: scalars or arrays that broadcast, NaN stays NaN.
*When* and *on whom* a failure acts is the caller's business, and so are random numbers: they come in as arguments.
The names and parameters are those of a scenario's `faults`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def offset(value: Any, amplitude: Any) -> Floats:
    """Constant error of `amplitude`, in the signal's unit; also `wrong_position` and `wrong_speed` of a message."""
    return np.asarray(value + amplitude)


def drift(value: Any, rate: Any, elapsed: Any) -> Floats:
    """Error that grows by `rate` (signal's unit per s) for `elapsed` s; `ramp` is the same, slow and with intent."""
    return np.asarray(value + rate * elapsed)


def scale(value: Any, factor: Any) -> Floats:
    """Wrong gain: the value times `factor`."""
    return np.asarray(value * factor)


def noise(value: Any, sigma: Any, normal: Any) -> Floats:
    """Added white noise of standard deviation `sigma`; `normal` are draws of N(0, 1)."""
    return np.asarray(value + sigma * normal)


def outlier(value: Any, amplitude: Any, probability: Any, uniform: Any) -> Floats:
    """A spike of `amplitude`, up or down alike, in a share `probability` of the samples; `uniform` in [0, 1)."""
    half = 0.5 * probability
    spike = np.where(uniform < half, -amplitude, np.where(uniform < probability, amplitude, 0.0))
    return np.asarray(value + spike)


def stuck_at(value: Any, held: Any) -> Floats:
    """One value for ever, freshly stamped: `held`."""
    return np.asarray(np.where(np.isnan(value), value, held))


def saturation(value: Any, low: Any, high: Any) -> Floats:
    """Clipped to [low, high]; -inf and inf leave a side open."""
    return np.asarray(np.minimum(np.maximum(value, low), high))
