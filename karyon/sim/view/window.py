"""The window: it plays a run, and does what keys and mouse say."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pygame

from karyon.sim.kinds import CAR_FOLLOWING
from karyon.sim.view import keys, overlay
from karyon.sim.view.again import Again
from karyon.sim.view.bar import Transport
from karyon.sim.view.happenings import FAULT, SWITCH, VIOLATION, Happening, telling
from karyon.sim.view.live import Live
from karyon.sim.view.look import Look
from karyon.sim.view.renderer import Picture, Renderer
from karyon.sim.view.scene import LEADER, NO_LEVEL, Eye, Scene, Source

SIZE = (1280, 800)  # px at scale 1
RATE = 60  # pictures per second, at most
SCALES = (1.0, 1.25, 1.5, 2.0)
FINE_FROM = 1800  # px of the screen's height from which its pixels are small
JUMP = 10.0  # s
ZOOM, PAN = 1.25, 0.15  # factor; share of the window
NOTICE = 4.0  # s for which a notice stays
BEGINS_AGAIN = "the run begins again with the fault ..."
MARKED = (FAULT, SWITCH, VIOLATION)
HINT = (
    "there is no display: on a machine without a screen use --screenshot FILE.png or --video FILE.mp4; "
    "over ssh try `ssh -X`; or run it under Xvfb: xvfb-run karyon view ..."
)


class NoDisplayError(RuntimeError):
    """No window can be opened; the message says what to do."""


def open_display() -> None:
    """Raises NoDisplayError."""
    os.environ.setdefault("SDL_VIDEO_X11_WMCLASS", "karyon")
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # without it Wayland's library writes to stderr
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")  # without a GPU it takes thrice as long
    try:
        pygame.display.init()
    except pygame.error as error:
        raise NoDisplayError(f"{HINT} ({error})") from None
    if pygame.display.get_driver() in ("dummy", "offscreen"):
        pygame.display.quit()
        raise NoDisplayError(HINT)


class Window:
    """A run in a window, from `at` (s) on.

    time, selected          what is shown: s, vehicle
    transport               how it is played
    follows                 whether the picture moves with the selected car
    shows_help, shows_menu  what lies above the picture
    scene, picture          the last one, None before the first; no picture where the window is too small
    items                   where the faults of the menu are
    """

    def __init__(self, source: Source, at: float) -> None:
        """The display is open."""
        self._source, self._eye = source, Eye(source)
        heights = [height for _, height in pygame.display.get_desktop_sizes()]
        scale = 2.0 if max(heights, default=0) >= FINE_FROM else 1.0
        self.look = Look(scale)
        self.surface = pygame.display.set_mode([round(scale * each) for each in SIZE], pygame.RESIZABLE)
        pygame.key.set_repeat(350, 60)
        self.renderer = Renderer(self.look)
        self.time, self.selected = at, telling(source.happenings, at)
        self._awaited = at if isinstance(source, Live) else 0.0  # until then a live run is shown as it comes
        self.transport = Transport(is_playing=True, is_live=isinstance(source, Live))
        self.follows, self.shows_help, self.shows_menu = True, False, False
        self.items: Sequence[pygame.Rect] = ()
        self._dragged = ""
        self._notice, self._noticed_until = "", 0
        self.scene: Scene | None = None
        self.picture: Picture | None = None
        self.is_open = True
        self._commands: dict[str, Callable[[], None]] = {
            key.command: getattr(self, f"_do_{key.command}") for key in keys.KEYS
        }

    def run(self) -> None:
        """Until it is closed."""
        clock = pygame.time.Clock()
        while self.is_open:
            self.turn(clock.tick(RATE) / 1000.0)

    def turn(self, passed: float) -> None:
        """One picture, `passed` s after the last one."""
        for event in pygame.event.get():
            self._take(event)
        if isinstance(self._source, Live):
            self._source.look()
        if self._source.end < self._source.begin:
            self._draw_waiting()
        else:
            self._play(passed)
            self._draw()
        pygame.display.flip()

    def _play(self, passed: float) -> None:
        source = self._source
        is_current = not isinstance(source, Live) or source.is_ready
        if self._awaited > source.end and self._is_running():
            self.time = source.end
            return
        self.time, self._awaited = max(self.time, self._awaited), 0.0
        if self.transport.is_playing and is_current and self._dragged != "time" and not self.shows_menu:
            self.time += passed * self.transport.speed
        if self.time >= source.end and not self._is_running():
            self.transport = replace(self.transport, is_playing=False)
        self.time = min(max(self.time, source.begin), source.end)

    def _is_running(self) -> bool:
        return isinstance(self._source, Live) and self._source.is_running

    def _draw(self) -> None:
        first = self.scene is None
        self.scene = scene = self._eye.look(self.time, self.selected)
        self.selected = scene.selected
        if first:
            self._do_fit()
        if self.follows:
            self.renderer.camera.follow(scene)
        self.picture = self.renderer.draw(self.surface, scene, self.transport)
        self._entitle(f"KARYON: {scene.about.name}, {scene.time:.0f} s, {scene.about.called[0]} {scene.selected}")
        if self.shows_menu:
            self.items = self._draw_menu(scene)
        if self.shows_help:
            overlay.draw_help(self.surface, self.look)
        is_behind = isinstance(self._source, Live) and not self._source.is_ready
        if is_behind:
            overlay.draw_notice(self.surface, self.look, BEGINS_AGAIN)
        elif pygame.time.get_ticks() < self._noticed_until:
            overlay.draw_notice(self.surface, self.look, self._notice)

    def _draw_menu(self, scene: Scene) -> Sequence[pygame.Rect]:
        return overlay.draw_menu(self.surface, self.look, self._menu(scene))

    def _entitle(self, title: str) -> None:
        if title != pygame.display.get_caption()[0]:
            pygame.display.set_caption(title)

    def _draw_waiting(self) -> None:
        self._entitle(f"KARYON: {self._source.about.name}")
        self.surface.fill(self.look.colours.ground)
        said = "; ".join(self._source.notes) or "the simulation begins ..."
        self.look.text(self.surface, said, self.surface.get_rect().center, 14, None, "centre")

    def _say(self, words: str) -> None:
        self._notice, self._noticed_until = words, pygame.time.get_ticks() + round(1000 * NOTICE)

    # --- what the user does

    def _take(self, event: pygame.event.Event) -> None:
        if event.type == pygame.QUIT:
            self.is_open = False
        elif event.type == pygame.KEYDOWN:
            self._take_key(event)
        elif event.type == pygame.MOUSEWHEEL and self.picture is not None:
            self._zoom(ZOOM**event.y, pygame.mouse.get_pos())
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self._press(event.pos)
        elif event.type == pygame.MOUSEBUTTONUP and event.button == 1:
            self._dragged = ""
        elif event.type == pygame.MOUSEMOTION and self._dragged:
            self._drag(event)

    def _take_key(self, event: pygame.event.Event) -> None:
        if event.key == pygame.K_ESCAPE:
            self.shows_help = self.shows_menu = False
            return
        if self.shows_menu and event.unicode and event.unicode.upper() in overlay.NAMES_OF_CHOICES:
            self._inject(overlay.NAMES_OF_CHOICES.index(event.unicode.upper()))
            return
        command = keys.COMMANDS.get(event.key) or keys.COMMANDS.get(
            ord(event.unicode) if len(event.unicode) == 1 else 0
        )
        if command is not None:
            self._commands[command]()

    def _press(self, at: tuple[int, int]) -> None:
        if self.shows_help:
            self.shows_help = False
            return
        if self.shows_menu:
            chosen = [index for index, item in enumerate(self.items) if item.collidepoint(at)]
            if chosen:
                self._inject(chosen[0])
            self.shows_menu = False
            return
        picture = self.picture
        if picture is None:
            return
        for button, place in picture.bar.buttons.items():
            if place.collidepoint(at):
                self._commands[button.action]()
                return
        if picture.bar.track.inflate(self.look.px(12), self.look.px(40)).collidepoint(at):
            self._dragged, self.time = "time", picture.bar.time_at(at[0])
            return
        vehicle = picture.road.car_at(at)
        if vehicle is not None:
            self.selected = vehicle
        elif picture.layout.road.collidepoint(at):
            self._dragged = "road"

    def _drag(self, event: pygame.event.Event) -> None:
        picture = self.picture
        if picture is None:
            return
        if self._dragged == "time":
            self.time = picture.bar.time_at(event.pos[0])
        else:
            self.renderer.camera.pan(*(-part / self.look.scale for part in event.rel))

    def _zoom(self, factor: float, at: tuple[int, int] | None = None) -> None:
        """Around a pixel, or else around the selected car."""
        if self.picture is None or self.scene is None:
            return
        cars, place = self.scene.cars, self.scene.place
        own = float(cars.x[place]), float(cars.y[place])
        self.renderer.camera.zoomed(factor, own if at is None else self.picture.road.place_at(at))

    # --- commands, one per key of the table

    def _do_pause(self) -> None:
        is_over = self.time >= self._source.end >= self._source.about.duration - 1e-6
        if is_over and not self.transport.is_playing:
            self.time = self._source.begin
        self.transport = replace(self.transport, is_playing=not self.transport.is_playing)

    def _do_step(self) -> None:
        self._go_by(1)

    def _do_back(self) -> None:
        self._go_by(-1)

    def _go_by(self, instants: int) -> None:
        self.transport = replace(self.transport, is_playing=False)
        around = self._source.parts(self.time - 2.0, self.time + 2.0)
        times = np.concatenate([part.time for part in around])
        if instants > 0:
            later = times[times > self.time + 1e-9]
            self.time = float(later[0]) if len(later) else self.time
        else:
            before = times[times < self.time - 1e-9]
            self.time = float(before[-1]) if len(before) else self.time

    def _do_later(self) -> None:
        self.time += JUMP

    def _do_earlier(self) -> None:
        self.time -= JUMP

    def _do_begin(self) -> None:
        self.time = self._source.begin

    def _do_end(self) -> None:
        self.time = self._source.end

    def _do_next(self) -> None:
        self._go_to([each for each in self._marked() if each.time > self.time + 1e-6][:1])

    def _do_previous(self) -> None:
        self._go_to([each for each in self._marked() if each.time < self.time - 1e-6][-1:])

    def _marked(self) -> list[Happening]:
        return [each for each in self._source.happenings if each.kind in MARKED]

    def _go_to(self, found: list[Happening]) -> None:
        if not found:
            self._say("there is no other mark that way")
            return
        self.transport = replace(self.transport, is_playing=False)
        self.time, self.selected = found[0].time, found[0].vehicle

    def _do_faster(self) -> None:
        self.transport = replace(self.transport, speed=keys.faster(self.transport.speed))

    def _do_slower(self) -> None:
        self.transport = replace(self.transport, speed=keys.slower(self.transport.speed))

    def _do_ahead(self) -> None:
        self._select_next(1)

    def _do_behind(self) -> None:
        self._select_next(-1)

    def _select_next(self, way: int) -> None:
        """The next one along the road; in the plane, by number."""
        if self.scene is None:
            return
        cars = self.scene.cars
        order = np.argsort(cars.x if self.scene.about.backdrop is None else cars.vehicle, kind="stable")
        place = int(np.flatnonzero(order == self.scene.place)[0]) + way
        self.selected = int(cars.vehicle[order[min(max(place, 0), len(order) - 1)]])

    def _do_follow(self) -> None:
        self.follows = not self.follows
        self.renderer.camera.vehicle = -1
        self._say("follows the selected car" if self.follows else "does not follow any more")

    def _do_fit(self) -> None:
        if self.scene is not None:
            self.renderer.fit(self.scene, self.surface.get_size())

    def _do_nearer(self) -> None:
        self._zoom(ZOOM)

    def _do_farther(self) -> None:
        self._zoom(1 / ZOOM)

    def _do_left(self) -> None:
        self.renderer.camera.pan(-PAN * self.surface.get_width() / self.look.scale, 0.0)

    def _do_right(self) -> None:
        self.renderer.camera.pan(PAN * self.surface.get_width() / self.look.scale, 0.0)

    def _do_fault(self) -> None:
        self.shows_menu = not self.shows_menu

    def _do_dark(self) -> None:
        self._relook(self.look.scale, not self.look.is_dark)

    def _do_larger(self) -> None:
        larger = [scale for scale in SCALES if scale > self.look.scale]
        self._relook((larger or SCALES)[0], self.look.is_dark)

    def _relook(self, scale: float, is_dark: bool) -> None:
        self.look = self.renderer.look = Look(scale, is_dark)

    def _do_help(self) -> None:
        self.shows_help = not self.shows_help

    def _do_quit(self) -> None:
        self.is_open = False

    # --- faults

    def _menu(self, scene: Scene) -> overlay.Menu:
        """What can be put in now: who leads has no sensors that are simulated, and lies are for who listens."""
        lasts = overlay.LASTS if scene.air is None else overlay.LASTS_IN_THE_AIR
        whose, refusal = f"{scene.about.called[0]} {scene.selected}", self._refusal(scene)
        if refusal:
            return overlay.Menu(whose, lasts, (), refusal)
        if scene.air is not None:
            return overlay.Menu(whose, lasts, overlay.IN_THE_AIR)
        own = () if scene.selected == LEADER else overlay.FAULTS
        return overlay.Menu(whose, lasts, (*own, *(overlay.LIES if self._is_platoon else ())))

    def _refusal(self, scene: Scene) -> str:
        """Why no fault can be put in now; empty: one can."""
        if not isinstance(self._source, Live | Again):
            return "This is a recording: what happened, happened. `karyon view SCENARIO` runs it anew."
        if scene.about.function != CAR_FOLLOWING and scene.air is None:
            return "Faults are put in by the scenario here: `faults:`, or karyon run --set faults=..."
        if isinstance(self._source, Live) and self._source.is_real_time:
            return "This is real: what a device can do wrong, `karyon device --fault` does."
        if scene.time >= scene.about.duration:
            return "The run has ended: go back to an earlier time."
        if scene.cars.level[scene.place] != NO_LEVEL or (scene.selected == LEADER and self._is_platoon):
            return ""
        return f"This {scene.about.called[0]} has no kernel: select another one."

    @property
    def _is_platoon(self) -> bool:
        return isinstance(self._source, Live) and self._source.loaded.scenario.kind == "platoon"

    def _inject(self, number: int) -> None:
        source, scene = self._source, self.scene
        if scene is None or not isinstance(source, Live | Again):
            return
        menu = self._menu(scene)
        if number < len(menu.choices):
            self.shows_menu = False
            choice = menu.choices[number]
            if isinstance(source, Again):  # it is over in a moment, and the window waits for it
                overlay.draw_notice(self.surface, self.look, BEGINS_AGAIN)
                pygame.display.flip()
            source.inject({"vehicle": scene.selected, "duration": menu.lasts, **choice.fault}, scene.time)
            self._eye = Eye(source)
            print(f"{scene.time:.2f} s: {menu.whose}: {choice.words}", file=sys.stderr)
