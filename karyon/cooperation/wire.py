"""Messages as bytes: a CAM in ETSI's own unaligned PER, and behind it the platooning container.

    data = wire.encode(cam, platooning)            # of one message: arrays of length 1
    message = wire.decode(data, now)               # or the reason why it is none
    message = receiver.take(data, now)             # or the reason why it is refused, counted; neither ever raises

Needs the extra `cam` (pycrate, which ships ETSI's ASN.1 of CAM 1.4.1 compiled).
"""

import struct
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from karyon.cooperation.cam import (
    BACKWARD,
    DIRECTION_UNKNOWN,
    FORWARD,
    FRONT_DISTANCE,
    FRONT_SPEED,
    INTENDED,
    VERSION,
    Cam,
    Integers,
    Platooning,
    local,
)
from karyon.cooperation.gate import FORGET, NEVER, ROOM, SIZE_MAX, Gate, Headers, Reason

MESSAGE_ID, STATION_TYPE = 2, 5  # of a CAM; of a passenger car
DIRECTIONS = {FORWARD: "forward", BACKWARD: "backward", DIRECTION_UNKNOWN: "unavailable"}
CONTAINER = struct.Struct("!BHIBBQQhHH")  # version, and what `Platooning` has, in its order
CONTAINER_VERSION = 2


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came, arrays of length 1."""

    cam: Cam
    platooning: Platooning
    size: int  # bytes


def encode(cam: Cam, platooning: Platooning) -> bytes:
    """One message. ModuleNotFoundError without the extra `cam`."""
    codes = {name: int(code[0]) for name, code in cam.coded().items()}
    pdu = _pdu()
    pdu.set_val(_tree(codes))
    p = platooning
    numbers = [int(each[0]) for each in (p.counter, p.round, p.proposed, p.agreed, p.view, p.echo)]
    physical = ((INTENDED, p.intended), (FRONT_DISTANCE, p.front_distance), (FRONT_SPEED, p.front_speed))
    numbers += [int(element.coded(value)[0]) for element, value in physical]
    return bytes(pdu.to_uper()) + CONTAINER.pack(CONTAINER_VERSION, *numbers)


def decode(data: bytes, now: int) -> Message | Reason:
    """The message that came at `now` in ms, or why it is refused: see `karyon.cooperation.gate`."""
    if len(data) > SIZE_MAX:
        return Reason.OVERSIZED
    if len(data) <= CONTAINER.size:
        return Reason.MALFORMED
    version, *numbers, view, echo, intended, distance, speed = CONTAINER.unpack(data[-CONTAINER.size :])
    if data[0] != VERSION or version != CONTAINER_VERSION:
        return Reason.WRONG_VERSION
    codes = _codes(data[: -CONTAINER.size])
    if codes is None:
        return Reason.MALFORMED
    counter, number, proposed, agreed = (np.array([each], dtype=np.int64) for each in numbers)
    platooning = Platooning(
        counter,
        number,
        proposed,
        agreed,
        view=np.array([view], dtype=np.uint64),
        echo=np.array([echo], dtype=np.uint64),
        intended=INTENDED.value([intended]),
        front_distance=FRONT_DISTANCE.value([distance]),
        front_speed=FRONT_SPEED.value([speed]),
    )
    return Message(Cam.of(codes, np.array([now])), platooning, len(data))


class Receiver:
    """Takes in the bytes that one vehicle receives, of at most `places` senders at a time.

    refused   how many messages so far, by reason
    """

    def __init__(self, own: int, places: int = ROOM) -> None:
        """`own` is the receiver's station id."""
        self._own, self._places = own, places
        self._gate = Gate((places,))
        self._senders: dict[int, int] = {}  # station id to its place
        self._heard = np.full(places, NEVER, dtype=np.int64)
        self._origin: tuple[float, float] | None = None
        self.refused: Counter[Reason] = Counter()

    def take(self, data: bytes, now: int) -> Message | Reason:
        """The message in `data`, come at `now` in ms, or why it is refused. Never raises."""
        message = decode(data, now)
        reason = message if isinstance(message, Reason) else self._judged(message, now)
        if reason == Reason.ACCEPTED:
            return message
        self.refused[reason] += 1
        return reason

    def _judged(self, message: Message, now: int) -> Reason:
        cam, station = message.cam, int(message.cam.station[0])
        place = self._place(station, now)
        if place is None:
            return Reason.CROWDED
        if station not in self._senders:
            self._gate.forget(np.arange(self._places) == place)
        here = float(cam.latitude[0]), float(cam.longitude[0])
        if self._origin is None and not any(np.isnan(here)):
            self._origin = here
        position = local(cam.latitude, cam.longitude, self._origin or (0.0, 0.0))
        headers = Headers(
            came=np.arange(self._places) == place,
            version=np.array([VERSION]),
            size=np.array([message.size]),
            counter=message.platooning.counter,
            time=cam.time & 0xFFFF,
            round=message.platooning.round,
            position=position,
            speed=cam.speed,
            own=np.array([station == self._own]),
        )
        reason = Reason(int(self._gate.judge(now, headers)[place]))
        if reason == Reason.ACCEPTED:
            self._senders = {name: at for name, at in self._senders.items() if at != place} | {station: place}
            self._heard[place] = now
        return reason

    def _place(self, station: int, now: int) -> int | None:
        """The place of a sender, of a new one the longest silent; None: there is no room for another one."""
        if station in self._senders:
            return self._senders[station]
        place = int(self._heard.argmin())
        return place if self._heard[place] <= now - FORGET else None


