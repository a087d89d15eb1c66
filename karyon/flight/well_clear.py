"""Well clear as DO-365 defines it: a volume in distance, altitude and modified tau, and when aircraft are inside.

    inside     now, from relative position and velocity
    interval   first and last instant inside, if both keep their velocity

Relative means ownship less intruder; x is east, y north, z up, in m and m/s. All are scalars or arrays (row,) that
broadcast. Modified tau is the time to DMOD that a closing pair has by range and range rate:

    tau_mod = (DMOD² - s²) / (s · v)    where s · v < 0

[RTCA DO-365B, app. C; Muñoz, Narkawicz, Chamberlain, Consiglio, Upchurch: A Family of Well-Clear Boundary Models for
the Integration of UAS in the NAS, AIAA 2014-2412]
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.flight.units import FOOT
from karyon.kernel.elementwise import maximum, minimum, where

Floats = NDArray[np.float64]

STILL = 1e-12  # m/s; slower counts as no motion at all
TIE = 1e-9  # s; instants nearer to each other than this count as one


@dataclass(frozen=True, slots=True)
class Volume:
    """Thresholds of a well-clear volume (in DAIDALUS: WCV_DTHR, WCV_ZTHR, WCV_TTHR, WCV_TCOA).

    distance    m, > 0: DMOD, and HMD at the closest point of approach
    altitude    m, > 0: ZTHR
    tau         s, >= 0: modified tau at which a closing pair is no longer well clear
    coaltitude  s, >= 0: time to the same altitude at which it is not
    """

    distance: float
    altitude: float
    tau: float
    coaltitude: float = 0.0


NEAR_MID_AIR_COLLISION = Volume(distance=500 * FOOT, altitude=100 * FOOT, tau=0.0)
"""Near mid-air collision (NMAC): 500 ft and 100 ft. [RTCA SC-147]"""


class Motion(NamedTuple):
    """Relative position and velocity."""

    x: Any
    y: Any
    z: Any
    vx: Any
    vy: Any
    vz: Any


class Interval(NamedTuple):
    """First and last instant of a stay, in s from now; `begin` inf and `end` -inf where there is none."""

    begin: Any
    end: Any


def interval(motion: Motion, volume: Volume, horizon: Any) -> Interval:
    """When the pair is inside of the volume within the next `horizon` s, both keeping their velocity."""
    vertical = vertical_interval(motion.z, motion.vz, volume, horizon)
    is_level = vertical.begin <= vertical.end
    since = where(is_level, vertical.begin, 0.0)
    x, y = motion.x + since * motion.vx, motion.y + since * motion.vy
    window = where(is_level, vertical.end - since, 0.0)
    level = horizontal_interval(x, y, motion.vx, motion.vy, volume, window)
    return lasting(where(is_level, since + level.begin, np.inf), where(is_level, since + level.end, -np.inf))


def horizontal_interval(x: Any, y: Any, vx: Any, vy: Any, volume: Volume, horizon: Any) -> Interval:
    """When the pair is inside of DMOD and modified tau, altitude left out.

    Inside while s² <= DMOD², or while closing to less than HMD with tau_mod <= TTHR. With s + v t for s the latter is
    v² t² + (2 s·v + TTHR v²) t + s² + TTHR s·v - DMOD² <= 0.
    """
    range_square, speed_square, closing = x * x + y * y, vx * vx + vy * vy, x * vx + y * vy
    beyond = range_square - volume.distance * volume.distance
    across = x * vy - y * vx
    passes = volume.distance * volume.distance * speed_square - across * across  # > 0: to less than HMD
    stands = speed_square <= STILL * STILL
    speed_square = where(stands, 1.0, speed_square)
    leaving = (-closing + np.sqrt(maximum(passes, 0.0))) / speed_square
    half = closing + 0.5 * volume.tau * speed_square
    root = half * half - speed_square * (beyond + volume.tau * closing)
    entering = (-half - np.sqrt(maximum(root, 0.0))) / speed_square
    is_near = beyond <= 0.0
    comes = (closing < 0.0) & (root >= 0.0) & (passes >= 0.0) & (entering <= horizon)
    is_inside = is_near | comes
    begin = where(is_near, 0.0, maximum(0.0, entering))
    end = where(stands, horizon, minimum(horizon, leaving))
    return Interval(where(is_inside, begin, np.inf), where(is_inside, end, -np.inf))


def vertical_interval(z: Any, vz: Any, volume: Volume, horizon: Any) -> Interval:
    """When the pair is inside of ZTHR, or less than the time to the same altitude away from it."""
    stands = abs(vz) <= STILL
    rate = where(stands, 1.0, vz)
    direction = where(rate > 0.0, 1.0, -1.0)
    reach = maximum(volume.altitude, abs(rate) * volume.coaltitude)
    begin = where(stands, 0.0, (-direction * reach - z) / rate)
    end = where(stands, horizon, (direction * volume.altitude - z) / rate)
    is_inside = where(stands, abs(z) <= volume.altitude, (begin <= horizon) & (end >= 0.0))
    return Interval(where(is_inside, maximum(0.0, begin), np.inf), where(is_inside, minimum(horizon, end), -np.inf))


def inside_horizontally(x: Any, y: Any, vx: Any, vy: Any, volume: Volume) -> Any:
    """Whether the pair is inside of DMOD and modified tau now, altitude left out."""
    range_square, closing = x * x + y * y, x * vx + y * vy
    within = volume.distance * volume.distance
    across, speed_square = x * vy - y * vx, vx * vx + vy * vy
    is_closing = closing < 0.0
    modified_tau = (within - range_square) / where(is_closing, closing, -1.0)
    comes = is_closing & (across * across <= within * speed_square) & (modified_tau <= volume.tau)
    return (range_square <= within) | comes


def inside(motion: Motion, volume: Volume) -> Any:
    """Whether the pair is not well clear now."""
    is_converging = (motion.vz != 0.0) & (motion.z * motion.vz <= 0.0)
    soon = is_converging & (abs(motion.z) <= volume.coaltitude * abs(motion.vz))
    is_level = (abs(motion.z) <= volume.altitude) | soon
    return is_level & inside_horizontally(motion.x, motion.y, motion.vx, motion.vy, volume)


def closest_approach(motion: Motion) -> tuple[Any, Any]:
    """Time in s to the closest point of approach in the horizontal plane (0 when diverging), and the distance there."""
    speed_square = motion.vx * motion.vx + motion.vy * motion.vy
    stands = speed_square <= STILL * STILL
    closing = motion.x * motion.vx + motion.y * motion.vy
    time = where(stands, 0.0, maximum(0.0, -closing / where(stands, 1.0, speed_square)))
    x, y = motion.x + time * motion.vx, motion.y + time * motion.vy
    return time, np.sqrt(x * x + y * y)


def lasting(begin: Any, end: Any) -> Interval:
    """The interval, or none where it does not last: a touch is no stay."""
    lasts = end - begin > TIE
    return Interval(where(lasts, begin, np.inf), where(lasts, end, -np.inf))
