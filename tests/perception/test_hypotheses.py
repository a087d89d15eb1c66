"""The three hypotheses: what makes a signal doubtful, and what brings it back."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from karyon.perception import hypotheses
from karyon.perception.hypotheses import Companion, Expected
from tests.reference import hypotheses as reference

SPEED = Expected(noise=0.01, inertia=1.0, rest=np.nan)
NO_WORLD = np.zeros((1, 1), dtype=bool)
SAMPLES = 300


@pytest.fixture
def healthy():
    """Speed of a car that speeds up and slows down, with noise, at 10 Hz (sample,)."""
    noise = np.random.default_rng(1).normal(0.0, 0.004, SAMPLES)
    return 20.0 + 3.0 * np.sin(np.arange(SAMPLES) / 30.0) + noise


def followed(samples, expected=SPEED, companion=None):
    """Beliefs after each sample of one signal."""
    companion = companion or (lambda index: hypotheses.nobody())
    belief = hypotheses.begun(np.full((1, 1), samples[0]), expected)
    beliefs = [belief]
    for index, sample in enumerate(samples[1:], 1):
        belief = hypotheses.step(belief, np.full((1, 1), sample), NO_WORLD, companion(index), expected)
        beliefs.append(belief)
    return beliefs


def health(samples, **options):
    """Probability of health after each sample (sample,)."""
    return np.array([belief.healthy[0, 0] for belief in followed(samples, **options)])


def test_a_healthy_signal_is_believed(healthy):
    """No sample of a smooth drive is doubted."""
    assert health(healthy).min() > 0.9


@pytest.mark.parametrize("size", [-2.0, -0.5, 0.5, 2.0])
def test_a_jump_is_seen_in_its_first_sample(healthy, size):
    """And its size is estimated."""
    healthy[100:] += size
    after = followed(healthy)[100]
    assert after.healthy[0, 0] < 0.1
    assert hypotheses.error_of(after)[0, 0] == pytest.approx(size, abs=0.1)


def test_time_alone_does_not_heal_a_jump(healthy):
    """Safety model, section 2."""
    healthy[50:] += 1.0
    assert health(healthy)[50:].max() < 0.1


def test_the_jump_back_heals(healthy):
    """From its first sample on."""
    healthy[100:140] += 1.0
    believed = health(healthy)
    assert believed[100:140].max() < 0.1
    assert believed[141:].min() > 0.5


def test_an_outlier_costs_one_sample(healthy):
    """The sample after it is believed."""
    healthy[100] += 1.0
    believed = health(healthy)
    assert believed[100] < 0.1
    assert believed[101] > 0.5


@pytest.mark.parametrize("rate", [0.0, 0.2, -0.2])
def test_a_line_without_noise_is_no_sensor(healthy, rate):
    """Stuck, or running on a line: seen within five samples."""
    healthy[100:140] = healthy[100] + rate * np.arange(40)
    assert health(healthy)[105:140].max() < 0.1


def test_a_signal_may_rest_exactly():
    """A car that stands has a speed of exactly 0."""
    speed = np.concatenate([np.linspace(5.0, 0.0, 50), np.zeros(100)])
    speed += np.random.default_rng(2).normal(0.0, 0.004, speed.size) * (speed > 0.0)
    believed = health(speed, expected=Expected(noise=0.03, inertia=1.0, rest=0.0))
    assert believed[60:].min() > 0.5


def test_what_a_recorder_bridges_is_no_fault(healthy):
    """A line as long as the gaps that it fills."""
    bridged = Expected(noise=0.03, inertia=1.0, rest=np.nan, bridged=10.0)
    healthy[100:110] = np.linspace(healthy[100], healthy[109], 10)
    assert health(healthy, expected=bridged).min() > 0.5


def test_an_independent_source_that_agrees_heals(healthy):
    """A jump that the other source has, too, was real."""
    healthy[100:] += 1.0
    truth = healthy.copy()

    def companion(index):
        known = np.full((1, 1), index > 110)
        residual = np.where(known, healthy[index] - truth[index], 0.0)
        nothing = np.zeros((1, 1))
        return Companion(nothing, known & False, residual, known, np.full((1, 1), 0.05), 8.0, 0.0, 1.0)

    believed = health(healthy, companion=companion)
    assert believed[100:111].max() < 0.1
    assert believed[116:].min() > 0.9


def test_an_independent_source_that_accuses_lowers(healthy):
    """An error that came too slowly to be seen in the signal alone."""
    drift = np.clip(np.arange(SAMPLES) - 100, 0, 100) * 0.004

    def companion(index):
        known, nothing = np.ones((1, 1), dtype=bool), np.zeros((1, 1))
        residual = np.full((1, 1), drift[index])
        return Companion(nothing, known & False, residual, known, np.full((1, 1), 0.02), 8.0, 1.0, 1.0)

    believed = health(healthy + drift, companion=companion)
    assert believed[:101].min() > 0.9
    assert believed[200] < 0.5


def test_a_jump_of_the_world_is_none_of_the_sensor(healthy):
    """Where independent sources jump alike, all are healthy."""
    healthy[100:] += 1.0
    belief = hypotheses.begun(np.full((1, 1), healthy[99]), SPEED)
    after = hypotheses.step(belief, np.full((1, 1), healthy[100]), ~NO_WORLD, hypotheses.nobody(), SPEED)
    assert after.healthy[0, 0] == 1.0


def test_what_is_reckoned_runs_on_through_a_gap(healthy):
    """After three lost samples the next one is no surprise."""
    belief = hypotheses.coasted(followed(healthy[:100])[-1], np.full((1, 1), 3.0))
    after = hypotheses.step(belief, np.full((1, 1), healthy[103]), NO_WORLD, hypotheses.nobody(), SPEED)
    assert after.healthy[0, 0] > 0.9


@given(samples=arrays.arrays(np.float64, st.integers(2, 30), elements=st.floats(-1e100, 1e100)))
@example(samples=np.array([0.0, 1e100, -1e100, 1e100]))
@example(samples=np.array([5e-324, 0.0, -5e-324, 1e-300]))
def test_probabilities_stay_probabilities(samples):
    """Whatever finite values come: between 0 and 1, their sum 1, and nothing raises or warns."""
    for belief in followed(samples):
        parts = np.array([belief.healthy, belief.offset, belief.loose])
        assert (parts >= 0.0).all() and (parts <= 1.0).all()
        assert parts.sum() == pytest.approx(1.0, abs=1e-6)


def test_a_row_has_the_same_bits_alone_and_among_others(healthy):
    """Elementwise: no row feels another."""
    rows = healthy[:, None] + np.where(np.arange(SAMPLES)[:, None] > 100, np.linspace(0.0, 2.0, 64), 0.0)
    together = hypotheses.begun(rows[0][None], SPEED)
    alone = hypotheses.begun(rows[0][None, 17:18], SPEED)
    for row in rows[1:]:
        none, one = np.zeros((1, 64), dtype=bool), np.zeros((1, 1), dtype=bool)
        together = hypotheses.step(together, row[None], none, hypotheses.nobody(), SPEED)
        alone = hypotheses.step(alone, row[None, 17:18], one, hypotheses.nobody(), SPEED)
        assert together.healthy[0, 17] == alone.healthy[0, 0]


MOVES = st.sampled_from(["smooth"] * 8 + ["jump", "stuck", "line", "gap", "back"])


@given(
    moves=st.lists(MOVES, min_size=5, max_size=60),
    seed=st.integers(0, 2**32 - 1),
    inertia=st.booleans(),
    bridged=st.sampled_from([0.0, 5.0]),
    resolution=st.sampled_from([1e-6, 1e-3]),
    independent=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_the_recursion_is_that_of_the_slow_reference(moves, seed, inertia, bridged, resolution, independent):
    """Probabilities, reckoned truths, rates and noise, over drives with every kind of failure."""
    rng = np.random.default_rng(seed)
    expected = Expected(0.02, float(inertia), 5.0, bridged, resolution, -50.0, 50.0)
    value, truth = 5.0, 5.0
    belief = hypotheses.begun(np.full((1, 1), value), expected)
    sensor = reference.Sensor(value, 0.02, inertia, 5.0, bridged, resolution, -50.0, 50.0)
    for move in moves:
        before = value
        truth += 0.1 * np.sin(truth) + rng.normal(0.0, 0.01)
        offset = {"jump": rng.normal(0.0, 2.0), "back": 0.0}.get(move, value - truth if move == "smooth" else 0.0)
        value = {"stuck": before, "line": before + 0.05}.get(move, truth + offset + rng.normal(0.0, 0.01))
        if move == "gap":
            belief, _ = hypotheses.coasted(belief, np.full((1, 1), 2.0)), sensor.coast(2)
        said = reference.Said()
        companion = hypotheses.nobody()
        if independent and rng.random() < 0.7:
            said = reference.Said(rng.normal(0.0, 0.05), value - truth, 0.1, 8.0, float(rng.random() < 0.5), 2.0)
            companion = told(said)
        common = bool(rng.random() < 0.02)
        belief = hypotheses.step(belief, np.full((1, 1), value), np.full((1, 1), common), companion, expected)
        sensor.take(value, said, common)
        assert_same(belief, sensor)


def told(said):
    """What the reference's source says, as arrays."""
    one, yes = np.ones((1, 1)), np.ones((1, 1), dtype=bool)
    return Companion(
        said.advance * one,
        yes,
        said.residual * one,
        yes,
        said.noise * one,
        said.agreement,
        said.accusation,
        said.hindsight,
    )


def assert_same(belief, sensor):
    """All that the recursion carries from sample to sample."""
    mine = [belief.healthy, belief.offset, belief.loose, belief.rate, belief.slow_rate, belief.noise, belief.line]
    mine += [belief.offset_truth, belief.offset_age, belief.loose_truth, belief.loose_age, belief.quiet, belief.crept]
    theirs = [*sensor.probability.values(), sensor.rate, sensor.slow, sensor.noise, sensor.line]
    theirs += [sensor.offset["truth"], sensor.offset["age"], sensor.loose["truth"], sensor.loose["age"]]
    theirs += [sensor.quiet, sensor.crept]
    assert [float(each[0, 0]) for each in mine] == pytest.approx([float(each) for each in theirs], rel=1e-6, abs=1e-9)
