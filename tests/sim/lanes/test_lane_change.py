"""Lane changes end to end: who asks, who gives way, what fails, and what is left behind."""

import json

import numpy as np
import pytest
from pyarrow import parquet

from karyon.sim import documents, kinds
from karyon.sim.documents import InputError
from karyon.sim.view import plot

WISHES = [(1, 0), (3, 1), (5, 1), (8, 1)]  # some cars of different lanes, to the same lane
SHORT = [
    "duration=24",
    "lane_change={wishes: [" + ", ".join(f"{{vehicle: {car}, time: 4, lane: {lane}}}" for car, lane in WISHES) + "]}",
]


def run(*settings, seed=1, folder=None):
    """One run of the shipped scenario."""
    return kinds.simulate([kinds.read("lane_change", [*SHORT, *settings], seed)], [folder])[0]


def of_kind(result, kind):
    return [event for event in result.events if event["kind"] == kind]


def is_safe(result):
    return not any(goal["violated"] for goal in result.summary["safety_goals"].values())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run without loss, and its folder."""
    folder = tmp_path_factory.mktemp("lane_change") / "run"
    return run(folder=folder), folder


def test_cars_that_ask_get_their_lane(undisturbed):
    """At the levels at which they may; the wish, the grants, the manoeuvre and its end are told in this order."""
    result, _ = undisturbed
    metrics = result.summary["metrics"]
    assert is_safe(result)
    assert metrics["lane_changes_wanted"] == len(of_kind(result, "wish")) == 4
    assert metrics["lane_changes_done"] >= 2
    assert any("all have granted" in event["text"] for event in of_kind(result, "cooperation"))
    assert metrics["by_level"]["3"]["done"] >= 1


def test_the_files_say_what_has_happened(undisturbed):
    """Every car at each instant in the trace, with the lanes that it has been in; summary and events as told."""
    result, folder = undisturbed
    table = parquet.read_table(folder / "trace.parquet").to_pandas()
    assert len(table) == 12 * 241
    assert json.loads((folder / "summary.json").read_text())["metrics"] == result.summary["metrics"]
    arrived = [each for each in of_kind(result, "manoeuvre") if "is in lane" in each["text"]]
    for event in arrived:
        lanes = table[table.vehicle == event["vehicle"]].lane.to_numpy()
        assert len(set(lanes)) > 1
    again = kinds.read(folder / "scenario.yaml")
    assert again.scenario == kinds.read("lane_change", SHORT, 1).scenario


def test_a_run_has_the_same_bits_alone_and_in_a_batch(undisturbed):
    """Whatever fails in the runs beside it."""
    alone, _ = undisturbed
    beside = ["faults=[{vehicle: all, component: radio, mode: hang, onset: 5, duration: 9}]"]
    batch = [kinds.read("lane_change", [*SHORT, *beside], 2), kinds.read("lane_change", SHORT, 1)]
    found = kinds.simulate(batch, [None, None])[1]
    assert found.events == alone.events
    drop = {"wall"}
    assert {k: v for k, v in found.summary.items() if k not in drop} == {
        k: v for k, v in alone.summary.items() if k not in drop
    }


def test_without_a_word_cars_change_by_their_own_sensors():
    """No level above 1 beside others, no grants; and it takes longer, as a gap must be larger and is not opened."""
    silent = run("radio.loss=1")
    assert is_safe(silent)
    assert not [each for each in of_kind(silent, "cooperation") if "all have granted" in each["text"]]
    assert silent.summary["functions"]["lane_change"]["los_share"]["1"] > 0.8


@pytest.mark.requirement("LFR2", "LTR6")
def test_below_level_1_cars_keep_their_lanes():
    """Level 0 of the design; nobody is done, and all wait to the end."""
    held = run("lane_change.max_los=0")
    assert held.summary["metrics"]["lane_changes_done"] == 0
    assert not of_kind(held, "manoeuvre")


@pytest.mark.requirement("LFR2", "LTR6")
def test_a_car_whose_sensor_fails_falls_back_and_keeps_its_lane():
    """A drift of the distance behind shows; until it is believed again the car does not move over."""
    fault = "faults=[{vehicle: all, signal: gap.rear.distance, mode: drift, onset: 6, duration: 9, rate: 3}]"
    result = run(fault)
    assert is_safe(result)
    assert not result.warnings
    falls = [each for each in of_kind(result, "los") if each.get("rule") == "validity(gap.rear.distance) >= 0.8"]
    assert len(falls) >= 6
    assert {each["cause"] for each in falls} == {"fault"}


def test_a_liar_harms_nobody():
    """What it says is held against what is seen, and a grant that it does not keep opens no gap."""
    lies = ("wrong_position, offset: 12", "wrong_speed, offset: -6", "lie_high")
    faults = [f"faults=[{{vehicle: 4, signal: own.message, mode: {lie}, onset: 3}}]" for lie in lies]
    batch = [kinds.read("lane_change", [*SHORT, fault], 1) for fault in faults]
    results = kinds.simulate(batch, [None] * len(batch))
    assert all(map(is_safe, results))
    assert not any(result.warnings for result in results)


def test_a_run_is_drawn_with_all_of_its_cars(undisturbed):
    """One figure in three formats; there is none of a single car."""
    _, folder = undisturbed
    assert {path.name for path in plot.plot(folder)} == {"lanes.png", "lanes.svg", "lanes.pdf"}
    assert (folder / "lanes.png").stat().st_size > 10_000
    with pytest.raises(plot.RunError, match="one figure of all vehicles"):
        plot.plot(folder, car=3)


BAD = {
    "a car that is not there": ("lane_change.wishes=[{vehicle: 12, time: 5, lane: 1}]", "12 is not in the scenario"),
    "a lane beside the road": ("lane_change.wishes=[{vehicle: 1, time: 5, lane: 3}]", "3 is beside the road"),
    "a wish after the end": ("lane_change.wishes=[{vehicle: 1, time: 60, lane: 1}]", "is not before the end"),
    "wishes in two ways": (
        "lane_change={wishes: [{vehicle: 1, time: 5, lane: 1}], waves: {cars: 2}}",
        "and lane_change.wishes exclude each other",
    ),
    "a road without length": ("road.pieces=[]", "a road without length"),
    "a curve that no car can take": ("road.pieces=[{length: 1 km, radius: 20 m}]", "has 50 m or more"),
    "a lane in the middle that ends": ("road.lane_end={lane: 1, at: 900 m}", "1 is not at the edge of the road"),
    "a lane that ends as soon as it may be left": (
        "road.lane_end={lane: 0, opens: 850 m, at: 900 m}",
        "50 m behind where the lane may be left",
    ),
    "cars that begin where a lane has ended": (
        "road.lane_end={lane: 0, at: 300 m}",
        "so far along that lane that they could not stop",
    ),
    "cars that begin too near": ("traffic.time_gap=0.1", "they begin too near"),
    "one lane": ("road.lanes=1", "from 2 to 8"),
    "a fault of another kind": (
        "faults=[{vehicle: 1, signal: platoon.leader.message, mode: omission, onset: 3}]",
        "is the name of a signal",
    ),
    "an attack on a platoon": ("faults=[{vehicle: 1, signal: own.message, mode: equivocation, onset: 3}]", "platoon"),
    "a real sensor": ("sensors.own.speed.from=mqtt", "lane changes are simulated alone"),
    "a misspelt field": ("lane_change.max_lost=2", "did you mean `max_los`?"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused_in_words(case):
    """With its place and what was expected."""
    setting, said = BAD[case]
    with pytest.raises(InputError) as error:
        kinds.read("lane_change", [setting])
    assert said in documents.report(error.value.faults, "nothing was run")


def test_a_design_for_something_else_is_refused():
    """It lacks the function, and says which ones it has."""
    with pytest.raises(InputError, match="without the function `lane_change`, it has acc"):
        kinds.read("lane_change", ["safety=safety/acc.yaml"])


def test_a_fault_of_a_gap_is_refused_in_car_following():
    """There is no gap beside the lane."""
    with pytest.raises(InputError, match="is the name of a signal"):
        kinds.read("acc_profile", ["faults=[{vehicle: 1, signal: gap.rear.distance, mode: omission, onset: 3}]"])


@pytest.mark.requirement("LFR4", "LTR1", "LTR2", "LTR3", "LTR4")
def test_the_bounds_of_the_design_hold_for_every_signal_that_its_rules_name():
    """As `karyon check` tells; nothing is beyond its FTTI but what no check can see."""
    report = kinds.analysed(kinds.read("lane_change"))
    items = {row.item for row in report.rows}
    assert {"gap.front.distance", "gap.rear.relative_speed", "gap.rear.message", "front.distance", "radio"} <= items
    assert not report.failed


def test_everybody_stays_on_the_road(undisturbed):
    """And nobody is further to the side than its lane change asks for."""
    _, folder = undisturbed
    lateral = parquet.read_table(folder / "trace.parquet").column("lateral").to_numpy()
    assert lateral.min() > -0.4
    assert lateral.max() < 7.4
    assert np.isfinite(lateral).all()
