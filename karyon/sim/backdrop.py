"""What lies under the cars of a run, in the plane: a road that bends, a crossing with its conflict zones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """Polygons and lines in the plane of the trace's `x` and `y`, each (point, 2) in m.

    ground    where cars can drive
    zones     by name, where only one may be
    lines     edges, stop lines
    dashes    between lanes, from where to where (dash, 2, 2)
    is_small  whether all of it fits into a picture; else the picture shows what is around the selected car
    """

    ground: Sequence[Floats]
    lines: Sequence[Floats] = ()
    dashes: Floats = field(default_factory=lambda: np.empty((0, 2, 2)))
    zones: Mapping[str, Floats] = field(default_factory=dict)
    is_small: bool = False

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Lowest and highest x, lowest and highest y, m."""
        points = np.concatenate(self.ground)
        (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
        return float(left), float(right), float(bottom), float(top)
