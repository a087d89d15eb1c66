"""KARYON's platoon beside those of SUMO and Plexe, all driven in one run; `make compare` writes docs/beside_sumo.md.

    python -m karyon.sim.comparison docs

Same leader, same lag, same time gap at 25 m/s. Two questions: are our laws those of the others (`agreement`, the law
alone), and what does a platoon do as a whole (`drives`, the law with kernel and barrier)?
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pyarrow import parquet

from karyon.control.cooperative import Law, PathLaw, Ploeg
from karyon.control.situation import Floats
from karyon.sim import bare, comparison_plot, leaders, sumo
from karyon.sim.bare import PERIOD, Motion
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.sumo import Controller

CARS, LAG, SPEED = 8, 0.2, 25.0  # vehicles, s, m/s
TIME_GAP, STANDSTILL = 0.5, 2.0  # s, m
SPACING = STANDSTILL + TIME_GAP * SPEED  # m: what a constant distance is held against the time gap with
PLOEG = {"gain": 0.2, "gain_rate": 0.7}  # Plexe's own numbers
PATH = {"leader_share": 0.5, "damping": 1.0, "bandwidth": 0.2}  # Plexe's own numbers
BEGIN = 40.0  # s: by then all platoons have formed
TRAFFIC = ((0, 25), (BEGIN, 21), (48, 27), (60, 22), (70, 28), (84, 25))  # s, m/s
GENTLE, HARD = 1.5, 6.0  # m/s²
STOPS = (0.0, 1.0, 5.0)  # s before the leader brakes: messages stop
SHOWN = 1.0  # of these, in the figure
SWINGING = 60.0  # s, of the law alone
SLOW = 3.0  # m/s, to which it brakes
END, AFTER = 100.0, 20.0  # s, of the drive in traffic; after the leader has begun to brake
STILL = (  # hardly any noise: a sensor without any repeats itself, and is taken for stuck
    "sensors={front.distance: {sigma: 0.001}, front.relative_speed: {sigma: 0.001}, own.speed: {sigma: 0.001}, "
    "own.acceleration: {sigma: 0.001}, own.position: {sigma: 0.001, bias: 0}}",
    "radio={position_sigma: 0.001, position_bias: 0, speed_sigma: 0.001, acceleration_sigma: 0.001}",
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Our law beside another program's: RMS of the difference of the gaps in m, and how much the gap itself moves."""

    law: str
    peer: str
    gap_rms: float
    gap_moves: float


@dataclass(frozen=True, slots=True)
class Drive:
    """What a platoon did.

    time_gap       s, mean of all followers in traffic
    growth         largest one of the speed's deviation from car to car in traffic, L2 norm
    effort         integral of a² in traffic in m²/s³, mean of all followers
    collided, of   followers that ran into the car ahead where messages stop before the leader brakes, and all of them
    brakes         the motions behind that
    """

    name: str
    time_gap: float
    growth: float
    effort: float
    collided: int
    of: int
    brakes: tuple[Motion, ...]


def agreement() -> list[Agreement]:
    """Our laws alone beside Plexe's, with the same numbers; the cars begin too far apart."""
    time = PERIOD * np.arange(round(SWINGING / PERIOD))
    leader = np.where(
        time < 0.6 * SWINGING, np.sin(2.0 * np.pi * time / 8.0), np.where(time < 0.7 * SWINGING, -3.0, 0.0)
    )
    ploeg, path = plexe()
    pairs: list[tuple[str, Law, str, Controller]] = [
        ("ploeg", Ploeg(TIME_GAP, STANDSTILL, closing=inf, **PLOEG), "Plexe's PLOEG", ploeg),
        ("path", PathLaw(0.0, SPACING, closing=inf, **PATH), "Plexe's CACC", path),
    ]
    found = []
    for name, law, peer, controller in pairs:
        ours = bare.drive(law, leader, SPEED, SPACING + 3.0, cars=CARS, lag=LAG).gap
        theirs = sumo.drive(controller, leader, SPEED, SPACING + 3.0, cars=CARS, lag=LAG).gap
        found.append(Agreement(name, peer, float(np.sqrt(np.mean((ours - theirs) ** 2))), float(theirs.std())))
    return found


