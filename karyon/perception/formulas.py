"""What elementwise formulas are made of: numbers in, numbers out, no index, no object, no branch but a `where`.

The same source runs in NumPy on whole arrays, and compiled for one row after the other (`karyon.compiled`). States are
named tuples of numbers or of arrays. Besides `+ - * /`, `abs` and comparisons, the functions here are all that is used:
they give the same bits both ways.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Formula = TypeVar("Formula", bound=Callable[..., Any])


class Compiler(Protocol):
    """Makes a formula faster, as `karyon.compiled` does."""

    def __call__(self, formula: Formula) -> Formula:
        """The same formula, with the same bits."""


def where(condition: Any, one: Any, other: Any) -> Any:
    """`one` where the condition holds, and `other` elsewhere."""
    return np.where(condition, one, other)


def minimum(one: Any, other: Any) -> Any:
    """The lesser; NaN where either is."""
    return np.minimum(one, other)


def maximum(one: Any, other: Any) -> Any:
    """The greater; NaN where either is."""
    return np.maximum(one, other)


def lesser(one: Any, other: Any) -> Any:
    """The lesser; where one of the two is NaN, the other."""
    return np.fmin(one, other)


def greater(one: Any, other: Any) -> Any:
    """The greater; where one of the two is NaN, the other."""
    return np.fmax(one, other)


def isnan(number: Any) -> Any:
    """Whether it is no number."""
    return np.isnan(number)


def sqrt(number: Any) -> Any:
    """The square root; NaN of what is below 0."""
    return np.sqrt(number)


def floor(number: Any) -> Any:
    """The whole number below."""
    return np.floor(number)
