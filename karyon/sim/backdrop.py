"""What lies under the vehicles of a run, in the plane: a road that bends, a crossing with its zones, routes in air."""

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
    shown     lowest and highest x, lowest and highest y that a picture shows, m; None: what is around the selected car
    around    of the air: m around all aircraft, to which a picture is fitted, north up; None: there is ground
    """

    ground: Sequence[Floats]
    lines: Sequence[Floats] = ()
    dashes: Floats = field(default_factory=lambda: np.empty((0, 2, 2)))
    zones: Mapping[str, Floats] = field(default_factory=dict)
    shown: tuple[float, float, float, float] | None = None
    around: float | None = None
