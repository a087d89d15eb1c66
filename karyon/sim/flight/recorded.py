"""Recorded ADS-B tracks (CSV, as `xoolive/traffic` writes them): read, and judged as a receiver would.

Columns: timestamp (UTC), latitude, longitude [deg], altitude [ft], groundspeed [knot], track [deg] and vertical_rate
[ft/min]. Rows without a position or a velocity are no report. A `track` that a byte has wrapped (some below 0, none
above 127) is taken as the one of both that the positions go along, and that is told.
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from karyon.flight import earth, tracks
from karyon.flight.tracks import Report
from karyon.sim import text_files
from karyon.sim.documents import Fault, InputError, quoted
from karyon.sim.text_files import UnusableError

Floats = NDArray[np.float64]

FOOT, KNOT = 0.3048, 1852.0 / 3600.0
NEEDED = ("timestamp", "latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")
SIGMA = 38.0  # m along an axis: NACp 8, which is what most report
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
    rows = [(_name(row), *_numbers(row, table.line_num, path, faults)) for row in table]
    if faults:
        raise InputError(faults)
    return [
        _flight(name, np.array([row[1:] for row in group])) for name, group in groupby(rows, key=lambda row: row[0])
    ]


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
    return numbers


def _expected(name: str) -> str:
    return "a time such as 2017-06-16 07:18:50" if name == "timestamp" else "a number"


def _flight(name: str, table: Floats) -> Flight:
    time, latitude, longitude, altitude, speed, course, climb = table.T
    time = time - time[0]
    known = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    origin = (np.radians(latitude[known[0]]), np.radians(longitude[known[0]])) if known.size else (0.0, 0.0)
    x, y = earth.projected(np.radians(latitude), np.radians(longitude), *origin)
    course, notes = _unwrapped(x, y, course)
    vx, vy = speed * KNOT * np.sin(np.radians(course)), speed * KNOT * np.cos(np.radians(course))
    report = Report(x, y, altitude * FOOT, vx, vy, climb * FOOT / 60.0, time)
    return Flight(name, time, report, notes)


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
