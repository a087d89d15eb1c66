"""The platoon's leader, judged by its own messages alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception.platoon import Leader
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


def judged(said, *, another=None, running=None, heard=None):
    """Validity of each message (step, row)."""
    steps, _, rows = said.shape
    leader = Leader(rows, NOISE, TOLERATED, age_limit=0.5)
    out = []
    for step in range(steps):
        now = step * PERIOD
        fresh = np.ones((len(MESSAGE), rows), dtype=bool) if heard is None else np.tile(heard[step], (len(MESSAGE), 1))
        samples = Samples(said[step], np.full((len(MESSAGE), rows), now), fresh)
        new = np.zeros(rows, dtype=bool) if another is None else another[step]
        out.append(leader.update(now, samples, new, None if running is None else running[step]).validity)
    return np.array(out)


def test_an_honest_leader_is_believed():
    """Of 200 leaders for two minutes each: 240,000 messages, none doubted."""
    assert (judged(drive(200, 1200, 1)) >= DOUBT).all()


@pytest.mark.parametrize(("field", "size"), [("speed", 1.6), ("speed", -2.0), ("position", 8.0), ("acceleration", 6.0)])
def test_a_lie_is_doubted_at_once_and_for_as_long_as_it_lasts(field, size):
    said = drive(100, 300, 2)
    said[200:, MESSAGE.index(field)] += size
    assert (judged(said)[201:] < DOUBT).all()


def test_a_wrong_position_that_comes_back_is_believed_again():
    """Of 100 leaders all but few; where the speed was wrong two of three, where the acceleration was, none."""
    said = drive(100, 400, 2)
    said[200:300, MESSAGE.index("position")] += 8.0
    assert (judged(said)[320:] >= DOUBT).mean() > 0.98


def test_nothing_heard_is_not_believed():
    leader = Leader(2, NOISE, TOLERATED, age_limit=0.5)
    nothing = Samples(np.full((4, 2), np.nan), np.full((4, 2), NEVER), np.zeros((4, 2), dtype=bool))
    assert (leader.update(0, nothing, np.zeros(2, dtype=bool)).validity == 0.0).all()


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
    whole = judged(said)
    at = rng.integers(5, 40)
    said[at, rng.integers(0, 4), 1] = bad
    validity = judged(said)
    assert validity[at, 1] < DOUBT
    assert (validity[:, [0, 2]] == whole[:, [0, 2]]).all()
    assert ((validity >= 0.0) & (validity <= 1.0)).all()
