"""The group that the vehicles of each run form: who hears whom, round by round, and the level that they agree on."""

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.agreement import Agreement, Said
from karyon.kernel.design import Function
from karyon.kernel.rules import Cooperation, leaves
from karyon.perception.sensors import nanoseconds
from karyon.sim.scenario import Scenario

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

PEER = "platoon"  # who it is that a rule asks the agreement of
TRANSMISSIONS = 5  # of a round: at 10 Hz half a second


def base_of(function: Function) -> int | None:
    """The highest level that needs no agreement of the group; None: no level does."""
    asking = (
        number
        for number, level in enumerate(function.levels)
        for rule in level.rules
        for leaf in leaves(rule)
        if isinstance(leaf, Cooperation) and leaf.peer == PEER
    )
    lowest = min(asking, default=None)
    return None if lowest is None else lowest - 1


class Group:
    """The vehicles of all runs, vehicle 0 in front: it admits every level. A row is a follower, run by run.

    level          that each row has agreed to
    leader         the vehicle that heads the group of each row, for the row itself by its own belief
    longest        rounds in a row for which a vehicle acted on a level that needs agreement while one that it counts on
                   was on another, per run
    apart, rounds  rounds in which any did, and all rounds, per run
    """

    def __init__(self, scenarios: Sequence[Scenario], base: int, top: int) -> None:
        first = scenarios[0]
        self._members, self._runs, self._base, self._top = first.vehicles, len(scenarios), base, top
        self._agreement = Agreement(self._members, self._runs, base)
        self._heard = np.zeros((self._members, self._members, self._runs), dtype=bool)
        self._told: Said | None = None
        self._sent, self._period = 0, nanoseconds(first.radio.period)
        self.level = np.full(self._runs * (self._members - 1), base)
        self.leader = np.zeros_like(self.level)
        self._apart_for = np.zeros(self._heard.shape, dtype=int)
        self.longest, self.apart, self.rounds = (np.zeros(self._runs, dtype=int) for _ in range(3))

    @property
    def number(self) -> int:
        """Of the round that the next transmission belongs to, from 0."""
        return self._sent // TRANSMISSIONS

    def send(self, admitted: Integers, links: Booleans) -> None:
        """One transmission of all members; `admitted` (row,) by their own rules, `links` (receiver, sender, run)."""
        if self._sent % TRANSMISSIONS == 0:
            if self._told is not None:
                self._close(self._told)
            levels = np.full((self._members, self._runs), self._top, dtype=np.int8)
            levels[1:] = admitted.reshape(self._runs, -1).T
            self._told = self._agreement.speak(levels)
            self._heard[:] = False
        self._heard |= links
        self._sent += 1

    def end_of_round(self, now: int) -> int:
        """When the round ends to which what is sent at `now` (ns) belongs: what arrives later counts as missed."""
        return now + (TRANSMISSIONS - self._sent % TRANSMISSIONS) * self._period

    def _close(self, told: Said) -> None:
        came = Said(*(np.broadcast_to(each, self._heard.shape) for each in astuple(told)))
        agreed = self._agreement.listen(self._heard, came)
        counted = self._agreement.counted
        differ = counted & (agreed[:, None] > self._base) & (agreed[:, None] != agreed[None])
        self._apart_for = np.where(differ, self._apart_for + 1, 0)
        self.longest = np.maximum(self.longest, self._apart_for.max(axis=(0, 1)))
        self.apart += differ.any(axis=(0, 1))
        self.rounds += 1
        self.level = agreed[1:].T.astype(np.int64).ravel()
        self.leader = self._agreement.leader[1:].T.ravel()
