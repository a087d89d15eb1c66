"""Fault trees, generated from the rules of a design: why bad data stay in command, and what that does to a goal.

A tree is data: gates over events. Cut sets and importance are `cut_sets`, files `open_psa`, pictures `tree_drawing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import isfinite
from typing import Literal, TypeAlias

from scipy.special import ndtr

from karyon.campaign.statistics import clopper_pearson
from karyon.evidence import dual
from karyon.evidence.case import Goal, Occurrence, SafetyDesign
from karyon.evidence.fmea import Tried
from karyon.kernel import Age, Alive, And, AtLeast, Design, Or, Rule, Validity
from karyon.kernel.design import Function
from karyon.kernel.rules import leaves
from karyon.perception.detectors import MISSED_SIGMAS
from karyon.sim import analysis, kinds
from karyon.sim.analysis import Ways
from karyon.sim.metrics import BAD_DATA

MISSED = float(ndtr(-MISSED_SIGMAS))
"""Probability that a check takes longer than the detection time that is stated of it."""


@dataclass(frozen=True)
class Event:
    """A basic event.

    probability   of it in one hour, or on demand; None: nobody knows, as it is systematic or has no source
    source        where the number comes from, or why there is none
    """

    name: str
    text: str
    probability: float | None
    source: str


@dataclass(frozen=True)
class Gate:
    """A gate over inputs that are distinct: `or`, `and`, `atleast` k of them, more than one and less than all.

    `certain`, without inputs, is true whatever happens.
    """

    name: str
    text: str
    kind: Literal["or", "and", "atleast", "certain"]
    inputs: tuple[Gate | Event, ...] = ()
    k: int = 0

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All basic events below, each once, in order of appearance."""
        found: dict[str, Event] = {}
        for each in self.inputs:
            found |= {one.name: one for one in ((each,) if isinstance(each, Event) else each.events)}
        return tuple(found.values())


Node: TypeAlias = Gate | Event
NO_RATE = "no rate of occurrence with a source is stated"
CERTAIN = Gate("certain", "nothing sees it", "certain")
KERNEL_LATE = Event(
    "kernel_late", "kernel or control overruns its period", None, "systematic: software has no rate, it has tests"
)


def gate(name: str, text: str, kind: Literal["or", "and"], inputs: Iterable[Node]) -> Node:
    """A gate; one with a single input is that input, and what is certain goes up or away."""
    kept = list(dict.fromkeys(inputs))
    if CERTAIN in kept:
        if kind == "or":
            return CERTAIN
        kept = [each for each in kept if each is not CERTAIN]
    if not kept:
        return CERTAIN
    return kept[0] if len(kept) == 1 else Gate(name, text, kind, tuple(kept))


@dataclass(frozen=True)
class Consequence:
    """What a goal of a function loses besides its data, in words.

    lost       what is lost, with and without bad data
    when       what makes bad data harmful
    meanwhile  that it happens while they are in command
    others     what others may do that is enough by itself
    lowest     what the lowest level may do wrong
    """

    lost: str
    when: str
    meanwhile: str
    others: str
    lowest: str


CONSEQUENCES = {
    "acc": Consequence(
        "distance is lost",
        "the distance shrinks",
        "meanwhile the car ahead brakes",
        "the car ahead brakes harder than declared",
        "the law of LoS 0 does not keep the distance",
    ),
    "lane_change": Consequence(
        "the gap is lost",
        "the car changes lanes",
        "meanwhile the car needs the place of another one",
        "a car around takes the gap unannounced, or brakes harder than declared",
        "LoS 0 does not keep the lane, or turns back too late",
    ),
    "intersection": Consequence(
        "a zone is shared",
        "the car enters",
        "meanwhile another car needs the zone",
        "others do not keep the all-way stop",
        "LoS 0 does not stop at the line",
    ),
    "flight": Consequence(
        "separation is lost",
        "aircraft come nearer",
        "meanwhile the tracks of two aircraft meet",
        "traffic turns towards the aircraft later than it can evade",
        "LoS 0 does not evade in time",
    ),
}


@dataclass(frozen=True)
class Class:
    """Failure modes of one item that are seen by the same means in the same time.

    prefix   of its names: the function, where a design has several
    """

    item: str
    modes: tuple[str, ...]
    bound: analysis.Bound
    ways: Ways
    prefix: str = ""

    @property
    def name(self) -> str:
        """As part of names of events: by the item and its first mode."""
        return f"{self.prefix}{self.item}.{self.modes[0]}"


def classes(design: Design, function: Function) -> Iterator[Class]:
    """The failures of all items that rules name, those together that differ in nothing."""
    groups: dict[tuple[str, Ways, float], list[analysis.Bound]] = {}
    bounds, seen_by = kinds.bounds_of(design), kinds.seen_by_of(design)
    for bound in bounds(design, function):
        ways = seen_by(design, function, bound.item, bound.mode)
        groups.setdefault((bound.item, ways, bound.handling), []).append(bound)
    for (item, ways, _), of in groups.items():
        yield Class(item, tuple(each.mode for each in of), of[0], ways, _prefix(design, function))


