"""Rows of a campaign: as alone, in whatever batch."""

import numpy as np
import pyarrow as pa
import pytest

from karyon.campaign import replay, rows
from karyon.campaign.folder import digest
from karyon.sim.run import simulate
from tests.campaign.plans import SHORT, read


def test_a_row_has_the_bits_of_the_run_alone(tmp_path):
    plan = read(tmp_path)
    runs = plan.runs(seed=5, number=40, first=0, last=40)
    together = rows.table(plan, runs)
    alone = pa.concat_tables([rows.table(plan, [run]) for run in runs[::7]])
    assert digest(alone) == digest(together.take(list(range(0, 40, 7))))


def test_a_row_is_what_the_run_alone_says_in_its_summary(tmp_path):
    plan = read(tmp_path)
    runs = plan.runs(seed=5, number=8, first=0, last=8)
    for run, row in zip(runs, rows.table(plan, runs).to_pylist(), strict=True):
        summary = simulate([replay.loaded(plan, run)], [None])[0].summary
        function = summary["functions"]["acc"]
        for name in ("collisions", "min_gap", "min_time_to_collision", "min_rss_margin", "mean_time_gap"):
            assert row[name] == summary[name]
        for name in ("worst_switch_latency", "switch_bound", "switches", "false_downgrades"):
            assert row[name] == function[name]
        assert [row[f"los_{level}"] for level in range(3)] == list(function["los_share"].values())
        broken = [goal for goal, found in summary["safety_goals"].items() if found["violated"]]
        assert row["goals_violated"] == ";".join(broken)
        assert (row["outcome"] == "violated") == row["violated"] == bool(broken)
        assert row["seed"] == summary["seed"]


def test_what_varies_and_the_fault_stand_in_the_row(tmp_path):
    plan = read(tmp_path)
    runs = plan.runs(seed=5, number=20, first=0, last=20)
    for run, row in zip(runs, rows.table(plan, runs).to_pylist(), strict=True):
        (fault,) = run.scenario().faults
        assert (row["fault_signal"], row["fault_mode"]) == (fault.signal, fault.mode)
        assert row["fault_onset"] == fault.onset
        assert row["fault_duration"] is None
        assert row["fault_amplitude"] == next(iter(fault.parameters.values()))
        assert row["leader.deceleration"] == run.scenario().leader.deceleration
        if fault.signal == "front.distance":
            assert row["faults[0].onset"] == pytest.approx(fault.onset)  # in SI, though not in the plan
            assert row["faults[0].mode"] == fault.mode
        else:
            assert row["faults[0].onset"] is None
    units = {field.name: field.metadata[b"unit"].decode() for field in rows.schema(plan)}
    assert (units["faults[0].onset"], units["leader.speed[1][1]"], units["min_gap"]) == ("s", "m/s", "m")


def test_a_margin_is_negative_where_a_goal_is_violated_and_only_there(tmp_path):
    text = SHORT.replace("duration: 3 s", "duration: 20 s\n  kernel: {enabled: false}").replace(
        "onset: {between: [500 ms, 1500 ms]}", "onset: {between: [500 ms, 1500 ms]}, duration: 10"
    )
    plan = read(tmp_path, text)
    table = rows.table(plan, plan.runs(seed=5, number=200, first=0, last=200)).to_pylist()
    violated = np.array([row["violated"] for row in table])
    margins = np.array([row["margin"] for row in table])
    assert 5 < violated.sum() < 195
    assert (margins[violated] <= 0.0).all()
    assert (margins[~violated] >= 0.0).all()


def test_a_run_that_fails_is_an_outcome_and_the_others_go_on(tmp_path, monkeypatch):
    plan = read(tmp_path)
    runs = plan.runs(seed=5, number=12, first=0, last=12)
    healthy = rows.table(plan, runs)
    poisoned = runs[7].seed
    simulated = rows.simulated

    def failing(plan, runs, scenarios):
        if any(run.seed == poisoned for run in runs):
            raise ZeroDivisionError
        return simulated(plan, runs, scenarios)

    monkeypatch.setattr(rows, "simulated", failing)
    table = rows.table(plan, runs)
    assert table["outcome"].to_pylist() == ["ok"] * 7 + ["crashed"] + ["ok"] * 4
    assert table["seed"].to_pylist()[7] == poisoned
    assert table["error"].to_pylist() == [None] * 7 + ["ZeroDivisionError:"] + [None] * 4
    assert table["fault_mode"].to_pylist() == healthy["fault_mode"].to_pylist()
    others = [index for index in range(12) if index != 7]
    assert digest(table.take(others)) == digest(healthy.take(others))


def test_runs_that_do_not_end_in_time_are_told(tmp_path):
    plan = read(tmp_path, SHORT.replace("sampling: random", "sampling: random\nrun_limit: 1 ms"))
    with pytest.raises(rows.TooLongError):
        rows.table(plan, plan.runs(seed=5, number=2, first=0, last=2))
