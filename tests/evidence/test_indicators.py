"""Indicators: a session that crosses a threshold breaks the claim, as it is now, in every report that has it."""

import json
from dataclasses import replace

import pytest

from karyon.evidence import claims, indicators, reviews, runs, standing
from karyon.evidence import report as content
from karyon.sim import run, scenario

NOT_JUDGED = {"violated": None, "violations": None}


def summary(late=0, margin=None):
    """What a session on the bench leaves: distances are not judged."""
    goals = {"no collision": NOT_JUDGED, "RSS distance kept": NOT_JUDGED}
    goals["bad data out of command in time"] = {"violated": late > 0, "violations": late}
    return {"safety_goals": goals, "min_rss_margin": margin, "functions": {"acc": {}}, "scenario_sha256": "0"}


def kept(collected, of, folder, events=()):
    """What a session leaves in its folder; its readings."""
    (folder / "summary.json").write_text(json.dumps(of))
    (folder / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in events))
    return indicators.keep(collected.design, of, events, folder)


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
    readings = kept(collected, of, tmp_path)
    assert {one.claim for one in readings if one.crossed} == crossed
    assert {one.claim for one in readings if one.value is None} == unknown
    found = claims.judge(collected.design, collected.campaigns, read(tmp_path, collected))
    assert {one.id for one in found if one.state == claims.BROKEN} == crossed
    assert {one.id for one in found if one.broken_by} == crossed


def test_a_reading_of_an_earlier_claim_breaks_none(collected, tmp_path):
    """Its hash is another one."""
    kept(collected, summary(late=1), tmp_path)
    told = json.loads((tmp_path / indicators.INDICATORS).read_text())
    for one in told["readings"]:
        one["sha256"] = "0" * 16
    (tmp_path / indicators.INDICATORS).write_text(json.dumps(told))
    found = claims.judge(collected.design, collected.campaigns, read(tmp_path, collected))
    assert not any(one.broken_by for one in found)


def test_a_crossing_that_the_end_no_longer_shows_breaks_the_claim(collected, tmp_path):
    """The event of the moment counts; one of an earlier claim does not."""
    digest = reviews.hashes(collected.design.case)["C2"]
    event = {
        "kind": "claim",
        "claim": "C2",
        "sha256": digest,
        "quantity": "min_rss_margin",
        "value": -0.5,
        "time": 12.5,
    }
    readings = {one.claim: one for one in kept(collected, summary(margin=3.0), tmp_path, [event])}
    assert (readings["C2"].crossed, readings["C2"].since, readings["C2"].value) == (True, 12.5, -0.5)
    assert str(readings["C2"]) == "C2   broken   min_rss_margin -0.5, at least 0, crossed at 12.50 s"
    found = claims.judge(collected.design, collected.campaigns, read(tmp_path, collected))
    assert [one.id for one in found if one.broken_by] == ["C2"]
    earlier = [event | {"sha256": "0" * 16}]
    assert not any(one.crossed for one in kept(collected, summary(margin=3.0), tmp_path, earlier))


def test_a_session_says_at_once_that_a_claim_is_broken(collected, tmp_path):
    """Once per claim, and not at the end; without the kernel a wrong distance ends in a crash."""
    heard = []
    drift = "{vehicle: 1, signal: front.distance, mode: offset, amplitude: 60, onset: 3, duration: 30}"
    sets = ["kernel.enabled=false", f"faults=[{drift}]", "duration=15", "leader.speed=[[0, 25], [4, 0]]"]
    watch = indicators.Watch(indicators.of_claims(collected.design), lambda said: heard.append((said, now[0])))
    now = [0.0]

    def progress(seconds):
        now[0] = seconds
        return True

    (result,) = run.simulate([scenario.read("acc_profile", sets)], [tmp_path], progress, watch.attend)
    events = [each for each in result.events if each["kind"] == "claim"]
    assert {each["claim"] for each in events} == {"C1", "C2"}
    assert len(events) == len(heard) == 2
    for event, (said, at) in zip(events, heard, strict=True):
        assert event["text"] in said
        assert 0.0 <= event["time"] - at <= 1.0
        assert event["time"] < result.summary["duration"]
    first = min(each["time"] for each in result.events if each["kind"] == "violation")
    assert next(each["time"] for each in events if each["claim"] == "C1") == pytest.approx(first, abs=0.051)
    readings = indicators.keep(collected.design, result.summary, result.events, tmp_path)
    assert {one.claim for one in readings if one.crossed} == {"C1", "C2"}
    assert read(tmp_path, collected)


@pytest.mark.parametrize("name", ["summary.json", "events.jsonl"])
def test_half_a_session_is_refused(name, collected, tmp_path):
    """By the name of what is missing."""
    kept(collected, summary(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(runs.EvidenceError, match=f"no whole session: there is no {name}"):
        read(tmp_path, collected)


def test_a_reading_that_was_changed_is_refused(collected, tmp_path):
    """A claim that was broken is not held by an editor."""
    kept(collected, summary(late=1), tmp_path)
    file = tmp_path / indicators.INDICATORS
    file.write_text(file.read_text().replace('"crossed": true', '"crossed": false', 1))
    with pytest.raises(runs.EvidenceError, match=r"the reading of C1 is not what summary\.json"):
        read(tmp_path, collected)


def test_what_is_no_session_is_refused(collected, tmp_path):
    """One message."""
    kept(collected, summary(), tmp_path)
    (tmp_path / indicators.INDICATORS).write_text('{"readings": 3}')
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
