"""The signals of a lane change, and how they stand for those that the perception of car following knows.

Each of the three relations of a car (to the car ahead, to those before and behind the gap) is one of car following: a
distance, its rate, and what the other one says. So perception is asked once for all three, with a row for each relation
of each car: row = relation * cars + car.

A car behind is a car ahead in a mirror that moves along at `MIRROR`: with speed MIRROR - u for u, acceleration -a for a
and position MIRROR t - p for p, the distance and its rate stay what they are, and the laws of motion hold as before.

Distances are from centre to centre until here: a car beside one has a distance to its centre, and none to its bumper.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.kernel.rules import Age, Alive, And, AtLeast, Cooperation, Not, Or, Rule, Spread, Validity, Within, leaves
from karyon.perception.following import ACCELERATION, LEAD, OWN, POSITION, SPEED
from karyon.perception.received import M_ACCELERATION, M_INTENDED, M_POSITION, M_SPEED, MESSAGE
from karyon.perception.sensors import NEVER
from karyon.sim.lanes.world import FRONT, GAP_FRONT, GAP_REAR, RELATIONS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MIRROR = 60.0  # m/s, beyond the speed of any car here: in the mirror, too, all drive forwards
DISTANCES = ("distance", "relative_speed")
OWN_SIGNALS = OWN[2:]
AROUND = "around"  # peer in the rules: who must have agreed to the highest level


def prefix(relation: int) -> str:
    """What the signals of a relation are called."""
    return {FRONT: "front", GAP_FRONT: "gap.front", GAP_REAR: "gap.rear"}[relation]


def message(relation: int) -> str:
    """What the message of a relation is called."""
    return LEAD if relation == FRONT else f"{prefix(relation)}.message"


def usual_names(relation: int) -> dict[str, str]:
    """The signals of a relation, and those that they are to car following."""
    names = {f"{prefix(relation)}.{each}": f"front.{each}" for each in DISTANCES}
    said = {f"{message(relation)}.{field}": f"{LEAD}.{field}" for field in MESSAGE}
    return names | {name: name for name in OWN_SIGNALS} | {message(relation): LEAD} | said


def relations_of(signal: str) -> list[tuple[int, str]]:
    """The relations that a signal belongs to, each with its name in car following."""
    return [(each, names[signal]) for each in range(RELATIONS) if signal in (names := usual_names(each))]


def mirrored(value: Floats, time: Integers) -> Floats:
    """Own samples (signal, row) in the mirror."""
    return _mirrored(value, time, POSITION, SPEED, (ACCELERATION,))


def mirrored_message(value: Floats, time: Integers) -> Floats:
    """Messages (field, row) in the mirror."""
    return _mirrored(value, time, M_POSITION, M_SPEED, (M_ACCELERATION, M_INTENDED))


def _mirrored(value: Floats, time: Integers, position: int, speed: int, accelerations: tuple[int, ...]) -> Floats:
    found = value.copy()
    moved = MIRROR * (np.where(time[position] == NEVER, 0, time[position]) / 1e9)
    found[position] = moved - value[position]
    found[speed] = MIRROR - value[speed]
    found[list(accelerations)] = -value[list(accelerations)]
    return found


def as_car_following(design: Design, function: str, relation: int) -> tuple[Design, Function]:
    """A design and a function of it as far as they speak of one relation, in the names of car following."""
    names = usual_names(relation)
    others = {name for each in range(RELATIONS) for name in usual_names(each)} - names.keys()
    signals = tuple(replace(one, name=names[one.name]) for one in design.signals if one.name in names)
    whole = design.function(function)
    levels = tuple(
        replace(level, rules=tuple(renamed(rule, names) for rule in level.rules if not _names(rule) & others))
        for level in whole.levels
    )
    seen = replace(whole, levels=levels)
    return replace(design, signals=signals, functions=(seen,)), seen


def renamed(rule: Rule, names: Mapping[str, str]) -> Rule:
    """The rule with other names of its signals."""
    match rule:
        case Validity() | Age() | Spread() | Within():
            return replace(rule, signal=names.get(rule.signal, rule.signal))
        case Alive() | Cooperation():
            return rule
        case Not(term):
            return Not(renamed(term, names))
        case And(terms):
            return And(tuple(renamed(term, names) for term in terms))
        case Or(terms):
            return Or(tuple(renamed(term, names) for term in terms))
        case AtLeast(k, terms):
            return AtLeast(k, tuple(renamed(term, names) for term in terms))
        case _:
            assert_never(rule)


def _names(rule: Rule) -> set[str]:
    return {leaf.signal for leaf in leaves(rule) if not isinstance(leaf, Alive | Cooperation)}
