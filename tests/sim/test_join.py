"""Cars that come from behind: they catch up by themselves, join, and close up."""

import numpy as np
import pytest
from pyarrow import parquet

from karyon.sim.engine import Simulation
from karyon.sim.run import simulate, trajectory
from karyon.sim.scenario import read


def assert_safe(result):
    assert result.summary["collisions"] == 0
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
    assert result.summary["functions"]["acc"]["worst_disagreement"] <= 1


def groups(result, vehicle):
    """When the vehicle came to belong to whose group, once all have begun."""
    events = [event for event in result.events if event["kind"] == "group" and event["vehicle"] == vehicle]
    return [(event["time"], event["leader"]) for event in events]


def test_a_platoon_comes_from_behind_and_joins(tmp_path):
    """Cars 6 and 7 are a group of their own, car 6 on no more than LoS 2, until they are near; then all close up."""
    [result] = simulate([read("platoon_join")], [tmp_path])
    assert_safe(result)
    assert result.summary["functions"]["acc"]["false_downgrades"] == 0
    (_, itself), (joins, leader) = groups(result, 6)
    assert (itself, leader) == (6, 0)
    assert [head for _, head in groups(result, 7)] == [7, 6, 0]
    table = parquet.read_table(tmp_path / "trace.parquet").to_pandas()
    six, seven, five = (table[table.vehicle == vehicle].set_index("time") for vehicle in (6, 7, 5))
    assert six["gap"].iloc[0] == pytest.approx(80.0)
    assert six["los_acc"].loc[:joins].max() == 2
    assert (seven["los_acc"].loc[5.0:] == 3).all()
    assert (five["los_acc"].loc[5.0:] == 3).all()
    near = six.loc[:joins].iloc[-6]  # half a second before: a round
    assert near["gap"] <= 2.0 + 1.25 * near["speed"]
    assert six["los_acc"].loc[joins + 1.0 :].min() == 3
    end = six.iloc[-1]
    assert end["gap"] == pytest.approx(2.0 + 0.5 * end["speed"], rel=0.1)


def test_who_has_joined_remains_a_member():
    """It is as any other from then on: behind a gap that a fault has opened it does not go apart once more.

    Though another one is still on its way.
    """
    overrides = [
        "start.apart=[{vehicle: 4, gap: 140}, {vehicle: 7, gap: 40}]",
        "faults=[{vehicle: 7, signal: front.distance, mode: omission, onset: 40, duration: 6}]",
    ]
    [result] = simulate([read("platoon", ["duration=60", *overrides], 3)], [None])
    (_, first), (joins, second), (_, fails), (back, again) = groups(result, 7)
    assert (first, second, fails, again) == (7, 4, 7, 4)
    assert joins < 30.0
    assert back < 52.0


def test_cars_come_from_behind_safely_wherever_they_begin_and_whatever_the_leader_does():
    """One car or many, seen by radar or beyond its range, also where messages are lost."""
    rng = np.random.default_rng(5)
    loaded = []
    for _ in range(14):
        first, second = rng.choice(np.arange(1, 8), 2, replace=False)
        far, near = rng.uniform(25, 250), rng.uniform(25, 90)
        apart = f"[{{vehicle: {first}, gap: {far:.2f}}}, {{vehicle: {second}, gap: {near:.2f}}}]"
        speeds = f"[[0, 27], [{rng.uniform(5, 30):.2f}, {rng.uniform(0, 20):.2f}], [40, 27]]"
        overrides = [f"start.apart={apart}", f"leader.speed={speeds}", f"leader.deceleration={rng.choice([2, 4, 6])}"]
        loaded.append(read("platoon", ["duration=50", "radio.loss=0.1", *overrides], int(rng.integers(2**31))))
    for result in simulate(loaded, [None] * len(loaded)):
        assert_safe(result)


def test_all_behind_who_comes_from_behind_begin_behind_it():
    """At the usual gaps among themselves; in each run of a batch by itself."""
    loaded = [
        read("platoon", [f"start.apart={apart}"], 3)
        for apart in ("[]", "[{vehicle: 3, gap: 50}, {vehicle: 6, gap: 7}]")
    ]
    tracks = [trajectory(one.scenario)[0] for one in loaded]
    world = Simulation([one.scenario for one in loaded], loaded[0].design, tracks, [None, None]).world
    usual = 2.0 + 0.6 * 27.0
    assert world.gap == pytest.approx([usual] * 7 + [usual, usual, 50.0, usual, usual, 7.0, usual])
    assert np.flatnonzero(world.apart).tolist() == [9, 12]
