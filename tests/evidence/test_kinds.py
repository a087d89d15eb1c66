"""Reports of lane changes, crossings and flight: all of their functions, by the analysis of their kind."""

import subprocess
import sys
from math import isfinite

import pytest

from karyon.evidence import case, command, fault_tree, means, pages, report
from karyon.sim import kinds
from karyon.sim.shipped import SHIPPED

DESIGNS = ["platoon", "lane_change", "intersection", "flight"]


@pytest.fixture(scope="module", params=DESIGNS)
def shipped(request):
    return case.read(SHIPPED / "safety" / f"{request.param}.yaml")


def test_what_has_a_detection_time_is_seen_by_something(shipped):
    """And what has none by nothing: the bound and the words of how a failure is seen are made apart."""
    seen_by = kinds.seen_by_of(shipped.design)
    bounds = list(kinds.failures_of(shipped.design))
    assert {function.name for function, _ in bounds} == {each.name for each in shipped.design.functions}
    for function, bound in bounds:
        ways = seen_by(shipped.design, function, bound.item, bound.mode)
        assert bool(ways) == isfinite(bound.detection), (function.name, bound.item, bound.mode)


def test_every_means_of_detection_is_described(shipped):
    """With a gate that stands where the validity is what the rules demand, or a limit in words."""
    found = list(means.used(shipped.design))
    assert {one.function for one in found} == {function.name for function in shipped.design.functions}
    for one in found:
        assert one.compares
        assert (one.sample is None) == bool(one.limit)
        if one.sample is not None:
            assert 0.0 < one.average < one.sample < one.tolerated


def test_each_goal_that_runs_watch_has_a_claim_of_its_own(shipped):
    """Beside the one on all goals together."""
    counted = [set(claim.violates) for claim in shipped.case.claims.values()]
    for goal in shipped.case.goals.values():
        assert not goal.watched or any(one and one <= set(goal.watched) for one in counted)


def test_trees_have_every_failure_of_every_function(shipped):
    """A name stands for one gate or event; the goal on bad data is about all functions."""
    tree = fault_tree.of_goal(shipped, "SG2", shipped.case.goals["SG2"])
    told = {event.text for event in tree.events}
    for function in shipped.design.functions:
        for each in fault_tree.classes(shipped.design, function):
            assert f"{each.item}: {', '.join(each.modes)}" in told
    named = {}
    for goal in shipped.case.goals.values():
        tree = fault_tree.of_goal(shipped, "a goal", goal)
        for node in [] if tree is None else nodes(tree):
            assert named.setdefault((goal.text, node.name), node) == node


def nodes(node):
    yield node
    for each in getattr(node, "inputs", ()):
        yield from nodes(each)


def test_a_report_of_flight_has_what_its_runs_say(tmp_path):
    """From a campaign of the shipped plan: few runs leave the claim open, and each is in one line of the FMEA."""
    out = tmp_path / "campaign"
    words = ["flight_faults", "--runs", "20", "--seed", "1", "--workers", "1", "--out", str(out)]
    subprocess.run([sys.executable, "-m", "karyon", "campaign", *words], check=True, stdout=subprocess.DEVNULL)
    found = command.collect([out], SHIPPED / "safety" / "flight.yaml", is_draft=False)
    data = report.content(found)
    assert not command.is_shown(found)
    assert data["claims"]["C1"]["rate"]["runs"] == 20
    assert {row["function"] for row in data["fmea"]} == {"flight"}
    assert sum(row["runs"] or 0 for row in data["fmea"]) == sum(
        one["runs"] for one in data["fault_space"]["sampled"] if one["guarded"]
    )
    reported = {one["mode"]: one for one in data["fault_space"]["sampled"] if one["item"] == "own.adsb"}
    assert reported["offset"]["heard_as"] == ("traffic.all.adsb",)
    assert {"item": "traffic.all.adsb", "mode": "offset"} not in data["fault_space"]["not_sampled"]
    page = pages.html(data, {"SG1": "", "SG2": "", "argument": ""}, {}, {"SG1": "", "SG2": ""})
    assert "absent where ADS-B has it" in page
    assert "None of the models of this case was held against recordings" in page
    assert any("No model of the simulation" in point for point in data["summary"]["open"])
