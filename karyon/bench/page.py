"""All that `make bench` measures, and how it stands in docs/performance.md.

    python -m karyon.bench docs           measure all (ten minutes) into performance.json, then as below
    python -m karyon.bench docs --draw    performance.png and the page's numbers from the performance.json that is there

The numbers of the page are between two marks: what is around them stays.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from karyon.bench import beside, chain, figure, kernel, memory, played, stages, start
from karyon.bench.beside import KARYON, PEER
from karyon.bench.chain import LINEAR_FROM
from karyon.installation import machine

BEGIN, END = "<!-- measured by make bench: begin -->\n", "<!-- measured by make bench: end -->\n"
PEERS = ("sumo", "highway-env", "reelay", "rtamt", "river")


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything; peers that are not installed are left out. `tell` is told what is measured next."""
    found: dict[str, Any] = {
        "machine": machine(),
        "day": datetime.now(UTC).date().isoformat(),
        "load": os.getloadavg()[0],
        "peers": {},
        "about": {},
    }
    parts = {"scale": chain.measure_scale, "kernel": kernel.measure, "start": start.measure, "memory": memory.measure}
    for part, measured in (parts | {"played": played.measure, "stages": stages.measure}).items():
        tell(part)
        found[part] = measured()
    for name in PEERS:
        try:
            peer = beside.named(name)
        except ImportError as error:
            tell(f"{name}: left out, {error}")
            continue
        tell(f"beside {peer.name}")
        found["peers"] |= beside.measure(peer)["peers"]
        found["about"][peer.key] = {"name": peer.name, "unit": peer.unit, "of": peer.of}
    return found


def make(folder: Path, *, is_drawn_only: bool, tell: Callable[[str], None]) -> None:
    """Write the numbers, the figure, and the page's part that has the numbers; both other files must be there."""
    numbers, page = folder / "performance.json", folder / "performance.md"
    if not is_drawn_only:
        numbers.write_text(json.dumps(measure(tell), indent=1) + "\n", "utf-8")
    measured = json.loads(numbers.read_text("utf-8"))
    figure.draw(measured, folder / "performance.png")
    page.write_text(with_numbers(page.read_text("utf-8"), measured), "utf-8")


