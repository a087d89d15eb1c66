"""Which data are bad now: wrong by more than tolerated, or due and missing. [safety model, sec. 1]"""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from karyon.compiled import written
from karyon.kernel.elementwise import (
    BooleanTable,
    Column,
    Compiler,
    FloatTable,
    TimeTable,
    WholeTable,
    anywhere,
    blank,
    each,
    maximum,
    pick,
    where,
)
from karyon.kernel.runtime import Booleans, Floats
from karyon.kernel.runtime import Ticks as Integers
from karyon.perception.following import OWN
from karyon.perception.received import M_INTENDED, M_SPEED, MESSAGE, STANDSTILL, Told
from karyon.sim.watch import Truth

if TYPE_CHECKING:
    from karyon.sim.engine import Simulation


class Wrong(NamedTuple):
    """Which own signals were wrong by more than tolerated when they were last measured, and are bad (signal, row)."""

    wrong: BooleanTable
    bad: BooleanTable


class Mistaken(NamedTuple):
    """After one instant."""

    signals: Wrong


def mistaken(
    here: Wrong, value: FloatTable, true: FloatTable, fresh: BooleanTable, late: BooleanTable, tolerated: Column
) -> Mistaken:
    """One instant of what own sensors say, and what was true when they measured it."""
    wrong = each(_wrong, here.wrong, value, true, fresh, tolerated)
    return Mistaken(Wrong(wrong, each(operator.or_, wrong, late)))


def _wrong(before: Any, value: Any, true: Any, fresh: Any, tolerated: Any) -> Any:
    return where(fresh, _is_off(value, true, tolerated), before)


def _is_off(value: Any, true: Any, tolerated: Any) -> Any:
    return abs(value - true) > tolerated


class Then(NamedTuple):
    """What was true when own sensors measured, as far as that was now (signal, row)."""

    true: FloatTable


class Measured(NamedTuple):
    """The same, and where it was another time (row,)."""

    then: Then
    is_older: Booleans


def measured(here: Then, true: FloatTable, time: TimeTable, fresh: BooleanTable, now: int) -> Measured:
    """Of samples of `time` (ns), where they are new."""
    return Measured(Then(true), anywhere(each(_is_older, time, fresh, now)))


def _is_older(time: Any, fresh: Any, now: int) -> Any:
    return fresh & (time != now)


class Misled(NamedTuple):
    """Whether the last message was wrong by more than tolerated in any field, and is bad (row,)."""

    wrong: Booleans
    bad: Booleans


class Mislead(NamedTuple):
    """After one instant, and where the message is new, but not of the newest (row,)."""

    message: Misled
    is_older: Booleans


def misled(
    here: Misled,
    value: FloatTable,
    true: WholeTable,
    source: Integers,
    time: Integers,
    fresh: Booleans,
    newest: int,
    late: Booleans,
    tolerated: Column,
) -> Mislead:
    """One instant of what a sender says in the fields of `MESSAGE`, and what was `true` (field, car) when it said so.

    newest   when the newest messages were sent, of which this was true, ns
    """
    wrong = where(fresh, deceives(value, each(pick, true, source), tolerated), here.wrong)
    return Mislead(Misled(wrong, wrong | late), fresh & (time != newest))


def deceives(value: Any, true: Any, tolerated: Any) -> Any:
    """Whether any field of a message (field, row) is wrong by more than `tolerated`."""
    motion = anywhere(each(_is_off, value[:M_INTENDED], true[:M_INTENDED], tolerated[:M_INTENDED]))
    said, meant = _meant(value[M_SPEED], value[M_INTENDED]), _meant(true[M_SPEED], true[M_INTENDED])
    return motion | _is_off(said, meant, tolerated[M_INTENDED])


def _meant(speed: Any, intended: Any) -> Any:
    """What an intended acceleration comes to: who stands, and brakes, stands as well as one who does not."""
    return where(speed < STANDSTILL, maximum(intended, 0.0), intended)


class Flagged(NamedTuple):
    """Whether a component is down (row,)."""

    is_down: Booleans


class Flag(NamedTuple):
    """After one instant."""

    flagged: Flagged


def flag(here: Flagged, is_down: Booleans) -> Flag:
    """A component that is down is bad."""
    return Flag(Flagged(is_down))


