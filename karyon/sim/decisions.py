"""From what the kernel decides to a command in force, by way of controllers and actuators: formulas."""

from typing import NamedTuple

from karyon.kernel.elementwise import FloatTable, minimum, where
from karyon.kernel.runtime import Booleans, Floats, Levels, Ticks
from karyon.perception.following import DISTANCE


class Force(NamedTuple):
    """The level whose command is in force, and since when, ns (row,)."""

    level: Ticks
    since: Ticks


class Effect(NamedTuple):
    """After a command has come into force."""

    force: Force


def effect(before: Force, level: Ticks, now: int) -> Effect:
    """A command of this level comes into force at `now` (ns)."""
    return Effect(Force(+level, where(level != before.level, now, before.since)))


class Adopted(NamedTuple):
    """The level of service that is decided (row,)."""

    level: Ticks


class Adoption(NamedTuple):
    """After a decision: also what the own rules admit, and what was decided before (row,).

    by_rules, by_others   where that is another level: as the own rules have changed, or what was agreed to
    """

    adopted: Adopted
    admitted: Ticks
    previous: Ticks
    by_rules: Booleans
    by_others: Booleans


def adopt(before: Adopted, level: Levels, ruled: Levels, agreed: Ticks) -> Adoption:
    """Of what the own rules admit, and have admitted before (`ruled`), what others have agreed to."""
    decided, admitted = minimum(level, agreed), minimum(level, level)
    differs, own = decided != before.level, (level != ruled) & (decided == admitted)
    return Adoption(Adopted(decided), admitted, before.level, differs & own, differs & ~own)


class Both(NamedTuple):
    """Whether two things are so (row,)."""

    so: Booleans


def both(one: Booleans, other: Booleans) -> Both:
    """One and the other."""
    return Both(one & other)


class Heeded(NamedTuple):
    """What of the car ahead may be relied on (row,).

    trusted     own sensors: who knows no own speed cannot follow, but stop
    announced   it was heard just now
    road_open   nothing is seen there
    """

    trusted: Booleans
    announced: Booleans
    road_open: Booleans


def heed(front: Booleans, speed_known: Booleans, heard: Ticks, since: int, value: FloatTable, reach: float) -> Heeded:
    """Of what the kernel trusts; `heard` when, and `since` when that counts, ns; `reach` of the radar in m."""
    return Heeded(front & speed_known, heard >= since, value[DISTANCE] >= reach)


class Pending(NamedTuple):
    """A command that is on its way to the actuators, m/s², and its level (row,)."""

    level: Ticks
    command: Floats


def order(level: Ticks, command: Floats) -> Pending:
    """It changes no more."""
    return Pending(+level, +command)


class Command(NamedTuple):
    """A command in m/s² (row,)."""

    command: Floats


def keep(command: Floats) -> Command:
    """As it is, whatever becomes of it."""
    return Command(+command)


class Stood(NamedTuple):
    """After a cycle in which the controllers of some rows may not have run."""

    command: Command


def stand(here: Command, before: Floats, running: Booleans, level: Ticks) -> Stood:
    """Who does not run says what it said before; level 0, the kernel's own, needs no nominal component."""
    return Stood(Command(where(running | (level == 0), here.command, before)))
