"""Responsibility-sensitive safety, longitudinal. [Shalev-Shwartz, Shammah, Shashua 2017, Definition 1]"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def safe_distance(speed: Any, front_speed: Any, reaction_time: Any, braking: Any) -> Floats:
    """Smallest safe gap in m, bumper to bumper, behind a car that may brake as hard as we can.

        max(0, v rho + v^2 / 2b - v_front^2 / 2b)

    speed, front_speed   m/s, >= 0
    reaction_time        s; no acceleration during it (the command of a level holds the speed at most)
    braking              m/s², > 0: what every member declares
    Scalars or arrays; NaN in, NaN out.
    """
    stopping = (speed * speed - front_speed * front_speed) / (2.0 * braking)
    return np.asarray(np.maximum(0.0, speed * reaction_time + stopping))


def margin_rate(
    speed: Any, relative_speed: Any, acceleration: Any, front_acceleration: Any, reaction_time: Any, braking: Any
) -> Floats:
    """Change of the gap beyond the safe distance in m/s, the derivative of `safe_distance`.

        h' = v_rel - rho a - (v a - v_front a_front) / b    with h = gap - safe_distance

    relative_speed       m/s, negative when closing
    front_acceleration   m/s², of the car ahead
    """
    front_speed = np.maximum(0.0, speed + relative_speed)
    own = (reaction_time + speed / braking) * acceleration
    return np.asarray(relative_speed - own + front_speed * front_acceleration / braking)


def acceleration_limit(
    margin: Any, speed: Any, relative_speed: Any, front_acceleration: Any, reaction_time: Any, braking: Any, gain: Any
) -> Floats:
    """Largest acceleration in m/s² that keeps the gap above the safe distance: a control barrier function.

        h' >= -gain h    with h' as in `margin_rate`    =>                   [Ames et al. 2017, eq. 9]
        a <= (v_rel + v_front a_front / b + gain h) / (rho + v / b)

    margin               h: gap - safe distance, m; negative: already inside
    relative_speed       m/s, negative when closing
    front_acceleration   m/s², of the car ahead; only its braking (< 0) counts
    gain                 1/s, > 0
    """
    front_speed = np.maximum(0.0, speed + relative_speed)
    push = relative_speed + front_speed * np.minimum(0.0, front_acceleration) / braking + gain * margin
    return np.asarray(push / (reaction_time + np.maximum(speed, 0.0) / braking))
