"""`karyon perceive`: a log in, validities out, as a user runs it."""

import csv
import gzip
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from karyon.cli import app
from karyon.logs import judging, perceive
from karyon.logs.tables import LogError
from karyon.sim.documents import InputError
from tests.blocks import files

DATA = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[3] / "shared" / "data"))
SENSORS = """\
kind: signals
period: 0.1 s
time: {column: t}
signals:
  speed: {column: v, unit: m/s, range: [-1, 60], noise: 0.02, tolerated: 0.3}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with a sensors file; the current one."""
    monkeypatch.chdir(tmp_path)
    Path("sensors.yaml").write_text(SENSORS, "utf-8")
    return tmp_path


def log_of(speeds, times=None, name="log.csv"):
    """A log of one speed at 10 Hz."""
    times = [round(0.1 * k, 1) for k in range(len(speeds))] if times is None else times
    rows = [f"{time},{speed}" for time, speed in zip(times, speeds, strict=True)]
    path = Path(name)
    path.write_text("\n".join(["t,v", *rows, ""]), "utf-8")
    return path


def drive(samples=200, jump=0.0):
    """Speeds with noise, and a jump from sample 100 to 119."""
    speeds = 20.0 + np.sin(np.arange(samples) / 20.0) + np.random.default_rng(5).normal(0.0, 0.005, samples)
    speeds[100:120] += jump
    return [f"{speed:.4f}" for speed in speeds]


def run(*arguments):
    """The command; its exit code and what it printed."""
    done = CliRunner().invoke(app, ["perceive", *map(str, arguments)])
    return done


def read(path):
    """Rows of a CSV."""
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def test_a_row_per_row_in_the_same_order(folder):
    """With time, validity, age and detectors of each signal."""
    assert run(log_of(drive()), "--sensors", "sensors.yaml", "--out", "out.csv").exit_code == 0
    rows = read("out.csv")
    assert list(rows[0]) == ["time", "speed_validity", "speed_age", "speed_detectors"]
    assert [float(row["time"]) for row in rows] == pytest.approx([0.1 * k for k in range(200)])
    assert min(float(row["speed_validity"]) for row in rows) > 0.5


def test_a_fault_is_seen_and_named(folder):
    """A jump of 1 m/s for 2 s."""
    answer = run(log_of(drive(jump=1.0)), "--sensors", "sensors.yaml", "--out", "out.csv")
    rows = read("out.csv")
    assert all(float(row["speed_validity"]) < 0.5 and row["speed_detectors"] == "jump" for row in rows[100:120])
    assert all(float(row["speed_validity"]) > 0.5 for row in rows[:100] + rows[121:])
    assert "1 alarm    10.0 % below   first at 10.0 s: jump" in answer.stdout


def test_the_answer_depends_on_no_later_row(folder):
    """Causal: the rows before a cut are the same without what follows."""
    whole, part = log_of(drive(jump=1.0), name="whole.csv"), log_of(drive(jump=1.0)[:110], name="part.csv")
    for log in (whole, part):
        run(log, "--sensors", "sensors.yaml", "--out", log.with_suffix(".out"))
    assert read("whole.out")[:110] == read("part.out")


def test_parquet_by_its_ending(folder):
    """The same numbers."""
    log = log_of(drive(jump=1.0))
    for out in ("out.csv", "out.parquet"):
        run(log, "--sensors", "sensors.yaml", "--out", out)
    table = parquet.read_table("out.parquet").to_pylist()
    assert [row["speed_validity"] for row in table] == [float(row["speed_validity"]) for row in read("out.csv")]


def test_json_for_scripts(folder):
    """Counts and the first alarm."""
    answer = run(log_of(drive(jump=1.0)), "--sensors", "sensors.yaml", "--json")
    speed = json.loads(answer.stdout)["signals"]["speed"]
    assert (speed["samples"], speed["alarms"], speed["first_detectors"]) == (200, 1, "jump")
    assert Path("log.validity.csv").exists()


def test_one_row_is_a_log(folder):
    """And its sample is believed."""
    assert run(log_of(["20.0"]), "--sensors", "sensors.yaml", "--out", "out.csv").exit_code == 0
    assert [float(row["speed_validity"]) for row in read("out.csv")] == [1.0]


