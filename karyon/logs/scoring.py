"""What alarms are worth: false ones while all is well, and of failures how many are found, how soon, and who is named.

Scores are arrays (run, signal, sample); an alarm is a score above the threshold of its signal. An alarm that was on
before the failure counts for nothing, and the sensor that is named is the one furthest beyond its threshold when the
first alarm rises.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.logs.failing import AMPLITUDES, MODES, WARM_UP, Failing, onset
from karyon.perception.sensors import Booleans, Floats

TOGETHER = 10.0  # s: alarms of a signal that are closer are one


def alarms(alarm: Booleans, period: float) -> int:
    """Number of alarms of one signal (run, sample); those that are within TOGETHER of each other are one."""
    run, sample = np.nonzero(alarm)
    apart = (np.diff(run, prepend=-1) != 0) | (np.diff(sample, prepend=0) * period > TOGETHER)
    return int(apart.sum())


def fewest(scores: Floats, allowed: Sequence[int], period: float) -> Floats:
    """The lowest thresholds (signal,) above which no signal raises more alarms than allowed (run, signal, sample)."""
    block = round(TOGETHER / period)
    whole = scores.shape[2] // block * block
    found = []
    for signal, most in enumerate(allowed):
        peaks = scores[:, signal, :whole].reshape(-1, block).max(axis=1)
        lowest = scores[:, signal].max()
        for peak in np.sort(peaks)[::-1]:
            if alarms(scores[:, signal] > peak, period) > most:
                break
            lowest = peak
        found.append(lowest)
    return np.array(found)


def false_alarms(scores: Floats, thresholds: Floats, period: float) -> dict[str, float]:
    """Alarms of all signals per hour of healthy drive, and the share of samples in alarm (run, signal, sample)."""
    alarm = scores > thresholds[:, None]
    count = sum(alarms(alarm[:, signal], period) for signal in range(len(thresholds)))
    warm = onset(period)
    return {"per_hour": count / hours(scores, period), "share": float(alarm[:, :, warm:].mean())}


def cases(scores: Floats, thresholds: Floats, broken: Failing, period: float) -> list[dict[str, Any]]:
    """Of every mode and amplitude: number of stretches, share `detected`, median `delay` in s from the first wrong
    sample, and of those detected the share in which the right sensor is `named`. None where there is nothing to tell.
    """
    first, named = first_alarm(scores, thresholds, broken)
    delay = (first - broken.begins) * period
    rows = []
    for mode, amplitude in product(range(len(MODES)), range(len(AMPLITUDES))):
        mine = (broken.mode == mode) & (broken.amplitude == amplitude)
        seen = mine & (first >= 0)
        rows.append(
            {
                "mode": MODES[mode],
                "amplitude": AMPLITUDES[amplitude],
                "stretches": int(mine.sum()),
                "detected": float(seen.sum() / mine.sum()) if mine.any() else None,
                "named": float(named[seen].mean()) if seen.any() else None,
                "delay": float(np.median(delay[seen])) if seen.any() else None,
            }
        )
    return rows


def first_alarm(scores: Floats, thresholds: Floats, broken: Failing) -> tuple[NDArray[np.int64], Booleans]:
    """Index of the sample at which the first alarm of any signal rises once the sensor is wrong, -1: none does; and
    whether the failing sensor alone is then furthest beyond its threshold (stretch,).
    """
    beyond = scores / thresholds[:, None]
    alarm = beyond > 1.0
    rises = alarm & ~np.concatenate([np.zeros_like(alarm[:, :, :1]), alarm[:, :, :-1]], axis=2)
    wrong = np.arange(scores.shape[2]) >= broken.begins[:, None]
    any_rises = rises.any(axis=1) & wrong
    first = np.where(any_rises.any(axis=1), any_rises.argmax(axis=1), -1)
    stretch = np.arange(len(first))
    then = beyond[stretch, :, first]
    own = then[stretch, broken.signal]
    then[stretch, broken.signal] = -1.0
    return first, own > then.max(axis=1)


def hours(values: Floats, period: float) -> float:
    """Length of the runs (run, signal, sample), without what warms a detector up."""
    return float(len(values) * (values.shape[2] * period - WARM_UP) / 3600.0)
