"""The figure of a file of cars: who drives how close, on which level, and whether the file swings up.

From top to bottom: faults, and over the same time axis the time gap and the level of each car; then how far the speed
of each car deviates, and by how much more than that of the car ahead.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import Bbox

from karyon.sim.view.page import (
    DANGER,
    DASHES,
    FAULTS_SHOWN,
    GREY,
    INK,
    LEVELS,
    OURS,
    ROW_HEIGHT,
    SHADE,
    SPACE,
    WIDTH,
    draw_faults,
    head,
    stacked,
    verdict,
)
from karyon.sim.view.recorded import Floats
from karyon.sim.view.recorded_platoon import STRING_FROM, Platoon

CAR_HEIGHT, MAP_HEIGHT = 0.19, 2.6  # inches of a car in a map, and of a map at most
STRING_HEIGHT, TIME_AXIS, BETWEEN = 1.4, 0.4, 0.75  # inches
COLUMNS = 1200  # of a map, each of its smallest time gap, or its lowest level
NAMED = 16  # cars whose rows are numbered one by one
KEY: Mapping[str, Any] = {  # a row between the title of a map and the map
    "loc": "lower left",
    "bbox_to_anchor": (-0.005, 0.99),
    "borderaxespad": 0.0,
    "borderpad": 0.2,
    "handletextpad": 0.5,
    "columnspacing": 1.2,
}
GAP_KEY, LEVEL_KEY = 0.28, 0.17  # inches, height of these rows
LARGEST_SHARE = 99.0  # % of the time gaps have colours of their own; larger ones, of cars that hardly move, look alike
LEAST_SPAN = 1.5  # ratio of the ends of the colours, at least: what hardly varies looks as if it hardly varies
GAP_TICKS = (
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    1.0,
    1.25,
    1.5,
    2.0,
    3.0,
    4.0,
    5.0,
    7.0,
    10.0,
    15.0,
    20.0,
)  # s
BAR, TICKS_APART = 2.2, 0.42  # inches: the bar of colours, and two of its numbers at least
CLOSE_IS_DARK = colormaps["cividis"]  # even in grey, and for the colour-blind [Nuñez et al. 2018]
L2: dict[str, Any] = {"color": OURS, "marker": "o", "markersize": 3.2, "label": "RMS (L2)"}
L_INFINITY: dict[str, Any] = {
    "color": INK,
    "marker": "^",
    "markersize": 3.2,
    "linestyle": DASHES,
    "label": "largest (L∞)",
}
MARKS: Mapping[bool, dict[str, Any]] = {  # of a switch: whether the level falls
    True: {"marker": "v", "s": 18, "facecolor": DANGER, "edgecolor": "white"},
    False: {"marker": "^", "s": 12, "facecolor": "white", "edgecolor": "black"},
}


def draw(platoon: Platoon) -> Figure:
    """The figure of a run with several followers."""
    faults, told = [fault for _, fault in platoon.faults], []
    swings = [values for values in platoon.deviation() if np.isfinite(values).all()]
    if not swings:
        told = ["too short to judge the string"]
    tall = min(CAR_HEIGHT * len(platoon.followers), MAP_HEIGHT)
    heights = [min(len(faults), FAULTS_SHOWN) * ROW_HEIGHT, tall, tall, STRING_HEIGHT if swings else 0.0]
    spaces = [0.28 if faults else 0.0, SPACE + GAP_KEY, SPACE + LEVEL_KEY, TIME_AXIS + SPACE if swings else 0.0]
    figure, (fault_rows, gaps, levels, string) = stacked(heights, spaces)
    title = f"{platoon.summary.scenario}: cars 1 to {len(platoon.followers)}, which follow car 0"
    head(figure, title, [*verdict(platoon.summary, platoon.kernel_enabled, platoon.broken_by), *told], platoon.notes)
    first, last = float(platoon.time[0]), float(platoon.time[-1])
    draw_faults(fault_rows, faults, first, last)
    time_gap = platoon.time_gap()[:, 1:]
    _draw_time_gap(gaps, platoon, time_gap)
    _tell_time_gap(figure, gaps, time_gap)
    _draw_levels(levels, platoon)
    for panel in (gaps, levels):
        panel.set_xlim(first, last)
        _mark_faults(panel, platoon)
        _dress_map(panel, platoon)
    levels.tick_params(axis="x", bottom=True, labelbottom=True)
    levels.set_xlabel("time (s)")
    box = string.get_position()
    string.remove()
    if swings:
        _draw_string(figure, box, *swings)
    return figure


# --- over time


def _draw_time_gap(panel: Axes, platoon: Platoon, gaps: Floats) -> None:
    _draw_map(panel, platoon.time, gaps, CLOSE_IS_DARK, LogNorm(*_span(gaps)))
    for falls, look in MARKS.items():
        marked = [one for one in platoon.switches if (one.after < one.before) == falls]
        panel.scatter(
            [one.time for one in marked],
            [one.vehicle for one in marked],
            **look,
            linewidth=0.5,
            clip_on=False,
            zorder=4,
            label="level falls" if falls else "level rises",
        )
    panel.set_title(_gap_title(gaps, platoon.time), pad=72 * GAP_KEY + 4)


def _span(gaps: Floats) -> tuple[float, float]:
    """Between which time gaps (s) colours differ: from the smallest on to all but the largest few."""
    known = gaps[np.isfinite(gaps) & (gaps > 0.0)]
    if not len(known):
        return 0.5, 2.0
    low = float(known.min())
    return low, max(float(np.percentile(known, LARGEST_SHARE)), LEAST_SPAN * low)


def _tell_time_gap(figure: Figure, panel: Axes, gaps: Floats) -> None:
    """In a row of its own above the map: what the marks and the colours mean."""
    stands = Patch(facecolor=SHADE, edgecolor=GREY, linewidth=0.4, label="below 1 m/s")
    marks, _ = panel.get_legend_handles_labels()
    panel.legend(handles=[*marks, stands], ncols=3, handlelength=1.4, **KEY)
    low, high = _span(gaps)
    box, wide, tall = panel.get_position(), BAR / WIDTH, 0.08 / figure.get_figheight()
    place = figure.add_axes((box.x1 - wide, box.y1 + 0.7 * tall, wide, tall))
    bar = figure.colorbar(ScalarMappable(LogNorm(low, high), CLOSE_IS_DARK), cax=place, orientation="horizontal")
    room = TICKS_APART / BAR * np.log(high / low)
    ticks = [low]
    for tick in GAP_TICKS:
        if np.log(tick / ticks[-1]) >= room and np.log(high / tick) >= room:
            ticks.append(tick)
    beyond = "≥ " if np.nanmax(gaps, initial=0.0) > high else ""
    told = [f"{low:.2g}", *(f"{tick:g}" for tick in ticks[1:]), f"{beyond}{high:.2g} s"]
    bar.set_ticks([*ticks, high], labels=told)
    bar.minorticks_off()
    bar.outline.set_linewidth(0.4)
    place.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, length=1.5, pad=1)


def _gap_title(gaps: Floats, time: Floats) -> str:
    if np.isnan(gaps).all():
        return "Time gap: all cars stand"
    instant, car = np.unravel_index(int(np.nanargmin(gaps)), gaps.shape)
    least = f"{gaps[instant, car]:.2f} s (car {car + 1} at {time[instant]:.1f} s)"
    return f"Time gap: mostly about {np.nanmedian(gaps):.2f} s, never below {least}"


def _draw_levels(panel: Axes, platoon: Platoon) -> None:
    levels = np.minimum(platoon.level[:, 1:], len(LEVELS) - 1.0)
    colours = ListedColormap(LEVELS)
    _draw_map(panel, platoon.time, levels, colours, Normalize(-0.5, len(LEVELS) - 0.5))
    there = [int(level) for level in np.unique(levels[np.isfinite(levels)])]
    shares = [100.0 * float((levels == level).sum()) / float(np.isfinite(levels).sum()) for level in there]
    told = [f"{level} for {share:.0f} %" for level, share in zip(there, shares, strict=True) if share >= 0.5]
    always = f"always {there[-1]}, whatever the data" if there else "none"
    shown = f"{', '.join(reversed(told))} of the time" if platoon.kernel_enabled and there else always
    panel.set_title(f"Level of service: {shown}", pad=72 * LEVEL_KEY + 4)
    patches = [Patch(facecolor=LEVELS[level], edgecolor=GREY, linewidth=0.4, label=f"LoS {level}") for level in there]
    panel.legend(handles=patches, ncols=len(LEVELS), handlelength=1.4, **KEY)


def _draw_map(panel: Axes, time: Floats, values: Floats, colours: Colormap, shown: Normalize) -> None:
    """A row per car and a column per instant, of a long run per some of them with their lowest value."""
    starts = np.unique(np.linspace(0, len(time), min(COLUMNS, len(time)) + 1).astype(np.int64)[:-1])
    lowest = np.fmin.reduceat(values, starts, axis=0)
    edges = np.append(time[starts], 2.0 * time[-1] - time[-2])
    rows = 0.5 + np.arange(values.shape[1] + 1)
    panel.pcolormesh(edges, rows, lowest.T, cmap=colours, norm=shown, rasterized=True)


def _mark_faults(panel: Axes, platoon: Platoon) -> None:
    """A frame around what the car does while it fails."""
    for car, fault in platoon.faults:
        corner, size = (fault.onset, car - 0.5), (fault.end - fault.onset, 1.0)
        panel.add_patch(Rectangle(corner, *size, fill=False, edgecolor=DANGER, linewidth=1.0, zorder=3))


def _dress_map(panel: Axes, platoon: Platoon) -> None:
    cars = platoon.followers
    every = -(-len(cars) // NAMED)
    panel.set_ylim(len(cars) + 0.5, 0.5)
    panel.set_yticks(cars[::every])
    panel.set_facecolor(SHADE)
    panel.tick_params(axis="y", length=0)
    panel.set_ylabel("car")
    panel.yaxis.set_label_coords(-0.045, 0.5)


# --- from car to car


def _draw_string(figure: Figure, box: Bbox, root: Floats, most: Floats) -> None:
    """In two panels, side by side in `box`."""
    wide = (box.width - BETWEEN / WIDTH) / 2
    apart = figure.add_axes((box.x0, box.y0, wide, box.height))
    growth = figure.add_axes((box.x1 - wide, box.y0, wide, box.height))
    _draw_deviation(apart, root, most)
    _draw_growth(growth, root, most)
    for panel in (apart, growth):
        panel.set_xlabel("car")
        panel.set_xticks(range(0, len(root), -(-len(root) // NAMED)))
        panel.set_xlim(-0.3, len(root) - 0.7)


def _draw_deviation(panel: Axes, root: Floats, most: Floats) -> None:
    for values, look in ((root, L2), (most, L_INFINITY)):
        panel.plot(values, **look)
    panel.set_ylim(0.0, 1.35 * max(most.max(), 0.1))
    panel.set_ylabel("speed deviation (m/s)")
    panel.set_title(f"Speed about its mean, from {STRING_FROM:g} s on")
    panel.legend(loc="upper left", ncols=2, columnspacing=1.2, handlelength=2.2, borderaxespad=0.0)


def _draw_growth(panel: Axes, root: Floats, most: Floats) -> None:
    found = [_growth(values) for values in (root, most)]
    for values, look in zip(found, (L2, L_INFINITY), strict=True):
        panel.plot(np.arange(1, len(root)), values, **look)
    panel.axhline(1.0, color=INK, linewidth=0.7, linestyle=DASHES, zorder=1)
    seen = np.array([1.0, *(value for values in found for value in values if np.isfinite(value))])
    room = 0.15 * np.ptp(seen) + 0.02
    panel.set_ylim(seen.min() - room, seen.max() + room)
    panel.set_ylabel("ratio to the car ahead")
    panel.set_title(_growth_title(found[0]))


def _growth(values: Floats) -> Floats:
    """Each over that of the car ahead, NaN where that keeps its speed."""
    ahead = values[:-1]
    return np.where(ahead > 0.0, values[1:] / np.where(ahead > 0.0, ahead, 1.0), np.nan)


def _growth_title(growth: Floats) -> str:
    if np.isnan(growth).all():
        return "The leader keeps its speed"
    worst = int(np.nanargmax(growth))
    if growth[worst] <= 1.0:
        return "L2 dies out from car to car"
    return f"L2 grows {growth[worst]:.2f}-fold at car {worst + 1}"
