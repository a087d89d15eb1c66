"""Pictures without a screen: a live run looks as its recording does, and every window size has a picture."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import imageio_ffmpeg
import numpy as np
import pygame
import pytest
from pyarrow import compute, parquet

from karyon.sim.documents import InputError
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view import show
from karyon.sim.view.bar import Transport
from karyon.sim.view.camera import Camera
from karyon.sim.view.keys import KEYS, MOUSE
from karyon.sim.view.layout import LEAST, Layout, layout
from karyon.sim.view.links import NO_ONE
from karyon.sim.view.look import ELLIPSIS, Look
from karyon.sim.view.overlay import COLUMN, NAMES, draw_help
from karyon.sim.view.recording import Recording
from karyon.sim.view.renderer import Renderer
from karyon.sim.view.road import CENTRE, Road
from karyon.sim.view.scene import Eye

FAULT = "faults=[{vehicle: 2, signal: front.distance, mode: offset, onset: 5, duration: 3, amplitude: 20}]"
LANE = round(CENTRE * 400)  # px from the top, of a road that is 400 px high


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three cars, one of which measures wrongly."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read("acc_profile", ["duration=12", "vehicles=3", FAULT])], [folder])
    return folder


SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")


def karyon(*arguments, cwd, **environment):
    """The command on a machine without a screen."""
    bare = {name: value for name, value in os.environ.items() if name not in SCREEN}
    bare.pop("SDL_VIDEODRIVER", None)
    return subprocess.run(
        [sys.executable, "-m", "karyon", "view", *map(str, arguments)],
        cwd=cwd,
        env=bare | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def pixels(surface):
    """All of them (x, y, colour)."""
    return pygame.surfarray.array3d(surface).astype(int)


def drawn(folder, at, selected, look, size=(1440, 900)):
    """A picture, and the surface that it is on."""
    scene, surface, renderer = Eye(Recording(folder)).look(at, selected), pygame.Surface(size), Renderer(look)
    renderer.fit(scene, size)
    return renderer.draw(surface, scene, Transport()), surface, scene, renderer


def test_a_live_run_and_its_recording_look_alike(run, tmp_path):
    """By the command, without a screen; they differ in the words `live`, and in what is still to come."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text((run / "scenario.yaml").read_text("utf-8"), "utf-8")
    for shown, name in ((scenario, "live.png"), (run, "recorded.png")):
        done = karyon(shown, "--at", 6, "--screenshot", name, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    live, recorded = (pixels(pygame.image.load(tmp_path / name)) for name in ("live.png", "recorded.png"))
    assert 0 < (abs(live - recorded).max(axis=2) > 24).mean() < 0.02
    assert not (tmp_path / "runs").exists(), "a still leaves no recording"


def test_a_video_shows_the_rest_of_the_run(run, tmp_path):
    """25 pictures a second, as fast as it was."""
    done = karyon(run, "--at", 11.5, "--video", "end.mp4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "end.mp4"))
    assert count == 13
    assert seconds == pytest.approx(0.52)
    frames = imageio_ffmpeg.read_frames(str(tmp_path / "end.mp4"))
    width, height = next(frames)["size"]
    shown = np.frombuffer(next(frames), dtype=np.uint8).reshape(height, width, 3).transpose(1, 0, 2)
    _, still, *_ = drawn(run, 11.5, 2, Look(), (width, height))
    assert abs(pixels(still) - shown).mean() < 4, (
        "of 255: what the compression costs, and the button of a run that plays"
    )
    frames.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acc_profile"], "there is no display: on a machine without a screen use --screenshot FILE.png or --video"),
        (["acc_profile", "--screenshot", "here.jpg"], "expected a file that ends in .png, found here.jpg"),
        ([".", "--screenshot", "a.png"], "trace.parquet: not there; `karyon run SCENARIO --out .` writes it"),
    ],
    ids=["no display", "ending", "no run"],
)
def test_what_cannot_be_shown_is_refused(arguments, said, tmp_path):
    """In words that say what to do."""
    done = karyon(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("shown", "seed", "at", "name", "said"),
    [
        ("acc_profile", None, 0.0, "not/here.png", "here.png cannot be written: there is no folder"),
        ("acc_profile", None, 0.0, ".", "cannot be written: it is a folder"),
        ("acc_profile", None, -1.0, "a.png", "--at is a time from 0 s on, found -1"),
        ("acc_profile", None, float("nan"), "a.png", "--at is a time from 0 s on, found nan"),
        ("acc_profile", None, 200.0, "a.png", "--at 200 s is beyond the end: acc_profile ends at 120 s"),
        ("runs/trace.parquet", None, 0.0, "a.png", "is a file of a run, and its folder is shown: karyon view runs"),
        (".", 3, 0.0, "a.png", "--seed is for a scenario: a recording has its seed"),
        ("acc_profil", None, 0.0, "a.png", "no scenario of this name is shipped"),
    ],
    ids=["no folder", "a folder", "negative", "no number", "too late", "trace", "seed", "misspelt"],
)
def test_what_makes_no_sense_is_refused(shown, seed, at, name, said, tmp_path):
    """Before anything runs."""
    with pytest.raises((show.ShowError, InputError), match=said):
        show.show(shown, seed, at, tmp_path / name, None)
    assert not list(tmp_path.iterdir())


