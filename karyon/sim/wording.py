"""What pydantic found wrong with a scenario, in the user's words: where it stands, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args, get_origin

from annotated_types import MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from karyon.sim import documents
from karyon.sim.documents import Document, Keys, Place, dotted, quoted, shortened, suggestion
from karyon.sim.failure_modes import MODES, Fault, Mode, units_of
from karyon.sim.units import Index, OneOf, Quantity, Row, expected, unit_of

NAMES_SHOWN = 18  # fields that a hint lists
SWITCHES = {"yes": "write true", "on": "write true", "no": "write false", "off": "write false"}


def faults(error: ValidationError, model: type[BaseModel], document: Document) -> list[documents.Fault]:
    """All faults, in the order of the lines; what is misspelt is not also missing."""
    errors = _without_emptied(error.errors(include_url=False, include_input=False))
    unknown = [_in_file(each["loc"]) for each in errors if each["type"] == "extra_forbidden"]
    meant = {(path[:-1], _meant(path, model, document)) for path in unknown}
    missing = [
        _missing(_in_file(each["loc"]), names, model, document)
        for each in errors
        if (names := _lacked(each)) and not any((_in_file(each["loc"])[:-1], name) in meant for name in names)
    ]
    wrong = [_wrong(_in_file(each["loc"]), each, model, document) for each in errors if _is_wrong(each)]
    worded = [_unknown(path, model, document) for path in unknown] + missing + wrong
    return documents.in_order(worded)


def _without_emptied(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """A list is not too short because of entries in it that are wrong, and so do not count."""
    inner = [each["loc"][:-1] for each in errors]
    return [
        each
        for each in errors
        if each["type"] != "too_short" or not any(path[: len(each["loc"])] == each["loc"] for path in inner)
    ]


def _in_file(path: Keys) -> Keys:
    """The path in the file: there the parameters of a fault stand beside its other fields."""
    return (*path[:2], *path[3:]) if path[2:3] == ("parameters",) else path


def _lacked(error: ErrorDetails) -> tuple[str, ...]:
    """The fields one of which is missing; none for another fault, and none for the rest of a list that is too short."""
    if error["type"] == "lacking":
        return tuple(error["ctx"]["names"])
    return (error["loc"][-1],) if error["type"] == "missing" and isinstance(error["loc"][-1], str) else ()


def _is_wrong(error: ErrorDetails) -> bool:
    return error["type"] != "extra_forbidden" and not _lacked(error)


def _unknown(path: Keys, model: type[BaseModel], document: Document) -> documents.Fault:
    meant, names = _meant(path, model, document), list(_fields(path[:-1], model, document))
    known = f"it has {', '.join(names)}" if len(names) <= NAMES_SHOWN else ""
    hint = f"did you mean {quoted(meant)}?" if meant else known
    return document.place_of_key(path).fault(f"{_called(path[:-1], model)} has no field {quoted(path[-1])}", hint)


def _missing(path: Keys, names: tuple[str, ...], model: type[BaseModel], document: Document) -> documents.Fault:
    place = document.place_of_key(path[:-1])
    if not path[:-1]:
        place = Place(place.source, place.start, place.start + 1)
    meaning = _row((*path[:-1], names[0]), model, document).description if len(names) == 1 else ""
    return place.fault(f"{_called(path[:-1], model)} needs {' or '.join(map(quoted, names))}", meaning)


def _wrong(path: Keys, error: ErrorDetails, model: type[BaseModel], document: Document) -> documents.Fault:
    if error["type"] == "contradiction":
        return document.place(path).fault(f"{dotted(path)} {error['ctx']['said']}", error["ctx"]["hint"])
    if error["type"] == "missing":
        path = path[:-1]
    row = _row(path, model, document)
    message = f"{dotted(path)} is {_takes(row, _units(path, document))}, found {found(document, path)}"
    return document.place(path).fault(message, _hint(error, row, document.at(path)))


def _called(path: Keys, model: type[BaseModel]) -> str:
    if len(path) == 2 and path[0] == "faults":
        return "a fault"
    return dotted(path) or str(getattr(model, "called", "the file"))


def _meant(path: Keys, model: type[BaseModel], document: Document) -> str:
    """The field that the unknown one at `path` was meant to be: one that is not given, too."""
    given = document.at(path[:-1])
    return suggestion(str(path[-1]), [name for name in _fields(path[:-1], model, document) if name not in given])


def _fields(path: Keys, model: type[BaseModel], document: Document) -> dict[str, FieldInfo]:
    """The fields that the mapping at `path` may have, by their name in the file."""
    section = _row(path, model, document).annotation
    known = {info.alias or name: info for name, info in section.model_fields.items()}
    if issubclass(section, Fault):
        del known["parameters"]
        mode = document.at(path).get("mode")
        known |= (MODES.get(mode, Mode) if isinstance(mode, str) else Mode).model_fields
    return known


def _row(path: Keys, model: type[BaseModel], document: Document) -> Row:
    if not path:
        return Row(model)
    around = _row(path[:-1], model, document)
    if isinstance(around.annotation, type) and issubclass(around.annotation, BaseModel):
        return Row.of_field(_fields(path[:-1], model, document)[str(path[-1])])
    if get_origin(around.annotation) is dict:
        return Row.of(get_args(around.annotation)[1], description=around.description)
    items = around.items()
    return items[0] if len(items) == 1 else items[int(path[-1])]


def _units(path: Keys, document: Document) -> dict[str, str]:
    """The units in which the fault that `path` leads to states its parameters."""
    signal = document.at((*path[:2], "signal")) if path[:1] == ("faults",) else None
    return units_of(signal if isinstance(signal, str) else None)


def _takes(row: Row, units: Mapping[str, str]) -> str:
    for kind in row.metadata:
        if isinstance(kind, Index | OneOf):
            return kind.noun
        if isinstance(kind, Quantity):
            return expected(row.metadata, unit_of(kind.unit, units))
    if collection := _collection(row):
        return collection
    if get_origin(row.annotation) is Literal:
        names = get_args(row.annotation)
        return f"one of {', '.join(names)}" if len(names) > 1 else str(names[0])
    return expected(row.metadata) or {bool: "true or false", str: "a text of one line"}[row.annotation]


def _collection(row: Row) -> str:
    """What a field takes that holds others; empty for one that does not."""
    if get_origin(row.annotation) is tuple:
        parts = get_args(row.annotation)
        least = next((kind.min_length for kind in row.metadata if isinstance(kind, MinLen)), 0)
        any_length = f"a list of at least {least}" if least > 1 else "a list"
        return any_length if parts[-1] is ... else f"a list of {len(parts)}"
    if get_origin(row.annotation) is dict:
        return "a mapping of names"
    is_section = isinstance(row.annotation, type) and issubclass(row.annotation, BaseModel)
    return "a mapping of fields" if is_section else ""


def _names(row: Row) -> tuple[str, ...]:
    if get_origin(row.annotation) is Literal:
        return get_args(row.annotation)
    return next((kind.names for kind in row.metadata if isinstance(kind, OneOf)), ())


def found(document: Document, path: Keys) -> str:
    """What stands at `path`: the file's own text, or in words what that does not show."""
    value = document.at(path)
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"an empty {kind}" if not value else "a mapping" if kind == "mapping" else f"a list of {len(value)}"
    return "nothing" if value is None else "an empty text" if value == "" else shortened(document.place(path).text)


def _hint(error: ErrorDetails, row: Row, value: object) -> str:
    if names := _names(row):
        meant = suggestion(str(value), names)
        return f"did you mean {quoted(meant)}?" if meant else f"there are {', '.join(names)}" if names[1:] else ""
    if get_origin(row.annotation) is tuple:
        places = isinstance(value, dict) and all(str(key).isdecimal() for key in value)
        return "an entry is named by its place, from 0, and must be there" if places else row.description
    if row.annotation is bool:
        return SWITCHES.get(str(value).lower(), "")
    is_share = any(isinstance(kind, Quantity) and kind.noun == "a share" for kind in row.metadata)
    if is_share and isinstance(value, int | float) and 1 < value <= 100:
        return f"for {value:g} % write {value / 100:g}"
    cause = error.get("ctx", {}).get("error")
    return str(getattr(cause, "hint", ""))
