"""A device that plays a recorded drive onto a broker as a real one would, with any failure of its sensors."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
import numpy as np
from pydantic import Field, ValidationError

from karyon.hil.address import Address
from karyon.hil.client import Client
from karyon.hil.drive import SI, SIGNALS, Drive
from karyon.hil.signed import sign
from karyon.perception.following import LEAD, OWN
from karyon.perception.sensors import Samples, nanoseconds
from karyon.sim import documents, wording
from karyon.sim.failure_modes import Fault
from karyon.sim.faults import Injector, Placed
from karyon.sim.streams import Purpose, stream
from karyon.sim.units import Section

VEHICLE = 1
PREFIX = f"karyon/1/{VEHICLE}"
EXPIRY = 1  # s that a broker may keep a measurement
PLACES = [OWN.index(name) for name in SIGNALS]


class Faults(Section):
    """What fails of a device."""

    called: ClassVar[str] = "a device"

    faults: tuple[Fault, ...] = Field(default=(), description="entries {signal, mode, onset, ...}")


def faults(options: Sequence[str]) -> list[Fault]:
    """The faults that options name, each a mapping in YAML as in a scenario, without `vehicle`. Raises InputError."""
    found: list[Fault] = []
    wrong: list[documents.Fault] = []
    for option in options:
        try:
            found.append(_fault(option))
        except documents.InputError as error:
            wrong += error.faults
    if wrong:
        raise documents.InputError(wrong)
    return found


def _fault(option: str) -> Fault:
    document = documents.compose(documents.option_source("--fault", option))
    if not isinstance(document.data, dict):
        said = f"a fault is a mapping of fields, found {wording.found(document, ())}"
        example = "for example {signal: front.distance, mode: drift, onset: 10, rate: 0.5}"
        raise documents.InputError([document.place(()).fault(said, example)])
    entry = document.data | {"vehicle": VEHICLE}
    nested = documents.nested(document, ("faults", 0))
    try:
        fault = Faults.model_validate({"faults": [entry]}).faults[0]
    except ValidationError as error:
        raise documents.InputError(wording.faults(error, Faults, nested)) from error
    if fault.signal not in SIGNALS:
        said = f"a device sends {', '.join(SIGNALS)}: only these can fail, found {fault.signal or fault.component}"
        raise documents.InputError([document.place(()).fault(said)])
    return fault


@dataclass(slots=True)
class Player:
    """What the sensors of the device say at each instant of the drive, failures and all."""

    drive: Drive
    injector: Injector

    @classmethod
    def of(cls, drive: Drive, faults: Sequence[Fault]) -> "Player":
        """The drive with these faults; random numbers of seed 0."""
        end, period = nanoseconds(float(drive.time[-1]) + 1.0), nanoseconds(drive.period)
        placed = [
            Placed(
                fault=fault,
                vehicle=VEHICLE,
                row=0,
                onset=nanoseconds(fault.onset),
                end=min(end, nanoseconds(fault.onset + (end / 1e9 if fault.duration is None else fault.duration))),
                stream=stream(0, Purpose.FAULTS + index),
                place=(0, index),
            )
            for index, fault in enumerate(faults)
        ]
        return cls(drive, Injector(placed, dict.fromkeys((*OWN, LEAD), period)))

    def at(self, instant: int) -> Samples:
        """The samples of an instant, their times in ns from the beginning of the drive (signal of `OWN`, 1)."""
        now = nanoseconds(float(self.drive.time[instant]))
        value, fresh = np.full((len(OWN), 1), np.nan), np.zeros((len(OWN), 1), dtype=bool)
        value[PLACES, 0], fresh[PLACES, 0] = self.drive.value[:, instant], self.drive.known[:, instant]
        return self.injector.own(now, Samples(value, np.full((len(OWN), 1), now), fresh))


class Device:
    """Publishes measurements, states and answers to pings as vehicle 1."""

    def __init__(
        self, address: Address, name: str, keys: Mapping[str, bytes] | None = None, signals: Sequence[str] = SIGNALS
    ) -> None:
        """`keys`: by topic of measurements, of those of its `signals` that are signed."""
        self._keys = {topic.removesuffix("/m"): key for topic, key in (keys or {}).items()}
        self._signals = signals
        clocks = [(f"{PREFIX}/{signal}/clock/ping", 0) for signal in signals]
        will = f"{PREFIX}/{signals[0]}/$state", b"lost"
        self.client = Client(address, name, clocks, self._pinged, will, self._describe)
        self._sequence = dict.fromkeys(SIGNALS, 0)

    def send(self, samples: Samples, begin: int) -> int:
        """Publish the fresh ones, stamped by the Unix clock where it began at `begin` (ns); how many."""
        sent = 0
        for signal, unit, place in zip(SIGNALS, SI, PLACES, strict=True):
            if samples.fresh[place, 0]:
                self._sequence[signal] += 1
                value = float(samples.value[place, 0])
                stamp = begin + int(samples.time[place, 0])
                said = measured(self._sequence[signal], stamp, value, unit)
                self._publish(f"{PREFIX}/{signal}", "/m", said)
                sent += 1
        return sent

    def _describe(self) -> None:
        for signal in self._signals:
            unit = SI[SIGNALS.index(signal)]
            node = {"name": signal, "properties": {"m": {"datatype": "json", "unit": unit}}}
            described = {"homie": "5.0", "version": 1, "name": signal, "nodes": {signal: node}}
            for part, told in (("$description", json.dumps(described)), ("$state", "ready")):
                self.client.publish(f"{PREFIX}/{signal}/{part}", told.encode(), qos=1, retain=True)

    def close(self) -> None:
        """Say that all sensors are gone, in Homie's word; of a device that dies the broker says so of its first."""
        for signal in self._signals:
            self.client.publish(f"{PREFIX}/{signal}/$state", b"disconnected", qos=1, retain=True)

    def _pinged(self, topic: str, payload: bytes, retained: bool) -> None:
        received = time.time_ns()
        if (answer := pong(payload, received)) is not None and not retained:
            self._publish(topic.removesuffix("/clock/ping"), "/clock/pong", answer)

    def _publish(self, sensor: str, below: str, payload: bytes) -> None:
        key, topic = self._keys.get(sensor), sensor + below
        self.client.publish(topic, payload if key is None else sign(key, topic, payload), expiry=EXPIRY)


def measured(sequence: int, time: int, value: float, unit: str) -> bytes:
    """A measurement as it goes over the wire; a value that is not finite is none."""
    said = {"v": 1, "seq": sequence, "t": time, "clk": "unix", "val": [value], "unit": [unit], "q": "ok"}
    if not np.isfinite(value):
        said |= {"val": [None], "q": "bad"}
    return msgspec.json.encode(said)


def pong(payload: bytes, received: int) -> bytes | None:
    """The answer to a ping that was `received` then, ns; None: it is none."""
    try:
        ping = msgspec.json.decode(payload, type=dict[str, int])
        return msgspec.json.encode({"v": 1, "id": ping["id"], "t1": ping["t1"], "t2": received, "t3": time.time_ns()})
    except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError):
        return None


def play(player: Player, device: Device, progress: Callable[[float], bool]) -> int:
    """Play the drive in real time until it ends, or `progress` (told the time in s) says so; how many were sent."""
    drive, sent = player.drive, 0
    begin, unix = time.monotonic(), time.time_ns()
    for instant, when in enumerate(drive.time):
        while (early := begin + float(when) - time.monotonic()) > 0.0:
            time.sleep(early)
        sent += device.send(player.at(instant), unix)
        if not progress(float(when)):
            break
    return sent
