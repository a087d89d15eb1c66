"""The trace of flight, one row per aircraft and recorded instant, and the messages between aircraft."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.flight import tracks
from karyon.flight.tracks import Track
from karyon.sim.flight.bounds import OWN
from karyon.sim.flight.log import SIGNALS
from karyon.sim.recorder import MESSAGES, Tables, arrow, as_array

if TYPE_CHECKING:
    from karyon.sim.flight.simulation import Simulation

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LENGTH, SPAN = 2.5, 4.0  # m: how large an aircraft is drawn; nothing is computed from it
STATE = {  # unit of each column
    "time": "s",
    "vehicle": "",
    "x": "m",
    "y": "m",
    "z": "m",
    "heading": "rad",
    "length": "m",
    "width": "m",
    "speed": "m/s",
    "climb": "m/s",
    "command": "rad",
    "commanded_climb": "m/s",
    "lane": "",
    "gap": "m",
    "horizontal_separation": "m",
    "vertical_separation": "m",
    "layer": "m",
    "alert": "",
    "los_flight": "",
}
WHOLE = ("vehicle", "lane", "alert", "los_flight")
SOURCES = ("adsb", "local")
PLACE = ("x", "y", "z")


def signals_of(aircraft: int) -> list[str]:
    """What others know of an aircraft, each with a validity and an age."""
    return [f"traffic.{aircraft}.{source}" for source in (*SOURCES, "intent")]


def schema(vehicles: int) -> pa.Schema:
    """Arrow schema: each field says its unit and where its numbers come from."""
    fields = [_field(name, unit, "kernel" if name.startswith("los_") else "simulation") for name, unit in STATE.items()]
    for name in SIGNALS:
        fields += _judged(name)
    fields += [_field(f"{OWN}.{axis}{end}", "m", source) for axis in "xy" for end, source in VALUE]
    for number in range(vehicles):
        adsb, local, intent = signals_of(number)
        for name in (adsb, local):
            fields += [_field(f"{name}.distance{end}", "m", source) for end, source in VALUE]
            fields += [_field(f"{name}.{axis}", "m", "perception") for axis in PLACE]
            fields += _judged(name)
        fields += [_field(f"{intent}.altitude", "m", "perception"), *_judged(intent)]
        fields += [_field(f"traffic.{number}.alert", "", "perception")]
    return pa.schema(fields, metadata={"about": "KARYON trace of flight: one row per aircraft and instant"})


VALUE = (("", "perception"), ("_true", "simulation"))


def _judged(name: str) -> list[pa.Field]:
    return [_field(f"{name}_validity", "1", "perception"), _field(f"{name}_age", "s", "perception")]


def _field(name: str, unit: str, source: str) -> pa.Field:
    kind = pa.int32() if name in WHOLE or name.endswith(".alert") else pa.float64()
    return pa.field(name, kind, metadata={"unit": unit, "source": source})


class Trace(Tables):
    """The trace of a batch."""

    def __init__(self, folders: Sequence[Path | None], vehicles: int) -> None:
        """`folders`: one per run; None: that run is not recorded."""
        super().__init__([folder and folder / "trace.parquet" for folder in folders], schema(vehicles), vehicles)
        self._vehicles = vehicles

    def instant(self, now: int, simulation: Simulation) -> None:
        """Keep one instant of all aircraft."""
        seconds, s = now / 1e9, simulation
        columns = [*_state(seconds, s)]
        for believed, age in zip(s.believed, s.age, strict=True):
            columns += [believed, age]
        own_x, own_y, _ = tracks.now_at(s.sensing.own, seconds)
        columns += [own_x, s.world.x, own_y, s.world.y]
        columns += _of_others(seconds, s, self._vehicles)
        self._keep(np.array(columns, dtype=np.float64)[None])

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        (block,) = kept  # (instant, column, row)
        block[np.isinf(block)] = np.nan
        for run in self.runs:
            mine = block[:, :, run * self._vehicles : (run + 1) * self._vehicles]
            yield run, [as_array(mine[:, index].ravel(), field) for index, field in enumerate(self._layout)]


def _state(seconds: float, s: Simulation) -> list[Floats]:
    """The columns of `STATE`, each (row,)."""
    world = s.world
    across, up = world.apart()
    nearest, rows = across.argmin(axis=0), np.arange(s.rows)
    full = np.full(s.rows, 1.0)
    east, north, climb = s.command
    return [
        seconds * full,
        world.number,
        world.x,
        world.y,
        world.z,
        np.arctan2(world.north, world.east),
        LENGTH * full,
        SPAN * full,
        np.sqrt(world.vx * world.vx + world.vy * world.vy),
        world.climb,
        np.where(world.is_recorded, np.nan, np.arctan2(north, east)),
        np.where(world.is_recorded, np.nan, climb),
        0.0 * full,
        np.sqrt(across * across + up * up).min(axis=0),
        across[nearest, rows],
        up[nearest, rows],
        s.layer,
        np.where(world.is_recorded, np.nan, s.alerts.highest),
        np.where(world.is_recorded, np.nan, s.level),
    ]


def _of_others(seconds: float, s: Simulation, vehicles: int) -> list[Floats]:
    """What each row knows of each aircraft, in the order of the schema; NaN: of itself, and what is not known."""
    sensing, world = s.sensing, s.world
    own_x, own_y, _ = tracks.now_at(sensing.own, seconds)
    true, _ = world.apart()
    columns = []
    for track, believed in zip((sensing.adsb, sensing.local), sensing.believed(seconds), strict=True):
        columns.append(_of_source(seconds, track, believed, (own_x, own_y), true))
    said = sensing.intents
    heard = ~np.isnan(said.time)
    columns.append(np.stack([said.aim, np.where(heard, 1.0, 0.0), seconds - said.time]))
    columns.append(s.alerts.of_each[None].astype(np.float64))
    table = np.concatenate(columns)  # (column, aircraft among the others, row)
    found: list[Floats] = []
    for number in range(vehicles):
        slot = np.clip(number - (number > world.number), 0, len(world.other) - 1)
        mine = table[:, slot, np.arange(s.rows)]
        found += list(np.where(number == world.number, np.nan, mine))
    return found


def _of_source(seconds: float, track: Track, believed: Floats, own: tuple[Floats, Floats], true: Floats) -> Floats:
    """Distance and the true one, place, validity and age of the tracks of a source (column, aircraft, row)."""
    x, y, z = tracks.now_at(track, seconds)
    distance = np.sqrt((x - own[0]) ** 2 + (y - own[1]) ** 2)
    return np.stack([distance, true, x, y, z, believed, seconds - track.time])


class Messages(Tables):
    """Who sent what to whom once a second: a report (ADS-B, without a round), and what it intends, by round."""

    def __init__(self, folders: Sequence[Path | None], vehicles: int, other: NDArray[np.int64]) -> None:
        """`other`: row of each other aircraft of the same run (aircraft, row)."""
        paths = [folder and folder / "messages.parquet" for folder in folders]
        super().__init__(paths, MESSAGES, 2 * vehicles * len(other))
        self._vehicles = vehicles
        self._sender = (other[:, :vehicles] % vehicles).ravel().astype(np.int32)
        self._receiver = np.broadcast_to(np.arange(vehicles, dtype=np.int32), other[:, :vehicles].shape).ravel()

    def second(self, now: int, sent: Booleans, heard: Booleans, told: Booleans, learned: Booleans) -> None:
        """What was sent at `now` (ns): reports that were sent and heard, intents likewise (aircraft, row)."""
        self._keep(np.array([now / 1e9]), np.stack([[sent, heard], [told, learned]])[None])

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        time, table = kept  # the other one (instant, report or intent, sent or heard, aircraft, row)
        for run in self.runs:
            mine = table[..., run * self._vehicles : (run + 1) * self._vehicles]
            mine = mine.reshape(*mine.shape[:3], -1)
            instant, is_intent, link = np.nonzero(mine[:, :, 0])
            arrives = mine[instant, is_intent, 1, link]
            yield (
                run,
                [
                    arrow(self._sender[link]),
                    arrow(self._receiver[link]),
                    arrow(time[instant]),
                    arrow(time[instant], ~arrives),
                    arrow(np.round(time[instant]).astype(np.int32), is_intent == 0),
                ],
            )
