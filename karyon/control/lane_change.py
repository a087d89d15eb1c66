"""When a gap is large enough, and how a car makes room for another: the laws of a lane change."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.control import rss

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

AHEAD = 2.0  # s: so long before it crosses the line a car looks ahead, at the present relative speed


@dataclass(frozen=True, slots=True)
class Gap:
    """The gap in the lane beside, as far as it is known; arrays of one shape, SI units.

    front, rear             m bumper to bumper, negative: beside
    front_rate, rear_rate   m/s, by which these grow
    speed                   m/s, own
    """

    front: Floats
    rear: Floats
    front_rate: Floats
    rear_rate: Floats
    speed: Floats


def room(gap: Gap, reaction_time: Any, margin: Any, braking: float, ahead: float = 0.0) -> tuple[Floats, Floats]:
    """What the gap has beyond the safe distance and the `margin`, to the front and to the rear, m; NaN in, NaN out.

    reaction_time   s, of the own car to the front, and of the one behind
    braking         m/s², what all declare
    ahead           s, for which relative speeds that close are carried on
    """
    front_speed = np.maximum(0.0, gap.speed + gap.front_rate)
    rear_speed = np.maximum(0.0, gap.speed - gap.rear_rate)
    front = gap.front + ahead * np.minimum(0.0, gap.front_rate)
    rear = gap.rear + ahead * np.minimum(0.0, gap.rear_rate)
    return (
        front - margin - rss.safe_distance(gap.speed, front_speed, reaction_time, braking),
        rear - margin - rss.safe_distance(rear_speed, gap.speed, reaction_time, braking),
    )


@dataclass(frozen=True, slots=True)
class MakingRoom:
    """How a car falls back for a gap: gently, whatever it is told.

    a = max(-strongest, gain (v_rel + max(-opening, g excess)))    with g = gain_gap, or gain_near if excess > 0
    """

    strongest: float = 0.25  # m/s²: who coasts
    opening: float = 1.5  # m/s, by which a gap grows at most
    gain: float = 0.3  # 1/s, of speed
    gain_gap: float = 0.25  # 1/s, where the gap is too small
    gain_near: float = 0.05  # 1/s, where it is large enough, and may be come near to

    def acceleration(self, excess: Any, rate: Any) -> Floats:
        """At most so much, m/s², any shape; infinite (no limit) where what it is told is NaN.

        excess   m, by which the gap is larger than wanted
        rate     m/s, by which it grows
        """
        wanted = np.maximum(-self.opening, np.where(excess < 0.0, self.gain_gap, self.gain_near) * excess)
        limit = self.gain * (rate + wanted)
        return np.where(np.isnan(limit), np.inf, np.maximum(limit, -self.strongest))


ALONE = MakingRoom(strongest=1.5, opening=np.inf, gain=1.0, gain_gap=0.25, gain_near=0.25)  # nobody makes room for it
