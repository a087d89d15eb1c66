"""Claims and FMEA of runs of which we say what came: rows are altered in memory, behind the check of their digest."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from karyon.campaign import plan_file
from karyon.evidence import case, claims, command, fmea, open_psa, report, sotif, standing
from karyon.sim.shipped import SHIPPED
from tests.evidence.conftest import OCCURRING, RUNS


def altered(collected, **columns):
    """The campaign with other values in some columns, by number of the run."""
    campaign = collected.campaigns[0]
    table = campaign.table
    for name, values in columns.items():
        column = table[name].to_pylist()
        for run, value in values.items():
            column[run] = value
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(name), pa.array(column, table.schema.field(name).type))
    return replace(campaign, table=table)


def exact(k, n):
    found = binomtest(k, n).proportion_ci(0.95, method="exact")
    return pytest.approx((found.low, found.high))


def test_a_claim_counts_the_goals_that_it_names(collected):
    """Two collisions, one of them with bad data, too: C2 has two, C3 one, C1 all."""
    of = altered(collected, goals_violated={3: "no collision", 7: "no collision;bad data out of command in time"})
    found = {one.id: one for one in claims.judge(collected.design, [of])}
    assert {name: one.rate.violations for name, one in found.items()} == {"C1": 2, "C2": 2, "C3": 1}
    assert (found["C2"].rate.low, found["C2"].rate.high) == exact(2, RUNS)
    assert [run["run"] for run in found["C3"].violations] == [7]
    assert found["C3"].violations[0]["command"].endswith(" 7")
    assert found["C2"].state == claims.BROKEN  # 2 of 24 is above 1e-3 for certain
    assert standing.worst([(standing.LIGHTS[one.state], one.state) for one in found.values()])[0] == "bad"


def test_what_came_to_nothing_counts_above_only(collected):
    """A run that crashed may have been a violation, or not."""
    of = altered(collected, outcome={5: "crashed"}, margin={5: None})
    (first, *_) = claims.judge(collected.design, [of])
    assert (first.rate.violations, first.rate.failed) == (0, 1)
    assert first.rate.low == 0.0
    assert (0.0, first.rate.high) == pytest.approx((0.0, binomtest(1, RUNS).proportion_ci(0.95, method="exact").high))


def test_near_misses_are_those_with_the_least_margin(collected):
    """The nearest first, and none that violates."""
    (first, *_) = claims.judge(collected.design, collected.campaigns)
    margins = np.sort(collected.campaigns[0].table["margin"].to_numpy())
    assert [run["margin"] for run in first.near] == margins[: claims.NEAR].tolist()


def test_near_misses_are_of_the_goals_that_the_claim_counts(collected):
    """C2 counts collisions: what came nearest to one, however long bad data were in command."""
    of = altered(collected, margin_collision={4: 0.5}, margin_bad_data_in_command={9: 0.25}, margin={4: 0.5, 9: 0.25})
    found = {one.id: one.near[0] for one in claims.judge(collected.design, [of])}
    assert {name: (run["run"], run["margin"]) for name, run in found.items()} == {
        "C1": (9, 0.25),
        "C2": (4, 0.5),
        "C3": (9, 0.25),
    }


def test_a_claim_without_a_campaign_is_untried(collected):
    """And has no interval."""
    found = claims.judge(collected.design, [])
    assert {one.state for one in found} == {claims.UNTRIED}
    assert found[0].rate.high is None


def test_measured_coverage_is_the_lower_end_of_its_interval(collected):
    """Of the runs with that failure, against scipy; a late one lowers it."""
    table = collected.campaigns[0].table.to_pylist()
    row = table[0]
    key = row["fault_signal"], row["fault_mode"]
    same = [one["run"] for one in table if (one["fault_signal"], one["fault_mode"]) == key]
    for late in (0, 1):
        goals = {0: "bad data out of command in time"} if late else {}
        found = fmea.measured(collected.design.design, [altered(collected, goals_violated=goals)])[key]
        assert (found.runs, found.late) == (len(same), late)
        assert found.coverage == pytest.approx(
            1.0 - binomtest(late, len(same)).proportion_ci(0.95, method="exact").high
        )


def test_a_claimed_coverage_is_confirmed_by_enough_runs_in_which_the_fault_had_an_effect(collected):
    """24 runs confirm none of 99 %; a thousand would, but not of a fault that was never in command."""
    row, *others = fmea.table(collected.design, fmea.measured(collected.design.design, collected.campaigns))
    claimed = sum(each.claimed is not None for each in (row, *others))
    for seen, confirmed in ((row.measured, 0), (fmea.Measured(1000, 0, 0, 0, 0.0, 0.996), 0)):
        told = fmea.confirmed([replace(row, measured=seen), *others])
        assert told == {"claimed": claimed, "confirmed": confirmed}
    many = replace(row, measured=fmea.Measured(1000, 9, 0, 0, 0.1, 0.996))
    assert fmea.confirmed([many, *others])["confirmed"] == 1


def test_the_fault_space_is_what_was_injected_and_what_was_not(collected):
    """Together all failures that have a bound, none twice."""
    found = claims.coverage(collected.design.design, collected.campaigns)
    tried = [(one.item, one.mode) for one in found.sampled if one.guarded]
    assert not set(tried) & set(found.not_sampled)
    assert found.share == pytest.approx(len(tried) / (len(tried) + len(found.not_sampled)))
    assert sum(one.runs for one in found.sampled) + found.without_fault == RUNS


def test_runs_with_several_faults_are_counted(collected):
    """Those of a stratum whose scenario has two; the others have one."""
    campaign = collected.campaigns[0]
    first, *others = campaign.plan.strata
    two = replace(first, data=first.data | {"faults": first.data["faults"] * 2})
    crowded = replace(campaign, plan=replace(campaign.plan, strata=(two, *others)))
    runs = campaign.table["stratum"].to_pylist().count(first.name)
    assert runs > 0
    counts = [claims.coverage(collected.design.design, [each]).several for each in (campaign, crowded)]
    assert counts == [0, runs]


def test_less_than_the_safe_distance_without_a_violation_is_told(collected):
    """Behind a car that has cut in; where a goal is violated by it, it counts there."""
    short = altered(collected, min_rss_margin={2: -5.0, 3: -5.0}, goals_violated={3: "RSS distance kept"})
    told = report.content(replace(collected, campaigns=[short]))
    assert told["campaigns"][0]["excused"] == 1


def test_a_tree_has_a_probability_with_what_runs_have_measured(collected, spoilt):
    """Beside the design's; 24 runs show little, so it is higher. It is in a file of its own for other tools."""
    of = case.read(spoilt(OCCURRING))
    found = command.collect([campaign.path for campaign in collected.campaigns], of.path, is_draft=False)
    told = report.content(found)["fault_trees"]["SG2"]
    assert told["measured"]["probability"] > told["probability"]
    assert all(event["source"].startswith("campaigns: 0 of ") for event in told["measured"]["events"])
    assert ElementTree.fromstring(open_psa.text(found.measured_trees["SG2"])).tag == "opsa-mef"


