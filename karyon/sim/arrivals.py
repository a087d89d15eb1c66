"""What a scenario may say of how vehicles begin (`start:`), and of cars that cut in (`cut_ins:`)."""

from __future__ import annotations

from math import inf

from pydantic import Field, ValidationInfo

from karyon.sim.channel.fields import FAR, VEHICLES_MAX
from karyon.sim.failure_modes import DAY
from karyon.sim.units import Count, Metres, MetresPerSecond, Seconds, Section, contradiction, refusal


class Apart(Section):
    """A vehicle that comes from behind, and with it those that follow it: they join when they have caught up."""

    vehicle: Count = Field(ge=1, le=VEHICLES_MAX, description="which one, a follower")
    gap: Metres = Field(gt=0, le=FAR, description="initial gap to the vehicle ahead of it")


class Start(Section):
    """How the vehicles stand at time 0."""

    time_gap: Seconds = Field(default=1.6, ge=0, le=30, description="initial gap is 2 m plus this times the speed")
    apart: tuple[Apart, ...] = Field(default=(), description="vehicles that come from behind: entries {vehicle, gap}")


def are_there(start: Start, info: ValidationInfo) -> Start:
    """`start` itself, if the vehicles that come from behind are in the scenario, each once."""
    vehicles = info.data.get("vehicles", VEHICLES_MAX + 1)
    named = [one.vehicle for one in start.apart]
    wrong = []
    for index, vehicle in enumerate(named):
        if vehicle >= vehicles:
            said = contradiction(f"{vehicle} is not in the scenario", f"followers are 1 to {vehicles - 1}")
            wrong.append((("apart", index, "vehicle"), said))
        elif vehicle in named[:index]:
            said = contradiction(f"{vehicle} is given twice", f"first in start.apart[{named.index(vehicle)}]")
            wrong.append((("apart", index, "vehicle"), said))
    if wrong:
        raise refusal(*wrong)
    return start


class CutIn(Section):
    """A car that does not communicate cuts in from the next lane, follows the car ahead of it, and leaves."""

    ahead_of: Count = Field(ge=1, le=VEHICLES_MAX, description="vehicle before which it cuts in, a follower")
    time: Seconds = Field(ge=0, le=DAY, description="from when on it wants to: it waits for room")
    gap: Metres = Field(gt=0, le=1000, description="that it leaves to this vehicle, bumper to bumper")
    relative_speed: MetresPerSecond = Field(
        default=0.0, ge=-50, le=50, description="its speed when it cuts in, less that of this vehicle"
    )
    duration: Seconds | None = Field(
        default=None, gt=0, le=DAY, description="from its time to when it leaves the lane, if it does"
    )

    @property
    def end(self) -> float:
        """When it leaves, in s; inf: it stays."""
        return inf if self.duration is None else self.time + self.duration


def fit(cut_ins: tuple[CutIn, ...], info: ValidationInfo) -> tuple[CutIn, ...]:
    """`cut_ins` themselves, if they are in the scenario, whose fields before them `info` has, one at a time."""
    vehicles, duration = info.data.get("vehicles", VEHICLES_MAX + 1), info.data.get("duration", inf)
    wrong = []
    for index, one in enumerate(cut_ins):
        if one.ahead_of >= vehicles:
            said = contradiction(f"{one.ahead_of} is not in the scenario", f"followers are 1 to {vehicles - 1}")
            wrong.append(((index, "ahead_of"), said))
        if one.time >= duration:
            said = contradiction(f"is not before the end of the scenario, at {duration:g} s")
            wrong.append(((index, "time"), said))
        if (other := _overlapped(one, cut_ins[:index])) is not None:
            said = contradiction(
                f"overlaps cut_ins[{other}] before vehicle {one.ahead_of}", "one car at a time cuts in before a vehicle"
            )
            wrong.append(((index, "time"), said))
    if wrong:
        raise refusal(*wrong)
    return cut_ins


def _overlapped(one: CutIn, others: tuple[CutIn, ...]) -> int | None:
    """Which of the others is before the same vehicle at the same time, if any is."""
    for index, other in enumerate(others):
        if one.ahead_of == other.ahead_of and one.time < other.end and other.time < one.end:
            return index
    return None
