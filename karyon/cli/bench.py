"""`karyon bench`."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from karyon.cli.application import Json, app, refuse, writing
from karyon.cli.progress import Stages


class Peer(StrEnum):
    """What speed is measured beside."""

    PAHO = "paho"
    SUMO = "sumo"


@app.command(epilog="Example: karyon bench --perception --plot detection.svg")
def bench(
    peer: Annotated[
        Peer | None, typer.Option(help="beside another program, in turn; paho: how soon messages arrive")
    ] = None,
    perception: Annotated[
        bool, typer.Option("--perception", help="failure detection beside an Isolation Forest and a Kalman filter")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="of --perception: seed of drives and failures")] = 0,
    plot: Annotated[Path, typer.Option(help="of --perception: its figure, PNG or SVG")] = Path("perception-bench.png"),
    as_json: Json = False,
) -> None:
    """Speed of the whole chain on this machine, in vehicle-steps per second; or how well failures are detected."""
    if perception:
        _bench_perception(seed, plot, as_json)
        return
    if peer is not None:
        {Peer.PAHO: _bench_paho, Peer.SUMO: _bench_sumo}[peer](as_json)
        return
    from karyon.sim import benchmark

    measured = benchmark.measure()
    print(json.dumps(measured, indent=2) if as_json else "\n".join(benchmark.lines(measured)))


def _bench_paho(as_json: bool) -> None:
    try:
        from karyon.hil import benchmark
    except ImportError as error:
        refuse(f"error: this compares with paho-mqtt ({error}): pip install 'karyon[hil]'")
    with Stages() as stages:
        measured = benchmark.measure(stages)
    print(json.dumps(measured, indent=2) if as_json else "\n".join(benchmark.lines(measured)))


def _bench_sumo(as_json: bool) -> None:
    try:
        from karyon.sim import beside_sumo
    except ImportError as error:
        refuse(f"error: this compares with SUMO ({error}): pip install 'karyon[peers]'")
    measured = beside_sumo.measure()
    print(json.dumps(measured, indent=2) if as_json else "\n".join(beside_sumo.lines(measured)))


def _bench_perception(seed: int, plot: Path, as_json: bool) -> None:
    try:
        from karyon.logs import benchmark, benchmark_plot, benchmark_text
    except ImportError as error:
        refuse(f"error: this compares with scikit-learn and river ({error}): pip install 'karyon[dev,view]'")
    if plot.suffix not in (".png", ".svg"):
        refuse(f"error: --plot ends in .png or .svg, found {plot}")
    if not plot.parent.is_dir():
        refuse(f"error: {plot} cannot be written: there is no folder {plot.parent}")
    named = os.environ.get("KARYON_DATA")
    with Stages() as stages:
        measured = benchmark.measure(Path(named) if named else None, seed, progress=stages)
    with writing(plot):
        benchmark_plot.draw(measured, plot)
    print(json.dumps(measured, indent=2) if as_json else "\n".join([*benchmark_text.lines(measured), str(plot)]))
