"""Self-organising slots: every car sends in one slot of the frame that it chose by itself.

After the self-stabilising MAC of the KARYON project. [Leone & Schiller 2013, doi 10.1155/2013/639761; Mustafa et al.
2012, "Autonomous TDMA alignment for VANETs", from which the aligned frames come that are taken for granted here]

    frame      one period of the radio, of `slots` equal slots; all begin it together
    collision  two cars within range of a receiver, in one slot: it hears neither. A car does not hear while it sends
    report     each message tells which slots of the frame before were busy at its sender, and which of them collided
    signal     before its slot a car signals or listens, by chance; who listens hears a signal within range
    choice     a car keeps its slot until somebody within range whom it hears reports that the slot collided, or until
               it hears another's signal before it; then it takes one at random: its own again, or one that neither it
               nor anyone whom it heard has found busy

Two that chose alike choose anew, so wherever there is a slot left for each, they part sooner or later; without a
collision nobody moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from karyon.sim.channel.links import Air, Booleans, Floats, Integers, LinkModel, Links
from karyon.sim.channel.models import within
from karyon.sim.streams import Purpose, UniformBlocks

if TYPE_CHECKING:
    from karyon.sim.channel import fields


class Slots(LinkModel):
    """The slot of every car, and what it costs; links are those of `Links.everyone`.

    slot        of each car in the present frame (car,)
    collisions  pairs within range that have sent in one slot so far (run,)
    """

    purpose = Purpose.SLOTS

    def __init__(self, links: Links, seeds: Sequence[int], settings: fields.Tdma, period: float) -> None:
        super().__init__(links, seeds)
        self._slots, self._range, self._length = settings.slots, settings.range, period / settings.slots
        self._draws = UniformBlocks(seeds, self.purpose, 2, links.members)
        cars = links.runs * links.members
        self.slot: Integers = _one_of(np.ones((cars, self._slots), dtype=bool), self._draws.next()[0])
        self.collisions = np.zeros(links.runs, dtype=np.int64)
        self._is_new = np.ones(cars, dtype=bool)  # slots of which nobody can have reported yet
        self._senders: Integers = np.zeros((cars, self._slots), dtype=np.int64)  # heard by each car in each slot
        self._reported = self._senders  # in the frame before
        self._choice, self._listens = np.zeros(cars), np.zeros(cars, dtype=bool)
        self._warned = np.zeros(cars, dtype=bool)  # who has heard another's signal before its own slot
        self._near = links.receiver != links.sender  # links within range

    def loss(self, air: Air) -> Floats:
        """1 where another sends in the same slot within range of the receiver, the receiver itself included."""
        links, audible = self.links, within(self.links, air, self._range)
        others = links.receiver != links.sender
        self._near = others & audible[links.receiver, links.sender % links.members]
        self._choice, draw = self._draws.next().astype(np.float64)
        self._listens = draw < 0.5
        counts, shared = self._sense(~air.silent)
        rivals = counts[links.receiver, self.slot[links.sender]] - self._near
        return np.asarray(((rivals > 0) | shared) & others, dtype=np.float64)

    def delay(self, air: Air) -> Floats:
        """A message waits for its slot."""
        return np.asarray(self.slot[self.links.sender] * self._length)

    def end_frame(self, heard: Booleans) -> None:
        """What came of the transmission (link,): who has to, chooses anew for the next one."""
        links, heard = self.links, heard & self._near
        told = heard & (self._reported[links.sender, self.slot[links.receiver]] > 1)
        is_told = told.reshape(links.runs, links.members, links.members).any(axis=2).ravel()
        moves = self._warned | (is_told & ~self._is_new)
        if moves.any():
            self._move(moves, heard)
        self._is_new, self._reported = moves, self._senders

    def _sense(self, sends: Booleans) -> tuple[Integers, Booleans]:
        """Senders within range of each car in each slot (car, slot), and links whose receiver sends in it too (link,).

        Also counts the pairs in range that share a slot, and notes what each car finds of it, and who is warned.
        """
        links, near = self.links, self._near
        receiver, sender = links.receiver[near], links.sender[near]
        counted = np.bincount(receiver * self._slots + self.slot[sender], minlength=self._senders.size)
        counts = counted.reshape(self._senders.shape)
        self._senders = counts.copy()
        self._senders[sends, self.slot[sends]] = 0  # who sends does not hear
        shared = sends[links.receiver] & (self.slot[links.receiver] == self.slot[links.sender])
        meets = near & shared
        warned = links.receiver[meets & self._listens[links.receiver] & ~self._listens[links.sender]]
        self._warned = np.bincount(warned, minlength=len(self.slot)) > 0
        self.collisions += np.bincount(links.receiver[meets] // links.members, minlength=links.runs) // 2
        return counts, shared

    def _move(self, moves: Booleans, heard: Booleans) -> None:
        """New slots for who moves, of those that it takes for free and its own: two of them may want the last one."""
        links, busy = self.links, self._senders > 0
        told = heard & moves[links.receiver]
        np.logical_or.at(busy, links.receiver[told], self._reported[links.sender[told]] > 0)
        busy[np.arange(len(busy)), self.slot] = False
        self.slot = np.where(moves, _one_of(~busy, self._choice), self.slot)


def _one_of(free: Booleans, draws: Floats) -> Integers:
    """One of the free slots (car, slot) of each car, all alike likely (car,); each has one at least."""
    rank = np.floor(draws.astype(np.float64) * free.sum(axis=1)).astype(np.int64)
    return np.asarray((free.cumsum(axis=1) > rank[:, None]).argmax(axis=1))
