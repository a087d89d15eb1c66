"""A run at a crossing from its scenario to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path

from karyon.sim.intersection.scenario import REPLACED, Scenario
from karyon.sim.intersection.simulation import Simulation
from karyon.sim.run import Progress, Result, carry_out, without_effect
from karyon.sim.scenario import Loaded, plain, written
from karyon.sim.shipped import portable

LONG = 20  # cars before the lines of four arms: fewer are no queue


def begin(batch: Sequence[Loaded[Scenario]], out: Sequence[Path | None]) -> Simulation:
    """The simulation of runs side by side, before its first instant. Raises OSError."""
    return Simulation([one.scenario for one in batch], batch[0].design, out)


def simulate(
    batch: Sequence[Loaded[Scenario]],
    out: Sequence[Path | None],
    progress: Progress | None = None,
    attend: Callable[[Simulation], object] | None = None,
) -> list[Result]:
    """Runs side by side, each into its own folder of `out` (None: no files, no trace).

    Raises OSError, and InputError for the folder of a campaign; nothing half-written stays under a final name.
    """

    def told(simulation: Simulation, run: int) -> list[str]:
        changed = simulation.injector.changed() | simulation.components.skipped
        return [*without_effect(batch[run], run, changed, uncounted=1), *_queues(simulation, run)]

    return carry_out(batch, out, lambda: begin(batch, out), told, dump, progress, attend)


def dump(loaded: Loaded[Scenario]) -> str:
    """The scenario as YAML with its defaults and overrides; in any folder `read` makes an equal one of it."""
    data = plain(loaded.scenario.model_dump(mode="json", by_alias=True))
    data["safety"] = portable(data["safety"])
    if loaded.scenario.recorded is not None:
        data = {name: value for name, value in data.items() if name not in REPLACED}
    data["faults"] = [fault | fault.pop("parameters") for fault in data["faults"]]
    return written(loaded.name, data)


def _queues(simulation: Simulation, run: int) -> list[str]:
    """A demand that was not met is told: more wait than at half time, by more than chance has come meanwhile."""
    world, now = simulation.world, simulation.finished / 1e9
    if world.scenarios[0].recorded is not None:
        return []
    half, end = (_before_line(simulation, run, time) for time in (0.5 * now, now))
    if end < LONG or end - half < 2.0 * sqrt(half + end):
        return []
    outside = int(((world.traffic.time[run] <= now) & ~world.appeared[run]).sum())
    room = f", {outside} of them for room at the end of the approaches" if outside else ""
    return [f"the demand is not met: {end} cars have not crossed their line{room}, {half} at half time: queues grow"]


def _before_line(simulation: Simulation, run: int, time: float) -> int:
    """How many have come by `time` (s), and had not crossed their stop line."""
    world = simulation.world
    return int(((world.traffic.time[run] <= time) & ~(world.passed[run] <= time)).sum())
