"""The figure of a flight: from above with altitudes, and over time how far apart, and on which level.

From top to bottom: the tracks of all aircraft over ground, coloured by level, with their altitude every so often; the
distance of each to the nearest other one, across and up and down, with what is a near mid-air collision; and its level.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.flight.units import FOOT
from karyon.flight.well_clear import NEAR_MID_AIR_COLLISION
from karyon.sim.view.folder import RunError
from karyon.sim.view.page import DANGER, FAULT, GREY, INK, LEVELS, SMALL, WIDTH

Floats = NDArray[np.float64]

LEVEL = "los_flight"
ABOVE, TALL, STRIP = 4.4, 1.35, 0.2  # inches: the view from above, a panel, a row of levels
LEFT, RIGHT, TOP, BOTTOM = 0.75, 0.3, 0.72, 0.45
SPACES = (0.78, 0.5, 0.5, 0.0)  # below each panel
LABELS = 6  # altitudes that are told of a track
NAMED = 5  # aircraft whose lines are named
ACROSS = "Distance across (m) to the nearest other aircraft"
UP = "Distance in altitude (m) to that one; shaded in both: near mid-air collision"


@dataclass(frozen=True, slots=True, eq=False)
class Flown:
    """A recorded flight: its summary and faults, the time (instant,), and each column (aircraft, instant)."""

    summary: dict[str, Any]
    events: list[dict[str, Any]]
    time: Floats
    columns: dict[str, Floats]


def read(folder: Path) -> Flown:
    """The flight in a folder. Raises RunError."""
    for name in ("summary.json", "events.jsonl"):
        if not (folder / name).is_file():
            raise RunError(f"{folder / name}: no such file")
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]
    table = parquet.read_table(folder / "trace.parquet")
    aircraft = summary["vehicles"]
    columns = {name: table[name].to_numpy().reshape(-1, aircraft).T for name in table.column_names}
    return Flown(summary, events, columns["time"][0], columns)


def draw(flown: Flown) -> Figure:
    """The figure, to be called in the style of `page`."""
    aircraft = len(flown.columns["x"])
    heights = (ABOVE, TALL, TALL, STRIP * aircraft)
    height = TOP + sum(heights) + sum(SPACES) + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    panels: list[Axes] = []
    upper = height - TOP
    for tall, space in zip(heights, SPACES, strict=True):
        place = (LEFT / WIDTH, (upper - tall) / height, (WIDTH - LEFT - RIGHT) / WIDTH, tall / height)
        panels.append(figure.add_axes(place, sharex=panels[1] if len(panels) > 1 else None))
        upper -= tall + space
    _above(panels[0], flown)
    _separation(panels[1], flown, "horizontal_separation", NEAR_MID_AIR_COLLISION.distance, ACROSS)
    _separation(panels[2], flown, "vertical_separation", NEAR_MID_AIR_COLLISION.altitude, UP)
    _levels(panels[3], flown)
    _head(figure, flown, height)
    return figure


def _head(figure: Figure, flown: Flown, height: float) -> None:
    summary = flown.summary
    goals = summary["safety_goals"].values()
    held = sum(not goal["violated"] for goal in goals)
    near = summary["metrics"]["near_mid_air_collisions"]
    told = f"{near or 'no'} near mid-air collision{'s' if near > 1 else ''} · safety goals {held} of {len(goals)} held"
    figure.text(0.12 / WIDTH, 1 - 0.12 / height, summary["scenario"], fontsize=10, fontweight="bold", va="top")
    figure.text(0.12 / WIDTH, 1 - 0.30 / height, f"seed {summary['seed']} · {told}", va="top")


def _above(panel: Axes, flown: Flown) -> None:
    """Tracks over ground, coloured by level, with altitudes in feet."""
    x, y, z, level = (flown.columns[name] for name in ("x", "y", "z", LEVEL))
    for number in range(len(x)):
        points = np.stack([x[number], y[number]], axis=1) / 1000.0
        colours = _colours(level[number, 1:])
        panel.add_collection(
            LineCollection(np.stack([points[:-1], points[1:]], axis=1).tolist(), colors=colours, linewidths=2.2)
        )
        for index in np.linspace(0, len(points) - 1, LABELS).astype(int):
            panel.plot(*points[index], "o", color=INK, markersize=2)
            told = f"{z[number, index] / FOOT:,.0f} ft"
            name = f"{number}   {told}" if index == 0 else told
            panel.annotate(name, points[index], (4, 4), textcoords="offset points", fontsize=SMALL)
    panel.set_aspect("equal", adjustable="datalim")
    panel.autoscale_view()
    panel.set_title("From above, with altitudes; coloured by level of service")
    panel.set_xlabel("east (km)")
    panel.set_ylabel("north (km)")
    shown = range(int(np.nanmax(level)) + 1)
    panel.legend(handles=[Patch(color=LEVELS[each], label=f"LoS {each}") for each in shown], loc="upper right")


def _colours(level: Floats) -> list[str]:
    """Of levels over time; NaN: of a recorded aircraft, which has none."""
    return [GREY if np.isnan(each) else LEVELS[int(each)] for each in level]


def _separation(panel: Axes, flown: Flown, name: str, limit: float, title: str) -> None:
    for number, values in enumerate(flown.columns[name]):
        panel.plot(flown.time, values, label=f"aircraft {number}", color=INK if number == 0 else None)
    panel.axhspan(0.0, limit, color=DANGER, alpha=0.25, linewidth=0)
    panel.set_yscale("symlog", linthresh=max(limit, 10.0))
    panel.set_ylim(0.0, None)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panel.set_title(title)
    if len(flown.columns[name]) <= NAMED:
        panel.legend(loc="lower left" if title == ACROSS else "lower center", fontsize=SMALL)
    for event in flown.events:
        if event["kind"] == "fault":
            panel.axvline(event["time"], color=FAULT, linewidth=0.8)


def _levels(panel: Axes, flown: Flown) -> None:
    step = float(np.median(np.diff(flown.time))) if len(flown.time) > 1 else 1.0
    for number, level in enumerate(flown.columns[LEVEL]):
        colours = _colours(level)
        panel.barh(number, step, left=flown.time, height=0.86, color=colours, linewidth=0)
    panel.set_ylim(len(flown.columns[LEVEL]) - 0.5, -0.5)
    panel.set_yticks(range(len(flown.columns[LEVEL])))
    panel.set_xlim(flown.time[0], flown.time[-1])
    panel.set_title("Level of service of each aircraft")
    panel.set_xlabel("time (s)")
    panel.grid(axis="x", color=GREY, linewidth=0.3)
