"""Safety cases: the shipped one has no gap, and each way to spoil it is told, with its place."""

import pytest

from karyon.evidence import case, gaps, hara, trace
from karyon.sim.documents import InputError
from karyon.sim.shipped import SHIPPED

DESIGNS = sorted(path for path in (SHIPPED / "safety").glob("*.yaml") if case.named_case(path))


@pytest.fixture(scope="module")
def tests():
    return trace.tests(trace.own_tests())


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_a_shipped_case_has_no_gap(path, tests):
    """Every cell looked at, every hazard rated, every requirement carried, every bound within its FTTI."""
    of = case.read(path)
    assert gaps.find(of, tests) == []
    assert not any(cell.is_empty for cell in hara.table(of.case))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("events: {HE1: {asil: D}}", "HE1: is S3 E4 C2, which is C, and not D"),
        ("events: {HE1: {goal: null}}", "HE1: has ASIL C and no safety goal"),
        ("events: {HE7: {situation: queue}}", "unintended_braking: is not rated in situation tailgated"),
        ("goals: {SG1: {asil: B}}", "SG1: has ASIL B, and its events have C at most"),
        ("goals: {SG2: {watched: [collision]}}", "hazard bad_data_in_command of the design belongs to no goal"),
        ("goals: {SG1: {ftti: 300 ms}}", "SG1: has FTTI 0.3 s, and hazard collision of the design has 1 s"),
        (
            "goals: {SG1: {ftti: 300 ms}}",
            "SG1: front.distance, delay, jitter, omission: up to 0.465 s, and the FTTI is 0.3 s",
        ),
        ("requirements: {FSR5: {goals: [SG1], asil: C}}", "SG3: is a goal without a requirement"),
        ("requirements: {TSR5: {asil: B}}", "TSR5: ASIL B is below C, that of its goal"),
        ("requirements: {TSR5: {asil: B(C)}}", "TSR5: ASIL B(C) is that of a decomposition, and there is none"),
        ("requirements: {TSR5: {refines: []}}", "TSR5: serves no safety goal"),
        (
            "events: {HE8: {exposure: E4, asil: D}}",
            "HE12: has E3 in situation hard_braking, and HE8 has E4 in the same one",
        ),
        ("dual_failures: {DF1: {item: own.speed}}", "DF1: own.speed is seen in time, whoever is heard"),
        (
            "dual_failures: {DF1: {item: own.speed}}",
            "front.relative_speed while no message is heard: up to 1.765 s, and the FTTI is 1 s: no entry says",
        ),
        ("requirements: {FSR5: {assumed: []}}", "FSR5: is a requirement without a test, a claim, or who else shows it"),
        (
            "requirements: {TSR3: {guards: []}}",
            "LoS 2: no requirement speaks of the rule `validity(lead.message) >= 0.8`",
        ),
        ("situations: {fog: In fog}", "the cell follow × no × fog names neither a hazard nor why there is none"),
        ("hazards: {fire: It burns}", "fire: comes from no cell of the HAZOP table"),
        ("argument: {G2: {supported_by: []}}", "G2: is supported by nothing"),
        ("argument: {St1: {supported_by: [G2, G3]}}", "G4: belongs to no part of the argument"),
        ("argument: {Sn1: {shown_by: []}}", "Sn1: is a solution that nothing shows"),
    ],
    ids=lambda text: text[:50],
)
def test_a_gap_is_told_with_its_place(text, said, spoilt, tests):
    """Each by its subject, its reason, and file:line."""
    found = [str(gap) for gap in gaps.find(case.read(spoilt(text)), tests)]
    assert any(said in gap for gap in found), found
    assert all(gap.split(":")[1].isdecimal() for gap in found)


SPLIT = (
    "decompositions: {D1: {requirement: FSR4, into: [TSR1, TSR4], redundancy: Either is enough, independence: Apart}}\n"
    "requirements: {TSR1: {asil: B(C), allocation: radar unit}, TSR4: {asil: A(C), allocation: watchdog}}"
)


def test_a_decomposition_into_two_that_are_redundant_is_no_gap(spoilt, tests):
    """Both refine the whole, each has its own element and data, and no common cause reaches both."""
    assert gaps.find(case.read(spoilt(SPLIT)), tests) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("asil: B(C)", "asil: A(C)", "D1: C cannot be decomposed into A(C) and A(C)"),
        ("FSR4, into", "FSR2, into", "D1: TSR4 does not refine FSR2, so it cannot fulfil it alone"),
        (
            "allocation: watchdog",
            "allocation: radar unit",
            "D1: both parts are allocated to one element, radar unit: they are not independent",
        ),
        (
            "{asil: A(C), ",
            "{asil: A(C), guards: [front.distance, radio], ",
            "D1: both parts rest on front.distance: one",
        ),
        (
            "{asil: A(C), ",
            "{asil: A(C), guards: [own.speed, radio], ",
            "D1: CC3 reaches both parts, and nothing says why",
        ),
    ],
)
def test_a_decomposition_into_what_is_not_redundant_is_a_gap(before, after, said, spoilt, tests):
    """[ISO 26262-9, 5.4]"""
    found = [str(gap) for gap in gaps.find(case.read(spoilt(SPLIT.replace(before, after))), tests)]
    assert any(said in gap for gap in found), found


def test_a_common_cause_that_is_argued_is_no_gap(spoilt, tests):
    """With the reason why both parts do not fail by it."""
    text = SPLIT.replace("{asil: A(C), ", "{asil: A(C), guards: [own.speed, perception, control, radio], ")
    text = text.replace("independence: Apart", "independence: Apart, shared: {CC3: Each has a clock of its own}")
    assert gaps.find(case.read(spoilt(text)), tests) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("odd: {fog: {text: Thick, quantity: leader.speed, range: [50, 0]}}", "odd.fog has an empty range"),
        ("odd: {fog: {text: Thick, quantity: leader.speed}}", "odd.fog is half a range"),
        ("events: {HE1: {severity: S4}}", "events.HE1.severity is one of S0, S1, S2, S3, found S4"),
        ("events: {HE1: {hazard: too_closed}}", "there is no hazard `too_closed`"),
        ("claims: {C1: {below: 2}}", "claims.C1.below"),
        ("claims: {C1: {violates: [collisoin]}}", "there is no hazard of the design `collisoin`"),
        ("requirements: {TSR1: {guards: [front.distanse]}}", "there is no signal, component or peer `front.distanse`"),
        ("goals: {SG1: {safestate: none}}", "has no field `safestate`"),
        ("dependent_failures: {CC1: {items: {front.distance: drifts}}}", "`drifts`"),
        ("assumptions: 3", "assumptions is a mapping of names, found 3"),
    ],
    ids=lambda text: text[:50],
)
def test_a_bad_case_is_refused_at_its_place(text, said, spoilt):
    """As a bad scenario is: file, line, column, and what was meant."""
    with pytest.raises(InputError) as refused:
        case.read(spoilt(text))
    told = str(refused.value)
    assert said in told
    assert "case.yaml:2:" in told


def test_a_design_without_a_case_is_refused():
    """It says which field would name one."""
    with pytest.raises(InputError, match="no safety case"):
        case.read(SHIPPED / "safety" / "hil_desk.yaml")
