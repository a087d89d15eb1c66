"""The channel between cars. Here: no loss, a constant latency."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from karyon.perception.sensors import NEVER, Samples

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Channel:
    """Messages in flight, as arrays with one arrival time each; a message takes effect when its reader next looks."""

    def __init__(self, latency: int, fields: int, ahead: Integers) -> None:
        """`latency` in ns; `ahead`: the car whose messages each row reads."""
        self._latency, self._ahead = latency, ahead
        self._in_flight: deque[tuple[int, int, Floats, Floats]] = deque()
        self._value = np.full((fields, len(ahead)), np.nan)
        self.true = self._value.copy()
        self._time = NEVER

    def send(self, now: int, message: Floats, true: Floats) -> None:
        """All cars send (field, car) at `now` (ns)."""
        self._in_flight.append((now + self._latency, now, message, true))

    def receive(self, now: int) -> Samples:
        """The newest message that has arrived at each row; (field, row), the time and freshness repeated per field."""
        fresh = False
        while self._in_flight and self._in_flight[0][0] <= now:
            _, self._time, message, true = self._in_flight.popleft()
            self._value, self.true, fresh = message[:, self._ahead], true[:, self._ahead], True
        shape = self._value.shape
        return Samples(
            value=self._value.copy(), time=np.full(shape, self._time, dtype=np.int64), fresh=np.full(shape, fresh)
        )
