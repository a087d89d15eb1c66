"""The content of the report as plain data: what `report.json` has, and all that the pages show."""

from __future__ import annotations

import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from math import isfinite
from pathlib import Path
from typing import Any

import karyon
from karyon.campaign.trial import hash_of
from karyon.evidence import claims, confidence, cut_sets, fault_tree, fmea, hara, trace
from karyon.evidence.case import SafetyDesign
from karyon.evidence.claims import BROKEN, OPEN, SHOWN, UNTRIED, Result
from karyon.evidence.fault_tree import Gate
from karyon.evidence.gaps import Gap
from karyon.evidence.runs import Campaign
from karyon.evidence.trace import Test
from karyon.sim import analysis
from karyon.sim.controllers import FUNCTION
from karyon.sim.shipped import PACKAGE

LIBRARIES = ("numpy", "scipy", "simpy", "pyarrow", "pydantic", "dd", "weasyprint", "jinja2")
LIGHTS = {SHOWN: "good", OPEN: "open", BROKEN: "bad", UNTRIED: "bad"}
CUTS_SHOWN = 40
OF_CAMPAIGN = (  # of `campaign.json`
    *("campaign", "seed", "runs", "violations", "interval", "sampling", "outcomes", "digest"),
    *("plan_sha256", "scenario_sha256", "karyon", "python", "numpy", "cpu_features"),
)


@dataclass(frozen=True)
class Evidence:
    """All that a report rests on."""

    design: SafetyDesign
    campaigns: Sequence[Campaign]
    results: Sequence[Result]
    tests: Sequence[Test]
    gaps: Sequence[Gap]
    trees: Mapping[str, Gate]
    is_draft: bool


def content(of: Evidence) -> dict[str, Any]:
    """The whole report; times in s, null for never or unknown."""
    case = of.design.case
    states, tried = states_of(of), fmea.measured(of.design.design, of.campaigns)
    return {
        "about": _about(of),
        "summary": _summary(of, states),
        "item": case.item.model_dump(),
        "element": case.element.model_dump(),
        "odd": dict(case.odd),
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
        "timing": _timing(of, tried),
        "fmea": [fmea.as_data(row) for row in fmea.table(of.design, tried)],
        "coverage_claimed": {name: one.model_dump() for name, one in case.coverage.items()},
        "fault_trees": {name: _tree(name, tree) for name, tree in of.trees.items()},
        "dependent_failures": {name: one.model_dump() for name, one in case.dependent_failures.items()},
        "claims": {one.id: _claim(one) for one in of.results},
        "fault_space": _fault_space(of),
        "sotif": {name: one.model_dump() for name, one in case.triggering.items()},
        "assumptions": {name: one.model_dump() for name, one in case.assumptions.items()},
        "limitations": list(case.limitations),
        "argument": {
            name: node.model_dump() | {"state": states[f"node {name}"][0], "word": states[f"node {name}"][1]}
            for name, node in case.argument.items()
        },
        "trace": [asdict(link) for link in trace.links(of.design, of.tests)],
        "tests": [asdict(test) for test in of.tests],
        "tool": _tool(),
        "campaigns": [_campaign(one) for one in of.campaigns],
    }


def states_of(of: Evidence) -> dict[str, tuple[str, str]]:
    """By claim, requirement, goal, assumption and `node NAME`: its light, and the word for it."""
    case = of.design.case
    found = dict.fromkeys(case.assumptions, ("open", "assumed"))
    found |= {one.id: (LIGHTS[one.state], one.state) for one in of.results}
    gaps = {gap.subject for gap in of.gaps}
    links = list(trace.links(of.design, of.tests))
    for name in case.requirements:
        carriers = [link for link in links if link.requirement == name and link.kind != "rule"]
        found[name] = ("bad", "gap") if name in gaps else _carried(carriers, found)
    for name in case.goals:
        found[name] = _of_goal(of, name, found, gaps)
    for name in reversed(case.argument):
        found[f"node {name}"] = _of_node(of, name, found)
    return found


