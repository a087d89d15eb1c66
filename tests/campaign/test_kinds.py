"""Campaigns of scenarios of every kind: rows as alone, what each kind measures, and what its plans may not say."""

import json
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from karyon.campaign import compare, plan_file, replay, rows, search
from karyon.campaign.folder import digest
from karyon.campaign.plot import plot
from karyon.sim import kinds
from karyon.sim.documents import InputError
from karyon.sim.kinds import KINDS, simulate
from tests.campaign.plans import read, unhurt, written
from tests.campaign.test_command import karyon

LANE_CHANGE = """\
scenario: lane_change
sampling: random
settings:
  duration: 6 s
  vehicles: 5
  lane_change: {waves: {first: {between: [1 s, 2 s]}, every: 3 s, cars: 3}}
strata:
  - name: distances
    settings:
      faults:
        - {vehicle: {one_of: [0, 3]}, signal: {one_of: [front.distance, gap.rear.distance]}, mode: noise,
           sigma: {between: [1, 9]}, onset: {between: [1 s, 3 s]}}
  - name: words
    settings:
      faults: [{vehicle: 2, signal: own.message, mode: wrong_position, offset: {between: [-30 m, 30 m]}, onset: 1 s}]
"""
INTERSECTION = """\
scenario: intersection
sampling: random
settings:
  duration: 12 s
  demand: {flow: {one_of: [1200, 1800]}}
strata:
  - name: distances
    settings:
      faults:
        - {vehicle: {one_of: [1, all]}, signal: {one_of: [front.distance, zone.left.distance]}, mode: noise,
           sigma: {between: [1, 9]}, onset: {between: [2 s, 5 s]}}
  - name: coordinator
    settings:
      faults: [{vehicle: all, component: coordinator, mode: hang, onset: {between: [2 s, 5 s]}, duration: 5 s}]
"""
FLIGHT = """\
scenario: flight
sampling: random
settings:
  duration: 60 s
  meeting: {time: 40 s}
  faults: []
strata:
  - name: reports
    settings:
      faults:
        - {vehicle: {one_of: [1, 2]}, signal: own.adsb, mode: noise, sigma: {between: [50 m, 900 m]},
           onset: {between: [5 s, 20 s]}}
  - name: sensor
    settings:
      faults:
        - {vehicle: 1, signal: traffic.all.local, mode: omission, probability: {between: [0.3, 1]},
           onset: {between: [5 s, 20 s]}}
"""
PLANS = {"lane_change": LANE_CHANGE, "intersection": INTERSECTION, "flight": FLIGHT}


@pytest.mark.parametrize("kind", PLANS)
def test_a_row_has_the_bits_of_the_run_alone(tmp_path, kind):
    plan = read(tmp_path, PLANS[kind])
    runs = plan.runs(seed=5, number=8, first=0, last=8)
    together = rows.table(plan, runs)
    alone = pa.concat_tables([rows.table(plan, [run]) for run in runs[3::4]])
    assert digest(alone) == digest(together.take([3, 7]))
    assert set(together["outcome"].to_pylist()) <= {"ok", "violated"}


@pytest.mark.parametrize("kind", PLANS)
def test_a_row_is_what_the_run_says_in_its_summary(tmp_path, kind):
    plan = read(tmp_path, PLANS[kind])
    (run,) = plan.runs(seed=5, number=12, first=3, last=4)
    (row,) = rows.table(plan, [run]).to_pylist()
    summary = simulate([replay.loaded(plan, run)], [None])[0].summary
    assert {name: row[name] for name in replay.COMPARED} == {name: summary[name] for name in replay.COMPARED}
    assert {name: row[name] for name in KINDS[kind].metrics} == {
        name: summary["metrics"][name] for name in KINDS[kind].metrics
    }
    shares = list(summary["functions"][kind]["los_share"].values())
    assert [row[f"los_{level}"] for level in range(len(shares))] == shares
    functions = summary["functions"].values()
    assert row["switches"] == sum(function["switches"] for function in functions)
    left = [function["switch_bound"] - function["worst_switch_latency"] for function in functions]
    assert row["switch_bound"] - row["worst_switch_latency"] == min(left)
    (fault,) = run.scenario().faults
    assert (row["fault_mode"], row["fault_onset"]) == (fault.mode, fault.onset)
    assert row["fault_amplitude"] == next(iter(fault.parameters.values()), None)


