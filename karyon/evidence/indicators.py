"""Safety performance indicators: what a session of the test bench says of claims, by the thresholds of their case.

    events.jsonl        an event of kind `claim` at the moment at which an indicator crosses its threshold
    indicators.json     {"design", "session_sha256", "readings": [{"claim", "quantity", "value", "crossed" ...}]}

A crossing breaks the claim in every report that is given the session's folder, whatever comes after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from karyon.campaign.folder import write
from karyon.evidence import reviews
from karyon.evidence.case import SafetyDesign
from karyon.perception.sensors import nanoseconds
from karyon.sim import clock
from karyon.sim.controllers import FUNCTION
from karyon.sim.engine import Simulation

INDICATORS = "indicators.json"
CLAIM = "claim"  # kind of event
VIOLATIONS = "violations"
OF_FUNCTION = ("worst_switch_latency", "false_downgrades")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is watched of a claim.

    sha256    of the claim, as `reviews.hashes` has it
    goals     of the design whose violations count
    """

    claim: str
    sha256: str
    quantity: str
    at_most: float | None
    at_least: float | None
    goals: tuple[str, ...]

    def value(self, summary: Mapping[str, Any]) -> float | None:
        """What a summary says; None: it cannot tell. Of `violations` those count that could be judged."""
        if self.quantity == VIOLATIONS:
            known = [one["violations"] for goal, one in summary["safety_goals"].items() if goal in self.goals]
            counted = [each for each in known if each is not None]
            return float(sum(counted)) if counted else None
        found = summary["functions"].get(FUNCTION, {}) if self.quantity in OF_FUNCTION else summary
        value = found.get(self.quantity)
        return None if value is None else float(value)

    def is_crossed(self, value: float | None) -> bool:
        """Whether a value is beyond the threshold."""
        above = value is not None and self.at_most is not None and value > self.at_most
        below = value is not None and self.at_least is not None and value < self.at_least
        return above or below


@dataclass(frozen=True, slots=True)
class Reading:
    """What a session says of a claim.

    sha256    of the claim, as `reviews.hashes` has it
    value     None: the session could not tell
    since     s, when the threshold was crossed; None: it was not, or nobody watched at that time
    crossed   whether the claim is broken by it
    """

    claim: str
    sha256: str
    quantity: str
    value: float | None
    at_most: float | None
    at_least: float | None
    since: float | None
    crossed: bool

    def __str__(self) -> str:
        limit = _in_words(self.at_most, self.at_least)
        if self.crossed:
            when = "" if self.since is None else f", crossed at {self.since:.2f} s"
            return f"{self.claim}   broken   {self.quantity} {self.value:.3g}, {limit}{when}"
        if self.value is None:
            return f"{self.claim}   unknown   {self.quantity} cannot be judged here, {limit}"
        return f"{self.claim}   held   {self.quantity} {self.value:.3g}, {limit}"


def _in_words(at_most: float | None, at_least: float | None) -> str:
    return f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}"


def of_claims(of: SafetyDesign) -> tuple[Indicator, ...]:
    """The indicators of all claims of a design's case."""
    digests = reviews.hashes(of.case)
    return tuple(
        Indicator(
            name,
            digests[name],
            claim.indicator.quantity,
            claim.indicator.at_most,
            claim.indicator.at_least,
            tuple(each.goal for each in of.design.hazards if not claim.violates or each.id in claim.violates),
        )
        for name, claim in of.case.claims.items()
    )


class Watch:
    """Looks at the indicators of claims in each cycle of a session, and says when one crosses its threshold."""

    def __init__(self, indicators: Sequence[Indicator], say: Say) -> None:
        self._whole, self._say = tuple(indicators), say

    def attend(self, simulation: Simulation) -> None:
        """Watch this session from now on."""
        period = nanoseconds(simulation.design.timing.perception_period)
        look = partial(self._look, simulation, list(self._whole))
        clock.repeat(simulation.env, period, 0, clock.Order.RECORD, look)

    def _look(self, simulation: Simulation, unbroken: list[Indicator], now: int) -> None:
        everyone = slice(0, simulation.rows)
        summary = simulation.metrics.so_far(everyone) if unbroken else {}
        for one in [each for each in unbroken if each.is_crossed(each.value(summary))]:
            unbroken.remove(one)
            value, row = one.value(summary), _worst(one, simulation)
            said = f"claim {one.claim} is broken: {one.quantity} {value:.3g}, {_in_words(one.at_most, one.at_least)}"
            simulation.log.add(
                now, row, CLAIM, said, claim=one.claim, sha256=one.sha256, quantity=one.quantity, value=value
            )
            self._say(f"{now / 1e9:8.2f} s   {said}")


def _worst(one: Indicator, simulation: Simulation) -> int:
    """The row whose own value is the farthest beyond the threshold."""
    values = [one.value(simulation.metrics.so_far(slice(row, row + 1))) or 0.0 for row in range(simulation.rows)]
    return values.index(max(values) if one.at_most is not None else min(values))


def judge(
    indicators: Iterable[Indicator], summary: Mapping[str, Any], events: Iterable[Mapping[str, Any]]
) -> Iterator[Reading]:
    """What a session says of each claim: by its summary, and by what was crossed meanwhile."""
    crossings = {(each["claim"], each["sha256"]): each for each in events if each["kind"] == CLAIM}
    for one in indicators:
        value, crossing = one.value(summary), crossings.get((one.claim, one.sha256))
        at_end = one.is_crossed(value)
        if crossing is not None and not at_end:
            value = float(crossing["value"])
        since = None if crossing is None else float(crossing["time"])
        is_crossed = at_end or crossing is not None
        yield Reading(one.claim, one.sha256, one.quantity, value, one.at_most, one.at_least, since, is_crossed)


def keep(of: SafetyDesign, summary: Mapping[str, Any], events: Iterable[Mapping[str, Any]], out: Path) -> list[Reading]:
    """Judge a session by the claims of a design's case, into its folder. Raises OSError."""
    found = list(judge(of_claims(of), summary, events))
    readings = [asdict(one) for one in found]
    told = {"design": of.design.name, "session_sha256": summary["scenario_sha256"], "readings": readings}
    write(out / INDICATORS, json.dumps(told, indent=1, ensure_ascii=False).encode())
    return found


def broken(readings: Sequence[Mapping[str, Any]], claim: str, sha256: str) -> bool:
    """Whether one of the readings breaks this claim, as it is now."""
    return any(one.get("claim") == claim and one.get("sha256") == sha256 and one.get("crossed") for one in readings)
