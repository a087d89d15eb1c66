"""A real broker, on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import time

import pytest


class Mosquitto:
    """A broker that can be killed and started again on the same port."""

    def __init__(self, folder, *settings):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", *(settings or ["allow_anonymous true"])]
        lines += ["user root"] if os.geteuid() == 0 else []  # else it may not read what is in the test's folder
        self._config.write_text("\n".join(lines) + "\n", "utf-8")
        self.start()

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self):
        self._process = subprocess.Popen(
            ["mosquitto", "-c", str(self._config)],
            cwd=self._config.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError("mosquitto does not start")

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def start_broker(tmp_path):
    """Start a broker with these lines of configuration; all are killed afterwards."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    started = []

    def start(*settings):
        started.append(Mosquitto(tmp_path, *settings))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def broker(start_broker):
    return start_broker()
