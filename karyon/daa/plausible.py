"""Whether the states of an encounter fit each other: what moves as its velocity says is in the units that it says.

A factor between both that is the one between two units is a fault: alerts made from such states would be wrong. What
differs otherwise, jumps or breaks off is told and judged as it is.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from karyon.daa.encounter import Encounter
from karyon.flight import earth
from karyon.flight.units import FOOT, KNOT, NAUTICAL_MILE
from karyon.sim.documents import Fault, quoted

Floats = NDArray[np.float64]

WINDOW = 10  # states over which a way is compared with the velocities along it
FAR = 0.9 * np.pi / 2 * earth.RADIUS  # m; no encounter, and nearly beyond the horizon of the projection
STEPS_MAX = 10.0  # usual steps of time that make a jump
MOVED_MIN, CLIMBED_MIN = 1000.0, 150.0  # m of way that tell something about units
FITS, SAME = 0.25, 0.03  # relative: way and velocity agree, a factor is that of two units
SPEEDS = {"m/s": 1.0, "knot": KNOT, "km/h": 1 / 3.6, "ft/s": FOOT, "mph": 0.44704}
CLIMBS = {"m/s": 1.0, "ft/s": FOOT, "fpm": FOOT / 60.0}
HEIGHTS = {"m": 1.0, "ft": FOOT}


def faults(encounter: Encounter) -> list[Fault]:
    """States that cannot be of one encounter, or are in other units than the file says."""
    found = list(_far_apart(encounter))
    for aircraft in range(len(encounter.names)):
        found += _mixed_units(encounter, aircraft)
    return found


def notes(encounter: Encounter, altitude_max: float) -> list[str]:
    """What a user should know of the encounter although it is judged, in words."""
    told = [*_jumps(encounter), *_gaps(encounter), *_like_metres_and_feet(encounter)]
    for aircraft, name in enumerate(encounter.names):
        told += _disagreement(encounter, aircraft, name)
        highest = float(np.nanmax(encounter.z[aircraft]))
        if highest > altitude_max:
            limit = f"max_alt of the configuration is {altitude_max / FOOT:,.0f} ft: feet and metres mixed up?"
            told.append(f"{quoted(name)} is up to {highest / FOOT:,.0f} ft high, but {limit}")
    return told


def _far_apart(encounter: Encounter) -> Iterator[Fault]:
    """The first state of each intruder that is too far from the ownship to be projected."""
    if not encounter.is_geodetic:
        return
    latitude, longitude = encounter.y, encounter.x
    away = earth.distance(latitude, longitude, latitude[0], longitude[0])
    for aircraft in range(1, len(encounter.names)):
        beyond = np.flatnonzero(away[aircraft] > FAR)
        if beyond.size:
            miles = away[aircraft, beyond[0]] / NAUTICAL_MILE
            what = f"{quoted(encounter.names[aircraft])} is {miles:,.0f} nmi from the ownship"
            yield encounter.fault(aircraft, int(beyond[0]), f"{what}, which is no encounter", "wrong sign, or units?")


def _mixed_units(encounter: Encounter, aircraft: int) -> Iterator[Fault]:
    """Ways that are as many times as long as velocities say as one unit is of another."""
    name = quoted(encounter.names[aircraft])
    instant = int(np.flatnonzero(encounter.lines[aircraft])[0])
    moved, said = _ways(encounter, aircraft)
    if max(moved, said) > MOVED_MIN and (pair := _units_apart(moved, said, SPEEDS, SPEEDS)):
        message = f"{name} moves {moved / said:.3g} times as fast as its speeds say: {pair} mixed up?"
        yield encounter.fault(aircraft, instant, message)
    climbed, said = _climbs(encounter, aircraft)
    if max(climbed, said) > CLIMBED_MIN:
        pair = _units_apart(climbed, said, HEIGHTS, HEIGHTS) or _units_apart(climbed, said, CLIMBS, CLIMBS)
        if pair:
            message = f"{name} climbs {climbed / said:.3g} times as fast as its vertical speeds say: {pair} mixed up?"
            yield encounter.fault(aircraft, instant, message)


def _units_apart(moved: float, said: float, ones: dict[str, float], others: dict[str, float]) -> str:
    """The two units that are as far apart as two ways; empty where there are none, or the ways agree."""
    if not (moved > 0.0 and said > 0.0) or abs(moved / said - 1.0) < FITS:
        return ""
    for one, factor in ones.items():
        for other, divisor in others.items():
            if abs(moved / said / (factor / divisor) - 1.0) < SAME:
                return f"[{one}] and [{other}]"
    return ""


def _disagreement(encounter: Encounter, aircraft: int, name: str) -> Iterator[str]:
    for (moved, said), least, what in (
        (_ways(encounter, aircraft), MOVED_MIN, "moves"),
        (_climbs(encounter, aircraft), CLIMBED_MIN, "climbs"),
    ):
        if max(moved, said) > least and not abs(moved - said) <= FITS * max(moved, said):
            yield f"{quoted(name)} {what} {moved:,.0f} m where its velocities say {said:,.0f} m"


def _jumps(encounter: Encounter) -> Iterator[str]:
    for begin, end in _holes(encounter.time):
        yield f"the time jumps from {begin:g} s to {end:g} s"


def _gaps(encounter: Encounter) -> Iterator[str]:
    """Where an intruder is gone for a while, and the ownship is there: without a state nobody is alerted to it."""
    of_all = set(_holes(encounter.time))
    for name, lines in zip(encounter.names[1:], encounter.lines[1:], strict=True):
        for begin, end in sorted(set(_holes(encounter.time[lines > 0])) - of_all):
            yield f"{quoted(name)} has no state between {begin:g} s and {end:g} s"


def _holes(times: Floats) -> Iterator[tuple[float, float]]:
    """Between which of these times there is much more than usual."""
    steps = np.diff(times)
    usual = float(np.median(steps)) if steps.size else 0.0
    for index in np.flatnonzero(steps > STEPS_MAX * usual):
        yield float(times[index]), float(times[index + 1])


def _like_metres_and_feet(encounter: Encounter) -> Iterator[str]:
    """Altitudes of two aircraft that are the same number in feet and in metres."""
    heights = np.nanmedian(encounter.z, axis=1)
    for aircraft in range(1, len(encounter.names)):
        low, high = sorted((abs(heights[0]), abs(heights[aircraft])))
        if low > CLIMBED_MIN and abs(low / high / FOOT - 1.0) < 0.005:
            pair = f"{quoted(encounter.names[0])} and {quoted(encounter.names[aircraft])}"
            yield f"the altitudes of {pair} differ as feet and metres do: is one of them in the wrong unit?"


def _stretches(encounter: Encounter, aircraft: int) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Instants of windows of states without a jump in time, and the times between them in s."""
    known = np.flatnonzero(encounter.lines[aircraft])
    if known.size < 2:
        return
    steps = np.diff(encounter.time[known])
    usual = float(np.median(steps))
    for first in range(0, known.size - 1, WINDOW):
        window = known[first : first + WINDOW + 1]
        between = np.diff(encounter.time[window])
        if between.size and between.max() <= STEPS_MAX * usual:
            yield window, between