def plexe() -> tuple[Controller, Controller]:
    """PLOEG and CACC of Plexe, with its own numbers."""
    return sumo.plexe_ploeg(TIME_GAP, lag=LAG, **PLOEG), sumo.plexe_cacc(SPACING, lag=LAG, **PATH)


def drives() -> list[Drive]:
    """All platoons, in traffic and where messages stop."""
    ploeg, path = plexe()
    peers = {"SUMO, CACC": sumo.own_cacc(TIME_GAP, STANDSTILL), "Plexe, PLOEG": ploeg, "Plexe, CACC": path}
    found = []
    for name, controller in peers.items():
        brakes = [peer(controller, braking(), AFTER + BEGIN, HARD, heard_until=BEGIN - stop) for stop in STOPS]
        found.append(_drive(name, peer(controller, TRAFFIC, END, GENTLE, heard_until=END), brakes))
    for law in ("ploeg", "path"):
        for noise, overrides in ((", hardly any noise", STILL), (", noise as shipped", ())):
            chosen = (f"acc.controller={law}", *overrides)
            brakes = [ours(braking(), AFTER + BEGIN, HARD, chosen, stop=BEGIN - stop) for stop in STOPS]
            found.append(_drive(f"KARYON, {law}{noise}", ours(TRAFFIC, END, GENTLE, chosen), brakes))
    return found


def braking(begin: float = BEGIN) -> tuple[tuple[float, float], ...]:
    """A leader that brakes as hard as all have declared."""
    return ((0.0, SPEED), (begin, SLOW))


def peer(
    controller: Controller, points: Sequence[tuple[float, float]], seconds: float, rate: float, *, heard_until: float
) -> Motion:
    """A platoon that SUMO drives; no message is sent after `heard_until` (s)."""
    trajectory = leaders.from_profile(points, rate, rate, seconds + 1.0, LAG)
    instants = np.arange(round(seconds / PERIOD))
    intended = np.interp(PERIOD * instants, 0.1 * np.arange(len(trajectory.speed)), trajectory.intended_acceleration)
    return sumo.drive(controller, intended, SPEED, SPACING, cars=CARS, lag=LAG, heard_until=heard_until)


def ours(
    points: Sequence[tuple[float, float]],
    seconds: float,
    rate: float,
    overrides: Sequence[str],
    stop: float | None = None,
) -> Motion:
    """The shipped scenario `platoon`; at `stop` s all radios fall silent."""
    said = {
        "duration": seconds,
        "vehicles": CARS,
        "vehicle.lag": LAG,
        "start.time_gap": TIME_GAP,
        "leader.speed": [list(point) for point in points],
        "leader.acceleration": rate,
        "leader.deceleration": rate,
        "record.period": PERIOD,
    }
    fault = [] if stop is None else [f"faults=[{{vehicle: all, component: radio, mode: crash, onset: {stop}}}]"]
    loaded = read("platoon", [*(f"{name}={value}" for name, value in said.items()), *overrides, *fault], 7)
    with TemporaryDirectory() as folder:
        simulate([loaded], [Path(folder)])
        trace = parquet.read_table(Path(folder) / "trace.parquet")
    columns = (trace[name].to_numpy().reshape(-1, CARS) for name in ("time", "x", "speed", "acceleration"))
    time, *rest = columns
    return Motion(time[:, 0], *rest)


def _drive(name: str, traffic: Motion, brakes: Sequence[Motion]) -> Drive:
    moving = traffic.time >= BEGIN
    speed, acceleration = traffic.speed[moving], traffic.acceleration[moving]
    collided = [int((motion.gap <= 0.0).any(axis=0).sum()) for motion in brakes]
    return Drive(
        name,
        time_gap=float((traffic.gap[moving] / speed[:, 1:]).mean()),
        growth=float(max(after / before for before, after in pairwise(_deviation(speed)))),
        effort=float((acceleration[:, 1:] ** 2).sum(axis=0).mean() * PERIOD),
        collided=sum(collided),
        of=len(brakes) * (CARS - 1),
        brakes=tuple(brakes),
    )


