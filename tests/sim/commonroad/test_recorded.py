"""One recorded car is ours: on made-up roads, where it is known what must come of it, and in the recorded traffic."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pyarrow import parquet

from karyon.sim import kinds
from karyon.sim.commonroad import lanes
from karyon.sim.commonroad.study import outcomes
from karyon.sim.documents import InputError
from karyon.sim.view import plot
from tests.sim.commonroad import made

pytest.importorskip("commonroad")
DATA = Path(os.environ.get("KARYON_DATA", "")) / "commonroad_ngsim"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="KARYON_DATA has no commonroad_ngsim")
CHANGES = made.car(7, made.changing(0.0, 2.0, (1, 0), 20.0), 0.0, 8.0)


def loaded(folder, road, replaced, kind="lane_change", more="", seed=1):
    path = folder / "scenario.yaml"
    recorded = f"recorded: {{file: {road.name}, replace: {replaced}}}"
    path.write_text(f"kind: {kind}\n{recorded}\n{more}safety: safety/{kind}.yaml\n", "utf-8")
    return kinds.read(path, seed=seed)


def run(*arguments, out=None, **more):
    return kinds.simulate([loaded(*arguments, **more)], [out])[0]


def told(result, kind):
    return [event["text"] for event in result.events if event["kind"] == kind]


def is_safe(result):
    return not any(goal["violated"] for goal in result.summary["safety_goals"].values())


def refused(*arguments, **more):
    with pytest.raises(InputError) as error:
        loaded(*arguments, **more)
    return [fault.message for fault in error.value.faults], [fault.hint for fault in error.value.faults]


def test_ours_changes_lanes_where_the_recorded_one_did(tmp_path):
    """Its goal is its forerunner's, its start too; the others are where they were recorded; the figure is drawn."""
    others = made.car(8, made.straight(40.0, 0, 20.0), 0.0, 8.0) + made.car(9, made.straight(-60.0, 0, 20.0), 1.0, 6.0)
    road = made.road(tmp_path / "road.xml", CHANGES + others)
    result = run(tmp_path, road, 7, out=tmp_path / "out")
    metrics = result.summary["metrics"]
    assert (metrics["replaced"], metrics["lanes"], metrics["forced_violations"]) == (7, [1, 0], 0)
    assert metrics["recorded_reached"] == pytest.approx(4.0, abs=0.1)  # half of the way from one middle to the other
    assert metrics["reached"] < 6.0
    assert is_safe(result)
    assert told(result, "recorded") == ["takes the place of recorded car 7"]
    rows = parquet.read_table(tmp_path / "out" / "trace.parquet").to_pandas()
    at = rows[np.isclose(rows["time"], 4.0)].set_index("vehicle")  # 2 s after the lead-in
    assert_allclose(at.loc[1, ["x", "y"]].astype(float), [40.0 + 20.0 * 2.0 + 0.5 * made.LENGTH, 0.0], atol=0.02)
    assert_allclose(at.loc[2, "x"], -60.0 + 20.0 * 2.0 + 0.5 * made.LENGTH, atol=0.02)
    assert rows[(rows["vehicle"] == 2)]["time"].agg(["min", "max"]).tolist() == pytest.approx([3.0, 8.0])
    begins = rows[(rows["vehicle"] == 0) & np.isclose(rows["time"], 2.0)].iloc[0]
    assert_allclose([begins["x"], begins["y"], begins["speed"]], [0.5 * 4.5, made.LANE, 20.0], atol=0.05)
    assert {path.name for path in plot.plot(tmp_path / "out")} == {"lanes.png", "lanes.svg", "lanes.pdf"}
    again = kinds.read(tmp_path / "out" / "scenario.yaml")
    assert again.scenario == loaded(tmp_path, road, 7).scenario


def test_a_parked_car_is_in_the_traffic(tmp_path):
    """In the lane of ours, 130 m ahead: ours leaves the lane, or brakes in time."""
    moving = made.car(9, made.straight(130.0, 1, 0.0), 0.0, 0.2)
    states = moving.split("<initialState>")[1].split("</initialState>")[0]
    size = f"<length>{made.LENGTH}</length><width>{made.WIDTH}</width>"
    parked = f'<staticObstacle id="9"><type>parkedVehicle</type><shape><rectangle>{size}</rectangle></shape>'
    parked += f"<initialState>{states}</initialState></staticObstacle>"
    result = run(tmp_path, made.road(tmp_path / "road.xml", CHANGES + parked), 7, out=tmp_path / "out")
    assert is_safe(result)
    rows = parquet.read_table(tmp_path / "out" / "trace.parquet", filters=[("vehicle", "=", 1)]).to_pandas()
    assert len(rows) == 121
    assert_allclose(rows["x"], 130.0 + 0.5 * made.LENGTH, atol=1e-6)


