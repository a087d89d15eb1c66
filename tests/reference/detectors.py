"""Slow, obvious scalars: what the elementwise formulas of perception mean, for one row and exact numbers.

Numbers go in as floats and are carried as fractions, so nothing is rounded until the end. Nothing here is recursive:
each answer is written from its definition over the whole history.
"""

from fractions import Fraction
from math import isnan, nan


def validity_of_amplitude(amplitude: float, band: float, tolerated: float) -> float:
    """1 inside the band, 0 from the tolerated amplitude on, on the straight line between the two corners else."""
    if isnan(amplitude) or amplitude >= tolerated:
        return 0.0
    if amplitude <= band:
        return 1.0
    whole = Fraction(tolerated) - Fraction(band)
    return float((Fraction(tolerated) - Fraction(amplitude)) / whole)


def validity_of_age(age: float, limit: float) -> float:
    """1 less the eighth power of the share of the limit that has passed; 0 outside of [0, limit)."""
    if isnan(age) or age < 0.0 or age >= limit:
        return 0.0
    return float(1 - (Fraction(age) / Fraction(limit)) ** 8)


def outside(value: float, low: float, high: float) -> float:
    """Distance to the nearest point of [low, high]; inf for NaN."""
    if isnan(value):
        return float("inf")
    nearest = sorted([low, value, high])[1]
    return abs(value - nearest)


def beyond_rate(change: float, step: float, rate_limit: float, noise: float) -> float:
    """What is left of the change when physics and noise have taken their part."""
    left = abs(Fraction(change)) - Fraction(rate_limit) * Fraction(step) - Fraction(noise)
    return float(left) if left > 0 else 0.0


def longest_equal_tail(values: list[float]) -> int:
    """How many samples at the end equal the one before them."""
    count = 0
    while count + 1 < len(values) and values[-1 - count] == values[-2 - count]:
        count += 1
    return count


def weighted_average(start: float, samples: list[float], share: float) -> float:
    """Average of the start and of all samples, each weighted less by the share of every sample after it."""
    kept, weight = 1 - Fraction(share), Fraction(share)
    total = Fraction(start) * kept ** len(samples)
    for after, sample in enumerate(reversed(samples)):
        total += weight * kept**after * Fraction(sample)
    return float(total)


def reckoned(start: float, history: list[tuple[float, float, bool]], leak: float) -> float:
    """Where dead reckoning stands after `history` of (value, advance, followed).

    Every value that was followed, and the start, is carried on by all advances since; the answer is their average, in
    which each value that came later took `leak` of all the weight before it.
    """
    advances = [Fraction(advance) for _, advance, _ in history]
    answer = Fraction(0)
    weight = Fraction(1)
    for index in range(len(history) - 1, -1, -1):
        value, _, followed = history[index]
        if followed:
            carried = Fraction(value) + sum(advances[index + 1 :])
            answer += weight * Fraction(leak) * carried
            weight *= 1 - Fraction(leak)
    return float(answer + weight * (Fraction(start) + sum(advances)))


def plausible_stamps(stamps: list[tuple[int, int]]) -> list[bool]:
    """Which of the samples (time, now) one believes: younger than every believed one before, not from the future."""
    believed: list[int] = []
    answers = []
    for time, now in stamps:
        good = time <= now and all(time > other for other in believed)
        answers.append(good)
        if good:
            believed.append(time)
    return answers


def spike(amplitude: float, probability: float, uniform: float) -> float:
    """What an outlier adds: the unit interval is cut into down, up, and nothing."""
    if isnan(uniform):
        return nan
    pieces = [(probability / 2, -amplitude), (probability, amplitude), (1.0, 0.0)]
    return next(size for end, size in pieces if uniform < end)
