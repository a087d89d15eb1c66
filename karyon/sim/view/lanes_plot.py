"""The figure of a run of lane changes: who drives in which lane, who moves over and turns back, and at which level."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.sim.view.folder import EVENTS, SUMMARY, TRACE, RunError
from karyon.sim.view.page import DANGER, GREY, INK, LEVELS, SHADE, SPACE, stacked

Floats = NDArray[np.float64]

COLUMNS = ("time", "vehicle", "lateral", "moving", "gap", "gap.rear.distance", "gap.front.distance", "los_lane_change")
LANES_HEIGHT, GAPS_HEIGHT, CAR_HEIGHT = 2.4, 1.4, 0.15  # inches


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a run: per column an array (instant, car); its events and its summary."""

    time: Floats
    columns: dict[str, Floats]
    events: list[dict[str, Any]]
    summary: dict[str, Any]


def read(folder: Path) -> Drawn:
    """The run in a folder. Raises RunError where it is damaged or not whole."""
    try:
        table = parquet.read_table(folder / TRACE, columns=list(COLUMNS))
        events = [json.loads(line) for line in (folder / EVENTS).read_text("utf-8").splitlines()]
        summary = json.loads((folder / SUMMARY).read_text("utf-8"))
        return _drawn(table, events, summary)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise RunError(f"{folder}: cannot be read: {str(error).splitlines()[0]}") from None


def _drawn(table: pa.Table, events: list[dict[str, Any]], summary: dict[str, Any]) -> Drawn:
    """A car that is not there at an instant is NaN; recorded cars, which have no level, are drawn but have no row."""
    time, instant = np.unique(table["time"].to_numpy(), return_inverse=True)
    cars, car = np.unique(table["vehicle"].to_numpy(), return_inverse=True)
    columns = {name: np.full((len(time), len(cars)), np.nan) for name in COLUMNS}
    for name, values in columns.items():
        values[instant, car] = table[name].to_numpy(zero_copy_only=False)
    return Drawn(time, columns, events, summary)


def draw(run: Drawn) -> Figure:
    """The figure of a run of lane changes."""
    cars = int(_ours(run).sum())
    figure, (lanes, gaps, levels) = stacked(
        [LANES_HEIGHT, GAPS_HEIGHT, CAR_HEIGHT * cars], [SPACE, SPACE + 0.1, SPACE + 0.1]
    )
    _draw_lanes(lanes, run)
    _draw_gaps(gaps, run)
    _draw_levels(levels, run)
    for panel in (lanes, gaps, levels):
        panel.set_xlim(run.time[0], run.time[-1])
    levels.tick_params(axis="x", bottom=True, labelbottom=True)
    levels.set_xlabel("time (s)")
    return figure


def _ours(run: Drawn) -> NDArray[np.bool_]:
    """The cars that have a level of service: recorded ones have none."""
    return np.asarray(np.isfinite(run.columns["los_lane_change"]).any(axis=0))


def _draw_lanes(panel: Axes, run: Drawn) -> None:
    """Where each car is to the side: dark while it moves over; a mark where one turns back."""
    lateral, moving = run.columns["lateral"], run.columns["moving"] > 0
    for car in range(lateral.shape[1]):
        panel.plot(run.time, lateral[:, car], color=GREY, linewidth=0.5)
        panel.plot(run.time, np.where(moving[:, car], lateral[:, car], np.nan), color=INK)
        begins = np.flatnonzero(np.diff(moving[:, car].astype(int)) > 0) + 1
        for begin in begins:
            panel.annotate(
                f"{car}", (run.time[begin], lateral[begin, car]), (-2, 3), textcoords="offset points", fontsize=6
            )
    back = [event for event in run.events if event["kind"] == "manoeuvre" and "turns back" in event["text"]]
    instants = np.searchsorted(run.time, [event["time"] for event in back]).clip(max=len(run.time) - 1)
    at = [lateral[instant, event["vehicle"]] for instant, event in zip(instants, back, strict=True)]
    panel.scatter(run.time[instants], at, marker="x", s=16, color=DANGER, linewidth=0.8, zorder=4)
    metrics, scenario = run.summary["metrics"], run.summary["scenario"]
    wanted, done = (metrics[f"lane_changes_{name}"] for name in ("wanted", "done"))
    broken = sum(goal["violated"] for goal in run.summary["safety_goals"].values())
    safe = "goals held" if not broken else f"{broken} goals violated"
    panel.set_title(f"{scenario}: {done} of {wanted} done, {len(back)} turned back (×), {safe}")
    panel.set_ylabel("lateral (m)")


def _draw_gaps(panel: Axes, run: Drawn) -> None:
    """Distance before and behind each car that moves over, from when it begins."""
    moving = run.columns["moving"] > 0
    for name, look, label in (
        ("gap.front.distance", {"color": INK}, "before it"),
        ("gap.rear.distance", {"color": INK, "linestyle": (0, (4, 1.5))}, "behind it"),
    ):
        shown = np.where(moving, np.minimum(run.columns[name], 100.0), np.nan)
        lines = panel.plot(run.time, shown, linewidth=0.9, **look)
        lines[0].set_label(label)
    panel.set_ylim(0.0, 105.0)
    panel.set_ylabel("gap (m)")
    panel.set_title("Gap of who moves over, 100 m and more as 100 m")
    panel.legend(loc="upper right", ncols=2)


def _draw_levels(panel: Axes, run: Drawn) -> None:
    """The level of service of each car."""
    levels = np.minimum(run.columns["los_lane_change"][:, _ours(run)], len(LEVELS) - 1.0)
    edges = np.append(run.time, 2.0 * run.time[-1] - run.time[-2])
    rows = np.arange(levels.shape[1] + 1) - 0.5
    panel.pcolormesh(
        edges, rows, levels.T, cmap=ListedColormap(LEVELS), norm=Normalize(-0.5, len(LEVELS) - 0.5), rasterized=True
    )
    shares = run.summary["functions"]["lane_change"]["los_share"]
    told = ", ".join(f"{level} for {100 * share:.0f} %" for level, share in reversed(shares.items()) if share >= 0.005)
    panel.set_title(f"Level of service: {told} of the time")
    panel.set_ylim(rows[-1], rows[0])
    panel.set_facecolor(SHADE)
    panel.set_ylabel("car")
