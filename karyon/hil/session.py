"""A session of the bench, live or replayed, from its scenario to its files."""

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from karyon.hil import reach
from karyon.hil.address import Address
from karyon.hil.bench import Bench, Drained
from karyon.hil.bridge import Bridge
from karyon.hil.intake import Intake
from karyon.hil.outlet import Outlet
from karyon.hil.pace import RealTime
from karyon.hil.record import BEFORE, Recorded, Writer
from karyon.perception.following import OWN
from karyon.perception.sensors import NEVER, Samples, nanoseconds
from karyon.sim import documents, run
from karyon.sim.controllers import FUNCTION
from karyon.sim.engine import Simulation
from karyon.sim.outside import is_real_time
from karyon.sim.run import Result
from karyon.sim.scenario import Loaded

SETTLE = 1.0  # s to hear devices and to learn their clocks before the start
PINGS = 4  # in that time
SWITCH_INTERVAL = 0.0001  # s after which the thread that hears messages may interrupt a cycle

Say = Callable[[str], None]
Progress = Callable[[float], bool]
Attend = Callable[[Simulation], object]


class Live:
    """Messages of a broker in real time; see `karyon.hil.bench.Supply`."""

    def __init__(self, bridge: Bridge, writer: Writer | None) -> None:
        self.env, self._bridge, self._writer = RealTime(), bridge, writer
        self.unix = time.time_ns() - time.monotonic_ns()
        self.started = 0
        self._before = Drained()

    def settle(self, intake: Intake) -> None:
        """Hear devices and ping their clocks for a second, and begin."""
        for _ in range(PINGS):
            self._before.pings += self._bridge.ping(at_once=True)
            time.sleep(SETTLE / PINGS)
            messages, dropped = self._bridge.drain()
            self._before.messages += messages
            self._before.dropped = dict(Counter(self._before.dropped) + Counter(dropped))
        listen(intake, self._before, self.unix)

    def begin(self) -> None:
        """Time 0 is now."""
        self.env.begin()
        self.started = self.env.started
        if self._writer is not None:
            self._writer.begin(self.started, self.unix)
            self._writer.cycle(BEFORE, self._before)

    def drain(self, now: int, lateness: int) -> Drained:
        """What has come; a cycle that is late leaves it, as what it perceives does not count."""
        found = Drained(lag=self.env.elapsed - now)
        if not self._bridge.listens:  # that nothing comes any more is our own failure
            found.lag = max(found.lag, lateness + 1)
        if found.lag <= lateness:
            found.pings = self._bridge.ping()
            found.messages, found.dropped = self._bridge.drain()
        if self._writer is not None and not (found.is_empty and found.lag <= lateness):
            self._writer.cycle(now, found)
        return found

    def elapsed(self) -> int:
        """Real time since time 0, ns."""
        return self.env.elapsed


def listen(intake: Intake, before: Drained, unix: int) -> None:
    """Take what came before the start: it says something of devices and clocks, and is no sample of any cycle."""
    shape = (len(OWN), intake.rows)
    nothing = Samples(np.zeros(shape), np.full(shape, NEVER), np.zeros(shape, dtype=bool))
    intake.pinged(before.pings)
    intake.flooded(before.dropped)
    intake.take(before.messages, nothing, sys.maxsize, unix)


def check(loaded: Loaded) -> None:
    """Raises InputError where nothing could come from a device."""
    if not is_real_time(loaded.scenario):
        said = "nothing is `from: mqtt`: there is nothing that a device could send"
        hint = f"karyon run {loaded.name} simulates it"
        raise documents.InputError([documents.Fault(str(loaded.path), None, None, 0, said, hint)])


def live(
    loaded: Loaded,
    address: Address,
    out: Path | None,
    say: Say,
    progress: Progress | None,
    attend: Attend = lambda _: None,
    *,
    keys: Mapping[str, bytes] | None = None,
    with_commands: bool = False,
) -> Result:
    """Run a scenario in real time with devices at a broker. Raises BrokerError, and what `simulate` does."""
    intake = _intake(loaded, keys)
    bridge = Bridge(address, f"karyon-bench-{time.time_ns():x}", intake.topics, list(intake.clocks), say)
    bridge.start()
    writer = Writer(out, keys or {}) if out else None
    supply = Live(bridge, writer)
    outlet = Outlet(bridge.client, intake.rows, with_commands=with_commands)

    def begin(simulation: Simulation) -> None:
        attend(simulation)
        outlet.attend(simulation)
        supply.begin()

    try:
        supply.settle(intake)
        now = time.monotonic_ns()
        for line in [*reach.heard(intake, now), *reach.unreachable(_function(loaded), intake, now)]:
            say(line)
        with _attentive():
            bench = Bench(intake, supply, lateness(loaded), outlet.tell)
            (result,) = run.simulate([loaded], [out], progress, begin, bench)
        if writer is not None:
            writer.close(None if result.complete else result.summary["duration"])
        return result
    finally:
        bridge.close()
        if writer is not None:
            writer.abandon()


def replay(
    loaded: Loaded,
    folder: Path,
    out: Path | None,
    progress: Progress | None,
    attend: Attend = lambda _: None,
    *,
    keys: Mapping[str, bytes] | None = None,
) -> Result:
    """A recorded session once more, bit for bit, without a broker. Raises InputError, and what `simulate` does."""
    intake, supply = _intake(loaded, keys), Recorded(folder, keys or {})
    listen(intake, supply.before(), supply.unix)
    bench = Bench(intake, supply, lateness(loaded), None)

    def goes_on(now: float) -> bool:
        return (supply.ended is None or now < supply.ended) and (progress is None or progress(now))

    (result,) = run.simulate([loaded], [out], goes_on, attend, bench)
    return result


def lateness(loaded: Loaded) -> int:
    """How late a cycle may begin, ns: its own period."""
    return nanoseconds(loaded.design.timing.perception_period)


def _intake(loaded: Loaded, keys: Mapping[str, bytes] | None) -> Intake:
    intake = Intake(loaded.scenario, loaded.design, keys)
    bound = [channel.binding.topic for channel in intake.channels]
    strange = [topic for topic in keys or {} if topic not in bound]
    if strange:  # a topic that is misspelt there would be taken unsigned
        said = f"--keys has a key for {strange[0]}, to which no signal is bound"
        raise documents.InputError(
            [documents.Fault(str(loaded.path), None, None, 0, said, f"bound are {', '.join(bound)}")]
        )
    return intake


def _function(loaded: Loaded) -> Any:
    most = loaded.scenario.acc.max_los
    design = loaded.design if most is None else loaded.design.limited(FUNCTION, most)
    return design.function(FUNCTION)


@contextmanager
def _attentive() -> Iterator[None]:
    """Let messages be stamped while a cycle computes, and no cycle wait for garbage to be sought in what stays."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
