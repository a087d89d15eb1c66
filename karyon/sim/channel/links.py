"""Who may hear whom, what a model is told of one transmission, and what it answers; arrays (link,)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from karyon.sim.streams import Purpose, Singles, UniformBlocks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """All pairs of cars of which one may hear the other, run by run; car = run * members + vehicle.

    receiver, sender   cars of each link (link,)
    of_car_ahead       the link on which each row hears the car ahead of it (row,)
    """

    runs: int
    members: int
    receiver: Integers
    sender: Integers
    of_car_ahead: Integers

    @classmethod
    def ahead(cls, runs: int, members: int) -> Links:
        """Each follower hears the car ahead of it: a link is a row."""
        cars = np.arange(runs * members)
        followers = cars[cars % members != 0]
        return cls(runs, members, followers, followers - 1, np.arange(len(followers)))

    @classmethod
    def everyone(cls, runs: int, members: int) -> Links:
        """Everyone of a run may hear everyone; (run, receiver, sender), each car also itself."""
        cars = np.arange(runs * members)
        receiver = np.repeat(cars, members)
        sender = receiver // members * members + np.tile(np.arange(members), runs * members)
        followers = cars[cars % members != 0]
        return cls(runs, members, receiver, sender, followers * members + followers % members - 1)

    def between(self, receiver: Integers, place: Integers) -> Integers:
        """Where everyone hears everyone: the link on which each car hears the vehicle at that place of its run."""
        return receiver * self.members + place

    @property
    def per_run(self) -> int:
        """Links of one run."""
        return len(self.receiver) // self.runs


@dataclass(frozen=True, slots=True, eq=False)
class Air:
    """One transmission of all cars.

    now        ns
    position   of each car along the road, m (car,)
    distance   from sender to receiver, m, >= 0 (link,)
    silent     cars that send nothing (car,)
    """

    now: int
    position: Floats
    distance: Floats
    silent: Booleans

    @classmethod
    def of(cls, links: Links, now: int, position: Floats, silent: Booleans) -> Air:
        """What the models are told of a transmission at `now`."""
        return cls(now, position, np.abs(position[links.receiver] - position[links.sender]), silent)


class LinkModel:
    """One effect of the air on all links of all runs. What it does not override, it leaves alone.

    `loss` and `delay` are asked once per transmission each. They answer a number per link, whatever comes in, and
    a run gets the same bits alone and in a batch: so chance comes from `uniform`, and nothing is computed across runs.
    `karyon.sim.channel.contract.broken` tries that out.
    """

    purpose: ClassVar[Purpose] = Purpose.OWN_RADIO_MODEL

    def __init__(self, links: Links, seeds: Sequence[int]) -> None:
        """`seeds`: one per run."""
        self.links = links
        self._uniform = UniformBlocks(seeds, self.purpose, 1, links.per_run)

    def uniform(self) -> Singles:
        """Numbers from [0, 1) that no one has drawn before (link,)."""
        drawn: Singles = self._uniform.next()[0]
        return drawn

    def loss(self, air: Air) -> Floats:
        """Probability that each link loses the message (link,)."""
        return np.zeros(air.distance.shape)

    def delay(self, air: Air) -> Floats:
        """Time in s that each message takes on top of what others add (link,), >= 0."""
        return np.zeros(air.distance.shape)
