"""Healthy drives on which the failure detection is measured: one made up, one recorded.

    made_up(runs=48, duration=300.0, seed=7)    a car behind another one, seen by six sensors
    recorded(Path("recordings"))                wheel speed, GPS speed and acceleration of a real car

Whoever makes a detector for a drive may know what the drive's `Drives` says, and the healthy runs of `learning`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from karyon.control.cruise import TimeGap
from karyon.control.situation import Situation
from karyon.logs import sensors_file
from karyon.logs.kalman import Motion, white_jerk
from karyon.logs.tables import open_log
from karyon.perception.residuals import Kind, Relation
from karyon.perception.sensors import Floats
from karyon.perception.signals import Signal
from karyon.sim.streams import stream

DRIVE, SENSORS = 2001, 2002  # purposes of random numbers
PERIOD = 0.1  # s
LAG = 0.5  # s: from a commanded acceleration to the car's
SPEEDS = (8.0, 33.0)  # m/s, among which the car ahead changes
BRAKING, THRUST = -2.5, 1.5  # m/s²: most of the car ahead
STAY = (4.0, 15.0)  # s for which it keeps a speed in mind
BUMPS = 0.03  # m/s²: standard deviation of what road and engine add to an acceleration
FOLLOWING = TimeGap(time_gap=1.4, reaction_time=1.0)

RECORDING = "spmd_sensor_faults/drift_0.4_dur20_train.csv.gz"
RECORDED_NOISE = (0.02, 0.05, 0.07)  # standard deviations in SI units, the relations' in the shipped description
RECORDED_RUN = 3125  # samples, 5 min
JERK = 1.0  # (m/s³)²/Hz: intensity from which the fit of a filter begins


@dataclass(frozen=True, slots=True)
class Drives:
    """Healthy runs, and what is known of their sensors.

    values   (run, signal, sample), one sample each `period` s
    motion   what a Kalman filter knows; the chain has `signals` and `relations`
    """

    name: str
    signals: tuple[Signal, ...]
    relations: tuple[Relation, ...]
    motion: Motion
    period: float
    values: Floats

    @property
    def learning(self) -> Floats:
        """Runs from which thresholds are set; each other run, so that both halves saw the same roads."""
        return self.values[0::2]

    @property
    def held_out(self) -> Floats:
        """Runs on which everything is measured."""
        return self.values[1::2]


@dataclass(frozen=True, slots=True)
class _Sensor:
    """A made-up sensor: white noise of `sigma`, and what `karyon perceive` is told of it; in the signal's unit."""

    sigma: float
    signal: Signal


def _sensor(name: str, sigma: float, noise: float, tolerated: float, low: float, high: float, inertia: bool) -> _Sensor:
    return _Sensor(sigma, Signal(name, noise, tolerated, 3.5 * PERIOD, low, high, inertia=inertia))


# Sigmas as data sheets of wheel encoders, Doppler GNSS, RTK and 77 GHz radars have them. `noise`, `inertia` and the
# first three relations are what `karyon perceive --learn` proposes for a run; what radar and position say is added.
MADE_UP = (
    _sensor("wheel_speed", 0.01, 0.022, 0.5, -0.5, 60.0, inertia=True),
    _sensor("gnss_speed", 0.02, 0.041, 0.5, -0.5, 60.0, inertia=True),
    _sensor("acceleration", 0.05, 0.078, 1.0, -10.0, 6.0, inertia=False),
    _sensor("position", 0.05, 0.11, 1.0, -10.0, 1e6, inertia=True),
    _sensor("range", 0.1, 0.17, 1.5, 0.0, 250.0, inertia=False),
    _sensor("range_rate", 0.05, 0.078, 0.5, -60.0, 60.0, inertia=False),
)
WHEEL, GNSS, ACCELERATION, POSITION, RANGE, RANGE_RATE = range(6)
RELATIONS = (
    Relation(WHEEL, POSITION, Kind.RATE, 0, 0.18, accuses=True),
    Relation(GNSS, WHEEL, Kind.SAME, 0, 0.019),
    Relation(ACCELERATION, WHEEL, Kind.RATE, 1, 0.069, accuses=True),
    Relation(POSITION, WHEEL, Kind.INTEGRAL, 0, 0.07),
    Relation(RANGE, RANGE_RATE, Kind.INTEGRAL, 0, 0.14),
    Relation(RANGE_RATE, RANGE, Kind.RATE, 0, 0.3, accuses=True),
)
OBSERVED = (1, 1, 2, 0, 3, 4)  # of position, speed and acceleration of the car, then of the gap


