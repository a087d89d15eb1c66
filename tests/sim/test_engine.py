"""A run has the same bits alone, in a batch, in any order."""

import json
import random
from dataclasses import replace

import pytest
from pyarrow import parquet

from karyon.sim.run import begin, simulate
from karyon.sim.scenario import read
from karyon.sim.shipped import SHIPPED

FAULTS = [
    "[]",
    "[{vehicle: 1, signal: front.distance, mode: noise, onset: 3, duration: 4, sigma: 3}]",
    "[{vehicle: 1, signal: own.speed, mode: omission, onset: 3, duration: 4, probability: 0.6}]",
    "[{vehicle: 1, signal: lead.message, mode: jitter, onset: 3, duration: 4, sigma: 0.3}]",
    "[{vehicle: all, signal: front.relative_speed, mode: freeze, onset: 3, duration: 4, delay: 1}]",
    "[{vehicle: 2, component: perception, mode: hang, onset: 3, duration: 2}]",
]


def loaded(seed):
    """A run of three cars with some fault, different for each seed."""
    faults = FAULTS[seed % len(FAULTS)]
    settings = ["duration=8", "vehicles=3", f"start.time_gap={1.5 + 0.01 * seed}", f"faults={faults}"]
    return read("acc_recorded" if seed % 2 else "acc_profile", settings, seed)


def test_same_bytes_alone_in_a_batch_and_in_another_order(tmp_path):
    """trace.parquet of a run does not depend on what runs beside it."""
    batch = [loaded(seed) for seed in range(64)]
    order = random.Random(1).sample(range(64), 64)
    simulate(batch, [tmp_path / f"batch{seed}" for seed in range(64)])
    simulate([batch[seed] for seed in order], [tmp_path / f"mixed{seed}" for seed in order])
    for seed in range(0, 64, 7):
        simulate([batch[seed]], [tmp_path / f"alone{seed}"])
        alone = (tmp_path / f"alone{seed}" / "trace.parquet").read_bytes()
        assert alone == (tmp_path / f"batch{seed}" / "trace.parquet").read_bytes()
        assert alone == (tmp_path / f"mixed{seed}" / "trace.parquet").read_bytes()


