"""The figure of a run of car following: what failed, what the kernel decided and why, and what the cars did.

From top to bottom, over one time axis: faults, switches with their reasons, level of service, gap, speed, validity and
age of each signal. Colours are told apart by the colour-blind, and by their grey in print.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from karyon.sim.view.recorded import LEVEL, Floats, Run, RunError, Switch, read

__all__ = ["RunError", "draw", "plot"]

Booleans = NDArray[np.bool_]

FORMATS: dict[str, dict[str, str | None]] = {  # what a format would say of the day and the version is left out
    "png": {"Software": "KARYON"},
    "svg": {"Creator": "KARYON", "Date": None},
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
}

WIDTH, LEFT, RIGHT = 7.16, 1.22, 0.3  # inches: a page of two columns; margin for names of signals
TOP, BOTTOM, SPACE = 0.46, 0.42, 0.36  # inches: heading, time axis, a title between two panels
GAP_HEIGHT, SPEED_HEIGHT, BAND_HEIGHT, LANE_HEIGHT, ROW_HEIGHT = 1.55, 1.1, 0.2, 0.19, 0.15  # inches
SMALL = 7.0  # pt
DASHES = (0, (4, 1.5))

LEVELS = ("#8c2d04", "#e8963c", "#a9cfe6", "#e3eff7")  # from the lowest level to the fourth and above: dark is low
ON_LEVELS = ("white", "black", "black", "black")
BLUE, RED, GREY, PALE, SHADE = "#0b5394", "#b3310a", "#b5b5b5", "#a9bccb", "#d9d9d9"

FAULTS_SHOWN, LABELS_SHOWN = 8, 8  # faults, and switches and violations, that are told in words
TOGETHER = 0.01  # share of the run within which switches in one direction are one story
POINTS = 2000  # bins of a long run's lines, each drawn by its lowest and highest value
AGE_LANE = 0.5  # s: full height of a lane of age
LANE_FILLED, LANE_STEPS = 0.84, 64  # share of a lane's height that 1 fills; steps of its curve
COLLISION = "collision"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at `time` (s), in words; `weight` says what goes first where there is no room for all."""

    time: float
    text: str
    weight: int
    violates: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A mark's text in a row of texts (0 is the lowest), from `left` on (s)."""

    mark: Mark
    left: float
    row: int


def plot(folder: Path) -> list[Path]:
    """Draw the run in `folder` into it, as `timeseries.png` and `timeseries.svg`; the same run gives the same bytes.

    Raises RunError where the folder holds no whole run, OSError where it cannot be written.
    """
    run = read(folder)
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own style would change what others see
        mpl.rcParams.update(STYLE)
        figure = draw(run)
        pictures = {folder / f"timeseries.{kind}": _rendered(figure, kind) for kind in FORMATS}
    for path, picture in pictures.items():
        _write(path, picture)
    return list(pictures)


def draw(run: Run) -> Figure:
    """The figure of a run."""
    labels = _placed(_shown(_marks(run)), run.time[0], run.time[-1])
    faults, texts = min(len(run.faults), FAULTS_SHOWN), max((label.row + 1 for label in labels), default=0)
    lanes = len(run.signals) * LANE_HEIGHT
    heights = [faults * ROW_HEIGHT, texts * ROW_HEIGHT, BAND_HEIGHT, GAP_HEIGHT, SPEED_HEIGHT, lanes, lanes]
    figure, panels = _stacked(heights, [0.28 if faults else 0.0, 0.28, 0.0, SPACE, SPACE, SPACE, SPACE])
    fault_rows, reasons, band, gap, speed, validity, age = panels
    _head(figure, run)
    _draw_faults(fault_rows, run)
    _draw_levels(reasons, band, run, labels)
    _draw_gap(gap, run)
    _draw_speed(speed, run)
    _draw_validity(validity, run)
    _draw_age(age, run)
    for panel in (band, gap, speed, validity, age):
        _mark_time(panel, run, labels)
    age.tick_params(axis="x", bottom=True, labelbottom=True)
    age.set_xlabel("time (s)")
    return figure


def _rendered(figure: Figure, kind: str) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format=kind, metadata=FORMATS[kind])
    return stream.getvalue()


