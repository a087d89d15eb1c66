"""The figure of a run: the same every time, telling what happened; a broken folder is refused with the file's name."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from karyon.sim.run import simulate
from karyon.sim.scenario import read as read_scenario
from karyon.sim.view.folder import RunError
from karyon.sim.view.follower_plot import Mark, _placed, draw
from karyon.sim.view.page import POINTS, text_width, thinned
from karyon.sim.view.plot import plot
from karyon.sim.view.recorded import read

DRIFT = "{vehicle: 2, signal: front.distance, mode: drift, onset: 5, duration: 3, rate: 2}"
STUCK = "{vehicle: 2, signal: own.speed, mode: stuck_at, onset: 10}"
UNTOUCHED = ("trace.parquet", "events.jsonl", "summary.json", "scenario.yaml")


def simulated(folder: Path, *settings: str) -> Path:
    """A short run in `folder`."""
    simulate([read_scenario("acc_profile", ["duration=12", *settings])], [folder])
    return folder


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> Path:
    """Three cars, the last with two faults; recorded at every step of the simulation."""
    faults = f"faults=[{DRIFT}, {STUCK}]"
    return simulated(tmp_path_factory.mktemp("faulty"), "vehicles=3", faults, "record.period=0.05")


@pytest.fixture(scope="module")
def crashed(tmp_path_factory) -> Path:
    """Without the kernel, into the leader."""
    fault = "faults=[{vehicle: 1, signal: front.distance, mode: offset, onset: 2, amplitude: 80}]"
    return simulated(tmp_path_factory.mktemp("crashed"), "kernel.enabled=false", fault, "duration=30")


@pytest.fixture
def broken(faulty, tmp_path) -> Path:
    """A copy of the run, to be broken."""
    for name in UNTOUCHED:
        shutil.copy(faulty / name, tmp_path / name)
    return tmp_path


def words_of(folder: Path) -> list[str]:
    """All words of the figure."""
    figure = draw(read(folder))
    panels = [text.get_text() for panel in figure.axes for text in panel.texts]
    headings = [panel.get_title(at) for panel in figure.axes for at in ("left", "center")]
    return [text.get_text() for text in figure.texts] + headings + panels


def test_pictures_are_written_with_200_dots_per_inch(broken):
    """A PNG for the screen, SVG and PDF for the paper, named as promised; of several followers both figures."""
    paths = plot(broken)
    kinds = ("png", "svg", "pdf")
    assert paths == [broken / f"{name}.{kind}" for name in ("timeseries", "platoon") for kind in kinds]
    png, svg, pdf = paths[:3]
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG")
    dots_per_metre = int.from_bytes(data[data.index(b"pHYs") + 4 :][:4])
    assert round(dots_per_metre * 0.0254) == 200
    assert b"<svg" in svg.read_bytes()
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_same_run_gives_the_same_bytes_whatever_the_users_style(broken):
    """Neither the day, nor a second time, nor a style of the user's changes a byte; the style stays as it was."""
    first = [path.read_bytes() for path in plot(broken)]
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "savefig.dpi": 50}):
        assert [path.read_bytes() for path in plot(broken)] == first
        assert mpl.rcParams["font.size"] == 20
    assert b"<dc:date>" not in first[1]
    assert b"CreationDate" not in first[2]


