"""The lane change protocol: request, grants, reservation with expiry, release; of all cars of all runs at once.

A car that wishes to change asks all whom its change affects: who gives the gap, which is the car behind it, or all who
could come there, too. Every car says in each of its messages what it asks for and whom it has granted; so a lost
message is made up for by the next.

    request      asks by name, until a time; who has waited longest goes first
    grants       by all that are asked before the deadline, or the request is over: then nobody is bound by it for long
    reservation  the asking car may change until the expiry, and not later
    release      when it is through, or has turned back, it says so

A grant binds its giver until it expires or is released: meanwhile it grants nobody else, asks for nothing itself, and
does not change lanes. It names the car and the number of its request, so no late word of another request counts.
Nobody asks and is bound at once, so no two can wait for each other: who asks and is asked by a car that has waited
longer, withdraws and grants. Nor does anybody ask a car that one who has waited longer is known to ask.
Clocks may differ by `offset`: a giver is bound for so much longer.
Arrays are (car, run) and (receiver, sender, run). Times are ns by the sender's clock.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

MOST = 62  # cars of a run: who is asked is a set of bits
NOBODY = -1
NEVER = np.iinfo(np.int64).max // 2  # ns


class Words(NamedTuple):
    """What a car says, arrays (sender, run), or what is heard of it, arrays (receiver, sender, run).

    number    of its last request, from 1; 0: it has made none
    asks      1: that request stands; 0: it is over
    since     when the wish began, ns
    until     when what is asked for ends, ns
    lane      where it shall lead
    asked     bits of the cars that are asked
    grants    the car that it has granted a request, or NOBODY
    granted   the number of that request
    """

    number: Integers
    asks: Integers
    since: Integers
    until: Integers
    lane: Integers
    asked: Integers
    grants: Integers
    granted: Integers


class LaneChange:
    """The protocol in all cars of all runs.

    asks        the request stands, and not all have granted it yet (car, run)
    reserved    all have, and it has not expired
    bound_to    the car that has the grant of each, or NOBODY
    """

    def __init__(self, cars: int, runs: int, patience: int, hold: int, offset: int = 0) -> None:
        """`patience`: ns until the deadline of a request; `hold`: ns from a request to its expiry.

        ValueError: more than `MOST` cars, or a reservation that expires before its deadline.
        """
        if not 1 <= cars <= MOST:
            raise ValueError(f"1 to {MOST} cars agree on a lane change, found {cars}")
        if hold <= patience + 2 * offset:
            raise ValueError("a reservation lasts longer than the wait for its grants")
        self._patience, self._hold, self._offset = patience, hold, offset
        shape = cars, runs
        self._car = np.arange(cars)[:, None]
        self._number = np.zeros(shape, dtype=np.int64)
        self._since = np.full(shape, NEVER)
        self._deadline = np.zeros(shape, dtype=np.int64)
        self._until = np.zeros(shape, dtype=np.int64)
        self._lane = np.zeros(shape, dtype=np.int64)
        self._asked = np.zeros(shape, dtype=np.int64)
        self._got = np.zeros(shape, dtype=np.int64)
        self.asks = np.zeros(shape, dtype=bool)
        self.reserved = np.zeros(shape, dtype=bool)
        self.bound_to = np.full(shape, NOBODY)
        self._bound_number = np.zeros(shape, dtype=np.int64)
        self._bound_until = np.zeros(shape, dtype=np.int64)
        pairs = cars, cars, runs
        self._stands_until, self._stands_since, self._stands_asked = (np.zeros(pairs, dtype=np.int64) for _ in range(3))

    @property
    def asked(self) -> Integers:
        """Bits of the cars that each asked in its last request; with a reservation, all of them have granted it."""
        return self._asked

    @property
    def until(self) -> Integers:
        """When the present request of each expires, ns (car, run)."""
        return self._until

    def ask(self, now: int, who: Booleans, since: Integers, lane: Integers, asked: Integers) -> None:
        """Begin a request (car, run), where a car neither asks, nor has a reservation, nor is bound.

        since   when its wish began, ns
        lane    where it shall lead
        asked   bits of the cars whose grant it needs; none: it has its reservation at once
        """
        begins = who & ~self.asks & ~self.reserved & (self.bound_to == NOBODY) & ~self._after(now, since, asked)
        self._number = self._number + begins
        self._since = np.where(begins, since, self._since)
        self._deadline = np.where(begins, now + self._patience, self._deadline)
        self._until = np.where(begins, now + self._hold, self._until)
        self._lane = np.where(begins, lane, self._lane)
        self._asked = np.where(begins, asked, self._asked)
        self._got = np.where(begins, 0, self._got)
        self.asks = self.asks | begins
        self._reserve(now)

    def release(self, who: Booleans) -> None:
        """The request or reservation of these is over (car, run)."""
        self.asks = self.asks & ~who
        self.reserved = self.reserved & ~who

    def speak(self) -> Words:
        """What each car says now (sender, run)."""
        stands = (self.asks | self.reserved).astype(np.int64)
        return Words(
            number=self._number,
            asks=stands,
            since=self._since,
            until=self._until,
            lane=self._lane,
            asked=self._asked,
            grants=self.bound_to,
            granted=self._bound_number,
        )

    def listen(self, now: int, came: Booleans, words: Words, free: Booleans) -> None:
        """Take what has come since the last look, at `now` (ns).

        came, words   (receiver, sender, run); of nobody twice, the newest only
        free          who may grant: it is in no manoeuvre of its own (car, run)
        """
        came = came & (self._car[:, :, None] != self._car[None])
        self._expire(now)
        self._stands_until = np.where(came, np.where(words.asks == 1, words.until, 0), self._stands_until)
        self._stands_since = np.where(came, words.since, self._stands_since)
        self._stands_asked = np.where(came, words.asked, self._stands_asked)
        self._hear_releases(came, words)
        self._hear_grants(now, came, words)
        self._grant(now, came, words, free)

    def _after(self, now: int, since: Integers, asked: Integers) -> Booleans:
        """Whether one who has waited longer is known to ask one of the same cars (car, run)."""
        longer = self._waiting(self._stands_since, self._car[None]) < self._waiting(since, self._car)[:, None]
        shares = (self._stands_asked & asked[:, None]) != 0
        return np.asarray(((self._stands_until > now) & longer & shares).any(axis=1))

    def _expire(self, now: int) -> None:
        late = self.asks & (now > self._deadline)
        over = (self.asks | self.reserved) & (now >= self._until)
        self.release(late | over)
        self._free((self.bound_to != NOBODY) & (now >= self._bound_until))

    def _hear_releases(self, came: Booleans, words: Words) -> None:
        """The one that has the grant says that this request is over, or makes a later one."""
        mine = came & (self.bound_to[:, None] == self._car[None])
        number = self._bound_number[:, None]
        over = (words.number > number) | ((words.number == number) & (words.asks == 0))
        self._free((mine & over).any(axis=1))

    def _hear_grants(self, now: int, came: Booleans, words: Words) -> None:
        granted = came & (words.grants == self._car[:, :, None]) & (words.granted == self._number[:, None])
        bits = (granted.astype(np.int64) << self._car[None]).sum(axis=1)
        self._got = np.where(self.asks & (now <= self._deadline), self._got | bits, self._got)
        self._reserve(now)

    def _reserve(self, now: int) -> None:
        """All have granted, in time."""
        all_have = self.asks & ((self._asked & ~self._got) == 0) & (now <= self._deadline)
        self.reserved = self.reserved | all_have
        self.asks = self.asks & ~all_have

    def _grant(self, now: int, came: Booleans, words: Words, free: Booleans) -> None:
        """To who has waited longest of those that ask, where the car is bound to nobody and has no reservation.

        One that asks itself grants only one that has waited longer, and asks no more.
        """
        is_asked = (words.asked >> self._car[:, :, None]) & 1 == 1
        own = self._waiting(self._since, self._car)[:, None]
        since = self._waiting(words.since, self._car[None])
        asking = came & (words.asks == 1) & is_asked & (words.until > now)
        asking &= np.where(self.asks[:, None], since < own, True)
        asking &= (free & ~self.reserved & (self.bound_to == NOBODY))[:, None]
        chosen = np.where(asking, since, NEVER).argmin(axis=1)
        gives = asking.any(axis=1)
        number, until = (
            np.take_along_axis(each, chosen[:, None], axis=1)[:, 0] for each in (words.number, words.until)
        )
        until = np.minimum(until, now + self._hold)  # whoever lies about it binds nobody for longer
        self.release(gives & self.asks)
        self.bound_to = np.where(gives, chosen, self.bound_to)
        self._bound_number = np.where(gives, number, self._bound_number)
        self._bound_until = np.where(gives, until + self._offset, self._bound_until)

    def _waiting(self, since: Integers, car: Integers) -> Integers:
        """An order of all wishes of a run: by the time at which they began, then by car."""
        milliseconds = np.minimum(since, NEVER - 1) // 1_000_000
        return np.asarray(milliseconds * (MOST + 1) + car)

    def _free(self, who: Booleans) -> None:
        self.bound_to = np.where(who, NOBODY, self.bound_to)
