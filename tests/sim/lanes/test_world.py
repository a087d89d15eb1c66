"""Who is whose neighbour on a road of several lanes."""

import numpy as np
import pytest

from karyon.sim import kinds
from karyon.sim.lanes.world import FRONT


@pytest.mark.parametrize(("speed", "front"), [(10.0, 2), (22.0, 1)])
def test_ahead_in_two_lanes_is_who_would_stop_first(speed, front):
    """The first car moves over: the nearest is in the lane that it comes to, one in the lane that it leaves brakes."""
    world = kinds.begin([kinds.read("lane_change", ["vehicles=3", "road.lanes=2"], 1)], [None]).world
    world.position, world.rate = np.array([0.0, 18.0, 35.0]), np.array([22.0, 22.0, speed])
    world.covers = np.array([[True, True], [False, True], [True, False]])
    assert world.neighbours().car[FRONT].tolist() == [front, -1, -1]
    world.covers[0, 0] = False
    assert world.neighbours().car[FRONT, 0] == 1
