"""Recorded ADS-B tracks (CSV, as `xoolive/traffic` writes them): read, and judged as a receiver would.

Columns: timestamp (UTC), latitude, longitude [deg], altitude [ft], groundspeed [knot], track [deg] and vertical_rate
[ft/min]. Rows without a position or a velocity are no report. A `track` that a byte has wrapped (some below 0, none
above 127) is taken as the one of both that the positions go along, and that is told, as are jumps in time.

Rows that a resampling has filled in, on a straight line between two others, are no reports, which is told.

Positions are on WGS84, as satellites give them: pyproj puts them on a plane around the first (azimuthal equidistant).
A place, or a way, that cannot be in the units that the columns have is a fault.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from math import inf, nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from karyon.flight import tracks
from karyon.flight.tracks import Report
from karyon.flight.units import FOOT, KNOT
from karyon.sim import text_files
from karyon.sim.documents import Fault, InputError, quoted
from karyon.sim.text_files import UnusableError

Floats = NDArray[np.float64]

NEEDED = ("timestamp", "latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")
SIGMA = 38.0  # m along an axis: NACp 8, which is what most report
JUMP = 60.0  # s without a row, from which on it is told
WINDOW = 60.0  # s over which a way, and a climb, is compared with what the velocities say
MOVED_MIN, CLIMBED_MIN = 5000.0, 300.0  # m of way, and of climb, that tell something about units
SAME = 0.04  # relative: a factor is that of two units
SPEEDS = {"m/s": 1.0 / KNOT, "km/h": 1.0 / 3.6 / KNOT}  # of what a speed may be in, in knots
HEIGHTS = {"m": FOOT}  # of what an altitude may be in: as many times as high it seems to climb
PLACES = {"latitude": 90.0, "longitude": 360.0}  # deg, at most
ROUNDING = 1e-8  # deg: a millimetre
BYTE, LONGEST = 256.0, 127.0  # deg: what a byte wraps by, and the largest that it holds


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """One track: time in s from its begin, and m and m/s in the plane at its first position (row,).

    name    callsign and address
    notes   what was mended, in words
    """

    name: str
    time: Floats
    report: Report
    notes: tuple[str, ...]


def read(path: Path) -> list[Flight]:
    """The tracks in a file, in its order. InputError says which line is no report, all at once."""
    try:
        with text_files.opened(path) as stream:
            text = text_files.decoded(text_files.unpacked(stream.read, 100 * 2**20, 1))
    except UnusableError as error:
        raise InputError([Fault(str(path), error.line, None, 0, error.message)]) from error
    table = csv.DictReader(text.splitlines())
    missing = [name for name in NEEDED if name not in (table.fieldnames or ())]
    if missing:
        raise InputError([Fault(str(path), 1, 1, 1, f"has no column {', '.join(map(quoted, missing))}")])
    faults: list[Fault] = []
    rows = [(_name(row), table.line_num, _numbers(row, table.line_num, path, faults)) for row in table]
    if faults:
        raise InputError(faults)
    groups = [(name, list(group)) for name, group in groupby(rows, key=lambda row: row[0])]
    flights = [_flight(name, np.array([numbers for _, _, numbers in group])) for name, group in groups]
    for flight, (_, group) in zip(flights, groups, strict=True):
        faults += _implausible(flight, [line for _, line, _ in group], path)
    if faults:
        raise InputError(faults)
    return flights


def believed(flight: Flight) -> Floats:
    """Validity of each report of a track, 0..1, as `karyon.flight.tracks` judges it (row,)."""
    track, found = tracks.none_yet(1), np.zeros(len(flight.time))
    usable = np.isfinite(np.array(flight.report)).all(axis=0)
    for row in range(len(found)):
        report = Report(*(each[row : row + 1] for each in flight.report))
        track = tracks.updated(track, report, usable[row : row + 1], SIGMA)
        found[row] = tracks.believed(track, SIGMA)[0]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A recorded track that is at a point of the plane at some time: where the aircraft is, and what it reports.

    Between two positions that differ it flies straight; before the first and after the last it goes on.
    """

    flight: Flight
    time: Floats
    position: Floats
    velocity: Floats
    shift: float

    def at(self, now: float) -> tuple[Floats, Floats]:
        """Position (x, y, z) in m and velocity in m/s at `now` s of the run."""
        when = now + self.shift
        inside = min(max(when, self.time[0]), self.time[-1])
        position, velocity = (
            np.array([np.interp(inside, self.time, each) for each in part]) for part in (self.position, self.velocity)
        )
        return position + velocity * (when - inside), velocity

    def reported(self, now: float) -> Floats:
        """The last report (x, y, z, vx, vy, vz) at `now` s of the run; NaN before the first and after the last one."""
        when = now + self.shift
        row = int(np.searchsorted(self.flight.time, when, side="right")) - 1
        if row < 0 or when > self.flight.time[-1] + 1.0:
            return np.full(6, np.nan)
        reported: Floats = np.array([each[row] for each in self.flight.report[:6]])
        reported[:3] += self.position[:, 0] - self._first()
        return reported

    def _first(self) -> Floats:
        row = int(np.searchsorted(self.flight.time, self.time[0]))
        return np.array([each[row] for each in self.flight.report[:3]])


