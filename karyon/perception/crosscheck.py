"""The checks of car following, as formulas: the residuals that `karyon.perception.following` names, weighed.

    look     both of these at once
    judge    what is remembered after a look, and the validity of each signal, but for its age
    answer   what follows from that, then or later

All are elementwise (see `formulas`): arrays (row,), or compiled for one row after the other.
"""

from math import inf, nan
from math import sqrt as root
from typing import Any, NamedTuple

from karyon.kernel.elementwise import at_least, at_most, greater, isnan, maximum, minimum, where
from karyon.perception import detectors, validity
from karyon.perception.detectors import SHARE
from karyon.perception.received import STRONGEST, Heard, Listened, Message, confirmed, hear, sane
from karyon.perception.reckoning import AGREEMENT, DOUBT, Limits, Reckoned, agreed, quiet, reckoned, restored, within
from karyon.perception.remembered import (
    Answer,
    Carried,
    Known,
    Look,
    Measured,
    Sensed,
    SignalLimits,
    State,
    Validities,
    White,
)
from karyon.perception.sensors import NEVER, Before, Sample, passed, since, taken

RADAR_CONFIRMS = 2.5  # s without a word of the radar's own check that acquit its relative speed
JUMP_SHOWS = 1.0  # s in which a relative speed that has jumped as no car can shows in the distance if it is wrong
UNMOVED_FROM = 0.15  # s within which who is new there has said that it is where the one before it was
UNMOVED_TO = 3.5  # s after which the distance would have shown the new object: content is not older than 3 s
PLACE_CONFIRMS = 3.0  # s in which the satellite receiver confirms own speed
USUAL_MEMORY = 60.0  # s over which the usual difference of the two receivers is learned
USUAL_LEARNED = 2.0  # s before it is used
BRIDGED = 0.7  # s without a sample; after more the object may be 1.5 m from where it would be: 0.25 x STRONGEST x s²
FORGIVEN_AGE = 0.15  # s: a doubled radar period; a reckoning survives this without a sample
WHITE_SHARE = 0.05  # weight of a sample in the variance of what is white in a residual
ONE_OF_TWO = root(0.5)  # of the noise of two samples, that of one


class _Look(NamedTuple):
    """An own signal now: its age in s, and whether it is young enough."""

    value: Any
    fresh: Any
    age: Any
    usable: Any


class _Own(NamedTuple):
    """One thing of each own signal."""

    distance: Any
    relative: Any
    speed: Any
    acceleration: Any
    position: Any


class _Said(NamedTuple):
    """The newest message now; `age` in s, 0 where it is compared with nothing."""

    position: Any
    speed: Any
    acceleration: Any
    age: Any
    usable: Any


class _Front(NamedTuple):
    """What the radar has ahead: another object than before, nothing within its range, one that has just come into it.

    further   m, by which the other object was further away, if both were tracked, else NaN
    leaps     its relative speed may leap
    """

    another: Any
    further: Any
    open_road: Any
    into_sight: Any
    leaps: Any


class _Check(NamedTuple):
    """Validity by a check, the average of its residual, and whether there was anything to compare."""

    says: Any
    smooth: Any
    compared: Any


class _Reckoning(NamedTuple):
    """Validity by a check that carries a value on."""

    says: Any
    carried: Carried
    residual: Any


class _Checks(NamedTuple):
    """What all checks say, before they are weighed against each other."""

    front: _Front
    alone: _Own
    message: Any  # of it alone
    tracked: Any  # of its fields against each other
    radar: _Reckoning
    wheel: _Reckoning
    place: _Reckoning
    closing: _Check
    road: _Check
    apart: _Check
    difference: Any
    white: White


class _Weighed(NamedTuple):
    """Who is believed: see `State` for what is remembered of it."""

    judged: Validities
    speed_ok: Any
    message_accused: Any
    quiet_closing: Any
    unknown: Any
    recognised: Any
    radar_quiet: Any
    since_jump: Any


