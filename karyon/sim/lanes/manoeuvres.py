"""What each car does about its wish: wait for room, blink, move over, turn back, arrive; arrays (car,)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.control import rss
from karyon.control.cruise import MARGIN, UNANNOUNCED_GAIN
from karyon.control.lane_change import AHEAD, ALONE, Gap, MakingRoom, room
from karyon.control.lateral import Steering
from karyon.kernel.design import Function
from karyon.sim.lanes.scenario import COMFORT
from karyon.sim.lanes.world import NOBODY, World

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLINKS = 1_000_000_000  # ns before a car leaves its lane [UN R79, 5.6.4.6.4: lateral movement starts 1 s after that]
BACK = 1.0  # s that it takes a car that turns back to be safely beside others again
ENOUGH = 5_000_000_000  # ns that must be left of a reservation to begin: until the tyre is across
ARRIVED = 0.25  # m from the middle of a lane
CROSSING = 2.0  # s that a car takes to be across the line, beyond its way to the side at full lateral speed
NEAR = 2.0  # m that are left to who stands ahead
CLEAR = 8.0  # m before that end a car is out of the lane
SPARE = 1.5  # m that who makes room aims at beyond what is needed, so as not to come near it for ever
UNSEEN = 4.0  # m that who makes room for one it does not see aims at beyond what is needed: both say where they are
COOPERATIVE = 2  # level from which on others are asked


@dataclass(frozen=True, slots=True)
class Right:
    """What the protocol has given each car (car,).

    reserved   all who were asked have granted the gap, and the reservation stands
    left       ns until it expires
    bound      it has granted somebody else
    """

    reserved: Booleans
    left: Integers
    bound: Booleans


@dataclass(frozen=True, slots=True)
class Ahead:
    """The car ahead in the lane, as perception has it (car,): gap in m, and by how much that grows, m/s."""

    gap: Floats
    rate: Floats


@dataclass(frozen=True, slots=True)
class Happened:
    """What has happened to cars in a cycle (car,)."""

    began: Booleans
    turned_back: Booleans
    committed: Booleans
    arrived: Booleans


class Manoeuvres:
    """The state of all manoeuvres.

    wish      lane that a car wishes to be in, NOBODY for none; `since` when, ns
    home      lane that it is in, or leaves; `aims` the one beside it whose gap it looks at
    moving    it moves over; `committed`: it cannot turn back any more
    level     that its room is measured by: that of service, and no cooperative one without a reservation
    """

    def __init__(self, world: World, function: Function, braking: float, reaction_time: float) -> None:
        """`braking`: what all declare, m/s²; `reaction_time`: that of following in the lane, s."""
        cars = len(world.position)
        self._world, self._braking, self._reacts = world, braking, reaction_time
        self._reaction_time, self._margin = (
            np.array([float(level.controller[name]) for level in function.levels])
            for name in ("reaction_time", "margin")
        )
        self.steering, self.making_room = Steering(), MakingRoom()
        self.wish, self.since = np.full(cars, NOBODY), np.zeros(cars, dtype=np.int64)
        self.home, self.aims = world.lane.copy(), world.aims.copy()
        self.moving, self.committed = np.zeros(cars, dtype=bool), np.zeros(cars, dtype=bool)
        self.level = np.zeros(cars, dtype=np.int64)
        self.blinks = np.zeros(cars, dtype=bool)
        self._blinks_since = np.zeros(cars, dtype=np.int64)
        self._limit = np.full(cars, np.inf)

    @property
    def idle(self) -> Booleans:
        """Who has no wish (car,)."""
        return np.asarray(self.wish == NOBODY)

    @property
    def straight(self) -> Booleans:
        """Who is in the middle of its lane (car,)."""
        return np.asarray(np.abs(self._world.d - self._world.middle(self.home)) <= ARRIVED)

    def call(self, car: int, lane: int, now: int) -> None:
        """The car wishes to be in that lane from `now` (ns) on."""
        self.wish[car], self.since[car] = lane, now
        self.aims[car] = self.home[car] + np.sign(lane - self.home[car])

    def step(self, now: int, gap: Gap, ahead: Ahead, level: Integers, right: Right) -> Happened:
        """Decide at `now` (ns), by the gap as perception has it, and the level of service that the kernel admits."""
        before = self.moving
        self.level = np.where(right.reserved, level, np.minimum(level, COOPERATIVE - 1))
        self._commit()
        keeps = self.committed | ((self.level >= 1) & self._fits(gap, MARGIN, BACK))
        turned_back = self.moving & ~keeps
        self.moving = self.moving & keeps
        may = np.where(level >= COOPERATIVE, right.reserved & (right.left >= ENOUGH), level >= 1)
        fits = self._fits(gap, self._margin[self.level], AHEAD)
        free = ~right.bound & self.straight & self._is_way_left(ahead)
        ready = ~self.idle & ~self.moving & may & free & (right.reserved | fits)
        blinks = ready | self.moving
        self._blinks_since = np.where(blinks & self.blinks, self._blinks_since, now)
        self.blinks = blinks
        began = ready & fits & (now - self._blinks_since >= BLINKS)
        self.moving = self.moving | began
        committed = self._commit()
        arrived = self._arrive()
        return Happened(began, turned_back, committed, before & arrived)

    def target(self) -> Floats:
        """d of the middle of the lane that each shall be in, m."""
        return self._world.middle(self._towards())

    def _towards(self) -> Integers:
        return np.where(self.moving, self.aims, self.home)

    def curvature(self, road: Floats) -> Floats:
        """Curvature to steer, 1/m; `road` that of the road."""
        world = self._world
        drift = world.road.slope(self._towards(), world.position) * world.rate
        return self.steering.curvature(self.target() - world.d, world.lateral_speed - drift, world.speed, road)

    def limit(self, gap: Gap, right: Right, cooperates: Booleans, admitted: Integers) -> Floats:
        """Acceleration in m/s² that a car which wishes to change keeps to, so as to have room; infinite: none.

        cooperates   it has said so, and others make room, too
        admitted     level of service that the kernel admits
        """
        level = np.where(cooperates, admitted, self.level)
        front, rear = room(gap, self._reaction_time[level], self._margin[level], self._braking)
        alone = ~self.idle & (self.level >= 1) & (right.reserved | (front + rear >= 2.0 * SPARE))
        waits = cooperates | alone
        told = front - SPARE, gap.front_rate
        limit = np.where(cooperates, self.making_room.acceleration(*told), ALONE.acceleration(*told))
        return np.where(waits | self.moving, limit, np.inf)

    def barrier(self, gap: Gap, inside: Booleans) -> Floats:
        """Largest acceleration in m/s² with which a car that is out of its lane keeps its distance before the gap.

        As far as it is beside others it keeps the distance behind them as if it were in their lane.
        inside   that one is in the lane, and does not only blink to come there
        """
        front, _ = room(gap, self._reacts, MARGIN, self._braking)
        most = rss.acceleration_limit(
            front,
            gap.speed,
            gap.front_rate,
            -self._braking,
            self._reacts,
            self._braking,
            UNANNOUNCED_GAIN,
        )
        holds = (self.moving | ~self.straight) & inside & np.isfinite(most)
        return np.where(holds, np.maximum(most, -self._braking), np.inf)

    def yielding(self, ahead: Floats, rate: Floats, speed: Floats, level: Integers) -> Floats:
        """Acceleration in m/s² that a car keeps to which makes room before it; infinite where what it is told is NaN.

        ahead, rate   gap to the one that comes, m, and by how much that grows, m/s
        level         of service of that one
        """
        wanted = np.minimum(np.maximum(level, COOPERATIVE), len(self._margin) - 1)
        gap = Gap(ahead, ahead, rate, rate, speed)
        front, _ = room(gap, self._reaction_time[wanted], self._margin[wanted], self._braking)
        return self.making_room.acceleration(front - UNSEEN, rate)

    def is_too_near(self, gap: Floats, level: Integers) -> Booleans:
        """Whether a gap in m is too small at this level even where both stand (car,)."""
        return np.asarray(gap < self._margin[level])

    @property
    def road_left(self) -> Floats:
        """From the front of each car to where its lane ends, m (car,); infinite: it does not."""
        world = self._world
        return world.road.left(self.home, world.position) - 0.5 * world.length

    def _is_way_left(self, ahead: Ahead) -> Booleans:
        """Whether there is way enough to move over before the lane ends; where it does not, there is.

        The car ahead in such a lane may come to a stop: who is half out of the lane beside it blocks both.
        """
        world = self._world
        seconds = world.road.width / np.maximum(self.steering.sideways(world.speed), 1e-3) + CROSSING
        way, front = world.speed * seconds, np.maximum(0.0, world.speed + ahead.rate)
        behind = ahead.gap + front * front / (2.0 * COMFORT) - NEAR
        return np.asarray((self.road_left >= way + CLEAR) & (np.isinf(self.road_left) | (behind >= way)))

    def _fits(self, gap: Gap, margin: Floats | float, ahead: float) -> Booleans:
        front, rear = room(gap, self._reaction_time[self.level], margin, self._braking, ahead)
        return np.asarray((front >= 0.0) & (rear >= 0.0))

    def _commit(self) -> Booleans:
        """Who cannot turn back before its tyre is across the line, or has crossed it; answers who has just done so."""
        world = self._world
        towards = np.sign(self.aims - self.home)
        half = world.road.half(self.home, world.position)
        left = half - world.half_width - towards * (world.d - world.middle(self.home))
        speed = np.maximum(0.0, towards * world.lateral_speed)
        now = self.moving & ~self.committed & (left <= self.steering.overshoot(speed))
        self.committed = (self.committed | now) & self.moving
        return np.asarray(now)

    def _arrive(self) -> Booleans:
        """Who is where it wished to be one lane further."""
        world = self._world
        there = np.abs(world.d - world.middle(self.aims)) <= ARRIVED
        alone = world.covers.sum(axis=1) == 1
        arrived = self.moving & self.committed & there & alone
        world.adapt(arrived, self.aims - self.home)
        self.home = np.where(arrived, self.aims, self.home)
        self.moving, self.committed = self.moving & ~arrived, self.committed & ~arrived
        fulfilled = arrived & (self.home == self.wish)
        self.wish = np.where(fulfilled, NOBODY, self.wish)
        onwards = self.home + np.sign(self.wish - self.home)
        self.aims = np.where(arrived, np.where(fulfilled, world.beside(self.home), onwards), self.aims)
        return np.asarray(arrived)