def test_missing_samples_and_bad_stamps_cost_validity_and_nothing_else(folder):
    """Empty cells, repeated and reordered rows."""
    speeds, times = drive(), [round(0.1 * k, 1) for k in range(200)]
    speeds[50] = ""
    times[100], times[150:152] = times[99], [times[151], times[150]]
    assert run(log_of(speeds, times), "--sensors", "sensors.yaml", "--out", "out.csv").exit_code == 0
    rows = read("out.csv")
    assert len(rows) == 200
    assert float(rows[50]["speed_age"]) == pytest.approx(0.1)
    assert rows[100]["speed_detectors"] == rows[151]["speed_detectors"] == "time_stamp"
    assert float(rows[155]["speed_validity"]) > 0.5


def test_a_bad_cell_is_refused_with_its_place(folder):
    """The rows before it are kept, all of them and no other; without any, nothing is left behind."""
    for bad in (50, 199):
        speeds = drive()
        speeds[bad] = "fast"
        answer = run(log_of(speeds), "--sensors", "sensors.yaml", "--out", "out.csv")
        assert answer.exit_code == 2
        assert f"log.csv:{bad + 2}:{3 + len(f'{bad / 10:.1f}') - 1}: error: `v` is `fast`, exp" in answer.stderr
        assert f"the {bad} rows before it are in out.csv" in answer.stderr
        assert "all of it" not in answer.stdout
        assert len(read("out.csv")) == bad
    Path("out.csv").unlink()
    answer = run(log_of(["fast", *drive()]), "--sensors", "sensors.yaml", "--out", "out.csv")
    assert isinstance(answer.exception, LogError)
    assert not list(Path().glob("out*"))


