"""Recorded speed of one vehicle, read from OpenACC, SUMO and CSV files.

    read("dynamic_part16.csv.gz")                                      OpenACC: vehicle 1
    read("fcd.xml", {"vehicle": "car.3"})                              SUMO's floating car data (FCD)
    read("log.csv", {"time": "t", "speed": "v", "speed_unit": "km/h"})

Such files come from everywhere: each fault is named with its line, and nothing is repaired in silence. Memory is
bounded by the samples of that one vehicle, whatever the file holds.
"""

import csv
import difflib
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from karyon.sim import text_files
from karyon.sim.text_files import OPENING, NotTextError, Stream, UnusableError

Floats = NDArray[np.float64]

GAP_MAX = 1.0  # s without a sample that are bridged
LENGTH_MIN = 10.0  # s in one piece
SPEED_MAX = 120.0  # m/s
SPEED_MIN = -0.5  # m/s; from here to 0 it is the noise of a standing car, and counts as 0
SPEED_UNITS = {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704}  # in m/s
TIME_UNITS = {"s": 1.0, "ms": 1e-3}  # in s

ROWS_MAX = 5_000_000
SIZE_MAX = 4 * 2**30  # bytes of a file, unpacked
LINE_MAX = 2**16  # bytes of a line of CSV
TAG_MAX = 2**20  # bytes of a tag of XML
DEPTH_MAX = 20  # elements of XML inside each other
FAULTS_SHOWN = 10
NAMES_SHOWN = 20

# Time stamps such as 950.1 and 951.1 are not exactly 1 s apart in binary.
_ROUNDING = 1e-6  # s


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Speed of one vehicle over the longest stretch without a gap over 1 s; linear between samples.

    time      in s, strictly increasing from 0, (sample,)
    speed     in m/s, finite, >= 0, (sample,)
    source    file, and which vehicle or column of it
    warnings  what was left out, in words
    """

    time: Floats
    speed: Floats
    source: str
    warnings: tuple[str, ...]


class RecordingError(Exception):
    """A recording that cannot be used; `str` has one line `path:line: error: message` per fault.

    path           the file
    line, message  of the first fault; line is None where there is none (a missing file)
    """

    def __init__(self, path: Path, faults: Sequence[tuple[int | None, str]], more: int = 0) -> None:
        """`faults` are (line, message), at least one; `more` of them are not listed."""
        self.path = path
        self.line, self.message = faults[0]
        lines = [f"{path}{f':{line}' if line else ''}: error: {message}" for line, message in faults]
        if more:
            lines.append(f"{path}: error: and {more} more")
        super().__init__("\n".join(lines))


def read(path: str | Path, columns: Mapping[str, str | None] | None = None) -> Recording:
    """Read a recording, plain or gzipped, whatever its name ends in.

    columns  CSV: `time` and `speed` name columns, `speed_unit` (m/s, km/h, mph) and `time_unit` (s, ms) say what is
             in them. SUMO: `vehicle` names one, else it is the first of the file. OpenACC needs none: vehicle 1.
             A field that is None counts as absent.

    RecordingError says what is wrong with the file or the columns, and where. Nothing else is raised.
    """
    path = Path(path)
    chosen = {field: name for field, name in (columns or {}).items() if name is not None}
    try:
        with text_files.opened(path) as stream:
            return _read(_Source(stream), _Faults(path), chosen)
    except UnusableError as error:
        raise RecordingError(path, [(error.line, error.message)]) from error
    except OSError as error:
        raise RecordingError(path, [(None, f"cannot be read: {error.strerror or error}")]) from error


def _read(source: "_Source", faults: "_Faults", columns: Mapping[str, str]) -> Recording:
    """The longest stretch of whatever kind of file this is. RecordingError has all faults, in order of lines."""
    try:
        samples, what = _fcd(source, columns, faults) if source.is_xml() else _csv(source, columns, faults)
        if faults.count:
            raise faults.error()
        return samples.longest_stretch(f"{faults.path.name}: {what}")
    except UnusableError as end:
        faults.add(end.line, end.message)
        raise faults.error() from end


class _Faults:
    """The faults of a file in the order they are found, the first few in full, so that memory stays bounded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown: list[tuple[int | None, str]] = []
        self.count = 0

    def add(self, line: int | None, message: str) -> None:
        self.count += 1
        if self.count <= FAULTS_SHOWN:
            self._shown.append((line, message))

    def error(self) -> RecordingError:
        return RecordingError(self.path, self._shown, self.count - len(self._shown))


