"""Perception for car following: five own sensors and the message of the car ahead, each checked against the others.

Eight residuals, all of which are zero when everything tells the truth:

    radar        distance        against its own past carried on by relative speed
    closing      relative speed  against received minus own speed
    wheel        own speed       against its own past carried on by own acceleration
    place        own position    against its own past carried on by own speed
    road         distance        against received minus own position, less the usual difference of the two receivers
    apart        that difference against what the two receivers may be off
    track, intention   the message against itself: see `karyon.perception.received`

A residual that speaks lowers every signal it involves, less those that another residual acquits. A jump is
remembered: the reckoned past does not follow a doubted value, so the reverse jump restores it, and so does an
independent source that agrees within its usual band for a second; time alone never does.

Who speaks is not always who is ahead: a car may cut in. A radar that has seen it come from the side says so, and its
new object is no jump. Where it tracked both, the past of the old one is carried on by how much further away the new
one was. Else that past ends, though not the doubt in a radar that is doubted. What is heard is then of an unknown
car, valid for nothing and witness against nobody, until for a second it has been where the radar sees one, at its
speed. But a radar that was ever doubted is suspect where it sees a new object beyond who is heard: what has acquitted
it may be that its error vanished near by, as that of a scale does. And one that tells of a new object that it did not
track, and shows it where the one before was, shows that one still.

After perception or samples were gone, a distance has no past. Another object is not believed until who is heard has
been where it is seen for a second, or nobody is there; nor is the same one, once who is heard has been elsewhere.
Where nobody is heard, an error that began meanwhile and stays as it is does not show.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from math import inf, nan, sqrt
from typing import NamedTuple

import numpy as np

from karyon.kernel.elementwise import Compiler, Reacting, blank, react
from karyon.perception.crosscheck import USUAL_MEMORY, answer, look
from karyon.perception.detectors import MISSED_SIGMAS, SHARE, STUCK_AFTER, ResidualGate, leak_of, wander_of
from karyon.perception.received import M_POSITION, MESSAGE, Message, Sender, SenderChecks, SenderNoise, Told
from karyon.perception.reckoning import Limits, put, rows_of, slowest
from karyon.perception.remembered import Answer, Floors, Known, Measured, SignalLimits, State
from karyon.perception.sensors import Booleans, Floats, Sample, Samples, Times, stacked
from karyon.perception.validity import amplitude_at

OWN = ("front.distance", "front.relative_speed", "own.speed", "own.acceleration", "own.position")
DISTANCE, RELATIVE, SPEED, ACCELERATION, POSITION = range(5)
LEAD = "lead.message"
FIELDS = tuple(f"{LEAD}.{field}" for field in MESSAGE)
CHECKS = Floors._fields  # that may be silenced


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise floors (1 sigma), periods and limits that the safety design states for its sensors; SI units."""

    distance: float = 0.15
    relative_speed: float = 0.1
    speed: float = 0.05
    acceleration: float = 0.05
    position: float = 0.1
    message_position: float = 0.1
    message_speed: float = 0.1
    message_acceleration: float = 0.1
    period: float = 0.05
    position_period: float = 0.1
    message_period: float = 0.1
    range: float = 150.0
    vehicle_length: float = 4.5
    vehicle_lag: float = 0.2
    position_bias: float = inf  # at most; inf: not stated
    message_position_bias: float = inf

    @property
    def sender(self) -> SenderNoise:
        """What a message says is measured with, and how its sender moves."""
        return SenderNoise(
            self.message_position, self.message_speed, self.message_acceleration, self.message_period, self.vehicle_lag
        )


@dataclass(frozen=True, slots=True)
class Tolerated:
    """Failure amplitudes that car following tolerates; SI units. [safety model, defaults for car following]"""

    distance: float = 1.5
    relative_speed: float = 0.8
    speed: float = 0.8
    acceleration: float = 2.0
    position: float = 1.5
    message_position: float = 5.5
    message_speed: float = 0.8
    message_acceleration: float = 3.0


