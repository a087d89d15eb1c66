"""The platoon's leader, judged by its own messages and by what the car behind it says of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception.platoon import Leader, Witness
from karyon.perception.received import MESSAGE, SenderNoise
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import NEVER, Samples

NOISE = SenderNoise(position=0.1, speed=0.1, acceleration=0.1, period=0.1, lag=0.2)
TOLERATED = (3.0, 0.8, 3.0)
PERIOD, STEP = 100_000_000, 0.1


def drive(rows, steps, seed):
    """Honest messages of leaders that speed up and slow down (step, field, row)."""
    rng = np.random.default_rng(seed)
    position, speed, acceleration = np.zeros(rows), rng.uniform(15.0, 30.0, rows), np.zeros(rows)
    wanted, said = np.zeros(rows), []
    for _ in range(steps):
        towards = np.clip((22.0 - speed) / 10.0, -1.0, 1.0)
        wanted = np.where(rng.random(rows) < 0.05, rng.uniform(-1.0, 1.0, rows) + towards, wanted)
        noisy = [each + 0.1 * rng.standard_normal(rows) for each in (position, speed, acceleration)]
        said.append([*noisy, wanted.copy()])
        left = np.exp(-STEP / NOISE.lag)
        new = wanted + left * (acceleration - wanted)
        mean = wanted + (acceleration - wanted) * (1.0 - left) * NOISE.lag / STEP
        position = position + STEP * speed + 0.5 * STEP**2 * mean
        speed, acceleration = speed + STEP * mean, new
    return np.array(said)


def seen(said):
    """What an honest car behind leaders that say this sees of them: position and speed (step, 2, row)."""
    rng = np.random.default_rng(9)
    return said[:, :2] + np.array([0.2, 0.11])[:, None] * rng.standard_normal((len(said), 2, said.shape[2]))


def judged(said, *, witness=None, another=None, running=None, heard=None):
    """Validity of each message (step, row); without a witness nobody says what it sees of the leader."""
    steps, _, rows = said.shape
    leader = Leader(rows, NOISE, TOLERATED, age_limit=0.5, sight=0.112)
    witness = np.full((steps, 2, rows), np.nan) if witness is None else witness
    out = []
    for step in range(steps):
        now = step * PERIOD
        fresh = np.ones((len(MESSAGE), rows), dtype=bool) if heard is None else np.tile(heard[step], (len(MESSAGE), 1))
        samples = Samples(said[step], np.full((len(MESSAGE), rows), now), fresh)
        new = np.zeros(rows, dtype=bool) if another is None else another[step]
        tells = Witness(*witness[step], np.full(rows, now), np.ones(rows, dtype=bool))
        out.append(leader.update(now, samples, tells, new, None if running is None else running[step]).validity)
    return np.array(out)


def test_an_honest_leader_is_believed():
    """Of 200 leaders for two minutes each, with a witness and without: 480,000 messages, none doubted."""
    said = drive(200, 1200, 1)
    assert (judged(said) >= DOUBT).all()
    assert (judged(said, witness=seen(said)) >= DOUBT).all()


@pytest.mark.parametrize(("field", "size"), [("speed", 1.6), ("speed", -2.0), ("position", 8.0), ("acceleration", 6.0)])
def test_a_lie_is_doubted_at_once_and_for_as_long_as_it_lasts(field, size):
    """With or without a witness."""
    said = drive(100, 300, 2)
    honest = seen(said)
    said[200:, MESSAGE.index(field)] += size
    assert (judged(said)[201:] < DOUBT).all()
    assert (judged(said, witness=honest)[201:] < DOUBT).all()


@pytest.mark.parametrize(("field", "size"), [("speed", 4.0), ("position", 8.0), ("acceleration", 6.0)])
def test_what_was_wrong_is_believed_again_once_the_witness_agrees(field, size):
    """Four seconds after the lie ends, of 100 leaders all; without a witness a jump of the position alone does."""
    said = drive(100, 400, 2)
    honest = seen(said)
    said[200:300, MESSAGE.index(field)] += size
    assert (judged(said, witness=honest)[340:] >= DOUBT).all()
    assert ((judged(said)[340:] >= DOUBT).mean() == 1.0) == (field == "position")


def test_a_past_that_is_told_from_rest_on_shows_as_soon_as_the_leader_moves():
    """All fields are in concert, only late; a second after the leader has passed the tolerated speed at the latest."""
    steps, rows, late = 400, 3, 20
    time = STEP * np.arange(steps)
    speed = np.clip(2.0 * (time - 10.0), 0.0, 15.0)
    position, acceleration = np.cumsum(speed) * STEP, np.gradient(speed, STEP)
    true = np.stack([position, speed, acceleration, acceleration], axis=1)[:, :, None] * np.ones(rows)
    true += 0.1 * np.random.default_rng(3).standard_normal(true.shape)
    said = np.concatenate([true[:late], true[:-late]])
    fast = int((10.0 + 0.5) / STEP) + 10
    assert (judged(said)[fast:] >= DOUBT).all()
    assert (judged(said, witness=seen(true))[fast:] < DOUBT).all()


def test_a_witness_that_knows_nothing_or_is_late_says_nothing():
    said = drive(4, 100, 6)
    leader = Leader(4, NOISE, TOLERATED, age_limit=0.5, sight=0.112)
    old = Witness(np.zeros(4), np.zeros(4), np.full(4, NEVER), np.zeros(4, dtype=bool))
    for step in range(100):
        now = step * PERIOD
        samples = Samples(said[step], np.full((4, 4), now), np.ones((4, 4), dtype=bool))
        validity = leader.update(now, samples, old, np.zeros(4, dtype=bool)).validity
        assert (validity >= DOUBT).all()
        if step == 0:
            old = Witness(np.zeros(4), np.zeros(4), np.full(4, -600_000_000), np.zeros(4, dtype=bool))


def test_nothing_heard_is_not_believed():
    leader = Leader(2, NOISE, TOLERATED, age_limit=0.5, sight=0.112)
    nothing = Samples(np.full((4, 2), np.nan), np.full((4, 2), NEVER), np.zeros((4, 2), dtype=bool))
    nobody = Witness(np.full(2, np.nan), np.full(2, np.nan), np.full(2, NEVER), np.zeros(2, dtype=bool))
    assert (leader.update(0, nothing, nobody, np.zeros(2, dtype=bool)).validity == 0.0).all()


def test_another_leader_is_judged_anew():
    """It drives elsewhere, and faster: what the one before has said is nothing to it."""
    said = drive(4, 200, 3)
    said[100:, 0] += 200.0 + 8.0 * STEP * np.arange(100)[:, None]
    said[100:, 1] += 8.0
    another = np.zeros((200, 4), dtype=bool)
    another[100, :2] = True
    validity = judged(said, another=another)
    assert (validity[:100] >= DOUBT).all()
    assert (validity[100:, :2] >= DOUBT).all()
    assert (validity[102:, 2:] < DOUBT).all()


def test_the_lie_of_the_leader_before_is_not_held_against_another():
    """From its first message on it is believed."""
    said = drive(4, 200, 3)
    witness, another = seen(said), np.zeros((200, 4), dtype=bool)
    said[60:100, 1] += 4.0
    another[100] = True
    assert (judged(said, witness=witness, another=another)[100:] >= DOUBT).all()


def test_it_ages_while_nothing_comes_and_while_perception_is_down():
    said, quiet = drive(2, 60, 4), np.ones((60, 2), dtype=bool)
    quiet[40:] = False
    for silent in ({"heard": quiet}, {"running": quiet}):
        validity = judged(said, **silent)
        assert (validity[39] > 0.99).all()
        assert (validity[43] < validity[41]).all()
        assert (validity[46:] == 0.0).all()


@given(seed=st.integers(0, 2**32 - 1), bad=st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e9]))
@settings(max_examples=30, deadline=None)
def test_junk_is_never_believed_and_harms_no_other_row(seed, bad):
    rng = np.random.default_rng(seed)
    said = drive(3, 40, 5)
    witness = seen(said)
    whole = judged(said, witness=witness)
    at = rng.integers(5, 40)
    said[at, rng.integers(0, 4), 1] = bad
    validity = judged(said, witness=witness)
    assert validity[at, 1] < DOUBT
    witness[rng.integers(0, 40), rng.integers(0, 2), 1] = bad
    validity = judged(said, witness=witness)
    assert (validity[:, [0, 2]] == whole[:, [0, 2]]).all()
    assert ((validity >= 0.0) & (validity <= 1.0)).all()
