"""Sideways motion of a vehicle on a road: the kinematic bicycle, in the coordinates of the road.

    s' = v cos(psi) / (1 - k d),   d' = v sin(psi),   psi' = v tan(steering) / wheelbase - k s'

[Rajamani 2012, sec. 2.2]

s (m) along the middle of the rightmost lane, d (m) to the left of it, psi the heading against that of the road, k (1/m)
the road's curvature. The reference point is the middle of the rear axle. Heading is kept as a unit vector and turned by
Cayley's formula, so that nothing but + - * / is computed and all rows have the same bits anywhere.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEERING_LAG = 0.1  # s, from a commanded curvature to that of the wheels
STEERING_MAX = 0.6  # tangent of the largest steering angle, 31 degrees
GRIP = 4.0  # m/s²: more lateral acceleration than that no command asks of the tyres
STEERING_RATE = 0.4  # 1/s, of the tangent of the steering angle


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where each car is on its road, arrays (row,).

    s, d            of the rear axle, m
    along, across   heading as unit vector: along the road, and to the left
    curvature       of the path that the wheels steer, 1/m
    """

    s: Floats
    d: Floats
    along: Floats
    across: Floats
    curvature: Floats


def advance(
    pose: Pose, distance: Floats, speed: Floats, command: Floats, road: Floats, step: float, wheelbase: float
) -> Pose:
    """The pose `step` s later.

    distance   m that the rear axle has moved, >= 0
    speed      m/s, at the beginning
    command    curvature asked for, 1/m; one that is not finite is ignored, and the last one held
    road       curvature of the road there, 1/m
    What the tyres or the steering cannot do is not done: angle, its rate, lateral acceleration are limited.
    """
    wanted = np.where(np.isfinite(command), command, pose.curvature)
    most = np.minimum(STEERING_MAX / wheelbase, GRIP / np.maximum(speed * speed, 1.0))
    wanted = np.minimum(np.maximum(wanted, -most), most)
    quickest = STEERING_RATE / wheelbase * step
    share = step / (STEERING_LAG + step)
    change = np.minimum(np.maximum(share * (wanted - pose.curvature), -quickest), quickest)
    curvature = pose.curvature + change
    mean = pose.curvature + 0.5 * change
    straight = distance * pose.along / (1.0 - road * pose.d)
    half = turned(pose, 0.5 * (mean * distance - road * straight))
    middle = pose.d + 0.5 * distance * half.across
    along = distance * half.along / (1.0 - road * middle)
    whole = turned(pose, mean * distance - road * along)
    return replace(whole, s=pose.s + along, d=pose.d + distance * half.across, curvature=curvature)


def turned(pose: Pose, angle: Floats) -> Pose:
    """The pose turned to the left by a small angle (rad): tan(angle / 2) is taken for angle / 2."""
    half = 0.5 * angle
    square = half * half
    cosine, sine = (1.0 - square) / (1.0 + square), 2.0 * half / (1.0 + square)
    along = pose.along * cosine - pose.across * sine
    across = pose.along * sine + pose.across * cosine
    return replace(pose, along=along, across=across)
