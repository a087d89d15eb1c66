"""Manoeuvres of a car that follows another: what a passenger and a safety engineer would see."""

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.control import limits, rss
from karyon.control.cruise import CREEP, Cruise, Motion, TimeGap, followed
from karyon.control.situation import Situation

LEVELS = (
    {"time_gap": 2.5, "speed_max": 25.0, "reaction_time": 0.6},
    {"time_gap": 1.4, "reaction_time": 0.6},
    {"time_gap": 0.9, "reaction_time": 0.6},
)
STANDSTILL, BRAKING, LAG, RANGE = 2.0, 6.0, 0.2, 150.0
STEP, FINE = 0.05, 5  # control period in s, steps of the plant in one
LENGTH = 4.5


@dataclass
class Drive:
    """One car behind another, integrated in small steps; what it did, control period by control period.

    The leader's acceleration is `front(t, speed)`; the level in force is `level(t)`, and the front is believed while
    `trusted(t)`. A command comes into force one period after what it was computed from.
    """

    gap: float
    speed: float
    front_speed: float
    front: object = lambda t, speed: 0.0
    level: object = lambda t: 1
    trusted: object = lambda t: True
    set_speed: float = 30.0
    gaps: list = field(default_factory=list)
    speeds: list = field(default_factory=list)
    closing: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    accelerations: list = field(default_factory=list)
    safe: list = field(default_factory=list)

    def run(self, seconds, cruise=None):
        """Drive on; returns itself."""
        cruise = cruise or Cruise(1, LEVELS, BRAKING, LAG)
        acceleration, command = 0.0, 0.0
        for period in range(round(seconds / STEP)):
            t = period * STEP
            pushed = self.front(t, self.front_speed)
            new, safe = cruise.update(*self.seen(t, pushed), STEP)
            for _ in range(FINE):
                dt = STEP / FINE
                acceleration += dt / LAG * (command - acceleration)
                self.gap += dt * (self.front_speed - self.speed)
                self.speed = max(0.0, self.speed + dt * acceleration)
                acceleration = acceleration if self.speed > 0.0 else max(0.0, acceleration)
                self.front_speed = max(0.0, self.front_speed + dt * pushed)
            command = float(new[0])
            self.gaps.append(self.gap)
            self.speeds.append(self.speed)
            self.closing.append(self.speed - self.front_speed)
            self.commands.append(command)
            self.accelerations.append(acceleration)
            self.safe.append(safe[:, 0].tolist())
        return self

    def seen(self, t, pushed):
        """Arguments of `Cruise.update`: an ideal sensor's view of one row."""
        far = self.gap >= RANGE
        situation = Situation(
            gap=np.array([min(self.gap, RANGE)]),
            speed=np.array([self.speed]),
            relative_speed=np.array([0.0 if far else self.front_speed - self.speed]),
            road_open=np.array([far]),
            front_command=np.array([float(pushed)]),
            front_speed=np.array([self.front_speed]),
            leader_command=np.array([nan]),
            leader_acceleration=np.array([nan]),
            leader_speed=np.array([nan]),
            set_speed=np.array([self.set_speed]),
        )
        return situation, np.array([self.level(t)]), np.array([self.trusted(t)]), np.array([self.speed])


def brakes(rate, at=0.0):
    """A leader that brakes to a standstill."""
    return lambda t, speed: -rate if t >= at and speed > 0.0 else 0.0


def at(number):
    return lambda t: number


