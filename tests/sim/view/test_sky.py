"""Flights in the window: aircraft, what is kept clear around one, alerts, and where its sources put the others."""

from dataclasses import replace

import numpy as np
import pygame
import pytest

from karyon.sim.flight.alerts import WELL_CLEAR
from karyon.sim.kinds import read, simulate
from karyon.sim.view.bar import Transport
from karyon.sim.view.camera import Camera
from karyon.sim.view.look import Look
from karyon.sim.view.recording import Recording
from karyon.sim.view.renderer import Renderer
from karyon.sim.view.scene import Eye
from karyon.sim.view.signs import height
from karyon.sim.view.sky import Sky

PLACE = pygame.Rect(0, 0, 900, 500)
HEAD_ON = (
    "vehicles=2",
    "duration=12",
    "starts=[{east: 0, north: -1900, altitude: 600, track: 0}, {east: 0, north: 1900, altitude: 630, track: 3.14159}]",
    "faults=[{vehicle: 1, signal: own.adsb, mode: offset, amplitude: 900, onset: 1}]",
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Two aircraft that meet head-on; one reports that it is 900 m beside its track."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read("flight", HEAD_ON)], [folder])
    return Eye(Recording(folder)).look(3.0, 0)


def drawn(scene, zoom=0.2):
    surface, look = pygame.Surface(PLACE.size), Look()
    surface.fill(look.colours.ground)
    camera = Camera(middle=float(scene.cars.x[0]), across=float(scene.cars.y[0]), zoom=zoom)
    sky = Sky(surface, look, PLACE, scene, camera, scene.about.backdrop)
    sky.draw()
    return pygame.surfarray.array3d(surface), sky, look.colours


def has(pixels, colour, x, y, half=2):
    near = pixels[round(x) - half : round(x) + half + 1, round(y) - half : round(y) + half + 1]
    return (near == colour).all(axis=2).any()


def test_an_aircraft_is_where_it_is_and_a_click_finds_it(scene):
    pixels, sky, colours = drawn(scene)
    level = int(scene.cars.level[0])
    assert has(pixels, colours.levels[level], *PLACE.center, half=6)
    assert sky.car_at(PLACE.center) == 0
    _, sky, _ = drawn(scene, zoom=0.06)
    assert sky.car_at((PLACE.centerx, round(PLACE.centery - 0.06 * 3500))) == 1  # north is up


def test_well_clear_is_drawn_around_the_selected_aircraft(scene):
    pixels, _, colours = drawn(scene)
    radius = 0.2 * WELL_CLEAR.distance
    angles = np.radians(np.arange(0, 360, 2))
    found = [
        has(pixels, colours.safe, PLACE.centerx + radius * np.cos(a), PLACE.centery + radius * np.sin(a))
        for a in angles
    ]
    assert np.mean(found) > 0.4  # dashes


def test_the_place_that_is_reported_is_marked_where_it_is_another(scene):
    """900 m to the right of an aircraft that flies south are to the west."""
    pixels, sky, colours = drawn(scene, zoom=0.06)
    true = sky._pixels(np.array([scene.cars.x[1], scene.cars.y[1]]))
    said = true - [54.0, 0.0]
    assert has(pixels, colours.told, *said, half=9)
    near = replace(
        scene, values={**scene.values, "traffic.1.adsb.x": scene.cars.x[1], "traffic.1.adsb.y": scene.cars.y[1]}
    )
    assert not has(drawn(near, zoom=0.06)[0], colours.told, *said, half=9)


def test_who_is_alerted_to_is_joined_by_a_line(scene):
    assert scene.values["traffic.1.alert"] == 2.0
    middle = PLACE.centerx, PLACE.centery - 0.03 * (scene.cars.y[1] - scene.cars.y[0]) + 12
    assert has(drawn(scene, zoom=0.06)[0], Look().colours.safe, *middle)
    calm = replace(scene, values={**scene.values, "traffic.1.alert": 0.0})
    assert not has(drawn(calm, zoom=0.06)[0], Look().colours.safe, *middle)


@pytest.mark.parametrize(
    ("metres", "climb", "told"), [(600.0, 0.0, "1,969 ft"), (600.0, 2.5, "1,969 ft ↑"), (30.48, -1.0, "100 ft ↓")]
)
def test_altitudes_are_told_as_pilots_read_them(metres, climb, told):
    assert height(metres, climb) == told


def test_a_picture_holds_all_aircraft_north_up(scene):
    renderer = Renderer(Look())
    renderer.fit(scene, (1280, 800))
    renderer.camera.follow(scene)
    assert renderer.camera.turn == 0.0
    picture = renderer.draw(pygame.Surface((1280, 800)), scene, Transport())
    place = picture.layout.road
    for x, y in picture.road._pixels(np.stack([scene.cars.x, scene.cars.y], axis=1)):
        assert place.left < x < place.right and place.top < y < place.bottom


def test_an_aircraft_is_no_traffic_to_itself(scene):
    assert "traffic.1.adsb" in scene.signals and "traffic.0.adsb" not in scene.signals
