"""When and on whom a failure acts: the faults of all scenarios of a batch, grouped so that each group is array work."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, compress
from math import ceil, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import Tape
from karyon.perception import failures
from karyon.perception.following import LEAD, OWN
from karyon.perception.platoon import LEADER
from karyon.perception.received import MESSAGE
from karyon.perception.sensors import NEVER, Samples, nanoseconds, seconds
from karyon.sim.failure_modes import MODES, SAID, Fault
from karyon.sim.scenario import Scenario
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

CLOCKS = ("clock_offset", "clock_drift")  # act last: a stamp is wrong whenever and however the sample comes
ALWAYS = np.ones(1, dtype=bool)
OPEN = {"low": -inf, "high": inf}  # of a saturation, if not given
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
        self._groups: dict[str, list[_Group | _Together]] = {"": [], LEAD: [], LEADER: []}
        if alone:
            self._groups[""].append(_Together(alone, periods, own))
        for (signal, mode, period, _), members in sorted(
            groups.items(), key=lambda item: (item[0][1] in CLOCKS, item[0])
        ):
            source = signal and (LEADER if signal.startswith(LEADER) else LEAD)
            self._groups[source].append(GROUPS.get(mode, _ByFormula)(mode, members, period, own))

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
                    self._tape.react(ALWAYS, now, partial(group.apply, samples=samples))
            elif ((group.windows[0] <= now) & (now < group.windows[1])).any():
                group.apply(now, samples)

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
        return _by_place((group.members, group.changed) for group in chain(*self._groups.values()))


def _alone(faults: Sequence[Placed], own: Sequence[str]) -> tuple[list[Placed], list[Placed]]:
    """Faults that are a formula over the sample, the only ones of their row's own signals; and the others."""
    of_row = Counter(one.row for one in faults if one.fault.signal in own)
    is_alone = [one.fault.signal in own and of_row[one.row] == 1 and one.fault.mode not in GROUPS for one in faults]
    return list(compress(faults, is_alone)), list(compress(faults, np.logical_not(is_alone)))


def _fields(members: Sequence[Placed], own: Sequence[str]) -> Any:
    """Where in the samples the faults of a group act: each on a signal of its own, or all on the same of a message."""
    signal, mode = str(members[0].fault.signal), members[0].fault.mode
    if signal in own:
        return np.array([[own.index(str(one.fault.signal)) for one in members]])
    field = {"wrong_position": "position", "wrong_speed": "speed"}.get(mode, signal.rpartition(".")[2])
    return slice(MESSAGE.index(field), MESSAGE.index(field) + 1) if field in MESSAGE else slice(None)


