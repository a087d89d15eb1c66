"""A live run: the window sees what is recorded, and changes none of it."""

import json

import numpy as np
import pytest

from karyon.sim import kinds
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view import overlay
from karyon.sim.view.live import Live, LiveError
from karyon.sim.view.recording import Recording
from karyon.sim.view.rows import Rows
from karyon.sim.view.scene import Eye
from karyon.sim.view.spool import BLOCK, Reader

FILES = ("trace.parquet", "messages.parquet", "events.jsonl", "scenario.yaml")
SETTINGS = ["duration=8", "vehicles=4", "radio.loss=0.3"]


@pytest.fixture(scope="module")
def loaded():
    """Four cars, whose messages are lost now and then."""
    return read("platoon", SETTINGS)


@pytest.fixture(scope="module")
def alone(loaded, tmp_path_factory):
    """The run that nobody looked at."""
    folder = tmp_path_factory.mktemp("alone")
    simulate([loaded], [folder])
    return folder


def test_who_is_looked_at_runs_as_who_is_not(loaded, alone, tmp_path):
    """Same bytes; and at each instant the same is seen as in the recording, all along."""
    live = Live(loaded, tmp_path)
    live.wait(8.0)
    seen, told = Eye(live), Eye(Recording(alone))
    for time in (0.0, 2.03, 5.5, 8.0):
        one, other = seen.look(time, 2), told.look(time, 2)
        np.testing.assert_array_equal(one.cars.x, other.cars.x)
        np.testing.assert_array_equal(one.levels, other.levels)
        np.testing.assert_array_equal(one.links.sender, other.links.sender)
        np.testing.assert_array_equal(one.links.is_heard, other.links.is_heard)
        assert dict(one.told) == dict(other.told)
        assert one.values.keys() == other.values.keys()
        assert one.happenings[: one.past] == other.happenings[: other.past]
        assert one.about.minimum == other.about.minimum
    assert (live.begin, live.end) == (0.0, 8.0)
    live.close()
    assert not live.has_failed
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (alone / name).read_bytes(), name


def test_a_vehicle_that_is_not_there_has_no_row(loaded, tmp_path):
    """Of three places in a record the last is empty at first, over the edge of two blocks, too."""
    layout = {"columns": ["time", "vehicle", "x"], "cars": 3, "sender": [0], "receiver": [1]}
    times = np.arange(BLOCK + 2) / 10
    table = np.stack([[[time] * 3, [0, 1, 9], [time + 2, time + 1, time if time > 6 else np.nan]] for time in times])
    (tmp_path / "layout.json").write_text(json.dumps(layout))
    (tmp_path / "trace").write_bytes(table.tobytes() + b"half a record")
    for name in ("messages", "events"):
        (tmp_path / name).touch()
    reader = Reader(tmp_path, loaded)
    reader.look()
    assert (reader.begin, reader.end) == (0.0, times[-1])
    rows = Rows.joined(reader.parts(5.9, 6.5))
    assert np.diff(rows.start).tolist() == [2, 2, 3, 3, 3, 3, 3]
    assert rows.columns["vehicle"].tolist() == [0, 1] * 2 + [0, 1, 9] * 5
    assert not np.isnan(rows.columns["x"]).any()


def test_a_fault_that_is_put_in_does_not_change_the_past(loaded, alone, tmp_path):
    """It begins when it was put in, and the recording is that of a scenario with this fault."""
    live = Live(loaded, tmp_path / "live")
    live.wait(5.0)
    live.inject({"vehicle": 2, "signal": "front.distance", "mode": "omission", "duration": 2.0}, 4.0)
    assert not live.is_ready, "until then the old run is shown"
    live.wait(8.0)
    (now,) = live.parts(3.9, 3.9)
    (before,) = Recording(alone).parts(3.9, 3.9)
    np.testing.assert_array_equal(now.columns["front.distance"], before.columns["front.distance"])
    assert [each.text for each in live.happenings if each.kind == "fault"] == [
        "front.distance: omission begins",
        "front.distance: omission ends",
    ]
    live.close()
    fault = "faults=[{vehicle: 2, signal: front.distance, mode: omission, onset: 4, duration: 2}]"
    simulate([read("platoon", [*SETTINGS, fault])], [tmp_path / "again"])
    for name in FILES:
        assert (tmp_path / "live" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_a_run_that_is_closed_at_once_leaves_a_whole_recording(loaded, tmp_path):
    """Of what there is until then."""
    live = Live(read("platoon", [*SETTINGS, "duration=3600"]), tmp_path)
    live.wait(1.0)
    live.close()
    recording = Recording(tmp_path)
    assert 1.0 <= recording.end < 3600.0
    assert 0.0 <= recording.about.duration - recording.end < 0.101, "the last instant was recorded"


def test_a_run_whose_files_cannot_be_written_says_so(loaded, tmp_path, capfd):
    """Of the process that simulates, one line and no traceback; who waits for it is told."""
    (tmp_path / "trace.parquet.part").mkdir()
    live = Live(loaded, tmp_path)
    with pytest.raises(LiveError, match="has ended before its first instant"):
        live.wait(1.0)
    assert live.notes == ("the simulation has failed: see the terminal",)
    live.close()
    assert capfd.readouterr().err == f"error: {tmp_path} cannot be written: Is a directory\n"


def test_a_run_that_cannot_be_written_says_so(loaded, tmp_path):
    """Before anything runs."""
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        Live(loaded, tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "choices"), [("platoon", (*overlay.FAULTS, *overlay.LIES)), ("flight", overlay.IN_THE_AIR)]
)
def test_every_fault_of_the_menu_does_something(name, choices):
    """On who is in the middle of all: none is refused by the scenario, and each changes what it acts on."""
    loaded = []
    for choice in choices:
        entry = {"vehicle": 1, "onset": 4.0, "duration": 2.0, **choice.fault}
        loaded.append(kinds.read(name, ["duration=7", "vehicles=4", f"faults=[{json.dumps(entry)}]"]))
    for choice, result in zip(choices, kinds.simulate(loaded, [None] * len(loaded)), strict=True):
        assert not [note for note in result.warnings if "changed no sample" in note], choice.words
        assert any(event["kind"] == "fault" for event in result.events)
