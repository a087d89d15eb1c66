"""Events in the world that several sensors show at once: no sensor has failed then, however unlikely each sample is.

Hot vapour reaches a thermometer and a hygrometer in the same instant; two sensors that share no part do not fail in the
same instant. So samples in which two signals of one group leap together are an event, and what leaps shortly after is
its echo, which ends when the group has been calm for some samples. What a sensor does by leaps in an event says nothing
of its health; that is the price.
"""

from collections.abc import Sequence

import numpy as np

from karyon.perception.hypotheses import Belief, innovation, leaps
from karyon.perception.sensors import Booleans, Floats

ECHO = 10  # calm samples with which an event ends
SOONER = 2  # samples by which one sensor may show it before the other


class Events:
    """Tells an event from a failure by the company it has; `groups` are signals by their place."""

    def __init__(self, groups: Sequence[Sequence[int]], shape: tuple[int, int]) -> None:
        """Signals of a group share no part but the world: a common supply fails for all of them at once."""
        signals, rows = shape
        self._members = np.array([[place in group for place in range(signals)] for group in groups], dtype=bool)
        self._members = self._members.reshape(len(groups), signals, 1)
        self._since_leap = np.full(shape, SOONER + 1)  # samples, at most SOONER + 1
        self._echo = np.zeros((len(groups), rows), dtype=np.int64)  # calm samples until it ends; 0: there is none

    def shown(self, belief: Belief, value: Floats, sample: Booleans) -> Booleans:
        """Where a sample that came now (signal, row) leaps because the world did, or one just before it did."""
        if not self._members.size:
            return np.zeros(value.shape, dtype=bool)
        leaping = leaps(belief, innovation(belief, value)) & sample
        self._since_leap = np.where(leaping, 0, np.minimum(self._since_leap + 1, SOONER + 1))
        lately = self._members & (self._since_leap <= SOONER)
        together = lately.sum(axis=1) > 1
        goes_on = (self._members & leaping).any(axis=1) & (self._echo > 0)
        self._echo = np.where(together | goes_on, ECHO, np.maximum(self._echo - 1, 0))
        shown: Booleans = sample & (lately & (self._echo > 0)[:, None]).any(axis=0)
        return shown
