"""Lateral control: to the middle of a lane and along it, smoothly enough for passengers. Source of limits: [UN R79]."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steering:
    """Cascade of two gains with limits: offset to lateral speed, lateral speed to lateral acceleration.

        w = clip(gain_offset (wanted - d), lateral_speed),   a = clip(gain_speed (w - d'), lateral_acceleration)
        curvature = k + a / v²

    With gain_speed = 4 gain_offset it is critically damped: a lane change has no overshoot.
    """

    gain_offset: float = 0.75  # 1/s
    gain_speed: float = 3.0  # 1/s
    lateral_speed: float = 1.2  # m/s
    slope: float = 0.2  # of the way to the side in the way along: a slow car turns no further out of its lane
    lateral_acceleration: float = 1.0  # m/s² beyond that of the road [UN R79, 5.6.4.6.4]
    delay: float = 0.3  # s until a command has its effect: a control period, actuator, steering
    slowest: float = 3.0  # m/s: below it curvature is no more asked for than at it

    def curvature(self, offset: Any, lateral_speed: Any, speed: Any, road: Any) -> Floats:
        """Curvature to steer, 1/m, any shape. NaN in, NaN out: an actuator ignores that.

        offset   m, from where the car is to where it shall be, positive to the left
        lateral_speed, speed   m/s, to the left and along the vehicle
        road     curvature of the road, 1/m
        """
        wanted = _clipped(self.gain_offset * offset, self.sideways(speed))
        sideways = _clipped(self.gain_speed * (wanted - lateral_speed), self.lateral_acceleration)
        fast = np.maximum(speed, self.slowest)
        return np.asarray(road + sideways / (fast * fast))

    def sideways(self, speed: Any) -> Floats:
        """Lateral speed in m/s at most, at this speed (m/s)."""
        return np.asarray(np.minimum(self.lateral_speed, self.slope * speed))

    def overshoot(self, lateral_speed: Any) -> Floats:
        """Way in m that a car at this lateral speed (m/s) still goes before it can turn back."""
        braking = lateral_speed * lateral_speed / (2.0 * self.lateral_acceleration)
        return np.asarray(self.delay * lateral_speed + braking)


def _clipped(value: Any, most: Any) -> Floats:
    return np.asarray(np.minimum(np.maximum(value, -most), most))
