"""The `karyon` command: parses, calls one function, prints. Each command imports what it needs when it runs."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Self

import typer

if TYPE_CHECKING:
    from types import FrameType

    from karyon.hil.command import Session
    from karyon.sim.scenario import Loaded

GOAL_VIOLATED, BAD_INPUT, OWN_FAULT = 1, 2, 3
OTHER_KINDS = (".gz", ".json", ".jsonl", ".zip", ".xlsx", ".png", ".svg", ".yaml", ".yml")
TYPER_INTERRUPTED = 130  # what typer makes of SIGINT
SOON = 2.0  # s: of a run that ends sooner no progress is shown

app = typer.Typer(
    help="A safety kernel for cooperative vehicles, and the simulator that proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="override a field; VALUE is YAML")]
Seed = Annotated[int | None, typer.Option(help="seed of the random numbers")]
Json = Annotated[bool, typer.Option("--json", help="answer as JSON")]
Out = Annotated[Path | None, typer.Option(help="folder of the results [default: runs/SCENARIO]")]


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
    with _writing(folder), _Progress(loaded) as progress:
        result = api.run(loaded, folder, progress)
    if as_json:
        print(json.dumps(result.summary, indent=2, ensure_ascii=False))
    else:
        print("\n".join(screen.run_lines(result.summary, result.events, folder)))
    if not result.complete:
        when = f"at {result.summary['duration']:.1f} s"
        print(f"{progress.ended} {when}: what was recorded until then is in {folder}", file=sys.stderr)
    _exit_if(not result.complete or bool(screen.broken_goals(result.summary)))


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
        _refuse("\n".join(told))
    if as_json:
        found_of = [report.as_data() | {"gaps": missing[report.name]} for report in reports]
        print(json.dumps(found_of, indent=2, ensure_ascii=False))
    else:
        for report in reports:
            checking.show(report)
            print("".join(f"gap:   {gap}\n" for gap in missing[report.name]), end="")
    _exit_if(any(report.failed or missing[report.name] for report in reports))


@app.command(epilog="Example: karyon demo")
def demo(out: Annotated[Path, typer.Option(help="folder of the results")] = Path("runs/demo")) -> None:
    """A shipped scenario with a fault: what the kernel did and why, and what would have happened without it."""
    from karyon.sim import demonstration

    with _writing(out):
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
        _refuse(f"error: figures need matplotlib ({error}): pip install 'karyon[view]'")
    try:
        with _writing(folder):
            is_campaign = (folder / "identity.json").is_file()
            if is_campaign and car is not None:
                _refuse(f"error: --car is for a run, and {folder} is the folder of a campaign")
            paths = campaign.plot(folder) if is_campaign else run.plot(folder, car)
        print("\n".join(map(str, paths)))
    except (run.RunError, CampaignError) as error:
        _refuse(f"error: {error}")


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
            _refuse(f"error: expected a file that ends in {ending}, found {path}")
    try:
        from karyon.sim.view import show
        from karyon.sim.view.folder import RunError
    except ImportError as error:
        _refuse(f"error: the window needs pygame, matplotlib, imageio-ffmpeg ({error}): pip install 'karyon[view]'")
    try:
        show.show(shown, seed, at, screenshot, video)
    except (RunError, show.ShowError) as error:
        _refuse(f"error: {error}")


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
        with _writing(folder), _Runs() as progress:
            outcome = campaigns.run(read, number, seed, folder, orders, progress)
    except CampaignError as error:
        _refuse(f"error: {error}")
    if outcome.summary is None:
        print(f"{outcome.done} of {outcome.runs} runs are in {folder}: the same command goes on", file=sys.stderr)
        _exit_if(shard is None or progress.is_ended)
        return
    print(json.dumps(outcome.summary, indent=2) if as_json else "\n".join(screen.lines(outcome.summary, folder)))
    _exit_if(screen.is_bad(outcome.summary))


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
        with _writing(folder), _Runs() as progress:
            folder.mkdir(parents=True, exist_ok=True)
            summary = searches.run(read, runs, seed, folder, progress)
    except CampaignError as error:
        _refuse(f"error: {error}")
    except ModuleNotFoundError as error:
        _refuse(f"error: a search needs cma ({error}): pip install 'karyon[search]'")
    print(json.dumps(summary, indent=2) if as_json else "\n".join(screen.of_search(summary, folder)))
    _exit_if(summary["violations"] > 0)


@app.command(epilog="Example: karyon evidence runs/acc_faults --design scenarios/safety/acc.yaml --out runs/evidence")
def evidence(
    folders: Annotated[list[Path] | None, typer.Argument(metavar="DIR...", help="folders of campaigns")] = None,
    design: Annotated[Path | None, typer.Option(help="safety design that names its safety case")] = None,
    out: Annotated[Path, typer.Option(help="folder of the report")] = Path("runs/evidence"),
    draft: Annotated[
        bool, typer.Option("--draft", help="a report in spite of gaps, which says so on every page")
    ] = False,
    since: Annotated[
        Path | None, typer.Option(help="folder of an earlier report: say what has changed, write none")
    ] = None,
    seal: Annotated[Path | None, typer.Option(help="sign report and inputs with this Ed25519 key, PEM")] = None,
    verify: Annotated[Path | None, typer.Option(help="folder of a sealed report: say what of it was changed")] = None,
    public_key: Annotated[str | None, typer.Option(help="of --verify: who must have sealed it, hexadecimal")] = None,
) -> None:
    """The report of a safety design and its campaigns for an ISO 26262 assessment: HTML, PDF, JSON, tables, trees."""
    try:
        from karyon.evidence import command
        from karyon.evidence.runs import EvidenceError
    except ImportError as error:
        _refuse(f"error: a report needs jinja2, weasyprint, dd, cryptography ({error}): pip install 'karyon[report]'")
    try:
        if verify is not None:
            print("\n".join(command.verified(verify, public_key)))
            return
        if not folders or design is None:
            _refuse("error: a report needs folders of campaigns, and --design")
        key = None if seal is None else command.key(seal)
        found = command.collect(folders, design, draft)
        if since is not None:
            print("\n".join(command.changed(found, since)))
            return
        with _writing(out):
            files = command.write(found, out, key)
    except EvidenceError as error:
        _refuse(str(error))
    print("\n".join(command.lines(found, files)))
    _exit_if(not command.is_shown(found))


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
        with _writing(target):
            result, unlike = replays.replay(folder, number, target)
    except CampaignError as error:
        _refuse(f"error: {error}")
    if as_json:
        print(json.dumps(result.summary, indent=2, ensure_ascii=False))
    else:
        print("\n".join(screen.run_lines(result.summary, result.events, target)))
    if unlike:
        print(f"not as in the campaign: {', '.join(unlike)}", file=sys.stderr)
    _exit_if(bool(unlike) or bool(screen.broken_goals(result.summary)))


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
        _refuse(f"error: {error}")
    print(json.dumps(found, indent=2) if as_json else "\n".join(comparison.lines(found)))


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
        _refuse(f"error: --out ends in {' or '.join(ENDINGS[to.value])} for {to.value}, found {target}")
    try:
        with _writing(target):
            write(folder, to.value, target)
    except RunError as error:
        _refuse(f"error: {error}")
    print(target)


@app.command(epilog="Example: karyon perceive drive.csv.gz --sensors spmd --out validity.csv --plot")
def perceive(
    log: Annotated[Path, typer.Argument(help="CSV or lines of JSON, gzipped or not: samples, or V2V messages")],
    sensors: Annotated[str | None, typer.Option(help="description of the sensors: a file, or a shipped one")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV, or Parquet by its ending [default: LOG.validity.csv]")] = None,
    plot: Annotated[bool, typer.Option("--plot", help="draw signals, validity and detections, too")] = False,
    inject: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT", help="put a failure into the log first; YAML, as in a scenario; `help` lists the modes"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="seed of the failures' random numbers")] = 0,
    learn: Annotated[bool, typer.Option("--learn", help="propose a description from a healthy log instead")] = False,
    as_json: Json = False,
) -> None:
    """Validity of every sample of a recorded sensor log, or of every message of a V2V log."""
    if inject == ["help"]:
        from karyon.logs import inject_options

        print("\n".join(inject_options.listed()))
        return
    if learn:
        if sensors or plot or inject or as_json:
            _refuse("error: --learn proposes a description and judges nothing: it goes with --out alone")
        _propose(log, out)
        return
    if sensors is None:
        _refuse(
            "error: --sensors is missing: a file, or a shipped description; --learn proposes one from a healthy log"
        )
    from karyon.logs import inject as failures
    from karyon.logs import screen
    from karyon.logs.perceive import perceive as judge

    draw = _log_plotter() if plot else None
    if out is not None and out.resolve() == Path(sensors).resolve():
        _refuse(f"error: {out} is the description of the sensors: choose another --out")
    if plot and out is not None and out.resolve() == log.resolve():
        _refuse(f"error: {out} takes the place of the log, which --plot draws: choose another --out")
    target, put = out or Path(f"{log.name.split('.')[0]}.validity.csv"), inject or []
    _check_answer(target)
    with _writing(target), _Rows() as rows:
        outcome = judge(log, sensors, target, rows, put, seed)
    pictures = draw(log, sensors, target, target.with_suffix(""), put, seed) if draw and outcome.is_complete else []
    if as_json:
        print(json.dumps(screen.as_data(outcome), indent=2))
    else:
        told = [*failures.lines(outcome.changes, outcome.begin), *screen.lines(outcome, target)]
        print("\n".join([*told, *map(str, pictures)]))
    if outcome.fault:
        _refuse(f"{outcome.fault}\nthe {outcome.rows} rows before it are in {target}")
    if outcome.ended:
        print(f"interrupted: the {outcome.rows} rows judged until then are in {target}", file=sys.stderr)
    _exit_if(outcome.ended)


def _check_answer(target: Path) -> None:
    """Refuse what cannot hold the answer, before anything is judged."""
    if target.exists() and not target.is_file():
        _refuse(f"error: {target} is no file: --out is a CSV file, or a Parquet file by its ending")
    if not target.parent.is_dir():
        _refuse(f"error: {target} cannot be written: there is no folder {target.parent}")
    if target.suffix.lower() in OTHER_KINDS:
        _refuse(f"error: --out is a CSV file, or a Parquet file by its ending, found {target}")


def _propose(log: Path, out: Path | None) -> None:
    from karyon.logs.learn import proposal

    text = proposal(log)
    if out is None:
        print(text, end="")
        return
    with _writing(out):
        out.write_text(text, "utf-8")
    print(out)


def _log_plotter() -> Callable[..., list[Path]]:
    try:
        from karyon.logs.plot import draw
    except ImportError as error:
        _refuse(f"error: figures need matplotlib ({error}): pip install 'karyon[view]'")
    return draw


class Peer(StrEnum):
    """What speed is measured beside."""

    PAHO = "paho"
    SUMO = "sumo"


@app.command(epilog="Example: karyon bench --perception --plot detection.svg")
def bench(
    peer: Annotated[
        Peer | None, typer.Option(help="beside another program, in turn; paho: how soon messages arrive")
    ] = None,
    perception: Annotated[
        bool, typer.Option("--perception", help="failure detection beside an Isolation Forest and a Kalman filter")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="of --perception: seed of drives and failures")] = 0,
    plot: Annotated[Path, typer.Option(help="of --perception: its figure, PNG or SVG")] = Path("perception-bench.png"),
    as_json: Json = False,
) -> None:
    """Speed of the whole chain on this machine, in vehicle-steps per second; or how well failures are detected."""
    if perception:
        _bench_perception(seed, plot, as_json)
        return
    if peer is not None:
        {Peer.PAHO: _bench_paho, Peer.SUMO: _bench_sumo}[peer](as_json)
        return
    from karyon.sim import benchmark

    measured = benchmark.measure()
    print(json.dumps(measured, indent=2) if as_json else "\n".join(benchmark.lines(measured)))


def _bench_paho(as_json: bool) -> None:
    try:
        from karyon.hil import benchmark
    except ImportError as error:
        _refuse(f"error: this compares with paho-mqtt ({error}): pip install 'karyon[hil]'")
    with _Stages() as stages:
        measured = benchmark.measure(stages)
    print(json.dumps(measured, indent=2) if as_json else "\n".join(benchmark.lines(measured)))


def _bench_sumo(as_json: bool) -> None:
    try:
        from karyon.sim import beside_sumo
    except ImportError as error:
        _refuse(f"error: this compares with SUMO ({error}): pip install 'karyon[peers]'")
    measured = beside_sumo.measure()
    print(json.dumps(measured, indent=2) if as_json else "\n".join(beside_sumo.lines(measured)))


def _bench_perception(seed: int, plot: Path, as_json: bool) -> None:
    try:
        from karyon.logs import benchmark, benchmark_plot, benchmark_text
    except ImportError as error:
        _refuse(f"error: this compares with scikit-learn and river ({error}): pip install 'karyon[dev,view]'")
    if plot.suffix not in (".png", ".svg"):
        _refuse(f"error: --plot ends in .png or .svg, found {plot}")
    if not plot.parent.is_dir():
        _refuse(f"error: {plot} cannot be written: there is no folder {plot.parent}")
    named = os.environ.get("KARYON_DATA")
    with _Stages() as stages:
        measured = benchmark.measure(Path(named) if named else None, seed, progress=stages)
    with _writing(plot):
        benchmark_plot.draw(measured, plot)
    print(json.dumps(measured, indent=2) if as_json else "\n".join([*benchmark_text.lines(measured), str(plot)]))


class Listen(StrEnum):
    """Who may use the embedded broker, besides this machine."""

    LAN = "lan"


Broker = Annotated[str, typer.Option(help="mqtt://, mqtts://, ws:// or wss://[USER@]HOST[:PORT]")]
PasswordFile = Annotated[Path | None, typer.Option(help="its first line is the password of the broker's user")]
Ca = Annotated[Path | None, typer.Option(help="certificates of who may vouch for the broker, PEM")]
Cert = Annotated[Path | None, typer.Option(help="certificate of this client, PEM")]
Keys = Annotated[Path | None, typer.Option(help="with which measurements are signed: lines TOPIC HEXADECIMAL")]
Key = Annotated[Path | None, typer.Option(help="private key of this client, PEM")]


@app.command(epilog="Example: karyon hil hil_bench --broker mqtt://127.0.0.1 --until 60")
def hil(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO or DIR", help="what to run, or a session to replay")],
    broker: Annotated[str, typer.Option(help="auto: an embedded one; or its address, as of `karyon device`")] = "auto",
    listen: Annotated[
        Listen | None, typer.Option(help="open the embedded broker, with a password, on port 1883 of the network")
    ] = None,
    with_view: Annotated[bool, typer.Option("--view", help="show it in a window")] = False,
    until: Annotated[float | None, typer.Option(help="end earlier, in s")] = None,
    with_commands: Annotated[
        bool, typer.Option("--commands", help="publish commands, too: for an actuator that stops when it hears none")
    ] = False,
    sets: Sets = None,
    out: Out = None,
    password_file: PasswordFile = None,
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    keys: Keys = None,
    as_json: Json = False,
) -> None:
    """A scenario in real time with real sensors over MQTT. The folder of a session is replayed bit for bit."""
    try:
        from karyon.hil import command
        from karyon.hil.address import Credentials
    except ImportError as error:
        _refuse(f"error: real sensors need paho-mqtt and msgspec ({error}): pip install 'karyon[hil]'")
    from karyon.sim import screen

    try:
        credentials = Credentials(password_file, ca, cert, key, keys)
        lan = listen is not None
        session = command.session(
            scenario, broker, credentials, until, sets or [], lan=lan, with_commands=with_commands
        )
        folder = out or Path("runs") / session.name
        if with_view:
            summary, events = _watched(session, folder)
        else:
            with _writing(folder), _Progress(session.loaded) as progress:
                result = session.run(folder, progress)
            summary, events = result.summary, result.events
    except command.ERRORS as error:
        _refuse(f"error: {error}")
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*screen.run_lines(summary, events, folder), *command.lines(summary)]))
    _exit_if(bool(screen.broken_goals(summary)))


def _watched(session: Session, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        from karyon.hil import watch
    except ImportError as error:
        _refuse(f"error: the window needs pygame ({error}): pip install 'karyon[view]'")
    try:
        with _writing(folder):
            seen = watch.watch(session, folder)
    except watch.NoDisplayError as error:
        _refuse(f"error: {error}")
    if seen is None:
        sys.exit(BAD_INPUT)  # the session has said why
    return seen


@app.command(
    epilog="Example: karyon device drive.csv --broker mqtt://127.0.0.1 "
    "--fault '{signal: front.distance, mode: drift, onset: 20, rate: 0.5}'"
)
def device(
    file: Annotated[Path, typer.Argument(help="drive in OpenACC's format, or made_up, hand, phone: what is made up")],
    broker: Broker,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="FAULT", help="a failure as in a scenario, without `vehicle`")
    ] = None,
    password_file: PasswordFile = None,
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    keys: Keys = None,
) -> None:
    """Plays a recorded drive onto a broker as a real device would: gap, relative and own speed of its second car.

    `hand` is a hand before a desk sensor, `phone` one whose tilt drives a leader.
    """
    try:
        from karyon.hil import command
        from karyon.hil.address import Credentials
    except ImportError as error:
        _refuse(f"error: a device needs paho-mqtt and msgspec ({error}): pip install 'karyon[hil]'")

    try:
        sent = command.play(file, broker, Credentials(password_file, ca, cert, key, keys), fault or [])
    except command.ERRORS as error:
        _refuse(f"error: {error}")
    print(f"{file} is over: {sent} measurements sent")


@app.command(epilog="Example: karyon doctor --broker auto")
def doctor(
    broker: Annotated[str | None, typer.Option(help="auto, or an address: measure what the test bench has")] = None,
    password_file: PasswordFile = None,
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """What is installed, and which display would be used; and of a broker, what age of signals it allows."""
    from karyon import installation

    found, told = installation.examine(), []
    if broker is not None:
        try:
            from karyon.hil import command, examination
            from karyon.hil.address import Credentials
        except ImportError as error:
            _refuse(f"error: a broker needs paho-mqtt and msgspec ({error}): pip install 'karyon[hil]'")
        try:
            found["bench"] = command.examined(broker, Credentials(password_file, ca, cert, key))
        except command.ERRORS as error:
            _refuse(f"error: {error}")
        told = list(examination.lines(found["bench"]))
    print(json.dumps(found, indent=2) if as_json else "\n".join([*installation.lines(found), *told]))


def main() -> None:
    """Run the command; a fault of the user's is one clear message and exit code 2, one of ours is exit code 3."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started us: then there is nobody to answer
            stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except SystemExit as done:
        if done.code != TYPER_INTERRUPTED:
            raise
        print("interrupted", file=sys.stderr)
        sys.exit(GOAL_VIOLATED)
    except Exception as error:  # the outermost frame: nothing above could tell the user
        _explain(error)


