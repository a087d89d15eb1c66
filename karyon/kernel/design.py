"""Design-time safety information: signals, components, peers, and the levels of service with their rules.

`Design.parse` reads it from a plain mapping (as a YAML file gives it) and reports all faults at once:

    name: acc
    signals:                              # by name; SI units
      front.distance: {unit: m, tolerated: 1.5 m, noise: 0.15 m, period: 50 ms}
      lead.message: {unit: message, period: 100 ms}     # no number: only its validity and age can be asked
    components:                           # nominal components that send heartbeats
      perception: {deadline: 150 ms}
    peers: [lead]
    functions:
      acc:
        levels:                           # LoS 0 first; it has no rules
          - {name: keep back, controller: {law: cautious}, reaction_time: 1 s, reach: 0.5 s}
          - name: radar
            rules:
              - validity(front.distance) >= 0.8
              - age(front.distance) <= 250 ms
            dwell: 1 s                    # rules must have held for so long before the level is taken
            controller: {law: time_gap, time_gap: 1.4}    # opaque to the kernel: numbers and texts
            reaction_time: 1 s            # technical reaction time, below the level's time gap
            reach: 0.5 s                  # time the level needs to reach its safe state
    timing: {kernel_period: 20 ms, kernel_execution: 2 ms, control_period: 20 ms, actuator_delay: 50 ms,
             perception_period: 20 ms, kernel_phase: 0, control_phase: 0, perception_phase: 0}
    hazards:                              # what the analysis of switch times needs of them
      collision: {goal: keep the safe distance, ftti: 1 s, function: acc}
    safety_case: cases/acc.yaml           # for who argues with the design; the kernel does not read it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate
from math import nan
from typing import Any, TypeAlias, TypeVar

from karyon.kernel.grammar import RuleError, parse
from karyon.kernel.quantities import SI_UNITS, QuantityError, nearest, printable, read, shown, suggestion
from karyon.kernel.rules import HIGHEST_LEVEL, NAME, Alive, Cooperation, Leaf, Rule, Spread, Within, leaves, signals
from karyon.kernel.timing import Timing

Path: TypeAlias = tuple[str | int, ...]
Names: TypeAlias = Mapping[str, Iterable[str]]
T = TypeVar("T")

MOST_RULES = 1000
"""Rules that one function may have; their index is an int16."""

MESSAGE = "message"
"""Unit of a signal that is a message as a whole: it has age and validity, but no number to compare."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a design.

    path     keys and indices from the top of the mapping to the faulty place
    column   1-based, inside the text of a rule; None: the whole entry
    message  what was found and what was expected
    hint     what might have been meant, or ""
    """

    path: Path
    column: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = printable(".".join(map(str, self.path))) or "design"
        column = f", column {self.column}" if self.column else ""
        return f"{place}{column}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class DesignError(ValueError):
    """A design that cannot be used; `faults` are all that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of the run-time safety information.

    unit       SI unit of the value, or "message"
    tolerated  failure amplitude that the functions tolerate, in that unit; None: not stated
    period     nominal sample period, s; None: not stated
    noise      noise floor of the healthy signal, 1 sigma in that unit; None: not stated
    bias_max   constant error that the healthy signal has at most, in that unit; None: not stated
    """

    name: str
    unit: str
    tolerated: float | None = None
    period: float | None = None
    noise: float | None = None
    bias_max: float | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """A nominal component that proves by heartbeats to be alive; `deadline` in s between two of them."""

    name: str
    deadline: float


@dataclass(frozen=True, slots=True)
class Level:
    """A level of service: the rules it adds to those of the levels below, and what the simulator needs to run it.

    dwell          s that the rules must have held before the level is taken
    controller     name and parameters of the controller, opaque to the kernel
    reaction_time  technical reaction time, s; None: not stated
    reach          s that the level needs from command to its safe state
    """

    name: str
    rules: tuple[Rule, ...] = ()
    dwell: float = 1.0
    controller: Mapping[str, float | str] = field(default_factory=dict)
    reaction_time: float | None = None
    reach: float = 0.0


@dataclass(frozen=True, slots=True)
class Function:
    """A vehicle function and its levels of service, LoS 0 first."""

    name: str
    levels: tuple[Level, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in cumulative order: those of level 1, then what level 2 adds, and so on."""
        return tuple(rule for level in self.levels for rule in level.rules)

    @property
    def ends(self) -> tuple[int, ...]:
        """Per level the number of rules of all levels up to it: level l demands rules[:ends[l]]."""
        return tuple(accumulate(len(level.rules) for level in self.levels))

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals that the rules speak of, in order of appearance."""
        return tuple(dict.fromkeys(name for rule in self.rules for name in signals(rule)))


@dataclass(frozen=True, slots=True)
class Hazard:
    """What the analysis of switch times needs of a hazard: its safety goal, FTTI (s) and function."""

    id: str
    goal: str
    ftti: float
    function: str


@dataclass(frozen=True, slots=True)
class Design:
    """Design-time safety information of one vehicle."""

    name: str
    signals: tuple[Signal, ...]
    components: tuple[Component, ...]
    peers: tuple[str, ...]
    functions: tuple[Function, ...]
    timing: Timing
    hazards: tuple[Hazard, ...] = ()

    @classmethod
    def parse(cls, mapping: object) -> Design:
        """The design that a plain mapping describes (see the module). Raises DesignError with all faults."""
        reader = _Reader()
        design = reader.design(mapping)
        if reader.faults or design is None:
            raise DesignError(reader.faults)
        return design

    def function(self, name: str) -> Function:
        """The function of that name. Raises KeyError."""
        return {function.name: function for function in self.functions}[name]

    def limited(self, function: str, max_los: int) -> Design:
        """This design without the levels of `function` above `max_los`. Raises KeyError, ValueError below LoS 0."""
        if max_los < 0:
            raise ValueError(f"LoS 0 is always there, found a limit of {max_los}")
        kept = self.function(function)
        kept = replace(kept, levels=kept.levels[: max_los + 1])
        functions = tuple(kept if each.name == function else each for each in self.functions)
        return replace(self, functions=functions)


class _Reader:
    """Reads a mapping piece by piece, notes every fault and goes on without the faulty piece.

    What cannot be left out is NaN for a number, "" for a text: a design with a fault is refused as a whole.

    faults  all that was wrong so far
    units   unit of each signal that was read
    names   names declared so far, per kind
    unread  kinds whose section could not be read: no name of them is called unknown
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.units: dict[str, str] = {}
        self.names: dict[str, list[str]] = {"signal": [], "component": [], "peer": [], "function": []}
        self.unread: set[str] = set()

    def design(self, mapping: object) -> Design | None:
        optional = ("signals", "components", "peers", "hazards", "safety_case")
        parts = self.keys(mapping, (), ("name", "functions", "timing"), optional)
        if parts is None:
            return None
        signals = self.entries(parts, "signals", self.signal)
        components = self.entries(parts, "components", self.component)
        peers = self.peers(parts.get("peers", []))
        functions = self.functions(parts)
        hazards = self.entries(parts, "hazards", self.hazard)
        timing = self.timing(parts["timing"]) if "timing" in parts else None
        name = self.words(parts, "name", ())
        self.words(parts, "safety_case", ())
        if timing is None:
            return None
        return Design(name, signals, components, peers, functions, timing, hazards)

    def functions(self, parts: Mapping[str, object]) -> tuple[Function, ...]:
        found = parts.get("functions")
        if found == {}:
            self.fault(("functions",), "a design needs at least one function, found none")
        if isinstance(found, Mapping) and found:
            self.names["function"] = [name for name in found if isinstance(name, str)]
        else:
            self.unread.add("function")
        return self.entries(parts, "functions", self.function)

    def signal(self, name: str, mapping: object, path: Path) -> Signal | None:
        parts = self.keys(mapping, path, ("unit",), ("tolerated", "noise", "bias_max", "period"))
        self.names["signal"].append(name)
        if parts is None or "unit" not in parts:
            return None
        unit = self.unit(parts["unit"], (*path, "unit"))
        if unit is None:
            return None
        self.units[name] = unit
        tolerated = self.optional(parts, "tolerated", path, unit)
        period, noise = self.optional(parts, "period", path, "s"), self.optional(parts, "noise", path, unit)
        return Signal(name, unit, tolerated, period, noise, self.optional(parts, "bias_max", path, unit))

    def unit(self, unit: object, path: Path) -> str | None:
        if isinstance(unit, str) and unit in (*SI_UNITS, MESSAGE):
            return unit
        known = " ".join((*SI_UNITS, MESSAGE))
        self.fault(path, f"expected an SI unit or `{MESSAGE}`, found {shown(unit)}", f"units: {known}")
        return None

    def component(self, name: str, mapping: object, path: Path) -> Component | None:
        parts = self.keys(mapping, path, ("deadline",))
        self.names["component"].append(name)
        if parts is None or "deadline" not in parts:
            return None
        return Component(name, self.number(parts["deadline"], (*path, "deadline"), "s", positive=True))

    def peers(self, found: object) -> tuple[str, ...]:
        path: Path = ("peers",)
        names = self.plain_list(found, path)
        if names is None:
            self.unread.add("peer")
        for index, name in enumerate(names or []):
            if not self.is_name(name, (*path, index)):
                continue
            if name in self.names["peer"]:
                self.fault((*path, index), f"peer {shown(name)} is named twice")
            self.names["peer"].append(name)
        return tuple(self.names["peer"])

    def function(self, name: str, mapping: object, path: Path) -> Function | None:
        parts = self.keys(mapping, path, ("levels",))
        if parts is None or "levels" not in parts:
            return None
        path = (*path, "levels")
        found = self.plain_list(parts["levels"], path)
        if found is None:
            return None
        if not found:
            self.fault(path, "a function needs at least LoS 0, found no level")
        if len(found) > HIGHEST_LEVEL + 1:
            self.fault(path, f"a function has at most {HIGHEST_LEVEL + 1} levels, found {len(found)}")
        levels = [self.level(number, each, (*path, number)) for number, each in enumerate(found)]
        self.distinct_levels(found, path)
        function = Function(name, tuple(level for level in levels if level is not None))
        if len(function.rules) > MOST_RULES:
            self.fault(path, f"a function has at most {MOST_RULES} rules, found {len(function.rules)}")
        return function

    def level(self, number: int, mapping: object, path: Path) -> Level | None:
        known = ("name", "rules", "dwell", "controller", "reaction_time", "reach")
        parts = self.keys(mapping, path, (), known)
        if parts is None:
            return None
        name = self.words(parts, "name", path) if "name" in parts else f"LoS {number}"
        rules = self.rules(parts.get("rules", []), (*path, "rules"))
        if number == 0 and parts.get("rules"):
            self.fault((*path, "rules"), "LoS 0 has no rules: it is always admissible")
        if number > 0 and not parts.get("rules"):
            self.fault(path, f"LoS {number} needs at least one rule")
        dwell = self.number(parts.get("dwell", 1.0), (*path, "dwell"), "s")
        controller = self.controller(parts.get("controller", {}), (*path, "controller"))
        reaction_time = self.optional(parts, "reaction_time", path, "s")
        reach = self.number(parts.get("reach", 0.0), (*path, "reach"), "s")
        return Level(name, rules, dwell, controller, reaction_time, reach)

    def distinct_levels(self, found: list[Any], path: Path) -> None:
        names: list[object] = []
        for number, level in enumerate(found):
            name = level.get("name", f"LoS {number}") if isinstance(level, Mapping) else None
            if isinstance(name, str) and name in names:
                self.fault((*path, number, "name"), f"level {shown(name)} is named twice")
            names.append(name)

    def rules(self, found: object, path: Path) -> tuple[Rule, ...]:
        read = [self.rule(each, (*path, index)) for index, each in enumerate(self.plain_list(found, path) or [])]
        return tuple(rule for rule in read if rule is not None)

    def rule(self, text: Any, path: Path) -> Rule | None:
        try:
            rule = parse(text, self.units)
        except RuleError as error:
            self.note(Fault(path, error.column, error.message, error.hint))
            return None
        for leaf in leaves(rule):
            self.leaf(leaf, text, path)
        return rule

    def leaf(self, leaf: Leaf, text: str, path: Path) -> None:
        kind, name = _subject(leaf)
        column = next(re.finditer(rf"(?<![\w.]){re.escape(name)}\s*[,)]", text)).start() + 1
        if name not in self.names[kind] and kind not in self.unread:
            hint = suggestion(name, self.names[kind])
            self.note(Fault(path, column, f"unknown {kind} {shown(name)}", hint))
        elif isinstance(leaf, Spread | Within) and self.units.get(name) == MESSAGE:
            self.note(Fault(path, column, f"{name} is a message, there is no number to compare", "age or validity"))

    def controller(self, found: object, path: Path) -> Mapping[str, float | str]:
        if not isinstance(found, Mapping):
            self.fault(path, f"expected a mapping of parameters, found {shown(found)}")
            return {}
        named = [(key, value) for key, value in found.items() if self.is_name(key, (*path, _step(key)))]
        return {key: self.parameter(value, (*path, key)) for key, value in named}

    def parameter(self, value: object, path: Path) -> float | str:
        return value if isinstance(value, str) else self.number(value, path, None, lowest=None)

    def hazard(self, name: str, mapping: object, path: Path) -> Hazard | None:
        parts = self.keys(mapping, path, ("goal", "ftti", "function"))
        if parts is None or len(parts) < 3:
            return None
        goal = self.words(parts, "goal", path)
        ftti = self.number(parts["ftti"], (*path, "ftti"), "s", positive=True)
        function = self.words(parts, "function", path)
        if function not in ("", *self.names["function"]) and "function" not in self.unread:
            hint = suggestion(function, self.names["function"])
            self.fault((*path, "function"), f"unknown function {shown(function)}", hint)
        return Hazard(name, goal, ftti, function)

    def timing(self, mapping: object) -> Timing | None:
        path: Path = ("timing",)
        names = [each.name for each in fields(Timing)]
        phases = [name for name in names if name.endswith("phase")]
        required = [name for name in names if name not in phases]
        parts = self.keys(mapping, path, required, phases)
        if parts is None:
            return None
        read = {
            key: self.number(value, (*path, key), "s", positive=key.endswith("period")) for key, value in parts.items()
        }
        return Timing(**read) if read.keys() >= set(required) else None

    def entries(
        self, parts: Mapping[str, object], key: str, read: Callable[[str, object, Path], T | None]
    ) -> tuple[T, ...]:
        """The entries of a mapping by name, each read by `read(name, entry, path)`."""
        found = parts.get(key, {})
        if not isinstance(found, Mapping):
            self.fault((key,), f"expected a mapping by name, found {shown(found)}")
            self.unread.add(key.removesuffix("s"))
            return ()
        named = [(name, entry) for name, entry in found.items() if self.is_name(name, (key, _step(name)))]
        values = [read(name, entry, (key, name)) for name, entry in named]
        return tuple(value for value in values if value is not None)

    def plain_list(self, found: object, path: Path) -> list[Any] | None:
        if isinstance(found, list | tuple):
            return list(found)
        self.fault(path, f"expected a list, found {shown(found)}")
        return None

    def keys(
        self, mapping: object, path: Path, required: Iterable[str], optional: Iterable[str] = ()
    ) -> dict[str, object] | None:
        """The known keys of a mapping; unknown and missing ones are faults, a misspelt one is not also missing."""
        if not isinstance(mapping, Mapping):
            self.fault(path, f"expected a mapping, found {shown(mapping)}")
            return None
        required, known = list(required), [*required, *optional]
        missing = [key for key in required if key not in mapping]
        for key in mapping:
            if key in known:
                continue
            meant = nearest(key, known) if isinstance(key, str) else ""
            missing = [each for each in missing if each != meant]
            hint = f"did you mean `{meant}`?" if meant else "known: " + " ".join(known)
            self.fault((*path, _step(key)), f"unknown key {shown(key)}", hint)
        for key in missing:
            self.fault(path, f"`{key}` is missing")
        return {key: mapping[key] for key in known if key in mapping}

    def optional(self, parts: Mapping[str, object], key: str, path: Path, unit: str) -> float | None:
        return self.number(parts[key], (*path, key), unit, positive=True) if parts.get(key) is not None else None

    def number(
        self, found: object, path: Path, unit: str | None, *, positive: bool = False, lowest: float | None = 0.0
    ) -> float:
        try:
            number = read(found, unit)
        except QuantityError as error:
            self.fault(path, str(error), error.hint)
            return nan
        if lowest is not None and (number < lowest or (positive and number == 0.0)):
            self.fault(path, f"expected {'more than' if positive else 'at least'} 0, found {number:g}")
        return number

    def words(self, parts: Mapping[str, object], key: str, path: Path) -> str:
        found = parts.get(key)
        if isinstance(found, str) and found.strip():
            return found
        if key in parts:
            self.fault((*path, key), f"expected a text, found {shown(found)}")
        return ""

    def is_name(self, name: object, path: Path) -> bool:
        if isinstance(name, str) and NAME.fullmatch(name):
            return True
        self.fault(path, f"expected a dotted name such as `front.distance`, found {shown(name)}")
        return False

    def fault(self, path: Path, message: str, hint: str = "") -> None:
        self.note(Fault(path, None, message, hint))

    def note(self, fault: Fault) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def _subject(leaf: Leaf) -> tuple[str, str]:
    """Kind and name of what a term speaks of."""
    match leaf:
        case Alive(component):
            return "component", component
        case Cooperation(peer, _):
            return "peer", peer
        case _:
            return "signal", leaf.signal


def _step(key: object) -> str | int:
    return key if isinstance(key, str | int) else str(key)
