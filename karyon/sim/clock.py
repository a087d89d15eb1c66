"""The clock of a simulation: who goes first at the same instant, what happens again and again, and how far it runs."""

from collections.abc import Callable, Generator
from enum import IntEnum
from heapq import heappush, heapreplace
from math import lcm

import simpy
from simpy.events import EventPriority

from karyon.perception.sensors import nanoseconds, seconds


class Order(IntEnum):
    """Who goes first at the same instant."""

    SCENARIO = 0
    ACTUATOR = 1
    RADIO = 2
    PERCEPTION = 3
    KERNEL = 4
    CONTROL = 5
    WATCH = 6
    RECORD = 7


FOREVER = 2**62  # ns


class At(simpy.Event):
    """A moment `delay` ns from now, with its order among the moments of that instant."""

    def __init__(self, env: simpy.Environment, delay: int, order: Order) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, priority=EventPriority(order), delay=delay)


def repeat(env: simpy.Environment, period: int, phase: int, order: Order, action: Callable[[int], None]) -> None:
    """Tell `action` the time every `period` from `phase` on, all in ns."""

    def process() -> Generator[simpy.Event, None, None]:
        yield At(env, phase, order)
        while True:
            action(int(env.now))
            yield At(env, period, order)

    env.process(process())


class Rota:
    """What happens again and again, each with a period of its own, by one process; it can be skipped ahead.

    Who comes first at an instant is as if each had a process of its own.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._turns: list[tuple[int, Order, int, int]] = []  # when, in which order, told since when, who
        self._who: list[tuple[int, Callable[[int], None]]] = []  # period, action

    def repeat(self, period: int, phase: int, order: Order, action: Callable[[int], None]) -> None:
        """As `repeat`: before `run`."""
        heappush(self._turns, (phase, order, 0, len(self._who)))
        self._who.append((period, action))

    @property
    def period(self) -> int:
        """After which all is the same again, ns."""
        return lcm(*(period for period, _ in self._who))

    @property
    def has_begun(self) -> bool:
        """Whether each has had its first turn: the next ones fill a `period`."""
        return all(since > 0 for _, _, since, _ in self._turns)

    def run(self, ahead: Callable[[int, int], int]) -> None:
        """Begin. Before the turn of who was named first `ahead` is asked by how much to skip (ns), whole periods.

        It is told the time, and by how much at most.
        """
        self._env.process(self._process(ahead))

    def _process(self, ahead: Callable[[int, int], int]) -> Generator[simpy.Event, None, None]:
        while True:
            when, order, _, who = self._turns[0]
            yield At(self._env, when - int(self._env.now), order)
            if who == 0 and (skipped := ahead(when, self._until() - when)):
                self._turns = [(at + skipped, turn, since + skipped, one) for at, turn, since, one in self._turns]
                yield At(self._env, skipped, order)
                continue  # there may be more to skip: what else was due at this instant has had its turn
            period, action = self._who[who]
            heapreplace(self._turns, (when + period, order, when, who))
            action(when)

    def _until(self) -> int:
        """When something else happens, ns."""
        return int(min(self._env.peek(), FOREVER))


def happen(env: simpy.Environment, when: int, action: Callable[[int], None]) -> None:
    """Tell `action` the time once, at `when`, ns: an event of the scenario."""

    def process() -> Generator[simpy.Event, None, None]:
        yield At(env, when, Order.SCENARIO)
        action(int(env.now))

    env.process(process())


def run(
    env: simpy.Environment, end: int, progress: Callable[[float], bool] | None = None, step: float = 1.0
) -> tuple[int, bool]:
    """Run to `end` (ns), what is due then included; the time that was reached (ns), and whether it is the end.

    `progress` is told the simulated time each `step` s, and ends the run by answering False.
    """
    now, complete = 0, True
    while now <= end and complete:
        now = end + 1 if progress is None else min(now + nanoseconds(step), end + 1)
        env.run(until=now)
        if now > end:
            break
        complete = progress is None or progress(float(seconds(now, 0)))
    return min(now, end), complete
