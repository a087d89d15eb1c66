"""The figure of `make bench`: what a step costs against vehicles, both axes logarithmic, with other programs in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from karyon.bench.beside import PEER
from karyon.sim.view.page import DASHES, GREY, OTHERS, OURS, SMALL, THEIRS, WIDTH, rendered, styled, write

HEIGHT = 3.6  # inches
Points = Sequence[tuple[int, float]]


def draw(measured: Mapping[str, Any], path: Path) -> None:
    """A PNG; `measured` as `page.measure` answers. The same numbers give the same bytes."""
    with styled():
        write(path, rendered(figure(measured), "png"))


def figure(measured: Mapping[str, Any]) -> Figure:
    """To be called inside `styled`."""
    sheet = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = sheet.subplots()
    looks = {
        "karyon": (OURS, "o-"),
        "without_fast": (OURS, "o--"),
        "sumo": (THEIRS, "s-"),
        "highway-env": (OTHERS, "^-"),
    }
    for name, (said, points) in curves(measured).items():
        colour, mark = looks[name]
        axes.loglog(*zip(*points, strict=True), mark, color=colour, markersize=3.5, label=said)
    limit = 1e3 * measured["scale"]["period"]
    axes.axhline(limit, color=GREY, linestyle=DASHES, linewidth=0.8)
    axes.annotate("as long as the step itself", (1.0, limit), (0, 3), textcoords="offset points", fontsize=SMALL)
    axes.grid(visible=True, which="major", color=GREY, alpha=0.3, linewidth=0.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.legend(loc="lower right")
    axes.set_xlabel("vehicles")
    axes.set_ylabel("CPU time of a step of 0.1 s (ms)")
    return sheet


def curves(measured: Mapping[str, Any]) -> dict[str, tuple[str, Points]]:
    """By name what a reader calls it, and vehicles with CPU time of a step in ms; of what was measured."""
    costs = measured["scale"]["rows"]
    ours = {"karyon": "KARYON", "without_fast": "KARYON without fast"}
    found = {
        name: (said, [(one["rows"], one[name] / 1e3) for one in costs if name in one]) for name, said in ours.items()
    }
    theirs = {"sumo": "SUMO", "highway-env": "highway-env"}
    for name, said in theirs.items():
        rows = measured["peers"].get(name, [])
        found[name] = (said, [(one["vehicles"], 1e3 * one["vehicles"] / one[PEER]) for one in rows])
    return {name: curve for name, curve in found.items() if curve[1]}
