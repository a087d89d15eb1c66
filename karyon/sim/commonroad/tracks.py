"""Recorded tracks and lines, made smooth: what lanes and crossings of a file have in common."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_smoothing_spline

from karyon.sim.commonroad.file import Recording, Track

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]

OURS = 0  # index of the car that takes the place of a recorded one
SPLINE = 0.1  # s³, weight of the second derivative: motion within 0.3 s is noise of the cameras
TICK = 0.01  # s between two instants at which motion is looked up; linear between them
FEW = 5  # instants that a smoothing spline needs


def resampled(line: Floats) -> Floats:
    """The line with a point at each metre."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    kept = np.append(True, np.diff(at) > 0.0)
    metres = np.arange(0.0, at[-1], 1.0)
    return np.stack([np.interp(metres, at[kept], line[kept, axis]) for axis in (0, 1)], axis=1)


def smoothed(times: Floats, values: Floats, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Value, first and second derivative of what was recorded, smoothed."""
    if len(times) < FEW:
        rate = np.polyfit(times, values, 1)[0] if len(times) > 1 else 0.0
        return np.interp(at, times, values), np.full_like(at, rate), np.zeros_like(at)
    spline = make_smoothing_spline(times, values, lam=SPLINE)
    return spline(at), spline.derivative(1)(at), spline.derivative(2)(at)


def nearest(recording: Recording, track: Track, most: int) -> tuple[list[Track], int]:
    """The replaced car first, then those that come nearest to it; and how many are left out."""
    everyone = (*recording.tracks, *recording.standing)
    others = [each for each in everyone if each.number != track.number and each.last > track.first]
    others.sort(key=lambda each: (_apart(track, each), each.number))
    chosen = sorted(others[: most - 1], key=lambda each: each.number)
    return [track, *chosen], len(others) - len(chosen)


def _apart(one: Track, other: Track) -> float:
    """How near two cars come to each other's path, m."""
    return float(np.hypot(one.x[:, None] - other.x, one.y[:, None] - other.y).min())


def looked_up(table: Floats, first: float, time: float) -> tuple[Booleans, Floats]:
    """Which cars are there at `time` (car,), and their motion, 0 of those that are not (quantity, car).

    table   (quantity, tick, car), NaN where a car is not there; `first` and `time` in s
    """
    tick = np.clip((time - first) / TICK, 0.0, table.shape[1] - 1.001)
    before, share = int(tick), tick - int(tick)
    now = (1.0 - share) * table[:, before] + share * table[:, before + 1]
    here = np.isfinite(now[0])
    return here, np.where(here, now, 0.0)


def times_of(recording: Recording, replaced: Track, lead_in: float, lead_out: float) -> Floats:
    """Times in s from the first instant of the replaced car on, from before it to after the end of the recording."""
    return np.arange(-lead_in, (recording.steps - replaced.first) * recording.step + lead_out + 2 * TICK, TICK)


def span(recording: Recording, track: Track, replaced: Track) -> tuple[Floats, float, float]:
    """Times of the instants of a track, s after the first one of the replaced car; from when, until when it is there.

    Who is there at that instant has come from somewhere, and who is there at the last one goes on.
    """
    own = (np.arange(len(track.x), dtype=np.float64) + track.first - replaced.first) * recording.step
    begins, ends = own[0] - 0.5 * TICK, own[-1] + 1.5 * TICK  # between two ticks one is there if it is at both
    return own, begins if own[0] > 0.0 else -np.inf, ends if track.last < recording.steps else np.inf
