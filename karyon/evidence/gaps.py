"""Gaps of a safety case: what is missing, inconsistent or not enough, each with the place where it should stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from karyon.evidence import dual, hara, trace
from karyon.evidence.case import SafetyDesign, named_case, read
from karyon.evidence.claims import UNTRIED, Result
from karyon.evidence.trace import Test
from karyon.kernel.design import Function
from karyon.sim import kinds
from karyon.sim.documents import Keys


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap. `place` is file:line."""

    subject: str
    text: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.subject}: {self.text}"


def told(name: str) -> list[str]:
    """The gaps of the safety case of a design in a file; none of a file that names none. Raises InputError."""
    path = Path(name)
    if not path.is_file() or not named_case(path):
        return []
    folder = trace.own_tests()
    return [str(gap) for gap in find(read(path), None if folder is None else trace.tests(folder))]


def find(of: SafetyDesign, tests: Sequence[Test] | None) -> list[Gap]:
    """All gaps that show without runs; `tests` None: nobody can say which tests there are."""
    found = [*_hazards(of), *_exposures(of), *_goals(of), *_requirements(of), *_decompositions(of)]
    found += [*_timing(of), *_unheard(of), *_rules(of), *_causes(of), *_argument(of)]
    return found + (list(_untested(of, tests)) if tests is not None else [])


def of_claims(of: SafetyDesign, results: Iterable[Result]) -> Iterator[Gap]:
    """Claims whose plan no campaign has run."""
    for one in results:
        if one.state == UNTRIED:
            yield _gap(of, ("claims", one.id), f"a claim without runs: no campaign of plan {one.claim.plan} is given")


def _gap(of: SafetyDesign, path: Keys, text: str) -> Gap:
    return Gap(str(path[1]) if len(path) > 1 else str(path[0]), text, trace.line(of.of_case.place_of_key(path)))


def _hazards(of: SafetyDesign) -> Iterator[Gap]:
    case = of.case
    rated = {(one.hazard, one.situation) for one in case.events.values()}
    cells = list(hara.table(case))
    for cell in cells:
        if cell.is_empty:
            where = f"{cell.function} × {cell.guideword} × {cell.situation}"
            yield _gap(of, ("hazop", "cells"), f"the cell {where} names neither a hazard nor why there is none")
    needed = dict.fromkeys((cell.hazard, cell.situation) for cell in cells if cell.hazard)
    for hazard, situation in needed:
        if (hazard, situation) not in rated:
            yield _gap(of, ("hazards", str(hazard)), f"is not rated in situation {situation}")
    for hazard in case.hazards:
        if hazard not in {name for name, _ in needed}:
            yield _gap(of, ("hazards", hazard), "comes from no cell of the HAZOP table")
    for name, event in case.events.items():
        wanted = hara.asil(event.severity, event.exposure, event.controllability)
        if event.asil != wanted:
            rating = f"{event.severity} {event.exposure} {event.controllability}"
            yield _gap(of, ("events", name, "asil"), f"is {rating}, which is {wanted}, and not {event.asil}")
        if event.asil != "QM" and event.goal is None:
            yield _gap(of, ("events", name), f"has ASIL {event.asil} and no safety goal")


def _exposures(of: SafetyDesign) -> Iterator[Gap]:
    """Exposure is that of a situation, whatever the hazard. [ISO 26262-3, 6.4.3]"""
    first: dict[str, str] = {}
    for name, event in of.case.events.items():
        other = first.setdefault(event.situation, name)
        exposure = of.case.events[other].exposure
        if event.exposure != exposure:
            said = f"has {event.exposure} in situation {event.situation}, and {other} has {exposure} in the same one"
            yield _gap(of, ("events", name, "exposure"), said)


def _goals(of: SafetyDesign) -> Iterator[Gap]:
    case = of.case
    for name, goal in case.goals.items():
        events = [event for event in case.events.values() if event.goal == name]
        highest = max((event.asil for event in events), key=hara.rank, default="QM")
        if not events:
            yield _gap(of, ("goals", name), "is the goal of no hazardous event")
        elif hara.rank(goal.asil) != hara.rank(highest):
            yield _gap(of, ("goals", name), f"has ASIL {goal.asil}, and its events have {highest} at most")
        if not any(name in one.goals for one in case.requirements.values()):
            yield _gap(of, ("goals", name), "is a goal without a requirement")
    watched = {each for goal in case.goals.values() for each in goal.watched}
    for hazard in of.design.hazards:
        if hazard.id not in watched:
            yield _gap(of, ("goals",), f"hazard {hazard.id} of the design belongs to no goal")


def _requirements(of: SafetyDesign) -> Iterator[Gap]:
    case = of.case
    split = {part: name for name, one in case.decompositions.items() for part in one.into}
    for name, one in case.requirements.items():
        served = trace.goals_of(of, name)
        if not served:
            yield _gap(of, ("requirements", name), "serves no safety goal")
            continue
        highest = max((case.goals[goal].asil for goal in served), key=hara.rank)
        held = one.asil.split("(")[-1].rstrip(")")
        if hara.rank(held) < hara.rank(highest):
            yield _gap(of, ("requirements", name), f"ASIL {one.asil} is below {highest}, that of its goal")
        if "(" in one.asil and name not in split:
            yield _gap(of, ("requirements", name), f"ASIL {one.asil} is that of a decomposition, and there is none")


