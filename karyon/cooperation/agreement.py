"""Membership and agreement of groups, round by round: who belongs to us, have all spoken, have all heard the same?

Vehicles drive in file, in the order of their places. A group is what drives between two heads: the vehicle in front,
and each one whose own rules admit no cooperation. Such a one does not follow cooperatively, so nobody ahead of it
needs its word, and those behind it can follow it as they would follow any leader: the file splits there, and merges
again when its rules admit cooperation again. A head agrees with those behind it, and with nobody ahead. A split counts
at once, for all who hear of it; a merger from the next round on, when all have heard of it.

Every message tells four things besides the round that it belongs to (see `karyon.kernel.cooperative`); whoever hands
over messages has left out those of other rounds, old ones sent again included:

    proposal   highest level that the sender's rules admit; a head has nothing against any
    head       the sender heads a group
    view       digest of the members of its group that the sender knows. Views that differ count as a missed message:
               nobody acts on a level that some member, known to others only, has not agreed to
    echo       digest of all that the sender heard in the round before. Two that heard all and have different digests
               were told different things: one member equivocates. Nobody can tell which, so cooperation rests

A member joins by being heard, and has left when it was not heard for `LEAVE` rounds; until then it is missed. Who is
alone in a group has nobody to cooperate with, but has missed nobody either.
Arrays are (receiver, sender, file), every file with as many places for members.
"""

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.protocol import Protocol, Said, Words
from karyon.kernel.cooperative import CooperativeLevel
from karyon.kernel.design import Function
from karyon.kernel.rules import Cooperation, leaves
from karyon.kernel.runtime import Booleans, Levels

PEER = "platoon"  # who it is that a rule asks the agreement of
LEAVE = 4  # rounds without a word after which a member has left: 2 s
REST = 20  # rounds for which cooperation rests once a member has told different things
NOTHING = np.uint64(0)  # digest of a round in which not all were heard
MOST = 1024  # members of a file: time and memory grow with their square
ANY = np.int8(127)  # level that a head proposes


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


