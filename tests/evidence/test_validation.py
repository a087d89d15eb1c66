"""Results of the suite and mutation score, as a report takes them over, and what they make of requirements."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest

from karyon.evidence import confidence, reqif_file, standing, tool, validation
from karyon.sim.shipped import PACKAGE
from tests.evidence.conftest import evidence

XML = """<testsuites><testsuite name="{commit}" timestamp="2026-11-30T06:00:00" time="12.5">
<testcase classname="tests.kernel.test_rules" name="test_a[1]"/>
<testcase classname="tests.kernel.test_rules" name="test_a[2]"><failure/></testcase>
<testcase classname="tests.kernel.test_rules.TestIt" name="test_b"/>
<testcase classname="tests.kernel.test_rules" name="test_c"><skipped/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def results(tmp_path):
    """`results(commit)`: a suite of four."""

    def made(commit):
        (tmp_path / "tests.xml").write_text(XML.format(commit=commit))
        return validation.suite(tmp_path / "tests.xml")

    return made


def test_a_test_is_as_good_as_the_worst_of_its_parameters(results):
    """By file, class and name; a class that is named has all of its tests."""
    suite = results("abc")
    assert (suite.commit, suite.seconds, suite.counts) == ("abc", 12.5, {"passed": 2, "failed": 1, "skipped": 1})
    file = "tests/kernel/test_rules.py"
    wanted = {"test_a": "failed", "TestIt::test_b": "passed", "TestIt": "passed", "test_c": "skipped", "test_d": ""}
    assert {name: validation.outcome(suite, f"{file}::{name}") for name in wanted} == wanted
    assert validation.suite(Path("nowhere.xml")) is None


@pytest.mark.parametrize(("outcome", "state"), [("passed", "tested"), ("failed", "test failed"), ("", "tests not run")])
def test_a_requirement_is_as_good_as_the_last_result(outcome, state, collected, results, monkeypatch):
    """TSR5 is carried by properties of the kernel alone."""
    names = [each.name for each in collected.tests if "TSR5" in each.requirements]
    suite = replace(results("abc"), outcomes=dict.fromkeys(names, outcome) if outcome else {})
    monkeypatch.setattr(tool, "commit", lambda: ("abc", False))
    of = replace(collected, suite=suite)
    assert standing.states_of(of)["TSR5"][1] == state
    monkeypatch.setattr(tool, "commit", lambda: ("other", False))
    assert standing.states_of(of)["TSR5"] == ("open", "tests not run")


def test_every_file_of_the_validation_suite_is_there():
    """And none of a use case's level is better than the table of the standard."""
    for part in confidence.VALIDATION:
        assert all((PACKAGE.parent / file).is_file() for file in part.files), part
    assert {one.level for one in confidence.USE_CASES if one.impact == "TI1"} == {"TCL1"}


def test_the_mutation_score_is_of_these_sources_or_says_so(tmp_path):
    """By their hash."""
    file = tmp_path / "mutants.json"
    told = {"of": "karyon/kernel", "mutants": 200, "there_are": 200, "survived": 1, "measured": "2026-11-30"}
    file.write_text(json.dumps(told | {"sources_sha256": validation.sources()}))
    found = validation.mutants(file)
    assert (found.is_current, found.score, found.interval) == (True, 0.995, None)
    file.write_text(json.dumps(told | {"sources_sha256": "0", "there_are": 4000}))
    found, exact = validation.mutants(file), binomtest(199, 200).proportion_ci(0.95, method="exact")
    assert not found.is_current
    assert found.interval == pytest.approx((exact.low, exact.high))


def test_a_sample_of_mutants_is_kept_as_one(tmp_path, monkeypatch):
    """As mutmut counts them when it is stopped; what no test runs has survived."""
    monkeypatch.setattr(validation, "MUTANTS", tmp_path / "mutants.json")
    told = {"killed": 95, "survived": 2, "no_tests": 3, "total": 1000} | dict.fromkeys(
        ("timeout", "segfault", "suspicious"), 0
    )
    (tmp_path / "stats.json").write_text(json.dumps(told))
    validation.keep(tmp_path / "stats.json")
    found = validation.mutants(tmp_path / "mutants.json")
    assert (found.mutants, found.there_are, found.survived, found.is_current) == (100, 1000, 5, True)


def test_confidence_in_the_tool_is_bundled_with_the_last_result(results, tmp_path, monkeypatch):
    """Exit code 1 while the suite has failed or ran on something else; its file is in the bundle."""
    results("abc")
    monkeypatch.setattr(validation, "TESTS", tmp_path / "tests.xml")
    monkeypatch.setattr(validation.suite, "__defaults__", (tmp_path / "tests.xml",))
    done = evidence("--self", "--out", tmp_path / "self")
    assert done.exit_code == 1
    assert "which is not what runs here" in done.output
    assert {path.name for path in (tmp_path / "self").iterdir()} == {"tool.html", "tool.pdf", "tool.json", "tests.xml"}
    page = (tmp_path / "self/tool.html").read_text()
    assert "Known issues" in page
    assert "TCL2" in page


def test_a_suite_that_was_not_run_says_so():
    """And not that nothing passed and nothing failed."""
    found = tool.content(None)
    assert {one[kind] for one in found["validation"] for kind in tool.KINDS} == {None}
    assert {found["suite"][kind] for kind in tool.KINDS} == {None}


def test_goals_and_requirements_go_out_as_reqif(collected, tmp_path):
    """Read back by the library that tools use: each with its text, and who serves whom."""
    from reqif.parser import ReqIFParser

    of = collected.design.case
    (tmp_path / "requirements.reqif").write_text(reqif_file.text(of, "A & B", "2026-11-30"))
    found = ReqIFParser.parse(str(tmp_path / "requirements.reqif")).core_content.req_if_content
    texts = {
        one.attribute_map["_ReqIF.ForeignID"].value: one.attribute_map["_ReqIF.Text"].value
        for one in found.spec_objects
    }
    assert texts == {name: one.text for name, one in (*of.goals.items(), *of.requirements.items())}
    serves = {(one.source, one.target) for one in found.spec_relations}
    assert ("_FSR1", "_SG1") in serves
    assert ("_TSR6", "_FSR4") in serves