def look(before: State, came: Measured, message: Message, now: int, known: Known) -> Look:
    """One period, at `now` (ns): take new samples, compare, judge, and answer."""
    after = judge(before, came, message, now, known)
    return Look(after, answer(after, now, known))


def judge(before: State, came: Measured, message: Message, now: int, known: Known) -> State:
    """One period, at `now` (ns): take new samples, compare, judge."""
    down = where(before.ran == NEVER, 0.0, since(now, before.ran))
    dt = minimum(down, FORGIVEN_AGE)
    distance, relative = _sensed(before.distance, came.distance, now), _sensed(before.relative, came.relative, now)
    speed, acceleration = _sensed(before.speed, came.speed, now), _sensed(before.acceleration, came.acceleration, now)
    position = _sensed(before.position, came.position, now)
    sensed = _Own(distance, relative, speed, acceleration, position)
    own = _Own(
        _look(distance, now, known.distance),
        _look(relative, now, known.relative),
        _look(speed, now, known.speed),
        _look(acceleration, now, known.acceleration),
        _look(position, now, known.position),
    )
    listened = hear(before.heard, message, now, known.sender)
    said = _said(listened.heard, now, known)
    told = before.handed_over | came.handed_over
    further = before.further + where(came.handed_over, came.further, 0.0)
    front = _front(distance, told, further, known)
    without_past = front.another & isnan(further)
    untracked = before.untracked | (without_past & _is_strained(before.radar.reckoned, known.radar))
    checks = _checks(before, sensed, own, listened, said, front, untracked, down, known)
    unmoved = _unmoved(before, own, front, dt, known)
    anew = (before.anew | _anew(before.radar, own, sensed, front, down)) & ~front.open_road
    contradicted = (abs(checks.difference) > _slack(known)) & (checks.message >= DOUBT) & (checks.place.says >= DOUBT)
    unproven = anew & (before.unproven | front.another | contradicted)
    weighed = _weighed(before, checks, own, unmoved, unproven, dt, known)
    radar, wheel, place = checks.radar.carried, checks.wheel.carried, checks.place.carried

    # Follow again what independent sources confirm.
    quiet_closing, difference = weighed.quiet_closing, checks.difference
    sane_radar = validity.lower(checks.alone.distance, checks.alone.relative) >= DOUBT
    radar_agrees = (checks.closing.says >= DOUBT) & sane_radar
    quiet_road = checks.road.compared & (checks.road.says >= DOUBT)
    near_enough = ~isnan(difference) & ~checks.road.compared & (checks.apart.says >= DOUBT)
    by_place = wheel.reckoned.doubted & ~place.reckoned.doubted & place.anchored
    place_agreed = where(by_place, before.place_agreed + dt, 0.0)
    radar_for = agreed(radar.reckoned, quiet_road & radar_agrees, dt)
    wheel_for = agreed(wheel.reckoned, quiet_closing, dt)
    place_for = agreed(place.reckoned, quiet_road & (weighed.speed_ok >= DOUBT), dt)
    wheel_again = (wheel_for >= AGREEMENT) | (place_agreed >= PLACE_CONFIRMS)
    usual, usual_for = _usual(before, weighed.judged, where(front.open_road, nan, difference), dt)
    return State(
        ran=0 * before.ran + now,
        distance=distance,
        relative=relative,
        speed=speed,
        acceleration=acceleration,
        position=position,
        heard=confirmed(listened.heard, (quiet_road | near_enough) & radar_agrees & quiet_closing, quiet_closing, dt),
        radar=_followed(radar, radar_for >= AGREEMENT, own.distance.value, radar_for),
        wheel=_followed(wheel, wheel_again, own.speed.value, wheel_for),
        place=_followed(place, place_for >= AGREEMENT, own.position.value, place_for),
        closing_smooth=checks.closing.smooth,
        road_smooth=checks.road.smooth,
        apart=checks.apart.smooth,
        usual=usual,
        usual_for=usual_for,
        white=checks.white,
        place_agreed=place_agreed,
        radar_quiet=weighed.radar_quiet,
        since_jump=weighed.since_jump,
        handed_over=told & ~front.another,
        further=where(front.another, 0.0, further),
        anew=anew & ~(weighed.recognised >= AGREEMENT),
        unproven=unproven,
        untracked=untracked & ~(radar_for >= AGREEMENT),
        was_doubted=before.was_doubted | radar.reckoned.doubted,
        unmoved=unmoved,
        unknown_front=weighed.unknown,
        recognised=weighed.recognised,
        speed_heard=own.distance.usable
        & own.relative.usable
        & said.usable
        & ~front.open_road
        & ~weighed.message_accused,
        judged=weighed.judged,
    )


