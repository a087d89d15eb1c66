"""Design-time analysis of a crossing: how long bad data may keep command, against what each hazard tolerates."""

from __future__ import annotations

from collections.abc import Iterator

from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.kernel.timing import fault_handling_bound, switch_bound
from karyon.perception.crossing import REPEATED, SIGNALS
from karyon.sim import analysis
from karyon.sim.analysis import COMPONENT_MODES, LATE_MODES, Bound, Report, Ways, age_limit, guards
from karyon.sim.intersection.scenario import FUNCTION, Scenario
from karyon.sim.scenario import Loaded

INCONSISTENT = 1.2  # m, by which a distance and the speed that changes it may differ
STEPS = ("offset", "outlier", "scale", "noise", "freeze", "saturation", "drift", "ramp")


def modes(design: Design, function: Function, item: str) -> Iterator[tuple[str, float]]:
    """Each failure mode of a guarded item, and the longest time in s until it is detected."""
    deadlines = {component.name: component.deadline for component in design.components}
    signals = {signal.name: signal for signal in design.signals}
    if item in deadlines:
        yield from ((mode, deadlines[item]) for mode in COMPONENT_MODES)
        return
    yield from ((mode, age_limit(function, item)) for mode in LATE_MODES)
    if item not in SIGNALS:
        return
    signal, period = signals[item], signals[item].period or design.timing.perception_period
    yield "stuck_at", (REPEATED + 1) * period
    slow = 0.0 if signal.unit == "m" else INCONSISTENT / (signal.tolerated or INCONSISTENT)
    yield from ((mode, slow + 2 * period) for mode in STEPS)


def seen_by(design: Design, function: Function, item: str, mode: str) -> Ways:
    """Ways in which a failure of a guarded item is detected, one for each of those that `modes` has a time for."""
    if item in {component.name for component in design.components}:
        return (("heartbeat",),)
    if mode in LATE_MODES:
        return (("age limit",),)
    return (("repeated value",),) if mode == "stuck_at" else (("distance against speed",),)


def detection_bounds(design: Design, function: Function) -> dict[str, float]:
    """The longest of the times of `modes`, per guarded item, s.

    Of the words of all around the oldest counts, each time that of another one maybe: a run measures from when one is
    older than its limit, and not from when it was due.
    """
    longest = {item: max(time for _, time in modes(design, function, item)) for item in guards(function)}
    signals = {signal.name for signal in design.signals}
    of_others = {item: design.timing.perception_period for item in longest if item in signals and item not in SIGNALS}
    return longest | of_others


def bounds(design: Design, function: Function) -> Iterator[Bound]:
    """The bound of every signal and component that a rule of the function names, for each of its failure modes."""
    for item, guard in guards(function).items():
        for mode, time in modes(design, function, item):
            switch = switch_bound(time, design.timing)
            handling = fault_handling_bound(time, design.timing, function.levels[guard - 1].reach)
            yield Bound(function.name, item, mode, guard, time, switch, handling)


def analysed(loaded: Loaded[Scenario]) -> Report:
    """The analysis of the design of a scenario of a crossing."""
    most = loaded.scenario.intersection.max_los
    design = loaded.design if most is None else loaded.design.limited(FUNCTION, most)
    return analysis.analyse(loaded.name, design, loaded.warnings, bounds)
