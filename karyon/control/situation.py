"""What a law of car following may read."""

from typing import Any, NamedTuple, TypeAlias

from karyon.kernel.elementwise import at_least, at_most
from karyon.kernel.runtime import Booleans, Floats

__all__ = ["Booleans", "Floats", "Situation", "spacing_error"]

Number: TypeAlias = Any  # or an array of them


class Situation(NamedTuple):
    """What a law may read of a row; arrays (row,), SI units. NaN only where a level's rules forbid it.

    The leader is that of the platoon: no level needs it, so what is not known of it is NaN at any level.
    """

    gap: Floats  # bumper to bumper, m; the sensor's range when the road is open
    speed: Floats
    relative_speed: Floats  # negative when closing
    road_open: Booleans  # no object within range
    front_command: Floats  # intended acceleration of the car ahead, received
    front_speed: Floats  # received
    leader_command: Floats  # intended acceleration of the platoon's leader, received
    leader_acceleration: Floats  # received
    leader_speed: Floats  # received
    set_speed: Floats


def spacing_error(seen: Situation, standstill: Number, time_gap: Number, bound: Number) -> Any:
    """Gap beyond the wanted one in m, cut at +- `bound`: so much of it a law acts upon."""
    error = seen.gap - standstill - time_gap * seen.speed
    return at_most(bound, at_least(-bound, error))
