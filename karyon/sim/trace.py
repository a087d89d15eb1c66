"""The trace of car following: what stands in every car is noted at an instant, and made a table of later.

A note costs little, and can be played (`karyon.compiled.Tape`). Ages and columns are made of many instants at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.compiled import Tape
from karyon.compiled.journal import Entries, Journal
from karyon.perception.following import OWN
from karyon.perception.received import MESSAGE
from karyon.perception.sensors import seconds
from karyon.sim.recorder import Booleans, Floats, Integers, Tables, as_array, schema

if TYPE_CHECKING:
    from karyon.sim.world import World


class OfCars(NamedTuple):
    """What is noted of every car (car,), SI units; x is NaN of who is not simulated.

    meant   what ideal messages would have said, of the newest that were due (field, car)
    """

    x: Floats
    speed: Floats
    acceleration: Floats
    command: Floats
    meant: Floats


class OfRows(NamedTuple):
    """What is noted of every row (row,), and of its own signals (signal, row), SI units.

    time   of measurement, ns
    """

    gap: Floats
    level: Integers
    value: Floats
    true: Floats
    validity: Floats
    time: Integers


class OfSender(NamedTuple):
    """What every row has of a sender (row,), and of what it says (field, row), SI units.

    time   of measurement, ns
    car    who it is
    """

    value: Floats
    validity: Floats
    time: Integers
    car: Integers


MOVING = OfCars._fields[:-1]  # as the columns are called
OWN_NOTED = len(OfRows._fields)
NOTED = 16_384  # cars, of which tables are made at once: 4 MB


class Trace(Tables):
    """The trace of a batch; of runs that are not recorded nothing is noted."""

    def __init__(self, folders: Sequence[Path | None], world: World, senders: Sequence[str], tape: Tape) -> None:
        """`folders`: one per run; None: that run is not recorded.

        senders   whose messages are heard
        """
        paths = [folder and folder / "trace.parquet" for folder in folders]
        super().__init__(paths, schema(senders), world.vehicles)
        self._senders, self._tape = senders, tape
        self._vehicle, self._strangers = world.vehicle, world.strangers
        is_recorded = np.isin(np.arange(world.runs), self.runs)
        self._of_car: Booleans = np.repeat(is_recorded, world.vehicles)
        self._of_row: Booleans = self._of_car[world.own]
        cars, strangers = np.flatnonzero(self._of_car), world.strangers
        self._guests = np.flatnonzero(is_recorded[strangers.run])
        self._place = np.cumsum(self._of_car) - 1  # of a car among those that are recorded
        self._own = self._place[world.own[self._of_row]]
        self._run = np.concatenate([cars // world.vehicles, strangers.run[self._guests]])
        number = world.vehicles + strangers.number[self._guests]
        self._number = np.concatenate([cars % world.vehicles, number])
        # Of each instant cars are noted first, and they are more: so their journal is full before that of the rows.
        self._cars = Journal(self._read, len(self._of_car), NOTED)
        self._rows = Journal(self._hold, len(self._of_row), NOTED)
        self._held: Entries | None = None
        self._came = list[Floats]()  # of strangers, at each instant

    def record(self, now: int, cars: OfCars, rows: OfRows, senders: Sequence[OfSender]) -> None:
        """Note what stands at `now` (ns)."""
        self._tape.note(self._of_car, self._cars, cars, now)
        self._tape.note(self._of_row, self._rows, [*rows, *chain.from_iterable(senders)], now)
        if len(self._guests):
            self._came.append(self._of_strangers())
        if self.told:
            self._cars.settle()

    def close(self) -> None:
        """Write what is left and finish every file under its final name."""
        self._cars.settle()
        super().close()

    def _of_strangers(self) -> Floats:
        """How they move (field, stranger); NaN: away."""
        strangers = self._strangers
        moving = strangers.position, strangers.speed, strangers.acceleration, strangers.command
        return np.where(strangers.present, np.stack(moving), np.nan)[:, self._guests]

    def _hold(self, rows: Entries) -> None:
        self._held = rows

    def _read(self, cars: Entries) -> None:
        """Make tables of what was noted at some instants."""
        self._rows.settle()
        assert self._held is not None
        now, of_cars = _by_instant(cars)
        _, of_rows = _by_instant(self._held)
        moving = OfCars(*of_cars)
        count = moving.x.shape[-1]
        table = np.full((len(self._layout), len(now), len(self._run)), np.nan)  # (column, instant, car or stranger)
        for name, values in self._of_all(now).items():
            table[self._at(name)] = values
        for name, values in zip(MOVING, moving, strict=False):
            table[self._at(name), :, :count] = values
        for name, values in self._of_rows(now, of_rows, moving.meant).items():
            table[self._at(name)][:, self._own] = values
        if self._came:
            table[[*map(self._at, MOVING)], :, count:] = np.stack(self._came, axis=1)
            self._came = []
        self._keep(table.swapaxes(0, 1))

    def _at(self, name: str) -> int:
        """Which column is called so."""
        return int(self._layout.get_field_index(name))

    def _of_all(self, now: Integers) -> dict[str, Any]:
        """Columns in which everybody has a number, be it the same one: numbers, (instant, 1) or (car or stranger,)."""
        shape = {"y": 0.0, "heading": 0.0, "lane": 0, "length": self._vehicle.length, "width": self._vehicle.width}
        return {"time": seconds(now, 0), "vehicle": self._number, **shape}

    def _of_rows(self, now: Integers, rows: Sequence[Any], meant: Floats) -> dict[str, Any]:
        """Columns of what follows (instant, row); `meant` as in `OfCars` (field, instant, car)."""
        own, said = OfRows(*rows[:OWN_NOTED]), rows[OWN_NOTED:]
        found = {"gap": own.gap, "los_acc": own.level}
        ages = _age(now, own.time)
        for index, name in enumerate(OWN):
            found |= {name: own.value[index], f"{name}_true": own.true[index]}
            found |= {f"{name}_validity": own.validity[index], f"{name}_age": ages[index]}
        for sender, begin in zip(self._senders, range(0, len(said), len(OfSender._fields)), strict=True):
            told = OfSender(*said[begin : begin + len(OfSender._fields)])
            true = np.take_along_axis(meant, self._place[told.car][None], axis=-1)
            for index, field in enumerate(MESSAGE):
                found |= {f"{sender}.{field}": told.value[index], f"{sender}.{field}_true": true[index]}
            found |= {f"{sender}_validity": told.validity, f"{sender}_age": _age(now, told.time)}
        return found

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        block = kept[0].swapaxes(0, 1)  # (column, instant, car or stranger)
        for run in self.runs:
            mine = block[:, :, self._run == run]
            there = ~np.isnan(mine[self._at("x")])
            mine = mine.reshape(len(mine), -1) if there.all() else mine[:, there]
            yield run, [as_array(values, field) for values, field in zip(mine, self._layout, strict=True)]


def _by_instant(entries: Entries) -> tuple[Integers, list[Any]]:
    """What was noted, (..., instant, car or row), and when, in ns (instant, 1)."""
    count = np.count_nonzero(entries.numbers[0] == entries.numbers[0, 0])
    now, *told = (each.reshape(*each.shape[:-1], -1, count) for each in (entries.numbers[0], *entries.told))
    return now[:, :1], told


def _age(now: Integers, time: Integers) -> Floats:
    """In s; NaN of what was never measured."""
    return np.where(time < 0, np.nan, seconds(now, np.maximum(time, 0)))
