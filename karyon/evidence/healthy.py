"""Downgrades without a cause, in runs without a fault: what availability costs, and unneeded braking rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scipy.stats import chi2

from karyon.evidence import claims
from karyon.evidence.runs import Campaign

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Healthy:
    """Runs of one stratum without a fault, and how often a lower level was taken in them without a cause.

    hours      driven in these runs, those left out that came to nothing
    false      downgrades while no data were lost, late or wrong
    low, high  of the rate per hour: exact two-sided 95 % interval of a Poisson count [Garwood 1936]
    """

    plan: str
    stratum: str
    runs: int
    hours: float
    false: int
    low: float
    high: float


def by_condition(campaigns: Iterable[Campaign]) -> list[Healthy]:
    """Each stratum in which there are runs without a fault, and last all of them together; empty: there is none."""
    found = [each for campaign in campaigns for each in _of_campaign(campaign)]
    if not found:
        return []
    runs, hours, false = (sum(getattr(one, name) for one in found) for name in ("runs", "hours", "false"))
    return [*found, Healthy("", "in all", runs, hours, false, *per_hour(false, hours))]


def _of_campaign(campaign: Campaign) -> Iterator[Healthy]:
    ended, counted = ~claims.failed(campaign), claims.column(campaign, "false_downgrades")
    for name, undisturbed in claims.without_fault(campaign):
        here = undisturbed & ended
        if here.any():
            hours = int(here.sum()) * campaign.plan.loaded.scenario.duration / 3600.0
            false = int(counted[here].sum())
            yield Healthy(campaign.plan.name, name, int(here.sum()), hours, false, *per_hour(false, hours))


def per_hour(count: int, hours: float) -> tuple[float, float]:
    """The interval of a rate of which `count` events were seen in so many hours (> 0)."""
    tail = (1.0 - CONFIDENCE) / 2.0
    low = float(chi2.ppf(tail, 2 * count)) / 2.0 if count else 0.0
    return low / hours, float(chi2.isf(tail, 2 * count + 2)) / 2.0 / hours
