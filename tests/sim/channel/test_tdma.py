"""Slots that cars choose for themselves: who loses what, that they part, and that they stay apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.sim.channel import Air, Links
from karyon.sim.channel.fields import Tdma
from karyon.sim.channel.tdma import Slots
from tests.reference import radio as reference

PERIOD = 100_000_000  # ns


class Road:
    """Cars that stand still and send in their slots; `lossy` links lose what the slots do not."""

    def __init__(self, members, slots, position, runs=1, reach=500.0):
        self.links = Links.everyone(runs, members)
        self.model = Slots(self.links, list(range(runs)), Tdma(slots=slots, range=reach), period=0.1)
        self.position, self.now = np.tile(np.asarray(position, dtype=float), runs), 0
        self.silent = np.zeros(runs * members, dtype=bool)

    def frames(self, count, lossy=False):
        """Collisions per frame (frame, run), and the slots in each (frame, car)."""
        collisions, slots = [], []
        for _ in range(count):
            before = self.model.collisions.copy()
            slots.append(self.model.slot.copy())
            loss = self.model.loss(Air.of(self.links, self.now, self.position, self.silent))
            self.model.end_frame((loss == 0.0) & ~self.silent[self.links.sender] & ~np.bool_(lossy))
            collisions.append(self.model.collisions - before)
            self.now += PERIOD
        return np.array(collisions), np.array(slots)


@pytest.mark.parametrize(("members", "slots"), [(2, 2), (3, 3), (8, 8), (8, 20), (20, 30)])
def test_slots_converge_and_stay(members, slots):
    """In 50 runs, also where there is no slot to spare: within 3 s, and then nobody moves for half a minute."""
    road = Road(members, slots, -20.0 * np.arange(members), runs=50)
    collisions, _ = road.frames(30)
    assert (collisions.sum(axis=0) > 0).any()
    collisions, chosen = road.frames(300)
    assert not collisions.any()
    assert (chosen == chosen[0]).all()


def test_hidden_stations_part_too():
    """A row of cars that hear only their neighbours: those two apart collide at the one between, which tells them."""
    road = Road(6, 6, -400.0 * np.arange(6), runs=100)
    road.frames(60)
    _, chosen = road.frames(200)
    assert (chosen == chosen[0]).all()
    slot = chosen[0].reshape(100, 6)
    assert (slot[:, 1:] != slot[:, :-1]).all()
    assert (slot[:, 2:] != slot[:, :-2]).all()


def test_two_groups_that_meet_part_again():
    """Far from each other they use the same slots; when they join there are collisions, and soon none."""
    apart = np.concatenate([-20.0 * np.arange(4), -5000.0 - 20.0 * np.arange(4)])
    road = Road(8, 10, apart, runs=100)
    road.frames(50)
    assert not road.frames(50)[0].any()
    road.position = np.tile(-20.0 * np.arange(8), 100)
    assert road.frames(1)[0].any()
    road.frames(50)
    assert not road.frames(100)[0].any()


def test_they_part_also_while_no_message_is_heard():
    """While no report is heard two that chose alike still part by their signals."""
    road = Road(8, 12, -20.0 * np.arange(8), runs=50)
    assert road.frames(1, lossy=True)[0].any()
    road.frames(100, lossy=True)
    assert not road.frames(100)[0].any()


places = st.lists(st.integers(0, 12).map(lambda n: 125.0 * n), min_size=5, max_size=5)


@given(places, st.lists(st.integers(0, 3), min_size=5, max_size=5), st.sets(st.integers(0, 4)))
def test_what_overlaps_is_lost_on_each_link(position, slots, silent):
    """Against pairs looked at one by one."""
    road = Road(5, 4, position)
    road.model.slot = np.array(slots)
    is_silent = [car in silent for car in range(5)]
    loss = road.model.loss(Air.of(road.links, 0, road.position, np.array(is_silent))).reshape(5, 5)
    for receiver in range(5):
        for sender in range(5):
            lost = reference.slot_lost(position, is_silent, slots, receiver, sender, 500.0)
            assert receiver == sender or loss[receiver, sender] == lost
    assert road.model.collisions[0] == reference.slot_collisions(position, is_silent, slots, 500.0)


def test_a_message_waits_for_its_slot():
    road = Road(4, 10, np.zeros(4))
    road.model.slot = np.array([0, 3, 9, 5])
    delay = road.model.delay(Air.of(road.links, 0, road.position, road.silent)).reshape(4, 4)
    assert delay[2] == pytest.approx([0.0, 0.03, 0.09, 0.05])
