"""When and on whom a failure acts: the faults of all scenarios of a batch, grouped so that each group is array work."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from karyon.perception import failures
from karyon.perception.following import MESSAGE, OWN
from karyon.perception.sensors import NEVER, Samples
from karyon.sim.failure_modes import Fault
from karyon.sim.scenario import Scenario
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

LATE = ("delay", "jitter")
STALE = ("freeze", "replay")
DRAWS = ("noise", "outlier", "jitter", "omission")


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault on one row of the batch; onset and end in ns."""

    fault: Fault
    row: int
    onset: int
    end: int
    stream: np.random.Generator
    place: tuple[int, int]  # run in the batch, index of the fault in its scenario


def placed(scenarios: Sequence[Scenario]) -> list[Placed]:
    """All faults of all runs, one entry per row that they act on."""
    found = []
    for run, scenario in enumerate(scenarios):
        followers = scenario.vehicles - 1
        for index, fault in enumerate(scenario.faults):
            vehicles = range(1, followers + 1) if fault.vehicle == "all" else [int(fault.vehicle)]
            onset = round(fault.onset * 1e9)
            end = round(min(fault.onset + (inf if fault.duration is None else fault.duration), 1e6) * 1e9)
            for vehicle in vehicles:
                draws = stream(scenario.seed, Purpose.FAULTS + index * 100_000 + vehicle)
                found.append(Placed(fault, run * followers + vehicle - 1, onset, end, draws, (run, index)))
    return found


class Injector:
    """Applies every sensor and message fault of a batch, and counts the samples that each one changed."""

    def __init__(self, scenarios: Sequence[Scenario], periods: dict[str, int]) -> None:
        """`periods`: ns between samples, per signal and for `lead.message`."""
        self.faults = [one for one in placed(scenarios) if one.fault.signal is not None]
        groups: dict[tuple[str, str, int], list[Placed]] = defaultdict(list)
        times: Counter[tuple[str, str, int]] = Counter()
        for one in self.faults:  # a row stands once in a group: a second fault of the kind is in the next
            signal, mode = str(one.fault.signal), one.fault.mode
            groups[signal, mode, times[signal, mode, one.row]].append(one)
            times[signal, mode, one.row] += 1
        self._own: list[tuple[int, _Group]] = []
        self._message: list[tuple[slice, _Group]] = []
        for (signal, mode, _), members in sorted(groups.items(), key=lambda item: item[0]):
            base = "lead.message" if signal.startswith("lead.message") else signal
            group = _group(mode, members, periods[base])
            if base == signal and base != "lead.message":
                self._own.append((OWN.index(signal), group))
            else:
                self._message.append((_fields(signal, mode), group))

    def own(self, now: int, samples: Samples) -> Samples:
        """Own samples as the failing sensors give them (changed in place)."""
        for signal, group in self._own:
            group.apply(now, samples, slice(signal, signal + 1))
        return samples

    def message(self, now: int, samples: Samples) -> Samples:
        """Received messages as the failing radio or a lying sender gives them (changed in place)."""
        for fields, group in self._message:
            group.apply(now, samples, fields)
        return samples

    def changed(self) -> dict[tuple[int, int], int]:
        """Samples changed so far, by (run, index of the fault)."""
        counts: dict[tuple[int, int], int] = {one.place: 0 for one in self.faults}
        for _, group in [*self._own, *self._message]:
            for one, count in zip(group.members, group.changed, strict=True):
                counts[one.place] += int(count)
        return counts


def _fields(signal: str, mode: str) -> slice:
    """Fields of the message that a fault acts on."""
    name = {"wrong_position": "position", "wrong_speed": "speed"}.get(
        mode, signal.removeprefix("lead.message").strip(".")
    )
    if name:
        return slice(MESSAGE.index(name), MESSAGE.index(name) + 1)
    return slice(0, len(MESSAGE))


