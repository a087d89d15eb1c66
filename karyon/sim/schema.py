"""JSON Schemas (draft 2020-12) of scenarios and safety designs, with which editors complete and check them.

    python -m karyon.sim.schema            writes scenarios/schema/scenario.json and safety.json
    python -m karyon.sim.schema --check    exit code 1 if these are not up to date

What a schema cannot say (a fault's onset lies in the run, a rule names a declared signal) `karyon check` finds.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any, Literal, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel

from karyon.kernel import quantities
from karyon.sim.failure_modes import COMPONENT_MODES, COMPONENTS, MESSAGE_MODES, SIGNAL_MODES, SIGNALS, Fault, Mode
from karyon.sim.scenario import Scenario
from karyon.sim.shipped import SHIPPED
from karyon.sim.units import Index, OneOf, Quantity, Row, Whole

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BOUNDS = {Ge: "minimum", Gt: "exclusiveMinimum", Le: "maximum", Lt: "exclusiveMaximum"}
TEXT: Schema = {"type": "string", "minLength": 1}


def scenario() -> Schema:
    """Of a scenario. One that extends another may leave out what that one has."""
    whole = _section(Scenario)
    required = whole.pop("required")
    whole["properties"] = {"extends": TEXT | {"description": "file that this one changes"}} | whole["properties"]
    whole["properties"]["faults"]["items"] = {"anyOf": list(_faults())}
    whole["properties"]["leader"]["not"] = {"required": ["recording", "speed"]}
    return {"$schema": DIALECT, "title": "KARYON scenario"} | whole | {
        "anyOf": [{"required": required}, {"required": ["extends"]}]
    }


def safety() -> Schema:
    """Of a safety design: the mapping that `karyon.kernel.Design.parse` reads."""
    seconds, names = _quantity("s", {"minimum": 0}), {"pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"}
    signal = _object(
        {
            "unit": {"enum": [*quantities.SI_UNITS, "message"], "description": "SI unit of the value"},
            "tolerated": _quantity(None, {"exclusiveMinimum": 0}) | {"description": "tolerated failure amplitude"},
            "period": seconds | {"description": "nominal sample period"},
        },
        required=["unit"],
    )
    level = _object(
        {
            "name": TEXT,
            "rules": {"type": "array", "items": TEXT, "description": "added to those of the levels below"},
            "dwell": seconds | {"description": "how long the rules must have held before the level is taken"},
            "controller": {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
            "reaction_time": seconds | {"description": "technical reaction time"},
            "reach": seconds | {"description": "time the level needs to reach its safe state"},
        }
    )
    levels = {"type": "array", "items": level, "minItems": 1, "description": "LoS 0 first; it has no rules"}
    hazard = _object({"goal": TEXT, "ftti": seconds, "function": TEXT}, required=["goal", "ftti", "function"])
    timing = [f"{part}_{what}" for part in ("perception", "kernel", "control") for what in ("period", "phase")]
    periods = ["perception_period", "kernel_period", "kernel_execution", "control_period", "actuator_delay"]
    fields = {
        "name": TEXT,
        "signals": _by_name(signal, names),
        "components": _by_name(_object({"deadline": seconds}, required=["deadline"]), names),
        "peers": {"type": "array", "items": TEXT},
        "functions": _by_name(_object({"levels": levels}, required=["levels"]), names),
        "timing": _object(dict.fromkeys([*timing, "kernel_execution", "actuator_delay"], seconds), required=periods),
        "hazards": _by_name(hazard, names),
    }
    whole = _object(fields, required=["name", "functions", "timing"])
    return {"$schema": DIALECT, "title": "KARYON safety design"} | whole


def _section(model: type[BaseModel]) -> Schema:
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    properties = {}
    for name, info in fields.items():
        properties[name] = _described(Row.of_field(info))
        if not info.is_required() and info.default is not None:
            properties[name]["default"] = _written(Row.of_field(info), info.default)
    required = [name for name, info in fields.items() if info.is_required()]
    return {"description": model.__doc__} | _object(properties, required)


def _described(row: Row) -> Schema:
    schema = _value(row)
    if row.optional:
        schema = {"anyOf": [schema, {"type": "null"}]}
    return schema | ({"description": row.description} if row.description else {})


def _value(row: Row) -> Schema:
    bounds: Schema = {BOUNDS[type(each)]: _bound(each) for each in row.metadata if type(each) in BOUNDS}
    for kind in row.metadata:
        match kind:
            case Quantity(_, unit):
                return _quantity(unit, bounds)
            case Whole():
                return {"type": "integer"} | bounds
            case OneOf(_, names):
                return {"enum": list(names)}
            case Index():
                return {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]}
    if isinstance(row.annotation, type) and issubclass(row.annotation, BaseModel):
        return _section(row.annotation)
    if get_origin(row.annotation) is tuple:
        return _list(row)
    if get_origin(row.annotation) is Literal:
        return {"enum": list(row.annotation.__args__)}
    return {"type": "boolean"} if row.annotation is bool else TEXT
