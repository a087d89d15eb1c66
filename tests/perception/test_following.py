"""What perception for car following says of a row whose data is absent, absurd, or old."""

from math import inf, nan

import numpy as np
import pytest

from karyon.perception.following import OWN, Following, Noise, Tolerated
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
