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
new object is no jump: the past of the old one ends, though not the doubt in a radar that is doubted. What is heard is
then of an unknown car, valid for nothing and witness against nobody, until for a second it has been where the radar
sees one, at its speed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from karyon.perception import detectors, validity
from karyon.perception.detectors import MISSED_SIGMAS, SHARE, ResidualGate, leak_of, wander_of
from karyon.perception.received import (
    M_ACCELERATION,
    M_POSITION,
    M_SPEED,
    MESSAGE,
    STRONGEST,
    Heard,
    Sender,
    SenderChecks,
    SenderNoise,
    Told,
)
from karyon.perception.reckoning import AGREEMENT, DOUBT, Limits, Reckoned, column, keep, slowest
from karyon.perception.sensors import NEVER, Booleans, Floats, Newest, Samples, Times, since
from karyon.perception.validity import amplitude_at

OWN = ("front.distance", "front.relative_speed", "own.speed", "own.acceleration", "own.position")
DISTANCE, RELATIVE, SPEED, ACCELERATION, POSITION = range(5)
LEAD = "lead.message"
FIELDS = tuple(f"{LEAD}.{field}" for field in MESSAGE)
RADAR, WHEEL, PLACE = range(3)  # rows of the reckoned own signals
CHECKS = ("sanity", "radar", "closing", "wheel", "place", "road", "apart", "noise", "track")  # that may be silenced

RADAR_CONFIRMS = 2.5  # s without a word of the radar's own check that acquit its relative speed
JUMP_SHOWS = 1.0  # s in which a relative speed that has jumped as no car can shows in the distance if it is wrong
PLACE_CONFIRMS = 3.0  # s in which the satellite receiver confirms own speed
USUAL_MEMORY = 60.0  # s over which the usual difference of the two receivers is learned
USUAL_LEARNED = 2.0  # s before it is used
FORGIVEN_AGE = 0.15  # s: a doubled radar period; a reckoning survives this without a sample


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


def _known(ages: Floats) -> Floats:
    """Ages in s, 0 of what was never measured: its value is NaN, whatever it is carried on by."""
    return np.where(ages < inf, ages, 0.0)


def _averaged_when_held(sigma: float, period: float, held_for: float) -> float:
    """What averaging leaves of a noise drawn every `held_for` s and sampled every `period`, less its white part."""
    share = 1.0 - (1.0 - SHARE) ** (held_for / period)
    return sigma * sqrt(max(0.0, share / (2.0 - share) - SHARE / (2.0 - SHARE)))


@dataclass(slots=True)
class State:
    """All that perception remembers; arrays (check, row) or (row,)."""

    ran: Times  # ns, when this row was last judged
    own: Newest
    heard: Heard
    rate: Floats
    reckoned: Reckoned
    anchored: Booleans
    closing_smooth: Floats
    road_smooth: Floats
    apart: Floats
    usual: Floats
    usual_for: Floats
    white: Floats
    place_agreed: Floats
    radar_quiet: Floats
    since_jump: Floats  # s since relative speed has last changed as no car can
    handed_over: Booleans  # the radar has told of another object, and not yet measured it
    untracked: Booleans  # it came while the radar was doubted: no past of its own restores it
    unknown_front: Booleans  # what the radar sees may be another one than who is heard
    recognised: Floats  # s for which it has agreed with what is heard
    speed_heard: Booleans  # received less relative speed is another source of own speed
    judged: Floats  # validity of each own signal, and of the message last, but for their age


def _start(rows: int) -> State:
    zero, three = np.zeros(rows), np.zeros((3, rows))
    return State(
        ran=np.full(rows, NEVER),
        own=Newest.of((len(OWN), rows)),
        heard=Heard.of(rows),
        rate=three,
        reckoned=Reckoned.of((3, rows)),
        anchored=three.astype(bool),
        closing_smooth=zero,
        road_smooth=zero,
        apart=zero,
        usual=zero,
        usual_for=zero,
        white=three,
        place_agreed=zero,
        radar_quiet=zero,
        since_jump=np.full(rows, inf),
        handed_over=np.zeros(rows, dtype=bool),
        untracked=np.zeros(rows, dtype=bool),
        unknown_front=np.zeros(rows, dtype=bool),
        recognised=zero,
        speed_heard=np.zeros(rows, dtype=bool),
        judged=np.zeros((len(OWN) + 1, rows)),
    )


