"""What a scenario of lane changes may say: one row per quantity, as `karyon.sim.scenario` has it for car following."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from karyon.sim.channel.fields import FAR, Radio, jams_who_is_there
from karyon.sim.commonroad.section import Recorded
from karyon.sim.failure_modes import DAY, LaneChangeFault, beyond
from karyon.sim.scenario import LEVEL_MAX, KernelSwitch, Record, Sensors, Vehicle
from karyon.sim.units import (
    Count,
    Metres,
    MetresPerSecond,
    Seconds,
    Section,
    Text,
    contradiction,
    refusal,
)

FUNCTION = "lane_change"
FOLLOWING = "acc"  # the function that keeps the distance in the lane
VEHICLES_MAX = 50  # who is asked is a set of bits, sent as a number
OF_GROUPS = ("sybil", "flooding", "lie_low", "equivocation")  # modes of those who agree on a level round by round
COMFORT = 1.5  # m/s²: so a car brakes towards the end of its lane
RUN_UP = 32.0  # m before that end it stops, so as to move over from there
SHORTEST = 100.0  # m in which a lane that ends may be left at least
LATEST = 25.0  # s before the end at the latest a wish is drawn, so that there is time for it


class Piece(Section):
    """A stretch of road."""

    length: Metres = Field(gt=0, le=FAR, description="along the rightmost lane")
    radius: Metres | None = Field(
        default=None, ge=-FAR, le=FAR, description="of the curve, below 0 m to the right; absent: straight"
    )

    @field_validator("radius")
    @classmethod
    def _wide(cls, radius: float | None) -> float | None:
        if radius is not None and abs(radius) < 50:
            raise contradiction(f"is {radius:g} m, and a curve here has 50 m or more", "to the right: -500 m")
        return radius


class LaneEndSection(Section):
    """A lane that ends: who is in it must leave it before."""

    lane: Count = Field(default=0, ge=0, le=8, description="which one: the rightmost or the leftmost")
    opens: Metres = Field(
        default=0.0,
        ge=0,
        le=FAR,
        description="from where on it may be left: before that it is an on-ramp",
    )
    at: Metres = Field(gt=0, le=FAR, description="where it ends, along the rightmost lane")

    @field_validator("at")
    @classmethod
    def _behind(cls, at: float, info: ValidationInfo) -> float:
        opens = info.data.get("opens")
        if opens is not None and at < opens + SHORTEST:
            raise contradiction(
                f"is {at:g} m, {at - opens:g} m behind where the lane may be left", f"leave it {SHORTEST:g} m at least"
            )
        return at


class RoadSection(Section):
    """The road: lanes side by side, lane 0 rightmost."""

    lanes: Count = Field(default=3, ge=2, le=8, description="how many")
    lane_width: Metres = Field(default=3.5, ge=2, le=6, description="of each")
    pieces: tuple[Piece, ...] = Field(
        default=(Piece(length=1000.0),), description="entries {length, radius} from the start on; the last one goes on"
    )

    lane_end: LaneEndSection | None = Field(default=None, description="a lane that ends; absent: none does")

    @field_validator("lane_end")
    @classmethod
    def _outermost(cls, end: LaneEndSection | None, info: ValidationInfo) -> LaneEndSection | None:
        lanes = info.data.get("lanes")
        if end is not None and lanes is not None and end.lane not in (0, lanes - 1):
            said = contradiction(f"{end.lane} is not at the edge of the road", f"0 or {lanes - 1}")
            raise refusal((("lane",), said))
        return end

    @field_validator("pieces")
    @classmethod
    def _some(cls, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        if not pieces:
            raise contradiction("has no piece: a road without length", "for example [{length: 1 km}]")
        return pieces


class Traffic(Section):
    """How the cars begin: spread over the lanes in turn, file behind file."""

    speed: MetresPerSecond = Field(default=24.0, gt=0, le=50, description="usual in the rightmost lane")
    faster: MetresPerSecond = Field(default=1.5, ge=0, le=20, description="in each lane further to the left")
    speed_spread: MetresPerSecond = Field(default=1.0, ge=0, le=10, description="what drivers want, at most off that")
    time_gap: Seconds = Field(default=1.4, ge=0, le=30, description="initial gap is 2 m plus this times the speed")
    time_gap_spread: Seconds = Field(default=0.6, ge=0, le=30, description="and up to so much more")


class Wish(Section):
    """A car that wishes to change to the next lane."""

    vehicle: Count = Field(ge=0, le=VEHICLES_MAX, description="which one")
    time: Seconds = Field(ge=0, le=DAY, description="from when on")
    lane: Count = Field(ge=0, le=8, description="where to; lane 0 is the rightmost")


class Waves(Section):
    """Cars that are drawn, and wish at once to change to a lane beside theirs."""

    first: Seconds = Field(default=6.0, ge=0, le=DAY, description="when the first ones do")
    every: Seconds = Field(default=10.0, ge=0.1, le=DAY, description="from then on")
    cars: Count = Field(default=3, ge=0, le=VEHICLES_MAX, description="how many at once")


class Function(Section):
    """The function `lane_change`."""

    max_los: Count | None = Field(default=None, ge=0, le=LEVEL_MAX, description="no higher level of service than this")
    wishes: tuple[Wish, ...] | None = Field(default=None, description="entries {vehicle, time, lane}; absent: drawn")
    waves: Waves | None = Field(default=None, description="how wishes are drawn")

    @field_validator("waves")
    @classmethod
    def _drawn(cls, waves: Waves | None, info: ValidationInfo) -> Waves | None:
        if waves is not None and info.data.get("wishes") is not None:
            raise contradiction("and lane_change.wishes exclude each other", "remove one of them")
        return waves


class Following(Section):
    """The function `acc`, which keeps the distance in the lane."""

    max_los: Count | None = Field(default=None, ge=0, le=LEVEL_MAX, description="no higher level of service than this")


def _fits(fault: LaneChangeFault, info: ValidationInfo) -> LaneChangeFault:
    """`fault` itself, if its vehicle, its onset and its mode are in a scenario of this kind."""
    wrong = beyond(fault, info.data, "vehicles are 0")
    if fault.mode in OF_GROUPS:
        wrong.insert(0, (("mode",), contradiction(f"`{fault.mode}` befalls what a platoon agrees on")))
    if wrong:
        raise refusal(*wrong)
    return fault


def _are_there(function: Function, info: ValidationInfo) -> Function:
    """`function` itself, if its wishes are of cars and lanes that there are, and begin before the end."""
    if info.data.get("recorded") is not None:
        return function  # the file knows
    vehicles, duration, road = (info.data.get(name) for name in ("vehicles", "duration", "road"))
    wrong = []
    for index, wish in enumerate(function.wishes or ()):
        if vehicles is not None and wish.vehicle >= vehicles:
            said = contradiction(f"{wish.vehicle} is not in the scenario", f"vehicles are 0 to {vehicles - 1}")
            wrong.append((("wishes", index, "vehicle"), said))
        if road is not None and road.lane_end is not None and wish.lane == road.lane_end.lane:
            said = contradiction(f"{wish.lane} is the lane that ends", "a lane that goes on")
            wrong.append((("wishes", index, "lane"), said))
        if road is not None and wish.lane >= road.lanes:
            said = contradiction(f"{wish.lane} is beside the road", f"lanes are 0 to {road.lanes - 1}")
            wrong.append((("wishes", index, "lane"), said))
        if duration is not None and wish.time >= duration:
            said = contradiction(f"is not before the end of the scenario, at {duration:g} s")
            wrong.append((("wishes", index, "time"), said))
    if wrong:
        raise refusal(*wrong)
    return function


class LaneChangeScenario(Section):
    """A scenario of lane changes, in SI."""

    called: ClassVar[str] = "a scenario of lane changes"

    kind: Literal["lane_change"] = Field(default="lane_change", description="what it is about")
    duration: Seconds = Field(default=60.0, gt=0, le=DAY, description="how long the run is")
    seed: Count = Field(default=0, ge=0, le=2**63 - 1, description="all random numbers follow from it")
    vehicles: Count = Field(default=12, ge=2, le=VEHICLES_MAX, description="how many; they communicate all")
    road: RoadSection = Field(default=RoadSection(), description="lanes, and where they lead")
    traffic: Traffic = Field(default=Traffic(), description="how the cars begin")
    recorded: Recorded | None = Field(
        default=None, description="recorded traffic in place of `vehicles`, `road` and `traffic`"
    )
    vehicle: Vehicle = Field(default=Vehicle(), description="what every vehicle is like")
    sensors: Sensors = Field(default=Sensors(), description="what they measure; those of distances to all sides")
    radio: Annotated[Radio, AfterValidator(jams_who_is_there)] = Field(
        default=Radio(), description="what vehicles tell each other"
    )
    safety: Text = Field(description="file of the safety design")
    kernel: KernelSwitch = Field(default=KernelSwitch(), description="the safety kernel")
    acc: Following = Field(default=Following(), description="distance in the lane")
    lane_change: Annotated[Function, AfterValidator(_are_there)] = Field(
        default=Function(), description="who wishes to change lanes, and how well that may be done"
    )
    record: Record = Field(default=Record(), description="what is written down")
    wall_limit: Seconds = Field(default=600.0, gt=0, le=30 * DAY, description="a run that takes longer is ended")
    faults: tuple[Annotated[LaneChangeFault, AfterValidator(_fits)], ...] = Field(
        default=(), description="entries {vehicle, signal or component, mode, onset, ...}"
    )

    @field_validator("faults", mode="before")
    @classmethod
    def _none_left(cls, faults: object) -> object:
        return () if faults is None else faults  # all lines below `faults:` are comments
