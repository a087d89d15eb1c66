"""Aircraft in the air: point masses with limits on turn, climb and acceleration, in a plane, carried by the wind.

East, north and up of a point in the middle, in m: over the few kilometres of an encounter a plane is within 1 m of any
Earth. A heading is a unit vector, so that nothing but + - * / and square roots make it turn. Arrays (row,), a row is
one aircraft in one run.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.sim.flight.recorded import Replay
from karyon.sim.flight.scenario import FlightScenario, Start
from karyon.sim.streams import Purpose, stream

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CLIMBS = 1.0  # m/s²: change of the rate of climb


class World:
    """All aircraft of a batch of runs.

    x, y, z, east, north, climb, speed   position, heading, rate of climb (m/s), speed through the air
    other    row of each other aircraft of the same run (aircraft, row)
    """

    def __init__(self, scenarios: Sequence[FlightScenario], replay: Replay | None = None) -> None:
        """`replay`: how aircraft 0 of every run flies, whatever it is told."""
        first = scenarios[0]
        self.aircraft, self.vehicles, self.runs = first.aircraft, first.vehicles, len(scenarios)
        begins = np.array([starts(scenario) for scenario in scenarios]).reshape(-1, 6).T
        self.x, self.y, self.z, self.east, self.north, self.speed = (np.ascontiguousarray(each) for each in begins)
        self.climb = np.zeros_like(self.x)
        self.route_x, self.route_y, self.route_z = self.x.copy(), self.y.copy(), self.z.copy()
        self.route_east, self.route_north = self.east.copy(), self.north.copy()
        self.wind_x, self.wind_y = (np.full_like(self.x, blows) for blows in (first.wind.east, first.wind.north))
        number = np.arange(len(self.x)) % self.vehicles
        run = np.arange(len(self.x)) // self.vehicles
        slots = np.arange(self.vehicles - 1)[:, None]
        self.other: Integers = run * self.vehicles + slots + (slots >= number)
        self.number = number
        self.time = 0
        self.is_recorded = (number == 0) & (replay is not None)
        self._replay = replay
        self._fly_recorded()

    @property
    def vx(self) -> Floats:
        """Velocity over ground to the east."""
        return np.asarray(self.speed * self.east + self.wind_x)

    @property
    def vy(self) -> Floats:
        """To the north."""
        return np.asarray(self.speed * self.north + self.wind_y)

    def advance(self, now: int, east: Floats, north: Floats, climb: Floats) -> None:
        """Fly until `now` (ns) towards these headings and rates of climb."""
        step = (now - self.time) / 1e9
        self.time = now
        if step <= 0.0:
            return
        before_x, before_y, before_climb = self.vx, self.vy, self.climb
        self.east, self.north = turned(self.east, self.north, east, north, self.aircraft.turn_rate * step)
        limit = CLIMBS * step
        wanted = np.clip(climb, -self.aircraft.climb_rate, self.aircraft.climb_rate)
        self.climb = self.climb + np.clip(wanted - self.climb, -limit, limit)
        self.x = self.x + 0.5 * step * (before_x + self.vx)
        self.y = self.y + 0.5 * step * (before_y + self.vy)
        self.z = self.z + 0.5 * step * (before_climb + self.climb)
        self._fly_recorded()

    def _fly_recorded(self) -> None:
        """Put the recorded aircraft where it was."""
        if self._replay is None:
            return
        rows = self.is_recorded
        (x, y, z), (vx, vy, vz) = self._replay.at(self.time / 1e9)
        self.x[rows], self.y[rows], self.z[rows], self.climb[rows] = x, y, z, vz
        self.wind_x[rows] = self.wind_y[rows] = 0.0
        speed = float(np.hypot(vx, vy))
        self.speed[rows] = speed
        if speed > 0.0:
            self.east[rows], self.north[rows] = vx / speed, vy / speed

    def reported(self, now: float) -> Floats | None:
        """What the recorded aircraft reports at `now` s (field,); None where there is none."""
        return None if self._replay is None else self._replay.reported(now)

    def apart(self) -> tuple[Floats, Floats]:
        """Horizontal and vertical distance to each other aircraft, m (aircraft, row)."""
        x, y, z = (each[self.other] - each for each in (self.x, self.y, self.z))
        return np.sqrt(x * x + y * y), np.abs(z)


def turned(east: Floats, north: Floats, to_east: Floats, to_north: Floats, angle: float) -> tuple[Floats, Floats]:
    """Headings turned towards others by at most `angle` rad; right where both ways are as far.

    By half-angle tangents: (1 - t²)/(1 + t²) and 2t/(1 + t²) turn by exactly 2 atan t.
    """
    across, along = east * to_north - north * to_east, east * to_east + north * to_north
    half = np.where(along > -1.0 + 1e-12, across / np.maximum(1.0 + along, 1e-12), -1e6)
    most = 0.5 * angle
    half = np.clip(half, -most, most)
    square = half * half
    cosine, sine = (1.0 - square) / (1.0 + square), 2.0 * half / (1.0 + square)
    new_east, new_north = east * cosine - north * sine, north * cosine + east * sine
    length = np.sqrt(new_east * new_east + new_north * new_north)
    return new_east / length, new_north / length


def starts(scenario: FlightScenario) -> list[tuple[float, ...]]:
    """Begin of each aircraft (x, y, z, east, north, speed): given, or on tracks that meet, each a little off."""
    if scenario.starts:
        return [_given(each) for each in scenario.starts]
    meeting, aircraft = scenario.meeting, scenario.aircraft
    draws = stream(scenario.seed, Purpose.ENCOUNTER).uniform(-1.0, 1.0, (scenario.vehicles, 4))
    rows: list[tuple[float, ...]] = []
    for number, (turn, late, aside, up) in enumerate(draws.tolist()):
        track = 2.0 * np.pi * number / scenario.vehicles + meeting.turn * turn
        east, north = float(np.sin(track)), float(np.cos(track))
        back = aircraft.speed * (meeting.time + meeting.late * late)
        x, y = -back * east + meeting.aside * aside * north, -back * north - meeting.aside * aside * east
        rows.append((x, y, meeting.altitude + meeting.above * up, east, north, aircraft.speed))
    return rows


def _given(start: Start) -> tuple[float, ...]:
    east, north = float(np.sin(start.track)), float(np.cos(start.track))
    return start.east, start.north, start.altitude, east, north, start.speed
