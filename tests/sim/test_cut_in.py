"""A car that does not communicate cuts in: cooperation falls, the file splits there, and merges when it has left."""

import numpy as np
import pytest
from commonroad.common.file_reader import CommonRoadFileReader
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from karyon.sim.driving import excuse
from karyon.sim.export.formats import export
from karyon.sim.run import simulate
from karyon.sim.scenario import cut, read
from karyon.sim.strangers import Strangers
from karyon.sim.view import recorded
from karyon.sim.watch import NONE
from tests.blocks import files

COMES, LEAVES = 40.0, 65.0  # s, of the shipped scenario
BRAKING = 6.0  # m/s², declared by all


def assert_safe(result):
    acc = result.summary["functions"]["acc"]
    assert result.summary["collisions"] == 0
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
    assert acc["worst_disagreement"] <= 1


def of_kind(result, kind, begin=5.0, end=np.inf):
    return [event for event in result.events if event["kind"] == kind and begin <= event["time"] < end]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The shipped scenario, run: its result and its folder."""
    folder = tmp_path_factory.mktemp("cut_in")
    [result] = simulate([read("platoon_cut_in")], [folder])
    return result, folder


def columns(folder, vehicle):
    table = parquet.read_table(folder / "trace.parquet").to_pandas()
    return table[table.vehicle == vehicle].set_index("time")


def test_a_car_cuts_in_and_leaves(shipped):
    """Car 4 falls within its bound, and nobody else; those behind follow it as their leader until it merges again."""
    result, _ = shipped
    assert_safe(result)
    assert result.summary["functions"]["acc"]["false_downgrades"] == 0
    comes, leaves = of_kind(result, "cut_in")
    assert (comes["time"], comes["vehicle"], comes["gap"]) == (COMES, 4, pytest.approx(5.0))
    assert comes["text"] == "a car that does not communicate cuts in 5.0 m ahead"
    assert (leaves["time"], leaves["text"]) == (LEAVES, "the car that had cut in leaves")
    levels = [(event["vehicle"], event["from"], event["to"]) for event in of_kind(result, "los")]
    assert levels == [(4, 3, 1), (4, 1, 2), (4, 2, 3)]
    fall, _, back = of_kind(result, "los")
    assert fall["time"] - COMES <= 0.115  # a kernel period, its execution, a control period and the actuator
    assert fall["text"] == "LoS 3 → 1: validity of lead.message 0.00 < 0.80"
    assert LEAVES + 1.0 < back["time"] < LEAVES + 5.0
    groups = [(event["vehicle"], event["leader"]) for event in of_kind(result, "group")]
    assert groups[:4] == [(4, 4), (5, 4), (6, 4), (7, 4)]
    assert groups[4:] == [(4, 0), (5, 0), (6, 0), (7, 0)]


def test_the_car_behind_keeps_its_distance_to_who_is_there_and_not_to_who_is_heard(shipped):
    """The messages of car 3 go on; the gap to the stranger opens to that of LoS 1, and closes when it has left."""
    _, folder = shipped
    four, stranger = columns(folder, 4), columns(folder, 8)
    assert (four["lead.message_age"].loc[COMES:LEAVES] <= 0.2).all()
    assert (four["lead.message_validity"].loc[COMES : LEAVES + 0.9] == 0.0).all()
    assert (four["front.distance_validity"].loc[5.0:] >= 0.8).all()
    opened = four.loc[LEAVES - 1.0]
    assert opened["gap"] == pytest.approx(2.0 + 1.4 * opened["speed"], rel=0.05)
    assert four["gap"].iloc[-1] < four["gap"].loc[LEAVES + 1.0] - 40.0
    assert (stranger.index[0], round(stranger.index[-1], 6)) == (COMES, LEAVES - 0.1)
    gap = stranger["x"] - 4.5 - four["x"].loc[COMES : LEAVES - 0.05]
    assert np.abs(gap - four["gap"].loc[COMES : LEAVES - 0.05]).max() < 1e-9


def test_a_run_with_a_car_that_cuts_in_is_exported_and_drawn(shipped, tmp_path):
    """It is there for its time; what is drawn is the car behind it, with the speed of what is ahead."""
    _, folder = shipped
    export(folder, "commonroad", tmp_path / "road.xml")
    export(folder, "fcd", tmp_path / "fcd.xml")
    road, problems = CommonRoadFileReader(tmp_path / "road.xml").open()
    stranger = road.obstacle_by_id(108)
    assert stranger.initial_state.time_step == 400
    assert [stranger.prediction.initial_time_step, stranger.prediction.final_time_step] == [401, 649]
    assert list(problems.planning_problem_dict) == [109]
    assert road.obstacle_by_id(107).prediction.final_time_step == 1200
    assert (tmp_path / "fcd.xml").read_text().count('id="car.8"') == 250
    run = recorded.read(folder)
    assert (run.vehicle, run.why) == (4, "the first before which a car cut in")
    at = int(np.flatnonzero(run.time == 41.0)[0])
    assert run.speed_ahead[at] == columns(folder, 8)["speed"].loc[41.0]
    assert run.speed_ahead[0] == columns(folder, 3)["speed"].loc[0.0]


def possible_gap(relative_speed):
    """Smallest gap in m at which a car that reacts within 0.4 s and brakes as declared does not touch who cuts in."""
    closing = max(0.0, -relative_speed)
    return 1.0 + 0.4 * closing + closing**2 / (2.0 * BRAKING)


def random_cut_ins(rng):
    """Overrides: one to three cars cut in before different vehicles, while the leader brakes at some time."""
    entries = []
    for number in range(rng.integers(1, 4)):
        relative_speed = rng.uniform(-6.0, 4.0)
        gap = max(rng.uniform(1.0, 8.0), possible_gap(relative_speed))
        entries.append(
            f"{{ahead_of: {2 * number + rng.integers(1, 3)}, time: {rng.uniform(5, 35):.3f}, gap: {gap:.3f}, "
            f"relative_speed: {relative_speed:.3f}, duration: {rng.uniform(1, 20):.3f}}}"
        )
    speeds = f"[[0, 27], [{rng.uniform(5, 40):.2f}, {rng.uniform(0, 20):.2f}], [45, 27]]"
    return [
        f"cut_ins=[{', '.join(entries)}]",
        f"leader.speed={speeds}",
        f"leader.deceleration={rng.choice([2, 4, 6])}",
    ]


@pytest.fixture
def of_strangers(monkeypatch):
    """Gaps in m of all strangers to the car ahead of them, and their commands in m/s², instant by instant."""
    advance, gaps, commands = Strangers.advance, [], []

    def watched(self, now, step, world):
        advance(self, now, step, world)
        gap = world.position[world.ahead[self.row]] - world.vehicle.length - self.position
        gaps.extend(gap[self.present])
        commands.extend(self.command[self.present])

    monkeypatch.setattr(Strangers, "advance", watched)
    return gaps, commands


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_nobody_collides_with_who_leaves_a_gap_that_is_possible(loss, of_strangers):
    """Whenever, wherever, and however fast it cuts in; nor does it hit the car ahead, which could not help it.

    It brakes no harder than all have declared.
    """
    rng = np.random.default_rng(round(10 * loss))
    overrides = [["duration=55", f"radio.loss={loss}", *random_cut_ins(rng)] for _ in range(24)]
    loaded = [read("platoon", each, int(rng.integers(2**31))) for each in overrides]
    results = simulate(loaded, [None] * len(loaded))
    for result in results:
        assert_safe(result)
    assert sum(len(of_kind(result, "cut_in")) > 0 for result in results) >= 12
    gaps, commands = of_strangers
    assert min(gaps) > 0.5
    assert min(commands) == -BRAKING


def test_who_cuts_in_closer_than_is_possible_is_hit():
    """A collision is told whoever is to blame for it."""
    entry = "{ahead_of: 2, time: 10, gap: 1, relative_speed: -8}"
    [result] = simulate([read("platoon", ["duration=15", f"cut_ins=[{entry}]"], 3)], [None])
    assert result.summary["collisions"] == 1


@pytest.mark.parametrize(("max_los", "enters"), [(3, False), (1, True)])
def test_it_waits_until_there_is_room(max_los, enters):
    """Half a second behind the next car there is none for a car and 20 m; at LoS 1 there is, once the gap is open."""
    entry = "{ahead_of: 4, time: 5, gap: 20, duration: 25}"
    [result] = simulate([read("platoon", ["duration=40", f"acc.max_los={max_los}", f"cut_ins=[{entry}]"], 3)], [None])
    assert [event["time"] for event in of_kind(result, "cut_in")][1:] == ([30.0] if enters else [])
    assert ("cut_ins[0] found no room before car 4" in result.warnings) == (not enters)


def test_one_car_alone_behind_another_is_cut_off_as_well():
    """Where no group forms: it falls to LoS 1, and is back at LoS 2 when who is heard is ahead again."""
    entry = "{ahead_of: 1, time: 20, gap: 12, duration: 10}"
    [result] = simulate([read("acc_profile", ["duration=40", f"cut_ins=[{entry}]"], 3)], [None])
    assert [(event["from"], event["to"]) for event in of_kind(result, "los", 20.0, 36.0)] == [(2, 1), (1, 2)]
    assert result.summary["collisions"] == 0


def test_a_run_has_the_same_bits_alone_and_among_others(tmp_path):
    """Cut-ins may differ from run to run of a batch; when one comes moves no car of another run."""
    entries = ["", "{ahead_of: 2, time: 6.013, gap: 4}", "{ahead_of: 3, time: 7.4, gap: 3, relative_speed: -2}"]
    loaded = [read("platoon", ["duration=12", f"cut_ins=[{entry}]"], seed) for seed, entry in enumerate(entries)]
    simulate(loaded, [tmp_path / "batch" / str(run) for run in range(3)])
    for run in range(3):
        simulate(loaded[run : run + 1], [tmp_path / str(run)])
        for name in ("trace.parquet", "events.jsonl", "messages.parquet"):
            assert (tmp_path / str(run) / name).read_bytes() == (tmp_path / "batch" / str(run) / name).read_bytes()


def test_the_manual_shows_what_can_be_read(tmp_path):
    """Its scenario."""
    (tmp_path / "guests.yaml").write_text(files("arrivals.md")["guests.yaml"], "utf-8")
    loaded = read(tmp_path / "guests.yaml")
    assert loaded.warnings == ()
    assert loaded.scenario.cut_ins == read("platoon_cut_in").scenario.cut_ins
    assert loaded.scenario.start == read("platoon_join").scenario.start


def test_what_begins_after_a_shorter_end_is_left_out():
    loaded = cut(read("platoon_cut_in"), 30.0)
    assert loaded.scenario.cut_ins == ()
    assert loaded.warnings == ("1 of 1 cut-ins left out: they begin after 30 s",)


def excused(margins, begin, reaction):
    """As `excuse`, for one row, step by step: which of the margins are excused; 0.05 s lie between two."""
    found, alive = [], False
    for step, margin in enumerate(margins):
        alive = alive or step == begin
        waits = (step - begin) * 50 <= 1000 * reaction
        alive = alive and (waits or (margin < 0.0 and margin > margins[step - 1]))
        found.append(alive)
    return found


@given(
    rows=st.lists(st.lists(st.integers(-4, 2), min_size=12, max_size=12), min_size=2, max_size=2),
    begin=st.integers(1, 11),
    reaction=st.sampled_from([0.0, 0.1, 0.25]),
)
def test_who_was_cut_off_has_time_to_answer_and_must(rows, begin, reaction):
    """The other row, before which nobody has cut in, is to blame for itself."""
    margins, cut_in, found = np.array(rows, dtype=float).T, np.full(2, NONE), []
    for step, (before, margin) in enumerate(zip([margins[0], *margins], margins, strict=False)):
        now = step * 50_000_000
        if step == begin:
            cut_in[0] = now
        found.append(excuse(cut_in, before, margin, np.full(2, reaction), now))
        cut_in = np.where(found[-1], cut_in, NONE)
    assert [bool(one) for one, _ in found] == excused(rows[0], begin, reaction)
    assert not any(other for _, other in found)
