"""The figure of a judged log: a panel for each signal, and no alarm lost, however short it is in however long a log."""

import csv
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import pairwise
from math import isnan
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from karyon.logs.perceive import perceive
from karyon.logs.plot import SENDERS_SHOWN, SIGNALS_SHOWN, draw, figure
from karyon.logs.reduced import COLUMNS, Axis, Extremes, Parts
from karyon.sim.documents import InputError
from karyon.sim.view.page import DANGER, GREY, LEFT, MEASURED, RIGHT, WIDTH

DATA = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[2] / "../shared/data"))
ONE = "  {name}: {{unit: m/s2, noise: 0.1, tolerated: 1}}\n"
HEAD = "kind: signals\nperiod: 100 ms\ntime: {column: t}\nsignals:\n"


def write(folder, time, signals, validity, detectors, ending="csv"):
    """A log, its sensors file, and what was judged of it; signals, validity, detectors by name (row,)."""
    log, sensors, judged = folder / "log.csv", folder / "sensors.yaml", folder / f"judged.{ending}"
    columns = {name: pa.array(value, from_pandas=True) for name, value in signals.items()}
    pyarrow.csv.write_csv(pa.table({"t": time, **columns}), log)
    sensors.write_text(HEAD + "".join(ONE.format(name=name) for name in signals))
    said = {"time": pa.array(time)}
    for name in signals:
        said |= {f"{name}_validity": pa.array(validity[name]), f"{name}_age": pa.array(np.zeros(len(time)))}
        said |= {f"{name}_detectors": pa.array(detectors[name], pa.string())}
    table = pa.table(said)
    (pyarrow.csv.write_csv if ending == "csv" else pyarrow.parquet.write_table)(table, judged)
    return log, sensors, judged


def calm(folder, rows, names=("a",), alarms=(), ending="csv"):
    """A log of sines; alarms are (name, row) of single samples."""
    time = np.round(np.arange(rows) * 0.1, 1)
    signals = {name: np.round(np.sin(time / 30.0), 4) for name in names}
    validity = {name: np.ones(rows) for name in names}
    detectors = {name: np.full(rows, "", dtype=object) for name in names}
    for name, row in alarms:
        validity[name][row], detectors[name][row] = 0.2, "jump"
    return write(folder, time, signals, validity, detectors, ending)


def titles(sheet):
    return [panel.get_title(loc="left") for panel in sheet.axes if panel.get_title(loc="left")]


def head(sheet):
    return [text.get_text() for text in sheet.texts]


def lanes(panel):
    return [label.get_text() for label in panel.get_yticklabels()]


def curves(panel, colour):
    return [line.get_xydata() for line in panel.lines if line.get_color() == colour and line.get_linestyle() == "-"]


def reddish(path):
    """Columns of the picture that have a red pixel, as a share of its width, and how many pixels are red."""
    near = np.abs(imread(path)[..., :3] - to_rgb(DANGER)).max(axis=-1) < 0.1
    return np.flatnonzero(near.any(axis=0)) / near.shape[1], int(near.sum())


def test_there_is_a_panel_for_each_signal_with_its_unit(tmp_path):
    sheet = figure(*calm(tmp_path, 500, ["speed", "push"], [("push", 70), ("push", 71), ("push", 300)]))
    assert titles(sheet) == ["speed: no alarm in 500 samples", "push: 2 alarms, 0.6 % of 500 samples"]
    assert [panel.get_ylabel() for panel in sheet.axes[::2]] == ["m/s²", "m/s²"]
    assert [lanes(panel) for panel in sheet.axes[1::2]] == [[], ["jump"]]
    assert sheet.axes[-1].get_xlabel() == "time (s)"
    assert head(sheet) == [
        "log.csv   judged with sensors.yaml",
        "500 rows · 49.9 s · 2 alarms (a stretch of samples below validity 0.5)",
    ]


