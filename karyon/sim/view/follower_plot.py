"""The figure of one follower: what failed, what the kernel decided and why, and what the car did.

From top to bottom, over one time axis: faults, switches with their reasons, level of service, gap, speed, validity and
age of each signal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from karyon.sim.view.folder import LEVEL
from karyon.sim.view.page import (
    DANGER,
    DASHES,
    FAULT,
    FAULTS_SHOWN,
    GREY,
    INK,
    LANE_FILLED,
    LANE_STEPS,
    LEVELS,
    MEASURED,
    ON_LEVELS,
    ROW_HEIGHT,
    SAFE,
    SMALL,
    SPACE,
    TOLD,
    VALID,
    draw_faults,
    head,
    legend,
    part_of,
    stacked,
    text_width,
    thinned,
    verdict,
)
from karyon.sim.view.recorded import Floats, Run, Switch

Booleans = NDArray[np.bool_]

GAP_HEIGHT, SPEED_HEIGHT, BAND_HEIGHT, LANE_HEIGHT = 1.55, 1.1, 0.2, 0.19  # inches
LABELS_SHOWN = 8  # switches and violations that are told in words
TOGETHER = 0.01  # share of the run within which switches in one direction are one story
AGE_LANE = 0.5  # s: full height of a lane of age
COLLISION = "collision"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at `time` (s), in words, and how many levels were lost by it."""

    time: float
    text: str
    lost: int
    violates: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A mark's text in a row of texts (0 is the lowest), from `left` on (s)."""

    mark: Mark
    left: float
    row: int


def draw(run: Run) -> Figure:
    """The figure of a run."""
    labels = _placed(_shown(_marks(run)), run.time[0], run.time[-1])
    faults, texts = min(len(run.faults), FAULTS_SHOWN), max((label.row + 1 for label in labels), default=0)
    lanes = len(run.signals) * LANE_HEIGHT
    heights = [faults * ROW_HEIGHT, texts * ROW_HEIGHT, BAND_HEIGHT, GAP_HEIGHT, SPEED_HEIGHT, lanes, lanes]
    figure, panels = stacked(heights, [0.28 if faults else 0.0, 0.28, 0.0, SPACE, SPACE, SPACE, SPACE])
    fault_rows, reasons, band, gap, speed, validity, age = panels
    _head(figure, run)
    draw_faults(fault_rows, run.faults, run.time[0], run.time[-1])
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


def _head(figure: Figure, run: Run) -> None:
    chosen = f" ({run.why})" if run.why else ""
    title = f"{run.summary.scenario}: car {run.vehicle}{chosen} behind car {run.vehicle - 1}"
    head(figure, title, verdict(run.summary, run.kernel_enabled, run.broken_by), run.notes)


def _mark_time(panel: Axes, run: Run, labels: Sequence[Label]) -> None:
    """Faults as shade, marks as lines, and what follows a collision as no longer physical."""
    panel.set_xlim(run.time[0], run.time[-1])
    for fault in run.faults:
        panel.axvspan(fault.onset, fault.end, color=FAULT, linewidth=0, zorder=0)
    for label in labels:
        colour, style = (DANGER, "-") if label.mark.violates else ("black", (0, (1, 1.5)))
        panel.axvline(label.mark.time, color=colour, linestyle=style, linewidth=0.7, zorder=1.5)
    crash = _collision(run)
    if crash is not None:
        panel.axvspan(crash, run.time[-1], facecolor="none", edgecolor=GREY, hatch="////", linewidth=0, zorder=0.5)


# --- what happened


def _marks(run: Run) -> list[Mark]:
    """Switches and violations in order of time; switches in one direction close to each other are one."""
    near = (run.time[-1] - run.time[0]) * TOGETHER
    marks = [Mark(one.time, f"{one.goal} ({one.time:.2f} s)", 0, violates=True) for one in run.violations]
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
    return Mark(story[0].time, f"{levels}  {why} ({story[0].time:.2f} s)", max(0, story[0].before - story[-1].after))


