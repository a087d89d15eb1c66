"""`karyon bench --peer paho`: ten devices at 100 Hz on this machine, to the bridge and to a bare paho client beside it.

    python -m karyon.hil.benchmark 600 1        # for ten minutes, once, as JSON

Both listen to the same messages of the same broker at the same time, each in a process of its own, with the same
options of their sockets. Told are, for both, how long after it was sent a message arrived; for the bridge also how long
until the kernel had decided with it, what is missing, and the memory. Then a device sends more than anybody can take,
to one of them at a time, in turn.
"""

import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from karyon.hil import broker, session
from karyon.hil.address import Address
from karyon.hil.client import BrokerError, Client, acknowledge, without_delay
from karyon.hil.listener import Listener
from karyon.hil.measurement import LONGEST
from karyon.installation import machine
from karyon.sim.scenario import read

DEVICES, RATE = 10, 100  # messages per second of each
SECONDS, ROUNDS = 20, 3
FLOOD = 3  # s
WARM_UP = 5.0  # s for all to be there
TOPICS = [f"karyon/1/{number}/front.distance/m" for number in range(1, DEVICES + 1)]
BENCH = [
    f"vehicles={DEVICES + 1}",
    "sensors.front.relative_speed={from: derived}",
    *(f"sensors.own.{name}.from=null" for name in ("speed", "acceleration", "position")),
]
SPAWN = multiprocessing.get_context("spawn")

Stage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a session has left, s: ways to the bridge; memory in MB at a quarter of the time, and at its end."""

    ways: list[float]
    missing: int
    metrics: Mapping[str, Any]
    memory: tuple[float, float]


def measure(stage: Stage, seconds: int = SECONDS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Medians over the rounds, all in s, with mosquitto where it is installed, and with the embedded broker."""
    brokers = {"mosquitto": _mosquitto, "embedded": broker.embedded}
    if shutil.which("mosquitto") is None:
        del brokers["mosquitto"]
    found = []
    for name, begin in brokers.items():
        each = []
        for number in range(1, rounds + 1):
            stage(f"{name}, round {number} of {rounds}")
            each.append(_round(begin, seconds))
        found.append({"broker": name, **_medians(each)})
        if name == "mosquitto":  # the other one is slower than whoever listens
            stage(f"{name}, flooded")
            found[-1]["flood"] = _flooded(begin, rounds)
    return {
        "machine": machine(),
        "load": os.getloadavg()[0],
        "devices": DEVICES,
        "rate": RATE,
        "seconds": seconds,
        "rounds": rounds,
        "peers": {"paho": found},
    }


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"{measured['devices']} devices at {measured['rate']} Hz for {measured['rounds']} × {measured['seconds']} s"
    yield f"{measured['machine']}, load {measured['load']:.1f}"
    for one in measured["peers"]["paho"]:
        for who in ("peer", "karyon"):
            said = one[who]
            ways = f"{1e3 * said['p50']:6.2f} ms (p50) {1e3 * said['p99']:6.2f} ms (p99)"
            name = {"peer": "bare paho", "karyon": "bridge"}[who]
            yield f"{one['broker']:10} {name:10}{ways}   {said['messages_per_second']:.0f} messages/s"
        decided = f"{1e3 * one['decision_p50']:6.2f} ms (p50) {1e3 * one['decision_p99']:6.2f} ms (p99)"
        yield f"{one['broker']:10} {'decision':10}{decided}   from arrival"
        yield (
            f"{one['broker']:10} ratio {one['ratio']['p99']:.2f} of p99, {one['ratio']['messages_per_second']:.2f} of "
            f"messages/s   {one['lost']} lost   {one['late_cycles']} of {one['cycles']} cycles late   memory "
            f"{one['memory'][0]:.1f} MB, {one['memory'][1]:.1f} MB at the end"
        )
        if "flood" in one:
            flood = one["flood"]
            told = f"{flood['karyon']:.0f} messages/s to the bridge, {flood['peer']:.0f} to bare paho"
            yield f"{one['broker']:10} flooded: {told}, ratio {flood['ratio']:.2f}"


