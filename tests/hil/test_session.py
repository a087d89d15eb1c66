"""A session with a real broker and a device that plays a drive, and the same session once more without them."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from karyon.hil import device, drive, session
from karyon.hil.address import parse
from karyon.hil.client import BrokerError, Client
from karyon.sim import scenario
from karyon.sim.documents import InputError
from karyon.sim.shipped import SHIPPED
from tests.hil.test_broker import Listener

DRIVE = SHIPPED / "recordings" / "made_up.csv"
PATIENCE = 60.0  # s for what takes some seconds, on a machine that is busy


class Playing:
    """A device in a thread of its own, until the end of the block."""

    def __init__(self, url, *faults):
        self._player = device.Player.of(drive.read(DRIVE), device.faults(faults))
        self._device = device.Device(parse(url), "device")
        self._is_over = threading.Event()
        self._thread = threading.Thread(
            target=device.play, args=(self._player, self._device, lambda _: not self._is_over.is_set())
        )

    def __enter__(self):
        self._device.client.start()
        self._thread.start()

    def __exit__(self, *error):
        self._is_over.set()
        self._thread.join()
        self._device.client.stop()


class Until:
    """Ends a session once its events say so; fails where they never do."""

    def __init__(self, *wanted):
        self._wanted, self._started = list(wanted), time.monotonic()
        self.log = None

    def attend(self, simulation):
        self.log = simulation.log

    def __call__(self, now):
        levels = [event["to"] for event in self.log.events[0] if event["kind"] == "los"]
        assert time.monotonic() - self._started < PATIENCE, levels
        return 1 not in levels


@pytest.fixture
def recorded(broker, tmp_path):
    """A session that has ended when LoS 1 was reached; its folder and what was said."""
    loaded, until = scenario.read("hil_bench"), Until()
    with Playing(broker.url):
        said = []
        with Listener(parse(broker.url), "karyon/1/1/kernel/#", "karyon/1/1/command", "karyon/1/bench/$state") as told:
            out = tmp_path / "bench"
            session.live(loaded, parse(broker.url), out, said.append, until, until.attend, with_commands=True)
            while ("karyon/1/bench/$state", b"disconnected", False) not in told.heard:
                told.wait()
    return out, said, told.heard


def test_a_session_reaches_a_level_and_replays_bit_for_bit(recorded, tmp_path):
    """The kernel trusts what the device says; what nobody knows is not judged; the recording holds all of it."""
    folder, said, told = recorded
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["metrics"]["messages"] > 0
    assert summary["metrics"]["messages_refused"] == 0
    assert summary["metrics"]["measurement_latency_p50"] > 0
    assert (summary["collisions"], summary["min_gap"], summary["mean_time_gap"]) == (None, None, None)
    judged = {goal: each["violated"] for goal, each in summary["safety_goals"].items()}
    assert judged["no collision"] is judged["RSS distance kept"] is None
    assert judged["bad data out of command in time"] is not None
    assert any("own.speed of car 1" in line and "clock" in line for line in said)
    session.replay(scenario.read(folder / "scenario.yaml"), folder, tmp_path / "again", None)
    for name in ("trace.parquet", "events.jsonl"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert not list(folder.glob("*.part"))
    levels = [json.loads(payload)["los"] for topic, payload, _ in told if topic.endswith("/los")]
    assert levels[:2] == [0, 1]
    told_events = [json.loads(payload) for topic, payload, _ in told if topic.endswith("/event")]
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]
    assert told_events == events[: len(told_events)] != []
    commands = [json.loads(payload) for topic, payload, _ in told if topic.endswith("/command")]
    assert [each["seq"] for each in commands] == list(range(1, len(commands) + 1))
    assert max(np.diff([each["t"] for each in commands])) >= 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["{signal: front.distance, mode: drift, onset: 3}"], "needs `rate`"),
        (["{signal: lead.message, mode: omission, onset: 3}"], "a device sends front.distance"),
        (["{signal: front.distance, mode: drifft, onset: 3}"], "did you mean `drift`?"),
        (["drift"], "a fault is a mapping of fields"),
        (["{", "[]"], "2 errors"),
    ],
)
def test_a_fault_that_a_device_cannot_have_is_refused(options, said):
    with pytest.raises(InputError) as error:
        device.faults(options)
    told = str(error.value)
    assert (len(error.value.faults) == 2) if said == "2 errors" else said in told, told


def test_a_device_plays_its_faults():
    """Those of the engine, at the same times."""
    player = device.Player.of(
        drive.read(DRIVE),
        device.faults(
            [
                "{signal: front.distance, mode: offset, amplitude: 3 m, onset: 1, duration: 1}",
                "{signal: own.speed, mode: omission, probability: 1, onset: 2}",
            ]
        ),
    )
    plain = device.Player.of(drive.read(DRIVE), [])
    for instant, when in enumerate(plain.drive.time[:40]):
        failed, usual = player.at(instant), plain.at(instant)
        ahead = failed.value[0, 0] - usual.value[0, 0]
        assert ahead == pytest.approx(3.0 if 1.0 <= when < 2.0 else 0.0)
        assert failed.fresh[2, 0] == (when < 2.0)


def test_a_broker_that_is_not_there_is_named(tmp_path):
    client = Client(parse("mqtt://127.0.0.1:1"), "nobody", [], lambda *_: None)
    with pytest.raises(BrokerError, match=r"there is no broker at mqtt://127.0.0.1:1: Connection refused"):
        client.start()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a drive in OpenACC's format"),
        ("Vehicle_order,A,B\nTime,Speed1,IVS1\n", "has no column Speed2"),
        ("Vehicle_order,A,B\nTime,Speed1,Speed2,IVS1\n1,2,3,4\n1,2,3,4\n2,2,3\n", ":4: error: time does not rise here"),
        ("Vehicle_order,A,B\nTime,Speed1,Speed2,IVS1\n1,2,3,4\n", "has 1 rows, expected at least 2"),
    ],
)
def test_a_drive_that_cannot_be_played_is_refused(tmp_path, text, said):
    path = Path(tmp_path / "drive.csv")
    path.write_text(text, "utf-8")
    with pytest.raises(drive.RecordingError) as error:
        drive.read(path)
    assert said in str(error.value)
