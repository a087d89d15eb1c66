"""A scenario of lane changes in recorded traffic: what the recording says takes the place of what is made up."""

from pathlib import Path

from karyon.sim import documents
from karyon.sim.commonroad import file, lanes
from karyon.sim.commonroad.lanes import OURS, Scene
from karyon.sim.documents import Document, InputError, suggestion
from karyon.sim.lanes.scenario import VEHICLES_MAX, LaneChangeScenario, Recorded, Wish

REPLACED = ("vehicles", "road", "traffic")  # by the recording
SHOWN = 12  # numbers of cars that a hint lists


def scene_of(recorded: Recorded) -> Scene:
    """The lanes and the cars of a recording. Raises InputError."""
    return lanes.scene(Path(recorded.file), recorded.replace, recorded.lead_in, VEHICLES_MAX)


def recorded(
    scenario: LaneChangeScenario, document: Document, faults: list[documents.Fault]
) -> tuple[LaneChangeScenario | None, tuple[str, ...]]:
    """The scenario with the number of cars, the duration and the wish that its recording has; and warnings.

    What is wrong is added to `faults`.
    """
    assert scenario.recorded is not None
    found = len(faults)
    for name in (*REPLACED, "lane_change.waves"):
        path = tuple(name.split("."))
        if document.at(path) is not None:
            said = f"{name} and recorded exclude each other: the recording has its own"
            faults.append(document.place_of_key(path).fault(said, "remove one of them"))
    scene = _scene(scenario.recorded, document, faults)
    if scene is None or len(faults) > found:
        return None, ()
    return _completed(scenario, document, scene, faults)


def _scene(recorded: Recorded, document: Document, faults: list[documents.Fault]) -> Scene | None:
    path, place = Path(recorded.file), document.place(("recorded", "replace"))
    try:
        numbers = [track.number for track in file.read(path).tracks]
        if recorded.replace not in numbers:
            meant = suggestion(str(recorded.replace), [str(each) for each in numbers])
            hint = f"did you mean {meant}? " if meant else ""
            said = f"recorded.replace names a car that does not move in {path.name}: {recorded.replace}"
            faults.append(place.fault(said, f"{hint}{_changing(path)}"))
            return None
        scene = scene_of(recorded)
    except InputError as error:
        faults += error.faults
        return None
    if scene.home == scene.goal and document.at(("lane_change", "wishes")) is None:
        said = f"recorded.replace names a car that stays in its lane: {recorded.replace}"
        faults.append(place.fault(said, _changing(path)))
    return scene


def _changing(path: Path) -> str:
    numbers = [str(each) for each in lanes.changes(path)]
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"those that change lanes are {', '.join(numbers[:SHOWN]) or 'none'}{more}"


def _completed(
    scenario: LaneChangeScenario, document: Document, scene: Scene, faults: list[documents.Fault]
) -> tuple[LaneChangeScenario, tuple[str, ...]]:
    assert scenario.recorded is not None
    begins, warnings = scenario.recorded.lead_in, []
    most = begins + scene.duration
    if document.at(("duration",)) is not None and scenario.duration > most:
        warnings.append(f"duration is {most:g} s: then the recording ends")
    if scene.left_out:
        warnings.append(f"{scene.left_out} recorded cars are left out, which come least near to the replaced one")
    duration = min(scenario.duration, most) if document.at(("duration",)) is not None else most
    function, goal = scenario.lane_change, Wish(vehicle=OURS, time=begins, lane=scene.goal)
    wishes = (goal,) if function.wishes is None else function.wishes
    for index, wish in enumerate(wishes):
        for name, value, most_of in (("vehicle", wish.vehicle, 0), ("lane", wish.lane, scene.road.lanes - 1)):
            if value > most_of:
                said = f"lane_change.wishes[{index}].{name} is from 0 to {most_of} in this recording, found {value}"
                faults.append(document.place(("lane_change", "wishes", index, name)).fault(said))
    if begins >= duration:
        said = f"recorded.lead_in lasts until the end of the scenario, at {duration:g} s"
        faults.append(document.place(("recorded", "lead_in")).fault(said))
    update = {"vehicles": len(scene.numbers), "duration": duration}
    changed = function.model_copy(update={"wishes": wishes})
    return scenario.model_copy(update={**update, "lane_change": changed}), tuple(warnings)