def test_a_run_is_recorded_alike_whoever_else_is(tmp_path):
    """Beside runs of which no trace is kept, some with cars that cut in; instants as often as the scenario says."""
    batch = [
        read("platoon_cut_in", ["duration=12", "record.period=0.2", f"cut_ins.0.time={3 + seed}"], seed)
        for seed in range(4)
    ]
    simulate(batch, [tmp_path / "one", None, None, tmp_path / "two"])
    for run, name in ((0, "one"), (3, "two")):
        simulate([batch[run]], [tmp_path / "alone"])
        for file in ("trace.parquet", "messages.parquet"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()


def test_events_are_the_same_whoever_looks_first():
    """They are put into words run by run, when somebody looks: also at those of a run that is still going on."""
    batch = [loaded(seed) for seed in range(6)]
    whole = [result.events for result in simulate(batch, [None] * 6)]
    simulation = begin(batch, [None] * 6)
    early = []
    simulation.run(lambda now: early.append(list(simulation.log.events[int(now) % 6])) or True)
    assert any(early)
    assert [simulation.log.events[run] for run in (5, 2, 0, 1, 4, 3)] == [whole[run] for run in (5, 2, 0, 1, 4, 3)]
    assert simulation.log.events[-2:] == whole[-2:]
    assert len(simulation.log.events) == 6


def test_summary_has_what_users_rely_on(tmp_path):
    """All keys of a summary are there, shares sum to one, and start-up is no downgrade."""
    (result,) = simulate([read("acc_recorded", ["duration=30"], 7)], [tmp_path])
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == json.loads(json.dumps(result.summary))
    keys = "scenario seed duration vehicles vehicle_steps wall collisions min_gap min_time_to_collision min_rss_margin"
    keys += " mean_time_gap functions metrics safety_goals version scenario_sha256 design_sha256"
    assert set(keys.split()) <= set(summary)
    acc = summary["functions"]["acc"]
    assert sum(acc["los_share"].values()) == pytest.approx(1.0)
    assert list(acc["los_share"]) == ["0", "1", "2"]
    assert acc["false_downgrades"] == 0
    assert acc["switch_bound"] > 0


def test_a_lower_highest_level_is_never_exceeded(tmp_path):
    """`acc.max_los` takes the levels above away."""
    (result,) = simulate([read("acc_recorded", ["duration=20", "acc.max_los=1"], 7)], [tmp_path])
    assert list(result.summary["functions"]["acc"]["los_share"]) == ["0", "1"]
    assert max(parquet.read_table(tmp_path / "trace.parquet")["los_acc"].drop_null().to_pylist()) == 1


def test_a_switch_names_rule_value_and_limit():
    """The event of a downgrade says which rule, what it saw, and what it allows; both edges are there."""
    fault = "faults=[{vehicle: 1, signal: lead.message, mode: omission, onset: 10, duration: 5}]"
    (result,) = simulate([read("acc_recorded", ["duration=30", fault], 7)], [None])
    switches = [event for event in result.events if event["kind"] == "los" and event["time"] > 5]
    assert [(event["from"], event["to"]) for event in switches] == [(2, 1), (1, 2)]
    assert switches[0]["rule"] in ("age(lead.message) <= 300 ms", "validity(lead.message) >= 0.8")
    assert "<" in switches[0]["text"] or ">" in switches[0]["text"]
    assert switches[0]["cause"] == "fault"


def test_a_fault_that_changes_nothing_is_told():
    """Saturation far above what is measured changes no sample, and the result says so."""
    fault = "faults=[{vehicle: 1, signal: own.speed, mode: saturation, onset: 1, duration: 2, high: 1000}]"
    (result,) = simulate([read("acc_recorded", ["duration=10", fault], 7)], [None])
    assert any("changed no sample" in warning for warning in result.warnings)


OLD = [  # what is remembered of the past must not depend on who else is remembered
    "{vehicle: 1, signal: lead.message, mode: replay, onset: 6.63, duration: 3, delay: 0.94}",
    "{vehicle: 1, signal: lead.message, mode: freeze, onset: 3.2, duration: 3, delay: 2.5}",
    "{vehicle: 1, signal: lead.message, mode: delay, onset: 5.8, duration: 3, delay: 0.5}",
    "{vehicle: 1, signal: lead.message, mode: jitter, onset: 4.4, duration: 3, sigma: 0.4}",
]


def test_same_bytes_where_messages_are_lost_and_old_ones_come_again(tmp_path):
    """Each row loses other messages: how many it has seen differs from row to row."""
    batch = [
        read("acc_profile", ["duration=11", "radio.loss=0.3", f"faults=[{OLD[run % len(OLD)]}]"], run)
        for run in range(12)
    ]
    simulate(batch, [tmp_path / f"batch{run}" for run in range(12)])
    for run, one in enumerate(batch):
        simulate([one], [tmp_path / f"alone{run}"])
        for name in ("trace.parquet", "events.jsonl"):
            assert (tmp_path / f"alone{run}" / name).read_bytes() == (tmp_path / f"batch{run}" / name).read_bytes(), run


def test_start_up_is_no_downgrade(tmp_path):
    """It begins at level 0, only rises, and the time until all was seen is in no share."""
    settings = ["duration=10", "record.period=0.05", "radio.latency=0.1"]
    (result,) = simulate([read("acc_profile", settings, 7)], [tmp_path])
    switches = [(event["from"], event["to"]) for event in result.events if event["kind"] == "los"]
    assert switches == [(0, 1), (1, 2)]
    acc = result.summary["functions"]["acc"]
    assert acc["false_downgrades"] == 0
    assert sum(acc["downgrades"].values()) == 0
    levels = parquet.read_table(tmp_path / "trace.parquet")["los_acc"].drop_null().to_pylist()
    counted = len(levels) - 3  # the first message is there after 0.1 s, and decided upon one period later
    assert acc["los_share"]["0"] == pytest.approx((levels.count(0) - 3) / counted, abs=2 / counted)


def test_every_start_reaches_the_highest_level():
    """400 undisturbed starts: no first sample is so unlucky that what follows is never believed."""
    loaded = read("acc_profile", ["duration=12"])
    batch = [replace(loaded, scenario=loaded.scenario.model_copy(update={"seed": 2000 + run})) for run in range(400)]
    for one, result in zip(batch, simulate(batch, [None] * len(batch)), strict=True):
        assert result.summary["functions"]["acc"]["los_share"]["2"] > 0.5, one.scenario.seed


@pytest.mark.parametrize("deceleration", [2, 4, 6])
def test_nothing_is_broken_behind_a_healthy_leader_that_brakes_as_declared(deceleration):
    """From 25 to 10 m/s with up to the 6 m/s² that all rely on: an everyday event, no fault, no false downgrade."""
    settings = ["duration=60", "leader.speed=[[0, 25], [20, 10], [40, 25]]", f"leader.deceleration={deceleration}"]
    batch = [read("acc_profile", settings, run) for run in range(20)]
    false, violated = 0, []
    for result in simulate(batch, [None] * len(batch)):
        false += result.summary["functions"]["acc"]["false_downgrades"]
        violated += [name for name, goal in result.summary["safety_goals"].items() if goal["violated"]]
    assert not violated
    assert false <= 1  # 20 minutes; three an hour are allowed


def test_a_car_that_stops_blind_is_no_liar_to_the_one_behind():
    """Its radar is lost, it brakes to a standstill and goes on braking there: cars 3 and 4 have no reason to doubt."""
    fault = "{vehicle: 2, signal: front.distance, mode: omission, onset: 20, duration: 20, probability: 1}"
    batch = [read("acc_recorded", ["duration=45", "vehicles=5", f"faults=[{fault}]"], run) for run in range(10)]
    for one, result in zip(batch, simulate(batch, [None] * len(batch)), strict=True):
        assert not any(goal["violated"] for goal in result.summary["safety_goals"].values()), one.scenario.seed
        lowered = {
            event["vehicle"] for event in result.events if event["kind"] == "los" and event["to"] < event["from"]
        }
        assert lowered == {2}, one.scenario.seed


def test_hardly_any_false_downgrade_in_healthy_traffic():
    """Three and a half hours behind the recorded leader; the goal is three an hour."""
    batch = [read("acc_recorded", ["duration=120"], run) for run in range(105)]
    results = simulate(batch, [None] * len(batch))
    assert sum(result.summary["functions"]["acc"]["false_downgrades"] for result in results) <= 10
    for one, result in zip(batch, results, strict=True):
        assert not any(goal["violated"] for goal in result.summary["safety_goals"].values()), one.scenario.seed
        assert result.summary["functions"]["acc"]["los_share"]["2"] >= 0.9, one.scenario.seed


# A delay begins with silence: what has not come yet is lost, until it comes.
CAUSES = {
    "{vehicle: 1, signal: lead.message, mode: omission, onset: 6, duration: 3}": ("lead.message", "lost"),
    "{vehicle: 1, signal: lead.message, mode: delay, onset: 6, duration: 3, delay: 0.4}": ("lead.message", "lost"),
    "{vehicle: 1, signal: front.distance, mode: offset, onset: 6, duration: 3, amplitude: 8}": (
        "front.distance",
        "invalid",
    ),
    "{vehicle: 1, component: perception, mode: hang, onset: 6, duration: 3}": ("perception", "own_lag"),
}


@pytest.mark.parametrize("fault", CAUSES)
def test_a_downgrade_tells_its_rule_and_one_of_four_verdicts(fault):
    """Late, lost, invalid and own lag are counted apart; rule and limit stand in the event and in its text."""
    item, verdict = CAUSES[fault]
    (result,) = simulate([read("acc_profile", ["duration=12", f"faults=[{fault}]"], 7)], [None])
    first = next(event for event in result.events if event["kind"] == "los" and event["to"] < event["from"])
    assert item in first["rule"]
    assert item in first["text"]
    assert first["text"].startswith(f"LoS {first['from']} → {first['to']}: ")
    assert (first["function"], first["verdict"], first["cause"]) == ("acc", verdict, "fault")
    assert result.summary["functions"]["acc"]["downgrades"][verdict] >= 1
    if verdict != "own_lag":
        limit = first["rule"].split()[-2] if first["rule"].endswith(" ms") else first["rule"].split()[-1]
        assert limit in first["text"]


def test_what_comes_too_old_is_late():
    """A radio that needs 130 ms is in time; another 150 ms are too much, and yet nothing is missing."""
    fault = "{vehicle: 1, signal: lead.message, mode: delay, onset: 6, duration: 3, delay: 0.15}"
    scenario = read("acc_profile", ["duration=12", "radio.latency=0.13", f"faults=[{fault}]"], 7)
    (result,) = simulate([scenario], [None])
    downgrades = result.summary["functions"]["acc"]["downgrades"]
    assert downgrades["late"] >= 1
    assert downgrades["invalid"] == 0


@pytest.mark.parametrize(("loss", "told"), [(1.0, True), (0.5, False)])
def test_one_is_told_why_cars_never_left_their_start(loss, told):
    """Where no message ever came, and a level names them: that is no downgrade, and shows in no other way."""
    (result,) = simulate([read("platoon", ["duration=3", "vehicles=3", f"radio.loss={loss}"], 7)], [None])
    said = "2 of 2 cars never left LoS 0: they have not once seen lead.message, platoon.leader.message"
    assert [warning for warning in result.summary["warnings"] if "LoS 0" in warning] == [said] * told


def test_what_would_be_believed_if_it_were_younger_is_lost():
    """Some losses in a row, and a little doubt on top, are losses; no fault is sought for them."""
    (result,) = simulate([read("platoon_loss", ["duration=39"], 7)], [None])
    falls = [event for event in result.events if "lead.message" in event.get("rule", "") and "verdict" in event]
    assert {event["vehicle"] for event in falls} >= {1, 7}
    assert {(event["verdict"], event["cause"]) for event in falls} == {("lost", "fault")}


@pytest.mark.parametrize("highest", [0, 1])
def test_a_car_may_be_held_to_its_lower_levels(highest):
    """Level 0 alone is a car like any other: nothing is guarded, and nothing switched."""
    fault = "{vehicle: 1, signal: lead.message, mode: wrong_speed, onset: 8, duration: 3, offset: 5}"
    settings = ["duration=15", f"acc.max_los={highest}", f"faults=[{fault}]"]
    (result,) = simulate([read("acc_profile", settings, 7)], [None])
    acc = result.summary["functions"]["acc"]
    assert list(acc["los_share"]) == [str(level) for level in range(highest + 1)]
    assert acc["switches"] == highest
    assert acc["worst_switch_latency"] == 0.0
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())


