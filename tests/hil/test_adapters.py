"""Messages of devices that have a format of their own, real ones among them."""

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.hil.adapters import BATCH, reader
from karyon.hil.intake import Binding, Channel, Intake
from karyon.hil.measurement import BARE, Clock, Meaning, Measurement, Reason
from karyon.hil.message import Message
from karyon.sim import scenario
from karyon.sim.documents import InputError

LOGS = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[2] / "../shared/data")) / "mqtt_logs"
SPEED, METRES = Meaning("m/s", "m/s"), Meaning("m", "cm")
SECOND = 1_000_000_000


def read(name, payload, field=None, stamp=None, meaning=SPEED):
    return reader(name, field, stamp, meaning)(payload if isinstance(payload, bytes) else json.dumps(payload).encode())


class Thrice:
    """An adapter of a user's."""

    def read(self, payload):
        return {b"number": 3.0, b"none": None, b"text": "3", b"worth": Measurement(1.0, most_valid=1.0)}[payload]


class TooGood:
    """An adapter that claims what there cannot be."""

    def read(self, payload):
        return {
            b"worth": Measurement(1.0, most_valid=2.0),
            b"nan": Measurement(float("nan")),
            b"time": Measurement(1.0, time=2**70),
        }[payload]


@pytest.mark.parametrize(
    ("name", "payload", "field", "expected"),
    [
        ("json", {"sensors": [{"v": 7}]}, "sensors.0.v", Measurement(7.0, most_valid=BARE)),
        ("json", {"v": None}, "v", Measurement(None)),
        ("json", {"v": "7"}, "v", Reason.TEXT),
        ("json", {"v": True}, "v", Reason.TEXT),
        ("json", {"w": 7}, "v", Reason.TEXT),
        ("json", b"7", "v", Reason.TEXT),
        ("esphome", b"7.5", None, Measurement(7.5, most_valid=BARE)),
        ("esphome", b"nan", None, Measurement(None)),
        ("esphome", b"unavailable", None, Measurement(None)),
        ("owntracks", {"_type": "lwt", "tst": "1"}, None, Measurement(None)),
        ("phyphox", {"accX": [1, 2.5]}, "accX", Measurement(2.5, most_valid=BARE)),
        ("phyphox", {"accX": {"buffer": [1, 2.5]}}, "accX", Measurement(2.5, most_valid=BARE)),
        ("phyphox", {"accX": []}, "accX", Measurement(None)),
        ("nmea", b"$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48", None, Measurement(5.5 * 1852 / 3600, most_valid=BARE)),
        ("nmea", b"$GPVTG,054.7,T,034.4,M,009.5,N,010.2,K*48", None, Reason.TEXT),
        (f"{__name__}:Thrice", b"number", None, Measurement(3.0, most_valid=BARE)),
        (f"{__name__}:Thrice", b"none", None, Measurement(None)),
        (f"{__name__}:Thrice", b"text", None, Reason.TEXT),
        (f"{__name__}:Thrice", b"worth", None, Measurement(1.0, most_valid=1.0)),
        (f"{__name__}:Thrice", b"raises", None, Reason.TEXT),
        (f"{__name__}:TooGood", b"worth", None, Reason.NUMBER),
        (f"{__name__}:TooGood", b"nan", None, Reason.NUMBER),
        (f"{__name__}:TooGood", b"time", None, Reason.NUMBER),
    ],
    ids=lambda each: None if isinstance(each, Measurement) else str(each)[:30],
)
def test_a_message_is_taken_for_what_it_says(name, payload, field, expected):
    assert read(name, payload, field) == expected


def test_a_stamp_in_json_is_a_time():
    found = read("json", {"v": 7, "at": 1585673980.25}, "v", "at")
    assert (found.time, found.clock) == (1_585_673_980_250_000_000, Clock.UNIX)


def test_the_unit_of_the_scenario_is_that_of_an_adapter():
    assert read("json", {"v": 250}, "v", None, METRES).value == 2.5


def test_a_location_says_a_speed_that_is_worth_as_much_as_its_fix():
    """A phone that does not know its speed says -1."""
    said = {"_type": "location", "tst": 1440396651, "acc": 10, "vel": 36}
    assert read("owntracks", said) == Measurement(10.0, None, 1440396651 * SECOND, Clock.UNIX, most_valid=BARE)
    assert read("owntracks", said | {"acc": 70}).most_valid == pytest.approx(0.1)
    assert read("owntracks", said | {"vel": -1}).value is None
    assert read("owntracks", said | {"acc": 0}).most_valid == 0.0


def test_the_newest_sample_of_a_batch_counts():
    samples = [{"name": "accelerometer", "time": str(at * SECOND), "values": {"x": at}} for at in (5, 7, 6)]
    batch = {"messageId": 3, "payload": [*samples, {"name": "gyroscope", "time": 9 * SECOND, "values": {"x": 99}}]}
    found = read("sensor_logger", batch, "accelerometer.x", None, Meaning("m/s2", "m/s2"))
    assert found == Measurement(7.0, 3, 7 * SECOND, Clock.UNIX, most_valid=BARE)
    assert read("sensor_logger", batch, "barometer.x").value is None


def test_a_sentence_has_its_day_and_a_status():
    line = b"GPRMC,225446.50,%s,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E"
    found = [read("nmea", b"$" + body + f"*{checksum(body):02X}\r\n".encode()) for body in (line % b"A", line % b"V")]
    assert found[0].value == pytest.approx(0.5 * 1852 / 3600)
    assert found[0].time == 785_285_686_500_000_000  # 1994-11-19T22:54:46.5Z
    assert found[1].value is None


