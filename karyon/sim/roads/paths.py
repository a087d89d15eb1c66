"""Paths by arc length: pieces of constant curvature, one behind the other.

path = Path.of((1.75, -158.0), heading=pi / 2, pieces=[(150.0, 0.0), (15.3, 1 / 9.75), (60.0, 0.0)])
x, y, heading = path.at(s)          # of any shape
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Where one drives: pieces of constant curvature.

    start      arc length at which each piece begins, m (piece,)
    x, y       where it begins, m (piece,)
    heading    with which it begins, rad, 0 along x (piece,)
    curvature  of it, 1/m, positive to the left (piece,)
    length     of the whole, m
    """

    start: Floats
    x: Floats
    y: Floats
    heading: Floats
    curvature: Floats
    length: float

    @classmethod
    def of(cls, begin: tuple[float, float], heading: float, pieces: Sequence[tuple[float, float]]) -> Path:
        """The path from `begin` (m) in the direction of `heading` (rad); a piece is (length, curvature).

        ValueError: a piece of no length.
        """
        if any(not length > 0.0 for length, _ in pieces):
            raise ValueError(f"pieces of a path are longer than 0 m, found {pieces}")
        found: list[tuple[float, float, float, float, float]] = []
        s, (x, y) = 0.0, begin
        for length, curvature in pieces:
            found.append((s, x, y, heading, curvature))
            x, y, heading = (float(each) for each in _along(x, y, heading, curvature, np.asarray(length)))
            s += length
        start, xs, ys, headings, curvatures = np.array(found).T
        return cls(start, xs, ys, headings, curvatures, s)

    def at(self, s: Floats) -> tuple[Floats, Floats, Floats]:
        """Place in m and heading in rad at arc length `s` (m); beyond its ends a path goes on as it began or ended."""
        piece = np.clip(np.searchsorted(self.start, s, side="right") - 1, 0, len(self.start) - 1)
        ahead = s - self.start[piece]
        return _along(self.x[piece], self.y[piece], self.heading[piece], self.curvature[piece], ahead)


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Some paths, each with as many pieces, so that cars on different ones are placed at once."""

    each: tuple[Path, ...]
    _stacked: dict[str, Floats] = field(init=False)

    def __post_init__(self) -> None:
        names = ("start", "x", "y", "heading", "curvature")
        stacked = {name: np.stack([getattr(one, name) for one in self.each]) for name in names}
        object.__setattr__(self, "_stacked", stacked)

    def at(self, path: Integers, s: Floats) -> tuple[Floats, Floats, Floats]:
        """As `Path.at`, of cars on path number `path` (car,) at `s` (car,)."""
        starts = self._stacked["start"][path]
        piece = np.clip((starts <= s[:, None]).sum(axis=1) - 1, 0, starts.shape[1] - 1)
        begin = {name: table[path, piece] for name, table in self._stacked.items()}
        return _along(begin["x"], begin["y"], begin["heading"], begin["curvature"], s - begin["start"])


def turned(point: tuple[float, float], by: float) -> tuple[float, float]:
    """A point turned around the origin by an angle in rad, to the left."""
    return cos(by) * point[0] - sin(by) * point[1], sin(by) * point[0] + cos(by) * point[1]


def _along(
    x: float | Floats, y: float | Floats, heading: float | Floats, curvature: float | Floats, ahead: Floats
) -> tuple[Floats, Floats, Floats]:
    """From a place and heading `ahead` metres along an arc: its chord has the mean of the two headings."""
    turn = np.asarray(curvature * ahead)
    chord = ahead * np.sinc(0.5 * turn / np.pi)  # sin(t/2) / (t/2)
    middle = heading + 0.5 * turn
    return np.asarray(x + chord * np.cos(middle)), np.asarray(y + chord * np.sin(middle)), np.asarray(heading + turn)
