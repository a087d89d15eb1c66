"""From the kind of a scenario to what checks its file, what simulates it, and what analyses its design.

`kind:` says it; a file without a kind that is known has the one of the function section at its top level, and that of
car following where it has none. A section of another kind is refused as a field that a scenario of this kind has not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.sim import analysis, scenario
from karyon.sim.analysis import Report
from karyon.sim.backdrop import Backdrop
from karyon.sim.documents import Document, Keys
from karyon.sim.run import AnySimulation, Progress, Result
from karyon.sim.scenario import Draft, Loaded
from karyon.sim.units import Section


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is for one kind, as `module:function`: it is imported when a scenario of the kind is met.

    words      of `kind:` in a file
    model      Section: what a scenario of the kind may say
    checked    (Draft, Document | None) -> Loaded: the scenario of a file, with what is laid on its safety design.
               Raises InputError with all that is wrong with it
    begin      (batch, folders) -> its simulation, before its first instant
    simulate   (batch, folders, progress, attend) -> a Result each, as `karyon.sim.run.simulate`
    dump       (Loaded) -> its text, which is read as an equal one
    analysed   (Loaded) -> Report: the analysis of its design
    bounds     (Design, Function) -> Bounds: those of a function in a design of this kind
    seen_by    (Design, Function, item, mode) -> ways in which a failure is detected, as `analysis.seen_by`
    free       of a scenario: in these the runs of one batch may differ
    batch      runs that advance well side by side: fewer cost more each, and of more the arrays leave the cache
    worth      m, of the whole of a bound beside distances, in the margin of a run; and the most that is told of it
    metrics    its own that a campaign keeps of each run, and their units
    nearest    what a campaign shows of how near a run came: the measure, and what it is called
    backdrop   (data of its file, plain) -> Backdrop: what lies under its cars; "": a straight road
    recording  (scenario) -> what a recording makes of it. Raises InputError, RecordingError, ValueError; "": no such
    chosen     (Design, scenario) -> Design: the design with what the scenario chooses of it; "": nothing
    viewed     a window shows a run as it is simulated, or once it has ended
    fault      Section: an entry of its `faults:`
    drawn      columns of a trace that its pictures need, beside those that all need
    """

    words: tuple[str, ...]
    model: str
    checked: str
    begin: str
    simulate: str
    dump: str
    analysed: str
    bounds: str
    seen_by: str
    free: tuple[Keys, ...]
    batch: int
    worth: float = 10.0
    metrics: Mapping[str, str] = field(default_factory=dict)
    nearest: tuple[str, str] = ("min_rss_margin", "margin over RSS")
    backdrop: str = ""
    recording: str = ""
    chosen: str = ""
    viewed: Literal["live", "recorded"] = "live"
    fault: str = "karyon.sim.failure_modes:Fault"
    drawn: tuple[str, ...] = ("front.distance",)

    def side_by_side(self, runs: int, workers: int = 1) -> int:
        """How many of so many runs advance side by side: all workers have as many batches, none longer than `batch`."""
        rounds = ceil(runs / (workers * self.batch))
        return ceil(runs / (rounds * workers))


