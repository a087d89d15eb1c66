"""The laws of the cooperative levels: what their sources say, what every law keeps, and what limits any of them."""

from math import inf, isfinite, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.control import rss
from karyon.control.contract import broken
from karyon.control.cooperative import LAWS, Cooperative, PathLaw, Ploeg
from karyon.control.cruise import Cruise
from karyon.control.situation import Situation
from karyon.sim.vehicle import move

STEP, LAG, BRAKING, FRICTION = 0.05, 0.2, 6.0, 9.0
REACTION_TIME = 0.25
SLOW, FAST, ROWS = 3.0, 35.0, 500  # m/s, m/s, cars at once

speeds, accelerations = st.floats(0.0, 40.0), st.floats(-8.0, 3.0)


def one(**told):
    """A situation of one row; what is not told is NaN."""
    names = [name for name in Situation._fields if name != "road_open"]
    values = {name: np.array([told.get(name, nan)]) for name in names}
    return Situation(road_open=np.array([False]), **values)


@settings(max_examples=60)
@given(st.floats(0.0, 80.0), speeds, speeds, speeds, accelerations, accelerations, st.sampled_from([0.0, 0.3, 0.9]))
def test_path_at_a_constant_distance_is_the_formula_of_the_book(gap, own, front, first, announced, lead, share):
    """[Rajamani 2012, eq. 7.39], written out as there, for C1, xi = 1.2, wn = 0.2 and 5 m between bumpers."""
    xi, wn, spacing = 1.2, 0.2, 5.0
    epsilon, epsilon_rate = spacing - gap, own - front
    expected = (
        (1 - share) * announced
        + share * lead
        - (2 * xi - share * (xi + sqrt(xi**2 - 1))) * wn * epsilon_rate
        - (xi + sqrt(xi**2 - 1)) * wn * share * (own - first)
        - wn**2 * epsilon
    )
    law = PathLaw(time_gap=0.0, standstill=spacing, leader_share=share, damping=xi, bandwidth=wn, closing=inf)
    seen = one(gap=gap, speed=own, relative_speed=front - own, front_command=announced, leader_command=lead,
               leader_speed=first)  # fmt: skip
    assert law.acceleration(seen, np.array([1.7]), np.array([-0.4]), STEP)[0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60)
@given(st.floats(0.0, 80.0), speeds, speeds, accelerations, accelerations, accelerations)
def test_path_without_a_leader_is_ploeg(gap, own, front, announced, command, response):
    """Gains w² and 2 xi w: whoever knows of no leader falls back to the car ahead, and stays stable behind it."""
    seen = one(gap=gap, speed=own, relative_speed=front - own, front_command=announced)
    path = PathLaw(time_gap=0.5, damping=1.5, bandwidth=0.8)
    ploeg = Ploeg(time_gap=0.5, gain=0.64, gain_rate=2.4)
    told = seen, np.array([command]), np.array([response]), STEP
    assert path.acceleration(*told)[0] == pytest.approx(ploeg.acceleration(*told)[0], abs=1e-9)


@pytest.mark.parametrize("missing", ["leader_speed", "leader_command"])
def test_half_of_what_is_known_of_the_leader_is_not_enough(missing):
    told = {"gap": 20.0, "speed": 25.0, "relative_speed": -1.0, "front_command": -1.0}
    leader = {"leader_speed": 20.0, "leader_command": -3.0}
    law, rest = PathLaw(time_gap=0.5), (np.zeros(1), np.zeros(1), STEP)
    without, whole = law.acceleration(one(**told), *rest), law.acceleration(one(**told, **leader), *rest)
    assert law.acceleration(one(**told, **{**leader, missing: nan}), *rest) == without
    assert whole < without


@pytest.mark.parametrize("name", LAWS)
def test_every_law_keeps_the_contract(name):
    assert broken(lambda: LAWS[name](time_gap=0.5)) == []


class Pushes:
    """Wants the same whatever it sees."""

    def __init__(self, wanted):
        self.wanted = wanted

    def acceleration(self, seen, command, response, step):
        return np.full(seen.gap.shape, self.wanted)


class Remembers(Pushes):
    def acceleration(self, seen, command, response, step):
        self.wanted += 1.0
        return np.full(seen.gap.shape, self.wanted)


class Averages(Pushes):
    def acceleration(self, seen, command, response, step):
        return np.full(seen.gap.shape, np.mean(seen.gap))


class Overwrites(Pushes):
    def acceleration(self, seen, command, response, step):
        seen.gap[:] = self.wanted
        return command.copy()


class AsksForALeader(Pushes):
    def acceleration(self, seen, command, response, step):
        return seen.leader_speed - seen.speed


class AnswersOnce(Pushes):
    def acceleration(self, seen, command, response, step):
        return np.array(self.wanted)


class Divides(Pushes):
    def acceleration(self, seen, command, response, step):
        return 1 / 0


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (Pushes(nan), "wants what is no finite number in an ordinary situation"),
        (Pushes(inf), "wants what is no finite number in an ordinary situation"),
        (Remembers(0.0), "answers the same situation in two ways"),
        (Averages(0.0), "answers otherwise for a row alone than for the same one among others"),
        (Overwrites(99.0), "changes the arrays that it is told"),
        (AsksForALeader(0.0), "wants what is no finite number in an ordinary situation"),
        (AnswersOnce(1.0), "raises ValueError: an answer of shape () for 7 rows"),
        (Divides(1.0), "raises ZeroDivisionError: division by zero"),
    ],
)
def test_what_breaks_the_contract_is_told(law, said):
    with np.errstate(all="ignore"):
        assert said in broken(lambda: law)


