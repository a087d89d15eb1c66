"""CommonRoad 2020a: a straight lanelet, a dynamic obstacle per vehicle, and a planning problem, which it demands.

[Althoff, Koschi & Manzinger 2017; XML_commonRoad_XSD.xsd 2020a]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from karyon.sim.export.rows import COLUMNS, Booleans, Floats, Integers, blocks
from karyon.sim.view.folder import TRACE, RunError

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
    """All vehicles at all instants.

    columns   (instant, vehicle), NaN where a vehicle is not there
    numbers   of the vehicles (vehicle,)
    step      between two instants, s
    """

    columns: Mapping[str, Floats]
    numbers: Integers
    step: float

    @property
    def there(self) -> Booleans:
        """Where a vehicle is there (instant, vehicle)."""
        return ~np.isnan(self.columns["x"])

    def states(self, vehicle: int) -> list[str]:
        """What each state of a vehicle holds; the position is that of its middle, and not of its bumper."""
        instants = np.flatnonzero(self.there[:, vehicle])
        x, y, heading, length, speed, acceleration = (
            self.columns[name][instants, vehicle] for name in ("x", "y", "heading", "length", "speed", "acceleration")
        )
        middle = x - 0.5 * length * np.cos(heading), y - 0.5 * length * np.sin(heading)
        rows = zip(*middle, heading, instants, speed, acceleration, strict=True)
        return [STATE.format(*row) for row in rows]


def write(folder: Path, stream: TextIO) -> None:
    """The trace in `folder`, which is held in memory: CommonRoad has it vehicle by vehicle.

    The planning problem is that of the last vehicle, on which no other depends: to be where it was when the run ended.
    Who solves it takes that vehicle's obstacle out. A car that cuts in is there for its time; one that was there for a
    single instant has no motion, and is left out. Raises RunError.
    """
    motion = _motion(folder)
    recorded = datetime.fromtimestamp((folder / TRACE).stat().st_mtime, UTC)
    stream.write(HEAD.format(step=motion.step, date=recorded.date().isoformat()))
    stream.writelines(_lanelet(motion.columns["x"], motion.columns["y"]))
    for vehicle in np.flatnonzero(motion.there.sum(axis=0) > 1):
        stream.writelines(_obstacle(motion, int(vehicle)))
    stream.writelines(_problem(motion, int(np.flatnonzero(motion.there.all(axis=0))[-1])))
    stream.write("</commonRoad>\n")


def _motion(folder: Path) -> Motion:
    parts = list(blocks(folder))
    rows = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    times, instant = np.unique(rows["time"], return_inverse=True)
    numbers, vehicle = np.unique(rows["vehicle"].astype(np.int64), return_inverse=True)
    path = folder / TRACE
    if len(times) < 2:
        raise RunError(f"{path}: holds a single instant, CommonRoad knows no motion of a single one")
    if (np.diff(instant * len(numbers) + vehicle) <= 0).any():
        raise RunError(f"{path}: the vehicles of an instant are not in order of their numbers")
    step = (times[-1] - times[0]) / (len(times) - 1)
    if (np.abs(times - times[0] - step * np.arange(len(times))) > TIMING).any():
        raise RunError(f"{path}: its instants are not equally far apart, CommonRoad knows one time step")
    columns = {name: np.full((len(times), len(numbers)), np.nan) for name in COLUMNS}
    for name, values in rows.items():
        columns[name][instant, vehicle] = values
    motion = Motion(columns, numbers, step)
    _must_be_whole(motion, path)
    return motion


def _must_be_whole(motion: Motion, path: Path) -> None:
    """One vehicle is there from the first instant to the last, and none comes twice."""
    there = motion.there
    comes = there & ~np.vstack([np.zeros_like(there[:1]), there[:-1]])
    if not there.all(axis=0).any() or (comes.sum(axis=0) > 1).any():
        raise RunError(f"{path}: no vehicle is there at every instant, or one comes back")


def _lanelet(x: Floats, y: Floats) -> Iterator[str]:
    """One that holds all positions."""
    begin, end = np.nanmin(x) - MARGIN, np.nanmax(x) + MARGIN
    yield f'  <lanelet id="{LANELET}">\n'
    for side, offset in (("left", np.nanmax(y) + 0.5 * WIDTH), ("right", np.nanmin(y) - 0.5 * WIDTH)):
        points = "".join(f"<point><x>{place:.6f}</x><y>{offset:.6f}</y></point>" for place in (begin, end))
        yield f"    <{side}Bound>{points}</{side}Bound>\n"
    yield "    <laneletType>highway</laneletType>\n  </lanelet>\n"


def _obstacle(motion: Motion, vehicle: int) -> Iterator[str]:
    initial, *states = motion.states(vehicle)
    length, width = (np.nanmax(motion.columns[name][:, vehicle]) for name in ("length", "width"))
    yield f'  <dynamicObstacle id="{FIRST_OBSTACLE + motion.numbers[vehicle]}">\n    <type>car</type>\n'
    yield f"    <shape><rectangle><length>{length:.6f}</length><width>{width:.6f}</width></rectangle></shape>\n"
    yield f"    <initialState>{initial}</initialState>\n    <trajectory>\n"
    yield from (f"      <state>{state}</state>\n" for state in states)
    yield "    </trajectory>\n  </dynamicObstacle>\n"


def _problem(motion: Motion, vehicle: int) -> Iterator[str]:
    """From where the vehicle began, to the place that it took in the end."""
    states = motion.states(vehicle)
    x, y, length, width = (motion.columns[name][-1, vehicle] for name in ("x", "y", "length", "width"))
    last = len(states) - 1
    yield f'  <planningProblem id="{FIRST_OBSTACLE + motion.numbers.max() + 1}">\n'
    yield f"    <initialState>{states[0]}{STILL}</initialState>\n"
    yield f"    <goalState><time><intervalStart>{last}</intervalStart><intervalEnd>{last}</intervalEnd></time>"
    yield f"<position><rectangle><length>{length:.6f}</length><width>{width:.6f}</width>"
    yield f"<center><x>{x - 0.5 * length:.6f}</x><y>{y:.6f}</y></center></rectangle></position></goalState>\n"
    yield "  </planningProblem>\n"
