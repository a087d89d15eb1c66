"""From messages to samples: what each bound topic has said is checked, aged and judged; no clock is read here.

A sample's time is the earliest at which it can have been measured, so that every age holds whatever the network and
the clocks did: by a known clock its stamp less the bound on the offset, else its arrival less the declared bound.
The same messages in the same cycles give the same bits: this is what a recorded session is replayed through.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from karyon.hil import adapters, clock, measurement, signed
from karyon.hil.adapters import Read
from karyon.hil.clock import DeviceClock
from karyon.hil.measurement import Clock, Meaning, Measurement, Reason
from karyon.hil.message import Message
from karyon.hil.succession import Succession
from karyon.kernel import Design
from karyon.kernel.design import Signal
from karyon.perception import validity
from karyon.perception.following import ACCELERATION, DISTANCE, OWN, RELATIVE
from karyon.perception.sensors import NEVER, Booleans, Floats, Samples, Times, nanoseconds
from karyon.sim.outside import DERIVED, UNITS, VEHICLE, Origin
from karyon.sim.scenario import Scenario

USUAL_TOPIC = f"karyon/1/{VEHICLE}/{{signal}}/m"
BEFORE = 10_000_000_000  # ns before the start from which on a measurement is told to be old
WINDOW = 400_000_000  # ns of distances from which a relative speed is derived
FEWEST = 4  # distances in it
DRIVER = -1  # row of the leader
CONTESTED = 0.5  # validity at most of a topic on which two devices send
HOLDS = 1_000_000_000  # ns for which the leader does what its driver has asked for; after that it coasts


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping that has left: to which clock, its number, and when in ns."""

    topic: str
    number: int
    t1: int


@dataclass(frozen=True, slots=True)
class Binding:
    """A signal of a vehicle and the topic that it comes from; nothing else reaches it.

    read                       makes a measurement of a payload of at most `longest` bytes
    key                        with which all from this topic is signed; None: nothing is
    adapter                    that makes measurements of its payloads; None: they are in our format
    period, noise, tolerated   what the safety design states, s and SI; None: it does not
    """

    signal: int
    row: int
    topic: str
    read: Read
    delay_bound: int
    period: float | None
    noise: float | None
    tolerated: float | None
    longest: int = measurement.LONGEST
    key: bytes | None = None
    adapter: str | None = None

    @property
    def name(self) -> str:
        """The signal and the car, for people."""
        return f"{OWN[self.signal]} of car {self.row + 1}"

    @property
    def clock(self) -> str | None:
        """The topic of its device's clock, below which are `ping` and `pong`; None: it has none."""
        return self.topic.removesuffix("/m") + "/clock" if self.topic.endswith("/m") else None

    def most_valid(self, sigma: float | None) -> float:
        """What a value can be worth at most whose device states `sigma`."""
        if sigma is None or self.tolerated is None:
            return 1.0
        band = min(3.0 * (self.noise or 0.0), 0.9 * self.tolerated)
        return float(validity.of_amplitude(3.0 * sigma, band, self.tolerated))


def bindings(scenario: Scenario, design: Design, keys: Mapping[str, bytes]) -> list[Binding]:
    """What the scenario binds to topics; `keys` of those that are signed."""
    stated = {signal.name: signal for signal in design.signals}
    found = []
    driver = scenario.leader.driver
    if driver is not None:
        usual = USUAL_TOPIC.replace("{signal}", OWN[ACCELERATION])
        found.append(_binding(driver, ACCELERATION, DRIVER, driver.topic or usual, None, keys))
    for index, name in enumerate(OWN):
        sensor, known = scenario.sensors[name], stated.get(name)
        if sensor.origin != "mqtt":
            continue
        topic = sensor.topic or USUAL_TOPIC.replace("{signal}", name)
        found += [_binding(sensor, index, row, topic, known, keys) for row in range(scenario.vehicles - 1)]
    return found


def _binding(
    origin: Origin, signal: int, row: int, topic: str, known: Signal | None, keys: Mapping[str, bytes]
) -> Binding:
    here = topic.replace(VEHICLE, str(row + 1))
    meaning = Meaning(UNITS[signal], origin.unit or UNITS[signal], origin.scale)
    return Binding(
        signal=signal,
        row=row,
        topic=here,
        read=adapters.reader(origin.adapter, origin.field, origin.stamp, meaning),
        delay_bound=nanoseconds(origin.delay_bound),
        period=known.period if known else None,
        noise=known.noise if known else None,
        tolerated=known.tolerated if known else None,
        longest=measurement.LONGEST if origin.adapter is None else adapters.BATCH,
        key=keys.get(here),
        adapter=origin.adapter,
    )


