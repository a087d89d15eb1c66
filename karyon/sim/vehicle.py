"""Longitudinal motion of a vehicle: a first-order lag between command and acceleration, friction, no reversing."""

from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def move(
    position: Any, speed: Any, acceleration: Any, command: Any, step: float, lag: float, friction: float
) -> tuple[Floats, Floats, Floats]:
    """State after `step` s under a constant command, exact in time. [Rajamani 2012, eq. 5.26: lag a' = u - a]

    position, speed, acceleration, command   m, m/s, m/s², m/s²; scalars or arrays
    lag, friction                            s; largest acceleration and deceleration, m/s²
    A car that would reverse stops instead, at the speed's mean deceleration.
    """
    decay = exp(-step / lag)
    wanted = np.minimum(np.maximum(command, -friction), friction)
    excess = acceleration - wanted
    later_acceleration = wanted + excess * decay
    faded = lag * (1.0 - decay)
    later_speed = speed + wanted * step + excess * faded
    later_position = position + speed * step + 0.5 * wanted * step * step + excess * lag * (step - faded)
    stops = later_speed <= 0.0
    slowing = np.maximum(speed - later_speed, 1e-12)
    stopped_position = position + 0.5 * speed * step * np.minimum(1.0, speed / slowing)
    return (
        np.where(stops, stopped_position, later_position),
        np.where(stops, 0.0, later_speed),
        np.where(stops, 0.0, later_acceleration),
    )
