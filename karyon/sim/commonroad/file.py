"""A CommonRoad file as plain arrays: its lanelets, and how each car of the recording moved.

    recording = read(Path("USA_US101-4_1_T-1.xml.gz"))

The package `commonroad-io` reads it (extra `commonroad`). What it says of a bad file has no place in it, so a look
through the XML comes first: that it is XML, of CommonRoad, of a version that is known, and that numbers are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from karyon.sim import text_files
from karyon.sim.boxes import Boxes, overlap
from karyon.sim.documents import Fault, InputError, suggestion
from karyon.sim.text_files import UnusableError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

VERSIONS = ("2018b", "2020a")
OBSTACLES = ("dynamicObstacle", "staticObstacle", "obstacle")
NUMBERS = ("x", "y", "exact", "intervalStart", "intervalEnd", "length", "width", "radius", "speedLimit")
SIZE_MAX = 64 * 2**20  # bytes, unpacked
FAR = 1e6  # m, m/s: no coordinate and no speed of a road is beyond


@dataclass(frozen=True, slots=True, eq=False)
class Lanelet:
    """A piece of a lane.

    left, right   its bounds in m (point, 2), in the direction of driving
    successors    numbers of the lanelets in which it goes on
    speed_limit   m/s, None: none is said
    """

    number: int
    left: Floats
    right: Floats
    predecessors: tuple[int, ...]
    successors: tuple[int, ...]
    speed_limit: float | None

    @property
    def middle(self) -> Floats:
        """Its middle in m (point, 2)."""
        return np.asarray(0.5 * (self.left + self.right))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """How one car moved; arrays (instant,), of instants one step apart from step `first` on.

    kind            as the file says: car, truck, bus, ...
    length, width   m
    x, y            of its middle, m
    heading         rad
    speed           m/s
    """

    number: int
    kind: str
    length: float
    width: float
    first: int
    x: Floats
    y: Floats
    heading: Floats
    speed: Floats

    @property
    def last(self) -> int:
        """Step of its last instant."""
        return self.first + len(self.x) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A whole file; `step` is in s, `steps` how many of them the longest track lasts; `standing`: parked cars."""

    path: Path
    version: str
    step: float
    lanelets: tuple[Lanelet, ...]
    tracks: tuple[Track, ...]
    standing: tuple[Track, ...]

    @property
    def steps(self) -> int:
        """Step of the last instant of all."""
        return max((track.last for track in self.tracks), default=0)

    def track(self, number: int) -> Track:
        """The moving car of this number. Raises InputError where there is none."""
        for track in self.tracks:
            if track.number == number:
                return track
        raise InputError([fault(self.path, f"has no moving car {number}")])


@lru_cache(maxsize=4)
def read(path: Path) -> Recording:
    """The file, plain or gzipped. Raises InputError with what is wrong, and where."""
    text = _bytes(path)
    look = _look(path, text)
    scenario = _opened(path, text)
    dynamic = sorted(scenario.dynamic_obstacles, key=lambda each: int(each.obstacle_id))
    faults = [look.of(one.obstacle_id, wrong) for one in dynamic if (wrong := _wrong(one))]
    if faults:
        raise InputError(faults)
    tracks = tuple(_track(each) for each in dynamic)
    last = max((track.last for track in tracks), default=0)
    standing = tuple(_standing(_track(each), last) for each in scenario.static_obstacles if not _wrong(each))
    if faults := [look.of(one.number, wrong) for one, wrong in _placed_into_others((*tracks, *standing))]:
        raise InputError(faults)
    return Recording(
        path,
        look.version,
        float(scenario.dt),
        tuple(_lanelet(each, scenario.lanelet_network) for each in scenario.lanelet_network.lanelets),
        tracks,
        standing,
    )


