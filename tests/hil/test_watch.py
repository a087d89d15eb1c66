"""A session in a window, on a screen that nobody looks at: what the sensor says is seen, and nothing made up."""

import json
import os
import shutil
import subprocess
import threading
import time

import numpy as np
import pygame
import pytest

from karyon.hil import command, device, drive, watch
from karyon.hil.address import Credentials, parse
from karyon.sim.view.window import Window

PATIENCE = 90.0  # s, on a machine that is busy

pytestmark = pytest.mark.skipif(
    os.environ.get("CI") != "true" and shutil.which("Xvfb") is None, reason="needs Xvfb: apt-get install xvfb"
)


@pytest.fixture
def screen(monkeypatch):
    told, tell = os.pipe()
    command_line = ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1300x850x24", "-nolisten", "tcp"]
    with subprocess.Popen(command_line, pass_fds=[tell], stderr=subprocess.DEVNULL) as server:
        monkeypatch.setenv("DISPLAY", f":{os.read(told, 20).decode().strip()}")
        monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
        yield
        pygame.display.quit()
        server.terminate()
    os.close(told)
    os.close(tell)


@pytest.fixture
def hand(broker):
    """A made-up hand before a desk sensor."""
    playing, over = device.Device(parse(broker.url), "desk", None, drive.hand().signals), threading.Event()
    player = device.Player.of(drive.hand(), [])
    thread = threading.Thread(target=device.play, args=(player, playing, lambda _: not over.is_set()))
    playing.client.start()
    thread.start()
    yield
    over.set()
    thread.join()
    playing.client.stop()


def session(url, *settings):
    return command.session("hil_desk", url, Credentials(), None, settings, lan=False, with_commands=False)


class Looking(Window):
    """Somebody who closes the window once the sensor is seen, and remembers what there was."""

    seen = None

    def run(self):
        begun = time.monotonic()
        while self.scene is None or np.isnan(self.scene.cars.measured[0]):
            assert time.monotonic() - begun < PATIENCE, "the sensor was not seen"
            self.turn(0.02)
        picture, colour = pygame.surfarray.array3d(self.surface), self.look.colours.measured
        Looking.seen = self.scene, self._refusal(self.scene), colour, picture


def test_a_desk_sensor_is_seen_until_the_window_is_closed(screen, broker, hand, tmp_path, monkeypatch):
    """The car is alone on the road with what its sensor says; what was recorded until then is whole."""
    monkeypatch.setattr(watch, "Window", Looking)
    summary, events = watch.watch(session(broker.url), tmp_path)
    scene, refusal, colour, picture = Looking.seen
    assert scene.cars.vehicle.tolist() == [1]
    assert 7.0 < scene.cars.measured[0] < 11.0
    assert np.isnan(scene.cars.gap[0])
    assert "karyon device --fault" in refusal
    assert (picture == colour).all(axis=2).sum() > 50  # the outline of what the sensor sees
    assert summary["metrics"]["messages"] > 0
    assert summary == json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert not list(tmp_path.glob("*.part"))
    assert events == [json.loads(line) for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()]


def test_a_broker_that_is_not_there_opens_no_window(screen, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(watch, "Window", None)
    assert watch.watch(session("mqtt://127.0.0.1:1"), tmp_path) is None
    assert "there is no broker at mqtt://127.0.0.1:1" in capfd.readouterr().err


def test_without_a_display_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with pytest.raises(watch.NoDisplayError, match="there is no display"):
        watch.watch(session("mqtt://127.0.0.1:1"), tmp_path)
