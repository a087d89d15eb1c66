"""A run from its scenario to its files."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from karyon import __version__
from karyon.kernel import Design
from karyon.sim import controllers, documents, leaders, recordings
from karyon.sim.analysis import guards
from karyon.sim.controllers import FUNCTION
from karyon.sim.engine import Simulation
from karyon.sim.events import describe
from karyon.sim.outside import Outside, is_real_time
from karyon.sim.recorder import whole, write_events, write_summary, write_text
from karyon.sim.scenario import Leader, Loaded, Scenario, dump
from karyon.sim.strangers import NEVER

Progress = Callable[[float], bool]

S = TypeVar("S", bound="AnySimulation")

CAMPAIGN = "identity.json"  # is in the folder of one
BEYOND = 1.0  # s of the leader's motion past the end: its intention is smoothed, and must not feel where a run ends


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left: its summary and events, and whether it reached its end."""

    summary: dict[str, Any]
    events: list[dict[str, Any]]
    complete: bool
    warnings: tuple[str, ...]


def trajectory(scenario: Scenario) -> tuple[leaders.Trajectory, tuple[str, ...]]:
    """The leader's motion, and what the user should know of its recording. Raises recordings.RecordingError."""
    leader, lag = scenario.leader, scenario.vehicle.lag
    duration = scenario.duration + BEYOND
    if leader.recording is None:
        assert leader.speed is not None
        points = [(float(when), float(speed)) for when, speed in leader.speed]
        return leaders.from_profile(points, leader.acceleration, leader.deceleration, duration, lag), ()
    columns = None if leader.columns is None else leader.columns.model_dump(exclude_none=True)
    recording = recordings.read(Path(leader.recording), columns)
    return leaders.from_recording(recording, duration, lag), recording.warnings


def trajectories(batch: Sequence[Loaded]) -> list[tuple[leaders.Trajectory, tuple[str, ...]]]:
    """The leaders' motions in runs side by side; those whose leader does the same share one."""
    known: dict[Leader, tuple[leaders.Trajectory, tuple[str, ...]]] = {}
    found = []
    for one in batch:
        leader = one.scenario.leader
        if leader not in known:
            known[leader] = trajectory(one.scenario)
        found.append(known[leader])
    return found


def designed(design: Design, scenario: Scenario) -> Design:
    """The design with the law that the scenario chooses, if it does."""
    law = scenario.acc.controller
    return design if law is None else controllers.chosen(design, law)


def begin(batch: Sequence[Loaded], out: Sequence[Path | None]) -> Simulation:
    """The simulation of runs side by side, before its first instant. Raises RecordingError, OSError."""
    motions = [track for track, _ in trajectories(batch)]
    return Simulation([one.scenario for one in batch], batch[0].design, motions, out)


def simulate(
    batch: Sequence[Loaded],
    out: Sequence[Path | None],
    progress: Progress | None = None,
    attend: Callable[[Simulation], object] | None = None,
    outside: Outside | None = None,
) -> list[Result]:
    """Runs side by side, each into its own folder of `out` (None: no files, no trace).

    progress   is told the simulated time each second of it, and ends the runs by answering False
    attend     is shown the simulation before it begins
    outside    whose time it is, and the samples of real devices
    Raises RecordingError, OSError, and InputError for real devices where there is no `outside` and for the folder of a
    campaign; in all cases nothing half-written stays under a final name.
    """
    if outside is None:
        for one in batch:
            refuse_bench(one)
    tracks = trajectories(batch)

    def begin() -> Simulation:
        scenarios, motions = [one.scenario for one in batch], [track for track, _ in tracks]
        return Simulation(scenarios, batch[0].design, motions, out, outside)

    def told(simulation: Simulation, run: int) -> list[str]:
        unheard = [] if outside is None else outside.warnings()
        return [
            *tracks[run][1],
            *_without_effect(batch[run], simulation, run),
            *_never_started(simulation, run),
            *unheard,
        ]

    return carry_out(batch, out, begin, told, dump, progress, attend)


def refuse_bench(loaded: Loaded) -> None:
    """Raises InputError where a scenario has real devices, which need real time."""
    if is_real_time(loaded.scenario):
        said, what = "it has devices `from: mqtt`, which need real time", f"karyon hil {loaded.name}"
        raise documents.InputError([documents.Fault(str(loaded.path), None, None, 0, said, f"run it with {what}")])


