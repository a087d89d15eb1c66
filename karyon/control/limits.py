"""Limits of comfort for adaptive cruise control. [ISO 15622:2018, 7.3: deceleration, jerk and acceleration by speed]"""

from typing import Any

from karyon.kernel.elementwise import maximum, minimum

SLOW, FAST = 5.0, 20.0  # m/s: the limits are constant below and above, linear between
EMERGENCY_BRAKING = 9.0  # m/s²: more than that no road takes, and a command below it only winds up
EMERGENCY_JERK = 60.0  # m/s³: full braking within 0.13 s, what a brake booster does


def deceleration(speed: Any) -> Any:
    """Largest deceleration without an emergency: 5 m/s² at low speed, 3.5 at high speed (m/s)."""
    return _between(speed, 5.0, 3.5)


def acceleration(speed: Any) -> Any:
    """Largest acceleration: 4 m/s² at low speed, 2 at high speed; 2 throughout is what passengers accept."""
    return 2.0


def jerk(speed: Any) -> Any:
    """Largest change of deceleration: 5 m/s³ at low speed, 2.5 at high speed (m/s)."""
    return _between(speed, 5.0, 2.5)


def _between(speed: Any, slow: float, fast: float) -> Any:
    share = minimum(1.0, maximum(0.0, (speed - SLOW) / (FAST - SLOW)))
    return slow + (fast - slow) * share
