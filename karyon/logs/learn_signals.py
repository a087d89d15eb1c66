"""What a column of a healthy log tells of its sensor: range, noise, inertia, rest, what the recorder has bridged.

Noise is the scale of Student's t with seven degrees of freedom [Lange et al. 1989], of a sample against what
`karyon.perception.hypotheses` predicts from the samples before it. The chain itself then says by how much it must be
larger, so that the same log raises few alarms: real noise is neither white nor even.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, isfinite, log10, nan

import numpy as np
from numpy.typing import NDArray

from karyon.logs.cells import Floats
from karyon.logs.judging import CALLED
from karyon.logs.learn_columns import tokens
from karyon.perception.chain import Chain
from karyon.perception.hypotheses import QUIET, RATE_SHARE
from karyon.perception.residuals import Relation
from karyon.perception.sensors import Booleans
from karyon.perception.signals import Signal

COMPARED = 100_000  # samples
EXACT = 4.0 * 9.0 * QUIET  # in noise: what the chain takes for a line without noise, also with a larger one
DUST = 1e-6  # of the large surprises: an exact line that was rounded
LEAST_NOISE = 1e-9  # in the column's unit, what is worth writing
FACTORS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0)  # of the noise, that are tried
TOLERATED = 12.0  # times the noise: a jump of that size is found at once
TOLERATED_LEAST = 3.0
ALARM_SAMPLES = 5000  # healthy samples per alarm that are few enough
ALARMS_SPARED = 0.15  # share of the alarms
BLOCKS = 12  # of the log, that say how much a number varies
ROWS_TRIED = 65_536
CELLS_TRIED = 2_000_000
SIDE_BY_SIDE = 32  # pieces of the log that the chain judges at once
REST_RUN = 10  # samples that a value at rest repeats at least
REST_SHARE = 0.01  # of all samples
AGE_LIMIT = 3.5  # periods, the default of a sensors file


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is proposed for one signal; in the column's unit, times in s.

    seen             lowest and highest value of the log
    samples          that are there
    noise_spread     lowest and highest noise of the blocks, before it was made larger by `factor`
    rest_share       of the samples
    resolution       smallest step between two values
    every            rows from one sample to the next, as a rule
    bridged_runs     stretches on an exact line of four samples or more
    alarms           of the chain on the same log, with the numbers proposed; and the samples that it judged
    """

    name: str
    unit: str
    seen: tuple[float, float]
    range: tuple[float, float]
    samples: int
    noise: float
    noise_spread: tuple[float, float]
    factor: float
    inertia: bool
    rest: float
    rest_share: float
    resolution: float
    bridged: float
    bridged_runs: int
    age_limit: float
    tolerated: float
    every: int = 1
    alarms: int = 0
    judged: int = 0

    def signal(self, period: float) -> Signal:
        """The signal as the chain knows it."""
        return Signal(
            name=self.name,
            noise=self.noise,
            tolerated=self.tolerated,
            age_limit=self.age_limit if isfinite(self.age_limit) else AGE_LIMIT * self.every * period,
            low=self.range[0],
            high=self.range[1],
            inertia=self.inertia,
            rest=self.rest,
            resolution=self.resolution,
            bridged=self.bridged,
            period=self.every * period,
        )


UNITS = {
    "mps2": "m/s2",
    "ms2": "m/s2",
    "mps": "m/s",
    "kmh": "km/h",
    "kph": "km/h",
    "m": "m",
    "deg": "deg",
    "rad": "rad",
    "radps": "rad/s",
    "c": "°C",
    "v": "V",
    "hz": "Hz",
    "dbhz": "dBHz",
    "dbm": "dBm",
}


def unit_of(name: str) -> str:
    """Unit by the last word of a name; 1 where it says none."""
    words = tokens(name)
    return UNITS.get(words[-1], "1") if len(words) > 1 else "1"


def learnt(name: str, column: Floats, period: float) -> Learnt | None:
    """What a column (row,) tells; None where it hardly changes."""
    there = column[np.isfinite(column)]
    every = _every(column)
    paced = column if every == 1 else there  # without the rows in which the sensor says nothing
    rest, rest_share = _rest(there)
    inertia, surprise, is_away = _surprises(paced, rest)
    noise = scale(surprise)
    if not noise >= LEAST_NOISE:
        return None
    spread = [scale(part) for part in np.array_split(surprise, BLOCKS)]
    runs = _exact_runs(paced, is_away, EXACT * noise)
    seen = float(there.min()), float(there.max())
    return Learnt(
        name=name,
        unit=unit_of(name),
        seen=seen,
        range=_range(*seen, noise),
        samples=there.size,
        noise=rounded(noise),
        noise_spread=(rounded(min(spread)), rounded(max(spread))),
        factor=1.0,
        inertia=inertia,
        rest=rest,
        rest_share=rest_share,
        resolution=_resolution(there),
        bridged=_bridged(runs, there.size, every * period),
        bridged_runs=int(np.sum(runs >= 3)),
        age_limit=_age_limit(column, period),
        tolerated=_tolerated(noise, seen),
        every=every,
    )


