"""Compiled draws: the bits of NumPy's, wherever a stream is, and none at all where they would be others."""

import numpy as np
import pytest

pytest.importorskip("numba")

from karyon.compiled import random_numbers
from karyon.compiled.random_numbers import NUMPY, fill
from karyon.sim import streams
from karyon.sim.streams import NormalBlocks, Purpose, UniformBlocks, stream

TAIL = 3.6541529  # from which on a normal number comes from the logarithm
SHAPES = ((1, 1), (3, 1), (5, 3), (255, 2), (1_280, 1), (700, 9), (1, 7_001))  # steps, numbers of a run at each


def bits(numbers):
    return np.ascontiguousarray(numbers).view(np.uint32)


@pytest.mark.parametrize("runs", [1, 16, 35])
@pytest.mark.parametrize("kind", NUMPY)
def test_bits_are_those_of_numpy_block_after_block(kind, runs):
    """Blocks of odd counts begin in the middle of a word of NumPy's; runs are turned by sixteen and one by one."""
    keys = np.random.default_rng(runs).integers(2**64, size=(runs, 2), dtype=np.uint64)
    keys[0] = 0, 2**64 - 1
    used, draw = np.zeros(runs, dtype=np.uint64), fill(kind, may_compile=True)
    numpy = [np.random.Generator(np.random.Philox(key=key)) for key in keys]
    count, farthest = 0, 0.0
    for steps, share in SHAPES:
        numbers = np.empty((steps, runs, share), dtype=np.float32)
        draw(keys, used, numbers)
        for run, one in enumerate(numpy):
            wanted = getattr(one, NUMPY[kind])((steps, share), dtype=np.float32)
            assert np.array_equal(bits(numbers[:, run]), bits(wanted))
        count, farthest = count + numbers.size, max(farthest, np.abs(numbers).max())
    if kind == "normals":
        assert used.sum() > 1.01 * count, "none was drawn beside the curve"
        assert runs == 1 or farthest > TAIL, "none was drawn in the tail"
    else:
        assert used.sum() == count


@pytest.mark.parametrize("blocks", [NormalBlocks, UniformBlocks])
def test_blocks_that_are_quickened_have_the_same_numbers(blocks, monkeypatch):
    plain, quick, late = (blocks(range(20), Purpose.SENSORS, 5, 3, 600) for _ in range(3))
    assert np.array_equal(bits(plain.next()), bits(late.next()))
    quick.quicken(may_compile=True)
    late.quicken(may_compile=True)  # NumPy has begun, and goes on
    monkeypatch.setattr(quick, "_fill_in_numpy", lambda: pytest.fail("NumPy draws"))
    assert np.array_equal(bits(plain._block[0]), bits(quick.next()))
    for _ in range(700):
        wanted = bits(plain.next())
        assert np.array_equal(wanted, bits(quick.next()))
        assert np.array_equal(wanted, bits(late.next()))


def test_where_the_logarithm_is_another_one_numpy_draws(monkeypatch):
    """One bit of the numbers in the tail is enough to be told."""
    compiled = random_numbers._compiled("normals", may_compile=True)

    def otherwise(keys, used, numbers):
        compiled(keys, used, numbers)
        bits_there = numbers.view(np.uint32)
        bits_there[np.abs(numbers) > TAIL] += 1

    monkeypatch.setattr(random_numbers, "_compiled", lambda *_, **__: otherwise)
    assert fill.__wrapped__("normals", may_compile=True) is None
    monkeypatch.setattr(streams, "fill", fill.__wrapped__)
    quick = NormalBlocks([7], Purpose.SENSORS, 5, 1)
    quick.quicken(may_compile=True)
    wanted = stream(7, Purpose.SENSORS).standard_normal((streams.BLOCK, 5), dtype=np.float32)
    assert np.array_equal(bits(np.array([quick.next()[:, 0].copy() for _ in wanted])), bits(wanted))


def test_what_may_not_be_compiled_comes_from_the_cache_or_not_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert random_numbers._compiled.__wrapped__("uniforms", may_compile=False) is None
    assert random_numbers._compiled.__wrapped__("uniforms", may_compile=True) is not None
    assert random_numbers._compiled.__wrapped__("uniforms", may_compile=False) is not None


def test_a_compiler_that_fails_leaves_it_to_numpy(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(random_numbers, "_compiled", fails)
    assert fill.__wrapped__("normals", may_compile=True) is None
