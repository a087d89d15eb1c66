"""When and on whom a failure acts: the faults of all scenarios of a batch, grouped so that each group is array work."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, compress, pairwise
from math import ceil, inf
from operator import attrgetter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import ALWAYS, Tape
from karyon.kernel.elementwise import Compiler
from karyon.perception import failures
from karyon.perception.following import LEAD, OWN
from karyon.perception.platoon import LEADER
from karyon.perception.received import MESSAGE
from karyon.perception.reckoning import rows_of
from karyon.perception.sensors import NEVER, Samples, nanoseconds
from karyon.sim.failing import (
    DISTORTING,
    Came,
    Changed,
    Distorted,
    Distortion,
    Drawn,
    Held,
    Misdated,
    Omitted,
    Repeated,
    Stuck,
    Waiting,
    Window,
    distort,
    misdate,
    omit,
    repeat,
    stick,
)
from karyon.sim.failure_modes import SAID, Fault
from karyon.sim.scenario import Scenario
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

CLOCKS = ("clock_offset", "clock_drift")  # act last: a stamp is wrong whenever and however the sample comes
OPEN = {"low": -1e300, "high": 1e300}  # of a saturation, if not given: beyond what is said of any signal
DRAWS = ("noise", "outlier", "delay", "jitter", "omission", "reordering", "duplication")


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault on one row of the batch; onset and end in ns. What the leader says has the row of the car behind it."""

    fault: Fault
    vehicle: int
    row: int
    onset: int
    end: int
    stream: np.random.Generator
    place: tuple[int, int]  # run in the batch, index of the fault in its scenario

    @property
    def is_said(self) -> bool:
        """It is what the vehicle says to all, and not how something is received or measured."""
        return self.fault.signal == SAID


def placed(scenarios: Sequence[Scenario]) -> list[Placed]:
    """All faults of all runs, one entry per row that they act on."""
    found = []
    for run, scenario in enumerate(scenarios):
        followers, after = scenario.vehicles - 1, scenario.duration + 1.0  # nothing is drawn for what never comes
        for index, fault in enumerate(scenario.faults):
            vehicles = range(1, followers + 1) if fault.vehicle == "all" else [int(fault.vehicle)]
            onset = nanoseconds(fault.onset)
            end = nanoseconds(min(fault.onset + (inf if fault.duration is None else fault.duration), after))
            for vehicle in vehicles:
                draws = stream(scenario.seed, draws_of(index, vehicle))
                row = run * followers + max(vehicle, 1) - 1
                found.append(Placed(fault, vehicle, row, onset, end, draws, (run, index)))
    return found


def draws_of(index: int, vehicle: int) -> int:
    """The purpose of the random numbers of a fault, by its index in the scenario and by the vehicle."""
    return Purpose.FAULTS + index * 100_000 + vehicle


class Injector:
    """Applies every sensor and message fault of a batch, and counts the samples that each one changed."""

    def __init__(
        self, faults: Sequence[Placed], periods: dict[str, int], own: Sequence[str] = OWN, tape: Tape | None = None
    ) -> None:
        """`periods`: ns between samples, per signal of `own`, and of messages under `lead.message`.

        tape   that may record what is done with samples which are always in the same arrays
        """
        self._tape = tape or Tape()
        self.faults = [one for one in faults if one.fault.signal is not None]
        groups: dict[tuple[str, str, int, int], list[Placed]] = defaultdict(list)
        times: Counter[tuple[str, str, int]] = Counter()
        alone, rest = _alone(self.faults, own)
        for one in rest:  # a sample stands once in a group: a second fault of the kind is in the next
            signal, mode = str(one.fault.signal), one.fault.mode
            period = periods[signal if signal in own else LEAD]
            groups["" if signal in own else signal, mode, period, times[signal, mode, one.row]].append(one)
            times[signal, mode, one.row] += 1
        self._groups: dict[str, list[_Group]] = {"": [], LEAD: [], LEADER: []}
        if alone:
            self._groups[""].append(_Distorted(alone, periods, own))
        for (signal, mode, _, _), members in sorted(groups.items(), key=lambda item: (item[0][1] in CLOCKS, item[0])):
            source = signal and (LEADER if signal.startswith(LEADER) else LEAD)
            self._groups[source].append(GROUPS.get(mode, _Distorted)(members, periods, own))

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        for group in chain(*self._groups.values()):
            group.quicken(in_place)

    def own(self, now: int, samples: Samples) -> Samples:
        """Own samples as the failing sensors give them (changed in place)."""
        self._apply("", now, samples)
        return samples

    def message(self, now: int, samples: Samples, sender: str = LEAD) -> Samples:
        """Messages received from `sender` as the failing radio or its lies give them (changed in place)."""
        self._apply(sender, now, samples)
        return samples

    def _apply(self, source: str, now: int, samples: Samples) -> None:
        for group in self._groups[source]:
            if not self._tape.is_off:
                with self._tape.during(group.windows, now):
                    group.play(now, samples, self._tape)
            elif group.is_new or group.is_open(now):
                group.apply(now, samples, self._tape)

    @property
    def is_late(self) -> bool:
        """Whether own samples may come that were not measured when they come."""
        return any(group.is_late for group in self._groups[""])

    @property
    def is_heard(self) -> bool:
        """Whether any fault acts on what is received: something may come when nothing has arrived."""
        return bool(self._groups[LEAD] or self._groups[LEADER])

    def changed(self) -> dict[tuple[int, int], int]:
        """Samples changed so far, by (run, index of the fault)."""
        found: Counter[tuple[int, int]] = Counter()
        for group in chain(*self._groups.values()):
            for one, count in zip(group.members, group.changed.tolist(), strict=True):
                found[one.place] += count
        return dict(found)