class Channel:
    """What is known of one bound topic."""

    def __init__(self, binding: Binding) -> None:
        self.binding, self.clock = binding, DeviceClock()
        self.refused: Counter[Reason] = Counter()
        self.messages = 0
        self.last: Measurement | None = None
        self.odd = ""  # what is odd about its clock
        self._succession = Succession()

    def take(self, message: Message, unix: int) -> tuple[Measurement, int] | None:
        """A measurement and the earliest time at which it was made, ns by the bench's clock; None: refused, or empty.

        unix   ns from 1970 to time 0 of the bench's clock
        """
        self.messages += 1
        found = self._said(message)
        if not isinstance(found, Reason):
            found = self._succession.refuse(found, message.payload, message.arrived) or found
        if isinstance(found, Reason):
            return self._refuse(found)
        earliest = self._earliest(found, message.arrived, unix)
        if isinstance(earliest, Reason):
            return self._refuse(earliest)
        self.last = found
        return (found, earliest) if found.value is not None else None

    def worth(self, found: Measurement, arrived: int) -> float:
        """What the measurement is worth at most."""
        most = CONTESTED if self._succession.is_contested(arrived) else 1.0
        return min(found.most_valid, self.binding.most_valid(found.sigma), most)

    def _said(self, message: Message) -> Measurement | Reason:
        """What a message says, by itself."""
        if message.retained:
            return Reason.RETAINED
        key = self.binding.key
        if key is None:
            return self.binding.read(message.payload)
        payload = signed.verified(key, message.topic, message.payload)
        if payload is None:
            return Reason.SIGNATURE
        found = self.binding.read(payload)
        if isinstance(found, Measurement) and (found.time is None or not self.clock.is_known):
            return Reason.UNPROVEN
        return found

    def _refuse(self, reason: Reason) -> tuple[Measurement, int] | None:
        self.refused[reason] += 1
        return None

    def _earliest(self, found: Measurement, arrived: int, unix: int) -> int | Reason:
        """The earliest time at which it was made; a clock that was known once is the only one to say that."""
        by_arrival = arrived - self.binding.delay_bound
        stamp = found.time
        if stamp is None or found.clock is Clock.NONE:
            return by_arrival
        if self.clock.is_forgotten:
            return Reason.CLOCK
        if self.clock.is_known:
            latest = self.clock.latest(stamp, arrived)
            earliest = self.clock.earliest(stamp, arrived)
            return Reason.FUTURE if earliest > arrived else min(earliest, latest, arrived)
        if found.clock is Clock.UNIX:
            self.odd = clock.oddity(stamp, unix + arrived)
            return min(by_arrival, stamp + clock.epoch(stamp, unix + arrived) - unix)
        return by_arrival


class _Pong(msgspec.Struct):
    """An answer to a ping on the wire."""

    v: int
    id: int
    t1: int
    t2: int
    t3: int


_PONGS = msgspec.json.Decoder(_Pong)


def _answer(key: bytes | None, message: Message) -> _Pong | None:
    payload = message.payload if key is None else signed.verified(key, message.topic, message.payload)
    try:
        return None if payload is None else _PONGS.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return None


