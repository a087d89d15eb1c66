"""Brokers: the embedded one, and a mosquitto that goes away and comes back, asks for a password, or wants TLS."""

import json
import socket
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from karyon.hil import broker
from karyon.hil.address import AddressError, Credentials, parse
from karyon.hil.bridge import Bridge
from karyon.hil.client import BrokerError, Client

PATIENCE = 30.0  # s, on a machine that is busy


class Listener(Client):
    """Keeps what it hears."""

    def __init__(self, address, *topics):
        self.heard, self._news = [], threading.Semaphore(0)
        self.connected = threading.Semaphore(0)
        super().__init__(address, f"listener-{id(self)}", [(topic, 1) for topic in topics], self._hear, None, self._up)

    def _hear(self, topic, payload, retained):
        self.heard.append((topic, payload, retained))
        self._news.release()

    def _up(self):
        self.connected.release()

    def wait(self):
        assert self._news.acquire(timeout=PATIENCE), self.heard

    def __enter__(self):
        self.start()
        assert self.connected.acquire(timeout=PATIENCE)
        return self

    def __exit__(self, *error):
        self.stop()


def hears_itself(address):
    """Whether a message goes through the broker and comes back."""
    with Listener(address, "here") as client:
        for _ in range(100):  # the first ones may be before the subscription
            client.publish("here", b"21", qos=1)
            if client._news.acquire(timeout=0.2):
                return client.heard[0] == ("here", b"21", False)
    return False


def test_the_embedded_broker_carries_messages_on_this_machine():
    with broker.embedded() as address:
        assert address.host == "127.0.0.1"
        assert hears_itself(address)
        assert hears_itself(replace(address, is_old=False))  # as a device that does not know


def test_the_embedded_broker_asks_others_for_the_password(monkeypatch):
    """Made up anew each time; a client without it, or with another one, is refused with that reason."""
    monkeypatch.setattr(broker, "LAN_PORT", broker._free_port())
    with broker.embedded(lan=True) as address:
        assert hears_itself(address)
        for other in (replace(address, password="guessed"), replace(address, user=None, password=None)):
            with pytest.raises(BrokerError, match=r"refuses us: (Not authorized|Bad user name or password)"):
                Listener(other).start()
        told = broker.invitation(address)
        assert address.password in told[0]
        assert len(told) > 10  # the QR code
        first = address.password
    with broker.embedded(lan=True) as address:
        assert address.password != first


def test_a_port_that_is_taken_is_named(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        monkeypatch.setattr(broker, "LAN_PORT", taken.getsockname()[1])
        with pytest.raises(BrokerError, match="is taken"), broker.embedded(lan=True):
            pass


def test_a_client_comes_back_to_a_broker_that_was_killed(broker):
    """By itself, with its subscriptions."""
    with Listener(parse(broker.url), "here") as client:
        broker.kill()
        broker.start()
        assert client.connected.acquire(timeout=PATIENCE)
        client.publish("here", b"again", qos=1)
        client.wait()
        assert client.connections == 2


def test_a_broker_that_goes_and_comes_back_is_told_once_each(broker):
    said, back = [], threading.Event()

    def say(line):
        said.append(line)
        if "is back" in line:
            back.set()

    bridge = Bridge(parse(broker.url), "bench", {"here": 100}, [], say)
    bridge.start()
    try:
        broker.kill()
        time.sleep(1.5)  # an attempt that fails says nothing
        broker.start()
        assert back.wait(PATIENCE)
    finally:
        bridge.close()
    assert len(said) == 2
    assert said[0].startswith(f"the broker at {broker.url} is gone: trying again every 1 to 8 s")


def test_what_the_broker_has_kept_is_not_sent_on(broker):
    with Listener(parse(broker.url)) as client:
        client.publish("here", b"old", qos=1, retain=True)
    with Listener(parse(broker.url), "here") as client:
        client.publish("here", b"new", qos=1)
        client.wait()
        assert client.heard == [("here", b"new", False)]


def test_a_payload_of_10_mb_does_not_reach_us(broker):
    """The broker is told the largest packet that we take."""
    with Listener(parse(broker.url), "here") as client:
        subprocess.run(
            ["mosquitto_pub", "-p", str(broker.port), "-t", "here", "-s"], input=b"0" * 10_000_000, check=True
        )
        client.publish("here", b"small", qos=1)
        client.wait()
        assert client.heard == [("here", b"small", False)]


def test_a_broker_that_does_not_speak_mqtt_is_named():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(BrokerError, match="does not answer as an MQTT broker does"):
            Listener(parse(f"mqtt://127.0.0.1:{silent.getsockname()[1]}")).start()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost", "--broker is auto or an address"),
        ("http://localhost", "--broker is auto or an address"),
        ("mqtt://", "--broker is auto or an address"),
        ("mqtt://localhost:99999", "cannot be read"),
        ("mqtt://[::1", "cannot be read"),
        ("mqtt://a..b", "has no name of a machine"),
        (f"mqtt://{'a' * 64}.example", "has no name of a machine"),
    ],
)
def test_an_address_that_is_none_is_refused(url, said):
    with pytest.raises(AddressError, match=said):
        parse(url)


def test_an_address_says_all_but_the_password(tmp_path):
    path = tmp_path / "password"
    path.write_text("secret\n", "utf-8")
    address = parse("mqtts://me@[::1]:99", Credentials(password=path))
    assert (address.host, address.port, address.user, address.password) == ("::1", 99, "me", "secret")
    assert json.dumps(str(address)) == '"mqtts://[::1]:99"'
    assert parse("wss://a.example/mqtt").port == 443


@pytest.mark.parametrize(
    ("url", "given", "said"),
    [
        ("mqtt://me@here", {"ca": "ca.pem"}, "go with mqtts"),
        ("mqtts://here", {"cert": "c.pem"}, "go together"),
        ("mqtt://here", {"password": "p"}, "needs a user"),
        ("mqtt://me@here", {"password": "not-there"}, "cannot be read"),
        ("mqtt://me@here", {"password": "empty"}, "holds no password"),
    ],
)
def test_files_that_do_not_go_with_an_address_are_refused(url, given, said, tmp_path):
    (tmp_path / "empty").write_text("", "utf-8")
    with pytest.raises(AddressError, match=said):
        parse(url, Credentials(**{name: tmp_path / path for name, path in given.items()}))