def test_of_many_signals_those_with_the_most_alarms_are_shown(tmp_path):
    names = [f"s{number}" for number in range(SIGNALS_SHOWN + 3)]
    sheet = figure(*calm(tmp_path, 60, names, [(name, 30) for name in names[3:]]))
    assert [title.split(":")[0] for title in titles(sheet)] == names[3:]
    assert head(sheet)[1].endswith("the 10 of 13 signals with the most alarms")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_alarm_of_one_sample_among_many_is_seen(tmp_path, ending):
    """It is the only red in the picture but for the legend, and it is where it belongs."""
    rows, row = 200_000, 150_000
    (tmp_path / "calm").mkdir()
    draw(*calm(tmp_path / "calm", rows, ending=ending), tmp_path / "calm.png")
    paths = draw(*calm(tmp_path, rows, alarms=[("a", row)], ending=ending), tmp_path / "figure")
    assert [path.name for path in paths] == ["figure.png", "figure.svg"]
    (before, few), (after, many) = reddish(tmp_path / "calm.png"), reddish(tmp_path / "figure.png")
    expected = (LEFT + (WIDTH - LEFT - RIGHT) * row / rows) / WIDTH
    found = np.setdiff1d(after, before)
    assert found.size and np.abs(found - expected).max() < 0.005
    assert many > few + 40


def test_a_spike_far_beyond_the_values_is_an_arrow_and_does_not_flatten_them(tmp_path):
    log, sensors, judged = calm(tmp_path, 400, alarms=[("a", 200)])
    lines = log.read_text().splitlines()
    lines[201] = lines[201].split(",")[0] + ",1e6"
    log.write_text("\n".join(lines))
    panel = figure(log, sensors, judged).axes[0]
    assert panel.get_ylim()[1] < 5.0
    arrows = [line.get_xydata() for line in panel.lines if line.get_marker() == "^"]
    np.testing.assert_allclose(arrows, [[[20.0, panel.get_ylim()[1]]]])


def test_lost_samples_are_gaps_and_a_single_one_between_them_is_a_dot(tmp_path):
    time = np.round(np.arange(20) * 0.1, 1)
    value = np.arange(20.0)
    value[[5, 6, 8]] = np.nan
    log, sensors, judged = write(tmp_path, time, {"a": value}, {"a": np.ones(20)}, {"a": np.full(20, "", dtype=object)})
    panel = figure(log, sensors, judged).axes[0]
    (curve,) = curves(panel, MEASURED)
    parts = np.split(curve, np.flatnonzero(np.isnan(curve[:, 1])))
    seen = [sorted(set(part[~np.isnan(part[:, 1]), 1])) for part in parts]
    assert seen == [[0, 1, 2, 3, 4], [7], list(range(9, 20))]
    (dots,) = [line.get_xydata() for line in panel.lines if line.get_marker() == "."]
    np.testing.assert_allclose(np.unique(dots, axis=0), [[0.7, 7.0]])


@given(
    value=st.lists(st.one_of(st.just(float("nan")), st.integers(-50, 50).map(float)), min_size=2, max_size=60),
    cuts=st.sets(st.integers(1, 59)),
    per_column=st.integers(1, 20),
)
def test_each_column_keeps_its_least_and_its_most(value, cuts, per_column):
    """Whatever the blocks, as if all samples of a column had been put side by side."""
    rows = len(value)
    column = np.arange(rows) // per_column
    extremes = Extremes()
    for begin, end in pairwise([0, *sorted(cut for cut in cuts if cut < rows), rows]):
        time, part = np.arange(begin, end, dtype=float), np.array(value[begin:end])
        extremes.add(Parts.of(column[begin:end]), time, part)
    for which in range(column[-1] + 1):
        mine = [each for each, at in zip(value, column, strict=True) if at == which and not isnan(each)]
        expected = (min(mine), max(mine)) if mine else (np.nan, np.nan)
        np.testing.assert_equal((extremes.low[which], extremes.high[which]), expected)
        if mine:
            assert value[int(extremes.lowest.time[which])] == min(mine)


def test_the_time_axis_ends_with_the_log_and_takes_rows_without_a_time():
    axis = Axis()
    axis.measure(np.array([np.nan, 5.0, 4.0, 9.0]))
    assert (axis.begin, axis.end, axis.rows) == (4.0, 9.0, 4)
    assert axis.column(np.array([4.0, 9.0, np.nan])).tolist() == [0, COLUMNS - 1, 0]
    np.testing.assert_array_equal(axis.again().rising(np.array([np.nan, 5.0, 4.5, np.nan, 6.0])), [4, 5, 5, 5, 6])


