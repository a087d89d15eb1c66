"""The window, driven by real keys and a real mouse on a screen of its own: each does what the help says."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pygame
import pytest

from karyon.sim import kinds
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view import keys, overlay, window
from karyon.sim.view.again import Again
from karyon.sim.view.live import Live
from karyon.sim.view.recording import Recording

TOOLS = ("Xvfb", "xdotool")
PATIENCE = 60.0  # s
FAULT = "faults=[{vehicle: 2, signal: front.distance, mode: omission, onset: 5, duration: 3}]"
NAMES = {  # of keys, as X calls them
    "Space": "space",
    "→": "Right",
    "←": "Left",
    "Page down": "Next",
    "Page up": "Prior",
    "+": "plus",
    "−": "minus",
    "↑": "Up",
    "↓": "Down",
    "?": "question",
}

pytestmark = pytest.mark.skipif(
    os.environ.get("CI") != "true" and not all(map(shutil.which, TOOLS)),
    reason="needs Xvfb and xdotool: apt-get install xvfb xdotool",
)


@pytest.fixture(scope="module")
def screen():
    """The name of a display that nobody looks at."""
    told, tell = os.pipe()
    command = ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, pass_fds=[tell], stderr=subprocess.DEVNULL) as server:
        yield f":{os.read(told, 20).decode().strip()}"
        server.terminate()
    os.close(told)
    os.close(tell)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three cars, one of which fails."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read("acc_profile", ["duration=20", "vehicles=3", FAULT])], [folder])
    return folder


class Driver:
    """Fingers on keys and mouse, and eyes on the window."""

    def __init__(self, screen: str, shown: window.Window) -> None:
        self.window, self._environment = shown, os.environ | {"DISPLAY": screen}
        self.id = str(pygame.display.get_wm_info()["window"])

    def xdotool(self, *words: object) -> str:
        command = ["xdotool", *map(str, words)]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout

    def press(self, key: str) -> None:
        """A key by the name that the help gives it."""
        self.xdotool("key", NAMES.get(key, key if len(key) > 1 else key.lower()))

    def until(self, holds) -> None:
        """Let the window turn until something holds."""
        begun = time.monotonic()
        while not holds():
            assert time.monotonic() - begun < PATIENCE, "the window did not do it"
            self.window.turn(0.0)

    def click(self, at: tuple[float, float]) -> None:
        self.xdotool("mousemove", "--window", self.id, round(at[0]), round(at[1]))
        self.xdotool("click", 1)


@pytest.fixture
def opened(screen, monkeypatch):
    """Opens a window on a source, at a time (s) and paused."""
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)

    def opened(source, at):
        window.open_display()
        shown = window.Window(source, at)
        driver = Driver(screen, shown)
        driver.until(lambda: driver.xdotool("search", "--onlyvisible", "--class", ".").split())
        driver.xdotool("windowfocus", "--sync", driver.id)
        driver.until(lambda: shown.picture is not None)
        driver.press("Space")
        driver.until(lambda: not shown.transport.is_playing)
        shown.time = at
        shown.turn(0.0)
        return driver

    yield opened
    pygame.display.quit()


@pytest.fixture
def driver(opened, run):
    """A window on the recording, at 10 s and paused."""
    return opened(Recording(run), 10.0)


def test_keys_do_what_the_help_says(driver):
    """All of them, one after the other; none is left out."""
    shown, camera = driver.window, driver.window.renderer.camera

    def zoom():
        return camera.zoom

    tried = {
        "Space": lambda: shown.transport.is_playing,
        "→": lambda: shown.time == pytest.approx(10.1),
        "←": lambda: shown.time == pytest.approx(10.0) and not shown.transport.is_playing,
        "Page down": lambda: shown.time == 20.0,
        "Page up": lambda: shown.time == 10.0,
        "Home": lambda: shown.time == 0.0,
        "End": lambda: shown.time == 20.0,
        "B": lambda: shown.time < 20.0 and shown.scene.happenings[shown.scene.past - 1].kind in window.MARKED,
        "N": lambda: shown.time > before["time"],
        "+": lambda: shown.transport.speed == 2.0,
        "−": lambda: shown.transport.speed == 1.0,
        "↑": lambda: shown.selected == 1,
        "↓": lambda: shown.selected == 2,
        "F": lambda: not shown.follows,
        "Z": lambda: zoom() > before["zoom"],
        "X": lambda: zoom() < before["zoom"],
        "A": lambda: camera.middle < before["middle"],
        "D": lambda: camera.middle > before["middle"],
        "0": lambda: camera.middle != before["middle"],
        "I": lambda: shown.shows_menu,
        "L": lambda: shown.look.is_dark,
        "T": lambda: shown.look.scale == 1.25,
        "?": lambda: shown.shows_help,
        "Q": lambda: not shown.is_open,
    }
    assert set(tried) == {key.called for key in keys.KEYS}
    for key, holds in tried.items():
        if key == "↑":
            shown.selected = 2
        if key == "N":
            shown.time = 4.0
        if key in ("L", "Q"):
            driver.press("Escape")
        shown.turn(0.0)
        before = {"time": shown.time, "zoom": zoom(), "middle": camera.middle}
        assert not holds(), f"{key} would have nothing to do"
        driver.press(key)
        driver.until(holds)
    assert not shown.shows_menu, "Esc closes the menu"


def test_buttons_and_mouse_do_what_they_say(driver):
    """Buttons of the bar, the track, a car, the wheel, dragging the road."""
    shown = driver.window
    centre = {button.action: place.center for button, place in shown.picture.bar.buttons.items()}
    effects = {
        "step": lambda: shown.time == pytest.approx(10.1),
        "back": lambda: shown.time == pytest.approx(10.0),
        "faster": lambda: shown.transport.speed == 2.0,
        "slower": lambda: shown.transport.speed == 1.0,
        "pause": lambda: shown.transport.is_playing,
        "help": lambda: shown.shows_help,
        "fault": lambda: shown.shows_menu,
    }
    assert set(effects) == set(centre)
    for action, holds in effects.items():
        assert not holds(), f"{action} would have nothing to do"
        driver.click(centre[action])
        driver.until(holds)
        if action in ("help", "fault"):
            driver.click((20, 20))
            driver.until(lambda holds=holds: not holds())
    driver.click(centre["pause"])
    driver.until(lambda: not shown.transport.is_playing)
    track = shown.picture.bar.track
    driver.click((track.left + 0.25 * track.width, track.centery))
    driver.until(lambda: shown.time == pytest.approx(5.0, abs=0.1))
    shown.turn(0.0)
    cars = shown.scene.cars
    driver.click((shown.picture.road.pixel(float(cars.x[1] - 2.0)), shown.picture.layout.road.centery))
    driver.until(lambda: shown.selected == 1)
    zoom = shown.renderer.camera.zoom
    driver.xdotool("click", 4)
    driver.until(lambda: shown.renderer.camera.zoom > zoom)
    middle, road = shown.renderer.camera.middle, shown.picture.layout.road
    driver.xdotool("mousemove", "--window", driver.id, road.left + 10, road.top + 10)
    driver.xdotool("mousedown", 1)
    driver.xdotool("mousemove_relative", 60, 0)
    driver.xdotool("mouseup", 1)
    driver.until(lambda: shown.renderer.camera.middle < middle)


def test_a_window_can_be_resized(driver):
    """The picture fills it, and the mouse finds its way."""
    shown = driver.window
    driver.xdotool("windowsize", driver.id, 700, 500)
    driver.until(lambda: shown.picture.layout.panel is None)
    driver.until(lambda: pygame.display.get_surface().get_size() == (700, 500))
    driver.click(next(place.center for button, place in shown.picture.bar.buttons.items() if button.action == "faster"))
    driver.until(lambda: shown.transport.speed == 2.0)


def test_a_recording_cannot_be_changed(driver):
    """The menu says so, and offers nothing."""
    driver.press("I")
    driver.until(lambda: driver.window.shows_menu)
    assert driver.window.items == []


@pytest.fixture
def live(tmp_path):
    """A platoon of three that has run."""
    live = Live(read("platoon", ["duration=6", "vehicles=3"]), tmp_path / "live")
    live.wait(6.0)
    yield live
    live.close()


def test_each_line_of_the_menu_puts_in_its_fault(opened, live, monkeypatch):
    """By the mouse, and by the key that it shows; the leader has no sensors, and can but lie."""
    driver = opened(live, 3.0)
    shown, put_in = driver.window, []
    monkeypatch.setattr(live, "inject", lambda fault, time: put_in.append((fault, time)))
    for car, choices in ((1, (*overlay.FAULTS, *overlay.LIES)), (0, overlay.LIES)):
        shown.selected = car
        for number, choice in enumerate(choices):
            driver.press("I")
            driver.until(lambda: shown.shows_menu and len(shown.items))
            assert len(shown.items) == len(choices)
            if number % 2:
                driver.click(shown.items[number].center)
            else:
                driver.press(overlay.NAMES_OF_CHOICES[number])
            driver.until(lambda: not shown.shows_menu)
            assert put_in.pop() == ({"vehicle": car, "duration": overlay.LASTS, **choice.fault}, 3.0)
    driver.press("I")
    driver.until(lambda: shown.shows_menu)
    driver.press("C")
    driver.click((5, 5))
    driver.until(lambda: not shown.shows_menu)
    assert put_in == [], "beside the menu, and beyond its lines, there is nothing to choose"


def test_a_lie_that_is_put_in_is_told(opened, live):
    """Car 1 says again what it said: the run is simulated again, and the scenario holds it."""
    driver = opened(live, 3.0)
    shown = driver.window
    shown.selected = 1
    driver.press("I")
    driver.until(lambda: shown.shows_menu and len(shown.items))
    place = next(number for number, lie in enumerate(overlay.LIES) if lie.fault["mode"] == "replay")
    driver.click(shown.items[len(overlay.FAULTS) + place].center)
    driver.until(lambda: live.loaded.scenario.faults)
    (fault,) = live.loaded.scenario.faults
    assert (fault.vehicle, fault.signal, fault.mode, fault.onset) == (1, "own.message", "replay", 3.0)
    live.wait(6.0)
    assert any("own.message: replay" in each.text for each in live.happenings)


def test_a_fault_of_a_flight_is_put_in_from_the_menu(opened, tmp_path):
    """The run is simulated again; until then it has the same rows, and its scenario has the fault."""
    source = Again(kinds.read("flight", ["faults=[]", "duration=20"]), tmp_path / "flown", lambda time: True)
    before = [each.time for each in source.happenings if each.time < 10.0]
    driver = opened(source, 10.0)
    shown = driver.window
    shown.selected = 1
    driver.press("I")
    driver.until(lambda: shown.shows_menu and len(shown.items))
    driver.click(shown.items[0].center)
    driver.until(lambda: not shown.shows_menu)
    (fault,) = kinds.read(tmp_path / "flown" / "scenario.yaml").scenario.faults
    assert (fault.vehicle, fault.signal, fault.mode, fault.onset) == (1, "own.adsb", "stuck_at", 10.0)
    assert [each.time for each in source.happenings if each.time < 10.0] == before
    shown.time = 15.0
    shown.turn(0.0)
    assert shown.scene.cars.is_failing.tolist() == [False, True, False]


def test_a_run_goes_at_the_speed_that_is_set(driver):
    """Time passes `speed` times as fast, and stops at the end."""
    shown = driver.window
    for key in ("+", "+", "Space"):
        driver.press(key)
    driver.until(lambda: shown.transport.is_playing and shown.transport.speed == 5.0)
    shown.time = 10.0
    shown.turn(0.1)
    assert shown.time == pytest.approx(10.5)
    shown.turn(10.0)
    assert (shown.time, shown.transport.is_playing) == (20.0, False)


def test_the_cross_of_the_window_closes_it(driver):
    """As the window manager tells it."""
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    driver.until(lambda: not driver.window.is_open)


def test_a_window_that_is_closed_keeps_what_has_run(screen, tmp_path):
    """A fault from the menu, then closed: the recording is whole, and replays with the same bytes."""
    environment = os.environ | {"DISPLAY": screen}
    environment.pop("SDL_VIDEODRIVER", None)

    def xdotool(*words: str) -> str:
        command = ["xdotool", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        ).stdout

    command = [sys.executable, "-m", "karyon", "view", "platoon", "--at", "3"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            begun, title, found = time.monotonic(), None, []
            while title is None and time.monotonic() - begun < PATIENCE:
                time.sleep(0.2)
                found = xdotool("search", "--onlyvisible", "--class", "karyon").split()
                title = re.fullmatch(r"KARYON: platoon, ([3-9]|\d\d+) s, car 1\n", xdotool("getwindowname", *found[:1]))
            xdotool("windowfocus", "--sync", found[0])
            for key in ("i", "1", "q"):
                xdotool("key", key)
            told, complained = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0, complained
    injected = re.search(r"([\d.]+) s: car 1: (.*)", complained)
    assert injected is not None, complained
    assert injected[2] == overlay.FAULTS[0].words
    assert "recorded:   runs/platoon" in told
    folder, again = tmp_path / "runs/platoon", tmp_path / "again"
    (fault,) = read(folder / "scenario.yaml").scenario.faults
    assert (fault.vehicle, fault.signal, fault.mode) == (1, "front.distance", "omission")
    assert fault.onset == pytest.approx(float(injected[1]), abs=0.006)
    end = json.loads((folder / "summary.json").read_text())["duration"]
    assert end >= fault.onset
    simulate([read(folder / "scenario.yaml")], [again], lambda now: now < end - 1e-6)
    for name in ("trace.parquet", "messages.parquet", "events.jsonl"):
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name
