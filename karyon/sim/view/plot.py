"""The standard figure of a run of car following: gap, speed, validity, age and level of service over time."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pyarrow import ArrowException, parquet

from karyon.control.rss import safe_distance
from karyon.sim import scenario as scenarios
from karyon.sim.documents import InputError

Floats = NDArray[np.float64]

SIGNALS = ("front.distance", "front.relative_speed", "own.speed", "lead.message")
STYLES = ("-", "--", "-.", ":")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000")  # Okabe & Ito 2008: told apart by the colour-blind
LEVELS = ("#D55E00", "#E69F00", "#56B4E9", "#009E73")  # LoS 0, 1, 2, 3
FAULT = "#CC79A7"
GAP_SHOWN = 120.0  # m: far beyond any distance that must be kept
STYLE: Any = {"font.size": 8, "axes.titlesize": 9, "axes.grid": True, "grid.alpha": 0.3, "svg.hashsalt": "karyon"}


class RunError(ValueError):
    """A folder that does not hold a run that can be drawn."""


def plot(folder: Path) -> list[Path]:
    """Draw the run in `folder`: `timeseries.png` and `timeseries.svg` beside its trace. Raises RunError, OSError."""
    trace, events, summary = _load(folder)
    with mpl.rc_context(STYLE):
        figure = draw(trace, events, summary, _design(folder))
        paths = [folder / "timeseries.png", folder / "timeseries.svg"]
        figure.savefig(paths[0], dpi=200, metadata={"Software": None})
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def draw(
    trace: Mapping[str, Floats],
    events: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    design: tuple[Sequence[float], float],
) -> Figure:
    """The figure of one follower: the first that something happened to. `design`: reaction times, declared braking."""
    vehicle = next((event["vehicle"] for event in events if event["kind"] == "fault"), 1)
    mine = {name: values[trace["vehicle"] == vehicle] for name, values in trace.items()}
    ahead = {name: values[trace["vehicle"] == vehicle - 1] for name, values in trace.items()}
    told = [event for event in events if event["vehicle"] == vehicle]
    figure = Figure(figsize=(7.0, 8.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[3, 2.2, 1.8, 1.8, 1.0])
    _gap(axes[0], mine, ahead, design)
    _speed(axes[1], mine, ahead)
    _per_signal(axes[2], mine, "validity", "validity (1)")
    _per_signal(axes[3], mine, "age", "age (s)")
    _levels(axes[4], mine, told)
    for panel in axes:
        _faults(panel, told, mine["time"][-1])
    axes[4].set_xlabel("time (s)")
    axes[4].set_xlim(0.0, mine["time"][-1])
    figure.suptitle(_title(summary, vehicle), x=0.02, ha="left", fontsize=10)
    figure.align_ylabels(axes)
    return figure


def _gap(
    axes: Axes, mine: Mapping[str, Floats], ahead: Mapping[str, Floats], design: tuple[Sequence[float], float]
) -> None:
    reaction, braking = design
    level = np.clip(np.nan_to_num(mine["los_acc"], nan=0).astype(int), 0, len(reaction) - 1)
    safe = safe_distance(mine["speed"], ahead["speed"], np.asarray(reaction)[level], braking)
    axes.fill_between(mine["time"], 0.0, safe, color="#999999", alpha=0.35, lw=0, label="RSS distance of the level")
    axes.plot(mine["time"], mine["front.distance"], color=COLOURS[1], lw=0.8, label="measured")
    axes.plot(mine["time"], mine["gap"], color=COLOURS[0], lw=1.2, label="true")
    crash = np.flatnonzero(mine["gap"] <= 0.0)
    if len(crash):
        axes.plot(mine["time"][crash[0]], 0.0, "X", color="black", ms=9, label="collision", clip_on=False, zorder=5)
    top = 1.15 * float(np.nanmax([*mine["gap"], *safe]))
    axes.set_ylim(0.0, min(max(top, 1.0), GAP_SHOWN))
    axes.set_ylabel("gap (m)")
    axes.set_title("Gap, and the distance to keep", loc="left")
    _legend(axes)


def _speed(axes: Axes, mine: Mapping[str, Floats], ahead: Mapping[str, Floats]) -> None:
    axes.plot(ahead["time"], ahead["speed"], color="black", ls="--", lw=1.0, label="car ahead")
    axes.plot(mine["time"], mine["own.speed"], color=COLOURS[1], lw=0.8, label="own, measured")
    axes.plot(mine["time"], mine["speed"], color=COLOURS[0], lw=1.2, label="own, true")
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("speed (m/s)")
    axes.set_title("Speed", loc="left")
    _legend(axes)


def _per_signal(axes: Axes, mine: Mapping[str, Floats], quantity: str, label: str) -> None:
    for signal, style, colour in zip(SIGNALS, STYLES, COLOURS, strict=True):
        axes.plot(mine["time"], mine[f"{signal}_{quantity}"], style, color=colour, lw=1.0, label=signal)
    axes.set_ylabel(label)
    if quantity == "validity":
        axes.set_ylim(-0.05, 1.1)
        axes.set_title("Validity", loc="left")
        _legend(axes)
    else:
        axes.set_ylim(0.0, float(np.nanmin([1.0, np.nanmax([0.35, *mine["lead.message_age"]])])))
        axes.set_title("Age of the measurement", loc="left")


def _levels(axes: Axes, mine: Mapping[str, Floats], told: Sequence[Mapping[str, Any]]) -> None:
    time, level = mine["time"], np.nan_to_num(mine["los_acc"], nan=0).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(level)) + 1), len(level)]
    for begin, end in pairwise(edges):
        left, right = time[begin], time[min(end, len(time) - 1)]
        axes.axvspan(left, right, color=LEVELS[level[begin] % len(LEVELS)], lw=0)
        if right - left > 0.02 * time[-1]:
            axes.text((left + right) / 2, 0.5, str(level[begin]), ha="center", va="center", fontsize=10, weight="bold")
    down = [event for event in told if event["kind"] == "los" and event["to"] < event["from"]]
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_ylabel("LoS")
    why = f"; at {down[0]['time']:.1f} s {down[0]['text']}" if down else ""
    axes.set_title(f"Level of service in command{why}", loc="left")


def _legend(axes: Axes) -> None:
    """In the line of the title, where it hides no data."""
    shown: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "frameon": False, "borderpad": 0.1}
    axes.legend(ncols=4, columnspacing=1.2, handlelength=1.8, **shown)


def _faults(axes: Axes, told: Sequence[Mapping[str, Any]], end: float) -> None:
    begins = [event for event in told if event["kind"] == "fault" and event["text"].endswith("begins")]
    ends = [event for event in told if event["kind"] == "fault" and event["text"].endswith("ends")]
    for event in begins:
        same = [one["time"] for one in ends if one["text"].removesuffix("ends") == event["text"].removesuffix("begins")]
        axes.axvspan(event["time"], min([*same, end]), color=FAULT, alpha=0.15, lw=0)
        axes.axvline(event["time"], color=FAULT, lw=0.8)
        if axes.get_ylabel() == "gap (m)":
            said = event["text"].removesuffix(" begins")
            axes.text(event["time"], 0.97, " " + said, transform=axes.get_xaxis_transform(), va="top", color="#7A3B63")


def _title(summary: Mapping[str, Any], vehicle: int) -> str:
    goals = summary["safety_goals"]
    held = sum(not goal["violated"] for goal in goals.values())
    return f"{summary['scenario']}, seed {summary['seed']}, car {vehicle}: safety goals {held} of {len(goals)} held"


def _load(folder: Path) -> tuple[dict[str, Floats], list[dict[str, Any]], dict[str, Any]]:
    for name in ("trace.parquet", "events.jsonl", "summary.json"):
        if not (folder / name).is_file():
            raise RunError(f"{folder} holds no run: {name} is missing")
    try:
        table = parquet.read_table(folder / "trace.parquet")
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        trace = {name: table[name].to_numpy().astype(float) for name in table.column_names}
    except (ArrowException, ValueError, OSError) as error:
        raise RunError(f"{folder} holds a run that cannot be read: {error}") from None
    if "los_acc" not in trace or not len(trace["time"]):
        raise RunError(f"{folder}/trace.parquet holds no car following")
    return trace, events, summary


def _design(folder: Path) -> tuple[Sequence[float], float]:
    """Reaction time of each level, and the declared braking, of the scenario as it was run."""
    try:
        loaded = scenarios.read(folder / "scenario.yaml")
    except InputError as error:
        raise RunError(f"{folder} has no scenario that can be read:\n{error}") from None
    levels = loaded.design.function("acc").levels
    return [level.reaction_time or 0.0 for level in levels], loaded.scenario.vehicle.braking
