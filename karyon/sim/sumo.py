"""A platoon in SUMO, driven by SUMO's own controllers: its CACC, and those of Plexe (`carFollowModel="CC"`).

    drive(plexe_ploeg(0.5, gain=0.2, gain_rate=0.7, lag=0.2), commands, speed=25.0, spacing=14.5, lag=0.2)

SUMO (the packages `eclipse-sumo` and `traci`) belongs to the extra `peers`; only the comparison needs it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import sumo
import traci

from karyon.control.situation import Floats
from karyon.sim.bare import LENGTH, PERIOD, STEP, STRENGTH, Motion, moved
from karyon.sim.vehicle import move

MESSAGES = 0.1  # s between two messages
ROAD = 50_000.0  # m

NETWORK = f"""<net version="1.20">
<location netOffset="0,0" convBoundary="0,0,{ROAD},0" origBoundary="0,0,{ROAD},0" projParameter="!"/>
<edge id="road" from="begin" to="end" priority="1">
<lane id="road_0" index="0" speed="70" length="{ROAD}" shape="0,0 {ROAD},0"/></edge>
<junction id="begin" type="dead_end" x="0" y="0" incLanes="" intLanes="" shape="0,0 0,-3"/>
<junction id="end" type="dead_end" x="{ROAD}" y="0" incLanes="road_0" intLanes="" shape="{ROAD},0 {ROAD},-3"/>
</net>"""

_READ = (0x56, 0x40, 0x72)  # TraCI's numbers of position on the lane, speed, acceleration
_PLEXE_ACC = 1  # a controller that the leader's commands override
_EVERY = round(MESSAGES / PERIOD)


@dataclass(frozen=True, slots=True)
class Controller:
    """One of SUMO's: its car-following model, the attributes of its vehicle type, and Plexe's number of it."""

    model: str
    attributes: Mapping[str, float]
    plexe: int = 0


def own_cacc(time_gap: float, standstill: float) -> Controller:
    """SUMO's CACC. [Milanés & Shladover 2016; Xiao et al. 2017; its gains as SUMO has them]"""
    return Controller("CACC", {"tau": time_gap, "minGap": standstill})


def plexe_ploeg(time_gap: float, gain: float, gain_rate: float, lag: float) -> Controller:
    """Plexe's PLOEG: 2 m at a standstill. [Ploeg 2011]"""
    plexe = {"ploegH": time_gap, "ploegKp": gain, "ploegKd": gain_rate, "tauEngine": lag}
    return Controller("CC", {"minGap": 0.0, "lanesCount": 1, **plexe}, plexe=4)


def plexe_cacc(spacing: float, leader_share: float, damping: float, bandwidth: float, lag: float) -> Controller:
    """Plexe's CACC, a constant distance behind. [Rajamani 2012, eq. 7.39]"""
    plexe = {"constSpacing": spacing, "c1": leader_share, "xi": damping, "omegaN": bandwidth, "tauEngine": lag}
    return Controller("CC", {"minGap": 0.0, "lanesCount": 1, **plexe}, plexe=2)


def drive(
    controller: Controller,
    leader: Floats,
    speed: float,
    spacing: float,
    *,
    cars: int = 8,
    lag: float,
    heard_until: float | None = None,
) -> Motion:
    """Cars that start at `speed` and `spacing` (m, bumper to bumper), behind a leader that is told commands.

    leader       m/s², its command in each PERIOD (instant,); it follows with `lag`, as all do that Plexe drives
    heard_until  s: until then there is a message every 0.1 s, which arrives at once; None: all is known in every step
    """
    names = [f"car{car}" for car in range(cars)]
    with TemporaryDirectory() as folder, _running(Path(folder), controller, names, speed, spacing) as running:
        instants, begin = [], running.simulation.getTime()
        if controller.plexe and heard_until is None:
            for ahead, name in pairwise(names):
                running.vehicle.setParameter(name, "carFollowModel.ccaf", f"1:{names[0]}:{ahead}")
        for instant, (command, acceleration) in enumerate(zip(leader, driven(leader, speed, lag), strict=True)):
            if controller.plexe:
                running.vehicle.setParameter(names[0], "carFollowModel.ccfa", f"1:{command}")
            else:
                running.vehicle.setAcceleration(names[0], acceleration, PERIOD)
            now = instant * PERIOD
            if controller.plexe and heard_until is not None and now <= heard_until and instant % _EVERY == 0:
                _tell(running.vehicle, names)
            running.simulationStep(begin + now + PERIOD)
            told = running.vehicle.getAllSubscriptionResults()
            instants.append([[told[name][number] for number in _READ] for name in names])
    return moved(np.array(instants).transpose(2, 0, 1))


