"""What can be wrong with recorded traffic in a scenario: told with its place there, or in the CommonRoad file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from karyon.sim import documents
from karyon.sim.commonroad import file
from karyon.sim.commonroad.section import Recorded
from karyon.sim.documents import Document, InputError, suggestion

SHOWN = 12  # numbers of cars that a hint lists

SILENT = 1  # the highest level of service without words of others: recorded cars have no radio

Scene = TypeVar("Scene")
Function = TypeVar("Function", bound=BaseModel)


def refuse(document: Document, names: Sequence[str], faults: list[documents.Fault]) -> None:
    """Add a fault for each of these fields, such as `lane_change.waves`, that stands beside a recording."""
    for name in names:
        path = tuple(name.split("."))
        if document.at(path) is not None:
            said = f"{name} and recorded exclude each other: the recording has its own"
            faults.append(document.place_of_key(path).fault(said, "remove one of them"))


def opened(
    recorded: Recorded,
    document: Document,
    faults: list[documents.Fault],
    scene_of: Callable[[Recorded], Scene],
    fitting: Callable[[Path], Sequence[int]],
    what: str,
) -> Scene | None:
    """The scene of a recording; None, with faults added: there is none.

    fitting   the cars of a file that can be replaced, in words those that do `what`
    """
    path = Path(recorded.file)
    if not path.is_file():
        return None  # that is told already
    try:
        recording = file.read(path)
        numbers = [track.number for track in recording.tracks]
        if not numbers or len(numbers) + len(recording.standing) < 2:
            said = (
                f"recorded.file has {len(numbers) or 'no'} moving car{'s' * (not numbers)}: there is no traffic in it"
            )
            faults.append(document.place(("recorded", "file")).fault(said))
            return None
        if recorded.replace in numbers:
            return _scene(recorded, document, faults, scene_of)
        meant = suggestion(str(recorded.replace), [str(each) for each in numbers])
        hint = f"did you mean {meant}? " if meant else ""
        said = f"recorded.replace names a car that does not move in {path.name}: {recorded.replace}"
        faults.append(document.place(("recorded", "replace")).fault(said, hint + listed(fitting(path), what)))
    except InputError as error:
        faults += error.faults
    return None


def _scene(
    recorded: Recorded, document: Document, faults: list[documents.Fault], scene_of: Callable[[Recorded], Scene]
) -> Scene | None:
    """The scene of a file that can be read: what is wrong then is so for the car that is replaced, and told there."""
    try:
        return scene_of(recorded)
    except InputError as error:
        place = document.place(("recorded", "replace"))
        faults += [place.fault(each.message, each.hint) for each in error.faults]
    return None


def listed(numbers: Sequence[int], what: str) -> str:
    """The cars that do `what`, in words."""
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"those that {what} are {', '.join(map(str, numbers[:SHOWN])) or 'none'}{more}"


def without_words(function: Function) -> Function:
    """The section of a function with the highest level that own sensors allow, unless it has one already."""
    limited = getattr(function, "max_los", None) is not None
    return function if limited else function.model_copy(update={"max_los": SILENT})


def lasting(
    recorded: Recorded, document: Document, wanted: float, recording: float, faults: list[documents.Fault]
) -> tuple[float, list[str]]:
    """For how long a run goes on, s, of which `recording` s between lead-in and lead-out are recorded; and warnings."""
    most = recorded.lead_in + recording + recorded.lead_out
    given = document.at(("duration",)) is not None
    duration = min(wanted, most) if given else most
    if recorded.lead_in >= duration:
        said = f"recorded.lead_in lasts until the end of the scenario, at {duration:g} s"
        faults.append(document.place(("recorded", "lead_in")).fault(said))
    return duration, [
        f"duration is {most:g} s: then the recording ends, and its lead-out"
    ] if given and wanted > most else []
