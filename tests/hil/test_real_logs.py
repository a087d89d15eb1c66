"""Logs of real devices go through the bench: duplicates, lag and bad accuracy show as validity and as age."""

import csv
import gzip
import json
import os
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import simpy

from karyon.hil.bench import Bench, Drained
from karyon.hil.intake import Intake
from karyon.hil.measurement import BARE
from karyon.hil.message import Message
from karyon.sim import run, scenario
from karyon.sim.shipped import SHIPPED
from karyon.sim.view.recording import Recording

DATA = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[2] / "../shared/data"))
LOGS, PHONE = DATA / "mqtt_logs", DATA / "phone_driving"
SECOND = 1_000_000_000
BASE = 5000 * SECOND
LEAD = 5  # s before the first message of a log
LONGEST_GAP = 4  # s: of what is longer between two messages of a log whole seconds are cut out, also of stamps

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"no {DATA}; KARYON_DATA says where recordings are")


class Log:
    """The supply: messages (s from 1970, topic, payload) that arrive as they did, the first one after `LEAD`."""

    def __init__(self, messages):
        self._left = sorted(messages, key=lambda one: one[0])
        self._begin = round(self._left[0][0] * SECOND) - LEAD * SECOND
        self.env, self.started, self.unix = simpy.Environment(), BASE, self._begin - BASE

    def drain(self, now, lateness):
        found = Drained()
        while self._left and round(self._left[0][0] * SECOND) - self._begin <= now:
            at, topic, payload = self._left.pop(0)
            found.messages.append(Message(BASE + round(at * SECOND) - self._begin, topic, json.dumps(payload).encode()))
        return found

    def elapsed(self):
        return None


def shortened(messages, stamp):
    """Messages (s, topic, payload) with their long gaps cut out, and with them what is at `stamp` in a payload."""
    cut, before, short = 0, messages[0][0], []
    for at, topic, payload in messages:
        cut += max(0, int(at - before) - LONGEST_GAP)
        before = at
        short.append((at - cut, topic, payload | ({stamp: int(payload[stamp]) - cut} if stamp in payload else {})))
    return short


