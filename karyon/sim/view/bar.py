"""Above: what runs and when. Below: buttons, and the scrub bar with its marks."""

from dataclasses import dataclass

import numpy as np
import pygame

from karyon.sim.view.look import LARGE, NORMAL, Look, mixed
from karyon.sim.view.scene import Scene

PAD = 16  # px
BUTTON, BUTTON_SPACE = 30, 5  # px
END_WIDE = 80  # px: how long the run is, beside the track
END_FROM = 520  # px of width from which there is room for that


@dataclass(frozen=True, slots=True)
class Button:
    """A button: what is on it, and what it does."""

    sign: str
    action: str


BUTTONS = (
    Button("|◀", "back"),
    Button("▶", "pause"),
    Button("▶|", "step"),
    Button("−", "slower"),
    Button("+", "faster"),
)
AT_THE_END = (Button("!", "fault"), Button("?", "help"))


@dataclass(frozen=True, slots=True)
class Transport:
    """How a run is played: `speed` times as fast as it was."""

    is_playing: bool = False
    speed: float = 1.0
    is_live: bool = False


def draw_header(surface: pygame.Surface, look: Look, place: pygame.Rect, scene: Scene, transport: Transport) -> None:
    """What runs, and the time."""
    colours, about = look.colours, scene.about
    pygame.draw.rect(surface, colours.panel, place)
    pygame.draw.line(surface, colours.line, (place.left, place.bottom - 1), (place.right, place.bottom - 1))
    now = look.text(
        surface, f"{scene.time:.2f} s", (place.right - look.px(PAD), place.centery), LARGE, None, "right", True
    )
    x = look.text(surface, about.name, (place.left + look.px(PAD), place.centery), LARGE, None, "left", True).right
    kind = "live" if transport.is_live else "recording"
    count = len(scene.cars.vehicle)
    told = [kind, f"seed {about.seed}", f"{count} {about.called[count != 1]}"]
    judges = "shadow mode: commands move nothing" if about.is_bench else "kernel in command"
    told.append(judges if about.kernel_enabled else "KERNEL SWITCHED OFF")
    if about.goals_broken:
        told.append(f"goals broken: {', '.join(about.goals_broken)}")
    elif not transport.is_live:
        told.append("all goals that are judged held" if about.is_bench else "all safety goals held")
    words = look.cut(" · ".join(told), now.left - x - look.px(36))
    colour = colours.danger if about.goals_broken or not about.kernel_enabled else colours.faint
    look.text(surface, words, (x + look.px(18), place.centery), NORMAL, colour)


