"""`karyon daa`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from karyon.cli.application import Json, app, refuse, writing


@app.command(epilog="Example: karyon daa encounter.daa --config DO_365B_no_SUM.conf --out alerts.csv")
def daa(
    encounter: Annotated[Path, typer.Argument(help="recorded states of two or more aircraft, as DAIDALUS writes them")],
    config: Annotated[Path, typer.Option(help="alerting, as a DAIDALUS configuration file sets it")],
    out: Annotated[Path | None, typer.Option(help="CSV [default: ENCOUNTER.alerts.csv]")] = None,
    as_json: Json = False,
) -> None:
    """Alert level, separation and closest approach per second of a recorded encounter in the air."""
    from karyon.daa import answer

    target = out or Path(f"{encounter.name.split('.')[0]}.alerts.csv")
    if target.resolve() in (encounter.resolve(), config.resolve()):
        refuse(f"error: {target} is read from: choose another --out")
    if not target.parent.is_dir():
        refuse(f"error: {target} cannot be written: there is no folder {target.parent}")
    found = answer.judged(encounter, config)
    with writing(target):
        answer.write(target, found)
    print(json.dumps(answer.as_data(found), indent=2) if as_json else "\n".join(answer.lines(found, target)))
