"""Sensor descriptions in files: what a log's columns are, and what is known of the sensors behind them.

    read("spmd") or read(Path("my.yaml"))      a shipped description by name, or a file
    described.bound(log.names)                 its signals as they are in one log

A name with `{k}` stands for all columns that fit, with a number in its place: `Speed{k}` for Speed1, Speed2, ...
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from karyon.logs import own_detectors
from karyon.logs.cells import Samples, Stamps
from karyon.logs.fused import Abstract
from karyon.perception import residuals
from karyon.perception.additional import Additional
from karyon.perception.plausibility import Plausibility
from karyon.perception.ranging import Ranged
from karyon.perception.reception import Reception
from karyon.perception.residuals import Kind
from karyon.perception.signals import Signal
from karyon.sim import documents, wording
from karyon.sim.documents import Document, Fault, InputError, quoted, suggestion
from karyon.sim.shipped import SHIPPED
from karyon.sim.units import Quantity, Seconds, Section, Switch, Text, contradiction, lacking

FOLDER = SHIPPED / "sensors"
MANY = "{k}"
AGE_LIMIT = 3.5  # periods: what may be lost in a row before nothing can be said

Positive = Annotated[float, Quantity("a number", "1"), Field(gt=0, le=1e12)]
Number = Annotated[float, Quantity("a number", "1"), Field(ge=-1e12, le=1e12)]
Group = Annotated[tuple[Text, ...], Field(min_length=2)]


class Time(Section):
    """When the samples were taken."""

    column: Text = Field(description="column of the time stamps")
    unit: Literal["s", "ms", "us", "ns", "samples"] = Field(
        default="s", description="unit of numbers; `samples` counts periods. Date-times need none"
    )


class SensorSignal(Section):
    """A signal and its sensor; numbers are in the unit of the column."""

    column: Text | None = Field(default=None, description="column of the log, the signal's name if absent")
    unit: Text = Field(default="1", description="unit of the column, for people")
    noise: Positive = Field(description="standard deviation of a sample against what the samples before it predict")
    tolerated: Positive = Field(description="failure amplitude that is tolerable")
    range: tuple[Number, Number] | None = Field(default=None, description="[lowest, highest] healthy value")
    period: Seconds | None = Field(
        default=None, gt=0, le=86400, description="time between two samples, where it is longer than that between rows"
    )
    age_limit: Seconds | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="silence after which nothing can be said; 3.5 periods if absent",
    )
    inertia: Switch = Field(default=True, description="whether its rate lasts: of a speed yes, of an acceleration no")
    series: Switch = Field(
        default=True, description="whether samples in a row are of one thing; of ranges to anchors in turn no"
    )
    resolution: Positive | None = Field(
        default=None, description="smallest step between two values; a hundredth of the noise if absent"
    )
    bridged: Seconds = Field(default=0.0, ge=0, le=1e6, description="gaps that the recorder has filled with a line")
    rest: Number | None = Field(default=None, description="value that is held exactly when nothing moves")
    rate_limit: Positive | None = Field(default=None, description="largest change per s that physics allows")
    detectors: tuple[Text, ...] = Field(
        default=(), max_length=20, description="also: rate, noise, cusum, counter, track, or `module:Class`"
    )

    @field_validator("range")
    @classmethod
    def _rising(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits and limits[0] >= limits[1]:
            raise contradiction("ends where it begins, or below", "it is [lowest, highest]")
        return limits

    def all_detectors(self) -> tuple[str, ...]:
        """Those that are named; one for the rate is where there is a limit."""
        return tuple(dict.fromkeys((*self.detectors, *(("rate",) if self.rate_limit else ()))))


class RelationEntry(Section):
    """A signal that an independent one says something of."""

    signal: Text = Field(description="the signal that is compared")
    same_as: Text | None = Field(default=None, description="signal of the same quantity")
    rate_of: Text | None = Field(default=None, description="signal of which this one is the rate")
    integral_of: Text | None = Field(
        default=None, validate_default=True, description="signal that is the rate of this one"
    )
    scale: Positive = Field(default=1.0, description="by which the source is multiplied: another unit, another gauge")
    ahead: Seconds = Field(default=0.0, ge=0, le=100, description="how much earlier the other one shows a change")
    noise: Positive = Field(description="standard deviation of the healthy difference")
    accuses: Switch = Field(default=False, description="whether the difference alone makes this signal doubtful")

    @field_validator("integral_of")
    @classmethod
    def _has_source(cls, integral_of: str | None, info: ValidationInfo) -> str | None:
        if integral_of is None and not any(info.data.get(kind.value) for kind in Kind):
            raise lacking(*(kind.value for kind in Kind))
        return integral_of

    @property
    def kind(self) -> Kind:
        """How the signal follows from its source."""
        return next(kind for kind in Kind if getattr(self, kind.value) is not None)

    @property
    def source(self) -> str:
        """Name of the other signal."""
        return str(getattr(self, self.kind.value))


class RangingEntry(Section):
    """A signal that is the range to points whose place is known: anchors of a radio, satellites."""

    signal: Text = Field(description="the signal that is a range, in m")
    to: tuple[Text, ...] = Field(min_length=2, max_length=3, description="columns with the place of the point, m")
    noise: Positive = Field(description="standard deviation of the error of a range in sight, m")
    offset: Number = Field(default=0.0, description="usual error of a range in sight, m")
    detour: Positive = Field(description="usual error of a range that is obstructed, m; it is never shorter")
    acceleration: Positive = Field(description="usual acceleration of what ranges, m/s²")


class ReceptionEntry(Section):
    """A signal that is the range to a satellite, with how it is received beside it."""

    signal: Text = Field(description="the signal that is a range, in m")
    density: Text = Field(description="column with the carrier-to-noise density, dBHz")
    elevation: Text = Field(description="column with the elevation of the satellite, degrees")
    floor: Positive = Field(description="standard deviation of the error of the strongest signal from the zenith, m")
    noise: Positive = Field(description="by how much it grows as the signal gets weaker, m times the root of Hz")

    @field_validator("elevation")
    @classmethod
    def _is_another(cls, elevation: str, info: ValidationInfo) -> str:
        if elevation == info.data.get("density"):
            raise contradiction("is the column of the density", "one column is not both")
        return elevation


class FusedEntry(Section):
    """An abstract sensor: several signals of one quantity, in one unit, of which some may be wrong."""

    of: tuple[Text, ...] = Field(
        min_length=1, max_length=100, description="its signals, two for each faulty one and one"
    )
    faulty: int = Field(default=1, ge=0, le=49, description="how many of them may be wrong at once")


class Signals(Section):
    """Sensors whose samples are the columns of a log."""

    called: ClassVar[str] = "a sensors file"

    kind: Literal["signals"] = Field(description="what the log holds")
    period: Seconds = Field(gt=0, le=86400, description="time between two rows of the log")
    time: Time | None = Field(default=None, description="column of the time; without it rows are one period apart")
    signals: dict[Text, SensorSignal] = Field(min_length=1, max_length=1000, description="the signals by name")
    relations: tuple[RelationEntry, ...] = Field(default=(), description="what signals say of each other")
    events: tuple[Group, ...] = Field(
        default=(), max_length=100, description="signals in which an event in the world shows at once, as groups"
    )
    ranging: tuple[RangingEntry, ...] = Field(
        default=(), max_length=100, description="signals that are ranges to points whose place is known"
    )

    reception: tuple[ReceptionEntry, ...] = Field(
        default=(), max_length=100, description="signals that are ranges to satellites, judged by how they are received"
    )

    fused: dict[Text, FusedEntry] = Field(
        default_factory=dict, max_length=100, description="abstract sensors by name, each made of several signals"
    )

    @field_validator("relations", "ranging", "reception")
    @classmethod
    def _of_one_signal_one(cls, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [entry.signal for entry in entries]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise contradiction(f"has two entries for {quoted(twice)}", "one says all of a signal")
        return entries

    def stamps(self) -> Stamps | Samples:
        """How the log tells the time."""
        if self.time is None:
            return Samples(self.period)
        if self.time.unit == "samples":
            return Samples(self.period, self.time.column)
        return Stamps(self.time.column, self.time.unit)

    def bound(self, columns: tuple[str, ...]) -> "Bound":
        """The signals of a log with these columns."""
        found: list[tuple[str, SensorSignal, Signal]] = []
        for name, entry in self.signals.items():
            pattern = entry.column or name
            for k in _numbers(pattern, columns) if MANY in name else [""]:
                found.append((pattern.replace(MANY, k), entry, _signal(name.replace(MANY, k), entry, self.period)))
        places = {signal.name: place for place, (_, _, signal) in enumerate(found)}
        return Bound(
            columns=tuple(column for column, _, _ in found),
            signals=tuple(signal for _, _, signal in found),
            relations=tuple(self._relations(places)),
            events=tuple(self._events(places)),
            beside=tuple(self._beside(places)),
            fused=tuple(self._fused(places)),
            additional=tuple(
                Additional(detector, place, own_detectors.factory(detector))
                for place, (_, entry, _) in enumerate(found)
                for detector in entry.all_detectors()
            ),
            period=self.period,
        )

    def _relations(self, places: dict[str, int]) -> list[residuals.Relation]:
        found = []
        for entry in self.relations:
            numbers = _numbers(entry.signal, tuple(places)) if MANY in entry.signal else [""]
            for k in numbers:
                signal, source = entry.signal.replace(MANY, k), entry.source.replace(MANY, k)
                if signal in places and source in places:
                    shift = round(entry.ahead / self.period)
                    found.append(
                        residuals.Relation(
                            places[signal], places[source], entry.kind, shift, entry.noise, entry.accuses, entry.scale
                        )
                    )
        return found

    def _events(self, places: dict[str, int]) -> Iterator[tuple[int, ...]]:
        for group in self.events:
            yield _all_places(group, places)

    def _fused(self, places: dict[str, int]) -> Iterator[Abstract]:
        for name, entry in self.fused.items():
            yield Abstract(name, _all_places(entry.of, places), entry.faulty)

    def _beside(self, places: dict[str, int]) -> "Iterator[Beside]":
        entries: list[RangingEntry | ReceptionEntry] = [*self.ranging, *self.reception]
        for entry in entries:
            for k in _numbers(entry.signal, tuple(places)) if MANY in entry.signal else [""]:
                place = places.get(entry.signal.replace(MANY, k))
                if place is not None:
                    yield _beside(entry, k, place, self.signals[entry.signal].tolerated)


@dataclass(frozen=True, slots=True)
class Beside:
    """A signal, by its place, that is judged by columns beside it, and what is known of it."""

    detector: str
    signal: int
    columns: tuple[str, ...]
    known: Ranged | Reception


@dataclass(frozen=True, slots=True)
class Bound:
    """The signals that one log has, and the column of each. All else names them by their place."""

    columns: tuple[str, ...]
    signals: tuple[Signal, ...]
    relations: tuple[residuals.Relation, ...]
    events: tuple[tuple[int, ...], ...]
    additional: tuple[Additional, ...]
    beside: tuple[Beside, ...]
    fused: tuple[Abstract, ...]
    period: float  # s


class Fields(Section):
    """Columns of a message log; vectors are two columns, x and y."""

    received: Text = Field(description="time of arrival, s")
    sent: Text = Field(description="time of sending, s")
    sender: Text = Field(description="who sent it")
    receiver: Text | None = Field(default=None, description="who received it, where a log has several receivers")
    pseudonym: Text | None = Field(default=None, description="name that the sender goes by, where it may change it")
    position: tuple[Text, Text] = Field(description="claimed position, m")
    velocity: tuple[Text, Text] = Field(description="claimed velocity, m/s")
    acceleration: tuple[Text, Text] | None = Field(default=None, description="claimed acceleration, m/s²")
    heading: tuple[Text, Text] | None = Field(default=None, description="claimed direction, of any length")
    counter: Text | None = Field(default=None, description="sequence number, rising")


class Received(Section):
    """Rows of other kinds that a log of messages may hold."""

    column: Text = Field(description="column that tells the kinds apart")
    message: Number = Field(description="its value in rows that are messages; where it is missing, all rows are")
    own: Number | None = Field(default=None, description="its value in rows with the receiver's own position")


class MessageLog(Section):
    """Messages that vehicles sent each other."""

    called: ClassVar[str] = "a sensors file"

    kind: Literal["messages"] = Field(description="what the log holds")
    layouts: tuple[Fields, ...] = Field(min_length=1, description="names of the columns; the first that fits counts")
    rows: Received | None = Field(default=None, description="which rows are messages, where others are among them")
    interval: Seconds = Field(default=0.1, gt=0, le=60, description="shortest time between two messages of a sender")
    range: Positive = Field(default=1000.0, description="reach of the radio, m")
    position_noise: Positive = Field(
        default=0.5, description="standard deviation of a position from one message to the next, m"
    )

    def plausibility(self) -> Plausibility:
        """The thresholds of the checks."""
        return Plausibility(interval=self.interval, range=self.range, position_noise=self.position_noise)

    def layout(self, columns: tuple[str, ...]) -> Fields:
        """The names that fit a log with these columns; the first ones where none fit."""
        fitting = (names for names in self.layouts if set(_columns(names)) <= set(columns))
        return next(fitting, self.layouts[0])


Described = Signals | MessageLog
MODELS: dict[str, type[Described]] = {"signals": Signals, "messages": MessageLog}


def shipped() -> dict[str, Path]:
    """The shipped descriptions by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def read(name: str | Path) -> Described:
    """The description in the file, or the shipped one of this name. Raises InputError with all of its faults."""
    path = shipped().get(str(name), Path(name)) if not Path(name).exists() else Path(name)
    if not path.exists():
        meant = suggestion(Path(name).stem, list(shipped()))
        hint = (f"did you mean {quoted(meant)}? " if meant else "") + f"shipped are {', '.join(shipped())}"
        message = "there is no such file, and no description of this name is shipped"
        raise InputError([Fault(str(name), None, None, 0, message, hint)])
    document = documents.load(path)
    model = _model(document)
    try:
        described = model.model_validate(document.data)
    except ValidationError as error:
        raise InputError(wording.faults(error, model, document)) from None
    if isinstance(described, Signals):
        checks = (_unknown_signals, _sources, _unfit, _compares_rows, _not_fusible)
        faults = [fault for check in checks for fault in check(described, document)]
        if faults:
            raise InputError(faults)
    return described


