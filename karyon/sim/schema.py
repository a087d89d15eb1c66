"""JSON Schemas (draft 2020-12) of scenarios and safety designs, with which editors complete and check them.

    python -m karyon.sim.schema            writes them into scenarios/schema/, one for each kind
    python -m karyon.sim.schema --check    exit code 1 where these are not up to date

What a schema cannot say (a fault begins within the run, a rule names a declared signal), `karyon check` does.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from karyon.kernel import Timing, quantities
from karyon.sim.failure_modes import (
    COMPONENTS,
    COORDINATOR,
    CROSSING_SIGNALS,
    MODES,
    RECEIVED,
    SAID,
    SIGNALS,
    CrossingFault,
    Fault,
    modes_of,
)
from karyon.sim.flight.scenario import FlightFault, FlightScenario
from karyon.sim.intersection.scenario import Scenario as Crossing
from karyon.sim.lanes.scenario import LaneChangeScenario
from karyon.sim.scenario import Scenario
from karyon.sim.shipped import SHIPPED
from karyon.sim.units import SIGNAL, SIGNAL_RATE, Index, OneOf, Quantity, Row, Whole

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string", "minLength": 1}


def scenario() -> Schema:
    """Of a scenario. One that extends another may leave out what that one has."""
    whole = section(Scenario)
    required = whole.pop("required")
    whole["properties"] = {"extends": TEXT | {"description": "file that this one changes"}} | whole["properties"]
    whole["properties"]["leader"]["not"] = {"required": ["recording", "speed"]}
    faults = {"type": ["array", "null"], "items": {"anyOf": list(_faults())}}
    whole["properties"]["faults"] = whole["properties"]["faults"] | faults
    complete = {"anyOf": [{"required": required}, {"required": ["extends"]}]}
    return {"$schema": DIALECT, "title": "KARYON scenario"} | whole | complete


def lane_change() -> Schema:
    """Of a scenario of lane changes; the parameters of its faults are not told apart by mode."""
    return _of_kind(LaneChangeScenario, "lane changes", {"type": "object"})


def intersection() -> Schema:
    """Of a scenario of a crossing."""
    return _of_kind(Crossing, "a crossing", {"anyOf": list(_crossing_faults())})


def flight() -> Schema:
    """Of a scenario of flight; the parameters of its faults are not told apart by mode."""
    return _of_kind(FlightScenario, "flight", section(FlightFault))


def _of_kind(model: type[BaseModel], what: str, fault: Schema) -> Schema:
    whole = section(model)
    required = whole.pop("required")
    whole["properties"] = {"extends": TEXT | {"description": "file that this one changes"}} | whole["properties"]
    whole["properties"]["faults"] |= {"type": ["array", "null"], "items": fault}
    complete = {"anyOf": [{"required": required}, {"required": ["extends"]}]}
    return {"$schema": DIALECT, "title": f"KARYON scenario of {what}"} | whole | complete


def safety() -> Schema:
    """Of a safety design: the mapping that `karyon.kernel.Design.parse` reads."""
    seconds = _quantity("s", {"minimum": 0})
    signal = {
        "unit": {"enum": [*quantities.SI_UNITS, "message"], "description": "SI unit of the value"},
        "tolerated": _quantity(SIGNAL, {"exclusiveMinimum": 0}) | {"description": "failure amplitude tolerated"},
        "noise": _quantity(SIGNAL, {"exclusiveMinimum": 0}) | {"description": "noise floor when healthy, 1 sigma"},
        "bias_max": _quantity(SIGNAL, {"exclusiveMinimum": 0}) | {"description": "constant error when healthy"},
        "period": seconds | {"description": "nominal sample period"},
    }
    level = {
        "name": TEXT,
        "rules": {"type": "array", "items": TEXT, "description": "in addition to those of the levels below"},
        "dwell": seconds | {"description": "how long the rules must have held before the level is taken"},
        "controller": {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
        "reaction_time": seconds | {"description": "technical reaction time"},
        "reach": seconds | {"description": "time the level needs to reach its safe state"},
    }
    levels = {"type": "array", "items": _object(level), "minItems": 1, "description": "LoS 0 first; it has no rules"}
    hazard = {"goal": TEXT, "ftti": seconds | {"description": "fault-tolerant time interval"}, "function": TEXT}
    timing = {each.name: seconds for each in fields(Timing)}
    always = [each.name for each in fields(Timing) if each.default is MISSING]
    design = {
        "name": TEXT,
        "signals": _by_name(_object(signal, ["unit"])),
        "components": _by_name(_object({"deadline": seconds}, ["deadline"])),
        "peers": {"type": "array", "items": TEXT},
        "functions": _by_name(_object({"levels": levels}, ["levels"])),
        "timing": _object(timing, always),
        "hazards": _by_name(_object(hazard, list(hazard))),
        "safety_case": TEXT | {"description": "file of hazards, goals, requirements and claims, beside this one"},
    }
    return {"$schema": DIALECT, "title": "KARYON safety design"} | _object(design, ["name", "functions", "timing"])


def section(model: type[BaseModel]) -> Schema:
    """Of a mapping of fields."""
    properties = {info.alias or name: _field(info) for name, info in model.model_fields.items()}
    required = [info.alias or name for name, info in model.model_fields.items() if info.is_required()]
    return {"description": model.__doc__} | _object(properties, required)


def _field(info: FieldInfo) -> Schema:
    row = Row.of_field(info)
    schema: Schema = {"anyOf": [_value(row), {"type": "null"}]} if row.optional else _value(row)
    kind = next((each for each in row.metadata if isinstance(each, Quantity)), None)
    if isinstance(info.default, bool | int | float):
        schema["default"] = kind.written(info.default) if kind else info.default
    return schema | {"description": row.description}


def _value(row: Row) -> Schema:
    if isinstance(row.annotation, type) and issubclass(row.annotation, BaseModel):
        return section(row.annotation)
    if get_origin(row.annotation) is tuple:
        return _list(row)
    if get_origin(row.annotation) is dict:
        return _by_name(_value(Row.of(get_args(row.annotation)[1])))
    if get_origin(row.annotation) is Literal:
        return {"enum": list(get_args(row.annotation))}
    return _scalar(row)


def _scalar(row: Row) -> Schema:
    bounds = _bounds(row.metadata)
    for kind in row.metadata:
        match kind:
            case Quantity(_, unit):
                return _quantity(unit, bounds)
            case Whole():
                return {"type": "integer"} | bounds
            case OneOf(_, names):
                return {"enum": list(names)}
            case Index():
                return {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "all"}]}
    return {"type": "boolean"} if row.annotation is bool else dict(TEXT)


def _list(row: Row) -> Schema:
    items = [_value(item) for item in row.items()]
    if len(items) == 1:
        return {"type": "array", "items": items[0]} | _bounds(row.metadata)
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _bounds(metadata: Sequence[object]) -> Schema:
    bounds: Schema = {}
    for each in metadata:
        match each:
            case Ge(low):
                bounds["minimum"] = low
            case Gt(low):
                bounds["exclusiveMinimum"] = low
            case Le(high):
                bounds["maximum"] = high
            case MinLen(least):
                bounds["minItems"] = least
            case MaxLen(most):
                bounds["maxItems"] = most
    return bounds


def _faults() -> Iterator[Schema]:
    """One alternative for each subject and mode: a signal, the message as a whole, what is said to all, a component."""
    signals = [signal for signal in SIGNALS if signal not in (*RECEIVED, SAID)]
    for subject, names, of in (
        ("signal", signals, signals[0]),
        ("signal", list(RECEIVED), "lead.message"),
        ("signal", [SAID], SAID),
        ("component", list(COMPONENTS), None),
    ):
        for mode in modes_of(of):
            yield _fault(subject, names, mode)


def _crossing_faults() -> Iterator[Schema]:
    """One alternative for each subject and mode at a crossing."""
    for subject, names, modes in (
        ("signal", list(CROSSING_SIGNALS), modes_of("own.speed")),
        ("signal", [SAID], modes_of(SAID)),
        ("component", [*COMPONENTS, COORDINATOR], modes_of(None)),
    ):
        for mode in modes:
            fault = _fault(subject, names, mode)
            fault["properties"]["vehicle"] = section(CrossingFault)["properties"]["vehicle"]
            if mode == "crash":
                fault["properties"]["duration"] = section(CrossingFault)["properties"]["duration"]
            yield fault


def _fault(subject: str, names: Sequence[str], mode: str) -> Schema:
    fault, parameters = section(Fault), section(MODES[mode])
    common: Schema = {name: fault["properties"][name] for name in ("vehicle", "onset", "duration")}
    if SAID not in names:  # the leader has nothing but what it says
        common["vehicle"]["anyOf"][0]["minimum"] = 1
    chosen = {subject: {"enum": list(names)}, "mode": {"const": mode}}
    required = ["vehicle", subject, "mode", "onset", *parameters["required"], *(["duration"] if mode == "hang" else [])]
    if mode == "crash":
        del common["duration"]
    return {"description": parameters["description"]} | _object(common | chosen | parameters["properties"], required)


def _quantity(unit: str, bounds: Mapping[str, Any]) -> Schema:
    """A number in SI, or a text of a number and a unit of the same kind."""
    anything = unit in (SIGNAL, SIGNAL_RATE)
    fitting = [name for name, each in quantities.UNITS.items() if anything or each.si == unit]
    number = quantities.NUMBER.pattern
    if min(bounds.get("minimum", -1), bounds.get("exclusiveMinimum", 0)) >= 0:
        number = number.replace("[+-]?", "[+]?", 1)
    units = "|".join(re.escape(name) for name in sorted(fitting, key=len, reverse=True))
    text = {"type": "string", "pattern": rf"^\s*{number}\s*({units})?\s*$"}
    return {"anyOf": [{"type": "number", **bounds}, text]}


def _object(properties: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _by_name(entry: Schema) -> Schema:
    return {"type": "object", "additionalProperties": entry}


def files() -> dict[Path, str]:
    """The text of each file of schemas."""
    kinds = {"scenario.json": scenario(), "lane_change.json": lane_change(), "intersection.json": intersection()}
    return texts(kinds | {"flight.json": flight(), "safety.json": safety()})


def texts(schemas: Mapping[str, Schema]) -> dict[Path, str]:
    """The text of each file, by name, in the folder of the shipped schemas."""
    return {
        SHIPPED / "schema" / name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }


def main(arguments: Sequence[str], wanted: Mapping[Path, str]) -> int:
    """Writes the wanted files, or compares them where `arguments` has --check; returns the exit code."""
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.name} {'is not up to date' if '--check' in arguments else 'written'}")
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], files()))
