"""The figure of the benchmark of the failure detection: a block of panels for each drive, a column for each mode.

Detection, blame and delay over the amplitude of the failure; at the bottom how fast each detector is. Methods are told
apart by colour, by marker and by line, so also in grey print.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from karyon.logs.benchmark_text import Cases, axes, by_case
from karyon.sim.view.page import BOTTOM, GREY, OTHERS, OURS, SMALL, THEIRS, WIDTH, rendered, styled, write

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "KARYON": {"color": OURS, "marker": "o", "linewidth": 2.2, "markersize": 4.2, "zorder": 3},  # below: all are seen
    "Isolation Forest": {
        "color": OTHERS,
        "marker": "s",
        "linestyle": (0, (1.2, 1.2)),
        "markersize": 2.8,
        "zorder": 4,
    },
    "Kalman filter": {"color": THEIRS, "marker": "^", "linestyle": (0, (4, 1.5)), "markersize": 2.8, "zorder": 4},
}
ROWS = {  # of a measure: label, what its value is multiplied by, upper end of the axis
    "detected": ("detected\n(%)", 100.0, 100.0),
    "named": ("right\nsensor (%)", 100.0, 100.0),
    "delay": ("delay\n(s)", 1.0, 10.0),
}
HEAD, TITLE, NAMES, PANEL, SPACE, SPEED = 0.62, 0.3, 0.2, 0.6, 0.12, 0.55  # inches
LEFT, RIGHT, BETWEEN = 0.62, 0.12, 0.07  # inches


def draw(measured: Mapping[str, Any], out: Path) -> None:
    """Draw what was measured into `out`, PNG or SVG by its ending; the same measurement gives the same bytes.

    Raises OSError.
    """
    with styled():
        picture = rendered(figure(measured), out.suffix[1:])
    write(out, picture)


def figure(measured: Mapping[str, Any]) -> Figure:
    """The figure that `draw` makes a file of."""
    drives = measured["drives"]
    block = TITLE + NAMES + len(ROWS) * (PANEL + SPACE) + 0.3
    height = HEAD + len(drives) * block + TITLE + SPEED + BOTTOM
    sheet = Figure(figsize=(WIDTH, height))
    _head(sheet, measured)
    for place, drive in enumerate(drives):
        _draw_drive(sheet, drive, height - HEAD - place * block)
    _draw_speeds(sheet, measured["speeds"], BOTTOM)
    return sheet


def _head(sheet: Figure, measured: Mapping[str, Any]) -> None:
    height = sheet.get_figheight()
    title = "Failure detection of three methods on the same samples"
    sheet.text(0.12 / WIDTH, 1 - 0.12 / height, title, fontsize=10, fontweight="bold", va="top")
    told = f"seed {measured['seed']} · thresholds of the peers set on healthy runs, for as many alarms as KARYON raises"
    sheet.text(0.12 / WIDTH, 1 - 0.30 / height, told, va="top")
    marks = [Line2D([], [], label=name, **look) for name, look in LOOKS.items()]
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.1 / WIDTH, 1 - 0.43 / height), "borderpad": 0.0}
    sheet.legend(handles=marks, ncols=len(marks), handlelength=2.8, columnspacing=1.6, **place)


def _draw_drive(sheet: Figure, drive: Mapping[str, Any], top: float) -> None:
    """A block of panels that begins `top` inches above the lower edge."""
    height, cases = sheet.get_figheight(), by_case(drive)
    modes, amplitudes = axes(cases)
    alarms = ", ".join(f"{name} {found['per_hour']:.1f}" for name, found in drive["healthy"].items())
    sheet.text(0.12 / WIDTH, (top - 0.14) / height, _sentence(drive["name"]), fontsize=8.5, fontweight="bold", va="top")
    told = f"{len(drive['signals'])} sensors; false alarms per hour, in {drive['healthy_hours']:.1f} h: {alarms}"
    sheet.text(1.35 / WIDTH, (top - 0.145) / height, told, va="top")
    for row, measure in enumerate(ROWS):
        lower = top - TITLE - NAMES - row * (PANEL + SPACE) - PANEL
        for panel, mode in zip(_row(sheet, lower, len(modes)), modes, strict=True):
            _draw_case(panel, cases, mode, amplitudes, measure)
            if mode == modes[0]:
                panel.set_ylabel(ROWS[measure][0], fontsize=SMALL)
                panel.tick_params(axis="y", labelleft=True)
            if row == 0:
                panel.set_title(mode, fontweight="normal", fontsize=SMALL, loc="center", pad=4)
            if row == len(ROWS) - 1:
                panel.set_xticks(range(len(amplitudes)), [f"{each:g}" for each in amplitudes])
    middle = (LEFT + WIDTH - RIGHT) / 2 / WIDTH
    sheet.text(middle, (lower - 0.2) / height, "error, in multiples of what is tolerated", ha="center", va="top")


def _row(sheet: Figure, lower: float, count: int) -> Iterator[Axes]:
    """Panels side by side, `lower` inches above the lower edge."""
    height, wide = sheet.get_figheight(), (WIDTH - LEFT - RIGHT + BETWEEN) / count
    for column in range(count):
        place = ((LEFT + column * wide) / WIDTH, lower / height, (wide - BETWEEN) / WIDTH, PANEL / height)
        yield sheet.add_axes(place)


def _draw_case(panel: Axes, cases: Cases, mode: str, amplitudes: Sequence[float], measure: str) -> None:
    _, factor, most = ROWS[measure]
    for method, look in LOOKS.items():
        values = [cases[method, mode, amplitude][measure] for amplitude in amplitudes]
        heights = [float("nan") if value is None else factor * value for value in values]
        panel.plot(range(len(amplitudes)), heights, markeredgewidth=0, clip_on=False, **look)
    panel.set_ylim(0.0, most)
    panel.set_xlim(-0.35, len(amplitudes) - 0.65)
    panel.set_yticks([0.0, most / 2.0, most])
    panel.set_xticks(range(len(amplitudes)), [])
    panel.tick_params(labelleft=False, length=2)
    panel.grid(axis="y", color=GREY, linewidth=0.3)


def _draw_speeds(sheet: Figure, speeds: Mapping[str, Any], lower: float) -> None:
    """How many samples of many streams a second, and how long one new sample takes; logarithmic."""
    height, names = sheet.get_figheight(), list(speeds["detectors"])
    panels = [
        ("samples_per_second", f"{speeds['streams']:,} streams: samples/s, more is better", 1.35, 2.1),
        ("microseconds", f"{speeds['signals']} new samples: µs, less is better", 4.85, 2.1),
    ]
    for measure, title, left, wide in panels:
        panel = sheet.add_axes((left / WIDTH, lower / height, wide / WIDTH, SPEED / height))
        values = [speeds["detectors"][name][measure] for name in names]
        panel.barh(names, values, color=[OURS if name == "KARYON" else GREY for name in names], height=0.7)
        panel.set_xscale("log")
        panel.set_xlim(min(values) / 5.0, max(values) * 5.0)
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.invert_yaxis()
        panel.tick_params(axis="y", length=0)
        panel.set_title(title)
        for row, value in enumerate(values):
            panel.text(value * 1.15, row, f"{value:,.0f}", va="center", fontsize=SMALL)


def _sentence(name: str) -> str:
    return name[0].upper() + name[1:]
