"""What a vehicle says of itself, and when: content and generation rules of an ETSI CAM, for all vehicles at once.

Content and its codes: [ETSI EN 302 637-2 V1.4.1, annex B; ETSI TS 102 894-2 V1.3.1, annex A]. Every data element is a
whole number of steps; what is not known has a code of its own, and so it stays unknown (NaN) at the receiver.

    speed = SPEED.quantised(speed)            # what arrives of it, any shape
    codes = SPEED.coded(speed)                # what goes on the air

When to send: `Generation`, the rules of clause 6.1.3. Members of a platoon also say what they propose, what they have
agreed to, what they intend, and what they see of the car ahead: the platooning container, which is ours and in no
standard.
"""

from dataclasses import dataclass
from math import cos, inf, nan, radians
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import at_least, at_most, rint, where
from karyon.kernel.runtime import Booleans, Floats

Integers = NDArray[np.int64]

VERSION = 2  # protocolVersion of a CAM of V1.4.1
EARTH = 6_378_137.0  # m, WGS84's equatorial radius


@dataclass(frozen=True, slots=True)
class Element:
    """A number in a message: codes `low` to `high`, `per_unit` of them to one `unit`.

    beyond   what is said of a value beyond `low` and `high`: the `nearest` code; that it is `unknown`; or the same
             place on a `circle` of `high` + 1 codes
    """

    unit: str
    per_unit: int
    low: int
    high: int
    unavailable: int
    beyond: Literal["nearest", "unknown", "circle"] = "nearest"

    def coded(self, value: Any) -> Integers:
        """The codes that say `value`, any shape; `unavailable` for NaN and infinite."""
        known = np.abs(value) < inf
        code = np.rint(np.where(known, value, 0.0) * self.per_unit)
        if self.beyond == "circle":
            code = np.mod(code, self.high + 1.0)
        elif self.beyond == "unknown":
            known = known & (self.low <= code) & (code <= self.high)
        code = np.where(known, np.clip(code, self.low, self.high), self.unavailable)
        return np.asarray(code).astype(np.int64)

    def value(self, code: Any) -> Floats:
        """What codes of any shape say; NaN for `unavailable` and all that are none."""
        said = np.asarray(code)
        known = (self.low <= said) & (said <= self.high) & (said != self.unavailable)
        return np.where(known, said / self.per_unit, np.nan)

    def quantised(self, value: Any) -> Floats:
        """What a receiver learns of `value`, any shape."""
        if self.beyond != "nearest":
            return self.value(self.coded(value))
        return np.asarray(nearest(value, self.codes))

    @property
    def codes(self) -> "Codes":
        """What `nearest` needs to know of it."""
        return Codes(float(self.per_unit), float(self.low), float(self.high))


class Codes(NamedTuple):
    """Codes `low` to `high`, `per_unit` of them to one unit."""

    per_unit: float
    low: float
    high: float


def nearest(value: Any, codes: Codes) -> Any:
    """What the nearest code says of a value; NaN of what is not finite. A formula."""
    code = rint(where(abs(value) < inf, value, nan) * codes.per_unit)
    code = at_most(codes.high, at_least(codes.low, code)) + 0.0  # a code is an integer, which has no negative 0
    return code / codes.per_unit


LATITUDE = Element("deg", 10_000_000, -900_000_000, 900_000_000, 900_000_001, "unknown")
LONGITUDE = Element("deg", 10_000_000, -1_800_000_000, 1_800_000_000, 1_800_000_001, "unknown")
HEADING = Element("deg", 10, 0, 3599, 3601, "circle")  # clockwise from north
SPEED = Element("m/s", 100, 0, 16_382, 16_383)  # its sign is the drive direction
ACCELERATION = Element("m/s2", 10, -160, 160, 161)  # along the vehicle
LENGTH = Element("m", 10, 1, 1022, 1023)
WIDTH = Element("m", 10, 1, 61, 62)
INTENDED = Element("m/s2", 100, -2000, 2000, 2001)  # acceleration, in the platooning container
FRONT_DISTANCE = Element("m", 100, 0, 65_534, 65_535)  # in the platooning container
FRONT_SPEED = Element("m/s", 100, 0, 16_382, 16_383)  # in the platooning container

