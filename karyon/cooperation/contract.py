"""What every agreement protocol has to keep, tried out: a user's own passes the same as the one that comes along.

    broken(MyProtocol)                         an empty list, or what it breaks, in words
    broken(MyProtocol, rounds=2000, seed=5)    tried for longer, with other losses and lies

Files of two and of four vehicles talk on links that lose from nothing to all, singly and in bursts, while what their
own rules admit changes; then once more, and one in each file lies: high, low, to each something else, as rounds ago,
anything.
Among the honest no two that count on each other are on different levels for longer than one round, nobody is above what
all that it counts on have proposed, and when all is heard again, all agree on what all propose. A file gets the same
levels alone and among others, and the same each time.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.disagreement import Disagreement
from karyon.cooperation.guard import BREACHES, Guarded
from karyon.cooperation.protocol import Protocol, Said
from karyon.kernel.runtime import Booleans, Floats, Levels

Integers = NDArray[np.int64]
Make = Callable[[int, int, int], Protocol]

MEMBERS = (2, 4)
FILES = 20
ROUNDS = 40
BASE, TOP = 1, 3
CALM = 12  # rounds at the end in which nothing is lost: enough to forget who has gone, and to trust again
ALONE = slice(7, 8)  # the file that is repeated alone
LIES = ("high", "low", "to each something else", "as rounds ago", "anything")  # file by file
AGO = 3  # rounds
APART = "leaves two that count on each other on different levels for more than one round"


@dataclass(frozen=True, slots=True)
class Talk:
    """What happens in one round in all files.

    admitted   by the vehicles' own rules (member, file)
    heard      (receiver, sender, file)
    lying      files whose liar lies (file,)
    anything   what it may say to each, in place of what is so: proposal, head, view, echo (receiver, file)
    """

    admitted: Levels
    heard: Booleans
    lying: Booleans
    anything: Said

    def of(self, files: slice) -> "Talk":
        """The same of some files."""
        anything = Said._make(each[:, files] for each in self.anything)
        return Talk(self.admitted[:, files], self.heard[..., files], self.lying[files], anything)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of all rounds: the levels (round, member, file), what guard and disagreement have counted."""

    levels: Levels
    guarded: Guarded
    disagreement: Disagreement


def broken(make: Make, rounds: int = ROUNDS, seed: int = 4) -> list[str]:
    """What a protocol breaks, one sentence each; empty where it keeps all. `make`: its class."""
    found: list[str] = []
    for members in MEMBERS:
        found += [each for each in _broken(make, members, rounds, seed) if each not in found]
    return found


def _broken(make: Make, members: int, rounds: int, seed: int) -> Iterator[str]:
    honest, lied, again = (played(make, members, rounds, seed, lies) for lies in (False, True, True))
    alone = played(make, members, rounds, seed, lies=True, files=ALONE)
    if error := honest.guarded.error or lied.guarded.error:
        yield f"raises {error}"
        return
    breaches = np.asarray((honest.guarded.breaches + lied.guarded.breaches).any(axis=(1, 2)))
    yield from (words for breach, words in BREACHES.items() if breaches[breach])
    if honest.disagreement.longest.max() > 1:
        yield APART
    elif lied.disagreement.longest.max() > 1:
        yield f"{APART}, where a third one lies"
    if (honest.levels[-1] != TOP).any():
        yield f"agrees on less than all propose, {CALM} rounds after the last loss"
    if not np.array_equal(lied.levels, again.levels):
        yield "answers the same rounds in two ways"
    elif not np.array_equal(lied.levels[..., ALONE], alone.levels):
        yield "answers otherwise for a file alone than among others"


def played(
    make: Make,
    members: int,
    rounds: int,
    seed: int,
    lies: bool,
    losses: Floats | None = None,
    files: slice = slice(None),
) -> Heard:
    """So many rounds, and `CALM` more, behind the guard.

    lies     one in each file does, another one from file to file
    losses   of each file (file,), from 0 to 1; by default half of them below an eighth
    files    of those that are drawn
    """
    losses = np.linspace(0.0, 1.0, FILES) ** 3 if losses is None else losses
    liars = np.arange(len(losses)) % members
    honest = np.asarray(np.arange(members)[:, None] != (liars if lies else -1))
    honest = np.broadcast_to(honest, (members, len(losses)))[:, files]
    count = honest.shape[1]
    guarded, disagreement = Guarded(make, members, count, BASE), Disagreement(members, count, BASE)
    past: deque[Said] = deque(maxlen=AGO + 1)
    levels = []
    for each in _talks(members, losses, rounds, seed):
        talk = each.of(files)
        past.append(guarded.speak(talk.admitted))
        came = Said._make(np.repeat(said[None], members, axis=0) for said in past[-1])
        if lies:
            _lie(came, past[0], talk, liars[files], np.arange(len(losses))[files])
        agreed = guarded.listen(talk.heard, came)
        acting = np.where(guarded.heads, np.int8(BASE), agreed)
        disagreement.update(acting, agreed, guarded.counted & honest[:, None] & honest[None])
        levels.append(agreed)
    return Heard(np.stack(levels), guarded, disagreement)


def _talks(members: int, losses: Floats, rounds: int, seed: int) -> Iterator[Talk]:
    """A tenth of the vehicles changes its mind in a round; bursts of losses last three rounds, lies ten on average."""
    rng, files = np.random.default_rng(seed), len(losses)
    admitted = np.full((members, files), TOP)
    burst, lying = np.zeros((members, members, files), dtype=np.bool_), np.zeros(files, dtype=np.bool_)
    for number in range(rounds + CALM):
        calm = number >= rounds
        mind = np.minimum(rng.integers(0, 4 * TOP, admitted.shape), TOP)
        admitted = np.where(rng.random(admitted.shape) < 0.1, mind, admitted)
        burst = burst ^ (rng.random(burst.shape) < np.where(burst, 0.3, 0.02 * losses))
        lying = lying ^ (rng.random(files) < 0.1)
        heard = (rng.random(burst.shape) >= losses) & ~burst
        levels = rng.integers(-128, 128, (members, files)).astype(np.int8)
        few = rng.integers(0, 3, (2, members, files)).astype(np.uint64)
        anything = Said(levels, rng.random((members, files)) < 0.3, *few)
        of_all = np.where(calm, TOP, admitted).astype(np.int8)
        yield Talk(of_all, heard | calm, lying & (not calm), anything)


def _lie(came: Said, old: Said, talk: Talk, liars: Integers, numbers: Integers) -> None:
    """What the liars say takes the place of the truth in `came`; `liars` and `numbers` of the files (file,)."""
    receivers, shape = np.arange(len(came.proposal))[:, None], talk.anything.proposal.shape
    to_each = np.where((receivers + numbers // len(LIES)) % 2 == 0, TOP, BASE)
    told: dict[str, tuple[Any, ...]] = {
        "high": (np.full(shape, TOP),),
        "low": (np.full(shape, BASE),),
        "to each something else": (to_each,),
        "as rounds ago": tuple(np.broadcast_to(each[liars, np.arange(shape[1])], shape) for each in old),
        "anything": talk.anything,
    }
    fields: tuple[NDArray[Any], ...] = came
    for kind, name in enumerate(LIES):
        at = np.flatnonzero(talk.lying & (numbers % len(LIES) == kind))
        for said, instead in zip(fields, told[name], strict=False):  # of some, the level alone is not true
            said[:, liars[at], at] = instead[:, at]
