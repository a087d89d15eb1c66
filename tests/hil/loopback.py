"""Ten devices at 100 Hz on this machine: `python -m tests.hil.loopback [SECONDS] [mosquitto or embedded]`.

The bench and a bare paho client listen to the same messages at the same time, each in a process of its own. Told are,
for both, how many of the messages arrived and how long after they were sent; for the bench also how long until the
kernel had decided with them, and its memory. Not part of the suite: it is a matter of the machine.
"""

import json
import multiprocessing
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from karyon.hil import broker, session
from karyon.hil.address import parse
from karyon.hil.client import Client, _without_delay
from karyon.sim import scenario
from tests.hil.conftest import Mosquitto

DEVICES, RATE = 10, 100  # messages per second of each
TOPICS = [f"karyon/1/{number}/front.distance/m" for number in range(1, DEVICES + 1)]
BENCH = [
    f"vehicles={DEVICES + 1}",
    "sensors.front.relative_speed={from: derived}",
    *(f"sensors.own.{name}.from=null" for name in ("speed", "acceleration", "position")),
]


def publish(address, seconds):
    """Send at an even pace; each message says when it left."""
    client = Client(address, "devices", [], lambda *_: None)
    client.start()
    random, begin = np.random.default_rng(0), time.monotonic()
    for count in range(round(seconds * RATE)):
        for number, topic in enumerate(TOPICS):
            due = begin + (count + number / DEVICES) / RATE
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)
            said = {"v": 1, "seq": count, "t": time.time_ns(), "clk": "unix", "unit": ["m"]}
            value = [30.0 + 0.05 * float(random.standard_normal())]
            client.publish(topic, json.dumps(said | {"val": value}).encode())
    time.sleep(1.0)
    client.stop()


def listen_bare(address, seconds, told):
    """What paho alone hears: number of messages, and quantiles of the time since they were sent."""
    version = MQTTProtocolVersion.MQTTv311 if address.is_old else MQTTProtocolVersion.MQTTv5
    client, ways = paho.Client(CallbackAPIVersion.VERSION2, "bare", protocol=version), []
    client.on_socket_open = _without_delay
    client.on_connect = lambda *_: [client.subscribe(topic) for topic in TOPICS]
    client.on_message = lambda _, __, message: ways.append((time.time_ns(), message.payload))
    client.connect(address.host, address.port)
    client.loop_start()
    time.sleep(seconds)
    client.disconnect()
    client.loop_stop()
    told.put([(at - json.loads(payload)["t"]) / 1e6 for at, payload in ways])


def memory():
    """Resident memory of this process, MB."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def a_broker(kind, folder):
    if kind == "embedded":
        with broker.embedded() as address:
            yield address
        return
    running = Mosquitto(folder)
    yield parse(running.url)
    running.kill()


def listen_with_bench(address, seconds, folder):
    """A session of the bench; its summary, and how its memory grew."""
    loaded = scenario.read("hil_bench", [*BENCH, f"duration={seconds}"])
    sizes = []

    def grown(now):
        sizes.append(memory())
        return True

    result = session.live(loaded, address, folder, lambda _: None, grown)
    return result.summary, sizes


def arrivals(folder):
    """ms from sending to arrival of what the bench has recorded, and how many it lacks of those in between."""
    ways, unix, numbers = [], 0, {}
    with (folder / "bench.jsonl").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            unix = line.get("unix", unix)
            for topic, arrived, payload, _ in line.get("messages", []):
                said = json.loads(payload)
                ways.append((arrived + unix - said["t"]) / 1e6)
                numbers.setdefault(topic, set()).add(said["seq"])
    return ways, sum(max(seen) - min(seen) + 1 - len(seen) for seen in numbers.values())


def quantiles(ways):
    return "p50 {:.2f} ms   p99 {:.2f} ms   max {:.1f} ms".format(*np.quantile(ways, [0.5, 0.99, 1.0]))


def main(seconds, kind):
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, a_broker(kind, Path(name)) as address:
        told = context.Queue()
        bare = context.Process(target=listen_bare, args=(address, seconds + 10, told))
        bare.start()
        devices = context.Process(target=publish, args=(address, seconds + 8))
        devices.start()
        summary, sizes = listen_with_bench(address, seconds, Path(name) / "bench")
        alone = told.get()
        devices.join()
        bare.join()
        (ours, missing), said = arrivals(Path(name) / "bench"), summary["metrics"]
    print(f"{kind}, {DEVICES} devices at {RATE} Hz for {seconds} s")
    print(f"bare paho   {len(alone)} messages   {quantiles(alone)}")
    print(f"bridge      {len(ours)} messages   {quantiles(ours)}")
    decided = [1e3 * said[f"measurement_latency_{share}"] for share in ("p50", "p99")]
    print("to kernel   p50 {:.2f} ms   p99 {:.2f} ms".format(*decided))
    late = f"{said['missed_deadlines']} of {said['cycles']} cycles late, at worst {1e3 * said['worst_lateness']:.1f} ms"
    print(f"lost        {missing}   refused {said['refused']}   {late}")
    print(f"memory      {sizes[len(sizes) // 4]:.1f} MB at a quarter, {sizes[-1]:.1f} MB at the end")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, sys.argv[2] if len(sys.argv) > 2 else "mosquitto")
