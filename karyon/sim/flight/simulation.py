"""One simulation of a batch of runs of flight, in the order of cycles that car following has, too."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from karyon.control import flight as control
from karyon.control.flight import Motion
from karyon.cooperation.disagreement import Disagreement
from karyon.flight import tracks
from karyon.flight.adsb import ACCURACY
from karyon.kernel import Kernel
from karyon.kernel.cooperative import CooperativeLevel
from karyon.kernel.design import Design
from karyon.perception.sensors import nanoseconds
from karyon.sim import clock
from karyon.sim.clock import Order
from karyon.sim.flight.alerts import Alerts
from karyon.sim.flight.bounds import ADSB, INTENT, LOCAL, OWN
from karyon.sim.flight.faults import Faults
from karyon.sim.flight.log import Log
from karyon.sim.flight.metrics import Metrics
from karyon.sim.flight.recorded import Replay
from karyon.sim.flight.scenario import COMPONENTS, FAR, FUNCTION, FlightScenario
from karyon.sim.flight.sensing import DOUBT, FRESH, Sensing
from karyon.sim.flight.trace import Messages, Trace
from karyon.sim.flight.world import World
from karyon.sim.streams import Purpose, UniformBlocks

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PEER = "traffic"
BASE = 2  # highest level that needs nobody's agreement
SECOND, STEP = 1_000_000_000, 500_000_000  # ns
ROUTE_AHEAD = 1500.0  # m ahead on its route at which an aircraft aims
CONCERNS, NEAR_ALTITUDE, HORIZON = 1800.0, 200.0, 150.0  # m, m, s: tracks that cross so near ask for agreed altitudes
PASSED = 10.0  # s after which an agreed altitude is given back


class Simulation:
    """Runs of one design and one set of numbers, side by side; a row is an aircraft."""

    def __init__(
        self,
        scenarios: Sequence[FlightScenario],
        design: Design,
        folders: Sequence[Path | None],
        replay: Replay | None = None,
    ) -> None:
        """All scenarios share what `alike` compares.

        folders   per run where its trace goes, None: not recorded
        replay    how aircraft 0 flies and reports, where it is a recorded one
        """
        first = scenarios[0]
        if any(alike(scenario) != alike(first) for scenario in scenarios):
            raise ValueError("runs of one batch differ only in seed, starts, faults")
        if first.flight.max_los is not None:
            design = design.limited(FUNCTION, first.flight.max_los)
        self.scenarios, self.design, self.function = scenarios, design, design.function(FUNCTION)
        self.end, self.finished = nanoseconds(first.duration), 0
        self.env = simpy.Environment()
        self.world = World(scenarios, replay)
        self.rows = len(self.world.x)
        self.faults = Faults(scenarios)
        self.sensing = Sensing(scenarios, self.world, self.faults, _tolerated(design))
        self.kernel = Kernel(design, self.rows)
        self.enabled = first.kernel.enabled
        self.top = len(self.function.levels) - 1
        if PEER in self.kernel.seen.peers:
            self.kernel.seen.agree(PEER, self.top)  # left out of what an aircraft proposes: `agreement` has it
        self.agreement = CooperativeLevel(self.rows, BASE)
        self.disagreement = Disagreement(first.vehicles, len(scenarios), BASE)
        self._link = UniformBlocks([one.seed for one in scenarios], Purpose.LINKS, 1, first.vehicles)
        numbers = [level.controller for level in self.function.levels]
        self._horizontal, self._vertical = (
            np.array([float(each[name]) for each in numbers]) for name in ("horizontal", "vertical")
        )
        self._layer = float(numbers[-1].get("layer", 0.0)) if self.top > BASE else 0.0
        self._begin()
        self.log = Log(self)
        self.metrics = Metrics(self)
        self.trace = Trace(folders, first.vehicles)
        self.sent = Messages(folders, first.vehicles, self.world.other)
        self._processes()

    def _begin(self) -> None:
        """What is in force before the first instant."""
        world, zeros = self.world, np.zeros(self.rows, dtype=np.int64)
        self.initialised = np.full(self.rows, not self.enabled)
        self.level = zeros + (0 if self.enabled else self.top)  # whose controller computed the command in force
        self.level_since, self._decided = zeros.copy(), self.level.copy()
        self._admitted = self.level.copy()
        self.layer, self._layer_since = np.zeros(self.rows), np.full(self.rows, -np.inf)
        self.hold = world.route_z.copy()
        self._number = zeros.copy()
        self.command = world.east.copy(), world.north.copy(), np.zeros(self.rows)
        self._pending = (self.level.copy(), self.command)
        self._linked = np.zeros(self.rows)  # s, when the ground was last heard
        self.alerts = Alerts(2 if self.enabled else 1, *world.other.shape)
        self.is_lost, self._control_down = np.zeros((2, self.rows), dtype=bool)
        self.believed = np.ones((4, self.rows))  # of own position, own sensor, ADS-B, intents
        self.age = np.zeros((4, self.rows))
        self._lost_after = {one.name: float(one.deadline) for one in self.design.components}.get("link", np.inf)

    def close(self) -> None:
        """Finish the files of trace and messages."""
        self.trace.close()
        self.sent.close()

    def discard(self) -> None:
        """Leave nothing half-written behind."""
        self.trace.discard()
        self.sent.discard()

    def run(self, progress: Callable[[float], bool] | None = None) -> bool:
        """Simulate to the end; whether it got there. `progress` is told the time each simulated second."""
        self.finished, complete = clock.run(self.env, self.end, progress)
        self.metrics.close(self.finished)
        return complete

    def _processes(self) -> None:
        repeat = partial(clock.repeat, self.env)
        timing, first = self.design.timing, self.scenarios[0]
        period, delay = nanoseconds(timing.control_period), nanoseconds(timing.actuator_delay)
        phase, perception = nanoseconds(timing.control_phase), nanoseconds(timing.perception_period)
        repeat(STEP, 0, Order.SCENARIO, self._fly)
        repeat(period, phase + delay, Order.ACTUATOR, self._actuate)
        repeat(perception, 0, Order.PERCEPTION, self._perceive)
        if self.enabled:
            repeat(nanoseconds(timing.kernel_period), nanoseconds(timing.kernel_phase), Order.KERNEL, self._decide)
        repeat(period, phase, Order.CONTROL, self._control)
        repeat(STEP, 0, Order.WATCH, self.metrics.step)
        if self.trace.wanted:
            repeat(nanoseconds(first.record.period), 0, Order.RECORD, lambda now: self.trace.instant(now, self))
        for when, entry in self.log.planned():
            if when <= self.end:
                clock.happen(self.env, when, entry)

    def _fly(self, now: int) -> None:
        self.world.advance(now, *self.command)

    def _actuate(self, now: int) -> None:
        """Commands computed one actuator delay ago come into force, and with them their level."""
        self._fly(now)
        level, self.command = self._pending
        self.level_since = np.where(level != self.level, now, self.level_since)
        self.level = level

    def _perceive(self, now: int) -> None:
        seconds, seen = now / 1e9, self.kernel.seen
        down = {name: self.faults.down(name, seconds, self.rows) for name in COMPONENTS}
        admitted = np.minimum(self._admitted, self.top)
        proposal = self.agreement.propose(admitted.astype(np.int8)).astype(np.int64)
        says = np.where(admitted < BASE, admitted, proposal)  # below `BASE` nobody agrees; others keep wider of it
        evades = self._number >= len(control.TURNS)  # up or down: what was agreed is not what it flies to
        aim = np.where(evades, np.nan, self.hold + self.layer)
        self.sensing.look(seconds, down["radio"], ~down["perception"], (self.world.route_z, aim, says))
        if self.sent.wanted:
            self.sent.second(now, *self.sensing.sent)
        self._agree(seconds)
        self._tell(now)
        self._hear_ground(now, down["link"])
        for name in ("perception", "radio"):
            seen.beat(name, now, ~down[name])
        self._control_down = down["control"]
        seen.beat("control", now, ~down["control"])
        if self.enabled:
            self.log.judged(now)

    def _agree(self, now: float) -> None:
        """End a round: all that are known must have been heard, and know the same; the lowest proposal holds."""
        intents = self.sensing.intents
        ever = np.logical_or(*self.sensing.known(now)) | ~np.isnan(intents.time)
        counted = self._counted(ever)
        group = counted | np.eye(len(counted), dtype=bool)[:, :, None]
        is_same = (group[:, None] == group[None]).all(axis=2)  # who knows others than I do is in another group
        row, members = np.broadcast_to(np.arange(self.rows), ever.shape), self.world.vehicles
        same = is_same[row % members, self.world.other % members, row // members]
        complete = ((intents.heard & same) | ~ever).all(axis=0) & ever.any(axis=0)  # who is alone agrees with nobody
        lowest = np.where(intents.heard, intents.level, self.top).min(axis=0)
        self.agreement.close(np.asarray(complete), lowest.astype(np.int8))
        self.disagreement.update(self._by_run(self._acting()), self._by_run(self.agreement.agreed), counted)

    def _by_run(self, levels: NDArray[Any]) -> NDArray[np.int8]:
        """Levels (row,) as (member, run)."""
        return np.asarray(levels, dtype=np.int8).reshape(self.world.runs, self.world.vehicles).T

    def _counted(self, known: Booleans) -> Booleans:
        """On whom each counts, of those it knows (aircraft, row): (member, other, run)."""
        members, runs = self.world.vehicles, self.world.runs
        counted = np.zeros((members, members, runs), dtype=bool)
        row = np.broadcast_to(np.arange(self.rows), known.shape)
        counted[row % members, self.world.other % members, row // members] = known
        return counted

    def _tell(self, now: int) -> None:
        """Write run-time safety information: of all traffic the worst."""
        sensing, seen, seconds = self.sensing, self.kernel.seen, now / 1e9
        adsb, local = sensing.believed(seconds)
        has_adsb, has_local = sensing.known(seconds)
        own = sensing.believed_own()
        should = has_adsb | has_local | ~np.isnan(sensing.adsb.heard)
        in_sight = sensing.in_sight(seconds)
        of_adsb = np.where(should, adsb, 1.0).min(axis=0)
        of_local = np.where(in_sight | sensing.contradicted, local, 1.0).min(axis=0)
        silent = should & np.isnan(sensing.intents.time)  # who has never said anything: that is known now, and worth 0
        heard = np.where(should & ~np.isnan(sensing.adsb.time), sensing.adsb.time, seconds).min(axis=0)
        said = np.where(should & ~silent, sensing.intents.time, seconds).min(axis=0)
        self.believed = np.stack([own, of_local, of_adsb, np.where(silent.any(axis=0), 0.0, 1.0)])
        times = np.stack([sensing.own.time, sensing.scanned, heard, said])
        self.age = seconds - times
        apart = np.where(has_adsb, np.abs(sensing.adsb.x - self.world.x), self.scenarios[0].local.range).min(axis=0)
        spreads = {
            OWN: ACCURACY[sensing.own_nacp],
            ADSB: np.where(should, ACCURACY[sensing.nacp], 0.0).max(axis=0),
            LOCAL: 2.0 * self.scenarios[0].local.sigma,
        }
        stamps = np.where(np.isfinite(times) & (times >= 0.0), np.round(np.maximum(times, 0.0) * 1e9), -1.0).astype(
            np.int64
        )
        values = (sensing.own.x, apart, apart, np.zeros(self.rows))
        for index, name in enumerate((OWN, LOCAL, ADSB, INTENT)):
            if name not in seen.signals:
                continue
            absent = stamps[index] < 0
            value = np.where(absent, np.nan, values[index])
            seen.see(name, value, stamps[index], self.believed[index], spreads.get(name, 0.0))

    def _hear_ground(self, now: int, down: Booleans) -> None:
        """The ground is heard once a second, but for what is lost; long unheard, the aircraft holds."""
        heard = (self._link.next()[0] >= self.scenarios[0].link.loss) & ~down
        self._linked = np.where(heard, now / 1e9, self._linked)
        self.kernel.seen.beat("link", now, heard)
        lost = now / 1e9 - self._linked > self._lost_after
        self.log.linked(now, self.is_lost, lost)
        self.is_lost = lost

    def _decide(self, now: int) -> None:
        decision = self.kernel.step(now)[FUNCTION]
        self.initialised = decision.initialised & ~self.world.is_recorded
        before, self._admitted = self._admitted, decision.level.astype(np.int64)
        acting = self._acting()
        changed = np.flatnonzero((acting != self._decided) & ~self.world.is_recorded)
        if changed.size:
            self.log.switched(now, decision, self._decided, acting, before, changed)
        fallen = (acting == 0) & (self._decided > 0)
        agreed = np.where(self.layer != 0.0, self.world.route_z + self.layer, self.world.z)  # others count on it
        self.hold = np.where(fallen, agreed, np.where(acting > 0, self.world.route_z, self.hold))
        self._decided = acting

    def _acting(self) -> Integers:
        """The level admitted, but for what needs agreement: that is had only with it."""
        agreed = self.agreement.agreed.astype(np.int64)
        return np.where(self._admitted > BASE, np.minimum(self._admitted, np.maximum(agreed, BASE)), self._admitted)

    def _control(self, now: int) -> None:
        world, level, seconds = self.world, self._decided, now / 1e9
        east, north = self._route(seconds)
        own = self._own(seconds)
        traffic, known = self._traffic(seconds) if self.enabled else self._last_heard(seconds)
        self._alert(now, own, traffic, known)
        aim = self.hold + self._agreed_layer(seconds, own, traffic, known)
        numbers = self._separations(level, seconds, len(known))
        limits = world.aircraft.turn_rate, world.aircraft.climb_rate
        choice = control.chosen(own, traffic, known, (east, north), aim, numbers, limits, level > 0, self._number)
        stays = self._control_down & (level > 0)  # level 0 needs no nominal component
        command = tuple(
            np.where(stays, old, new)
            for old, new in zip(self.command, (choice.east, choice.north, choice.climb), strict=True)
        )
        self._number = choice.number
        self._pending = (level.copy(), (command[0], command[1], command[2]))

    def _alert(self, now: int, own: Motion, traffic: Motion, known: Booleans) -> None:
        """Tell who is about to be no longer well clear."""
        before = self.alerts.highest
        self.alerts.judge(now / 1e9, own, traffic, known)
        self.log.alerted(now, before, np.where(self.world.is_recorded, before, self.alerts.highest))

    def _route(self, seconds: float) -> tuple[Floats, Floats]:
        """The direction to a point ahead on the route; without the ground, round and round to the right."""
        world = self.world
        own_x, own_y, _ = tracks.now_at(self.sensing.own, seconds)
        x, y = own_x - world.route_x, own_y - world.route_y
        across = x * world.route_north - y * world.route_east
        to_x = ROUTE_AHEAD * world.route_east - across * world.route_north
        to_y = ROUTE_AHEAD * world.route_north + across * world.route_east
        length = np.sqrt(to_x * to_x + to_y * to_y)
        east, north = to_x / length, to_y / length
        return np.where(self.is_lost, world.north, east), np.where(self.is_lost, -world.east, north)

    def _own(self, seconds: float) -> Motion:
        """Own motion as it is measured, or reckoned since; altitude and climb by the own air data."""
        world = self.world
        x, y, _ = tracks.now_at(self.sensing.own, seconds)
        none = np.zeros(self.rows)
        return Motion(x, y, world.z, world.vx, world.vy, world.climb, np.full(self.rows, np.nan), none, none, none)

    def _traffic(self, now: float) -> tuple[Motion, Booleans]:
        """What there may be: both sources, where they do not agree as two (aircraft, row)."""
        sensing = self.sensing
        has_adsb, has_local = sensing.known(now)
        adsb, local = sensing.believed(now)
        in_sight = sensing.in_sight(now) & (local >= DOUBT)
        says = sensing.intents
        trusts = (self._decided > BASE) & (now - says.time <= FRESH)
        keeps = has_adsb & ((adsb >= DOUBT) | ~in_sight | sensing.contradicted)
        sees = has_local & ~(sensing.agrees & keeps)
        of_adsb = Motion(
            *tracks.now_at(sensing.adsb, now),
            *sensing.adsb[3:6],
            np.where(trusts, says.aim, np.nan),
            *sensing.adsb[-3:],
        )
        of_local = Motion(
            *tracks.now_at(sensing.local, now), *sensing.local[3:6], np.full_like(says.aim, np.nan), *sensing.local[-3:]
        )
        both = Motion(*(np.concatenate([one, other]) for one, other in zip(of_adsb, of_local, strict=True)))
        return both, np.concatenate([keeps, sees])

    def _separations(self, level: Integers, now: float, traffic: int) -> tuple[Floats, Floats]:
        """What is kept from each (traffic, row), across and in altitude: the worse level of the two asks for more."""
        says = self.sensing.intents
        heard = self.enabled & (now - says.time <= FRESH)
        pair = np.where(heard, np.minimum(level, says.level), level)
        sources = traffic // len(pair)
        return np.tile(self._horizontal[pair], (sources, 1)), np.tile(self._vertical[pair], (sources, 1))

    def _last_heard(self, now: float) -> tuple[Motion, Booleans]:
        """Without the kernel: the last report of each, as it came."""
        adsb = self.sensing.adsb
        known = ~np.isnan(adsb.time)
        return Motion(*adsb[:6], self.sensing.intents.aim, *np.zeros((3, *known.shape))), known

    def _agreed_layer(self, now: float, own: Motion, traffic: Motion, known: Booleans) -> Floats:
        """How far above the route each row flies by agreement: those whose tracks cross each have a layer."""
        others = len(self.world.other)
        says = self.sensing.intents
        theirs = Motion(*(each[:others] for each in traffic))._replace(z=says.route)
        cross = control.crosses(
            own._replace(z=self.world.route_z), theirs, known[:others], CONCERNS, NEAR_ALTITUDE, HORIZON
        ).any(axis=0)
        self._layer_since = np.where(cross, now, self._layer_since)
        wanted = (self._decided > BASE) & (now - self._layer_since <= PASSED)
        number = self.world.number
        place = (number + 1) // 2 * np.where(number % 2 == 1, 1.0, -1.0)  # 0, +1, -1, +2, ...
        self.layer = np.where(wanted, place * self._layer, 0.0)
        return self.layer


def _tolerated(design: Design) -> float:
    """Error in m of a reported position that a design has room for; without end where it does not say."""
    return next((one.tolerated for one in design.signals if one.name == ADSB and one.tolerated), float(FAR))


def alike(scenario: FlightScenario) -> FlightScenario:
    """What all runs of a batch have in common: the scenario less what may differ."""
    return scenario.model_copy(update={"seed": 0, "faults": (), "starts": ()})
