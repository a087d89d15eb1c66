"""Measures of a run at a crossing and its safety goals, for all runs of a batch at once."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.control import rss
from karyon.cooperation.intersection import BASE
from karyon.kernel.timing import switch_bound
from karyon.perception.crossing import SIGNALS
from karyon.perception.sensors import seconds
from karyon.sim import boxes
from karyon.sim.analysis import guards
from karyon.sim.commonroad.tracks import OURS
from karyon.sim.failure_modes import COMPONENTS, COORDINATOR
from karyon.sim.intersection.design import detection_bounds
from karyon.sim.intersection.recorded import RecordedWorld
from karyon.sim.watch import Exposure, Truth

if TYPE_CHECKING:
    from karyon.sim.intersection.simulation import Simulation

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

PEERS = "zone.peers.message"
WARM_UP = 30.0  # s, from which on throughput counts
STUCK = 120.0  # s
WAITS = 2.0  # m/s: who is first in its lane and slower than this waits
ROUND = 0.5  # s


class Measures:
    """What `summary.json` says of each run."""

    def __init__(self, simulation: Simulation) -> None:
        s = self._s = simulation
        runs, cars = s.shape
        self._reaction = np.array([level.reaction_time or 0.0 for level in s.function.levels])
        self.collisions, self.conflicts, self.forced = np.zeros((3, runs), dtype=np.int64)
        self.in_goal = np.full(runs, np.nan)  # s, when our car among recorded ones has reached its lane out
        self._touching, self._sharing = np.zeros((2, runs, cars, cars), dtype=bool)
        self.min_gap, self.min_ttc, self.min_margin, self.min_zone_margin = np.full((4, runs), np.inf)
        self.waited, self._apart = np.zeros((2, runs, cars))
        self.disagreed = np.zeros(runs)
        self.shares = np.zeros((len(s.function.levels), s.rows))
        self._gap_sum, self._gap_time = np.zeros((2, runs))
        self.overdue = np.zeros(s.rows, dtype=np.int64)
        self._items = list(guards(s.function))
        found = detection_bounds(s.design, s.function)
        bounds = np.array([[switch_bound(found[name], s.design.timing)] for name in self._items]).reshape(-1, 1)
        level = np.array(list(guards(s.function).values()), dtype=np.int64)
        self.exposure = Exposure(level, np.repeat(bounds, s.rows, axis=1))
        stated = {signal.name: signal.tolerated for signal in s.design.signals}
        self._tolerated = np.array([[stated.get(name) or np.inf] for name in SIGNALS])
        self._truth = Truth(len(SIGNALS), s.rows)
        self._before, self.steps = 0, 0

    def step(self, now: int) -> None:
        """Judge one instant."""
        if now < self._s.world.begins:
            self._before = now
            return
        step = float(seconds(now, self._before))
        self._before = now
        self.steps += 1
        self._pairs(now)
        self._goal(now)
        self._waits(step)
        self._distances()
        s = self._s
        here, ours = s.world.here.ravel(), np.tile(s.world.ours, s.shape[0])
        for level in range(len(self.shares)):
            self.shares[level] += here & ours & s.initialised & (s.level == level)
        if s.enabled and self._items:
            self._expose(now, here & ours)
        self._disagreement(step)

    def close(self, now: int) -> None:
        """Exposures that last to the end of the run are counted there."""
        self.exposure.close(now)

    def _pairs(self, now: int) -> None:
        world, road = self._s.world, self._s.world.road
        part = world.part
        here, path = world.here[part.cars], world.path[part.cars]
        front, rear = -world.distance[part.cars], world.rear[part.cars]
        one, other = path[:, :, None], path[:, None, :]
        outside = np.maximum(road.begins[one, other] - front[:, :, None], rear[:, :, None] - road.ends[one, other])
        ours = world.ours[part.number]
        both = np.triu(here[:, :, None] & here[:, None, :] & (ours[:, :, None] | ours[:, None, :]), k=1)
        apart = np.where(both, np.maximum(outside, outside.transpose(0, 2, 1)), np.inf)
        sharing = apart < 0.0
        self.min_zone_margin = np.minimum(self.min_zone_margin, apart.min(axis=(1, 2)))
        x, y, heading = (each[part.cars] for each in world.place)
        length, width = world.length[part.number], world.width[part.number]
        along, across = np.cos(heading), np.sin(heading)
        x, y = x - 0.5 * length * along, y - 0.5 * length * across
        size = [(each[:, :, None], each[:, None]) for each in (length, width)]
        mine = boxes.Boxes(x[:, :, None], y[:, :, None], along[:, :, None], across[:, :, None], size[0][0], size[1][0])
        theirs = boxes.Boxes(x[:, None], y[:, None], along[:, None], across[:, None], size[0][1], size[1][1])
        touching = boxes.overlap(mine, theirs) & both
        self._note(now, "two cars in one zone", sharing, self._sharing, self.conflicts)
        self._note(now, "collision", touching, self._touching, self.collisions)

    def _note(self, now: int, name: str, wrong: Booleans, before: Booleans, count: NDArray[np.int64]) -> None:
        part = self._s.world.part
        begins, recorded = wrong & ~before[part.pairs], isinstance(self._s.world, RecordedWorld)
        before[:] = False
        before[part.pairs] = wrong
        count += begins.sum(axis=(1, 2))
        for run, *pair in zip(*np.nonzero(begins), strict=True):
            one, other = part.number[run, pair].tolist()
            row = int(run) * self._s.shape[1] + one
            argument = self._argument(int(run), other, name) if recorded else None
            if argument is not None:
                count[run] -= 1
                self.forced[run] += 1
                self._s.log.add(now, row, "forced", f"{name} that others forced: {argument}", goal=name)
                continue
            self._s.log.add(now, row, "violation", f"{name}: cars {one} and {other}", goal=name, other=other)

    def _argument(self, run: int, other: int, name: str) -> str | None:
        """Why what ours and a recorded car have come to is forced by that, which does not react; None: it is not."""
        world = self._s.world
        assert isinstance(world, RecordedWorld)
        road, front = world.road, world.s[run] - world.road.line
        number = world.scene.numbers[other]
        if self.steps == 1:
            return f"car {number} was recorded like that from the first instant on"
        if not road.conflicts[OURS, other]:
            behind = world.s[run, other] <= world.s[run, OURS] and np.isinf(self._s.driving.front.gap[run, OURS])
            return f"car {number} drives up behind ours as it was recorded, and does not react" if behind else None
        ours_in, theirs_in = front[OURS] - road.begins[OURS, other], front[other] - road.begins[other, OURS]
        before = ours_in / max(world.speed[run, OURS], 0.5), theirs_in / max(world.speed[run, other], 0.5)
        drives_in = (
            f"car {number} drives into the zone in which ours has been for {before[0]:.1f} s, and does not react"
        )
        return drives_in if before[0] > before[1] else None

    def _goal(self, now: int) -> None:
        world = self._s.world
        if isinstance(world, RecordedWorld):
            there = -world.distance[:, OURS] >= world.scene.goal
            self.in_goal = np.where(there & np.isnan(self.in_goal), float(seconds(now, 0)), self.in_goal)

    def _waits(self, step: float) -> None:
        world = self._s.world
        self.waited += np.where(world.first_in_lane() & (world.speed < WAITS), step, 0.0)

    def _distances(self) -> None:
        s, world, front = self._s, self._s.world, self._s.driving.front
        gap = np.where(world.here & world.ours, front.gap, np.inf)
        reaction = self._reaction[s.level].reshape(s.shape)
        margin = gap - rss.safe_distance(world.speed, front.speed, reaction, world.vehicle.braking)
        closing = world.speed - front.speed
        ttc = np.where(closing > 0.0, np.maximum(gap, 0.0) / np.where(closing > 0.0, closing, 1.0), np.inf)
        self.min_gap = np.minimum(self.min_gap, gap.min(axis=1))
        self.min_margin = np.minimum(self.min_margin, margin.min(axis=1))
        self.min_ttc = np.minimum(self.min_ttc, ttc.min(axis=1))
        moving = np.isfinite(gap) & (world.speed >= 1.0)
        self._gap_sum += np.where(moving, gap / np.maximum(world.speed, 1.0), 0.0).sum(axis=1)
        self._gap_time += moving.sum(axis=1)

    def _expose(self, now: int, here: Booleans) -> None:
        s = self._s
        assert s.seen is not None
        self._truth.keep(now, s.true)
        wrong = np.abs(s.seen.value - self._truth.at(s.seen.time)) > self._tolerated
        signals = dict(zip((*SIGNALS, PEERS), np.concatenate([wrong, s.late[-1:] & False]) | s.late, strict=True))
        down = {name: s.down[name] for name in COMPONENTS} | {COORDINATOR: np.zeros(s.rows, dtype=bool)}
        bad = np.array([signals[name] if name in signals else down[name] for name in self._items]) & here
        over = self.exposure.overdue.any(axis=0)
        self.exposure.update(now, bad, s.level, s.level_since)
        for row in np.flatnonzero(self.exposure.overdue.any(axis=0) & ~over):
            self.overdue[row] += 1
            s.log.add(now, int(row), "violation", "bad data in command beyond its bound", goal="bad data")

    def _disagreement(self, step: float) -> None:
        """How long one has acted on what is agreed by all around while one of these did not."""
        s, world = self._s, self._s.world
        part, level = world.part, s.level.reshape(s.shape)
        near = (world.before | world.inside) & (world.distance <= 100.0)
        lower = (level <= BASE - 1) & near
        visible = s.visible
        if visible.shape[1] != part.number.shape[1]:
            return
        apart = ((level[part.cars] > BASE)[:, :, None] & visible & lower[part.cars][:, None]).any(axis=2)
        self._apart[part.cars] = np.where(apart, self._apart[part.cars] + step, 0.0)
        self.disagreed = np.maximum(self.disagreed, self._apart.max(axis=1))

    def summary(self, run: int) -> dict[str, Any]:
        """The part of `summary.json` that the simulation measures."""
        s, time = self._s, float(self._gap_time[run])
        return {
            "duration": float(seconds(s.finished, 0)),
            "vehicles": s.shape[1],
            "vehicle_steps": s.shape[1] * self.steps,
            "collisions": int(self.collisions[run]),
            "min_gap": _finite(self.min_gap[run]),
            "min_time_to_collision": _finite(self.min_ttc[run]),
            "min_rss_margin": _finite(self.min_margin[run]),
            "mean_time_gap": float(self._gap_sum[run]) / time if time else None,
            "functions": {s.function.name: self._function(run)},
            "metrics": self._metrics(run),
            "safety_goals": self._goals(run),
        }

    def margins(self, run: int, worth: float) -> dict[str, float]:
        """How far a run was from each hazard, m: gap, distance from sharing a zone, and rest of a bound.

        worth   m, of the whole of a bound
        """
        s = self._s
        rows = slice(run * s.shape[1], (run + 1) * s.shape[1])
        found = {"collision": float(self.min_gap[run]), "zone_conflict": float(self.min_zone_margin[run])}
        return found | ({"bad_data_in_command": worth * self.exposure.left(rows)} if s.enabled and self._items else {})

    def _metrics(self, run: int) -> dict[str, Any]:
        s, world = self._s, self._s.world
        end, passed = float(seconds(s.finished, 0)), np.where(world.ours, world.passed[run], np.nan)
        waited = self.waited[run, world.ours]
        counted = passed >= min(WARM_UP, 0.5 * end)
        free = world.road.line / world.limit
        delay = (passed - world.traffic.time[run] - free)[np.isfinite(passed)]
        waiting = world.ours & (world.traffic.time[run] <= end)
        return {
            "throughput": 3600.0 * float(counted.sum()) / (end - min(WARM_UP, 0.5 * end)),
            "longest_wait": float(waited.max()),
            "zone_conflicts": int(self.conflicts[run]),
            "min_zone_margin": _finite(float(self.min_zone_margin[run])),
            "stuck_vehicles": int((waited > STUCK).sum()),
            "mean_delay": float(delay.mean()) if len(delay) else None,
            "queued_at_end": int((waiting & np.isnan(passed)).sum()),
            "passed": int(np.isfinite(passed).sum()),
            **self._recorded(run),
        }

    def _recorded(self, run: int) -> dict[str, Any]:
        """Among recorded cars: when the replaced one has reached its lane out, when ours has, and what was forced.

        Times in s from where ours begins, of the front bumper; null: not within the run.
        """
        world = self._s.world
        if not isinstance(world, RecordedWorld):
            return {}
        reached, begins = self.in_goal[run], float(seconds(world.begins, 0))
        return {
            "mean_delay": None,  # nobody has seen all of its approach
            "replaced": int(world.scene.numbers[OURS]),
            "recorded_reached": world.scene.reached,
            "reached": float(reached) - begins if np.isfinite(reached) else None,
            "forced_violations": int(self.forced[run]),
        }

    def _function(self, run: int) -> dict[str, Any]:
        s = self._s
        rows = slice(run * s.shape[1], (run + 1) * s.shape[1])
        total = self.shares[:, rows].sum()
        shares = self.shares[:, rows].sum(axis=1) / total if total else np.eye(len(self.shares))[0]
        latency, bound, reach = self._tightest(rows)
        return {
            "los_share": {str(level): float(share) for level, share in enumerate(shares)},
            "switches": int(s.log.switches[rows].sum()),
            "worst_switch_latency": latency,
            "switch_bound": bound,
            "worst_fault_handling": latency + reach if latency else 0.0,
            "fault_handling_bound": bound + reach,
            "false_downgrades": int(s.log.false_downgrades[rows].sum()),
            "worst_disagreement": int(self.disagreed[run] / ROUND),
            "disagreement_bound": 1,
        }

    def _tightest(self, rows: slice) -> tuple[float, float, float]:
        """Latency, switch bound and reach of the item with the least margin."""
        if not self._items:  # level 0 is all there is: what is left to switch is a cycle of kernel and control
            return 0.0, switch_bound(0.0, self._s.design.timing), 0.0
        worst, bounds = self.exposure.worst[:, rows], self.exposure.bounds[:, rows]
        item, row = np.unravel_index(int((bounds - worst - 1e3 * (worst > 0.0)).argmin()), worst.shape)
        guard = guards(self._s.function)[self._items[item]]
        return float(worst[item, row]), float(bounds[item, row]), self._s.function.levels[guard - 1].reach

    def _goals(self, run: int) -> dict[str, Any]:
        s = self._s
        rows = slice(run * s.shape[1], (run + 1) * s.shape[1])
        counts = {"collision": self.collisions[run], "zone_conflict": self.conflicts[run]}
        if s.enabled:
            counts["bad_data_in_command"] = self.overdue[rows].sum()
        return {
            hazard.goal: {"violated": bool(counts[hazard.id] > 0), "violations": int(counts[hazard.id])}
            for hazard in s.design.hazards
            if hazard.id in counts
        }


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None
