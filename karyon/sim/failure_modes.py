"""What can be made to fail in a scenario: the modes and their parameters, and an entry of `faults:`.

The formulas of the modes are in `karyon.perception.failures`; when and on whom they act, in `karyon.sim.faults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from karyon.sim.units import (
    SIGNAL,
    SIGNAL_RATE,
    Factor,
    Index,
    InSignalUnit,
    InSignalUnitPerSecond,
    Metres,
    MetresPerSecond,
    OneOf,
    Quantity,
    Row,
    Seconds,
    Section,
    Share,
    WholeFactor,
    contradiction,
    lacking,
    refusal,
    unit_of,
)

DAY = 86_400  # s

SIGNALS = {  # unit of each signal that a fault can act on; a message as a whole has none
    "front.distance": "m",
    "front.relative_speed": "m/s",
    "own.speed": "m/s",
    "own.acceleration": "m/s2",
    "own.position": "m",
    "lead.message": "",
    "lead.message.position": "m",
    "lead.message.speed": "m/s",
    "lead.message.acceleration": "m/s2",
    "lead.message.intended_acceleration": "m/s2",
    "platoon.leader.message": "",
    "platoon.leader.message.position": "m",
    "platoon.leader.message.speed": "m/s",
    "platoon.leader.message.acceleration": "m/s2",
    "platoon.leader.message.intended_acceleration": "m/s2",
    "own.message": "",
}
RECEIVED = ("lead.message", "platoon.leader.message")  # messages as a whole, each of a sender of its own
GAP_SIGNALS = {  # of the kind `lane_change`
    **{name: SIGNALS[name] for name in SIGNALS if name.startswith(("front.", "own.", "lead."))},
    **{
        f"gap.{side}.{name.removeprefix('lead.').removeprefix('front.')}": unit
        for side in ("front", "rear")
        for name, unit in SIGNALS.items()
        if name.startswith(("front.", "lead."))
    },
}
FLIGHT_SIGNALS = {"own.adsb": "m", "own.position": "m", "traffic.all.local": "m"}  # of the kind `flight`
GAPS = ("gap.front.distance", "gap.rear.distance")
GAP_MESSAGES = ("gap.front.message", "gap.rear.message")
CROSSING_SIGNALS = {  # of the kind `intersection`
    "front.distance": "m",
    "front.relative_speed": "m/s",
    "own.speed": "m/s",
    "own.position": "m",
    "zone.left.distance": "m",
    "zone.left.speed": "m/s",
    "zone.opposite.distance": "m",
    "zone.opposite.speed": "m/s",
    "zone.right.distance": "m",
    "zone.right.speed": "m/s",
    "own.acceleration": "m/s2",
}
RATES = {"m": "m/s", "m/s": "m/s2", "m/s2": "m/s3"}
SAID = "own.message"  # what a vehicle says to all: its faults are lies and attacks of the sender
COMPONENTS = ("perception", "control", "radio")
COORDINATOR = "coordinator"  # of a crossing: the part of a car that gives way to others in turn, where it is elected


class Mode(Section):
    """Parameters of a failure mode."""


class Offset(Mode):
    """A constant is added."""

    amplitude: InSignalUnit = Field(ge=-10_000, le=10_000, description="what is added")


class Drift(Mode):
    """What is added grows from the onset on."""

    rate: InSignalUnitPerSecond = Field(ge=-1000, le=1000, description="by how much it grows")


class Ramp(Drift):
    """A drift that is meant to stay unnoticed."""


class Scale(Mode):
    """The value is multiplied."""

    factor: Factor = Field(ge=-100, le=100, description="by what")


class Noise(Mode):
    """More noise."""

    sigma: InSignalUnit = Field(gt=0, le=10_000, description="noise that is added, 1 sigma")


class Outlier(Mode):
    """Single samples jump."""

    amplitude: InSignalUnit = Field(ge=-10_000, le=10_000, description="how far, to either side")
    probability: Share = Field(description="share of the samples")


class StuckAt(Mode):
    """One value is repeated, freshly stamped."""

    value: InSignalUnit | None = Field(default=None, ge=-100_000, le=100_000, description="absent: the last one")


class Saturation(Mode):
    """The value is clipped."""

    low: InSignalUnit | None = Field(default=None, ge=-100_000, le=100_000, description="no value below")
    high: InSignalUnit | None = Field(
        default=None, ge=-100_000, le=100_000, validate_default=True, description="no value above"
    )

    @field_validator("high")
    @classmethod
    def _some_limit(cls, high: float | None, info: ValidationInfo) -> float | None:
        low = info.data.get("low")
        if high is None and "low" in info.data and low is None:
            raise lacking("low", "high")
        if high is not None and low is not None and low > high:
            raise contradiction(f"is below `low`, which is {low:g}")
        return high


class Quantisation(Mode):
    """The value is rounded."""

    step: InSignalUnit = Field(gt=0, le=10_000, description="to multiples of this")


class Ghost(Mode):
    """The radar sees an object that is not there."""

    distance: Metres = Field(ge=0, le=10_000, description="where; only if it is nearer than the car ahead")


class Missed(Mode):
    """The radar does not see the car ahead, and says its range."""

    range: Metres = Field(default=150.0, ge=0, le=10_000, description="what it says of an open road")


class Swap(Mode):
    """The radar takes another object for the car ahead."""

    distance: Metres = Field(ge=-10_000, le=10_000, description="how much farther away that is")


class Delay(Mode):
    """Samples arrive late."""

    delay: Seconds = Field(gt=0, le=3600, description="by how much")
    sigma: Seconds = Field(default=0.0, ge=0, le=60, description="1 sigma of what chance adds")


class Jitter(Mode):
    """Samples arrive late by chance."""

    sigma: Seconds = Field(gt=0, le=60, description="1 sigma of the lateness")


class Omission(Mode):
    """Samples are lost."""

    probability: Share = Field(default=1.0, description="share of the samples")
    burst: Factor = Field(default=1.0, ge=1, le=1e6, description="how many are lost in a row, on average")


class Reordering(Mode):
    """Samples arrive after the one that was taken after them."""

    probability: Share = Field(description="share of the samples")


class Duplication(Mode):
    """Samples arrive a second time, in place of the next one."""

    probability: Share = Field(description="share of the samples")


class ClockOffset(Mode):
    """The clock that stamps the samples is wrong."""

    offset: Seconds = Field(ge=-86_400, le=86_400, description="by how much it is ahead")


class ClockDrift(Mode):
    """The clock that stamps the samples runs at a wrong rate."""

    rate: Factor = Field(gt=-1, lt=1, description="by how much it gains, s per s")


class Freeze(Mode):
    """Old content, noise and all, freshly stamped."""

    delay: Seconds = Field(gt=0, le=3600, description="how old")


class Replay(Freeze):
    """Old messages, freshly stamped."""


class WrongPosition(Mode):
    """The sender says that it is elsewhere."""

    offset: Metres = Field(ge=-10_000, le=10_000, description="by how much")


class WrongSpeed(Mode):
    """The sender says that it is faster."""

    offset: MetresPerSecond = Field(ge=-1000, le=1000, description="by how much")


class Sybil(Mode):
    """The sender invents others, each ahead of the one before, that say what it says."""

    count: WholeFactor = Field(ge=1, le=10_000, description="how many")
    spacing: Metres = Field(default=10.0, ge=-1000, le=1000, description="how far apart they claim to be")


class Flooding(Mode):
    """The newest message again and again."""

    rate: Factor = Field(gt=0, le=1e6, description="how many a second, besides the usual ones")


class LieHigh(Mode):
    """The sender proposes the highest level to its group, whatever its own rules admit."""


class LieLow(Mode):
    """The sender proposes no cooperation to its group."""


class Equivocation(Mode):
    """The sender proposes the highest level to every second member, and no cooperation to the others."""


class Crash(Mode):
    """The component ends for good."""


class Hang(Mode):
    """The component stands still."""


class Slow(Mode):
    """The component runs in fewer cycles."""

    factor: Factor = Field(gt=1, le=1000, description="how many times its period it takes")


TIMING_MODES: dict[str, type[Mode]] = {
    "delay": Delay,
    "jitter": Jitter,
    "omission": Omission,
    "reordering": Reordering,
    "duplication": Duplication,
    "clock_offset": ClockOffset,
    "clock_drift": ClockDrift,
    "freeze": Freeze,
}
SIGNAL_MODES: dict[str, type[Mode]] = {
    "offset": Offset,
    "drift": Drift,
    "scale": Scale,
    "noise": Noise,
    "outlier": Outlier,
    "stuck_at": StuckAt,
    "quantisation": Quantisation,
    "saturation": Saturation,
    "ramp": Ramp,
    **TIMING_MODES,
}
OBJECT_MODES: dict[str, type[Mode]] = {"ghost": Ghost, "missed": Missed, "swap": Swap}
MESSAGE_MODES: dict[str, type[Mode]] = {
    **TIMING_MODES,
    "wrong_position": WrongPosition,
    "wrong_speed": WrongSpeed,
    "replay": Replay,
    "sybil": Sybil,
    "flooding": Flooding,
}
SAID_MODES: dict[str, type[Mode]] = {  # of what a vehicle says to all
    "wrong_position": WrongPosition,
    "wrong_speed": WrongSpeed,
    "replay": Replay,
    "sybil": Sybil,
    "flooding": Flooding,
    "lie_high": LieHigh,
    "lie_low": LieLow,
    "equivocation": Equivocation,
}
COMPONENT_MODES: dict[str, type[Mode]] = {"crash": Crash, "hang": Hang, "slow": Slow}
MODES = SIGNAL_MODES | OBJECT_MODES | MESSAGE_MODES | SAID_MODES | COMPONENT_MODES


class Fault(Section):
    """What fails, how, and when. In a file the parameters of the mode stand beside the other fields."""

    vehicle: Annotated[int | Literal["all"], Index()] = Field(
        description="index of a follower, or all; `own.message` also 0"
    )
    signal: Annotated[str, OneOf("the name of a signal", tuple(SIGNALS))] | None = Field(
        default=None, description="what goes bad: this signal, or"
    )
    component: Annotated[str, OneOf("the name of a component", COMPONENTS)] | None = Field(
        default=None, validate_default=True, description="this component"
    )
    mode: Annotated[str, OneOf("the name of a failure mode", tuple(MODES))] = Field(description="how it fails")
    onset: Seconds = Field(ge=0, le=DAY, description="when it begins")
    duration: Seconds | None = Field(
        default=None, gt=0, le=DAY, validate_default=True, description="how long it lasts, if not to the end"
    )
    parameters: dict[str, float] = Field(default_factory=dict, description="those of the mode, in SI")

    @model_validator(mode="before")
    @classmethod
    def _set_parameters_apart(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        common = {key: value for key, value in data.items() if key in COMMON}
        return common | {"parameters": {key: value for key, value in data.items() if key not in COMMON}}

    @field_validator("component")
    @classmethod
    def _one_subject(cls, component: str | None, info: ValidationInfo) -> str | None:
        if "signal" in info.data:
            if component is None and info.data["signal"] is None:
                raise lacking("signal", "component")
            if component is not None and info.data["signal"] is not None:
                raise contradiction("and a signal exclude each other", "two faults can begin at the same time")
        return component

    @field_validator("mode")
    @classmethod
    def _mode_of_the_subject(cls, mode: str, info: ValidationInfo) -> str:
        signal, component = info.data.get("signal"), info.data.get("component")
        if wrong := _misplaced(mode, signal, component):
            raise wrong
        return mode

    @field_validator("duration")
    @classmethod
    def _duration_of_the_mode(cls, duration: float | None, info: ValidationInfo) -> float | None:
        mode = info.data.get("mode")
        if mode == "crash" and duration is not None and info.data.get("component") != COORDINATOR:
            raise contradiction("does not go with `crash`, which is for good", "`hang` ends")
        if mode == "hang" and duration is None:
            raise lacking("duration")
        return duration

    @field_validator("parameters", mode="before")
    @classmethod
    def _parameters_of_the_mode(cls, given: dict[str, Any], info: ValidationInfo) -> dict[str, float]:
        mode = MODES.get(info.data.get("mode", ""))
        if mode is None:
            known = {name for each in MODES.values() for name in each.model_fields}
            unknown = [((name,), "extra_forbidden") for name in given if name not in known]
            if unknown:
                raise refusal(*unknown)
            return {}
        read = mode.model_validate(given, context=units_of(info.data.get("signal")))
        return read.model_dump(exclude_none=True)


class CrossingFault(Fault):
    """What fails at a crossing. A coordinator that has crashed may come back: it is elected anew."""

    vehicle: Annotated[int | Literal["all"], Index()] = Field(description="index of a car in order of arrival, or all")
    signal: Annotated[str, OneOf("the name of a signal", (*CROSSING_SIGNALS, SAID))] | None = Field(
        default=None, description="what goes bad: this signal, or"
    )
    component: Annotated[str, OneOf("the name of a component", (*COMPONENTS, COORDINATOR))] | None = Field(
        default=None, validate_default=True, description="this component"
    )


class LaneChangeFault(Fault):
    """What fails in a car that changes lanes, or beside one."""

    vehicle: Annotated[int | Literal["all"], Index()] = Field(description="index of a car, or all")
    signal: Annotated[str, OneOf("the name of a signal", tuple(GAP_SIGNALS))] | None = Field(
        default=None, description="what goes bad: this signal, or"
    )


def beyond(fault: Any, data: Mapping[str, Any], who: str) -> list[tuple[tuple[str], PydanticCustomError]]:
    """What is wrong with a fault of a vehicle that is not there, or after the end; `who` there is: `vehicles are 0`.

    data   what is known of the scenario so far: `vehicles`, how many, and its `duration`
    """
    vehicles, duration = data.get("vehicles"), data.get("duration")
    wrong = []
    if isinstance(fault.vehicle, int) and vehicles is not None and fault.vehicle >= vehicles:
        said = contradiction(f"{fault.vehicle} is not in the scenario", f"{who} to {vehicles - 1}")
        wrong.append((("vehicle",), said))
    if duration is not None and fault.onset >= duration:
        wrong.append((("onset",), contradiction(f"is not before the end of the scenario, at {duration:g} s")))
    return wrong


COMMON = tuple(name for name in Fault.model_fields if name != "parameters")


def units_of(signal: str | None) -> dict[str, str]:
    """The validation's context for parameters in the unit of a signal."""
    unit = (SIGNALS | CROSSING_SIGNALS | GAP_SIGNALS | FLIGHT_SIGNALS).get(signal or "") or "1"
    return {SIGNAL: unit, SIGNAL_RATE: RATES.get(unit, "1/s")}


