"""A run as its folder holds it: one follower, what befell it, and what its rules demand of its signals."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from karyon.kernel.design import Function
from karyon.sim import analysis, documents, safety_file
from karyon.sim.driving import keep, margins_of
from karyon.sim.outside import is_bench
from karyon.sim.run import FUNCTION, sha256
from karyon.sim.scenario import KernelSwitch, Sensors, Vehicle
from karyon.sim.shipped import SHIPPED
from karyon.sim.view.folder import (
    EVENTS,
    LEVEL,
    SCENARIO,
    SUMMARY,
    TRACE,
    RunError,
    judged,
    must_be_numbers,
    opened,
    readable,
)

Floats = NDArray[np.float64]
Model = TypeVar("Model", bound=BaseModel)

DRAWN = ("time", "vehicle", "gap", "speed", LEVEL, "front.distance")


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True)


class Event(_Recorded):
    """Anything that happened, in words; `time` in s."""

    time: FiniteFloat
    vehicle: int
    kind: str
    text: str


class Switch(Event):
    """A change of the level of service; its text ends with the reason."""

    before: int = Field(alias="from")
    after: int = Field(alias="to")

    @property
    def reason(self) -> str:
        """Why, without the levels."""
        return self.text.partition(": ")[2]


class Violation(Event):
    """A safety goal that was broken from then on."""

    goal: str


class FaultEdge(Event):
    """A fault begins, or ends."""

    mode: str
    parameters: dict[str, Any]
    signal: str | None = None
    component: str | None = None


class CutIn(Event):
    """A car has cut in before the vehicle, or leaves; `number` among those of the run."""

    number: int


class Goal(_Recorded):
    """What became of a safety goal."""

    violated: bool | None  # None: not judged


class FunctionSummary(_Recorded):
    """Times in s."""

    worst_switch_latency: FiniteFloat
    switch_bound: FiniteFloat


class Summary(_Recorded):
    """What a figure quotes from `summary.json`."""

    scenario: str
    seed: int
    duration: FiniteFloat
    functions: dict[str, FunctionSummary]
    safety_goals: dict[str, Goal]
    design_sha256: str


class _Setting(BaseModel):
    vehicles: int
    vehicle: Vehicle
    kernel: KernelSwitch
    sensors: Sensors
    safety: str


KINDS: dict[str, type[Event]] = {"los": Switch, "violation": Violation, "fault": FaultEdge, "cut_in": CutIn}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the vehicle from `onset` to `end`, both in s."""

    label: str
    onset: float
    end: float


@dataclass(frozen=True, slots=True)
class Run:
    """One follower of a run; arrays (instant,), in SI.

    sensor_range  m, of the measured distance
    vehicle       index of the follower; the car ahead of it is `vehicle - 1`
    why           why this one was chosen, "" where there is no other
    trace         columns of the trace by name; NaN: absent
    speed_ahead   m/s, of the car ahead, or of the one that has cut in
    safe_distance m, RSS, with the response time that is in force [safety model, sec. 3]; None: the design is not there
    broken_by     the vehicles, of all, that broke a safety goal
    notes         what is missing, in words
    demanded      lowest validity and highest age (s) per signal that a rule names, inf: no age limit
    """

    summary: Summary
    kernel_enabled: bool
    sensor_range: float
    vehicle: int
    why: str
    trace: Mapping[str, Floats]
    speed_ahead: Floats
    safe_distance: Floats | None
    demanded: Mapping[str, tuple[float, float]]
    faults: Sequence[Fault]
    switches: Sequence[Switch]
    violations: Sequence[Violation]
    broken_by: Sequence[int]
    notes: Sequence[str]

    @property
    def time(self) -> Floats:
        """Of each instant, in s."""
        return self.trace["time"]

    @property
    def signals(self) -> list[str]:
        """Signals whose validity was recorded, in the order of the trace."""
        return _signals(list(self.trace))


