"""Draws of a run: the same numbers, however many are drawn at once."""

import numpy as np
import pytest

from karyon.sim.streams import BLOCK, GammaBlocks, NormalBlocks, Purpose, UniformBlocks, stream


@pytest.mark.parametrize("vehicles", [7, 300_001])
@pytest.mark.parametrize(
    ("blocks", "draw"),
    [
        (UniformBlocks, lambda one, shape: one.random(shape, dtype=np.float32)),
        (NormalBlocks, lambda one, shape: one.standard_normal(shape, dtype=np.float32)),
        (
            lambda *given: GammaBlocks(*given, shape=1.5),
            lambda one, shape: one.standard_gamma(1.5, shape, dtype=np.float32),
        ),
    ],
    ids=["uniform", "normal", "gamma"],
)
def test_blocks_are_a_stream_drawn_in_one_go(blocks, draw, vehicles):
    """Of many cars fewer steps are drawn at once, to bound the memory."""
    steps = BLOCK + 3 if vehicles < 100 else 5
    tried = blocks([1, 2], Purpose.LINKS, 1, vehicles)
    got = np.array([tried.next()[0].copy() for _ in range(steps)])
    wanted = [draw(stream(seed, Purpose.LINKS), (steps, vehicles)) for seed in (1, 2)]
    assert np.array_equal(got, np.concatenate(wanted, axis=1))


def test_no_more_is_drawn_than_is_expected():
    """Blocks of one length share what a run needs; whoever asks for more gets the numbers that follow."""
    expected = BLOCK + 1
    tried = NormalBlocks([1], Purpose.SENSORS, 2, 3, expected)
    got = np.array([tried.next().copy() for _ in range(2 * expected)])
    assert np.array_equal(got, stream(1, Purpose.SENSORS).standard_normal((2 * expected, 2, 3), dtype=np.float32))
    assert tried._ring.slots.nbytes <= np.dtype(np.float32).itemsize * 2 * 3 * (expected + 1) / 2
