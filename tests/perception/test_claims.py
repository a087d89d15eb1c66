"""What the detectors promise, held against ten thousand random cases each, and ten million healthy samples."""

import numpy as np
import pytest

from karyon.perception import failures
from karyon.perception.chain import Chain
from karyon.perception.claims import RUN_LENGTH, claims, surprise_seen
from karyon.perception.signals import Signal

CASES = 10_000
PERIOD = 0.1
BEGIN = 40  # sample of the onset; before it the chain has settled

SPEED = Signal("speed", noise=0.02, tolerated=0.5, age_limit=0.5, low=-50.0, high=100.0)
ACCELERATION = Signal("acceleration", noise=0.1, tolerated=1.0, age_limit=0.5, low=-20.0, high=20.0, inertia=False)
SIGNALS = [SPEED, ACCELERATION]


def healthy(signal, rng, rows=CASES):
    """Samples for ever, each (row,): what the ones before it predict, and Gaussian noise of the stated size."""
    value = rng.uniform(0.0, 10.0, rows)
    if not signal.inertia:
        while True:
            value = value + rng.normal(0.0, 0.5 * signal.noise, rows)
            yield value + rng.normal(0.0, signal.noise / 2.0, rows)
    rate = rng.normal(0.0, 5.0 * signal.noise, rows)
    while True:
        rate = 0.98 * rate + rng.normal(0.0, 0.1 * signal.noise, rows)
        value = value + rate
        yield value + rng.normal(0.0, signal.noise / 2.3, rows)


def measured(signal, doctored, samples=40, seed=7):
    """Samples from the onset until validity falls below a half (row,), `samples` where it never does.

    doctored   called with the index since the onset and the healthy sample; what the sensor says
    """
    rng = np.random.default_rng(seed)
    chain, source = Chain([signal], [], PERIOD, CASES), healthy(signal, rng)
    for k in range(BEGIN):
        chain.step(np.full(CASES, PERIOD * k), next(source)[None])
    delay = np.full(CASES, samples)
    for k in range(samples):
        value = doctored(k, next(source))
        judged = chain.step(np.full(CASES, PERIOD * (BEGIN + k)), value[None])
        delay = np.where((judged.validity[0] < 0.5) & (delay == samples), k, delay)
    return delay


def claim(signal, detector):
    """What the detector promises."""
    return next(each for each in claims(signal, PERIOD) if each.detector == detector)


def sizes(least, seed=8):
    """Amplitudes from `least` on, up or down."""
    rng = np.random.default_rng(seed)
    return least * rng.uniform(1.0, 5.0, CASES) * rng.choice([-1.0, 1.0], CASES)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_jump_is_seen_as_soon_as_promised(signal):
    """Offset and outlier: in the first sample."""
    promised = claim(signal, "jump")
    size = sizes(promised.amplitude)
    delay = measured(signal, lambda k, value: failures.offset(value, size), samples=3)
    assert (PERIOD * delay).max() <= promised.time


def test_a_drift_is_seen_as_soon_as_promised():
    """In the sample that passes what is tolerated."""
    promised = claim(SPEED, "drift")
    rate = sizes(promised.amplitude)
    passed = np.ceil(SPEED.tolerated / np.abs(rate) / PERIOD) - 1
    delay = measured(SPEED, lambda k, value: failures.drift(value, rate, PERIOD * (k + 1)))
    assert (delay - passed).max() * PERIOD <= promised.time


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_stuck_value_is_seen_as_soon_as_promised(signal):
    """The last value for ever."""
    promised, held = claim(signal, "stuck_at"), {}

    def stuck(k, value):
        held.setdefault("value", value)
        return failures.stuck_at(value, held["value"])

    assert (PERIOD * measured(signal, stuck)).max() <= promised.time + PERIOD


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_silence_is_seen_as_soon_as_promised(signal):
    """Whatever the phase: a hard bound."""
    promised = claim(signal, "timeout")
    delay = measured(signal, lambda k, value: np.full(CASES, np.nan))
    assert (PERIOD * (delay + 1)).max() <= promised.time + 1e-9


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_value_out_of_range_is_seen_at_once(signal):
    """A hard bound."""
    promised = claim(signal, "range")
    delay = measured(signal, lambda k, value: np.full(CASES, signal.high + 1.01 * promised.amplitude), samples=2)
    assert (PERIOD * delay).max() <= promised.time


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_false_alarms_are_as_rare_as_promised(signal):
    """Ten million healthy samples. More than four alarms at one per ten million: less likely than one in 250."""
    rng = np.random.default_rng(9)
    chain, source, alarms = Chain([signal], [], PERIOD, CASES), healthy(signal, rng), 0
    was_low = np.zeros(CASES, dtype=bool)
    for k in range(int(RUN_LENGTH) // CASES):
        low = chain.step(np.full(CASES, PERIOD * k), next(source)[None]).validity[0] < 0.5
        alarms, was_low = alarms + int((low & ~was_low).sum()), low
    assert alarms <= 4


def test_noise_is_what_the_description_says():
    """The healthy samples of these tests differ from what is predicted by the stated noise, within a tenth."""
    for signal in SIGNALS:
        rng = np.random.default_rng(10)
        chain, source, surprises = Chain([signal], [], PERIOD, CASES), healthy(signal, rng), []
        for k in range(60):
            value = next(source)
            if k > 20:
                surprises.append(value - chain._track.belief.value[0] - chain._track.belief.rate[0])
            chain.step(np.full(CASES, PERIOD * k), value[None])
        assert np.std(surprises) == pytest.approx(signal.noise, rel=0.3)


def test_what_a_jump_takes():
    """Some twenty standard deviations after a manoeuvre."""
    assert 20.0 < surprise_seen() < 30.0
