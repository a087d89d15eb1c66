"""The numbers of a summary are those that one finds again in the trace, slowly and by hand."""

import json
from itertools import pairwise
from math import inf

import numpy as np
import pytest
from pyarrow import parquet

from karyon.sim.driving import keep, margins_of
from karyon.sim.run import simulate
from karyon.sim.scenario import read

LENGTH, BRAKING = 4.5, 6.0
REACTION = {0: 0.6, 1: 0.6, 2: 0.6}  # s, of the shipped design
EVERY_STEP = "record.period=0.05"
RUNS = {
    "undisturbed": ["duration=60"],
    "stopping leader": ["duration=60", "leader.speed=[[0, 20], [15, 0], [35, 15]]", "leader.deceleration=5"],
    "drift": [
        "duration=60",
        "faults=[{vehicle: 1, signal: front.distance, mode: drift, onset: 15, duration: 20, rate: 1.5}]",
    ],
    "lost messages": [
        "duration=60",
        "vehicles=4",
        "faults=[{vehicle: all, signal: lead.message, mode: omission, onset: 20, duration: 9, probability: 0.8}]",
    ],
    "no kernel": [
        "duration=80",
        "kernel.enabled=false",
        "faults=[{vehicle: 1, signal: front.distance, mode: drift, onset: 15, duration: 60, rate: 1.5}]",
    ],
}