FORWARD, BACKWARD, DIRECTION_UNKNOWN = 0, 1, 2  # driveDirection

POSITION_STEP = radians(1.0 / LATITUDE.per_unit) * EARTH  # m of a road along a meridian: 1.1 cm


def position(along: Any) -> Floats:
    """What a receiver learns of a position in m along the road, any shape; NaN stays NaN."""
    return np.asarray(np.rint(np.asarray(along) / POSITION_STEP) * POSITION_STEP)


def speed(signed: Any) -> Floats:
    """What a receiver learns of a speed in m/s, negative backwards, any shape."""
    return np.asarray(np.copysign(SPEED.quantised(np.abs(signed)), signed))


def direction(signed: Any) -> Integers:
    """Drive direction of a speed in m/s, negative backwards; unknown for NaN."""
    return np.where(np.isnan(signed), DIRECTION_UNKNOWN, np.where(np.less(signed, 0.0), BACKWARD, FORWARD))


def delta_time(milliseconds: Any) -> Integers:
    """generationDeltaTime of a time in whole ms: what is left of it in 16 bits."""
    return np.asarray(milliseconds) & 0xFFFF


def time_of(delta: Any, now: Any) -> Integers:
    """The time in ms that a generationDeltaTime means: the one of all 65.536 s apart that is nearest to `now` in ms."""
    return np.asarray(now + (np.asarray(delta) - now + 0x8000) % 0x10000 - 0x8000)


def local(latitude: Any, longitude: Any, origin: tuple[float, float]) -> Floats:
    """Degrees to m east and north of `origin` (latitude, longitude), (2, ...); good for some km. [equirectangular]"""
    north = np.radians(np.asarray(latitude) - origin[0]) * EARTH
    east = np.radians(np.asarray(longitude) - origin[1]) * EARTH * cos(radians(origin[0]))
    return np.stack([east, north])


@dataclass(frozen=True, slots=True)
class Cam:
    """CAMs in SI, arrays (message,); NaN: not known. `coded` is what goes on the air, `quantised` what arrives."""

    station: Integers
    time: Integers  # ms of measurement, since 2004-01-01 TAI
    latitude: Floats  # deg
    longitude: Floats  # deg
    heading: Floats  # deg, clockwise from north
    speed: Floats  # m/s, negative backwards
    acceleration: Floats  # m/s², along the vehicle
    length: Floats  # m
    width: Floats  # m

    def coded(self) -> dict[str, Integers]:
        """The codes of every data element by the name of the field, `time` as generationDeltaTime."""
        return {
            "station": self.station & 0xFFFF_FFFF,
            "time": delta_time(self.time),
            "direction": direction(self.speed),
            "speed": SPEED.coded(np.abs(self.speed)),
            **{name: element.coded(getattr(self, name)) for name, element in ELEMENTS.items()},
        }

    @classmethod
    def of(cls, codes: dict[str, Integers], now: Any) -> "Cam":
        """What the codes say to whoever receives them at `now` in ms."""
        backward = codes["direction"] == BACKWARD
        magnitude = np.where(codes["direction"] == DIRECTION_UNKNOWN, np.nan, SPEED.value(codes["speed"]))
        return cls(
            station=codes["station"],
            time=time_of(codes["time"], now),
            speed=np.where(backward, -magnitude, magnitude),
            **{name: element.value(codes[name]) for name, element in ELEMENTS.items()},
        )

    def quantised(self) -> "Cam":
        """What a receiver learns of it that gets it at once."""
        return Cam.of(self.coded(), self.time)


ELEMENTS = {  # fields of a CAM that are one data element each
    "latitude": LATITUDE,
    "longitude": LONGITUDE,
    "heading": HEADING,
    "acceleration": ACCELERATION,
    "length": LENGTH,
    "width": WIDTH,
}