def refuse_campaign(folders: Sequence[Path]) -> None:
    """Raises InputError where a folder is that of a campaign: with a run in it, it would be two things at once."""
    for folder in folders:
        if (folder / CAMPAIGN).is_file():
            raise documents.InputError(
                [documents.Fault(str(folder), None, None, 0, "the folder holds a campaign", "choose another one")]
            )


class AnySimulation(Protocol):
    """Runs side by side of whatever kind: their `log` has the events of each, `metrics` its summary."""

    log: Any
    metrics: Any

    def run(self, progress: Progress | None = None) -> bool:
        """Run to the end, and whether it was reached."""

    def close(self) -> None:
        """Finish the files of the runs."""

    def discard(self) -> None:
        """Leave nothing half-written behind."""


def carry_out(
    batch: Sequence[Loaded[Any]],
    out: Sequence[Path | None],
    begin: Callable[[], S],
    told: Callable[[S, int], Iterable[str]],
    dump: Callable[[Loaded[Any]], str],
    progress: Progress | None,
    attend: Callable[[S], object] | None,
) -> list[Result]:
    """Runs of any kind, from the simulation that `begin` makes to their files; see `simulate`.

    told   what the user should know of a run, besides what is known of its file
    dump   a scenario as YAML
    """
    folders = [folder for folder in out if folder]
    refuse_campaign(folders)
    with whole(folders):
        started = time.perf_counter()
        simulation = begin()
        try:
            if attend is not None:
                attend(simulation)
            complete = simulation.run(progress)
            simulation.close()
        finally:
            simulation.discard()
        wall = time.perf_counter() - started
        results = []
        for run, (loaded, folder) in enumerate(zip(batch, out, strict=True)):
            warnings, text = (*loaded.warnings, *told(simulation, run)), dump(loaded)
            summary = {
                "scenario": loaded.name,
                "seed": loaded.scenario.seed,
                **simulation.metrics.summary(run),
                "wall": wall,
                "version": __version__,
                "scenario_sha256": sha256(text),
                "design_sha256": sha256(loaded.design_text),
                "warnings": list(warnings),
            }
            results.append(Result(summary, simulation.log.events[run], complete, warnings))
            if folder:
                write_text(folder / "scenario.yaml", text)
                write_events(folder / "events.jsonl", results[-1].events)
                write_summary(folder / "summary.json", summary)
        return results


def without_effect(
    loaded: Loaded[Any], run: int, changed: Mapping[tuple[int, int], int], uncounted: int = 0
) -> list[str]:
    """Faults that were accepted but changed nothing, in words.

    changed     samples and cycles that each has changed, by (run, index)
    uncounted   what counts for a fault that is not among these
    """
    return [
        f"fault {index + 1} ({describe(fault)}) changed no sample"
        for index, fault in enumerate(loaded.scenario.faults)
        if changed.get((run, index), uncounted) == 0
    ]


def _without_effect(loaded: Loaded, simulation: Simulation, run: int) -> list[str]:
    """A fault that was accepted but changed nothing is said, and a cut-in that has not come about."""
    changed = simulation.injector.changed() | simulation.components.skipped | simulation.attackers.changed()
    faults = without_effect(loaded, run, changed)
    strangers = simulation.world.strangers
    waiting = strangers.number[(strangers.run == run) & (strangers.entered == NEVER)]
    return faults + [
        f"cut_ins[{number}] found no room before car {loaded.scenario.cut_ins[number].ahead_of}" for number in waiting
    ]


def _never_started(simulation: Simulation, run: int) -> list[str]:
    """Cars that were at LoS 0 all along, as they have never seen a signal that a rule names, are told."""
    followers = simulation.world.vehicles - 1
    rows = run * followers + np.arange(followers)
    waiting, seen = rows[~simulation.initialised[rows]], simulation.kernel.seen
    named = [name for name in guards(simulation.function) if name in seen.signals]
    unseen = [name for name in named if (seen.time[seen.signals[name], waiting] < 0).any()]
    if not unseen:
        return []
    return [f"{len(waiting)} of {followers} cars never left LoS 0: they have not once seen {', '.join(unseen)}"]


def sha256(text: str) -> str:
    """Hex digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


__all__ = ["FUNCTION", "Result", "simulate", "trajectory"]
