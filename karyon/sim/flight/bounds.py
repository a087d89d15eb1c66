"""Design-time bounds of a design of flight: how long what goes bad may stay in command.

A position is bad once its error exceeds what the design tolerates, and who is there is within the range of the own
sensor: further away a report that drifts slowly is not seen to be wrong, and does no harm yet. The gate between
positions, and the one between ADS-B and the own sensor, are both below what is tolerated: one report shows it. A
repeated position is doubted from its second repeat on.
"""

from collections.abc import Iterator
from math import inf, sqrt

from karyon.flight import tracks
from karyon.kernel import Design, fault_handling_bound, switch_bound
from karyon.kernel.design import Function, Signal
from karyon.sim import analysis
from karyon.sim.analysis import Bound, Report, Ways
from karyon.sim.flight.scenario import FUNCTION, FlightScenario
from karyon.sim.flight.sensing import FRESH
from karyon.sim.scenario import Loaded

OWN, LOCAL, ADSB, INTENT = "own.position", "traffic.all.local", "traffic.all.adsb", "traffic.all.intent"
SEEN_AT_ONCE = ("offset", "drift", "noise")
LATE = ("omission", "delay")
COMPONENT = ("hang", "crash")
SPEED = 50.0  # m/s, of an aircraft
REPEATS = 2  # after which a position is doubted


def bounds(design: Design, function: Function) -> Iterator[Bound]:
    """The bound of every signal and component that a rule of the function names, for each of its failure modes."""
    signals = {signal.name: signal for signal in design.signals}
    deadlines = {component.name: component.deadline for component in design.components}
    for item, guard in analysis.guards(function).items():
        if item in deadlines:
            found = dict.fromkeys(COMPONENT, deadlines[item])
        else:
            found = _detection(signals[item], analysis.age_limit(function, item))
        for mode, seconds in found.items():
            handling = fault_handling_bound(seconds, design.timing, function.levels[guard - 1].reach)
            yield Bound(function.name, item, mode, guard, seconds, switch_bound(seconds, design.timing), handling)


def seen_by(design: Design, function: Function, item: str, mode: str) -> Ways:
    """Ways in which a failure of a guarded item is detected, one for each of those that `bounds` has a time for."""
    if item in {component.name for component in design.components}:
        return (("heartbeat",),)
    ways = {"stuck_at": "repeated position", "missed": "absent where ADS-B has it"} | dict.fromkeys(LATE, "age limit")
    return ((ways.get(mode, "gate of positions"),),)


def _detection(signal: Signal, age: float) -> dict[str, float]:
    """Detection time of each failure mode, s."""
    late = dict.fromkeys(LATE, age)
    if signal.unit == "message":
        return late
    period = signal.period or 1.0
    seen = period if gate(signal) <= (signal.tolerated or inf) else inf
    missed = {"missed": 3.0 * period} if signal.name == LOCAL else {}
    stated = {"degraded": period} if signal.name == OWN else {}
    return dict.fromkeys(SEEN_AT_ONCE, seen) | {"stuck_at": REPEATS * period} | missed | stated | late


def gate(signal: Signal) -> float:
    """Error of a position that is seen for certain, in m: beyond the gate, and what the noise may hide of it."""
    noise = signal.noise or 0.0
    reckoned = 0.5 * tracks.MANOEUVRE + tracks.RECKONING * SPEED
    return tracks.GATE * sqrt(2.0) * noise + 5.0 * FRESH + reckoned


def analysed(loaded: Loaded[FlightScenario]) -> Report:
    """The analysis of the design of a scenario of flight."""
    limit = loaded.scenario.flight.max_los
    design = loaded.design if limit is None else loaded.design.limited(FUNCTION, limit)
    return analysis.analyse(loaded.name, design, loaded.warnings, bounds)
