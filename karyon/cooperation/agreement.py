"""Membership and agreement of groups, round by round: who belongs to us, have all spoken, have all heard the same?

Every message tells three things besides the proposal (see `karyon.kernel.cooperative`):

    round   it belongs to; whoever hands over messages has left out those of other rounds, old ones sent again included
    view    the members that the sender knows. Views that differ count as a missed message: nobody acts on a level that
            some member, known to others only, has not agreed to
    echo    digest of all that the sender heard in the round before. Two that heard all and have different digests were
            told different things: one member equivocates. Nobody can tell which, so cooperation rests for a while

A member joins by being heard, and has left when it was not heard for `LEAVE` rounds; until then it is missed. Who is
alone has nobody to cooperate with.
Arrays are (receiver, sender, group), every group with as many places for members.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.cooperative import CooperativeLevel
from karyon.kernel.runtime import Booleans, Levels

Digests = NDArray[np.uint64]

LEAVE = 4  # rounds without a word after which a member has left: 2 s
REST = 20  # rounds for which cooperation rests once a member has told different things
NOTHING = np.uint64(0)  # digest of a round in which not all were heard
MOST = 64  # members of a group: bits of a view


@dataclass(frozen=True, slots=True)
class Round:
    """What came in one round, arrays (receiver, sender, group); what a vehicle says to itself is not looked at.

    heard      at least one transmission of this round came
    proposal   level that it proposes
    view       members that it knows, a bit for each
    echo       digest of what it heard in the round before
    """

    heard: Booleans
    proposal: Levels
    view: Digests
    echo: Digests


class Agreement:
    """The protocol in all vehicles of all groups."""

    def __init__(self, members: int, groups: int, base: int) -> None:
        """At first each knows itself. ValueError: more than `MOST` members."""
        if not 1 <= members <= MOST:
            raise ValueError(f"a group has 1 to {MOST} members, found {members}")
        self._shape = (members, groups)
        self._self = np.eye(members, dtype=np.bool_)[:, :, None]
        self._known = np.repeat(self._self, groups, axis=2)
        self._silent = np.zeros((members, members, groups), dtype=np.int64)  # rounds since a member was heard
        self._echo = np.full(self._shape, NOTHING)
        self._echoing = self._known  # whose echo of the last round must be the same, where all were heard
        self._rest = np.zeros(self._shape, dtype=np.int64)  # rounds until it trusts again
        self._level = CooperativeLevel(members * groups, base)
        self._proposal: Levels = np.full(self._shape, np.int8(base))

    @property
    def known(self) -> Booleans:
        """Whom each vehicle takes for a member (receiver, sender, group)."""
        return self._known

    @property
    def agreed(self) -> Levels:
        """Level that each vehicle has agreed to (member, group)."""
        return self._level.agreed.reshape(self._shape)

    @property
    def rests(self) -> Booleans:
        """Who does not cooperate for now, as somebody has told different things (member, group)."""
        return self._rest > 0

    def speak(self, admitted: Levels) -> tuple[Levels, Digests, Digests]:
        """Proposal, view and echo that each vehicle sends in the round that begins (member, group)."""
        self._proposal = self._level.propose(admitted.ravel()).reshape(self._shape)
        return self._proposal, _view(self._known), self._echo

    def listen(self, came: Round) -> Levels:
        """Ends the round; the level of each vehicle until the end of the next one (member, group)."""
        own = _view(self._known)[:, None]
        heard = came.heard & ~self._self
        proposal = np.where(self._self, self._proposal[:, None], came.proposal)
        missed = self._known & ~self._self & ~(heard & (came.view == own))
        told_otherwise = (came.echo != NOTHING) & (self._echo[:, None] != NOTHING) & (came.echo != self._echo[:, None])
        deceived = (self._echoing & heard & told_otherwise).any(axis=1)
        self._rest = np.where(deceived, REST, np.maximum(self._rest - 1, 0))
        complete = (self._known & ~self._self).any(axis=1) & ~missed.any(axis=1)
        lowest = np.where(self._known, proposal, np.int8(127)).min(axis=1)
        trusting = complete & (self._rest == 0)
        self._echo = np.where(complete, _digest(own[:, 0], self._known, proposal), NOTHING)
        self._echoing = self._known
        self._silent = np.where(heard, 0, self._silent + 1)
        self._known = self._self | heard | (self._known & (self._silent < LEAVE))
        return self._level.close(trusting.ravel(), lowest.ravel()).reshape(self._shape)

    def forget(self, who: Booleans) -> None:
        """Vehicles that begin anew, after a crash of their computers (member, group)."""
        self._known = np.where(who[:, None], self._self, self._known)
        self._silent = np.where(who[:, None], 0, self._silent)
        self._echo = np.where(who, NOTHING, self._echo)
        self._rest = np.where(who, 0, self._rest)
        self._level.forget(who.ravel())


def _view(known: Booleans) -> Digests:
    """A bit for each member that a vehicle knows (receiver, group)."""
    bits = np.uint64(1) << np.arange(known.shape[1], dtype=np.uint64)
    return np.asarray(np.where(known, bits[:, None], np.uint64(0)).sum(axis=1, dtype=np.uint64))


def _digest(view: Digests, known: Booleans, proposal: Levels) -> Digests:
    """Of the view and of what each known member has proposed (receiver, group); hardly ever `NOTHING`.

    The order of members does not matter to a sum, so their places are mixed in. [Steele, Lea & Flood 2014: SplitMix64]
    """
    places = np.arange(known.shape[1], dtype=np.uint64)[:, None]
    words = (places << np.uint64(8)) + proposal.view(np.uint8).astype(np.uint64)
    said = np.where(known, _mixed(words + np.uint64(1)), np.uint64(0)).sum(axis=1, dtype=np.uint64)
    return _mixed(said + view)


def _mixed(words: Digests) -> Digests:
    mixed = words * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