def replay(flight: Flight, meets: float, altitude: float) -> Replay:
    """The track, in the middle of which the aircraft is at (0, 0, altitude) at `meets` s of the run.

    Raises ValueError where it has fewer than two positions that differ.
    """
    table = np.array(flight.report[:6])
    known = np.flatnonzero(np.isfinite(table).all(axis=0))
    table, time = table[:, known], flight.time[known]
    differs = np.concatenate([[True], (np.diff(table[:2]) != 0.0).any(axis=0)])
    table, time = table[:, differs], time[differs]
    if len(time) < 2:
        raise ValueError("has fewer than two positions that differ")
    middle = 0.5 * (time[0] + time[-1])
    origin = np.array([np.interp(middle, time, each) for each in table[:3]]) - np.array([0.0, 0.0, altitude])
    return Replay(flight, time, table[:3] - origin[:, None], table[3:], middle - meets)


def _name(row: dict[str, str]) -> str:
    return f"{row.get('callsign', '').strip()} {row.get('icao24', '').strip()}".strip() or "aircraft"


def _numbers(row: dict[str, str], line: int, path: Path, faults: list[Fault]) -> list[float]:
    numbers = []
    for name in NEEDED:
        cell = (row[name] or "").strip()
        try:
            if name == "timestamp":
                numbers.append(datetime.fromisoformat(cell).timestamp())
            else:
                numbers.append(float(cell) if cell else nan)
        except ValueError:
            faults.append(Fault(str(path), line, 1, 1, f"{name} is {quoted(cell)}, expected {_expected(name)}"))
            numbers.append(nan)
        if abs(numbers[-1]) > PLACES.get(name, inf):
            what = f"{name} is {numbers[-1]:g}, expected at most {PLACES[name]:g} either way"
            faults.append(Fault(str(path), line, 1, 1, what, "degrees?"))
    return numbers


def _implausible(flight: Flight, lines: list[int], path: Path) -> Iterator[Fault]:
    """Where the time goes back, and ways that are in other units than the velocities along them."""
    back = np.flatnonzero(np.diff(flight.time) < 0.0)
    for row in back[:1]:
        yield Fault(str(path), lines[row + 1], 1, 1, f"the time of {flight.name} goes back", "in order of time?")
    if back.size:
        return
    (moved, said), (climbed, sank) = _ways(flight)
    if min(moved, said) > MOVED_MIN:
        for unit, factor in SPEEDS.items():
            if abs(moved / said / factor - 1.0) < SAME:
                what = f"{flight.name} moves {moved / said:.3g} times as fast as its groundspeed in knots says"
                yield Fault(str(path), lines[0], 1, 1, what, f"groundspeed in {unit}?")
    if min(climbed, sank) > CLIMBED_MIN:
        for unit, factor in HEIGHTS.items():
            if abs(climbed / sank / factor - 1.0) < SAME:
                what = f"{flight.name} climbs {climbed / sank:.3g} times as fast as its vertical_rate in ft/min says"
                yield Fault(str(path), lines[0], 1, 1, what, f"altitude in {unit}?")


