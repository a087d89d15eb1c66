"""Longitudinal motion of a vehicle: a first-order lag between command and acceleration, friction, no reversing."""

from math import exp
from typing import Any, NamedTuple

from karyon.kernel.elementwise import at_least, at_most, maximum, minimum, where
from karyon.kernel.runtime import Floats


class Motion(NamedTuple):
    """Of each car: m, m/s, m/s²."""

    position: Floats
    speed: Floats
    acceleration: Floats


class Moved(NamedTuple):
    """After a step."""

    motion: Motion


class Step(NamedTuple):
    """What a step of so many s comes to for a vehicle: see `move`."""

    step: float
    lag: float
    friction: float
    decay: float  # share of an excess acceleration that is left after it

    @classmethod
    def of(cls, step: float, lag: float, friction: float) -> "Step":
        """s, s, m/s²."""
        return cls(step, lag, friction, exp(-step / lag))


def move(
    position: Any, speed: Any, acceleration: Any, command: Any, step: float, lag: float, friction: float
) -> tuple[Floats, Floats, Floats]:
    """State after `step` s under a constant command, exact in time. [Rajamani 2012, eq. 5.26: lag a' = u - a]

    position, speed, acceleration, command   m, m/s, m/s², m/s²; scalars or arrays
    lag, friction                            s; largest acceleration and deceleration, m/s²
    A car that would reverse stops instead, at the speed's mean deceleration.
    """
    return moved(Motion(position, speed, acceleration), command, Step.of(step, lag, friction)).motion


def moved(before: Motion, command: Floats, by: Step) -> Moved:
    """`move` as a formula."""
    position, speed, step, lag = before.position, before.speed, by.step, by.lag
    wanted = at_most(by.friction, at_least(-by.friction, command))
    excess = before.acceleration - wanted
    later_acceleration = wanted + excess * by.decay
    faded = lag * (1.0 - by.decay)
    later_speed = speed + wanted * step + excess * faded
    later_position = position + speed * step + 0.5 * wanted * step * step + excess * lag * (step - faded)
    stops = later_speed <= 0.0
    slowing = maximum(speed - later_speed, 1e-12)
    stopped_position = position + 0.5 * speed * step * minimum(1.0, speed / slowing)
    return Moved(
        Motion(
            where(stops, stopped_position, later_position),
            where(stops, 0.0, later_speed),
            where(stops, 0.0, later_acceleration),
        )
    )
