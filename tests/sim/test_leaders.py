"""Leaders move as their recording or profile says, at any instant, and the same in every batch."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.sim.leaders import KNOT, Leaders, Trajectory, from_profile, from_recording, intended_acceleration
from karyon.sim.recordings import Recording

SECOND = 1_000_000_000
"""In ns."""


def recording(speeds, step=0.1):
    time = np.arange(len(speeds)) * step
    return Recording(time, np.array(speeds, dtype=float), "made here", ())


def speeds_at(trajectory, times):
    """Speed by plain interpolation between knots, times in s."""
    return np.interp(times, np.arange(len(trajectory.speed)) * 0.1, trajectory.speed)


def town(seconds=30, seed=7):
    """A recording at 10 Hz that starts, stops and starts again, with noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(seconds * 10 + 1) / 10
    return recording(np.maximum(0.0, 6 + 8 * np.sin(time / 3) + generator.normal(0, 0.02, time.size)))


setpoints = st.lists(st.tuples(st.integers(1, 80), st.integers(0, 30)), min_size=1, max_size=6).map(
    lambda pairs: [[sum(step for step, _ in pairs[1 : index + 1]) / 10, pairs[index][1]] for index in range(len(pairs))]
)
"""Times in tenths of a second from 0 on, speeds in m/s."""
batches = st.lists(st.integers(0, 3), min_size=1, max_size=20)
"""Which of four trajectories each run of a batch has."""


def four_trajectories():
    return [
        from_recording(town(seed=1), duration=20, lag=0.2),
        from_recording(town(seconds=11, seed=2), duration=20, lag=0.2),
        from_profile([[0, 25], [3, 0], [15, 30]], acceleration=1.5, deceleration=8, duration=20, lag=0.2),
        from_profile([[0, 7]], acceleration=1.5, deceleration=2, duration=20, lag=0.2),
    ]


@given(st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=5))
def test_position_is_the_integral_of_the_speed(instants):
    """Held against a sum over 1 ms steps of the interpolated speed, whose error is below 1 mm over 20 s."""
    trajectories = four_trajectories()
    leaders = Leaders(trajectories)
    for now in instants:
        position, speed, _ = leaders.at(now)
        for run, trajectory in enumerate(trajectories):
            times = np.linspace(0, now / SECOND, 1 + math.ceil(now / SECOND * 1000))
            fine = speeds_at(trajectory, times)
            assert position[run] == pytest.approx(np.sum((fine[1:] + fine[:-1]) / 2 * np.diff(times)), abs=1e-3)
            assert speed[run] == pytest.approx(fine[-1], abs=1e-9)


@given(st.integers(0, 20 * SECOND - 1_000_000))
def test_acceleration_is_the_change_of_the_speed(now):
    """Within 1 ms it is constant, unless a knot lies between: then it is between the two."""
    leaders = Leaders(four_trajectories())
    later = now + 1_000_000
    change = (leaders.at(later)[1] - leaders.at(now)[1]) / 1e-3
    sides = np.stack([leaders.at(now)[2], leaders.at(later)[2]])
    assert np.all(change >= sides.min(axis=0) - 1e-6)
    assert np.all(change <= sides.max(axis=0) + 1e-6)


def test_nothing_jumps_at_a_knot():
    leaders = Leaders(four_trajectories())
    for knot in range(1, 200):
        for before, after in zip(leaders.at(knot * KNOT - 1)[:2], leaders.at(knot * KNOT)[:2], strict=True):
            assert after == pytest.approx(before, abs=1e-6)
        assert leaders.intended(knot * KNOT) == pytest.approx(leaders.intended(knot * KNOT - 1), abs=1e-6)


def test_no_leader_drives_backwards():
    """Rounding just before a stop included: the car stands at 0, never at -1e-17 m/s."""
    leaders = Leaders([from_profile([[0, 10], [1, 0]], acceleration=1.0, deceleration=3.3, duration=20, lag=0.2)])
    speeds = [leaders.at(now)[1][0] for now in range(3 * SECOND, 6 * SECOND, 1_234_567)]
    assert min(speeds) == 0.0


@settings(deadline=None)
@given(batches, st.integers(0, 20 * SECOND))
def test_a_run_has_the_same_bits_in_every_batch(batch, now):
    trajectories = four_trajectories()
    alone = [Leaders([trajectory]) for trajectory in trajectories]
    together = Leaders([trajectories[number] for number in batch])
    for run, number in enumerate(batch):
        for batched, single in zip(together.at(now), alone[number].at(now), strict=True):
            assert batched.shape == (len(batch),)
            assert batched[run].tobytes() == single[0].tobytes()
        assert together.intended(now)[run].tobytes() == alone[number].intended(now)[0].tobytes()


