"""A lane that ends: a merge, or, where it may be left only from some place on, an on-ramp; arrays (car,).

A car sees where its lane ends, as it sees where in it it is. Until its tyre crosses the line it can always stop before
that end, at every level; and it stops so early that it can still move over from there.
"""

import numpy as np
from numpy.typing import NDArray

from karyon.control.crossing import to_stop
from karyon.sim.lanes.manoeuvres import Manoeuvres
from karyon.sim.lanes.scenario import COMFORT, RUN_UP
from karyon.sim.lanes.world import World

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

FIRM = 5.0  # m/s²: so a car that moves over would brake if it had to turn back
FAR = 300.0  # m before a lane may be left, who is in it says that it will
STANDING = 0.5  # m/s: slower cars stand
SPARE = 2.0  # m that are left to the end in any case


class LaneEnd:
    """Who is in the lane that ends, how far it is to there, and what follows from it."""

    def __init__(self, world: World, manoeuvres: Manoeuvres) -> None:
        self._world, self._manoeuvres, self._end = world, manoeuvres, world.road.end

    @property
    def must_leave(self) -> Booleans:
        """Who is in the lane that ends, and where it may be left."""
        end, world = self._end, self._world
        if end is None:
            return np.zeros(len(world.position), dtype=bool)
        return np.asarray((self._manoeuvres.home == end.lane) & (world.position >= end.opens))

    @property
    def comes_near(self) -> Booleans:
        """Who is in the lane that ends, and not far from where it may be left."""
        end, world = self._end, self._world
        if end is None:
            return np.zeros(len(world.position), dtype=bool)
        return np.asarray((self._manoeuvres.home == end.lane) & (world.position >= end.opens - FAR))

    def limit(self) -> Floats:
        """Acceleration in m/s² with which a car still stops before the end of its lane; infinite: it need not."""
        end, world, manoeuvres = self._end, self._world, self._manoeuvres
        if end is None:
            return np.full(len(world.position), np.inf)
        moving = manoeuvres.moving
        left = manoeuvres.road_left
        stops = np.where(
            moving,
            to_stop(left - SPARE, world.speed, FIRM, world.vehicle.braking),
            to_stop(left - RUN_UP, world.speed, COMFORT, world.vehicle.braking),
        )
        return np.where((manoeuvres.home == end.lane) & ~manoeuvres.committed, stops, np.inf)

    def waits(self) -> Booleans:
        """Who stands where its lane ends."""
        return np.asarray(self.must_leave & (self._world.speed < STANDING) & ~self._manoeuvres.moving)

    def beyond(self) -> Booleans:
        """Whose body is beyond the end of a lane in which it is."""
        end, world = self._end, self._world
        if end is None:
            return np.zeros(len(world.position), dtype=bool)
        front = world.position + 0.5 * world.length * world.pose.along
        return np.asarray(world.covers[:, end.lane] & (front > end.at) & (world.position - world.length < end.at))
