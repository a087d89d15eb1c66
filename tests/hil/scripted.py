"""Many devices behind a network that fails, in simulated time: a supply of messages for the bench.

Each device has a clock of its own, hours off and up to 200 ppm wrong, sends three signals at 10 Hz and answers pings.
At random times something goes wrong with it for some seconds, one thing at a time. What it really measured, and when,
is remembered beside what it says.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import simpy

from karyon.hil.bench import Drained
from karyon.hil.intake import Ping
from karyon.hil.listener import WAITING
from karyon.hil.message import Message

SECOND, MILLISECOND = 1_000_000_000, 1_000_000
BASE, UNIX = 5000 * SECOND, 1_900_000_000 * SECOND
SIGNALS = {
    "front.distance": ("m", 30.0, 0.1),
    "front.relative_speed": ("m/s", 0.0, 0.05),
    "own.speed": ("m/s", 15.0, 0.03),
}
SECOND_SAYS = 3.0  # of all signals, the second device on a topic
PERIOD = 100 * MILLISECOND
QUIET, LASTS = (15.0, 25.0), (1.0, 6.0)  # s between faults, and of each

KINDS = (
    "silence",  # the device is off
    "loss",  # nine in ten are lost
    "delay",  # all take up to 12 s longer, pings, too
    "held",  # nothing comes, and then all of it at once, answers to pings, too
    "jitter",  # up to 0.5 s longer each: they overtake one another
    "duplicates",
    "flood",  # 20,000 bare numbers per second between them, of each signal
    "garbage",  # not one byte is as it should be
    "other_unit",
    "retained",
    "second_device",  # with the same topic, and numbers of its own
    "clock_ahead",  # set an hour ahead
    "clock_back",  # set an hour back
    "restart",  # after a second off: numbers and clock begin anew
)


@dataclass
class Device:
    """One device: `true` has for each signal when what was last delivered was really measured, ns from time 0."""

    number: int
    random: np.random.Generator
    sequence: int = 0
    ahead: int = 0
    drift: float = 0.0
    kind: str = ""
    longer: int = 0
    lead: int = 0
    begins: int = 0
    ends: int = 0
    true: dict = field(default_factory=dict)
    history: list = field(default_factory=list)

    def clock(self, now):
        return now + self.ahead + round(self.drift * now)

    def plan(self, now):
        """What goes wrong next, and when."""
        self.kind = KINDS[int(self.random.integers(len(KINDS)))]
        self.longer = round(self.random.uniform(0.2, 12.0) * SECOND)
        self.lead = int(self.random.choice([10**6, 200, 40, 3, 0, -3, -40, -200]))
        self.begins = now + round(self.random.uniform(*QUIET) * SECOND)
        self.ends = self.begins + round(self.random.uniform(*LASTS) * SECOND)
        self.history.append((self.kind, self.begins, self.ends))

    def is_on(self, now):
        return self.begins <= now < self.ends


class Network:
    """The supply: `drain` is asked by each cycle of the bench. `lag` (ns by cycle time) makes cycles late."""

    def __init__(self, devices, seed, lag=lambda now: 0):
        self.env, self.started, self.unix = simpy.Environment(), BASE, UNIX
        self.lag = lag
        self.devices = []
        for number in range(1, devices + 1):
            random = np.random.Generator(np.random.Philox(key=[seed, number]))
            ahead = int(random.integers(-10 * 3600, 10 * 3600)) * SECOND + 20 * 3600 * SECOND
            self.devices.append(Device(number, random, ahead=ahead, drift=float(random.uniform(-2e-4, 2e-4))))
            self.devices[-1].plan(0)
        self._flying, self._pings, self._next = [], 0, 0
        self._dropped = Counter()
        self._wrong = set()

    def elapsed(self):
        return None

    def drain(self, now, lateness):
        """Everything up to the real time of this cycle happens, unless it is late."""
        found = Drained(lag=self.lag(now))
        if found.lag > lateness:
            return found
        until = now + found.lag
        while self._next <= until:
            self._instant(self._next, found)
            self._next += PERIOD
        arrived = sorted((each for each in self._flying if each[0] <= until), key=lambda each: each[0])
        self._flying = [each for each in self._flying if each[0] > until]
        for at, topic, payload, retained, device, signal, measured in arrived:
            found.messages.append(Message(BASE + at, topic, payload, retained))
            if device is not None:
                device.true[signal] = max(measured, device.true.get(signal, measured))
        found.dropped, self._dropped = dict(self._dropped), Counter()
        return found

    def _instant(self, now, found):
        for device in self.devices:
            if now >= device.ends:
                device.plan(now)
            self._begin_or_end(device, now)
            if now % SECOND == 0:
                self._ping(device, now, found)
            for signal in SIGNALS:
                self._measure(device, signal, now)

    def _begin_or_end(self, device, now):
        on = device.is_on(now)
        if on and device.number not in self._wrong:
            self._wrong.add(device.number)
            device.ahead += {"clock_ahead": 3600, "clock_back": -3600}.get(device.kind, 0) * SECOND
            if device.kind == "restart":
                device.sequence, device.ahead = 0, 20 * 3600 * SECOND - now
        elif not on:
            self._wrong.discard(device.number)

    def _way(self, device, now):
        """ns that a message takes."""
        usual = device.random.uniform(0.5, 6.0) * MILLISECOND
        if device.is_on(now):
            jitter = device.random.uniform(0.0, 500.0) * MILLISECOND
            usual += {"delay": device.longer, "jitter": jitter, "held": device.ends - now}.get(device.kind, 0.0)
        return round(usual)

    def _is_off(self, device, now):
        on = device.is_on(now)
        return on and (device.kind == "silence" or (device.kind == "restart" and now < device.begins + 1.2 * SECOND))

    def _ping(self, device, now, found):
        if self._is_off(device, now):
            return
        for signal in SIGNALS:
            self._pings += 1
            topic = f"karyon/1/{device.number}/{signal}/clock"
            found.pings.append(Ping(topic, self._pings, BASE + now))
            there, back = self._way(device, now), self._way(device, now)
            stamp = device.clock(BASE + now + there)
            pong = {"v": 1, "id": self._pings, "t1": BASE + now, "t2": stamp, "t3": stamp}
            self._fly(now + there + back, f"{topic}/pong", json.dumps(pong).encode())

    def _fly(self, at, topic, payload, retained=False, device=None, signal="", measured=0):
        self._flying.append((at, topic, payload, retained, device, signal, measured))

    def _measure(self, device, signal, now):
        if self._is_off(device, now):
            return
        unit, usual, noise = SIGNALS[signal]
        device.sequence += 1
        said = {
            "v": 1,
            "seq": device.sequence,
            "t": device.clock(BASE + now),
            "clk": "boot",
            "val": [usual + noise * device.random.standard_normal()],
            "unit": [unit],
        }
        topic, kind = f"karyon/1/{device.number}/{signal}/m", device.kind if device.is_on(now) else ""
        way = self._way(device, now)
        genuine = True
        if kind == "loss" and device.random.random() < 0.9:
            return
        if kind == "garbage":
            self._fly(now + way, topic, device.random.bytes(int(device.random.integers(0, 200))))
            return
        if kind == "other_unit":
            said["unit"], genuine = ["s"], False
        if kind == "duplicates":
            self._fly(now + way + 3 * MILLISECOND, topic, json.dumps(said).encode())
        if kind == "flood":
            for extra in range(WAITING):
                self._fly(now + extra * MILLISECOND, topic, b"7")
            self._dropped[topic] += 2000 - WAITING
        if kind == "second_device":
            other = said | {"seq": max(0, device.sequence + device.lead), "val": [SECOND_SAYS]}
            self._fly(now + 50 * MILLISECOND, topic, json.dumps(other).encode())
        genuine &= kind != "retained"
        self._fly(
            now + way, topic, json.dumps(said).encode(), kind == "retained", device if genuine else None, signal, now
        )
