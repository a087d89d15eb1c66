"""The agreement as a Promela model: spin goes through every loss pattern, crash and rejoin of three members."""

from pathlib import Path

import pytest

from tests.models.spin import checked, needed

MODEL = Path(__file__).with_name("agreement.pml")

pytestmark = needed


def test_no_two_members_act_apart_for_more_than_a_round_and_all_rise_again(tmp_path):
    """Both are assertions of the model; every state was reached."""
    said = checked(MODEL.read_text(), tmp_path)
    assert "errors: 0" in said
    assert "max search depth too small" not in said
    assert int(said.split("states, stored")[0].split()[-1]) > 1000


@pytest.mark.parametrize(
    ("rule", "instead"),
    [
        ("up[i] && !missed[i] ->", "up[i] ->"),  # who missed one proposes the base next
        ("|| view[j] != view[i])", ")"),  # views must be the same
    ],
)
def test_each_rule_is_needed(tmp_path, rule, instead):
    """Without it the model fails: so it can fail."""
    model = MODEL.read_text()
    assert model.count(rule) == 1
    assert "assertion violated" in checked(model.replace(rule, instead), tmp_path)
