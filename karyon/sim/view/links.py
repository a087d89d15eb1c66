"""Which messages are drawn: those to the selected vehicle, and those to each from the one ahead of it."""

from dataclasses import dataclass

import numpy as np

from karyon.sim.view.rows import Booleans, Integers

NO_ONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """To `receiver` from all, and to each vehicle from `front` (vehicle,), `NO_ONE`: there is none."""

    receiver: int
    front: Integers

    def of(self, sender: Integers, receiver: Integers) -> Booleans:
        """Which links (link,) are wanted; vehicles beyond `front` have nobody ahead."""
        known = receiver < len(self.front)
        ahead = self.front[np.where(known, receiver, 0)]
        return np.asarray((receiver == self.receiver) | (known & (sender == ahead)))

    @property
    def key(self) -> tuple[int, bytes]:
        """The same for the same links."""
        return self.receiver, self.front.tobytes()
