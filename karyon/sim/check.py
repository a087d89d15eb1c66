"""`karyon check`: reads a scenario or a safety design, and shows its design-time analysis."""

from collections.abc import Iterator
from math import inf
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from karyon.perception.following import DISTANCE, OWN
from karyon.sim import analysis, kinds, run, safety_file, shipped
from karyon.sim.channel import replay
from karyon.sim.controllers import FUNCTION
from karyon.sim.documents import InputError, compose, read
from karyon.sim.scenario import Loaded


def check(name: str) -> analysis.Report:
    """The analysis of a scenario's design, or of a design itself.

    Raises InputError with all faults of the file, RecordingError with those of a recording that it names.
    """
    path = shipped.scenario_file(name)
    if _is_design(path):
        design = safety_file.read_design(path)
        return kinds.analysed_design(str(path), design)
    return kinds.analysed(kinds.read(name))


def analysed(loaded: Loaded) -> analysis.Report:
    """The analysis of the design of a scenario of car following. Raises RecordingError."""
    _, noted = run.trajectory(loaded.scenario)
    replay.traces(loaded.scenario.radio.replay)
    limit = loaded.scenario.acc.max_los
    design = loaded.design if limit is None else loaded.design.limited(FUNCTION, limit)
    return analysis.analyse(loaded.name, design, (*loaded.warnings, *noted))


def show(report: analysis.Report) -> None:
    """Print the analysis as a table that one understands."""
    console = Console(highlight=False)
    console.print(f"[bold]{report.name}[/bold]   is well formed")
    for group in _groups(report).values():
        console.print(_table(group))
    for line in _remarks(report):
        console.print(line, soft_wrap=True)


def _groups(report: analysis.Report) -> dict[object, dict[str, list[analysis.Row]]]:
    """Rows by hazard; hazards that the same rows face, with the same FTTI, share a table."""
    by_hazard: dict[str, list[analysis.Row]] = {}
    for row in report.rows:
        by_hazard.setdefault(row.hazard, []).append(row)
    groups: dict[object, dict[str, list[analysis.Row]]] = {}
    for hazard, rows in by_hazard.items():
        groups.setdefault(tuple((row.bound, row.ftti) for row in rows), {})[hazard] = rows
    return groups


def _table(group: dict[str, list[analysis.Row]]) -> Table:
    rows = next(iter(group.values()))
    title = f"hazards: {', '.join(group)}\nFTTI {_ms(rows[0].ftti)}; all times in ms"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, title_style="")
    table.add_column("what goes bad: how")
    for heading in ("leaves", "T_detect", "T_switch", "FHTI", "margin"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        bound = row.bound
        margin = _ms(row.margin) if row.margin >= 0.0 else f"[bold red]{_ms(row.margin)}[/bold red]"
        what = f"[bold]{row.item}[/bold]: {', '.join(row.modes)}"
        times = (_ms(bound.detection), _ms(bound.switch), _ms(bound.handling))
        table.add_row(what, f"LoS {bound.guard}", *times, margin)
    return table


def _remarks(report: analysis.Report) -> Iterator[str]:
    late = [row for row in report.rows if row.margin < 0.0]
    yield from (f"[red]too late:[/red]   {row.item}: {' '.join(row.modes)}, against {row.hazard}" for row in late)
    yield from (f"unreachable:   {level}" for level in report.unreachable)
    yield from (f"unguarded:   {signal}" for signal in report.unguarded)
    yield from (f"warning:   {warning}" for warning in report.warnings)
    if report.unheard is not None:
        yield (
            "assumes:   one failure at a time. While no lead.message is heard, a wrong front.relative_speed shows "
            f"only in front.distance, and T_switch is {_ms(report.unheard)}"
        )
    for signal, error in report.from_the_start.items():
        far = f"by up to {error:.1f} m" if error < inf else "by any amount, as no bias_max is stated"
        off = f"too far {far}, too near by any" if signal == OWN[DISTANCE] else f"off {far}"
        yield f"assumes:   nothing is wrong from the first sample on. {signal} may be {off}, and nothing ever shows it"
    if not report.rows:
        yield "no hazard is declared, or no rule guards anything: there is no bound to hold against an FTTI"
    elif not late and not report.unguarded:
        yield "every bound is within the FTTI of its hazard"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}" if abs(seconds) < float("inf") else "never"


def _is_design(path: Path) -> bool:
    """A safety design has `functions`, a scenario has not."""
    try:
        data = compose(read(path)).data if path.is_file() else None
    except InputError:
        return False
    return isinstance(data, dict) and "functions" in data and "kind" not in data
