"""Batches of runs on a Dask cluster: the one that is named, or one on this machine with a worker per core.

Workers may die, hang, or lie; the scheduler is trusted. A batch goes to a worker as a whole, as a task of its own costs
1.5 ms. Where `verify` is k, a share of the batches is computed by k workers, and believed once k of them have answered
the same, to the bit; with each contradiction one worker more is asked. Who was outvoted is named, asked no more, and
what it computed alone is computed again.
[after Costa et al. 2011, Byzantine fault-tolerant MapReduce]
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow as pa

from karyon.campaign import rows
from karyon.campaign.folder import CampaignError, Folder, digest, machine
from karyon.campaign.plan import Plan
from karyon.campaign.trial import hash_of

ANSWER = 10.0  # s that a cluster has to answer
GRACE = 2.0  # s beyond the limit of a batch, after which it is stuck
PATIENCE = 180.0  # s without enough workers: on a busy machine, too, one that was killed has started again by then
LOOK = 1.0  # s between two looks at who is still there
IGNORE = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # in workers that start later, too
QUIET = {  # what a worker does beside its batch takes the interpreter from it: a sixth of its time, on a busy machine
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1 s",
    "distributed.admin.system-monitor.interval": "5 s",
}
AHEAD = 2  # batches per worker that are under way
DEATHS = 3  # of workers that have the same task, before it is suspected


@contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """A client of the cluster at this address, or of one on this machine. Raises CampaignError."""
    import dask  # noqa: PLC0415  half a second
    from distributed import Client, LocalCluster  # noqa: PLC0415

    settings = {
        "distributed.scheduler.allowed-failures": DEATHS,
        "distributed.deploy.lost-worker-timeout": "1h",  # else one that starts again slowly is given up
        "distributed.admin.large-graph-warning-threshold": "1GB",
    } | QUIET
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(settings), ExitStack() as stack:
        wait = ANSWER
        if address is None:
            wait = PATIENCE  # of a busy machine
            with _uninterrupted():
                local = LocalCluster(
                    n_workers=workers or os.cpu_count(),
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                    preload=[IGNORE],
                )
            address = stack.enter_context(local).scheduler_address
        try:
            client = stack.enter_context(Client(address, timeout=wait))
            client.wait_for_workers(1, timeout=wait)
        except (OSError, TimeoutError) as error:
            raise CampaignError(f"the cluster at {address} does not answer within {wait:g} s: {error}") from None
        except ValueError as error:
            raise CampaignError(f"{address} is no address of a cluster, such as tcp://HOST:8786: {error}") from None
        yield client


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C is the client's to hear: processes that begin here do not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def refuse_unlike(workers: Mapping[str, Mapping[str, str]], ours: Mapping[str, str]) -> None:
    """Refuse workers whose rows need not have the same bits: of another version, or another kind of CPU.

    workers   what each says of itself, by its address
    Raises CampaignError.
    """
    for worker, theirs in workers.items():
        other = [name for name in ours if theirs.get(name) != ours[name]]
        if other:
            found = ", ".join(f"{name} {theirs.get(name)}, here {ours[name]}" for name in other)
            hint = " (NPY_DISABLE_CPU_FEATURES makes them alike)" if "cpu_features" in other else ""
            raise CampaignError(f"the worker at {worker} is refused: {found}{hint}")


@dataclass(frozen=True)
class Answer:
    """What a worker makes of a batch: `rows` None where it did not end in time, then `is_stuck` tells how."""

    worker: str
    machine: dict[str, str]
    rows: pa.Table | None
    is_stuck: bool = False


def compute(plan: Plan, seed: int, number: int, first: int, last: int) -> Answer:
    """The rows of these runs; called on a worker."""
    made: list[pa.Table] = []
    failed: list[BaseException] = []

    refuse_other_files(plan)  # here, as another thread does not know which worker it is on
    runs = plan.runs(seed, number, first, last)

    def work() -> None:
        gc.disable()  # a batch has a million objects that stay: to look through them again and again takes a tenth
        try:
            made.append(rows.table(plan, runs))
        except BaseException as error:
            failed.append(error)
        finally:
            gc.enable()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(rows.whole_limit(plan, runs) + GRACE)
    if failed and not isinstance(failed[0], rows.TooLongError):
        raise failed[0]
    return Answer(_address(), machine(), made[0] if made else None, is_stuck=thread.is_alive())


def refuse_other_files(plan: Plan) -> None:
    """Raises CampaignError where a file that the plan names is another one here."""
    for path, known in plan.files:
        if _hash(path) != known:
            raise CampaignError(f"{path} on the worker at {_address()} is not the file that the plan was read with")


@cache
def _hash(path: str) -> str:
    try:
        return hash_of(path)
    except OSError as error:
        return str(error)


def _address() -> str:
    from distributed import get_worker  # noqa: PLC0415

    try:
        return str(get_worker().address)
    except ValueError:  # not on a worker
        return ""


@dataclass(eq=False)
class Batch:
    """Runs from `first` to `last`, this one excluded, and what workers made of them.

    needed       how many workers must agree
    is_suspect   its workers have died again and again
    asked        futures, by the address of the worker; of a batch that any worker may compute under ""
    votes        digest of its rows, by worker
    answers      rows, by digest
    """

    first: int
    last: int
    needed: int = 1
    is_suspect: bool = False
    asked: dict[str, Any] = field(default_factory=dict)
    votes: dict[str, str] = field(default_factory=dict)
    answers: dict[str, pa.Table] = field(default_factory=dict)

    def vote(self, worker: str, table: pa.Table) -> None:
        """What a worker has answered."""
        found = digest(table) if self.needed > 1 else ""
        self.votes[worker] = found
        self.answers[found] = table

    def decided(self) -> str | None:
        """The digest that enough workers agree on."""
        for found, count in Counter(self.votes.values()).most_common(1):
            if count >= self.needed:
                return found
        return None

    def lacks(self) -> int:
        """How many more workers must be asked, so that enough can agree."""
        agreeing = max(Counter(self.votes.values()).values(), default=0)
        return max(self.needed - agreeing - (len(self.asked) - len(self.votes)), 0)

    def halves(self) -> list[Batch]:
        """Its two halves, asked anew."""
        middle = (self.first + self.last) // 2
        ends = (self.first, middle), (middle, self.last)
        return [Batch(first, last, self.needed, self.is_suspect) for first, last in ends]


class Farm:
    """Hands batches to workers, and what they agree on to the folder."""

    def __init__(self, client: Any, plan: Plan, seed: int, folder: Folder) -> None:
        self._client, self._plan, self._seed, self._folder = client, plan, seed, folder
        self._waiting: deque[Batch] = deque()
        self._suspects: deque[Batch] = deque()  # have been on workers that died, as others may have been: tried alone
        self._active: dict[Any, tuple[Batch, str]] = {}  # future: batch, and the worker if it is a certain one
        self._turn = 0
        self._busy_at = time.monotonic()
        self._machine = machine()
        self._alone: dict[str, list[Batch]] = {}  # what was believed of one worker, by its address
        self._came = 0
        self.liars: list[str] = []
        self.verified = 0  # runs that several workers agree on

    def work(self, batches: Iterable[Batch], progress: Callable[[int], bool]) -> bool:
        """Compute all batches; `progress` is told how many runs came, and ends it all by answering False.

        Returns whether the end was reached. Raises CampaignError, OSError.
        """
        left = iter(batches)
        while True:
            workers = self._workers()
            self._fill(left, workers)
            self._try_suspect(workers)
            self._lose_patience(workers)
            if workers and not (self._active or self._waiting or self._suspects):
                return True
            self._wait()
            for future in [future for future in self._active if future.done()]:
                if future in self._active:  # and not of a worker that has been found lying meanwhile
                    self._take(future)
            self._replace_lost()
            came, self._came = self._came, 0
            if not progress(came):
                return False

    def _fill(self, batches: Iterator[Batch], workers: Sequence[str]) -> None:
        """Keep workers busy, but not with more than they can hold."""
        while len(self._active) < AHEAD * len(workers):
            batch = self._waiting.popleft() if self._waiting else next(batches, None)
            if batch is None:
                return
            if not self._ask(batch, workers):
                self._waiting.appendleft(batch)
                return

    def _try_suspect(self, workers: Sequence[str]) -> None:
        """One batch that may kill its worker, when no other can be blamed for it or die with it."""
        if self._suspects and not self._active and not self._waiting and workers:
            suspect = self._suspects.popleft()
            if not self._ask(suspect, workers):
                self._suspects.appendleft(suspect)

    def _wait(self) -> None:
        from distributed import wait  # noqa: PLC0415

        if not self._active:
            time.sleep(LOOK)
            return
        with suppress(TimeoutError, asyncio.CancelledError):
            wait(list(self._active), timeout=LOOK, return_when="FIRST_COMPLETED")

    def _lose_patience(self, workers: Sequence[str]) -> None:
        """Give up where the cluster is gone, or there are too few workers for long."""
        now = time.monotonic()
        if self._client.status != "running":
            raise CampaignError("the cluster is gone: the same command goes on where it stopped")
        if workers and self._active:
            self._busy_at = now
        if now - self._busy_at > PATIENCE and (self._waiting or self._active):
            said = self._no_agreement(self._waiting[0], len(workers)) if self._waiting else "no worker is left"
            raise CampaignError(said)

    def _ask(self, batch: Batch, workers: Sequence[str]) -> bool:
        """Have as many workers compute the batch as it still needs; whether there are so many."""
        if batch.needed == 1:
            self._submit(batch, "")
            return True
        seats = batch.lacks()
        left = [worker for worker in self._in_turn(workers) if worker not in batch.asked]
        for worker in left[:seats]:
            self._submit(batch, worker)
        return len(left) >= seats

    def _no_agreement(self, batch: Batch, workers: int) -> str:
        named = f"; quarantined: {', '.join(self.liars)}" if self.liars else ""
        return (
            f"no {batch.needed} workers agree on the runs from {batch.first} to {batch.last - 1}: "
            f"{len(set(batch.votes.values()))} answers, {workers} workers left{named}"
        )

    def _in_turn(self, workers: Sequence[str]) -> list[str]:
        """The workers, another one first each time: they share the load."""
        self._turn = (self._turn + 1) % max(len(workers), 1)
        return [*workers[self._turn :], *workers[: self._turn]]

    def _submit(self, batch: Batch, worker: str) -> None:
        future = self._client.submit(
            compute,
            self._plan,
            self._seed,
            self._folder.number,
            batch.first,
            batch.last,
            pure=False,
            workers=[worker] if worker else None,
        )
        batch.asked[worker] = future
        self._active[future] = batch, worker

    def _workers(self) -> list[str]:
        known = sorted(self._client.scheduler_info(n_workers=-1)["workers"])
        return [worker for worker in known if worker not in self.liars]

    def _take(self, future: Any) -> None:
        """What has come of a future."""
        from distributed import KilledWorker  # noqa: PLC0415

        batch, asked = self._active.pop(future)
        if future.status in ("lost", "cancelled"):
            self._again(batch, asked)
            return
        try:
            answer: Answer | BaseException = future.exception(timeout=ANSWER) or future.result(timeout=ANSWER)
        except TimeoutError:  # its worker has died since, and may be the only one that it was asked of
            future.cancel()
            self._again(batch, asked)
            return
        if isinstance(answer, KilledWorker):
            self._suspect(batch)
            return
        if isinstance(answer, BaseException):
            raise answer
        refuse_unlike({answer.worker: answer.machine}, self._machine)
        if answer.rows is None:
            if answer.is_stuck:
                self._restart(answer.worker)
            self._halve(batch, rows.HUNG, f"was not over after {self._plan.run_limit:g} s")
            return
        self._count(batch, answer)

    def _again(self, batch: Batch, asked: str) -> None:
        batch.asked.pop(asked, None)
        if batch.decided() is None:
            self._waiting.appendleft(batch)

    def _restart(self, worker: str) -> None:
        """Have a worker start again that a run holds; one that no nanny watches is asked no more."""
        try:
            self._client.restart_workers([worker], timeout=ANSWER, raise_for_error=False)
        except ValueError:
            self._client.retire_workers([worker])

    def _suspect(self, batch: Batch) -> None:
        """A batch whose workers died again and again: alone, and then in halves, it shows which run is to blame."""
        if batch.is_suspect:
            self._halve(batch, rows.CRASHED, "its worker died each time")
            return
        self._forget(batch)
        self._suspects.append(Batch(batch.first, batch.last, batch.needed, is_suspect=True))

    def _halve(self, batch: Batch, outcome: str, why: str) -> None:
        """A batch that has failed is tried in halves; one run that fails has this outcome."""
        self._forget(batch)
        if batch.last - batch.first > 1:
            (self._suspects if batch.is_suspect else self._waiting).extendleft(reversed(batch.halves()))
            return
        (run,) = self._plan.runs(self._seed, self._folder.number, batch.first, batch.last)
        row = rows.failed(self._plan, run, outcome, why)
        self._folder.keep(batch.first, rows.as_table(self._plan, [row]))
        self._came += 1

    def _forget(self, batch: Batch) -> None:
        for future in batch.asked.values():
            if self._active.pop(future, None):
                future.cancel()

    def _count(self, batch: Batch, answer: Answer) -> None:
        """One answer more: the batch may be decided, or need another worker."""
        was_decided = batch.decided() is not None
        batch.vote(answer.worker, answer.rows)
        accepted = batch.decided()
        if accepted is None:
            if batch.lacks():
                self._waiting.appendleft(batch)
            return
        for worker, vote in batch.votes.items():
            if vote != accepted:
                self._quarantine(worker)
        if was_decided:
            return
        if batch.needed == 1:
            self._alone.setdefault(answer.worker, []).append(Batch(batch.first, batch.last))
        else:
            self.verified += batch.last - batch.first
        self._folder.keep(batch.first, batch.answers[accepted])
        self._came += batch.last - batch.first

    def _quarantine(self, worker: str) -> None:
        """A worker that was outvoted is named, and asked no more."""
        if worker in self.liars:
            return
        self.liars.append(worker)
        for future, (batch, asked) in list(self._active.items()):
            if asked == worker:
                del self._active[future]
                self._again(batch, asked)
        for batch in self._alone.pop(worker, []):
            self._folder.drop(batch.first, batch.last)
            self._came -= batch.last - batch.first
            self._waiting.append(batch)
        self._client.retire_workers([worker])

    def _replace_lost(self) -> None:
        """Batches that a certain worker had, which is gone, are asked of another one."""
        there = self._workers()
        for future, (batch, worker) in list(self._active.items()):
            if worker and worker not in there and not future.done():
                del self._active[future]
                future.cancel()
                self._again(batch, worker)
