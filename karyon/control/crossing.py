"""Laws of a car that comes to a crossing: to the stop line, through a slot, behind others. All elementwise.

A distance is from the front bumper; `b` and `a` are the comfortable deceleration and acceleration, m/s², > 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def travel_time(distance: Any, speed: Any, a: float, top: Any) -> Floats:
    """Time in s over `distance` (m) of a car at `speed` (m/s) that accelerates by `a` up to `top` (m/s).

    0 for a distance that is not ahead. A speed above `top` is kept.
    """
    top = np.maximum(top, speed)
    over = np.maximum(distance, 0.0)
    gaining = (top * top - speed * speed) / (2.0 * a)
    reached = np.sqrt(speed * speed + 2.0 * a * np.minimum(over, gaining))
    return np.asarray((reached - speed) / a + np.maximum(over - gaining, 0.0) / np.maximum(top, 1e-6))


def to_speed(speed: Any, wanted: Any, a: float, b: float) -> Floats:
    """Command in m/s² towards a wanted speed. [first order, 0.7 s]"""
    return np.asarray(np.clip((wanted - speed) / 0.7, -b, a))


def to_stop(distance: Any, speed: Any, b: float, hardest: float) -> Floats:
    """The largest command in m/s² with which a car still stops within `distance` (m), by about `b`.

    Far away it is no limit; where `b` is not enough it is what is needed, at most `hardest`.
    """
    left = np.maximum(distance, 0.0)
    allowed = np.sqrt(2.0 * b * left)
    needed = speed * speed / (2.0 * np.maximum(left, 0.05))
    gentle = (allowed - speed) / 0.3
    command = np.where(needed > 0.8 * b, np.minimum(gentle, -needed), gentle)
    return np.asarray(np.maximum(np.where(left <= 0.0, -hardest, command), -hardest))


def behind(gap: Any, speed: Any, ahead: Any, time_gap: Any, standstill: float, hardest: float) -> Floats:
    """Command in m/s² behind another car: time gap, and never closer than one can brake for.

    gap (m, bumper to bumper), speed and ahead (m/s). [Milanés & Shladover 2014; braking distance: Gipps 1981]
    """
    spacing = gap - standstill - time_gap * speed
    linear = 0.25 * spacing + 0.8 * (ahead - speed)
    braked = gap - 0.5 * standstill + ahead * ahead / (2.0 * 5.0)
    needed = speed * speed / (2.0 * np.maximum(braked, 0.05))
    urgent = np.where(needed > 4.0, -needed, np.inf)
    return np.asarray(np.maximum(np.minimum(linear, urgent), -hardest))


def through_slot(distance: Any, speed: Any, left: Any, crossing_speed: Any, a: float, b: float, top: float) -> Floats:
    """Command in m/s² to be at the line in `left` s with `crossing_speed` (m/s): slow first, then a run-up.

        early:  u^2 + 2 u (a t - v) = 2 a d - v^2        cruise at u <= v, then accelerate from u to v
        late:   u^2 - 2 u (v + b t) + 2 b d + v^2 = 0    cruise at u > v, then slow down from u to v
    with d the distance (m), t the time left, v the crossing speed. In the run-up itself it accelerates as it must.
    """
    d, t, v = np.maximum(distance, 0.05), np.maximum(left, 0.05), crossing_speed
    early = a * t - v
    slow = np.sqrt(np.maximum(early * early + 2.0 * a * d - v * v, 0.0)) - early
    late = v + b * t
    fast = late - np.sqrt(np.maximum(late * late - 2.0 * b * d - v * v, 0.0))
    cruise = np.clip(np.where(v * t >= d, np.minimum(slow, v), np.maximum(fast, v)), 0.0, top)
    changing = (v * v - speed * speed) / (2.0 * d)
    runs_up = (d <= (v * v - speed * speed) / (2.0 * a) + 0.1 * speed + 0.2) & (speed < v)
    slows = (d <= (speed * speed - v * v) / (2.0 * b) + 0.1 * speed) & (speed > v)
    return np.where(runs_up | slows, np.clip(changing, -1.5 * b, 1.25 * a), to_speed(speed, cruise, a, b))
