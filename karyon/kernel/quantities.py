"""Physical quantities as people write them in rules and safety designs: `300 ms`, `36 km/h`, `2 %`.

Inside the kernel every number is in SI units; this is the one place where another unit is converted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from difflib import get_close_matches
from math import isfinite

PI = Decimal("3.14159265358979323846264338327950288")
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Unit:
    """`numerator / denominator` times the SI unit `si`. Two numbers, so that 36 km/h is exactly 10 m/s."""

    si: str
    numerator: Decimal = ONE
    denominator: Decimal = ONE


UNITS = {
    "1": Unit("1"),
    "%": Unit("1", ONE, Decimal(100)),
    "s": Unit("s"),
    "ns": Unit("s", ONE, Decimal(1_000_000_000)),
    "us": Unit("s", ONE, Decimal(1_000_000)),
    "ms": Unit("s", ONE, Decimal(1_000)),
    "min": Unit("s", Decimal(60)),
    "m": Unit("m"),
    "mm": Unit("m", ONE, Decimal(1_000)),
    "cm": Unit("m", ONE, Decimal(100)),
    "km": Unit("m", Decimal(1_000)),
    "ft": Unit("m", Decimal("0.3048")),
    "NM": Unit("m", Decimal(1_852)),
    "m/s": Unit("m/s"),
    "km/h": Unit("m/s", ONE, Decimal("3.6")),
    "kn": Unit("m/s", Decimal(1_852), Decimal(3_600)),
    "m/s2": Unit("m/s2"),
    "m/s3": Unit("m/s3"),
    "1/m": Unit("1/m"),
    "1/s": Unit("1/s"),
    "Hz": Unit("1/s"),
    "rad": Unit("rad"),
    "deg": Unit("rad", PI, Decimal(180)),
    "rad/s": Unit("rad/s"),
    "deg/s": Unit("rad/s", PI, Decimal(180)),
}

SI_UNITS = tuple(dict.fromkeys(unit.si for unit in UNITS.values()))
"""Units in which signals are stored."""

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
UNIT = re.compile(r"(?:1/)?[A-Za-z%°µ²³/][A-Za-z0-9%°µ²³/^]*")
QUANTITY = re.compile(rf"\s*({NUMBER.pattern})\s*({UNIT.pattern})?\s*")


class QuantityError(ValueError):
    """A quantity that cannot be read; `hint` says what might have been meant, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def to_si(number: str, unit: str, expected: str | None) -> float:
    """The number literal `number` in `unit`, converted to SI and correctly rounded.

    unit       "" for a bare number, which is in SI already
    expected   SI unit that it must have, None: any
    Raises QuantityError on an unknown unit, another unit than expected, and a number that is not finite.
    """
    if not isfinite(float(number)):
        raise QuantityError(f"a number must be finite, found {shown(number)}")
    if not unit:
        return float(number)
    known = _known(unit, expected)
    if known.numerator == known.denominator:
        return float(number)
    with localcontext(prec=40):
        return float(Decimal(number) * known.numerator / known.denominator)


def read(quantity: object, expected: str | None) -> float:
    """A number (SI), or a text of a number and a unit, as float in SI.

    expected   SI unit that it must have, None: any
    Raises QuantityError.
    """
    if isinstance(quantity, str):
        found = QUANTITY.fullmatch(quantity)
        if not found:
            raise QuantityError(f"expected a number with its unit, found {shown(quantity)}")
        return to_si(found[1], found[2] or "", expected)
    if isinstance(quantity, bool) or not isinstance(quantity, int | float):
        raise QuantityError(f"expected a number, found {shown(quantity)}")
    return _finite(quantity)


def shown(found: object, longest: int = 40) -> str:
    """What was found, short enough for a message of one line."""
    if isinstance(found, str):
        return f"`{printable(found if len(found) <= longest else found[:longest] + '…')}`"
    if found is None:
        return "nothing"
    if isinstance(found, bool):
        return f"`{str(found).lower()}`"
    if isinstance(found, float) or (isinstance(found, int) and abs(found) < 10**longest):
        return f"{found}"
    return {dict: "a mapping", list: "a list", tuple: "a list", int: "a huge number"}.get(type(found), "something else")


def printable(text: str) -> str:
    """`text` with a dot in place of every character that would break the line or the terminal."""
    return "".join(each if each.isprintable() else "·" for each in text)


def suggestion(misspelt: str, names: Iterable[str]) -> str:
    """`did you mean ...?` for the nearest of `names`, or nothing when none is near."""
    near = nearest(misspelt, names)
    return f"did you mean `{near}`?" if near else ""


def nearest(misspelt: str, names: Iterable[str]) -> str:
    """The one of `names` that looks like `misspelt`, or nothing when none does."""
    return next(iter(get_close_matches(misspelt, list(names))), "")


def _known(unit: str, expected: str | None) -> Unit:
    known = UNITS.get(unit)
    if known is not None and expected in (None, known.si):
        return known
    fitting = [symbol for symbol, each in UNITS.items() if expected in (None, each.si)]
    units = "units: " + " ".join(fitting)
    if known is None:
        raise QuantityError(f"unknown unit {shown(unit)}", suggestion(unit, fitting) or units)
    raise QuantityError(
        f"expected a quantity in {expected}, found the unit {shown(unit)}", "units: " + " ".join(fitting)
    )


def _finite(number: int | float) -> float:
    try:
        converted = float(number)
    except OverflowError:
        raise QuantityError("a number must be finite, found a huge number") from None
    if not isfinite(converted):
        raise QuantityError(f"a number must be finite, found {number}")
    return converted
