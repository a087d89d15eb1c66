"""The figures of a run's folder: one of a follower, and where a file of cars drives, one of all of them."""

from pathlib import Path

from matplotlib.figure import Figure

from karyon.sim.view import crossing_plot, follower_plot, page, platoon_plot, recorded, recorded_platoon
from karyon.sim.view.folder import RunError

__all__ = ["RunError", "plot"]


def plot(folder: Path, car: int | None = None) -> list[Path]:
    """Draw the run in `folder` into it, as `timeseries` and, of several followers, as `platoon`: PNG, SVG and PDF.

    A run at a crossing is drawn as `crossing`.
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


def _figures(folder: Path, car: int | None) -> dict[str, Figure]:
    """By the names of their files."""
    if crossing_plot.is_crossing(folder):
        return {"crossing": crossing_plot.draw(folder)}
    follower = follower_plot.draw(recorded.read(folder, car))
    if car is not None:
        return {f"timeseries_car{car}": follower}
    figures = {"timeseries": follower}
    platoon = recorded_platoon.read(folder)
    if len(platoon.followers) > 1:
        figures["platoon"] = platoon_plot.draw(platoon)
    return figures
