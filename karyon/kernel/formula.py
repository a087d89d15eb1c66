"""The rules of one function as one elementwise formula: generated as source, compiled once.

The formula is numbers in, numbers out: comparisons, `&`, `|`, `+` and `where` on arguments that were gathered before,
so that NumPy runs it on arrays of rows and a compiler can run the same source row by row. Identifiers in it are made
from indices, never from names of a design. For two rules it reads

    def admit(present_0, age_0, validity_0):
        t0 = validity_0 >= 0.8
        t1 = validity_0 <= 1.0
        t2 = present_0 & t0 & t1
        t3 = age_0 <= 0.3
        t4 = present_0 & t3
        first = where(t4, small(2), small(1))
        first = where(t2, first, 0)
        admissible = where(first >= 2, tiny(1), tiny(0))
        return admissible, first, t2 & t4

Every term is written twice where it is needed, as *proven* (certainly true) and as *refuted* (certainly false): both
are false over absent data and NaN, so nothing is ever negated and NaN cannot compare its way to "fine".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from karyon.kernel.elementwise import where
from karyon.kernel.rules import (
    Age,
    Alive,
    And,
    AtLeast,
    Cooperation,
    Not,
    Or,
    Rule,
    Spread,
    Validity,
    Within,
    sole_signal,
)

if TYPE_CHECKING:
    from karyon.kernel.design import Design, Function


@dataclass(frozen=True, slots=True)
class Formula:
    """What was generated for one function.

    source    the Python source of `admit`
    inputs    (quantity, index) of each argument: quantity is one of `QUANTITIES`
    trusted   signals whose trust is returned, in this order
    admit     the compiled formula; it returns
              admissible  int8, highest level whose cumulative rules are certain
              first       int16, index of the first rule in cumulative order that is not certain, or the number of
                          rules. Rules are cumulative, so this one number says it for every level: level l is blocked
                          by rule `first` when first < rules of levels 1..l, and else by none
              and per trusted signal a Boolean: all rules that speak of this signal alone are certain
    judge     the same of tables of all `QUANTITIES` and of the signals that were ever seen: it returns admissible,
              first, whether every signal that the rules name was seen, and a tuple of the Booleans
    """

    source: str
    inputs: tuple[tuple[str, int], ...]
    trusted: tuple[str, ...]
    admit: Callable[..., tuple[Any, ...]]
    judge: Callable[..., tuple[Any, ...]]


SOURCES = 64  # of functions that are remembered
QUANTITIES = ("value", "validity", "spread", "present", "age", "heard", "silence", "cooperation")


def generate(function: Function, design: Design) -> Formula:
    """The formula of `function`; its rules name signals, components and peers of `design`."""
    lines = _Lines(design)
    proven = [(rule, lines.proven(rule)) for rule in function.rules]
    first = _first(lines, [name for _, name in proven])
    admissible = _admissible(lines, function.ends, first)
    trusted = {signal: lines.all(own) for signal, own in _sole_rules(proven).items()}
    results = ", ".join([admissible, first, *trusted.values()])
    arguments = ", ".join(f"{quantity}_{index}" for quantity, index in lines.inputs)
    body = "".join(f"    {line}\n" for line in [*lines.statements, f"return {results}"])
    source = f"def admit({arguments}):\n{body}"
    taken = ", ".join(f"{quantity}[{index}]" for quantity, index in lines.inputs)
    ready = " & ".join(f"ever[{lines.signals[signal]}]" for signal in function.signals) or "True"
    told = "".join(f"found[{place}], " for place in range(2, 2 + len(trusted)))
    judge = (
        f"def judge({', '.join(QUANTITIES)}, ever):\n"
        f"    found = admit({taken})\n"
        f"    return found[0], found[1], {ready}, ({told})\n"
    )
    names = _compiled(source + judge)
    return Formula(source, tuple(lines.inputs), tuple(trusted), names["admit"], names["judge"])


def _first(lines: _Lines, proven: list[str]) -> str:
    if not proven:
        return "small(0)"
    count = len(proven)
    lines.statements.append(f"first = where({proven[-1]}, small({count}), small({count - 1}))")
    for index in reversed(range(count - 1)):
        lines.statements.append(f"first = where({proven[index]}, first, {index})")
    return "first"


def _admissible(lines: _Lines, ends: tuple[int, ...], first: str) -> str:
    """Levels whose rules end at or before the first rule that is not certain; ends[0] is 0, of level 0."""
    if len(ends) == 1:
        return "tiny(0)"
    lines.statements.append(f"admissible = where({first} >= {ends[1]}, tiny(1), tiny(0))")
    for level, end in enumerate(ends[2:], start=2):
        lines.statements.append(f"admissible = where({first} >= {end}, {level}, admissible)")
    return "admissible"


def _sole_rules(proven: list[tuple[Rule, str]]) -> dict[str, list[str]]:
    own: dict[str, list[str]] = {}
    for rule, name in proven:
        signal = sole_signal(rule)
        if signal is not None:
            own.setdefault(signal, []).append(name)
    return own


@lru_cache(maxsize=SOURCES)
def _compiled(source: str) -> dict[str, Any]:
    """The functions of a source: the same ones each time, so that what was made of them once is found again."""
    names: dict[str, Any] = {"where": where, "small": np.int16, "tiny": np.int8, "infinite": np.inf}
    names["__name__"] = __name__
    exec(compile(source, "<rules>", "exec"), names)
    return names


class _Lines:
    """Statements of a formula as they are generated: one per distinct term, so equal terms are evaluated once."""

    def __init__(self, design: Design) -> None:
        self.signals = {signal.name: index for index, signal in enumerate(design.signals)}
        self.components = {component.name: index for index, component in enumerate(design.components)}
        self.peers = {peer: index for index, peer in enumerate(design.peers)}
        self.deadlines = [component.deadline for component in design.components]
        self.inputs: dict[tuple[str, int], None] = {}
        self.statements: list[str] = []
        self.named: dict[str, str] = {}

    def proven(self, rule: Rule) -> str:  # noqa: PLR0911 (a case per term)
        """Name of the local that says where `rule` is certainly true."""
        match rule:
            case Validity(signal, minimum):
                present, validity = self.signal("present", signal), self.signal("validity", signal)
                return self.all([present, self.compare(validity, ">=", minimum), self.compare(validity, "<=", 1.0)])
            case Age(signal, limit):
                return self.both(self.signal("present", signal), self.compare(self.signal("age", signal), "<=", limit))
            case Spread(signal, limit):
                present, spread = self.signal("present", signal), self.signal("spread", signal)
                return self.all([present, self.compare(spread, ">=", 0.0), self.compare(spread, "<=", limit)])
            case Within(signal, low, high):
                present, value = self.signal("present", signal), self.signal("value", signal)
                return self.all([present, self.compare(value, ">=", low), self.compare(value, "<=", high)])
            case Alive(component):
                heard, silence, deadline = self.component(component)
                return self.both(heard, self.compare(silence, "<=", deadline))
            case Cooperation(peer, level):
                return self.compare(self.peer(peer), ">=", level)
            case Not(term):
                return self.refuted(term)
            case And(terms):
                return self.all(map(self.proven, terms))
            case Or(terms):
                return self.any(map(self.proven, terms))
            case AtLeast(k, terms):
                return self.count(map(self.proven, terms), k)
            case _:
                assert_never(rule)

    def refuted(self, rule: Rule) -> str:  # noqa: PLR0911 (a case per term)
        """Name of the local that says where `rule` is certainly false."""
        match rule:
            case Validity(signal, minimum):
                present, validity = self.signal("present", signal), self.signal("validity", signal)
                return self.all([present, self.compare(validity, ">=", 0.0), self.compare(validity, "<", minimum)])
            case Age(signal, limit):
                return self.both(self.signal("present", signal), self.compare(self.signal("age", signal), ">", limit))
            case Spread(signal, limit):
                present, spread = self.signal("present", signal), self.signal("spread", signal)
                finite = self.name(f"{spread} < infinite")
                return self.all([present, self.compare(spread, ">", limit), finite])
            case Within(signal, low, high):
                present, value = self.signal("present", signal), self.signal("value", signal)
                outside = self.any([self.compare(value, "<", low), self.compare(value, ">", high)])
                return self.both(present, outside)
            case Alive(component):
                heard, silence, deadline = self.component(component)
                return self.both(heard, self.compare(silence, ">", deadline))
            case Cooperation(peer, level):
                return self.both(self.compare(self.peer(peer), ">=", 0), self.compare(self.peer(peer), "<", level))
            case Not(term):
                return self.proven(term)
            case And(terms):
                return self.any(map(self.refuted, terms))
            case Or(terms):
                return self.all(map(self.refuted, terms))
            case AtLeast(k, terms):
                return self.count(map(self.refuted, terms), len(terms) - k + 1)
            case _:
                assert_never(rule)

    def signal(self, quantity: str, name: str) -> str:
        return self.input(quantity, self.signals[name])

    def component(self, name: str) -> tuple[str, str, float]:
        index = self.components[name]
        return self.input("heard", index), self.input("silence", index), self.deadlines[index]

    def peer(self, name: str) -> str:
        return self.input("cooperation", self.peers[name])

    def input(self, quantity: str, index: int) -> str:
        self.inputs.setdefault((quantity, index))
        return f"{quantity}_{index}"

    def compare(self, argument: str, sign: str, limit: float) -> str:
        return self.name(f"{argument} {sign} {limit!r}")

    def both(self, one: str, other: str) -> str:
        return self.all([one, other])

    def all(self, names: Iterable[str]) -> str:
        return self.name(" & ".join(dict.fromkeys(names)))

    def any(self, names: Iterable[str]) -> str:
        return self.name(" | ".join(dict.fromkeys(names)))

    def count(self, names: Iterable[str], k: int) -> str:
        return self.name(f"({' + '.join(f'where({name}, small(1), small(0))' for name in names)}) >= {k}")

    def name(self, expression: str) -> str:
        """The local that holds `expression`; a bare name stands for itself."""
        if expression.isidentifier():
            return expression
        if expression not in self.named:
            self.named[expression] = f"t{len(self.named)}"
            self.statements.append(f"{self.named[expression]} = {expression}")
        return self.named[expression]
