"""What columns of a healthy log say of each other: the same quantity, or one the rate of the other, and how shifted.

The shift is found in three steps: the peak of the normalised cross-correlation of changes [Knapp & Carter 1976], the
least scale of the residual over the shifts around it, and the vertex of the parabola through the three best ones for
the part below a sample [Jacovitti & Scarano 1993]. Blocks of the log, taken one by one, say how sure it is. GPS is over
a second ahead of or behind the wheel speed in real cars, so shifts are searched on both sides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from karyon.logs.cells import Floats
from karyon.logs.learn_columns import tokens
from karyon.logs.learn_signals import BLOCKS, Learnt, scale
from karyon.perception.residuals import HALF_WINDOW, Kind

ROWS = 65_536
COLUMNS = 32  # the first ones are compared; pairs grow with the square
WINDOW, WINDOW_SECONDS = 10, 1.0  # samples at least, and time, over which changes are compared
SHIFT_MIN, SHIFT_MAX, SHIFT_SECONDS = 32, 300, 6.0
CORRELATED = 0.5
SAME_SCALE, RATE_SCALE = 1.2, 1.33  # largest ratio of two columns of one quantity
SAME_REST, RATE_REST = 0.2, 0.5  # largest residual, as a share of what varies
COPY = 1e-6  # the same
CALM_PARTS = 48
MEMORY = 333  # samples over which the chain averages the usual offset
NEARBY = 3  # samples on both sides of the peak
CLIPPED = 6.0  # scales: a jump shall not decide the correlation

QUANTITIES = {
    "acceleration": {"accel", "acceleration", "acc", "acl", "ax", "mps2", "ms2"},
    "speed": {"speed", "spd", "velocity", "vel", "mps", "kmh", "kph"},
    "distance": {"distance", "dist", "range", "gap", "position", "odometer", "m"},
}
RATES = {"acceleration": "speed", "speed": "distance"}


@dataclass(frozen=True, slots=True)
class Related:
    """A relation between two columns, both by their place.

    shift       samples by which the source is ahead, >= 0, and its standard error
    factor      of the signal over what the source says: for `same_as` near 1, for rates the samples per second
                of the log if both are in units that belong together
    noise       scale of the residual as the chain forms it where all is calm, in the signal's unit
    rest        the residual at the best shift as a share of what varies
    """

    signal: int
    source: int
    kind: Kind
    shift: float
    shift_error: float
    factor: float
    noise: float
    rest: float
    scale: float = 1.0  # by which the source is multiplied first


def related(names: Sequence[str], columns: Floats, period: float | None) -> list[Related]:
    """All relations that the columns (column, row) show, the closest ones first.

    period   s, None where nobody knows it: rates are then taken as they are
    """
    count = min(len(names), COLUMNS)
    values = np.stack([_filled(column) for column in columns[:count, :ROWS]]) if count else columns
    if count < 2 or values.shape[1] < 8 * WINDOW:
        return []
    most = _most_shift(values.shape[1], period)
    window = min(max(WINDOW, round(WINDOW_SECONDS / period) if period else 0), values.shape[1] // 8)
    changes = [_clipped(_change(value, window)) for value in values]
    levels = [_clipped(values[place] - np.median(values[place])) for place in range(count)]
    slopes = [_clipped(slope(values[place])) for place in range(count)]
    found = [*_same(names, values, changes, window, most), *_rates(names, values, levels, slopes, most, period)]
    return sorted((each for each in found if each.rest > COPY), key=lambda each: each.rest)  # a copy is no source


def quantity(name: str) -> str:
    """What a name says that a column measures; empty where it says nothing."""
    words = set(tokens(name))
    return next((each for each, known in QUANTITIES.items() if known & words), "")


def chosen(found: Sequence[Related], signals: Sequence[Learnt]) -> list[Related]:
    """One relation per signal: of the same quantity first, then a rate, whose source is rather ahead than beside it.

    What is ahead has been judged already, and what comes another way is more likely independent.
    """
    order = (Kind.SAME, Kind.RATE, Kind.INTEGRAL)
    kept: dict[int, Related] = {}
    for kind in order:
        for place in range(len(signals)):
            options = [each for each in found if each.signal == place and each.kind is kind]
            options = [each for each in options if each.noise <= signals[place].tolerated]  # else it says nothing
            if options and place not in kept:
                closest = min(each.noise for each in options)
                near = [each for each in options if each.noise <= 2.0 * closest]
                best = max(near, key=lambda each: (each.shift >= HALF_WINDOW, -each.noise))
                if not _is_reverse(best, kept):
                    kept[place] = best
    return [kept[place] for place in sorted(kept)]


def _is_reverse(relation: Related, kept: dict[int, Related]) -> bool:
    """Whether the source is already judged by this signal."""
    back = kept.get(relation.source)
    return back is not None and back.source == relation.signal


def slope(value: Floats) -> Floats:
    """Change per sample around each sample, as the chain differentiates a source; 0 at both ends (row,)."""
    width = 2 * HALF_WINDOW
    return np.pad((value[width:] - value[:-width]) / width, HALF_WINDOW)


def _filled(column: Floats) -> Floats:
    """The column with its gaps on lines, for the search alone."""
    there = np.flatnonzero(np.isfinite(column))
    if not there.size:
        return np.zeros(column.size)
    return np.interp(np.arange(column.size), there, column[there])


def _clipped(signal: Floats) -> Floats:
    limit = CLIPPED * max(scale(signal), 1e-12)
    clipped = np.clip(signal, -limit, limit)
    return np.asarray(clipped - clipped.mean())


def _most_shift(rows: int, period: float | None) -> int:
    seconds = SHIFT_SECONDS / period if period else SHIFT_MAX / 3
    return int(min(max(SHIFT_MIN, seconds), SHIFT_MAX, rows // 8))


def _same(names: Sequence[str], values: Floats, changes: Sequence[Floats], window: int, most: int) -> Iterator[Related]:
    """Pairs of the same quantity."""
    spectra = [_spectrum(change, most) for change in changes]
    for one, other in combinations(range(len(values)), 2):
        if not _may_be_same(names[one], names[other]):
            continue
        correlation, shift = _peak(spectra[one], spectra[other], most)
        if correlation < CORRELATED:
            continue
        signal, source, shift = (other, one, shift) if shift >= 0 else (one, other, -shift)
        is_named = quantity(names[one]) != ""
        if found := _same_at(values, signal, source, shift, window, is_named):
            yield found


def _same_at(values: Floats, signal: int, source: int, near: int, window: int, is_named: bool) -> Related | None:
    """The relation, if the changes of both are equal at a shift near this one.

    Or proportional, as of speeds in m/s and in km/h, where the names say that it is one quantity (`is_named`).
    """
    gauge = _gauge(values, signal, source, near, window) if is_named else 1.0
    best, error = _finest(values[signal], gauge * values[source], near)
    if best < -0.5:
        signal, source, best, gauge = source, signal, -best, _rounded(1.0 / gauge)
    shift = max(round(best), 0)
    moved, by = _beside(_change(values[signal], window), gauge * _change(values[source], window), shift)
    left = scale(moved - by)
    is_inlier = np.abs(moved - by) <= 4.0 * left
    varies = _size(moved[is_inlier])
    factor = varies / max(_size(by[is_inlier]), 1e-12)
    rest = left / max(varies, 1e-12)
    if not 1.0 / SAME_SCALE <= factor <= SAME_SCALE or rest > SAME_REST:
        return None
    now, then = _beside(values[signal], gauge * values[source], shift)
    noise = _calm(_unbiased(now - then))
    return Related(signal, source, Kind.SAME, max(best, 0.0), error, gauge * factor, noise, rest, gauge)


def _gauge(values: Floats, signal: int, source: int, near: int, window: int) -> float:
    """By what the source has to be multiplied; 1 where the two are of one size anyway."""
    ratio = _ratio(*_beside(_change(values[signal], window), _change(values[source], window), near))
    return 1.0 if ratio <= 0.0 or 1.0 / SAME_SCALE <= ratio <= SAME_SCALE else _rounded(ratio)


def _rounded(ratio: float) -> float:
    return float(f"{ratio:.3g}")


def _rates(
    names: Sequence[str],
    values: Floats,
    levels: Sequence[Floats],
    slopes: Sequence[Floats],
    most: int,
    period: float | None,
) -> Iterator[Related]:
    """Pairs of which one is the rate of the other."""
    of_level, of_slope = ([_spectrum(each, most) for each in kind] for kind in (levels, slopes))
    for rate, whole in ((a, b) for a in range(len(values)) for b in range(len(values)) if a != b):
        if not _may_be_rate(names[rate], names[whole]):
            continue
        correlation, shift = _peak(of_slope[whole], of_level[rate], most)
        if correlation < CORRELATED:
            continue
        found = _rate_at(values, rate, whole, shift)
        if found and (period is None or 1.0 / RATE_SCALE <= found.factor * period <= RATE_SCALE):
            yield found


def _rate_at(values: Floats, rate: int, whole: int, near: int) -> Related | None:
    """The relation, if the slope of one is the other, times a constant, at a shift near this one."""
    level, rising = values[rate], slope(values[whole])
    now, then = _beside(level, rising, near)
    factor = _ratio(now, then)
    if factor <= 0.0:
        return None
    best, error = _finest(level, factor * rising, near)
    now, then = _beside(level, rising, round(best))
    factor = _ratio(now, then)
    rest = scale(now - factor * then) / max(_size(level - np.median(level)), 1e-12)
    if factor <= 0.0 or rest > RATE_REST:
        return None
    if round(best) >= 0:
        now, then = _beside(level, rising, max(round(best), HALF_WINDOW))
        noise = _calm(_unbiased(now - factor * then))
        return Related(rate, whole, Kind.RATE, max(best, 0.0), error, factor, noise, rest)
    change, said = _beside(np.diff(values[whole], prepend=values[whole, 0]), level, round(-best))
    noise = _calm(change - said / factor)
    return Related(whole, rate, Kind.INTEGRAL, -best, error, factor, noise, rest)


def _may_be_same(one: str, other: str) -> bool:
    first, second = quantity(one), quantity(other)
    return not first or not second or first == second


def _may_be_rate(rate: str, whole: str) -> bool:
    first, second = quantity(rate), quantity(whole)
    return not first or not second or RATES.get(first) == second


def _spectrum(signal: Floats, most: int) -> NDArray[np.complex128]:
    length = 1 << int(signal.size + most - 1).bit_length()
    return np.asarray(np.fft.rfft(signal / max(float(np.linalg.norm(signal)), 1e-12), length))


def _peak(one: NDArray[np.complex128], other: NDArray[np.complex128], most: int) -> tuple[float, int]:
    """Highest correlation, and by how many samples the one is then ahead of the other."""
    correlation = np.fft.irfft(np.conj(one) * other)
    lags = np.concatenate([correlation[-most:], correlation[: most + 1]])
    best = int(np.argmax(lags))
    return float(lags[best]), best - most


def _beside(signal: Floats, source: Floats, shift: int) -> tuple[Floats, Floats]:
    """A signal, and the source `shift` samples before (row,)."""
    count = signal.size - abs(shift)
    return signal[max(shift, 0) :][:count], source[max(-shift, 0) :][:count]


def _finest(signal: Floats, source: Floats, near: int) -> tuple[float, float]:
    """Shift of the least residual, with its part below a sample, and its standard error over blocks."""
    shifts = range(near - NEARBY, near + NEARBY + 1)
    pieces = [np.array_split(np.subtract(*_beside(signal, source, shift)), BLOCKS) for shift in shifts]
    residuals = [[piece - np.median(piece) for piece in each] for each in pieces]
    whole = shifts[0] + _vertex([scale(np.concatenate(each)) for each in residuals])
    parts = [shifts[0] + _vertex([scale(each[block]) for each in residuals]) for block in range(BLOCKS)]
    spread = 1.48 * float(np.median(np.abs(np.array(parts) - np.median(parts))))
    return whole, spread / float(np.sqrt(BLOCKS))


def _vertex(scales: Sequence[float]) -> float:
    """Place of the minimum of the squares, by the parabola through the least and its neighbours."""
    squares = np.square(scales)
    best = int(np.argmin(squares))
    if best in (0, len(squares) - 1):
        return float(best)
    before, least, after = squares[best - 1 : best + 2]
    bend = before - 2.0 * least + after
    return best + (0.5 * float((before - after) / bend) if bend > 0.0 else 0.0)


def _ratio(signal: Floats, source: Floats) -> float:
    """Signal over source, through zero, by weights of Student's t: the symmetric one, as both are noisy."""
    weight = np.ones(signal.size)
    factor = 0.0
    for _ in range(20):
        product = float(np.sum(weight * signal * source))
        if product <= 0.0:
            return 0.0
        factor = float(np.sqrt(np.sum(weight * signal * signal) / np.sum(weight * source * source)))
        error = signal - factor * source
        weight = 8.0 / (7.0 + (error / max(scale(error), 1e-12)) ** 2)
    return factor


def _unbiased(residual: Floats) -> Floats:
    """The residual without its usual offset over the samples before, as the chain takes it off."""
    total = np.concatenate([[0.0], np.cumsum(residual)])
    end = np.arange(1, residual.size + 1)
    begin = np.maximum(end - MEMORY, 0)
    return np.asarray(residual - (total[end] - total[begin]) / (end - begin))


def _change(value: Floats, window: int) -> Floats:
    return np.asarray(value[window:] - value[:-window])


def _calm(residual: Floats) -> float:
    """Scale of the residual in the calmer quarter of the log: the chain lets it grow in a manoeuvre by itself."""
    return float(np.quantile([scale(part) for part in np.array_split(residual, CALM_PARTS)], 0.25))


def _size(signal: Floats) -> float:
    return float(np.sqrt(np.mean(signal * signal))) if signal.size else 0.0
