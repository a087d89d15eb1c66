"""Design-time analysis: how long bad data may keep command, per signal and failure mode, against the FTTI.

The detection times come from the detectors that perception runs, the rest from the safety design.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import hypot, inf
from typing import Any, TypeAlias

import numpy as np

from karyon.kernel import Age, Alive, Design, Validity, fault_handling_bound, switch_bound
from karyon.kernel.design import Function
from karyon.kernel.rules import leaves
from karyon.perception.following import DISTANCE, FIELDS, LEAD, OWN, Following, Noise, Tolerated
from karyon.perception.platoon import LEADER, LEADER_FIELDS, Leader
from karyon.sim.controllers import FUNCTION

LATE_MODES = ("delay", "jitter", "omission", "reordering", "duplication", "clock_offset", "clock_drift")
WRONG_STAMPS = {"reordering": 1, "duplication": 0, "clock_offset": 0, "clock_drift": 0}  # periods that it is bad
COMPONENT_MODES = ("crash", "hang", "slow")
STEP_MODES = ("offset", "noise", "outlier", "quantisation")
VALUE_MODES = (*STEP_MODES, "drift", "scale", "stuck_at", "saturation", "freeze", "ramp")
OBJECT_MODES = ("ghost", "missed", "swap")
SENDERS = (LEAD, LEADER)  # whose messages are signals
Ways: TypeAlias = tuple[tuple[str, ...], ...]  # one is enough, and of one way all must speak
MESSAGE_MODES = ("wrong_position", "wrong_speed", "replay", "freeze")


@dataclass(frozen=True, slots=True)
class Bound:
    """Bound on the switch time of one function for one failure.

    item       signal or component that fails
    guard      lowest level whose rules name it: that level and those above are left
    detection  s; inf: no detector of the design sees this mode
    switch     s, T_switch
    handling   s, FHTI: T_switch and the lower level's time to its safe state
    """

    function: str
    item: str
    mode: str
    guard: int
    detection: float
    switch: float
    handling: float


def guards(function: Function) -> dict[str, int]:
    """Lowest level whose rules name a signal or component, in the order in which the rules name them."""
    found: dict[str, int] = {}
    for number, level in enumerate(function.levels):
        for rule in level.rules:
            for leaf in leaves(rule):
                name = leaf.component if isinstance(leaf, Alive) else getattr(leaf, "signal", None)
                if name is not None:
                    found.setdefault(name, number)
    return found


def age_limit(function: Function, signal: str) -> float:
    """The strictest age limit in s that a rule sets for the signal; inf: none does."""
    limits = [
        leaf.limit
        for rule in function.rules
        for leaf in leaves(rule)
        if isinstance(leaf, Age) and leaf.signal == signal
    ]
    return min(limits, default=inf)


def minimum_validity(function: Function, signal: str) -> float:
    """The strictest validity that a rule demands of the signal; 0: none does."""
    demanded = [
        leaf.minimum
        for rule in function.rules
        for leaf in leaves(rule)
        if isinstance(leaf, Validity) and leaf.signal == signal
    ]
    return max(demanded, default=0.0)


def perception_of(
    design: Design, function: Function, rows: int, silent: Collection[str] = (), **fitted: float
) -> Following:
    """Perception with the noise floors, tolerated amplitudes and age limits of the design.

    silent   its checks that are not heard
    fitted   what the vehicle is fitted with, where it is not usual: `range`, `vehicle_length`, `vehicle_lag` of `Noise`
    """
    tolerated, noise = _stated(design)
    named = {
        "distance": "front.distance",
        "relative_speed": "front.relative_speed",
        "speed": "own.speed",
        "acceleration": "own.acceleration",
        "position": "own.position",
        "message_position": "lead.message.position",
        "message_speed": "lead.message.speed",
        "message_acceleration": "lead.message.acceleration",
    }
    biases = {signal.name: signal.bias_max for signal in design.signals if signal.bias_max is not None}
    amplitudes = {field: tolerated[name] for field, name in named.items() if name in tolerated}
    floors = {field: noise[name] for field, name in named.items() if name in noise}
    periods = {signal.name: signal.period for signal in design.signals if signal.period is not None}
    if OWN[DISTANCE] in periods:
        floors["period"] = periods[OWN[DISTANCE]]
    places = ("position", "message_position")
    floors |= {f"{field}_bias": biases[named[field]] for field in places if named[field] in biases}
    limits = tuple(min(age_limit(function, name), 1.0) for name in (*OWN, LEAD))
    return Following(rows, Noise(**floors, **fitted), Tolerated(**amplitudes), limits, silent)


def leader_of(design: Design, function: Function, rows: int, **fitted: float) -> Leader:
    """Perception of the platoon's leader by the numbers of the design; `fitted` as in `perception_of`."""
    tolerated, noise = _stated(design)
    usual, bearable = Noise(**fitted).sender, Tolerated()
    position, speed, acceleration, _ = LEADER_FIELDS
    sender = replace(
        usual,
        position=noise.get(position, usual.position),
        speed=noise.get(speed, usual.speed),
        acceleration=noise.get(acceleration, usual.acceleration),
    )
    sight = hypot(noise.get("own.speed", Noise().speed), noise.get("front.relative_speed", Noise().relative_speed))
    amplitudes = (
        tolerated.get(position, bearable.message_position),
        tolerated.get(speed, bearable.message_speed),
        tolerated.get(acceleration, bearable.message_acceleration),
    )
    return Leader(rows, sender, amplitudes, min(age_limit(function, LEADER), 1.0), sight)


