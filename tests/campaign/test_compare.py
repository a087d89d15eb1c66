"""Two campaigns run by run."""

import numpy as np
import pyarrow as pa
import pytest

from karyon.campaign import compare, results, rows
from karyon.campaign.folder import CampaignError, Folder
from tests.campaign.plans import read

NUMBER = 40


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return read(tmp_path_factory.mktemp("plan"))


def finished(path, plan, seed=5, **changed):
    """The folder of a campaign in which these columns are others for some runs."""
    table = rows.table(plan, plan.runs(seed, NUMBER, 0, NUMBER)).to_pylist()
    for name, values in changed.items():
        for run, value in values.items():
            table[run][name] = value
    folder = Folder(path, plan, seed, NUMBER)
    folder.keep(0, pa.Table.from_pylist(table, rows.schema(plan)))
    results.finish(folder, {})
    return path


def test_who_violates_alone_is_counted_and_named(tmp_path, plan):
    violated = dict.fromkeys([1, 2, 3], True)
    first = finished(tmp_path / "a", plan, violated=violated)
    second = finished(tmp_path / "b", plan, violated=dict.fromkeys([3, 10, 11, 12, 13, 14, 15, 16], True))
    found = compare.compare(first, second)
    assert found["violate"] == {"both": 1, "first_alone": 2, "second_alone": 7, "neither": 30, "not_comparable": 0}
    assert found["mcnemar_p"] == pytest.approx(0.1797, abs=1e-4)  # 2 (1 + 9 + 36) / 2^9
    assert [one["run"] for one in found["better"]] == [1, 2]
    assert [one["run"] for one in found["worse"]] == [10, 11, 12, 13, 14, 15, 16]
    assert found["worse"][0]["command"] == f"karyon replay {second} 10"
    assert found["better"][0]["command"] == f"karyon replay {first} 1"
    said = "\n".join(compare.lines(found))
    assert "second alone 7" in said
    assert "p = 0.18" in said


def test_differences_are_of_the_pairs_that_both_have(tmp_path, plan):
    first = finished(tmp_path / "a", plan, min_gap=dict.fromkeys(range(NUMBER), 10.0))
    gaps = {run: 10.5 + 0.1 * (run % 2) for run in range(NUMBER)} | {7: None}
    second = finished(tmp_path / "b", plan, min_gap=gaps)
    found = compare.compare(first, second)["differences"]["min_gap"]
    mean = np.mean([gap - 10.0 for gap in gaps.values() if gap is not None])
    assert found["mean"] == pytest.approx(mean)
    assert found["pairs"] == NUMBER - 1
    low, high = found["interval"]
    assert 0.5 < low < mean < high < 0.6


def test_campaigns_of_other_drives_have_no_pairs(tmp_path, plan):
    first, second = finished(tmp_path / "a", plan), finished(tmp_path / "b", plan, seed=6)
    with pytest.raises(CampaignError, match="not run by run the same drives: they differ in seed, stratum"):
        compare.compare(first, second)


def test_a_folder_without_a_campaign_is_told(tmp_path):
    with pytest.raises(CampaignError, match="holds no finished campaign"):
        compare.compare(tmp_path, tmp_path)
