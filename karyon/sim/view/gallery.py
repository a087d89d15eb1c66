"""The pictures of the documentation, each shipped scenario at a telling moment: python -m karyon.sim.view.gallery docs

With names of pictures behind the folder it draws these alone.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from karyon.sim.kinds import read, simulate
from karyon.sim.view.look import Look
from karyon.sim.view.plot import plot
from karyon.sim.view.show import of_scenario
from karyon.sim.view.stills import screenshot

SIZE = (1280, 800)  # px
COLOURS, FREQUENT = 256, 160  # of a picture, and how many of them are its most frequent ones


@dataclass(frozen=True, slots=True)
class Moment:
    """A shipped scenario at a time (s), and the name of its picture."""

    scenario: str
    at: float
    called: str = ""
    is_dark: bool = False

    @property
    def name(self) -> str:
        """Of the picture, without its ending."""
        return f"view_{self.called or self.scenario}"


MOMENTS = (
    Moment("acc_radar_drift", 32.6, called="demo"),
    Moment("acc_profile", 64.0),
    Moment("acc_radar_drift", 36.0),
    Moment("acc_recorded", 60.0),
    Moment("flight", 104.0),
    Moment("intersection", 40.0),
    Moment("intersection_mixed", 62.0),
    Moment("intersection_silent_coordinator", 66.0),
    Moment("lane_change", 12.0),
    Moment("merge", 15.0),
    Moment("platoon", 54.0),
    Moment("platoon_attack_equivocation", 40.9),
    Moment("platoon_attack_flooding", 41.6),
    Moment("platoon_attack_replay", 41.1),
    Moment("platoon_attack_sybil", 41.5),
    Moment("platoon_attack_wrong_position", 41.0, is_dark=True),
    Moment("platoon_attack_wrong_speed", 41.0),
    Moment("platoon_bursts", 40.0),
    Moment("platoon_cut_in", 41.5),
    Moment("platoon_emergency_brake", 44.0),
    Moment("platoon_jammer", 33.7),
    Moment("platoon_join", 45.0),
    Moment("platoon_loss", 43.6),
    Moment("platoon_split", 42.0),
)
FIGURE = "platoon_jammer"


def main() -> None:
    """Draw all of them, or those that are named, into a folder."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    for moment in MOMENTS:
        if not names or moment.name in names:
            draw(moment, folder / f"{moment.name}.png")
    if not names or f"figure_{FIGURE}" in names:
        draw_figure(folder / f"figure_{FIGURE}.png")


def draw(moment: Moment, path: Path) -> None:
    """One of them."""
    with TemporaryDirectory(prefix="karyon-") as scratch, of_scenario(read(moment.scenario), Path(scratch)) as source:
        screenshot(source, moment.at, path, Look(is_dark=moment.is_dark), SIZE)
    shrink(path)


def draw_figure(path: Path) -> None:
    """The figure of a file of cars."""
    with TemporaryDirectory(prefix="karyon-") as scratch:
        folder = Path(scratch)
        simulate([read(FIGURE)], [folder])
        plot(folder)
        shutil.copyfile(folder / "platoon.png", path)


def shrink(path: Path) -> None:
    """With a palette: a third of the bytes. What fills a surface keeps its colour, the others go to one close by."""
    with Image.open(path) as full:
        pixels = np.asarray(full.convert("RGB"))
    every, place, count = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    kept, rest = every[order[:FREQUENT]], every[order[FREQUENT:]]
    if len(rest):
        few = Image.fromarray(rest[None]).quantize(COLOURS - FREQUENT, Image.Quantize.MAXCOVERAGE).getpalette()
        kept = np.concatenate([kept, np.array(few, dtype=np.uint8).reshape(-1, 3)[: COLOURS - FREQUENT]])
    apart = np.abs(every[:, None, :].astype(np.int16) - kept.astype(np.int16)).sum(axis=2)
    chosen = apart.argmin(axis=1).astype(np.uint8)[place.ravel()]
    picture = Image.fromarray(chosen.reshape(pixels.shape[:2]), mode="P")
    picture.putpalette(kept.tobytes())
    picture.save(path, optimize=True)


if __name__ == "__main__":
    main()
