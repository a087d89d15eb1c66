"""Change impact: what differs from an earlier report, and whom it reaches."""

import json

import pytest

from karyon.evidence import change, command, report
from karyon.evidence.runs import EvidenceError
from tests.evidence.conftest import DESIGN


@pytest.fixture(scope="module")
def before(collected, tmp_path_factory):
    """An earlier report: what of it is compared."""
    out = tmp_path_factory.mktemp("before")
    data = report.content(collected)
    (out / "report.json").write_text(json.dumps(data))
    return out


def impact(before, folder, design):
    return change.since(before, command.collect([folder], design, is_draft=True))


def test_nothing_changed(before, folder):
    """Then nothing is reached, and nothing has to run again."""
    found = impact(before, folder, DESIGN)
    assert found == change.Impact((), (), (), (), (), ())


def test_a_rationale_reaches_its_requirement_what_it_refines_and_their_claims(before, folder, spoilt):
    """The hash of a requirement covers its rationale; TSR6 refines FSR4; C1 and C3 support them."""
    found = impact(before, folder, spoilt("requirements: {TSR6: {rationale: Another one.}}"))
    assert found.changes == (change.Change("requirements", "TSR6", "rationale changed"),)
    assert found.requirements == ("FSR4", "TSR6")
    assert found.claims == ("C1", "C3")
    assert found.rerun == ()


def test_a_goal_reaches_all_that_serve_it(before, folder, spoilt):
    """SG3 is served by FSR5 alone, on which no claim rests."""
    found = impact(before, folder, spoilt("goals: {SG3: {safe_state: Another one.}}"))
    assert found.requirements == ("FSR5",)
    assert found.claims == ()


def test_an_assumption_reaches_what_rests_on_it(before, folder, spoilt):
    """TSR10 is assumed by AT2, and refines FSR2, which refines nothing."""
    found = impact(before, folder, spoilt("assumptions: {AT2: {text: Another one.}}"))
    assert found.requirements == ("FSR2", "TSR10")


def test_a_changed_test_reaches_what_it_shows(before, folder, tmp_path):
    """By the hash of its file."""
    data = json.loads((before / "report.json").read_text())
    (test,) = [one for one in data["tests"] if one["name"].endswith("test_absent_data_never_admits_a_level")]
    test["sha256"] = "0" * 64
    (tmp_path / "report.json").write_text(json.dumps(data))
    found = impact(tmp_path, folder, DESIGN)
    assert found.tests == (f"{test['name']}: its file changed",)
    assert found.requirements == ("FSR1", "TSR5")


def test_other_rules_and_runs_are_told(before, folder, tmp_path):
    """A rule that is no more, and a campaign of another scenario, which has to run again."""
    data = json.loads((before / "report.json").read_text())
    data["levels"][1]["rules"][0]["text"] = "validity(front.distance) >= 0.7"
    data["campaigns"][0]["scenario_sha256"] = "0" * 64
    (tmp_path / "report.json").write_text(json.dumps(data))
    found = impact(tmp_path, folder, DESIGN)
    assert found.rules == (
        "LoS 1: `validity(front.distance) >= 0.7` removed",
        "LoS 1: `validity(front.distance) >= 0.8` added",
    )
    assert {"TSR1", "TSR2", "TSR3", "TSR4", "FSR1"} <= set(found.requirements)
    assert found.rerun == ("acc_faults",)


def test_what_is_no_report_is_refused(folder, tmp_path):
    """One message."""
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(EvidenceError, match="holds no report to compare with"):
        impact(tmp_path, folder, DESIGN)


def test_a_change_that_makes_campaigns_unfit_says_which_to_run_again(before, spoilt):
    """In place of refusing them."""
    design = spoilt("")
    design.write_text(design.read_text().replace("age(front.distance) <= 250 ms", "age(front.distance) <= 300 ms"))
    said = list(command.changed([], design, before))
    assert "run again campaigns: acc_faults" in said
    assert any(line.startswith("because") and "is of another safety design" in line for line in said)
    assert any(line.startswith("rule") and "age(front.distance)" in line for line in said)
