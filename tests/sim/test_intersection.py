"""A crossing: who is where, who may go, and that nothing that fails brings two cars into one zone."""

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely

from karyon.control.crossing import to_speed, to_stop
from karyon.kernel.timing import switch_bound
from karyon.perception.crossing import ACCELERATION, RATES, SIGNALS, SPEED, Sight, pace_gate
from karyon.perception.sensors import Samples
from karyon.sim import kinds
from karyon.sim.documents import InputError
from karyon.sim.intersection.agreement import A
from karyon.sim.intersection.backdrop import backdrop
from karyon.sim.intersection.design import INCONSISTENT, modes
from karyon.sim.intersection.driving import BEFORE_LINE, GENTLE, HARDEST
from karyon.sim.intersection.scenario import Scenario
from karyon.sim.roads.crossing import Layout, crossing, outlines, polylines
from karyon.sim.roads.paths import Path
from karyon.sim.scenario import cut
from karyon.sim.vehicle import move

LAYOUT = Layout(lane=3.5, approach=150.0, exit=60.0, corner=5.0)
WIDTH = 2.2
LEFT, STRAIGHT, RIGHT = 0, 1, 2


TURNING = replace(LAYOUT, turning=40.0)
LAYOUTS = pytest.mark.parametrize("layout", [LAYOUT, TURNING], ids=["one lane", "turning lanes"])


@pytest.fixture(scope="module")
def road():
    """The usual crossing."""
    return crossing(LAYOUT, WIDTH)


def test_a_path_is_as_long_as_the_way_along_it():
    """Chords of small steps add up to its length, and it ends with the heading of its turn."""
    path = Path.of((1.0, 2.0), 0.3, [(20.0, 0.0), (15.0, 0.1), (5.0, -0.2)])
    s = np.linspace(0.0, path.length, 4001)
    x, y, heading = path.at(s)
    assert np.hypot(np.diff(x), np.diff(y)).sum() == pytest.approx(40.0, abs=1e-3)
    assert heading[-1] == pytest.approx(0.3 + 1.5 - 1.0)
    with pytest.raises(ValueError, match="longer than 0 m"):
        Path.of((0.0, 0.0), 0.0, [(0.0, 0.0)])


@LAYOUTS
def test_zones_are_where_two_paths_are_too_near(layout):
    """By brute force: within a zone's ends some points of the two are near each other, and outside of them none is."""
    road = crossing(layout, WIDTH)
    for one in (LEFT, STRAIGHT, RIGHT):  # arm 0 stands for all: the crossing is the same from each
        for other in range(3, 12):
            s = np.arange(0.0, road.inside[one], 0.1)
            u = np.arange(0.0, road.inside[other] + 8.0, 0.1)
            mine = np.stack(road.paths.each[one].at(road.line + s)[:2], axis=1)
            theirs = np.stack(road.paths.each[other].at(road.line + u)[:2], axis=1)
            near = np.linalg.norm(mine[:, None] - theirs[None], axis=2).min(axis=1) < WIDTH
            if not road.conflicts[one, other]:
                assert not near.any()
                continue
            outside = (s < road.begins[one, other] - 0.3) | (s > road.ends[one, other] + 0.3)
            assert not near[outside].any()
            assert near[np.abs(s - road.begins[one, other]) < 0.6].any()
    assert np.array_equal(road.conflicts, road.conflicts.T)
    assert not road.conflicts[LEFT, 6 + LEFT]  # opposite ones turn left in front of each other
    assert road.conflicts[STRAIGHT, 6 + LEFT]


@pytest.mark.parametrize("turning", [0.0, 20.0])
@pytest.mark.parametrize("lane", [2.5, 6.0])
def test_every_zone_has_a_length_and_begins_behind_the_line(lane, turning):
    """Of the narrowest and widest roads with the sharpest corners that may be given, for the widest cars."""
    for width in (0.7, min(lane, 5.4)):  # m, clearance included
        road = crossing(Layout(lane, 150.0, 60.0, 3.0, turning), width)
        meet = np.isfinite(road.begins)
        assert np.array_equal(meet, road.conflicts)
        assert (road.begins[meet] > 0.0).all()
        assert meet[STRAIGHT, 3 + STRAIGHT]


