"""The folder of a campaign: parts as they come, each whole or not there, and in the end the table of all runs.

    identity.json                    which campaign this is: plan, scenario, design, seed, version
    plan.yaml                        the plan, as it was
    parts/000000000-000000063.parquet    rows of these runs
    runs.parquet, campaign.json      all rows in the order of their numbers; counts, rates, the worst runs

Whatever is killed, and whenever: the parts that are there are whole, and the rest is computed by the next command.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
from pyarrow import parquet

import karyon
from karyon.campaign.plan import Plan
from karyon.sim.run import sha256
from karyon.sim.shipped import PACKAGE

PART = re.compile(r"(\d{9})-(\d{9})\.parquet")
ROWS = 65_536  # per row group of runs.parquet
RUNS_REST_ON = ("kernel", "perception", "cooperation", "control", "flight", "sim", "campaign")


class CampaignError(Exception):
    """A folder, a cluster or a plan that cannot be used: one clear message."""


def machine() -> dict[str, str]:
    """What the bits of a run rest on besides its plan: versions, and the features of the CPU that NumPy uses."""
    features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    used = " ".join(sorted(name for name, is_used in features.items() if is_used))
    return {
        "karyon": karyon.__version__,
        "sources_sha256": sources(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpu_features": used,
    }


@cache
def sources() -> str:
    """SHA-256 of the programs that a run rests on: what judges, drives, simulates and counts."""
    files = sorted(path for name in RUNS_REST_ON for path in (PACKAGE / name).glob("**/*.py"))
    return hashlib.sha256(
        b"".join(str(path.relative_to(PACKAGE)).encode() + path.read_bytes() for path in files)
    ).hexdigest()


def identity(plan: Plan, seed: int) -> dict[str, Any]:
    """What makes a campaign this one."""
    return {
        "campaign": plan.name,
        "plan_folder": str(plan.folder.resolve()),
        "seed": seed,
        "plan_sha256": sha256(plan.content),
        "scenario_sha256": sha256(f"{plan.base}\n{[digest for _, digest in plan.files]}"),
        **machine(),
    }


class Folder:
    """The folder of one campaign of `number` runs."""

    def __init__(self, path: Path, plan: Plan, seed: int, number: int, is_new: bool = True) -> None:
        """Makes the folder, if it may be new, or takes up the one that is there. Raises CampaignError, OSError."""
        self.path, self.parts, self.plan, self.seed, self.number = path, path / "parts", plan, seed, number
        self.identity = identity(plan, seed) | ({"runs": number} if plan.sampling == "latin_hypercube" else {})
        known = path / "identity.json"
        if known.exists():
            _refuse_another(path, _read(known), self.identity)
        elif not is_new:
            raise CampaignError(f"{path} holds no campaign whose parts could be merged")
        elif path.is_dir() and any(not _is_ours(each) for each in path.iterdir()):
            raise CampaignError(f"{path} holds something else, and no campaign: choose another --out")
        self._whole: set[str] = set()  # names of parts that have been found whole: they stay so
        self.drops = 0  # how many parts were given up
        self.parts.mkdir(parents=True, exist_ok=True)
        write(path / "plan.yaml", plan.text.encode())
        write(known, json.dumps(self.identity, indent=2).encode())
        most = max((last for _, last in self.done()), default=0)
        if most > number:
            raise CampaignError(f"{path} has more runs already: --runs {most} or more, or another --out")

    def done(self) -> list[tuple[int, int]]:
        """First run and the one after the last, of each part that is there."""
        found = []
        for part in sorted(self.parts.iterdir()):
            numbers = PART.fullmatch(part.name)
            if numbers:
                first, last = int(numbers[1]), int(numbers[2]) + 1
                if part.name in self._whole or _is_whole(part, last - first):
                    self._whole.add(part.name)
                    found.append((first, last))
        return found

    def missing(self, batch: int) -> Iterator[tuple[int, int]]:
        """What is still to be computed, in pieces of at most `batch` runs."""
        begin = 0
        for first, last in [*self.done(), (self.number, self.number)]:
            end = min(first, self.number)
            for at in range(begin, end, batch):
                yield at, min(at + batch, end)
            begin = max(begin, last)

    def keep(self, first: int, rows: pa.Table) -> None:
        """Write the rows of the runs from `first` on. Raises OSError."""
        path = self._part(first, first + len(rows))
        sink = pa.BufferOutputStream()
        parquet.write_table(rows, sink)
        write(path, sink.getvalue().to_pybytes())

    def drop(self, first: int, last: int) -> None:
        """Give up the rows of a part, which are not to be trusted."""
        part = self._part(first, last)
        part.unlink(missing_ok=True)
        self._whole.discard(part.name)
        self.drops += 1

    def _part(self, first: int, last: int) -> Path:
        return self.parts / f"{first:09d}-{last - 1:09d}.parquet"

    def rows_from(self, begin: int) -> Iterator[pa.Table]:
        """The rows that are there from run `begin` on, in the order of the runs, part by part, up to the first gap."""
        for first, last in self.done():
            if first > begin:
                return
            if last <= begin:
                continue
            table = parquet.read_table(self._part(first, last))
            end = min(last, self.number)
            if end > begin:
                yield table.slice(begin - first, end - begin)
                begin = end


def row_bytes(row: dict[str, Any]) -> bytes:
    """A row of the table as digests take it: JSON with sorted names, without blanks, and a line break."""
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def digest(table: pa.Table) -> str:
    """SHA-256 over the rows of a table."""
    found = hashlib.sha256()
    for row in table.to_pylist():
        found.update(row_bytes(row))
    return found.hexdigest()


def write(path: Path, content: bytes) -> None:
    """The file, whole and on the disk, or as it was before. Raises OSError."""
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which then takes the place of `path`, whole and on the disk; if it fails, nothing has changed.

    Its name is nobody else's, on any machine. Raises OSError.
    """
    partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        yield partial
        _sync(partial)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _is_ours(path: Path) -> bool:
    """Whether it is what a campaign leaves that was killed as it began."""
    return path.name in ("parts", "plan.yaml") or path.suffix == ".partial"


def _is_whole(part: Path, runs: int) -> bool:
    try:
        return bool(parquet.read_metadata(part).num_rows == runs)
    except (OSError, pa.ArrowException):
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CampaignError(f"{path} cannot be read: {error}") from None
    return found if isinstance(found, dict) else {}


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """In what two identities differ, so that their runs need not have the same bits."""
    names = {"plan_sha256": "the plan", "scenario_sha256": "the scenario, its safety design, or a recording"}
    names |= {"cpu_features": "the CPU's features", "sources_sha256": "the programs of KARYON"}
    other = [name for name, value in wanted.items() if name != "plan_folder" and found.get(name) != value]
    return [names.get(name, f"{name} ({found.get(name)}, now {wanted[name]})") for name in other]


def _refuse_another(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    if other := differences(found, wanted):
        raise CampaignError(
            f"{path} holds another campaign, which differs in {', '.join(other)}: choose another --out, or remove it"
        )
