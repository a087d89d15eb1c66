"""The channel between cars: a constant latency, independent loss."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.perception.following import MESSAGE
from karyon.perception.sensors import NEVER, Samples, nanoseconds
from karyon.sim.scenario import Scenario
from karyon.sim.streams import Purpose, UniformBlocks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


class Channel:
    """Messages in flight, as arrays with one arrival time each; a message takes effect when its reader next looks.

    ahead   the car whose messages each row reads (row,)
    true    what an ideal message would have said, of the newest that was due (field, row)
    sent    when that was, ns
    due     a message was due at the last look, lost or not
    """

    def __init__(self, scenarios: Sequence[Scenario], ahead: Integers, is_group: bool = False) -> None:
        """`is_group`: everyone may hear everyone of a run, and not only the car ahead."""
        first = scenarios[0]
        self._latency, self._loss, self._ahead = nanoseconds(first.radio.latency), first.radio.loss, ahead
        seeds, self._members = [one.seed for one in scenarios], first.vehicles
        self._draws = UniformBlocks(seeds, Purpose.LOSS, 1, first.vehicles - 1)
        self._link_draws = UniformBlocks(seeds, Purpose.LINKS, first.vehicles, first.vehicles) if is_group else None
        self._in_flight: deque[tuple[int, int, Floats, Floats, Booleans]] = deque()
        self._value = np.full((len(MESSAGE), len(ahead)), np.nan)
        self._time = np.full(len(ahead), NEVER, dtype=np.int64)
        self.true, self.sent, self.due = self._value.copy(), 0, False

    def send(self, now: int, message: Floats, true: Floats, mute: Booleans) -> Booleans | None:
        """All cars send (field, car) at `now` (ns), but for those that are mute (car,).

        Answers who hears whom (receiver, sender, run), a mute car no one; None where there is no group.
        """
        links = self._links()
        heard = self._heard() if links is None else _of_car_ahead(links)
        self._in_flight.append((now + self._latency, now, message, true, heard & ~mute[self._ahead]))
        if links is None:
            return None
        silent = mute.reshape(-1, self._members).T
        return links & ~silent[None] & ~silent[:, None]

    def refuse(self, who: Booleans) -> None:
        """Of the messages sent last, what these rows (row,) refuse does not come."""
        arrives, sent, message, true, heard = self._in_flight.pop()
        self._in_flight.append((arrives, sent, message, true, heard & ~who))

    def receive(self, now: int) -> Samples:
        """The newest message that has arrived at each row; (field, row), time and freshness repeated per field."""
        fresh = np.zeros(len(self._ahead), dtype=bool)
        self.due = False
        while self._in_flight and self._in_flight[0][0] <= now:
            _, sent, message, true, heard = self._in_flight.popleft()
            self._value = np.where(heard, message[:, self._ahead], self._value)
            self._time = np.where(heard, sent, self._time)
            self.true, self.sent, self.due, fresh = true[:, self._ahead], sent, True, fresh | heard
        shape = self._value.shape
        return Samples(
            value=self._value.copy(),
            time=np.broadcast_to(self._time, shape).copy(),
            fresh=np.broadcast_to(fresh, shape).copy(),
        )

    def _heard(self) -> Booleans:
        if self._loss == 0.0:
            return np.ones(len(self._ahead), dtype=bool)
        return np.asarray(self._draws.next()[0] >= self._loss)

    def _links(self) -> Booleans | None:
        """Which links carry this transmission (receiver, sender, run)."""
        if self._link_draws is None:
            return None
        draws = self._link_draws.next().reshape(self._members, -1, self._members)
        return np.asarray(draws.transpose(0, 2, 1) >= self._loss)


def _of_car_ahead(links: Booleans) -> Booleans:
    """Of each row, whether it hears the car ahead (row,)."""
    followers = np.arange(1, len(links))
    return links[followers, followers - 1].T.ravel()