def test_a_log_that_is_cut_off_keeps_what_was_judged(folder):
    """Gzip that ends in the middle: exit code 2, and the rows before."""
    log = log_of(drive(samples=20_000))
    packed = gzip.compress(log.read_bytes())
    Path("cut.csv.gz").write_bytes(packed[: len(packed) * 3 // 4])
    answer = run("cut.csv.gz", "--sensors", "sensors.yaml", "--out", "out.csv")
    assert answer.exit_code == 2
    rows = read("out.csv")
    assert 100 < len(rows) < 20_000
    assert f"the {len(rows)} rows before it are in out.csv" in answer.stderr


def test_a_column_that_is_not_there(folder):
    """Which ones are?"""
    log_of(drive()).write_text("t,vv\n0,1\n", "utf-8")
    answer = run("log.csv", "--sensors", "sensors.yaml")
    assert "log.csv:1:1: error: has no column `v`" in str(answer.exception)
    assert "there are `t`, `vv`" in str(answer.exception)


def test_an_unknown_sensors_file(folder):
    """With the names of the shipped ones."""
    answer = run(log_of(drive()), "--sensors", "spm")
    assert isinstance(answer.exception, InputError)
    assert "did you mean `spmd`?" in str(answer.exception)


def test_blocks_do_not_matter(folder, monkeypatch):
    """However the reader cuts a log."""
    log = log_of(drive(jump=1.0))
    perceive.perceive(log, "sensors.yaml", Path("whole.csv"))
    blocks = judging.Log.blocks

    def cut(self, *arguments):
        for block in blocks(self, *arguments):
            for row in range(len(block.time)):
                yield judging.Block(
                    block.first_row + row,
                    block.lines[row : row + 1],
                    block.time[row : row + 1],
                    block.values[:, row : row + 1],
                    block.codes[:, row : row + 1],
                    block.labels,
                )

    monkeypatch.setattr(judging.Log, "blocks", cut)
    perceive.perceive(log, "sensors.yaml", Path("cut.csv"))
    assert Path("whole.csv").read_bytes() == Path("cut.csv").read_bytes()


def test_messages_get_a_row_each(folder):
    """Two honest senders a second apart, and one that jumps about."""
    rng = np.random.default_rng(6)
    lines = ["type,rcvTime,sendTime,sender_id,receiver_id,pos_x,pos_y,spd_x,spd_y,acl_x,acl_y,hed_x,hed_y"]
    for k in range(30):
        for sender, place in ((7, 10.0 * k), (8, 500.0 - 10.0 * k), (9, rng.uniform(0.0, 400.0))):
            speed = -10.0 if sender == 8 else 10.0
            lines.append(
                f"3,{k}.{sender},{k}.{sender},{sender},1,{place:.2f},{4 * sender},{speed},0,0,0,{speed / 10},0"
            )
    Path("messages.csv").write_text("\n".join([*lines, ""]), "utf-8")
    told = run("messages.csv", "--sensors", "veremi", "--out", "out.csv").stdout.splitlines()
    rows = read("out.csv")
    low = [row["sender"] for row in rows if float(row["validity"]) < 0.5]
    assert set(low) == {"9"}
    assert told[0] == f"90 messages   29.2 s   {len(low)} below validity 0.5"
    assert told[1] == "   of 1 of 3 senders:"
    assert told[2].split() == ["9", str(len(low)), "of", "30", "messages", f"{100 * len(low) / 30:.1f}", "%"]
    senders = json.loads(run("messages.csv", "--sensors", "veremi", "--json").stdout)["senders"]
    assert senders["9"] == {"messages": 30, "low": len(low)}
    assert [row["sender"] for row in rows[:3]] == ["7", "8", "9"]
    last = {row["sender"]: float(row["validity"]) for row in rows}
    assert last["7"] > 0.9 and last["8"] > 0.9 and last["9"] < 0.1


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings in {DATA} (KARYON_DATA names another folder)")
def test_real_faults_are_found(folder):
    """Labelled biases in the speed sensors of a real car: most samples found, few called wrongly."""
    log = DATA / "spmd_sensor_faults" / "bias_0.5_dur10_train.csv.gz"
    with gzip.open(log, "rt") as file:
        truth = [next(file) for _ in range(6001)]
    Path("log.csv").write_text("".join(truth), "utf-8")
    perceive.perceive(Path("log.csv"), "spmd", Path("out.csv"))
    called = np.array([float(row["gps_speed_validity"]) < 0.5 for row in read("out.csv")])
    faulty = np.array([row["fault_gps_speed"] == "1" for row in csv.DictReader(truth)])
    assert called[faulty].mean() > 0.9
    assert called[~faulty].mean() < 0.02


def test_a_log_without_any_of_the_signals(folder):
    """What is looked for, and what is there."""
    answer = run(log_of(drive()), "--sensors", "openacc")
    assert "log.csv: error: has none of the columns that the sensors file describes (`Speed{k}`)" in str(
        answer.exception
    )
    assert "there are `t`, `v`" in str(answer.exception)


def test_the_description_is_not_written_over(folder):
    """It is the work of a person."""
    answer = run(log_of(drive()), "--sensors", "sensors.yaml", "--out", "./sensors.yaml")
    assert (answer.exit_code, Path("sensors.yaml").read_text("utf-8")) == (2, SENSORS)
    assert "error: sensors.yaml is the description of the sensors: choose another --out" in answer.stderr


def test_an_answer_may_take_the_place_of_its_log(folder):
    """Who asks for that gets it, once the whole log is judged."""
    run(log_of(drive(jump=1.0)), "--sensors", "sensors.yaml", "--out", "out.csv")
    assert run("log.csv", "--sensors", "sensors.yaml", "--out", "log.csv").exit_code == 0
    assert Path("log.csv").read_bytes() == Path("out.csv").read_bytes()


def test_a_description_is_proposed(folder):
    """And taken: a healthy log raises no alarm with it."""
    log_of(drive(samples=2000))
    assert run("log.csv", "--learn", "--out", "proposed.yaml").exit_code == 0
    answer = run("log.csv", "--sensors", "proposed.yaml", "--out", "out.csv", "--json")
    assert json.loads(answer.stdout)["signals"]["v"]["alarms"] <= 1


def test_without_a_description_nothing_is_judged(folder):
    """With what to do."""
    answer = run(log_of(drive()))
    assert answer.exit_code == 2
    assert "--learn proposes one" in answer.stderr


OWN = '''
import numpy as np

class Ceiling:
    """Nothing above a value is believed."""

    def __init__(self, signal, period, rows):
        self.highest = 20.5

    def step(self, sample):
        return np.where(sample.value > self.highest, 0.25, 1.0)
'''


def test_a_detector_of_ones_own_is_loaded_from_the_current_folder(folder):
    """It is named where it lowers, and nowhere else."""
    Path("my_checks.py").write_text(OWN)
    Path("sensors.yaml").write_text(SENSORS.replace("tolerated:", 'detectors: ["my_checks:Ceiling"], tolerated:'))
    speeds = drive()
    assert run(log_of(speeds), "--sensors", "sensors.yaml", "--out", "out.csv").exit_code == 0
    rows = list(csv.DictReader(Path("out.csv").read_text("utf-8").splitlines()))
    named = ["my_checks:Ceiling" in row["speed_detectors"].split(";") for row in rows]
    assert named == [float(speed) > 20.5 for speed in speeds]
    assert 0 < sum(named) < len(named)
    assert [float(row["speed_validity"]) <= 0.25 for row in rows] == named


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("detectors: [nois], ", "names no detector: nois"),
        ("detectors: [rate], ", "needs `rate_limit`"),
        ("detectors: [cusum], ", "needs a relation of `speed`"),
        ("detectors: ['no_such:Thing'], ", "cannot be loaded: No module named 'no_such'"),
        ("detectors: ['broken_checks:Thing'], ", "it raises KeyError: 'here'"),
        ("detectors: ['broken_checks:Nothing'], ", "names `Nothing`, which broken_checks has not"),
    ],
)
def test_a_detector_that_cannot_be_used_is_refused_before_anything_is_judged(folder, entry, message):
    raising = "class Thing:\n    def __init__(self, *all):\n        raise KeyError('here')\n"
    Path("broken_checks.py").write_text(raising)
    Path("sensors.yaml").write_text(SENSORS.replace("tolerated:", f"{entry}tolerated:"))
    refused = run(log_of(drive()), "--sensors", "sensors.yaml", "--out", "out.csv")
    assert isinstance(refused.exception, InputError)
    assert message in str(refused.exception)
    assert not Path("out.csv").exists()


