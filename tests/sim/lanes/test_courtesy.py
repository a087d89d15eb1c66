"""For whom a car makes room in its lane that has granted nobody, or somebody."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.sim.lanes.courtesy import Heard, comer, whom_to_ask
from karyon.sim.lanes.world import NOBODY

AHEAD = [0.0, 10.0, 25.0, 60.0]  # of car 0: of cars 1 and 2 on the ramp, and of car 3 beyond the one ahead of it


def whom(*, wish=(NOBODY, 1, 1, 1), speed=(24.0,) * 4, bound=NOBODY, front=40.0):
    """For whom car 0 in lane 1 does, which wishes to drive 24 m/s, with the next car `front` m ahead."""
    of_all = [np.tile(np.array(each), (1, 4, 1)) for each in (AHEAD, speed, wish, [3] * 4)]
    home, desired = np.full((1, 4), 1), np.full((1, 4), 24.0)
    return int(comer(Heard(*of_all), home, np.full((1, 4), front), desired, np.full((1, 4), bound))[0, 0])


def test_it_is_the_foremost_between_a_car_and_the_one_ahead_of_it():
    """The one behind that comes behind this car: so one comes for each that drives on."""
    assert whom() == 2
    assert whom(front=20.0) == 1
    assert whom(front=150.0) == 3
    assert whom(front=5.0) == NOBODY


def test_it_is_nobody_who_wishes_to_another_lane_or_has_said_nothing():
    assert whom(wish=(NOBODY, 2, 0, NOBODY)) == NOBODY
    assert whom(speed=(np.nan,) * 4) == NOBODY


def test_nobody_brakes_along_with_one_that_stops_before_the_end_of_its_lane():
    """Not even who has granted it."""
    stopping = (24.0, 24.0, 18.0, 24.0)
    assert whom(speed=stopping) == 1
    assert whom(speed=stopping, bound=2) == NOBODY


def test_who_has_granted_makes_room_for_that_one():
    """Wherever the car ahead is, as long as it is ahead itself."""
    assert whom(bound=1) == 1
    assert whom(bound=3, front=5.0) == 3


def test_what_was_heard_is_that_of_the_one():
    """Of nobody there is no place and no speed."""
    heard = Heard(*(np.tile(np.array(each), (1, 1, 1)) for each in (AHEAD, (20.0, 21.0, 22.0, 23.0), [1] * 4, [3] * 4)))
    assert [each.item() for each in heard.of(np.array([[2]]))] == [25.0, 22.0, 3]
    ahead, speed, level = (each.item() for each in heard.of(np.array([[NOBODY]])))
    assert np.isnan(ahead)
    assert np.isnan(speed)
    assert level == pytest.approx(0)


@given(st.floats(0.0, 170.0), st.floats(0.0, 1.0), st.floats(-30.0, 30.0))
def test_of_two_beside_one_gap_both_ask_the_same_car(length, share, apart):
    """From both sides, wherever they are: whoever grants one of them does not grant the other."""
    one = share * length
    other = min(max(one + apart, 0.0), length)
    fronts, rears = whom_to_ask(np.array([length - one, length - other]), np.array([one, other]))
    assert fronts.all() or rears.all()


def test_nobody_is_asked_who_is_not_there():
    """Nor far away, and a car before the gap only where nobody is surely behind."""
    front, rear = whom_to_ask(np.array([10.0, 10.0, 10.0, 101.0, np.nan]), np.array([70.0, 71.0, np.nan, 101.0, 5.0]))
    assert front.tolist() == [False, True, True, False, False]
    assert rear.tolist() == [True, True, False, False, True]
