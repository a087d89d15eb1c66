"""Each detector is its definition, and sees what it promises within the time that it states."""

from math import inf, nan
from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception import detectors, validity
from karyon.perception.detectors import MISSED, leak_of, wander_of
from karyon.perception.following import Checks, Noise, Tolerated
from karyon.perception.reckoning import RAMPS
from karyon.perception.sensors import NEVER, Before, Newest, Sample, passed
from karyon.perception.sensors import taken as newest_of
from tests.reference import detectors as reference

MINIMUM = 0.8  # validity that the rules of the shipped design demand
TRIALS = 400_000
UNLIKELY = 6  # misses among TRIALS of probability MISSED (0.4 expected): as many have a probability below 1e-5
assert TRIALS * MISSED <= 0.4

eighths = st.integers(-800, 800).map(lambda eighth: eighth / 8)
"""Multiples of 1/8, and shares that are powers of 1/2, add and multiply without rounding: equality is exact."""
finite = st.floats(-1e6, 1e6)
halves = st.sampled_from([0.5, 0.25, 1.0])


@given(st.lists(finite | st.just(nan), min_size=1, max_size=6), finite, finite)
def test_outside_is_the_distance_to_the_range(values, one, other):
    low, high = min(one, other), max(one, other)
    for value, found in zip(values, detectors.outside(np.array(values), low, high), strict=True):
        assert found == pytest.approx(reference.outside(value, low, high), rel=1e-12, nan_ok=True)
        assert np.isnan(value) or detectors.outside(value, -inf, inf) == 0.0


@given(eighths, st.integers(0, 80).map(lambda e: e / 8), st.integers(0, 80).map(lambda e: e / 8), st.just(0.25))
def test_beyond_rate_is_what_physics_and_noise_leave(change, rate_limit, noise, step):
    assert detectors.beyond_rate(change, step, rate_limit, noise) == reference.beyond_rate(
        change, step, rate_limit, noise
    )


@given(eighths, eighths, eighths)
def test_a_spike_stands_out_from_both_of_its_neighbours(first, second, third):
    """By what would have to be cut from it to lie between them or level with the nearer one."""
    low, high = min(first, third), max(first, third)
    expected = max(0.0, second - high, low - second)
    assert detectors.spike(first, second, third) == expected
    assert detectors.spike(nan, second, third) == detectors.spike(first, second, nan) == 0.0


@given(st.lists(eighths, min_size=1, max_size=60))
def test_a_young_reference_is_the_mean_of_its_samples(values):
    """As long as it settles; from then on each sample moves it by the leak."""
    reference, leak = np.array(values[0]), 0.01
    for samples, value in enumerate(values[1:], start=1):
        share = detectors.settling(samples, leak)
        reference = reference + share * (value - reference)
        if samples < detectors.SETTLED:
            assert reference == pytest.approx(np.mean(values[: samples + 1]), abs=1e-9)
        else:
            assert share == leak


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=12))
def test_a_sample_from_the_past_or_the_future_is_not_taken(stamps):
    """Over a whole story: a sample that was not believed leaves value and time alone."""
    newest, taken = Newest.of(1), []
    for number, (time, now) in enumerate(stamps):
        newest = newest_of(newest, Sample(np.array([float(number)]), np.array([time]), np.array([True])), now)
        taken.append(bool(newest.fresh[0]))
        assert newest.stamped[0] == taken[-1]
        believed = [index for index, good in enumerate(taken) if good]
        assert newest.time[0] == (stamps[believed[-1]][0] if believed else NEVER)
        assert not believed or newest.value[0] == believed[-1]
    assert taken == reference.plausible_stamps(stamps)


@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0, nan, inf, -inf]), st.booleans()), min_size=1, max_size=14))
def test_repeats_counts_the_equal_samples_at_the_end(story):
    """A sample that is not fresh, NaN or infinite is no sample: it neither counts nor breaks the row."""
    newest, before, seen = Newest.of(1), Before.of(1), []
    for step, (value, fresh) in enumerate(story):
        last, newest = newest, newest_of(newest, Sample(np.array([value]), np.array([step]), np.array([fresh])), step)
        before = passed(before, last, newest)
        seen += [value] if fresh and abs(value) < inf else []
        assert before.repeated[0] == reference.longest_equal_tail(seen)


