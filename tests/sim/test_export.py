"""What other tools load of a run: where each vehicle was, how fast, and when."""

import gzip
import math
import tracemalloc
from importlib import resources
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from commonroad.common.file_reader import CommonRoadFileReader
from lxml import etree
from pyarrow import parquet

from karyon.sim import recordings
from karyon.sim.export import rows
from karyon.sim.export.formats import export
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view.folder import RunError

VEHICLES = 3
ROUNDED = 1e-6  # of the last decimal that is written


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a run, and its trace as (instant, vehicle) by name."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read("platoon", [f"vehicles={VEHICLES}", "duration=12"], 5)], [folder])
    table = parquet.read_table(folder / "trace.parquet")
    return folder, {name: table[name].to_numpy().reshape(-1, VEHICLES) for name in rows.COLUMNS}


def changed(folder, tmp_path, **columns):
    """A copy of the run whose columns are changed, each by a function of its values."""
    table = parquet.read_table(folder / "trace.parquet")
    for name, change in columns.items():
        values = pa.array(change(table[name].to_numpy().copy()))
        table = table.set_column(table.schema.get_field_index(name), name, values)
    parquet.write_table(table, tmp_path / "trace.parquet")
    return tmp_path


def seen(text):
    """Time, vehicle and its attributes, of each vehicle in floating car data."""
    for step in ElementTree.fromstring(text):
        assert step.tag == "timestep"
        for vehicle in step:
            yield float(step.attrib["time"]), vehicle.attrib


def test_floating_car_data_has_every_vehicle_at_every_instant(run, tmp_path):
    folder, trace = run
    export(folder, "fcd", tmp_path / "fcd.xml")
    found = list(seen((tmp_path / "fcd.xml").read_text()))
    assert [one["id"] for _, one in found] == ["car.0", "car.1", "car.2"] * len(trace["time"])
    assert [time for time, _ in found] == pytest.approx(trace["time"].ravel(), abs=ROUNDED)
    for name in ("x", "y", "speed", "acceleration"):
        assert [float(one[name]) for _, one in found] == pytest.approx(trace[name].ravel(), abs=ROUNDED)
    road = np.array([float(one["pos"]) for _, one in found])
    assert road == pytest.approx(trace["x"].ravel() - trace["x"].min(), abs=ROUNDED)
    assert {(one["angle"], one["type"], one["lane"]) for _, one in found} == {("90.000000", "car", "road_0")}


@pytest.mark.parametrize("name", ["fcd.xml", "fcd.xml.gz"])
@pytest.mark.parametrize("vehicle", range(VEHICLES))
def test_our_own_reader_takes_it_for_a_leader(run, tmp_path, name, vehicle):
    folder, trace = run
    export(folder, "fcd", tmp_path / name)
    recording = recordings.read(tmp_path / name, {"vehicle": f"car.{vehicle}"})
    assert recording.warnings == ()
    assert recording.time == pytest.approx(trace["time"][:, vehicle], abs=ROUNDED)
    assert recording.speed == pytest.approx(trace["speed"][:, vehicle], abs=ROUNDED)


