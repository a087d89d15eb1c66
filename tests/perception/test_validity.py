"""Validity is 1 where a failure is certainly tolerable, 0 where nothing can be said, and never rises with a failure."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.perception import validity
from tests.reference import detectors as reference

amplitudes = st.floats(0, 1e6) | st.sampled_from([0.0, 5e-324, inf, nan])
limits = st.floats(1e-3, 1e3)


@st.composite
def gates(draw):
    """Band and tolerated amplitude of a gate: 0 <= band < tolerated, far enough apart to divide by."""
    tolerated = draw(limits)
    return draw(st.floats(0, 0.95)) * tolerated, tolerated


@given(st.lists(amplitudes, min_size=1, max_size=8), gates())
def test_of_amplitude_is_a_line_between_two_corners(several, gate):
    """Elementwise over an array, and the same for a scalar."""
    found = validity.of_amplitude(np.array(several), *gate)
    for amplitude, one in zip(several, found, strict=True):
        assert one == pytest.approx(reference.validity_of_amplitude(amplitude, *gate), rel=1e-12, abs=1e-12)
        assert one == validity.of_amplitude(amplitude, *gate)


@given(amplitudes, amplitudes, gates())
def test_a_larger_failure_is_never_more_valid(one, other, gate):
    small, large = sorted([one, other], key=lambda amplitude: (np.isnan(amplitude), amplitude))
    assert validity.of_amplitude(large, *gate) <= validity.of_amplitude(small, *gate)


@given(gates())
def test_the_corners_belong_to_the_flat_parts(gate):
    band, tolerated = gate
    assert validity.of_amplitude(band, *gate) == 1.0
    assert validity.of_amplitude(np.nextafter(tolerated, 0.0), *gate) >= 0.0
    assert validity.of_amplitude(tolerated, *gate) == 0.0
    assert validity.of_amplitude(inf, *gate) == 0.0


@given(st.floats(0.01, 0.99), gates())
def test_the_gate_of_a_rule_is_where_validity_falls_to_it(minimum, gate):
    """Just below `amplitude_at` the rule holds, just above it does not."""
    at, width = validity.amplitude_at(minimum, *gate), gate[1] - gate[0]
    assert validity.of_amplitude(at - 1e-6 * width, *gate) >= minimum
    assert validity.of_amplitude(at + 1e-6 * width, *gate) < minimum


@given(st.lists(st.floats(-10, 1e4) | st.sampled_from([inf, -inf, nan, -0.0]), min_size=1, max_size=8), limits)
def test_of_age_falls_with_the_eighth_power(ages, limit):
    found = validity.of_age(np.array(ages), limit)
    for age, one in zip(ages, found, strict=True):
        assert one == pytest.approx(reference.validity_of_age(age, limit), rel=1e-12, abs=1e-12)


@given(st.floats(0, 2), st.floats(0, 2), limits)
def test_time_never_makes_a_value_more_valid(one, other, limit):
    younger, older = sorted([one * limit, other * limit])
    assert validity.of_age(older, limit) <= validity.of_age(younger, limit)


@given(limits)
def test_a_value_between_two_samples_stays_in_service_and_none_is_left_at_the_limit(limit):
    """0.8 is what the rules of the shipped design ask for."""
    assert validity.of_age(0.0, limit) == 1.0
    assert validity.of_age(0.8 * limit, limit) >= 0.8
    assert validity.of_age(limit, limit) == 0.0
