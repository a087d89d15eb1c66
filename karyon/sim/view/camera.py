"""What part of the road, or of the plane, is in the window."""

from dataclasses import dataclass

import numpy as np

from karyon.sim.backdrop import Backdrop
from karyon.sim.view.scene import Scene

MOST_FITTED = 220.0  # m of road that are shown at first, at most
AROUND = 25.0  # m beside the cars
NEAREST, FARTHEST = 120.0, 0.02  # px per m


@dataclass(slots=True)
class Camera:
    """What part of the road is in the window.

    middle, across   m along the road, or x and y
    turn             rad by which the plane is turned, so that the road leads to the right
    zoom             px per m at scale 1
    width            px at scale 1 of the window that it is for; 0: of any
    vehicle, place   what was followed last, and where it was then, m
    """

    middle: float = 0.0
    across: float = 0.0
    turn: float = 0.0
    zoom: float = 6.0
    width: float = 0.0
    vehicle: int = -1
    place: tuple[float, float] = (0.0, 0.0)

    def fit(self, scene: Scene, size: tuple[float, float]) -> None:
        """Show all that is of interest in a window of `size`, px at scale 1."""
        if scene.about.backdrop is None:
            self._fit_road(scene, size[0])
        else:
            self._fit_plane(scene, scene.about.backdrop, size)
        self.zoom, self.width = min(max(self.zoom, FARTHEST), NEAREST), size[0]

    def _fit_road(self, scene: Scene, width: float) -> None:
        """All cars where they are near enough, or else the selected one and those around it."""
        cars = scene.cars
        rear, front = float((cars.x - cars.length).min()), float(cars.x.max())
        if front - rear + 2 * AROUND > MOST_FITTED:
            rear, front = _around(scene)
        self.middle, self.zoom = 0.5 * (rear + front), width / (front - rear + 2 * AROUND)

    def _fit_plane(self, scene: Scene, backdrop: Backdrop, size: tuple[float, float]) -> None:
        """What is meant to be shown, or all aircraft, or else what is around the selected car."""
        shown = backdrop.shown if backdrop.around is None else _all_around(scene, backdrop.around)
        if shown is not None:
            left, right, bottom, top = shown
            self.middle, self.across, self.turn = 0.5 * (left + right), 0.5 * (bottom + top), 0.0
            self.zoom = min(size[0] / (right - left), size[1] / (top - bottom))
        else:
            self.middle, self.across = (float(each[scene.place]) for each in (scene.cars.x, scene.cars.y))
            self.turn = -float(scene.cars.heading[scene.place])
            self.zoom = size[0] / MOST_FITTED

    def resize(self, width: float) -> None:
        """Show the same part of the road in a window of another width."""
        if self.width > 0.0:
            self.zoom = min(max(self.zoom * width / self.width, FARTHEST), NEAREST)
        self.width = width

    def follow(self, scene: Scene) -> None:
        """Keep the selected car where it is in the window, unless all is in it anyway."""
        if scene.about.backdrop is not None and scene.about.backdrop.shown is not None:
            return
        own = float(scene.cars.x[scene.place]), float(scene.cars.y[scene.place])
        if scene.about.backdrop is not None and scene.about.backdrop.around is None:
            self.turn = -float(scene.cars.heading[scene.place])
        if self.vehicle == scene.selected:
            self.middle += own[0] - self.place[0]
            self.across += own[1] - self.place[1]
        self.vehicle, self.place = scene.selected, own

    def pan(self, right: float, down: float) -> None:
        """By so many px at scale 1."""
        along, across = np.cos(self.turn), np.sin(self.turn)
        self.middle += float(right * along - down * across) / self.zoom
        self.across -= float(right * across + down * along) / self.zoom

    def zoomed(self, factor: float, at: tuple[float, float]) -> None:
        """Nearer or farther, so that the place `at` (m) stays where it is."""
        zoom = min(max(self.zoom * factor, FARTHEST), NEAREST)
        self.middle = at[0] + (self.middle - at[0]) * self.zoom / zoom
        self.across = at[1] + (self.across - at[1]) * self.zoom / zoom
        self.zoom = zoom


def _around(scene: Scene) -> tuple[float, float]:
    """From behind the selected car to the one ahead, as far as that can be shown."""
    cars, own = scene.cars, float(scene.cars.x[scene.place])
    gap, measured = float(cars.gap[scene.place]), float(cars.measured[scene.place])
    if np.isnan(gap) and measured < scene.about.sensor_range:  # a real sensor: nobody knows better
        gap = measured
    ahead = own + min(gap + 2 * AROUND if np.isfinite(gap) else AROUND, 0.7 * MOST_FITTED)
    return ahead - MOST_FITTED + 2 * AROUND, ahead


def _all_around(scene: Scene, beside: float) -> tuple[float, float, float, float]:
    """Lowest and highest x, lowest and highest y of a picture with all aircraft, and `beside` m around them."""
    x, y = scene.cars.x, scene.cars.y
    return float(x.min() - beside), float(x.max() + beside), float(y.min() - beside), float(y.max() + beside)
