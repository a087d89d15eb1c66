"""The lane change protocol as a Promela model: spin goes through every pattern of lost and late words of three cars."""

from pathlib import Path

import pytest

from tests.models.spin import checked, needed

MODEL = Path(__file__).with_name("lane_change.pml")

pytestmark = needed


def test_no_two_have_one_gap_and_the_one_that_waits_longest_gets_it(tmp_path):
    """Never two, a grant binds until it expires, no deadlock, a bounded wait: assertions; every state was reached."""
    said = checked(MODEL.read_text(), tmp_path)
    assert "errors: 0" in said
    assert "max search depth too small" not in said
    assert int(said.split("states, stored")[0].split()[-1]) > 10_000


@pytest.mark.parametrize(
    ("rule", "instead"),
    [
        ("&& car[i].bound == NOBODY && car[i].state != RESERVED", "&& car[i].state != RESERVED"),  # one grant at a time
        ("grants == i && granted == car[i].number", "grants == i"),  # of this request, and of no other
        ("car[i].bound_until = until;", "car[i].bound_until = 1;"),  # until the expiry
        ("(car[i].state == IDLE || j < i)", "(car[i].state == IDLE)"),  # who has waited longer goes first
    ],
)
def test_each_rule_is_needed(tmp_path, rule, instead):
    """Without it the model fails: so it can fail."""
    model = MODEL.read_text()
    assert model.count(rule) == 1
    assert "assertion violated" in checked(model.replace(rule, instead), tmp_path)
