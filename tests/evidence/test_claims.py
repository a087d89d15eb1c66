"""Claims and FMEA of runs of which we say what came: rows are altered in memory, behind the check of their digest."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from karyon.evidence import claims, fmea, standing
from tests.evidence.conftest import RUNS


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


def test_the_fault_space_is_what_was_injected_and_what_was_not(collected):
    """Together all failures that have a bound, none twice."""
    found = claims.coverage(collected.design.design, collected.campaigns)
    tried = [(one.item, one.mode) for one in found.sampled if one.guarded]
    assert not set(tried) & set(found.not_sampled)
    assert found.share == pytest.approx(len(tried) / (len(tried) + len(found.not_sampled)))
    assert sum(one.runs for one in found.sampled) + found.without_fault == RUNS
