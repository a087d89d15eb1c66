"""A real Dask cluster: workers that die, hang and lie change nothing of a campaign but the time that it takes."""

import gc
import os
import random
import signal
import warnings
from contextlib import suppress

import pyarrow as pa
import pytest
from distributed import wait
from pyarrow import parquet

from karyon.campaign import campaign, results, rows, workers
from karyon.campaign.folder import CampaignError, Folder, digest, machine
from tests.campaign.plans import read

SEED = 5
KILLS = 20


@pytest.fixture(autouse=True)
def collected():
    """Dask leaves sockets to workers that were killed to the collector: here, and not in the test that comes next."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def three_workers():
    with workers.cluster(None, 3) as client:
        client.wait_for_workers(3, timeout=60)
        yield client


def lie():
    """Make the worker that this runs on answer with one number that is a little wrong."""
    honest = rows.table

    def lying(plan, runs):
        table = honest(plan, runs)
        place = table.schema.get_field_index("min_gap")
        wrong = [gap * (1.0 + 1e-15) for gap in table["min_gap"].to_pylist()]
        return table.set_column(place, table.schema.field(place), pa.array(wrong, table.schema.field(place).type))

    rows.table = lying


def batches(number, size, needed):
    return [workers.Batch(first, min(first + size, number), needed) for first in range(0, number, size)]


def test_twenty_killed_workers_and_a_liar_change_no_bit(tmp_path, three_workers):
    """The liar is outvoted, and named; whoever else is killed, the rows are those of one process."""
    plan, number = read(tmp_path), 240
    undisturbed = digest(rows.table(plan, plan.runs(SEED, number, 0, number)))
    client = three_workers
    liar = sorted(client.run(os.getpid))[0]
    client.run(lie, workers=[liar])
    folder = Folder(tmp_path / "out", plan, SEED, number)
    farm = workers.Farm(client, plan, SEED, folder)
    rng, killed = random.Random(1), []

    def kill_someone(came):
        if len(killed) < KILLS:
            with suppress(OSError, ValueError, KeyError):  # it may have ended just now
                pids = {at: pid for at, pid in client.run(os.getpid, on_error="ignore").items() if at != liar}
                if pids:
                    victim = rng.choice(sorted(pids))
                    os.kill(pids[victim], signal.SIGKILL)
                    killed.append(victim)
        return True

    assert farm.work(batches(number, 4, 2), kill_someone)
    assert len(killed) == KILLS
    assert farm.liars == [liar]
    assert results.finish(folder, {})["digest"] == undisturbed


def test_an_answer_that_is_lost_with_its_worker_is_asked_of_another(tmp_path, three_workers, monkeypatch):
    """It was told as ready, and its worker killed before anybody fetched it."""
    monkeypatch.setattr(workers, "ANSWER", 2.0)
    plan = read(tmp_path)
    farm = workers.Farm(three_workers, plan, SEED, Folder(tmp_path / "out", plan, SEED, 4))
    pids = three_workers.run(os.getpid)
    batch = workers.Batch(0, 4, needed=2)
    farm._submit(batch, min(pids))
    (future,) = farm._active
    wait([future], timeout=60)
    os.kill(pids[min(pids)], signal.SIGKILL)
    farm._take(future)
    assert not batch.votes
    assert farm.work([], lambda came: True)
    assert len(set(batch.votes) - {min(pids)}) == 2


def test_what_a_liar_computed_alone_is_computed_again(tmp_path, three_workers):
    plan, number = read(tmp_path), 60
    undisturbed = digest(rows.table(plan, plan.runs(SEED, number, 0, number)))
    liar = sorted(three_workers.run(os.getpid))[0]
    three_workers.run(lie, workers=[liar])
    folder = Folder(tmp_path / "out", plan, SEED, number)
    farm = workers.Farm(three_workers, plan, SEED, folder)
    mixed = [workers.Batch(first, first + 4, 2 if first >= 40 else 1) for first in range(0, number, 4)]
    assert farm.work(mixed, lambda came: True)
    assert farm.liars == [liar]
    assert results.finish(folder, {})["digest"] == undisturbed


@pytest.mark.parametrize(("law", "outcome"), [("Hanging", "hung"), ("Killing", "crashed")])
def test_a_run_that_hangs_or_kills_its_worker_is_an_outcome_with_its_seed(tmp_path, law, outcome, monkeypatch):
    """Run 2 of 4: its leader alone goes at 13 m/s. Who had the same worker as it is not blamed for its death."""
    monkeypatch.setattr(workers, "DEATHS", 0)
    speeds = ", ".join(str(13 if run == 2 else 20 + run) for run in range(4))
    text = (
        "scenario: acc_profile\nsampling: grid\nrun_limit: 1 s\nsettings:\n  duration: 2 s\n"
        f"  acc: {{controller: 'tests.campaign.laws:{law}'}}\n"
        f"  leader: {{speed: [[0 s, {{one_of: [{speeds}]}}]]}}\n  start: {{time_gap: 1.5 s}}\n"
    )
    plan = read(tmp_path, text)
    orders = campaign.Orders(batch=4, workers=1)
    found = campaign.run(plan, 4, SEED, tmp_path / "out", orders, lambda done, wanted: True)
    table = parquet.read_table(tmp_path / "out" / "runs.parquet").to_pylist()
    assert [row["outcome"] for row in table] == [outcome if run == 2 else "ok" for run in range(4)]
    assert found.summary["outcomes"][outcome] == 1
    assert found.summary["worst"][0]["run"] == 2


def test_workers_that_are_too_few_to_agree_are_refused_at_once(tmp_path):
    with pytest.raises(CampaignError, match="--verify 3 needs as many workers, and there are 2"):
        orders = campaign.Orders(workers=2, verify=3)
        campaign.run(read(tmp_path), 2, SEED, tmp_path / "out", orders, lambda done, wanted: True)


def test_where_too_few_workers_are_left_to_agree_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 1.0)
    plan = read(tmp_path)
    with workers.cluster(None, 1) as client:
        farm = workers.Farm(client, plan, SEED, Folder(tmp_path / "out", plan, SEED, 2))
        with pytest.raises(
            CampaignError, match=r"no 2 workers agree on the runs from 0 to 1: \d answers, 1 workers left"
        ):
            farm.work([workers.Batch(0, 2, needed=2)], lambda came: True)


@pytest.mark.parametrize(
    ("share", "batches", "verified"), [(0.1, 1, 1), (0.1, 20, 2), (0.5, 9, 5), (1.0, 4, 4), (0.0, 9, 0)]
)
def test_the_share_that_is_verified_is_one_batch_at_least(share, batches, verified):
    assert sum(campaign._is_verified(turn, share) for turn in range(batches)) == verified


def test_a_cluster_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr(workers, "ANSWER", 1.0)
    with (
        pytest.raises(CampaignError, match=r"tcp://127\.0\.0\.1:9 does not answer within 1 s"),
        workers.cluster("tcp://127.0.0.1:9", None),
    ):
        pass


@pytest.mark.parametrize("name", ["karyon", "numpy", "cpu_features"])
def test_workers_that_need_not_have_the_same_bits_are_refused(name):
    workers.refuse_unlike({"tcp://a:1": machine()}, machine())
    with pytest.raises(CampaignError, match=f"tcp://b:2 is refused: {name} other, here"):
        workers.refuse_unlike({"tcp://a:1": machine(), "tcp://b:2": machine() | {name: "other"}}, machine())


def test_a_worker_that_came_later_with_another_version_is_refused(tmp_path):
    plan = read(tmp_path)
    farm = workers.Farm(None, plan, SEED, Folder(tmp_path / "out", plan, SEED, 4))
    batch = workers.Batch(0, 4)
    answer = workers.Answer("tcp://b:2", machine() | {"karyon": "0.0.1"}, rows.table(plan, plan.runs(SEED, 4, 0, 4)))
    farm._active = {Over(answer): (batch, "")}
    with pytest.raises(CampaignError, match=r"tcp://b:2 is refused: karyon 0\.0\.1, here"):
        farm._take(next(iter(farm._active)))
    assert not list(farm._folder.parts.iterdir())


class Over:
    """A future that is over."""

    status = "finished"

    def __init__(self, answer):
        self.answer = answer

    def exception(self, timeout):
        return None

    def result(self, timeout):
        return self.answer


def test_a_file_that_is_another_one_on_a_worker_is_refused(tmp_path):
    recording = tmp_path / "drive.csv"
    recording.write_text("t,v\n" + "".join(f"{i / 10},{20 + i % 7}\n" for i in range(300)))
    leader = "{recording: drive.csv, columns: {time: t, speed: v}}"
    plan = read(tmp_path, f"scenario: acc_recorded\nsettings: {{duration: 1 s, leader: {leader}}}\n")
    assert workers.compute(plan, SEED, 2, 0, 2).rows.num_rows == 2
    recording.write_text(recording.read_text() + "30,20\n")
    workers._hash.cache_clear()
    with pytest.raises(CampaignError, match="is not the file that the plan was read with"):
        workers.compute(plan, SEED, 2, 0, 2)
