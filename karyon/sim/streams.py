"""Random numbers of a run: one counter-based stream per run and purpose, so that a run has the same bits anywhere."""

from collections.abc import Sequence
from enum import IntEnum
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from karyon.compiled.random_numbers import Kind, fill
from karyon.compiled.tape import Ring, Tape

Singles = NDArray[np.float32]

BLOCK = 256  # steps drawn at once: single draws would cost more than the whole cycle
TURNED = 2**16  # draws that stay in the cache until they are turned from runs to steps
DRAWS_MAX = 2**20  # of a run and purpose at once: 4 MB, however many cars and links there are


class Purpose(IntEnum):
    """What a stream is for: half of its key. Numbers are never reused."""

    SENSORS = 1
    MESSAGES = 2
    BIAS = 3
    LOSS = 4
    LINKS = 5
    INERTIA = 6
    BURSTS = 10
    FADING = 11
    LATENCY = 12
    REPLAYED_DELAYS = 13
    REPLAYED_LOSSES = 14
    SLOTS = 15
    OWN_RADIO_MODEL = 16
    TRAFFIC = 20
    WISHES = 21
    BOOTSTRAP = 30
    SEARCH = 31
    DESCENT = 32
    ENCOUNTER = 40
    FAULTS = 1000  # plus the index of the fault in its scenario


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The stream of a run's `seed` (0 .. 2^64 - 1) for one purpose. [Salmon 2011, Philox]"""
    return np.random.Generator(np.random.Philox(key=np.array([seed, purpose], dtype=np.uint64)))


class Blocks:
    """Draws for each step of many runs, block by block.

    seeds      one per run; `channels` draws per step and vehicle
    expected   steps in all, so that no more are drawn than needed; 0: not known
    tape       that may record what is taken
    Each run draws from its own stream, whatever else is in the batch.
    """

    _kind: Kind | None = None  # of compiled draws that are the same

    def __init__(
        self,
        seeds: Sequence[int],
        purpose: Purpose,
        channels: int,
        vehicles: int,
        expected: int = 0,
        tape: Tape | None = None,
    ) -> None:
        self._keys = np.array([(seed, purpose) for seed in seeds], dtype=np.uint64).reshape(-1, 2)
        self._used = np.zeros(len(seeds), dtype=np.uint64)
        self._streams = list[np.random.Generator]()  # those of NumPy, where that draws
        self._is_quick = self._may_compile = False
        most = max(1, min(BLOCK, DRAWS_MAX // (channels * vehicles)))
        self._steps = ceil(expected / ceil(expected / most)) if expected else most
        shape = self._steps, channels, vehicles
        self._block: Singles = np.empty((self._steps, channels, len(seeds) * vehicles), dtype=np.float32)
        self._drawn: Singles = np.empty((min(len(seeds), max(1, TURNED // prod(shape))), *shape), dtype=np.float32)
        self._ring, self._tape = Ring(self._block), tape or Tape()  # at the first step all is still to be drawn

    def quicken(self, *, may_compile: bool) -> None:
        """Go on with compiled draws where NumPy has drawn none yet: the bits stay the same.

        may_compile   or else only where that has been done before
        """
        self._is_quick, self._may_compile = True, may_compile

    @property
    def left(self) -> int:
        """Steps that are drawn already."""
        return self._ring.left % self._steps

    def next(self) -> Singles:
        """Draws of the next step (channel, run x vehicle)."""
        step = self._begin()
        self._ring.place[0] = (step + 1) % self._steps
        block: Singles = self._block[step]
        return block

    def take(self, into: Singles) -> None:
        """The same, copied."""
        self._begin()
        self._tape.take(self._ring, into)

    def _begin(self) -> int:
        """Number of the next step, which is drawn."""
        step = int(self._ring.place[0])
        if step == 0:
            self._fill()
        return step

    def _fill(self) -> None:
        """Draw for all steps of the block."""
        drawing = None
        if self._is_quick and self._kind is not None and not self._streams:
            drawing = fill(self._kind, may_compile=self._may_compile)
        if drawing is None:
            self._fill_in_numpy()
        else:
            drawing(self._keys, self._used, self._block.reshape(-1, len(self._keys), self._drawn.shape[-1]))

    def _fill_in_numpy(self) -> None:
        """Of some runs at a time: what comes by runs is turned to come by steps."""
        self._streams = self._streams or [stream(seed, purpose) for seed, purpose in self._keys.tolist()]
        steps, channels, vehicles = self._drawn.shape[1:]
        by_run = self._block.reshape(steps, channels, -1, vehicles).transpose(2, 0, 1, 3)
        for begin in range(0, len(self._streams), len(self._drawn)):
            streams = self._streams[begin : begin + len(self._drawn)]
            for one, drawn in zip(streams, self._drawn, strict=False):
                self._draw(one, drawn)
            turned, drawn = by_run[begin : begin + len(streams)], self._drawn[: len(streams)]
            if vehicles > len(streams):
                turned[:] = drawn
            else:  # the longest row is copied at once
                for vehicle in range(vehicles):
                    turned[..., vehicle] = drawn[..., vehicle]

    def _draw(self, one: np.random.Generator, out: Singles) -> None:
        raise NotImplementedError


class NormalBlocks(Blocks):
    """Standard normal draws."""

    _kind = "normals"

    def _draw(self, one: np.random.Generator, out: Singles) -> None:
        one.standard_normal(dtype=np.float32, out=out)


class UniformBlocks(Blocks):
    """Draws from [0, 1)."""

    _kind = "uniforms"

    def _draw(self, one: np.random.Generator, out: Singles) -> None:
        one.random(dtype=np.float32, out=out)


class GammaBlocks(Blocks):
    """Draws from a gamma distribution of this shape and scale 1."""

    def __init__(self, seeds: Sequence[int], purpose: Purpose, channels: int, vehicles: int, shape: float) -> None:
        super().__init__(seeds, purpose, channels, vehicles)
        self._gamma_shape = shape

    def _draw(self, one: np.random.Generator, out: Singles) -> None:
        one.standard_gamma(self._gamma_shape, dtype=np.float32, out=out)
