"""Well clear with uncertain states: when a pair may be inside, for errors of position and velocity up to a bound.

DO-365's sensor uncertainty mitigation (SUM). Of all relative states within the errors the one is taken that enters
first; the stay ends when the one that leaves last has left. As in `well_clear`: m, m/s, ownship less intruder, scalars
or arrays (row,). [Narkawicz, Muñoz, Dutle: Sensor Uncertainty Mitigation and Dynamic Well Clear Volumes in DAIDALUS,
DASC 2018]
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from karyon.flight.well_clear import (
    Interval,
    Motion,
    Volume,
    horizontal_interval,
    inside_horizontally,
    lasting,
    vertical_interval,
)
from karyon.flight.well_clear import interval as certain_interval
from karyon.kernel.elementwise import maximum, minimum, where

LEAST = 0.001  # m and m/s: where one error is above 0, none counts as less

Vector = tuple[Any, Any]


class Errors(NamedTuple):
    """Bounds of the errors of a relative state: position and velocity, horizontal and vertical, in m and m/s."""

    position: Any
    altitude: Any
    velocity: Any
    climb: Any


@dataclass(frozen=True, slots=True)
class Scores:
    """How many standard deviations count as the bound of an error (in DAIDALUS: h_pos_z_score and its kind).

    velocity_near and velocity_far are for pairs at distance 0 and at `far` m or more, linear in between.
    """

    position: float = 0.0
    velocity_far: float = 0.0
    velocity_near: float = 0.0
    far: float = 0.0
    altitude: float = 0.0
    climb: float = 0.0


def largest_deviation(east: Any, north: Any, covariance: Any) -> Any:
    """Standard deviation along the axis on which it is largest.

    east, north   standard deviations
    covariance    its root, with its sign
    """
    east_square, north_square, signed_square = east * east, north * north, covariance * abs(covariance)
    mean = 0.5 * (east_square + north_square)
    apart = mean * mean - (east_square * north_square - signed_square * signed_square)
    return np.sqrt(maximum(0.0, mean + np.sqrt(maximum(0.0, apart))))


def bounded(scores: Scores, deviations: Errors, distance: Any) -> Errors:
    """Bounds of the errors of a pair `distance` m apart; `deviations` are the sums of both aircraft's standard ones."""
    position = scores.position * deviations.position
    share = minimum(1.0, maximum(0.0, distance - position) / scores.far) if scores.far > 0.0 else 1.0
    velocity = (1.0 - share) * scores.velocity_near + share * scores.velocity_far
    return Errors(
        position, scores.altitude * deviations.altitude, velocity * deviations.velocity, scores.climb * deviations.climb
    )


def interval(motion: Motion, errors: Errors, volume: Volume, horizon: Any) -> Interval:
    """When the pair may be inside of the volume within the next `horizon` s; without errors, when it is inside."""
    is_certain = (errors.position == 0.0) & (errors.altitude == 0.0) & (errors.velocity == 0.0) & (errors.climb == 0.0)
    certain = certain_interval(motion, volume, horizon)
    least = Errors(*(maximum(error, LEAST) for error in errors))
    level = _horizontal(motion, least, volume, horizon)
    vertical = _vertical(motion, least, volume, horizon)
    possible = lasting(maximum(level.begin, vertical.begin), minimum(level.end, vertical.end))
    return Interval(where(is_certain, certain.begin, possible.begin), where(is_certain, certain.end, possible.end))


def _horizontal(motion: Motion, errors: Errors, volume: Volume, horizon: Any) -> Interval:
    """First instant at which a pair within the errors may enter, last at which one may leave."""
    x, y, vx, vy = motion.x, motion.y, motion.vx, motion.vy
    distance, speed = np.sqrt(x * x + y * y), np.sqrt(vx * vx + vy * vy)
    reach = volume.distance + errors.position
    is_in = (distance <= reach) | inside_horizontally(x, y, vx, vy, volume)
    unknown = speed <= errors.velocity  # it may go anywhere: straight at us is the worst

    towards = horizontal_interval(
        distance - errors.position, 0.0 * distance, -(speed + errors.velocity), 0.0 * distance, volume, horizon
    )
    towards = lasting(*towards)

    (from_x, from_y), (to_x, to_y) = _worst_directions(x, y, vx, vy, errors)
    near, fast = distance - errors.position, speed + errors.velocity
    is_closing = from_x * to_x + from_y * to_y < 0.0
    worst = lasting(*horizontal_interval(near * from_x, near * from_y, fast * to_x, fast * to_y, volume, horizon))
    as_measured = lasting(*horizontal_interval(x, y, vx, vy, volume, horizon))
    first = where(is_closing, minimum(worst.begin, as_measured.begin), np.inf)

    begin = where(is_in, 0.0, where(unknown, towards.begin, first))
    stays = where((distance <= reach) | (towards.begin <= towards.end), horizon, -np.inf)
    end = where(unknown, stays, _last_exit(x, y, vx, vy, errors, reach))
    is_stay = (begin <= horizon) & (end >= 0.0) & (begin <= end)
    return lasting(where(is_stay, begin, np.inf), where(is_stay, minimum(horizon, end), -np.inf))


def _last_exit(x: Any, y: Any, vx: Any, vy: Any, errors: Errors, reach: Any) -> Any:
    """When the distance last outgrows `reach` and what the velocity's error adds to it; -inf where it never was less.

    |s + v t| = reach + v_error t
    """
    growth = vx * vx + vy * vy - errors.velocity * errors.velocity
    half = x * vx + y * vy - errors.velocity * reach
    root = half * half - growth * (x * x + y * y - reach * reach)
    grows = (growth > 0.0) & (root >= 0.0)
    return where(grows, (-half + np.sqrt(maximum(root, 0.0))) / where(grows, growth, 1.0), -np.inf)


