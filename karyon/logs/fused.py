"""Abstract sensors of a log: several signals of one quantity as one, which names those of them that are wrong."""

from dataclasses import dataclass

import numpy as np

from karyon.perception.fusion import Fused, marzullo
from karyon.perception.sensors import Booleans, Floats


@dataclass(frozen=True, slots=True)
class Abstract:
    """What an abstract sensor is made of: signals, by their place, of which at most `faulty` are wrong at once."""

    name: str
    signals: tuple[int, ...]
    faulty: int


class Fusion:
    """Fuses the signals of one abstract sensor, block by block: the last sample of each, as long as it is worth much.

    A sample stands for an interval, `tolerated` to either side: what is tolerable in it. [Marzullo 1990]
    """

    def __init__(self, sensor: Abstract, tolerated: Floats) -> None:
        """`tolerated` (signal,) of all signals of the log."""
        self._at, self._faulty = list(sensor.signals), sensor.faulty
        self._spread = tolerated[self._at][:, None]
        self._last = np.full((len(self._at), 1), np.nan)

    def step(self, values: Floats, validity: Floats, age: Floats) -> tuple[Fused, Floats]:
        """What the signals say together in each row, and the age of the oldest sample in it, s; inf: of none.

        values, validity, age   of all signals (signal, row)
        """
        held = self._held(values[self._at])
        fused = marzullo(held, self._spread, validity[self._at], self._faulty)
        used = np.isfinite(held) & (validity[self._at] > 0.0) & ~fused.faulty
        oldest = np.max(np.where(used, age[self._at], -np.inf), axis=0, initial=-np.inf)
        return fused, np.where(np.isfinite(fused.value), oldest, np.inf)

    def came(self, values: Floats) -> Booleans:
        """Rows in which any of the signals has a sample."""
        return np.asarray(np.isfinite(values[self._at]).any(axis=0))

    def _held(self, values: Floats) -> Floats:
        """Where a sample is missing, the last one (source, row)."""
        known = np.concatenate([self._last, values], axis=1)
        places = np.where(np.isfinite(known), np.arange(known.shape[1]), 0)
        held = np.take_along_axis(known, np.maximum.accumulate(places, axis=1), axis=1)
        self._last = held[:, -1:]
        return held[:, 1:]
