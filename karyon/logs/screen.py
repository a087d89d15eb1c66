"""What `karyon perceive` tells on the screen: what was judged, what was found, where the answer is."""

from collections.abc import Iterator
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from karyon.logs.judging import CALLED, Tally
from karyon.logs.perceive import Outcome
from karyon.sim.documents import shortened

NAME_MAX = 28  # columns for the name of a signal
SENDERS_SHOWN = 10


def lines(outcome: Outcome, out: Path) -> Iterator[str]:
    """The screen, line by line."""
    span = outcome.end - outcome.begin
    if outcome.senders:
        yield from _messages(outcome, span)
    else:
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
        "senders": {name: {"messages": messages, "low": low} for name, (messages, low) in outcome.senders.items()},
    }


def _messages(outcome: Outcome, span: float) -> Iterator[str]:
    """How many messages were doubted, and the senders of most of them."""
    low = sum(lows for _, lows in outcome.senders.values())
    doubted = sorted((name for name, (_, lows) in outcome.senders.items() if lows), key=partial(_rank, outcome))
    yield f"{outcome.rows} messages   {span:.1f} s   {low} below validity {CALLED:g}"
    yield f"   of {len(doubted)} of {len(outcome.senders)} senders{':' if doubted else ''}"
    names = {name: shortened(name, NAME_MAX) for name in doubted[:SENDERS_SHOWN]}
    width = max(map(len, names.values()), default=0)
    for name, called in names.items():
        messages, lows = outcome.senders[name]
        yield f"   {called:{width}}   {lows:5} of {messages:5} messages   {100 * lows / messages:5.1f} %"
    if len(doubted) > SENDERS_SHOWN:
        yield f"   and {len(doubted) - SENDERS_SHOWN} more"


def _rank(outcome: Outcome, name: str) -> tuple[float, str]:
    """The sender with the most doubted messages first, then by name."""
    return -outcome.senders[name][1], name


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