def scale(errors: Floats) -> float:
    """Scale of Student's t with seven degrees of freedom, by maximum likelihood; exact zeros say nothing of noise."""
    size = np.abs(errors[np.isfinite(errors)])
    size = size[size > DUST * np.quantile(size, 0.99)] if size.size else size
    if size.size < 2:
        return 0.0
    squares = size * size
    variance = 2.2 * float(np.median(size)) ** 2
    for _ in range(30):
        before, variance = variance, float(np.mean(8.0 * squares / (7.0 + squares / variance)))
        if abs(variance - before) < 1e-3 * before:
            break
    return float(np.sqrt(variance))


def rounded(number: float, up: bool = False) -> float:
    """Two significant digits."""
    if not number:
        return 0.0
    unit = 10.0 ** (floor(log10(abs(number))) - 1)
    return float(f"{(ceil if up else round)(number / unit) * unit:.2g}")


def _rest(there: Floats) -> tuple[float, float]:
    """The value that repeats in long runs, if there is one, and its share of the samples; NaN, 0."""
    ends = np.flatnonzero(np.diff(there) != 0.0)
    begins = np.concatenate([[0], ends + 1])
    lengths = np.diff(np.concatenate([begins, [there.size]]))
    is_long = lengths >= REST_RUN
    if not is_long.any():
        return nan, 0.0
    values, of = np.unique(there[begins[is_long]], return_inverse=True)
    total = np.bincount(of, lengths[is_long])
    most = int(np.argmax(total))
    share = float(total[most] / there.size)
    returns = np.count_nonzero(of == most) > 1 or values[most] == 0.0  # a position is not the same after each stop
    is_it = share >= REST_SHARE and total[most] >= 0.5 * total.sum() and returns
    return (float(values[most]), share) if is_it else (nan, 0.0)


def _every(column: Floats) -> int:
    """Rows from one sample to the next, as a rule."""
    gaps = np.diff(np.flatnonzero(np.isfinite(column)))
    return int(np.median(gaps)) if gaps.size else 1


def _surprises(value: Floats, rest: float) -> tuple[bool, Floats, Booleans]:
    """Whether the last rate predicts better than the last value, the surprises (row,), and what is off rest (row,)."""
    lone, lasting = surprises(value, inertia=False), surprises(value, inertia=True)
    is_away = ~(value == rest)
    is_known = np.isfinite(lone) & np.isfinite(np.roll(lone, 1)) & (is_away | np.roll(is_away, 1))
    lasting, lone = lasting[is_known], lone[is_known]
    inertia = scale(lasting) < scale(lone)
    return inertia, lasting if inertia else lone, is_away & np.isfinite(value)


def surprises(column: Floats, *, inertia: bool) -> Floats:
    """Each sample (row,) against what the ones before it predict: the last value or, with inertia, the last rate."""
    change = np.diff(column, prepend=nan)
    return change - _followed(np.where(np.isfinite(change), change, 0.0), RATE_SHARE) if inertia else change


def _followed(change: Floats, share: float) -> Floats:
    """Exponential average of the changes before each one, with weight `share` for the last."""
    taps = min(ceil(7.0 / share), change.size)
    weights = share * (1.0 - share) ** np.arange(taps)
    return np.concatenate([[0.0], np.convolve(change, weights)[: change.size - 1]])


def _exact_runs(column: Floats, is_away: Booleans, exact: float) -> Floats:
    """Lengths, in samples after the first, of all stretches on an exact line away from rest."""
    bend = np.abs(np.diff(column, 2))
    on_line = np.concatenate([[False], (bend <= exact) & is_away[2:], [False]])
    edges = np.flatnonzero(np.diff(on_line.astype(np.int8)))
    return (edges[1::2] - edges[::2] + 1).astype(np.float64)


def _resolution(there: Floats) -> float:
    """Smallest step between two values of a column (sample,), of the first hundred thousand."""
    steps = np.diff(np.unique(there[:COMPARED]))
    return rounded(float(steps.min())) if steps.size else 0.0


def _bridged(runs: Floats, samples: int, period: float) -> float:
    """Length in s that all but few stretches on a line keep below; 0 where three samples are the most."""
    longest = np.sort(runs)[::-1]
    allowed = samples // ALARM_SAMPLES
    length = longest[allowed] if allowed < longest.size else 0.0
    return min(rounded((length + 1.0) * period, up=True), 1e6) if length >= 3 else 0.0


