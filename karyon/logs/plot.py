"""The figure of a judged log: what was measured, what it was worth, and which detectors said so.

Of a log of samples each signal has a panel with its values, and below it its validity and a lane for each detector that
spoke. Of a log of messages there are their rate, a lane of validity for each sender, and a lane for each check that
raised an alarm. A log of any length is drawn by the least and the most of each column of pixels, so no alarm is lost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from karyon.logs import inject_options, judged, sensors_file
from karyon.logs.inject import Injected
from karyon.logs.judging import CALLED
from karyon.logs.reduced import COLUMNS, Axis, Lowest, Seen, Sender, Signal, Traffic, messages, signals
from karyon.logs.sensors_file import MessageLog, Signals
from karyon.logs.tables import Log, open_log
from karyon.perception.chain import DETECTORS
from karyon.perception.sensors import Booleans, Floats
from karyon.sim.documents import InputError, shortened
from karyon.sim.view.page import (
    DANGER,
    FAULT,
    GREY,
    LANE_FILLED,
    LANE_STEPS,
    MEASURED,
    SAFE,
    SMALL,
    VALID,
    WIDTH,
    rendered,
    stacked,
    styled,
    write,
)

__all__ = ["InputError", "draw", "figure"]

FORMATS = ("png", "svg")
SIGNALS_SHOWN = 10  # panels
SENDERS_SHOWN = 30  # lanes
HEAD, TITLE = 0.54, 0.28  # inches: heading of the page, space for the title of a panel
HEIGHTS = (1.9, 1.5, 1.2, 1.0, 0.85, 0.75, 0.68, 0.6, 0.55, 0.5)  # inches of a panel of values, by how many there are
VALIDITY_HEIGHT, LANE_HEIGHT, GAP = 0.2, 0.115, 0.035  # inches
TINY = 6.0  # pt
ALARM_WIDTH, BAR_EDGE = 1.0, 0.5  # pt: the least width of an alarm; what widens a bar of a lane
SPOKE = SAFE  # colour of what was lowered without an alarm
ROOM = 0.6  # of the range of most values: how far beyond it the axis goes to show alarms
LONGER = 2.0  # columns: a shorter time without rows is none


@dataclass(frozen=True, slots=True)
class Page:
    """What heads a figure."""

    title: str
    told: str


def draw(
    log: Path,
    sensors: str | Path,
    judged: Path,
    out: Path,
    inject: Sequence[str] = (),
    seed: int = 0,
) -> list[Path]:
    """Draw a judged log as `out` with the endings `.png` and `.svg`; the same log gives the same bytes.

    judged         what `perceive` made of this log and these sensors
    inject, seed   the failures that were put into the log when it was judged
    Raises InputError (sensors file, log, a judged file that does not fit), OSError (out).
    """
    drawn = figure(log, sensors, judged, inject, seed)
    with styled():
        pictures = {_path(out, kind): rendered(drawn, kind) for kind in FORMATS}
    for path, picture in pictures.items():
        write(path, picture)
    return list(pictures)


def figure(log: Path, sensors: str | Path, file: Path, inject: Sequence[str] = (), seed: int = 0) -> Figure:
    """The figure that `draw` makes files of; `file` is the judged one. Raises InputError."""
    described = sensors_file.read(sensors)
    title = f"{shortened(log.name, 60)}   judged with {shortened(Path(sensors).name, 40)}"
    with styled():
        if isinstance(described, MessageLog):
            return _of_messages(title, described, file)
        with open_log(log) as opened:
            return _of_signals(title, _Passes(opened, described, file, inject, seed))


class _Passes:
    """Goes through a log and its judged file, side by side, as often as it is called."""

    def __init__(self, log: Log, described: Signals, file: Path, inject: Sequence[str], seed: int) -> None:
        self.described, self.bound = described, described.bound(log.names)
        self.names = [signal.name for signal in self.bound.signals]
        if not self.names:
            raise judged.unusable(log.path, "has none of the signals of the sensors file")
        self._log, self._file, self._seed = log, file, seed
        self._put = inject_options.read(inject, described, self.bound)
        known = judged.names(file)
        wanted = [f"{name}_{what}" for name in self.names for what in ("validity", "detectors")]
        self._columns = ["time", *wanted, *(f"{name}_fault" for name in self.names if f"{name}_fault" in known)]

    def __call__(self) -> Iterator[Seen]:
        """All rows. Raises LogError, and InputError where the rows of the two are not the same."""
        rows = judged.Rows(self._file, self._columns)
        recorded = self._log.blocks(self.bound.columns, self.described.stamps())
        kept: list[Floats] = []
        for block, _ in Injected(_watched(recorded, kept), self._put, len(self.names), self._seed):
            table = rows.take(len(block.time))
            if table.num_rows < len(block.time):
                raise judged.unusable(self._file, f"ends before row {block.first_row + len(block.time)} of the log")
            time = table["time"].to_numpy()
            if not np.array_equal(time, block.time, equal_nan=True):
                raise judged.unusable(self._file, "has other times than the log", "was it made from this log?")
            yield Seen(block, kept.pop(), table)
        if rows.take(1).num_rows:
            raise judged.unusable(self._file, "has more rows than the log", "was it made from this log?")


def _watched(blocks: Iterator[Any], kept: list[Floats]) -> Iterator[Any]:
    """The blocks, and in `kept` the values of the last one."""
    for block in blocks:
        kept[:] = [block.values]
        yield block


def _path(out: Path, kind: str) -> Path:
    """The file of one format; an ending that `out` has for a picture is not doubled."""
    name = out.name.removesuffix(".png").removesuffix(".svg")
    return out.with_name(f"{name}.{kind}")


# --- the page


def _stacked(heights: Sequence[float], spaces: Sequence[float], axis: Axis) -> tuple[Figure, list[Axes]]:
    """One panel below the other over one time axis, each of its height and with its space above, in inches."""
    sheet, panels = stacked(heights, spaces, HEAD)
    panels[0].set_xlim(0.0, axis.width * COLUMNS)
    panels[-1].tick_params(axis="x", bottom=True, labelbottom=True)
    panels[-1].spines["bottom"].set_visible(True)
    panels[-1].set_xlabel("time since the log begins (s)" if axis.begin else "time (s)")
    return sheet, panels


def _head(sheet: Figure, page: Page, marks: Sequence[Any]) -> None:
    """Which log, what was found, and what the colours mean."""
    height = sheet.get_figheight()
    sheet.text(0.12 / WIDTH, 1 - 0.10 / height, page.title, fontsize=10, fontweight="bold", va="top")
    sheet.text(0.12 / WIDTH, 1 - 0.28 / height, page.told, va="top")
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.12 / WIDTH, 1 - 0.41 / height), "borderpad": 0.0}
    sheet.legend(handles=list(marks), **place, borderaxespad=0.0, ncols=len(marks), columnspacing=1.4, handlelength=1.4)


def _mark(colour: str, text: str) -> Patch:
    return Patch(facecolor=colour, linewidth=0, label=text)


def _line(colour: str, text: str, width: float) -> Line2D:
    return Line2D([], [], color=colour, linewidth=width, label=text)


def _dress_lanes(panel: Axes, names: Sequence[str], size: float) -> None:
    """Lanes 1 high from -1 downwards, named on their left."""
    panel.set_ylim(-len(names) - 1e-3, 0)
    panel.set_yticks([0.5 * LANE_FILLED - lane - 1.0 for lane in range(len(names))], names, fontsize=size)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.spines["bottom"].set_visible(False)


def _runs(which: Booleans) -> list[tuple[int, int]]:
    """Begin and length of the stretches of columns that are marked."""
    edges = np.flatnonzero(np.diff(which.astype(np.int8), prepend=0, append=0))
    return [(int(begin), int(end - begin)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _kept(which: Booleans, rows: Booleans) -> Booleans:
    """The marked columns, and those without rows that follow them."""
    last = np.maximum.accumulate(np.where(rows, np.arange(COLUMNS), 0))
    return np.asarray(which[last])


def _bars(panel: Axes, axis: Axis, floor: float, which: Booleans, colour: str) -> None:
    """Bars where columns are marked, none so short that it is not seen."""
    spans = [(begin * axis.width, length * axis.width) for begin, length in _runs(which)]
    style: dict[str, Any] = {"facecolor": colour, "edgecolor": colour, "linewidth": BAR_EDGE, "joinstyle": "miter"}
    panel.broken_barh(spans, (floor, LANE_FILLED), zorder=2.5, **style)


def _span(axis: Axis) -> str:
    """How long the log is, and where it begins if that is not at 0."""
    begin = f" from {axis.begin:.10g} s on" if axis.begin else ""
    return f"{axis.end - axis.begin:,.1f} s{begin}"


def _times(alarms: int) -> str:
    return f"{alarms:,} alarm{'s' if alarms > 1 else ''}" if alarms else "no alarm"


# --- samples


def _of_signals(title: str, passes: _Passes) -> Figure:
    limits = {signal.name: signal.age_limit for signal in passes.bound.signals}
    axis, tallies, shown = signals(passes, limits, SIGNALS_SHOWN)
    tall = HEIGHTS[min(len(shown), len(HEIGHTS)) - 1]
    heights, spaces = [], []
    for one in shown:
        lanes = VALIDITY_HEIGHT + LANE_HEIGHT * len(_lanes(one))
        heights += [tall, lanes]
        spaces += [TITLE, GAP]
    sheet, panels = _stacked(heights, spaces, axis)
    alarms = sum(tally.alarms for tally in tallies)
    told = [f"{axis.rows:,} rows", _span(axis), f"{_times(alarms)} (a stretch of samples below validity {CALLED:g})"]
    if len(shown) < len(tallies):
        told.append(f"the {len(shown)} of {len(tallies)} signals with the most alarms")
    for one, values, lanes_panel in zip(shown, panels[::2], panels[1::2], strict=True):
        silence = max(limits[one.tally.name], LONGER * axis.width)
        _draw_values(values, one, axis, silence, inject_options.unit_of(passes.described, one.tally.name))
        _draw_worth(lanes_panel, one, axis, silence)
    _head(sheet, Page(title, " · ".join(told)), _signal_marks(shown))
    return sheet


def _signal_marks(shown: Sequence[Signal]) -> list[Any]:
    marks: list[Any] = [_line(MEASURED, "samples", 1.1), _mark(DANGER, "alarm"), _mark(SPOKE, "lowered, no alarm")]
    marks += [_mark(VALID, "validity 0 to 1")]
    if any(_is_beyond(one) for one in shown):
        marks += [
            Line2D([], [], color=DANGER, marker="^", markersize=4, linestyle="none", label="alarm beyond the axis")
        ]
    if any(one.failing.any() for one in shown):
        marks += [_mark(FAULT, "failure put in"), _line(GREY, "as recorded", 2.4)]
    return marks


def _is_beyond(one: Signal) -> bool:
    low, high = _range(one)
    return bool((one.alarmed.low < low).any() or (one.alarmed.high > high).any())


def _lanes(one: Signal) -> list[str]:
    """Detectors that have a lane, in the order of the chain."""
    named = [name for name in DETECTORS if name in one.lowered.names]
    return named + [name for name in one.lowered.names if name not in DETECTORS]


def _draw_values(panel: Axes, one: Signal, axis: Axis, silence: float, unit: str) -> None:
    low, high = _range(one)
    for begin, length in _runs(_kept(one.failing, one.rows)):
        span = (begin * axis.width, (begin + length) * axis.width)
        panel.axvspan(*span, color=FAULT, linewidth=0, zorder=0)
    if one.failing.any():
        panel.plot(*_recorded(one, axis, silence), color=GREY, linewidth=2.4, zorder=1.5)
    time, value = _curve(one, one.values, axis, silence)
    panel.plot(time, value, color=MEASURED, linewidth=0.9, solid_joinstyle="round", zorder=2)
    lonely = _lonely(value)
    panel.plot(time[lonely], value[lonely], color=MEASURED, marker=".", markersize=1.6, linestyle="none", zorder=2)
    _draw_alarmed(panel, one, axis, low, high)
    panel.set_ylim(low, high)
    panel.set_ylabel("" if unit == "1" else unit.replace("m/s2", "m/s²"))
    panel.yaxis.set_label_coords(-0.085, 0.5)
    panel.spines["bottom"].set_visible(False)
    panel.locator_params(axis="y", nbins=5)
    panel.set_title(_title(one))


def _draw_alarmed(panel: Axes, one: Signal, axis: Axis, low: float, high: float) -> None:
    """The samples of alarms, each from the lowest to the highest of its column; arrows to those beyond the axis."""
    found = one.alarmed.any
    at = one.alarmed.lowest.time[found] - axis.begin
    bottom, top = one.alarmed.low[found], one.alarmed.high[found]
    panel.vlines(at, bottom, top, color=DANGER, linewidth=ALARM_WIDTH, zorder=2.6)
    for edge in (bottom, top):
        panel.plot(at, edge, color=DANGER, marker="o", markersize=2.2, markeredgewidth=0, linestyle="none", zorder=2.7)
    beyond: dict[str, Any] = {"color": DANGER, "markersize": 4, "markeredgewidth": 0, "linestyle": "none", "zorder": 3}
    for outside, limit, marker in ((bottom < low, low, "v"), (top > high, high, "^")):
        panel.plot(at[outside], np.full(int(outside.sum()), limit), marker=marker, clip_on=False, **beyond)


def _range(one: Signal) -> tuple[float, float]:
    """Lowest and highest value shown: what most samples are, and of alarms what is not far beyond that."""
    low, high = one.values.low, one.values.high
    found = one.values.any
    if not found.any():
        return 0.0, 1.0
    most = float(np.percentile(low[found], 1)), float(np.percentile(high[found], 99))
    calm = found & ~one.alarmed.any
    bottom = min(most[0], low[calm].min(initial=np.inf))
    top = max(most[1], high[calm].max(initial=-np.inf))
    room = ROOM * ((top - bottom) or abs(top) or 1.0)
    bottom, top = max(bottom - room, low[found].min()), min(top + room, high[found].max())
    margin = 0.06 * ((top - bottom) or abs(top) or 1.0)
    return float(bottom - margin), float(top + margin)


def _curve(one: Signal, values: Any, axis: Axis, silence: float) -> tuple[Floats, Floats]:
    """Time since the first row and value along a curve, broken by NaN where samples are missing."""
    column, time, value = values.points()
    if not len(time):
        return time, value
    lost = np.concatenate([[0], np.cumsum(one.rows & ~values.any)])
    is_break = (lost[column[1:]] > lost[column[:-1]]) | (np.diff(time) > silence)
    at = np.flatnonzero(is_break) + 1
    return np.insert(time - axis.begin, at, np.nan), np.insert(value, at, np.nan)


def _recorded(one: Signal, axis: Axis, silence: float) -> tuple[Floats, Floats]:
    """The curve of the healthy values where a failure was put in."""
    time, value = _curve(one, one.recorded, axis, silence)
    failing = _kept(one.failing, one.rows)
    column = np.clip(np.nan_to_num(time / axis.width).astype(np.int64), 0, COLUMNS - 1)
    return time, np.where(failing[column], value, np.nan)


def _lonely(value: Floats) -> Booleans:
    """Points of a curve that no line reaches: the two of a column are one point, alone between two breaks."""
    missing = np.isnan(np.concatenate([[np.nan, np.nan], value, [np.nan, np.nan]]))
    here, after, before = missing[2:-2], missing[3:-1], missing[1:-3]
    return np.asarray(~here & ((before & missing[4:]) | (after & missing[:-4])))


def _title(one: Signal) -> str:
    tally = one.tally
    name = shortened(tally.name, 40)
    if not tally.samples:
        return f"{name}: no sample"
    silent = f", silent for up to {tally.longest:.3g} s" if tally.silences else ""
    if not tally.alarms:
        return f"{name}: no alarm in {tally.samples:,} samples{silent}"
    share = 100.0 * tally.low / tally.samples
    return f"{name}: {_times(tally.alarms)}, {_percent(share)} of {tally.samples:,} samples{silent}"


def _percent(share: float) -> str:
    return f"{share:.1f} %" if share >= 0.05 else "less than 0.1 %"


def _draw_worth(panel: Axes, one: Signal, axis: Axis, silence: float) -> None:
    """Validity as a band, and below it a lane for each detector."""
    names, tall = _lanes(one), VALIDITY_HEIGHT / LANE_HEIGHT
    _band(panel, axis, one.validity, 0.0, tall * 0.92, silence)
    for lane, name in enumerate(names):
        lowered, alarmed = (_kept(which, one.rows) for which in one.lowered.of(name))
        panel.axhline(-lane - 1.0, color=GREY, linewidth=0.3, zorder=1)
        _bars(panel, axis, -lane - 1.0 + 0.08, lowered, SPOKE)
        _bars(panel, axis, -lane - 1.0 + 0.08, alarmed, DANGER)
    _dress_lanes(panel, names, TINY)
    panel.set_ylim(-len(names) - 1e-3, tall)
    panel.axhline(0.0, color="black", linewidth=0.5, zorder=3)
    panel.text(
        -0.008, 0.45 * tall, "validity", transform=panel.get_yaxis_transform(), ha="right", va="center", size=TINY
    )
    for at, text in ((0.9 * tall, "1"), (0.12, "0")):
        panel.text(1.006, at, text, transform=panel.get_yaxis_transform(), fontsize=5, va="center")


def _band(panel: Axes, axis: Axis, validity: Lowest, floor: float, height: float, silence: float) -> None:
    """The lowest validity of each column as what is filled, and what an alarm lacks in red; held for `silence` s."""
    shown = np.append(_held(validity, axis, silence), np.nan)
    edges, is_low = axis.edges - axis.begin, shown < CALLED
    curve = np.round(np.nan_to_num(shown) * LANE_STEPS) / LANE_STEPS  # as fine as one can see
    lacking = np.where(is_low, curve, 1.0)
    changes = (np.diff(curve, prepend=-1.0) != 0.0) | (np.diff(lacking, prepend=-1.0) != 0.0)
    at, top, bottom = edges[changes], floor + height * curve[changes], floor + height * lacking[changes]
    style: dict[str, Any] = {"step": "post", "linewidth": 0}
    panel.fill_between(at, floor, top, color=VALID, zorder=2, **style)
    panel.fill_between(at, bottom, floor + height, color=DANGER, zorder=2.2, **style)
    first = [begin for begin, _ in _runs(is_low)]
    panel.vlines(edges[first], floor + height * curve[first], floor + height, color=DANGER, linewidth=0.5, zorder=2.2)


def _held(validity: Lowest, axis: Axis, silence: float) -> Floats:
    """The validity of each column, in those without a row that of the one before, for at most `silence` s; else NaN."""
    columns = np.arange(COLUMNS)
    last = np.maximum.accumulate(np.where(np.isfinite(validity.value), columns, -1))
    fresh = (last >= 0) & ((columns - last) * axis.width <= silence)
    return np.where(fresh, validity.value[last], np.nan)


# --- messages


def _of_messages(title: str, described: MessageLog, file: Path) -> Figure:
    columns = ["time", "sender", "validity", "detectors"]
    axis, counts, senders, traffic = messages(lambda: judged.Rows(file, columns), SENDERS_SHOWN)
    checks = sorted(traffic.checks, key=lambda name: -traffic.checks[name])
    lanes = [0.135 * len(senders), 0.15 * max(len(checks), 1)]
    sheet, panels = _stacked([0.9, *lanes], [TITLE, TITLE, TITLE], axis)
    rate, worth, spoke = panels
    _draw_rate(rate, traffic, axis)
    _draw_senders(worth, senders, len(counts), axis, described.interval)
    _draw_checks(spoke, checks, traffic, axis)
    low = sum(each[1] for each in counts.values())
    told = f"{axis.rows:,} messages of {len(counts):,} senders · {_span(axis)}"
    share = f"{100.0 * low / max(axis.rows, 1):.1f} %"
    marks = [_line(MEASURED, "messages", 1.1), _mark(VALID, "validity 0 to 1"), _mark(DANGER, "alarm")]
    marks += [_mark(SPOKE, "lowered, no alarm")]
    _head(sheet, Page(title, f"{told} · {low:,} messages below validity {CALLED:g} ({share}): alarms"), marks)
    return sheet


def _draw_rate(panel: Axes, traffic: Traffic, axis: Axis) -> None:
    """Messages per second, and those of them that raised an alarm, in bins of whole columns."""
    wide = max(1, min(COLUMNS // 8, round(max(1.0, 4 * axis.width) / axis.width)))
    edges = np.arange(0, COLUMNS - wide // 2, wide)
    at = np.append(edges, COLUMNS) * axis.width
    for counted, colour, order in ((traffic.messages, MEASURED, 2.0), (traffic.low, DANGER, 2.1)):
        summed = np.add.reduceat(counted, edges) / np.diff(at)
        style: dict[str, Any] = {"linewidth": 0.9} if colour == MEASURED else {"fill": True, "linewidth": 0}
        panel.stairs(summed, at, color=colour, zorder=order, **style)
    panel.set_ylim(0.0, None)
    panel.set_ylabel("messages/s")
    panel.yaxis.set_label_coords(-0.085, 0.5)
    panel.set_title("Messages, and those that raised an alarm")


def _draw_senders(panel: Axes, senders: Sequence[Sender], total: int, axis: Axis, interval: float) -> None:
    """A lane of validity for each sender; each message counts until the next one is due."""
    for lane, sender in enumerate(senders):
        silence = max(1.5 * interval, LONGER * axis.width)
        panel.axhline(-lane - 1.0, color=GREY, linewidth=0.3, zorder=1)
        _band(panel, axis, sender.validity, -lane - 1.0, LANE_FILLED, silence)
    _dress_lanes(panel, [shortened(sender.name, 22) for sender in senders], TINY)
    _counted(panel, [sender.low for sender in senders])
    part = f": the {len(senders)} of {total:,} senders with the most alarms" if len(senders) < total else ""
    panel.set_title(f"Validity of each sender's messages{part}")


def _draw_checks(panel: Axes, checks: Sequence[str], traffic: Traffic, axis: Axis) -> None:
    for lane, name in enumerate(checks):
        lowered, alarmed = traffic.lowered.of(name)
        panel.axhline(-lane - 1.0, color=GREY, linewidth=0.3, zorder=1)
        _bars(panel, axis, -lane - 1.0, lowered, SPOKE)
        _bars(panel, axis, -lane - 1.0, alarmed, DANGER)
    _dress_lanes(panel, list(checks), SMALL)
    _counted(panel, [traffic.checks[name] for name in checks])
    panel.set_title("Alarms by check")


def _counted(panel: Axes, counts: Sequence[int]) -> None:
    """The number of alarms of each lane, right of it."""
    panel.text(1.006, 0.3, "alarms", transform=panel.get_yaxis_transform(), fontsize=5.5, va="center")
    for lane, count in enumerate(counts):
        at = 0.5 * LANE_FILLED - lane - 1.0
        panel.text(1.006, at, f"{count:,}", transform=panel.get_yaxis_transform(), fontsize=5.5, va="center")
