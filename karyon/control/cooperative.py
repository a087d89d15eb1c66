"""The laws of the cooperative levels, by the name that a safety design or a scenario chooses them with.

A law of a user's own takes the place of one of these: it keeps the same contract (`karyon.control.contract`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from inspect import signature
from typing import Any, NamedTuple, Protocol

import numpy as np

from karyon.control.situation import Floats, Number, Situation, spacing_error
from karyon.kernel.elementwise import at_most, isfinite, maximum, minimum, sqrt, where

ANNOUNCED = (-8.0, 3.0)  # m/s²: what is believed of an intended acceleration


class Law(Protocol):
    """How a car follows the one ahead on a cooperative level."""

    def acceleration(self, seen: Situation, command: Floats, response: Floats, step: float) -> Floats:
        """Wanted acceleration in m/s² (row,), `step` s after the last one came into force as `command`.

        response   the car's own answer to its past commands in m/s², no sensor: nothing unguarded enters

        A formula of each row: the same arguments give the same answer, and no row knows of another. It says nothing of
        an open road, of the set speed, of safe distances or of comfort: these limit whatever it wants.
        """
        ...


class Ploeg(NamedTuple):
    """The car ahead by its intended acceleration, a time gap behind. [Ploeg 2011, eq. 9]

    time_gap u' = -u + gain e + gain_rate e' + u_front

    with e = gap - standstill - time_gap v and e' = v_rel - time_gap a
    """

    time_gap: float
    standstill: float = 2.0
    gain: float = 0.4  # 1/s²
    gain_rate: float = 0.8  # 1/s
    closing: float = 3.0

    def acceleration(self, seen: Situation, command: Floats, response: Floats, step: float) -> Floats:
        """As `Law`. `a` is the car's own response."""
        return ploeg(self, seen, command, response, step).acceleration


class PathLaw(NamedTuple):
    """The car ahead and the platoon's leader. [Rajamani 2012, eq. 7.39; Swaroop & Hedrick 1999; as in Plexe]

    wanted = (1 - C) u_front + C u_leader - (2 xi - C q) w (v - v_front) - C q w (v - v_leader) + w² e

    with C = leader_share, xi = damping, w = bandwidth, q = xi + sqrt(xi² - 1), e = gap - standstill - time_gap v; C = 0
    where the leader is not known. The sources keep a constant distance: time_gap 0, u = wanted. Behind a time gap the
    error grows by time_gap a, too, and the command is filtered as that of `Ploeg`, which this is without a leader:

    v - v_front becomes -e' = v - v_front + time_gap a,  and  time_gap u' = -u + wanted
    """

    time_gap: float
    standstill: float = 2.0
    leader_share: float = 0.5
    damping: float = 1.0  # >= 1
    bandwidth: float = 0.6  # 1/s; Plexe has 0.2
    closing: float = 3.0

    def acceleration(self, seen: Situation, command: Floats, response: Floats, step: float) -> Floats:
        """As `Law`. `a` is the car's own response."""
        return path(self, seen, command, response, step).acceleration


class Wanted(NamedTuple):
    """What a law wants (row,), m/s²."""

    acceleration: Floats


def ploeg(law: Ploeg, seen: Situation, command: Floats, response: Floats, step: float) -> Wanted:
    """`Ploeg` as a formula."""
    kept = spacing_error(seen, law.standstill, law.time_gap, law.closing * law.gain_rate / law.gain)
    error_rate = seen.relative_speed - law.time_gap * response
    wanted = law.gain * kept + law.gain_rate * error_rate + _believed(seen.front_command)
    return Wanted(command + step / law.time_gap * (wanted - command))


def path(law: PathLaw, seen: Situation, command: Floats, response: Floats, step: float) -> Wanted:
    """`PathLaw` as a formula."""
    stiffness, rate = law.bandwidth * law.bandwidth, 2.0 * law.damping * law.bandwidth
    kept = spacing_error(seen, law.standstill, law.time_gap, law.closing * rate / stiffness)
    error_rate = seen.relative_speed - law.time_gap * response
    known = isfinite(seen.leader_speed) & isfinite(seen.leader_command)
    share = where(known, law.leader_share, 0.0)
    leader = where(known, _believed(seen.leader_command), 0.0)
    behind_leader = where(known, seen.leader_speed - seen.speed, 0.0)
    of_leader = share * (law.damping + sqrt(law.damping * law.damping - 1.0)) * law.bandwidth
    feedforward = (1.0 - share) * _believed(seen.front_command) + share * leader
    wanted = feedforward + (rate - of_leader) * error_rate + of_leader * behind_leader + stiffness * kept
    return Wanted(command + step / maximum(law.time_gap, step) * (wanted - command))


def _believed(command: Any) -> Any:
    return minimum(maximum(command, ANNOUNCED[0]), ANNOUNCED[1])


LAWS: Mapping[str, Callable[..., Law]] = {"ploeg": Ploeg, "path": PathLaw}
FORMULAS: Mapping[type, Callable[..., Wanted]] = {Ploeg: ploeg, PathLaw: path}
USUAL = "ploeg"


@dataclass(frozen=True, slots=True)
class Cooperative:
    """Cooperative adaptive cruise control: a law, on the road that is open to it."""

    law: Law
    closing: float = 3.0  # m/s by which it may be faster than a car ahead that only messages tell of
    speed_max: float = 60.0  # m/s
    gain_speed: float = 0.4  # 1/s

    @classmethod
    def of(cls, controller: Mapping[str, Any]) -> "Cooperative":
        """From the numbers of a level, of which the law gets those that it takes.

        `law` is a name of LAWS, or what makes a law.
        """
        named = controller.get("law", USUAL)
        make = LAWS[named] if isinstance(named, str) else named
        own = [each.name for each in fields(cls) if each.name != "law"]
        law = make(**{name: controller[name] for name in parameters(make) if name in controller})
        return cls(law, **{name: controller[name] for name in own if name in controller})

    def acceleration(self, seen: Situation, command: Floats, response: Floats, step: float) -> Floats:
        """Next command in m/s² (row,), `step` s after `command`, the car responding with `response`."""
        following = self.law.acceleration(seen, command, response, step)
        return np.asarray(on_road(seen, following, self.closing, self.speed_max, self.gain_speed))


def on_road(seen: Situation, following: Number, closing: Number, speed_max: Number, gain_speed: Number) -> Any:
    """What is left of what a law wants, by the numbers of `Cooperative`."""
    wanted_speed = at_most(speed_max, seen.set_speed)
    ceiling = at_most(wanted_speed, seen.front_speed + closing)
    free = gain_speed * (ceiling - seen.speed)
    return where(seen.road_open, free, minimum(following, gain_speed * (wanted_speed - seen.speed)))


def parameters(make: Callable[..., object]) -> dict[str, bool]:
    """The numbers that a law takes, and whether it must have each."""
    return {name: each.default is each.empty for name, each in signature(make).parameters.items()}
