"""Recorded encounters as DAIDALUS writes them (`.daa`): a line of names, a line of units, then a state a line.

    NAME,    lat,   lon,   alt,  trk,   gs,     vs,    time
    [none],  [deg], [deg], [ft], [deg], [knot], [fpm], [s]
    Ownship, 33.81, -117.0, 17000, 0.0, 200.0,  0.0,   0.0

The first aircraft of the file is the ownship. Instead of `lat lon alt` there may be `sx sy sz`, and `vx vy vz` instead
of `trk gs vs`; standard deviations of the state (`s_EW_std` and its kind), the intruder's `alerter`, and the ownship's
`heading` and `airspeed` (which tell the wind) may follow. Cells are separated by commas, semicolons or blanks.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from math import isfinite, nan, pi
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from karyon.daa import files
from karyon.daa.units import (
    A_CLIMB,
    A_LENGTH,
    A_NUMBER,
    A_SPEED,
    A_TIME,
    AN_ALTITUDE,
    AN_ANGLE,
    Quantity,
)
from karyon.flight.units import FOOT, KNOT
from karyon.sim.documents import Fault, InputError, Place, Source, in_order, quoted, suggestion

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

AIRCRAFT_MAX, ROWS_MAX = 1000, 2_000_000

QUANTITIES: dict[str, Quantity] = {
    **dict.fromkeys(("lat", "lon", "trk", "heading"), AN_ANGLE),
    **dict.fromkeys(("alt", "sz_std"), AN_ALTITUDE),
    **dict.fromkeys(("sx", "sy", "s_EW_std", "s_NS_std", "s_EN_std"), A_LENGTH),
    **dict.fromkeys(("gs", "vx", "vy", "airspeed", "v_EW_std", "v_NS_std", "v_EN_std"), A_SPEED),
    **dict.fromkeys(("vs", "vz_std"), A_CLIMB),
    "time": A_TIME,
    "alerter": A_NUMBER,
}
OTHER_NAMES = {
    **dict.fromkeys(("aircraft", "id"), "name"),
    "latitude": "lat",
    **dict.fromkeys(("long", "longitude"), "lon"),
    **dict.fromkeys(("altitude", "sz"), "alt"),
    "track": "trk",
    **dict.fromkeys(("groundspeed", "groundspd"), "gs"),
    **dict.fromkeys(("verticalspeed", "hdot", "vz"), "vs"),
    **dict.fromkeys(("tm", "st"), "time"),
    "name": "name",
} | {name.lower(): name for name in QUANTITIES}
POSITIONS = (("lat", "lon", "alt"), ("sx", "sy", "alt"))
VELOCITIES = (("trk", "gs", "vs"), ("vx", "vy", "vs"))
DEVIATIONS = ("s_EW_std", "s_NS_std", "s_EN_std", "sz_std", "v_EW_std", "v_NS_std", "v_EN_std", "vz_std")

LIMITS = {  # low, high in SI; how they are told
    "lat": (-pi / 2, pi / 2, "-90 to 90 deg"),
    "lon": (-pi, 2 * pi, "-180 to 180 deg"),
    "alt": (-2000 * FOOT, 100_000 * FOOT, "-2,000 to 100,000 ft"),
    **dict.fromkeys(("gs", "airspeed"), (0.0, 2000 * KNOT, "0 to 2,000 knots")),
    **dict.fromkeys(("vx", "vy"), (-2000 * KNOT, 2000 * KNOT, "-2,000 to 2,000 knots")),
    "vs": (-1000 * FOOT, 1000 * FOOT, "-60,000 to 60,000 fpm"),
    **dict.fromkeys(("trk", "heading"), (-2 * pi, 2 * pi, "-360 to 360 deg")),
    **dict.fromkeys(("s_EW_std", "s_NS_std", "sz_std"), (0.0, 100_000.0, "0 to 100 km")),
    **dict.fromkeys(("v_EW_std", "v_NS_std", "vz_std"), (0.0, 1000.0, "0 to 1,000 m/s")),
}
ROUNDING = 1e-9  # of a limit: 90 deg in rad is no exact number

SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
PARAMETER = re.compile(r"\s*([^=\s]+)\s*=")
NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
SAME_AS_ABOVE = '"'


@dataclass(frozen=True, slots=True, eq=False)
class Encounter:
    """States of all aircraft on one time line, in SI and rad; NaN where an aircraft has none at an instant.

    names          (aircraft,); the first is the ownship
    time           s, strictly increasing (instant,)
    lines          line of the file of each state, 0 where there is none (aircraft, instant)
    x, y           longitude and latitude in rad, or east and north in m (aircraft, instant)
    z              altitude in m
    vx, vy, vz     velocity over ground, east, north, up, in m/s
    is_geodetic    whether x and y are on the Earth
    deviations     standard deviations by column, 0 where the file has none, each (aircraft, instant)
    alerter        number of the alerter (aircraft, instant)
    wind_x, wind_y wind in m/s, east and north, from the ownship's air velocity (instant,); 0 where there is none
    source         what faults point into
    notes          what was not used, in words
    """

    names: tuple[str, ...]
    time: Floats
    lines: Integers
    x: Floats
    y: Floats
    z: Floats
    vx: Floats
    vy: Floats
    vz: Floats
    is_geodetic: bool
    deviations: dict[str, Floats]
    alerter: Integers
    wind_x: Floats
    wind_y: Floats
    source: Source
    notes: tuple[str, ...]

    def fault(self, aircraft: int, instant: int, message: str, hint: str = "") -> Fault:
        """A fault of one state."""
        return _at_line(self.source, int(self.lines[aircraft, instant]), message, hint)


def load(path: Path) -> Encounter:
    """The encounter in a file. InputError has everything that is wrong with what stands in its cells."""
    reader = _Reader(files.read(path))
    encounter = reader.encounter()
    if reader.faults or encounter is None:
        raise InputError(in_order(reader.faults))
    return encounter


def _at_line(source: Source, line: int, message: str, hint: str = "") -> Fault:
    start = source.starts[line - 1]
    end = source.starts[line] if line < len(source.starts) else len(source.text)
    return source.fault(start, start + len(source.text[start:end].rstrip()), message, hint)


@dataclass(frozen=True, slots=True)
class _Column:
    """What stands in a column: its name, as the file has it, and its place in a row.

    factor   to SI; None where the unit is not known, which is a fault already
    """

    name: str
    told: str
    index: int
    factor: float | None


@dataclass(slots=True)
class _State:
    line: int
    values: list[float]


class _Reader:
    """Reads an encounter line by line; what is wrong goes to `faults`."""

    def __init__(self, source: Source) -> None:
        self.faults: list[Fault] = []
        self._source = source
        self._notes: list[str] = []
        self._rows = self._content()
        self._states: dict[str, dict[float, _State]] = {}
        self._beyond: dict[str, list[tuple[Place, str]]] = {}  # what is out of its limits, by column

    def encounter(self) -> Encounter | None:
        """The encounter, None where there is none to be had (then there are faults)."""
        header = next(self._rows, None)
        if header is None:
            self.faults.append(self._source.fault(0, 0, "is empty, expected the states of aircraft"))
            return None
        columns = self._columns(header)
        if not columns:
            return None
        self._read_states(header, columns)
        for name, each in self._beyond.items():
            (place, message), more = each[0], f" ({len(each) - 1} more of this column)" if len(each) > 1 else ""
            hint = "feet and metres mixed up?" if name == "alt" else "in another unit?" if more else ""
            self.faults.append(place.fault(message + more, hint))
        if not self.faults and not self._states:
            self._at_end("has no states below its names and units")
        if not self.faults and len(self._states) == 1:
            only = next(iter(self._states))
            self._at_end(f"has only the ownship, {quoted(only)}: an encounter takes two aircraft")
        self._check_ownship()
        return None if self.faults else self._aligned([column.name for column in columns])

    def _content(self) -> Iterator[list[Place]]:
        """The cells of each line that has any, comments and parameters left out."""
        source, ends = self._source, [*self._source.starts[1:], len(self._source.text)]
        is_head = True
        for start, end in zip(source.starts, ends, strict=True):
            text = source.text[start:end].split("#", 1)[0].rstrip()
            if not text.strip():
                continue
            if is_head and (found := PARAMETER.match(text)):
                self._notes.append(f"the parameter {quoted(found[1])} in the encounter is not used")
                continue
            is_head = False
            yield list(_cells(source, start + len(text) - len(text.lstrip()), start + len(text)))

    def _columns(self, header: Sequence[Place]) -> list[_Column]:
        """The columns that are used, with their units."""
        names = [OTHER_NAMES.get(place.text.lower(), place.text) for place in header]
        found: dict[str, int] = {}
        unused, misspelt = [], set()
        for index, (name, place) in enumerate(zip(names, header, strict=True)):
            known = name in QUANTITIES or name == "name"
            if known and name in found:
                self.faults.append(place.fault(f"there is a second column {quoted(place.text)}"))
            elif known:
                found[name] = index
            elif meant := suggestion(name.lower(), OTHER_NAMES):
                misspelt.add(OTHER_NAMES[meant])
                told = OTHER_NAMES[meant] if OTHER_NAMES[meant].lower() == meant else meant
                message = f"there is no column {quoted(place.text)} in an encounter"
                self.faults.append(place.fault(message, f"did you mean {quoted(told)}?"))
            else:
                unused.append(place.text)
        if unused:
            self._notes.append(f"columns that are not used: {', '.join(map(quoted, unused))}")
        self._check_names(header, found.keys() | misspelt)
        if self.faults:
            return []
        self._name = found.pop("name")
        units = self._units(header, found)
        return [
            _Column(name, header[index].text, index, QUANTITIES[name].units.get(unit) if unit is not None else None)
            for (name, index), unit in zip(found.items(), units, strict=True)
        ]

    def _check_names(self, header: Sequence[Place], found: Set[str]) -> None:
        def lacks(what: str) -> None:
            end = header[-1].end
            self.faults.append(self._source.fault(header[0].start, end, f"no column has {what}"))

        for name, what in (("name", "the NAME of the aircraft"), ("time", "the time")):
            if name not in found:
                lacks(what)
        for ways, what in ((POSITIONS, "position"), (VELOCITIES, "velocity")):
            if not any(found >= set(way) for way in ways):
                lacks(f"the whole {what}: {' or '.join(', '.join(way) for way in ways)}")
        if ("heading" in found) != ("airspeed" in found):
            lacks("the other half of the air velocity: heading and airspeed")

    def _units(self, header: Sequence[Place], found: dict[str, int]) -> list[str | None]:
        """The unit of each column; None with a fault where there is none that fits."""
        second = next(self._rows, None)
        if second is None or not any(place.text.startswith("[") for place in second):
            message = "below the names is no line of units, such as `[none] [deg] [deg] [ft] ...`"
            self.faults.append((second or header)[0].fault(message))
            return [None] * len(found)
        if len(second) != len(header):
            message = f"has {len(second)} units for {len(header)} columns"
            self.faults.append(self._source.fault(second[0].start, second[-1].end, message))
            return [None] * len(found)
        units: list[str | None] = []
        for name, index in found.items():
            unit = second[index].text.removeprefix("[").removesuffix("]").strip()
            problem, hint = QUANTITIES[name].problem(unit)
            if problem:
                self.faults.append(second[index].fault(f"{header[index].text} {problem}", hint))
            units.append(None if problem else unit)
        return units

    def _read_states(self, header: Sequence[Place], columns: Sequence[_Column]) -> None:
        time = next(index for index, column in enumerate(columns) if column.name == "time")
        above, rows = "", 0
        for cells in self._rows:
            rows += 1
            if rows > ROWS_MAX:
                self.faults.append(cells[0].fault(f"has more than {ROWS_MAX:,} states"))
                return
            if len(cells) != len(header):
                message = f"has {len(cells)} cells, expected {len(header)} as there are names of columns"
                self.faults.append(self._source.fault(cells[0].start, cells[-1].end, message))
                continue
            name = cells[self._name].text
            above = name = above if name == SAME_AS_ABOVE else name
            if not name:
                self.faults.append(cells[self._name].fault("has no name of an aircraft"))
                continue
            values = [self._value(column, cells[column.index]) for column in columns]
            if isfinite(values[time]):
                self._keep(name, values[time], _State(self._line(cells[0]), values), cells[columns[time].index])

    def _value(self, column: _Column, place: Place) -> float:
        """The value in SI; NaN with a fault where there is none."""
        if not NUMBER.fullmatch(place.text):
            found = quoted(place.text) if place.text else "empty"
            self.faults.append(place.fault(f"{column.told} is {found}, expected a number"))
            return nan
        if column.factor is None:
            return nan
        value = float(place.text) * column.factor
        low, high, told = LIMITS.get(column.name, (-1e12, 1e12, "a number of this size"))
        slack = ROUNDING * max(abs(low), abs(high))
        if not low - slack <= value <= high + slack:
            self._beyond.setdefault(column.name, []).append((place, f"{column.told} is {place.text}, expected {told}"))
            return nan
        if column.name == "alerter" and not (value >= 0.0 and value.is_integer()):
            expected = "expected the number of an alerter, or 0 for none"
            self.faults.append(place.fault(f"{column.told} is {place.text}, {expected}"))
        return value

    def _keep(self, name: str, time: float, state: _State, at: Place) -> None:
        states = self._states.setdefault(name, {})
        if len(self._states) > AIRCRAFT_MAX:
            del self._states[name]
            if not self.faults:
                self.faults.append(at.fault(f"has more than {AIRCRAFT_MAX} aircraft"))
            return
        if time in states:
            first = f"the first is in line {states[time].line}"
            self.faults.append(at.fault(f"{quoted(name)} has a second state at {time:g} s, {first}"))
        elif states and time < (last := next(reversed(states))):
            self.faults.append(at.fault(f"the time of {quoted(name)} goes back, from {last:g} s to {time:g} s"))
        states.setdefault(time, state)

    def _line(self, place: Place) -> int:
        return bisect_right(self._source.starts, place.start)

    def _at_end(self, message: str) -> None:
        self.faults.append(self._source.fault(len(self._source.text), len(self._source.text), message))

    def _check_ownship(self) -> None:
        """Each stretch of instants at which the intruders have states and the ownship has none."""
        if self.faults:
            return
        (ownship, own), *others = self._states.items()
        lines = {time: state.line for _, states in others for time, state in reversed(list(states.items()))}
        was_missing = False
        for time in sorted({*own, *lines}):
            is_missing = time not in own
            if is_missing and not was_missing:
                message = f"at {time:g} s there is no state of the ownship, {quoted(ownship)}"
                hint = "the ownship is the first aircraft of the file"
                self.faults.append(_at_line(self._source, lines[time], message, hint))
            was_missing = is_missing

    def _aligned(self, names: list[str]) -> Encounter:
        """All states on one time line."""
        time = np.array(sorted({moment for states in self._states.values() for moment in states}))
        at = {moment: index for index, moment in enumerate(time.tolist())}
        shape = (len(self._states), len(time))
        lines = np.zeros(shape, dtype=np.int64)
        table = np.full((len(names), *shape), np.nan)
        for aircraft, states in enumerate(self._states.values()):
            instants = [at[moment] for moment in states]
            lines[aircraft, instants] = [state.line for state in states.values()]
            table[:, aircraft, instants] = np.array([state.values for state in states.values()]).T
        values = dict(zip(names, table, strict=True))
        return _encounter(tuple(self._states), time, lines, values, self._source, self._notes)


def _cells(source: Source, start: int, end: int) -> Iterator[Place]:
    """The cells of text[start:end]; two separators with nothing between them have an empty one between them."""
    for found in SEPARATOR.finditer(source.text, start, end):
        yield Place(source, start, found.start())
        start = found.end()
    yield Place(source, start, end)


def _encounter(
    names: tuple[str, ...],
    time: Floats,
    lines: Integers,
    values: dict[str, Floats],
    source: Source,
    notes: Sequence[str],
) -> Encounter:
    is_geodetic = values.keys() >= set(POSITIONS[0])
    x, y, z = values["lon" if is_geodetic else "sx"], values["lat" if is_geodetic else "sy"], values["alt"]
    vz = values["vs"]
    if values.keys() >= set(VELOCITIES[0]):
        vx, vy = values["gs"] * np.sin(values["trk"]), values["gs"] * np.cos(values["trk"])
    else:
        vx, vy = values["vx"], values["vy"]
    zeros = np.zeros(lines.shape)
    wind_x = wind_y = np.zeros(len(time))
    if "airspeed" in values:
        heading, airspeed = values["heading"][0], values["airspeed"][0]
        wind_x, wind_y = vx[0] - airspeed * np.sin(heading), vy[0] - airspeed * np.cos(heading)
    alerter = np.where(lines > 0, values.get("alerter", zeros + 1.0), 0.0).astype(np.int64)
    deviations = {name: values.get(name, zeros) for name in DEVIATIONS}
    return Encounter(
        names, time, lines, x, y, z, vx, vy, vz, is_geodetic, deviations, alerter, wind_x, wind_y, source, tuple(notes)
    )
