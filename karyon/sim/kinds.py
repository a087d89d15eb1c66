"""From the kind of a scenario to what checks its file, what simulates it, and what analyses its design.

`kind:` says it; a file without a kind that is known has the one of the function section at its top level, and that of
car following where it has none. A section of another kind is refused as a field that a scenario of this kind has not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from karyon.kernel import Design
from karyon.sim import analysis, scenario
from karyon.sim.analysis import Report
from karyon.sim.backdrop import Backdrop
from karyon.sim.documents import Document
from karyon.sim.run import Progress, Result
from karyon.sim.scenario import Draft, Loaded


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is for one kind, as `module:function`: it is imported when a scenario of the kind is met.

    words      of `kind:` in a file
    checked    (Draft) -> Loaded: the scenario of a file. Raises InputError with all that is wrong with it
    simulate   (batch, folders, progress, attend) -> a Result each, as `karyon.sim.run.simulate`
    analysed   (Loaded) -> Report: the analysis of its design
    bounds     (Design, Function) -> Bounds: those of a function in a design of this kind
    backdrop   (data of its file, plain) -> Backdrop: what lies under its cars; "": a straight road
    """

    words: tuple[str, ...]
    checked: str
    simulate: str
    analysed: str
    bounds: str
    backdrop: str = ""


KINDS = {  # by the function section that a file of the kind has at its top level
    "acc": Kind(
        ("acc", "platoon"),
        "karyon.sim.scenario:checked",
        "karyon.sim.run:simulate",
        "karyon.sim.check:analysed",
        "karyon.sim.analysis:bounds",
    ),
    "lane_change": Kind(
        ("lane_change",),
        "karyon.sim.lanes.run:checked",
        "karyon.sim.lanes.run:simulate",
        "karyon.sim.lanes.bounds:analysed",
        "karyon.sim.lanes.bounds:bounds",
        "karyon.sim.lanes.backdrop:backdrop",
    ),
    "intersection": Kind(
        ("intersection",),
        "karyon.sim.intersection.scenario:checked",
        "karyon.sim.intersection.run:simulate",
        "karyon.sim.intersection.design:analysed",
        "karyon.sim.intersection.design:bounds",
        "karyon.sim.intersection.backdrop:backdrop",
    ),
    "flight": Kind(
        ("flight",),
        "karyon.sim.flight.run:checked",
        "karyon.sim.flight.run:simulate",
        "karyon.sim.flight.bounds:analysed",
        "karyon.sim.flight.bounds:bounds",
    ),
}
CAR_FOLLOWING = "acc"


def read(name_or_path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Loaded[Any]:
    """The scenario in a file, or the shipped one of this name, of whatever kind; as `karyon.sim.scenario.read`."""
    found = scenario.changed(name_or_path, overrides, seed)
    return checked(found)


def checked(found: Draft) -> Loaded[Any]:
    """The scenario of a draft. Raises InputError with all that is wrong with it."""
    loaded: Loaded[Any] = resolve_name(_kind_of(found.document).checked)(found)
    return loaded


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


def function_of(loaded: Loaded[Any]) -> str:
    """The function that a scenario is about, which is the name of its section, too."""
    return function_of_word(loaded.scenario.kind)


def function_of_word(word: str) -> str:
    """The function that a scenario with this `kind:` is about."""
    return next((name for name, kind in KINDS.items() if word in kind.words), CAR_FOLLOWING)


def backdrop(word: str, data: Mapping[str, Any]) -> Backdrop | None:
    """What lies under the cars of a scenario with this `kind:`, by the data of its file; None: a straight road."""
    maker = KINDS[function_of_word(word)].backdrop
    made: Backdrop | None = resolve_name(maker)(data) if maker else None
    return made


def _kind_of(document: Document) -> Kind:
    data = document.data if isinstance(document.data, dict) else {}
    said = (kind for kind in KINDS.values() if data.get("kind") in kind.words)
    stands = (kind for name, kind in KINDS.items() if name in data)
    return next(said, None) or next(stands, KINDS[CAR_FOLLOWING])
