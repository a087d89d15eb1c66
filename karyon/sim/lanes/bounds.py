"""Design-time bounds of a design of lane changes: each of its relations is one of car following."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf

from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.sim import analysis
from karyon.sim.analysis import Bound, Report, Ways
from karyon.sim.lanes.scenario import FOLLOWING, FUNCTION, LaneChangeScenario
from karyon.sim.lanes.signals import as_car_following, prefix, usual_names
from karyon.sim.lanes.world import FRONT, GAP_REAR, RELATIONS
from karyon.sim.scenario import Loaded


def bounds(design: Design, function: Function) -> Iterator[Bound]:
    """The bound of every signal and component that a rule of the function names, for each of its failure modes."""
    named, seen = analysis.guards(function), set()
    speaks = [each for each in range(RELATIONS) if any(name.startswith(prefix(each)) for name in named)]
    for relation in speaks or [FRONT]:
        part, whole = as_car_following(design, function.name, relation)
        names = {usual: name for name, usual in usual_names(relation).items()}
        for one in analysis.bounds(part, whole):
            found = replace(one, item=names.get(one.item, one.item))
            if found.item in named and (found.item, found.mode) not in seen:
                seen.add((found.item, found.mode))
                yield found


def seen_by(design: Design, function: Function, item: str, mode: str) -> Ways:
    """Ways in which a failure is detected, as `analysis.seen_by`, in the first relation that has it."""
    for relation in range(RELATIONS):
        part, whole = as_car_following(design, function.name, relation)
        usual = usual_names(relation).get(item, item)
        if usual in analysis.guards(whole):
            return analysis.seen_by(part, whole, usual, mode)
    return ()


def unheard(design: Design, function: Function) -> float:
    """Bound in s on the switch for a wrong relative speed to one of whom nothing is heard yet, or no more."""
    relation = GAP_REAR if function.name == FUNCTION else FRONT
    return analysis.unheard_bound(*as_car_following(design, function.name, relation))


def longest(found: Sequence[Bound]) -> dict[str, Bound]:
    """Per item the longest bound of any of its failure modes that is seen at all."""
    slowest: dict[str, Bound] = {}
    for one in found:
        if one.switch < inf and one.switch > (slowest[one.item].switch if one.item in slowest else 0.0):
            slowest[one.item] = one
    return slowest


def analysed(loaded: Loaded[LaneChangeScenario]) -> Report:
    """The analysis of the design of a scenario of lane changes."""
    design = loaded.design
    for name, limit in ((FOLLOWING, loaded.scenario.acc.max_los), (FUNCTION, loaded.scenario.lane_change.max_los)):
        design = design if limit is None else design.limited(name, limit)
    return analysis.analyse(loaded.name, design, loaded.warnings, bounds)
