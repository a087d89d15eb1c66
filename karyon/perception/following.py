"""Perception for car following: five own sensors and the message of the car ahead, each checked against the others.

Seven residuals, all of which are zero when everything tells the truth:

    radar        distance        against its own past carried on by relative speed
    closing      relative speed  against received minus own speed
    wheel        own speed       against its own past carried on by own acceleration
    place        own position    against its own past carried on by own speed
    road         distance        against received minus own position, less the usual difference of the two receivers
    track        message.position, message.speed    each against its own past carried on by the next field
    intention    message.acceleration   against the intended acceleration after the lag of a vehicle

A residual that speaks lowers every signal it involves, less those that another residual acquits. A jump is
remembered: the reckoned past does not follow a doubted value, so the reverse jump restores it, and so does an
independent source that agrees within its usual band for a second; time alone never does.
"""

from dataclasses import dataclass, fields
from math import inf, sqrt

import numpy as np

from karyon.perception import detectors, validity
from karyon.perception.detectors import SHARE, ResidualGate, leak_of, wander_of
from karyon.perception.reckoning import DOUBT, Limits, Reckoned, column
from karyon.perception.sensors import NEVER, Booleans, Floats, Newest, Samples, Times, seconds

OWN = ("front.distance", "front.relative_speed", "own.speed", "own.acceleration", "own.position")
DISTANCE, RELATIVE, SPEED, ACCELERATION, POSITION = range(5)
LEAD = "lead.message"
MESSAGE = ("position", "speed", "acceleration", "intended_acceleration")
FIELDS = tuple(f"{LEAD}.{field}" for field in MESSAGE)
M_POSITION, M_SPEED, M_ACCELERATION, M_INTENDED = range(4)
RADAR, WHEEL, PLACE = range(3)  # rows of the reckoned own signals

SUDDEN = ("offset", "noise", "outlier", "swap", "wrong_position", "wrong_speed")  # modes that come as a step
SLOW = ("drift", "ramp")  # modes that only grow
RAMPS = (0.2, 0.5, 1.0, 2.0, 3.0)  # growth of an error per s, in the signal's unit: what detection is stated for

RADAR_CONFIRMS = 2.5  # s without a word of the radar's own check that acquit its relative speed
PLACE_CONFIRMS = 3.0  # s in which the satellite receiver confirms own speed
USUAL_MEMORY = 60.0  # s over which the usual difference of the two receivers is learned
USUAL_LEARNED = 2.0  # s before it is used
STANDSTILL = 0.5  # m/s: a car that is slower may stand, and what its speed shows be noise
STRONGEST = 12.0  # m/s²: no car speeds up or brakes harder
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


@dataclass(frozen=True, slots=True)
class Tolerated:
    """Failure amplitudes that car following tolerates; SI units. [safety model, defaults for car following]"""

    distance: float = 1.5
    relative_speed: float = 0.8
    speed: float = 0.8
    acceleration: float = 2.0
    position: float = 1.5
    message_position: float = 3.0
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
        self.track_position = ResidualGate(
            n.message_position,
            wander_of(n.message_speed, n.message_period, 30.0),
            t.message_position,
            n.message_period,
            memory=30.0,
        )
        self.track_speed = ResidualGate(
            n.message_speed,
            wander_of(n.message_acceleration, n.message_period, 8.0),
            t.message_speed,
            n.message_period,
            memory=8.0,
        )
        # A command is no exact inverse of a recorded motion: 0.5 m/s² of mismatch are usual.
        self.intention = ResidualGate(
            sqrt(n.message_acceleration**2 + 0.5**2), 0.0, t.message_acceleration, n.message_period
        )


def _averaged_when_held(sigma: float, period: float, held_for: float) -> float:
    """What averaging leaves of a noise drawn every `held_for` s and sampled every `period`, less its white part."""
    share = 1.0 - (1.0 - SHARE) ** (held_for / period)
    return sigma * sqrt(max(0.0, share / (2.0 - share) - SHARE / (2.0 - SHARE)))