def _prefix(design: Design, function: Function) -> str:
    return f"{function.name}." if len(design.functions) > 1 else ""


def of_goal(of: SafetyDesign, name: str, goal: Goal, tried: Tried | None = None) -> Gate | None:
    """The tree of a goal; None where no rule has anything to do with it.

    tried   what runs have measured: where they have injected all failures of a class, and a source says how often these
            happen, the measured share that was not controlled in time takes the place of what the design says of that
    """
    if not goal.watched:
        return None
    design, tops = of.design, list[Node]()
    of_goal = {hazard.function for hazard in design.hazards if hazard.id in goal.watched}
    for function in design.functions:
        if BAD_DATA in goal.watched:
            tops.append(_bad_data(of, function, goal.ftti, tried or {}))
        elif function.name in of_goal:
            tops.append(_consequence(design, function, _bad_data(of, function, goal.ftti, tried or {})))
    text, top = f"{name} is violated: not “{goal.text}”", tops[0]
    if len(tops) == 1 and isinstance(top, Gate) and top.kind == "or":
        return Gate(f"{name}.violated", text, "or", top.inputs)
    return Gate(f"{name}.violated", text, "or", tuple(tops))


def _consequence(design: Design, function: Function, data: Node) -> Node:
    """What the function keeps is lost when bad data are in command at a bad time, by others, or by its lowest level."""
    words, prefix = CONSEQUENCES[function.name], _prefix(design, function)
    traffic = Event(f"{prefix}traffic.meanwhile", words.meanwhile, 1.0, "taken as certain")
    others = Event(f"{prefix}traffic.others", words.others, None, "assumption of use")
    lowest = Event(f"{prefix}los_0.unsafe", words.lowest, None, "systematic: tests, campaigns")
    text = f"bad data in command while {words.when}"
    meanwhile = gate(f"{prefix}data.at_a_bad_time", text, "and", [data, traffic])
    return gate(f"{prefix}lost", words.lost, "or", [meanwhile, others, lowest])


def _bad_data(of: SafetyDesign, function: Function, ftti: float, tried: Tried) -> Node:
    """Bad data stay in command: of any item, by any failure that is not controlled in time."""
    prefix, by_item = _prefix(of.design, function), dict[str, list[Node]]()
    silent = tuple(dual.unheard(of.design, function))
    for each in classes(of.design, function):
        by_item.setdefault(each.item, []).append(_failure(of, function, each, ftti, tried, silent))
    inputs = [
        gate(f"{prefix}{item}.in_command", f"bad {item} stays in command", "or", found)
        for item, found in by_item.items()
    ]
    causes = of.case.dependent_failures.items()
    known = analysis.guards(function)
    inputs += [_common_cause(of, function, name) for name, cause in causes if known.keys() & cause.items.keys()]
    text = f"bad data stay in command of {function.name}" if prefix else "bad data stay in command"
    return gate(f"{prefix}data.in_command", text, "or", inputs)


def _failure(
    of: SafetyDesign, function: Function, each: Class, ftti: float, tried: Tried, silent: Sequence[dual.Unheard]
) -> Node:
    stated = of.case.occurrence.get(each.item)
    happens = Event(f"{each.name}.fails", f"{each.item}: {', '.join(each.modes)}", *_rate(stated))
    measured = _measured(each, tried) if stated is not None else None
    uncontrolled = _uncontrolled(function, each, ftti) if measured is None else measured
    unheard = [_while_unheard(each, one, ftti) for one in silent if _is_of(each, one)]
    ways = gate(f"{each.name}.not_controlled", "not controlled, or nobody is heard", "or", [uncontrolled, *unheard])
    return gate(f"{each.name}.in_command", f"{each.item}: {', '.join(each.modes)}", "and", [happens, ways])


def _is_of(each: Class, one: dual.Unheard) -> bool:
    return one.bound.item == each.item and set(each.modes) <= set(one.modes)


def _while_unheard(each: Class, one: dual.Unheard, ftti: float) -> Node:
    """Two failures at once: nobody is heard, and what is left of the checks is too late, or misses it."""
    took = f"seen within {1e3 * one.bound.handling:,.0f} ms only"
    silence = Event(
        f"{each.prefix}{each.item}.nobody_heard",
        f"no message of the car that {each.item} is of is heard meanwhile: it is {took}",
        1.0,
        "taken as certain: nobody states with a source how often",
    )
    missed = CERTAIN if one.bound.handling > ftti else _miss(each.item, dual.LEFT, each.name)
    return gate(f"{each.name}.while_nobody_is_heard", "nobody is heard", "and", [silence, missed])


def _measured(each: Class, tried: Tried) -> Event | None:
    """The share of injections that were not controlled in time; None where a mode was never injected."""
    found = [tried[each.item, mode] for mode in each.modes if (each.item, mode) in tried]
    if len(found) < len(each.modes):
        return None
    late, runs = sum(one.late for one in found), sum(one.runs for one in found)
    source = f"campaigns: {late} of {runs:,} injections, upper end of a 95 % interval"
    text = f"{each.item}: {', '.join(each.modes)} not controlled in time"
    return Event(f"{each.name}.uncontrolled", text, float(clopper_pearson(late, runs)[1]), source)