def _write(path: Path, picture: bytes) -> None:
    """The whole picture or none."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(picture)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# --- the page


def _stacked(heights: Sequence[float], spaces: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """One panel below the other, each of its height and with its space above, in inches."""
    height = TOP + sum(heights) + sum(spaces) + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    panels: list[Axes] = []
    upper = height - TOP
    for tall, space in zip(heights, spaces, strict=True):
        upper -= space + tall
        place = (LEFT / WIDTH, upper / height, (WIDTH - LEFT - RIGHT) / WIDTH, max(tall, 1e-3) / height)
        panel = figure.add_axes(place, sharex=panels[0] if panels else None)
        panel.tick_params(axis="x", bottom=False, labelbottom=False)
        panels.append(panel)
    return figure, panels


def _head(figure: Figure, run: Run) -> None:
    """What ran, and did it stay safe."""
    summary, goals = run.summary, run.summary.safety_goals
    held = sum(not goal.violated for goal in goals.values())
    chosen = f" ({run.why})" if run.why else ""
    kernel = "kernel in command" if run.kernel_enabled else "KERNEL SWITCHED OFF"
    broken = f", broken by {_cars(run.broken_by)}" if run.broken_by else ""
    told = [f"seed {summary.seed}", kernel, f"safety goals {held} of {len(goals)} held{broken}"]
    slowest = max(summary.functions.values(), key=lambda one: one.worst_switch_latency, default=None)
    if slowest is not None and run.kernel_enabled:
        told.append(f"slowest switch {slowest.worst_switch_latency:.2f} s, bound {slowest.switch_bound:.2f} s")
    height = figure.get_figheight()
    title = f"{summary.scenario}: car {run.vehicle}{chosen} behind car {run.vehicle - 1}"
    figure.text(0.12 / WIDTH, 1 - 0.12 / height, title, fontsize=10, fontweight="bold", va="top")
    figure.text(0.12 / WIDTH, 1 - 0.30 / height, " · ".join(told), va="top")


def _cars(vehicles: Sequence[int]) -> str:
    """Cars by number, many of them by how many they are."""
    if len(vehicles) > 3:
        return f"{len(vehicles)} cars"
    return f"car{'s' if len(vehicles) > 1 else ''} {', '.join(map(str, vehicles))}"


def _mark_time(panel: Axes, run: Run, labels: Sequence[Label]) -> None:
    """Faults as shade, marks as lines, and what follows a collision as no longer physical."""
    panel.set_xlim(run.time[0], run.time[-1])
    for fault in run.faults:
        panel.axvspan(fault.onset, fault.end, color=SHADE, alpha=0.55, linewidth=0, zorder=0)
    for label in labels:
        colour, style = (RED, "-") if label.mark.violates else ("black", (0, (1, 1.5)))
        panel.axvline(label.mark.time, color=colour, linestyle=style, linewidth=0.7, zorder=1.5)
    crash = _collision(run)
    if crash is not None:
        panel.axvspan(crash, run.time[-1], facecolor="none", edgecolor=GREY, hatch="////", linewidth=0, zorder=0.5)


# --- what happened


def _draw_faults(panel: Axes, run: Run) -> None:
    """One bar per fault, its words in it or beside it."""
    panel.set_axis_off()
    shown = run.faults[:FAULTS_SHOWN]
    panel.set_ylim(len(shown) or 1, 0)
    if shown:
        panel.set_title("Faults" + _part_of(len(shown), len(run.faults)))
    first, last = run.time[0], run.time[-1]
    for row, fault in enumerate(shown):
        panel.barh(row + 0.5, fault.end - fault.onset, left=fault.onset, height=0.86, color=GREY, linewidth=0)
        wide, pad = _width(fault.label, last - first), (last - first) * 0.006
        at = fault.onset + pad if wide + 2 * pad < fault.end - fault.onset else fault.end + pad
        if at + wide > last:
            at = max(first, fault.onset - pad - wide)
        panel.text(at, row + 0.54, fault.label, fontsize=SMALL, va="center")


def _part_of(shown: int, all_of_them: int) -> str:
    return f" ({shown} of {all_of_them} told)" if shown < all_of_them else ""


def _marks(run: Run) -> list[Mark]:
    """Switches and violations in order of time; switches in one direction close to each other are one."""
    near = (run.time[-1] - run.time[0]) * TOGETHER
    marks = [Mark(one.time, f"{one.goal} ({one.time:.2f} s)", 2, violates=True) for one in run.violations]
    marks += [_as_mark(story) for story in _stories(run.switches, near)]
    return sorted(marks, key=lambda mark: mark.time)


def _stories(switches: Sequence[Switch], near: float) -> Iterator[list[Switch]]:
    story: list[Switch] = []
    for switch in switches:
        if story and (switch.time - story[0].time > near or _falls(switch) != _falls(story[0])):
            yield story
            story = []
        story.append(switch)
    if story:
        yield story


def _falls(switch: Switch) -> bool:
    return switch.after < switch.before


def _as_mark(story: Sequence[Switch]) -> Mark:
    levels = " → ".join(str(level) for level in (story[0].before, *(switch.after for switch in story)))
    why = story[0].reason if _falls(story[0]) or len(story) == 1 else "their rules held"
    return Mark(story[0].time, f"{levels}  {why} ({story[0].time:.2f} s)", int(_falls(story[0])))


def _shown(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that matter most, in order of time."""
    first = sorted(marks, key=lambda mark: (-mark.weight, mark.time))[:LABELS_SHOWN]
    return sorted(first, key=lambda mark: mark.time)


