"""What an ADS-B report says of its own position: accuracy (NACp) and integrity (NIC), as bounds in m.

    accuracy    EPU: 95 % of the positions are nearer to the true one
    integrity   Rc: farther off than this it is not without being flagged

[RTCA DO-260B, 2.2.3.2.7.2.7 and 2.2.3.2.7.2.6; 14 CFR 91.227 asks for NACp 8 and NIC 7]
"""

from typing import Any

import numpy as np

ACCURACY = np.array([np.inf, 18520.0, 7408.0, 3704.0, 1852.0, 926.0, 555.6, 185.2, 92.6, 30.0, 10.0, 3.0])
"""EPU of each NACp from 0 (unknown) to 11."""

INTEGRITY = np.array([np.inf, 37040.0, 14816.0, 7408.0, 3704.0, 1852.0, 1111.2, 370.4, 185.2, 75.0, 25.0, 7.5])
"""Rc of each NIC from 0 (unknown) to 11."""

RAYLEIGH_95 = 2.4477  # sigma along an axis within which 95 % of the distances are


def stated_sigma(nacp: Any) -> Any:
    """Standard deviation of a position along an axis, m."""
    return ACCURACY[nacp] / RAYLEIGH_95