def _codes(data: bytes) -> dict[str, Integers] | None:
    """The codes of a vehicle's CAM; None: it is none."""
    pdu = _pdu()
    try:
        pdu.from_uper(data)
        tree = pdu.get_val()
        header, parameters = tree["header"], tree["cam"]["camParameters"]
        basic, (kind, fast) = parameters["basicContainer"], parameters["highFrequencyContainer"]
    except Exception:  # of a foreign decoder that strangers feed: whatever it raises, this was no message
        return None
    if header["messageID"] != MESSAGE_ID or kind != "basicVehicleContainerHighFrequency":
        return None
    place = basic["referencePosition"]
    codes = {
        "station": header["stationID"],
        "time": tree["cam"]["generationDeltaTime"],
        "latitude": place["latitude"],
        "longitude": place["longitude"],
        "heading": fast["heading"]["headingValue"],
        "speed": fast["speed"]["speedValue"],
        "direction": {name: code for code, name in DIRECTIONS.items()}[fast["driveDirection"]],
        "acceleration": fast["longitudinalAcceleration"]["longitudinalAccelerationValue"],
        "length": fast["vehicleLength"]["vehicleLengthValue"],
        "width": fast["vehicleWidth"],
    }
    return {name: np.array([code], dtype=np.int64) for name, code in codes.items()}


def _tree(codes: dict[str, int]) -> dict[str, Any]:
    """A CAM as pycrate has it; of what we do not measure the code says so."""
    place = {
        "latitude": codes["latitude"],
        "longitude": codes["longitude"],
        "positionConfidenceEllipse": {
            "semiMajorConfidence": 4095,
            "semiMinorConfidence": 4095,
            "semiMajorOrientation": 3601,
        },
        "altitude": {"altitudeValue": 800_001, "altitudeConfidence": "unavailable"},
    }
    fast = {
        "heading": {"headingValue": codes["heading"], "headingConfidence": 127},
        "speed": {"speedValue": codes["speed"], "speedConfidence": 127},
        "driveDirection": DIRECTIONS[codes["direction"]],
        "vehicleLength": {
            "vehicleLengthValue": codes["length"],
            "vehicleLengthConfidenceIndication": "unavailable",
        },
        "vehicleWidth": codes["width"],
        "longitudinalAcceleration": {
            "longitudinalAccelerationValue": codes["acceleration"],
            "longitudinalAccelerationConfidence": 102,
        },
        "curvature": {"curvatureValue": 1023, "curvatureConfidence": "unavailable"},
        "curvatureCalculationMode": "unavailable",
        "yawRate": {"yawRateValue": 32_767, "yawRateConfidence": "unavailable"},
    }
    parameters = {
        "basicContainer": {"stationType": STATION_TYPE, "referencePosition": place},
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", fast),
    }
    return {
        "header": {"protocolVersion": VERSION, "messageID": MESSAGE_ID, "stationID": codes["station"]},
        "cam": {"generationDeltaTime": codes["time"], "camParameters": parameters},
    }


@cache
def _pdu() -> Any:
    from pycrate_asn1dir import ITS_CAM_2  # noqa: PLC0415  a tenth of a second, and an extra

    return ITS_CAM_2.CAM_PDU_Descriptions.CAM
