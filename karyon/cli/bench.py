"""`karyon bench`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from karyon.cli.application import Json, app, refuse, writing
from karyon.cli.progress import Stages


class Peer(StrEnum):
    """What speed is measured beside."""

    HIGHWAY_ENV = "highway-env"
    PAHO = "paho"
    REELAY = "reelay"
    RIVER = "river"
    RTAMT = "rtamt"
    SUMO = "sumo"


class Part(StrEnum):
    """What is measured of KARYON alone."""

    KERNEL = "kernel"
    MEMORY = "memory"
    PLAYED = "played"
    SCALE = "scale"
    STAGES = "stages"
    START = "start"


@app.command(epilog="Example: karyon bench --perception --plot detection.svg")
def bench(
    peer: Annotated[
        Peer | None, typer.Option(help="beside another program, in turn; paho: how soon messages arrive")
    ] = None,
    part: Annotated[
        Part | None,
        typer.Option(
            help="kernel: times of its cycle; scale: cost against vehicles; stages, played: where a step goes; "
            "start, memory: of the command, of a run"
        ),
    ] = None,
    perception: Annotated[
        bool, typer.Option("--perception", help="failure detection beside an Isolation Forest and a Kalman filter")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="of --perception: seed of drives and failures")] = 0,
    plot: Annotated[Path, typer.Option(help="of --perception: its figure, PNG or SVG")] = Path("perception-bench.png"),
    as_json: Json = False,
) -> None:
    """Speed of the whole chain on this machine, in vehicle-steps per second; or beside others, or of a part."""
    if sum((peer is not None, part is not None, perception)) > 1:
        refuse("error: one of --peer, --part and --perception at a time")
    if perception:
        _bench_perception(seed, plot, as_json)
    elif peer is Peer.PAHO:
        _bench_paho(as_json)
    elif peer is not None:
        _bench_beside(peer, as_json)
    else:
        _bench_ours(part, as_json)


def _bench_ours(part: Part | None, as_json: bool) -> None:
    from karyon.bench import chain, kernel, memory, played, stages, start

    ways: dict[Part | None, tuple[Callable[[], Any], Callable[[Any], Iterator[str]]]] = {
        None: (chain.measure, chain.lines),
        Part.KERNEL: (kernel.measure, kernel.lines),
        Part.MEMORY: (memory.measure, memory.lines),
        Part.PLAYED: (played.measure, played.lines),
        Part.SCALE: (chain.measure_scale, chain.scale_lines),
        Part.STAGES: (stages.measure, stages.lines),
        Part.START: (start.measure, start.lines),
    }
    measure, lines = ways[part]
    measured = measure()
    print(json.dumps(measured, indent=2) if as_json else "\n".join(lines(measured)))


def _bench_beside(peer: Peer, as_json: bool) -> None:
    from karyon.bench import beside

    try:
        other = beside.named(peer)
    except ImportError as error:
        refuse(f"error: this compares with {peer} ({error}): pip install 'karyon[peers]'")
    measured = beside.measure(other)
    print(json.dumps(measured, indent=2) if as_json else "\n".join(beside.lines(other, measured)))


def _bench_paho(as_json: bool) -> None:
    try:
        from karyon.hil import benchmark
    except ImportError as error:
        refuse(f"error: this compares with paho-mqtt ({error}): pip install 'karyon[hil]'")
    with Stages() as stages:
        measured = benchmark.measure(stages)
    print(json.dumps(measured, indent=2) if as_json else "\n".join(benchmark.lines(measured)))


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