def _bytes(path: Path) -> bytes:
    try:
        with text_files.opened(path) as stream:
            text = text_files.unpacked(stream.read, SIZE_MAX + 1, 1)
    except UnusableError as error:
        raise InputError([Fault(str(path), error.line, error.line, 0, error.message)]) from error
    except OSError as error:
        raise InputError([fault(path, f"cannot be read: {error.strerror or error}")]) from error
    if len(text) > SIZE_MAX:
        raise InputError([fault(path, f"goes on past {SIZE_MAX} bytes (unpacked): too large")])
    return bytes(text)


def _look(path: Path, text: bytes) -> _Look:
    """A look through a file in which no fault shows without knowing what it means. Raises InputError."""
    look = _Look(path)
    try:
        look.parser.Parse(text, True)
    except expat.ExpatError as error:
        if not look.faults:
            said = f"is not XML: {expat.ErrorString(error.code)}"
            look.faults.append(Fault(str(path), error.lineno, error.offset + 1, 0, said))
    if not look.faults and not look.has_road:
        look.faults.append(fault(path, "has no lanelet: a road is needed"))
    if look.faults:
        raise InputError(look.faults)
    return look


class _Look:
    """Goes through the XML once: what is wrong, the version, and where each obstacle stands."""

    def __init__(self, path: Path) -> None:
        self._path, self.faults, self.version = path, list[Fault](), ""
        self._depth, self._text, self._at, self.has_road = 0, "", (1, 1), False
        self._obstacles: dict[str, tuple[int, int]] = {}
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._read
        self.parser.EntityDeclHandler = self._entity

    def of(self, obstacle: int, wrong: str) -> Fault:
        """What is wrong with an obstacle."""
        line, column = self._obstacles[str(obstacle)]
        return Fault(str(self._path), line, column, 0, f"obstacle {obstacle} {wrong}")

    def _place(self) -> tuple[int, int]:
        return self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1

    def _add(self, message: str, hint: str = "", place: tuple[int, int] | None = None) -> None:
        line, column = place or self._place()
        self.faults.append(Fault(str(self._path), line, column, 0, message, hint))

    def _entity(self, *_: object) -> None:
        self._add("declares an entity, which no CommonRoad file needs")
        raise expat.ExpatError

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 0:
            self._root(name, attributes)
        self._depth, self._text, self._at = self._depth + 1, "", self._place()
        self.has_road |= name == "lanelet"
        if name in OBSTACLES:
            self._obstacles[attributes.get("id", "")] = self._place()

    def _root(self, name: str, attributes: dict[str, str]) -> None:
        if name != "commonRoad":
            self._add(f"the outermost element is `{name}`, expected `commonRoad`", "this is another kind of XML file")
            raise expat.ExpatError
        self.version = attributes.get("commonRoadVersion", "")
        if self.version not in VERSIONS:
            found = f"version `{self.version}` of CommonRoad is" if self.version else "its CommonRoad version is"
            known = " and ".join(VERSIONS)
            meant = suggestion(self.version, VERSIONS)
            hint = f"did you mean {meant}?" if meant else "CommonRoad's scenario converter writes 2020a"
            missing = "not said" if not self.version else "not read"
            self._add(f"{found} {missing}, expected {known}", hint)
        step = _number(attributes.get("timeStepSize", ""))
        if not 1e-3 <= step <= 10.0:
            found = attributes.get("timeStepSize", "none")
            self._add(f"timeStepSize is a time from 0.001 to 10 s, found {found}")

    def _read(self, text: str) -> None:
        self._text += text

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name in NUMBERS and self._text.strip() and not abs(_number(self._text)) <= FAR:
            self._add(f"`{name}` is a number, found `{self._text.strip()[:20]}`", place=self._at)
        self._text = ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _opened(path: Path, text: bytes) -> Any:
    """The scenario as `commonroad-io` has it."""
    try:
        from commonroad.common.file_reader import CommonRoadFileReader  # noqa: PLC0415  (takes 0.6 s, and is an extra)
    except ModuleNotFoundError as error:
        hint = "pip install 'karyon[commonroad]'"
        raise InputError([fault(path, "is a CommonRoad file, and commonroad-io is not installed", hint)]) from error
    try:
        scenario, _ = CommonRoadFileReader(text).open()
    except Exception as error:  # its reader raises whatever its code runs into
        said = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise InputError([fault(path, f"commonroad-io cannot read it: {said}")]) from error
    return scenario


