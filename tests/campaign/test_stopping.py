"""A campaign that ends when it knows enough: after the same run, whatever computes it, and without cheating."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from karyon.campaign import rows, stopping
from karyon.campaign.folder import CampaignError, Folder
from karyon.campaign.statistics import Verdict, confidence_sequence
from tests.campaign.plans import SHORT, read

NUMBER, SEED = 700, 5
WEIGHTED = SHORT.replace("share: 3", "weight: 9").replace("name: messages", "name: messages\n    weight: 1")


class Violating:
    """A folder whose runs violate by chance, and come in pieces."""

    def __init__(self, violated, bad="violated"):
        self.violated, self.there, self.bad = violated, 0, bad
        self.number, self.drops = len(violated), 0

    def rows_from(self, begin):
        outcomes = np.where(self.violated[begin : self.there], self.bad, "ok")
        yield pa.table({"outcome": outcomes})


def test_it_ends_at_the_first_look_that_is_enough_in_whatever_pieces_the_runs_come():
    violated = np.random.default_rng(1).random(5000) < 0.1
    looks = np.arange(stopping.EVERY, 5001, stopping.EVERY)
    low, high = confidence_sequence(np.cumsum(violated)[looks - 1], looks)
    expected = int(looks[np.flatnonzero(high - low <= 0.05)[0]])
    for piece in (1, 37, 100, 999, 5000):
        folder = Violating(violated)
        watch = stopping.Watch(stopping.Width(0.05), folder)
        while not watch.look():
            folder.there += piece
        assert watch.runs == expected
        assert watch.look()
        assert watch.verdict == Verdict.SHOWN


def test_a_claim_is_shown_refuted_or_open():
    for violated, runs, verdict in (
        (np.zeros(1000, dtype=bool), 400, Verdict.SHOWN),  # 3.8 / limit
        (np.ones(1000, dtype=bool), 100, Verdict.REFUTED),
        (np.zeros(300, dtype=bool), None, Verdict.OPEN),
    ):
        folder = Violating(violated)
        folder.there = len(violated)
        watch = stopping.Watch(stopping.Claim(0.01, 0.95), folder)
        watch.look()
        assert (watch.runs, watch.verdict) == (runs, verdict)


@pytest.mark.parametrize("outcome", ["crashed", "hung"])
def test_runs_that_came_to_nothing_show_no_claim(outcome):
    folder = Violating(np.arange(1000) % 4 == 0, outcome)
    folder.there = 1000
    watch = stopping.Watch(stopping.Claim(0.01, 0.95), folder)
    watch.look()
    assert watch.verdict == Verdict.REFUTED


def test_what_a_liar_said_is_forgotten():
    folder = Violating(np.ones(400, dtype=bool))
    folder.there = 100
    watch = stopping.Watch(stopping.Claim(0.01, 0.95), folder)
    assert watch.look()
    assert watch.verdict == Verdict.REFUTED
    folder.violated, folder.there, folder.drops = np.zeros(400, dtype=bool), 400, 1
    assert watch.look()
    assert (watch.verdict, watch.runs) == (Verdict.SHOWN, 400)


def test_the_last_runs_are_looked_at_though_they_are_few():
    folder = Violating(np.ones(50, dtype=bool))
    folder.there = 50
    watch = stopping.Watch(stopping.Claim(0.01, 0.95), folder)
    assert watch.look()
    assert (watch.verdict, watch.runs) == (Verdict.REFUTED, 50)


def test_runs_behind_a_gap_are_not_looked_at(tmp_path):
    plan = read(tmp_path, "scenario: acc_profile\nsampling: random\nsettings: {duration: 100 ms}\n")
    table = rows.table(plan, plan.runs(SEED, 450, 0, 450))
    folder = Folder(tmp_path / "out", plan, SEED, 1000)
    watch = stopping.Watch(stopping.Claim(0.02, 0.95), folder)
    folder.keep(200, table.slice(200, 250))
    assert not watch.look()
    folder.keep(0, table.slice(0, 200))
    assert watch.look()
    assert watch.runs == 200  # 3.8 / 0.02 = 190


@pytest.mark.parametrize(
    ("text", "width", "claim", "said"),
    [
        (SHORT, 0.1, "1e-2@95%", "exclude each other"),
        (SHORT.replace("random", "sobol"), 0.1, None, "needs independent runs: `sampling: random`"),
        (WEIGHTED, 0.1, None, "without `weight`"),
        (SHORT, None, "1e-2", "is LIMIT@CONFIDENCE, such as 1e-4@95%, found 1e-2"),
        (SHORT, None, "1e-2-@95%", "is LIMIT@CONFIDENCE"),
        (SHORT, None, "2@95%", "is a rate between 0 and 1"),
        (SHORT, None, "0.1@100%", "50 to 100 % confidence"),
    ],
)
def test_what_would_cheat_or_makes_no_sense_is_refused(tmp_path, text, width, claim, said):
    with pytest.raises(CampaignError, match=said):
        stopping.stop_of(read(tmp_path, text), width, claim)


def test_the_options_are_read(tmp_path):
    plan = read(tmp_path)
    assert stopping.stop_of(plan, None, None) is None
    assert stopping.stop_of(plan, 0.01, None) == stopping.Width(0.01)
    assert stopping.stop_of(plan, None, "1e-4@95%") == stopping.Claim(1e-4, 0.95)


def test_strata_of_a_random_plan_are_drawn_so_that_its_runs_are_independent(tmp_path):
    names = [run.stratum.name for run in read(tmp_path).runs(SEED, 2000, 0, 2000)]
    share = names.count("distance") / 2000
    assert abs(share - 0.75) < 0.04  # 4 sigma
    same = np.mean([a == b for a, b in pairwise(names)])
    assert abs(same - (0.75**2 + 0.25**2)) < 0.045