def _carried(carriers: Sequence[trace.Link], known: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """A requirement is as good as what carries it: claims by their runs, tests by being there."""
    kinds = {link.kind for link in carriers}
    of_claims = [known[link.what] for link in carriers if link.kind == "claim"]
    if of_claims:
        return worst(of_claims)
    if "test" in kinds:
        return "good", "tested"
    return ("open", "assumed") if "assumption" in kinds else ("good", "refined") if kinds else ("bad", "gap")


def _of_goal(of: Evidence, name: str, known: Mapping[str, tuple[str, str]], gaps: set[str]) -> tuple[str, str]:
    goal, violated = of.design.case.goals[name], violations_of(of, name)
    serving = [known[each] for each in trace.serving(of.design, name)]
    if name in gaps or not serving:
        return "bad", "gap"
    light = worst(serving)
    if light[0] == "bad":
        return light
    if violated:
        return "open", f"violated in {violated} runs"
    if not goal.watched:
        return "open", "assumed"
    if light == ("open", "assumed"):
        return "open", "held, partly assumed"
    return light if light[0] == "open" else ("good", "held")


def worst(states: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The worst of some states; what runs do not show is worse than what is assumed."""
    return max(states, key=lambda state: (("good", "open", "bad").index(state[0]), state[1] != "assumed"))


def violations_of(of: Evidence, goal: str) -> int:
    """Runs of all campaigns that violate what the goal watches."""
    watched = of.design.case.goals[goal].watched
    if not watched:
        return 0
    return sum(int(claims.violating(one, watched, of.design.design).sum()) for one in of.campaigns)


def _of_node(of: Evidence, name: str, known: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    node = of.design.case.argument[name]
    below = [known[each] for each in node.shown_by]
    below += [known[f"node {each}"] for each in node.supported_by if f"node {each}" in known]
    if node.kind == "context" or not below:
        return "", ""
    light, word = worst(below)
    return light, word if light != "good" else "shown"


def _about(of: Evidence) -> dict[str, Any]:
    commit, dirty = _commit()
    files = [of.design.path, *of.design.files]
    names = [name for name in LIBRARIES if _version(name)]
    return {
        "title": f"Safety evidence: {of.design.case.item.name}",
        "design": of.design.design.name,
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "karyon": karyon.__version__,
        "commit": commit,
        "dirty": dirty,
        "draft": of.is_draft,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "libraries": {name: _version(name) for name in names},
        "files": {"/".join(path.parts[-2:]): hash_of(path) for path in files},
        "command": shlex.join(
            ["karyon", "evidence", *(str(one.path) for one in of.campaigns), "--design", str(of.design.path)]
        ),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> tuple[str | None, bool]:
    """The commit of the checkout that runs, and whether it has changes; None where it is no checkout."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return None, False
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        return head, bool(_git(root, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.CalledProcessError):
        return None, False


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


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
        "open": list(_open_points(of)),
    }


def _light(state: tuple[str, str]) -> dict[str, str]:
    return {"light": state[0], "word": state[1]}


def said(one: Result) -> str:
    """A claim's numbers in a line."""
    rate = one.rate
    if one.state == UNTRIED:
        return f"no campaign of plan {one.claim.plan} was given"
    if rate.low is None or rate.high is None:
        return f"{rate.violations} of {rate.runs:,} runs, and no interval: {one.holds}"
    told = f"{rate.violations} of {rate.runs:,} runs, 95 % interval {rate.low:.2g} to {rate.high:.2g}"
    told += f", to be below {one.claim.below:g}"
    if one.state == OPEN and not rate.violations and not rate.failed:
        told += f"; {one.needed:,} runs without a violation would show it"
    return told


def _open_points(of: Evidence) -> Sequence[str]:
    """What the reader has to know before anything else."""
    case, points = of.design.case, []
    for one in of.results:
        if one.state != SHOWN:
            points.append(f"Claim {one.id} is {one.state}: {said(one)}.")
        if one.rate.failed:
            points.append(f"{one.rate.failed} runs of claim {one.id} came to nothing, and count as violations above.")
    for name in case.goals:
        if violated := violations_of(of, name):
            points.append(f"{violated} runs violate {name}: section 9 has the commands that replay them.")
    for campaign in of.campaigns:
        if campaign.others:
            differs = ", ".join(campaign.others)
            points.append(f"The runs of {campaign.plan.name} were computed elsewhere: {differs} differ.")
    if of.gaps:
        points.append(f"{len(of.gaps)} gaps are open, so this is a draft.")
    assumed = [name for name, one in case.requirements.items() if one.assumed]
    if assumed:
        points.append(f"Requirements {', '.join(assumed)} are assumed here, and have to be shown by others.")
    points.append(f"{len(case.assumptions)} assumptions have to be shown elsewhere: section 12.")
    points.append("Reviewer, independence and approval are not filled in: section 15.")
    return points


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
    function = of.design.design.function(FUNCTION)
    placed = trace.rules(of.design)
    return [
        {
            "level": number,
            "name": level.name,
            "dwell": level.dwell,
            "reach": level.reach,
            "reaction_time": level.reaction_time,
            "controller": dict(level.controller),
            "rules": [{"text": rule.text, "place": rule.place} for rule in placed if rule.level == number],
        }
        for number, level in enumerate(function.levels)
    ]


def _timing(of: Evidence, tried: fmea.Tried) -> dict[str, Any]:
    """The bound of each failure with its terms, failures that share them together."""
    design = of.design.design
    terms = asdict(design.timing)
    function = design.function(FUNCTION)
    ftti = min((hazard.ftti for hazard in design.hazards), default=float("inf"))
    rows = [
        {
            "item": one.item,
            "modes": list(one.modes),
            "leaves_level": one.bound.guard,
            "seen_by": fmea.in_words(one.ways),
            "detection": _finite(one.bound.detection),
            "switch": _finite(one.bound.switch),
            "reach": function.levels[one.bound.guard - 1].reach,
            "handling": _finite(one.bound.handling),
            "ftti": _finite(ftti),
            "margin": _finite(ftti - one.bound.handling),
            "longest": _longest(one, tried),
        }
        for one in fault_tree.classes(design, function)
    ]
    return {"terms": terms, "rows": rows, "unheard": _unheard(of)}


def _longest(one: fault_tree.Class, tried: fmea.Tried) -> float | None:
    times = [tried[(one.item, mode)].longest for mode in one.modes if (one.item, mode) in tried]
    return max(times, default=None)


def _unheard(of: Evidence) -> float | None:
    report = analysis.analyse(of.design.design.name, of.design.design)
    return None if report.unheard is None else _finite(report.unheard)


def _finite(number: float) -> float | None:
    return float(number) if isfinite(number) else None


def _tree(name: str, tree: Gate) -> dict[str, Any]:
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


def _claim(one: Result) -> dict[str, Any]:
    return one.claim.model_dump() | {
        "state": one.state,
        "light": LIGHTS[one.state],
        "said": said(one),
        "campaign": None if one.campaign is None else str(one.campaign.path),
        "seed": None if one.campaign is None else one.campaign.summary["seed"],
        "sampling": None if one.campaign is None else one.campaign.plan.sampling,
        "rate": asdict(one.rate),
        "needed": one.needed,
        "method": one.method,
        "holds": one.holds,
        "strata": [asdict(rate) for rate in one.strata],
        "violations": list(one.violations),
        "near": list(one.near),
    }


def _fault_space(of: Evidence) -> dict[str, Any]:
    found = claims.coverage(of.design.design, of.campaigns)
    return {
        "share": found.share,
        "sampled": [asdict(one) for one in found.sampled],
        "not_sampled": [{"item": item, "mode": mode} for item, mode in found.not_sampled],
        "without_fault": found.without_fault,
    }


def _campaign(one: Campaign) -> dict[str, Any]:
    summary = one.summary
    return {name: summary.get(name) for name in OF_CAMPAIGN} | {
        "folder": str(one.path),
        "files": dict(one.hashes),
        "differs_here": list(one.others),
        "plan": one.plan.text,
        "replay": shlex.join(["karyon", "replay", str(one.path), "RUN"]),
    }


def _tool() -> dict[str, Any]:
    return {
        "use_cases": [asdict(one) | {"level": one.level} for one in confidence.USE_CASES],
        "validation": list(confidence.VALIDATION),
        "limitations": list(confidence.LIMITATIONS),
    }