def driven(leader: Floats, speed: float, lag: float) -> Floats:
    """Mean acceleration of the leader in each PERIOD (instant,) in m/s², from its commands."""
    state = (np.zeros(1), np.full(1, speed), np.zeros(1))
    found = []
    for command in leader:
        after = move(*state, command, PERIOD, lag, STRENGTH)
        found.append(float(after[1][0] - state[1][0]) / PERIOD)
        state = after
    return np.array(found)


def _tell(vehicle: Any, names: Sequence[str]) -> None:
    """Each car hears the one ahead and the leader: Plexe's message, as its own scripts pass it on."""
    told = [vehicle.getParameter(name, "carFollowModel.ccsa").split(":") for name in names]
    speed, acceleration, command, x, y, time, *rest = zip(*told, strict=True)
    sent = [":".join(each) for each in zip(speed, acceleration, x, y, time, command, *rest, strict=True)]
    for ahead, name in zip(sent, names[1:], strict=False):
        vehicle.setParameter(name, "carFollowModel.ccpsa", ahead)
        vehicle.setParameter(name, "carFollowModel.cclsa", sent[0])


@contextmanager
def _running(folder: Path, controller: Controller, names: Sequence[str], speed: float, spacing: float) -> Iterator[Any]:
    """SUMO with all cars on the road."""
    (folder / "net.xml").write_text(NETWORK)
    (folder / "routes.xml").write_text(_routes(controller, names, speed, spacing))
    program = str(Path(sumo.SUMO_HOME) / "bin" / "sumo")
    files = ["--net-file", str(folder / "net.xml"), "--route-files", str(folder / "routes.xml")]
    quiet = ["--no-step-log", "--no-warnings", "--collision.action", "none", "--xml-validation", "never"]
    with redirect_stdout(StringIO()):  # while SUMO starts, TraCI says that it tries again
        traci.start([program, *files, *quiet, "--step-length", str(STEP), "--seed", "1"])
    try:
        connection = traci.getConnection()
        connection.simulationStep()
        for name in names:
            connection.vehicle.setSpeedMode(name, 0)
        if controller.plexe:
            for name in names:
                active = _PLEXE_ACC if name == names[0] else controller.plexe
                connection.vehicle.setParameter(name, "carFollowModel.ccac", str(active))
        for name in names:
            connection.vehicle.subscribe(name, _READ)
        yield connection
    finally:
        traci.close()


def _routes(controller: Controller, names: Sequence[str], speed: float, spacing: float) -> str:
    strong = (
        f'accel="{STRENGTH}" decel="{STRENGTH}" emergencyDecel="{STRENGTH}" maxSpeed="70" speedFactor="1" speedDev="0"'
    )
    written = " ".join(f'{name}="{value}"' for name, value in controller.attributes.items())
    first = 1000.0
    cars = "\n".join(
        f'<vehicle id="{name}" type="car" route="route" depart="0" departSpeed="{speed}" '
        f'departPos="{first - car * (LENGTH + spacing)}" departLane="0" insertionChecks="none"/>'
        for car, name in enumerate(names)
    )
    return (
        f'<routes><vType id="car" length="{LENGTH}" {strong} carFollowModel="{controller.model}" {written}/>'
        f'<route id="route" edges="road"/>{cars}</routes>'
    )
