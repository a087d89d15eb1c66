"""The command itself, what all of its parts share, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer

GOAL_VIOLATED, BAD_INPUT, OWN_FAULT = 1, 2, 3
TYPER_INTERRUPTED = 130  # what typer makes of SIGINT

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


def main() -> None:
    """Run the command; a fault of the user's is one clear message and exit code 2, one of ours is exit code 3."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started us: then there is nobody to answer
            stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        _answer()
    except SystemExit as done:
        if done.code != TYPER_INTERRUPTED:
            raise
        print("interrupted", file=sys.stderr)
        sys.exit(GOAL_VIOLATED)
    except Exception as error:  # the outermost frame: nothing above could tell the user
        _explain(error)


def _answer() -> None:
    """Run the command, and have its answer out before the exit code is settled."""
    try:
        app()
    finally:
        if sys.stdout is not None:
            try:
                sys.stdout.flush()
            except BrokenPipeError:  # a reader that has seen enough
                _mute(sys.stdout)


def _mute(stream: TextIO) -> None:
    """Send what a stream still holds nowhere: or else Python's last flush of it would change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(error: Exception) -> NoReturn:
    from karyon.logs.faults import LogError
    from karyon.sim import documents
    from karyon.sim.recordings import RecordingError

    if isinstance(error, LogError):
        refuse(f"{error}\nnothing was judged")
    if isinstance(error, documents.InputError):
        refuse(documents.report(error.faults, "nothing was run"))
    if isinstance(error, RecordingError):
        refuse(f"{error}\nnothing was run")
    if isinstance(error, OSError) and error.errno and error.filename is None:  # of the screen, or what stands for it
        _mute(sys.stdout)
        refuse(f"error: the answer cannot be printed: {os.strerror(error.errno)}")
    print(f"karyon failed: {type(error).__name__}: {error}. This is our fault, please report it.", file=sys.stderr)
    sys.exit(OWN_FAULT)


def refuse(message: str) -> NoReturn:
    """End for bad input, and say what is wrong with it."""
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:  # a full disk behind stderr: the exit code tells it all the same
        _mute(sys.stderr)
    sys.exit(BAD_INPUT)


def exit_if(wrong: bool) -> None:
    """End with 1 if a safety goal was violated, or a check has failed."""
    if wrong:
        raise typer.Exit(GOAL_VIOLATED)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """A folder that cannot be written, or is full, is the user's to mend."""
    try:
        yield
    except OSError as error:
        why = "there is a file of this name" if isinstance(error, FileExistsError) else os.strerror(error.errno or 0)
        refuse(f"error: {folder} cannot be written: {why}")