def read(folder: Path, car: int | None = None) -> Run:
    """The follower `car`; or that which a fault befell first, or broke a goal first, or had a car cut in; or the first.

    Raises RunError.
    """
    notes = judged(folder)
    summary = summary_of(Summary, folder)
    setting = setting_of(_Setting, folder)
    if is_bench(setting.sensors):
        said = "holds a session with real devices, of which nobody knows the true gap"
        raise RunError(f"{folder}: {said}: `karyon view {folder}` shows what they said")
    events = list(events_of(folder / EVENTS))
    table = table_of(folder / TRACE, _wanted)
    vehicle, why = _chosen(events, _followers(table, setting.vehicles, folder / TRACE), car)
    trace, ahead = (_columns(table, car, folder / TRACE) for car in (vehicle, vehicle - 1))
    _must_be_usable(trace, ahead, folder / TRACE)
    mine = [event for event in events if event.vehicle == vehicle]
    for number in {setting.vehicles + event.number for event in mine if isinstance(event, CutIn)}:
        ahead = _with_stranger(ahead, table.filter(compute.equal(table["vehicle"], number)))
    function = function_of(folder, setting.safety, summary.design_sha256)
    _must_be_levels(trace[LEVEL], function, folder / TRACE)
    return Run(
        summary=summary,
        kernel_enabled=setting.kernel.enabled,
        sensor_range=setting.sensors["front.distance"].range,
        vehicle=vehicle,
        why=why,
        trace=trace,
        speed_ahead=ahead["speed"],
        safe_distance=None if function is None else _safe_distance(trace, ahead["speed"], function, setting),
        demanded={} if function is None else _demanded(function),
        faults=list(faults_of(mine, float(trace["time"][-1]))),
        switches=[event for event in mine if isinstance(event, Switch)],
        violations=[event for event in mine if isinstance(event, Violation)],
        broken_by=sorted({event.vehicle for event in events if isinstance(event, Violation)}),
        notes=notes,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path}: not there; `karyon run SCENARIO --out {path.parent}` writes it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from None


def _json(where: Path | str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where}: not JSON: {error}") from None