def _ways(encounter: Encounter, aircraft: int) -> tuple[float, float]:
    """Way in m over ground, from the positions and from the velocities."""
    moved = said = 0.0
    x, y = encounter.x[aircraft], encounter.y[aircraft]
    for window, between in _stretches(encounter, aircraft):
        first, last = window[0], window[-1]
        if encounter.is_geodetic:
            moved += float(earth.distance(y[last], x[last], y[first], x[first]))
        else:
            moved += float(np.hypot(x[last] - x[first], y[last] - y[first]))
        east, north = (_integral(velocity[aircraft, window], between) for velocity in (encounter.vx, encounter.vy))
        said += float(np.hypot(east, north))
    return moved, said


def _climbs(encounter: Encounter, aircraft: int) -> tuple[float, float]:
    """Height in m that was climbed and sunk, from the altitudes and from the vertical speeds."""
    climbed = said = 0.0
    z = encounter.z[aircraft]
    for window, between in _stretches(encounter, aircraft):
        climbed += abs(float(z[window[-1]] - z[window[0]]))
        said += abs(_integral(encounter.vz[aircraft, window], between))
    return climbed, said


def _integral(velocity: Floats, between: Floats) -> float:
    return float(((velocity[1:] + velocity[:-1]) * between).sum() / 2.0)
