"""What varies from run to run: in a plan, any value of a scenario may be one of several, or anything between two.

{between: [0.2, 2.0]}                      the same odds everywhere in between
{between: [10 ms, 1000 ms], scale: log}    the same odds for each factor
{between: [2, 6], steps: 5}                a grid takes 2, 3, 4, 5, 6
{one_of: [drift, ramp]}                    each as often as the others
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from karyon.kernel import quantities
from karyon.sim import documents, wording
from karyon.sim.documents import Document, Keys
from karyon.sim.units import Count, Section, contradiction

BETWEEN, ONE_OF = "between", "one_of"
NAMES = frozenset({BETWEEN, ONE_OF})
MOST_STEPS = 1_000_000


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parts(value: object) -> tuple[float, str] | None:
    """Number and unit of `25 m/s` or 25; None for what is no number."""
    found = quantities.QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found:
        return float(found[1]), found[2] or ""
    return (float(value), "") if _is_number(value) else None  # type: ignore[arg-type]


class Between(Section):
    """Any number from the first to the second."""

    between: tuple[Any, Any] = Field(description="two numbers, such as [10 s, 40 s]")
    scale: Literal["linear", "log"] = Field(default="linear", description="log: the same odds for each factor")
    steps: Count | None = Field(default=None, ge=2, le=MOST_STEPS, description="how many of them a grid takes")

    @field_validator("between")
    @classmethod
    def _ends(cls, ends: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = (_parts(end) for end in ends)
        if low is None or high is None:
            raise contradiction("needs two numbers", "for example [10 s, 40 s]; names go into `one_of`")
        if low[1] != high[1]:
            raise contradiction("needs two numbers in one unit", "for example [10 s, 40 s]")
        if not low[0] < high[0]:
            raise contradiction("is an empty range", "the first number is below the second")
        return ends

    @model_validator(mode="after")
    def _log_of_positive(self) -> "Between":
        if self.scale == "log" and not self.ends[0] > 0.0:
            raise contradiction("has no logarithm of its lower end", "scale: log needs numbers above 0")
        return self

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The two numbers, in the unit of the file."""
        return tuple(_parts(end)[0] for end in self.between)  # type: ignore[index, return-value]

    @cached_property
    def unit(self) -> str:
        """The unit in which the file has them; empty: none is given."""
        found = _parts(self.between[0])
        assert found is not None
        return found[1]

    def at(self, share: float) -> float:
        """The number at `share` (0..1) of the way."""
        low, high = self.ends
        if self.scale == "log":
            return min(max(exp(log(low) + share * (log(high) - log(low))), low), high)
        return min(max(low + share * (high - low), low), high)

    def stepped(self) -> list[float]:
        """The numbers that a grid takes."""
        assert self.steps is not None
        return [self.at(step / (self.steps - 1)) for step in range(self.steps)]

    def written(self, number: float) -> str | float:
        """A number between as a scenario has it."""
        return f"{number!r} {self.unit}" if self.unit else number


class OneOf(Section):
    """One of several values."""

    one_of: tuple[Any, ...] = Field(min_length=1, description="a list of values")

    def at(self, share: float) -> Any:
        """The value at `share` (0..1) of the list."""
        return self.one_of[min(int(share * len(self.one_of)), len(self.one_of) - 1)]


Choice = Between | OneOf


@dataclass(frozen=True)
class Varied:
    """A value of a scenario that varies, and where it is in it."""

    path: Keys
    choice: Choice

    @cached_property
    def name(self) -> str:
        """Name of its column in the table of runs, such as `faults[0].rate`."""
        return documents.dotted(self.path)

    @cached_property
    def is_number(self) -> bool:
        """Whether all that it may be is numbers."""
        return isinstance(self.choice, Between) or None not in map(_parts, self.choice.one_of)

    @cached_property
    def unit(self) -> str:
        """SI unit of the numbers in its column; empty where the file gives none, and for what is no number."""
        part = _parts(self.alternatives()[0][0]) if self.is_number else None
        unit = quantities.UNITS.get(part[1]) if part else None
        return unit.si if unit else ""

    def alternatives(self) -> list[tuple[Any, Keys]]:
        """What shows whether all of it is allowed: both ends, or all values; each with its place below `path`."""
        if isinstance(self.choice, Between):
            return [(end, (BETWEEN, index)) for index, end in enumerate(self.choice.between)]
        return [(value, (ONE_OF, index)) for index, value in enumerate(self.choice.one_of)]

    def cells(self) -> list[Any]:
        """What a grid takes of it."""
        return list(self.choice.one_of) if isinstance(self.choice, OneOf) else self.choice.stepped()

    def written(self, value: Any) -> Any:
        """The value as a scenario has it."""
        return self.choice.written(value) if isinstance(self.choice, Between) else value

    def told(self, value: Any) -> float | str:
        """The value, as a scenario has it, as the table of runs has it: numbers in SI."""
        part = _parts(value) if self.is_number else None
        return quantities.to_si(repr(part[0]), part[1], None) if part else str(value)


def found_in(document: Document, within: Keys = ()) -> tuple[list[Varied], list[documents.Fault]]:
    """All that varies in a document, in its order, and what is wrong with how it is written."""
    varied: list[Varied] = []
    faults: list[documents.Fault] = []
    for path, value in _mappings(document.at(within), within):
        if not value.keys() & NAMES:
            faults += _misspelt(document, path, value)
            continue
        kind = Between if BETWEEN in value else OneOf
        try:
            varied.append(Varied(path, kind.model_validate(value)))
        except ValidationError as error:
            faults += wording.faults(error, kind, below(document, path))
        faults += _nested(document, path, value)
    return varied, faults


def _misspelt(document: Document, path: Keys, value: dict[str, Any]) -> list[documents.Fault]:
    (name,) = value
    hint = f"did you mean {documents.quoted(documents.suggestion(name, NAMES))}?"
    return [document.place_of_key((*path, name)).fault(f"what varies has no field {documents.quoted(name)}", hint)]


def _nested(document: Document, path: Keys, value: dict[str, Any]) -> list[documents.Fault]:
    """Choices among the values of a list: each of them is laid on a scenario as it is."""
    inner = _mappings(value.get(ONE_OF), (*path, ONE_OF))
    said = "a value of `one_of` does not vary in itself"
    return [document.place(place).fault(said, "give each kind of runs a stratum of its own") for place, _ in inner]


def _mappings(value: Any, path: Keys) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """All that varies, and what would if its only name were spelt right."""
    if isinstance(value, dict) and (value.keys() & NAMES or _is_misspelt(value)):
        yield path, value
        return
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        yield from _mappings(each, (*path, key))


def _is_misspelt(value: dict[str, Any]) -> bool:
    return len(value) == 1 and all(isinstance(name, str) and documents.suggestion(name, NAMES) for name in value)


def below(document: Document, path: Keys) -> Document:
    """The part of the document at `path`, as a document."""
    depth = len(path)
    keys, values = (
        {at[depth:]: place for at, place in places.items() if at[:depth] == path}
        for places in (document.keys, document.values)
    )
    return Document(document.at(path), keys, {(): document.place(path)} | values)


def put(data: Any, path: Keys, value: Any) -> Any:
    """`data` with `value` at `path`; what is not on the way there is shared."""
    if not path:
        return value
    key, changed = path[0], data.copy()
    changed[key] = put(data[key], path[1:], value)
    return changed