@dataclass(slots=True)
class Seen:
    """What perception says of every row: arrays (signal, row), and what the car ahead says as `lead`.

    speed_bound   m/s: own speed, or where it is doubted the largest that any source says, or 0
    speed_known   any source says something of own speed
    gap           m: distance extrapolated to now by relative speed
    """

    value: Floats
    time: np.ndarray
    fresh: Booleans
    validity: Floats
    spread: Floats
    lead: Told
    speed_bound: Floats
    speed_known: Booleans
    gap: Floats


class Following:
    """Perception of `rows` cars: feed samples each period, read validity.

    noise, tolerated   the design's numbers
    age_limits         s per own signal in the order of `OWN`, and for the message last: validity is 0 from there on
    silent             names of `CHECKS` that are not heard, to show what each is worth
    """

    def __init__(
        self,
        rows: int,
        noise: Noise,
        tolerated: Tolerated,
        age_limits: tuple[float, ...],
        silent: Collection[str] = (),
    ) -> None:
        self._silent = frozenset(silent)
        self.noise, self.checks = noise, Checks(noise, tolerated)
        self._tolerated_place = tolerated.message_position
        self.state = _start(rows)
        n, t, c = noise, tolerated, self.checks
        self._age_limit = np.array(age_limits[:5])[:, None]
        self._message_age_limit = age_limits[5]
        self._low = np.array([-2.0, -70.0, -2.0, -20.0, -inf])[:, None]
        self._high = np.array([n.range, 70.0, 70.0, 20.0, inf])[:, None] + 2.0 * np.array([0.25, 0, 0, 0, 0])[:, None]
        self._rate_limit = np.array([140.0, 20.0, 15.0, 200.0, 70.0])[:, None]
        floors = np.array([n.distance, n.relative_speed, n.speed, n.acceleration, n.position])[:, None]
        self._floors = floors
        self._message_floors = np.array([n.message_position, n.message_speed, n.message_acceleration, 0.0])[:, None]
        self._rate_noise = 8.0 * floors
        self._noisy = floors > 0.0
        self._tolerated = np.array([t.distance, t.relative_speed, t.speed, t.acceleration, t.position])[:, None]
        reckoned = (c.radar, c.wheel, c.place)
        self._limits = Limits(*reckoned)
        self._leak = column(leak_of(g.period, g.memory) for g in reckoned)
        self._sender = Sender(n.sender, c.message)
        self._white_limits = Limits(c.radar, c.closing, c.wheel)
        self._closing_limits, self._road_limits = Limits(c.closing), Limits(c.road)

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
        return self.checks.radar.growth_time(float(self._tolerated[RELATIVE, 0]), minimum)

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
    ) -> Seen:
        """One period: take new samples, compare, answer.

        running       False: perception is down in that row; None: in none
        handed_over   the radar has another object ahead since the last call: it saw it come from the side, or the one
                      before go there (row,); None: in no row
        """
        before = self.state
        down = np.where(before.ran == NEVER, 0.0, since(now, before.ran))
        dt = np.minimum(down, FORGIVEN_AGE)
        s = _start(0)  # every field is set below
        s.ran = np.full(before.ran.shape, now)
        s.own = before.own.take(own, now)
        s.heard, tracked = self._sender.hear(now, before.heard, message)
        ages, message_age = s.own.age(now), s.heard.message.age(now)[0]
        usable, heard = ages <= self._age_limit, message_age <= self._message_age_limit
        message_age = np.where(heard, message_age, 0.0)  # of what is not compared: any number
        told = before.handed_over if handed_over is None else before.handed_over | handed_over
        another = told & s.own.fresh[DISTANCE]
        sane = self._sanity(s.own, another)
        message_sane, tracked = self._heard_of("sanity", s.heard.sane), self._heard_of("track", tracked)
        open_road = s.own.value[DISTANCE] >= self.noise.range

        reckoned, residual = self._reckon(before, s, ages, usable, down, another)
        closing, closing_known = self._closing(before, s, message_age, usable, heard, open_road)
        road, road_known, difference = self._road(before, s, ages, message_age, usable, heard, open_road)
        apart, too_far = self._apart(before, s, difference, open_road)
        self._white(before, s, residual, another)
        white = self._heard_of("noise", self._white_limits.noise_validity(np.sqrt(s.white)))

        same = self._same(difference, open_road, closing_known & (closing >= DOUBT)) & ~another
        unknown = self._unknown(before, s, dt, same, another)
        closing_known = closing_known & ~unknown
        message_accused = (np.minimum(tracked, message_sane) < DOUBT) | unknown
        quiet_closing = closing_known & (closing >= DOUBT)
        speed_ok = np.where(quiet_closing, np.maximum(reckoned[WHEEL], closing), reckoned[WHEEL])
        place_accused = reckoned[PLACE] < DOUBT
        both = closing_known & (closing < DOUBT) & ~message_accused & place_accused  # what they share is own speed
        speed_ok = np.where(both, np.minimum(closing, reckoned[PLACE]), speed_ok)
        silent = (closing < DOUBT) & (reckoned[RADAR] >= DOUBT) & ~open_road
        s.radar_quiet = np.where(silent, before.radar_quiet + dt, 0.0)
        acquitted = (speed_ok < DOUBT) | message_accused | (s.radar_quiet > RADAR_CONFIRMS)
        veto = np.where(place_accused, 1.0, np.minimum(road, apart))
        suspect = np.where(place_accused | message_accused, 1.0, np.minimum(road, too_far))
        out = np.stack(
            [
                sane[DISTANCE] * reckoned[RADAR] * suspect * white[0],
                self._calm(before, s, dt, sane, quiet_closing)
                * reckoned[RADAR]
                * np.where(acquitted, 1.0, closing)
                * white[1],
                sane[SPEED] * speed_ok * white[2],
                sane[ACCELERATION] * reckoned[WHEEL],
                sane[POSITION] * reckoned[PLACE],
            ]
        )
        message_out = np.where(unknown, 0.0, message_sane * tracked * closing * veto)
        radar_agrees = (closing >= DOUBT) & (np.minimum(sane[DISTANCE], sane[RELATIVE]) >= DOUBT)
        place = road_known & (road >= DOUBT), ~np.isnan(difference) & ~road_known & (apart >= DOUBT)
        self._restore(before, s, dt, quiet_closing, radar_agrees, place, speed_ok)
        quiet = np.minimum(out[[DISTANCE, RELATIVE, SPEED, POSITION]].min(axis=0), message_out) >= DOUBT
        self._learn(before, s, dt, np.where(open_road, np.nan, difference), quiet)
        s.judged = np.vstack([out, message_out])
        s.handed_over = told & ~another
        s.speed_heard = usable[DISTANCE] & usable[RELATIVE] & heard & ~open_road & ~message_accused
        if running is not None:
            keep(s, before, running)
            s.handed_over = np.where(running, s.handed_over, told)
        self.state = s
        return self._answer(s, now, running)

    def _heard_of(self, check: str, judged: Floats) -> Floats:
        """What a check says, or nothing but good where it is silent."""
        return np.ones_like(judged) if check in self._silent else judged

    def _calm(self, before: State, s: State, dt: Floats, sane: Floats, quiet_closing: Booleans) -> Floats:
        """Of relative speed alone: after a jump it is doubted until the distance would show that it is wrong (row,).

        Or else a value that is wrong for good would be believed again with its second sample.
        """
        s.since_jump = np.where(s.own.fresh[RELATIVE] & (sane[RELATIVE] < DOUBT), 0.0, before.since_jump + dt)
        return np.where((s.since_jump < JUMP_SHOWS) & ~quiet_closing, 0.0, sane[RELATIVE])

    def _sanity(self, own: Newest, another: Booleans) -> Floats:
        """Range, rate, stuck-at and time stamp of each own signal alone (signal, row).

        another   this sample of the radar is the first of another object (row,)
        """
        outside = detectors.outside(own.value, self._low, self._high)
        change = np.where(own.fresh & np.isfinite(own.previous), own.value - own.previous, 0.0)
        change[RELATIVE] = np.where(self._appeared(own) | another, 0.0, change[RELATIVE])
        change[DISTANCE] = np.where(another, 0.0, change[DISTANCE])
        fast = detectors.beyond_rate(change, own.step, self._rate_limit, self._rate_noise)
        stuck = (own.repeated >= detectors.STUCK_AFTER) & self._noisy
        stuck[:2] &= own.value[DISTANCE] < self.noise.range
        judged = validity.of_amplitude(np.maximum(outside, fast), 0.0, self._tolerated)
        return self._heard_of("sanity", np.where(stuck | ~own.stamped | np.isnan(own.value), 0.0, judged))

    def _appeared(self, own: Newest) -> Booleans:
        """The car ahead came into the radar's range, or left it: its relative speed may jump (row,)."""
        return np.asarray((own.previous[DISTANCE] >= self.noise.range) != (own.value[DISTANCE] >= self.noise.range))

    def _reckon(
        self, before: State, s: State, ages: Floats, usable: Booleans, dt: Floats, another: Booleans
    ) -> tuple[Floats, Floats]:
        """Radar, wheel, place: validity (check, row) and the residual of this sample."""
        reach = _known(ages)
        values = s.own.value[[DISTANCE, SPEED, POSITION]]
        rates = s.own.value[[RELATIVE, ACCELERATION, SPEED]]
        s.rate = np.where(np.isnan(rates), 0.0, rates)
        ahead = values + s.rate * reach[[DISTANCE, SPEED, POSITION]]
        fresh = s.own.fresh[[DISTANCE, SPEED, POSITION]] & usable[[DISTANCE, SPEED, POSITION]]
        fresh &= usable[[RELATIVE, ACCELERATION, SPEED]]
        lost = (ages[[DISTANCE, SPEED, POSITION]] > FORGIVEN_AGE) | (
            ages[[RELATIVE, ACCELERATION, SPEED]] > FORGIVEN_AGE
        )
        lost |= dt > FORGIVEN_AGE  # perception itself was down
        anchored = before.anchored & ~(lost & ~before.reckoned.doubted)
        advance = 0.5 * dt * (s.rate + before.rate)
        anchor = fresh & ~anchored
        anchor[RADAR] |= fresh[RADAR] & another
        s.untracked = before.untracked | (another & before.reckoned.doubted[RADAR])
        s.reckoned, judged, residual = before.reckoned.next(ahead, advance, fresh, anchor, self._leak, self._limits)
        s.anchored = anchored | anchor
        s.reckoned.doubted[RADAR] |= s.untracked
        judged[RADAR] = np.where(s.untracked, np.minimum(judged[RADAR], 0.5), judged[RADAR])
        s.reckoned.doubted &= s.anchored
        s.reckoned.reference[RADAR] = np.minimum(s.reckoned.reference[RADAR], self.noise.range)
        told = [self._heard_of(name, row) for name, row in zip(("radar", "wheel", "place"), judged, strict=True)]
        return np.stack(told), residual

    def _closing(
        self, before: State, s: State, message_age: Floats, usable: Booleans, heard: Booleans, open_road: Booleans
    ) -> tuple[Floats, Booleans]:
        """Relative speed against received minus own speed; on an open road it must be 0 (row,)."""
        value = s.own.value
        received = s.heard.message.value[M_SPEED] + s.heard.message.value[M_ACCELERATION] * message_age - value[SPEED]
        radar_known = usable[DISTANCE] & usable[RELATIVE]
        known = radar_known & heard & usable[SPEED] & ~open_road
        unknown = self._since(message_age)
        heard_residual = received - value[RELATIVE]
        heard_residual -= np.minimum(np.maximum(heard_residual, -unknown), unknown)
        residual = np.where(open_road, -value[RELATIVE], heard_residual)
        residual = np.where(known | (open_road & radar_known), residual, 0.0)
        s.closing_smooth = detectors.smoothed(before.closing_smooth, residual, SHARE, True)
        judged = self._closing_limits.validity(residual, s.closing_smooth)
        return self._heard_of("closing", judged), known

    def _since(self, message_age: Floats) -> Floats:
        """How far the speed of the car ahead may have gone from what its last message makes expect, in m/s (row,).

        0 while none is missed, as the gates bear a period. Later it may have braked as any car can, after its lag: the
        integral of 1 - exp(-t / lag) up to t, from above by t² / (2 lag + 2 t / 3). [Padé approximant]
        """
        missed = np.maximum(message_age - self.noise.message_period, 0.0)
        return STRONGEST * missed * missed / (2.0 * self.noise.vehicle_lag + 2.0 / 3.0 * missed)

    def _road(
        self,
        before: State,
        s: State,
        ages: Floats,
        message_age: Floats,
        usable: Booleans,
        heard: Booleans,
        open_road: Booleans,
    ) -> tuple[Floats, Booleans, Floats]:
        """Distance against received minus own position, less the usual difference (row,).

        Last of the answer is the difference itself, NaN where it is not known.
        """
        own, message = s.own.value, s.heard.message.value
        front = message[M_POSITION] + message_age * (message[M_SPEED] + 0.5 * message_age * message[M_ACCELERATION])
        reach = _known(ages)
        here = own[POSITION] + reach[POSITION] * own[SPEED]
        seen = own[DISTANCE] + reach[DISTANCE] * own[RELATIVE]
        known = usable[DISTANCE] & usable[POSITION] & usable[SPEED] & heard
        difference = np.where(known, front - here - self.noise.vehicle_length - seen, 0.0)
        learned = before.usual_for >= USUAL_LEARNED
        residual = np.where(known & learned, difference - before.usual, 0.0)
        residual = np.where(open_road, np.minimum(residual, 0.0), residual)  # a car beyond the range is not missed
        s.road_smooth = detectors.smoothed(before.road_smooth, residual, SHARE, True)
        judged = self._road_limits.validity(residual, s.road_smooth)
        return self._heard_of("road", judged), known & learned, np.where(known, difference, np.nan)

    def _apart(self, before: State, s: State, difference: Floats, open_road: Booleans) -> tuple[Floats, Floats]:
        """What message and distance are worth if the positions are further apart than both receivers may be off.

        From the first message on, so that a lie is not learned as usual; what is not compared now, as the sender says
        that it is out of sight, stays as doubted as it was. Who comes into sight is judged by what is seen from then
        on, at once, and not by what was wrong before. The distance is suspect only where it is too far: what is nearer
        than the sender may be another car.
        """
        compared = difference < np.where(open_road, 0.0, inf)
        clears = ~open_road | (difference < before.apart)  # who goes out of sight does not come closer to the truth
        s.apart = detectors.smoothed(before.apart, difference, SHARE, compared & clears)
        into_sight = self._appeared(s.own) & s.own.fresh[DISTANCE] & ~open_road & compared
        s.apart = np.where(into_sight, difference, s.apart)
        allowed = self.noise.position_bias + self.noise.message_position_bias
        apart = np.maximum(np.abs(s.apart) - allowed, 0.0)
        judged = self._heard_of("apart", self._road_limits.validity(np.zeros_like(s.apart), apart))
        stale = open_road & (np.abs(difference) <= allowed)  # what was too far is gone, and nothing is said of it now
        return judged, np.where(compared & (s.apart < 0.0) & ~stale, judged, 1.0)

    def _white(self, before: State, s: State, residual: Floats, another: Booleans) -> None:
        """Variance of what is white in the residuals of distance, relative speed and own speed (signal, row)."""
        fresh = s.own.fresh[[DISTANCE, RELATIVE, SPEED]] & s.anchored[[RADAR, RADAR, WHEEL]]
        change = s.own.value[RELATIVE] - s.own.previous[RELATIVE]
        change = np.where(self._appeared(s.own) | another, 0.0, change)
        change = np.where(np.isnan(change), 0.0, np.sqrt(0.5) * change)  # of the noise of two samples, that of one
        parts = np.stack(
            [residual[RADAR] - s.reckoned.smooth[RADAR], change, residual[WHEEL] - s.reckoned.smooth[WHEEL]]
        )
        parts = np.minimum(np.abs(parts), self._tolerated[[DISTANCE, RELATIVE, SPEED]])  # one spike is soon forgotten
        s.white = detectors.smoothed(before.white, parts * parts, 0.05, fresh)

    def _unknown(self, before: State, s: State, dt: Floats, same: Booleans, another: Booleans) -> Booleans:
        """Who is ahead is not known to be who is heard, until both have agreed for long enough (row,)."""
        s.recognised = np.where(same, before.recognised + dt, 0.0)
        s.unknown_front = (before.unknown_front | another) & (s.recognised < AGREEMENT)
        return s.unknown_front

    def _same(self, difference: Floats, open_road: Booleans, quiet_closing: Booleans) -> Booleans:
        """Where what is heard can be what the radar sees, or is beyond its range where it sees nothing (row,).

        Two receivers differ by less than the tolerated error of a position, and this is less than the length of a car:
        who has cut in between is not mistaken for who is heard.
        """
        slack = min(self._tolerated_place, self.noise.vehicle_length)
        return np.where(open_road, difference >= -slack, (np.abs(difference) <= slack) & quiet_closing)

    def _restore(
        self,
        before: State,
        s: State,
        dt: Floats,
        quiet_closing: Booleans,
        radar_agrees: Booleans,
        place: tuple[Booleans, Booleans],
        speed_ok: Floats,
    ) -> None:
        """Follow again what independent sources confirm.

        place   the two positions differ by as much as usual; nothing is usual yet, and by no more than both may be off
        """
        quiet_road, near_enough = place
        radar, own = quiet_road & radar_agrees, s.reckoned
        again = own.agree(np.stack([radar, quiet_closing, quiet_road & (speed_ok >= DOUBT)]), dt)
        place = own.doubted[WHEEL] & ~own.doubted[PLACE] & s.anchored[PLACE]
        s.place_agreed = np.where(place, before.place_agreed + dt, 0.0)
        again[WHEEL] |= s.place_agreed >= PLACE_CONFIRMS
        own.restore(again, s.own.value[[DISTANCE, SPEED, POSITION]])
        s.untracked = s.untracked & ~again[RADAR]
        message = (quiet_road | near_enough) & radar_agrees & quiet_closing
        again = s.heard.tracked.agree(np.stack([message, quiet_closing]), dt)
        s.heard.tracked.restore(again, s.heard.message.value[:2])

    def _learn(self, before: State, s: State, dt: Floats, difference: Floats, quiet: Booleans) -> None:
        """The usual difference of the two receivers (row,), a mean that forgets; learned while nothing speaks."""
        learn = quiet & ~np.isnan(difference)
        known_for = np.minimum(before.usual_for + dt, USUAL_MEMORY)
        gain = np.where(known_for > 0.0, dt / np.where(known_for > 0.0, known_for, 1.0), 1.0)
        s.usual = np.where(learn, before.usual + gain * (difference - before.usual), before.usual)
        s.usual_for = np.where(learn, before.usual_for + dt, before.usual_for)

    def _answer(self, s: State, now: int, running: Booleans | None) -> Seen:
        """What was judged last, as old as it is now."""
        own, received = s.own.value, s.heard.message.value
        ages, message_age = s.own.age(now), s.heard.message.age(now)[0]
        aged = s.judged[:-1] * validity.of_age(ages, self._age_limit)
        ran = True if running is None else running
        fastest = np.where(aged[SPEED] >= DOUBT, own[SPEED], self._fastest(s))
        return Seen(
            value=own,
            time=s.own.time,
            fresh=s.own.fresh & ran,
            validity=np.where(np.isnan(own), 0.0, aged),
            spread=np.broadcast_to(3.0 * self._floors, own.shape),
            lead=Told(
                value=received,
                spread=np.broadcast_to(3.0 * self._message_floors, received.shape),
                time=s.heard.message.time[0],
                fresh=s.heard.message.fresh[0] & ran,
                validity=s.judged[-1] * validity.of_age(message_age, self._message_age_limit),
            ),
            speed_bound=np.where(fastest > 0.0, fastest, 0.0),
            speed_known=fastest < inf,
            gap=own[DISTANCE] + _known(ages[DISTANCE]) * own[RELATIVE],
        )

    def _fastest(self, s: State) -> Floats:
        """The largest own speed in m/s that any source says, NaN where none does (row,).

        What the wheels said last, that carried on by acceleration, and what was heard less relative speed.
        """
        own, received = s.own.value, s.heard.message.value
        reckoned = np.where(s.reckoned.samples[WHEEL] > 0.0, s.reckoned.reference[WHEEL], np.nan)
        heard = np.where(s.speed_heard, received[M_SPEED] - own[RELATIVE], np.nan)
        return np.asarray(np.fmax(np.fmax(own[SPEED], reckoned), heard))
