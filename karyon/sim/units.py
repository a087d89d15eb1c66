"""Types of the fields of a scenario: numbers with a unit, whole numbers, switches, and what each is called.

    lag: Seconds = Field(default=0.2, ge=0.01, le=5, description="time constant of the power train")

is the one row of a quantity: type and unit, default, range, meaning. Messages, JSON Schema and manual come from it.
Units are those of `karyon.kernel.quantities`; a bare number is in SI.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Strict,
    StringConstraints,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from karyon.kernel import quantities


class Section(BaseModel):
    """A mapping of a scenario file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def contradiction(said: str, hint: str = "") -> PydanticCustomError:
    """A value that another field forbids: the message is `<field> <said>`."""
    return PydanticCustomError("contradiction", "{said}", {"said": said, "hint": hint})


def lacking(*names: str) -> PydanticCustomError:
    """A mapping that needs one of these fields."""
    return PydanticCustomError("lacking", "{names}", {"names": names})


def refusal(*faults: tuple[tuple[str | int, ...], PydanticCustomError | str]) -> ValidationError:
    """Several faults, each at its path below the field that is validated."""
    details: list[InitErrorDetails] = [{"type": kind, "loc": path, "input": None} for path, kind in faults]
    return ValidationError.from_exception_data("refusal", details)


SIGNAL, SIGNAL_RATE = "signal", "signal/s"  # units that the context of the validation names


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in SI; from the user also a text such as `300 ms`.

    noun   what it is called in messages
    unit   SI unit, or SIGNAL, SIGNAL_RATE: the validation's context maps these to one
    """

    noun: str
    unit: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object, info: core_schema.ValidationInfo) -> float:
            return quantities.read(value, unit_of(self.unit, info.context))

        return core_schema.with_info_before_validator_function(
            read,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(self.written, when_used="json"),
        )

    def written(self, number: float) -> str | float:
        """The number as a scenario has it: reading it gives the same bits."""
        plain = repr(number).removesuffix(".0")
        return number if self.unit in ("1", SIGNAL, SIGNAL_RATE) else f"{plain} {self.unit}"


class _Read:
    """A type whose values are read by its own `read`, which raises ValueError."""

    def read(self, value: object) -> object:
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))


@dataclass(frozen=True, slots=True)
class Whole(_Read):
    """A whole number."""

    noun: str = "a whole number"
    unit: str = "1"

    def read(self, value: object) -> int:
        """The number itself; ValueError for anything else, also for true and for 2.0."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("not a whole number")
        return value


@dataclass(frozen=True, slots=True)
class OneOf(_Read):
    """One of some names."""

    noun: str
    names: tuple[str, ...]

    def read(self, value: object) -> object:
        """The name itself; ValueError for any other."""
        if value not in self.names:
            raise ValueError("not one of the names")
        return value


@dataclass(frozen=True, slots=True)
class Index(_Read):
    """The index of a vehicle, or `all`."""

    noun: str = "an index from 0 or `all`"

    def read(self, value: object) -> object:
        """The index itself; ValueError for all else."""
        if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise ValueError("no index")


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of a field: its type without `Annotated` and `| None`, and all that stood there."""

    annotation: Any
    metadata: tuple[object, ...] = ()
    description: str = ""
    optional: bool = False

    @classmethod
    def of(cls, annotation: Any, metadata: Iterable[object] = (), description: str = "") -> "Row":
        """The row of a type as it is written."""
        said, optional = list(metadata), False
        while get_origin(annotation) in (Annotated, Union, UnionType):
            if get_origin(annotation) is Annotated:
                annotation, *more = get_args(annotation)
                said = [*more, *said]
                continue
            kinds = [each for each in get_args(annotation) if each is not NoneType]
            if len(kinds) > 1:  # `int | Literal["all"]`, which its metadata names
                break
            annotation, optional = kinds[0], True
        flat = [each for entry in said for each in (entry.metadata if isinstance(entry, FieldInfo) else [entry])]
        return cls(annotation, tuple(flat), description, optional)

    @classmethod
    def of_field(cls, info: FieldInfo) -> "Row":
        """The row of a field of a Section."""
        return cls.of(info.annotation, info.metadata, info.description or "")

    def items(self) -> list["Row"]:
        """The rows of the entries of a list: one for all of them, or one for each."""
        return [Row.of(part, description=self.description) for part in get_args(self.annotation) if part is not ...]


def unit_of(unit: str, context: Any) -> str:
    """`unit` in SI: what the context of the validation has for SIGNAL and SIGNAL_RATE, else itself."""
    return str(context.get(unit, unit)) if isinstance(context, Mapping) else unit


def expected(metadata: Iterable[object], unit: str | None = None) -> str:
    """What a field with this metadata takes, such as `a time from 0 to 10 s`; empty where it is no number."""
    metadata = list(metadata)
    kind = next((each for each in metadata if isinstance(each, Quantity | Whole)), None)
    if kind is None:
        return ""
    symbol = kind.unit if unit is None else unit
    return f"{kind.noun} {_range(metadata, '' if symbol == '1' else f' {symbol}')}".rstrip()


def _range(metadata: Iterable[object], unit: str) -> str:
    words: dict[str, str] = {}
    for bound in metadata:
        match bound:
            case Ge(low):
                words["least"] = f"from {_plain(low)}"
            case Gt(low):
                words["least"] = f"above {_plain(low)}{unit},"
            case Le(high):
                words["most"] = f"{_plain(high)}{unit}"
            case Lt(high):
                words["most"] = f"below {_plain(high)}{unit}"
    most = words.get("most", "")
    joint = " to " if words["least"].startswith("from") else " " if most.startswith("below") else " at most "
    return joint.join(words.values())


def _plain(number: Any) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def _whole_milliseconds(period: float) -> float:
    if round(period * 1000) / 1000 != period:
        raise ValueError("not in whole milliseconds")
    return period


def _whole(number: float) -> float:
    if not number.is_integer():
        raise ValueError("not whole")
    return number


def one_line(text: str) -> str:
    """`text` itself; ValueError where it has a line break or another control character."""
    if re.search("[\x00-\x1f\x7f-\x9f]", text):
        raise ValueError("control character")
    return text


Seconds = Annotated[float, Quantity("a time", "s")]
Metres = Annotated[float, Quantity("a length", "m")]
MetresPerSecond = Annotated[float, Quantity("a speed", "m/s")]
MetresPerSecond2 = Annotated[float, Quantity("an acceleration", "m/s2")]
Radians = Annotated[float, Quantity("an angle", "rad")]
RadiansPerSecond = Annotated[float, Quantity("a rate of turn", "rad/s")]
Share = Annotated[float, Quantity("a share", "1"), Field(ge=0, le=1)]
Factor = Annotated[float, Quantity("a factor", "1")]
Decibels = Annotated[float, Quantity("a level in dB", "1")]
WholeFactor = Annotated[float, Quantity("a whole number", "1"), AfterValidator(_whole)]
InSignalUnit = Annotated[float, Quantity("a value", SIGNAL)]
InSignalUnitPerSecond = Annotated[float, Quantity("a rate", SIGNAL_RATE)]
Period = Annotated[
    float, Quantity("a period of whole milliseconds", "s"), Field(gt=0, le=10), AfterValidator(_whole_milliseconds)
]
Count = Annotated[int, Whole()]
Switch = Annotated[bool, Strict()]
Text = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=4096), AfterValidator(one_line)]
