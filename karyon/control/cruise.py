"""Car following, one law per level of service: cautious (0), adaptive cruise control (1), cooperative (2, 3).

All of it is elementwise formulas (`karyon.kernel.elementwise`), of which `Cruise` keeps the state.
"""

from collections.abc import Mapping, Sequence
from math import exp, inf
from typing import Any, NamedTuple

import numpy as np

from karyon.control import limits, rss
from karyon.control.cooperative import FORMULAS, Cooperative, on_road
from karyon.control.situation import Booleans, Floats, Situation, spacing_error
from karyon.kernel.elementwise import (
    BooleanTable,
    Column,
    Compiler,
    FloatTable,
    at_least,
    at_most,
    each,
    greater,
    isfinite,
    isnan,
    maximum,
    minimum,
    of,
    of_design,
    where,
)
from karyon.kernel.runtime import Ticks as Integers

MARGIN = 1.5  # m kept beyond the safe distance: the tolerated error of the distance
CREEP = 0.3  # m/s: below it a car stands, and what the speed sensor shows is noise
BARRIER_GAIN = 6.0  # 1/s: so far above 1 / (time gap - reaction time) that it is silent while noise is all there is
UNANNOUNCED_GAIN = 3.0  # 1/s, where braking shows by radar alone, and later: so it keeps a longer gap
ANTICIPATION = 0.4  # s until a command brakes: a control period, the lag of the drive, the lag of `Motion`


class TimeGap(NamedTuple):
    """Constant time-gap law. [Rajamani 2012, eq. 6.21; Ioannou & Chien 1993]

    a = (v_rel + gain e) / time_gap    with e = gap - standstill - time_gap v

    The spacing error is cut so that the car neither closes nor opens faster than `closing` by this term alone, and
    opens no faster than `opening` a gap that is still `accepted`: who lets another one in need not brake for it.
    [relaxation after a lane change: Laval & Leclercq 2008]
    """

    time_gap: float  # s
    reaction_time: float  # s: technical reaction time of the level, below the time gap
    standstill: float = 2.0  # m
    gain: float = 0.5  # 1/s
    closing: float = 3.0  # m/s
    speed_max: float = 60.0  # m/s
    gain_speed: float = 0.4  # 1/s
    opening: float = inf  # m/s, where that is less than `closing`
    accepted: float = 0.0  # s, time gap

    def acceleration(self, seen: Situation) -> Floats:
        """Commanded acceleration in m/s² (row,). NaN in, NaN out: the rules of this level admit finite data only."""
        return np.asarray(adaptive(self, seen))


def adaptive(law: TimeGap, seen: Situation) -> Any:
    """`TimeGap` as a formula."""
    most = law.closing / law.gain
    slowly = at_most(-law.opening / law.gain, spacing_error(seen, law.standstill, law.accepted, most))
    kept = at_least(spacing_error(seen, law.standstill, law.time_gap, most), slowly)  # NaN is so in both
    following = (seen.relative_speed + law.gain * kept) / law.time_gap
    free = law.gain_speed * (at_most(law.speed_max, seen.set_speed) - seen.speed)
    return where(seen.road_open, free, at_most(free, following))


class Front(NamedTuple):
    """The least that is certain of the car ahead: state of the cautious law (row,)."""

    gap: Floats  # m, lower bound
    speed: Floats  # m/s, lower bound
    is_car: Booleans  # that drove when it was last seen, and no end of what radar sees


def measured_front(seen: Situation) -> Front:
    """As radar says, copied; an open road ends at its range: what stands beyond it was not seen."""
    speed = maximum(0.0, seen.speed + seen.relative_speed)
    return Front(+seen.gap, where(seen.road_open, 0.0, speed), ~seen.road_open & (speed > CREEP))


class Motion(NamedTuple):
    """What the car ahead does, from radar alone: state of a fading-memory filter (row,). [Morrison 1969]

    predicted = speed + step acceleration,  residual = measured - predicted
    speed = predicted + (1 - MEMORY²) residual,  acceleration += (1 - MEMORY)² residual / step
    """

    speed: Floats
    acceleration: Floats


MEMORY = 0.6  # share of the past: at 20 Hz braking shows after 0.15 s, with a noise of 0.4 m/s²
NOISE = 1.2  # m/s²: three sigma of that
JUMP = 3.0  # m/s: no motion but another object, or a first sample


def followed(motion: Motion, measured: Any, step: float) -> Motion:
    """One sample later. NaN is no motion, and is forgotten with the next number."""
    predicted = motion.speed + step * motion.acceleration
    residual = measured - predicted
    same = abs(residual) <= JUMP
    speed = where(same, predicted + (1.0 - MEMORY**2) * residual, measured)
    gained = motion.acceleration + (1.0 - MEMORY) ** 2 / step * residual
    return Motion(speed, where(same, gained, 0.0))


