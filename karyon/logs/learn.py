"""A sensors file proposed from a healthy log: where someone starts who has a log and knows little of the sensors.

    print(proposal(Path("drive.csv")))

Every number is what the log shows, with how sure it is beside it. What a function tolerates no log can tell: that is
proposed as a multiple of the noise, and marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from karyon.logs import learn_columns, learn_relations, learn_signals
from karyon.logs.cells import Floats
from karyon.logs.faults import LogError
from karyon.logs.learn_columns import Columns, Timing
from karyon.logs.learn_events import together
from karyon.logs.learn_relations import RATES, Related, quantity
from karyon.logs.learn_signals import ALARM_SAMPLES, Learnt
from karyon.logs.learn_text import Proposed, text
from karyon.perception.residuals import Kind, Relation
from karyon.sim.documents import Fault

PERIODS = (1e-4, 100.0)  # s, between which a rate may say what the period is
AHEAD_MAX, SIGNALS_MAX = 100.0, 1000  # s, and signals of a sensors file
RATE_ERROR = 1.33  # largest ratio of a rate and what is its source's slope


def proposal(log: Path) -> str:
    """The text of a sensors file that `sensors_file.read` takes, for a log (CSV or JSON lines) without a failure.

    Reads the first million rows at most, or less where there are many columns. Raises LogError: no such log, a fault
    in these rows, or no column that could be a signal.
    """
    columns = learn_columns.read(log)
    timing = columns.timing
    found = learn_relations.related(columns.names, columns.values, timing.period if timing.is_sure else None)
    if not timing.is_sure:
        timing = _told_by_rates(timing, found, columns.names)
    found = [each for each in found if _fits(each, timing.period)]
    signals, kept = _signals(columns, timing.period)
    if not signals:
        raise _nothing(log, columns)
    found = _among(found, kept)
    events = together(signals, found, columns.values[kept])
    pairs = [each.signals for each in events]
    signals = learn_signals.calibrated(signals, pairs, columns.values[kept], timing.period)
    relations = learn_relations.chosen(found, signals)
    signals, accusing = _judged(signals, relations, columns.values[kept], timing.period)
    rows = columns.values.shape[1]
    return text(
        Proposed(log.name, rows, columns.complete, timing, signals, relations, accusing, events, columns.left_out)
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """What the chain said of the log with some relations accusing: alarms and samples per signal."""

    alarms: list[int]
    judged: list[int]


def _told_by_rates(timing: Timing, found: Sequence[Related], names: Sequence[str]) -> Timing:
    """The period by a speed and an acceleration, or a distance and a speed, where only samples are counted."""
    for each in found:
        rate, whole = (each.signal, each.source) if each.kind is Kind.RATE else (each.source, each.signal)
        is_named = RATES.get(quantity(names[rate])) == quantity(names[whole]) != ""
        if each.kind is not Kind.SAME and is_named and PERIODS[0] <= 1.0 / each.factor <= PERIODS[1]:
            period = float(f"{1.0 / each.factor:.3g}")
            said = f"{timing.remark}; period by {names[whole]} over {names[rate]}, if both are in SI units: check it"
            return replace(timing, period=period, remark=said)
    return replace(timing, remark=f"{timing.remark}; the period is a guess: SET IT, all times below follow it")


def _fits(relation: Related, period: float) -> bool:
    """Whether a sensors file can say it: shifted by little, and rates per second."""
    is_rate = 1.0 / RATE_ERROR <= relation.factor * period <= RATE_ERROR
    return relation.shift * period <= AHEAD_MAX and (relation.kind is Kind.SAME or is_rate)


def _signals(columns: Columns, period: float) -> tuple[list[Learnt], list[int]]:
    """What each column tells, and the places of those that tell enough; the others are left out."""
    signals: list[Learnt] = []
    kept: list[int] = []
    for place, name in enumerate(columns.names):
        if len(signals) == SIGNALS_MAX:
            columns.left_out[name] = f"a sensors file has {SIGNALS_MAX} signals at most"
        elif (each := learn_signals.learnt(name, columns.values[place], period)) is not None:
            signals.append(each)
            kept.append(place)
        else:
            columns.left_out[name] = "hardly changes: a smaller unit would make it a signal"
    return signals, kept


def _nothing(log: Path, columns: Columns) -> LogError:
    why = "; ".join(f"{name}: {reason}" for name, reason in list(columns.left_out.items())[:8])
    return LogError([Fault(str(log), None, None, 0, "has no column that could be a signal", why)])


def _among(found: Sequence[Related], kept: Sequence[int]) -> list[Related]:
    """The relations among the columns that are signals, by their new places."""
    place = {old: new for new, old in enumerate(kept)}
    return [
        replace(each, signal=place[each.signal], source=place[each.source])
        for each in found
        if each.signal in place and each.source in place
    ]


def _judged(
    signals: Sequence[Learnt], relations: Sequence[Related], values: Floats, period: float
) -> tuple[list[Learnt], list[bool]]:
    """The signals with their alarms in the whole chain, and which relations accuse: rates that then raise few."""
    may = [each.kind is Kind.RATE for each in relations]
    calm = _tried(signals, relations, [False] * len(may), values, period)
    bold = _tried(signals, relations, may, values, period) if any(may) else calm
    accusing = [
        accuses and bold.alarms[each.signal] <= max(calm.alarms[each.signal], bold.judged[each.signal] // ALARM_SAMPLES)
        for accuses, each in zip(may, relations, strict=True)
    ]
    last = calm if not any(accusing) else _tried(signals, relations, accusing, values, period)
    counted = zip(signals, last.alarms, last.judged, strict=True)
    return [replace(each, alarms=alarms, judged=judged) for each, alarms, judged in counted], accusing


def _tried(
    signals: Sequence[Learnt], relations: Sequence[Related], accusing: Sequence[bool], values: Floats, period: float
) -> _Trial:
    """The chain as `perceive` would run it, on some of the log."""
    known = [
        Relation(each.signal, each.source, each.kind, round(each.shift), each.noise, accuses, each.scale)
        for each, accuses in zip(relations, accusing, strict=True)
    ]
    rows = learn_signals.tried(values, len(signals))
    return _Trial(*learn_signals.alarms([each.signal(period) for each in signals], known, rows, period))
