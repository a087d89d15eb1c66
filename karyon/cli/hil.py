"""`karyon hil`, `device`, `doctor`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karyon.cli.application import BAD_INPUT, Json, Out, Sets, app, exit_if, refuse, writing
from karyon.cli.progress import Progress

if TYPE_CHECKING:
    from karyon.evidence.case import SafetyDesign
    from karyon.evidence.indicators import Reading
    from karyon.hil.command import Session


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
    claims: Annotated[
        Path | None, typer.Option(metavar="DESIGN", help="whose claims' indicators are watched [default: its own]")
    ] = None,
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
        refuse(f"error: real sensors need paho-mqtt and msgspec ({error}): pip install 'karyon[hil]'")
    from karyon.sim import screen

    try:
        credentials = Credentials(password_file, ca, cert, key, keys)
        lan = listen is not None
        session = command.session(
            scenario, broker, credentials, until, sets or [], lan=lan, with_commands=with_commands
        )
        folder = out or Path("runs") / session.name
        watched = _case(claims, Path(session.loaded.scenario.safety))
        session = session if watched is None else _with_indicators(session, watched)
        if with_view:
            summary, events = _watched(session, folder)
        else:
            with writing(folder), Progress(session.loaded) as progress:
                result = session.run(folder, progress)
            summary, events = result.summary, result.events
        readings = [] if watched is None else _readings(watched, summary, events, folder)
    except command.ERRORS as error:
        refuse(f"error: {error}")
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        said = [f"claim      {one}" for one in readings]
        print("\n".join([*screen.run_lines(summary, events, folder), *command.lines(summary), *said]))
    exit_if(bool(screen.broken_goals(summary)) or any(one.crossed for one in readings))


def _case(asked: Path | None, own: Path) -> SafetyDesign | None:
    """The design whose claims are watched: what was asked for, or the session's own, if it names a case.

    Raises InputError.
    """
    from karyon.evidence import case

    if asked is None and not case.named_case(own):
        return None
    return case.read(asked or own)


def _with_indicators(session: Session, design: SafetyDesign) -> Session:
    from karyon.evidence import indicators

    return replace(session, watch=indicators.Watch(indicators.of_claims(design), _say).attend)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _readings(
    design: SafetyDesign, summary: dict[str, Any], events: list[dict[str, Any]], folder: Path
) -> list[Reading]:
    from karyon.evidence import indicators

    with writing(folder):
        return indicators.keep(design, summary, events, folder)


def _watched(session: Session, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        from karyon.hil import watch
    except ImportError as error:
        refuse(f"error: the window needs pygame ({error}): pip install 'karyon[view]'")
    try:
        with writing(folder):
            seen = watch.watch(session, folder)
    except watch.NoDisplayError as error:
        refuse(f"error: {error}")
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
        refuse(f"error: a device needs paho-mqtt and msgspec ({error}): pip install 'karyon[hil]'")

    try:
        sent = command.play(file, broker, Credentials(password_file, ca, cert, key, keys), fault or [])
    except command.ERRORS as error:
        refuse(f"error: {error}")
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

    found, told, failed = installation.examine(), [], False
    if broker is not None:
        try:
            from karyon.hil import command, examination
            from karyon.hil.address import Credentials
        except ImportError as error:
            refuse(f"error: a broker needs paho-mqtt and msgspec ({error}): pip install 'karyon[hil]'")
        try:
            found["bench"] = command.examined(broker, Credentials(password_file, ca, cert, key))
        except command.ERRORS as error:
            refuse(f"error: {error}")
        told, failed = list(examination.lines(found["bench"])), examination.has_failed(found["bench"])
    print(json.dumps(found, indent=2) if as_json else "\n".join([*installation.lines(found), *told]))
    exit_if(failed)