class Cautious(NamedTuple):
    """Level 0: a wide time gap while the radar is trusted; else stop short of where the car ahead may have stopped."""

    law: TimeGap
    braking: float  # m/s², declared by all
    stopping: float = 3.5  # m/s², towards a stop when the front is unknown


def carried_on(law: Cautious, before: Front, measured: Front, trusted: Any, speed: Any, step: float) -> Front:
    """Lower bounds after `step` s, in which the car ahead brakes as declared.

    From what was `measured` a step ago where that is trusted by now, else from the bounds before: what is measured
    now has been judged by nobody yet, and one bad sample that is remembered would be believed for good.
    """
    gap, front = where(trusted, measured.gap, before.gap), where(trusted, measured.speed, before.speed)
    slower = maximum(0.0, front - law.braking * step)
    is_car = where(trusted, measured.is_car, before.is_car)
    return Front(gap + 0.5 * step * (front + slower) - step * speed, slower, is_car)


def cautious(law: Cautious, seen: Situation, front: Front, trusted: Any, speed: Any) -> Any:
    """Commanded acceleration in m/s² (row,); `speed` is an upper bound of the own speed. Never NaN.

        room = gap + front_speed² / (2 braking) - reaction_time speed,  needed = speed² / (2 room)

    As long as `needed` is below `braking` the safe distance is kept; stopping so evenly that it is just in time in
    the end would break it on the way, where the car ahead does brake as hard as it may.
    """
    kept = at_least(law.law.standstill, MARGIN + law.law.reaction_time * speed)
    room = front.gap + front.speed * front.speed / (2.0 * law.braking) - kept
    needed = where(
        room > 0.1,
        speed * speed / (2.0 * maximum(room, 0.1)),
        where(speed > CREEP, limits.EMERGENCY_BRAKING, 0.0),
    )
    stopping = where(speed > CREEP, at_least(law.stopping, needed), law.stopping)
    return where(trusted, adaptive(law.law, seen), -stopping)


class Levels(NamedTuple):
    """What a design says of each level, and of each cooperative level: columns (level, 1)."""

    number: Column  # of the level
    reaction_time: Column  # s
    closing: Column  # of a cooperative level, as those of `Cooperative`
    speed_max: Column
    gain_speed: Column


class Numbers(NamedTuple):
    """What a design says of all levels, SI units."""

    cautious: Cautious
    adaptive: TimeGap
    step: float  # s, of a control period
    share: float  # of what is commanded that has come about after a step
    last: int  # place of the highest cooperative level among those


class Told(NamedTuple):
    """What comes in besides the situation: as the arguments of `Cruise.update` (row,)."""

    level: Integers
    trusted: Booleans
    speed_bound: Floats
    announced: Booleans
    response: Floats


class Driving(NamedTuple):
    """State of the controllers of all levels."""

    command: Floats  # m/s²
    front: Front
    measured: Front
    motion: Motion
    allowed: FloatTable  # by the barrier of each level, in the last period


class Driven(NamedTuple):
    """After a period."""

    driving: Driving
    safe: BooleanTable  # whether the command is inside the safe set of each level


def drive(before: Driving, seen: Situation, told: Told, wanted: FloatTable, levels: Levels, numbers: Numbers) -> Driven:
    """One period; `wanted` by the law of each cooperative level, m/s²."""
    step, level, braking = numbers.step, told.level, numbers.cautious.braking
    front = carried_on(numbers.cautious, before.front, before.measured, told.trusted, told.speed_bound, step)
    target = _target(before, seen, told, front, wanted, levels, numbers)
    motion = followed(before.motion, seen.speed + seen.relative_speed, step)
    heard = told.announced & (level >= 2)
    front_braking = _front_braking(seen, motion, level, heard, braking)
    front_speed = maximum(0.0, seen.speed + seen.relative_speed)
    margin = each(_margin, levels.reaction_time, seen, front_speed, braking)
    gain = where(heard, BARRIER_GAIN, UNANNOUNCED_GAIN)
    allowed = each(_barrier, margin, levels.reaction_time, seen, told.response, front_braking, gain, braking)
    confirmed = each(_confirmed, allowed, before.allowed, heard)
    guided = (level > 0) | told.trusted
    bound = where(guided, of(level, confirmed), np.inf)
    too_close = guided & (of(level, margin) < 0.0)
    needed = where(too_close, _needed(seen, told.response, front_braking, numbers.share), braking)
    hardest = where(~guided & ~front.is_car, limits.EMERGENCY_BRAKING, where(needed > braking, needed, braking))
    command = _within_limits(before.command, minimum(target, bound), ~guided, hardest, told.speed_bound, numbers)
    is_slow_enough = seen.road_open | (seen.relative_speed >= -1.5 * numbers.adaptive.closing)
    safe = each(_is_safe, levels.number, confirmed, command, is_slow_enough)
    return Driven(Driving(command, front, measured_front(seen), motion, allowed), safe)


