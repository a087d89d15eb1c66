"""The figure of a run at a crossing: per arm who was where and when, coloured by the level of service."""

from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from pyarrow import parquet

from karyon.sim.intersection.scenario import Scenario
from karyon.sim.kinds import read
from karyon.sim.view.folder import SCENARIO, TRACE, must_be_there, readable
from karyon.sim.view.page import GREY, INK, LEVELS

ARMS = ("from the south", "from the east", "from the north", "from the west")
COLUMNS = ["time", "vehicle", "lane", "s", "los_intersection"]
SHOWN = (-40.0, 120.0)  # m before the line


def draw(folder: Path) -> Figure:
    """Distance to the line over time of each car, an arm a panel. Raises RunError."""
    must_be_there(folder / SCENARIO)
    scenario = read(folder / SCENARIO).scenario
    assert isinstance(scenario, Scenario)
    with readable(folder / TRACE):
        table = parquet.read_table(folder / TRACE, columns=COLUMNS)
    time, car, arm, s, level = (table[name].to_numpy() for name in COLUMNS)
    order = np.lexsort((time, car))
    time, car, arm, level = time[order], car[order], arm[order], level[order]
    before = scenario.road.approach - s[order]
    figure = Figure(figsize=(7.16, 7.6), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True)
    points = np.stack([time, before], axis=1)
    same = (car[1:] == car[:-1]) & (np.abs(before[1:]) < 200.0)
    for number, (panel, name) in enumerate(zip(panels, ARMS, strict=True)):
        mine = np.flatnonzero(same & (arm[1:] == number))
        pieces = np.stack([points[mine], points[mine + 1]], axis=1)
        colours = [LEVELS[min(int(each), len(LEVELS) - 1)] for each in level[mine]]
        panel.add_collection(LineCollection(list(pieces), colors=colours, linewidths=1.2))
        panel.axhspan(SHOWN[0], 0.0, color=GREY, alpha=0.12, linewidth=0)
        panel.axhline(0.0, color=INK, linewidth=0.6)
        panel.set(ylim=(SHOWN[1], SHOWN[0]), xlim=(0.0, scenario.duration), ylabel="to the line in m")
        panel.set_title(name, loc="left", fontsize=8)
    handles = [panels[0].plot([], [], color=colour, label=f"LoS {number}")[0] for number, colour in enumerate(LEVELS)]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
    panels[-1].set_xlabel("time in s; shaded: behind the stop line")
    return figure