def test_pyplot_stays_out(broken):
    """No window, no global state: pyplot is never imported, and matplotlib not before a figure is wanted."""
    program = (
        "import sys, pathlib, karyon.cli, karyon.sim.run\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from karyon.sim.view.plot import plot\n"
        f"plot(pathlib.Path({str(broken)!r}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_the_car_with_the_first_fault_is_shown_and_said(faulty):
    """Of three cars the last is shown, and the heading says why."""
    run = read(faulty)
    assert (run.vehicle, run.why) == (2, "the first with a fault")
    assert words_of(faulty)[0] == "acc_profile: car 2 (the first with a fault) behind car 1"


def test_the_first_follower_is_shown_where_nothing_happened(tmp_path):
    """One follower needs no reason; of several it is the first."""
    run = read(simulated(tmp_path / "several", "vehicles=3"))
    assert (run.vehicle, run.why) == (1, "the first that follows")
    run = read(simulated(tmp_path / "one"))
    assert (run.vehicle, run.why) == (1, "")
    assert not any("Faults" in text for text in words_of(tmp_path / "one"))


def test_a_fault_without_end_lasts_to_the_end_of_the_run(faulty):
    """Each fault from its onset to its end."""
    drift, stuck = read(faulty).faults
    assert (drift.onset, drift.end) == (5.0, 8.0)
    assert (stuck.onset, stuck.end) == (10.0, 12.0)
    assert drift.label.startswith("front.distance: drift")


def test_safe_distance_is_the_one_that_the_run_watched(tmp_path):
    """Gap less safe distance is at least the margin of the summary, where each step is recorded."""
    folder = simulated(tmp_path, f"faults=[{DRIFT.replace('vehicle: 2', 'vehicle: 1')}]", "record.period=0.05")
    run = read(folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert (run.trace["gap"] - run.safe_distance).min() == pytest.approx(summary["min_rss_margin"], abs=1e-9)


def test_every_switch_is_told_with_what_decided(faulty):
    """The reason of a downgrade stands at its line, as the event log has it."""
    events = [json.loads(line) for line in (faulty / "events.jsonl").read_text().splitlines()]
    down = [e for e in events if e["kind"] == "los" and e["vehicle"] == 2 and e["to"] < e["from"]]
    assert down
    words = words_of(faulty)
    for event in down:
        reason = event["text"].partition(": ")[2]
        assert any(reason in text and f"({event['time']:.2f} s)" in text for text in words)


def test_a_collision_is_told_and_marked(crashed):
    """The title says it, a mark is where the gap is gone, and the heading that nobody was in command."""
    words = words_of(crashed)
    assert "Gap: car 1 hits car 0" in words
    assert "Level of service: always 2, whatever the data" in words
    assert any("KERNEL SWITCHED OFF" in text and "broken by car 1" in text for text in words)
    run = read(crashed)
    when = next(one.time for one in run.violations if one.goal == "collision")
    marks = [
        line.get_xydata()[0].tolist() for panel in draw(run).axes for line in panel.lines if len(line.get_xdata()) == 1
    ]
    assert [when, 0.0] in marks


def test_a_changed_design_is_not_taken_for_that_of_the_run(broken):
    """Limits of another design would be wrong: they are left out, and the title says so."""
    summary = json.loads((broken / "summary.json").read_text()) | {"design_sha256": "0" * 64}
    (broken / "summary.json").write_text(json.dumps(summary))
    run = read(broken)
    assert run.safe_distance is None
    assert not run.demanded
    words = words_of(broken)
    assert {"Gap (safety design not there, or changed since)", "Validity", "Age"} <= set(words)
    assert not any("a rule" in text for text in words)


def test_signs_of_mathematics_in_a_name_are_letters(broken):
    """A scenario may be called as its user likes."""
    summary = json.loads((broken / "summary.json").read_text()) | {"scenario": "a_$x^{$_b"}
    (broken / "summary.json").write_text(json.dumps(summary))
    plot(broken)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_trace(path: Path, change) -> None:
    parquet.write_table(change(parquet.read_table(path)), path)


def replaced(name: str, values):
    return lambda table: table.set_column(table.column_names.index(name), name, values(table))


DAMAGES = {
    "no trace": ("trace.parquet", Path.unlink, "not there"),
    "no summary": ("summary.json", Path.unlink, "not there"),
    "no scenario": ("scenario.yaml", Path.unlink, "not there"),
    "empty trace": ("trace.parquet", lambda path: path.write_bytes(b""), "cannot be read"),
    "half a trace": ("trace.parquet", cut, "cannot be read, it is damaged or cut off; run its scenario again"),
    "trace is text": ("trace.parquet", lambda path: path.write_text("time,gap\n1,2\n"), "cannot be read"),
    "no instant": ("trace.parquet", lambda path: change_trace(path, lambda t: t.slice(0, 0)), "holds no instant"),
    "one instant": ("trace.parquet", lambda path: change_trace(path, lambda t: t.slice(0, 3)), "single instant"),
    "no gap": ("trace.parquet", lambda path: change_trace(path, lambda t: t.drop_columns("gap")), "has no column gap"),
    "no age": (
        "trace.parquet",
        lambda path: change_trace(path, lambda t: t.drop_columns("own.speed_age")),
        "has no column own.speed_age",
    ),
    "words for speeds": (
        "trace.parquet",
        lambda path: change_trace(path, replaced("speed", lambda t: pa.array(["fast"] * len(t)))),
        "column speed holds no numbers, but string",
    ),
    "words for vehicles": (
        "trace.parquet",
        lambda path: change_trace(path, replaced("vehicle", lambda t: pa.array(["car"] * len(t)))),
        "column vehicle holds no numbers",
    ),
    "speeds that are no numbers": (
        "trace.parquet",
        lambda path: change_trace(path, replaced("speed", lambda t: pa.array([float("nan")] * len(t)))),
        "speed of vehicle 2 is not always a number",
    ),
    "a time that stands still": (
        "trace.parquet",
        lambda path: change_trace(path, replaced("time", lambda t: pa.array([*[1.0] * (len(t) - 1), 2.0]))),
        "does not always go on",
    ),
    "a level that is not in the design": (
        "trace.parquet",
        lambda path: change_trace(path, replaced("los_acc", lambda t: pa.array([9] * len(t)))),
        "los_acc is 9",
    ),
    "a car ahead that is cut off": (
        "trace.parquet",
        lambda path: change_trace(path, lambda t: pa.concat_tables([t.slice(0, 1), t.slice(2)])),
        "same instants",
    ),
    "half a line of events": ("events.jsonl", cut, "not JSON"),
    "events are numbers": ("events.jsonl", lambda path: path.write_text("1\n"), "events.jsonl:1: "),
    "an event without time": (
        "events.jsonl",
        lambda path: path.write_text('{"kind": "los"}\n'),
        "time: Field required",
    ),
    "events are not UTF-8": ("events.jsonl", lambda path: path.write_bytes(b"\xff\n"), "cannot be read"),
    "half a summary": ("summary.json", cut, "not JSON"),
    "another summary": ("summary.json", lambda path: path.write_text("{}"), "scenario: Field required"),
    "scenario is a list": ("scenario.yaml", lambda path: path.write_text("- 1\n"), "valid dictionary"),
    "scenario is no YAML": ("scenario.yaml", lambda path: path.write_text("a: [\n"), "error"),
    "trace is a folder": ("trace.parquet", lambda path: (path.unlink(), path.mkdir()), "not there"),
}


@pytest.mark.parametrize(("name", "damage", "said"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_broken_folder_is_refused_by_the_name_of_the_file(broken, name, damage, said):
    """One clear message, and no picture."""
    damage(broken / name)
    with pytest.raises(RunError) as refusal:
        plot(broken)
    assert str(broken / name) in str(refusal.value)
    assert said in str(refusal.value)
    assert not list(broken.glob("timeseries*"))


def test_a_run_without_events_is_drawn_and_says_so(broken):
    """The trace is whole; but no fault and no switch is told, and the reader must know why."""
    (broken / "events.jsonl").unlink()
    words = words_of(broken)
    assert any("events.jsonl is not there: faults, switches and violations are not shown" in text for text in words)
    assert len(plot(broken)) == 6


@pytest.mark.parametrize("car", [1, 2])
def test_any_follower_can_be_asked_for(broken, car):
    """Beside the standard figures, which stay."""
    standard = {path: path.read_bytes() for path in plot(broken)}
    assert [path.name for path in plot(broken, car)] == [
        f"timeseries_car{car}.{kind}" for kind in ("png", "svg", "pdf")
    ]
    assert read(broken, car).vehicle == car
    assert {path: path.read_bytes() for path in standard} == standard


@pytest.mark.parametrize("car", [-1, 0, 3])
def test_who_does_not_follow_has_no_figure(broken, car):
    """The leader has no gap, and there are but three cars."""
    with pytest.raises(RunError, match=f"no car {car} that follows: cars 1 to 2 follow car 0"):
        plot(broken, car)


def test_what_is_no_folder_is_refused(tmp_path):
    """A missing folder and a file are told apart."""
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="no such folder"):
        plot(tmp_path / "nothing")
    with pytest.raises(RunError, match="not a folder"):
        plot(tmp_path / "file")


def test_the_command_ends_with_2_and_one_line(tmp_path):
    """No traceback for a user's mistake."""
    done = subprocess.run(
        [sys.executable, "-m", "karyon", "plot", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / "trace.parquet") in done.stderr


def test_a_picture_that_cannot_be_written_leaves_nothing_half_done(broken):
    """A folder stands where the picture should be."""
    (broken / "timeseries.png").mkdir()
    with pytest.raises(OSError, match="timeseries"):
        plot(broken)
    assert not list(broken.glob("*.part"))


@given(
    times=st.lists(st.floats(0, 100), max_size=8), words=st.lists(st.text("abc →", max_size=60), min_size=8, max_size=8)
)
def test_words_of_switches_never_cover_each_other(times, words):
    """In one row no text meets another, whatever the times and lengths."""
    marks = [Mark(time, word, 0) for time, word in zip(sorted(times), words, strict=False)]
    labels = _placed(marks, 0.0, 100.0)
    assert sorted((label.mark.time, label.mark.text) for label in labels) == sorted((m.time, m.text) for m in marks)
    for one in labels:
        for other in labels:
            if one is not other and one.row == other.row:
                ends = sorted([(x.left, x.left + text_width(x.mark.text, 100.0)) for x in (one, other)])
                assert ends[0][1] <= ends[1][0]


@given(spike=st.integers(0, 99_999), height=st.sampled_from([9.0, -9.0]))
def test_a_long_run_is_drawn_with_its_extremes(spike, height):
    """Of 100,000 instants a few thousand are drawn, and the one that stands out is among them."""
    values = np.zeros(100_000)
    values[spike] = height
    time, drawn = thinned(np.arange(100_000.0), values)
    assert len(time) <= 2 * POINTS
    assert time[drawn == height].tolist() == [spike]


def test_a_lost_measurement_is_a_break_in_the_line():
    """Nothing is drawn where nothing was measured."""
    _, drawn = thinned(np.arange(4.0), np.array([1.0, np.nan, np.inf, 2.0]))
    assert np.isnan(drawn).tolist() == [False, True, True, False]
