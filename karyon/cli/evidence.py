"""`karyon evidence`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from karyon.cli.application import app, exit_if, refuse, writing


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
    vault: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="4, 7 ... stores (s3://..., file://...) for the sealed report, or to read it"),
    ] = None,
    of_itself: Annotated[
        bool, typer.Option("--self", help="confidence in KARYON itself: use cases, levels, validation, known issues")
    ] = False,
    public_key: Annotated[str | None, typer.Option(help="of --verify: who must have sealed it, hexadecimal")] = None,
) -> None:
    """The report of a safety design and its campaigns for an ISO 26262 assessment: HTML, PDF, JSON, tables, trees."""
    try:
        from karyon.evidence import command
        from karyon.evidence.runs import EvidenceError
    except ImportError as error:
        refuse(f"error: a report needs jinja2, weasyprint, dd, cryptography ({error}): pip install 'karyon[report]'")
    try:
        if verify is not None:
            with writing(verify):
                print("\n".join(command.verified(verify, public_key, vault or [])))
            return
        if of_itself:
            with writing(out):
                told, is_shown = command.of_itself(out)
            print("\n".join(told))
            exit_if(not is_shown)
            return
        if since is not None and design is not None:
            print("\n".join(command.changed(folders or [], design, since)))
            return
        if not folders:
            refuse("error: a report needs the folder of a campaign")
        if design is None:
            refuse("error: a report needs --design, such as scenarios/safety/acc.yaml")
        key = None if seal is None else command.key(seal)
        into = command.stores(vault or [], key)
        found = command.collect(folders, design, draft)
        with writing(out):
            files = command.write(found, out, key)
        said = [*command.lines(found, files), *command.disperse(out, key, into)]
    except EvidenceError as error:
        refuse(str(error))
    print("\n".join(said))
    exit_if(not command.is_shown(found))
