"""Strip charts of the selected aircraft: how far the nearest one is, and altitudes, over the last 30 s."""

from collections.abc import Sequence

import numpy as np
import pygame

from karyon.flight.units import FOOT
from karyon.sim.view.colours import Colour
from karyon.sim.view.look import mixed
from karyon.sim.view.rows import Floats
from karyon.sim.view.strips import Strips

BESIDE = 200.0  # ft above and below all altitudes


class AirStrips(Strips):
    """Draws into rectangles of the window, for aircraft."""

    def _parts_gap(self) -> tuple[str, Sequence[tuple[str, Colour, Floats | None]]]:
        history, colours = self._scene.history, self._look.colours
        return "Separation (m)", [
            ("of the nearest, across", colours.ink, history.columns["horizontal_separation"]),
            ("in altitude", colours.told, history.columns["vertical_separation"]),
            ("kept across at this level", colours.safe, self._kept),
        ]

    def _parts_speed(self) -> tuple[str, Sequence[tuple[str, Colour, Floats | None]]]:
        colours = self._look.colours
        return "Altitude (ft)", [("own", colours.ink, np.zeros(1)), ("of the others", colours.faint, np.zeros(1))]

    @property
    def _kept(self) -> Floats:
        """Distance across that the level of each instant keeps (instant,); NaN: not known."""
        apart, level = self._scene.about.apart, self._scene.history.level
        table = np.array([*(across for across, _ in apart), np.nan])
        return table[np.where((level >= 0) & (level < len(apart)), level, len(apart))]

    def _draw_gap(self, chart: pygame.Rect) -> None:
        history, colours = self._scene.history, self._look.colours
        across, up = (history.columns[f"{name}_separation"] for name in ("horizontal", "vertical"))
        top = self._highest([np.minimum(across, 2.0 * np.fmax.reduce(self._kept, initial=1000.0)), self._kept], 10.0)
        self._scale(chart, 0.0, top)
        self._area(chart, history.time, self._kept, top, colours.safe)
        self._line(chart, history.time, np.minimum(up, top), 0.0, top, colours.told, 2)
        self._line(chart, history.time, np.where(across <= top, across, np.nan), 0.0, top, colours.ink, 2)
        self._mark_switches(chart)
        self._last(chart, across, 0.0, top, "{:.0f} m")

    def _draw_speed(self, chart: pygame.Rect) -> None:
        scene, colours = self._scene, self._look.colours
        assert scene.air is not None
        heights = scene.air.place[2] / FOOT
        low, high = float(heights.min()) - BESIDE, float(heights.max()) + BESIDE
        self._scale(chart, low, high)
        for car in [*(each for each in range(heights.shape[1]) if each != scene.place), scene.place]:
            is_own = car == scene.place
            colour = colours.ink if is_own else mixed(colours.panel, colours.faint, 0.8)
            self._line(chart, scene.air.time, heights[:, car], low, high, colour, 2 if is_own else 1)
        self._mark_switches(chart, is_named=False)
        self._last(chart, heights[:, scene.place], low, high, "{:,.0f} ft")