def _placed(marks: Sequence[Mark], first: float, last: float) -> list[Label]:
    """Each text right of its line, or left of it near the end of the page, and above the texts that its own meets.

    A text covers the lines of later marks (of earlier ones, when it is left of its line), so it is above theirs.
    """
    pad = (last - first) * 0.008
    wide = {mark: _width(mark.text, last - first) + pad for mark in marks}
    fits = [mark for mark in marks if mark.time + wide[mark] <= last]
    labels: list[Label] = []
    for mark in [mark for mark in marks if mark not in fits] + fits[::-1]:
        left = mark.time if mark in fits else max(first, mark.time - wide[mark])
        met = [one for one in labels if one.left < left + wide[mark] and left < one.left + wide[one.mark]]
        labels.append(Label(mark, left, 1 + max((one.row for one in met), default=-1)))
    return labels


def _width(text: str, span: float) -> float:
    """Width of a small text, in s of a time axis that spans `span` s."""
    points, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=SMALL), ismath=False)
    return float(points / 72 / (WIDTH - LEFT - RIGHT) * span)


def _draw_levels(reasons: Axes, band: Axes, run: Run, labels: Sequence[Label]) -> None:
    """The level as a band with digits, and above it why it changed."""
    reasons.set_axis_off()
    reasons.set_ylim(0, max((label.row + 1 for label in labels), default=1))
    reasons.set_title(_levels_title(run) + _part_of(len(labels), len(_marks(run))))
    pad = (run.time[-1] - run.time[0]) * 0.004
    for label in labels:
        colour = RED if label.mark.violates else "black"
        reasons.vlines(label.mark.time, 0, label.row + 0.9, color=colour, linewidth=0.6)
        text = reasons.text(
            label.left + pad, label.row + 0.5, label.mark.text, fontsize=SMALL, va="center", color=colour
        )
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    band.set_ylim(0, 1)
    band.set_yticks([0.5], ["LoS"])
    band.tick_params(axis="y", length=0)
    for level, start, end in _segments(run):
        shade = min(level, len(LEVELS) - 1)
        band.axvspan(start, end, color=LEVELS[shade], linewidth=0, zorder=0.8)
        if end - start > 2 * _width("0", run.time[-1] - run.time[0]):
            band.text(
                (start + end) / 2, 0.46, str(level), color=ON_LEVELS[shade], ha="center", va="center", weight="bold"
            )


def _segments(run: Run) -> Iterator[tuple[int, float, float]]:
    """Level, begin and end (s) of each stretch at one level."""
    for level, group in groupby(range(len(run.time)), key=lambda instant: int(run.trace[LEVEL][instant])):
        instants = list(group)
        yield level, float(run.time[instants[0]]), float(run.time[min(instants[-1] + 1, len(run.time) - 1)])


