"""What scripts and notebooks use: `import karyon`."""

import gc
import subprocess
import sys
from datetime import date
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

import karyon
from karyon import api
from karyon.sim.shipped import shipped_scenarios

NOISE = Random(1)
LOG = "time,speed\n" + "".join(f"{row / 10:.1f},{NOISE.gauss(10, 0.02):.3f}\n" for row in range(300))
SENSORS = """\
kind: signals
period: 0.1 s
time: {column: time}
signals:
  speed: {unit: m/s, noise: 0.02, tolerated: 0.5}
"""


def command(folder, *arguments):
    """The `karyon` command in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "karyon", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def by_command(tmp_path_factory):
    """A run that the command has written."""
    folder = tmp_path_factory.mktemp("command")
    done = command(folder, "run", "acc_profile", "--until", 4, "--seed", 3, "--set", "radio.loss=0.3", "--out", "here")
    assert done.returncode == 0
    return folder / "here"


@pytest.fixture(scope="module")
def run():
    """The same from Python."""
    return karyon.run(karyon.load("acc_profile", {"radio.loss": 0.3}, seed=3, until=4))


def test_a_run_is_that_of_the_command(by_command, run):
    """One way to run: the same bytes, and the same summary but for the time that it took."""
    for name in ("trace.parquet", "messages.parquet", "events.jsonl", "scenario.yaml"):
        assert (run.folder / name).read_bytes() == (by_command / name).read_bytes(), name
    read = karyon.read_run(by_command)
    assert read.events == run.events
    assert read.summary | {"wall": 0} == run.summary | {"wall": 0}


def test_a_trace_is_a_table_with_units(run):
    """As the file has it; what is absent is NaN."""
    trace = run.trace()
    written = parquet.read_table(run.folder / "trace.parquet")
    assert list(trace.columns) == written.schema.names == list(trace.attrs["units"])
    assert len(trace) == written.num_rows == 2 * 41
    assert (trace.attrs["units"]["gap"], trace.attrs["units"]["los_acc"]) == ("m", "")
    assert trace.gap[trace.vehicle == 0].isna().all()
    assert trace.gap[trace.vehicle == 1].tolist() == [gap for gap in written["gap"].to_pylist() if gap is not None]


def test_messages_are_a_table_with_lost_ones(run):
    """A lost message has no arrival."""
    messages = run.messages()
    assert set(messages.sender) == {0}  # the last car has nobody behind it
    assert 0.1 < messages.arrived.isna().mean() < 0.5


def test_figures_are_drawn_beside_the_run(by_command):
    """Those of `karyon plot`."""
    paths = karyon.read_run(by_command).plot()
    assert {path.suffix for path in paths} >= {".png", ".svg"}
    assert all(path.parent == by_command and path.stat().st_size > 10_000 for path in paths)


def test_one_follower_is_drawn_alone(by_command):
    """By its number."""
    assert [path.stem for path in karyon.read_run(by_command).plot(car=1)] == ["timeseries_car1"] * 3
    with pytest.raises(karyon.RunError, match="no car 2 that follows"):
        karyon.read_run(by_command).plot(car=2)


def test_figures_without_matplotlib_say_what_to_install(monkeypatch, run):
    """It is in an extra."""
    monkeypatch.delitem(sys.modules, "karyon.sim.view.plot", raising=False)
    monkeypatch.delattr("karyon.sim.view.plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'karyon\[view\]'"):
        run.plot()


def test_a_name_is_run_as_it_is(tmp_path):
    """As by the command; also of a file, and in a batch."""
    short = tmp_path / "short.yaml"
    short.write_text(f"extends: {shipped_scenarios()['acc_profile']}\nduration: 2\n")
    by_file, (in_batch,) = karyon.run(short), karyon.batch([str(short)])
    assert by_file.summary["duration"] == in_batch.summary["duration"] == 2.0
    assert by_file.events == in_batch.events
    with pytest.raises(karyon.InputError, match="did you mean `platoon`"):
        karyon.run("platon")


def test_a_batch_of_one_is_a_list():
    """A name is not a list of letters."""
    for wrong in ("platoon", Path("platoon.yaml"), karyon.load("platoon")):
        with pytest.raises(TypeError, match="a batch is a list of scenarios"):
            karyon.batch(wrong)


def test_what_is_no_scenario_is_a_type_error():
    """In words, and not by what it lacks."""
    with pytest.raises(TypeError, match=r"what karyon\.load returns, or its name or file, found dict"):
        karyon.run({"scenario": "platoon"})
    with pytest.raises(ValueError, match="1 scenarios need as many folders, found 2"):
        karyon.batch([karyon.load("acc_profile")], ["a", "b"])


@pytest.mark.parametrize("until", [1.5, "1.5 s", "1500 ms"])
def test_until_is_a_time(until):
    """In s, or with its unit."""
    assert karyon.load("acc_profile", until=until).scenario.duration == 1.5


@pytest.mark.parametrize("until", ["soon", "10 m", float("nan"), 0.0, "-1 s"])
def test_until_is_nothing_else(until):
    with pytest.raises(karyon.InputError, match="until"):
        karyon.load("acc_profile", until=until)


def test_a_run_keeps_out_of_the_folder_of_a_campaign(tmp_path):
    """By command, by `run` and in a batch: what is there stays as it was."""
    (tmp_path / "identity.json").write_text("{}")
    scenario = karyon.load("acc_profile", until=0.5)
    for start in (lambda: karyon.run(scenario, tmp_path), lambda: karyon.batch([scenario], [tmp_path])):
        with pytest.raises(karyon.InputError, match="the folder holds a campaign"):
            start()
    done = command(tmp_path, "run", "acc_profile", "--until", 0.5, "--out", ".")
    assert (done.returncode, "the folder holds a campaign" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]


def test_files_of_a_run_without_a_folder_go_with_it():
    """A sweep of a thousand runs does not fill the disk."""
    done = karyon.run(karyon.load("acc_profile", until=0.5))
    folder = done.folder
    assert (folder / "trace.parquet").is_file()
    del done
    gc.collect()
    assert not folder.exists()


def test_a_run_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    """Neither does one that is interrupted."""
    monkeypatch.setattr(api.tempfile, "tempdir", str(tmp_path))

    def interrupt(time):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        karyon.run(karyon.load("acc_profile", until=3), progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_a_run():
    """What it answers counts; the files are whole."""
    done = karyon.run(karyon.load("acc_profile", until=10), progress=lambda time: time < 2)
    assert not done.complete
    assert done.summary["duration"] == 2.0
    assert done.trace().time.max() == 1.9


FAULT = {"vehicle": 1, "signal": "front.distance", "mode": "drift", "onset": 2, "rate": 0.5}


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("radio.loss", 0.25, "0.25"),
        ("radio.loss", np.float64(0.25), "0.25"),
        ("vehicles", np.int64(3), "3"),
        ("kernel.enabled", False, "false"),
        ("radio.latency", "30 ms", "30 ms"),
        ("acc.controller", None, "null"),
        ("leader.speed", ((0, 20), (3, 12.5)), "[[0, 20], [3, 12.5]]"),
        ("leader.speed", np.array([[0.0, 20.0], [3.0, 12.5]]), "[[0, 20], [3, 12.5]]"),
        ("safety", Path("safety/acc.yaml"), "safety/acc.yaml"),
        ("faults", [FAULT], "[{vehicle: 1, signal: front.distance, mode: drift, onset: 2, rate: 0.5}]"),
        ("sensors.front.distance.sigma", 1e-7, "1e-7"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_a_setting_is_a_value_or_the_text_of_the_command(path, value, text):
    """Both say the same, and neither is what the scenario says by itself."""
    by_value, by_text = karyon.load("acc_profile", {path: value}), karyon.load("acc_profile", [f"{path}={text}"])
    assert by_value.scenario == by_text.scenario
    if text not in ("null", "safety/acc.yaml"):
        assert by_value.scenario != karyon.load("acc_profile").scenario


def test_a_text_is_a_text_whatever_is_in_it():
    """Quotes, braces and what YAML would take for a number stay as they are."""
    with pytest.raises(karyon.InputError, match="names a file that is not there"):
        karyon.load("acc_profile", {"safety": 'a "b" {c}: 1'})


@pytest.mark.parametrize("settings", [{"radio.loss": date(2025, 1, 1)}, {"faults": {FAULT["signal"]}}, "radio.loss=1"])
def test_what_no_scenario_can_hold_is_a_type_error(settings):
    with pytest.raises(TypeError):
        karyon.load("acc_profile", settings)


def test_bad_input_says_what_the_command_prints(tmp_path):
    """All faults at once, each with its place."""
    with pytest.raises(karyon.InputError) as raised:
        karyon.load("platoon", {"radio.loss": 30, "vehicels": 3})
    done = command(tmp_path, "run", "platoon", "--set", "radio.loss=30", "--set", "vehicels=3")
    assert done.returncode == 2
    assert done.stderr == f"{raised.value}\n2 errors, nothing was run\n"


def test_a_run_does_not_write_over_its_scenario(by_command):
    """A scenario that is read from a run's folder, and run into it."""
    with pytest.raises(karyon.InputError, match="holds the scenario itself"):
        karyon.run(karyon.load(by_command / "scenario.yaml"), by_command)
    assert (by_command / "trace.parquet").is_file()
    done = command(by_command, "run", "scenario.yaml", "--out", ".")
    assert (done.returncode, "holds the scenario itself" in done.stderr) == (2, True)


