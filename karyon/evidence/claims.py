"""Claims: what the runs of a campaign say of a rate, and of what they say nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from karyon.campaign import results, rows
from karyon.campaign.statistics import clopper_pearson, runs_without_violation, weighted_rate
from karyon.evidence import credibility, indicators, reviews
from karyon.evidence.case import Claim, SafetyDesign
from karyon.evidence.credibility import Reach
from karyon.evidence.runs import Campaign, Session
from karyon.kernel import Design
from karyon.sim import analysis, kinds
from karyon.sim.failure_modes import SAID
from karyon.sim.flight.bounds import ADSB

Booleans = NDArray[np.bool_]

SHOWN, OPEN, BROKEN, UNTRIED = "shown", "not shown", "broken", "no runs"
REPORTED = "own.adsb"  # what an aircraft says of itself
NEAR = 5  # runs that came nearest to a violation, and violations, that are named
TOLD = ("run", "seed", "stratum", "outcome", "margin", "goals_violated", *rows.FAULT)
HOLDS = {  # of the interval of a rate, by how the runs were spread
    "random": "Runs are independent draws: it holds whatever the rate is",
    "sobol": "Points are spread evenly (Sobol), not drawn independently: it is most often too wide, and not guaranteed",
    "latin_hypercube": "Points of a Latin hypercube are not independent: most often too wide, and not guaranteed",
    "grid": "A grid is no sample: there is no interval, and no claim on a rate",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n runs, of which `failed` more came to nothing, and the two-sided 95 % interval; None: there is none."""

    name: str
    runs: int
    violations: int
    failed: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a claim.

    state      SHOWN: the whole interval is below the limit; BROKEN: above; OPEN: neither; UNTRIED: no campaign
    needed     runs without a violation that would show it
    method     name of the interval, and when it holds
    strata     the rate of each kind of runs, without confidence for all of them together
    violations, near   runs with the command that replays each
    broken_by  sessions of the test bench in which its indicator crossed the threshold
    reach      what its runs have sampled, against where the models were validated
    """

    id: str
    claim: Claim
    campaign: Campaign | None
    state: str
    rate: Rate
    needed: int
    method: str
    holds: str
    strata: tuple[Rate, ...]
    violations: tuple[dict[str, Any], ...]
    near: tuple[dict[str, Any], ...]
    broken_by: tuple[str, ...] = ()
    reach: tuple[Reach, ...] = ()


def judge(design: SafetyDesign, campaigns: Iterable[Campaign], sessions: Iterable[Session] = ()) -> list[Result]:
    """What the campaigns say of each claim of the case; a session in which its indicator crossed breaks it."""
    by_plan = {campaign.plan.name: campaign for campaign in campaigns}
    reach = {name: tuple(credibility.reaches(design.case, one.plan)) for name, one in by_plan.items()}
    digests, found = reviews.hashes(design.case), []
    for name, claim in design.case.claims.items():
        one = _judged(name, claim, by_plan.get(claim.plan), design.design)
        by = tuple(str(each.path) for each in sessions if indicators.broken(each.readings, name, digests[name]))
        state = BROKEN if by else one.state
        found.append(replace(one, state=state, broken_by=by, reach=reach.get(claim.plan, ())))
    return found


def _judged(name: str, claim: Claim, campaign: Campaign | None, design: Design) -> Result:
    needed = runs_without_violation(claim.below, 0.975)  # one-sided: the upper end of a two-sided 95 % interval
    if campaign is None:
        nothing = Rate("all", 0, 0, 0, None, None)
        return Result(name, claim, None, UNTRIED, nothing, needed, "", "", (), (), ())
    table = campaign.table
    violated, lost = violating(campaign, claim.violates, design), failed(campaign)
    stratum = np.array(table["stratum"].to_pylist(), dtype=object)
    strata = tuple(
        rate(each["name"], violated[stratum == each["name"]], lost[stratum == each["name"]], campaign)
        for each in campaign.summary["strata"]
    )
    overall, method = _whole(campaign, violated, lost, strata)
    margins = _margins(campaign, claim.violates)
    order = np.argsort(margins, kind="stable")  # what came to nothing last
    return Result(
        name,
        claim,
        campaign,
        _state(overall, claim.below),
        overall,
        needed,
        method,
        HOLDS[campaign.plan.sampling],
        strata,
        named(campaign, [at for at in order if violated[at]], margins),
        named(campaign, [at for at in order if not violated[at]], margins),
    )


def violating(campaign: Campaign, hazards: Sequence[str], design: Design) -> Booleans:
    """Which runs violate the goals of these hazards, or any goal where none is named (run,)."""
    goals = {hazard.goal for hazard in design.hazards if not hazards or hazard.id in hazards}
    said = campaign.table["goals_violated"].to_pylist()
    return np.array([bool(goals & set((each or "").split(";"))) for each in said], dtype=bool)


def _margins(campaign: Campaign, hazards: Sequence[str]) -> NDArray[np.float64]:
    """How far each run was from breaking the goals of these hazards, or any where none is named, m (run,)."""
    names = [f"margin_{hazard}" for hazard in hazards]
    known = [name for name in names if name in campaign.table.column_names]
    if not known or len(known) < len(names):  # some goal has no margin of its own
        return column(campaign, "margin")
    least: NDArray[np.float64] = np.min([column(campaign, name) for name in known], axis=0)
    return least


def failed(campaign: Campaign) -> Booleans:
    """Which runs came to nothing (run,)."""
    return np.isin(np.array(campaign.table["outcome"].to_pylist()), (rows.CRASHED, rows.HUNG))


def without_fault(campaign: Campaign) -> Iterator[tuple[str, Booleans]]:
    """Each stratum in which there are runs without a fault, and which runs of the campaign these are (run,)."""
    undisturbed = np.array([mode is None for mode in campaign.table["fault_mode"].to_pylist()], dtype=bool)
    stratum = np.array(campaign.table["stratum"].to_pylist(), dtype=object)
    for each in campaign.plan.strata:
        here: Booleans = undisturbed & (stratum == each.name)
        if here.any():
            yield each.name, here


def column(campaign: Campaign, name: str) -> NDArray[np.float64]:
    """A column of numbers (run,); NaN where a run has none."""
    return np.array([np.nan if each is None else each for each in campaign.table[name].to_pylist()], dtype=float)


def rate(name: str, violated: Booleans, lost: Booleans, campaign: Campaign) -> Rate:
    """Of some runs of a campaign; what came to nothing, `lost`, may have been a violation, or not."""
    n, k, f = len(violated), int(violated.sum()), int((lost & ~violated).sum())
    if campaign.plan.sampling == "grid" or n == 0:
        return Rate(name, n, k, f, None, None)
    return Rate(name, n, k, f, float(clopper_pearson(k, n)[0]), float(clopper_pearson(k + f, n)[1]))


def _whole(campaign: Campaign, violated: Booleans, lost: Booleans, strata: Sequence[Rate]) -> tuple[Rate, str]:
    """The rate over all strata, and the name of its interval: weights that are not the shares need another one."""
    plain = rate("all", violated, lost, campaign)
    weights = [stratum.weight for stratum in campaign.plan.strata]
    shares = [stratum.share for stratum in campaign.plan.strata]
    if plain.low is None or np.allclose(weights, shares):
        return plain, "Clopper–Pearson, two-sided 95 %"
    if not all(one.runs for one in strata):
        return Rate("all", plain.runs, plain.violations, plain.failed, None, None), "none: a stratum has no run"
    runs = [one.runs for one in strata]
    low = weighted_rate([one.violations for one in strata], runs, weights).low
    high = weighted_rate([one.violations + one.failed for one in strata], runs, weights).high
    return Rate("all", plain.runs, plain.violations, plain.failed, low, high), "Chernoff, weighted strata, 95 %"


def _state(of: Rate, limit: float) -> str:
    if of.low is None or of.high is None:
        return OPEN
    return SHOWN if of.high < limit else BROKEN if of.low >= limit else OPEN


def named(
    campaign: Campaign, places: Sequence[int], margins: NDArray[np.float64] | None = None
) -> tuple[dict[str, Any], ...]:
    """The first of these runs, each with the command that replays it; `margins` (run,) stand in for its own."""
    first = places[:NEAR]
    found = campaign.table.select(TOLD).take(pa.array(first, pa.int64())).to_pylist()
    if margins is not None:
        least = [float(margins[at]) if np.isfinite(margins[at]) else None for at in first]
        found = [row | {"margin": margin} for row, margin in zip(found, least, strict=True)]
    return tuple(results.named(row, TOLD, campaign.path) for row in found)


@dataclass(frozen=True, slots=True)
class Sampled:
    """How often a failure was injected, and between which amplitudes, onsets (s) and durations (s).

    guarded   whether a rule names the signal or component, so that the failure has a bound
    heard_as  of what one says of itself: the items of the rules under which others hear it
    """

    item: str
    mode: str
    runs: int
    guarded: bool
    heard_as: tuple[str, ...]
    amplitude: tuple[float, float] | None
    onset: tuple[float, float] | None
    duration: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What campaigns have tried of all (signal or component, mode) that the analysis knows; `known`: how many.

    without_fault, several   runs that have no fault, and those that have more than one
    """

    sampled: tuple[Sampled, ...]
    not_sampled: tuple[tuple[str, str], ...]
    without_fault: int
    several: int
    known: int

    @property
    def share(self) -> float:
        """How many of them were injected at least once."""
        return 1.0 - len(self.not_sampled) / max(1, self.known)


