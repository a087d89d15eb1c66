"""The commands as a user runs them: what they print, their exit codes, and that a session in a folder is replayed."""

import json
import subprocess
import sys
import time

import paho.mqtt.client as mqtt
import pytest

from karyon.hil import examination
from karyon.hil.address import parse
from karyon.sim import scenario
from karyon.sim.shipped import SHIPPED
from tests.hil.test_session import Playing


@pytest.fixture
def karyon(tmp_path):
    """Runs the command in an empty folder; text out and err, and never a traceback."""

    def call(*arguments):
        command = [sys.executable, "-m", "karyon", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return call


def test_a_session_and_its_replay(karyon, broker, tmp_path):
    """What is not judged is said; the folder is replayed into one of its own."""
    with Playing(broker.url):
        done = karyon("hil", "hil_bench", "--broker", broker.url, "--until", 3, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["metrics"]["messages"] > 0
    assert "own.speed of car 1" in done.stderr
    again = karyon("hil", "runs/hil_bench", "--claims", SHIPPED / "safety/acc.yaml")
    assert again.returncode == 0
    assert "claim      C3   held   violations 0, at most 0" in again.stdout
    assert "claim      C2   unknown   min_rss_margin cannot be judged here, at least 0" in again.stdout
    assert (tmp_path / "runs/hil_bench_replayed/indicators.json").is_file()
    assert "collisions and distances are not judged" in again.stdout
    assert "safety goals 1 of 1 held, 2 not judged" in again.stdout
    over = karyon("hil", "runs/hil_bench", "--out", "runs/../runs/hil_bench")
    assert (over.returncode, "it would be lost" in over.stderr) == (2, True)
    for name in ("trace.parquet", "events.jsonl"):
        whole = (tmp_path / "runs/hil_bench" / name).read_bytes()
        assert (tmp_path / "runs/hil_bench_replayed" / name).read_bytes() == whole


def test_a_broken_claim_is_told_over_mqtt_when_it_breaks(karyon, broker, tmp_path):
    """To whoever listens, while the session runs, as the event that its folder keeps; made up: nothing has switched."""
    indicator = "{quantity: worst_switch_latency, at_most: null, at_least: 1}"
    (tmp_path / "case.yaml").write_text(
        f"extends: {SHIPPED / 'safety/cases/acc.yaml'}\nclaims: {{C3: {{indicator: {indicator}}}}}\n"
    )
    shipped = (SHIPPED / "safety/acc.yaml").read_text("utf-8")
    (tmp_path / "design.yaml").write_text(shipped.replace("cases/acc.yaml", "case.yaml"))
    heard = []
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    listener.on_message = lambda *told: heard.append((time.monotonic(), json.loads(told[-1].payload)))
    listener.connect("127.0.0.1", broker.port)
    listener.subscribe("karyon/1/+/kernel/event", qos=1)
    listener.loop_start()
    with Playing(broker.url):
        done = karyon("hil", "hil_bench", "--broker", broker.url, "--until", 3, "--claims", "design.yaml")
    over = time.monotonic()
    listener.loop_stop()
    claims = [(at, event) for at, event in heard if event["kind"] == "claim"]
    kept = map(json.loads, (tmp_path / "runs/hil_bench/events.jsonl").read_text("utf-8").splitlines())
    assert [event for _, event in claims] == [event for event in kept if event["kind"] == "claim"]
    assert [event["claim"] for _, event in claims] == ["C3"]
    assert over - claims[0][0] > 1.0
    assert done.returncode == 1
    assert "claim C3 is broken: worst_switch_latency" in done.stderr + done.stdout


def test_a_device_waits_for_the_bench_whose_broker_it_needs(karyon, broker, tmp_path):
    """Started one after the other in a script, the device is there first; a driver that is not heard is told of."""
    broker.kill()
    waiting = [sys.executable, "-m", "karyon", "device", "phone", "--broker", broker.url]
    with subprocess.Popen(waiting, cwd=tmp_path, stderr=subprocess.DEVNULL) as device:
        time.sleep(2.0)
        assert device.poll() is None
        broker.start()
        heard = karyon("hil", "hil_phone", "--broker", broker.url, "--until", 5)
        device.terminate()
    alone = karyon("hil", "hil_phone", "--broker", broker.url, "--until", 1)
    assert (heard.returncode, alone.returncode) == (0, 0)
    assert "its driver was not once heard" not in heard.stdout
    assert "its driver was not once heard" in alone.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hil", "hil_bench", "--broker", "here"), "--broker is auto or an address"),
        (("hil", "hil_bench", "--broker", "mqtt://127.0.0.1:1"), "there is no broker at mqtt://127.0.0.1:1"),
        (("hil", "hil_bench", "--broker", "mqtt://127.0.0.1:1", "--listen", "lan"), "goes with --broker auto"),
        (("hil", "hil_bench", "--keys", "nowhere"), "cannot be read"),
        (("hil", "hil_bench", "--keys", "/dev/null"), "holds no key"),
        (("hil", "acc_profile"), "there is nothing that a device could send"),
        (("hil", "lane_change"), "lane_change is of kind lane_change: only car following has real sensors"),
        (("run", "hil_bench"), "run it with karyon hil hil_bench"),
        (("device", "nowhere.csv", "--broker", "mqtt://127.0.0.1:1"), "there is no such file"),
        (("device", "made_up", "--broker", "mqtt://127.0.0.1:1"), "there is no broker at"),
        (("device", "made_up", "--broker", "mqtt://127.0.0.1:1", "--fault", "drift"), "a fault is a mapping of fields"),
        (("doctor", "--broker", "mqtt://127.0.0.1:1"), "there is no broker at"),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, tuple) else None,
)
def test_what_cannot_be_done_is_one_message_and_exit_code_2(karyon, tmp_path, arguments, said):
    done = karyon(*arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").rglob("*.*"))


def test_a_broker_is_examined(broker):
    """Messages come back, and what they leave of the age that the rules allow is told."""
    loaded = scenario.read("hil_bench")
    found = examination.examine(parse(broker.url), loaded)
    assert found["lost"] == 0
    assert 0.0 < found["round_trip_p50"] <= found["round_trip_p99"]
    assert set(found["budget"]) == {"front.distance", "front.relative_speed", "own.speed"}
    assert all(left < 0.35 - 0.1 - loaded.design.timing.perception_period for left in found["budget"].values())
    told = "\n".join(examination.lines(found))
    assert "0 of 100 lost" in told
    assert not examination.has_failed(found | {"lateness_p99": 0.0})
    assert examination.has_failed(found | {"lateness_p99": 0.1})


def test_a_broker_that_lets_nobody_publish_is_told(start_broker, tmp_path):
    (tmp_path / "acl").write_text("topic read #\n", "utf-8")
    running = start_broker("allow_anonymous true", f"acl_file {tmp_path / 'acl'}")
    found = examination.examine(parse(running.url), scenario.read("hil_bench"))
    assert found["budget"] is None
    assert examination.has_failed(found)
    assert "no message came back" in next(examination.lines(found))
