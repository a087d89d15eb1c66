"""A scenario of lane changes in recorded traffic: what the recording says takes the place of what is made up."""

from pathlib import Path

from karyon.sim import documents
from karyon.sim.commonroad import checks, lanes
from karyon.sim.commonroad.lanes import Scene
from karyon.sim.commonroad.section import Recorded
from karyon.sim.commonroad.tracks import OURS
from karyon.sim.documents import Document
from karyon.sim.lanes.scenario import VEHICLES_MAX, LaneChangeScenario, Wish

REPLACED = ("vehicles", "road", "traffic")  # by the recording
CHANGE = "change lanes"


def scene_of(recorded: Recorded) -> Scene:
    """The lanes and the cars of a recording. Raises InputError."""
    return lanes.scene(Path(recorded.file), recorded.replace, recorded.lead_in, recorded.lead_out, VEHICLES_MAX)


def recorded(
    scenario: LaneChangeScenario, document: Document, faults: list[documents.Fault]
) -> tuple[LaneChangeScenario | None, tuple[str, ...]]:
    """The scenario with the number of cars, the duration and the wish that its recording has; and warnings.

    What is wrong is added to `faults`.
    """
    assert scenario.recorded is not None
    checks.refuse(document, (*REPLACED, "lane_change.waves"), faults)
    scene = checks.opened(scenario.recorded, document, faults, scene_of, lanes.changes, CHANGE)
    if scene is None:
        return None, ()
    wishes = scenario.lane_change.wishes
    if wishes is None and scene.home == scene.goal:
        said = f"recorded.replace names a car that stays in its lane: {scenario.recorded.replace}"
        hint = checks.listed(lanes.changes(Path(scenario.recorded.file)), CHANGE)
        faults.append(document.place(("recorded", "replace")).fault(said, hint))
    duration, warnings = checks.lasting(scenario.recorded, document, scenario.duration, scene.duration, faults)
    if scene.left_out:
        warnings.append(f"{scene.left_out} recorded cars are left out, which come least near to the replaced one")
    goal = Wish(vehicle=OURS, time=scenario.recorded.lead_in, lane=scene.goal)
    wishes = (goal,) if wishes is None else wishes
    _fit(wishes, scene, document, faults)
    if scene.under_way:
        said = "moves over already at its first instant: ours begins anew from the lane that it leaves"
        warnings.append(f"car {scenario.recorded.replace} {said}")
    function = checks.without_words(scenario.lane_change).model_copy(update={"wishes": wishes})
    update = {"vehicles": len(scene.numbers), "duration": duration, "lane_change": function}
    return scenario.model_copy(update=update), tuple(warnings)


def _fit(wishes: tuple[Wish, ...], scene: Scene, document: Document, faults: list[documents.Fault]) -> None:
    """Add a fault for each wish of another car than ours, or for a lane that is not there."""
    for index, wish in enumerate(wishes):
        for name, value, most in (("vehicle", wish.vehicle, OURS), ("lane", wish.lane, scene.road.lanes - 1)):
            if value > most:
                said = f"lane_change.wishes[{index}].{name} is from 0 to {most} in this recording, found {value}"
                faults.append(document.place(("lane_change", "wishes", index, name)).fault(said))
