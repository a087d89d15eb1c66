"""The safety case of a design: the file that its `safety_case` names, in the words of ISO 26262.

Item, hazards, goals, requirements, claims and assumptions, each by its id, so that a case that `extends` another one
lays its own on what is there. The design itself has what the kernel needs: signals, rules, timing, and the FTTI.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field, ValidationError, model_validator

from karyon.kernel import Design
from karyon.sim import documents, safety_file, wording
from karyon.sim.documents import Document, Fault, InputError, Keys
from karyon.sim.failure_modes import MODES
from karyon.sim.shipped import SHIPPED, named_file
from karyon.sim.units import Factor, Seconds, Section, Text, contradiction

Ids = tuple[Text, ...]
References: TypeAlias = Iterator[tuple[Keys, Iterable[str], Iterable[str], str]]
Asil = Literal["QM", "A", "B", "C", "D", "A(B)", "A(C)", "A(D)", "B(B)", "B(C)", "B(D)", "C(C)", "C(D)", "D(D)"]


class Item(Section):
    """What the analysis is of. [ISO 26262-3, 5]"""

    name: Text = Field(description="what it is called")
    purpose: Text = Field(description="what it is for")
    functions: dict[str, Text] = Field(description="vehicle functions by id: what each has to do")
    boundary: Text = Field(description="what belongs to it and what does not")
    interfaces: dict[str, Text] = Field(default_factory=dict, description="what it gives to and takes from others")


class Element(Section):
    """What the evidence is for."""

    name: Text = Field(description="what was analysed and run")
    stands_for: Text = Field(description="what it stands for in a vehicle")
    transfers_by: Ids = Field(description="assumptions by which results transfer")
    not_claimed: tuple[Text, ...] = Field(description="what nobody may read into the evidence")


class Condition(Section):
    """A condition of the operational design domain, and what runs have of it."""

    text: Text = Field(description="what is covered")
    quantity: Literal["leader.speed", "leader.deceleration", "radio.loss", "radar.range"] | None = Field(
        default=None, description="by which it is held against what plans sample"
    )
    range: tuple[Factor, Factor] | None = Field(default=None, description="of that quantity, from and to, in SI")
    runs: Text | None = Field(default=None, description="what runs have of it, where no number says so; none: nothing")

    @model_validator(mode="after")
    def _held_against_one_thing(self) -> Condition:
        if (self.quantity is None) != (self.range is None):
            raise contradiction("is half a range", "`quantity` and `range` go together")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise contradiction("has an empty range", "from the least to the most")
        return self


class HazopCell(Section):
    """Cells of the HAZOP table."""

    function: Text = Field(description="a function of the item")
    guideword: Text = Field(description="one of the guidewords")
    situations: Ids = Field(default=(), description="in which situations; if none is named, in all")
    effect: Text = Field(description="what the vehicle then does")
    hazard: Text | None = Field(default=None, description="the hazard that comes of it")
    dismissed: Text | None = Field(default=None, description="why no hazard comes of it")


class Hazop(Section):
    """The HAZOP table: functions by guidewords by situations."""

    guidewords: tuple[Text, ...] = Field(description="in which ways a function can deviate")
    cells: tuple[HazopCell, ...] = Field(description="entries {function, guideword, situations, effect, hazard}")


class Why(Section):
    """The reasons of a rating."""

    severity: Text = Field(description="why this severity")
    exposure: Text = Field(description="why this exposure")
    controllability: Text = Field(description="why this controllability")


class Event(Section):
    """A hazard in a situation, rated. [ISO 26262-3, 6]"""

    hazard: Text = Field(description="which hazard")
    situation: Text = Field(description="in which situation")
    harm: Text = Field(description="what happens to whom")
    severity: Literal["S0", "S1", "S2", "S3"] = Field(description="of the harm")
    exposure: Literal["E0", "E1", "E2", "E3", "E4"] = Field(description="how often one is in the situation")
    controllability: Literal["C0", "C1", "C2", "C3"] = Field(description="whether those involved can avoid the harm")
    asil: Literal["QM", "A", "B", "C", "D"] = Field(description="what the table gives")
    why: Why = Field(description="the reasons of the three ratings")
    goal: Text | None = Field(default=None, description="the safety goal against it; none is needed for QM")


class Goal(Section):
    """A safety goal."""

    text: Text = Field(description="what must not happen, or must hold")
    asil: Literal["A", "B", "C", "D"] = Field(description="the highest of its events")
    safe_state: Text = Field(description="where the item goes")
    ftti: Seconds = Field(gt=0, description="fault-tolerant time interval")
    ftti_why: Text = Field(description="where that number comes from")
    watched: Ids = Field(default=(), description="hazards of the design that every run watches, and that break it")
    counted: tuple[Literal["false_downgrades"], ...] = Field(
        default=(), description="what is counted of it in runs without a fault, per hour"
    )
    external_id: Text | None = Field(default=None, description="its id in a tool of yours")


class Requirement(Section):
    """A functional or technical safety requirement. [ISO 26262-3, 7; ISO 26262-4, 6]"""

    kind: Literal["functional", "technical"] = Field(description="functional or technical")
    text: Text = Field(description="what must hold")
    asil: Asil = Field(description="inherited, or after decomposition: B(D)")
    goals: Ids = Field(default=(), description="safety goals that it serves")
    refines: Ids = Field(default=(), description="requirements that it refines")
    allocation: Text = Field(description="who has to fulfil it")
    rationale: Text = Field(description="why it is enough, and needed")
    guards: Ids = Field(default=(), description="signals, components, peers of whose rules it speaks")
    assumed: Ids = Field(default=(), description="assumptions that stand in for a test: others have to show it")
    external_id: Text | None = Field(default=None, description="its id in a tool of yours")


class Decomposition(Section):
    """Two redundant requirements in the place of one, of which each fulfils it alone. [ISO 26262-9, 5]"""

    requirement: Text = Field(description="what is decomposed")
    into: tuple[Text, Text] = Field(description="two requirements, which refine it")
    redundancy: Text = Field(description="why each of the two fulfils it if the other fails")
    independence: Text = Field(description="why one fault does not break both")
    shared: dict[str, Text] = Field(
        default_factory=dict, description="by dependent failure that is common to both: why both do not fail by it"
    )
    assumed: Ids = Field(default=(), description="assumptions on which the independence rests")


class Indicator(Section):
    """A safety performance indicator: what a session of `karyon hil` watches of a claim. [UL 4600, 16]"""

    text: Text = Field(description="by what operation would notice that the claim breaks")
    quantity: Literal["violations", "worst_switch_latency", "false_downgrades", "min_rss_margin", "min_gap"] = Field(
        description="of `summary.json`; violations: of what the claim counts"
    )
    at_most: Factor | None = Field(default=None, description="beyond this the claim is broken")
    at_least: Factor | None = Field(default=None, description="below this the claim is broken")

    @model_validator(mode="after")
    def _one_threshold(self) -> Indicator:
        if (self.at_most is None) == (self.at_least is None):
            raise contradiction("needs one threshold", "either `at_most` or `at_least`")
        return self


class Claim(Section):
    """A rate that runs of a campaign can show or refute."""

    text: Text = Field(description="what is claimed")
    requirements: Ids = Field(description="requirements that it supports")
    plan: Text = Field(description="name of the plan whose campaign shows it")
    violates: Ids = Field(default=(), description="hazards of the design that count; if none is named, all")
    below: Factor = Field(gt=0, lt=1, description="the rate must be below this")
    per: Text = Field(description="what the rate is per: the denominator")
    indicator: Indicator = Field(description="safety performance indicator, with its threshold")
    defeaters: tuple[Text, ...] = Field(min_length=1, description="what would make it false or worthless")


class Assumption(Section):
    """What is taken for granted here, and must be shown elsewhere."""

    kind: Literal["of use", "of the model", "of transfer"] = Field(description="on what it rests")
    text: Text = Field(description="what is assumed")
    shown_by: Text = Field(description="who has to show it, and how")


class Occurrence(Section):
    """How often a signal or component fails."""

    per_hour: Factor = Field(gt=0, lt=1, description="failures per hour, all modes together")
    source: Text = Field(description="who says so: without a source it is no number")


class DependentFailure(Section):
    """A cause that makes several things fail at once. [ISO 26262-9, 7]"""

    cause: Text = Field(description="what they share")
    items: dict[str, Text] = Field(description="signals and components that then fail together, each with its mode")
    defeats: Ids = Field(default=(), description="ways of detection that it takes away: `check NAME`, `age limit` ...")
    occurrence: Occurrence | None = Field(default=None, description="how often; none: nobody says so with a source")
    measure: Text = Field(description="what is done about it")
    residual: Text = Field(description="what is left")


class DualFailure(Section):
    """A failure while nobody is heard who would show it: seen by less, and later. [ISO 26262-5, 7.4.3: dual-point]"""

    item: Text = Field(description="the signal that fails")
    argument: Text = Field(description="why that is bearable although it takes longer than the FTTI, or that it is not")
    assumed: Ids = Field(default=(), description="assumptions on which that rests")


class Coverage(Section):
    """Diagnostic coverage that is claimed of a signal or component. [ISO 26262-5, annex D]"""

    share: Factor = Field(ge=0, le=1, description="share of its failures that are controlled in time")
    source: Text = Field(description="who says so")


class Node(Section):
    """A node of the argument in Goal Structuring Notation. [GSN Community Standard 3]"""

    kind: Literal["goal", "strategy", "solution", "context", "assumption", "justification"] = Field(
        description="what it is"
    )
    text: Text = Field(description="what it says")
    supported_by: Ids = Field(default=(), description="nodes below it")
    in_context_of: Ids = Field(default=(), description="contexts, assumptions, justifications beside it")
    shown_by: Ids = Field(default=(), description="claims, goals, requirements whose state is its own")


class Triggering(Section):
    """A triggering condition without any fault. [ISO 21448]"""

    text: Text = Field(description="what happens")
    plan: Text | None = Field(default=None, description="the plan that varies it; none: nobody has run it")
    stratum: Text | None = Field(default=None, description="the stratum of that plan; none: all of them")
    treated: Text = Field(description="what is done about it, or why nothing is")


class Model(Section):
    """A model of the simulation, held against recordings. [ISO 34502; SAE J3131: credibility of simulation]"""

    text: Text = Field(description="what is modelled, and how")
    against: Text | None = Field(default=None, description="which recordings; none: nobody has compared it")
    measure: Text | None = Field(default=None, description="what of the two was compared")
    error: Factor | None = Field(default=None, ge=0, description="how far they are apart, in `unit`")
    unit: Text = Field(default="1", description="of the error")
    assumed: Factor | None = Field(default=None, description="what the design or scenario takes instead, in `unit`")
    validated: dict[Literal["leader.speed", "leader.deceleration", "radio.loss"], tuple[Factor, Factor]] = Field(
        default_factory=dict, description="range of each quantity that the recordings cover, in SI"
    )
    verdict: Text = Field(description="what that means for the claims")

    @model_validator(mode="after")
    def _error_of_something(self) -> Model:
        if (self.error is None) != (self.against is None) or (self.error is None) != (self.measure is None):
            raise contradiction("has an error of nothing", "`against`, `measure` and `error` go together")
        return self


class Review(Section):
    """What a person has looked at, as it was then. It expires for what has changed since. [ISO 26262-2, 6.4.9]"""

    name: Text = Field(description="who")
    role: Text = Field(description="as what: author, confirmation reviewer, assessor ...")
    independence: Literal["I0", "I1", "I2", "I3"] = Field(description="of the author, by ISO 26262-2, table 1")
    date: Text = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="when, as 2026-11-30")
    of: dict[str, Text] = Field(description="by id, or `case` for all of it: the hash that the report showed")
    finding: Text = Field(description="what came of it")


class Case(Section):
    """A safety case."""

    called: ClassVar[str] = "a safety case"

    item: Item = Field(description="what the analysis is of")
    element: Element = Field(description="what the evidence is for")
    odd: dict[str, Condition] = Field(description="operational design domain, by condition")
    situations: dict[str, Text] = Field(description="situations by id")
    hazop: Hazop = Field(description="the table of deviations")
    hazards: dict[str, Text] = Field(description="hazards by id")
    events: dict[str, Event] = Field(description="hazardous events by id")
    goals: dict[str, Goal] = Field(description="safety goals by id")
    requirements: dict[str, Requirement] = Field(description="requirements by id")
    decompositions: dict[str, Decomposition] = Field(default_factory=dict, description="decompositions by id")
    claims: dict[str, Claim] = Field(description="claims by id")
    assumptions: dict[str, Assumption] = Field(description="assumptions by id")
    dependent_failures: dict[str, DependentFailure] = Field(description="common causes by id")
    dual_failures: dict[str, DualFailure] = Field(
        default_factory=dict, description="failures while nobody is heard, by id"
    )
    coverage: dict[str, Coverage] = Field(default_factory=dict, description="claimed, by signal or component")
    occurrence: dict[str, Occurrence] = Field(default_factory=dict, description="rates, by signal or component")
    triggering: dict[str, Triggering] = Field(default_factory=dict, description="triggering conditions by id")
    models: dict[str, Model] = Field(default_factory=dict, description="credibility of the simulation, by model")
    reviews: dict[str, Review] = Field(default_factory=dict, description="review records by id")
    limitations: tuple[Text, ...] = Field(description="what the evidence does not show")
    argument: dict[str, Node] = Field(description="the argument, by id; the first node is its top")


def items_of(case: Case) -> dict[str, Section]:
    """All that has an id and can be looked at alone: a hazardous event, a goal, a requirement, a claim ..."""
    sections = (case.events, case.goals, case.requirements, case.decompositions, case.claims, case.assumptions)
    failures = (case.dependent_failures, case.dual_failures)
    return {name: one for section in (*sections, *failures) for name, one in section.items()}


@dataclass(frozen=True)
class SafetyDesign:
    """A design with its safety case.

    path, text        the design's file
    files             those of the case, the one that is extended last
    document, of_case where all that they say stands
    """

    path: Path
    text: str
    design: Design
    document: Document
    case: Case
    of_case: Document
    files: tuple[Path, ...]

    @property
    def ftti(self) -> float:
        """The shortest of its hazards, s; infinite: it has none."""
        return min((hazard.ftti for hazard in self.design.hazards), default=inf)


def named_case(path: Path) -> bool:
    """Whether the file is a design that names a safety case. Raises InputError where it cannot be read."""
    data = documents.load(path).data
    return isinstance(data, dict) and "safety_case" in data


def read(path: Path) -> SafetyDesign:
    """The design in a file and the safety case that it names. Raises InputError with all faults of both."""
    source = documents.read(path)
    design, document = safety_file.parse(source), documents.compose(source)
    name = document.at(("safety_case",))
    if name is None:
        hint = "a field `safety_case: FILE` names it"
        raise InputError([document.place(()).source.fault(0, 1, "this design has no safety case", hint)])
    folders = (path.parent, SHIPPED / "safety")  # also of a copy of a shipped design
    file = named_file(("safety_case",), str(name), document.place(("safety_case",)), folders)
    of_case, files = _extended(file, ())
    try:
        case = Case.model_validate(of_case.data)
    except ValidationError as error:
        raise InputError(wording.faults(error, Case, of_case)) from None
    if faults := list(_dangling(case, design, of_case)):
        raise InputError(documents.in_order(faults))
    return SafetyDesign(path, source.text, design, document, case, of_case, files)


def _extended(path: Path, outer: tuple[Path, ...]) -> tuple[Document, tuple[Path, ...]]:
    document = documents.load(path)
    if not isinstance(document.data, dict):
        raise InputError([document.place(()).fault("a safety case is a mapping of fields")])
    name = document.data.get("extends")
    if name is None:
        return document, (path,)
    place, base = document.place(("extends",)), path.parent / str(name)
    if not base.is_file():
        raise InputError([place.fault("extends names a file that is not there")])
    if base.resolve() in (*outer, path.resolve()):
        raise InputError([place.fault("extends goes in a circle")])
    below, files = _extended(base, (*outer, path.resolve()))
    return documents.merged(below, document.without((), ["extends"])), (path, *files)


def _dangling(case: Case, design: Design, document: Document) -> Iterator[Fault]:
    """References to what is not there."""
    items = {signal.name for signal in design.signals} | {one.name for one in design.components} | set(design.peers)
    watched = {hazard.id for hazard in design.hazards}
    evidence = {*case.claims, *case.goals, *case.requirements, *case.assumptions}
    for path, names, known, what in _references(case, items, watched, evidence):
        for index, name in enumerate(names):
            if name not in known:
                at = (*path, index) if document.at((*path, index)) is not None else path
                meant = documents.suggestion(name, known)
                hint = f"did you mean {documents.quoted(meant)}?" if meant else ""
                yield document.place(at).fault(f"there is no {what} {documents.quoted(name)}", hint)


def _references(case: Case, items: set[str], watched: set[str], evidence: set[str]) -> References:
    """Where names stand, which, what there is, and what it is called."""
    yield ("element", "transfers_by"), case.element.transfers_by, case.assumptions, "assumption"
    yield from _of_hazards(case, watched)
    yield from _of_concept(case, items, watched)
    yield from _of_argument(case, evidence)


def _of_hazards(case: Case, watched: set[str]) -> References:
    for index, cell in enumerate(case.hazop.cells):
        at: Keys = ("hazop", "cells", index)
        yield (*at, "function"), [cell.function], case.item.functions, "function"
        yield (*at, "guideword"), [cell.guideword], case.hazop.guidewords, "guideword"
        yield (*at, "situations"), cell.situations, case.situations, "situation"
        yield (*at, "hazard"), [cell.hazard] if cell.hazard else [], case.hazards, "hazard"
    for name, event in case.events.items():
        yield ("events", name, "hazard"), [event.hazard], case.hazards, "hazard"
        yield ("events", name, "situation"), [event.situation], case.situations, "situation"
        yield ("events", name, "goal"), [event.goal] if event.goal else [], case.goals, "goal"
    for name, goal in case.goals.items():
        yield ("goals", name, "watched"), goal.watched, watched, "hazard of the design"


def _of_concept(case: Case, items: set[str], watched: set[str]) -> References:
    for name, one in case.requirements.items():
        yield ("requirements", name, "goals"), one.goals, case.goals, "goal"
        yield ("requirements", name, "refines"), one.refines, case.requirements, "requirement"
        yield ("requirements", name, "guards"), one.guards, items, "signal, component or peer"
        yield ("requirements", name, "assumed"), one.assumed, case.assumptions, "assumption"
    for name, split in case.decompositions.items():
        yield ("decompositions", name, "requirement"), [split.requirement], case.requirements, "requirement"
        yield ("decompositions", name, "into"), split.into, case.requirements, "requirement"
        yield ("decompositions", name, "assumed"), split.assumed, case.assumptions, "assumption"
        yield ("decompositions", name, "shared"), split.shared, case.dependent_failures, "dependent failure"
    for name, claim in case.claims.items():
        yield ("claims", name, "requirements"), claim.requirements, case.requirements, "requirement"
        yield ("claims", name, "violates"), claim.violates, watched, "hazard of the design"
    for name, cause in case.dependent_failures.items():
        for item, mode in cause.items.items():
            yield ("dependent_failures", name, "items", item), [item], items, "signal, component or peer"
            yield ("dependent_failures", name, "items", item), [mode], MODES, "failure mode"
    for name, dual in case.dual_failures.items():
        yield ("dual_failures", name, "item"), [dual.item], items, "signal, component or peer"
        yield ("dual_failures", name, "assumed"), dual.assumed, case.assumptions, "assumption"
    for section in ("coverage", "occurrence"):
        for name in getattr(case, section):
            yield (section, name), [name], items, "signal, component or peer"


def _of_argument(case: Case, evidence: set[str]) -> References:
    for name, review in case.reviews.items():
        for each in review.of:
            yield ("reviews", name, "of", each), [each], {"case", *items_of(case)}, "item of the case"
    for name, node in case.argument.items():
        for field in ("supported_by", "in_context_of"):
            yield ("argument", name, field), getattr(node, field), case.argument, "node of the argument"
        yield ("argument", name, "shown_by"), node.shown_by, evidence, "claim, goal, requirement or assumption"
