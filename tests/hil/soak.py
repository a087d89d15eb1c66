"""A day of the bench in simulated time: `python -m tests.hil.soak [SEED [MINUTES]]`. Not part of the suite.

Thirty devices for 48 minutes, 24 h together, behind a network that fails: what the tests assert for a minute.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tests.hil.scripted import Network
from tests.hil.test_network import bench_of, never_came_back, ran

DEVICES = 30


def main(seed, minutes):
    began = time.monotonic()
    network = Network(DEVICES, seed)
    with tempfile.TemporaryDirectory() as folder:
        watch, bench, result = ran(bench_of(DEVICES, 60 * minutes, Path(folder)), network)
    late = never_came_back(watch, network)
    kinds = Counter(kind for device in network.devices for kind, _, _ in device.history[:-1])
    levels = np.array(watch.levels)
    print(f"seed {seed}   {DEVICES * minutes / 60:g} h of devices in {time.monotonic() - began:.0f} s")
    print(f"faults {kinds.total()}: {', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}")
    print(f"on old data {len(watch.wrong)}, first {watch.wrong[:3]}   not back {len(late)}, first {late[:3]}")
    print(f"a second device believed for {50 * watch.longest_believed} ms at most")
    print(f"LoS 1 {100 * (levels > 0).mean():.1f} %   goals {result.summary['safety_goals']}")
    print(f"messages {bench.summary()['messages']}, refused {bench.summary()['refused']}")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*given, *(0, 48)[len(given) :])
