"""Aircraft from above, north up and true to scale: altitudes, tracks, volumes that are kept clear, alerts.

Around the selected aircraft: what its level keeps apart (in the colour of the level), well clear (dashes), and a near
mid-air collision. Of each other one it shows where each source puts it, where that is not where it is.
"""

import numpy as np
import pygame

from karyon.flight.units import FOOT
from karyon.flight.well_clear import NEAR_MID_AIR_COLLISION
from karyon.sim.flight.alerts import WELL_CLEAR
from karyon.sim.view import signs
from karyon.sim.view.colours import Colour
from karyon.sim.view.ground import Ground
from karyon.sim.view.look import SMALL, mixed
from karyon.sim.view.scene import NO_LEVEL

AHEAD = 20.0  # s of flight that the line ahead of an aircraft shows
NOSE, TAIL, HALF = 14, 10, 9  # px of the sign of an aircraft
MARK = 6  # px of half of the sign for where a source puts one
OFF = 14  # px from which on that is not where it is
CIRCLE_LEAST = 4  # px of radius from which a circle is drawn
POINTS = np.linspace(0.0, 2.0 * np.pi, 73)


class Sky(Ground):
    """Draws the air into a rectangle of the window."""

    def draw(self) -> None:
        """All of it."""
        before = self._surface.get_clip()
        self._surface.set_clip(self._place)
        self._draw_routes()
        self._draw_volumes()
        self._draw_links()
        self._draw_tracks()
        self._draw_alerts()
        self._draw_known()
        self._draw_aircraft()
        signs.draw_scale(self._surface, self._look, self._place, self._zoom)
        self._surface.set_clip(before)

    def _draw_routes(self) -> None:
        look = self._look
        for line in self._backdrop.lines:
            begin, end = self._pixels(line).tolist()
            signs.draw_dashed(self._surface, look.colours.line, begin, end, look.px(8), max(1, look.px(1)))

    def _draw_volumes(self) -> None:
        scene, colours = self._scene, self._look.colours
        level = int(scene.cars.level[scene.place])
        if np.isfinite(scene.about.sensor_range):
            beam = mixed(colours.ground, colours.measured, 0.35)
            self._draw_circle(scene.about.sensor_range, beam, is_dashed=True)
        if 0 <= level < len(scene.about.apart):
            self._draw_circle(scene.about.apart[level][0], mixed(self._look.level(level)[0], colours.ink, 0.15))
        self._draw_circle(WELL_CLEAR.distance, colours.safe, is_dashed=True)
        self._draw_circle(NEAR_MID_AIR_COLLISION.distance, colours.danger)

    def _draw_circle(self, radius: float, colour: Colour, is_dashed: bool = False) -> None:
        """Around the selected aircraft; `radius` in m."""
        size = radius * self._zoom
        if size < self._look.px(CIRCLE_LEAST):
            return
        points = self._middles[self._scene.place] + size * np.stack([np.cos(POINTS), np.sin(POINTS)], axis=1)
        if not is_dashed:
            pygame.draw.lines(self._surface, colour, True, points.tolist(), self._look.px(2))
            return
        for begin, end in zip(points[:-1:2].tolist(), points[1::2].tolist(), strict=True):
            pygame.draw.line(self._surface, colour, begin, end, max(1, self._look.px(1)))

    def _draw_tracks(self) -> None:
        """Where each aircraft came from, and where it goes if it flies straight on."""
        scene, look = self._scene, self._look
        assert scene.air is not None
        for car in range(len(scene.cars.vehicle)):
            colour = mixed(look.colours.ground, look.level(int(scene.cars.level[car]))[0], 0.75)
            past = [*self._pixels(scene.air.place[:2, :, car].T).tolist(), self._middles[car].tolist()]
            pygame.draw.lines(self._surface, colour, False, past, look.px(2))
            way = scene.air.velocity[:, car] * AHEAD * self._zoom
            ahead = self._middles[car] + np.array([way[0], -way[1]])
            pygame.draw.aaline(self._surface, look.colours.ink, self._middles[car].tolist(), ahead.tolist())

    def _draw_alerts(self) -> None:
        """Lines to the traffic that the selected aircraft is alerted to."""
        scene, look, colours = self._scene, self._look, self._look.colours
        for car, vehicle in enumerate(scene.cars.vehicle.tolist()):
            alert = scene.values.get(f"traffic.{vehicle}.alert", np.nan)
            if not alert > 0:
                continue
            colour = colours.danger if alert >= 3 else colours.safe
            begin, end = (self._middles[place] for place in (scene.place, car))
            pygame.draw.line(self._surface, colour, begin.tolist(), end.tolist(), look.px(1 + alert))
            x, y = (0.5 * (begin + end)).tolist()
            look.text(self._surface, f"alert {alert:g}", (x, y - look.px(9)), SMALL, colour, "centre", True)

    def _draw_known(self) -> None:
        """Where ADS-B, and the own sensor, put each other aircraft, where that is not where it is."""
        scene, colours = self._scene, self._look.colours
        for car, vehicle in enumerate(scene.cars.vehicle.tolist()):
            for source, colour in (("adsb", colours.told), ("local", colours.measured)):
                names = (f"traffic.{vehicle}.{source}.{axis}" for axis in "xy")
                said = np.array([scene.values.get(name, np.nan) for name in names])
                if np.isfinite(said).all():
                    self._draw_mark(car, self._pixels(said), source, colour)

    def _draw_mark(self, car: int, at: np.ndarray[tuple[int], np.dtype[np.float64]], name: str, colour: Colour) -> None:
        look, half = self._look, self._look.px(MARK)
        if np.hypot(*(at - self._middles[car])) < look.px(OFF):
            return
        x, y = at.tolist()
        signs.draw_dashed(self._surface, colour, (x, y), tuple(self._middles[car].tolist()), look.px(3), 1)
        corners = [(x, y - half), (x + half, y), (x, y + half), (x - half, y)]
        pygame.draw.polygon(self._surface, colour, corners, look.px(2))
        look.text(self._surface, {"adsb": "ADS-B", "local": "sensor"}[name], (x + look.px(10), y), SMALL, colour)

    def _draw_aircraft(self) -> None:
        scene, look, cars = self._scene, self._look, self._scene.cars
        assert scene.air is not None
        own = float(scene.air.place[2, -1, scene.place])
        for car in range(len(cars.vehicle)):
            self._draw_sign(car)
            x, y = self._middles[car].tolist()
            signs.draw_chip(self._surface, look, scene, car, (x, y - look.px(24)))
            is_selected = car == scene.place
            altitude = float(scene.air.place[2, -1, car])
            told = signs.height(altitude, float(scene.air.climb[car]))
            at = (x + look.px(18), y - look.px(26))
            look.text(self._surface, f"{cars.vehicle[car]}   {told}", at, SMALL, None, "left", is_selected)
            if not is_selected:
                beside = f"{(altitude - own) / FOOT:+,.0f} ft"
                look.text(self._surface, beside, (at[0], at[1] + look.px(14)), SMALL, look.colours.faint)

    def _draw_sign(self, car: int) -> None:
        """An arrow along the velocity."""
        scene, look = self._scene, self._look
        assert scene.air is not None
        level = int(scene.cars.level[car])
        along = scene.air.velocity[:, car] * np.array([1.0, -1.0])
        along = along / max(float(np.hypot(*along)), 1e-9)
        aside, middle = np.array([-along[1], along[0]]), self._middles[car]
        nose, tail, half = look.px(NOSE) * along, look.px(TAIL) * along, look.px(HALF) * aside
        corners = [middle + nose, middle - tail + half, middle - 0.4 * tail, middle - tail - half]
        fill = look.level(level)[0] if level != NO_LEVEL else look.colours.no_level
        pygame.draw.polygon(self._surface, fill, [each.tolist() for each in corners])
        outline = look.colours.chosen if car == scene.place else mixed(fill, (0, 0, 0), 0.45)
        pygame.draw.polygon(self._surface, outline, [each.tolist() for each in corners], look.px(2))
