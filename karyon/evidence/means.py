"""What perception checks and by which limits, and the noise that the design expects: described, from the design."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from karyon.evidence import fault_tree
from karyon.evidence.runs import Campaign
from karyon.kernel import Design
from karyon.kernel.design import Function
from karyon.perception.crossing import REPEATED
from karyon.perception.detectors import ResidualGate
from karyon.perception.platoon import LEADER
from karyon.perception.validity import amplitude_at
from karyon.sim import analysis, kinds
from karyon.sim.analysis import age_limit
from karyon.sim.flight import bounds as flight
from karyon.sim.intersection import design as intersection
from karyon.sim.lanes.scenario import FUNCTION as LANE_CHANGE
from karyon.sim.lanes.signals import as_car_following
from karyon.sim.lanes.world import RELATIONS

ALARM = 0.8  # validity that the shipped rules demand
CHECKS = {  # what is compared, and its unit; the gates are those of the design
    "check radar": ("The distance against its own past, carried on by the relative speed", "m"),
    "check closing": ("The relative speed against the speed that the other car says, less the own one", "m/s"),
    "check wheel": ("The own speed against its own past, carried on by the own acceleration", "m/s"),
    "check track": ("The position in a message against those before, carried on by the speed in it", "m"),
    "check intention": ("The acceleration in a message against what its sender has said that it intends", "m/s²"),
    "check sight": ("The speed that the leader says against what own sensors and the cars between make of it", "m/s"),
}
Limit = Callable[[Design, Function], str]
LIMITS: Mapping[str, tuple[str, Limit]] = {
    "age limit": ("How old the newest sample is", lambda design, function: _ages(function)),
    "time stamp": (
        "The time at which a sample says that it was measured",
        lambda design, function: "Refused where it does not rise, is ahead of now, or older than the age limit",
    ),
    "heartbeat": ("Whether a component still gives its sign of life", lambda design, function: _deadlines(design)),
    "repeated value": (
        "Equal samples of a signal that has noise",
        lambda design, function: f"{REPEATED + 1} in a row",
    ),
    "distance against speed": (
        "A distance against the speed that must have changed it",
        lambda design, function: f"{intersection.INCONSISTENT:g} m, summed up over all samples",
    ),
    "gate of positions": (
        "A position against where its last one and its speed say; ADS-B against the own sensor",
        lambda design, function: "; ".join(_gates_of_positions(design, function)),
    ),
    "repeated position": ("A position that does not move", lambda design, function: f"{flight.REPEATS} repeats"),
    "absent where ADS-B has it": (
        "What the own sensor does not see although ADS-B has it in its range",
        lambda design, function: "3 samples in a row",
    ),
}


@dataclass(frozen=True, slots=True)
class Means:
    """A means of detection of a function: what it compares, and from where on it speaks.

    sample, average   of a single sample and of the moving average: deviation from which on the validity is below 0.8
    tolerated         that at which it is 0; None of all three: `limit` has it in words
    """

    function: str
    name: str
    compares: str
    unit: str
    sample: float | None
    average: float | None
    tolerated: float | None
    limit: str


def used(design: Design) -> Iterator[Means]:
    """Those that the analysis of the design rests on, of each function, in order of appearance."""
    for function in design.functions:
        gates = _gates(design, function)
        ways = [way for each in fault_tree.classes(design, function) for way in each.ways]
        for name in dict.fromkeys(name for way in ways for name in way):
            yield _means(design, function, name, gates.get(name))


def _means(design: Design, function: Function, name: str, gate: ResidualGate | None) -> Means:
    if gate is None:
        compares, limit = LIMITS[name]
        return Means(function.name, name, compares, "", None, None, None, limit(design, function))
    compares, unit = CHECKS[name]
    sample, average = (amplitude_at(ALARM, band, gate.tolerated) for band in (gate.band, gate.smooth_band))
    return Means(function.name, name, compares, unit, sample, average, gate.tolerated, "")


def _gates(design: Design, function: Function) -> dict[str, ResidualGate]:
    """The gate of each check that judges what the rules of the function name."""
    found: dict[str, ResidualGate] = {}
    is_lanes = kinds.subject_of(design) == LANE_CHANGE
    parts = [as_car_following(design, function.name, each) for each in range(RELATIONS)] if is_lanes else []
    for part, whole in parts or [(design, function)]:
        judges = analysis.perception_of(part, whole, 1), analysis.leader_of(part, whole, 1)
        for item in analysis.guards(whole):
            for mode in (*analysis.VALUE_MODES, *analysis.MESSAGE_MODES):
                judged = judges[item == LEADER].judges(item, mode)
                found |= {f"check {name}": gate for name, gate in judged.items()}
    return found


def _ages(function: Function) -> str:
    limits: dict[float, list[str]] = {}
    for item in analysis.guards(function):
        if (limit := age_limit(function, item)) < float("inf"):
            limits.setdefault(limit, []).append(f"`{item}`")
    return "; ".join(f"{1e3 * limit:,.0f} ms: {', '.join(of)}" for limit, of in limits.items())


def _deadlines(design: Design) -> str:
    return ", ".join(f"`{one.name}` {1e3 * one.deadline:,.0f} ms" for one in design.components)


def _gates_of_positions(design: Design, function: Function) -> Iterator[str]:
    named = analysis.guards(function)
    for signal in design.signals:
        if signal.name in named and signal.unit == "m":
            yield f"`{signal.name}` {flight.gate(signal):,.0f} m"


@dataclass(frozen=True, slots=True)
class Expected:
    """A signal as the design expects it and as runs simulate it; in its unit, `period` in s; None: nobody states it.

    noise, bias          1 sigma of healthy noise, and the most of a constant error, by which the checks were designed
    tolerated            error that control survives
    simulated            1 sigma of the noise of the sensor in the runs
    simulated_bias       1 sigma of its constant error
    """

    name: str
    unit: str
    period: float | None
    noise: float | None
    bias: float | None
    tolerated: float | None
    simulated: float | None
    simulated_bias: float | None


def expected(design: Design, campaigns: Iterable[Campaign]) -> list[Expected]:
    """All signals of the design, beside the sensors of the scenarios of the first campaign."""
    scenario = next((campaign.plan.loaded.scenario for campaign in campaigns), None)
    return [
        Expected(
            one.name, one.unit, one.period, one.noise, one.bias_max, one.tolerated, *_simulated(scenario, one.name)
        )
        for one in design.signals
    ]


def _simulated(scenario: Any, name: str) -> tuple[float | None, float | None]:
    """Noise and bias of a sensor, or of a field of messages, where the scenario has one of this name."""
    sensors = getattr(scenario, "sensors", None)
    field = name.removeprefix(f"{analysis.SENDERS[0]}.")
    if field != name or scenario is None:
        radio = getattr(scenario, "radio", None)
        return getattr(radio, f"{field}_sigma", None), getattr(radio, f"{field}_bias", None)
    sensor = getattr(sensors, name.replace(".", "_"), None)
    return getattr(sensor, "sigma", None), getattr(sensor, "bias", None)
