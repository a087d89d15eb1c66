"""What a scenario of flight may say: one row per quantity, as `karyon.sim.scenario` has it for car following."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from karyon.sim.failure_modes import DAY, FLIGHT_SIGNALS, beyond
from karyon.sim.scenario import LEVEL_MAX, KernelSwitch
from karyon.sim.units import (
    Count,
    Index,
    Metres,
    MetresPerSecond,
    OneOf,
    Period,
    Radians,
    RadiansPerSecond,
    Seconds,
    Section,
    Share,
    Text,
    contradiction,
    lacking,
    refusal,
)

FUNCTION = "flight"
VEHICLES_MAX = 20
FAR = 100_000.0  # m
COMPONENTS = ("perception", "control", "radio", "link")
NEEDS = {"offset": "amplitude", "drift": "rate", "noise": "sigma", "delay": "delay", "degraded": "nacp"}
VALUE_MODES = ("offset", "drift", "noise", "stuck_at", "delay", "omission")
NACP_MAX = 11


class Aircraft(Section):
    """What every aircraft is like."""

    speed: MetresPerSecond = Field(default=50.0, ge=5, le=300, description="through the air")
    turn_rate: RadiansPerSecond = Field(default=0.0524, gt=0, le=1, description="at most; 3 deg/s is standard rate")
    climb_rate: MetresPerSecond = Field(default=2.54, gt=0, le=50, description="at most, up and down; 500 ft/min")


class Meeting(Section):
    """Tracks that cross at one point, from all sides; each a little off it, drawn by the seed."""

    time: Seconds = Field(default=120.0, ge=10, le=DAY, description="when they would all be there")
    altitude: Metres = Field(default=600.0, ge=0, le=20_000, description="of all")
    turn: Radians = Field(default=0.35, ge=0, le=3.15, description="tracks are turned by at most that")
    late: Seconds = Field(default=3.0, ge=0, le=600, description="they come late or early by at most that")
    aside: Metres = Field(default=100.0, ge=0, le=FAR, description="they pass aside of the point by at most that")
    above: Metres = Field(default=0.0, ge=0, le=5000, description="they are above or below by at most that")


class Start(Section):
    """Where an aircraft begins, and the route that it flies from there: straight on."""

    east: Metres = Field(ge=-FAR, le=FAR, description="of the point in the middle")
    north: Metres = Field(ge=-FAR, le=FAR, description="of it")
    altitude: Metres = Field(ge=0, le=20_000, description="of its route")
    track: Radians = Field(ge=-6.3, le=6.3, description="clockwise from north")
    speed: MetresPerSecond = Field(default=50.0, ge=5, le=300, description="through the air")


class Intruder(Section):
    """A recorded aircraft in place of aircraft 0: it flies, and reports, as it did; it evades nobody."""

    recording: Text = Field(description="CSV of an ADS-B track, as `xoolive/traffic` writes them, gzipped or not")
    flight: Text | None = Field(
        default=None, description="callsign or address of the one that is meant; absent: the first"
    )


class Wind(Section):
    """Where the air moves to, the same for all."""

    east: MetresPerSecond = Field(default=0.0, ge=-50, le=50, description="to the east")
    north: MetresPerSecond = Field(default=0.0, ge=-50, le=50, description="to the north")


class Adsb(Section):
    """What aircraft report of themselves once a second."""

    sigma: Metres = Field(default=12.0, ge=0, le=1000, description="noise along an axis, 1 sigma; NACp 9 is 12 m")
    speed_sigma: MetresPerSecond = Field(default=0.5, ge=0, le=50, description="noise of the velocity, 1 sigma")
    range: Metres = Field(default=40_000.0, gt=0, le=FAR * 4, description="beyond it nothing is heard")
    nacp: Count = Field(
        default=9, ge=1, le=NACP_MAX, description="accuracy that they state; their integrity, NIC, is the same number"
    )


class Local(Section):
    """The own sensor, such as a radar."""

    sigma: Metres = Field(default=20.0, ge=0, le=1000, description="noise along an axis, 1 sigma")
    speed_sigma: MetresPerSecond = Field(default=1.5, ge=0, le=50, description="noise of the velocity, 1 sigma")
    range: Metres = Field(default=6000.0, gt=0, le=FAR, description="beyond it nothing is seen")


class Loss(Section):
    """Messages that do not come."""

    loss: Share = Field(default=0.05, ge=0, le=1, description="share that is lost, each for itself")


class FlightFault(Section):
    """What fails, and how."""

    vehicle: Annotated[int | Literal["all"], Index()] = Field(description="index of an aircraft, or all")
    signal: Annotated[str, OneOf("the name of a signal", tuple(FLIGHT_SIGNALS))] | None = Field(
        default=None, description="what goes bad: own.adsb is what it reports, or"
    )
    component: Annotated[str, OneOf("the name of a component", COMPONENTS)] | None = Field(
        default=None, description="this component"
    )
    mode: Literal[
        "offset", "drift", "noise", "stuck_at", "delay", "omission", "missed", "degraded", "hang", "crash"
    ] = Field(description="how")
    onset: Seconds = Field(ge=0, le=DAY, description="when it begins")
    duration: Seconds | None = Field(default=None, gt=0, le=DAY, description="how long; absent: to the end")
    amplitude: Metres | None = Field(
        default=None, ge=-FAR, le=FAR, description="what is added, to the right of the track"
    )
    rate: MetresPerSecond | None = Field(default=None, ge=-500, le=500, description="by how much it grows")
    sigma: Metres | None = Field(default=None, ge=0, le=FAR, description="noise that is added, 1 sigma")
    delay: Seconds | None = Field(default=None, gt=0, le=60, description="how late")
    nacp: Count | None = Field(
        default=None, ge=1, le=NACP_MAX, description="accuracy that the own receiver still has, and states"
    )
    probability: Share = Field(default=1.0, ge=0, le=1, description="share that is omitted")

    @model_validator(mode="after")
    def _whole(self) -> FlightFault:
        if (self.signal is None) == (self.component is None):
            raise lacking("signal", "component")
        if self.component is not None and self.mode not in ("hang", "crash"):
            raise contradiction(f"`{self.mode}` is of a signal: a component fails by hang or crash")
        if self.signal is not None and self.mode in ("hang", "crash"):
            raise contradiction(f"`{self.mode}` is of a component: a signal fails by {', '.join(VALUE_MODES)}")
        if self.mode == "missed" and self.signal != "traffic.all.local":
            raise contradiction("`missed` is of traffic.all.local, which sees objects")
        if self.mode == "degraded" and self.signal != "own.position":
            raise contradiction("`degraded` is of own.position, whose accuracy the own receiver states")
        needed = NEEDS.get(self.mode)
        if needed is not None and getattr(self, needed) is None:
            raise refusal(((needed,), lacking(needed)))
        return self

    @property
    def parameters(self) -> dict[str, float]:
        """Those of the mode, in SI."""
        names = (*filter(None, [NEEDS.get(self.mode)]), *(["probability"] if self.mode == "omission" else []))
        return {name: getattr(self, name) for name in names}

    @property
    def end(self) -> float:
        """When it is over, s; far away where it goes on."""
        return self.onset + (self.duration if self.duration is not None else 10.0 * DAY)


class Function(Section):
    """The function `flight`."""

    max_los: Count | None = Field(default=None, ge=0, le=LEVEL_MAX, description="no higher level of service than this")


class Record(Section):
    """What is written down."""

    period: Period = Field(default=1.0, description="time between two rows of an aircraft")


def _fits(fault: FlightFault, info: ValidationInfo) -> FlightFault:
    """`fault` itself, if its aircraft and its onset are in the scenario."""
    if wrong := beyond(fault, info.data, "aircraft are 0"):
        raise refusal(*wrong)
    return fault


class FlightScenario(Section):
    """A scenario of flight, in SI."""

    called: ClassVar[str] = "a scenario of flight"

    kind: Literal["flight"] = Field(default="flight", description="what it is about")
    duration: Seconds = Field(default=240.0, gt=0, le=DAY, description="how long the run is")
    seed: Count = Field(default=0, ge=0, le=2**63 - 1, description="all random numbers follow from it")
    vehicles: Count = Field(default=3, ge=2, le=VEHICLES_MAX, description="how many aircraft")
    aircraft: Aircraft = Field(default=Aircraft(), description="what every aircraft is like")
    meeting: Meeting = Field(default=Meeting(), description="tracks that cross, where `starts` gives none")
    starts: tuple[Start, ...] = Field(default=(), description="where each begins, and which way it flies")
    intruder: Intruder | None = Field(default=None, description="a recorded aircraft, which comes to the meeting, too")
    wind: Wind = Field(default=Wind(), description="where the air moves to")
    adsb: Adsb = Field(default=Adsb(), description="what aircraft report of themselves")
    local: Local = Field(default=Local(), description="the own sensor")
    radio: Loss = Field(default=Loss(), description="reports and intents of others")
    link: Loss = Field(default=Loss(), description="the link to the ground")
    safety: Text = Field(description="file of the safety design")
    kernel: KernelSwitch = Field(default=KernelSwitch(), description="the safety kernel")
    flight: Function = Field(default=Function(), description="the function")
    record: Record = Field(default=Record(), description="what is written down")
    wall_limit: Seconds = Field(default=600.0, gt=0, le=30 * DAY, description="a run that takes longer is ended")
    faults: tuple[Annotated[FlightFault, AfterValidator(_fits)], ...] = Field(
        default=(), description="entries {vehicle, signal or component, mode, onset, ...}"
    )

    @field_validator("faults", mode="before")
    @classmethod
    def _none_left(cls, faults: object) -> object:
        return () if faults is None else faults  # all lines below `faults:` are comments

    @field_validator("starts")
    @classmethod
    def _of_all(cls, starts: tuple[Start, ...], info: ValidationInfo) -> tuple[Start, ...]:
        vehicles = info.data.get("vehicles")
        if starts and vehicles is not None and len(starts) != vehicles:
            raise contradiction(f"has {len(starts)} entries for {vehicles} aircraft")
        return starts
