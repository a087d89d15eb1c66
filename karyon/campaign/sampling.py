"""How runs are spread over what varies: each run has its stratum, its point in the unit cube, and its seed.

They follow from the campaign's seed, its number of runs, and the run; not from the batch or worker that computes it.
But for the Latin hypercube a campaign with more runs begins with the same ones.
"""

import warnings
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: its multiples are spread evenly, however many there are
PER_COUNT = 4  # numbers that a Philox counter yields

Method = Literal["random", "sobol", "latin_hypercube"]


class Purpose(IntEnum):
    """What a stream of the campaign's seed is for: half of its key. Strata have numbers of their own from POINTS on."""

    SEEDS = 2_000_000_000
    STRATA = 2_000_000_001
    POINTS = 2_000_000_002


def allotted(shares: Sequence[float], number: int) -> NDArray[np.uint16]:
    """Stratum of each of `number` runs: any first n of them are shared out as stated, to within some runs.

    [additive recurrence of the golden ratio: Weyl 1916]
    """
    turned = np.arange(1, number + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    ends = np.cumsum(np.asarray(shares) / np.sum(shares))
    ends[-1] = np.inf
    return np.searchsorted(ends, turned / 2.0**64, side="right").astype(np.uint16)


def drawn(shares: Sequence[float], seed: int, number: int) -> NDArray[np.uint16]:
    """Stratum of each of `number` runs, drawn by chance: the runs are independent, and alike in law."""
    ends = np.cumsum(np.asarray(shares) / np.sum(shares))
    ends[-1] = np.inf
    shots = np.random.Generator(np.random.Philox(key=[seed, Purpose.STRATA])).random(number)
    return np.searchsorted(ends, shots, side="right").astype(np.uint16)


def seeds(seed: int, first: int, last: int) -> NDArray[np.int64]:
    """Seed of each run from `first` to `last`, this one excluded: 0 .. 2^63 - 1."""
    generator = np.random.Philox(key=[seed, Purpose.SEEDS], counter=[first, 0, 0, 0])
    return (generator.random_raw(PER_COUNT * (last - first))[::PER_COUNT] >> np.uint64(1)).astype(np.int64)


def points(
    method: Method, dimensions: int, seed: int, stratum: int, size: int, first: int, last: int
) -> NDArray[np.float64]:
    """Points (last - first, dimensions) of [0, 1) from `first` on, of the `size` points of a stratum.

    [Sobol' 1967, scrambled: Owen 1998; Latin hypercube: McKay 1979; both by scipy.stats.qmc]
    """
    if dimensions == 0:
        return np.zeros((last - first, 0))
    if method == "random":
        return _random(dimensions, seed, stratum, first, last)
    from scipy.stats import qmc  # noqa: PLC0415  it takes half a second

    numbers = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, Purpose.POINTS + stratum])))
    if method == "latin_hypercube":
        return np.asarray(qmc.LatinHypercube(dimensions, rng=numbers).random(size)[first:last])
    sequence = qmc.Sobol(dimensions, rng=numbers)
    if first:
        sequence.fast_forward(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the first 2^k points are the most even
        return np.asarray(sequence.random(last - first))


def _random(dimensions: int, seed: int, stratum: int, first: int, last: int) -> NDArray[np.float64]:
    each = -(-dimensions // PER_COUNT)  # counters per point
    numbers = np.random.Philox(key=[seed, Purpose.POINTS + stratum], counter=[first * each, 0, 0, 0])
    drawn = np.random.Generator(numbers).random((last - first, PER_COUNT * each))
    return drawn[:, :dimensions]


def cells(values: Sequence[Sequence[Any]], first: int, last: int) -> list[tuple[Any, ...]]:
    """The cells from `first` to `last` of a grid over these values, the last value the fastest, again and again."""
    shape = tuple(len(each) for each in values)
    if not shape:
        return [()] * (last - first)
    places = np.unravel_index(np.arange(first, last) % int(np.prod(shape)), shape)
    return [tuple(each[at] for each, at in zip(values, cell, strict=True)) for cell in zip(*places, strict=True)]
