"""The folder of a campaign: whatever was killed, what is there is whole, and the result is the same."""

import json
import shutil

import pyarrow as pa
import pytest
from pyarrow import parquet

from karyon.campaign import results, rows
from karyon.campaign.folder import CampaignError, Folder, digest, identity
from tests.campaign.plans import SHORT, read

NUMBER, SEED = 23, 5


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return read(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def whole(plan):
    return rows.table(plan, plan.runs(SEED, NUMBER, 0, NUMBER))


def kept(folder, whole, *pieces):
    for first, last in pieces:
        folder.keep(first, whole.slice(first, last - first))


def test_what_is_missing_is_cut_into_batches_around_what_is_there(tmp_path, plan, whole):
    folder = Folder(tmp_path / "out", plan, SEED, NUMBER)
    assert list(folder.missing(10)) == [(0, 10), (10, 20), (20, 23)]
    kept(folder, whole, (3, 7), (12, 20))
    assert list(folder.missing(4)) == [(0, 3), (7, 11), (11, 12), (20, 23)]
    kept(folder, whole, (0, 3), (7, 12), (20, 23))
    assert list(folder.missing(4)) == []


@pytest.mark.parametrize("pieces", [[(0, 23)], [(10, 23), (0, 10)], [(4, 9), (0, 4), (9, 10), (10, 22), (22, 23)]])
def test_the_result_does_not_depend_on_the_parts(tmp_path, plan, whole, pieces):
    folder = Folder(tmp_path / "out", plan, SEED, NUMBER)
    kept(folder, whole, *pieces)
    summary = results.finish(folder, {})
    assert summary["digest"] == digest(whole)
    assert parquet.read_table(tmp_path / "out" / "runs.parquet").equals(whole)


def test_parts_that_overlap_are_taken_once(tmp_path, plan, whole):
    folder = Folder(tmp_path / "out", plan, SEED, NUMBER)
    kept(folder, whole, (0, 10), (5, 8), (5, 23))
    assert results.finish(folder, {})["digest"] == digest(whole)


def test_a_part_that_is_not_whole_is_computed_again(tmp_path, plan, whole):
    folder = Folder(tmp_path / "out", plan, SEED, NUMBER)
    kept(folder, whole, (0, 10), (10, 23))
    part = folder.parts / "000000010-000000022.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    (folder.parts / "000000000-000000009.parquet.77.partial").write_bytes(b"cut off")
    (folder.parts / "notes.txt").write_text("mine")
    assert list(folder.missing(100)) == [(10, 23)]
    kept(folder, whole, (10, 23))
    assert results.finish(folder, {})["digest"] == digest(whole)
    assert not list(folder.parts.glob("*.partial"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 6}, r"seed \(5, now 6\)"),
        ({"text": SHORT.replace("share: 3", "share: 4")}, "the plan"),
        ({}, "karyon"),
    ],
)
def test_a_folder_of_another_campaign_is_refused(tmp_path, plan, monkeypatch, changed, said):
    Folder(tmp_path / "out", plan, SEED, NUMBER)
    if not changed:
        monkeypatch.setattr("karyon.__version__", "9.9")
    other = read(tmp_path, changed.get("text", SHORT))
    with pytest.raises(CampaignError, match=f"holds another campaign, which differs in .*{said}"):
        Folder(tmp_path / "out", other, changed.get("seed", SEED), NUMBER)


def test_a_changed_scenario_is_another_campaign(tmp_path):
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("extends: acc_profile.yaml\nduration: 2 s\n")
    text = "scenario: mine.yaml\n"
    before = identity(read(tmp_path, text), SEED)
    scenario.write_text("extends: acc_profile.yaml\nduration: 3 s\n")
    assert identity(read(tmp_path, text), SEED) != before


