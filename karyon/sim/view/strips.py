"""Strip charts of the selected vehicle over the last 30 s, and the levels of all vehicles over the same time."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pygame

from karyon.sim.view.colours import Colour
from karyon.sim.view.look import SMALL, Look, mixed
from karyon.sim.view.rows import Floats, Integers
from karyon.sim.view.scene import HISTORY, NO_LEVEL, Scene

LEFT, RIGHT = 168, 66  # px beside the charts, for names and for the last value
TITLE, AXIS = 22, 24  # px
SPACE = 8  # px between two strips
TICK_EVERY = 5.0  # s
TICK_LEAST = 24  # px between two values on an axis
LANE_MOST, LANES_SHARE = 17, 0.48  # px of a signal's validity, at most; and of all of them together
CHIP_TALL = 14  # px
STEPS = tuple(digit * 10**power for power in range(6) for digit in (1, 2, 5))  # between values on an axis


class Strips:
    """Draws into rectangles of the window."""

    def __init__(self, surface: pygame.Surface, look: Look, scene: Scene) -> None:
        self._surface, self._look, self._scene = surface, look, scene

    def draw_levels(self, place: pygame.Rect) -> None:
        """Rows of colour, one per vehicle; as many as there are, in as much height as there is."""
        scene, look, colours = self._scene, self._look, self._look.colours
        chart = self._chart(place, top=TITLE, bottom=4)
        at = (place.left + look.px(16), place.top + look.px(11))
        title = look.text(self._surface, f"Level of each {scene.about.called[0]}", at, is_bold=True)
        if not len(scene.levels_time):
            return
        palette = [colours.ground, colours.no_level, *colours.levels]
        columns = self._instants(chart, scene.levels_time)
        cars = scene.levels.shape[1]
        tall = min(chart.height, look.px(LANE_MOST) * cars)
        rows = np.arange(tall) * cars // tall
        colour = np.minimum(scene.levels - NO_LEVEL + 1, len(palette) - 1).astype(np.uint8)
        shown = np.where(columns < 0, 0, colour[np.maximum(columns, 0)].T)  # (car, pixel)
        picture = pygame.surfarray.make_surface(shown[rows].T)
        picture.set_palette(palette)
        self._surface.blit(picture, chart.topleft)
        self._name_rows(chart, tall)
        self._draw_key(chart, max(chart.left, title.right + look.px(8)))

    def _draw_key(self, chart: pygame.Rect, x: int) -> None:
        """Which colour is which level, from the pixel `x` on."""
        look, side = self._look, self._look.px(CHIP_TALL)
        levels = max(len(self._scene.about.level_names), int(self._scene.levels.max(initial=0)) + 1)
        y = chart.top - look.px(TITLE) // 2
        for level in range(levels):
            fill, on_fill = look.level(level)
            box = pygame.Rect(x, round(y - side / 2), side, side)
            pygame.draw.rect(self._surface, fill, box, border_radius=look.px(3))
            look.text(self._surface, str(level), box.center, 11, on_fill, "centre", is_bold=True)
            x += side + look.px(4)

    def _name_rows(self, chart: pygame.Rect, tall: int) -> None:
        scene, look, colours = self._scene, self._look, self._look.colours
        cars = len(scene.cars.vehicle)
        lane = tall / cars
        if lane >= look.px(5):
            for row in range(1, cars):
                edge = chart.top + round(row * lane)
                pygame.draw.line(self._surface, colours.ground, (chart.left, edge), (chart.right, edge))
        top = chart.top + scene.place * lane
        frame = pygame.Rect(chart.left - look.px(2), round(top), chart.width + look.px(4), max(round(lane), 3))
        pygame.draw.rect(self._surface, colours.chosen, frame, look.px(1))
        middle = min(max(top + 0.5 * lane, chart.top + look.px(7)), chart.top + tall - look.px(5))
        every = max(1, ceil(look.px(13) / lane))
        for row, vehicle in enumerate(scene.cars.vehicle.tolist()):
            y = chart.top + (row + 0.5) * lane
            if (row - scene.place) % every == 0 and abs(y - middle) >= look.px(12):
                name = f"{scene.about.called[0]} {vehicle}"
                look.text(self._surface, name, (chart.left - look.px(8), y), SMALL, colours.faint, "right")
                self._say_level(chart, row, y)
        said = f"{scene.about.called[0]} {scene.selected}"
        look.text(self._surface, said, (chart.left - look.px(8), middle), SMALL, None, "right", is_bold=True)
        self._say_level(chart, scene.place, middle)

    def _say_level(self, chart: pygame.Rect, car: int, y: float) -> None:
        level = int(self._scene.cars.level[car])
        if level != NO_LEVEL:
            self._look.text(self._surface, str(level), (chart.right + self._look.px(8), y), SMALL)

    def draw(self, place: pygame.Rect) -> None:
        """Gap, speed and validity, one below the other."""
        look = self._look
        signals = self._scene.signals
        inner = place.height - look.px(AXIS) - 3 * look.px(TITLE) - 2 * look.px(SPACE)
        lanes = min(look.px(LANE_MOST) * len(signals), round(LANES_SHARE * inner))
        tall = (inner - lanes) // 2
        upper = place.top
        for title, height, draw in (
            (self._title_gap, tall, self._draw_gap),
            (self._title_speed, tall, self._draw_speed),
            (self._title_validity, lanes, self._draw_validity),
        ):
            title(pygame.Rect(place.left, upper, place.width, look.px(TITLE)))
            chart = pygame.Rect(
                place.left + look.px(LEFT),
                upper + look.px(TITLE),
                place.width - look.px(LEFT + RIGHT),
                height,
            )
            self._shade(chart)
            draw(chart)
            upper = chart.bottom + look.px(SPACE)
        self._draw_axis(chart)

    def _chart(self, place: pygame.Rect, top: int, bottom: int) -> pygame.Rect:
        look = self._look
        return pygame.Rect(
            place.left + look.px(LEFT),
            place.top + look.px(top),
            place.width - look.px(LEFT + RIGHT),
            place.height - look.px(top + bottom),
        )

    def _instants(self, chart: pygame.Rect, time: Floats) -> Integers:
        """Of each pixel column the last instant until then, -1: before the first."""
        when = self._scene.time - HISTORY + (np.arange(chart.width) + 1) * HISTORY / chart.width
        return np.searchsorted(time, when, side="right") - 1

    def _x(self, chart: pygame.Rect, time: Any) -> Any:
        return chart.right + (time - self._scene.time) * chart.width / HISTORY

    def _title_gap(self, place: pygame.Rect) -> None:
        words, parts = self._parts_gap()
        self._title(place, words, _known(parts))

    def _title_speed(self, place: pygame.Rect) -> None:
        words, parts = self._parts_speed()
        self._title(place, words, _known(parts))

    def _title(self, place: pygame.Rect, words: str, parts: Sequence[tuple[str, Colour]]) -> None:
        """Name of a strip, and what its lines are."""
        look = self._look
        y = place.centery
        look.text(self._surface, words, (place.left + look.px(16), y), is_bold=True)
        x = place.left + look.px(LEFT)
        for name, colour in parts:
            wide = look.px(14)
            if x + wide + look.width(name, SMALL) > place.right - look.px(8):
                break
            pygame.draw.rect(self._surface, colour, (x, y - look.px(2), wide, look.px(4)))
            x = look.text(self._surface, name, (x + wide + look.px(5), y), SMALL, look.colours.faint).right + look.px(
                14
            )

    def _parts_gap(self) -> tuple[str, Sequence[tuple[str, Colour, Floats | None]]]:
        """Name of the upper strip, and its lines: name, colour, values (None: there are none)."""
        history, colours = self._scene.history, self._look.colours
        return "Gap (m)", [
            ("gap", colours.ink, history.columns["gap"]),
            ("measured", colours.measured, history.columns.get("front.distance")),
            ("RSS distance", colours.safe, history.safe_distance),
        ]

    def _parts_speed(self) -> tuple[str, Sequence[tuple[str, Colour, Floats | None]]]:
        """Of the lower strip."""
        history, colours = self._scene.history, self._look.colours
        return "Speed (m/s)", [
            ("own", colours.ink, history.speed),
            ("measured", colours.measured, history.columns.get("own.speed")),
            ("of the car ahead", colours.told, history.speed_ahead),
        ]

    def _title_validity(self, place: pygame.Rect) -> None:
        parts = [("from 0 to 1", self._look.colours.valid)]
        if self._scene.about.minimum:
            parts.append(("below what the rules demand", self._look.colours.danger))
        self._title(place, "Validity", parts)

    def _shade(self, chart: pygame.Rect) -> None:
        """The ground of a chart: faults of the vehicle shaded, ticks of time, and its switches."""
        scene, colours = self._scene, self._look.colours
        pygame.draw.rect(self._surface, colours.panel, chart)
        for fault in scene.faults:
            if fault.vehicle == scene.selected and fault.begin <= scene.time:
                left = max(float(self._x(chart, fault.begin)), chart.left)
                right = min(float(self._x(chart, min(fault.end, scene.time))), chart.right)
                if right > left:
                    pygame.draw.rect(self._surface, colours.fault, (left, chart.top, right - left + 1, chart.height))
        for when in self._ticks():
            x = round(float(self._x(chart, when)))
            pygame.draw.line(self._surface, colours.line, (x, chart.top), (x, chart.bottom - 1))
        pygame.draw.rect(self._surface, colours.line, chart, 1)

    def _ticks(self) -> list[float]:
        first = ceil((self._scene.time - HISTORY) / TICK_EVERY)
        last = int(self._scene.time // TICK_EVERY)
        return [tick * TICK_EVERY for tick in range(max(first, 0), last + 1)]

    def _draw_axis(self, chart: pygame.Rect) -> None:
        look = self._look
        y = chart.bottom + look.px(12)
        for when in self._ticks():
            x = float(self._x(chart, when))
            if chart.left + look.px(8) <= x <= chart.right - look.px(30):
                look.text(self._surface, f"{when:g}", (x, y), SMALL, look.colours.faint, "centre")
        end = (chart.right + look.px(RIGHT - 8), y)
        look.text(self._surface, f"{self._scene.time:.1f} s", end, SMALL, None, "right", is_bold=True)

    def _draw_gap(self, chart: pygame.Rect) -> None:
        history, colours = self._scene.history, self._look.colours
        gap = history.columns["gap"]
        seen = history.columns.get("front.distance", np.full(len(gap), np.nan))
        seen = np.where(seen < self._scene.about.sensor_range, seen, np.nan)
        safe = history.safe_distance
        top = self._highest([gap, seen, safe], least=10.0)
        self._scale(chart, 0.0, top)
        self._area(chart, history.time, safe, top, colours.safe)
        self._line(chart, history.time, seen, 0.0, top, colours.measured, 1)
        self._line(chart, history.time, gap, 0.0, top, colours.ink, 2)
        self._mark_switches(chart)
        self._last(chart, gap, 0.0, top, "{:.1f} m")

    def _draw_speed(self, chart: pygame.Rect) -> None:
        history, colours = self._scene.history, self._look.colours
        own, ahead = history.speed, history.speed_ahead
        seen = history.columns.get("own.speed", np.full(len(own), np.nan))
        shown = [own, ahead, seen]
        finite = np.concatenate([each[np.isfinite(each)] for each in shown])
        low = 5.0 * np.floor((finite.min(initial=np.inf) if len(finite) else 0.0) / 5.0)
        low = max(0.0, float(low)) if np.isfinite(low) else 0.0
        top = max(self._highest(shown, least=low + 5.0), low + 5.0)
        self._scale(chart, low, top)
        self._line(chart, history.time, ahead, low, top, colours.told, 2)
        self._line(chart, history.time, seen, low, top, colours.measured, 1)
        self._line(chart, history.time, own, low, top, colours.ink, 2)
        self._mark_switches(chart, is_named=False)
        self._last(chart, own, low, top, "{:.1f} m/s")

    def _draw_validity(self, chart: pygame.Rect) -> None:
        scene, look, colours = self._scene, self._look, self._look.colours
        signals = scene.signals
        if not signals:
            return
        lane = chart.height / len(signals)
        size = min(SMALL, max(8, int(lane / look.scale) - 1))
        columns = self._instants(chart, scene.history.time)
        is_there = columns >= 0
        for row, signal in enumerate(signals):
            validity, minimum = scene.history.columns[f"{signal}_validity"], scene.about.minimum.get(signal, 0.0)
            if len(validity):
                values = np.where(is_there, validity[np.maximum(columns, 0)], np.nan)
                bottom = chart.top + round((row + 1) * lane) - 1
                self._fill(chart, values, bottom, lane - look.px(3), minimum)
            y = chart.top + (row + 0.5) * lane
            name = look.cut(signal, look.px(LEFT - 24), size)
            look.text(self._surface, name, (chart.left - look.px(8), y), size, colours.faint, "right")
            said = scene.values.get(f"{signal}_validity", np.nan)
            if np.isfinite(said):
                colour = colours.danger if said < minimum else colours.ink
                look.text(self._surface, f"{said:.2f}", (chart.right + look.px(8), y), size, colour)

    def _fill(self, chart: pygame.Rect, values: Floats, bottom: int, tall: float, minimum: float) -> None:
        """Height by validity (pixel,), in stretches that are alike; NaN: not known."""
        colours = self._look.colours
        known = np.isfinite(values)
        high = np.where(known, np.round(np.where(known, values, 0.0) * tall), -1).astype(int)
        is_low = values < minimum
        edges = np.flatnonzero(np.diff(high, prepend=-2) | np.diff(is_low.astype(int), prepend=-2))
        for begin, end in zip(edges.tolist(), [*edges[1:].tolist(), len(high)], strict=True):
            if high[begin] < 0:
                continue
            colour = colours.danger if is_low[begin] else colours.valid
            height = max(int(high[begin]), 1)
            pygame.draw.rect(self._surface, colour, (chart.left + begin, bottom - height, end - begin, height))

    def _highest(self, shown: Sequence[Floats], least: float) -> float:
        """A round number above all that is shown."""
        most = max((float(each[np.isfinite(each)].max(initial=0.0)) for each in shown), default=0.0)
        most = max(1.06 * most, least)
        step = 5.0 if most <= 40 else 10.0 if most <= 100 else 50.0
        return step * ceil(most / step)

    def _scale(self, chart: pygame.Rect, low: float, high: float) -> None:
        look, colours = self._look, self._look.colours
        most = max(chart.height // look.px(TICK_LEAST), 1)
        step = next(step for step in STEPS if (high - low) / step <= most)
        value = step * ceil(low / step)
        while value <= high:
            y = chart.bottom - (value - low) / (high - low) * chart.height
            pygame.draw.line(self._surface, colours.line, (chart.left, y), (chart.right - 1, y))
            at = (chart.left - look.px(8), min(max(y, chart.top + look.px(6)), chart.bottom - look.px(6)))
            look.text(self._surface, f"{value:g}", at, SMALL, colours.faint, "right")
            value += step

    def _line(
        self, chart: pygame.Rect, time: Floats, values: Floats, low: float, high: float, colour: Colour, wide: int
    ) -> None:
        """A line, with holes where a value is absent."""
        xs = self._x(chart, time)
        ys = chart.bottom - 1 - (values - low) / (high - low) * (chart.height - 1)
        known = np.isfinite(ys) & (np.asarray(xs) >= chart.left)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
        points = np.stack([xs, np.clip(np.where(known, ys, 0.0), chart.top, chart.bottom)], axis=1)
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - begin < 2:
                continue
            part = points[begin:end].tolist()
            if wide > 1:
                pygame.draw.lines(self._surface, colour, False, part, self._look.px(wide))
            else:
                pygame.draw.aalines(self._surface, colour, False, part)

    def _area(self, chart: pygame.Rect, time: Floats, values: Floats, high: float, colour: Colour) -> None:
        xs = np.asarray(self._x(chart, time))
        ys = chart.bottom - 1 - values / high * (chart.height - 1)
        known = np.isfinite(ys) & (xs >= chart.left)
        if known.sum() < 2:
            return
        points = np.stack([xs[known], ys[known]], axis=1).tolist()
        corners = [(points[0][0], chart.bottom - 1), *points, (points[-1][0], chart.bottom - 1)]
        pygame.draw.polygon(self._surface, mixed(self._look.colours.panel, colour, 0.45), corners)
        pygame.draw.aalines(self._surface, colour, False, points)

    def _mark_switches(self, chart: pygame.Rect, is_named: bool = True) -> None:
        """Where the level changed; named by the new level, where there is room."""
        look, history = self._look, self._scene.history
        changes = np.flatnonzero(np.diff(history.level, prepend=history.level[:1]))
        xs = [(float(self._x(chart, history.time[change])), int(history.level[change])) for change in changes.tolist()]
        shown = [(x, level) for x, level in xs if x >= chart.left]
        for x, level in shown:
            shade = mixed(look.level(level)[0], (0, 0, 0), 0.3)
            pygame.draw.line(self._surface, shade, (x, chart.top), (x, chart.bottom - 1), 2)
        half, taken = look.px(CHIP_TALL) // 2, float("inf")
        for x, level in shown[::-1] if is_named else ():  # of several close together the last one counts
            if x + half < taken:
                fill, on_fill = look.level(level)
                box = pygame.Rect(round(x) - half, chart.top, 2 * half, 2 * half)
                pygame.draw.rect(self._surface, fill, box, border_radius=look.px(3))
                look.text(self._surface, str(level), box.center, 11, on_fill, "centre", is_bold=True)
                taken = x - half

    def _last(self, chart: pygame.Rect, values: Floats, low: float, high: float, form: str) -> None:
        if len(values) and np.isfinite(values[-1]):
            y = chart.bottom - (float(values[-1]) - low) / (high - low) * chart.height
            at = (chart.right + self._look.px(8), min(max(y, chart.top + 6), chart.bottom - 6))
            self._look.text(self._surface, form.format(values[-1]), at, SMALL)


def _known(parts: Sequence[tuple[str, Colour, Floats | None]]) -> list[tuple[str, Colour]]:
    """Name and colour of the lines that there are."""
    return [(name, colour) for name, colour, values in parts if values is not None and np.isfinite(values).any()]