def _medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    def median(*path: str) -> float:
        return statistics.median(_at(one, path) for one in rounds)

    shares = ("p50", "p99", "messages_per_second")
    return {
        **{who: {share: median(who, share) for share in shares} for who in ("karyon", "peer")},
        "ratio": {share: median("ratio", share) for share in shares},
        "decision_p50": median("decision_p50"),
        "decision_p99": median("decision_p99"),
        **{name: sum(one[name] for one in rounds) for name in ("messages", "lost", "cycles", "late_cycles")},
        "memory": rounds[-1]["memory"],
    }


def _at(found: Any, path: tuple[str, ...]) -> float:
    for name in path:
        found = found[name]
    return float(found)


def _round(begin: Any, seconds: int) -> dict[str, Any]:
    with begin() as address, tempfile.TemporaryDirectory() as name, _beside(_publish, address, seconds + 2 * WARM_UP):
        heard, bare = _listened(address, seconds, Path(name))
    ours, theirs = ({"p50": _quantile(ways, 0.5), "p99": _quantile(ways, 0.99)} for ways in (heard.ways, bare))
    for said, ways in ((ours, heard.ways), (theirs, bare)):
        said["messages_per_second"] = len(ways) / seconds
    return {
        "karyon": ours,
        "peer": theirs,
        "ratio": {share: ours[share] / theirs[share] for share in ours},
        "decision_p50": heard.metrics["measurement_latency_p50"],
        "decision_p99": heard.metrics["measurement_latency_p99"],
        "messages": len(heard.ways),
        "lost": heard.missing,
        "cycles": heard.metrics["cycles"],
        "late_cycles": heard.metrics["missed_deadlines"],
        "memory": heard.memory,
    }


def _flooded(begin: Any, rounds: int) -> dict[str, float]:
    """Messages per second that arrive where there are more than anybody can take: medians."""
    ours, theirs = list[float](), list[float]()
    for _ in range(rounds):
        for speeds, counted in ((theirs, _count_bare), (ours, _count)):
            with begin() as address, _beside(_flood, address):
                speeds.append(counted(address))
    karyon, peer = statistics.median(ours), statistics.median(theirs)
    return {"karyon": karyon, "peer": peer, "ratio": karyon / peer}


def _count(address: Address) -> float:
    """Messages per second that the bridge hears, where a cycle of 10 ms looks what has come."""
    listener = Listener(address, "bridge", dict.fromkeys(TOPICS, LONGEST))
    listener.start()
    time.sleep(1.0)
    listener.drain()
    begin, count = time.monotonic(), 0
    while time.monotonic() < begin + FLOOD:
        time.sleep(0.01)
        messages, dropped = listener.drain()
        count += len(messages) + sum(dropped.values())
    passed = time.monotonic() - begin
    listener.stop()
    return count / passed


def _count_bare(address: Address) -> float:
    with _bare(address) as stamps:
        time.sleep(1.0 + FLOOD)
    arrived = stamps[0]
    inside = arrived > arrived[-1] - FLOOD
    return float(inside.sum() / (arrived[-1] - arrived[inside][0]))


def _listened(address: Address, seconds: int, folder: Path) -> tuple[Heard, list[float]]:
    """What the bridge has heard in a session, and the ways to a bare client in the same time."""
    with _bare(address) as stamps:
        heard = _session(address, seconds, folder)
    since = heard.metrics["began"]
    arrived, sent = stamps[0], stamps[1]
    inside = (arrived >= since) & (arrived < since + seconds)
    return heard, (arrived - sent)[inside].tolist()


@contextmanager
def _bare(address: Address) -> Iterator[list[Any]]:
    """A bare client until the end of the block; then there are the times of arrival and of sending, s (2 arrays)."""
    told, over, stamps = SPAWN.Queue(), SPAWN.Event(), list[Any]()
    process = SPAWN.Process(target=_listen_bare, args=(address, over, told))
    process.start()
    told.get()  # it is there
    yield stamps
    over.set()
    stamps.extend(told.get())
    process.join()


