"""What detect and avoid alerts each aircraft to, by all that it knows: DO-365's levels for who does not cooperate.

    1 preventive, 2 corrective: not well clear within 55 s;  3 warning: within 25 s

They tell, and decide nothing: what the aircraft flies is its controller's choice. [RTCA DO-365B, table 2-21; NASA's
DAIDALUS, DO_365B configuration, alerter DWC_Non_Coop]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from karyon.control import flight as control
from karyon.flight import alerting
from karyon.flight.alerting import Hysteresis, Level
from karyon.flight.uncertainty import Errors
from karyon.flight.units import FOOT
from karyon.flight.well_clear import Motion, Volume

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

WELL_CLEAR = Volume(distance=2200 * FOOT, altitude=450 * FOOT, tau=0.0)
"""Of aircraft that do not cooperate: 2,200 ft and 450 ft, no tau. [RTCA DO-365B, table 2-20]"""

LEVELS = (
    Level(WELL_CLEAR, time=55.0, early=110.0),
    Level(WELL_CLEAR, time=55.0, early=110.0),
    Level(WELL_CLEAR, time=25.0, early=90.0),
)
HYSTERESIS = Hysteresis(forget=5.0, persist=4.0, m=2, n=4)
LOOKAHEAD = 180.0  # s
CERTAIN = Errors(0.0, 0.0, 0.0, 0.0)


class Alerts:
    """The alerts of all rows to what their sources tell.

    of_each   level of each row to each other aircraft, the highest of all sources (aircraft, row)
    """

    def __init__(self, sources: int, others: int, rows: int) -> None:
        self._shape = others, rows
        self._state = alerting.none_yet(sources * others * rows, HYSTERESIS)
        self.of_each: Integers = np.zeros((others, rows), dtype=np.int64)

    @property
    def highest(self) -> Integers:
        """Level of each row (row,)."""
        return np.asarray(self.of_each.max(axis=0))

    def judge(self, now: float, own: control.Motion, traffic: control.Motion, known: Booleans) -> None:
        """One second; `traffic` by each source, one after the other (source x aircraft, row)."""
        relative = Motion(*(mine - theirs for mine, theirs in zip(own[:6], traffic[:6], strict=True)))
        motion = Motion(*(np.where(known, each, np.nan).ravel() for each in relative))
        begins = np.array([alerting.predicted(level, motion, CERTAIN, LOOKAHEAD).begin for level in LEVELS])
        asked = alerting.raw(LEVELS, begins, self._state, now)
        self._state = alerting.settled(asked, self._state, HYSTERESIS, now, np.ones(asked.shape, dtype=bool))
        self.of_each = self._state.level.reshape(-1, *self._shape).max(axis=0)
