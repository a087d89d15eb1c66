"""Responsibility-sensitive safety. [Shalev-Shwartz, Shammah, Shashua 2017, Definition 1: along the lane]"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import maximum, minimum

Floats = NDArray[np.float64]


def safe_distance(speed: Any, front_speed: Any, reaction_time: Any, braking: Any) -> Any:
    """Smallest safe gap in m, bumper to bumper, behind a car that may brake as hard as we can.

        max(0, v rho + v^2 / 2b - v_front^2 / 2b)

    speed, front_speed   m/s, >= 0
    reaction_time        s; no acceleration during it (the command of a level holds the speed at most)
    braking              m/s², > 0: what every member declares
    Scalars or arrays; NaN in, NaN out.
    """
    stopping = (speed * speed - front_speed * front_speed) / (2.0 * braking)
    return maximum(0.0, speed * reaction_time + stopping)


def margin_rate(
    speed: Any, relative_speed: Any, acceleration: Any, front_acceleration: Any, reaction_time: Any, braking: Any
) -> Any:
    """Change of the gap beyond the safe distance in m/s, the derivative of `safe_distance`.

        h' = v_rel - rho a - (v a - v_front a_front) / b    with h = gap - safe_distance

    relative_speed       m/s, negative when closing
    front_acceleration   m/s², of the car ahead
    """
    front_speed = maximum(0.0, speed + relative_speed)
    own = (reaction_time + speed / braking) * acceleration
    return relative_speed - own + front_speed * front_acceleration / braking


def acceleration_limit(
    margin: Any, speed: Any, relative_speed: Any, front_acceleration: Any, reaction_time: Any, braking: Any, gain: Any
) -> Any:
    """Largest acceleration in m/s² that keeps the gap above the safe distance: a control barrier function.

        h' >= -gain h    with h' as in `margin_rate`    =>                   [Ames et al. 2017, eq. 9]
        a <= (v_rel + v_front a_front / b + gain h) / (rho + v / b)

    margin               h: gap - safe distance, m; negative: already inside
    relative_speed       m/s, negative when closing
    front_acceleration   m/s², of the car ahead; only its braking (< 0) counts
    gain                 1/s, > 0
    """
    front_speed = maximum(0.0, speed + relative_speed)
    push = relative_speed + front_speed * minimum(0.0, front_acceleration) / braking + gain * margin
    return push / (reaction_time + maximum(0.0, speed) / braking)


LATERAL_ACCELERATION = 0.2  # m/s²: what a car that keeps its lane may do to either side within its reaction time
LATERAL_BRAKING = 0.8  # m/s²: at which it ends that at the least
LATERAL_FLUCTUATION = 0.2  # m: small movements to the side that mean nothing


def lateral_distance(towards: Any, other: Any, reaction_time: Any) -> Floats:
    """Smallest safe distance to the side in m, side to side. [Shalev-Shwartz et al. 2017, Definition 6]

        mu + way(towards) + way(other)   with  w = v + rho a,  way = (v + w) rho / 2 + max(0, w)² / 2 b

    towards, other   lateral speed of each towards the other, m/s, negative: away
    reaction_time    rho in s
    Never below mu. Scalars or arrays; NaN in, NaN out.
    """
    ways = _lateral_way(towards, reaction_time) + _lateral_way(other, reaction_time)
    return np.asarray(LATERAL_FLUCTUATION + np.maximum(0.0, ways))


def _lateral_way(speed: Any, reaction_time: Any) -> Floats:
    later = speed + reaction_time * LATERAL_ACCELERATION
    braking = np.maximum(0.0, later)
    return np.asarray(0.5 * (speed + later) * reaction_time + braking * braking / (2.0 * LATERAL_BRAKING))
