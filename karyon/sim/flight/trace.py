"""The trace of flight: one row per aircraft and recorded instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.sim.flight.log import SIGNALS
from karyon.sim.recorder import Tables, as_array

if TYPE_CHECKING:
    from karyon.sim.flight.simulation import Simulation

Floats = NDArray[np.float64]

STATE = {  # unit of each column
    "time": "s",
    "vehicle": "",
    "x": "m",
    "y": "m",
    "z": "m",
    "heading": "rad",
    "speed": "m/s",
    "climb": "m/s",
    "layer": "m",
    "horizontal_separation": "m",
    "vertical_separation": "m",
    "los_flight": "",
}
WHOLE = ("vehicle", "los_flight")


def schema() -> pa.Schema:
    """Arrow schema: each field says its unit and where its numbers come from."""
    fields = [_field(name, unit, "kernel" if name.startswith("los_") else "simulation") for name, unit in STATE.items()]
    for name in SIGNALS:
        fields += [_field(f"{name}_validity", "1", "perception"), _field(f"{name}_age", "s", "perception")]
    return pa.schema(fields, metadata={"about": "KARYON trace of flight: one row per aircraft and instant"})


def _field(name: str, unit: str, source: str) -> pa.Field:
    kind = pa.int32() if name in WHOLE else pa.float64()
    return pa.field(name, kind, metadata={"unit": unit, "source": source})


class Trace(Tables):
    """The trace of a batch."""

    def __init__(self, folders: Sequence[Path | None], vehicles: int) -> None:
        """`folders`: one per run; None: that run is not recorded."""
        super().__init__([folder and folder / "trace.parquet" for folder in folders], schema(), vehicles)
        self._vehicles = vehicles

    def instant(self, now: int, simulation: Simulation) -> None:
        """Keep one instant of all aircraft."""
        world, s = simulation.world, simulation
        across, up = world.apart()
        nearest = across.argmin(axis=0)
        rows = np.arange(s.rows)
        columns = [
            np.full(s.rows, now / 1e9),
            world.number,
            world.x,
            world.y,
            world.z,
            np.arctan2(world.east, world.north),
            np.sqrt(world.vx * world.vx + world.vy * world.vy),
            world.climb,
            s.layer,
            across[nearest, rows],
            up[nearest, rows],
            s.level,
        ]
        for believed, age in zip(s.believed, s.age, strict=True):
            columns += [believed, age]
        self._keep(np.array(columns, dtype=np.float64))

    def _row_groups(self, kept: list[Floats]) -> Iterator[tuple[int, list[pa.Array]]]:
        block = np.stack(kept)  # (instant, column, row)
        block[np.isinf(block)] = np.nan
        for run in self.runs:
            mine = block[:, :, run * self._vehicles : (run + 1) * self._vehicles]
            yield run, [as_array(mine[:, index].ravel(), field) for index, field in enumerate(self._layout)]