KINDS = {  # by the function section that a file of the kind has at its top level
    "acc": Kind(
        words=("acc", "platoon"),
        model="karyon.sim.scenario:Scenario",
        checked="karyon.sim.scenario:checked",
        begin="karyon.sim.run:begin",
        simulate="karyon.sim.run:simulate",
        dump="karyon.sim.scenario:dump",
        analysed="karyon.sim.check:analysed",
        bounds="karyon.sim.analysis:bounds",
        seen_by="karyon.sim.analysis:seen_by",
        free=(("seed",), ("faults",), ("cut_ins",), ("leader",), ("start",)),
        batch=4000,
        recording="karyon.sim.run:trajectory",
        chosen="karyon.sim.run:designed",
    ),
    "lane_change": Kind(
        words=("lane_change",),
        model="karyon.sim.lanes.scenario:LaneChangeScenario",
        checked="karyon.sim.lanes.run:checked",
        begin="karyon.sim.lanes.run:begin",
        simulate="karyon.sim.lanes.run:simulate",
        dump="karyon.sim.lanes.run:dump",
        analysed="karyon.sim.lanes.bounds:analysed",
        bounds="karyon.sim.lanes.bounds:bounds",
        seen_by="karyon.sim.lanes.bounds:seen_by",
        free=(("seed",), ("faults",), ("lane_change", "wishes"), ("lane_change", "waves")),
        batch=250,
        metrics={
            "lane_changes_wanted": "",
            "lane_changes_done": "",
            "lane_changes_turned_back": "",
            "lane_change_mean_wait": "s",
            "lane_change_longest_wait": "s",
            "imposed_braking_max": "m/s2",
        },
        backdrop="karyon.sim.lanes.backdrop:backdrop",
    ),
    "intersection": Kind(
        words=("intersection",),
        model="karyon.sim.intersection.scenario:Scenario",
        checked="karyon.sim.intersection.scenario:checked",
        begin="karyon.sim.intersection.run:begin",
        simulate="karyon.sim.intersection.run:simulate",
        dump="karyon.sim.intersection.run:dump",
        analysed="karyon.sim.intersection.design:analysed",
        bounds="karyon.sim.intersection.design:bounds",
        seen_by="karyon.sim.intersection.design:seen_by",
        free=(("seed",), ("faults",)),
        batch=100,
        metrics={
            "min_zone_margin": "m",
            "zone_conflicts": "",
            "throughput": "1/h",
            "mean_delay": "s",
            "longest_wait": "s",
            "stuck_vehicles": "",
        },
        nearest=("min_zone_margin", "margin to a shared zone"),
        backdrop="karyon.sim.intersection.backdrop:backdrop",
        viewed="recorded",
    ),
    "flight": Kind(
        words=("flight",),
        model="karyon.sim.flight.scenario:FlightScenario",
        checked="karyon.sim.flight.run:checked",
        begin="karyon.sim.flight.run:begin",
        simulate="karyon.sim.flight.run:simulate",
        dump="karyon.sim.flight.run:dump",
        analysed="karyon.sim.flight.bounds:analysed",
        bounds="karyon.sim.flight.bounds:bounds",
        seen_by="karyon.sim.flight.bounds:seen_by",
        free=(("seed",), ("faults",), ("starts",)),
        batch=1000,
        worth=1000.0,
        metrics={
            "min_well_clear_margin": "m",
            "near_mid_air_collisions": "",
            "guarded_collisions": "",
            "losses_of_well_clear": "",
        },
        nearest=("min_well_clear_margin", "margin over well clear"),
        backdrop="karyon.sim.flight.backdrop:backdrop",
        recording="karyon.sim.flight.run:replayed",
        viewed="recorded",
        fault="karyon.sim.flight.scenario:FlightFault",
        drawn=("z", "horizontal_separation", "vertical_separation", "alert"),
    ),
}
CAR_FOLLOWING = "acc"