class Agreement(Protocol):
    """The protocol in all vehicles of all files."""

    def __init__(self, members: int, files: int, base: int) -> None:
        """At first each knows itself. ValueError: more than `MOST` members."""
        if not 1 <= members <= MOST:
            raise ValueError(f"a file has 1 to {MOST} members, found {members}")
        super().__init__(members, files, base)
        self._shape, self._base = (members, files), base
        self._self = np.eye(members, dtype=np.bool_)[:, :, None]
        self._known = np.repeat(self._self, files, axis=2)
        self._heads = np.zeros_like(self._known)
        self._silent = np.zeros((members, members, files), dtype=np.int64)  # rounds since a member was heard
        self._echo = np.full(self._shape, NOTHING)
        self._counted = self._known  # members of the last round: their echo must be the same, where all were heard
        self._rest = np.zeros(self._shape, dtype=np.int64)  # rounds until it trusts again
        self._level = CooperativeLevel(members * files, base)
        self._said: Said | None = None

    @property
    def known(self) -> Booleans:
        """Whom each vehicle hears, in its group or not (receiver, sender, file)."""
        return self._known

    @property
    def counted(self) -> Booleans:
        """Whom each vehicle counted to its group in the round that has ended (receiver, sender, file)."""
        return self._counted

    @property
    def leader(self) -> NDArray[np.int64]:
        """Place of the vehicle that heads the group of each (member, file)."""
        return np.asarray(self._group(self._heads).argmax(axis=1))

    @property
    def agreed(self) -> Levels:
        """Level that each vehicle has agreed to (member, file)."""
        return self._level.agreed.reshape(self._shape)

    @property
    def rests(self) -> Booleans:
        """Who does not cooperate for now, as somebody has told different things (member, file)."""
        return self._rest > 0

    def speak(self, admitted: Levels) -> Said:
        """What each vehicle sends in the round that begins; `admitted` by its own rules (member, file)."""
        head = admitted <= self._base
        proposal = self._level.propose(np.where(head, ANY, admitted).ravel()).reshape(self._shape)
        self._said = Said(proposal, head, _view(self._group(self._heads)), self._echo)
        return self._said

    def listen(self, heard: Booleans, came: Said) -> Levels:
        """Ends the round; the level of each vehicle until the end of the next one (member, file).

        heard   at least one transmission of this round came; what a vehicle says to itself is not looked at
        """
        own = self._said
        assert own is not None, "who listens has spoken"
        others = heard & ~self._self
        proposal = np.where(self._self, own.proposal[:, None], came.proposal)
        told = np.where(self._self, own.head[:, None], came.head)
        counted = self._group(self._heads | (told & (others | self._self)))
        missed = (counted & ~self._self & ~(others & (came.view == own.view[:, None]))).any(axis=1)
        alone = ~(counted & ~self._self).any(axis=1)  # has missed nobody, and has nobody to cooperate with
        lowest = np.where(alone, self._base, np.where(counted, proposal, ANY).min(axis=1)).astype(np.int8)
        self._suspect(others, came.echo)
        self._echo = np.where(~missed & ~alone, _digest(_view(counted), counted, proposal), NOTHING)
        self._counted = counted
        self._heads = np.where(others | self._self, told, self._heads)
        self._silent = np.where(others, 0, self._silent + 1)
        self._known = self._self | others | (self._known & (self._silent < LEAVE))
        trusting = ~missed & (self._rest == 0)
        return self._level.close(trusting.ravel(), lowest.ravel()).reshape(self._shape)

    def forget(self, who: Booleans) -> None:
        """Vehicles that begin anew, after a crash of their computers (member, file)."""
        self._known = np.where(who[:, None], self._self, self._known)
        self._heads = self._heads & ~who[:, None]
        self._silent = np.where(who[:, None], 0, self._silent)
        self._echo = np.where(who, NOTHING, self._echo)
        self._rest = np.where(who, 0, self._rest)
        self._level.forget(who.ravel())

    def _group(self, heads: Booleans) -> Booleans:
        """Whom each vehicle counts to its group, itself included: from the head on, up to the next one."""
        place = np.arange(self._shape[0])
        ahead = (place <= place[:, None])[:, :, None]  # and itself
        leads, sender = self._known & heads, place[:, None]
        first = np.where(leads & ahead, sender, -1).max(axis=1)
        beyond = np.where(leads & ~ahead, sender, len(place)).min(axis=1)
        return np.asarray(self._known & (first[:, None] <= sender) & (sender < beyond[:, None]))

    def _suspect(self, heard: Booleans, echo: Words) -> None:
        """Rest where a member that heard all in the round before, as one has oneself, heard other things."""
        own = self._echo[:, None]
        differs = (echo != NOTHING) & (own != NOTHING) & (echo != own)
        deceived = (self._counted & heard & differs).any(axis=1)
        self._rest = np.where(deceived, REST, np.maximum(self._rest - 1, 0))


def _view(counted: Booleans) -> Words:
    """Of the members that a vehicle counts to its group, in any order (receiver, file)."""
    names = _mixed(np.arange(1, counted.shape[1] + 1, dtype=np.uint64))
    return np.asarray(np.where(counted, names[:, None], np.uint64(0)).sum(axis=1, dtype=np.uint64))


def _digest(view: Words, counted: Booleans, proposal: Levels) -> Words:
    """Of the view and of what each member of it has proposed (receiver, file); hardly ever `NOTHING`.

    The order of members does not matter to a sum, so their places are mixed in. [Steele, Lea & Flood 2014: SplitMix64]
    """
    places = np.arange(counted.shape[1], dtype=np.uint64)[:, None]
    words = (places << np.uint64(8)) + proposal.view(np.uint8).astype(np.uint64)
    said = np.where(counted, _mixed(words + np.uint64(1)), np.uint64(0)).sum(axis=1, dtype=np.uint64)
    return _mixed(said + view)


def _mixed(words: Words) -> Words:
    mixed = words * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
