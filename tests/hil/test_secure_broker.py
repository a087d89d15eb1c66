"""The shipped configuration of mosquitto: TLS both ways, and to each device its own topics."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from karyon.hil import examination
from karyon.hil.address import Credentials, parse
from karyon.hil.bridge import STATE, Bridge
from karyon.hil.client import BrokerError
from karyon.hil.measurement import LONGEST
from karyon.hil.outlet import Outlet
from karyon.sim import scenario
from tests.hil.test_broker import Listener

SHIPPED = Path(__file__).parents[2] / "hil" / "mosquitto"
MEASURED = "karyon/1/1/front.distance/m"


def make_certificates(folder, *clients, days=365):
    folder.mkdir(exist_ok=True)
    command = [SHIPPED / "make-certificates", folder, "127.0.0.1", *clients]
    subprocess.run(command, check=True, env=os.environ | {"DAYS": str(days)})


def credentials(folder, client, ca="ca.crt"):
    return Credentials(ca=folder / ca, cert=folder / f"{client}.crt", key=folder / f"{client}.key")


@pytest.fixture
def secure(start_broker, tmp_path):
    """The broker with the shipped files, and where the certificates are; `make` puts others in their place first."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def start(make=lambda folder: None):
        make_certificates(tmp_path, "bench", "front-distance", "dashboard")
        make(tmp_path)
        shutil.copy(SHIPPED / "acl", tmp_path)
        lines = (SHIPPED / "mosquitto.conf").read_text("utf-8").splitlines()
        lines = [line for line in lines if not line.startswith(("listener ", "per_listener"))]
        running = start_broker(*lines)
        return f"mqtts://127.0.0.1:{running.port}"

    return start


def test_who_has_a_certificate_may_do_what_the_list_says(secure, tmp_path):
    """The bench hears the device on its own topic, and nothing else of it, though the broker acknowledges all."""
    url = secure()
    listening = ["karyon/1/+/+/m", "karyon/1/+/kernel/los"]
    with (
        Listener(parse(url, credentials(tmp_path, "bench")), *listening) as bench,
        Listener(parse(url, credentials(tmp_path, "front-distance"))) as device,
    ):
        for topic in ("karyon/1/1/own.speed/m", "karyon/1/2/front.distance/m", "karyon/1/1/kernel/los"):
            device.publish(topic, b"1", qos=1)
        for _ in range(100):  # the first ones may be before the subscription
            device.publish(MEASURED, b"23.4", qos=1)
            if bench._news.acquire(timeout=0.2):
                break
        assert {topic for topic, _, _ in bench.heard} == {MEASURED}


def test_a_dashboard_hears_the_bench_and_that_it_is_gone(secure, tmp_path):
    """All that the bench publishes is on its list, and so is what its doctor asks."""
    address = parse(secure(), credentials(tmp_path, "bench"))
    topics = [STATE, "karyon/1/1/kernel/los", "homeassistant/sensor/karyon_1_los/config"]
    with Listener(parse(str(address), credentials(tmp_path, "dashboard")), *topics) as dashboard:
        bridge = Bridge(address, "bench", {MEASURED: LONGEST}, [], print)
        bridge.start()
        outlet = Outlet(bridge.client, 1, with_commands=False)
        outlet.attend(None)
        outlet.tell(0, np.array([1]))
        bridge.close()
        while (STATE, b"disconnected", False) not in dashboard.heard:
            dashboard.wait()
    assert [topic for topic, _, _ in dashboard.heard] == [STATE, topics[2], topics[1], STATE]
    assert examination.examine(address, scenario.read("hil_bench"))["budget"] is not None


def test_a_dashboard_can_publish_nothing(secure, tmp_path):
    url = secure()
    with (
        Listener(parse(url, credentials(tmp_path, "bench")), "karyon/1/+/+/m") as bench,
        Listener(parse(url, credentials(tmp_path, "dashboard"))) as dashboard,
        Listener(parse(url, credentials(tmp_path, "front-distance"))) as device,
    ):
        dashboard.publish(MEASURED, b"99", qos=1)
        device.publish(MEASURED, b"1", qos=1)
        bench.wait()
        assert [payload for _, payload, _ in bench.heard] == [b"1"]


@pytest.mark.parametrize(
    ("change", "client", "said"),
    [
        ("other_authority", "bench", "is not to be trusted.*(self-signed|unable to get local issuer)"),
        ("expired_broker", "bench", "is not to be trusted.*certificate has expired"),
        ("none", "stranger", "closes the connection after the TLS handshake: it does not accept .*stranger.crt"),
        ("none", "expired", "closes the connection after the TLS handshake: it does not accept .*expired.crt"),
        ("none", None, "closes the connection after the TLS handshake: it may want a certificate"),
    ],
)
def test_who_is_not_trusted_is_refused_with_the_reason(secure, tmp_path, change, client, said):
    def make(folder):
        make_certificates(folder, "expired", days=-1)  # and the broker's, which is made anew each time
        if change != "expired_broker":
            make_certificates(folder)

    url = secure(make)
    strange = tmp_path / "strange"
    make_certificates(strange, "stranger")
    ca = "strange/ca.crt" if change == "other_authority" else "ca.crt"
    given = credentials(strange if client == "stranger" else tmp_path, client or "bench")
    given = Credentials(ca=tmp_path / ca, cert=given.cert if client else None, key=given.key if client else None)
    with pytest.raises(BrokerError, match=said):
        Listener(parse(url, given)).start()


def test_files_that_are_no_certificates_are_named(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate", "utf-8")
    with pytest.raises(BrokerError, match=r"ca.pem: not certificates and keys in PEM"):
        Listener(parse("mqtts://127.0.0.1:1", Credentials(ca=tmp_path / "ca.pem"))).start()
