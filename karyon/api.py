"""Scenarios, runs and logs from Python: what the `karyon` command does, for scripts and notebooks.

    load, run        a scenario with what you change of it; a run of it
    batch            many runs side by side
    read_run         a run that is in a folder
    learn, perceive  a description of your sensors from a healthy log; the validity of each of its samples
    read_design      a safety design from its file, for `karyon.kernel.Kernel`

All of these are names of `karyon`, too. Bad input raises InputError, whose text is what the command prints.
"""

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from karyon.kernel import Design, quantities
from karyon.sim import safety_file
from karyon.sim.documents import Fault, InputError
from karyon.sim.kinds import read, simulate
from karyon.sim.run import Progress, Result
from karyon.sim.scenario import Loaded, cut
from karyon.sim.view.folder import EVENTS, SUMMARY, TRACE, RunError, must_be_there

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InputError", "Run", "RunError", "batch", "learn", "load", "perceive", "read_design", "read_run", "run"]

Settings = Mapping[str, object] | Sequence[str]
File = str | os.PathLike[str]

MESSAGES = "messages.parquet"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Run:
    """A run that is over.

    Attributes:
        summary: What `summary.json` holds: collisions, margins, latencies and their bounds, metrics.
        events: What happened, in order: switches with the rule behind them, faults, violations. Times in s.
        folder: Where its files are; None: it left none, and has no trace.
        complete: Whether it reached its end.
    """

    summary: dict[str, Any]
    events: list[dict[str, Any]]
    folder: Path | None
    complete: bool = True

    def __repr__(self) -> str:
        broken = [goal for goal, found in self.summary["safety_goals"].items() if found["violated"]]
        goals = f"violates {', '.join(broken)}" if broken else "all safety goals held"
        length, cars = f"{self.summary['duration']:g} s", f"{self.summary['vehicles']} vehicles"
        return f"<Run of {self.summary['scenario']}, seed {self.summary['seed']}, {length}, {cars}: {goals}>"

    def trace(self) -> "pd.DataFrame":
        """One row per vehicle and recorded instant; `attrs["units"]` has the unit of each column.

        Raises:
            RunError: The run left no trace, or it is damaged.
            ModuleNotFoundError: pandas is missing, and the message says how to get it.
        """
        return self._table(TRACE)

    def messages(self) -> "pd.DataFrame":
        """One row per message and vehicle that might hear it; `arrived` is NaN where it was lost.

        Raises as `trace` does.
        """
        return self._table(MESSAGES)

    def plot(self, car: int | None = None) -> list[Path]:
        """Draw the standard figures, as PNG, SVG and PDF, beside the other files of the run; returns their paths.

        Args:
            car: Draw this follower alone; without one there is one that has most to tell, and the file of cars.

        Raises:
            RunError: The run left no files, or they cannot be drawn, or no such car follows.
            ModuleNotFoundError: matplotlib is missing, and the message says how to get it.
        """
        try:
            from karyon.sim.view.plot import plot  # noqa: PLC0415 - matplotlib is slow to load, and may be absent
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f"figures need matplotlib ({error}): pip install 'karyon[view]'") from None
        return plot(self._where(), car)

    def _table(self, name: str) -> "pd.DataFrame":
        path = self._where() / name
        must_be_there(path)
        try:
            table = parquet.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise RunError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
        frame = _frame(table)
        frame.attrs["units"] = {each.name: (each.metadata or {}).get(b"unit", b"").decode() for each in table.schema}
        return frame

    def _where(self) -> Path:
        if self.folder is None:
            raise RunError("this run left no files: runs of a batch have them where `out` is given")
        return self.folder


def load(scenario: File, settings: Settings = (), seed: int | None = None, until: float | str | None = None) -> Loaded:
    """A scenario, ready to run.

    Args:
        scenario: Name of a shipped scenario, or a file.
        settings: What to change of it: `{"radio.loss": 0.3, "faults": [{"vehicle": 1, ...}]}`, in SI or with a unit
            (`"20 ms"`); or texts as `--set` takes them, `["radio.loss=0.3"]`.
        seed: Of the random numbers; gives way to a `seed` in `settings`.
        until: End earlier, in s or as a text with a unit; faults that begin later are left out.

    Raises:
        InputError: All that is wrong with the scenario, the settings and the safety design.
    """
    loaded = read(os.fspath(scenario), options(settings), seed)
    return loaded if until is None else cut(loaded, _seconds(until))


def run(scenario: Loaded | File, out: File | None = None, progress: Progress | None = None) -> Run:
    """Run a scenario.

    Args:
        scenario: What `load` returned; or the name or file of a scenario that is run as it is.
        out: Folder of its files; without one they are kept as long as the returned run is.
        progress: Is told the simulated time (s) at each second of it; where it answers False, the run ends.

    Raises:
        InputError: The scenario has faults, or `out` holds it or a campaign, or a recording cannot be used.
        OSError: `out` cannot be written.
    """
    scenario = _loaded(scenario)
    folder = Path(tempfile.mkdtemp(prefix="karyon-")) if out is None else Path(out)
    if (folder / "scenario.yaml").resolve() == scenario.path.resolve():
        said = "the folder holds the scenario itself, which the run would write over"
        raise InputError([Fault(str(folder), None, None, 0, said, "choose another one")])
    try:
        (result,) = simulate([scenario], [folder], progress)
    except BaseException:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    done = _as_run(result, folder)
    if out is None:
        weakref.finalize(done, shutil.rmtree, folder, ignore_errors=True)
    return done


