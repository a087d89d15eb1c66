"""The side panel: the selected vehicle's level and the rule that decides, what it knows of each signal, last events."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np
import pygame

from karyon.sim.view.colours import Colour
from karyon.sim.view.happenings import SWITCH, VIOLATION, Happening
from karyon.sim.view.look import HUGE, LARGE, NORMAL, SMALL, Look
from karyon.sim.view.scene import NO_LEVEL, Scene
from karyon.sim.view.signs import height, leads

PAD = 18  # px
SIGNAL_TALL = 43  # px
BAR_TALL = 8  # px
AGE_WIDE = 116  # px
LOOKED_BACK = 400  # events in which the last ones are looked for
UNITS = {"distance": "m", "relative_speed": "m/s", "speed": "m/s", "acceleration": "m/s²", "position": "m"}


class Panel:
    """Draws from top to bottom, as far as there is room."""

    def __init__(self, surface: pygame.Surface, look: Look, place: pygame.Rect, scene: Scene) -> None:
        self._surface, self._look, self._place, self._scene = surface, look, place, scene
        self._left, self._right = place.left + look.px(PAD), place.right - look.px(PAD)
        self._y = float(place.top + look.px(12))

    def draw(self) -> None:
        """All of it."""
        pygame.draw.rect(self._surface, self._look.colours.panel, self._place)
        pygame.draw.line(
            self._surface, self._look.colours.line, self._place.topleft, (self._place.left, self._place.bottom)
        )
        self._draw_head()
        if self._scene.cars.level[self._scene.place] != NO_LEVEL:
            self._draw_reason()
            self._draw_signals()
        self._draw_events()

    @property
    def _width(self) -> int:
        return self._right - self._left

    def _mine(self) -> Iterator[Happening]:
        """What has happened to the selected vehicle, the last first."""
        scene = self._scene
        return (
            scene.happenings[i] for i in range(scene.past - 1, -1, -1) if scene.happenings[i].vehicle == scene.selected
        )

    def _draw_head(self) -> None:
        scene, look, colours = self._scene, self._look, self._look.colours
        level = int(scene.cars.level[scene.place])
        fill, on_fill = look.level(level)
        side = look.px(54)
        box = pygame.Rect(self._left, round(self._y), side, side)
        pygame.draw.rect(self._surface, fill, box, border_radius=look.px(8))
        look.text(self._surface, self._digit(level), box.center, HUGE, on_fill, "centre", True)
        x = box.right + look.px(14)
        name = f"{scene.about.called[0].capitalize()} {scene.selected}"
        look.text(self._surface, name, (x, box.top + look.px(13)), LARGE, None, "left", True)
        speed = f"{_number(float(scene.cars.speed[scene.place]))} m/s"
        if scene.air is not None:
            speed = f"{height(float(scene.air.place[2, -1, scene.place]), scene.air.climb[scene.place])} · {speed}"
        look.text(self._surface, speed, (self._right, box.top + look.px(13)), NORMAL, colours.faint, "right")
        lines = look.wrapped(self._level_name(level), self._right - x, 2, SMALL)
        for row, line in enumerate(lines):
            look.text(self._surface, line, (x, box.top + look.px(34 + 15 * row)), SMALL, colours.faint)
        self._y = box.bottom + look.px(12)

    def _digit(self, level: int) -> str:
        return str(level) if level != NO_LEVEL else "L" if leads(self._scene, self._scene.selected) else "–"

    def _level_name(self, level: int) -> str:
        names = self._scene.about.level_names
        if level == NO_LEVEL:
            is_leader = leads(self._scene, self._scene.selected)
            return "leads, and has no level of service" if is_leader else "has no kernel"
        if level >= len(names):
            return f"LoS {level}"
        return f"LoS {level} of {len(names) - 1}: {names[level]}"

    def _draw_reason(self) -> None:
        """The rule that decided last; and of the last drop, where that is another: the first cause stays visible."""
        scene, look, colours = self._scene, self._look, self._look.colours
        if not scene.about.kernel_enabled:
            self._paragraph("The kernel is switched off: the controller of the highest level drives.", colours.danger)
            return
        last = next((each for each in self._mine() if each.kind == SWITCH), None)
        drop = next((each for each in self._mine() if each.is_drop), None)
        if last is None:
            self._paragraph("No switch yet." if scene.has_events else "Why is not known.", colours.faint)
        else:
            self._paragraph(last.text, colours.ink, is_bold=True)
            self._paragraph(f"{scene.time - last.time:.1f} s ago, at {last.time:.2f} s", colours.faint, SMALL)
            if drop is not None and drop is not last:
                self._paragraph(f"Last drop at {drop.time:.2f} s: {drop.text}", colours.faint, SMALL)
        for fault in scene.faults:
            if fault.vehicle == scene.selected and fault.begin <= scene.time < fault.end:
                self._paragraph(f"Fault: {fault.label}, since {fault.begin:.1f} s", colours.danger)
        self._y += look.px(6)

    def _paragraph(self, words: str, colour: Colour, size: int = NORMAL, is_bold: bool = False) -> None:
        look = self._look
        for line in look.wrapped(words, self._width, 3, size, is_bold):
            look.text(self._surface, line, (self._left, self._y + look.px(8)), size, colour, "left", is_bold)
            self._y += look.px(19 if size == NORMAL else 17)

    def _heading(self, words: str, *right: tuple[float, str]) -> None:
        look, colours = self._look, self._look.colours
        y = round(self._y)
        pygame.draw.line(self._surface, colours.line, (self._left, y), (self._right, y))
        look.text(self._surface, words, (self._left, y + look.px(15)), NORMAL, None, "left", True)
        for x, said in right:
            look.text(self._surface, said, (x, y + look.px(15)), SMALL, colours.faint, "right")
        self._y += look.px(28)

    def _draw_signals(self) -> None:
        signals, look = self._scene.signals, self._look
        if not signals or self._y + look.px(28 + SIGNAL_TALL) > self._place.bottom:
            return
        self._heading("Signals: validity and age", (self._right, "measured (true)"))
        for signal in signals:
            if self._y + look.px(SIGNAL_TALL) > self._place.bottom:
                return
            self._draw_signal(signal)
            self._y += look.px(SIGNAL_TALL)

    def _draw_signal(self, signal: str) -> None:
        scene, look, colours = self._scene, self._look, self._look.colours
        y = self._y + look.px(9)
        end = look.text(self._surface, signal, (self._left, y)).right
        said = look.cut(self._value(signal), self._right - end - look.px(10), SMALL)
        look.text(self._surface, said, (self._right, y), SMALL, colours.faint, "right")
        y += look.px(19)
        validity, minimum = scene.values.get(f"{signal}_validity", np.nan), scene.about.minimum.get(signal, 0.0)
        wide = self._width - look.px(AGE_WIDE + 46)
        track = pygame.Rect(self._left, round(y - look.px(BAR_TALL) / 2), wide, look.px(BAR_TALL))
        pygame.draw.rect(self._surface, colours.line, track, border_radius=look.px(2))
        is_low = not validity >= minimum
        colour = colours.danger if is_low else colours.told
        if 0.0 < validity <= 1.0:
            filled = (*track.topleft, max(1, round(validity * wide)), track.height)
            pygame.draw.rect(self._surface, colour, filled, border_radius=look.px(2))
        if minimum:
            x = track.left + round(minimum * wide)
            pygame.draw.line(
                self._surface, colours.ink, (x, track.top - look.px(3)), (x, track.bottom + look.px(2)), look.px(2)
            )
        said = f"{validity:.2f}" if np.isfinite(validity) else "–"
        shown = colours.danger if is_low else colours.ink
        look.text(self._surface, said, (track.right + look.px(8), y), SMALL, shown)
        self._draw_age(signal, y)

    def _draw_age(self, signal: str, y: float) -> None:
        scene, look, colours = self._scene, self._look, self._look.colours
        age, limit = scene.values.get(f"{signal}_age", np.nan), scene.about.age_limit.get(signal, np.inf)
        said = f"{_short(age)} of {_short(limit)}" if np.isfinite(limit) else _short(age)
        colour = colours.danger if not age <= limit else colours.faint
        look.text(self._surface, said, (self._right, y), SMALL, colour, "right")

    def _value(self, signal: str) -> str:
        """What it says, and what is true; of a message the speed in it, of an aircraft how far away it is."""
        values = self._scene.values
        names = (signal, f"{signal}.speed", f"{signal}.distance")
        name = next((name for name in names if name in values), None)
        if name is None:
            return ""
        unit = UNITS.get(name.rpartition(".")[2], "")
        value, true = values.get(name, np.nan), values.get(f"{name}_true", np.nan)
        if not np.isfinite(value):
            return "nothing yet"
        if signal == "front.distance" and value >= self._scene.about.sensor_range:
            return "nothing in range"
        shown = f"{value:z.1f} {unit}" if not np.isfinite(true) else f"{value:z.1f} ({true:z.1f}) {unit}"
        return shown if name == signal else f"{name.rpartition('.')[2]} {shown}"

    def _draw_events(self) -> None:
        scene, look, colours = self._scene, self._look, self._look.colours
        if self._y + look.px(28 + 40) > self._place.bottom:
            return
        self._heading("Last events", (self._right, f"of all {self._scene.about.called[1]}"))
        for note in scene.notes:
            self._paragraph(note, colours.danger, SMALL)
        room = self._place.bottom - look.px(6)
        stamp = look.px(62)
        told = scene.happenings[max(scene.past - LOOKED_BACK, 0) : scene.past]
        for (time, text), same in groupby(reversed(told), key=attrgetter("time", "text")):
            together = list(same)
            vehicles = sorted(each.vehicle for each in together)
            is_mine = scene.selected in vehicles
            said = f"{_named(vehicles, scene.about.called)}: {text}"
            lines = look.wrapped(said, self._width - stamp, 2, SMALL, is_mine)
            if self._y + look.px(17) * len(lines) > room:
                return
            is_bad = together[0].kind == VIOLATION
            colour = colours.danger if is_bad else colours.ink if is_mine else colours.faint
            at = (self._left + stamp - look.px(10), self._y + look.px(8))
            look.text(self._surface, f"{time:.2f}", at, SMALL, colours.faint, "right")
            for line in lines:
                place = (self._left + stamp, self._y + look.px(8))
                look.text(self._surface, line, place, SMALL, colour, "left", is_mine)
                self._y += look.px(17)
            self._y += look.px(3)
        if not scene.past and scene.has_events:
            self._paragraph("Nothing has happened yet.", colours.faint, SMALL)


def _named(vehicles: Sequence[int], called: tuple[str, str]) -> str:
    """Vehicles by number; all of a stretch by the first and the last."""
    if len(vehicles) == 1:
        return f"{called[0]} {vehicles[0]}"
    is_whole = len(vehicles) > 2 and vehicles[-1] - vehicles[0] == len(vehicles) - 1
    return f"{called[1]} " + (f"{vehicles[0]}–{vehicles[-1]}" if is_whole else ", ".join(map(str, vehicles)))


def _number(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else "–"


def _short(seconds: float) -> str:
    if not np.isfinite(seconds):
        return "–"
    return f"{1000 * seconds:.0f} ms" if seconds < 1.0 else f"{seconds:.1f} s"
