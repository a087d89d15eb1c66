"""A world of recorded cars in which one is ours: the others move as they were recorded, whatever ours does."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import nanoseconds
from karyon.sim.bicycle import Pose
from karyon.sim.commonroad.lanes import Scene
from karyon.sim.commonroad.tracks import OURS
from karyon.sim.lanes.scenario import LaneChangeScenario
from karyon.sim.lanes.world import World

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

AWAY = 1e5  # m, where cars are that are not there
ASIDE = 1e4  # m, beside all lanes


class RecordedWorld(World):
    """Car `OURS` of each run drives from `begins` on, and is moved as its forerunner until then."""

    def __init__(self, scenarios: Sequence[LaneChangeScenario], scene: Scene) -> None:
        assert scenarios[0].recorded is not None
        self.scene, self._lead_in = scene, scenarios[0].recorded.lead_in
        super().__init__(scenarios, scene.road)
        self.begins = nanoseconds(self._lead_in)
        self.ours = np.arange(len(self.position)) % self.vehicles == OURS
        self.length, self.width = (
            np.where(self.ours, own, np.tile(recorded, self.runs))
            for own, recorded in ((self.vehicle.length, scene.length), (self.vehicle.width, scene.width))
        )
        self._replay(0, ~np.zeros_like(self.ours))

    def _placed(self, scenario: LaneChangeScenario) -> tuple[Integers, Floats, Floats, Floats]:
        motion = self.scene.at(0.0)
        lane = np.where(np.arange(len(motion.s)) == OURS, self.scene.home, 0)
        return lane, motion.s, motion.speed, np.full(len(motion.s), self.scene.set_speed)

    def advance(self, now: int) -> None:
        """Move our cars to `now` (ns) under the commands in force, and all others as they were recorded."""
        if now == self.now:
            return
        super().advance(now)
        self._replay(now, ~self.ours | (now <= self.begins))

    def ahead(self) -> tuple[Floats, Booleans]:
        """As of all worlds, but as if all cars were as long as ours: what is left between bumpers is true."""
        by, is_ahead = super().ahead()
        mine, others = self.paired(self.length)
        longer = 0.5 * (mine + others) - self.vehicle.length
        return np.copysign(np.maximum(np.abs(by) - longer, 0.0), by), is_ahead

    def _replay(self, now: int, who: Booleans) -> None:
        motion = self.scene.at(now / 1e9 - self._lead_in)
        s, d, speed, across, acceleration = (
            np.tile(each, self.runs) for each in (motion.s, motion.d, motion.speed, motion.across, motion.acceleration)
        )
        here = np.tile(motion.here, self.runs)
        along, axle = np.sqrt(1.0 - across * across), 0.5 * self.wheelbase
        parked = -AWAY * (1.0 + np.arange(len(s)))
        self.here = here | self.ours
        self.pose = Pose(
            s=np.where(who, np.where(here, s - axle * along, parked), self.pose.s),
            d=np.where(who, np.where(here, d - axle * across, ASIDE), self.pose.d),
            along=np.where(who, along, self.pose.along),
            across=np.where(who, across, self.pose.across),
            curvature=np.where(who, self.road.curvature(s), self.pose.curvature),
        )
        self.speed = np.where(who, speed, self.speed)
        self.acceleration = np.where(who, acceleration, self.acceleration)
        self._settle()
