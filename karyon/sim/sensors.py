"""Simulated own sensors: true values plus noise, each at its own rate; and the messages that cars send.

    show   what the sensors of a row show
    say    what the message of a car says

Both are formulas: see `karyon.kernel.elementwise`.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation import cam
from karyon.cooperation.cam import Codes
from karyon.kernel.elementwise import Compiler, maximum, minimum, rint, where
from karyon.perception.following import OWN, POSITION
from karyon.perception.received import MESSAGE, WITNESS
from karyon.perception.sensors import Samples, blank, nanoseconds, stacked
from karyon.sim.scenario import Scenario
from karyon.sim.streams import NormalBlocks, Purpose, stream
from karyon.sim.world import World

Floats = NDArray[np.float64]


class Five(NamedTuple):
    """One thing of each own signal, SI units."""

    distance: Floats
    relative: Floats
    speed: Floats
    acceleration: Floats
    position: Floats


class Shown(NamedTuple):
    """What the sensors show, and what ideal ones would."""

    value: Five
    true: Five


class Motion(NamedTuple):
    """How a car moves, SI units, and the acceleration that it intends."""

    position: Floats
    speed: Floats
    acceleration: Floats
    intended: Floats


class Error(NamedTuple):
    """Of what a car measures of its own motion: noise, and the bias of its satellite receiver; SI units."""

    position: Floats
    speed: Floats
    acceleration: Floats
    bias: Floats


class Coarseness(NamedTuple):
    """Of what a message says: steps of the position in m, and the codes of the rest."""

    position: float
    speed: Codes
    acceleration: Codes
    intended: Codes


class Said(NamedTuple):
    """What a message says of a `Motion`."""

    position: Floats
    speed: Floats
    acceleration: Floats
    intended: Floats


def show(ahead: Five, error: Five, reach: float, nearly: float) -> Shown:
    """Five sensors of a follower; a radar that sees nothing within its range says so: range, and 0 m/s.

    ahead    gap and relative speed of the car ahead, and the own motion
    reach    range of the radar in m, `nearly` the number below: what is seen is within the range
    """
    gap = maximum(0.0, ahead.distance)
    far = gap >= reach
    true = Five(
        distance=where(far, reach, gap),
        relative=where(far, 0.0, ahead.relative),
        speed=ahead.speed,
        acceleration=ahead.acceleration,
        position=ahead.position,
    )
    value = Five(
        distance=where(far, reach, minimum(gap + error.distance, nearly)),
        relative=where(far, 0.0, ahead.relative + error.relative),
        speed=ahead.speed + error.speed,
        acceleration=ahead.acceleration + error.acceleration,
        position=ahead.position + error.position,
    )
    return Shown(value, true)


def say(motion: Motion, error: Error, coarse: Coarseness) -> Said:
    """What a car says of its motion: measured with noise, as coarse as a CAM; what it intends it knows."""
    speed = motion.speed + error.speed
    size = cam.nearest(abs(speed), coarse.speed)
    position = motion.position + error.position + error.bias
    return Said(
        position=rint(position / coarse.position) * coarse.position,
        speed=where(speed < 0.0, -size, size),
        acceleration=cam.nearest(motion.acceleration + error.acceleration, coarse.acceleration),
        intended=cam.nearest(motion.intended, coarse.intended),
    )


class OwnSensors:
    """Five sensors of every follower.

    true   what ideal ones say now (signal, row)
    """

    def __init__(self, scenarios: Sequence[Scenario], world: World, receivers: Floats, looks: int) -> None:
        """`receivers`: as `receiver_errors` has them; `looks`: how often they are measured in a run."""
        first = scenarios[0]
        sensors = [first.sensors[name] for name in OWN]
        self.periods = [nanoseconds(sensor.period) for sensor in sensors]
        self.range = first.sensors["front.distance"].range
        self._nearly = float(np.nextafter(self.range, 0.0))
        self._sigma = np.array([sensor.sigma for sensor in sensors])[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.SENSORS, len(OWN), first.vehicles - 1, looks)
        self._world = world
        self.bias = first.sensors["own.position"].bias * receivers[world.own]
        self._ahead, self._error = (blank(len(OWN), len(world.own), np.float64) for _ in range(2))
        self._show, self._given = show, (Five(*self._ahead), Five(*self._error))
        self._shown: Shown | None = None
        self._look()

    def quicken(self, in_parts: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._show = in_parts(show)

    def _look(self) -> None:
        """What the sensors show now, with the error that there was at last."""
        world, own = self._world, self._world.own
        self._ahead[0], self._ahead[1] = world.gap, world.relative_speed
        self._ahead[2] = world.own_speed
        for row, of_cars in zip(self._ahead[3:], (world.acceleration, world.position), strict=True):
            np.take(of_cars, own, out=row, mode="clip")
        shown = self._show(*self._given, self.range, self._nearly)
        if shown is not self._shown:  # or else it is in the same arrays as before
            self._shown, self.true, self._value = shown, stacked(shown.true), stacked(shown.value)

    def measure(self, now: int, samples: Samples) -> None:
        """New samples of the sensors that are due at `now` (ns), put in the place of those before."""
        np.multiply(self._sigma, self._noise.next(), out=self._error)
        self._error[POSITION] += self.bias
        self._look()
        samples.value[:] = self._value
        samples.time[:] = now
        samples.fresh[:] = _column(tuple(now % period == 0 for period in self.periods))


class Messages:
    """What every car says of its motion, and of the car that it sees ahead: the fields of `CONTENT`."""

    def __init__(self, scenarios: Sequence[Scenario], world: World, receivers: Floats, sendings: int) -> None:
        """`receivers`: as `receiver_errors` has them; `sendings`: how often they send in a run."""
        first = scenarios[0]
        radio = first.radio
        sigmas = [radio.position_sigma, radio.speed_sigma, radio.acceleration_sigma]
        self._sigma = np.array(sigmas)[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.MESSAGES, len(sigmas), first.vehicles, sendings)
        self._world = world
        self._motion, self._error = (blank(len(MESSAGE), len(world.position), np.float64) for _ in range(2))
        own = first.sensors["own.position"].bias
        self._error[-1] = (own if radio.position_bias is None else radio.position_bias) * receivers
        self._say, self._given = say, (Motion(*self._motion), Error(*self._error), COARSE)
        self._said: Said | None = None
        self._value: Floats

    def quicken(self, in_parts: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._say = in_parts(say)

    def true(self) -> Floats:
        """What an ideal message of each car would say now (field, car)."""
        world = self._world
        return np.stack([world.position, world.speed, world.acceleration, world.intended])

    def compose(self, true: Floats) -> Floats:
        """What the messages that are sent now say of the motion (field, car)."""
        self._motion[:] = true
        np.multiply(self._sigma, self._noise.next(), out=self._error[:-1])
        said = self._say(*self._given)
        if said is not self._said:  # or else it is in the same arrays as before
            self._said, self._value = said, stacked(said)
        return self._value.copy()

    def witness(self, seen: Floats) -> Floats:
        """What they say of the car ahead (field, car).

        seen   its distance and speed as own sensors have them, NaN where they do not (2, row)
        """
        ahead = np.full((len(WITNESS), len(self._world.position)), np.nan)
        ahead[:, self._world.own] = seen
        return np.stack([cam.FRONT_DISTANCE.quantised(ahead[0]), cam.FRONT_SPEED.quantised(ahead[1])])


def quantised(message: Floats) -> Floats:
    """What can be said of it in the codes of a CAM and its platooning container (field, car)."""
    position, speed, acceleration, intended, front_distance, front_speed = message
    return np.stack(
        [
            cam.position(position),
            cam.speed(speed),
            cam.ACCELERATION.quantised(acceleration),
            cam.INTENDED.quantised(intended),
            cam.FRONT_DISTANCE.quantised(front_distance),
            cam.FRONT_SPEED.quantised(front_speed),
        ]
    )


@cache
def _column(due: tuple[bool, ...]) -> NDArray[np.bool_]:
    return np.array(due)[:, None]


def receiver_errors(seeds: Sequence[int], vehicles: int) -> Floats:
    """The constant error of every car's satellite receiver in standard deviations (car,), drawn once per run."""
    return np.concatenate([stream(seed, Purpose.BIAS).standard_normal(vehicles) for seed in seeds])


COARSE = Coarseness(cam.POSITION_STEP, cam.SPEED.codes, cam.ACCELERATION.codes, cam.INTENDED.codes)
