"""`karyon bench --peer highway-env`: the whole chain beside the vehicles of highway-env, a Python object each.

Both take steps of 0.1 s on one core, in turn; counted is CPU time. highway-env's own way to be fast is taken: its road
is moved without the environment around it (no observation, reward or picture), no vehicle looks for collisions or a
better lane, and their positions and speeds are read. Its leaders are looked for by its law, so they are not read again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO

import numpy as np

from karyon.bench.beside import PEER, Beside, Measured
from karyon.bench.chain import PERIOD, ours

with redirect_stdout(StringIO()):  # pygame says hello
    from highway_env.road.road import Road, RoadNetwork
    from highway_env.vehicle.behavior import IDMVehicle

SIZES = (10, 100)
STEPS = {10: 128, 100: 16}  # by vehicles: about a second of each
LANES, ROAD, SPACING, SPEED = 4, 100_000.0, 40.0, 25.0  # -, m, m, m/s


@contextmanager
def opened(vehicles: int) -> Iterator[Measured]:
    """Both, and ours without the extra `fast`."""
    yield ours(vehicles) | {PEER: partial(_speed, _traffic(vehicles), STEPS[vehicles])}


def _speed(road: Road, steps: int) -> float:
    """highway-env's, in vehicle-steps/s."""
    started = time.process_time()
    for _ in range(steps):
        road.act()
        road.step(PERIOD)
        for vehicle in road.vehicles:
            vehicle.position  # noqa: B018 (read, as SUMO's is)
            vehicle.speed  # noqa: B018
    return len(road.vehicles) * steps / (time.process_time() - started)


def _traffic(vehicles: int) -> Road:
    """A straight road with so many vehicles in file on its lanes, which follow each other by the IDM."""
    network = RoadNetwork.straight_road_network(LANES, length=ROAD, speed_limit=SPEED)
    road = Road(network, np_random=np.random.RandomState(0))
    for number in range(vehicles):
        lane = network.get_lane(("0", "1", number % LANES))
        place = lane.position(SPACING * (number // LANES), 0.0)
        vehicle = IDMVehicle(road, place, lane.heading_at(0.0), SPEED, enable_lane_change=False)
        vehicle.check_collisions = False
        road.vehicles.append(vehicle)
    return road


BESIDE = Beside("highway-env", "highway-env", "vehicle-steps/s", "vehicles", SIZES, opened)
