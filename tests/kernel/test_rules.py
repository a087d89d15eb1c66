"""A rule that cannot mean anything cannot be built, and every use of a rule has a case for every term."""

import re
from math import inf, nan

import numpy as np
import pytest

from karyon.kernel import Age, Alive, And, AtLeast, Cooperation, Not, Or, Spread, Validity, Within, text, verdict
from karyon.kernel.design import Component, Design, Function, Level, Signal, Timing
from karyon.kernel.formula import generate
from karyon.kernel.quantities import shown
from karyon.kernel.rules import DEEPEST, RULES, leaves, parts, signals, sole_signal
from karyon.kernel.runtime import SafetyInformation

DISTANCE = Validity("front.distance", 0.8)
SPEED = Age("own.speed", 0.25)
ALIVE = Alive("perception")
LEAD = Cooperation("lead", 2)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "front.",
        ".front",
        "front distance",
        "1st",
        "front..distance",
        pytest.param("frönt", id="umlaut"),
        pytest.param("a\n", id="end of line"),
        None,
        3,
    ],
)
@pytest.mark.parametrize(
    "build",
    [
        lambda name: Validity(name, 0.8),
        lambda name: Age(name, 0.3),
        Alive,
        lambda name: Cooperation(name, 2),
        lambda name: Spread(name, 1.0),
        lambda name: Within(name, 0.0, 1.0),
    ],
)
def test_a_name_is_a_dotted_identifier(build, name):
    with pytest.raises(ValueError, match=f"dotted identifier .* found {re.escape(shown(name))}$"):
        build(name)


NO_NUMBER = [nan, inf, -inf, 10**400, "0.5", None, True, 1j]


@pytest.mark.parametrize("minimum", [*NO_NUMBER, -0.001, 1.001])
def test_a_validity_is_from_0_to_1(minimum):
    with pytest.raises(ValueError, match=r"^a validity is a number from 0 to 1, found"):
        Validity("front.distance", minimum)


@pytest.mark.parametrize("limit", [*NO_NUMBER, -1e-9])
@pytest.mark.parametrize(
    ("term", "message"),
    [
        (Age, "an age limit is a finite duration of at least 0 s"),
        (Spread, "a spread limit is a finite number of at least 0"),
    ],
)
def test_limits_are_finite_and_not_negative(term, message, limit):
    with pytest.raises(ValueError, match=f"^{message}, found"):
        term("front.distance", limit)


@pytest.mark.parametrize("end", NO_NUMBER)
def test_the_ends_of_a_range_are_finite(end):
    with pytest.raises(ValueError, match=r"^the lower end of a range is a finite number, found"):
        Within("own.speed", end, 1.0)
    with pytest.raises(ValueError, match=r"^the upper end of a range is a finite number, found"):
        Within("own.speed", 0.0, end)


def test_a_range_goes_from_low_to_high():
    with pytest.raises(ValueError, match="found 2 to 1"):
        Within("own.speed", 2.0, 1.0)
    assert Within("own.speed", 1.0, 1.0).low == 1.0


@pytest.mark.parametrize("level", [-1, 128, 1.0, "1", None, True])
def test_an_agreed_level_is_a_whole_number_that_int8_holds(level):
    with pytest.raises(ValueError, match=r"^a level of service is a whole number from 0 to 127, found"):
        Cooperation("lead", level)


def test_the_limits_themselves_can_be_built():
    assert [
        Validity("a", 0),
        Validity("a", 1),
        Age("a", 0),
        Spread("a", 0.0),
        Cooperation("p", 0),
        Cooperation("p", 127),
    ]


@pytest.mark.parametrize("terms", [(), (DISTANCE,), [DISTANCE, SPEED], (DISTANCE, "age"), None, "ab"])
@pytest.mark.parametrize("join", [And, Or])
def test_and_and_or_join_two_or_more_rules(join, terms):
    with pytest.raises(ValueError, match="at least 2 terms"):
        join(terms)


def test_not_takes_a_rule():
    with pytest.raises(ValueError, match="at least 1 terms"):
        Not("age(own.speed) <= 1")


