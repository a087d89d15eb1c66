"""The platoon's leader, whom a car knows by messages alone: whatever they do, it is out of command in time."""

import pytest

from karyon.perception.platoon import LEADER
from karyon.sim.run import simulate
from karyon.sim.scenario import read

ONSET, DURATION, END = 30, 10, 55  # s
BRAKES = "leader.speed=[[0,25],[28,15],[42,27]]"
FAULTS = [
    ("", "wrong_speed, offset: 4"),
    ("", "wrong_speed, offset: -3"),
    ("", "wrong_position, offset: 20"),
    ("", "freeze, delay: 2"),
    ("", "replay, delay: 3"),
    ("", "delay, delay: 1"),
    ("", "omission"),
    ("", "jitter, sigma: 0.5"),
    ("", "reordering, probability: 0.5"),
    ("", "duplication, probability: 0.5"),
    ("", "clock_offset, offset: 3"),
    (".speed", "drift, rate: 0.5"),
    (".speed", "stuck_at"),
    (".acceleration", "offset, amplitude: 6"),
    (".intended_acceleration", "offset, amplitude: -6"),
    (".position", "drift, rate: 2"),
]


def fault(field, mode, vehicle=3):
    return f"{{vehicle: {vehicle}, signal: {LEADER}{field}, mode: {mode}, onset: {ONSET}, duration: {DURATION}}}"


@pytest.fixture(scope="module")
def faulty():
    """A run for each fault; they are side by side."""
    runs = [read("platoon", ["vehicles=5", f"duration={END}", BRAKES, f"faults=[{fault(*each)}]"]) for each in FAULTS]
    return dict(zip(FAULTS, simulate(runs, [None] * len(runs)), strict=True))


def switches(result, vehicle):
    """(time, level before, level after) of one vehicle."""
    return [
        (event["time"], event["from"], event["to"])
        for event in result.events
        if event["kind"] == "los" and event["vehicle"] == vehicle
    ]


@pytest.mark.parametrize("each", FAULTS, ids=lambda each: f"{each[0]}{each[1].split(',')[0]}{each[1][-2:]}".strip("."))
def test_a_leader_that_cannot_be_believed_costs_cooperation_and_no_more(faulty, each):
    """The car goes back to LoS 2 in time, no goal is violated, and it is back at LoS 3 within 10 s of the end."""
    result = faulty[each]
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
    acc = result.summary["functions"]["acc"]
    assert acc["worst_switch_latency"] <= acc["switch_bound"]
    assert not result.warnings
    falls = [(before, after) for time, before, after in switches(result, 3) if time >= ONSET and after < before]
    assert falls[0] == (3, 2)
    back = [time for time, _, after in switches(result, 3) if after == 3 and time > ONSET]
    assert ONSET + DURATION - 1 < back[-1] < ONSET + DURATION + 10


def test_nobody_else_falls_but_for_a_round(faulty):
    """Cars ahead keep LoS 3; car 4 follows car 3 as soon as that heads a group of its own."""
    result = faulty["", "wrong_speed, offset: 4"]
    assert not [time for vehicle in (1, 2) for time, _, _ in switches(result, vehicle) if time > ONSET]
    assert {after for time, _, after in switches(result, 4) if ONSET < time < ONSET + 2} <= {2, 3}


def test_below_the_level_that_asks_for_it_nobody_listens_to_the_leader():
    """Its message is in no column, and its faults change nothing."""
    result = simulate(
        [read("platoon", ["vehicles=3", "duration=35", "acc.max_los=2", f"faults=[{fault(*FAULTS[0], 2)}]"])], [None]
    )[0]
    assert "changed no sample" in " ".join(result.warnings)


def test_a_leader_that_lies_to_all_leads_nobody_but_the_car_that_sees_it():
    """Car 1 does not believe it, heads a group of its own, and is followed by the others."""
    lie = "{vehicle: 0, signal: own.message, mode: wrong_speed, offset: 4, onset: 30, duration: 15}"
    result = simulate([read("platoon", ["vehicles=4", "duration=44", f"faults=[{lie}]"])], [None])[0]
    assert "changed no sample" not in " ".join(result.warnings)
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
    heads = {event["vehicle"]: event["leader"] for event in result.events if event["kind"] == "group"}
    assert heads == {1: 1, 2: 1, 3: 1}
    assert [after for time, _, after in switches(result, 1) if time > 30] == [1]
    assert [after for time, _, after in switches(result, 3) if time > 30][-1] == 3
