"""How long vehicles acted on different levels while they counted on each other. [safety-model.md, sec. 1]"""

import numpy as np

from karyon.kernel.runtime import Booleans, Levels


class Disagreement:
    """Rounds in a row for which one acted on a level that needs agreement, and one that it counts on was on another.

    longest        the most of them, per file
    apart, rounds  rounds in which any did, per file, and all rounds
    """

    def __init__(self, members: int, files: int, base: int) -> None:
        """`base`: the highest level that needs no agreement."""
        self._base = base
        self._lasting = np.zeros((members, members, files), dtype=np.int64)
        self.longest, self.apart = np.zeros((2, files), dtype=np.int64)
        self.rounds = 0

    def update(self, acting: Levels, agreed: Levels, counted: Booleans) -> None:
        """One more round: on which level each acts and what it has agreed to (member, file), whom each counts on.

        counted   (one, other, file), of those that are honest: who lies is nobody to agree with
        """
        differ = counted & (acting[:, None] > self._base) & (acting[:, None] != agreed[None])
        self._lasting = np.where(differ, self._lasting + 1, 0)
        self.longest = np.maximum(self.longest, self._lasting.max(axis=(0, 1)))
        self.apart += differ.any(axis=(0, 1))
        self.rounds += 1