@dataclass(slots=True)
class State:
    """All that perception remembers; arrays (check, row) or (row,)."""

    ran: Times  # ns, when this row was last judged
    own: Newest
    message: Newest
    rate: Floats
    reckoned: Reckoned
    anchored: Booleans
    message_whole: Booleans
    tracked: Reckoned
    intended: Floats
    intention_smooth: Floats
    closing_smooth: Floats
    road_smooth: Floats
    usual: Floats
    usual_for: Floats
    white: Floats
    place_agreed: Floats
    radar_quiet: Floats
    speed_heard: Booleans  # received less relative speed is another source of own speed
    judged: Floats  # validity of each own signal, and of the message last, but for their age

    def keep(self, other: "State", taken: Booleans) -> None:
        """Take `other` back in the rows where `taken` is False: perception did not run there."""
        for field in fields(self):
            new, old = getattr(self, field.name), getattr(other, field.name)
            if isinstance(new, Newest | Reckoned):
                for inner in fields(new):
                    setattr(new, inner.name, np.where(taken, getattr(new, inner.name), getattr(old, inner.name)))
            else:
                setattr(self, field.name, np.where(taken, new, old))


def _start(rows: int) -> State:
    zero, three, two = np.zeros(rows), np.zeros((3, rows)), np.zeros((2, rows))
    return State(
        ran=np.full(rows, NEVER),
        own=Newest.of((len(OWN), rows)),
        message=Newest.of((len(MESSAGE), rows)),
        rate=three,
        reckoned=Reckoned.of((3, rows)),
        anchored=three.astype(bool),
        message_whole=np.ones(rows, dtype=bool),
        tracked=Reckoned.of((2, rows)),
        intended=two,
        intention_smooth=zero,
        closing_smooth=zero,
        road_smooth=zero,
        usual=zero,
        usual_for=zero,
        white=three,
        place_agreed=zero,
        radar_quiet=zero,
        speed_heard=np.zeros(rows, dtype=bool),
        judged=np.zeros((len(OWN) + 1, rows)),
    )


@dataclass(slots=True)
class Seen:
    """What perception says of every row: arrays (signal, row), and (row,) for the message.

    speed_bound   m/s: own speed, or where it is doubted the largest that any source says
    gap           m: distance extrapolated to now by relative speed
    """

    value: Floats
    time: np.ndarray
    fresh: Booleans
    validity: Floats
    spread: Floats
    message: Floats
    message_fresh: Booleans
    message_spread: Floats
    message_time: np.ndarray
    message_validity: Floats
    speed_bound: Floats
    gap: Floats


