"""The figure of a campaign: which faults came close to breaking a safety goal, how late switches were, what was left.

At the top a cell for each failure mode and part of its amplitudes, coloured by how near one of its runs came, in the
measure of the scenario's kind, such as the margin over the RSS distance; below it the switch latency beside its bound,
and the least distances of the runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.campaign.folder import CampaignError
from karyon.campaign.rows import CRASHED, HUNG, VIOLATED
from karyon.sim import kinds
from karyon.sim.failure_modes import MODES, parameter_units
from karyon.sim.view.page import (
    BOTTOM,
    DANGER,
    DASHES,
    FORMATS,
    INK,
    OURS,
    SHADE,
    TOP,
    WIDTH,
    head,
    part_of,
    rendered,
    styled,
    write,
)

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

TABLE, SUMMARY = "runs.parquet", "campaign.json"
NUMBERS = ("fault_amplitude", "worst_switch_latency", "switch_bound", "min_gap")
WORDS = ("fault_signal", "fault_mode", "outcome")
BINS = 8  # of the amplitudes of a failure mode
ROWS_SHOWN = 48  # failure modes; of more the worst
LEFT, RIGHT, ROW, KEY = 2.35, 1.05, 0.165, 0.5  # inches: names, ranges, a failure mode, what colours mean
CURVES, BETWEEN, ABOVE, AXIS, MARGIN = 1.6, 0.8, 0.85, 0.75, 0.3  # inches: of the curves, between, above, beside them
TINY = 6.0  # pt
DARK_UNTIL = 0.5  # share of the colours on which white is read
CLOSE_IS_DARK = colormaps["cividis"]
STEP, LARGEST_SHARE = 0.5, 90.0  # m between ends of the colours; % of the cells have their own, larger ones look alike


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The rows of a campaign; arrays (run,), NaN: not measured.

    subject      what failed and how, "" without a fault
    amplitude    first parameter of the fault, in the unit of its mode
    failed       whether the run came to nothing
    latency, bound          s, of the slowest switch
    gap, margin             m, the least of the run; `measured`: what the second is called
    """

    summary: dict[str, Any]
    subject: NDArray[np.str_]
    amplitude: Floats
    failed: Booleans
    violated: Booleans
    latency: Floats
    bound: Floats
    gap: Floats
    margin: Floats
    measured: str


