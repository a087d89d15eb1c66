"""The kinematic bicycle: circles, roads, limits; and lateral control that steers it."""

import numpy as np
import pytest

from karyon.control.lateral import Steering
from karyon.sim.bicycle import GRIP, STEERING_LAG, Pose, advance

STEP, WHEELBASE = 0.05, 2.7


def pose(d=0.0, curvature=0.0):
    one = np.ones(1)
    return Pose(0.0 * one, d * one, one, 0.0 * one, curvature * one)


def driven(start, command, seconds, speed=20.0, road=0.0):
    """Poses at each step; `command` is asked for the curvature."""
    poses = [start]
    for _ in range(round(seconds / STEP)):
        now = poses[-1]
        asked = np.atleast_1d(command(now))
        way, speeds = np.array([speed * STEP]), np.array([speed])
        poses.append(advance(now, way, speeds, asked, np.array([road]), STEP, WHEELBASE))
    return poses


def test_a_constant_steering_angle_is_a_circle():
    """Back where it began, after the circumference: to a hundred-thousandth of it."""
    radius, speed = 200.0, 20.0
    start = pose(curvature=1.0 / radius)
    seconds = 2.0 * np.pi * radius / speed
    end = driven(start, lambda now: 1.0 / radius, seconds, speed)[-1]
    left = 2.0 * np.pi * radius - speed * STEP * round(seconds / STEP)
    assert np.hypot(end.s[0] + left, end.d[0]) < 1e-5 * 2.0 * np.pi * radius
    assert end.along[0] ** 2 + end.across[0] ** 2 == pytest.approx(1.0, abs=1e-12)


def test_who_steers_as_the_road_bends_stays_on_it():
    """In its middle, and beside it where the path has another radius."""
    bend = 1.0 / 400.0
    for d in (0.0, 7.0):
        radius = 1.0 / bend - d
        poses = driven(pose(d, 1.0 / radius), lambda now, radius=radius: 1.0 / radius, 20.0, road=bend)
        assert max(abs(each.d[0] - d) for each in poses) < 1e-3
        assert poses[-1].s[0] == pytest.approx(400.0 / (1.0 - bend * d), rel=1e-6)


def test_the_tyres_and_the_steering_limit_what_is_asked():
    """Lateral acceleration at speed, and the angle when slow; not at once."""
    fast = driven(pose(), lambda now: 1.0, 3.0, speed=30.0)
    assert fast[-1].curvature[0] * 30.0**2 == pytest.approx(GRIP, rel=1e-4)
    assert fast[1].curvature[0] <= GRIP / 30.0**2 * STEP / (STEERING_LAG + STEP) + 1e-12


def test_a_command_that_is_no_number_holds_the_last():
    """As an actuator does."""
    start = pose(curvature=0.01)
    assert driven(start, lambda now: np.nan, 0.5, speed=5.0)[-1].curvature[0] == 0.01


@pytest.mark.parametrize("speed", [8.0, 20.0, 36.0])
@pytest.mark.parametrize("bend", [0.0, 1.0 / 700.0])
def test_a_lane_change_is_smooth_and_does_not_overshoot(speed, bend):
    """3.5 m to the left within 6 s, at no more than the limits, and not a hand's breadth too far."""
    steering = Steering()

    def command(now):
        return steering.curvature(3.5 - now.d, speed * now.across, np.array([speed]), np.array([bend]))

    poses = driven(pose(curvature=bend), command, 8.0, speed, bend)
    d = np.array([each.d[0] for each in poses])
    assert d.max() < 3.6
    assert abs(d[round(6.0 / STEP) :] - 3.5).max() < 0.1
    sideways = np.diff(d) / STEP
    assert abs(sideways).max() < steering.lateral_speed + 0.1
    assert abs(np.diff(sideways) / STEP).max() < 1.5


def test_who_turns_back_goes_no_further_than_was_foretold():
    """From the instant at which it decides to, at any lateral speed."""
    steering, speed = Steering(), 25.0
    for when in (0.5, 1.0, 1.5, 2.0):
        poses = driven(pose(), lambda now: steering.curvature(3.5 - now.d, speed * now.across, speed, 0.0), when)
        there = poses[-1]
        back = driven(there, lambda now: steering.curvature(-now.d, speed * now.across, speed, 0.0), 3.0)
        beyond = max(each.d[0] for each in back) - there.d[0]
        assert beyond <= steering.overshoot(speed * there.across[0]) + 0.05
