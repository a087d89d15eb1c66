"""Who leads each row, what is heard of it, and how far that is believed."""

import numpy as np

from karyon.perception.platoon import Leader, Witness
from karyon.perception.received import CONTENT, M_POSITION, W_DISTANCE, W_SPEED, Told
from karyon.perception.sensors import NEVER, Booleans, Samples
from karyon.sim.group import Group
from karyon.sim.radio import Channel
from karyon.sim.world import World

ALL = slice(0, len(CONTENT))


class Led:
    """The leader that each row follows, or would follow if it joined those ahead (row,); by the row's own belief."""

    def __init__(self, world: World, group: Group, channel: Channel, judge: Leader, vehicle_length: float) -> None:
        """`vehicle_length` in m."""
        self._world, self._group, self._channel = world, group, channel
        self._judge, self._length = judge, vehicle_length
        self._before = group.followed

    @property
    def car(self) -> np.ndarray:
        """The car that leads (row,)."""
        return np.asarray(self._world.own // self._world.vehicles * self._world.vehicles + self._group.followed)

    def newest(self) -> Samples:
        """Its newest message; of a new leader the newest one that was heard before it led."""
        message = self._channel.newest(self._link(self._group.followed))
        message.fresh |= (self._group.followed != self._before) & (message.time != NEVER)
        return message

    def told(self, now: int, message: Samples, running: Booleans | None) -> Told:
        """What its `message` says, as far as it may be believed. `running` False: perception is down in that row."""
        another = self._group.followed != self._before
        self._before = self._group.followed
        return self._judge.update(now, message, self._witness(), another, running)

    def _witness(self) -> Witness:
        """What the car behind the leader says that it sees; behind it, the row itself."""
        behind = np.minimum(self._group.followed + 1, self._world.vehicles - 1)
        said = self._channel.newest(self._link(behind), ALL)
        position = said.value[M_POSITION] + self._length + said.value[W_DISTANCE]
        return Witness(position, said.value[W_SPEED], said.time[0], said.fresh[0])

    def _link(self, place: np.ndarray) -> np.ndarray:
        return self._channel.links.between(self._world.own, place)
