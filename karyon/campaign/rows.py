"""What a campaign keeps of each run: one row of a table. Runs that differ little enough advance side by side.

A row has the same bits whatever else is in its batch. A run that fails, or does not end, is an outcome too.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pyarrow as pa

from karyon.campaign.choices import Varied
from karyon.campaign.plan import Plan, Run
from karyon.sim import documents, kinds
from karyon.sim.run import AnySimulation
from karyon.sim.scenario import Loaded

OK, VIOLATED, CRASHED, HUNG = OUTCOMES = ("ok", "violated", "crashed", "hung")
ERROR_MAX = 200  # characters of what a run that crashed has said
SIDE_BY_SIDE = 64  # runs that take about as long as one: a batch has the limit of a run for each so many of its runs

MEASURED: dict[str, pa.DataType] = {
    "outcome": pa.string(),
    "error": pa.string(),
    "violated": pa.bool_(),
    "goals_violated": pa.string(),
    "margin": pa.float64(),
    "collisions": pa.int64(),
    "min_gap": pa.float64(),
    "min_time_to_collision": pa.float64(),
    "min_rss_margin": pa.float64(),
    "worst_switch_latency": pa.float64(),
    "switch_bound": pa.float64(),
    "worst_fault_handling": pa.float64(),
    "switches": pa.int64(),
    "false_downgrades": pa.int64(),
    "mean_time_gap": pa.float64(),
    "worst_disagreement": pa.int64(),
}
FAULT: dict[str, pa.DataType] = {
    "fault_signal": pa.string(),
    "fault_mode": pa.string(),
    "fault_onset": pa.float64(),
    "fault_duration": pa.float64(),
    "fault_amplitude": pa.float64(),
}
UNITS = {
    "fault_onset": "s",
    "fault_duration": "s",
    "min_gap": "m",
    "min_time_to_collision": "s",
    "min_rss_margin": "m",
    "worst_switch_latency": "s",
    "switch_bound": "s",
    "worst_fault_handling": "s",
    "mean_time_gap": "s",
}


def schema(plan: Plan) -> pa.Schema:
    """Columns of the table of runs: run, seed, stratum, the first fault, what varies, and what was measured."""
    columns: dict[str, pa.DataType] = {"run": pa.int64(), "seed": pa.int64(), "stratum": pa.string()}
    columns |= FAULT
    columns |= {name: pa.float64() if all(each.is_number for each in of) else pa.string() for name, of in _varied(plan)}
    columns |= MEASURED
    columns |= dict.fromkeys(plan.kind.metrics, pa.float64())
    columns |= {f"los_{level}": pa.float64() for level in range(_levels(plan))}
    columns |= dict.fromkeys(margins_of(plan), pa.float64())
    units = (
        UNITS
        | dict(plan.kind.metrics)
        | dict.fromkeys(margins_of(plan), "m")
        | {name: of[0].unit for name, of in _varied(plan) if len({one.unit for one in of}) == 1}
    )
    return pa.schema([pa.field(name, kind, metadata={"unit": units.get(name, "")}) for name, kind in columns.items()])


def _varied(plan: Plan) -> list[tuple[str, list[Varied]]]:
    """What varies in any stratum, by the name of its column."""
    found: dict[str, list[Varied]] = {}
    for stratum in plan.strata:
        for one in (*stratum.varied, *plan.varied):
            found.setdefault(one.name, []).append(one)
    return list(found.items())


def margins_of(plan: Plan) -> list[str]:
    """Columns of the margins to the goals of the design, each to one."""
    return [f"margin_{hazard.id}" for hazard in plan.loaded.design.hazards]


def _levels(plan: Plan) -> int:
    return len(plan.loaded.design.function(kinds.function_of(plan.loaded)).levels)


def table(plan: Plan, runs: Sequence[Run]) -> pa.Table:
    """The rows of these runs, in their order."""
    rows: dict[int, dict[str, Any]] = {}
    for _, group in groupby(sorted(runs, key=_key), key=_key):
        for row in _rows(plan, list(group)):
            rows[row["run"]] = row
    return as_table(plan, [rows[run.number] for run in runs])


def as_table(plan: Plan, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """These rows; where one stratum varies numbers and another one names at the same place, their column has texts."""
    texts = [name for name, of in _varied(plan) if not all(one.is_number for one in of)]
    told = [row | {name: str(row[name]) for name in texts if name in row} for row in rows]
    return pa.Table.from_pylist(told, schema(plan))


def drawn(plan: Plan, runs: Sequence[Run]) -> pa.Table:
    """Of these runs what the plan alone says: number, seed, stratum, and what varies."""
    names = ["run", "seed", "stratum", *(name for name, _ in _varied(plan))]
    return as_table(plan, [_identity(plan, run, None) for run in runs]).select(names)


def _key(run: Run) -> tuple[str, ...]:
    return tuple(map(repr, run.group))


def _rows(plan: Plan, runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Rows of runs that advance together; those of a batch that fails are run again in halves, down to the one."""
    try:
        yield from _measured(plan, runs)
    except TooLongError:
        raise
    except Exception as error:  # of a model or a law of the user's, or of ours: an outcome, with its seed
        if len(runs) == 1:
            yield failed(plan, runs[0], CRASHED, f"{type(error).__name__}: {error}")
            return
        half = len(runs) // 2
        yield from _rows(plan, runs[:half])
        yield from _rows(plan, runs[half:])