@LAYOUTS
def test_cars_stay_on_the_road_that_is_drawn(layout):
    """All along every path, half a car to both sides; and each comes and goes on the right of its arm."""
    setting = [f"road.turning_lane={layout.turning}"]
    ground = shapely.Polygon(backdrop(kinds.read("intersection", setting).scenario.model_dump(by_alias=True)).ground[0])
    for path, line in enumerate(polylines(crossing(layout, WIDTH), 2.0)):
        assert ground.buffer(1e-6).contains(shapely.LineString(line).buffer(0.9, cap_style="flat")), path
    begins = [line[0] for line in polylines(crossing(layout, WIDTH))[:3]]
    assert {round(float(x), 2) for x, _ in begins} == {layout.through}


def test_who_turns_left_has_a_lane_of_its_own():
    """Straight on and to the right share one; where the two have parted neither is in the other's way."""
    road, apart = crossing(TURNING, WIDTH), crossing(TURNING, WIDTH).parts[:3, :3]
    assert (road.lane[:6].tolist(), road.lanes) == ([1, 0, 0, 3, 2, 2], 8)
    assert apart[LEFT, STRAIGHT] == pytest.approx(-TURNING.turning - 0.5 * TURNING.taper, abs=6.0)
    assert apart[STRAIGHT, RIGHT] > 0.0
    at_line = [road.paths.each[turn].at(np.array(road.line)) for turn in (LEFT, STRAIGHT)]
    assert [(round(float(x), 6), round(float(y), 6)) for x, y, _ in at_line] == [(0.0, -10.25), (3.5, -10.25)]


def test_a_window_gets_outlines_and_lines_in_metres(road):
    """Each zone lies in the crossing; each line begins on its arm and ends on the one that the path leaves by."""
    zones = outlines(road, WIDTH)
    assert zones.keys() == set(zip(*np.nonzero(np.triu(road.conflicts)), strict=True))
    assert max(np.abs(zone).max() for zone in zones.values()) <= LAYOUT.half + 2.0
    south_to_west = polylines(road)[LEFT]
    assert south_to_west[0] == pytest.approx([1.75, -158.5])
    assert south_to_west[-1] == pytest.approx([-68.5, 1.75])


def outcome(sets, seed=7, duration=45):
    loaded = kinds.read("intersection", [f"duration={duration}", *sets], seed)
    (result,) = kinds.simulate([loaded], [None])
    return result


@pytest.mark.requirement("XFR2", "XFR3")
@pytest.mark.parametrize(
    "sets",
    [
        (),
        ("radio.loss=0.5",),
        ("radio.loss=1",),
        ("intersection.max_los=0",),
        ("road.turning_lane=30", "radio.loss=0.4"),
        ("faults=[{vehicle: all, component: coordinator, mode: crash, onset: 20, duration: 15}]",),
        ("demand.silent=0.2", "pedestrians=[{arm: 1, time: 20, duration: 10}]", "emergencies=[{arm: 2, time: 15}]"),
    ],
    ids=str,
)
def test_nothing_brings_two_cars_into_one_zone(sets):
    """Whatever is lost, fails or walks about; cars pass, and nobody waits for ever."""
    result = outcome(sets)
    summary = result.summary
    function = summary["functions"]["intersection"]
    assert not [goal for goal, found in summary["safety_goals"].items() if found["violated"]], result.events
    assert 0.0 <= function["worst_switch_latency"] <= function["switch_bound"]
    assert summary["metrics"]["passed"] >= 2
    assert summary["metrics"]["stuck_vehicles"] == 0


PACE = pace_gate(0.05, 0.05, 1.0, 0.1)
COMES = np.array([True])


