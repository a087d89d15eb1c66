"""What elementwise formulas are made of: numbers in, numbers out, no index, no object, no branch but a `where`.

The same source runs in NumPy on whole arrays, and compiled for one row after the other (`karyon.compiled`). States are
named tuples of numbers or of arrays. Besides `+ - * /`, `abs` and comparisons, the functions here are all that is used:
they give the same bits both ways.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def where(condition: Any, one: Any, other: Any) -> Any:
    """`one` where the condition holds, and `other` elsewhere."""
    return np.where(condition, one, other)


def minimum(one: Any, other: Any) -> Any:
    """The lesser; NaN where either is."""
    return np.minimum(one, other)


def maximum(one: Any, other: Any) -> Any:
    """The greater; NaN where either is."""
    return np.maximum(one, other)


def sqrt(number: Any) -> Any:
    """The square root; NaN of what is below 0."""
    return np.sqrt(number)


def floor(number: Any) -> Any:
    """The whole number below."""
    return np.floor(number)