class Checks:
    """The gates of all residuals, from noise floors and tolerated amplitudes: pure design-time data."""

    def __init__(self, noise: Noise, tolerated: Tolerated) -> None:
        n, t = noise, tolerated
        self.radar = ResidualGate(
            n.distance, wander_of(n.relative_speed, n.period, 30.0), t.distance, n.period, memory=30.0
        )
        closing = sqrt(n.relative_speed**2 + n.speed**2 + n.message_speed**2)
        held = _averaged_when_held(n.message_speed, n.period, n.message_period)
        self.closing = ResidualGate(closing, held, t.relative_speed, n.period)
        self.wheel = ResidualGate(n.speed, wander_of(n.acceleration, n.period, 20.0), t.speed, n.period, memory=20.0)
        self.place = ResidualGate(
            n.position, wander_of(n.speed, n.period, 30.0), t.position, n.position_period, memory=30.0
        )
        places = sqrt(n.distance**2 + n.position**2 + n.message_position**2)
        held = _averaged_when_held(sqrt(n.position**2 + n.message_position**2), n.period, n.message_period)
        self.road = ResidualGate(places, held, t.distance, n.period, memory=USUAL_MEMORY)
        place = min(t.message_position, 2.0 * t.distance)  # a jump must show before it makes the radar suspect
        self.message = SenderChecks(n.sender, (place, t.message_speed, t.message_acceleration))


def _averaged_when_held(sigma: float, period: float, held_for: float) -> float:
    """What averaging leaves of a noise drawn every `held_for` s and sampled every `period`, less its white part."""
    share = 1.0 - (1.0 - SHARE) ** (held_for / period)
    return sigma * sqrt(max(0.0, share / (2.0 - share) - SHARE / (2.0 - SHARE)))


@dataclass(slots=True)
class Seen:
    """What perception says of every row: arrays (signal, row), and what the car ahead says as `lead`.

    Where perception is compiled they are written anew with the next look: who remembers one, copies it.

    speed_bound   m/s: own speed, or where it is doubted the largest that any source says, or 0
    speed_known   any source says something of own speed
    gap           m: distance extrapolated to now by relative speed
    """

    value: Floats
    time: Times
    fresh: Booleans
    validity: Floats
    spread: Floats
    lead: Told
    speed_bound: Floats
    speed_known: Booleans
    gap: Floats


class Resting(NamedTuple):
    """Where perception is down (row,)."""

    down: Booleans


def rest(running: Booleans) -> Resting:
    """Where it does not run."""
    return Resting(~running)


NOBODY: tuple[Times, State] = np.arange(0), State.of(0)  # rests, and so nothing is remembered meanwhile


