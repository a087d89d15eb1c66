"""The content of the report as plain data: what `report.json` has, and all that the pages show."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from math import isfinite
from typing import Any

import karyon
from karyon.campaign.trial import hash_of
from karyon.evidence import cut_sets, domain, dual, fault_tree, fmea, hara, healthy, means, reviews, sotif, tool, trace
from karyon.evidence.claims import Result, column, violating
from karyon.evidence.fault_tree import Class, Gate
from karyon.evidence.open_points import open_points
from karyon.evidence.runs import Campaign, Search, Session
from karyon.evidence.standing import Evidence, of_claim, result_of, said, states_of, violations_of
from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.sim.failure_modes import MODES
from karyon.sim.metrics import UNSAFE_DISTANCE

LIBRARIES = ("numpy", "scipy", "simpy", "pyarrow", "pydantic", "dd", "weasyprint", "jinja2")
CUTS_SHOWN = 40
OF_CAMPAIGN = (  # of `campaign.json`
    *("campaign", "seed", "runs", "violations", "interval", "sampling", "outcomes", "digest"),
    *("plan_sha256", "scenario_sha256", "karyon", "python", "numpy", "cpu_features"),
)


def content(of: Evidence) -> dict[str, Any]:
    """The whole report; times in s, null for never or unknown."""
    case = of.design.case
    states, failures = states_of(of), of.failures
    return {
        "about": _about(of),
        "summary": _summary(of, states),
        "item": case.item.model_dump(),
        "element": case.element.model_dump(),
        "odd": {
            name: one.condition.model_dump() | {"sampled": one.sampled, "share": one.share, "unit": one.unit}
            for name, one in domain.compared(case, of.campaigns).items()
        },
        "situations": dict(case.situations),
        "hazop": [asdict(cell) for cell in hara.table(case)],
        "guidewords": list(case.hazop.guidewords),
        "hazards": dict(case.hazards),
        "events": {
            name: one.model_dump() | {"computed": hara.asil(one.severity, one.exposure, one.controllability)}
            for name, one in case.events.items()
        },
        "goals": {name: _goal(of, name, states) for name in case.goals},
        "requirements": {name: _requirement(of, name) for name in case.requirements},
        "decompositions": {name: one.model_dump() for name, one in case.decompositions.items()},
        "levels": _levels(of),
        "signals": [asdict(one) for one in means.expected(of.design.design, of.campaigns)],
        "means": [asdict(one) for one in means.used(of.design.design)],
        "timing": _timing(of),
        "fmea": [fmea.as_data(row) for row in failures],
        "modes": {name: str(mode.__doc__) for name, mode in MODES.items() if name in {row.mode for row in failures}},
        "coverage_confirmed": fmea.confirmed(failures),
        "coverage_claimed": {name: one.model_dump() for name, one in case.coverage.items()},
        "fault_trees": {name: _tree(name, tree, of.measured_trees.get(name)) for name, tree in of.trees.items()},
        "dependent_failures": {name: one.model_dump() for name, one in case.dependent_failures.items()},
        "dual_failures": {name: one.model_dump() for name, one in case.dual_failures.items()},
        "claims": {one.id: _claim(one) for one in of.results},
        "searches": [_search(one) for one in of.searches],
        "sessions": [_session(of, one) for one in of.sessions],
        "models": {name: one.model_dump() for name, one in case.models.items()},
        "fault_space": _fault_space(of),
        "sotif": sotif.content(of.design, of.campaigns),
        "false_downgrades": [asdict(one) for one in healthy.by_condition(of.campaigns)],
        "assumptions": {name: one.model_dump() for name, one in case.assumptions.items()},
        "limitations": list(case.limitations),
        "argument": {
            name: node.model_dump() | {"state": states[f"node {name}"][0], "word": states[f"node {name}"][1]}
            for name, node in case.argument.items()
        },
        "trace": [_link(of, link, states) for link in trace.links(of.design, of.tests)],
        "back": _back(of, states),
        "tests": [asdict(test) | {"result": result_of(of, test.name)} for test in of.tests],
        "tool": tool.content(of.suite),
        "reviews": {one.id: one.review.model_dump() | {"expired": list(one.expired)} for one in reviews.records(case)},
        "review_hashes": reviews.hashes(case),
        "campaigns": [_campaign(of, one) for one in of.campaigns],
    }


def _about(of: Evidence) -> dict[str, Any]:
    files = [of.design.path, *of.design.files]
    folders = [one.path for given in (of.campaigns, of.searches, of.sessions) for one in given]
    return of_program() | {
        "title": f"Safety evidence: {of.design.case.item.name}",
        "design": of.design.design.name,
        "draft": of.is_draft,
        "files": {trace.shown(path): hash_of(path) for path in files},
        "command": shlex.join(["karyon", "evidence", *map(str, folders), "--design", str(of.design.path)]),
    }


def of_program() -> dict[str, Any]:
    """What made a report, and when."""
    commit, dirty = tool.commit()
    return {
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "karyon": karyon.__version__,
        "commit": commit,
        "dirty": dirty,
        "draft": False,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _summary(of: Evidence, states: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    case = of.design.case
    runs = sum(len(one.table) for one in of.campaigns)
    return {
        "runs": runs,
        "goals": [
            {"id": name, "text": goal.text, "asil": goal.asil, "ftti": goal.ftti, **_light(states[name])}
            for name, goal in case.goals.items()
        ],
        "claims": [
            {"id": one.id, "text": one.claim.text, "said": said(one), **_light(states[one.id])} for one in of.results
        ],
        "gaps": [asdict(gap) for gap in of.gaps],
        "open": list(open_points(of)),
    }


def _light(state: tuple[str, str]) -> dict[str, str]:
    return {"light": state[0], "word": state[1]}


def _goal(of: Evidence, name: str, states: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    case, goal = of.design.case, of.design.case.goals[name]
    return goal.model_dump() | {
        "events": [event for event, one in case.events.items() if one.goal == name],
        "requirements": trace.serving(of.design, name),
        "violations": violations_of(of, name) if goal.watched else None,
        **_light(states[name]),
    }


def _requirement(of: Evidence, name: str) -> dict[str, Any]:
    found = of.design.case.requirements[name]
    place = trace.line(of.design.of_case.place_of_key(("requirements", name)))
    return found.model_dump() | {"serves": trace.goals_of(of.design, name), "place": place}


def _levels(of: Evidence) -> list[dict[str, Any]]:
    placed = trace.rules(of.design)
    return [
        {
            "function": function.name,
            "level": number,
            "name": level.name,
            "dwell": level.dwell,
            "reach": level.reach,
            "reaction_time": level.reaction_time,
            "controller": dict(level.controller),
            "rules": [
                {"text": rule.text, "place": rule.place}
                for rule in placed
                if rule.level == number and rule.function == function.name
            ],
        }
        for function in of.design.design.functions
        for number, level in enumerate(function.levels)
    ]


def _timing(of: Evidence) -> dict[str, Any]:
    """The bound of each failure with its terms, failures that share them together."""
    design = of.design.design
    terms = asdict(design.timing)
    ftti = of.design.ftti
    rows = [
        {
            "function": function.name,
            "item": one.item,
            "modes": list(one.modes),
            "unheard": is_unheard,
            "leaves_level": one.bound.guard,
            "seen_by": fmea.in_words(one.ways),
            "detection": _finite(one.bound.detection),
            "switch": _finite(one.bound.switch),
            "reach": function.levels[one.bound.guard - 1].reach,
            "handling": _finite(one.bound.handling),
            "ftti": _finite(ftti),
            "margin": _finite(ftti - one.bound.handling),
            **_longest(one, {} if is_unheard else of.tried),
        }
        for function in design.functions
        for one, is_unheard in _bounded(design, function)
    ]
    from_the_start = of.analysed.from_the_start
    return {
        "terms": terms,
        "rows": rows,
        "from_the_start": {signal: _finite(error) for signal, error in from_the_start.items()},
    }


def _bounded(design: Design, function: Function) -> Iterator[tuple[Class, bool]]:
    yield from ((one, False) for one in fault_tree.classes(design, function))
    for one in dual.unheard(design, function):
        yield Class(one.bound.item, one.modes, one.bound, ((dual.LEFT,),)), True


def _longest(one: Class, tried: fmea.Tried) -> dict[str, Any]:
    """The longest time in s that bad data were in command, and the run in which they were."""
    found = [tried[(one.item, mode)] for mode in one.modes if (one.item, mode) in tried]
    slowest = max(found, key=lambda each: each.longest, default=None)
    if slowest is None:
        return {"longest": None, "slowest": ""}
    return {"longest": slowest.longest, "slowest": slowest.slowest}


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None


def _tree(name: str, tree: Gate, measured: Gate | None) -> dict[str, Any]:
    found = cut_sets.analyse(tree)
    texts = {event.name: event.text for event in tree.events}
    orders = [len(cut) for cut in found.cuts]
    important = sorted(found.importance.items(), key=lambda each: (-each[1], each[0]))
    return {
        "text": tree.text,
        "file": f"fault_tree_{name}.xml",
        "events": [asdict(event) for event in tree.events],
        "cut_sets": [sorted(cut) for cut in found.cuts],
        "orders": {str(order): orders.count(order) for order in sorted(set(orders))},
        "shown": [[{"name": each, "text": texts[each]} for each in sorted(cut)] for cut in found.cuts[:CUTS_SHOWN]],
        "probability": found.probability,
        "measured": None if measured is None else _measured_tree(name, measured),
        "importance": [
            {
                "name": event,
                "text": texts[event],
                "structural": value,
                "birnbaum": found.birnbaum.get(event),
                "fussell_vesely": found.fussell_vesely.get(event),
            }
            for event, value in important
        ],
    }


def _measured_tree(name: str, tree: Gate) -> dict[str, Any]:
    """What the tree comes to with the shares that runs have measured, each with where it is from."""
    return {
        "file": f"fault_tree_{name}_measured.xml",
        "probability": cut_sets.analyse(tree).probability,
        "events": [asdict(event) for event in tree.events if event.source.startswith("campaigns: ")],
    }


def _claim(one: Result) -> dict[str, Any]:
    return one.claim.model_dump() | {
        "state": one.state,
        **_light(of_claim(one)),
        "said": said(one),
        "campaign": None if one.campaign is None else str(one.campaign.path),
        "seed": None if one.campaign is None else one.campaign.summary["seed"],
        "sampling": None if one.campaign is None else one.campaign.plan.sampling,
        "rate": asdict(one.rate),
        "needed": one.needed,
        "effective": None if one.campaign is None else int((column(one.campaign, "worst_switch_latency") > 0.0).sum()),
        "method": one.method,
        "holds": one.holds,
        "strata": [asdict(rate) for rate in one.strata],
        "violations": list(one.violations),
        "near": list(one.near),
        "worth": None if one.campaign is None else one.campaign.plan.kind.worth,
        "broken_by": list(one.broken_by),
        "reach": [asdict(each) | {"unit": each.unit, "inside": each.is_inside} for each in one.reach],
    }


def _search(one: Search) -> dict[str, Any]:
    kept = ("plan", "seed", "runs", "violations", "came_to_nothing", "rate", "interval", "worst", "smallest")
    return {name: one.summary.get(name) for name in kept} | {"folder": str(one.path), "files": dict(one.hashes)}


def _session(of: Evidence, one: Session) -> dict[str, Any]:
    """Readings of claims as they are now; those of claims that have changed since say nothing."""
    digests = reviews.hashes(of.design.case)
    return {
        "folder": str(one.path),
        "files": dict(one.hashes),
        "readings": [
            {**each, "stale": digests.get(str(each.get("claim"))) != each.get("sha256")} for each in one.readings
        ],
    }


def _link(of: Evidence, link: trace.Link, states: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    light, word = _result(of, link, states)
    return asdict(link) | {"result": word, "light": light}


def _result(of: Evidence, link: trace.Link, states: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Where that stands which carries a requirement: its light, and the word for it."""
    match link.kind:
        case "test" | "property":
            word = result_of(of, link.what) or "not run"
            return {"passed": "good", "failed": "bad"}.get(word, "open"), word
        case "rule":  # a campaign of a design with another rule is refused
            runs = sum(len(one.table) for one in of.campaigns)
            return ("good", f"in force in {runs:,} runs") if runs else ("open", "in no run")
        case "nothing":
            return "bad", "gap"
        case _:
            return states[link.what]


