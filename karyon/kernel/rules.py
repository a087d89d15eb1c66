"""Safety rules as data: what must hold for a level of service to be admitted.

A rule is a tree of frozen data classes and knows nothing of its uses. Each use is one function elsewhere with a case
per term: `runtime.verdict` (plain interpreter), `formula.generate` (what the kernel runs), `grammar.text`,
`explanation.reason`. A rule that cannot mean anything (a threshold that is not finite, a validity above 1, an empty
range, a tree nested deeper than `DEEPEST`) cannot be built: the constructor raises ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from sys import float_info
from typing import TypeAlias

from karyon.kernel.quantities import shown

DEEPEST = 50
"""Terms nested deeper than this are refused, so that no use of a rule ever runs out of stack."""

HIGHEST_LEVEL = 127
"""Highest level of service: levels are stored as int8."""

LARGEST = float_info.max

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
"""A dotted identifier: `front.distance`. ASCII only, so that two names that look alike are the same name."""


@dataclass(frozen=True, slots=True)
class Validity:
    """`validity(signal) >= minimum`: the abstract sensor vouches for the value with at least `minimum`, 0..1."""

    signal: str
    minimum: float

    def __post_init__(self) -> None:
        _require_name(self.signal)
        _require_between(self.minimum, 0.0, 1.0, "a validity is a number from 0 to 1")


@dataclass(frozen=True, slots=True)
class Age:
    """`age(signal) <= limit`: measured at most `limit` seconds ago, clock-offset bound included."""

    signal: str
    limit: float

    def __post_init__(self) -> None:
        _require_name(self.signal)
        _require_between(self.limit, 0.0, inf, "an age limit is a finite duration of at least 0 s")


@dataclass(frozen=True, slots=True)
class Alive:
    """`alive(component)`: the last heartbeat is no older than the component's deadline."""

    component: str

    def __post_init__(self) -> None:
        _require_name(self.component)


@dataclass(frozen=True, slots=True)
class Cooperation:
    """`cooperation(peer) >= level`: the peer has agreed to at least this level of service for the present round."""

    peer: str
    level: int

    def __post_init__(self) -> None:
        _require_name(self.peer)
        _require_whole(self.level, 0, HIGHEST_LEVEL, f"a level of service is a whole number from 0 to {HIGHEST_LEVEL}")


@dataclass(frozen=True, slots=True)
class Spread:
    """`spread(signal) <= limit`: half-width of the uncertainty interval, in the signal's SI unit."""

    signal: str
    limit: float

    def __post_init__(self) -> None:
        _require_name(self.signal)
        _require_between(self.limit, 0.0, inf, "a spread limit is a finite number of at least 0")


@dataclass(frozen=True, slots=True)
class Within:
    """`within(signal, low, high)`: low <= value <= high, in the signal's SI unit (operational design domain)."""

    signal: str
    low: float
    high: float

    def __post_init__(self) -> None:
        _require_name(self.signal)
        _require_between(self.low, -inf, inf, "the lower end of a range is a finite number")
        _require_between(self.high, -inf, inf, "the upper end of a range is a finite number")
        if self.low > self.high:
            raise ValueError(f"a range goes from low to high, found {self.low:g} to {self.high:g}")


@dataclass(frozen=True, slots=True)
class Not:
    """`not term`: certain only when the term is certainly false; never certain over absent data."""

    term: Rule

    def __post_init__(self) -> None:
        _require_terms((self.term,), 1)


@dataclass(frozen=True, slots=True)
class And:
    """`a and b and ...`: all of two or more terms."""

    terms: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _require_terms(self.terms, 2)


@dataclass(frozen=True, slots=True)
class Or:
    """`a or b or ...`: any of two or more terms."""

    terms: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _require_terms(self.terms, 2)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`at_least(k, a, b, ...)`: at least `k` of the terms (redundancy, k of n)."""

    k: int
    terms: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _require_terms(self.terms, 1)
        count = len(self.terms)
        _require_whole(self.k, 1, count, f"at_least needs a whole number from 1 to its {count} terms")


Leaf: TypeAlias = Validity | Age | Alive | Cooperation | Spread | Within
Rule: TypeAlias = Leaf | Not | And | Or | AtLeast
LEAVES = (Validity, Age, Alive, Cooperation, Spread, Within)
RULES = (*LEAVES, Not, And, Or, AtLeast)


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every term of `rule` that speaks of one signal, component or peer, from left to right."""
    if isinstance(rule, LEAVES):
        yield rule
        return
    for term in parts(rule):
        yield from leaves(term)


def parts(rule: Rule) -> tuple[Rule, ...]:
    """The terms that `rule` joins; none for a leaf."""
    match rule:
        case And(terms) | Or(terms) | AtLeast(_, terms):
            return terms
        case Not(term):
            return (term,)
        case _:
            return ()


def signals(rule: Rule) -> tuple[str, ...]:
    """Names of the signals that `rule` speaks of, each once, in order of appearance."""
    named = [leaf.signal for leaf in leaves(rule) if isinstance(leaf, Validity | Age | Spread | Within)]
    return tuple(dict.fromkeys(named))


def sole_signal(rule: Rule) -> str | None:
    """The signal that `rule` speaks of, when it speaks of this one signal and of nothing else."""
    named = signals(rule)
    speaks_of_others = any(isinstance(leaf, Alive | Cooperation) for leaf in leaves(rule))
    return named[0] if len(named) == 1 and not speaks_of_others else None


def _require_name(name: object) -> None:
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise ValueError(f"a name is a dotted identifier such as `front.distance`, found {shown(name)}")


def _require_between(number: object, low: float, high: float, expected: str) -> None:
    numeric = isinstance(number, int | float) and not isinstance(number, bool)
    if not (numeric and abs(number) <= LARGEST and low <= number <= high):  # type: ignore[arg-type, operator]
        raise ValueError(f"{expected}, found {shown(number)}")


def _require_whole(number: object, low: int, high: int, expected: str) -> None:
    if not (isinstance(number, int) and not isinstance(number, bool) and low <= number <= high):
        raise ValueError(f"{expected}, found {shown(number)}")


def _require_terms(terms: object, fewest: int) -> None:
    if not (isinstance(terms, tuple) and len(terms) >= fewest and all(isinstance(term, RULES) for term in terms)):
        raise ValueError(f"expected a tuple of at least {fewest} terms, found {shown(terms)}")
    if max(map(_depth, terms)) >= DEEPEST:
        raise ValueError(f"terms are nested deeper than {DEEPEST}")


def _depth(rule: Rule) -> int:
    return max((1 + _depth(term) for term in parts(rule)), default=0)
