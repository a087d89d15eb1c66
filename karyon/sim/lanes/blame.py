"""Who has forced it where a car of ours and a recorded one come too near, since recorded cars do not react.

Responsibility as RSS has it: who is behind keeps the distance, except to one that has just come before it or brakes
harder than declared; who comes into a lane answers for the gap. [Shalev-Shwartz et al. 2017, sec. 3.2]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from karyon.sim.lanes.recorded import RecordedWorld

if TYPE_CHECKING:
    from karyon.sim.lanes.simulation import Simulation

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Blame:
    """What has led to each pair's present state; arrays (run, vehicle, other), `other` the one ahead.

    A pair is behind each other from when it is nearer to the side than is safe. Since then:
    began     it was so at the first instant
    moved     it has become so while ours moved over
    kept      the distance was safe at some time
    through   the recorded one has driven into ours, and so, in the end, through it: of both orders of the pair
    ours      ours has begun it, and answers for what follows: likewise
    """

    def __init__(self, simulation: Simulation) -> None:
        self._s = simulation
        shape = simulation.world.runs, simulation.world.vehicles, simulation.world.vehicles
        self._behind, self._kept, self._began = np.zeros((3, *shape), dtype=bool)
        self._moved, self._through, self._ours = np.zeros((3, *shape), dtype=bool)
        self._margin = np.full(shape, np.inf)
        self._started = False

    def look(self, margin: Floats) -> None:
        """One instant: who is behind whom (`margin` is finite), and how far beyond the safe distance, m."""
        world = self._s.world
        if not isinstance(world, RecordedWorld):
            return
        behind = np.isfinite(margin)
        new = behind & ~self._behind
        moving, other_moving = world.paired(self._s.manoeuvres.moving | ~self._s.manoeuvres.straight)
        self._began = np.where(new, not self._started, self._began & behind)
        ours, other_ours = world.paired(world.ours)
        self._moved = np.where(new, (moving & ours) | (other_moving & other_ours), self._moved & behind)
        self._kept = np.where(new, margin >= 0.0, self._kept | (margin >= 0.0)) & behind
        unsafe = behind & (margin < 0.0)
        still = unsafe | unsafe.transpose(0, 2, 1)
        self._through, self._ours = self._through & still, self._ours & still
        self._behind, self._margin, self._started = behind, margin, True

    def argument(self, name: str, run: int, vehicle: int, other: int) -> str | None:
        """Why a violation of the pair, `other` ahead, is forced by the recorded one; None: it is not."""
        if self._ours[run, vehicle, other]:
            return None
        argument, both = self._argument(run, vehicle, other), (run, [vehicle, other], [other, vehicle])
        if argument is None:
            self._ours[both] = True
        elif name == "collision":
            self._through[both] = True
        return argument

    def _argument(self, run: int, vehicle: int, other: int) -> str | None:
        world = self._s.world
        if not isinstance(world, RecordedWorld):
            return None
        pair = run, vehicle, other
        ours_is_behind = bool(world.ours[run * world.vehicles + vehicle])
        car = f"car {world.scene.numbers[other if ours_is_behind else vehicle]}"
        if self._through[pair]:
            return f"{car} has driven into ours before, and goes on through it"
        off, kept, moved = f"{-self._margin[pair]:.1f} m less than is safe", self._kept[pair], self._moved[pair]
        if self._began[pair] and not kept:
            return f"{car} was recorded like that, {off} from the first instant on"
        if not ours_is_behind:
            reacts_not = f"{car} drives up behind ours as it was recorded, and does not react"
            return None if moved and not kept else reacts_not  # ours has come before it
        if not kept and not moved:
            return f"{car} comes into the lane before ours as it was recorded, {off}"
        braking, declared = -float(world.acceleration[run * world.vehicles + other]), world.vehicle.braking
        brakes_hard = f"{car} brakes by {braking:.1f} m/s², as recorded, and {declared:g} are declared"
        return brakes_hard if braking > declared else None
