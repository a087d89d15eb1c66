"""Residuals judged by their gates, and values carried on by their rates: what the checks of a function are made of."""

from collections.abc import Collection
from math import inf
from typing import Any, NamedTuple, TypeVar

import numpy as np

from karyon.kernel.elementwise import sqrt, where
from karyon.perception import detectors, validity
from karyon.perception.detectors import SHARE, ResidualGate
from karyon.perception.sensors import Booleans, Floats

DOUBT = 0.8  # validity below which a check speaks
AGREEMENT = 1.0  # s that an independent source must agree before it restores a doubted signal

SUDDEN = ("offset", "noise", "outlier", "swap", "wrong_position", "wrong_speed")  # modes that come as a step
SLOW = ("drift", "ramp")  # modes that only grow
RAMPS = (0.2, 0.5, 1.0, 2.0, 3.0)  # growth of an error per s, in the signal's unit: what detection is stated for

State = TypeVar("State", bound=tuple[Any, ...])


class Limits(NamedTuple):
    """The limits of a gate, in the unit of its signal.

    band, smooth_band, noise_band   what a healthy residual, its average and three sigma of its white part reach
    """

    band: float
    smooth_band: float
    noise_band: float
    tolerated: float

    @classmethod
    def of(cls, gate: ResidualGate) -> "Limits":
        """Those of this gate."""
        noise_band = min(3.0 * 1.7 * gate.sigma, 0.9 * gate.tolerated)
        return cls(gate.band, gate.smooth_band, noise_band, gate.tolerated)


def within(limits: Limits, residual: Any, smooth: Any) -> Any:
    """Validity by the sample and by the average, whichever is less."""
    return validity.lower(
        validity.of_amplitude(abs(residual), limits.band, limits.tolerated),
        validity.of_amplitude(abs(smooth), limits.smooth_band, limits.tolerated),
    )


def calm(limits: Limits, residual: Any, smooth: Any) -> Any:
    """Back inside the bands of a healthy signal."""
    return (abs(residual) <= limits.band) & (abs(smooth) <= limits.smooth_band)


def quiet(limits: Limits, variance: Any) -> Any:
    """Validity by the variance of the white part: three standard deviations are the failure amplitude."""
    return validity.of_amplitude(3.0 * sqrt(variance), limits.noise_band, limits.tolerated)


def slowest(gates: Collection[ResidualGate], mode: str, minimum: float) -> float:
    """Detection time in s of a failure that all these gates must see, for a rule `validity >= minimum`.

    The worst of a step of the tolerated amplitude and of the ramps that the mode can grow by; inf: no gate sees it.
    """
    times = [gate.step_time(minimum) for gate in gates if mode not in SLOW]
    times += [gate.ramp_time(rate, minimum) for gate in gates if mode not in SUDDEN for rate in RAMPS]
    return max(times, default=inf)


class Reckoned(NamedTuple):
    """A value that is carried on by its rate, as `detectors.reckon` does: state of a check."""

    reference: Floats
    smooth: Floats
    samples: Floats  # that the reference rests on
    doubted: Booleans
    agreed: Floats  # s that an independent source has agreed while it was doubted

    @classmethod
    def of(cls, rows: int) -> "Reckoned":
        """Nothing seen yet."""
        return cls(np.zeros(rows), np.zeros(rows), np.zeros(rows), np.zeros(rows, dtype=bool), np.zeros(rows))


def reckoned(
    before: Reckoned, value: Any, advance: Any, fresh: Any, anchor: Any, leak: Any, limits: Limits
) -> tuple[Reckoned, Any, Any]:
    """The state after this period, validity, and the residual of this sample, 0 where there is none.

    anchor   begin anew with this sample
    """
    compared = fresh & ~anchor
    share = detectors.settling(before.samples, leak)
    reference, average, error = detectors.reckon(
        before.reference, before.smooth, value, advance, compared, before.doubted, share, SHARE
    )
    residual, smooth = where(compared, error, 0.0), where(anchor, 0.0, average)
    judged = within(limits, residual, smooth)
    doubted = (judged < DOUBT) | (before.doubted & ~(fresh & calm(limits, residual, smooth)))
    after = Reckoned(
        reference=where(anchor, value, reference),
        smooth=smooth,
        samples=where(anchor, 1.0, before.samples + where(fresh, 1.0, 0.0)),
        doubted=doubted,
        agreed=before.agreed,
    )
    return after, where(doubted, validity.lower(0.5, judged), judged), residual


def agreed(state: Reckoned, agrees: Any, dt: Any) -> Any:
    """How long an independent source has agreed by now, in s, `dt` s later."""
    return where(state.doubted & agrees, state.agreed + dt, 0.0)


def restored(state: Reckoned, again: Any, value: Any, agreed_for: Any) -> Reckoned:
    """The state once an independent source has agreed `agreed_for` s: where `again`, it follows the value."""
    return Reckoned(
        reference=where(again, value, state.reference),
        smooth=where(again, 0.0, state.smooth),
        samples=where(again, 1.0, state.samples),
        doubted=state.doubted & ~again,
        agreed=agreed_for,
    )


def chosen(taken: Booleans, new: State, old: State) -> State:
    """A state of arrays (row,), in the rows where `taken` is False that of `old`."""
    pairs = zip(new, old, strict=True)
    return type(new)(*(chosen(taken, *pair) if isinstance(pair[0], tuple) else where(taken, *pair) for pair in pairs))


def rows_of(state: State, rows: Any) -> State:
    """A copy of these rows of a state of arrays (row,)."""
    return type(state)(*(rows_of(each, rows) if isinstance(each, tuple) else each[rows] for each in state))


def put(state: State, rows: Any, others: State) -> None:
    """Write others over these rows of a state."""
    for each, other in zip(state, others, strict=True):
        if isinstance(each, tuple):
            put(each, rows, other)
        else:
            each[rows] = other
