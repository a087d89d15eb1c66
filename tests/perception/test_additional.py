"""Detectors beside the default chain: what each sees and promises, what all have to keep, and how they are used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception import failures
from karyon.perception.additional import BUILT_IN, Additional, Cusum, Sample, cusum_limit
from karyon.perception.chain import DETECTORS, Chain
from karyon.perception.claims import additional
from karyon.perception.contract import broken
from karyon.perception.residuals import Kind, Relation
from karyon.perception.signals import Signal
from tests.blocks import files

CASES = 10_000
PERIOD = 0.1
SPEED = Signal("speed", noise=0.02, tolerated=0.2, age_limit=0.5, rate_limit=12.0)
ACCELERATION = Signal("acceleration", noise=0.1, tolerated=1.0, age_limit=0.5, inertia=False, rate_limit=50.0)
COUNTER = Signal("counter", noise=1.0, tolerated=1.0, age_limit=0.5, low=0.0, high=255.0)
RESIDUAL_NOISE = 0.1
RATE_NOISE = 0.1
SETTLED = 60


def sample(at, value, residual=np.nan, fresh=True, rate=np.nan):
    """One sample of every case."""
    value = np.broadcast_to(np.asarray(value, dtype=float), (CASES,))
    is_fresh = np.full(CASES, fresh)
    residual, noise = np.broadcast_to(residual, (CASES,)), np.full(CASES, RESIDUAL_NOISE)
    time, rate, rate_noise = np.full(CASES, PERIOD * at), np.broadcast_to(rate, (CASES,)), np.full(CASES, RATE_NOISE)
    return Sample(time, np.where(is_fresh, value, np.nan), is_fresh, residual, noise, rate, rate_noise)


def calm(signal, rng):
    """Healthy samples for ever, each (row,): surprises of the stated size."""
    value, rate = np.zeros(CASES), np.zeros(CASES)
    while True:
        if signal.inertia:
            rate = 0.98 * rate + rng.normal(0.0, 0.1 * signal.noise, CASES)
        value = value + rate
        yield value + rng.normal(0.0, signal.noise / (2.3 if signal.inertia else 1.42), CASES)


def promised(name, signal):
    return additional(name, signal, PERIOD, RESIDUAL_NOISE)


@pytest.mark.parametrize("signal", [SPEED, ACCELERATION], ids=lambda signal: signal.name)
def test_noise_is_seen_as_soon_as_promised(signal):
    """Ten thousand cases of the least amplitude that is promised."""
    claim, rng = promised("noise", signal), np.random.default_rng(1)
    detector, source = BUILT_IN["noise"](signal, PERIOD, CASES), calm(signal, rng)
    for at in range(SETTLED):
        detector.step(sample(at, next(source)))
    delay = np.full(CASES, np.inf)
    for k in range(round(claim.time / PERIOD) + 1):
        louder = failures.noise(next(source), claim.amplitude, rng.normal(0.0, 1.0, CASES))
        seen = detector.step(sample(SETTLED + k, louder)) < 0.5
        delay = np.where(seen & np.isinf(delay), k, delay)
    assert (PERIOD * delay).max() <= claim.time


@pytest.mark.parametrize("share", [1.0, 1.5, 4.0])
def test_an_offset_is_summed_up_as_soon_as_promised(share):
    claim, rng = promised("cusum", SPEED), np.random.default_rng(2)
    detector = BUILT_IN["cusum"](SPEED, PERIOD, CASES)
    for at in range(SETTLED):
        detector.step(sample(at, 0.0, rng.normal(0.0, RESIDUAL_NOISE, CASES)))
    delay = np.full(CASES, np.inf)
    for k in range(round(claim.time / PERIOD) + 1):
        residual = share * claim.amplitude + rng.normal(0.0, RESIDUAL_NOISE, CASES)
        seen = detector.step(sample(SETTLED + k, 0.0, residual)) < 0.5
        delay = np.where(seen & np.isinf(delay), k, delay)
    assert (PERIOD * (delay + 1)).max() <= claim.time


@pytest.mark.parametrize("signal", [SPEED, ACCELERATION], ids=lambda signal: signal.name)
def test_a_forbidden_rate_is_seen_at_once(signal):
    """A hard bound."""
    claim, rng = promised("rate", signal), np.random.default_rng(3)
    detector, source = BUILT_IN["rate"](signal, PERIOD, CASES), calm(signal, rng)
    last = next(source)
    detector.step(sample(0, last))
    change = signal.rate_limit * PERIOD + claim.amplitude * rng.uniform(1.0, 10.0, CASES)
    assert (detector.step(sample(1, last + change * rng.choice([-1.0, 1.0], CASES))) < 0.5).all()


@given(st.integers(2, 50), st.sampled_from([1.0, -1.0]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_rate_is_that_of_all_the_time_since_the_last_sample(gap, sign):
    """What physics allows in the time that has passed is no failure, however long the silence was."""
    detector = BUILT_IN["rate"](SPEED, PERIOD, CASES)
    detector.step(sample(0, 1.0))
    for at in range(1, gap):
        assert (detector.step(sample(at, 0.0, fresh=False)) == 1.0).all()
    assert (detector.step(sample(gap, 1.0 + sign * SPEED.rate_limit * PERIOD * gap)) == 1.0).all()


def test_a_counter_that_misses_or_repeats_is_seen_at_once():
    """And the end of its range is the beginning of the next round."""
    detector = BUILT_IN["counter"](COUNTER, PERIOD, CASES)
    given_, expected = [253, 254, 255, 0, 1, 3, 4, 4, 5, 2], [1, 1, 1, 1, 1, 0, 1, 0, 1, 0]
    assert [float(detector.step(sample(at, number))[0]) for at, number in enumerate(given_)] == expected


@pytest.mark.parametrize("name", ["rate", "noise", "cusum"])
@pytest.mark.parametrize("signal", [SPEED, ACCELERATION], ids=lambda signal: signal.name)
def test_false_alarms_are_as_rare_as_promised(name, signal):
    """Ten million healthy samples. More than four alarms at one per ten million: less likely than one in 250."""
    claim, rng, alarms = promised(name, signal), np.random.default_rng(5), 0
    detector, source = BUILT_IN[name](signal, PERIOD, CASES), calm(signal, rng)
    was_low = np.zeros(CASES, dtype=bool)
    for at in range(int(claim.run_length) // CASES):
        low = detector.step(sample(at, next(source), rng.normal(0.0, RESIDUAL_NOISE, CASES))) < 0.5
        alarms, was_low = alarms + int((low & ~was_low).sum()), low
    assert alarms <= 4


def test_the_limit_of_the_sum_is_no_larger_than_its_run_length_needs():
    """At a limit a third lower, false alarms come far more often than promised: the limit is not slack."""
    rng, slack = np.random.default_rng(6), 0.5 * SPEED.tolerated
    limit = float(cusum_limit(slack, np.array(RESIDUAL_NOISE)))
    up, crossed = np.zeros(CASES), 0
    for _ in range(200):
        up = np.maximum(0.0, up + rng.normal(0.0, RESIDUAL_NOISE, CASES) - slack)
        crossed += int((up > 0.67 * limit).sum())
        up = np.where(up > 0.67 * limit, 0.0, up)
    assert crossed > 10


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("signal", [SPEED, ACCELERATION, COUNTER], ids=lambda signal: signal.name)
def test_those_built_in_keep_the_contract(name, signal):
    assert broken(BUILT_IN[name], signal, PERIOD) == []


class Fair:
    """Validity 1, whatever comes."""

    def __init__(self, signal, period, rows):
        self.rows = rows

    def step(self, sample):
        return np.ones(self.rows)


class Raising(Fair):
    def step(self, sample):
        raise RuntimeError("no sensor")


class Doubtful(Fair):
    def step(self, sample):
        return np.where(np.isfinite(sample.value), 1.0, np.nan)


class Boastful(Fair):
    def step(self, sample):
        return np.full(self.rows, 1.5)


class Crowded(Fair):
    def step(self, sample):
        return np.full(self.rows, 1.0 / self.rows)


class Moody(Fair):
    def step(self, sample):
        return np.random.default_rng().random(self.rows)


class Hoarding(Fair):
    def __init__(self, signal, period, rows):
        super().__init__(signal, period, rows)
        self.all = []

    def step(self, sample):
        self.all.append(sample.value)
        return np.ones(self.rows)


class Square(Fair):
    def step(self, sample):
        return np.ones((self.rows, self.rows))


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (Raising, "raises RuntimeError: no sensor"),
        (Doubtful, "answers something other than a validity"),
        (Boastful, "answers something other than a validity"),
        (Crowded, "for a log alone"),
        (Moody, "in two ways"),
        (Hoarding, "remembers more with every sample"),
        (Square, "an answer of shape (7, 7) for 7 logs"),
    ],
)
def test_a_breach_of_the_contract_is_told(factory, words):
    assert any(words in told for told in broken(factory, SPEED, PERIOD))
    assert broken(Fair, SPEED, PERIOD) == []


def step(factory, value=0.0):
    """The second of two samples as the chain judges it, with one more detector of its only signal."""
    chain = Chain([SPEED], [], PERIOD, additional=[Additional("own", 0, factory)])
    chain.step(np.zeros(1), np.zeros((1, 1)))
    return chain.step(np.full(1, PERIOD), np.full((1, 1), value))


def test_the_least_favourable_opinion_counts_and_is_named():
    class Half(Fair):
        def step(self, sample):
            return np.full(self.rows, 0.5)

    judged = step(Half)
    assert judged.validity == 0.5
    assert [name for name, where in judged.lowered.items() if where.any()] == ["own"]
    assert list(judged.lowered) == [*DETECTORS, "own"]


@pytest.mark.parametrize("factory", [Raising, Boastful, Square])
def test_a_detector_that_fails_vouches_for_nothing(factory):
    """Nothing is raised, and validity does not rise."""
    assert step(factory).validity == 0.0


def test_no_opinion_raises_validity():
    assert step(Fair, value=50.0).validity == step(Fair, value=50.0).validity < 0.5


def test_the_sum_is_told_the_residual_of_the_relation():
    """A constant offset between two sources that the chain learns to live with in time is summed up before."""
    rng, lowered = np.random.default_rng(7), []
    speeds = [Signal(name, noise=0.05, tolerated=0.2, age_limit=0.5) for name in ("wheels", "gps")]
    relation = Relation(0, 1, Kind.SAME, 0, noise=0.05)
    chain = Chain(speeds, [relation], PERIOD, additional=[Additional("cusum", 0, Cusum)])
    for at in range(600):
        drifted = np.array([[20.0 + 0.01 * max(0, at - 300)], [20.0]]) + rng.normal(0.0, 0.02, (2, 1))
        lowered.append(bool(chain.step(np.full(1, PERIOD * at), drifted).lowered["cusum"][0, 0]))
    assert not any(lowered[:300])
    assert any(lowered[300:360])


def test_the_example_of_the_manual_keeps_the_contract():
    """The check in docs/perceive.md."""
    names = {}
    exec(files("perceive.md")["my_checks.py"], names)
    assert broken(names["Ceiling"], SPEED, PERIOD) == []
    assert step(names["Ceiling"], value=50.0).lowered["own"].all()
