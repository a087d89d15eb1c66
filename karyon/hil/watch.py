"""`karyon hil --view`: a session in a process of its own, and a window that shows it; neither waits for the other."""

import json
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from karyon.hil.command import ERRORS, Session
from karyon.hil.session import Attend, Progress
from karyon.sim import documents
from karyon.sim.scenario import Loaded
from karyon.sim.view.live import Live, LiveError
from karyon.sim.view.window import NoDisplayError, Window, open_display

__all__ = ["NoDisplayError", "watch"]


def watch(session: Session, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Show the session until the window is closed; its summary and events, None: it has not begun, and has said why.

    Raises NoDisplayError, OSError.
    """
    try:
        open_display()
    except NoDisplayError:
        said = "there is no display: without --view the session needs none; or run it under Xvfb"
        raise NoDisplayError(f"{said}: xvfb-run karyon hil ... --view") from None
    live = Live(session.loaded, folder, partial(_run, session), is_real_time=True)
    try:
        live.wait(0.0)  # for the broker, and what devices say before the start
        with suppress(KeyboardInterrupt):  # closes it as its own cross does
            Window(live, live.end).run()
    except LiveError:
        return None
    finally:
        live.close()
    events = (folder / "events.jsonl").read_text("utf-8").splitlines()
    return json.loads((folder / "summary.json").read_text("utf-8")), [json.loads(line) for line in events]


def _run(session: Session, loaded: Loaded, folder: Path, progress: Progress, attend: Attend) -> None:
    """In the process of the session."""
    try:
        session.run(folder, progress, attend)
    except ERRORS as error:
        sys.exit(f"error: {error}")
    except documents.InputError as error:
        sys.exit(documents.report(error.faults, "nothing was run"))
