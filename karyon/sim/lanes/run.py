"""A run of lane changes from its file to its files."""

from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path

from karyon.kernel import Design
from karyon.sim import documents
from karyon.sim.documents import Document, InputError
from karyon.sim.lanes import traffic
from karyon.sim.lanes.scenario import COMFORT, FOLLOWING, FUNCTION, RUN_UP, LaneChangeScenario
from karyon.sim.lanes.simulation import Simulation
from karyon.sim.outside import ALONE, is_bench
from karyon.sim.run import Progress, Result, carry_out, without_effect
from karyon.sim.scenario import Draft, Loaded, given, parsed, plain, written
from karyon.sim.shipped import portable

NUMBERS = ("reaction_time", "margin")  # of the controller of each level


def checked(found: Draft, over_design: Document | None = None) -> Loaded[LaneChangeScenario]:
    """The scenario of a draft; `over_design` is laid on its safety design.

    Raises InputError with all that is wrong with the scenario and its safety design.
    """
    faults: list[documents.Fault] = []
    scenario, document, text, design = parsed(found, LaneChangeScenario, FUNCTION, over_design, faults)
    if design is not None:
        faults += _lacking(design, document)
    if scenario is not None and design is not None and scenario.recorded is None:
        faults += _placed_badly(scenario, design, document)
    if scenario is not None and is_bench(scenario.sensors):
        said = "sensors are `from: mqtt`, and lane changes are simulated alone"
        faults.append(document.place(("sensors",)).fault(said))
    told: tuple[str, ...] = ()
    if scenario is not None and scenario.recorded is not None:
        scenario, told = traffic.recorded(scenario, document, faults)
    if faults or scenario is None or design is None:
        raise InputError(documents.in_order(faults))
    return Loaded(
        scenario, design, found.path.stem, found.path, found.text, text, (*_warnings(scenario, design), *told)
    )


def _lacking(design: Design, document: Document) -> list[documents.Fault]:
    """What a design lacks to keep the distance in the lane, and to say how large a gap must be."""
    place, names = document.place(("safety",)), [function.name for function in design.functions]
    if FOLLOWING not in names:
        return [place.fault(f"safety names a design without the function `{FOLLOWING}`, it has {', '.join(names)}")]
    return [
        place.fault(
            f"safety names a design whose {FUNCTION} LoS {number} has no number `{name}` in its controller",
            "reaction_time in s and margin in m say how large a gap must be",
        )
        for number, level in enumerate(design.function(FUNCTION).levels if FUNCTION in names else ())
        for name in NUMBERS
        if not isinstance(level.controller.get(name), float | int)
    ]


def _placed_badly(scenario: LaneChangeScenario, design: Design, document: Document) -> list[documents.Fault]:
    """That cars begin nearer to each other than is safe, or where they cannot stop any more before their lane ends."""
    traffic, end, faults = scenario.traffic, scenario.road.lane_end, []
    levels = [level for function in design.functions if function.name == FOLLOWING for level in function.levels]
    reacts = max((level.reaction_time or 0.0 for level in levels), default=0.0)
    if traffic.time_gap < reacts:
        said = f"traffic.time_gap is {traffic.time_gap:g} s, and cars react within {reacts:g} s: they begin too near"
        faults.append(document.place(("traffic", "time_gap")).fault(said, f"{reacts:g} s at least"))
    if end is not None:
        speed = traffic.speed + traffic.faster * end.lane
        each = 2.0 + scenario.vehicle.length + speed * (traffic.time_gap + traffic.time_gap_spread)
        stops = speed * speed / (2.0 * COMFORT) + RUN_UP
        if end.at < (reach := ceil(scenario.vehicles / scenario.road.lanes) * each + stops):
            said = f"road.lane_end.at is {end.at:g} m, and cars begin so far along that lane that they could not stop"
            hint = f"fewer cars, smaller gaps, or {reach:.0f} m at least"
            faults.append(document.place(("road", "lane_end", "at")).fault(said, hint))
    return faults


def _warnings(scenario: LaneChangeScenario, design: Design) -> tuple[str, ...]:
    found = []
    for name, limit in ((FOLLOWING, scenario.acc.max_los), (FUNCTION, scenario.lane_change.max_los)):
        highest = len(design.function(name).levels) - 1
        if limit is not None and limit > highest:
            found.append(f"{name}.max_los limits nothing: the design ends at LoS {highest}")
    return tuple(found)


def dump(loaded: Loaded[LaneChangeScenario]) -> str:
    """The scenario as YAML with its defaults and overrides; in any folder it is read as an equal one."""
    data = loaded.scenario.model_dump(mode="json", by_alias=True)
    data["safety"] = portable(data["safety"])
    if loaded.scenario.recorded is not None:
        data = {name: value for name, value in data.items() if name not in traffic.REPLACED}
    faults = data.pop("faults")
    data = plain(data)
    for sensor in data["sensors"].values():
        for name in ALONE:
            sensor.pop(name, None)
    data["faults"] = [given(fault) | fault["parameters"] for fault in faults]
    return written(loaded.name, data)


def _unmet(scenario: LaneChangeScenario, stuck: int) -> list[str]:
    """That more cars would leave the lane that ends than there is room for, in words."""
    if not stuck or scenario.road.lane_end is None:
        return []
    cars = "1 car stands" if stuck == 1 else f"{stuck} cars stand"
    return [f"{cars} at the end of lane {scenario.road.lane_end.lane}, and found no gap: more than the road takes"]


def begin(batch: Sequence[Loaded[LaneChangeScenario]], out: Sequence[Path | None]) -> Simulation:
    """The simulation of runs side by side, before its first instant. Raises OSError."""
    return Simulation([one.scenario for one in batch], batch[0].design, out)


def simulate(
    batch: Sequence[Loaded[LaneChangeScenario]],
    out: Sequence[Path | None],
    progress: Progress | None = None,
    attend: Callable[[Simulation], object] | None = None,
) -> list[Result]:
    """Runs side by side, each into its own folder of `out` (None: no files, no trace), as `karyon.sim.run.simulate`.

    Raises OSError, and InputError for the folder of a campaign; nothing half-written stays under a final name.
    """

    def told(simulation: Simulation, run: int) -> list[str]:
        stuck = simulation.metrics.stuck_at_lane_end(run)
        changed = simulation.sensing.injector.changed() | simulation.components.skipped
        changed = changed | simulation.attackers.changed() | simulation.speech.changed
        return [*_unmet(batch[run].scenario, stuck), *without_effect(batch[run], run, changed)]

    return carry_out(batch, out, lambda: begin(batch, out), told, dump, progress, attend)
