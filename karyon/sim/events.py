"""The log of a batch: what failed, what perception saw, what the kernel decided and why.

What happens is counted at once, and put into words when somebody asks: most runs of a campaign are never read.
"""

import operator
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import Entries, Journal, Tape
from karyon.cooperation.gate import Reason
from karyon.cooperation.guard import BREACHES, Breach
from karyon.kernel import Age, Alive, Kernel, Validity, text
from karyon.kernel import verdict as holds
from karyon.kernel.design import Function
from karyon.kernel.elementwise import BooleanTable, Compiler, FloatTable, anywhere, each
from karyon.kernel.explanation import Basis
from karyon.kernel.rules import Rule, leaves
from karyon.kernel.runtime import SafetyInformation
from karyon.perception import validity
from karyon.perception.following import OWN, Seen
from karyon.perception.received import Told
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import NEVER, seconds
from karyon.sim.analysis import age_limit
from karyon.sim.failure_modes import MODES, SAID, Fault, parameter_units
from karyon.sim.faults import Placed
from karyon.sim.strangers import Strangers
from karyon.sim.world import World

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
AFTERMATH = 10_000_000_000  # ns after a fault in which a downgrade still counts as caused by it
VERDICTS = LATE, LOST, INVALID, OWN_LAG = ("late", "lost", "invalid", "own_lag")
# What did not come is a cause of its own, and so is a bench that was late; last, no verdict (-1).
IS_NO_DATA = np.array([*(verdict in (LATE, LOST, OWN_LAG) for verdict in VERDICTS), False])
AGED = {LATE: ", as what comes is old", LOST: ", as nothing came"}  # of a validity that only time has lowered


class Rank(IntEnum):
    """Which of the events of a run comes first at the same instant, after faults that begin and end."""

    SENT = 0
    SENSED = 1
    DECIDED = 2
    AGREED = 3
    REFUSED = 4
    WATCHED = 5
    ENDED = 6
    OVERDUE = 7


Words = Callable[[int], tuple[str, dict[str, Any]]]
"""Text and further fields of an event, by its place among those of one kind that were noted together."""


class Doubted(NamedTuple):
    """Which signals are doubted (signal, row)."""

    is_doubted: BooleanTable


class Doubts(NamedTuple):
    """After a look: the same, of which signals it has changed, and in which rows."""

    doubted: Doubted
    changed: BooleanTable
    differs: Booleans


def doubt(before: Doubted, validity: FloatTable) -> Doubts:
    """A signal whose validity falls below what a check doubts is doubted."""
    is_doubted = each(_is_low, validity)
    changed = each(operator.ne, is_doubted, before.is_doubted)
    return Doubts(Doubted(is_doubted), changed, anywhere(changed))


def _is_low(validity: Any) -> Any:
    return validity < DOUBT


class Events(Sequence[list[dict[str, Any]]]):
    """Of each run what has happened so far, in the order in which it did; put into words when somebody looks."""

    def __init__(self, runs: int, of_run: Callable[[int], list[dict[str, Any]]]) -> None:
        self._runs, self._of_run = range(runs), of_run

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, run: int) -> list[dict[str, Any]]: ...
    @overload
    def __getitem__(self, run: slice) -> list[list[dict[str, Any]]]: ...
    def __getitem__(self, run: int | slice) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
        found = self._runs[run]
        return self._of_run(found) if isinstance(found, int) else [*map(self._of_run, found)]


class _Noted(NamedTuple):
    """Events of one kind that are not in words yet, in the order of time; of one instant they go together.

    rank    and place among those of a rank
    times   ns (event,)
    runs    (event,)
    word    puts one of them into words, by its number
    """

    rank: tuple[Rank, int]
    times: NDArray[np.int64]
    runs: NDArray[np.int64]
    word: Callable[[int], dict[str, Any]]


class _Happened(NamedTuple):
    """Events of one kind and instant: the numbers of the first of them, and of the first that is not."""

    now: int
    noted: _Noted
    begin: int
    end: int


