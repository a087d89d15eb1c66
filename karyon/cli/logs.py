"""`karyon perceive`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from karyon.cli.application import Json, app, exit_if, refuse, writing
from karyon.cli.progress import Rows

OTHER_KINDS = (".gz", ".json", ".jsonl", ".zip", ".xlsx", ".png", ".svg", ".yaml", ".yml")


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
            refuse("error: --learn proposes a description and judges nothing: it goes with --out alone")
        _propose(log, out)
        return
    if sensors is None:
        refuse("error: --sensors is missing: a file, or a shipped description; --learn proposes one from a healthy log")
    from karyon.logs import inject as failures
    from karyon.logs import screen
    from karyon.logs.perceive import perceive as judge

    draw = _log_plotter() if plot else None
    if out is not None and out.resolve() == Path(sensors).resolve():
        refuse(f"error: {out} is the description of the sensors: choose another --out")
    if plot and out is not None and out.resolve() == log.resolve():
        refuse(f"error: {out} takes the place of the log, which --plot draws: choose another --out")
    target, put = out or Path(f"{log.name.split('.')[0]}.validity.csv"), inject or []
    _check_answer(target)
    with writing(target), Rows() as rows:
        outcome = judge(log, sensors, target, rows, put, seed)
    pictures = draw(log, sensors, target, target.with_suffix(""), put, seed) if draw and outcome.is_complete else []
    if as_json:
        print(json.dumps(screen.as_data(outcome), indent=2))
    else:
        told = [*failures.lines(outcome.changes, outcome.begin), *screen.lines(outcome, target)]
        print("\n".join([*told, *map(str, pictures)]))
    if outcome.fault:
        refuse(f"{outcome.fault}\nthe {outcome.rows} rows before it are in {target}")
    if outcome.ended:
        print(f"interrupted: the {outcome.rows} rows judged until then are in {target}", file=sys.stderr)
    exit_if(outcome.ended)


def _check_answer(target: Path) -> None:
    """Refuse what cannot hold the answer, before anything is judged."""
    if target.exists() and not target.is_file():
        refuse(f"error: {target} is no file: --out is a CSV file, or a Parquet file by its ending")
    if not target.parent.is_dir():
        refuse(f"error: {target} cannot be written: there is no folder {target.parent}")
    if target.suffix.lower() in OTHER_KINDS:
        refuse(f"error: --out is a CSV file, or a Parquet file by its ending, found {target}")


def _propose(log: Path, out: Path | None) -> None:
    from karyon.logs.learn import proposal

    text = proposal(log)
    if out is None:
        print(text, end="")
        return
    with writing(out):
        out.write_text(text, "utf-8")
    print(out)


def _log_plotter() -> Callable[..., list[Path]]:
    try:
        from karyon.logs.plot import draw
    except ImportError as error:
        refuse(f"error: figures need matplotlib ({error}): pip install 'karyon[view]'")
    return draw
