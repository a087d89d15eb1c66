"""The process that hears messages: all that comes is handed over, and of what nobody reads the newest is kept."""

import os
import time

import pytest

from karyon.hil.address import parse
from karyon.hil.client import BrokerError, Client
from karyon.hil.listener import WAITING, Listener

PATIENCE = 30.0  # s, on a machine that is busy
LONGEST = 4000


@pytest.fixture
def publish(broker):
    """Send payloads on a topic, and be sure that the broker has them."""
    client = Client(parse(broker.url), "device", [], lambda *_: None)
    client.start()

    def send(topic, *payloads):
        told = [client._client.publish(topic, payload, 1) for payload in payloads]
        for each in told:
            each.wait_for_publish(PATIENCE)

    yield send
    client.stop()


@pytest.fixture
def listener(broker):
    hears = Listener(parse(broker.url), "bench", {"a": LONGEST, "b": 4})
    hears.start()
    yield hears
    hears.stop()


def heard(listener, until):
    """All that has come once `until` says that it is enough, and what was superseded."""
    came, dropped, begin = [], {}, time.monotonic()
    while not until(came):
        assert time.monotonic() - begin < PATIENCE, came[-3:]
        messages, missing = listener.drain()
        came += messages
        dropped = {topic: dropped.get(topic, 0) + missing.get(topic, 0) for topic in {*dropped, *missing}}
        time.sleep(0.01)
    return came, dropped


def test_what_comes_on_its_topics_is_handed_over_as_it_came(listener, publish):
    """In order, with the time of its arrival; one byte more than the longest says that it is too long."""
    before = time.monotonic_ns()
    publish("a", b"", bytes(range(256)), b"2")
    publish("c", b"not bound")
    publish("b", b"1234567")
    came, dropped = heard(listener, lambda came: len(came) == 4)
    assert [(one.topic, one.payload) for one in came if one.topic == "a"] == [
        ("a", b""),
        ("a", bytes(range(256))),
        ("a", b"2"),
    ]
    assert [one.payload for one in came if one.topic == "b"] == [b"12345"]
    assert before < min(one.arrived for one in came) <= max(one.arrived for one in came) < time.monotonic_ns()
    assert not any(one.retained for one in came)
    assert dropped == {}


def test_of_what_nobody_reads_the_newest_is_kept_and_the_rest_counted(listener, publish):
    """More than the pipe holds on one topic: the other one is heard, and nothing is missing without being told."""
    count = 600
    publish("a", *(f"{number:<{LONGEST}}".encode() for number in range(count)))
    publish("b", b"here")
    came, dropped = heard(listener, lambda came: any(one.topic == "b" for one in came))
    numbers = [int(one.payload) for one in came if one.topic == "a"]
    assert numbers == sorted(set(numbers))
    assert numbers[-WAITING:] == list(range(count - WAITING, count))
    assert set(dropped) == {"a"}
    assert len(numbers) + dropped["a"] == count
    assert dropped["a"] > 100


def test_a_cycle_reads_what_there_is_and_not_what_comes_meanwhile():
    """A flood that is quicker than its reader: the cycle goes on, with the newest of it."""
    flooded = Listener(parse("mqtt://127.0.0.1:1"), "bench", {"a": LONGEST})
    flooded._pipe = os.open("/dev/zero", os.O_RDONLY)  # empty messages on the first topic, without end
    came, dropped = flooded.drain()
    os.close(flooded._pipe)
    assert {(one.topic, one.payload) for one in came} == {("a", b"")}
    assert len(came) == WAITING
    assert dropped["a"] > 10_000


def test_one_that_does_not_come_to_a_broker_says_why():
    nobody = Listener(parse("mqtt://127.0.0.1:1"), "bench", {"a": LONGEST})
    with pytest.raises(BrokerError, match=r"there is no broker at mqtt://127.0.0.1:1: Connection refused"):
        nobody.start()


def test_a_listener_that_has_died_is_heard_no_more(listener, publish):
    """The levels fall, as with devices that are silent."""
    os.kill(listener._process.pid, 9)
    publish("a", b"1")
    listener._process.wait(PATIENCE)
    assert listener.drain() == ([], {})
    assert listener.has_ended