def steady_gap(level, speed):
    return STANDSTILL + LEVELS[level]["time_gap"] * speed


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("speed", [8.0, 15.0, 25.0])
def test_stops_behind_a_car_that_stands(level, speed):
    """Seen at the end of the radar's range; it stops at a distance one would expect, and stays."""
    drive = Drive(gap=160.0, speed=speed, front_speed=0.0, level=at(level), set_speed=speed).run(120.0)
    assert min(drive.gaps) > 0.5
    assert drive.speeds[-1] < 0.05
    assert drive.gaps[-1] < 5.0
    assert max(drive.gaps[-100:]) - min(drive.gaps[-100:]) < 0.05


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("speed", [5.0, 12.0, 22.0])
@pytest.mark.parametrize("beginning", [0.8, 1.3])
def test_follows_at_the_time_gap_of_its_level(level, speed, beginning):
    """From further away and from too near, within 5 cm after two minutes."""
    gap = steady_gap(level, speed)
    drive = Drive(gap=beginning * gap, speed=speed, front_speed=speed, level=at(level)).run(120.0)
    assert drive.gaps[-1] == pytest.approx(gap, abs=0.05)
    assert drive.closing[-1] == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_closing_speed_is_capped(level):
    """Catching up over 100 m at a set speed far above the leader's, it closes at 3 m/s and no more."""
    drive = Drive(gap=140.0, speed=12.0, front_speed=12.0, level=at(level), set_speed=50.0).run(60.0)
    assert 2.0 < max(drive.closing) < 3.2
    assert min(drive.gaps) > steady_gap(level, 12.0) - 1.0


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("speed", [6.0, 15.0, 24.0])
@pytest.mark.parametrize("rate", [3.0, 6.0])
def test_survives_a_leader_that_brakes_as_hard_as_it_may(level, speed, rate):
    """From steady following, at every level; the car stops behind it, short of it by most of the standstill gap."""
    drive = Drive(steady_gap(level, speed), speed, speed, front=brakes(rate, at=1.0), level=at(level)).run(40.0)
    assert min(drive.gaps) > 1.0
    assert drive.speeds[-1] < 0.05


@pytest.mark.requirement("FSR3", "TSR8")
@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("speed", [10.0, 24.0])
def test_falls_to_level_0_when_the_front_is_lost_and_the_leader_brakes(level, speed):
    """The worst instant: the leader brakes as declared just when nothing of it can be believed any more."""
    drive = Drive(
        steady_gap(level, speed),
        speed,
        speed,
        front=brakes(BRAKING, at=2.0),
        level=lambda t: level if t < 2.0 else 0,
        trusted=lambda t: t < 2.0,
    ).run(30.0)
    assert min(drive.gaps) > 0.0
    assert drive.speeds[-1] < CREEP


@pytest.mark.requirement("FSR3")
@pytest.mark.parametrize("speed", [3.0, 10.0, 24.0])
def test_brakes_towards_a_stop_when_the_front_is_unknown(speed):
    """At least 3.5 m/s² within half a second, and it stays until the front is believed again."""
    drive = Drive(
        steady_gap(1, speed), speed, speed, level=lambda t: 1 if t < 2.0 else 0, trusted=lambda t: not 2.0 <= t < 20.0
    ).run(60.0)
    blind = slice(round(2.5 / STEP), round(20.0 / STEP))
    assert max(drive.commands[blind]) <= -3.5
    assert drive.speeds[round(20.0 / STEP) - 1] == 0.0
    assert drive.speeds[-1] > 0.5 * min(speed, 8.0)


@pytest.mark.parametrize("wrong", [RANGE, 70.0])
def test_the_last_sample_before_the_front_is_doubted_is_not_remembered(wrong):
    """Nobody had judged it yet: the car stops short of where the one ahead may stop, by the sample before it."""
    drive = Drive(
        steady_gap(1, 25.0), 25.0, 25.0, front=brakes(6.0, at=2.0), level=lambda t: 1 if t < 2.0 else 0,
        trusted=lambda t: t < 2.0,
    )  # fmt: skip
    healthy = drive.seen

    def seen(t, pushed):
        situation, *others = healthy(t, pushed)
        if t >= 2.0 - STEP:
            situation.gap[:] = wrong
            situation.road_open[:] = wrong == RANGE
        return situation, *others

    drive.seen = seen
    assert min(drive.run(20.0).gaps) > 0.0


@pytest.mark.parametrize("gap", [0.8, 1.0])
def test_the_blind_brake_no_harder_than_all_have_declared(gap):
    """The car behind relies on it; and behind a car that drove, no more is needed, if it begins at once."""
    drive = Drive(
        gap * 22.0, 22.0, 22.0, level=lambda t: 2 if t < 2.0 else 0, trusted=lambda t: t < 2.0, set_speed=22.0
    ).run(10.0)
    assert -BRAKING <= min(drive.commands) < -5.0
    assert drive.speeds[-1] == 0.0


@pytest.mark.requirement("FSR3", "TSR8")
@pytest.mark.parametrize("time_gap", [0.7, 0.8, 1.0, 1.4])
def test_the_blind_keep_the_safe_distance_while_the_car_ahead_brakes_as_declared(time_gap):
    """An even deceleration that is just in time in the end would break it on the way."""
    speed = 25.0
    drive = Drive(
        2.0 + time_gap * speed, speed, speed, front=brakes(BRAKING, at=1.0), level=lambda t: 2 if t < 1.4 else 0,
        trusted=lambda t: t < 1.4, set_speed=speed,
    ).run(10.0)  # fmt: skip
    own = np.array(drive.speeds)
    safe = rss.safe_distance(own, own - np.array(drive.closing), LEVELS[0]["reaction_time"], BRAKING)
    assert (np.array(drive.gaps) - safe).min() > -0.05