def test_runs_behind_one_leader_share_its_memory():
    """10,000 runs of 120 s behind one recording: stacked they would be 290 MB."""
    trajectory = from_recording(town(), duration=120, lag=0.2)
    tracemalloc.start()
    try:
        leaders = Leaders([trajectory] * 10_000)
        assert leaders.at(0)[0].shape == (10_000,)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("now", [-1, 20 * SECOND + 2 * KNOT + 1])
def test_a_time_without_a_leader_is_an_error(now):
    """Not the last knots in place of negative times, and nothing held past the end."""
    leaders = Leaders(four_trajectories())
    with pytest.raises(ValueError, match=f"from 0 to {20 * SECOND + 2 * KNOT} ns, asked for {now} ns"):
        leaders.at(now)
    with pytest.raises(ValueError, match=f"from 0 to {20 * SECOND + 2 * KNOT} ns, asked for {now} ns"):
        leaders.intended(now)


def test_a_leader_is_known_up_to_its_last_knot():
    """At each knot the numbers are those of the trajectory; within the last interval the speed is still linear."""
    trajectory = from_recording(town(), duration=20, lag=0.2)
    leaders = Leaders([trajectory])
    last = len(trajectory.speed) - 1
    for knot in (0, 1, last - 1, last):
        assert leaders.at(knot * KNOT)[0][0] == pytest.approx(trajectory.position[knot], abs=1e-12)
        assert leaders.at(knot * KNOT)[1][0] == pytest.approx(trajectory.speed[knot], abs=1e-12)
        assert leaders.intended(knot * KNOT)[0] == pytest.approx(trajectory.intended_acceleration[knot], abs=1e-12)
    halfway = leaders.at(last * KNOT - KNOT // 2)[1][0]
    assert halfway == pytest.approx((trajectory.speed[-2] + trajectory.speed[-1]) / 2, abs=1e-12)


@given(st.floats(0.001, 100))
def test_a_leader_is_known_beyond_the_end_of_the_run(duration):
    leaders = Leaders([from_profile([[0, 7]], acceleration=1, deceleration=1, duration=duration, lag=0)])
    beyond = math.ceil(duration * SECOND) + KNOT
    assert leaders.at(beyond)[0][0] == pytest.approx(7 * beyond / SECOND)


def test_leaders_of_different_length_are_no_batch():
    short, long = (from_profile([[0, 7]], acceleration=1, deceleration=1, duration=d, lag=0) for d in (10, 20))
    with pytest.raises(ValueError, match="shape"):
        Leaders([short, long])


# Recorded


def test_a_recording_is_played_as_it_is():
    """At its own samples the speed is the recorded one."""
    drive = town(seconds=30)
    trajectory = from_recording(drive, duration=25, lag=0.2)
    assert trajectory.speed[:251] == pytest.approx(drive.speed[:251], abs=1e-9)


def test_a_short_recording_is_played_forwards_then_backwards():
    """10 s fill 45 s: there, back, there, back, and half of the way there."""
    drive = town(seconds=10)
    trajectory = from_recording(drive, duration=45, lag=0.2)
    there, back = drive.speed.tolist(), drive.speed.tolist()[::-1]
    assert trajectory.speed[:451].tolist() == pytest.approx(
        there + back[1:] + there[1:] + back[1:] + there[1:51], abs=1e-9
    )


def test_absent_samples_are_bridged_by_a_straight_line():
    time = np.array([0.0, 0.3, 1.0, 12.0])
    trajectory = from_recording(Recording(time, np.array([1.0, 4.0, 11.0, 0.0]), "made here", ()), duration=12, lag=0)
    assert trajectory.speed[:11] == pytest.approx(np.arange(1.0, 12.0))


# Scripted


def small_steps(points, acceleration, deceleration, duration):
    """Speed every 0.1 s, by walking towards the set-point of the moment 1 ms at a time."""
    speed, speeds = float(points[0][1]), []
    for step in range(int(duration * 1000) + 1):
        if step % 100 == 0:
            speeds.append(speed)
        target = [wanted for time, wanted in points if round(time * 1000) <= step][-1]
        speed += min(max(target - speed, -deceleration / 1000), acceleration / 1000)
    return speeds


@settings(deadline=None, max_examples=50)
@given(setpoints, st.sampled_from([0.5, 1.5, 3.0]), st.sampled_from([0.5, 2.0, 8.0]))
def test_a_profile_aims_at_each_set_point_from_its_time_on(points, acceleration, deceleration):
    """Also where a set-point is not reached before the next one takes over; corners are the mean of three knots."""
    trajectory = from_profile(points, acceleration, deceleration, duration=30, lag=0.2)
    cornered = np.array([points[0][1], *small_steps(points, acceleration, deceleration, duration=30.1)])
    expected = ((cornered[:-2] + cornered[1:-1] + cornered[2:]) / 3).tolist()
    assert trajectory.speed[:301].tolist() == pytest.approx(expected, abs=1e-9)


def test_a_set_point_past_the_end_changes_nothing():
    short = from_profile([[0, 20], [5, 10]], acceleration=1, deceleration=2, duration=30, lag=0.2)
    longer = from_profile([[0, 20], [5, 10], [100, 30]], acceleration=1, deceleration=2, duration=30, lag=0.2)
    assert short.speed.tobytes() == longer.speed.tobytes()


# Intended acceleration


def lagged(trajectory, lag, seconds):
    """Acceleration at each knot of a vehicle that follows the intended one with a first-order lag, 1 ms at a time."""
    leaders = Leaders([trajectory])
    acceleration, accelerations = None, []
    for step in range(seconds * 1000):
        command = leaders.intended(step * 1_000_000)[0]
        acceleration = command if acceleration is None else acceleration
        if step % 100 == 0:
            accelerations.append(acceleration)
        acceleration += (command - acceleration) / lag * 1e-3
    return np.array(accelerations)


def test_the_intended_acceleration_would_produce_the_motion():
    """Behind the lag of its vehicle it gives the acceleration of a drive that changes slowly."""
    time = np.arange(0, 40, 0.1)
    trajectory = from_recording(recording(15 + 5 * np.sin(time / 2)), duration=30, lag=0.3)
    settled = slice(20, 300)  # the first 2 s forget the unknown start
    moved = 2.5 * np.cos(time / 2)
    assert lagged(trajectory, 0.3, 30)[settled] == pytest.approx(moved[settled], abs=0.03)


@pytest.mark.parametrize("lag", [0.0, 0.2, 1.0])
def test_a_steady_acceleration_is_intended_as_it_is(lag):
    """From the first knot to the last: both ends are mirrored, none is bent towards 0."""
    assert intended_acceleration(np.arange(50) * 0.15, lag) == pytest.approx(1.5 * np.ones(50))


def test_smoothing_is_the_mean_acceleration_over_half_a_second_without_delay():
    """Held against the mean over 500 points of the acceleration within 0.25 s to either side."""
    trajectory = from_recording(town(), duration=25, lag=0.0)
    leaders = Leaders([trajectory])
    offsets = np.arange(-249_500_000, 250_000_000, 1_000_000)
    for knot in range(5, 240, 7):
        mean = np.mean([leaders.at(int(knot * KNOT + offset))[2][0] for offset in offsets])
        assert trajectory.intended_acceleration[knot] == pytest.approx(mean, abs=1e-9)


def test_the_lag_is_led_by_the_change_of_the_smoothed_acceleration():
    """Held against a difference quotient of the means above, 1 ms apart."""
    speed = town().speed
    smooth, led = intended_acceleration(speed, 0.0), intended_acceleration(speed, 0.5)

    def mean(instant):
        return (np.interp(instant + 0.25, time, speed) - np.interp(instant - 0.25, time, speed)) / 0.5

    time = np.arange(len(speed)) * 0.1
    for knot in range(5, 290, 7):
        change = (mean(time[knot] + 5e-4) - mean(time[knot] - 5e-4)) / 1e-3
        assert led[knot] - smooth[knot] == pytest.approx(0.5 * change, abs=1e-6)


def test_a_trajectory_of_any_length_has_a_position_and_an_intention_per_knot():
    """A run of one nanosecond included."""
    trajectory = from_profile([[0, 3]], acceleration=1, deceleration=1, duration=1e-9, lag=0.2)
    assert isinstance(trajectory, Trajectory)
    assert len(trajectory.speed) == len(trajectory.position) == len(trajectory.intended_acceleration) >= 2
    assert trajectory.intended_acceleration == pytest.approx(0.0)
