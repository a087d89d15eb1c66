"""The trace of runs at a crossing: one row per car that is here and recorded instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.perception.crossing import SIGNALS
from karyon.perception.sensors import NEVER, seconds
from karyon.sim.failure_modes import CROSSING_SIGNALS
from karyon.sim.recorder import Tables, as_array

if TYPE_CHECKING:
    from karyon.sim.intersection.simulation import Simulation

UNITS = {
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
    "path": "",
    "s": "m",
    "gap": "m",
    "los_intersection": "",
    "slot": "s",
    "confirmed": "",
    "bound": "",
    "coordinator": "",
}
INTEGERS = ("vehicle", "lane", "path", "los_intersection", "confirmed", "bound", "coordinator")
SUFFIXES = {"": "", "_true": "", "_validity": "1", "_age": "s"}


def schema() -> pa.Schema:
    """Arrow schema of the trace: each field says its unit. `x`, `y` are the middle of the front bumper, as in all."""
    fields = [_field(name, unit) for name, unit in UNITS.items()]
    for name in SIGNALS:
        fields += [_field(name + suffix, unit or CROSSING_SIGNALS[name]) for suffix, unit in SUFFIXES.items()]
    about = {"about": "KARYON trace of a crossing: one row per vehicle that is here and instant"}
    return pa.schema(fields, metadata=about)


def _field(name: str, unit: str) -> pa.Field:
    return pa.field(name, pa.int32() if name in INTEGERS else pa.float64(), metadata={"unit": unit})


class Trace(Tables):
    """The trace of a batch."""

    def __init__(self, simulation: Simulation, folders: Sequence[Path | None]) -> None:
        """`folders`: one per run; None: that run is not recorded."""
        paths = [folder and folder / "trace.parquet" for folder in folders]
        super().__init__(paths, schema(), simulation.shape[1])
        self._s = simulation

    def record(self, now: int) -> None:
        """Keep one instant, of the cars that are here."""
        s, world = self._s, self._s.world
        assert s.seen is not None
        shape = s.shape
        x, y, heading = world.place
        columns = {
            "time": np.full(shape, float(seconds(now, 0))),
            "vehicle": np.broadcast_to(np.arange(shape[1]), shape),
            "x": x,
            "y": y,
            "heading": heading,
            "length": np.broadcast_to(world.length, shape),
            "width": np.broadcast_to(world.width, shape),
            "speed": world.speed,
            "acceleration": world.acceleration,
            "command": world.command,
            "lane": world.arm,
            "path": world.path,
            "s": world.s,
            "gap": np.where(np.isfinite(s.driving.front.gap), s.driving.front.gap, np.nan),
            "los_intersection": np.where(world.ours, s.level.reshape(shape), np.nan),
            "slot": s.agreement.slot.time,
            "confirmed": s.agreement.confirmed,
            "bound": s.agreement.bound,
            "coordinator": s.agreement.coordinator,
        }
        table = [np.asarray(each, dtype=float) for each in columns.values()]
        age = np.where(s.seen.time == NEVER, np.nan, seconds(now, np.where(s.seen.time == NEVER, now, s.seen.time)))
        for index in range(len(SIGNALS)):
            each = (s.seen.value[index], s.true[index], s.seen.validity[index], age[index])
            table += [values.reshape(shape) for values in each]
        self._keep(np.where(world.here, np.stack(table), np.nan)[None])

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        (block,) = kept  # (instant, column, run, car)
        for run in self.runs:
            mine = block[:, :, run]
            there = ~np.isnan(mine[:, 0])
            yield run, [as_array(mine[:, index][there], field) for index, field in enumerate(self._layout)]
