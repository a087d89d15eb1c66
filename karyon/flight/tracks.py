"""Tracks of other aircraft from what they report, or a sensor sees of them, and how far to believe each.

Elementwise formulas with explicit state, for any number of tracks at once; no sample, no change. It is doubted when

    repeats   its position is that of the report before, though the aircraft has moved since: it is stale
    shift     its position is not where its velocities lead to: it has jumped, and stays doubted until it jumps back
    slip      its positions drift away from its velocities, by more than both can err

Without an independent source time alone restores nothing: `confirmed` takes that source's word.
"""

from typing import Any, NamedTuple

import numpy as np

from karyon.kernel.elementwise import maximum, minimum, where
from karyon.perception import validity

MOVED = 10.0  # m: an aircraft that should have moved so far does not report the same position
EACH_REPEAT = 0.15  # validity lost with each repeated position
GATE = 5.0  # sigma of the difference of two positions that are still where they were expected
MANOEUVRE = 4.0  # m/s²: how an aircraft may have turned or accelerated between two reports
RECKONING = 0.5  # of the way between two reports: a position is as old as half their distance in time; rounding
SHIFT_MAX = 300.0  # m: a position that has jumped so far says nothing
SLIP_SHARE = 0.15  # of a report in the mean difference
SLIP_SIGMAS, SLIP_LEAST, SLIP_MAX = 4.5, 2.0, 16.0  # of a healthy slip; m/s that no noise is, and beyond it
ACCELERATION_SHARE = 0.3  # of a report in the mean acceleration
TURNING = 1.5  # m/s² across its way from which on it turns, and no noise does
DROPPED = 60.0  # s without a report, after which a track begins anew


class Track(NamedTuple):
    """State of some tracks: the last position (m) with its time (s), velocity (m/s), and what is wrong with them.

    time      of the position; NaN: none yet
    heard     s, of the last report, repeated or not
    repeats   reports in a row whose position was the same
    shift_x, shift_y   m; how far positions have left where velocities lead to, since they jumped; 0 before, and back
    slip_x, slip_y     m/s; mean difference of the positions' velocity and the reported one
    ax, ay             m/s²; mean change of the reported velocity
    turned             rad to the left; how far it has turned since it began to, 0 where it does not
    """

    x: Any
    y: Any
    z: Any
    vx: Any
    vy: Any
    vz: Any
    time: Any
    heard: Any
    repeats: Any
    shift_x: Any
    shift_y: Any
    slip_x: Any
    slip_y: Any
    ax: Any
    ay: Any
    turned: Any


class Report(NamedTuple):
    """What is reported, or measured, of an aircraft: position (m), velocity (m/s), time of measurement (s)."""

    x: Any
    y: Any
    z: Any
    vx: Any
    vy: Any
    vz: Any
    time: Any


def none_yet(*shape: int) -> Track:
    """Tracks before their first report."""
    unknown, nothing = np.full(shape, np.nan), np.zeros(shape)
    return Track(*([unknown] * 8), *([nothing] * 8))


def updated(track: Track, report: Report, fresh: Any, sigma: Any) -> Track:
    """The tracks with the reports that are `fresh`; `sigma` is the 1-sigma error of a position along one axis, in m."""
    step = report.time - track.heard
    begins = ~(step <= DROPPED)
    step = where(begins, 1.0, step)
    far_x, far_y = report.x - track.x, report.y - track.y
    speed = np.sqrt(report.vx * report.vx + report.vy * report.vy)
    is_same = fresh & ~begins & (far_x == 0.0) & (far_y == 0.0)
    repeats = is_same & (speed * step > MOVED)
    since = where(begins, 1.0, report.time - track.time)
    off_x = far_x - 0.5 * (track.vx + report.vx) * since
    off_y = far_y - 0.5 * (track.vy + report.vy) * since
    off = np.sqrt(off_x * off_x + off_y * off_y)
    goes_on = fresh & ~begins & ~is_same
    limit = gate(sigma, since, speed)
    jumps = goes_on & (off > limit)
    slips = goes_on & ~jumps
    follows = jumps | (goes_on & ((track.shift_x != 0.0) | (track.shift_y != 0.0)))
    shift_x, shift_y = track.shift_x + where(follows, off_x, 0.0), track.shift_y + where(follows, off_y, 0.0)
    is_back = shift_x * shift_x + shift_y * shift_y <= limit * limit
    share = where(slips, SLIP_SHARE, 0.0)
    whole = where(since > 0.0, since, 1.0)
    ax = where(begins, 0.0, track.ax + ACCELERATION_SHARE * ((report.vx - track.vx) / whole - track.ax))
    ay = where(begins, 0.0, track.ay + ACCELERATION_SHARE * ((report.vy - track.vy) / whole - track.ay))
    square = maximum(speed * speed, 1.0)
    across = report.vx * ay - report.vy * ax
    turns = abs(across) > TURNING * speed
    before = where(across * track.turned < 0.0, 0.0, track.turned)
    moved = Track(
        *report,
        heard=report.time,
        repeats=where(repeats, track.repeats + 1.0, 0.0),
        shift_x=where(begins | is_back, 0.0, shift_x),
        shift_y=where(begins | is_back, 0.0, shift_y),
        slip_x=where(begins, 0.0, track.slip_x + share * (where(slips, off_x, 0.0) / whole - track.slip_x)),
        slip_y=where(begins, 0.0, track.slip_y + share * (where(slips, off_y, 0.0) / whole - track.slip_y)),
        ax=ax,
        ay=ay,
        turned=where(turns, before + since * across / square, 0.0),
    )
    stays = track._replace(heard=report.time, repeats=moved.repeats)
    taken = (where(repeats, old, new) for old, new in zip(stays, moved, strict=True))
    return Track(*(where(fresh, new, old) for new, old in zip(taken, track, strict=True)))


def gate(sigma: Any, step: Any, speed: Any) -> Any:
    """How far a healthy position is from where the velocities lead, in m, after `step` s at `speed` m/s."""
    return GATE * np.sqrt(2.0) * sigma + 0.5 * MANOEUVRE * step * step + RECKONING * speed * step


def believed(track: Track, sigma: Any) -> Any:
    """Validity of the tracks, 0..1; 0 where there is none."""
    stale = 1.0 - EACH_REPEAT * track.repeats
    shift = np.sqrt(track.shift_x * track.shift_x + track.shift_y * track.shift_y)
    slip = np.sqrt(track.slip_x * track.slip_x + track.slip_y * track.slip_y)
    steady = validity.of_amplitude(shift, GATE * np.sqrt(2.0) * sigma, SHIFT_MAX + GATE * np.sqrt(2.0) * sigma)
    slip_band = SLIP_SIGMAS * SLIP_SHARE * np.sqrt(2.0) * sigma + SLIP_LEAST
    followed = validity.of_amplitude(slip, slip_band, slip_band + SLIP_MAX)
    found = maximum(0.0, stale) * steady * followed
    return where(np.isnan(track.time), 0.0, minimum(found, 1.0))


def confirmed(track: Track, agrees: Any) -> Track:
    """The tracks without their shift where an independent source has them in the same place."""
    return track._replace(shift_x=where(agrees, 0.0, track.shift_x), shift_y=where(agrees, 0.0, track.shift_y))


def now_at(track: Track, now: Any) -> tuple[Any, Any, Any]:
    """Where the tracks lead to at `now` s."""
    age = now - track.time
    return track.x + age * track.vx, track.y + age * track.vy, track.z + age * track.vz