def sight_of(rows=1):
    """The checks of some cars."""
    return Sight(rows=rows, tolerated=1.2, age_limit=0.3, reach=100.0, pace=PACE)


def seen(values, *, renewed=(), further=0.0, late=range(0), lost=range(0)):
    """Whether the distance to the left is believed at each instant; its object stands still.

    values   m, by instant; `renewed`: instants of another object, by `further` (m) than the one before
    late     instants at which samples are three periods late
    lost     instants at which none comes
    """
    sight, believed = sight_of(), []
    for step, distance in enumerate(values):
        now = step * 100_000_000
        value = np.full((len(SIGNALS), 1), 1e-3 * (step % 7))  # noise: no sample is like the one before
        value[4] = distance if distance == 100.0 else distance + 1e-3 * (step % 7)
        value[5] *= distance < 100.0
        came = Samples(value, np.full(value.shape, now), np.ones(value.shape, dtype=bool))
        if step in late:
            came.value[4], came.time[4] = values[step - 3] + 1e-3 * (step % 7), now - 300_000_000
        came.fresh[4] = step not in lost
        other, by = np.zeros((5, 1), dtype=bool), np.zeros((5, 1))
        other[2], by[2] = step in renewed, further if step in renewed else 0.0
        believed.append(bool(sight.update(now, came, other, by, COMES & (step == 0)).validity[4, 0] > 0.5))
    return believed


def test_an_offset_is_doubted_of_the_next_object_too_until_it_jumps_back():
    """Also while nothing but the offset's first jump could have shown it; 3 s after the jump back it is believed."""
    values = [50.0 + (3.0 if 10 <= step < 30 else 0.0) + (25.0 if step >= 20 else 0.0) for step in range(70)]
    believed = seen(values, renewed=[20], further=25.0)
    assert believed[:59] == [True] * 10 + [False] * 49
    assert all(believed[61:])


def test_two_failures_that_cancel_out_are_doubted_on():
    """A distance that grows by 1 m/s, as its speed is wrong, and then jumps back by what it has grown, still grows."""
    values = [50.0 + 0.1 * max(0, step - 10) - (3.0 if step >= 40 else 0.0) for step in range(80)]
    assert not any(seen(values)[24:])


def test_an_offset_is_doubted_that_begins_with_the_next_object():
    """Its jump is told from the step to another object, which a sensor had in sight before it told of it."""
    values = [50.0] * 20 + [75.0 + 3.0] * 20
    assert seen(values, renewed=[20], further=25.0) == [True] * 20 + [False] * 20
    assert all(seen([50.0] * 20 + [75.0] * 20, renewed=[20], further=25.0))


def test_an_offset_that_grows_from_object_to_object_is_doubted():
    """Each is told 0.8 m further away than it is, on top of the one before: less than what is doubted of one."""
    believed = seen([50.0] * 10 + [75.8] * 10 + [101.6] * 10, renewed=[10, 20], further=25.0)
    assert believed == [True] * 20 + [False] * 10


def test_noise_of_speeds_does_not_add_up_to_a_doubt():
    """Not in twenty cars and 200 s; what is doubted is so for good."""
    rng, step = np.random.default_rng(1), 100_000_000
    sight, believed = sight_of(20), []
    same, nowhere = np.zeros((5, 20), dtype=bool), np.zeros((5, 20))
    for now in range(0, 3000 * step, step):
        value = 50.0 + rng.normal(0.0, 0.15, (len(SIGNALS), 20)) - (3.0 if now > 2000 * step else 0.0)
        value[5] = rng.normal(0.0, 0.1, 20)
        came = Samples(value, np.full(value.shape, now), np.ones(value.shape, dtype=bool))
        believed.append(sight.update(now, came, same, nowhere, ~same[0] & (now == 0)).validity[4] > 0.5)
    assert np.all(believed[:2001])
    assert not np.any(believed[2002:])


