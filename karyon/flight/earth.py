"""The Earth of detect and avoid: a sphere on which a nautical mile is a minute of arc, and its plane at the ownship.

DAIDALUS measures on this sphere, and its published numbers are met on no other: separations on WGS84 differ from them
by up to 0.5 %. Angles are in rad, lengths in m; scalars or arrays that broadcast; NaN in, NaN out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.flight.units import NAUTICAL_MILE

Floats = NDArray[np.float64]

RADIUS = NAUTICAL_MILE * 60.0 * 180.0 / np.pi  # m

STEP = 10.0  # s over which a velocity on the sphere is taken onto the plane, as DAIDALUS does


def projected(latitude: Any, longitude: Any, origin_latitude: Any, origin_longitude: Any) -> tuple[Floats, Floats]:
    """East and north of the origin in m, in the plane that touches the sphere there (orthographic projection).

    A longitude beyond the antimeridian and a position beyond a pole need no care: only the sine and cosine of the
    difference count. NaN beyond the horizon (a quarter of the Earth away), where two points of it have one picture.
    [Snyder 1987, eq. 20-3, 20-4]
    """
    apart = np.subtract(longitude, origin_longitude)
    sin_origin, cos_origin = np.sin(origin_latitude), np.cos(origin_latitude)
    sin_latitude, cos_latitude = np.sin(latitude), np.cos(latitude)
    east = RADIUS * cos_latitude * np.sin(apart)
    north = RADIUS * (cos_origin * sin_latitude - sin_origin * cos_latitude * np.cos(apart))
    is_seen = sin_origin * sin_latitude + cos_origin * cos_latitude * np.cos(apart) >= 0.0
    return np.where(is_seen, east, np.nan), np.where(is_seen, north, np.nan)


def moved(latitude: Any, longitude: Any, east: Any, north: Any) -> tuple[Floats, Floats]:
    """Latitude and longitude after a way (m) along the great circle that leaves in direction (east, north)."""
    way = np.hypot(east, north)
    sin_angle, cos_angle = np.sin(way / RADIUS), np.cos(way / RADIUS)
    moves = way > 0.0
    cos_track = np.divide(north, way, out=np.ones_like(way), where=moves)
    sin_track = np.divide(east, way, out=np.zeros_like(way), where=moves)
    sin_start, cos_start = np.sin(latitude), np.cos(latitude)
    sin_end = sin_start * cos_angle + cos_start * sin_angle * cos_track
    turned = np.arctan2(sin_track * sin_angle * cos_start, cos_angle - sin_start * sin_end)
    return np.arcsin(np.clip(sin_end, -1.0, 1.0)), np.asarray(longitude + turned)


def projected_velocity(
    latitude: Any, longitude: Any, east: Any, north: Any, origin_latitude: Any, origin_longitude: Any
) -> tuple[Floats, Floats]:
    """Velocity (east, north at the aircraft, m/s) in the plane at the origin, as the mean over `STEP`."""
    at_x, at_y = projected(latitude, longitude, origin_latitude, origin_longitude)
    later = moved(latitude, longitude, np.multiply(east, STEP), np.multiply(north, STEP))
    then_x, then_y = projected(*later, origin_latitude, origin_longitude)
    return (then_x - at_x) / STEP, (then_y - at_y) / STEP


def distance(latitude: Any, longitude: Any, other_latitude: Any, other_longitude: Any) -> Floats:
    """Distance along the sphere in m (haversine)."""
    up, across = np.subtract(latitude, other_latitude) / 2.0, np.subtract(longitude, other_longitude) / 2.0
    square = np.sin(up) ** 2 + np.cos(latitude) * np.cos(other_latitude) * np.sin(across) ** 2
    return np.asarray(2.0 * RADIUS * np.arcsin(np.sqrt(np.clip(square, 0.0, 1.0))))
