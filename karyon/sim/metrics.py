"""Measures of a run and its safety goals, accumulated at every step for all runs of a batch at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import Entries
from karyon.kernel.elementwise import Compiler
from karyon.kernel.runtime import Booleans, Floats
from karyon.kernel.runtime import Ticks as Integers
from karyon.perception.following import OWN, RELATIVE
from karyon.perception.sensors import seconds
from karyon.sim import analysis
from karyon.sim.bad_data import BadData
from karyon.sim.driving import at_first, watch
from karyon.sim.events import VERDICTS, Rank
from karyon.sim.reception import Reception
from karyon.sim.watch import Handlings

if TYPE_CHECKING:
    from karyon.sim.engine import Simulation

COLLISION, UNSAFE_DISTANCE, BAD_DATA = "collision", "unsafe_distance", "bad_data_in_command"
SETTLED = 30_000_000_000  # ns, from which on the string is judged: what the start has disturbed is over
NOT_JUDGED = ("collisions", "min_gap", "min_time_to_collision", "min_rss_margin", "mean_time_gap")


class Metrics:
    """What `summary.json` says of each run; arrays (row,) are folded into runs at the end."""

    def __init__(self, simulation: Simulation) -> None:
        self._s = simulation
        rows, levels = simulation.rows, simulation.function.levels
        first = simulation.scenarios[0]
        reactions = np.array([level.reaction_time or 0.0 for level in levels])
        numbers = np.arange(float(len(levels)))[:, None]
        self._known = numbers, reactions[:, None], first.vehicle.length, first.vehicle.braking
        self._driving, self._watch = at_first(reactions, rows), watch
        self._guards = _guarded(simulation)
        self._items = [*self._guards]
        self._bounds = self._planned(simulation)
        self._bad = BadData(simulation, self._items)
        names = self._bad.names  # of which some may be no items: at no level they do harm, wherever they are placed
        self._places = np.array([self._items.index(name) if name in self._items else -1 for name in names], dtype=int)
        of_bad = np.array([self._guards.get(name, len(levels)) for name in names])
        self.exposure = Handlings(of_bad, self._bounds[self._places])
        self._ended = simulation.log.journal(self._latencies)
        self.collisions, self.unsafe, self.overdue = np.zeros((3, rows), dtype=np.int64)
        self._is_platoon = first.kind == "platoon"
        self._speeds = np.zeros((3, len(simulation.world.speed)))  # of each car: instants, sum, sum of squares
        self.radio = Reception(simulation.channel, simulation.tape)
        self.steps = 0
        self._is_shadow = simulation.is_shadow  # nobody knows what is true of real devices

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self._watch = in_place(watch)
        for part in (self.radio, self.exposure, self._bad):
            part.quicken(in_place)

    @property
    def min_gap(self) -> Floats:
        """Smallest gap of each row in m (row,)."""
        return self._driving.drive.least_gap

    @property
    def min_margin(self) -> Floats:
        """Smallest margin over the RSS distance of each row in m (row,)."""
        return self._driving.drive.least_margin

    def step(self, now: int) -> None:
        """Judge one instant, after perception has spoken."""
        s, world = self._s, self._s.world
        told = world.gap, world.own_speed, world.front_speed, s.level, s.initialised
        self._driving, collides, violates = self._watch(self._driving, *told, *self._known, now)
        if self._is_platoon and now >= SETTLED:
            self._speeds += np.stack([np.ones_like(world.speed), world.speed, world.speed * world.speed])
        if not self._is_shadow:
            self._note(now, "collision", collides, self.collisions)
            self._note(now, "unsafe distance", violates, self.unsafe)
        if s.enabled:
            self._expose(now)
        self.radio.step(now)
        self.steps += 1

    def carry_on(self, periods: int, looks: int, sendings: int, ages: Sequence[int]) -> None:
        """So many periods in which nothing happens, of `looks` each. The rest as `Reception.carry_on` has it."""
        self.steps += periods * looks
        self.radio.carry_on(periods, sendings, ages)

    def cut_in(self, now: int, rows: NDArray[np.int64]) -> None:
        """Cars have cut in before these rows at `now` (ns): their gaps are not of their own making."""
        self._driving.cut_in[rows] = now

    def close(self, now: int) -> None:
        """Exposures that last to the end of the run are counted there."""
        if self._s.enabled:
            self.exposure.close(now)

    def _note(self, now: int, name: str, begins: Booleans, count: Integers, rank: Rank = Rank.WATCHED) -> None:
        def note(now: int) -> None:
            np.add(count, begins, out=count)
            for row in np.flatnonzero(begins):
                said = f"{name}: gap {self._s.world.gap[row]:.2f} m"
                self._s.log.add(now, int(row), "violation", said, rank, goal=name)

        self._s.tape.react(begins, now, note)

    def _expose(self, now: int) -> None:
        s = self._s
        self._bad.look(now)
        found = self.exposure.step(now, self._bad.table, s.level, s.level_since, self._driving.margins.safe_at_level)
        s.tape.note(found.is_counted, self._ended, (found.counted, found.lasted, s.level, self.exposure.bounds), now)
        self._note(now, "bad data in command beyond its bound", found.outlasts, self.overdue, Rank.OVERDUE)

    def _latencies(self, entries: Entries) -> None:
        """Exposures that a switch has ended."""
        rows, (times,), (counted, lasted, level, bounds) = entries
        found, entry = np.nonzero(counted & self.exposure.switched(level))
        item = self._places[found]
        order = np.lexsort((entry, item, times[entry]))
        item, found, entry = item[order], found[order], entry[order]
        long, limit = lasted[found, entry].tolist(), bounds[found, entry].tolist()

        def words(place: int) -> tuple[str, dict[str, Any]]:
            name, lasts, bound = self._items[item[place]], long[place], limit[place]
            said = f"{name} was bad for {lasts:.3f} s in command, bound {bound:.3f} s"
            return said, {"item": name, "seconds": lasts, "bound": bound}

        self._s.log.note(Rank.ENDED, "latency", times[entry], rows[entry], words)

    def _planned(self, simulation: Simulation) -> Floats:
        """How long each item may be bad in command, s (item, row): the longest bound of its faults in that row.

        Without a fault that is known it is the longest of all.
        """
        design, function = simulation.design, simulation.function
        found = list(analysis.bounds(design, function))
        longest = [
            max((each.switch for each in found if each.item == name and isfinite(each.switch)), default=np.inf)
            for name in self._items
        ]
        bounds = np.repeat(np.array(longest)[:, None], simulation.rows, axis=1)
        bound = cache(partial(analysis.bound, design, function))
        planned: dict[tuple[int, int], float] = {}
        usual: dict[str, float] = {}  # a failure may follow upon lost messages
        if not simulation.scenarios[0].radio.is_perfect:
            usual = {name: bound(name, "omission").switch for name in simulation.senders if name in self._items}
            usual[OWN[RELATIVE]] = analysis.unheard_bound(design, function)
        for one in simulation.log.faults:
            subject = str(one.fault.signal or one.fault.component)
            if analysis.field_of(subject) in self._items:
                of_fault = bound(subject, one.fault.mode)
                place = self._items.index(of_fault.item), one.row
                planned[place] = max(planned.get(place, usual.get(of_fault.item, 0.0)), of_fault.switch)
        for place, switch in planned.items():
            bounds[place] = switch
        return bounds

    def summary(self, run: int) -> dict[str, Any]:
        """The part of `summary.json` that the simulation measures."""
        s = self._s
        followers = s.world.vehicles - 1
        rows = slice(run * followers, (run + 1) * followers)
        name = s.function.name
        time = self._driving.drive.gap_time[rows].sum()
        measured: dict[str, Any] = {
            "duration": float(seconds(s.finished, 0)),
            "vehicles": s.world.vehicles,
            "vehicle_steps": s.world.vehicles * self.steps,
            "collisions": int(self.collisions[rows].sum()),
            "min_gap": float(self._driving.drive.least_gap[rows].min()),
            "min_time_to_collision": _finite(self._driving.drive.least_time_to_collision[rows].min()),
            "min_rss_margin": float(self._driving.drive.least_margin[rows].min()),
            "mean_time_gap": float(self._driving.drive.gap_sum[rows].sum() / time) if time else None,
            "functions": {name: self._function(rows)},
            "metrics": (self._platoon(run) if self._is_platoon else {}) | self.radio.summary(run),
            "safety_goals": self._goals(rows),
        }
        if s.outside is None:
            return measured
        if s.is_shadow:
            return measured | _of_shadow(measured["functions"], s.outside.summary())
        measured["metrics"] |= s.outside.summary()
        return measured

    def so_far(self, rows: slice) -> dict[str, Any]:
        """What `summary` says of goals, function and least distances, of these rows and while the run goes on."""
        found = {"functions": {self._s.function.name: self._function(rows)}, "safety_goals": self._goals(rows)}
        if self._s.is_shadow:
            return found
        nearest = {"min_gap": self.min_gap, "min_rss_margin": self.min_margin}
        return found | {name: float(of[rows].min()) for name, of in nearest.items()}

    def margins(self, run: int, worth: float) -> dict[str, float]:
        """How far a run was from each hazard, m: the least gap, margin over the RSS distance, and rest of a bound.

        worth   m, of the whole of a bound
        """
        followers = self._s.world.vehicles - 1
        rows = slice(run * followers, (run + 1) * followers)
        found = {
            COLLISION: float(self.min_gap[rows].min()),
            UNSAFE_DISTANCE: float(self.min_margin[rows].min()),
        }
        return found | ({BAD_DATA: worth * self.exposure.left(rows)} if self._s.enabled else {})

    def _platoon(self, run: int) -> dict[str, float | None]:
        """Largest growth of the speed's deviation from its mean, from car to car, and what a lane takes in an hour.

            throughput <- 3600 * mean speed / mean spacing    [fundamental relation, flow = density * speed]

        [L2 norm: Ploeg et al. 2014]. Means over all followers and instants; spacing from front bumper to front bumper.
        """
        vehicles = self._s.world.vehicles
        count, total, squares = self._speeds[:, run * vehicles : (run + 1) * vehicles]
        energy = np.sqrt(np.maximum(squares - total * total / np.maximum(count, 1.0), 0.0))
        rows = slice(run * (vehicles - 1), (run + 1) * (vehicles - 1))
        speed, spacing = self._driving.drive.speed_sum[rows].sum(), self._driving.drive.spacing_sum[rows].sum()
        return {
            "string_stability": float((energy[1:] / energy[:-1]).max()) if energy.min() > 0.0 else None,
            "throughput": float(3600.0 * speed / spacing) if spacing > 0.0 else None,
        }

    def _function(self, rows: slice) -> dict[str, Any]:
        s = self._s
        shares = self._driving.drive.shares[:, rows]
        total = shares.sum()
        shares = shares.sum(axis=1) / total if total else np.eye(len(shares))[0]
        latency, bound, handling = self._tightest(rows)
        downgrades = s.log.verdicts[:, rows].sum(axis=1).tolist()
        return {
            "los_share": {str(level): float(share) for level, share in enumerate(shares)},
            "switches": int(s.log.switches[rows].sum()),
            "worst_switch_latency": latency,
            "switch_bound": bound,
            "worst_fault_handling": float(self.exposure.longest[rows].max()),
            "fault_handling_bound": handling,
            "false_downgrades": None if s.is_shadow else int(s.log.false_downgrades[rows].sum()),
            **self._agreement(rows),
            "downgrades": dict(zip(VERDICTS, downgrades, strict=True)),
        }

    def _agreement(self, rows: slice) -> dict[str, Any]:
        """How long members of a group were on different levels, in rounds; nothing where there is no group."""
        if self._s.group is None:
            return {}
        run, found = rows.start // (rows.stop - rows.start), self._s.group.disagreement
        return {
            "worst_disagreement": int(found.longest[run]),
            "mean_disagreement": float(found.apart[run] / max(found.rounds, 1)),
            "disagreement_bound": 1,
        }

    def _tightest(self, rows: slice) -> tuple[float, float, float]:
        """Latency, switch bound and handling bound of the failure with the least margin."""
        if not self._items:  # level 0 is all there is: nothing is guarded, and nothing switched
            return 0.0, 0.0, 0.0
        bounds = self._bounds[:, rows]
        worst = np.zeros((len(self._items) + 1, bounds.shape[-1]))
        worst[self._places] = self.exposure.worst[:, rows]
        worst = worst[:-1]  # the last one is of all that no rule guards
        item, row = np.unravel_index(int((bounds - worst - 1e3 * (worst > 0.0)).argmin()), worst.shape)
        bound = float(bounds[item, row])
        guard = self._guards[self._items[item]]
        return float(worst[item, row]), bound, bound + self._s.function.levels[guard - 1].reach

    def _goals(self, rows: slice) -> dict[str, Any]:
        counts = {COLLISION: self.collisions, UNSAFE_DISTANCE: self.unsafe}
        if self._s.enabled:  # without the kernel nothing is switched, so there is nothing to be in time
            counts[BAD_DATA] = self.overdue
        goals: dict[str, Any] = {}
        for hazard in self._s.design.hazards:
            if self._is_shadow and hazard.id in (COLLISION, UNSAFE_DISTANCE):
                goals[hazard.goal] = {"violated": None, "violations": None}
            elif hazard.id in counts:
                violations = int(counts[hazard.id][rows].sum())
                goals[hazard.goal] = {"violated": violations > 0, "violations": violations}
        return goals


def _guarded(simulation: Simulation) -> dict[str, int]:
    """Items that rules guard, and the lowest level whose rules name each."""
    components = [component.name for component in simulation.design.components]
    guards = analysis.guards(simulation.function)
    return {name: level for name, level in guards.items() if name in (*OWN, *simulation.senders, *components)}


def _of_shadow(functions: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """What takes the place of what was measured where signals are real, and nobody knows what is true."""
    judged = {name: each | {"worst_fault_handling": None} for name, each in functions.items()}
    return dict.fromkeys(NOT_JUDGED) | {"functions": judged, "metrics": dict(added), "not_judged": [*NOT_JUDGED]}


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None
