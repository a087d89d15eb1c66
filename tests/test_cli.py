"""The `karyon` command as a user runs it: a process of its own, its two streams, its exit code and its files."""

import errno
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

KARYON = [sys.executable, "-m", "karyon"]
COMMANDS = ("run", "check", "demo", "plot", "export", "bench", "doctor")
FILES = {"events.jsonl", "messages.parquet", "scenario.yaml", "summary.json", "trace.parquet"}
DRIFT = "faults=[{vehicle: 1, signal: front.distance, mode: drift, onset: 10, rate: 5}]"
SHORT = ("run", "acc_profile", "--until", "5")


@pytest.fixture
def karyon(tmp_path):
    """Runs the command in an empty folder; text out and err, and never a traceback."""

    def call(*arguments, **options):
        done = subprocess.run(
            [*KARYON, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, check=False, **options
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return call


def names(folder):
    """What a folder holds; it may be absent."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


# --- run ---------------------------------------------------------------------------------------------------------


def test_a_run_leaves_its_files_and_says_where(karyon, tmp_path):
    """In runs/SCENARIO unless told otherwise; what ran, whether it stayed safe, and what to look at next."""
    done = karyon(*SHORT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("acc_profile   2 vehicles · 5 s · seed 7\n")
    assert "no collision" in done.stdout
    assert done.stdout.endswith("look closer:   karyon view runs/acc_profile   or karyon plot runs/acc_profile\n")
    assert names(tmp_path / "runs/acc_profile") == FILES


def test_json_is_the_summary(karyon, tmp_path):
    """Nothing else is on standard output."""
    done = karyon(*SHORT, "--seed", 3, "--out", "here", "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "here/summary.json").read_text("utf-8"))
    assert json.loads(done.stdout)["seed"] == 3


def test_set_wins_over_seed(karyon):
    """As interfaces promise."""
    assert json.loads(karyon(*SHORT, "--seed", 3, "--set", "seed=4", "--json").stdout)["seed"] == 4


def test_until_ends_a_run_early_and_changes_nothing_before(karyon, tmp_path):
    """A fault that begins later is left out, and said; the trace is the first part of the whole one."""
    karyon("run", "acc_recorded", "--set", DRIFT, "--set", "duration=12", "--out", "whole")
    done = karyon("run", "acc_recorded", "--set", DRIFT, "--set", "duration=12", "--until", "5.5", "--out", "part")
    assert done.returncode == 0
    assert "1 of 1 faults left out: they begin after 5.5 s" in done.stdout
    whole, part = (parquet.read_table(tmp_path / name / "trace.parquet") for name in ("whole", "part"))
    assert part.num_rows == 2 * 56
    assert part.equals(whole.slice(0, part.num_rows))


def test_until_does_not_make_a_run_longer(karyon):
    """It ends when the scenario does."""
    assert json.loads(karyon(*SHORT[:2], "--set", "duration=4", "--until", 9, "--json").stdout)["duration"] == 4


def test_a_violated_goal_is_exit_1(karyon):
    """Without the kernel a drifting radar ends in a collision; the screen says which goal went."""
    settings = ("--set", DRIFT, "--set", "kernel.enabled=false", "--until", "30")
    done = karyon("run", "acc_profile", *settings)
    assert done.returncode == 1
    assert "1 collision" in done.stdout
    assert "violated:   no collision, once" in done.stdout


def test_the_screen_tells_fault_and_reason_of_a_switch(karyon):
    """In the order in which they happened."""
    told = karyon("run", "acc_profile", "--set", DRIFT, "--until", "15").stdout
    assert re.search(
        r"10\.00 s   car 1   front\.distance: drift, rate 5 m/s begins\n"
        r" +10\.\d\d s   car 1   LoS 2 → 0: validity of front\.distance 0\.\d\d < 0\.80\n",
        told,
    )


def test_a_fault_without_effect_is_warned_of(karyon):
    """A value already there: nothing was changed."""
    outlier = "faults=[{vehicle: 1, signal: front.distance, mode: outlier, amplitude: 9, probability: 0, onset: 1}]"
    assert "changed no sample" in karyon(*SHORT, "--set", outlier).stdout


def test_what_was_left_out_of_a_recording_is_warned_of(karyon, tmp_path):
    """A gap of 2 s cuts it in two; the longer piece is driven."""
    rows = [f"{second},15" for second in [*range(0, 40), *range(42, 60)]]
    (tmp_path / "drive.csv").write_text("\n".join(["t,v", *rows]))
    done = karyon(*SHORT[:1], "acc_recorded", *SHORT[2:], *recording("drive.csv", "{time: t, speed: v}"))
    assert done.returncode == 0
    assert re.search(r"^warning:   .*drive\.csv", done.stdout, re.MULTILINE)


def recording(name, columns):
    """Options that make a file the leader's recording."""
    return ("--set", f"leader.recording={name}", "--set", f"leader.columns={columns}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "acc_profle"), "did you mean `acc_profile`?"),
        (("run", "acc_profile", "--set", "radio.loss=10"), "radio.loss is a share from 0 to 1, found 10"),
        (("run", "acc_profile", "--set", "radio.loss"), "expected PATH=VALUE"),
        (("run", "acc_profile", "--seed", "-1"), "seed is a whole number"),
        (("run", "acc_profile", "--seed", "x"), "'--seed'"),
        (("run", "acc_profile", "--until", "nan"), "--until is a time above 0 s"),
        (("run", "acc_profile", "--until", "-5"), "--until is a time above 0 s"),
        (("run", "acc_profile", "--sead", "1"), "--sead"),
        (("run",), "Missing"),
        (("check",), "Missing"),
        (("check", "nowhere.yaml"), "there is no such file"),
        (("plot", "nowhere"), "nowhere"),
        (("fly",), "fly"),
    ],
)
def test_bad_input_is_exit_2_with_a_clear_message(karyon, tmp_path, arguments, said):
    """On standard error; nothing is run and nothing written."""
    done = karyon(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "drive.csv"),
        ("t,v\n0,10\n1,ten\n2,10\n", "drive.csv:3"),
        ("t,v\n0,10\n1,10\n1,10\n" + "".join(f"{s},10\n" for s in range(2, 20)), "drive.csv:4"),
        ("t,v\n" + "".join(f"{s},{1000}\n" for s in range(20)), "drive.csv:2"),
        ("t,v\n" + "".join(f"{s},10\n" for s in range(5)), "drive.csv"),
    ],
    ids=["empty", "text", "repeated time", "wrong unit", "too short"],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_bad_recording_is_exit_2_and_leaves_nothing(karyon, tmp_path, text, said, command):
    """The file and the line; `check` finds what `run` would."""
    (tmp_path / "drive.csv").write_text(text)
    scenario = "extends: acc_recorded.yaml\nleader: {recording: drive.csv, columns: {time: t, speed: v}}\n"
    (tmp_path / "own.yaml").write_text(scenario)
    done = karyon(command, "own.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert names(tmp_path) == {"drive.csv", "own.yaml"}


# --- where results go --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["file", "file/inside", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_is_exit_2(karyon, tmp_path, out):
    """Said before the run, with the folder."""
    (tmp_path / "file").touch()
    done = karyon(*SHORT, "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {out} cannot be written: ")
    assert names(tmp_path) == {"file"}


def test_a_full_disk_is_exit_2_and_leaves_nothing(karyon, tmp_path):
    """A limit on the size of files stands for the disk: writing fails in the middle of the trace."""

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = karyon("run", "acc_profile", "--until", "60", "--out", "out", preexec_fn=limited)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: out cannot be written: {os.strerror(errno.EFBIG)}\n"
    assert names(tmp_path) == set()


def test_a_run_is_never_a_mixture_of_two(karyon, tmp_path):
    """What an earlier run left under the same name is gone when the next one fails; other files stay."""
    karyon(*SHORT, "--out", "out")
    (tmp_path / "out/notes.txt").touch()
    (tmp_path / "out/trace.parquet.part").mkdir()  # so that the trace cannot be opened
    (tmp_path / "out/trace.parquet.part/x").touch()
    assert karyon(*SHORT, "--out", "out").returncode == 2
    assert names(tmp_path / "out") <= {"notes.txt", "trace.parquet.part"} | FILES - {"trace.parquet"}


def test_the_scenario_itself_is_not_written_over(karyon, tmp_path):
    """A run of ./scenario.yaml into the same folder would."""
    text = "extends: acc_profile.yaml\n"
    (tmp_path / "scenario.yaml").write_text(text)
    done = karyon("run", "scenario.yaml", "--out", ".")
    assert (done.returncode, done.stdout) == (2, "")
    assert (tmp_path / "scenario.yaml").read_text() == text
    assert names(tmp_path) == {"scenario.yaml"}


# --- long runs ---------------------------------------------------------------------------------------------------


def started(tmp_path, *options, **streams):
    """A run of an hour that is under way; one that is not played, or it would be over in three seconds."""
    process = subprocess.Popen(
        [*KARYON, "run", "platoon", "--set", "duration=3600", "--out", "out", *options], cwd=tmp_path, **streams
    )
    part = tmp_path / "out/trace.parquet.part"
    while not part.exists():
        assert process.poll() is None
        time.sleep(0.05)
    return process


def test_sigint_keeps_what_was_recorded(karyon, tmp_path):
    """Readable, whole, and said; its end is the one in the summary."""
    process = started(tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    interrupted = re.fullmatch(r"interrupted at (\S+) s: what was recorded until then is in out\n", err)
    assert "look closer" in out
    assert names(tmp_path / "out") == FILES
    summary = json.loads((tmp_path / "out/summary.json").read_text("utf-8"))
    times = parquet.read_table(tmp_path / "out/trace.parquet")["time"].to_numpy()
    assert float(interrupted[1]) == pytest.approx(summary["duration"], abs=0.05)
    assert summary["duration"] < 3600
    assert summary["duration"] - 0.1 <= times[-1] <= summary["duration"]


def test_a_run_beyond_its_wall_limit_is_ended(karyon, tmp_path):
    """What was recorded until then is kept, too."""
    done = karyon("run", "platoon", "--set", "duration=3600", "--set", "wall_limit=0.5", "--out", "out")
    assert done.returncode == 1
    assert done.stderr.startswith("ended by wall_limit, 0.5 s, at ")
    assert names(tmp_path / "out") == FILES


def test_progress_is_shown_on_a_terminal_alone(tmp_path):
    """With the time that is left, after 2 s; the line is gone when the run ends."""
    ours, theirs = pty.openpty()
    process = started(tmp_path, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = ""
    try:
        while "s left" not in shown:
            assert select.select([ours], [], [], 30)[0]
            shown += os.read(ours, 4096).decode()
        process.send_signal(signal.SIGINT)
        shown += rest_of(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert re.search(r"\r +\d+ of 3600 s +\d+ s left", shown)
    assert re.search(r"\r {40}\rinterrupted at ", shown)


def rest_of(terminal):
    """All that is still written to it; Linux ends it with an error once the other side is closed."""
    text = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            text += os.read(terminal, 4096)
        except OSError:
            break
    return text.decode()


# --- check -------------------------------------------------------------------------------------------------------


def test_check_shows_each_bound_against_the_ftti(karyon):
    """Wide or narrow, no word of it is cut."""
    done = karyon("check", "acc_recorded")
    assert done.returncode == 0
    assert done.stdout.startswith("acc_recorded   is well formed\n")
    for word in ("FTTI 1000", "T_detect", "T_switch", "FHTI", "margin", "lead.message: wrong_position", "saturation"):
        assert word in done.stdout
    assert "…" not in done.stdout
    assert "every bound is within the FTTI" in done.stdout


def test_check_says_what_nothing_shows_from_the_first_sample_on(karyon, tmp_path):
    """By what two receivers may be off; where the design does not say that, by anything."""
    assert "lead.message.position may be off by up to 5.4 m, and nothing" in karyon("check", "acc_recorded").stdout
    done = karyon("check", edited(tmp_path, bias=(" bias_max: 1.5,", "")), "--json")
    assert json.loads(done.stdout)[0]["from_the_start"] == {"lead.message.position": None, "front.distance": None}
    said = karyon("check", "design.yaml").stdout
    assert "front.distance may be too far by any amount, as no bias_max is stated, too near by any" in said


def test_check_takes_many_files_and_designs(karyon):
    """A scenario by its name and the design that it names, as a file: the same bounds."""
    design = Path(__file__).parent.parent / "scenarios/safety/acc.yaml"
    of_scenario, of_design = json.loads(karyon("check", "acc_profile", design, "--json").stdout)
    assert of_scenario["rows"] == of_design["rows"]
    assert {"hazard", "item", "modes", "detection", "switch", "handling", "ftti", "margin"} <= set(of_design["rows"][0])


def edited(tmp_path, **replaced):
    """The shipped design with texts replaced; its path."""
    text = (Path(__file__).parent.parent / "scenarios/safety/acc.yaml").read_text("utf-8")
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "design.yaml").write_text(text)
    return "design.yaml"


def test_a_bound_beyond_the_ftti_is_exit_1(karyon, tmp_path):
    """And the message names the failure and the hazard."""
    done = karyon("check", edited(tmp_path, ftti=("collision: {goal: no collision, ftti: 1.0 s", LATE)))
    assert done.returncode == 1
    assert re.search(r"too late:   front\.relative_speed: .*, against collision", done.stdout)


LATE = "collision: {goal: no collision, ftti: 0.5 s"


def test_a_level_that_nobody_reaches_is_found(karyon, tmp_path):
    """A message may be younger than messages come."""
    design = edited(tmp_path, age=("age(lead.message) <= 300 ms", "age(lead.message) <= 50 ms"))
    done = karyon("check", design)
    assert "unreachable:   acc LoS 2 and above: lead.message comes every 0.1 s, and may be 0.05 s old" in done.stdout


def test_a_signal_that_no_rule_guards_is_found(karyon, tmp_path):
    """The controller of LoS 1 needs the relative speed."""
    design = edited(
        tmp_path,
        validity=("          - validity(front.relative_speed) >= 0.8\n", ""),
        age=("          - age(front.relative_speed) <= 250 ms\n", ""),
    )
    done = karyon("check", design)
    assert done.returncode == 1
    assert "unguarded:   acc LoS 1 uses front.relative_speed" in done.stdout
    assert "every bound is within" not in done.stdout


def test_a_controller_that_cannot_drive_is_refused_with_all_that_is_wrong(karyon, tmp_path):
    """Its numbers are opaque to the kernel, and ours to know."""
    design = edited(
        tmp_path,
        one=("controller: {time_gap: 1.4}", "controller: {tim_gap: 1.4, gain: 0}"),
        two=("controller: {time_gap: 0.9}", "controller: {time_gap: 0.4}"),
    )
    for command in (["check", design], ["run", "acc_profile", "--set", f"safety={design}"]):
        done = karyon(*command)
        assert done.returncode == 2
        assert "unknown number `tim_gap` of TimeGap" in done.stderr
        assert "did you mean `time_gap`?" in done.stderr
        assert "`controller.time_gap` is missing" in done.stderr
        assert "gain: expected a number above 0, found 0" in done.stderr
        assert "expected more than the reaction time of 0.6 s, found 0.4" in done.stderr


def test_check_says_nothing_of_controllers_that_are_not_ours(karyon):
    said = karyon("check", str(Path(__file__).parent / "sim/design_of_another_kind.yaml")).stdout
    assert "unguarded" not in said
    assert "no hazard is declared" in said


def test_all_faults_of_all_files_are_told_at_once(karyon, tmp_path):
    """Each with its place."""
    (tmp_path / "a.yaml").write_text("extends: acc_profile.yaml\nseed: -1\n")
    (tmp_path / "b.yaml").write_text("extends: acc_profile.yaml\nvehicels: 3\n")
    done = karyon("check", "a.yaml", "b.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a.yaml:2:7: error:" in done.stderr
    assert "b.yaml:2:1: error:" in done.stderr
    assert done.stderr.endswith("2 errors, nothing was checked\n")


# --- demo, plot, doctor, bench -----------------------------------------------------------------------------------


def test_the_demo_tells_the_story_in_a_screenful(karyon, tmp_path):
    """What failed, which rule saw it, when, the switch beside its bound, and the end without the kernel."""
    done = karyon("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) < 30
    with_kernel, without = done.stdout.split("without the kernel:", 1)
    assert re.search(r"front\.distance: drift, rate \S+ m/s begins", with_kernel)
    assert re.search(r"LoS 2 → 0: validity of front\.distance", with_kernel)
    assert re.search(r"switched \d+ ms after the fault began", with_kernel)
    assert re.search(r"\d+ ms, bound \d+ ms", with_kernel)
    assert "no collision" in with_kernel
    assert re.search(r"car 1   collision", without)
    assert names(tmp_path / "runs/demo") >= FILES | {"timeseries.png", "timeseries.svg"}
    assert names(tmp_path / "runs/demo/without_kernel") == FILES


@pytest.fixture
def without_matplotlib(tmp_path):
    """The environment of a machine on which it is not installed."""
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow/matplotlib.py").write_text("raise ImportError('No module named matplotlib')")
    return os.environ | {"PYTHONPATH": str(tmp_path / "shadow")}


def test_the_demo_does_without_matplotlib(karyon, without_matplotlib):
    """And says how to get the picture."""
    done = karyon("demo", env=without_matplotlib)
    assert done.returncode == 0
    assert "pip install 'karyon[view]'" in done.stdout


def test_plot_without_matplotlib_is_exit_2(karyon, without_matplotlib):
    """With what to install."""
    done = karyon("plot", "runs/demo", env=without_matplotlib)
    assert done.returncode == 2
    assert "pip install 'karyon[view]'" in done.stderr


def test_plot_names_the_files_that_it_made(karyon, tmp_path):
    """PNG and SVG beside the trace."""
    karyon(*SHORT, "--out", "out")
    done = karyon("plot", "out")
    assert (done.returncode, done.stderr) == (0, "")
    made = [tmp_path / line for line in done.stdout.splitlines()]
    assert [path.suffix for path in made] == [".png", ".svg", ".pdf"]
    assert all(path.stat().st_size > 1000 for path in made)


def test_doctor_knows_what_is_installed(karyon):
    """Versions, extras, display and broker; the same as data."""
    told, found = karyon("doctor").stdout, json.loads(karyon("doctor", "--json").stdout)
    assert found["python"] in told
    assert found["packages"]["numpy"] in told
    assert {"extras", "display", "broker", "machine"} <= set(found)
    assert "\ndisplay" in told
    assert "\nbroker" in told


def test_bench_measures_three_sizes(karyon, tmp_path):
    """Medians with their spread, and the machine. How fast it is, is no matter of a test: nothing is compiled here."""
    broken = tmp_path / "broken" / "numba"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError\n")
    found = json.loads(karyon("bench", "--json", env={**os.environ, "PYTHONPATH": str(broken.parent)}).stdout)
    assert [size["rows"] for size in found["rows"]] == [10, 1_000, 10_000]
    assert all(0 < size["lowest"] <= size["vehicle_steps_per_second"] <= size["highest"] for size in found["rows"])
    assert "Python" in found["machine"]


# --- export ------------------------------------------------------------------------------------------------------


def test_an_export_says_where_it_is(karyon, tmp_path):
    """Beside the trace, unless told otherwise."""
    karyon(*SHORT, "--out", "out")
    done = karyon("export", "out", "--to", "commonroad")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out/commonroad.xml\n", "")
    assert karyon("export", "out", "--to", "fcd", "--out", "cars.xml.gz").stdout == "cars.xml.gz\n"
    assert names(tmp_path / "out") == FILES | {"commonroad.xml"}
    assert names(tmp_path) == {"out", "cars.xml.gz"}


def test_what_cannot_be_exported_is_said(karyon, tmp_path):
    """One message, and nothing is left behind."""
    karyon(*SHORT, "--out", "out")
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut/trace.parquet").write_bytes((tmp_path / "out/trace.parquet").read_bytes()[:-100])
    for arguments, told in {
        ("nowhere", "--to", "fcd"): "error: nowhere: no such folder\n",
        (
            "empty",
            "--to",
            "fcd",
        ): "error: empty/trace.parquet: not there; `karyon run SCENARIO --out empty` writes it\n",
        ("cut", "--to", "commonroad"): "error: cut/trace.parquet: cannot be read: ",
        (
            "out",
            "--to",
            "fcd",
            "--out",
            "x/fcd.xml",
        ): f"error: x/fcd.xml cannot be written: {os.strerror(errno.ENOENT)}\n",
        ("out", "--to", "fcd", "--out", "fcd.csv"): "error: --out ends in .xml or .xml.gz for fcd, found fcd.csv\n",
        (
            "out",
            "--to",
            "commonroad",
            "--out",
            "a.xml.gz",
        ): "error: --out ends in .xml for commonroad, found a.xml.gz\n",
    }.items():
        done = karyon("export", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(told)
        assert done.stderr.count("\n") == 1
    assert karyon("export", "out", "--to", "gpx").returncode == 2
    assert names(tmp_path) == {"out", "empty", "cut"}
    assert names(tmp_path / "cut") == {"trace.parquet"}


# --- all of them -------------------------------------------------------------------------------------------------


def test_help_lists_the_commands(karyon):
    """`karyon --help` has one line for each."""
    told = karyon("--help").stdout
    assert [command for command in COMMANDS if not re.search(rf"^  {command} ", told, re.MULTILINE)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(karyon, command):
    """And exit 0."""
    done = karyon(command, "--help")
    assert done.returncode == 0
    assert f"Example: karyon {command}" in done.stdout


def test_help_imports_no_simulator():
    """What makes help slow: NumPy, SimPy, pydantic, pyarrow."""
    code = "import sys, karyon.cli; print([m for m in ('numpy', 'simpy', 'pydantic', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_fault_of_our_own_is_exit_3_in_one_line(tmp_path):
    """Here the simulator is broken on purpose; nothing half-written stays."""
    code = (
        "import sys\n"
        "from karyon import cli\n"
        "from karyon.sim.engine import Simulation\n"
        "def broken(self, now): raise ZeroDivisionError('float division by zero')\n"
        "Simulation._control = broken\n"
        "sys.argv = ['karyon', 'run', 'acc_profile', '--out', 'out']\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("karyon failed: ZeroDivisionError: float division by zero")
    assert len(done.stderr.splitlines()) == 1
    assert names(tmp_path) == set()


def test_a_reader_that_leaves_is_no_fault(tmp_path):
    """As in `karyon check acc_profile | head -1`."""
    line = f"{sys.executable} -m karyon check acc_profile | head -1"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "acc_profile   is well formed\n"
    assert done.stderr == ""


def test_nobody_to_answer_is_no_fault(tmp_path):
    """As with `karyon check file >&-`."""
    line = f"{sys.executable} -m karyon check acc_profile >&-"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_behind_the_answer_is_exit_2(tmp_path):
    """As with `karyon check > file`."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*KARYON, "check", "acc_recorded"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "error: the answer cannot be printed: No space left on device\n")


@pytest.mark.parametrize("command", [["check", "nosuch"], ["perceive", "nosuch.csv", "--sensors", "spmd"]])
def test_a_full_disk_behind_an_error_leaves_its_exit_code(tmp_path, command):
    """As with `karyon check nosuch 2> file`: bad input is 2, told or not."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*KARYON, *command], cwd=tmp_path, stderr=full, check=False)
    assert done.returncode == 2


def test_a_fall_early_in_a_run_is_told_with_the_rise_after_it(karyon):
    """Only the first rise, by which a car comes into service, is no news."""
    fault = "faults=[{vehicle: 1, signal: lead.message, mode: omission, onset: 2, duration: 0.5}]"
    said = karyon("run", "acc_profile", "--until", "8", "--set", fault).stdout
    assert [line.split("LoS ")[1][:5] for line in said.splitlines() if " → " in line] == ["2 → 1", "1 → 2"]
