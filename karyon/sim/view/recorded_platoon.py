"""A run as its folder holds it: all cars of a file, over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from karyon.perception.sensors import seconds
from karyon.sim.driving import MOVING
from karyon.sim.metrics import SETTLED
from karyon.sim.scenario import KernelSwitch
from karyon.sim.view import recorded
from karyon.sim.view.folder import EVENTS, LEVEL, TRACE, judged
from karyon.sim.view.recorded import Fault, Floats, Summary, Switch, Violation

STRING_FROM = float(seconds(SETTLED, 0))  # s: what the start has disturbed is over
COLUMNS = ("time", "vehicle", "gap", "speed", LEVEL)


class _Setting(BaseModel):
    vehicles: int
    kernel: KernelSwitch


@dataclass(frozen=True, slots=True)
class Platoon:
    """All cars of a run but strangers: car 0 leads, column `n` is car `n`. NaN: it is not there, or has none.

    time          (instant,), s
    gap, speed    (instant, car), m and m/s
    level         (instant, car), of service
    faults        of all cars; their labels say whose they are
    broken_by     the vehicles that broke a safety goal
    notes         what is missing, in words
    """

    summary: Summary
    kernel_enabled: bool
    time: Floats
    gap: Floats
    speed: Floats
    level: Floats
    faults: Sequence[tuple[int, Fault]]
    switches: Sequence[Switch]
    broken_by: Sequence[int]
    notes: Sequence[str] = ()

    @property
    def followers(self) -> range:
        """Cars that follow another one."""
        return range(1, self.speed.shape[1])

    def time_gap(self) -> Floats:
        """Gap over own speed (instant, car), in s; NaN below 1 m/s, where it says nothing."""
        moving = self.speed >= MOVING
        return np.where(moving, self.gap / np.where(moving, self.speed, 1.0), np.nan)

    def deviation(self) -> tuple[Floats, Floats]:
        """How far the speed of each car is from its own mean (car,), in m/s: root of the mean square, most.

        From 30 s on, as in `string_stability` of the summary; NaN where the run ends before.
        """
        settled = self.speed[self.time >= STRING_FROM]
        if len(settled) < 2:
            return (np.full(self.speed.shape[1], np.nan),) * 2
        apart = settled - settled.mean(axis=0)
        return np.sqrt((apart * apart).mean(axis=0)), np.abs(apart).max(axis=0)


def read(folder: Path) -> Platoon:
    """All cars of the run in `folder`. Raises RunError."""
    notes = judged(folder)
    summary = recorded.summary_of(Summary, folder)
    setting = recorded.setting_of(_Setting, folder)
    events = list(recorded.events_of(folder / EVENTS))
    table = recorded.table_of(folder / TRACE, lambda _: COLUMNS)
    columns = {name: table[name].to_numpy().astype(np.float64) for name in COLUMNS}
    member = columns["vehicle"] < setting.vehicles
    time, instant = np.unique(columns["time"][member], return_inverse=True)
    car = columns["vehicle"][member].astype(np.int64)
    gap, speed, level = (
        _spread(columns[name][member], instant, car, (len(time), setting.vehicles)) for name in ("gap", "speed", LEVEL)
    )
    return Platoon(
        summary=summary,
        kernel_enabled=setting.kernel.enabled,
        time=time,
        gap=gap,
        speed=speed,
        level=level,
        faults=list(_faults(events, setting.vehicles, float(time[-1]))),
        switches=[event for event in events if isinstance(event, Switch) and event.vehicle < setting.vehicles],
        broken_by=sorted({event.vehicle for event in events if isinstance(event, Violation)}),
        notes=notes,
    )


def _spread(values: Floats, instant: NDArray[np.int64], car: NDArray[np.int64], shape: tuple[int, int]) -> Floats:
    table = np.full(shape, np.nan)
    table[instant, car] = values
    return table


def _faults(events: Sequence[recorded.Event], vehicles: int, end: float) -> Iterator[tuple[int, Fault]]:
    """Each fault with its car, which its label names, too; in order of time."""
    found = [
        (car, Fault(f"car {car}: {fault.label}", fault.onset, fault.end))
        for car in range(vehicles)
        for fault in recorded.faults_of([event for event in events if event.vehicle == car], end)
    ]
    yield from sorted(found, key=lambda one: one[1].onset)
