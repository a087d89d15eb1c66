"""Measures of a flight and its safety goals, accumulated at every step for all runs of a batch at once."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.flight import tracks, well_clear
from karyon.flight.well_clear import NEAR_MID_AIR_COLLISION, Motion, Volume
from karyon.sim import analysis
from karyon.sim.flight.alerts import WELL_CLEAR
from karyon.sim.flight.bounds import ADSB, INTENT, LOCAL, OWN, bounds
from karyon.sim.flight.scenario import FUNCTION
from karyon.sim.flight.sensing import FRESH
from karyon.sim.watch import Exposure

if TYPE_CHECKING:
    from karyon.sim.flight.simulation import Simulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

NMAC, LOST, BAD_DATA = "near_mid_air_collision", "loss_of_well_clear", "bad_data_in_command"
MISSED = 1.5  # s, after which what comes once a second is missing
SETTLED = 30_000_000_000  # ns after which a level keeps its separation: what was nearer before has opened


class Metrics:
    """What `summary.json` says of each run; arrays (row,) are folded into runs at the end.

    collisions     near mid-air collisions of each row, at any level
    lost_at        losses of well clear of each row by the level that it had (level, row)
    least          least separation at each level, in its own separations (level, row)
    margin         m, least distance over that at which one is no longer well clear; below 0, inside
    near_margin    m, the same of a near mid-air collision
    """

    def __init__(self, simulation: Simulation) -> None:
        self._s = simulation
        rows, levels = simulation.rows, len(simulation.function.levels)
        self.shares = np.zeros((levels, rows))
        self.collisions, self.guarded_collisions, self.losses, self.overdue = np.zeros((4, rows), dtype=np.int64)
        self.lost_at = np.zeros((levels, rows), dtype=np.int64)
        self.least = np.full((levels, rows), np.inf)
        self.min_separation = np.full(rows, np.inf)
        self.min_tcpa, self.margin, self.near_margin = np.full((3, rows), np.inf)
        self._touching, self._inside, self._late = np.zeros((3, rows), dtype=bool)
        self._items, self.exposure = _exposure(simulation)
        self.steps = 0

    def step(self, now: int) -> None:
        """Judge one instant."""
        s, world = self._s, self._s.world
        across, up = world.apart()
        motion = Motion(
            *(each[world.other] - each for each in (world.x, world.y, world.z, world.vx, world.vy, world.climb))
        )
        distance = np.sqrt(across * across + up * up).min(axis=0)
        self.min_separation = np.minimum(self.min_separation, distance)
        near = well_clear.interval(motion, NEAR_MID_AIR_COLLISION, 60.0).begin.min(axis=0)
        self.min_tcpa = np.minimum(self.min_tcpa, near)
        touching = well_clear.inside(motion, NEAR_MID_AIR_COLLISION).any(axis=0)
        lost = well_clear.inside(motion, WELL_CLEAR).any(axis=0)
        self.margin = np.minimum(self.margin, _beyond(across, up, WELL_CLEAR))
        self.near_margin = np.minimum(self.near_margin, _beyond(across, up, NEAR_MID_AIR_COLLISION))
        begins = touching & ~self._touching
        self.guarded_collisions += begins & (s.level > 0)
        self._touching = self._note(now, "near mid-air collision", touching, self._touching, self.collisions)
        self.lost_at += (lost & ~self._inside) & (s.level == np.arange(len(self.lost_at))[:, None])
        self._inside = self._note(now, "loss of well clear", lost, self._inside, self.losses)
        for level in range(len(self.shares)):
            at = s.level == level
            kept = np.maximum(across / s._horizontal[level], up / s._vertical[level]).min(axis=0)
            has_settled = at & s.initialised & (now - s.level_since >= SETTLED)
            self.least[level] = np.where(has_settled, np.minimum(self.least[level], kept), self.least[level])
            self.shares[level] += s.initialised & at
        if s.enabled:
            self._expose(now)
        self.steps += 1

    def close(self, now: int) -> None:
        """Exposures that last to the end of the run are counted there."""
        if self._s.enabled:
            self.exposure.close(now)

    def summary(self, run: int) -> dict[str, Any]:
        """The summary of one run."""
        s, vehicles = self._s, self._s.world.vehicles
        rows = slice(run * vehicles, (run + 1) * vehicles)
        known = max(float(self.shares[:, rows].sum()), 1.0)
        latency, bound, handling = self._tightest(rows)
        function = {
            "los_share": {str(level): float(share[rows].sum() / known) for level, share in enumerate(self.shares)},
            "switches": int(s.log.switches[rows].sum()),
            "worst_switch_latency": latency,
            "switch_bound": bound,
            "worst_fault_handling": None,
            "fault_handling_bound": handling,
            "false_downgrades": int(s.log.false_downgrades[rows].sum()),
            "downgrades": {
                verdict: sum(each[verdict] for each in s.log.verdicts[rows])
                for verdict in ("late", "lost", "invalid", "own_lag")
            },
            "worst_disagreement": int(s.disagreement.longest[run]),
            "mean_disagreement": float(s.disagreement.apart[run] / max(s.disagreement.rounds, 1)),
            "disagreement_bound": 1,
        }
        return {
            "duration": s.finished / 1e9,
            "vehicles": vehicles,
            "vehicle_steps": self.steps * vehicles,
            "collisions": int(self.collisions[rows].sum()) // 2,
            "min_gap": float(self.min_separation[rows].min()),
            "min_time_to_collision": _finite(float(self.min_tcpa[rows].min())),
            "min_rss_margin": None,
            "mean_time_gap": None,
            "functions": {FUNCTION: function},
            "metrics": {
                "near_mid_air_collisions": int(self.collisions[rows].sum()) // 2,
                "guarded_collisions": int(self.guarded_collisions[rows].sum()) // 2,
                "losses_of_well_clear": int(self.losses[rows].sum()) // 2,
                "well_clear_lost_at": {str(level): int(each[rows].sum()) for level, each in enumerate(self.lost_at)},
                "min_well_clear_margin": float(self.margin[rows].min()),
                "least_separation": {
                    str(level): _finite(float(each[rows].min())) for level, each in enumerate(self.least)
                },
            },
            "safety_goals": self._goals(rows),
        }

    def margins(self, run: int, worth: float) -> dict[str, float]:
        """How far a run was from each hazard, m; `worth` of the whole of a bound."""
        vehicles = self._s.world.vehicles
        rows = slice(run * vehicles, (run + 1) * vehicles)
        found = {NMAC: float(self.near_margin[rows].min()), LOST: float(self.margin[rows].min())}
        return found | ({BAD_DATA: worth * self.exposure.left(rows)} if self._s.enabled else {})

    def _note(self, now: int, name: str, wrong: Booleans, before: Booleans, count: Integers) -> Booleans:
        begins = np.asarray(wrong & ~before)
        if begins.any():
            count += begins
            for row in np.flatnonzero(begins):
                self._s.log.add(now, int(row), "violation", name, goal=name)
        return wrong

    def _expose(self, now: int) -> None:
        s = self._s
        self.exposure.update(now, self._bad(now), s.level, s.level_since)
        for one in self.exposure.ended():
            if one.switched:
                name, bound = self._items[one.item], float(self.exposure.bounds[one.item, one.row])
                said = f"{name} was bad for {one.seconds:.3f} s in command, bound {bound:.3f} s"
                s.log.add(now, one.row, "latency", said, item=name, seconds=one.seconds, bound=bound)
        late = np.asarray(self.exposure.overdue.any(axis=0))
        self._late = self._note(now, "bad data in command beyond its bound", late, self._late, self.overdue)

    def _bad(self, now: int) -> Booleans:
        """Items that are bad now (item, row): wrong by more than tolerated, or due and missing; components down."""
        s, seconds = self._s, now / 1e9
        sensing, world = s.sensing, s.world
        tolerated = {signal.name: signal.tolerated or np.inf for signal in s.design.signals}
        own_x, own_y, _ = tracks.now_at(sensing.own, seconds)
        own = np.hypot(own_x - world.x, own_y - world.y)
        in_sight = world.apart()[0] <= s.scenarios[0].local.range  # further away, a wrong place does no harm yet
        bad = {OWN: ((own > tolerated[OWN]) & in_sight.any(axis=0)) | (seconds - sensing.own.heard > MISSED)}
        true_x, true_y = world.x[world.other], world.y[world.other]
        for name, track, off_x, off_y in (
            (ADSB, sensing.adsb, 0.0, 0.0),
            (LOCAL, sensing.local, own_x - world.x, own_y - world.y),  # it sees where others are from here
        ):
            x, y, _ = tracks.now_at(track, seconds)
            off = np.hypot(x - off_x - true_x, y - off_y - true_y)
            used = (seconds - track.heard <= FRESH) & in_sight
            bad[name] = (used & (off > tolerated[name])).any(axis=0)
        bad[LOCAL] |= seconds - sensing.scanned > MISSED
        silent = seconds - sensing.adsb.heard > 2.5
        bad[ADSB] |= (silent & ~np.isnan(sensing.adsb.heard)).any(axis=0)
        bad[INTENT] = (seconds - sensing.intents.time > 2.5).any(axis=0)
        nothing = np.zeros(s.rows, dtype=bool)
        for component in ("perception", "control", "radio", "link"):
            bad[component] = s.faults.down(component, seconds, s.rows)
        return (
            np.stack([bad.get(name, nothing) for name in self._items]) if self._items else np.zeros((0, s.rows), bool)
        )

    def _tightest(self, rows: slice) -> tuple[float, float, float]:
        """Latency, switch bound and handling bound of the failure with the least margin."""
        if not self._items:
            return 0.0, 0.0, 0.0
        worst, limits = self.exposure.worst[:, rows], self.exposure.bounds[:, rows]
        item, row = np.unravel_index(int((limits - worst - 1e3 * (worst > 0.0)).argmin()), worst.shape)
        bound = float(limits[item, row])
        guard = analysis.guards(self._s.function)[self._items[item]]
        return float(worst[item, row]), bound, bound + self._s.function.levels[guard - 1].reach

    def _goals(self, rows: slice) -> dict[str, Any]:
        counts = {NMAC: self.collisions, LOST: self.losses}
        if self._s.enabled:
            counts[BAD_DATA] = self.overdue
        return {
            hazard.goal: {
                "violated": bool(counts[hazard.id][rows].any()),
                "violations": int(counts[hazard.id][rows].sum()),
            }
            for hazard in self._s.design.hazards
            if hazard.id in counts
        }


def _beyond(across: Floats, up: Floats, volume: Volume) -> Floats:
    """How far the nearest other aircraft is outside of a volume of no tau, m of distance; below 0: inside (row,)."""
    above = (up - volume.altitude) * (volume.distance / volume.altitude)
    return np.asarray(np.maximum(across - volume.distance, above).min(axis=0))


def _exposure(simulation: Simulation) -> tuple[list[str], Exposure]:
    """Items that rules guard, and how long each may be bad in command: the longest bound of its failure modes."""
    found = list(bounds(simulation.design, simulation.function))
    guards = analysis.guards(simulation.function)
    items = list(guards)
    longest = [
        max((one.switch for one in found if one.item == name and isfinite(one.switch)), default=np.inf)
        for name in items
    ]
    limits = np.repeat(np.array(longest)[:, None], simulation.rows, axis=1) if items else np.zeros((0, simulation.rows))
    return items, Exposure(np.array([guards[name] for name in items], dtype=np.int64), limits)


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