def test_a_run_has_the_same_bits_alone_and_beside_others(tmp_path):
    road = made.road(tmp_path / "road.xml", CHANGES + made.car(8, made.straight(40.0, 0, 20.0), 0.0, 8.0))
    scenarios = [loaded(tmp_path, road, 7, seed=seed) for seed in (3, 4, 5)]
    together, (alone,) = kinds.simulate(scenarios, [None] * 3), kinds.simulate(scenarios[1:2], [None])
    summaries = [{**result.summary, "wall": 0.0} for result in (together[1], alone)]
    assert summaries[0] == summaries[1]
    assert together[1].events == alone.events


def test_a_recorded_car_that_drives_into_ours_has_forced_it(tmp_path):
    """Ours falls back behind a slow car; who was 14 m behind its forerunner goes on at its own speed."""
    slow, behind = made.straight(45.0, 1, 14.0), made.straight(-18.5, 1, 20.0)
    road = made.road(tmp_path / "road.xml", CHANGES + made.car(8, slow, 0.0, 8.0) + made.car(9, behind, 0.0, 8.0))
    result = run(tmp_path, road, 7)
    assert is_safe(result)
    assert result.summary["metrics"]["forced_violations"] > 0
    assert "car 9 drives up behind ours as it was recorded, and does not react" in told(result, "forced")[0]


def test_who_is_too_near_from_the_first_instant_on_was_recorded_like_that(tmp_path):
    near = made.car(8, made.straight(made.LENGTH + 1.0, 1, 20.0), 0.0, 8.0)
    result = run(tmp_path, made.road(tmp_path / "road.xml", CHANGES + near), 7)
    assert is_safe(result)
    said = told(result, "forced")
    assert any("car 8 was recorded like that" in each for each in said)


def test_what_ours_does_wrong_is_not_excused(tmp_path):
    """Without its kernel, and with a radar that sees nobody any more, it drives into a car that brakes gently."""
    slows = made.car(8, made.straight(40.0, 1, 20.0, -2.5), 0.0, 8.0)
    stays = made.car(7, made.straight(0.0, 1, 20.0), 0.0, 8.0)
    faulty = "faults: [{vehicle: 0, signal: front.distance, mode: stuck_at, value: 140 m, onset: 2 s}, "
    faulty += "{vehicle: 0, signal: front.relative_speed, mode: stuck_at, value: 0, onset: 2 s}]\n"
    more = "kernel: {enabled: false}\nlane_change: {wishes: []}\n" + faulty
    result = run(tmp_path, made.road(tmp_path / "road.xml", slows + stays), 7, more=more)
    assert result.summary["collisions"] >= 1
    assert result.summary["metrics"]["forced_violations"] == 0
    assert not is_safe(result)


def test_ours_crosses_after_who_crosses_its_way(tmp_path):
    """Straight on to the north; another one comes from the west a little earlier than its forerunner would be there."""
    cars = made.car(7, made.northwards(-60.0, 10.0), 0.0, 12.0) + made.car(8, made.eastwards(-47.0, 10.0), 0.0, 12.0)
    road = made.crossing(tmp_path / "crossing.xml", cars)
    result = run(tmp_path, road, 7, kind="intersection", out=tmp_path / "out")
    metrics = result.summary["metrics"]
    assert is_safe(result)
    assert metrics["forced_violations"] == 0
    assert metrics["recorded_reached"] < metrics["reached"] < metrics["recorded_reached"] + 6.0
    assert "crossing.png" in {path.name for path in plot.plot(tmp_path / "out")}
    far = made.car(7, made.northwards(-60.0, 10.0), 0.0, 12.0) + made.car(8, made.eastwards(60.0, 10.0), 0.0, 12.0)
    free = run(tmp_path, made.crossing(tmp_path / "free.xml", far), 7, kind="intersection")
    assert free.summary["metrics"]["reached"] < metrics["reached"]


def test_a_recorded_car_that_drives_into_a_zone_that_ours_is_in_has_forced_it(tmp_path):
    """It comes at 4 m/s, from so far away that ours need not wait, and then drives on at 60 m/s."""

    def comes(t):
        return -75.0 + 4.0 * t + 56.0 * max(0.0, t - 3.3), -0.5 * made.LANE, 0.0, 4.0

    cars = made.car(7, made.northwards(-45.0, 10.0), 0.0, 8.0) + made.car(8, comes, 0.0, 8.0)
    result = run(tmp_path, made.crossing(tmp_path / "crossing.xml", cars), 7, kind="intersection")
    assert is_safe(result)
    assert any("car 8 drives into the zone in which ours has been for" in each for each in told(result, "forced"))


