"""Two campaigns run by run, as of two designs on the same faults: `karyon compare`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from karyon.campaign.folder import CampaignError
from karyon.campaign.results import named
from karyon.campaign.rows import MEASURED, OK, VIOLATED
from karyon.campaign.screen import line_of_run
from karyon.campaign.statistics import mcnemar, paired_difference
from karyon.sim import kinds

MEASURES = (
    "margin",
    "min_gap",
    "min_rss_margin",
    "mean_time_gap",
    "worst_switch_latency",
    "false_downgrades",
    "switches",
    *(name for kind in kinds.KINDS.values() for name in kind.metrics),
)
SHOWN = 10  # runs that changed
ENDED = (OK, VIOLATED)  # outcomes of runs that came to an end
LEVEL = "los_"


def compare(first: Path, second: Path) -> dict[str, Any]:
    """Which runs changed, whether one violates more often, and by how much measures differ.

    Runs are pairs by their number and seed. Raises CampaignError where the campaigns have no pairs.
    """
    (a, of_a), (b, of_b) = _read(first), _read(second)
    if of_a != of_b:
        raise CampaignError(f"{first} is of the scenario {of_a}, and {second} of {of_b}: they have no run in common")
    if other := _unlike(a, b):
        raise CampaignError(f"{first} and {second} are not run by run the same drives: they differ in {other}")
    ended = np.isin(_column(a, "outcome"), ENDED) & np.isin(_column(b, "outcome"), ENDED)
    before, after = _column(a, "violated") & ended, _column(b, "violated") & ended
    worse, better = np.flatnonzero(~before & after), np.flatnonzero(before & ~after)
    both = [name for name in a.column_names if name in b.column_names]
    names = [name for name in both if name in MEASURES or name.startswith(LEVEL)]
    return {
        "first": str(first),
        "second": str(second),
        "runs": a.num_rows,
        "violate": {
            "both": int((before & after).sum()),
            "first_alone": len(better),
            "second_alone": len(worse),
            "neither": int((~before & ~after & ended).sum()),
            "not_comparable": int((~ended).sum()),
        },
        "mcnemar_p": float(mcnemar(len(better), len(worse))),
        "differences": {name: found for name in names if (found := _difference(a, b, name)) is not None},
        "worse": [_told(b, run, second) for run in worse[:SHOWN].tolist()],
        "better": [_told(a, run, first) for run in better[:SHOWN].tolist()],
    }


def _read(folder: Path) -> tuple[pa.Table, str]:
    """The table of runs, and the name of their scenario."""
    try:
        told = json.loads((folder / "campaign.json").read_text("utf-8"))
        return parquet.read_table(folder / "runs.parquet"), str(told["scenario"])
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise CampaignError(f"{folder} holds no finished campaign: {error}") from None


def _unlike(a: pa.Table, b: pa.Table) -> str:
    """In what the drives of two campaigns differ; empty where they are the same."""
    if a.num_rows != b.num_rows:
        return f"their number ({a.num_rows:,} and {b.num_rows:,} runs)"
    drives = a.column_names[: a.column_names.index(next(iter(MEASURED)))]
    other = [name for name in drives if name in b.column_names and not a[name].equals(b[name])]
    return ", ".join(other)


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_pylist())


def _difference(a: pa.Table, b: pa.Table, name: str) -> dict[str, Any] | None:
    """Mean of second less first over the pairs that both have, and its interval."""
    first, second = (np.array(table[name].to_pylist(), dtype=float) for table in (a, b))
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return None
    found = paired_difference(first[both], second[both], seed=0)
    return {"mean": found.value, "interval": [found.low, found.high], "pairs": int(both.sum())}


def _told(table: pa.Table, run: int, folder: Path) -> dict[str, Any]:
    names = ("run", "stratum", "fault_signal", "fault_mode", "fault_amplitude", "margin", "goals_violated")
    return named(table.slice(run, 1).to_pylist()[0], names, folder)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The comparison for a reader."""
    violate = found["violate"]
    yield f"first    {found['first']}"
    yield f"second   {found['second']}"
    yield f"{found['runs']:,} runs in pairs"
    yield ""
    yield f"violate a safety goal   both {violate['both']:,}   first alone {violate['first_alone']:,}   " + (
        f"second alone {violate['second_alone']:,}   neither {violate['neither']:,}"
    )
    if violate["not_comparable"]:
        yield f"not comparable          {violate['not_comparable']:,} pairs of which a run came to nothing"
    yield f"as often?               p = {found['mcnemar_p']:.2g} (exact McNemar test)"
    yield ""
    yield "second less first, mean over the pairs, with its 95 % interval"
    for name, one in found["differences"].items():
        low, high = one["interval"]
        yield f"  {name:22} {one['mean']:+.4g}   {low:+.4g} to {high:+.4g}"
    for name, runs in (("worse in the second", found["worse"]), ("better in the second", found["better"])):
        if runs:
            yield f"\n{name}"
            yield from map(_line, runs)


def _line(run: Mapping[str, Any]) -> str:
    return line_of_run(run, f": {run['goals_violated']}")
