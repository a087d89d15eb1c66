"""A proposed sensors file as text: each number with how it was found, and how sure it is."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite

from karyon.logs.learn_columns import Timing
from karyon.logs.learn_events import Together
from karyon.logs.learn_relations import Related
from karyon.logs.learn_signals import AGE_LIMIT, BLOCKS, Learnt, rounded
from karyon.perception.residuals import HALF_WINDOW, Kind
from karyon.sim.shipped import SHIPPED

SCHEMA = f"# yaml-language-server: $schema={(SHIPPED / 'schema' / 'sensors.json').as_posix()}"
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
WIDTH = 34  # columns before a comment
LEFT_OUT_SHOWN = 20
REMARK_MAX = 400
VAGUE = 0.15  # noise, as a share of the span, above which the samples before say little of the next one


@dataclass(frozen=True, slots=True)
class Proposed:
    """All that a proposal says.

    log        name of the file
    rows       that were read; `complete`: all there are
    accusing   per relation, whether it accuses
    events     signals that leapt together
    left_out   columns that are no signals, and why
    """

    log: str
    rows: int
    complete: bool
    timing: Timing
    signals: Sequence[Learnt]
    relations: Sequence[Related]
    accusing: Sequence[bool]
    events: Sequence[Together]
    left_out: dict[str, str]


def text(proposed: Proposed) -> str:
    """The file."""
    parts = (_head(proposed), _time(proposed.timing), _signals(proposed), _relations(proposed), _events(proposed))
    return "\n".join([*chain.from_iterable(parts), ""])


def _head(proposed: Proposed) -> Iterator[str]:
    rows = f"{'all' if proposed.complete else 'the first'} {proposed.rows} rows"
    hours = proposed.rows * proposed.timing.period / 3600.0
    yield SCHEMA
    yield f"# Proposed from {rows} of {_printable(proposed.log)} ({hours:.3g} h), taken as healthy: check every number."
    yield "# `tolerated` is yours to decide: no log knows what failure your function can bear."
    for name, why in list(proposed.left_out.items())[:LEFT_OUT_SHOWN]:
        yield f"# left out: {_printable(name) or 'a column without a name'}: {why}"
    if (more := len(proposed.left_out) - LEFT_OUT_SHOWN) > 0:
        yield f"# left out: {more} more"
    yield "kind: signals"


def _time(timing: Timing) -> Iterator[str]:
    yield _line(f"period: {_number(timing.period)} s", timing.remark)
    if timing.column is not None:
        unit = f", unit: {timing.unit}" if timing.unit not in (None, "s") else ""
        yield f"time: {{column: {_name(timing.column)}{unit}}}"


def _signals(proposed: Proposed) -> Iterator[str]:
    yield "signals:"
    for signal in proposed.signals:
        yield from _signal(signal, proposed.timing.period)


def _signal(signal: Learnt, period: float) -> Iterator[str]:
    hours = signal.judged * period / 3600.0
    alarms = f"{signal.alarms} alarms" if signal.alarms != 1 else "1 alarm"
    rate = f", {signal.alarms / hours:.2g} per hour" if hours else ""
    yield f"  {_name(signal.name)}:  # {signal.samples} samples; the chain raises {alarms} in {signal.judged}{rate}"
    said = "by its name" if signal.unit != "1" else "the name says none"
    yield _line(f"    unit: {json.dumps(signal.unit) if signal.unit == '1' else signal.unit}", said)
    low, high = signal.range
    seen = f"seen {signal.seen[0]:.8g} to {signal.seen[1]:.8g}; widen it to what the sensor can measure"
    yield _line(f"    range: [{_number(low)}, {_number(high)}]", seen)
    yield _line(f"    noise: {_number(signal.noise)}", _noise(signal))
    span = signal.seen[1] - signal.seen[0]
    share = 100.0 * signal.tolerated / span
    decide = f"DECIDE: {signal.tolerated / signal.noise:.2g} times the noise, {share:.2g} % of the span seen"
    yield _line(f"    tolerated: {_number(signal.tolerated)}", decide)
    if not signal.inertia:
        yield _line("    inertia: false", "its last value predicts it better than its last rate")
    yield from _held(signal)
    if signal.every > 1:
        yield _line(f"    period: {_number(signal.every * period)} s", f"a sample in every {signal.every} rows")
    if isfinite(signal.age_limit):
        lost = f"over 0.1 % of the gaps between samples exceed {AGE_LIMIT:g} periods"
        yield _line(f"    age_limit: {_number(signal.age_limit)} s", lost)


def _noise(signal: Learnt) -> str:
    low, high = signal.noise_spread
    spread = f"{_number(low)} to {_number(high)} in {BLOCKS} blocks"
    larger = f", times {signal.factor:g} for few alarms" if signal.factor > 1.0 else ""
    span = signal.seen[1] - signal.seen[0]
    vague = "; much of the span: white noise, or rows of several sensors" if signal.noise > VAGUE * span else ""
    return f"{spread}{larger}{vague}"


def _held(signal: Learnt) -> Iterator[str]:
    if isfinite(signal.rest):
        held = f"held exactly in {100 * signal.rest_share:.2g} % of the samples: standstill, or the sensor's limit"
        yield _line(f"    rest: {_number(signal.rest)}", held)
    yield _line(f"    resolution: {_number(signal.resolution)}", "smallest step between two values")
    if signal.bridged:
        said = f"{signal.bridged_runs} stretches on an exact line; a stuck sensor is found after this time only"
        yield _line(f"    bridged: {_number(signal.bridged)} s", said)


def _relations(proposed: Proposed) -> Iterator[str]:
    if not proposed.relations:
        return
    yield "relations:  # found by their likeness: keep one only if the source does not come from the same sensor"
    if not all(proposed.accusing):
        yield "  # With `accuses: true` a difference that lasts makes the signal doubtful, whichever of them is wrong."
        yield "  # Without, what is wrong from the first sample on, or drifts slowly, is not seen. Decide."
    for relation, accuses in zip(proposed.relations, proposed.accusing, strict=True):
        yield from _relation(relation, accuses, proposed)


def _relation(relation: Related, accuses: bool, proposed: Proposed) -> Iterator[str]:
    period = proposed.timing.period
    signal, source = (_name(proposed.signals[place].name) for place in (relation.signal, relation.source))
    noise = max(rounded(relation.noise), 1e-12)
    ahead = float(f"{round(relation.shift, 1) * period:.3g}")
    accusation = ", accuses: true" if accuses else ""
    yield f"  # ahead by {relation.shift:.2f} ± {relation.shift_error:.2f} samples; {_scale(relation, period)}"
    scale = f"scale: {_number(relation.scale)}, " if relation.scale != 1.0 else ""
    shown = f"{scale}ahead: {_number(ahead)} s, noise: {_number(noise)}"
    yield f"  - {{signal: {signal}, {relation.kind.value}: {source}, {shown}{accusation}}}"


def _events(proposed: Proposed) -> Iterator[str]:
    """As comments: of two that leap together, either the world did, or the part failed that they share."""
    if not proposed.events:
        return
    yield "# Signals that leapt in the same sample. An event in the world does that, and so does the failure of a part"
    yield "# that they share: take those in that share no part, then such events raise no alarm."
    yield "# events:"
    for each in proposed.events:
        names = ", ".join(_name(proposed.signals[place].name) for place in each.signals)
        yield _line(f"#   - [{names}]", f"in {each.times} of the {each.leaps} samples that leap")


def _scale(relation: Related, period: float) -> str:
    rest = f"{100 * relation.rest:.2g} % of what varies is left over"
    if relation.kind is Kind.SAME:
        of_changes = "of its changes" if relation.scale == 1.0 else "of its changes, another unit or gauge"
        return f"{relation.factor:.3g} {of_changes}; {rest}"
    near = f"; compared {HALF_WINDOW} samples late at least" if relation.kind is Kind.RATE else ""
    return f"{relation.factor * period:.3g} of the rate; {rest}{near}"


def _line(entry: str, remark: str) -> str:
    return f"{entry.ljust(WIDTH)}  # {_printable(remark)}"


def _number(number: float) -> str:
    return f"{number:.10g}" if "e" not in f"{number:.10g}" else f"{number:.12f}".rstrip("0").rstrip(".")


def _name(name: str) -> str:
    """A name as YAML has it."""
    is_plain = PLAIN.fullmatch(name) and name.lower() not in RESERVED
    return name if is_plain else json.dumps(name, ensure_ascii=not name.isprintable())


def _printable(remark: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in remark[:REMARK_MAX])
