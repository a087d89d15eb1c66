"""A run that is over in a moment: the window shows it once it has ended, and again with each fault that is put in."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from karyon.sim import kinds
from karyon.sim.run import Progress
from karyon.sim.scenario import Loaded
from karyon.sim.view.about import About
from karyon.sim.view.happenings import Happening
from karyon.sim.view.links import Wanted
from karyon.sim.view.recording import Recording
from karyon.sim.view.rows import Floats, Integers, Rows


class Again:
    """The run of a scenario, recorded from its begin to its end, as a source of pictures.

    loaded   what ran, with the faults that were put in
    folder   where it is recorded
    """

    def __init__(self, loaded: Loaded[Any], folder: Path, progress: Progress) -> None:
        """`progress` is told the time of the first run. Raises RunError, OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.loaded, self.folder = loaded, folder
        kinds.simulate([loaded], [folder], progress)
        self._recording = Recording(folder)

    def inject(self, fault: dict[str, Any], time: float) -> None:
        """Let `fault`, an entry of `faults:` without its onset, begin at `time` (s). Raises ValidationError."""
        scenario = self.loaded.scenario
        entry = kinds.fault_of(self.loaded).model_validate({**fault, "onset": round(time, 2)})
        changed = scenario.model_copy(update={"faults": (*scenario.faults, entry)})
        self.loaded = replace(self.loaded, scenario=changed)
        kinds.simulate([self.loaded], [self.folder])
        self._recording = Recording(self.folder)

    @property
    def about(self) -> About:
        """What ran."""
        return self._recording.about

    @property
    def happenings(self) -> Sequence[Happening]:
        """Its events."""
        return self._recording.happenings

    @property
    def notes(self) -> Sequence[str]:
        """What to say beside the events."""
        return self._recording.notes

    @property
    def begin(self) -> float:
        """Of what was recorded, s."""
        return self._recording.begin

    @property
    def end(self) -> float:
        """Of what was recorded, s."""
        return self._recording.end

    def parts(self, begin: float, end: float) -> list[Rows]:
        """What was recorded between (s)."""
        return self._recording.parts(begin, end)

    def messages(self, begin: float, end: float, wanted: Wanted) -> tuple[Integers, Integers, Floats]:
        """Of what was sent between (s), as far as it is wanted: sender, receiver, arrival (s; NaN: lost)."""
        return self._recording.messages(begin, end, wanted)