RANGES = """\
kind: signals
period: 0.1 s
time: {column: t}
signals:
  range: {column: r, unit: m, range: [0, 60], noise: 5, tolerated: 0.5, inertia: false}
ranging:
  - {signal: range, to: [x, y], noise: 0.1, detour: 0.5, acceleration: 0.5}
"""


PUT = "{signal: range, mode: offset, amplitude: 3, onset: 12 s, duration: 0.1 s}"


def test_ranges_are_judged_by_the_place_in_which_they_meet(folder):
    """Also with a failure put in, and with cells that are empty."""
    Path("sensors.yaml").write_text(RANGES)
    anchors = [(0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0)]
    noise = np.random.default_rng(8).normal(0.0, 0.05, 200)
    rows = [(at / 10, *anchors[at % 4]) for at in range(200)]
    lines = [f"{t:.1f},{x},{y},{np.hypot(x - 4, y - 3) + noise[at]:.3f}" for at, (t, x, y) in enumerate(rows)]
    lines[150] = lines[150].rsplit(",", 1)[0] + ","
    Path("log.csv").write_text("t,x,y,r\n" + "\n".join(lines) + "\n")
    assert run("log.csv", "--sensors", "sensors.yaml", "--out", "calm.csv").exit_code == 0
    put = run("log.csv", "--sensors", "sensors.yaml", "--out", "put.csv", "--inject", PUT)
    assert put.exit_code == 0, put.output
    calm, hit = (list(csv.DictReader(Path(name).read_text("utf-8").splitlines())) for name in ("calm.csv", "put.csv"))
    assert min(float(row["range_validity"]) for at, row in enumerate(calm) if at != 150) > 0.8
    low = [at for at, row in enumerate(hit) if float(row["range_validity"]) < 0.5]
    assert low == [at for at, row in enumerate(hit) if row["range_fault"] == "1"]
    assert all("ranging" in hit[at]["range_detectors"] for at in low)


def test_someone_who_cannot_wait_keeps_what_was_judged(folder, monkeypatch):
    """Ctrl-C while rows are judged: exit code 1, and the rows until then."""
    monkeypatch.setattr(judging, "PART", 50)
    stepped = judging.SignalJudge._chained

    def pressed(self, time, values):
        os.kill(os.getpid(), signal.SIGINT)
        return stepped(self, time, values)

    monkeypatch.setattr(judging.SignalJudge, "_chained", pressed)
    answer = run(log_of(drive()), "--sensors", "sensors.yaml", "--out", "out.csv")
    assert answer.exit_code == 1
    assert "interrupted: the 50 rows judged until then are in out.csv" in answer.stderr
    assert len(read("out.csv")) == 50


def test_parts_of_a_log_are_judged_as_the_whole(folder, monkeypatch):
    log = log_of(drive(jump=1.0))
    run(log, "--sensors", "sensors.yaml", "--out", "whole.csv")
    monkeypatch.setattr(judging, "PART", 7)
    run(log, "--sensors", "sensors.yaml", "--out", "parts.csv")
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("/dev/null", "/dev/null is no file"),
        (".", ". is no file"),
        ("no/such/out.csv", "there is no folder no/such"),
        ("out.csv.gz", "--out is a CSV file, or a Parquet file by its ending, found out.csv.gz"),
    ],
)
def test_what_cannot_hold_the_answer_is_refused(folder, out, message):
    answer = run(log_of(drive()), "--sensors", "sensors.yaml", "--out", out)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert not Path("/dev/null").is_file()


def test_a_link_is_followed(folder):
    Path("link.csv").symlink_to("there.csv")
    assert run(log_of(drive()), "--sensors", "sensors.yaml", "--out", "link.csv").exit_code == 0
    assert Path("link.csv").is_symlink()
    assert len(read("there.csv")) == 200