def _target(
    before: Driving, seen: Situation, told: Told, front: Front, wanted: FloatTable, levels: Levels, numbers: Numbers
) -> Any:
    """Acceleration that the law of the level in force wants, in m/s² (row,)."""
    own = where(
        told.level <= 0,
        cautious(numbers.cautious, seen, front, told.trusted, told.speed_bound),
        adaptive(numbers.adaptive, seen),
    )
    place = minimum(maximum(told.level - 2, 0), numbers.last)
    closing, most, gain = (
        of_design(place, levels.closing),
        of_design(place, levels.speed_max),
        of_design(place, levels.gain_speed),
    )
    cooperative = on_road(seen, of(place, wanted), closing, most, gain)
    mute = isnan(cooperative) & isfinite(seen.front_command)  # has what it needs, and wants nothing
    cooperative = where(mute, before.command, cooperative)  # so that the barrier still has its say
    return where(told.level >= 2, cooperative, own)


def _front_braking(seen: Situation, motion: Motion, level: Any, heard: Any, braking: float) -> Any:
    """Acceleration of the car ahead, <= 0, in m/s²: as radar shows it, at level 2 also as it is announced.

    heard   it was just now: then radar counts where it shows more braking than its noise can make up
    """
    announced = where(level >= 2, seen.front_command, 0.0)
    shown = motion.acceleration
    shown = where(heard & (shown >= announced - NOISE), announced, shown)
    return at_least(-braking, minimum(0.0, where(announced < shown, announced, shown)))


def _needed(seen: Situation, response: Any, front_braking: Any, share: float) -> Any:
    """Deceleration in m/s² that a car too close may command (row,): those behind are prepared for what is declared.

    As much as makes it brake as hard as the car ahead at once, in spite of its lag, or ends the closing before the
    gap is used up if that one brakes on. Else what is declared: at that its margin grows, whatever the car ahead
    does, by `reaction_time * braking` at least. `share`: see `Numbers`.
    """
    at_once = response + (front_braking - response) / share
    closing = maximum(0.0, -seen.relative_speed)
    room = maximum(seen.gap - MARGIN - closing * ANTICIPATION, 0.1)
    needed = at_least(-at_once, closing * closing / (2.0 * room) - front_braking)
    return minimum(needed, limits.EMERGENCY_BRAKING)


def _margin(reaction_time: Any, seen: Situation, front_speed: Any, braking: float) -> Any:
    """Gap beyond a level's safe distance and what is kept of it, in m."""
    return seen.gap - MARGIN - rss.safe_distance(seen.speed, front_speed, reaction_time, braking)


def _barrier(
    margin: Any, reaction_time: Any, seen: Situation, response: Any, front_braking: Any, gain: Any, braking: float
) -> Any:
    """RSS barrier of a level: the car ahead may brake as declared at any instant. `gain` in 1/s.

    A command acts late: what the margin will lose until then, by all that is known now, counts as lost.
    """
    rate = rss.margin_rate(seen.speed, seen.relative_speed, response, front_braking, reaction_time, braking)
    return rss.acceleration_limit(
        margin + ANTICIPATION * minimum(0.0, rate),
        seen.speed,
        seen.relative_speed,
        -braking,
        reaction_time,
        braking,
        gain,
    )


def _confirmed(allowed: Any, before: Any, heard: Any) -> Any:
    """Where the car ahead says what it does, one noisy sample of radar is no emergency: two in a row are."""
    return where(heard, greater(allowed, before), allowed)


def _within_limits(before: Any, wanted: Any, blind: Any, hardest: Any, speed: Any, numbers: Numbers) -> Any:
    """Comfort limits and jerk, but in an emergency: front unknown, or more braking needed than comfort allows.

    No harder than `hardest` in m/s²: the cars behind rely on what is declared, and who is not too close yet needs
    no more.
    """
    comfort = limits.deceleration(speed)
    emergency = blind | (wanted < -comfort)
    target = minimum(wanted, limits.acceleration(speed))
    jerk = limits.jerk(speed)
    change = where(emergency, limits.EMERGENCY_JERK, jerk) * numbers.step
    up = jerk * numbers.step
    moved = minimum(at_least(before - change, target), before + up)  # of no speed, `up` is NaN, too
    held = where(blind, at_most(-numbers.cautious.stopping, before), before)
    return at_least(where(isnan(moved), held, moved), -hardest)


def _is_safe(number: Any, allowed: Any, command: Any, is_slow_enough: Any) -> Any:
    """Whether a level's barrier allows the present command, and closing is not too fast; level 0 is safe anywhere."""
    return (number <= 0.0) | (command <= allowed) & is_slow_enough


