"""Text to rule and back; and what a user is told about a rule that cannot be read."""

import sys
from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.kernel import (
    Age,
    Alive,
    And,
    AtLeast,
    Cooperation,
    Not,
    Or,
    RuleError,
    Spread,
    Validity,
    Within,
    parse,
    text,
)
from karyon.kernel.quantities import nearest
from karyon.kernel.rules import DEEPEST

A, B, C = Alive("a"), Alive("b"), Alive("c")


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("validity(front.distance) >= 0.8", Validity("front.distance", 0.8)),
        ("age(lead.message) <= 300 ms", Age("lead.message", 0.3)),
        ("age(lead.message) <= 300ms", Age("lead.message", 0.3)),
        ("age(lead.message) <= 0.3", Age("lead.message", 0.3)),
        ("age(x) <= 3e8 ns", Age("x", 0.3)),
        ("age(x) <= 250000 us", Age("x", 0.25)),
        ("age(x) <= 1.5 min", Age("x", 90.0)),
        ("age(x)<=.5s", Age("x", 0.5)),
        ("alive(perception)", Alive("perception")),
        ("cooperation(lead) >= 2", Cooperation("lead", 2)),
        ("spread(front.distance) <= 50 cm", Spread("front.distance", 0.5)),
        ("spread(own.speed) <= 3.6 km/h", Spread("own.speed", 1.0)),
        ("within(own.speed, -1 m/s, 36 km/h)", Within("own.speed", -1.0, 10.0)),
        ("within(road.curvature, -0.02 1/m, +0.02 1/m)", Within("road.curvature", -0.02, 0.02)),
        ("within(heading, 0 deg, 180 deg)", Within("heading", 0.0, pi)),
        ("within(load, 0, 80 %)", Within("load", 0.0, 0.8)),
        ("within(own.acceleration, -3.5 m/s2, 2)", Within("own.acceleration", -3.5, 2.0)),
        ("alive(a) and alive(b) and alive(c)", And((A, B, C))),
        ("alive(a) or alive(b) and alive(c)", Or((A, And((B, C))))),
        ("(alive(a) or alive(b)) and alive(c)", And((Or((A, B)), C))),
        ("not alive(a) and alive(b)", And((Not(A), B))),
        ("not not (alive(a))", Not(Not(A))),
        ("at_least(2, alive(a), alive(b) or alive(c), alive(c))", AtLeast(2, (A, Or((B, C)), C))),
        pytest.param("\n  alive ( a )\tand\nalive(b)  ", And((A, B)), id="white space"),
        ("age(x) <= 0.3 and alive(a)", And((Age("x", 0.3), A))),
        ("age(x) <= 300 ms or alive(a)", Or((Age("x", 0.3), A))),
        ("alive(not)", Alive("not")),
        ("validity(validity) >= 1", Validity("validity", 1.0)),
    ],
)
def test_parse_reads(written, rule):
    assert parse(written) == rule


@pytest.mark.parametrize(
    ("rule", "canonical"),
    [
        (Age("x", 0.3), "age(x) <= 300 ms"),
        (Age("x", 0.0005), "age(x) <= 0.5 ms"),
        (Age("x", 1), "age(x) <= 1 s"),
        (Age("x", 0.0), "age(x) <= 0 s"),
        (Age("x", 1e-300), "age(x) <= 1e-300 s"),
        (Age("x", 1e-6), "age(x) <= 0.001 ms"),
        (Spread("x", 1e-6), "spread(x) <= 0.000001"),
        (Spread("x", 9.9e15), "spread(x) <= 9900000000000000"),
        (Spread("x", 1e16), "spread(x) <= 1e+16"),
        (Validity("x", 0.8), "validity(x) >= 0.8"),
        (Validity("x", 1), "validity(x) >= 1"),
        (Within("x", -1e20, 1e-9), "within(x, -1e+20, 1e-09)"),
        (Within("x", -2.50, 100.0), "within(x, -2.5, 100)"),
        (Spread("x", 0.25), "spread(x) <= 0.25"),
        (Cooperation("p", 2), "cooperation(p) >= 2"),
        (Not(And((A, B))), "not (alive(a) and alive(b))"),
        (Or((And((A, B)), C)), "(alive(a) and alive(b)) or alive(c)"),
        (And((A, Not(B))), "alive(a) and not alive(b)"),
        (AtLeast(1, (A, Or((B, C)))), "at_least(1, alive(a), alive(b) or alive(c))"),
    ],
)
def test_text_is_canonical(rule, canonical):
    assert text(rule) == canonical


