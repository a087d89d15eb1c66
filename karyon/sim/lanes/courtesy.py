"""Who makes room in its lane for one that has said that it wishes to come there; arrays (run, receiver, sender)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.sim.lanes.world import NOBODY

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONCERNED = 100.0  # m between centres: a car further away than that is not before or behind a gap
SURE = 70.0  # m: who is so near behind a gap is so for anybody who is up to 30 m further ahead beside it, too
SLOW = 5.0  # m/s: who is so much slower than a car wishes to be does not come at the speed of the traffic


@dataclass(frozen=True, slots=True)
class Heard:
    """What each car has heard of each other one.

    ahead   m from centre to centre, carried on to now; NaN: nothing was heard
    speed   m/s
    wish    lane that it wishes to come to, NOBODY for none
    level   of service that it admits
    """

    ahead: Floats
    speed: Floats
    wish: Integers
    level: Integers

    def of(self, whom: Integers) -> tuple[Floats, Floats, Integers]:
        """How far ahead the one of each car is (run, receiver), its speed, and its level; NaN, NaN and 0 of NOBODY."""
        some, place = whom != NOBODY, np.maximum(whom, 0)[..., None]
        ahead, speed = (np.take_along_axis(each, place, axis=2)[..., 0] for each in (self.ahead, self.speed))
        level = np.take_along_axis(self.level, place, axis=2)[..., 0]
        return np.where(some, ahead, np.nan), np.where(some, speed, np.nan), np.where(some, level, 0)


def whom_to_ask(front: Floats, rear: Floats) -> tuple[Booleans, Booleans]:
    """Whether a car asks the one before the gap beside it, and the one behind, so far away in m; NaN: there is none.

    The one behind gives the gap, the one before it where nobody is surely behind. So of two that are up to 30 m apart,
    beside one gap of up to 170 m, both ask the same one: no two are given it.
    """
    return (front <= CONCERNED) & ~(rear <= SURE), rear <= CONCERNED


def comer(heard: Heard, home: Integers, front: Floats, desired: Floats, bound: Integers) -> Integers:
    """For whom each car makes room, NOBODY for none (run, receiver).

    Who has granted does so for that one, anybody else for the foremost between it and the car ahead of it: so those
    that come and those that drive on go like the teeth of a zipper. Nobody brakes along with one that comes no more at
    the speed of the traffic, because its lane ends.

    home      lane of each (run, receiver), as are all of these
    front     m from centre to centre of the car ahead
    desired   m/s, own
    bound     whom it has granted, or NOBODY
    """
    bound, near = bound[..., None], np.minimum(front, CONCERNED)[..., None]
    comes = (heard.wish == home[..., None]) & (heard.ahead > 0.0) & (heard.speed >= desired[..., None] - SLOW)
    comes &= np.where(bound == NOBODY, heard.ahead < near, bound == np.arange(heard.ahead.shape[2]))
    foremost = np.where(comes, heard.ahead, -np.inf).argmax(axis=2)
    return np.where(comes.any(axis=2), foremost, NOBODY)