def _model(document: Document) -> type[Described]:
    """The model for the document's kind. Raises InputError."""
    kind = document.at(("kind",))
    if isinstance(document.data, dict) and isinstance(kind, str) and kind in MODELS:
        return MODELS[kind]
    place = document.place(("kind",))
    if not isinstance(document.data, dict) or "kind" not in document.data:
        place = documents.Place(place.source, place.start, place.start + 1)
        raise InputError([place.fault("a sensors file needs `kind`", "it begins `kind: signals` or `kind: messages`")])
    found = wording.found(document, ("kind",))
    raise InputError([place.fault(f"kind is one of {', '.join(MODELS)}, found {found}")])


def _unknown_signals(described: Signals, document: Document) -> list[Fault]:
    """What says something of signals that the file does not have."""
    names = list(described.signals)
    faults = []
    for path, name in _named(described):
        if name not in names:
            meant = suggestion(name, names)
            hint = f"did you mean {quoted(meant)}?" if meant else f"there are {', '.join(names)}"
            what = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
            faults.append(document.place(path).fault(f"{what} names no signal of this file", hint))
    return faults


def _sources(described: Signals, document: Document) -> Iterator[Fault]:
    """Relations with more than one source, and of a signal to itself."""
    for index, relation in enumerate(described.relations):
        first, *others = (kind.value for kind in Kind if getattr(relation, kind.value) is not None)
        for other in others:
            place = document.place_of_key(("relations", index, other))
            yield place.fault(f"relations[{index}] has `{first}` and `{other}`", "a relation has one source")
        if relation.source == relation.signal:
            place = document.place(("relations", index, first))
            yield place.fault(f"relations[{index}].{first} is the signal itself", "a source is another sensor")