def _explain(error: Exception) -> NoReturn:
    from karyon.logs.faults import LogError
    from karyon.sim import documents
    from karyon.sim.recordings import RecordingError

    if isinstance(error, LogError):
        _refuse(f"{error}\nnothing was judged")
    if isinstance(error, documents.InputError):
        _refuse(documents.report(error.faults, "nothing was run"))
    if isinstance(error, RecordingError):
        _refuse(f"{error}\nnothing was run")
    if isinstance(error, OSError) and error.errno and error.filename is None:  # of the screen, or what stands for it
        _refuse(f"error: the answer cannot be printed: {os.strerror(error.errno)}")
    print(f"karyon failed: {type(error).__name__}: {error}. This is our fault, please report it.", file=sys.stderr)
    sys.exit(OWN_FAULT)


def _refuse(message: str) -> NoReturn:
    with suppress(OSError):  # a full disk behind stderr: the exit code tells it all the same
        print(message, file=sys.stderr)
    sys.exit(BAD_INPUT)


def _exit_if(wrong: bool) -> None:
    if wrong:
        raise typer.Exit(GOAL_VIOLATED)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """A folder that cannot be written, or is full, is the user's to mend."""
    try:
        yield
    except OSError as error:
        why = "there is a file of this name" if isinstance(error, FileExistsError) else os.strerror(error.errno or 0)
        _refuse(f"error: {folder} cannot be written: {why}")


