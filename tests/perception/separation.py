"""How well validity tells bad samples from others."""

import numpy as np


def separation(seen, bad):
    """Area under the curve: how often, of a bad sample and a good one, the bad one has the lower validity.

    Equal ones count for a half. [Mann & Whitney 1947]
    """
    good = np.sort(seen[~bad])
    below = np.searchsorted(good, seen[bad], "left") + np.searchsorted(good, seen[bad], "right")
    return 1.0 - np.mean(0.5 * below / good.size)
