"""The log of a batch at a crossing: faults, changes of the level with the rule that decided, steps of cooperation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel import Age, Alive, Decision, Validity, text
from karyon.kernel import verdict as holds
from karyon.kernel.rules import leaves
from karyon.sim.events import describe
from karyon.sim.faults import Placed

if TYPE_CHECKING:
    from karyon.sim.intersection.simulation import Simulation

AFTERMATH = 10_000_000_000  # ns after a fault in which a downgrade still counts as caused by it
AGREEMENT = "cooperation(crossing) >= 3"


class Log:
    """Events of every run, and the counts that come from them (row,)."""

    def __init__(self, simulation: Simulation) -> None:
        self._s = simulation
        self.events: list[list[dict[str, Any]]] = [[] for _ in simulation.scenarios]
        self.switches, self.false_downgrades = np.zeros((2, simulation.rows), dtype=np.int64)
        self._fallen = np.zeros(simulation.rows, dtype=bool)
        self._coordinator = np.full(simulation.shape[0], -1)

    def add(self, now: int, row: int, kind: str, said: str, **fields: Any) -> None:
        """One event of a row at `now` (ns); what recorded cars would do is none, nor what is before ours begins."""
        run, car = divmod(row, self._s.shape[1])
        if now < self._s.world.begins or not self._s.world.ours[car]:
            return
        self.events[run].append({"time": now / 1e9, "vehicle": car, "kind": kind, "text": said, **fields})

    def planned(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """When faults begin and end, and what to note then; of a fault of all cars once."""
        if self._s.scenarios[0].recorded is not None:
            yield self._s.world.begins, self._takes_over
        told = set()
        for one in self._s.faults:
            if one.place not in told:
                told.add(one.place)
                yield one.onset, partial(self._fault, one, "begins")
                yield one.end, partial(self._fault, one, "ends")

    def _takes_over(self, now: int) -> None:
        for run, scenario in enumerate(self._s.scenarios):
            assert scenario.recorded is not None
            number = scenario.recorded.replace
            self.add(
                now, run * self._s.shape[1], "recorded", f"takes the place of recorded car {number}", replaced=number
            )

    def _fault(self, one: Placed, change: str, now: int) -> None:
        fault = one.fault
        name = {"signal": fault.signal} if fault.signal else {"component": fault.component}
        fields = {**name, "mode": fault.mode, "parameters": dict(fault.parameters), "of_all": fault.vehicle == "all"}
        self.add(now, one.row, "fault", f"{describe(fault)} {change}", **fields)

    def switched(self, now: int, before: NDArray[np.int64], decision: Decision) -> None:
        """Changes of the level of cars that are here, from `before` (row,), each with the rule that decided."""
        after = self._s.decided
        for row in map(int, np.flatnonzero((after != before) & self._s.world.here.ravel())):
            self._switch(now, row, int(before[row]), int(after[row]), decision)
        self._elected(now)

    def _switch(self, now: int, row: int, before: int, after: int, decision: Decision) -> None:
        s = self._s
        self.switches[row] += 1
        self._fallen[row] |= after < before
        fields: dict[str, Any] = {"function": s.function.name, "from": before, "to": after}
        fields |= {"comes": True} if not self._fallen[row] else {}  # into service, having just appeared
        if int(decision.level[row]) != after or decision.level[row] == decision.previous[row]:
            no_more = "no more" if after < before else "it"
            said = f"LoS {before} → {after}: those around have agreed to {no_more}"
            self.add(now, row, "los", said, **fields, rule=AGREEMENT)
            return
        why = s.kernel.explain(s.function.name, row, before, after)
        if after > before:
            self.add(now, row, "los", why, **fields, rule=why.partition(": ")[2])
            return
        rule = s.function.rules[int(decision.deciding[row])]
        failing = [leaf for leaf in leaves(rule) if not holds(leaf, s.kernel.seen, now).certain[row]]
        verdict = "own_lag" if any(isinstance(leaf, Alive) for leaf in failing) else "invalid"
        verdict = "lost" if any(isinstance(leaf, Age) for leaf in failing) else verdict
        failed = any(one.onset <= now <= one.end + AFTERMATH for one in s.faults if one.place[0] == row // s.shape[1])
        is_false = any(isinstance(leaf, Validity) for leaf in failing) and not failed
        self.false_downgrades[row] += is_false
        cause = "none known" if is_false else "fault"
        self.add(now, row, "los", why, **fields, rule=text(rule), verdict=verdict, cause=cause)

    def _elected(self, now: int) -> None:
        """Changes of the car that the most take for the coordinator, told once each."""
        s = self._s
        for run in range(s.shape[0]):
            found = s.agreement.coordinator[run][s.world.here[run]]
            found = found[found >= 0]
            now_it = int(np.bincount(found).argmax()) if len(found) else -1
            if now_it != self._coordinator[run]:
                self._coordinator[run] = now_it
                row = run * s.shape[1] + max(now_it, 0)
                said = "is elected coordinator" if now_it >= 0 else "nobody coordinates any more"
                self.add(now, row, "coordinator", said, coordinator=now_it)