class _Source:
    """The bytes of a file as lines of text or as chunks, within the limits. `UnusableError` names the line reached."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._line = 1
        self._size = 0

    def is_xml(self) -> bool:
        return text_files.unpacked(self._stream.peek, 1024, self._line).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._take(self._stream.read, 2**16):
            yield chunk
            self._line += chunk.count(b"\n")

    def lines(self) -> Iterator[str]:
        while line := self._take(self._stream.readline, LINE_MAX + 1):
            if len(line) > LINE_MAX:
                raise self._error(f"is longer than {LINE_MAX} bytes: not a line of a recording")
            if self._line > ROWS_MAX:
                raise self._error(f"has more than {ROWS_MAX} lines before it: too many")
            yield self._text(line)
            self._line += 1

    def _text(self, line: bytes) -> str:
        """A line decoded, without the byte order mark that some programs put first."""
        try:
            text = text_files.decoded(line)
        except NotTextError as error:
            raise self._error(error.message) from error
        return text.removeprefix("\ufeff") if self._line == 1 else text

    def _take(self, read: Callable[[int], bytes], size: int) -> bytes:
        data = text_files.unpacked(read, size, self._line)
        self._size += len(data)
        if self._size > SIZE_MAX:
            raise self._error(f"the file goes on past {SIZE_MAX} bytes (unpacked): too large")
        return data

    def _error(self, message: str) -> UnusableError:
        return UnusableError(self._line, message)


class _Samples:
    """The samples of one vehicle, checked one by one: time in s from the first row on, speed in m/s."""

    def __init__(self, faults: _Faults, time_unit: float = 1.0, speed_unit: float = 1.0) -> None:
        self._faults = faults
        self._time_unit = time_unit
        self._speed_unit = speed_unit
        self._rows = 0
        self._first = math.nan
        self._last = -math.inf
        self._lines, self._times, self._speeds = array("q"), array("d"), array("d")

    def take(self, line: int, time: str, speed: str) -> None:
        """Take one row as it stands in the file. Empty and NaN are a lost sample; faults are recorded."""
        self._rows += 1
        if self._rows > ROWS_MAX:
            raise UnusableError(line, f"has more than {ROWS_MAX} rows before it: too many")
        try:
            seconds = self._seconds(_number("time", time))
            metres_per_second = self._metres_per_second(_number("speed", speed))
        except ValueError as fault:
            self._faults.add(line, str(fault))
            return
        if math.isnan(metres_per_second):
            return
        if math.isnan(seconds):
            self._faults.add(line, f"a speed of {_quoted(speed)} has no time stamp")
            return
        self._lines.append(line)
        self._times.append(seconds)
        self._speeds.append(metres_per_second)

    def _seconds(self, stamp: float) -> float:
        """Time since the first row; NaN without a time stamp. ValueError unless it is later than in the row before."""
        if math.isnan(stamp):
            return stamp
        if math.isnan(self._first):
            self._first = stamp
        seconds = (stamp - self._first) * self._time_unit
        behind, self._last = self._last - seconds, seconds
        if behind > 0.0:
            raise ValueError(f"time goes back to {stamp:.15g}, by {behind:.6g} s")
        if not behind < 0.0:
            raise ValueError(f"the time stamp {stamp:.15g} repeats the one before")
        return seconds

    def _metres_per_second(self, value: float) -> float:
        """The speed, noise below 0 taken as 0; NaN for a lost sample. ValueError where no car drives like that."""
        speed = value * self._speed_unit
        if speed > SPEED_MAX:
            hint = "; is it in km/h?" if self._speed_unit == 1.0 else ""
            raise ValueError(f"a speed of {speed:.6g} m/s is above {SPEED_MAX:g} m/s{hint}")
        if speed < SPEED_MIN:
            raise ValueError(f"a speed of {speed:.6g} m/s is negative")
        return 0.0 if speed < 0.0 else speed

    def longest_stretch(self, source: str) -> Recording:
        """The longest stretch without a gap, its time from 0 on. `UnusableError` where that is too short."""
        if not self._times:
            raise UnusableError(None, "has no sample of the speed, every one is lost")
        times = np.array(self._times)
        gaps = np.flatnonzero(np.diff(times) > GAP_MAX + _ROUNDING)
        firsts, lasts = np.append(0, gaps + 1), np.append(gaps, len(times) - 1)
        longest = np.argmax(times[lasts] - times[firsts])
        first, last = int(firsts[longest]), int(lasts[longest])
        if times[last] - times[first] < LENGTH_MIN - _ROUNDING:
            raise UnusableError(self._lines[first], _too_short(times[last] - times[first]))
        time, speed = times[first : last + 1] - times[first], np.array(self._speeds[first : last + 1])
        time.setflags(write=False)
        speed.setflags(write=False)
        return Recording(time, speed, source, self._left_out(times, first, last))

    def _left_out(self, times: Floats, first: int, last: int) -> tuple[str, ...]:
        """A warning, unless the stretch from sample `first` to `last` is the whole file."""
        before, after = times[first], self._last - times[last]
        if before <= 0.0 and after <= 0.0:
            return ()
        gaps = np.count_nonzero(np.diff(times, prepend=0.0, append=self._last) > GAP_MAX + _ROUNDING)
        return (
            f"{self._faults.path}: used {times[last] - times[first]:.1f} s in one piece (lines {self._lines[first]} to "
            f"{self._lines[last]}), left out {before:.1f} s before and {after:.1f} s after; "
            f"gaps over {GAP_MAX:g} s: {gaps}",
        )


def _too_short(length: float) -> str:
    return (
        f"the longest piece without a gap over {GAP_MAX:g} s begins here and lasts {length:.1f} s, "
        f"expected at least {LENGTH_MIN:g} s"
    )


def _csv(source: _Source, columns: Mapping[str, str], faults: _Faults) -> tuple[_Samples, str]:
    """The samples of a table, OpenACC's or any with a line of names, and what they are."""
    records = _records(source)
    opening = list(islice(records, OPENING))
    if not opening:
        raise UnusableError(None, "is empty")
    names_of_openacc = text_files.openacc_names(opening)
    is_openacc, start = names_of_openacc is not None, names_of_openacc or 0
    line, names = opening[start][0], [name.strip() for name in opening[start][1]]
    try:
        chosen = _openacc_columns(names) if is_openacc and not columns else _Columns.choose(names, columns)
    except ValueError as fault:
        raise UnusableError(line, str(fault)) from fault
    samples = _Samples(faults, chosen.time_unit, chosen.speed_unit)
    for line, cells in chain(opening[start + 1 :], records):
        if len(cells) < len(names):
            faults.add(line, f"has {len(cells)} cells, expected {len(names)} as there are names; is it cut off?")
        elif any(cells[len(names) :]):
            faults.add(line, f"has {len(cells)} cells, expected {len(names)} as there are names; a comma in a number?")
        else:
            samples.take(line, cells[chosen.time], cells[chosen.speed])
    return samples, "OpenACC, vehicle 1" if is_openacc and not columns else f"column {names[chosen.speed]}"


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a table time and speed are (index), and their units (in s and m/s)."""

    time: int
    speed: int
    time_unit: float = 1.0
    speed_unit: float = 1.0

    @classmethod
    def choose(cls, names: Sequence[str], columns: Mapping[str, str]) -> "_Columns":
        """The columns that the user named. ValueError says what is wrong and which names there are."""
        _check_fields(columns, ("time", "speed", "time_unit", "speed_unit"))
        if not {"time", "speed"} <= columns.keys():
            raise ValueError(f"not OpenACC's: say `columns: {{time: NAME, speed: NAME}}`; there are {_listed(names)}")
        return cls(
            time=_column(names, columns["time"]),
            speed=_column(names, columns["speed"]),
            time_unit=_unit(columns, "time_unit", "s", TIME_UNITS),
            speed_unit=_unit(columns, "speed_unit", "m/s", SPEED_UNITS),
        )


def _check_fields(columns: Mapping[str, str], known: Sequence[str]) -> None:
    """ValueError where the user says something that this kind of file has no use for."""
    for field in columns:
        if field not in known:
            raise ValueError(f"`columns` has {_quoted(field)}, for this kind of file expected {_listed(known)}")


def _column(names: Sequence[str], name: str) -> int:
    """Index of a column. ValueError where it is not there, or not the only one of that name."""
    if names.count(name) == 1:
        return names.index(name)
    if name in names:
        raise ValueError(f"{names.count(name)} columns are called {_quoted(name)}, expected one")
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {_quoted(near[0])}? " if near else ""
    raise ValueError(f"has no column {_quoted(name)}; {hint}there are {_listed(names)}")


def _unit(columns: Mapping[str, str], field: str, default: str, units: Mapping[str, float]) -> float:
    unit = columns.get(field, default)
    if unit not in units:
        raise ValueError(f"`{field}` is {_quoted(unit)}, expected {_listed(list(units))}")
    return units[unit]


def _openacc_columns(names: Sequence[str]) -> _Columns:
    """Time and the speed of vehicle 1. ValueError where it is missing says which vehicles there are."""
    if "Speed1" not in names:
        vehicles = [found[1] for name in names if (found := re.fullmatch(r"Speed(\d+)", name))]
        raise ValueError(f"has no vehicle 1 (no column `Speed1`); there are {_listed(vehicles)}")
    return _Columns.choose(names, {"time": "Time", "speed": "Speed1"})


def _records(source: _Source) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each line of a table that is not blank; cells are split by the first line's separator."""
    lines = source.lines()
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=text_files.separator(first), strict=True)
    line = 1
    try:
        for cells in reader:
            if "".join(cells).strip():
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnusableError(line, "is no line of CSV: a quotation mark or a carriage return is out of place") from error


