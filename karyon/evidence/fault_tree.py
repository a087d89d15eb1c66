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
from karyon.evidence.case import Goal, Occurrence, SafetyDesign
from karyon.evidence.fmea import Tried
from karyon.kernel import Age, Alive, And, AtLeast, Design, Or, Rule, Validity
from karyon.kernel.design import Function
from karyon.kernel.rules import leaves
from karyon.perception.detectors import MISSED_SIGMAS
from karyon.sim import analysis
from karyon.sim.controllers import FUNCTION
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
Ways: TypeAlias = tuple[tuple[str, ...], ...]
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
class Class:
    """Failure modes of one item that are seen by the same means in the same time."""

    item: str
    modes: tuple[str, ...]
    bound: analysis.Bound
    ways: Ways

    @property
    def name(self) -> str:
        """As part of names of events: by the item and its first mode."""
        return f"{self.item}.{self.modes[0]}"


def classes(design: Design, function: Function) -> Iterator[Class]:
    """The failures of all items that rules name, those together that differ in nothing."""
    groups: dict[tuple[str, Ways, float], list[analysis.Bound]] = {}
    for bound in analysis.bounds(design, function):
        ways = analysis.seen_by(design, function, bound.item, bound.mode)
        groups.setdefault((bound.item, ways, bound.handling), []).append(bound)
    for (item, ways, _), of in groups.items():
        yield Class(item, tuple(each.mode for each in of), of[0], ways)


def of_goal(of: SafetyDesign, name: str, goal: Goal, tried: Tried | None = None) -> Gate | None:
    """The tree of a goal; None where no rule has anything to do with it.

    tried   what runs have measured: where they have injected all failures of a class, and a source says how often these
            happen, the measured share that was not controlled in time takes the place of what the design says of that
    """
    if not goal.watched:
        return None
    data = _bad_data(of, goal.ftti, tried or {})
    top = data if BAD_DATA in goal.watched else _consequence(data)
    text = f"{name} is violated: not “{goal.text}”"
    return Gate(f"{name}.violated", text, "or", top.inputs if isinstance(top, Gate) and top.kind == "or" else (top,))


def _consequence(data: Node) -> Node:
    """Distance is lost when bad data are in command while the car ahead brakes, or by the lowest level itself."""
    traffic = Event("traffic.brakes", "meanwhile the car ahead brakes", 1.0, "taken as certain")
    harder = Event("traffic.brakes_harder", "the car ahead brakes harder than declared", None, "assumption of use")
    lowest = Event("los_0.unsafe", "the law of LoS 0 does not keep the distance", None, "systematic: tests, campaigns")
    meanwhile = gate("data.at_a_bad_time", "bad data in command while the distance shrinks", "and", [data, traffic])
    return gate("distance.lost", "distance is lost", "or", [meanwhile, harder, lowest])


def _bad_data(of: SafetyDesign, ftti: float, tried: Tried) -> Node:
    """Bad data stay in command: of any item, by any failure that is not controlled in time."""
    design, function = of.design, of.design.function(FUNCTION)
    by_item: dict[str, list[Node]] = {}
    for each in classes(design, function):
        by_item.setdefault(each.item, []).append(_failure(of, function, each, ftti, tried))
    inputs = [
        gate(f"{item}.in_command", f"bad {item} stays in command", "or", found) for item, found in by_item.items()
    ]
    inputs += [_common_cause(of, function, name) for name in of.case.dependent_failures]
    return gate("data.in_command", "bad data stay in command", "or", inputs)


def _failure(of: SafetyDesign, function: Function, each: Class, ftti: float, tried: Tried) -> Node:
    stated = of.case.occurrence.get(each.item)
    happens = Event(f"{each.name}.fails", f"{each.item}: {', '.join(each.modes)}", *_rate(stated))
    measured = _measured(each, tried) if stated is not None else None
    uncontrolled = _uncontrolled(function, each, ftti) if measured is None else measured
    return gate(f"{each.name}.in_command", f"{each.item}: {', '.join(each.modes)}", "and", [happens, uncontrolled])


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
    reach = Event(
        f"los_{each.bound.guard - 1}.not_reached",
        f"LoS {each.bound.guard - 1} does not reach its safe state in time",
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
    cause = of.case.dependent_failures[name]
    happens = Event(f"{name}.happens", cause.cause, *_rate(cause.occurrence))
    unseen = []
    for item, mode in cause.items.items():
        ways = analysis.seen_by(of.design, function, item, mode)
        left = tuple(way for way in ways if not set(way) & set(cause.defeats))
        unseen.append(_unseen(function, item, left, f"{item}.{mode}"))
    together = gate(f"{name}.unseen", "no rule notices any of them", "and", unseen)
    return gate(f"{name}.in_command", f"{name}: {cause.cause}, unnoticed", "and", [happens, together])


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
