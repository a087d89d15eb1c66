"""The safe distance is that of Intel's ad-rss, and the barrier keeps it."""

import warnings
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.control import rss

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns at import that its converters are registered twice
    import ad_rss

speeds = st.integers(0, 60_000).map(lambda millimetres: millimetres / 1000)  # ad-rss takes no denormal number
reactions = st.floats(0.05, 2.0)  # s; ad-rss wants one above 0
brakings = st.floats(1.0, 9.0)


def moving_at(speed, reaction_time, braking):
    """A vehicle as ad-rss wants it: no acceleration during the reaction, one braking for all."""
    physics, state = ad_rss.physics, ad_rss.rss.core.RelativeObjectState()
    state.object_type = ad_rss.rss.world.ObjectType.OtherVehicle
    lane = state.structured_object_state
    lane.velocity.speed_lon_min = lane.velocity.speed_lon_max = physics.Speed(speed)
    lane.velocity.speed_lat_min = lane.velocity.speed_lat_max = physics.Speed(0.0)
    lane.distance_to_enter_intersection = lane.distance_to_leave_intersection = physics.Distance(1000.0)
    dynamics = state.dynamics
    dynamics.alpha_lon.accel_max = dynamics.alpha_lat.accel_max = physics.Acceleration(0.0)
    for name in ("brake_min", "brake_max", "brake_min_correct"):
        setattr(dynamics.alpha_lon, name, physics.Acceleration(-braking))
    dynamics.alpha_lat.brake_min = physics.Acceleration(-1.0)
    dynamics.lateral_fluctuation_margin = dynamics.min_longitudinal_safety_distance = physics.Distance(0.0)
    dynamics.response_time = physics.Duration(reaction_time)
    dynamics.max_speed_on_acceleration = physics.Speed(100.0)
    unread(dynamics.unstructured_settings, state.unstructured_object_state, physics)
    return state


def unread(limits, place, physics):
    """What ad-rss does not use on a lane but refuses to find missing."""
    for name in dir(limits):
        kind = type(getattr(limits, name))
        if not name.startswith("_") and name != "assign":
            setattr(limits, name, 1 if kind is int else kind(1.0))
    place.yaw, place.steering_angle, place.yaw_rate = physics.Angle(0.0), physics.Angle(0.0), physics.AngularVelocity(0)
    place.dimension.length, place.dimension.width = physics.Distance(4.5), physics.Distance(1.8)
    place.center_point.x = place.center_point.y = physics.Distance(0.0)
    place.speed_range.minimum = place.speed_range.maximum = physics.Speed(0.0)


def safe_distance_of_ad_rss(speed, front_speed, reaction_time, braking):
    found = ad_rss.physics.Distance(0.0)
    calculate = ad_rss.rss.structured.calculateSafeLongitudinalDistanceSameDirection
    leading, following = (moving_at(each, reaction_time, braking) for each in (front_speed, speed))
    assert calculate(leading, following, found)
    return found.mDistance


@settings(deadline=None)
@given(speeds, speeds, reactions, brakings)
def test_safe_distance_is_that_of_ad_rss(speed, front_speed, reaction_time, braking):
    found = rss.safe_distance(speed, front_speed, reaction_time, braking)
    assert found == pytest.approx(safe_distance_of_ad_rss(speed, front_speed, reaction_time, braking), abs=1e-3)


@pytest.mark.parametrize("boundary", [0.0, 0.05, 1.0, 8.0, 25.0, 60.0])
def test_safe_distance_at_the_edges(boundary):
    """Standing cars, equal speeds, a front that stands."""
    for speed, front_speed in [(0.0, boundary), (boundary, 0.0), (boundary, boundary)]:
        found = rss.safe_distance(speed, front_speed, 0.8, 6.0)
        assert found == pytest.approx(safe_distance_of_ad_rss(speed, front_speed, 0.8, 6.0), abs=1e-3)


def test_safe_distance_is_elementwise_and_a_nan_stays_one():
    speed, front_speed = np.array([10.0, 20.0, nan, 5.0]), np.array([10.0, 5.0, 5.0, nan])
    found = rss.safe_distance(speed, front_speed, 0.5, 6.0)
    assert np.isnan(found).tolist() == [False, False, True, True]
    assert [found[row] for row in (0, 1)] == [
        rss.safe_distance(speed[row], front_speed[row], 0.5, 6.0) for row in (0, 1)
    ]


