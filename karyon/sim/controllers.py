"""The controllers of our own function, as a safety design may set them: what each level's law takes.

A design leaves them open, since the kernel knows no controller; what drives must know them before it does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields

from karyon.control.cruise import Cooperative, TimeGap
from karyon.kernel import Design
from karyon.kernel.design import Fault, Level
from karyon.kernel.quantities import suggestion

FUNCTION = "acc"  # the function that the simulation drives
LAWS = (TimeGap, TimeGap, Cooperative)  # of LoS 0, 1, and 2 and above
MAY_BE_ZERO = ("standstill",)


def faults(design: Design) -> Iterator[Fault]:
    """What is wrong with the controllers of the function, level by level; nothing where the design has no such one."""
    for function in design.functions:
        if function.name == FUNCTION:
            for number, level in enumerate(function.levels):
                path = ("functions", FUNCTION, "levels", number)
                yield from _level(level, LAWS[min(number, len(LAWS) - 1)], path)


def _level(level: Level, law: type, path: tuple[str | int, ...]) -> Iterator[Fault]:
    taken = [field for field in fields(law) if field.name != "reaction_time"]
    names = [field.name for field in taken]
    for name, value in level.controller.items():
        place = (*path, "controller", name)
        if name not in names:
            yield Fault(place, None, f"unknown number `{name}` of {law.__name__}", suggestion(name, names))
        elif isinstance(value, str) or not (value > 0.0 or (value == 0.0 and name in MAY_BE_ZERO)):
            yield Fault(place, None, f"expected a number above 0, found {value}")
    missing = [field.name for field in taken if field.default is MISSING and field.name not in level.controller]
    yield from (Fault(path, None, f"`controller.{name}` is missing") for name in missing)
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
