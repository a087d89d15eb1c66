"""What formulas are made of, against the numbers of plain Python, one after the other."""

import math
from math import inf, nan

import numpy as np
import pytest

from karyon.kernel import elementwise

ONE, OTHER = [1.0, -2.5, nan, nan, 3.5, -inf, 2.5], [2.0, -3.0, 1.0, nan, 3.5, inf, -0.5]


def larger_known(one, other):
    return other if math.isnan(one) else one if math.isnan(other) or one >= other else other


def smaller(one, other):
    return nan if math.isnan(one) or math.isnan(other) else min(one, other)


def larger(one, other):
    return nan if math.isnan(one) or math.isnan(other) else max(one, other)


@pytest.mark.parametrize(("name", "plain"), [("greater", larger_known), ("minimum", smaller), ("maximum", larger)])
def test_of_two_numbers(name, plain):
    found = getattr(elementwise, name)(np.array(ONE), np.array(OTHER))
    np.testing.assert_array_equal(found, [plain(one, other) for one, other in zip(ONE, OTHER, strict=True)])


@pytest.mark.parametrize(("name", "plain"), [("at_most", smaller), ("at_least", larger)])
def test_of_a_limit_and_a_number(name, plain):
    """The limit is one, the number may be NaN."""
    for limit in filter(math.isfinite, ONE):
        found = getattr(elementwise, name)(limit, np.array(OTHER))
        np.testing.assert_array_equal(found, [plain(limit, other) for other in OTHER])


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("isnan", [nan, inf, 0.0], [True, False, False]),
        ("isfinite", [nan, inf, -inf, 0.0], [False, False, False, True]),
        ("sqrt", [4.0, 0.0], [2.0, 0.0]),
        ("floor", [1.5, -1.5, 2.0], [1.0, -2.0, 2.0]),
        ("rint", [0.5, 1.5, -0.6], [0.0, 2.0, -1.0]),
    ],
)
def test_of_one_number(name, given, expected):
    assert getattr(elementwise, name)(np.array(given)).tolist() == expected


def test_where_takes_the_one_or_the_other():
    assert elementwise.where(np.array([True, False]), 1.0, 2.0).tolist() == [1.0, 2.0]


def test_of_a_table_each_row_takes_its_place():
    """The places differ from the rows, so that neither can stand for the other."""
    table, place = np.array([[10, 11], [20, 21], [30, 31]]), np.array([2, 0])
    assert elementwise.of(place, table).tolist() == [30, 11]
    assert elementwise.of_design(place, np.array([[7], [8], [9]])).tolist() == [9, 7]


def test_least_is_that_of_a_kind_or_of_none():
    table = np.array([[3, 5], [4, 9]])
    assert elementwise.least(table, 4).tolist() == [3, 4]
    assert elementwise.least(table[:0], 4).tolist() == [4, 4]


def test_anywhere_is_any_of_a_kind():
    assert elementwise.anywhere(np.array([[True, False], [False, False]])).tolist() == [True, False]
