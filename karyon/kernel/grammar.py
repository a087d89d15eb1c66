"""Rules as text: `parse` reads a rule, `text` gives back its canonical text; parse(text(rule)) == rule.

    rule   = all {"or" all}
    all    = term {"and" term}
    term   = "not" term | "(" rule ")" | "at_least" "(" k {"," rule} ")" | leaf
    leaf   = "validity" "(" name ")" ">=" number        "age" "(" name ")" "<=" duration
           | "spread" "(" name ")" "<=" quantity        "within" "(" name "," quantity "," quantity ")"
           | "cooperation" "(" name ")" ">=" level      "alive" "(" name ")"

A duration is a number with `ns us ms s min`, a quantity a number with any unit of `quantities.UNITS`; a bare number
is SI. `and` binds tighter than `or`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NoReturn, assert_never

from karyon.kernel.quantities import NUMBER, UNIT, QuantityError, shown, suggestion, to_si
from karyon.kernel.rules import (
    DEEPEST,
    NAME,
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
)

SPACE = re.compile(r"\s*")
WORD = re.compile(rf"{NAME.pattern}|{NUMBER.pattern}|[<>=!≤≥]+|\S")
UNIT_HERE = re.compile(rf"(?!(?:and|or)\b){UNIT.pattern}")
WHOLE = re.compile(r"[0-9]{1,6}(?![0-9.eE])")
ANY_UNIT: Mapping[str, str] = MappingProxyType({})


class RuleError(ValueError):
    """A rule text that cannot be read.

    column   1-based place in the text where it went wrong
    hint     what might have been meant, or ""
    """

    def __init__(self, message: str, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.hint = hint

    @property
    def message(self) -> str:
        """What was found and what was expected."""
        return str(self)


def parse(text: str, units: Mapping[str, str] = ANY_UNIT) -> Rule:
    """The rule that `text` says.

    units   SI unit of each signal: a limit with another unit is refused; signals left out are not checked
    Raises RuleError, and nothing else.
    """
    if not isinstance(text, str):
        raise RuleError(f"expected the text of a rule, found {shown(text)}", 1)
    return _Reader(text, units).whole()


def text(rule: Rule) -> str:  # noqa: PLR0911 (a case per term)
    """The canonical text of `rule`; numbers in SI, durations below a second in ms."""
    match rule:
        case Validity(signal, minimum):
            return f"validity({signal}) >= {_number(minimum)}"
        case Age(signal, limit):
            return f"age({signal}) <= {duration(limit)}"
        case Alive(component):
            return f"alive({component})"
        case Cooperation(peer, level):
            return f"cooperation({peer}) >= {level}"
        case Spread(signal, limit):
            return f"spread({signal}) <= {_number(limit)}"
        case Within(signal, low, high):
            return f"within({signal}, {_number(low)}, {_number(high)})"
        case Not(term):
            return f"not {_enclosed(term)}"
        case And(terms):
            return " and ".join(map(_enclosed, terms))
        case Or(terms):
            return " or ".join(map(_enclosed, terms))
        case AtLeast(k, terms):
            return f"at_least({', '.join([str(k), *map(text, terms)])})"
        case _:
            assert_never(rule)


def duration(seconds: float) -> str:
    """`seconds` with a unit that reads well, exactly: the same decimal number, shifted."""
    if 1e-6 <= abs(seconds) < 1.0:
        return f"{_plain(Decimal(repr(float(seconds))) * 1000)} ms"
    return f"{_number(seconds)} s"


def _enclosed(term: Rule) -> str:
    return f"({text(term)})" if isinstance(term, And | Or) else text(term)


def _number(number: float) -> str:
    exact = Decimal(repr(float(number)))
    return _plain(exact) if number == 0 or 1e-6 <= abs(number) < 1e16 else repr(float(number))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


class _Reader:
    """Recursive descent over one text; `at` is the next character to read, `depth` the terms that are open."""

    def __init__(self, text: str, units: Mapping[str, str]) -> None:
        self.text = text
        self.units = units
        self.at = SPACE.match(text).end()  # type: ignore[union-attr]
        self.depth = 0

    def whole(self) -> Rule:
        rule = self.rule()
        if self.at < len(self.text):
            self.fail("expected `and`, `or` or the end of the rule", "and", "or")
        return rule

    def rule(self) -> Rule:
        start = self.at
        terms = [self.all()]
        while self.take("or"):
            terms.append(self.all())
        return self.joined(start, Or, terms)

    def all(self) -> Rule:
        start = self.at
        terms = [self.term()]
        while self.take("and"):
            terms.append(self.term())
        return self.joined(start, And, terms)

    def joined(self, start: int, join: Callable[[tuple[Rule, ...]], Rule], terms: list[Rule]) -> Rule:
        return terms[0] if len(terms) == 1 else self.built(start, lambda: join(tuple(terms)))

    def term(self) -> Rule:
        start = self.at
        if self.take("not"):
            self.open(start)
            negated = self.term()
            self.depth -= 1
            return self.built(start, lambda: Not(negated))
        if self.take("("):
            self.open(start)
            rule = self.rule()
            self.depth -= 1
            self.need(")")
            return rule
        return self.call()

    def open(self, start: int) -> None:
        """Count a term that others are read inside of; refused when too many are open."""
        if self.depth == DEEPEST:
            raise RuleError(f"terms are nested deeper than {DEEPEST}", start + 1)
        self.depth += 1

    def call(self) -> Rule:
        start = self.at
        word = self.name("a term such as `validity(front.distance) >= 0.8`")
        read = TERMS.get(word)
        if read is None:
            raise RuleError(
                f"unknown term {shown(word)}", start + 1, suggestion(word, TERMS) or "terms: " + " ".join(TERMS)
            )
        self.need("(")
        return read(self, start)

    def validity(self, start: int) -> Rule:
        signal = self.subject("signal")
        self.compare("validity", ">=")
        minimum = self.number()
        return self.built(start, lambda: Validity(signal, minimum))

    def age(self, start: int) -> Rule:
        signal = self.subject("signal")
        self.compare("age", "<=")
        limit = self.quantity("s")
        return self.built(start, lambda: Age(signal, limit))

    def alive(self, start: int) -> Rule:
        return Alive(self.subject("component"))

    def cooperation(self, start: int) -> Rule:
        peer = self.subject("peer")
        self.compare("cooperation", ">=")
        level = self.whole_number("a level of service")
        return self.built(start, lambda: Cooperation(peer, level))

    def spread(self, start: int) -> Rule:
        signal = self.subject("signal")
        self.compare("spread", "<=")
        limit = self.quantity(self.units.get(signal))
        return self.built(start, lambda: Spread(signal, limit))

    def within(self, start: int) -> Rule:
        signal = self.name("the name of a signal")
        self.need(",")
        low = self.quantity(self.units.get(signal))
        self.need(",")
        high = self.quantity(self.units.get(signal))
        self.need(")")
        return self.built(start, lambda: Within(signal, low, high))

    def at_least(self, start: int) -> Rule:
        k = self.whole_number("how many of the terms must hold")
        self.need(",")
        self.open(start)
        terms = [self.rule()]
        while self.take(","):
            terms.append(self.rule())
        self.depth -= 1
        self.need(")")
        return self.built(start, lambda: AtLeast(k, tuple(terms)))

    def built(self, start: int, build: Callable[[], Rule]) -> Rule:
        """What the data class makes of the parts; its refusal is placed at the start of the term."""
        try:
            return build()
        except ValueError as error:
            raise RuleError(str(error), start + 1) from None

    def subject(self, kind: str) -> str:
        name = self.name(f"the name of a {kind}")
        self.need(")")
        return name

    def compare(self, term: str, sign: str) -> None:
        if not self.take(sign):
            self.fail(f"{term} is compared by `{sign}`")

    def number(self) -> float:
        start = self.at
        literal, unit_start = self.literal(NUMBER, "a number"), self.at
        unit = self.literal_here(UNIT_HERE)
        if unit:
            raise RuleError(f"a validity has no unit, found {shown(unit)}", unit_start + 1, "a number from 0 to 1")
        return self.converted(start, literal)

    def quantity(self, expected: str | None) -> float:
        start = self.at
        literal = self.literal(NUMBER, "a number")
        return self.converted(start, literal, self.literal_here(UNIT_HERE), expected)

    def converted(self, start: int, literal: str, unit: str = "", expected: str | None = None) -> float:
        try:
            return to_si(literal, unit, expected)
        except QuantityError as error:
            raise RuleError(str(error), start + 1, error.hint) from None

    def whole_number(self, meaning: str) -> int:
        return int(self.literal(WHOLE, f"a whole number ({meaning})"))

    def name(self, expected: str) -> str:
        return self.literal(NAME, expected)

    def literal(self, pattern: re.Pattern[str], expected: str) -> str:
        return self.literal_here(pattern) or self.fail(f"expected {expected}")

    def literal_here(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.advance(found.end())
        return found[0]

    def take(self, sign: str) -> bool:
        """Whether `sign` (or word) stands here; it is consumed. `<=` is not taken for `<`."""
        found = WORD.match(self.text, self.at)
        if found is None or found[0] != sign:
            return False
        self.advance(found.end())
        return True

    def need(self, sign: str) -> None:
        if not self.take(sign):
            self.fail(f"expected `{sign}`")

    def advance(self, end: int) -> None:
        self.at = SPACE.match(self.text, end).end()  # type: ignore[union-attr]

    def fail(self, expected: str, *fitting: str) -> NoReturn:
        """Refuse what stands here; `fitting` are the words that could have been meant."""
        found = WORD.match(self.text, self.at)
        what = shown(found[0]) if found else "the end of the rule"
        hint = suggestion(found[0], fitting) if found else ""
        raise RuleError(f"{expected}, found {what}", self.at + 1, hint)


TERMS: Mapping[str, Callable[[_Reader, int], Rule]] = MappingProxyType(
    {
        "validity": _Reader.validity,
        "age": _Reader.age,
        "alive": _Reader.alive,
        "cooperation": _Reader.cooperation,
        "spread": _Reader.spread,
        "within": _Reader.within,
        "at_least": _Reader.at_least,
    }
)