def _stated(design: Design) -> tuple[dict[str, float], dict[str, float]]:
    """Tolerated amplitude and noise of the signals of which the design states them."""
    tolerated = {signal.name: signal.tolerated for signal in design.signals if signal.tolerated is not None}
    noise = {signal.name: signal.noise for signal in design.signals if signal.noise is not None}
    return tolerated, noise


def bounds(design: Design, function: Function) -> Iterator[Bound]:
    """The bound of every item that a rule of the function names, for each of its failure modes."""
    components = {component.name for component in design.components}
    for item in guards(function):
        if item in components:
            modes: tuple[str, ...] = COMPONENT_MODES
        else:
            objects = OBJECT_MODES if item == "front.distance" else ()
            modes = (*(MESSAGE_MODES if item in SENDERS else VALUE_MODES), *objects, *LATE_MODES)
        for mode in modes:
            yield bound(design, function, item, mode)


def bound(design: Design, function: Function, subject: str, mode: str) -> Bound:
    """The bound for one failure mode of a signal, a field of a message, or a component. KeyError: no rule guards it."""
    item = field_of(subject)
    guard = guards(function)[item]
    deadlines = {component.name: component.deadline for component in design.components}
    if item in deadlines:
        detection = deadlines[item]
    elif mode in LATE_MODES:
        detection = min(age_limit(function, item), _stamp_time(design, function, item, mode))
    else:
        judge = (leader_of if item == LEADER else perception_of)(design, function, 1)
        detection = judge.detection_time(subject, mode, minimum_validity(function, item))
    return Bound(
        function.name,
        item,
        mode,
        guard,
        detection,
        switch_bound(detection, design.timing),
        fault_handling_bound(detection, design.timing, function.levels[guard - 1].reach),
    )


def seen_by(design: Design, function: Function, subject: str, mode: str) -> Ways:
    """Ways in which a failure is detected: one is enough, and of one way all must speak. Empty: nothing sees it.

    subject   as of `bound`. KeyError: no rule guards it.
    """
    item = field_of(subject)
    if item in {component.name for component in design.components}:
        return (("heartbeat",),)
    if mode in LATE_MODES:
        ways = {"age limit": age_limit(function, item), "time stamp": _stamp_time(design, function, item, mode)}
        return tuple((way,) for way, time in ways.items() if time < inf)
    judge = (leader_of if item == LEADER else perception_of)(design, function, 1)
    checks = judge.judges(subject, mode)
    return (tuple(f"check {name}" for name in checks),) if checks else ()


def _stamp_time(design: Design, function: Function, item: str, mode: str) -> float:
    """Detection time in s by a stamp that no rule lets pass: it does not rise, is ahead, or too old; inf: none comes.

    What is stamped wrongly by less than its age limit is not wrong by more than is tolerated. A sample that is out of
    order is missed until the next one comes, which is in order.
    """
    periods = {signal.name: signal.period for signal in design.signals if signal.period is not None}
    if mode not in WRONG_STAMPS or item not in periods or minimum_validity(function, item) == 0.0:
        return inf
    return WRONG_STAMPS[mode] * periods[item]


def unheard_bound(design: Design, function: Function) -> float:
    """Bound in s on the switch time for a wrong relative speed while no message is heard: two failures at once."""
    minimum = minimum_validity(function, "front.relative_speed")
    return switch_bound(perception_of(design, function, 1).unheard_time(minimum), design.timing)


def seen_from_the_start(design: Design, function: Function) -> dict[str, float]:
    """Error in m from which on each signal is doubted that is wrong from its first sample on; inf: never."""
    return perception_of(design, function, 1).seen_from_the_start(minimum_validity(function, LEAD))


def field_of(signal: str) -> str:
    """The item that stands for a signal in the rules: a field of a message is guarded by the message."""
    return LEAD if signal in FIELDS else LEADER if signal in LEADER_FIELDS else signal


