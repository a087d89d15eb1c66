"""The figures of a run's folder: one of a follower, and where a file of cars drives, one of all; of a flight, one."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from karyon.sim.view import (
    crossing_plot,
    flight_plot,
    follower_plot,
    lanes_plot,
    page,
    platoon_plot,
    recorded,
    recorded_platoon,
)
from karyon.sim.view.folder import TRACE, RunError, level_column, opened

__all__ = ["RunError", "plot"]

OF_ALL: dict[str, tuple[str, Callable[[Path], Figure]]] = {  # one figure of all vehicles, by the level of its run
    "los_lane_change": ("lanes", lambda folder: lanes_plot.draw(lanes_plot.read(folder))),
    "los_intersection": ("crossing", crossing_plot.draw),
    "los_flight": ("flight", lambda folder: flight_plot.draw(flight_plot.read(folder))),
}


def plot(folder: Path, car: int | None = None) -> list[Path]:
    """Draw the run in `folder` into it, as `timeseries` and, of several followers, as `platoon`: PNG, SVG and PDF.

    Runs of other kinds have one figure of all: `lanes`, `crossing` or `flight`.
    Of one `car` that is asked for its `timeseries_carN` alone is drawn.
    The same run gives the same bytes. Raises RunError where the folder holds no whole run, OSError where it cannot be
    written.
    """
    with page.styled():
        figures = _figures(folder, car)
        pictures = {
            folder / f"{name}.{kind}": page.rendered(figure, kind)
            for name, figure in figures.items()
            for kind in page.FORMATS
        }
    for path, picture in pictures.items():
        page.write(path, picture)
    return list(pictures)


def _level(folder: Path) -> str:
    """The column of the level that the run is about; "": there is no trace."""
    if not (folder / TRACE).is_file():
        return ""
    with opened(folder / TRACE) as file:
        return level_column(file.schema_arrow.names)


def _figures(folder: Path, car: int | None) -> dict[str, Figure]:
    """By the names of their files."""
    name, draw = OF_ALL.get(_level(folder), ("", None))
    if draw is not None:
        if car is not None:
            raise RunError(f"{folder} has one figure of all vehicles: leave --car out")
        return {name: draw(folder)}
    follower = follower_plot.draw(recorded.read(folder, car))
    if car is not None:
        return {f"timeseries_car{car}": follower}
    figures = {"timeseries": follower}
    platoon = recorded_platoon.read(folder)
    if len(platoon.followers) > 1:
        figures["platoon"] = platoon_plot.draw(platoon)
    return figures
