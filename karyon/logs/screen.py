"""What `karyon perceive` tells on the screen: what was judged, what was found, where the answer is."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from karyon.logs.judging import CALLED, Tally
from karyon.logs.perceive import Outcome

NAME_MAX = 28  # columns for the name of a signal


def lines(outcome: Outcome, out: Path) -> Iterator[str]:
    """The screen, line by line."""
    span = outcome.end - outcome.begin
    yield f"{outcome.rows} rows   {span:.1f} s   an alarm is a stretch below validity {CALLED:g}"
    width = min(NAME_MAX, max(len(tally.name) for tally in outcome.tallies))
    for tally in outcome.tallies:
        yield _line(tally, width, outcome.begin)
    if outcome.mismatch:
        yield f"note: the rows are {outcome.mismatch:.3g} s apart, the description says period {outcome.period:.3g} s"
    yield f"{'all of it' if outcome.is_complete else 'what was judged'}: {out}"


def as_data(outcome: Outcome) -> dict[str, Any]:
    """The same for scripts; times in s as in the log."""
    return {
        "rows": outcome.rows,
        "begin": _or_none(outcome.begin),
        "end": _or_none(outcome.end),
        "complete": outcome.is_complete,
        "signals": {
            tally.name: {
                "samples": tally.samples,
                "alarms": tally.alarms,
                "low": tally.low,
                "first_alarm": _or_none(tally.first[0]) if tally.first else None,
                "first_detectors": tally.first[1] if tally.first else None,
                "silences": tally.silences,
                "longest_silence": tally.longest,
            }
            for tally in outcome.tallies
        },
    }


def _line(tally: Tally, width: int, begin: float) -> str:
    name = tally.name[:width].ljust(width)
    if not tally.samples:
        return f"   {name}   no sample"
    low = 100.0 * tally.low / tally.samples
    alarms = f"{tally.alarms} alarm{'s' if tally.alarms != 1 else ''}"
    text = f"   {name}   {tally.samples} samples   {alarms:>10}   {low:5.1f} % below"
    if tally.silences:
        text += f"   silent {tally.silences} time{'s' if tally.silences != 1 else ''}, up to {tally.longest:.3g} s"
    if tally.first is None:
        return text
    at = tally.first[0] - begin
    return f"{text}   first {f'at {at:.1f} s' if isfinite(at) else 'where there is no time'}: {tally.first[1]}"


def _or_none(number: float) -> float | None:
    return number if isfinite(number) else None