NAMES = st.sampled_from(["front.distance", "lead.message.speed", "x", "_1", "and", "not", "or", "at_least", "age"])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
RANGES = st.tuples(FINITE, FINITE).map(sorted)
LEAVES = st.one_of(
    st.builds(Validity, NAMES, st.floats(0, 1)),
    st.builds(Age, NAMES, st.floats(0, allow_infinity=False)),
    st.builds(Alive, NAMES),
    st.builds(Cooperation, NAMES, st.integers(0, 127)),
    st.builds(Spread, NAMES, st.floats(0, allow_infinity=False)),
    st.builds(lambda name, ends: Within(name, *ends), NAMES, RANGES),
)


def joined(terms):
    several = st.lists(terms, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Not, terms),
        st.builds(And, several),
        st.builds(Or, several),
        several.flatmap(lambda own: st.builds(AtLeast, st.integers(1, len(own)), st.just(own))),
    )


@given(st.recursive(LEAVES, joined, max_leaves=12))
def test_what_is_written_can_be_read_again(rule):
    assert parse(text(rule)) == rule


PIECES = [
    "validity",
    "age",
    "(",
    ")",
    "x",
    ">=",
    "<=",
    "0.8",
    "300",
    "ms",
    "and",
    "or",
    "not",
    ",",
    "at_least",
    " ",
    "%",
    "1/m",
]


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(PIECES)).map(" ".join), st.lists(st.sampled_from(PIECES)).map("".join)
    )
)
def test_any_text_is_a_rule_or_a_rule_error_inside_the_text(written):
    try:
        rule = parse(written)
    except RuleError as error:
        assert 1 <= error.column <= len(written) + 1
        assert error.message.isprintable()
        assert error.hint.isprintable()
    else:
        assert parse(text(rule)) == rule


