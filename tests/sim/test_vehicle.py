"""A vehicle moves as its differential equation says, in one step of any length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.sim.vehicle import move

TINY = 1e-5  # s, step of the oracle
LAG, FRICTION = 0.2, 8.0

speeds = st.floats(0.0, 60.0)
accelerations = st.floats(-8.0, 8.0)
commands = st.floats(-20.0, 20.0)
steps = st.floats(1e-6, 0.2)


def euler(position, speed, acceleration, command, step, lag=LAG, friction=FRICTION):
    """`lag a' = u - a` in tiny steps; a car that stands does not roll back. Also: whether it ever stood."""
    wanted, stood = np.clip(command, -friction, friction), np.zeros(np.shape(speed), dtype=bool)
    count = max(1, round(step / TINY))
    dt = step / count
    for _ in range(count):
        before = speed
        acceleration = acceleration + dt / lag * (wanted - acceleration)
        speed = speed + dt * acceleration
        stood = stood | (speed < 0.0)
        acceleration = np.where(speed < 0.0, 0.0, acceleration)
        speed = np.maximum(0.0, speed)
        position = position + 0.5 * dt * (before + speed)
    return position, speed, acceleration, stood


def many(seed, rows=4000):
    """Position, speed, acceleration, command of many cars: fast ones, slow ones, standing ones."""
    rng = np.random.default_rng(seed)
    speed = np.where(rng.random(rows) < 0.5, rng.uniform(0, 40, rows), rng.uniform(0, 1, rows))
    speed[::50] = 0.0
    acceleration = np.where(speed > 0.0, rng.uniform(-8, 8, rows), 0.0)
    return rng.uniform(-100, 100, rows), speed, acceleration, rng.uniform(-12, 12, rows)


@pytest.mark.parametrize("step", [0.001, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("lag", [0.05, 0.2, 1.0])
def test_one_step_is_the_integral_of_the_equation(step, lag):
    """Cars that do not come to a stand: within a tenth of a millimetre of 10 µs Euler steps."""
    state = many(seed=1)
    position, speed, acceleration = move(*state, step, lag, FRICTION)
    slow_position, slow_speed, slow_acceleration, stood = euler(*state, step, lag)
    free = ~stood
    assert free.sum() > 1000
    assert position[free] == pytest.approx(slow_position[free], abs=1e-4)
    assert speed[free] == pytest.approx(slow_speed[free], abs=1e-3)
    assert acceleration[free] == pytest.approx(slow_acceleration[free], abs=5e-3 * 0.2 / lag)


@pytest.mark.parametrize("step", [0.01, 0.05])
def test_a_car_that_would_reverse_stops_where_it_should(step):
    """Within 1 cm of the Euler steps: the way to the stop is taken at the mean deceleration."""
    state = many(seed=2)
    position, speed, acceleration = move(*state, step, LAG, FRICTION)
    slow_position, slow_speed, _, stood = euler(*state, step)
    stopped = stood & (slow_speed == 0.0)
    assert stopped.sum() > 50
    assert (speed[stopped] == 0.0).all()
    assert (acceleration[stopped] == 0.0).all()
    assert position[stopped] == pytest.approx(slow_position[stopped], abs=0.01)


@given(speeds, accelerations, commands, st.floats(1e-4, 0.1), st.floats(1e-4, 0.1))
def test_two_steps_are_one_step_of_both_lengths(speed, acceleration, command, first, second):
    """Exact in time: the events that cut a step change nothing, until the car stops."""
    halfway = move(0.0, speed, acceleration, command, first, LAG, FRICTION)
    cut = move(*halfway, command, second, LAG, FRICTION)
    whole = move(0.0, speed, acceleration, command, first + second, LAG, FRICTION)
    if halfway[1] > 0.0 and cut[1] > 0.0:
        for one, other in zip(cut, whole, strict=True):
            assert one == pytest.approx(other, abs=1e-9)


@given(st.lists(st.tuples(commands, steps), min_size=1, max_size=60), speeds)
def test_a_car_never_reverses(driven, speed):
    """Whatever is commanded, it rolls forwards or stands, and tyres give no more than they have."""
    position, acceleration = 0.0, 0.0
    for command, step in driven:
        before = position
        position, speed, acceleration = move(position, speed, acceleration, command, step, LAG, FRICTION)
        assert position >= before
        assert speed >= 0.0
        assert abs(acceleration) <= FRICTION + 1e-9


def test_full_braking_stops_within_the_distance_of_the_textbook():
    """v² / 2b, and the way of the lag beside it: from 20 m/s with 8 m/s² after 0.2 s."""
    position, speed, acceleration = 0.0, 20.0, 0.0
    for _ in range(100):
        position, speed, acceleration = move(position, speed, acceleration, -50.0, 0.05, LAG, FRICTION)
    assert speed == 0.0
    assert position == pytest.approx(20.0**2 / (2 * FRICTION) + 20.0 * LAG, abs=0.2)


def test_cars_do_not_depend_on_each_other():
    """Same bits in every row, alone or beside others."""
    state = many(seed=3, rows=50)
    together = move(*state, 0.05, LAG, FRICTION)
    for row in range(50):
        alone = move(*(each[row : row + 1] for each in state), 0.05, LAG, FRICTION)
        assert [float(each[row]) for each in together] == [float(each[0]) for each in alone]