@pytest.fixture(scope="module", params=RUNS)
def run(request, tmp_path_factory):
    """Summary, events, and per follower the instants of the trace, each with the car ahead."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read("acc_profile", [EVERY_STEP, *RUNS[request.param]], 11)], [folder])
    instants = {}
    for row in parquet.read_table(folder / "trace.parquet").to_pylist():
        instants.setdefault(row["time"], {})[row["vehicle"]] = row
    summary = json.loads((folder / "summary.json").read_text())
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    followers = {
        vehicle: [(cars[vehicle], cars[vehicle - 1]) for _, cars in sorted(instants.items())]
        for vehicle in range(1, summary["vehicles"])
    }
    return summary, events, followers


def gap_between(own, ahead):
    return ahead["x"] - LENGTH - own["x"]


def braking_distance(speed):
    return speed**2 / (2 * BRAKING)


def rss_margins(steps):
    """Gap less the distance at which one still stops behind a car that brakes as declared, one per step.

    The reaction time is that of the level; a longer one counts from when the gap suffices for it.
    """
    reaction, margins = REACTION[0], []
    for own, ahead in steps:
        wanted = REACTION[own["los_acc"]]

        def margin(reaction_time, own=own, ahead=ahead):
            stop = own["speed"] * reaction_time + braking_distance(own["speed"]) - braking_distance(ahead["speed"])
            return gap_between(own, ahead) - max(0.0, stop)

        if wanted < reaction or margin(wanted) >= 0.0:
            reaction = wanted
        margins.append(margin(reaction))
    return margins


def test_one_row_per_vehicle_and_step(run):
    summary, _, followers = run
    steps = round(summary["duration"] / 0.05) + 1
    assert summary["vehicle_steps"] == steps * summary["vehicles"]
    assert {len(each) for each in followers.values()} == {steps}


def test_smallest_gap(run):
    summary, _, followers = run
    gaps = [gap_between(*step) for steps in followers.values() for step in steps]
    assert summary["min_gap"] == pytest.approx(min(gaps), abs=1e-9)
    for steps in followers.values():
        assert all(own["gap"] == pytest.approx(gap_between(own, ahead), abs=1e-9) for own, ahead in steps)


def test_collisions_are_overlaps_of_rectangles_counted_once_each(run):
    summary, events, followers = run
    count = 0
    for steps in followers.values():
        overlaps = [ahead["x"] - ahead["length"] <= own["x"] for own, ahead in steps]
        count += sum(now and not before for before, now in zip([False, *overlaps], overlaps, strict=False))
    assert summary["collisions"] == count
    told = [event for event in events if event["kind"] == "violation" and event["goal"] == "collision"]
    assert len(told) == count
    assert summary["safety_goals"]["no collision"] == {"violated": count > 0, "violations": count}


def test_smallest_time_to_collision(run):
    summary, _, followers = run
    times = [
        max(0.0, gap_between(own, ahead)) / (own["speed"] - ahead["speed"])
        for steps in followers.values()
        for own, ahead in steps
        if own["speed"] > ahead["speed"]
    ]
    assert summary["min_time_to_collision"] == pytest.approx(min(times, default=inf), abs=1e-9)


def test_mean_time_gap_leaves_out_slow_driving(run):
    summary, _, followers = run
    gaps = [
        gap_between(own, ahead) / own["speed"]
        for steps in followers.values()
        for own, ahead in steps
        if own["speed"] >= 1.0
    ]
    assert summary["mean_time_gap"] == pytest.approx(sum(gaps) / len(gaps), rel=1e-9)


def test_smallest_rss_margin(run):
    summary, _, followers = run
    margins = [rss_margins(steps) for steps in followers.values()]
    assert summary["min_rss_margin"] == pytest.approx(min(map(min, margins)), abs=1e-9)
    entered = sum(now < 0.0 <= before for each in margins for before, now in zip([0.0, *each], each, strict=False))
    assert summary["safety_goals"]["RSS distance kept"] == {"violated": entered > 0, "violations": entered}


def test_share_of_each_level_is_of_the_time_after_the_start(run):
    """Each follower starts at level 0 until all of its signals were seen; that is left out."""
    summary, _, followers = run
    shares = summary["functions"]["acc"]["los_share"]
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    counts = {"0": 0, "1": 0, "2": 0}
    for steps in followers.values():
        for own, _ in steps[4:]:  # within 0.2 s everything was seen once
            counts[str(own["los_acc"])] += 1
    for level, count in counts.items():
        assert shares[level] == pytest.approx(count / sum(counts.values()), abs=4 / len(followers[1]))


def test_switches_are_those_of_the_events(run):
    summary, events, followers = run
    switches = [event for event in events if event["kind"] == "los"]
    assert summary["functions"]["acc"]["switches"] == len(switches)
    for vehicle, steps in followers.items():
        levels = [own["los_acc"] for own, _ in steps]
        if any(event["vehicle"] == vehicle for event in switches):
            seen = sum(before != after for before, after in pairwise(levels))
            mine = sum(event["vehicle"] == vehicle for event in switches)
            assert mine - 1 <= seen <= mine  # the last one may not be in command yet


def test_what_the_kernel_is_worth():
    """The same drift ends in a collision without it, and in nothing with it."""
    fault = "faults=[{vehicle: 1, signal: front.distance, mode: drift, onset: 15, duration: 60, rate: 1.5}]"
    settings = ["duration=80", fault]
    (guarded,) = simulate([read("acc_profile", settings, 11)], [None])
    (exposed,) = simulate([read("acc_profile", [*settings, "kernel.enabled=false"], 11)], [None])
    assert guarded.summary["collisions"] == 0
    assert exposed.summary["collisions"] > 0
    assert exposed.summary["safety_goals"]["no collision"]["violated"]
    assert not any(goal["violated"] for goal in guarded.summary["safety_goals"].values())


def test_a_longer_reaction_time_counts_from_when_its_gap_is_there():
    """A lower level with a longer one takes over with the gap of the upper; a shorter one counts at once."""
    reactions, margins = np.array([1.0, 0.5]), []
    last = margins_of(reactions, rows=1)
    for gap, level in [(30.0, 1), (15.0, 0), (19.0, 0), (21.0, 0), (19.0, 0), (19.0, 1)]:
        speed = np.array([20.0])
        last = keep(last, np.array([gap]), speed, speed, np.array([level]), reactions[:, None], 6.0).margins
        margins.append(last.margin[0])
    assert margins == pytest.approx([20.0, 5.0, 9.0, 1.0, -1.0, 9.0])
