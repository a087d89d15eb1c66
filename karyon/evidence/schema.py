"""JSON Schemas of safety cases, with which editors complete and check them, and of `report.json`.

python -m karyon.evidence.schema            writes safety_case.json and report.json into scenarios/schema/
python -m karyon.evidence.schema --check    exit code 1 where they are not up to date
"""

import sys
from pathlib import Path
from typing import Any

from karyon.evidence.case import Case
from karyon.sim import schema
from karyon.sim.schema import Schema

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": ["number", "null"]}
LIGHT: Schema = {"enum": ["good", "open", "bad", ""]}
TEXTS: Schema = {"type": "array", "items": TEXT}


def safety_case() -> Schema:
    """Of a safety case. One that extends another may leave out what that one has, at any depth."""
    whole = schema.section(Case)
    required = whole["required"]
    whole = dict(_optional(whole))
    whole["properties"] = {"extends": TEXT | {"description": "file that this one changes"}} | whole["properties"]
    complete = {"anyOf": [{"required": required}, {"required": ["extends"]}]}
    return {"$schema": schema.DIALECT, "title": "KARYON safety case"} | whole | complete


def report() -> Schema:
    """Of `report.json`: times in s, null for never or unknown. What a case says stands there as in the case."""
    case = schema.section(Case)["properties"]
    parts: dict[str, Schema] = {
        "about": _has(title=TEXT, design=TEXT, made=TEXT, karyon=TEXT, draft={"type": "boolean"}, files=_by(TEXT)),
        "summary": _has(runs=NUMBER, goals=_list(_state()), claims=_list(_state()), gaps=_list(_has()), open=TEXTS),
        "item": case["item"],
        "element": case["element"],
        "odd": _by(_has(text=TEXT, sampled={"type": ["array", "null"]}, share=NUMBER, unit=TEXT)),
        "situations": case["situations"],
        "hazop": _list(_has(function=TEXT, guideword=TEXT, situation=TEXT)),
        "guidewords": TEXTS,
        "hazards": case["hazards"],
        "events": _by(_has(hazard=TEXT, situation=TEXT, severity=TEXT, asil=TEXT, computed=TEXT)),
        "goals": _by(_has(text=TEXT, asil=TEXT, safe_state=TEXT, ftti=NUMBER, light=LIGHT, word=TEXT)),
        "requirements": _by(_has(text=TEXT, asil=TEXT, serves=TEXTS, allocation=TEXT, place=TEXT)),
        "decompositions": case["decompositions"],
        "signals": _list(_has(name=TEXT, unit=TEXT, noise=NUMBER, bias=NUMBER, tolerated=NUMBER, simulated=NUMBER)),
        "means": _list(_has(function=TEXT, name=TEXT, compares=TEXT, sample=NUMBER, average=NUMBER, limit=TEXT)),
        "levels": _list(_has(level={"type": "integer"}, name=TEXT, rules=_list(_has(text=TEXT, place=TEXT)))),
        "timing": _has(
            terms=_by(NUMBER),
            rows=_list(
                _has(
                    item=TEXT,
                    modes=TEXTS,
                    unheard={"type": "boolean"},
                    detection=NUMBER,
                    handling=NUMBER,
                    longest=NUMBER,
                    slowest=TEXT,
                )
            ),
            from_the_start=_by(NUMBER),
        ),
        "fmea": _list(_has(item=TEXT, mode=TEXT, detection=TEXT, handling=NUMBER, coverage=NUMBER, residual=TEXT)),
        "modes": _by(TEXT),
        "coverage_confirmed": _has(claimed=NUMBER, confirmed=NUMBER),
        "coverage_claimed": case["coverage"],
        "fault_trees": _by(
            _has(
                file=TEXT,
                cut_sets=_list(TEXTS),
                probability=NUMBER,
                measured={"type": ["object", "null"]},
                importance=_list(_has(name=TEXT)),
            )
        ),
        "dependent_failures": case["dependent_failures"],
        "dual_failures": case["dual_failures"],
        "claims": _by(
            _has(
                text=TEXT,
                state=TEXT,
                light=LIGHT,
                word=TEXT,
                effective=NUMBER,
                rate=_has(runs=NUMBER, violations=NUMBER, low=NUMBER, high=NUMBER),
            )
        ),
        "searches": _list(
            _has(plan=TEXT, runs=NUMBER, violations=NUMBER, worst=_list(_has(command=TEXT)), files=_by(TEXT))
        ),
        "sessions": _list(_has(folder=TEXT, readings=_list(_has(claim=TEXT, value=NUMBER, stale={"type": "boolean"})))),
        "models": case["models"],
        "fault_space": _has(
            known=NUMBER,
            share=NUMBER,
            several=NUMBER,
            sampled=_list(_has()),
            not_sampled=_list(_has(item=TEXT, mode=TEXT)),
        ),
        "sotif": _has(
            runs=NUMBER,
            violations=NUMBER,
            conditions=_by(_has(text=TEXT, treated=TEXT, tried=_list(_condition()))),
            unnamed=_list(_condition()),
        ),
        "false_downgrades": _list(
            _has(plan=TEXT, stratum=TEXT, runs=NUMBER, hours=NUMBER, false=NUMBER, low=NUMBER, high=NUMBER)
        ),
        "assumptions": case["assumptions"],
        "limitations": TEXTS,
        "argument": _by(_has(kind=TEXT, text=TEXT, state=LIGHT, word=TEXT)),
        "trace": _list(_has(goal=TEXT, requirement=TEXT, kind=TEXT, what=TEXT, result=TEXT, light=LIGHT, place=TEXT)),
        "back": _list(_has(kind=TEXT, what=TEXT, result=TEXT, place=TEXT, requirements=TEXTS, goals=TEXTS)),
        "tests": _list(_has(name=TEXT, place=TEXT, kind=TEXT, requirements=TEXTS, sha256=TEXT, result=TEXT)),
        "tool": tool(),
        "reviews": _by(_has(name=TEXT, role=TEXT, independence=TEXT, date=TEXT, of=_by(TEXT), expired=TEXTS)),
        "review_hashes": _by(TEXT),
        "campaigns": _list(
            _has(campaign=TEXT, seed=NUMBER, runs=NUMBER, excused=NUMBER, digest=TEXT, files=_by(TEXT), replay=TEXT)
        ),
    }
    whole = _has(**parts) | {"additionalProperties": False}
    return {"$schema": schema.DIALECT, "title": "KARYON safety evidence"} | whole


