"""Units as DAIDALUS writes them in brackets: `[nmi]`, `[fpm]`. Everything is converted to SI and rad here."""

from dataclasses import dataclass
from math import pi

from karyon.flight.units import FOOT, KNOT, NAUTICAL_MILE
from karyon.sim.documents import quoted, suggestion

LENGTH = {
    **dict.fromkeys(("m", "meter", "metre"), 1.0),
    **dict.fromkeys(("km", "kilometer"), 1000.0),
    **dict.fromkeys(("ft", "feet", "foot"), FOOT),
    **dict.fromkeys(("nmi", "NM", "nm", "nautical_mile"), NAUTICAL_MILE),
    **dict.fromkeys(("mi", "mile"), 1609.344),
}
TIME = {
    "s": 1.0,
    "ms": 0.001,
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("hour", "hr", "h"), 3600.0),
}
ANGLE = {**dict.fromkeys(("deg", "degree"), pi / 180.0), **dict.fromkeys(("rad", "radian"), 1.0)}
SPEED = {
    **dict.fromkeys(("m/s", "mps", "meter_per_second"), 1.0),
    **dict.fromkeys(("km/h", "kph", "kilometer_per_hour"), 1.0 / 3.6),
    **dict.fromkeys(("knot", "kn", "kts"), KNOT),
    **dict.fromkeys(("fpm", "ft/min", "foot/min", "feet/min"), FOOT / 60.0),
    **dict.fromkeys(("ft/s", "fps", "foot_per_second"), FOOT),
    **dict.fromkeys(("nmi/s", "NM/s", "nautical_mile_per_second"), NAUTICAL_MILE),
    "mph": 0.44704,
}
ACCELERATION = {
    **dict.fromkeys(("m/s^2", "meter_per_second2"), 1.0),
    "G": 9.80665,
    **dict.fromkeys(("ft/s^2", "foot_per_second2"), FOOT),
}
TURN = {"deg/s": pi / 180.0, **dict.fromkeys(("rad/s", "radian_per_second"), 1.0)}
NUMBER = dict.fromkeys(("", "-", "none", "unitless", "unspecified"), 1.0)

KNOWN = {**LENGTH, **TIME, **ANGLE, **SPEED, **ACCELERATION, **TURN, **NUMBER}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a number measures: `a speed`, the units it may have, in SI, and one of them as an example."""

    name: str
    units: dict[str, float]
    example: str

    def problem(self, unit: str) -> tuple[str, str]:
        """What is wrong with a unit, and what to do about it; two empty texts where it fits."""
        if unit in self.units:
            return "", ""
        expected = f"expected {self.name} such as [{self.example}]" if self.example else f"expected {self.name}"
        if unit in KNOWN:
            return (f"has no unit, {expected}" if unit in NUMBER else f"is in [{unit}], {expected}"), ""
        meant = suggestion(unit, [name for name in self.units if name])
        return f"has an unknown unit {quoted(f'[{unit}]')}, {expected}", f"did you mean [{meant}]?" if meant else ""


A_LENGTH = Quantity("a length", LENGTH, "nmi")
AN_ALTITUDE = Quantity("a length", LENGTH, "ft")
A_TIME = Quantity("a time", TIME, "s")
AN_ANGLE = Quantity("an angle", ANGLE, "deg")
A_SPEED = Quantity("a speed", SPEED, "knot")
A_CLIMB = Quantity("a speed", SPEED, "fpm")
AN_ACCELERATION = Quantity("an acceleration", ACCELERATION, "m/s^2")
A_TURN = Quantity("a rate of turn", TURN, "deg/s")
A_NUMBER = Quantity("a number without unit", NUMBER, "")