@pytest.mark.parametrize(
    ("kind", "told", "near"),
    [
        (
            "lane_change",
            "vehicles: 5",
            "traffic: {time_gap: 0.3 s, time_gap_spread: 0 s}\n  vehicle: {braking: 3 m/s2}\n  vehicles: 5",
        ),
        ("flight", "time: 40 s", "time: {one_of: [10 s, 50 s]}"),
    ],
)
def test_a_margin_is_negative_where_a_goal_is_violated_and_only_there(tmp_path, kind, told, near):
    """Some of the runs begin so near that they violate soon."""
    plan = read(tmp_path, PLANS[kind].replace(told, near).replace("duration: 6 s", "duration: 5 s"))
    table = rows.table(plan, plan.runs(seed=5, number=8, first=0, last=8)).to_pylist()
    violated, margin = (np.array([row[name] for row in table]) for name in ("violated", "margin"))
    assert 0 < violated.sum() < 8
    assert (margin[violated] < 0.0).all()
    assert (margin[~violated] > 0.0).all()


@pytest.mark.parametrize(
    ("kind", "misspelt", "meant"),
    [
        ("lane_change", "gap.rear.distanse", "gap.rear.distance"),
        ("intersection", "zone.left.distanse", "zone.left.distance"),
        ("flight", "own.adsp", "own.adsb"),
    ],
)
def test_a_plan_knows_the_signals_of_its_kind(tmp_path, kind, misspelt, meant):
    with pytest.raises(InputError) as error:
        read(
            tmp_path, PLANS[kind].replace(meant, misspelt).replace("onset: {between: [5 s, ", "onsed: {between: [5 s, ")
        )
    told = [str(fault) for fault in error.value.faults]
    assert any(f"did you mean `{meant}`?" in fault for fault in told)
    assert kind != "flight" or any("did you mean `onset`?" in fault for fault in told)


def test_a_car_that_never_comes_is_refused_wherever_the_plan_may_name_it(tmp_path):
    """The second of two values, as the first one is there."""
    with pytest.raises(InputError, match="500 is not in the scenario"):
        read(tmp_path, INTERSECTION.replace("one_of: [1, all]", "one_of: [1, 500]"))


def test_kinds_do_not_mix_in_a_plan(tmp_path):
    text = FLIGHT.replace(
        "  - name: sensor\n    settings:", "  - name: sensor\n    settings:\n      kind: intersection"
    )
    with pytest.raises(InputError):
        read(tmp_path, text)


def test_a_campaign_of_flight_is_run_replayed_drawn_and_compared(tmp_path):
    written(
        tmp_path,
        FLIGHT.replace("duration: 60 s", "duration: 20 s").replace("between: [5 s, 20 s]", "between: [5 s, 9 s]"),
    )
    out = tmp_path / "out"
    done = karyon(tmp_path, "campaign", "short.yaml", "--runs", 6, "--seed", 2, "--workers", 1, "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    again = karyon(tmp_path, "replay", "out", 3, "--out", "again")
    assert (again.returncode, again.stderr) == (0, "")
    assert json.loads((out / "campaign.json").read_text())["function"] == "flight"
    units = {field.name: field.metadata[b"unit"].decode() for field in parquet.read_schema(out / "runs.parquet")}
    assert (units["min_well_clear_margin"], units["near_mid_air_collisions"]) == ("m", "")
    assert len(plot(out)) == 3
    assert compare.compare(out, out)["differences"]["min_well_clear_margin"]["mean"] == 0.0


@pytest.mark.parametrize("kind", PLANS)
def test_what_a_search_finds_can_be_run(tmp_path, kind):
    """It writes a scenario that is read as the run that it found."""
    plan = read(tmp_path, PLANS[kind])
    asked = search.Asked(plan, 3, partial(unhurt, plan))
    asked.margins(np.full((1, asked.dimensions), 0.3))
    named = search._named(plan, asked.runs[0], 1.0, tmp_path / "worst")
    assert named["command"] == f"karyon run {tmp_path / 'worst.yaml'}"
    assert kinds.read(tmp_path / "worst.yaml").scenario == asked.runs[0].scenario()


def test_runs_that_differ_in_what_is_free_advance_together(tmp_path):
    """And those that differ in anything else do not."""
    plan = plan_file.read(written(tmp_path, LANE_CHANGE))
    runs = plan.runs(seed=1, number=10, first=0, last=10)
    assert len({run.group for run in runs}) == 1
    assert len({run.scenario().lane_change.waves.first for run in runs}) == 10
    plan = plan_file.read(written(tmp_path, INTERSECTION))
    assert {run.group[1:] for run in plan.runs(seed=1, number=10, first=0, last=10)} == {
        ((("demand", "flow"), 1200),),
        ((("demand", "flow"), 1800),),
    }
