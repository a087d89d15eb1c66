"""`karyon campaign` and `karyon replay` as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from pyarrow import parquet

from tests.campaign.plans import SHORT, written

KARYON = [sys.executable, "-m", "karyon"]
RUNS = ("--runs", "30", "--seed", "5", "--workers", "1")


def karyon(folder, *arguments):
    command = [*KARYON, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a plan and its campaign in `out`."""
    folder = tmp_path_factory.mktemp("campaign")
    written(folder)
    done = karyon(folder, "campaign", "short.yaml", *RUNS, "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_it_prints_what_came_of_it(finished):
    folder, said = finished
    lines = said.splitlines()
    assert lines[0] == "short   30 runs, seed 5"
    assert lines[2].split("   ")[-1] == "rate, with its 95 % interval"
    assert lines[3].startswith("distance")
    assert lines[5].split() == ["in", "all", "30", "0", "0", "(0", "to", "0.12)"]
    assert "karyon replay out" in said
    assert parquet.read_table(folder / "out" / "runs.parquet").num_rows == 30


def test_again_on_its_folder_it_computes_nothing_and_says_the_same(finished):
    folder, said = finished
    before = (folder / "out" / "runs.parquet").read_bytes()
    again = karyon(folder, "campaign", "short.yaml", *RUNS, "--out", "out")
    assert (again.returncode, again.stdout) == (0, said)
    assert (folder / "out" / "runs.parquet").read_bytes() == before


def test_a_replayed_run_says_what_its_row_says(finished):
    folder, _ = finished
    row = parquet.read_table(folder / "out" / "runs.parquet").to_pylist()[17]
    done = karyon(folder, "replay", "out", 17, "--json", "--out", "seventeen")
    assert done.returncode == 0
    summary = json.loads(done.stdout)
    for name in ("seed", "collisions", "min_gap", "min_time_to_collision", "min_rss_margin"):
        assert summary[name] == row[name]
    assert (folder / "seventeen" / "trace.parquet").exists()


def test_a_row_that_was_changed_is_told_by_its_replay(finished, tmp_path):
    folder, _ = finished
    subprocess.run(["cp", "-r", folder / "out", tmp_path / "out"], check=True)
    table = parquet.read_table(tmp_path / "out" / "runs.parquet").to_pandas()
    table.loc[3, "min_gap"] += 1e-9
    table.to_parquet(tmp_path / "out" / "runs.parquet")
    done = karyon(tmp_path, "replay", "out", 3, "--out", "three")
    assert done.returncode == 1
    assert done.stderr.startswith("not as in the campaign: min_gap ")


def test_two_shards_and_their_merge_come_to_the_same(finished):
    folder, _ = finished
    for shard in ("2/2", "1/2"):
        done = karyon(folder, "campaign", "short.yaml", *RUNS, "--out", "shards", "--shard", shard)
        assert done.returncode == 0
        if shard == "2/2":
            assert "15 of 30 runs are in shards" in done.stderr
            assert not (folder / "shards" / "campaign.json").exists()
    done = karyon(folder, "campaign", "short.yaml", *RUNS, "--out", "shards", "--merge", "--json")
    whole = json.loads((folder / "out" / "campaign.json").read_text())
    assert json.loads(done.stdout)["digest"] == whole["digest"]


def test_what_is_killed_goes_on_where_it_stopped(finished):
    folder, _ = finished
    command = [*KARYON, "campaign", "short.yaml", *RUNS, "--out", "killed", "--batch", "1"]
    child = subprocess.Popen(command, cwd=folder, start_new_session=True)
    parts, until = folder / "killed" / "parts", time.monotonic() + 60.0
    while len(list(parts.glob("*.parquet"))) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    there = len(list(parts.glob("*.parquet")))
    assert 3 <= there < 30
    done = karyon(folder, "campaign", "short.yaml", *RUNS, "--out", "killed", "--json")
    found, whole = json.loads(done.stdout), json.loads((folder / "out" / "campaign.json").read_text())
    assert found["digest"] == whole["digest"]
    assert found["computed"] == 30 - there


def test_ctrl_c_keeps_what_is_there(finished):
    folder, _ = finished
    command = [*KARYON, "campaign", "short.yaml", *RUNS, "--out", "interrupted", "--batch", "1"]
    child = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)
    parts, until = folder / "interrupted" / "parts", time.monotonic() + 60.0
    while not list(parts.glob("*.parquet")) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "of 30 runs are in interrupted: the same command goes on" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("short.yaml", "--out", "fresh"), "error: --runs is missing"),
        (
            ("short.yaml", "--runs", "30", "--seed", "6", "--out", "out"),
            "differs in seed (5, now 6)",
        ),
        (("short.yaml", "--runs", "5", "--out", "fresh", "--shard", "3"), "error: --shard is K/N"),
        (("acc_falts", "--runs", "5", "--out", "fresh"), "did you mean `acc_faults`?"),
        (("short.yaml", "--runs", "0", "--out", "fresh"), "'--runs'"),
        (("short.yaml", "--runs", "5", "--out", "short.yaml"), "short.yaml cannot be written"),
    ],
)
def test_what_makes_no_sense_is_refused(finished, arguments, said):
    folder, _ = finished
    done = karyon(folder, "campaign", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (folder / "fresh").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("out", "30"), "has the runs 0 to 29, and no run 30"),
        (("nowhere", "3"), "nowhere holds no campaign"),
        (("shards/parts", "3"), "holds no campaign"),
    ],
)
def test_a_run_that_is_not_there_cannot_be_replayed(finished, arguments, said):
    folder, _ = finished
    done = karyon(folder, "replay", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_plan_with_faults_names_them_all(tmp_path):
    written(tmp_path, SHORT.replace("front.distance", "front.distanse").replace("[0.3, 1]", "[0.3, 1.5]"))
    done = karyon(tmp_path, "campaign", "short.yaml", *RUNS)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 2
    assert done.stderr.splitlines()[-1] == "2 errors, nothing was run"