def test_vehicles_are_true_to_scale(run):
    """A car is as many pixels long and wide as the scale bar says, and as far from the next one."""
    look = Look()
    scene = Eye(Recording(run)).look(3.0, 1)
    surface, place = pygame.Surface((1000, 400)), pygame.Rect(0, 0, 1000, 400)
    surface.fill(look.colours.ground)
    camera = Camera(middle=float(scene.cars.x[1]) - 2.0, zoom=20.0)
    road = Road(surface, look, place, scene, camera)
    road.draw()
    assert road.pixel(float(scene.cars.x[1])) == 540
    blue = (pixels(surface) == look.level(2)[0]).all(axis=2)
    on_lane = blue[:, LANE - 24 : LANE + 25]
    columns = np.flatnonzero(on_lane.any(axis=1))
    assert columns.max() == pytest.approx(540, abs=3)
    assert columns.min() == pytest.approx(540 - 4.5 * 20, abs=3)
    rows = np.flatnonzero(on_lane.any(axis=0))
    assert np.ptp(rows) == pytest.approx(1.8 * 20, abs=6)


def test_a_wrong_measurement_is_seen_beside_the_true_car(run):
    """Its outline is where the radar puts the car ahead: 20 m from it."""
    look = Look()
    scene = Eye(Recording(run)).look(5.1, 2)
    surface, place = pygame.Surface((1200, 400)), pygame.Rect(0, 0, 1200, 400)
    surface.fill(look.colours.ground)
    road = Road(surface, look, place, scene, Camera(middle=float(scene.cars.x[1]), zoom=8.0))
    road.draw()
    rows = slice(LANE - 8, LANE + 8)
    columns = np.flatnonzero((pixels(surface)[:, rows] == look.colours.measured).all(axis=2).any(axis=1))
    rear = road.pixel(float(scene.cars.x[1] - scene.cars.length[1]))
    assert columns.min() - rear == pytest.approx(20 * 8, abs=10)


def test_a_bracket_holds_the_group_of_the_selected_car(run):
    """From the rear of its last car to the front of its first; there is none around one car."""
    look = Look()
    scene = Eye(Recording(run)).look(3.0, 1)
    place = pygame.Rect(0, 0, 1000, 400)
    camera = Camera(middle=float(scene.cars.x[1]), zoom=6.0)

    def bracket(*leaders):
        surface = pygame.Surface(place.size)
        surface.fill(look.colours.ground)
        cars = replace(scene.cars, leader=np.array(leaders))
        road = Road(surface, look, place, replace(scene, cars=cars), camera)
        road._draw_group()
        rows = (pixels(surface) == look.colours.faint).all(axis=2).sum(axis=0)
        columns = (pixels(surface)[:, int(rows.argmax())] == look.colours.faint).all(axis=1)
        edges = np.flatnonzero(np.diff(columns.astype(int), prepend=0, append=0)).reshape(-1, 2)
        return (edges[np.ptp(edges, axis=1).argmax()].tolist() if len(edges) else []), road

    (begin, end), road = bracket(0, 1, 1)
    assert begin == pytest.approx(road.pixel(float(scene.cars.x[2] - scene.cars.length[2])), abs=2)
    assert end == pytest.approx(road.pixel(float(scene.cars.x[1])), abs=2)
    assert bracket(0, 1, 0)[0] == []
    assert bracket(NO_ONE, NO_ONE, NO_ONE)[0] == []


