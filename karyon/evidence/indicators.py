"""Safety performance indicators: what a session of the test bench says of claims, by the thresholds of their case.

    indicators.json     {"design", "session_sha256", "readings": [{"claim", "quantity", "value", "crossed" ...}]}

A crossing breaks the claim in every report that is given the session's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from karyon.campaign.folder import write
from karyon.evidence import reviews
from karyon.evidence.case import Claim, SafetyDesign
from karyon.evidence.runs import INDICATORS
from karyon.sim.controllers import FUNCTION

VIOLATIONS = "violations"
OF_FUNCTION = ("worst_switch_latency", "false_downgrades")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a session says of a claim.

    sha256    of the claim, as `reviews.hashes` has it
    value     None: the session could not tell
    crossed   whether the claim is broken by it
    """

    claim: str
    sha256: str
    quantity: str
    value: float | None
    at_most: float | None
    at_least: float | None

    @property
    def crossed(self) -> bool:
        """Whether the value is beyond the threshold."""
        above = self.value is not None and self.at_most is not None and self.value > self.at_most
        below = self.value is not None and self.at_least is not None and self.value < self.at_least
        return above or below

    def __str__(self) -> str:
        limit = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        if self.value is None:
            return f"{self.claim}   unknown   {self.quantity} cannot be judged here, {limit}"
        return f"{self.claim}   {'broken' if self.crossed else 'held'}   {self.quantity} {self.value:.3g}, {limit}"


def watch(of: SafetyDesign, summary: Mapping[str, Any], out: Path) -> list[Reading]:
    """Judge a session by the claims of a design's case, into its folder. Raises OSError."""
    found = list(read(of, summary))
    readings = [asdict(one) | {"crossed": one.crossed} for one in found]
    told = {"design": of.design.name, "session_sha256": summary["scenario_sha256"], "readings": readings}
    write(out / INDICATORS, json.dumps(told, indent=1, ensure_ascii=False).encode())
    return found


def read(of: SafetyDesign, summary: Mapping[str, Any]) -> Iterator[Reading]:
    """What the summary of a session says of each claim."""
    digests = reviews.hashes(of.case)
    for name, claim in of.case.claims.items():
        by = claim.indicator
        value = _violations(of, claim, summary) if by.quantity == VIOLATIONS else _of(summary, by.quantity)
        yield Reading(name, digests[name], by.quantity, value, by.at_most, by.at_least)


def _of(summary: Mapping[str, Any], quantity: str) -> float | None:
    found = summary["functions"].get(FUNCTION, {}) if quantity in OF_FUNCTION else summary
    value = found.get(quantity)
    return None if value is None else float(value)


def _violations(of: SafetyDesign, claim: Claim, summary: Mapping[str, Any]) -> float | None:
    """Of the hazards that the claim counts, those that the session could judge; None: it could judge none."""
    goals = {one.goal for one in of.design.hazards if not claim.violates or one.id in claim.violates}
    known = [one["violations"] for goal, one in summary["safety_goals"].items() if goal in goals]
    counted = [each for each in known if each is not None]
    return float(sum(counted)) if counted else None


def broken(readings: Sequence[Mapping[str, Any]], claim: str, sha256: str) -> bool:
    """Whether one of the readings breaks this claim, as it is now."""
    return any(one.get("claim") == claim and one.get("sha256") == sha256 and one.get("crossed") for one in readings)
