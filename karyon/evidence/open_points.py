"""Open points: what the reader of a report has to know before anything else."""

from __future__ import annotations

from collections.abc import Sequence

from karyon.evidence import domain, fmea, reviews, tool, validation
from karyon.evidence.claims import SHOWN
from karyon.evidence.standing import Evidence, counted, said, violations_of


def open_points(of: Evidence) -> Sequence[str]:
    """What the reader has to know before anything else."""
    case, points = of.design.case, list[str]()
    if of.gaps:
        points.append(f"{counted(len(of.gaps), 'gap is open', 'gaps are open')}, so this is a draft.")
    for one in of.results:
        if one.state != SHOWN:
            points.append(f"Claim {one.id} is {one.state}: {said(one)}.")
        if one.rate.failed:
            points.append(
                f"{_runs(one.rate.failed)} of claim {one.id} came to nothing: its interval counts them as violations."
            )
    for name in case.goals:
        if violated := violations_of(of, name):
            points.append(f"Violating {name}: {_runs(violated)}. Section 9 has the commands that replay them.")
    for campaign in of.campaigns:
        if campaign.others:
            differs = ", ".join(campaign.others)
            points.append(f"Something on which the runs of {campaign.plan.name} rest is another one here: {differs}.")
    points += [
        f"Claim {one.id} was broken in operation: {', '.join(one.broken_by)}." for one in of.results if one.broken_by
    ]
    points += _of_searches(of)
    points += _of_models(of)
    points += _of_domain(of)
    points += _of_coverage(of)
    points += _of_bounds(of)
    assumed = [name for name, one in case.requirements.items() if one.assumed]
    if assumed:
        points.append(f"Requirements {', '.join(assumed)} are assumed here, and have to be shown by others.")
    points.append(f"{len(case.assumptions)} assumptions have to be shown elsewhere: section 12.")
    points += _of_tests(of)
    points += [
        f"Review {one.id} by {one.review.name} has expired for {', '.join(one.expired)}: they have changed since."
        for one in reviews.records(case)
        if one.expired
    ]
    points.append("Reviewer, independence and approval are for people to fill in: section 15.4.")
    return points


def _runs(number: int) -> str:
    return counted(number, "run", "runs")


def _of_coverage(of: Evidence) -> list[str]:
    """What no run of the report has tried."""
    space = of.coverage
    points = []
    if left := len(space.not_sampled):
        points.append(f"{left} of {space.known} failures that have a bound were never injected: section 10.1.")
    coverage = fmea.confirmed(of.failures)
    if coverage["confirmed"] < coverage["claimed"]:
        points.append(
            f"Diagnostic coverage is claimed of {coverage['claimed']} failures; runs confirm it of "
            f"{coverage['confirmed']}: section 7."
        )
    if space.without_fault == 0:
        points.append("No run was without a fault, so nothing is known of what is hard without any: section 11.")
    return points


def _of_bounds(of: Evidence) -> list[str]:
    """Bounds that hold only while others are heard."""
    ftti, late = of.design.ftti, [one.bound for one in of.late_unheard]
    if not late:
        return []
    switch, handling = (1e3 * max(getattr(bound, name) for bound in late) for name in ("switch", "handling"))
    return [
        f"While no message is heard, a wrong {', '.join(bound.item for bound in late)} can stay in command for "
        f"{switch:,.0f} ms (FHTI {handling:,.0f} ms), beyond the FTTI of {1e3 * ftti:,.0f} ms: "
        f"sections 6 and 8.{len(of.trees) + 2}."
    ]


def _of_domain(of: Evidence) -> list[str]:
    """Conditions of the operational design domain that no run has, or not all of."""
    told = domain.compared(of.design.case, of.campaigns)
    beyond = [f"{name} ({one.in_words})" for name, one in told.items() if one.is_beyond]
    nothing = [name for name, one in told.items() if one.is_nothing]
    points = []
    if beyond:
        points.append(f"The operational design domain goes beyond what runs have: {'; '.join(beyond)} (section 1.2).")
    if nothing:
        points.append(f"No run varies, of the operational design domain: {', '.join(nothing)} (section 1.2).")
    return points


def _of_searches(of: Evidence) -> list[str]:
    return [
        f"A search of {one.plan.name} has found {one.summary['violations']:,} violating runs of "
        f"{one.summary['runs']:,}: section 9 has the smallest fault. They are no sample, and in no rate."
        for one in of.searches
        if one.summary["violations"]
    ]


def _of_models(of: Evidence) -> list[str]:
    """Where claims rest on models that nobody has validated, or beyond what these were validated for."""
    if not of.design.case.models:
        return ["No model of the simulation was held against recordings: section 10.3."]
    outside: dict[tuple[str, str], list[str]] = {}
    for one in of.results:
        for reach in one.reach:
            if not reach.is_inside:
                sampled, validated = (f"{low:g} to {high:g}" for low, high in (reach.sampled, reach.validated))
                said = f"{reach.quantity} {sampled} {reach.unit}, and recordings cover {validated}"
                outside.setdefault((reach.model, said), []).append(one.id)
    return [
        f"{', '.join(ids)}: sampled beyond what the model `{model}` was validated for: {said} (section 10.3)."
        for (model, said), ids in outside.items()
    ]


def _of_tests(of: Evidence) -> list[str]:
    said = tool.content(of.suite)["suite"]
    if not said["current"]:
        return [f"{said['said']} `make test` on this commit makes results."]
    failed = [name for name, result in (of.suite.outcomes if of.suite else {}).items() if result == validation.FAILED]
    return [f"{len(failed)} tests of KARYON fail: section 15.1."] if failed else []
