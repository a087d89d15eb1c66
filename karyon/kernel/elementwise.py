"""What elementwise formulas are made of: numbers in, numbers out, no index, no object, no branch but a `where`.

The same source runs in NumPy on whole arrays, and compiled for one row after the other (`karyon.compiled`). States are
named tuples of numbers or of arrays. Besides `+ - * / & | ~`, `abs` and comparisons, the functions here are all that is
used: they give the same bits both ways.

An array is (row,). What a row has several of, one per level or signal, is a table (level, row): to a formula it is one
argument, and `each` gives one of a kind after the other to another formula. What a design says of each level is a
column (level, 1). What is read at any index, by `pick`, is `Whole`.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
FloatTable: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]
TimeTable: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]
BooleanTable: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
LevelTable: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int8]]
Column: TypeAlias = np.ndarray[tuple[int, Literal[1]], np.dtype[np.float64]]
LevelColumn: TypeAlias = np.ndarray[tuple[int, Literal[1]], np.dtype[np.int8]]
IndexColumn: TypeAlias = np.ndarray[tuple[int, Literal[1]], np.dtype[np.int16]]
TimeColumn: TypeAlias = np.ndarray[tuple[int, Literal[1]], np.dtype[np.int64]]
Whole: TypeAlias = np.ndarray[tuple[Any], np.dtype[np.float64]]
WholeTimes: TypeAlias = np.ndarray[tuple[Any], np.dtype[np.int64]]
WholeBooleans: TypeAlias = np.ndarray[tuple[Any], np.dtype[np.bool_]]
WholeTable: TypeAlias = np.ndarray[tuple[Any, Any], np.dtype[np.float64]]
Reaction: TypeAlias = Callable[[int], None]
Reacting: TypeAlias = Callable[[NDArray[np.bool_], int, Reaction], None]
LINE = 64  # bytes that a cache takes together
Formula = TypeVar("Formula", bound=Callable[..., Any])


class Compiler(Protocol):
    """Makes a formula faster, as `karyon.compiled` does."""

    def __call__(self, formula: Formula) -> Formula:
        """The same formula, with the same bits."""


def blank(count: int, rows: int, kind: Any) -> NDArray[Any]:
    """Arrays (row,) for formulas to fill, of numbers of a kind: zeros (of these, row).

    Each begins a line of the cache, an odd number of lines after the one before it: so they spread over all of it,
    where arrays that begin at the same place of a page drive each other out.
    """
    line = LINE // np.dtype(kind).itemsize  # numbers
    width = (-(-rows // line) | 1) * line
    room = np.zeros(count * width + line, dtype=kind)
    begin = -room.ctypes.data % LINE // room.itemsize
    return room[begin : begin + count * width].reshape(count, width)[:, :rows]


def where(condition: Any, one: Any, other: Any) -> Any:
    """`one` where the condition holds, and `other` elsewhere."""
    return np.where(condition, one, other)


def minimum(one: Any, other: Any) -> Any:
    """The lesser; NaN where either is."""
    return np.minimum(one, other)


def maximum(one: Any, other: Any) -> Any:
    """The greater; NaN where either is."""
    return np.maximum(one, other)


def at_most(limit: Any, number: Any) -> Any:
    """The number, but the limit where it is greater: `minimum` of a limit that is known to be no NaN.

    A processor has one instruction for it; to `minimum`, which lets a NaN of either through, a compiler needs four.
    Of a limit that is NaN all the same, who is compiled takes the number: it must not matter there.
    """
    return np.minimum(limit, number)


def at_least(limit: Any, number: Any) -> Any:
    """The number, but the limit where it is less: `maximum` of a limit that is known to be no NaN, as `at_most`."""
    return np.maximum(limit, number)


def greater(one: Any, other: Any) -> Any:
    """The greater; where one of the two is NaN, the other."""
    return np.fmax(one, other)


def isnan(number: Any) -> Any:
    """Whether it is no number."""
    return np.isnan(number)


def isfinite(number: Any) -> Any:
    """Whether it is a number, and not infinite."""
    return np.isfinite(number)


def sqrt(number: Any) -> Any:
    """The square root; NaN of what is below 0."""
    return np.sqrt(number)


def floor(number: Any) -> Any:
    """The whole number below."""
    return np.floor(number)


def rint(number: Any) -> Any:
    """The nearest whole number; halfway the even one."""
    return np.rint(number)


def each(formula: Callable[..., Any], *arguments: Any) -> Any:
    """A table of what a formula says of one of a kind after the other; arguments that are no table are of all."""
    return formula(*arguments)


def anywhere(table: Any) -> Any:
    """Whether it holds of any one."""
    return table.any(axis=0)


def least(table: Any, none: int) -> Any:
    """The least whole number of any one, and of `none`."""
    return table.min(axis=0, initial=none)


def react(found: NDArray[np.bool_], now: int, reaction: Reaction) -> None:
    """Between formulas: where something is so in any row, what follows from that at `now` (ns)."""
    if np.count_nonzero(found):
        reaction(now)


def pick(array: Any, index: Any) -> Any:
    """What stands in an array `Whole`, which is not of this row alone, at an index >= 0."""
    return array.take(index, axis=-1)


def of(place: Any, table: Any) -> Any:
    """Of a table (level, row) what stands at this place of it in each row."""
    return table[place, np.arange(table.shape[-1])]


def of_design(place: Any, table: Any) -> Any:
    """Of a column (level, 1) what stands at this place of it, for each row."""
    return table[place, 0]