class Following:
    """Perception of `rows` cars: feed samples each period, read validity.

    noise, tolerated   the design's numbers
    age_limits         s per own signal in the order of `OWN`, and for the message last: validity is 0 from there on
    """

    def __init__(self, rows: int, noise: Noise, tolerated: Tolerated, age_limits: tuple[float, ...]) -> None:
        self.noise, self.checks = noise, Checks(noise, tolerated)
        self.state = _start(rows)
        n, t, c = noise, tolerated, self.checks
        self._age_limit = np.array(age_limits[:5])[:, None]
        self._message_age_limit = age_limits[5]
        self._low = np.array([-2.0, -70.0, -2.0, -20.0, -inf])[:, None]
        self._high = np.array([n.range, 70.0, 70.0, 20.0, inf])[:, None] + 2.0 * np.array([0.25, 0, 0, 0, 0])[:, None]
        self._message_range = np.array([1e7, 120.0, 20.0, 20.0])[:, None]  # of position, speed, both accelerations
        self._rate_limit = np.array([140.0, 20.0, 15.0, 200.0, 70.0])[:, None]
        floors = np.array([n.distance, n.relative_speed, n.speed, n.acceleration, n.position])[:, None]
        self._floors = floors
        self._message_floors = np.array([n.message_position, n.message_speed, n.message_acceleration, 0.0])[:, None]
        self._rate_noise = 8.0 * floors
        self._track_rate_noise = 8.0 * np.array([n.message_speed, n.message_acceleration])[:, None]
        self._noisy = floors > 0.0
        self._tolerated = np.array([t.distance, t.relative_speed, t.speed, t.acceleration, t.position])[:, None]
        self._tolerated_place = t.message_position
        reckoned = (c.radar, c.wheel, c.place)
        self._limits = Limits(*reckoned)
        self._leak = column(leak_of(g.period, g.memory) for g in reckoned)
        tracks = (c.track_position, c.track_speed)
        self._track_limits = Limits(*tracks)
        self._track_leak = column(leak_of(g.period, g.memory) for g in tracks)
        self._white_limits = Limits(c.radar, c.closing, c.wheel)
        self._closing_limits, self._road_limits = Limits(c.closing), Limits(c.road)
        self._intention_limits = Limits(c.intention)

    def detection_time(self, signal: str, mode: str, minimum: float) -> float:
        """Detection time in s of a failure of `signal` for a rule `validity >= minimum`, quantile 1 - 10^-6.

        From the instant the error passes the tolerated amplitude; the worst of a step of that size and of the ramps
        that the mode can grow by (`RAMPS`). inf: no check sees it. Holds while the car ahead is heard: see
        `unheard_time`.
        """
        c = self.checks
        position, speed = (c.track_position,), (c.closing,)
        guards: dict[str, tuple[ResidualGate, ...]] = {
            "front.distance": (c.radar,),
            "front.relative_speed": speed,
            "own.speed": (c.wheel, c.closing),  # one of the two acquits own speed: both must speak
            LEAD: {"wrong_position": position, "wrong_speed": speed}.get(mode, (*position, *speed)),
            "lead.message.position": position,
            "lead.message.speed": speed,
            "lead.message.acceleration": (c.intention,),
            "lead.message.intended_acceleration": (c.intention,),
        }
        checks = guards.get(signal, ())
        times = [check.step_time(minimum) for check in checks if mode not in SLOW]
        times += [check.ramp_time(rate, minimum) for check in checks if mode not in SUDDEN for rate in RAMPS]
        return max(times, default=inf)

    def unheard_time(self, minimum: float) -> float:
        """Detection time in s of a wrong relative speed while no message is heard: it shows only in the distance.

        From the instant it is wrong by the tolerated amplitude, for a rule `validity >= minimum`, quantile 1 - 10^-6.
        """
        return self.checks.radar.growth_time(float(self._tolerated[RELATIVE, 0]), minimum)

    def update(self, now: int, own: Samples, message: Samples, running: Booleans | None = None) -> Seen:
        """One period: take new samples, compare, answer. `running` False: perception is down in that row."""
        before = self.state
        down = np.where(before.ran == NEVER, 0.0, seconds(now, np.where(before.ran == NEVER, now, before.ran)))
        dt = np.minimum(down, FORGIVEN_AGE)
        s = _start(0)  # every field is set below
        s.ran = np.full(before.ran.shape, now)
        s.own, s.message = before.own.take(own, now), before.message.take(self._whole(before, s, message), now)
        ages, message_age = s.own.age(now), s.message.age(now)[0]
        usable, heard = ages <= self._age_limit, message_age <= self._message_age_limit
        sane = self._sanity(s.own)
        message_sane = np.where(s.message_whole & s.message.stamped[0], 1.0, 0.0)
        open_road = s.own.value[DISTANCE] >= self.noise.range

        reckoned, residual = self._reckon(before, s, ages, usable, down)
        tracked = self._track(before, s)
        closing, closing_known = self._closing(before, s, message_age, usable, heard, open_road)
        road, road_known, difference = self._road(before, s, ages, message_age, usable, heard, open_road)
        self._white(before, s, residual)
        white = self._white_limits.noise_validity(np.sqrt(s.white))

        message_accused = np.minimum(tracked, message_sane) < DOUBT
        quiet_closing = closing_known & (closing >= DOUBT)
        speed_ok = np.where(quiet_closing, np.maximum(reckoned[WHEEL], closing), reckoned[WHEEL])
        silent = (closing < DOUBT) & (reckoned[RADAR] >= DOUBT) & ~open_road
        s.radar_quiet = np.where(silent, before.radar_quiet + dt, 0.0)
        acquitted = (speed_ok < DOUBT) | message_accused | (s.radar_quiet > RADAR_CONFIRMS)
        place_accused = reckoned[PLACE] < DOUBT
        veto = np.where(place_accused, 1.0, road)
        out = np.stack(
            [
                sane[DISTANCE] * reckoned[RADAR] * np.where(message_accused, 1.0, veto) * white[0],
                sane[RELATIVE] * reckoned[RADAR] * np.where(acquitted, 1.0, closing) * white[1],
                sane[SPEED] * speed_ok * white[2],
                sane[ACCELERATION] * reckoned[WHEEL],
                sane[POSITION] * reckoned[PLACE],
            ]
        )
        message_out = message_sane * tracked * closing * veto
        radar_agrees = (closing >= DOUBT) & (np.minimum(sane[DISTANCE], sane[RELATIVE]) >= DOUBT)
        self._restore(before, s, dt, quiet_closing, radar_agrees, road_known & (road >= DOUBT), speed_ok)
        quiet = np.minimum(out[[DISTANCE, RELATIVE, SPEED, POSITION]].min(axis=0), message_out) >= DOUBT
        self._learn(before, s, dt, difference, quiet)
        s.judged = np.vstack([out, message_out])
        s.speed_heard = closing_known & ~message_accused
        if running is not None:
            s.keep(before, running)
        self.state = s
        return self._answer(s, now, running)

    def _sanity(self, own: Newest) -> Floats:
        """Range, rate, stuck-at and time stamp of each own signal alone (signal, row)."""
        outside = detectors.outside(own.value, self._low, self._high)
        change = np.where(own.fresh & np.isfinite(own.previous), own.value - own.previous, 0.0)
        change[RELATIVE] = np.where(self._appeared(own), 0.0, change[RELATIVE])
        fast = detectors.beyond_rate(change, own.step, self._rate_limit, self._rate_noise)
        stuck = (own.repeated >= detectors.STUCK_AFTER) & self._noisy
        stuck[:2] &= own.value[DISTANCE] < self.noise.range
        judged = validity.of_amplitude(np.maximum(outside, fast), 0.0, self._tolerated)
        return np.where(stuck | ~own.stamped | np.isnan(own.value), 0.0, judged)

    def _appeared(self, own: Newest) -> Booleans:
        """The car ahead came into the radar's range, or left it: its relative speed may jump (row,)."""
        return np.asarray((own.previous[DISTANCE] >= self.noise.range) != (own.value[DISTANCE] >= self.noise.range))

    def _whole(self, before: State, s: State, message: Samples) -> Samples:
        """Messages that are complete and possible; of another nothing is taken, and it is remembered that it came."""
        came = message.fresh[0]
        possible = np.abs(message.value) <= self._message_range  # False for NaN
        whole = possible.all(axis=0)
        s.message_whole = np.where(came, whole, before.message_whole)
        return Samples(message.value, message.time, message.fresh & whole)

    def _reckon(self, before: State, s: State, ages: Floats, usable: Booleans, dt: Floats) -> tuple[Floats, Floats]:
        """Radar, wheel, place: validity (check, row) and the residual of this sample."""
        values = s.own.value[[DISTANCE, SPEED, POSITION]]
        rates = s.own.value[[RELATIVE, ACCELERATION, SPEED]]
        s.rate = np.where(np.isnan(rates), 0.0, rates)
        ahead = values + s.rate * ages[[DISTANCE, SPEED, POSITION]]
        fresh = s.own.fresh[[DISTANCE, SPEED, POSITION]] & usable[[DISTANCE, SPEED, POSITION]]
        fresh &= usable[[RELATIVE, ACCELERATION, SPEED]]
        lost = (ages[[DISTANCE, SPEED, POSITION]] > FORGIVEN_AGE) | (
            ages[[RELATIVE, ACCELERATION, SPEED]] > FORGIVEN_AGE
        )
        lost |= dt > FORGIVEN_AGE  # perception itself was down
        anchored = before.anchored & ~(lost & ~before.reckoned.doubted)
        advance = 0.5 * dt * (s.rate + before.rate)
        anchor = fresh & ~anchored
        s.reckoned, judged, residual = before.reckoned.next(ahead, advance, fresh, anchor, self._leak, self._limits)
        s.anchored = anchored | anchor
        s.reckoned.doubted &= s.anchored
        s.reckoned.reference[RADAR] = np.minimum(s.reckoned.reference[RADAR], self.noise.range)
        return judged, residual

    def _track(self, before: State, s: State) -> Floats:
        """Track and intention: the message against itself (row,), from message to message by their time stamps."""
        value, old, fresh, step = s.message.value, before.message.value, s.message.fresh[0], s.message.step[0]
        first = np.isnan(old[0])
        gone = first | (step > 0.5)
        rates, old_rates = value[[M_SPEED, M_ACCELERATION]], old[[M_SPEED, M_ACCELERATION]]
        advance = 0.5 * step * (rates + old_rates)
        turned = np.maximum(np.abs(rates - old_rates) - self._track_rate_noise, 0.0)
        # The rate may have changed at any time between the two: what is not certain of the way is no residual.
        slack = np.where(before.tracked.doubted, 0.0, 0.5 * step * turned)
        advance += np.minimum(np.maximum(value[:2] - before.tracked.reference - advance, -slack), slack)
        advance = np.where(fresh & ~first, advance, 0.0)
        # Of a silence it is not known how the car drove; a place that it cannot have reached is a jump all the same.
        way = value[M_POSITION] - old[M_POSITION] - 0.5 * step * (value[M_SPEED] + old[M_SPEED])
        jumped = np.abs(way) > self._tolerated_place + 0.25 * STRONGEST * step * step  # False for NaN
        anchor = fresh & (first | (gone & ~before.tracked.doubted & ~np.stack([jumped, np.zeros_like(jumped)])))
        s.tracked, judged, _ = before.tracked.next(
            value[:2], advance, fresh, anchor, self._track_leak, self._track_limits
        )
        return np.asarray(judged[0] * judged[1] * self._intention(before, s, fresh, anchor[0], step))

    def _intention(self, before: State, s: State, fresh: Booleans, anchor: Booleans, step: Floats) -> Floats:
        """Received acceleration against the received intention after the lag of a vehicle (row,).

        The command may have changed at any time between two messages: what it may have led to is an interval that
        holds the truth whenever both messages do. [interval observer: Gouzé, Rapaport, Hadj-Sadok 2000]
        """
        received, new, old = (
            s.message.value[M_ACCELERATION],
            s.message.value[M_INTENDED],
            before.message.value[M_INTENDED],
        )
        left = np.exp(-step / self.noise.vehicle_lag)
        commands = np.stack([np.fmin(new, old), np.fmax(new, old)])
        followed = commands + left * (before.intended - commands)
        stands = s.message.value[M_SPEED] < STANDSTILL
        followed[1] = np.where(stands, np.maximum(followed[1], 0.0), followed[1])  # it brakes, and yet does not slow
        s.intended = np.where(anchor, received, np.where(fresh, followed, before.intended))
        residual = received - np.minimum(np.maximum(received, s.intended[0]), s.intended[1])
        residual = np.where(fresh & ~anchor, residual, 0.0)
        s.intention_smooth = detectors.smoothed(before.intention_smooth, residual, SHARE, fresh)
        spike = np.where(fresh & ~anchor, detectors.spike(before.message.previous[M_INTENDED], old, new), 0.0)
        return self._intention_limits.validity(np.maximum(np.abs(residual), spike), s.intention_smooth)

    def _closing(
        self, before: State, s: State, message_age: Floats, usable: Booleans, heard: Booleans, open_road: Booleans
    ) -> tuple[Floats, Booleans]:
        """Relative speed against received minus own speed; on an open road it must be 0 (row,)."""
        value = s.own.value
        received = s.message.value[M_SPEED] + s.message.value[M_ACCELERATION] * message_age - value[SPEED]
        radar_known = usable[DISTANCE] & usable[RELATIVE]
        known = radar_known & heard & usable[SPEED] & ~open_road
        residual = np.where(open_road, -value[RELATIVE], received - value[RELATIVE])
        residual = np.where(known | (open_road & radar_known), residual, 0.0)
        s.closing_smooth = detectors.smoothed(before.closing_smooth, residual, SHARE, True)
        judged = self._closing_limits.validity(residual, s.closing_smooth)
        return judged, known

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

        Last of the answer is the difference itself, NaN where there is none to learn from.
        """
        own, message = s.own.value, s.message.value
        front = message[M_POSITION] + message_age * (message[M_SPEED] + 0.5 * message_age * message[M_ACCELERATION])
        here = own[POSITION] + ages[POSITION] * own[SPEED]
        seen = own[DISTANCE] + ages[DISTANCE] * own[RELATIVE]
        known = usable[DISTANCE] & usable[POSITION] & usable[SPEED] & heard
        difference = np.where(known, front - here - self.noise.vehicle_length - seen, 0.0)
        learned = before.usual_for >= USUAL_LEARNED
        residual = np.where(known & learned, difference - before.usual, 0.0)
        residual = np.where(open_road, np.minimum(residual, 0.0), residual)  # a car beyond the range is not missed
        s.road_smooth = detectors.smoothed(before.road_smooth, residual, SHARE, True)
        judged = self._road_limits.validity(residual, s.road_smooth)
        return judged, known & learned, np.where(known & ~open_road, difference, np.nan)

    def _white(self, before: State, s: State, residual: Floats) -> None:
        """Variance of what is white in the residuals of distance, relative speed and own speed (signal, row)."""
        fresh = s.own.fresh[[DISTANCE, RELATIVE, SPEED]] & s.anchored[[RADAR, RADAR, WHEEL]]
        change = np.where(self._appeared(s.own), 0.0, s.own.value[RELATIVE] - s.own.previous[RELATIVE])
        change = np.where(np.isnan(change), 0.0, np.sqrt(0.5) * change)  # of the noise of two samples, that of one
        parts = np.stack(
            [residual[RADAR] - s.reckoned.smooth[RADAR], change, residual[WHEEL] - s.reckoned.smooth[WHEEL]]
        )
        parts = np.minimum(np.abs(parts), self._tolerated[[DISTANCE, RELATIVE, SPEED]])  # one spike is soon forgotten
        s.white = detectors.smoothed(before.white, parts * parts, 0.05, fresh)

    def _restore(
        self,
        before: State,
        s: State,
        dt: Floats,
        quiet_closing: Booleans,
        radar_agrees: Booleans,
        quiet_road: Booleans,
        speed_ok: Floats,
    ) -> None:
        """Follow again what independent sources confirm."""
        radar, own = quiet_road & radar_agrees, s.reckoned
        again = own.agree(np.stack([radar, quiet_closing, quiet_road & (speed_ok >= DOUBT)]), dt)
        place = own.doubted[WHEEL] & ~own.doubted[PLACE] & s.anchored[PLACE]
        s.place_agreed = np.where(place, before.place_agreed + dt, 0.0)
        again[WHEEL] |= s.place_agreed >= PLACE_CONFIRMS
        own.restore(again, s.own.value[[DISTANCE, SPEED, POSITION]])
        again = s.tracked.agree(np.stack([radar & quiet_closing, quiet_closing]), dt)
        s.tracked.restore(again, s.message.value[:2])

    def _learn(self, before: State, s: State, dt: Floats, difference: Floats, quiet: Booleans) -> None:
        """The usual difference of the two receivers (row,), a mean that forgets; learned while nothing speaks."""
        learn = quiet & ~np.isnan(difference)
        known_for = np.minimum(before.usual_for + dt, USUAL_MEMORY)
        gain = np.where(known_for > 0.0, dt / np.where(known_for > 0.0, known_for, 1.0), 1.0)
        s.usual = np.where(learn, before.usual + gain * (difference - before.usual), before.usual)
        s.usual_for = np.where(learn, before.usual_for + dt, before.usual_for)

    def _answer(self, s: State, now: int, running: Booleans | None) -> Seen:
        """What was judged last, as old as it is now."""
        own, received = s.own.value, s.message.value
        ages, message_age = s.own.age(now), s.message.age(now)[0]
        aged = s.judged[:-1] * validity.of_age(ages, self._age_limit)
        ran = True if running is None else running
        wheel = np.where(np.isnan(own[SPEED]), 0.0, own[SPEED])
        inertial = np.where(s.anchored[WHEEL], s.reckoned.reference[WHEEL], wheel)
        heard = np.where(s.speed_heard, received[M_SPEED] - own[RELATIVE], wheel)
        bound = np.maximum(np.maximum(wheel, inertial), heard)
        return Seen(
            value=own,
            time=s.own.time,
            fresh=s.own.fresh & ran,
            validity=np.where(np.isnan(own), 0.0, aged),
            spread=np.broadcast_to(3.0 * self._floors, own.shape),
            message=received,
            message_fresh=s.message.fresh[0] & ran,
            message_spread=np.broadcast_to(3.0 * self._message_floors, received.shape),
            message_time=s.message.time[0],
            message_validity=s.judged[-1] * validity.of_age(message_age, self._message_age_limit),
            speed_bound=np.where(aged[SPEED] >= DOUBT, wheel, np.maximum(bound, 0.0)),
            gap=own[DISTANCE] + np.where(ages[DISTANCE] < inf, ages[DISTANCE], 0.0) * own[RELATIVE],
        )
