"""Design-time analysis: how long bad data may keep command, per signal and failure mode, against the FTTI.

The detection times come from the detectors that perception runs, the rest from the safety design.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from karyon.kernel import Age, Alive, Design, Validity, fault_handling_bound, switch_bound
from karyon.kernel.design import Function
from karyon.kernel.rules import leaves
from karyon.perception.following import MESSAGE, OWN, Following, Noise, Tolerated

MESSAGE_SIGNAL = "lead.message"
LATE_MODES = ("delay", "jitter", "omission")
COMPONENT_MODES = ("crash", "hang", "slow")
VALUE_MODES = ("offset", "drift", "scale", "noise", "outlier", "stuck_at", "saturation", "freeze", "ramp")
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
    return min(limits, default=np.inf)


def minimum_validity(function: Function, signal: str) -> float:
    """The strictest validity that a rule demands of the signal; 0: none does."""
    demanded = [
        leaf.minimum
        for rule in function.rules
        for leaf in leaves(rule)
        if isinstance(leaf, Validity) and leaf.signal == signal
    ]
    return max(demanded, default=0.0)


def perception_of(design: Design, function: Function, rows: int) -> Following:
    """Perception with the noise floors, tolerated amplitudes and age limits of the design."""
    tolerated = {signal.name: signal.tolerated for signal in design.signals if signal.tolerated is not None}
    noise = {signal.name: signal.noise for signal in design.signals if signal.noise is not None}
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
    amplitudes = {field: tolerated[name] for field, name in named.items() if name in tolerated}
    floors = {field: noise[name] for field, name in named.items() if name in noise}
    limits = tuple(min(age_limit(function, name), 1.0) for name in (*OWN, MESSAGE_SIGNAL))
    return Following(rows, Noise(**floors), Tolerated(**amplitudes), limits)


def bounds(design: Design, function: Function) -> Iterator[Bound]:
    """The bound of every item that a rule of the function names, for each of its failure modes."""
    components = {component.name for component in design.components}
    for item in guards(function):
        if item in components:
            modes: tuple[str, ...] = COMPONENT_MODES
        else:
            modes = (*(MESSAGE_MODES if item == MESSAGE_SIGNAL else VALUE_MODES), *LATE_MODES)
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
        detection = age_limit(function, item)
    else:
        minimum = minimum_validity(function, item)
        detection = perception_of(design, function, 1).detection_time(subject, mode, minimum)
    return Bound(
        function.name,
        item,
        mode,
        guard,
        detection,
        switch_bound(detection, design.timing),
        fault_handling_bound(detection, design.timing, function.levels[guard - 1].reach),
    )


def field_of(signal: str) -> str:
    """The item that stands for a signal in the rules: a field of a message is guarded by the message."""
    return MESSAGE_SIGNAL if signal.removeprefix(MESSAGE_SIGNAL + ".") in MESSAGE else signal
