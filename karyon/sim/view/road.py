"""The road from above, true to scale: vehicles, what the selected one measures and is told, and who speaks to whom."""

from itertools import pairwise
from math import ceil, floor

import numpy as np
import pygame

from karyon.sim.view import signs
from karyon.sim.view.camera import Camera
from karyon.sim.view.colours import Colour
from karyon.sim.view.links import NO_ONE
from karyon.sim.view.look import SMALL, Look, mixed
from karyon.sim.view.rows import Floats, Integers
from karyon.sim.view.scene import LEADER, Scene

LANE = 3.5  # m
DASH, DASH_EVERY = 6.0, 18.0  # m
POST_EVERY = 50.0  # m
APART, NAMED_FROM = 27, 52  # px between two cars from which levels, and names, are written
ARC_STEPS = 40
ARC_LEAST = 14  # px, how high a link rises
LINK_LEAST = 16  # px between two cars whose link is drawn, where nothing is lost
BAND_LEAST = 5  # px of a gap that is drawn
CENTRE = 0.42  # of the height, where the lane is
BRACKET, BRACKET_TALL = 31, 4  # px from the lane to the bracket around a group, and its ends
ROW, ROWS_BELOW = 18, 42  # px from distance to distance, and from the lane to the first
FOOT = 30  # px below the last distance, for the scale
SHARES = np.linspace(0.0, 1.0, ARC_STEPS + 1)  # of the way of an arc


