"""Roads that bend and crossings: what is drawn in the plane is where it is, however the picture is turned."""

from dataclasses import replace

import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.sim.kinds import read, simulate
from karyon.sim.view.camera import Camera
from karyon.sim.view.ground import Ground
from karyon.sim.view.look import Look
from karyon.sim.view.recording import Recording
from karyon.sim.view.scene import Eye

PLACE = pygame.Rect(0, 0, 900, 500)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A run of lane changes, on its first curve."""
    folder = tmp_path_factory.mktemp("run")
    simulate(
        [read("lane_change", ["duration=6", "road.pieces=[{length: 50 m}, {length: 500 m, radius: 300 m}]"])], [folder]
    )
    return Eye(Recording(folder)).look(5.0, 3)


def drawn(scene, camera):
    """The picture's pixels, and who points at it."""
    surface = pygame.Surface(PLACE.size)
    look = Look()
    surface.fill(look.colours.ground)
    ground = Ground(surface, look, PLACE, scene, camera, scene.about.backdrop)
    ground.draw()
    return pygame.surfarray.array3d(surface), ground, look


ANGLES, METRES = st.floats(-4.0, 4.0), st.floats(-500.0, 500.0)


@given(ANGLES, METRES, METRES, st.floats(0.5, 50.0), st.integers(0, 899), st.integers(0, 499))
def test_a_pixel_and_its_place_are_one(scene, turn, x, y, zoom, right, down):
    camera = Camera(middle=x, across=y, turn=turn, zoom=zoom)
    ground = Ground(pygame.Surface((1, 1)), Look(), PLACE, scene, camera, scene.about.backdrop)
    there = np.array(ground.place_at((right, down)))
    assert ground._pixels(there) == pytest.approx([right, down], abs=1e-6)
    camera.zoomed(1.7, tuple(there))
    again = Ground(pygame.Surface((1, 1)), Look(), PLACE, scene, camera, scene.about.backdrop)
    assert again._pixels(there) == pytest.approx([right, down], abs=1e-6)
    camera.pan(30.0, -20.0)
    panned = Ground(pygame.Surface((1, 1)), Look(), PLACE, scene, camera, scene.about.backdrop)
    assert panned._pixels(there) == pytest.approx([right - 30.0, down + 20.0], abs=1e-6)


def test_the_road_leads_to_the_right_of_the_selected_car(scene):
    """It stands on tarmac in the middle, nose to the right, as long and wide as it is, and a click finds it."""
    camera = Camera()
    camera.fit(scene, PLACE.size)
    camera.zoom = 20.0
    pixels, ground, look = drawn(scene, camera)
    level = int(scene.cars.level[scene.place])
    x, y = PLACE.center  # its front
    assert tuple(pixels[x - 45, y]) in (look.level(level)[0], (0, 0, 0))
    body = (pixels[x - 95 : x + 6, y - 4 : y + 5] == look.level(level)[0]).all(axis=2).any(axis=1)
    assert np.ptp(np.flatnonzero(body)) == pytest.approx(4.5 * 20, abs=6)
    assert (pixels[x + 40, y - 10 : y + 11] == look.colours.road).all(axis=1).any()
    assert ground.car_at((x - 45, y)) == scene.selected
    assert ground.car_at((x, y + 300)) is None


def test_levels_are_those_of_the_function_that_the_run_is_about(scene):
    assert scene.about.function == "lane_change"
    assert scene.cars.level[scene.place] == scene.values["los_lane_change"]


def test_the_picture_turns_with_the_car_unless_all_is_in_it(scene):
    camera = Camera()
    camera.fit(scene, PLACE.size)
    assert camera.turn == -scene.cars.heading[scene.place]
    small = replace(
        scene, about=replace(scene.about, backdrop=replace(scene.about.backdrop, shown=(-40.0, 60.0, 10.0, 90.0)))
    )
    camera.fit(small, PLACE.size)
    before = replace(camera)
    camera.follow(small)
    assert (camera.turn, camera.middle, camera.across) == (0.0, before.middle, before.across)
    left, right, bottom, top = small.about.backdrop.shown
    ground = Ground(pygame.Surface((1, 1)), Look(), PLACE, small, camera, small.about.backdrop)
    corners = ground._pixels(np.array([[left, bottom], [right, top]]))
    assert (corners >= -1).all() and (corners <= np.array(PLACE.size) + 1).all()
