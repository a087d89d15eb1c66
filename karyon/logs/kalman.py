"""A Kalman filter with a chi-square gate on every sensor: the textbook's answer to failing sensors, as a peer.

Plain NumPy after Bar-Shalom, Li & Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001: filter
and sequential update (5.2), consistency of the innovation (5.4), motion with a white jerk (6.2.3). filterpy, which one
would reach for, has had no release since 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, log, pi

import numpy as np

from karyon.perception.sensors import Booleans, Floats

UNSURE = 1.0  # variance of the first estimate, in SI units squared: some seconds of samples outweigh it
DISTURBANCES = (0.1, 0.3, 1.0, 3.0, 10.0)  # among which `fitted` chooses, times what the motion says
FITTED_SAMPLES = 1000  # of each run


@dataclass(frozen=True, slots=True)
class Motion:
    """A linear model of what several sensors see; SI units.

    transition    state at the next sample from the state now (state, state)
    disturbance   covariance of what the transition leaves out (state, state)
    observed      what each sensor sees of the state (signal, state)
    noise         standard deviation of each sensor (signal,)
    held_back     samples by which a sensor that is ahead of the others waits for them (signal,)
    """

    transition: Floats
    disturbance: Floats
    observed: Floats
    noise: Floats
    held_back: tuple[int, ...]


def white_jerk(period: float, intensity: float) -> tuple[Floats, Floats]:
    """Transition and disturbance of position, speed and acceleration whose jerk is white noise (3, 3).

    period in s, power spectral density `intensity` of the jerk in (m/s³)²/Hz. [Bar-Shalom 2001, eq. 6.2.3-6 and -8]
    """
    t = period
    transition = np.array([[1.0, t, t * t / 2.0], [0.0, 1.0, t], [0.0, 0.0, 1.0]])
    growth = [
        [t**5 / 20.0, t**4 / 8.0, t**3 / 6.0],
        [t**4 / 8.0, t**3 / 3.0, t * t / 2.0],
        [t**3 / 6.0, t * t / 2.0, t],
    ]
    return transition, intensity * np.array(growth)


class Filter:
    """Many runs side by side: state (row, state), covariance (row, state, state), one `step` per sample."""

    def __init__(self, motion: Motion, first: Floats, gate: Floats) -> None:
        """Begins with the state that the `first` samples (signal, row) are nearest to.

        gate   normalised innovation squared above which a sensor's sample is rejected (signal,)
        """
        self._motion, self._gate = motion, gate
        self._state = np.nan_to_num(first.T) @ np.linalg.pinv(motion.observed).T
        self._covariance = np.tile(UNSURE * np.eye(len(motion.transition)), (first.shape[1], 1, 1))

    def step(self, value: Floats) -> tuple[Floats, Floats]:
        """One more sample of each sensor (signal, row), NaN: none.

        Returns the normalised innovation squared, chi-square with one degree of freedom while all is well, and the
        variance of each innovation; both (signal, row). A sample that is missing has the innovation 0.
        """
        self._predict()
        observed, variance = self._motion.observed, np.square(self._motion.noise)[:, None]
        innovation = np.where(np.isfinite(value), value - observed @ self._state.T, 0.0)
        # Each sensor is held against the prediction alone, so that none is judged by one that fails beside it.
        spread = np.einsum("si,rij,sj->sr", observed, self._covariance, observed) + variance
        squared = innovation * innovation / spread
        for signal in range(len(observed)):
            accepted = np.isfinite(value[signal]) & (squared[signal] <= self._gate[signal])
            self._update(observed[signal], float(variance[signal, 0]), value[signal], accepted)
        return squared, spread

    def _predict(self) -> None:
        transition = self._motion.transition
        self._state = self._state @ transition.T
        self._covariance = transition @ self._covariance @ transition.T + self._motion.disturbance

    def _update(self, seen: Floats, variance: float, value: Floats, accepted: Booleans) -> None:
        """Takes in one sensor's samples (row,) where they are accepted; `seen` is its row of `observed`."""
        shared = self._covariance @ seen
        gain = np.where(accepted[:, None], shared / (shared @ seen + variance)[:, None], 0.0)
        innovation = np.where(accepted, value - self._state @ seen, 0.0)
        self._state = self._state + gain * innovation[:, None]
        self._covariance = self._covariance - gain[:, :, None] * shared[:, None, :]


def innovations(motion: Motion, values: Floats, gate: Floats) -> Floats:
    """Normalised innovation squared of every sample, arrays (run, signal, sample); `gate` as in `Filter`."""
    squared, _ = _filtered(motion, values, gate)
    return squared


def fitted(motion: Motion, healthy: Floats) -> Motion:
    """The motion with the multiple of its disturbance that makes healthy runs (run, signal, sample) likeliest."""
    runs = healthy[:, :, :FITTED_SAMPLES]
    tried = [replace(motion, disturbance=factor * motion.disturbance) for factor in DISTURBANCES]
    return max(tried, key=lambda one: _log_likelihood(one, runs))


def _log_likelihood(motion: Motion, values: Floats) -> float:
    """Of the innovations, each by itself. [Bar-Shalom 2001, sec. 5.4]"""
    squared, spread = _filtered(motion, values, np.full(values.shape[1], inf))
    return float(-0.5 * np.sum(squared + np.log(spread) + log(2.0 * pi)))


def _filtered(motion: Motion, values: Floats, gate: Floats) -> tuple[Floats, Floats]:
    aligned = _aligned(values, motion.held_back)
    track = Filter(motion, aligned[:, :, 0].T, gate)
    squared, spread = np.zeros(values.shape), np.ones(values.shape)
    for sample in range(1, values.shape[2]):
        found = track.step(aligned[:, :, sample].T)
        squared[:, :, sample], spread[:, :, sample] = (each.T for each in found)
    return squared, spread


def _aligned(values: Floats, held_back: Sequence[int]) -> Floats:
    """Every sensor held back by its samples; the first of them stand for those that are not there yet."""
    aligned = values.copy()
    for signal, samples in enumerate(held_back):
        if samples:
            aligned[:, signal, samples:] = values[:, signal, :-samples]
            aligned[:, signal, :samples] = values[:, signal, :1]
    return aligned