def test_what_is_clipped_where_there_is_nothing_is_stuck():
    """There a sensor says its own reach, and not the same distance again and again."""
    clipped = seen([100.0] * 10 + [15.1] + [15.1] * 9)
    assert not any(clipped[10:])
    sight, came = sight_of(), []
    for step in range(6):  # from the first sample on, too, where no jump shows it
        value, now = np.full((len(SIGNALS), 1), 15.1), step * 100_000_000
        samples = Samples(value, np.full(value.shape, now), np.ones(value.shape, dtype=bool))
        came.append(sight.update(now, samples, np.zeros((5, 1), dtype=bool), np.zeros((5, 1)), COMES).validity[4, 0])
    assert came[-1] == 0.0


@pytest.mark.parametrize("speed", [0.0, 3.0])
def test_who_has_a_speed_is_not_nobody(speed):
    """A distance stuck at nothing is doubted by that, and its rate: from the first sample on, too."""
    sight = sight_of()
    value = np.full((len(SIGNALS), 1), 100.0)
    value[list(RATES)] = speed
    samples = Samples(value, np.zeros(value.shape, dtype=np.int64), np.ones(value.shape, dtype=bool))
    validity = sight.update(0, samples, np.zeros((5, 1), dtype=bool), np.zeros((5, 1)), COMES).validity
    assert {name for name, each in zip(SIGNALS, validity, strict=True) if each == 1.0} == (
        {"own.position", "own.speed", "own.acceleration"} if speed else set(SIGNALS)
    )


def test_samples_that_were_late_do_not_excuse_an_offset():
    """What a distance should have changed is counted up to when it was measured, and not to when it came."""
    values = [50.0] * 10 + [57.0] * 50
    assert not any(seen(values, late=range(20, 40))[10:])
    assert all(seen([50.0] * 60, late=range(20, 40))[40:])


FOUND_LATE = {  # by seed: runs of the campaign `intersection_faults`, and the bound was over by then (s)
    8779174276485340901: "{vehicle: 5, signal: own.position, mode: offset, amplitude: -18.8, onset: 12.35}",
    1708769766996595538: "{vehicle: 5, signal: own.position, mode: offset, amplitude: 1.73, onset: 14.45}",
    3099959873979065509: "{vehicle: 0, signal: zone.left.distance, mode: saturation, high: 5.2, onset: 18.6}",
    4123047937195669673: "{vehicle: 4, signal: zone.right.distance, mode: offset, amplitude: -14.6, onset: 17.667}",
}


def test_what_fails_before_its_car_comes_or_as_another_one_comes_into_sight_is_found():
    """And what is clipped to a distance at which there is nothing."""
    loaded = [kinds.read("intersection", ["duration=60", f"faults=[{one}]"], seed) for seed, one in FOUND_LATE.items()]
    simulation = kinds.begin(loaded, [None] * len(loaded))
    simulation.run(lambda second: second < 20.0)
    assert [event for events in simulation.log.events for event in events if event["kind"] == "violation"] == []


def stopped(lasts, shift=0.0, slower=0.0, stuck=False):
    """How far behind the line one stops at the worst, m, that brakes gently and is misled at any time on its way.

    lasts   s: until level 0 has command; shift (m): its place is said to be so much before where it is; slower (m/s)
    """
    scenario = kinds.read("intersection").scenario
    lag, friction, top = scenario.vehicle.lag, scenario.vehicle.friction, scenario.road.speed_limit
    onset = np.arange(0.0, 16.0, 0.1)[:, None]  # s: some 100 m
    onset, lasts, shift, slower = np.broadcast_arrays(onset, lasts, shift, slower)
    s, speed = np.full(onset.shape, -100.0), np.full(onset.shape, top)
    acceleration, held = np.zeros((2, *onset.shape))
    for time in np.arange(0.0, 30.0, 0.1):
        misled = (time >= onset - 1e-9) & (time < onset + lasts - 1e-9)
        held = np.where(misled, held, -s)
        distance = np.where(misled & stuck, held, -s) + np.where(misled, shift, 0.0)
        believed = np.maximum(speed - np.where(misled, slower, 0.0), 0.0)
        brakes = to_stop(distance - BEFORE_LINE, believed, GENTLE, HARDEST)
        command = np.minimum(to_speed(believed, top, A, 3.0), brakes)
        s, speed, acceleration = move(s, speed, acceleration, command, 0.1, lag, friction)
    return float(s.max())