def judged(messages, duration, folder, settings):
    """Summary, and columns of the trace of car 1, of a bench that hears these, 20 times a second."""
    design = (SHIPPED / "safety" / "hil_bench.yaml").read_text("utf-8")
    design, periods = re.subn(r"_period: \d+ ms", "_period: 50 ms", design)
    assert periods == 3
    (folder / "design.yaml").write_text(design, "utf-8")
    loaded = scenario.read("hil_bench", [f"duration={duration}", f"safety={folder / 'design.yaml'}", settings])
    bench = Bench(Intake(loaded.scenario, loaded.design), Log(messages), SECOND // 20, None)
    (result,) = run.simulate([loaded], [folder / "run"], outside=bench)
    parts = Recording(folder / "run").parts(0.0, duration)
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return result.summary, columns | {"time": np.concatenate([part.time for part in parts])}


def at_arrival(column, columns, messages):
    """A column of the trace at the first instant after each message."""
    places = [np.argmax(columns["time"] >= at - messages[0][0] + LEAD) for at, _, _ in messages]
    return columns[column][places]


def seconds(stamp):
    return datetime.fromisoformat(stamp).timestamp()


def test_a_log_of_real_sensors_is_refused_twice_and_as_old_as_its_lag(tmp_path):
    """Each message came twice, up to some seconds late, in whole seconds: no level can rest on that."""
    rows = [json.loads(line) for line in (LOGS / "moziot_lab.jsonl").read_text("utf-8").splitlines()]
    topic = "temp-hum-readings"
    found = [(seconds(row["receivedTimestamp"]), topic, row["payload"]) for row in rows if row["topic"] == topic]
    messages = shortened(found, "timestamp")
    sensor = f"sensors.front.distance={{from: mqtt, topic: {topic}, adapter: json, field: temp-C, stamp: timestamp}}"
    summary, columns = judged(messages, 60, tmp_path, sensor)
    assert summary["metrics"]["messages"] == len(found) == 22
    assert summary["metrics"]["refused"] == {"a duplicate": 11}
    lags = np.array([at - payload["timestamp"] for at, _, payload in messages])
    assert lags.max() > 2.0
    assert (at_arrival("front.distance_age", columns, messages) >= lags - 1e-6).all()
    age, validity = columns["front.distance_age"], columns["front.distance_validity"]
    assert (validity <= BARE).all()
    assert (validity[~(age <= 0.35)] == 0.0).all()
    assert (columns["los_acc"] == 0).all()


def test_a_log_of_a_real_phone_says_its_speed_where_it_knows_it_and_nothing_rests_on_that(tmp_path):
    """A fix every five minutes, here every 4 s, a second or two late: its speed is taken, and its validity is 0."""
    lines = (LOGS / "owntracks_demo-iphone.rec").read_text("utf-8").splitlines()
    found = [(seconds(when), "phone", json.loads(said)) for when, _, said in (line.split("\t") for line in lines)]
    messages = shortened(found, "tst")
    sensor = "sensors.own.speed={from: mqtt, topic: phone, adapter: owntracks}"
    summary, columns = judged(messages, 100, tmp_path, sensor)
    assert summary["metrics"]["messages"] == len(found)
    speeds = np.array([said.get("vel", -1) for _, _, said in messages])
    known = speeds >= 0  # -1: the phone does not know it
    assert known.sum() == 8
    value, age = (at_arrival(name, columns, messages) for name in ("own.speed", "own.speed_age"))
    assert np.isnan(value[: np.argmax(known)]).all()
    assert value[known] * 3.6 == pytest.approx(speeds[known])
    assert (age[known] >= 1.0).all()
    assert (columns["own.speed_validity"] == 0.0).all()
    assert (columns["los_acc"] == 0).all()


@pytest.fixture(scope="module")
def drive():
    """Half a minute of a real phone on a windscreen: its braking hard, three times, is labelled (s; m/s2 ahead)."""
    with gzip.open(PHONE / "trip17_linear_accel.csv.gz", "rt") as file:
        rows = np.array([[float(cell) for cell in row] for row in list(csv.reader(file))[1:]])
    with (PHONE / "trip17_events.csv").open(encoding="utf-8") as file:
        labelled = [row for row in csv.reader(file) if row and row[0] == "freada_agressiva"]
    shown = rows[(rows[:, 0] >= 139.0) & (rows[:, 0] < 170.0)]
    spans = [(float(begin) - 139.0, float(end) - 139.0) for _, begin, end in labelled]
    brakes = [(begin + LEAD, end + LEAD) for begin, end in spans if begin < 31.0]
    return shown[:, 0] - 139.0, shown[:, 2], brakes


def phone(drive, late=0.0, times=1):
    """Its messages, each `late` s on its way and sent so often."""
    began = 1_900_000_000
    for number, (at, ahead) in enumerate(zip(*drive[:2], strict=True)):
        stamp = began * SECOND + round(at * SECOND)
        said = {"v": 1, "seq": number, "t": stamp, "clk": "unix", "val": [ahead], "unit": ["m/s2"], "q": "ok"}
        yield from [(began + at + late, "karyon/1/1/own.acceleration/m", said)] * times


MEASURED = "sensors.own.acceleration={from: mqtt, period: 20 ms}"


def test_a_phone_that_brakes_hard_is_no_sensor_that_fails(drive, tmp_path):
    """What is labelled as hard braking is seen as such, and believed all the time; copies of messages are refused."""
    summary, columns = judged(list(phone(drive, times=2)), 35, tmp_path, MEASURED)
    assert summary["metrics"]["refused"] == {"a duplicate": summary["metrics"]["messages"] // 2}
    value, time = columns["own.acceleration"], columns["time"]
    assert len(drive[2]) == 3
    for begin, end in drive[2]:
        assert np.abs(value[(time >= begin) & (time <= end)]).max() > 2.5
    assert columns["own.acceleration_validity"][time > LEAD + 1.0].min() > 0.9


def test_a_phone_that_lags_is_old_and_believed_less(drive, tmp_path):
    (tmp_path / "late").mkdir()
    in_time = judged(list(phone(drive)), 10, tmp_path, MEASURED)[1]
    late = judged(list(phone(drive, late=0.6)), 10, tmp_path / "late", MEASURED)[1]
    settled = in_time["time"] > LEAD + 1.0
    assert late["own.acceleration_age"][settled].min() > 0.6 > in_time["own.acceleration_age"][settled].max()
    assert late["own.acceleration_validity"][settled].max() < in_time["own.acceleration_validity"][settled].min()
