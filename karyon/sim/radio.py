"""The channel between cars: what is sent at an instant, on which links it is heard, and when it arrives."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from karyon.compiled import ALWAYS, Tape, written
from karyon.kernel.elementwise import Compiler, blank
from karyon.perception.received import CONTENT, MESSAGE
from karyon.perception.sensors import NEVER, Samples, nanoseconds
from karyon.sim.channel.chosen import chosen, needs_everyone
from karyon.sim.channel.fields import Radio
from karyon.sim.channel.links import Air, Booleans, Floats, Integers, Links
from karyon.sim.channel.transit import (
    LOST,
    Arrival,
    Content,
    Hearing,
    Newest,
    Silence,
    address,
    carry,
    hear,
    hush,
    launch,
    listen,
    take,
)
from karyon.sim.streams import Purpose, UniformBlocks

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

    sent       ns
    arrival    ns, `LOST` where it is not heard (link,)
    sender     car of each link (link,)
    mute       cars that did not send (car,), None: all did
    is_lossy   some of what was sent may be lost
    """

    sent: int
    arrival: Integers
    sender: Integers
    mute: Booleans | None
    is_lossy: bool

    @property
    def spoke(self) -> Booleans:
        """Links whose sender sent (link,)."""
        return np.ones(len(self.sender), dtype=bool) if self.mute is None else ~self.mute[self.sender]

    @property
    def heard(self) -> Booleans:
        """Where it arrives (link,)."""
        return np.asarray(self.arrival != LOST)


@dataclass(slots=True, eq=False)
class _InFlight:
    """Messages of one instant on their way.

    motion   what of `content` is said of the motion
    due      when the first of them can arrive, ns; `LOST` once that was noted
    next     the earliest arrival
    is_all   all arrive at once
    """

    content: Content
    motion: Content
    arrival: Arrival
    hearing: Hearing
    sent: int = 0
    due: int = LOST
    next: int = LOST
    is_all: bool = False


