"""Slow and obvious: what sensors would say next, from the joint normal distribution of all that they ever say.

No recursion and no state: the samples are one long normal vector, and the next one is conditioned on those before it.
"""

import numpy as np


def innovations(transition, disturbance, observed, noise, first, values):
    """Innovation squared over its variance, and the variance, of every sample but the first ones (signal, sample).

    values (signal, sample), NaN: none, or not to be used; first (state,): the mean at sample 0, its covariance is 1.
    """
    signals, samples = values.shape
    squared, spread = np.zeros(values.shape), np.ones(values.shape)
    for now in range(1, samples):
        mean, covariance = _joint(transition, disturbance, observed, noise, first, now)
        said = values[:, 1:now].T.ravel()
        known = np.flatnonzero(np.isfinite(said))
        for signal in range(signals):
            place = (now - 1) * signals + signal
            gain = covariance[place, known] @ np.linalg.inv(covariance[np.ix_(known, known)])
            expected = mean[place] + gain @ (said[known] - mean[known])
            spread[signal, now] = covariance[place, place] - gain @ covariance[known, place]
            squared[signal, now] = (values[signal, now] - expected) ** 2 / spread[signal, now]
    return squared, spread


def _joint(transition, disturbance, observed, noise, first, now):
    """Mean and covariance of all samples from 1 to `now`, sensor by sensor within a sample."""
    powers = [np.linalg.matrix_power(transition, steps) for steps in range(now + 1)]

    def between(one, other):
        """Covariance of the states at two times: what they share is the past of the earlier one."""
        shared = [powers[one - then] @ disturbance @ powers[other - then].T for then in range(1, min(one, other) + 1)]
        return powers[one] @ powers[other].T + sum(shared)

    times = range(1, now + 1)
    mean = np.concatenate([observed @ powers[time] @ first for time in times])
    blocks = [[observed @ between(one, other) @ observed.T for other in times] for one in times]
    return mean, np.block(blocks) + np.kron(np.eye(now), np.diag(np.square(noise)))
