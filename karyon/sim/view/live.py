"""A run that goes on in a process of its own, as fast as it can; the window looks at what there is.

A fault that is put in begins at the time that the window shows. The run is then simulated again with one fault more:
until that time it has the same bits, and what it leaves is the run of a scenario, which anybody can repeat.
"""

import multiprocessing
import shutil
import signal
import sys
import tempfile
import time as clock
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from karyon.sim import kinds, run
from karyon.sim.engine import Simulation
from karyon.sim.run import Progress
from karyon.sim.scenario import Loaded
from karyon.sim.view.about import About
from karyon.sim.view.happenings import Happening
from karyon.sim.view.links import Wanted
from karyon.sim.view.rows import Floats, Integers, Rows
from karyon.sim.view.spool import Reader, Writer

WAIT = 0.005  # s between two looks at a run that is not as far yet
SPAWN = multiprocessing.get_context("spawn")


Attend = Callable[[Simulation], None]


class LiveError(RuntimeError):
    """The simulation has ended before its time."""


def simulated(loaded: Loaded, folder: Path, progress: Progress, attend: Attend) -> None:
    """Run it as fast as it can."""
    kinds.simulate([loaded], [folder], progress, attend)


Simulate = Callable[[Loaded, Path, Progress, Attend], None]


class Live:
    """A run that is going on, as a source of pictures; `close` ends it and keeps what it has recorded.

    loaded         what runs, with the faults that were put in
    folder         where it is recorded
    is_real_time   whether it is what happens now, which cannot be had once more with a fault put in
    """

    def __init__(
        self, loaded: Loaded, folder: Path, simulate: Simulate = simulated, *, is_real_time: bool = False
    ) -> None:
        """`simulate` runs it in the other process. Raises RecordingError, OSError."""
        if kinds.function_of(loaded) == kinds.CAR_FOLLOWING:
            run.trajectory(loaded.scenario)
        folder.mkdir(parents=True, exist_ok=True)
        self.loaded, self.folder, self._simulate, self.is_real_time = loaded, folder, simulate, is_real_time
        self._spools = Path(tempfile.mkdtemp(prefix="karyon-"))
        self._begun, self._needed = 0, 0.0
        self._start()
        self._reader = self._coming

    @property
    def about(self) -> About:
        """What runs."""
        return self._reader.about

    @property
    def happenings(self) -> Sequence[Happening]:
        """Events so far."""
        return self._reader.happenings

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say beside the events."""
        return ("the simulation has failed: see the terminal",) if self.has_failed else ()

    @property
    def begin(self) -> float:
        """Of what there is, s."""
        return self._reader.begin

    @property
    def end(self) -> float:
        """Of what there is, s."""
        return self._reader.end

    @property
    def is_ready(self) -> bool:
        """Whether there is something to see, and that is up to date."""
        return self._reader is self._coming and self._reader.end >= 0.0

    @property
    def is_running(self) -> bool:
        """Whether the simulation goes on."""
        return self._process.is_alive()

    @property
    def has_failed(self) -> bool:
        """Whether the simulation has ended by a fault of its own, or of the disk."""
        return bool(self._process.exitcode)

    def look(self) -> None:
        """Take in what is new."""
        coming, is_running = self._coming, self.is_running
        coming.look()
        if coming.end >= (self._needed if is_running else 0.0):
            self._reader = coming

    def wait(self, time: float) -> None:
        """Until the run is at `time` (s), or at its end. Raises LiveError."""
        while True:
            is_running = self.is_running
            self.look()
            if self.is_ready and (self.end >= time or not is_running):
                return
            if not is_running:
                raise LiveError("the simulation has ended before its first instant")
            clock.sleep(WAIT)

    def inject(self, fault: dict[str, Any], time: float) -> None:
        """Let `fault`, an entry of `faults:` without its onset, begin at `time` (s). Raises ValidationError."""
        changed = kinds.with_fault(self.loaded, fault, time)
        self._stop()
        self.loaded = changed
        self._needed = time
        self._start()

    def parts(self, begin: float, end: float) -> list[Rows]:
        """What there is of the time between (s)."""
        return self._reader.parts(begin, end)

    def messages(self, begin: float, end: float, wanted: Wanted) -> tuple[Integers, Integers, Floats]:
        """Of what was sent between (s), as far as it is wanted: sender, receiver, arrival (s; NaN: lost)."""
        return self._reader.messages(begin, end, wanted)

    def close(self) -> None:
        """End the run where it is, or where a fault was put in; its recording is whole."""
        self._stop()
        shutil.rmtree(self._spools, ignore_errors=True)

    def _start(self) -> None:
        spool = self._spools / str(self._begun)
        spool.mkdir()
        self._begun += 1
        self._ended: Event = SPAWN.Event()
        self._process = SPAWN.Process(
            target=_run, args=(self._simulate, self.loaded, self.folder, spool, self._needed, self._ended)
        )
        self._process.start()
        self._coming = Reader(spool, self.loaded)

    def _stop(self) -> None:
        self._ended.set()
        self._process.join()


def _run(simulate: Simulate, loaded: Loaded, folder: Path, spool: Path, needed: float, ended: Event) -> None:
    """The process of the simulation: it runs to its end, or till it is `ended`, but not before `needed` (s)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the window is told, and ends this
    begun, limit = clock.monotonic(), loaded.scenario.wall_limit
    writer = Writer(spool)

    def goes_on(simulated: float) -> bool:
        return (simulated <= needed or not ended.is_set()) and clock.monotonic() - begun <= limit

    try:
        simulate(loaded, folder, goes_on, writer.attend)
    except OSError as error:  # the disk's: what anybody can mend is no traceback
        sys.exit(f"error: {folder} cannot be written: {error.strerror}")
    finally:
        writer.close()
