"""Files of plans: a scenario, what is laid on it in all runs and in those of each stratum, and what of that varies.

A plan is refused with all that is wrong in it, at the place in its file, for both ends of each range and for each value
of each list: whatever a run draws is then a scenario that is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from karyon.campaign import choices
from karyon.campaign.choices import OneOf, Varied, put
from karyon.campaign.plan import Plan, Sampling, Stratum
from karyon.sim import documents, wording
from karyon.sim.documents import Document, InputError, Keys
from karyon.sim.failure_modes import DAY
from karyon.sim.scenario import FILES, Draft, Loaded, Scenario, checked, checked_alone, draft, laid
from karyon.sim.shipped import SHIPPED
from karyon.sim.units import Factor, Seconds, Section, Text

CELLS_MAX = 1_000_000  # of a grid
COMBINATIONS_MAX = 256  # of the values of lists that are tried before anything runs


class StratumSection(Section):
    """Runs of one kind, such as those with one failure mode."""

    name: Text = Field(description="what it is called in results")
    share: Factor = Field(default=1.0, gt=0, le=1e9, description="how many of the runs, beside the others' shares")
    weight: Factor | None = Field(
        default=None, gt=0, le=1e9, description="how often it is in the world, if not `share`"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="laid on the scenario in its runs")


class PlanSection(Section):
    """A plan."""

    called: ClassVar[str] = "a plan"

    scenario: Text = Field(description="file of a scenario, or the name of a shipped one")
    sampling: Sampling = Field(default="sobol", description="how the runs are spread over what varies")
    run_limit: Seconds = Field(default=60.0, gt=0, le=DAY, description="a run that takes longer has failed")
    settings: dict[str, Any] = Field(default_factory=dict, description="laid on the scenario in all runs")
    design: dict[str, Any] = Field(default_factory=dict, description="laid on its safety design in all runs")
    strata: tuple[StratumSection, ...] = Field(
        default=(StratumSection(name="all"),), min_length=1, description="entries {name, share, settings}"
    )


def plan_file(name: str | Path) -> Path:
    """The file of this name, or else the shipped plan. Raises InputError."""
    path = Path(name)
    folder = SHIPPED / "campaigns"
    shipped = {str(each.relative_to(folder).with_suffix("")): each for each in sorted(folder.glob("**/*.yaml"))}
    if path.exists() or str(name) not in shipped:
        if path.exists():
            return path
        meant = documents.suggestion(str(name), shipped)
        hint = f"did you mean `{meant}`? " if meant else ""
        said = "there is no such file, and no plan of this name is shipped"
        hint += f"shipped are {', '.join(shipped) or 'none'}"
        raise InputError([documents.Fault(documents.shortened(str(name), 200), None, None, 0, said, hint)])
    return shipped[str(name)]


def read(plan: str | Path, name: str = "", beside: Path | None = None) -> Plan:
    """The plan in a file, or the shipped one of this name. Raises InputError with all that is wrong with it.

    name     what it is called, if not as its file
    beside   folder where it was, if it is a copy: there its scenario is looked for
    """
    path = plan_file(plan)
    document, text = _extended(path, ())
    try:
        section = PlanSection.model_validate(document.data)
    except ValidationError as error:
        raise InputError(wording.faults(error, PlanSection, document)) from None
    return _checked(section, document, beside or path.parent, text, name or path.stem)


def _extended(path: Path, outer: tuple[Path, ...]) -> tuple[Document, str]:
    """The document in a file, laid on the one that it extends, and its text, or that of both together."""
    source = documents.read(path)
    document = documents.compose(source)
    if not isinstance(document.data, dict):
        raise InputError([document.place(()).fault("a plan is a mapping of fields", "it begins `scenario: ...`")])
    if "extends" not in document.data:
        return document, source.text
    name, place = document.data["extends"], document.place(("extends",))
    if not isinstance(name, str) or not name:
        raise InputError([place.fault("extends is the file of a plan, or the name of a shipped one")])
    base = path.parent / name if (path.parent / name).is_file() else plan_file(name)
    if base.resolve() in (*outer, path.resolve()):
        raise InputError([place.fault("extends goes in a circle")])
    below, _ = _extended(base, (*outer, path.resolve()))
    whole = documents.merged(below, document.without((), ["extends"]))
    return whole, f"# {path.name}, laid on {base.name}\n{json.dumps(whole.data, indent=2, ensure_ascii=False)}\n"


def _checked(section: PlanSection, document: Document, beside: Path, text: str, name: str) -> Plan:
    base = _scenario(section.scenario, document, beside)
    faults = _faults_of_strata(section, document)
    over_design = _part(document, ("design",))
    drafts = [replace(base, document=each) for each in _documents(base, section, document)]
    of_design, wrong = choices.found_in(over_design)
    strata, loaded = [], []
    for one, found in zip(section.strata, drafts, strict=True):
        of_scenario, unreadable = choices.found_in(found.document)
        faults += unreadable
        if unreadable or wrong:
            continue
        faults += [
            found.document.place(each.path).fault("a campaign draws the seed of each run", "--seed is the campaign's")
            for each in of_scenario
            if each.path == ("seed",)
        ]
        faults += _without_steps(section.sampling, found.document, of_scenario)
        try:
            made, first = _stratum(one, section, found, of_scenario, over_design, of_design)
        except InputError as error:
            faults += error.faults
            continue
        strata.append(made)
        loaded.append(first)
    faults += wrong + _without_steps(section.sampling, over_design, of_design)
    if faults:
        raise InputError(documents.in_order(faults))
    kinds = {(one.scenario.kind, one.scenario.safety) for one in loaded}
    if len(kinds) > 1:
        raise InputError([document.place(("strata",)).fault("all strata share one kind and one safety design")])
    design = documents.merged(documents.load(Path(loaded[0].scenario.safety)), over_design)
    varied, _ = choices.found_in(design)
    return Plan(
        name=name,
        sampling=section.sampling,
        run_limit=section.run_limit,
        strata=tuple(strata),
        design=_filled(design, varied, [0] * len(varied)).data,
        varied=tuple(varied),
        loaded=loaded[0],
        text=text,
        content=json.dumps(document.data, sort_keys=True),
        base=f"{base.document.data!r}\n{loaded[0].design_text}",
        folder=beside,
    )


def _faults_of_strata(section: PlanSection, document: Document) -> list[documents.Fault]:
    names = [one.name for one in section.strata]
    return [
        document.place(("strata", index, "name")).fault(f"a second stratum is called {documents.quoted(name)}")
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _scenario(name: str, document: Document, folder: Path) -> Draft:
    """The scenario that a plan names: beside it, from here, or shipped."""
    beside = folder / name
    try:
        return draft(beside if beside.is_file() else name)
    except InputError as error:
        said = error.faults[0]
        if said.line is not None or said.where != documents.shortened(name, 200):
            raise
        raise InputError([document.place(("scenario",)).fault(f"scenario: {said.message}", said.hint)]) from None


def _documents(base: Draft, section: PlanSection, document: Document) -> list[Document]:
    """Per stratum the scenario with all that is laid on it."""
    common = laid(base.document, _part(document, ("settings",)))
    return [laid(common, _part(document, ("strata", index, "settings"))) for index in range(len(section.strata))]


def _part(document: Document, path: Keys) -> Document:
    """The mapping at `path` as a document; an empty one where there is none."""
    if document.at(path) is None:
        return Document({}, {}, {(): document.place(path)})
    return choices.below(document, path)


def _without_steps(kind: Sampling, document: Document, varied: Sequence[Varied]) -> list[documents.Fault]:
    if kind != "grid":
        return []
    return [
        document.place(one.path).fault("a grid needs the number of steps of a range", "for example `steps: 5`")
        for one in varied
        if not isinstance(one.choice, OneOf) and one.choice.steps is None
    ]


def _stratum(
    one: StratumSection,
    section: PlanSection,
    found: Draft,
    varied: list[Varied],
    over_design: Document,
    of_design: list[Varied],
) -> tuple[Stratum, Loaded]:
    """The stratum, once all alternatives have been tried, and its scenario with the first of them."""
    whole = sum(each.share for each in section.strata)
    weights = [each.share if each.weight is None else each.weight for each in section.strata]
    weight = weights[section.strata.index(one)] / sum(weights)
    faults: list[documents.Fault] = []
    files: dict[Keys, dict[Any, str]] = {}
    for corner in _corners(varied):
        tried = replace(found, document=_filled(found.document, varied, corner))
        try:
            scenario = checked_alone(tried)
        except InputError as error:
            faults += error.faults
            continue
        _resolve(tried.document, scenario, files)
    designs = [_filled(over_design, of_design, corner) for corner in _corners(of_design)]
    first = replace(found, document=_filled(found.document, varied, [0] * len(varied)))
    loaded = None
    for design in designs:
        try:
            loaded = loaded or checked(first, design)
            checked(first, design)
        except InputError as error:
            faults += error.faults
    if faults or loaded is None:
        raise InputError(faults)
    data = first.document.data
    for path, names in files.items():
        data = put(data, path, names[first.document.at(path)])
    settled = tuple(_with_files(each, files) for each in varied)
    return Stratum(one.name, one.share / whole, weight, data, settled), loaded


def _resolve(document: Document, scenario: Scenario, files: dict[Keys, dict[Any, str]]) -> None:
    """Remember how the scenario calls the files that the document names."""
    for path in FILES:
        if (name := document.at(path)) is not None:
            found: Any = scenario
            for key in path:
                found = getattr(found, str(key))
            files.setdefault(path, {})[name] = str(found)


def _with_files(varied: Varied, files: dict[Keys, dict[Any, str]]) -> Varied:
    if varied.path not in files or not isinstance(varied.choice, OneOf):
        return varied
    names = tuple(files[varied.path][value] for value in varied.choice.one_of)
    return replace(varied, choice=OneOf(one_of=names))


def _corners(varied: Sequence[Varied]) -> list[list[int]]:
    """Which alternative of each value is tried: each at least once, and those of lists in all combinations if few."""
    sizes = [len(one.alternatives()) for one in varied]
    corners = [[min(turn, size - 1) for size in sizes] for turn in range(max(sizes, default=1))]
    lists = [size if isinstance(one.choice, OneOf) else 1 for one, size in zip(varied, sizes, strict=True)]
    if prod(lists) <= COMBINATIONS_MAX:
        corners += [list(corner) for corner in product(*map(range, lists))]
    return corners


def _filled(document: Document, varied: Sequence[Varied], corner: Sequence[int]) -> Document:
    """The document with one alternative in the place of each value that varies, and its place in the plan."""
    data, values = document.data, dict(document.values)
    for one, turn in zip(varied, corner, strict=True):
        below, value = one.alternatives()[turn]
        data = put(data, one.path, value)
        values[one.path] = document.place((*one.path, *below))
    return Document(data, document.keys, values)