class Bar:
    """The scrub bar and the buttons beside it, in a rectangle of the window."""

    def __init__(self, look: Look, place: pygame.Rect, scene: Scene) -> None:
        self._look, self._place, self._scene = look, place, scene
        side, space = look.px(BUTTON), look.px(BUTTON_SPACE)
        top, left = place.centery - side // 2, place.left + look.px(PAD)
        right = place.right - look.px(PAD) - len(AT_THE_END) * (side + space) + space
        self.buttons = {
            button: pygame.Rect(begin + index * (side + space), top, side, side)
            for begin, buttons in ((left, BUTTONS), (right, AT_THE_END))
            for index, button in enumerate(buttons)
        }
        self._says_end = place.width >= look.px(END_FROM)
        begin = left + len(BUTTONS) * (side + space) + look.px(50)
        end = right - look.px(END_WIDE if self._says_end else 2 * BUTTON_SPACE)
        self.track = pygame.Rect(begin, place.centery - look.px(5), max(end - begin, 1), look.px(10))

    def time_at(self, x: int) -> float:
        """When the place `x` px of the track is, s."""
        share = (x - self.track.left) / self.track.width
        return min(max(share, 0.0), 1.0) * self._whole

    @property
    def _whole(self) -> float:
        return max(self._scene.about.duration, self._scene.end, 1e-9)

    def _x(self, time: float) -> int:
        return self.track.left + round(min(time / self._whole, 1.0) * self.track.width)

    def draw(self, surface: pygame.Surface, transport: Transport) -> None:
        """Buttons, speed, track with its marks, and how long the run is."""
        look, colours, scene, track = self._look, self._look.colours, self._scene, self.track
        pygame.draw.rect(surface, colours.panel, self._place)
        pygame.draw.line(surface, colours.line, self._place.topleft, self._place.topright)
        for button, place in self.buttons.items():
            self._draw_button(surface, button, place, transport)
        last = list(self.buttons.values())[len(BUTTONS) - 1]
        look.text(surface, f"{transport.speed:g}×", (last.right + look.px(8), last.centery), NORMAL)
        pygame.draw.rect(surface, colours.line, track, border_radius=look.px(3))
        there = pygame.Rect(track.left, track.top, self._x(scene.end) - track.left, track.height)
        pygame.draw.rect(surface, mixed(colours.line, colours.faint, 0.45), there, border_radius=look.px(3))
        self._draw_marks(surface)
        x = self._x(scene.time)
        handle = pygame.Rect(0, 0, look.px(5), look.px(34))
        handle.center = (x, track.centery)
        pygame.draw.rect(surface, colours.chosen, handle, border_radius=look.px(2))
        if self._says_end:
            at = (track.right + look.px(12), track.centery)
            look.text(surface, f"of {self._whole:g} s", at, NORMAL, colours.faint)

    def _draw_button(self, surface: pygame.Surface, button: Button, place: pygame.Rect, transport: Transport) -> None:
        look, colours = self._look, self._look.colours
        pygame.draw.rect(surface, colours.ground, place, border_radius=look.px(5))
        pygame.draw.rect(surface, colours.line, place, 1, border_radius=look.px(5))
        x, y, unit = *place.center, look.px(5)
        if button.action == "pause" and transport.is_playing:
            for left in (x - unit, x + unit - look.px(3)):
                pygame.draw.rect(surface, colours.ink, (left, y - unit, look.px(3), 2 * unit))
        elif button.action == "pause":
            pygame.draw.polygon(surface, colours.ink, [(x - unit, y - unit), (x + unit + 1, y), (x - unit, y + unit)])
        elif button.action in ("step", "back"):
            way = 1 if button.action == "step" else -1
            pygame.draw.polygon(
                surface, colours.ink, [(x - way * unit, y - unit), (x + way * 2, y), (x - way * unit, y + unit)]
            )
            pygame.draw.rect(surface, colours.ink, (x + way * unit - 1, y - unit, look.px(2), 2 * unit))
        else:
            is_sign = button.action == "fault"
            look.text(surface, button.sign, (x, y), LARGE, colours.danger if is_sign else None, "centre", is_sign)

    def _draw_marks(self, surface: pygame.Surface) -> None:
        """Faults as bands above the track; switches as ticks below it, drops longer; violations as crosses."""
        look, colours, scene, track = self._look, self._look.colours, self._scene, self.track
        for fault in scene.faults:
            left, right = self._x(fault.begin), self._x(min(fault.end, scene.end))
            wide = max(right - left, look.px(2))
            is_mine = fault.vehicle == scene.selected
            colour = colours.danger if is_mine else mixed(colours.panel, colours.danger, 0.5)
            pygame.draw.rect(surface, colour, (left, track.top - look.px(9), wide, look.px(5)))
        marks = scene.marks
        xs = track.left + np.round(np.minimum(marks.time / self._whole, 1.0) * track.width).astype(int)
        kinds = (marks.level + 1) * 2 + marks.is_drop
        most = int(kinds.max(initial=0)) + 1
        for mark in np.unique(xs * most + kinds).tolist():
            x, kind = divmod(mark, most)
            level, is_drop = kind // 2 - 1, kind % 2
            if level < 0:
                self._draw_cross(surface, x)
                continue
            tall = look.px(11 if is_drop else 6)
            shade = mixed(look.level(level)[0], (0, 0, 0), 0.3)
            pygame.draw.rect(surface, shade, (x - 1, track.bottom + look.px(2), look.px(2), tall))

    def _draw_cross(self, surface: pygame.Surface, x: int) -> None:
        look, y = self._look, self.track.centery
        arm = look.px(5)
        for rising in (-1, 1):
            begin, end = (x - arm, y - rising * arm), (x + arm, y + rising * arm)
            pygame.draw.line(surface, look.colours.danger, begin, end, look.px(3))
