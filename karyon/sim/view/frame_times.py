"""How long a picture of a live platoon takes: xvfb-run python -m karyon.sim.view.frame_times 100 1000

For each number of cars: time of the processor that draws, and time on the clock, which a busy machine and the X server
make longer. The simulation goes on in its own process meanwhile, as it does for a user.
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from karyon.sim.scenario import read
from karyon.sim.view.live import Live
from karyon.sim.view.window import NoDisplayError, Window, open_display

AT, LASTS = 2.0, 8.0  # s: where it begins to be shown, and how long pictures are drawn
SETTINGS = ("duration=600",)


def main() -> None:
    """Measure, and print a line for each number of cars."""
    try:
        open_display()
    except NoDisplayError as error:
        sys.exit(str(error))
    for cars in map(int, sys.argv[1:]):
        with TemporaryDirectory(prefix="karyon-") as scratch:
            live = Live(read("platoon", [*SETTINGS, f"vehicles={cars}"]), Path(scratch))
            try:
                live.wait(AT)
                print(f"{cars:5d} cars: {measured(Window(live, AT))}")
            finally:
                live.close()


def measured(window: Window) -> str:
    """Pictures as fast as they come, for some seconds, in words."""
    window.turn(0.0)
    pictures: list[tuple[float, float]] = []
    begun = last = time.perf_counter()
    while last - begun < LASTS:
        clock, processor = time.perf_counter(), time.process_time()
        window.turn(clock - last)
        pictures.append((time.perf_counter() - clock, time.process_time() - processor))
        last = clock
    wall, drawn = 1000.0 * np.array(pictures).T
    return (
        f"{np.median(drawn):.1f} ms of the processor, 99 % within {np.percentile(drawn, 99):.1f} ms; on the clock "
        f"{np.median(wall):.1f} ms, {len(pictures) / LASTS:.0f} pictures/s at a load of {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
