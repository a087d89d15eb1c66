"""What a vehicle proposes and has agreed to, in full: every level, heard or missed. The protocol: tests/cooperation."""

from itertools import product

import numpy as np
import pytest

from karyon.kernel.cooperative import CooperativeLevel

LEVELS = range(-1, 5)


def each(numbers):
    return np.array(numbers, dtype=np.int8)


@pytest.mark.parametrize("base", [0, 1, 2])
def test_nothing_is_agreed_at_first(base):
    """And nothing is proposed that needs others."""
    level = CooperativeLevel(3, base)
    assert level.agreed.tolist() == [base] * 3
    assert level.missed.tolist() == [True] * 3
    assert level.missed.dtype == np.bool_
    assert level.propose(each([0, 1, 4])).tolist() == [base] * 3


@pytest.mark.parametrize("base", [0, 1, 2])
def test_who_has_proposed_nothing_agrees_to_the_base(base):
    """Whatever the others say, in every row."""
    level = CooperativeLevel(3, base)
    assert level.close(np.ones(3, dtype=bool), each([0, 2, 4])).tolist() == [base] * 3
    assert level.close(np.ones(3, dtype=bool), each([4, 4, 4])).dtype == np.int8


@pytest.mark.parametrize("base", [0, 1, 2])
def test_who_heard_all_proposes_what_its_rules_admit_from_the_base_on(base):
    level = CooperativeLevel(len(LEVELS), base)
    level.close(np.ones(len(LEVELS), dtype=bool), each([4] * len(LEVELS)))
    assert level.propose(each(LEVELS)).tolist() == [max(base, admitted) for admitted in LEVELS]


@pytest.mark.parametrize("base", [0, 1, 2])
def test_who_missed_one_proposes_the_base(base):
    """In the one round after; then what its rules admit again."""
    level = CooperativeLevel(2, base)
    level.close(np.array([True, False]), each([4, 4]))
    assert level.missed.tolist() == [False, True]
    assert level.propose(each([4, 4])).tolist() == [4, base]
    level.close(np.array([True, True]), each([4, 4]))
    assert level.propose(each([4, 4])).tolist() == [4, 4]


@pytest.mark.parametrize("base", [0, 1, 2])
def test_the_lowest_that_was_said_is_agreed_where_all_were_heard(base):
    """Never more than what the row itself has said, never less than the base."""
    cases = list(product(LEVELS, LEVELS, [False, True]))
    admitted, lowest = each([case[0] for case in cases]), each([case[1] for case in cases])
    complete = np.array([case[2] for case in cases])
    level = CooperativeLevel(len(cases), base)
    level.close(np.ones(len(cases), dtype=bool), lowest)
    level.propose(admitted)
    expected = [max(base, min(max(base, own), said)) if all_heard else base for own, said, all_heard in cases]
    assert level.close(complete, lowest).tolist() == expected
    assert level.agreed.tolist() == expected


def test_who_begins_anew_has_heard_nothing():
    level = CooperativeLevel(2, 1)
    everyone = np.array([True, True])
    level.close(everyone, each([3, 3]))
    level.propose(each([3, 3]))
    level.close(everyone, each([3, 3]))
    level.forget(np.array([True, False]))
    assert level.agreed.tolist() == [1, 3]
    assert level.missed.tolist() == [True, False]
    assert level.propose(each([3, 3])).tolist() == [1, 3]


def test_levels_are_small_numbers():
    """int8, as all levels of the kernel."""
    level = CooperativeLevel(1, 1)
    assert level.agreed.dtype == np.int8
    assert level.propose(each([2])).dtype == np.int8
    assert level.close(np.array([True]), each([2])).dtype == np.int8
