"""What the benchmark of the failure detection found, as text of at most 80 columns."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp
from statistics import mean
from typing import Any

from karyon.logs.failing import DURATION

SHORT = {"KARYON": "KARYON", "Isolation Forest": "Forest", "Kalman filter": "Kalman"}
MEASURES = {  # of a case: heading, what its value is multiplied by, decimals, width of a cell
    "detected": ("detected (%)", 100.0, 0, 4),
    "named": ("right sensor (%)", 100.0, 0, 4),
    "delay": ("delay (s)", 1.0, 1, 5),
}
MODE_WIDTH, METHOD_WIDTH = 13, 7
NONE = "-"

Cases = Mapping[tuple[str, str, float], Mapping[str, Any]]  # by method, mode and amplitude


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """What was compared, a table for each drive, and speeds."""
    yield f"failure detection, three methods on the same samples   seed {measured['seed']}"
    for name, what in measured["methods"].items():
        yield f"   {SHORT[name]:{METHOD_WIDTH}} {what}"
    for drive in measured["drives"]:
        yield ""
        yield from _drive_lines(drive)
    if measured["recording"] is None:
        yield ""
        yield "no recorded drive: KARYON_DATA names the folder that holds spmd_sensor_faults"
    yield ""
    yield from _speed_lines(measured["speeds"])
    yield measured["machine"]


def by_case(drive: Mapping[str, Any]) -> Cases:
    """The cases of a drive by method, mode and amplitude."""
    return {(case["method"], case["mode"], case["amplitude"]): case for case in drive["cases"]}


def axes(cases: Cases) -> tuple[list[str], list[float]]:
    """Modes and amplitudes of the cases, in their order."""
    return list(dict.fromkeys(mode for _, mode, _ in cases)), list(dict.fromkeys(times for *_, times in cases))


def leaders(drive: Mapping[str, Any]) -> dict[str, int]:
    """Of how many cases each method detected the most; methods that are level lead together."""
    cases, leads = by_case(drive), dict.fromkeys(drive["healthy"], 0)
    for mode, amplitude in dict.fromkeys((mode, amplitude) for _, mode, amplitude in cases):
        detected = {method: cases[method, mode, amplitude]["detected"] for method in leads}
        if None not in detected.values():
            most = max(detected.values())
            leads = {method: leads[method] + (detected[method] == most) for method in leads}
    return leads


def _drive_lines(drive: Mapping[str, Any]) -> Iterator[str]:
    cases = by_case(drive)
    modes, amplitudes = axes(cases)
    yield f"{drive['name']}   {' '.join(drive['signals'])}"
    yield f"healthy {drive['healthy_hours']:.2g} h, false alarms per hour: {_told(drive['healthy'])}"
    yield f"so one within {DURATION:g} s by chance: {_chances(drive['healthy'])}"
    yield (
        " " * (MODE_WIDTH + METHOD_WIDTH)
        + "".join(f"{heading:>{len(amplitudes) * width}}  " for heading, _, _, width in MEASURES.values()).rstrip()
    )
    times = "".join("".join(f"{each:{width}g}" for each in amplitudes) + "  " for *_, width in MEASURES.values())
    yield f"{'x tolerated':{MODE_WIDTH + METHOD_WIDTH}}{times.rstrip()}"
    for mode in modes:
        for method in drive["healthy"]:
            found = [cases[method, mode, amplitude] for amplitude in amplitudes]
            yield _line(mode, method, found)
    for method in drive["healthy"]:
        yield _line("mean", method, [_mean(cases, method, amplitude) for amplitude in amplitudes])
    leads = ", ".join(f"{SHORT[method]} in {count}" for method, count in leaders(drive).items())
    yield f"most detected, alone or level, of {len(cases) // len(SHORT)}: {leads}"


def _told(healthy: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{SHORT[name]} {found['per_hour']:.1f}" for name, found in healthy.items())


def _chances(healthy: Mapping[str, Mapping[str, float]]) -> str:
    """Of an alarm in a healthy stretch as long as the failures, if they come independently. [Poisson]"""
    chances = {name: 1.0 - exp(-found["per_hour"] * DURATION / 3600.0) for name, found in healthy.items()}
    return ", ".join(f"{SHORT[name]} {100.0 * chance:.1f} %" for name, chance in chances.items())


def _line(mode: str, method: str, found: Sequence[Mapping[str, float | None]]) -> str:
    first = mode if method == next(iter(SHORT)) else ""
    groups = ("".join(_cell(each[measure], *form[1:]) for each in found) for measure, form in MEASURES.items())
    return f"{first:{MODE_WIDTH}}{SHORT[method]:{METHOD_WIDTH}}{'  '.join(groups)}"


def _cell(value: float | None, factor: float, decimals: int, width: int) -> str:
    return f"{NONE:>{width}}" if value is None else f"{factor * value:{width}.{decimals}f}"


def _mean(cases: Cases, method: str, amplitude: float) -> dict[str, float | None]:
    """Of all modes, each counting the same; those without a value are left out."""
    mine = [case for (who, _, times), case in cases.items() if (who, times) == (method, amplitude)]
    known = {measure: [case[measure] for case in mine if case[measure] is not None] for measure in MEASURES}
    return {measure: mean(values) if values else None for measure, values in known.items()}


def _speed_lines(speeds: Mapping[str, Any]) -> Iterator[str]:
    streams = f"{speeds['streams']:,} streams at once"
    yield f"{'speed':{MODE_WIDTH + METHOD_WIDTH}}{streams:>24}   one new sample of {speeds['signals']} signals"
    for name, found in speeds["detectors"].items():
        many = f"{found['samples_per_second']:,.0f} samples/s"
        yield f"{name:{MODE_WIDTH + METHOD_WIDTH}}{many:>24}   {found['microseconds']:,.0f} µs"
