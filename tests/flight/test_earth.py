import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.flight import earth

LATITUDES, LONGITUDES = st.floats(-np.pi / 2, np.pi / 2), st.floats(-np.pi, np.pi)
ANGLES = {"latitude": LATITUDES, "longitude": LONGITUDES, "north": st.floats(-1, 1), "east": st.floats(-1, 1)}


def on_sphere(latitude, longitude):
    return np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])


@given(**ANGLES)
def test_the_plane_is_the_view_from_above(latitude, longitude, north, east):
    """Projected is what vectors to east and north at the origin say, wherever it is: poles, antimeridian."""
    other = np.clip(latitude + north, -np.pi / 2, np.pi / 2), longitude + east
    to_east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    to_north = np.cross(on_sphere(latitude, longitude), to_east)
    there = earth.RADIUS * on_sphere(*other)
    if on_sphere(latitude, longitude) @ there > 1.0:
        found = earth.projected(*other, latitude, longitude)
        assert found == pytest.approx((there @ to_east, there @ to_north), abs=1e-6)


@given(**ANGLES)
def test_a_way_along_a_great_circle_is_as_long_as_it_is(latitude, longitude, north, east):
    moved = earth.moved(latitude, longitude, 1e6 * east, 1e6 * north)
    way = earth.distance(latitude, longitude, *moved)
    assert way == pytest.approx(1e6 * np.hypot(east, north), rel=1e-6, abs=0.2)


def test_a_minute_of_arc_is_a_nautical_mile():
    assert earth.distance(0.5, 1.0, 0.5 + np.radians(1 / 60), 1.0) == pytest.approx(1852.0)


def test_the_other_side_of_the_earth_has_no_picture():
    """Where the plane would show the antipodes at the origin itself."""
    assert np.isnan(earth.projected(-0.5, 0.3 + np.pi, 0.5, 0.3)).all()


@pytest.mark.parametrize("latitude", [0.0, 0.9, -1.2])
def test_across_the_antimeridian_is_as_anywhere(latitude):
    """The same pair 170 deg further west, and with longitudes beyond 180 deg."""
    away = np.radians([179.95, -179.95 + 360.0, -179.95]), np.radians([9.95, 10.05, 10.05])
    found = [earth.projected(latitude + 0.001, there[1:], latitude, there[0]) for there in away]
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-6)


@given(latitude=LATITUDES, longitude=LONGITUDES, east=st.floats(-300, 300), north=st.floats(-300, 300))
def test_a_velocity_at_the_origin_keeps_its_speed(latitude, longitude, east, north):
    found = earth.projected_velocity(latitude, longitude, east, north, latitude, longitude)
    assert np.hypot(*found) == pytest.approx(np.hypot(east, north), abs=1e-3)