def tool() -> Schema:
    """Of the part on tool confidence, which `karyon evidence --self` writes alone."""
    counts = dict.fromkeys(("passed", "failed", "skipped"), NUMBER)
    return _has(
        use_cases=_list(_has(name=TEXT, impact=TEXT, detection=TEXT, level=TEXT)),
        suite=_has(current={"type": "boolean"}, said=TEXT, **counts),
        validation=_list(_has(shows=TEXT, by=TEXT, files=TEXTS, **counts)),
        mutants={"type": ["object", "null"]},
        known_issues=_list(_has(id=TEXT, affects=TEXT, text=TEXT, measure=TEXT)),
        limitations=TEXTS,
    )


def _optional(whole: Any) -> Any:
    """A schema in which no field of a mapping has to be there."""
    if isinstance(whole, list):
        return [_optional(each) for each in whole]
    if not isinstance(whole, dict):
        return whole
    return {key: _optional(each) for key, each in whole.items() if not (key == "required" and isinstance(each, list))}


def _has(**properties: Schema) -> Schema:
    """A mapping that has these fields, and maybe more."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _condition() -> Schema:
    return _has(plan=TEXT, stratum=TEXT, rate=_has(runs=NUMBER, violations=NUMBER, low=NUMBER, high=NUMBER))


def _state() -> Schema:
    return _has(id=TEXT, text=TEXT, light=LIGHT, word=TEXT)


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _by(of: Schema) -> Schema:
    """A mapping by id."""
    return {"type": "object", "additionalProperties": of}


def files() -> dict[Path, str]:
    """The text of each file."""
    return schema.texts({"safety_case.json": safety_case(), "report.json": report()})


if __name__ == "__main__":
    sys.exit(schema.main(sys.argv[1:], files()))
