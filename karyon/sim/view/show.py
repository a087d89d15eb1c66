"""`karyon view`: a run in a window, or as a still or a video, live or from a recording."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from karyon.sim.kinds import CAR_FOLLOWING, KINDS, function_of, read
from karyon.sim.run import refuse_bench, refuse_campaign
from karyon.sim.scenario import Loaded
from karyon.sim.view import stills, window
from karyon.sim.view.again import Again
from karyon.sim.view.folder import EVENTS, MESSAGES, SUMMARY, TRACE
from karyon.sim.view.live import Live, LiveError
from karyon.sim.view.look import Look
from karyon.sim.view.recording import Recording
from karyon.sim.view.scene import Source


class ShowError(ValueError):
    """What was asked for cannot be shown; the message says what to do."""


def show(shown: str, seed: int | None, at: float, screenshot: Path | None, video: Path | None) -> None:
    """Show a scenario, or the run in a folder, from `at` (s) on.

    Raises ShowError, RunError, InputError, RecordingError.
    """
    if not at >= 0.0:
        raise ShowError(f"--at is a time from 0 s on, found {at:g}")
    if Path(shown).name in (TRACE, EVENTS, SUMMARY, MESSAGES):
        raise ShowError(f"{shown} is a file of a run, and its folder is shown: karyon view {Path(shown).parent}")
    wanted = [path for path in (screenshot, video) if path is not None]
    for path in wanted:
        if path.is_dir() or not path.absolute().parent.is_dir():
            why = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise ShowError(f"{path} cannot be written: {why}")
    try:
        if not wanted:
            window.open_display()
        with _source(shown, seed, is_still=bool(wanted)) as source:
            if at > source.about.duration:
                raise ShowError(f"--at {at:g} s is beyond the end: {shown} ends at {source.about.duration:g} s")
            if screenshot is not None:
                stills.screenshot(source, at, screenshot, Look())
            if video is not None:
                stills.video(source, at, video, Look(), _Told(source.about.duration))
            if not wanted:
                with suppress(KeyboardInterrupt):  # closes it as its own cross does
                    window.Window(source, at).run()
            _tell(source, is_still=bool(wanted))
    except (LiveError, window.NoDisplayError) as error:
        raise ShowError(str(error)) from None
    except pygame.error as error:  # what SDL itself cannot write
        raise ShowError(f"the picture cannot be written: {error}") from None
    except OSError as error:
        raise ShowError(f"{error.filename or 'the picture'} cannot be written: {error.strerror or error}") from None


def _tell(source: Source, is_still: bool) -> None:
    """What the picture does not show, and where a run was recorded."""
    for note in source.notes:
        print(f"note: {note}", file=sys.stderr)
    if isinstance(source, Live | Again) and not is_still:
        if isinstance(source, Live):
            source.close()
        print(f"recorded:   {source.folder}   (again: karyon view {source.folder})")


@contextmanager
def _source(shown: str, seed: int | None, is_still: bool) -> Iterator[Source]:
    """The recording in a folder, or a run that begins now; of stills it leaves nothing."""
    if Path(shown).is_dir():
        if seed is not None:
            raise ShowError("--seed is for a scenario: a recording has its seed")
        yield Recording(Path(shown))
        return
    loaded = read(shown, [], seed)
    if function_of(loaded) == CAR_FOLLOWING:
        refuse_bench(loaded)
    recorded = Path("runs") / loaded.name
    if not is_still and (recorded / "scenario.yaml").resolve() == loaded.path.resolve():
        raise ShowError(f"{recorded} holds the scenario itself, which the run would write over: copy it elsewhere")
    if not is_still:
        refuse_campaign([recorded])
    with (
        tempfile.TemporaryDirectory(prefix="karyon-") as scratch,
        of_scenario(loaded, Path(scratch) / "run" if is_still else recorded) as source,
    ):
        yield source


@contextmanager
def of_scenario(loaded: Loaded[Any], folder: Path) -> Iterator[Source]:
    """The run of a scenario, recorded in `folder`: live, or once it has ended where vehicles come and go."""
    if KINDS[function_of(loaded)].viewed == "recorded":
        tell = _Told(loaded.scenario.duration)

        def goes_on(time: float) -> bool:
            tell(time)
            return True

        yield Again(loaded, folder, goes_on)
        return
    live = Live(loaded, folder)
    try:
        yield live
    finally:
        live.close()


class _Told:
    """Progress on a terminal."""

    def __init__(self, duration: float) -> None:
        self._duration, self._is_shown = duration, sys.stderr.isatty()

    def __call__(self, time: float) -> None:
        if self._is_shown:
            print(f"\r{time:6.1f} of {self._duration:g} s ", end="", file=sys.stderr, flush=True)
