"""One run of a campaign again, bit for bit: `karyon replay`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyarrow import parquet

from karyon.campaign import plan_file, rows
from karyon.campaign.folder import CampaignError, differences, identity
from karyon.campaign.plan import Plan, Run
from karyon.campaign.rows import CRASHED
from karyon.sim.kinds import simulate
from karyon.sim.run import Result
from karyon.sim.scenario import Loaded

COMPARED = ("collisions", "min_gap", "min_time_to_collision", "min_rss_margin")


def read(folder: Path) -> tuple[Plan, dict[str, Any]]:
    """The plan of the campaign in a folder, and its `campaign.json`. Raises CampaignError, InputError."""
    try:
        told = json.loads((folder / "campaign.json").read_text("utf-8"))
        known = json.loads((folder / "identity.json").read_text("utf-8"))
    except FileNotFoundError as error:
        said = "has not been finished yet: run it again" if (folder / "identity.json").exists() else "holds no campaign"
        raise CampaignError(f"{folder} {said} (there is no {Path(error.filename).name})") from None
    except (OSError, ValueError) as error:
        raise CampaignError(f"{folder} cannot be read: {error}") from None
    plan = plan_file.read(folder / "plan.yaml", name=known["campaign"], beside=Path(known["plan_folder"]))
    if other := differences(known, identity(plan, known["seed"])):
        raise CampaignError(f"runs of {folder} would have other bits now: it differs in {', '.join(other)}")
    return plan, told


def loaded(plan: Plan, run: Run) -> Loaded[Any]:
    """A run of a plan as a scenario that has been read."""
    (one,) = rows.loaded(plan, [run.scenario()], run.of_design)
    return one


def replay(folder: Path, number: int, out: Path) -> tuple[Result, list[str]]:
    """Run a run of the campaign in `folder` again, into `out`; answers also in what it differs from its row, if at all.

    Raises CampaignError, InputError, OSError.
    """
    plan, told = read(folder)
    if not 0 <= number < told["runs"]:
        raise CampaignError(f"{folder} has the runs 0 to {told['runs'] - 1}, and no run {number}")
    (run,) = plan.runs(told["seed"], told["runs"], number, number + 1)
    row = _row(folder, number)
    try:
        (result,) = simulate([loaded(plan, run)], [out])
    except Exception as error:  # whatever a law or a model of the user's does, or a scenario that is none
        if row["outcome"] != CRASHED:
            raise
        said = f"{type(error).__name__}: {error}"
        raise CampaignError(f"run {number} crashed in the campaign, and does so again: {said}") from error
    return result, _unlike(row, result.summary)


def _row(folder: Path, number: int) -> dict[str, Any]:
    columns: Sequence[str] = ["run", "outcome", *COMPARED]
    found = parquet.read_table(folder / "runs.parquet", columns=columns, filters=[("run", "=", number)]).to_pylist()
    return dict(found[0])


def _unlike(row: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    return [f"{name} {summary[name]} (was {row[name]})" for name in COMPARED if row[name] != summary[name]]
