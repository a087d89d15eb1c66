"""Residuals judged by their gates, and values carried on by their rates: what the checks of a function are made of."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, is_dataclass
from math import inf
from typing import Any

import numpy as np

from karyon.perception import detectors, validity
from karyon.perception.detectors import SHARE, ResidualGate
from karyon.perception.sensors import Booleans, Floats

DOUBT = 0.8  # validity below which a check speaks
AGREEMENT = 1.0  # s that an independent source must agree before it restores a doubted signal

SUDDEN = ("offset", "noise", "outlier", "swap", "wrong_position", "wrong_speed")  # modes that come as a step
SLOW = ("drift", "ramp")  # modes that only grow
RAMPS = (0.2, 0.5, 1.0, 2.0, 3.0)  # growth of an error per s, in the signal's unit: what detection is stated for


class Limits:
    """The limits of gates: numbers of one, or columns of several so that one operation judges all of them."""

    def __init__(self, *gates: ResidualGate) -> None:
        self._band, self._smooth_band = column(g.band for g in gates), column(g.smooth_band for g in gates)
        self._tolerated, self._sigma = column(g.tolerated for g in gates), column(g.sigma for g in gates)

    def validity(self, residual: Floats, smooth: Floats) -> Floats:
        """Validity by the sample and by the average, whichever is less."""
        return np.minimum(
            validity.of_amplitude(np.abs(residual), self._band, self._tolerated),
            validity.of_amplitude(np.abs(smooth), self._smooth_band, self._tolerated),
        )

    def calm(self, residual: Floats, smooth: Floats) -> Booleans:
        """Back inside the bands of a healthy signal."""
        return np.asarray((np.abs(residual) <= self._band) & (np.abs(smooth) <= self._smooth_band))

    def noise_validity(self, deviation: Floats) -> Floats:
        """Validity by the standard deviation of the white part: three of it are the failure amplitude."""
        band = np.minimum(3.0 * 1.7 * self._sigma, 0.9 * self._tolerated)
        return validity.of_amplitude(3.0 * deviation, band, self._tolerated)


def slowest(gates: Collection[ResidualGate], mode: str, minimum: float) -> float:
    """Detection time in s of a failure that all these gates must see, for a rule `validity >= minimum`.

    The worst of a step of the tolerated amplitude and of the ramps that the mode can grow by; inf: no gate sees it.
    """
    times = [gate.step_time(minimum) for gate in gates if mode not in SLOW]
    times += [gate.ramp_time(rate, minimum) for gate in gates if mode not in SUDDEN for rate in RAMPS]
    return max(times, default=inf)


def column(numbers: Iterable[float]) -> Any:
    """One number as it is, several as an array (check, 1)."""
    listed = list(numbers)
    return listed[0] if len(listed) == 1 else np.array(listed)[:, None]


@dataclass(slots=True)
class Reckoned:
    """Values that are carried on by their rates, as `detectors.reckon` does: state, arrays (check, row)."""

    reference: Floats
    smooth: Floats
    samples: Floats  # that the reference rests on
    doubted: Booleans
    agreed: Floats  # s that an independent source has agreed while it was doubted

    def next(
        self,
        value: Floats,
        advance: Floats,
        fresh: Booleans,
        anchor: Booleans,
        leak: Any,
        limits: Limits,
    ) -> tuple["Reckoned", Floats, Floats]:
        """The state after this period, validity (check, row), and the residual of this sample, 0 where there is none.

        anchor   begin anew with this sample
        """
        compared = fresh & ~anchor
        reference, smooth, residual = detectors.reckon(
            self.reference,
            self.smooth,
            value,
            advance,
            compared,
            self.doubted,
            detectors.settling(self.samples, leak),
            SHARE,
        )
        residual, smooth = np.where(compared, residual, 0.0), np.where(anchor, 0.0, smooth)
        judged = limits.validity(residual, smooth)
        calm = fresh & limits.calm(residual, smooth)
        doubted = (judged < DOUBT) | (self.doubted & ~calm)
        after = Reckoned(
            reference=np.where(anchor, value, reference),
            smooth=smooth,
            samples=np.where(anchor, 1.0, self.samples + fresh),
            doubted=doubted,
            agreed=self.agreed,
        )
        return after, np.where(doubted, np.minimum(judged, 0.5), judged), residual

    def agree(self, agrees: Booleans, dt: Floats) -> Booleans:
        """Where an independent source has now agreed for long enough."""
        self.agreed = np.where(self.doubted & agrees, self.agreed + dt, 0.0)
        return self.agreed >= AGREEMENT

    def restore(self, again: Booleans, values: Floats) -> None:
        """Follow the values again."""
        self.reference = np.where(again, values, self.reference)
        self.smooth = np.where(again, 0.0, self.smooth)
        self.samples = np.where(again, 1.0, self.samples)
        self.doubted = self.doubted & ~again

    @classmethod
    def of(cls, shape: tuple[int, int]) -> "Reckoned":
        """Nothing seen yet."""
        zero = np.zeros(shape)
        return cls(reference=zero, smooth=zero, samples=zero, doubted=zero.astype(bool), agreed=zero)


def keep(new: Any, old: Any, taken: Booleans) -> None:
    """Take the arrays of a state back to `old` in the rows where `taken` is False, states within it included."""
    for field in fields(new):
        value, before = getattr(new, field.name), getattr(old, field.name)
        if is_dataclass(value):
            keep(value, before, taken)
        else:
            setattr(new, field.name, np.where(taken, value, before))