@pytest.mark.parametrize(
    ("written", "column", "message", "hint"),
    [
        ("", 1, "expected a term such as `validity(front.distance) >= 0.8`, found the end of the rule", ""),
        ("validty(x) >= 0.8", 1, "unknown term `validty`", "did you mean `validity`?"),
        (
            "alive(a) and foo(x)",
            14,
            "unknown term `foo`",
            "terms: validity age alive cooperation spread within at_least",
        ),
        ("validity(x) > 0.8", 13, "validity is compared by `>=`, found `>`", ""),
        ("age(x) >= 300 ms", 8, "age is compared by `<=`, found `>=`", ""),
        ("age x <= 1", 5, "expected `(`, found `x`", ""),
        ("age(x <= 1", 7, "expected `)`, found `<=`", ""),
        ("age() <= 1", 5, "expected the name of a signal, found `)`", ""),
        ("validity() >= 1", 10, "expected the name of a signal, found `)`", ""),
        ("validity(x) >= much", 16, "expected a number, found `much`", ""),
        ("spread() <= 1", 8, "expected the name of a signal, found `)`", ""),
        ("spread(x) >= 1", 11, "spread is compared by `<=`, found `>=`", ""),
        ("cooperation(p) <= 1", 16, "cooperation is compared by `>=`, found `<=`", ""),
        ("spread(x) <= -1", 1, "a spread limit is a finite number of at least 0, found -1.0", ""),
        ("within(, 0, 1)", 8, "expected the name of a signal, found `,`", ""),
        ("alive()", 7, "expected the name of a component, found `)`", ""),
        ("cooperation() >= 1", 13, "expected the name of a peer, found `)`", ""),
        ("age(x) <= ms", 11, "expected a number, found `ms`", ""),
        ("age(x) <= nan", 11, "expected a number, found `nan`", ""),
        ("age(x) <= -1 ms", 1, "an age limit is a finite duration of at least 0 s, found -0.001", ""),
        ("age(x) <= 1e400", 11, "a number must be finite, found `1e400`", ""),
        ("age(x) <= 1e999999999 ms", 11, "a number must be finite, found `1e999999999`", ""),
        ("age(x) <= 3 sec", 11, "unknown unit `sec`", "units: s ns us ms min"),
        ("age(x) <= 3 m", 11, "expected a quantity in s, found the unit `m`", "units: s ns us ms min"),
        ("within(x, 0, 1 m/ss)", 14, "unknown unit `m/ss`", "did you mean `m/s`?"),
        ("validity(x) >= 80 %", 19, "a validity has no unit, found `%`", "a number from 0 to 1"),
        ("validity(x) >= 1e400", 16, "a number must be finite, found `1e400`", ""),
        ("validity(x) >= 1.5", 1, "a validity is a number from 0 to 1, found 1.5", ""),
        ("cooperation(p) >= 2.5", 19, "expected a whole number (a level of service), found `2.5`", ""),
        ("cooperation(p) >= 200", 1, "a level of service is a whole number from 0 to 127, found 200", ""),
        ("within(x, 2, 1)", 1, "a range goes from low to high, found 2 to 1", ""),
        ("within(x 2, 1)", 10, "expected `,`, found `2`", ""),
        ("alive(a) alive(b)", 10, "expected `and`, `or` or the end of the rule, found `alive`", ""),
        ("alive(a) orr alive(b)", 10, "expected `and`, `or` or the end of the rule, found `orr`", "did you mean `or`?"),
        ("alive(a) nd alive(b)", 10, "expected `and`, `or` or the end of the rule, found `nd`", "did you mean `and`?"),
        (
            "alive(a) and",
            13,
            "expected a term such as `validity(front.distance) >= 0.8`, found the end of the rule",
            "",
        ),
        ("(alive(a)", 10, "expected `)`, found the end of the rule", ""),
        ("at_least(x, alive(a))", 10, "expected a whole number (how many of the terms must hold), found `x`", ""),
        ("at_least(2, alive(a))", 1, "at_least needs a whole number from 1 to its 1 terms, found 2", ""),
        ("at_least(1)", 11, "expected `,`, found `)`", ""),
        pytest.param("age(\x00) <= 1", 5, "expected the name of a signal, found `·`", "", id="not printable"),
    ],
)
def test_a_faulty_rule_is_explained(written, column, message, hint):
    with pytest.raises(RuleError) as caught:
        parse(written)
    assert (caught.value.column, caught.value.message, caught.value.hint) == (column, message, hint)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (None, "nothing"),
        (3, "3"),
        (-(10**40) + 1, "-" + "9" * 40),
        (10**40, "a huge number"),
        (0.5, "0.5"),
        ([], "a list"),
        ((), "a list"),
        ({}, "a mapping"),
        (b"alive(a)", "something else"),
    ],
)
def test_only_a_text_is_read(found, shown):
    with pytest.raises(RuleError, match=f"expected the text of a rule, found {shown}$"):
        parse(found)


