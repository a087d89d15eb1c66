"""Slow, obvious scalars: what the elementwise formulas of perception mean, for one row and exact numbers.

Numbers go in as floats and are carried as fractions, so nothing is rounded until the end. Nothing here is recursive:
each answer is written from its definition over the whole history.
"""

from fractions import Fraction
from math import isfinite, isnan, nan


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
    """Distance to the nearest point of [low, high]; NaN for NaN."""
    if isnan(value):
        return value
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


def track(samples, *, noise, rate_noise, tolerated, high, age_limit, period):
    """Opinion on every sample (time, distance, rate) of a track, NaN where one is missing; told from its whole story.

    A story is what happened to the track so far: "another", "appeared" or "broken" by so much, and where.
    """
    seen, story, opinions = [], [("known", 0.0, 0)], []
    for now, distance, measured in samples:
        if isnan(distance):
            opinions.append(1.0)
            continue
        rate = measured if isfinite(measured) else (seen[-1]["rate"] if seen else nan)
        before = seen[-1] if seen else None
        gap = max(now - before["time"], period) if before else now - samples[0][0]
        error = distance - before["distance"] - gap * (rate + before["rate"]) / 2 if before else nan
        seen.append({"time": now, "distance": distance, "rate": rate, "error": error, "paired": isfinite(measured)})
        happened = _happened(before, seen[-1], gap, noise, tolerated, high, age_limit, period)
        if happened:
            turned = before is not None and abs(rate - before["rate"]) > 5.5 * rate_noise + 10 * (gap - period)
            story.append(_told(story, "another" if turned else happened, error, len(seen), noise, tolerated, period))
        if story[-1][0] in ("another", "appeared") and _agreed(seen[story[-1][2] :], noise):
            story.append(("known", 0.0, len(seen)))
        opinions.append(1.0 if story[-1][0] == "known" else 0.0)
    return opinions


def _happened(before, one, gap, noise, tolerated, high, age_limit, period):
    """What this sample shows, but for what its rate says of it."""
    if gap > age_limit:
        farthest = high + min(one["rate"], 0.0) * period - 5.5 * noise
        return "" if one["distance"] >= farthest else "appeared"
    limit = max(5.5 * noise, tolerated / 2) + 5 * gap**2
    return "broken" if before and abs(one["error"]) > limit else ""


def _told(story, happened, error, at, noise, tolerated, period):
    """How the story goes on: what broke can break back, and an appearance heals nothing."""
    last, by, _ = story[-1]
    if happened == "appeared":
        return (last if last in ("another", "broken") else "appeared"), by, at
    if happened == "broken":
        total = (by if last == "broken" else 0.0) + error
        back = last == "broken" and abs(total) <= max(5.5 * noise, tolerated / 2) + 5 * period**2
        return ("appeared", 0.0, at) if back else ("broken", total, at)
    return happened, 0.0, at


def _agreed(since, noise):
    """Whether ten samples with a rate agree with it, their errors summed up from wherever they last did not."""
    begin = 0
    for end in range(1, len(since) + 1):
        if abs(sum(one["error"] for one in since[begin:end] if one["paired"])) > 5.5 * noise:
            begin = end
    return sum(one["paired"] for one in since[begin:]) >= 10
