"""`karyon run`, `check`, `demo`, `plot`, `view`, `export`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from karyon.cli.application import Json, Out, Seed, Sets, app, exit_if, refuse, writing
from karyon.cli.progress import Progress


@app.command(
    epilog="Example: karyon run acc_recorded --set 'faults=[{vehicle: 1, signal: front.distance, mode: drift, "
    "onset: 40, duration: 20, rate: 0.5}]'"
)
def run(
    scenario: Annotated[str, typer.Argument(help="name of a shipped scenario, or a file")],
    seed: Seed = None,
    until: Annotated[float | None, typer.Option(help="end earlier, in s")] = None,
    sets: Sets = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """One run of a scenario: trace, events and summary in a folder."""
    from karyon import api
    from karyon.sim import screen

    loaded = api.load(scenario, sets or [], seed, until)
    folder = out or Path("runs") / loaded.name
    with writing(folder), Progress(loaded) as progress:
        result = api.run(loaded, folder, progress)
    if as_json:
        print(json.dumps(result.summary, indent=2, ensure_ascii=False))
    else:
        print("\n".join(screen.run_lines(result.summary, result.events, folder)))
    if not result.complete:
        when = f"at {result.summary['duration']:.1f} s"
        print(f"{progress.ended} {when}: what was recorded until then is in {folder}", file=sys.stderr)
    exit_if(not result.complete or bool(screen.broken_goals(result.summary)))


@app.command(epilog="Example: karyon check acc_recorded scenarios/safety/acc.yaml")
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="scenarios or safety designs")],
    as_json: Json = False,
) -> None:
    """Validates files, and prints how long bad data may keep command against what each hazard tolerates."""
    from karyon.evidence import gaps
    from karyon.sim import check as checking
    from karyon.sim import documents
    from karyon.sim.recordings import RecordingError

    found: list[documents.Fault] = []
    recordings: list[RecordingError] = []
    reports = []
    missing: dict[str, list[str]] = {}
    for name in files:
        try:
            reports.append(checking.check(name))
            missing[reports[-1].name] = gaps.told(name)
        except documents.InputError as error:
            found += error.faults
        except RecordingError as error:
            recordings.append(error)
    if found or recordings:
        outcome = "nothing was checked"
        told = [*map(str, recordings), documents.report(found, outcome) if found else outcome]
        refuse("\n".join(told))
    if as_json:
        found_of = [report.as_data() | {"gaps": missing[report.name]} for report in reports]
        print(json.dumps(found_of, indent=2, ensure_ascii=False))
    else:
        for report in reports:
            checking.show(report)
            print("".join(f"gap:   {gap}\n" for gap in missing[report.name]), end="")
    exit_if(any(report.failed or missing[report.name] for report in reports))


@app.command(epilog="Example: karyon demo")
def demo(out: Annotated[Path, typer.Option(help="folder of the results")] = Path("runs/demo")) -> None:
    """A shipped scenario with a fault: what the kernel did and why, and what would have happened without it."""
    from karyon.sim import demonstration

    with writing(out):
        told = list(demonstration.lines(out))
    print("\n".join(told))


@app.command(epilog="Example: karyon plot runs/demo")
def plot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a run, or of a campaign")],
    car: Annotated[int | None, typer.Option(help="of a run: this follower alone [default: who failed first]")] = None,
) -> None:
    """The standard figures of a run or of a campaign, as PNG, SVG and PDF."""
    from karyon.campaign.folder import CampaignError

    try:
        from karyon.campaign import plot as campaign
        from karyon.sim.view import plot as run
    except ImportError as error:
        refuse(f"error: figures need matplotlib ({error}): pip install 'karyon[view]'")
    try:
        with writing(folder):
            is_campaign = (folder / "identity.json").is_file()
            if is_campaign and car is not None:
                refuse(f"error: --car is for a run, and {folder} is the folder of a campaign")
            paths = campaign.plot(folder) if is_campaign else run.plot(folder, car)
        print("\n".join(map(str, paths)))
    except (run.RunError, CampaignError) as error:
        refuse(f"error: {error}")


@app.command(epilog="Example: karyon view platoon_split --at 42 --screenshot split.png")
def view(
    shown: Annotated[str, typer.Argument(metavar="SCENARIO or DIR", help="what to run and watch, or a run's folder")],
    seed: Seed = None,
    at: Annotated[float, typer.Option(help="begin here, in s")] = 0.0,
    screenshot: Annotated[Path | None, typer.Option(help="draw a PNG instead, which needs no screen")] = None,
    video: Annotated[Path | None, typer.Option(help="write an MP4 of all from --at on instead")] = None,
) -> None:
    """A run as the kernel sees it, live or from a recording. A scenario is recorded in runs/SCENARIO."""
    for path, ending in ((screenshot, ".png"), (video, ".mp4")):
        if path is not None and path.suffix != ending:
            refuse(f"error: expected a file that ends in {ending}, found {path}")
    try:
        from karyon.sim.view import show
        from karyon.sim.view.folder import RunError
    except ImportError as error:
        refuse(f"error: the window needs pygame, matplotlib, imageio-ffmpeg ({error}): pip install 'karyon[view]'")
    try:
        show.show(shown, seed, at, screenshot, video)
    except (RunError, show.ShowError) as error:
        refuse(f"error: {error}")


class Format(StrEnum):
    """What a trace can be exported to."""

    FCD = "fcd"
    COMMONROAD = "commonroad"
    OCSF = "ocsf"


@app.command(epilog="Example: karyon export runs/platoon --to fcd --out platoon.xml.gz")
def export(
    folder: Annotated[Path, typer.Argument(help="folder of a run")],
    to: Annotated[
        Format, typer.Option(help="SUMO's floating car data, a CommonRoad scenario, or security events for a SIEM")
    ],
    out: Annotated[
        Path | None, typer.Option(help="fcd, ocsf: gzipped if it ends in .gz [default: DIR/FORMAT.xml or .jsonl]")
    ] = None,
) -> None:
    """A run's trace in a format that other tools load."""
    from karyon.sim.export.formats import ENDINGS
    from karyon.sim.export.formats import export as write
    from karyon.sim.view.folder import RunError

    target = out or folder / f"{to.value}{ENDINGS[to.value][0]}"
    if not target.name.endswith(ENDINGS[to.value]):
        refuse(f"error: --out ends in {' or '.join(ENDINGS[to.value])} for {to.value}, found {target}")
    try:
        with writing(target):
            write(folder, to.value, target)
    except RunError as error:
        refuse(f"error: {error}")
    print(target)
