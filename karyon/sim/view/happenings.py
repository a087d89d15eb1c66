"""What happened in a run, in order of time: of each event what is drawn."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from operator import attrgetter
from pathlib import Path
from typing import Any

from karyon.sim.view.folder import RunError

FAULT, SWITCH, VIOLATION, GROUP, RECORDED = "fault", "los", "violation", "group", "recorded"
BEGINS, ENDS = " begins", " ends"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event; `time` in s. Of a switch also the levels `before` and `after`; of a group who is its `leader` then."""

    time: float
    vehicle: int
    kind: str
    text: str
    before: int = -1
    after: int = -1
    leader: int = -1

    @property
    def is_drop(self) -> bool:
        """Whether service was lost."""
        return self.kind == SWITCH and self.after < self.before


@dataclass(frozen=True, slots=True)
class Span:
    """A fault of a vehicle from `begin` to `end`, s; one that has not ended yet ends with infinity."""

    vehicle: int
    label: str
    begin: float
    end: float


def of(event: Mapping[str, Any]) -> Happening:
    """From a line of `events.jsonl`. Raises KeyError, TypeError, ValueError for what is none."""
    time, vehicle, text = event["time"], event["vehicle"], event["text"]
    if not isfinite(time) or not isinstance(vehicle, int) or not isinstance(text, str):
        raise ValueError("time, vehicle or text is not of its kind")
    kind = str(event["kind"])
    levels = (int(event["from"]), int(event["to"])) if kind == SWITCH else (-1, -1)
    leader = int(event["leader"]) if kind == GROUP else -1
    return Happening(float(time), vehicle, kind, text, *levels, leader)


def read(path: Path) -> list[Happening]:
    """All of a file, in order of time. Raises RunError."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        try:
            found.append(of(json.loads(line)))
        except KeyError as error:
            raise RunError(f"{path}:{number}: is no event: it has no field {error.args[0]}") from None
        except (TypeError, ValueError, RecursionError) as error:
            raise RunError(f"{path}:{number}: is no event, the file may be cut off: {error}") from None
    return in_order(found)


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """By time; what happened at one instant stays in its order."""
    return sorted(happenings, key=attrgetter("time"))


def until(happenings: Sequence[Happening], time: float) -> int:
    """How many of them, in order of time, have happened until then."""
    return bisect_right(happenings, time, key=attrgetter("time"))


def spans(happenings: Iterable[Happening]) -> Iterator[Span]:
    """The faults, from their two edges."""
    running: dict[tuple[int, str], list[float]] = {}
    for each in happenings:
        if each.kind != FAULT:
            continue
        label, begins = each.text.removesuffix(BEGINS).removesuffix(ENDS), each.text.endswith(BEGINS)
        open_since = running.setdefault((each.vehicle, label), [])
        if begins:
            open_since.append(each.time)
        elif open_since:
            yield Span(each.vehicle, label, open_since.pop(0), each.time)
    for (vehicle, label), begun in running.items():
        for begin in begun:
            yield Span(vehicle, label, begin, float("inf"))


def telling(happenings: Sequence[Happening], time: float) -> int:
    """The vehicle to look at at `time` (s): that lost service last, or will first, or fails, or is ours, or 1."""
    drops = [each for each in happenings if each.is_drop]
    past = drops[: until(drops, time)]
    together = [each for each in past if each.time == past[-1].time]
    failed = [each for each in happenings if each.kind in (FAULT, VIOLATION, RECORDED)]
    return next((each.vehicle for each in [*together, *drops, *failed]), 1)
