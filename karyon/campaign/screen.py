"""What `karyon campaign` prints."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from karyon.campaign.rare import TRUSTED
from karyon.campaign.rows import CRASHED, HUNG
from karyon.campaign.statistics import Verdict

SHOWN = 3  # of the worst runs


def is_bad(summary: Mapping[str, Any]) -> bool:
    """Whether a run broke a safety goal, or came to nothing."""
    outcomes = summary["outcomes"]
    refuted = summary.get("until", {}).get("verdict") == Verdict.REFUTED
    return bool(refuted or summary["violations"] or outcomes[CRASHED] or outcomes[HUNG])


def line_of_run(run: Mapping[str, Any], came: str) -> str:
    """A run by its first fault, what came of it, its margin, and the command that replays it."""
    what = f"{run['fault_signal']} {run['fault_mode']}" if run["fault_mode"] else run["stratum"]
    margin = "" if run["margin"] is None else f", margin {run['margin']:.2f} m"
    return f"  run {run['run']}: {what}{came}{margin}   {run['command']}"


def _rate(one: Mapping[str, Any]) -> str:
    rate = "-" if one["rate"] is None else f"{one['rate']:.3g}"
    return rate if one["interval"] is None else f"{rate} ({one['interval'][0]:.2g} to {one['interval'][1]:.2g})"


def lines(summary: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Counts and rates, by stratum and in total, and the worst runs."""
    yield f"{summary['campaign']}   {summary['runs']:,} runs, seed {summary['seed']}"
    yield ""
    strata = summary["strata"]
    width = max(len(one["name"]) for one in [*strata, {"name": "in all"}])
    is_grid = summary["sampling"] == "grid"
    yield f"{'':{width}}      runs   violate   {'share of the cells' if is_grid else 'rate, with its 95 % interval'}"
    for one in [*(strata if len(strata) > 1 else []), {"name": "in all"} | dict(summary)]:
        yield f"{one['name']:{width}}  {one['runs']:>8,}  {one['violations']:>8,}   {_rate(one)}"
    if any(one["share"] != one["weight"] for one in strata):
        rate = _rate(summary["weighted"]) if summary["weighted"] else "unknown: a stratum has no run"
        yield f"{'weighted':{width}}  {'':8}  {'':8}   {rate}"
    yield ""
    for goal, count in summary["goals"].items():
        yield f"violated   {goal}: in {count:,} runs"
    outcomes = summary["outcomes"]
    if outcomes[CRASHED] or outcomes[HUNG]:
        yield f"came to nothing   {outcomes[CRASHED]:,} crashed, {outcomes[HUNG]:,} did not end in time"
        for error, count in summary["errors"].items():
            yield f"  {count:,} times: {error}"
    if summary["verified"]:
        yield f"verified   {summary['verified']:,} runs, each by workers that agree"
    if summary["liars"]:
        yield f"lied, and were outvoted   {', '.join(summary['liars'])}"
    if until := summary.get("until"):
        yield f"wanted   {until['wanted']}: {until['verdict']} after {summary['runs']:,} runs"
    yield "the worst"
    for one in summary["worst"][:SHOWN]:
        yield line_of_run(one, f", {one['outcome']}")
    yield f"files   {folder}/runs.parquet, campaign.json   digest {summary['digest'][:16]}…"


def of_search(summary: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """What a search has found: the rate, the worst runs, and the smallest fault that still violates."""
    low, high = summary["interval"]
    yield f"{summary['plan']}   {summary['runs']:,} runs searched, seed {summary['seed']}"
    first = summary["first_violation"]
    yield "no run violates" if first is None else f"run {first} is the first of {summary['violations']:,} that violate"
    yield f"rate   {summary['rate']:.2g} ({low:.2g} to {high:.2g}, 95 %)" + _doubt(summary)
    if summary["came_to_nothing"]:
        yield f"came to nothing   {summary['came_to_nothing']:,} runs"
    yield "the worst"
    for one in summary["worst"][:SHOWN]:
        yield f"  {one['stratum']}, margin {one['margin']:.2f} m   {one['command']}"
    if summary["smallest"]:
        yield f"the smallest fault that still violates   {summary['smallest']['command']}"
        for name, value in summary["smallest"]["values"].items():
            yield f"  {name}   {value}"
    yield f"files   {folder}/search.json"


def _doubt(summary: Mapping[str, Any]) -> str:
    if summary["first_violation"] is None:
        return "   as the runs drawn at random say"
    few = summary["effective"] < TRUSTED
    return f"   of the right order only: {summary['effective']:.0f} runs count" if few else ""