def _worst_directions(x: Any, y: Any, vx: Any, vy: Any, errors: Errors) -> tuple[Vector, Vector]:
    """Unit vectors of the position and of the velocity that fit each other best for an encounter.

    Position and velocity each lie in a cone that its error opens. Where the cones share directions, one between them
    serves both (the pair then meets head-on); else it is the two rims that are nearest to each other.
    """
    rims = [_tangent(x, y, errors.position, side) for side in (-1.0, 1.0)]  # from the intruder's disc to the ownship
    ways = [_tangent(-vx, -vy, errors.velocity, side) for side in (-1.0, 1.0)]  # along the velocity
    way_in = [_between(rims[0], rims[1], way) for way in ways]
    rim_in = [_between(ways[0], ways[1], rim) for rim in rims]
    shared = [
        (way_in[0] & way_in[1], _middle(ways[0], ways[1])),
        (rim_in[0] & rim_in[1], _middle(rims[0], rims[1])),
        *((rim_in[i] & way_in[j], _middle(rims[i], ways[j])) for i in (0, 1) for j in (0, 1)),
    ]
    position, velocity = _nearest(rims, ways)
    for holds, middle in reversed(shared):  # the first that holds wins
        position = where(holds, middle[0], position[0]), where(holds, middle[1], position[1])
        velocity = where(holds, middle[0], velocity[0]), where(holds, middle[1], velocity[1])
    return (-position[0], -position[1]), velocity


def _nearest(rims: list[Vector], ways: list[Vector]) -> tuple[Vector, Vector]:
    """Of the two rims and the two ways, those with the smallest angle between them."""
    pairs = [(rim, way, rim[0] * way[0] + rim[1] * way[1]) for rim in rims for way in ways]
    (position, velocity, best), *others = pairs
    for rim, way, cosine in others:
        nearer = cosine > best
        position = where(nearer, rim[0], position[0]), where(nearer, rim[1], position[1])
        velocity = where(nearer, way[0], velocity[0]), where(nearer, way[1], velocity[1])
        best = maximum(best, cosine)
    return position, velocity


def _tangent(x: Any, y: Any, radius: Any, side: float) -> Vector:
    """Unit vector from (x, y) along the tangent to the circle of `radius` about the origin; any where it is inside."""
    square = x * x + y * y
    outside = maximum(square - radius * radius, 0.0)
    along, aside = -outside, side * radius * np.sqrt(outside)
    touches = outside <= 1e-13 * square  # a point on the circle: the tangent is across
    tangent_x = where(touches, side * y, along * x + aside * y)
    tangent_y = where(touches, -side * x, along * y - aside * x)
    return _unit(tangent_x, tangent_y)


def _unit(x: Any, y: Any) -> Vector:
    length = np.sqrt(x * x + y * y)
    length = where(length > 0.0, length, 1.0)
    return x / length, y / length


def _middle(one: Vector, other: Vector) -> Vector:
    return _unit(one[0] + other[0], one[1] + other[1])


def _cross(one: Vector, other: Vector) -> Any:
    return one[0] * other[1] - one[1] * other[0]


def _between(one: Vector, other: Vector, vector: Vector) -> Any:
    """Whether a direction lies in the cone (or its mirror image) that two others span."""
    turn = _cross(other, one)
    return (_cross(vector, one) * turn >= 0.0) & (_cross(vector, other) * turn <= 0.0)


def _vertical(motion: Motion, errors: Errors, volume: Volume, horizon: Any) -> Interval:
    """When a pair within the errors may be inside vertically: the union of above and below, climbing and sinking."""
    z_least, z_most = motion.z - errors.altitude, motion.z + errors.altitude
    vz_least, vz_most = motion.vz - errors.climb, motion.vz + errors.climb
    above = _from_above(maximum(z_least, 0.0), z_most, vz_least, vz_most, volume, horizon)
    below = _from_above(-minimum(z_most, 0.0), -z_least, -vz_most, -vz_least, volume, horizon)
    only_above = z_least >= 0.0
    only_below = ~only_above & (z_most <= 0.0)
    return _either(above, below, ~only_below, ~only_above, horizon)


def _from_above(z_least: Any, z_most: Any, vz_least: Any, vz_most: Any, volume: Volume, horizon: Any) -> Interval:
    """The same of a pair with the ownship above."""
    up = lasting(*vertical_interval(z_least, maximum(vz_least, 0.0), volume, horizon))
    entry = vertical_interval(z_least, vz_least, volume, horizon)
    exit_ = vertical_interval(z_most, minimum(vz_most, 0.0), volume, horizon)
    enters, leaves = entry.begin <= entry.end, exit_.begin <= exit_.end
    down = lasting(where(enters, entry.begin, np.inf), where(enters, where(leaves, exit_.end, horizon), -np.inf))
    only_up = vz_least >= 0.0
    only_down = ~only_up & (vz_most <= 0.0)
    return _either(up, down, ~only_down, ~only_up, horizon)


def _either(one: Interval, other: Interval, has_one: Any, has_other: Any, horizon: Any) -> Interval:
    """From the begin of the first to the end of the last of two stays, each only where it can be."""
    one = Interval(where(has_one, one.begin, np.inf), where(has_one, one.end, -np.inf))
    other = Interval(where(has_other, other.begin, np.inf), where(has_other, other.end, -np.inf))
    begin, end = minimum(one.begin, other.begin), maximum(one.end, other.end)
    return lasting(begin, minimum(horizon, end))
