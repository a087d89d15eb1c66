"""The log of a batch: what failed, what perception saw, what the kernel decided and why."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.gate import Reason
from karyon.cooperation.guard import BREACHES, Breach
from karyon.kernel import Age, Alive, Decision, Kernel, Validity, text
from karyon.kernel import verdict as holds
from karyon.kernel.design import Function
from karyon.kernel.rules import leaves
from karyon.perception import validity
from karyon.perception.following import OWN, Seen
from karyon.perception.received import Told
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import NEVER, seconds
from karyon.sim.analysis import age_limit
from karyon.sim.failure_modes import MODES, SAID, Fault
from karyon.sim.faults import Placed
from karyon.sim.strangers import Strangers
from karyon.sim.world import World

Booleans = NDArray[np.bool_]
AFTERMATH = 10_000_000_000  # ns after a fault in which a downgrade still counts as caused by it
VERDICTS = ("late", "lost", "invalid", "own_lag")


class Log:
    """Events of every run, and the counts that come from them."""

    def __init__(
        self, faults: Sequence[Placed], function: Function, runs: int, vehicles: int, senders: Sequence[str]
    ) -> None:
        """`senders`: whose messages are judged, besides the own signals."""
        self.faults, self.function, self._followers = faults, function, vehicles - 1
        self._signals = (*OWN, *senders)
        self.events: list[list[dict[str, Any]]] = [[] for _ in range(runs)]
        rows = runs * self._followers
        self.switches = np.zeros(rows, dtype=np.int64)
        self.false_downgrades = np.zeros(rows, dtype=np.int64)
        self.verdicts = [Counter[str]() for _ in range(rows)]
        self._by_row: dict[int, list[Placed]] = {}
        for fault in self.faults:
            for row in self._touched(fault):
                self._by_row.setdefault(row, []).append(fault)
        self._cut_in = np.full(rows, np.iinfo(np.int64).min // 2)  # ns, when a car last cut in before a row, or left
        self._refused: NDArray[np.int64] = np.zeros((len(Reason), vehicles, runs), dtype=np.int64)
        self._held: NDArray[np.int64] = np.zeros((len(Breach), vehicles, runs), dtype=np.int64)
        self._refused_of_devices: dict[tuple[int, str, str], int] = {}
        self._protocol_failed = False
        shape = len(self._signals), rows
        self._arrived = np.full(shape, np.iinfo(np.int64).min // 2)
        self._doubted = np.zeros(shape, dtype=bool)
        self._judged = 0, np.zeros(shape, dtype=np.int64), np.ones(shape)
        self._started = False

    def _touched(self, one: Placed) -> Iterable[int]:
        """Rows whose downgrade a fault may cause: what a vehicle says touches all of its run."""
        run = one.row // self._followers
        is_said = one.fault.signal == SAID
        return range(run * self._followers, (run + 1) * self._followers) if is_said else (one.row,)

    def add(self, now: int, row: int, kind: str, said: str, **fields: Any) -> None:
        """One event of a row at `now` (ns)."""
        run, follower = divmod(row, self._followers)
        self._add(now, run, follower + 1, kind, said, **fields)

    def _add(self, now: int, run: int, vehicle: int, kind: str, said: str, **fields: Any) -> None:
        self.events[run].append({"time": now / 1e9, "vehicle": vehicle, "kind": kind, "text": said, **fields})

    def planned(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """When faults begin and end, and what to note then."""
        for one in self.faults:
            yield one.onset, partial(self._fault, one, "begins")
            yield one.end, partial(self._fault, one, "ends")

    def _fault(self, one: Placed, change: str, now: int) -> None:
        self._add(now, one.place[0], one.vehicle, "fault", f"{describe(one.fault)} {change}", **fields_of(one))

    def arrived(self, now: int, fresh: Booleans) -> None:
        """Which signals and messages had something new (signal, row), however old: tells late from lost."""
        self._arrived = np.where(fresh, now, self._arrived)

    def judged(self, now: int, seen: Seen, told: Sequence[Told]) -> None:
        """Note where the validity of a signal falls below what a check doubts, and where it is back."""
        believed = np.vstack([seen.validity, *(each.validity for each in told)])
        self._judged = now, np.vstack([seen.time, *(each.time for each in told)]), believed
        doubted = believed < DOUBT
        changed = doubted != self._doubted
        if self._started and changed.any():
            for signal, row in zip(*np.nonzero(changed), strict=True):
                word = "is doubted" if doubted[signal, row] else "is believed again"
                name = self._signals[signal]
                self.add(now, int(row), "detection", f"{name} {word}", signal=name)
        self._doubted, self._started = doubted, True

    def switched(
        self, now: int, kernel: Kernel, decision: Decision, previous: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        """Changes of the level of service from `previous` (row,), each with the rule that decided."""
        for row in map(int, rows):
            before, after = int(previous[row]), int(decision.level[row])
            why = kernel.explain(self.function.name, row, before, after)
            fields: dict[str, Any] = {"function": self.function.name, "from": before, "to": after}
            self.switches[row] += 1
            if after < before:
                rule = self.function.rules[int(decision.deciding[row])]
                failing = [term for term in leaves(rule) if not holds(term, kernel.seen, now).certain[row]]
                verdict = self._verdict(row, failing)
                self.verdicts[row][verdict] += 1
                failed = any(one.onset <= now <= one.end + AFTERMATH for one in self._by_row.get(row, ()))
                failed |= now - self._cut_in[row] <= AFTERMATH
                caused = failed or verdict in ("late", "lost")  # what did not come is a cause of its own
                self.false_downgrades[row] += not caused
                fields |= {"rule": text(rule), "verdict": verdict, "cause": "fault" if caused else "none known"}
            else:
                fields["rule"] = why.partition(": ")[2]
            self.add(now, row, "los", why, **fields)

    def agreed(self, now: int, previous: NDArray[np.int64], level: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Changes of the level of service, from `previous` (row,), that follow from what the group has agreed to."""
        for row in map(int, rows):
            before, after = int(previous[row]), int(level[row])
            self.switches[row] += 1
            self.verdicts[row]["lost"] += after < before
            no_more = "no more" if after < before else "it"
            rule = f"cooperation(platoon) >= {max(before, after)}"
            said = f"LoS {before} → {after}: the platoon has agreed to {no_more}"
            self.add(
                now, row, "los", said, **{"function": self.function.name, "from": before, "to": after, "rule": rule}
            )

    def grouped(self, now: int, previous: NDArray[np.int64], leader: NDArray[np.int64]) -> None:
        """Changes of the vehicle that heads the group of a row, from `previous` (row,): the file splits, or merges."""
        for row in map(int, np.flatnonzero(leader != previous)):
            head = int(leader[row])
            heads = head == row % self._followers + 1
            said = "heads a group of its own" if heads else f"now in the group of car {head}"
            self.add(now, row, "group", said, leader=head, previous=int(previous[row]))

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
            self.add(now, row, "cut_in", said, number=int(strangers.number[index]), **fields)

    def refused(self, now: int, counts: NDArray[np.int64]) -> None:
        """Messages that were refused since this was last told, by reason; `counts` (reason, vehicle, run) in all."""
        for reason, vehicle, run, count in _grown(self._refused, counts):
            name = Reason(reason).name.lower()
            said = f"{count} message{'s' * (count > 1)} refused: {name.replace('_', ' ')}"
            self._add(now, run, vehicle, "message", said, reason=name, count=count)
        self._refused = counts.copy()

    def refused_of_devices(self, now: int, counts: Mapping[tuple[int, str, str], int]) -> None:
        """Measurements of devices that were refused since last told; `counts` in all, by row, reason, its words."""
        for (row, reason, words), total in counts.items():
            count = total - self._refused_of_devices.get((row, reason, words), 0)
            if count:
                said = f"{count} measurement{'s' * (count > 1)} refused: {words}"
                self._add(now, 0, row + 1, "message", said, reason=reason, count=count)
        self._refused_of_devices = dict(counts)

    def held(self, now: int, counts: NDArray[np.int64]) -> None:
        """Rounds in which the protocol was held down since last told; `counts` (breach, vehicle, run) in all."""
        for breach, vehicle, run, count in _grown(self._held, counts):
            said = f"no cooperation in {count} round{'s' * (count > 1)}: the protocol {BREACHES[Breach(breach)]}"
            self._add(now, run, vehicle, "agreement", said, breach=Breach(breach).name.lower(), count=count)
        self._held = counts.copy()

    def failed(self, now: int, error: str | None) -> None:
        """The agreement protocol of all runs has raised an error."""
        if error is not None and not self._protocol_failed:
            self._protocol_failed = True
            said = f"no cooperation from here on: the agreement protocol raised {error}"
            for run in range(len(self.events)):
                self._add(now, run, 0, "agreement", said, breach="error")

    def _verdict(self, row: int, terms: list[Any]) -> str:
        """late, lost, invalid and own lag are four different verdicts; `terms` of the rule are those that fail.

        What is too old, or would be believed if it were not for its age, is late where something newer than half of
        that age came in, and else lost.
        """
        for leaf in terms:
            if isinstance(leaf, Alive):
                return "own_lag"
            if isinstance(leaf, Age | Validity) and leaf.signal in self._signals:
                signal, (judged, measured, believed) = self._signals.index(leaf.signal), self._judged
                if measured[signal, row] == NEVER:  # of a leader that has only just become one
                    return "lost"
                age, silence = (seconds(judged, times[signal, row]) for times in (measured, self._arrived))
                aged = validity.of_age(age, age_limit(self.function, leaf.signal))
                if isinstance(leaf, Age) or aged < leaf.minimum or believed[signal, row] >= leaf.minimum * aged:
                    return "late" if silence < 0.5 * age else "lost"
        return "invalid"


def _grown(before: NDArray[np.int64], counts: NDArray[np.int64]) -> Iterator[tuple[int, int, int, int]]:
    """Which counts (kind, vehicle, run) have grown, and by how much."""
    new = counts - before
    for kind, vehicle, run in zip(*map(np.ndarray.tolist, np.nonzero(new)), strict=True):
        yield kind, vehicle, run, int(new[kind, vehicle, run])


def describe(fault: Fault) -> str:
    """A fault in words: `front.distance: drift, rate 0.5`."""
    usual = {name: field.default for name, field in MODES[fault.mode].model_fields.items()}
    numbers = ", ".join(f"{name} {value:g}" for name, value in fault.parameters.items() if value != usual[name])
    return f"{fault.signal or fault.component}: {fault.mode}" + (f", {numbers}" if numbers else "")


def fields_of(one: Placed) -> dict[str, Any]:
    """What the event of a fault says of it."""
    fault = one.fault
    name = {"signal": fault.signal} if fault.signal else {"component": fault.component}
    return {**name, "mode": fault.mode, "parameters": dict(fault.parameters)}
