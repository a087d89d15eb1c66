"""Vehicles that do not say what is: lies to the group, made-up members, floods; as arrays for all runs of a batch.

What they say of their motion is changed as a failing sensor changes it (`karyon.sim.faults`). Who listens is not told
who lies: the gate, the agreement and own sensors have to cope.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from karyon.perception import failures
from karyon.perception.following import LEAD
from karyon.perception.sensors import Samples, seconds
from karyon.sim.failure_modes import SAID
from karyon.sim.faults import Injector, Placed

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ADDED = ("sybil", "flooding")  # modes that add messages
CONTENT = ("wrong_position", "wrong_speed", "replay")  # modes that change what is said of the motion
ROUNDS = ("lie_high", "lie_low", "equivocation", "replay")  # modes that change what is said to the group


def is_attack(one: Placed) -> bool:
    """The fault is what somebody sends, and not how something is received or measured."""
    return one.fault.signal == SAID or (one.fault.signal == LEAD and one.fault.mode in ADDED)


@dataclass(frozen=True, slots=True)
class _Attack:
    """One attack: who sends, in which run, and whom alone it reaches; -1: all who hear the sender."""

    placed: Placed
    sender: int
    run: int
    only: int

    def acts(self, now: int) -> bool:
        return self.placed.onset <= now < self.placed.end

    def parameter(self, name: str) -> float:
        return self.placed.fault.parameters[name]


@dataclass(frozen=True, slots=True)
class Ghost:
    """A made-up member: its number in the run, who speaks for it, whom alone it reaches (-1: all), m ahead of that."""

    number: int
    sender: int
    run: int
    only: int
    ahead: float
    speaks: bool


class Attackers:
    """All attacks of a batch. Told: what members say to each other, arrays (receiver, sender, run)."""

    def __init__(self, faults: Sequence[Placed], vehicles: int, runs: int, period: int) -> None:
        """`period` between messages in ns."""
        self._vehicles, self._runs, self._period = vehicles, runs, period
        self._attacks = [_attack(one, vehicles) for one in faults if is_attack(one)]
        content = [
            replace(each.placed, row=each.run * vehicles + each.sender)
            for each in self._attacks
            if each.placed.fault.mode in CONTENT
        ]
        self._content = Injector(content, {LEAD: period})
        self._changed = {each.placed.place: 0 for each in self._attacks}
        self._past: deque[list[NDArray[np.generic]]] = deque(maxlen=self._rounds_of_memory() + 1)
        self.dishonest = np.zeros((vehicles, runs), dtype=bool)
        for each in self._attacks:
            self.dishonest[each.sender, each.run] = True

    def __bool__(self) -> bool:
        return bool(self._attacks)

    def content(self, now: int, message: Floats) -> Floats:
        """What the cars say of their motion at `now` (ns): `message` (field, car) as they would in truth."""
        if not self._content.faults:
            return message
        time = np.full(message.shape, now, dtype=np.int64)
        said = Samples(message.copy(), time, np.ones(message.shape, dtype=bool))
        return self._content.message(now, said).value

    def copies(self, now: int) -> dict[tuple[int, int, int], int]:
        """How many further messages since the last transmission, by receiver (-1: all), sender and run."""
        found: dict[tuple[int, int, int], int] = {}
        for each in self._of("flooding"):
            onset, end, rate = each.placed.onset, each.placed.end, each.parameter("rate")
            lasting = float(seconds(end, onset))
            sent = [failures.flooded(seconds(at, onset), rate, lasting) for at in (now - self._period, now)]
            count = int(sent[1] - sent[0])
            key = each.only, each.sender, each.run
            found[key] = found.get(key, 0) + count
            self._changed[each.placed.place] += count
        return found

    def ghosts(self) -> int:
        """How many made-up members the run with most of them has."""
        counts = [0] * self._runs
        for each in self._of("sybil"):
            counts[each.run] += int(each.parameter("count"))
        return max(counts, default=0)

    def made_up(self, now: int) -> list["Ghost"]:
        """All made-up members, numbered in each run, whether they speak at `now` (ns) or not."""
        found, numbers = [], [0] * self._runs
        for each in self._of("sybil"):
            count, acts = int(each.parameter("count")), each.acts(now)
            for one in range(count):
                ahead = (one + 1) * each.parameter("spacing")
                found.append(Ghost(numbers[each.run] + one, each.sender, each.run, each.only, ahead, acts))
            numbers[each.run] += count
            self._changed[each.placed.place] += count * acts
        return found

    def told(
        self, now: int, round_length: int, base: int, top: int, truth: tuple[NDArray[np.generic], ...]
    ) -> list[NDArray[np.generic]]:
        """What each tells each in the round that begins at `now`: of `truth`, proposal, view and echo (sender, run)."""
        said = [np.repeat(each[None], len(each), axis=0) for each in truth]
        self._past.append([each.copy() for each in said])
        for mode in ROUNDS:
            for each in self._of(mode):
                if each.acts(now):
                    self._tell(said, each, base, top, round_length)
        return said

    def changed(self) -> dict[tuple[int, int], int]:
        """Messages changed or added so far, by (run, index of the fault)."""
        content = self._content.changed()
        return {place: count + content.get(place, 0) for place, count in self._changed.items()}

    def _of(self, mode: str) -> list[_Attack]:
        return [each for each in self._attacks if each.placed.fault.mode == mode]

    def _tell(self, said: list[NDArray[np.generic]], each: _Attack, base: int, top: int, round_length: int) -> None:
        proposal, place = said[0], np.s_[:, each.sender, each.run]
        before = [one[place].copy() for one in said]
        match each.placed.fault.mode:
            case "lie_high":
                proposal[place] = top
            case "lie_low":
                proposal[place] = base
            case "equivocation":
                proposal[place] = np.where(np.arange(len(proposal)) % 2 == 0, top, base)
            case _:
                ago = self._ago(each, round_length)
                if ago < len(self._past):
                    for one, old in zip(said, self._past[-1 - ago], strict=True):
                        one[place] = old[place]
        differs = any((one[place] != old).any() for one, old in zip(said, before, strict=True))
        self._changed[each.placed.place] += differs

    def _ago(self, each: _Attack, round_length: int) -> int:
        return max(1, round(each.parameter("delay") * 1e9 / round_length))

    def _rounds_of_memory(self) -> int:
        delays = [each.parameter("delay") for each in self._of("replay")]
        return int(np.ceil(max(delays, default=0.0) * 1e9 / self._period))


def _attack(one: Placed, vehicles: int) -> _Attack:
    run, follower = divmod(one.row, vehicles - 1)
    if one.fault.signal == SAID:
        return _Attack(one, follower + 1, run, -1)
    return _Attack(one, follower, run, follower + 1)
