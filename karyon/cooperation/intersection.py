"""Reservation of a crossing, agreed by all: slots, grants, and an elected coordinator that hands slots out.

A slot is the time at which a car is at its stop line, and a class of the speed that it then has. A car may use its slot
only once everyone around whose path may cross its own has granted it.

    say      every message of a car tells its place, speed, path, level, its own slot, and which slots it has granted
    grant    a car grants the slot that another one says, unless that is in the way of its own; of two who want one zone
             the one with less right (see `Around.right`) gives its own up, if it is not bound to it by now
    bind     a grant binds its giver until the slot is over, or until its owner says another slot or none
    use      whoever cannot stop before the line any more uses its slot (`bound`); until then losing a grant costs
             nothing but a stop at the line

No message is needed for safety: of two cars whose slots collide each must have granted the other's, and neither does. A
lost, late or false message, and a coordinator that has failed, lies, or is one of two, can only keep a slot from being
confirmed.

    level 2  each car chooses its slot behind all that it knows of: first come, first served
    level 3  the coordinator, who has been there for longest of those that say they can, proposes slots that fit between
             others. Where nobody hears it for a while the next one is elected: it knows what it has granted itself

Arrays are (run, car), of pairs (run, car, other), the other one heard by the car. Times in s, NaN: no slot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

BASE = 2  # the highest level that needs no coordinator
HEARD = 1.0  # s, for which a message counts: ten periods
DEPTH = 16  # messages of each car that are remembered
NOBODY = -1
SPOKEN = ("place", "speed", "path", "level", "coordinates", "since", "slot", "kind", "plan", "plan_kind")


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Slots of some cars, any shape: time at the line in s, and the class of the speed there; NaN: none."""

    time: Floats
    kind: Floats

    def equal(self, other: Slots) -> Booleans:
        """Whether both are the same slot; no slot equals none."""
        return np.asarray((self.time == other.time) & (self.kind == other.kind))

    def where(self, keep: Booleans) -> Slots:
        """Those that are kept."""
        return Slots(np.where(keep, self.time, np.nan), np.where(keep, self.kind, np.nan))

    def or_else(self, other: Slots) -> Slots:
        """`other` where there is none."""
        gone = np.isnan(self.time)
        return Slots(np.where(gone, other.time, self.time), np.where(gone, other.kind, self.kind))


class Post:
    """The last messages of everyone, as they were sent: what each has of each other one is the newest that arrived."""

    def __init__(self, runs: int, cars: int) -> None:
        self._spoken = np.full((len(SPOKEN), DEPTH, runs, cars), np.nan)
        self._granted = np.full((2, DEPTH, runs, cars, cars), np.nan)
        self._runs, self._shape = np.arange(runs)[:, None, None], (runs, cars)

    def send(self, number: int, spoken: Mapping[str, Floats], granted: Slots) -> None:
        """Keep what all say in transmission `number`, counted from 0; what is missing of `SPOKEN` raises KeyError."""
        slot = number % DEPTH
        for index, name in enumerate(SPOKEN):
            self._spoken[index, slot] = spoken[name]
        self._granted[:, slot] = granted.time, granted.kind

    def said(self, number: Integers, cars: Integers, names: Sequence[str] = SPOKEN) -> dict[str, Floats]:
        """What `cars` (run, car) have heard of each other, in transmission `number` (run, car, other)."""
        place = self._place(number, cars[:, None, :])
        return {name: self._spoken[SPOKEN.index(name)].take(place) for name in names}

    def _place(self, number: Integers, sender: Integers) -> Integers:
        """Where in the memory is what the senders said in transmission `number` (run, car, other)."""
        runs, cars = self._shape
        return np.asarray((number % DEPTH * runs + self._runs) * cars + sender)

    def granted(self, number: Integers, cars: Integers) -> Slots:
        """Which slot of the car each other one says to have granted (run, car, other); `number` as of `said`."""
        place = self._place(number, cars[:, None, :]) * self._shape[1] + cars[:, :, None]
        return Slots(*(each.take(place) for each in self._granted))

    def told_by(self, number: Integers, cars: Integers) -> Slots:
        """The slot that the coordinator proposed to each car, in the transmission `number` that it heard (run, car)."""
        time, kind = (
            self._spoken[SPOKEN.index(name), number % DEPTH, self._runs[:, :, 0], cars]
            for name in ("plan", "plan_kind")
        )
        return Slots(time, kind)


def elected(heard: Booleans, coordinates: Booleans, own: Booleans) -> Integers:
    """Whom each car takes for the coordinator: the first of those it hears that say they can; NOBODY (run, car).

    own   can and would itself (run, car)
    """
    cars = own.shape[1]
    itself = np.eye(cars, dtype=bool)
    can = np.where(itself, own[:, :, None], heard & coordinates)
    return np.where(can.any(axis=2), can.argmax(axis=2), NOBODY)


def agreed(level: Integers, said: Floats, heard: Booleans, around: Booleans) -> Integers:
    """The level that each car may act on: the lowest that it and all around it propose; BASE where one is not heard.

    level  that the car proposes (run, car); `said` by the others
    """
    others = np.where(around, np.where(heard, said, BASE), np.inf).min(axis=2)
    bounded = np.minimum(level, np.maximum(others, BASE))
    return np.asarray(np.where(level > BASE, bounded, level), dtype=np.int64)


def kept(granted: Slots, said: Slots, heard: Booleans, over: Booleans) -> Slots:
    """Grants that still bind: not over, and their owner has said nothing else since."""
    return granted.where(~over & ~(heard & ~granted.equal(said)))


def given(granted: Slots, said: Slots, heard: Booleans, in_the_way: Booleans) -> Slots:
    """Grants after what was heard: every slot that is not in the way of the own one."""
    new = heard & ~np.isnan(said.time) & ~in_the_way
    return granted.or_else(said.where(new))


def gives_up(in_the_way: Booleans, yields: Booleans, granted_by_them: Booleans, bound: Booleans) -> Booleans:
    """Who gives up its own slot (run, car): another one that has more right wants the zone, and has not granted it."""
    return np.asarray((in_the_way & yields & ~granted_by_them).any(axis=2) & ~bound)


def confirmed(slot: Slots, granted_by_them: Booleans, asked: Booleans) -> Booleans:
    """Whether all that are `asked` have granted the own slot (run, car)."""
    return np.asarray(~np.isnan(slot.time) & (granted_by_them | ~asked).all(axis=2))
