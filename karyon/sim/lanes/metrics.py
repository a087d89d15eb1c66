"""Measures of runs of lane changes and their safety goals, accumulated at every step for all runs of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.control import rss
from karyon.perception.following import DISTANCE, OWN, RELATIVE
from karyon.perception.received import M_POSITION, MESSAGE
from karyon.perception.sensors import seconds
from karyon.sim.commonroad.tracks import OURS
from karyon.sim.lanes import bounds
from karyon.sim.lanes.blame import Blame
from karyon.sim.lanes.recorded import RecordedWorld
from karyon.sim.lanes.scenario import FOLLOWING
from karyon.sim.lanes.signals import DISTANCES, message, mirrored_message, prefix, usual_names
from karyon.sim.lanes.world import FRONT, GAP_FRONT, GAP_REAR, NOBODY, RELATIONS
from karyon.sim.watch import Exposure, Truth

if TYPE_CHECKING:
    from karyon.sim.lanes.manoeuvres import Happened
    from karyon.sim.lanes.simulation import Simulation

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

AFTERMATH = 8_000_000_000  # ns after a change for which braking behind it counts as imposed by it
MOVING = 1.0  # m/s: below it a time gap says nothing


@dataclass(slots=True)
class Done:
    """A lane change that is over: seconds from wish to arrival, level that it was begun at, hardest braking imposed."""

    run: int
    wait: float
    level: int
    imposed: float


class Metrics:
    """What `summary.json` says of each run; arrays are (car,), (run,), or (run, vehicle, other)."""

    def __init__(self, simulation: Simulation) -> None:
        self._s = s = simulation
        cars, runs, vehicles = s.cars, s.world.runs, s.world.vehicles
        self._vehicle = s.scenarios[0].vehicle
        levels = s.functions[FOLLOWING].levels
        self._reaction = np.array([level.reaction_time or 0.0 for level in levels])
        self._exposures = {name: _Exposed(s, name) for name in s.functions}
        self._sees = _Seeing(s)
        self.shares = {name: np.zeros((len(each.levels), cars)) for name, each in s.functions.items()}
        self.min_gap, self.min_ttc = np.full(cars, np.inf), np.full(cars, np.inf)
        self.min_margin, self._min_room = np.full((2, runs), np.inf)
        self._gap_sum, self._gap_time = np.zeros(cars), np.zeros(cars)
        pairs = runs, vehicles, vehicles
        self._was = {name: np.zeros(pairs, dtype=bool) for name in ("collision", "unsafe_distance")}
        self._apart_before = np.full(pairs, np.inf)
        self.counts = {
            name: np.zeros(runs, dtype=np.int64) for name in (*self._was, "gap_not_free", "bad_data_in_command")
        }
        self._overdue = np.zeros(cars, dtype=bool)
        self._was_beyond = np.zeros(cars, dtype=bool)
        self.forced = np.zeros(runs, dtype=np.int64)
        self.blame = Blame(s)
        self.wanted, self.turned_back = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
        self.done: list[Done] = []
        self._imposes_until = np.full(cars, -1)
        self._imposed, self._begun_at = np.zeros(cars), np.zeros(cars, dtype=np.int64)
        self._finished: dict[int, Done] = {}
        self._in_lane = s.world.covers
        self.in_goal = np.full(runs, -1)  # ns, since when our car among recorded ones is in its goal lane
        self.steps = 0

    # --- what happens

    def wished(self, car: int) -> None:
        """A car has got a wish."""
        self.wanted[car // self._s.world.vehicles] += 1

    def happened(self, now: int, happened: Happened) -> None:
        """Note what cars have done in a cycle of control at `now` (ns)."""
        s = self._s
        for car in map(int, np.flatnonzero(happened.began)):
            level = int(s.manoeuvres.level[car])
            self._settle(car)
            self._imposes_until[car], self._imposed[car], self._begun_at[car] = np.iinfo(np.int64).max, 0.0, level
            s.log.add(now, car, "manoeuvre", f"moves over to lane {s.manoeuvres.aims[car]} at LoS {level}", level=level)
        for car in map(int, np.flatnonzero(happened.turned_back)):
            self.turned_back[car // s.world.vehicles] += 1
            self._imposes_until[car] = -1
            s.log.add(now, car, "manoeuvre", f"turns back to lane {s.manoeuvres.home[car]}")
        for car in map(int, np.flatnonzero(happened.arrived)):
            self._imposes_until[car] = now + AFTERMATH
            wait = float(seconds(now, s.manoeuvres.since[car]))
            s.log.add(
                now, car, "manoeuvre", f"is in lane {s.manoeuvres.home[car]}, {wait:.1f} s after the wish", wait=wait
            )
            if s.manoeuvres.idle[car]:
                one = Done(car // s.world.vehicles, wait, int(self._begun_at[car]), 0.0)
                self._finished[car] = one
                self.done.append(one)

    def _settle(self, car: int) -> None:
        """What a car has imposed by its last change is known."""
        if car in self._finished:
            self._finished.pop(car).imposed = float(self._imposed[car])

    # --- at every step

    def step(self, now: int) -> None:
        """Judge one instant, after perception has spoken."""
        s = self._s
        if now < s.world.begins:
            return
        self._distances(now)
        self._gaps(now)
        self._goal(now)
        self._impose(now)
        for name, shares in self.shares.items():
            for level in range(len(shares)):
                shares[level] += s.world.ours & s.initialised[name] & (s.level[name] == level)
        if s.enabled:
            bad = {item: rows & s.world.ours for item, rows in self._sees.bad(now).items()}
            overdue = np.zeros(s.cars, dtype=bool)
            for name, exposed in self._exposures.items():
                for car, said, fields in exposed.update(now, bad, s.level[name], s.level_since[name]):
                    s.log.add(now, car, "latency", f"{name}: {said}", function=name, **fields)
                overdue |= exposed.overdue
            for car in map(int, np.flatnonzero(overdue & ~self._overdue)):
                self._violated(now, car, "bad_data_in_command", "bad data in command beyond its bound")
            self._overdue = overdue
        self.steps += 1

    def _distances(self, now: int) -> None:
        """Collisions by the bodies, and the safe distance: to be too near along the road and to the side."""
        s, world, length = self._s, self._s.world, self._vehicle.length
        gap = np.where(world.ours, s.neighbours.distance[FRONT] - length, np.inf)
        front = np.where(s.neighbours.car[FRONT] == NOBODY, 0, s.neighbours.car[FRONT])
        closing = np.where(np.isfinite(gap), world.rate - world.rate[front], 0.0)
        self.min_gap = np.minimum(self.min_gap, gap)
        near = np.where(closing > 0.0, np.maximum(gap, 0.0) / np.where(closing > 0.0, closing, 1.0), np.inf)
        self.min_ttc = np.minimum(self.min_ttc, near)
        moving = (world.rate >= MOVING) & np.isfinite(gap)
        self._gap_sum += np.where(moving, gap / np.maximum(world.rate, MOVING), 0.0)
        self._gap_time += moving
        by, is_ahead = world.ahead()
        speed, other = world.paired(world.rate)
        reaction, _ = world.paired(self._reaction[s.level[FOLLOWING]])
        margin = by - length - rss.safe_distance(speed, other, reaction, self._vehicle.braking)
        mine, theirs = world.paired(world.ours)
        margin = np.where(is_ahead & self._beside() & (mine | theirs), margin, np.inf)
        self.min_margin = np.minimum(self.min_margin, np.where(mine, margin, np.inf).min(axis=(1, 2)))
        touching = world.touching() & is_ahead & (mine | theirs)
        self.blame.look(margin)
        self._note(now, "collision", touching, "touches car {other}")
        self._note(now, "unsafe_distance", margin < 0.0, "is too near behind car {other}")
        beyond = s.lane_end.beyond()
        for car in map(int, np.flatnonzero(beyond & ~self._was_beyond)):
            self._violated(now, car, "collision", "is beyond the end of its lane")
        self._was_beyond = beyond

    def _beside(self) -> Booleans:
        """Pairs that are nearer to the side than is safe (run, vehicle, other)."""
        world = self._s.world
        (d, other), (half, others) = world.paired(world.d), world.paired(world.half_width)
        speed, another = world.paired(world.lateral_speed)
        side = np.sign(other - d)
        reaction, _ = world.paired(self._reaction[self._s.level[FOLLOWING]])
        safe = rss.lateral_distance(speed * side, -another * side, reaction)
        return np.asarray(np.abs(other - d) - half - others < safe)

    def _note(self, now: int, name: str, wrong: Booleans, said: str) -> None:
        begins = wrong & ~self._was[name]
        self._was[name] = wrong
        for run, vehicle, other in zip(*np.nonzero(begins), strict=True):
            car = int(run) * self._s.world.vehicles + int(vehicle)
            if (argument := self.blame.argument(name, int(run), int(vehicle), int(other))) is None:
                self._violated(now, car, name, said.format(other=int(other)), other=int(other))
            else:
                self._forced(now, int(run), name, argument)

    def _forced(self, now: int, run: int, name: str, argument: str) -> None:
        self.forced[run] += 1
        ours = run * self._s.world.vehicles
        self._s.log.add(now, ours, "forced", f"{name.replace('_', ' ')} that others forced: {argument}", goal=name)

    def _violated(self, now: int, car: int, name: str, said: str, **fields: Any) -> None:
        self.counts[name][car // self._s.world.vehicles] += 1
        self._s.log.add(now, car, "violation", f"{name.replace('_', ' ')}: {said}", goal=name, **fields)

    def _gaps(self, now: int) -> None:
        """Whether the gap was free, or granted by those around it, when a tyre has just come across the line."""
        s, world = self._s, self._s.world
        crossed = np.flatnonzero((world.covers & ~self._in_lane).any(axis=1) & s.manoeuvres.moving)
        self._in_lane = world.covers
        found = world.neighbours(blinking=False) if len(crossed) else s.neighbours
        for car in map(int, crossed):
            rooms = []
            for relation in (GAP_FRONT, GAP_REAR):
                other, distance = int(found.car[relation, car]), float(found.distance[relation, car])
                if other != NOBODY:
                    behind, ahead = (car, other) if relation == GAP_FRONT else (other, car)
                    reaction = self._reaction[s.level[FOLLOWING][behind]]
                    speeds = world.rate[behind], world.rate[ahead]
                    safe = rss.safe_distance(*speeds, reaction, self._vehicle.braking)
                    rooms.append(distance - self._vehicle.length - float(safe))
            run = car // world.vehicles
            self._min_room[run] = min([self._min_room[run], *rooms])
            if min(rooms, default=0.0) < 0.0:
                self._violated(
                    now, car, "gap_not_free", f"{-min(rooms):.2f} m less than is safe as it crosses the line"
                )

    def _goal(self, now: int) -> None:
        world = self._s.world
        if isinstance(world, RecordedWorld):
            scene, place = world.scene, world.position[world.ours]
            there = world.lane[world.ours] == scene.goal
            since = np.where((self.in_goal < 0) & (place <= scene.end), now, self.in_goal)
            self.in_goal = np.where(there, since, -1)

    def _impose(self, now: int) -> None:
        """The hardest braking of who drives behind a car that changes, or has granted it the gap."""
        s, world = self._s, self._s.world
        braking = np.maximum(0.0, -world.acceleration)
        active = now <= self._imposes_until
        for relation, who in ((GAP_REAR, active & s.manoeuvres.moving), (FRONT, active)):
            if relation == FRONT:  # whoever has it ahead
                behind = np.flatnonzero((s.neighbours.car[FRONT] != NOBODY) & (s.neighbours.distance[FRONT] < 100.0))
                np.maximum.at(self._imposed, s.neighbours.car[FRONT][behind], braking[behind])
            else:
                car = np.flatnonzero(who & (s.neighbours.car[GAP_REAR] != NOBODY))
                rear = s.neighbours.car[GAP_REAR][car]
                near = s.neighbours.distance[GAP_REAR][car] < 100.0
                np.maximum.at(self._imposed, car[near], braking[rear[near]])
        given = np.flatnonzero(s.bound_to != NOBODY)
        if len(given):
            to = given // world.vehicles * world.vehicles + s.bound_to[given]
            np.maximum.at(self._imposed, to, braking[given])
        for done in [each for each in self._finished if not active[each]]:
            self._settle(done)
        self._imposed = np.where(active, self._imposed, 0.0)

    # --- in the end

    def close(self, now: int) -> None:
        """Exposures that last to the end are counted there, and changes that are not done wait until then."""
        s = self._s
        for car in list(self._finished):
            self._settle(car)
        if s.enabled:
            for exposed in self._exposures.values():
                exposed.close(now)
        self._stuck = s.lane_end.waits()
        self.waiting = np.where(s.manoeuvres.idle, np.nan, seconds(now, s.manoeuvres.since))

    def summary(self, run: int) -> dict[str, Any]:
        """The part of `summary.json` that the simulation measures."""
        s, vehicles = self._s, self._s.world.vehicles
        cars = slice(run * vehicles, (run + 1) * vehicles)
        time = self._gap_time[cars].sum()
        return {
            "duration": float(seconds(s.finished, 0)),
            "vehicles": vehicles,
            "vehicle_steps": vehicles * self.steps,
            "collisions": int(self.counts["collision"][run]),
            "min_gap": _finite(self.min_gap[cars].min()),
            "min_time_to_collision": _finite(self.min_ttc[cars].min()),
            "min_rss_margin": _finite(self.min_margin[run]),
            "mean_time_gap": float(self._gap_sum[cars].sum() / time) if time else None,
            "functions": {name: self._function(name, cars) for name in s.functions},
            "metrics": self._changes(run, cars),
            "safety_goals": self._goals(run),
        }

    def margins(self, run: int, worth: float) -> dict[str, float]:
        """How far a run was from each hazard, m: gap, margin over RSS, room in the gap as the line is crossed, bounds.

        worth   m, of the whole of a bound
        """
        vehicles = self._s.world.vehicles
        cars = slice(run * vehicles, (run + 1) * vehicles)
        found = {
            "collision": float(self.min_gap[cars].min()),
            "unsafe_distance": float(self.min_margin[run]),
            "gap_not_free": float(self._min_room[run]),
        }
        if self._s.enabled:
            found["bad_data_in_command"] = worth * min(each.left(cars) for each in self._exposures.values())
        return found

    def stuck_at_lane_end(self, run: int) -> int:
        """How many cars of a run stand where their lane ends, as it ends."""
        return int(self._stuck.reshape(-1, self._s.world.vehicles)[run].sum())

    def _changes(self, run: int, cars: slice) -> dict[str, Any]:
        done = [one for one in self.done if one.run == run]
        waiting = self.waiting[cars]
        waits = [one.wait for one in done] + waiting[np.isfinite(waiting)].tolist()
        by_level = {
            str(level): {
                "done": len(of),
                "mean_wait": float(np.mean([one.wait for one in of])),
                "imposed_braking": float(np.mean([one.imposed for one in of])),
            }
            for level in sorted({one.level for one in done})
            if (of := [one for one in done if one.level == level])
        }
        return {
            "lane_changes_wanted": int(self.wanted[run]),
            "lane_changes_done": len(done),
            "lane_changes_turned_back": int(self.turned_back[run]),
            "lane_change_mean_wait": float(np.mean(waits)) if waits else 0.0,
            "lane_change_longest_wait": float(max(waits, default=0.0)),
            "imposed_braking_mean": float(np.mean([one.imposed for one in done])) if done else 0.0,
            "imposed_braking_max": float(max((one.imposed for one in done), default=0.0)),
            "by_level": by_level,
            "stuck_at_lane_end": self.stuck_at_lane_end(run),
            **self._s.radio.summary(run),
            **self._recorded(run),
        }

    def _recorded(self, run: int) -> dict[str, Any]:
        """Among recorded cars: when the replaced one was in its goal lane for good, when ours is, and what was forced.

        Times in s from where ours begins; null: it is not there at the end, or not before the lane ends.
        """
        world = self._s.world
        if not isinstance(world, RecordedWorld):
            return {}
        scene, reached = world.scene, self.in_goal[run] - world.begins
        return {
            "replaced": int(scene.numbers[OURS]),
            "lanes": [scene.home, scene.goal],
            "recorded_reached": scene.reached,
            "reached": float(seconds(reached, 0)) if reached >= 0 else None,
            "forced_violations": int(self.forced[run]),
        }

    def _function(self, name: str, cars: slice) -> dict[str, Any]:
        s, shares = self._s, self.shares[name][:, cars]
        total = shares.sum()
        share = shares.sum(axis=1) / total if total else np.eye(len(shares))[0]
        latency, bound, handling = self._exposures[name].tightest(cars)
        verdicts = s.log.verdicts[name][cars]
        return {
            "los_share": {str(level): float(each) for level, each in enumerate(share)},
            "switches": int(s.log.switches[name][cars].sum()),
            "worst_switch_latency": latency,
            "switch_bound": bound,
            "worst_fault_handling": latency,
            "fault_handling_bound": handling,
            "false_downgrades": int(s.log.false_downgrades[name][cars].sum()),
            "downgrades": {each: sum(found[each] for found in verdicts) for each in ("lost", "invalid", "own_lag")},
        }

    def _goals(self, run: int) -> dict[str, Any]:
        found = {}
        for hazard in self._s.design.hazards:
            count = int(self.counts[hazard.id][run]) if hazard.id in self.counts else 0
            found[hazard.goal] = {"violated": count > 0, "violations": count}
        return found


class _Exposed:
    """Exposures of one function to what its rules guard."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        design, function = simulation.design, simulation.functions[name]
        found = bounds.longest(list(bounds.bounds(design, function)))
        self.items = list(found)
        unheard = bounds.unheard(design, function) if found else 0.0
        switches = [max(one.switch, unheard * item.endswith(DISTANCES[1])) for item, one in found.items()]
        limits = [np.full(simulation.cars, switch) for switch in switches]
        guards = np.array([one.guard for one in found.values()], dtype=np.int64)
        self._exposure = Exposure(guards, np.array(limits).reshape(len(found), simulation.cars))
        self._handling = [one.handling for one in found.values()]

    @property
    def overdue(self) -> Booleans:
        """Cars in which something was bad in command for longer than its bound."""
        return np.asarray(self._exposure.overdue.any(axis=0))

    def update(
        self, now: int, bad: dict[str, Booleans], level: Integers, since: Integers
    ) -> list[tuple[int, str, dict[str, Any]]]:
        """One step; what has ended by a switch, in words."""
        if not self.items:
            return []
        table = np.stack([bad[item] for item in self.items])
        told = []
        self._exposure.update(now, table, level, since)
        for one in self._exposure.ended():
            if one.switched:
                item, bound = self.items[one.item], float(self._exposure.bounds[one.item, one.row])
                said = f"{item} was bad for {one.seconds:.3f} s in command, bound {bound:.3f} s"
                told.append((one.row, said, {"item": item, "seconds": one.seconds, "bound": bound}))
        return told

    def close(self, now: int) -> None:
        """The run ends."""
        if self.items:
            self._exposure.close(now)

    def left(self, cars: slice) -> float:
        """Least share of its bound that anything bad has left."""
        return self._exposure.left(cars) if self.items else 1.0

    def tightest(self, cars: slice) -> tuple[float, float, float]:
        """Latency, switch bound and handling bound of what has the least margin, s."""
        if not self.items:
            return 0.0, 0.0, 0.0
        worst, limits = self._exposure.worst[:, cars], self._exposure.bounds[:, cars]
        item, car = np.unravel_index(int((limits - worst - 1e3 * (worst > 0.0)).argmin()), worst.shape)
        bound = float(limits[item, car])
        return float(worst[item, car]), bound, self._handling[item]


