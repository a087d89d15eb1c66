"""Failure modes and effects: each failure of what the rules name, how and how soon it is seen, what runs measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import isfinite
from typing import Any

import numpy as np

from karyon.campaign.statistics import clopper_pearson
from karyon.evidence import dual
from karyon.evidence.case import SafetyDesign
from karyon.evidence.claims import heard_as, violating
from karyon.evidence.runs import Campaign
from karyon.kernel import Design
from karyon.sim import analysis, kinds
from karyon.sim.metrics import BAD_DATA


@dataclass(frozen=True, slots=True)
class Measured:
    """What runs with this failure have shown. Times in s.

    runs        in which it was injected
    effective   of them, those in which bad data were in command for at least one cycle
    late        of them, those in which bad data stayed beyond the bound, or that came to nothing
    violated    of all, those that violate any goal
    longest     longest time that bad data were in command
    coverage    lower end of the two-sided 95 % interval of the share of injections that were controlled in time
    slowest     the run of that longest time, with its plan; empty: in none were bad data in command
    """

    runs: int
    effective: int
    late: int
    violated: int
    longest: float
    coverage: float
    slowest: str = ""


Tried = Mapping[tuple[str, str], Measured]


@dataclass(frozen=True, slots=True)
class Row:
    """One failure mode of one signal, message or component; `unheard`: of all that is seen late while nobody is heard.

    function   whose rules name it
    detection  the ways in which it is seen, in words; empty: nothing sees it
    claimed    diagnostic coverage as the case states it; None: it states none
    measured   None: no run has it
    residual   what is left, in words
    """

    function: str
    item: str
    mode: str
    effect: str
    detection: str
    detection_time: float
    switch: float
    handling: float
    ftti: float
    claimed: float | None
    measured: Measured | None
    residual: str


def table(of: SafetyDesign, tried: Tried) -> list[Row]:
    """All failures that the analysis of the design knows, in its order; `tried` is what `measured` says of them."""
    design, rows = of.design, []
    seen_by = kinds.seen_by_of(design)
    for function, bound in kinds.failures_of(design):
        ways = seen_by(design, function, bound.item, bound.mode)
        claimed = of.case.coverage.get(bound.item)
        rows.append(
            Row(
                function.name,
                bound.item,
                bound.mode,
                f"bad data at LoS {bound.guard} and above",
                in_words(ways),
                bound.detection,
                bound.switch,
                bound.handling,
                of.ftti,
                None if claimed is None else claimed.share,
                tried.get((bound.item, bound.mode)),
                _residual(bound, of.ftti, tried.get((bound.item, bound.mode))),
            )
        )
    return rows + [_unheard(of, one) for one in dual.all_unheard(of)]


def _unheard(of: SafetyDesign, one: dual.Unheard) -> Row:
    """Two failures at once: nothing is claimed of them, and no run has measured them."""
    bound, said = one.bound, dual.argued(of, one.bound.item)
    effect = f"wrong while no message of that car is heard: bad data at LoS {bound.guard} and above"
    late = "detected too late" if bound.handling > of.ftti else "within the FTTI"
    residual = f"two failures at once, {late}{f': see {said[0]}' if said else ''}"
    times = bound.detection, bound.switch, bound.handling, of.ftti
    return Row(bound.function, bound.item, "unheard", effect, dual.LEFT, *times, None, None, residual)


def in_words(ways: Sequence[Sequence[str]]) -> str:
    """Ways of detection: of one way all must speak, of several one is enough."""
    return ", or ".join(" and ".join(way) for way in ways)


def measured(design: Design, campaigns: Iterable[Campaign]) -> Tried:
    """By signal or component and mode of the first fault of a run, over all campaigns.

    What one says of itself counts as what others hear, where they hear it under one name.
    """
    columns: dict[tuple[str, str], list[tuple[float, bool, bool, str]]] = {}
    heard = cache(partial(heard_as, design))
    for campaign in campaigns:
        late, violated = violating(campaign, [BAD_DATA], design), violating(campaign, [], design)
        told = campaign.table.select(["run", "fault_signal", "fault_mode", "worst_switch_latency"]).to_pylist()
        for row, is_late, is_violated in zip(told, late, violated, strict=True):
            if row["fault_mode"] is not None:
                item = analysis.field_of(row["fault_signal"])
                key = heard(item)[0] if len(heard(item)) == 1 else item, row["fault_mode"]
                latency, run = row["worst_switch_latency"], f"run {row['run']} of {campaign.plan.name}"
                came_to_nothing = latency is None
                columns.setdefault(key, []).append(
                    (latency or 0.0, bool(is_late) or came_to_nothing, bool(is_violated), run)
                )
    return {key: _measured(of) for key, of in columns.items()}


def _measured(of: Sequence[tuple[float, bool, bool, str]]) -> Measured:
    latency = np.array([each[0] for each in of])
    late, violated = sum(each[1] for each in of), sum(each[2] for each in of)
    coverage = 1.0 - float(clopper_pearson(late, len(of))[1])
    effective, longest = int((latency > 0.0).sum()), float(latency.max())
    slowest = of[int(latency.argmax())][3] if effective else ""
    return Measured(len(of), effective, late, violated, longest, coverage, slowest)


def _residual(bound: analysis.Bound, ftti: float, seen: Measured | None) -> str:
    if not isfinite(bound.detection):
        return "not detected"
    if bound.handling > ftti:
        return "detected too late"
    if seen is None:
        return "bound by analysis; no run has injected it"
    if seen.late:
        return f"{seen.late} of {seen.runs} stayed beyond the bound, or came to nothing"
    if seen.effective == 0:
        return f"none of {seen.runs} ever had bad data in command: seen before, or never that wrong"
    return f"none of {seen.runs} stayed beyond the bound"


def confirmed(rows: Iterable[Row]) -> dict[str, int]:
    """Of how many failures coverage is claimed, and of how many of them the whole interval that runs give is above."""
    claimed = [(row.claimed, row.measured) for row in rows if row.claimed is not None]
    shown = [said for said, seen in claimed if seen is not None and seen.effective and seen.coverage >= said]
    return {"claimed": len(claimed), "confirmed": len(shown)}


def as_data(row: Row) -> dict[str, Any]:
    """A row as plain data; times in s, null for never."""
    times = {name: getattr(row, name) for name in ("detection_time", "switch", "handling", "ftti")}
    return {
        "function": row.function,
        "item": row.item,
        "mode": row.mode,
        "effect": row.effect,
        "detection": row.detection,
        **{name: time if isfinite(time) else None for name, time in times.items()},
        "claimed_coverage": row.claimed,
        **{name: getattr(row.measured, name, None) for name in Measured.__slots__},
        "residual": row.residual,
    }
