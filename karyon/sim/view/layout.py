"""Where everything is in a window of some size.

A window that is too small for all of it gives way in this order: the levels of all cars, the strips, the side panel,
the overview of the file. The road, its heading and the scrub bar stay. Below `LEAST` the window says that it is too
small.
"""

from dataclasses import dataclass

import pygame

LEAST = (360, 240)  # px at scale 1
HEADER, OVERVIEW, BAR = 44, 36, 64
PANEL, PANEL_NARROW = 420, 340
PANEL_FROM, PANEL_WIDE_FROM = 760, 1180  # widths from which there is a panel
ROAD_LEAST, ROAD_SHARE, CROSSING_SHARE = 210, 0.385, 0.5
STRIPS_LEAST, LEVELS_LEAST, LEVELS_SHARE = 230, 70, 0.25
MARGIN = 16


@dataclass(frozen=True, slots=True)
class Layout:
    """Rectangles in pixels; None: there is no room for it."""

    header: pygame.Rect
    road: pygame.Rect
    bar: pygame.Rect
    overview: pygame.Rect | None
    levels: pygame.Rect | None
    strips: pygame.Rect | None
    panel: pygame.Rect | None


def layout(
    size: tuple[int, int], scale: float, cars: int, *, is_file: bool = True, share: float = ROAD_SHARE
) -> Layout | None:
    """For a window of `size` px and so many cars; None: it is too small for anything.

    is_file   whether the cars follow each other, so that an overview shows all of them
    share     of the height that the road has, if there is room
    """
    width, height = (round(length / scale) for length in size)
    if width < LEAST[0] or height < LEAST[1]:
        return None
    panel = 0 if width < PANEL_FROM else PANEL_NARROW if width < PANEL_WIDE_FROM else PANEL
    left = width - panel
    inner = height - HEADER - BAR
    overview = OVERVIEW if is_file and inner >= ROAD_LEAST + OVERVIEW else 0
    rest = inner - overview
    road = max(ROAD_LEAST, round(share * inner))
    strips = rest - road
    if strips < STRIPS_LEAST:
        road, strips = rest, 0
    levels = min(round(LEVELS_SHARE * strips), 34 + 16 * cars)
    if strips - levels < STRIPS_LEAST or levels < LEVELS_LEAST:
        levels = 0
    top = HEADER

    def part(tall: int) -> pygame.Rect | None:
        nonlocal top
        place = _scaled(0, top, left, tall, scale) if tall else None
        top += tall
        return place

    road_place, overview_place, levels_place = part(road), part(overview), part(levels)
    assert road_place is not None
    return Layout(
        header=_scaled(0, 0, width, HEADER, scale),
        road=road_place,
        bar=_scaled(0, height - BAR, width, BAR, scale),
        overview=overview_place,
        levels=levels_place,
        strips=part(strips - levels),
        panel=_scaled(left, HEADER, panel, inner, scale) if panel else None,
    )


def _scaled(left: float, top: float, width: float, height: float, scale: float) -> pygame.Rect:
    x, y = round(left * scale), round(top * scale)
    return pygame.Rect(x, y, round((left + width) * scale) - x, round((top + height) * scale) - y)
