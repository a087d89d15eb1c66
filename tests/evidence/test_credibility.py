"""Credibility of the simulation: the numbers of the case are those of the recordings, and claims beyond them say so."""

from dataclasses import replace

import pytest

from karyon.campaign import plan_file
from karyon.evidence import case, credibility, standing
from karyon.evidence import report as content
from karyon.sim.shipped import SHIPPED
from tests.evidence import credibility as measured


@pytest.fixture(scope="module")
def shipped():
    return case.read(SHIPPED / "safety" / "acc.yaml").case


def test_the_numbers_of_the_models_are_those_of_the_recordings(shipped):
    """To the digits that the case states; the follower's error takes five long runs: `python -m tests.evidence...`."""
    if not measured.DRIVES:
        pytest.skip(f"no recordings in {measured.DATA}; KARYON_DATA says where they are")
    models = shipped.models
    distance, closing, *_ = measured.radar()
    share, in_a_row, by_chance = measured.losses()
    assert round(distance, 3) == models["radar noise"].error
    assert round(closing, 3) == models["relative speed noise"].error
    assert round(measured.wheel()[0], 3) == models["wheel noise"].error
    assert round(max(median for _, median, *_ in measured.delays()), 3) == models["radio delay"].error
    assert (round(in_a_row, 2), round(by_chance, 2)) == (models["radio loss"].error, models["radio loss"].assumed)
    assert models["radio loss"].validated["radio.loss"][1] == round(share, 2)
    speed, braking = measured.leaders()
    assert models["follower"].validated["leader.speed"][1] == pytest.approx(speed, abs=0.05)
    assert 0.0 <= braking - models["follower"].validated["leader.deceleration"][1] < 0.1


@pytest.mark.parametrize(
    ("plan", "quantity", "wanted"),
    [
        ("acc_faults", "leader.speed", (0.0, 25.0)),  # from 25 m/s to between 0 and 20, and back
        ("acc_faults", "leader.deceleration", (1.0, 6.0)),
        ("acc_faults", "radio.loss", None),
        ("platoon_loss", "leader.speed", (0.0, 27.0)),
        ("platoon_loss", "radio.loss", (0.0, 1.0)),  # one of eight shares
    ],
)
def test_what_a_plan_samples_is_read_from_it(plan, quantity, wanted):
    """Over all strata, both ends of what varies, and each of several values."""
    found = credibility.extent(plan_file.read(plan), quantity)
    assert found == wanted or (wanted is None and found == (0.0, 0.0))


def test_a_claim_beyond_what_was_validated_says_so(collected, shipped):
    """On the first page and with the claim; within the range nothing is said."""
    data = content.content(collected)
    said = [point for point in data["summary"]["open"] if "`follower` was validated for" in point]
    assert len(said) == 2
    assert "leader.speed 0 to 25 m/s, and recordings cover 0 to 11.2" in said[0]
    assert all("beyond the range" in claim["said"] for claim in data["summary"]["claims"])
    inside = credibility.Reach("follower", "leader.speed", (1.0, 11.0), (0.0, 11.2))
    outside = replace(inside, sampled=(1.0, 12.0))
    states = [
        standing.of_claim(replace(collected.results[0], state="shown", reach=(each,))) for each in (inside, outside)
    ]
    assert states == [("good", "shown"), ("open", "shown of the model")]