def _shown(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that matter most, in order of time: violations, then the deepest falls."""
    first = sorted(marks, key=lambda mark: (not mark.violates, -mark.lost, mark.time))[:LABELS_SHOWN]
    return sorted(first, key=lambda mark: mark.time)


def _placed(marks: Sequence[Mark], first: float, last: float) -> list[Label]:
    """Each text right of its line, or left of it near the end of the page, and above the texts that its own meets.

    A text covers the lines of later marks (of earlier ones, when it is left of its line), so it is above theirs.
    """
    pad = (last - first) * 0.008
    wide = {mark: text_width(mark.text, last - first) + pad for mark in marks}
    fits = [mark for mark in marks if mark.time + wide[mark] <= last]
    labels: list[Label] = []
    for mark in [mark for mark in marks if mark not in fits] + fits[::-1]:
        left = mark.time if mark in fits else max(first, mark.time - wide[mark])
        met = [one for one in labels if one.left < left + wide[mark] and left < one.left + wide[one.mark]]
        labels.append(Label(mark, left, 1 + max((one.row for one in met), default=-1)))
    return labels


def _draw_levels(reasons: Axes, band: Axes, run: Run, labels: Sequence[Label]) -> None:
    """The level as a band with digits, and above it why it changed."""
    reasons.set_axis_off()
    reasons.set_ylim(0, max((label.row + 1 for label in labels), default=1))
    reasons.set_title(_levels_title(run) + part_of(len(labels), len(_marks(run))))
    pad = (run.time[-1] - run.time[0]) * 0.004
    for label in labels:
        colour = DANGER if label.mark.violates else "black"
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
        if end - start > 2 * text_width("0", run.time[-1] - run.time[0]):
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
    return f"Level of service: {', '.join(reversed(told))}"


# --- what the cars did


def _draw_gap(panel: Axes, run: Run) -> None:
    gap, safe, measured = run.trace["gap"], run.safe_distance, run.trace["front.distance"]
    measured = np.where(measured >= run.sensor_range, np.nan, measured)  # of an open road radar says its range
    panel.plot(*thinned(run.time, gap), color=INK, linewidth=1.6, label="true")
    panel.plot(*thinned(run.time, measured), color=MEASURED, linewidth=0.9, label="measured")
    if safe is not None:
        panel.fill_between(*thinned(run.time, safe), color=SAFE, alpha=0.3, linewidth=0, zorder=0.7)
        panel.plot(*thinned(run.time, safe), color=SAFE, linestyle=DASHES, label="RSS safe distance")
    panel.set_ylim(*_gap_range(run))
    for one in run.violations:
        height = 0.0 if one.goal == COLLISION else np.interp(one.time, run.time, gap)
        panel.plot(one.time, height, marker="X" if one.goal == COLLISION else "v", color=DANGER, markersize=6, zorder=4)
    crash = _collision(run)
    if crash is not None:
        said = "after the collision\nthe run means nothing"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        panel.text(0.995, 0.95, said, transform=panel.transAxes, fontsize=SMALL, ha="right", va="top", bbox=box)
    panel.set_ylabel("gap (m)")
    panel.set_title(_gap_title(run))
    legend(panel)


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
    panel.plot(*thinned(run.time, speed), color=INK, label=f"car {run.vehicle}")
    panel.plot(*thinned(run.time, run.speed_ahead), color=TOLD, linestyle=DASHES, label=ahead)
    panel.set_ylim(0.0, 1.08 * max(speed.max(), run.speed_ahead.max(), 1.0))
    panel.set_ylabel("speed (m/s)")
    panel.set_title(f"Speed: car {run.vehicle} between {speed.min():.1f} and {speed.max():.1f} m/s")
    legend(panel)


# --- what the signals were worth


def _draw_validity(panel: Axes, run: Run) -> None:
    lowered = []
    for lane, signal in enumerate(run.signals):
        validity = run.trace[f"{signal}_validity"]
        least, _ = run.demanded.get(signal, (0.0, np.inf))
        wrong = (validity < least) & _was_seen(run, signal)
        _draw_lane(panel, -lane - 1.0, run.time, validity, least)
        _fill(panel, -lane - 1.0, run.time, np.where(wrong, validity, 1.0), 1.0, DANGER)
        lowered += [signal] if wrong.any() else []
    _dress_lanes(panel, run, "Validity" + _summed(lowered, "below what a rule demands", run), "0", "1")


def _draw_age(panel: Axes, run: Run) -> None:
    aged = []
    for lane, signal in enumerate(run.signals):
        age = run.trace[f"{signal}_age"]
        _, limit = run.demanded.get(signal, (0.0, np.inf))
        height = np.where(np.isnan(age), 1.0, np.minimum(age / AGE_LANE, 1.0))
        _draw_lane(panel, -lane - 1.0, run.time, height, limit / AGE_LANE)
        _fill(panel, -lane - 1.0, run.time, 0.0, np.where(age > limit, height, 0.0), DANGER)
        aged += [f"{signal}, up to {np.nanmax(age):.1f} s,"] if (age > limit).any() else []
    _dress_lanes(panel, run, "Age" + _summed(aged, "above what a rule allows", run), "0 s", f"{AGE_LANE:g} s")


def _was_seen(run: Run, signal: str) -> Booleans:
    return np.asarray(np.isfinite(run.trace[f"{signal}_age"]))


def _draw_lane(panel: Axes, floor: float, time: Floats, height: Floats, limit: float) -> None:
    """One signal: what is under its curve of `height` (0..1), and the limit that a rule sets."""
    _fill(panel, floor, time, 0.0, height, VALID)
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
