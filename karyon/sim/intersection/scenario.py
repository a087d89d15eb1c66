"""What a scenario of a crossing may say: one row per quantity, with type and unit, default, range and meaning."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from karyon.sim import documents
from karyon.sim.channel.fields import Radio, warnings_of_radio
from karyon.sim.commonroad import checks, crossing
from karyon.sim.commonroad.crossing import Scene
from karyon.sim.commonroad.section import Recorded
from karyon.sim.documents import Document, InputError
from karyon.sim.failure_modes import DAY, CrossingFault, beyond
from karyon.sim.roads.crossing import Layout
from karyon.sim.scenario import LEVEL_MAX, Draft, KernelSwitch, Loaded, Record, Vehicle, parsed
from karyon.sim.units import (
    Count,
    Factor,
    Metres,
    MetresPerSecond,
    MetresPerSecond2,
    Seconds,
    Section,
    Share,
    Text,
    contradiction,
    refusal,
)

FUNCTION = "intersection"
CARS_MAX = 2000
REPLACED = ("road", "demand", "emergencies", "pedestrians")  # by a recording
RECORDED_MAX = 100  # cars of a recording, the nearest ones
SATURATION = 2200.0  # veh/h that the four arms of such a crossing were seen to let through at most
CLEARANCE = 0.4  # m, that a car keeps clear of on both sides, besides its width
BEFORE_TAPER = 25.0  # m, in which cars appear
Arm = Annotated[Count, Field(ge=0, le=3)]


class Road(Section):
    """The crossing: two roads with a lane each way, and one more where those who turn left have their own."""

    lane: Metres = Field(default=3.5, ge=2.5, le=6, description="width of a lane")
    corner: Metres = Field(default=5.0, ge=3, le=30, description="radius of the kerb between two arms")
    approach: Metres = Field(default=150.0, ge=60, le=1000, description="from where cars appear to the stop line")
    exit: Metres = Field(default=60.0, ge=30, le=1000, description="from the crossing to where they are out of sight")
    speed_limit: MetresPerSecond = Field(default=13.9, ge=5, le=20, description="on all arms")
    turning_lane: Metres = Field(
        default=0.0, ge=0, le=900, description="length of a lane for those who turn left, on each arm; 0: there is none"
    )

    @field_validator("turning_lane")
    @classmethod
    def _has_room(cls, turning_lane: float, info: ValidationInfo) -> float:
        known = info.data
        if turning_lane and {"lane", "approach", "exit", "corner"} <= known.keys():
            layout = Layout(known["lane"], known["approach"], known["exit"], known["corner"], turning_lane)
            if layout.begins < BEFORE_TAPER:
                most = turning_lane + layout.begins - BEFORE_TAPER
                said = f"and the {layout.taper:.0f} m of taper before it leave too little of the approach"
                raise contradiction(said, f"at most {most:.0f} m, or a longer `approach`")
        return turning_lane

    @property
    def layout(self) -> Layout:
        """As the geometry of the crossing has it."""
        return Layout(self.lane, self.approach, self.exit, self.corner, self.turning_lane)


class Demand(Section):
    """Who comes, from where, and where to."""

    flow: Factor = Field(default=1800.0, gt=0, le=20_000, description="cars in an hour, all arms together")
    arms: tuple[Factor, Factor, Factor, Factor] = Field(
        default=(1.0, 1.0, 1.0, 1.0), description="shares of the arms: from south, east, north, west"
    )
    turns: tuple[Factor, Factor, Factor] = Field(
        default=(0.2, 0.6, 0.2), description="shares that go left, straight on, right"
    )
    silent: Share = Field(default=0.0, description="share of cars that have no radio")

    @field_validator("arms", "turns")
    @classmethod
    def _shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        wrong = [((index,), contradiction("is a share of 0 or more")) for index, one in enumerate(shares) if one < 0]
        if wrong:
            raise refusal(*wrong)
        if not sum(shares) > 0:
            raise contradiction("has no share above 0", "for example equal ones")
        return shares


class Emergency(Section):
    """An emergency vehicle: all give way to it whose slots are not binding yet."""

    arm: Arm = Field(description="where from: 0 south, 1 east, 2 north, 3 west")
    turn: Literal["left", "straight", "right"] = Field(default="straight", description="where to")
    time: Seconds = Field(ge=0, le=DAY, description="when it appears")


class Pedestrian(Section):
    """Somebody who walks across an arm, right behind its stop line, once nobody is about to drive there."""

    arm: Arm = Field(description="which: 0 south, 1 east, 2 north, 3 west")
    time: Seconds = Field(ge=0, le=DAY, description="from when on")
    duration: Seconds = Field(default=10.0, gt=0, le=600, description="how long the arm is blocked")


class Sight(Section):
    """What cars see and measure."""

    range: Metres = Field(default=100.0, ge=60, le=1000, description="how far others are seen")
    distance_sigma: Metres = Field(default=0.15, ge=0, le=100, description="noise of distances, 1 sigma")
    speed_sigma: MetresPerSecond = Field(default=0.1, ge=0, le=100, description="noise of others' speeds, 1 sigma")
    own_speed_sigma: MetresPerSecond = Field(default=0.05, ge=0, le=100, description="noise of own speed, 1 sigma")
    position_sigma: Metres = Field(default=0.1, ge=0, le=100, description="noise of own place in the lane, 1 sigma")
    acceleration_sigma: MetresPerSecond2 = Field(
        default=0.05, ge=0, le=100, description="noise of own acceleration, 1 sigma: the mean since the last sample"
    )


class Crossing(Section):
    """The function `intersection`."""

    max_los: Count | None = Field(default=None, ge=0, le=LEVEL_MAX, description="no higher level of service than this")


def _fits(fault: CrossingFault, info: ValidationInfo) -> CrossingFault:
    """`fault` itself, if its car and its onset are in the scenario."""
    known = info.data
    if known.get("recorded") is not None:
        known = known | {"vehicles": RECORDED_MAX}  # how many there are is known once it is read
    elif {"duration", "demand", "emergencies"} <= known.keys():
        known = known | {"vehicles": _cars(known["demand"], known["duration"], len(known["emergencies"]))}
    if wrong := beyond(fault, known, "cars are 0"):
        raise refusal(*wrong)
    return fault


def _cars(demand: Demand, duration: float, emergencies: int) -> int:
    """How many come in so many seconds, emergency vehicles among them."""
    return max(2, ceil(demand.flow * duration / 3600.0) + emergencies)


class Scenario(Section):
    """A scenario of a crossing, in SI."""

    called: ClassVar[str] = "a scenario of a crossing"

    kind: Literal["intersection"] = Field(description="what it is about")
    duration: Seconds = Field(default=180.0, gt=0, le=DAY, description="how long the run is")
    seed: Count = Field(default=0, ge=0, le=2**63 - 1, description="all random numbers follow from it")
    road: Road = Field(default=Road(), description="the crossing")
    demand: Demand = Field(default=Demand(), description="who comes")
    emergencies: tuple[Emergency, ...] = Field(default=(), description="emergency vehicles: entries {arm, time, ...}")
    pedestrians: tuple[Pedestrian, ...] = Field(default=(), description="entries {arm, time, duration}")
    recorded: Recorded | None = Field(
        default=None, description="recorded traffic in place of `road`, `demand` and those below it"
    )
    vehicle: Vehicle = Field(default=Vehicle(), description="what every vehicle is like")
    sight: Sight = Field(default=Sight(), description="what cars see and measure")
    radio: Radio = Field(default=Radio(), description="what vehicles tell each other")
    safety: Text = Field(description="file of the safety design")
    kernel: KernelSwitch = Field(default=KernelSwitch(), description="the safety kernel")
    intersection: Crossing = Field(default=Crossing(), description="how cars share the crossing")
    record: Record = Field(default=Record(period=0.2), description="what is written down")
    wall_limit: Seconds = Field(default=600.0, gt=0, le=30 * DAY, description="a run that takes longer is ended")
    faults: tuple[Annotated[CrossingFault, AfterValidator(_fits)], ...] = Field(
        default=(), description="entries {vehicle, signal or component, mode, onset, ...}"
    )

    @field_validator("demand")
    @classmethod
    def _not_too_many(cls, demand: Demand, info: ValidationInfo) -> Demand:
        cars = demand.flow * info.data.get("duration", 0.0) / 3600.0
        if cars > CARS_MAX:
            said = f"brings {cars:.0f} cars in this time, and a run has at most {CARS_MAX}"
            raise refusal((("flow",), contradiction(said, "a shorter run, or less demand")))
        return demand

    @field_validator("vehicle")
    @classmethod
    def _stays_in_its_lane(cls, vehicle: Vehicle, info: ValidationInfo) -> Vehicle:
        road = info.data.get("road")
        if road is not None and vehicle.width + CLEARANCE > road.lane:
            said = f"is too much for a lane of {road.lane:g} m: its path leaves the lane"
            raise refusal((("width",), contradiction(said, f"at most {road.lane - CLEARANCE:.1f} m")))
        return vehicle

    @field_validator("faults", mode="before")
    @classmethod
    def _none_left(cls, faults: object) -> object:
        return () if faults is None else faults  # all lines below `faults:` are comments

    @property
    def vehicles(self) -> int:
        """How many come, in order of arrival, emergency vehicles among them; of a recording all that it has."""
        if self.recorded is not None:
            return len(scene_of(self.recorded).numbers)
        return _cars(self.demand, self.duration, len(self.emergencies))


def checked(found: Draft, over_design: Document | None = None) -> Loaded[Scenario]:
    """The scenario of a draft; `over_design` is laid on its safety design.

    Raises InputError with all that is wrong with the scenario and its safety design.
    """
    faults: list[documents.Fault] = []
    scenario, document, text, design = parsed(found, Scenario, FUNCTION, over_design, faults)
    told: tuple[str, ...] = ()
    if scenario is not None and scenario.recorded is not None:
        scenario, told = _recorded(scenario, scenario.recorded, document, faults)
    if faults or scenario is None or design is None:
        raise InputError(documents.in_order(faults))
    return Loaded(scenario, design, found.path.stem, found.path, found.text, text, (*_warnings(scenario), *told))


def scene_of(recorded: Recorded) -> Scene:
    """The crossing and the cars of a recording. Raises InputError."""
    return crossing.scene(Path(recorded.file), recorded.replace, recorded.lead_in, recorded.lead_out, RECORDED_MAX)


def _recorded(
    scenario: Scenario, recorded: Recorded, document: Document, faults: list[documents.Fault]
) -> tuple[Scenario | None, tuple[str, ...]]:
    """The scenario with the duration that its recording has, and warnings. What is wrong is added to `faults`."""
    checks.refuse(document, REPLACED, faults)
    scene = checks.opened(recorded, document, faults, scene_of, crossing.crossing_cars, "cross")
    if scene is None:
        return None, ()
    for index, fault in enumerate(scenario.faults):
        if isinstance(fault.vehicle, int) and fault.vehicle >= len(scene.numbers):
            said = f"vehicle {fault.vehicle} is not in the scenario, cars are 0 to {len(scene.numbers) - 1}"
            faults.append(document.place(("faults", index, "vehicle")).fault(said))
    duration, warnings = checks.lasting(recorded, document, scenario.duration, scene.duration, faults)
    if scene.left_out:
        warnings.append(f"{scene.left_out} recorded cars are left out, which come least near to the replaced one")
    function = checks.without_words(scenario.intersection)
    return scenario.model_copy(update={"duration": duration, "intersection": function}), tuple(warnings)


def _warnings(scenario: Scenario) -> tuple[str, ...]:
    warnings = warnings_of_radio(scenario.radio, scenario.duration)
    if scenario.demand.flow > SATURATION:
        said = f"is more than the crossing lets through, about {SATURATION:g} cars an hour at best: queues grow"
        warnings.append(f"demand.flow {scenario.demand.flow:g} {said}")
    for name in ("emergencies", "pedestrians"):
        for index, one in enumerate(getattr(scenario, name)):
            if one.time >= scenario.duration:
                warnings.append(f"{name}[{index}] never comes: the scenario ends at {scenario.duration:g} s")
    return tuple(warnings)


__all__ = ["FUNCTION", "Scenario", "checked"]