def _unfit(described: Signals, document: Document) -> Iterator[Fault]:
    """Detectors that there are not, that break what a detector has to keep, or that lack what they need."""
    related = {relation.signal for relation in described.relations}
    tracked = {each.signal for each in described.relations if each.kind is Kind.INTEGRAL and not each.ahead}
    for name, entry in described.signals.items():
        for index, detector in enumerate(entry.detectors):
            place = document.place(("signals", name, "detectors", index))
            what = f"signals.{name}.detectors[{index}]"
            if detector == "rate" and entry.rate_limit is None:
                yield place.fault(f"{what} needs `rate_limit`", "the largest change per s that physics allows")
            elif detector == "cusum" and name not in related:
                yield place.fault(f"{what} needs a relation of {quoted(name)}", "it watches what the relation says")
            elif detector == "track" and name not in tracked:
                hint = "without `ahead`, to the rate that the radar measures of the same object"
                yield place.fault(f"{what} needs a relation `integral_of` of {quoted(name)}", hint)
            elif wrong := own_detectors.wrong(detector, _signal(name, entry, described.period), described.period):
                yield place.fault(f"{what} {wrong[0]}", wrong[1])


def _compares_rows(described: Signals, document: Document) -> Iterator[Fault]:
    """What compares one row of a signal with another, although its rows are of different things."""
    apart = [name for name, entry in described.signals.items() if not entry.series]
    hint = "its rows are of different things: `series: false`"
    for name in apart:
        entry = described.signals[name]
        for field in ("rate_limit", "detectors"):
            if getattr(entry, field):
                place = document.place_of_key(("signals", name, field))
                yield place.fault(f"signals.{name}.{field} compares a row with the one before", hint)
    for index, relation in enumerate(described.relations):
        if relation.signal in apart or relation.source in apart:
            of = relation.signal if relation.signal in apart else relation.source
            yield document.place(("relations", index)).fault(f"relations[{index}] compares rows of {quoted(of)}", hint)