def _alone(faults: Sequence[Placed], own: Sequence[str]) -> tuple[list[Placed], list[Placed]]:
    """Faults that are a formula over the sample, where no two act on own signals of a row at once; and the others."""
    of_row: dict[int, list[Placed]] = defaultdict(list)
    for one in faults:
        if one.fault.signal in own:
            of_row[one.row].append(one)
    rows = {
        row for row, found in of_row.items() if _follow(found) and not any(one.fault.mode in GROUPS for one in found)
    }
    is_alone = [one.fault.signal in own and one.row in rows for one in faults]
    return list(compress(faults, is_alone)), list(compress(faults, np.logical_not(is_alone)))


def _follow(faults: Sequence[Placed]) -> bool:
    """Each begins when the one before has ended."""
    return all(one.end <= other.onset for one, other in pairwise(sorted(faults, key=attrgetter("onset"))))


def _level(one: Placed, own: Sequence[str]) -> list[int]:
    """Which of the samples a fault acts on: its own signal, or a field of a message, or all of them."""
    signal = str(one.fault.signal)
    if signal in own:
        return [own.index(signal)]
    field = {"wrong_position": "position", "wrong_speed": "speed"}.get(one.fault.mode, signal.rpartition(".")[2])
    return [MESSAGE.index(field)] if field in MESSAGE else [*range(len(MESSAGE))]


