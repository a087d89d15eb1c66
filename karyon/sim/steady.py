"""Plays what is the same from period to period, whatever fails and whoever switches: see `karyon.compiled.Tape`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from karyon.compiled import Program
from karyon.compiled.tape import Call
from karyon.perception.sensors import nanoseconds, seconds
from karyon.sim.clock import Rota

if TYPE_CHECKING:
    from karyon.sim.engine import Simulation


class Steady:
    """Of one simulation: what a period comes to, once that is known.

    played   ns so far
    """

    def __init__(self, simulation: Simulation, rota: Rota) -> None:
        s = self._s = simulation
        first = s.scenarios[0]
        self._rota, self._period = rota, rota.period * s.channel.slots
        self._send_period = nanoseconds(first.radio.period)
        self._look_period = nanoseconds(s.design.timing.perception_period)
        others = s.group, s.outside, s.generation, s.readers, first.leader.driver
        is_prompt = s.channel.is_prompt
        is_alone = all(each is None for each in others) and not len(s.world.strangers)
        self._can = s.enabled and is_alone and is_prompt and first.kind == "acc"
        self._began, self._first = 0, list[Call]()
        self._program: Program | None = None
        self._learned: tuple[int, list[int]] = 0, []  # version of the tape, rooms of the channel
        self._ages: list[int] = []
        self.played = 0

    def rest(self) -> None:
        """Play nothing: all is done by Python, and can be watched from outside."""
        self._can = False

    def ahead(self, now: int, most: int) -> int:
        """Play from `now` (ns) on, for at most so long; answers how long, ns, in whole periods."""
        if not self._can or self._s.trace.told or (now - self._began) % self._period:
            return 0  # who is told of each instant is told at once
        if self._program is None or self._learned != (self._s.tape.version, self._s.channel.rooms):
            self._learn(now)
            return 0
        periods = min(most // self._period, self._drawn())
        if periods <= 0:
            return 0
        self._program.play((now - self._began) // self._period + 1, periods)
        by = periods * self._period
        self._s.carry_on(by, periods, self._ages)
        self.played += by
        return by

    def timed(self, now: int, duration: int) -> Mapping[str, float]:
        """CPU time of a second that is played, in s by formula, on average over a `duration` (ns) that is played.

        The simulation is of no use then. Raises RuntimeError where nothing can be played at `now` (ns).
        """
        if self._program is None or (now - self._began) % self._period:
            raise RuntimeError(f"nothing is played at {now} ns")
        periods = duration // self._period
        taken = self._program.timed((now - self._began) // self._period + 1, periods)
        return {name: each / seconds(periods * self._period, 0) for name, each in taken.items()}

    def _learn(self, now: int) -> None:
        """Record two periods, one after the other, from which the program is made."""
        s = self._s
        radio, found, ages = s.metrics.radio, s.tape.recorded(), s.metrics.radio.ages
        self._program, self._began, radio.ages = None, now, None
        if self._first and found:
            self._program = Program.of(self._first, found)
            self._learned, self._ages = (s.tape.version, s.channel.rooms), ages or []
        self._first = found
        if self._program is None and self._rota.has_begun and s.is_quick:
            radio.ages = []
            s.tape.record()

    def _drawn(self) -> int:
        """For how many periods there are random numbers."""
        s = self._s
        looks, sendings = self._period // self._look_period, self._period // self._send_period
        return min(s.sensors.drawn // looks, s.messages.drawn // sendings)
