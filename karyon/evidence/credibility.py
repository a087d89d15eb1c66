"""Credibility of the simulation: the range that campaigns have sampled, against that in which a model was validated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from karyon.campaign.choices import Between, Choice
from karyon.campaign.plan import Plan
from karyon.evidence.case import Case
from karyon.sim.scenario import Scenario

QUANTITIES: Mapping[str, Callable[[Scenario], tuple[float, ...]]] = {
    "leader.speed": lambda scenario: tuple(speed for _, speed in scenario.leader.speed or ()),
    "leader.deceleration": lambda scenario: (scenario.leader.deceleration,),
    "radio.loss": lambda scenario: (scenario.radio.loss,) if scenario.radio.loss is not None else (),
    "radar.range": lambda scenario: (scenario.sensors["front.distance"].range,),
}

UNITS = {"leader.speed": "m/s", "leader.deceleration": "m/s²", "radio.loss": "of all messages", "radar.range": "m"}


@dataclass(frozen=True, slots=True)
class Reach:
    """What runs have sampled of a quantity, and where a model of it was held against recordings; in SI."""

    model: str
    quantity: str
    sampled: tuple[float, float]
    validated: tuple[float, float]

    @property
    def unit(self) -> str:
        """Of both ranges."""
        return UNITS[self.quantity]

    @property
    def is_inside(self) -> bool:
        """Whether the model was validated wherever it was used."""
        return self.validated[0] <= self.sampled[0] and self.sampled[1] <= self.validated[1]


def reaches(case: Case, plan: Plan) -> Iterator[Reach]:
    """Each quantity that a plan samples and a model of the case was validated for."""
    for name, model in case.models.items():
        for quantity, validated in model.validated.items():
            if (sampled := extent(plan, quantity)) is not None:
                yield Reach(name, quantity, sampled, validated)


def extent(plan: Plan, quantity: str) -> tuple[float, float] | None:
    """The least and the most of a quantity that a run of the plan can have; None: its scenarios have none of it."""
    found = [value for scenario in _corners(plan) for value in QUANTITIES[quantity](scenario)]
    return (min(found), max(found)) if found else None


def _corners(plan: Plan) -> Iterator[Scenario]:
    """Scenarios in which all that varies has its first value, its second ..., so that each value is in one of them."""
    for stratum in plan.strata if isinstance(plan.loaded.scenario, Scenario) else ():
        choices = [_ends(varied.choice) for varied in stratum.varied]
        for place in range(max(map(len, choices), default=1)):
            yield stratum.scenario([each[min(place, len(each) - 1)] for each in choices], seed=0)


def _ends(choice: Choice) -> tuple[Any, ...]:
    return choice.ends if isinstance(choice, Between) else choice.one_of
