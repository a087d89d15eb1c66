"""The smallest fault that still violates: each quantity goes as far towards harmless as it can.

After delta debugging [Zeller & Hildebrandt 2002], for quantities instead of lines: first what can go altogether goes,
then what can go by half, by a quarter ...
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Violates = Callable[[Floats], NDArray[np.bool_]]

FRACTIONS = np.array([1.0, 0.5, 0.25, 0.125, 0.0625])  # of the way to harmless
NEAR = 1e-3  # of harmless, from which on it is not tried


def shrink(values: Floats, harmless: Floats, violates: Violates) -> Floats:
    """Values that still violate (quantity,), and no longer do when one of them goes a sixteenth of its way to harmless.

    values     that violate, of any unit in which NEAR is nothing
    harmless   what each would be if it did no harm; NaN: it stays
    violates   of a batch of values (candidate, quantity): whether each violates
    The same steps whenever it is called: of all that still violate, the one that goes farthest is taken, the first of
    equals. Where less harm can violate and more cannot, it may end before the smallest.
    """
    while True:
        way = np.where(np.isnan(harmless), 0.0, harmless - values)
        candidates = np.array(
            [
                np.where(one == np.arange(len(values)), values + way * part, values)
                for one in np.flatnonzero(np.abs(way) > NEAR)
                for part in FRACTIONS
            ]
        )
        if not len(candidates):
            return values
        gone = np.where(violates(candidates), np.abs(candidates - values).sum(axis=1), 0.0)
        if gone.max() == 0.0:
            return values
        values = candidates[gone.argmax()]