class _Group:
    """Faults on own signals, or on a message: windows and parameters as arrays (member,).

    first, last   of each member: outside of it, its samples are left alone
    changed       samples so far
    holds_back    a sample may come when none was measured
    is_late       one may come that was not measured when it comes, or does not say so
    is_new        a formula has still to be compiled
    """

    holds_back = is_late = is_new = False

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        self.members = members
        self._periods = [periods[name if (name := str(one.fault.signal)) in own else LEAD] for one in members]
        self._level = np.array([_level(one, own) for one in members]).T.copy()
        self._row = np.array([one.row for one in members])
        self.onset = np.array([one.onset for one in members])
        self.end = np.array([one.end for one in members])
        self.first, self.last = self.onset, self.end

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula, if it is one."""

    @property
    def changed(self) -> Integers:
        raise NotImplementedError

    def parameter(self, name: str, default: float = 0.0) -> Floats:
        """One parameter of every member."""
        return np.array([one.fault.parameters.get(name, default) for one in self.members], dtype=float)

    @cached_property
    def windows(self) -> Integers:
        """From when to when there is one that acts, ns (2, window)."""
        return union(self.first, self.last)

    def is_open(self, now: int) -> bool:
        """Whether one may act at `now` (ns)."""
        begin, end = self.windows
        return bool(np.count_nonzero((begin <= now) & (now < end)))

    def apply(self, now: int, samples: Samples, tape: Tape) -> None:
        """Change the samples whose fault acts at `now`, and count what changed."""
        raise NotImplementedError

    def play(self, now: int, samples: Samples, tape: Tape) -> None:
        """The same, while the tape records: in answer to a window that is open, when it is played."""
        tape.react(ALWAYS, now, partial(self.apply, samples=samples, tape=Tape()))


class _ByFormula(_Group):
    """Modes of which each sample follows from a formula.

    draws   of all steps of each window, one member after the other, and where they are
    """

    def __init__(
        self, formula: Callable[..., Any], members: list[Placed], periods: dict[str, int], own: Sequence[str]
    ) -> None:
        super().__init__(members, periods, own)
        self._plain = self._formula = formula
        self._window = Window(self.onset, self.end)
        counts = np.array([_steps(one, period) for one, period in zip(members, self._periods, strict=True)])
        drawn = [self._drawn_by(one, count) for one, count in zip(members, counts, strict=True)]
        lengths = np.array([*map(len, drawn)])
        self._draws = np.concatenate(drawn)
        self._drawn = Drawn(np.cumsum(lengths) - lengths, lengths - 1, np.array(self._periods))
        shape = self._level.shape
        self._came = Came(np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool))
        self._value, _, self._fresh = (each[0] for each in self._came)  # all there is of an own signal

    def _drawn_by(self, one: Placed, steps: int) -> NDArray[Any]:
        """What chance does in each step of its window."""
        return _draws(one, steps)

    def quicken(self, in_place: Compiler) -> None:
        self._formula, self.is_new = in_place(self._plain), True

    @property
    def _is_compiled(self) -> bool:
        return getattr(self._formula, "is_compiled", False)

    def play(self, now: int, samples: Samples, tape: Tape) -> None:
        if self._is_compiled:
            self.apply(now, samples, tape)
        else:
            super().play(now, samples, tape)

    def apply(self, now: int, samples: Samples, tape: Tape) -> None:
        if self.is_new or self._is_compiled:
            self._run(now, samples, tape)
            self._formula, self.is_new = self._formula if self._is_compiled else self._plain, False
        elif np.count_nonzero(samples.fresh[self._level, self._row]):
            self._run(now, samples, tape)

    def _run(self, now: int, samples: Samples, tape: Tape) -> None:
        place = self._level, self._row
        tape.pick(samples.fresh, *place, self._came.fresh)
        tape.pick(samples.value, *place, self._came.value)
        tape.pick(samples.time, *place, self._came.time)
        failed = self._failed(now)
        for name in ("value", "time", "fresh"):
            if hasattr(failed, name):
                tape.put(getattr(failed, name), getattr(samples, name), self._level, failed.row)

    def _failed(self, now: int) -> Any:
        """What becomes of what came; remembers the state."""
        raise NotImplementedError


class _Distorted(_ByFormula):
    """A wrong value. Uncompiled, only those are looked at whose fault acts."""

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(distort, members, periods, own)
        number, *names = zip(*(DISTORTING[one.fault.mode] for one in members), strict=True)
        given = (
            [one.fault.parameters.get(name, OPEN.get(name, 0.0)) for one, name in zip(members, of_each, strict=True)]
            for of_each in names
        )
        self._distortion = Distortion(np.array(number), *(np.array(each, dtype=float) for each in given))
        self._changed = Changed(np.zeros(len(members), dtype=np.int64))

    @property
    def changed(self) -> Integers:
        return self._changed.samples

    def apply(self, now: int, samples: Samples, tape: Tape) -> None:
        if self.is_new or self._is_compiled:
            super().apply(now, samples, tape)
            return
        level, row = self._level[0], self._row
        at = np.flatnonzero((self.onset <= now) & (now < self.end) & samples.fresh[level, row])
        if not len(at):
            return
        place = level[at], row[at]
        of_all = self._changed, self._window, self._drawn, self._distortion
        before, window, drawn, distortion = (cast("Any", rows_of(one, at)) for one in of_all)
        told = self._draws, row[at], samples.value[place], np.array(True), now
        failed = distort(before, window, drawn, distortion, *told)
        samples.value[place], self.changed[at] = failed.value, failed.changed.samples

    def _failed(self, now: int) -> Distorted:
        told = self._drawn, self._distortion, self._draws, self._row, self._value, self._fresh, now
        failed: Distorted = self._formula(self._changed, self._window, *told)
        self._changed = failed.changed
        return failed


class _Stuck(_ByFormula):
    """`stuck_at`: a given value, or the last one before the onset."""

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(stick, members, periods, own)
        self._fixed = self.parameter("value", np.nan)
        self._held = Held(np.full(len(members), np.nan), np.zeros(len(members), dtype=np.int64))
        self.first = np.zeros_like(self.onset)  # the sample before the onset must be known

    @property
    def changed(self) -> Integers:
        return self._held.samples

    def _failed(self, now: int) -> Stuck:
        told = self._window, self._fixed, self._row, self._value, self._fresh, now
        failed: Stuck = self._formula(self._held, *told)
        self._held = failed.held
        return failed


class _Lost(_ByFormula):
    """`omission`: a share of the samples does not come, singly or in bursts."""

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(omit, members, periods, own)
        self._changed = Changed(np.zeros(len(members), dtype=np.int64))

    def _drawn_by(self, one: Placed, steps: int) -> Booleans:
        given = one.fault.parameters
        return failures.omission(_draws(one, steps), given.get("probability", 0.0), given.get("burst", 0.0))

    @property
    def changed(self) -> Integers:
        return self._changed.samples

    def _failed(self, now: int) -> Omitted:
        told = self._window, self._drawn, self._draws, self._row, self._came.fresh, now
        failed: Omitted = self._formula(self._changed, *told)
        self._changed = failed.changed
        return failed


class _Clock(_ByFormula):
    """`clock_offset` and `clock_drift`: the stamps of the samples are wrong."""

    is_late = True

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(misdate, members, periods, own)
        self._offset, self._rate = self.parameter("offset"), self.parameter("rate")
        self._changed = Changed(np.zeros(len(members), dtype=np.int64))

    @property
    def changed(self) -> Integers:
        return self._changed.samples

    def _failed(self, now: int) -> Misdated:
        _, time, fresh = self._came
        told = self._window, self._offset, self._rate, self._row, time, fresh, now
        failed: Misdated = self._formula(self._changed, *told)
        self._changed = failed.changed
        return failed


class _Again(_ByFormula):
    """A sample comes in place of a later one, with its own stamp.

    `duplication`: once more, in place of the next one; `reordering`: after the next one, and not before.
    """

    is_late = True

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(repeat, members, periods, own)
        self._wait = 2 if members[0].fault.mode == "reordering" else 1  # samples
        self.last = self.end + self._wait * np.array(self._periods)
        self._probability = self.parameter("probability")
        value, time, _ = self._came
        none = np.zeros((2, len(members)), dtype=np.int64)
        self._waiting = Waiting(np.full_like(value, np.nan), np.full_like(time, NEVER), *none)

    @property
    def changed(self) -> Integers:
        return self._waiting.samples

    def _failed(self, now: int) -> Repeated:
        told = self._window, self.last, self._drawn, self._draws, self._probability, self._row, self._came, now
        failed: Repeated = self._formula(self._waiting, *told, self._wait)
        self._waiting = failed.waiting
        return failed


class _Remembering(_Group):
    """Modes that look back: in NumPy."""

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(members, periods, own)
        self._period, self._changed = max(self._periods), np.zeros(len(members), dtype=np.int64)

    @property
    def changed(self) -> Integers:
        return self._changed

    def apply(self, now: int, samples: Samples, tape: Tape) -> None:
        place = self._level, self._row
        fresh = samples.fresh[place]
        if not (self.holds_back or np.count_nonzero(fresh)):
            return
        value, time = samples.value[place], samples.time[place]
        active = (self.onset <= now) & (now < self.end)
        new_value, new_time, new_fresh = self.fail(now, active, value, time, fresh)
        is_other: Any = False
        if new_value is not value:
            samples.value[place], is_other = new_value, new_value != value
        if new_time is not time:
            samples.time[place], is_other = new_time, is_other | (new_time != time)
        is_other = is_other & new_fresh
        if new_fresh is not fresh:
            samples.fresh[place], is_other = new_fresh, is_other | (new_fresh != fresh)
        self._changed += is_other.any(axis=0)

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        """The failed samples (field, member); what is left alone is the same array.

        active   now is between onset and end (member,)
        """
        raise NotImplementedError


class _Past:
    """The last `depth` samples of every member, each with the time it was taken (slot, member)."""

    def __init__(self, depth: int, members: int) -> None:
        self.taken = np.full((depth, members), NEVER, dtype=np.int64)
        self._values: Floats | None = None  # (slot, field, member), once the fields are known
        self._count = np.zeros(members, dtype=np.int64)
        self._columns = np.arange(members)

    def keep(self, value: Floats, time: Integers, new: Booleans) -> tuple[Integers, Integers]:
        """Remember the new samples (field, member), (member,); answers the places where they are."""
        depth = len(self.taken)
        if self._values is None:
            self._values = np.full((depth, *value.shape), np.nan)
        slot, member = (self._count % depth)[new], self._columns[new]
        self._values[slot, :, member] = value[:, new].T
        self.taken[slot, member] = time[new]
        self._count += new
        return slot, member

    def newest(self, among: Booleans, which: Integers) -> tuple[Floats, Integers]:
        """Value (field, of `which`) and time (of `which`,) of the newest sample of these members; `NEVER`: of none.

        among   what counts of their samples (slot, of `which`)
        """
        assert self._values is not None
        taken = np.where(among, self.taken[:, which], NEVER)
        slot = taken.argmax(axis=0)
        return self._values[slot, :, which].T, taken[slot, self._columns[: len(which)]]


class _Late(_Remembering):
    """`delay` and `jitter`: a sample taken in the window arrives later, with its own time stamp; the newest counts."""

    holds_back = is_late = True

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(members, periods, own)
        self._delay, self._sigma = self.parameter("delay"), self.parameter("sigma")
        longest = failures.stamped_later(np.zeros_like(self.end), failures.lateness(self._delay, self._sigma, inf))
        self.last = self.end + longest + self._period
        steps = max(_steps(one, self._period) for one in members)
        self._draws = np.stack([_draws(one, steps) for one in members], axis=1) if np.any(self._sigma) else None
        self._past = _Past(ceil(int(longest.max()) / self._period) + 2, len(members))
        self._arrives = np.full_like(self._past.taken, NEVER)
        self._delivered = np.full(len(members), NEVER, dtype=np.int64)

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        acts = (self.first <= now) & (now < self.last)
        which = np.flatnonzero(acts)
        if not len(which):
            return value, time, fresh
        new = fresh[0] & acts
        late = active & (time[0] >= self.onset)
        places = self._past.keep(value, time[0], new)
        by = failures.lateness(self._delay, self._sigma, self._draw(now))
        self._arrives[places] = failures.stamped_later(np.asarray(now), np.where(late, by, 0.0)[new])
        old, when = self._past.newest(self._arrives[:, which] <= now, which)
        given = when > self._delivered[which]
        self._delivered[which] = np.where(given, when, self._delivered[which])
        value, time, fresh = value.copy(), time.copy(), fresh.copy()
        value[:, which] = np.where(given, old, value[:, which])
        time[:, which] = np.where(given, when, time[:, which])
        fresh[:, which] = given
        return value, time, fresh

    def _draw(self, now: int) -> Any:
        """The random number of every member for this step of its window."""
        if self._draws is None:
            return 0.0
        step = np.clip((now - self.onset) // self._period, 0, len(self._draws) - 1)
        return self._draws[step, np.arange(len(self.members))]


class _Stale(_Remembering):
    """`freeze` and `replay`: the content of `delay` ago, noise and all, with fresh time stamps."""

    def __init__(self, members: list[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        super().__init__(members, periods, own)
        self._delay = np.round(self.parameter("delay") * 1e9).astype(np.int64)
        self._past = _Past(ceil(int(self._delay.max()) / self._period) + 2, len(members))
        self.first = np.zeros_like(self.onset)  # the past must be known when the fault begins

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        self._past.keep(value, time[0], fresh[0])
        which = np.flatnonzero(active & np.logical_or.reduce(fresh))
        if not len(which):
            return value, time, fresh
        is_past = self._past.taken[:, which] <= time[0, which] - self._delay[which]
        old, when = self._past.newest(is_past, which)
        failed = value.copy()
        failed[:, which] = np.where(fresh[:, which] & (when != NEVER), old, value[:, which])
        return failed, time, fresh


GROUPS: dict[str, Any] = {
    "delay": _Late,
    "jitter": _Late,
    "freeze": _Stale,
    "replay": _Stale,
    "stuck_at": _Stuck,
    "omission": _Lost,
    "reordering": _Again,
    "duplication": _Again,
    "clock_offset": _Clock,
    "clock_drift": _Clock,
}  # the other modes are formulas


def union(begins: Integers, ends: Integers) -> Integers:
    """From when to when any of these windows is open (2, window)."""
    order = np.argsort(begins)
    begin, end = begins[order], np.maximum.accumulate(ends[order])
    is_first = np.concatenate([[True], begin[1:] > end[:-1]])
    return np.array([begin[is_first], end[np.append(is_first[1:], True)]])


def _steps(one: Placed, period: int) -> int:
    """How many samples come in the window, at most."""
    return min(ceil((one.end - one.onset) / period) + 1, 1_000_000)


def _draws(one: Placed, steps: int) -> Floats:
    """Draws for so many steps (step,): normal for noise and what is late, uniform else; 0 where nothing is drawn."""
    if one.fault.mode not in DRAWS:
        return np.zeros(1)
    is_normal = one.fault.mode in ("noise", "delay", "jitter")
    return one.stream.standard_normal(steps) if is_normal else one.stream.random(steps)
