"""What the cars measure and hear of each other, made to fail and judged: three relations of car following each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.perception.following import DISTANCE, LEAD, OWN, POSITION, RELATIVE, Seen
from karyon.perception.received import M_POSITION
from karyon.perception.sensors import Samples, nanoseconds
from karyon.sim import analysis
from karyon.sim.failure_modes import SAID
from karyon.sim.faults import Injector, Placed, draws_of
from karyon.sim.lanes.scenario import LaneChangeScenario
from karyon.sim.lanes.signals import as_car_following, mirrored, mirrored_message, relations_of
from karyon.sim.lanes.world import FRONT, GAP_REAR, NOBODY, RELATIONS, Neighbours, World
from karyon.sim.radio import Channel
from karyon.sim.sensors import receiver_errors
from karyon.sim.streams import NormalBlocks, Purpose, stream

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(slots=True)
class View:
    """What perception says of each relation (relation, car); distances bumper to bumper, negative beside.

    seen        all of it, rows are relation * cars + car
    gap, rate   m and m/s: distance now, and how it grows
    """

    seen: Seen
    gap: Floats
    rate: Floats


class Sensing:
    """Sensors, reception and perception of all cars; rows are relation * cars + car.

    true    what ideal sensors would say now, in the mirror of each relation (signal, row)
    told    of whom each relation hears now, or NOBODY (relation, car)
    """

    def __init__(
        self,
        scenarios: Sequence[LaneChangeScenario],
        world: World,
        design: Design,
        functions: Sequence[Function],
        faults: Sequence[Placed],
    ) -> None:
        """`functions`: those of the design, of `acc` and of `lane_change`, with all of their levels."""
        first = scenarios[0]
        self._world, self.cars = world, len(world.position)
        self.rows = RELATIONS * self.cars
        sensors = [first.sensors[name] for name in OWN]
        self.periods = [nanoseconds(sensor.period) for sensor in sensors]
        self._length = first.vehicle.length
        self.range = first.sensors["front.distance"].range + self._length
        self._sigma = np.array([sensor.sigma for sensor in sensors])
        seeds = [scenario.seed for scenario in scenarios]
        self._noise = NormalBlocks(seeds, Purpose.SENSORS, 2 * RELATIONS + 3, first.vehicles)
        self._bias = first.sensors["own.position"].bias * receiver_errors(seeds, first.vehicles)
        following, changing = functions
        parts = [as_car_following(design, following.name, FRONT), as_car_following(design, changing.name, GAP_REAR)]
        limits = np.minimum(*(_age_limits(*part) for part in parts))
        self.perception = analysis.perception_of(
            parts[1][0],
            parts[1][1],
            self.rows,
            range=self.range,
            vehicle_length=self._length,
            vehicle_lag=first.vehicle.lag,
        )
        self.age_limits = limits[:, None]
        periods = dict(zip(OWN, self.periods, strict=True)) | {LEAD: nanoseconds(first.radio.period)}
        self._seeds = seeds
        self.injector = Injector([part for one in faults for part in self._parts(one)], periods)
        self._before, self._apart = np.full((RELATIONS, self.cars), NOBODY), self._to_all()
        self.told = self._before
        self.late = np.zeros((len(OWN) + 1, self.rows), dtype=bool)
        self.changed = np.zeros((RELATIONS, self.cars), dtype=bool)

    def _parts(self, one: Placed) -> list[Placed]:
        """The fault of a car as those of the relations that it befalls, each with the same random numbers."""
        fault = one.fault
        if fault.signal is None or fault.signal == SAID:
            return []
        found = []
        for relation, usual in relations_of(fault.signal):
            draws = stream(*self._key(one))
            part = fault.model_copy(update={"signal": usual})
            found.append(replace(one, fault=part, row=relation * self.cars + one.row, stream=draws))
        return found

    def _key(self, one: Placed) -> tuple[int, int]:
        run, index = one.place
        return self._seeds[run], draws_of(index, one.vehicle)

    def look(
        self, now: int, neighbours: Neighbours, channel: Channel, running: Booleans | None, deaf: Booleans
    ) -> View:
        """One period at `now` (ns): measure, let fail, judge.

        running   cars whose perception is up; None: all
        deaf      cars whose radio is down (car,)
        """
        present = (neighbours.car != NOBODY) & (neighbours.distance < self.range)
        self.told = np.where(present, neighbours.car, NOBODY)
        self.changed = self.told != self._before
        further = self._further()
        self._before, self._apart = self.told, self._to_all()
        true = self._true(neighbours, present)
        own = self._measure(now, true, present)
        due = own.fresh.copy()
        own = self.injector.own(now, own)
        message = self._hear(now, channel, deaf)
        behind = slice(GAP_REAR * self.cars, None)
        self._miss(now, due, own, message, channel.due)
        own.value[:, behind] = mirrored(own.value[:, behind], own.time[:, behind])
        message.value[:, behind] = mirrored_message(message.value[:, behind], message.time[:, behind])
        message.value[M_POSITION] += self._length  # so that, less the length, centres are compared with centres
        self.true = true
        self.true[:, behind] = mirrored(true[:, behind], np.full((len(OWN), self.cars), now))
        up = None if running is None else np.tile(running, RELATIONS)
        seen = self.perception.update(now, own, message, up, self.changed.ravel(), further.ravel())
        shape = RELATIONS, self.cars
        return View(seen, seen.gap.reshape(shape) - self._length, seen.value[RELATIVE].reshape(shape))

    def _further(self) -> Floats:
        """By how much whom each relation tells of was further away at the last look than whom it told of, m.

        Sensors follow all that is within their range, and what is not counts as at its end; NaN of a car that was not
        on the road (relation, car).
        """
        cars = np.arange(self.cars)
        sign = np.where(np.arange(RELATIONS) == GAP_REAR, -1.0, 1.0)[:, None]

        def away(other: Integers) -> Floats:
            """At the last look (relation, car)."""
            distance = sign * self._apart[cars, np.where(other == NOBODY, cars, other) % self._world.vehicles]
            return np.where(other == NOBODY, self.range, np.minimum(distance, self.range))

        return np.where(self.changed, away(self.told) - away(self._before), 0.0)

    def _to_all(self) -> Floats:
        """How far each car of the same run is ahead of each car, m (car, vehicle); NaN: it is not on the road."""
        by, _ = self._world.ahead()
        here = self._world.here.reshape(self._world.runs, 1, -1)
        return np.where(here, by, np.nan).reshape(self.cars, -1)

    def _true(self, neighbours: Neighbours, present: Booleans) -> Floats:
        """What ideal sensors say (signal, row), nobody in the mirror yet."""
        world = self._world
        other = np.where(present, neighbours.car, 0)
        rate = world.rate[other] - world.rate
        rate[GAP_REAR] = -rate[GAP_REAR]
        own = np.stack([world.rate, world.change, world.position])
        return np.vstack(
            [
                np.where(present, neighbours.distance, self.range).ravel()[None],
                np.where(present, rate, 0.0).ravel()[None],
                np.tile(own, RELATIONS),
            ]
        )

    def _measure(self, now: int, true: Floats, present: Booleans) -> Samples:
        drawn = self._noise.next()
        noise = np.zeros_like(true)
        noise[DISTANCE], noise[RELATIVE] = (drawn[each : 2 * RELATIONS : 2].ravel() for each in (0, 1))
        noise[2:] = np.tile(drawn[2 * RELATIONS :], RELATIONS)
        noise *= self._sigma[:, None]
        noise[:2, ~present.ravel()] = 0.0
        noise[POSITION] += np.tile(self._bias, RELATIONS)
        value = true + noise
        seen_at_most = np.where(present.ravel(), np.nextafter(self.range, 0.0), self.range)
        value[DISTANCE] = np.minimum(value[DISTANCE], seen_at_most)
        due = np.array([now % period == 0 for period in self.periods])[:, None]
        fresh = np.broadcast_to(due, value.shape).copy()
        return Samples(value=value, time=np.full(value.shape, now, dtype=np.int64), fresh=fresh)

    def _hear(self, now: int, channel: Channel, deaf: Booleans) -> Samples:
        """The newest message of the other car of each relation (field, row)."""
        cars, vehicles = np.arange(self.cars), self._world.vehicles
        other = np.where(self.told == NOBODY, cars, self.told)
        links = channel.links.between(np.broadcast_to(cars, other.shape), other % vehicles).ravel()
        message = channel.newest(links)
        self.injector.message(now, message)
        message.fresh &= ((self.told != NOBODY) & ~deaf).ravel()
        return message

    def _miss(self, now: int, due: Booleans, own: Samples, message: Samples, message_due: bool) -> None:
        """Late is what was due and did not come, until the next that is young enough; of nobody, nothing is due."""
        fresh = np.vstack([own.fresh, message.fresh[:1]])
        time = np.vstack([own.time, message.time[:1]])
        timely = fresh & (now - time <= self.age_limits * 1e9)
        was_due = np.vstack([due, np.full((1, self.rows), message_due)])
        self.late = ~timely & (self.late | was_due)
        self.late[-1] &= ((self.told != NOBODY) & ~self.changed).ravel()


def _age_limits(design: Design, function: Function) -> Floats:
    return np.array([min(analysis.age_limit(function, name), 1e6) for name in (*OWN, LEAD)])