def test_a_batch_has_the_runs_that_each_is_alone(tmp_path):
    """With or without files; without, a trace is not there and the message says why."""
    scenarios = [karyon.load("acc_profile", {"radio.loss": 0.3}, seed=seed, until=4) for seed in (3, 4)]
    folders = [tmp_path / "a", tmp_path / "b"]
    alone = [karyon.run(scenario) for scenario in scenarios]
    for one, kept, loose in zip(alone, karyon.batch(scenarios, folders), karyon.batch(scenarios), strict=True):
        pd.testing.assert_frame_equal(one.trace(), kept.trace())
        assert one.events == kept.events == loose.events
        with pytest.raises(karyon.RunError, match="left no files"):
            loose.trace()
    assert not alone[0].trace().equals(alone[1].trace())


def test_a_batch_is_of_one_kind():
    """What one array cannot hold is refused; nothing is a batch, too."""
    assert karyon.batch([]) == []
    with pytest.raises(ValueError, match="differ only in"):
        karyon.batch([karyon.load("acc_profile", {"vehicles": number}, until=1) for number in (2, 3)])


@pytest.mark.parametrize("name", ["summary.json", "events.jsonl", "trace.parquet", "messages.parquet"])
@pytest.mark.parametrize("text", [None, b"{\xff", b"half"], ids=["absent", "no text", "cut off"])
def test_a_folder_without_a_whole_run_is_refused(by_command, tmp_path, name, text):
    """The message names the file, or the folder of it."""
    for path in by_command.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_bytes(text)
    with pytest.raises(karyon.RunError, match=str(tmp_path)):
        read = karyon.read_run(tmp_path)
        read.trace()
        read.messages()


