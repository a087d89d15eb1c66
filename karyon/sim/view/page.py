"""The page that all figures of KARYON are drawn on: one style, and files that are the same for the same figure.

Colours are told apart by the colour-blind, and by their grey in print.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from karyon.sim import screen
from karyon.sim.view import colours
from karyon.sim.view.colours import LIGHT, css
from karyon.sim.view.recorded import Fault, Floats, Summary

FORMATS: dict[str, dict[str, str | None]] = {  # what a format would say of the day and the version is left out
    "png": {"Software": "KARYON"},
    "svg": {"Creator": "KARYON", "Date": None},
    "pdf": {"Creator": "KARYON", "Producer": None, "CreationDate": None},
}
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the picture is the same everywhere
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "text.parse_math": False,  # names are a user's, with any sign in them
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.solid_capstyle": "butt",
    "hatch.linewidth": 0.4,
    "savefig.dpi": 200,
    "svg.hashsalt": "karyon",
    "pdf.fonttype": 42,  # letters stay letters: they can be searched and copied
}

WIDTH, LEFT, RIGHT = 7.16, 1.62, 0.3  # inches: a page of two columns; margin for names of signals
TOP, BOTTOM, SPACE = 0.46, 0.42, 0.36  # inches: heading, time axis, a title between two panels
ROW_HEIGHT = 0.15  # inches
SMALL = 7.0  # pt
DASHES = (0, (4, 1.5))

LEVELS, ON_LEVELS = (tuple(map(css, each)) for each in (LIGHT.levels, LIGHT.on_levels))  # the last: and above
INK, MEASURED, TOLD, VALID = map(css, (LIGHT.ink, LIGHT.measured, LIGHT.told, LIGHT.valid))
SAFE, DANGER, FAULT = map(css, (LIGHT.safe, LIGHT.danger, LIGHT.fault))
OURS, THEIRS, OTHERS, GREY, SHADE = map(
    css, (colours.OURS, colours.THEIRS, colours.OTHERS, colours.GREY, colours.SHADE)
)

FAULTS_SHOWN = 8  # that are told in words
POINTS = 2000  # bins of a long run's lines, each drawn by its lowest and highest value
LANE_FILLED, LANE_STEPS = 0.84, 64  # share of a lane's height that 1 fills; steps of its curve


@contextmanager
def styled() -> Iterator[None]:
    """The style of our figures, whatever a user's own would be."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def rendered(figure: Figure, kind: str) -> bytes:
    """The figure in one of `FORMATS`, to be called inside `styled`; the same figure gives the same bytes."""
    stream = BytesIO()
    figure.savefig(stream, format=kind, metadata=FORMATS[kind])
    return stream.getvalue()


def write(path: Path, picture: bytes) -> None:
    """The whole picture or none. Raises OSError."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(picture)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def stacked(heights: Sequence[float], spaces: Sequence[float], top: float = TOP) -> tuple[Figure, list[Axes]]:
    """One panel below the other, each of its height and with its space above, below a heading of `top`; in inches."""
    height = top + sum(heights) + sum(spaces) + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    panels: list[Axes] = []
    upper = height - top
    for tall, space in zip(heights, spaces, strict=True):
        upper -= space + tall
        place = (LEFT / WIDTH, upper / height, (WIDTH - LEFT - RIGHT) / WIDTH, max(tall, 1e-3) / height)
        panel = figure.add_axes(place, sharex=panels[0] if panels else None)
        panel.tick_params(axis="x", bottom=False, labelbottom=False)
        panels.append(panel)
    return figure, panels


def head(figure: Figure, title: str, told: Sequence[str], notes: Sequence[str] = ()) -> None:
    """What ran in bold, below it what became of it, and below that what is not shown."""
    height = figure.get_figheight()
    figure.text(0.12 / WIDTH, 1 - 0.12 / height, title, fontsize=10, fontweight="bold", va="top")
    figure.text(0.12 / WIDTH, 1 - 0.30 / height, " · ".join(told), va="top")
    figure.text(0.12 / WIDTH, 1 - 0.44 / height, " · ".join(notes), va="top", color=DANGER)


def verdict(summary: Summary, kernel_enabled: bool, broken_by: Sequence[int]) -> list[str]:
    """What became of a run: did it stay safe, and was the kernel in time."""
    goals = summary.safety_goals
    held = sum(not goal.violated for goal in goals.values())
    kernel = "kernel in command" if kernel_enabled else "KERNEL SWITCHED OFF"
    broken = f", broken by {cars(broken_by)}" if broken_by else ""
    told = [f"seed {summary.seed}", kernel, f"safety goals {held} of {len(goals)} held{broken}"]
    slowest = max(summary.functions.values(), key=lambda one: one.worst_switch_latency, default=None)
    if slowest is not None and kernel_enabled:
        told.append(screen.in_command(slowest.worst_switch_latency, slowest.switch_bound))
    return told


def cars(vehicles: Sequence[int]) -> str:
    """Cars by number, many of them by how many they are."""
    if len(vehicles) > 3:
        return f"{len(vehicles)} cars"
    return f"car{'s' if len(vehicles) > 1 else ''} {', '.join(map(str, vehicles))}"


def draw_faults(panel: Axes, faults: Sequence[Fault], first: float, last: float) -> None:
    """One bar per fault, its words in it or beside it; the time axis is from `first` to `last` (s)."""
    panel.set_axis_off()
    shown = faults[:FAULTS_SHOWN]
    panel.set_ylim(len(shown) or 1, 0)
    if shown:
        panel.set_title("Faults" + part_of(len(shown), len(faults)))
    for row, fault in enumerate(shown):
        panel.barh(row + 0.5, fault.end - fault.onset, left=fault.onset, height=0.86, color=FAULT, linewidth=0)
        wide, pad = text_width(fault.label, last - first), (last - first) * 0.006
        at = fault.onset + pad if wide + 2 * pad < fault.end - fault.onset else fault.end + pad
        if at + wide > last:
            at = max(first, fault.onset - pad - wide)
        panel.text(at, row + 0.54, fault.label, fontsize=SMALL, va="center")


def part_of(shown: int, all_of_them: int) -> str:
    """For a title: how many there are, where not all have a label."""
    return f" ({shown} of {all_of_them} labelled)" if shown < all_of_them else ""


def text_width(text: str, span: float) -> float:
    """Width of a small text, in s of a time axis that spans `span` s."""
    points, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=SMALL), ismath=False)
    return float(points / 72 / (WIDTH - LEFT - RIGHT) * span)


def legend(panel: Axes) -> None:
    """In the row of the title, at its right; also the labels of the axes stand one below the other."""
    place: dict[str, Any] = {
        "loc": "lower right",
        "bbox_to_anchor": (1.01, 0.99),
        "borderaxespad": 0.0,
        "borderpad": 0.2,
    }
    panel.legend(**place, ncols=3, columnspacing=1.2, handlelength=2.2, handletextpad=0.5)
    panel.yaxis.set_label_coords(-0.075, 0.5)


def thinned(time: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Time and values; of a long run per bin the instants of the lowest and the highest value. Not finite: a break."""
    values = np.where(np.isfinite(values), values, np.nan)
    if len(time) <= 2 * POINTS:
        return time, values
    bins = np.array_split(np.arange(len(time)), POINTS)
    filled = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    kept = np.unique([[part[filled[0][part].argmin()], part[filled[1][part].argmax()]] for part in bins])
    return time[kept], values[kept]
