"""Each failure mode changes a sample as its name says, and a lost sample stays lost."""

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception import failures
from karyon.perception.injection import MODES, Failure, injected
from karyon.perception.sensors import NEVER
from karyon.sim.failure_modes import MESSAGE_MODES, SIGNAL_MODES
from tests.reference import detectors as reference
from tests.reference import failures as exact

SECOND = exact.SECOND

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
    "quantisation": lambda value: failures.quantisation(value, 0.5),
    "ghost": lambda value: failures.ghost(value, 20.0),
    "swap": lambda value: failures.swap(value, 20.0),
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


# Formulas of one sample that the simulator does not use yet, and formulas over a stretch.

shares = st.integers(0, 64).map(lambda part: part / 64)
uniforms = st.integers(0, 63).map(lambda part: part / 64)
steps = st.sampled_from([0.125, 0.25, 0.5, 1.0, 3.0])


@given(samples, steps)
def test_a_quantised_value_is_the_nearest_multiple(values, step):
    for value, said in zip(values, failures.quantisation(np.array(values), step), strict=True):
        assert isnan(value) or said == exact.rounded(value, step)


@given(samples, eighths)
def test_a_ghost_is_seen_where_it_is_nearer_than_the_object(values, distance):
    for value, said in zip(values, failures.ghost(np.array(values), distance), strict=True):
        assert isnan(value) or said == sorted([value, distance])[0]
    assert failures.ghost(inf, distance) == distance, "no object at all"


@given(st.lists(st.tuples(eighths | st.just(nan), eighths | st.just(nan)), min_size=1, max_size=6))
def test_a_swapped_object_is_the_other_where_there_is_another(pairs):
    values, others = np.array(pairs).T
    for (value, other), said in zip(pairs, failures.swap(values, others), strict=True):
        assert np.array_equal(said, value if isnan(value) or isnan(other) else other, equal_nan=True)


@given(eighths.map(abs), eighths.map(abs), eighths)
def test_a_late_sample_is_never_early_and_never_later_than_its_bound(delay, sigma, normal):
    late = failures.lateness(delay, sigma, normal)
    assert delay <= late <= delay + failures.LATEST * sigma
    assert failures.lateness(delay) == delay
    assert failures.lateness(delay, sigma, -normal) == late


@given(st.lists(st.lists(uniforms, min_size=12, max_size=12), min_size=1, max_size=3), shares, st.floats(1, 40))
def test_samples_are_lost_as_a_channel_goes_up_and_down(streams, share, burst):
    found = failures.omission(np.array(streams), share, burst)
    for stream, one in zip(streams, found, strict=True):
        assert one.tolist() == exact.lost(stream, share, burst)


@given(st.lists(uniforms, min_size=1, max_size=12), shares)
def test_without_bursts_each_sample_is_lost_by_itself(stream, share):
    assert failures.omission(np.array(stream), share).tolist() == [uniform < share for uniform in stream]


@pytest.mark.parametrize(("share", "burst"), [(0.1, 1.0), (0.1, 5.0), (0.5, 20.0), (0.9, 10.0), (0.0, 3.0), (1.0, 3.0)])
def test_losses_have_their_share_and_bursts_their_mean_length(share, burst):
    """Of 100 channels of 4,000 samples: within six standard deviations, the channels being independent."""
    lost = failures.omission(np.random.default_rng(3).random((100, 4000)), share, burst)
    shares_lost = lost.mean(axis=1)
    assert abs(shares_lost.mean() - share) <= 6 * shares_lost.std() / 10
    if 0.0 < share < 1.0:
        bursts = (lost[:, 1:] & ~lost[:, :-1]).sum()
        expected = max(burst, 1 / (1 - share))
        assert lost[:, 1:].sum() / bursts == pytest.approx(expected, rel=6 * (2 / bursts) ** 0.5 + 0.02)