@pytest.mark.parametrize("metres", [12.0, -300.0, 300.0, 130.0])
@pytest.mark.parametrize("left", [0.0, 60.0, -60.0])
def test_what_a_distance_is_called_is_always_there(run, metres, left):
    """Also of one that ends beyond the window, on either side, or begins at its edge."""
    look = Look()
    scene = Eye(Recording(run)).look(3.0, 1)
    surface, place = pygame.Surface((800, 400)), pygame.Rect(0, 0, 800, 400)
    road = Road(surface, look, place, scene, Camera(middle=float(scene.cars.x[1]) + left, zoom=6.0))
    said, draw = [], look.text

    def noted(surface, words, *rest, **named):
        drawn = draw(surface, words, *rest, **named)
        said.append((words, place.contains(drawn)))
        return drawn

    look.text = noted
    road._draw_distances(float(scene.cars.x[1]), [("lead.message says", metres, f"{metres} m", look.colours.told)])
    assert "".join(words for words, _ in said).count("lead.message says") == 1
    assert all(is_inside for _, is_inside in said)
    assert f"{metres} m" in " ".join(words for words, _ in said)


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize(
    "size", [(1920, 1200), (1440, 900), (1280, 720), (1000, 700), (800, 600), (640, 480), (360, 240)]
)
def test_every_size_has_a_picture(run, size, scale):
    """Nothing reaches out of the window, and nothing lies on anything else."""
    look = Look(scale)
    wanted = (round(size[0] * scale), round(size[1] * scale))
    picture, *_ = drawn(run, 6.0, 2, look, wanted)
    assert picture is not None
    window = pygame.Rect((0, 0), wanted)
    places = [place for place in parts(picture.layout) if place is not None]
    assert all(window.contains(place) for place in places)
    assert all(not one.colliderect(other) for i, one in enumerate(places) for other in places[:i])
    assert window.contains(picture.bar.track)


def parts(places: Layout):
    """Its rectangles."""
    return [getattr(places, name) for name in Layout.__slots__]


def test_a_lone_vehicle_is_shown(run, tmp_path):
    """What there is of others is left out."""
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run/trace.parquet"
    table = parquet.read_table(path)
    parquet.write_table(table.filter(compute.equal(table["vehicle"], 1)), path)
    picture, surface, scene, _ = drawn(tmp_path / "run", 6.0, 1, Look())
    assert picture is not None
    assert scene.selected == 1
    assert len({tuple(colour) for colour in pixels(surface).reshape(-1, 3)[::97]}) >= 12


def test_a_small_window_gives_way_in_the_stated_order():
    """Whatever the size: the later parts are there as long as the earlier ones are, but for what the width decides."""
    for width in range(LEAST[0], 2000, 60):
        for height in range(LEAST[1], 1400, 20):
            places = layout((width, height), 1.0, 8)
            assert places is not None
            there = [getattr(places, name) is not None for name in ("levels", "strips", "overview")]
            assert there == sorted(there), f"{width} × {height}: {there}"
            assert places.road.height >= 120
    assert layout((LEAST[0] - 1, 900), 1.0, 8) is None
    assert layout((900, LEAST[1] - 1), 1.0, 8) is None


@pytest.mark.parametrize("size", [(360, 240), (700, 500), (1900, 900)])
def test_a_window_of_another_size_shows_the_same_road(run, size):
    """Whoever was in it stays in it, whole."""
    picture, _, scene, renderer = drawn(run, 6.0, 2, Look())
    before = picture.road.metre(picture.layout.road.left), picture.road.metre(picture.layout.road.right)
    after = renderer.draw(pygame.Surface(size), scene, Transport())
    road = after.layout.road
    assert (after.road.metre(road.left), after.road.metre(road.right)) == pytest.approx(before, abs=0.5)
    assert road.left <= after.road.pixel((scene.cars.x - scene.cars.length).min())
    assert after.road.pixel(scene.cars.x.max()) <= road.right


def test_a_window_that_is_too_small_says_so(run):
    """And is not empty."""
    picture, surface, *_ = drawn(run, 6.0, 2, Look(), (200, 100))
    assert picture is None
    assert len({tuple(colour) for colour in pixels(surface).reshape(-1, 3)}) > 5


@pytest.mark.parametrize("width", [0, 5, 40, 100, 1000])
def test_text_is_cut_to_what_fits(width):
    """With an ellipsis where something is left out, over as many lines as there may be."""
    look, words = Look(), "LoS 3 → 1: age of lead.message 340 ms > 300 ms"
    cut = look.cut(words, width)
    assert look.width(cut) <= width
    assert cut in (words, "") or cut.endswith(ELLIPSIS)
    lines = look.wrapped(words, width, 3)
    assert len(lines) <= 3
    assert all(look.width(line) <= width for line in lines)
    if width == 1000:
        assert lines == [words]


def test_no_word_of_the_help_is_cut():
    """In a window of the usual size."""
    look = Look()
    assert [key.called for key in KEYS if look.width(key.called, is_bold=True) > NAMES] == []
    assert [key.does for key in KEYS if look.width(key.does) > COLUMN - NAMES - 8] == []
    assert [words for words, _ in MOUSE if look.width(words, is_bold=True) > NAMES] == []


@pytest.mark.parametrize("size", [(1280, 800), (700, 500), (360, 240)])
def test_the_help_fits_into_the_window(size):
    """The frame of the sheet is whole, so nothing was drawn outside of it."""
    surface = pygame.Surface(size)
    surface.fill((255, 0, 0))
    draw_help(surface, Look())
    assert tuple(surface.get_at((size[0] // 2, size[1] // 2))[:3]) != (255, 0, 0)