def test_a_distance_that_begins_anew_is_not_believed_until_it_has_shown_nothing():
    """Its object came while no sample did: what is wrong of it from the first one on has no jump."""
    values = [100.0] * 20 + [50.0] * 40 + [100.0] * 20
    believed = seen(values, renewed=[12, 60], further=np.nan, lost=range(10, 30))
    assert not any(believed[13:60])
    assert all(believed[60:])
    assert all(seen(values, renewed=[20, 60], further=np.nan))


def test_a_distance_is_not_carried_on_for_long():
    """Half a second without a sample: its object has not moved; after more it may be anywhere."""
    assert all(seen([50.0] * 40, lost=range(10, 12))[12:])
    assert not any(seen([50.0] * 40, lost=range(10, 15))[12:])


def test_an_error_that_shrinks_is_doubted_on():
    """Another one that grows the other way hides it, and will soon have passed it: nothing has jumped back."""
    values = [50.0 + (2.0 if step >= 10 else 0.0) - 0.02 * max(0, step - 10) for step in range(120)]
    assert not any(seen(values)[10:])


@pytest.mark.parametrize("fails", [False, True])
def test_a_speed_that_is_wrong_as_the_place_is_shows_in_own_acceleration(fails):
    """It sets off, takes its speed for half of what it is, and its place for that of a second ago: both lag alike."""
    sight, rng, believed = sight_of(), np.random.default_rng(1), []
    for step in range(50):
        now, t = step * 100_000_000, 0.1 * step
        gone, before = max(0.0, t - 2.0), max(0.0, t - 2.0 - (1.1 if fails else 0.0))
        value = np.full((len(SIGNALS), 1), 50.0) + rng.normal(0.0, 0.1, (len(SIGNALS), 1))
        value[list(RATES)] = rng.normal(0.0, 0.05, (len(RATES), 1))
        value[SPEED] += 2.0 * gone * (0.5 if fails else 1.0)
        value[SIGNALS.index("own.position")] += before**2
        value[ACCELERATION] = 2.0 * (gone > 0.0) + rng.normal(0.0, 0.05)
        came = Samples(value, np.full(value.shape, now), np.ones(value.shape, dtype=bool))
        validity = sight.update(now, came, np.zeros((5, 1), dtype=bool), np.zeros((5, 1)), COMES & (step == 0)).validity
        believed.append(bool(validity[SPEED, 0] > 0.5))
    assert all(believed[:20])
    assert all(believed) if not fails else not any(believed[30:])


def test_who_is_misled_for_as_long_as_the_design_allows_stops_before_the_first_zone(road):
    """By a place or a speed that is wrong by any amount; the hazard's 2 s would be too long for a place that jumps."""
    design = kinds.read("intersection").design
    found = {name: dict(modes(design, design.function("intersection"), name)) for name in ("own.position", "own.speed")}
    first = float(road.begins[road.conflicts].min())
    jumps, slower, cycle = np.linspace(-20.0, 20.0, 41), np.linspace(1.0, 10.0, 37), switch_bound(0.0, design.timing)
    assert stopped(switch_bound(found["own.position"]["offset"], design.timing), shift=jumps) < 0.1
    assert stopped(switch_bound(found["own.position"]["stuck_at"], design.timing), stuck=True) < 0.2
    assert found["own.speed"]["offset"] == pytest.approx(INCONSISTENT / 1.0 + 0.2)  # of 1 m/s: of more it is shorter
    assert stopped(cycle + 0.2 + INCONSISTENT / slower, slower=slower) < 0.6 * first
    assert stopped(1.0, shift=jumps) < first
    assert stopped(2.0, shift=jumps) > first