def fault(path: Path, message: str, hint: str = "") -> Fault:
    """What is wrong with a file as a whole."""
    return Fault(str(path), None, None, 0, message, hint)


def _wrong(obstacle: Any) -> str:
    """What of a car cannot be used, in words; "": nothing."""
    shape = obstacle.obstacle_shape
    if not (getattr(shape, "length", 0.0) > 0.0 and getattr(shape, "width", 0.0) > 0.0):
        return "has no rectangle with a length and a width as its shape"
    states = _states(obstacle)
    if any(not np.isfinite(_state(state)).all() for state in states):
        return "has a state without an exact place, heading or speed"
    steps = np.array([int(state.time_step) for state in states])
    if (np.diff(steps) != 1).any():
        return f"has steps that do not follow on each other: after {int(steps[np.argmax(np.diff(steps) != 1)])}"
    return ""


def _placed_into_others(tracks: Sequence[Track]) -> list[tuple[Track, str]]:
    """Cars that overlap another one at the first instant that both have, the one that comes later; and in words."""
    found = []
    for number, track in enumerate(tracks):
        earlier = [each for each in tracks[:number] if max(each.first, track.first) <= min(each.last, track.last)]
        for other in earlier:
            step = max(other.first, track.first)
            if overlap(_box(track, step), _box(other, step)):
                late, early = (track, other) if track.first >= other.first else (other, track)
                found.append((late, f"is placed into obstacle {early.number}: they overlap at step {step}"))
    return found


def _box(track: Track, step: int) -> Boxes:
    at = step - track.first
    along, across = np.cos(track.heading[at]), np.sin(track.heading[at])
    return Boxes(track.x[at], track.y[at], along, across, track.length, track.width)


def _states(obstacle: Any) -> list[Any]:
    prediction = getattr(obstacle, "prediction", None)
    later = [] if prediction is None else list(prediction.trajectory.state_list)
    initial = obstacle.initial_state
    return later if later and later[0].time_step == initial.time_step else [initial, *later]


def _state(state: Any) -> tuple[float, float, float, float]:
    try:
        x, y = state.position
        return float(x), float(y), float(state.orientation), float(getattr(state, "velocity", 0.0) or 0.0)
    except (TypeError, ValueError, AttributeError):
        return math.nan, math.nan, math.nan, math.nan


def _track(obstacle: Any) -> Track:
    states = _states(obstacle)
    x, y, heading, speed = np.array([_state(each) for each in states]).T
    shape, kind = obstacle.obstacle_shape, str(obstacle.obstacle_type.value)
    first = int(states[0].time_step)
    return Track(
        int(obstacle.obstacle_id), kind, float(shape.length), float(shape.width), first, x, y, np.unwrap(heading), speed
    )


def _standing(track: Track, last: int) -> Track:
    """What stands is there from the first step to the last one."""
    x, y, heading = (np.full(last + 1, each[0]) for each in (track.x, track.y, track.heading))
    return replace(track, first=0, x=x, y=y, heading=heading, speed=np.zeros(last + 1))


def _lanelet(lanelet: Any, network: Any) -> Lanelet:
    numbers: tuple[Sequence[Any], ...] = (lanelet.predecessor or (), lanelet.successor or ())
    before, after = (tuple(int(one) for one in each) for each in numbers)
    signs = [network.find_traffic_sign_by_id(one) for one in lanelet.traffic_signs or ()]
    limits = [
        float(element.additional_values[0])
        for sign in signs
        if sign is not None
        for element in sign.traffic_sign_elements
        if "MAX_SPEED" in element.traffic_sign_element_id.name and element.additional_values
    ]
    return Lanelet(
        int(lanelet.lanelet_id),
        np.asarray(lanelet.left_vertices, dtype=float),
        np.asarray(lanelet.right_vertices, dtype=float),
        before,
        after,
        min(limits, default=None),
    )
