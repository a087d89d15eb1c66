"""`karyon bench --peer sumo`: the whole chain beside SUMO, whose vehicles are read through libsumo at every step.

Both take steps of 0.1 s on one core, in turn; counted is CPU time. SUMO moves its vehicles by its own law, without
noise, and tells of each its position, speed and the gap to its leader by direct calls, which are faster than
subscriptions; our rows have sensors, noise, faults, detectors, radio, kernel, control, motion and metrics.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from karyon.bench.beside import PEER, Beside, Measured
from karyon.bench.chain import PERIOD, ours

with redirect_stdout(StringIO()):  # it warns of a pyarrow that is not the one that it was built with
    import libsumo

SIZES = (10, 100, 1_000, 10_000)
STEPS = {10: 512, 100: 512, 1_000: 256, 10_000: 64}  # by vehicles: some seconds of each
ROAD = 100_000.0  # m
ON_A_ROAD = 1_000  # vehicles
SPACING, SPEED = 40.0, 25.0  # m, m/s
LOOK = 200.0  # m: how far ahead a leader is looked for


@contextmanager
def opened(vehicles: int) -> Iterator[Measured]:
    """Both, and ours without the extra `fast`."""
    with _traffic(vehicles) as names:
        yield ours(vehicles) | {PEER: partial(_speed, names, STEPS[vehicles])}


def _speed(names: Sequence[str], steps: int) -> float:
    """SUMO's, in vehicle-steps/s."""
    vehicle = libsumo.vehicle
    started = time.process_time()
    for _ in range(steps):
        libsumo.simulationStep()
        for name in names:
            vehicle.getPosition(name)
            vehicle.getSpeed(name)
            vehicle.getLeader(name, LOOK)
    return len(names) * steps / (time.process_time() - started)


@contextmanager
def _traffic(vehicles: int) -> Iterator[list[str]]:
    """SUMO with so many vehicles under way, in file on parallel roads; their names."""
    names = [f"car{number}" for number in range(vehicles)]
    roads = -(-vehicles // ON_A_ROAD)
    with TemporaryDirectory() as folder:
        network, routes = Path(folder) / "net.xml", Path(folder) / "routes.xml"
        network.write_text(_network(roads))
        routes.write_text(_routes(names, roads))
        files = ["--net-file", str(network), "--route-files", str(routes)]
        quiet = ["--no-step-log", "--no-warnings", "--xml-validation", "never"]
        libsumo.start(["sumo", *files, *quiet, "--step-length", str(PERIOD), "--time-to-teleport", "-1"])
        try:
            libsumo.simulationStep()
            if libsumo.vehicle.getIDCount() != vehicles:
                raise RuntimeError(f"SUMO let {libsumo.vehicle.getIDCount()} of {vehicles} vehicles in")
            yield names
        finally:
            libsumo.close()


def _network(roads: int) -> str:
    edges = "".join(
        f'<edge id="road{k}" from="begin{k}" to="end{k}" priority="1"><lane id="road{k}_0" index="0" speed="70" '
        f'length="{ROAD}" shape="0,{10 * k} {ROAD},{10 * k}"/></edge>'
        for k in range(roads)
    )
    ends = "".join(
        f'<junction id="begin{k}" type="dead_end" x="0" y="{10 * k}" incLanes="" intLanes="" shape="0,{10 * k}"/>'
        f'<junction id="end{k}" type="dead_end" x="{ROAD}" y="{10 * k}" incLanes="road{k}_0" intLanes="" '
        f'shape="{ROAD},{10 * k}"/>'
        for k in range(roads)
    )
    box = f"0,0,{ROAD},{10 * roads}"
    where = f'<location netOffset="0,0" convBoundary="{box}" origBoundary="{box}" projParameter="!"/>'
    return f'<net version="1.20">{where}{edges}{ends}</net>'


def _routes(names: Sequence[str], roads: int) -> str:
    routes = "".join(f'<route id="on{k}" edges="road{k}"/>' for k in range(roads))
    cars = "".join(
        f'<vehicle id="{name}" type="car" route="on{number // ON_A_ROAD}" depart="0" departSpeed="{SPEED}" '
        f'departPos="{SPACING * (ON_A_ROAD - number % ON_A_ROAD)}" departLane="0" insertionChecks="none"/>'
        for number, name in enumerate(names)
    )
    return f'<routes><vType id="car" maxSpeed="{SPEED}"/>{routes}{cars}</routes>'


BESIDE = Beside("sumo", "SUMO", "vehicle-steps/s", "vehicles", SIZES, opened)
