"""Change impact: what of a safety design has changed since a report was made, and whom that reaches.

The hash of a requirement covers all that stands in it: also its ASIL and its rationale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karyon.evidence import report, trace
from karyon.evidence.runs import EvidenceError
from karyon.evidence.standing import Evidence

SECTIONS = (
    *("events", "goals", "requirements", "claims", "assumptions"),
    *("dependent_failures", "dual_failures", "decompositions"),
)
OF_RUNS = ("state", "light", "said", "campaign", "seed", "sampling", "rate", "needed", "method", "holds", "strata")
DERIVED = {
    *OF_RUNS,
    "violations",
    "near",
    "broken_by",
    "reach",
    "word",
    "place",
    "serves",
    "events",
    "requirements_of",
    "computed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What differs: `added`, `removed`, or which fields changed."""

    section: str
    id: str
    what: str


@dataclass(frozen=True, slots=True)
class Impact:
    """Changes, and what they reach.

    rules, tests, plans   what changed of them, in words
    requirements, claims  reached, directly or by what they rest on: claims are stale until they are looked at again
    rerun                 plans whose campaigns have to run again
    """

    changes: tuple[Change, ...]
    rules: tuple[str, ...]
    tests: tuple[str, ...]
    requirements: tuple[str, ...]
    claims: tuple[str, ...]
    rerun: tuple[str, ...]


def folders(bundle: Path) -> list[Path]:
    """Folders of the campaigns of an earlier report, as far as they are there. Raises EvidenceError."""
    paths = [Path(str(one.get("folder"))) for one in _read(bundle).get("campaigns", [])]
    return [path for path in paths if path.is_dir()]


def _read(bundle: Path) -> dict[str, Any]:
    try:
        found = json.loads((bundle / "report.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EvidenceError([f"{bundle} holds no report to compare with: {error}"]) from None
    if not isinstance(found, dict) or not isinstance(found.get("campaigns"), list):
        raise EvidenceError([f"{bundle} holds no report to compare with: report.json is not one"])
    return found


def since(bundle: Path, of: Evidence) -> Impact:
    """What has changed since the report in `bundle`. Raises EvidenceError where there is none."""
    before = _read(bundle)
    try:
        after = json.loads(json.dumps(report.content(of)))
        changes = tuple(_changes(before, after))
        rules, tests = tuple(_rules(before, after)), tuple(_tests(before, after))
        digests = {one["campaign"]: one["scenario_sha256"] for one in before["campaigns"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise EvidenceError([f"{bundle} holds no report to compare with: {type(error).__name__}: {error}"]) from None
    requirements = _requirements(of, changes, bool(rules), tests)
    claims = _claims(of, changes, requirements)
    now = {one.plan.name: one.summary["scenario_sha256"] for one in of.campaigns}
    rerun = tuple(sorted(name for name, digest in digests.items() if now.get(name) != digest))
    return Impact(changes, rules, tests, requirements, claims, rerun)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for section in SECTIONS:
        old, new = before[section], after[section]
        yield from (Change(section, name, "removed") for name in old if name not in new)
        yield from (Change(section, name, "added") for name in new if name not in old)
        for name in (name for name in new if name in old):
            keys = [key for key in {**old[name], **new[name]} if key not in DERIVED]
            if fields := [key for key in keys if old[name].get(key) != new[name].get(key)]:
                yield Change(section, name, f"{', '.join(fields)} changed")


def _rules(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = (
        {(level["level"], rule["text"]) for level in data["levels"] for rule in level["rules"]}
        for data in (before, after)
    )
    yield from (f"LoS {level}: `{text}` removed" for level, text in sorted(old - new))
    yield from (f"LoS {level}: `{text}` added" for level, text in sorted(new - old))
    if before["timing"]["terms"] != after["timing"]["terms"]:
        yield "timing of the cycle changed"


def _tests(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = ({one["name"]: one["sha256"] for one in data["tests"]} for data in (before, after))
    yield from (f"{name} removed" for name in old if name not in new)
    yield from (f"{name}: its file changed" for name in old if name in new and old[name] != new[name])
    yield from (f"{name} added" for name in new if name not in old)


def _requirements(
    of: Evidence, changes: Sequence[Change], rules_changed: bool, tests: Sequence[str]
) -> tuple[str, ...]:
    """Those that changed, serve what did, guard rules or are shown by tests that did; and what they refine."""
    case = of.design.case
    changed = {(change.section, change.id) for change in changes}
    named = {one.name: one.requirements for one in of.tests}
    by_test = {each for said in tests for each in named.get(said.split(" ")[0].rstrip(":"), ())}
    reached = {
        name
        for name, one in case.requirements.items()
        if ("requirements", name) in changed
        or any(("goals", goal) in changed for goal in trace.goals_of(of.design, name))
        or any(("assumptions", each) in changed for each in one.assumed)
        or (rules_changed and one.guards)
        or name in by_test
    }
    while more := {up for name in reached for up in case.requirements[name].refines} - reached:
        reached |= more
    return tuple(name for name in case.requirements if name in reached)


def _claims(of: Evidence, changes: tuple[Change, ...], requirements: tuple[str, ...]) -> tuple[str, ...]:
    changed = {change.id for change in changes if change.section == "claims"}
    return tuple(
        name
        for name, claim in of.design.case.claims.items()
        if name in changed or set(claim.requirements) & set(requirements)
    )


def lines(impact: Impact) -> Iterator[str]:
    """The impact as the screen tells it."""
    yield from (f"changed   {change.section} {change.id}: {change.what}" for change in impact.changes)
    yield from (f"rule      {said}" for said in impact.rules)
    yield from (f"test      {said}" for said in impact.tests)
    yield f"reaches   requirements: {', '.join(impact.requirements) or 'none'}"
    yield f"stale     claims to look at again: {', '.join(impact.claims) or 'none'}"
    yield f"run again campaigns: {', '.join(impact.rerun) or 'none'}"
