"""Signs on a picture of the road: the level of a car, a warning, a dashed line, how long a metre is."""

from math import floor, log10

import numpy as np
import pygame

from karyon.flight.units import FOOT
from karyon.sim.view.colours import Colour
from karyon.sim.view.look import NORMAL, SMALL, Look
from karyon.sim.view.scene import LEADER, NO_LEVEL, Scene

CHIP = 11  # px, radius of a level's digit
SCALE_WIDE = 130  # px, at most
CLIMBS = 0.25  # m/s, from which on an aircraft is said to climb; 50 ft/min


def draw_chip(surface: pygame.Surface, look: Look, scene: Scene, car: int, at: tuple[float, float]) -> None:
    """Level of a car (its place) as a digit around `at`, ringed where it is selected, and whether something fails."""
    cars, level, radius = scene.cars, int(scene.cars.level[car]), look.px(CHIP)
    fill, on_fill = look.level(level)
    pygame.draw.circle(surface, look.colours.ground, at, radius + look.px(2))
    pygame.draw.circle(surface, fill, at, radius)
    if car == scene.place:
        pygame.draw.circle(surface, look.colours.chosen, at, radius + look.px(3), look.px(2))
    digit = str(level) if level != NO_LEVEL else "L" if leads(scene, int(cars.vehicle[car])) else "–"
    look.text(surface, digit, at, NORMAL, on_fill, "centre", is_bold=True)
    if cars.is_failing[car]:
        draw_warning(surface, look, at[0] + radius + look.px(5), at[1] - radius + look.px(1))


def leads(scene: Scene, vehicle: int) -> bool:
    """Whether a vehicle heads a file; in the air nobody does."""
    return vehicle == LEADER and scene.air is None


def height(altitude: float, climb: float) -> str:
    """An altitude (m) as pilots read it, and whether it climbs (m/s): `1,970 ft ↑`."""
    way = " ↑" if climb > CLIMBS else " ↓" if climb < -CLIMBS else ""
    return f"{altitude / FOOT:,.0f} ft{way}"


def draw_warning(surface: pygame.Surface, look: Look, x: float, y: float) -> None:
    """A triangle."""
    half = look.px(8)
    corners = [(x, y - half), (x + half, y + half * 0.8), (x - half, y + half * 0.8)]
    pygame.draw.polygon(surface, look.colours.danger, corners)
    look.text(surface, "!", (x, y + look.px(1)), 10, (255, 255, 255), "centre", is_bold=True)


def draw_dashed(
    surface: pygame.Surface,
    colour: Colour,
    begin: tuple[float, float],
    end: tuple[float, float],
    dash: float,
    wide: int,
) -> None:
    """From `begin` to `end` in dashes of `dash` px."""
    way = np.hypot(end[0] - begin[0], end[1] - begin[1])
    count = max(1, round(way / (2 * dash)))
    share = np.linspace(0.0, 1.0, 2 * count + 1)
    xs, ys = (begin[axis] + share * (end[axis] - begin[axis]) for axis in (0, 1))
    for step in range(0, 2 * count, 2):
        pygame.draw.line(surface, colour, (xs[step], ys[step]), (xs[step + 1], ys[step + 1]), wide)


def draw_scale(surface: pygame.Surface, look: Look, place: pygame.Rect, zoom: float) -> None:
    """A bar of a round length in the lower left corner; `zoom` in px per m."""
    wanted = look.px(SCALE_WIDE) / zoom
    power = 10.0 ** floor(log10(wanted))
    length = max(step * power for step in (1, 2, 5) if step * power <= wanted)
    x, y, wide = place.left + look.px(16), place.bottom - look.px(16), length * zoom
    colour = look.colours.faint
    pygame.draw.line(surface, colour, (x, y), (x + wide, y), look.px(2))
    for end in (x, x + wide):
        pygame.draw.line(surface, colour, (end, y - look.px(4)), (end, y + look.px(4)), look.px(2))
    said = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"
    look.text(surface, said, (x + wide + look.px(8), y), SMALL, colour)