class Channel:
    """Messages in flight, as arrays with one arrival time each; a message takes effect when its reader next looks.

    links          who may hear whom
    draws          uniform, of what is lost by chance
    transmission   the last one
    slots          transmissions that take turns where nothing delays them
    time           when the newest message that each receiver has was sent, ns; `NEVER` before the first (link,)
    true           what ideal messages would have said, of the newest that were due (field, car)
    sent           when that was, ns
    due            a message was due at the last look, lost or not
    has_arrived    something came then
    time_of_all    when the newest message was sent, ns, that arrived wherever somebody sent and listened; None: there
                   is none
    has_missed     somebody was mute or deaf at some time
    """

    def __init__(
        self,
        scenarios: Sequence[Communicating],
        is_group: bool = False,
        words: int = 0,
        fields: Sequence[str] = CONTENT,
        tape: Tape | None = None,
    ) -> None:
        """Raises RecordingError.

        is_group   everyone may hear everyone of a run, and not only the car ahead
        tape       that may record what is sent, where it `is_prompt`
        words      further fields of a message, behind those of `fields`; below 0, so many fewer
        """
        first, seeds = scenarios[0], [one.seed for one in scenarios]
        hears_all = is_group or needs_everyone(first.radio)
        self.links = (Links.everyone if hears_all else Links.ahead)(len(seeds), first.vehicles)
        self._tape = tape or Tape()
        self._models = chosen(first.radio, self.links, seeds)
        self.draws = UniformBlocks(seeds, Purpose.LINKS if hears_all else Purpose.LOSS, 1, self.links.per_run)
        self._in_flight: list[_InFlight] = []
        count, links = len(fields) + words, len(self.links.sender)
        self._value = np.full((count, links), np.nan)
        self.time = np.full(links, NEVER, dtype=np.int64)
        self._fresh = np.zeros(links, dtype=bool)
        self._itself = self.links.receiver == self.links.sender
        self._cars = len(seeds) * first.vehicles
        self._everyone = np.ones(links, dtype=bool)
        self.true = np.full((len(MESSAGE), self._cars), np.nan)
        self.sent, self.due, self.has_arrived = 0, False, False
        self.time_of_all: int | None = None
        self.has_missed = False
        self.slots = self._models.latency // nanoseconds(first.radio.period) + 2
        self._free = deque[_InFlight]()
        self._silence, self._motion = Silence(self._fresh), self._value[MOTION]
        self.quicken(written)

    def quicken(self, in_place: Compiler) -> None:
        """Go on with compiled formulas: the bits stay the same."""
        self._carry, self._launch = in_place(carry), in_place(launch)
        self._hear, self._hush, self._take = in_place(hear), in_place(hush), in_place(take)
        self._address, self._listen = in_place(address), in_place(listen)

    @property
    def is_prompt(self) -> bool:
        """Whether all that is heard of others comes at once, and nobody loses what it says itself."""
        models = self._models
        return not models.delaying and models.slots is None and not (models.losing and self._itself.any())

    @property
    def is_sure(self) -> bool:
        """Whether nothing delays or loses a message by chance."""
        return self.is_prompt and not self._models.losing

    @property
    def rooms(self) -> list[int]:
        """Which transmissions are on their way, and which rooms are free for others, in the order of their use."""
        return [*map(id, self._in_flight), 0, *map(id, self._free)]

    def carry_on(self, by: int) -> None:
        """All is again as it was so many ns ago, but later."""
        self.sent += by
        if self.time_of_all is not None:
            self.time_of_all += by
        for flight in self._in_flight:
            flight.sent += by
            flight.due, flight.next = (at if at == LOST else at + by for at in (flight.due, flight.next))

    def _new(self, kind: np.dtype[Any]) -> _InFlight:
        """Room for one transmission, of which the truth is of this kind: a place in the plane is a complex number."""
        arrival = np.full(len(self.time), LOST)
        content = Content(blank(len(self._value), self._cars, float), blank(len(MESSAGE), self._cars, kind))
        return _InFlight(
            content,
            content._replace(message=content.message[MOTION]),
            Arrival(arrival),
            Hearing(self._value, self.time, self._fresh, arrival),
        )

    def room(self, kind: Any = float) -> _InFlight:
        """Where that lies which is sent next: what is said, and what is true, of this kind, may be written there."""
        if not self._free:
            count = 1 if self._in_flight else self.slots
            self._free.extend(self._new(np.dtype(kind)) for _ in range(count))
        return self._free[0]

    def send(self, now: int, message: Floats, true: Floats, mute: Booleans | None) -> Transmission:
        """All cars send (field, car) at `now` (ns), but for those that are mute (car,); None: nobody is."""
        models, earliest, flight = self._models, now + self._models.latency, self.room(true.dtype)
        self._free.popleft()
        if message is not flight.content.message or true is not flight.content.true:
            self._carry(flight.content, message, true)
        flight.sent, flight.due, flight.next = now, earliest, earliest
        flight.is_all, is_lossy = self.is_prompt, bool(models.losing or models.delaying)
        self.has_missed |= is_lossy or mute is not None
        if flight.is_all:
            if mute is None:
                self._launch(flight.arrival, earliest)
            else:
                self._address(flight.arrival, mute, self.links.sender, earliest)
            if is_lossy:
                self._tape.react(ALWAYS, now, partial(self._lose, flight, mute))
            self.transmission = Transmission(now, flight.arrival.time, self.links.sender, mute, is_lossy)
        else:
            spoke = self._everyone if mute is None else ~mute[self.links.sender]
            arrival = np.where(spoke, earliest, LOST)
            if is_lossy:
                silent = np.zeros(self._cars, dtype=bool) if mute is None else mute
                air = Air.of(self.links, now, true[POSITION], silent)
                arrival = np.where(self._passed(air) & spoke, earliest, LOST)
                for model in models.delaying:
                    arrival = _delayed(arrival, model.delay(air))
            self.transmission = Transmission(now, arrival, self.links.sender, mute, is_lossy)
            if models.slots is not None:
                models.slots.end_frame(self.transmission.heard)
            flight.arrival.time[:] = np.where(self._itself & spoke, earliest, arrival)
            flight.next = int(flight.arrival.time.min())
        self._in_flight.append(flight)
        return self.transmission

    def _lose(self, flight: _InFlight, mute: Booleans | None, now: int) -> None:
        """What does not pass does not arrive."""
        silent = np.zeros(self._cars, dtype=bool) if mute is None else mute
        passed = self._passed(Air.of(self.links, now, flight.content.true[POSITION], silent))
        np.copyto(flight.arrival.time, LOST, where=~passed)

    def refuse(self, who: Booleans) -> None:
        """Of the messages sent last, what is refused on these links (link,) does not come."""
        flight = self._in_flight[-1]
        np.copyto(flight.arrival.time, LOST, where=who)
        flight.is_all, flight.next = False, int(flight.arrival.time.min())

    def receive(self, now: int, deaf: Booleans | None = None) -> None:
        """Take what has arrived by `now` (ns); what arrives at a car that is deaf (car,) is dropped. None: nobody is.

        What it says itself, a car knows. Dropped is also a message that was sent before another that has arrived.
        """
        links, listens = self.links, self._everyone
        if deaf is not None:
            listens, self.has_missed = self._listen(deaf, links.receiver, self._itself).listens, True
        self.due, self.has_arrived = False, False
        for flight in self._in_flight:
            if flight.due <= now:
                self.true, self.sent, self.due, flight.due = flight.content.true, flight.sent, True, LOST
            if flight.next <= now:
                told = flight.content.message, links.sender, listens, flight.sent, now, not self.has_arrived
                self._hear(flight.hearing, *told)
                flight.next = LOST if flight.is_all else int(flight.arrival.time.min())
                self.time_of_all = flight.sent if flight.is_all else None
                self.has_arrived = True
        if not self.has_arrived:
            self._hush(self._silence)
        over = [each for each in self._in_flight if min(each.next, each.due) == LOST]
        if over:
            self._in_flight = [each for each in self._in_flight if each not in over]
            self._free.extend(over)

    def newest(self, links: Integers, fields: slice = MOTION) -> Samples:
        """The newest message on each of these links, time and freshness repeated per field (field, of `links`).

        `fields` of `CONTENT`: usually what a sender says of its own motion.
        """
        value = self._value[fields][:, links]
        time, fresh = (np.repeat(each[links][None], len(value), axis=0) for each in (self.time, self._fresh))
        return Samples(value, time, fresh)

    def of_car_ahead(self, into: Newest) -> None:
        """The newest message of the car ahead of each row."""
        self._take(into, self._motion, self.time, self._fresh, self.links.of_car_ahead, self.due)

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
        return np.asarray(self.draws.next()[0] >= loss.astype(np.float32))


def _delayed(arrival: Integers, by: Floats) -> Integers:
    """Later by so many s; never, where that is no delay."""
    comes = (arrival != LOST) & (by >= 0.0) & (by < LATEST)
    return np.where(comes, arrival + np.rint(np.where(comes, by, 0.0) * 1e9).astype(np.int64), LOST)
