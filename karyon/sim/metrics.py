"""Measures of a run and its safety goals, accumulated at every step for all runs of a batch at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import Entries, written
from karyon.kernel.elementwise import (
    BooleanTable,
    Column,
    Compiler,
    FloatTable,
    TimeTable,
    WholeTable,
    anywhere,
    each,
    maximum,
    minimum,
    pick,
    where,
)
from karyon.kernel.runtime import Booleans, Floats
from karyon.kernel.runtime import Ticks as Integers
from karyon.perception.following import OWN, RELATIVE, Seen
from karyon.perception.received import M_INTENDED, M_SPEED, MESSAGE, STANDSTILL, Told
from karyon.perception.sensors import seconds
from karyon.sim import analysis
from karyon.sim.events import VERDICTS, Rank
from karyon.sim.reception import Reception
from karyon.sim.watch import NONE, Blame, Distance, Exposure, Truth

if TYPE_CHECKING:
    from karyon.sim.engine import Simulation

COLLISION, UNSAFE_DISTANCE, BAD_DATA = "collision", "unsafe_distance", "bad_data_in_command"
SETTLED = 30_000_000_000  # ns, from which on the string is judged: what the start has disturbed is over
NOT_JUDGED = ("collisions", "min_gap", "min_time_to_collision", "min_rss_margin", "mean_time_gap")
MOVING = 1.0  # m/s: below it a time gap says nothing


class Drive(NamedTuple):
    """How each row drove (row,): state of what is measured; SI units."""

    least_gap: Floats
    least_margin: Floats
    least_time_to_collision: Floats
    speed_sum: Floats
    spacing_sum: Floats  # from front bumper to front bumper
    gap_sum: Floats  # of time gaps, while it moves
    gap_time: Floats  # instants in which it does
    shares: FloatTable  # instants at each level (level, row)


class Judged(NamedTuple):
    """After one instant."""

    drive: Drive


def begun(levels: int, rows: int) -> Drive:
    """Before the first instant."""
    return Drive._make([*np.full((3, rows), np.inf), *np.zeros((4, rows)), np.zeros((levels, rows))])


def judge(
    before: Drive,
    gap: Floats,
    speed: Floats,
    front_speed: Floats,
    margin: Floats,
    level: Integers,
    counted: Booleans,
    levels: Column,
    length: float,
) -> Judged:
    """One instant: of the true motion, the margin over the RSS distance, and the level in command."""
    closing = speed - front_speed
    is_closing = closing > 0.0
    time = where(is_closing, maximum(gap, 0.0) / where(is_closing, closing, 1.0), np.inf)
    moving = speed >= MOVING
    return Judged(
        Drive(
            minimum(before.least_gap, gap),
            minimum(before.least_margin, margin),
            minimum(before.least_time_to_collision, time),
            before.speed_sum + speed,
            before.spacing_sum + (gap + length),
            before.gap_sum + where(moving, gap / maximum(speed, MOVING), 0.0),
            before.gap_time + where(moving, 1.0, 0.0),
            each(_counted, before.shares, levels, level, counted),
        )
    )


def _counted(share: Any, number: Any, level: Any, counted: Any) -> Any:
    return share + where(counted & (level == number), 1.0, 0.0)


class Wrong(NamedTuple):
    """Which own signals were wrong by more than tolerated when they were last measured (signal, row)."""

    own: BooleanTable


class Mistaken(NamedTuple):
    """After one instant."""

    wrong: Wrong


def mistaken(before: Wrong, value: FloatTable, true: FloatTable, fresh: BooleanTable, tolerated: Column) -> Mistaken:
    """One instant of what own sensors say, and what was true when they measured it."""
    return Mistaken(Wrong(each(_wrong, before.own, value, true, fresh, tolerated)))


def _wrong(before: Any, value: Any, true: Any, fresh: Any, tolerated: Any) -> Any:
    return where(fresh, _is_off(value, true, tolerated), before)


def _is_off(value: Any, true: Any, tolerated: Any) -> Any:
    return abs(value - true) > tolerated


class Then(NamedTuple):
    """What was true when own sensors measured, as far as that was now (signal, row)."""

    true: FloatTable


class Measured(NamedTuple):
    """The same, and where it was another time (row,)."""

    then: Then
    is_older: Booleans


def measured(here: Then, true: FloatTable, time: TimeTable, fresh: BooleanTable, now: int) -> Measured:
    """Of samples of `time` (ns), where they are new."""
    return Measured(Then(true), anywhere(each(_is_older, time, fresh, now)))


def _is_older(time: Any, fresh: Any, now: int) -> Any:
    return fresh & (time != now)


class Misled(NamedTuple):
    """Whether any field of a message was wrong by more than tolerated in the last one (row,)."""

    wrong: Booleans


class Mislead(NamedTuple):
    """After one instant."""

    misled: Misled


def misled(before: Misled, value: FloatTable, true: FloatTable, fresh: Booleans, tolerated: Column) -> Mislead:
    """One instant of what a sender says in the fields of `MESSAGE`, and what was true when it said so."""
    motion = anywhere(each(_is_off, value[:M_INTENDED], true[:M_INTENDED], tolerated[:M_INTENDED]))
    said, meant = _meant(value[M_SPEED], value[M_INTENDED]), _meant(true[M_SPEED], true[M_INTENDED])
    wrong = motion | _is_off(said, meant, tolerated[M_INTENDED])
    return Mislead(Misled(where(fresh, wrong, before.wrong)))


class Recalled(NamedTuple):
    """What was true when a sender said something, as far as that was the last time (field, row)."""

    true: FloatTable


class Recall(NamedTuple):
    """The same, and where it was another time (row,)."""

    recalled: Recalled
    is_older: Booleans


def recall(here: Recalled, true: WholeTable, source: Integers, time: Integers, fresh: Booleans, newest: int) -> Recall:
    """Of messages of `time` (ns), where they are new, of which the newest were sent at `newest`, by car `source`."""
    return Recall(Recalled(each(pick, true, source)), fresh & (time != newest))


class Handling(NamedTuple):
    """Since when each row handles a fault, ns, `NONE`: none; and how long that took at most so far, s (row,)."""

    since: Integers
    worst: Floats


class Handled(NamedTuple):
    """After one instant."""

    handling: Handling


def handle(here: Handling, began: Integers, is_safe: Booleans, level_since: Integers, now: int) -> Handled:
    """A fault that `began` then is handled once the state is safe at the level that was switched to."""
    since = minimum(here.since, began)
    waits = since != NONE
    lasts = seconds(maximum(level_since, now), where(waits, since, now))
    return Handled(Handling(where(waits & is_safe, NONE, since), where(waits, maximum(here.worst, lasts), here.worst)))


class Flagged(NamedTuple):
    """Whether an item is bad (row,)."""

    is_bad: Booleans


class Flag(NamedTuple):
    """After one instant."""

    flagged: Flagged


def flag(here: Flagged, is_wrong: Booleans, is_late: Booleans) -> Flag:
    """Bad is what is wrong, or late."""
    return Flag(Flagged(is_wrong | is_late))


class Was(NamedTuple):
    """Whether something was so at the last instant (row,)."""

    so: Booleans


class Begun(NamedTuple):
    """Whether it is so now, and where it has begun to be (row,)."""

    was: Was
    begins: Booleans


def touch(before: Was, gap: Floats) -> Begun:
    """Cars touch."""
    return _begun(before, gap <= 0.0)


def intrude(before: Was, margin: Floats, excused: Booleans) -> Begun:
    """A car is inside of the safe distance, and not excused."""
    return _begun(before, (margin < 0.0) & ~excused)


def outlast(before: Was, late: Booleans) -> Begun:
    """Bad data has command for longer than its bound."""
    return _begun(before, where(late, True, False))


def _begun(before: Was, is_so: Any) -> Begun:
    return Begun(Was(is_so), is_so & ~before.so)


class _Onset:
    """When something begins, by one of the formulas above."""

    def __init__(self, formula: Callable[..., Begun], rows: int) -> None:
        self._was, self._formula = Was(np.zeros(rows, dtype=bool)), formula

    def quicken(self, in_place: Compiler) -> None:
        self._formula = in_place(self._formula)

    def __call__(self, *told: Any) -> Booleans:
        """Where it does now (row,)."""
        self._was, begins = self._formula(self._was, *told)
        return begins


class Metrics:
    """What `summary.json` says of each run; arrays (row,) are folded into runs at the end."""

    def __init__(self, simulation: Simulation) -> None:
        self._s = simulation
        rows, levels = simulation.rows, simulation.function.levels
        self._braking = simulation.scenarios[0].vehicle.braking
        reaction = np.array([level.reaction_time or 0.0 for level in levels])
        self.distance, self._blame = (
            Distance(reaction, self._braking, rows),
            Blame(rows, can_begin=len(simulation.world.strangers) > 0),
        )
        self._items, self.exposure = _exposure(simulation)
        guards = analysis.guards(simulation.function)
        self._reach = [simulation.function.levels[guards[name] - 1].reach for name in self._items]  # s
        self._ended = simulation.log.journal(self._latencies)
        self._tolerated_own = _tolerated(simulation, OWN)
        self._tolerated = [
            _tolerated(simulation, [f"{sender}.{field}" for field in MESSAGE]) for sender in simulation.senders
        ]
        self._levels = np.arange(float(len(levels)))[:, None]
        self._of_drive = begun(len(levels), rows)
        self._judge = judge
        self.collisions = np.zeros(rows, dtype=np.int64)
        self.unsafe = np.zeros(rows, dtype=np.int64)
        self.overdue = np.zeros(rows, dtype=np.int64)
        self._touch, self._intrude, self._overdue = (_Onset(each, rows) for each in (touch, intrude, outlast))
        self._is_platoon = simulation.scenarios[0].kind == "platoon"
        self._length = simulation.scenarios[0].vehicle.length
        self._speeds = np.zeros((3, len(simulation.world.speed)))  # of each car: instants, sum, sum of squares
        self._handling, self._handle = Handling(np.full(rows, NONE, dtype=np.int64), np.zeros(rows)), written(handle)
        self._wrong = Wrong(np.zeros((len(OWN), rows), dtype=bool))
        self._misled = [Misled(np.zeros(rows, dtype=bool)) for _ in simulation.senders]
        self._then, self._measure = Then(np.zeros((len(OWN), rows))), written(measured)
        self._mistake, self._mislead_by = mistaken, [misled for _ in simulation.senders]
        self._true_of = [np.zeros((len(MESSAGE), rows)) for _ in simulation.senders]  # of what the senders said
        self._recalled = [Recalled(each) for each in self._true_of]
        self._bad = np.zeros((len(self._items), rows), dtype=bool)
        self._flagged = [Flagged(each) for each in self._bad]
        self._sources: tuple[Wrong | None, list[tuple[Booleans, Booleans]]] = None, []
        tape = simulation.tape
        self._truth, self._sent = Truth(len(OWN), rows, tape), Truth(len(MESSAGE), len(simulation.world.speed), tape)
        self._recall = [written(recall) for _ in simulation.senders]
        self._flag = [written(flag) for _ in self._items]
        self._plan(simulation)
        self.radio = Reception(simulation.channel, tape)
        self.steps = 0
        self._is_shadow = simulation.is_shadow  # nobody knows what is true of real devices

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self._judge = in_place(judge)
        self.distance.quicken(in_place)
        self.radio.quicken(in_place)
        self.exposure.quicken(in_place)
        self._mistake, self._measure = in_place(mistaken), in_place(measured)
        self._mislead_by = [in_place(misled) for _ in self._misled]
        self._recall, self._flag = [in_place(recall) for _ in self._misled], [in_place(flag) for _ in self._items]
        self._handle = in_place(handle)
        for onset in (self._touch, self._intrude, self._overdue):
            onset.quicken(in_place)

    @property
    def min_gap(self) -> Floats:
        """Smallest gap of each row in m (row,)."""
        return self._of_drive.least_gap

    @property
    def min_margin(self) -> Floats:
        """Smallest margin over the RSS distance of each row in m (row,)."""
        return self._of_drive.least_margin

    def step(self, now: int) -> None:
        """Judge one instant, after perception has spoken."""
        s, world = self._s, self._s.world
        gap, speed, front = world.gap, world.own_speed, world.front_speed
        self.distance.update(gap, speed, front, s.level)
        told = gap, speed, front, self.distance.margin, s.level, s.initialised, self._levels, self._length
        self._of_drive = self._judge(self._of_drive, *told).drive
        if self._is_platoon and now >= SETTLED:
            self._speeds += np.stack([np.ones_like(world.speed), world.speed, world.speed * world.speed])
        if not self._is_shadow:
            margin = self.distance.margin
            excused = self._blame.excused(now, margin, self.distance.reaction)
            self._note(now, "collision", self._touch(gap), self.collisions)
            self._note(now, "unsafe distance", self._intrude(margin, excused), self.unsafe)
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
        self._blame.begin(now, rows)

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
        self._flag_bad(now)
        ended = self.exposure.update(now, self._bad, s.level, s.level_since)
        told = ended.counted, ended.lasted, s.level, self.exposure.bounds
        s.tape.note(ended.is_counted, self._ended, told, now)
        begins = self._overdue(ended.late)
        self._note(now, "bad data in command beyond its bound", begins, self.overdue, Rank.OVERDUE)
        self._handle(self._handling, ended.began, self.distance.safe_at_level, s.level_since, now)

    def _latencies(self, entries: Entries) -> None:
        """Exposures that a switch has ended."""
        rows, (times,), (counted, lasted, level, bounds) = entries
        item, entry = np.nonzero(counted & self.exposure.switched(level))
        order = np.lexsort((entry, item, times[entry]))
        item, entry = item[order], entry[order]
        found, limit = lasted[item, entry].tolist(), bounds[item, entry].tolist()

        def words(place: int) -> tuple[str, dict[str, Any]]:
            name, lasts, bound = self._items[item[place]], found[place], limit[place]
            said = f"{name} was bad for {lasts:.3f} s in command, bound {bound:.3f} s"
            return said, {"item": name, "seconds": lasts, "bound": bound}

        self._s.log.note(Rank.ENDED, "latency", times[entry], rows[entry], words)

    def _flag_bad(self, now: int) -> None:
        """Flag items that are bad now: wrong by more than tolerated, or due and missing; components that are down."""
        s = self._s
        assert s.seen is not None
        self._truth.keep(now, s.true)
        seen, true = s.seen, self._true(now, s.seen) if s.may_be_old else s.true
        self._wrong = self._mistake(self._wrong, seen.value, true, seen.fresh, self._tolerated_own).wrong
        if s.channel.due:
            self._sent.keep(s.channel.sent, s.channel.true)
        if s.has_heard:
            for place, (told, source) in enumerate(zip(s.told, s.sources, strict=True)):
                self._mislead(now, place, told, source)
        if self._sources[0] is not self._wrong:  # or else it is in the same arrays as before
            self._sources = (
                self._wrong,
                [*zip([*self._wrong.own, *(one.wrong for one in self._misled)], s.late, strict=True)],
            )
        names = *OWN, *s.senders
        for name, write, flagged in zip(self._items, self._flag, self._flagged, strict=True):
            if name in s.down:
                if s.outside is not None or s.components.can_fail(name):
                    write(flagged, s.down[name], s.down[name])
            else:
                write(flagged, *self._sources[1][names.index(name)])

    def _true(self, now: int, seen: Seen) -> Floats:
        """What was true when own sensors measured what is new (signal, row)."""
        is_older = self._measure(self._then, self._s.true, seen.time, seen.fresh, now).is_older

        def look_up(now: int) -> None:
            self._then.true[:] = self._truth.at(np.where(seen.fresh, seen.time, now))

        self._s.tape.react(is_older, now, look_up)
        return self._then.true

    def _mislead(self, now: int, place: int, told: Told, source: Integers) -> None:
        """Whether the message of one of the senders, where it is new, is wrong by more than tolerated."""
        true = self._true_of[place]
        said = source, told.time, told.fresh, self._s.channel.sent
        recalled = self._recall[place](self._recalled[place], self._s.channel.true, *said)

        def look_up(_: int) -> None:
            self._sent.said(told.time, told.fresh, source, true)

        self._s.tape.react(recalled.is_older, now, look_up)
        before, numbers = self._misled[place], self._tolerated[place]
        self._misled[place] = self._mislead_by[place](before, told.value, true, told.fresh, numbers).misled

    def _plan(self, simulation: Simulation) -> None:
        """The bounds that hold in each row: those of its faults, the longest of them per item."""
        bound = cache(partial(analysis.bound, simulation.design, simulation.function))
        planned: dict[tuple[int, int], float] = {}
        usual: dict[str, float] = {}  # a failure may follow upon lost messages
        if not simulation.scenarios[0].radio.is_perfect:
            usual = {name: bound(name, "omission").switch for name in simulation.senders if name in self._items}
            usual[OWN[RELATIVE]] = analysis.unheard_bound(simulation.design, simulation.function)
        for one in simulation.log.faults:
            subject = str(one.fault.signal or one.fault.component)
            if analysis.field_of(subject) in self._items:
                found = bound(subject, one.fault.mode)
                place = self._items.index(found.item), one.row
                planned[place] = max(planned.get(place, usual.get(found.item, 0.0)), found.switch)
        for place, switch in planned.items():
            self.exposure.bounds[place] = switch

    def summary(self, run: int) -> dict[str, Any]:
        """The part of `summary.json` that the simulation measures."""
        s = self._s
        followers = s.world.vehicles - 1
        rows = slice(run * followers, (run + 1) * followers)
        name = s.function.name
        time = self._of_drive.gap_time[rows].sum()
        measured: dict[str, Any] = {
            "duration": float(seconds(s.finished, 0)),
            "vehicles": s.world.vehicles,
            "vehicle_steps": s.world.vehicles * self.steps,
            "collisions": int(self.collisions[rows].sum()),
            "min_gap": float(self._of_drive.least_gap[rows].min()),
            "min_time_to_collision": _finite(self._of_drive.least_time_to_collision[rows].min()),
            "min_rss_margin": float(self._of_drive.least_margin[rows].min()),
            "mean_time_gap": float(self._of_drive.gap_sum[rows].sum() / time) if time else None,
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
        speed, spacing = self._of_drive.speed_sum[rows].sum(), self._of_drive.spacing_sum[rows].sum()
        return {
            "string_stability": float((energy[1:] / energy[:-1]).max()) if energy.min() > 0.0 else None,
            "throughput": float(3600.0 * speed / spacing) if spacing > 0.0 else None,
        }

    def _function(self, rows: slice) -> dict[str, Any]:
        s = self._s
        shares = self._of_drive.shares[:, rows]
        total = shares.sum()
        shares = shares.sum(axis=1) / total if total else np.eye(len(shares))[0]
        latency, bound, handling = self._tightest(rows)
        downgrades = s.log.verdicts[:, rows].sum(axis=1).tolist()
        return {
            "los_share": {str(level): float(share) for level, share in enumerate(shares)},
            "switches": int(s.log.switches[rows].sum()),
            "worst_switch_latency": latency,
            "switch_bound": bound,
            "worst_fault_handling": float(self._handling.worst[rows].max()),
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
        worst, bounds = self.exposure.worst[:, rows], self.exposure.bounds[:, rows]
        item, row = np.unravel_index(int((bounds - worst - 1e3 * (worst > 0.0)).argmin()), worst.shape)
        bound = float(bounds[item, row])
        return float(worst[item, row]), bound, bound + self._reach[item]

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


def _exposure(simulation: Simulation) -> tuple[list[str], Exposure]:
    """Items that rules guard, and how long each may be bad in command: without a known fault the longest bound."""
    found = list(analysis.bounds(simulation.design, simulation.function))
    guards = analysis.guards(simulation.function)
    components = [component.name for component in simulation.design.components]
    items = [name for name in guards if name in (*OWN, *simulation.senders, *components)]
    longest = [
        max((b.switch for b in found if b.item == name and isfinite(b.switch)), default=np.inf) for name in items
    ]
    bounds = np.repeat(np.array(longest)[:, None], simulation.rows, axis=1)
    level = np.array([guards[name] for name in items])
    return items, Exposure(level, bounds)


def _meant(speed: Any, intended: Any) -> Any:
    """What an intended acceleration comes to: who stands, and brakes, stands as well as one who does not."""
    return where(speed < STANDSTILL, maximum(intended, 0.0), intended)


def _tolerated(simulation: Simulation, names: Sequence[str]) -> Floats:
    """Failure amplitudes of these signals (signal, 1); inf where the design states none."""
    stated = {signal.name: signal.tolerated for signal in simulation.design.signals}
    return np.array([[np.inf if stated.get(name) is None else stated[name]] for name in names], dtype=float)


def _of_shadow(functions: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """What takes the place of what was measured where signals are real, and nobody knows what is true."""
    judged = {name: each | {"worst_fault_handling": None} for name, each in functions.items()}
    return dict.fromkeys(NOT_JUDGED) | {"functions": judged, "metrics": dict(added), "not_judged": [*NOT_JUDGED]}


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None