def _uncontrolled(function: Function, each: Class, ftti: float) -> Node:
    unseen = _unseen(function, each.item, each.ways, each.name)
    lower = f"LoS {each.bound.guard - 1}{f' of {function.name}' if each.prefix else ''}"
    reach = Event(
        f"{each.prefix}los_{each.bound.guard - 1}.not_reached",
        f"{lower} does not reach its safe state in time",
        None,
        "systematic: measured as FHTI in every run",
    )
    late = [CERTAIN] if each.bound.handling > ftti and isfinite(each.bound.detection) else []
    return gate(f"{each.name}.uncontrolled", "not controlled in time", "or", [unseen, *late, KERNEL_LATE, reach])


def _rate(stated: Occurrence | None) -> tuple[float | None, str]:
    """Probability in one hour and its source; nothing without a source."""
    return (None, NO_RATE) if stated is None else (stated.per_hour, f"per hour: {stated.source}")


def _common_cause(of: SafetyDesign, function: Function, name: str) -> Node:
    """All its items fail at once, and every rule that would notice one of them does not."""
    cause, prefix = of.case.dependent_failures[name], _prefix(of.design, function)
    happens = Event(f"{name}.happens", cause.cause, *_rate(cause.occurrence))
    unseen, seen_by, known = [], kinds.seen_by_of(of.design), analysis.guards(function)
    for item, mode in cause.items.items():
        if item in known:
            ways = seen_by(of.design, function, item, mode)
            left = tuple(way for way in ways if not set(way) & set(cause.defeats))
            unseen.append(_unseen(function, item, left, f"{prefix}{item}.{mode}"))
    together = gate(f"{prefix}{name}.unseen", "no rule notices any of them", "and", unseen)
    return gate(f"{prefix}{name}.in_command", f"{name}: {cause.cause}, unnoticed", "and", [happens, together])


def _unseen(function: Function, item: str, ways: Sequence[Sequence[str]], name: str) -> Node:
    """All rules that name the item still hold although it is bad."""
    guard = analysis.guards(function)[item]
    rules = [rule for level in function.levels[: guard + 1] for rule in level.rules if _names(rule, item)]
    return gate(f"{name}.unseen", "the rules still hold", "and", [holds(rule, item, ways, name) for rule in rules])


def _names(rule: Rule, item: str) -> bool:
    return any(item in (getattr(leaf, "signal", None), getattr(leaf, "component", None)) for leaf in leaves(rule))


def holds(rule: Rule, item: str, ways: Sequence[Sequence[str]], name: str) -> Node:
    """Why a rule is true although the item is bad. What does not speak of the item is true; `not` protects nobody."""
    match rule:
        case Validity(subject, _) | Age(subject, _) | Alive(subject) if subject == item:
            by_age = isinstance(rule, Age)
            return _missed(item, [way for way in ways if (way == ("age limit",)) == by_age], name)
        case And(terms):
            return gate(f"{name}.all", "all terms hold", "and", [holds(term, item, ways, name) for term in terms])
        case Or(terms):
            return gate(f"{name}.any", "a term holds", "or", [holds(term, item, ways, name) for term in terms])
        case AtLeast(k, terms):
            return _at_least(k, [holds(term, item, ways, name) for term in terms], name)
        case _:
            return CERTAIN


def _at_least(k: int, terms: list[Node], name: str) -> Node:
    """k of the terms hold; those that certainly do are counted off."""
    open_terms = [each for each in terms if each is not CERTAIN]
    left = k - (len(terms) - len(open_terms))
    if left <= 0:
        return CERTAIN
    text, is_distinct = f"{left} of the terms hold", len(set(open_terms)) == len(open_terms)
    if is_distinct and 1 < left < len(open_terms):
        return Gate(f"{name}.of_{k}", text, "atleast", tuple(open_terms), left)
    parts = [
        gate(f"{name}.of_{k}_{number}", text, "and", part) for number, part in enumerate(combinations(open_terms, left))
    ]
    return gate(f"{name}.of_{k}", text, "or", parts)


def _missed(item: str, ways: Sequence[Sequence[str]], name: str) -> Node:
    """No way of detection sees it: of each way one of those that must all speak does not."""
    missed = [
        gate(f"{name}.missed_{number}", "one of the checks misses it", "or", [_miss(item, one, name) for one in way])
        for number, way in enumerate(ways)
    ]
    return gate(f"{name}.missed", "nothing notices it", "and", missed) if missed else CERTAIN


def _miss(item: str, means: str, name: str) -> Event:
    if means.startswith("check "):
        text = f"{means} misses {name.rpartition('.')[2]} of {item} for longer than its detection time"
        return Event(f"{name}.{means.replace(' ', '_')}_misses", text, MISSED, "quantile of the detection time")
    where = "systematic: a comparison with a constant, covered by tests"
    return Event(f"{item}.{means.replace(' ', '_')}_misses", f"{means} of {item} does not notice", None, where)
