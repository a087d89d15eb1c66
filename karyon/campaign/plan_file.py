"""Files of plans: a scenario, what is laid on it in all runs and in those of each stratum, and what of that varies.

A plan is refused with all that is wrong in it, at the place in its file, for both ends of each range and for each value
of each list: whatever a run draws is then a scenario that is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from karyon.campaign import choices, trial
from karyon.campaign.choices import OneOf, Varied
from karyon.campaign.plan import Plan, Sampling, Stratum
from karyon.sim import documents, kinds, wording
from karyon.sim.documents import Document, InputError, Keys, Source
from karyon.sim.failure_modes import DAY
from karyon.sim.scenario import Draft, Loaded, draft, laid
from karyon.sim.shipped import SHIPPED
from karyon.sim.units import Factor, Seconds, Section, Text


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
    document, text = _extended(path, (), beside)
    try:
        section = PlanSection.model_validate(document.data)
    except ValidationError as error:
        raise InputError(wording.faults(error, PlanSection, document)) from None
    return _checked(section, document, beside or path.parent, text, name or path.stem)


def _extended(path: Path, outer: tuple[Path, ...], beside: Path | None = None) -> tuple[Document, str]:
    """The document in a file, laid on the one that it extends, and its text, or that of both together.

    What it names is looked for in the folder `beside`, if it is a copy of what was there.
    """
    source = documents.read(path)
    if beside is not None:
        source = Source(str(beside / path.name), source.text)
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
    over_design = _part(document, ("design",))
    of_design, wrong = choices.found_in(over_design)
    faults = _faults_of_strata(section, document) + wrong
    drafts = [replace(base, document=each) for each in _documents(base, section, document)]
    found = [choices.found_in(one.document) for one in drafts]
    faults += [fault for _, unreadable in found for fault in unreadable]
    columns = [(one.document, varied) for one, (varied, _) in zip(drafts, found, strict=True)]
    faults += [fault for each in columns for fault in _fixed(*each)]
    for each in (*columns, (over_design, of_design)):
        faults += _without_steps(section.sampling, *each)
    if faults:
        raise InputError(documents.in_order(faults))
    tried = []
    for one, (varied, _) in zip(drafts, found, strict=True):
        try:
            tried.append(_tried(one, varied, over_design, of_design))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(documents.in_order(faults))
    loaded = [first for _, first in tried]
    if len({(one.scenario.kind, one.scenario.safety) for one in loaded}) > 1:
        raise InputError([document.place(("strata",)).fault("all strata share one kind and one safety design")])
    design = documents.merged(documents.load(Path(loaded[0].scenario.safety)), over_design)
    varied, _ = choices.found_in(design)
    strata = [_stratum(section, index, one, found[index][0]) for index, (one, _) in enumerate(tried)]
    files = {path: digest for one, _ in tried for path, digest in trial.hashes(one.files).items()}
    return Plan(
        name=name,
        sampling=section.sampling,
        run_limit=section.run_limit,
        strata=tuple(strata),
        design=trial.filled(design, varied, [one.alternatives()[0] for one in varied]).data,
        varied=tuple(varied),
        loaded=loaded[0],
        files=tuple(files.items()),
        text=text,
        content=json.dumps(document.data, sort_keys=True),
        base=f"{base.document.data!r}\n{loaded[0].design_text}",
        folder=beside,
    )


def _fixed(document: Document, varied: Sequence[Varied]) -> list[documents.Fault]:
    """What a plan cannot vary."""
    hints = {
        ("seed",): ("a campaign draws the seed of each run", "--seed is the campaign's"),
        ("kind",): ("a campaign has one kind of scenario", "write a plan for each"),
        ("safety",): ("a campaign has one safety design", "vary its numbers under `design`"),
    }
    return [document.place(one.path).fault(*hints[one.path]) for one in varied if one.path in hints]


def _faults_of_strata(section: PlanSection, document: Document) -> list[documents.Fault]:
    """Names twice, weights of some strata alone, shares in a grid, a seed of one's own."""
    names = [one.name for one in section.strata]
    faults = [
        document.place(("strata", index, "name")).fault(f"a second stratum is called {documents.quoted(name)}")
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    weighted = [one.weight is not None for one in section.strata]
    if any(weighted) and not all(weighted):
        place = document.place(("strata", weighted.index(False)))
        faults.append(place.fault("this stratum has no weight, and others have", "give all of them one, or none"))
    for index, one in enumerate(section.strata):
        if section.sampling == "grid" and one.share != 1.0:
            place = document.place(("strata", index, "share"))
            faults.append(place.fault("a grid has all cells of each stratum once, whatever its share", "use `weight`"))
        faults += _own_seed(document, ("strata", index, "settings"))
    return faults + _own_seed(document, ("settings",))


def _own_seed(document: Document, path: Keys) -> list[documents.Fault]:
    seed = document.at((*path, "seed"))
    if seed is None or isinstance(seed, dict):
        return []
    return [document.place((*path, "seed")).fault("a campaign draws the seed of each run", "--seed is the campaign's")]


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
    common = _laid(base.document, _part(document, ("settings",)))
    return [_laid(common, _part(document, ("strata", index, "settings"))) for index in range(len(section.strata))]


def _laid(base: Document, over: Document) -> Document:
    """`over` on `base`; a choice takes the place of a mapping rather than being laid on it."""
    for one in choices.found_in(over)[0]:
        *around, name = one.path
        if isinstance(base.at(one.path), dict) and isinstance(base.at(tuple(around)), dict):
            base = base.without(tuple(around), [str(name)])
    return laid(base, over)


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


def _tried(
    found: Draft, varied: Sequence[Varied], over_design: Document, of_design: Sequence[Varied]
) -> tuple[trial.Tried, Loaded[Any]]:
    """What came of trying all that may vary in a stratum, and its first scenario with its first design."""
    tried = trial.tried(found, varied)
    loaded = [kinds.checked(tried.first, design) for design in trial.designs(over_design, of_design)]
    return tried, loaded[0]


def _stratum(section: PlanSection, index: int, tried: trial.Tried, varied: Sequence[Varied]) -> Stratum:
    one, shares = section.strata[index], [each.share for each in section.strata]
    weights = [each.share if each.weight is None else each.weight for each in section.strata]
    data = trial.with_files(tried.first.document.data, tried.files)
    settled = tuple(_with_files(each, tried.files) for each in varied)
    kind = kinds.kind_of(tried.first.document)
    return Stratum(one.name, one.share / sum(shares), weights[index] / sum(weights), data, settled, kind)


def _with_files(varied: Varied, files: dict[Keys, dict[Any, str]]) -> Varied:
    if varied.path not in files or not isinstance(varied.choice, OneOf):
        return varied
    names = tuple(files[varied.path][value] for value in varied.choice.one_of)
    return replace(varied, choice=OneOf(one_of=names))
