"""Messages on their way from one car to another, and how they are heard: formulas."""

import operator
from typing import Any, NamedTuple

import numpy as np

from karyon.kernel.elementwise import (
    BooleanTable,
    FloatTable,
    TimeTable,
    WholeBooleans,
    WholeTable,
    WholeTimes,
    each,
    pick,
    where,
)
from karyon.kernel.runtime import Booleans, Ticks

LOST = np.iinfo(np.int64).max  # arrival of what never comes


class Content(NamedTuple):
    """What is said, and what ideal messages would say (field, car)."""

    message: FloatTable
    true: FloatTable


class Carried(NamedTuple):
    """After it has been sent."""

    content: Content


def carry(here: Content, message: FloatTable, true: FloatTable) -> Carried:
    """What is said is on its way: it changes no more, whatever the cars do."""
    return Carried(Content(message, true))


def _same(_: Any, new: Any) -> Any:
    return new


class Arrival(NamedTuple):
    """When a message arrives, ns (link,)."""

    time: Ticks


class Launched(NamedTuple):
    """After it has been sent."""

    arrival: Arrival


def launch(here: Arrival, earliest: int) -> Launched:
    """A message arrives at `earliest` (ns)."""
    when: Any = earliest
    return Launched(Arrival(when))


def address(here: Arrival, mute: WholeBooleans, sender: Ticks, earliest: int) -> Launched:
    """A message arrives at `earliest` (ns), unless its sender is mute."""
    return Launched(Arrival(where(pick(mute, sender), LOST, earliest)))


class Silenced(NamedTuple):
    """Which cars neither send nor hear (car,)."""

    deaf: Booleans


def silence(down: WholeBooleans, row: Ticks, is_own: Booleans) -> Silenced:
    """Those with a radio of their own, of `row`, that is down."""
    return Silenced(pick(down, row) & is_own)


class Listening(NamedTuple):
    """On which links somebody listens (link,)."""

    listens: Booleans


def listen(deaf: WholeBooleans, receiver: Ticks, itself: Booleans) -> Listening:
    """Who is not deaf; what it says itself, a car knows."""
    return Listening(~pick(deaf, receiver) | itself)


class Freshness(NamedTuple):
    """Where a message is new (field, row)."""

    fresh: BooleanTable


class Unheard(NamedTuple):
    """After nobody has listened in some rows."""

    freshness: Freshness


def unhear(here: Freshness, listening: Booleans) -> Unheard:
    """Nothing is new where nobody listens."""
    return Unheard(Freshness(each(operator.and_, here.fresh, listening)))


class Behind(NamedTuple):
    """Where the newest message is not the newest of all (row,)."""

    is_behind: Booleans


def behind(time: WholeTimes, link: Ticks, newest: int) -> Behind:
    """Of messages on a link of each row, of which the newest was sent at `newest` (ns)."""
    return Behind(pick(time, link) != newest)


class Hearing(NamedTuple):
    """The newest message that each receiver has; and when the one arrives that it is about to hear (link,)."""

    value: FloatTable
    time: Ticks  # when it was sent, ns
    fresh: Booleans
    arrival: Ticks  # ns


class Heard(NamedTuple):
    """After a look at one that is on its way."""

    hearing: Hearing


def hear(
    here: Hearing, message: WholeTable, sender: Ticks, listens: Booleans, sent: int, now: int, is_first: bool
) -> Heard:
    """What has arrived by `now` (ns) of a message that was `sent` then, and is newer than what was heard.

    is_first   nothing else has been looked at in this cycle
    """
    arrived = here.arrival <= now
    newer = arrived & (sent > here.time) & listens
    said = each(pick, message, sender)
    return Heard(
        Hearing(
            each(_newer, here.value, said, newer),
            where(newer, sent, here.time),
            newer | (here.fresh & (not is_first)),
            where(arrived, LOST, here.arrival),
        )
    )


class Silence(NamedTuple):
    """On which links something was heard (link,)."""

    fresh: Booleans


class Silent(NamedTuple):
    """After a cycle in which nothing arrived."""

    silence: Silence


def hush(here: Silence) -> Silent:
    """Nothing is heard."""
    return Silent(Silence(here.fresh & False))


def _newer(old: Any, new: Any, newer: Any) -> Any:
    return where(newer, new, old)


class Newest(NamedTuple):
    """The newest message that each row has, as `Samples` has it, and whether one was due (row,)."""

    value: FloatTable
    time: TimeTable
    fresh: BooleanTable
    due: Booleans


class Taken(NamedTuple):
    """After it has been looked up."""

    newest: Newest


def take(here: Newest, value: WholeTable, time: WholeTimes, fresh: WholeBooleans, link: Ticks, was_due: bool) -> Taken:
    """The newest message on a link of each row."""
    when, is_new = pick(time, link), pick(fresh, link)
    due: Any = was_due
    return Taken(
        Newest(
            each(pick, value, link),
            each(_same, here.time, when),
            each(_same, here.fresh, is_new),
            due,
        )
    )