class _Group:
    """Faults of one mode on one signal: rows, windows and parameters as arrays (member,)."""

    def __init__(self, members: list[Placed], period: int) -> None:
        self.members, self.period = members, period
        self.rows = np.array([one.row for one in members])
        self.onset = np.array([one.onset for one in members])
        self.end = np.array([one.end for one in members])
        self.changed = np.zeros(len(members), dtype=np.int64)
        self._first, self._last = int(self.onset.min()), int(self.end.max())

    def parameter(self, name: str, default: float = 0.0) -> Floats:
        """One parameter of every member."""
        return np.array([one.fault.parameters.get(name, default) for one in self.members], dtype=float)

    def apply(self, now: int, samples: Samples, where: slice) -> None:
        """Change the samples of the rows whose fault acts at `now`, and count what changed."""
        if not self.acts(now):
            return
        value, time, fresh = (
            samples.value[where, self.rows],
            samples.time[where, self.rows],
            samples.fresh[where, self.rows],
        )
        active = (self.onset <= now) & (now < self.end)
        new_value, new_time, new_fresh = self.fail(now, active, value, time, fresh)
        different = (new_fresh != fresh) | (new_fresh & ((new_value != value) | (new_time != time)))
        self.changed += different.any(axis=0)
        samples.value[where, self.rows], samples.time[where, self.rows] = new_value, new_time
        samples.fresh[where, self.rows] = new_fresh

    def acts(self, now: int) -> bool:
        """Whether any member may act at `now`."""
        return self._first <= now < self._last

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        """The failed samples (field, member)."""
        raise NotImplementedError


