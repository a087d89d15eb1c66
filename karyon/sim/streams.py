"""Random numbers of a run: one counter-based stream per run and purpose, so that a run has the same bits anywhere."""

from collections.abc import Sequence
from enum import IntEnum
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from karyon.compiled.random_numbers import Drawing, Kind, drawing_of
from karyon.compiled.tape import Ring, Tape

Singles = NDArray[np.float32]

BLOCK = 256  # steps drawn at once: single draws would cost more than the whole cycle
TURNED = 2**16  # draws that stay in the cache until they are turned from runs to steps
DRAWS_MAX = 2**20  # of a run and purpose at once: 4 MB, however many cars and links there are
ENDLESS = 2**62  # steps: compiled draws are played, too


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
        self._keys = np.array([(seed, purpose) for seed in seeds], dtype=np.uint64)
        self._channels, self._vehicles, self._expected, self._tape = channels, vehicles, expected, tape or Tape()
        self._is_quick = self._may_compile = False
        self._ring: Ring | None = None  # none is drawn yet
        self._drawing: Drawing | None = None  # or NumPy draws:
        self._streams = list[np.random.Generator]()
        self._drawn: Singles  # of some runs, until it is turned from runs to steps

    def quicken(self, *, may_compile: bool) -> None:
        """Go on with compiled draws where none are drawn yet: the bits stay the same.

        may_compile   or else only where that has been done before
        """
        self._is_quick, self._may_compile = True, may_compile

    @property
    def left(self) -> int:
        """Steps for which whoever plays the tape has draws."""
        if self._drawing is not None:
            return ENDLESS
        return 0 if self._ring is None else self._ring.left % len(self._ring.slots)

    def next(self) -> Singles:
        """Draws of the next step (channel, run x vehicle)."""
        ring = self._filled()
        step = int(ring.place[0])
        ring.place[0] = (step + 1) % len(ring.slots)
        block: Singles = ring.slots[step]
        return block

    def take(self, into: Singles) -> None:
        """The same, copied."""
        self._tape.take(self._filled(), into)

    def _filled(self) -> Ring:
        """The ring, whose next slot is drawn."""
        if self._ring is None:
            self._ring = self._begun()
        if self._drawing is not None:
            self._tape.run(self._drawing)
        elif self._ring.place[0] == 0:
            self._fill(self._ring.slots)
        return self._ring

    def _begun(self) -> Ring:
        """Room for a block, and who draws: for blocks that are all as long, where it is known how many steps come."""
        most = max(1, min(BLOCK, DRAWS_MAX // (self._channels * self._vehicles)))
        steps = ceil(self._expected / ceil(self._expected / most)) if self._expected else most
        ring = Ring(np.empty((steps, self._channels, len(self._keys) * self._vehicles), dtype=np.float32))
        found = None
        if self._is_quick and self._kind is not None:
            found = drawing_of(self._kind, may_compile=self._may_compile)
        if found is not None:
            self._drawing = Drawing(found, self._keys, ring)
            return ring
        shape = len(ring.slots), self._channels, self._vehicles
        self._streams = [stream(seed, purpose) for seed, purpose in self._keys.tolist()]
        self._drawn = np.empty((min(len(self._keys), max(1, TURNED // prod(shape))), *shape), dtype=np.float32)
        return ring

    def _fill(self, block: Singles) -> None:
        """Draw for all steps of the block, of some runs at a time: what comes by runs is turned to come by steps."""
        steps, channels, vehicles = self._drawn.shape[1:]
        by_run = block.reshape(steps, channels, -1, vehicles).transpose(2, 0, 1, 3)
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
