"""Makes up `made_up.csv` beside this file: three cars on a round track, in the format of OpenACC.

    python scenarios/recordings/make_up.py

No car ever drove this. The leader changes its speed as in town traffic, between 5 and 16 m/s; two cars with adaptive
cruise control follow it, by the intelligent driver model [Treiber, Hennecke, Helbing 2000]. As in a real recording
there is noise, and receivers lose fixes. The track touches 0° N 0° E, where there is only sea.
"""

from itertools import pairwise
from math import cos, sin, sqrt
from pathlib import Path
from random import Random

SEED = 7
RATE = 10  # Hz
ROWS = 120 * RATE + 1
START = 300.0  # s, time stamp of the first row
CARS = 3

# Time (s) from which on the leader aims at a speed (m/s), and how fast it changes (m/s²).
SETPOINTS = [
    (0, 12),
    (12, 16),
    (28, 7),
    (38, 5),
    (46, 13),
    (60, 8),
    (68, 14),
    (82, 10),
    (90, 15.5),
    (103, 6),
    (112, 12),
]
ACCELERATION, DECELERATION = 1.2, 1.8
SMOOTHING = 5  # rows to either side over which the leader's acceleration sets in

# The followers: wanted speed (m/s), time gap (s), standstill gap (m), acceleration and comfortable deceleration (m/s²).
WANTED_SPEED, TIME_GAP, STANDSTILL, FOLLOWER_ACCELERATION, COMFORTABLE = 25.0, 1.3, 2.0, 1.5, 2.0
LENGTH = 4.5  # m

RADIUS = 250.0  # m
DEGREE_NORTH, DEGREE_EAST = 110_574.0, 111_320.0  # m at the equator

SPEED_NOISE, POSITION_NOISE, ALTITUDE_NOISE = 0.005, 0.02, 0.05  # m/s, m, m; one sigma
LOSSES = ((1, 415, 3), (1, 902, 6), (2, 640, 5), (3, 150, 14), (3, 1010, 2))  # car, row, rows without a fix

Rows = list[list[float]]
"""One list per car, one number per row."""


def made_up() -> str:
    """The whole file. The same text whenever it is called."""
    speeds = [leader()]
    positions = [travelled(speeds[0], start=0.0)]
    for _ in range(1, CARS):
        speed, position = follower(speeds[-1], positions[-1])
        speeds.append(speed)
        positions.append(position)
    noise = Random(SEED)
    rows = [row(index, speeds, positions, noise) for index in range(ROWS)]
    return "\n".join([*header(), *rows]) + "\n"


def leader() -> list[float]:
    """Speed of the first car in m/s, without steps of its acceleration."""
    speed = float(SETPOINTS[0][1])
    sharp = []
    for index in range(ROWS):
        target = [wanted for time, wanted in SETPOINTS if time * RATE <= index][-1]
        speed += min(max(target - speed, -DECELERATION / RATE), ACCELERATION / RATE)
        sharp.append(speed)
    padded = [sharp[0]] * SMOOTHING + sharp + [sharp[-1]] * SMOOTHING
    width = 2 * SMOOTHING + 1
    return [sum(padded[index : index + width]) / width for index in range(ROWS)]


def follower(lead_speed: list[float], lead_position: list[float]) -> tuple[list[float], list[float]]:
    """Speed (m/s) and position (m) of a car behind another one, which it follows at its time gap from the start."""
    speed = lead_speed[0]
    position = lead_position[0] - LENGTH - STANDSTILL - TIME_GAP * speed
    speeds, positions = [speed], [position]
    for ahead, where in zip(lead_speed[:-1], lead_position[:-1], strict=True):
        accelerated = max(0.0, speed + intelligent_driver(where - position - LENGTH, speed, ahead) / RATE)
        position += (speed + accelerated) / 2 / RATE
        speed = accelerated
        speeds.append(speed)
        positions.append(position)
    return speeds, positions


def intelligent_driver(gap: float, speed: float, ahead: float) -> float:
    """Acceleration in m/s² at a gap (m) to a car that drives at the speed `ahead` (m/s)."""
    closing = speed * (speed - ahead) / (2 * sqrt(FOLLOWER_ACCELERATION * COMFORTABLE))
    wanted_gap = STANDSTILL + max(0.0, TIME_GAP * speed + closing)
    free, near = speed / WANTED_SPEED, wanted_gap / gap
    return FOLLOWER_ACCELERATION * (1 - free * free * free * free - near * near)


def travelled(speeds: list[float], start: float) -> list[float]:
    """Position in m along the track, from the speed in m/s."""
    positions = [start]
    for before, after in pairwise(speeds):
        positions.append(positions[-1] + (before + after) / 2 / RATE)
    return positions


def header() -> list[str]:
    """OpenACC's five lines about the recording, then the names."""
    per_car = ("Speed", "E", "N", "Lon", "Lat", "Alt")
    names = [f"{name}{car}" for car in range(1, CARS + 1) for name in per_car]
    gaps = [f"IVS{car}" for car in range(1, CARS)]
    return [
        "Date,1,1,2000,made up by make_up.py: no car ever drove this",
        "Vehicle_order," + ",".join(["MADE_UP"] * CARS),
        f"Number_of_vehicles,{CARS}",
        "ACC,1",
        "Distance_setting,M",
        ",".join(["Time", *names, *gaps]),
    ]


def row(index: int, speeds: Rows, positions: Rows, noise: Random) -> str:
    """One line of the file. Noise is drawn for lost cells, too: a loss changes no other cell."""
    cells = [f"{START + index / RATE:.1f}"]
    for car in range(CARS):
        measured = fix(speeds[car][index], positions[car][index], noise)
        cells += [""] * len(measured) if is_lost(car, index) else measured
    for car in range(CARS - 1):
        gap = positions[car][index] - positions[car + 1][index] - LENGTH + noise.gauss(0, POSITION_NOISE)
        cells.append("" if is_lost(car, index) or is_lost(car + 1, index) else f"{gap:.3f}")
    return ",".join(cells)


def fix(speed: float, position: float, noise: Random) -> list[str]:
    """What the receiver of a car reports: speed, east, north, longitude, latitude, altitude."""
    east = RADIUS * sin(position / RADIUS) + noise.gauss(0, POSITION_NOISE)
    north = RADIUS * (1 - cos(position / RADIUS)) + noise.gauss(0, POSITION_NOISE)
    return [
        f"{speed + noise.gauss(0, SPEED_NOISE):.4f}",
        f"{east:.3f}",
        f"{north:.3f}",
        f"{east / DEGREE_EAST:.9f}",
        f"{north / DEGREE_NORTH:.9f}",
        f"{100 + noise.gauss(0, ALTITUDE_NOISE):.2f}",
    ]


def is_lost(car: int, index: int) -> bool:
    """Whether the receiver of a car (counted from 0) has no fix in a row."""
    return any(lost == car + 1 and first <= index < first + count for lost, first, count in LOSSES)


if __name__ == "__main__":
    Path(__file__).with_name("made_up.csv").write_text(made_up(), encoding="ascii", newline="\n")