def answer(state: State, now: int, known: Known) -> Answer:
    """What was judged last, as old as it is at `now` (ns)."""
    judged, said = state.judged, state.heard
    speed = _aged(judged.speed, state.speed, now, known.speed)
    fastest = where(speed >= DOUBT, state.speed.newest.value, _fastest(state))
    gap = state.distance.newest
    return Answer(
        validity=Validities(
            distance=_aged(judged.distance, state.distance, now, known.distance),
            relative=_aged(judged.relative, state.relative, now, known.relative),
            speed=speed,
            acceleration=_aged(judged.acceleration, state.acceleration, now, known.acceleration),
            position=_aged(judged.position, state.position, now, known.position),
            message=judged.message * validity.of_age(since(now, said.position.time), known.message_age),
        ),
        speed_bound=where(fastest > 0.0, fastest, 0.0),
        speed_known=fastest < inf,
        gap=gap.value + _finite(since(now, gap.time)) * state.relative.newest.value,
    )


def _checks(
    before: State,
    sensed: _Own,
    own: _Own,
    listened: Listened,
    said: _Said,
    front: _Front,
    untracked: Any,
    down: Any,
    known: Known,
) -> _Checks:
    """Every check, `down` s after the last look."""
    floors, difference = known.floors, _difference(own, said, known)
    radar = _radar(before.radar, own, down, front, untracked, known)
    wheel = _reckoning(before.wheel, own.speed, own.acceleration, down, known.wheel_leak, known.wheel, floors.wheel)
    place = _reckoning(before.place, own.position, own.speed, down, known.place_leak, known.place, floors.place)
    return _Checks(
        front=front,
        alone=_alone(sensed, own, front, known),
        message=at_least(floors.sanity, sane(listened.heard)),
        tracked=at_least(floors.track, listened.validity),
        radar=radar,
        wheel=wheel,
        place=place,
        closing=_closing(before, own, said, front.open_road, known),
        road=_road(before, difference, front.open_road, known),
        apart=_apart(before, difference, front, known),
        difference=difference,
        white=_white(before.white, own, sensed.relative.before, front, radar, wheel, known),
    )