@pytest.mark.parametrize(
    ("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "…"), (10**6, "x" * 40 + "…")], ids=["40", "41", "a million"]
)
def test_what_was_found_is_shown_on_one_line(length, shown):
    with pytest.raises(RuleError, match=f"^unknown term `{shown}`$"):
        parse("x" * length)


@pytest.mark.parametrize("around", [("(", ")"), ("not ", ""), ("at_least(1, ", ")")])
def test_nesting_ends_at_a_limit_and_not_in_a_recursion_error(around):
    before, after = around
    deepest = before * DEEPEST + "alive(a)" + after * DEEPEST
    assert parse(text(parse(deepest))) == parse(deepest)
    for deeper in (DEEPEST + 1, 100_000):
        with pytest.raises(RuleError, match="deeper than 50") as caught:
            parse(before * deeper + "alive(a)" + after * deeper)
        assert caught.value.column == len(before) * DEEPEST + 1


def wrapped(rule, times):
    """The rule, two levels deeper each time."""
    for _ in range(times):
        rule = f"alive(b) or alive(c) and ({rule})"
    return rule


@pytest.mark.parametrize(
    ("before", "deep", "place"),
    [
        ("alive(p) and (", wrapped("alive(a) and alive(b)", DEEPEST // 2), len("alive(p) and (")),
        ("alive(p) and not (", wrapped("alive(a)", DEEPEST // 2), len("alive(p) and ")),
    ],
)
def test_a_tree_that_is_too_deep_is_refused_where_its_uppermost_term_begins(before, deep, place):
    """`and` and `or` deepen the tree without a bracket, so the data classes find it out."""
    with pytest.raises(RuleError, match="deeper than 50") as caught:
        parse(f"{before}{deep})")
    assert caught.value.column == place + 1


def test_the_deepest_rule_is_read_on_a_stack_that_is_half_used():
    deepest = "at_least(1, " * DEEPEST + "alive(a)" + ")" * DEEPEST

    def down(frames):
        return parse(deepest) if frames == 0 else down(frames - 1)

    assert text(down(sys.getrecursionlimit() // 2)) == deepest


def test_deepest_parentheses_around_a_joined_rule():
    """The parser's own limit is not passed, but the rule would be deeper than the data classes allow."""
    written = "alive(a) and (" * DEEPEST + "alive(a) and alive(a)" + ")" * DEEPEST
    with pytest.raises(RuleError, match="deeper than 50"):
        parse(written)


@pytest.mark.parametrize("term", ["alive(a)", "not alive(a)", "(alive(a))", "at_least(1, alive(a))"])
def test_many_terms_side_by_side_are_not_deep(term):
    assert len(parse(" and ".join([term] * 5000)).terms) == 5000


@pytest.mark.parametrize("term", ["not alive(a)", "(alive(a))", "at_least(1, alive(a))"])
def test_a_term_that_was_closed_is_open_no_more(term):
    assert parse(f"{term} and {'(' * DEEPEST}alive(b){')' * DEEPEST}").terms[1] == B
    with pytest.raises(RuleError, match="deeper than 50"):
        parse(f"{term} and {'(' * (DEEPEST + 1)}alive(b){')' * (DEEPEST + 1)}")


def test_a_converted_number_is_correctly_rounded():
    """The limit is just below the middle of 1 and the next larger float, by less than a 28th digit can tell."""
    assert parse("age(x) <= 1000.0000000000001110223024625156 ms") == Age("x", 1.0)


UNITS = {"own.speed": "m/s"}


def test_a_limit_has_the_unit_of_its_signal():
    assert parse("within(own.speed, 0, 36 km/h)", UNITS) == Within("own.speed", 0.0, 10.0)
    assert parse("spread(other) <= 3 m", UNITS) == Spread("other", 3.0)
    assert parse("within(other, -3 m, 3 m)", UNITS) == Within("other", -3.0, 3.0)
    for written, column in (("within(own.speed, 0 m, 36)", 19), ("within(own.speed, 0, 36 m)", 22)):
        with pytest.raises(RuleError, match="expected a quantity in m/s, found the unit `m`") as caught:
            parse(written, UNITS)
        assert caught.value.column == column
        assert caught.value.hint == "units: m/s km/h kn"


def test_what_looks_like_nothing_has_no_nearest_name():
    assert nearest("zzz", ["front.distance", "own.speed"]) == ""
    assert nearest("front.distence", ["front.distance", "own.speed"]) == "front.distance"