def _ways(flight: Flight) -> tuple[tuple[float, float], tuple[float, float]]:
    """Way over ground, and climbs and descents, in m: by the positions, and by the velocities, each in windows."""
    known = np.isfinite(np.array(flight.report)).all(axis=0)
    time, (x, y, z, vx, vy, vz, _) = flight.time[known], np.array(flight.report)[:, known]
    moved = said = climbed = sank = 0.0
    cuts = np.searchsorted(time, np.arange(time[0], time[-1], WINDOW)).tolist() if len(time) else []
    for begin, end in pairwise(cuts):
        part = slice(begin, end)
        steps = np.diff(time[part])
        if len(steps) < 2 or steps.max() > JUMP / 4:
            continue
        moved += float(np.hypot(x[end - 1] - x[begin], y[end - 1] - y[begin]))
        east, north, up = (float((0.5 * (v[part][1:] + v[part][:-1]) * steps).sum()) for v in (vx, vy, vz))
        said, climbed, sank = said + float(np.hypot(east, north)), climbed + abs(z[end - 1] - z[begin]), sank + abs(up)
    return (moved, said), (climbed, sank)


def _expected(name: str) -> str:
    return "a time such as 2017-06-16 07:18:50" if name == "timestamp" else "a number"


def _flight(name: str, table: Floats) -> Flight:
    time, latitude, longitude, altitude, speed, course, climb = table.T
    time = time - time[0]
    known = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    x, y = _plane(latitude, longitude, int(known[0])) if known.size else (latitude, longitude)
    course, notes = _unwrapped(x, y, course)
    notes = (*notes, *_jumps(time))
    vx, vy = speed * KNOT * np.sin(np.radians(course)), speed * KNOT * np.cos(np.radians(course))
    filled = _filled(latitude, longitude)
    if filled.any():
        notes = (*notes, f"{filled.sum()} of {len(time)} rows were filled in on a line between others: no reports")
        x, y = (np.where(filled, nan, each) for each in (x, y))
    report = Report(x, y, altitude * FOOT, vx, vy, climb * FOOT / 60.0, time)
    return Flight(name, time, report, notes)


def _plane(latitude: Floats, longitude: Floats, first: int) -> tuple[Floats, Floats]:
    """East and north of the first position in m, NaN where there is none. Raises ValueError without pyproj."""
    try:
        from pyproj import Proj  # noqa: PLC0415  (an extra)
    except ImportError:
        raise ValueError("needs pyproj: pip install 'karyon[flight]'") from None
    plane = Proj(proj="aeqd", ellps="WGS84", lat_0=latitude[first], lon_0=longitude[first])
    x, y = plane(longitude, latitude)
    return np.where(np.isfinite(x), x, nan), np.where(np.isfinite(y), y, nan)


def _filled(latitude: Floats, longitude: Floats) -> NDArray[np.bool_]:
    """Rows that moved on by as much, to the last digit, as the next one does: none of a real receiver does."""
    steps = np.diff([latitude, longitude])
    same = (np.abs(np.diff(steps)) < ROUNDING).all(axis=0) & (steps[:, 1:] != 0.0).any(axis=0)
    return np.concatenate([[False], same, [False]])


def _jumps(time: Floats) -> Iterator[str]:
    for row in np.flatnonzero(np.diff(time) > JUMP):
        yield f"the time jumps from {time[row]:g} s to {time[row + 1]:g} s after its begin"


def _unwrapped(x: Floats, y: Floats, course: Floats) -> tuple[Floats, tuple[str, ...]]:
    """The tracks in deg; where a byte has wrapped them, that of both which the way goes along."""
    kept = course[np.isfinite(course)]
    if not kept.size or not (kept.min() < 0.0 and kept.max() <= LONGEST):
        return course, ()
    way = np.degrees(np.arctan2(np.gradient(x), np.gradient(y)))
    off, wrapped = (np.abs((each - way + 180.0) % 360.0 - 180.0) for each in (course, course + BYTE))
    note = (
        f"track is from {kept.min():g} to {kept.max():g}: a byte has wrapped it, and the positions tell the right one"
    )
    return np.where(wrapped < off, course + BYTE, course), (note,)
