"""How critical the motion of one car is with respect to others: measures of time, as `commonroad-crime` defines them.

Arrays are (instant,), of instants `step` s apart, unless something else is said; boxes are `karyon.sim.boxes.Boxes`.
[Westhofen et al. 2023, Criticality metrics for automated driving; Lin & Althoff 2023, CommonRoad-CriMe]
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.sim.boxes import Boxes, overlap

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

THRESHOLD = 2.0  # s: a time to collision below it is critical
STEADY = 0.1  # m/s²: two cars whose accelerations differ by no more are taken as of constant speed


def time_to_collision_of_path(own: Boxes, other: Boxes, step: float) -> float:
    """TTC*: time in s until a car that goes its way touches another one (instant,); inf: never."""
    return _first(overlap(own, other), step)


def headway(own_front: Any, other_rear: Any) -> Floats:
    """HW: distance in m from a front bumper to the rear bumper ahead, along the lane; inf where that is not ahead."""
    gap = np.asarray(other_rear - own_front, dtype=np.float64)
    return np.where(gap >= 0.0, gap, inf)


def time_headway(own_front: Floats, other_rear: float, step: float) -> float:
    """THW: time in s until a front bumper is where the rear bumper ahead is at the first instant; inf: never.

    own_front   m along the lane, at each instant of the way that the car goes
    """
    return _first(own_front > other_rear, step) if own_front[0] <= other_rear else inf


def time_to_collision(gap: Any, relative_speed: Any, relative_acceleration: Any) -> Floats:
    """TTC in s at constant accelerations; inf: they never meet. [Brännström 2011, eq. 5.26]

        gap + v t + a t² / 2 = 0

    gap                                     m, infinite: nobody ahead
    relative_speed, relative_acceleration   of the car ahead less own, m/s, m/s²; negative: closing
    """
    gap, v, a = (np.asarray(each, dtype=np.float64) for each in (gap, relative_speed, relative_acceleration))
    known, closes = np.isfinite(gap), v < 0.0
    steady = closes & (np.abs(a) <= STEADY)
    square = v * v - 2.0 * np.where(known, gap, 0.0) * a
    meets = ~steady & (square >= 0.0) & ((closes & (a != 0.0)) | (~closes & (a < 0.0)))
    even = np.where(known, gap, 0.0) / np.where(closes, -v, 1.0)
    bent = (-v - np.sqrt(np.maximum(square, 0.0))) / np.where(a != 0.0, a, 1.0)
    return np.where(known & steady, even, np.where(known & meets, bent, inf))


def time_exposed(times: Floats, step: float, threshold: float = THRESHOLD) -> float:
    """TET: for how long in s the time to collision was at most the threshold. [Minderhoud & Bovy 2001]"""
    return float((times <= threshold).sum() * step)


def time_integrated(times: Floats, step: float, threshold: float = THRESHOLD) -> float:
    """TIT in s²: by how much the time to collision was below the threshold, over time. [Minderhoud & Bovy 2001]"""
    return float(np.maximum(threshold - times, 0.0).sum() * step)


def worst_time_to_collision(
    apart: tuple[float, float], relative_velocity: tuple[float, float], radii: float, accelerations: float
) -> float:
    """WTTC in s: both may accelerate in any direction from now on. [Wachenfeld et al. 2016]

        |apart + relative_velocity t| = radii + accelerations t² / 2

    apart               from the one to the other, m
    radii               sum of the radii of the discs around both, m
    accelerations       sum of what both can reach, m/s²
    """
    x, y = apart
    u, v = relative_velocity
    polynomial = [
        -0.25 * accelerations**2,
        0.0,
        u * u + v * v - accelerations * radii,
        2.0 * (u * x + v * y),
        x * x + y * y - radii**2,
    ]
    roots = np.roots(polynomial)
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0)]
    return float(real.min()) if len(real) else inf


def disc(length: float, width: float) -> float:
    """Radius in m of each of the three discs that cover a rectangle."""
    return float(np.hypot(length / 6.0, 0.5 * width))


def time_to_closest_encounter(own: Boxes, other: Boxes, step: float) -> float:
    """TTCE: time in s until two cars that go their ways are nearest to each other, for the first time."""
    return float(distance(own, other).argmin() * step)


def time_to_brake(
    own: Boxes,
    velocity: Floats,
    other: Boxes,
    step: float,
    *,
    braking: float = 8.0,
    jerk: float = 25.0,
) -> float:
    """TTB: the last time in s at which to begin to brake avoids touching; -inf: none does, inf: it need not brake.

    own, velocity      the way that it goes (instant,), and its velocity in the plane, m/s (instant, 2)
    other              boxes (instant,), or (obstacle, 1) for what stands
    braking, jerk      how hard, m/s², and how quickly, m/s³, the point mass brakes. [Tamke et al. 2011]
    """
    if not overlap(own, other).any():
        return inf
    safe = [not overlap(_braked(own, velocity, at, step, braking, jerk), other).any() for at in range(len(velocity))]
    return float((safe.index(False) - 1) * step) if safe[0] else -inf


def distance(one: Boxes, other: Boxes) -> Floats:
    """Smallest distance between boxes in m, 0 where they overlap; shapes broadcast."""
    mine, theirs = _corners(one), _corners(other)
    near = np.minimum(_to_edges(mine, theirs), _to_edges(theirs, mine))
    return np.where(overlap(one, other), 0.0, near)


def _first(happens: Booleans, step: float) -> float:
    return float(happens.argmax() * step) if happens.any() else inf


def _braked(own: Boxes, velocity: Floats, at: int, step: float, braking: float, jerk: float) -> Boxes:
    """The boxes of a car that begins to brake at instant `at`, in the direction in which it moves then."""
    x, y = own.x.copy(), own.y.copy()
    along, across = own.along.copy(), own.across.copy()
    (u, v), strength = velocity[at], 0.0
    for instant in range(at + 1, len(x)):
        speed = float(np.hypot(u, v))
        strength = min(strength + jerk * step, braking)
        share = min(strength * step / speed, 1.0) if speed > 0.0 else 1.0
        way = (1.0 - 0.5 * share) * step
        x[instant], y[instant] = x[instant - 1] + u * way, y[instant - 1] + v * way
        u, v = u * (1.0 - share), v * (1.0 - share)
        along[instant], across[instant] = along[at], across[at]
    return replace(own, x=x, y=y, along=along, across=across)


def _corners(box: Boxes) -> Floats:
    """In order around the box (corner, 2, ...)."""
    corners = []
    for length, width in ((0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5)):
        ahead, aside = length * np.asarray(box.length), width * np.asarray(box.width)
        corners.append([box.x + ahead * box.along - aside * box.across, box.y + ahead * box.across + aside * box.along])
    return np.array([np.broadcast_arrays(*each) for each in corners])


def _to_edges(points: Floats, corners: Floats) -> Floats:
    """Smallest distance from any of the points (corner, 2, ...) to any edge between the corners (corner, 2, ...)."""
    near = []
    for point in points:
        for begin, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            edge, to = end - begin, point - begin
            share = np.clip((to * edge).sum(axis=0) / (edge * edge).sum(axis=0), 0.0, 1.0)
            near.append(np.hypot(*(to - share * edge)))
    return np.asarray(np.min(np.broadcast_arrays(*near), axis=0))
