"""The pictures of the documentation, each a run at a telling moment: python -m karyon.sim.view.gallery docs"""

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from karyon.sim.scenario import read
from karyon.sim.view.live import Live
from karyon.sim.view.look import Look
from karyon.sim.view.stills import screenshot

SIZE = (1280, 800)  # px


@dataclass(frozen=True, slots=True)
class Moment:
    """A shipped scenario at a time (s)."""

    scenario: str
    at: float
    is_dark: bool = False


MOMENTS = (
    Moment("acc_radar_drift", 36.0),
    Moment("platoon_split", 42.0),
    Moment("platoon_jammer", 33.7),
    Moment("platoon_bursts", 40.0),
    Moment("platoon_attack_wrong_position", 41.0, is_dark=True),
)


def main() -> None:
    """Draw all of them into a folder."""
    folder = Path(sys.argv[1])
    for moment in MOMENTS:
        draw(moment, folder / f"view_{moment.scenario}.png")


def draw(moment: Moment, path: Path) -> None:
    """One of them."""
    with TemporaryDirectory(prefix="karyon-") as scratch:
        live = Live(read(moment.scenario), Path(scratch))
        try:
            screenshot(live, moment.at, path, Look(is_dark=moment.is_dark), SIZE)
        finally:
            live.close()


if __name__ == "__main__":
    main()