class Intake:
    """All bound topics, and the newest sample of each; arrays (signal, row)."""

    def __init__(self, scenario: Scenario, design: Design, keys: Mapping[str, bytes] | None = None) -> None:
        self.rows = scenario.vehicles - 1
        bound = bindings(scenario, design, keys or {})
        self.channels = [Channel(each) for each in bound]
        self._by_topic: dict[str, list[Channel]] = {}
        self.clocks: dict[str, list[Channel]] = {}
        for channel in self.channels:
            self._by_topic.setdefault(channel.binding.topic, []).append(channel)
            if channel.binding.clock:
                self.clocks.setdefault(channel.binding.clock, []).append(channel)
        self._pongs = {f"{topic}/pong": channels for topic, channels in self.clocks.items()}
        shape = (len(OWN), self.rows)
        self.most_valid: Floats = np.ones(shape)
        self.pongs_refused = 0
        self._asked = NEVER, 0.0  # by the driver of the leader: when, and for what, m/s²
        self._due_after = np.full(shape, np.iinfo(np.int64).max)  # ns from one sample to when the next one is due
        for each in bound:
            if each.period is not None:
                self._due_after[each.signal, each.row] = nanoseconds(each.period)
        self._last: Times = np.full(shape, NEVER)
        self.has_driver = scenario.leader.driver is not None
        self._is_derived = scenario.sensors[OWN[RELATIVE]].origin == DERIVED
        if self._is_derived:
            self._due_after[RELATIVE] = self._due_after[DISTANCE]
        self._past: list[deque[tuple[int, float]]] = [deque() for _ in range(self.rows)]
        self._real = np.array([scenario.sensors[name].origin is not None for name in OWN])

    @property
    def topics(self) -> dict[str, int]:
        """What to subscribe to, and the longest payload in bytes; nothing else is ever heard."""
        longest = {topic: max(each.binding.longest for each in heard) for topic, heard in self._by_topic.items()}
        return longest | dict.fromkeys(self._pongs, measurement.LONGEST)

    @property
    def messages(self) -> int:
        """Measurements that came, refused ones too."""
        return sum(channel.messages for channel in self.channels)

    def pinged(self, pings: Iterable[Ping]) -> None:
        """Pings have left."""
        for ping in pings:
            for channel in self.clocks.get(ping.topic, ()):
                channel.clock.pinged(ping.number, ping.t1)

    def flooded(self, dropped: Mapping[str, int]) -> None:
        """So many messages of each topic were superseded before they could be read."""
        for topic, count in dropped.items():
            for channel in self._by_topic.get(topic, ()):
                channel.refused[Reason.FLOOD] += count
                channel.messages += count

    def take(self, messages: Sequence[Message], own: Samples, base: int, unix: int) -> list[int]:
        """Put the newest of each signal into `own` (changed in place); returns when those accepted have arrived, ns.

        base   by the bench's clock what is time 0 of the cycles, ns; `unix` as in `Channel.take`
        """
        own.fresh[self._real] = False
        accepted = []
        for message in messages:
            if message.topic in self._pongs:
                self._pong(message)
                continue
            for channel in self._by_topic.get(message.topic, ()):
                if self._sample(channel, message, own, base, unix):
                    accepted.append(message.arrived)
        return accepted

    def _sample(self, channel: Channel, message: Message, own: Samples, base: int, unix: int) -> bool:
        """Put what the message says into `own`, if it says something; whether it did."""
        taken = channel.take(message, unix)
        if taken is None or message.arrived < base:  # before the start nothing is judged
            return False
        found, earliest = taken
        assert found.value is not None
        if earliest < base:  # at the start that is what one expects
            if earliest < base - BEFORE:
                channel.refused[Reason.OLD] += 1
            return False
        place = channel.binding.signal, channel.binding.row
        if place[1] == DRIVER:
            self._asked = earliest - base, found.value
            return True
        self._put(own, place, found.value, earliest - base, channel.worth(found, message.arrived))
        if self._is_derived and place[0] == DISTANCE:
            self._derive(own, place[1])
        return True

    def steering(self, now: int) -> float:
        """What the driver of the leader asks for at `now` (ns), m/s²; nothing: 0."""
        when, acceleration = self._asked
        return acceleration if when != NEVER and now - when <= HOLDS else 0.0

    @property
    def has_driven(self) -> bool:
        """Whether the driver of the leader was heard."""
        return self._asked[0] != NEVER

    def due(self, now: int) -> Booleans:
        """Which signals should have come again by `now`, ns (signal, row)."""
        known = self._last != NEVER
        return np.asarray(known & (now - np.where(known, self._last, now) >= self._due_after))

    def _put(self, own: Samples, place: tuple[int, int], value: float, time: int, worth: float) -> None:
        time = max(time, int(self._last[place]) + 1)  # it was measured after the one before it
        own.value[place], own.time[place], own.fresh[place] = value, time, True
        self.most_valid[place], self._last[place] = worth, time

    def _derive(self, own: Samples, row: int) -> None:
        """Relative speed from the distances of a window, as old as the middle of that. [least squares]"""
        newest, past = int(own.time[DISTANCE, row]), self._past[row]
        past.append((newest, float(own.value[DISTANCE, row])))
        while newest - past[0][0] > WINDOW:
            past.popleft()
        if len(past) < FEWEST:
            return
        mean = sum(time for time, _ in past) // len(past)
        times = [(time - mean) / 1e9 for time, _ in past]
        spread = sum(t * t for t in times)
        slope = sum(t * value for t, (_, value) in zip(times, past, strict=True)) / spread
        self._put(own, (RELATIVE, row), slope, mean, float(self.most_valid[DISTANCE, row]))

    def _pong(self, message: Message) -> None:
        taken = False
        if not message.retained and len(message.payload) <= measurement.LONGEST:
            for channel in self._pongs[message.topic]:
                pong = _answer(channel.binding.key, message)
                if pong is not None:
                    taken |= channel.clock.ponged(pong.id, pong.t1, pong.t2, pong.t3, message.arrived)
        self.pongs_refused += not taken

    def refused(self) -> dict[str, int]:
        """How many messages were refused, by reason in words."""
        counts: Counter[str] = Counter()
        for (_, _, words), count in self.refused_of_rows().items():
            counts[words] += count
        return dict(sorted(counts.items()))

    def refused_of_rows(self) -> dict[tuple[int, str, str], int]:
        """How many messages were refused, by row, reason, and that in words; answers to pings count for row 0."""
        counts: Counter[tuple[int, str, str]] = Counter()
        for channel in self.channels:
            for reason, count in channel.refused.items():
                counts[channel.binding.row, reason.name.lower(), reason.value] += count
        if self.pongs_refused:
            counts[0, Reason.PONG.name.lower(), Reason.PONG.value] += self.pongs_refused
        return counts