class _Group:
    """Faults of one mode on own signals of one period, or on a message: windows and parameters as arrays (member,).

    first, last   of each member: outside of it, its samples are left alone
    holds_back    a sample may come when none was measured
    is_late       one may come that was not measured when it comes, or does not say so
    """

    holds_back = is_late = False

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        self.members, self.period = members, period
        self._columns = np.arange(len(members))
        is_plain = mode == "delay" and not any(one.fault.parameters.get("sigma") for one in members)
        self._draws = None if mode not in DRAWS or is_plain else _draws(mode, members, period)
        self._place = _fields(members, own), np.array([one.row for one in members])
        self.onset = np.array([one.onset for one in members])
        self.end = np.array([one.end for one in members])
        self.changed = np.zeros(len(members), dtype=np.int64)
        self.first, self.last = self.onset, self.end

    def parameter(self, name: str, default: float = 0.0) -> Floats:
        """One parameter of every member."""
        return np.array([one.fault.parameters.get(name, default) for one in self.members], dtype=float)

    def draw(self, now: int) -> Floats:
        """The random number of every member for this step of its window."""
        return np.zeros(len(self.members)) if self._draws is None else self.of_step(now, self._draws)

    def of_step(self, now: int, table: NDArray[Any]) -> NDArray[Any]:
        """What a table (step, member) says of this step of every window."""
        step = np.clip((now - self.onset) // self.period, 0, len(table) - 1)
        return np.asarray(table[step, self._columns])

    def apply(self, now: int, samples: Samples) -> None:
        """Change the samples whose fault acts at `now`, and count what changed."""
        place = self._place
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
        self.changed += is_other.any(axis=0)

    @cached_property
    def windows(self) -> Integers:
        """From when to when there is one that acts, ns (2, window)."""
        return union(self.first, self.last)

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        """The failed samples (field, member); what is left alone is the same array.

        active   now is between onset and end (member,)
        """
        raise NotImplementedError


class _ByFormula(_Group):
    """Modes that are a formula over the sample; draws of all steps of the window are made at the start."""

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        super().__init__(mode, members, period, own)
        self._formula = FORMULAS[mode]
        self._parameters = {name: self.parameter(name, OPEN.get(name, 0.0)) for name in MODES[mode].model_fields}

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        return np.where(active & fresh, self.failed(now, value, slice(None)), value), time, fresh

    def failed(self, now: int, value: Floats, which: Integers | slice) -> Floats:
        """What becomes of the values (..., of `which` members)."""
        draws = self.draw(now)[which] if self._draws is not None else 0.0
        step = _Step(
            value, {name: each[which] for name, each in self._parameters.items()}, self.onset[which], now, draws
        )
        return self._formula(step)


@dataclass(frozen=True, slots=True)
class _Step:
    """What a formula is given of the members that it is asked for: values (..., member), the rest (member,)."""

    value: Floats
    parameters: dict[str, Floats]
    onset: Integers
    now: int
    draws: Any

    def __getitem__(self, name: str) -> Floats:
        return self.parameters[name]

    @property
    def elapsed(self) -> Any:
        """s since the onset."""
        return seconds(self.now, self.onset)


FORMULAS: dict[str, Callable[[_Step], Floats]] = {
    "offset": lambda s: failures.offset(s.value, s["amplitude"]),
    "wrong_position": lambda s: failures.offset(s.value, s["offset"]),
    "wrong_speed": lambda s: failures.offset(s.value, s["offset"]),
    "drift": lambda s: failures.drift(s.value, s["rate"], s.elapsed),
    "ramp": lambda s: failures.drift(s.value, s["rate"], s.elapsed),
    "scale": lambda s: failures.scale(s.value, s["factor"]),
    "noise": lambda s: failures.noise(s.value, s["sigma"], s.draws),
    "outlier": lambda s: failures.outlier(s.value, s["amplitude"], s["probability"], s.draws),
    "quantisation": lambda s: failures.quantisation(s.value, s["step"]),
    "saturation": lambda s: failures.saturation(s.value, s["low"], s["high"]),
    "ghost": lambda s: failures.ghost(s.value, s["distance"]),
    "missed": lambda s: failures.stuck_at(s.value, s["range"]),
    "swap": lambda s: failures.swap(s.value, s.value + s["distance"]),
}


class _Together:
    """Formulas of all modes on own signals, on rows that have no other fault there: looked at all at once.

    Members are in the order of their mode and period.
    """

    is_late = False

    def __init__(self, faults: Sequence[Placed], periods: dict[str, int], own: Sequence[str]) -> None:
        kinds: dict[tuple[str, int], list[Placed]] = defaultdict(list)
        for one in faults:
            kinds[one.fault.mode, periods[str(one.fault.signal)]].append(one)
        self._kinds = [_ByFormula(mode, members, period, own) for (mode, period), members in sorted(kinds.items())]
        self.members = [one for kind in self._kinds for one in kind.members]
        self._begins = np.cumsum([0, *(len(kind.members) for kind in self._kinds)])
        self._signal = np.array([own.index(str(one.fault.signal)) for one in self.members])
        self._row = np.array([one.row for one in self.members])
        self._onset = np.array([one.onset for one in self.members])
        self._end = np.array([one.end for one in self.members])
        self.windows = union(self._onset, self._end)
        self.changed = np.zeros(len(self.members), dtype=np.int64)

    def apply(self, now: int, samples: Samples) -> None:
        """Change the samples whose fault acts at `now`, and count what changed."""
        acts = (self._onset <= now) & (now < self._end) & samples.fresh[self._signal, self._row]
        at = np.flatnonzero(acts)
        if not len(at):
            return
        place = self._signal[at], self._row[at]
        value = samples.value[place]
        failed = value.copy()
        bounds = np.searchsorted(at, self._begins)
        for kind, first, low, high in zip(self._kinds, self._begins, bounds, bounds[1:], strict=False):
            if low < high:
                failed[low:high] = kind.failed(now, value[low:high], at[low:high] - first)
        self.changed[at] += failed != value
        samples.value[place] = failed


class _Stuck(_Group):
    """`stuck_at`: a given value, or the last one before the onset."""

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        super().__init__(mode, members, period, own)
        self._fixed, self._held = self.parameter("value", np.nan), np.full(len(members), np.nan)
        self.first = np.zeros_like(self.onset)  # the sample before the onset must be known

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        first = np.isnan(self._held)  # stuck from the start: at the first value
        self._held = np.where(fresh[0] & (first | ~active), value[0], self._held)
        held = np.where(np.isnan(self._fixed), self._held, self._fixed)
        return np.where(active & fresh, failures.stuck_at(value, held), value), time, fresh


class _Lost(_Group):
    """`omission`: a share of the samples does not come, singly or in bursts."""

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        super().__init__(mode, members, period, own)
        assert self._draws is not None
        shares = zip(self._draws.T, self.parameter("probability"), self.parameter("burst"), strict=True)
        self._lost = np.stack([failures.omission(*of_member) for of_member in shares], axis=1)

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        return value, time, fresh & ~(active & self.of_step(now, self._lost))


class _Clock(_Group):
    """`clock_offset` and `clock_drift`: the stamps of the samples are wrong."""

    is_late = True

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        ahead = failures.drift(self.parameter("offset"), self.parameter("rate"), seconds(now, self.onset))
        return value, np.where(active & fresh, failures.stamped_later(time, ahead), time), fresh


class _Again(_Group):
    """A sample comes in place of a later one, with its own stamp.

    `duplication`: once more, in place of the next one; `reordering`: after the next one, and not before.
    """

    is_late = True

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        super().__init__(mode, members, period, own)
        self._is_held_back = mode == "reordering"
        self._wait = 2 if self._is_held_back else 1  # samples
        self.last = self.end + self._wait * period
        self._probability = self.parameter("probability")
        self._held: tuple[Floats, Integers] | None = None
        self._due_in = np.zeros(len(members), dtype=np.int64)  # samples; 0: none is held

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        new = fresh[0]
        again = new & (self._due_in == 1) & (now < self.last)
        old, when = self._held if self._held is not None else (value, time)
        drawn = active & new & (self._due_in == 0) & (self.draw(now) < self._probability)
        self._held = np.where(drawn, value, old), np.where(drawn, time, when)
        self._due_in = np.where(drawn, self._wait, np.where(new, np.maximum(self._due_in - 1, 0), self._due_in))
        gone = drawn & self._is_held_back
        return np.where(again, old, value), np.where(again, when, time), fresh & ~gone


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


class _Late(_Group):
    """`delay` and `jitter`: a sample taken in the window arrives later, with its own time stamp; the newest counts."""

    holds_back = is_late = True

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        super().__init__(mode, members, period, own)
        self._delay, self._sigma = self.parameter("delay"), self.parameter("sigma")
        longest = failures.stamped_later(np.zeros_like(self.end), failures.lateness(self._delay, self._sigma, inf))
        self.last = self.end + longest + period
        self._past = _Past(ceil(int(longest.max()) / period) + 2, len(members))
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
        by = failures.lateness(self._delay, self._sigma, self.draw(now))
        self._arrives[places] = failures.stamped_later(np.asarray(now), np.where(late, by, 0.0)[new])
        old, when = self._past.newest(self._arrives[:, which] <= now, which)
        given = when > self._delivered[which]
        self._delivered[which] = np.where(given, when, self._delivered[which])
        value, time, fresh = value.copy(), time.copy(), fresh.copy()
        value[:, which] = np.where(given, old, value[:, which])
        time[:, which] = np.where(given, when, time[:, which])
        fresh[:, which] = given
        return value, time, fresh


class _Stale(_Group):
    """`freeze` and `replay`: the content of `delay` ago, noise and all, with fresh time stamps."""

    def __init__(self, mode: str, members: list[Placed], period: int, own: Sequence[str]) -> None:
        super().__init__(mode, members, period, own)
        self._delay = np.round(self.parameter("delay") * 1e9).astype(np.int64)
        self._past = _Past(ceil(int(self._delay.max()) / period) + 2, len(members))
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


GROUPS: dict[str, type[_Group]] = {
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


def _draws(mode: str, members: list[Placed], period: int) -> Floats:
    """Draws for every step of each window (step, member): normal for noise and jitter, uniform else."""
    steps = max(ceil((one.end - one.onset) / period) + 1 for one in members)
    steps = min(steps, 1_000_000)
    normal = mode in ("noise", "delay", "jitter")
    drawn = [one.stream.standard_normal(steps) if normal else one.stream.random(steps) for one in members]
    return np.stack(drawn, axis=1)


def _by_place(counted: Iterable[tuple[Sequence[Placed], Integers]]) -> dict[tuple[int, int], int]:
    """Counts of faults by (run, index of the fault), which one on several rows has together."""
    found: Counter[tuple[int, int]] = Counter()
    for members, counts in counted:
        for one, count in zip(members, counts.tolist(), strict=True):
            found[one.place] += count
    return dict(found)