def test_the_recorded_values_stand_behind_the_failure_that_was_put_in(tmp_path):
    log, sensors, _ = calm(tmp_path, 400)
    judged = tmp_path / "failing.csv"
    options = ["signal: a, mode: offset, onset: 10, duration: 5, amplitude: 3"]
    perceive(log, sensors, judged, inject=options)
    sheet = figure(log, sensors, judged, options)
    ((time, value),) = [curve[~np.isnan(curve[:, 1])].T for curve in curves(sheet.axes[0], GREY)]
    assert (time.min(), time.max()) == pytest.approx((10.0, 14.9))
    np.testing.assert_allclose(value, np.sin(time / 30.0), atol=1e-4)
    ((time, value),) = [curve[~np.isnan(curve[:, 1])].T for curve in curves(sheet.axes[0], MEASURED)]
    np.testing.assert_allclose(
        value[(time >= 10) & (time < 15)], np.sin(time[(time >= 10) & (time < 15)] / 30) + 3, atol=1e-4
    )
    assert "failure put in" in [text.get_text() for text in sheet.legends[0].get_texts()]


def test_memory_does_not_grow_with_the_log(tmp_path):
    peaks = []
    for rows in (100_000, 400_000):
        folder = tmp_path / str(rows)
        folder.mkdir()
        files = calm(folder, rows, alarms=[("a", rows // 2)])
        tracemalloc.start()
        figure(*files)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_the_same_log_gives_the_same_bytes(tmp_path):
    files = calm(tmp_path, 300, alarms=[("a", 100)])
    first = [path.read_bytes() for path in draw(*files, tmp_path / "one.svg")]
    assert first == [path.read_bytes() for path in draw(*files, tmp_path / "other.png")]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lines: lines[:-1], "ends before row 300 of the log"),
        (lambda lines: [*lines, lines[-1]], "has more rows than the log\n     = was it made from this log?"),
        (
            lambda lines: [lines[0], *lines[2:], lines[-1]],
            "has other times than the log\n     = was it made from this log?",
        ),
        (
            lambda lines: [lines[0].replace("a_validity", "b_validity"), *lines[1:]],
            "has no column `a_validity`\n     = was it made from this log and these sensors?",
        ),
        (lambda lines: [], "cannot be read: Empty CSV file"),
    ],
)
def test_a_judged_file_of_another_log_is_refused(tmp_path, spoil, said):
    log, sensors, judged = calm(tmp_path, 300)
    judged.write_text("\n".join(spoil(judged.read_text().splitlines())))
    with pytest.raises(InputError) as error:
        draw(log, sensors, judged, tmp_path / "figure")
    assert str(error.value) == f"{judged}: error: {said}"
    assert not list(tmp_path.glob("figure*"))


def test_without_matplotlib_only_the_figure_is_missing():
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import karyon.cli, karyon.logs.perceive\n"
        "try:\n    import karyon.logs.plot\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "matplotlib" in done.stdout


def of_data(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {name} in {DATA}; KARYON_DATA says where such logs are")
    return path


@pytest.mark.parametrize("name", ["const_position_bsm.csv.gz", "random_speed_offset.jsonl.gz"])
def test_messages_have_a_lane_for_each_sender_and_each_check(tmp_path, name):
    """The numbers beside the lanes are those that one counts in the judged file."""
    log, judged = of_data(f"veremi_ext/{name}"), tmp_path / "judged.csv"
    perceive(log, "veremi", judged)
    with judged.open(newline="") as file:
        rows = list(csv.DictReader(file))
    low = [row for row in rows if float(row["validity"]) < 0.5]
    senders = Counter(row["sender"] for row in low)
    checks = Counter(name for row in low for name in row["detectors"].split(";"))
    _, of_senders, of_checks = figure(log, "veremi", judged).axes
    assert len(lanes(of_senders)) == SENDERS_SHOWN
    numbers = [
        [int(text.get_text()) for text in panel.texts if text.get_text().isdigit()] for panel in (of_senders, of_checks)
    ]
    assert dict(zip(lanes(of_senders), numbers[0], strict=True)) == {each: senders[each] for each in lanes(of_senders)}
    assert numbers[0] == sorted(numbers[0], reverse=True)
    assert dict(zip(lanes(of_checks), numbers[1], strict=True)) == checks


def test_a_recorded_log_is_drawn(tmp_path):
    log, judged = of_data("openacc_zalazone/mixed__dynamic_part7.csv.gz"), tmp_path / "judged.parquet"
    outcome = perceive(log, "openacc", judged)
    sheet = figure(log, "openacc", judged)
    assert [title.split(":")[0] for title in titles(sheet)] == [tally.name for tally in outcome.tallies]
    assert sheet.axes[-1].get_xlabel() == "time since the log begins (s)"
