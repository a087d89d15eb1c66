"""A run has the same bits alone, in a batch, in any order."""

import json
import random

import pytest
from pyarrow import parquet

from karyon.sim.run import simulate
from karyon.sim.scenario import read

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