def _weighed(before: State, checks: _Checks, own: _Own, unmoved: Any, unproven: Any, dt: Any, known: Known) -> _Weighed:
    """A residual that speaks lowers every signal it involves, less those that another residual acquits."""
    front, alone, white, floor = checks.front, checks.alone, checks.white, known.floors.noise
    closing, wheel, place, radar = checks.closing.says, checks.wheel.says, checks.place.says, checks.radar.says
    same = _same(checks.difference, front, checks.closing.compared & (closing >= DOUBT), known)
    recognised = where(same, before.recognised + dt, 0.0)
    unknown = (before.unknown_front | front.another) & (recognised < AGREEMENT)
    compared = checks.closing.compared & ~unknown
    message_accused = (validity.lower(checks.tracked, checks.message) < DOUBT) | unknown
    quiet_closing = compared & (closing >= DOUBT)
    speed_ok = where(quiet_closing, at_least(wheel, closing), wheel)
    place_accused = place < DOUBT
    both = compared & (closing < DOUBT) & ~message_accused & place_accused  # what they share is own speed
    speed_ok = where(both, validity.lower(closing, place), speed_ok)
    silent = (closing < DOUBT) & (radar >= DOUBT) & ~front.open_road
    radar_quiet = where(silent, before.radar_quiet + dt, 0.0)
    acquitted = (speed_ok < DOUBT) | message_accused | (radar_quiet > RADAR_CONFIRMS)
    veto = where(place_accused, 1.0, validity.lower(checks.road.says, checks.apart.says))
    # Out of sight what was too far is gone, and nothing is said of it now.
    stale = front.open_road & (abs(checks.difference) <= known.position_bias)
    is_too_far = checks.apart.compared & (checks.apart.smooth < 0.0) & ~stale
    too_far = where(is_too_far, checks.apart.says, 1.0)
    suspect = where(place_accused | message_accused, 1.0, validity.lower(checks.road.says, too_far))
    # Who is unknown may be another car than the one ahead, but a radar that was once wrong may be so again.
    once_wrong = unknown & before.was_doubted & (checks.message >= DOUBT) & ~place_accused
    suspect = where(once_wrong, too_far, suspect)
    # It shows the object before, until the content that it has now is of the new one.
    unseen = unproven | ((unmoved >= UNMOVED_FROM) & (unmoved < UNMOVED_TO))
    suspect = where(unseen, validity.lower(0.5, suspect), suspect)
    # After a jump relative speed is doubted until the distance would show that it is wrong. Or else a value that is
    # wrong for good would be believed again with its second sample.
    since_jump = where(own.relative.fresh & (alone.relative < DOUBT), 0.0, before.since_jump + dt)
    calm = where((since_jump < JUMP_SHOWS) & ~quiet_closing, 0.0, alone.relative)
    judged = Validities(
        distance=alone.distance * radar * suspect * _loud(white.distance, known.radar, floor),
        relative=calm * radar * where(acquitted, 1.0, closing) * _loud(white.relative, known.closing, floor),
        speed=alone.speed * speed_ok * _loud(white.speed, known.wheel, floor),
        acceleration=alone.acceleration * wheel,
        position=alone.position * place,
        message=where(unknown, 0.0, checks.message * checks.tracked * closing * veto),
    )
    return _Weighed(judged, speed_ok, message_accused, quiet_closing, unknown, recognised, radar_quiet, since_jump)


def _usual(before: State, judged: Validities, difference: Any, dt: Any) -> tuple[Any, Any]:
    """The usual difference of the two receivers and for how long it was learned, while nothing speaks.

    A mean that forgets.
    """
    lower = validity.lower
    own = lower(lower(judged.distance, judged.relative), lower(judged.speed, judged.position))
    learns = (lower(own, judged.message) >= DOUBT) & ~isnan(difference)
    known_for = minimum(before.usual_for + dt, USUAL_MEMORY)
    gain = where(known_for > 0.0, dt / where(known_for > 0.0, known_for, 1.0), 1.0)
    usual = where(learns, before.usual + gain * (difference - before.usual), before.usual)
    return usual, where(learns, before.usual_for + dt, before.usual_for)


def _sensed(before: Sensed, came: Sample, now: Any) -> Sensed:
    newest = taken(before.newest, came, now)
    return Sensed(newest, passed(before.before, before.newest, newest))


def _look(sensed: Sensed, now: Any, limits: SignalLimits) -> _Look:
    newest = sensed.newest
    age = since(now, newest.time)
    return _Look(newest.value, newest.fresh, age, age <= limits.age)


def _said(heard: Heard, now: Any, known: Known) -> _Said:
    age = since(now, heard.position.time)
    usable = age <= known.message_age
    return _Said(heard.position.value, heard.speed.value, heard.acceleration.value, where(usable, age, 0.0), usable)


def _front(distance: Sensed, told: Any, further: Any, known: Known) -> _Front:
    """The relative speed may leap with another object, and where a car comes into range of the radar or leaves it."""
    another = told & distance.newest.fresh
    open_road, was_open = distance.newest.value >= known.range, distance.before.value >= known.range
    into_sight = was_open & ~open_road & distance.newest.fresh
    return _Front(another, further, open_road, into_sight, another | (was_open != open_road))


