"""What every additional detector has to keep, tried out: a user's own passes the same as those built in.

    broken(MyDetector, signal, period=0.1)      an empty list, or what it breaks, in words

It answers validity 0..1 for any input, missing and absurd samples included; a row gets the same bits alone and among
others; the same samples get the same answer; and what it remembers does not grow.
"""

import pickle
from collections.abc import Iterator

import numpy as np

from karyon.perception.additional import Factory, Sample
from karyon.perception.sensors import Floats
from karyon.perception.signals import Signal

ROWS = 7
SAMPLES = 120
LONGER = 4  # times as many samples, with which a state of bounded size is as large as before
LARGER = 1.05  # a counter may need some more bytes
ABSURD = (np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0)


def broken(factory: Factory, signal: Signal, period: float) -> list[str]:
    """What a detector breaks, one sentence each; empty where it keeps all."""
    samples = list(_samples(signal, period, SAMPLES))
    try:
        answers = _answers(factory, signal, period, samples)
        again = _answers(factory, signal, period, samples)
        alone = _answers(factory, signal, period, [_row(sample, 3) for sample in samples])[:, 0]
    except Exception as error:  # whatever a user's own raises is what is told
        return [f"raises {type(error).__name__}: {error}"]
    found = [] if np.array_equal(answers, again, equal_nan=True) else ["answers the same samples in two ways"]
    if not ((answers >= 0.0) & (answers <= 1.0)).all():
        found.append("answers something other than a validity from 0 to 1")
    if not np.array_equal(answers[:, 3], alone, equal_nan=True):
        found.append("answers otherwise for a log alone than for the same one among others")
    return found + _growing(factory, signal, period)


def _samples(signal: Signal, period: float, count: int) -> Iterator[Sample]:
    """Of many rows: calm, wild, absurd and missing samples, and clocks that stand and run back."""
    rng = np.random.default_rng(4)
    value = np.zeros(ROWS)
    for at in range(count):
        value = value + rng.normal(0.0, signal.noise, ROWS) * rng.choice([1.0, 100.0], ROWS, p=[0.9, 0.1])
        absurd = rng.random(ROWS) < 0.1
        given = np.where(absurd, rng.choice(ABSURD, ROWS), value)
        fresh = np.isfinite(given) & (np.abs(given) < 1e100) & (rng.random(ROWS) < 0.9)
        residual = np.where(rng.random(ROWS) < 0.5, rng.normal(0.0, signal.noise, ROWS), np.nan)
        time = period * (at + rng.choice([0.0, -3.0], ROWS, p=[0.95, 0.05]))
        rate = np.where(rng.random(ROWS) < 0.5, rng.normal(0.0, signal.noise / period, ROWS), np.nan)
        noise, rate_noise = np.full(ROWS, signal.noise), np.full(ROWS, signal.noise / period)
        yield Sample(time, np.where(fresh, given, np.nan), fresh, residual, noise, rate, rate_noise)


def _row(sample: Sample, row: int) -> Sample:
    names = Sample.__dataclass_fields__
    return Sample(**{name: getattr(sample, name)[row : row + 1] for name in names})


def _answers(factory: Factory, signal: Signal, period: float, samples: list[Sample]) -> Floats:
    """All answers (sample, row). Raises what the detector raises, and ValueError for an answer of another shape."""
    rows = samples[0].time.size
    detector = factory(signal, period, rows)
    answers = [np.asarray(detector.step(sample), dtype=np.float64) for sample in samples]
    if wrong := next((answer.shape for answer in answers if answer.shape != (rows,)), None):
        raise ValueError(f"an answer of shape {wrong} for {rows} logs")
    return np.stack(answers)


def _growing(factory: Factory, signal: Signal, period: float) -> list[str]:
    sizes = []
    for count in (SAMPLES, LONGER * SAMPLES):
        detector = factory(signal, period, ROWS)
        for sample in _samples(signal, period, count):
            detector.step(sample)
        sizes.append(len(pickle.dumps(vars(detector))))
    return ["remembers more with every sample"] if sizes[1] > LARGER * sizes[0] else []
