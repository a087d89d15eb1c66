"""The figure of a run at a crossing: per arm who was where and when, and per conflict zone who was in it.

Coloured by the level of service; two cars in one zone are red.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.sim.intersection.scenario import CLEARANCE, Scenario, scene_of
from karyon.sim.kinds import read
from karyon.sim.roads.crossing import TURNS, Crossing, crossing
from karyon.sim.view import recorded
from karyon.sim.view.folder import SCENARIO, TRACE, must_be_there, readable
from karyon.sim.view.page import DANGER, GREY, INK, LEVELS, WIDTH, head, verdict

ARMS = ("south", "east", "north", "west")
COLUMNS = ["time", "vehicle", "lane", "path", "s", "los_intersection"]
SHOWN = (-40.0, 120.0)  # m before the line
PANEL_TALL, ROW_TALL, TOP = 1.45, 0.12, 0.75  # inches: an arm, a zone, heading
TINY = 5.5  # pt


@dataclass(frozen=True, slots=True)
class Ground:
    """The crossing of a run, with what it is called in the figure: each path, each arm; lengths of cars by path, m."""

    road: Crossing
    length: NDArray[np.float64]
    paths: Sequence[str]
    arms: Sequence[str]

    @classmethod
    def of(cls, scenario: Scenario) -> "Ground":
        """Of a scenario; in recorded traffic each path has the number of its car."""
        if scenario.recorded is not None:
            scene = scene_of(scenario.recorded)
            arms = ("arm of the replaced car", "arm to the right", "arm opposite", "arm to the left")
            return cls(scene.road, scene.length, [f"car {number}" for number in scene.numbers], arms)
        made = crossing(scenario.road.layout, scenario.vehicle.width + CLEARANCE)
        names = [f"{arm} {turn}" for arm in ARMS for turn in TURNS]
        return cls(made, np.full(len(names), scenario.vehicle.length), names, ARMS)


@dataclass(frozen=True, slots=True)
class Stay:
    """A car in a conflict zone from `begin` to `end`, s."""

    path: int
    level: float
    begin: float
    end: float


def draw(folder: Path) -> Figure:
    """Distance to the line over time of each car, an arm a panel, and who was in which zone. Raises RunError."""
    must_be_there(folder / SCENARIO)
    summary = recorded.summary_of(recorded.Summary, folder)
    scenario = read(folder / SCENARIO).scenario
    assert isinstance(scenario, Scenario)
    with readable(folder / TRACE):
        table = parquet.read_table(folder / TRACE, columns=COLUMNS)
    rows = {name: table[name].to_numpy() for name in COLUMNS}
    order = np.lexsort((rows["time"], rows["vehicle"]))
    rows = {name: column[order] for name, column in rows.items()}
    ground = Ground.of(scenario)
    zones = dict(_zones(rows, ground))
    tall = TOP + 4 * PANEL_TALL + max(ROW_TALL * len(zones), 0.5) + 0.6
    figure = Figure(figsize=(WIDTH, tall), layout=ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, 1.0 - TOP / tall)))
    heights = [PANEL_TALL] * 4 + [max(ROW_TALL * len(zones), 0.5)]
    *arms, last = figure.subplots(5, 1, sharex=True, height_ratios=heights)
    for number, panel in enumerate(arms):
        _draw_arm(panel, rows, number, ground)
    _draw_zones(last, zones, ground)
    last.set(xlim=(0.0, scenario.duration), xlabel="time (s)")
    broken = sorted(
        {event.vehicle for event in recorded.events_of(folder / "events.jsonl") if event.kind == "violation"}
    )
    head(figure, f"{summary.scenario}: who crosses when", verdict(summary, scenario.kernel.enabled, broken))
    handles = [Patch(color=colour, label=f"LoS {number}") for number, colour in enumerate(LEVELS)]
    figure.legend(
        handles=handles, loc="upper right", ncols=len(handles), frameon=False, bbox_to_anchor=(1, 1 - 0.42 / tall)
    )
    return figure


def _colour(level: float) -> str:
    """Recorded cars have no level."""
    return LEVELS[min(int(level), len(LEVELS) - 1)] if np.isfinite(level) else GREY


def _draw_arm(panel: Axes, rows: dict[str, Any], arm: int, ground: Ground) -> None:
    time, car, before = rows["time"], rows["vehicle"], ground.road.line - rows["s"]
    points = np.stack([time, before], axis=1)
    same = (car[1:] == car[:-1]) & (np.abs(before[1:]) < 200.0) & (rows["lane"][1:] == arm)
    mine = np.flatnonzero(same)
    pieces = list(np.stack([points[mine], points[mine + 1]], axis=1))
    colours = [_colour(each) for each in rows["los_intersection"][mine]]
    road, path = ground.road, rows["path"][mine].astype(np.int64)
    aside = (road.lanes > len(ARMS)) & (path % len(TURNS) == TURNS.index("left"))
    thick = np.where(aside, 0.5, 1.3)
    panel.add_collection(LineCollection(pieces, colors=INK, linewidths=thick + 0.7))  # light ones stand out on dark
    panel.add_collection(LineCollection(pieces, colors=colours, linewidths=thick))
    panel.axhspan(SHOWN[0], 0.0, color=GREY, alpha=0.12, linewidth=0)
    panel.axhline(0.0, color=INK, linewidth=0.6)
    panel.set(ylim=(SHOWN[1], SHOWN[0]), ylabel="to the line (m)")
    said = "; shaded: behind the stop line" + ("; thin: turns left in a lane of its own" if aside.any() else "")
    panel.set_title(f"From the {ground.arms[arm]}" + (said if arm == 0 else ""))


def _draw_zones(panel: Axes, zones: dict[tuple[int, int], list[Stay]], ground: Ground) -> None:
    conflicts = 0
    for row, stays in enumerate(zones.values()):
        colours = [_colour(stay.level) for stay in stays]
        bars = [(stay.begin, stay.end - stay.begin) for stay in stays]
        panel.broken_barh(bars, (row - 0.4, 0.8), facecolors=colours, edgecolors=INK, linewidths=0.3)
        shared = list(_shared(stays))
        panel.broken_barh(shared, (row - 0.5, 1.0), facecolors=DANGER)
        conflicts += len(shared)
    panel.set_ylim(len(zones) - 0.5, -0.5)
    names = [f"{ground.paths[one]} × {ground.paths[other]}" for one, other in zones]
    panel.set_yticks(range(len(zones)), names, fontsize=TINY)
    panel.tick_params(axis="y", length=0)
    said = "never two in one" if not conflicts else f"{conflicts} times two in one, red"
    panel.set_title(f"Conflict zones, each of two paths: {said}")


def _zones(rows: dict[str, Any], ground: Ground) -> Iterator[tuple[tuple[int, int], list[Stay]]]:
    """The zones in which anybody was, with their stays in order of time."""
    for one, other in np.argwhere(np.triu(ground.road.conflicts)).tolist():
        stays = [*_stays(rows, ground, one, other), *_stays(rows, ground, other, one)]
        if stays:
            yield (one, other), sorted(stays, key=lambda stay: stay.begin)


def _stays(rows: dict[str, Any], ground: Ground, path: int, other: int) -> Iterator[Stay]:
    """Of the cars on `path` in its zone with `other`."""
    road, front = ground.road, rows["s"] - ground.road.line
    inside = front > road.begins[path, other]
    inside &= front - ground.length[path] < road.ends[path, other]
    at = np.flatnonzero(inside & (rows["path"] == path))
    for part in _by_car(rows["vehicle"][at], at):
        level = float(rows["los_intersection"][part[0]])
        yield Stay(path, level, float(rows["time"][part[0]]), float(rows["time"][part[-1]]))


def _by_car(car: NDArray[Any], at: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    return np.split(at, np.flatnonzero(np.diff(car)) + 1) if len(at) else []


def _shared(stays: Sequence[Stay]) -> Iterator[tuple[float, float]]:
    """When two cars on the two paths of a zone are in it at once: begin and duration, s."""
    for index, one in enumerate(stays):
        for other in stays[index + 1 :]:
            until = min(one.end, other.end)
            if other.path != one.path and other.begin < until:
                yield other.begin, until - other.begin
