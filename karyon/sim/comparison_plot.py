"""The figure of `karyon.sim.comparison`: what the cars of each platoon do when messages stop and the leader brakes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from karyon.sim.bare import Motion

SHOWN = (38.0, 55.0)  # s
LEADER, FOLLOWER = "#222222", "#3b76af"


def draw(platoons: Mapping[str, Motion], path: Path) -> None:
    """One panel for each platoon, speed over time."""
    figure = Figure(figsize=(9.0, 5.0), layout="constrained")
    columns = -(-len(platoons) // 2)
    panels = figure.subplots(2, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.ravel()[len(platoons) :]:
        panel.set_axis_off()
    for panel, (name, motion) in zip(panels.ravel(), platoons.items(), strict=False):
        collided = np.maximum.accumulate(motion.gap <= 0.0, axis=0)
        speed = np.where(collided, np.nan, motion.speed[:, 1:])
        panel.plot(motion.time, speed, color=FOLLOWER, linewidth=0.8)
        panel.plot(motion.time, motion.speed[:, 0], color=LEADER, linewidth=1.4)
        ran = int(collided[-1].sum())
        panel.set_title(f"{name}\n{ran or 'no'} collision{'s' if ran > 1 else ''}", fontsize=8, loc="left")
        panel.set_xlim(*SHOWN)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("time (s)", fontsize=9)
    figure.supylabel("speed (m/s)", fontsize=9)
    figure.savefig(path, dpi=110)
