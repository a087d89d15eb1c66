"""What an agreement protocol is: what each vehicle says in a round, and which level it has agreed to at its end.

`karyon.cooperation.agreement` is the one that comes along. A user's own derives from `Protocol`, too, and keeps the
same contract (`karyon.cooperation.contract`); whatever it answers, `karyon.cooperation.guard` holds its level down.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.runtime import Booleans, Levels

Words = NDArray[np.uint64]


class Said(NamedTuple):
    """What each vehicle says in a round (member, file), or what came of it (receiver, sender, file).

    proposal   level that it proposes
    head       it heads a group: to those ahead of it, it proposes nothing
    view       64 bits for the protocol to fill; the one that comes along tells whom it counts to its group
    echo       64 bits more; there, what it heard in the round before
    """

    proposal: Levels
    head: Booleans
    view: Words
    echo: Words


class Protocol:
    """One protocol in all vehicles of all files, which drive one behind the other in the order of their places.

    A round is `speak`, then `listen`; what is not heard in it was lost or has come too late. The arrays that it is
    told are not to be written to. All files are independent of each other.
    """

    def __init__(self, members: int, files: int, base: int) -> None:
        """`base`: the highest level that needs no cooperation."""
        self.members, self.files, self.base = members, files, base

    def speak(self, admitted: Levels) -> Said:
        """What each vehicle sends in the round that begins; `admitted` by its own rules (member, file).

        It proposes from `base` to what is admitted, but for a head, which may propose anything.
        """
        raise NotImplementedError

    def listen(self, heard: Booleans, came: Said) -> Levels:
        """Ends the round; the level that each vehicle has agreed to until the end of the next one (member, file).

        heard   at least one transmission of this round came (receiver, sender, file); of itself it says nothing
        came    what was said, where it was heard; each receiver may have been told something else

        `base`, or no more than each one that it counts on has proposed; and more than `base` only where all of them
        were heard, and where it counts on anybody but itself.
        """
        raise NotImplementedError

    @property
    def counted(self) -> Booleans:
        """On whose agreement each relied in the round that has ended, itself included (receiver, sender, file)."""
        raise NotImplementedError

    @property
    def leader(self) -> NDArray[np.int64]:
        """Place of the vehicle that heads the group of each (member, file)."""
        return np.asarray(self.counted.argmax(axis=1))
