"""Holds an agreement protocol to what it may answer: whatever it does, no level is higher than what all have said.

A vehicle whose protocol answers what it may not (`Breach`) cooperates with nobody in that round, and proposes no
cooperation in the next one, so that the others fall with it a round later. A protocol that raises an error is not
asked again: from then on nobody cooperates, in none of the files that it was to agree in. Each is counted.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.protocol import Protocol, Said, Words
from karyon.kernel.runtime import Booleans, Levels


class Breach(IntEnum):
    """What a protocol does that it may not."""

    NO_LEVEL = 0
    UNHEARD = 1
    ABOVE = 2


BREACHES = {
    Breach.NO_LEVEL: "proposes or agrees to what is no level, or more than its own rules admit",
    Breach.UNHEARD: "cooperates although one that it counts on was not heard, or counting on nobody",
    Breach.ABOVE: "agrees to more than one that it counts on has proposed",
}


class Guarded:
    """A protocol under guard. Arrays are (member, file), or (receiver, sender, file).

    counted    on whose agreement each relied in the round that has ended, itself included (receiver, sender, file)
    heads      who counts on nobody ahead (member, file)
    leader     place of the vehicle that heads the group of each (member, file)
    breaches   rounds so far in which a vehicle was held down (breach, member, file)
    error      what the protocol raised, in words; None: nothing so far
    """

    def __init__(self, make: Callable[[int, int, int], Protocol], members: int, files: int, base: int) -> None:
        """`make` is called once, as the class of a protocol is."""
        self._base, self._shape = base, (members, files)
        self._self = np.broadcast_to(np.eye(members, dtype=np.bool_)[:, :, None], (members, members, files))
        self._protocol: Protocol | None = None
        self.breaches = np.zeros((len(Breach), members, files), dtype=np.int64)
        self.error: str | None = None
        self._held = np.zeros(self._shape, dtype=np.bool_)  # at the end of the last round
        self._silenced = self._held  # says in this round that it does not cooperate, whatever its protocol wants
        self._own = self._nothing()
        self.counted: Booleans = self._self
        self._ask(lambda: self._begin(make))
        self.leader = self._itself()

    @property
    def heads(self) -> Booleans:
        """See above."""
        return np.asarray(self.counted.argmax(axis=1) == np.arange(self._shape[0])[:, None])

    def speak(self, admitted: Levels) -> Said:
        """What each vehicle sends, as `Protocol.speak`; never raises."""
        said = self._ask(lambda: self._said(admitted)) or self._nothing()
        most = np.where(said.head, 127, np.maximum(self._base, admitted))
        fits = said.proposal <= most  # no number fits nothing
        self.breaches[Breach.NO_LEVEL] += ~fits
        self._silenced = self._held | ~fits
        proposal = np.where(self._silenced, self._base, np.maximum(self._base, said.proposal)).astype(np.int8)
        self._own = said._replace(proposal=proposal)
        return self._own

    def listen(self, heard: Booleans, came: Said) -> Levels:
        """The level of each vehicle until the end of the next round, as `Protocol.listen`; never raises."""
        answer = self._ask(lambda: self._heard(_sealed(heard), Said(*map(_sealed, came))))
        if answer is None:
            self.counted, self.leader = self._self, self._itself()
            return np.full(self._shape, self._base, dtype=np.int8)
        wanted, self.counted, self.leader = answer
        agreed = np.where(self._silenced, self._base, np.maximum(self._base, wanted))
        others = self.counted & ~self._self
        unheard = (others & ~heard).any(axis=1) | ~others.any(axis=1)
        wrong = {
            Breach.NO_LEVEL: ~((agreed <= self._own.proposal) & (agreed == np.rint(agreed))),
            Breach.UNHEARD: unheard & (agreed > self._base),
            Breach.ABOVE: ~unheard & (agreed > np.maximum(self._base, self._lowest(came))),
        }
        self._held = np.zeros(self._shape, dtype=np.bool_)
        for breach, where in wrong.items():
            self.breaches[breach] += where & ~self._held
            self._held = self._held | where
        return np.where(self._held, self._base, agreed).astype(np.int8)

    def _lowest(self, came: Said) -> Levels:
        """Of what those proposed that each counts on; one that heads a group proposes nothing to those ahead of it."""
        own = self._own
        proposal = np.where(self._self, own.proposal[:, None], came.proposal)
        head = np.where(self._self, own.head[:, None], came.head)
        is_first = self.counted.argmax(axis=1)[:, None] == np.arange(self._shape[0])[:, None]
        proposal = np.where(head & ~is_first, np.int8(self._base), proposal)
        return np.asarray(np.where(self.counted, proposal, np.int8(127)).min(axis=1))

    def _begin(self, make: Callable[[int, int, int], Protocol]) -> bool:
        self._protocol = make(*self._shape, self._base)
        return True

    def _said(self, admitted: Levels) -> Said:
        assert self._protocol is not None
        proposal, head, view, echo = self._protocol.speak(_sealed(admitted))
        words = (_array(each, self._shape, "ui").astype(np.uint64) for each in (view, echo))
        return Said(_array(proposal, self._shape, "iuf").copy(), _array(head, self._shape, "b").copy(), *words)

    def _heard(self, heard: Booleans, came: Said) -> tuple[NDArray[Any], Booleans, NDArray[np.int64]]:
        assert self._protocol is not None
        agreed = _array(self._protocol.listen(heard, came), self._shape, "iuf")
        counted = _array(self._protocol.counted, self._self.shape, "b") | self._self
        leader = _array(self._protocol.leader, self._shape, "iu")
        return agreed, counted, np.clip(leader, 0, self._shape[0] - 1).astype(np.int64)

    def _ask(self, question: Callable[[], Any]) -> Any:
        """What the protocol answers; None where it has raised, now or before."""
        if self.error is not None:
            return None
        try:
            with np.errstate(all="ignore"):
                return question()
        except Exception as error:  # a user's protocol may fail in any way: then nobody cooperates
            self.error = f"{type(error).__name__}: {error}"
            return None

    def _nothing(self) -> Said:
        """What is said where there is no protocol: nobody cooperates, each heads a group of its own."""
        words: Words = np.zeros(self._shape, dtype=np.uint64)
        head = np.ones(self._shape, dtype=np.bool_)
        return Said(np.full(self._shape, self._base, dtype=np.int8), head, words, words)

    def _itself(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(self._shape[0])[:, None], self._shape[1], axis=1)


def _array(answer: object, shape: tuple[int, ...], kinds: str) -> NDArray[Any]:
    """An answer as an array of this shape. Raises ValueError for another shape, TypeError for other than numbers."""
    array = np.asarray(answer)
    if array.shape != shape:
        raise ValueError(f"an answer of shape {array.shape}, where {shape} was due")
    if array.dtype.kind not in kinds:
        raise TypeError(f"an answer of type {array.dtype}")
    return array


def _sealed(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, not to be written to."""
    sealed = array.view()
    sealed.flags.writeable = False
    return sealed