@st.composite
def stretches(draw, streams=1, least=1, most=10):
    """Times in ns (sample,), ascending; values (stream, sample), some of them lost."""
    size = draw(st.integers(least, most))
    gaps = st.integers(0, 4).map(lambda quarter: quarter * SECOND // 4)
    times = np.cumsum(draw(st.lists(gaps, min_size=size, max_size=size)), dtype=np.int64)
    row = st.lists(eighths | st.just(nan), min_size=size, max_size=size)
    return times, np.array(draw(st.lists(row, min_size=streams, max_size=streams)))


@given(stretches(streams=2), st.integers(0, 16).map(lambda quarter: quarter * SECOND // 4))
def test_frozen_content_is_that_of_a_screen_that_is_behind(stretch, delay):
    times, values = stretch
    for stream, found in zip(values, failures.freeze(values, np.broadcast_to(times, values.shape), delay), strict=True):
        assert same(found, exact.stale(times.tolist(), stream.tolist(), delay))


def test_content_that_is_just_old_enough_is_shown():
    """To the ns; of samples taken at the same instant the last."""
    times, values = np.array([0, 0, 1, 2, 3, 4]), np.array([1.0, 2.0, 3.0, nan, 5.0, 6.0])
    assert same(failures.freeze(values, times, 2), [1.0, 2.0, 3.0, nan, 3.0, 3.0])


@given(stretches(least=2), st.data())
def test_an_overtaken_sample_is_let_go_after_the_next_one(stretch, data):
    times = stretch[0]
    waits = data.draw(st.lists(st.booleans(), min_size=len(times), max_size=len(times)))
    found = failures.reordering(times, np.where(waits, 0.0, 0.75), 0.5)
    assert found.tolist() == exact.overtaken(times.tolist(), waits)


# A failure in a recorded stretch.

VALUES = {  # parameters of a failure that changes every sample, and formula over (value, seconds since the onset)
    "offset": ({"amplitude": 2.0}, lambda value, elapsed: value + 2.0),
    "drift": ({"rate": 0.5}, lambda value, elapsed: value + 0.5 * elapsed),
    "ramp": ({"rate": -0.125}, lambda value, elapsed: value - 0.125 * elapsed),
    "scale": ({"factor": 1.5}, lambda value, elapsed: value * 1.5),
    "quantisation": ({"step": 2.0}, lambda value, elapsed: exact.rounded(value, 2.0)),
    "saturation": ({"high": 100.0}, lambda value, elapsed: sorted([value, 100.0])[0]),
    "stuck_at": ({"value": 7.0}, lambda value, elapsed: 7.0),
    "ghost": ({"distance": 10.0}, lambda value, elapsed: sorted([value, 10.0])[0]),
    "missed": ({"range": 150.0}, lambda value, elapsed: 150.0),
    "wrong_position": ({"offset": 30.0}, lambda value, elapsed: value + 30.0),
    "wrong_speed": ({"offset": -3.0}, lambda value, elapsed: value - 3.0),
}
OTHERS = {
    "noise": {"sigma": 2.0},
    "outlier": {"amplitude": 10.0, "probability": 0.5},
    "freeze": {"delay": 0.5},
    "replay": {"delay": 1.0},
    "swap": {},
    "delay": {"delay": 0.3, "sigma": 0.1},
    "jitter": {"sigma": 0.2},
    "reordering": {"probability": 0.5},
    "omission": {"probability": 0.5, "burst": 3.0},
    "clock_offset": {"offset": -0.25},
    "clock_drift": {"rate": 0.125},
    "duplication": {"probability": 0.5},
    "sybil": {"count": 3, "spacing": -10.0},
    "flooding": {"rate": 8.0},
}
PARAMETERS = {mode: parameters for mode, (parameters, _) in VALUES.items()} | OTHERS
ADDS = ("duplication", "sybil", "flooding")
ONSET, DURATION = 0.5, 1.5


def doctored(times, values, mode, onset=ONSET, duration=DURATION, seed=1, **parameters):
    """The stretch with the failure in it, draws and another object included."""
    failure = Failure(mode, parameters or PARAMETERS[mode], onset, duration)
    draws = failure.drawn(np.random.default_rng(seed), values.shape)
    return injected(times, values, failure, draws, other=np.full(times.shape, 77.0))


def same(found, expected):
    return np.array_equal(found, expected, equal_nan=True)


def test_each_failure_mode_is_tested():
    assert set(PARAMETERS) == set(MODES)


def test_the_modes_and_parameters_are_those_of_a_scenario():
    """A scenario knows fewer modes and may leave more to the simulator, but means the same by a name."""
    for mode, fields in (SIGNAL_MODES | MESSAGE_MODES).items():
        assert set(fields.model_fields) <= set(MODES[mode].parameters)


@pytest.mark.parametrize("mode", VALUES)
@given(stretch=stretches())
def test_a_value_is_wrong_by_its_formula_from_the_onset_on_until_before_the_end(mode, stretch):
    times, (values,) = stretch
    found, formula = doctored(times, values, mode), VALUES[mode][1]
    for time, value, said in zip(times.tolist(), values.tolist(), found.value, strict=True):
        elapsed = (time - times[0]) / SECOND - ONSET
        assert isnan(said) if isnan(value) else said == (formula(value, elapsed) if 0 <= elapsed < DURATION else value)
    assert same(found.stamp, times)
    assert same(found.arrival, times)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25)
@given(stretch=stretches(streams=3))
def test_the_label_is_true_exactly_where_something_differs(mode, stretch):
    """Value, stamp, arrival, absence, or company; nothing outside of the window, and nothing of a lost sample."""
    times, values = stretch
    found = doctored(times, values, mode)
    for place in np.ndindex(values.shape):
        healthy = (values[place], times[place[1]], times[place[1]])
        failing = (found.value[place], found.stamp[place], found.arrival[place])
        company = np.ravel_multi_index(place, values.shape) in found.added.origin
        assert found.changed[place] == exact.differs(healthy, failing)
        assert found.label[place] == (found.changed[place] or company)
        assert found.present[place] == (not isnan(found.value[place]))
        inside = 0 <= (times[place[1]] - times[0]) / SECOND - ONSET < DURATION
        assert inside or not found.changed[place]
        assert not (isnan(values[place]) and (found.present[place] or found.label[place]))


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25)
@given(stretch=stretches(streams=3))
def test_a_stream_alone_fails_as_it_does_among_others(mode, stretch):
    times, values = stretch
    failure = Failure(mode, PARAMETERS[mode], ONSET, DURATION)
    draws = failure.drawn(np.random.default_rng(1), values.shape)
    together = injected(times, values, failure, draws, other=values[::-1])
    for stream in range(3):
        drawn = None if draws is None else draws[stream]
        alone = injected(times, values[stream], failure, drawn, other=values[::-1][stream])
        for name in ("value", "stamp", "arrival", "present", "changed", "label"):
            assert same(getattr(alone, name), getattr(together, name)[stream])
        mine = together.added.origin // len(times) == stream
        for name in ("number", "stamp", "arrival", "value"):
            assert same(getattr(alone.added, name), getattr(together.added, name)[mine])


@pytest.mark.parametrize("mode", MODES)
def test_what_acts_on_nothing_changes_nothing(mode):
    """On a stretch without samples, on one that was lost, and after its end."""
    times = np.arange(20) * (SECOND // 10)
    assert not doctored(times[:0], np.zeros((2, 0)), mode).label.any()
    lost = doctored(times, np.full(20, nan), mode)
    assert not (lost.label.any() or lost.present.any() or lost.added.origin.size)
    late = doctored(times, np.arange(20.0), mode, onset=2.0)
    assert not (late.label.any() or late.added.origin.size)


@pytest.mark.parametrize("mode", MODES)
def test_a_failure_in_an_ordinary_log_is_seen_in_its_labels(mode):
    """200 samples at 10 Hz, stamped in ns of our epoch."""
    times = 1_700_000_000 * SECOND + np.arange(200) * (SECOND // 10)
    values = 120.0 + 5.0 * np.random.default_rng(5).standard_normal(200)
    found = doctored(times, values, mode, onset=5.0, duration=5.0)
    label = np.flatnonzero(found.label)
    assert set(label) <= set(range(50, 100))
    assert len(label) >= {"saturation": 45, "ghost": 50, "outlier": 15}.get(mode, 10)


def test_a_stuck_sensor_keeps_its_last_value_or_its_first_if_there_was_none_before():
    times = np.arange(6) * (SECOND // 4)
    values = np.array([[1.0, nan, 3.0, 4.0, 5.0, 6.0], [nan, nan, nan, 4.0, nan, 6.0]])
    found = doctored(times, values, "stuck_at", duration=0.75, value=nan)
    assert same(found.value, [[1.0, nan, 1.0, 1.0, 1.0, 6.0], [nan, nan, nan, 4.0, nan, 6.0]])


@given(stretches(), st.integers(0, 12).map(lambda quarter: quarter / 4))
def test_a_stuck_sensor_says_what_a_needle_says_that_no_longer_moves(stretch, onset):
    times, (values,) = stretch
    found = doctored(times, values, "stuck_at", onset=onset, duration=inf, value=nan)
    for time, value, said in zip(times - times[0], values, found.value, strict=True):
        if time >= onset * SECOND and not isnan(value):
            assert said == exact.stuck((times - times[0]).tolist(), values.tolist(), int(onset * SECOND))


def test_late_samples_keep_their_stamps_and_overtake_each_other():
    times, values = np.arange(5) * SECOND, np.arange(5.0)
    failure = Failure("jitter", {"sigma": 1.0}, onset=1.0, duration=3.0)
    found = injected(times, values, failure, np.array([3.0, -1.5, 0.0, 9.0, 3.0]))
    assert (found.arrival / SECOND).tolist() == [0.0, 2.5, 2.0, 9.0, 4.0]
    assert same(found.stamp, times)
    assert found.label.tolist() == [False, True, False, True, False]
    assert found.arrivals().origin.tolist() == [0, 2, 1, 4, 3]
    assert found.arrivals().label.tolist() == [False, False, True, False, True]


def test_an_overtaken_sample_waits_for_a_healthy_one():
    """The draws after the end do not hold up the sample before it; a last one has nothing to wait for."""
    times, failure = np.arange(5) * SECOND, Failure("reordering", {"probability": 0.5}, onset=1.0, duration=1.0)
    found = injected(times, np.zeros(5), failure, np.zeros(5))
    assert (found.arrival / SECOND).tolist() == [0.0, 2.5, 2.0, 3.0, 4.0]
    forever = Failure("reordering", {"probability": 0.5}, onset=1.0)
    assert not injected(times, np.zeros(5), forever, np.zeros(5)).label.any()


def test_a_wrong_clock_tells_another_time_of_the_same_arrival():
    times, values = np.arange(5) * SECOND, np.arange(5.0)
    offset = doctored(times, values, "clock_offset", 1.0, 2.0, offset=-0.25)
    assert (offset.stamp / SECOND).tolist() == [0.0, 0.75, 1.75, 3.0, 4.0]
    drift = doctored(times, values, "clock_drift", 1.0, 3.0, rate=0.5)
    assert (drift.stamp / SECOND).tolist() == [0.0, 1.0, 2.5, 4.0, 4.0]
    for found in (offset, drift):
        assert same(found.arrival, times)
        assert same(found.value, values)


def test_a_copy_comes_besides_the_healthy_sample():
    times, values = np.arange(4) * SECOND, np.array([1.0, 2.0, nan, 4.0])
    failure = Failure("duplication", {"probability": 0.5}, onset=1.0)
    found = injected(times, values, failure, np.array([0.0, 0.0, 0.0, 0.75]))
    assert found.label.tolist() == [False, True, False, False]
    came = found.arrivals()
    assert came.value.tolist() == [1.0, 2.0, 2.0, 4.0]
    assert came.label.tolist() == [False, False, True, False]


def test_an_inventor_of_senders_claims_them_one_behind_the_other():
    times, values = np.arange(3) * SECOND, np.array([100.0, 200.0, 300.0])
    came = doctored(times, values, "sybil", 1.0, 1.0, count=2, spacing=-10.0).arrivals()
    assert came.value.tolist() == [100.0, 200.0, 190.0, 180.0, 300.0]
    assert came.number.tolist() == [0, 0, 1, 2, 0]


@given(stretches(least=2), st.integers(0, 8), st.integers(1, 8), st.sampled_from([1, 2, 3, 8]))
def test_a_flood_repeats_the_newest_message_at_its_rate(stretch, onset, duration, rate):
    times, (values,) = stretch
    found = doctored(times, values, "flooding", onset / 4, duration / 4, rate=float(rate))
    begin = int(times[0]) + onset * SECOND // 4
    expected = exact.flood(times.tolist(), values.tolist(), begin, begin + duration * SECOND // 4, rate)
    added = found.added
    order = np.argsort(added.arrival, kind="stable")
    assert [*zip(added.arrival[order].tolist(), added.value[order].tolist(), strict=True)] == expected
    assert same(added.stamp, added.arrival), "freshly stamped"
    assert same(found.value, values)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25)
@given(stretch=stretches(streams=2))
def test_everything_that_comes_comes_in_order_and_nothing_that_does_not(mode, stretch):
    times, values = stretch
    found = doctored(times, values, mode)
    came = found.arrivals()
    assert (np.diff(came.arrival) >= 0).all()
    assert not np.isnan(came.value).any()
    own = came.number == 0
    assert sorted(came.origin[own]) == np.flatnonzero(found.present).tolist()
    assert same(came.label[own], found.changed.ravel()[came.origin[own]])
    assert came.label[~own].all()
    assert (~own).sum() == found.added.origin.size
    assert mode in ADDS or own.all()


def test_an_arrival_of_its_own_and_a_start_of_its_own():
    """The window is told by the time of measurement, and counts from the start of the log."""
    times, values = np.arange(4) * SECOND, np.arange(4.0)
    failure = Failure("delay", {"delay": 0.5}, onset=3.0, duration=1.0)
    found = injected(times, values, failure, np.zeros(4), arrival=times + SECOND // 4, start=-SECOND)
    assert (found.arrival / SECOND).tolist() == [0.25, 1.25, 2.75, 3.25]
    assert found.label.tolist() == [False, False, True, False]


def test_a_failure_that_cannot_be_is_refused_with_all_that_is_wrong():
    def said(*arguments, **fields):
        with pytest.raises(ValueError) as refused:
            Failure(*arguments, **fields)
        return str(refused.value).splitlines()

    assert said("ofset") == ["no failure mode is called `ofset`; did you mean `offset`?"]
    assert said("x")[0].startswith("no failure mode is called `x`; there are offset, drift, ")
    assert said("offset", {"amplitud": 1.0}) == ["offset has no parameter `amplitud`; did you mean `amplitude`?"]
    assert said("swap", {"rate": 1.0}) == ["swap has no parameter `rate`; it has none"]
    assert said("outlier", {"probability": 10}, onset=-1.0, duration=0.0) == [
        "onset is a time from 0 s to a century, found -1.0",
        "duration is a time above 0 s, found 0.0",
        "outlier needs `amplitude`: a finite number (signal's unit)",
        "probability of outlier is a share from 0 to 1 (1), found 10",
    ]
    assert said("saturation") == ["saturation needs `low` or `high`, or both"]
    assert said("saturation", {"low": 2.0, "high": 1.0}) == [
        "high of saturation is at least `low`, which is 2.0, found 1.0"
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("nonsense", [inf, -inf, nan, "1", None, True, 10**400, 1j])
def test_nonsense_is_no_parameter(mode, nonsense):
    """But for the parameters that say that there is no limit, or the last value."""
    for name in MODES[mode].parameters:
        if (name, repr(nonsense)) in [("low", "-inf"), ("high", "inf"), ("value", "nan")]:
            continue
        with pytest.raises(ValueError, match=name):
            Failure(mode, PARAMETERS[mode] | {name: nonsense})
    for name in ("onset", "duration"):
        if (name, nonsense) != ("duration", inf):
            with pytest.raises(ValueError, match=name):
                Failure(mode, PARAMETERS[mode], **{name: nonsense})


def test_defaults_and_the_label_are_filled_in():
    failure = Failure("omission")
    assert failure.parameters == {"probability": 1.0, "burst": 1.0}
    assert failure.label == "omission"
    assert Failure("omission", label="tunnel").label == "tunnel"


def test_a_stretch_that_does_not_fit_is_refused():
    times, values, failure = np.arange(3), np.zeros(3), Failure("offset", {"amplitude": 1.0})
    with pytest.raises(ValueError, match="time is an array of whole ns along its last axis, found float64"):
        injected(times / 1.0, values, failure)
    with pytest.raises(ValueError, match="time runs backwards after sample 1: sort the stretch"):
        injected(np.array([1, 2, 1]), values, failure)
    with pytest.raises(ValueError, match="arrival runs backwards after sample 0"):
        injected(times, values, failure, arrival=times[::-1])
    with pytest.raises(ValueError, match="no measurement"):
        injected(np.array([NEVER, 1, 2]), values, failure)
    with pytest.raises(ValueError, match="noise needs `draws`"):
        injected(times, values, Failure("noise", {"sigma": 1.0}))
    with pytest.raises(ValueError, match="swap needs `other`"):
        injected(times, values, Failure("swap"))
    with pytest.raises(ValueError, match="broadcast"):
        injected(times, np.zeros(4), failure)


@pytest.mark.parametrize("mode", MODES)
def test_a_log_in_a_few_lines(mode):
    """What the writer of an injector does: the arrays that came in stay as they were."""
    log = {"time": np.arange(40) * (SECOND // 10), "distance": np.linspace(30.0, 50.0, 40)}
    before = {name: column.copy() for name, column in log.items()}
    failure = Failure(mode, PARAMETERS[mode], onset=1.0, duration=2.0)
    drawn = failure.drawn(np.random.default_rng(7), 40)
    came = injected(log["time"], log["distance"], failure, drawn, other=log["distance"] + 20.0).arrivals()
    out = {"time": came.stamp, "distance": came.value, "label": np.where(came.label, failure.label, "")}
    assert len({len(column) for column in out.values()}) == 1
    for name, column in log.items():
        assert same(column, before[name])
