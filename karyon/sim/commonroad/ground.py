"""The lanelets of a CommonRoad file as a picture shows them."""

from pathlib import Path

import numpy as np

from karyon.sim.backdrop import Backdrop
from karyon.sim.commonroad import file


def backdrop(path: Path) -> Backdrop:
    """Of the file: each lanelet with its two bounds. Raises InputError."""
    lanelets = file.read(path).lanelets
    ground = [np.concatenate([one.right, one.left[::-1]]) for one in lanelets]
    lines = [bound for one in lanelets for bound in (one.right, one.left)]
    return Backdrop(ground, lines, np.empty((0, 2, 2)))