def _finite(age: Any) -> Any:
    """An age in s, 0 of what was never measured: its value is NaN, whatever it is carried on by."""
    return where(age < inf, age, 0.0)


def _alone(sensed: _Own, own: _Own, front: _Front, known: Known) -> _Own:
    """Range, rate, stuck-at and time stamp of each own signal by itself."""
    floor = known.floors.sanity
    near = (own.distance.value < known.range) | (abs(own.relative.value) > 0.0)  # of nobody both are always the same
    return _Own(
        at_least(floor, _sanity(sensed.distance, front.another, near, known.distance)),
        at_least(floor, _sanity(sensed.relative, front.leaps, near, known.relative)),
        at_least(floor, _sanity(sensed.speed, False, True, known.speed)),
        at_least(floor, _sanity(sensed.acceleration, False, True, known.acceleration)),
        at_least(floor, _sanity(sensed.position, False, True, known.position)),
    )


def _sanity(sensed: Sensed, leaps: Any, varies: Any, limits: SignalLimits) -> Any:
    """Of one signal; it may leap, and a healthy one varies."""
    newest, before = sensed.newest, sensed.before
    outside = detectors.outside(newest.value, limits.low, limits.high)
    change = where(newest.fresh, newest.value - before.value, 0.0)
    fast = detectors.beyond_rate(where(leaps, 0.0, change), before.step, limits.rate, limits.rate_noise)
    stuck = (before.repeated >= limits.stuck_after) & varies
    beyond = where(fast > outside, fast, outside)  # NaN: there is none yet; who is the first is not fast
    return where(stuck | ~newest.stamped, 0.0, validity.of_amplitude(beyond, 0.0, limits.tolerated))


def _radar(before: Carried, own: _Own, down: Any, front: _Front, untracked: Any, known: Known) -> _Reckoning:
    """Distance by relative speed, and of another object by how much further away the radar had that one before.

    An object that it did not track has no past: if it came while the radar was doubted, none restores it.
    """
    fresh, value, rate, anchored = _advanced(before, own.distance, own.relative, down)
    anchor = fresh & (~anchored | (front.another & isnan(front.further)))
    advance = 0.5 * down * (rate + before.rate)
    advance = where(front.another & ~isnan(front.further), down * rate + front.further, advance)
    state, says, residual = reckoned(before.reckoned, value, advance, fresh, anchor, known.radar_leak, known.radar)
    says = where(untracked, validity.lower(0.5, says), says)
    anchored = anchored | anchor
    state = Reckoned(
        at_most(known.range, state.reference),
        state.smooth,
        state.samples,
        (state.doubted | untracked) & anchored,
        state.agreed,
    )
    return _Reckoning(at_least(known.floors.radar, says), Carried(state, rate, anchored), residual)


def _reckoning(before: Carried, own: _Look, by: _Look, down: Any, leak: Any, limits: Limits, floor: Any) -> _Reckoning:
    """An own signal by the one that is its rate; `down` s after the last look."""
    fresh, value, rate, anchored = _advanced(before, own, by, down)
    anchor = fresh & ~anchored
    advance = 0.5 * down * (rate + before.rate)
    state, says, residual = reckoned(before.reckoned, value, advance, fresh, anchor, leak, limits)
    anchored = anchored | anchor
    state = Reckoned(state.reference, state.smooth, state.samples, state.doubted & anchored, state.agreed)
    return _Reckoning(at_least(floor, says), Carried(state, rate, anchored), residual)


def _advanced(before: Carried, own: _Look, by: _Look, down: Any) -> tuple[Any, Any, Any, Any]:
    """Whether there is a new sample, what it is now, its rate, and whether the past still counts."""
    rate = where(isnan(by.value), 0.0, by.value)
    fresh = own.fresh & own.usable & by.usable
    lost = at_least(down, at_least(own.age, by.age)) > FORGIVEN_AGE
    anchored = before.anchored & ~(lost & ~before.reckoned.doubted)
    return fresh, own.value + rate * _finite(own.age), rate, anchored


