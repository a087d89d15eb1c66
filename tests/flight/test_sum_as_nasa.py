"""Uncertain states beside what NASA's own tool computed for them.

States and answers are from the output of DAIDALUS 2.0.4 that its regression test holds ready for the encounter H1_SUM
(`Regression/gold/DaidalusBatch-sum.out`, configuration DO_365B_SUM, level 2): both aircraft, the standard deviations of
their states, and from when to when the corrective volume may be entered. All are printed to six digits.
"""

import numpy as np
import pytest

from karyon.daa.units import FOOT, NAUTICAL_MILE
from karyon.flight import earth, uncertainty
from karyon.flight.uncertainty import Errors, Scores, bounded
from karyon.flight.well_clear import Motion, Volume

SCORES = Scores(1.5, 0.5, 1.0, 5 * NAUTICAL_MILE, 0.75, 1.5)
CORRECTIVE = Volume(0.66 * NAUTICAL_MILE, 450 * FOOT, 35.0)
KNOT, FPM = NAUTICAL_MILE / 3600, FOOT / 60
SINGLE = 0.020248 * NAUTICAL_MILE, 100 * FOOT, 2.429806 * KNOT, 6.25 * FPM  # of the ownship, in every row
# ownship lat, lon, trk, gs; intruder lat, lon, trk, gs, vs, position and vs deviation [nmi, fpm]; from, to [s]
ROWS = """
33.86658  -116.999459 0.275458 202.162164  34.40263  -117.003386 180.046696 596.274496 12.5  0.040767 256.249999 108.923139 148.683969
33.867502 -116.999545 0.414179 201.679135  34.399862 -117.003391 180.046696 596.274496 12.5  0.040767 256.249999 108.015157 147.749585
33.868425 -116.999502 0.414179 201.679135  34.397099 -117.003397 180.046696 596.274496 18.75 0.040767 256.249999 107.020821 146.745873
33.869326 -116.999545 0.553565 201.197295  34.394331 -117.003407 180.046696 596.274496 18.75 0.041037 256.249999 106.115562 145.812451
33.929815 -116.99991  0.691944 201.202577  34.21406  -117.003086 180.326867 596.284001 0.0   0.040767 268.749999 41.104118  80.387522
33.930717 -116.99991  0.553565 201.197295  34.211297 -117.003107 180.326867 596.284001 0.0   0.040767 268.749999 40.113945  79.410931
33.931661 -116.999953 0.414179 201.679135  34.208534 -117.003129 180.326867 596.284001 6.25  0.040767 268.749999 39.067113  78.377015
33.932562 -116.999953 0.413184 202.165084  34.205766 -117.00315  180.326867 596.284001 6.25  0.040767 268.749999 38.032792  77.333827
"""  # noqa: E501


def velocity(track, speed):
    return speed * KNOT * np.sin(np.radians(track)), speed * KNOT * np.cos(np.radians(track))


def test_uncertain_stays_are_those_of_daidalus():
    """To a hundredth of a second: a position of six digits is off by up to 0.06 m, which they close in 0.0001 s."""
    rows = np.array([line.split() for line in ROWS.split("\n") if line], dtype=float).T
    own_lat, own_lon, own_track, own_speed, lat, lon, track, speed, climb, spread, climb_spread, begin, end = rows
    origin = np.radians(own_lat), np.radians(own_lon)
    places = [earth.projected(np.radians(a), np.radians(b), *origin) for a, b in ((own_lat, own_lon), (lat, lon))]
    ways = [
        earth.projected_velocity(np.radians(a), np.radians(b), *velocity(*way), *origin)
        for a, b, way in ((own_lat, own_lon, (own_track, own_speed)), (lat, lon, (track, speed)))
    ]
    x, y = (one - other for one, other in zip(*places, strict=True))
    vx, vy = (one - other for one, other in zip(*ways, strict=True))
    motion = Motion(x, y, (17008.0 - 16975.0) * FOOT + 0.0 * x, vx, vy, -climb * FPM)
    position, altitude, fast, climbs = SINGLE
    sums = Errors(position + spread * NAUTICAL_MILE, 2 * altitude, 2 * fast, climbs + climb_spread * FPM)
    found = uncertainty.interval(motion, bounded(SCORES, sums, np.hypot(x, y)), CORRECTIVE, 180.0)
    assert found.begin == pytest.approx(begin, abs=0.01)
    assert found.end == pytest.approx(end, abs=0.01)