class TooLongError(Exception):
    """The runs did not end in the time that they have."""


def failed(plan: Plan, run: Run, outcome: str, error: str) -> dict[str, Any]:
    """The row of a run that has come to nothing, and why."""
    try:
        scenario = run.scenario()
    except ValueError:  # two values that exclude each other, of which no trial has thought
        scenario = None
    told = {"outcome": outcome, "violated": False, "error": documents.shortened(error, ERROR_MAX)}
    return _identity(plan, run, scenario) | dict.fromkeys(MEASURED) | told


def limit(plan: Plan, runs: int) -> float:
    """Wall time, s, that so many runs side by side may take."""
    return plan.run_limit * max(1.0, runs / SIDE_BY_SIDE)


def whole_limit(plan: Plan, runs: Sequence[Run]) -> float:
    """Wall time, s, that these runs may take: those that cannot go side by side go one after the other."""
    return sum(limit(plan, count) for count in Counter(map(_key, runs)).values())


def _measured(plan: Plan, runs: Sequence[Run]) -> list[dict[str, Any]]:
    scenarios = [run.scenario() for run in runs]
    simulation = simulated(plan, runs, scenarios)
    return [
        _identity(plan, run, scenario) | measures(plan, simulation, place)
        for place, (run, scenario) in enumerate(zip(runs, scenarios, strict=True))
    ]


def loaded(plan: Plan, scenarios: Sequence[Any], of_design: Sequence[Any]) -> list[Loaded[Any]]:
    """Scenarios of a plan, as if they had been read; `of_design` are the values of what varies in their design."""
    design = plan.design_of(scenarios[0], of_design)
    return [replace(plan.loaded, scenario=scenario, design=design) for scenario in scenarios]


def simulated(plan: Plan, runs: Sequence[Run], scenarios: Sequence[Any]) -> AnySimulation:
    """The simulation of runs that advance together, at its end."""
    simulation = kinds.begin(loaded(plan, scenarios, runs[0].of_design), [None] * len(runs))
    until = time.monotonic() + limit(plan, len(runs))
    if not simulation.run(lambda _: time.monotonic() < until):
        raise TooLongError
    return simulation


def _identity(plan: Plan, run: Run, scenario: Any) -> dict[str, Any]:
    """What the run is: its seed, stratum, first fault, and the values that vary."""
    row: dict[str, Any] = {"run": run.number, "seed": run.seed, "stratum": run.stratum.name}
    varied = (*run.stratum.varied, *plan.varied)
    row |= {one.name: one.told(one.written(value)) for one, value in zip(varied, run.values, strict=True)}
    if scenario is None or not scenario.faults:
        return row
    fault = scenario.faults[0]
    return row | {
        "fault_signal": fault.signal or fault.component,
        "fault_mode": fault.mode,
        "fault_onset": fault.onset,
        "fault_duration": fault.duration,
        "fault_amplitude": next(iter(fault.parameters.values()), None),
    }


def measures(plan: Plan, simulation: AnySimulation, place: int) -> dict[str, Any]:
    """What was measured of the run at this place of a batch."""
    summary = simulation.metrics.summary(place)
    broken = [goal for goal, found in summary["safety_goals"].items() if found["violated"]]
    functions = summary["functions"]
    taken = {name: summary.get(name) for name in MEASURED} | _of_functions(functions)
    shares = functions[kinds.function_of(plan.loaded)]["los_share"]
    margins = _margins(plan, simulation, place, broken)
    least = min([plan.kind.worth, *margins.values()])
    return (
        taken
        | {
            "outcome": VIOLATED if broken else OK,
            "violated": bool(broken),
            "goals_violated": ";".join(broken),
            "margin": min(least, -0.0) if broken else least,
        }
        | {name: summary["metrics"][name] for name in plan.kind.metrics}
        | {f"los_{level}": shares.get(str(level)) for level in range(_levels(plan))}
        | margins
    )


def _of_functions(functions: Mapping[str, Any]) -> dict[str, Any]:
    """Latency and bound of the function with the least left, and switches of all."""
    tightest = min(functions.values(), key=lambda one: one["switch_bound"] - one["worst_switch_latency"])
    names = ("worst_switch_latency", "switch_bound", "worst_fault_handling")
    apart = [one["worst_disagreement"] for one in functions.values() if "worst_disagreement" in one]
    return {
        **{name: tightest[name] for name in names},
        **{name: sum(one[name] for one in functions.values()) for name in ("switches", "false_downgrades")},
        "worst_disagreement": max(apart, default=None),
    }


def _margins(plan: Plan, simulation: AnySimulation, place: int, broken: Sequence[str]) -> dict[str, float]:
    """How far a run was from breaking each safety goal, m: below 0 it broke it, and above, it did not.

    Distances, and the share of its bound that bad data had left when it went out of command, which is worth
    `Kind.worth` metres as a whole.
    """
    far = simulation.metrics.margins(place, plan.kind.worth)
    return {
        f"margin_{hazard.id}": min(far[hazard.id], -0.0) if hazard.goal in broken else max(far[hazard.id], 0.0)
        for hazard in plan.loaded.design.hazards
        if hazard.id in far
    }
