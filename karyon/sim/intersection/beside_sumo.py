"""A crossing beside the all-way stop, and SUMO's actuated traffic light on the same geometry, for the same cars.

    python -m karyon.sim.intersection.beside_sumo docs     writes intersection.csv and intersection.png there

SUMO (the package `eclipse-sumo`) belongs to the extra `peers`; only this comparison needs it.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import numpy as np
import sumo
from matplotlib.figure import Figure
from numpy.typing import NDArray

from karyon.sim import kinds
from karyon.sim.intersection.measures import WARM_UP
from karyon.sim.intersection.scenario import Scenario
from karyon.sim.intersection.traffic import Traffic
from karyon.sim.roads.crossing import ARMS

Floats = NDArray[np.float64]

FLOWS = (450, 900, 1800, 2400)  # veh/h
SEEDS = (0, 1, 2)
COLUMNS = ("flow", "who", "throughput", "mean_delay", "longest_wait")
OWN = {"level 3": [], "all-way stop": ["intersection.max_los=0"]}
LIGHT = "SUMO, actuated light"
DIRECTIONS = ((0, -1), (1, 0), (0, 1), (-1, 0))  # of the arms: south, east, north, west


def light(scenario: Scenario) -> tuple[Traffic, Floats]:
    """The cars of a scenario, and when SUMO lets each cross its stop line in s, NaN: not before the end (car,)."""
    traffic = Traffic.of([scenario])
    with TemporaryDirectory() as name:
        folder = Path(name)
        _network(scenario, folder)
        (folder / "cars.rou.xml").write_text(_routes(scenario, traffic))
        files = ["--net-file", "net.xml", "--route-files", "cars.rou.xml", "--vehroute-output", "out.xml"]
        options = ["--vehroute-output.exit-times", "true", "--vehroute-output.write-unfinished", "true"]
        quiet = ["--no-step-log", "--no-warnings", "--step-length", "0.1", "--end", f"{scenario.duration}"]
        _run("sumo", [*files, *options, *quiet, "--time-to-teleport", "-1"], folder)
        passed = np.full(traffic.time.shape[1], np.nan)
        for vehicle in ElementTree.parse(folder / "out.xml").getroot().iter("vehicle"):
            times = vehicle.find("route").get("exitTimes", "").split()  # type: ignore[union-attr]
            if times and float(times[0]) >= 0.0:
                passed[int(str(vehicle.get("id")))] = float(times[0])
    return traffic, passed


def _network(scenario: Scenario, folder: Path) -> None:
    road = scenario.road
    half = road.lane + road.corner
    nodes, edges = ['<node id="c" x="0" y="0" type="traffic_light" tlType="actuated"/>'], []
    for arm, (x, y) in enumerate(DIRECTIONS):
        far = half + max(road.approach, road.exit)
        nodes.append(f'<node id="n{arm}" x="{x * far}" y="{y * far}" type="priority"/>')
        common = f'numLanes="1" speed="{road.speed_limit}" width="{road.lane}"'
        edges.append(f'<edge id="in{arm}" from="n{arm}" to="c" {common}/>')
        edges.append(f'<edge id="out{arm}" from="c" to="n{arm}" {common}/>')
    (folder / "n.nod.xml").write_text(f"<nodes>{''.join(nodes)}</nodes>")
    (folder / "e.edg.xml").write_text(f"<edges>{''.join(edges)}</edges>")
    plain = ["--node-files", "n.nod.xml", "--edge-files", "e.edg.xml", "--output-file", "net.xml"]
    _run("netconvert", [*plain, "--no-turnarounds", "true", "--default.junctions.radius", f"{road.corner}"], folder)


def _routes(scenario: Scenario, traffic: Traffic) -> str:
    vehicle = scenario.vehicle
    lines = [f'<vType id="car" length="{vehicle.length}" width="{vehicle.width}" speedFactor="1" speedDev="0"/>']
    for car, (time, path) in enumerate(zip(traffic.time[0], traffic.path[0], strict=True)):
        arm, turn = divmod(int(path), 3)
        leaves = (arm + (3, 2, 1)[turn]) % ARMS
        lines.append(
            f'<vehicle id="{car}" type="car" depart="{time:.2f}" departSpeed="max">'
            f'<route edges="in{arm} out{leaves}"/></vehicle>'
        )
    return f"<routes>{''.join(lines)}</routes>"


def _run(program: str, arguments: Sequence[str], folder: Path) -> None:
    command = [str(Path(sumo.SUMO_HOME) / "bin" / program), *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def compared(flows: Sequence[int] = FLOWS, seeds: Sequence[int] = SEEDS) -> list[dict[str, float | str]]:
    """Throughput in veh/h, mean delay in s, longest wait at the line in s, for each demand and each of the three."""
    rows: list[dict[str, float | str]] = []
    for flow in flows:
        for who, sets in OWN.items():
            loaded = [kinds.read("intersection", [f"demand.flow={flow}", *sets], seed) for seed in seeds]
            found = [result.summary["metrics"] for result in kinds.simulate(loaded, [None] * len(loaded))]
            mean = {name: float(np.mean([each[name] for each in found])) for name in ("throughput", "mean_delay")}
            longest = max(each["longest_wait"] for each in found)
            rows.append({"flow": flow, "who": who, **mean, "longest_wait": longest})
        lit = [_of_light(kinds.read("intersection", [f"demand.flow={flow}"], seed).scenario) for seed in seeds]
        throughput, delay = np.mean(lit, axis=0)
        rows.append({"flow": flow, "who": LIGHT, "throughput": throughput, "mean_delay": delay, "longest_wait": np.nan})
    return rows


def _of_light(scenario: Scenario) -> tuple[float, float]:
    traffic, passed = light(scenario)
    through = 3600.0 * float((passed >= WARM_UP).sum()) / (scenario.duration - WARM_UP)
    free = scenario.road.approach / scenario.road.speed_limit
    return through, float(np.nanmean(passed - traffic.time[0] - free))


def draw(rows: Sequence[dict[str, float | str]]) -> Figure:
    """Throughput and mean delay over demand."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    for who in (*OWN, LIGHT):
        mine = [row for row in rows if row["who"] == who]
        for axis, name in zip(axes, ("throughput", "mean_delay"), strict=True):
            axis.plot([row["flow"] for row in mine], [row[name] for row in mine], marker="o", label=who)
    axes[0].set_ylabel("throughput in veh/h")
    axes[1].set_ylabel("mean delay in s")
    for axis in axes:
        axis.set_xlabel("demand in veh/h")
    axes[0].legend(frameon=False)
    return figure


if __name__ == "__main__":
    target, measured = Path(sys.argv[1]), compared()
    with (target / "intersection.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(
            {name: value if isinstance(value, str) else f"{value:.5g}" for name, value in row.items()}
            for row in measured
        )
    draw(measured).savefig(target / "intersection.png", dpi=110)
