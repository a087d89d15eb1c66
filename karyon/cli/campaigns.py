"""`karyon campaign`, `search`, `replay`, `compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from karyon.cli.application import Json, app, exit_if, refuse, writing
from karyon.cli.progress import Runs


@app.command(epilog="Example: karyon campaign acc_faults --runs 2000 --seed 5 --out runs/acc_faults")
def campaign(
    plan: Annotated[str, typer.Argument(metavar="FILE", help="a plan: a file, or the name of a shipped one")],
    runs: Annotated[int | None, typer.Option(min=1, max=999_999_999, help="how many [a grid: its cells]")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="all random numbers follow from it")] = 0,
    out: Annotated[Path | None, typer.Option(help="folder of the results [default: runs/PLAN]")] = None,
    batch: Annotated[int | None, typer.Option(min=1, max=100_000, help="runs that advance side by side")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1024, help="processes [default: one per core]")] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="a Dask cluster, tcp://HOST:PORT")] = None,
    verify: Annotated[int, typer.Option(min=1, max=100, help="workers that must agree on a batch")] = 1,
    verify_share: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of the batches they agree on")] = 1.0,
    shard: Annotated[str | None, typer.Option(metavar="K/N", help="the K-th of N parts alone, for job arrays")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="compute nothing: sum up what all parts have left")] = False,
    until_width: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="end once the rate's 95 % interval is as narrow as this")
    ] = None,
    until_claim: Annotated[
        str | None, typer.Option(metavar="RATE@CONFIDENCE", help="end once the rate is below or not: 1e-4@95%")
    ] = None,
    as_json: Json = False,
) -> None:
    """Many runs of a scenario with what varies between them. Run it again on its folder, and it goes on."""
    from karyon.campaign import campaign as campaigns
    from karyon.campaign import plan_file, screen, stopping
    from karyon.campaign.folder import CampaignError

    try:
        read = plan_file.read(plan)
        stop = stopping.stop_of(read, until_width, until_claim)
        number = campaigns.number_of(read, runs)
        orders = campaigns.Orders(batch, workers, cluster, verify, verify_share, campaigns.shard_of(shard), merge, stop)
        folder = out or Path("runs") / read.name
        with writing(folder), Runs() as progress:
            outcome = campaigns.run(read, number, seed, folder, orders, progress)
    except CampaignError as error:
        refuse(f"error: {error}")
    if outcome.summary is None:
        print(f"{outcome.done} of {outcome.runs} runs are in {folder}: the same command goes on", file=sys.stderr)
        exit_if(shard is None or progress.is_ended)
        return
    print(json.dumps(outcome.summary, indent=2) if as_json else "\n".join(screen.lines(outcome.summary, folder)))
    exit_if(screen.is_bad(outcome.summary))


@app.command(epilog="Example: karyon search acc_faults --runs 5000 --seed 5 --out runs/searched")
def search(
    plan: Annotated[str, typer.Argument(metavar="FILE", help="a plan: a file, or the name of a shipped one")],
    runs: Annotated[int, typer.Option(min=2_000, max=10_000_000, help="how many")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="all random numbers follow from it")] = 0,
    out: Annotated[Path | None, typer.Option(help="folder of the results [default: runs/PLAN_search]")] = None,
    as_json: Json = False,
) -> None:
    """The worst runs of a plan, how rare violations are that random runs would not hit, and the smallest such fault."""
    from karyon.campaign import plan_file, screen
    from karyon.campaign import search as searches
    from karyon.campaign.folder import CampaignError

    try:
        read = plan_file.read(plan)
        folder = out or Path("runs") / f"{read.name}_search"
        with writing(folder), Runs() as progress:
            folder.mkdir(parents=True, exist_ok=True)
            summary = searches.run(read, runs, seed, folder, progress)
    except CampaignError as error:
        refuse(f"error: {error}")
    except ModuleNotFoundError as error:
        refuse(f"error: a search needs cma ({error}): pip install 'karyon[search]'")
    print(json.dumps(summary, indent=2) if as_json else "\n".join(screen.of_search(summary, folder)))
    exit_if(summary["violations"] > 0)


@app.command(epilog="Example: karyon replay runs/acc_faults 17 --out runs/acc_faults_17")
def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a campaign")],
    number: Annotated[int, typer.Argument(metavar="RUN", help="number of the run, from 0")],
    out: Annotated[Path | None, typer.Option(help="folder of the results [default: DIR/replay/RUN]")] = None,
    as_json: Json = False,
) -> None:
    """One run of a campaign again, bit for bit, with its trace and its events."""
    from karyon.campaign import replay as replays
    from karyon.campaign.folder import CampaignError
    from karyon.sim import screen

    target = out or folder / "replay" / str(number)
    try:
        with writing(target):
            result, unlike = replays.replay(folder, number, target)
    except CampaignError as error:
        refuse(f"error: {error}")
    if as_json:
        print(json.dumps(result.summary, indent=2, ensure_ascii=False))
    else:
        print("\n".join(screen.run_lines(result.summary, result.events, target)))
    if unlike:
        print(f"not as in the campaign: {', '.join(unlike)}", file=sys.stderr)
    exit_if(bool(unlike) or bool(screen.broken_goals(result.summary)))


@app.command(epilog="Example: karyon compare runs/acc_faults runs/without_kernel")
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="folder of a campaign")],
    second: Annotated[Path, typer.Argument(metavar="B", help="folder of one with the same seed and number of runs")],
    as_json: Json = False,
) -> None:
    """Two campaigns on the same drives, run by run: which changed, and whether one of them is the safer."""
    from karyon.campaign import compare as comparison
    from karyon.campaign.folder import CampaignError

    try:
        found = comparison.compare(first, second)
    except CampaignError as error:
        refuse(f"error: {error}")
    print(json.dumps(found, indent=2) if as_json else "\n".join(comparison.lines(found)))
