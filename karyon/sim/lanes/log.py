"""The log of a batch of lane changes: faults, doubts, switches with their rule, wishes and manoeuvres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karyon.kernel import Age, Alive, Decision, text
from karyon.kernel import verdict as holds
from karyon.kernel.rules import Validity, leaves
from karyon.perception.following import OWN
from karyon.perception.reckoning import DOUBT
from karyon.sim.events import AFTERMATH, describe, fields_of
from karyon.sim.faults import Placed
from karyon.sim.lanes.signals import OWN_SIGNALS, message, prefix
from karyon.sim.lanes.world import FRONT, RELATIONS

if TYPE_CHECKING:
    from karyon.sim.lanes.sensing import View
    from karyon.sim.lanes.simulation import Simulation

Integers = NDArray[np.int64]

STRANGE = 3_000_000_000  # ns for which a level may fall as there is another car beside: it must be known first


class Log:
    """Events of every run, and the counts that come from them."""

    def __init__(self, simulation: Simulation, faults: Sequence[Placed]) -> None:
        self._s, self.faults, self._vehicles = simulation, faults, simulation.world.vehicles
        cars = simulation.cars
        self.events: list[list[dict[str, Any]]] = [[] for _ in simulation.scenarios]
        names = list(simulation.functions)
        self.switches = {name: np.zeros(cars, dtype=np.int64) for name in names}
        self.false_downgrades = {name: np.zeros(cars, dtype=np.int64) for name in names}
        self.verdicts = {name: [Counter[str]() for _ in range(cars)] for name in names}
        self._another = np.full(cars, -STRANGE - 1)
        self._doubted: NDArray[np.bool_] | None = None

    def add(self, now: int, car: int, kind: str, said: str, **fields: Any) -> None:
        """One event of a car at `now` (ns); what recorded cars would do, and what is before they begin, is no event."""
        if now < self._s.world.begins or not self._s.world.ours[car]:
            return
        run, vehicle = divmod(car, self._vehicles)
        event = {"time": now / 1e9, "vehicle": vehicle, "kind": kind, "text": said, **fields}
        self.events[run].append(event)

    def planned(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """When faults begin and end, and what to note then."""
        if self._s.scenarios[0].recorded is not None:
            yield self._s.world.begins, self._takes_over
        for one in self.faults:
            yield one.onset, partial(self._fault, one, "begins")
            yield one.end, partial(self._fault, one, "ends")

    def _takes_over(self, now: int) -> None:
        for run, scenario in enumerate(self._s.scenarios):
            assert scenario.recorded is not None
            number = scenario.recorded.replace
            self.add(
                now, run * self._vehicles, "recorded", f"takes the place of recorded car {number}", replaced=number
            )

    def _fault(self, one: Placed, change: str, now: int) -> None:
        self.add(now, one.row, "fault", f"{describe(one.fault)} {change}", **fields_of(one))

    def judged(self, now: int, view: View) -> None:
        """Note where the validity of a signal falls below what a check doubts, and where it is back."""
        cars, seen = self._s.cars, view.seen
        rows = [slice(each * cars, (each + 1) * cars) for each in range(RELATIONS)]
        self._another = np.where(self._s.sensing.changed.any(axis=0), now, self._another)
        believed = {
            f"{prefix(each)}.{name.partition('.')[2]}": seen.validity[index, rows[each]]
            for each in range(RELATIONS)
            for index, name in enumerate(OWN[:2])
        }
        believed |= {
            name: seen.validity[2 + index].reshape(RELATIONS, cars).min(axis=0)
            for index, name in enumerate(OWN_SIGNALS)
        }
        doubted = np.stack(list(believed.values())) < DOUBT
        if self._doubted is not None:
            for signal, car in zip(*np.nonzero(doubted != self._doubted), strict=True):
                name = list(believed)[signal]
                word = "is doubted" if doubted[signal, car] else "is believed again"
                self.add(now, int(car), "detection", f"{name} {word}", signal=name)
        self._doubted = doubted

    def switched(self, now: int, name: str, decision: Decision, previous: Integers, cars: Integers) -> None:
        """Changes of the level of service of a function from `previous` (car,), each with the rule that decided."""
        kernel, function = self._s.kernel, self._s.functions[name]
        for car in map(int, cars):
            before, after = int(previous[car]), int(decision.level[car])
            why = kernel.explain(name, car, before, after)
            fields: dict[str, Any] = {"function": name, "from": before, "to": after}
            self.switches[name][car] += 1
            if after < before:
                rule = function.rules[int(decision.deciding[car])]
                failing = [term for term in leaves(rule) if not holds(term, kernel.seen, now).certain[car]]
                verdict = self._verdict(failing)
                self.verdicts[name][car][verdict] += 1
                caused = self._is_failing(now, car) or verdict == "lost" or now - self._another[car] <= STRANGE
                self.false_downgrades[name][car] += not caused
                fields |= {"rule": text(rule), "verdict": verdict, "cause": "fault" if caused else "none known"}
            else:
                fields["rule"] = why.partition(": ")[2]
            self.add(now, car, "los", f"{name} {why}", **fields)

    def _is_failing(self, now: int, car: int) -> bool:
        """Something of its run fails, or has just failed: what one says or does matters to all around."""
        run = car // self._vehicles
        return any(one.place[0] == run and one.onset <= now <= one.end + AFTERMATH for one in self.faults)

    def _verdict(self, terms: Sequence[Any]) -> str:
        """lost, invalid and own lag: an agreement or a message that is too old was not heard."""
        for leaf in terms:
            if isinstance(leaf, Alive):
                return "own_lag"
            if isinstance(leaf, Validity) and leaf.signal not in (
                message(each) for each in range(FRONT + 1, RELATIONS)
            ):
                return "invalid"
            if isinstance(leaf, Age) or not isinstance(leaf, Validity):
                return "lost"
        return "lost" if terms else "invalid"
