"""How a car makes room for another."""

import numpy as np
import pytest

from karyon.control.lane_change import ALONE, MakingRoom

STEP = 0.05  # s


def fallen_back(law, excess, seconds, rate=0.0):
    """Excess in m after so long behind one of constant speed, the hardest braking, the fastest opening."""
    hardest, fastest = 0.0, 0.0
    for _ in range(round(seconds / STEP)):
        command = min(0.0, float(law.acceleration(excess, rate)))
        rate, excess = rate - command * STEP, excess + rate * STEP
        hardest, fastest = max(hardest, -command), max(fastest, rate)
    return excess, hardest, fastest


@pytest.mark.parametrize("law", [MakingRoom(), ALONE])
def test_room_is_made_gently(law):
    """What is missing is there in the end; nobody brakes harder, or opens the gap faster, than the law says."""
    excess, hardest, fastest = fallen_back(law, -15.0, 60.0)
    assert excess >= -0.1
    assert hardest <= law.strongest
    assert fastest <= law.opening + law.strongest * STEP


def test_who_is_helped_takes_less_speed_off_than_who_is_alone():
    """The others move, too."""
    assert fallen_back(MakingRoom(), -25.0, 60.0)[2] < 0.5 * fallen_back(ALONE, -25.0, 60.0)[2]


def test_who_has_room_enough_comes_no_nearer_than_that():
    """Closing at 2 m/s from 30 m beyond what is wanted."""
    excess, hardest, _ = fallen_back(MakingRoom(), 30.0, 120.0, rate=-2.0)
    assert excess >= -0.5
    assert hardest < MakingRoom().strongest


def test_what_is_not_known_is_no_reason_to_brake():
    assert MakingRoom().acceleration(np.nan, 0.0) == MakingRoom().acceleration(-5.0, np.nan) == np.inf