def _fcd(source: _Source, columns: Mapping[str, str], faults: _Faults) -> tuple[_Samples, str]:
    """The samples of one vehicle of SUMO's floating car data, and what they are."""
    try:
        _check_fields(columns, ("vehicle",))
    except ValueError as fault:
        raise UnusableError(None, str(fault)) from fault
    samples = _Samples(faults)
    fcd = _FloatingCars(columns.get("vehicle"), samples)
    read_bytes = 0
    try:
        for chunk in source.chunks():
            fcd.parser.Parse(chunk)
            read_bytes += len(chunk)
            if read_bytes - fcd.parser.CurrentByteIndex > TAG_MAX:
                raise fcd.error(f"a tag is longer than {TAG_MAX} bytes")
        fcd.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnusableError(error.lineno, f"is not XML: {expat.ErrorString(error.code)}") from error
    return samples, f"SUMO, vehicle {fcd.chosen()}"


class _FloatingCars:
    """Hands the rows of one vehicle on while expat reads; lines are those of expat, exact."""

    def __init__(self, vehicle: str | None, samples: _Samples) -> None:
        # The encoding is fixed: SUMO writes UTF-8, and expat would look up any codec that a file asks for.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._vehicle = vehicle
        self._samples = samples
        self._others: list[str] = []
        self._depth = 0
        self._time = ""
        self._line = 0
        self._is_absent = True
        self._was_seen = False

    def error(self, message: str) -> UnusableError:
        return UnusableError(self.parser.CurrentLineNumber, message)

    def chosen(self) -> str:
        """The vehicle that was read. `UnusableError` where it never appeared."""
        if self._vehicle is not None and self._was_seen:
            return self._vehicle
        wanted = "vehicle" if self._vehicle is None else f"vehicle {_quoted(self._vehicle)}"
        raise UnusableError(None, f"has no {wanted}; there are {_listed(self._others)}")

    def _doctype(self, *_: object) -> None:
        raise self.error("a document type (DTD) is not accepted: SUMO writes none, and it can make a file explode")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag != "fcd-export":
            raise self.error(f"is {_quoted(tag)}, expected SUMO's floating car data (`fcd-export`)")
        if self._depth > DEPTH_MAX:
            raise self.error(f"more than {DEPTH_MAX} elements are inside each other")
        if tag == "timestep":
            self._time, self._line, self._is_absent = attributes.get("time", ""), self.parser.CurrentLineNumber, True
        elif tag == "vehicle":
            self._car(attributes.get("id", ""), attributes.get("speed", ""))

    def _car(self, vehicle: str, speed: str) -> None:
        if self._vehicle is None:
            self._vehicle = vehicle
        if vehicle == self._vehicle:
            self._is_absent, self._was_seen = False, True
            self._samples.take(self.parser.CurrentLineNumber, self._time, speed)
        elif len(self._others) <= NAMES_SHOWN and vehicle not in self._others:
            self._others.append(vehicle)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag == "timestep" and self._is_absent:
            self._samples.take(self._line, self._time, "")


def _number(what: str, text: str) -> float:
    """The number in a cell, NaN for an empty one. ValueError says what is there instead."""
    try:
        number = float(text or "nan")
    except ValueError:
        number = math.nan if text.isspace() else math.inf
    # Python's own notation 1_000 is no number anywhere else.
    if math.isinf(number) or "_" in text:
        raise ValueError(f"the {what} is {_quoted(text)}, expected a finite number")
    return number


def _quoted(text: object) -> str:
    """What was found, short and on one line."""
    shown = str(text).encode("unicode_escape").decode() if not str(text).isprintable() else str(text)
    return f"`{shown}`" if len(shown) <= 40 else f"`{shown[:40]}`..."


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    shown = ", ".join(_quoted(name) for name in names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and more"