def test_runs_without_a_fault_count_by_their_condition(collected):
    """Three of a stratum, one of which violates; the run with a fault that violates counts elsewhere."""
    strata = collected.campaigns[0].table["stratum"].to_pylist()
    stratum = strata[0]
    mine = [run for run, each in enumerate(strata) if each == stratum]
    other = next(run for run, each in enumerate(strata) if each != stratum)
    of = altered(
        collected,
        fault_mode=dict.fromkeys(mine, None),
        goals_violated={mine[0]: "no collision", other: "no collision"},
        margin={mine[0]: -1.5},
    )
    (found,) = sotif.conditions(collected.design.design, [of])
    assert (found.stratum, found.rate.runs, found.rate.violations, found.margin) == (stratum, len(mine), 1, -1.5)
    assert (found.rate.low, found.rate.high) == exact(1, len(mine))
    assert [each["run"] for each in found.worst] == [mine[0]]
    told = sotif.content(collected.design, [of])
    assert (told["runs"], told["violations"]) == (len(mine), 1)
    assert [each["stratum"] for each in told["unnamed"]] == [stratum]  # no triggering condition names it


@pytest.mark.parametrize("name", ["acc", "platoon"])
def test_triggering_conditions_name_what_shipped_plans_have(name):
    """A plan that is there, and a stratum of it; no failure is injected in it."""
    shipped = case.read(SHIPPED / "safety" / f"{name}.yaml")
    for one in shipped.case.triggering.values():
        if one.plan is not None:
            plan = plan_file.read(one.plan)
            assert one.stratum in (None, *(each.name for each in plan.strata))
            assert not any(each.data.get("faults") for each in plan.strata)