class Following:
    """Perception of `rows` cars: feed samples each period, read validity.

    noise, tolerated   the design's numbers
    age_limits         s per own signal in the order of `OWN`, and for the message last: validity is 0 from there on
    silent             names of `CHECKS` that are not heard, to show what each is worth

    own, message   where the samples lie that are looked at: who writes them there saves a copy
    """

    def __init__(
        self,
        rows: int,
        noise: Noise,
        tolerated: Tolerated,
        age_limits: tuple[float, ...],
        silent: Collection[str] = (),
    ) -> None:
        self.noise, self.checks = noise, Checks(noise, tolerated)
        self.state = State.of(rows)
        self._sender = Sender(noise.sender, self.checks.message, rows)
        self._known = _known(noise, tolerated, self.checks, self._sender, age_limits, silent)
        n = noise
        floors = np.array([n.distance, n.relative_speed, n.speed, n.acceleration, n.position])[:, None]
        message_floors = np.array([n.message_position, n.message_speed, n.message_acceleration, 0.0])[:, None]
        self._spread = np.broadcast_to(3.0 * floors, (len(OWN), rows))
        self._message_spread = np.broadcast_to(3.0 * message_floors, (len(MESSAGE), rows))
        (self.own, self._came), (self.message, self._message) = _measured(rows), _received(rows, self._sender)
        self._is_handed_over = False  # anywhere, in the last period
        self._look = look
        self._held = NOBODY
        self._rest, self._is_quick = rest, False
        self._react: Reacting = react
        self._down: Booleans
        self._said: Answer | None = None
        self._told: Seen

    def quicken(self, in_place: Compiler, reacting: Reacting = react) -> None:
        """Go on with compiled formulas, as `karyon.compiled` has them: the bits stay the same.

        reacting   to what is rare
        """
        self._look, self._rest, self._react, self._is_quick = in_place(look), in_place(rest), reacting, True
        self._sender.quicken(in_place, reacting)

    def detection_time(self, signal: str, mode: str, minimum: float) -> float:
        """Detection time in s of a failure of `signal` for a rule `validity >= minimum`, quantile 1 - 10^-6.

        From the instant the error passes the tolerated amplitude; the worst of a step of that size and of the ramps
        that the mode can grow by (`reckoning.RAMPS`). inf: no check sees it. Holds while the car ahead is heard: see
        `unheard_time`.
        """
        return slowest(self.judges(signal, mode).values(), mode, minimum)

    def judges(self, signal: str, mode: str) -> dict[str, ResidualGate]:
        """The checks, by name, that must all speak for a failure of `signal` to be seen; empty: none sees it."""
        c = self.checks
        position, speed = {"track": c.message.position}, {"closing": c.closing}
        intention = {"intention": c.message.intention}
        guards: dict[str, dict[str, ResidualGate]] = {
            "front.distance": {"radar": c.radar},
            "front.relative_speed": speed,
            "own.speed": {"wheel": c.wheel, "closing": c.closing},  # one of the two acquits own speed: both must speak
            LEAD: {"wrong_position": position, "wrong_speed": speed}.get(mode, position | speed),
            "lead.message.position": position,
            "lead.message.speed": speed,
            "lead.message.acceleration": intention,
            "lead.message.intended_acceleration": intention,
        }
        return guards.get(signal, {})

    def unheard_time(self, minimum: float) -> float:
        """Detection time in s of a wrong relative speed while no message is heard: it shows only in the distance.

        From the instant it is wrong by the tolerated amplitude, for a rule `validity >= minimum`, quantile 1 - 10^-6.
        Noise sets the limit: with the shipped numbers a matched filter that knew when it began would take 0.8 s.
        """
        return self.checks.radar.growth_time(self._known.relative.tolerated, minimum)

    def seen_from_the_start(self, minimum: float) -> dict[str, float]:
        """Error in m from which on a signal is doubted that is wrong from its first sample on, quantile 1 - 10^-6.

        For a rule `validity >= minimum`, where the car ahead is heard; inf: never. A distance shows if it is too far.
        """
        road, own, received = self.checks.road, self.noise.position_bias, self.noise.message_position_bias
        shown = amplitude_at(minimum, road.smooth_band, road.tolerated) + MISSED_SIGMAS * road.smooth_sigma
        allowed = own + received
        return {FIELDS[M_POSITION]: allowed + own + shown, OWN[DISTANCE]: allowed + own + received + shown}

    def update(
        self,
        now: int,
        own: Samples,
        message: Samples,
        running: Booleans | None = None,
        handed_over: Booleans | None = None,
        further: Floats | float = nan,
    ) -> Seen:
        """One period: take new samples, compare, answer.

        running       False: perception is down in that row; None: in none
        handed_over   the radar has another object ahead since the last call: it saw it come from the side, or the one
                      before go there (row,); None: in no row
        further       m, by which that one was further away at the last instant than the one before, where the radar
                      tracked both (row,); NaN: it did not
        """
        if running is not None and not (self._is_quick or running.any()):  # a bench that is late catches up with this
            if handed_over is not None:
                _told(self.state, handed_over, further)
            self._held = NOBODY
            seen = self._seen(answer(self.state, now, self._known))
            return replace(seen, fresh=seen.fresh & running, lead=replace(seen.lead, fresh=seen.lead.fresh & running))
        came, heard = self._came, self._message
        _copied(own, self.own)
        _copied(message, self.message)
        if handed_over is not None or self._is_handed_over:
            came.handed_over[:] = False if handed_over is None else handed_over
            came.further[:] = further
            self._is_handed_over = handed_over is not None
        self._sender.fade(self.state.heard, heard.position, now)
        if running is not None:
            self._down = self._rest(running).down
            self._react(self._down, now, self._hold_back)
        self.state, said = self._look(self.state, came, heard, now, self._known)
        if running is not None:
            self._react(self._down, now, partial(self._put_back, said))
        return self._seen(said)

    def _hold_back(self, _: int) -> None:
        """Rows that do not look: what they remember stays as it is."""
        down, remembered = self._held = self._held_back(np.flatnonzero(self._down))
        _told(remembered, self._came.handed_over[down], self._came.further[down])

    def _put_back(self, said: Answer, now: int) -> None:
        down, remembered = self._held
        put(self.state, down, remembered)
        put(said, down, answer(remembered, now, self._known))

    def _held_back(self, down: Times) -> tuple[Times, State]:
        """Rows that do not look, and their state, to which nothing is new: it is the same until others are down."""
        before, remembered = self._held
        if np.array_equal(before, down) and np.array_equal(remembered.ran, self.state.ran[down]):
            return self._held
        held = rows_of(self.state, down)
        for one in (held.distance, held.relative, held.speed, held.acceleration, held.position):
            one.newest.fresh[:] = False
        for field in (held.heard.position, held.heard.speed, held.heard.acceleration, held.heard.intended):
            field.fresh[:] = False
        return down, held

    def _seen(self, said: Answer) -> Seen:
        """What was judged last, as old as it is now; the same again where it is in the same arrays."""
        if said is self._said:
            return self._told
        state, heard = self.state, self.state.heard
        sensed = (state.distance, state.relative, state.speed, state.acceleration, state.position)
        own = [each.newest for each in sensed]
        fields = (heard.position, heard.speed, heard.acceleration, heard.intended)
        *validities, of_message = said.validity
        self._said, self._told = (
            said,
            Seen(
                value=stacked([each.value for each in own]),
                time=stacked([each.time for each in own]),
                fresh=stacked([each.fresh for each in own]),
                validity=stacked(validities),
                spread=self._spread,
                lead=Told(
                    value=stacked([each.value for each in fields]),
                    spread=self._message_spread,
                    time=heard.position.time,
                    fresh=heard.position.fresh,
                    validity=of_message,
                ),
                speed_bound=said.speed_bound,
                speed_known=said.speed_known,
                gap=said.gap,
            ),
        )
        return self._told