@settings(deadline=None, max_examples=30)
@given(
    speed=st.floats(5.0, 40.0),
    front_speed=st.floats(5.0, 40.0),
    reaction_time=st.sampled_from([0.5, 0.8, 1.0]),
    braking=st.sampled_from([4.0, 6.0, 8.0]),
    gain=st.sampled_from([1.0, 3.0]),
    spare=st.floats(0.0, 30.0),
    front_brakes=st.lists(st.floats(0.0, 1.0), min_size=20, max_size=20),
)
def test_the_barrier_keeps_the_safe_distance(speed, front_speed, reaction_time, braking, gain, spare, front_brakes):
    """A car that follows the limit at every instant never comes closer, however the front brakes within `braking`.

    Integrated in steps of 1 ms; the distance may fall short by what one step travels.
    """
    step, gap = 0.001, spare + float(rss.safe_distance(speed, front_speed, reaction_time, braking))
    for instant in range(10_000):
        margin = gap - float(rss.safe_distance(speed, front_speed, reaction_time, braking))
        assert margin >= -0.1
        limit = rss.acceleration_limit(margin, speed, front_speed - speed, -braking, reaction_time, braking, gain)
        acceleration = min(float(limit), 2.0)
        front = max(0.0, front_speed - braking * front_brakes[instant // 500] * step)
        own = max(0.0, speed + acceleration * step)
        gap += 0.5 * step * (front + front_speed - own - speed)
        speed, front_speed = own, front
        if speed == 0.0:
            break
    assert gap >= -0.1


@given(speeds, st.floats(-30, 30), reactions, brakings, st.floats(-20, 20), st.floats(0.1, 20))
def test_more_room_never_asks_for_more_braking(speed, relative_speed, reaction_time, braking, margin, more):
    less_room, more_room = (
        rss.acceleration_limit(room, speed, relative_speed, -braking, reaction_time, braking, 3.0)
        for room in (margin, margin + more)
    )
    assert more_room > less_room


@given(speeds, st.floats(-30, 30), reactions, brakings, st.floats(-20, 20), st.floats(0, 9))
def test_a_front_that_brakes_never_allows_more(speed, relative_speed, reaction_time, braking, margin, front):
    """Only its braking counts: one that speeds up is not relied upon."""
    limits = [
        float(rss.acceleration_limit(margin, speed, relative_speed, rate, reaction_time, braking, 3.0))
        for rate in (-front, 0.0, front)
    ]
    assert limits[0] <= limits[1] == limits[2]


@given(st.floats(1, 60), st.floats(-0.9, 0.9), reactions, brakings, st.floats(-8, 3), st.floats(-8, 0))
def test_the_rate_of_the_margin_is_its_derivative(speed, closing, reaction_time, braking, own, front):
    """Against the margin itself, a moment earlier and later; where nobody has come to stand."""
    front_speed, step = speed * (1.0 + closing), 1e-4

    def margin(time):
        gap = 200.0 + (front_speed - speed) * time + 0.5 * (front - own) * time * time
        stopping = ((speed + own * time) ** 2 - (front_speed + front * time) ** 2) / (2.0 * braking)
        return gap - (speed + own * time) * reaction_time - stopping  # not cut at 0, as `safe_distance` is

    rate = rss.margin_rate(speed, front_speed - speed, own, front, reaction_time, braking)
    assert float(rate) == pytest.approx((margin(step) - margin(-step)) / (2.0 * step), abs=1e-5)


def way_to_the_side(speed, reaction_time, step=1e-4):
    """How far a car goes that speeds up to the side for its reaction time, and then ends that, step by step."""
    way = 0.0
    for _ in range(round(reaction_time / step)):
        way += speed * step
        speed += rss.LATERAL_ACCELERATION * step
    while speed > 0.0:
        way += speed * step
        speed -= rss.LATERAL_BRAKING * step
    return way


@pytest.mark.parametrize(("towards", "other"), [(0.0, 0.0), (1.2, 0.0), (0.5, 0.4), (0.8, -0.3)])
def test_two_that_move_towards_each_other_stop_side_by_side(towards, other):
    """Each goes its way, and what is left is for movements that mean nothing."""
    safe = rss.lateral_distance(towards, other, 0.25)
    ways = way_to_the_side(towards, 0.25) + way_to_the_side(other, 0.25)
    assert safe == pytest.approx(rss.LATERAL_FLUCTUATION + max(0.0, ways), abs=1e-3)


def test_who_move_apart_need_no_more_than_that():
    """However fast."""
    assert rss.lateral_distance(-1.0, -1.0, 0.25) == rss.LATERAL_FLUCTUATION