def _decompositions(of: SafetyDesign) -> Iterator[Gap]:
    """The two are redundant and independent, as far as a file can show it. [ISO 26262-9, 5.4]"""
    case = of.case
    for name, whole in case.decompositions.items():
        at: Keys = ("decompositions", name)
        above, parts = case.requirements[whole.requirement].asil, [case.requirements[part] for part in whole.into]
        first, second = (part.asil for part in parts)
        if not hara.is_decomposition(above, (first, second)):
            yield _gap(of, at, f"{above} cannot be decomposed into {first} and {second}")
        for part, one in zip(whole.into, parts, strict=True):
            if whole.requirement not in one.refines:
                yield _gap(of, at, f"{part} does not refine {whole.requirement}, so it cannot fulfil it alone")
        if parts[0].allocation == parts[1].allocation:
            said = f"both parts are allocated to one element, {parts[0].allocation}: they are not independent"
            yield _gap(of, at, said)
        if both := sorted(set(parts[0].guards) & set(parts[1].guards)):
            yield _gap(of, at, f"both parts rest on {', '.join(both)}: one fault breaks both")
        for cause, failure in case.dependent_failures.items():
            if all(set(part.guards) & failure.items.keys() for part in parts) and cause not in whole.shared:
                yield _gap(of, at, f"{cause} reaches both parts, and nothing says why both do not fail by it")


def _timing(of: SafetyDesign) -> Iterator[Gap]:
    """A goal's FTTI against that of the design, and against every bound."""
    hazards = {hazard.id: hazard for hazard in of.design.hazards}
    for name, goal in of.case.goals.items():
        for watched in goal.watched:
            if goal.ftti != hazards[watched].ftti:
                said = f"has FTTI {goal.ftti:g} s, and hazard {watched} of the design has {hazards[watched].ftti:g} s"
                yield _gap(of, ("goals", name, "ftti"), said)
        functions = {hazards[watched].function for watched in goal.watched}
        for function in (each for each in of.design.functions if each.name in functions):
            for (item, handling), modes in _too_late(of, function, goal.ftti).items():
                took = f"up to {handling:.3f} s" if isfinite(handling) else "is never detected"
                said = f"{item}, {', '.join(modes)}: {took}, and the FTTI is {goal.ftti:g} s"
                yield _gap(of, ("goals", name, "ftti"), said)


def _too_late(of: SafetyDesign, function: Function, ftti: float) -> dict[tuple[str, float], list[str]]:
    """Failure modes that are not handled within `ftti` (s), by item and FHTI (s)."""
    found: dict[tuple[str, float], list[str]] = {}
    for bound in kinds.bounds_of(of.design)(of.design, function):
        if bound.handling > ftti:
            found.setdefault((bound.item, bound.handling), []).append(bound.mode)
    return found


def _unheard(of: SafetyDesign) -> Iterator[Gap]:
    """What is seen too late while nobody is heard, and of which the case says nothing; and what it says of nothing."""
    late = {one.bound.item: one.bound.handling for one in dual.late(of)}
    for item, handling in late.items():
        if dual.argued(of, item) is None:
            said = f"{item} while no message is heard: up to {handling:.3f} s, and the FTTI is {of.ftti:g} s"
            yield _gap(of, ("dual_failures",), f"{said}: no entry says what follows")
    for name, one in of.case.dual_failures.items():
        if one.item not in late:
            yield _gap(of, ("dual_failures", name), f"{one.item} is seen in time, whoever is heard")


def _rules(of: SafetyDesign) -> Iterator[Gap]:
    guarded = {item for one in of.case.requirements.values() for item in one.guards}
    for rule in trace.rules(of):
        if not guarded & set(rule.items):
            yield Gap(f"LoS {rule.level}", f"no requirement speaks of the rule `{rule.text}`", rule.place)


def _causes(of: SafetyDesign) -> Iterator[Gap]:
    """Failures of common causes against which the design has no rule."""
    design = of.design
    bounds = kinds.bounds_of(design)
    known = {(one.item, one.mode) for function in design.functions for one in bounds(design, function)}
    for name, cause in of.case.dependent_failures.items():
        for item, mode in cause.items.items():
            if (item, mode) not in known:
                yield _gap(of, ("dependent_failures", name), f"no rule guards `{item}` against `{mode}`")


def _untested(of: SafetyDesign, tests: Sequence[Test]) -> Iterator[Gap]:
    """A requirement needs a test, a claim, an assumption that others show it, or others that refine it."""
    carried = {link.requirement for link in trace.links(of, tests) if link.kind not in ("rule", "nothing")}
    for name in of.case.requirements:
        if name not in carried:
            yield _gap(of, ("requirements", name), "is a requirement without a test, a claim, or who else shows it")


def _argument(of: SafetyDesign) -> Iterator[Gap]:
    nodes = of.case.argument
    reached = {next(iter(nodes))} if nodes else set()
    for name, node in nodes.items():
        if node.kind in ("goal", "strategy") and not node.supported_by:
            yield _gap(of, ("argument", name), "is supported by nothing")
        if node.kind == "solution" and not node.shown_by:
            yield _gap(of, ("argument", name), "is a solution that nothing shows")
        reached |= {*node.supported_by, *node.in_context_of}
    for name in nodes:
        if name not in reached:
            yield _gap(of, ("argument", name), "belongs to no part of the argument")
