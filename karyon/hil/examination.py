"""What a broker and this machine allow: round trips, how late cycles begin, the clock, what is left for a device."""

import ctypes
import threading
import time
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from karyon.hil.address import Address
from karyon.hil.bench import Bench, Drained
from karyon.hil.client import Client
from karyon.hil.intake import Intake
from karyon.hil.pace import RealTime
from karyon.kernel import Design
from karyon.perception.following import OWN
from karyon.perception.sensors import nanoseconds
from karyon.sim import run
from karyon.sim.analysis import age_limit
from karyon.sim.controllers import FUNCTION
from karyon.sim.scenario import Loaded, cut

ROUNDS = 100  # messages there and back
WAIT = 1.0  # s for one of them
LASTS = 3.0  # s for which cycles are computed
UNSYNCHRONISED = 5  # of adjtimex: TIME_ERROR


def examine(address: Address, loaded: Loaded) -> dict[str, Any]:
    """Measured in some seconds with the bench of a scenario, all in s. Raises BrokerError.

    round_trip_p50, _p99   to the broker and back; lost: of these messages
    period                 between cycles
    lateness_p99, _max     of these cycles
    clock_synchronised     by the operating system; None: it does not say
    budget                 by signal: how long a measurement may be on its way until a rule of the design fails
    """
    trips = _round_trips(address)
    period = loaded.design.timing.perception_period
    late = _lateness(loaded)
    slow, own_lag = _quantile(trips, 0.99) if trips else None, _quantile(late, 0.99)
    return {
        "broker": str(address),
        "round_trip_p50": _quantile(trips, 0.5) if trips else None,
        "round_trip_p99": slow,
        "lost": ROUNDS - len(trips),
        "period": period,
        "lateness_p99": own_lag,
        "lateness_max": max(late),
        "clock_synchronised": _is_synchronised(),
        "budget": None if slow is None else _budget(loaded.design, slow, own_lag),
    }


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    ms = {name: 1000 * value for name, value in found.items() if isinstance(value, float)}
    if found["budget"] is None:
        yield f"broker     {found['broker']}   no message came back: may this user publish and subscribe?"
    else:
        trip = f"there and back {ms['round_trip_p50']:.2f} ms (p50), {ms['round_trip_p99']:.2f} ms (p99)"
        yield f"broker     {found['broker']}   {trip}, {found['lost']} of {ROUNDS} lost"
    judged = "too late for the bench: more than one cycle" if found["lateness_p99"] > found["period"] else "in time"
    late = f"late by {ms['lateness_p99']:.2f} ms (p99), {ms['lateness_max']:.2f} ms (max)"
    yield f"cycles     every {ms['period']:g} ms, {late}   {judged}"
    words = {True: "synchronised", False: "not synchronised: only devices that answer pings have an age", None: "?"}
    yield f"clock      {words[found['clock_synchronised']]}"
    for signal, left in (found["budget"] or {}).items():
        if left > 0.0:
            yield f"LoS 1      {signal} may take {1000 * left:.0f} ms to the broker, or come that much late"
        else:
            yield f"LoS 1      {signal} is out of reach: its age passes the rule's limit by {-1000 * left:.0f} ms"


def has_failed(found: Mapping[str, Any]) -> bool:
    """Whether no message came back, cycles were too late, or a signal is out of reach."""
    is_late = found["lateness_p99"] > found["period"]
    return found["budget"] is None or is_late or min(found["budget"].values(), default=1.0) <= 0.0


def _budget(design: Design, trip: float, lateness: float) -> dict[str, float]:
    """What the age limit of each signal leaves: less its period, half a round trip, and a cycle that is late."""
    function = design.function(FUNCTION)
    periods = {signal.name: signal.period or 0.0 for signal in design.signals}
    cycle = design.timing.perception_period + lateness
    limits = {name: age_limit(function, name) for name in OWN}
    return {
        name: limit - periods.get(name, 0.0) - 0.5 * trip - cycle
        for name, limit in limits.items()
        if limit < float("inf")
    }


def _round_trips(address: Address) -> list[float]:
    """How long messages took to come back, s; those that did."""
    topic, back = f"karyon/1/bench/doctor/{time.time_ns():x}", threading.Semaphore(0)
    came: dict[bytes, float] = {}

    def hear(_: str, payload: bytes, __: bool) -> None:
        came[payload] = time.perf_counter()
        back.release()

    client = Client(address, topic.replace("/", "-"), [(topic, 0)], hear)
    client.start()
    trips = []
    try:
        for number in range(ROUNDS):
            payload, sent = str(number).encode(), time.perf_counter()
            client.publish(topic, payload)
            if back.acquire(timeout=WAIT) and payload in came:
                trips.append(came[payload] - sent)
            elif number == 2 and not trips:  # nothing comes back here
                break
    finally:
        client.stop()
    return trips


class _Idle:
    """What a bench has without devices: its cycles, and how late each begins, ns; see `karyon.hil.bench.Supply`."""

    def __init__(self) -> None:
        self.env, self.late = RealTime(), list[int]()
        self.started, self.unix = self.env.started, 0

    def drain(self, now: int, lateness: int) -> Drained:
        self.late.append(self.env.elapsed - now)
        return Drained(lag=self.late[-1])

    def elapsed(self) -> int:
        return self.env.elapsed


def _lateness(loaded: Loaded) -> list[float]:
    """How late each of some cycles begins that compute what those of a session do, s."""
    short, supply = cut(loaded, LASTS), _Idle()
    bench = Bench(
        Intake(short.scenario, short.design), supply, nanoseconds(short.design.timing.perception_period), None
    )
    run.simulate([short], [None], attend=lambda _: supply.env.begin(), outside=bench)
    return [late / 1e9 for late in supply.late]


def _is_synchronised() -> bool | None:
    """Whether the operating system's clock is held to a time server; None where it does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # all zero: it only reads
    except (AttributeError, OSError):
        return None
    return None if state < 0 else bool(state != UNSYNCHRONISED)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
