"""What perception for car following says of a row whose data is absent, absurd, or old."""

from math import inf, nan

import numpy as np
import pytest

from karyon.perception.following import DISTANCE, OWN, RELATIVE, Following, Noise, Tolerated
from karyon.perception.following import SPEED as OWN_SPEED
from karyon.perception.received import MESSAGE
from karyon.perception.sensors import Samples

PERIOD = 50_000_000  # ns
AGE_LIMITS = (0.25, 0.25, 0.25, 0.25, 0.25, 0.30)
SPEED = 20.0


def truth(now, rng):
    """Samples of a car that follows at 20 m/s and 30 m, and of the message, which comes every other period."""
    t = now / 1e9
    noise = Noise()
    own = np.array([[30.0], [0.0], [SPEED], [0.0], [SPEED * t]])
    floors = [noise.distance, noise.relative_speed, noise.speed, noise.acceleration, noise.position]
    own += np.array(floors)[:, None] * rng.standard_normal(own.shape)
    message = np.array([[SPEED * t + 34.5], [SPEED], [0.0], [0.0]])
    message[:3] += 0.1 * rng.standard_normal((3, 1))
    came = np.full(message.shape, (now // PERIOD) % 2 == 0)
    return (
        Samples(own, np.full(own.shape, now), np.ones(own.shape, dtype=bool)),
        Samples(message, np.full(message.shape, now), came),
    )


def drive(seconds, change=lambda now, own, message: None, running=lambda now: True):
    """Perception's answers, period by period; `change` may spoil the samples."""
    following, rng, answers = Following(1, Noise(), Tolerated(), AGE_LIMITS), np.random.default_rng(1), []
    for now in range(0, round(seconds * 1e9), PERIOD):
        own, message = truth(now, rng)
        change(now, own, message)
        answers.append(following.update(now, own, message, np.array([running(now)])))
    return answers


def test_the_truth_is_believed():
    answers = drive(5.0)
    assert len(answers[-1].validity) == len(OWN)
    for seen in answers[20:]:
        assert seen.validity.min() >= 0.8
        assert seen.lead.validity[0] >= 0.8


def test_nobody_is_not_believed_of_a_radar_that_shows_a_speed():
    """Nobody reads the same again and again; but for 2 s on somebody is there, of whom the speed is seen alone."""
    comes = 2_000_000_000

    def stuck(now, own, message):
        own.value[DISTANCE] = Noise().range
        own.value[RELATIVE] *= now >= comes
        message.fresh[:] = False

    answers = drive(3.0, stuck)
    before, after = answers[20 : comes // PERIOD], answers[comes // PERIOD + 6 :]
    assert min(seen.validity[DISTANCE, 0] for seen in before) >= 0.8
    assert max(seen.validity[DISTANCE, 0] for seen in after) == 0.0


@pytest.mark.parametrize("field", range(len(MESSAGE)))
@pytest.mark.parametrize("absurd", [nan, inf, -inf, 1e300, -1e8])
def test_a_message_with_one_absurd_field_is_none_and_is_soon_forgotten(field, absurd):
    """The first one of all, and one on the way: nothing of it is taken, and the next good ones are believed."""
    for at in (0, 3_000_000_000):

        def spoil(now, own, message, at=at):
            message.value[field] = absurd if now == at else message.value[field]

        answers = drive(6.0, spoil)
        told = answers[at // PERIOD]
        assert told.lead.validity[0] == 0.0
        assert np.abs(told.lead.value[:, 0][np.isfinite(told.lead.value[:, 0])]).max(initial=0.0) < 1e3
        assert min(seen.lead.validity[0] for seen in answers[at // PERIOD + 4 :]) >= 0.8


@pytest.mark.parametrize("field", range(len(MESSAGE)))
def test_a_field_that_is_never_stamped_plausibly_is_not_believed(field):
    """Nor does it hurt what is reckoned with the others."""

    def spoil(now, own, message):
        message.value[2:] = 0.0
        message.time = message.time.copy()
        message.time[field] += 10_000_000_000

    assert max(seen.lead.validity[0] for seen in drive(2.0, spoil)) == 0.0


@pytest.mark.parametrize("field", range(len(MESSAGE)))
def test_a_field_that_stays_absent_is_not_believed(field):
    """The held value of it is no message."""

    def spoil(now, own, message):
        message.value[field] = nan if now >= 2_000_000_000 else message.value[field]

    answers = drive(4.0, spoil)
    assert max(seen.lead.validity[0] for seen in answers[40:]) == 0.0


def test_what_was_judged_ages_while_perception_is_down():
    """Nothing that came meanwhile is seen, nothing is fresh, and from the age limit on nothing is valid."""
    down, up = 2_000_000_000, 5_000_000_000
    answers = drive(8.0, running=lambda now: not down <= now < up)
    before = answers[down // PERIOD - 1]
    for now in range(down, up, PERIOD):
        seen = answers[now // PERIOD]
        assert not seen.fresh.any()
        assert not seen.lead.fresh.any()
        assert (seen.value == before.value).all()
        assert (seen.time == before.time).all()
        if now - down >= 250_000_000:
            assert seen.validity.max() == 0.0
        if now - down >= 300_000_000:
            assert seen.lead.validity[0] == 0.0
    assert answers[-1].validity.min() >= 0.8
    assert answers[-1].lead.validity[0] >= 0.8


def test_a_car_whose_perception_is_down_is_judged_alone_as_among_others():
    """Where nobody perceives nothing is computed anew; a car that was handed over meanwhile is judged as such later."""
    alone, among = (Following(rows, Noise(), Tolerated(), AGE_LIMITS) for rows in (1, 2))
    rng = np.random.default_rng(3)
    for now in range(0, 8_000_000_000, PERIOD):
        own, message = truth(now, rng)
        running, handed_over = not 2_000_000_000 <= now < 4_000_000_000, now == 3_000_000_000
        both = [
            Samples(*(np.repeat(each, 2, axis=1) for each in (one.value, one.time, one.fresh)))
            for one in (own, message)
        ]
        said = alone.update(now, own, message, np.array([running]), np.array([handed_over]))
        beside = among.update(now, *both, np.array([running, True]), np.array([handed_over, False]))
        for field in ("value", "time", "fresh", "validity"):
            np.testing.assert_array_equal(getattr(said, field)[:, 0], getattr(beside, field)[:, 0])
        np.testing.assert_array_equal(said.lead.value[:, 0], beside.lead.value[:, 0])
        np.testing.assert_array_equal(said.lead.validity[0], beside.lead.validity[0])
        np.testing.assert_array_equal([said.speed_bound[0], said.gap[0]], [beside.speed_bound[0], beside.gap[0]])


LAST = 3_000_000_000  # ns: the last message that comes


def many(change, rows=400, seconds=3.5, noise=None):
    """Perception's answers of many rows, period by period; `change` spoils the samples with numbers of each row."""
    following, rng, answers = Following(rows, noise or Noise(), Tolerated(), AGE_LIMITS), np.random.default_rng(2), []
    for now in range(0, round(seconds * 1e9), PERIOD):
        own, message = (
            Samples(*(np.repeat(each, rows, axis=1) for each in (one.value, one.time, one.fresh)))
            for one in truth(now, rng)
        )
        change(now, own, message)
        answers.append(following.update(now, own, message))
    return answers


def test_who_is_not_heard_may_brake_as_hard_as_tyres_allow():
    """What an old message makes expect is no evidence against the radar, nor against the message."""
    rng = np.random.default_rng(3)
    delay, strength, lag = rng.uniform(0.0, 0.3, 400), rng.uniform(0.0, 8.0, 400), Noise().vehicle_lag

    def brake(now, own, message):
        message.fresh[:] &= now <= LAST
        braked = np.maximum(0.0, (now - LAST) / 1e9 - delay)
        own.value[RELATIVE] -= strength * (braked - lag * (1.0 - np.exp(-braked / lag)))
        own.value[DISTANCE] -= strength * (0.5 * braked**2 - lag * (braked - lag * (1.0 - np.exp(-braked / lag))))

    answers = many(brake)
    for at in range(LAST // PERIOD, len(answers)):
        assert answers[at].validity[[DISTANCE, RELATIVE]].min() >= 0.8
        if at * PERIOD - LAST <= 200_000_000:  # then it is doubted for its age
            assert answers[at].lead.validity.min() >= 0.8


def test_a_jump_of_relative_speed_is_seen_by_messages_that_come_late():
    """Old ones are given room, but for no more than a car can do since: 0.2 s late, two tolerated amplitudes show."""
    jump = np.linspace(1.6, 5.0, 400) * np.where(np.arange(400) % 2, 1.0, -1.0)
    late = 200_000_000

    def spoil(now, own, message):
        message.time -= late
        message.value[0] -= SPEED * late / 1e9
        message.fresh[:] &= now >= late
        own.value[RELATIVE] += jump * (now >= LAST)

    answers = many(spoil)
    assert min(seen.validity[RELATIVE].min() for seen in answers[40:60]) >= 0.8
    assert np.min([seen.validity[RELATIVE] for seen in answers[60:68]], axis=0).max() < 0.8


BIAS = 1.5  # m, of each receiver at most
FOUND = 20  # periods after which what is wrong from the first sample on has shown


def biased(change, rows=400, seconds=12.0):
    """As `many`, with two receivers that are off by anything up to BIAS for good; `change` gets their biases, too."""
    rng = np.random.default_rng(4)
    ahead, own_bias = rng.uniform(-BIAS, BIAS, rows), rng.uniform(-BIAS, BIAS, rows)
    ahead[:4], own_bias[:4] = [BIAS, BIAS, -BIAS, -BIAS], [-BIAS, BIAS, -BIAS, BIAS]

    def spoil(now, own, message):
        own.value[4] += own_bias
        message.value[0] += ahead
        change(now, own, message, ahead)

    return many(spoil, rows, seconds, Noise(position_bias=BIAS, message_position_bias=BIAS))


def least(answers, of):
    return np.min([of(seen) for seen in answers], axis=0)


def test_receivers_that_are_off_by_what_they_may_be_are_believed():
    answers = biased(lambda now, own, message, ahead: None)
    assert least(answers[2:], lambda seen: seen.lead.validity).min() >= 0.8
    assert least(answers, lambda seen: seen.validity[DISTANCE]).min() >= 0.8


def test_a_lie_that_is_there_from_the_first_message_on_is_never_believed():
    """From where the design says, however the receivers are off. One that makes the radar too far makes it suspect."""
    noise = Noise(position_bias=BIAS, message_position_bias=BIAS)
    beyond = Following(1, noise, Tolerated(), AGE_LIMITS).seen_from_the_start(0.8)["lead.message.position"]
    assert beyond <= Tolerated().message_position
    wrong = beyond * np.geomspace(1.0, 20.0, 400) * np.where(np.arange(400) % 2, 1.0, -1.0)

    def lie(now, own, message, ahead):
        message.value[0] += wrong - ahead

    answers = biased(lie)
    for seen in answers[FOUND:]:
        assert seen.lead.validity.max() < 0.8
        assert seen.validity[DISTANCE][wrong > 0.0].min() >= 0.8
        assert seen.validity[DISTANCE][wrong < 0.0].max() < 0.8
        assert seen.validity[[RELATIVE, OWN_SPEED]].min() >= 0.8


def test_a_radar_that_is_too_far_from_its_first_sample_on_is_never_believed():
    noise = Noise(position_bias=BIAS, message_position_bias=BIAS)
    beyond = Following(1, noise, Tolerated(), AGE_LIMITS).seen_from_the_start(0.8)["front.distance"]
    wrong = beyond * np.geomspace(1.0, 15.0, 400)

    def swap(now, own, message, ahead):
        own.value[DISTANCE] += wrong

    for seen in biased(swap)[FOUND:]:
        assert seen.validity[DISTANCE].max() < 0.8


def test_who_tells_the_truth_again_is_believed_again():
    """Within some seconds, and what was wrong before has not become usual."""

    def lie(now, own, message, ahead):
        message.value[0] -= 20.0 * (now < 4_000_000_000)

    answers = biased(lie)
    assert least(answers[-20:], lambda seen: seen.lead.validity).min() >= 0.8
    assert least(answers[-20:], lambda seen: seen.validity[DISTANCE]).min() >= 0.8


def test_a_liar_is_not_believed_for_being_out_of_sight():
    """Nothing is compared any more, and nothing has been confirmed; the radar, which sees nobody, is believed."""

    def leave(now, own, message, ahead):
        gap = 130.0 + 10.0 * now / 1e9
        own.value[DISTANCE] = np.minimum(gap - 30.0 + own.value[DISTANCE], Noise().range)
        own.value[RELATIVE] += np.where(own.value[DISTANCE] < Noise().range, 10.0, -own.value[RELATIVE])
        message.value[0] += gap - 30.0 - 20.0
        message.value[1] += 10.0

    answers = biased(leave)
    for seen in answers[FOUND:]:
        assert seen.lead.validity.max() < 0.8
    for seen in answers[6_000_000_000 // PERIOD :]:
        assert seen.validity[DISTANCE].min() >= 0.8


def come_back(now, own, message, lie=0.0, too_far=0.0):
    """The car ahead is out of sight from 2 to 10 s. When it goes the radar reads too far, and its sender may lie."""
    t = now / 1e9
    gap, rate, acceleration = 110.0 + 24.0 * t - 2.0 * t * t, 24.0 - 4.0 * t, -4.0
    reads = own.value[DISTANCE] + gap - 30.0 + (15.0 if t < 5.0 else too_far)
    own.value[RELATIVE] = np.where(reads < Noise().range, own.value[RELATIVE] + rate, 0.0)
    own.value[DISTANCE] = np.minimum(reads, Noise().range)
    message.value[0] += gap - 30.0 + lie
    message.value[1] += rate
    message.value[2:] += acceleration


def test_who_comes_back_is_not_doubted_for_what_was_wrong_before_it_went():
    """Neither the distance, as soon as it is there, nor just before, where noise says that it should be."""
    answers = biased(lambda now, own, message, ahead: come_back(now, own, message), seconds=11.0)
    assert max(seen.validity[DISTANCE].max() for seen in answers[FOUND : 1_100_000_000 // PERIOD]) < 0.8
    assert least(answers[9_000_000_000 // PERIOD :], lambda seen: seen.validity[DISTANCE]).min() >= 0.8


def test_a_liar_who_comes_back_is_still_doubted():
    """Whether it says that it is nearer or farther than it is."""
    for lie in (-20.0, 20.0):
        answers = biased(lambda now, own, message, ahead, lie=lie: come_back(now, own, message, lie=lie), seconds=12.0)
        assert max(seen.lead.validity.max() for seen in answers[10_000_000_000 // PERIOD :]) < 0.8


def test_a_radar_that_sees_who_comes_back_too_far_is_suspect_at_once():
    """Out of sight it is said to be nearer than that, and in sight the first sample shows it."""
    answers = biased(lambda now, own, message, ahead: come_back(now, own, message, too_far=20.0), seconds=12.0)
    for seen in answers[10_600_000_000 // PERIOD :]:
        assert seen.validity[DISTANCE].max() < 0.8


def test_a_radar_that_was_confirmed_is_not_suspect_for_a_lie():
    """The liar comes later: what it says of its place is its own matter."""

    def lie(now, own, message, ahead):
        message.value[0] -= 20.0 * (now >= 6_000_000_000)

    answers = biased(lie)
    assert least(answers, lambda seen: seen.validity[DISTANCE]).min() >= 0.8
    assert np.max([seen.lead.validity for seen in answers[125:]], axis=0).max() < 0.8


@pytest.mark.parametrize("sign", [-1, 1])
def test_own_speed_that_was_never_right_is_named_by_the_two_that_it_contradicts(sign):
    """By the message and radar, and by own position; no jump has shown it."""
    wrong = sign * np.linspace(1.6, 8.0, 400)

    def speed(now, own, message):
        own.value[OWN_SPEED] += wrong

    answers = many(speed, seconds=6.0)
    for seen in answers[80:]:
        assert seen.validity[OWN_SPEED].max() < 0.8
        assert (seen.speed_bound >= SPEED - 1.0).all()


def without(signal):
    def change(now, own, message):
        own.fresh[signal] = False

    return change


def test_own_speed_that_no_sensor_tells_is_that_of_the_car_ahead_less_the_relative_one():
    """And not 0: a car that believes to stand speeds up."""
    answers = drive(3.0, without(OWN_SPEED))
    for seen in answers[2:]:
        assert seen.speed_known[0]
        assert seen.speed_bound[0] == pytest.approx(SPEED, abs=1.0)


def test_own_speed_that_nobody_tells_is_not_known():
    def change(now, own, message):
        own.fresh[OWN_SPEED] = message.fresh[:] = False

    for seen in drive(3.0, change):
        assert not seen.speed_known[0]
        assert seen.speed_bound[0] == 0.0


def test_own_speed_that_is_lost_is_carried_on_by_acceleration():
    """With nobody heard: 3 m/s2 for 4 s make 12 m/s."""
    lost = 2_000_000_000

    def change(now, own, message):
        message.fresh[:] = False
        gained = max(0.0, (now - lost) / 1e9) * 3.0
        own.value[3] += 3.0 if gained else 0.0
        own.fresh[OWN_SPEED] = not gained

    answers = drive(6.0, change)
    assert answers[-1].speed_bound[0] == pytest.approx(SPEED + 12.0, abs=0.5)
