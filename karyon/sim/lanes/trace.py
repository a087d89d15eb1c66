"""The trace of lane changes: one row per car that is there and recorded instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.perception.following import OWN
from karyon.perception.sensors import NEVER, seconds
from karyon.sim.lanes.signals import DISTANCES, OWN_SIGNALS, message, prefix
from karyon.sim.lanes.world import FRONT, NOBODY, RELATIONS
from karyon.sim.recorder import Tables, as_array

if TYPE_CHECKING:
    from karyon.sim.lanes.simulation import Simulation

Floats = NDArray[np.float64]

STATE = {  # unit of each column
    "time": "s",
    "vehicle": "",
    "x": "m",
    "y": "m",
    "heading": "rad",
    "length": "m",
    "width": "m",
    "speed": "m/s",
    "acceleration": "m/s2",
    "command": "m/s2",
    "lane": "",
    "gap": "m",
    "along": "m",
    "lateral": "m",
    "lateral_speed": "m/s",
    "aims": "",
    "moving": "",
    "reserved": "",
    "bound_to": "",
    "los_acc": "",
    "los_lane_change": "",
}
WHOLE = ("vehicle", "lane", "aims", "moving", "reserved", "bound_to", "los_acc", "los_lane_change")
SIGNALS = [*(f"{prefix(each)}.{name}" for each in range(RELATIONS) for name in DISTANCES), *OWN_SIGNALS]
UNIT = {"distance": "m", "relative_speed": "m/s", "speed": "m/s", "acceleration": "m/s2", "position": "m"}
MESSAGES = [message(each) for each in range(FRONT + 1, RELATIONS)]


def schema() -> pa.Schema:
    """Arrow schema: each field says its unit and where its numbers come from."""
    fields = [_field(name, unit, "kernel" if name.startswith("los_") else "simulation") for name, unit in STATE.items()]
    for name in SIGNALS:
        unit = UNIT[name.rpartition(".")[2]]
        fields += [_field(name, unit, "sensor"), _field(f"{name}_true", unit, "simulation")]
        fields += [_field(f"{name}_validity", "1", "perception"), _field(f"{name}_age", "s", "perception")]
    for name in MESSAGES:
        fields += [_field(f"{name}_validity", "1", "perception"), _field(f"{name}_age", "s", "perception")]
    return pa.schema(fields, metadata={"about": "KARYON trace: one row per vehicle and instant"})


def _field(name: str, unit: str, source: str) -> pa.Field:
    kind = pa.int32() if name in WHOLE else pa.float64()
    return pa.field(name, kind, metadata={"unit": unit, "source": source})


class Trace(Tables):
    """The trace of a batch."""

    def __init__(self, folders: Sequence[Path | None], vehicles: int) -> None:
        """`folders`: one per run; None: that run is not recorded."""
        super().__init__([folder and folder / "trace.parquet" for folder in folders], schema(), vehicles)
        self._vehicles = vehicles

    def instant(self, simulation: Simulation) -> Callable[[int], None]:
        """What records the simulation at a time in ns."""
        return lambda now: self._keep(_table(simulation, now, len(self._layout))[None])

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        (block,) = kept  # (instant, column, car)
        for run in self.runs:
            mine = block[:, :, run * self._vehicles : (run + 1) * self._vehicles]
            there = ~np.isnan(mine[:, 0])
            yield run, [as_array(mine[:, index][there], field) for index, field in enumerate(self._layout)]


def _table(s: Simulation, now: int, columns: int) -> Floats:
    """One instant (column, car); NaN for a car that is not there."""
    world, view, cars = s.world, s.view, s.cars
    assert view is not None
    boxes, seen = world.boxes(), view.seen
    true = s.sensing.true
    alone = s.neighbours.car[FRONT] == NOBODY
    rows: list[Any] = [
        seconds(now, 0),
        np.arange(cars) % world.vehicles,
        boxes.x + 0.5 * world.length * boxes.along,  # of the front bumper, as everywhere
        boxes.y + 0.5 * world.length * boxes.across,
        np.arctan2(boxes.across, boxes.along),
        world.length,
        world.width,
        world.speed,
        world.acceleration,
        world.command,
        world.lane,
        np.where(alone, np.nan, s.neighbours.distance[FRONT] - world.vehicle.length),
        world.position,
        world.d,
        world.lateral_speed,
        s.manoeuvres.aims,
        s.manoeuvres.moving,
        s.right.reserved,
        np.where(s.bound_to == NOBODY, np.nan, s.bound_to),
        np.where(world.ours, s.level["acc"], np.nan),
        np.where(world.ours, s.level["lane_change"], np.nan),
    ]
    ages = _ages(now, seen.time)
    for relation in range(RELATIONS):
        part = slice(relation * cars, (relation + 1) * cars)
        length = world.vehicle.length
        rows += [view.gap[relation], true[0, part] - length, seen.validity[0, part], ages[0, part]]
        rows += [seen.value[1, part], true[1, part], seen.validity[1, part], ages[1, part]]
    for index in range(2, len(OWN)):
        believed = seen.validity[index].reshape(RELATIONS, cars).min(axis=0)
        rows += [seen.value[index, :cars], true[index, :cars], believed, ages[index, :cars]]
    for relation in range(FRONT + 1, RELATIONS):
        validity, time = s.confirmed[relation]
        rows += [validity, _ages(now, time)]
    table = np.empty((columns, cars))
    for index, row in enumerate(rows):
        table[index] = row
    table[:, ~world.here] = np.nan
    return table


def _ages(now: int, time: NDArray[np.int64]) -> Floats:
    return np.where(time == NEVER, np.nan, seconds(now, np.where(time == NEVER, now, time)))
