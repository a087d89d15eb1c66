"""How the cars that lead move: recorded or scripted, sampled once, then looked up at any instant of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.elementwise import Compiler, Whole, maximum, minimum, pick
from karyon.kernel.runtime import Ticks
from karyon.sim.recordings import Recording

Floats = NDArray[np.float64]

KNOT = 100_000_000
"""Spacing of the knots, in ns."""

_KNOT_S = KNOT / 1e9

BEYOND = 3
"""Knots past the last one on which its intended acceleration depends: it is the same however soon a run ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Motion of one leader on knots 100 ms apart, from time 0 to beyond the end of the run.

    Between knots the speed is linear, so the acceleration is constant and the position quadratic. All (knot,):
    speed                  in m/s, >= 0
    position               in m, 0 at the start: the integral of the speed
    intended_acceleration  in m/s², what it tells others over V2V (see `intended_acceleration`)
    """

    speed: Floats
    position: Floats
    intended_acceleration: Floats


class Knots(NamedTuple):
    """The motion of several leaders at all knots (knot x leader,); SI units."""

    speed: Whole
    position: Whole
    acceleration: Whole  # from each knot to the next
    intended: Whole
    jerk: Whole  # of what is intended


class Leading(NamedTuple):
    """How each of these leaders moves, and what it intends (leader,); SI units."""

    position: Whole
    speed: Whole
    acceleration: Whole
    intended: Whole


class Led(NamedTuple):
    """At an instant."""

    leading: Leading


def lead(knots: Knots, leader: Ticks, leaders: int, last: int, now: int) -> Led:
    """Where `leaders` are at `now` (ns), `last` being the number of their last knot."""
    knot = minimum(now // KNOT, last - 1)
    elapsed = (now - knot * KNOT) / 1e9
    at = knot * leaders + leader
    start, acceleration = pick(knots.speed, at), pick(knots.acceleration, at)
    return Led(
        Leading(
            position=pick(knots.position, at) + (start + 0.5 * acceleration * elapsed) * elapsed,
            # Rounding could leave a car that comes to a stop at -1e-17 m/s.
            speed=maximum(0.0, start + acceleration * elapsed),
            acceleration=acceleration,
            intended=pick(knots.intended, at) + pick(knots.jerk, at) * elapsed,
        )
    )


class Leaders:
    """The leaders of a batch of runs, one per run. A run's numbers are the same bits alone and in any batch.

    leader   of each run, among the distinct ones (run,)
    """

    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        """One trajectory per run, all with the same number of knots (ValueError otherwise).

        Runs that share a `Trajectory` object share its memory: 10,000 runs behind one recording hold it once.
        """
        distinct = {trajectory: number for number, trajectory in enumerate(dict.fromkeys(trajectories))}
        self.leader = np.array([distinct[trajectory] for trajectory in trajectories])
        speed, position, intended = (
            np.stack([getattr(each, name) for each in distinct], axis=-1)
            for name in ("speed", "position", "intended_acceleration")
        )
        self._last = len(speed) - 1
        tables = speed, position, np.diff(speed, axis=0) / _KNOT_S, intended, np.diff(intended, axis=0) / _KNOT_S
        self._known = Knots(*(np.ascontiguousarray(each).ravel() for each in tables)), np.arange(len(distinct))
        self._lead = lead

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._lead = in_place(lead)

    def at(self, now: int) -> tuple[Floats, Floats, Floats]:
        """Position (m), speed (m/s) and acceleration (m/s²) at `now` (ns), each (run,).

        Exact, not a step of an integration. At a knot the acceleration is that of the interval which begins there.
        ValueError before time 0 and past the last knot.
        """
        position, speed, acceleration, _ = (each[self.leader] for each in self.motion(now))
        return position, speed, acceleration

    def intended(self, now: int) -> Floats:
        """Intended acceleration (m/s²) at `now` (ns), linear between knots, (run,). ValueError as in `at`."""
        return np.asarray(self.motion(now).intended[self.leader])

    def motion(self, now: int) -> Leading:
        """How each distinct leader moves at `now` (ns). ValueError as in `at`."""
        if not 0 <= now <= self._last * KNOT:
            raise ValueError(f"leaders are known from 0 to {self._last * KNOT} ns, asked for {now} ns")
        knots, numbers = self._known
        return self._lead(knots, numbers, len(numbers), self._last, now).leading


def from_recording(recording: Recording, duration: float, lag: float) -> Trajectory:
    """The recorded motion for a run of `duration` s; `lag` as in `intended_acceleration`.

    A recording that is shorter than the run is played forwards, then backwards, alternately: speed and position stay
    continuous. Between its samples the speed is linear.
    """
    length = recording.time[-1]
    phase = np.mod(_knots(duration), 2.0 * length)
    folded = np.minimum(phase, 2.0 * length - phase)
    return _trajectory(np.interp(folded, recording.time, recording.speed), lag)


def from_profile(
    setpoints: Sequence[Sequence[float]], acceleration: float, deceleration: float, duration: float, lag: float
) -> Trajectory:
    """The motion that a scenario scripts: from each time on the leader aims at the speed given for it.

    setpoints                   [[time in s, speed in m/s], ...], times strictly increasing from 0, speeds >= 0
    acceleration, deceleration  rates at which the speed changes, in m/s², > 0
    duration, lag               as in `from_recording`

    It starts at the first speed. A set-point that is not reached before the next one is given up. No car changes its
    acceleration at once: that takes three knots. The scenario has checked the values.
    """
    times, speeds = [0.0], [float(setpoints[0][1])]
    ends = [*(time for time, _ in setpoints[1:]), np.inf]
    for (begin, target), end in zip(setpoints, ends, strict=True):
        speed = speeds[-1]
        rate = acceleration if target > speed else -deceleration
        reached = begin + (target - speed) / rate
        times += [begin, min(reached, end)]
        speeds += [speed, target if reached <= end else speed + rate * (end - begin)]
    knots = _knots(duration)
    aimed: Floats = np.interp(np.concatenate([[-_KNOT_S], knots, [knots[-1] + _KNOT_S]]), times, speeds)
    return _trajectory((aimed[:-2] + aimed[1:-1] + aimed[2:]) / 3.0, lag)


def intended_acceleration(speed: Floats, lag: float) -> Floats:
    """The command that would produce a motion in a vehicle whose acceleration follows it with a first-order lag.

        u = a + lag * da/dt    with a the moving average of the acceleration over 0.5 s, centred (no delay)

    speed  in m/s at knots 100 ms apart, (knot,), linear between them
    lag    in s

    Returns m/s², (knot,). The average over t ± 0.25 s is the change of speed over that window, and its derivative the
    change of acceleration over it: both are exact for a piecewise linear speed. Past either end the acceleration is
    mirrored.
    """
    v: Floats = np.concatenate([2.0 * speed[0] - speed[3:0:-1], speed, 2.0 * speed[-1] - speed[-2:-5:-1]])
    window = 5 * _KNOT_S
    knots = len(speed)
    before_start, before_end = v[:knots], v[1 : knots + 1]  # knots around t - 0.25 s
    after_start, after_end = v[5 : knots + 5], v[6 : knots + 6]  # knots around t + 0.25 s
    acceleration: Floats = (0.5 * (after_start + after_end) - 0.5 * (before_start + before_end)) / window
    jerk: Floats = ((after_end - after_start) - (before_end - before_start)) / _KNOT_S / window
    return acceleration + lag * jerk


def _knots(duration: float) -> Floats:
    """Times of the knots in s: the last one that is kept is past `duration`, and `BEYOND` more follow."""
    return np.arange(int(duration / _KNOT_S) + 3 + BEYOND, dtype=np.float64) * _KNOT_S


def _trajectory(speed: Floats, lag: float) -> Trajectory:
    """Position and intended acceleration that belong to a speed at the knots, which the last `BEYOND` only shape."""
    intended, speed = intended_acceleration(speed, lag)[:-BEYOND], speed[:-BEYOND]
    steps = 0.5 * (speed[:-1] + speed[1:]) * _KNOT_S
    return Trajectory(speed, np.concatenate([[0.0], np.cumsum(steps)]), intended)
