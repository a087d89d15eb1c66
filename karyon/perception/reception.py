"""Ranges to satellites, judged by how they are received: a signal that took a detour is weak, or comes from low down.

    variance = (floor² + noise² * 10^(-C/N0 / 10)) * 1.001² / (0.002001 + sin²(elevation))

C/N0 is the carrier-to-noise density in dBHz [Wieser & Brunner 2000, SIGMA-epsilon; Kuusniemi 2005, with a floor], and
the mapping by elevation is that of the path through the air [Black & Eisner 1984; RTCA DO-229]. Validity is the
probability that the error of such a variance is tolerable. It separates large errors only: one range alone does not
show a small detour.
"""

from dataclasses import dataclass
from math import radians, sqrt
from typing import Any

import numpy as np

from karyon.perception.sensors import Floats

STRONGEST, WEAKEST = 70.0, 0.0  # dBHz: no receiver tells more, and with less none has a signal


@dataclass(frozen=True, slots=True)
class Reception:
    """What is known of the ranges of a receiver.

    floor       m, standard deviation of the error of the strongest signal from the zenith
    noise       m * sqrt(Hz), by which it grows as the signal gets weaker
    tolerated   m, error that the function tolerates
    """

    floor: float
    noise: float
    tolerated: float

    def sigma(self, density: Any, elevation: Any) -> Floats:
        """Standard deviation of the error in m; C/N0 in dBHz and elevation in degrees, of any shape."""
        variance = self.floor**2 + self.noise**2 * 10.0 ** (-0.1 * density)
        return np.asarray(1.001 * np.sqrt(variance / (0.002001 + np.sin(radians(1.0) * elevation) ** 2)))

    def validity(self, density: Any, elevation: Any) -> Floats:
        """Probability that the error is tolerable; 0 for what is not finite, below the horizon, or no such signal."""
        heard = (density > WEAKEST) & (density <= STRONGEST) & (elevation > 0.0) & (elevation <= 90.0)
        sigma = self.sigma(np.where(heard, density, STRONGEST), np.where(heard, elevation, 90.0))
        return np.where(heard, _within(self.tolerated / sigma), 0.0)

    def opinions(self, time: Floats, values: Floats, columns: Floats) -> Floats:
        """Validity of the ranges `values` (row,), NaN where there is none; `columns` (2, row): C/N0 and elevation."""
        return np.where(np.isfinite(values), self.validity(columns[0], columns[1]), np.nan)


def _within(sigmas: Any) -> Floats:
    """Share of a normal variable that lies within as many standard deviations, to 2e-7. [Abramowitz & Stegun 7.1.26]"""
    root = sigmas / sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * root)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(np.maximum(0.0, 1.0 - series * np.exp(-root * root)))