def _told(state: State, handed_over: Booleans, further: Floats | float) -> None:
    """The radar has told of another object, and nobody looks."""
    state.handed_over[:] |= handed_over
    state.further[:] += np.where(handed_over, further, 0.0)


def _copied(samples: Samples, into: Samples) -> None:
    """Copy samples, if they are not where they shall be."""
    if samples is not into:
        into.value[:], into.time[:], into.fresh[:] = samples.value, samples.time, samples.fresh


def _measured(rows: int) -> tuple[Samples, Measured]:
    """Own samples, and the same by name, each type in one block."""
    count = len(OWN)
    whole = Samples(
        blank(count + 1, rows, np.float64),
        blank(count, rows, np.int64),
        blank(count + 1, rows, np.bool_),
    )
    *value, further = whole.value
    *fresh, handed_over = whole.fresh
    samples = Samples(whole.value[:count], whole.time, whole.fresh[:count])
    return samples, Measured._make([*map(Sample, value, whole.time, fresh), handed_over, further])


def _received(rows: int, sender: Sender) -> tuple[Samples, Message]:
    """The same of a message."""
    samples = Samples(*(blank(len(MESSAGE), rows, kind) for kind in (np.float64, np.int64, np.bool_)))
    return samples, sender.message_of(samples)


def _known(
    noise: Noise,
    tolerated: Tolerated,
    checks: Checks,
    sender: Sender,
    age_limits: tuple[float, ...],
    silent: Collection[str],
) -> Known:
    """The numbers of a design, as the formulas take them."""
    n, t, c = noise, tolerated, checks
    radar, wheel, place = (leak_of(each.period, each.memory) for each in (c.radar, c.wheel, c.place))
    *own, message = age_limits
    distance, relative, speed, acceleration, position = own

    def limits(low: float, high: float, rate: float, noise: float, tolerated: float, age: float) -> SignalLimits:
        return SignalLimits(low, high, rate, 8.0 * noise, STUCK_AFTER if noise > 0.0 else inf, tolerated, age)

    return Known(
        distance=limits(-2.0, n.range + 0.5, 140.0, n.distance, t.distance, distance),
        relative=limits(-70.0, 70.0, 20.0, n.relative_speed, t.relative_speed, relative),
        speed=limits(-2.0, 70.0, 15.0, n.speed, t.speed, speed),
        acceleration=limits(-20.0, 20.0, 200.0, n.acceleration, t.acceleration, acceleration),
        position=limits(-inf, inf, 70.0, n.position, t.position, position),
        message_age=message,
        sender=sender.known,
        radar=Limits.of(c.radar),
        closing=Limits.of(c.closing),
        wheel=Limits.of(c.wheel),
        place=Limits.of(c.place),
        road=Limits.of(c.road),
        radar_leak=radar,
        wheel_leak=wheel,
        place_leak=place,
        range=n.range,
        vehicle_length=n.vehicle_length,
        vehicle_lag=n.vehicle_lag,
        message_period=n.message_period,
        position_bias=n.position_bias + n.message_position_bias,
        tolerated_place=t.message_position,
        floors=Floors(*(float(name in silent) for name in CHECKS)),
    )
