"""What `karyon perceive` tells on the screen: what was judged, what was found, where the answer is."""

from collections.abc import Iterator
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
    yield f"all of it: {out}"


def as_data(outcome: Outcome) -> dict[str, Any]:
    """The same for scripts; times in s as in the log."""
    return {
        "rows": outcome.rows,
        "begin": outcome.begin,
        "end": outcome.end,
        "complete": outcome.fault is None,
        "signals": {
            tally.name: {
                "samples": tally.samples,
                "alarms": tally.alarms,
                "low": tally.low,
                "first_alarm": tally.first[0] if tally.first else None,
                "first_detectors": tally.first[1] if tally.first else None,
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
    return f"{text}   first at {tally.first[0] - begin:.1f} s: {tally.first[1]}" if tally.first else text