class Road:
    """Draws the road into a rectangle of the window."""

    def __init__(self, surface: pygame.Surface, look: Look, place: pygame.Rect, scene: Scene, camera: Camera) -> None:
        self._surface, self._look, self._place, self._scene = surface, look, place, scene
        self._middle, self._zoom = camera.middle, camera.zoom * look.scale
        self._centre = place.top + round(CENTRE * place.height)

    def draw(self) -> None:
        """All of it."""
        before = self._surface.get_clip()
        self._surface.set_clip(self._place)
        self._draw_lanes()
        self._draw_range()
        self._draw_posts()
        self._draw_links()
        self._draw_cars()
        self._draw_group()
        self._draw_seen()
        signs.draw_scale(self._surface, self._look, self._place, self._zoom)
        self._surface.set_clip(before)

    def car_at(self, at: tuple[int, int]) -> int | None:
        """The vehicle that is drawn there, or nearest to it along the road; None: far from all."""
        if not self._place.collidepoint(at):
            return None
        cars = self._scene.cars
        centre = self.pixels(cars.x - 0.5 * cars.length)
        reach = np.maximum(0.5 * cars.length * self._zoom, self._look.px(14))
        away = np.abs(centre - at[0]) - reach
        nearest = int(np.argmin(away))
        return int(cars.vehicle[nearest]) if away[nearest] <= 0 else None

    def pixel(self, x: float) -> float:
        """Of a place along the road (m)."""
        return self._place.centerx + (x - self._middle) * self._zoom

    def pixels(self, x: Floats) -> Floats:
        """Of places along the road (m)."""
        return np.asarray(self._place.centerx + (x - self._middle) * self._zoom)

    def metre(self, pixel: float) -> float:
        """Place along the road (m) of a pixel."""
        return self._middle + (pixel - self._place.centerx) / self._zoom

    def place_at(self, at: tuple[float, float]) -> tuple[float, float]:
        """Of a pixel: along the road, m; across it the picture does not move."""
        return self.metre(at[0]), 0.0

    def _height(self, y: float) -> int:
        """Pixel of a place across the road (m), to the left of its first lane."""
        return round(self._centre - y * self._zoom)

    @property
    def _lanes(self) -> tuple[int, int]:
        lanes = self._scene.cars.lane
        return int(min(lanes.min(), 0)), int(max(lanes.max(), 0))

    def _draw_lanes(self) -> None:
        surface, colours, place = self._surface, self._look.colours, self._place
        low, high = self._lanes
        top, bottom = self._height((high + 0.5) * LANE), self._height((low - 0.5) * LANE)
        pygame.draw.rect(surface, colours.road, (place.left, top, place.width, max(bottom - top, 2)))
        edge = max(1, self._look.px(1.5))
        for y in (top, bottom - edge):
            pygame.draw.rect(surface, colours.marking, (place.left, y, place.width, edge))
        first, last = self.metre(place.left), self.metre(place.right)
        if self._zoom * DASH < 3:
            return
        for lane in range(low, high):
            y = self._height((lane + 0.5) * LANE)
            for dash in range(floor(first / DASH_EVERY), ceil(last / DASH_EVERY)):
                begin, end = self.pixel(dash * DASH_EVERY), self.pixel(dash * DASH_EVERY + DASH)
                pygame.draw.rect(surface, colours.marking, (begin, y, end - begin, edge))

    def _draw_posts(self) -> None:
        """Kilometre posts, so that one sees the cars move."""
        look, place = self._look, self._place
        every = POST_EVERY
        while every * self._zoom < look.px(90):
            every *= 2
        top = self._height((self._lanes[1] + 0.5) * LANE)
        for post in range(ceil(self.metre(place.left) / every), ceil(self.metre(place.right) / every)):
            x = round(self.pixel(post * every))
            pygame.draw.line(self._surface, look.colours.faint, (x, top - look.px(5)), (x, top))

    def _draw_range(self) -> None:
        """How far the radar of the selected car sees."""
        scene = self._scene
        if np.isnan(scene.cars.measured[scene.place]):
            return
        begin = float(scene.cars.x[scene.place])
        y, reach = float(scene.cars.y[scene.place]), scene.about.sensor_range
        half = 0.32 * LANE
        near, far = self.pixel(begin), self.pixel(begin + reach)
        colours = self._look.colours
        beam = mixed(colours.road, colours.measured, 0.16)
        corners = [
            (near, self._height(y)),
            (far, self._height(y + half)),
            (far, self._height(y - half)),
        ]
        pygame.draw.polygon(self._surface, beam, corners)

    def _draw_links(self) -> None:
        scene, look = self._scene, self._look
        cars, links = scene.cars, scene.links
        top = self._height((self._lanes[1] + 0.5) * LANE) - look.px(40)
        room = top - self._place.top - look.px(14)
        if room < look.px(12):
            return
        places = {int(vehicle): index for index, vehicle in enumerate(cars.vehicle)}
        left, right = self._place.left - 50, self._place.right + 50
        middle = self.pixels(cars.x - 0.5 * cars.length)
        mine = [places[each] for each in links.sender[links.receiver == scene.selected].tolist() if each in places]
        farthest = max((abs(float(middle[each] - middle[scene.place])) for each in mine), default=0.0)
        for sender, receiver, is_heard in zip(
            links.sender.tolist(), links.receiver.tolist(), links.is_heard.tolist(), strict=True
        ):
            if sender not in places or receiver not in places:
                continue
            begin, end = float(middle[places[sender]]), float(middle[places[receiver]])
            is_outside = not left <= begin <= right
            if max(begin, end) < left or min(begin, end) > right or (is_outside and is_heard and sender != LEADER):
                continue
            is_mine = receiver == scene.selected
            if is_heard and not is_mine and abs(begin - end) < look.px(LINK_LEAST):
                continue
            tall = min(look.px(ARC_LEAST) + (room - look.px(ARC_LEAST)) * abs(begin - end) / max(farthest, 1.0), room)
            self._draw_arc(begin, end, top, tall, is_heard, is_mine)

    def _draw_arc(self, begin: float, end: float, base: float, tall: float, is_heard: bool, is_mine: bool) -> None:
        look, colours = self._look, self._look.colours
        xs, ys = begin + SHARES * (end - begin), base - 4 * tall * SHARES * (1 - SHARES)
        points: list[tuple[float, float]] = list(zip(xs.tolist(), ys.tolist(), strict=True))
        if is_heard:
            colour = colours.told if is_mine else mixed(colours.ground, colours.told, 0.45)
            _draw_line(self._surface, colour, points, look.px(2 if is_mine else 1))
            return
        for step in range(0, ARC_STEPS, 2):
            _draw_line(self._surface, colours.danger, points[step : step + 2], look.px(2 if is_mine else 1))
        x, y, arm = *points[ARC_STEPS // 2], look.px(4)
        for rising in (-1, 1):
            ends = (x - arm, y - rising * arm), (x + arm, y + rising * arm)
            pygame.draw.line(self._surface, colours.danger, *ends, look.px(2))

    def _draw_cars(self) -> None:
        scene, look = self._scene, self._look
        cars = scene.cars
        front, rear = self.pixels(cars.x), self.pixels(cars.x - cars.length)
        shown = np.flatnonzero((front >= self._place.left) & (rear <= self._place.right))
        levels = cars.level[shown].tolist()
        for car, level in zip(shown.tolist(), levels, strict=True):
            self._draw_body(car, float(rear[car]), float(front[car]), look.level(level)[0])
        self._draw_bands(shown)
        order = shown[np.argsort(-front[shown])]
        apart = float(np.median(-np.diff(front[order]))) if len(order) > 1 else np.inf
        named = order if apart >= look.px(APART) else order[order == scene.place]
        for car in named.tolist():
            self._draw_chip(car, 0.5 * float(front[car] + rear[car]), "car " if apart >= look.px(NAMED_FROM) else "")

    def _draw_body(self, car: int, rear: float, front: float, fill: Colour) -> None:
        cars, look = self._scene.cars, self._look
        tall = max(float(cars.width[car]) * self._zoom, 2.0)
        centre, heading = self._height(float(cars.y[car])), float(cars.heading[car])
        is_selected = car == self._scene.place
        if front - rear < 4 and not is_selected:
            self._surface.fill(fill, (round(rear), round(centre - 0.5 * tall), 2, max(round(tall), 2)))
            return
        outline = look.colours.chosen if is_selected else mixed(fill, (0, 0, 0), 0.45)
        if abs(heading) > 0.01:
            corners = _turned(rear, front, centre, tall, heading)
            pygame.draw.polygon(self._surface, fill, corners)
            pygame.draw.polygon(self._surface, outline, corners, look.px(2) if is_selected else 1)
            return
        body = pygame.Rect(round(rear), round(centre - 0.5 * tall), max(round(front - rear), 2), max(round(tall), 2))
        radius = max(0, min(round(0.22 * tall), look.px(8)))
        pygame.draw.rect(self._surface, fill, body, border_radius=radius)
        if body.width >= look.px(18):
            glass = mixed(fill, (10, 16, 24), 0.55)
            for begin, wide in ((0.62, 0.13), (0.1, 0.09)):
                pane = (body.left + begin * body.width, body.top + 0.14 * tall, wide * body.width, 0.72 * tall)
                pygame.draw.rect(self._surface, glass, pane, border_radius=max(1, radius // 3))
        if body.width >= 4:
            wide = look.px(2) if is_selected else 1
            pygame.draw.rect(self._surface, outline, body.inflate(2, 2) if is_selected else body, wide, radius)

    def _draw_chip(self, car: int, x: float, called: str) -> None:
        """Level as a digit, number of the car, and whether something of it fails."""
        scene, look = self._scene, self._look
        is_selected = car == scene.place
        top = self._height(float(scene.cars.y[car]) + 0.5 * LANE)
        signs.draw_chip(self._surface, look, scene, car, (x, top - look.px(18)))
        below = self._height((self._lanes[0] - 0.5) * LANE) + look.px(20)
        name, shade = f"{called}{scene.cars.vehicle[car]}", None if is_selected else look.colours.faint
        look.text(self._surface, name, (x, below), SMALL, shade, "centre", is_selected)

    def _draw_bands(self, shown: Integers) -> None:
        """Below the lane, of each car but the selected one: gap to the car ahead, and how much of it RSS demands."""
        scene, look, colours = self._scene, self._look, self._look.colours
        cars = scene.cars
        bottom = self._height((self._lanes[0] - 0.5) * LANE) + look.px(5)
        tall = look.px(4)
        for car in shown.tolist():
            gap, safe = float(cars.gap[car]), float(cars.safe_distance[car])
            begin = self.pixel(float(cars.x[car]))
            if not gap * self._zoom > look.px(BAND_LEAST) or car == scene.place:
                continue
            _draw_bar(self._surface, mixed(colours.ground, colours.ink, 0.3), begin, gap * self._zoom, bottom, tall)
            if safe > 0:
                colour = colours.danger if safe > gap else colours.safe
                _draw_bar(self._surface, colour, begin, safe * self._zoom, bottom, tall)

    def _draw_group(self) -> None:
        """A bracket below the cars that drive in one group with the selected one."""
        cars, look = self._scene.cars, self._look
        leader = int(cars.leader[self._scene.place])
        members = cars.leader == leader
        if leader == NO_ONE or members.sum() < 2:
            return
        y = self._height((self._lanes[0] - 0.5) * LANE) + look.px(BRACKET)
        left, right = (
            self.pixel(float(edge)) for edge in ((cars.x - cars.length)[members].min(), cars.x[members].max())
        )
        corners = [(left, y - look.px(BRACKET_TALL)), (left, y), (right, y), (right, y - look.px(BRACKET_TALL))]
        pygame.draw.lines(self._surface, look.colours.faint, False, corners, look.px(2))
        words = f"group of car {leader}"
        beside = left - look.px(14)
        if beside - look.width(words, SMALL) >= self._place.left:
            look.text(self._surface, words, (beside, y + look.px(5)), SMALL, look.colours.faint, "right")

    def _draw_seen(self) -> None:
        """What the selected car sees of the one ahead, beside the truth: as outlines on the road, and as distances."""
        scene, colours = self._scene, self._look.colours
        cars, car = scene.cars, scene.place
        front, gap = float(cars.x[car]), float(cars.gap[car])
        measured, safe = float(cars.measured[car]), float(cars.safe_distance[car])
        ahead = int(cars.ahead[car]) if cars.ahead[car] >= 0 else car  # how long is what only a sensor sees?
        length, speed = float(cars.length[ahead]), float(cars.speed[car])
        time_gap = f" · {gap / speed:.2f} s" if speed >= 1.0 else ""
        distances: list[tuple[str, float, str, Colour]] = []
        if ahead != car and np.isfinite(gap):
            distances += [
                ("gap", gap, f"{gap:z.1f} m{time_gap}", colours.ink),
                ("RSS demands", safe, f"{safe:.1f} m", colours.danger if safe > gap else colours.safe),
            ]
        if measured < scene.about.sensor_range:
            age = scene.values.get("front.distance_age", np.nan)
            old = f" · {age:.1f} s old" if age > scene.about.age_limit.get("front.distance", np.inf) else ""
            distances.append(("radar says", measured, f"{measured:z.1f} m{old}", colours.measured))
            self._draw_outline(front + measured, length, float(cars.y[ahead]), colours.measured, is_dotted=False)
        elif np.isfinite(measured):
            distances.append(("radar says", np.nan, "nothing in range", colours.measured))
        for name, x in scene.told.items():
            said = x - length - front
            distances.append((f"{name} says", said, f"{said:z.1f} m", colours.told))
            self._draw_outline(x - length, length, float(cars.y[ahead]), colours.told, is_dotted=True)
        self._draw_distances(front, distances)

    def _draw_distances(self, front: float, distances: list[tuple[str, float, str, Colour]]) -> None:
        look, place = self._look, self._place
        y = self._height((self._lanes[0] - 0.5) * LANE) + look.px(ROWS_BELOW)
        begin = self.pixel(front)
        for name, metres, words, colour in distances:
            if y > place.bottom - look.px(FOOT):
                break
            end = begin + (metres * self._zoom if np.isfinite(metres) else 0.0)
            _draw_bar(self._surface, colour, min(begin, end), abs(end - begin), y - look.px(2), look.px(4))
            for x in (begin, end):
                pygame.draw.line(self._surface, colour, (x, y - look.px(5)), (x, y + look.px(5)), look.px(1))
            self._draw_words(name, words, min(begin, end) - look.px(8), max(begin, end) + look.px(8), y)
            y += look.px(ROW)

    def _draw_words(self, name: str, words: str, left: float, right: float, y: float) -> None:
        """The name of a distance left of it and its length right of it; both on the side that has room, or upon it."""
        look, place = self._look, self._place
        both, edge = f"{name} {words}", place.right - look.px(4)
        has_name, has_both = (left - look.width(said, SMALL) >= place.left for said in (name, both))
        if has_name and right + look.width(words, SMALL) <= edge:
            look.text(self._surface, words, (right, y), SMALL)
            look.text(self._surface, name, (left, y), SMALL, None, "right")
        elif has_both:
            look.text(self._surface, both, (left, y), SMALL, None, "right")
        else:
            at = min(right, edge - look.width(both, SMALL))
            ground = pygame.Rect(0, 0, look.width(both, SMALL) + look.px(8), look.px(14))
            ground.midleft = (round(at) - look.px(4), round(y))
            self._surface.fill(look.colours.ground, ground)
            look.text(self._surface, both, (at, y), SMALL)

    def _draw_outline(self, rear: float, length: float, y: float, colour: Colour, is_dotted: bool) -> None:
        """Where a source puts the car ahead."""
        half = 0.5 * 2.5
        left, right = self.pixel(rear), self.pixel(rear + length)
        top, bottom = self._height(y + half), self._height(y - half)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        wide = self._look.px(2)
        if not is_dotted:
            pygame.draw.lines(self._surface, colour, False, corners, wide)
            return
        for begin, end in pairwise(corners):
            signs.draw_dashed(self._surface, colour, begin, end, self._look.px(4), wide)


def _draw_bar(surface: pygame.Surface, colour: Colour, left: float, wide: float, top: float, tall: float) -> None:
    pygame.draw.rect(surface, colour, (round(left), round(top), max(round(wide), 1), round(tall)))


def _draw_line(surface: pygame.Surface, colour: Colour, points: list[tuple[float, float]], wide: int) -> None:
    for layer in range(wide):  # smooth lines are one pixel wide
        pygame.draw.aalines(surface, colour, False, [(x, y + layer) for x, y in points])


def _turned(rear: float, front: float, centre: float, tall: float, heading: float) -> list[tuple[float, float]]:
    """Corners of a vehicle that does not go straight on; it turns around the middle of its front."""
    along, across = np.array([np.cos(heading), -np.sin(heading)]), np.array([np.sin(heading), np.cos(heading)])
    nose = np.array([front, centre])
    tail, side = nose - along * (front - rear), across * 0.5 * tall
    return [tuple(corner) for corner in (nose + side, tail + side, tail - side, nose - side)]
