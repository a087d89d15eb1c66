"""A crossing with recorded cars, one of which is ours: the others move as they were recorded, whatever ours does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import nanoseconds, seconds
from karyon.sim.commonroad.tracks import OURS
from karyon.sim.intersection.scenario import Scenario, scene_of
from karyon.sim.intersection.traffic import Traffic
from karyon.sim.intersection.world import Part, World
from karyon.sim.roads.crossing import Crossing

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

ASIDE = 0.2  # m beside its path from which on another one is in the way of ours


class RecordedWorld(World):
    """Car `OURS` of each run drives from `begins` on, and is moved as its forerunner until then."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        assert scenarios[0].recorded is not None
        self.scene, self._lead_in = scene_of(scenarios[0].recorded), scenarios[0].recorded.lead_in
        super().__init__(scenarios)
        self.begins = nanoseconds(self._lead_in)
        self.ours = np.arange(self.cars) == OURS
        self.length, self.width = (
            np.where(self.ours, own, recorded)
            for own, recorded in (
                (self.vehicle.length, self.scene.length),
                (self.vehicle.width, self.scene.width),
            )
        )
        own = self.road.paths.each[OURS]
        self._own = own.start, own.x, own.y, own.heading

    def _drawn(self, scenarios: Sequence[Scenario]) -> tuple[Crossing, Traffic]:
        self.limit = self.scene.limit
        shape = len(scenarios), len(self.scene.numbers)
        path = np.broadcast_to(np.arange(shape[1]), shape)
        silent = np.broadcast_to(np.arange(shape[1]) != OURS, shape)
        return self.scene.road, Traffic(np.zeros(shape), path, silent, np.zeros(shape, dtype=bool))

    @property
    def lengths(self) -> Floats:
        """Of the car that drives on each path, m (path, 1)."""
        return np.where(np.arange(self.cars) == OURS, self.vehicle.length, self.scene.length)[:, None]

    def advance(self, now: int) -> None:
        """Move our cars to `now` (ns) under the commands in force, and all others as they were recorded."""
        if now == self.now:
            return
        super().advance(now)
        self._replay()

    def admit(self) -> None:
        """Those are here that are recorded at this time, and ours until it is out of sight."""
        self._replay()
        self.appeared |= self.here
        self.part = Part.of(self.here)

    def gaps(self) -> Floats:
        """To each other car whose body is on the path of ours ahead of it, and leads the same way (run, car, other)."""
        part = self.part
        x, y, heading = (each[part.cars] for each in self.place)
        length, width = self.length[part.number], self.width[part.number]
        x, y = x - 0.5 * length * np.cos(heading), y - 0.5 * length * np.sin(heading)  # of the middle
        start, path_x, path_y, path_heading = self._own
        metre = np.hypot(x[..., None] - path_x, y[..., None] - path_y).argmin(axis=-1)
        cos, sin = np.cos(path_heading[metre]), np.sin(path_heading[metre])
        dx, dy = x - path_x[metre], y - path_y[metre]
        place, aside = start[metre] + dx * cos + dy * sin, np.abs(dy * cos - dx * sin)
        along, across = np.cos(heading - path_heading[metre]), np.abs(np.sin(heading - path_heading[metre]))
        half_wide = 0.5 * (width * np.abs(along) + length * across)
        rear = place - 0.5 * (length * np.abs(along) + width * across)
        blocks = (aside < half_wide + 0.5 * self.vehicle.width + ASIDE) & (along > 0.0) & self.here[part.cars]
        middle = self.s[:, OURS] - 0.5 * self.vehicle.length
        blocks &= (place > middle[:, None]) & ~self.ours[part.number]
        gap = np.where(blocks, rear - self.s[:, OURS, None], np.inf)
        return np.where((part.number == OURS)[:, :, None], gap[:, None], np.inf)

    def _replay(self) -> None:
        now = float(seconds(self.now, 0))
        motion = self.scene.at(now - self._lead_in)
        scripted = ~self.ours | (self.now <= self.begins)
        here = np.where(scripted, motion.here, self.here)
        before = self.s < self.road.line
        self.s = np.where(scripted & motion.here, self._front(motion.s), self.s)
        self.speed = np.where(scripted & motion.here, motion.speed, self.speed)
        self.acceleration = np.where(scripted & motion.here, motion.acceleration, self.acceleration)
        self.here = np.broadcast_to(here, self.s.shape).copy()
        self.entered = np.where(self.here & np.isnan(self.entered), now, self.entered)
        crosses = scripted & self.here & before & (self.s >= self.road.line) & np.isnan(self.passed)
        self.passed = np.where(crosses, now, self.passed)
        self._placed = None

    def _front(self, s: Floats) -> Floats:
        """Ours has its middle where that of the replaced car is."""
        return s + np.where(self.ours, 0.5 * (self.vehicle.length - self.scene.length), 0.0)
