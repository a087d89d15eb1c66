"""The figure of what lost messages cost: a reduced sweep goes the whole way, to the picture."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from matplotlib import image
from pyarrow import parquet

from karyon.sim import loss_sweep
from karyon.sim.loss_sweep import ALWAYS, KERNEL, NEVER, Estimate, Plan, estimate, load, sweep, write
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view import loss_plot

PLAN = Plan(losses=(0.0, 1.0), seeds=(1, 2), durations=(8.0, 2.0))


@pytest.fixture(scope="module")
def points():
    return sweep(PLAN)


def at(points, system, loss):
    """The undisturbed point of a system."""
    (found,) = (
        point
        for point in points
        if (point.situation, point.system, point.loss) == (loss_sweep.UNDISTURBED, system, loss)
    )
    return found


def test_there_is_a_point_of_each_system_in_each_situation_at_each_loss(points):
    found = [(point.situation, point.system, point.loss) for point in points]
    assert found == [
        (situation, system, loss)
        for situation in loss_sweep.SITUATIONS
        for system in loss_sweep.SYSTEMS
        for loss in PLAN.losses
    ]
    assert {point.runs for point in points} == {2}


def test_each_system_is_what_it_is_called(points):
    """Who cooperates always is on the highest level even deaf; who never does is never above LoS 1."""
    for loss in PLAN.losses:
        assert at(points, ALWAYS, loss).shares[3].mean == 1.0
        assert [share.mean for share in at(points, NEVER, loss).shares[2:]] == [0.0, 0.0]
    assert at(points, KERNEL, 0.0).shares[3].mean > 0.5
    assert at(points, KERNEL, 1.0).shares[3].mean == 0.0
    assert [at(points, system, 0.0).longest_disagreement is None for system in (KERNEL, ALWAYS, NEVER)] == [
        False,
        True,
        True,
    ]


def test_a_point_is_the_mean_of_its_runs(points):
    """The same runs, each alone."""
    summaries = []
    for seed in PLAN.seeds:
        (result,) = simulate([read("platoon", ["duration=8", "radio.loss=1"], seed)], [None])
        summaries.append(result.summary)
    point = at(points, KERNEL, 1.0)
    assert point.time_gap.mean == pytest.approx(np.mean([one["mean_time_gap"] for one in summaries]))
    assert point.throughput.mean == pytest.approx(np.mean([one["metrics"]["throughput"] for one in summaries]))
    assert point.shares[0].mean == pytest.approx(
        np.mean([one["functions"]["acc"]["los_share"]["0"] for one in summaries])
    )


def test_what_is_written_is_what_is_read(points, tmp_path):
    """To six digits."""
    write(points, tmp_path / "loss.csv")
    for found, point in zip(load(tmp_path / "loss.csv"), points, strict=True):
        one, other = (json.loads(json.dumps(dataclasses.asdict(each))) for each in (found, point))
        for name in ("time_gap", "throughput"):
            assert one.pop(name) == pytest.approx(other.pop(name), rel=1e-5)
        for share, expected in zip(one.pop("shares"), other.pop("shares"), strict=True):
            assert share == pytest.approx(expected, rel=1e-5)
        assert one == other


def test_the_picture_shows_each_quantity_with_its_unit(points, tmp_path, monkeypatch):
    """Drawn from the CSV alone, the same bytes each time."""
    write(points, tmp_path / "loss.csv")
    monkeypatch.setattr(sys, "argv", ["loss_plot", str(tmp_path / "loss"), "--draw"])
    loss_plot.main()
    loss_plot.save(load(tmp_path / "loss.csv"), tmp_path / "again.png")
    assert (tmp_path / "loss.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert image.imread(tmp_path / "loss.png").shape[:2] == (1216, 1145)
    figure = loss_plot.draw(points)
    labels = [panel.get_ylabel() for panel in figure.axes]
    for label in ("mean time gap (s)", "throughput (vehicles/h)", "share of the time (%)", "(rounds)", "safety goal"):
        assert any(label in one for one in labels)
    assert {panel.get_xlabel() for panel in figure.axes} == {"messages lost (%)"}
    assert all(panel.get_title() for panel in figure.axes)


def test_a_point_with_a_collision_has_no_gap_and_no_flow(points):
    """Cars that have driven through each other have none; the figure says how many runs it were."""
    crashed = [dataclasses.replace(one, collided=1) if one is at(points, ALWAYS, 1.0) else one for one in points]
    gap, flow = loss_plot.draw(crashed).axes[:2]
    for panel in (gap, flow):
        drawn = {line.get_label(): list(line.get_xdata()) for line in panel.get_lines()}
        assert drawn == {KERNEL: [0, 100], ALWAYS: [0], NEVER: [0, 100]}
    assert [text.get_text() for text in flow.texts] == [f"left out: {ALWAYS}\nat 100 %, 1 of 2 collide"]


def test_the_band_holds_the_true_mean_about_as_often_as_it_says():
    """A bootstrap of 30 runs is a little narrow."""
    samples = np.random.default_rng(3).normal(2.0, 0.5, size=(200, 30))
    held = [found.low <= 2.0 <= found.high for found in map(estimate, samples)]
    assert 0.90 <= np.mean(held) <= 0.97


def test_runs_that_agree_have_no_band():
    assert estimate([1.5] * 30) == Estimate(1.5, 1.5, 1.5)
    assert estimate([0.0, 1.0]) == Estimate(0.5, 0.0, 1.0)


def test_throughput_is_speed_over_spacing(tmp_path):
    """Of all followers at all instants, as the trace has them."""
    (result,) = simulate([read("platoon", ["vehicles=3", "duration=8", "record.period=0.05"], 7)], [tmp_path])
    trace = parquet.read_table(tmp_path / "trace.parquet").to_pandas()
    places = trace.pivot(index="time", columns="vehicle", values="x").to_numpy()
    spacing = (places[:, :-1] - places[:, 1:]).mean()
    speed = trace[trace.vehicle > 0].speed.mean()
    assert result.summary["metrics"]["throughput"] == pytest.approx(3600 * speed / spacing, rel=1e-9)
