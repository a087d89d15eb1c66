"""`karyon bench --peer reelay`: the rules of a level of service in the kernel, and in monitors of reelay.

reelay's discrete monitors with condensing are the fastest that it has for this formula (1.7 to 3 times as fast as its
dense ones and those without condensing); one for each vehicle, which is its way. Its dictionaries are made before.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import reelay

from karyon.bench import rules
from karyon.bench.beside import Beside, Measured
from karyon.bench.rules import Answer, Booleans

INSTANTS = {1: 2_000, 10: 500, 1_000: 50}  # by vehicles
ATOM = "{{{}}}"


def opened(vehicles: int) -> AbstractContextManager[Measured]:
    """Both, the formula of the kernel alone, and ours without the extra `fast`."""
    return rules.beside(vehicles, INSTANTS[vehicles], ATOM, monitor)


def monitor(text: str, samples: Sequence[Sequence[dict[str, float]]]) -> Answer:
    """A monitor for each row: it tells when its answer changes."""
    monitors = [reelay.discrete_timed_monitor(pattern=text, condense=True) for _ in samples[0]]
    updates = [each.update for each in monitors]
    last = [False] * len(updates)

    def answer(cycle: int) -> Booleans:
        told = [update(sample) for update, sample in zip(updates, samples[cycle % len(samples)], strict=True)]
        for row, change in enumerate(told):
            if change:
                last[row] = change["value"]
        return np.array(last)

    return answer


BESIDE = Beside("reelay", "reelay", "evaluations/s", "vehicles", tuple(INSTANTS), opened)