def coverage(design: Design, campaigns: Iterable[Campaign]) -> Coverage:
    """The fault space of the design's functions, and what of it the first faults of all runs have touched."""
    known = list(dict.fromkeys((one.item, one.mode) for _, one in kinds.failures_of(design)))
    tried: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    without = several = 0
    for campaign in campaigns:
        crowded = {one.name for one in campaign.plan.strata if len(one.data.get("faults") or ()) > 1}
        for row in campaign.table.select(("stratum", *rows.FAULT)).to_pylist():
            several += row["stratum"] in crowded
            if row["fault_mode"] is None:
                without += 1
            else:
                tried.setdefault((analysis.field_of(row["fault_signal"]), row["fault_mode"]), []).append(row)
    sampled, touched = [], set(tried)
    for (item, mode), of in sorted(tried.items()):
        heard = tuple(each for each in heard_as(design, item) if (each, mode) in known)
        touched |= {(each, mode) for each in heard}
        guarded = (item, mode) in known or bool(heard)
        ranges = (_range(of, name) for name in ("amplitude", "onset", "duration"))
        sampled.append(Sampled(item, mode, len(of), guarded, heard, *ranges))
    return Coverage(tuple(sampled), tuple(key for key in known if key not in touched), without, several, len(known))


def heard_as(design: Design, item: str) -> tuple[str, ...]:
    """The items of the rules under which others hear what one says of itself; of anything else none."""
    named = dict.fromkeys(name for function in design.functions for name in analysis.guards(function))
    messages = {signal.name for signal in design.signals if signal.unit == "message"}
    return {SAID: tuple(name for name in named if name in messages), REPORTED: tuple(named.keys() & {ADSB})}.get(
        item, ()
    )


def _range(of: Sequence[Mapping[str, Any]], name: str) -> tuple[float, float] | None:
    values = [row[f"fault_{name}"] for row in of if row[f"fault_{name}"] is not None]
    return (min(values), max(values)) if values else None
