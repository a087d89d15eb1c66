"""What a campaign comes to: `runs.parquet` and `campaign.json`, in one pass over its parts, however many there are."""

from __future__ import annotations

import hashlib
import heapq
import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from karyon.campaign import rows
from karyon.campaign.folder import ROWS, Folder, replacing, row_bytes, write
from karyon.campaign.plan import Plan, Stratum
from karyon.campaign.statistics import clopper_pearson, weighted_rate
from karyon.sim import kinds

WORST, ERRORS = 10, 5  # runs, and reasons of runs that came to nothing, that are named
TOLD = ("run", "seed", "stratum", "outcome", "margin", *rows.FAULT)


def interval(outcomes: Counter[str]) -> list[float]:
    """Two-sided 95 % interval of the rate of violations. What came to nothing may have been one, or not."""
    n, k = outcomes.total(), outcomes[rows.VIOLATED]
    if n == 0:
        return [0.0, 1.0]
    return [float(clopper_pearson(k, n)[0]), float(clopper_pearson(k + _failed(outcomes), n)[1])]


def _failed(outcomes: Counter[str]) -> int:
    return outcomes[rows.CRASHED] + outcomes[rows.HUNG]


class _Tally:
    """Counts by stratum, the worst runs, and the digest, row by row."""

    def __init__(self, plan: Plan) -> None:
        self.outcomes = {stratum.name: Counter[str]() for stratum in plan.strata}
        self.goals: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.digest = hashlib.sha256()
        self._worst: list[tuple[float, int, dict[str, Any]]] = []

    def add(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            self.digest.update(row_bytes(row))
            self.outcomes[row["stratum"]][row["outcome"]] += 1
            self.goals.update(filter(None, (row["goals_violated"] or "").split(";")))
            self.errors.update([row["error"]] if row["error"] else [])
            margin = row["margin"] if row["margin"] is not None else -float("inf")
            entry = (-margin, -row["run"], row)
            if len(self._worst) < WORST:
                heapq.heappush(self._worst, entry)
            else:
                heapq.heappushpop(self._worst, entry)

    def worst(self) -> list[dict[str, Any]]:
        """The runs with the least margin, the worst first; those that came to nothing before all."""
        return [row for _, _, row in sorted(self._worst, key=lambda entry: entry[:2], reverse=True)]


def finish(folder: Folder, told: Mapping[str, Any]) -> dict[str, Any]:
    """Write the table of all runs and the summary; `told` is what is known of how it was computed. Raises OSError."""
    plan, tally = folder.plan, _Tally(folder.plan)
    layout = rows.schema(plan)
    with replacing(folder.path / "runs.parquet") as partial, parquet.ParquetWriter(partial, layout) as writer:
        kept: list[pa.Table] = []
        for table in folder.rows_from(0):
            tally.add(table)
            kept.append(table.cast(layout))
            if sum(map(len, kept)) >= ROWS:
                writer.write_table(pa.concat_tables(kept))
                kept = []
        if kept:
            writer.write_table(pa.concat_tables(kept))
    summary = _summary(folder, tally) | dict(told)
    write(folder.path / "campaign.json", json.dumps(summary, indent=2, ensure_ascii=False).encode())
    for stale in folder.parts.glob("*.partial"):
        stale.unlink(missing_ok=True)
    return summary


def _summary(folder: Folder, tally: _Tally) -> dict[str, Any]:
    whole: Counter[str] = sum(tally.outcomes.values(), start=Counter())
    n, k = whole.total(), whole[rows.VIOLATED]
    return {
        **folder.identity,
        "scenario": folder.plan.loaded.name,
        "function": kinds.function_of(folder.plan.loaded),
        "sampling": folder.plan.sampling,
        "runs": n,
        "violations": k,
        "rate": k / n if n else None,
        "interval": None if folder.plan.sampling == "grid" else interval(whole),
        "weighted": _weighted(folder.plan, tally.outcomes),
        "outcomes": {outcome: whole[outcome] for outcome in rows.OUTCOMES},
        "goals": dict(sorted(tally.goals.items())),
        "errors": dict(tally.errors.most_common(ERRORS)),
        "strata": [_stratum(folder.plan, stratum, tally.outcomes[stratum.name]) for stratum in folder.plan.strata],
        "worst": [named(row, TOLD, folder.path) for row in tally.worst()],
        "digest": tally.digest.hexdigest(),
    }


def _stratum(plan: Plan, stratum: Stratum, outcomes: Counter[str]) -> dict[str, Any]:
    n, k = outcomes.total(), outcomes[rows.VIOLATED]
    return {
        "name": stratum.name,
        "share": stratum.share,
        "weight": stratum.weight,
        "runs": n,
        "violations": k,
        "rate": k / n if n else None,
        "interval": None if plan.sampling == "grid" else interval(outcomes),
        "failed": _failed(outcomes),
    }


def _weighted(plan: Plan, outcomes: Mapping[str, Counter[str]]) -> dict[str, Any] | None:
    """The rate where each stratum is as frequent as its weight says; None where a stratum has no run."""
    counts = [outcomes[stratum.name] for stratum in plan.strata]
    if not all(one.total() for one in counts):
        return None
    runs, weights = [one.total() for one in counts], [stratum.weight for stratum in plan.strata]
    low = weighted_rate([one[rows.VIOLATED] for one in counts], runs, weights)
    high = weighted_rate([one[rows.VIOLATED] + _failed(one) for one in counts], runs, weights)
    return {"rate": low.value, "interval": [low.low, high.high]}


def named(row: Mapping[str, Any], names: Sequence[str], folder: Path) -> dict[str, Any]:
    """These columns of a run's row, and the command that replays it from the folder of its campaign."""
    command = shlex.join(["karyon", "replay", str(folder), str(row["run"])])
    return {name: row[name] for name in names} | {"command": command}
