"""What a picture shows of an instant is what the trace holds of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.view.about import About
from karyon.sim.view.happenings import Happening
from karyon.sim.view.links import NO_ONE, Wanted
from karyon.sim.view.recording import Recording
from karyon.sim.view.rows import Lazy, Rows
from karyon.sim.view.scene import NO_LEVEL, Eye, _ahead

ABOUT = About("made up", 0, "acc", None, 10.0, True, False, 150.0, 6.0, (), (), (), {}, {}, ())
FIXED = {"y": 0.0, "heading": 0.0, "length": 4.5, "width": 1.8, "lane": 0.0, "gap": 20.0}


class MadeUp:
    """A run written down in a test: per instant its time and the place of each vehicle; messages; events."""

    def __init__(self, instants, messages=(), happenings=()):
        rows = [(time, vehicle, x) for time, cars in instants for vehicle, x in cars.items()]
        table = {name: np.full(len(rows), value) for name, value in FIXED.items()}
        table |= {name: np.array([row[i] for row in rows]) for i, name in enumerate(("time", "vehicle", "x"))}
        table["speed"] = 10.0 + table["vehicle"]
        self._rows = Rows.of(table["time"], Lazy(list(table), table.__getitem__))
        self._messages = list(messages)
        self.about, self.happenings, self.notes = ABOUT, list(happenings), ()
        self.begin, self.end = instants[0][0], instants[-1][0]

    def parts(self, begin, end):
        return [self._rows.between(begin, end)]

    def messages(self, begin, end, wanted):
        told = [one for one in self._messages if begin <= one[2] <= end]
        sender, receiver = (np.array([one[column] for one in told], dtype=np.int64) for column in (0, 1))
        shown = wanted.of(sender, receiver)
        return sender[shown], receiver[shown], np.array([one[3] for one in told], dtype=float)[shown]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three cars, one of which fails."""
    folder = tmp_path_factory.mktemp("run")
    fault = "faults=[{vehicle: 2, signal: front.distance, mode: omission, onset: 5, duration: 3}]"
    simulate([read("acc_profile", ["duration=12", "vehicles=3", fault])], [folder])
    return Recording(folder)


def test_an_instant_is_shown_as_it_was_recorded(run):
    """Places, levels, what is measured, and whose fault acts."""
    (part,) = run.parts(6.0, 6.0)
    scene = Eye(run).look(6.0, 2)
    np.testing.assert_array_equal(scene.cars.x, part.columns["x"])
    np.testing.assert_array_equal(scene.cars.measured, part.columns["front.distance"])
    assert scene.cars.level.tolist() == [NO_LEVEL, 2, 0]
    assert scene.cars.is_failing.tolist() == [False, False, True]
    assert scene.values["front.distance_age"] == part.columns["front.distance_age"][2] > 0.9
    assert scene.history.time[-1] == 6.0
    assert scene.history.columns["vehicle"].tolist() == [2] * 61
    assert scene.happenings[scene.past - 1].time <= 6.0 < scene.happenings[scene.past].time


def test_the_speed_ahead_is_that_of_whoever_was_ahead(tmp_path):
    """Before a stranger cuts in, while it is there, and when it has gone."""
    cut = "cut_ins=[{ahead_of: 2, time: 5, gap: 6, duration: 3}]"
    simulate([read("platoon", ["duration=12", "vehicles=3", cut])], [tmp_path])
    recording = Recording(tmp_path)
    for now, stranger in ((4.0, False), (7.0, True), (11.0, False)):
        scene = Eye(recording).look(now, 2)
        assert (scene.cars.vehicle[scene.cars.ahead[scene.place]] == 3) == stranger
        history = scene.history
        for time, speed, gap in zip(history.time, history.speed_ahead, history.columns["gap"], strict=True):
            cars = Eye(recording).look(time, 2).cars
            own = cars.place(2)
            nearest = min(range(len(cars.x)), key=lambda car: (cars.x[car] <= cars.x[own], cars.x[car]))
            assert speed == pytest.approx(cars.speed[nearest]), f"{time} s, gap {gap} m"


def test_the_past_does_not_show_what_came_later(run):
    """Nor does it show a fault before its time."""
    scene = Eye(run).look(4.9, 2)
    assert not scene.cars.is_failing.any()
    assert scene.history.time.max() <= 4.9
    assert scene.levels_time.max() <= 4.9


def test_where_a_message_puts_its_sender_is_where_it_is(run):
    """Carried on at the speed that it says, an undisturbed message is right within its noise of half a metre."""
    scene = Eye(run).look(9.5, 1)
    assert scene.told["lead.message"] == pytest.approx(scene.cars.x[0], abs=3.0)