@given(eighths, st.lists(st.tuples(eighths, st.booleans()), max_size=10), halves)
def test_smoothed_is_the_weighted_average_of_all_fresh_samples(start, story, share):
    average = np.array([start])
    for sample, fresh in story:
        average = detectors.smoothed(average, np.array([sample]), share, np.array([fresh]))
    assert average[0] == reference.weighted_average(start, [sample for sample, fresh in story if fresh], share)


@given(
    eighths,
    st.lists(st.tuples(eighths, eighths, st.booleans(), st.booleans()), min_size=1, max_size=8),
    halves,
    halves,
)
def test_reckon_carries_the_past_on_and_learns_only_what_is_not_doubted(start, story, leak, share):
    reference_value, smooth, residuals, history = np.array([start]), np.zeros(1), [], []
    for value, advance, fresh, doubted in story:
        before = reference_value
        reference_value, smooth, residual = detectors.reckon(
            reference_value, smooth, value, advance, np.array([fresh]), np.array([doubted]), leak, share
        )
        history.append((value, advance, fresh and not doubted))
        residuals += [float(residual[0])] if fresh else []
        assert residual[0] == value - (before[0] + advance)
        assert reference_value[0] == reference.reckoned(start, history, leak)
    assert smooth[0] == reference.weighted_average(0.0, residuals, share)


@given(st.integers(0, 3), st.lists(st.tuples(finite, finite, st.booleans(), st.booleans()), min_size=4, max_size=4))
def test_a_row_is_alone_in_a_batch(row, several):
    """Same bits in every row, whatever is beside it."""
    value, advance, fresh, doubted = (np.array(column) for column in zip(*several, strict=True))
    together = detectors.reckon(np.zeros(4), np.zeros(4), value, advance, fresh, doubted, 0.01, 0.2)
    alone = detectors.reckon(0.0, 0.0, value[row], advance[row], fresh[row], doubted[row], 0.01, 0.2)
    assert [float(each[row]) for each in together] == [float(each) for each in alone]


# ---------------------------------------------------------------- what the gates of car following promise

CHECKS = Checks(Noise(), Tolerated())
GATES = ("radar", "closing", "wheel", "place", "road", "message.position", "message.speed", "message.intention")
HELD = {"closing": ("message_speed",), "road": ("message_position", "position")}
"""Residuals at 20 Hz that contain the noise of sources at 10 Hz: their samples are held for two periods."""


class Residuals:
    """Healthy Gaussian residuals as `ResidualGate` describes them, `trials` at once, sample after sample."""

    def __init__(self, name, trials, seed):
        self.gate, self.name = attrgetter(name)(CHECKS), name
        self.rng = np.random.default_rng(seed)
        self.trials, self.count = trials, 0
        held = sum(getattr(Noise(), source) ** 2 for source in HELD.get(name, ()))
        self.held_sigma, self.white_sigma = held**0.5, max(0.0, self.gate.sigma**2 - held) ** 0.5
        reckoned = name not in HELD
        self.wander = self.gate.wander * self.rng.standard_normal(trials) if reckoned else np.zeros(trials)
        self.phase = self.rng.integers(0, 2, trials)  # of the held samples
        self.held = self.held_sigma * self.rng.standard_normal(trials)
        self.smooth = np.zeros(trials)
        for _ in range(40):  # the average forgets its start
            self.next(0.0)

    def next(self, error):
        """Validity of the next sample, whose residual is `error` off."""
        if self.held_sigma:
            new = (self.count + self.phase) % 2 == 0
            self.held = np.where(new, self.held_sigma * self.rng.standard_normal(self.trials), self.held)
        self.count += 1
        residual = error + self.wander + self.held + self.white_sigma * self.rng.standard_normal(self.trials)
        self.smooth = detectors.smoothed(self.smooth, residual, self.gate.share, True)
        return np.minimum(
            validity.of_amplitude(np.abs(residual), self.gate.band, self.gate.tolerated),
            validity.of_amplitude(np.abs(self.smooth), self.gate.smooth_band, self.gate.tolerated),
        )