def read(name_or_path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Loaded[Any]:
    """The scenario in a file, or the shipped one of this name, of whatever kind; as `karyon.sim.scenario.read`."""
    found = scenario.changed(name_or_path, overrides, seed)
    return checked(found)


def checked(found: Draft, over_design: Document | None = None) -> Loaded[Any]:
    """The scenario of a draft; `over_design` is laid on its safety design.

    Raises InputError with all that is wrong with the scenario and its safety design.
    """
    loaded: Loaded[Any] = resolve_name(kind_of(found.document).checked)(found, over_design)
    return loaded


def model_of(kind: Kind) -> type[Section]:
    """What a scenario of the kind may say."""
    model: type[Section] = resolve_name(kind.model)
    return model


def begin(batch: Sequence[Loaded[Any]], out: Sequence[Path | None]) -> AnySimulation:
    """The simulation of runs of one kind side by side, before its first instant; `out` as for `simulate`."""
    simulation: AnySimulation = resolve_name(KINDS[function_of(batch[0])].begin)(batch, out)
    return simulation


def dump(loaded: Loaded[Any]) -> str:
    """A scenario as YAML with its defaults and overrides; in any folder `read` makes an equal one of it."""
    text: str = resolve_name(KINDS[function_of(loaded)].dump)(loaded)
    return text


def simulate(
    batch: Sequence[Loaded[Any]],
    out: Sequence[Path | None],
    progress: Progress | None = None,
    attend: Callable[[Any], object] | None = None,
) -> list[Result]:
    """Runs of scenarios of one kind side by side, as `karyon.sim.run.simulate`."""
    results: list[Result] = resolve_name(KINDS[function_of(batch[0])].simulate)(batch, out, progress, attend)
    return results


def analysed(loaded: Loaded[Any]) -> Report:
    """The design-time analysis of a scenario's design."""
    report: Report = resolve_name(KINDS[function_of(loaded)].analysed)(loaded)
    return report


def analysed_design(name: str, design: Design) -> Report:
    """The design-time analysis of a design, by the bounds of its kind."""
    return analysis.analyse(name, design, bounds_of=bounds_of(design))


def subject_of(design: Design) -> str:
    """The function that a design is about: the one that only its kind has."""
    names = [function.name for function in design.functions]
    return next((name for name in KINDS if name in names and name != CAR_FOLLOWING), CAR_FOLLOWING)


def bounds_of(design: Design) -> Any:
    """`bounds(Design, Function) -> Bounds` of the kind of a design."""
    return resolve_name(KINDS[subject_of(design)].bounds)


def failures_of(design: Design) -> Iterator[tuple[Function, Any]]:
    """Each failure of all functions that the analysis of a design knows, by its `Bound`."""
    bounds = bounds_of(design)
    for function in design.functions:
        yield from ((function, bound) for bound in bounds(design, function))


def seen_by_of(design: Design) -> Any:
    """`seen_by(Design, Function, item, mode) -> Ways` of the kind of a design."""
    return resolve_name(KINDS[subject_of(design)].seen_by)


def function_of(loaded: Loaded[Any]) -> str:
    """The function that a scenario is about, which is the name of its section, too."""
    return function_of_word(loaded.scenario.kind)


def with_fault(loaded: Loaded[Any], fault: Mapping[str, Any], onset: float) -> Loaded[Any]:
    """The same with one more entry of `faults:`, which begins at `onset` (s). Raises ValidationError."""
    model: type[Section] = resolve_name(KINDS[function_of(loaded)].fault)
    entry = model.model_validate({**fault, "onset": round(onset, 2)})
    faults = (*loaded.scenario.faults, entry)
    return replace(loaded, scenario=loaded.scenario.model_copy(update={"faults": faults}))


def function_of_word(word: str) -> str:
    """The function that a scenario with this `kind:` is about."""
    return next((name for name, kind in KINDS.items() if word in kind.words), CAR_FOLLOWING)


def backdrop(word: str, data: Mapping[str, Any]) -> Backdrop | None:
    """What lies under the cars of a scenario with this `kind:`, by the data of its file; None: a straight road."""
    maker = KINDS[function_of_word(word)].backdrop
    made: Backdrop | None = resolve_name(maker)(data) if maker else None
    return made


def kind_of(document: Document) -> Kind:
    """The kind of the scenario in a document."""
    data = document.data if isinstance(document.data, dict) else {}
    said = (kind for kind in KINDS.values() if data.get("kind") in kind.words)
    stands = (kind for name, kind in KINDS.items() if name in data)
    return next(said, None) or next(stands, KINDS[CAR_FOLLOWING])
