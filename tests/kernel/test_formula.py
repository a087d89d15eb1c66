"""The generated formula is the plain interpreter, for any rules over any data."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.kernel import ABSENT, Age, Alive, And, AtLeast, Cooperation, Not, Or, Spread, Validity, Within, verdict
from karyon.kernel.design import Component, Design, Function, Level, Signal
from karyon.kernel.formula import generate
from karyon.kernel.rules import DEEPEST, sole_signal
from karyon.kernel.runtime import LATEST, Now, SafetyInformation, freshness
from karyon.kernel.timing import Timing

SIGNALS = ("front.distance", "own.speed", "lead.message")
COMPONENTS = ("perception", "radio")
PEERS = ("lead", "leader")
NOW = 2_000_000_000
ROWS = 8

signals, components, peers = map(st.sampled_from, (SIGNALS, COMPONENTS, PEERS))
# few different numbers, so that data often lies exactly on a limit
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])
seconds = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1e12])
quantities = st.sampled_from([-1.0, 0.0, 0.5, 2.0])
leaves = st.one_of(
    st.builds(Validity, signals, shares),
    st.builds(Age, signals, seconds),
    st.builds(Alive, components),
    st.builds(Cooperation, peers, st.sampled_from([0, 1, 2, 127])),
    st.builds(Spread, signals, st.sampled_from([0.0, 0.5, 2.0])),
    st.builds(lambda signal, ends: Within(signal, *sorted(ends)), signals, st.tuples(quantities, quantities)),
)


def joined(terms):
    several = st.lists(terms, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Not, terms),
        st.builds(And, several),
        st.builds(Or, several),
        several.flatmap(lambda own: st.builds(AtLeast, st.integers(1, len(own)), st.just(own))),
    )


rules = st.recursive(leaves, joined, max_leaves=8)
levels = st.lists(st.lists(rules, max_size=3).map(tuple), max_size=4)
times = st.sampled_from(
    [NOW, NOW - 250_000_000, NOW - 500_000_001, NOW + 250_000_000, NOW + 1, 0, ABSENT, ABSENT + 1, LATEST]
)
numbers = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 1e300, nan, inf, -inf])


def in_rows(elements):
    return st.lists(elements, min_size=ROWS, max_size=ROWS).map(np.array)


def design(levels):
    function = Function("acc", (Level("stop"), *(Level(f"go {i}", own) for i, own in enumerate(levels))))
    return Design(
        name="any",
        signals=tuple(Signal(name, "m") for name in SIGNALS),
        components=tuple(Component(name, 0.25) for name in COMPONENTS),
        peers=PEERS,
        functions=(function,),
        timing=Timing(0.02, 0.02, 0.02, 0.002, 0.05),
    )


@st.composite
def information(draw):
    seen = SafetyInformation(design([]), ROWS)
    for name in SIGNALS:
        value, validity, spread, offset = (draw(in_rows(numbers)) for _ in range(4))
        # most data is good: else a rule over several signals is never certain
        good = draw(in_rows(st.booleans()))
        seen.see(name, np.where(good, 0.5, value), draw(in_rows(times)), validity, spread, np.where(good, 0.0, offset))
    for name in COMPONENTS:
        seen.beat(name, draw(in_rows(times)))
    for name in PEERS:
        seen.agree(name, draw(in_rows(st.sampled_from([-1, 0, 1, 2, 127]))))
    return seen


def known_of(seen, now=NOW):
    return {**vars(seen), **freshness(seen, Now.at(now))._asdict()}


def admitted(formula, seen, now=NOW):
    known = known_of(seen, now)
    return formula.admit(*(known[quantity][index] for quantity, index in formula.inputs))


@given(levels, information())
def test_the_formula_is_the_interpreter(levels, seen):
    """Admissible level, first rule that is not certain, and trust, rule by rule and row by row."""
    whole = design(levels)
    function = whole.functions[0]
    formula = generate(function, whole)
    admissible, first, *trust = admitted(formula, seen)
    certain = [verdict(rule, seen, NOW).certain for rule in function.rules]
    for row in range(ROWS):
        doubted = [index for index, each in enumerate(certain) if not each[row]]
        expected = doubted[0] if doubted else len(certain)
        assert np.broadcast_to(first, ROWS)[row] == expected
        highest = max(level for level, end in enumerate(function.ends) if all(end <= index for index in doubted))
        assert np.broadcast_to(admissible, ROWS)[row] == highest
        for signal, own in zip(formula.trusted, trust, strict=True):
            of_signal = [
                each for rule, each in zip(function.rules, certain, strict=True) if sole_signal(rule) == signal
            ]
            assert own[row] == all(each[row] for each in of_signal)
    assert set(formula.trusted) == {sole_signal(rule) for rule in function.rules} - {None}


@given(rules, information())
def test_proven_and_refuted_are_certain_and_impossible(rule, seen):
    found = verdict(rule, seen, NOW)
    for each, expected in ((rule, found.certain), (Not(rule), ~found.possible)):
        whole = design([(each,)])
        admissible, *_ = admitted(generate(whole.functions[0], whole), seen)
        np.testing.assert_array_equal(admissible == 1, expected)


def test_types_of_the_results():
    whole = design([(Age("own.speed", 0.5),), (Alive("radio"), Cooperation("lead", 1)), (Validity("own.speed", 0.5),)])
    results = admitted(generate(whole.functions[0], whole), SafetyInformation(whole, ROWS))
    assert [each.dtype for each in results] == [np.int8, np.int16, np.bool_]


def test_a_traceback_says_that_it_comes_from_rules():
    whole = design([(Alive("radio"),)])
    assert generate(whole.functions[0], whole).admit.__code__.co_filename == "<rules>"


def test_nothing_of_the_users_text_is_in_the_source():
    whole = design([(And((Validity("front.distance", 0.25), Alive("perception"), Cooperation("leader", 1))),)])
    source = generate(whole.functions[0], whole).source
    assert not any(name.split(".")[0] in source for name in (*SIGNALS, *COMPONENTS, *PEERS))


def test_equal_terms_are_evaluated_once():
    rule = Validity("front.distance", 0.25)
    whole = design([(rule,), (rule, Or((rule, Alive("radio"))))])
    assert generate(whole.functions[0], whole).source.count("validity_0 >= 0.25") == 1


def test_the_deepest_rule_compiles():
    rule = Alive("radio")
    for _ in range(DEEPEST // 2):
        rule = Not(AtLeast(1, (rule, Alive("perception"))))
    whole = design([(rule,)])
    seen = SafetyInformation(whole, ROWS)
    seen.beat("radio", NOW)
    seen.beat("perception", 0)
    # at the bottom "radio or perception" is true; each further level joins its negation with a dead component
    admissible, *_ = admitted(generate(whole.functions[0], whole), seen)
    np.testing.assert_array_equal(admissible == 1, verdict(rule, seen, NOW).certain)


def test_a_thousand_rules_compile():
    whole = design([tuple(Within("own.speed", -1.0, float(i)) for i in range(1000))])
    seen = SafetyInformation(whole, ROWS)
    seen.see("own.speed", np.arange(ROWS) * 100.0, NOW)
    _, first, *_ = admitted(generate(whole.functions[0], whole), seen)
    assert first.tolist() == [1000, *([0] * (ROWS - 1))]


def test_a_function_without_rules_admits_level_0():
    whole = design([])
    admissible, first = admitted(generate(whole.functions[0], whole), SafetyInformation(whole, ROWS))
    assert (admissible, first) == (0, 0)


@pytest.mark.parametrize("rule", [Age("ghost", 1.0), Alive("ghost"), Cooperation("ghost", 1)])
def test_an_undeclared_name_is_no_formula(rule):
    whole = design([(rule,)])
    with pytest.raises(KeyError, match="ghost"):
        generate(whole.functions[0], whole)


def row_by_row(condition, yes, no):
    return yes if condition else no


def test_the_same_source_runs_on_single_numbers():
    """What a compiled loop over the rows needs: the same results when every argument is one number."""
    whole = design(
        [(Age("own.speed", 0.5), Not(Spread("own.speed", 1.0))), (AtLeast(1, (Alive("radio"), Alive("perception"))),)]
    )
    formula = generate(whole.functions[0], whole)
    seen = SafetyInformation(whole, 3)
    seen.see("own.speed", 1.0, NOW, spread=[2.0, 0.0, 2.0])
    seen.beat("radio", [NOW, NOW, 0])
    arrays = admitted(formula, seen)
    namespace = {"where": row_by_row, "small": int, "tiny": int, "infinite": inf}
    exec(formula.source, namespace)
    for row in range(3):
        known = known_of(seen)
        single = namespace["admit"](*(known[quantity][index][row].item() for quantity, index in formula.inputs))
        assert list(single) == [each[row] for each in arrays]
