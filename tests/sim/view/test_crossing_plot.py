"""The figure of a crossing: who was in which conflict zone, and whether two were in one."""

import pytest
from pyarrow import parquet

from karyon.sim.kinds import read, simulate
from karyon.sim.view import crossing_plot
from karyon.sim.view.crossing_plot import Stay, _shared
from karyon.sim.view.plot import plot


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three quarters of a minute, in which some have crossed."""
    folder = tmp_path_factory.mktemp("run")
    [result] = simulate([read("intersection", ["duration=45"])], [folder])
    assert result.summary["metrics"]["zone_conflicts"] == 0
    return folder


def titles(folder):
    return [panel.get_title(loc="left") or panel.get_title() for panel in crossing_plot.draw(folder).axes]


def test_a_run_without_conflicts_says_so(run):
    assert [path.name for path in plot(run)] == ["crossing.png", "crossing.svg", "crossing.pdf"]
    assert titles(run)[-1] == "Conflict zones, each of two paths: never two in one"


def test_two_cars_in_one_zone_are_seen(run):
    """Of the recording of a crash: all cars at the speed of the first one, as if each were alone."""
    table = parquet.read_table(run / "trace.parquet")
    frame = table.to_pandas()
    first = frame.groupby("vehicle")["time"].transform("min")
    frame["time"] = (frame["time"] - first).round(1)
    crashed = run / "crashed"
    crashed.mkdir()
    for name in ("summary.json", "scenario.yaml", "events.jsonl"):
        (crashed / name).write_bytes((run / name).read_bytes())
    parquet.write_table(table.from_pandas(frame.sort_values("time"), table.schema), crashed / "trace.parquet")
    assert titles(crashed)[-1].endswith("times two in one, red")


def test_two_share_a_zone_while_both_are_in_it_on_different_paths():
    stays = [Stay(0, 3, 1.0, 3.0), Stay(0, 3, 2.0, 4.0), Stay(5, 3, 2.5, 6.0), Stay(5, 3, 4.0, 7.0)]
    assert list(_shared(stays)) == [(2.5, 0.5), (2.5, 1.5)]
