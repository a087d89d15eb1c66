"""A session with a real broker and a device that plays a drive, and the same session once more without them."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from karyon.hil import device, drive, session
from karyon.hil.address import parse
from karyon.hil.bridge import Bridge
from karyon.hil.client import BrokerError, Client
from karyon.hil.outlet import Outlet
from karyon.hil.record import Recorded, Writer
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


WHOLE = ('{"v":1,"started":5,"unix":7}', '{"at":0,"lag":0,"messages":[["a",6,"1",0]]}', '{"ended":null}')


@pytest.mark.parametrize(
    ("place", "line", "said"),
    [
        (0, '{"v":7,"started":5,"unix":7}', ":1: error: is not a line of a session"),
        (1, '{"at":0,"lag":1e999,"messages":[]}', ":2: error: is not a line of a session"),
        (1, '{"at":5.7,"lag":0,"messages":[]}', ":2: error: is not a line of a session"),
        (1, '{"at":0,"lag":0,"messages":[["a",6,"\\u20ac",0]]}', ":2: error: holds a payload that is not in Latin-1"),
        (2, '{"ended":"abc"}', ":3: error: is not the end of a session"),
        (2, '{"at":1,"lag":0,"messages":[]}', ":3: error: is not the end of a session"),
    ],
)
def test_a_recording_that_is_damaged_is_refused(tmp_path, place, line, said):
    path = tmp_path / "bench.jsonl"
    path.write_text("\n".join(WHOLE), "utf-8")
    assert Recorded(tmp_path, {}).drain(0, 0).messages[0].payload == b"1"
    path.write_text("\n".join([*WHOLE[:place], line, *WHOLE[place + 1 :]]), "utf-8")
    with pytest.raises(InputError) as error:
        Recorded(tmp_path, {})
    assert said in str(error.value)


def test_what_was_signed_is_replayed_with_its_keys_and_no_others(tmp_path):
    """The recording does not tell them."""
    keys = {"karyon/1/1/own.speed/m": b"0123456789abcdef"}
    writer = Writer(tmp_path, keys)
    writer.begin(5, 7)
    writer.close(None)
    text = (tmp_path / "bench.jsonl").read_text("utf-8")
    assert keys["karyon/1/1/own.speed/m"].hex() not in text
    assert Recorded(tmp_path, keys).started == 5
    for other, said in (({}, "given are none"), ({"karyon/1/1/own.speed/m": b"x" * 16}, "given are other keys")):
        with pytest.raises(InputError, match=f"recorded with --keys for karyon/1/1/own.speed/m; {said}"):
            Recorded(tmp_path, other)


def test_a_bench_that_hears_nothing_any_more_says_so_and_is_late(broker, tmp_path):
    """The process that listens is killed: that is no silence of devices, but the bench's own failure."""
    loaded, said = scenario.read("hil_bench", ["duration=4"]), []

    class Dying(Bridge):
        def start(self):
            super().start()
            threading.Timer(3.0, self._listener._process.kill).start()

    with Playing(broker.url), pytest.MonkeyPatch.context() as patched:
        patched.setattr(session, "Bridge", Dying)
        result = session.live(loaded, parse(broker.url), tmp_path, said.append, None)
    assert any("the process that hears messages has ended" in line for line in said)
    assert result.summary["metrics"]["missed_deadlines"] > 100
    session.replay(scenario.read(tmp_path / "scenario.yaml"), tmp_path, tmp_path / "again", None)
    assert (tmp_path / "events.jsonl").read_bytes() == (tmp_path / "again" / "events.jsonl").read_bytes()


def test_a_broker_that_has_forgotten_is_told_again(broker):
    """Levels and names for Home Assistant are retained by a broker that lives."""
    bridge = Bridge(parse(broker.url), "bench", {"a": 10}, [], print)
    bridge.start()
    outlet, level = Outlet(bridge.client, 1, with_commands=False), np.array([1])
    outlet.attend(None)
    outlet.tell(0, level)
    before = bridge.client.connections
    broker.kill()
    broker.start()
    began = time.monotonic()
    while bridge.client.connections == before:
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.05)
    with Listener(parse(broker.url), "karyon/1/1/kernel/los", "homeassistant/#") as told:
        for _ in range(100):  # the first ones may be before the subscription
            bridge.client.publish("homeassistant/x", b"")
            if told._news.acquire(timeout=0.2):
                break
        outlet.tell(1, level)
        while len({topic for topic, _, _ in told.heard}) < 3:
            told.wait()
    bridge.close()
    topics = {topic for topic, _, _ in told.heard} - {"homeassistant/x"}
    assert topics == {"karyon/1/1/kernel/los", "homeassistant/sensor/karyon_1_los/config"}