def test_gzip_holds_the_same_and_no_day(run, tmp_path):
    folder, _ = run
    for name in ("a.xml", "a.xml.gz", "b.xml.gz"):
        export(folder, "fcd", tmp_path / name)
    packed = (tmp_path / "a.xml.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "a.xml").read_bytes()
    assert packed == (tmp_path / "b.xml.gz").read_bytes()


@pytest.mark.parametrize(
    ("heading", "angle"),
    [(0.0, 90.0), (math.pi / 2, 0.0), (math.pi, 270.0), (-math.pi / 2, 180.0), (-0.25, 104.323945)],
)
def test_the_angle_is_0_in_the_north_and_goes_clockwise(run, tmp_path, heading, angle):
    folder = changed(run[0], tmp_path, heading=lambda values: np.full_like(values, heading))
    export(folder, "fcd", tmp_path / "fcd.xml")
    (found,) = {float(one["angle"]) for _, one in seen((tmp_path / "fcd.xml").read_text())}
    assert found == pytest.approx(angle, abs=ROUNDED)


def test_where_a_block_ends_does_not_show(run, tmp_path, monkeypatch):
    """Also in the middle of an instant."""
    folder, _ = run
    for name, block in (("one.xml", rows.BLOCK), ("many.xml", 7)):
        monkeypatch.setattr(rows, "BLOCK", block)
        export(folder, "fcd", tmp_path / name)
    assert (tmp_path / "one.xml").read_bytes() == (tmp_path / "many.xml").read_bytes()


def test_memory_does_not_grow_with_the_run(run, tmp_path, monkeypatch):
    """Eight times as many row groups take as much."""
    monkeypatch.setattr(rows, "BLOCK", 100)
    table = parquet.read_table(run[0] / "trace.parquet")
    peaks = []
    for times in (2, 16):
        folder = tmp_path / str(times)
        folder.mkdir()
        with parquet.ParquetWriter(folder / "trace.parquet", table.schema) as file:
            for number in range(times):
                later = pa.array(table["time"].to_numpy() + 20.0 * number)
                file.write_table(table.set_column(0, table.schema.field("time"), later))
        tracemalloc.start()
        export(folder, "fcd", folder / "fcd.xml")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_commonroad_reads_back_where_every_vehicle_was(run, tmp_path):
    """Its own reader; there a position is that of the middle of a car."""
    folder, trace = run
    export(folder, "commonroad", tmp_path / "run.xml")
    scenario, problems = CommonRoadFileReader(str(tmp_path / "run.xml")).open()
    assert scenario.dt == pytest.approx(0.1)
    assert [one.obstacle_id for one in scenario.dynamic_obstacles] == [100, 101, 102]
    for vehicle, obstacle in enumerate(scenario.dynamic_obstacles):
        states = [obstacle.state_at_time(step) for step in range(len(trace["time"]))]
        assert obstacle.state_at_time(len(states)) is None
        assert (obstacle.obstacle_shape.length, obstacle.obstacle_shape.width) == (4.5, 1.8)
        assert [state.velocity for state in states] == pytest.approx(trace["speed"][:, vehicle], abs=ROUNDED)
        places = np.array([state.position for state in states])
        assert places[:, 0] == pytest.approx(trace["x"][:, vehicle] - 2.25, abs=ROUNDED)
        assert places[:, 1] == pytest.approx(trace["y"][:, vehicle], abs=ROUNDED)
        assert all(scenario.lanelet_network.find_lanelet_by_position(list(places)))
    (problem,) = problems.planning_problem_dict.values()
    last = scenario.dynamic_obstacles[-1]
    assert problem.initial_state.position == pytest.approx(last.initial_state.position)
    assert problem.goal.is_reached(last.state_at_time(len(trace["time"]) - 1))
    assert not problem.goal.is_reached(last.state_at_time(len(trace["time"]) - 2))


def test_commonroad_is_what_its_schema_says(run, tmp_path):
    export(run[0], "commonroad", tmp_path / "run.xml")
    schema = resources.files("commonroad") / "common/xml_definition_files/XML_commonRoad_XSD.xsd"
    etree.XMLSchema(etree.parse(str(schema))).assertValid(etree.parse(str(tmp_path / "run.xml")))


def blank(values):
    values[40] = np.nan
    return values


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("x", blank, "x in row 41 is nan, expected a number"),
        ("speed", lambda values: values - 40.0, "speed in row 1 is -13, expected a number from 0 on"),
        ("time", lambda values: values[::-1], "its rows are not in order of time"),
        ("speed", lambda values: values.astype(str), "column speed holds no numbers, but string"),
    ],
)
@pytest.mark.parametrize("to", ["fcd", "commonroad"])
def test_a_trace_that_is_no_trace_is_refused(run, tmp_path, column, change, told, to):
    """And nothing is left under the name of the answer."""
    folder = changed(run[0], tmp_path, **{column: change})
    with pytest.raises(RunError, match=told):
        export(folder, to, tmp_path / "out.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["trace.parquet"]


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("time", lambda values: values * values, "its instants are not equally far apart"),
        ("time", lambda values: values * 0.0, "holds a single instant"),
        ("vehicle", lambda values: values[::-1], "the vehicles of an instant are not in order"),
    ],
)
def test_what_commonroad_cannot_say_is_refused(run, tmp_path, column, change, told):
    folder = changed(run[0], tmp_path, **{column: change})
    with pytest.raises(RunError, match=told):
        export(folder, "commonroad", tmp_path / "out.xml")


@pytest.mark.parametrize("to", ["fcd", "commonroad"])
@pytest.mark.parametrize("kept", [0, 3, 5000, -8, -1])
def test_a_cut_trace_is_refused(run, tmp_path, to, kept):
    whole = (run[0] / "trace.parquet").read_bytes()
    (tmp_path / "trace.parquet").write_bytes(whole[:kept])
    with pytest.raises(RunError, match=r"trace\.parquet: cannot be read"):
        export(tmp_path, to, tmp_path / "out.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["trace.parquet"]


@pytest.mark.parametrize("to", ["fcd", "commonroad"])
def test_a_trace_without_a_row_is_refused(run, tmp_path, to):
    table = parquet.read_table(run[0] / "trace.parquet")
    parquet.write_table(table.slice(0, 0), tmp_path / "trace.parquet")
    with pytest.raises(RunError, match="holds no row"):
        export(tmp_path, to, tmp_path / "out.xml")
