"""The whole picture, for a window, a still and a video alike."""

from dataclasses import dataclass, field

import numpy as np
import pygame

from karyon.sim.view.air_strips import AirStrips
from karyon.sim.view.bar import Bar, Transport, draw_header
from karyon.sim.view.camera import Camera
from karyon.sim.view.ground import Ground
from karyon.sim.view.layout import CROSSING_SHARE, ROAD_SHARE, Layout, layout
from karyon.sim.view.look import NORMAL, SMALL, Look
from karyon.sim.view.panel import Panel
from karyon.sim.view.road import Road
from karyon.sim.view.scene import Scene
from karyon.sim.view.sky import Sky
from karyon.sim.view.strips import Strips


@dataclass(slots=True)
class Picture:
    """What was drawn where, for who points at it; None: the window is too small."""

    layout: Layout
    road: Road | Ground
    bar: Bar


@dataclass(slots=True)
class Renderer:
    """Draws scenes as `look` says, seen by `camera`."""

    look: Look
    camera: Camera = field(default_factory=Camera)

    def fit(self, scene: Scene, size: tuple[int, int]) -> None:
        """Show as much of the road as is of interest."""
        places = self._layout(scene, size)
        if places is not None:
            self.camera.fit(scene, (places.road.width / self.look.scale, places.road.height / self.look.scale))

    def draw(self, surface: pygame.Surface, scene: Scene, transport: Transport) -> Picture | None:
        """One picture of a scene."""
        look, places = self.look, self._layout(scene, surface.get_size())
        surface.fill(look.colours.ground)
        if places is None:
            look.text(surface, "this window is too small", surface.get_rect().center, SMALL, None, "centre")
            return None
        self.camera.resize(places.road.width / look.scale)
        road = self._road(surface, places.road, scene)
        road.draw()
        if places.overview is not None and isinstance(road, Road):
            _draw_overview(surface, look, places.overview, scene, road)
        strips = (AirStrips if scene.about.is_air else Strips)(surface, look, scene)
        if places.levels is not None:
            strips.draw_levels(places.levels)
        if places.strips is not None:
            strips.draw(places.strips)
        if places.panel is not None:
            Panel(surface, look, places.panel, scene).draw()
        draw_header(surface, look, places.header, scene, transport)
        bar = Bar(look, places.bar, scene)
        bar.draw(surface, transport)
        return Picture(places, road, bar)

    def _layout(self, scene: Scene, size: tuple[int, int]) -> Layout | None:
        backdrop, cars = scene.about.backdrop, len(scene.cars.vehicle)
        is_whole = backdrop is not None and (backdrop.shown is not None or backdrop.around is not None)
        share = CROSSING_SHARE if is_whole else ROAD_SHARE
        return layout(size, self.look.scale, cars, is_file=backdrop is None, share=share)

    def _road(self, surface: pygame.Surface, place: pygame.Rect, scene: Scene) -> Road | Ground:
        backdrop = scene.about.backdrop
        if backdrop is None:
            return Road(surface, self.look, place, scene, self.camera)
        plane = Sky if scene.about.is_air else Ground
        return plane(surface, self.look, place, scene, self.camera, backdrop)


def _draw_overview(surface: pygame.Surface, look: Look, place: pygame.Rect, scene: Scene, road: Road) -> None:
    """The whole file, and what part of it is above."""
    cars, colours = scene.cars, look.colours
    rear, front = float((cars.x - cars.length).min()), float(cars.x.max())
    left, right = place.left + look.px(168), place.right - look.px(66)
    whole = max(front - rear, 1.0)
    y = place.centery
    look.text(surface, "All cars", (place.left + look.px(16), y), NORMAL, None, "left", True)
    pygame.draw.line(surface, colours.road, (left, y), (right, y), look.px(3))
    seen = [left + (road.metre(x) - rear) / whole * (right - left) for x in (place.left, place.right)]
    box = pygame.Rect(round(max(seen[0], left - 6)), y - look.px(11), 0, look.px(22))
    box.width = max(round(min(seen[1], right + 6)) - box.left, 4)
    pygame.draw.rect(surface, colours.faint, box, 1, border_radius=look.px(3))
    xs = np.round(left + (cars.x - 0.5 * cars.length - rear) / whole * (right - left)).astype(int)
    tall, wide = look.px(10), max(look.px(2), round(float(cars.length[0]) / whole * (right - left)))
    order = np.lexsort((cars.level, xs))  # where several are in one place, the lowest level is shown
    places, first = np.unique(xs[order], return_index=True)
    for x, level in zip(places.tolist(), cars.level[order][first].tolist(), strict=True):
        surface.fill(look.level(level)[0], (x - wide // 2, y - tall // 2, wide, tall))
    said = f"{whole:.0f} m" if whole < 10_000 else f"{whole / 1000:.1f} km"
    look.text(surface, said, (right + look.px(12), y), SMALL, colours.faint)