def test_a_law_may_want_anything_that_is_a_number():
    """What it wants is cut: the contract does not judge it."""
    assert broken(lambda: Pushes(3.0)) == []


def test_the_set_speed_holds_and_an_open_road_is_driven_without_a_law():
    """In the middle of a law that pushes, and of one that has no answer."""
    free = one(gap=150.0, speed=30.0, front_speed=nan, set_speed=30.0)
    for law in (Pushes(3.0), Pushes(nan)):
        around = Cooperative(law)
        open_road = Situation(**{name: getattr(free, name) for name in Situation._fields} | {
            "road_open": np.array([True]), "front_speed": np.array([30.0])})  # fmt: skip
        assert around.acceleration(open_road, np.zeros(1), np.zeros(1), STEP)[0] == pytest.approx(0.0)
    assert Cooperative(Pushes(3.0)).acceleration(free, np.zeros(1), np.zeros(1), STEP)[0] == pytest.approx(0.0)


class Draws(Pushes):
    """Wants anything: absurd numbers, and none at all."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def acceleration(self, seen, command, response, step):
        wild = self.rng.normal(0.0, 10.0, seen.gap.shape)
        return np.where(self.rng.random(seen.gap.shape) < 0.3, self.rng.choice([nan, inf, -inf, 3.0, 1e300]), wild)


class ClosesIn(Pushes):
    """As near as it gets: full power until there is nothing left, and then whatever it was."""

    def acceleration(self, seen, command, response, step):
        return np.where(seen.gap > 15.0, 3.0, nan)


ADVERSARIES = {
    "pushes": lambda seed: Pushes(3.0),
    "pushes_for_ever": lambda seed: Pushes(inf),
    "never_answers": lambda seed: Pushes(nan),
    "brakes_for_ever": lambda seed: Pushes(-inf),
    "draws": Draws,
    "closes_in": ClosesIn,
}


def drive(law, level, speed, gap, brakes_at, rate, seconds=20.0):
    """Cars, one per row, each behind a leader that brakes once; smallest gap and RSS margin of each, in m."""
    rows = len(speed)
    numbers = {"time_gap": 0.9, "reaction_time": REACTION_TIME}
    levels = [dict(numbers, time_gap=2.5), dict(numbers, time_gap=1.4)] + [dict(numbers, law=lambda: law)] * 2
    cruise = Cruise(rows, levels, BRAKING, LAG)
    own, ahead = (-gap, speed.copy(), np.zeros(rows)), (np.zeros(rows), speed.copy(), np.zeros(rows))
    command, least_gap, least_margin = np.zeros(rows), np.full(rows, inf), np.full(rows, inf)
    for period in range(round(seconds / STEP)):
        now = period * STEP
        pushed = np.where((now >= brakes_at) & (ahead[1] > 0.0), -rate, 0.0)
        seen = Situation(
            gap=ahead[0] - own[0], speed=own[1], relative_speed=ahead[1] - own[1], road_open=np.zeros(rows, dtype=bool),
            front_command=pushed, front_speed=ahead[1], leader_command=pushed, leader_acceleration=ahead[2],
            leader_speed=ahead[1], set_speed=np.full(rows, FAST + 10.0),
        )  # fmt: skip
        new, _ = cruise.update(seen, level, np.ones(rows, dtype=bool), own[1], STEP)
        own = move(*own, command, STEP, LAG, FRICTION)
        ahead = move(*ahead, pushed, STEP, LAG, FRICTION)
        command = new
        assert np.isfinite(command).all()
        safe = rss.safe_distance(own[1], ahead[1], REACTION_TIME, BRAKING)
        least_gap = np.minimum(least_gap, ahead[0] - own[0])
        least_margin = np.minimum(least_margin, ahead[0] - own[0] - safe)
    return least_gap, least_margin


@pytest.mark.parametrize("name", ADVERSARIES)
@settings(max_examples=2)
@given(st.integers(0, 2**32 - 1))
def test_no_law_collides_or_leaves_the_safe_distance(name, seed):
    """Behind a leader that brakes at any time, as hard as all have declared: the barrier cuts whatever is wanted."""
    rng = np.random.default_rng(seed)
    speed, brakes_at, rate = (
        rng.uniform(SLOW, FAST, ROWS),
        rng.uniform(0.0, 10.0, ROWS),
        rng.uniform(0.5, BRAKING, ROWS),
    )
    gap, level = 2.0 + rng.uniform(0.6, 1.5, ROWS) * speed, rng.integers(2, 4, ROWS)
    least_gap, least_margin = drive(ADVERSARIES[name](seed), level, speed, gap, brakes_at, rate)
    assert least_gap.min() > 0.0
    assert least_margin.min() >= 0.0


def test_the_adversaries_would_collide_if_nothing_cut_them():
    """Else the test above would show nothing."""
    assert not isfinite(Pushes(nan).acceleration(one(), None, None, STEP)[0])
    speed = np.full(1, 20.0)
    law = Pushes(3.0)
    own, ahead = (np.zeros(1), speed, np.zeros(1)), (np.full(1, 14.0), speed, np.zeros(1))
    for _ in range(200):
        own = move(*own, law.acceleration(one(), None, None, STEP), STEP, LAG, FRICTION)
        ahead = move(*ahead, np.full(1, -6.0), STEP, LAG, FRICTION)
    assert own[0][0] > ahead[0][0]