class _ByFormula(_Group):
    """Modes that are a formula over the sample; draws of all steps of the window are made at the start."""

    def __init__(self, mode: str, members: list[Placed], period: int) -> None:
        super().__init__(members, period)
        self._mode = mode
        self._draws = _draws(mode, members, period) if mode in DRAWS else None
        self._held = np.full(len(members), np.nan)
        names = ("amplitude", "offset", "rate", "factor", "sigma", "probability")
        self._p = {name: self.parameter(name) for name in names}
        self._low, self._high = self.parameter("low", -inf), self.parameter("high", inf)
        self._fixed = self.parameter("value", np.nan)

    def acts(self, now: int) -> bool:
        """`stuck_at` must see the sample before its onset."""
        return super().acts(now) or (self._mode == "stuck_at" and now < self._first)

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        if self._mode == "stuck_at":
            first = np.isnan(self._held)  # stuck from the start: at the first value
            self._held = np.where(fresh[0] & (first | ~active), value[0], self._held)
        if self._mode == "omission":
            return value, time, fresh & ~(active & (self._draw(now) < self._p["probability"]))
        return np.where(active & fresh, self._formula(now, value), value), time, fresh

    def _formula(self, now: int, value: Floats) -> Floats:
        p, mode = self._p, self._mode
        formulas: dict[str, Callable[[], Floats]] = {
            "offset": lambda: failures.offset(value, p["amplitude"]),
            "wrong_position": lambda: failures.offset(value, p["offset"]),
            "wrong_speed": lambda: failures.offset(value, p["offset"]),
            "drift": lambda: failures.drift(value, p["rate"], (now - self.onset) * 1e-9),
            "ramp": lambda: failures.drift(value, p["rate"], (now - self.onset) * 1e-9),
            "scale": lambda: failures.scale(value, p["factor"]),
            "noise": lambda: failures.noise(value, p["sigma"], self._draw(now)),
            "outlier": lambda: failures.outlier(value, p["amplitude"], p["probability"], self._draw(now)),
            "saturation": lambda: failures.saturation(value, self._low, self._high),
            "stuck_at": lambda: failures.stuck_at(value, np.where(np.isnan(self._fixed), self._held, self._fixed)),
        }
        return formulas[mode]()

    def _draw(self, now: int) -> Floats:
        assert self._draws is not None
        step = np.clip((now - self.onset) // self.period, 0, len(self._draws) - 1)
        return np.asarray(self._draws[step, np.arange(len(self.members))])


class _Late(_Group):
    """`delay` and `jitter`: a sample taken in the window arrives later, with its own time stamp; the newest counts."""

    def __init__(self, mode: str, members: list[Placed], period: int) -> None:
        super().__init__(members, period)
        self._delay = np.round(self.parameter("delay") * 1e9).astype(np.int64)
        self._sigma = self.parameter("sigma") * 1e9
        self._draws = _draws(mode, members, period) if mode == "jitter" else None
        longest = int((self._delay if self._draws is None else 6.0 * self._sigma).max())
        self._depth = ceil(longest / period) + 2
        self._count = np.zeros(len(members), dtype=np.int64)
        self._last += longest + period
        count = len(members)
        self._taken = np.full((self._depth, count), NEVER, dtype=np.int64)
        self._arrives = np.full((self._depth, count), NEVER, dtype=np.int64)
        self._delivered = np.full(count, NEVER, dtype=np.int64)
        self._values: Floats | None = None

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        members = np.arange(len(self.members))
        if self._values is None:
            self._values = np.full((self._depth, *value.shape), np.nan)
        new = fresh[0]
        place = (self._count % self._depth)[new], members[new]
        late = active & (time[0] >= self.onset)
        self._values[place[0], :, place[1]] = value[:, new].T
        self._taken[place] = time[0, new]
        self._arrives[place] = now + np.where(late, self._lateness(now), 0)[new]
        self._count += new
        arrived = np.where(self._arrives <= now, self._taken, NEVER)
        newest = arrived.argmax(axis=0)
        when = arrived[newest, members]
        given = when > self._delivered
        self._delivered = np.where(given, when, self._delivered)
        old = self._values[newest, :, members].T
        return np.where(given, old, value), np.where(given, when, time), np.broadcast_to(given, fresh.shape)

    def _lateness(self, now: int) -> Integers:
        if self._draws is None:
            return self._delay
        step = np.clip((now - self.onset) // self.period, 0, len(self._draws) - 1)
        normal = self._draws[step, np.arange(len(self.members))]
        late: Integers = np.minimum(np.abs(normal) * self._sigma, 6.0 * self._sigma).astype(np.int64)
        return late


class _Stale(_Group):
    """`freeze` and `replay`: the content of `delay` ago, noise and all, with fresh time stamps."""

    def __init__(self, members: list[Placed], period: int) -> None:
        super().__init__(members, period)
        self._delay = np.round(self.parameter("delay") * 1e9).astype(np.int64)
        self._depth = ceil(int(self._delay.max()) / period) + 2
        self._count = np.zeros(len(members), dtype=np.int64)
        self._taken = np.full((self._depth, len(members)), NEVER, dtype=np.int64)
        self._values: Floats | None = None

    def acts(self, now: int) -> bool:
        """The past must be known when the fault begins."""
        return now < self._last

    def fail(
        self, now: int, active: Booleans, value: Floats, time: Integers, fresh: Booleans
    ) -> tuple[Floats, Integers, Booleans]:
        members, new = np.arange(len(self.members)), fresh[0]
        if self._values is None:
            self._values = np.full((self._depth, *value.shape), np.nan)
        slot = self._count % self._depth
        self._values[slot[new], :, members[new]] = value[:, new].T
        self._taken[slot[new], members[new]] = time[0, new]
        self._count += new
        old_enough = np.where(self._taken <= time[0] - self._delay, self._taken, NEVER)
        newest = old_enough.argmax(axis=0)
        known = old_enough[newest, members] != NEVER
        old = self._values[newest, :, members].T
        return np.where(active & fresh & known, old, value), time, fresh


def _group(mode: str, members: list[Placed], period: int) -> _Group:
    if mode in LATE:
        return _Late(mode, members, period)
    return _Stale(members, period) if mode in STALE else _ByFormula(mode, members, period)


def _draws(mode: str, members: list[Placed], period: int) -> Floats:
    """Draws for every step of each window (step, member): normal for noise and jitter, uniform else."""
    steps = max(ceil((one.end - one.onset) / period) + 1 for one in members)
    steps = min(steps, 1_000_000)
    normal = mode in ("noise", "jitter")
    drawn = [one.stream.standard_normal(steps) if normal else one.stream.random(steps) for one in members]
    return np.stack(drawn, axis=1)


class Components:
    """Which nominal components run: `crash`, `hang` and `slow` of perception, control and radio, row by row."""

    def __init__(self, scenarios: Sequence[Scenario], rows: int, names: Sequence[str]) -> None:
        self._rows = rows
        self._by_name: dict[str, list[Placed]] = {name: [] for name in names}
        self.faults = [one for one in placed(scenarios) if one.fault.component is not None]
        for one in self.faults:
            self._by_name[str(one.fault.component)].append(one)
        self.skipped: dict[tuple[int, int], int] = {one.place: 0 for one in self.faults}

    def running(self, name: str, now: int, cycle: int) -> Booleans | None:
        """Rows in which the component runs in this cycle; None: in all of them.

        A slow component runs in one of `factor` cycles.
        """
        down = [
            one
            for one in self._by_name[name]
            if one.onset <= now < one.end
            and not (one.fault.mode == "slow" and cycle % ceil(one.fault.parameters["factor"]) == 0)
        ]
        if not down:
            return None
        running = np.ones(self._rows, dtype=bool)
        for one in down:
            running[one.row] = False
            self.skipped[one.place] += 1
        return running
