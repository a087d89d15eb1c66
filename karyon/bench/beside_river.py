"""`karyon bench --peer river`: the default detectors beside one of river, its PageHinkley, on the same samples.

Ours judge each sample by range, time stamp, time-out, jump, drift and stuck-at, and say how valid it is; river's by one
test for a drift. All streams are fed at each instant: ours as one array, river's one by one, which is its only way.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from karyon import compiled
from karyon.bench.beside import KARYON, PEER, Beside, Measured
from karyon.logs import speeds
from karyon.perception.sensors import Floats
from karyon.sim.streams import stream

SIZES = (10, 1_000)
INSTANTS = 100  # of one repetition
SAMPLES = 2005  # purpose of random numbers


@contextmanager
def opened(streams: int) -> Iterator[Measured]:
    """Both, and ours without the extra `fast`."""
    cars = streams // speeds.SIGNALS
    noise = stream(0, SAMPLES).standard_normal((INSTANTS, speeds.SIGNALS, cars))
    values = speeds.SPEED + speeds.NOISE * noise
    made = {KARYON: speeds.our_chain(cars), PEER: speeds.page_hinkley(cars)}
    if compiled.is_installed():
        made["without_fast"] = speeds.our_chain(cars, is_compiled=False)
    yield {name: _timed(step, values) for name, step in made.items()}


def _timed(step: speeds.Step, values: Floats) -> Callable[[], float]:
    """What measures samples/s; time goes on from one repetition to the next."""
    instant = count()

    def speed() -> float:
        started = time.process_time()
        for sample in values:
            step(next(instant), sample)
        return values.size / (time.process_time() - started)

    return speed


BESIDE = Beside("river", "river's PageHinkley", "samples/s", "streams", SIZES, opened)