def test_what_never_worked_is_not_found():
    """A place that has been wrong since the run began shows in nothing: a limit that the documentation tells."""
    fault = "{vehicle: 1, signal: own.position, mode: offset, amplitude: 9, onset: %s}"
    runs = [kinds.read("intersection", ["duration=9", f"faults=[{fault % onset}]"], 7) for onset in (0, 0.01)]
    never, fails = kinds.simulate(runs, [None, None])
    goal = "bad data out of command in time"
    assert never.summary["safety_goals"][goal]["violated"]
    assert not fails.summary["safety_goals"][goal]["violated"]


def test_a_run_has_the_same_bits_alone_and_in_a_batch():
    """Its summary and its events are those of the run beside others."""
    loaded = [kinds.read("intersection", ["duration=22", "radio.loss=0.3"], seed) for seed in (1, 2)]
    together = kinds.simulate(loaded, [None, None])
    alone = kinds.simulate([loaded[1]], [None])[0]
    without_wall = [
        {name: each for name, each in result.summary.items() if name != "wall"} for result in (together[1], alone)
    ]
    assert without_wall[0] == without_wall[1]
    assert together[1].events == alone.events


@pytest.mark.requirement("XFR3", "XTR3")
def test_a_coordinator_that_is_silent_costs_the_highest_level_alone():
    """Others go on by slots that each chooses itself, and the highest level is back once one can be elected."""
    fault = "faults=[{vehicle: all, component: coordinator, mode: crash, onset: 20, duration: 15}]"
    events = [event for event in outcome([fault]).events if event["kind"] == "los"]
    during = [event for event in events if 20.0 < event["time"] < 35.0 and event["to"] < event["from"]]
    assert during
    assert {event["to"] for event in during} == {2}
    assert any(event["to"] == 3 for event in events if event["time"] > 35.0)


def test_what_a_run_leaves_can_be_read_again(tmp_path):
    """The scenario as run is an equal one; the trace has the columns of all traces."""
    loaded = cut(kinds.read("intersection", ["demand.flow=900"]), 8.0)
    kinds.simulate([loaded], [tmp_path])
    assert kinds.read(tmp_path / "scenario.yaml").scenario == loaded.scenario
    assert isinstance(loaded.scenario, Scenario)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {"throughput", "longest_wait", "zone_conflicts", "stuck_vehicles"} <= summary["metrics"].keys()


def test_a_demand_that_is_not_met_is_told():
    """Of an all-way stop that too many come to; of one that lets all through, nothing."""
    many, few = (outcome(["intersection.max_los=0", f"demand.flow={flow}"]) for flow in (3600, 400))
    assert "the demand is not met" in many.warnings[-1]
    assert many.warnings[-1].endswith("at half time: queues grow")
    assert not few.warnings


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("demand.turns=[0, 0, 0]", "demand.turns has no share above 0"),
        ("demand.flow=1e4", None),
        ("pedestrians=[{arm: 4, time: 1}]", "pedestrians[0].arm is a whole number from 0 to 3, found 4"),
        ("faults=[{vehicle: 0, signal: lead.message, mode: omission, onset: 1}]", "is the name of a signal"),
        ("faults=[{vehicle: 500, component: radio, mode: crash, onset: 1}]", "vehicle 500 is not in the scenario"),
        ("road.corner=0", "road.corner"),
        ("vehicle.width=3.2", "is too much for a lane of 3.5 m: its path leaves the lane"),
        ("road.turning_lane=110", "the 31 m of taper before it leave too little of the approach"),
        ("acc.max_los=1", "has no field `acc`"),
    ],
)
def test_bad_input_is_told(setting, said):
    """One clear message; a demand that cannot be met is no error, but is told."""
    if said is None:
        assert "queues grow" in kinds.read("intersection", [setting]).warnings[0]
        return
    with pytest.raises(InputError) as error:
        kinds.read("intersection", [setting])
    assert said in str(error.value)
