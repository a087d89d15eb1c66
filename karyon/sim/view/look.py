"""What the window is drawn with: colours for light and dark, and text that is set once and kept."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pygame

from karyon.sim.view.colours import DARK, LIGHT, Colour

Anchor = Literal["left", "centre", "right"]

SMALL, NORMAL, LARGE, HUGE = 12, 14, 17, 30  # px of text at scale 1
TEXTS_KEPT = 4000
ELLIPSIS = "…"


@lru_cache(1024)
def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two: `share` of the other one."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


class Look:
    """Colours and text at a scale: 1 on a usual screen, 2 where a pixel is half as large."""

    def __init__(self, scale: float = 1.0, is_dark: bool = False) -> None:
        pygame.font.init()
        self.scale, self.is_dark = scale, is_dark
        self.colours = DARK if is_dark else LIGHT
        self._set = lru_cache(TEXTS_KEPT)(self._set_once)
        self._font = lru_cache(None)(self._open)
        self._measured = lru_cache(TEXTS_KEPT)(lambda words, size, is_bold: self._font(size, is_bold).size(words)[0])

    def level(self, level: int) -> tuple[Colour, Colour]:
        """Colour of a level, and of what is written on it; below 0: of what has no level."""
        if level < 0:
            return self.colours.no_level, self.colours.ground
        index = min(level, len(self.colours.levels) - 1)
        return self.colours.levels[index], self.colours.on_levels[index]

    def px(self, length: float) -> int:
        """Pixels of a length that is `length` at scale 1."""
        return round(length * self.scale)

    def width(self, words: str, size: int = NORMAL, is_bold: bool = False) -> int:
        """Of one line of text, in pixels."""
        return self._measured(words, size, is_bold)

    def height(self, size: int = NORMAL) -> int:
        """Of one line of text, in pixels."""
        return self._font(size, False).get_linesize()

    def cut(self, words: str, width: float, size: int = NORMAL, is_bold: bool = False) -> str:
        """As much of the text as fits into `width` pixels, with an ellipsis where some is left out."""
        if self.width(words, size, is_bold) <= width:
            return words
        low, high = 0, len(words)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (
                (middle, high) if self.width(words[:middle] + ELLIPSIS, size, is_bold) <= width else (low, middle - 1)
            )
        return words[:low].rstrip() + ELLIPSIS if low else ""

    def wrapped(self, words: str, width: float, lines: int, size: int = NORMAL, is_bold: bool = False) -> list[str]:
        """The text in at most so many lines that fit into `width` pixels; the last is cut."""
        found: list[str] = []
        rest = words.split()
        while rest and len(found) < lines - 1:
            count = len(rest)
            while count > 1 and self.width(" ".join(rest[:count]), size, is_bold) > width:
                count -= 1
            found.append(self.cut(" ".join(rest[:count]), width, size, is_bold))
            rest = rest[count:]
        return [*found, self.cut(" ".join(rest), width, size, is_bold)] if rest else found

    def text(
        self,
        surface: pygame.Surface,
        words: str,
        at: tuple[float, float],
        size: int = NORMAL,
        colour: Colour | None = None,
        anchor: Anchor = "left",
        is_bold: bool = False,
    ) -> pygame.Rect:
        """Draw one line; `at` is its left, middle or right end, and the middle of its height. Answers where it is."""
        drawn = self._set(words, size, colour or self.colours.ink, is_bold)
        place = drawn.get_rect(midleft=(round(at[0]), round(at[1])))
        if anchor == "centre":
            place.centerx = round(at[0])
        elif anchor == "right":
            place.right = round(at[0])
        surface.blit(drawn, place)
        return place

    def _set_once(self, words: str, size: int, colour: Colour, is_bold: bool) -> pygame.Surface:
        return self._font(size, is_bold).render(words, True, colour)

    def _open(self, size: int, is_bold: bool) -> pygame.font.Font:
        return pygame.font.Font(FONTS / ("DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"), self.px(size))


def _fonts() -> Path:
    """DejaVu comes with matplotlib: the same letters as in our figures, on every machine."""
    found = find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise ImportError("No module named 'matplotlib'")
    return Path(found.submodule_search_locations[0]) / "mpl-data/fonts/ttf"


FONTS = _fonts()