class BadData:
    """Which items are bad, at each instant.

    names   of items that may be: all own signals from the first that is guarded to the last, senders, components
    table   which are (item, row)
    """

    def __init__(self, simulation: Simulation, guarded: Collection[str]) -> None:
        """`guarded`: items that rules name."""
        s, rows = simulation, simulation.rows
        self._s = s
        own = [place for place, name in enumerate(OWN) if name in guarded]
        self._own = slice(own[0], own[-1] + 1) if own else slice(0)
        signals, messages = OWN[self._own], [name for name in s.senders if name in guarded]
        others = [name for name in guarded if name not in (*OWN, *s.senders)]
        self._components = [name for name in others if s.outside is not None or s.components.can_fail(name)]
        self.names = [*signals, *messages, *self._components]
        self.table = blank(len(self.names), rows, bool)
        of_signals, of_messages, of_components = np.split(self.table, np.cumsum([len(signals), len(messages)]))
        self._wrong = Wrong(blank(len(signals), rows, bool), of_signals)
        self._misled = [Misled(np.zeros(rows, dtype=bool), bad) for bad in of_messages]
        self._flagged = [Flagged(bad) for bad in of_components]
        self._tolerated_own = _tolerated(s, signals)
        self._tolerated = [_tolerated(s, [f"{sender}.{field}" for field in MESSAGE]) for sender in messages]
        self._senders = [s.senders.index(name) for name in messages]
        self._then = Then(blank(len(signals), rows, float))
        self._truth, self._sent = Truth(len(signals), rows, s.tape), Truth(len(MESSAGE), len(s.world.speed), s.tape)
        alike = s.group, s.readers, s.generation, s.outside
        self._may_be_old = s.is_shadow or s.injector.is_late
        self._may_be_behind = not s.channel.is_sure or s.injector.is_heard or s.components.can_fail("radio")
        self._may_be_behind |= any(each is not None for each in alike)
        self._given: tuple[Any, ...] = None, None
        self.quicken(written)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self._measure, self._mistake = in_place(measured), in_place(mistaken)
        self._mislead = [in_place(misled) for _ in self._misled]
        self._flag = [in_place(flag) for _ in self._flagged]

    def look(self, now: int) -> None:
        """See what is bad at `now` (ns), after perception has spoken."""
        s = self._s
        seen, true, own = s.seen, s.true, self._own
        assert seen is not None
        if self._given[0] is not seen or self._given[1] is not true:  # or else it is in the same arrays as before
            self._given = seen, true, seen.value[own], true[own], seen.time[own], seen.fresh[own], s.late[own]
            self._late = [*s.late[len(OWN) :]]
        if len(self._wrong.bad):
            self._look_at_signals(now, *self._given[2:])
        if self._may_be_behind and s.channel.due:
            self._sent.keep(s.channel.sent, s.channel.true)
        for place, sender in enumerate(self._senders):
            self._look_at_message(now, place, s.told[sender], s.sources[sender], self._late[sender])
        for name, flagged, write in zip(self._components, self._flagged, self._flag, strict=True):
            write(flagged, s.down[name])

    def _look_at_signals(
        self, now: int, value: Floats, true: Floats, time: Integers, fresh: Booleans, late: Booleans
    ) -> None:
        """At own ones (signal, row)."""
        if self._may_be_old:
            self._truth.keep(now, true)
            is_older = self._measure(self._then, true, time, fresh, now).is_older

            def look_up(now: int) -> None:
                self._then.true[:] = self._truth.at(np.where(fresh, time, now))

            self._s.tape.react(is_older, now, look_up)
            true = self._then.true
        self._mistake(self._wrong, value, true, fresh, late, self._tolerated_own)

    def _look_at_message(self, now: int, place: int, told: Told, source: Integers, late: Booleans) -> None:
        """At the one of a sender, by car `source`, where it is `late` (row,)."""
        here, channel, tolerated = self._misled[place], self._s.channel, self._tolerated[place]
        when = source, told.time, told.fresh, channel.sent
        is_older = self._mislead[place](here, told.value, channel.true, *when, late, tolerated).is_older

        def look_up(_: int) -> None:
            rows = np.flatnonzero(is_older)
            true = self._sent.said(told.time[rows], told.fresh[rows], source[rows])
            here.wrong[rows] = deceives(told.value[:, rows], true, tolerated)
            here.bad[rows] = here.wrong[rows] | late[rows]

        if self._may_be_behind:
            self._s.tape.react(is_older, now, look_up)


def _tolerated(simulation: Simulation, names: Sequence[str]) -> Floats:
    """Failure amplitudes of these signals (signal, 1); inf where the design states none."""
    stated = {signal.name: signal.tolerated for signal in simulation.design.signals}
    return np.array([np.inf if stated.get(name) is None else stated[name] for name in names], dtype=float)[:, None]
