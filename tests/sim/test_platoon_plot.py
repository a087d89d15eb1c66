"""The figure of a file of cars shows what the trace and the summary hold."""

import json
import re

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh
from pyarrow import parquet

from karyon.sim.run import simulate
from karyon.sim.scenario import read as read_scenario
from karyon.sim.view.page import styled
from karyon.sim.view.platoon_plot import COLUMNS, draw
from karyon.sim.view.plot import plot
from karyon.sim.view.recorded_platoon import read

LEADER = "leader.speed=[[0, 25], [36, 25], [39, 28], [60, 28]]"
FAULT = "faults=[{vehicle: 2, signal: front.distance, mode: omission, onset: 34, duration: 9}]"


def simulated(folder, *settings, scenario="platoon"):
    """A run in `folder`."""
    simulate([read_scenario(scenario, settings)], [folder])
    return folder


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Four cars, of which the third stops for want of a radar; a stranger cuts in before the last one."""
    cut = "cut_ins=[{ahead_of: 3, time: 20, gap: 6, duration: 5}]"
    return simulated(tmp_path_factory.mktemp("split"), "duration=45", "vehicles=4", LEADER, FAULT, cut)


@pytest.fixture(scope="module")
def figure(split):
    """Its figure."""
    with styled():
        return draw(read(split))


def meshes(figure):
    """Values of both maps (car, instant), and the times between which each holds."""
    found = [each for panel in figure.axes for each in panel.collections if isinstance(each, QuadMesh)]
    return [(mesh.get_array(), mesh.get_coordinates()[0, :, 0]) for mesh in found if mesh.get_array().ndim == 2]


def titles(figure):
    """Of all panels."""
    return [panel.get_title("left") for panel in figure.axes if panel.get_title("left")]


def test_maps_hold_gap_over_speed_and_level_of_each_car(split, figure):
    """At each instant, strangers left out; nothing where a car stands."""
    trace = parquet.read_table(split / "trace.parquet").to_pandas()
    assert (trace.vehicle == 4).any(), "a stranger was there"
    (gaps, edges), (levels, _), *_ = meshes(figure)
    assert gaps.shape[0] == 3
    stood = 0
    for car in (1, 2, 3):
        mine = trace[trace.vehicle == car]
        np.testing.assert_allclose(np.asarray(edges[:-1]), mine.time.to_numpy())
        for place, (gap, speed, level) in enumerate(zip(mine.gap, mine.speed, mine.los_acc, strict=True)):
            assert levels[car - 1, place] == level
            if speed >= 1.0:
                assert gaps[car - 1, place] == pytest.approx(gap / speed)
            else:
                assert np.ma.is_masked(gaps[car - 1, place])
                stood += 1
    assert stood > 0


def test_each_switch_is_a_mark_at_its_time_and_car(split, figure):
    """Falls apart from rises."""
    events = [json.loads(line) for line in (split / "events.jsonl").read_text("utf-8").splitlines()]
    told = [event for event in events if event["kind"] == "los"]
    marks = [each for panel in figure.axes for each in panel.collections if isinstance(each, PathCollection)]
    for collection, falls in zip(marks, (True, False), strict=True):
        expected = [[one["time"], one["vehicle"]] for one in told if (one["to"] < one["from"]) == falls]
        assert collection.get_offsets().tolist() == expected
        assert expected


def test_growth_is_that_of_the_summary(split, figure):
    """From the trace, ten instants a second, nearly what the run has measured at every step; by an independent sum."""
    trace = parquet.read_table(split / "trace.parquet").to_pandas()
    settled = trace[(trace.time >= 30.0) & (trace.vehicle < 4)]
    spread = settled.groupby("vehicle").speed.std(ddof=0).to_numpy()
    apart, growth = figure.axes[-2:]
    assert apart.lines[0].get_ydata() == pytest.approx(spread)
    assert growth.lines[0].get_ydata() == pytest.approx(spread[1:] / spread[:-1])
    most = settled.groupby("vehicle").speed.agg(lambda speed: (speed - speed.mean()).abs().max()).to_numpy()
    assert growth.lines[1].get_ydata() == pytest.approx(most[1:] / most[:-1])
    measured = json.loads((split / "summary.json").read_text())["metrics"]["string_stability"]
    assert max(growth.lines[0].get_ydata()) == pytest.approx(measured, rel=0.01)
    (told,) = re.findall(r"L2 grows ([\d.]+)-fold at car 2", " ".join(titles(figure)))
    assert float(told) == pytest.approx(measured, rel=0.01)


def test_titles_say_what_is_seen(split, figure):
    """The smallest time gap with its car and time; and the frame of the fault is where it acts."""
    trace = parquet.read_table(split / "trace.parquet").to_pandas()
    moving = trace[(trace.vehicle.isin([1, 2, 3])) & (trace.speed >= 1.0)]
    least = (moving.gap / moving.speed).idxmin()
    row = moving.loc[least]
    said = f"never below {row.gap / row.speed:.2f} s (car {row.vehicle:.0f} at {row.time:.1f} s)"
    assert any(said in title for title in titles(figure))
    for panel in figure.axes[1:3]:
        (frame,) = panel.patches
        assert (frame.get_x(), frame.get_width(), frame.get_y() + 0.5) == (34.0, 9.0, 2.0)


def test_a_short_run_is_not_judged(tmp_path):
    """Nothing is said of the string before 30 s, but that nothing is said; the kernel that is off is told, too."""
    folder = simulated(tmp_path, "duration=5", "vehicles=3", "kernel.enabled=false", scenario="acc_profile")
    with styled():
        figure = draw(read(folder))
    assert "too short to judge the string" in figure.texts[1].get_text()
    assert any("whatever the data" in title for title in titles(figure))
    assert not any("L2" in title for title in titles(figure))


def test_a_lone_follower_has_one_figure(tmp_path):
    """A file needs two of them."""
    assert {path.stem for path in plot(simulated(tmp_path, "duration=3", scenario="acc_profile"))} == {"timeseries"}


@pytest.mark.parametrize(
    ("gaps", "first", "last"),
    [
        (np.linspace(0.55, 0.6, 400), "0.55", "0.83 s"),
        (np.linspace(0.6, 2.4, 400), "0.6", "≥ 2.4 s"),
        ([*np.full(396, 1.2), 0.8, 30.0, 30.0, 30.0], "0.8", "≥ 1.2 s"),
        (np.full(400, np.nan), "0.5", "2 s"),
    ],
    ids=["hardly varies", "varies", "a few far off", "all stand"],
)
def test_colours_span_the_time_gaps_that_are_there(split, gaps, first, last):
    """From the smallest to all but the largest few, and these are told by the label."""
    gap, speed = np.full((200, 3), np.nan), np.full((200, 3), 20.0)
    gap[:, 1:] = 20.0 * np.reshape(gaps, (200, 2))
    speed[np.isnan(gap)] = 0.0
    platoon = read(split)
    time, level = np.arange(200) / 10, np.zeros((200, 3))
    with styled():
        figure = draw(type(platoon)(platoon.summary, True, time, gap, speed, level, [], [], []))
    (bar,) = [panel for panel in figure.axes if " s" in "".join(label.get_text() for label in panel.get_xticklabels())]
    words = [label.get_text() for label in bar.get_xticklabels()]
    assert (words[0], words[-1]) == (first, last)


def test_a_long_run_keeps_its_smallest_gaps(split):
    """A column of several instants shows the closest of them, and no column is left out."""
    platoon = read(split)
    rng = np.random.default_rng(3)
    times = 5 * COLUMNS + 7
    gap = rng.uniform(10.0, 50.0, (times, 4))
    gap[times // 3, 2] = 1.0
    long = type(platoon)(
        platoon.summary, True, np.arange(times) / 10, gap, np.full_like(gap, 20.0), np.zeros_like(gap), [], [], []
    )
    (gaps, edges), *_ = meshes(draw(long))
    assert gaps.shape == (3, COLUMNS)
    place = int(np.searchsorted(edges, times / 3 // 1 / 10, side="right")) - 1
    assert gaps[1, place] == gaps.min() == 0.05
    assert gaps.max() <= gap.max() / 20.0
