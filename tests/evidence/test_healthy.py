"""Downgrades without a cause: counted in runs without a fault only, with an interval that is exact."""

import pytest
from scipy.stats import poisson

from karyon.evidence import healthy
from tests.evidence.test_claims import altered


@pytest.mark.parametrize("count", [0, 1, 4, 100])
def test_the_interval_is_that_of_a_poisson_count(count):
    """At its ends so few, or so many, are seen in 2.5 % of all cases."""
    low, high = healthy.per_hour(count, hours=2.0)
    assert poisson.cdf(count, high * 2.0) == pytest.approx(0.025)
    assert low == 0.0 if count == 0 else poisson.sf(count - 1, low * 2.0) == pytest.approx(0.025)


def test_only_runs_without_a_fault_count(collected):
    """Two of three here, one of which came to nothing: 45 s, in which there were 3."""
    assert healthy.by_condition(collected.campaigns) == []
    none = dict.fromkeys((2, 5), None)
    of = altered(collected, fault_mode=none, outcome={5: "crashed"}, false_downgrades={2: 3, 5: None, 6: 9})
    *_, whole = healthy.by_condition([of])
    assert (whole.runs, whole.false, whole.hours) == (1, 3, pytest.approx(45.0 / 3600.0))
    assert (whole.low, whole.high) == healthy.per_hour(3, whole.hours)
