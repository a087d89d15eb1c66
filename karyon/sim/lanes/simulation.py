"""One simulation of a batch of runs of lane changes, in the order of cycles that car following has, too."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import simpy
from numpy.typing import NDArray

from karyon.control.cruise import Cruise
from karyon.control.lane_change import Gap
from karyon.control.limits import jerk
from karyon.control.situation import Situation
from karyon.cooperation.lane_change import LaneChange
from karyon.kernel import Kernel
from karyon.kernel.design import Design
from karyon.perception.following import OWN, RELATIVE, SPEED
from karyon.perception.received import M_POSITION, M_SPEED, WITNESS
from karyon.perception.sensors import NEVER, nanoseconds
from karyon.sim import clock, controllers
from karyon.sim.attackers import Attackers
from karyon.sim.clock import Order
from karyon.sim.components import Components
from karyon.sim.failure_modes import COMPONENTS
from karyon.sim.lanes.courtesy import CONCERNED, Heard, comer, whom_to_ask
from karyon.sim.lanes.lane_end import LaneEnd
from karyon.sim.lanes.log import Log
from karyon.sim.lanes.manoeuvres import COOPERATIVE, Ahead, Happened, Manoeuvres, Right
from karyon.sim.lanes.metrics import Metrics
from karyon.sim.lanes.placing import placed
from karyon.sim.lanes.recorded import RecordedWorld
from karyon.sim.lanes.road import Road
from karyon.sim.lanes.scenario import FOLLOWING, FUNCTION, LaneChangeScenario
from karyon.sim.lanes.sensing import Sensing, View
from karyon.sim.lanes.signals import AROUND, DISTANCES, message, prefix
from karyon.sim.lanes.speech import FIELDS, LIE, Speech
from karyon.sim.lanes.trace import Trace
from karyon.sim.lanes.traffic import scene_of
from karyon.sim.lanes.wishes import Call, bits, calls, side
from karyon.sim.lanes.world import FRONT, GAP_FRONT, GAP_REAR, NOBODY, RELATIONS, Number, World
from karyon.sim.radio import Channel
from karyon.sim.reception import Reception
from karyon.sim.recorder import Messages
from karyon.sim.sensors import quantised
from karyon.sim.streams import NormalBlocks, Purpose

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PATIENCE, HOLD = 1_000_000_000, 18_000_000_000  # ns: until all must have granted, and until a reservation expires
ROUND = 500_000_000  # ns: who was not heard for so long has agreed to nothing
AROUND_US = 30.0  # m between centres: who is so near in the lane beyond could come to the same gap, and must agree
VIEW_OPEN = 0.999  # of the sensor's range


class Simulation:
    """Runs of one design and one set of periods, side by side; a row is a car: seeds, faults and wishes may differ."""

    def __init__(self, scenarios: Sequence[LaneChangeScenario], design: Design, folders: Sequence[Path | None]) -> None:
        """All scenarios share what `alike` compares. `folders`: per run where its tables go, None: not recorded."""
        first = scenarios[0]
        if any(alike(scenario) != alike(first) for scenario in scenarios):
            raise ValueError("runs of one batch differ only in seed, faults, wishes")
        whole = design
        for name, limit in ((FOLLOWING, first.acc.max_los), (FUNCTION, first.lane_change.max_los)):
            design = design if limit is None else design.limited(name, limit)
        self.scenarios, self.design = scenarios, design
        self.functions = {name: design.function(name) for name in (FOLLOWING, FUNCTION)}
        self.end, self.finished = nanoseconds(first.duration), 0
        self.env = simpy.Environment()
        self.world = _world(scenarios)
        self.cars, runs = len(self.world.position), len(scenarios)
        faults = placed(scenarios)
        said = [one for one in faults if one.is_said and one.fault.mode != LIE]
        self.attackers = Attackers(said, first.vehicles, runs, nanoseconds(first.radio.period))
        top = len(self.functions[FUNCTION].levels) - 1
        self.speech = Speech(faults, first.vehicles, runs, top)
        self.components = Components(faults, self.cars, COMPONENTS)
        self.sensing = Sensing(
            scenarios, self.world, whole, [whole.function(name) for name in (FOLLOWING, FUNCTION)], faults
        )
        self.channel = Channel(scenarios, is_group=True, words=FIELDS)
        radio = first.radio
        self._sigma = np.array([radio.position_sigma, radio.speed_sigma, radio.acceleration_sigma])[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.MESSAGES, 3, first.vehicles)
        self._period = nanoseconds(radio.period)
        self.protocol = LaneChange(first.vehicles, runs, PATIENCE, HOLD, nanoseconds(radio.clock_offset))
        self.kernel = Kernel(design, self.cars)
        levels = self.functions[FOLLOWING].levels
        self.cruise = Cruise(
            self.cars, [controllers.numbers(level) for level in levels], first.vehicle.braking, first.vehicle.lag
        )
        reaction_time = max(level.reaction_time or 0.0 for level in levels)
        self.manoeuvres = Manoeuvres(self.world, self.functions[FUNCTION], first.vehicle.braking, reaction_time)
        self.lane_end = LaneEnd(self.world, self.manoeuvres)
        self.enabled = first.kernel.enabled
        self._begin()
        self.log = Log(self, faults)
        self.metrics = Metrics(self)
        self.radio = Reception(self.channel)
        self.confirmed: dict[int, tuple[Floats, Integers]] = {}  # validity and time of who confirms, by relation
        self.trace = Trace(folders, self.world.vehicles)
        self.sent = Messages(folders, self.channel.links)
        self._processes()

    @property
    def bound_to(self) -> Integers:
        """The vehicle of its run to which each car has granted a gap, or NOBODY (car,)."""
        return self.protocol.bound_to.T.ravel()

    def _begin(self) -> None:
        """What is in force before the first instant."""
        nothing = np.zeros(self.cars, dtype=np.int64)
        top = {name: len(function.levels) - 1 for name, function in self.functions.items()}
        self.initialised = {name: np.full(self.cars, not self.enabled) for name in self.functions}
        self.decided = {name: nothing + (0 if self.enabled else top[name]) for name in self.functions}
        self.level, self.level_since = dict(self.decided), {name: nothing.copy() for name in self.functions}
        self.view: View | None = None
        self._pending = (dict(self.decided), np.zeros(self.cars), self.world.steering)
        self._safe = np.ones((len(self.functions[FOLLOWING].levels), self.cars), dtype=bool)
        self._any = np.ones((len(self.functions[FUNCTION].levels), self.cars), dtype=bool)
        self._trusted = np.zeros(self.cars, dtype=bool)
        self._speed_bound = np.zeros(self.cars)
        self.down = {name: np.zeros(self.cars, dtype=bool) for name in COMPONENTS}
        self._cycles = dict.fromkeys(COMPONENTS, 0)
        self.right = Right(nothing > 0, nothing, nothing > 0)

    def run(self, progress: Callable[[float], bool] | None = None) -> bool:
        """Simulate to the end; whether it got there. `progress` is told the time each simulated second."""
        self.finished, complete = clock.run(self.env, self.end, progress)
        self.metrics.close(self.finished)
        return complete

    def close(self) -> None:
        """Finish the files of the trace."""
        self.trace.close()
        self.sent.close()

    def discard(self) -> None:
        """Leave nothing half-written behind."""
        self.trace.discard()
        self.sent.discard()

    def _processes(self) -> None:
        repeat = partial(clock.repeat, self.env)
        timing, first = self.design.timing, self.scenarios[0]
        control, delay = nanoseconds(timing.control_period), nanoseconds(timing.actuator_delay)
        phase = nanoseconds(timing.control_phase)
        perception = (nanoseconds(timing.perception_period), nanoseconds(timing.perception_phase))
        self._control_step = timing.control_period
        repeat(control, phase + delay, Order.ACTUATOR, self._actuate)
        repeat(self._period, 0, Order.RADIO, self._send)
        repeat(*perception, Order.PERCEPTION, self._perceive)
        if self.enabled:
            repeat(nanoseconds(timing.kernel_period), nanoseconds(timing.kernel_phase), Order.KERNEL, self._decide)
        repeat(control, phase, Order.CONTROL, self._control)
        repeat(*perception, Order.WATCH, self.metrics.step)
        if self.trace.wanted:
            repeat(nanoseconds(first.record.period), perception[1], Order.RECORD, self.trace.instant(self))
        for when, entry in self.log.planned():
            if when <= self.end:
                clock.happen(self.env, when, entry)
        for call in calls(self.scenarios):
            if call.time <= self.end:
                clock.happen(self.env, call.time, partial(self._call, call))

    def _call(self, call: Call, now: int) -> None:
        """Give wishes to the first cars that have none."""
        world, given = self.world, 0
        for vehicle, left in zip(call.order, call.left, strict=False):
            car = call.run * world.vehicles + vehicle
            home = int(self.manoeuvres.home[car])
            lane = side(home, world.road.lanes, left) if call.lane is None else call.lane
            leads_on = world.road.end is None or lane != world.road.end.lane
            if given < call.count and self.manoeuvres.idle[car] and lane != home and leads_on:
                self._wish(car, lane, now)
                given += 1

    def _wish(self, car: int, lane: int, now: int) -> None:
        self.manoeuvres.call(car, lane, now)
        self.log.add(now, car, "wish", f"wishes to change to lane {lane}", lane=lane)
        self.metrics.wished(car)

    def _running(self, component: str, now: int) -> Booleans | None:
        running = self.components.running(component, now, self._cycles[component])
        self._cycles[component] += 1
        self.down[component] = np.zeros(self.cars, dtype=bool) if running is None else ~running
        return running

    def _actuate(self, now: int) -> None:
        """Commands computed one actuator delay ago come into force, and with them their level."""
        self.world.advance(now)
        levels, command, steering = self._pending
        for name, level in levels.items():
            changed = level != self.level[name]
            self.level_since[name] = np.where(changed, now, self.level_since[name])
        self.level = dict(levels)
        self.world.drive(command, steering)

    def _send(self, now: int) -> None:
        """All say where they are, how they move, and what the protocol has them say."""
        self.world.advance(now)
        world = self.world
        self._running("radio", now)
        true = np.stack([world.position, world.rate, world.change, world.command])
        motion = true.copy()
        motion[:3] += self._sigma * self._noise.next()
        unseen = np.full((len(WITNESS), self.cars), np.nan)
        said = self.attackers.content(now, quantised(np.vstack([motion, unseen])))
        wish = np.where(self._cooperates(), self.manoeuvres.aims, NOBODY)
        words = self.speech.said(now, self.protocol, wish, self.decided[FUNCTION])
        silent = self.down["radio"] | ~world.ours
        sent = self.channel.send(now, np.vstack([said, words]), true, silent)
        self.radio.sent(sent, silent)
        if self.trace.wanted:
            self.sent.record(sent, silent)

    def _perceive(self, now: int) -> None:
        self.world.advance(now)
        self.world.aims = self.manoeuvres.aims
        self.world.indicates = np.where(self.manoeuvres.blinks, self.manoeuvres.aims, NOBODY)
        listening = self._running("radio", now)
        deaf = self.down["radio"]
        self.channel.receive(now, deaf)
        running = self._running("perception", now)
        self.neighbours = self.world.neighbours()
        self.view = self.sensing.look(now, self.neighbours, self.channel, running, deaf)
        self._listen(now, deaf)
        self._beat("radio", now, listening)
        self._beat("perception", now, running)
        self._tell(now, self.view)
        if self.enabled:
            self.log.judged(now, self.view)

    def _listen(self, now: int, deaf: Booleans) -> None:
        """Take what others say of lane changes, and what level they admit."""
        fresh, words, wish, level, time = self.speech.heard(self.channel)
        came = fresh & ~self._by_run(deaf)[:, None]
        self.radio.step(now)
        before = self.protocol.reserved, self.protocol.asks
        self.protocol.listen(now, came, words, ~self._by_run(self.manoeuvres.moving))
        self._note_rights(now, *before)
        is_fresh = now - time <= ROUND
        self._heard_level = np.where(is_fresh, level, 0)
        self._heard_wish = np.where(is_fresh, wish, NOBODY)

    def _note_rights(self, now: int, reserved: Booleans, asked: Booleans) -> None:
        """Requests that were granted by all, or not in time, and reservations that have expired, by this look."""
        protocol = self.protocol
        for words, cars in (
            ("all have granted the gap", protocol.reserved & ~reserved),
            ("not all have granted the gap in time", asked & ~protocol.asks & ~protocol.reserved),
            ("the reservation has expired", reserved & ~protocol.reserved),
        ):
            for car in map(int, np.flatnonzero(cars.T.ravel())):
                self.log.add(now, car, "cooperation", words)

    def _beyond(self) -> Booleans:
        """Who is near to each car in the lane beyond the one that it looks at (run, car, other)."""
        world = self.world
        by, _ = world.ahead()
        (aims, _), (lane, other) = world.paired(world.aims), world.paired(world.lane)
        return np.asarray((np.abs(by) <= AROUND_US) & (other == 2 * aims - lane))

    def _agreed(self) -> Integers:
        """The level that all around each car have said that they admit (car,); nobody around: the highest."""
        top = len(self.functions[FUNCTION].levels) - 1
        can = np.where(self._heard_level >= 1, top, 0)  # who sees what is around it, and is heard, can keep its word
        beside = (self._beside(side, self._distance(side) <= CONCERNED) for side in (GAP_FRONT, GAP_REAR))
        around = np.logical_or.reduce([*beside, self._beyond()])
        return np.asarray(np.where(around, can.transpose(2, 0, 1), top).min(axis=2).ravel())

    def _by_run(self, values: NDArray[Number]) -> NDArray[Number]:
        """Of each car (car,) as the protocol has it (vehicle, run)."""
        return values.reshape(self.world.runs, self.world.vehicles).T

    def _tell(self, now: int, view: View) -> None:
        """Write run-time safety information."""
        kernel, seen, cars = self.kernel.seen, view.seen, self.cars
        offset = self.scenarios[0].radio.clock_offset
        for relation in range(RELATIONS):
            rows = slice(relation * cars, (relation + 1) * cars)
            for index, name in enumerate(DISTANCES):
                value = view.gap[relation] if index == 0 else seen.value[index, rows]
                full = f"{prefix(relation)}.{name}"
                kernel.see(full, value, seen.time[index, rows], seen.validity[index, rows], seen.spread[index, rows])
            if relation != FRONT:
                self._tell_message(now, relation, rows, view, offset)
        believed = seen.validity.reshape(len(OWN), RELATIONS, cars).min(axis=1)
        for index, name in enumerate(OWN[2:], 2):
            kernel.see(
                name, seen.value[index, :cars], seen.time[index, :cars], believed[index], seen.spread[index, :cars]
            )
        kernel.agree(AROUND, self._agreed())

    def _tell_message(self, now: int, relation: int, rows: slice, view: View, offset: float) -> None:
        """Where sensors see nobody, there is nobody to confirm: that is as valid as their sight.

        Who has never been heard has said nothing since the start, and that is worth nothing.
        """
        told, seen = view.seen.lead, view.seen
        empty = seen.value[0, rows] >= VIEW_OPEN * self.sensing.range
        unheard = told.time[rows] == NEVER
        value = np.where(empty | unheard, 0.0, told.value[0, rows])
        time = np.where(empty, seen.time[0, rows], np.where(unheard, 0, told.time[rows]))
        validity = np.where(empty, seen.validity[0, rows], np.where(unheard, 0.0, told.validity[rows]))
        self.kernel.seen.see(message(relation), value, time, validity, 0.0, offset)
        self.confirmed[relation] = validity, np.where(empty | ~unheard, time, NEVER)

    def _beat(self, component: str, now: int, running: Booleans | None) -> None:
        self.kernel.seen.beat(component, now, True if running is None else running)

    def _decide(self, now: int) -> None:
        decisions = self.kernel.step(now, {FOLLOWING: self._safe, FUNCTION: self._any})
        for name, decision in decisions.items():
            self.initialised[name] = decision.initialised
            before, self.decided[name] = self.decided[name], decision.level.astype(np.int64)
            changed = np.flatnonzero(self.decided[name] != before)
            if len(changed):
                self.log.switched(now, name, decision, before, changed)
        trusted = decisions[FOLLOWING].trusted
        told = [trusted[name] for name in OWN[:2] if name in trusted]
        self._trusted = np.all(told, axis=0) if told else np.zeros(self.cars, dtype=bool)

    def _control(self, now: int) -> None:
        view, world, cars = self.view, self.world, self.cars
        assert view is not None
        running = self._running("control", now)
        gap = self._gap(view)
        for car in map(int, np.flatnonzero(self.lane_end.must_leave & self.manoeuvres.idle)):
            self._wish(car, int(self.manoeuvres.aims[car]), now)
        self._ask(now, gap)
        self.right = self._rights(now)
        ahead = Ahead(view.gap[FRONT], view.rate[FRONT])
        happened = self.manoeuvres.step(now, gap, ahead, self.decided[FUNCTION], self.right)
        self._release(happened)
        self.metrics.happened(now, happened)
        before = self.cruise.command
        self.cruise.meet(self.sensing.changed[FRONT])
        trusted = self._trusted & view.seen.speed_known[:cars]
        self._bound_speed(view)
        command, self._safe = self.cruise.update(
            self._situation(view),
            self.decided[FOLLOWING],
            trusted,
            self._speed_bound,
            self._control_step,
            False,
        )
        speed = view.seen.value[SPEED, :cars]
        own = self.manoeuvres.limit(gap, self.right, self._cooperates(), self.decided[FUNCTION])
        wanted = np.minimum(own, self._yielding(now, view))
        softest = before - jerk(speed) * self._control_step
        command = np.minimum(
            command,
            np.minimum(np.maximum(wanted, softest), self.manoeuvres.barrier(gap, self.neighbours.inside[GAP_FRONT])),
        )
        command = np.minimum(command, self.lane_end.limit())
        steering = self.manoeuvres.curvature(world.road.curvature(world.pose.s))
        if running is not None:  # level 0 keeps its distance and its lane, and needs no nominal component
            command = np.where(running | (self.decided[FOLLOWING] == 0), command, before)
        self.cruise.command = command
        self._beat("control", now, running)
        self._pending = (dict(self.decided), command, steering)

    def _bound_speed(self, view: View) -> None:
        """Largest own speed: as perception has it; while that is down, the last one less what the car has braked since.

        Else a car that stops blind would take itself to be as fast as ever, and brake harder than it has declared.
        """
        braked = np.maximum(self.cruise.response, -self.world.vehicle.braking) * self._control_step
        carried_on = np.maximum(0.0, self._speed_bound + braked)
        self._speed_bound = np.where(self.down["perception"], carried_on, view.seen.speed_bound[: self.cars])

    def _gap(self, view: View) -> Gap:
        front, rear = view.gap[GAP_FRONT], view.gap[GAP_REAR]
        return Gap(front, rear, view.rate[GAP_FRONT], view.rate[GAP_REAR], view.seen.value[SPEED, : self.cars])

    def _situation(self, view: View) -> Situation:
        seen, cars = view.seen, self.cars
        nothing = np.full(cars, np.nan)
        manoeuvres, traffic = self.manoeuvres, self.scenarios[0].traffic
        wants = self.right.reserved | manoeuvres.moving | self._cooperates()
        faster = np.where(wants, traffic.faster * np.maximum(0, manoeuvres.aims - manoeuvres.home), 0.0)
        return Situation(
            gap=view.gap[FRONT],
            speed=self._speed_bound if self.enabled else seen.value[SPEED, :cars],
            relative_speed=seen.value[RELATIVE, :cars],
            road_open=seen.value[0, :cars] >= VIEW_OPEN * self.sensing.range,
            front_command=nothing,
            front_speed=nothing,
            leader_command=nothing,
            leader_acceleration=nothing,
            leader_speed=nothing,
            set_speed=self.world.desired + faster,
        )

    def _ask(self, now: int, gap: Gap) -> None:
        """Cars with a wish, and at a level at which others are asked, ask those who matter.

        Who stands at the end of its lane lets pass who is too near behind: that one can make no room any more.
        """
        manoeuvres, level = self.manoeuvres, self.decided[FUNCTION]
        gives = bits(self._gives()).T
        asked = np.where(self._by_run(level) > COOPERATIVE, gives | bits(self._beyond()).T, gives)
        stays = self._by_run(~manoeuvres.moving)
        can = self._by_run(~manoeuvres.idle & (level >= COOPERATIVE))
        another = self.protocol.reserved & ((gives & ~self.protocol.asked) != 0)
        lets_pass = self._by_run(self.lane_end.waits() & manoeuvres.is_too_near(gap.rear, level))
        self.protocol.release(stays & (self._by_run(manoeuvres.idle) | another | lets_pass))
        who = stays & can & ~lets_pass
        self.protocol.ask(now, who, self._by_run(manoeuvres.since), self._by_run(manoeuvres.aims), asked)

    def _beside(self, relation: int, who: Booleans) -> Booleans:
        """Who is before the gap that each car of `who` looks at, or behind it, by `relation` (run, vehicle, other)."""
        world, found = self.world, self.neighbours
        beside = np.zeros((world.runs, world.vehicles, world.vehicles), dtype=bool)
        car = np.flatnonzero(who)
        beside[car // world.vehicles, car % world.vehicles, found.car[relation][car] % world.vehicles] = True
        return beside

    def _gives(self) -> Booleans:
        """Who can give the gap that each car looks at (run, vehicle, other); who gives one may be before another."""
        asks_front, asks_rear = whom_to_ask(self._distance(GAP_FRONT), self._distance(GAP_REAR))
        return np.asarray(self._beside(GAP_FRONT, asks_front) | self._beside(GAP_REAR, asks_rear))

    def _distance(self, relation: int) -> Floats:
        """How far away the one is that each car has in this relation, m; NaN: there is none (car,)."""
        found = self.neighbours
        return np.where(found.car[relation] == NOBODY, np.nan, found.distance[relation])

    def _rights(self, now: int) -> Right:
        """What the protocol has given: a reservation counts as long as who can give the gap is among its givers."""
        protocol = self.protocol
        gives = bits(self._gives()).T
        reserved = protocol.reserved & ((gives & ~protocol.asked) == 0)
        left = np.where(reserved, protocol.until - now, 0)
        bound = protocol.bound_to != NOBODY
        return Right(*(each.T.ravel() for each in (reserved, left, bound)))

    def _release(self, happened: Happened) -> None:
        self.protocol.release(self._by_run(happened.arrived | happened.turned_back))

    def _cooperates(self) -> Booleans:
        """Who says that it wishes to change, or will have to soon, so that others may make room for it (car,)."""
        wishes = ~self.manoeuvres.idle | self.lane_end.comes_near
        return np.asarray(wishes & (self.decided[FUNCTION] >= COOPERATIVE) & self.world.ours)

    def _heard(self, now: int, view: View) -> Heard:
        """What each car has heard of each other one, carried on to `now` (ns)."""
        world, channel = self.world, self.channel
        shape = world.runs, world.vehicles, world.vehicles
        said = channel.newest(np.arange(len(channel.links.sender)))
        age = np.minimum((now - said.time[M_POSITION]) / 1e9, 1.0)
        place = (said.value[M_POSITION] + age * said.value[M_SPEED]).reshape(shape)
        own = view.seen.value[OWN.index("own.position"), : self.cars].reshape(shape[:2])
        wish, level = (each.transpose(2, 0, 1) for each in (self._heard_wish, self._heard_level))
        return Heard(place - own[..., None], said.value[M_SPEED].reshape(shape), wish, level)

    def _yielding(self, now: int, view: View) -> Floats:
        """What cars keep to that make room in their lane for who has said that it wishes to come there (car,)."""
        world = self.world
        shape = world.runs, world.vehicles
        heard, front = self._heard(now, view), view.gap[FRONT] + world.vehicle.length
        home, bound = self.manoeuvres.home.reshape(shape), self.bound_to.reshape(shape)
        whom = comer(heard, home, front.reshape(shape), world.desired.reshape(shape), bound)
        ahead, pace, level = (each.ravel() for each in heard.of(whom))
        speed = view.seen.value[SPEED, : self.cars]
        gap, rate = np.asarray(ahead - world.vehicle.length), np.asarray(pace - speed)
        return self.manoeuvres.yielding(gap, rate, speed, level.astype(np.int64))


def _world(scenarios: Sequence[LaneChangeScenario]) -> World:
    recorded = scenarios[0].recorded
    return World(scenarios, Road.of(scenarios[0])) if recorded is None else RecordedWorld(scenarios, scene_of(recorded))


def alike(scenario: LaneChangeScenario) -> LaneChangeScenario:
    """What all runs of a batch have in common: the scenario less what may differ."""
    function = scenario.lane_change.model_copy(update={"wishes": None, "waves": None})
    return scenario.model_copy(update={"seed": 0, "faults": (), "lane_change": function})
