"""What a law of car following may read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a law may read of a row; arrays (row,), SI units. NaN only where a level's rules forbid it.

    The leader is that of the platoon: no level needs it, so what is not known of it is NaN at any level.
    """

    gap: Floats  # bumper to bumper, m; the sensor's range when the road is open
    speed: Floats
    relative_speed: Floats  # negative when closing
    road_open: Booleans  # no object within range
    front_command: Floats  # intended acceleration of the car ahead, received
    front_speed: Floats  # received
    leader_command: Floats  # intended acceleration of the platoon's leader, received
    leader_acceleration: Floats  # received
    leader_speed: Floats  # received
    set_speed: Floats


def spacing_error(seen: Situation, standstill: float, time_gap: float, bound: float) -> Floats:
    """Gap beyond the wanted one in m, cut at +- `bound`: so much of it a law acts upon."""
    error = seen.gap - standstill - time_gap * seen.speed
    return np.minimum(np.maximum(error, -bound), bound)