@dataclass(frozen=True, slots=True)
class Platooning:
    """The platooning container, whole numbers and arrays (message,): see `karyon.cooperation.agreement`."""

    counter: Integers  # of the sender's messages, modulo 65,536
    round: Integers  # since 2004-01-01 TAI
    proposed: Integers  # level of service
    agreed: Integers  # level of service
    view: NDArray[np.uint64]
    echo: NDArray[np.uint64]
    intended: Floats  # m/s², in steps of 0.01; NaN: not known
    front_distance: Floats  # m, in steps of 0.01, to the car ahead by the sender's own sensors; NaN: not known
    front_speed: Floats  # m/s, in steps of 0.01, of that car by the same; NaN: not known


T_GEN_CAM_MIN, T_GEN_CAM_MAX = 100, 1000  # ms
N_GEN_CAM = 3
HEADING_CHANGE, POSITION_CHANGE, SPEED_CHANGE = 4.0, 4.0, 0.5  # deg, m, m/s: more than that


@dataclass(slots=True)
class Generation:
    """When CAMs are due, rules of all vehicles. [ETSI EN 302 637-2 V1.4.1, clause 6.1.3]

    1  at least T_GenCam_DCC since the last one, and heading, position or speed have changed by more than a threshold:
       T_GenCam becomes the time since the last one
    2  at least T_GenCam, and T_GenCam_DCC, since the last one; after N_GenCam of these in a row T_GenCam is 1 s again

    Arrays (vehicle,) and (2, vehicle) of what the last CAM said, T_GenCam in ms, and CAMs in a row by rule 2.
    """

    time: Integers
    position: Floats
    heading: Floats
    speed: Floats
    interval: Integers
    unmoved: Integers

    @classmethod
    def of(cls, vehicles: int) -> "Generation":
        """Nobody has sent yet: all are due."""
        unknown = np.full(vehicles, np.nan)
        return cls(
            time=np.full(vehicles, -T_GEN_CAM_MAX, dtype=np.int64),
            position=np.stack([unknown, unknown]),
            heading=unknown,
            speed=unknown,
            interval=np.full(vehicles, T_GEN_CAM_MAX, dtype=np.int64),
            unmoved=np.zeros(vehicles, dtype=np.int64),
        )

    def due(self, now: Any, position: Floats, heading: Floats, speed: Floats, least: Any = T_GEN_CAM_MIN) -> Booleans:
        """Who sends at `now` (ms): looked at every 100 ms or oftener; what is not finite triggers nothing.

        position (2, vehicle) in m, heading in deg, speed in m/s; least: T_GenCam_DCC in ms, from 100 to 1000
        """
        position, heading, speed = (np.where(np.abs(each) < inf, each, np.nan) for each in (position, heading, speed))
        since = now - self.time
        moved = self._moved(position, heading, speed) & (since >= least)
        repeats = ~moved & (since >= self.interval) & (since >= least)
        sends = moved | repeats
        self.unmoved = np.where(moved, 0, self.unmoved + repeats)
        told = np.clip(since, T_GEN_CAM_MIN, T_GEN_CAM_MAX)
        self.interval = np.where(moved, told, np.where(self.unmoved >= N_GEN_CAM, T_GEN_CAM_MAX, self.interval))
        self.time = np.where(sends, now, self.time)
        self.position = np.where(sends, position, self.position)
        self.heading = np.where(sends, heading, self.heading)
        self.speed = np.where(sends, speed, self.speed)
        return np.asarray(sends)

    def _moved(self, position: Floats, heading: Floats, speed: Floats) -> Booleans:
        turned = np.abs((heading - self.heading + 180.0) % 360.0 - 180.0)
        east, north = position - self.position
        away = np.sqrt(east * east + north * north)
        faster = np.abs(speed - self.speed)
        return np.asarray((turned > HEADING_CHANGE) | (away > POSITION_CHANGE) | (faster > SPEED_CHANGE))
