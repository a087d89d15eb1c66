"""Whether the messages of a topic are those of one device, in its order.

What the network does to one device's messages is told from what only a second device can do: one that is repeated has
the same bytes, one that was overtaken was measured earlier, and numbers go ahead no faster than anybody measures.
Whatever else there is contests the topic: who is right cannot be known.
"""

from collections import OrderedDict

from karyon.hil.measurement import Measurement, Reason
from karyon.perception.sensors import NEVER

QUIET = 1_000_000_000  # ns of silence after which a succession may begin anew
REORDERED = 64  # places that a message may be behind, or ahead at once, and still be of the same succession
PACE = 1_000_000  # ns from one measurement to the next of the quickest device
WIDTHS = (8, 16, 31, 32, 63)  # bits of counters that wrap


class Succession:
    """What was accepted last of one topic."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._stamp: int | None = None
        self._arrived = NEVER
        self._contested = NEVER
        self._accepted: OrderedDict[int | None, int] = OrderedDict()  # hash of the payload by number

    def refuse(self, found: Measurement, payload: bytes, arrived: int) -> Reason | None:
        """Why a message is not the next one; None: it is, and is remembered. After silence any is."""
        is_begun = self._arrived != NEVER and arrived - self._arrived <= QUIET
        reason = self._breach(found, payload, arrived) if is_begun else None
        if reason is Reason.SEQUENCE:
            self._contested = arrived
        if reason is None:
            if not is_begun:
                self._accepted.clear()
            self._number, self._stamp, self._arrived = found.sequence, found.time, arrived
            self._accepted[found.sequence] = hash(payload)
            if len(self._accepted) > REORDERED + 1:
                self._accepted.popitem(last=False)
        return reason

    def is_contested(self, arrived: int) -> bool:
        """Whether a second device was there lately."""
        return self._contested != NEVER and arrived - self._contested < QUIET

    def _breach(self, found: Measurement, payload: bytes, arrived: int) -> Reason | None:
        number, before = found.sequence, self._number
        later = 1 if found.time is None or self._stamp is None else found.time - self._stamp
        if number is None and before is None:
            return None if later > 0 else Reason.DUPLICATE if later == 0 else Reason.ORDER
        if number is None or before is None:  # some are numbered, and some are not
            return Reason.SEQUENCE
        if number in self._accepted:
            return Reason.DUPLICATE if self._accepted[number] == hash(payload) else Reason.SEQUENCE
        most = REORDERED + (arrived - self._arrived) // PACE
        if later > 0 and (0 < number - before <= most or _is_near(before, number)):
            return None
        return Reason.ORDER if later < 0 and _is_near(number, before) else Reason.SEQUENCE


def _is_near(before: int, after: int) -> bool:
    """Whether `after` may come a few places after `before`, maybe of a counter that has wrapped."""
    wrapped = any(max(before, after) < 2**bits and 0 < (after - before) % 2**bits <= REORDERED for bits in WIDTHS)
    return 0 < after - before <= REORDERED or wrapped
