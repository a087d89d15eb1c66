"""`karyon evidence`: its files say what the runs say, and nothing is made of runs that are not those of the design."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy.stats import binomtest

from karyon.campaign.folder import digest
from karyon.evidence import claims, command, open_points, pages, runs, standing
from karyon.evidence import report as report_content
from tests.evidence.conftest import DESIGN, RUNS, evidence


def test_every_file_is_there(report):
    """And the trees are XML of the exchange format."""
    out, said = report
    names = "report.html report.pdf report.json traceability.csv hara.csv fmea.csv safety_case.svg fault_tree_SG1.xml"
    assert set(names.split()) < {path.name for path in out.iterdir()}
    assert (out / "report.pdf").read_bytes()[:5] == b"%PDF-"
    assert ElementTree.parse(out / "fault_tree_SG2.xml").getroot().tag == "opsa-mef"
    assert ElementTree.parse(out / "safety_case.svg").getroot().tag.endswith("svg")
    assert f"0 of {RUNS} runs" in said


def test_a_claim_has_the_numbers_of_its_runs(report, folder):
    """k, n and the interval, against scipy and `campaign.json`; few runs leave it open."""
    data, campaign = (
        json.loads((report[0] / "report.json").read_text()),
        json.loads((folder / "campaign.json").read_text()),
    )
    exact = binomtest(campaign["violations"], RUNS).proportion_ci(0.95, method="exact")
    table = parquet.read_table(folder / "runs.parquet").to_pylist()
    for claim in data["claims"].values():
        assert (claim["rate"]["violations"], claim["rate"]["runs"]) == (0, RUNS)
        assert (claim["rate"]["low"], claim["rate"]["high"]) == pytest.approx((exact.low, exact.high))
        assert claim["state"] == "not shown"
        assert claim["effective"] == sum(row["worst_switch_latency"] > 0.0 for row in table)
        assert sum(rate["runs"] for rate in claim["strata"]) == RUNS
    assert data["campaigns"][0]["digest"] == campaign["digest"]
    assert len(data["claims"]["C1"]["near"]) == 5


def test_the_fmea_counts_every_injection_once(report, folder):
    """Runs by signal and mode are those of the table, messages' fields counted with their message."""
    data = json.loads((report[0] / "report.json").read_text())
    rows = data["fmea"]
    assert set(data["modes"]) == {row["mode"] for row in rows} - {"unheard"}
    table = parquet.read_table(folder / "runs.parquet").to_pylist()
    known = {(row["item"], row["mode"]) for row in rows}
    injected = [row for row in table if (row["fault_signal"], row["fault_mode"]) in known]
    assert sum(row["runs"] or 0 for row in rows) == len(injected) > 0
    assert all(row["late"] == 0 for row in rows if row["runs"])


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, ""), (0.0, "0"), (-0.9521, "−0.952"), (2.533e-5, "2.53 × 10⁻⁵"), (-12345.6, "−12,346"), (999.4, "999")],
)
def test_a_number_is_set_as_in_print(number, text):
    assert pages.figure(number) == text


def test_no_line_break_parts_a_number_from_its_unit():
    """Code stays as it is, so that it can be copied; so does what is no unit."""
    page = '<p title="5 m">5 m/s² of 83 %, 1,765 ms <code>250 ms</code> 3 mm 4 m/s3 2 of 7 s</p>'
    shown = '<p title="5 m">5\xa0m/s² of 83\xa0%, 1,765\xa0ms <code>250 ms</code> 3 mm 4 m/s3 2 of 7\xa0s</p>'
    assert pages.joined(page) == shown


class _Links(HTMLParser):
    """Ids, and what is linked to or loaded."""

    def __init__(self):
        super().__init__()
        self.ids, self.to = [], []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.to += [named[name] for name in ("href", "src") if name in named]


def test_the_page_is_whole_and_needs_no_network(report):
    """Every link leads to an id of the page, and no id is there twice."""
    links = _Links()
    text = (report[0] / "report.html").read_text()
    links.feed(text)
    assert {to for to in links.to if not to.startswith(("#", "data:image/png;base64,"))} == set()
    assert {to[1:] for to in links.to if to.startswith("#")} <= set(links.ids)
    assert len(links.ids) == len(set(links.ids))
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize(
    "answer",
    [
        "too_little_braking",  # which hazards
        "Severity S, exposure E and controllability C",  # which ASIL, and why
        '<code>front.distance</code></td><td data-head="mode" class="c">stuck_at',  # what if the radar sticks
        "FHTI (fault handling time interval)",  # how fast is the switch, and says who
        "karyon check",
        "sampling sobol, campaign seed 5",  # how often did it fail, in how many runs, drawn how
        "Each assumption has to be shown by somebody",  # what is assumed
        "Not injected by any run of this report",  # what was not tested
        "For run 4711 of a campaign",  # how do I repeat run 4711
        "Tool confidence (ISO 26262-8, 11)",  # can I trust the tool
        "most often too wide, and not guaranteed",  # what the interval does not say
        "<b>while no message is heard</b>",  # which bound rests on being heard
        "alarm, one sample",  # what a check compares, and from where on it speaks
        "downgrades without a cause: no run of this report is without a fault",  # how often SG3 is touched
    ],
)
def test_a_reader_finds_the_answer(answer, report):
    """The questions of docs/evidence.md."""
    assert answer in (report[0] / "report.html").read_text()


