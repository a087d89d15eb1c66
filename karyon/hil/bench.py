"""The bench as a simulation sees it: samples of devices in each cycle, live or as recorded, and what came of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import simpy

from karyon.hil.intake import Intake, Ping
from karyon.hil.message import Message
from karyon.perception.sensors import Booleans, Floats, Samples

BINS, BIN = 100_000, 10_000  # of latencies: number, and ns of each
LATE_SHARE = 0.02  # of the cycles: with more than that the machine is to blame for what is not there
LONGEST = BINS * BIN / 1e9  # s: latencies are told apart up to here


@dataclass(slots=True)
class Drained:
    """What a cycle finds.

    lag      ns by which it began late
    pings    that have left since the last cycle
    dropped  messages of each topic that newer ones have superseded
    """

    lag: int = 0
    messages: list[Message] = field(default_factory=list)
    pings: list[Ping] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self.messages or self.pings or self.dropped)


class Supply(Protocol):
    """Where messages come from.

    started  ns by the bench's clock at time 0, `unix` ns from 1970 to time 0 of the bench's clock
    """

    @property
    def env(self) -> simpy.Environment:
        """The clock of the simulation."""

    started: int
    unix: int

    def drain(self, now: int, lateness: int) -> Drained:
        """What the cycle at `now` finds; one that begins later than `lateness` (ns) leaves it for the next one."""

    def elapsed(self) -> int | None:
        """Real time since time 0, ns; None: there is none."""


class Bench:
    """`karyon.sim.outside.Outside` by a supply of messages."""

    def __init__(self, intake: Intake, supply: Supply, lateness: int, watch: Callable[[int, Any], None] | None) -> None:
        """A cycle that begins more than `lateness` ns late is missed; `watch` is told each decision."""
        self.intake, self._supply, self._lateness, self._watch = intake, supply, lateness, watch
        self.env = supply.env
        self.is_late = False
        self.steering: float | None = None
        self.cycles = self.missed = self.worst_lag = 0
        self._latencies = np.zeros(BINS + 1, dtype=np.int64)
        self._waiting: list[int] = []

    @property
    def most_valid(self) -> Floats:
        """How much the samples of each signal can be worth at most (signal, row)."""
        return self.intake.most_valid

    def take(self, now: int, own: Samples) -> Booleans:
        """See `Outside`."""
        found = self._supply.drain(now, self._lateness)
        self.cycles += 1
        self.worst_lag = max(self.worst_lag, found.lag)
        self.is_late = found.lag > self._lateness
        self.missed += self.is_late
        base, unix = self._supply.started + found.lag, self._supply.unix
        self.intake.pinged(found.pings)
        self.intake.flooded(found.dropped)
        self._waiting += self.intake.take(found.messages, own, base, unix)
        if self.intake.has_driver:
            self.steering = self.intake.steering(now)
        return self.intake.due(now)

    def decided(self, now: int, level: Any) -> None:
        """See `Outside`."""
        elapsed = self._supply.elapsed()
        if elapsed is not None:
            here = elapsed + self._supply.started
            for arrived in self._waiting:
                self._latencies[min((here - arrived) // BIN, BINS)] += 1
        self._waiting.clear()
        if self._watch is not None:
            self._watch(now, level)

    def refused(self) -> dict[tuple[int, str, str], int]:
        """See `Outside`."""
        return self.intake.refused_of_rows()

    def summary(self) -> dict[str, Any]:
        """See `Outside`."""
        refused = self.intake.refused()
        pongs = self.intake.pongs_refused  # answers are no measurements
        return {
            "began": (self._supply.started + self._supply.unix) / 1e9,
            "messages": self.intake.messages,
            "messages_refused": sum(refused.values()) - pongs,
            "refused": refused,
            "measurement_latency_p50": self._latency(0.5),
            "measurement_latency_p99": self._latency(0.99),
            "cycles": self.cycles,
            "missed_deadlines": self.missed,
            "worst_lateness": self.worst_lag / 1e9,
            "clocks": self.clocks(),
        }

    def warnings(self) -> list[str]:
        """See `Outside`."""
        found = []
        if self.missed > LATE_SHARE * self.cycles:
            said = f"{self.missed} of {self.cycles} cycles began too late, and read nothing"
            found.append(
                f"{said}: this machine is too slow, or too busy (`chrt -r 10 karyon hil ...` goes before others)"
            )
        if self.intake.has_driver and not self.intake.has_driven:
            found.append("the leader has coasted all along: its driver was not once heard")
        return found

    def clocks(self) -> dict[str, Any]:
        """Of each device with a clock: how far it is ahead (s), the bound on that, its drift, how often it jumped."""
        now = self._supply.started + int(self.env.now)
        told = {}
        for topic, channels in self.intake.clocks.items():
            clock = channels[0].clock
            offset = [part / 1e9 for part in clock.offset(now)] if clock.is_known else [None, None]
            told[topic] = {"offset": offset[0], "bound": offset[1], "drift": clock.drift, "jumps": clock.jumps}
        return told

    def _latency(self, share: float) -> float | None:
        """The latency in s that this share of the measurements does not exceed, to 10 µs."""
        total = int(self._latencies.sum())
        if not total:
            return None
        return float((int(np.searchsorted(self._latencies.cumsum(), share * total)) + 1) * BIN / 1e9)
