"""CommonRoad 2020a: a straight lanelet, a dynamic obstacle per vehicle, and a planning problem, which it demands.

[Althoff, Koschi & Manzinger 2017; XML_commonRoad_XSD.xsd 2020a]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from karyon.sim.export.rows import COLUMNS, Floats, blocks
from karyon.sim.view.recorded import TRACE, RunError

LANELET, FIRST_OBSTACLE = 1, 100  # ids; the obstacle of vehicle 3 is 103
WIDTH = 3.5  # m, of the lane
MARGIN = 50.0  # m of lane behind the last vehicle and ahead of the first one
TIMING = 1e-6  # s by which an instant may be off its step
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<commonRoad timeStepSize="{step:.9f}" commonRoadVersion="2020a" author="KARYON" affiliation="KARYON" \
source="simulated by KARYON" benchmarkID="ZAM_Karyon-1_1_T-1" date="{date}">
  <location><geoNameId>-999</geoNameId><gpsLatitude>999</gpsLatitude><gpsLongitude>999</gpsLongitude></location>
  <scenarioTags><simulated/><single_lane/><lane_following/></scenarioTags>
"""
STATE = (
    "<position><point><x>{:.6f}</x><y>{:.6f}</y></point></position><orientation><exact>{:.6f}</exact></orientation>"
    "<time><exact>{:.0f}</exact></time><velocity><exact>{:.6f}</exact></velocity>"
    "<acceleration><exact>{:.6f}</exact></acceleration>"
)
STILL = "<yawRate><exact>0.0</exact></yawRate><slipAngle><exact>0.0</exact></slipAngle>"


@dataclass(frozen=True, slots=True)
class Motion:
    """All vehicles at all instants: `columns` (instant, vehicle), and the time between two instants in s."""

    columns: Mapping[str, Floats]
    step: float

    def states(self, vehicle: int) -> list[str]:
        """What each state of a vehicle holds; the position is that of its middle, and not of its bumper."""
        x, y, heading, length, speed, acceleration = (
            self.columns[name][:, vehicle] for name in ("x", "y", "heading", "length", "speed", "acceleration")
        )
        middle = x - 0.5 * length * np.cos(heading), y - 0.5 * length * np.sin(heading)
        rows = zip(*middle, heading, range(len(x)), speed, acceleration, strict=True)
        return [STATE.format(*row) for row in rows]


def write(folder: Path, stream: TextIO) -> None:
    """The trace in `folder`, which is held in memory: CommonRoad has it vehicle by vehicle.

    The planning problem is that of the last vehicle, on which no other depends: to be where it was when the run ended.
    Who solves it takes that vehicle's obstacle out. Raises RunError.
    """
    motion = _motion(folder)
    recorded = datetime.fromtimestamp((folder / TRACE).stat().st_mtime, UTC)
    stream.write(HEAD.format(step=motion.step, date=recorded.date().isoformat()))
    stream.writelines(_lanelet(motion.columns["x"], motion.columns["y"]))
    vehicles = motion.columns["x"].shape[1]
    for vehicle in range(vehicles):
        stream.writelines(_obstacle(motion, vehicle))
    stream.writelines(_problem(motion, vehicles - 1))
    stream.write("</commonRoad>\n")


def _motion(folder: Path) -> Motion:
    parts = list(blocks(folder))
    rows = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    times, counts = np.unique(rows["time"], return_counts=True)
    vehicles = int(counts[0])
    path = folder / TRACE
    if len(times) < 2:
        raise RunError(f"{path}: holds a single instant, CommonRoad knows no motion of a single one")
    expected = np.tile(np.arange(vehicles), len(times))
    if (counts != vehicles).any() or not np.array_equal(rows["vehicle"], expected):
        raise RunError(f"{path}: not every vehicle is there at every instant, in order of its number")
    step = (times[-1] - times[0]) / (len(times) - 1)
    if (np.abs(times - times[0] - step * np.arange(len(times))) > TIMING).any():
        raise RunError(f"{path}: its instants are not equally far apart, CommonRoad knows one time step")
    return Motion({name: values.reshape(len(times), vehicles) for name, values in rows.items()}, step)


def _lanelet(x: Floats, y: Floats) -> Iterator[str]:
    """One that holds all positions."""
    begin, end = x.min() - MARGIN, x.max() + MARGIN
    yield f'  <lanelet id="{LANELET}">\n'
    for side, offset in (("left", y.max() + 0.5 * WIDTH), ("right", y.min() - 0.5 * WIDTH)):
        points = "".join(f"<point><x>{place:.6f}</x><y>{offset:.6f}</y></point>" for place in (begin, end))
        yield f"    <{side}Bound>{points}</{side}Bound>\n"
    yield "    <laneletType>highway</laneletType>\n  </lanelet>\n"


def _obstacle(motion: Motion, vehicle: int) -> Iterator[str]:
    initial, *states = motion.states(vehicle)
    length, width = (motion.columns[name][0, vehicle] for name in ("length", "width"))
    yield f'  <dynamicObstacle id="{FIRST_OBSTACLE + vehicle}">\n    <type>car</type>\n'
    yield f"    <shape><rectangle><length>{length:.6f}</length><width>{width:.6f}</width></rectangle></shape>\n"
    yield f"    <initialState>{initial}</initialState>\n    <trajectory>\n"
    yield from (f"      <state>{state}</state>\n" for state in states)
    yield "    </trajectory>\n  </dynamicObstacle>\n"


def _problem(motion: Motion, vehicle: int) -> Iterator[str]:
    """From where the vehicle began, to the place that it took in the end."""
    states = motion.states(vehicle)
    x, y, length, width = (motion.columns[name][-1, vehicle] for name in ("x", "y", "length", "width"))
    last = len(states) - 1
    yield f'  <planningProblem id="{FIRST_OBSTACLE + motion.columns["x"].shape[1]}">\n'
    yield f"    <initialState>{states[0]}{STILL}</initialState>\n"
    yield f"    <goalState><time><intervalStart>{last}</intervalStart><intervalEnd>{last}</intervalEnd></time>"
    yield f"<position><rectangle><length>{length:.6f}</length><width>{width:.6f}</width>"
    yield f"<center><x>{x - 0.5 * length:.6f}</x><y>{y:.6f}</y></center></rectangle></position></goalState>\n"
    yield "  </planningProblem>\n"