def test_the_first_pages_say_where_each_answer_is(report):
    """By the number of the last heading on the way to it, and that of a part where the answer is all of it."""
    text = (report[0] / "report.html").read_text()
    places = re.findall(r'<a class="place" href="#([^"]+)">section ([\d.]+)</a>', text)
    assert len(places) == 12
    for target, number in places:
        at = text.index(f'id="{target}"')
        above = re.findall(r"<h[23][^>]*>([\d.]+)&ensp;", text[: text.index("</", at)])[-1]
        within = re.findall(r"<h[23][^>]*>([\d.]+)&ensp;", text[at:])[:1]
        assert number == above or (f"{above}.1", number) == (number, within[0]), (target, number, above)


def test_traceability_goes_from_every_goal_to_tests_rules_and_claims(report):
    """Each line of the table names a place; no requirement is carried by nothing."""
    with (report[0] / "traceability.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["goal"] for row in rows} == {"SG1", "SG2", "SG3"}
    assert {row["kind"] for row in rows} == {"rule", "test", "property", "claim", "assumption", "requirement"}
    assert all(re.fullmatch(r"(scenarios/safety|tests)/.+:\d+", row["place"]) for row in rows)
    assert {row["result"] for row in rows if row["kind"] == "rule"} == {f"in force in {RUNS} runs"}
    assert {row["result"] for row in rows if row["kind"] == "assumption"} == {"assumed"}
    assert all(row["result"] for row in rows)


def _without_a_run(folder):
    table = parquet.read_table(folder / "runs.parquet")
    parquet.write_table(table.slice(0, len(table) - 1), folder / "runs.parquet")


def _with_a_better_margin(folder):
    table = parquet.read_table(folder / "runs.parquet")
    at = table.column_names.index("margin")
    parquet.write_table(table.set_column(at, "margin", pa.array([10.0] * len(table))), folder / "runs.parquet")


def _with_a_chosen_run(folder):
    """A better one in the place of the fourth, and a digest to match."""
    table = parquet.read_table(folder / "runs.parquet")
    seeds = table["seed"].to_pylist()
    seeds[3] += 1
    table = table.set_column(table.column_names.index("seed"), table.schema.field("seed"), pa.array(seeds))
    parquet.write_table(table, folder / "runs.parquet")
    _with_another_number(folder, "digest", digest(table))


def _with_another_number(folder, name, value):
    data = json.loads((folder / "campaign.json").read_text())
    (folder / "campaign.json").write_text(json.dumps(data | {name: value}))


@pytest.mark.parametrize(
    ("doctor", "said"),
    [
        (_without_a_run, "rows were changed, removed or mixed"),
        (_without_a_run, f"runs.parquet has {RUNS - 1} runs, and campaign.json says {RUNS}"),
        (_with_a_better_margin, "rows were changed, removed or mixed"),
        (_with_a_chosen_run, "1 runs, first [3], are not what the plan draws with the seed of the campaign"),
        (
            lambda folder: _with_another_number(folder, "violations", 3),
            "0 runs violate a goal, and campaign.json says 3",
        ),
        (lambda folder: _with_another_number(folder, "interval", [0, 1e-6]), "is not that of its runs"),
        (lambda folder: _with_another_number(folder, "sampling", "random"), "sampling random, and the plan sobol"),
        (
            lambda folder: _with_another_number(folder, "outcomes", {"ok": RUNS + 1}),
            "outcomes of campaign.json are not",
        ),
        (lambda folder: _with_another_number(folder, "strata", []), "strata of campaign.json are not those"),
        (lambda folder: _with_another_number(folder, "seed", 6), "are of two campaigns: seed differ"),
        (lambda folder: (folder / "campaign.json").unlink(), "there is no campaign.json"),
        (lambda folder: (folder / "runs.parquet").write_bytes(b"PAR1"), "cannot be read"),
        (
            lambda folder: (folder / "plan.yaml").write_text("extends: acc_faults\nsettings: {duration: 50 s}\n"),
            "was made of another plan",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_doctored_campaigns_are_refused(doctor, said, copy, tmp_path):
    """Exit code 2, each reason named, and no report."""
    doctor(copy)
    done = evidence(copy, "--design", DESIGN, "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "no").exists()


def test_runs_of_other_programs_show_nothing_of_these(copy):
    """A claim that they show is one of the programs that ran then, and the first page says to run them again."""
    for name in ("identity.json", "campaign.json"):
        told = json.loads((copy / name).read_text())
        (copy / name).write_text(json.dumps(told | {"sources_sha256": "0" * 64}))
    of = command.collect([copy], DESIGN, is_draft=False)
    shown = replace(of.results[0], state=claims.SHOWN, reach=())
    assert standing.of_claim(shown) == ("open", "of other programs")
    assert "the programs have changed since: run it again" in standing.said(shown)
    assert any("the programs of KARYON" in point for point in open_points.open_points(of))


def test_the_first_page_says_what_no_run_has_tried_and_where_no_bound_holds(folder):
    of = command.collect([folder], DESIGN, is_draft=False)
    space = claims.coverage(of.design.design, of.campaigns)
    points = open_points.open_points(of)
    assert f"{len(space.not_sampled)} of {space.known} failures that have a bound were never injected" in " ".join(
        points
    )
    claimed = sum(row.claimed is not None for row in of.failures)
    assert f"Diagnostic coverage is claimed of {claimed} failures; runs confirm it of 0: section 7." in points
    assert any("No run was without a fault" in point for point in points) == (space.without_fault == 0)
    assert any("speed (0 to 50 m/s, sampled 0 to 25: 50 %)" in point for point in points)
    assert any("While no message is heard" in point and "beyond the FTTI of 1,000 ms" in point for point in points)


def test_a_goal_that_is_held_only_while_others_are_heard_says_so(folder):
    """Whatever serves it were shown: silence and a wrong relative speed together last beyond its FTTI."""
    of = command.collect([folder], DESIGN, is_draft=False)
    for shown, word in {("good", "shown"): "held", ("open", "shown of the model"): "shown of the model"}.items():
        known = dict.fromkeys(of.design.case.requirements, shown)
        assert standing.of_goal(of, "SG2", known, set()) == ("open", "late if unheard")
        assert standing.of_goal(of, "SG1", known, set()) == (shown[0], word)


@pytest.mark.parametrize(
    ("milder", "worse"),
    [
        (("good", "shown"), ("open", "assumed")),
        (("open", "assumed"), ("open", "shown of the model")),
        (("open", "shown of the model"), ("open", "late if unheard")),
        (("open", "shown of the model"), ("open", "tests not run")),
        (("open", "tests not run"), ("open", "violated in 1 run")),
        (("open", "violated in 1 run"), ("bad", "gap")),
    ],
)
def test_a_mild_word_hides_no_worse_one(milder, worse):
    """Whichever comes first: a goal without results of tests is not said to be shown of the model."""
    assert standing.worst([milder, worse]) == standing.worst([worse, milder]) == worse


def test_where_a_design_differs_is_named():
    """By the names of what has one; of another number of rules, how many there are."""
    then = {"signals": ({"name": "own.speed", "tolerated": 0.8},), "rules": ({"limit": 0.3},), "timing": {"delay": 1}}
    now = {"signals": ({"name": "own.speed", "tolerated": 0.9},), "rules": ({"limit": 0.3}, {}), "timing": {"delay": 1}}
    assert list(runs.different(then, now)) == [
        "signals.own.speed.tolerated was 0.8 in its runs, and is 0.9",
        "rules was 1 in its runs, and is 2",
    ]
    assert not list(runs.different(then, then))


def test_a_campaign_of_another_design_is_refused(folder, spoilt, tmp_path):
    """Also of one that differs in a single limit."""
    design = spoilt("")
    design.write_text(design.read_text().replace("age(front.distance) <= 250 ms", "age(front.distance) <= 300 ms"))
    done = evidence(folder, "--design", design, "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert "is of another safety design" in done.output
    assert "rules.1.limit was 0.25 in its runs, and is 0.3" in " ".join(done.output.split())


def test_two_campaigns_of_one_plan_are_refused(folder, copy, tmp_path):
    """Nobody shall choose the better one, or count runs twice."""
    done = evidence(folder, copy, "--design", DESIGN, "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert "are of one plan" in done.output


def test_gaps_need_a_draft_which_says_so(folder, spoilt, tmp_path):
    """A claim without runs and an unrated hazard: refused, or DRAFT on every page."""
    text = "claims: {C1: {plan: other}}\nevents: {HE7: {situation: queue}}\n"
    design, out = spoilt(text), tmp_path / "draft"
    done = evidence(folder, "--design", design, "--out", out)
    assert done.exit_code == 2
    assert "a claim without runs" in done.output
    assert "is not rated in situation tailgated" in done.output
    assert "--draft" in done.output
    found = command.collect([folder], design, is_draft=True)
    data = report_content.content(found)
    page = pages.html(data, {"SG1": "", "SG2": "", "argument": ""}, {}, {"SG1": "", "SG2": ""})
    assert page.count("DRAFT: gaps are open") == 2  # on top, and what print repeats on each page
    assert "@top-right { content: element(state)" in page
    assert data["claims"]["C1"]["state"] == "no runs"
    assert not command.is_shown(found)
