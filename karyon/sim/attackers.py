"""Vehicles that do not say what is: lies to the group, made-up members, floods; as arrays for all runs of a batch.

What they say of their motion is changed as a failing sensor changes it (`karyon.sim.faults`). Who listens is not told
who lies: the gate, the agreement and own sensors have to cope.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.protocol import Said
from karyon.perception import failures
from karyon.perception.following import LEAD
from karyon.perception.platoon import LEADER
from karyon.perception.sensors import Samples, seconds
from karyon.sim.failure_modes import RECEIVED, SAID
from karyon.sim.faults import Injector, Placed

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ADDED = ("sybil", "flooding")  # modes that add messages
CONTENT = ("wrong_position", "wrong_speed", "replay")  # modes that change what is said of the motion
LEVEL = ("replay", "sybil", "lie_high", "lie_low", "equivocation")  # modes that change what is said of the level
ALL = -1  # whom a message reaches: all who hear the sender


def is_attack(one: Placed) -> bool:
    """The fault is what somebody sends, and not how something is received or measured."""
    return one.fault.signal == SAID or (one.fault.signal in RECEIVED and one.fault.mode in ADDED)


class _Attacks:
    """Attacks of one mode as arrays (attack,): who sends, in which run, whom alone it reaches or `ALL`; times in ns."""

    def __init__(self, placed: list[Placed]) -> None:
        self.placed = placed
        vehicle = np.array([one.vehicle for one in placed], dtype=np.int64)
        signals = np.array([one.fault.signal for one in placed])
        is_said, is_leaders = signals == SAID, signals == LEADER
        self.run = np.array([one.place[0] for one in placed], dtype=np.int64)
        self.sender = np.where(is_said, vehicle, np.where(is_leaders, 0, vehicle - 1))
        self.only = np.where(is_said, ALL, vehicle)
        self.onset = np.array([one.onset for one in placed], dtype=np.int64)
        self.end = np.array([one.end for one in placed], dtype=np.int64)
        self.changed = np.zeros(len(placed), dtype=np.int64)

    def acts(self, now: int) -> Booleans:
        return (self.onset <= now) & (now < self.end)

    def parameter(self, name: str) -> Floats:
        return np.array([one.fault.parameters[name] for one in self.placed], dtype=float)


@dataclass(frozen=True, slots=True)
class Ghosts:
    """Made-up members, arrays (ghost,): who speaks for them, in which run, whom alone they reach, m ahead of that.

    number   in the run, from 0; those for whom there is no room are one entry of `count`, with number -1
    attack   which of the attacks made it up
    """

    number: Integers
    count: Integers
    sender: Integers
    run: Integers
    only: Integers
    ahead: Floats
    attack: Integers


class Attackers:
    """All attacks of a batch.

    dishonest   who does not tell its level as it is, at some time of the run (vehicle, run): nobody to agree with
    """

    def __init__(self, faults: Sequence[Placed], vehicles: int, runs: int, period: int) -> None:
        """`period` between messages in ns."""
        self._runs, self._period = runs, period
        attacks = [one for one in faults if is_attack(one)]
        self._modes = {
            mode: _Attacks([one for one in attacks if one.fault.mode == mode])
            for mode in sorted({one.fault.mode for one in attacks} | set(ADDED))
        }
        content = [
            replace(one, row=int(run * vehicles + sender))
            for mode in CONTENT
            if (group := self._modes.get(mode))
            for one, run, sender in zip(group.placed, group.run, group.sender, strict=True)
        ]
        self._content = Injector(content, {LEAD: period})
        self.dishonest = np.zeros((vehicles, runs), dtype=bool)
        for mode in LEVEL:
            if group := self._modes.get(mode):
                self.dishonest[group.sender[group.only == ALL], group.run[group.only == ALL]] = True
        self._past: deque[Said] = deque()

    def __bool__(self) -> bool:
        return any(group.placed for group in self._modes.values())

    def content(self, now: int, message: Floats) -> Floats:
        """What the cars say of their motion at `now` (ns): `message` (field, car) as they would in truth."""
        if not self._content.faults:
            return message
        time = np.full(message.shape, now, dtype=np.int64)
        said = Samples(message.copy(), time, np.ones(message.shape, dtype=bool))
        return self._content.message(now, said).value

    def flood(self, now: int) -> tuple[Integers, Integers, Integers, Integers]:
        """Further messages since the last transmission, (attack,): sender, run, whom alone they reach, how many."""
        floods = self._modes["flooding"]
        rate, lasting = floods.parameter("rate"), seconds(floods.end, floods.onset)
        elapsed = seconds(now, floods.onset), seconds(now - self._period, floods.onset)
        sent, before = (failures.flooded(each, rate, lasting) for each in elapsed)
        count = sent - before
        floods.changed += count
        return floods.sender, floods.run, floods.only, count

    def made_up(self, room: int) -> Ghosts:
        """All made-up members; of each run, `room` can be told from each other."""
        sybils, rows = self._modes["sybil"], []
        numbers = [0] * self._runs
        for attack, count in enumerate(sybils.parameter("count").astype(int).tolist()):
            run, spacing = int(sybils.run[attack]), sybils.placed[attack].fault.parameters["spacing"]
            fitting = max(0, min(count, room - numbers[run]))
            rows += [(numbers[run] + one, 1, attack, (one + 1) * spacing) for one in range(fitting)]
            rows += [(-1, count - fitting, attack, 0.0)] if count > fitting else []
            numbers[run] += count
        number, size, attack_of = np.array([row[:3] for row in rows], dtype=np.int64).reshape(-1, 3).T
        place = sybils.sender[attack_of], sybils.run[attack_of], sybils.only[attack_of]
        return Ghosts(number, size, *place, np.array([row[3] for row in rows]), attack_of)

    def speaking(self, now: int, ghosts: Ghosts) -> Booleans:
        """Which made-up members speak at `now` in ns (ghost,)."""
        sybils = self._modes["sybil"]
        speaks = sybils.acts(now)[ghosts.attack]
        np.add.at(sybils.changed, ghosts.attack, ghosts.count * speaks)
        return np.asarray(speaks)

    def most_made_up(self) -> int:
        """How many made-up members the run with most of them has."""
        sybils = self._modes["sybil"]
        return int(np.bincount(sybils.run, sybils.parameter("count"), minlength=1).max())

    def told(self, now: int, round_length: int, base: int, top: int, truth: Said) -> Said:
        """What each tells each in the round that begins at `now` (receiver, sender, run); `truth` (sender, run).

        Lengths in ns; `base` and `top` are the levels that a liar may name.
        """
        said = Said._make(np.repeat(each[None], len(each), axis=0) for each in truth)
        proposal = said.proposal
        to_each = np.where(np.arange(len(proposal)) % 2 == 0, top, base)[:, None]
        levels = {"lie_high": np.array(top), "lie_low": np.array(base), "equivocation": to_each}
        for mode, level in levels.items():
            if liars := self._modes.get(mode):
                at = liars.acts(now)
                place = np.s_[:, liars.sender[at], liars.run[at]]
                liars.changed[at] += (proposal[place] != level).any(axis=0)
                proposal[place] = level
        if replays := self._modes.get("replay"):
            self._replay(now, round_length, said, truth, replays)
        return said

    def _replay(self, now: int, round_length: int, said: Said, truth: Said, replays: _Attacks) -> None:
        """What was said to the group some rounds ago is said again, where that round was."""
        ago = np.maximum(1, np.rint(replays.parameter("delay") * 1e9 / round_length)).astype(np.int64)
        self._past.append(truth)
        if len(self._past) > ago.max() + 1:
            self._past.popleft()
        for rounds in np.unique(ago[replays.acts(now) & (ago < len(self._past))]):
            at = replays.acts(now) & (ago == rounds)
            place = replays.sender[at], replays.run[at]
            for name, old in self._past[-1 - rounds]._asdict().items():
                getattr(said, name)[:, *place] = old[place]

    def changed(self) -> dict[tuple[int, int], int]:
        """Messages changed or added so far, by (run, index of the fault)."""
        counts = self._content.changed()
        for group in self._modes.values():
            for one, count in zip(group.placed, group.changed, strict=True):
                counts[one.place] = counts.get(one.place, 0) + int(count)
        return counts
