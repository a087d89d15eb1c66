"""How each row drives: least gap and margin, what is averaged, where it touches or comes too near. A formula."""

from typing import Any, NamedTuple

import numpy as np

from karyon.control import rss
from karyon.kernel.elementwise import Column, FloatTable, each, maximum, minimum, of_design, where
from karyon.kernel.runtime import Booleans, Floats
from karyon.kernel.runtime import Ticks as Integers
from karyon.perception.sensors import seconds
from karyon.sim.watch import NONE

MOVING = 1.0  # m/s: below it a time gap says nothing


class Margins(NamedTuple):
    """Gap beyond the RSS distance (row,)."""

    reaction: Floats  # s, for which it is kept
    margin: Floats  # m
    safe_at_level: Booleans  # at the reaction time of the level in command


class Kept(NamedTuple):
    """After one step."""

    margins: Margins


def keep(
    before: Margins, gap: Floats, speed: Floats, front_speed: Floats, level: Integers, reactions: Column, braking: float
) -> Kept:
    """One step: at the technical reaction time of the level, the old one until the safe state of a lower level."""
    wanted = of_design(level, reactions)
    safe = gap - rss.safe_distance(speed, front_speed, wanted, braking) >= 0.0
    reaction = where(safe | (wanted < before.reaction), wanted, before.reaction)
    return Kept(Margins(reaction, gap - rss.safe_distance(speed, front_speed, reaction, braking), safe))


def margins_of(reaction_times: Floats, rows: int) -> Margins:
    """Before the first step; of each level, s."""
    return Margins(np.full(rows, reaction_times[0]), np.full(rows, np.inf), np.ones(rows, dtype=bool))


def excuse(cut_in: Integers, before: Floats, margin: Floats, reaction_time: Floats, now: int) -> Booleans:
    """Gaps below the safe distance that the car behind is not to blame for: another one has cut in (row,).

    Who cuts in is to blame for the distance that it leaves; who is behind it, for a wrong answer. It has its reaction
    time, and from then on the margin must grow until it is none below 0. [Shalev-Shwartz et al. 2017, sec. 3.5, 3.6]

    cut_in           when the other one has, ns; `NONE`: nobody has, or that is over
    before, margin   at the last step, and now, m
    """
    begun = cut_in != NONE
    waits = seconds(now, where(begun, cut_in, now)) <= reaction_time
    answers = (margin < 0.0) & (margin > before)
    excused: Booleans = begun & (waits | answers)
    return excused


class Drive(NamedTuple):
    """How each row drove (row,): state of what is measured; SI units."""

    least_gap: Floats
    least_margin: Floats
    least_time_to_collision: Floats
    speed_sum: Floats
    spacing_sum: Floats  # from front bumper to front bumper
    gap_sum: Floats  # of time gaps, while it moves
    gap_time: Floats  # instants in which it does
    shares: FloatTable  # instants at each level (level, row)


class Judged(NamedTuple):
    """After one instant."""

    drive: Drive


def begun(levels: int, rows: int) -> Drive:
    """Before the first instant."""
    return Drive._make([*np.full((3, rows), np.inf), *np.zeros((4, rows)), np.zeros((levels, rows))])


def judge(
    before: Drive,
    gap: Floats,
    speed: Floats,
    front_speed: Floats,
    margin: Floats,
    level: Integers,
    counted: Booleans,
    levels: Column,
    length: float,
) -> Judged:
    """One instant: of the true motion, the margin over the RSS distance, and the level in command."""
    closing = speed - front_speed
    is_closing = closing > 0.0
    time = where(is_closing, maximum(gap, 0.0) / where(is_closing, closing, 1.0), np.inf)
    moving = speed >= MOVING
    return Judged(
        Drive(
            minimum(before.least_gap, gap),
            minimum(before.least_margin, margin),
            minimum(before.least_time_to_collision, time),
            before.speed_sum + speed,
            before.spacing_sum + (gap + length),
            before.gap_sum + where(moving, gap / maximum(speed, MOVING), 0.0),
            before.gap_time + where(moving, 1.0, 0.0),
            each(_counted, before.shares, levels, level, counted),
        )
    )


def _counted(share: Any, number: Any, level: Any, counted: Any) -> Any:
    return share + where(counted & (level == number), 1.0, 0.0)


class Driving(NamedTuple):
    """How each row drives, and whether it touches the car ahead, or is inside of the safe distance and not excused.

    cut_in   when another car has come between that excuses that, ns; `NONE`: none has
    """

    margins: Margins
    drive: Drive
    touches: Booleans
    intrudes: Booleans
    cut_in: Integers


class Driven(NamedTuple):
    """After one instant, and where it has begun to touch, or to be too near (row,)."""

    driving: Driving
    collides: Booleans
    violates: Booleans


def at_first(reactions: Floats, rows: int) -> Driving:
    """Before the first instant; `reactions` in s, of each level."""
    touches, intrudes = np.zeros((2, rows), dtype=bool)
    return Driving(margins_of(reactions, rows), begun(len(reactions), rows), touches, intrudes, np.full(rows, NONE))


def watch(
    before: Driving,
    gap: Floats,
    speed: Floats,
    front_speed: Floats,
    level: Integers,
    counted: Booleans,
    levels: Column,
    reactions: Column,
    length: float,
    braking: float,
    now: int,
) -> Driven:
    """One instant of the true motion, at the level in command; `reactions` in s, of each level."""
    margins = keep(before.margins, gap, speed, front_speed, level, reactions, braking).margins
    drive = judge(before.drive, gap, speed, front_speed, margins.margin, level, counted, levels, length).drive
    excused = excuse(before.cut_in, before.margins.margin, margins.margin, margins.reaction, now)
    touches, intrudes = gap <= 0.0, (margins.margin < 0.0) & ~excused
    state = Driving(margins, drive, touches, intrudes, where(excused, before.cut_in, NONE))
    return Driven(state, touches & ~before.touches, intrudes & ~before.intrudes)