def _session(address: Address, seconds: int, folder: Path) -> Heard:
    loaded = read("hil_bench", [*BENCH, f"duration={seconds}"])
    sizes: list[float] = []

    def grown(_: float) -> bool:
        sizes.append(_memory())
        return True

    metrics = session.live(loaded, address, folder, lambda _: None, grown).summary["metrics"]
    ways, missing = _arrivals(folder)
    return Heard(ways, missing, metrics, (sizes[len(sizes) // 4], sizes[-1]))


def _arrivals(folder: Path) -> tuple[list[float], int]:
    """From sending to arrival of what a session has recorded, s, and how many it lacks of those in between."""
    ways, numbers, unix, started = [], dict[str, set[int]](), 0, 0
    with (folder / "bench.jsonl").open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            unix, started = line.get("unix", unix), line.get("started", started)
            for topic, arrived, payload, _ in line.get("messages", []):
                said = json.loads(payload)
                numbers.setdefault(topic, set()).add(said["seq"])
                if arrived >= started:
                    ways.append((arrived + unix - said["t"]) / 1e9)
    return ways, sum(max(seen) - min(seen) + 1 - len(seen) for seen in numbers.values())


def _publish(address: Address, seconds: float) -> None:
    """Send at an even pace; each message says when it left."""
    client = Client(address, "devices", [], lambda *_: None)
    client.start()
    random, begin = np.random.default_rng(0), time.monotonic()
    for count in range(round(seconds * RATE)):
        for number, topic in enumerate(TOPICS):
            due = begin + (count + number / DEVICES) / RATE
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)
            client.publish(topic, _said(count, 30.0 + 0.05 * float(random.standard_normal())))
    client.stop()


def _flood(address: Address) -> None:
    """Send all that the broker takes, for ever, by hand in MQTT 3.1.1: paho would be the slowest of all."""
    with socket.create_connection((address.host, address.port)) as sock:
        sock.sendall(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05flood")  # connect, clean, without keep-alive
        count = 0
        while True:
            said = []
            for topic in TOPICS:
                body = len(topic).to_bytes(2, "big") + topic.encode() + _said(count, 30.0)
                said.append(bytes([0x30, len(body) % 128 + 128, len(body) // 128]) + body)
            sock.sendall(b"".join(said))
            count += 1


def _said(count: int, value: float) -> bytes:
    said = {"v": 1, "seq": count, "t": time.time_ns(), "clk": "unix", "unit": ["m"], "val": [value]}
    return json.dumps(said).encode()


def _listen_bare(address: Address, over: Any, told: Any) -> None:
    """What paho alone hears: when each message arrived and was sent, s (2 arrays)."""
    version = MQTTProtocolVersion.MQTTv311 if address.is_old else MQTTProtocolVersion.MQTTv5
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare", protocol=version)
    came: list[tuple[int, bytes]] = []

    def note(client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        acknowledge(client.socket())
        came.append((time.time_ns(), bytes(message.payload)))

    client.on_socket_open = without_delay
    client.on_message = note
    client.connect(address.host, address.port)
    client.loop_start()
    client.subscribe([(topic, 0) for topic in TOPICS])
    told.put(None)
    over.wait()
    client.disconnect()
    client.loop_stop()
    stamps = [(at / 1e9, json.loads(payload)["t"] / 1e9) for at, payload in came]
    told.put(np.array(stamps).T)


@contextmanager
def _beside(target: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """A process of its own, ended with the block."""
    process = SPAWN.Process(target=target, args=arguments)
    process.start()
    time.sleep(WARM_UP / 2)
    try:
        yield
    finally:
        process.terminate()
        process.join()


@contextmanager
def _mosquitto() -> Iterator[Address]:
    with socket.socket() as probe:
        probe.bind((broker.LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "mosquitto.conf"
        config.write_text(f"listener {port} {broker.LOOPBACK}\nallow_anonymous true\n", "utf-8")
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(["mosquitto", "-c", str(config)], stdout=quiet, stderr=quiet)
        try:
            _await(port)
            yield Address("mqtt", broker.LOOPBACK, port)
        finally:
            process.terminate()
            process.wait()


def _await(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((broker.LOOPBACK, port)) == 0:
                return
        time.sleep(0.05)
    raise BrokerError("mosquitto does not start")


def _memory() -> float:
    """Resident memory of this process, MB."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _quantile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share))


if __name__ == "__main__":
    print(json.dumps(measure(lambda _: None, *map(int, sys.argv[1:])), indent=2))
