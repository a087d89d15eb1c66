"""What each detector of the default chain promises for a signal: which failures it sees, from where on, how soon.

The promises hold for a healthy signal whose samples differ from what the ones before them predict by Gaussian noise of
the standard deviation that its description states. Real residuals have tails: what they cost is measured on recordings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np

from karyon.perception.additional import CUSUM_RUN, LOUD, WINDOW, cusum_limit, track_limit
from karyon.perception.detectors import MISSED_SIGMAS
from karyon.perception.hypotheses import JUMPS, LOOSE, LOOSE_GROWTH, NOISIER, ONSET, RETURN
from karyon.perception.signals import Signal

RUN_LENGTH = 1e7  # samples between two false alarms, on average, at least
EXACT = 6  # samples in a row on a line without noise
WINDOWS = 3.0  # with noise, in all but one of a million cases
NOISY = 12.0  # standard deviations of a surprise, of which three of four are then loud
GAIN, LONE_GAIN = 2.3, 1.4  # of white noise in the surprise: second differences, first differences
VAGUE = 2.0  # standard deviations by which two estimates of a rate may differ


@dataclass(frozen=True, slots=True)
class Claim:
    """One promise of a detector: validity falls below a half.

    detector    its name, as in the column of detectors
    modes       failure modes, by their names in `failures.MODES`
    amplitude   from which it sees them, in the signal's unit; of a drift its growth per s
    time        s from the first sample that is wrong by more than the tolerated amplitude (of a stuck value or a silent
                sensor, from the first one that should have been another) until it speaks
    hard        always within `time`; else in all but one of a million cases
    run_length  samples between false alarms, on average, at least
    """

    detector: str
    modes: tuple[str, ...]
    amplitude: float
    time: float
    hard: bool
    run_length: float


def claims(signal: Signal, period: float) -> Sequence[Claim]:
    """What the chain promises for a signal with a sample each `period` s."""
    jump = max(signal.tolerated, surprise_seen() * signal.noise)
    vague = ceil(signal.tolerated / (LOOSE_GROWTH * signal.noise))
    stuck = max(EXACT + ceil(signal.bridged / period), vague) * period
    jumps, growing = ("offset", "outlier", "ghost", "swap"), ("drift", "ramp")
    return (
        Claim("time_stamp", ("clock_offset", "reordering", "duplication"), 0.0, 0.0, True, inf),
        Claim("range", ("offset", "outlier", "scale", "drift", "ramp"), 0.5 * signal.tolerated, 0.0, True, inf),
        Claim("timeout", ("omission", "delay"), 0.0, signal.age_limit, True, inf),
        Claim("jump", jumps, jump, 0.0, False, RUN_LENGTH),
        Claim("drift", growing, surprise_seen() * signal.noise / period, 0.0, False, RUN_LENGTH),
        Claim("stuck_at", ("stuck_at", "freeze"), 0.0, stuck, False, RUN_LENGTH),
    )


def additional(name: str, signal: Signal, period: float, residual_noise: float = inf) -> Claim:
    """What an additional detector that is built in promises, for a signal with a sample each `period` s.

    residual_noise   standard deviation of the healthy residual of its relation, for `cusum` and `track`; taken as
                     independent
    """
    match name:
        case "rate":
            beyond = 0.5 * signal.tolerated + 2.0 * LOUD * signal.noise  # of a change in one period, beyond the limit
            return Claim(name, ("offset", "outlier", "swap", "ghost"), beyond, 0.0, True, RUN_LENGTH)
        case "noise":
            sigma = max(NOISY * signal.noise, 2.0 * signal.tolerated) / (GAIN if signal.inertia else LONE_GAIN)
            return Claim(name, ("noise",), sigma, WINDOWS * WINDOW * period, False, RUN_LENGTH)
        case "cusum":
            samples = _cusum_samples(signal.tolerated, residual_noise)
            return Claim(
                name, ("offset", "drift", "ramp", "scale"), signal.tolerated, samples * period, False, CUSUM_RUN
            )
        case "counter":
            return Claim(name, ("omission", "duplication", "reordering"), 0.5 * signal.tolerated, 0.0, True, inf)
        case "track":
            limit = float(track_limit(signal.tolerated, np.array(residual_noise), period))
            least = limit + MISSED_SIGMAS * residual_noise
            return Claim(name, ("swap", "ghost"), least, 0.0, False, RUN_LENGTH)
        case _:
            raise KeyError(name)


def _cusum_samples(tolerated: float, noise: float) -> float:
    """Samples until the sum of residuals with an offset of `tolerated` passes its limit, quantile 1 - 10^-6."""
    slack = 0.5 * tolerated
    limit, spread = float(cusum_limit(slack, np.array(noise))), MISSED_SIGMAS * noise
    root = (spread + sqrt(spread**2 + 4.0 * (tolerated - slack) * limit)) / (2.0 * (tolerated - slack))
    return ceil(root**2)


def surprise_seen() -> float:
    """Jump, in standard deviations of a healthy sample, that is seen in its first sample but once in a million.

    Where the density of a healthy sample, after a manoeuvre that made all of them noisy, falls below that of a jump.
    """
    fourth = 0.385 / NOISIER * (1.0 - RETURN - ONSET) * JUMPS / (ONSET * (1.0 + LOOSE))
    return NOISIER * sqrt(7.0 * (sqrt(sqrt(fourth)) - 1.0)) + MISSED_SIGMAS + VAGUE
