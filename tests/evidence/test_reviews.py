"""Review records are bound to what was reviewed, and to nothing else."""

import pytest

from karyon.evidence import case, reviews
from karyon.evidence import report as content

RECORD = "{{name: A. Person, role: confirmation reviewer, independence: I2, date: 2026-11-30, finding: none, of: {of}}}"


def records(design):
    return {one.id: one.expired for one in reviews.records(case.read(design).case)}


def reviewed(spoilt, ids, text=""):
    """A design whose case has a review of these items as they are shipped, and is then changed by `text`."""
    now = reviews.hashes(case.read(spoilt("")).case)
    of = "{" + ", ".join(f"{each}: '{now[each]}'" for each in ids) + "}"
    return spoilt(f"reviews: {{R1: {RECORD.format(of=of)}}}\n{text}")


def test_a_review_holds_while_nothing_changes(spoilt):
    """Also that of the whole case, to which reviews themselves do not belong."""
    assert records(reviewed(spoilt, ["case", "SG1", "TSR6", "C1", "AU1", "CC1", "HE1", "DF1"])) == {"R1": ()}


@pytest.mark.parametrize(
    ("text", "expired"),
    [
        ("requirements: {TSR6: {rationale: Another one.}}", ("case", "TSR6")),
        ("goals: {SG1: {ftti_why: Because.}}", ("case", "SG1")),
        ("odd: {road: {text: Any}}", ("case",)),
    ],
)
def test_a_review_expires_for_what_has_changed(text, expired, spoilt):
    """And for nothing else."""
    assert records(reviewed(spoilt, ["case", "SG1", "TSR6", "C1"], text)) == {"R1": expired}


def test_a_review_of_what_is_not_there_is_refused(spoilt):
    """With its place."""
    of = "{TSR99: '0'}"
    with pytest.raises(case.InputError, match="there is no item of the case `TSR99`"):
        case.read(spoilt(f"reviews: {{R1: {RECORD.format(of=of)}}}"))


def test_the_report_has_the_hashes_that_a_review_needs(collected):
    """Of each item."""
    data = content.content(collected)
    assert data["review_hashes"]["SG1"] == reviews.hashes(collected.design.case)["SG1"]
    assert data["reviews"] == {}
