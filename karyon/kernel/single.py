"""Formulas of a single row, of plain numbers: an array of one number costs NumPy ten times what the number costs.

    of_one   a formula of a state, as `elementwise` has them, for arrays of one row: the same results

Python's numbers are those of NumPy: the same doubles, and integers, which no formula lets leave int64. They know no `~`
for what is true or false, and do not divide by 0: a formula that is used here does neither.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import repeat
from math import isfinite, isnan
from types import FunctionType
from typing import Any

import numpy as np

from karyon.kernel import elementwise

Reader = Callable[[], Any]
FUNCTIONS = 256  # that are remembered


def _where(condition: Any, one: Any, other: Any) -> Any:
    return one if condition else other


def _minimum(one: Any, other: Any) -> Any:
    return one if one < other or isnan(one) else other


def _maximum(one: Any, other: Any) -> Any:
    return one if one > other or isnan(one) else other


def _each(formula: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """Tables are plain tuples here, and what is named is no table."""
    return tuple(map(formula, *[given if type(given) is tuple else repeat(given) for given in arguments]))


NUMBERS: dict[Any, Any] = {
    elementwise.where: _where,
    elementwise.minimum: _minimum,
    elementwise.maximum: _maximum,
    elementwise.isfinite: isfinite,
    elementwise.each: _each,
    elementwise.anywhere: any,
    np.int8: int,
    np.int16: int,
}
"""What stands for the functions and types of formulas."""


def of_one(formula: Callable[..., Any]) -> Callable[..., Any]:
    """The formula for arrays (1,) and tables (level, 1). The state, its first argument, is written on and returned."""
    run = _for_numbers(formula)
    readers: list[tuple[Any, Reader]] = []

    def of_arrays(*arguments: Any) -> Any:
        if not readers:
            readers.extend((given, _reader(given)) for given in arguments)
        for place, given in enumerate(arguments):  # who hands over the same arrays again is looked into once
            if given is not readers[place][0]:
                readers[place] = given, _reader(given)
        after = run(*[read() for _, read in readers])
        _write(arguments[0], after[0])
        return after._replace(**{after._fields[0]: arguments[0]})

    return of_arrays


@lru_cache(maxsize=FUNCTIONS)
def _for_numbers(function: Callable[..., Any]) -> FunctionType:
    """The function, with what stands for numbers in place of what it calls, and so on in what it calls."""
    names = dict(function.__globals__)
    own = FunctionType(function.__code__, names, function.__name__)
    for name in function.__code__.co_names:
        called = names.get(name)
        if isinstance(called, type | FunctionType) and called in NUMBERS:
            names[name] = NUMBERS[called]
        elif isinstance(called, FunctionType):
            names[name] = _for_numbers(called)
    return own


def _reader(given: Any) -> Reader:
    """What reads the numbers in arrays, each time that it is called: those of a table are a tuple."""
    if isinstance(given, np.ndarray):
        flat = given[:, 0] if given.ndim > 1 else given
        return (lambda: tuple(flat.tolist())) if given.ndim > 1 else given.item
    if isinstance(given, tuple):
        kind: Any = type(given)
        readers = [_reader(each) for each in given]
        return lambda: kind._make([read() for read in readers])
    return lambda: given


def _write(state: Any, after: Any) -> None:
    for own, new in zip(state, after, strict=True):
        if isinstance(own, tuple):
            _write(own, new)
        elif own.ndim > 1:
            own[:, 0] = new
        else:
            own[0] = new
