"""Two failures at once: what shows only by the words of somebody else, while nobody is heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from karyon.evidence.case import DualFailure, SafetyDesign
from karyon.kernel import Design, fault_handling_bound, switch_bound
from karyon.kernel.design import Function
from karyon.sim import kinds
from karyon.sim.analysis import Bound, unheard_bound
from karyon.sim.lanes import bounds as lanes
from karyon.sim.lanes.scenario import FUNCTION as LANE_CHANGE

BY_MESSAGE = frozenset({"check closing"})  # that hold a signal against what the other car says
LEFT = "check radar"  # by which a wrong relative speed shows in the end: the distance grows away from it


@dataclass(frozen=True, slots=True)
class Unheard:
    """Failures of an item of which all checks rest on messages, while none is heard. `bound` is that of the slowest."""

    modes: tuple[str, ...]
    bound: Bound


def unheard(design: Design, function: Function) -> Iterator[Unheard]:
    """Per item of a function of car following or lane changes whose failures only the other car's message shows."""
    found: dict[str, list[Bound]] = {}
    seen_by, messages = kinds.seen_by_of(design), {one.name for one in design.signals if one.unit == "message"}
    for one in kinds.bounds_of(design)(design, function):
        ways = seen_by(design, function, one.item, one.mode)
        if one.item not in messages and ways and all(set(way) <= BY_MESSAGE for way in ways):
            found.setdefault(one.item, []).append(one)
    for item, of in found.items():
        yield Unheard(tuple(one.mode for one in of), _bound(design, function, item, of[0].guard))


def _bound(design: Design, function: Function, item: str, guard: int) -> Bound:
    is_lanes = kinds.subject_of(design) == LANE_CHANGE
    switch = lanes.unheard(design, function) if is_lanes else unheard_bound(design, function)
    detection = switch - switch_bound(0.0, design.timing)
    handling = fault_handling_bound(detection, design.timing, function.levels[guard - 1].reach)
    return Bound(function.name, item, "while no message is heard", guard, detection, switch, handling)


def all_unheard(of: SafetyDesign) -> Iterator[Unheard]:
    """Of all functions of the design."""
    for function in of.design.functions:
        yield from unheard(of.design, function)


def late(of: SafetyDesign) -> tuple[Unheard, ...]:
    """Those that are seen after the FTTI."""
    return tuple(one for one in all_unheard(of) if one.bound.handling > of.ftti)


def argued(of: SafetyDesign, item: str) -> tuple[str, DualFailure] | None:
    """What the case says of failures of this item while nobody is heard, by its id."""
    return next(((name, one) for name, one in of.case.dual_failures.items() if one.item == item), None)
