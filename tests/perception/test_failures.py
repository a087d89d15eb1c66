"""Each failure mode changes a sample as its name says, and a lost sample stays lost."""

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.perception import failures
from tests.reference import detectors as reference

eighths = st.integers(-8000, 8000).map(lambda eighth: eighth / 8)
"""Multiples of 1/8 add and multiply without rounding: equality is exact."""
samples = st.lists(eighths | st.just(nan), min_size=1, max_size=6)

APPLIED = {
    "offset": lambda value: failures.offset(value, 2.0),
    "drift": lambda value: failures.drift(value, 0.5, 3.0),
    "scale": lambda value: failures.scale(value, 1.5),
    "noise": lambda value: failures.noise(value, 2.0, 0.7),
    "outlier": lambda value: failures.outlier(value, 10.0, 0.5, 0.3),
    "stuck_at": lambda value: failures.stuck_at(value, 4.0),
    "saturation": lambda value: failures.saturation(value, -1.0, 1.0),
}


@pytest.mark.parametrize("mode", APPLIED)
@given(values=samples)
def test_a_lost_sample_stays_lost_and_a_sample_is_not_lost(mode, values):
    """Elementwise, too: an array has what each of its elements has alone."""
    found = APPLIED[mode](np.array(values))
    for value, one in zip(values, found, strict=True):
        assert isnan(one) == isnan(value)
        assert one == APPLIED[mode](value) or isnan(value)


@given(eighths, eighths)
def test_the_error_of_an_offset_is_its_amplitude(value, amplitude):
    assert failures.offset(value, amplitude) - value == amplitude


@given(eighths, eighths, st.integers(0, 80).map(lambda eighth: eighth / 8))
def test_the_error_of_a_drift_is_rate_times_time(value, rate, elapsed):
    steps = int(elapsed * 8)
    assert failures.drift(value, rate, elapsed) - value == sum([rate / 8] * steps)


@given(eighths, eighths)
def test_a_wrong_gain_multiplies(value, factor):
    assert failures.scale(value, factor) == value * factor
    assert failures.scale(value, 1.0) == value


@given(samples, eighths, eighths)
def test_saturation_clips_to_its_limits_and_nothing_else(values, one, other):
    low, high = min(one, other), max(one, other)
    for value, clipped in zip(values, failures.saturation(np.array(values), low, high), strict=True):
        if not isnan(value):
            assert low <= clipped <= high
            assert clipped == value or reference.outside(value, low, high) > 0.0
            assert failures.saturation(value, -inf, inf) == value


@given(samples, eighths)
def test_stuck_at_says_one_thing_only(values, held):
    for value, said in zip(values, failures.stuck_at(np.array(values), held), strict=True):
        assert isnan(value) or said == held


@given(eighths, eighths, st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(0, 63).map(lambda part: part / 64))
def test_an_outlier_is_up_or_down_or_not_there(value, amplitude, probability, uniform):
    assert failures.outlier(value, amplitude, probability, uniform) - value == reference.spike(
        amplitude, probability, uniform
    )


def test_outliers_come_as_often_as_said_and_to_either_side():
    """Of 100,000 samples within five standard deviations of what the probability says."""
    uniform = np.random.default_rng(1).random(100_000)
    error = failures.outlier(np.zeros(100_000), 7.0, 0.3, uniform)
    for sign in (-7.0, 7.0):
        assert abs((error == sign).mean() - 0.15) < 5 * (0.15 * 0.85 / 100_000) ** 0.5
    assert set(error) == {-7.0, 0.0, 7.0}


def test_added_noise_has_its_sigma_and_no_bias():
    normal = np.random.default_rng(2).standard_normal(100_000)
    error = failures.noise(np.full(100_000, 30.0), 3.0, normal) - 30.0
    assert error.mean() == pytest.approx(0.0, abs=5 * 3.0 / 100_000**0.5)
    assert error.std() == pytest.approx(3.0, rel=5 / 200_000**0.5)
