"""Alerts, separation and closest approach of every intruder at every instant of an encounter.

Geometry is computed for all instants at once; only the hysteresis of the alerts goes through them in order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.daa import plausible
from karyon.daa.configuration import Alerter, Configuration, Terminal
from karyon.daa.encounter import Encounter
from karyon.flight import alerting, earth, well_clear
from karyon.flight.alerting import Hysteresis
from karyon.flight.uncertainty import Errors, bounded, largest_deviation
from karyon.flight.well_clear import Motion
from karyon.sim.documents import Fault, InputError, in_order, quoted

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

NO_ALERT = -1  # of an intruder that no alerter is set for, or that has no state


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of an encounter; intruders are all aircraft but the first.

    alert        level of each intruder, `NO_ALERT` where there is nothing to judge (intruder, instant)
    horizontal   m; separation in the horizontal plane
    vertical     m; separation in altitude
    tcpa, dcpa   s, m: closest point of approach in the horizontal plane, 0 s when diverging
    levels       number of alert levels that there are
    notes        what a user should know
    """

    encounter: Encounter
    alert: Integers
    horizontal: Floats
    vertical: Floats
    tcpa: Floats
    dcpa: Floats
    levels: int
    notes: tuple[str, ...]


def judge(encounter: Encounter, configuration: Configuration) -> Judged:
    """The whole encounter. InputError where its states cannot be of one encounter, or name an alerter in vain."""
    faults = [*plausible.faults(encounter), *_unknown_alerters(encounter, configuration)]
    if faults:
        raise InputError(in_order(faults))
    motion = relative_motion(encounter)
    alert = _alerts(encounter, configuration, times_to_volume(encounter, configuration))
    tcpa, dcpa = well_clear.closest_approach(motion)
    horizontal = np.sqrt(motion.x * motion.x + motion.y * motion.y)
    notes = (*encounter.notes, *plausible.notes(encounter, configuration.altitude_max))
    levels = max(len(alerter.levels) for alerter in configuration.alerters)
    return Judged(encounter, alert, horizontal, np.abs(motion.z), tcpa, dcpa, levels, notes)


def relative_motion(encounter: Encounter) -> Motion:
    """Ownship less intruder, in the plane at the ownship, relative to the wind (intruder, instant)."""
    vx, vy = encounter.vx - encounter.wind_x, encounter.vy - encounter.wind_y
    x, y = encounter.x, encounter.y
    if encounter.is_geodetic:
        longitude, latitude = x, y
        origin = latitude[0], longitude[0]
        x, y = earth.projected(latitude, longitude, *origin)
        vx, vy = earth.projected_velocity(latitude, longitude, vx, vy, *origin)
    states = (x, y, encounter.z, vx, vy, encounter.vz)
    return Motion(*(state[0] - state[1:] for state in states))


def _deviations(encounter: Encounter) -> Errors:
    """Standard deviations of both aircraft, added up (intruder, instant)."""
    of = encounter.deviations
    single = (
        largest_deviation(of["s_EW_std"], of["s_NS_std"], of["s_EN_std"]),
        of["sz_std"],
        largest_deviation(of["v_EW_std"], of["v_NS_std"], of["v_EN_std"]),
        of["vz_std"],
    )
    return Errors(*(deviation[0] + deviation[1:] for deviation in single))


def times_to_volume(encounter: Encounter, configuration: Configuration) -> list[Floats]:
    """Of each alerter: s until the volume of each level is entered, inf for never (level, intruder, instant)."""
    motion, deviations = relative_motion(encounter), _deviations(encounter)
    return [_begins(alerter, motion, deviations, configuration.lookahead) for alerter in configuration.alerters]


def _begins(alerter: Alerter, motion: Motion, deviations: Errors, horizon: float) -> Floats:
    distance = np.sqrt(motion.x * motion.x + motion.y * motion.y)
    return np.array(
        [
            alerting.predicted(level, motion, bounded(scores, deviations, distance), horizon).begin
            for level, scores in zip(alerter.levels, alerter.scores, strict=True)
        ]
    )


def _alerts(encounter: Encounter, configuration: Configuration, begins: list[Floats]) -> Integers:
    """Alert of each intruder at each instant: the one place that goes through time."""
    intruders, hysteresis = len(encounter.names) - 1, configuration.hysteresis
    present = encounter.lines[1:] > 0
    alerter = _alerters(encounter, configuration)
    alert = np.full(present.shape, NO_ALERT, dtype=np.int64)
    state = alerting.none_yet(intruders, hysteresis)
    before = -np.inf
    for instant, now in enumerate(encounter.time.tolist()):
        if now - before > hysteresis.forget:
            state = alerting.none_yet(intruders, hysteresis)
        asked = np.zeros(intruders, dtype=np.int64)
        for number, each in enumerate(configuration.alerters, start=1):
            raised = alerting.raw(each.levels, begins[number - 1][:, :, instant], state, now)
            asked = np.where(alerter[:, instant] == number, raised, asked)
        judged = present[:, instant] & (alerter[:, instant] > 0)
        state = alerting.settled(asked, state, hysteresis, now, judged)
        alert[judged, instant] = state.level[judged]
        before = now
    return alert


def _alerters(encounter: Encounter, configuration: Configuration) -> Integers:
    """Number of the alerter that counts for each intruder at each instant; 0: none."""
    chosen = encounter.alerter
    if configuration.terminal is not None:
        inside = _in_terminal_area(encounter, configuration.terminal, configuration.hysteresis)
        chosen = np.where(inside, configuration.terminal.alerter, chosen)
    return np.broadcast_to(chosen[0], chosen[1:].shape) if configuration.by_ownship else chosen[1:]


def _in_terminal_area(encounter: Encounter, terminal: Terminal, hysteresis: Hysteresis) -> Booleans:
    """Which aircraft are in the terminal area, with the hysteresis of the alerts (aircraft, instant)."""
    away = earth.distance(encounter.y, encounter.x, terminal.latitude, terminal.longitude)
    near = ((away <= terminal.radius) & (encounter.z <= terminal.height)).astype(np.int64)
    inside = np.zeros(near.shape, dtype=bool)
    state, before = alerting.none_yet(len(near), hysteresis), -np.inf
    for instant, now in enumerate(encounter.time.tolist()):
        if now - before > hysteresis.forget:
            state = alerting.none_yet(len(near), hysteresis)
        state = alerting.settled(near[:, instant], state, hysteresis, now, encounter.lines[:, instant] > 0)
        inside[:, instant] = state.level == 1
        before = now
    return inside


def _unknown_alerters(encounter: Encounter, configuration: Configuration) -> list[Fault]:
    """The first state of each aircraft that names an alerter which the configuration has not."""
    known = len(configuration.alerters)
    faults = []
    for aircraft, name in enumerate(encounter.names):
        beyond = np.flatnonzero(encounter.alerter[aircraft] > known)
        if beyond.size:
            number = encounter.alerter[aircraft, beyond[0]]
            message = f"{quoted(name)} has alerter {number}, but the configuration has {known}"
            faults.append(encounter.fault(aircraft, int(beyond[0]), message))
    return faults