def batch(scenarios: Sequence[Loaded | File], out: Sequence[File] | None = None) -> list[Run]:
    """Run scenarios side by side, faster than one after the other; each gets the bits that it has alone.

    Args:
        scenarios: Each as `run` takes it. They may differ in seed, faults, cut-ins, leader and start, and in nothing
            else.
        out: A folder for each; without, no files are left and no traces kept: run those of interest again.

    Raises:
        ValueError: They differ in something else, or there are not as many folders.
        InputError: A scenario has faults, or a folder holds a campaign.
        OSError: A folder cannot be written.
    """
    if isinstance(scenarios, str | os.PathLike | Loaded):
        raise TypeError(f"a batch is a list of scenarios, found one: karyon.run runs it, or [{_named(scenarios)}]")
    if not scenarios:
        return []
    loaded = [_loaded(scenario) for scenario in scenarios]
    folders = [None] * len(scenarios) if out is None else [Path(folder) for folder in out]
    if len(folders) != len(loaded):
        raise ValueError(f"{len(loaded)} scenarios need as many folders, found {len(folders)}")
    return [_as_run(result, folder) for result, folder in zip(simulate(loaded, folders), folders, strict=True)]


def read_run(folder: File) -> Run:
    """The run that `karyon run` or `run` left in a folder.

    Raises:
        RunError: It holds no whole run; the message names the file.
    """
    where = Path(folder)
    for name in (SUMMARY, EVENTS):
        must_be_there(where / name)
    try:
        summary = json.loads((where / SUMMARY).read_text("utf-8"))
        events = [json.loads(line) for line in (where / EVENTS).read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RunError(f"{where}: cannot be read: {error}") from None
    return Run(summary, events, where)


def read_design(file: File) -> Design:
    """The safety design in a YAML file: what `karyon.kernel.Kernel` decides by.

    Raises:
        InputError: All that is wrong with it.
    """
    return safety_file.read_design(Path(file))


def learn(log: File) -> str:
    """A description of the sensors of a healthy log, for `perceive`: YAML, with how sure each number is.

    Raises:
        InputError: There is no such log, it has a fault, or no column that could be a signal.
    """
    from karyon.logs import learn as learning  # noqa: PLC0415  a tenth of a second, with all detectors

    return learning.proposal(Path(log))


def perceive(
    log: File, sensors: File, inject: Sequence[str | Mapping[str, object]] = (), seed: int = 0
) -> "pd.DataFrame":
    """The validity of every sample of a sensor log, or of every message of a V2V log.

    Args:
        log: CSV or lines of JSON, gzipped or not.
        sensors: Description of the sensors: a file, or the name of a shipped one.
        inject: Failures to put in first, as texts or mappings: `{"signal": "speed", "mode": "offset", "onset": 300,
            "amplitude": 2}`.
        seed: Of the random draws of these.

    Returns:
        One row per row of the log: `time` (s), then per signal `<signal>_validity` (0 to 1), `<signal>_age` (s) and
        `<signal>_detectors`; of messages `time`, `sender`, `validity` and `detectors`.

    Raises:
        InputError: All that is wrong with the description, the failures or the log.
    """
    from karyon.logs import perceive as judging  # noqa: PLC0415  a tenth of a second, with all detectors

    put = [each if isinstance(each, str) else _yaml(each) for each in inject]
    with tempfile.TemporaryDirectory(prefix="karyon-") as scratch:
        answer = Path(scratch) / "validity.parquet"
        outcome = judging.perceive(Path(log), os.fspath(sensors), answer, inject=put, seed=seed)
        if outcome.fault:
            raise outcome.fault
        return _frame(parquet.read_table(answer))


def options(settings: Settings) -> list[str]:
    """Settings as `--set` takes them. Raises TypeError for what no scenario can hold."""
    if isinstance(settings, Mapping):
        return [f"{path}={_yaml(value)}" for path, value in settings.items()]
    if isinstance(settings, str):
        raise TypeError(f"settings are a mapping, or a list of texts such as [{settings!r}]")
    return list(settings)


def _yaml(value: object) -> str:
    """A value as YAML in one line: JSON is that, too. Raises TypeError."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    """A path as text; numbers and arrays of NumPy and pandas as Python's."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"no scenario can hold {type(value).__name__}: {value!r}")


def _loaded(scenario: Loaded | File) -> Loaded:
    """A scenario as it is run. Raises TypeError for what is none."""
    if isinstance(scenario, Loaded):
        return scenario
    if isinstance(scenario, str | os.PathLike):
        return load(scenario)
    raise TypeError(f"a scenario is what karyon.load returns, or its name or file, found {_named(scenario)}")


def _named(value: object) -> str:
    return repr(value) if isinstance(value, str) else type(value).__name__


def _seconds(until: float | str) -> float:
    """Raises InputError of a text; what a number must be `cut` says."""
    if not isinstance(until, str):
        return until
    try:
        return quantities.read(until, "s")
    except quantities.QuantityError as error:
        hint = "a number of seconds, or a text such as `10 s`"
        raise InputError([Fault("until", None, None, 0, str(error), hint)]) from None


def _as_run(result: Result, folder: Path | None) -> Run:
    return Run(result.summary, result.events, folder, result.complete)


def _frame(table: pa.Table) -> "pd.DataFrame":
    try:
        return table.to_pandas()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"a table needs pandas ({error}): pip install 'karyon[data]'") from None
