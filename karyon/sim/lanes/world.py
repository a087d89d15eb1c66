"""The true state of all cars of all runs on a road of several lanes, and who is whose neighbour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import seconds
from karyon.sim import bicycle
from karyon.sim.bicycle import Pose
from karyon.sim.boxes import Boxes, overlap
from karyon.sim.lanes.road import Road
from karyon.sim.lanes.scenario import LaneChangeScenario
from karyon.sim.streams import Purpose, stream
from karyon.sim.vehicle import move

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)

NOBODY = -1
WHEELBASE_SHARE = 0.6  # of a car's length
FRONT, GAP_FRONT, GAP_REAR = range(3)  # relations: to the car ahead, and to those before and behind the gap
RELATIONS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Who is related to each car (relation, car), NOBODY for none, and how far ahead of it (or behind) its centre is.

    distance   m along the road from centre to centre, >= 0, infinite where there is nobody
    inside     its body is in the lane, and it does not only blink to come there
    """

    car: Integers
    distance: Floats
    inside: Booleans


class World:
    """All cars; arrays (car,) with car = run * vehicles + vehicle, pairs (run, vehicle, other).

    Position is that of the centre, in m along the road; `rate` and `change` are speed and acceleration along the road,
    which in a curve are more than on the path for who drives on its inside. `aims` is the lane whose gap a car looks
    at, `indicates` the one towards which its turn signal blinks, NOBODY for neither.
    Of a recorded world only some cars are ours, the others have no radio, and all are judged from `begins` (ns) on.
    """

    begins = 0

    def __init__(self, scenarios: Sequence[LaneChangeScenario], road: Road) -> None:
        first = scenarios[0]
        self.road, self.vehicle, self.vehicles, self.runs = road, first.vehicle, first.vehicles, len(scenarios)
        self.wheelbase = WHEELBASE_SHARE * first.vehicle.length
        self._faster = first.traffic.faster
        placed = [self._placed(scenario) for scenario in scenarios]
        lane, s, self.speed, self.desired = (np.concatenate(each) for each in zip(*placed, strict=True))
        cars = len(s)
        self.pose = Pose(
            s=s - 0.5 * self.wheelbase,
            d=road.middle(lane, s),
            along=np.ones(cars),
            across=np.zeros(cars),
            curvature=road.curvature(s),
        )
        self.length, self.width = np.full(cars, first.vehicle.length), np.full(cars, first.vehicle.width)
        self.acceleration, self.command, self.steering = np.zeros(cars), np.zeros(cars), self.pose.curvature
        self.aims, self.indicates = self.beside(lane), np.full(cars, NOBODY)
        self.ours, self.here = np.ones(cars, dtype=bool), np.ones(cars, dtype=bool)
        self.now = 0
        self._settle()

    def beside(self, lane: Integers) -> Integers:
        """The lane to the left of each, or to the right of the leftmost one."""
        return np.where(lane + 1 < self.road.lanes, lane + 1, lane - 1)

    def advance(self, now: int) -> None:
        """Move every car to `now` (ns) under the commands in force."""
        if now == self.now:
            return
        step, vehicle = float(seconds(now, self.now)), self.vehicle
        speed, zero = self.speed, np.zeros_like(self.speed)
        way, self.speed, self.acceleration = move(
            zero, speed, self.acceleration, self.command, step, vehicle.lag, vehicle.friction
        )
        road = self.road.curvature(self.pose.s)
        self.pose = bicycle.advance(self.pose, way, speed, self.steering, road, step, self.wheelbase)
        self.now = now
        self._settle()

    def adapt(self, who: Booleans, lanes: Integers) -> None:
        """These cars have come so many lanes to the left, where one drives faster; to the right they stay as fast."""
        self.desired = np.where(who, self.desired + self._faster * np.maximum(0, lanes), self.desired)

    def drive(self, command: Floats, steering: Floats) -> None:
        """Put commands into force: acceleration (m/s²) and curvature (1/m). One that is not finite changes nothing."""
        self.command = np.where(np.isfinite(command), command, self.command)
        self.steering = np.where(np.isfinite(steering), steering, self.steering)

    def _settle(self) -> None:
        """What follows from where the cars are."""
        pose, road = self.pose, self.road
        ahead = 0.5 * self.wheelbase
        self.position, self.d = pose.s + ahead * pose.along, pose.d + ahead * pose.across
        self.lateral_speed = self.speed * pose.across
        curvature, growth = road.curvature(self.position), road.curvature_rate(self.position)
        share = 1.0 / (1.0 - curvature * self.d)
        self.rate = self.speed * pose.along * share
        turning = self.rate * (growth * self.rate * self.d + curvature * self.lateral_speed)
        self.change = (self.acceleration * pose.along + turning) * share
        self.lane = road.lane(self.d, self.position)
        half = 0.5 * (self.width * pose.along + self.length * np.abs(pose.across))
        lanes, place = np.arange(road.lanes)[None], self.position[:, None]
        aside = np.abs(self.d[:, None] - road.middle(lanes, place))
        self.covers = aside < road.half(lanes, place) + half[:, None]  # (car, lane): the body is in it
        self.half_width = half

    def boxes(self) -> Boxes:
        """All cars in the plane."""
        x, y, heading = self.road.plane(self.position, self.d)
        cos, sin = np.cos(heading), np.sin(heading)
        pose = self.pose
        along, across = pose.along * cos - pose.across * sin, pose.along * sin + pose.across * cos
        return Boxes(x, y, along, across, self.length, self.width)

    def middle(self, lane: Integers) -> Floats:
        """d of the middle of a lane where each car is, m (car,)."""
        return self.road.middle(lane, self.position)

    def paired(self, values: NDArray[Number]) -> tuple[NDArray[Number], NDArray[Number]]:
        """Of each car and of each other one of its run, ready to be compared (run, vehicle, 1), (run, 1, vehicle)."""
        by_run = values.reshape(self.runs, self.vehicles, *values.shape[1:])
        return by_run[:, :, None], by_run[:, None]

    def touching(self) -> Booleans:
        """Pairs of cars that overlap (run, vehicle, other)."""
        boxes = self.boxes()
        parts = (boxes.x, boxes.y, boxes.along, boxes.across, np.asarray(boxes.length), np.asarray(boxes.width))
        one, other = (Boxes(*each) for each in zip(*(self.paired(part) for part in parts), strict=True))
        return overlap(one, other) & ~np.eye(self.vehicles, dtype=bool)

    def ahead(self) -> tuple[Floats, Booleans]:
        """By how much each other car is ahead, m (run, vehicle, other), and whether it is; of two abreast one is."""
        one, other = self.paired(self.position)
        by = other - one
        number = np.arange(self.vehicles)
        return by, np.asarray((by > 0.0) | ((by == 0.0) & (number[None] > number[:, None])))

    def neighbours(self, blinking: bool = True) -> Neighbours:
        """Who is related to each car now.

        Ahead of a car is who has its body in a lane in which it has its own; in two lanes, of the nearest of each who
        would stop first. In the gap that it looks at is who has its body in that lane, and, if `blinking` counts, whom
        it gives way to that blinks to come there.
        """
        by, is_ahead = self.ahead()
        aims = self.aims.reshape(self.runs, self.vehicles)
        there = np.take_along_axis(
            self.covers.reshape(self.runs, self.vehicles, -1).transpose(0, 2, 1), aims[:, :, None], axis=1
        )
        inside = there
        there = there | (self._gives_way() & blinking)
        itself = np.eye(self.vehicles, dtype=bool)
        found = [
            self._first_to_stop(by, is_ahead),
            _nearest(by, there & is_ahead & ~itself),
            _nearest(by, there & ~is_ahead & ~itself),
        ]
        place, distance = (np.stack(each) for each in zip(*found, strict=True))
        is_inside = np.take_along_axis(np.broadcast_to(inside, (RELATIONS, *inside.shape)), place[..., None], axis=-1)
        car = place + self.vehicles * np.arange(self.runs)[:, None]
        flat = RELATIONS, len(self.position)
        return Neighbours(
            np.where(np.isfinite(distance), car, NOBODY).reshape(flat), distance.reshape(flat), is_inside.reshape(flat)
        )

    def _first_to_stop(self, by: Floats, is_ahead: Booleans) -> tuple[Integers, Floats]:
        """The nearest ahead of each car (run, vehicle), and how far: of two in two lanes, whose braking ends nearer."""
        mine, others = self.paired(self.covers)
        lanes = [_nearest(by, mine[..., lane] & others[..., lane] & is_ahead) for lane in range(self.road.lanes)]
        place, distance = (np.stack(each) for each in zip(*lanes, strict=True))
        way = 0.5 * self.rate * self.rate / self.vehicle.braking
        stops = distance + np.take_along_axis(way.reshape(1, self.runs, self.vehicles), place, axis=2)
        first = stops.argmin(axis=0)[None]
        return np.take_along_axis(place, first, axis=0)[0], np.take_along_axis(distance, first, axis=0)[0]

    def _gives_way(self) -> Booleans:
        """To whom each car gives way that blinks to come from the other side into the lane it aims at (run, car, car).

        Who does not blink yet, to everybody; who does, and goes to the right, to who goes to the left. So of two one is
        first, and of two that have begun at once the one to the left.
        """
        (aims, _), (mine, blinks) = self.paired(self.aims), self.paired(self.indicates)
        lane, other = self.paired(self.lane)
        opposite = (aims == blinks) & ((aims - lane) * (aims - other) < 0)
        return np.asarray(opposite & ((mine == NOBODY) | (aims < lane)))

    def _placed(self, scenario: LaneChangeScenario) -> tuple[Integers, Floats, Floats, Floats]:
        """Lane, position, speed and desired speed of each car of a run at the beginning, drawn."""
        traffic, vehicles, lanes = scenario.traffic, scenario.vehicles, scenario.road.lanes
        draws = stream(scenario.seed, Purpose.TRAFFIC).random((3, vehicles))
        lane = np.arange(vehicles, dtype=np.int64) % lanes
        usual = traffic.speed + traffic.faster * lane
        gap = 2.0 + usual * (traffic.time_gap + traffic.time_gap_spread * draws[0])
        position = np.empty(vehicles)
        for each in range(min(lanes, vehicles)):
            file = np.flatnonzero(lane == each)
            start = -0.5 * (gap[file[0]] + scenario.vehicle.length) * draws[2, file[0]]
            position[file] = start - np.concatenate([[0.0], np.cumsum(gap[file[1:]] + scenario.vehicle.length)])
        desired = usual + traffic.speed_spread * (2.0 * draws[1] - 1.0)
        return lane, np.asarray(position - position.min()), np.asarray(usual), np.asarray(desired)


def _nearest(by: Floats, among: Booleans) -> tuple[Integers, Floats]:
    """Who of those is nearest to each (run, vehicle), and how far; infinite: nobody."""
    way = np.where(among, np.abs(by), np.inf)
    place = way.argmin(axis=2)
    return place, np.take_along_axis(way, place[:, :, None], axis=2)[:, :, 0]
