"""What each detector of the default chain promises for a signal: which failures it sees, from where on, how soon.

The promises hold for a healthy signal whose samples differ from what the ones before them predict by Gaussian noise of
the standard deviation that its description states. Real residuals have tails: what they cost is measured on recordings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt

from karyon.perception.chain import Signal
from karyon.perception.detectors import MISSED_SIGMAS
from karyon.perception.hypotheses import JUMPS, LOOSE, LOOSE_GROWTH, NOISIER, ONSET, RETURN

RUN_LENGTH = 1e7  # samples between two false alarms, on average, at least
EXACT = 6  # samples in a row on a line without noise
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


def surprise_seen() -> float:
    """Jump, in standard deviations of a healthy sample, that is seen in its first sample but once in a million.

    Where the density of a healthy sample, after a manoeuvre that made all of them noisy, falls below that of a jump.
    """
    fourth = 0.385 / NOISIER * (1.0 - RETURN - ONSET) * JUMPS / (ONSET * (1.0 + LOOSE))
    return NOISIER * sqrt(7.0 * (sqrt(sqrt(fourth)) - 1.0)) + MISSED_SIGMAS + VAGUE
