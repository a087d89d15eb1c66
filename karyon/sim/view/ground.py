"""Roads that bend and crossings from above, true to scale: their cars, levels, conflict zones, and who was heard."""

import numpy as np
import pygame

from karyon.sim.backdrop import Backdrop
from karyon.sim.view import signs
from karyon.sim.view.camera import Camera
from karyon.sim.view.colours import Colour
from karyon.sim.view.look import SMALL, Look, mixed
from karyon.sim.view.rows import Floats
from karyon.sim.view.scene import Scene

LENGTH_NAMED = 17  # px of a car from which levels are written
REACH = 14  # px around the middle of a car in which a click is meant for it


class Ground:
    """Draws the plane into a rectangle of the window."""

    def __init__(
        self, surface: pygame.Surface, look: Look, place: pygame.Rect, scene: Scene, camera: Camera, backdrop: Backdrop
    ) -> None:
        self._surface, self._look, self._place, self._scene = surface, look, place, scene
        self._backdrop, self._camera, self._zoom = backdrop, camera, camera.zoom * look.scale
        self._corners = self._pixels(_corners(scene))  # (car, corner, 2)
        self._middles = self._corners.mean(axis=1)

    def draw(self) -> None:
        """All of it."""
        before = self._surface.get_clip()
        self._surface.set_clip(self._place)
        self._draw_backdrop()
        self._draw_links()
        self._draw_cars()
        signs.draw_scale(self._surface, self._look, self._place, self._zoom)
        self._surface.set_clip(before)

    def car_at(self, at: tuple[int, int]) -> int | None:
        """The vehicle that is drawn there, or nearest to it; None: far from all."""
        if not self._place.collidepoint(at):
            return None
        cars = self._scene.cars
        away = np.hypot(*(self._middles - np.array(at)).T)
        nearest = int(np.argmin(away))
        reach = max(0.5 * float(cars.length[nearest]) * self._zoom, self._look.px(REACH))
        return int(cars.vehicle[nearest]) if away[nearest] <= reach else None

    def place_at(self, at: tuple[float, float]) -> tuple[float, float]:
        """Of a pixel, m."""
        along, across = np.cos(self._camera.turn), np.sin(self._camera.turn)
        right, up = (at[0] - self._place.centerx) / self._zoom, (self._place.centery - at[1]) / self._zoom
        return (
            self._camera.middle + float(right * along + up * across),
            self._camera.across + float(up * along - right * across),
        )

    def _pixels(self, points: Floats) -> Floats:
        """Of places (..., 2) in m."""
        along, across = np.cos(self._camera.turn), np.sin(self._camera.turn)
        turned = np.array([[along, -across], [-across, -along]]) * self._zoom  # up is up
        middle = np.array([self._camera.middle, self._camera.across])
        return np.asarray((points - middle) @ turned + self._place.center)

    def _draw_backdrop(self) -> None:
        surface, colours, backdrop = self._surface, self._look.colours, self._backdrop
        for polygon in backdrop.ground:
            pygame.draw.polygon(surface, colours.road, self._pixels(polygon).tolist())
        shade = mixed(colours.road, colours.fault, 0.6)
        for polygon in backdrop.zones.values():
            pygame.draw.polygon(surface, shade, self._pixels(polygon).tolist())
        for polygon in backdrop.zones.values():
            pygame.draw.polygon(surface, mixed(shade, colours.ink, 0.35), self._pixels(polygon).tolist(), 1)
        wide = max(1, self._look.px(1.5))
        for line in backdrop.lines:
            pygame.draw.lines(surface, colours.marking, False, self._pixels(line).tolist(), wide)
        for begin, end in self._pixels(backdrop.dashes).tolist():
            if self._place.clipline(begin, end):
                pygame.draw.line(surface, colours.marking, begin, end, wide)

    def _draw_links(self) -> None:
        """The last messages to the selected car; lost ones in red dashes."""
        scene, look, colours = self._scene, self._look, self._look.colours
        places = {int(vehicle): index for index, vehicle in enumerate(scene.cars.vehicle)}
        links = scene.links
        for sender, is_heard in zip(links.sender.tolist(), links.is_heard.tolist(), strict=True):
            if sender not in places:
                continue
            begin, end = (tuple(self._middles[place].tolist()) for place in (places[sender], scene.place))
            if is_heard:
                pygame.draw.aaline(self._surface, mixed(colours.road, colours.told, 0.7), begin, end)
            else:
                signs.draw_dashed(self._surface, colours.danger, begin, end, look.px(6), look.px(1))

    def _draw_cars(self) -> None:
        scene, look, cars = self._scene, self._look, self._scene.cars
        box = self._place.inflate(look.px(60), look.px(60))
        shown = [car for car in range(len(cars.vehicle)) if box.collidepoint(self._middles[car])]
        for car in shown:
            self._draw_body(car, look.level(int(cars.level[car]))[0])
        is_large = float(cars.length.max()) * self._zoom >= look.px(LENGTH_NAMED)
        for car in shown if is_large else [car for car in shown if car == scene.place]:
            x, y = self._middles[car].tolist()
            signs.draw_chip(self._surface, look, scene, car, (x, y - look.px(20)))
            at = (x + look.px(16), y - look.px(20))
            look.text(self._surface, str(cars.vehicle[car]), at, SMALL, None, "left", car == scene.place)

    def _draw_body(self, car: int, fill: Colour) -> None:
        look, corners = self._look, self._corners[car].tolist()
        pygame.draw.polygon(self._surface, fill, corners)
        nose, tail = self._corners[car][:2], self._corners[car][[3, 2]]
        glass = [nose[0] + 0.3 * (tail[0] - nose[0]), nose[1] + 0.3 * (tail[1] - nose[1])]
        glass += [nose[1] + 0.45 * (tail[1] - nose[1]), nose[0] + 0.45 * (tail[0] - nose[0])]
        pygame.draw.polygon(self._surface, mixed(fill, (10, 16, 24), 0.55), [each.tolist() for each in glass])
        is_selected = car == self._scene.place
        outline = look.colours.chosen if is_selected else mixed(fill, (0, 0, 0), 0.45)
        pygame.draw.polygon(self._surface, outline, corners, look.px(2) if is_selected else 1)


def _corners(scene: Scene) -> Floats:
    """Of all cars, m: left and right of the front, right and left of the rear (car, corner, 2)."""
    cars = scene.cars
    along = np.stack([np.cos(cars.heading), np.sin(cars.heading)], axis=1)
    left = np.stack([-along[:, 1], along[:, 0]], axis=1) * 0.5 * cars.width[:, None]
    front = np.stack([cars.x, cars.y], axis=1)
    rear = front - along * cars.length[:, None]
    return np.stack([front + left, front - left, rear - left, rear + left], axis=1)
