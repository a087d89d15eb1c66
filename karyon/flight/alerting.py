"""Alert levels of DO-365 and their hysteresis, for any number of intruders at once.

    times     when each intruder is predicted to enter the volume of each level
    raw       the level that these times ask for now
    settled   what is alerted: m of n cycles, and an alert stays for a while

State is explicit: a cycle takes it and answers with the next one, and nothing here reads a clock. [RTCA DO-365B;
Muñoz et al.: DAIDALUS Reference Manual, NASA/TM-2020, sec. 4.3]
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.flight import uncertainty, well_clear
from karyon.flight.uncertainty import Errors
from karyon.flight.well_clear import TIE, Interval, Motion, Volume
from karyon.kernel.elementwise import where

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

UNSEEN = -1  # in place of a level: there was no cycle yet


@dataclass(frozen=True, slots=True)
class Level:
    """One alert level: its volume and how long before it is entered there is an alert, in s.

    early          the time that holds while this level is alerted already, so that it does not flicker
    is_uncertain   whether the uncertainty of the states widens the volume (SUM)
    """

    volume: Volume
    time: float
    early: float
    is_uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """How alerts settle.

    forget    s without a cycle after which everything starts afresh
    persist   s that an alert stays at least
    m, n      an alert needs m of the last n cycles; m = 0: every cycle counts
    """

    forget: float = 0.0
    persist: float = 0.0
    m: int = 0
    n: int = 0

    @property
    def is_filtered(self) -> bool:
        """Whether m of n is used."""
        return 0 < self.m <= self.n


class Alerts(NamedTuple):
    """State of the alerts of some intruders (row,).

    recent   the levels asked for in the last n cycles, the oldest first (cycle, row)
    level    what is alerted, `UNSEEN` before the first cycle
    since    s, when this level or a higher one began; NaN: none yet
    seen     s, the last cycle; NaN: none yet
    """

    recent: Integers
    level: Integers
    since: Floats
    seen: Floats


def none_yet(rows: int, hysteresis: Hysteresis) -> Alerts:
    """The state before the first cycle."""
    never = np.full(rows, np.nan)
    recent = np.full((max(hysteresis.n, 1), rows), UNSEEN, dtype=np.int64)
    return Alerts(recent, np.full(rows, UNSEEN, dtype=np.int64), never, never)


def predicted(level: Level, motion: Motion, errors: Errors, horizon: float) -> Interval:
    """When each pair (row,) is, or may be, inside of the volume of a level within the next `horizon` s."""
    if level.is_uncertain:
        return uncertainty.interval(motion, errors, level.volume, horizon)
    return well_clear.interval(motion, level.volume, horizon)


def raw(levels: tuple[Level, ...], begins: Any, alerts: Alerts, now: float) -> Integers:
    """Highest level that asks for an alert (row,), 0 where none does.

    levels   the first is level 1
    begins   s until the volume of each level is entered, inf for never (level, row)
    """
    before = alerts.seen < now
    asked = np.zeros(np.shape(begins)[1:], dtype=np.int64)
    for number, level in enumerate(levels, start=1):
        limit = np.where(before & (alerts.level == number), level.early, level.time)
        begin = begins[number - 1]
        asked = np.where((begin == 0.0) | (limit - begin > TIE), number, asked)
    return asked


def settled(asked: Integers, alerts: Alerts, hysteresis: Hysteresis, now: float, present: Booleans) -> Alerts:
    """The alerts after a cycle at `now` s; where an intruder is not `present`, as they were."""
    afresh = ~((now > alerts.seen) & (now - alerts.seen <= hysteresis.forget))
    recent, level = _pushed(asked, alerts, hysteresis, afresh), np.where(afresh, UNSEEN, alerts.level)
    since = np.where(afresh, np.nan, alerts.since)
    wanted = _m_of_n(recent, hysteresis) if hysteresis.is_filtered else asked
    holds = (level > 0) & (wanted < level) & (now >= since) & (now - since < hysteresis.persist)
    rises = ~holds & (wanted > 0) & (wanted > level)
    return Alerts(
        where(present, recent, alerts.recent),
        where(present, np.where(holds, level, np.maximum(wanted, 0)), alerts.level),
        where(present, np.where(rises, now, since), alerts.since),
        where(present, now, alerts.seen),
    )


def _pushed(asked: Integers, alerts: Alerts, hysteresis: Hysteresis, afresh: Booleans) -> Integers:
    """The last n levels asked for; afresh, the first one counts m times and is alerted at once."""
    if not hysteresis.is_filtered:
        return alerts.recent
    full = np.arange(hysteresis.n)[:, None] < hysteresis.m
    before = np.where(afresh, np.where(full, asked, UNSEEN), alerts.recent)
    return np.concatenate([before[1:], asked[None]])


def _m_of_n(recent: Integers, hysteresis: Hysteresis) -> Integers:
    """The highest level that m of the last n cycles reached."""
    return np.asarray(np.sort(recent, axis=0)[hysteresis.n - hysteresis.m])