def _deviation(speed: Floats) -> Floats:
    """L2 norm of each car's deviation from its mean speed (car,). [Ploeg et al. 2014]"""
    return np.asarray(np.sqrt(((speed - speed.mean(axis=0)) ** 2).sum(axis=0)))


def page(agreements: Sequence[Agreement], found: Sequence[Drive]) -> str:
    """The comparison as a page of Markdown."""
    same = [
        f"| `{each.law}` | {each.peer} | {1000 * each.gap_rms:.1f} mm | {each.gap_moves:.2f} m |" for each in agreements
    ]
    rows = [
        f"| {each.name} | {each.time_gap:.3f} | {each.growth:.3f} | {each.effort:.1f} | {each.collided} of {each.of} |"
        for each in found
    ]
    return PAGE.format(agreements="\n".join(same), drives="\n".join(rows), stops=", ".join(f"{s:g}" for s in STOPS))


PAGE = """# Platoons beside SUMO and Plexe

Written by `make compare` (SUMO and traci are in the extra `peers`): all that is compared is driven in that one run.
Eight cars with the same lag of 0.2 s follow the same leader; SUMO takes steps of 0.01 s.

## The laws are those of the others

Our law alone, without kernel, barrier or noise, beside the same law in SUMO with the same numbers: 60 s behind a leader
that swings by 1 m/s² and then brakes. The difference of all gaps, and how much the gaps themselves move:

| law | beside | RMS of the difference | standard deviation of the gap |
| --- | --- | --- | --- |
{agreements}

What is left is the step: SUMO integrates the lag by Euler's rule, we exactly.

## A platoon as a whole

In traffic (60 s between 21 and 28 m/s, 1.5 m/s²): mean time gap, largest growth of the speed's deviation from car to
car (below 1 a disturbance dies out), and the integral of the squared acceleration. Then messages stop {stops} s before
the leader brakes from 25 to 3 m/s with 6 m/s²: how many followers run into the car ahead within 20 s.

| platoon | time gap (s) | growth | ∫a² (m²/s³) | collided |
| --- | --- | --- | --- | --- |
{drives}

![Speed of all cars where messages stop and the leader brakes](beside_sumo.png)

*Messages stop a second before the leader (dark) brakes. A line ends where a car runs into the one ahead.*

How to read it:

- The wanted gap is the same: 2 m and 0.5 s, for Plexe's CACC, which keeps a constant distance, 14.5 m. SUMO and Plexe
  measure without noise; the first of each two rows of ours has a thousandth of a metre, the other what is shipped.
- Messages come ten times a second, for SUMO's CACC always: it reads the car ahead from the simulation, so nothing stops
  for it. Plexe has no fallback of its own; a scenario has to program one. Ours is the kernel: the level falls when
  messages are 0.5 s old, and the barrier keeps the safe distance meanwhile.
- Our laws run with the shipped design, so every car has taken the level that all agreed to, has its commands cut by
  comfort and barrier, and hears messages 20 ms late. `path` is the law that is shipped at LoS 3: it follows the
  platoon's leader, too, by the leader's own messages.
- While the car ahead says what it does, the barrier takes no single noisy sample of the radar for an emergency: without
  that, noise doubled the integral of a². With messages lost it is more careful, and the gap longer.
- `ploeg` has its default numbers here; nobody has fitted them to half a second.
"""


def main(folder: Path) -> None:
    """Drive all, and write page and figure into `folder`."""
    found = drives()
    (folder / "beside_sumo.md").write_text(page(agreement(), found), "utf-8")
    comparison_plot.draw({each.name: each.brakes[STOPS.index(SHOWN)] for each in found}, folder / "beside_sumo.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
