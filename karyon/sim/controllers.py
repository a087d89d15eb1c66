"""The controllers of our own function, as a safety design may set them: what each level's law takes.

A design leaves them open, since the kernel knows no controller; what drives must know them before it does. From LoS 2
on the law is chosen: by `law` in the `controller` of a level, or by a scenario for all these levels.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from karyon.control.contract import broken
from karyon.control.cooperative import LAWS, USUAL, Cooperative, Law, parameters
from karyon.control.cruise import TimeGap
from karyon.kernel import Design
from karyon.kernel.design import Fault, Level
from karyon.kernel.quantities import suggestion
from karyon.sim import own_classes
from karyon.sim.own_classes import Kind

FUNCTION = "acc"  # the function that the simulation drives
LOWEST = 2  # level whose law may be chosen
LEAST = {"standstill": 0.0, "leader_share": 0.0, "damping": 1.0}  # of the others: more than 0
MOST = {"leader_share": 1.0}
OF_ALL = ("time_gap", "standstill", "closing", "speed_max", "gain_speed")  # numbers that mean the same to any law
LAW = Kind("law", "docs/controllers.md", tuple(LAWS))


def faults(design: Design) -> Iterator[Fault]:
    """What is wrong with the controllers of the function, level by level; nothing where the design has no such one."""
    for function in design.functions:
        if function.name == FUNCTION:
            for number, level in enumerate(function.levels):
                yield from _level(level, number, ("functions", FUNCTION, "levels", number))


def chosen(design: Design, law: str) -> Design:
    """The design with `law` on all levels from LoS 2 on; where that is another one, with the numbers that it knows."""
    functions = []
    for function in design.functions:
        levels = function.levels
        if function.name == FUNCTION:
            levels = levels[:LOWEST] + tuple(_with(level, law) for level in levels[LOWEST:])
        functions.append(replace(function, levels=levels))
    return replace(design, functions=tuple(functions))


def numbers(level: Level) -> dict[str, Any]:
    """What `Cruise` is told of a level whose controller has no fault."""
    told = {**level.controller, "reaction_time": level.reaction_time or 0.0}
    return told | {"law": _maker(level)} if "law" in told else told


def _maker(level: Level) -> Callable[..., Law]:
    law = str(level.controller.get("law", USUAL))
    return LAWS[law] if law in LAWS else own_classes.load(law)


def _with(level: Level, law: str) -> Level:
    if level.controller.get("law", USUAL) == law or LAW.unusable(law):
        return replace(level, controller={**level.controller, "law": law})
    taken = _taken(replace(level, controller={"law": law}), LOWEST)
    kept = {name: value for name, value in level.controller.items() if name in OF_ALL and name in taken}
    return replace(level, controller={**kept, "law": law})


def _level(level: Level, number: int, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if number >= LOWEST and (wrong := LAW.unusable(str(level.controller.get("law", USUAL)))):
        yield Fault((*path, "controller", "law"), None, *wrong)
        return
    found = [*_numbers(level, number, path), *_reaction_time(level, path)]
    yield from found
    if number >= LOWEST and not found and (wrong := LAW.broken(broken(lambda: Cooperative.of(numbers(level)).law))):
        yield Fault((*path, "controller", "law"), None, *wrong)


def _taken(level: Level, number: int) -> dict[str, bool]:
    """The numbers that the level's law takes, and whether it must have each."""
    own = parameters(_maker(level) if number >= LOWEST else TimeGap)
    around = {each.name: False for each in fields(Cooperative) if each.name != "law"} if number >= LOWEST else {}
    return {name: needed for name, needed in (around | own).items() if name != "reaction_time"}


def _numbers(level: Level, number: int, path: tuple[str | int, ...]) -> Iterator[Fault]:
    law = str(level.controller.get("law", USUAL)) if number >= LOWEST else TimeGap.__name__
    taken = _taken(level, number)
    for name, value in level.controller.items():
        place = (*path, "controller", name)
        if name == "law":
            if number < LOWEST:
                yield Fault(place, None, f"LoS 0 and 1 have a law of their own: `law` is of LoS {LOWEST} and above")
        elif name not in taken:
            yield Fault(place, None, f"unknown number `{name}` of {law}", suggestion(name, taken))
        elif (expected := _expected(name)) and (isinstance(value, str) or not _is_within(name, value)):
            yield Fault(place, None, f"expected {expected}, found {value}")
    missing = [name for name, needed in taken.items() if needed and name not in level.controller]
    yield from (Fault(path, None, f"`controller.{name}` is missing") for name in missing)


def _expected(name: str) -> str:
    if name in MOST:
        return f"a number from {LEAST[name]:g} to {MOST[name]:g}"
    return f"a number from {LEAST[name]:g}" if LEAST.get(name) else "a number above 0"


def _is_within(name: str, value: float) -> bool:
    return (value >= LEAST[name] if name in LEAST else value > 0.0) and value <= MOST.get(name, value)


def _reaction_time(level: Level, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if level.reaction_time is None:
        yield Fault(path, None, "`reaction_time` is missing: the safe distance depends on it")
    else:
        yield from _time_gap(level.controller, level.reaction_time, path)


def _time_gap(
    controller: Mapping[str, float | str], reaction_time: float, path: tuple[str | int, ...]
) -> Iterator[Fault]:
    time_gap = controller.get("time_gap")
    if isinstance(time_gap, float | int) and 0.0 < time_gap <= reaction_time:
        place = (*path, "controller", "time_gap")
        yield Fault(place, None, f"expected more than the reaction time of {reaction_time:g} s, found {time_gap:g}")
