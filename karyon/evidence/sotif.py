"""Runs without a fault, by the conditions in which they were driven: what ISO 21448 counts, and ISO 26262 does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from karyon.evidence import claims
from karyon.evidence.case import SafetyDesign, Triggering
from karyon.evidence.claims import Rate
from karyon.evidence.runs import Campaign
from karyon.kernel import Design


@dataclass(frozen=True, slots=True)
class Condition:
    """Runs of one stratum that have no fault.

    rate    of runs that violate any goal of the design
    margin  the least of them: how far from breaking any goal; None: all came to nothing
    worst   violations, the worst first, each with the command that replays it
    """

    plan: str
    stratum: str
    rate: Rate
    margin: float | None
    worst: tuple[dict[str, Any], ...]


def conditions(design: Design, campaigns: Iterable[Campaign]) -> list[Condition]:
    """The strata of all campaigns in which there are runs without a fault, in the order of their plans."""
    return [each for campaign in campaigns for each in _of_campaign(design, campaign)]


def _of_campaign(design: Design, campaign: Campaign) -> Iterator[Condition]:
    violated, failed = claims.violating(campaign, [], design), claims.failed(campaign)
    margin = claims.column(campaign, "margin")
    for name, here in claims.without_fault(campaign):
        known = margin[here & np.isfinite(margin)]
        worst = np.flatnonzero(here & violated)
        yield Condition(
            campaign.plan.name,
            name,
            claims.rate(name, violated[here], failed[here], campaign),
            float(known.min()) if len(known) else None,
            claims.named(campaign, worst[np.argsort(margin[worst], kind="stable")].tolist()),
        )


def content(of: SafetyDesign, campaigns: Iterable[Campaign]) -> dict[str, Any]:
    """Triggering conditions with the runs that have tried each, and those runs of which the case says nothing."""
    found = conditions(of.design, campaigns)
    named = of.case.triggering
    return {
        "runs": sum(one.rate.runs for one in found),
        "violations": sum(one.rate.violations for one in found),
        "conditions": {
            name: one.model_dump() | {"tried": [asdict(each) for each in found if _tries(each, one)]}
            for name, one in named.items()
        },
        "unnamed": [asdict(each) for each in found if not any(_tries(each, one) for one in named.values())],
    }


def _tries(tried: Condition, one: Triggering) -> bool:
    return tried.plan == one.plan and one.stratum in (None, tried.stratum)
