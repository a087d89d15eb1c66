"""The figure of what lost messages cost a platoon, and the command behind `make figures`.

python -m karyon.sim.view.loss_plot docs/platoon_loss    # .csv and .png, anew; or, where the .csv is meant to stay,
python -m karyon.sim.view.loss_plot docs/platoon_loss --draw
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from karyon.sim.loss_sweep import (
    ALWAYS,
    BRAKES,
    KERNEL,
    NEVER,
    SYSTEMS,
    UNDISTURBED,
    Estimate,
    Plan,
    Point,
    load,
    sweep,
    write,
)
from karyon.sim.view.page import DASHES, GREY, INK, LEVELS, OURS, THEIRS, styled

SIZE = (7.16, 7.6)  # inches: a page of two columns
DPI = 160
COLOURS = {KERNEL: OURS, ALWAYS: THEIRS, NEVER: INK}
MARKS = {KERNEL: "o-", ALWAYS: "s--", NEVER: "^:"}


def main() -> None:
    """Sweep, write the CSV, draw."""
    parser = argparse.ArgumentParser(description="What lost messages cost a platoon: CSV and figure.")
    parser.add_argument("path", type=Path, help="of both, without their endings")
    parser.add_argument("--draw", action="store_true", help="draw the CSV that is there")
    asked = parser.parse_args()
    table = asked.path.with_suffix(".csv")
    if not asked.draw:
        write(sweep(Plan(), _tell), table)
    save(load(table), asked.path.with_suffix(".png"))


def save(points: Sequence[Point], path: Path) -> None:
    """Draw the points into a PNG; the same points give the same bytes."""
    with styled():
        draw(points).savefig(path, dpi=DPI, metadata={"Software": "KARYON"})


def draw(points: Sequence[Point]) -> Figure:
    """The figure of a sweep. After a collision cars drive through each other: such points have no gap and no flow."""
    figure = Figure(figsize=SIZE, layout=ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.06))
    grid = figure.add_gridspec(3, 6)
    panels = [figure.add_subplot(grid[0, :3]), figure.add_subplot(grid[0, 3:])]
    shares = [figure.add_subplot(grid[1, 2 * column : 2 * column + 2]) for column in range(len(SYSTEMS))]
    panels += [figure.add_subplot(grid[2, :3]), figure.add_subplot(grid[2, 3:])]
    calm = [point for point in points if point.situation == UNDISTURBED]
    _draw_systems(panels[0], calm, lambda point: point.time_gap, "mean time gap (s)")
    panels[0].set_title("Kernel: lost messages cost distance")
    _draw_systems(panels[1], calm, lambda point: point.throughput, "throughput (vehicles/h)")
    panels[1].set_title("... and throughput")
    _tell_left_out(panels[1], calm)
    for panel, system in zip(shares, SYSTEMS, strict=True):
        _draw_shares(panel, [point for point in calm if point.system == system])
        panel.set_title(system[0].upper() + system[1:])
    shares[0].set_ylabel("share of the time (%)")
    levels = [Patch(facecolor=colour, edgecolor=GREY, label=f"LoS {level}") for level, colour in enumerate(LEVELS)]
    shares[1].legend(handles=levels[::-1], loc="center", frameon=True, framealpha=1.0, edgecolor="white")
    shares[1].tick_params(labelleft=False)
    shares[2].tick_params(labelleft=False)
    _draw_disagreement(panels[2], points)
    _draw_violated(panels[3], points)
    for panel in (*panels, *shares):
        panel.set_xlim(-2, 102)
        panel.set_xlabel("messages lost (%)")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(SYSTEMS))
    return figure


def _draw_systems(panel: Axes, points: Sequence[Point], of: Callable[[Point], Estimate], label: str) -> None:
    for system in SYSTEMS:
        told = [point for point in points if point.system == system and not point.collided]
        _draw_band(panel, told, of, COLOURS[system], MARKS[system], system)
    panel.set_ylim(bottom=0)
    panel.set_ylabel(label)


def _tell_left_out(panel: Axes, points: Sequence[Point]) -> None:
    for point in points:
        if point.collided:
            said = f"left out: {point.system}\nat {100 * point.loss:.0f} %, {point.collided} of {point.runs} collide"
            panel.text(0.02, 0.06, said, transform=panel.transAxes, va="bottom", color=COLOURS[point.system])


def _draw_band(
    panel: Axes, points: Sequence[Point], of: Callable[[Point], Estimate], colour: str, mark: str, name: str
) -> None:
    loss = [100 * point.loss for point in points]
    found = [of(point) for point in points]
    panel.fill_between(loss, [one.low for one in found], [one.high for one in found], color=colour, alpha=0.25, lw=0)
    panel.plot(loss, [one.mean for one in found], mark, color=colour, markersize=3.2, label=name)


def _draw_shares(panel: Axes, points: Sequence[Point]) -> None:
    """Of each level one on top of the other, the lowest at the bottom."""
    loss = [100 * point.loss for point in points]
    shares = np.array([[100 * share.mean for share in point.shares] for point in points]).T
    panel.stackplot(loss, shares, colors=LEVELS, edgecolor=GREY, linewidth=0.4)
    panel.set_ylim(0, 100)


def _draw_disagreement(panel: Axes, points: Sequence[Point]) -> None:
    told = [point for point in points if point.system == KERNEL and point.longest_disagreement is not None]
    for situation, mark, name in ((UNDISTURBED, "o-", "undisturbed"), (BRAKES, "D:", "the leader brakes")):
        mine = [point for point in told if point.situation == situation]
        rounds = [point.longest_disagreement or 0 for point in mine]
        panel.plot(
            [100 * point.loss for point in mine], rounds, mark, color=COLOURS[KERNEL], markersize=3.2, label=name
        )
    panel.axhline(1.0, color=INK, linewidth=0.8, linestyle=DASHES)
    panel.text(0.0, 1.04, "bound: one round, 0.5 s", va="bottom")
    panel.set_ylim(-0.05, 1.5)
    panel.set_yticks([0, 1])
    panel.set_ylabel("longest disagreement (rounds)")
    worst = max((point.longest_disagreement or 0 for point in told), default=0)
    panel.set_title(f"Kernel: members differ for {worst} round{'' if worst == 1 else 's'} at most")
    panel.legend(loc="upper right")


def _draw_violated(panel: Axes, points: Sequence[Point]) -> None:
    braking = [point for point in points if point.situation == BRAKES]
    for system in (NEVER, KERNEL, ALWAYS):
        mine = [point for point in braking if point.system == system]
        loss, colour = [100 * point.loss for point in mine], COLOURS[system]
        panel.plot(
            loss, [100 * point.violated / point.runs for point in mine], MARKS[system], color=colour, markersize=3.2
        )
        for point in mine:
            if point.collided:
                at = (100 * point.loss, 100 * point.violated / point.runs)
                panel.plot(*at, "X", color=colour, markersize=9, markeredgecolor=INK, clip_on=False)
                said = f"{point.collided} of {point.runs} collide"
                panel.annotate(said, at, (-9, 0), textcoords="offset points", ha="right", va="center", color=colour)
    panel.set_ylim(-3, 108)
    panel.set_ylabel("runs that break a safety goal,\nthe leader brakes hard (%)")
    breaking = [system for system in SYSTEMS if any(point.violated for point in braking if point.system == system)]
    panel.set_title(f"Goals are broken by: {', '.join(breaking) or 'nobody'}")


def _tell(done: int, of: int) -> None:
    print(f"\r{done} of {of} points ", end="" if done < of else "\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
