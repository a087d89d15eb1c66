"""Validity of a value, 0..1: 1 the failure amplitude is certainly tolerable, 0 nothing can be said. [Brade 2013]

Every function is elementwise: scalars or arrays of any shape that broadcasts, never raises, and answers 0 for NaN.
"""

from typing import Any

from karyon.kernel.elementwise import Floats, at_most, where


def of_amplitude(amplitude: Any, band: Any, tolerated: Any) -> Floats:
    """Validity of a value whose failure amplitude a detector estimates. [Brade 2013, sec. III]

        1 up to `band`, then falling linearly to 0 at `tolerated`

    amplitude   estimated failure amplitude, >= 0, in the signal's unit; NaN: validity 0
    band        amplitude that a healthy signal reaches by its noise alone, 0 <= band < tolerated
    tolerated   amplitude that the function tolerates, in the signal's unit
    """
    falling = (tolerated - amplitude) / (tolerated - band)
    valid: Floats = at_most(1.0, where(falling > 0.0, falling, 0.0))
    return valid


def lower(one: Any, other: Any) -> Floats:
    """Validity by two checks: the lesser of two validities, which are never NaN."""
    least: Floats = at_most(one, other)
    return least


def amplitude_at(validity: float, band: float, tolerated: float) -> float:
    """Failure amplitude at which `of_amplitude` falls to `validity`: the gate that a rule puts on a residual."""
    return tolerated - validity * (tolerated - band)


def of_age(age: Any, limit: Any) -> Floats:
    """Validity of a value that is `age` old: 1 when new, 0 from `limit` on; both in s.

        1 - (age / limit)^8

    The eighth power keeps a value between two samples in service (0.83 at 80 % of the limit) and still reaches 0
    at the limit. A negative age is a contradiction: 0.
    """
    share = age / limit
    squared = share * share
    fourth = squared * squared
    left = 1.0 - fourth * fourth
    valid: Floats = where(share >= 0.0, where(left > 0.0, left, 0.0), 0.0)
    return valid
