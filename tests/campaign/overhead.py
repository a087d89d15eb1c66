"""What Dask adds to a batch of runs: the same batch on a worker, and called directly, in turn.

    python -m tests.campaign.overhead [RUNS [REPETITIONS]]

Both in a process of its own that has run such a batch before; wall time from the order to the rows in this process.
"""

import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from karyon.campaign import plan_file, rows, workers
from karyon.campaign.plan import Plan

PLAN = Path("scenarios/campaigns/acc_faults.yaml")


def direct(plan: Plan, runs: int):
    """The rows of the batch, without Dask."""
    return rows.table(plan, plan.runs(1, runs, 0, runs))


def timed(call) -> float:
    """Wall time of a call, s."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure(runs: int, repetitions: int) -> tuple[list[float], list[float]]:
    """Wall times, s: on a worker of a Dask cluster, and without."""
    plan = plan_file.read(PLAN)
    with (
        workers.cluster(None, 1) as client,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):

        def on_dask():
            return client.submit(workers.compute, plan, 1, runs, 0, runs, pure=False).result()

        def without():
            return pool.submit(direct, plan, runs).result()

        assert on_dask().rows.equals(without())
        pairs = [(timed(on_dask), timed(without)) for _ in range(repetitions)]
    dask, plain = zip(*pairs, strict=True)
    return list(dask), list(plain)


def main(runs: int = 2000, repetitions: int = 7) -> None:
    """Print the medians, and what Dask adds."""
    dask, plain = measure(runs, repetitions)
    share = statistics.median(one / other - 1.0 for one, other in zip(dask, plain, strict=True))
    print(f"{runs} runs, {repetitions} times in turn: {statistics.median(dask):.3f} s on Dask, ", end="")
    print(f"{statistics.median(plain):.3f} s without; Dask adds {share:+.1%} (median of the pairs)")


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
