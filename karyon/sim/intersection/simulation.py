"""One simulation of a batch of runs at a crossing: SimPy keeps the time, one process per kind of cycle.

Arrays are (run, car) where cars are moved, and (row,) with row = run * cars + car where the kernel judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import simpy
from numpy.typing import NDArray

from karyon.cooperation.intersection import BASE, NOBODY
from karyon.kernel import Kernel
from karyon.kernel.design import Design
from karyon.perception.crossing import ACCELERATION, SIGNALS, SPEED, Seen, Sight, pace_gate
from karyon.perception.detectors import ResidualGate
from karyon.perception.received import CONTENT, MESSAGE
from karyon.perception.sensors import NEVER, Samples, nanoseconds, seconds
from karyon.sim import clock
from karyon.sim.analysis import age_limit
from karyon.sim.clock import Order
from karyon.sim.components import Components
from karyon.sim.failure_modes import COMPONENTS, COORDINATOR, SAID
from karyon.sim.faults import Injector
from karyon.sim.intersection.agreement import Agreement
from karyon.sim.intersection.driving import Driving
from karyon.sim.intersection.events import Log
from karyon.sim.intersection.faults import placed, said_wrongly
from karyon.sim.intersection.measures import Measures
from karyon.sim.intersection.recorded import RecordedWorld
from karyon.sim.intersection.right_of_way import Tables
from karyon.sim.intersection.scenario import FUNCTION, Scenario
from karyon.sim.intersection.sight import Eyes, Look
from karyon.sim.intersection.trace import Trace
from karyon.sim.intersection.world import World
from karyon.sim.radio import Channel
from karyon.sim.recorder import Messages
from karyon.sim.streams import NormalBlocks, Purpose

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PEERS = "zone.peers.message"
PEER = "crossing"  # whose agreement the highest level asks
GRACE = 500_000_000  # ns for which one that has come into sight need not have been heard
BELIEVED = 3.0  # m, by which the place that one says may differ from where it is seen
INCONSISTENT = 1.2  # m, as in `Sight`
WATCH = 100_000_000  # ns


class Simulation:
    """Runs of one design and one set of periods, side by side; seeds, faults and traffic may differ."""

    def __init__(self, scenarios: Sequence[Scenario], design: Design, folders: Sequence[Path | None]) -> None:
        first = scenarios[0]
        if any(_alike(each) != _alike(first) for each in scenarios):
            raise ValueError("runs of one batch differ only in seed and faults")
        most = first.intersection.max_los
        self.design = design if most is None else design.limited(FUNCTION, most)
        self.whole = design.function(FUNCTION)
        self.scenarios, self.function = scenarios, self.design.function(FUNCTION)
        self.top = len(self.function.levels) - 1
        self.end, self.env = nanoseconds(first.duration), simpy.Environment()
        self.world = World(scenarios) if first.recorded is None else RecordedWorld(scenarios)
        self.shape = self.world.s.shape
        self.rows = self.shape[0] * self.shape[1]
        self.tables = Tables(self.world)
        self.eyes = Eyes(scenarios, self.world)
        limit = min(age_limit(self.whole, "own.speed"), 1.0)
        self.sight = Sight(self.rows, INCONSISTENT, limit, self.eyes.range, self._pace_gate())
        self.channel = Channel(scenarios, is_group=True, words=-len(CONTENT))  # what is said is kept by `agreement`
        margins = [float(level.controller.get("margin", 1.0)) for level in self.whole.levels]
        self._radio_period = nanoseconds(first.radio.period)
        self._age_limits = np.array([[nanoseconds(min(age_limit(self.whole, name), 3600.0))] for name in SIGNALS])
        self._peers_limit = nanoseconds(min(age_limit(self.whole, PEERS), 3600.0) - first.radio.clock_offset)
        self.agreement = Agreement(self.world, self.tables, margins, self._radio_period)
        self.driving = Driving(self.world, self.tables, self.agreement, self.function, self.eyes.range)
        faults = placed(scenarios)
        self.faults = faults
        periods = dict.fromkeys(SIGNALS, nanoseconds(design.timing.perception_period))
        own = [one for one in faults if one.fault.signal != SAID]
        self.injector = Injector(own, periods, SIGNALS)
        self._never_worked = np.zeros(self.rows, dtype=bool)
        self._never_worked[[one.row for one in own if one.onset == 0]] = True
        self.liars = [one for one in faults if one.fault.signal == SAID]
        self.components = Components(faults, self.rows, (*COMPONENTS, COORDINATOR))
        self.kernel = Kernel(self.design, self.rows)
        self.kernel.seen.agree(PEER, self.top)  # left out of what a car proposes: `agreement` has it
        self.enabled = first.kernel.enabled
        noise = NormalBlocks([each.seed for each in scenarios], Purpose.MESSAGES, 2, self.world.cars)
        self._message_noise = noise
        self._begin()
        self.log = Log(self)
        self.metrics = Measures(self)
        self.trace = Trace(self, folders)
        self.sent = Messages(folders, self.channel.links)
        self._processes()

    def _pace_gate(self) -> ResidualGate:
        """Of own speed against own acceleration, by what the design states of both."""
        stated = {signal.name: signal for signal in self.design.signals}
        speed, acceleration = (stated.get(SIGNALS[one]) for one in (SPEED, ACCELERATION))
        return pace_gate(
            (speed and speed.noise) or 0.05,
            (acceleration and acceleration.noise) or 0.05,
            (speed and speed.tolerated) or 1.0,
            self.design.timing.perception_period,
        )

    def _begin(self) -> None:
        start = 0 if self.enabled else self.top
        self.level, self.decided, self.admitted = np.full((3, self.rows), start)
        self.level_since = np.zeros(self.rows, dtype=np.int64)
        self.initialised = np.full(self.rows, not self.enabled)
        self.down = {name: np.zeros(self.rows, dtype=bool) for name in (*COMPONENTS, COORDINATOR)}
        self._cycles = dict.fromkeys(self.down, -1)
        self._pending = (self.level.copy(), np.zeros(self.shape))
        self._safe = np.ones((self.top + 1, self.rows), dtype=bool)
        self.seen: Seen | None = None
        self.true = np.full((len(SIGNALS), self.rows), np.nan)
        self.late = np.zeros((len(SIGNALS) + 1, self.rows), dtype=bool)
        self._first_seen = np.full((*self.shape, self.shape[1]), NEVER, dtype=np.int64)
        self.visible = np.zeros((self.shape[0], 1, 1), dtype=bool)
        self.peers = np.zeros(self.rows, dtype=np.int64)
        self.finished = 0

    def run(self, progress: Callable[[float], bool] | None = None) -> bool:
        """Run to the end, and whether it was reached; `progress` is told each second, and ends the runs by False."""
        self.finished, complete = clock.run(self.env, self.end, progress)
        self.metrics.close(self.finished)
        return complete

    def _processes(self) -> None:
        repeat = partial(clock.repeat, self.env)
        timing = self.design.timing
        control, delay = nanoseconds(timing.control_period), nanoseconds(timing.actuator_delay)
        phase, perception = nanoseconds(timing.control_phase), nanoseconds(timing.perception_period)
        self._step = timing.control_period
        repeat(control, phase + delay, Order.ACTUATOR, self._actuate)
        repeat(self._radio_period, 0, Order.RADIO, self._send)
        repeat(perception, nanoseconds(timing.perception_phase), Order.PERCEPTION, self._perceive)
        if self.enabled:
            repeat(nanoseconds(timing.kernel_period), nanoseconds(timing.kernel_phase), Order.KERNEL, self._decide)
        repeat(control, phase, Order.CONTROL, self._control)
        repeat(WATCH, 0, Order.WATCH, self._watch)
        if self.trace.wanted:
            repeat(nanoseconds(self.scenarios[0].record.period), 0, Order.RECORD, self._record)
        for when, entry in self.log.planned():
            if when <= self.end:
                clock.happen(self.env, when, entry)

    def _running(self, component: str, now: int) -> Booleans:
        self._cycles[component] += 1
        running = self.components.running(component, now, self._cycles[component])
        self.down[component] = np.zeros(self.rows, dtype=bool) if running is None else ~running
        return ~self.down[component]

    def _actuate(self, now: int) -> None:
        """Commands computed one actuator delay ago come into force, and with them their level."""
        self.world.advance(now)
        level, command = self._pending
        self.level_since = np.where(level != self.level, now, self.level_since)
        self.level, self.world.command = level, command

    def _send(self, now: int) -> None:
        world = self.world
        world.advance(now)
        has_radio = self._running("radio", now).reshape(self.shape) & ~world.traffic.silent & world.here
        leads = self._running(COORDINATOR, now).reshape(self.shape) & has_radio
        if now > 0:
            visible, believed, new = self._around(now)
            admitted = self.admitted.reshape(self.shape)
            self.agreement.step(now, self._heard(), visible, believed, new, admitted, leads)
        noise = self._message_noise.next().reshape(2, *self.shape)
        radio = self.scenarios[0].radio
        place, speed = world.s + radio.position_sigma * noise[0], world.speed + radio.speed_sigma * noise[1]
        place, speed, level = said_wrongly(self.liars, now, place, speed, self.admitted.reshape(self.shape), self.top)
        self.agreement.send(place, speed, level)
        nothing = np.zeros((0, self.rows))
        x, y, _ = world.place
        places = np.zeros((len(MESSAGE), self.rows), dtype=np.complex128)  # in the plane: distances are their |a - b|
        places[0] = (x + 1j * y).ravel()
        sent = self.channel.send(now, nothing, places, ~has_radio.ravel())
        if self.trace.wanted:
            self.sent.record(sent, self.down["radio"], absent=~has_radio.ravel())

    def close(self) -> None:
        """Finish the files of the run."""
        self.trace.close()
        self.sent.close()

    def discard(self) -> None:
        """Leave nothing half-written behind."""
        self.trace.discard()
        self.sent.discard()

    def _heard(self) -> Integers:
        """When the newest message that has arrived was sent, ns (run, car, other)."""
        cars = self.shape[1]
        return self.channel.time.reshape(self.shape[0], cars, cars)

    def _around(self, now: int) -> tuple[Booleans, Booleans, Booleans]:
        """Who sees whom; whose word agrees with what is seen; who has come into sight just now; of `world.part`."""
        part = self.world.part
        visible = self.visible
        since = self._first_seen[part.pairs]
        new = visible & (now - np.where(since == NEVER, now, since) < GRACE)
        return visible, self.agreement.agrees(self._heard(), visible, BELIEVED), new

    def _perceive(self, now: int) -> None:
        world = self.world
        world.advance(now)
        world.admit()
        world.walk(self.agreement.bound)
        look = self.eyes.look()
        self.true = look.true
        samples = self._measured(now, look)
        running = self._running("perception", now)
        samples.fresh &= running
        self.seen = self.sight.update(now, samples, look.renewed, look.further, self._comes(now))
        deaf = self.down["radio"] | world.traffic.silent.ravel()
        self.channel.receive(now, deaf)
        part = world.part
        self.visible = self.eyes.visible()
        first = self._first_seen[part.pairs]
        self._first_seen[part.pairs] = np.where(self.visible & (first == NEVER), now, first)
        self._tell(now, running, deaf, samples.fresh & (now - samples.time <= self._age_limits))

    def _measured(self, now: int, look: Look) -> Samples:
        """New samples, as failing sensors give them.

        A car comes from afar, where its checks have watched sensors that worked: one that failed meanwhile is wrong
        from its second sample on. Only what fails from the beginning of the run on has always been wrong.
        """
        samples = self.eyes.measure(now, look.true, look.nothing)
        sound = samples.value.copy()
        failing = self.injector.own(now, samples)
        comes = self._comes(now) & ~self._never_worked
        return Samples(
            np.where(comes, sound, failing.value),
            np.where(comes, now, failing.time),
            np.where(comes, self.world.here.ravel(), failing.fresh),
        )

    def _comes(self, now: int) -> Booleans:
        """Which cars come from afar at this instant (row,)."""
        return np.asarray(self.world.entered == float(seconds(now, 0))).ravel()

    def _tell(self, now: int, running: Booleans, deaf: Booleans, timely: Booleans) -> None:
        """Write run-time safety information; `timely`: a sample has come that is young enough (signal, row)."""
        seen, kernel = self.seen, self.kernel.seen
        assert seen is not None
        for index, name in enumerate(SIGNALS):
            kernel.see(name, seen.value[index], seen.time[index], seen.validity[index])
        oldest, believed = self._peers(now)
        self.peers = oldest
        kernel.see(PEERS, np.zeros(self.rows), oldest, believed, 0.0, self.scenarios[0].radio.clock_offset)
        kernel.beat("perception", now, running)
        kernel.beat("radio", now, ~deaf)
        kernel.beat(COORDINATOR, now, (self.agreement.coordinator != NOBODY).ravel())
        here = self.world.here.ravel()
        self.late = np.concatenate([~timely & here, ((now - oldest > self._peers_limit) & here)[None]])

    def _peers(self, now: int) -> tuple[Integers, Floats]:
        """Of each row, when the oldest newest message of all around was sent, and whether all are believed (row,)."""
        part = self.world.part
        heard = self._heard()[part.pairs]
        visible, agrees, _ = self._around(now)
        first = self._first_seen[part.pairs]
        reference = np.where(visible, np.maximum(heard, first), now)
        oldest = np.full(self.shape, now)
        oldest[part.cars] = reference.min(axis=2)
        believed = np.ones(self.shape)
        lies = visible & ~agrees & (heard != NEVER)
        believed[part.cars] = np.where(lies.any(axis=2), 0.0, 1.0)
        return oldest.ravel(), believed.ravel()

    def _decide(self, now: int) -> None:
        decision = self.kernel.step(now, {FUNCTION: self._safe})[FUNCTION]
        self.initialised = decision.initialised
        self.admitted, before = decision.level.astype(np.int64), self.decided
        agreed = np.minimum(self.admitted, np.maximum(self.agreement.level.ravel(), BASE))
        self.decided = np.where(self.admitted > BASE, agreed, self.admitted)
        self.log.switched(now, before, decision)

    def _control(self, now: int) -> None:
        assert self.seen is not None
        running = self._running("control", now)
        before = self._pending[1]
        level = self.decided.reshape(self.shape)
        command = self.driving.command(float(seconds(now, 0)), self.seen.value.reshape(-1, *self.shape), level)
        command = np.where(running.reshape(self.shape) | (level == 0), command, before)
        self.kernel.seen.beat("control", now, running)
        self._pending = (self.decided.copy(), np.where(np.isfinite(command), command, before))

    def _watch(self, now: int) -> None:
        self.world.advance(now)
        self.metrics.step(now)

    def _record(self, now: int) -> None:
        self.trace.record(now)


def _alike(scenario: Scenario) -> Scenario:
    """What all runs of a batch have in common: the scenario less what may differ."""
    return scenario.model_copy(update={"seed": 0, "faults": ()})
