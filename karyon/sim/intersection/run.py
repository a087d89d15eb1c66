"""A run at a crossing from its scenario to its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from karyon import __version__
from karyon.sim.events import describe
from karyon.sim.intersection.scenario import Scenario
from karyon.sim.intersection.simulation import Simulation
from karyon.sim.recorder import whole, write_events, write_summary, write_text
from karyon.sim.run import Progress, Result, refuse_campaign, sha256
from karyon.sim.scenario import Loaded
from karyon.sim.shipped import portable


def simulate(
    batch: Sequence[Loaded[Scenario]],
    out: Sequence[Path | None],
    progress: Progress | None = None,
    attend: Callable[[Simulation], object] | None = None,
) -> list[Result]:
    """Runs side by side, each into its own folder of `out` (None: no files, no trace).

    Raises OSError, and InputError for the folder of a campaign; nothing half-written stays under a final name.
    """
    folders = [folder for folder in out if folder]
    refuse_campaign(folders)
    with whole(folders):
        started = time.perf_counter()
        simulation = Simulation([one.scenario for one in batch], batch[0].design, out)
        try:
            if attend is not None:
                attend(simulation)
            complete = simulation.run(progress)
            simulation.close()
        finally:
            simulation.discard()
        wall = time.perf_counter() - started
        return [
            _result(loaded, simulation, run, folder, wall, complete)
            for run, (loaded, folder) in enumerate(zip(batch, out, strict=True))
        ]


def _result(
    loaded: Loaded[Scenario], simulation: Simulation, run: int, folder: Path | None, wall: float, complete: bool
) -> Result:
    warnings = (*loaded.warnings, *_without_effect(loaded, simulation, run), *_queues(simulation, run))
    summary: dict[str, Any] = {
        "scenario": loaded.name,
        "seed": loaded.scenario.seed,
        **simulation.measures.summary(run),
        "wall": wall,
        "version": __version__,
        "scenario_sha256": sha256(dump(loaded)),
        "design_sha256": sha256(loaded.design_text),
        "warnings": list(warnings),
    }
    result = Result(summary, simulation.log.events[run], complete, warnings)
    if folder:
        write_text(folder / "scenario.yaml", dump(loaded))
        write_events(folder / "events.jsonl", result.events)
        write_summary(folder / "summary.json", result.summary)
    return result


def dump(loaded: Loaded[Scenario]) -> str:
    """The scenario as YAML with its defaults and overrides; in any folder `read` makes an equal one of it."""
    data = _given(loaded.scenario.model_dump(mode="json", by_alias=True))
    data["safety"] = portable(data["safety"])
    data["faults"] = [fault | fault.pop("parameters") for fault in data["faults"]]
    writer: Any = YAML(typ="safe", pure=True)
    stream = StringIO()
    writer.width, writer.default_flow_style, writer.sort_base_mapping_type_on_output = 200, None, False
    writer.dump(data, stream)
    return f"# {loaded.name}, with all defaults and overrides filled in.\n{stream.getvalue()}"


def _given(value: Any) -> Any:
    """Without what is not given, however deep."""
    if isinstance(value, list):
        return [_given(each) for each in value]
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None}
    return value


def _without_effect(loaded: Loaded[Scenario], simulation: Simulation, run: int) -> list[str]:
    changed = simulation.injector.changed() | simulation.components.skipped
    return [
        f"fault {index + 1} ({describe(fault)}) changed no sample"
        for index, fault in enumerate(loaded.scenario.faults)
        if changed.get((run, index), 1) == 0
    ]


def _queues(simulation: Simulation, run: int) -> list[str]:
    """A demand that was not met is told."""
    world, now = simulation.world, simulation.finished / 1e9
    outside = int(((world.traffic.time[run] <= now) & ~world.appeared[run]).sum())
    if outside < 5:
        return []
    return [f"the demand is not met: {outside} cars wait for room at the end of the approaches, and queues grow"]