@dataclass(frozen=True, slots=True)
class Row:
    """A failure mode: its runs, and which part of its amplitudes each fell into (run,); one part: they do not vary."""

    name: str
    runs: NDArray[np.int64]
    part: NDArray[np.int64]
    parts: int
    span: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a failure mode's amplitudes.

    place           left, top and width, in cells
    runs            how many fell into it, how many of these broke a goal, and how many came to nothing
    least           m, that one of them had left; infinite: not known
    """

    place: tuple[float, float, float]
    runs: int
    broken: int
    failed: int
    least: float


def plot(folder: Path) -> list[Path]:
    """Draw the campaign in `folder` into it, as `campaign`: PNG, SVG and PDF; the same rows give the same bytes.

    Raises CampaignError where the folder holds no campaign that has ended, OSError where it cannot be written.
    """
    outcomes = read(folder)
    with styled():
        figure = draw(outcomes)
        pictures = {folder / f"campaign.{kind}": rendered(figure, kind) for kind in FORMATS}
    for path, picture in pictures.items():
        write(path, picture)
    return list(pictures)


def read(folder: Path) -> Outcomes:
    """The rows of a campaign that has ended. Raises CampaignError."""
    for name in (TABLE, SUMMARY):
        if not (folder / name).is_file():
            raise CampaignError(f"{folder / name}: not there; the `karyon campaign` that began it writes it at its end")
    try:
        summary = json.loads((folder / SUMMARY).read_text("utf-8"))
        nearest, measured = kinds.KINDS[summary.get("function", kinds.CAR_FOLLOWING)].nearest
        table = parquet.read_table(folder / TABLE, columns=[*NUMBERS, nearest, *WORDS])
        numbers = {name: table[name].cast(pa.float64()).to_numpy() for name in (*NUMBERS, nearest)}
        signal, mode, outcome = (np.array(table[name].to_pylist(), dtype=object) for name in WORDS)
        told = {name: summary[name] for name in ("campaign", "seed", "runs", "violations", "interval")}
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise CampaignError(f"{folder}: {TABLE} or {SUMMARY} cannot be read: {said}") from None
    if not len(table):
        raise CampaignError(f"{folder / TABLE}: holds no run")
    return Outcomes(
        summary=told,
        subject=np.array([f"{of}: {how}" if of else "" for of, how in zip(signal, mode, strict=True)]),
        amplitude=numbers["fault_amplitude"],
        failed=np.isin(outcome, (CRASHED, HUNG)),
        violated=np.asarray(outcome == VIOLATED),
        latency=numbers["worst_switch_latency"],
        bound=numbers["switch_bound"],
        gap=numbers["min_gap"],
        margin=numbers[nearest],
        measured=measured,
    )


def draw(outcomes: Outcomes) -> Figure:
    """The figure of a campaign."""
    rows = list(_rows(outcomes)) if outcomes.subject.any() else []
    worst = sorted(rows, key=lambda row: _least(outcomes.margin[row.runs]))[:ROWS_SHOWN]
    shown = [row for row in rows if row in worst]
    tall = ROW * len(shown)
    below = BOTTOM + CURVES + ABOVE
    height = TOP + below + (KEY + tall if shown else 0.0)
    figure = Figure(figsize=(WIDTH, height))
    head(figure, f"{outcomes.summary['campaign']}: {_counted(outcomes)}", _told(outcomes))
    if shown:
        cells = figure.add_axes((LEFT / WIDTH, below / height, (WIDTH - LEFT - RIGHT) / WIDTH, tall / height))
        found = list(_cells(outcomes, shown))
        _draw_cells(cells, shown, found)
        cells.set_title(_cells_title(outcomes, shown) + part_of(len(shown), len(rows)), pad=72 * 0.32)
        _tell_colours(figure, cells, found, outcomes.measured)
    wide = (WIDTH - AXIS - MARGIN - BETWEEN) / 2
    late, left = (
        figure.add_axes((begin / WIDTH, BOTTOM / height, wide / WIDTH, CURVES / height))
        for begin in (AXIS, AXIS + wide + BETWEEN)
    )
    _draw_latency(late, outcomes)
    _draw_distances(left, outcomes)
    return figure


def _counted(outcomes: Outcomes) -> str:
    runs, broken = outcomes.summary["runs"], outcomes.summary["violations"]
    return f"{broken or 'none'} of {runs:,} runs {'break' if broken > 1 else 'breaks'} a safety goal"


def _told(outcomes: Outcomes) -> list[str]:
    low, high = (100.0 * end for end in outcomes.summary["interval"])
    told = [f"seed {outcomes.summary['seed']}", f"95 % interval of the rate: {low:.2g} to {high:.2g} %"]
    failed = int(outcomes.failed.sum())
    return [*told, f"{failed} came to nothing"] if failed else told


# --- failure modes


def _rows(outcomes: Outcomes) -> Iterator[Row]:
    for name in np.unique(outcomes.subject).tolist():
        runs = np.flatnonzero(outcomes.subject == name)
        amplitude = outcomes.amplitude[runs]
        known = amplitude[np.isfinite(amplitude)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        if low == high or len(known) < len(amplitude):
            yield Row(name or "no fault", runs, np.zeros(len(runs), dtype=np.int64), 1, "")
            continue
        part = np.minimum(((amplitude - low) / (high - low) * BINS).astype(np.int64), BINS - 1)
        yield Row(name, runs, part, BINS, f"{_rounded(low)} to {_rounded(high)}{_unit(name)}".replace("-", "−"))


def _rounded(number: float) -> str:
    """Three digits, and no power of ten for what is measured in metres."""
    return f"{float(f'{number:.3g}'):g}"


def _unit(subject: str) -> str:
    """Unit of the first parameter of a failure mode, with a blank before it; nothing of what is but a number."""
    signal, _, mode = subject.partition(": ")
    return next(iter(parameter_units(mode, signal).values()), "") if mode in MODES else ""


def _least(margins: Floats) -> float:
    """Of those that are known; nothing is known: infinite."""
    return float(margins[np.isfinite(margins)].min(initial=np.inf))


def _cells(outcomes: Outcomes, rows: Sequence[Row]) -> Iterator[Cell]:
    for top, row in enumerate(rows):
        wide = BINS / row.parts
        for part in range(row.parts):
            runs = row.runs[row.part == part]
            if len(runs):
                broken, failed = int(outcomes.violated[runs].sum()), int(outcomes.failed[runs].sum())
                yield Cell((part * wide, float(top), wide), len(runs), broken, failed, _least(outcomes.margin[runs]))


def _span(cells: Sequence[Cell]) -> tuple[float, float]:
    """Between which margins (m) colours differ: from the least on to all but the largest few, in round numbers."""
    known = [cell.least for cell in cells if not cell.broken and np.isfinite(cell.least)] or [0.0]
    low = STEP * floor(min(known) / STEP)
    return low, max(STEP * ceil(float(np.percentile(known, LARGEST_SHARE)) / STEP), low + 2.0 * STEP)


def _draw_cells(panel: Axes, rows: Sequence[Row], cells: Sequence[Cell]) -> None:
    panel.set_xlim(0.0, BINS)
    panel.set_ylim(len(rows), 0.0)
    panel.set_facecolor(SHADE)
    shown = Normalize(*_span(cells), clip=True)
    for cell in cells:
        _draw_cell(panel, cell, shown)
    for at, row in enumerate(rows):
        panel.text(BINS + 0.1, at + 0.5, row.span, fontsize=TINY, va="center")
    panel.set_yticks(np.arange(len(rows)) + 0.5, [row.name for row in rows], fontsize=7)
    panel.set_xticks([0.0, BINS], ["lowest", "highest"])
    panel.set_xlabel("amplitude, within the range of its row; in a cell: its runs", labelpad=-6)
    panel.tick_params(length=0)


def _draw_cell(panel: Axes, cell: Cell, shown: Normalize) -> None:
    left, top, wide = cell.place
    is_known = np.isfinite(cell.least)
    colour = DANGER if cell.broken else to_hex(CLOSE_IS_DARK(shown(cell.least))) if is_known else SHADE
    panel.add_patch(Rectangle((left, top), wide, 1.0, facecolor=colour, edgecolor="white", linewidth=0.6))
    said = f"{cell.broken}/{cell.runs}" if cell.broken else f"{cell.runs}"
    if cell.failed:
        said += f", {cell.failed} ✕"
    is_dark = bool(cell.broken) or (is_known and shown(cell.least) < DARK_UNTIL)
    ink = "white" if is_dark else INK
    panel.text(left + 0.5 * wide, top + 0.53, said, fontsize=TINY, ha="center", va="center", color=ink)


def _cells_title(outcomes: Outcomes, rows: Sequence[Row]) -> str:
    broken = [row for row in rows if outcomes.violated[row.runs].any()]
    if broken:
        several = f"{len(broken)} of {len(rows)} failures"
        return f"Broken under {several if len(broken) > 1 else broken[0].name}"
    closest = min(rows, key=lambda row: _least(outcomes.margin[row.runs]))
    return f"Closest: {closest.name}"


def _tell_colours(figure: Figure, panel: Axes, cells: Sequence[Cell], measured: str) -> None:
    """Between the title and the cells."""
    box, height = panel.get_position(), figure.get_figheight()
    panel.legend(
        handles=[Patch(color=DANGER, label="broken, of so many"), Patch(color=SHADE, label="no run")],
        loc="lower left",
        bbox_to_anchor=(-0.16, 1.0),
        ncols=2,
        handlelength=1.4,
        borderaxespad=0.0,
        columnspacing=1.2,
    )
    low, high = _span(cells)
    place = figure.add_axes((box.x1 - 0.6 / WIDTH, box.y1 + 0.07 / height, 1.2 / WIDTH, 0.08 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(low, high), CLOSE_IS_DARK), cax=place, orientation="horizontal")
    is_beyond = any(high < cell.least < np.inf for cell in cells if not cell.broken)
    ends = f"{low:g} m".replace("-", "−"), f"{'≥ ' if is_beyond else ''}{high:g} m"
    bar.set_ticks([low, high], labels=ends)
    bar.outline.set_linewidth(0.4)
    place.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, length=1.5, pad=1)
    figure.text(
        box.x1 - 0.67 / WIDTH, box.y1 + 0.11 / height, f"least {measured}", fontsize=7.5, ha="right", va="center"
    )


# --- all runs


def _draw_latency(panel: Axes, outcomes: Outcomes) -> None:
    """Share of the runs in which the slowest switch took longer; and the same of the bounds that they had."""
    known = np.isfinite(outcomes.latency) & np.isfinite(outcomes.bound)
    latency, bound = outcomes.latency[known], outcomes.bound[known]
    _survive(panel, latency, color=OURS, label="slowest switch")
    _survive(panel, bound, color=INK, linestyle=DASHES, label="its bound")
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    panel.set_xlim(left=0.0)
    panel.set_ylim(0.8 / max(len(latency), 1), 1.3)
    panel.set_xlabel("latency (s)")
    panel.set_ylabel("runs above")
    panel.set_title(_latency_title(latency, bound))
    panel.legend(loc="lower left")


def _latency_title(latency: Floats, bound: Floats) -> str:
    if not len(latency):
        return "No switch was measured"
    late = int((latency > bound).sum())
    if late:
        return f"{late} switch{'es' if late > 1 else ''} late"
    used = latency / np.where(bound > 0.0, bound, np.inf)
    return f"A switch takes at most {100 * used.max():.0f} % of its bound"


def _survive(panel: Axes, values: Floats, **look: Any) -> None:
    ordered = np.sort(values)
    above = 1.0 - np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    at = np.concatenate([[0.0], ordered])
    panel.step(at, np.concatenate([[1.0], above]), where="post", **look)


def _draw_distances(panel: Axes, outcomes: Outcomes) -> None:
    """Share of the runs that came closer than so many metres, in gap and in the measure of their kind."""
    gap, margin = (values[np.isfinite(values)] for values in (outcomes.gap, outcomes.margin))
    for values, look in (
        (margin, {"color": OURS, "label": outcomes.measured}),
        (gap, {"color": INK, "linestyle": DASHES, "label": "gap"}),
    ):
        ordered = np.sort(values)
        panel.step(ordered, np.arange(1, len(ordered) + 1) / max(len(ordered), 1), where="post", **look)
    panel.axvline(0.0, color=DANGER, linewidth=0.8)
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    panel.set_ylim(0.8 / max(len(gap), 1), 1.3)
    panel.set_xlabel("least distance of a run (m)")
    panel.set_ylabel("runs below")
    if not len(margin):
        panel.set_title("No distance was measured")
        return
    panel.set_title(f"Least {outcomes.measured}: {_least(margin):.1f} m".replace("-", "−"))
    panel.legend(loc="lower right")