@pytest.mark.parametrize(
    ("gap", "front_speed", "announced", "harder"),
    [
        (8.0, 20.0, 0.0, False),  # half of the safe distance: what all have declared ends the closing 3 m before
        (3.0, 19.0, 0.0, True),
        (8.0, 20.0, -BRAKING, True),  # the car ahead brakes, too
        (8.0, 25.0, -BRAKING, False),  # as fast as the other, and what it brakes is enough
        (90.0, 0.0, 0.0, False),  # not too close yet
    ],
)
def test_who_is_too_close_brakes_harder_than_declared_only_where_it_must(gap, front_speed, announced, harder):
    """A car cuts in: those behind rely on what is declared, and who is hit by one of them has gained nothing."""
    cruise, drive = Cruise(1, LEVELS, BRAKING, LAG), Drive(gap, 25.0, front_speed, level=at(2))
    seen, *others = drive.seen(0.0, 0.0)
    seen = seen._replace(front_command=np.array([announced]))
    for _ in range(30):  # its lag is over
        command, _ = cruise.update(seen, *others, STEP)
    assert (command[0] < -BRAKING - 1.0) == harder


@pytest.mark.parametrize(("announced", "samples", "brakes"), [(True, 1, False), (True, 2, True), (False, 1, True)])
def test_one_noisy_sample_is_no_emergency_while_the_car_ahead_says_what_it_does(announced, samples, brakes):
    """Two in a row are, and one where nothing was heard just now. The sample: 1.5 m/s slower, at once."""
    cruise, drive = Cruise(1, LEVELS, BRAKING, LAG), Drive(22.0, 25.0, 25.0, level=at(2))
    seen, *others = drive.seen(0.0, 0.0)
    noisy = seen._replace(relative_speed=seen.relative_speed - 1.5)
    usual = [cruise.update(seen, *others, STEP, announced)[0][0] for _ in range(40)][-1]
    for _ in range(samples):
        command, _ = cruise.update(noisy, *others, STEP, announced)
    assert (command[0] < usual - 1.0) == brakes


def test_who_was_not_heard_just_now_is_followed_at_a_longer_gap():
    """Radar shows braking later than a message announces it."""
    commands = []
    for announced in (True, False):
        cruise, drive = Cruise(1, LEVELS, BRAKING, LAG), Drive(24.5, 25.0, 25.0, level=at(2))
        commands.append([cruise.update(*drive.seen(0.0, 0.0), STEP, announced)[0][0] for _ in range(40)][-1])
    assert commands[1] < commands[0] - 0.1


@pytest.mark.parametrize("speed", [15.0, 30.0, 45.0])
def test_stops_within_an_open_road_when_the_radar_is_lost_on_it(speed):
    """What stands just beyond the range was not seen: the car stops before it."""
    drive = Drive(400.0, speed, 0.0, level=lambda t: 1 if t < 1.0 else 0, trusted=lambda t: t < 1.0, set_speed=speed)
    travelled = sum(drive.run(40.0).speeds[round(1.0 / STEP) :]) * STEP
    assert drive.speeds[-1] < 0.3
    assert travelled < RANGE


def test_a_car_that_cuts_in_and_leaves_leaves_no_wound_up_brakes_behind():
    """The command goes back as fast as comfort allows from the most that a road takes, not from below it."""
    cruise, open_road = Cruise(1, LEVELS, BRAKING, LAG), Drive(RANGE, 30.0, 30.0, level=at(1))
    cut_in = Drive(8.0, 30.0, 24.0, level=at(1))
    for _ in range(30):
        assert cruise.update(*cut_in.seen(0.0, 0.0), STEP)[0][0] >= -limits.EMERGENCY_BRAKING
    open_road.set_speed = 35.0
    for _ in range(round(limits.EMERGENCY_BRAKING / 2.5 / STEP) + 1):
        command, _ = cruise.update(*open_road.seen(0.0, 0.0), STEP)
    assert command[0] >= 0.0


