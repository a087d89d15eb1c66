"""How fast the chain judges, beside detectors of river in the same run: many streams at once, and one new sample.

river 0.26: `anomaly.HalfSpaceTrees` with its defaults, one for a car's ten signals; `drift.PageHinkley`, one a signal.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from river import anomaly, drift

from karyon import compiled
from karyon.perception.chain import Chain
from karyon.perception.sensors import Floats
from karyon.perception.signals import Signal
from karyon.sim.streams import stream

SAMPLES = 2004  # purpose of random numbers
SIGNALS = 10  # of one car
CARS = 100  # 1,000 streams
PERIOD, SPEED, NOISE = 0.1, 20.0, 0.05  # s, m/s, m/s
LIMITS = (19.0, 21.0)  # m/s, among which its trees divide
WARM_UP, REPETITIONS = 260, 5  # instants; a window of HalfSpaceTrees is 250
INSTANTS = {
    "KARYON": (100, 200),
    "KARYON without fast": (100, 200),
    "HalfSpaceTrees": (5, 100),
    "PageHinkley": (20, 200),
}  # timed: of many cars, of one

Step = Callable[[int, Floats], Any]


def measure(seed: int) -> dict[str, Any]:
    """Per detector: samples per second of 1,000 streams, microseconds for a new sample of ten signals; medians."""
    found = {}
    detectors: dict[str, Callable[[int], Step]] = {
        "KARYON": our_chain,
        "KARYON without fast": partial(our_chain, is_compiled=False),
        "HalfSpaceTrees": half_space_trees,
        "PageHinkley": page_hinkley,
    }
    for name, make in detectors.items():
        many, one = INSTANTS[name]
        found[name] = {
            "samples_per_second": SIGNALS * CARS / _seconds(make(CARS), CARS, many, seed),
            "microseconds": 1e6 * _seconds(make(1), 1, one, seed),
        }
    return {"streams": SIGNALS * CARS, "signals": SIGNALS, "detectors": found}


def our_chain(cars: int, is_compiled: bool = True) -> Step:
    """The default chain, ten signals of every car at once; compiled where the extra `fast` is installed."""
    signal = Signal("speed", noise=2.5 * NOISE, tolerated=1.0, age_limit=0.35)
    chain = Chain([signal] * SIGNALS, [], PERIOD, cars)
    if is_compiled and compiled.is_installed():
        chain.quicken(compiled.compiled)

    def step(instant: int, values: Floats) -> None:
        chain.step(np.full(cars, instant * PERIOD), values)

    return step


def half_space_trees(cars: int) -> Step:
    """A forest for each car, which learns every sample and scores it."""
    forests: list[Any] = [
        anomaly.HalfSpaceTrees(limits=dict.fromkeys(range(SIGNALS), LIMITS), seed=car) for car in range(cars)
    ]

    def step(instant: int, values: Floats) -> None:
        for forest, sample in zip(forests, values.T.tolist(), strict=True):
            features = dict(enumerate(sample))
            forest.learn_one(features)
            forest.score_one(features)

    return step


def page_hinkley(cars: int) -> Step:
    """A test for each signal of each car."""
    tests: list[Any] = [drift.PageHinkley() for _ in range(SIGNALS * cars)]

    def step(instant: int, values: Floats) -> None:
        for test, sample in zip(tests, values.ravel().tolist(), strict=True):
            test.update(sample)

    return step


def _seconds(step: Step, cars: int, instants: int, seed: int) -> float:
    """Median time of an instant, in s, once the detector has seen so many that river's trees have begun to score."""
    values = SPEED + NOISE * stream(seed, SAMPLES).standard_normal((WARM_UP + REPETITIONS * instants, SIGNALS, cars))
    for instant in range(WARM_UP):
        step(instant, values[instant])
    taken = []
    for first in range(WARM_UP, len(values), instants):
        started = time.perf_counter()
        for instant in range(first, first + instants):
            step(instant, values[instant])
        taken.append((time.perf_counter() - started) / instants)
    return statistics.median(taken)