def test_a_folder_whose_campaign_was_killed_as_it_began_is_taken_up(tmp_path, plan):
    (tmp_path / "out" / "parts").mkdir(parents=True)
    (tmp_path / "out" / "plan.yaml.77.partial").write_text("half")
    assert list(Folder(tmp_path / "out", plan, SEED, NUMBER).missing(100)) == [(0, NUMBER)]


def test_fewer_runs_than_there_are_would_write_over_what_is_known(tmp_path, plan, whole):
    kept(Folder(tmp_path / "out", plan, SEED, NUMBER), whole, (0, NUMBER))
    with pytest.raises(CampaignError, match="has more runs already: --runs 23 or more"):
        Folder(tmp_path / "out", plan, SEED, NUMBER - 1)


def test_there_is_nothing_to_merge_in_a_folder_without_a_campaign(tmp_path, plan):
    with pytest.raises(CampaignError, match="holds no campaign whose parts could be merged"):
        Folder(tmp_path / "out", plan, SEED, NUMBER, is_new=False)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(tmp_path, plan):
    (tmp_path / "trace.parquet").write_text("of a run")
    with pytest.raises(CampaignError, match="holds something else"):
        Folder(tmp_path, plan, SEED, NUMBER)


def test_a_campaign_can_go_on_to_more_runs(tmp_path, plan, whole):
    kept(Folder(tmp_path / "out", plan, SEED, 10), whole, (0, 10))
    assert list(Folder(tmp_path / "out", plan, SEED, NUMBER).missing(100)) == [(10, 23)]


def test_a_latin_hypercube_cannot_as_its_runs_would_be_others(tmp_path):
    plan = read(tmp_path, SHORT.replace("random", "latin_hypercube"))
    Folder(tmp_path / "out", plan, SEED, 10)
    with pytest.raises(CampaignError, match="runs"):
        Folder(tmp_path / "out", plan, SEED, NUMBER)


def test_a_full_disk_leaves_the_parts_that_are_there(tmp_path, plan, whole, monkeypatch):
    folder = Folder(tmp_path / "out", plan, SEED, NUMBER)
    kept(folder, whole, (0, 10))

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept(folder, whole, (10, 23))
    monkeypatch.undo()
    assert list(folder.missing(100)) == [(10, 23)]
    assert not list(folder.parts.glob("*.partial"))


def test_the_summary_counts_and_names_the_worst(tmp_path, plan, whole):
    table = whole.to_pylist()
    table[3] |= {
        "outcome": "violated",
        "violated": True,
        "goals_violated": "no collision;RSS distance kept",
        "margin": -2.0,
    }
    table[9] |= {"outcome": "violated", "violated": True, "goals_violated": "RSS distance kept", "margin": -5.0}
    table[11] |= dict.fromkeys(rows.MEASURED) | {"outcome": "crashed", "violated": False, "error": "it fell over"}
    folder = Folder(tmp_path / "out", plan, SEED, NUMBER)
    kept(folder, pa.Table.from_pylist(table, whole.schema), (0, NUMBER))
    summary = results.finish(folder, {"liars": []})
    assert json.loads((tmp_path / "out" / "campaign.json").read_text()) == summary
    assert (summary["runs"], summary["violations"], summary["rate"]) == (23, 2, 2 / 23)
    assert summary["outcomes"] == {"ok": 20, "violated": 2, "crashed": 1, "hung": 0}
    assert summary["errors"] == {"it fell over": 1}
    assert summary["goals"] == {"RSS distance kept": 2, "no collision": 1}
    assert [one["run"] for one in summary["worst"][:3]] == [11, 9, 3]
    assert summary["worst"][1]["command"] == f"karyon replay {tmp_path / 'out'} 9"
    low, high = summary["interval"]
    assert (round(low, 4), round(high, 4)) == (0.0107, 0.3359)  # of 2, and of 3, in 23: what crashed may have violated
    assert sum(one["runs"] for one in summary["strata"]) == 23
    shutil.rmtree(tmp_path / "out")
