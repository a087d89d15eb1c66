"""A lane that ends: who is in it leaves it, or stops before its end."""

import pytest
from pyarrow import parquet

from karyon.control.lateral import Steering
from karyon.sim import documents, kinds
from karyon.sim.documents import InputError
from karyon.sim.lanes.merging import measured

END = 420.0  # m
FEW = ["vehicles=4", "road={lanes: 2, lane_end: {lane: 0, opens: 60 m, at: 420 m}}", "traffic.speed=20"]


def run(*settings, folder=None, seed=1):
    return kinds.simulate([kinds.read("merge", [*FEW, *settings], seed)], [folder])[0]


def is_safe(result):
    return not any(goal["violated"] for goal in result.summary["safety_goals"].values())


def test_at_level_0_cars_stop_before_the_end_and_it_is_said(tmp_path):
    """The first one stands far enough from it to move over later; and somebody is told that the demand is not met."""
    result = run("lane_change.max_los=0", "duration=32", folder=tmp_path / "run")
    assert is_safe(result)
    assert result.summary["metrics"]["stuck_at_lane_end"] == 2
    assert "2 cars stand at the end of lane 0, and found no gap: more than the road takes" in result.warnings
    table = parquet.read_table(tmp_path / "run" / "trace.parquet").to_pandas()
    ended = table[(table.lane == 0) & (table.time == table.time.max())]
    front = ended.along.max() + 0.5 * ended.length.iloc[0]
    assert END - 40.0 < front < END - 20.0
    assert ended.speed.max() < 0.5


@pytest.mark.parametrize(("lane", "beside"), [(0, 1), (1, 0)])
def test_cars_leave_the_lane_before_it_ends(lane, beside, tmp_path):
    """Whichever side it is on, by asking for a gap; not before it may be left."""
    road = f"road={{lanes: 2, lane_end: {{lane: {lane}, opens: 60 m, at: 500 m}}}}"
    result = run(road, "duration=40", folder=tmp_path / "run")
    metrics = result.summary["metrics"]
    assert is_safe(result)
    assert metrics["lane_changes_wanted"] == metrics["lane_changes_done"] == 2
    assert metrics["stuck_at_lane_end"] == 0
    table = parquet.read_table(tmp_path / "run" / "trace.parquet").to_pandas()
    assert (table[table.along > 500.0].lane == beside).all()
    assert (table[(table.vehicle % 2 == lane) & (table.along < 60.0)].moving == 0).all()


def test_who_stands_at_the_end_lets_pass_who_is_too_near_behind():
    """With this seed one that had granted it the gap came to stand 2 m behind it, and both stood there for good."""
    metrics = kinds.simulate([kinds.read("merge", [], 7)], [None])[0].summary["metrics"]
    assert metrics["lane_changes_done"] == metrics["lane_changes_wanted"] == 4
    assert metrics["stuck_at_lane_end"] == 0


def test_nobody_wishes_to_come_into_a_lane_that_ends():
    """Drawn wishes lead elsewhere, and one that is written down is refused."""
    result = run("lane_change.waves={first: 2 s, every: 2 s, cars: 4}", "duration=30")
    assert not [each for each in result.events if each["kind"] == "wish" and each["lane"] == 0]
    with pytest.raises(InputError) as error:
        kinds.read("merge", ["lane_change={wishes: [{vehicle: 1, time: 5 s, lane: 0}]}"])
    assert "0 is the lane that ends" in documents.report(error.value.faults, "nothing was run")


def test_a_car_that_stops_blind_brakes_no_harder_than_it_has_declared(tmp_path):
    """It takes off its speed what it has braked; else it would take itself to be as fast as ever."""
    blind = "faults=[{vehicle: 0, component: perception, mode: hang, onset: 5, duration: 9}]"
    given = ["duration=15", "vehicles=2", "traffic.speed=28", "lane_change.waves={cars: 0}", blind]
    kinds.simulate([kinds.read("lane_change", given, 1)], [tmp_path / "run"])
    table = parquet.read_table(tmp_path / "run" / "trace.parquet").to_pandas()
    own = table[table.vehicle == 0]
    assert own[own.time > 13.0].speed.max() < 3.0
    assert -6.0 <= own.acceleration.min() < -3.0


def test_cooperation_is_quicker_and_takes_less_speed_off_all_cars():
    """Two runs of the shipped merge: less than half of the wait at LoS 1, and of what all cars brake."""
    alone, agreed = (measured([f"lane_change.max_los={level}"], 2) for level in (1, 3))
    assert agreed["done"].sum() == agreed["wanted"].sum() == 8
    assert agreed["wait"].sum() < 0.5 * alone["wait"].sum()
    braked = [each["through"].sum() + each["ramp"].sum() for each in (alone, agreed)]
    assert braked[1] < 0.5 * braked[0]


def test_nobody_stands_half_out_of_the_lane_beside_one_at_its_end():
    """With this seed one did, for good, and four cars behind: the one ahead could not move over, nor it pass."""
    dense = ["vehicles=24", "duration=90", "lane_change.max_los=1"]
    metrics = kinds.simulate([kinds.read("merge", dense, 0)], [None])[0].summary["metrics"]
    assert metrics["stuck_at_lane_end"] == 0


def test_two_gaps_side_by_side_are_given_at_once(tmp_path):
    """Who is behind one and before the other gives the one only."""
    kinds.simulate([kinds.read("merge", ["duration=25"], 2)], [tmp_path / "run"])
    table = parquet.read_table(tmp_path / "run" / "trace.parquet").to_pandas()
    place, reserved = (
        table.pivot_table(index="time", columns="vehicle", values=name) for name in ("along", "reserved")
    )

    def both(front, between, rear):
        order = (place[front] > place[between]) & (place[between] > place[rear])
        return (order & (reserved[front] == 1) & (reserved[rear] == 1)).any()

    assert both(0, 4, 3) or both(3, 7, 6)


def test_a_slow_car_moves_over_slowly():
    """No further out of its lane than one in five, so that it does not stand across it."""
    steering = Steering()
    assert steering.sideways(1.0) == pytest.approx(0.2)
    assert steering.sideways(30.0) == 1.2