def parameter_units(mode: str, signal: str | None) -> dict[str, str]:
    """Units of the parameters of a mode as a reader sees them, with a blank before; "" of what is but a number."""
    given, units = units_of(signal), dict[str, str]()
    for name, field in MODES[mode].model_fields.items():
        kind = next((each for each in Row.of_field(field).metadata if isinstance(each, Quantity)), None)
        unit = "1" if kind is None else unit_of(kind.unit, given)
        units[name] = "" if unit == "1" else " " + unit.replace("s2", "s²").replace("s3", "s³")
    return units


def modes_of(signal: str | None) -> dict[str, type[Mode]]:
    """The modes in which a signal can fail; None: a component."""
    if signal is None:
        return COMPONENT_MODES
    return {
        **dict.fromkeys(("front.distance", *GAPS), SIGNAL_MODES | OBJECT_MODES),
        **dict.fromkeys((*RECEIVED, *GAP_MESSAGES), MESSAGE_MODES),
        SAID: SAID_MODES,
    }.get(signal, SIGNAL_MODES)


def _misplaced(mode: str, signal: str | None, component: str | None) -> PydanticCustomError | None:
    if (signal is None and component is None) or mode in modes_of(signal):
        return None
    if mode in COMPONENT_MODES:
        return contradiction(f"`{mode}` befalls a component, not a signal", "for example `component: perception`")
    if component is not None:
        return contradiction(f"`{mode}` befalls a signal, not a component", "a component can crash, hang, or be slow")
    if mode in OBJECT_MODES:
        return contradiction(f"`{mode}` befalls the radar's object", "write `signal: front.distance`")
    return _misplaced_in_a_message(mode, signal)


def _misplaced_in_a_message(mode: str, signal: str | None) -> PydanticCustomError:
    if mode not in SIGNAL_MODES | MESSAGE_MODES:
        return contradiction(f"`{mode}` befalls what a vehicle says to its group", f"write `signal: {SAID}`")
    if signal == SAID and mode in TIMING_MODES:
        return contradiction(f"`{mode}` befalls what is received, not what is sent", "write `signal: lead.message`")
    if signal in (*RECEIVED, *GAP_MESSAGES, SAID):
        return contradiction(
            f"`{mode}` befalls a field of the message, not the message as a whole",
            "for example `signal: lead.message.speed`",
        )
    return contradiction(f"`{mode}` befalls a message as a whole", "write `signal: lead.message`")
