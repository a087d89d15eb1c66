"""What lies above the picture for a while: the keys, and the menu of faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pygame

from karyon.sim.view.keys import KEYS, MOUSE
from karyon.sim.view.look import LARGE, NORMAL, SMALL, Look

PAD, LINE, ITEM = 22, 23, 30  # px
COLUMN, NAMES = 440, 130  # px of a column of keys, and of how they are called
LASTS, LASTS_IN_THE_AIR = 10.0, 40.0  # s, of a fault from the menu; there all goes more slowly


@dataclass(frozen=True, slots=True)
class Choice:
    """A fault of the menu: in words, and as an entry of `faults:` less vehicle and onset."""

    words: str
    fault: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Menu:
    """What can be put in, for how long (s), and into what; or why nothing can."""

    whose: str
    lasts: float
    choices: Sequence[Choice] = ()
    refusal: str = ""


TO_ALL = {"signal": "own.message"}
FAULTS = (
    Choice("radar: nothing comes", {"signal": "front.distance", "mode": "omission"}),
    Choice("radar: distance drifts by 1.5 m/s", {"signal": "front.distance", "mode": "drift", "rate": 1.5}),
    Choice("radar: distance is stuck", {"signal": "front.distance", "mode": "stuck_at"}),
    Choice(
        "radar: an object that is not there, at 8 m", {"signal": "front.distance", "mode": "ghost", "distance": 8.0}
    ),
    Choice("radar: the car ahead is not seen", {"signal": "front.distance", "mode": "missed"}),
    Choice("wheels: 3 m/s too fast", {"signal": "own.speed", "mode": "offset", "amplitude": 3.0}),
    Choice("messages of the car ahead: none comes", {"signal": "lead.message", "mode": "omission"}),
    Choice("messages of the car ahead: 1.5 s late", {"signal": "lead.message", "mode": "delay", "delay": 1.5}),
    Choice("perception: hangs", {"component": "perception", "mode": "hang"}),
)
LIES = (
    Choice("tells all: it is 20 m ahead of where it is", {**TO_ALL, "mode": "wrong_position", "offset": 20.0}),
    Choice("tells all: it is 5 m/s faster than it is", {**TO_ALL, "mode": "wrong_speed", "offset": 5.0}),
    Choice("tells all: what it said 5 s ago, as if it were new", {**TO_ALL, "mode": "replay", "delay": 5.0}),
    Choice("tells all: everything 20 times over", {**TO_ALL, "mode": "flooding", "rate": 200.0}),
    Choice("tells all: of five members that are not there", {**TO_ALL, "mode": "sybil", "count": 5}),
    Choice("tells some that it cooperates, and others not", {**TO_ALL, "mode": "equivocation"}),
)
REPORT, OWN, SIGHT = {"signal": "own.adsb"}, {"signal": "own.position"}, {"signal": "traffic.all.local"}
IN_THE_AIR = (
    Choice("reports: their position stands still", {**REPORT, "mode": "stuck_at"}),
    Choice("reports: 900 m to the right of where it is", {**REPORT, "mode": "offset", "amplitude": 900.0}),
    Choice("reports: they drift to the right by 30 m/s", {**REPORT, "mode": "drift", "rate": 30.0}),
    Choice("reports: 10 s late", {**REPORT, "mode": "delay", "delay": 10.0}),
    Choice("reports: none is sent", {**REPORT, "mode": "omission"}),
    Choice("own receiver: 900 m to the right of where it is", {**OWN, "mode": "offset", "amplitude": 900.0}),
    Choice("own receiver: accurate to 185 m, and says so", {**OWN, "mode": "degraded", "nacp": 7}),
    Choice("own receiver: nothing comes", {**OWN, "mode": "omission"}),
    Choice("own sensor: sees nobody", {**SIGHT, "mode": "missed"}),
    Choice("own sensor: nothing comes", {**SIGHT, "mode": "omission"}),
    Choice("perception: hangs", {"component": "perception", "mode": "hang"}),
    Choice("radio: hangs", {"component": "radio", "mode": "hang"}),
    Choice("link to the ground: hangs", {"component": "link", "mode": "hang"}),
)
NAMES_OF_CHOICES = "123456789ABCDEF"  # keys, while the menu is there


def draw_help(surface: pygame.Surface, look: Look) -> None:
    """All keys, in two columns where there is room, smaller where there is little."""
    rows = [*((key.called, key.does) for key in KEYS), *MOUSE]
    columns = 2 if surface.get_width() >= look.px(900) else 1
    per_column = -(-len(rows) // columns)
    line = min(look.px(LINE), (surface.get_height() - look.px(3 * PAD + LARGE)) // per_column)
    size = _fitting(look, line)
    wide = min(look.px(COLUMN * columns + 2 * PAD), surface.get_width())
    tall = per_column * line + look.px(3 * PAD + LARGE)
    place = _sheet(surface, look, (wide, min(tall, surface.get_height())))
    look.text(surface, "Keys", (place.left + look.px(PAD), place.top + look.px(PAD)), LARGE, None, "left", True)
    column_wide = (place.width - look.px(2 * PAD)) // columns
    for index, (called, does) in enumerate(rows):
        column, row = divmod(index, per_column)
        left = place.left + look.px(PAD) + column * column_wide
        y = place.top + look.px(2 * PAD + LARGE) + row * line
        names = look.px(NAMES)
        look.text(surface, look.cut(called, names, size, True), (left, y), size, None, "left", True)
        words = look.cut(does, column_wide - names - look.px(8), size)
        look.text(surface, words, (left + names, y), size, look.colours.faint)


def draw_menu(surface: pygame.Surface, look: Look, menu: Menu) -> list[pygame.Rect]:
    """The faults to choose from, smaller where there is little room, or why there is none; answers where each is."""
    choices = menu.choices
    around = look.px(3 * PAD + LARGE)
    item_tall = min(look.px(ITEM), (surface.get_height() - around) // max(len(choices), 2))
    size = _fitting(look, item_tall)
    wide = min(look.px(500), surface.get_width())
    tall = around + item_tall * max(len(choices), 2)
    place = _sheet(surface, look, (wide, min(tall, surface.get_height())))
    left, y = place.left + look.px(PAD), place.top + look.px(PAD)
    title = look.cut(f"Let {menu.whose} fail for {menu.lasts:g} s from now on", place.right - left, LARGE, True)
    look.text(surface, title, (left, y), LARGE, None, "left", True)
    y += look.px(PAD + LARGE / 2)
    for line in look.wrapped(menu.refusal, place.width - look.px(2 * PAD), 3):
        look.text(surface, line, (left, y + look.px(LINE / 2)), NORMAL, look.colours.faint)
        y += look.px(LINE)
    found = []
    pointed = pygame.mouse.get_pos() if pygame.display.get_init() else (-1, -1)
    for name, choice in zip(NAMES_OF_CHOICES, choices, strict=False):
        item = pygame.Rect(place.left + look.px(PAD / 2), y, place.width - look.px(PAD), item_tall)
        if item.collidepoint(pointed):
            pygame.draw.rect(surface, look.colours.line, item, border_radius=look.px(5))
        look.text(surface, name, (left + look.px(4), item.centery), size, look.colours.faint, "left", True)
        words = look.cut(choice.words, place.right - left - look.px(PAD + 30), size)
        look.text(surface, words, (left + look.px(30), item.centery), size)
        found.append(item)
        y = item.bottom
    return found


def _fitting(look: Look, tall: int) -> int:
    """Size of text for a line that is `tall` px."""
    return NORMAL if tall >= look.px(19) else min(SMALL, max(7, int(tall / look.scale) - 2))


def draw_notice(surface: pygame.Surface, look: Look, words: str) -> None:
    """A line at the foot of the road."""
    wide = look.width(words) + look.px(2 * PAD)
    place = pygame.Rect(0, 0, wide, look.px(34))
    place.midtop = (surface.get_width() // 2, look.px(54))
    pygame.draw.rect(surface, look.colours.ink, place, border_radius=look.px(8))
    look.text(surface, words, place.center, NORMAL, look.colours.ground, "centre")


def _sheet(surface: pygame.Surface, look: Look, size: tuple[int, int]) -> pygame.Rect:
    shade = pygame.Surface(surface.get_size(), pygame.SRCALPHA)
    shade.fill((0, 0, 0, 110))
    surface.blit(shade, (0, 0))
    place = pygame.Rect((0, 0), size)
    place.center = surface.get_rect().center
    pygame.draw.rect(surface, look.colours.panel, place, border_radius=look.px(10))
    pygame.draw.rect(surface, look.colours.line, place, 1, border_radius=look.px(10))
    return place
