"""Indicators: a session that crosses a threshold breaks the claim, as it is now, in every report that has it."""

import json
from dataclasses import replace

import pytest

from karyon.evidence import claims, indicators, runs, standing
from karyon.evidence import report as content

NOT_JUDGED = {"violated": None, "violations": None}


def summary(late=0, margin=None):
    """What a session on the bench leaves: distances are not judged."""
    goals = {"no collision": NOT_JUDGED, "RSS distance kept": NOT_JUDGED}
    goals["bad data out of command in time"] = {"violated": late > 0, "violations": late}
    return {"safety_goals": goals, "min_rss_margin": margin, "functions": {"acc": {}}, "scenario_sha256": "0"}


def read(folder, collected):
    return runs.read([folder], collected.design).sessions


@pytest.mark.parametrize(
    ("of", "crossed", "unknown"),
    [
        (summary(), set(), {"C2"}),
        (summary(late=1), {"C1", "C3"}, {"C2"}),
        (summary(margin=-0.1), {"C2"}, set()),
        (summary(margin=0.0), set(), set()),
    ],
)
def test_a_crossing_breaks_the_claim(of, crossed, unknown, collected, tmp_path):
    """What cannot be judged says nothing."""
    readings = indicators.watch(collected.design, of, tmp_path)
    assert {one.claim for one in readings if one.crossed} == crossed
    assert {one.claim for one in readings if one.value is None} == unknown
    found = claims.judge(collected.design, collected.campaigns, read(tmp_path, collected))
    assert {one.id for one in found if one.state == claims.BROKEN} == crossed
    assert {one.id for one in found if one.broken_by} == crossed


def test_a_reading_of_an_earlier_claim_breaks_none(collected, tmp_path):
    """Its hash is another one."""
    indicators.watch(collected.design, summary(late=1), tmp_path)
    told = json.loads((tmp_path / runs.INDICATORS).read_text())
    for one in told["readings"]:
        one["sha256"] = "0" * 16
    (tmp_path / runs.INDICATORS).write_text(json.dumps(told))
    found = claims.judge(collected.design, collected.campaigns, read(tmp_path, collected))
    assert not any(one.broken_by for one in found)


def test_what_is_no_session_is_refused(collected, tmp_path):
    """One message."""
    (tmp_path / runs.INDICATORS).write_text('{"readings": 3}')
    with pytest.raises(runs.EvidenceError, match="has no readings"):
        read(tmp_path, collected)


@pytest.fixture
def searched(folder, tmp_path):
    """What a search of the same plan leaves, as far as a report reads it; it says that 7 runs violate."""
    known = json.loads((folder / "identity.json").read_text())
    summary = known | {"plan": known["campaign"], "runs": 2000, "violations": 7, "came_to_nothing": 0, "rate": 1e-3}
    (tmp_path / "search.json").write_text(json.dumps(summary | {"interval": [0, 1e-2], "worst": [], "smallest": None}))
    (tmp_path / "plan.yaml").write_bytes((folder / "plan.yaml").read_bytes())
    return tmp_path


def test_what_a_search_has_found_is_in_no_rate(searched, collected):
    """The goal says that it was violated; the claim stays what its sample makes it."""
    found = runs.read([searched], collected.design)
    assert [one.summary["violations"] for one in found.searches] == [7]
    of = replace(collected, searches=found.searches)
    assert content.content(of)["claims"] == content.content(collected)["claims"]
    assert standing.states_of(of)["SG2"] == ("open", "violated in a search")


def test_a_search_of_another_plan_is_refused(searched, collected):
    """By its hash."""
    summary = json.loads((searched / "search.json").read_text())
    (searched / "search.json").write_text(json.dumps(summary | {"plan_sha256": "0"}))
    with pytest.raises(runs.EvidenceError, match="was made of another plan"):
        runs.read([searched], collected.design)