def made_up(runs: int, duration: float, seed: int) -> Drives:
    """Runs of `duration` s behind a car that changes its speed every few seconds; all follows from `seed`."""
    truth = _driven(runs, round(duration / PERIOD), stream(seed, DRIVE))
    sigma = np.array([sensor.sigma for sensor in MADE_UP])[:, None]
    values = truth + sigma * stream(seed, SENSORS).standard_normal(truth.shape)
    motion = Motion(*_twice(*white_jerk(PERIOD, JERK)), _sees(OBSERVED, 6), sigma[:, 0], (0,) * len(MADE_UP))
    return Drives("made-up drive", tuple(sensor.signal for sensor in MADE_UP), RELATIONS, motion, PERIOD, values)


def recorded(data: Path) -> Drives | None:
    """The clean columns of the Safety Pilot car below `data`, in runs of five minutes; None where they are not there.

    Its GPS is ahead of the other two: in the filter it waits for them, as it does in the relations of the chain.
    """
    path = data / RECORDING
    if not path.exists():
        return None
    described = sensors_file.read("spmd")
    assert isinstance(described, sensors_file.Signals)
    with open_log(path) as log:
        bound = described.bound(log.names)
        columns = [f"clean_{signal.name}" for signal in bound.signals]
        values = np.concatenate([block.values for block in log.blocks(columns, described.stamps())], axis=1)
    runs = values.shape[1] // RECORDED_RUN
    cut = values[:, : runs * RECORDED_RUN].reshape(len(columns), runs, RECORDED_RUN)
    ahead = {relation.source: relation.shift for relation in bound.relations}
    transition, disturbance = white_jerk(bound.period, JERK)
    motion = Motion(
        transition=transition[1:, 1:],
        disturbance=disturbance[1:, 1:],
        observed=_sees([0, 0, 1], 2),
        noise=np.array(RECORDED_NOISE),
        held_back=tuple(ahead.get(place, 0) for place in range(len(columns))),
    )
    return Drives("recorded drive", bound.signals, bound.relations, motion, bound.period, cut.transpose(1, 0, 2))


def _twice(transition: Floats, disturbance: Floats) -> tuple[Floats, Floats]:
    """Two motions side by side that know nothing of each other."""
    both = np.eye(2)
    return np.asarray(np.kron(both, transition)), np.asarray(np.kron(both, disturbance))


def _sees(places: Sequence[int], states: int) -> Floats:
    """What sensors see that each see one state (signal, state)."""
    return np.eye(states)[list(places)]


def _driven(runs: int, samples: int, generator: np.random.Generator) -> Floats:
    """What is true of the sensors of MADE_UP (run, signal, sample)."""
    speed_ahead = _leading(runs, samples, generator)
    speed, acceleration = speed_ahead[:, 0].copy(), np.zeros(runs)
    position, gap = np.zeros(runs), FOLLOWING.standstill + FOLLOWING.time_gap * speed
    bumps = BUMPS * generator.standard_normal((samples, runs))
    found = np.empty((len(MADE_UP), samples, runs))
    open_road, unknown, fastest = np.zeros(runs, dtype=bool), np.full(runs, np.nan), np.full(runs, SPEEDS[1] + 5.0)
    for sample in range(samples):
        relative = speed_ahead[:, sample] - speed
        found[:, sample] = speed, speed, acceleration, position, gap, relative
        seen = Situation(gap, speed, relative, open_road, unknown, unknown, unknown, unknown, unknown, fastest)
        command = np.clip(FOLLOWING.acceleration(seen), -6.0, 2.5)
        acceleration = acceleration + PERIOD / LAG * (command - acceleration) + bumps[sample]
        before, speed = speed, np.maximum(speed + PERIOD * acceleration, 0.0)
        position = position + PERIOD * (before + speed) / 2.0
        ahead = speed_ahead[:, min(sample + 1, samples - 1)]
        gap = gap + PERIOD * (relative + ahead - speed) / 2.0
    return found.transpose(2, 0, 1)


def _leading(runs: int, samples: int, generator: np.random.Generator) -> Floats:
    """Speed of the car ahead (run, sample): it makes for one speed after the other."""
    speed = np.empty((runs, samples))
    now, rate = generator.uniform(*SPEEDS, runs), np.zeros(runs)
    goal, until = now.copy(), np.zeros(runs)
    for sample in range(samples):
        over = sample * PERIOD >= until
        goal = np.where(over, generator.uniform(*SPEEDS, runs), goal)
        until = np.where(over, sample * PERIOD + generator.uniform(*STAY, runs), until)
        rate = rate + PERIOD / LAG * (np.clip(0.5 * (goal - now), BRAKING, THRUST) - rate)
        now = now + PERIOD * rate
        speed[:, sample] = now
    return speed