def _levels_title(run: Run) -> str:
    levels, counts = np.unique(run.trace[LEVEL].astype(int), return_counts=True)
    if not run.kernel_enabled:
        return f"Level of service: always {levels[-1]}, whatever the data"
    shares = 100.0 * counts / counts.sum()
    told = [f"{level} for {share:.0f} %" for level, share in zip(levels, shares, strict=True) if share >= 0.5]
    return f"Level of service: {', '.join(reversed(told))} of the time"


# --- what the cars did


def _draw_gap(panel: Axes, run: Run) -> None:
    gap, safe, measured = run.trace["gap"], run.safe_distance, run.trace["front.distance"]
    panel.plot(*_thinned(run.time, gap), color=GREY, linewidth=2.6, label="true")
    panel.plot(*_thinned(run.time, measured), color=BLUE, linewidth=0.9, label="measured")
    if safe is not None:
        panel.plot(*_thinned(run.time, safe), color=RED, linestyle=DASHES, label="RSS safe distance")
    panel.set_ylim(*_gap_range(run))
    for one in run.violations:
        height = 0.0 if one.goal == COLLISION else np.interp(one.time, run.time, gap)
        panel.plot(one.time, height, marker="X" if one.goal == COLLISION else "v", color=RED, markersize=6, zorder=4)
    crash = _collision(run)
    if crash is not None:
        said = "after the collision\nthe run means nothing"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        panel.text(0.995, 0.95, said, transform=panel.transAxes, fontsize=SMALL, ha="right", va="top", bbox=box)
    panel.set_ylabel("gap (m)")
    panel.set_title(_gap_title(run))
    _legend(panel)


def _gap_range(run: Run) -> tuple[float, float]:
    """Lowest and highest gap shown, in m.

    What is true until a collision, of a wrong measurement twice that, and nothing beyond the range of the sensor.
    """
    before = run.time <= (_collision(run) or np.inf)
    curves = [run.trace["gap"], *([] if run.safe_distance is None else [run.safe_distance])]
    highest = max(curve[before].max(initial=1.0) for curve in curves)
    measured = run.trace["front.distance"][before]
    seen = measured[np.isfinite(measured)].max(initial=0.0)
    upper = 1.08 * min(max(highest, min(seen, 2.0 * highest)), run.sensor_range)
    return -0.07 * upper if run.trace["gap"].min() <= 0.0 else 0.0, upper


def _gap_title(run: Run) -> str:
    crash = _collision(run)
    if crash is not None:
        return f"Gap: car {run.vehicle} hits car {run.vehicle - 1}"
    if run.safe_distance is None:
        return "Gap (safety design not there, or changed since)"
    margin = run.trace["gap"] - run.safe_distance
    if margin.min() < 0.0:
        return f"Gap: {-margin.min():.1f} m too small at {run.time[margin.argmin()]:.1f} s"
    return f"Gap: at least {margin.min():.1f} m to spare"


def _collision(run: Run) -> float | None:
    return next((one.time for one in run.violations if one.goal == COLLISION), None)


def _draw_speed(panel: Axes, run: Run) -> None:
    speed = run.trace["speed"]
    ahead = f"car {run.vehicle - 1}, ahead"
    panel.plot(*_thinned(run.time, speed), color=BLUE, label=f"car {run.vehicle}")
    panel.plot(*_thinned(run.time, run.speed_ahead), color="black", linestyle=DASHES, label=ahead)
    panel.set_ylim(0.0, 1.08 * max(speed.max(), run.speed_ahead.max(), 1.0))
    panel.set_ylabel("speed (m/s)")
    panel.set_title(f"Speed: car {run.vehicle} between {speed.min():.1f} and {speed.max():.1f} m/s")
    _legend(panel)


def _legend(panel: Axes) -> None:
    """In the row of the title, at its right; also the labels of the axes stand one below the other."""
    place: dict[str, Any] = {
        "loc": "lower right",
        "bbox_to_anchor": (1.01, 0.99),
        "borderaxespad": 0.0,
        "borderpad": 0.2,
    }
    panel.legend(**place, ncols=3, columnspacing=1.2, handlelength=2.2, handletextpad=0.5)
    panel.yaxis.set_label_coords(-0.075, 0.5)


