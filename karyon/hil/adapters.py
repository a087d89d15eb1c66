"""What devices send that do not speak our format: an adapter makes a measurement of it, or refuses it.

    json            a number somewhere in JSON, at `field`: `sensors.0.distance`; at `stamp` s from 1970, if it has that
    esphome         a bare number; `nan`, `unknown`, `unavailable`: there is none
    owntracks       own speed of a phone's location, km/h; what the fix is worth goes by its accuracy
    sensor_logger   the newest sample of a sensor in a batch, `field`: `accelerometer.x`
    phyphox         the last number of a buffer, `field`: `accX`
    nmea            own speed of a receiver's RMC or VTG sentence, knots
    module:Class    your own: made without parameters, `read(payload: bytes)` answers a number, a Measurement or None

None of these has a number of its own that counts measurements, a deviation and a known clock at once: they are worth
at most as much as a bare number. Nothing raises, whatever the bytes are and whatever an adapter of one's own does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import msgspec

from karyon.hil.measurement import BARE, LONGEST, TIME_MAX, Clock, Meaning, Measurement, Reason, decode
from karyon.sim import own_classes

Read = Callable[[bytes], Measurement | Reason]

FINE = 10.0  # m: a fix as accurate as this is worth as much as a bare number, one that is less accurate less
BATCH = 1_048_576  # bytes of a batch of samples, at most
NOTHING = (b"nan", b"unknown", b"unavailable", b"none", b"")
KNOTS = "kn"


def reader(name: str | None, field: str | None, stamp: str | None, meaning: Meaning) -> Read:
    """What makes measurements of the payloads of a topic; `name`, `field` and `stamp` as a scenario has them."""
    if name is None:
        return lambda payload: decode(payload, meaning)
    if ":" in name:
        own = own_classes.load(name)()
        return _guarded(lambda payload: _own(own.read(payload), meaning))
    path, when = tuple((field or "").split(".")), None if stamp is None else tuple(stamp.split("."))
    chosen: dict[str, Callable[[bytes], Measurement | Reason]] = {
        "json": lambda payload: _json(payload, path, when, meaning),
        "esphome": lambda payload: _esphome(payload, meaning),
        "owntracks": lambda payload: _owntracks(payload, meaning),
        "sensor_logger": lambda payload: _sensor_logger(payload, path, meaning),
        "phyphox": lambda payload: _phyphox(payload, path[0], meaning),
        "nmea": lambda payload: _nmea(payload, meaning),
    }
    return _guarded(chosen[name])


def _guarded(read: Read) -> Read:
    """Whatever goes wrong with a payload, it is one that is refused."""

    def guarded(payload: bytes) -> Measurement | Reason:
        if len(payload) > BATCH:
            return Reason.SIZE
        try:
            found = read(payload)
            if isinstance(found, Measurement) and found.time is not None and not 0 < found.time <= TIME_MAX:
                return Reason.NUMBER
            return found
        except Exception:  # the bytes of anybody, and maybe the program of the user
            return Reason.TEXT

    return guarded


def _number(found: object, meaning: Meaning, unit: str | None = None, **others: Any) -> Measurement | Reason:
    """A measurement of what was found where a number should be; nothing found is nothing measured."""
    if found is None:
        return Measurement(None, **others)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return Reason.TEXT
    if not isfinite(found):
        return Reason.NUMBER
    value = meaning.in_si(float(found), unit)
    if value is None:
        return Reason.UNIT
    return Measurement(value, **({"most_valid": BARE} | others))


def _own(found: object, meaning: Meaning) -> Measurement | Reason:
    if not isinstance(found, Measurement):
        return _number(found, meaning)
    plain = _number(found.value, replace(meaning, unit=meaning.si, scale=1.0))
    is_sound = isinstance(plain, Measurement) and 0.0 <= found.most_valid <= 1.0
    return found if is_sound else Reason.NUMBER


def _json(payload: bytes, path: Sequence[str], when: Sequence[str] | None, meaning: Meaning) -> Measurement | Reason:
    if len(payload) > LONGEST:
        return Reason.SIZE
    said = msgspec.json.decode(payload)
    if when is None:
        return _number(_at(said, path), meaning)
    seconds = _at(said, when)
    stamp = int(seconds) * 10**9 + round(seconds % 1 * 1e9) if 0 < seconds < TIME_MAX // 10**9 else None
    return _number(_at(said, path), meaning, time=stamp, clock=Clock.UNIX)


def _at(found: Any, path: Sequence[str]) -> Any:
    for name in path:
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found


def _esphome(payload: bytes, meaning: Meaning) -> Measurement | Reason:
    return Measurement(None) if payload.strip().lower() in NOTHING else decode(payload, meaning)


def _owntracks(payload: bytes, meaning: Meaning) -> Measurement | Reason:
    said = msgspec.json.decode(payload)
    if said["_type"] != "location":  # a waypoint, a last will
        return Measurement(None)
    speed, accuracy = said.get("vel"), float(said.get("acc", 0.0))
    worth = BARE * min(1.0, FINE / accuracy) if accuracy > 0.0 else 0.0
    value = None if speed is None or speed < 0 else speed  # -1: it does not know
    return _number(value, meaning, "km/h", time=int(said["tst"]) * 10**9, clock=Clock.UNIX, most_valid=worth)


def _sensor_logger(payload: bytes, path: Sequence[str], meaning: Meaning) -> Measurement | Reason:
    said = msgspec.json.decode(payload)
    samples = [each for each in said["payload"] if each["name"] == path[0]]
    if not samples:
        return Measurement(None)
    newest = max(samples, key=lambda each: int(each["time"]))
    value = _at(newest["values"], path[1:])
    return _number(value, meaning, sequence=int(said["messageId"]), time=int(newest["time"]), clock=Clock.UNIX)


def _phyphox(payload: bytes, name: str, meaning: Meaning) -> Measurement | Reason:
    said = msgspec.json.decode(payload)
    buffer = said[name]
    if isinstance(buffer, dict):  # as its remote interface has it
        buffer = buffer["buffer"]
    return _number(buffer[-1] if buffer else None, meaning)


def _nmea(payload: bytes, meaning: Meaning) -> Measurement | Reason:
    """[NMEA 0183: `$ttRMC,time,status,lat,N,lon,E,knots,course,date,...*sum`, `$ttVTG,..,T,..,M,knots,N,..`]"""
    newest: Measurement | Reason = Reason.TEXT
    for line in payload.split():
        body, _, checksum = line.removeprefix(b"$").partition(b"*")
        total = 0
        for byte in body:
            total ^= byte
        if not line.startswith(b"$") or total != int(checksum, 16):
            continue
        cells = body.decode("ascii").split(",")
        if cells[0].endswith("RMC"):
            value = float(cells[7]) if cells[2] == "A" and cells[7] else None
            newest = _number(value, meaning, KNOTS, time=_of_day(cells[9], cells[1]), clock=Clock.UNIX)
        elif cells[0].endswith("VTG"):
            newest = _number(float(cells[5]) if cells[5] else None, meaning, KNOTS)
    return newest


def _of_day(date: str, clock: str) -> int | None:
    """ns from 1970 of `ddmmyy` and `hhmmss.ss`; None: the receiver does not know yet."""
    if not date or not clock:
        return None
    whole = datetime.strptime(date + clock[:6], "%d%m%y%H%M%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * 10**9 + round(float(f"0{clock[6:]}" if clock[6:] else 0) * 1e9)
