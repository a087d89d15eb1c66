"""A measurement as a device sends it: bytes in, a number in SI out, or the reason why it is refused.

    {"v":1,"seq":48213,"t":1763932422123456789,"clk":"unix","val":[23.4],"unit":["m"],"sigma":[0.1],"q":"ok"}
    23.4                      a bare number, at lower trust: nobody says when, how well or in what unit

Nothing raises, whatever the bytes are, and nothing that is missing or not understood makes a value more trusted.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import Annotated, Any

import msgspec

from karyon.kernel import quantities

LONGEST = 4096  # bytes of a payload
VALUES = 64  # in one measurement
BARE = 0.7  # validity at most of a number without a unit
QUALITY = {"ok": 1.0, "uncertain": 0.5}  # validity at most by what a device says of it; anything else: no value
TIME_MAX = 2**63 - 1  # ns
VALUE_MAX = 1e9  # SI: more is no measurement

Whole = Annotated[int, msgspec.Meta(ge=0, le=TIME_MAX)]
Values = Annotated[list[float | None], msgspec.Meta(min_length=1, max_length=VALUES)]
Texts = Annotated[list[str], msgspec.Meta(min_length=1, max_length=VALUES)]


class Reason(StrEnum):
    """Why a message is refused."""

    SIZE = "longer than 4096 bytes"
    TEXT = "neither a measurement in JSON nor a number"
    VERSION = "of another version than 1"
    NUMBER = "not a number that can be measured"
    UNIT = "in a unit that does not fit"
    RETAINED = "retained: a measurement of some other time"
    DUPLICATE = "a duplicate"
    ORDER = "older than one before it"
    SEQUENCE = "out of sequence: do two devices share this topic?"
    FUTURE = "from the future by its clock"
    OLD = "from long before the start of the bench"
    CLOCK = "of a clock that was set, and is not known yet"
    PONG = "an answer to no ping that waits for one"
    SIGNATURE = "not signed with its key"
    UNPROVEN = "signed, and not proved new: its clock is not known"
    FLOOD = "superseded by newer ones before it was read"


class Clock(StrEnum):
    """What the time stamps of a device count from."""

    UNIX = "unix"
    BOOT = "boot"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of a device.

    value       SI; None: it has measured, and there is nothing (no echo)
    sequence    number of the measurement, None: not numbered
    time        ns since whatever `clock` says, None: no time stamp
    sigma       SI, >= 0; None: not stated
    most_valid  what it can be worth at most
    """

    value: float | None
    sequence: int | None = None
    time: int | None = None
    clock: Clock = Clock.NONE
    sigma: float | None = None
    most_valid: float = 1.0


class _Wire(msgspec.Struct):
    """The fields of a measurement on the wire."""

    v: int
    val: Values | float | None
    seq: Whole | None = None
    t: Whole | None = None
    clk: Clock = Clock.NONE
    unit: Texts | str | None = None
    sigma: Values | float | None = None
    q: str = "ok"


_DECODER = msgspec.json.Decoder(_Wire)
_NOT_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the scenario says of a topic: unit of the signal, unit of bare numbers, and a factor."""

    si: str
    unit: str
    scale: float = 1.0

    def in_si(self, number: float, unit: str | None) -> float | None:
        """`number` in SI and scaled; None where the unit is not one of the signal, or nothing measurable comes out."""
        known = quantities.UNITS.get(self.unit if unit is None else unit)
        if known is None or known.si != self.si:
            return None
        converted = number * float(known.numerator) / float(known.denominator) * self.scale
        return converted if abs(converted) <= VALUE_MAX else None


def decode(payload: bytes, meaning: Meaning) -> Measurement | Reason:
    """The measurement in a payload. Never raises."""
    if len(payload) > LONGEST:
        return Reason.SIZE
    if payload.lstrip()[:1] == b"{":
        return _structured(payload, meaning)
    return _bare(payload, meaning)


def _first(given: Any) -> Any:
    return given[0] if isinstance(given, list) else given


def _bare(payload: bytes, meaning: Meaning) -> Measurement | Reason:
    try:
        number = float(payload)
    except _NOT_JSON:
        return Reason.TEXT
    if b"_" in payload or not isfinite(number):
        return Reason.NUMBER
    value = meaning.in_si(number, None)
    return Reason.NUMBER if value is None else Measurement(value, most_valid=BARE)


def _structured(payload: bytes, meaning: Meaning) -> Measurement | Reason:
    try:
        payload.decode()  # msgspec does not look at text in fields that it does not know
        wire = _DECODER.decode(payload)
    except _NOT_JSON:
        return Reason.TEXT
    if wire.v != 1:
        return Reason.VERSION
    number, unit, sigma = _first(wire.val), _first(wire.unit), _first(wire.sigma)
    value = None if number is None else meaning.in_si(number, unit)
    if number is not None and value is None:
        return Reason.UNIT if meaning.in_si(1.0, unit) is None else Reason.NUMBER
    spread = None if sigma is None else meaning.in_si(sigma, unit)
    most = min(QUALITY.get(wire.q, 0.0), 1.0 if unit and wire.seq is not None else BARE)
    return Measurement(
        value=value if most > 0.0 else None,
        sequence=wire.seq,
        time=wire.t or None,  # 0 is no time stamp
        clock=wire.clk,
        sigma=inf if sigma is not None and (spread is None or spread < 0.0) else spread,
        most_valid=most,
    )
