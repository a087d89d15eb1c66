"""A run of flight from its file to its files."""

from collections.abc import Callable, Sequence
from pathlib import Path

from karyon.kernel import Design
from karyon.sim import documents
from karyon.sim.documents import Document, InputError
from karyon.sim.flight import recorded
from karyon.sim.flight.recorded import Replay
from karyon.sim.flight.scenario import FUNCTION, FlightScenario
from karyon.sim.flight.simulation import Simulation
from karyon.sim.run import Progress, Result, carry_out
from karyon.sim.scenario import Draft, Loaded, parsed, plain, written
from karyon.sim.shipped import portable

NUMBERS = ("horizontal", "vertical")  # of the controller of each level


def checked(found: Draft, over_design: Document | None = None) -> Loaded[FlightScenario]:
    """The scenario of a draft; `over_design` is laid on its safety design.

    Raises InputError with all that is wrong with the scenario and its safety design.
    """
    faults: list[documents.Fault] = []
    scenario, document, text, design = parsed(found, FlightScenario, FUNCTION, over_design, faults)
    if design is not None:
        faults += _numbers(design, document)
    told = _replay(scenario, document, faults) if scenario is not None else ()
    if faults or scenario is None or design is None:
        raise InputError(documents.in_order(faults))
    highest, limit = len(design.function(FUNCTION).levels) - 1, scenario.flight.max_los
    if (limit or 0) > highest:
        told = (*told, f"flight.max_los limits nothing: the design ends at LoS {highest}")
    return Loaded(scenario, design, found.path.stem, found.path, found.text, text, told)


def _replay(scenario: FlightScenario, document: Document, faults: list[documents.Fault]) -> tuple[str, ...]:
    """What is to be said of the recording of the scenario; faults where it cannot be used."""
    if scenario.intruder is None or not Path(scenario.intruder.recording).exists():
        return ()  # that it is not there has been told
    try:
        replay = replayed(scenario)
        return () if replay is None else tuple(f"intruder.recording: {note}" for note in replay.flight.notes)
    except InputError as error:
        faults += error.faults
    except ValueError as error:
        faults.append(document.place(("intruder", "recording")).fault(f"intruder.recording {error}"))
    return ()


def replayed(scenario: FlightScenario) -> Replay | None:
    """How the recorded aircraft of a scenario flies; None where there is none.

    Raises InputError for a file that is no recording, ValueError for a track that is not in it or does not move.
    """
    if scenario.intruder is None:
        return None
    wanted = scenario.intruder.flight
    flights = recorded.read(Path(scenario.intruder.recording))
    chosen = [flight for flight in flights if wanted is None or wanted in flight.name.split()]
    if not chosen:
        raise ValueError(f"has no track {wanted}, it has {', '.join(flight.name for flight in flights[:9])}")
    return recorded.replay(chosen[0], scenario.meeting.time, scenario.meeting.altitude)


def _numbers(design: Design, document: Document) -> list[documents.Fault]:
    """What the levels of the function lack to say how far aircraft are kept apart."""
    names = [function.name for function in design.functions]
    levels = design.function(FUNCTION).levels if FUNCTION in names else ()
    return [
        document.place(("safety",)).fault(
            f"safety names a design whose {FUNCTION} LoS {number} has no number `{name}` above 0 in its controller",
            "horizontal and vertical in m say how far apart aircraft are kept",
        )
        for number, level in enumerate(levels)
        for name in NUMBERS
        if not isinstance(level.controller.get(name), float | int) or not float(level.controller[name]) > 0.0
    ]


def dump(loaded: Loaded[FlightScenario]) -> str:
    """The scenario as YAML with its defaults and overrides; in any folder it is read as an equal one."""
    data = plain(loaded.scenario.model_dump(mode="json", by_alias=True))
    data["safety"] = portable(data["safety"])
    return written(loaded.name, data)


def begin(batch: Sequence[Loaded[FlightScenario]], out: Sequence[Path | None]) -> Simulation:
    """The simulation of runs side by side, before its first instant. Raises OSError."""
    return Simulation([one.scenario for one in batch], batch[0].design, out, replayed(batch[0].scenario))


def simulate(
    batch: Sequence[Loaded[FlightScenario]],
    out: Sequence[Path | None],
    progress: Progress | None = None,
    attend: Callable[[Simulation], object] | None = None,
) -> list[Result]:
    """Runs side by side, each into its own folder of `out` (None: no files, no trace), as `karyon.sim.run.simulate`.

    Raises OSError, and InputError for the folder of a campaign; nothing half-written stays under a final name.
    """

    def told(simulation: Simulation, run: int) -> list[str]:
        return simulation.faults.unused(run)

    return carry_out(batch, out, lambda: begin(batch, out), told, dump, progress, attend)