def test_a_radar_of_another_range_is_a_radar():
    """What it says on an open road is its own range."""
    settings = ["duration=12", "sensors={front.distance: {range: 100}}", "start.time_gap=6"]
    (result,) = simulate([read("acc_profile", settings, 7)], [None])
    assert result.summary["functions"]["acc"]["los_share"]["2"] > 0.8


def test_the_verdict_is_that_of_the_term_that_fails(tmp_path):
    """Of a rule of several terms, not of its first."""
    shipped = (SHIPPED / "safety/acc.yaml").read_text("utf-8")
    old = "          - validity(front.distance) >= 0.8\n"
    assert old in shipped
    together = old.replace("validity", "alive(perception) and age(front.distance) <= 250 ms and validity")
    (tmp_path / "acc.yaml").write_text(shipped.replace(old, together))
    fault = "{vehicle: 1, signal: front.distance, mode: offset, onset: 6, duration: 3, amplitude: 8}"
    settings = ["duration=9", f"safety={tmp_path / 'acc.yaml'}", f"faults=[{fault}]"]
    (result,) = simulate([read("acc_profile", settings, 7)], [None])
    first = next(event for event in result.events if event["kind"] == "los" and event["to"] < event["from"])
    assert first["verdict"] == "invalid"


def test_a_run_that_is_stopped_keeps_what_it_has(tmp_path):
    """Progress that answers False ends it there; what was recorded is whole and readable."""
    (result,) = simulate([read("acc_profile", ["duration=30"], 7)], [tmp_path], progress=lambda now: now < 5.0)
    assert not result.complete
    assert result.summary["duration"] == pytest.approx(5.0)
    times = parquet.read_table(tmp_path / "trace.parquet")["time"].to_pylist()
    assert max(times) == pytest.approx(5.0, abs=0.11)
    assert json.loads((tmp_path / "summary.json").read_text())["duration"] == result.summary["duration"]
    assert not list(tmp_path.glob("*.part"))


def test_round_times_stay_round():
    """A run of 2.3 s says 2.3 s; times 1e-9 its nanoseconds were not."""
    (result,) = simulate([read("acc_profile", ["duration=2.3"], 7)], [None])
    assert result.summary["duration"] == 2.3