USES = (  # signals that our controllers read, per level
    (),
    ("front.distance", "front.relative_speed", "own.speed"),
    (LEAD,),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the analysis: bounds of failure modes that share their numbers, against one hazard."""

    hazard: str
    goal: str
    ftti: float
    item: str
    modes: tuple[str, ...]
    bound: Bound

    @property
    def margin(self) -> float:
        """FTTI less FHTI in s; negative: too late."""
        return self.ftti - self.bound.handling


@dataclass(frozen=True, slots=True)
class Report:
    """What `karyon check` finds in one file that can be read.

    unreachable   levels that nobody can reach, with the reason
    unguarded     signals that a level's controller uses and no rule up to that level guards
    unheard       s, bound on the switch time for a wrong relative speed while no message is heard; None: not guarded
    from_the_start  m, error from which on a signal is doubted that is wrong from its first sample on
    """

    name: str
    rows: tuple[Row, ...]
    unreachable: tuple[str, ...]
    unguarded: tuple[str, ...]
    warnings: tuple[str, ...]
    unheard: float | None = None
    from_the_start: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether bad data can stay in command for longer than a hazard tolerates, or for ever."""
        return bool(self.unguarded) or any(row.margin < 0.0 for row in self.rows)

    def as_data(self) -> dict[str, Any]:
        """All of it as plain data; times in s, null for never."""
        return {
            "name": self.name,
            "rows": [
                {
                    "hazard": row.hazard,
                    "goal": row.goal,
                    "item": row.item,
                    "modes": list(row.modes),
                    "leaves_level": row.bound.guard,
                    "detection": _or_none(row.bound.detection),
                    "switch": _or_none(row.bound.switch),
                    "handling": _or_none(row.bound.handling),
                    "ftti": row.ftti,
                    "margin": _or_none(row.margin),
                }
                for row in self.rows
            ],
            "unreachable": list(self.unreachable),
            "unguarded": list(self.unguarded),
            "warnings": list(self.warnings),
            "unheard": None if self.unheard is None else _or_none(self.unheard),
            "from_the_start": {signal: _or_none(error) for signal, error in self.from_the_start.items()},
        }


def analyse(
    name: str,
    design: Design,
    warnings: tuple[str, ...] = (),
    bounds_of: Callable[[Design, Function], Iterable[Bound]] = bounds,
) -> Report:
    """The design-time analysis of all functions of a design; `bounds_of` has the bounds of a function."""
    rows: list[Row] = []
    unreachable: list[str] = []
    unguarded: list[str] = []
    unheard, from_the_start = None, {}
    for function in design.functions:
        if {"front.relative_speed", LEAD} <= guards(function).keys():
            unheard = unheard_bound(design, function)
            from_the_start = seen_from_the_start(design, function)
        found = list(bounds_of(design, function))
        for hazard in design.hazards:
            if hazard.function == function.name:
                rows += _rows(hazard.id, hazard.goal, hazard.ftti, found)
        unreachable += _unreachable(design, function)
        if function.name == FUNCTION:
            unguarded += _unguarded(function)
    return Report(name, tuple(rows), tuple(unreachable), tuple(unguarded), warnings, unheard, from_the_start)


def _rows(hazard: str, goal: str, ftti: float, found: list[Bound]) -> Iterator[Row]:
    """Modes of an item that have equal bounds share a row."""
    groups: dict[tuple[str, float], list[Bound]] = {}
    for one in found:
        groups.setdefault((one.item, one.handling), []).append(one)
    for (item, _), members in groups.items():
        yield Row(hazard, goal, ftti, item, tuple(one.mode for one in members), members[0])


def _unreachable(design: Design, function: Function) -> Iterator[str]:
    """A rule that asks for more than its sensor can give: a limit on the age below the sensor's own period."""
    periods = {signal.name: signal.period for signal in design.signals}
    for number, level in enumerate(function.levels):
        for rule in level.rules:
            for leaf in leaves(rule):
                period = periods.get(leaf.signal) if isinstance(leaf, Age) else None
                if isinstance(leaf, Age) and period is not None and leaf.limit < period:
                    yield (
                        f"{function.name} LoS {number} and above: {leaf.signal} comes every {period:g} s, "
                        f"and may be {leaf.limit:g} s old"
                    )


def _unguarded(function: Function) -> Iterator[str]:
    """What a controller reads although no rule up to its level demands validity and age of it."""
    guarded = guards(function)
    for number, used in enumerate(USES[: len(function.levels)]):
        for signal in used:
            if guarded.get(signal, len(function.levels)) > number:
                yield f"{function.name} LoS {number} uses {signal}, and no rule up to LoS {number} guards it"


def _or_none(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
