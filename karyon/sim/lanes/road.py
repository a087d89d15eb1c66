"""A road of several lanes, straight and curved: from place along it to curvature, and to the plane."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Road:
    """Lanes side by side, lane 0 rightmost; s (m) runs along the middle of lane 0, d (m) to the left of it.

    sections   length (m) and curvature (1/m, positive to the left) of each piece; the last one goes on
    """

    def __init__(self, lanes: int, width: float, sections: Sequence[tuple[float, float]]) -> None:
        self.lanes, self.width = lanes, width
        lengths, self._curvature = np.array(sections, dtype=float).T
        self._start = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        turned = np.concatenate([[0.0], np.cumsum(lengths * self._curvature)[:-1]])
        self._heading = turned
        corner_x, corner_y = [0.0], [0.0]
        for length, curvature, heading in zip(lengths[:-1], self._curvature[:-1], turned[:-1], strict=True):
            x, y = _arc(np.array(length), np.array(curvature), np.array(heading))
            corner_x.append(corner_x[-1] + float(x))
            corner_y.append(corner_y[-1] + float(y))
        self._x, self._y = np.array(corner_x), np.array(corner_y)

    def curvature(self, s: Floats) -> Floats:
        """Curvature at s, 1/m, any shape."""
        return np.asarray(self._curvature[self._section(s)])

    def middle(self, lane: Integers) -> Floats:
        """d of the middle of each lane, m."""
        return np.asarray(lane * self.width)

    def lane(self, d: Floats) -> Integers:
        """The lane in which d is, the outermost one beyond the edge."""
        return np.clip(np.floor(d / self.width + 0.5), 0, self.lanes - 1).astype(np.int64)

    def plane(self, s: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
        """x, y (m) and heading of the road (rad) at s and d, any shape."""
        section = self._section(s)
        curvature, heading = self._curvature[section], self._heading[section]
        way = s - self._start[section]
        x, y = _arc(way, curvature, heading)
        turned = heading + curvature * way
        return (
            np.asarray(self._x[section] + x - d * np.sin(turned)),
            np.asarray(self._y[section] + y + d * np.cos(turned)),
            np.asarray(turned),
        )

    def _section(self, s: Floats) -> Integers:
        return np.maximum(np.searchsorted(self._start, s, side="right") - 1, 0)


def _arc(way: Floats, curvature: Floats, heading: Floats) -> tuple[Floats, Floats]:
    """From the start of an arc to `way` along it: x and y, m."""
    half = 0.5 * curvature * way
    chord = way * np.sinc(half / np.pi)
    return np.asarray(chord * np.cos(heading + half)), np.asarray(chord * np.sin(heading + half))