def _not_fusible(described: Signals, document: Document) -> Iterator[Fault]:
    """Abstract sensors with too few signals, with one of them twice, or with the name of a signal."""
    for name, entry in described.fused.items():
        what, needed = f"fused.{name}", 2 * entry.faulty + 1
        if any(_stands_for(signal, name) for signal in described.signals):
            place = document.place_of_key(("fused", name))
            yield place.fault(f"{what} has the name of a signal", "their columns would be the same")
        for index, signal in enumerate(entry.of):
            if signal in entry.of[:index]:
                place = document.place(("fused", name, "of", index))
                yield place.fault(f"{what}.of[{index}] is there twice", "one sensor has one voice")
        if len(entry.of) < needed and not any(MANY in signal for signal in entry.of):
            place = document.place(("fused", name, "of"))
            hint = f"a majority has to be right: {needed} signals for `faulty: {entry.faulty}`"
            yield place.fault(f"{what}.of names {len(entry.of)}, expected at least {needed}", hint)


def _named(described: Signals) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every mention of a signal, and where it stands."""
    for index, relation in enumerate(described.relations):
        yield ("relations", index, "signal"), relation.signal
        yield ("relations", index, relation.kind.value), relation.source
    for index, ranging in enumerate(described.ranging):
        yield ("ranging", index, "signal"), ranging.signal
    for index, reception in enumerate(described.reception):
        yield ("reception", index, "signal"), reception.signal
    for index, group in enumerate(described.events):
        for place, name in enumerate(group):
            yield ("events", index, place), name
    for fused, entry in described.fused.items():
        for place, name in enumerate(entry.of):
            yield ("fused", fused, "of", place), name


def _signal(name: str, entry: SensorSignal, period: float) -> Signal:
    low, high = entry.range or (-inf, inf)
    return Signal(
        name=name,
        noise=entry.noise,
        tolerated=entry.tolerated,
        age_limit=entry.age_limit or AGE_LIMIT * (entry.period or period),
        low=low,
        high=high,
        inertia=entry.inertia,
        series=entry.series,
        bridged=entry.bridged,
        resolution=nan if entry.resolution is None else entry.resolution,
        rest=nan if entry.rest is None else entry.rest,
        rate_limit=entry.rate_limit or inf,
        period=entry.period or nan,
    )


def _beside(entry: RangingEntry | ReceptionEntry, k: str, place: int, tolerated: float) -> Beside:
    known: Ranged | Reception
    if isinstance(entry, RangingEntry):
        known = Ranged(entry.noise, entry.offset, entry.detour, tolerated, entry.acceleration)
        return Beside("ranging", place, tuple(column.replace(MANY, k) for column in entry.to), known)
    known = Reception(entry.floor, entry.noise, tolerated)
    return Beside("reception", place, (entry.density.replace(MANY, k), entry.elevation.replace(MANY, k)), known)


def _stands_for(pattern: str, name: str) -> bool:
    return bool(_numbers(pattern, (name,))) if MANY in pattern else pattern == name


def _all_places(patterns: tuple[str, ...], places: dict[str, int]) -> tuple[int, ...]:
    """Of all signals that are named, in the order of the log."""
    return tuple(place for name, place in places.items() if any(_stands_for(each, name) for each in patterns))


def _numbers(pattern: str, names: tuple[str, ...]) -> list[str]:
    """What stands for `{k}` in the names that fit, in their order."""
    shape = re.compile(re.escape(pattern).replace(re.escape(MANY), "([0-9]+)"))
    return [match[1] for name in names if (match := shape.fullmatch(name))]


def _columns(names: Fields) -> list[str]:
    """All columns that a layout names."""
    values = [value for value in names.model_dump().values() if value is not None]
    return [column for value in values for column in (value if isinstance(value, tuple) else (value,))]