class _Progress:
    """Progress with ETA on a terminal after 2 s. Ctrl-C, or the scenario's limit on wall time, ends the run.

    ended   why the run was ended before its end; empty: it was not
    """

    def __init__(self, loaded: Loaded) -> None:
        self._duration, self._limit = loaded.scenario.duration, loaded.scenario.wall_limit
        self._started = time.monotonic()
        self.ended = ""

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._shown:
            print("\r" + " " * 40 + "\r", end="", file=sys.stderr)

    def __call__(self, simulated: float) -> bool:
        """Show that `simulated` seconds are done; whether to go on."""
        spent = time.monotonic() - self._started
        if self._shown:
            left = spent * (self._duration - simulated) / simulated
            shown = f"{simulated:6.0f} of {self._duration:g} s   {left:4.0f} s left "
            print(f"\r{shown:40}", end="", file=sys.stderr, flush=True)
        if spent > self._limit and not self.ended:
            self.ended = f"ended by wall_limit, {self._limit:g} s,"
        return not self.ended

    @property
    def _shown(self) -> bool:
        return sys.stderr.isatty() and time.monotonic() - self._started > SOON

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.ended = "interrupted"


class _Rows:
    """Rows done, and how long it will take, on a terminal after 2 s. Ctrl-C ends the judging after some more rows."""

    def __enter__(self) -> Self:
        self._started, self._is_ended = time.monotonic(), False
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._shown:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr)

    def __call__(self, rows: int, share: float) -> bool:
        """Show that `rows` are done, a share of the log; whether to go on."""
        if self._shown and share > 0.0:
            left = (time.monotonic() - self._started) * (1.0 - share) / share
            print(
                f"\r{f'{rows} rows   {100 * share:.0f} %   {left:.0f} s left':60}", end="", file=sys.stderr, flush=True
            )
        return not self._is_ended

    @property
    def _shown(self) -> bool:
        return sys.stderr.isatty() and time.monotonic() - self._started > SOON

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._is_ended = True


class _Runs:
    """Runs done, runs per second, and how long it will take, on a terminal. Ctrl-C ends the campaign for now."""

    def __enter__(self) -> Self:
        self._started, self.is_ended = time.monotonic(), False
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if sys.stderr.isatty():
            print("\r" + " " * 70 + "\r", end="", file=sys.stderr)

    def __call__(self, done: int, wanted: int) -> bool:
        """Show that `done` of the `wanted` runs are there; whether to go on."""
        if sys.stderr.isatty():
            speed = done / max(time.monotonic() - self._started, 1e-9)
            left = f"{(wanted - done) / speed:6.0f} s left" if done else "workers are starting"
            shown = f"{done} of {wanted} runs   {speed:.1f} runs/s   {left}"
            print(f"\r{shown:70}", end="", file=sys.stderr, flush=True)
        return not self.is_ended

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.is_ended = True


class _Stages:
    """What is being done now, on a terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self("")

    def __call__(self, stage: str) -> None:
        """Show that `stage` begins."""
        if sys.stderr.isatty():
            print(f"\r{stage:60}\r", end="", file=sys.stderr, flush=True)
