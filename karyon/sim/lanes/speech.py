"""What cars say of lane changes, as fields of their messages: there and back, and what liars make of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.lane_change import NOBODY, LaneChange, Words
from karyon.perception.received import CONTENT
from karyon.sim.faults import Placed
from karyon.sim.radio import Channel

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIELDS = len(Words._fields) + 2  # and the lane to which the sender wishes, and the level that its rules admit
AFTER = slice(len(CONTENT), len(CONTENT) + FIELDS)
LIE = "lie_high"  # grants whoever asks, and is bound by nothing


class Speech:
    """Words of all cars (sender, run) as fields (field, car), and from what was heard (field, link) back again."""

    def __init__(self, faults: Sequence[Placed], vehicles: int, runs: int, top: int) -> None:
        """`top`: the highest level."""
        self._vehicles, self._runs, self._top = vehicles, runs, top
        self._liars = [one for one in faults if one.is_said and one.fault.mode == LIE]
        self.changed = {one.place: 0 for one in self._liars}

    def said(self, now: int, protocol: LaneChange, wish: Integers, level: Integers) -> Floats:
        """What each says at `now` (ns): `wish` for which lane, or NOBODY, and `level` that its rules admit (car,)."""
        words = protocol.speak()
        fields = np.vstack([*(each.T.ravel()[None] for each in words), wish[None], level[None]]).astype(np.float64)
        for one in self._liars:
            if one.onset <= now < one.end:
                self._lie(one, words, fields)
        return fields

    def _lie(self, one: Placed, words: Words, fields: Floats) -> None:
        run = one.place[0]
        asking = (words.asks[:, run] == 1) & ((words.asked[:, run] >> one.vehicle) & 1 == 1)
        if asking.any():
            asker = int(asking.argmax())
            fields[Words._fields.index("grants"), one.row] = asker
            fields[Words._fields.index("granted"), one.row] = words.number[asker, run]
        fields[-1, one.row] = self._top
        self.changed[one.place] += 1

    def heard(self, channel: Channel) -> tuple[Booleans, Words, Integers, Integers, Integers]:
        """Of whom something new was heard, the words, wishes, levels, when sent (receiver, sender, run)."""
        links = np.arange(len(channel.links.sender))
        came = channel.newest(links, AFTER)
        known = np.isfinite(came.value).all(axis=0)
        whole = np.where(known, came.value, np.array([*_SILENT, NOBODY, 0])[:, None]).astype(np.int64)
        shape = self._runs, self._vehicles, self._vehicles
        *words, wish, level = (each.reshape(shape).transpose(1, 2, 0) for each in whole)
        fresh, time = ((each.reshape(shape).transpose(1, 2, 0)) for each in (came.fresh[0] & known, came.time[0]))
        return fresh, Words(*words), wish, level, time


_SILENT = [NOBODY if name == "grants" else 0 for name in Words._fields]  # of whom nothing was heard
