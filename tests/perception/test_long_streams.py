"""A lone signal of which a million samples come: mild surprises add up neither to a jump nor to a jump back."""

import numpy as np
import pytest

from karyon.perception.chain import Chain
from karyon.perception.claims import claims
from karyon.perception.signals import Signal

pytest.importorskip("numba")

from karyon.compiled import compiled, in_series

PERIOD = 0.1
SAMPLES = 1_000_000
STREAMS = 7  # of each signal and noise
PIECE = 100_000  # samples judged at once

SPEED = Signal("speed", noise=0.02, tolerated=0.5, age_limit=0.5)
ACCELERATION = Signal("acceleration", noise=0.1, tolerated=1.0, age_limit=0.5, inertia=False)

SIGNALS = pytest.mark.parametrize("signal", [SPEED, ACCELERATION], ids=lambda signal: signal.name)
NOISES = pytest.mark.parametrize("share", [0.05, 0.8, 1.0], ids=lambda share: f"{share} of the stated noise")


def healthy(signal, share, streams, samples=SAMPLES):
    """Samples (stream, sample) whose surprises are Gaussian, of `share` times the stated noise."""
    rng, sigma = np.random.default_rng(3), share * signal.noise
    if not signal.inertia:
        moved = rng.normal(0.0, 0.5 * sigma, (streams, samples)).cumsum(axis=1)
        return moved + rng.normal(0.0, 0.5 * sigma, (streams, samples))
    moved = 20.0 + 5.0 * np.sin(np.arange(samples) / 300.0)
    return moved + rng.normal(0.0, sigma / 2.3, (streams, samples))


def validity(signal, value):
    """Validity of each stream judged alone (stream, sample)."""
    chain = Chain([signal] * len(value), [], PERIOD)
    chain.quicken(compiled, in_series)
    time = PERIOD * np.arange(value.shape[1])
    pieces = (slice(at, at + PIECE) for at in range(0, time.size, PIECE))
    return np.concatenate([chain.steps(time[piece], value[:, piece]).validity for piece in pieces], axis=1)


@SIGNALS
@NOISES
def test_doubt_does_not_add_up(signal, share):
    """Seven streams of 28 hours: no sample loses a hundredth of its validity, so that none is an alarm."""
    assert validity(signal, healthy(signal, share, STREAMS)).min() > 0.99


@SIGNALS
@NOISES
def test_a_jump_is_doubted_until_the_jump_back(signal, share):
    """The least that is claimed, and twice as much: for 17 hours; the jump back is believed at once."""
    begin, end = 1000, 600_000
    jump = next(claim for claim in claims(signal, PERIOD) if claim.detector == "jump")
    value = healthy(signal, share, 2, end + 1000)
    value[:, begin:end] += jump.amplitude * np.array([[1.0], [-2.0]])
    believed = validity(signal, value)
    assert believed[:, begin:end].max() < 0.1
    assert believed[:, end:].min() > 0.9