class Responding(NamedTuple):
    """How far commands have come about, m/s² (row,)."""

    response: Floats


class Responded(NamedTuple):
    """After a period."""

    responding: Responding


def respond(before: Responding, command: Floats, share: float) -> Responded:
    """A first-order lag."""
    return Responded(Responding(before.response + share * (command - before.response)))


class Placed(NamedTuple):
    """Numbers where others look for them (row,)."""

    number: Floats


class Put(NamedTuple):
    """After they have been put there."""

    placed: Placed


def put(here: Placed, given: Floats) -> Put:
    """The numbers that are given."""
    return Put(Placed(given))


class Cruise:
    """The controllers of all levels for `rows` cars, and what limits every one of them.

    Each period: the law of the level in force, cut by the RSS barrier of that level and by the limits of comfort,
    reached without a jump.
    """

    def __init__(self, rows: int, levels: Sequence[Mapping[str, Any]], braking: float, lag: float) -> None:
        """`levels`: per level the controller's numbers of the safety design; `time_gap` and `reaction_time` it must.

        From level 2 on `law` may name one, or be what makes one.
        """
        first, second, *others = (dict(level) for level in [*levels, *[levels[-1]] * max(0, 3 - len(levels))])
        cooperative = [Cooperative.of(level) for level in others]  # from level 2 on
        self._laws = [each.law.acceleration for each in cooperative]
        self._makes = [each.law for each in cooperative]
        self._lag = lag
        self._levels = Levels(
            number=_column(range(len(levels))),
            reaction_time=_column(level["reaction_time"] for level in levels),
            closing=_column(each.closing for each in cooperative),
            speed_max=_column(each.speed_max for each in cooperative),
            gain_speed=_column(each.gain_speed for each in cooperative),
        )
        numbers = Cautious(TimeGap(**first), braking), TimeGap(**second)
        self._numbers = Numbers(*numbers, step=0.0, share=0.0, last=len(cooperative) - 1)
        self._wanted = np.zeros((len(cooperative), rows))
        self._wishes = [*self._wanted]  # of each law
        self._told: Told | None = None
        self._drive, self._respond = drive, respond
        self._responding = Responding(np.zeros(rows))
        unseen = Front(gap=np.full(rows, 150.0), speed=np.zeros(rows), is_car=np.zeros(rows, dtype=bool))
        self._state = Driving(
            command=np.zeros(rows),
            front=unseen,
            measured=unseen,
            motion=Motion(speed=np.full(rows, np.nan), acceleration=np.zeros(rows)),
            allowed=np.full((len(levels), rows), -np.inf),
        )

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas, as `karyon.compiled` has them: the bits stay the same.

        A law of a user's own stays as it is. The arrays of an answer are written anew by the next one.
        """
        self._drive, self._respond = in_place(drive), in_place(respond)
        self._laws = [_quickened(law, in_place, into) for law, into in zip(self._makes, self._wishes, strict=True)]

    @property
    def response(self) -> Floats:
        """How far the commands so far have come about, m/s² (row,)."""
        return self._responding.response

    @property
    def command(self) -> Floats:
        """The last command in m/s² (row,)."""
        return self._state.command

    @command.setter
    def command(self, command: Floats) -> None:
        self._state = self._state._replace(command=command)

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
        if step != self._numbers.step:
            self._numbers = self._numbers._replace(step=step, share=1.0 - exp(-step / self._lag))
        command = self._state.command
        self._responding = self._respond(self._responding, command, self._numbers.share).responding
        for law, wanted in zip(self._laws, self._wishes, strict=True):
            found = law(seen, command, self.response, step)
            if found is not wanted:  # or else it was put there
                wanted[:] = found
        heard = np.full(level.shape, announced) if isinstance(announced, bool) else announced
        told = Told(level, front_trusted, speed_bound, heard, self.response)
        if self._told is None or any(one is not other for one, other in zip(told, self._told, strict=True)):
            self._told = told  # or else it is the same one: who knows where its arrays are need not look again
        self._state, safe = self._drive(self._state, seen, self._told, self._wanted, self._levels, self._numbers)
        return self._state.command, safe

    def meet(self, another: Booleans) -> None:
        """Another car is ahead than in the last period (row,): that it is slower does not mean that it brakes."""
        self._state.motion.speed[another] = np.nan


def _quickened(law: Any, in_place: Compiler, into: Floats) -> Any:
    """What a law wants, compiled and put there if it is one of ours."""
    formula = FORMULAS.get(type(law))
    if formula is None:
        return law.acceleration
    quick, move, place = in_place(formula), in_place(put), Placed(into)

    def acceleration(*told: Any) -> Floats:
        return move(place, quick(law, *told).acceleration).placed.number

    return acceleration


def _column(numbers: Any) -> Column:
    return np.array([*numbers], dtype=float)[:, None]
