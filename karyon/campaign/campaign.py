"""A campaign from its plan to its results: `karyon campaign`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from karyon.campaign import results, workers
from karyon.campaign.folder import CampaignError, Folder, machine
from karyon.campaign.plan import Plan
from karyon.campaign.stopping import Stop, Watch

Progress = Callable[[int, int], bool]
CELLS_MAX = 1_000_000  # of a grid


@dataclass(frozen=True)
class Orders:
    """How a campaign is to be computed; none of it changes a row.

    batch      runs that a worker gets at once; None: as many as go well together
    workers    processes on this machine; None: one per core
    cluster    address of a Dask cluster instead
    verify     how many workers must agree on a batch, of a `verify_share` of the batches
    shard      (k, n): the k-th of n parts of the runs alone, counted from 1
    merge      compute nothing, sum up what is there
    stop       end once the runs are enough for this
    """

    batch: int | None = None
    workers: int | None = None
    cluster: str | None = None
    verify: int = 1
    verify_share: float = 1.0
    shard: tuple[int, int] | None = None
    merge: bool = False
    stop: Stop | None = None


@dataclass(frozen=True)
class Outcome:
    """What has come of a campaign: `done` of `runs` runs are there; `summary` is None until it is all."""

    runs: int
    done: int
    summary: dict[str, Any] | None


def run(plan: Plan, number: int, seed: int, out: Path, orders: Orders, progress: Progress) -> Outcome:
    """Compute what is missing of a campaign of `number` runs in `out`, and sum it up once all is there.

    `progress` is told how many runs there are, and of how many, and ends it by answering False; what came is kept.
    Raises InputError, CampaignError, OSError.
    """
    cores = orders.workers or os.cpu_count() or 1
    if orders.cluster is None and orders.verify > cores:
        raise CampaignError(f"--verify {orders.verify} needs as many workers, and there are {cores}: see --workers")
    folder = Folder(out, plan, seed, number, is_new=not orders.merge)
    begun, began = time.monotonic(), _done(folder)
    watch = None if orders.stop is None else Watch(orders.stop, folder)
    is_enough = watch is not None and watch.look()
    missing = [] if orders.merge or is_enough else list(_wanted(folder, orders))
    farm = _compute(folder, orders, missing, watch, progress) if missing else None
    if watch is not None and watch.look():
        folder.number = number = watch.runs or number
    done = _done(folder)
    if done < number:
        return Outcome(number, done, None)
    wall = time.monotonic() - begun
    told: dict[str, Any] = {"wall": wall, "computed": max(done - began, 0)}
    told |= {"verified": farm.verified if farm else 0, "liars": farm.liars if farm else []}
    if watch is not None:
        told["until"] = {"wanted": str(orders.stop), "verdict": str(watch.verdict)}
    return Outcome(number, done, results.finish(folder, told))


def _done(folder: Folder) -> int:
    """How many runs are there."""
    return folder.number - sum(last - first for first, last in folder.missing(folder.number))


def _wanted(folder: Folder, orders: Orders) -> Iterator[tuple[int, int]]:
    """What is to be computed now."""
    shard, shards = orders.shard or (1, 1)
    begin, end = folder.number * (shard - 1) // shards, folder.number * shard // shards
    most = folder.plan.kind.side_by_side(folder.number, orders.workers or os.cpu_count() or 1)
    for first, last in folder.missing(orders.batch or most):
        if max(first, begin) < min(last, end):
            yield max(first, begin), min(last, end)


def _compute(
    folder: Folder, orders: Orders, missing: list[tuple[int, int]], watch: Watch | None, progress: Progress
) -> workers.Farm:
    """Have workers compute the missing runs."""
    done, wanted = 0, sum(last - first for first, last in missing)

    def told(came: int) -> bool:
        nonlocal done
        done += came
        is_enough = watch is not None and came != 0 and watch.look()
        return progress(done, wanted) and not is_enough

    with workers.cluster(orders.cluster, orders.workers) as client:
        workers.refuse_unlike(client.run(machine), machine())
        farm = workers.Farm(client, folder.plan, folder.seed, folder)
        batches = (
            workers.Batch(first, last, orders.verify if _is_verified(turn, orders.verify_share) else 1)
            for turn, (first, last) in enumerate(missing)
        )
        farm.work(batches, told)
        return farm


def _is_verified(turn: int, share: float) -> bool:
    """Whether the batch is among those that several workers compute: evenly spread, and one at least."""
    return ceil((turn + 1) * share) > ceil(turn * share)


def number_of(plan: Plan, runs: int | None) -> int:
    """How many runs the campaign has, if the user wants `runs`. Raises CampaignError."""
    if plan.sampling != "grid":
        if runs is None:
            raise CampaignError(f"--runs is missing: {plan.name} spreads any number of runs, for example --runs 1000")
        return runs
    cells = sum(plan.cells)
    if cells > CELLS_MAX:
        raise CampaignError(
            f"the grid of {plan.name} has {cells:,} cells, more than {CELLS_MAX:,}: give ranges fewer steps, "
            "or write `sampling: sobol`, which spreads any number of runs"
        )
    if runs is not None and runs < cells:
        raise CampaignError(f"the grid of {plan.name} has {cells:,} cells, more than --runs {runs:,}")
    return runs or cells


def shard_of(text: str | None) -> tuple[int, int] | None:
    """`3/20` as numbers. Raises CampaignError."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise CampaignError(f"--shard is K/N, such as 3/20, with K from 1 to N; found {text}")
    return int(found[1]), int(found[2])
