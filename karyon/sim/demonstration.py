"""`karyon demo`: a shipped scenario with a fault, with the kernel and without, told in under 30 lines."""

from collections.abc import Iterator
from pathlib import Path

from karyon.sim import screen
from karyon.sim.run import Result, simulate
from karyon.sim.scenario import read

SCENARIO = "acc_radar_drift"


def lines(out: Path) -> Iterator[str]:
    """Run both, write the files of the guarded run and its figure, and tell what happened."""
    guarded, exposed = read(SCENARIO), read(SCENARIO, ["kernel.enabled=false"])
    (with_kernel,) = simulate([guarded], [out])
    (without,) = simulate([exposed], [out / "without_kernel"])
    yield from screen.run_heading(with_kernel.summary)
    yield ""
    yield "with the kernel"
    yield from screen.event_lines([event for event in with_kernel.events if event["kind"] != "latency"])
    yield from _latencies(with_kernel)
    yield from screen.verdict_lines(with_kernel.summary)
    yield ""
    yield "without the kernel: the controller of the highest level drives on the same data"
    yield from screen.event_lines([event for event in without.events if event["kind"] == "violation"])
    yield from screen.verdict_lines(without.summary)
    yield ""
    yield f"files:     {out}: trace.parquet, events.jsonl, summary.json; without the kernel: {out}/without_kernel"
    yield f"picture:   {_picture(out)}"
    yield "go on:   karyon run acc_recorded --set 'faults=[{vehicle: 1, signal: own.speed, mode: stuck_at, onset: 30}]'"


def _latencies(result: Result) -> Iterator[str]:
    """Each measured switch beside its bound."""
    for event in result.events:
        if event["kind"] == "latency":
            yield (
                f"{event['time']:8.2f} s   car {event['vehicle']}   {event['item']} was wrong in command for "
                f"{1000 * event['seconds']:.0f} ms; the bound is {1000 * event['bound']:.0f} ms"
            )


def _picture(out: Path) -> str:
    try:
        from karyon.sim.view.plot import plot  # noqa: PLC0415 - an extra
    except ImportError:
        return "needs matplotlib: pip install 'karyon[view]', then karyon plot " + str(out)
    return ", ".join(str(path) for path in plot(out))
