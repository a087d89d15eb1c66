"""What is known of a signal and its sensor: what every detector goes by."""

from dataclasses import dataclass
from math import inf, nan


@dataclass(frozen=True, slots=True)
class Signal:
    """What is known of a signal and its sensor, all in the signal's unit.

    low, high    range outside of which no healthy sample lies
    noise        standard deviation of a sample against what the samples before it predict
    tolerated    failure amplitude that the function tolerates
    age_limit    s without a sample after which nothing can be said
    inertia      whether the signal has a rate that lasts, as a speed has, and an acceleration has not
    series       whether samples in a row are of one thing; ranges to anchors or satellites in turn are not
    rest         value that a healthy signal holds exactly when nothing moves; NaN: none
    resolution   of the samples; NaN: not known, taken as a hundredth of the noise
    bridged      s for which a recorder may have put samples on a line between two that it has
    rate_limit   largest change per s that physics allows
    period       s between two samples; NaN: that of the log
    """

    name: str
    noise: float
    tolerated: float
    age_limit: float
    low: float = -inf
    high: float = inf
    inertia: bool = True
    series: bool = True
    rest: float = nan
    bridged: float = 0.0
    resolution: float = nan
    rate_limit: float = inf
    period: float = nan