def _in_order(settled: Iterable[_Noted]) -> list[_Happened]:
    """Instant by instant; within one by rank."""
    found = []
    for one in settled:
        begins = np.flatnonzero(np.diff(one.times, prepend=one.times[:1] - 1))
        times, ends = one.times[begins].tolist(), [*begins[1:].tolist(), len(one.times)]
        found += [_Happened(*each) for each in zip(times, repeat(one), begins.tolist(), ends, strict=False)]
    return sorted(found, key=lambda one: (one.now, one.noted.rank))


@dataclass(slots=True)
class _OfRun:
    """Events of a run that are in words, and what is not yet.

    happened, numbers   what has happened since, and which event of it: tuples of the two would be many
    planned             when (ns) which faults begin and end
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    happened: list[_Happened] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    planned: deque[tuple[int, Placed, str]] = field(default_factory=deque)

    def begin_and_end(self, now: int) -> None:
        """Put into words which faults have begun, and ended, by `now` (ns): before all else of an instant."""
        while self.planned and self.planned[0][0] <= now:
            when, one, change = self.planned.popleft()
            said = f"{describe(one.fault)} {change}"
            self.events.append(_event(when, one.vehicle, "fault", said, fields_of(one)))


def _event(now: int, vehicle: int, kind: str, said: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"time": now / 1e9, "vehicle": vehicle, "kind": kind, "text": said, **fields}


class _Came(NamedTuple):
    """What perception had at changes of the level, when it `judged` last, ns (change,).

    measured, believed, arrived   when, ns, its validity, and when anything came (signal or message, change)
    """

    judged: NDArray[np.int64]
    measured: NDArray[np.int64]
    believed: NDArray[np.float64]
    arrived: NDArray[np.int64]


class _Doubted:
    """Signals that are judged together; `doubted` and what `differs` since the last look, as `Doubts` has it."""

    def __init__(self, names: Sequence[str], rows: int, journal: Journal) -> None:
        """`journal`: for what differs."""
        self.names, self._state, self._doubt = names, Doubted(np.zeros((len(names), rows), dtype=bool)), doubt
        self._journal = journal
        self._validity: tuple[Any, Any] = None, None

    def quicken(self, in_place: Compiler) -> None:
        self._doubt = in_place(doubt)

    def judge(self, validity: NDArray[np.float64], now: int, tape: Tape, *, is_first: bool) -> None:
        """A look at the validity (signal, row), or (row,) of one signal; what is so at first is no news."""
        if validity is not self._validity[0]:  # a view is made anew of other arrays alone
            self._validity = validity, validity.reshape(len(self.names), -1)
        self._state, changed, differs = self._doubt(self._state, self._validity[1])
        if not is_first:
            tape.note(differs, self._journal, [changed, self._state.is_doubted], now)


class Log:
    """Events of every run, and the counts that come from them."""

    def __init__(
        self,
        faults: Sequence[Placed],
        kernel: Kernel,
        function: Function,
        runs: int,
        vehicles: int,
        senders: Sequence[str],
        tape: Tape,
        present: Callable[[], int],
    ) -> None:
        """`senders`: whose messages are judged, besides the own signals; `present`: what time it is, ns."""
        self.faults, self.function, self._followers = faults, function, vehicles - 1
        self._kernel, self._tape = kernel, tape
        self._signals = (*OWN, *senders)
        self.events = Events(runs, self._events_of)
        self._noted, self._settled = list[_Noted](), list[list[_Noted]]()
        self._of_run: list[_OfRun] = [_OfRun() for _ in range(runs)]
        self._present = present
        self._plan()
        self._rows = rows = runs * self._followers
        self._switches = np.zeros(rows, dtype=np.int64)
        self._false_downgrades = np.zeros(rows, dtype=np.int64)
        self._verdicts = np.zeros((len(VERDICTS), rows), dtype=np.int64)
        self._failing = self._windows(rows)
        self._cut_in = np.full(rows, np.iinfo(np.int64).min // 2)  # ns, when a car last cut in before a row, or left
        self._refused: NDArray[np.int64] = np.zeros((len(Reason), vehicles, runs), dtype=np.int64)
        self._held: NDArray[np.int64] = np.zeros((len(Breach), vehicles, runs), dtype=np.int64)
        self._refused_of_devices: dict[tuple[int, str, str], int] = {}
        self._protocol_failed = False
        self._journals: list[Journal] = []
        self._doubted = [
            _Doubted(names, rows, self.journal(partial(self._doubts, place, names)))
            for place, names in enumerate((OWN, *([sender] for sender in senders)), start=1)
        ]
        self._changes = self.journal(self._changed)
        never, nothing = np.full((len(self._signals), rows), NEVER), np.zeros((len(self._signals), rows))
        own = len(OWN)
        self._judged = (never[:own], *never[own:]), (nothing[:own], *nothing[own:])  # until perception has looked
        self._started = False

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        for subject in self._doubted:
            subject.quicken(in_place)

    def journal(self, read: Callable[[Entries], None]) -> Journal:
        """One that is read before any event or count is."""
        self._journals.append(Journal(read, self._rows))
        return self._journals[-1]

    def settle(self) -> None:
        """Put what has happened so far in its order; what is noted from now on comes after it."""
        for journal in self._journals:
            journal.settle()
        if self._noted:
            self._settled.append(self._noted)
            self._noted = []

    @property
    def switches(self) -> NDArray[np.int64]:
        """Changes of the level of service (row,)."""
        self.settle()
        return self._switches

    @property
    def false_downgrades(self) -> NDArray[np.int64]:
        """Those down, without a cause that is known (row,)."""
        self.settle()
        return self._false_downgrades

    @property
    def verdicts(self) -> NDArray[np.int64]:
        """Those down, by verdict (verdict, row)."""
        self.settle()
        return self._verdicts

    def _windows(self, rows: int) -> NDArray[np.int64]:
        """Onset and end in ns of all faults that touch each row (2, fault of the row, row), as many as of any row."""
        of_row: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for one in self.faults:
            for row in self._touched(one):
                of_row[row].append((one.onset, one.end))
        windows = np.full((2, max(map(len, of_row.values()), default=0), rows), NEVER // 2)
        for row, found in of_row.items():
            windows[:, : len(found), row] = np.transpose(found)
        return windows

    def _touched(self, one: Placed) -> Iterable[int]:
        """Rows whose downgrade a fault may cause: what a vehicle says touches all of its run."""
        run = one.row // self._followers
        is_said = one.fault.signal == SAID
        return range(run * self._followers, (run + 1) * self._followers) if is_said else (one.row,)

    def _events_of(self, run: int) -> list[dict[str, Any]]:
        """What has happened so far in a run, in the order in which it did: put into words now."""
        self.settle()
        settled, self._settled = self._settled, []
        for one in chain.from_iterable(map(_in_order, settled)):
            for number, where in enumerate(one.noted.runs[one.begin : one.end].tolist(), start=one.begin):
                self._of_run[where].happened.append(one)
                self._of_run[where].numbers.append(number)
        mine = self._of_run[run]
        for one, number in zip(mine.happened, mine.numbers, strict=True):
            mine.begin_and_end(one.now)
            mine.events.append(one.noted.word(number))
        mine.happened, mine.numbers = [], []
        mine.begin_and_end(self._present())
        return mine.events

    def add(self, now: int, row: int, kind: str, said: str, rank: Rank = Rank.WATCHED, **fields: Any) -> None:
        """One event of a row at `now` (ns)."""
        self.note(rank, kind, np.array([now]), np.array([row]), lambda _: (said, fields))

    def note(
        self, rank: Rank, kind: str, times: NDArray[np.int64], rows: NDArray[np.int64], words: Words, place: int = 0
    ) -> None:
        """Events of one kind: when each was, ns, in this order, and of which row (event,).

        place   among those of a rank, from which several journals are read, each when it is full
        """
        runs, followers = np.divmod(rows, self._followers)

        def word(number: int) -> dict[str, Any]:
            said, fields = words(number)
            return _event(int(times[number]), int(followers[number]) + 1, kind, said, fields)

        self._noted.append(_Noted((rank, place), times, runs, word))

    def _add(self, now: int, rank: Rank, run: int, vehicle: int, kind: str, said: str, **fields: Any) -> None:
        event = _event(now, vehicle, kind, said, fields)
        self._noted.append(_Noted((rank, 0), np.array([now]), np.array([run]), lambda _: event))

    def _plan(self) -> None:
        """Note when which fault begins and ends, in the order of time."""
        changes = ((one, *change) for one in self.faults for change in ((one.onset, "begins"), (one.end, "ends")))
        for one, when, change in sorted(changes, key=itemgetter(1)):
            self._of_run[one.place[0]].planned.append((when, one, change))

    def judged(self, now: int, seen: Seen, told: Sequence[Told]) -> None:
        """Note where the validity of a signal falls below what a check doubts, and where it is back."""
        believed = seen.validity, *(one.validity for one in told)
        self._judged = (seen.time, *(one.time for one in told)), believed
        for subject, of in zip(self._doubted, believed, strict=True):
            subject.judge(of, now, self._tape, is_first=not self._started)
        self._started = True

    def _doubts(self, place: int, names: Sequence[str], entries: Entries) -> None:
        """Signals were doubted from some instant on, or not any more."""
        changed, doubted = entries.told
        signal, entry = np.nonzero(changed)
        order = np.lexsort((entry, signal, entries.numbers[0][entry]))
        signal, entry = signal[order], entry[order]
        is_doubted = doubted[signal, entry]

        def words(at: int) -> tuple[str, dict[str, Any]]:
            word = "is doubted" if is_doubted[at] else "is believed again"
            return f"{names[signal[at]]} {word}", {"signal": names[signal[at]]}

        self.note(Rank.SENSED, "detection", entries.numbers[0][entry], entries.rows[entry], words, place)

    def switched(
        self,
        found: Booleans,
        now: int,
        judged: int,
        previous: NDArray[np.int64],
        level: NDArray[np.int8],
        arrived: NDArray[np.int64],
    ) -> None:
        """Changes of the level of service from `previous` to `level` (row,), where one is found (row,).

        judged    when perception has looked last, ns
        arrived   when each signal and message last came, however old (signal, row), ns: tells late from lost
        """
        measured, believed = self._judged
        basis = self._kernel.basis(self.function.name)
        self._tape.note(
            found, self._changes, (*basis, previous, level, arrived, self._cut_in, *measured, *believed), now, judged
        )

    def _changed(self, entries: Entries) -> None:
        """Judge changes of the level of service, each by the rule that decided."""
        rows, (now, judged), told = entries
        known, (previous, level, arrived, cut_in, *seen) = told[: len(Basis._fields)], told[len(Basis._fields) :]
        measured, believed = (np.vstack(part) for part in (seen[: len(seen) // 2], seen[len(seen) // 2 :]))
        causes = self._kernel.causes_of(
            self.function.name, Basis(*known).at(now), previous, level.astype(np.int64), now=0
        )
        is_down = causes.level_to < causes.level_from
        verdicts, is_aged = np.full(len(rows), -1), np.zeros(len(rows), dtype=bool)
        for rule in sorted(set(causes.deciding[is_down].tolist())):
            at = np.flatnonzero(is_down & (causes.deciding == rule))
            came = _Came(judged[at], measured[:, at], believed[:, at], arrived[:, at])
            verdicts[at], is_aged[at] = self._verdict(self.function.rules[rule], causes.seen.of_rows(at), came)
        is_caused = IS_NO_DATA[verdicts] | self._has_failed(now, rows, cut_in)
        np.add.at(self._switches, rows, 1)
        np.add.at(self._verdicts, (verdicts[is_down], rows[is_down]), 1)
        np.add.at(self._false_downgrades, rows, is_down & ~is_caused)

        def words(place: int) -> tuple[str, dict[str, Any]]:
            why = causes.text(place)
            fields = {
                "function": self.function.name,
                "from": int(causes.level_from[place]),
                "to": int(causes.level_to[place]),
            }
            if not is_down[place]:
                return why, fields | {"rule": why.partition(": ")[2]}
            verdict = VERDICTS[verdicts[place]]
            told = {
                "rule": text(self.function.rules[causes.deciding[place]]),
                "verdict": verdict,
                "cause": "fault" if is_caused[place] else "none known",
            }
            return why + (AGED[verdict] if is_aged[place] else ""), fields | told

        self.note(Rank.DECIDED, "los", now, rows, words)

    def _has_failed(self, now: NDArray[np.int64], rows: NDArray[np.int64], cut_in: NDArray[np.int64]) -> Booleans:
        """Where a downgrade may come of a fault, or of a car that has cut in, ns (change,)."""
        onset, end = self._failing[:, :, rows]
        failed = ((onset <= now) & (now <= end + AFTERMATH)).any(axis=0)
        return np.asarray(failed | (now - cut_in <= AFTERMATH))

    def agreed(self, now: int, previous: NDArray[np.int64], level: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Changes of the level of service, from `previous` (row,), that follow from what the group has agreed to."""
        for row in map(int, rows):
            before, after = int(previous[row]), int(level[row])
            self._switches[row] += 1
            self._verdicts[VERDICTS.index(LOST), row] += after < before
            no_more = "no more" if after < before else "it"
            rule = f"cooperation(platoon) >= {max(before, after)}"
            said = f"LoS {before} → {after}: the platoon has agreed to {no_more}"
            fields = {"function": self.function.name, "from": before, "to": after, "rule": rule}
            self.add(now, row, "los", said, Rank.AGREED, **fields)

    def grouped(self, now: int, previous: NDArray[np.int64], leader: NDArray[np.int64]) -> None:
        """Changes of the vehicle that heads the group of a row, from `previous` (row,): the file splits, or merges."""
        for row in map(int, np.flatnonzero(leader != previous)):
            head = int(leader[row])
            heads = head == row % self._followers + 1
            said = "heads a group of its own" if heads else f"now in the group of car {head}"
            self.add(now, row, "group", said, Rank.SENT, leader=head, previous=int(previous[row]))

    def cut_in(self, now: int, strangers: Strangers, changed: NDArray[np.int64], world: World) -> None:
        """Cars that do not communicate and have come into the lane, or left it; `changed` of the strangers."""
        for index in map(int, changed):
            row = int(strangers.row[index])
            self._cut_in[row] = now
            fields = {"gap": float(world.gap[row]), "speed": float(strangers.speed[index])}
            if strangers.present[index]:
                said = f"a car that does not communicate cuts in {fields['gap']:.1f} m ahead"
            else:
                said = "the car that had cut in leaves"
            self.add(now, row, "cut_in", said, Rank.SENSED, number=int(strangers.number[index]), **fields)

    def refused(self, now: int, counts: NDArray[np.int64]) -> None:
        """Messages that were refused since this was last told, by reason; `counts` (reason, vehicle, run) in all."""
        for reason, vehicle, run, count in _grown(self._refused, counts):
            name = Reason(reason).name.lower()
            said = f"{count} message{'s' * (count > 1)} refused: {name.replace('_', ' ')}"
            self._add(now, Rank.REFUSED, run, vehicle, "message", said, reason=name, count=count)
        self._refused = counts.copy()

    def refused_of_devices(self, now: int, counts: Mapping[tuple[int, str, str], int]) -> None:
        """Measurements of devices that were refused since last told; `counts` in all, by row, reason, its words."""
        for (row, reason, words), total in counts.items():
            count = total - self._refused_of_devices.get((row, reason, words), 0)
            if count:
                said = f"{count} measurement{'s' * (count > 1)} refused: {words}"
                self._add(now, Rank.REFUSED, 0, row + 1, "message", said, reason=reason, count=count)
        self._refused_of_devices = dict(counts)

    def held(self, now: int, counts: NDArray[np.int64]) -> None:
        """Rounds in which the protocol was held down since last told; `counts` (breach, vehicle, run) in all."""
        for breach, vehicle, run, count in _grown(self._held, counts):
            said = f"no cooperation in {count} round{'s' * (count > 1)}: the protocol {BREACHES[Breach(breach)]}"
            self._add(
                now, Rank.REFUSED, run, vehicle, "agreement", said, breach=Breach(breach).name.lower(), count=count
            )
        self._held = counts.copy()

    def failed(self, now: int, error: str | None) -> None:
        """The agreement protocol of all runs has raised an error."""
        if error is not None and not self._protocol_failed:
            self._protocol_failed = True
            said = f"no cooperation from here on: the agreement protocol raised {error}"
            for run in range(len(self.events)):
                self._add(now, Rank.SENT, run, 0, "agreement", said, breach="error")

    def _verdict(self, rule: Rule, seen: SafetyInformation, came: _Came) -> tuple[NDArray[np.int64], Booleans]:
        """late, lost, invalid and own lag are four different verdicts (change,); `seen` at time 0 of each change.

        And whether it is a validity, of which nobody sees that only time has lowered it.

        Of the terms that fail the first one tells that can. What is too old, or would be believed if it were not for
        its age, is late where something newer than half of that age came in, and else lost.
        """
        late, lost, invalid, own_lag = range(len(VERDICTS))
        verdict, is_aged = np.full(seen.rows, -1), np.zeros(seen.rows, dtype=bool)
        for leaf in leaves(rule):
            if not np.count_nonzero(verdict < 0):
                break
            fails = (verdict < 0) & ~holds(leaf, seen, 0).certain
            if isinstance(leaf, Alive):
                verdict[fails] = own_lag
            elif isinstance(leaf, Age | Validity) and leaf.signal in self._signals and fails.any():
                signal = self._signals.index(leaf.signal)
                measured, believed = came.measured[signal], came.believed[signal]
                age, silence = seconds(came.judged, measured), seconds(came.judged, came.arrived[signal])
                aged = validity.of_age(age, age_limit(self.function, leaf.signal))
                is_old = np.full(seen.rows, isinstance(leaf, Age))
                if isinstance(leaf, Validity):
                    is_old = (aged < leaf.minimum) | (believed >= leaf.minimum * aged)
                never = measured == NEVER  # of a leader that has only just become one
                of_leaf = np.where(~never & (silence < 0.5 * age), late, lost)
                is_told = fails & (is_old | never)
                verdict = np.where(is_told, of_leaf, verdict)
                is_aged |= is_told & isinstance(leaf, Validity)
        return np.where(verdict < 0, invalid, verdict), is_aged


def _grown(before: NDArray[np.int64], counts: NDArray[np.int64]) -> Iterator[tuple[int, int, int, int]]:
    """Which counts (kind, vehicle, run) have grown, and by how much."""
    new = counts - before
    for kind, vehicle, run in zip(*map(np.ndarray.tolist, np.nonzero(new)), strict=True):
        yield kind, vehicle, run, int(new[kind, vehicle, run])


def describe(fault: Fault) -> str:
    """A fault in words: `front.distance: drift, rate 0.5 m/s`."""
    usual = {name: field.default for name, field in MODES[fault.mode].model_fields.items()}
    units = parameter_units(fault.mode, fault.signal)
    given = [(name, value) for name, value in fault.parameters.items() if value != usual[name]]
    numbers = ", ".join(f"{name} {value:g}{units[name]}" for name, value in given)
    return f"{fault.signal or fault.component}: {fault.mode}" + (f", {numbers}" if numbers else "")


def fields_of(one: Placed) -> dict[str, Any]:
    """What the event of a fault says of it."""
    fault = one.fault
    name = {"signal": fault.signal} if fault.signal else {"component": fault.component}
    return {**name, "mode": fault.mode, "parameters": dict(fault.parameters)}
