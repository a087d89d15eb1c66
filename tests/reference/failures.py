"""Slow, obvious scalars: what each failure mode does, told as a story of single samples.

A stretch is a list of (time in whole ns, value); NaN is a sample that was lost. Each answer is told from what somebody
at the other end of the wire would write down, sample after sample, with exact numbers.
"""

from fractions import Fraction
from math import floor, isnan

SECOND = 1_000_000_000  # ns


def rounded(value: float, step: float) -> float:
    """The multiple of `step` that is nearest; of two equally near, the even one."""
    steps = Fraction(value) / Fraction(step)
    below = floor(steps)
    nearest = sorted([below, below + 1], key=lambda multiple: (abs(steps - multiple), multiple % 2))[0]
    return float(nearest * Fraction(step))


def stale(times: list[int], values: list[float], delay: int) -> list[float]:
    """What a screen shows that is `delay` ns behind: the last thing that reached it."""
    shown = []
    for now, value in zip(times, values, strict=True):
        reached = [old for time, old in zip(times, values, strict=True) if time + delay <= now and not isnan(old)]
        shown.append(value if isnan(value) or not reached else reached[-1])
    return shown


def stuck(times: list[int], values: list[float], onset: int) -> float:
    """The value that a needle keeps which no longer moves from `onset` (ns) on."""
    seen = [(time, value) for time, value in zip(times, values, strict=True) if not isnan(value)]
    earlier = [value for time, value in seen if time < onset]
    return earlier[-1] if earlier else seen[0][1]


def lost(uniforms: list[float], share: float, burst: float) -> list[bool]:
    """A channel that is up or down and tosses a coin before each sample: [Gilbert 1960].

    One number decides in either state: small ones take it down, large ones up, those between leave it as it is.
    """
    stays_down = 1 - 1 / burst
    if burst * (1 - share) <= 1:
        return [uniform < share for uniform in uniforms]
    goes_down = share * (1 - stays_down) / (1 - share)
    down, answers = uniforms[0] < share, []
    for uniform in uniforms:
        if answers:
            down = uniform < stays_down if down else uniform < goes_down
        answers.append(down)
    return answers


def overtaken(times: list[int], waits: list[bool]) -> list[int]:
    """When each sample arrives if those that wait are let go halfway after the next one that does not."""
    arrivals, waiting = list(times), []
    for index, time in enumerate(times):
        if waits[index]:
            waiting.append(index)
            continue
        after = times[index + 1] - time if index + 1 < len(times) else time - times[index - 1]
        for earlier in waiting:
            arrivals[earlier] = time + after // 2
        waiting = []
    return arrivals


def flood(times: list[int], values: list[float], onset: int, end: int, rate: int) -> list[tuple[int, float]]:
    """What a flooder sends: at every 1/rate s after the onset the newest that came, up to the end of the stretch."""
    sent, number = [], 1
    while onset + Fraction(number * SECOND, rate) <= min(end, times[-1]):
        now = onset + Fraction(number * SECOND, rate)
        newest = [value for time, value in zip(times, values, strict=True) if time < now and not isnan(value)]
        if newest:
            sent.append((round(now), newest[-1]))
        number += 1
    return sent


def differs(healthy: tuple[float, int, int], failing: tuple[float, int, int]) -> bool:
    """Whether somebody who writes (value, stamp, arrival) down would write something else; a lost one is not written.

    One that was lost anyway is not to blame on a failure.
    """
    if isnan(healthy[0]):
        return False
    return healthy != failing
