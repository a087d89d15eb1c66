"""How much sooner a search finds a violation than random runs do, where the kernel is weakened on purpose.

    python -m tests.campaign.weakened [PLAN [RUNS [SEEDS [MOST [FIRST]]]]]

Random runs say how often a run of PLAN violates; then searches, side by side, with how many runs each has found its
first violation, from seed FIRST on. Random runs take 1 / rate of them in the mean, log(2) / rate in the median.
"""

import sys
import threading
from dataclasses import replace
from itertools import count
from math import log
from pathlib import Path

import numpy as np

from karyon.campaign import plan_file, rows, worst
from karyon.campaign.search import Asked
from karyon.campaign.statistics import clopper_pearson


class Together:
    """Batches that several threads ask for, computed as one: fewer and longer batches take less time."""

    def __init__(self, plan, threads):
        self._plan, self._alive = plan, threads
        self._asked, self._came, self._lock = {}, {}, threading.Condition()

    def __call__(self, runs):
        mine = threading.get_ident()
        with self._lock:
            self._asked[mine] = runs
            self._compute_if_all_wait()
            self._lock.wait_for(lambda: mine in self._came)
            return self._came.pop(mine)

    def leave(self):
        with self._lock:
            self._alive -= 1
            self._compute_if_all_wait()

    def _compute_if_all_wait(self):
        if len(self._asked) < self._alive or not self._asked:
            return
        numbers = count()
        asked = [replace(run, number=next(numbers)) for runs in self._asked.values() for run in runs]
        table, first = rows.table(self._plan, asked), 0
        for thread, runs in self._asked.items():
            self._came[thread] = table.slice(first, len(runs))
            first += len(runs)
        self._asked = {}
        self._lock.notify_all()


def uniform(plan, runs):
    """How many of so many random runs violate."""
    most = plan.kind.batch
    batches = [plan.runs(1, runs, first, min(first + most, runs)) for first in range(0, runs, most)]
    return sum(rows.table(plan, batch)["violated"].to_pylist().count(True) for batch in batches)


def searched(plan, seeds, most, first):
    """With how many runs each search has found its first violation; `most`: it has not (seed,)."""
    together, found = Together(plan, seeds), [most] * seeds

    def search(seed):
        asked = Asked(plan, first + seed, together)
        try:
            worst.find(asked.met, asked.dimensions, first + seed, most, asked.ends)
            violating = np.flatnonzero(asked.all()[1] <= 0.0)
            found[seed] = int(violating[0]) + 1 if len(violating) else most
        finally:
            together.leave()

    threads = [threading.Thread(target=search, args=(seed,)) for seed in range(seeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main(name="ablation/late_heartbeat", runs=20_000, seeds=20, most=1_000, first=1_000):
    """Print the rate of random runs, and what the searches have taken."""
    plan = plan_file.read(Path(name) if name.endswith(".yaml") else name)
    violating = uniform(plan, runs)
    low, high = clopper_pearson(violating, runs)
    print(
        f"{name}: of {runs} random runs {violating} violate, a rate of {violating / runs:.2g} ({low:.2g} to {high:.2g})"
    )
    found = searched(plan, seeds, most, first)
    print(f"first violation of {seeds} searches: {sorted(found)}, median {np.median(found):g}")
    if violating:
        mean, median = runs / violating, log(2.0) * runs / violating
        print(f"random runs: {mean:.0f} in the mean, {median:.0f} in the median, ", end="")
        print(f"{mean / np.median(found):.1f} and {median / np.median(found):.1f} times as many")


if __name__ == "__main__":
    main(*sys.argv[1:2], *(int(each) for each in sys.argv[2:]))
