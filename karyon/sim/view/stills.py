"""Pictures without a window: a still, and a video; by the renderer of the window."""

from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pygame

from karyon.sim.view.bar import Transport
from karyon.sim.view.happenings import telling
from karyon.sim.view.live import Live
from karyon.sim.view.look import Look
from karyon.sim.view.renderer import Renderer
from karyon.sim.view.scene import Eye, Scene, Source

SIZE, VIDEO_SIZE = (1440, 900), (1280, 720)  # px
RATE = 25  # pictures per second


def screenshot(source: Source, at: float, path: Path, look: Look, size: tuple[int, int] = SIZE) -> None:
    """Draw the run as it is at `at` (s). Raises OSError, RunError, LiveError."""
    surface = pygame.Surface(size)
    scene = _scene(source, Eye(source), at)
    renderer = Renderer(look)
    renderer.fit(scene, size)
    renderer.draw(surface, scene, Transport(is_live=isinstance(source, Live)))
    pygame.image.save(surface, path)


def video(source: Source, at: float, path: Path, look: Look, progress: Callable[[float], None]) -> None:
    """The run from `at` (s) to its end, as fast as it was. `progress` is told the time of each picture.

    Raises OSError, RunError, LiveError.
    """
    surface, eye = pygame.Surface(VIDEO_SIZE), Eye(source)
    renderer = Renderer(look)
    first = _scene(source, eye, at)
    renderer.fit(first, VIDEO_SIZE)
    transport = Transport(is_playing=True, is_live=isinstance(source, Live))
    writer = imageio_ffmpeg.write_frames(str(path), VIDEO_SIZE, fps=RATE, quality=8, macro_block_size=1)
    writer.send(None)
    try:
        for scene in _scenes(source, eye, first):
            renderer.camera.follow(scene)
            renderer.draw(surface, scene, transport)
            writer.send(pygame.image.tobytes(surface, "RGB"))
            progress(scene.time)
    finally:
        writer.close()


def _scenes(source: Source, eye: Eye, first: Scene) -> Iterator[Scene]:
    picture, selected = 0, first.selected
    while (time := first.time + picture / RATE) <= source.about.duration:
        if isinstance(source, Live):
            source.wait(time)
        if time > source.end:
            return
        yield eye.look(time, selected)
        picture += 1


def _scene(source: Source, eye: Eye, at: float) -> Scene:
    """With the vehicle selected that there is most to tell of."""
    if isinstance(source, Live):
        source.wait(at)
    scene = eye.look(at, 1)
    return eye.look(at, telling(scene.happenings[: scene.past], at))