class _Seeing:
    """Which signals and components are bad now: wrong by more than is tolerated, or missing; or down."""

    def __init__(self, simulation: Simulation) -> None:
        self._s = s = simulation
        stated = {signal.name: signal.tolerated for signal in s.design.signals}
        rows = s.sensing.rows
        self._truth = Truth(len(OWN), rows)
        self._sent = Truth(len(MESSAGE), s.cars)
        self._wrong = np.zeros((len(OWN), rows), dtype=bool)
        self._misled = np.zeros(rows, dtype=bool)
        usual = [usual_names(each) for each in range(RELATIONS)]
        own = [{of: name for name, of in names.items()} for names in usual]
        self._own = np.array([np.repeat(_amounts(stated, [names[name] for names in own]), s.cars) for name in OWN])
        fields = [[names[f"lead.message.{field}"] for names in own] for field in MESSAGE]
        self._said = np.array([np.repeat(_amounts(stated, names), s.cars) for names in fields])

    def bad(self, now: int) -> dict[str, Booleans]:
        """Per item, cars in which it is bad."""
        s = self._s
        assert s.view is not None
        seen = s.view.seen
        self._truth.keep(now, s.sensing.true)
        wrong = np.abs(seen.value - self._truth.at(seen.time)) > self._own
        nobody = (s.sensing.true[DISTANCE] >= s.sensing.range) & (seen.value[DISTANCE] >= s.sensing.range)
        wrong[RELATIVE] &= ~nobody  # of nobody, a speed means nothing
        self._wrong = np.where(seen.fresh, wrong, self._wrong)
        if s.channel.due:
            self._sent.keep(s.channel.sent, s.channel.true)
        self._mislead()
        late, shape = s.sensing.late, (RELATIONS, s.cars)
        own = (self._wrong | late[:-1]).reshape(len(OWN), *shape)
        told = (self._misled | late[-1]).reshape(shape)
        found = dict(s.down)
        for relation in range(RELATIONS):
            for index, name in enumerate(OWN):
                if index < 2:
                    found[f"{prefix(relation)}.{name.partition('.')[2]}"] = own[index, relation]
                else:
                    found[name] = found.get(name, False) | own[index, relation]
            found[message(relation)] = told[relation]
        return found

    def _mislead(self) -> None:
        """Whether what a new message says of its sender is wrong by more than is tolerated."""
        s = self._s
        assert s.view is not None
        told = s.view.seen.lead
        self._misled = self._misled & ~s.sensing.changed.ravel()
        if not told.fresh.any():
            return
        sender = np.where(s.sensing.told == NOBODY, 0, s.sensing.told).ravel()
        true = self._sent.said(told.time, told.fresh, sender)
        behind = slice(GAP_REAR * s.cars, None)
        time = np.broadcast_to(told.time, told.value.shape)
        true[:, behind] = mirrored_message(true[:, behind], time[:, behind])
        true[M_POSITION] += self._s.world.vehicle.length
        wrong = (np.abs(told.value - true) > self._said).any(axis=0)
        self._misled = np.where(told.fresh, wrong, self._misled)


def _amounts(stated: dict[str, float | None], names: list[str]) -> list[float]:
    return [np.inf if stated.get(name) is None else float(stated[name] or 0.0) for name in names]


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None
