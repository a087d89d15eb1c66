"""Failures of a recorded log as options say them: `signal: gps_speed, mode: offset, onset: 40, amplitude: 3`.

An option is YAML like an entry of a scenario's `faults`, with or without braces. Modes and parameters are those of
`karyon.perception.injection`; numbers are in the unit of the signal's column, or have a unit of their own.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from karyon.kernel import quantities
from karyon.kernel.quantities import QuantityError
from karyon.logs.sensors_file import MANY, Bound, Described, Signals
from karyon.perception.injection import CENTURY, DAY, MODES, Failure, Parameter
from karyon.perception.sensors import nanoseconds
from karyon.sim import documents, wording
from karyon.sim.documents import Document, Fault, InputError, Place, Source, quoted, suggestion
from karyon.sim.failure_modes import RATES

RATE_UNITS = RATES | {"rad": "rad/s"}
EXAMPLE = "for example signal: NAME, mode: offset, onset: 40, duration: 5, amplitude: 3"
FIELDS = {
    "signal": "which one goes bad",
    "mode": "how it fails",
    "onset": "when it begins, in s since the first row",
    "duration": "how long it lasts, if not to the end",
}
OTHER = "other"  # of `swap`: the signal that is taken for this one
TIMES = {
    "onset": Parameter("s", "a time from 0 s to a century", lambda found: 0.0 <= found <= CENTURY),
    "duration": Parameter("s", "a time above 0 s", lambda found: found > 0.0, inf),
}
ELSEWHERE = {
    "vehicle": "a log is of one vehicle: leave it out",
    "component": "a log has signals, and no component",
}
OLD = Parameter("s", "a duration above 0 s and at most a day", lambda found: 0.0 < nanoseconds(found) <= DAY * 1e9)
CLOCK = ("clock_offset", "clock_drift")  # a row has one time stamp: of the log's clock, not of a signal
STALE = ("freeze", "replay")  # modes that show samples of before
UNSHOWN = {  # modes that no table of rows can show, and why
    "reordering": "an overtaken sample comes between two rows, and the later one has a sample of its own",
    "duplication": "a cell holds one sample, not its copies",
    "sybil": "a row has a cell for each signal, and none for those that are invented",
    "flooding": "the messages that it adds have no row",
}

SHOWN = tuple(mode for mode in MODES if mode not in UNSHOWN)
ANY = dict.fromkeys([OTHER, *(name for mode in MODES.values() for name in mode.parameters)])  # parameters of some mode


@dataclass(frozen=True, slots=True)
class Put:
    """A failure and where it is put.

    failure    parameters in the unit of the signal's column
    signal     index among the signals of the log; None: the log's clock
    other      of `swap`, index of the signal that is taken for this one
    name       of the signal, or of the column of the time
    index      which option it is, from 0
    onset_at   where the option says the onset
    """

    failure: Failure
    signal: int | None
    other: int | None
    name: str
    index: int
    onset_at: Place


def read(options: Sequence[str], described: Described, bound: Bound | None) -> tuple[Put, ...]:
    """The failures that the options put into a log with these signals.

    bound   the signals that the log has; None for a log of messages, into which none can be put.
    Raises InputError with the faults of all options.
    """
    found: list[Put] = []
    faults: list[Fault] = []
    for index, option in enumerate(options):
        try:
            document = composed(option)
            if bound is None or not isinstance(described, Signals):
                raise InputError([document.place(()).fault("failures are put into signals, and this log has messages")])
            found.append(_Entry(document, described, bound).put(index))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return tuple(found)


def listed() -> Iterator[str]:
    """The modes with their parameters, line by line."""
    yield f"--inject '{EXAMPLE.removeprefix('for example ')}'"
    yield ""
    width = max(map(len, SHOWN))
    for name in SHOWN:
        parameters = [
            *(_described(*each) for each in MODES[name].parameters.items()),
            *([OTHER] if name == "swap" else []),
        ]
        yield f"{name:{width}}   {MODES[name].meaning}".rstrip()
        yield from (f"{'':{width}}      {each}" for each in parameters)


def _described(name: str, parameter: Parameter) -> str:
    """A parameter: what it must be, its unit, and what it is if it is not given."""
    unit = f", {parameter.unit}" if parameter.unit != "1" else ""
    return f"{name}: {parameter.expected}{unit}" + ("" if parameter.default is None else f" [{parameter.default:g}]")


def composed(option: str) -> Document:
    """The mapping of an option. Raises InputError."""
    text = option.strip()
    is_flow = text.startswith(("{", "[")) or "\n" in text
    source = documents.option_source("--inject", text)
    document = documents.compose(source if is_flow else Source(source.where, f"{{{text}}}", source.lead))
    if not isinstance(document.data, dict) or not document.data:
        found = wording.found(document, ())
        raise InputError([document.place(()).fault(f"a failure is a mapping of fields, found {found}", EXAMPLE)])
    return document


def unit_of(described: Signals, signal: str) -> str:
    """The unit of a signal's column, by the signal's name in the log."""
    for name, entry in described.signals.items():
        if re.fullmatch(re.escape(name).replace(re.escape(MANY), "[0-9]+"), signal):
            return entry.unit
    return "1"


def number_in(value: object, unit: str, column: str) -> float:
    """A number, or a text with a unit, as a parameter has it whose unit is `unit`, of a signal in `column`.

    Of the signal's unit that is in the column's unit, as a bare number is. Raises QuantityError.
    """
    known = quantities.UNITS.get(column)
    if not unit.startswith("signal's unit"):
        return quantities.read(value, unit if unit in ("s", "1/s") else "1")
    found = quantities.QUANTITY.fullmatch(value) if isinstance(value, str) else None
    is_rate = unit.endswith("per s")
    if found and (not found[2] or (found[2] == column and not is_rate)):
        return quantities.read(found[1], "1")
    if known is None or not isinstance(value, str):
        return quantities.read(value, "1")
    in_si = quantities.read(value, RATE_UNITS.get(known.si, "1/s") if is_rate else known.si)
    return in_si * float(known.denominator / known.numerator)


class _Entry:
    """Reads one option, and gathers all that is wrong with it."""

    def __init__(self, document: Document, described: Signals, bound: Bound) -> None:
        self._document, self._given = document, dict(document.data)
        self._described = described
        self._names = [signal.name for signal in bound.signals]
        self._clock = described.time.column if described.time else "time"
        self._meant: set[str] = set()  # fields that are misspelt
        self._faults: list[Fault] = []

    def put(self, index: int) -> Put:
        """The failure of this option. Raises InputError."""
        self._unknown()
        mode = self._mode()
        signal = self._signal(mode)
        times = {name: self._number(name, each, "1") for name, each in TIMES.items()}
        other = self._name(OTHER, self._names, "the name of the signal of another object") if mode == "swap" else None
        parameters = self._parameters(mode, signal)
        if self._faults:
            raise InputError(documents.in_order(self._faults))
        failure = self._failure(str(mode), parameters, times)
        place = self._document.place(("onset",))
        at = None if mode in CLOCK else self._names.index(str(signal))
        return Put(failure, at, None if other is None else self._names.index(other), str(signal), index, place)

    def _mode(self) -> str | None:
        mode = self._given.get("mode")
        if not isinstance(mode, str) or mode not in UNSHOWN:
            return self._name("mode", SHOWN, "the name of a failure mode")
        message = f"{quoted(mode)} cannot be shown in a table of rows: {UNSHOWN[mode]}"
        self._wrong("mode", message, "`delay`, `jitter` and `omission` can" if mode == "reordering" else "")
        return None

    def _signal(self, mode: str | None) -> str | None:
        if mode not in CLOCK:
            return self._name("signal", self._names, "the name of a signal of this log")
        if self._given.get("signal") in [name for name in self._names if name != self._clock]:
            hint = f"all signals of a row share its time stamp: write `signal: {self._clock}`"
            self._wrong("signal", f"{quoted(mode)} befalls the clock of the log, not one signal", hint)
            return None
        return self._name("signal", [self._clock], "the column of the time")

    def _name(self, field: str, names: Sequence[str], noun: str) -> str | None:
        """One of the names; None where it is missing or wrong."""
        value = self._given.get(field)
        if field not in self._given:
            self._missing(field, FIELDS.get(field, noun))
        elif not isinstance(value, str) or value not in names:
            meant = suggestion(str(value), names)
            hint = f"did you mean {quoted(meant)}?" if meant else f"there {_listed(names)}"
            hint += "; `--inject help` tells their parameters" if field == "mode" and not meant else ""
            self._wrong(field, f"{field} is {noun}, found {wording.found(self._document, (field,))}", hint)
        else:
            return value
        return None

    def _unknown(self) -> None:
        """Fields that a failure of this mode does not have."""
        mode = self._given.get("mode") if isinstance(self._given.get("mode"), str) else None
        known = [*FIELDS, *self._fields(mode)]
        possible = known if mode in SHOWN else [*known, *ANY]
        for field in [each for each in self._given if each not in possible]:
            meant = suggestion(field, [name for name in possible if name not in self._given])
            it_has = ELSEWHERE.get(field, f"it has {', '.join(known)}")
            hint = f"did you mean {quoted(meant)}?" if meant else it_has
            place = self._document.place_of_key((field,))
            self._faults.append(place.fault(f"a failure has no field {quoted(field)}", hint))
            self._meant.add(meant)

    def _fields(self, mode: str | None) -> list[str]:
        """The parameters of a mode; none of what is no mode, or cannot be shown."""
        if mode not in SHOWN:
            return []
        return [*MODES[mode].parameters, *([OTHER] if mode == "swap" else [])]

    def _parameters(self, mode: str | None, signal: str | None) -> dict[str, float]:
        if mode not in SHOWN:
            return {}
        column = unit_of(self._described, signal) if signal else "1"
        known = {**MODES[mode].parameters, **({"delay": OLD} if mode in STALE else {})}
        read = {name: self._number(name, each, column) for name, each in known.items()}
        return {name: number for name, number in read.items() if number is not None}

    def _number(self, name: str, parameter: Parameter, column: str) -> float | None:
        """A number of the option; None where it is not given, or wrong."""
        if name not in self._given:
            if parameter.default is None:
                self._missing(name, FIELDS.get(name, parameter.expected))
            return None
        hint, value = "", self._given[name]
        try:
            number = number_in(value, parameter.unit, column)
            if parameter.allowed(number):
                return number
            hint = f"for {number:g} % write {number / 100:g}" if _is_percent(parameter, number) else ""
        except QuantityError as error:
            hint = error.hint
        unit = parameter.unit.replace("signal's unit", column)
        in_unit = "" if unit in ("1", "s") else f" ({unit})"
        found = wording.found(self._document, (name,))
        self._wrong(name, f"{name} is {parameter.expected}{in_unit}, found {found}", hint)
        return None

    def _failure(self, mode: str, parameters: dict[str, float], times: dict[str, float | None]) -> Failure:
        onset, duration = times["onset"] or 0.0, times["duration"]
        try:
            return Failure(mode, parameters, onset, inf if duration is None else duration)
        except ValueError as error:
            raise InputError(list(self._refused(error))) from None

    def _refused(self, error: ValueError) -> Iterator[Fault]:
        """What the mode says of its parameters together."""
        for line in str(error).splitlines():
            yield self._document.place(("mode",)).fault(line)

    def _missing(self, field: str, meaning: str) -> None:
        if field in self._meant:
            return
        place = self._document.place(())
        start = Place(place.source, place.start, place.start + 1)
        self._faults.append(start.fault(f"a failure needs {quoted(field)}", meaning))

    def _wrong(self, field: str, message: str, hint: str) -> None:
        self._faults.append(self._document.place((field,)).fault(message, hint))


def _is_percent(parameter: Parameter, number: float) -> bool:
    return parameter.expected.startswith("a share") and 1.0 < number <= 100.0


def _listed(names: Sequence[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"
