"""Simulated own sensors: true values plus noise, each at its own rate; and the messages that cars send."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation import cam
from karyon.perception.following import OWN, POSITION
from karyon.perception.received import MESSAGE, WITNESS
from karyon.perception.sensors import Samples, nanoseconds
from karyon.sim.scenario import Scenario
from karyon.sim.streams import NormalBlocks, Purpose, stream
from karyon.sim.world import World

Floats = NDArray[np.float64]


class OwnSensors:
    """Five sensors of every follower; a radar that sees nothing within its range says so: range, and 0 m/s."""

    def __init__(self, scenarios: Sequence[Scenario], world: World) -> None:
        first = scenarios[0]
        sensors = [first.sensors[name] for name in OWN]
        self.periods = [nanoseconds(sensor.period) for sensor in sensors]
        self.range = first.sensors["front.distance"].range
        self._sigma = np.array([sensor.sigma for sensor in sensors])[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.SENSORS, len(OWN), first.vehicles - 1)
        self._world = world
        self.bias = _biases(scenarios)[world.own]

    def true(self) -> Floats:
        """What an ideal sensor would say now (signal, row)."""
        world, own = self._world, self._world.own
        gap = np.maximum(0.0, world.gap)
        far = gap >= self.range
        return np.stack(
            [
                np.where(far, self.range, gap),
                np.where(far, 0.0, world.relative_speed),
                world.speed[own],
                world.acceleration[own],
                world.position[own],
            ]
        )

    def measure(self, now: int, true: Floats) -> Samples:
        """New samples of the sensors that are due at `now` (ns)."""
        noise = self._sigma * self._noise.next()
        far = true[0] >= self.range
        noise[:2, far] = 0.0
        noise[POSITION] += self.bias
        due = np.array([now % period == 0 for period in self.periods])[:, None]
        value = true + noise
        seen_at_most = np.where(far, self.range, np.nextafter(self.range, 0.0))  # what is seen is within the range
        value[0] = np.minimum(value[0], seen_at_most)
        fresh = np.broadcast_to(due, value.shape).copy()
        return Samples(value=value, time=np.full(value.shape, now, dtype=np.int64), fresh=fresh)


class Messages:
    """What every car says of its motion, and of the car that it sees ahead (field, car): the fields of `CONTENT`."""

    def __init__(self, scenarios: Sequence[Scenario], world: World) -> None:
        first = scenarios[0]
        radio = first.radio
        sigmas = [radio.position_sigma, radio.speed_sigma, radio.acceleration_sigma]
        self._sigma = np.array(sigmas)[:, None]
        seeds = [scenario.seed for scenario in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.MESSAGES, len(sigmas), first.vehicles)
        self._bias, self._world = _biases(scenarios, first.radio.position_bias), world

    def true(self) -> Floats:
        """What an ideal message of each car would say now (field, car)."""
        world = self._world
        return np.stack([world.position, world.speed, world.acceleration, world.intended])

    def compose(self, true: Floats, witness: Floats) -> Floats:
        """The messages sent now: measured with noise, as coarse as a CAM; what a car intends it knows (field, car).

        witness   distance and speed of the car ahead as own sensors have them, NaN where they do not (2, row)
        """
        value = true.copy()
        value[: len(MESSAGE) - 1] += self._sigma * self._noise.next()
        value[0] += self._bias
        ahead = np.full((len(WITNESS), value.shape[1]), np.nan)
        ahead[:, self._world.own] = witness
        return quantised(np.vstack([value, ahead]))


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


def _biases(scenarios: Sequence[Scenario], sigma: float | None = None) -> Floats:
    """The constant position error of every car's receiver in m (car,), drawn once per run."""
    size = scenarios[0].vehicles
    deviation = scenarios[0].sensors["own.position"].bias if sigma is None else sigma
    drawn = [stream(scenario.seed, Purpose.BIAS).standard_normal(size) for scenario in scenarios]
    return deviation * np.concatenate(drawn)
