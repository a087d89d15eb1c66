"""The clock of a simulation: who goes first at the same instant, what happens again and again, and how far it runs."""

from collections.abc import Callable, Generator
from enum import IntEnum

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
        now = min(now + nanoseconds(step), end + 1)
        env.run(until=now)
        if now > end:
            break
        complete = progress is None or progress(float(seconds(now, 0)))
    return min(now, end), complete
