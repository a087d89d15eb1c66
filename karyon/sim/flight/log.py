"""The log of a batch of flights: faults, doubts, switches with their rule, lost links, and what was violated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel import Age, Alive, Decision, text
from karyon.kernel import verdict as holds
from karyon.kernel.rules import leaves
from karyon.sim.events import AFTERMATH
from karyon.sim.flight.bounds import ADSB, INTENT, LOCAL, OWN
from karyon.sim.flight.faults import Placed, described
from karyon.sim.flight.scenario import FUNCTION

if TYPE_CHECKING:
    from karyon.sim.flight.simulation import Simulation

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

SIGNALS = (OWN, LOCAL, ADSB, INTENT)
DOUBT = 0.8
ALERTS = (
    "alert 0: clear of traffic",
    "alert 1: preventive",
    "alert 2: not well clear of traffic within 55 s",
    "alert 3: not well clear of traffic within 25 s",
)


class Log:
    """Events of every run, and the counts that come from them."""

    def __init__(self, simulation: Simulation) -> None:
        self._s, self._vehicles = simulation, simulation.world.vehicles
        rows = simulation.rows
        self.events: list[list[dict[str, Any]]] = [[] for _ in simulation.scenarios]
        self.switches = np.zeros(rows, dtype=np.int64)
        self.false_downgrades = np.zeros(rows, dtype=np.int64)
        self.verdicts = [Counter[str]() for _ in range(rows)]
        self._doubted: Booleans | None = None
        runs = len(simulation.scenarios)
        self._windows: list[list[tuple[int, int]]] = [[] for _ in range(runs)]
        for one in simulation.faults.all:
            self._windows[one.run].append((round(one.fault.onset * 1e9), round(min(one.fault.end, 9e9) * 1e9)))

    def add(self, now: int, row: int, kind: str, said: str, **fields: Any) -> None:
        """One event of an aircraft at `now` (ns)."""
        run, vehicle = divmod(row, self._vehicles)
        self.events[run].append(
            {"time": now / 1e9, "vehicle": vehicle, "who": "aircraft", "kind": kind, "text": said, **fields}
        )

    def planned(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """When faults begin and end, and what to note then."""
        for one in self._s.faults.all:
            yield round(one.fault.onset * 1e9), partial(self._fault, one, "begins")
            if one.fault.duration is not None:
                yield round(one.fault.end * 1e9), partial(self._fault, one, "ends")

    def _fault(self, one: Placed, change: str, now: int) -> None:
        fault = one.fault
        fields = {"signal": fault.signal} if fault.signal else {"component": fault.component}
        self.add(now, one.row, "fault", f"{described(fault)} {change}", **fields, mode=fault.mode)

    def judged(self, now: int) -> None:
        """Note where the validity of a signal falls below what a check doubts, and where it is back."""
        doubted = self._s.believed < DOUBT
        if self._doubted is not None and (doubted != self._doubted).any():
            for signal, row in zip(*np.nonzero(doubted != self._doubted), strict=True):
                word = "is doubted" if doubted[signal, row] else "is believed again"
                self.add(now, int(row), "detection", f"{SIGNALS[signal]} {word}", signal=SIGNALS[signal])
        self._doubted = doubted

    def alerted(self, now: int, before: Integers, alerts: Integers) -> None:
        """Changes of the alert of an aircraft."""
        for row in map(int, np.flatnonzero(before != alerts)):
            self.add(now, row, "alert", ALERTS[int(alerts[row])], level=int(alerts[row]))

    def linked(self, now: int, before: Booleans, lost: Booleans) -> None:
        """Aircraft that have lost the ground, or hear it again."""
        for row in map(int, np.flatnonzero(before != lost)):
            said = "has lost the ground: it holds" if lost[row] else "hears the ground again"
            self.add(now, row, "link", said)

    def switched(
        self, now: int, decision: Decision, before: Integers, acting: Integers, admitted: Integers, rows: Integers
    ) -> None:
        """Changes of the level that acts, from `before` to `acting` (row,), each with the rule that decided."""
        kernel, function = self._s.kernel, self._s.function
        for row in map(int, rows):
            was, becomes = int(before[row]), int(acting[row])
            fields: dict[str, Any] = {"function": FUNCTION, "from": was, "to": becomes}
            self.switches[row] += 1
            if int(decision.level[row]) != becomes or int(admitted[row]) == int(decision.level[row]):
                no_more = "no more" if becomes < was else "it"
                self.verdicts[row]["lost"] += becomes < was
                said = f"LoS {was} → {becomes}: the traffic has agreed to {no_more}"
                fields["rule"] = f"cooperation(traffic) >= {max(was, becomes)}"
                self.add(now, row, "los", said, **fields)
                continue
            why = kernel.explain(FUNCTION, row, was, becomes)
            if becomes < was and decision.deciding[row] >= 0:
                rule = function.rules[int(decision.deciding[row])]
                failing = [term for term in leaves(rule) if not holds(term, kernel.seen, now).certain[row]]
                verdict = _verdict(failing)
                self.verdicts[row][verdict] += 1
                caused = verdict in ("late", "lost") or self._is_failing(now, row)
                self.false_downgrades[row] += not caused
                fields |= {"rule": text(rule), "verdict": verdict, "cause": "fault" if caused else "none known"}
            else:
                fields["rule"] = why.partition(": ")[2]
            self.add(now, row, "los", why, **fields)

    def _is_failing(self, now: int, row: int) -> bool:
        """Something of its run fails, or has just failed: what one says or does matters to all around."""
        return any(begin <= now <= end + AFTERMATH for begin, end in self._windows[row // self._vehicles])


def _verdict(terms: list[Any]) -> str:
    if any(isinstance(term, Alive) for term in terms):
        return "own_lag"
    return "lost" if any(isinstance(term, Age) for term in terms) else "invalid"
