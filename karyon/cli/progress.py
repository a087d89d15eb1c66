"""What a terminal shows while a command is at work, and what Ctrl-C does then."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType

    from karyon.sim.scenario import Loaded

SOON = 2.0  # s: of a run that ends sooner no progress is shown


class Progress:
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


class Rows:
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


class Runs:
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


class Stages:
    """What is being done now, on a terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self("")

    def __call__(self, stage: str) -> None:
        """Show that `stage` begins."""
        if sys.stderr.isatty():
            print(f"\r{stage:60}\r", end="", file=sys.stderr, flush=True)
