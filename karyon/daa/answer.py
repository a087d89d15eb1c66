"""What `karyon daa` answers: a table of every intruder and second, and in words what was alerted when."""

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from karyon.daa import alerts, configuration, encounter
from karyon.daa.alerts import NO_ALERT, Judged
from karyon.flight.units import FOOT, NAUTICAL_MILE
from karyon.sim.documents import Fault, InputError, in_order

COLUMNS = ("time", "ownship", "intruder", "alert", "horizontal_separation", "vertical_separation", "tcpa", "dcpa")


def judged(recording: Path, settings: Path) -> Judged:
    """The encounter of one file, judged as another sets it. InputError has the faults of both files."""
    faults: list[Fault] = []
    loaded: list[Any] = []
    for load, path in ((encounter.load, recording), (configuration.load, settings)):
        try:
            loaded.append(load(path))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(in_order(faults))
    return alerts.judge(*loaded)


def write(path: Path, found: Judged) -> None:
    """The table as CSV, one row per instant and intruder; SI units."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(_rows(found))


def _rows(found: Judged) -> Iterator[tuple[object, ...]]:
    ownship, *intruders = found.encounter.names
    measured = (found.horizontal, found.vertical, found.tcpa, found.dcpa)
    for instant, time in enumerate(found.encounter.time.tolist()):
        for index, name in enumerate(intruders):
            if found.alert[index, instant] != NO_ALERT:
                numbers = (f"{values[index, instant]:.6f}" for values in measured)
                yield f"{time:.9g}", ownship, name, found.alert[index, instant], *numbers


def as_data(found: Judged) -> dict[str, Any]:
    """The answer as plain data: per intruder its alerts with their times in s, and the closest it came in m."""
    return {
        "ownship": found.encounter.names[0],
        "begin": float(found.encounter.time[0]),
        "end": float(found.encounter.time[-1]),
        "intruders": [_intruder(found, index) for index in range(len(found.encounter.names) - 1)],
        "notes": list(found.notes),
    }


def _intruder(found: Judged, index: int) -> dict[str, Any]:
    level, time = found.alert[index], found.encounter.time
    judged_at = np.flatnonzero(level != NO_ALERT)
    changes = [*judged_at[:1], *(now for was, now in pairwise(judged_at) if level[was] != level[now])]
    data: dict[str, Any] = {
        "intruder": found.encounter.names[index + 1],
        "seconds": int(judged_at.size),
        "highest_alert": int(level[judged_at].max()) if judged_at.size else None,
        "alerts": [{"time": float(time[at]), "alert": int(level[at])} for at in changes],
    }
    if judged_at.size:
        closest = judged_at[np.argmin(found.horizontal[index, judged_at])]
        data["closest"] = {
            "time": float(time[closest]),
            "horizontal_separation": float(found.horizontal[index, closest]),
            "vertical_separation": float(found.vertical[index, closest]),
        }
    return data


def lines(found: Judged, table: Path) -> list[str]:
    """The answer for the screen."""
    data = as_data(found)
    begin, end = data["begin"], data["end"]
    head = f"{data['ownship']} and {len(data['intruders'])} intruder{'s' * (len(data['intruders']) > 1)}"
    told = [f"{head}   {begin:g} s to {end:g} s"]
    for intruder in data["intruders"]:
        told += _told(intruder)
    told += [f"note: {note}" for note in found.notes]
    return [*told, f"table: {table}"]


def _told(intruder: dict[str, Any]) -> list[str]:
    name = intruder["intruder"]
    if not intruder["seconds"]:
        return [f"{name}   not judged: no alerter is set for it"]
    closest = intruder["closest"]
    across = f"{closest['horizontal_separation'] / NAUTICAL_MILE:.3f} nmi"
    up = f"{closest['vertical_separation'] / FOOT:.0f} ft"
    told = [f"{name}   closest at {closest['time']:g} s: {across} across, {up} up or down"]
    changes = intruder["alerts"]
    if intruder["highest_alert"] == 0:
        return [*told, "   no alert"]
    return told + [f"   {change['time']:8.1f} s   alert {change['alert']}" for change in changes]
