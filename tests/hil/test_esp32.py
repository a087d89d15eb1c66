"""The program for the ESP32, under CPython, with a broker and the bridge of the bench; only the board is made up."""

import importlib.util
import json
import queue
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from karyon.hil import session
from karyon.hil.address import parse
from karyon.hil.client import Client
from karyon.sim import scenario
from tests.hil.test_session import Until

PROGRAM = Path(__file__).parents[2] / "hil" / "devices" / "hc_sr04.py"
WRAP = 2**30  # of MicroPython's ticks


def ticks(begin):
    """MicroPython's `time`, its ticks of us from `begin` on; they wrap as they do there."""
    started = time.monotonic_ns()
    since = lambda per: (begin + (time.monotonic_ns() - started)) // per % WRAP  # noqa: E731
    return SimpleNamespace(
        ticks_us=lambda: since(1000),
        ticks_ms=lambda: since(1_000_000),
        ticks_diff=lambda later, earlier: (later - earlier + WRAP // 2) % WRAP - WRAP // 2,
        sleep_ms=lambda duration: time.sleep(duration / 1000),
    )


class Umqtt:
    """`umqtt.simple.MQTTClient` as far as the program uses it."""

    def __init__(self, address):
        self._address, self._came, self._will = address, queue.SimpleQueue(), None
        self._subscribed = threading.Event()

    def set_callback(self, callback):
        self._callback = callback

    def set_last_will(self, topic, message, retain):
        self._will = topic, message.encode()

    def connect(self):
        topics = [("karyon/1/1/front.distance/clock/ping", 0)]
        hear = lambda topic, payload, _: self._came.put((topic.encode(), payload))  # noqa: E731
        self.client = Client(self._address, "esp32", topics, hear, self._will)
        self.client.start()

    def subscribe(self, topic):
        assert topic == "karyon/1/1/front.distance/clock/ping"

    def publish(self, topic, message, retain=False):
        self.client.publish(topic, message.encode(), retain=retain)

    def check_msg(self):
        while not self._came.empty():
            self._callback(*self._came.get())


@pytest.fixture
def program():
    """The program, as it is, with a clock that wraps after two seconds."""
    spec = importlib.util.spec_from_file_location("hc_sr04", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.time = ticks(begin=(WRAP - 2_000_000) * 1000)
    return module


def test_no_echo_is_no_distance_and_not_0(program):
    assert program.distance(5831) == pytest.approx(1.0, abs=1e-3)
    assert program.distance(-1) is None
    assert program.distance(-2) is None
    assert program.distance(24_000) is None
    assert json.loads(program.measurement(1, 2, None))["val"] == [None]


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"null", b"\xff", b'{"id": 1}'])
def test_what_is_no_ping_is_not_answered(program, payload):
    assert program.pong(payload, 1, program.Clock()) is None


def test_its_clock_does_not_wrap_with_its_ticks(program):
    clock = program.Clock()
    readings = iter([WRAP - 10, 10, 5, 20])
    program.time = SimpleNamespace(ticks_us=lambda: next(readings), ticks_diff=program.time.ticks_diff)
    clock._last = WRAP - 30
    assert [clock.now() for _ in range(2)] == [20_001, 40_001]


def test_the_bench_trusts_the_device_by_its_own_clock(program, broker, tmp_path):
    """A hand that hardly moves: LoS 1 is reached, with the clock known and nothing refused."""
    address, over = parse(broker.url), threading.Event()
    device = Umqtt(address)
    echoes = iter(range(10**6))

    def echo():
        if over.is_set():
            raise StopIteration
        return 5000 + next(echoes) % 7

    def play():
        try:
            program.run(device, echo, program.Clock())
        except StopIteration:
            device.client.stop()

    thread = threading.Thread(target=play)
    thread.start()
    until, said = Until(), []
    try:
        out = tmp_path / "desk"
        session.live(scenario.read("hil_desk"), address, out, said.append, until, until.attend)
    finally:
        over.set()
        thread.join()
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert "clock known to" in said[0]
    assert summary["metrics"]["messages_refused"] == 0
    assert summary["metrics"]["messages"] > 20
