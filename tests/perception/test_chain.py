"""The default chain: from samples of several signals to validity, age and who lowered it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from karyon.perception.chain import DETECTORS, Chain
from karyon.perception.residuals import Kind, Relation
from karyon.perception.signals import Signal

PERIOD = 0.1
AHEAD = 12  # samples by which GPS is ahead of the wheels
SAMPLES = 400

WHEELS = Signal("wheels", noise=0.01, tolerated=0.3, age_limit=0.5, low=-1.0, high=60.0, rest=0.0)
GPS = Signal("gps", noise=0.01, tolerated=0.3, age_limit=0.5, low=-1.0, high=60.0)
ACCELERATION = Signal("acceleration", noise=0.05, tolerated=0.6, age_limit=0.5, low=-12.0, high=12.0, inertia=False)
SAME = Relation(0, 1, Kind.SAME, AHEAD, noise=0.05)
RATE = Relation(2, 1, Kind.RATE, AHEAD, noise=0.1, accuses=True)


@pytest.fixture
def drive():
    """Wheel speed, GPS speed that is ahead of it, and acceleration (signal, sample)."""
    noise = np.random.default_rng(3).normal(0.0, 1.0, (3, SAMPLES))
    time = PERIOD * np.arange(SAMPLES + AHEAD)
    speed, acceleration = 20.0 + 6.0 * np.sin(time / 4.0), 1.5 * np.cos(time / 4.0)
    return np.stack(
        [
            speed[:SAMPLES] + 0.003 * noise[0],
            speed[AHEAD:] + 0.003 * noise[1],
            acceleration[:SAMPLES] + 0.03 * noise[2],
        ]
    )


def judged(values, signals=(WHEELS, GPS, ACCELERATION), relations=(SAME, RATE), time=None):
    """Validity (signal, sample), age, and per detector where it lowered."""
    time = PERIOD * np.arange(values.shape[1]) if time is None else time
    chain = Chain(signals, relations, PERIOD)
    steps = [chain.step(time[k : k + 1], values[:, k : k + 1]) for k in range(values.shape[1])]
    validity, age = (np.concatenate([getattr(step, name) for step in steps], axis=1) for name in ("validity", "age"))
    return validity, age, {name: np.concatenate([step.lowered[name] for step in steps], axis=1) for name in DETECTORS}


def test_a_healthy_drive_is_valid(drive):
    """All signals, from the first sample on."""
    validity, age, _ = judged(drive)
    assert validity.min() > 0.5
    assert (age == 0.0).all()


@pytest.mark.parametrize("signal", [0, 1, 2])
def test_the_faulty_signal_is_blamed(drive, signal):
    """A jump of any of the three: its validity is the lowest, and no other falls below a half."""
    drive[signal, 200:220] += 3.0
    validity, _, lowered = judged(drive)
    assert validity[signal, 200:220].max() < 0.5
    others = np.delete(validity, signal, axis=0)
    assert others.min() > 0.5
    assert lowered["jump"][signal, 200:220].all()


@pytest.mark.parametrize("signal", [0, 1, 2])
def test_service_comes_back_when_the_fault_ends(drive, signal):
    """Within two seconds."""
    drive[signal, 200:220] += 3.0
    validity, _, _ = judged(drive)
    assert validity[signal, 240:].min() > 0.8


def test_a_log_that_jumps_is_no_sensor_fault(drive):
    """Where both speeds leap alike, a piece of the log is missing."""
    drive[:2, 200:] += 3.0
    validity, _, _ = judged(drive)
    assert validity[:2].min() > 0.5


@pytest.mark.parametrize(("value", "least"), [(60.1, 0.6), (60.3, 0.0), (-1.3, 0.0)])
def test_out_of_range_is_invalid_by_as_much_as_is_tolerated(drive, value, least):
    """A little beyond the range may be noise."""
    drive[0, 200] = value
    validity, _, lowered = judged(drive)
    assert validity[0, 200] <= least + 0.1
    assert lowered["range"][0, 200]
    assert validity[0, 201] > 0.5


def test_a_missing_sample_ages(drive):
    """Validity falls with age, to 0 at the limit, and comes back with the next sample."""
    drive[0, 200:206] = np.nan
    validity, age, lowered = judged(drive)
    assert age[0, 199:207] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.0])
    assert (np.diff(validity[0, 199:206]) <= 0.0).all()
    assert (validity[0, 204:206] == 0.0).all()
    assert lowered["timeout"][0, 203:206].all()
    assert validity[0, 206] > 0.8


def test_before_the_first_sample_nothing_is_known(drive):
    """Validity 0, infinite age."""
    drive[1, :50] = np.nan
    validity, age, _ = judged(drive)
    assert (validity[1, :50] == 0.0).all()
    assert np.isinf(age[1, :50]).all()


def test_a_doubted_signal_is_not_healed_by_silence(drive):
    """Time alone never restores validity, nor does a gap."""
    drive[0, 200:] += 3.0
    drive[0, 210:230] = np.nan
    validity, _, _ = judged(drive, relations=())
    assert validity[0, 230:].max() < 0.5


@pytest.mark.parametrize("stamp", [19.9, 19.8, 0.0, np.nan, np.inf, -np.inf])
def test_a_stamp_that_does_not_rise_is_not_believed(drive, stamp):
    """Repeated, from the past, or none: no sample of that row counts."""
    time = PERIOD * np.arange(SAMPLES)
    time[200] = stamp
    validity, _, lowered = judged(drive, time=time)
    assert (validity[:, 200] == 0.0).all()
    assert lowered["time_stamp"][:, 200].all()
    assert validity[:, 202:].min() > 0.8


@given(
    values=arrays.arrays(np.float64, (3, 25), elements=st.floats(width=64)),
    time=arrays.arrays(np.float64, 25, elements=st.floats(width=64)),
)
@settings(max_examples=200)
def test_nothing_raises_and_validity_is_a_share(values, time):
    """Any doubles as samples and as stamps: NaN, infinite, denormal, huge, backwards."""
    validity, age, _ = judged(values, time=time)
    assert ((validity >= 0.0) & (validity <= 1.0)).all()
    assert (age >= 0.0).all()


@given(lost=st.lists(st.integers(1, 199), max_size=20))
def test_a_lost_sample_never_raises_validity(lost):
    """Whatever is lost: no sample is more valid for it than the last one before it."""
    values = 20.0 + np.random.default_rng(4).normal(0.0, 0.003, (1, 200))
    values[0, lost] = np.nan
    validity, _, _ = judged(values, signals=(GPS,), relations=())
    for at in lost:
        assert validity[0, at] <= validity[0, at - 1]


def test_logs_side_by_side_have_the_bits_of_each_alone(drive):
    """Rows of one chain."""
    faulty = drive.copy()
    faulty[1, 100:130] += 1.0
    both = np.stack([drive, faulty], axis=2)
    chain = Chain((WHEELS, GPS, ACCELERATION), (SAME, RATE), PERIOD, rows=2)
    together = np.stack([chain.step(np.full(2, PERIOD * k), both[:, k]).validity for k in range(SAMPLES)], axis=1)
    for row, alone in enumerate((drive, faulty)):
        assert (together[:, :, row] == judged(alone)[0]).all()


SLOW = Signal("slow", noise=0.02, tolerated=0.3, age_limit=3.5 * 5 * PERIOD, low=-1.0, high=60.0, period=5 * PERIOD)


def paced(signal, jump=0.0):
    """Validity of a signal with a sample in every fifth row, each (sample,)."""
    speed = 20.0 + 6.0 * np.sin(PERIOD * np.arange(SAMPLES) / 4.0)
    values = np.full((1, SAMPLES), np.nan)
    values[0, ::5] = (speed + np.random.default_rng(4).normal(0.0, 0.002, SAMPLES))[::5]
    values[0, 200:250:5] += jump
    return judged(values, (signal,), ())[0][0]


def test_a_signal_that_is_slower_than_the_log_is_judged_at_its_own_pace():
    """Its rate is one between its own samples; between them it ages, but is not doubted."""
    assert paced(SLOW)[20:].min() > 0.8
    assert paced(SLOW, jump=2.0)[200:250:5].max() < 0.5
    assert paced(SLOW, jump=2.0)[260:].min() > 0.5


def test_a_pace_that_is_not_described_hides_failures():
    """Each sample then comes after a gap, which may have changed anything."""
    assert paced(replace(SLOW, period=np.nan), jump=2.0)[200:250:5].max() > 0.5


@pytest.mark.parametrize("scale", [3.6, 0.01])
def test_a_source_in_another_unit_says_the_same(drive, scale):
    """A drift of the wheels, and a jump, are seen in the same samples, whatever the unit of GPS."""
    drive[0, 150:] += 0.05 * np.arange(SAMPLES - 150)
    drive[2, 300:] += 3.0
    accusing = (replace(SAME, accuses=True), RATE)
    plain, _, _ = judged(drive, relations=accusing)
    other = drive.copy()
    other[1] *= scale
    gps = replace(GPS, noise=GPS.noise * scale, tolerated=GPS.tolerated * scale, low=-scale, high=60.0 * scale)
    relations = tuple(replace(each, scale=1.0 / scale) for each in accusing)
    scaled, _, _ = judged(other, (WHEELS, gps, ACCELERATION), relations)
    assert (plain[0] < 0.5).any()
    assert scaled == pytest.approx(plain, abs=1e-6)


def test_a_signal_that_is_no_series_is_judged_row_by_row():
    """Any jump is healthy, and so is what repeats; what is out of range or silent is not."""
    values = np.array(
        [[3.0, 55.0, 8.0, 8.0, 8.0, 8.0, 8.0, 40.0, 99.0, 20.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan]]
    )
    validity, _, lowered = judged(values, (replace(WHEELS, series=False),), ())
    assert (validity[0, [0, 1, 2, 3, 4, 5, 6, 7, 9]] == 1.0).all()
    assert validity[0, 8] == 0.0
    assert lowered["range"][0, 8]
    assert validity[0, -1] == 0.0
