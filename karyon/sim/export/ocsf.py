"""Security events as OCSF Detection Findings, one JSON line each, for the SIEM that a user already has.

[Open Cybersecurity Schema Framework 1.5, class 2004]: messages that were refused, of devices and over V2V, and what an
agreement protocol may not do. Times are from 1970 where the run knows when it began, as one of the test bench does;
those of a simulated run begin at 0.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from karyon import __version__
from karyon.sim.view.folder import EVENTS, SUMMARY, RunError

VERSION = "1.5.0"  # of OCSF
CATEGORY, CLASS, CREATE = 2, 2004, 1
LOW, MEDIUM, HIGH = 2, 3, 4
SEVERITY = {  # by reason or breach; any other is low
    **dict.fromkeys(("signature", "collision", "replayed"), HIGH),
    **dict.fromkeys(("sequence", "pong", "unproven", "flood", "flooding", "crowded", "future"), MEDIUM),
}
KINDS = {"message": "reason", "agreement": "breach"}  # events that are findings, and the field that says which


def write(folder: Path, stream: TextIO) -> None:
    """The findings of the run in `folder`. Raises RunError."""
    summary = _json(folder / SUMMARY, (folder / SUMMARY).read_text("utf-8"))
    began = int(summary.get("metrics", {}).get("began", 0.0) * 1000)
    for event in _events(folder / EVENTS):
        if event.get("kind") in KINDS:
            finding = _finding(event, str(summary.get("scenario", "")), began)
            stream.write(json.dumps(finding, ensure_ascii=False) + "\n")


def _finding(event: Mapping[str, Any], scenario: str, began: int) -> dict[str, Any]:
    what = str(event.get(KINDS[event["kind"]], "error"))
    time, severity = began + round(1000 * event["time"]), SEVERITY.get(what, LOW)
    return {
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "activity_id": CREATE,
        "activity_name": "Create",
        "type_uid": 100 * CLASS + CREATE,
        "type_name": "Detection Finding: Create",
        "time": time,
        "severity_id": severity,
        "severity": {LOW: "Low", MEDIUM: "Medium", HIGH: "High"}[severity],
        "status_id": 1,
        "status": "New",
        "count": int(event.get("count", 1)),
        "message": f"car {event['vehicle']}: {event['text']}",
        "metadata": {
            "version": VERSION,
            "product": {"name": "KARYON", "vendor_name": "The KARYON developers", "version": __version__},
        },
        "finding_info": {
            "uid": f"{scenario}/{event['vehicle']}/{what}/{time}",
            "title": event["text"],
            "types": [f"{event['kind']} {what}"],
            "created_time": time,
        },
        "unmapped": {"scenario": scenario, "vehicle": event["vehicle"]},
    }


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield _json(path, line)
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error


def _json(path: Path, text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise RunError(f"{path}: is not what a run writes: {error}") from error
