"""What a scenario file may say: one row per quantity, with type and unit, default, range and meaning.

    loaded = read("acc_recorded", overrides=["kernel.enabled=false"], seed=3)
    loaded.scenario.radio.latency        # 0.02, in s: all numbers are in SI

A file is refused with all of its faults at once (InputError). `dump` writes a scenario with its defaults and overrides
filled in; reading that gives an equal scenario.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, overload

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from ruamel.yaml import YAML
from typing_extensions import TypeVar

from karyon.cooperation.agreement import MOST, base_of
from karyon.kernel import Design
from karyon.perception.following import CHECKS, LEAD
from karyon.sim import controllers, documents, protocols, safety_file, wording
from karyon.sim.analysis import age_limit
from karyon.sim.arrivals import CutIn, Start, are_there, fit
from karyon.sim.channel.fields import (
    LOSSES,
    VEHICLES_MAX,
    Radio,
    jams_who_is_there,
    rarely_sent,
    warnings_of_radio,
)
from karyon.sim.controllers import FUNCTION
from karyon.sim.documents import Document, InputError, Keys, Source
from karyon.sim.failure_modes import DAY, SAID, Fault, beyond
from karyon.sim.outside import ALONE, Driver, Origin, are_bound, is_bench
from karyon.sim.shipped import named_file, portable, scenario_file
from karyon.sim.units import (
    Count,
    Metres,
    MetresPerSecond,
    MetresPerSecond2,
    OneOf,
    Period,
    Seconds,
    Section,
    Switch,
    Text,
    contradiction,
    lacking,
    refusal,
)

SPEED_MAX = 120  # m/s, as for recordings
LEVEL_MAX = 254
EXTENDS_MAX = 16  # files one behind the other

SOURCES = ("recording", "speed")  # of the leader's motion: there is one
REPLACED: tuple[tuple[str, tuple[Keys, ...], tuple[str, ...]], ...] = (
    # section, fields in it that a file lays on another one, fields of that one which they replace
    ("leader", tuple((source,) for source in SOURCES), (*SOURCES, "columns")),
    ("radio", LOSSES, ("loss",)),
    ("radio", (("tdma",),), ("load",)),
    ("radio", (("load",),), ("tdma",)),
    ("lane_change", (("wishes",),), ("waves",)),
    ("lane_change", (("waves",),), ("wishes",)),
)
TIMED = {"faults": "onset", "cut_ins": "time"}  # what happens in a scenario: lists, and the field that says when
FILES: tuple[Keys, ...] = (
    ("safety",),
    ("leader", "recording"),
    ("intruder", "recording"),
    ("recorded", "file"),
    ("radio", "replay", "delays"),
    ("radio", "replay", "losses"),
)


class Columns(Section):
    """What the columns of a plain CSV are called; `vehicle` picks one of SUMO's."""

    time: Text | None = Field(default=None, description="column of the time")
    speed: Text | None = Field(default=None, description="column of the speed")
    time_unit: Literal["s", "ms"] | None = Field(default=None, description="unit of the time, s if absent")
    speed_unit: Literal["m/s", "km/h", "mph"] | None = Field(
        default=None, description="unit of the speed, m/s if absent"
    )
    vehicle: Text | None = Field(default=None, description="id of a vehicle in SUMO's floating car data")


SetPoint = tuple[
    Annotated[Seconds, Field(ge=0, le=DAY)],
    Annotated[MetresPerSecond, Field(ge=0, le=SPEED_MAX)],
]


