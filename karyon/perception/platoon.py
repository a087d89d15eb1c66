"""Perception of the platoon's leader, whom no own sensor sees: its messages against themselves, and against a witness.

    track, intention   the leader's message against itself: see `karyon.perception.received`
    sight, place       its speed and position against what the car right behind it measures of it, and says; of two
                       receivers, the position speaks only beyond the tolerated amplitude

A jump is remembered: the reverse jump restores it, and so does the witness that agrees for a second. Where leader and
witness contradict each other nobody can tell here who is wrong, so the leader is doubted. What both say in concert is
believed; the safe distance to the car ahead never rests on it.
"""

from dataclasses import dataclass
from math import hypot, inf

import numpy as np

from karyon.perception import detectors, validity
from karyon.perception.detectors import SHARE, ResidualGate
from karyon.perception.received import (
    MESSAGE,
    Heard,
    Sender,
    SenderChecks,
    SenderNoise,
    Told,
    confirmed,
    hear,
    sane,
)
from karyon.perception.reckoning import DOUBT, Limits, chosen, put, rows_of, slowest, within
from karyon.perception.sensors import NEVER, Booleans, Floats, Samples, Times, seconds, since

LEADER = "platoon.leader.message"
SAME_TIME = 0.15  # s: of two messages of which none or one was lost
LEADER_FIELDS = tuple(f"{LEADER}.{field}" for field in MESSAGE)


@dataclass(frozen=True, slots=True)
class Witness:
    """Where the leader is (m) and how fast (m/s) by the sensors of the car behind it (row,), NaN: it does not know.

    time   of that, ns; `NEVER` before the first
    fresh  it came since the last look
    """

    position: Floats
    speed: Floats
    time: Times
    fresh: Booleans


class Leader:
    """The leader of each row's group."""

    def __init__(
        self,
        rows: int,
        noise: SenderNoise,
        tolerated: tuple[float, float, float],
        age_limit: float,
        sight: float,
    ) -> None:
        """`tolerated`: failure amplitudes of position, speed, acceleration; validity is 0 from `age_limit` (s) on.

        sight   noise of the leader's speed as the car behind it measures it, 1 sigma in m/s
        """
        self.checks = SenderChecks(noise, tolerated)
        self.sight = ResidualGate(hypot(noise.speed, sight), 0.0, tolerated[1], noise.period)
        self._sight_limits, self._tolerated_place = Limits.of(self.sight), tolerated[0]
        self._sender, self._heard, self._age_limit = Sender(noise, self.checks, rows), Heard.of(rows), age_limit
        self._unheard = self._heard
        self._judged, self._smooth, self._ran = np.zeros(rows), np.zeros(rows), np.full(rows, NEVER)
        floors = np.array([noise.position, noise.speed, noise.acceleration, 0.0])[:, None]
        self._spread = np.broadcast_to(3.0 * floors, (len(MESSAGE), rows))

    def detection_time(self, signal: str, mode: str, minimum: float) -> float:
        """As `karyon.perception.following.Following.detection_time`, for a field of the message, or the whole."""
        return slowest(self.judges(signal, mode).values(), mode, minimum)

    def judges(self, signal: str, mode: str) -> dict[str, ResidualGate]:
        """As `karyon.perception.following.Following.judges`."""
        position, intention = {"track": self.checks.position}, {"intention": self.checks.intention}
        sight = {"sight": self.sight}
        guards: dict[str, dict[str, ResidualGate]] = {LEADER: position if mode == "wrong_position" else sight}
        guards |= zip(LEADER_FIELDS, (position, sight, intention, intention), strict=True)
        return guards.get(signal, {})

    def update(
        self, now: int, message: Samples, witness: Witness, another: Booleans, running: Booleans | None = None
    ) -> Told:
        """One period. `another` leads the row from now on; `running` False: perception is down in that row."""
        before = chosen(~another, self._heard, self._unheard) if another.any() else self._heard
        smooth = np.where(another, 0.0, self._smooth)
        heard, judged = hear(before, self._sender.message(before, message, now), now, self._sender.known)
        known, residual, place = self._against(now, heard, witness)
        smooth_after = detectors.smoothed(smooth, residual, SHARE, heard.position.fresh | witness.fresh)
        sight = within(self._sight_limits, residual, smooth_after)
        veto = validity.of_amplitude(np.abs(place), 0.95 * self._tolerated_place, self._tolerated_place)
        agrees = known & (sight >= DOUBT)
        dt = np.where(self._ran == NEVER, 0.0, since(now, self._ran))
        heard = confirmed(heard, agrees & (veto >= DOUBT), agrees, dt)
        ran = np.ones(len(another), dtype=bool) if running is None else running
        if running is not None:
            down = np.flatnonzero(~running)
            put(heard, down, rows_of(before, down))
        self._heard, self._smooth = heard, np.where(ran, smooth_after, smooth)
        self._ran = np.where(ran, now, self._ran)
        self._judged = np.where(ran, judged * sane(heard) * sight * veto, np.where(another, 0.0, self._judged))
        return self._answer(now, ran)

    def _against(self, now: int, heard: Heard, witness: Witness) -> tuple[Booleans, Floats, Floats]:
        """Leader against witness (row,): is there anything to compare, the residual of the speed, of the position.

        What the leader says is carried on to when the witness looked.
        """
        time = heard.position.time
        age = np.maximum(since(now, witness.time), since(now, time))
        known = np.isfinite(witness.speed) & (age <= self._age_limit)
        step = np.where(known, seconds(np.where(known, witness.time, 0), np.where(known, time, 0)), 0.0)
        known &= np.abs(step) <= SAME_TIME  # or else what the leader has done meanwhile would be held against it
        speed = heard.speed.value + step * heard.acceleration.value
        position = heard.position.value + step * heard.speed.value
        return (
            known,
            np.where(known, speed - witness.speed, 0.0),
            np.where(known, position - witness.position, 0.0),
        )

    def _answer(self, now: int, ran: Booleans) -> Told:
        """What was judged last, as old as it is now."""
        heard = self._heard
        age = since(now, heard.position.time)
        believed = self._judged * validity.of_age(age, self._age_limit)
        fields = (heard.position, heard.speed, heard.acceleration, heard.intended)
        return Told(
            value=np.stack([each.value for each in fields]),
            spread=self._spread,
            time=heard.position.time,
            fresh=heard.position.fresh & ran,
            validity=np.where(age < inf, believed, 0.0),
        )