@pytest.mark.parametrize("k", [0, 3, -1, 1.0, True, None])
def test_at_least_asks_for_some_of_its_terms(k):
    with pytest.raises(ValueError, match="from 1 to its 2 terms"):
        AtLeast(k, (DISTANCE, SPEED))


def test_at_least_needs_terms():
    with pytest.raises(ValueError, match="at least 1 terms, found a list"):
        AtLeast(1, ())


def test_rules_nest_so_deep_and_no_deeper():
    rule = DISTANCE
    for _ in range(DEEPEST):
        rule = Not(rule)
    with pytest.raises(ValueError, match="deeper than 50"):
        Not(rule)


def test_equal_rules_are_equal_and_can_be_counted():
    assert Validity("front.distance", 0.8) == DISTANCE
    assert len({DISTANCE, Validity("front.distance", 0.8), SPEED}) == 2


def test_leaves_come_from_left_to_right():
    rule = Or((And((DISTANCE, Not(SPEED))), AtLeast(1, (ALIVE, LEAD))))
    assert list(leaves(rule)) == [DISTANCE, SPEED, ALIVE, LEAD]
    assert parts(rule) == rule.terms
    assert parts(ALIVE) == ()


def test_signals_are_named_once():
    rule = And((DISTANCE, SPEED, Spread("front.distance", 1.0), ALIVE, LEAD, Within("road.curvature", 0.0, 0.1)))
    assert signals(rule) == ("front.distance", "own.speed", "road.curvature")


@pytest.mark.parametrize(
    ("rule", "sole"),
    [
        (DISTANCE, "front.distance"),
        (Not(And((DISTANCE, Age("front.distance", 1.0)))), "front.distance"),
        (And((DISTANCE, SPEED)), None),
        (And((DISTANCE, ALIVE)), None),
        (Or((DISTANCE, LEAD)), None),
        (ALIVE, None),
        (LEAD, None),
    ],
)
def test_a_rule_speaks_of_one_signal_alone_or_not(rule, sole):
    assert sole_signal(rule) == sole


def one_function(rules):
    return Design(
        name="one",
        signals=tuple(Signal(name, "m") for name in ("front.distance", "own.speed")),
        components=(Component("perception", 0.15),),
        peers=("lead",),
        functions=(Function("acc", (Level("stop"), Level("go", tuple(rules)))),),
        timing=Timing(0.02, 0.02, 0.02, 0.002, 0.05),
    )


def test_every_use_of_a_rule_refuses_what_is_none():
    """The last case of each use is unreachable for rules, so it is shown with something else, which it names."""
    design = one_function([DISTANCE])
    with pytest.raises(AssertionError, match="'a rule'"):
        text("a rule")
    with pytest.raises(AssertionError, match="'a rule'"):
        verdict("a rule", SafetyInformation(design, 1), 0)
    for rule in ("a rule", Not.__new__(Not)):
        object.__setattr__(rule, "term", "a rule") if isinstance(rule, Not) else None
        with pytest.raises(AssertionError, match="'a rule'"):
            generate(Function("acc", (Level("stop"), Level("go", (rule,)))), design)


def test_every_kind_of_rule_has_text_verdict_and_formula():
    """A term that is added to the rules and forgotten in one of its uses fails here."""
    examples = [
        DISTANCE,
        SPEED,
        ALIVE,
        LEAD,
        Spread("front.distance", 1.0),
        Within("own.speed", 0.0, 1.0),
        Not(DISTANCE),
        And((DISTANCE, SPEED)),
        Or((DISTANCE, SPEED)),
        AtLeast(1, (DISTANCE, SPEED)),
    ]
    assert {type(rule) for rule in examples} == set(RULES)
    seen = SafetyInformation(one_function(examples), 4)
    for rule in examples:
        assert text(rule)
        found = verdict(rule, seen, 0)
        assert found.certain.shape == found.possible.shape == (4,)
        assert found.certain.dtype == np.bool_
    assert generate(one_function(examples).functions[0], one_function(examples)).source.startswith("def admit(")
