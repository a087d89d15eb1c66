"""Perception of the platoon's leader, whom only its messages show: each field is held against the others.

Nobody but the car behind it has a sensor on the leader. So what its message says in concert cannot be seen here, and
what was doubted comes back by the reverse jump alone; the safe distance to the car ahead never rests on it.
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from karyon.perception import validity
from karyon.perception.received import MESSAGE, Heard, Sender, SenderChecks, SenderNoise
from karyon.perception.reckoning import keep
from karyon.perception.sensors import Booleans, Floats, Samples, Times

LEADER = "platoon.leader.message"
FIELDS = tuple(f"{LEADER}.{field}" for field in MESSAGE)


@dataclass(frozen=True, slots=True)
class Told:
    """What the leader says and how far it may be believed: value and spread (field, row), the rest (row,)."""

    value: Floats
    spread: Floats
    time: Times
    fresh: Booleans
    validity: Floats


class Leader:
    """The leader of each row's group."""

    def __init__(self, rows: int, noise: SenderNoise, tolerated: tuple[float, float, float], age_limit: float) -> None:
        """`tolerated`: failure amplitudes of position, speed, acceleration; validity is 0 from `age_limit` (s) on."""
        self.checks = SenderChecks(noise, tolerated)
        self._sender, self._heard, self._age_limit = Sender(noise, self.checks), Heard.of(rows), age_limit
        self._judged = np.zeros(rows)
        floors = np.array([noise.position, noise.speed, noise.acceleration, 0.0])[:, None]
        self._spread = np.broadcast_to(3.0 * floors, (len(MESSAGE), rows))

    def update(self, now: int, message: Samples, another: Booleans, running: Booleans | None = None) -> Told:
        """One period. `another` leads the row from now on; `running` False: perception is down in that row."""
        before = Heard.of(len(another))
        keep(before, self._heard, another)
        heard, judged = self._sender.hear(now, before, message)
        judged = judged * heard.sane
        ran = np.ones(len(another), dtype=bool) if running is None else running
        keep(heard, before, ran)
        self._heard, self._judged = heard, np.where(ran, judged, np.where(another, 0.0, self._judged))
        age = heard.message.age(now)[0]
        believed = self._judged * validity.of_age(age, self._age_limit)
        return Told(
            value=heard.message.value,
            spread=self._spread,
            time=heard.message.time[0],
            fresh=heard.message.fresh[0] & ran,
            validity=np.where(age < inf, believed, 0.0),
        )
