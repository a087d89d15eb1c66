"""Oriented boxes of vehicles: do two of them overlap? By separating axes. [Gottschalk, Lin, Manocha 1996]"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Rectangles in the plane; arrays of one shape, or numbers.

    x, y            centre, m
    along, across   unit vector of the long axis
    length, width   m, > 0
    """

    x: Floats
    y: Floats
    along: Floats
    across: Floats
    length: Floats | float
    width: Floats | float


def overlap(one: Boxes, other: Boxes) -> Booleans:
    """Whether each box of `one` overlaps that of `other`; shapes broadcast. Boxes that only touch do not. NaN: no.

    Two convex bodies are apart just where one of the axes of their sides separates them: of two boxes there are four.
    """
    x, y = other.x - one.x, other.y - one.y
    turn = np.abs(one.along * other.along + one.across * other.across)  # |cos| of the angle between them
    lean = np.abs(one.along * other.across - one.across * other.along)  # |sin|
    return np.asarray(
        _meets(one, x, y, other.length * turn + other.width * lean, other.length * lean + other.width * turn)
        & _meets(other, x, y, one.length * turn + one.width * lean, one.length * lean + one.width * turn)
    )


def _meets(box: Boxes, x: Floats, y: Floats, long: Floats, wide: Floats) -> Booleans:
    """Whether neither axis of `box` separates it from a box (x, y) away that is `long` and `wide` along these axes."""
    return np.asarray(
        (2.0 * np.abs(x * box.along + y * box.across) < box.length + long)
        & (2.0 * np.abs(y * box.along - x * box.across) < box.width + wide)
    )
