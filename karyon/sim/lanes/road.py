"""A road of several lanes, straight and curved: from place along it to curvature, and to the plane."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from karyon.sim.lanes.scenario import LaneChangeScenario, LaneEndSection

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TRANSITION = 100.0  # m over which a curve begins and ends, as clothoids do: nobody turns a steering wheel at once
FAR = 1e9  # m
FASTEST, KNOWN = 60.0, 1e6  # m/s, m: no car comes further in a run; and so far the road is known in the plane
STEP = 1.0  # m between places in the plane that are known; between two of them the road is an arc


class Road:
    """Lanes side by side, lane 0 rightmost; s (m) runs along the middle of lane 0, d (m) to the left of it.

    pieces   length (m) and curvature (1/m, positive to the left) of each; the last one goes on
    length   m, as far as it is known in the plane; behind that it leads straight on there
    end      the lane that ends, and where
    """

    end: "LaneEndSection | None" = None

    def __init__(
        self,
        lanes: int,
        width: float,
        pieces: Sequence[tuple[float, float]],
        length: float,
        end: "LaneEndSection | None" = None,
    ) -> None:
        self.lanes, self.width, self.end = lanes, width, end
        lengths, curvatures = np.array(pieces, dtype=float).T
        ends = np.cumsum(lengths)[:-1]
        half = 0.5 * np.minimum(TRANSITION, np.minimum(lengths[:-1], lengths[1:]))
        place = np.concatenate([[0.0], np.column_stack([ends - half, ends + half]).ravel(), [FAR]])
        self._lay(place, np.repeat(curvatures, 2), length, (0.0, 0.0, 0.0))

    def _lay(self, place: Floats, curvature: Floats, length: float, begin: tuple[float, float, float]) -> None:
        """Lay the middle of lane 0 into the plane from `begin` (x, y in m, heading in rad); curvature is linear."""
        self.length = length
        self._place, self._curvature = place, curvature
        self._growth = np.append(np.diff(self._curvature) / np.maximum(np.diff(self._place), 1e-9), 0.0)
        at = np.arange(0.0, length + STEP, STEP)
        bend, (x, y, heading) = self.curvature(at), begin
        self._heading = np.concatenate([[heading], heading + np.cumsum(0.5 * STEP * (bend[:-1] + bend[1:]))])
        middle = self._heading[:-1] + 0.5 * np.diff(self._heading)
        chord = STEP * np.sinc(0.5 * np.diff(self._heading) / np.pi)
        self._x = np.concatenate([[x], x + np.cumsum(chord * np.cos(middle))])
        self._y = np.concatenate([[y], y + np.cumsum(chord * np.sin(middle))])

    @classmethod
    def of(cls, scenario: "LaneChangeScenario") -> "Road":
        """The road of a scenario, known as far as a car could come."""
        road = scenario.road
        pieces = [(one.length, 0.0 if one.radius is None else 1.0 / one.radius) for one in road.pieces]
        length = min(FASTEST * scenario.duration, KNOWN) + sum(one.length for one in road.pieces[:-1])
        return cls(road.lanes, road.lane_width, pieces, length, road.lane_end)

    def left(self, lane: Integers, s: Floats) -> Floats:
        """From s to where each lane ends, m; infinite: it does not."""
        if self.end is None:
            return np.full(np.shape(s), np.inf)
        return np.where(lane == self.end.lane, self.end.at - s, np.inf)

    def curvature(self, s: Floats) -> Floats:
        """Curvature at s, 1/m, any shape."""
        part = self._part(s)
        return np.asarray(self._curvature[part] + self._growth[part] * (s - self._place[part]))

    def curvature_rate(self, s: Floats) -> Floats:
        """By how much the curvature grows along the road, 1/m²."""
        return np.asarray(self._growth[self._part(s)])

    def middle(self, lane: Integers, s: Floats) -> Floats:
        """d of the middle of each lane at s, m."""
        return np.asarray(lane * self.width)

    def half(self, lane: Integers, s: Floats) -> Floats:
        """Half of the width of each lane at s, m."""
        return np.asarray(0.5 * self.width)

    def slope(self, lane: Integers, s: Floats) -> Floats:
        """By how much the middle of each lane moves to the left along the road, m per m."""
        return np.asarray(0.0)

    def lane(self, d: Floats, s: Floats) -> Integers:
        """The lane in which d is, the outermost one beyond the edge."""
        return np.clip(np.floor(d / self.width + 0.5), 0, self.lanes - 1).astype(np.int64)

    def plane(self, s: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
        """x, y (m) and heading of the road (rad) at s and d, any shape."""
        known = np.clip(np.floor(s / STEP), 0, len(self._x) - 1).astype(np.int64)
        way = s - STEP * known
        bend = np.where(known < len(self._x) - 1, self.curvature(STEP * known + 0.5 * way), 0.0)
        half = 0.5 * bend * way
        chord = way * np.sinc(half / np.pi)
        heading = self._heading[known]
        turned = heading + 2.0 * half
        x = self._x[known] + chord * np.cos(heading + half) - d * np.sin(turned)
        y = self._y[known] + chord * np.sin(heading + half) + d * np.cos(turned)
        return np.asarray(x), np.asarray(y), np.asarray(turned)

    def _part(self, s: Floats) -> Integers:
        return np.clip(np.searchsorted(self._place, s, side="right") - 1, 0, len(self._place) - 2)