def _back(of: Evidence, states: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """From what carries to requirements and goals: each rule, test, claim and assumption once."""
    found: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    results: dict[str, tuple[str, str]] = {}
    for link in trace.links(of.design, of.tests):
        if link.kind not in ("nothing", "requirement"):
            each = found.setdefault((link.kind, link.what, link.place), {"requirements": [], "goals": []})
            each["requirements"].append(link.requirement)
            each["goals"].append(link.goal)
            results[link.what] = _result(of, link, states)
    return [
        {"kind": kind, "what": what, "place": place, "light": results[what][0], "result": results[what][1]}
        | {name: list(dict.fromkeys(ids)) for name, ids in each.items()}
        for (kind, what, place), each in found.items()
    ]


def _fault_space(of: Evidence) -> dict[str, Any]:
    found = of.coverage
    return {
        "known": found.known,
        "share": found.share,
        "sampled": [asdict(one) for one in found.sampled],
        "not_sampled": [{"item": item, "mode": mode} for item, mode in found.not_sampled],
        "without_fault": found.without_fault,
        "several": found.several,
    }


def _excused(design: Design, one: Campaign) -> int:
    """Runs with less than the RSS distance that violate no goal on it: who has cut in is to blame."""
    if UNSAFE_DISTANCE not in {hazard.id for hazard in design.hazards}:
        return 0
    short, judged = column(one, "min_rss_margin") < 0.0, violating(one, [UNSAFE_DISTANCE], design)
    return int((short & ~judged).sum())


def _campaign(of: Evidence, one: Campaign) -> dict[str, Any]:
    summary = one.summary
    return {name: summary.get(name) for name in OF_CAMPAIGN} | {
        "folder": str(one.path),
        "files": dict(one.hashes),
        "differs_here": list(one.others),
        "excused": _excused(of.design.design, one),
        "plan": one.plan.text,
        "replay": shlex.join(["karyon", "replay", str(one.path), "RUN"]),
    }