def test_the_names_of_karyon_are_those_of_the_api():
    """Lazily imported, listed, and no others."""
    assert karyon.__all__ == api.__all__
    assert all(getattr(karyon, name) is getattr(api, name) for name in karyon.__all__)
    assert set(karyon.__all__) <= set(dir(karyon))
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        karyon.laod  # noqa: B018


def test_import_karyon_imports_nothing_else():
    """Neither NumPy nor anything of ours: it is the first line of a script, and of `karyon --help`."""
    shown = "import sys, karyon; print(*[name for name in sys.modules if name.split('.')[0] in ('karyon', 'numpy')])"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["karyon"]


def test_a_table_without_pandas_says_what_to_install(monkeypatch, run):
    """pandas is in an extra: the command does without."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'karyon\[data\]'"):
        run.trace()


# --- logs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path):
    """A small log, and a description of its sensor."""
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "sensors.yaml").write_text(SENSORS)
    return tmp_path


def test_a_log_is_judged_as_by_the_command(log):
    """Row by row, a failure put in first."""
    put = {"signal": "speed", "mode": "offset", "onset": 20, "duration": 2, "amplitude": 3}
    judged = karyon.perceive(log / "log.csv", log / "sensors.yaml", [put])
    text = ", ".join(f"{name}: {value}" for name, value in put.items())
    done = command(log, "perceive", "log.csv", "--sensors", "sensors.yaml", "--inject", text, "--out", "out.parquet")
    assert done.returncode == 0
    pd.testing.assert_frame_equal(judged, parquet.read_table(log / "out.parquet").to_pandas())
    assert len(judged) == 300
    assert judged.speed_validity[judged.time < 20].min() > 0.8 > judged.speed_validity[judged.time >= 20].min()
    pd.testing.assert_frame_equal(judged, karyon.perceive(log / "log.csv", log / "sensors.yaml", [text]))


def test_a_description_is_learnt_from_a_log(log):
    """As `--learn` prints it; and it can be used."""
    text = karyon.learn(log / "log.csv")
    assert command(log, "perceive", "log.csv", "--learn").stdout == text
    (log / "learnt.yaml").write_text(text)
    assert len(karyon.perceive(log / "log.csv", log / "learnt.yaml")) == 300


def test_a_log_that_is_cut_off_is_an_error(log):
    """No table that looks whole and is not."""
    (log / "log.csv").write_text(LOG + "30.0\n")
    with pytest.raises(karyon.InputError, match=r"log\.csv:302"):
        karyon.perceive(log / "log.csv", log / "sensors.yaml")