def _validated(model: type[Model], data: Any, where: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise RunError(f"{where}: {field + ': ' if field else ''}{first['msg']}") from None


def summary_of(model: type[Model], folder: Path) -> Model:
    """What `model` takes of the summary. Raises RunError."""
    path = folder / SUMMARY
    return _validated(model, _json(path, _text(path)), str(path))


def data_of(folder: Path) -> Any:
    """The scenario as run, plain. Raises RunError."""
    path = folder / SCENARIO
    try:
        return documents.compose(documents.Source(str(path), _text(path))).data
    except documents.InputError as error:
        raise RunError(str(error)) from None


def setting_of(model: type[Model], folder: Path) -> Model:
    """What `model` takes of the scenario as run. Raises RunError."""
    return _validated(model, data_of(folder), str(folder / SCENARIO))


def events_of(path: Path) -> Iterator[Event]:
    """What happened in the run, line by line; nothing where the file is not there. Raises RunError."""
    for number, line in enumerate(_text(path).splitlines() if path.is_file() else (), start=1):
        where = f"{path}:{number}"
        event = _validated(Event, _json(where, line), where)
        yield _validated(KINDS[event.kind], json.loads(line), where) if event.kind in KINDS else event


def _wanted(names: Sequence[str]) -> list[str]:
    """The columns that are drawn of a follower."""
    return [*DRAWN, *(f"{signal}{end}" for signal in _signals(names) for end in ("_validity", "_age"))]


def table_of(path: Path, wanted: Callable[[Sequence[str]], Sequence[str]]) -> pa.Table:
    """The columns that are `wanted` of those that there are, all of them numbers. Raises RunError."""
    with opened(path) as file, readable(path):
        names = wanted(file.schema_arrow.names)
        for name in names:
            must_be_numbers(name, file.schema_arrow, path)
        return file.read(names)


def _columns(table: pa.Table, vehicle: int, path: Path) -> dict[str, Floats]:
    rows = table.filter(compute.equal(table["vehicle"], vehicle))
    if not len(rows):
        raise RunError(f"{path}: holds nothing of vehicle {vehicle}")
    return {name: rows[name].to_numpy().astype(np.float64) for name in rows.column_names}


def _with_stranger(ahead: Mapping[str, Floats], rows: pa.Table) -> dict[str, Floats]:
    """The speed ahead is that of who has cut in, while it is there; `rows` of it, none where it is soon gone."""
    if not len(rows):
        return dict(ahead)
    time, speed = rows["time"].to_numpy(), rows["speed"].to_numpy()
    there = np.isin(ahead["time"], time)
    return {**ahead, "speed": np.where(there, np.interp(ahead["time"], time, speed), ahead["speed"])}


def _must_be_usable(trace: Mapping[str, Floats], ahead: Mapping[str, Floats], path: Path) -> None:
    for name in ("time", "gap", "speed", LEVEL):
        if not np.isfinite(trace[name]).all():
            raise RunError(f"{path}: {name} of vehicle {trace['vehicle'][0]:g} is not always a number")
    if not (np.diff(trace["time"]) > 0.0).all():
        raise RunError(f"{path}: the time of vehicle {trace['vehicle'][0]:g} does not always go on")
    if not np.array_equal(trace["time"], ahead["time"]):
        pair = f"{ahead['vehicle'][0]:g} and {trace['vehicle'][0]:g}"
        raise RunError(f"{path}: vehicles {pair} were not recorded at the same instants")


def _must_be_levels(levels: Floats, function: Function | None, path: Path) -> None:
    highest = np.inf if function is None else len(function.levels) - 1
    wrong = levels[(levels < 0) | (levels > highest)]
    if len(wrong):
        raise RunError(f"{path}: {LEVEL} is {wrong[0]:g}, a level that the safety design does not have")


def _signals(names: Sequence[str]) -> list[str]:
    return [name.removesuffix("_validity") for name in names if name.endswith("_validity")]


def _followers(table: pa.Table, vehicles: int, path: Path) -> int:
    """How many cars follow another one, strangers left out."""
    followers = min(compute.max(table["vehicle"]).as_py() or 0, vehicles - 1)
    if followers < 1:
        raise RunError(f"{path}: holds no vehicle that follows another")
    return followers


def _chosen(events: Sequence[Event], followers: int, car: int | None) -> tuple[int, str]:
    """The follower that is shown, and why."""
    if car is not None:
        if not 1 <= car <= followers:
            them = f"cars 1 to {followers} follow" if followers > 1 else "car 1 follows"
            raise RunError(f"there is no car {car} that follows: {them} car 0")
        return car, ""
    kinds = (
        (FaultEdge, "the first with a fault"),
        (Violation, "the first that broke a safety goal"),
        (CutIn, "the first before which a car cut in"),
    )
    for kind, why in kinds:
        for event in events:
            if isinstance(event, kind) and 1 <= event.vehicle <= followers:
                return event.vehicle, why if followers > 1 else ""
    return 1, "the first that follows" if followers > 1 else ""


def function_of(folder: Path, safety: str, design_sha256: str, name: str = FUNCTION) -> Function | None:
    """The function of this name as the run had it; None where its safety design is not there, or has changed since."""
    path = next((path for path in (folder / safety, SHIPPED / safety) if path.is_file()), None)
    if path is None:
        return None
    try:
        source = documents.read(path)
        return safety_file.parse(source).function(name) if sha256(source.text) == design_sha256 else None
    except documents.InputError:
        return None


def _safe_distance(trace: Mapping[str, Floats], ahead: Floats, function: Function, setting: _Setting) -> Floats:
    """The distance in m that the watch of the run compared the gap with, (instant,)."""
    reaction_times = np.array([level.reaction_time or 0.0 for level in function.levels])
    margins = margins_of(reaction_times, rows=1)
    levels = trace[LEVEL].astype(np.int64)
    safe = np.empty(len(ahead))
    for instant in range(len(ahead)):
        now = slice(instant, instant + 1)
        told = trace["gap"][now], trace["speed"][now], ahead[now], levels[now]
        margins = keep(margins, *told, reaction_times[:, None], setting.vehicle.braking).margins
        safe[now] = trace["gap"][now] - margins.margin
    return safe


def _demanded(function: Function) -> dict[str, tuple[float, float]]:
    return {
        name: (analysis.minimum_validity(function, name), analysis.age_limit(function, name))
        for name in analysis.guards(function)
    }


def faults_of(events: Sequence[Event], end: float) -> Iterator[Fault]:
    """Faults from their two edges; one without a second edge lasts to the `end` of the run."""
    edges = [event for event in events if isinstance(event, FaultEdge)]
    while edges:
        begin = edges.pop(0)
        same = [edge for edge in edges if _identity(edge) == _identity(begin)]
        if same:
            edges.remove(same[0])
        label = begin.text.removesuffix(" begins")
        yield Fault(label, begin.time, same[0].time if same else end)


def _identity(edge: FaultEdge) -> tuple[Any, ...]:
    return edge.signal, edge.component, edge.mode, edge.parameters