def checksum(body):
    total = 0
    for byte in body:
        total ^= byte
    return total


NAMES = st.sampled_from(
    ["json", "esphome", "owntracks", "sensor_logger", "phyphox", "nmea", None, f"{__name__}:Thrice"]
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["a", "_type", "tst", "acc", "vel", "payload", "name", "time", "values", "messageId", "t"]),
            st.one_of(inner, st.just("location"), st.just("a")),
            max_size=6,
        ),
    ),
    max_leaves=12,
)


@given(name=NAMES, payload=st.one_of(st.binary(max_size=80), JSON.map(lambda said: json.dumps(said).encode())))
def test_no_adapter_raises_and_none_is_worth_more_than_a_bare_number(name, payload):
    found = read(name, payload, "a.x", "t" if name == "json" else None)
    if isinstance(found, Measurement) and found.value is not None and name is not None and ":" not in name:
        assert 0.0 <= found.most_valid <= BARE
        assert abs(found.value) < float("inf")


def test_a_batch_that_is_too_long_is_refused():
    assert read("json", b" " * (BATCH + 1), "v") is Reason.SIZE


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("adapter: jsn", "did you mean `json`?"),
        ("adapter: json", "goes with an adapter that needs one"),
        ("field: a", "goes with an adapter that needs one"),
        ("adapter: nmea, stamp: t", "goes with `adapter: json`"),
        ("adapter: sensor_logger, field: gravity", "has no axis"),
        ("topic: a/+/m", "is no topic of one device"),
        ("topic: 'a/#'", "is no topic of one device"),
        (f"adapter: '{__name__}:Thrise'", "did you mean `Thrice`?"),
    ],
)
def test_an_adapter_that_is_none_is_refused(fields, said):
    with pytest.raises(InputError) as error:
        scenario.read("hil_bench", [f"sensors.own.speed={{from: mqtt, {fields}}}"])
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "field", "payload"),
    [
        ("owntracks", None, b'{"_type":"location","tst":1e300,"acc":10,"vel":36}'),
        (
            "sensor_logger",
            "a.x",
            b'{"messageId":3,"payload":[{"name":"a","time":"1%s","values":{"x":1}}]}' % (b"0" * 320),
        ),
    ],
)
def test_a_time_of_no_clock_is_refused(name, field, payload):
    channel = channel_of(name, field, unit="m/s")
    assert channel.take(Message(1000, "topic", payload), 0) is None
    assert set(channel.refused) == {Reason.NUMBER}


def channel_of(name, field=None, stamp=None, unit="m"):
    read = reader(name, field, stamp, Meaning(unit, unit))
    return Channel(Binding(0, 0, "topic", read, 0, None, None, None, BATCH))


@pytest.mark.skipif(not LOGS.exists(), reason=f"no {LOGS}; KARYON_DATA says where recordings are")
def test_a_log_of_real_sensors_shows_its_duplicates_and_its_lag():
    """61 of 120 messages repeat: what is left is told how old it was when it came, and nothing is younger than that."""
    rows = [json.loads(line) for line in (LOGS / "moziot_lab.jsonl").read_text("utf-8").splitlines()]
    fields = {
        "motion-readings": "motion-bool",
        "temp-hum-readings": "temp-C",
        "lux-readings": "lux",
        "noise-readings": "noise-bool",
        "gas-mq9-readings": "co-ppm",
        "gas-mq135-readings": "co2-ppm",
    }
    refused, lags = Counter(), []
    for topic, field in fields.items():
        channel = channel_of("json", field, "timestamp")
        for row in rows:
            if row["topic"] == topic:
                arrived = round(datetime.fromisoformat(row["receivedTimestamp"]).timestamp() * 1e9)
                message = Message(arrived, topic, json.dumps(row["payload"]).encode())
                if taken := channel.take(message, 0):
                    lags.append((arrived - taken[1]) / SECOND)
        refused += channel.refused
    assert set(refused) <= {Reason.DUPLICATE, Reason.ORDER}
    assert refused.total() + len(lags) == 110  # of the topics with a time stamp
    assert len(lags) >= 50
    assert 0.1 < min(lags) < max(lags) < 3.1


@pytest.mark.skipif(not LOGS.exists(), reason=f"no {LOGS}; KARYON_DATA says where recordings are")
def test_the_log_of_a_real_phone_is_worth_next_to_nothing():
    """Fixes of 5 to 5000 m, minutes old; where it does not know its speed there is none."""
    channel, worths = channel_of("owntracks"), []
    for line in (LOGS / "owntracks_demo-iphone.rec").read_text("utf-8").splitlines():
        when, _, payload = line.split("\t")
        arrived = round(datetime.fromisoformat(when).timestamp() * 1e9)
        channel.take(Message(arrived, "topic", payload.encode()), 0)
        if channel.last is not None and channel.last.time is not None:
            worths.append(channel.last.most_valid)
    assert channel.messages >= 20
    assert max(worths) <= BARE
    assert min(worths) < 0.01


def test_two_signals_of_one_message_have_their_adapters():
    """A phone sends all it has on one topic."""
    loaded = scenario.read(
        "hil_bench",
        [
            "sensors.own.speed={from: mqtt, topic: phone, adapter: json, field: v}",
            "sensors.front.distance={from: mqtt, topic: phone, adapter: json, field: d}",
        ],
    )
    intake = Intake(loaded.scenario, loaded.design)
    assert [each.binding.topic for each in intake.channels] == ["phone", "karyon/1/1/front.relative_speed/m", "phone"]
    assert intake.topics["phone"] == BATCH
