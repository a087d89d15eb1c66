"""`karyon bench --peer rtamt`: the rules of a level of service in the kernel, and in monitors of rtamt.

Discrete-time online monitors in Python, one for each vehicle: rtamt's back end in C++ is not in its wheel. It answers
by how much the formula holds (robustness), which is positive where it does.
"""

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np

from karyon.bench import rules
from karyon.bench.beside import Beside, Measured
from karyon.bench.rules import Answer, Booleans

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the parser that it comes with
    import rtamt

INSTANTS = {1: 500, 10: 100}  # by vehicles; each monitor takes long to make
ATOM = "({})"


def opened(vehicles: int) -> AbstractContextManager[Measured]:
    """Both, the formula of the kernel alone, and ours without the extra `fast`."""
    return rules.beside(vehicles, INSTANTS[vehicles], ATOM, monitor)


def monitor(text: str, samples: Sequence[Sequence[dict[str, float]]]) -> Answer:
    """A monitor for each row."""
    pairs = [[list(sample.items()) for sample in row] for row in samples]
    updates = [_monitor(text, sample).update for sample in samples[0]]

    def answer(cycle: int) -> Booleans:
        given = pairs[cycle % len(pairs)]
        told = [update(cycle, sample) for update, sample in zip(updates, given, strict=True)]
        return np.array(told) > 0.0

    return answer


def _monitor(text: str, names: dict[str, float]) -> "rtamt.StlDiscreteTimeOnlineSpecification":
    monitor = rtamt.StlDiscreteTimeOnlineSpecification()
    for name in names:
        monitor.declare_var(name, "float")
    monitor.spec = text
    monitor.parse()
    return monitor


BESIDE = Beside("rtamt", "rtamt", "evaluations/s", "vehicles", tuple(INSTANTS), opened)