def test_cars_move_on_between_two_instants():
    """In proportion; the level, and what is measured, stay."""
    source = MadeUp([(0.0, {0: 100.0, 1: 50.0}), (1.0, {0: 120.0, 1: 60.0}), (2.0, {0: 140.0})])
    assert Eye(source).look(0.25, 1).cars.x.tolist() == [105.0, 52.5]
    assert Eye(source).look(1.5, 1).cars.x.tolist() == [120.0, 60.0]  # one of them is gone: nothing to go by


def test_a_vehicle_that_comes_and_goes_is_shown_while_it_is_there():
    """A stranger between two cars is the one ahead, and without it the selection falls on another."""
    source = MadeUp([(0.0, {0: 100.0, 1: 50.0}), (1.0, {0: 100.0, 1: 50.0, 7: 75.0}), (2.0, {0: 100.0, 1: 50.0})])
    eye = Eye(source)
    scene = eye.look(1.0, 1)
    assert scene.cars.vehicle[scene.cars.ahead[scene.place]] == 7
    assert scene.levels.shape == (2, 3)
    assert eye.look(1.0, 7).selected == 7
    assert eye.look(2.0, 7).selected == 0


def test_a_link_shows_its_last_message_whose_outcome_is_known():
    """Lost, heard, under way, long ago; to the selected car from all, to the others from the one ahead."""
    instants = [(0.0, {0: 100.0, 1: 50.0, 2: 0.0}), (3.0, {0: 100.0, 1: 50.0, 2: 0.0})]
    nan = float("nan")
    sent = [
        (0, 2, 2.8, 2.82),
        (0, 2, 2.9, nan),  # lost
        (1, 2, 2.8, nan),
        (1, 2, 2.9, 2.92),  # heard
        (0, 1, 2.8, 2.82),
        (0, 1, 2.9, 3.2),  # under way at 3 s
        (2, 1, 2.9, 2.92),  # neither to the selected one, nor from ahead
        (1, 0, 2.0, 2.02),  # too long ago
    ]
    links = Eye(MadeUp(instants, sent)).look(3.0, 2).links
    shown = zip(links.sender.tolist(), links.receiver.tolist(), links.is_heard.tolist(), strict=True)
    assert sorted(shown) == [(0, 1, True), (0, 2, False), (1, 2, True)]


def test_marks_are_switches_and_violations():
    """Nothing else is on the scrub bar."""
    told = [
        Happening(1.0, 1, "los", "", 2, 0),
        Happening(2.0, 1, "detection", ""),
        Happening(3.0, 1, "violation", ""),
        Happening(4.0, 1, "los", "", 0, 1),
    ]
    marks = Eye(MadeUp([(0.0, {0: 0.0}), (5.0, {0: 0.0})], happenings=told)).look(0.0, 0).marks
    assert list(zip(marks.time, marks.level, marks.is_drop, strict=True)) == [
        (1.0, 0, True),
        (3.0, NO_LEVEL, False),
        (4.0, 1, False),
    ]


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 2)), min_size=1, max_size=8, unique=True))
def test_the_car_ahead_is_the_nearest_in_front_in_the_same_lane(cars):
    """Against looking at all of them."""
    x, lane = np.array([float(x) for x, _ in cars]), np.array([lane for _, lane in cars])
    found = _ahead(x, lane)
    for car in range(len(cars)):
        front = [other for other in range(len(cars)) if lane[other] == lane[car] and x[other] > x[car]]
        assert found[car] == min(front, key=lambda other: x[other], default=-1)


@given(
    told=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 3), st.integers(0, 3)), max_size=8),
    now=st.integers(0, 9),
)
def test_groups_are_those_that_were_told_last(told, now):
    """Against telling them one by one; who heads others is in its own group, from then on."""
    told.sort(key=lambda one: one[0])
    events = [Happening(float(time), car, "group", "", leader=leader) for time, car, leader in told]
    instants = [(0.0, {car: 100.0 - car for car in range(4)}), (9.0, {car: 100.0 - car for car in range(4)})]
    expected = dict.fromkeys(range(4), NO_ONE)
    past = [one for one in told if one[0] <= now]
    expected |= {leader: leader for _, _, leader in past}
    expected |= {car: leader for _, car, leader in past}
    cars = Eye(MadeUp(instants, happenings=events)).look(float(now), 0).cars
    assert dict(zip(cars.vehicle.tolist(), cars.leader.tolist(), strict=True)) == expected


@given(
    links=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12),
    front=st.lists(st.integers(-1, 4), min_size=1, max_size=5),
    selected=st.integers(0, 5),
)
def test_links_that_are_wanted(links, front, selected):
    """To the selected one, and to each from the one ahead, looked at one by one."""
    sender, receiver = (np.array([link[end] for link in links], dtype=np.int64) for end in (0, 1))
    found = Wanted(selected, np.array(front)).of(sender, receiver)
    assert found.tolist() == [to == selected or (to < len(front) and front[to] == by) for by, to in links]
