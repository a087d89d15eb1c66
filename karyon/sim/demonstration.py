"""`karyon demo`: a shipped scenario with a fault, with the kernel and without, told in under 30 lines."""

from collections.abc import Iterator
from pathlib import Path

from karyon.sim import screen
from karyon.sim.run import Result, simulate
from karyon.sim.scenario import cut, read

SCENARIO = "acc_radar_drift"
UNTIL = 60.0  # s: how long is driven without the kernel; by then it has ended badly
GO_ON = "karyon run acc_recorded --set 'faults=[{vehicle: 1, signal: own.speed, mode: stuck_at, onset: 30}]'"


def lines(out: Path) -> Iterator[str]:
    """Run both, write the files of the guarded run and its figure, and tell what happened."""
    guarded, exposed = read(SCENARIO), cut(read(SCENARIO, ["kernel.enabled=false"]), UNTIL)
    (with_kernel,) = simulate([guarded], [out])
    (without,) = simulate([exposed], [out / "without_kernel"])
    yield from screen.run_heading(with_kernel.summary)
    yield ""
    yield "with the kernel"
    yield from screen.event_lines(with_kernel.events)
    yield from _switches(with_kernel)
    yield from screen.verdict_lines(with_kernel.summary)
    yield ""
    yield "without the kernel: the controller of the highest level drives on the same data"
    yield from screen.event_lines([event for event in without.events if event["kind"] == "violation"])
    yield f"violated: {', '.join(screen.broken_goals(without.summary)) or 'nothing'}"
    yield ""
    yield f"files:     {out}: trace.parquet, events.jsonl, summary.json; without the kernel: {out}/without_kernel"
    yield f"picture:   {_picture(out)}"
    yield f"go on:     {GO_ON}"


def _switches(result: Result) -> Iterator[str]:
    """How fast the kernel was: the first downgrade after the fault began, and each exposure beside its bound."""
    onset = next(event["time"] for event in result.events if event["kind"] == "fault")
    for event in result.events:
        if event["kind"] == "los" and event["time"] >= onset and event["to"] < event["from"]:
            yield f"switched {1000 * (event['time'] - onset):.0f} ms after the fault began"
            break
    for event in result.events:
        if event["kind"] == "latency":
            lasted, bound = 1000 * event["seconds"], 1000 * event["bound"]
            yield f"{event['item']} was wrong in command for {lasted:.0f} ms, bound {bound:.0f} ms"


def _picture(out: Path) -> str:
    try:
        from karyon.sim.view.plot import plot  # noqa: PLC0415 - an extra
    except ImportError:
        return "needs matplotlib: pip install 'karyon[view]', then karyon plot " + str(out)
    return ", ".join(str(path) for path in plot(out))
