"""When and on whom the faults of a batch of runs act; all faults of one signal and mode at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karyon.sim.flight.scenario import NEEDS, FlightFault, FlightScenario
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

DRAWING = ("noise", "degraded", "omission")  # modes with random numbers of their own: three a second

NORMAL = ("noise", "degraded")  # those of them that draw normal numbers


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault of one aircraft of one run: `index` in its scenario, and the row it befalls. Times in s."""

    fault: FlightFault
    run: int
    index: int
    row: int


def placed(scenarios: Sequence[FlightScenario]) -> list[Placed]:
    """All faults of a batch, `all` taken apart."""
    found = []
    for run, scenario in enumerate(scenarios):
        for index, fault in enumerate(scenario.faults):
            numbers = range(scenario.vehicles) if fault.vehicle == "all" else (int(fault.vehicle),)
            found += [Placed(fault, run, index, run * scenario.vehicles + number) for number in numbers]
    return found


def described(fault: FlightFault) -> str:
    """A fault in words: `own.adsb of aircraft 2: stuck_at`."""
    parameter = NEEDS.get(fault.mode)
    value = "" if parameter is None else f" {getattr(fault, parameter):g}"
    who = "all aircraft" if fault.vehicle == "all" else f"aircraft {fault.vehicle}"
    return f"{fault.signal or fault.component} of {who}: {fault.mode}{value}"


class Group:
    """All faults of one signal or component and mode.

    rows, onset, end   of each; s
    """

    def __init__(self, faults: Sequence[Placed], scenarios: Sequence[FlightScenario]) -> None:
        self.faults = faults
        self.mode = faults[0].fault.mode
        self.rows: Integers = np.array([one.row for one in faults])
        self.onset = np.array([one.fault.onset for one in faults])
        self.end = np.array([one.fault.end for one in faults])
        self._parameter = np.array(
            [float(getattr(one.fault, NEEDS.get(self.mode, "probability")) or 0.0) for one in faults]
        )
        self.changed = np.zeros(len(faults), dtype=np.int64)
        self._draws: Floats | None = None
        if self.mode in DRAWING:
            seconds = int(scenarios[0].duration) + 2
            self._draws = np.stack([_drawn(one, scenarios[one.run], seconds, self.mode) for one in faults])

    def active(self, now: float) -> tuple[Integers, Integers, Floats, Floats]:
        """Which of the faults act at `now` s, on which rows, their parameter, and how long they have lasted."""
        which = np.flatnonzero((self.onset <= now) & (now < self.end))
        self.changed[which] += 1
        return which, self.rows[which], self._parameter[which], now - self.onset[which]

    def draws(self, which: Integers, now: float) -> Floats:
        """Three random numbers of each of these faults in this second (3, fault)."""
        assert self._draws is not None
        return self._draws[which, :, int(now)].T


class Faults:
    """All faults of a batch by what they befall."""

    def __init__(self, scenarios: Sequence[FlightScenario]) -> None:
        self.all = placed(scenarios)
        named: dict[tuple[str, str], list[Placed]] = {}
        for one in self.all:
            named.setdefault((str(one.fault.signal or one.fault.component), one.fault.mode), []).append(one)
        self._groups = {key: Group(members, scenarios) for key, members in named.items()}

    def of(self, item: str) -> list[Group]:
        """The groups of a signal or a component."""
        return [group for (name, _), group in self._groups.items() if name == item]

    def down(self, component: str, now: float, rows: int) -> Booleans:
        """Which rows have this component hanging or crashed (row,)."""
        is_down = np.zeros(rows, dtype=bool)
        for group in self.of(component):
            is_down[group.active(now)[1]] = True
        return is_down

    def unused(self, run: int) -> list[str]:
        """Faults of a run that have changed nothing."""
        counts: dict[int, int] = {}
        told: dict[int, str] = {}
        for group in self._groups.values():
            for one, changed in zip(group.faults, group.changed.tolist(), strict=True):
                if one.run == run:
                    counts[one.index] = counts.get(one.index, 0) + changed
                    told[one.index] = described(one.fault)
        return [f"fault {index + 1} ({told[index]}) changed no sample" for index in sorted(counts) if not counts[index]]


def _drawn(one: Placed, scenario: FlightScenario, seconds: int, mode: str) -> Floats:
    number = one.row % scenario.vehicles  # and not its row: a run has the same bits in any batch
    random = stream(scenario.seed, Purpose.FAULTS + one.index * 100_000 + number)
    return random.standard_normal((3, seconds)) if mode in NORMAL else random.random((3, seconds))
