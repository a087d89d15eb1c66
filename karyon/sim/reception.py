"""How well the radio of a run did: the share of messages that came, and how old the newest one was."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from karyon.compiled import ALWAYS, Tape
from karyon.kernel.elementwise import Compiler
from karyon.perception.sensors import NEVER, seconds
from karyon.sim.channel.links import Booleans, Integers
from karyon.sim.channel.transit import behind
from karyon.sim.radio import Channel, Transmission

BIN = 10_000_000  # ns: ages are counted in hundredths of a second, rounded up
BINS = 10_000  # the last one also has all that is older


class Reception:
    """Delivery ratio over all links of a run; age of information over its rows: of the message of the car ahead.

    The age is looked at in each perception cycle, from the first message on. [Kaul et al. 2012, age of information]

    ages   a list, to note how old the messages are at each look where that is the same everywhere; None: do not
    """

    def __init__(self, channel: Channel, tape: Tape | None = None) -> None:
        """`tape`: that may record what is done, but for what is counted of all."""
        self._tape, self._behind = tape or Tape(), behind
        self._channel, links = channel, channel.links
        self._others = links.receiver != links.sender
        self._per_run = int(np.count_nonzero(self._others)) // links.runs
        self._sent, self._heard = np.zeros(links.runs, dtype=np.int64), np.zeros(links.runs, dtype=np.int64)
        self._run = links.receiver[links.of_car_ahead] // links.members
        self._ages = np.zeros(BINS * links.runs, dtype=np.int32)  # (bin, run): at an instant most are in one bin
        self.ages: list[int] | None = None
        self._highest = 0  # bin that was filled
        self._age_sum = np.zeros(links.runs, dtype=np.int64)
        self._counts: tuple[Integers, Integers] | None = None  # None: something has been counted since

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._behind = in_place(behind)

    def sent(self, transmission: Transmission, deaf: Booleans | None) -> None:
        """Count one transmission; cars that are `deaf` (car,) hear nothing and are mute, None: all hear."""
        self._sent += self._per_run
        self._heard += self._per_run
        some = ALWAYS if transmission.is_lossy else transmission.mute
        if some is not None:
            self._tape.react(some, transmission.sent, partial(self._count_sent, transmission, deaf))

    def _count_sent(self, transmission: Transmission, deaf: Booleans | None, _: int) -> None:
        """All were counted as sent and heard."""
        spoke, runs = transmission.spoke & self._others, self._channel.links.runs
        self._sent += spoke.reshape(runs, -1).sum(axis=1) - self._per_run
        heard = spoke & transmission.heard
        if deaf is not None:
            heard &= ~deaf[self._channel.links.receiver]
        self._heard += heard.reshape(runs, -1).sum(axis=1) - self._per_run

    def step(self, now: int) -> None:
        """Count how old the newest messages are at `now` (ns)."""
        self._counts = None
        links = self._channel.links
        newest, runs = self._channel.time_of_all, links.runs
        if newest is not None:
            self._count(now - newest, 1)
            if self._channel.has_missed:
                is_behind = self._behind(self._channel.time, links.of_car_ahead, newest).is_behind
                self._tape.react(is_behind, now, partial(self._count_again, is_behind, now - newest))
            return
        time = self._channel.time[links.of_car_ahead]
        known = time != NEVER
        age = now - np.where(known, time, now)
        self._age_sum += age.reshape(runs, -1).sum(axis=1)
        bins = self._bins(age)
        self._highest = max(self._highest, int(bins.max()))
        places = (bins * runs + self._run)[known]
        if len(time) == runs:  # one row of each run: no place is there twice
            self._ages[places] += np.int32(1)
        else:
            np.add.at(self._ages, places, np.int32(1))

    def _count_again(self, is_behind: Booleans, counted: int, now: int) -> None:
        """In these rows the newest message is older than was `counted` (ns), or there is none."""
        links = self._channel.links
        rows = np.flatnonzero(is_behind)
        time, run, runs = self._channel.time[links.of_car_ahead[rows]], self._run[rows], links.runs
        known = time != NEVER
        age = now - np.where(known, time, now)
        np.add.at(self._age_sum, run, age - counted)
        np.add.at(self._ages, self._bins(counted) * runs + run, np.int32(-1))
        bins = self._bins(age[known])
        self._highest = max(self._highest, int(bins.max(initial=0)))
        np.add.at(self._ages, bins * runs + run[known], np.int32(1))

    @staticmethod
    def _bins(age: Any) -> Any:
        return np.minimum(-(-age // BIN), BINS - 1)

    def carry_on(self, periods: int, sendings: int, ages: Sequence[int]) -> None:
        """So many periods in which all hear all that is sent, and the messages are as old (ns) at each look."""
        self._sent += self._per_run * sendings * periods
        self._heard += self._per_run * sendings * periods
        for age in ages:
            self._count(age, periods)

    def _count(self, age: int, times: int) -> None:
        """All rows have this age (ns), as often."""
        runs, rows = self._channel.links.runs, len(self._run)
        self._counts = None
        if self.ages is not None:
            self.ages.append(age)
        self._age_sum += age * (rows // runs) * times
        at = int(self._bins(age))
        self._highest = max(self._highest, at)
        self._ages[at * runs : (at + 1) * runs] += np.int32(rows // runs * times)

    def summary(self, run: int) -> dict[str, Any]:
        """The part of `metrics` that the radio has; null where nothing was sent, or nothing came."""
        sent, collisions = int(self._sent[run]), self._channel.slot_collisions
        counts, below = self._counted()
        count = int(counts[run])
        found: dict[str, Any] = {
            "delivery_ratio": int(self._heard[run]) / sent if sent else None,
            "age_of_information": {
                "mean": float(seconds(self._age_sum[run], 0)) / count if count else None,
                "p99": float(below[run]) * BIN / 1e9 if count else None,
            },
        }
        return found if collisions is None else found | {"slot_collisions": int(collisions[run])}

    def _counted(self) -> tuple[Integers, Integers]:
        """Instants at which the age was looked at, and bins below the one that 99 % of them reach (run,)."""
        if self._counts is None:
            so_far = self._ages.reshape(BINS, -1)[: self._highest + 1].cumsum(axis=0)
            self._counts = so_far[-1], (so_far < 0.99 * so_far[-1]).sum(axis=0)
        return self._counts
