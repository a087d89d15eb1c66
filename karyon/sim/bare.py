"""A law alone: a platoon that hears and sees without error or delay, and nothing that limits what the law wants.

What a law is by itself, to be held against the same law in another program. No kernel, no barrier, no comfort.
"""

from dataclasses import dataclass

import numpy as np

from karyon.control.cooperative import Law
from karyon.control.situation import Floats, Situation
from karyon.sim.vehicle import move

STEP = 0.01  # s: Plexe's controllers are integrated with it
PERIOD = 0.05  # s: how often the leader is told a command, and the motion is read
LENGTH = 4.5  # m
STRENGTH = 9.0  # m/s²: most that a car brakes or speeds up


@dataclass(frozen=True, slots=True)
class Motion:
    """How the cars of a platoon moved, vehicle 0 the leader: SI units.

    time (instant,); position of the front bumper, speed and acceleration, each (instant, car)
    """

    time: Floats
    position: Floats
    speed: Floats
    acceleration: Floats

    @property
    def gap(self) -> Floats:
        """Bumper to bumper in m (instant, follower)."""
        return np.asarray(self.position[:, :-1] - self.position[:, 1:] - LENGTH)


def drive(law: Law, leader: Floats, speed: float, spacing: float, *, cars: int = 8, lag: float) -> Motion:
    """Cars as those of `karyon.sim.sumo.drive`, with the same arguments, driven by `law`."""
    state: tuple[Floats, ...] = tuple(np.zeros((3, cars)))
    state[0][:], state[1][:] = -(LENGTH + spacing) * np.arange(cars), speed
    command = np.zeros(cars)
    instants = []
    for told in leader:
        for _ in range(round(PERIOD / STEP)):
            wanted = law.acceleration(_seen(state, command), command[1:], state[2][1:], STEP)
            command = np.concatenate([[told], wanted])
            state = move(state[0], state[1], state[2], command, STEP, lag, STRENGTH)
        instants.append(state)
    return moved(np.array(instants).transpose(1, 0, 2))


def moved(states: Floats) -> Motion:
    """The motion from position, speed and acceleration (of these, instant, car), read at the end of each PERIOD."""
    position, speed, acceleration = states
    time = np.linspace(PERIOD, PERIOD * len(speed), len(speed))
    return Motion(time, position, speed, acceleration)


def _seen(state: tuple[Floats, ...], command: Floats) -> Situation:
    """What each follower sees; a command is heard of as soon as it is in force."""
    position, speed, acceleration = state
    followers = len(speed) - 1
    return Situation(
        gap=position[:-1] - LENGTH - position[1:],
        speed=speed[1:],
        relative_speed=speed[:-1] - speed[1:],
        road_open=np.zeros(followers, dtype=bool),
        front_command=command[:-1],
        front_speed=speed[:-1],
        leader_command=np.full(followers, command[0]),
        leader_acceleration=np.full(followers, acceleration[0]),
        leader_speed=np.full(followers, speed[0]),
        set_speed=np.full(followers, np.inf),
    )
