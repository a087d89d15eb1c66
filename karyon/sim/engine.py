"""One simulation of a batch of runs: SimPy keeps the time, one process per kind of cycle, all rows at once.

At equal times: events of the scenario, actuators, radio, perception, kernel, control, watching, recording.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import is_
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from karyon import compiled
from karyon.compiled import Tape, written
from karyon.control.cruise import Cruise
from karyon.control.situation import Situation
from karyon.cooperation.agreement import PEER, base_of
from karyon.cooperation.cam import Generation
from karyon.kernel import Kernel
from karyon.kernel.design import Design
from karyon.perception.following import ACCELERATION, DISTANCE, LEAD, OWN, RELATIVE, SPEED, Seen
from karyon.perception.platoon import LEADER
from karyon.perception.received import CONTENT, M_ACCELERATION, M_INTENDED, M_SPEED, MESSAGE, Told
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import Samples, nanoseconds
from karyon.sim import analysis, clock, controllers, recorder
from karyon.sim.attackers import Attackers, is_attack
from karyon.sim.channel.transit import Freshness, Newest, silence, unhear
from karyon.sim.clock import Order
from karyon.sim.components import Components
from karyon.sim.controllers import FUNCTION
from karyon.sim.decisions import (
    Adopted,
    Adoption,
    Command,
    Force,
    Pending,
    adopt,
    both,
    effect,
    heed,
    keep,
    order,
    stand,
)
from karyon.sim.events import Log
from karyon.sim.facts import Facts
from karyon.sim.failure_modes import COMPONENTS
from karyon.sim.faults import Injector, Placed, placed
from karyon.sim.group import MILLISECOND, Group, Readers
from karyon.sim.lateness import Lateness
from karyon.sim.leaders import Leaders, Trajectory
from karyon.sim.led import Led
from karyon.sim.metrics import Metrics
from karyon.sim.outside import Outside, is_real
from karyon.sim.radio import Channel
from karyon.sim.scenario import Scenario
from karyon.sim.sensors import Messages, OwnSensors, receiver_errors
from karyon.sim.steady import Steady
from karyon.sim.trace import OfCars, OfRows, OfSender, Trace
from karyon.sim.world import World

JUST_HEARD = 150_000_000  # ns: the age of a message of which the next one has not come yet, or has just been lost
NO_LIMIT = 1e6  # s: of a signal that no rule limits
STANDSTILL, JOINING_TIME_GAP = 2.0, 1.2  # m, s: how near behind the car ahead one is a member who comes from behind
TOLD_EVERY = 10_000_000_000  # ns between two events on refused messages: they stay few, however many messages come
LONG = 1_500_000  # rows times cycles, from which on it pays to compile: that takes most of a minute
BRIEF = 300  # cycles, below which it does not even pay to load what has been compiled
FRONT = (OWN[DISTANCE], OWN[RELATIVE])  # what the cautious law must believe to follow rather than to stop


class Simulation:
    """Runs of one design and one set of periods, side by side; seeds, faults and leaders may differ."""

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        design: Design,
        leaders: Sequence[Trajectory],
        folders: Sequence[Path | None],
        outside: Outside | None = None,
    ) -> None:
        """All scenarios share what `alike` compares.

        folders   per run where its tables go, None: not recorded
        outside   whose time it is and where samples come from that are not simulated; None: all is simulated
        """
        first = scenarios[0]
        if any(alike(scenario) != alike(first) for scenario in scenarios):
            raise ValueError("runs of one batch differ only in seed, faults, cut-ins, leader, start")
        whole = design.function(FUNCTION)
        if first.acc.max_los is not None:
            design = design.limited(FUNCTION, first.acc.max_los)
        self.scenarios, self.design, self.function = scenarios, design, design.function(FUNCTION)
        self.end = nanoseconds(first.duration)
        self.outside = outside
        self.env = simpy.Environment() if outside is None else outside.env
        self.tape, self.is_quick = Tape(), False
        self.world = World(scenarios, Leaders(leaders))
        self.rows = len(self.world.own)
        self.sensors, self.messages = self._senses()
        self._is_real = is_real(first.sensors)[:, None]
        self.is_shadow = bool(self._is_real.any())  # real signals are judged, and commands move nothing
        top = len(self.function.levels) - 1
        base = base_of(self.function)
        faults = placed(scenarios)
        self.attackers = Attackers(faults, first.vehicles, len(scenarios), nanoseconds(first.radio.period))
        self.group = None if base is None else Group(scenarios, base, top, self.attackers)
        by_rules = first.radio.generation == "cam" and self.group is None
        self.generation = Generation.of(len(self.world.position)) if by_rules else None
        self.readers = Readers(scenarios, self.attackers) if self.group is None and self.attackers else None
        fields = CONTENT if self._tell_of_front else MESSAGE
        self.channel = Channel(scenarios, is_group=self.group is not None, fields=fields, tape=self.tape)
        guards = analysis.guards(self.function)
        self._lowest_led = guards.get(LEADER, top + 1)  # level
        periods = dict(zip(OWN, self.sensors.periods, strict=True)) | {LEAD: nanoseconds(first.radio.period)}
        self.injector = Injector([one for one in faults if not is_attack(one)], periods, tape=self.tape)
        self.components = Components(faults, self.rows, COMPONENTS, self.tape)
        self.perception = analysis.perception_of(
            design,
            whole,  # a level that is not reached limits the age of what is judged all the same
            self.rows,
            first.perception.silent,
            range=self.sensors.range,
            vehicle_length=first.vehicle.length,
            vehicle_lag=first.vehicle.lag,
        )
        self.led: Led | None = None
        if self.group is not None and LEADER in guards:
            judge = analysis.leader_of(design, whole, self.rows, vehicle_lag=first.vehicle.lag)
            self.led = Led(self.world, self.group, self.channel, judge, first.vehicle.length)
        self.senders = (LEAD,) if self.led is None else (LEAD, LEADER)
        self.kernel = Kernel(design, self.rows)
        self.kernel.seen.agree(PEER, top)  # left out of what a vehicle proposes: `group` has it
        self.cruise = _cruise(design, self.rows, first)
        self.log = self._log(faults)
        self.metrics = Metrics(self)
        self.trace = Trace(folders, self.world, self.senders, self.tape)
        self.sent = recorder.Messages(folders, self.channel.links, self.tape)
        self.enabled = first.kernel.enabled
        self._begin(top)
        if outside is None:
            self._quicken_if_it_pays()
        self._processes()

    def _senses(self) -> tuple[OwnSensors, Messages]:
        """Own sensors, and what cars say that they have measured: with the same satellite receivers."""
        seeds = [scenario.seed for scenario in self.scenarios]
        told = self.scenarios, self.world, receiver_errors(seeds, self.world.vehicles)
        looks, sendings = self.design.timing.perception_period, self.scenarios[0].radio.period
        return OwnSensors(*told, self._times(looks), self.tape), Messages(*told, self._times(sendings), self.tape)

    def _log(self, faults: Sequence[Placed]) -> Log:
        told = self.kernel, self.function, len(self.scenarios), self.world.vehicles, self.senders, self.tape
        return Log(faults, *told, lambda: int(self.env.now))

    @property
    def _tell_of_front(self) -> bool:
        """Whether somebody listens for what cars say that they see ahead of them."""
        return self.group is not None or bool(self.attackers)

    def _times(self, period: float) -> int:
        """How often something happens at most that has this period, in s."""
        return self.end // nanoseconds(period) + 1

    def quicken(self, in_place: Callable[..., Any] = compiled.in_place) -> None:
        """Go on with compiled formulas, where the extra `fast` is installed: the bits stay the same."""
        if not compiled.is_installed():
            return
        self.is_quick = True
        for_tape = partial(in_place, tape=self.tape)
        self.perception.quicken(for_tape, self.tape.react)
        parts = (
            self.sensors,
            self.messages,
            self.channel,
            self.world,
            self.kernel,
            self.cruise,
            self.components,
            self.injector,
            self.sent,
        )
        for part in (*parts, self.metrics, self.lateness, self.log, self._facts):
            part.quicken(for_tape)
        for blocks in (self.sensors.noise, self.messages.noise, self.channel.draws):
            blocks.quicken(may_compile=in_place is not compiled.in_place_if_kept)
        self._effect, self._adopt, self._both, self._heed, self._order = map(
            for_tape, (effect, adopt, both, heed, order)
        )
        self._keep, self._stand, self._silence = map(for_tape, (keep, stand, silence))
        self._unhear = [for_tape(unhear) for _ in self.senders]

    def _quicken_if_it_pays(self) -> None:
        cycles = self.end // nanoseconds(self.design.timing.perception_period)
        if self.rows * cycles >= LONG:
            self.quicken()
        elif cycles >= BRIEF:
            self.quicken(compiled.in_place_if_kept)

    def _begin(self, top: int) -> None:
        """What is in force, known and late before the first instant; `top` is the highest level."""
        self.initialised = np.full(self.rows, not self.enabled)
        level = np.full(self.rows, 0 if self.enabled else top)
        self._force = Force(level, np.zeros(self.rows, dtype=np.int64))
        self.true = self._true()
        self._facts = Facts(self.kernel.seen, self.senders, self.scenarios[0].radio.clock_offset)
        self.seen: Seen | None = None
        self.told: tuple[Told, ...] = ()  # by each of `senders`
        self._nowhere = np.zeros(self.rows, dtype=bool)
        self._silent_cars = np.zeros(len(self.world.position), dtype=bool)
        self._unheard = np.full((len(MESSAGE), self.rows), np.nan)
        self._situated: tuple[Seen | None, np.ndarray, np.ndarray, Situation | None]
        self._situated = None, self._unheard, self._nowhere, None
        self._set_speed = np.full(self.rows, self.scenarios[0].acc.set_speed)
        self.down = dict.fromkeys(COMPONENTS, self._nowhere)
        self.finished = 0
        limits = [analysis.age_limit(self.function, name) for name in (*OWN, *self.senders)]
        counts = (len(OWN), *(1 for _ in self.senders))
        self.lateness = Lateness(counts, np.array([nanoseconds(min(limit, NO_LIMIT)) for limit in limits]), self.rows)
        message = self.perception.message
        self._newest = Newest(message.value, message.time, message.fresh, self.lateness.due[len(OWN)])
        self.looked = 0  # when perception did last, ns
        self._admitted, self._adopted = level.copy(), Adopted(level.copy())
        self._unlimited = np.full(self.rows, top)  # level that nobody needs to agree to
        self._pending = Pending(level.copy(), np.zeros(self.rows))
        self._front_trusted = np.zeros(self.rows, dtype=bool)
        self._effect, self._adopt, self._both, self._heed, self._order = effect, adopt, both, heed, order
        self._keep, self._stand, self._silence = keep, written(stand), silence
        self._unhear = [written(unhear) for _ in self.senders]
        self._is_own = np.isin(np.arange(len(self.world.position)), self.world.own)
        self._row_of = np.maximum(np.cumsum(self._is_own) - 1, 0)  # car: of a leader, any
        self._safe = np.zeros((top + 1, self.rows), dtype=bool)
        self._apart = self.world.apart
        self._cycles = dict.fromkeys(COMPONENTS, -1)  # number of the present one; the radio's is a period

    def run(self, progress: Callable[[float], bool] | None = None, step: float = 1.0) -> bool:
        """Run to the end. `progress` is told the simulated time each `step` s and ends the run by answering False.

        Returns whether the end was reached.
        """
        self.finished, complete = clock.run(self.env, self.end, progress, step)
        self.log.settle()
        self._tell_refused(self.finished)
        self.metrics.close(self.finished)
        return complete

    def close(self) -> None:
        """Finish the tables of all runs under their final names."""
        self.trace.close()
        self.sent.close()

    def discard(self) -> None:
        """Leave no half-written table behind: what was not closed goes."""
        self.trace.discard()
        self.sent.discard()

    def carry_on(self, by: int, periods: int, ages: Sequence[int]) -> None:
        """Periods have been played, `by` ns in all, with messages of such `ages` (ns) at each look of one."""
        timing = self.design.timing
        of = self.scenarios[0].radio.period, timing.perception_period, timing.control_period
        times = dict(zip(("radio", "perception", "control"), (by // nanoseconds(each) for each in of), strict=True))
        self._cycles = {name: cycles + times[name] for name, cycles in self._cycles.items()}
        self.world.carry_on(by)
        self.looked += by
        self.channel.carry_on(by)
        self.metrics.carry_on(periods, times["perception"] // periods, times["radio"] // periods, ages)

    def _processes(self) -> None:
        rota = clock.Rota(self.env)
        repeat = rota.repeat
        timing, first = self.design.timing, self.scenarios[0]
        control, delay = nanoseconds(timing.control_period), nanoseconds(timing.actuator_delay)
        phase = nanoseconds(timing.control_phase)
        perception = (nanoseconds(timing.perception_period), nanoseconds(timing.perception_phase))
        self._control_step = timing.control_period
        repeat(nanoseconds(first.radio.period), 0, Order.RADIO, self._send)
        repeat(control, phase + delay, Order.ACTUATOR, self._actuate)
        repeat(*perception, Order.PERCEPTION, self._perceive)
        if self.enabled:
            repeat(nanoseconds(timing.kernel_period), nanoseconds(timing.kernel_phase), Order.KERNEL, self._decide)
        repeat(control, phase, Order.CONTROL, self._control)
        repeat(*perception, Order.WATCH, self._watch)
        if any(each is not None for each in (self.group, self.readers, self.outside)):  # who may refuse something
            clock.repeat(self.env, TOLD_EVERY, TOLD_EVERY, Order.WATCH, self._tell_refused)
        if self.trace.wanted:
            repeat(nanoseconds(first.record.period), perception[1], Order.RECORD, self._record)
        self.steady = Steady(self, rota)
        rota.run(self.steady.ahead)

    def _running(self, component: str, now: int) -> np.ndarray | None:
        running = self.components.running(component, now, self._cycles[component])
        self.down[component] = self._nowhere if running is None else self.components.down(component)
        if self.outside is not None and self.outside.is_late:
            running, self.down[component] = self._nowhere, ~self._nowhere
        return running

    def _actuate(self, now: int) -> None:
        """Commands computed one actuator delay ago come into force, and with them their level."""
        self.world.advance(now)
        self._force = self._effect(self._force, self._pending.level, now).force
        if not self.is_shadow:
            self.world.drive(self._pending.command)

    def _send(self, now: int) -> None:
        self.world.advance(now)
        room, deaf = self.channel.room(), None
        self._cycles["radio"] += 1
        if self._running("radio", now) is not None:
            deaf = self._silenced()
        mute = deaf if self.generation is None else self._among(deaf) | ~self._due(now)
        self.messages.compose(room.motion)
        if self._tell_of_front:
            room.content.message[len(MESSAGE) :] = self.messages.witness(self._seen_ahead())
        message = self.attackers.content(now, room.content.message)
        sent = self.channel.send(now, message, room.content.true, mute)
        self.metrics.radio.sent(sent, deaf)
        if self.trace.wanted:
            self.sent.record(sent, deaf, None if self.group is None else self.group.number)
        if self.group is not None:
            before = self.group.leader
            self.channel.refuse(
                self.group.send(now, self._proposed(), self.channel.arrival(self._among(deaf)), message)
            )
            self.log.grouped(now, before, self.group.leader)
            self.log.failed(now, self.group.error)
        elif self.readers is not None:
            on = self.channel.links.of_car_ahead
            refused = np.zeros(len(sent.arrival), dtype=bool)
            refused[on] = self.readers.send(now, sent.heard[on])
            self.channel.refuse(refused)

    def _silenced(self) -> np.ndarray:
        """Which cars neither send nor hear (car,)."""
        return np.asarray(self._silence(self.down["radio"], self._row_of, self._is_own).deaf)

    def _among(self, cars: np.ndarray | None) -> np.ndarray:
        """Which cars are among these (car,); None: nobody is."""
        return self._silent_cars if cars is None else cars

    def _proposed(self) -> np.ndarray:
        """The level that each row would have of its group; who comes from behind asks for none until it is near."""
        assert self.group is not None
        if self.seen is not None and self._apart.any():
            near = self.seen.gap <= STANDSTILL + JOINING_TIME_GAP * self.seen.value[SPEED]
            self._apart = self._apart & ~(near & self._front_trusted)
        return np.where(self._apart, np.minimum(self._admitted, self.group.base), self._admitted)

    def _due(self, now: int) -> np.ndarray:
        """Which cars the rules of a CAM let send now (car,); the road is straight, and leads north."""
        assert self.generation is not None
        world = self.world
        straight = np.zeros_like(world.position)
        return self.generation.due(now // MILLISECOND, np.stack([straight, world.position]), straight, world.speed)

    def _perceive(self, now: int) -> None:
        self.world.advance(now)
        self.looked = now
        own, due = self.perception.own, self.lateness.due[: len(OWN)]
        self.sensors.measure(now, own, self.lateness.due)
        self.true = self._true()
        if self.outside is not None:
            own.value[:] = np.where(self._is_real, np.nan, own.value)
            due[:] = np.where(self._is_real, self.outside.take(now, own), due)
            if self.outside.steering is not None:
                self.world.steer(self.outside.steering)
        own = self.injector.own(now, own)
        listening = self._running("radio", now)
        messages = self._listen(now, listening)
        self._cycles["perception"] += 1
        running = self._running("perception", now)
        self.lateness.look(now, [own, *messages])
        if running is not None:
            self.lateness.miss(self.down["perception"])
        self.seen = self.perception.update(now, own, messages[0], running, self._handed_over(now))
        if self.outside is not None:
            np.minimum(self.seen.validity, self.outside.most_valid, out=self.seen.validity)
        self.told = (self.seen.lead,)
        if self.led is not None:
            self.told += (self.led.told(now, messages[1], running),)
        self._facts.tell(now, self.seen, self.told, listening, running)
        if self.enabled:
            self.log.judged(now, self.seen, self.told)

    @property
    def level(self) -> np.ndarray:
        """Whose controller computed the command in force (row,)."""
        return self._force.level

    @property
    def level_since(self) -> np.ndarray:
        """Since when, ns (row,)."""
        return self._force.since

    @property
    def _decided(self) -> np.ndarray:
        """The level of service that is decided, and not yet in force (row,)."""
        return self._adopted.level

    @property
    def late(self) -> np.ndarray:
        """Which own signals are late, and the messages of which of `senders` (signal, row)."""
        return self.lateness.waiting.late

    def _true(self) -> np.ndarray:
        """What an ideal sensor would say now (signal, row); NaN of a signal that is not simulated."""
        true = self.sensors.true
        return true if self.outside is None else np.where(self._is_real, np.nan, true)

    def _handed_over(self, now: int) -> np.ndarray | None:
        """Before whom a car has cut in, or left again, since the last look: radar has seen it come or go (row,)."""
        strangers = self.world.strangers
        if not len(strangers):
            return None
        changed = strangers.settled()
        if not len(changed):
            return None
        found = np.zeros(self.rows, dtype=bool)
        found[strangers.row[changed]] = True
        self.metrics.cut_in(now, strangers.row[changed[strangers.present[changed]]])
        self.log.cut_in(now, strangers, changed, self.world)
        return found

    def _listen(self, now: int, listening: np.ndarray | None) -> list[Samples]:
        """The newest message of each of `senders`."""
        deaf = self._deaf(listening)
        self.channel.receive(now, deaf)
        self.channel.of_car_ahead(self._newest)
        messages = [self.perception.message]
        if self.led is not None:
            messages.append(self.led.newest())
            self.lateness.due[-1] = self.channel.due
        for sender, message, unhear_it in zip(self.senders, messages, self._unhear, strict=True):
            self.injector.message(now, message, sender)
            if deaf is not None:
                hears = self._nowhere if self.is_shadow or listening is None else listening
                unhear_it(Freshness(message.fresh), hears)
        return messages

    def _deaf(self, listening: np.ndarray | None) -> np.ndarray | None:
        """Which cars hear nothing (car,), None: all hear."""
        if listening is None and not self.is_shadow:
            return None
        if self.is_shadow:  # beside real signals nobody is simulated
            return ~self._silent_cars
        return self._silenced()

    @property
    def sources(self) -> list[np.ndarray]:
        """The car that each of `senders` is to each row (row,)."""
        return [self.world.ahead] if self.led is None else [self.world.ahead, self.led.car]

    def _seen_ahead(self) -> np.ndarray:
        """Distance (m) and speed (m/s) of the car ahead by own sensors, NaN where they do not know (2, row).

        Of a car that has cut in nobody is told: who hears this takes it for one of those who speak.
        """
        if self.seen is None:
            return np.full((2, self.rows), np.nan)
        value = self.seen.value
        knows = (self.seen.validity[:ACCELERATION].min(axis=0) >= DOUBT) & (value[DISTANCE] < self.sensors.range)
        knows &= ~self.perception.state.unknown_front
        return np.where(knows, np.stack([value[DISTANCE], value[SPEED] + value[RELATIVE]]), np.nan)

    def _decide(self, now: int) -> None:
        decision = self.kernel.step(now, {FUNCTION: self._safe})[FUNCTION]
        self.initialised = decision.initialised
        agreed = self._unlimited if self.group is None else self.group.level
        adoption = self._adopt(self._adopted, decision.level, decision.previous, agreed)
        self._adopted, self._admitted = adoption.adopted, adoption.admitted
        told = adoption.previous, decision.level, self.lateness.waiting.arrived
        self.log.switched(adoption.by_rules, now, self.looked, *told)
        self.tape.react(adoption.by_others, now, partial(self._agreed, adoption))
        if self.outside is not None:
            self.outside.decided(now, self._decided)
        first, *others = [decision.trusted[name] for name in FRONT if name in decision.trusted] or [self._nowhere]
        self._front_trusted = self._both(first, *others).so if others else first

    def _agreed(self, adoption: Adoption, now: int) -> None:
        """The level of service is another one in some rows, as others have agreed to another one."""
        self.log.agreed(now, adoption.previous.copy(), self._decided.copy(), np.flatnonzero(adoption.by_others))

    def _control(self, now: int) -> None:
        seen = self.seen
        assert seen is not None
        self._cycles["control"] += 1
        running = self._running("control", now)
        before = None if running is None else self._keep(self.cruise.command).command
        heeded = self._heed(
            self._front_trusted,
            seen.speed_known,
            seen.lead.time,
            now - JUST_HEARD,
            seen.value,
            self.sensors.range,
        )
        command, self._safe = self.cruise.update(
            self._situation(seen, self._leader_seen(), heeded.road_open),
            self._decided,
            heeded.trusted,
            seen.speed_bound,
            self._control_step,
            heeded.announced,
        )
        if before is not None and running is not None:
            self._stand(Command(command), before, running, self._decided)
        self._facts.beat(now, running)
        self._pending = self._order(self._decided, command)

    def _situation(self, seen: Seen, leader: np.ndarray, road_open: np.ndarray) -> Situation:
        """The same again where it is in the same arrays: who has looked where these are need not look again."""
        *of, situation = self._situated
        if situation is not None and all(map(is_, of, (seen, leader, road_open))):
            return situation
        situation = Situation(
            gap=seen.gap,
            speed=seen.speed_bound if self.enabled else seen.value[SPEED],
            relative_speed=seen.value[RELATIVE],
            road_open=road_open,
            front_command=seen.lead.value[M_INTENDED],
            front_speed=seen.lead.value[M_SPEED],
            leader_command=leader[M_INTENDED],
            leader_acceleration=leader[M_ACCELERATION],
            leader_speed=leader[M_SPEED],
            set_speed=self._set_speed,
        )
        self._situated = seen, leader, road_open, situation
        return situation

    def _leader_seen(self) -> np.ndarray:
        """The leader's message (field, row) where the rules of the level in force guard it, else NaN."""
        if self.led is None:
            return self._unheard
        return np.where(self._decided >= self._lowest_led, self.told[1].value, np.nan)

    def _watch(self, now: int) -> None:
        self.metrics.step(now)

    def _tell_refused(self, now: int) -> None:
        listening = self.readers if self.group is None else self.group
        if listening is not None:
            self.log.refused(now, listening.refused)
        if self.group is not None:
            self.log.held(now, self.group.held)
        if self.outside is not None:
            self.log.refused_of_devices(now, self.outside.refused())

    def _record(self, now: int) -> None:
        seen, world = self.seen, self.world
        assert seen is not None
        cars = OfCars(self._place(), world.speed, world.acceleration, self._command(), self.channel.true)
        gap = np.full(self.rows, np.nan) if self.is_shadow else world.gap
        rows = OfRows(gap, self.level, seen.value, self.true, seen.validity, seen.time)
        told = zip(self.told, self.sources, strict=True)
        self.trace.record(now, cars, rows, [OfSender(one.value, one.validity, one.time, car) for one, car in told])

    def _command(self) -> np.ndarray:
        """The command of each car in m/s² (car,); in shadow mode the one that would be in force."""
        if not self.is_shadow:
            return self.world.command
        command = self.world.command.copy()
        command[self.world.own] = self._pending.command
        return command

    def _place(self) -> np.ndarray:
        """Position of each car in m (car,); NaN: nobody is simulated ahead of real devices."""
        if not self.is_shadow:
            return self.world.position
        position = self.world.position.copy()
        position[self.world.leading] = np.nan
        return position


def alike(scenario: Scenario) -> Scenario:
    """What all runs of a batch have in common: the scenario less what may differ."""
    return scenario.model_copy(update={"seed": 0, "faults": (), "cut_ins": (), "leader": None, "start": None})


def _cruise(design: Design, rows: int, scenario: Scenario) -> Cruise:
    levels = design.function(FUNCTION).levels
    return Cruise(
        rows, [controllers.numbers(level) for level in levels], scenario.vehicle.braking, scenario.vehicle.lag
    )