def _thinned(time: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Time and values; of a long run per bin the instants of the lowest and the highest value. Not finite: a break."""
    values = np.where(np.isfinite(values), values, np.nan)
    if len(time) <= 2 * POINTS:
        return time, values
    bins = np.array_split(np.arange(len(time)), POINTS)
    filled = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    kept = np.unique([[part[filled[0][part].argmin()], part[filled[1][part].argmax()]] for part in bins])
    return time[kept], values[kept]


# --- what the signals were worth


def _draw_validity(panel: Axes, run: Run) -> None:
    lowered = []
    for lane, signal in enumerate(run.signals):
        validity = run.trace[f"{signal}_validity"]
        least, _ = run.demanded.get(signal, (0.0, np.inf))
        wrong = (validity < least) & _was_seen(run, signal)
        _draw_lane(panel, -lane - 1.0, run.time, validity, least)
        _fill(panel, -lane - 1.0, run.time, np.where(wrong, validity, 1.0), 1.0, RED)
        lowered += [signal] if wrong.any() else []
    _dress_lanes(panel, run, "Validity" + _summed(lowered, "below what a rule demands", run), "0", "1")


def _draw_age(panel: Axes, run: Run) -> None:
    aged = []
    for lane, signal in enumerate(run.signals):
        age = run.trace[f"{signal}_age"]
        _, limit = run.demanded.get(signal, (0.0, np.inf))
        height = np.where(np.isnan(age), 1.0, np.minimum(age / AGE_LANE, 1.0))
        _draw_lane(panel, -lane - 1.0, run.time, height, limit / AGE_LANE)
        _fill(panel, -lane - 1.0, run.time, 0.0, np.where(age > limit, height, 0.0), RED)
        aged += [f"{signal}, up to {np.nanmax(age):.1f} s,"] if (age > limit).any() else []
    _dress_lanes(panel, run, "Age" + _summed(aged, "above what a rule allows", run), "0 s", f"{AGE_LANE:g} s")


def _was_seen(run: Run, signal: str) -> Booleans:
    return np.asarray(np.isfinite(run.trace[f"{signal}_age"]))


def _draw_lane(panel: Axes, floor: float, time: Floats, height: Floats, limit: float) -> None:
    """One signal: what is under its curve of `height` (0..1), and the limit that a rule sets."""
    _fill(panel, floor, time, 0.0, height, PALE)
    panel.axhline(floor, color="black", linewidth=0.5, zorder=3)
    if 0.0 < limit <= 1.0:
        panel.axhline(floor + LANE_FILLED * limit, color="black", linestyle=(0, (3, 2)), linewidth=0.5, zorder=3)


def _fill(panel: Axes, floor: float, time: Floats, low: Floats | float, high: Floats | float, colour: str) -> None:
    """Fill a lane between two curves of height (0..1), drawn as fine as one can see."""
    low, high = (np.round(np.broadcast_to(curve, time.shape) * LANE_STEPS) / LANE_STEPS for curve in (low, high))
    changes = (np.diff(low, prepend=np.nan) != 0.0) | (np.diff(high, prepend=np.nan) != 0.0)
    changes[-1] = True
    lower, upper = (floor + LANE_FILLED * curve[changes] for curve in (low, high))
    panel.fill_between(time[changes], lower, upper, step="post", color=colour, linewidth=0, zorder=2)


def _dress_lanes(panel: Axes, run: Run, title: str, low: str, high: str) -> None:
    signals = run.signals
    panel.set_ylim(-len(signals), 0)
    panel.set_yticks([0.5 * LANE_FILLED - lane - 1.0 for lane in range(len(signals))], signals)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.spines["bottom"].set_visible(False)
    for at, text in ((-0.16, high), (-1.0, low)):
        panel.text(1.006, at, text, transform=panel.get_yaxis_transform(), fontsize=6, va="center")
    panel.set_title(title)


def _summed(signals: Sequence[str], what: str, run: Run) -> str:
    """Of which signals `what` is true; nothing where the rules are not known."""
    if not run.demanded:
        return ""
    if len(signals) > 1:
        return f": {len(signals)} of {len(run.signals)} signals {what}"
    return f": {signals[0] if signals else 'never'} {what}"
