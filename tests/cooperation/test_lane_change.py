"""The lane change protocol against a slow reference, and what must hold whatever is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.cooperation.lane_change import MOST, NOBODY, LaneChange, Words
from tests.reference import lane_change as reference
from tests.reference.lane_change import HOLD, OFFSET, PATIENCE

CARS, RUNS, STEPS = 4, 2, 40
TICK = 1_000_000  # ns: the reference counts ticks
ROW = np.arange(CARS)

chances = st.integers(0, 2**32 - 1)


class Lossy:
    """The protocol and the reference side by side: cars ask, are heard or not, give up, and are busy, all by chance."""

    def __init__(self, seed, loss):
        self.rng, self.loss = np.random.default_rng(seed), loss
        self.protocol = LaneChange(CARS, RUNS, PATIENCE * TICK, HOLD * TICK, OFFSET * TICK)
        self.cars = [[reference.Car(name) for name in range(CARS)] for _ in range(RUNS)]
        self.late = []

    def step(self, tick):
        rng, shape = self.rng, (CARS, RUNS)
        who, since = rng.random(shape) < 0.2, rng.integers(0, tick + 1, shape)
        members = (rng.random((CARS, CARS, RUNS)) < 0.5) & ~np.eye(CARS, dtype=bool)[:, :, None]
        asked = (members.astype(np.int64) << ROW[None, :, None]).sum(axis=1)
        gives_up = rng.random(shape) < 0.05
        self.protocol.release(gives_up)
        self.protocol.ask(tick * TICK, who, since * TICK, np.zeros(shape, dtype=np.int64), asked)
        for run, cars in enumerate(self.cars):
            for name, car in enumerate(cars):
                if gives_up[name, run]:
                    car.release()
                if who[name, run]:
                    car.ask(tick, int(since[name, run]), np.flatnonzero(members[name, :, run]).tolist())
        came = rng.random((CARS, CARS, RUNS)) >= self.loss
        free = rng.random(shape) < 0.9
        said = self.protocol.speak()
        told = [[car.words() for car in cars] for cars in self.cars]
        words = Words(*(np.broadcast_to(each, (CARS, *shape)) for each in said))
        self.protocol.listen(tick * TICK, came, words, free)
        for run, cars in enumerate(self.cars):
            for name, car in enumerate(cars):
                heard = {i: told[run][i] for i in range(CARS) if i != name and came[name, i, run]}
                car.listen(tick, heard, free[name, run])


@settings(max_examples=40, deadline=None)
@given(seed=chances, loss=st.sampled_from([0.0, 0.2, 0.6, 1.0]))
def test_it_is_what_one_would_tell_car_by_car(seed, loss):
    """Requests, reservations and grants are those of the reference, whatever is lost."""
    both = Lossy(seed, loss)
    for tick in range(STEPS):
        both.step(tick)
        for run, cars in enumerate(both.cars):
            assert both.protocol.asks[:, run].tolist() == [car.state == "asks" for car in cars]
            assert both.protocol.reserved[:, run].tolist() == [car.state == "reserved" for car in cars]
            assert both.protocol.bound_to[:, run].tolist() == [car.grant[0] if car.grant else NOBODY for car in cars]


@pytest.mark.requirement("LTR5")
@settings(max_examples=40, deadline=None)
@given(seed=chances, loss=st.sampled_from([0.0, 0.3, 0.7]))
def test_no_car_is_promised_to_two(seed, loss):
    """Who has a reservation has the grant of each car that it asked, until it expires: so no two share one of them."""
    both = Lossy(seed, loss)
    for tick in range(STEPS):
        both.step(tick)
        protocol = both.protocol
        for run in range(RUNS):
            for car in np.flatnonzero(protocol.reserved[:, run]):
                givers = np.flatnonzero(protocol.asked[car, run] >> ROW & 1)
                assert (protocol.bound_to[givers, run] == car).all()


@settings(max_examples=20, deadline=None)
@given(seed=chances)
def test_nobody_asks_and_is_bound_at_once(seed):
    """So no two can wait for each other."""
    both = Lossy(seed, 0.3)
    for tick in range(STEPS):
        both.step(tick)
        protocol = both.protocol
        assert not ((protocol.asks | protocol.reserved) & (protocol.bound_to != NOBODY)).any()


def alone(asks_of):
    """Three cars, of which the first has asked `asks_of`."""
    protocol = LaneChange(3, 1, PATIENCE, HOLD)
    who = np.array([[True], [False], [False]])
    nothing = np.zeros((3, 1), dtype=np.int64)
    protocol.ask(0, who, nothing, nothing, np.where(who, asks_of, 0))
    return protocol


def listen(protocol, now, came=True, words=None):
    said = protocol.speak() if words is None else words
    heard = Words(*(np.broadcast_to(each, (3, 3, 1)) for each in said))
    protocol.listen(now, np.full((3, 3, 1), came), heard, np.full((3, 1), True))


def test_all_that_are_asked_must_grant_in_time():
    """The first look grants, the second one hears of it."""
    protocol = alone(asks_of=0b110)
    listen(protocol, 1)
    assert protocol.bound_to.ravel().tolist() == [NOBODY, 0, 0]
    assert not protocol.reserved.any()
    listen(protocol, 2)
    assert protocol.reserved.ravel().tolist() == [True, False, False]


@pytest.mark.requirement("LTR5")
def test_a_grant_that_comes_too_late_is_none():
    """The giver is bound all the same, until it hears that the request is over."""
    protocol = alone(asks_of=0b010)
    listen(protocol, 1)
    said = protocol.speak()
    listen(protocol, PATIENCE + 1, words=said)
    assert not protocol.reserved.any()
    assert protocol.bound_to[1, 0] == 0
    listen(protocol, PATIENCE + 2)
    assert protocol.bound_to[1, 0] == NOBODY


@pytest.mark.requirement("LFR3", "LTR5")
def test_a_grant_binds_until_it_expires_though_nothing_more_is_heard():
    """And not a tick longer."""
    protocol = alone(asks_of=0b010)
    listen(protocol, 1)
    for now in range(2, HOLD):
        listen(protocol, now, came=False)
        assert protocol.bound_to[1, 0] == 0
    listen(protocol, HOLD, came=False)
    assert protocol.bound_to[1, 0] == NOBODY


def test_nobody_to_ask_is_everybody_has_granted():
    """On an empty road a wish waits for nobody."""
    assert alone(asks_of=0).reserved[0, 0]


@pytest.mark.parametrize(("cars", "hold", "said"), [(MOST + 1, HOLD, "1 to 62 cars"), (3, PATIENCE, "lasts longer")])
def test_what_cannot_be_is_refused(cars, hold, said):
    """Too many cars for a set of bits, and a reservation that is over before it is granted."""
    with pytest.raises(ValueError, match=said):
        LaneChange(cars, 1, PATIENCE, hold)
