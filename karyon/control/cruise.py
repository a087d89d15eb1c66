"""Car following, one law per level of service: cautious (0), adaptive cruise control (1), cooperative (2, 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from karyon.control import limits, rss
from karyon.control.cooperative import Cooperative
from karyon.control.situation import Booleans, Floats, Situation, spacing_error

Integers = NDArray[np.int64]

MARGIN = 1.5  # m kept beyond the safe distance: the tolerated error of the distance
CREEP = 0.3  # m/s: below it a car stands, and what the speed sensor shows is noise


@dataclass(frozen=True, slots=True)
class TimeGap:
    """Constant time-gap law. [Rajamani 2012, eq. 6.21; Ioannou & Chien 1993]

    a = (v_rel + gain e) / time_gap    with e = gap - standstill - time_gap v

    The spacing error is cut so that the car neither closes nor opens faster than `closing` by this term alone.
    """

    time_gap: float  # s
    reaction_time: float  # s: technical reaction time of the level, below the time gap
    standstill: float = 2.0  # m
    gain: float = 0.5  # 1/s
    closing: float = 3.0  # m/s
    speed_max: float = 60.0  # m/s
    gain_speed: float = 0.4  # 1/s

    def acceleration(self, seen: Situation) -> Floats:
        """Commanded acceleration in m/s² (row,). NaN in, NaN out: the rules of this level admit finite data only."""
        kept = spacing_error(seen, self.standstill, self.time_gap, self.closing / self.gain)
        following = (seen.relative_speed + self.gain * kept) / self.time_gap
        free = self.gain_speed * (np.minimum(seen.set_speed, self.speed_max) - seen.speed)
        return np.where(seen.road_open, free, np.minimum(following, free))


@dataclass(slots=True)
class Front:
    """The least that is certain of the car ahead: state of the cautious law (row,)."""

    gap: Floats  # m, lower bound
    speed: Floats  # m/s, lower bound
    is_car: Booleans  # that drove when it was last seen, and no end of what radar sees


def _measured(seen: Situation) -> Front:
    """As radar says; an open road ends at its range: what stands beyond it was not seen."""
    speed = np.maximum(0.0, seen.speed + seen.relative_speed)
    return Front(seen.gap, np.where(seen.road_open, 0.0, speed), ~seen.road_open & (speed > CREEP))


@dataclass(slots=True)
class Motion:
    """What the car ahead does, from radar alone: state of a fading-memory filter (row,). [Morrison 1969]

    predicted = speed + step acceleration,  residual = measured - predicted
    speed = predicted + (1 - MEMORY²) residual,  acceleration += (1 - MEMORY)² residual / step
    """

    MEMORY: ClassVar[float] = 0.6  # share of the past: at 20 Hz braking shows after 0.15 s, with a noise of 0.4 m/s²
    NOISE: ClassVar[float] = 1.2  # m/s²: three sigma of that
    JUMP: ClassVar[float] = 3.0  # m/s: no motion but another object, or a first sample

    speed: Floats
    acceleration: Floats

    def follow(self, measured: Floats, step: float) -> None:
        """One sample later. NaN is no motion, and is forgotten with the next number."""
        predicted = self.speed + step * self.acceleration
        residual = measured - predicted
        same = np.abs(residual) <= self.JUMP
        self.speed = np.where(same, predicted + (1.0 - self.MEMORY**2) * residual, measured)
        gained = self.acceleration + (1.0 - self.MEMORY) ** 2 / step * residual
        self.acceleration = np.where(same, gained, 0.0)


@dataclass(frozen=True, slots=True)
class Cautious:
    """Level 0: a wide time gap while the radar is trusted; else stop short of where the car ahead may have stopped."""

    law: TimeGap
    braking: float  # m/s², declared by all
    stopping: float = 3.5  # m/s², towards a stop when the front is unknown

    def front(self, before: Front, measured: Front, trusted: Booleans, speed: Floats, step: float) -> Front:
        """Lower bounds after `step` s, in which the car ahead brakes as declared.

        From what was `measured` a step ago where that is trusted by now, else from the bounds before: what is measured
        now has been judged by nobody yet, and one bad sample that is remembered would be believed for good.
        """
        gap, front = np.where(trusted, measured.gap, before.gap), np.where(trusted, measured.speed, before.speed)
        slower = np.maximum(0.0, front - self.braking * step)
        is_car = np.where(trusted, measured.is_car, before.is_car)
        return Front(gap + 0.5 * step * (front + slower) - step * speed, slower, is_car)

    def acceleration(self, seen: Situation, front: Front, trusted: Booleans, speed: Floats) -> Floats:
        """Commanded acceleration in m/s² (row,); `speed` is an upper bound of the own speed. Never NaN.

            room = gap + front_speed² / (2 braking) - reaction_time speed,  needed = speed² / (2 room)

        As long as `needed` is below `braking` the safe distance is kept; stopping so evenly that it is just in time in
        the end would break it on the way, where the car ahead does brake as hard as it may.
        """
        kept = np.maximum(self.law.standstill, MARGIN + self.law.reaction_time * speed)
        room = front.gap + front.speed * front.speed / (2.0 * self.braking) - kept
        needed = np.where(
            room > 0.1,
            speed * speed / (2.0 * np.maximum(room, 0.1)),
            np.where(speed > CREEP, limits.EMERGENCY_BRAKING, 0.0),
        )
        stopping = np.where(speed > CREEP, np.maximum(self.stopping, needed), self.stopping)
        return np.where(trusted, self.law.acceleration(seen), -stopping)


class Cruise:
    """The controllers of all levels for `rows` cars, and what limits every one of them.

    Each period: the law of the level in force, cut by the RSS barrier of that level and by the limits of comfort,
    reached without a jump.
    """

    BARRIER_GAIN = 6.0  # 1/s: so far above 1 / (time gap - reaction time) that it is silent while noise is all there is
    UNANNOUNCED_GAIN = 3.0  # 1/s, where braking shows by radar alone, and later: so it keeps a longer gap
    ANTICIPATION = 0.4  # s until a command brakes: a control period, the lag of the drive, the lag of `Motion`

    def __init__(self, rows: int, levels: Sequence[Mapping[str, Any]], braking: float, lag: float) -> None:
        """`levels`: per level the controller's numbers of the safety design; `time_gap` and `reaction_time` it must.

        From level 2 on `law` may name one, or be what makes one.
        """
        cautious, adaptive, *cooperative = (dict(level) for level in [*levels, *[levels[-1]] * max(0, 3 - len(levels))])
        self.laws = (Cautious(TimeGap(**cautious), braking), TimeGap(**adaptive))
        self.cooperative = tuple(Cooperative.of(level) for level in cooperative)  # from level 2 on
        self.reaction_times = np.array([level["reaction_time"] for level in levels])
        self.closing = self.laws[1].closing
        self.braking, self.lag = braking, lag
        self._rows = np.arange(rows)
        self.command = np.zeros(rows)
        self.response = np.zeros(rows)
        self._motion = Motion(speed=np.full(rows, np.nan), acceleration=np.zeros(rows))
        self._front = Front(gap=np.full(rows, 150.0), speed=np.zeros(rows), is_car=np.zeros(rows, dtype=bool))
        self._measured = self._front
        self._allowed = np.full((len(levels), rows), -np.inf)  # by the barrier, in the last period

    def update(
        self,
        seen: Situation,
        level: Integers,
        front_trusted: Booleans,
        speed_bound: Floats,
        step: float,
        announced: Booleans | bool = True,
    ) -> tuple[Floats, Booleans]:
        """Next command in m/s² (row,), and for each level whether the command is inside its safe set (level, row).

        level          level of service in force (row,)
        front_trusted  distance, relative speed and own speed may be believed
        speed_bound    m/s, upper bound of own speed
        step           s since the last call
        announced      what the car ahead means to do was heard just now
        """
        cautious, adaptive = self.laws
        self.response += (1.0 - exp(-step / self.lag)) * (self.command - self.response)
        self._front = cautious.front(self._front, self._measured, front_trusted, speed_bound, step)
        self._measured = _measured(seen)
        wanted = np.where(
            level <= 0,
            cautious.acceleration(seen, self._front, front_trusted, speed_bound),
            adaptive.acceleration(seen),
        )
        for number, law in enumerate(self.cooperative, 2):
            followed = law.acceleration(seen, self.command, self.response, step)
            mute = np.isnan(followed) & np.isfinite(seen.front_command)  # has what it needs, and wants nothing
            followed = np.where(mute, self.command, followed)  # so that the barrier still has its say
            wanted = np.where(level >= number, followed, wanted)
        self._motion.follow(seen.speed + seen.relative_speed, step)
        margin = self._margin(seen)
        heard = announced & (level >= 2)
        front_braking = self._front_braking(seen, level, heard)
        gain = np.where(heard, self.BARRIER_GAIN, self.UNANNOUNCED_GAIN)
        allowed = self._confirmed(self._barrier(seen, margin, front_braking, gain), heard)
        guided = (level > 0) | front_trusted
        in_force = level, self._rows
        bound = np.where(guided, allowed[in_force], np.inf)
        too_close = guided & (margin[in_force] < 0.0)
        needed = np.where(too_close, self._needed(seen, front_braking, step), self.braking)
        hardest = np.where(~guided & ~self._front.is_car, limits.EMERGENCY_BRAKING, np.fmax(needed, self.braking))
        self.command = self._within_limits(np.minimum(wanted, bound), ~guided, hardest, speed_bound, step)
        return self.command, self._safe_sets(seen, allowed)

    def meet(self, another: Booleans) -> None:
        """Another car is ahead than in the last period (row,): that it is slower does not mean that it brakes."""
        self._motion.speed = np.where(another, np.nan, self._motion.speed)

    def _front_braking(self, seen: Situation, level: Integers, heard: Booleans) -> Floats:
        """Acceleration of the car ahead, <= 0, in m/s²: as radar shows it, at level 2 also as it is announced.

        heard   it was just now: then radar counts where it shows more braking than its noise can make up
        """
        announced = np.where(level >= 2, seen.front_command, 0.0)
        shown = self._motion.acceleration
        shown = np.where(heard & (shown >= announced - Motion.NOISE), announced, shown)
        return np.maximum(-self.braking, np.minimum(0.0, np.fmin(shown, announced)))

    def _needed(self, seen: Situation, front_braking: Floats, step: float) -> Floats:
        """Deceleration in m/s² that a car too close may command (row,): those behind are prepared for what is declared.

        As much as makes it brake as hard as the car ahead at once, in spite of its lag, or ends the closing before the
        gap is used up if that one brakes on. Else what is declared: at that its margin grows, whatever the car ahead
        does, by `reaction_time * braking` at least.
        """
        share = 1.0 - exp(-step / self.lag)  # of what is commanded that has come about after a step
        at_once = self.response + (front_braking - self.response) / share
        closing = np.maximum(0.0, -seen.relative_speed)
        room = np.maximum(seen.gap - MARGIN - closing * self.ANTICIPATION, 0.1)
        needed = np.maximum(closing * closing / (2.0 * room) - front_braking, -at_once)
        return np.minimum(needed, limits.EMERGENCY_BRAKING)

    def _margin(self, seen: Situation) -> Floats:
        """Gap beyond each level's safe distance and what is kept of it, in m (level, row)."""
        front_speed = np.maximum(0.0, seen.speed + seen.relative_speed)
        safe = rss.safe_distance(seen.speed, front_speed, self.reaction_times[:, None], self.braking)
        return seen.gap - MARGIN - safe

    def _barrier(self, seen: Situation, margin: Floats, front_braking: Floats, gain: Floats) -> Floats:
        """RSS barrier of each level (level, row): the car ahead may brake as declared at any instant. `gain` in 1/s.

        A command acts late: what the margin will lose until then, by all that is known now, counts as lost.
        """
        reaction_times = self.reaction_times[:, None]
        rate = rss.margin_rate(
            seen.speed, seen.relative_speed, self.response, front_braking, reaction_times, self.braking
        )
        return rss.acceleration_limit(
            margin + self.ANTICIPATION * np.minimum(0.0, rate),
            seen.speed,
            seen.relative_speed,
            -self.braking,
            reaction_times,
            self.braking,
            gain,
        )

    def _confirmed(self, allowed: Floats, heard: Booleans) -> Floats:
        """Where the car ahead says what it does, one noisy sample of radar is no emergency: two in a row are."""
        before, self._allowed = self._allowed, allowed
        return np.where(heard, np.fmax(allowed, before), allowed)

    def _within_limits(self, wanted: Floats, blind: Booleans, hardest: Floats, speed: Floats, step: float) -> Floats:
        """Comfort limits and jerk, but in an emergency: front unknown, or more braking needed than comfort allows.

        No harder than `hardest` in m/s²: the cars behind rely on what is declared, and who is not too close yet needs
        no more.
        """
        comfort = limits.deceleration(speed)
        emergency = blind | (wanted < -comfort)
        target = np.minimum(wanted, limits.acceleration(speed))
        jerk = limits.jerk(speed)
        change = np.where(emergency, limits.EMERGENCY_JERK, jerk) * step
        up = jerk * step
        moved = np.minimum(np.maximum(target, self.command - change), self.command + up)
        held = np.where(blind, np.minimum(self.command, -self.laws[0].stopping), self.command)
        return np.maximum(np.where(np.isnan(moved), held, moved), -hardest)

    def _safe_sets(self, seen: Situation, allowed: Floats) -> Booleans:
        """Whether each level's barrier allows the present command, and closing is not too fast (level, row)."""
        closing_ok = seen.road_open | (seen.relative_speed >= -1.5 * self.closing)
        safe = (self.command <= allowed) & closing_ok
        safe[0] = True
        return safe
