"""Compiled draws: the bits of NumPy's, wherever a stream is, and none at all where they would be others."""

import numpy as np
import pytest

pytest.importorskip("numba")

from karyon.compiled import random_numbers
from karyon.compiled.random_numbers import NUMPY, Drawing, drawing_of
from karyon.compiled.tape import Ring, Tape
from karyon.sim import streams
from karyon.sim.streams import NormalBlocks, Purpose, UniformBlocks, stream

TAIL = 3.6541529  # from which on a normal number comes from the logarithm
SHAPES = ((1, 1, 1), (3, 1, 1), (1, 5, 3), (255, 1, 2), (256, 5, 1), (100, 7, 9), (1, 1, 70_001))  # slots, of a run


def bits(numbers):
    return np.ascontiguousarray(numbers).view(np.uint32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("runs", [1, 16, 35])
@pytest.mark.parametrize("kind", NUMPY)
def test_bits_are_those_of_numpy_block_after_block(kind, runs, shape):
    """Blocks of odd counts begin in the middle of a word of NumPy's; runs are turned by sixteen and one by one."""
    keys = np.random.default_rng(runs).integers(2**64, size=(runs, 2), dtype=np.uint64)
    keys[0] = 0, 2**64 - 1
    slots, channels, share = shape
    drawing = Drawing(
        drawing_of(kind, may_compile=True), keys, Ring(np.empty((slots, channels, runs * share), dtype=np.float32))
    )
    by_numpy = [np.random.Generator(np.random.Philox(key=key)) for key in keys]
    for _ in range(3):
        Tape().run(drawing)
        for run, one in enumerate(by_numpy):
            wanted = getattr(one, NUMPY[kind])(shape, dtype=np.float32)
            own = drawing.ring.slots[..., run * share : (run + 1) * share]
            assert np.array_equal(bits(own), bits(wanted))


def test_what_is_held_against_numpy_at_first_has_numbers_from_everywhere():
    """Beside the curve, where another word is taken, and in the tail, where two more are."""
    drawing = Drawing(drawing_of("normals", may_compile=True), np.zeros((1, 2), dtype=np.uint64), ring())
    Tape().run(drawing)
    used = int(drawing._arrays[3][0])
    assert used > 1.01 * random_numbers.TRIED
    assert np.count_nonzero(np.abs(drawing.ring.slots) > TAIL) > 20


def ring():
    return Ring(np.empty((random_numbers.TRIED, 1, 1), dtype=np.float32))


def test_a_ring_is_drawn_anew_only_when_its_first_slot_is_next():
    drawing = Drawing(drawing_of("uniforms", may_compile=True), np.zeros((1, 2), dtype=np.uint64), ring())
    drawing.ring.slots[:] = -1.0
    drawing.ring.place[0] = 1
    Tape().run(drawing)
    assert (drawing.ring.slots == -1.0).all()
    drawing.ring.place[0] = 0
    Tape().run(drawing)
    assert (drawing.ring.slots >= 0.0).all()


@pytest.mark.parametrize("blocks", [NormalBlocks, UniformBlocks])
def test_blocks_that_are_quickened_have_the_same_numbers(blocks):
    plain, quick, late = (blocks(range(20), Purpose.SENSORS, 5, 3, 600) for _ in range(3))
    assert np.array_equal(bits(plain.next()), bits(late.next()))
    quick.quicken(may_compile=True)
    late.quicken(may_compile=True)  # NumPy has begun, and goes on
    assert np.array_equal(bits(plain._ring.slots[0]), bits(quick.next()))
    for _ in range(700):
        wanted = bits(plain.next())
        assert np.array_equal(wanted, bits(quick.next()))
        assert np.array_equal(wanted, bits(late.next()))
    assert quick._drawing is not None
    assert quick.left > 10**9
    assert late._drawing is None


def test_where_the_logarithm_is_another_one_numpy_draws(monkeypatch):
    """One bit of a number in the tail is enough to be told."""
    run = Tape.run

    def otherwise(self, loop):
        run(self, loop)
        bits_there = loop.ring.slots.view(np.uint32)
        bits_there[np.abs(loop.ring.slots) > TAIL] += 1

    monkeypatch.setattr(Tape, "run", otherwise)
    monkeypatch.setattr(streams, "drawing_of", drawing_of.__wrapped__)
    quick = NormalBlocks([7], Purpose.SENSORS, 5, 1)
    quick.quicken(may_compile=True)
    wanted = stream(7, Purpose.SENSORS).standard_normal((streams.BLOCK, 5), dtype=np.float32)
    assert np.array_equal(bits(np.array([quick.next()[:, 0].copy() for _ in wanted])), bits(wanted))
    assert quick._drawing is None


def test_what_may_not_be_compiled_comes_from_the_cache_or_not_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert random_numbers._compiled.__wrapped__("uniforms", may_compile=False) is None
    assert random_numbers._compiled.__wrapped__("uniforms", may_compile=True) is not None
    assert random_numbers._compiled.__wrapped__("uniforms", may_compile=False) is not None


def test_a_compiler_that_fails_leaves_it_to_numpy(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(random_numbers, "_compiled", fails)
    assert drawing_of.__wrapped__("normals", may_compile=True) is None
