"""The figure of `karyon.sim.comparison`: what the cars of each platoon do when messages stop and the leader brakes."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from karyon.sim.bare import Motion
from karyon.sim.view.page import DANGER, INK, OURS, WIDTH, rendered, styled, write

SHOWN = (38.0, 55.0)  # s
HEIGHT, COLUMNS, TITLE = 4.3, 4, 18  # inches, panels side by side, letters of a line of their titles


def draw(platoons: Mapping[str, Motion], path: Path) -> None:
    """One panel for each platoon, speed over time."""
    with styled():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        panels = figure.subplots(-(-len(platoons) // COLUMNS), COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
        for panel in panels[len(platoons) :]:
            panel.set_axis_off()
        for panel, (name, motion) in zip(panels, platoons.items(), strict=False):
            collided = np.maximum.accumulate(motion.gap <= 0.0, axis=0)
            speed = np.where(collided, np.nan, motion.speed[:, 1:])
            panel.plot(motion.time, speed, color=OURS, linewidth=0.7)
            panel.plot(motion.time, motion.speed[:, 0], color=INK, linewidth=1.5)
            ran = int(collided[-1].sum())
            said = f"{ran or 'no'} collision{'s' if ran > 1 else ''}"
            panel.text(0.97, 0.95, said, transform=panel.transAxes, ha="right", va="top", color=DANGER if ran else INK)
            panel.set_title(fill(name, TITLE), fontsize=8)
            panel.set_xlim(*SHOWN)
            panel.tick_params(labelbottom=True)
        figure.supxlabel("time (s)", fontsize=8)
        figure.supylabel("speed (m/s)", fontsize=8)
        write(path, rendered(figure, "png"))