def _followed(carried: Carried, again: Any, value: Any, agreed_for: Any) -> Carried:
    return Carried(restored(carried.reckoned, again, value, agreed_for), carried.rate, carried.anchored)


def _closing(before: State, own: _Own, said: _Said, open_road: Any, known: Known) -> _Check:
    """Relative speed against received minus own speed; on an open road it must be 0."""
    received = said.speed + said.acceleration * said.age - own.speed.value
    radar_known = own.distance.usable & own.relative.usable
    compared = radar_known & said.usable & own.speed.usable & ~open_road
    unknown = _since(said.age, known)
    residual = received - own.relative.value
    residual = residual - at_most(unknown, at_least(-unknown, residual))
    residual = where(open_road, -own.relative.value, residual)
    residual = where(compared | (open_road & radar_known), residual, 0.0)
    smooth = detectors.smoothed(before.closing_smooth, residual, SHARE, True)
    says = within(known.closing, residual, smooth)
    return _Check(at_least(known.floors.closing, says), smooth, compared)


def _since(message_age: Any, known: Known) -> Any:
    """How far the speed of the car ahead may have gone from what its last message makes expect, in m/s.

    0 while none is missed, as the gates bear a period. Later it may have braked as any car can, after its lag: the
    integral of 1 - exp(-t / lag) up to t, from above by t² / (2 lag + 2 t / 3). [Padé approximant]
    """
    missed = maximum(0.0, message_age - known.message_period)
    return STRONGEST * missed * missed / (2.0 * known.vehicle_lag + 2.0 / 3.0 * missed)


def _difference(own: _Own, said: _Said, known: Known) -> Any:
    """Received minus own position, less length and distance, in m; NaN where it is not known."""
    front = said.position + said.age * (said.speed + 0.5 * said.age * said.acceleration)
    here = own.position.value + _finite(own.position.age) * own.speed.value
    seen = own.distance.value + _finite(own.distance.age) * own.relative.value
    compared = own.distance.usable & own.position.usable & own.speed.usable & said.usable
    return where(compared, front - here - known.vehicle_length - seen, nan)


def _road(before: State, difference: Any, open_road: Any, known: Known) -> _Check:
    """Distance against received minus own position, less the usual difference of the two receivers."""
    compared = ~isnan(difference) & (before.usual_for >= USUAL_LEARNED)
    residual = where(compared, difference - before.usual, 0.0)
    residual = where(open_road, minimum(0.0, residual), residual)  # a car beyond the range is not missed
    smooth = detectors.smoothed(before.road_smooth, residual, SHARE, True)
    return _Check(at_least(known.floors.road, within(known.road, residual, smooth)), smooth, compared)


def _apart(before: State, difference: Any, front: _Front, known: Known) -> _Check:
    """What message and distance are worth if the positions are further apart than both receivers may be off.

    From the first message on, so that a lie is not learned as usual; what is not compared now, as the sender says
    that it is out of sight, stays as doubted as it was. Who comes into sight is judged by what is seen from then on, at
    once, and not by what was wrong before. The distance is suspect only where it is too far: what is nearer than the
    sender may be another car.
    """
    compared = difference < where(front.open_road, 0.0, inf)
    clears = ~front.open_road | (difference < before.apart)  # who goes out of sight does not come closer to the truth
    smooth = detectors.smoothed(before.apart, difference, SHARE, compared & clears)
    smooth = where(front.into_sight & compared, difference, smooth)
    beyond = maximum(0.0, abs(smooth) - known.position_bias)
    return _Check(at_least(known.floors.apart, within(known.road, 0.0, beyond)), smooth, compared)