@pytest.mark.parametrize("switches", [[0, 1, 2], [2, 1, 0], [2, 0, 2], [1, 2, 1], [0, 2, 0]])
@pytest.mark.parametrize("speed", [4.0, 12.0, 23.0])
def test_the_command_does_not_jump_when_the_level_switches(switches, speed):
    """Three levels, 20 s each, behind a steady leader: each change of the command is within the limit on jerk."""
    drive = Drive(steady_gap(switches[0], speed), speed, speed, level=lambda t: switches[min(2, int(t // 20.0))]).run(
        60.0
    )
    for before, after, now in zip(drive.commands, drive.commands[1:], drive.speeds, strict=False):
        assert abs(after - before) <= limits.jerk(now) * STEP + 1e-3
    assert min(drive.commands) >= -3.5
    assert min(drive.gaps) > 1.0


def iso_deceleration(speed):
    """[ISO 15622:2018, 6.3.3] 3.5 m/s² above 20 m/s, 5 m/s² below 5 m/s."""
    return np.interp(speed, [5.0, 20.0], [5.0, 3.5])


def iso_acceleration(speed):
    """[ISO 15622:2018, 6.3.3] 2 m/s² above 20 m/s, 4 m/s² below 5 m/s."""
    return np.interp(speed, [5.0, 20.0], [4.0, 2.0])


def iso_jerk(speed):
    """[ISO 15622:2018, 6.3.3] of the deceleration: 2.5 m/s³ above 20 m/s, 5 m/s³ below 5 m/s."""
    return np.interp(speed, [5.0, 20.0], [5.0, 2.5])


@given(st.floats(0.0, 60.0))
def test_the_limits_are_those_of_the_standard(speed):
    assert limits.deceleration(speed) == pytest.approx(iso_deceleration(speed))
    assert limits.jerk(speed) == pytest.approx(iso_jerk(speed))
    assert limits.acceleration(speed) <= iso_acceleration(speed)


@pytest.mark.parametrize("level", [0, 1, 2])
@settings(max_examples=12, deadline=None)
@given(
    start=st.floats(3.0, 24.0),
    pushes=st.lists(st.floats(-1.5, 1.2), min_size=6, max_size=6),
    gap=st.floats(1.0, 1.2),
)
def test_in_ordinary_traffic_the_limits_of_the_standard_hold(level, start, pushes, gap):
    """The leader brakes and speeds up as traffic does; averages over 2 s (deceleration) and 1 s (jerk)."""
    front = lambda t, speed: float(np.clip(pushes[int(t // 10.0)], -speed, 25.0 - speed))  # noqa: E731
    drive = Drive(gap * steady_gap(level, start), start, start, front=front, level=at(level)).run(60.0)
    speed, applied = np.array(drive.speeds), np.array(drive.accelerations)
    assert (applied <= iso_acceleration(speed) + 1e-6).all()
    two, one = round(2.0 / STEP), round(1.0 / STEP)
    braking = -np.convolve(applied, np.ones(two) / two, mode="valid")
    assert (braking <= iso_deceleration(speed[two - 1 :]) + 0.01).all()
    jerk = (applied[:-one] - applied[one:]) / 1.0
    moving = speed[one:] > 0.0  # the stop itself is not a command
    assert (jerk <= iso_jerk(speed[one:]) + 0.1)[moving].all()
    assert min(drive.gaps) > 1.0


numbers = st.one_of(st.floats(-50, 200), st.sampled_from([nan, inf, -inf, 0.0, 1e300, -1e300]))


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.lists(numbers, min_size=9, max_size=9), st.booleans(), st.integers(0, 2), st.booleans(), numbers),
        min_size=1,
        max_size=8,
    )
)
def test_no_command_is_ever_anything_but_a_number(story):
    """Whatever a law is told, what leaves is finite and within what any car can be asked for."""
    cruise = Cruise(1, LEVELS, BRAKING, LAG)
    with np.errstate(all="ignore"):
        for told, road_open, level, trusted, bound in story:
            gap, speed, relative_speed, front_command, front_speed, *leader, set_speed = (
                np.array([each]) for each in told
            )
            seen = Situation(
                gap, speed, relative_speed, np.array([road_open]), front_command, front_speed, *leader, set_speed
            )
            command, safe = cruise.update(seen, np.array([level]), np.array([trusted]), np.array([bound]), STEP)
            assert np.isfinite(command).all()
            assert -limits.EMERGENCY_BRAKING <= command[0] <= 2.0
            assert safe.shape == (3, 1)
            assert safe.dtype == np.bool_
            assert safe[0].all()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(1, 150), st.floats(0, 30), st.floats(-8, 8), st.integers(0, 2)), min_size=3))
def test_a_row_is_alone_in_a_batch(rows):
    """Same bits in every row, whatever drives beside it, for three periods."""
    gap, speed, relative_speed, level = (np.array(column) for column in zip(*rows, strict=True))

    def commands(select):
        cruise, count = Cruise(len(gap[select]), LEVELS, BRAKING, LAG), len(gap[select])
        seen = Situation(
            gap[select],
            speed[select],
            relative_speed[select],
            np.zeros(count, dtype=bool),
            np.zeros(count),
            (speed + relative_speed)[select],
            *np.full((3, count), nan),
            np.full(count, 30.0),
        )
        trusted = gap[select] > 20.0
        return [cruise.update(seen, level[select], trusted, speed[select], STEP)[0].copy() for _ in range(3)]

    together = commands(slice(None))
    for row in range(len(rows)):
        assert [float(each[row]) for each in together] == [float(each[0]) for each in commands(slice(row, row + 1))]


@pytest.mark.parametrize("level", [1, 2])
def test_a_level_is_left_out_of_its_safe_set_when_it_closes_too_fast(level):
    """Towards a leader 6 m/s slower nobody rises; in steady following everybody may."""
    fast = Drive(gap=100.0, speed=20.0, front_speed=14.0, level=at(0)).run(STEP)
    assert not fast.safe[0][level]
    calm = Drive(steady_gap(0, 20.0), 20.0, 20.0, level=at(0)).run(10.0)
    assert calm.safe[-1][level]


@pytest.mark.requirement("TSR8")
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("speed", [15.0, 25.0, 30.0])
def test_keeps_the_safe_distance_to_a_leader_that_brakes_as_hard_as_it_may(level, speed):
    """From steady following at each level's time gap: the brakes bite before the margin is gone."""
    drive = Drive(steady_gap(level, speed), speed, speed, brakes(BRAKING, 10.0), at(level), set_speed=speed).run(16.0)
    own, gaps = np.array(drive.speeds), np.array(drive.gaps)
    front, reaction_time = own - np.array(drive.closing), LEVELS[level]["reaction_time"]
    assert (gaps >= rss.safe_distance(own, np.maximum(front, 0.0), reaction_time, BRAKING)).all()


def test_the_motion_ahead_is_known_soon_and_what_is_no_motion_is_not_taken_for_it():
    """A leader that brakes with 4 m/s² shows half of it after 0.15 s; another object, or none, shows nothing."""
    motion = Motion(speed=np.full(1, nan), acceleration=np.zeros(1))
    for _ in range(5):
        motion = followed(motion, np.array([20.0]), STEP)
        assert motion.acceleration[0] == pytest.approx(0.0, abs=1e-9)
    for period in range(1, 4):
        motion = followed(motion, np.array([20.0 - 4.0 * STEP * period]), STEP)
    assert motion.acceleration[0] < -2.0
    for period in range(4, 30):
        motion = followed(motion, np.array([20.0 - 4.0 * STEP * period]), STEP)
    assert motion.acceleration[0] == pytest.approx(-4.0, abs=0.01)
    for other in (3.0, nan, 15.0):
        motion = followed(motion, np.array([other]), STEP)
        assert motion.acceleration[0] == 0.0
    motion = followed(motion, np.array([15.0]), STEP)
    assert motion.speed[0] == 15.0


def wanted(gap, **numbers):
    """Acceleration in m/s² that the law wants at 24 m/s, `gap` m behind a car that is just as fast."""
    nothing = np.full(1, nan)
    seen = Situation(
        np.array([gap]), np.array([24.0]), np.zeros(1), np.array([False]), *(nothing,) * 5, np.array([30.0])
    )
    return float(TimeGap(time_gap=1.4, reaction_time=0.25, closing=1.0, **numbers).acceleration(seen)[0])


def test_who_has_let_one_in_opens_the_gap_slowly():
    """As slowly as the law says, as long as it is one that is accepted; a shorter one as quickly as ever."""
    assert wanted(20.0) == pytest.approx(-1.0 / 1.4)
    assert wanted(20.0, opening=0.2, accepted=0.6) == pytest.approx(-0.2 / 1.4)
    assert wanted(10.0, opening=0.2, accepted=0.6) == wanted(10.0) == pytest.approx(-1.0 / 1.4)
    assert wanted(50.0, opening=0.2, accepted=0.6) == wanted(50.0) > 0.0