def _range(low: float, high: float, noise: float) -> tuple[float, float]:
    """The values seen with a margin of a quarter of their span, in round numbers; what is never negative stays so."""
    margin = max(0.25 * (high - low), 3.0 * noise)
    unit = 10.0 ** floor(log10(high - low + 2.0 * margin)) / 10.0
    lowest = low - margin
    if low >= 0.0 and lowest < 0.0:
        lowest = -rounded(3.0 * noise, up=True)
        return max(lowest, floor((low - margin) / unit) * unit), _tidy(ceil((high + margin) / unit) * unit)
    return _tidy(floor(lowest / unit) * unit), _tidy(ceil((high + margin) / unit) * unit)


def _tidy(number: float) -> float:
    return float(f"{number:.10g}")


def _age_limit(column: Floats, period: float) -> float:
    """s, NaN where the default does: samples of a slower sensor, and losses that a healthy one has, too."""
    gaps = np.diff(np.flatnonzero(np.isfinite(column)))
    if not gaps.size or np.mean(gaps > AGE_LIMIT * _every(column)) < 0.001:
        return nan
    usual = max(AGE_LIMIT * float(np.median(gaps)), 1.2 * float(np.quantile(gaps, 0.999)))
    return min(rounded(usual * period, up=True), 1e6)


def tried(columns: Floats, signals: int) -> Floats:
    """As many of the first rows as are worth judging several times (signal, row)."""
    return columns[:, : min(ROWS_TRIED, max(CELLS_TRIED // max(signals, 1), 10 * SIDE_BY_SIDE))]


def alarms(
    signals: Sequence[Signal],
    relations: Sequence[Relation],
    columns: Floats,
    period: float,
    events: Sequence[Sequence[int]] = (),
) -> tuple[list[int], list[int]]:
    """Alarms of the default chain per signal, and samples judged; pieces of the log are judged side by side."""
    side = max(1, min(SIDE_BY_SIDE, columns.shape[1] // 100))
    steps = columns.shape[1] // side
    pieces = columns[:, : side * steps].reshape(len(signals), side, steps)
    chain = Chain(signals, relations, period, side, events)
    count, was_low = np.zeros(len(signals), dtype=np.int64), np.zeros((len(signals), side), dtype=bool)
    for step in range(steps):
        value = pieces[:, :, step]
        there = np.isfinite(value)
        is_low = chain.step(np.full(side, step * period), value).validity < CALLED
        count += np.sum(is_low & ~was_low & there, axis=1)
        was_low = np.where(there, is_low, was_low)
    return count.tolist(), np.isfinite(pieces).sum(axis=(1, 2)).tolist()


def calibrated(
    proposed: Sequence[Learnt], events: Sequence[tuple[int, int]], columns: Floats, period: float
) -> list[Learnt]:
    """The multiple of each noise with which the chain raises few alarms on the log itself (signal, row).

    A noise twice as large hides failures, too: it has to spare ALARMS_SPARED of the alarms, and as many as are few.
    What two signals show at once, as `events` say, is no noise of either.
    """
    rows = tried(columns, len(proposed))
    counts = np.zeros((len(FACTORS), len(proposed)))
    places = np.arange(len(proposed))
    for at, factor in enumerate(FACTORS):
        louder = [_louder(proposed[int(place)], factor).signal(period) for place in places]
        counts[at:, places] = alarms(louder, [], rows[places], period, _among(events, places))[0]
        is_loud = counts[at] > 0
        paired = [place for pair in events if is_loud[list(pair)].any() for place in pair]
        places = np.union1d(np.flatnonzero(is_loud), paired).astype(np.int64)
        if not places.size:
            break
    few = np.maximum(np.isfinite(rows).sum(axis=1) // ALARM_SAMPLES, 1)
    price = np.maximum(ALARMS_SPARED * counts[0], few) * np.log2(FACTORS)[:, None]
    return [_louder(each, FACTORS[at]) for each, at in zip(proposed, np.argmin(counts + price, axis=0), strict=True)]


def _among(pairs: Sequence[tuple[int, int]], places: NDArray[np.int64]) -> list[list[int]]:
    """The pairs that are among these places, by their number there."""
    return [np.searchsorted(places, pair).tolist() for pair in pairs if np.isin(pair, places).all()]


def _louder(each: Learnt, factor: float) -> Learnt:
    noise = rounded(each.noise * factor)
    return replace(each, noise=noise, factor=factor, tolerated=_tolerated(noise, each.seen))


def _tolerated(noise: float, seen: tuple[float, float]) -> float:
    """TOLERATED times the noise, but not more than a quarter of the span, if that is above the noise."""
    most = max(TOLERATED_LEAST * noise, 0.25 * (seen[1] - seen[0]))
    return rounded(min(TOLERATED * noise, most), up=True)
