"""The clock of a device against that of the bench: offset with its bound from ping and pong, drift, and jumps.

A ping leaves at t1, is received at t2 and answered at t3 by the device's clock, and the answer arrives at t4. The
device's clock is ahead by an offset that no ping can hide:

    t3 - t4 <= offset <= t2 - t1        [four time stamps as in NTP, RFC 5905; the bound holds for any asymmetry]

The ping with the shortest way says it best (minimum-delay filter), and each loses what the clocks may have drifted
since, for as long as no other is answered. A ping that contradicts this tells of a clock that was set, has wrapped, or
runs backwards: what was known of it is forgotten. Times are ns, as integers of any size.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

DRIFT_MAX = 500e-6  # what two clocks drift apart at most, twice of what cheap quartz does
KEPT = 16  # pings
WAITING = 128  # pings that have not been answered: an answer that comes late says how long the way is
AGREEING = 2  # answers that do not contradict each other before a clock is believed
EPOCH_2000 = 946_684_800_000_000_000  # ns from 1970 to 2000, where MicroPython's time begins on most boards
DAY = 86_400_000_000_000  # ns


@dataclass(frozen=True, slots=True)
class Answered:
    """What one ping has told: at `when` the clock was ahead by `low` to `high`, ns."""

    when: int
    low: int
    high: int

    def widened(self, now: int) -> tuple[int, int]:
        """Low and high with what the clocks may have drifted apart until `now`."""
        drifted = round(DRIFT_MAX * abs(now - self.when))
        return self.low - drifted, self.high + drifted


class DeviceClock:
    """What is known of the clock of one device."""

    def __init__(self) -> None:
        self._sent: OrderedDict[int, int] = OrderedDict()  # t1 by id
        self._answers: deque[Answered] = deque(maxlen=KEPT)
        self.jumps = 0
        self._has_been_known = False

    def pinged(self, number: int, t1: int) -> None:
        """A ping has been sent."""
        self._sent[number] = t1
        while len(self._sent) > WAITING:
            self._sent.popitem(last=False)

    def ponged(self, number: int, t1: int, t2: int, t3: int, t4: int) -> bool:
        """Take an answer that arrived at `t4`; whether it is one: to a ping that was sent, for the first time."""
        if self._sent.get(number) != t1 or t3 < t2 or t4 < t1:
            return False
        del self._sent[number]
        told = Answered(t4, t3 - t4, t2 - t1)
        if told.low > told.high:  # the clock has been set between t2 and t3, or the device lies
            self._forget()
            return True
        if self._answers:
            low, high = self._best(t4).widened(t4)
            if told.high < low or told.low > high:
                self._forget()
        self._answers.append(told)
        self._has_been_known |= self.is_known
        return True

    @property
    def is_known(self) -> bool:
        """Whether time stamps of this device mean something to the bench."""
        return len(self._answers) >= AGREEING

    @property
    def is_forgotten(self) -> bool:
        """Whether they did, and do not any more."""
        return self._has_been_known and not self.is_known

    def earliest(self, time: int, now: int) -> int:
        """The earliest time by the bench's clock at which the device's clock said `time`; only where it is known."""
        return time - self._best(now).widened(now)[1]

    def latest(self, time: int, now: int) -> int:
        """The latest time by the bench's clock at which the device's clock said `time`; only where it is known."""
        return time - self._best(now).widened(now)[0]

    def offset(self, now: int) -> tuple[int, int]:
        """How far the device's clock is ahead, and the bound on the error of that, ns; only where it is known."""
        low, high = self._best(now).widened(now)
        return (low + high) // 2, (high - low + 1) // 2

    @property
    def drift(self) -> float | None:
        """By how much the device's clock is faster, from the best pings of an earlier and a later half.

        None: too few pings, or too little time between these.
        """
        half = len(self._answers) // 2
        if half < 2:
            return None
        answers = list(self._answers)
        first, last = (min(part, key=_width) for part in (answers[:half], answers[half:]))
        ahead = (last.low + last.high - first.low - first.high) / 2
        return ahead / (last.when - first.when) if last.when > first.when else None

    def _best(self, now: int) -> Answered:
        return min(self._answers, key=lambda one: one.high - one.low + 2 * round(DRIFT_MAX * abs(now - one.when)))

    def _forget(self) -> None:
        self._answers.clear()
        self.jumps += 1


def _width(one: Answered) -> int:
    return one.high - one.low


def epoch(time: int, now: int) -> int:
    """ns from 1970 to where a clock counts from that should count from 1970, where it is `now`."""
    return EPOCH_2000 if abs(time + EPOCH_2000 - now) < DAY else 0


def oddity(time: int, now: int) -> str:
    """What is odd about a stamp of a clock that should count from 1970, where it is `now`; may be empty."""
    if epoch(time, now):
        return "counts from the year 2000, as MicroPython does: 946684800 s are added"
    if abs(time - now) > 1_000_000_000:
        return f"is {(time - now) / 1e9:+.0f} s off the clock of the bench"
    return ""
