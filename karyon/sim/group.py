"""The group that the vehicles of each run form: who hears whom, round by round, and the level that they agree on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.agreement import Agreement, Round
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
    """The vehicles of all runs, vehicle 0 the leader: it admits every level. A row is a follower, run by run.

    level          that each row has agreed to
    disagreement   rounds for which members have now been on different levels, per run; `longest` of these times
    apart, rounds  rounds with members on different levels, and all rounds, per run
    """

    def __init__(self, scenarios: Sequence[Scenario], base: int, top: int) -> None:
        first = scenarios[0]
        self._members, self._runs, self._base, self._top = first.vehicles, len(scenarios), base, top
        self._agreement = Agreement(self._members, self._runs, base)
        self._heard = np.zeros((self._members, self._members, self._runs), dtype=bool)
        self._told: tuple[NDArray[np.generic], ...] = ()
        self._sent, self._period = 0, nanoseconds(first.radio.period)
        self.level = np.full(self._runs * (self._members - 1), base)
        self.disagreement, self.longest, self.apart, self.rounds = (np.zeros(self._runs, dtype=int) for _ in range(4))

    def send(self, admitted: Integers, links: Booleans) -> None:
        """One transmission of all members; `admitted` (row,) by their own rules, `links` (receiver, sender, run)."""
        if self._sent % TRANSMISSIONS == 0:
            if self._told:
                self._close()
            levels = np.full((self._members, self._runs), self._top, dtype=np.int8)
            levels[1:] = admitted.reshape(self._runs, -1).T
            self._told = self._agreement.speak(levels)
            self._heard[:] = False
        self._heard |= links
        self._sent += 1

    def end_of_round(self, now: int) -> int:
        """When the round ends to which what is sent at `now` (ns) belongs: what arrives later counts as missed."""
        return now + (TRANSMISSIONS - self._sent % TRANSMISSIONS) * self._period

    def _close(self) -> None:
        known, shape = self._agreement.known, self._heard.shape
        proposal, view, echo = (np.broadcast_to(each, shape) for each in self._told)
        agreed = self._agreement.listen(Round(self._heard, proposal, view, echo))
        differ = known & (agreed[:, None] > self._base) & (agreed[:, None] != agreed[None])
        self.disagreement = np.where(differ.any(axis=(0, 1)), self.disagreement + 1, 0)
        self.longest = np.maximum(self.longest, self.disagreement)
        self.apart += self.disagreement > 0
        self.rounds += 1
        self.level = agreed[1:].T.astype(np.int64).ravel()