def _white(
    before: White,
    own: _Own,
    relative: Before,
    front: _Front,
    radar: _Reckoning,
    wheel: _Reckoning,
    known: Known,
) -> White:
    """Variance of what is white in the residuals of distance, relative speed and own speed."""
    change = where(front.leaps, 0.0, own.relative.value - relative.value)
    change = where(isnan(change), 0.0, ONE_OF_TWO * change)
    anchored, of_radar, of_wheel = radar.carried.anchored, radar.carried.reckoned, wheel.carried.reckoned
    return White(
        _squared(before.distance, radar.residual - of_radar.smooth, known.distance, own.distance.fresh & anchored),
        _squared(before.relative, change, known.relative, own.relative.fresh & anchored),
        _squared(before.speed, wheel.residual - of_wheel.smooth, known.speed, own.speed.fresh & wheel.carried.anchored),
    )


def _squared(variance: Any, error: Any, limits: SignalLimits, fresh: Any) -> Any:
    """The variance after one more error; one spike is soon forgotten."""
    part = at_most(limits.tolerated, abs(error))
    return detectors.smoothed(variance, part * part, WHITE_SHARE, fresh)


def _loud(variance: Any, limits: Limits, floor: Any) -> Any:
    """Validity by what is white."""
    return at_least(floor, quiet(limits, variance))


def _is_strained(radar: Reckoned, limits: Limits) -> Any:
    """Where the radar is doubted, or off by more than a healthy one: with a new object the past ends, not the error."""
    return radar.doubted | (abs(radar.smooth) > limits.smooth_band)


def _unmoved(before: State, own: _Own, front: _Front, dt: Any, known: Known) -> Any:
    """s since the radar told of another object and its distance stayed as it was; inf: it did not, or rightly so.

    No car is where another one is: the distance is still that of the one before. What is heard does not acquit it, as
    that one may be who is heard. But in lanes side by side two may be as far ahead: a radar that tracked both says so.
    Who comes into sight or leaves it may do so at the end of the range.
    """
    radar = before.radar
    moved = abs(own.distance.value - radar.reckoned.reference - dt * radar.rate) > known.radar.tolerated
    was_open = before.distance.newest.value >= known.range
    stays = radar.anchored & where(front.open_road, was_open, ~moved & ~was_open) & isnan(front.further)
    return where(front.another, where(stays, 0.0, inf), before.unmoved + dt)


def _anew(radar: Carried, own: _Own, sensed: _Own, front: _Front, down: Any) -> Any:
    """Where the radar begins anew after perception or its samples were gone, and nothing that it said counts now.

    That is with another object, or after so long that the one before may be anywhere within what is tolerated.
    """
    fresh, _, _, anchored = _advanced(radar, own.distance, own.relative, down)
    gone = at_least(down, at_least(sensed.distance.before.step, sensed.relative.before.step))
    return fresh & ~anchored & (radar.reckoned.samples > 0.0) & (front.another | (gone > BRIDGED))


def _slack(known: Known) -> Any:
    """Within which who is heard can be what the radar sees, in m.

    Two receivers differ by less than the tolerated error of a position, and this is less than the length of a car:
    who has cut in between is not mistaken for who is heard.
    """
    return at_most(known.tolerated_place, known.vehicle_length)


def _same(difference: Any, front: _Front, quiet_closing: Any, known: Known) -> Any:
    """Where what is heard can be what the radar sees, or is beyond its range where it sees nothing."""
    slack = _slack(known)
    near = where(front.open_road, difference >= -slack, (abs(difference) <= slack) & quiet_closing)
    return near & ~front.another


def _aged(judged: Any, sensed: Sensed, now: Any, limits: SignalLimits) -> Any:
    """Validity of a signal as old as it is; 0 of what was never measured, whose age is infinite."""
    return judged * validity.of_age(since(now, sensed.newest.time), limits.age)


def _fastest(state: State) -> Any:
    """The largest own speed in m/s that any source says, NaN where none does.

    What the wheels said last, that carried on by acceleration, and what was heard less relative speed.
    """
    wheel = state.wheel.reckoned
    carried_on = where(wheel.samples > 0.0, wheel.reference, nan)
    heard = where(state.speed_heard, state.heard.speed.value - state.relative.newest.value, nan)
    return greater(greater(state.speed.newest.value, carried_on), heard)
