"""Stretches of healthy runs in which one sensor fails, by every mode whose error can be given a size.

    failing(drives, per_signal=5, seed=7)    of each mode and amplitude that many stretches for each signal

The formulas are those of `karyon.perception.failures`. Modes without an error in the signal's unit (omission, delay,
clocks) are left out: the peers of the chain do not look at time. `ghost`, `missed` and `swap` are jumps as `offset` is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from math import inf

import numpy as np
from numpy.typing import NDArray

from karyon.logs.drives import Drives
from karyon.perception.injection import Doctored, Failure, injected
from karyon.perception.sensors import Floats
from karyon.sim.streams import stream

Integers = NDArray[np.int64]

FAILURES = 2003  # purpose of random numbers
AMPLITUDES = (1.0, 2.0, 5.0, 10.0)  # times what is tolerated
WARM_UP, DURATION = 30.0, 10.0  # s: healthy at first, then failing to the end of the stretch
TRIES = 300  # stretches drawn for those in which the error is reached


@dataclass(frozen=True, slots=True)
class Way:
    """How a failure mode is given an amplitude.

    parameters   of the mode, from the error wanted and the healthy value at the onset, both in the signal's unit
    is_reached   the error comes from how the truth moves: the stretch is drawn until its largest error lies between
                 this amplitude and the next one
    """

    parameters: Callable[[float, float], Mapping[str, float]]
    is_reached: bool = False


WAYS: Mapping[str, Way] = {
    "offset": Way(lambda error, value: {"amplitude": error}),
    "drift": Way(lambda error, value: {"rate": error / 2.0}),  # reaches its amplitude after 2 s
    "ramp": Way(lambda error, value: {"rate": error / DURATION}),  # reaches it at the end
    "scale": Way(lambda error, value: {"factor": 1.0 + _share(error, value)}, is_reached=True),
    "noise": Way(lambda error, value: {"sigma": abs(error)}),
    "outlier": Way(lambda error, value: {"amplitude": error, "probability": 0.1}),
    "stuck_at": Way(lambda error, value: {}, is_reached=True),
    "freeze": Way(lambda error, value: {"delay": 2.0}, is_reached=True),
    "quantisation": Way(lambda error, value: {"step": 2.0 * abs(error)}),
    "saturation": Way(lambda error, value: {"high": value}, is_reached=True),
}
MODES = tuple(WAYS)


@dataclass(frozen=True, slots=True)
class Failing:
    """Stretches with one failing sensor each, arrays (stretch, ...).

    values      what the sensors say (stretch, signal, sample)
    signal      place of the one that fails
    begins      index of the first sample that is not the healthy one
    mode        place in MODES
    amplitude   place in AMPLITUDES
    """

    values: Floats
    signal: Integers
    begins: Integers
    mode: Integers
    amplitude: Integers


@dataclass(frozen=True, slots=True)
class _Stretch:
    values: Floats  # (signal, sample)
    begins: int


def failing(drives: Drives, per_signal: int, seed: int) -> Failing:
    """`per_signal` stretches of held-out runs for each mode, amplitude and signal, fewer where the truth does not move
    enough; all follows from `seed`.
    """
    generator = stream(seed, FAILURES)
    found: list[_Stretch] = []
    places: list[tuple[int, int, int]] = []
    for place in product(range(len(drives.signals)), range(len(MODES)), range(len(AMPLITUDES))):
        there = list(islice(_drawn(drives, *place, generator), per_signal))
        found += there
        places += [place] * len(there)
    signals, modes, amplitudes = np.array(places, dtype=np.int64).T
    begins = np.array([stretch.begins for stretch in found])
    return Failing(np.stack([stretch.values for stretch in found]), signals, begins, modes, amplitudes)


def onset(period: float) -> int:
    """Index of the first sample of a stretch that may fail."""
    return round(WARM_UP / period)


def _drawn(
    drives: Drives, signal: int, mode: int, amplitude: int, generator: np.random.Generator
) -> Iterator[_Stretch]:
    """Stretches at random in which the failure changes something, by as much as it should."""
    way, tolerated = WAYS[MODES[mode]], drives.signals[signal].tolerated
    wanted, next_one = (tolerated * each for each in (*AMPLITUDES, inf)[amplitude : amplitude + 2])
    for healthy in _stretches(drives, generator):
        error = wanted * generator.choice([-1.0, 1.0])
        value = healthy[signal, onset(drives.period)]
        failure = Failure(MODES[mode], way.parameters(error, float(value)), onset=WARM_UP)
        doctored = _doctored(healthy[signal], failure, drives.period, generator)
        reached = np.abs(doctored.value - healthy[signal]).max()
        if doctored.changed.any() and (not way.is_reached or wanted <= reached < next_one):
            values = healthy.copy()
            values[signal] = doctored.value
            yield _Stretch(values, int(np.argmax(doctored.changed)))


def _stretches(drives: Drives, generator: np.random.Generator) -> Iterator[Floats]:
    """Stretches of held-out runs at random (signal, sample), TRIES of them."""
    runs, _, samples = drives.held_out.shape
    length = round((WARM_UP + DURATION) / drives.period)
    for _ in range(TRIES):
        begin = generator.integers(samples - length + 1)
        yield drives.held_out[generator.integers(runs), :, begin : begin + length]


def _doctored(value: Floats, failure: Failure, period: float, generator: np.random.Generator) -> Doctored:
    time = np.rint(np.arange(value.size) * period * 1e9).astype(np.int64)
    return injected(time, value, failure, failure.drawn(generator, value.shape))


def _share(error: float, value: float) -> float:
    """The error as a share of the value, never more than all of it."""
    return error * value / max(value * value, error * error)