class Leader(Section):
    """Vehicle 0: it follows a recording or set-points of speed."""

    recording: Text | None = Field(
        default=None, description="file with a recorded drive: OpenACC, SUMO's FCD, or a CSV"
    )
    columns: Columns | None = Field(default=None, description="names of the columns of a plain CSV")
    speed: tuple[SetPoint, ...] | None = Field(
        default=None,
        validate_default=True,
        description="set-points [time, speed]: from then on it aims at the speed",
    )
    acceleration: MetresPerSecond2 = Field(
        default=1.5, gt=0, le=20, description="how fast it speeds up between set-points"
    )
    deceleration: MetresPerSecond2 = Field(
        default=2.0, gt=0, le=20, description="how fast it slows down between set-points"
    )
    driver: Driver | None = Field(
        default=None, description="who drives it after its first set-point, no harder than it speeds up and slows down"
    )

    @field_validator("columns")
    @classmethod
    def _columns_of_a_recording(cls, columns: Columns | None, info: ValidationInfo) -> Columns | None:
        if columns is not None and info.data.get("recording", "") is None:
            raise contradiction("describes a recording, and there is none")
        return columns

    @field_validator("speed", mode="before")
    @classmethod
    def _one_source(cls, points: object, info: ValidationInfo) -> object:
        if "recording" in info.data:
            if points is None and info.data["recording"] is None:
                raise lacking("recording", "speed")
            if points is not None and info.data["recording"] is not None:
                raise contradiction("and a recording exclude each other", "remove one of them")
        return points

    @field_validator("speed")
    @classmethod
    def _in_order(cls, points: tuple[SetPoint, ...] | None) -> tuple[SetPoint, ...] | None:
        if points == ():
            raise contradiction("has no set-point", "for example [[0 s, 25 m/s]]")
        times = [time for time, _ in points or ()]
        late = [((0, 0), contradiction("is the first set-point and must be at 0 s"))] if times and times[0] > 0 else []
        faults = late + [
            ((index, 0), contradiction(f"is not after the set-point before it, at {times[index - 1]:g} s"))
            for index in range(1, len(times))
            if times[index] <= times[index - 1]
        ]
        if faults:
            raise refusal(*faults)
        return points


class Vehicle(Section):
    """Every vehicle."""

    length: Metres = Field(default=4.5, ge=0.5, le=30, description="bumper to bumper")
    width: Metres = Field(default=1.8, ge=0.3, le=5, description="without mirrors")
    lag: Seconds = Field(default=0.2, ge=0.001, le=5, description="time constant from command to acceleration")
    friction: MetresPerSecond2 = Field(
        default=8.0, ge=0.5, le=20, description="largest deceleration that the tyres allow"
    )
    braking: MetresPerSecond2 = Field(
        default=6.0, ge=0.5, le=20, description="declared braking: what others may rely on"
    )


class Sensor(Origin):
    """A sensor of one signal."""

    sigma: float
    period: Period = Field(default=0.05, description="time between two measurements")


class DistanceSensor(Sensor):
    """The radar's distance to the car ahead."""

    sigma: Metres = Field(default=0.15, ge=0, le=100, description="noise, 1 sigma")
    range: Metres = Field(default=150.0, gt=0, le=1000, description="beyond it nothing is seen")


class SpeedSensor(Sensor):
    """A speed, relative or own."""

    sigma: MetresPerSecond = Field(default=0.1, ge=0, le=100, description="noise, 1 sigma")


class OwnSpeedSensor(SpeedSensor):
    """Own speed, from the wheels."""

    sigma: MetresPerSecond = Field(default=0.05, ge=0, le=100, description="noise, 1 sigma")


class AccelerationSensor(Sensor):
    """Own acceleration."""

    sigma: MetresPerSecond2 = Field(default=0.05, ge=0, le=100, description="noise, 1 sigma")


class PositionSensor(Sensor):
    """Own position along the road, from satellites."""

    sigma: Metres = Field(default=0.1, ge=0, le=1000, description="noise, 1 sigma")
    bias: Metres = Field(default=0.5, ge=0, le=1000, description="error that is constant in a run, 1 sigma")
    period: Period = Field(default=0.1, description="time between two measurements")


class Sensors(Section):
    """The sensors of every follower by signal: `sensors["front.distance"].sigma`."""

    front_distance: DistanceSensor = Field(
        default=DistanceSensor(), alias="front.distance", description="gap to the car ahead"
    )
    front_relative_speed: SpeedSensor = Field(
        default=SpeedSensor(), alias="front.relative_speed", description="speed of the car ahead less own speed"
    )
    own_speed: OwnSpeedSensor = Field(default=OwnSpeedSensor(), alias="own.speed", description="own speed")
    own_acceleration: AccelerationSensor = Field(
        default=AccelerationSensor(), alias="own.acceleration", description="own acceleration"
    )
    own_position: PositionSensor = Field(
        default=PositionSensor(), alias="own.position", description="position along the road"
    )

    @overload
    def __getitem__(self, signal: Literal["front.distance"]) -> DistanceSensor: ...
    @overload
    def __getitem__(self, signal: Literal["own.position"]) -> PositionSensor: ...
    @overload
    def __getitem__(self, signal: str) -> Sensor: ...
    def __getitem__(self, signal: str) -> Sensor:
        sensor: Sensor = getattr(self, signal.replace(".", "_"))
        return sensor