def with_numbers(page: str, measured: Mapping[str, Any]) -> str:
    """The page with these numbers between its marks. Raises ValueError where it has none."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page has no marks {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + "".join(f"{line}\n" for line in text(measured)) + END + after


def text(measured: Mapping[str, Any]) -> Iterator[str]:
    """What stands between the marks, lines of Markdown."""
    yield ""
    yield f"Measured on {measured['day']}: {measured['machine']}; load at the beginning {measured['load']:.1f}."
    yield ""
    yield "![CPU time of a step against vehicles, beside SUMO and highway-env](performance.png)"
    yield "\n### Cost against vehicles\n"
    yield from _scale(measured["scale"])
    yield "\n### Beside others\n"
    yield from _peers(measured["peers"], measured["about"])
    yield "\n### One cycle of the kernel\n"
    yield from _kernel(measured["kernel"])
    yield "\n### Where a step goes that is played\n"
    yield from _loops(measured["played"])
    yield "\n### Where a step of Python goes\n"
    yield from _stages(measured["stages"])
    yield "\n### Start, memory, recording\n"
    yield from _start(measured["start"])
    yield from _memory(measured["memory"])
    yield ""


def _table(*head: str) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _scale(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _table("rows", "a step, µs", "lowest to highest", "a row, µs", "without `fast`, µs")
    for one in found["rows"]:
        cost, (low, high) = one["karyon"], one["spread"]["karyon"]
        plain = f"{one['without_fast']:,.0f}" if "without_fast" in one else ""
        yield _row(
            f"{one['rows']:,}", f"{cost:,.0f}", f"{low:,.0f} to {high:,.0f}", f"{cost / one['rows']:,.2f}", plain
        )
    slopes = found["slopes"]
    told = ", without `fast` ".join(f"{slope:.2f}" for slope in slopes.values() if slope is not None)
    yield f"\nLog-log slope from {LINEAR_FROM} rows on: {told}."


def _peers(found: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[str]:
    yield from _table("beside", "counted", "", "KARYON", "the other", "ratio", "without `fast`", "formula alone")
    for key, rows in found.items():
        name, unit, of = (about[key][what] for what in ("name", "unit", "of"))
        for one in rows:
            speeds = (f"{one[who]:,.0f}" for who in (KARYON, PEER))
            ratios = (one.get(f"ratio{which}") for which in ("", "_without_fast", "_formula"))
            yield _row(name, unit, beside.counted(one[of], of), *speeds, *map(_times, ratios))


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:,.0f}" if ratio >= 100.0 else f"{ratio:.2g}"


def _kernel(found: Mapping[str, Any]) -> Iterator[str]:
    about = f"{found['signals']} signals, {found['levels']} levels, one vehicle"
    yield f"{about}; wall time and CPU time in µs, garbage collection on.\n"
    yield from _table("", "cycles", *kernel.QUANTILES, "CPU, p99.9", "memory grew by", "allocated and kept")
    for name, one in found["cycles"].items():
        times = (*(one[key] for key in kernel.QUANTILES), one["cpu"]["p99.9"])
        grown = (f"{one[key]:,} bytes" for key in ("rss_growth", "traced_growth"))
        yield _row(name, f"{one['cycles']:,}", *(f"{each:,.0f}" for each in times), *grown)


def _loops(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"µs of a step of {found['period']:g} s, by compiled loop and number of rows; of few rows a hint, not more.\n"
    yield from _table("", *(f"{one['rows']:,}" for one in found["rows"]))
    for name, taken in played.table(found):
        yield _row(f"`{name}`" if name.isidentifier() else name, *(f"{each:,.2f}" for each in taken))


def _stages(found: Mapping[str, Any]) -> Iterator[str]:
    sizes = found["rows"]
    yield f"µs of a step of {found['period']:g} s, with what timing takes, by number of rows.\n"
    yield from _table("", *(f"{one['rows']:,}" for one in sizes))
    for name in dict.fromkeys(name for one in sizes for name in one["stages"]):
        *outer, own = name.split("/")
        said = "· " * len(outer) + (own if own == stages.REST else f"`{own}`")
        yield _row(said, *(f"{one['stages'].get(name, 0.0):,.1f}" for one in sizes))
    yield _row("**whole step**", *(f"**{one['step']:,.0f}**" for one in sizes))
    counted = found["calls"]
    made = f"{counted['python']:,.0f} calls of Python and {counted['c']:,.0f} of C"
    yield f"\nWith {sizes[0]['rows']} row a step makes {made}, operators not counted."
    yield stages.floor_told(found["floor"])


def _start(found: Mapping[str, Any]) -> Iterator[str]:
    for one in found["commands"]:
        heaviest = ", ".join(f"{name} {taken:.0f}" for name, taken in one["heaviest"].items())
        yield f"- `{one['command']}`: {one['seconds']:.2f} s; {one['imports']:,} modules, by package in ms: {heaviest}."


def _memory(found: Mapping[str, Any]) -> Iterator[str]:
    for one in found["memory"]:
        run, row = (one[key] / 1e3 for key in ("bytes_per_run", "bytes_per_row"))
        yield f"- Memory, `{one['scenario']}`: {run:,.0f} kB a run, {row:,.0f} kB a row."
    for one in found["recording"]:
        speed = f"{one['rows_per_second']:,.0f} rows/s, Parquet alone {one['parquet_rows_per_second']:,.0f}"
        yield f"- Recording every {one['period']}: {speed}; {one['rows']:,} rows of {one['bytes_per_row']:.0f} bytes."