def test_what_does_not_go_together_is_refused(folder):
    log = log_of(drive())
    assert "goes with --out alone" in run(log, "--learn", "--sensors", "sensors.yaml").stderr
    assert "takes the place of the log" in run(log, "--sensors", "sensors.yaml", "--out", log, "--plot").stderr
    assert run(log, "--sensors", "sensors.yaml", "--seed", "-1").exit_code == 2


def silent(*stretches, samples=200):
    """A drive with stretches (first, last) of empty cells, `last` not among them."""
    speeds = drive(samples)
    for first, last in stretches:
        speeds[first:last] = [""] * (last - first)
    return speeds


def test_silence_is_told(folder):
    """Where cells are empty, where rows are missing, and at the end; but not a sample lost now and then."""
    answer = run(log_of(silent((20, 22), (50, 80), (190, 200))), "--sensors", "sensors.yaml", "--json")
    told = json.loads(answer.stdout)["signals"]["speed"]
    assert told["silences"] == 2
    assert told["longest_silence"] == pytest.approx(3.1)
    lines = log_of(drive()).read_text().splitlines()
    Path("log.csv").write_text("\n".join(lines[:50] + lines[90:]) + "\n")
    assert "silent 1 time, up to 4.1 s" in run("log.csv", "--sensors", "sensors.yaml").stdout


def test_silences_are_counted_the_same_in_parts(folder, monkeypatch):
    log = log_of(silent((20, 60), (61, 130)))
    whole = run(log, "--sensors", "sensors.yaml", "--json").stdout
    for part in (1, 9, 40):
        monkeypatch.setattr(judging, "PART", part)
        assert run(log, "--sensors", "sensors.yaml", "--json").stdout == whole


def test_another_rate_than_described_is_noticed(folder):
    """As of milliseconds that are taken for seconds."""
    assert "note:" not in run(log_of(drive()), "--sensors", "sensors.yaml").stdout
    Path("sensors.yaml").write_text(SENSORS.replace("period: 0.1 s", "period: 1 ms"))
    told = run("log.csv", "--sensors", "sensors.yaml").stdout
    assert "note: the rows are 0.1 s apart, the description says period 0.001 s" in told


def test_json_is_json_where_there_is_no_time(folder):
    """An empty time stamp is told as null."""
    lines = log_of(drive()).read_text().splitlines()
    Path("log.csv").write_text("\n".join([lines[0], "," + lines[1].split(",")[1], *lines[2:]]) + "\n")
    answer = run("log.csv", "--sensors", "sensors.yaml", "--json")
    told = json.loads(answer.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert told["begin"] is None
    assert told["signals"]["speed"]["first_alarm"] is None


def test_a_hand_over_of_a_radar_is_named_and_believed_when_it_has_settled(folder):
    """As the manual describes the radar; the new object is nearer and slower."""
    Path("radar.yaml").write_text(files("perceive.md")["radar.yaml"], "utf-8")
    rng, rows = np.random.default_rng(6), ["distance,rate"]
    for k in range(400):
        begin, rate = (80.0, -0.5) if k < 200 else (50.0, -2.0)
        distance = begin + 0.1 * rate * (k % 200) + rng.normal(0.0, 0.03)
        rows.append(f"{distance:.3f},{rate + rng.normal(0.0, 0.02):.3f}")
    Path("radar.csv").write_text("\n".join([*rows, ""]), "utf-8")
    assert run("radar.csv", "--sensors", "radar.yaml", "--out", "out.csv").exit_code == 0
    judged = read("out.csv")
    assert {k for k, row in enumerate(judged) if "track" in row["distance_detectors"]} == set(range(200, 210))
    assert all(float(row["distance_validity"]) > 0.8 for row in [*judged[:200], *judged[212:]])
    assert all(float(row["rate_validity"]) > 0.8 for row in [*judged[:200], *judged[212:]])


def test_the_modes_of_failures_are_listed_with_their_parameters(folder):
    """Without a description of the sensors; and an unknown mode says how."""
    told = run("log.csv", "--inject", "help")
    assert told.exit_code == 0
    assert "offset           a constant is added\n                    amplitude: a finite number" in told.stdout
    assert "sigma: a duration from 0 s to a day, s [0]" in told.stdout
    refused = run(log_of(drive()), "--sensors", "sensors.yaml", "--inject", "signal: speed, mode: qqq, onset: 3")
    assert "; `--inject help` tells their parameters" in str(refused.exception)