class KernelSwitch(Section):
    """The safety kernel."""

    enabled: Switch = Field(
        default=True, description="false: the controller of the highest level drives whatever the data"
    )


class Perception(Section):
    """What judges the signals."""

    silent: tuple[Annotated[str, OneOf("the name of a check", CHECKS)], ...] = Field(
        default=(), description="checks that are not heard, to show what each is worth"
    )


class Acc(Section):
    """The function `acc`."""

    max_los: Count | None = Field(default=None, ge=0, le=LEVEL_MAX, description="no higher level of service than this")
    controller: Text | None = Field(
        default=None,
        description="law of LoS 2 and above: ploeg, path, or your own as `module:Class`; the design's if absent",
    )
    agreement: Annotated[Text, AfterValidator(protocols.checked)] | None = Field(
        default=None, description="protocol of your own by which a platoon agrees on a level, `module:Class`"
    )
    set_speed: MetresPerSecond = Field(default=30.0, gt=0, le=SPEED_MAX, description="speed that the driver has set")


class Record(Section):
    """What is written to the trace."""

    period: Period = Field(default=0.1, description="time between two rows of a vehicle")


def _fits(fault: Fault, info: ValidationInfo) -> Fault:
    """`fault` itself, if its vehicle and its onset are in the scenario."""
    wrong = beyond(fault, info.data, "followers are 1")
    if fault.vehicle == 0 and fault.signal != SAID:
        said = contradiction("0 is the leader, which has no sensors", "followers are 1, 2, ...")
        wrong.insert(0, (("vehicle",), said))
    if wrong:
        raise refusal(*wrong)
    return fault


class Scenario(Section):
    """A scenario, in SI."""

    called: ClassVar[str] = "a scenario"

    kind: Literal["acc", "platoon"] = Field(description="what it is about")
    duration: Seconds = Field(default=120.0, gt=0, le=DAY, description="how long the run is")
    seed: Count = Field(default=0, ge=0, le=2**63 - 1, description="all random numbers follow from it")
    vehicles: Count = Field(
        default=2, ge=2, le=VEHICLES_MAX, description="how many, the leader counted; vehicle 0 leads"
    )
    leader: Leader = Field(description="how vehicle 0 drives")
    vehicle: Vehicle = Field(default=Vehicle(), description="what every vehicle is like")
    start: Annotated[Start, AfterValidator(are_there)] = Field(default=Start(), description="how they begin")
    sensors: Annotated[Sensors, AfterValidator(are_bound)] = Field(
        default=Sensors(), description="what followers measure"
    )
    radio: Annotated[Radio, AfterValidator(jams_who_is_there)] = Field(
        default=Radio(), description="what vehicles tell each other"
    )
    safety: Text = Field(description="file of the safety design")
    perception: Perception = Field(default=Perception(), description="what judges the signals")
    kernel: KernelSwitch = Field(default=KernelSwitch(), description="the safety kernel")
    acc: Acc = Field(default=Acc(), description="adaptive cruise control")
    record: Record = Field(default=Record(), description="what is written down")
    wall_limit: Seconds = Field(default=600.0, gt=0, le=30 * DAY, description="a run that takes longer is ended")
    faults: tuple[Annotated[Fault, AfterValidator(_fits)], ...] = Field(
        default=(), description="entries {vehicle, signal or component, mode, onset, ...}"
    )
    cut_ins: Annotated[tuple[CutIn, ...], AfterValidator(fit)] = Field(
        default=(), description="cars that do not communicate, and cut in: entries {ahead_of, time, gap, ...}"
    )

    @field_validator("faults", mode="before")
    @classmethod
    def _none_left(cls, faults: object) -> object:
        return () if faults is None else faults  # all lines below `faults:` are comments


Kind = TypeVar("Kind", bound=Section, default=Scenario)


@dataclass(frozen=True)
class Loaded(Generic[Kind]):
    """A scenario, and where it is from; of car following where nothing else is said.

    name, path         of the scenario, as one calls it; its file
    text, design_text  of the scenario's own file and of the design's, as they are
    warnings           what is not wrong, but perhaps not meant
    """

    scenario: Kind
    design: Design
    name: str
    path: Path
    text: str
    design_text: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A scenario before it is checked: its document with those that it extends, its file, and that file's text."""

    document: Document
    path: Path
    text: str


