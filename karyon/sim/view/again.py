"""A run that is over in a moment: the window shows it once it has ended, and again with each fault that is put in."""

from pathlib import Path
from typing import Any

from karyon.sim import kinds
from karyon.sim.run import Progress
from karyon.sim.scenario import Loaded
from karyon.sim.view.recording import Recording


class Again(Recording):
    """The run of a scenario, recorded from its begin to its end.

    loaded   what ran, with the faults that were put in
    folder   where it is recorded
    """

    def __init__(self, loaded: Loaded[Any], folder: Path, progress: Progress) -> None:
        """`progress` is told the time of the run. Raises RunError, OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.loaded, self.folder = loaded, folder
        kinds.simulate([loaded], [folder], progress)
        super().__init__(folder)

    def inject(self, fault: dict[str, Any], time: float) -> None:
        """Let `fault`, an entry of `faults:` without its onset, begin at `time` (s). Raises ValidationError."""
        self.loaded = kinds.with_fault(self.loaded, fault, time)
        kinds.simulate([self.loaded], [self.folder])
        super().__init__(self.folder)