@pytest.mark.parametrize(
    ("replaced", "more", "message", "hint"),
    [
        (
            8,
            "",
            "recorded.replace names a car that stays in its lane: 8",
            "those that change lanes are 7",
        ),
        (
            77,
            "",
            "recorded.replace names a car that does not move in road.xml: 77",
            "those that change lanes are 7",
        ),
        (9, "", "car 9 ends beside all lanes: its path leaves the road", ""),
        (
            7,
            "vehicles: 5\n",
            "vehicles and recorded exclude each other: the recording has its own",
            "remove one of them",
        ),
        (
            7,
            "lane_change: {wishes: [{vehicle: 0, time: 2 s, lane: 3}]}\n",
            "lane_change.wishes[0].lane is from 0 to 2 in this recording, found 3",
            "",
        ),
        (7, "duration: 2 s\n", "recorded.lead_in lasts until the end of the scenario, at 2 s", ""),
    ],
)
def test_what_a_scenario_says_wrongly_of_a_recording_is_told(tmp_path, replaced, more, message, hint):
    def leaves(t):
        return 80.0 + 20.0 * t, made.LANE - 4.0 * max(0.0, t - 2.0), 0.0, 20.0

    cars = CHANGES + made.car(8, made.straight(40.0, 0, 20.0), 0.0, 8.0) + made.car(9, leaves, 0.0, 8.0)
    assert refused(tmp_path, made.road(tmp_path / "road.xml", cars), replaced, more=more) == ([message], [hint])


def test_a_car_that_crosses_nothing_has_no_crossing(tmp_path):
    road = made.road(tmp_path / "road.xml", CHANGES + made.car(8, made.straight(40.0, 0, 20.0), 0.0, 8.0))
    said = "car 7 crosses no lane within the recording: it has no crossing"
    assert refused(tmp_path, road, 7, kind="intersection") == ([said], [""])


def test_a_crossing_without_an_exit_is_told(tmp_path):
    """What is known of the way of the car, and 40 m more, ends among the lanes across."""
    cars = made.car(7, made.northwards(-60.0, 10.0), 0.0, 2.0) + made.car(8, made.eastwards(-90.0, 10.0), 0.0, 2.0)
    said = "car 7 does not come out of its crossing: that has no exit for it"
    assert refused(tmp_path, made.crossing(tmp_path / "road.xml", cars), 7, kind="intersection") == ([said], [""])


def test_zones_without_length_are_refused(tmp_path):
    """At the place where the scenario names the replaced car: another one crosses before it."""
    cars = made.car(7, made.northwards(-60.0, 10.0), 0.0, 12.0) + made.car(8, made.northwards(-82.0, 10.0), 0.0, 12.0)
    cars += made.car(9, lambda t: (-60.0 + 10.0 * t, -40.0, 0.0, 10.0), 0.0, 12.0)
    with pytest.raises(InputError) as error:
        loaded(tmp_path, made.crossing(tmp_path / "road.xml", cars), 7, kind="intersection")
    (zone,) = error.value.faults
    assert zone.message.startswith("the conflict zone of car 9 and car 7, which is replaced, has no length")
    assert (zone.line, zone.column) == (2, 37)
    assert zone.where.endswith("scenario.yaml")


def test_a_recording_longer_than_it_is_and_a_file_that_is_missing(tmp_path):
    alone = made.road(tmp_path / "alone.xml", CHANGES)
    assert refused(tmp_path, alone, 7)[0] == ["recorded.file has 1 moving car: there is no traffic in it"]
    road = made.road(tmp_path / "road.xml", CHANGES + made.car(8, made.straight(40.0, 0, 20.0), 0.0, 8.0))
    long = loaded(tmp_path, road, 7, more="duration: 60 s\n")
    assert long.scenario.duration == 12.0
    assert long.warnings == ("duration is 12 s: then the recording ends, and its lead-out",)
    road.unlink()
    assert refused(tmp_path, road, 7)[0] == ["recorded.file names a file that is not there: road.xml"]


def test_places_on_a_bent_road_and_back():
    """From the plane to the road and back is where one was, in a curve to the left and then to the right."""
    t = np.linspace(0.0, 1.0, 60)
    road = lanes.LaneletRoad(np.stack([400.0 * t, 40.0 * np.sin(2.0 * np.pi * t)], axis=1))
    draws = np.random.default_rng(3)
    s, d = draws.uniform(310.0, 650.0, 100), draws.uniform(-9.0, 9.0, 100)
    x, y, _ = road.plane(s, d)
    assert_allclose(road.places(np.stack([x, y], axis=1)), np.stack([s, d], axis=1), atol=1e-6)


@needs_data
def test_each_car_that_ngsim_lets_one_replace_arrives_and_breaks_nothing():
    found = [one for path in sorted(DATA.glob("USA*.xml.gz")) for one in outcomes(path, seeds=(0,))]
    assert {one.car for one in found} == {389, 1219, 1239, 1242, 1253}
    assert [one for one in found if one.reached is None or one.broken or one.forced] == []
    assert all(one.reached <= one.recorded_reached + 1.0 and one.level == 1 for one in found)


@needs_data
def test_dense_traffic_forces_much_and_excuses_nothing(tmp_path):
    """Car 380 wishes to change although nobody lets it: 384 drives into it, and through it."""
    file = DATA / "USA_US101-4_1_T-1.xml.gz"
    (tmp_path / "road.xml").symlink_to(file)
    more = "lane_change: {wishes: [{vehicle: 0, time: 2 s, lane: 2}]}\n"
    result = run(tmp_path, tmp_path / "road.xml", 380, more=more)
    assert is_safe(result)
    assert any("drives up behind ours" in each for each in told(result, "forced"))
    json.dumps(result.summary, allow_nan=False)