def read(name_or_path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Loaded:
    """The scenario in a file, or the shipped one of this name.

    overrides  `PATH=VALUE` each: VALUE, as YAML, takes the place of what the file has at PATH
    seed       takes the place of the file's, and gives way to one in `overrides`
    Raises InputError with all that is wrong with the scenario, its overrides and its safety design.
    """
    return checked(changed(name_or_path, overrides, seed))


def changed(name_or_path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Draft:
    """As `read`, not checked. Raises InputError."""
    found = draft(name_or_path)
    return replace(found, document=_overridden(found.document, overrides, seed))


def draft(name_or_path: str | Path) -> Draft:
    """The scenario in a file, or the shipped one of this name, not checked. Raises InputError."""
    path = scenario_file(name_or_path)
    source = documents.read(path)
    return Draft(_with_bases(path, source, ()), path, source.text)


def checked(found: Draft, over_design: Document | None = None) -> Loaded:
    """The scenario of a draft; `over_design` is laid on its safety design.

    Raises InputError with all that is wrong with the scenario and its safety design.
    """
    faults: list[documents.Fault] = []
    scenario, document, design_text, design = parsed(found, Scenario, FUNCTION, over_design, faults)
    if scenario is not None and design is not None and scenario.acc.controller is not None:
        design = _with_law(design, scenario.acc.controller, document, faults)
    if scenario is not None and design is not None and scenario.vehicles > MOST and _is_group(scenario, design):
        said = f"vehicles that agree on a level are at most {MOST}, found {scenario.vehicles}"
        faults.append(document.place(("vehicles",)).fault(said, "a batch of runs has many platoons side by side"))
    if faults or scenario is None or design is None:
        raise InputError(documents.in_order(faults))
    if is_bench(scenario.sensors) and _is_group(scenario, design):
        said = "sensors are `from: mqtt`, and of real devices no platoon is simulated that agrees on a level"
        raise InputError([document.place(("sensors",)).fault(said, "acc.max_los limits the level")])
    warnings = _warnings(scenario, design)
    return Loaded(scenario, design, found.path.stem, found.path, found.text, design_text, warnings)


def parsed(
    found: Draft,
    model: type[Kind],
    function: str,
    over_design: Document | None,
    faults: list[documents.Fault],
) -> tuple[Kind | None, Document, str, Design | None]:
    """The scenario of a draft by the model of its kind, its document, and its safety design with the text of that.

    function  that the design must have
    What is wrong is added to `faults`.
    """
    document, files = with_files(found.document, found.path.parent, faults)
    scenario = _checked(document, model, faults)
    design_text, design = _design(files.get(("safety",)), over_design, document, function, faults)
    return scenario, document, design_text, design


def checked_alone(found: Draft, model: type[Kind]) -> Kind:
    """The scenario of a draft by the model of its kind, without a look at its safety design. Raises InputError."""
    faults: list[documents.Fault] = []
    document, _ = with_files(found.document, found.path.parent, faults)
    scenario = _checked(document, model, faults)
    if faults or scenario is None:
        raise InputError(documents.in_order(faults))
    return scenario


def cut(loaded: Loaded[Any], until: float) -> Loaded[Any]:
    """The scenario ended at `until` (s), if that is before its end, without what begins later (`TIMED`).

    Raises InputError for what is no time above 0 s.
    """
    if not until > 0:
        source = documents.option_source("--until", f"{until:g}")
        raise InputError([source.fault(0, len(source.text), "--until is a time above 0 s")])
    scenario = loaded.scenario
    if until >= scenario.duration:
        return loaded
    kept, said = {}, []
    for name, begin in TIMED.items():
        had = getattr(scenario, name, ())
        kept[name] = tuple(one for one in had if getattr(one, begin) < until)
        if len(kept[name]) < len(had):
            what = f"{len(had) - len(kept[name])} of {len(had)} {name.replace('_', '-')}"
            said.append(f"{what} left out: they begin after {until:g} s")
    kept = {name: entries for name, entries in kept.items() if name in type(scenario).model_fields}
    shorter = scenario.model_copy(update={"duration": until, **kept})
    return replace(loaded, scenario=shorter, warnings=(*loaded.warnings, *said))


def dump(loaded: Loaded) -> str:
    """The scenario as YAML with its defaults and overrides; in any folder `read` makes an equal one of it."""
    data = loaded.scenario.model_dump(mode="json", by_alias=True)
    data["safety"] = portable(data["safety"])
    data["leader"] = given(data["leader"])
    for sensor in data["sensors"].values():
        for name in ALONE if sensor["from"] != "mqtt" else ():
            del sensor[name]
    data["sensors"] = plain(data["sensors"])
    if "recording" in data["leader"]:
        data["leader"]["recording"] = portable(data["leader"]["recording"])
    data["radio"], data["cut_ins"] = plain(data["radio"]), plain(data["cut_ins"])
    data["faults"] = [given(fault) | fault["parameters"] for fault in data["faults"]]
    return written(loaded.name, data)


def written(name: str, data: Mapping[str, Any]) -> str:
    """A scenario that is complete, as YAML."""
    writer: Any = YAML(typ="safe", pure=True)
    stream = StringIO()
    writer.width, writer.default_flow_style, writer.sort_base_mapping_type_on_output = 200, None, False
    writer.dump(data, stream)
    return f"# {name}, with all defaults and overrides filled in.\n{stream.getvalue()}"


def plain(value: Any) -> Any:
    """Without what is not given, however deep."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if each is not None}
    return value


def given(section: dict[str, Any]) -> dict[str, Any]:
    """Without what is not given, and without the parameters of a fault, which stand beside its other fields."""
    return {key: value for key, value in section.items() if value is not None and key != "parameters"}


def _with_bases(path: Path, source: Source, outer: tuple[Path, ...]) -> Document:
    """The document in `source`, the text of a file, laid on the one that it extends."""
    document = documents.compose(source)
    whole = document.place(())
    if not isinstance(document.data, dict):
        found = wording.found(document, ())
        raise InputError([whole.fault(f"a scenario is a mapping of fields, found {found}", "it begins `kind: acc`")])
    if "extends" not in document.data:
        return document
    name, place, chain = document.data["extends"], document.place(("extends",)), (*outer, path.resolve())
    if not isinstance(name, str):
        raise InputError([place.fault(f"extends is a text of one line, found {wording.found(document, ('extends',))}")])
    base = named_file(("extends",), name, place, [path.parent])
    if base.resolve() in chain:
        raise InputError([place.fault("extends goes in a circle" if len(chain) > 1 else "extends itself")])
    if len(chain) == EXTENDS_MAX:
        raise InputError([place.fault(f"extends more than {EXTENDS_MAX} files, one behind the other")])
    return laid(_with_bases(base, documents.read(base), chain), document.without((), ["extends"]))


def laid(base: Document, over: Document) -> Document:
    """`over` on `base`; what excludes a field of `base` takes its place: a motion of the leader, a loss of messages."""
    for section, given, gone in REPLACED:
        if isinstance(base.at((section,)), dict) and any(over.at((section, *field)) is not None for field in given):
            base = base.without((section,), [name for name in gone if not _is_on_entries((section, name), base, over)])
    return documents.merged(base, over)


def _is_on_entries(path: Keys, base: Document, over: Document) -> bool:
    """Whether `over` changes entries of a list of `base` rather than the list."""
    return isinstance(base.at(path), list) and isinstance(over.at(path), dict)


def _overridden(document: Document, overrides: Sequence[str], seed: int | None) -> Document:
    settings: list[Document] = []
    faults: list[documents.Fault] = []
    for option in overrides:
        try:
            settings.append(_setting(option))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    if seed is not None:
        value = documents.compose(documents.option_source("--seed", str(seed)))
        document = documents.merged(document, documents.nested(value, ("seed",)))
    return laid(document, reduce(documents.merged, settings)) if settings else document


def _setting(option: str) -> Document:
    name, equals, _ = option.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or not all(keys) or len(keys) > documents.DEPTH_MAX:
        source = documents.option_source("--set", option)
        raise InputError([source.fault(0, len(option), "expected PATH=VALUE", "for example radio.loss=0.1")])
    if keys[0] == "sensors":
        keys = _sensor_keys(keys)
    return documents.setting(option, keys)


def _sensor_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    """`sensors.front.distance.sigma` cut where it is meant: a signal's name has dots of its own."""
    signals = [info.alias for info in Sensors.model_fields.values()]
    if len(keys) < 3 or ".".join(keys[1:]) in signals:
        return keys[:1] + ((".".join(keys[1:]),) if keys[1:] else ())
    return keys[0], ".".join(keys[1:-1]), keys[-1]


def with_files(document: Document, beside: Path, faults: list[documents.Fault]) -> tuple[Document, dict[Keys, Path]]:
    """The document with the files that it names found, and these as the user knows them."""
    files: dict[Keys, Path] = {}
    for path in FILES:
        name, place = document.at(path), document.place(path)
        if not isinstance(name, str) or not name:
            continue
        folders = [Path(), beside] if place.source.lead else [Path(place.source.where).parent]
        try:
            files[path] = named_file(path, name, place, folders)
        except InputError as error:
            faults += error.faults
            continue
        document = document.replaced(path, str(files[path].resolve()))
    return document, files


def _checked(document: Document, model: type[Kind], faults: list[documents.Fault]) -> Kind | None:
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        faults += wording.faults(error, model, document)
        return None


def _design(
    path: Path | None, over: Document | None, document: Document, wanted: str, faults: list[documents.Fault]
) -> tuple[str, Design | None]:
    """The text of the safety design in the file, and the design with `over` laid on it, for the function `wanted`."""
    if path is None:
        return "", None
    try:
        source = documents.read(path)
        design = safety_file.parse(source, over)
    except InputError as error:
        faults += error.faults
        return "", None
    names = [function.name for function in design.functions]
    if wanted not in names:
        said = f"safety names a design without the function `{wanted}`, it has {', '.join(names)}"
        faults.append(document.place(("safety",)).fault(said))
    return source.text if over is None else f"{source.text}\n# over it: {over.data}\n", design


def _is_group(scenario: Scenario, design: Design) -> bool:
    """Whether a level that the scenario can reach asks what the others have agreed to."""
    if FUNCTION not in [function.name for function in design.functions]:
        return False
    return base_of(_reached(scenario, design).function(FUNCTION)) is not None


def _reached(scenario: Scenario, design: Design) -> Design:
    """The design with the levels that the scenario can reach."""
    most = scenario.acc.max_los
    return design if most is None else design.limited(FUNCTION, most)


def _with_law(design: Design, law: str, document: Document, faults: list[documents.Fault]) -> Design:
    """The design with the law that the scenario chooses."""
    changed, place = controllers.chosen(design, law), document.place(("acc", "controller"))
    fault = next(controllers.faults(changed), None)
    if wrong := controllers.LAW.unusable(law) or (fault and (fault.message, fault.hint)):
        faults.append(place.fault(f"acc.controller {wrong[0]}", wrong[1]))
    return changed


def _warnings(scenario: Scenario, design: Design) -> tuple[str, ...]:
    warnings = [
        f"leader.speed[{index}] is never reached: the scenario ends at {scenario.duration:g} s"
        for index, (time, _) in enumerate(scenario.leader.speed or ())
        if time >= scenario.duration
    ]
    highest = len(design.function(FUNCTION).levels) - 1
    if scenario.acc.max_los is not None and scenario.acc.max_los > highest:
        warnings.append(f"acc.max_los limits nothing: the design ends at LoS {highest}")
    if scenario.acc.controller is not None and min(highest, scenario.acc.max_los or highest) < controllers.LOWEST:
        warnings.append(f"acc.controller drives nothing: it is of LoS {controllers.LOWEST} and above")
    if scenario.acc.agreement is not None and not _is_group(scenario, design):
        warnings.append("acc.agreement agrees on nothing: no level asks what a platoon has agreed to")
    warnings += warnings_of_radio(scenario.radio, scenario.duration)
    if scenario.radio.generation == "cam":
        limit = age_limit(_reached(scenario, design).function(FUNCTION), LEAD)
        in_group = ["radio.generation changes nothing: members of a group send in each period"]
        warnings += in_group if _is_group(scenario, design) else rarely_sent(scenario.radio, limit)
    leader, declared = scenario.leader, scenario.vehicle.braking
    if leader.speed is not None and leader.deceleration > declared:
        warnings.append(
            f"leader.deceleration {leader.deceleration:g} m/s² is beyond vehicle.braking {declared:g} m/s², "
            "on which those behind it rely"
        )
    return tuple(warnings)
