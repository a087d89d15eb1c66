"""A run of lane changes from its file to its files."""

import time
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from karyon import __version__
from karyon.kernel import Design
from karyon.sim import documents
from karyon.sim.documents import Document, InputError
from karyon.sim.events import describe
from karyon.sim.lanes.scenario import FOLLOWING, FUNCTION, LaneChangeScenario
from karyon.sim.lanes.simulation import Simulation
from karyon.sim.outside import ALONE, is_bench
from karyon.sim.recorder import whole, write_events, write_summary, write_text
from karyon.sim.run import Result, refuse_campaign, sha256
from karyon.sim.scenario import Draft, Loaded, given, parsed, plain
from karyon.sim.shipped import portable

Progress = Callable[[float], bool]
NUMBERS = ("reaction_time", "margin")  # of the controller of each level


def checked(found: Draft) -> Loaded[LaneChangeScenario]:
    """The scenario of a draft. Raises InputError with all that is wrong with it and its safety design."""
    faults: list[documents.Fault] = []
    scenario, document, text, design = parsed(found, LaneChangeScenario, FUNCTION, None, faults)
    if design is not None:
        faults += _lacking(design, document)
    if scenario is not None and is_bench(scenario.sensors):
        said = "sensors are `from: mqtt`, and lane changes are simulated alone"
        faults.append(document.place(("sensors",)).fault(said))
    if faults or scenario is None or design is None:
        raise InputError(documents.in_order(faults))
    return Loaded(scenario, design, found.path.stem, found.path, found.text, text, _warnings(scenario, design))


def _lacking(design: Design, document: Document) -> list[documents.Fault]:
    """What a design lacks to keep the distance in the lane, and to say how large a gap must be."""
    place, names = document.place(("safety",)), [function.name for function in design.functions]
    if FOLLOWING not in names:
        return [place.fault(f"safety names a design without the function `{FOLLOWING}`, it has {', '.join(names)}")]
    return [
        place.fault(
            f"safety names a design whose {FUNCTION} LoS {number} has no number `{name}` in its controller",
            "reaction_time in s and margin in m say how large a gap must be",
        )
        for number, level in enumerate(design.function(FUNCTION).levels if FUNCTION in names else ())
        for name in NUMBERS
        if not isinstance(level.controller.get(name), float | int)
    ]


def _warnings(scenario: LaneChangeScenario, design: Design) -> tuple[str, ...]:
    found = []
    for name, limit in ((FOLLOWING, scenario.acc.max_los), (FUNCTION, scenario.lane_change.max_los)):
        highest = len(design.function(name).levels) - 1
        if limit is not None and limit > highest:
            found.append(f"{name}.max_los limits nothing: the design ends at LoS {highest}")
    return tuple(found)


def dump(loaded: Loaded[LaneChangeScenario]) -> str:
    """The scenario as YAML with its defaults and overrides; in any folder it is read as an equal one."""
    data = loaded.scenario.model_dump(mode="json", by_alias=True)
    data["safety"] = portable(data["safety"])
    data = plain({key: value for key, value in data.items() if key != "faults"})
    for sensor in data["sensors"].values():
        for name in ALONE:
            sensor.pop(name, None)
    faults = loaded.scenario.model_dump(mode="json", by_alias=True)["faults"]
    data["faults"] = [given(fault) | fault["parameters"] for fault in faults]
    writer: Any = YAML(typ="safe", pure=True)
    stream = StringIO()
    writer.width, writer.default_flow_style, writer.sort_base_mapping_type_on_output = 200, None, False
    writer.dump(data, stream)
    return f"# {loaded.name}, with all defaults and overrides filled in.\n{stream.getvalue()}"


def simulate(
    batch: Sequence[Loaded[LaneChangeScenario]], out: Sequence[Path | None], progress: Progress | None = None
) -> list[Result]:
    """Runs side by side, each into its own folder of `out` (None: no files, no trace), as `karyon.sim.run.simulate`.

    Raises OSError, and InputError for the folder of a campaign; nothing half-written stays under a final name.
    """
    refuse_campaign([folder for folder in out if folder])
    with whole([folder for folder in out if folder]):
        return _simulated(batch, out, progress)


def _simulated(
    batch: Sequence[Loaded[LaneChangeScenario]], out: Sequence[Path | None], progress: Progress | None
) -> list[Result]:
    started = time.perf_counter()
    simulation = Simulation([one.scenario for one in batch], batch[0].design, out)
    try:
        complete = simulation.run(progress)
        simulation.close()
    finally:
        simulation.discard()
    wall = time.perf_counter() - started
    results = []
    for run, (loaded, folder) in enumerate(zip(batch, out, strict=True)):
        warnings = (*loaded.warnings, *_without_effect(loaded, simulation, run))
        summary = _summary(loaded, simulation, run, wall) | {"warnings": list(warnings)}
        result = Result(summary, simulation.log.events[run], complete, warnings)
        if folder:
            write_text(folder / "scenario.yaml", dump(loaded))
            write_events(folder / "events.jsonl", result.events)
            write_summary(folder / "summary.json", result.summary)
        results.append(result)
    return results


def _summary(loaded: Loaded[LaneChangeScenario], simulation: Simulation, run: int, wall: float) -> dict[str, Any]:
    return {
        "scenario": loaded.name,
        "seed": loaded.scenario.seed,
        **simulation.metrics.summary(run),
        "wall": wall,
        "version": __version__,
        "scenario_sha256": sha256(dump(loaded)),
        "design_sha256": sha256(loaded.design_text),
    }


def _without_effect(loaded: Loaded[LaneChangeScenario], simulation: Simulation, run: int) -> list[str]:
    """A fault that was accepted but changed nothing is said."""
    changed = simulation.sensing.injector.changed() | simulation.components.skipped
    changed |= simulation.attackers.changed() | simulation.speech.changed
    return [
        f"fault {index + 1} ({describe(fault)}) changed no sample"
        for index, fault in enumerate(loaded.scenario.faults)
        if changed.get((run, index), 0) == 0
    ]
