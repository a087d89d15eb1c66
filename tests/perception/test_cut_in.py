"""A car cuts in between: what perception believes of the radar, which is right, and of the car that is still heard."""

from math import nan
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception.following import DISTANCE, POSITION, RELATIVE, Following, Noise, Tolerated
from karyon.perception.sensors import Samples

PERIOD = 50_000_000  # ns
AGE_LIMITS = (0.25, 0.25, 0.25, 0.25, 0.25, 0.30)
SPEED, GAP, LENGTH = 25.0, 15.0, 4.5  # m/s, m to the car that is heard, m
FAILS, COMES, LEAVES, HANDS_OVER, END = 2.6, 3.0, 5.0, 7.5, 9.0  # s


def judged(
    distance,
    relative_speed=0.0,
    flagged=(COMES, LEAVES),
    spoil=lambda t, own: None,
    running=None,
    heard=lambda t: True,
    further=MappingProxyType({}),
):
    """Validity of distance, relative speed and message (instant,), where another car is ahead from COMES to LEAVES.

    `distance` m to it, which is kept; `flagged`: when the radar says that its object is another one, and by how much
    that one was `further` away, if it was tracked. Before a second row nobody cuts in, and nothing ever fails.
    """
    following, rng = Following(2, Noise(), Tolerated(), AGE_LIMITS), np.random.default_rng(1)
    noise, answers = Noise(), []
    floors = np.array([noise.distance, noise.relative_speed, noise.speed, noise.acceleration, noise.position])[:, None]
    for now in range(0, round(END * 1e9), PERIOD):
        t = now / 1e9
        there = COMES <= t < LEAVES
        place, closing = (distance + relative_speed * (t - COMES), relative_speed) if there else (GAP, 0.0)
        own = np.array([[place, GAP], [closing, 0.0], [SPEED] * 2, [0.0] * 2, [SPEED * t] * 2])
        own += floors * rng.standard_normal((5, 2))
        spoil(t, own[:, :1])
        message = np.repeat([[SPEED * t + GAP + LENGTH], [SPEED], [0.0], [0.0]], 2, axis=1)
        message[:3] += 0.1 * rng.standard_normal((3, 2))
        seen = following.update(
            now,
            Samples(own, np.full(own.shape, now), np.ones(own.shape, dtype=bool)),
            Samples(
                message, np.full(message.shape, now), np.full(message.shape, now // PERIOD % 2 == 0) & [heard(t), True]
            ),
            running and np.array([running(t), True]),
            np.array([t in flagged, False]),
            np.array([further.get(t, nan), 0.0]),
        )
        if t >= 1.0:
            assert min(seen.validity[: POSITION + 1, 1].min(), seen.lead.validity[1]) >= 0.8
        answers.append([seen.validity[DISTANCE, 0], seen.validity[RELATIVE, 0], seen.lead.validity[0]])
    return np.array(answers).T


def at(t):
    """Instant of a time in s."""
    return round(t * 1e9) // PERIOD


@settings(max_examples=12, deadline=None)
@given(first=st.floats(1.0, GAP - LENGTH), last=st.floats(1.0, GAP - LENGTH))
def test_a_car_that_the_radar_has_seen_come_is_believed_and_who_is_heard_is_not(first, last):
    """From the very sample that shows it; and who is heard is believed again within two seconds after it has left.

    Not within one, however. It goes from one distance in m to another, wherever there is room for a car.
    """
    radar, closing, message = judged(first, (last - first) / (LEAVES - COMES))
    assert min(radar[at(1.0) :].min(), closing[at(1.0) :].min()) >= 0.8
    assert message[at(1.0) : at(COMES)].min() >= 0.8
    assert message[at(COMES) : at(LEAVES + 0.9)].max() == 0.0
    assert message[at(LEAVES + 2.0) :].min() >= 0.8


@pytest.mark.parametrize("distance", [3.0, 9.0, 40.0])
def test_a_jump_that_the_radar_does_not_account_for_is_doubted(distance):
    """However near or far: it may be a failure. The reverse jump restores it."""
    radar, _, message = judged(distance, flagged=())
    assert radar[at(COMES) : at(LEAVES)].max() < 0.8
    assert message[at(COMES + 0.2) : at(LEAVES)].max() < 0.8
    assert radar[-1] >= 0.8


@pytest.mark.parametrize("error", [4.0, 8.0])
def test_a_doubted_radar_is_not_believed_for_a_new_object(error):
    """It is wrong by as much as the new car is nearer: what it shows is what was there before. Nobody else is heard."""

    def spoil(t, own):
        own[DISTANCE] += error if t >= FAILS else 0.0

    radar, _, _ = judged(GAP - error, spoil=spoil, heard=lambda t: t < FAILS)
    assert radar[at(FAILS) :].max() < 0.8


def test_a_doubted_radar_is_believed_again_when_it_agrees_with_who_is_heard():
    def spoil(t, own):
        own[DISTANCE] += 5.0 if FAILS <= t < COMES + 1.0 else 0.0

    radar, _, message = judged(8.0, spoil=spoil)
    assert radar[at(FAILS) : at(LEAVES + 0.9)].max() < 0.8
    assert min(radar[-1], message[-1]) >= 0.8


@pytest.mark.parametrize("blind", ["samples", "perception"])
def test_what_the_radar_has_told_is_kept_until_it_is_seen(blind):
    """Its samples are lost as the car comes, or perception is down."""

    def hidden(t):
        return COMES <= t < COMES + 0.1

    def spoil(t, own):
        own[: RELATIVE + 1] = nan if blind == "samples" and hidden(t) else own[: RELATIVE + 1]

    running = None if blind == "samples" else lambda t: not hidden(t)
    radar, closing, message = judged(6.0, spoil=spoil, running=running)
    shown = slice(at(COMES + 0.1), None)
    assert min(radar[shown].min(), closing[shown].min()) >= 0.8
    assert message[at(COMES + 0.1) : at(LEAVES + 0.9)].max() == 0.0


def test_who_has_come_and_is_heard_is_recognised():
    """A car beside the one ahead is who speaks then, where a radar that tracked both sees it where it says it is."""
    radar, _, message = judged(GAP, further={COMES: 0.0}, flagged=(COMES,))
    assert radar[at(1.0) :].min() >= 0.8
    assert message[at(COMES) : at(COMES + 0.9)].max() == 0.0
    assert message[at(COMES + 1.2) : at(LEAVES)].min() >= 0.8


def test_who_drives_at_another_speed_is_not_who_is_heard():
    """Though it is where that one says it is, as nearly as two receivers can tell: the radar is not wrong."""
    radar, closing, message = judged(14.0, relative_speed=-1.2, further={COMES: -1.0})
    assert min(radar[at(1.0) :].min(), closing[at(1.0) :].min()) >= 0.8
    assert message[at(COMES) : at(LEAVES + 0.9)].max() == 0.0


def handed_over(factor, far, *, heard=lambda t: True, further=nan):
    """Validity of distance where the radar is wrong by a factor, is acquitted at 0.5 m, and shows another at `far` m.

    Who is there tells the truth where it is heard. `further` m away than the other one, if the radar tracked both.
    """
    noise, rng, answers = Noise(position_bias=1.5, message_position_bias=1.5), np.random.default_rng(1), []
    following = Following(1, noise, Tolerated(), AGE_LIMITS)
    floors = np.array([noise.distance, noise.relative_speed, noise.speed, noise.acceleration, noise.position])[:, None]
    for now in range(0, round(END * 1e9), PERIOD):
        t = now / 1e9
        gap, rate = np.interp(t, [COMES, LEAVES], [GAP, 0.5]), (0.5 - GAP) / (LEAVES - COMES) * (COMES < t < LEAVES)
        gap, rate = (gap, rate) if t < HANDS_OVER else (far, 0.0)
        wrong = factor if t >= FAILS else 1.0
        own = np.array([[gap * wrong], [rate], [SPEED], [0.0], [SPEED * t]]) + floors * rng.standard_normal((5, 1))
        message = np.array([[SPEED * t + gap + LENGTH], [SPEED + rate], [0.0], [0.0]])
        message[:3] += 0.1 * rng.standard_normal((3, 1))
        seen = following.update(
            now,
            Samples(own, np.full(own.shape, now), np.ones(own.shape, dtype=bool)),
            Samples(message, np.full(message.shape, now), np.full(message.shape, now // PERIOD % 2 == 0 and heard(t))),
            None,
            np.array([now == round(HANDS_OVER * 1e9)]),
            further,
        )
        answers.append(seen.validity[DISTANCE, 0])
    return np.array(answers)


@pytest.mark.parametrize(("factor", "far"), [(1.374, 25.0), (1.3, 40.0), (1.6, 20.0)])
def test_a_radar_that_was_acquitted_of_one_object_is_not_believed_against_the_next(factor, far):
    """A wrong scale vanishes near by, and is back with the next object: who is new there is heard, and nearer."""
    radar = handed_over(factor, far)
    assert radar[at(FAILS + 0.1) : at(COMES)].max() < 0.8
    assert radar[at(HANDS_OVER) - 1] >= 0.8
    assert radar[at(HANDS_OVER + 0.3) :].max() < 0.8


@pytest.mark.parametrize(("factor", "far"), [(1.287, 40.0), (1.3, 20.0)])
def test_a_radar_that_was_acquitted_of_one_object_is_doubted_at_once_of_another_that_it_tracked(factor, far):
    """Nobody is heard: how much further away the new one is shows the scale."""
    radar = handed_over(factor, far, heard=lambda t: t < HANDS_OVER, further=far - 0.5)
    assert radar[at(HANDS_OVER) - 1] >= 0.8
    assert radar[at(HANDS_OVER) :].max() < 0.8
    assert handed_over(1.0, far, heard=lambda t: t < HANDS_OVER, further=far - 0.5)[at(1.0) :].min() >= 0.8


def silent(t):
    """Nobody is heard from before the car comes on."""
    return t < FAILS


def stays(t, own):
    """The distance is what it was, while another car is there."""
    own[DISTANCE] += GAP - 8.0 if COMES <= t < LEAVES else 0.0


@pytest.mark.parametrize("heard", [silent, lambda t: True], ids=["silent", "heard"])
def test_a_distance_that_stays_as_another_object_comes_is_doubted(heard):
    """No car is where another one is: the content is old. It is believed when it can be so no more.

    The car of before, where it is still heard, is where the radar shows it, and acquits nothing by that.
    """
    radar, _, _ = judged(8.0, spoil=stays, heard=heard, flagged=(COMES,))
    assert radar[: at(COMES)].min() >= 0.8
    assert radar[at(COMES + 0.2) : at(COMES + 3.4)].max() < 0.8
    assert radar[at(COMES + 3.6) :].min() >= 0.8


@pytest.mark.parametrize("error", [-10.0, -2.5, 2.5, 30.0])
def test_an_error_that_begins_with_an_object_that_was_tracked_is_doubted_at_once(error):
    """However large, and nobody is heard: how much further away that one was shows it. Without one it is believed."""

    def spoil(t, own):
        own[DISTANCE] += error if COMES <= t < LEAVES else 0.0

    radar, _, _ = judged(8.0, spoil=spoil, heard=silent, flagged=(COMES,), further={COMES: 8.0 - GAP})
    assert radar[: at(COMES)].min() >= 0.8
    assert radar[at(COMES) : at(LEAVES)].max() < 0.8
    radar, _, _ = judged(8.0, heard=silent, flagged=(COMES,), further={COMES: 8.0 - GAP})
    assert radar[at(COMES) : at(LEAVES)].min() >= 0.8


def hung(t):
    """Perception runs, but for a second around the time at which the car comes."""
    return not COMES - 0.2 <= t < COMES + 0.8


def test_an_object_that_came_while_perception_was_down_is_not_believed_by_itself():
    """It has no past, and what is shown of it may be wrong from the first sample on. Who is heard there acquits it."""
    radar, _, _ = judged(8.0, heard=silent, flagged=(COMES,), running=hung)
    assert radar[at(COMES + 0.8) : at(LEAVES)].max() < 0.8
    radar, _, _ = judged(GAP, flagged=(COMES,), running=hung, further={COMES: 0.0})
    assert radar[at(COMES + 0.8) : at(COMES + 1.7)].max() < 0.8
    assert radar[at(COMES + 1.9) :].min() >= 0.8


@pytest.mark.parametrize("error", [-7.0, 10.0])
def test_a_distance_that_became_wrong_while_perception_was_down_is_not_believed_of_the_next_object(error):
    """Who was heard has contradicted it since, and nobody knows who comes: none acquits it."""

    def spoil(t, own):
        own[DISTANCE] += error if t >= COMES else 0.0

    radar, _, _ = judged(GAP, flagged=(LEAVES,), further={LEAVES: 0.0}, running=hung, spoil=spoil)
    assert radar[at(COMES + 0.8) :].max() < 0.8
    radar, _, _ = judged(GAP, flagged=(LEAVES,), further={LEAVES: 0.0}, running=hung)
    assert radar[at(COMES + 0.8) :].min() >= 0.8


def test_a_radar_that_stayed_is_believed_when_it_shows_the_next_object():
    def spoil(t, own):
        stays(t, own)
        own[DISTANCE] += 9.0 if t >= LEAVES else 0.0

    radar, _, _ = judged(8.0, spoil=spoil, heard=silent)
    assert radar[at(COMES + 0.2) : at(LEAVES)].max() < 0.8
    assert radar[at(LEAVES) :].min() >= 0.8


@pytest.mark.parametrize(
    ("before", "after", "believed"), [(150.0, 149.8, True), (149.8, 150.0, True), (150.0, 150.0, False)]
)
def test_who_comes_into_sight_may_do_so_at_the_end_of_the_range(before, after, believed):
    """But a radar that has told of another object, and shows nobody as before, is doubted."""

    def spoil(t, own):
        shows, rate = (before if t < COMES else after), own[RELATIVE]
        own[DISTANCE] = np.minimum(shows + (own[DISTANCE] - 8.0) * (shows < 150.0) * 0.01, 150.0)
        own[RELATIVE] = np.where(shows < 150.0, rate, 0.0)

    radar, _, _ = judged(8.0, spoil=spoil, heard=silent, flagged=(COMES,))
    shown = radar[at(COMES + 0.2) : at(LEAVES)]
    assert shown.min() >= 0.8 if believed else shown.max() < 0.8


def test_an_error_that_grows_as_another_object_comes_is_doubted_before_it_is_tolerable_no_more():
    """What it has grown by until then is not forgotten with the old object."""

    def spoil(t, own):
        own[DISTANCE] += 3.0 * max(0.0, t - FAILS - 0.1)

    radar, _, _ = judged(8.0, spoil=spoil, heard=silent, flagged=(COMES,))
    assert radar[: at(FAILS)].min() >= 0.8
    assert radar[at(COMES) : at(LEAVES)].max() < 0.8
