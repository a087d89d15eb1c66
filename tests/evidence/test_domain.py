"""The operational design domain against what plans sample of it."""

import pytest

from karyon.evidence import case, domain
from karyon.evidence.domain import Compared
from tests.evidence.conftest import DESIGN


@pytest.mark.parametrize(
    ("sampled", "share", "word"),
    [
        (None, 0.0, "nothing"),
        ((60, 70), 0.0, "nothing"),
        ((30, 30), 0.0, "beyond"),
        ((0, 25), 0.5, "beyond"),
        ((10, 60), 0.8, "beyond"),
        ((-5, 70), 1.0, ""),
    ],
)
def test_the_share_is_what_of_the_stated_range_was_sampled(sampled, share, word):
    """One speed is a part without a length, and not nothing."""
    stated = case.Condition(text="slow and fast", quantity="leader.speed", range=(0, 50))
    one = Compared(stated, sampled)
    assert one.share == pytest.approx(share)
    assert (one.is_nothing, one.is_beyond) == (word == "nothing", word == "beyond")


def test_the_shipped_domain_is_held_against_the_runs(collected):
    """Half of the speeds, and most of the decelerations; without runs, nothing of what has a range."""
    found = domain.compared(collected.design.case, collected.campaigns)
    assert found["speed"].in_words == "0 to 50 m/s, sampled 0 to 25: 50 %"
    assert found["radar"].in_words == "80 to 150 m, sampled 150 only: 0 %"
    assert found["car ahead"].share == pytest.approx(5 / 6)
    assert [name for name, one in found.items() if one.is_nothing] == []
    untried = domain.compared(case.read(DESIGN).case, [])
    assert {name for name, one in untried.items() if one.is_nothing} == {"speed", "car ahead", "radar", "radio"}
