"""Simulated own sensors: true values plus noise, each at its own rate; and the messages that cars send.

    show   what the sensors of a row show
    say    what the message of a car says

Both are formulas: see `karyon.kernel.elementwise`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import Tape, written
from karyon.cooperation import cam
from karyon.cooperation.cam import Codes
from karyon.kernel.elementwise import Column, Compiler, FloatTable, at_most, each, maximum, rint, where
from karyon.kernel.runtime import Booleans
from karyon.perception.following import OWN
from karyon.perception.received import MESSAGE, WITNESS
from karyon.perception.sensors import Sample, Samples, nanoseconds, stacked
from karyon.sim.channel.transit import Carried, Content
from karyon.sim.scenario import Scenario
from karyon.sim.streams import NormalBlocks, Purpose, stream
from karyon.sim.world import Facing, World

Floats = NDArray[np.float64]


class Five(NamedTuple):
    """One thing of each own signal, SI units."""

    distance: Floats
    relative: Floats
    speed: Floats
    acceleration: Floats
    position: Floats


class Due(NamedTuple):
    """Which of the own sensors measure now."""

    distance: bool
    relative: bool
    speed: bool
    acceleration: bool
    position: bool


class DueNow(NamedTuple):
    """The same of each row."""

    distance: Booleans
    relative: Booleans
    speed: Booleans
    acceleration: Booleans
    position: Booleans


class Samplings(NamedTuple):
    """Samples of all own signals, as `Samples` has them."""

    distance: Sample
    relative: Sample
    speed: Sample
    acceleration: Sample
    position: Sample


class Sensing(NamedTuple):
    """What own sensors write: new samples, and of which signals."""

    samples: Samplings
    due: DueNow


class Sensed(NamedTuple):
    """After they have measured, and what ideal sensors would show."""

    sensing: Sensing
    true: Five


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
        distance=where(far, reach, at_most(nearly, gap + error.distance)),
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


def sense(
    here: Sensing,
    facing: Facing,
    noise: FloatTable,
    sigma: Column,
    bias: Floats,
    due: Due,
    now: int,
    reach: float,
    nearly: float,
) -> Sensed:
    """Sensors of a follower measure at `now` (ns), with standard normal `noise` and the `bias` of the position in m."""
    ahead = Five(facing.gap, facing.front_speed - facing.speed, facing.speed, facing.acceleration, facing.position)
    error = each(_scaled, sigma, noise)
    when: Any = now  # of all rows the same
    fresh: Any = due
    shown = show(ahead, Five(error[0], error[1], error[2], error[3], error[4] + bias), reach, nearly)
    value = shown.value
    return Sensed(
        Sensing(
            Samplings(
                Sample(value.distance, when, fresh.distance),
                Sample(value.relative, when, fresh.relative),
                Sample(value.speed, when, fresh.speed),
                Sample(value.acceleration, when, fresh.acceleration),
                Sample(value.position, when, fresh.position),
            ),
            fresh,
        ),
        shown.true,
    )


def _scaled(sigma: Any, noise: Any) -> Any:
    return sigma * noise


def compose(
    here: Content, motion: Motion, noise: FloatTable, sigma: Column, bias: Floats, coarse: Coarseness
) -> Carried:
    """What a car says, with standard normal `noise` and the `bias` of its satellite receiver in m."""
    error = each(_scaled, sigma, noise)
    said: Any = say(motion, Error(error[0], error[1], error[2], bias), coarse)
    true: Any = motion
    return Carried(Content(said, true))


class OwnSensors:
    """Five sensors of every follower.

    noise  standard normal draws
    true   what ideal ones say now (signal, row)
    """

    def __init__(self, scenarios: Sequence[Scenario], world: World, receivers: Floats, looks: int, tape: Tape) -> None:
        """`receivers`: as `receiver_errors` has them; `looks`: how often they are measured in a run."""
        first = scenarios[0]
        sensors = [first.sensors[name] for name in OWN]
        self.periods = [nanoseconds(sensor.period) for sensor in sensors]
        self.range = first.sensors["front.distance"].range
        self._nearly = float(np.nextafter(self.range, 0.0))
        self._sigma = np.array([sensor.sigma for sensor in sensors])[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        rows = len(world.own)
        self.noise = NormalBlocks(seeds, Purpose.SENSORS, len(OWN), first.vehicles - 1, looks, tape)
        self._drawn: Any = np.zeros((len(OWN), rows), dtype=np.float32)
        self._world = world
        self.bias = first.sensors["own.position"].bias * receivers[world.own]
        self._sense = written(sense)
        self._true: Five | None = None
        self._writes: tuple[Samples, Sensing] | None = None
        shape = len(OWN), rows
        nothing = Samples(np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool))
        self._measure(0, nothing, np.zeros(shape, dtype=bool))

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._sense = in_place(sense)

    @property
    def drawn(self) -> int:
        """For how many looks there are random numbers."""
        return self.noise.left

    def measure(self, now: int, samples: Samples, due: Booleans) -> None:
        """New samples of the sensors that are due at `now` (ns), put in the place of those before.

        due   to be written: of which signals (signal, row)
        """
        self.noise.take(self._drawn)
        self._measure(now, samples, due)

    def _measure(self, now: int, samples: Samples, due: Booleans) -> None:
        if self._writes is None or self._writes[0] is not samples:
            each = Samplings(*map(Sample, samples.value, samples.time, samples.fresh))
            self._writes = samples, Sensing(each, DueNow(*due[: len(OWN)]))
        told = self._drawn, self._sigma, self.bias, _due(now, self.periods), now, self.range, self._nearly
        true = self._sense(self._writes[1], self._world.facing, *told).true
        if true is not self._true:  # or else it is in the same arrays as before
            self._true, self.true = true, stacked(true)


class Messages:
    """What every car says of its motion, and of the car that it sees ahead: the fields of `CONTENT`.

    noise  standard normal draws
    """

    def __init__(
        self, scenarios: Sequence[Scenario], world: World, receivers: Floats, sendings: int, tape: Tape
    ) -> None:
        """`receivers`: as `receiver_errors` has them; `sendings`: how often they send in a run."""
        first = scenarios[0]
        radio = first.radio
        sigmas = [radio.position_sigma, radio.speed_sigma, radio.acceleration_sigma]
        self._sigma = np.array(sigmas)[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        self.noise = NormalBlocks(seeds, Purpose.MESSAGES, len(sigmas), first.vehicles, sendings, tape)
        self._drawn: Any = np.zeros((len(sigmas), len(world.position)), dtype=np.float32)
        self._world = world
        own = first.sensors["own.position"].bias
        self._bias = (own if radio.position_bias is None else radio.position_bias) * receivers
        self._motion, self._compose = Motion(*world.cars[: len(MESSAGE)]), written(compose)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._compose = in_place(compose)

    @property
    def drawn(self) -> int:
        """For how many messages of each car there are random numbers."""
        return self.noise.left

    def compose(self, into: Content) -> None:
        """What the messages that are sent now say of the motion, and what is true of it (field, car)."""
        self.noise.take(self._drawn)
        self._compose(into, self._motion, self._drawn, self._sigma, self._bias, COARSE)

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


def _due(now: int, periods: Sequence[int]) -> Due:
    return _same(Due(*(now % period == 0 for period in periods)))


@cache
def _same(due: Due) -> Due:
    """The same one for the same: who has looked into it need not look again."""
    return due


def receiver_errors(seeds: Sequence[int], vehicles: int) -> Floats:
    """The constant error of every car's satellite receiver in standard deviations (car,), drawn once per run."""
    return np.concatenate([stream(seed, Purpose.BIAS).standard_normal(vehicles) for seed in seeds])


COARSE = Coarseness(cam.POSITION_STEP, cam.SPEED.codes, cam.ACCELERATION.codes, cam.INTENDED.codes)
