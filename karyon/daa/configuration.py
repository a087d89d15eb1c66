"""Alerting from a DAIDALUS configuration file: `key = value [unit]`, one a line, `#` before a comment.

Every key of DAIDALUS 2 is known and its value checked; those of bands and resolutions are not used by alerting. What is
not known is named, and so is what is known and would change alerts in a way that is not computed here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

from karyon.daa import files
from karyon.daa.units import (
    A_CLIMB,
    A_LENGTH,
    A_NUMBER,
    A_SPEED,
    A_TIME,
    A_TURN,
    AN_ACCELERATION,
    AN_ALTITUDE,
    AN_ANGLE,
    Quantity,
)
from karyon.flight.alerting import Hysteresis, Level
from karyon.flight.uncertainty import Scores
from karyon.flight.well_clear import Volume
from karyon.sim.documents import Fault, InputError, Place, Source, in_order, quoted, suggestion

SWITCH, WHOLE, REGION, NAME, NAMES = "true or false", "a whole number", "a region", "a name", "names"
REGIONS = ("NONE", "FAR", "MID", "NEAR")
DETECTOR = re.compile(r"(?:gov\.nasa\.larcfm\.ACCoRD\.|larcfm::)?(\w+)")
DETECTORS = {"WCV_TAUMOD": False, "WCV_TAUMOD_SUM": True}  # whether it takes the uncertainty of states

Kind = Quantity | str

GENERAL: dict[str, Kind] = {
    "lookahead_time": A_TIME,
    **dict.fromkeys(("left_hdir", "right_hdir", "step_hdir", "bank_angle", "contour_thr"), AN_ANGLE),
    **dict.fromkeys(("persistence_preferred_hdir", "dta_latitude", "dta_longitude"), AN_ANGLE),
    **dict.fromkeys(("min_airspeed", "min_hs", "max_hs", "step_hs", "persistence_preferred_hs"), A_SPEED),
    **dict.fromkeys(("below_relative_hs", "above_relative_hs"), A_SPEED),
    **dict.fromkeys(("min_vs", "max_vs", "step_vs", "vertical_rate", "persistence_preferred_vs"), A_CLIMB),
    **dict.fromkeys(("below_relative_vs", "above_relative_vs"), A_CLIMB),
    **dict.fromkeys(("min_alt", "max_alt", "step_alt", "persistence_preferred_alt"), AN_ALTITUDE),
    **dict.fromkeys(("below_relative_alt", "above_relative_alt", "dta_height"), AN_ALTITUDE),
    **dict.fromkeys(("min_vertical_recovery", "horizontal_nmac", "vertical_nmac"), AN_ALTITUDE),
    **dict.fromkeys(("min_horizontal_recovery", "h_vel_z_distance", "dta_radius"), A_LENGTH),
    **dict.fromkeys(("horizontal_accel", "vertical_accel"), AN_ACCELERATION),
    "turn_rate": A_TURN,
    **dict.fromkeys(("recovery_hdir", "recovery_hs", "recovery_vs", "recovery_alt", "ca_bands"), SWITCH),
    **dict.fromkeys(("bands_persistence", "conflict_crit", "recovery_crit"), SWITCH),
    **dict.fromkeys(("ownship_centric_alerting", "bands_add_time_to_maneuver"), SWITCH),
    **dict.fromkeys(("recovery_stability_time", "hysteresis_time", "persistence_time"), A_TIME),
    **dict.fromkeys(("alerting_m", "alerting_n", "dta_logic", "dta_alerter", "hdir_bands_below_min_as"), WHOLE),
    **dict.fromkeys(("ca_factor", "h_pos_z_score", "h_vel_z_score_min", "h_vel_z_score_max"), A_NUMBER),
    **dict.fromkeys(("v_pos_z_score", "v_vel_z_score"), A_NUMBER),
    "corrective_region": REGION,
    "alerters": NAMES,
}
ALIASES = {  # of DAIDALUS 1
    "left_trk": "left_hdir",
    "right_trk": "right_hdir",
    "min_gs": "min_hs",
    "max_gs": "max_hs",
    "trk_step": "step_hdir",
    "gs_step": "step_hs",
    "vs_step": "step_vs",
    "alt_step": "step_alt",
    "recovery_trk": "recovery_hdir",
    "recovery_gs": "recovery_hs",
    "resolution_hysteresis_time": "hysteresis_time",
    "max_delta_resolution_hdir": "persistence_preferred_hdir",
    "max_delta_resolution_hs": "persistence_preferred_hs",
    "max_delta_resolution_vs": "persistence_preferred_vs",
    "max_delta_resolution_alt": "persistence_preferred_alt",
}
OF_LEVEL: dict[str, Kind] = {
    "region": REGION,
    "alerting_time": A_TIME,
    "early_alerting_time": A_TIME,
    "spread_hdir": AN_ANGLE,
    "spread_hs": A_SPEED,
    "spread_vs": A_CLIMB,
    "spread_alt": AN_ALTITUDE,
    "detector": NAME,
}
OF_DETECTOR: dict[str, Kind] = {
    "WCV_DTHR": A_LENGTH,
    "WCV_ZTHR": AN_ALTITUDE,
    "WCV_TTHR": A_TIME,
    "WCV_TCOA": A_TIME,
    **dict.fromkeys(("h_pos_z_score", "h_vel_z_score_min", "h_vel_z_score_max"), A_NUMBER),
    **dict.fromkeys(("v_pos_z_score", "v_vel_z_score"), A_NUMBER),
    "h_vel_z_distance": A_LENGTH,
    "id": NAME,
}
LOADS = "load_core_detection"
SCORES = {  # field of Scores: key
    "position": "h_pos_z_score",
    "velocity_far": "h_vel_z_score_min",
    "velocity_near": "h_vel_z_score_max",
    "far": "h_vel_z_distance",
    "altitude": "v_pos_z_score",
    "climb": "v_vel_z_score",
}
SPREADS = tuple(key for key in OF_LEVEL if key.startswith("spread_"))
SIGNED = frozenset({"min_vs", "max_vs", "min_alt", "dta_latitude", "dta_longitude"})  # may be below 0

LINE = re.compile(r"\s*(?P<key>[^=#]*?)\s*=\s*(?P<value>[^#\[]*?)\s*(?:\[\s*(?P<unit>[^\]#]*?)\s*\])?\s*(?:#.*)?")
INTEGER = re.compile(r"[-+]?[0-9]{1,9}")
NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Alerter:
    """The alert levels of one kind of intruder; the first is level 1. `scores` are those of its uncertain levels."""

    name: str
    levels: tuple[Level, ...]
    scores: tuple[Scores, ...]


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal area (DTA): aircraft within `radius` m and below `height` m have the alerter of this number.

    latitude, longitude   rad
    """

    latitude: float
    longitude: float
    radius: float
    height: float
    alerter: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """What alerting needs of a configuration.

    lookahead            s
    by_ownship           the ownship's alerter counts for every intruder, else each intruder's own
    altitude_max         m; the highest altitude that the configuration speaks of
    """

    alerters: tuple[Alerter, ...]
    hysteresis: Hysteresis
    lookahead: float
    by_ownship: bool
    terminal: Terminal | None
    altitude_max: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line: its key, its value as text and unit, and their places."""

    key: str
    text: str
    unit: str | None
    at_key: Place
    at_value: Place


def load(path: Path) -> Configuration:
    """The configuration in a file. InputError has everything that is wrong with it."""
    source = files.read(path)
    faults: list[Fault] = []
    values = _Values(source, _entries(source, faults), faults)
    configuration = values.configuration()
    if faults:
        raise InputError(in_order(faults))
    return configuration


def _entries(source: Source, faults: list[Fault]) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    others: list[tuple[int, int]] = []
    for start, end in _lines(source):
        text = source.text[start:end]
        if not text.split("#", 1)[0].strip():
            continue
        found = LINE.fullmatch(text)
        if found is None or not found["key"] or not found["value"]:
            others.append((start, end))
            continue
        at_key, at_value = (
            Place(source, start + found.start(part), start + found.end(part)) for part in ("key", "value")
        )
        entry = _Entry(ALIASES.get(found["key"], found["key"]), found["value"], found["unit"], at_key, at_value)
        if entry.key in entries:
            first = entries[entry.key].at_key.fault("").line
            faults.append(at_key.fault(f"{quoted(found['key'])} is set a second time, first in line {first}"))
        entries.setdefault(entry.key, entry)
    if others:
        more = f" ({len(others) - 1} more such lines)" if len(others) > 1 else ""
        faults.append(source.fault(*others[0], f"is no `key = value [unit]`{more}"))
    return entries


def _lines(source: Source) -> Iterable[tuple[int, int]]:
    """Begin and end of each line, its line break left out."""
    ends = [*source.starts[1:], len(source.text)]
    for start, end in zip(source.starts, ends, strict=True):
        yield start, start + len(source.text[start:end].rstrip("\r\n"))


class _Values:
    """The entries as values; what is wrong with them goes to `faults`."""

    def __init__(self, source: Source, entries: dict[str, _Entry], faults: list[Fault]) -> None:
        self._source = source
        self._entries = entries
        self._faults = faults
        self._kinds: dict[str, Kind] = dict(GENERAL)  # and those of the alerters, as their names are read
        self._meant: set[str] = set()  # keys that stand misspelt in the file: they are not also missing

    def configuration(self) -> Configuration:
        """The whole configuration; anything where there are faults."""
        names = self._names()
        levels = {name: self._numbers(name) for name in names}
        for name, numbers in levels.items():
            self._know(name, numbers)
        self._check_keys()
        if "alerters" not in self._entries and "alerters" not in self._meant:
            lacks = "has no `alerters`: no alert could come of it"
            self._faults.append(self._source.fault(0, 0, lacks, "`alerters = NAME` and its levels"))
        alerters = tuple(self._alerter(name, levels[name]) for name in names)
        m, n = (int(self._number(key, 0.0)) for key in ("alerting_m", "alerting_n"))
        if m > n:
            self._fault("alerting_m", f"alerting_m is {m}, expected at most alerting_n, which is {n}")
        forget, persist = self._number("hysteresis_time", 0.0), self._number("persistence_time", 0.0)
        return Configuration(
            alerters,
            Hysteresis(forget, persist, m, n),
            self._number("lookahead_time", 180.0),
            self._switch("ownship_centric_alerting", True),
            self._terminal(len(alerters)),
            self._number("max_alt", inf),
        )

    def _names(self) -> list[str]:
        entry = self._entries.get("alerters")
        if entry is None:
            return []
        names = [name.strip() for name in entry.text.split(",")]
        for name in sorted({name for name in names if names.count(name) > 1 or not name}):
            what = f"names {quoted(name)} twice" if name else "has an empty name"
            self._faults.append(entry.at_value.fault(f"alerters {what}"))
        return list(dict.fromkeys(name for name in names if name))

    def _numbers(self, name: str) -> list[int]:
        """Numbers of the levels of an alerter."""
        pattern = re.compile(rf"{re.escape(name)}_alert_([0-9]+)_\w+")
        numbers = sorted({int(found[1]) for key in self._entries if (found := pattern.fullmatch(key))})
        if not numbers:
            self._fault("alerters", f"the alerter {quoted(name)} has no levels", f"`{name}_alert_1_region = ...`")
        elif numbers != list(range(1, len(numbers) + 1)):
            shown = ", ".join(map(str, numbers))
            self._fault("alerters", f"the alerter {quoted(name)} has levels {shown}, expected 1, 2, ... without a gap")
        return numbers

    def _know(self, name: str, numbers: Iterable[int]) -> None:
        """Learn the keys of an alerter's levels and of their detectors."""
        for number in numbers:
            self._kinds |= {f"{name}_alert_{number}_{key}": kind for key, kind in OF_LEVEL.items()}
            detector = self._entries.get(f"{name}_alert_{number}_detector")
            if detector is not None:
                self._kinds |= {f"{name}_{detector.text}_{key}": kind for key, kind in OF_DETECTOR.items()}
                self._kinds[f"{name}_{LOADS}_{detector.text}"] = NAME

    def _check_keys(self) -> None:
        """Name every key that is not known, and every value that is not of its kind."""
        for key, entry in self._entries.items():
            kind = self._kinds.get(key)
            if kind is not None:
                self._check(entry, kind)
                continue
            meant = suggestion(key, self._kinds)
            self._meant.add(meant)
            hint = f"did you mean {quoted(meant)}?" if meant else ""
            self._faults.append(entry.at_key.fault(f"no key of DAIDALUS is called {quoted(key)}", hint))

    def _check(self, entry: _Entry, kind: Kind) -> None:
        if isinstance(kind, Quantity):
            self._check_quantity(entry, kind)
            return
        fits = {
            SWITCH: entry.text.lower() in ("true", "false"),
            WHOLE: bool(INTEGER.fullmatch(entry.text)),
            REGION: entry.text.upper() in REGIONS,
        }
        if not fits.get(kind, True) or entry.unit:
            unit = f" [{entry.unit}]" if entry.unit else ""
            expected = f"one of {', '.join(REGIONS)}" if kind == REGION else kind
            meant = suggestion(entry.text.upper(), REGIONS) if kind == REGION else ""
            message = f"{entry.key} is {quoted(entry.text + unit)}, expected {expected}"
            self._faults.append(entry.at_value.fault(message, f"did you mean {meant}?" if meant else ""))

    def _check_quantity(self, entry: _Entry, kind: Quantity) -> None:
        if not NUMBER.fullmatch(entry.text) or not isfinite(float(entry.text)):
            self._faults.append(entry.at_value.fault(f"{entry.key} is {quoted(entry.text)}, expected a number"))
            return
        problem, hint = kind.problem(entry.unit or "")
        if problem:
            self._faults.append(entry.at_value.fault(f"{entry.key} {problem}", hint))
        elif float(entry.text) < 0.0 and entry.key not in SIGNED:
            self._faults.append(entry.at_value.fault(f"{entry.key} is {entry.text}, expected 0 or more"))

    def _alerter(self, name: str, numbers: list[int]) -> Alerter:
        levels, scores = [], []
        for number in numbers:
            prefix = f"{name}_alert_{number}_"
            detector = self._text(f"{prefix}detector")
            is_uncertain = self._is_uncertain(f"{name}_{LOADS}_{detector}") if detector else False
            self._refuse_spreads(prefix)
            time = self._needed(f"{prefix}alerting_time")
            early = self._number(f"{prefix}early_alerting_time", time)
            if early < time:
                late = f"is earlier than {name}_alert_{number}_alerting_time: it is the longer of the two"
                self._fault(f"{prefix}early_alerting_time", f"{prefix}early_alerting_time {late}")
            volume = self._volume(f"{name}_{detector}_") if detector else Volume(1.0, 1.0, 0.0)
            levels.append(Level(volume, time, early, is_uncertain))
            scores.append(self._scores(f"{name}_{detector}_"))
        return Alerter(name, tuple(levels), tuple(scores))

    def _is_uncertain(self, key: str) -> bool:
        entry = self._entries.get(key)
        if entry is None:
            self._require(key)
            return False
        found = DETECTOR.fullmatch(entry.text)
        if found is None or found[1] not in DETECTORS:
            message = f"the detector {quoted(entry.text)} is not computed here"
            self._faults.append(entry.at_value.fault(message, f"there is {' and '.join(DETECTORS)}"))
            return False
        return DETECTORS[found[1]]

    def _refuse_spreads(self, prefix: str) -> None:
        for key in SPREADS:
            if self._number(prefix + key, 0.0) > 0.0:
                message = f"{prefix}{key} is above 0: alerts for manoeuvres of the ownship are not computed here"
                self._fault(prefix + key, message)

    def _volume(self, prefix: str) -> Volume:
        distance, altitude = (self._needed(f"{prefix}{key}") for key in ("WCV_DTHR", "WCV_ZTHR"))
        for key, value in (("WCV_DTHR", distance), ("WCV_ZTHR", altitude)):
            if value == 0.0 and prefix + key in self._entries:
                self._fault(prefix + key, f"{prefix}{key} is 0, expected more")
        return Volume(distance, altitude, self._needed(f"{prefix}WCV_TTHR"), self._number(f"{prefix}WCV_TCOA", 0.0))

    def _scores(self, prefix: str) -> Scores:
        """Those of the detector, and for the others those of the whole configuration."""
        return Scores(**{name: self._number(prefix + key, self._number(key, 0.0)) for name, key in SCORES.items()})

    def _terminal(self, alerters: int) -> Terminal | None:
        number = int(self._number("dta_alerter", 0.0))
        if self._number("dta_logic", 0.0) == 0.0 or number == 0:
            return None
        if number > alerters:
            self._fault("dta_alerter", f"dta_alerter is {number}, but there are {alerters} alerters")
        names = ("dta_latitude", "dta_longitude", "dta_radius", "dta_height")
        latitude, longitude, radius, height = (self._number(name, 0.0) for name in names)
        return Terminal(latitude, longitude, radius, height, number) if radius > 0.0 and height > 0.0 else None

    def _needed(self, key: str) -> float:
        self._require(key)
        return self._number(key, 0.0)

    def _number(self, key: str, otherwise: float) -> float:
        """In SI; `otherwise` where the key is not there, or no number (which is a fault already)."""
        entry = self._entries.get(key)
        if entry is None or not NUMBER.fullmatch(entry.text):
            return otherwise
        kind = self._kinds[key]
        return float(entry.text) * (kind.units.get(entry.unit or "", 1.0) if isinstance(kind, Quantity) else 1.0)

    def _switch(self, key: str, otherwise: bool) -> bool:
        entry = self._entries.get(key)
        return otherwise if entry is None else entry.text.lower() == "true"

    def _text(self, key: str) -> str:
        self._require(key)
        return self._entries[key].text if key in self._entries else ""

    def _require(self, key: str) -> None:
        if key not in self._entries and key not in self._meant:
            self._fault("alerters", f"{quoted(key)} is missing")

    def _fault(self, key: str, message: str, hint: str = "") -> None:
        """A fault at the value of a key, or at the start of the file where there is none."""
        entry = self._entries.get(key)
        place = entry.at_value if entry else Place(self._source, 0, 0)
        self._faults.append(place.fault(message, hint))
