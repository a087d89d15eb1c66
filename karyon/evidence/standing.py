"""Where everything stands: claims, requirements, goals and the argument, each with a light and the word for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from karyon.evidence import claims, dual, fmea, tool, trace, validation
from karyon.evidence.case import SafetyDesign
from karyon.evidence.claims import BROKEN, OPEN, SHOWN, UNTRIED, Coverage, Result
from karyon.evidence.dual import Unheard
from karyon.evidence.fault_tree import Gate
from karyon.evidence.fmea import Row, Tried
from karyon.evidence.gaps import Gap
from karyon.evidence.runs import Campaign, Search, Session
from karyon.evidence.trace import Test
from karyon.evidence.validation import Suite
from karyon.sim import kinds
from karyon.sim.metrics import BAD_DATA

SHOWN_OF_MODEL, OF_OTHERS = "shown of the model", "of other programs"
LATE_UNHEARD, NOT_RUN = "late if unheard", "tests not run"
LIGHTS = {SHOWN: "good", OPEN: "open", BROKEN: "bad", UNTRIED: "bad"}
TESTED = ("test", "property")
WORDS = ("assumed", "held, partly assumed", SHOWN_OF_MODEL, OF_OTHERS, LATE_UNHEARD, NOT_RUN)
"""Of what is open, from the mildest on; what is not among them is worse."""


@dataclass(frozen=True)
class Evidence:
    """All that a report rests on.

    trees            fault trees by goal, as the design has them
    measured_trees   the same with what runs have measured, where a source says how often failures happen
    """

    design: SafetyDesign
    campaigns: Sequence[Campaign]
    results: Sequence[Result]
    tests: Sequence[Test]
    gaps: Sequence[Gap]
    trees: Mapping[str, Gate]
    is_draft: bool
    searches: Sequence[Search] = ()
    sessions: Sequence[Session] = ()
    suite: Suite | None = None
    measured_trees: Mapping[str, Gate] = field(default_factory=dict)

    @cached_property
    def coverage(self) -> Coverage:
        """What its runs have tried of the fault space."""
        return claims.coverage(self.design.design, self.campaigns)

    @cached_property
    def tried(self) -> Tried:
        """What its runs have measured of each failure."""
        return fmea.measured(self.design.design, self.campaigns)

    @cached_property
    def failures(self) -> list[Row]:
        """Its failure modes and effects."""
        return fmea.table(self.design, self.tried)

    @cached_property
    def late_unheard(self) -> tuple[Unheard, ...]:
        """Failures that are seen after the FTTI while nobody is heard who would show them."""
        return dual.late(self.design)

    @cached_property
    def analysed(self) -> Any:
        """What `karyon check` says of the design."""
        return kinds.analysed_design(self.design.design.name, self.design.design)


def counted(number: int, one: str, several: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {one if number == 1 else several}"


def states_of(of: Evidence) -> dict[str, tuple[str, str]]:
    """By claim, requirement, goal, assumption and `node NAME`: its light, and the word for it."""
    case = of.design.case
    found = dict.fromkeys(case.assumptions, ("open", "assumed"))
    found |= {one.id: of_claim(one) for one in of.results}
    gaps = {gap.subject for gap in of.gaps}
    links = list(trace.links(of.design, of.tests))
    for name in case.requirements:
        carriers = [link for link in links if link.requirement == name and link.kind != "rule"]
        found[name] = ("bad", "gap") if name in gaps else _carried(of, carriers, found)
    for name in case.goals:
        found[name] = of_goal(of, name, found, gaps)
    for name in reversed(case.argument):
        found[f"node {name}"] = _of_node(of, name, found)
    return found


def of_claim(one: Result) -> tuple[str, str]:
    """What runs show of the programs that ran, and of the models in the range in which these were validated."""
    if one.state == SHOWN and one.campaign is not None and not one.campaign.is_ours:
        return "open", OF_OTHERS
    if one.state == SHOWN and not all(each.is_inside for each in one.reach):
        return "open", SHOWN_OF_MODEL
    return LIGHTS[one.state], one.state


def _carried(of: Evidence, carriers: Sequence[trace.Link], known: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """A requirement is as good as what carries it: claims by their runs, tests by their last results."""
    kinds = {link.kind for link in carriers}
    states = [known[link.what] for link in carriers if link.kind == "claim"]
    results = {result_of(of, link.what) for link in carriers if link.kind in TESTED}
    if validation.FAILED in results:
        return "bad", "test failed"
    if results:
        states.append(("good", "tested") if results <= {validation.PASSED} else ("open", NOT_RUN))
    if states:
        return worst(states)
    return ("open", "assumed") if "assumption" in kinds else ("good", "refined") if kinds else ("bad", "gap")


def result_of(of: Evidence, test: str) -> str:
    """What came of a test when the suite ran on what runs here; empty: it has not, or on something else."""
    return validation.outcome(of.suite, test) if tool.is_current(of.suite) else ""


def of_goal(of: Evidence, name: str, known: Mapping[str, tuple[str, str]], gaps: set[str]) -> tuple[str, str]:
    """A goal is no better than the requirements that serve it; `known`: their states, `gaps`: subjects of gaps."""
    goal, violated = of.design.case.goals[name], violations_of(of, name)
    serving = [known[each] for each in trace.serving(of.design, name)]
    light = ("bad", "gap") if name in gaps or not serving else worst(serving)
    if light[0] == "bad":
        return light
    if violated:
        return "open", f"violated in {counted(violated, 'run', 'runs')}"
    if goal.watched and any(one.summary["violations"] for one in of.searches):
        return "open", "violated in a search"
    if BAD_DATA in goal.watched and of.late_unheard:
        return worst([light, ("open", LATE_UNHEARD)])
    if light == ("open", "assumed") and goal.watched:
        return "open", "held, partly assumed"
    return light if light[0] == "open" else ("good", "held") if goal.watched else ("open", "assumed")


def worst(states: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The worst of some states; of those that are open, what is late or unknown is worse than what is assumed."""

    def rank(state: tuple[str, str]) -> tuple[int, int]:
        light, word = state
        return ("good", "open", "bad").index(light), WORDS.index(word) if word in WORDS else len(WORDS)

    return max(states, key=rank)


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


def said(one: Result) -> str:
    """A claim's numbers in a line."""
    rate = one.rate
    if one.state == UNTRIED:
        return f"no campaign of plan {one.claim.plan} was given"
    if rate.low is None or rate.high is None:
        return f"{rate.violations} of {rate.runs:,} runs, and no interval: {one.holds}"
    told = f"{rate.violations} of {rate.runs:,} runs, 95 % interval {rate.low:.2g} to {rate.high:.2g}"
    told += f", to be below {one.claim.below:g}"
    if any(not each.is_inside for each in one.reach):
        told += "; beyond the range in which the models were validated"
    if one.campaign is not None and not one.campaign.is_ours:
        told += "; the programs have changed since: run it again"
    if one.state == OPEN and not rate.violations and not rate.failed:
        told += f"; {one.needed:,} runs without a violation would show it"
    return told
