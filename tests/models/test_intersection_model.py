"""Reservation of a crossing as a Promela model: spin goes through every loss pattern of three cars and two slots."""

from pathlib import Path

import pytest

from tests.models.spin import checked, needed

MODEL = Path(__file__).with_name("intersection.pml")

pytestmark = needed


@pytest.mark.requirement("XFR3")
def test_no_two_cars_use_one_slot_and_nobody_waits_for_ever(tmp_path):
    """Both are assertions of the model; every state was reached."""
    said = checked(MODEL.read_text(), tmp_path)
    assert "errors: 0" in said
    assert "max search depth too small" not in said
    assert int(said.split("states, stored")[0].split()[-1]) > 10_000


@pytest.mark.parametrize(
    ("rule", "instead"),
    [
        ("!grant[i * N + j] && heard[i * N + j] != slot[i] ->", "!grant[i * N + j] ->"),  # nobody grants its own slot
        ("j < i && slot[i] && !bound[i]", "false && slot[i] && !bound[i]"),  # of two, one gives way
    ],
)
def test_each_rule_is_needed(tmp_path, rule, instead):
    """Without it the model fails: so it can fail."""
    model = MODEL.read_text()
    assert model.count(rule) == 1
    assert "assertion violated" in checked(model.replace(rule, instead), tmp_path)
