"""The channel between cars: what is sent at an instant, on which links it is heard, and when it arrives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from karyon.perception.received import CONTENT, MESSAGE
from karyon.perception.sensors import NEVER, Samples
from karyon.sim.channel.chosen import chosen, needs_everyone
from karyon.sim.channel.fields import Radio
from karyon.sim.channel.links import Air, Booleans, Floats, Integers, Links
from karyon.sim.streams import Purpose, UniformBlocks

LOST = np.iinfo(np.int64).max  # arrival of what never comes
LATEST = 86_400.0  # s, after which nothing comes
POSITION = 0  # field of a message
MOTION = slice(0, len(MESSAGE))


class Communicating(Protocol):
    """What the channel needs to know of a scenario, of whatever kind."""

    @property
    def seed(self) -> int:
        """All random numbers follow from it."""

    @property
    def vehicles(self) -> int:
        """How many."""

    @property
    def radio(self) -> Radio:
        """What becomes of messages."""


@dataclass(frozen=True, slots=True, eq=False)
class Transmission:
    """What became of what all cars sent at one instant; arrays over the channel's `links`.

    sent      ns
    arrival   ns, `LOST` where it is not heard (link,)
    spoke     links whose sender sent (link,)
    """

    sent: int
    arrival: Integers
    spoke: Booleans

    @property
    def heard(self) -> Booleans:
        """Where it arrives (link,)."""
        return np.asarray(self.arrival != LOST)


@dataclass(slots=True, eq=False)
class _InFlight:
    """Messages of one instant on their way; content (field, car).

    due       when the first of them can arrive, ns; `LOST` once that was noted
    arrival   ns; `LOST` where it does not arrive, or has arrived (link,)
    next      the earliest of these
    """

    sent: int
    due: int
    message: Floats
    true: Floats
    arrival: Integers
    next: int


class Channel:
    """Messages in flight, as arrays with one arrival time each; a message takes effect when its reader next looks.

    links          who may hear whom
    transmission   the last one
    time           when the newest message that each receiver has was sent, ns; `NEVER` before the first (link,)
    true           what ideal messages would have said, of the newest that were due (field, car)
    sent           when that was, ns
    due            a message was due at the last look, lost or not
    """

    def __init__(
        self,
        scenarios: Sequence[Communicating],
        is_group: bool = False,
        words: int = 0,
        fields: Sequence[str] = CONTENT,
    ) -> None:
        """Raises RecordingError.

        is_group   everyone may hear everyone of a run, and not only the car ahead
        words      further fields of a message, behind those of `fields`; below 0, so many fewer
        """
        first, seeds = scenarios[0], [one.seed for one in scenarios]
        hears_all = is_group or needs_everyone(first.radio)
        self.links = (Links.everyone if hears_all else Links.ahead)(len(seeds), first.vehicles)
        self._models = chosen(first.radio, self.links, seeds)
        self._draws = UniformBlocks(seeds, Purpose.LINKS if hears_all else Purpose.LOSS, 1, self.links.per_run)
        self._in_flight: list[_InFlight] = []
        self._value = np.full((len(fields) + words, len(self.links.sender)), np.nan)
        self.time = np.full(len(self.links.sender), NEVER, dtype=np.int64)
        self._fresh = np.zeros(len(self.links.sender), dtype=bool)
        self._itself = self.links.receiver == self.links.sender
        self.true = np.full((len(MESSAGE), len(seeds) * first.vehicles), np.nan)
        self.sent, self.due = 0, False

    def send(self, now: int, message: Floats, true: Floats, mute: Booleans) -> Transmission:
        """All cars send (field, car) at `now` (ns), but for those that are mute (car,)."""
        models, spoke, earliest = self._models, ~mute[self.links.sender], now + self._models.latency
        if models.losing or models.delaying:
            air = Air.of(self.links, now, true[POSITION], mute)
            arrival = np.where(self._passed(air) & spoke, earliest, LOST)
            for model in models.delaying:
                arrival = _delayed(arrival, model.delay(air))
        else:
            arrival = np.where(spoke, earliest, LOST)
        self.transmission = Transmission(now, arrival, spoke)
        if models.slots is not None:
            models.slots.end_frame(self.transmission.heard)
        known = np.where(self._itself & spoke, earliest, arrival)
        self._in_flight.append(_InFlight(now, earliest, message, true, known, int(known.min())))
        return self.transmission

    def refuse(self, who: Booleans) -> None:
        """Of the messages sent last, what is refused on these links (link,) does not come."""
        flight = self._in_flight[-1]
        flight.arrival = np.where(who, LOST, flight.arrival)
        flight.next = int(flight.arrival.min())

    def receive(self, now: int, deaf: Booleans | None = None) -> None:
        """Take what has arrived by `now` (ns); what arrives at a car that is deaf (car,) is dropped. None: nobody is.

        What it says itself, a car knows. Dropped is also a message that was sent before another that has arrived.
        """
        listens = None if deaf is None else ~deaf[self.links.receiver] | self._itself
        self._fresh[:], self.due = False, False
        for flight in self._in_flight:
            if flight.due <= now:
                self.true, self.sent, self.due, flight.due = flight.true, flight.sent, True, LOST
            if flight.next <= now:
                arrived = flight.arrival <= now
                newer = arrived & (flight.sent > self.time)
                if listens is not None:
                    newer &= listens
                np.copyto(self._value, flight.message[:, self.links.sender], where=newer)
                np.copyto(self.time, flight.sent, where=newer)
                self._fresh |= newer
                np.copyto(flight.arrival, LOST, where=arrived)
                flight.next = int(flight.arrival.min())
        self._in_flight = [each for each in self._in_flight if min(each.next, each.due) != LOST]

    def newest(self, links: Integers, fields: slice = MOTION) -> Samples:
        """The newest message on each of these links, time and freshness repeated per field (field, of `links`).

        `fields` of `CONTENT`: usually what a sender says of its own motion.
        """
        value = self._value[fields][:, links]
        time, fresh = (np.repeat(each[links][None], len(value), axis=0) for each in (self.time, self._fresh))
        return Samples(value, time, fresh)

    def of_car_ahead(self, samples: Samples) -> Samples:
        """The newest message of the car ahead of each row, put into `samples` (field, row)."""
        links = self.links.of_car_ahead
        is_all = len(links) == len(self.time)  # and in the same order
        value, time, fresh = self._value[MOTION], self.time, self._fresh
        samples.value[:] = value if is_all else value[:, links]
        samples.time[:], samples.fresh[:] = (time, fresh) if is_all else (time[links], fresh[links])
        return samples

    def arrival(self, mute: Booleans) -> Integers:
        """When each of a group has what was sent last, ns, or `LOST`; a mute car nothing (receiver, sender, run)."""
        links = self.links
        arrival = np.where(mute[links.receiver], LOST, self.transmission.arrival)
        return arrival.reshape(links.runs, links.members, links.members).transpose(1, 2, 0)

    @property
    def slot_collisions(self) -> Integers | None:
        """Pairs of cars within range that have sent in one slot so far (run,); None: there are no slots."""
        slots = self._models.slots
        return None if slots is None else slots.collisions

    def _passed(self, air: Air) -> Booleans:
        """Links on which nothing loses the message; a loss that is no number loses it."""
        if not self._models.losing:
            return np.ones(len(self.links.receiver), dtype=bool)
        loss = np.zeros(len(self.links.receiver))
        for model in self._models.losing:
            loss = loss + model.loss(air) * (1.0 - loss)
        return np.asarray(self._draws.next()[0] >= loss.astype(np.float32))


def _delayed(arrival: Integers, by: Floats) -> Integers:
    """Later by so many s; never, where that is no delay."""
    comes = (arrival != LOST) & (by >= 0.0) & (by < LATEST)
    return np.where(comes, arrival + np.rint(np.where(comes, by, 0.0) * 1e9).astype(np.int64), LOST)