@pytest.mark.parametrize("name", GATES)
def test_a_step_is_seen_within_the_stated_time(name):
    """A step of just the tolerated amplitude is missed no more often than one time in a million."""
    residuals = Residuals(name, TRIALS, seed=3)
    samples = round(residuals.gate.step_time(MINIMUM) / residuals.gate.period) + 1
    missed = np.ones(TRIALS, dtype=bool)
    for _ in range(samples):
        missed &= residuals.next(residuals.gate.tolerated) >= MINIMUM
    assert missed.sum() < UNLIKELY


@pytest.mark.parametrize("rate", RAMPS)
@pytest.mark.parametrize("name", GATES)
def test_a_ramp_is_seen_within_the_stated_time(name, rate):
    """The reference follows, the average lags, and the ramp begins anywhere between two samples."""
    trials = TRIALS // 8
    residuals = Residuals(name, trials, seed=4)
    gate = residuals.gate
    stated = gate.ramp_time(rate, MINIMUM)
    if stated == inf:
        pytest.skip("a stated gap: the reference follows such a slow ramp")
    leak = 0.0 if gate.memory == inf else leak_of(gate.period, gate.memory)
    age = gate.period * residuals.rng.random(trials)  # of the ramp at the first sample after it began
    followed, missed, since = np.zeros(trials), np.ones(trials, dtype=bool), np.full(trials, inf)
    for sample in range(int((gate.tolerated / rate + stated) / gate.period) + 3):
        error = rate * (age + sample * gate.period)
        time = sample * gate.period
        since = np.where((error > gate.tolerated) & (since == inf), time, since)
        seen = residuals.next(error - followed) < MINIMUM
        followed += leak * (error - followed)
        missed &= ~(seen & (time <= since + stated + 1e-9))
    assert missed.sum() < UNLIKELY


@pytest.mark.parametrize("rate", [0.8, 1.6, 3.0])
def test_a_growing_error_is_seen_within_its_time_from_the_beginning(rate):
    """As for a ramp, but from the first sample that it changed: no sooner than the tolerated amplitude allows."""
    gate = Checks(Noise(), Tolerated()).radar
    from_the_beginning = gate.growth_time(rate, MINIMUM)
    assert gate.ramp_time(rate, MINIMUM) <= from_the_beginning
    assert from_the_beginning >= validity.amplitude_at(MINIMUM, gate.smooth_band, gate.tolerated) / rate - gate.period
    rng, period, seen = np.random.default_rng(3), gate.period, np.zeros(20_000, dtype=bool)
    smooth = np.zeros(len(seen))
    for sample in range(1, round(from_the_beginning / period) + 1):
        residual = rate * period * sample + gate.sigma * rng.standard_normal(len(seen))
        smooth += gate.share * (residual - smooth)
        seen |= validity.of_amplitude(np.abs(smooth), gate.smooth_band, gate.tolerated) < MINIMUM
        seen |= validity.of_amplitude(np.abs(residual), gate.band, gate.tolerated) < MINIMUM
    assert seen.all()


@pytest.mark.parametrize("name", GATES)
def test_a_healthy_residual_hardly_ever_alarms(name):
    """10 million samples with no more than ten alarms: at 20 Hz, one in 14 hours."""
    residuals = Residuals(name, 100_000, seed=5)
    assert sum(int((residuals.next(0.0) < MINIMUM).sum()) for _ in range(100)) <= 10


def test_a_reckoned_reference_wanders_as_stated():
    """White noise of the rate, summed and forgotten, after five memories of 30 s."""
    rng, period, memory = np.random.default_rng(6), 0.05, 30.0
    value = smooth = np.zeros(4000)
    for _ in range(round(5 * memory / period)):
        advance = period * 0.1 * rng.standard_normal(4000)
        value, smooth, _ = detectors.reckon(value, smooth, 0.0, advance, True, False, leak_of(period, memory), 0.2)
    assert value.std() == pytest.approx(wander_of(0.1, period, memory), rel=0.06)


@settings(max_examples=30)
@given(st.sampled_from(GATES), st.floats(0.5, 0.95), st.floats(0.0, 0.04))
def test_a_stricter_rule_sees_a_failure_no_later(name, minimum, more):
    gate = attrgetter(name)(CHECKS)
    assert gate.step_time(minimum + more) <= gate.step_time(minimum)
    for rate in RAMPS:
        assert gate.ramp_time(rate, minimum + more) <= gate.ramp_time(rate, minimum)
