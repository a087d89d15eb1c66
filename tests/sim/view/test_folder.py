"""The folder of a run is judged alike by window and figures: refused in the same words, or shown with the same note."""

import json
import shutil
from pathlib import Path

import pytest
from pyarrow import parquet

from karyon import __version__
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view.folder import RunError
from karyon.sim.view.plot import plot
from karyon.sim.view.recorded_platoon import read as read_platoon
from karyon.sim.view.recording import Recording


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three cars that talk to each other."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read("acc_profile", ["duration=3", "vehicles=3"])], [folder])
    return folder


@pytest.fixture
def broken(run, tmp_path):
    """A copy of the run, to be broken."""
    return Path(shutil.copytree(run, tmp_path / "broken"))


def cut(path):
    """As a machine leaves it that lost power."""
    path.write_bytes(path.read_bytes()[:-100])


def kept(number):
    """The first rows alone."""
    return lambda path: parquet.write_table(parquet.read_table(path).slice(0, number), path)


def without(name):
    """Of an older version, which did not have this column."""
    return lambda path: parquet.write_table(parquet.read_table(path).drop_columns(name), path)


REFUSED = {
    "a cut trace": ("trace.parquet", cut, "cannot be read, it is damaged or cut off"),
    "cut messages": ("messages.parquet", cut, "cannot be read, it is damaged or cut off"),
    "no instant": ("trace.parquet", kept(0), "holds no instant"),
    "one instant": ("trace.parquet", kept(3), "holds a single instant"),
    "no trace": ("trace.parquet", Path.unlink, "not there; `karyon run SCENARIO --out"),
    "no summary": ("summary.json", Path.unlink, "not there; `karyon run SCENARIO --out"),
    "no scenario": ("scenario.yaml", Path.unlink, "not there; `karyon run SCENARIO --out"),
    "a cut summary": ("summary.json", cut, "not JSON"),
    **{f"no {name}": ("trace.parquet", without(name), f"no column {name}: recorded") for name in ("lane", "gap", "x")},
    "no age": ("trace.parquet", without("own.speed_age"), "no column own.speed_age: recorded"),
    "no receiver": ("messages.parquet", without("receiver"), "no column receiver: recorded"),
}


@pytest.mark.parametrize(("name", "damage", "said"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_whole_run_is_refused_in_the_same_words(broken, name, damage, said):
    """With the name of the file, and no picture."""
    damage(broken / name)
    told = []
    for look in (Recording, plot, read_platoon):
        with pytest.raises(RunError) as refusal:
            look(broken)
        told.append(str(refusal.value))
    assert told[0] == told[1] == told[2]
    assert told[0].startswith(f"{broken / name}: ")
    assert said in told[0]
    assert not list(broken.glob("*.png"))


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.0.9", f"by an older version, KARYON 0.0.9; this is {__version__}"),
        ("99.1", f"by a newer version, KARYON 99.1; this is {__version__}"),
        (__version__, f"by an older state of KARYON {__version__}, or changed since"),
        (None, "by an older version of KARYON"),
    ],
)
def test_a_missing_column_is_told_with_the_version_that_recorded_it(broken, version, said):
    """And what to do."""
    without("lane")(broken / "trace.parquet")
    summary = json.loads((broken / "summary.json").read_text()) | {"version": version}
    (broken / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(RunError) as refusal:
        Recording(broken)
    trace = broken / "trace.parquet"
    assert str(refusal.value) == f"{trace}: has no column lane: recorded {said}; run its scenario again"


def test_a_run_without_events_is_shown_with_a_note(broken):
    """It tells what is not shown."""
    (broken / "events.jsonl").unlink()
    recording = Recording(broken)
    assert recording.happenings == []
    assert recording.notes == read_platoon(broken).notes != ()
    assert plot(broken)


def test_a_run_without_messages_is_shown_with_a_note(broken):
    (broken / "messages.parquet").unlink()
    assert Recording(broken).notes == ("messages.parquet is not there: who heard whom is not shown",)
    assert plot(broken)
