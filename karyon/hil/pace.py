"""SimPy's environment in real time: an event happens when its time has come, and how late it began is known."""

import time

import simpy


class RealTime(simpy.Environment):
    """One ns of simulated time is one ns of real time.

    started   time 0 by the bench's clock, ns
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Simulated time 0 is now."""
        self.started = time.monotonic_ns()

    @property
    def elapsed(self) -> int:
        """Real time since the beginning, ns."""
        return time.monotonic_ns() - self.started

    def step(self) -> None:
        """Wait for the next event, and let it happen."""
        due = int(self.peek())
        while (early := due - self.elapsed) > 0:
            time.sleep(early / 1e9)
        super().step()
